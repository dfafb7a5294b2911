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

    /// The lines after `line`, which is one of `text`'s.
    pub(super) fn after(text: &'a [u8], line: Line<'a>) -> Self {
        let offset = line.offset + VALUE + line.value.len();
        Self {
            text: text.get(offset..).unwrap_or_default(),
            offset,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            if self.text.is_empty() {
                return None;
            }
            let len = self
                .text
                .iter()
                .position(|byte| matches!(byte, b'\r' | b'\n'))
                .unwrap_or(self.text.len());
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
