//! Sending: one envelope as one or more INFOs.
//!
//! [`Outgoing::encode`] encodes first (deflate where that saves a chunk, base64 where the PBX can carry only text) and
//! plans the split; [`Outgoing::render`] writes any INFO of the plan at any time, so that the encoded bytes may wait
//! in a slot of the shared table and the plan, a small `Copy` value, in the leg. One INFO is outstanding per dialog
//! and direction: the next follows the final response to the one before. That order is the leg's business.

use core::fmt::{self, Write};
use core::ops::Range;

use super::content_type::MediaType;
use super::{BODY_DEFAULT, BODY_MAX, CHUNKS_MAX, ENVELOPE_MAX, INFO_PACKAGE, VERSION, base64, deflate};
use crate::envelope::{Tier, Verb};
use crate::id::{ENVELOPE_ID_LEN, EnvelopeId};

/// Bytes of a chunk's body that are not its data: both boundary lines and the part's header, with two digits each for
/// K and N. Held against what is rendered by a test.
pub const FRAMING_LEN: usize = 2 * (2 + BOUNDARY_LEN)
    + 2
    + "Content-Type: application/ohp+cbor\r\n".len()
    + "OHP-Chunk: 64/64; id=\r\n".len()
    + ENVELOPE_ID_LEN
    + 3 * 2
    + 2;

/// Smallest largest body that may be asked for: a chunk then carries at least 64 bytes.
pub const BODY_MIN: usize = FRAMING_LEN + 64;

/// Longest header text of one INFO.
pub const HEADERS_LEN: usize = 384;

/// Longest encoded envelope: [`ENVELOPE_MAX`] as base64.
pub const ENCODED_MAX: usize = base64::encoded_len(ENVELOPE_MAX);

/// Scratch in bytes that [`Outgoing::encode`] needs.
pub const SCRATCH_LEN: usize = deflate::SCRATCH_LEN + ENVELOPE_MAX;

const BOUNDARY_PREFIX: &str = "ohp-";
/// How much of the identifier's random end goes into a boundary.
const BOUNDARY_RANDOM_LEN: usize = 8;
/// The prefix, the random end, and one digit that steps aside for data which holds the others.
const BOUNDARY_LEN: usize = BOUNDARY_PREFIX.len() + BOUNDARY_RANDOM_LEN + 1;
/// Boundaries that are tried.
const BOUNDARY_TRIES: u8 = 10;

/// How an envelope is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Largest INFO body in bytes, [`BODY_MIN`] to [`BODY_MAX`]; by default [`BODY_DEFAULT`].
    pub body_max: usize,
    /// Whether bodies must be text, because the PBX hands them on as C strings.
    pub text_only: bool,
    /// Whether the INFO names its package (RFC 6086); only a host that negotiated `Recv-Info: ohp` may ask for it.
    pub package: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            body_max: BODY_DEFAULT,
            text_only: false,
            package: false,
        }
    }
}

/// Why an envelope cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The envelope is empty, or longer than [`ENVELOPE_MAX`].
    Envelope,
    /// `body_max` is not within [`BODY_MIN`] to [`BODY_MAX`].
    BodyMax,
    /// The envelope needs more than [`CHUNKS_MAX`] chunks of this size.
    Chunks,
    /// The envelope's own bytes hold every boundary that was tried.
    Boundary,
    /// The scratch is shorter than [`SCRATCH_LEN`], or the encoded envelope does not fit the buffer.
    Buffer,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::Envelope => write!(f, "envelope is empty or longer than {ENVELOPE_MAX} bytes"),
            EncodeError::BodyMax => write!(f, "largest body is not within {BODY_MIN} to {BODY_MAX} bytes"),
            EncodeError::Chunks => write!(f, "envelope needs more than {CHUNKS_MAX} chunks; allow larger bodies"),
            EncodeError::Boundary => f.write_str("envelope holds its own boundary; give it another id"),
            EncodeError::Buffer => write!(
                f,
                "buffer too small; {ENCODED_MAX} bytes and {SCRATCH_LEN} of scratch do"
            ),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why an INFO cannot be rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// K is 0 or more than [`Outgoing::total`].
    Index,
    /// The bytes handed in are not those of [`Outgoing::range`].
    Length,
    /// A buffer is too small; [`HEADERS_LEN`] and [`BODY_MAX`] always do.
    Buffer,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RenderError::Index => "no such chunk; they count from 1",
            RenderError::Length => "hand in the encoded bytes of exactly this chunk's range",
            RenderError::Buffer => "buffer too small for an INFO's headers or body",
        })
    }
}

impl core::error::Error for RenderError {}

