//! Envelope identifiers (ULIDs behind a prefix) and nonces, made from randomness that the caller supplies.

use core::fmt;

use crate::time::Timestamp;

/// Prefix of an envelope identifier (OHP §4.6).
pub const ENVELOPE_ID_PREFIX: &str = "cse_";
/// Prefix of a decision identifier (OHP §6.4).
pub const DECISION_ID_PREFIX: &str = "dec_";
/// Length of `cse_` and a ULID's 26 characters.
pub const ENVELOPE_ID_LEN: usize = 30;
/// Random bytes in a ULID.
pub const ULID_RANDOM_LEN: usize = 10;
/// Random bytes in a nonce that we make: twice the 64 bits that OHP §4.6 asks for.
pub const NONCE_RANDOM_LEN: usize = 16;
/// Length of the text of a nonce that we make.
pub const NONCE_LEN: usize = 2 * NONCE_RANDOM_LEN;

/// Crockford's base 32: no I, L, O, U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// An envelope's `id`: `cse_` and a ULID (OHP §4.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnvelopeId([u8; ENVELOPE_ID_LEN]);

impl EnvelopeId {
    /// A new identifier from the moment of construction and ten random bytes.
    pub fn new(now: Timestamp, random: [u8; ULID_RANDOM_LEN]) -> Self {
        let millis = now.millis().clamp(0, (1 << 48) - 1) as u128;
        let value = random.iter().fold(millis, |value, byte| value << 8 | u128::from(*byte));
        let mut text = *b"cse_00000000000000000000000000";
        for (place, digit) in text[ENVELOPE_ID_PREFIX.len()..].iter_mut().rev().enumerate() {
            *digit = CROCKFORD[(value >> (5 * place)) as usize & 31];
        }
        Self(text)
    }

    /// Reads an identifier; `None` unless it is `cse_` and 26 characters of Crockford's alphabet.
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.as_bytes().try_into().ok()?;
        is_prefixed_ulid(text.as_bytes(), ENVELOPE_ID_PREFIX).then_some(Self(id))
    }

    /// The identifier's text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The identifier's text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `text` is `prefix` and 26 characters of Crockford's upper-case alphabet, as the schema's patterns demand.
pub fn is_prefixed_ulid(text: &[u8], prefix: &str) -> bool {
    text.strip_prefix(prefix.as_bytes())
        .is_some_and(|ulid| ulid.len() == 26 && ulid.iter().copied().all(is_crockford))
}

/// Membership by comparison, not by search: this runs for every identifier of every envelope.
const fn is_crockford(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z')
}

/// The text of a nonce, lower-case hexadecimal (OHP §4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_LEN]);

impl Nonce {
    /// A nonce from sixteen random bytes.
    pub fn new(random: [u8; NONCE_RANDOM_LEN]) -> Self {
        let mut text = [0; NONCE_LEN];
        write_hex(&random, &mut text);
        Self(text)
    }

    /// The nonce's text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes `bytes` as lower-case hexadecimal into the front of `text`, which must be at least twice as long; what does
/// not fit is left out.
pub fn write_hex(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Reads exactly `N` bytes of lower-case hexadecimal.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_holds_its_moment_and_its_randomness() {
        let id = EnvelopeId::new(Timestamp::from_millis(1_469_918_176_385), [0xff; 10]);
        assert_eq!(id.as_str(), "cse_01ARYZ6S41ZZZZZZZZZZZZZZZZ");
        assert_eq!(EnvelopeId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn alphabet_is_the_same_written_and_read() {
        let read: std::vec::Vec<u8> = (0..=255).filter(|byte| is_crockford(*byte)).collect();
        assert_eq!(read, CROCKFORD);
    }

    #[test]
    fn identifiers_outside_the_schema_pattern_are_refused() {
        for text in [
            "",
            "cse_",
            "01HZX0R5N9V8W1QYK0XQM3R3K9",
            "cse_01HZX0R5N9V8W1QYK0XQM3R3K",
            "cse_01HZX0R5N9V8W1QYK0XQM3R3K99",
            "cse_01HZX0R5N9V8W1QYK0XQM3R3KI",
            "cse_01hzx0r5n9v8w1qyk0xqm3r3k9",
            "dec_01HZX0R5N9V8W1QYK0XQM3R3K9",
        ] {
            assert_eq!(EnvelopeId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_and_of_the_length_asked_for() {
        assert_eq!(Nonce::new([0x9f; 16]).as_str(), "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f");
        assert_eq!(parse_hex::<2>("00ff"), Some([0, 255]));
        assert_eq!(parse_hex::<2>("00FF"), None);
        assert_eq!(parse_hex::<2>("00f"), None);
    }
}
