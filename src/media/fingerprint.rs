//! The exact fingerprint: SHA-256 over 200 ms of PCM (OHP §9.1).
//!
//! Not here: which 200 ms ([`super::exact`]) and whether they say anything ([`super::liveness`]).

use core::fmt;

use super::codec::PCM_SAMPLE_LEN;
use crate::crypto;
use crate::id::{parse_hex, write_hex};

/// Samples in a window of 200 ms at 8 kHz; [`Codec::window_samples`](super::Codec::window_samples) has the others.
pub const WINDOW_SAMPLES: usize = 1600;
/// Most samples in a window: at 48 kHz.
pub const MAX_WINDOW_SAMPLES: usize = 9600;
/// Samples that are given to the hash in one go.
const BLOCK_SAMPLES: usize = 256;
/// What the text of a fingerprint begins with.
pub const PREFIX: &str = "sha256:";
/// Length of the text of a fingerprint.
pub const TEXT_LEN: usize = PREFIX.len() + 2 * crypto::SHA256_LEN;

/// A SHA-256 over the 16-bit little-endian samples of one window, as `session.media.rtpFingerprint` carries it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; crypto::SHA256_LEN]);

impl Fingerprint {
    /// The fingerprint of a window: [`Codec::window_samples`](super::Codec::window_samples) of them, which are hashed as
    /// 16-bit little-endian numbers.
    pub fn of_window(window: &[i16]) -> Self {
        let mut hash = crypto::Sha256::new();
        let mut bytes = [0; BLOCK_SAMPLES * PCM_SAMPLE_LEN];
        for block in window.chunks(BLOCK_SAMPLES) {
            let places = bytes.as_chunks_mut().0;
            for (place, sample) in places.iter_mut().zip(block) {
                *place = sample.to_le_bytes();
            }
            hash.update(bytes.get(..block.len() * PCM_SAMPLE_LEN).unwrap_or_default());
        }
        Self(hash.finish())
    }

    /// The fingerprint with these digest bytes.
    pub const fn from_bytes(digest: [u8; crypto::SHA256_LEN]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; crypto::SHA256_LEN] {
        &self.0
    }

    /// Reads `sha256:` and 64 lower-case hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text.strip_prefix(PREFIX)?).map(Self)
    }

    /// The text that goes into an envelope; it is ASCII.
    pub fn to_text(&self) -> [u8; TEXT_LEN] {
        let mut text = [0; TEXT_LEN];
        let (prefix, digits) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        write_hex(&self.0, digits);
        text
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_schema_form_and_reads_back() {
        let silence = Fingerprint::of_window(&[0; WINDOW_SAMPLES]);
        let text = silence.to_string();
        assert_eq!(text.len(), TEXT_LEN);
        assert_eq!(Fingerprint::parse(&text), Some(silence));
        assert_eq!(Fingerprint::parse(&text.to_uppercase()), None);
        assert_eq!(Fingerprint::parse(&text[..TEXT_LEN - 1]), None);
        assert_eq!(Fingerprint::parse(&text["sha256:".len()..]), None);
    }
}
