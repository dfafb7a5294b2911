//! Deterministic CBOR (RFC 8949 §4.2.1) in JSON's data model, and JSON in and out of it.
//!
//! An envelope on the wire must be canonical, because what is signed are its bytes: so the [`Reader`] refuses
//! everything that a second encoder could have written differently, and an [`Item`] is a view over bytes of which that
//! has been proven. The model is JSON's: integers from −2⁶⁴ to 2⁶⁴ − 1, finite floats, text, booleans, null, arrays,
//! maps with text keys, and one thing more, a date-time under tag 0.
//!
//! Not here: what an envelope's members mean (see [`crate::envelope`]), and byte strings, bignums, other tags and
//! indefinite lengths, which the protocol has no use for.

mod check;
mod float;
mod head;
mod item;
pub mod json;
mod reader;
mod writer;

use core::cmp::Ordering;
use core::fmt;

use crate::error::At;

pub use check::check;
pub use item::{Array, ArrayIter, Item, Kind, Map, MapIter};
pub use reader::{Reader, Token, TokenOf};
pub use writer::{WriteError, Writer};

/// Containers that may be open at once, in CBOR and in JSON (OHP envelopes nest about seven deep).
pub const MAX_DEPTH: usize = 32;

/// Longest input, in bytes, in CBOR and in JSON: 512 times what a message may have, and short enough for offsets and
/// counts of 32 bits.
pub const MAX_INPUT_LEN: usize = 1 << 24;

/// What was wrong with a CBOR input, and at which byte.
pub type Error = At<ErrorKind>;

/// What can be wrong with a CBOR input. Unless a variant says otherwise the offset is that of the item's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is longer than [`MAX_INPUT_LEN`], which is the offset.
    TooLarge,
    /// The item that begins at the offset does not fit into what is left of the input. The offset is the input's
    /// length where a whole item is missing.
    Truncated,
    /// The offset is that of the first byte behind the item.
    TrailingBytes,
    /// A container inside of [`MAX_DEPTH`] others.
    TooDeep,
    /// An indefinite length, or the break code that ends one.
    Indefinite,
    /// A head that RFC 8949 reserves (additional information 28 to 30, or 31 where it has no meaning).
    Reserved,
    /// An integer, a length, a count or a tag number in a longer form than it needs.
    LongHead,
    /// A byte string.
    ByteString,
    /// A text that is not UTF-8; the offset is that of the first byte that is none.
    Utf8,
    /// A map key that is no text.
    KeyNotText,
    /// A map key that belongs before the one in front of it.
    KeyOrder,
    /// A map key that equals the one in front of it.
    DuplicateKey,
    /// A tag other than 0.
    Tag,
    /// Tag 0 on something else than a text; the offset is that of the content.
    TimeNotText,
    /// Tag 0 on a text that is no RFC 3339 date-time; the offset is that of the offending byte, or of the text's end.
    TimeSyntax,
    /// Undefined, or a simple value other than false, true and null.
    Simple,
    /// NaN or an infinity.
    FloatNotFinite,
    /// A float that a shorter form holds as well.
    LongFloat,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::TooLarge => "the CBOR input is too long; an envelope has at most 32 KiB",
            ErrorKind::Truncated => "the CBOR input ends inside of an item; was it cut off, or is a length wrong?",
            ErrorKind::TrailingBytes => "bytes behind the CBOR item; send the item alone",
            ErrorKind::TooDeep => "CBOR containers are nested deeper than 32; flatten them",
            ErrorKind::Indefinite => "a CBOR indefinite length; canonical CBOR states every length",
            ErrorKind::Reserved => "a reserved CBOR head byte; is this CBOR?",
            ErrorKind::LongHead => "a CBOR number or length in a longer form than needed; use the shortest",
            ErrorKind::ByteString => "a CBOR byte string; send it as text",
            ErrorKind::Utf8 => "a CBOR text that is not UTF-8",
            ErrorKind::KeyNotText => "a CBOR map key that is no text",
            ErrorKind::KeyOrder => "a CBOR map key out of order; sort by the encoded key, shorter keys first",
            ErrorKind::DuplicateKey => "a CBOR map key for the second time; keep one",
            ErrorKind::Tag => "a CBOR tag other than 0; only date-times are tagged",
            ErrorKind::TimeNotText => "CBOR tag 0 on something else than a text",
            ErrorKind::TimeSyntax => "CBOR tag 0 on a text that is no RFC 3339 date-time such as 2026-05-28T13:42:11Z",
            ErrorKind::Simple => "a CBOR simple value other than false, true and null",
            ErrorKind::FloatNotFinite => "a CBOR float that is NaN or infinite; leave the member out",
            ErrorKind::LongFloat => "a CBOR float in a longer form than needed; use the shortest that keeps the value",
        })
    }
}

/// The order in which the keys of a canonical map stand: bytewise by the encoded key, hence shorter keys first.
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    key_order(a.as_bytes(), b.as_bytes())
}

/// [`compare_keys`] on the keys' bytes. The shortest heads of two lengths compare as the lengths do, so the heads need
/// not be looked at.
///
/// An envelope asks this some hundred times, mostly of keys that two loads hold: for those no function is called.
#[inline]
pub(crate) fn key_order(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() != b.len() {
        return a.len().cmp(&b.len());
    }
    // Where the first halves are the same, so are the bytes that the last halves share with them.
    match a.len() {
        0..4 | 17.. => a.cmp(b),
        4..8 => {
            let halves = |key: &[u8]| Some((key.first_chunk().copied()?, key.last_chunk().copied()?));
            let words = |key| halves(key).map(|(first, last)| [first, last].map(u32::from_be_bytes));
            words(a).cmp(&words(b))
        }
        8..17 => {
            let halves = |key: &[u8]| Some((key.first_chunk().copied()?, key.last_chunk().copied()?));
            let words = |key| halves(key).map(|(first, last)| [first, last].map(u64::from_be_bytes));
            words(a).cmp(&words(b))
        }
    }
}
