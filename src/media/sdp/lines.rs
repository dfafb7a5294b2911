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

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            if self.text.is_empty() {
                return None;
            }
            let (line, rest) = self.text.split_at(line_len(self.text));
            let (end, rest) = match rest {
                [b'\r', b'\n', rest @ ..] => (2, rest),
                [_, rest @ ..] => (1, rest),
                [] => (0, rest),
            };
            let offset = self.offset;
            self.text = rest;
            self.offset += line.len() + end;
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

/// Bytes before the first CR or LF.
#[inline]
fn line_len(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += text.get(at..).map_or(0, control_at);
        match text.get(at) {
            None | Some(b'\r' | b'\n') => return at,
            // A tab, or what has no business here.
            Some(_) => at += 1,
        }
    }
}

/// Bytes before the first one below 0x10, where CR and LF are, looked for eight at a time.
#[inline]
fn control_at(text: &[u8]) -> usize {
    const LIMIT: u8 = 0x10;
    const LIMITS: u64 = u64::from_ne_bytes([LIMIT; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The high bit of each byte below the limit, and perhaps of bytes after the first such one, which borrowed.
        let found = word.wrapping_sub(LIMITS) & !word & HIGHS;
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let found = rest.iter().position(|byte| *byte < LIMIT);
    text.len() - rest.len() + found.unwrap_or(rest.len())
}
