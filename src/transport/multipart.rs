//! One received chunk: a `multipart/ohp` body with one MIME part, whose own header repeats what the Content-Type's
//! parameters said, so that a hop that drops them loses nothing.
//!
//! Reads one body and remembers nothing; gathering chunks is [`super::reassembly`]'s.

use core::fmt;

use nom::FindSubstring;

use super::content_type::{self, Boundary, ChunkPlace, ContentType, MediaType};
use super::header::{self, Field, Fields};
use crate::error::At;
use crate::id::EnvelopeId;

/// What is wrong with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No line `--boundary` starts the part, or the first one is not the Content-Type's boundary.
    Start,
    /// No line `--boundary--` ends the part: the body was cut on its way.
    End,
    /// A second part follows.
    Parts,
    /// A header line of the part is malformed.
    Header(header::ErrorKind),
    /// The part's `Content-Type` or `OHP-Chunk` is malformed.
    Parameter(content_type::ErrorKind),
    /// The part's media type is not an envelope's.
    MediaType,
    /// Neither the Content-Type nor `OHP-Chunk` says which chunk of how many this is.
    Place,
    /// The Content-Type and `OHP-Chunk` say different things.
    Disagreement,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Start => f.write_str("multipart body does not start with its boundary"),
            ErrorKind::End => f.write_str("multipart body has no closing boundary, so part of it is missing"),
            ErrorKind::Parts => f.write_str("multipart body has more than one part; send one chunk an INFO"),
            ErrorKind::Header(kind) => write!(f, "in the part: {kind}"),
            ErrorKind::Parameter(kind) => write!(f, "in the part's header: {kind}"),
            ErrorKind::MediaType => f.write_str("part is not application/ohp+cbor or application/ohp+json"),
            ErrorKind::Place => f.write_str("nothing says which chunk of how many this is"),
            ErrorKind::Disagreement => f.write_str("Content-Type and OHP-Chunk name different chunks"),
        }
    }
}

/// An [`ErrorKind`] and its offset in the body.
pub type Error = At<ErrorKind>;

/// One chunk of an encoded envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// K, counted from 1, not yet held against its limits: a K out of range ends the whole set.
    pub index: u32,
    /// N, not yet held against its limits.
    pub total: u32,
    /// The envelope's identifier. A chunk without one belongs to its Call-ID and boundary.
    pub id: Option<EnvelopeId>,
    /// The boundary, from the Content-Type or from the body's first line.
    pub boundary: Boundary,
    /// The part's own media type.
    pub media: Option<MediaType>,
    /// This chunk's share of the encoded envelope.
    pub data: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads the body of an INFO whose Content-Type is `outer`, a [`MediaType::Chunk`].
    ///
    /// # Errors
    /// [`Error`] with its offset in `body`; each is answered 400.
    pub fn parse(outer: &ContentType, body: &'a [u8]) -> Result<Self, Error> {
        let part = Part::parse(outer.boundary, body)?;
        let inner = part.header()?;
        let agreed = |outer: Option<u32>, inner: Option<u32>| match (outer, inner) {
            (Some(outer), Some(inner)) if outer != inner => Err(At::new(ErrorKind::Disagreement, part.start)),
            _ => outer.or(inner).ok_or(At::new(ErrorKind::Place, part.start)),
        };
        let id = match (outer.id, inner.place.and_then(|place| place.id)) {
            (Some(outer), Some(inner)) if outer != inner => return Err(At::new(ErrorKind::Disagreement, part.start)),
            (outer, inner) => outer.or(inner),
        };
        Ok(Self {
            index: agreed(outer.chunk, inner.place.map(|place| place.chunk))?,
            total: agreed(outer.total, inner.place.map(|place| place.total))?,
            id,
            boundary: part.boundary,
            media: inner.media,
            data: inner.data,
        })
    }
}

/// The bytes between the two boundary lines.
struct Part<'a> {
    boundary: Boundary,
    bytes: &'a [u8],
    /// Where `bytes` starts in the body.
    start: usize,
}

