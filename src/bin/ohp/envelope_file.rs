//! Files that hold one envelope, in any of the forms in which one travels, and what is wrong with those that do not.

use std::fmt;
use std::path::Path;

use ohp::cbor::{self, json};
use ohp::envelope::{Envelope, ReadError, SHAPE};
use ohp::transport::ENVELOPE_MAX;
use ohp::transport::body::{self, Declared, Form};

use crate::exit::Failure;
use crate::input;

/// Longest file that is read: far above the protocol's limit, so that an envelope which is too large is said to be so.
const FILE_LIMIT: u64 = 1 << 20;

/// What a file holds.
pub enum Contents {
    /// Canonical CBOR, or what claims to be; whether it is one is for whoever reads the envelope.
    Cbor(Vec<u8>, Form),
    /// Well-formed JSON or CBOR, but not a map.
    NotAMap,
    /// More than an envelope may have.
    TooLarge,
    /// No envelope at all.
    Malformed(Malformed),
}

/// Why bytes are no envelope at all.
#[derive(Debug)]
pub struct Malformed {
    /// What was wrong.
    pub message: String,
    /// Where: bytes from the start of the file, or of what was left after inflating it.
    pub offset: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.message, self.offset)
    }
}

/// Reads the file at `path`, or standard input for `-`. `declared` is what headers say about it.
pub fn read(path: &Path, declared: Declared) -> Result<Contents, Failure> {
    Ok(contents(&input::read(path, FILE_LIMIT)?, declared))
}

/// Reads the file at `path` for a command that has no use for anything but an envelope's CBOR.
pub fn read_cbor(path: &Path) -> Result<(Vec<u8>, Form), Failure> {
    let refuse = |why: &dyn fmt::Display| {
        Failure::new(format_args!("{} holds no envelope: {why}", path.display()))
            .advise("An envelope is JSON, canonical CBOR, either of them deflated, or base64 of one of these")
    };
    match read(path, Declared::default())? {
        Contents::Cbor(cbor, form) => Ok((cbor, form)),
        Contents::NotAMap => Err(refuse(&"it is not a map")),
        Contents::TooLarge => Err(refuse(&format_args!("it has more than {ENVELOPE_MAX} bytes"))),
        Contents::Malformed(malformed) => Err(refuse(&malformed)),
    }
}

/// Reads CBOR as an envelope, broken rules and all, for a command that only shows or changes it.
pub fn envelope(cbor: &[u8]) -> Result<Envelope<'_>, Failure> {
    Envelope::read(cbor, &mut |_| ())
        .map_err(|error| unreadable(&error).advise("`ohp inspect FILE` lists all that it breaks"))
}

/// What keeps bytes from being shown or changed as an envelope.
pub fn unreadable(error: &ReadError) -> Failure {
    match error {
        ReadError::Unusable(_) => Failure::new(format_args!("no envelope can be read without this: {error}")).advise(
            "Mend it first, and what else stands above; what its tier and verb demand is judged when it can be read",
        ),
        ReadError::Cbor(cbor) => Failure::new(error).advise(format_args!(
            "Nothing after byte {} has been looked at: there may be more",
            cbor.offset
        )),
        _ => Failure::new(error),
    }
}

/// What the bytes of a file hold. `declared` is what headers say about it.
pub fn contents(file: &[u8], declared: Declared) -> Contents {
    let text_start = file
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(file.len());
    // CBOR never begins with white space, and ends where it ends.
    let bytes = &file[text_start..];
    let mut scratch = vec![0; body::SCRATCH_LEN];
    let mut out = vec![0; ENVELOPE_MAX];
    match body::decode(bytes, declared, SHAPE, &mut scratch, &mut out) {
        Ok(decoded) => Contents::Cbor(decoded.cbor.to_vec(), decoded.form),
        Err(error) => match error.kind {
            body::ErrorKind::TooLarge => Contents::TooLarge,
            _ if is_other_value(bytes) => Contents::NotAMap,
            body::ErrorKind::Empty => Contents::Malformed(Malformed {
                message: "the file is empty".to_owned(),
                offset: 0,
            }),
            kind => Contents::Malformed(Malformed {
                message: kind.to_string(),
                offset: text_start + error.offset,
            }),
        },
    }
}

/// Whether the bytes are a whole JSON or CBOR value of another kind than a map.
fn is_other_value(bytes: &[u8]) -> bool {
    let is_json = || {
        let mut scratch = vec![0; json::scratch_len(bytes.len())];
        let mut out = vec![0; json::max_cbor_len(bytes.len())];
        json::to_cbor(bytes, json::Plain, &mut scratch, &mut out).is_ok()
    };
    !bytes.starts_with(b"{") && (cbor::check(bytes).is_ok() || is_json())
}
