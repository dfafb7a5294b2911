//! The lines of a session description: one letter, an equals sign, a value.

/// One line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The letter before the equals sign.
    pub(super) kind: u8,
    /// Where that letter stands.
    pub(super) offset: usize,
    /// What follows the equals sign, without the line's end.
    pub(super) value: &'a [u8],
}

/// Offset of a line's value from the line's own.
pub(super) const VALUE: usize = 2;

/// All lines of a text. CR, LF and both together end one; what has no letter and equals sign is passed over.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, offset: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            if self.text.is_empty() {
                return None;
            }
            let len = line_len(self.text);
            let (line, rest) = self.text.split_at(len);
            let offset = self.offset;
            self.text = rest.get(1..).unwrap_or_default();
            self.offset += len + 1;
            if let [kind, b'=', value @ ..] = line {
                return Some(Line {
                    kind: *kind,
                    offset,
                    value,
                });
            }
        }
    }
}

/// Bytes before the first CR or LF, looked for eight at a time.
fn line_len(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of each byte that is zero, and perhaps of bytes after the first such one (in little-endian order).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ends = zeros(word ^ (ONES * u64::from(b'\r'))) | zeros(word ^ (ONES * u64::from(b'\n')));
        if ends != 0 {
            return at * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    text.len() - rest.len() + end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_found_wherever_they_stand() {
        for len in 0..40 {
            for end in [b'\r', b'\n'] {
                // Neighbours of the two codes, and bytes with the high bit, must not be taken for them.
                let mut text: Vec<u8> = (0..len)
                    .map(|at| [0x0b, 0x0c, 0x0e, 0x09, 0x8a, 0x8d, 0xff, 0][at % 8])
                    .collect();
                assert_eq!(line_len(&text), len);
                text.push(end);
                text.extend(b"x=\r\n");
                assert_eq!(line_len(&text), len);
            }
        }
    }
}