struct Inner<'a> {
    media: Option<MediaType>,
    place: Option<ChunkPlace>,
    data: &'a [u8],
}

impl<'a> Part<'a> {
    fn parse(known: Option<Boundary>, body: &'a [u8]) -> Result<Self, Error> {
        let lead = body.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let from_lead = body.get(lead..).unwrap_or_default();
        let first = from_lead.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let crlf = first.ends_with(b"\r");
        let no_start = At::new(ErrorKind::Start, lead);
        let name = first.trim_ascii_end().strip_prefix(b"--").ok_or(no_start)?;
        let boundary = Boundary::new(name.iter().map(|byte| char::from(*byte))).ok_or(no_start)?;
        if known.is_some_and(|known| known != boundary) || first.len() == from_lead.len() {
            return Err(no_start);
        }
        let start = lead + first.len() + 1;
        let bytes = body.get(start..).unwrap_or_default();
        let (end, after) = delimiter(bytes, crlf, boundary.as_bytes()).ok_or(At::new(ErrorKind::End, body.len()))?;
        if !after.starts_with(b"--") {
            return Err(At::new(ErrorKind::Parts, start + end));
        }
        Ok(Self {
            boundary,
            bytes: bytes.get(..end).unwrap_or_default(),
            start,
        })
    }

    fn header(&self) -> Result<Inner<'a>, Error> {
        let at_header = |error: header::Error| At::new(ErrorKind::Header(error.kind), self.start + error.offset);
        let repeated = |field: &Field<'_>| {
            let kind = ErrorKind::Header(header::ErrorKind::Repeated);
            At::new(kind, self.start + field.offset)
        };
        let at_value = |field: &Field<'_>, error: content_type::Error| {
            let kind = ErrorKind::Parameter(error.kind);
            At::new(kind, self.start + field.value_offset + error.offset)
        };
        let (mut media, mut place) = (None, None);
        let mut fields = Fields::new(self.bytes).map_err(at_header)?;
        for field in &mut fields {
            let field = field.map_err(at_header)?;
            if field.name.eq_ignore_ascii_case(b"Content-Type") {
                let text = field.text().map_err(at_header)?;
                let read = ContentType::parse(text).map_err(|error| at_value(&field, error))?;
                if matches!(read.media, MediaType::Other | MediaType::Chunk) {
                    return Err(At::new(ErrorKind::MediaType, self.start + field.value_offset));
                }
                if media.replace(read.media).is_some() {
                    return Err(repeated(&field));
                }
            } else if field.name.eq_ignore_ascii_case(b"OHP-Chunk") {
                let text = field.text().map_err(at_header)?;
                let read = ChunkPlace::parse(text).map_err(|error| at_value(&field, error))?;
                if place.replace(read).is_some() {
                    return Err(repeated(&field));
                }
            }
        }
        Ok(Inner {
            media,
            place,
            data: fields.rest(),
        })
    }
}

/// Finds the line `--boundary` that ends the part: where the part's bytes end, and what follows on that line. The
/// line end before it belongs to it (RFC 2046 §5.1.1), and is the one that the body's first line has: binary data may
/// end in a CR of its own.
fn delimiter<'a>(bytes: &'a [u8], crlf: bool, boundary: &[u8]) -> Option<(usize, &'a [u8])> {
    let line_end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let mut pos = 0;
    while let Some(found) = bytes.get(pos..)?.find_substring("\n") {
        pos += found + 1;
        let end = pos
            .checked_sub(line_end.len())
            .filter(|end| bytes.get(*end..pos) == Some(line_end));
        let line = bytes.get(pos..)?;
        let after = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let (Some(end), Some(after)) = (end, after.filter(|after| is_delimiter_tail(after))) {
            return Some((end, after));
        }
    }
    None
}

/// Whether nothing but `--`, blanks and a line end follows a boundary, so that the boundary is not another's prefix.
fn is_delimiter_tail(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"--").unwrap_or(after);
    let blanks = after
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .count();
    matches!(after.get(blanks), None | Some(b'\n'))
}
