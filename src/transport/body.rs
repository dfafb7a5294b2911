//! From whatever form a body has to the canonical CBOR of an envelope.
//!
//! Forms: canonical CBOR; JSON; either of them deflated; any of these as base64 text. `Content-Encoding: deflate` is
//! taken off first, and only under it may the deflate stream be raw; senders differ in what they take `deflate` for, so
//! there a zlib stream (RFC 9110 §8.4.1.2) is read as well. Otherwise the first byte decides. One deflate and one
//! base64 layer at most are taken off, and a header that says otherwise than the body is an error.
//!
//! CBOR comes out as it was sent: whether it is canonical is checked once, by whoever reads the envelope.

use core::fmt;

use super::inflate::{self, Wrapper};
use super::{ENVELOPE_MAX, MediaType, SipStatus, WIRE_MAX, base64};
use crate::cbor::json::{self, Shape};
use crate::envelope::JSON_MAX;
use crate::error::At;

/// Scratch in bytes that [`decode`] needs: one envelope between two layers, and what reading JSON of this length into
/// CBOR of this length takes.
pub const SCRATCH_LEN: usize = ENVELOPE_MAX + JSON_SCRATCH_LEN;

const JSON_SCRATCH_LEN: usize = json::scratch_len(ENVELOPE_MAX) - json::max_cbor_len(ENVELOPE_MAX) + ENVELOPE_MAX;

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no body.
    Empty,
    /// The first byte is that of no form.
    Form,
    /// `Content-Type` says CBOR and the body is JSON, or the other way round.
    MediaType,
    /// `Content-Encoding` says that the body is deflated and it is not, or the other way round.
    Encoding,
    /// A second deflate or base64 layer under the first.
    Nested,
    /// Not base64 text.
    Base64(base64::ErrorKind),
    /// Not a deflate stream.
    Inflate(inflate::Error),
    /// Not JSON, or not an envelope's.
    Json(json::ErrorKind),
    /// Longer than [`ENVELOPE_MAX`], or as base64 text than [`WIRE_MAX`].
    TooLarge,
    /// The scratch is shorter than [`SCRATCH_LEN`], or the output than [`ENVELOPE_MAX`].
    Buffer,
}

impl ErrorKind {
    /// How the INFO is answered.
    pub fn status(self) -> SipStatus {
        match self {
            ErrorKind::TooLarge => SipStatus::TooLarge,
            ErrorKind::Buffer => SipStatus::Unavailable,
            _ => SipStatus::BadRequest,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Empty => f.write_str("INFO has no body"),
            ErrorKind::Form => f.write_str("body is not CBOR, JSON, zlib, or base64 text of one of them"),
            ErrorKind::MediaType => f.write_str("Content-Type says otherwise than the body"),
            ErrorKind::Encoding => f.write_str("Content-Encoding says otherwise than the body"),
            ErrorKind::Nested => f.write_str("body is deflated twice, or base64 text twice"),
            ErrorKind::Base64(kind) => write!(f, "{kind}"),
            ErrorKind::Inflate(kind) => write!(f, "{kind}"),
            ErrorKind::Json(kind) => write!(f, "{kind}"),
            ErrorKind::TooLarge => write!(f, "envelope longer than {ENVELOPE_MAX} bytes"),
            ErrorKind::Buffer => write!(
                f,
                "buffer too small: {ENVELOPE_MAX} bytes and {SCRATCH_LEN} of scratch do"
            ),
        }
    }
}

/// An [`ErrorKind`] and its offset in the layer that it was found in: the body, or what a layer taken off left.
pub type Error = At<ErrorKind>;

/// What `Content-Encoding` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Nothing.
    #[default]
    Unsaid,
    /// `identity`: not deflated.
    Identity,
    /// `deflate`.
    Deflate,
}

impl Encoding {
    /// Reads a `Content-Encoding` value; `None` for a coding that is not the binding's, which is answered 415.
    pub fn parse(value: Option<&str>) -> Option<Self> {
        match value {
            None => Some(Encoding::Unsaid),
            Some(coding) if coding.eq_ignore_ascii_case("deflate") => Some(Encoding::Deflate),
            Some(coding) if coding.eq_ignore_ascii_case("identity") => Some(Encoding::Identity),
            Some(_) => None,
        }
    }
}

/// What an INFO's headers say about its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The media type; [`MediaType::Chunk`] and [`MediaType::Other`] count as nothing said.
    pub media: Option<MediaType>,
    /// The encoding.
    pub encoding: Encoding,
}

