//! JSON (RFC 8259) to canonical CBOR and back, without loss.
//!
//! The reader is an own one because three things matter here that general ones leave open: every integer from −2⁶⁴ to
//! 2⁶⁴ − 1 stays an integer and every literal with a point or an exponent a float; equal keys, compared after
//! unescaping, are an error; and no memory is used but the caller's. JSON does not tell a date-time from a text nor the
//! number 1 from 1.0, so a [`Shape`] says at which places a schema wants which.
//!
//! Not here: which shape an envelope has.

mod encode;
mod member;
mod number;
mod print;
mod string;

use core::fmt;

use super::MAX_INPUT_LEN;
use crate::error::At;

pub use encode::to_cbor;
pub use print::from_cbor;
#[cfg(feature = "std")]
pub(crate) use print::string as quote;

/// Most numbers with a fraction or an exponent and more than 19 significant digits in one input: each may take 100 µs.
/// No encoder writes a float with more than 17.
pub const LONG_NUMBERS_MAX: usize = 16;

/// What was wrong with a JSON input, and at which byte of it.
pub type Error = At<ErrorKind>;

/// What can be wrong with a JSON input. Unless a variant says otherwise the offset is that of the offending byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is longer than [`super::MAX_INPUT_LEN`], which is the offset.
    TooLarge,
    /// The input is not UTF-8. This is looked at first.
    Utf8,
    /// The input ends too early; the offset is its length.
    End,
    /// A value was expected.
    Value,
    /// A key in quotation marks was expected.
    Key,
    /// A colon was expected.
    Colon,
    /// A comma or the bracket that closes the container was expected.
    Comma,
    /// Something stands behind the value.
    Trailing,
    /// A container inside of [`super::MAX_DEPTH`] others.
    TooDeep,
    /// A control character inside of a string.
    Control,
    /// An unknown escape; the offset is that of the backslash.
    Escape,
    /// Half of a surrogate pair; the offset is that of the backslash.
    Surrogate,
    /// A number that is not written as JSON demands: a leading zero, or no digit where one must be.
    Number,
    /// An integer outside of −2⁶⁴ … 2⁶⁴ − 1; the offset is that of its first byte.
    IntegerRange,
    /// A number too large for a float; the offset is that of its first byte.
    FloatRange,
    /// One number of more than 19 significant digits too many ([`LONG_NUMBERS_MAX`]); the offset is that of its first byte.
    LongNumbers,
    /// A key for the second time in one object; the offset is that of its opening quotation mark.
    DuplicateKey,
    /// A string that is no RFC 3339 date-time where the shape wants one; the offset is that of the offending byte, or of
    /// the string's opening quotation mark if the string has escapes.
    TimeSyntax,
    /// The output buffer is too short ([`max_cbor_len`] always suffices).
    OutputFull,
    /// The scratch buffer is too short ([`scratch_len`] always suffices).
    ScratchFull,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::TooLarge => "the JSON input is too long; an envelope has at most 32 KiB",
            ErrorKind::Utf8 => "the JSON input is not UTF-8",
            ErrorKind::End => "the JSON input ends too early; was it cut off?",
            ErrorKind::Value => "a JSON value was expected",
            ErrorKind::Key => "a JSON key in quotation marks was expected",
            ErrorKind::Colon => "a colon was expected behind a JSON key",
            ErrorKind::Comma => "a comma or a closing bracket was expected behind a JSON value",
            ErrorKind::Trailing => "something stands behind the JSON value; send the value alone",
            ErrorKind::TooDeep => "JSON containers are nested deeper than 32; flatten them",
            ErrorKind::Control => "a control character in a JSON string; escape it",
            ErrorKind::Escape => "an unknown escape in a JSON string",
            ErrorKind::Surrogate => "half of a surrogate pair in a JSON string",
            ErrorKind::Number => "a malformed JSON number; no leading zeros, and digits around a point",
            ErrorKind::IntegerRange => {
                "a JSON integer outside of -2^64 to 2^64-1; send it as a string or with an exponent"
            }
            ErrorKind::FloatRange => "a JSON number that overflows a 64-bit float; send it as a string",
            ErrorKind::LongNumbers => {
                "more than 16 JSON numbers of more than 19 digits; a 64-bit float has 17, so round them"
            }
            ErrorKind::DuplicateKey => "a JSON key for the second time in one object; keep one",
            ErrorKind::TimeSyntax => "an RFC 3339 date-time such as 2026-05-28T13:42:11Z was expected",
            ErrorKind::OutputFull => "the buffer for the CBOR is too short; give a longer one",
            ErrorKind::ScratchFull => "the scratch buffer for reading JSON is too short; give a longer one",
        })
    }
}

/// What a schema says about the places of a document, as far as JSON cannot.
pub trait Shape: Copy {
    /// The shape of an object's member `key`.
    #[must_use]
    fn member(self, key: &str) -> Self;
    /// The shape of an array's elements.
    #[must_use]
    fn element(self) -> Self;
    /// What a scalar at this place becomes.
    fn form(self) -> Form;
}

/// What a scalar becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What the literal says: an integer if it has no point and no exponent, a text if it is a string.
    Any,
    /// A string is an RFC 3339 date-time and gets tag 0. Other values stay as they are.
    Time,
    /// A number is a float, however it is written. Other values stay as they are.
    Float,
}

/// The shape of a document of which nothing is known: [`Form::Any`] everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain;

impl Shape for Plain {
    fn member(self, _key: &str) -> Self {
        self
    }

    fn element(self) -> Self {
        self
    }

    fn form(self) -> Form {
        Form::Any
    }
}

/// Bytes that the CBOR of a JSON input of `json_len` bytes has at most: the worst is an array of numbers like `1.1`,
/// four bytes each with the comma, which are floats of nine bytes. Envelopes shrink.
///
/// Input longer than [`MAX_INPUT_LEN`] is refused unread and counts as that.
pub const fn max_cbor_len(json_len: usize) -> usize {
    readable(json_len) * 9 / 4 + 9
}

const fn readable(json_len: usize) -> usize {
    if json_len < MAX_INPUT_LEN {
        json_len
    } else {
        MAX_INPUT_LEN
    }
}

/// Bytes of scratch that [`to_cbor`] needs at most for a JSON input of `json_len` bytes: twelve for each member of the
/// objects open at once (a member has five bytes of JSON at least, as in `{"":1}` in one another), and a copy of the
/// largest object whose members are not in canonical order.
pub const fn scratch_len(json_len: usize) -> usize {
    (readable(json_len) / 5 + 1) * member::RECORD_LEN + max_cbor_len(json_len)
}
