//! JSON strings: finding the end, and undoing escapes.

use super::{Error, ErrorKind};

/// A string's content as it stands in the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    /// Offset of the content's first byte.
    pub start: usize,
    /// Offset of the closing quotation mark.
    pub end: usize,
    /// Length of the content once escapes are undone.
    pub len: usize,
}

impl Scanned {
    /// Whether there are escapes: each is longer than what it stands for.
    pub(super) fn is_escaped(self) -> bool {
        self.len != self.end - self.start
    }
}

/// Scans the string whose opening quotation mark is in front of `start`.
pub(super) fn scan(json: &[u8], start: usize) -> Result<Scanned, Error> {
    let mut pos = start;
    let mut saved = 0;
    loop {
        pos += plain_len(json.get(pos..).unwrap_or_default());
        match json.get(pos) {
            Some(b'"') => {
                return Ok(Scanned {
                    start,
                    end: pos,
                    len: pos - start - saved,
                });
            }
            Some(b'\\') => {
                let (meant, behind) = escape(json, pos)?;
                saved += behind - pos - meant.len_utf8();
                pos = behind;
            }
            Some(_) => return Err(Error::new(ErrorKind::Control, pos)),
            None => return Err(Error::new(ErrorKind::End, pos)),
        }
    }
}

/// Hands the content of `string`, escapes undone, to `put` piece by piece.
pub(super) fn unescape(
    json: &str,
    string: Scanned,
    mut put: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let bytes = json.as_bytes();
    let mut pos = string.start;
    loop {
        let run = pos + plain_len(bytes.get(pos..string.end).unwrap_or_default());
        put(json.get(pos..run).unwrap_or_default())?;
        if run >= string.end {
            return Ok(());
        }
        let meant;
        (meant, pos) = escape(bytes, run)?;
        put(meant.encode_utf8(&mut [0; 4]))?;
    }
}

/// How many bytes there are before the first that is special in a string: a quotation mark, a backslash or a control
/// character.
#[inline(always)]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut len = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = (word ^ (LOW * b'"' as u64)).wrapping_sub(LOW);
        let backslash = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
        let control = word.wrapping_sub(LOW * 0x20);
        // The high bit of each byte that is special; of those that have one themselves none is. A borrow may set more,
        // but only behind a true one.
        let special = (quote | backslash | control) & !word & HIGH;
        if special != 0 {
            return len + special.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))
        .unwrap_or(rest.len())
}

/// The character that the escape at `at` stands for, and the offset behind it.
fn escape(json: &[u8], at: usize) -> Result<(char, usize), Error> {
    let simple = match json.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(json, at),
        Some(_) => return Err(Error::new(ErrorKind::Escape, at)),
        None => return Err(Error::new(ErrorKind::End, json.len())),
    };
    Ok((simple, at + 2))
}

fn unicode_escape(json: &[u8], at: usize) -> Result<(char, usize), Error> {
    let lone = Error::new(ErrorKind::Surrogate, at);
    let unit = code_unit(json, at)?;
    if let Some(meant) = char::from_u32(unit) {
        return Ok((meant, at + 6));
    }
    let second = at + 6;
    if unit >= 0xdc00 || json.get(second..second + 2) != Some(b"\\u") {
        return Err(lone);
    }
    match code_unit(json, second)? {
        low @ 0xdc00..=0xdfff => {
            let meant = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            Ok((meant.ok_or(lone)?, second + 6))
        }
        _ => Err(lone),
    }
}

/// The four hexadecimal digits of the escape at `at`.
fn code_unit(json: &[u8], at: usize) -> Result<u32, Error> {
    let mut unit = 0;
    for pos in at + 2..at + 6 {
        let digit = json.get(pos).ok_or(Error::new(ErrorKind::End, json.len()))?;
        let digit = char::from(*digit).to_digit(16);
        unit = unit << 4 | digit.ok_or(Error::new(ErrorKind::Escape, at))?;
    }
    Ok(unit)
}