impl Declared {
    fn allows(self, form: Syntax) -> bool {
        match self.media {
            Some(MediaType::Cbor) => form == Syntax::Cbor,
            Some(MediaType::Json | MediaType::PlainJson) => form == Syntax::Json,
            None | Some(MediaType::Chunk | MediaType::Other) => true,
        }
    }
}

/// What an envelope is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Canonical CBOR.
    Cbor,
    /// JSON.
    Json,
}

/// The form that a body turned out to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// What the envelope was written in.
    pub syntax: Syntax,
    /// Whether it was deflated.
    pub deflated: bool,
    /// Whether it was base64 text.
    pub text: bool,
}

/// An envelope's CBOR, and the form in which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// The CBOR: the body itself, or in the output buffer.
    pub cbor: &'b [u8],
    /// How it came.
    pub form: Form,
}

/// Turns a body into an envelope's CBOR, JSON with the help of `shape` (an envelope's is [`crate::envelope::SHAPE`]).
/// CBOR that came as it is, is not copied; everything else ends in `out`, at least [`ENVELOPE_MAX`] bytes long.
///
/// # Errors
/// [`Error`]; [`ErrorKind::status`] says how the INFO is answered. Sizes are checked before anything is inflated.
pub fn decode<'b, S: Shape>(
    body: &'b [u8],
    declared: Declared,
    shape: S,
    scratch: &mut [u8],
    out: &'b mut [u8],
) -> Result<Decoded<'b>, Error> {
    let (written, form) = decode_into(body, declared, shape, scratch, out)?;
    let cbor = written.map_or(body, |len| out.get(..len).unwrap_or_default());
    Ok(Decoded { cbor, form })
}

/// As [`decode`]; says how many bytes of CBOR were written to `out`, or `None` where `body` itself is the CBOR.
pub(super) fn decode_into<S: Shape>(
    body: &[u8],
    declared: Declared,
    shape: S,
    scratch: &mut [u8],
    out: &mut [u8],
) -> Result<(Option<usize>, Form), Error> {
    let no_room = At::new(ErrorKind::Buffer, 0);
    let (spare, json_scratch) = scratch.split_at_mut_checked(ENVELOPE_MAX).ok_or(no_room)?;
    let out = out.get_mut(..ENVELOPE_MAX).ok_or(no_room)?;
    let mut layers = Layers {
        body,
        spare,
        out,
        place: Place::Body,
        len: body.len(),
    };
    let mut form = Form {
        syntax: Syntax::Cbor,
        deflated: false,
        text: false,
    };
    form.syntax = loop {
        match next(layers.current(), declared, form).map_err(|kind| At::new(kind, 0))? {
            Step::Done(syntax) => break syntax,
            Step::Base64 => {
                form.text = true;
                layers.take_off(|from, to| base64::decode(from, to).map_err(from_base64))?;
            }
            Step::Inflate(wrapper) => {
                form.deflated = true;
                let undeflated = matches!(sniff(layers.current()), Some(Sniffed::Syntax(_)));
                let inflate = |from: &[u8], to: &mut [u8]| inflate::inflate(from, wrapper, to);
                layers.take_off(|from, to| inflate(from, to).map_err(|error| from_inflate(error, undeflated)))?;
            }
        }
    };
    if !declared.allows(form.syntax) {
        return Err(At::new(ErrorKind::MediaType, 0));
    }
    let written = match form.syntax {
        Syntax::Cbor => layers.finish(),
        Syntax::Json => Some(layers.convert(shape, json_scratch)?),
    };
    Ok((written, form))
}

fn from_base64(error: base64::Error) -> Error {
    let kind = match error.kind {
        base64::ErrorKind::TooLarge => ErrorKind::TooLarge,
        kind => ErrorKind::Base64(kind),
    };
    At::new(kind, error.offset)
}

/// `undeflated`: the bytes look like an envelope as they are.
fn from_inflate(error: inflate::Error, undeflated: bool) -> Error {
    let kind = match error {
        inflate::Error::TooLarge => ErrorKind::TooLarge,
        _ if undeflated => ErrorKind::Encoding,
        error => ErrorKind::Inflate(error),
    };
    At::new(kind, 0)
}

fn from_json(error: json::Error) -> Error {
    let kind = match error.kind {
        json::ErrorKind::TooLarge | json::ErrorKind::OutputFull => ErrorKind::TooLarge,
        json::ErrorKind::ScratchFull => ErrorKind::Buffer,
        kind => ErrorKind::Json(kind),
    };
    At::new(kind, error.offset)
}

