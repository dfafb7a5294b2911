//! Offers and answers (RFC 8866, RFC 3264), read without copying: what the audio of a leg is, where it goes, and
//! whether it flows.
//!
//! Tolerant, because SBCs are not: lines that are unknown, malformed or out of order are passed over, any line ending
//! is taken, and only what makes the description useless is an error. ICE, DTLS, crypto, groups and the like are such
//! passed-over lines; [`Media::attributes`] still shows them.
//!
//! [`Negotiated`] is what the two descriptions of a leg come to, and answers whether it has to be re-INVITEd.
//!
//! Not here: writing descriptions, sending the re-INVITE.

mod format;
mod hints;
mod lines;
mod media;
mod negotiated;
mod renegotiation;

use core::fmt;

pub use format::{Format, Formats, MAX_FORMATS};
pub use hints::{Agreement, CodecHint, HINTS_LEN, MAX_HINT_LEN, MAX_HINTS, SdpHints};
pub use media::{Attribute, Connection, Direction, Media};
pub use negotiated::{MAX_AUDIO, Negotiated, SdpOrigin};
pub use renegotiation::{OfferReason, Renegotiation};

use self::lines::{Line, Lines};
use self::media::{Defaults, Section, Sections};
use crate::error::At;

/// Longest description that is read, in bytes. It bounds every loop here; WebRTC offers with twenty candidates have a
/// third of it.
pub const MAX_LEN: usize = 32 * 1024;
/// How many sections are kept while a description is read; those after them are read again when they are asked for.
/// A telephone call has one of audio and at times one of video.
const KEPT: usize = 2;

/// What kept a text from being a session description, and where.
pub type Error = At<ErrorKind>;

/// What can be wrong with a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// More than [`MAX_LEN`] bytes.
    TooLong,
    /// No `v=` line before the first `m=` line.
    NoVersion,
    /// A version other than 0.
    Version,
    /// An `m=` line without media type, port and protocol.
    MediaLine,
    /// An `m=` line whose port is not a number from 0 to 65535.
    Port,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "session description is longer than 32 KiB",
            Self::NoVersion => "no v= line: not a session description",
            Self::Version => "SDP version is not 0",
            Self::MediaLine => "m= line lacks media type, port or protocol",
            Self::Port => "port of an m= line is not a number from 0 to 65535",
        })
    }
}

/// A session description whose version and `m=` lines have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    session: Defaults<'a>,
    /// The first sections, of which there are `count`.
    kept: [Section<'a>; KEPT],
    count: usize,
    /// From the `m=` line on that comes after them.
    rest: &'a [u8],
}

impl<'a> Description<'a> {
    /// Reads the body of an INVITE, 200 or ACK of type `application/sdp`.
    ///
    /// # Errors
    /// [`ErrorKind`], with the offset of the line, or of the part of it, that is wrong.
    pub fn parse(text: &'a [u8]) -> Result<Self, Error> {
        if text.len() > MAX_LEN {
            return Err(At::new(ErrorKind::TooLong, MAX_LEN));
        }
        let mut description = Self {
            session: Defaults::default(),
            kept: [Section::default(); KEPT],
            count: 0,
            rest: &[],
        };
        let mut version = false;
        for line in Lines::new(text) {
            match (line.kind, description.count) {
                (b'm', _) if !version => return Err(At::new(ErrorKind::NoVersion, line.offset)),
                (b'm', _) => description.open(text, line)?,
                (b'v', 0) if line.value.trim_ascii() == b"0" => version = true,
                (b'v', 0) => return Err(At::new(ErrorKind::Version, line.offset)),
                (_, 0) => description.session.take(line),
                _ => description.take(line),
            }
        }
        if !version {
            return Err(At::new(ErrorKind::NoVersion, text.len()));
        }
        Ok(description)
    }

    /// Begins the section of an `m=` line, and ends the one before it.
    fn open(&mut self, text: &'a [u8], line: Line<'a>) -> Result<(), Error> {
        let section = Section::open(text, line)?;
        if !self.rest.is_empty() {
            return Ok(());
        }
        let rest = text.get(line.offset..).unwrap_or_default();
        if let Some(last) = self.kept.get_mut(..self.count).and_then(<[_]>::last_mut) {
            last.close(rest);
        }
        match self.kept.get_mut(self.count) {
            Some(place) => {
                *place = section;
                self.count += 1;
            }
            None => self.rest = rest,
        }
        Ok(())
    }

    /// Gives the last section that is kept one of its lines.
    fn take(&mut self, line: Line<'a>) {
        if self.rest.is_empty()
            && let Some(last) = self.kept.get_mut(..self.count).and_then(<[_]>::last_mut)
        {
            last.take(line);
        }
    }

    /// The media sections, in their order, which pairs those of an answer with those of its offer.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + use<'a> {
        let (kept, session) = (self.kept.into_iter().take(self.count), self.session);
        kept.chain(Sections::new(self.rest))
            .map(move |section| Media::new(section, session))
    }

    /// The first audio section that has not been refused.
    pub fn audio(&self) -> Option<Media<'a>> {
        self.media()
            .find(|media| media.kind() == "audio" && !media.is_refused())
    }
}

/// The text between two offsets of a line's value, if it is UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}
