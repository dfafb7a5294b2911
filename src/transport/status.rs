//! The final SIP response to an INFO, and why it is what it is.
//!
//! 200 says only that a message of this package was understood. The OHP answer, a REJECT for `rate-limit` included, is
//! an INFO of its own.

use core::fmt;

use super::{body, content_type, header, multipart};

/// A final response (RFC 3261 §21, RFC 6086 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum SipStatus {
    /// Understood as a message of this package, whatever its envelope is worth.
    Ok = 200,
    /// Malformed.
    BadRequest = 400,
    /// Larger than an envelope, or a set of chunks, may be.
    TooLarge = 413,
    /// Not one of the binding's media types or encodings.
    UnsupportedMediaType = 415,
    /// `Info-Package` names another package.
    BadInfoPackage = 469,
    /// An ASSUME came too late to be honoured; unlike 481 it leaves the dialog alone (RFC 5057 §5.1).
    NotAcceptableHere = 488,
    /// Another handoff is under way, or two proposals have crossed (RFC 3261 §14.2 for what crosses).
    RequestPending = 491,
    /// No room for it now.
    Unavailable = 503,
}

impl SipStatus {
    /// The status code.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason phrase of the RFC.
    pub const fn reason(self) -> &'static str {
        match self {
            SipStatus::Ok => "OK",
            SipStatus::BadRequest => "Bad Request",
            SipStatus::TooLarge => "Request Entity Too Large",
            SipStatus::UnsupportedMediaType => "Unsupported Media Type",
            SipStatus::BadInfoPackage => "Bad Info Package",
            SipStatus::NotAcceptableHere => "Not Acceptable Here",
            SipStatus::RequestPending => "Request Pending",
            SipStatus::Unavailable => "Service Unavailable",
        }
    }
}

impl fmt::Display for SipStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.reason())
    }
}

/// Why an INFO is answered otherwise than 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Info-Package` names another package.
    Package,
    /// `Content-Type` is absent, or not one of the binding's.
    MediaType,
    /// `Content-Encoding` is neither `deflate` nor `identity`.
    Encoding,
    /// The header lines are malformed.
    Header(header::Error),
    /// `Content-Type` is malformed.
    ContentType(content_type::Error),
    /// The chunk is malformed.
    Chunk(multipart::Error),
    /// The body, or the envelope put together from chunks, is malformed.
    Body(body::Error),
    /// The body is longer than the longest envelope in the wordiest form.
    TooLarge,
    /// The chunk contradicts the chunks before it or is numbered out of range, and has ended its set; or its set had
    /// ended like that before.
    Set,
    /// The set's chunks hold more than fits a slot, and it has ended.
    SetTooLarge,
    /// The call has too many unfinished envelopes, or too many bytes in them.
    CallLimit,
    /// The table has no room.
    TableFull,
    /// The set expired, or its slot was lost, while this chunk was put into it.
    Lost,
    /// A buffer is too small for its task; the caller has the sizes wrong.
    Buffer,
}

impl Refusal {
    /// How the INFO is answered.
    pub fn status(self) -> SipStatus {
        match self {
            Refusal::Package => SipStatus::BadInfoPackage,
            Refusal::MediaType | Refusal::Encoding => SipStatus::UnsupportedMediaType,
            Refusal::Header(_) | Refusal::ContentType(_) | Refusal::Chunk(_) | Refusal::Set => SipStatus::BadRequest,
            Refusal::Body(error) => error.kind.status(),
            Refusal::TooLarge | Refusal::SetTooLarge => SipStatus::TooLarge,
            // The same envelope would be taken once others of the call have ended.
            Refusal::CallLimit | Refusal::TableFull | Refusal::Lost | Refusal::Buffer => SipStatus::Unavailable,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Package => f.write_str("Info-Package is not ohp"),
            Refusal::MediaType => {
                f.write_str("Content-Type is not application/ohp+cbor, application/ohp+json or multipart/ohp")
            }
            Refusal::Encoding => f.write_str("Content-Encoding is not deflate"),
            Refusal::Header(error) => write!(f, "{error} of the headers"),
            Refusal::ContentType(error) => write!(f, "{error} of Content-Type"),
            Refusal::Chunk(error) => write!(f, "{error} of the body"),
            Refusal::Body(error) => write!(f, "{error} of the body"),
            Refusal::TooLarge => f.write_str("body is longer than any envelope"),
            Refusal::Set => f.write_str("chunk contradicts others of its envelope; send it again under a new id"),
            Refusal::SetTooLarge => f.write_str("chunks hold more than an envelope may; the set has ended"),
            Refusal::CallLimit => f.write_str("call has too many unfinished envelopes; wait until one has ended"),
            Refusal::TableFull => f.write_str("no room for another unfinished envelope; configure a larger table"),
            Refusal::Lost => f.write_str("the unfinished envelope was lost meanwhile; send it again"),
            Refusal::Buffer => f.write_str("buffer or scratch too small"),
        }
    }
}

impl core::error::Error for Refusal {}
