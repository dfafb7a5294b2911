//! base64url as JOSE uses it (RFC 7515, section 2): no padding, no line breaks, and one text only for each byte string.
//!
//! The last point is what keeps a signed message from having a second spelling: bits left over in the last character
//! must be zero. base64ct checks that; this module adds shapes that fit our callers, among them an encoder that is fed
//! in pieces.

use base64ct::{Base64UrlUnpadded, Encoding as _};

/// Length of the text for `len` bytes.
pub const fn encoded_len(len: usize) -> usize {
    len / 3 * 4 + (len % 3 * 4).div_ceil(3)
}

/// Decodes `text` into the front of `out`; `None` if it is not base64url or longer than `out` holds.
pub fn decode<'o>(text: &str, out: &'o mut [u8]) -> Option<&'o [u8]> {
    Base64UrlUnpadded::decode(text, out).ok()
}

/// Decodes a `text` that stands for exactly `N` bytes.
pub fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (decode(text, &mut bytes)?.len() == N).then_some(bytes)
}

/// Encodes `bytes` into the front of `out`; `None` if `out` is shorter than [`encoded_len`].
pub fn encode<'o>(bytes: &[u8], out: &'o mut [u8]) -> Option<&'o str> {
    Base64UrlUnpadded::encode(bytes, out).ok()
}

/// Encodes a byte string that comes in pieces, as if they were joined. Only the last group of three waits.
pub(super) struct Encoder<'o> {
    out: &'o mut [u8],
    len: usize,
    group: [u8; 3],
    waiting: usize,
}

impl<'o> Encoder<'o> {
    /// Writes to `out`, which keeps its first `len` bytes.
    pub(super) fn new(out: &'o mut [u8], len: usize) -> Self {
        Self {
            out,
            len,
            group: [0; 3],
            waiting: 0,
        }
    }

    /// Appends `bytes`; `None` if they do not fit.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Option<()> {
        while self.waiting > 0 || bytes.len() < self.group.len() {
            let Some((first, rest)) = bytes.split_first() else {
                return Some(());
            };
            *self.group.get_mut(self.waiting)? = *first;
            self.waiting += 1;
            bytes = rest;
            if self.waiting == self.group.len() {
                let group = self.group;
                self.write(&group)?;
                self.waiting = 0;
            }
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % self.group.len());
        self.write(whole)?;
        self.group.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.waiting = rest.len();
        Some(())
    }

    /// Writes what waits and gives all of `out` that is filled; `None` if it does not fit.
    pub(super) fn finish(mut self) -> Option<&'o [u8]> {
        let group = self.group;
        self.write(group.get(..self.waiting)?)?;
        self.out.get(..self.len)
    }

    fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.len += encode(bytes, self.out.get_mut(self.len..)?)?.len();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_only_stands_for_each_byte_string() {
        assert_eq!(decode_exact::<1>("_w"), Some([0xff]));
        for other in ["_x", "_w==", "_w=", "/w", "_w\n", " _w", "_", "_w_", ""] {
            assert_eq!(decode_exact::<1>(other), None, "{other:?}");
        }
        assert_eq!(decode_exact::<0>(""), Some([]));
    }

    #[test]
    fn pieces_are_encoded_as_if_they_were_joined() {
        let bytes: [u8; 23] = core::array::from_fn(|i| (i * 37) as u8);
        let mut whole = [0; 64];
        let whole = encode(&bytes, &mut whole).expect("fits");
        assert_eq!(whole.len(), encoded_len(bytes.len()));
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut out = [0; 64];
                let mut encoder = Encoder::new(&mut out, 0);
                for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    encoder.push(piece).expect("fits");
                }
                assert_eq!(encoder.finish(), Some(whole.as_bytes()), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn an_output_too_short_is_refused() {
        let mut out = [0; 3];
        assert_eq!(encode(b"abc", &mut out), None);
        let mut encoder = Encoder::new(&mut out, 0);
        assert!(encoder.push(b"abc").is_none());
    }
}
