//! The final SIP response to an INFO. The OHP answer, a REJECT for `rate-limit` included, is an INFO of its own.

use core::fmt;

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
            SipStatus::Unavailable => "Service Unavailable",
        }
    }
}

impl fmt::Display for SipStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.reason())
    }
}
