//! `session.media.sdpHints`: which codecs a leg has negotiated, for the receiver to prepare its side (OHP §9.2), and
//! what the hints of another leg have in common with this one's.

use core::fmt;
use core::str;

use super::{Description, Format, Media};

/// Most codecs that hints carry.
pub const MAX_HINTS: usize = 16;
/// Longest text of one hint; longer encoding names are left out. RFC 4855's longest telephony names have 20 letters.
pub const MAX_HINT_LEN: usize = 40;

/// One codec as hints write it: `PCMU/8000`, `OPUS/48000/2`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodecHint {
    text: [u8; MAX_HINT_LEN],
    len: u8,
}

impl CodecHint {
    const EMPTY: Self = Self {
        text: [0; MAX_HINT_LEN],
        len: 0,
    };

    /// The hint for a format; `None` if it has no encoding or too long a one.
    pub fn new(format: &Format<'_>) -> Option<Self> {
        use fmt::Write as _;
        let mut hint = Self::EMPTY;
        if format.encoding.is_empty() || !format.encoding.is_ascii() {
            return None;
        }
        write!(hint, "{}/{}", format.encoding, format.clock_rate).ok()?;
        if format.channels > 1 {
            write!(hint, "/{}", format.channels).ok()?;
        }
        hint.text.make_ascii_uppercase();
        Some(hint)
    }

    /// The hint's text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Write for CodecHint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let from = usize::from(self.len);
        let place = self.text.get_mut(from..from + text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len += text.len() as u8;
        Ok(())
    }
}

impl fmt::Debug for CodecHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The codecs that a leg has negotiated, in order of preference.
#[derive(Clone, Copy)]
pub struct SdpHints {
    codecs: [CodecHint; MAX_HINTS],
    len: usize,
}

/// What received hints have in common with what a leg has negotiated. None of it is an error: the receiver must put up
/// with hints that are missing or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Both legs use this codec; of several it is the one that the sender's hints name first.
    Common(CodecHint),
    /// There are hints, and none of their codecs is in use on this leg: audio will be transcoded, or the leg must be
    /// re-negotiated.
    NothingInCommon,
    /// There are no hints that could be read, or this leg has negotiated nothing.
    Unknown,
}

impl SdpHints {
    /// No codecs.
    pub const NONE: Self = Self {
        codecs: [CodecHint::EMPTY; MAX_HINTS],
        len: 0,
    };

    /// The hints of a negotiated answer: the audio formats of its first audio section that was not refused. DTMF events,
    /// comfort noise and redundancy are no codecs of their own and stay out.
    pub fn from_answer(answer: &Description<'_>) -> Self {
        answer.audio().map_or(Self::NONE, |audio| Self::from_media(&audio))
    }

    /// The hints of one media section.
    pub fn from_media(media: &Media<'_>) -> Self {
        let mut hints = Self::NONE;
        let formats = media.formats();
        let codecs = formats
            .iter()
            .filter(|format| format.is_audio())
            .filter_map(CodecHint::new);
        for codec in codecs {
            if hints.len < MAX_HINTS && !hints.as_slice().contains(&codec) {
                hints.codecs[hints.len] = codec;
                hints.len += 1;
            }
        }
        hints
    }

    /// The hints.
    pub fn as_slice(&self) -> &[CodecHint] {
        &self.codecs[..self.len]
    }

    /// The hints' texts, for `session.media.sdpHints.codecs`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.as_slice().iter().map(CodecHint::as_str)
    }

    /// Compares the hints of an envelope with what this leg has negotiated.
    ///
    /// Names are compared without case. A missing clock rate or channel count fits any; a hint that cannot be read is
    /// passed over.
    pub fn compare<'h>(&self, received: impl IntoIterator<Item = &'h str>) -> Agreement {
        let mut readable = false;
        for hint in received.into_iter().filter_map(Parts::read) {
            readable = true;
            let ours = self
                .as_slice()
                .iter()
                .find(|ours| Parts::read(ours.as_str()).is_some_and(|ours| ours.fits(hint)));
            if let Some(ours) = ours {
                return Agreement::Common(*ours);
            }
        }
        if readable && self.len > 0 {
            Agreement::NothingInCommon
        } else {
            Agreement::Unknown
        }
    }
}

impl fmt::Debug for SdpHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl PartialEq for SdpHints {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SdpHints {}

/// A hint taken apart.
#[derive(Clone, Copy)]
struct Parts<'a> {
    name: &'a str,
    clock_rate: Option<u32>,
    channels: Option<u8>,
}

impl<'a> Parts<'a> {
    fn read(hint: &'a str) -> Option<Self> {
        let mut parts = hint.split('/').map(str::trim_ascii);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut number = || parts.next().filter(|part| !part.is_empty());
        let clock_rate = number().map(str::parse).transpose().ok()?;
        let channels = number().and_then(|channels| channels.parse().ok());
        Some(Self {
            name,
            clock_rate,
            channels,
        })
    }

    fn fits(self, hint: Self) -> bool {
        let clock = |parts: Self| match parts.clock_rate {
            // G.722 samples at 16 kHz and, by an old mistake that RFC 3551 §4.5.2 keeps, is written with 8 kHz.
            Some(16_000) if parts.name.eq_ignore_ascii_case("G722") => Some(8_000),
            rate => rate,
        };
        self.name.eq_ignore_ascii_case(hint.name)
            && (clock(hint).is_none() || clock(self) == clock(hint))
            // Opus is two channels in every description (RFC 7587 §7) and one on most lines.
            && (self.name.eq_ignore_ascii_case("opus")
                || hint.channels.is_none_or(|channels| channels == self.channels.unwrap_or(1)))
    }
}
