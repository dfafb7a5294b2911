//! Canonical CBOR to JSON text.

use core::fmt::{self, Write};

use crate::cbor::{Item, Token};

/// Writes `item` as JSON, on one line or, if `pretty`, indented by two blanks.
///
/// Nothing is lost: read with the shape of the same schema, the text gives the same bytes. A float always has a point or
/// an exponent, a date-time is printed as its text.
///
/// # Errors
/// That of `out`.
pub fn from_cbor(item: Item<'_>, out: &mut dyn Write, pretty: bool) -> fmt::Result {
    let mut reader = item.reader();
    // One bit for each open container, the innermost lowest: whether it is a map.
    let mut maps: u64 = 0;
    let mut first = true;
    let mut behind_key = false;
    while let Some(token) = reader.next().map_err(|_| fmt::Error)? {
        if token == Token::End {
            if !first && pretty {
                new_line(out, reader.depth())?;
            }
            out.write_char(if maps & 1 == 1 { '}' } else { ']' })?;
            maps >>= 1;
            first = false;
            continue;
        }
        let opens = matches!(token, Token::Array(_) | Token::Map(_));
        let depth = reader.depth() - usize::from(opens);
        if !behind_key && depth > 0 {
            if !first {
                out.write_char(',')?;
            }
            if pretty {
                new_line(out, depth)?;
            }
        }
        behind_key = false;
        first = false;
        match token {
            Token::Unsigned(value) => write!(out, "{value}")?,
            Token::Negative(n) => write!(out, "{}", -1 - i128::from(n))?,
            // The shortest digits that give this number again, with `.0` or an exponent where it is whole.
            Token::Float(value) => write!(out, "{value:?}")?,
            Token::Text(text) | Token::Time(text) => string(out, text)?,
            Token::Bool(value) => write!(out, "{value}")?,
            Token::Null => out.write_str("null")?,
            Token::Array(_) => {
                out.write_char('[')?;
                maps <<= 1;
                first = true;
            }
            Token::Map(_) => {
                out.write_char('{')?;
                maps = maps << 1 | 1;
                first = true;
            }
            Token::Key(key) => {
                string(out, key)?;
                out.write_str(if pretty { ": " } else { ":" })?;
                behind_key = true;
            }
            Token::End => {}
        }
    }
    Ok(())
}

fn new_line(out: &mut dyn Write, depth: usize) -> fmt::Result {
    out.write_char('\n')?;
    for _ in 0..depth {
        out.write_str("  ")?;
    }
    Ok(())
}

/// Whether a character must be escaped (RFC 8259 §7), or would act on a terminal, a log or a reader's eye instead of
/// being shown: DEL, C1 controls, line separators, and marks that turn the direction of text round.
fn is_escaped(letter: char) -> bool {
    matches!(letter, '"' | '\\')
        || letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes `text` in quotation marks. It reads back as it was.
pub(crate) fn string(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(is_escaped) {
        let (plain, special) = rest.split_at(at);
        out.write_str(plain)?;
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.write_str("\\\"")?,
            Some('\\') => out.write_str("\\\\")?,
            Some('\u{8}') => out.write_str("\\b")?,
            Some('\u{c}') => out.write_str("\\f")?,
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some('\t') => out.write_str("\\t")?,
            Some(control) => write!(out, "\\u{:04x}", u32::from(control))?,
            None => {}
        }
        rest = chars.as_str();
    }
    out.write_str(rest)?;
    out.write_char('"')
}
