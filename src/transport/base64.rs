//! Base64 bodies, for a PBX that carries an INFO's body as a C string.
//!
//! Writes RFC 4648 §4 with padding. Reads either alphabet, padded or not, with line breaks anywhere; what is left in
//! the last character must be zero bits. Keys and signatures do not come through here: their base64url is strict and
//! lives with the JWS.

use core::fmt;

use base64ct::{Base64, Encoding};

use crate::error::At;

/// What is wrong with a base64 body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A byte of neither alphabet, or anything after the padding.
    Byte,
    /// The number of characters, or of padding, is no encoding's.
    Length,
    /// The last character has bits that stand for nothing.
    Bits,
    /// The bytes do not fit the buffer.
    TooLarge,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Byte => "byte of no base64 alphabet",
            ErrorKind::Length => "base64 text is cut short or wrongly padded",
            ErrorKind::Bits => "last base64 character has bits that stand for nothing",
            ErrorKind::TooLarge => "base64 text of more bytes than an envelope may have",
        })
    }
}

/// An [`ErrorKind`] and its offset in the text.
pub type Error = At<ErrorKind>;

/// Characters that `len` bytes take, padding included.
pub const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3) * 4
}

/// Writes `bytes` as padded RFC 4648 §4 base64 into `text`; `None` if [`encoded_len`] does not fit.
pub fn encode<'t>(bytes: &[u8], text: &'t mut [u8]) -> Option<&'t [u8]> {
    Base64::encode(bytes, text).ok().map(str::as_bytes)
}

/// Whether every byte of `text` could stand in base64 text.
pub fn is_text(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| matches!(byte, b'=' | b'\r' | b'\n') || sextet(*byte).is_some())
}

/// Reads base64 text into the front of `bytes` and says how many there are.
///
/// # Errors
/// [`Error`] with its offset in `text`.
pub fn decode(text: &[u8], bytes: &mut [u8]) -> Result<usize, Error> {
    let (mut bits, mut held, mut len, mut padding, mut count) = (0_u32, 0_u32, 0, 0_usize, 0_usize);
    for (offset, byte) in text.iter().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' => padding += 1,
            _ => {
                let sextet = sextet(*byte)
                    .filter(|_| padding == 0)
                    .ok_or(At::new(ErrorKind::Byte, offset))?;
                count += 1;
                bits = bits << 6 | u32::from(sextet);
                held += 6;
                if held >= 8 {
                    held -= 8;
                    *bytes.get_mut(len).ok_or(At::new(ErrorKind::TooLarge, offset))? = (bits >> held) as u8;
                    len += 1;
                }
            }
        }
    }
    let wanted_padding = (4 - count % 4) % 4;
    if count % 4 == 1 || padding != 0 && padding != wanted_padding {
        return Err(At::new(ErrorKind::Length, text.len()));
    }
    if bits & ((1 << held) - 1) != 0 {
        return Err(At::new(ErrorKind::Bits, text.len()));
    }
    Ok(len)
}

/// The value of a character of either alphabet.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
