//! Card numbers in prose: runs of 13 to 19 digits that pass the Luhn check (PCI DSS 4.0 §3; interpretations, row 11).
//!
//! This is a net for accidents, not a proof of absence: digits that are spelt out or split by words pass.

/// Fewest digits of a primary account number (ISO/IEC 7812-1).
const PAN_DIGITS_MIN: usize = 13;
/// Most digits of a primary account number (ISO/IEC 7812-1).
const PAN_DIGITS_MAX: usize = 19;

/// Whether `text` holds a run of 13 to 19 digits, single spaces or dashes between them allowed, that passes Luhn.
pub(super) fn looks_like_card_number(text: &[u8]) -> bool {
    // Most prose has too few digits, which takes a fraction of the time to see.
    if digits(text) < PAN_DIGITS_MIN {
        return false;
    }
    let mut run = Run::default();
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => run.push(byte - b'0'),
            b' ' | b'-' if run.len > 0 && text.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
            _ => {
                if run.is_card_number() {
                    return true;
                }
                run = Run::default();
            }
        }
    }
    run.is_card_number()
}

/// How many digits there are, counted in bytes, which vectors hold many of.
fn digits(text: &[u8]) -> usize {
    let in_one = |part: &[u8]| part.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>();
    text.chunks(u8::MAX.into()).map(|part| usize::from(in_one(part))).sum()
}

/// A run of digits, with the two Luhn sums that its final length may call for.
#[derive(Default)]
struct Run {
    len: usize,
    /// Digits at odd places from the left doubled, and those at even places doubled.
    sums: [u32; 2],
}

impl Run {
    fn push(&mut self, digit: u8) {
        let plain = u32::from(digit);
        let doubled = if plain > 4 { plain * 2 - 9 } else { plain * 2 };
        let odd = self.len % 2;
        self.sums[odd] = self.sums[odd].wrapping_add(doubled);
        self.sums[1 - odd] = self.sums[1 - odd].wrapping_add(plain);
        self.len += 1;
    }

    fn is_card_number(&self) -> bool {
        // Luhn doubles every second digit from the right, so the left-based parity depends on the length.
        (PAN_DIGITS_MIN..=PAN_DIGITS_MAX).contains(&self.len) && self.sums[self.len % 2].is_multiple_of(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_in_prose() {
        for text in [
            "4111111111111111",
            "my card is 4111 1111 1111 1111, please",
            "5500-0055-5555-5559",
            "378282246310005",
            "6304000000000000000 then", // 19 digits
        ] {
            assert!(looks_like_card_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_digits_are_left_alone() {
        for text in [
            "",
            "4111111111111112",
            "call 020 7946 0958",
            "2026-05-28T13:46:11Z",
            "41111111111111110000000000",
            "4111 words 1111 words 1111 1111",
        ] {
            assert!(!looks_like_card_number(text.as_bytes()), "{text}");
        }
    }
}
