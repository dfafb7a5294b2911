//! `session.media.sdpHints`: which codecs a leg has negotiated, for the receiver to prepare its side (OHP §9.2), and
//! what the hints of another leg have in common with this one's.

use core::fmt;
use core::str;

use super::format::is_sound;
use super::{Description, Format, Media};

/// Most codecs that hints carry.
pub const MAX_HINTS: usize = 16;
/// Longest text of one hint; longer encoding names are left out. RFC 4855's longest telephony names have 20 letters.
pub const MAX_HINT_LEN: usize = 40;
/// Bytes of text that hints have together, a blank after each. The longest offers seen name fifteen codecs in 175 bytes;
/// a hint that no longer fits is left out. A leg keeps four such texts in its 8 KiB.
pub const HINTS_LEN: usize = 192;

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
        if format.encoding.is_empty() || !format.encoding.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        write!(hint, "{}/{}", format.encoding, format.clock_rate).ok()?;
        if format.channels > 1 {
            write!(hint, "/{}", format.channels).ok()?;
        }
        hint.text.make_ascii_uppercase();
        Some(hint)
    }

    /// The hint that a text is, in capitals; `None` if it cannot be read as one or is too long.
    fn of_text(text: &str) -> Option<Self> {
        use fmt::Write as _;
        let text = Parts::read(text).map(|_| text.trim_ascii())?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut hint = Self::EMPTY;
        hint.write_str(text).ok()?;
        hint.text.make_ascii_uppercase();
        Some(hint)
    }

    /// The hint's text.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Write for CodecHint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let from = usize::from(self.len);
        let place = self.text.get_mut(from..).and_then(|rest| rest.get_mut(..text.len()));
        let place = place.ok_or(fmt::Error)?;
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
    /// Each hint with a blank after it, which none has within.
    text: [u8; HINTS_LEN],
    len: u8,
    count: u8,
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
        text: [0; HINTS_LEN],
        len: 0,
        count: 0,
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
        codecs.for_each(|codec| hints.push(codec.as_str()));
        hints
    }

    /// The codecs that a host can do, named as hints name them: `opus/48000/2`, `PCMU/8000`, or `PCMU` alone. What cannot
    /// be read as a codec of sound is passed over.
    pub fn from_codecs<'c>(codecs: impl IntoIterator<Item = &'c str>) -> Self {
        let mut hints = Self::NONE;
        let codecs = codecs.into_iter().filter_map(CodecHint::of_text);
        codecs.for_each(|codec| hints.push(codec.as_str()));
        hints
    }

    /// Adds a hint, unless it is there already, or there is no room.
    pub(super) fn push(&mut self, hint: &str) {
        let from = usize::from(self.len);
        if self.len() >= MAX_HINTS || hint.is_empty() || self.iter().any(|known| known == hint) {
            return;
        }
        let place = self
            .text
            .get_mut(from..)
            .and_then(|rest| rest.get_mut(..hint.len() + 1));
        if let Some([place @ .., end]) = place {
            place
                .iter_mut()
                .zip(hint.bytes())
                .for_each(|(place, byte)| *place = byte);
            *end = b' ';
            self.len += hint.len() as u8 + 1;
            self.count += 1;
        }
    }

    /// The hints in one text, a blank between each two.
    pub fn as_str(&self) -> &str {
        self.text().trim_ascii_end()
    }

    /// How many hints there are.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The hints' texts, for `session.media.sdpHints.codecs`.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.text().split_terminator(' ')
    }

    fn text(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }

    /// The first of these codecs that a hint means.
    pub(super) fn find(&self, hint: Parts<'_>) -> Option<&str> {
        self.iter()
            .find(|ours| Parts::read(ours).is_some_and(|ours| ours.fits(hint)))
    }

    /// Compares the hints of an envelope with what this leg has negotiated.
    ///
    /// Names are compared without case. A missing clock rate or channel count fits any; a hint that cannot be read, or is
    /// none of a codec of sound, is passed over. What `fmtp` says is not compared, since hints do not carry it.
    pub fn compare<'h>(&self, received: impl IntoIterator<Item = &'h str>) -> Agreement {
        let mut readable = false;
        for hint in received.into_iter().filter_map(Parts::read) {
            readable = true;
            if let Some(ours) = self.find(hint).and_then(CodecHint::of_text) {
                return Agreement::Common(ours);
            }
        }
        if readable && !self.is_empty() {
            Agreement::NothingInCommon
        } else {
            Agreement::Unknown
        }
    }
}

impl fmt::Debug for SdpHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for SdpHints {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for SdpHints {}

/// A hint taken apart.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    name: &'a str,
    clock_rate: Option<u32>,
    channels: Option<u8>,
}

impl<'a> Parts<'a> {
    /// `None` for what is no codec of sound: an empty name, DTMF events, comfort noise.
    pub(super) fn read(hint: &'a str) -> Option<Self> {
        let mut parts = hint.split('/').map(str::trim_ascii);
        let name = parts.next().filter(|name| is_sound(name))?;
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