/// The plan of an encoded envelope's INFOs. The encoded bytes themselves are the caller's to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    id: EnvelopeId,
    tier: Tier,
    verb: Verb,
    len: usize,
    /// Data bytes of every chunk but the last.
    step: usize,
    total: u32,
    boundary_digit: u8,
    deflated: bool,
    text: bool,
    package: bool,
}

/// One INFO, ready for a PBX: as one block of header lines, or value by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered<'b> {
    /// Every header below as `Name: value` lines, each ended by CRLF; no `Content-Length`, which the SIP stack adds.
    pub headers: &'b str,
    /// The value of `Content-Type`.
    pub content_type: &'b str,
    /// The value of `Content-Encoding`, where there is one.
    pub content_encoding: Option<&'static str>,
    /// The value of `OHP-Version`.
    pub version: &'static str,
    /// The value of `OHP-Tier`.
    pub tier: &'static str,
    /// The value of `OHP-Verb`.
    pub verb: &'static str,
    /// The body; binary unless `text_only` was asked for.
    pub body: &'b [u8],
}

impl Outgoing {
    /// Encodes the canonical CBOR of an envelope into `out` and plans its INFOs. `id`, `tier` and `verb` are the
    /// envelope's own. The encoded bytes are the first [`Outgoing::encoded_len`] of `out`; [`ENCODED_MAX`] always fit.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode(
        cbor: &[u8],
        (id, tier, verb): (EnvelopeId, Tier, Verb),
        form: Form,
        scratch: &mut [u8],
        out: &mut [u8],
    ) -> Result<Self, EncodeError> {
        if cbor.is_empty() || cbor.len() > ENVELOPE_MAX {
            return Err(EncodeError::Envelope);
        }
        if !(BODY_MIN..=BODY_MAX).contains(&form.body_max) {
            return Err(EncodeError::BodyMax);
        }
        let (table, deflated) = scratch
            .split_at_mut_checked(deflate::SCRATCH_LEN)
            .ok_or(EncodeError::Buffer)?;
        let deflated = deflated.get_mut(..ENVELOPE_MAX).ok_or(EncodeError::Buffer)?;
        let step = form.body_max - FRAMING_LEN;
        let on_wire = |len: usize| if form.text_only { base64::encoded_len(len) } else { len };
        let chunks = |len: usize| {
            if on_wire(len) <= form.body_max {
                1
            } else {
                on_wire(len).div_ceil(step)
            }
        };
        // One chunk cannot become fewer.
        let deflated = (chunks(cbor.len()) > 1)
            .then(|| deflate::deflate(cbor, table, deflated))
            .flatten();
        let deflated = deflated.filter(|deflated| chunks(deflated.len()) < chunks(cbor.len()));
        let bytes = deflated.unwrap_or(cbor);
        let total = u32::try_from(chunks(bytes.len())).unwrap_or(u32::MAX);
        if total > CHUNKS_MAX {
            return Err(EncodeError::Chunks);
        }
        let encoded = if form.text_only {
            base64::encode(bytes, out).ok_or(EncodeError::Buffer)?
        } else {
            let place = out.get_mut(..bytes.len()).ok_or(EncodeError::Buffer)?;
            place.copy_from_slice(bytes);
            place
        };
        let mut plan = Self {
            id,
            tier,
            verb,
            len: encoded.len(),
            step,
            total,
            boundary_digit: 0,
            deflated: deflated.is_some(),
            text: form.text_only,
            package: form.package,
        };
        // Text holds no hyphen, and one INFO has no boundary.
        while total > 1 && !form.text_only && plan.boundary_is_inside(encoded) {
            plan.boundary_digit += 1;
            if plan.boundary_digit == BOUNDARY_TRIES {
                return Err(EncodeError::Boundary);
            }
        }
        Ok(plan)
    }

    /// Length of the encoded envelope in bytes.
    pub fn encoded_len(&self) -> usize {
        self.len
    }

    /// N: how many INFOs the envelope takes, 1 to [`CHUNKS_MAX`].
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The envelope's identifier.
    pub fn id(&self) -> EnvelopeId {
        self.id
    }

    /// The envelope's verb.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether the encoded bytes are deflated.
    pub fn is_deflated(&self) -> bool {
        self.deflated
    }

    /// Whether the encoded bytes are base64 text.
    pub fn is_text(&self) -> bool {
        self.text
    }

    /// Which of the encoded bytes the INFO `k` carries, counted from 1; `None` where there is no such INFO.
    pub fn range(&self, k: u32) -> Option<Range<usize>> {
        if self.total == 1 {
            return (k == 1).then_some(0..self.len);
        }
        let start = usize::try_from(k.checked_sub(1)?).ok()?.checked_mul(self.step)?;
        (start < self.len).then(|| start..self.len.min(start + self.step))
    }

    /// Writes INFO `k`, counted from 1. `data` is the part of the encoded bytes that [`Outgoing::range`] names;
    /// [`HEADERS_LEN`] and [`BODY_MAX`] bytes of buffer always suffice.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn render<'b>(
        &self,
        k: u32,
        data: &'b [u8],
        headers: &'b mut [u8],
        body: &'b mut [u8],
    ) -> Result<Rendered<'b>, RenderError> {
        let range = self.range(k).ok_or(RenderError::Index)?;
        if range.len() != data.len() {
            return Err(RenderError::Length);
        }
        let content_encoding = self.deflated.then_some("deflate");
        let mut text = Text::new(headers);
        let content_type = self
            .headers(k, content_encoding, &mut text)
            .map_err(|_| RenderError::Buffer)?;
        let headers = text.finish();
        let body = if self.total == 1 {
            data
        } else {
            self.part(k, data, body).ok_or(RenderError::Buffer)?
        };
        Ok(Rendered {
            headers,
            content_type: headers.get(content_type).unwrap_or_default(),
            content_encoding,
            version: VERSION,
            tier: self.tier.as_str(),
            verb: self.verb.as_str(),
            body,
        })
    }

    /// Writes the header lines; where the value of `Content-Type` stands in them.
    fn headers(&self, k: u32, encoding: Option<&str>, text: &mut Text<'_>) -> Result<Range<usize>, fmt::Error> {
        text.write_str("Content-Type: ")?;
        let start = text.len;
        if self.total == 1 {
            text.write_str(MediaType::Cbor.as_str())?;
        } else {
            let (media, boundary) = (MediaType::Chunk.as_str(), self.boundary());
            write!(
                text,
                "{media}; boundary={boundary}; total-chunks={}; chunk={k}; id={}",
                self.total, self.id
            )?;
        }
        let end = text.len;
        text.write_str("\r\n")?;
        if let Some(encoding) = encoding {
            write!(text, "Content-Encoding: {encoding}\r\n")?;
        }
        if self.package {
            // RFC 6086 §4.2.1: the body belongs to the package.
            write!(
                text,
                "Info-Package: {INFO_PACKAGE}\r\nContent-Disposition: Info-Package\r\n"
            )?;
        }
        write!(
            text,
            "OHP-Version: {VERSION}\r\nOHP-Tier: {}\r\nOHP-Verb: {}\r\n",
            self.tier, self.verb
        )?;
        Ok(start..end)
    }

    /// The multipart body: one part that repeats the Content-Type's parameters in its own header.
    fn part<'b>(&self, k: u32, data: &[u8], body: &'b mut [u8]) -> Option<&'b [u8]> {
        let (media, boundary) = (MediaType::Cbor.as_str(), self.boundary());
        let mut text = Text::new(body);
        let (total, id) = (self.total, self.id);
        write!(
            text,
            "--{boundary}\r\nContent-Type: {media}\r\nOHP-Chunk: {k}/{total}; id={id}\r\n\r\n"
        )
        .ok()?;
        text.bytes(data)?;
        write!(text, "\r\n--{boundary}--\r\n").ok()?;
        Some(text.into_bytes())
    }

    fn boundary(&self) -> OwnBoundary {
        let id = self.id.as_str().as_bytes();
        let mut text = [b'0'; BOUNDARY_LEN];
        let random = id.iter().skip(ENVELOPE_ID_LEN - BOUNDARY_RANDOM_LEN);
        let bytes = BOUNDARY_PREFIX.as_bytes().iter().chain(random);
        for (place, byte) in text.iter_mut().zip(bytes) {
            *place = *byte;
        }
        text[BOUNDARY_LEN - 1] = b'0' + self.boundary_digit;
        OwnBoundary(text)
    }

    fn boundary_is_inside(&self, encoded: &[u8]) -> bool {
        let boundary = self.boundary();
        let mut starts = encoded.windows(2 + BOUNDARY_LEN);
        starts.any(|window| window.strip_prefix(b"--").is_some_and(|window| window == boundary.0))
    }
}

/// A boundary made from an envelope's identifier.
struct OwnBoundary([u8; BOUNDARY_LEN]);

impl fmt::Display for OwnBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// Text and bytes written into a buffer of fixed size.
struct Text<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Text<'b> {
    fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    fn into_bytes(self) -> &'b [u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    fn finish(self) -> &'b str {
        core::str::from_utf8(self.into_bytes()).unwrap_or_default()
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes()).ok_or(fmt::Error)
    }
}