/// What the first byte of a body says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sniffed {
    Syntax(Syntax),
    Zlib,
    Base64,
}

/// A CBOR map of up to 255 entries starts with `a0` to `b8`, and so its base64 text with `o` to `u`; that of zlib's
/// `78` and JSON's `{` starts with `e`.
fn sniff(bytes: &[u8]) -> Option<Sniffed> {
    match bytes.first()? {
        0xA0..=0xB8 => Some(Sniffed::Syntax(Syntax::Cbor)),
        b'{' => Some(Sniffed::Syntax(Syntax::Json)),
        0x78 => Some(Sniffed::Zlib),
        b'o'..=b'u' | b'e' => Some(Sniffed::Base64),
        _ => None,
    }
}

enum Step {
    Inflate(Wrapper),
    Base64,
    Done(Syntax),
}

/// What is to be done with `bytes`, after the layers that `form` names were taken off.
fn next(bytes: &[u8], declared: Declared, form: Form) -> Result<Step, ErrorKind> {
    if bytes.is_empty() {
        return Err(ErrorKind::Empty);
    }
    let step = if declared.encoding == Encoding::Deflate && !form.deflated {
        // Text bodies are base64 outside, whatever the header says of the inside; a deflate stream that happens to be
        // made of base64 characters alone does not exist in practice.
        if !form.text && base64::is_text(bytes) {
            Step::Base64
        } else if inflate::is_zlib(bytes) {
            Step::Inflate(Wrapper::Zlib)
        } else {
            Step::Inflate(Wrapper::Raw)
        }
    } else {
        match sniff(bytes).ok_or(ErrorKind::Form)? {
            Sniffed::Syntax(syntax) => Step::Done(syntax),
            Sniffed::Zlib if form.deflated => return Err(ErrorKind::Nested),
            Sniffed::Zlib if declared.encoding == Encoding::Identity => return Err(ErrorKind::Encoding),
            Sniffed::Zlib => Step::Inflate(Wrapper::Zlib),
            Sniffed::Base64 if form.text => return Err(ErrorKind::Nested),
            Sniffed::Base64 => Step::Base64,
        }
    };
    let most = match step {
        Step::Base64 => WIRE_MAX,
        Step::Done(Syntax::Json) => JSON_MAX,
        Step::Done(Syntax::Cbor) | Step::Inflate(_) => ENVELOPE_MAX,
    };
    if bytes.len() > most {
        Err(ErrorKind::TooLarge)
    } else {
        Ok(step)
    }
}

/// A body on its way through the layers: they are taken off into `out` and `spare` by turns.
struct Layers<'a> {
    body: &'a [u8],
    spare: &'a mut [u8],
    out: &'a mut [u8],
    place: Place,
    len: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Body,
    Out,
    Spare,
}

impl Layers<'_> {
    fn current(&self) -> &[u8] {
        let place = match self.place {
            Place::Body => self.body,
            Place::Out => self.out,
            Place::Spare => self.spare,
        };
        place.get(..self.len).unwrap_or_default()
    }

    fn take_off(&mut self, layer: impl FnOnce(&[u8], &mut [u8]) -> Result<usize, Error>) -> Result<(), Error> {
        let (from, to, place) = match self.place {
            Place::Body => (self.body, &mut *self.out, Place::Out),
            Place::Out => (&*self.out, &mut *self.spare, Place::Spare),
            Place::Spare => (&*self.spare, &mut *self.out, Place::Out),
        };
        self.len = layer(from.get(..self.len).unwrap_or_default(), to)?;
        self.place = place;
        Ok(())
    }

    /// Puts what is left into `out`, unless it is the body itself; how many bytes there are.
    fn finish(self) -> Option<usize> {
        match self.place {
            Place::Body => return None,
            Place::Out => {}
            Place::Spare => copy(self.spare, self.out, self.len),
        }
        Some(self.len)
    }

    /// Puts the CBOR of what is left, JSON, into `out`; how many bytes there are.
    fn convert<S: Shape>(self, shape: S, scratch: &mut [u8]) -> Result<usize, Error> {
        let from = match self.place {
            Place::Body => self.body,
            Place::Out => {
                copy(self.out, self.spare, self.len);
                self.spare
            }
            Place::Spare => self.spare,
        };
        let from = from.get(..self.len).unwrap_or_default();
        let cbor = json::to_cbor(from, shape, scratch, self.out).map_err(from_json)?;
        Ok(cbor.len())
    }
}

fn copy(from: &[u8], to: &mut [u8], len: usize) {
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
}
