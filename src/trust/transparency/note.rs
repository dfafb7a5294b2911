//! Signed notes (C2SP signed-note, version 1.0.0): a text, an empty line, and lines of signatures by named keys.
//!
//! Only Ed25519 signatures are verified, the one kind that every log has; lines of other keys and kinds are passed over, as
//! the format demands.

use core::fmt::{self, Write};

use base64ct::{Base64, Encoding as _};

use crate::crypto::{ed25519, sha256};

/// The longest note in bytes: a checkpoint has three short lines, and witnesses add a line each.
pub const NOTE_MAX: usize = 16 * 1024;

/// The most lines of signatures in a note.
pub const SIGNATURES_MAX: usize = 64;

/// The type byte of Ed25519 keys and signatures.
const ED25519: u8 = 0x01;

/// Length of a key's identifier in bytes.
const KEY_ID_LEN: usize = 4;

/// What a line of a signature begins with: an em dash and a space.
const LINE_START: &str = "\u{2014} ";

/// Room for the base64 text of a signature with its key's identifier.
const SIGNATURE_TEXT_MAX: usize = (KEY_ID_LEN + ed25519::SIGNATURE_LEN).div_ceil(3) * 4;

/// Why a note or a key's text cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// The note is longer than [`NOTE_MAX`].
    TooLong,
    /// There is no empty line before the signatures, a line is no signature, or a character may not stand in a note.
    Form,
    /// More than [`SIGNATURES_MAX`] signatures.
    TooManySignatures,
    /// No signature by a key that we know.
    NotSigned,
    /// A signature under the name and identifier of a key that we know does not hold.
    Signature,
    /// A key's text is not `name+hash+base64` with an Ed25519 key.
    Key,
    /// The output is too short.
    Full,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the signed note has more than {NOTE_MAX} bytes"),
            Self::Form => f.write_str("not a signed note: a text, an empty line, and lines of signatures"),
            Self::TooManySignatures => write!(f, "the signed note has more than {SIGNATURES_MAX} signatures"),
            Self::NotSigned => f.write_str("the note has no signature by one of the log's checkpointKeys"),
            Self::Signature => f.write_str("a signature of the note does not hold"),
            Self::Key => f.write_str("not a verifier key: name+hash+base64 of an Ed25519 key"),
            Self::Full => f.write_str("the signed note does not fit into its buffer"),
        }
    }
}

impl core::error::Error for NoteError {}

/// A key that verifies notes: `name+hash+base64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifierKey<'k> {
    name: &'k str,
    id: [u8; KEY_ID_LEN],
    key: ed25519::PublicKey,
}

impl<'k> VerifierKey<'k> {
    /// The key `key` under `name`; `None` for a name that cannot stand in a note.
    pub fn new(name: &'k str, key: ed25519::PublicKey) -> Option<Self> {
        is_name(name).then(|| Self {
            name,
            id: key_id(name, &key),
            key,
        })
    }

    /// Reads a verifier key's text.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &'k str) -> Result<Self, NoteError> {
        // The base64 text may hold a `+` itself, so the parts are taken from the front; a name has none.
        let mut parts = text.splitn(3, '+');
        let (name, hash, key) = (parts.next(), parts.next(), parts.next());
        let (name, hash) = name.zip(hash).ok_or(NoteError::Key)?;
        let mut bytes = [0; 1 + ed25519::PUBLIC_LEN];
        let bytes = Base64::decode(key.ok_or(NoteError::Key)?, &mut bytes).map_err(|_| NoteError::Key)?;
        let Some((&ED25519, public)) = bytes.split_first() else {
            return Err(NoteError::Key);
        };
        let public = public.try_into().map_err(|_| NoteError::Key)?;
        let key = ed25519::PublicKey::parse(public).map_err(|_| NoteError::Key)?;
        let own = Self::new(name, key).ok_or(NoteError::Key)?;
        match crate::id::parse_hex(hash) {
            Some(id) if own.id == id => Ok(own),
            _ => Err(NoteError::Key),
        }
    }

    /// The key's name, which for a log is its origin.
    pub fn name(&self) -> &'k str {
        self.name
    }
}

impl fmt::Display for VerifierKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [ED25519; 1 + ed25519::PUBLIC_LEN];
        key[1..].copy_from_slice(self.key.as_bytes());
        let mut text = [0; (1 + ed25519::PUBLIC_LEN).div_ceil(3) * 4];
        let text = Base64::encode(&key, &mut text).map_err(|_| fmt::Error)?;
        write!(f, "{}+{:08x}+{text}", self.name, u32::from_be_bytes(self.id))
    }
}

fn key_id(name: &str, key: &ed25519::PublicKey) -> [u8; KEY_ID_LEN] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519], key.as_bytes()]);
    [hash[0], hash[1], hash[2], hash[3]]
}

/// Whether `name` can stand in a note: not empty, no white space, no plus.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Verifies `note` and gives its text, with the line feed that ends it.
///
/// At least one of `keys` must have signed it, and no signature under one of them may be wrong.
///
/// # Errors
/// [`NoteError`].
pub fn verify<'n, 'k>(
    note: &'n str,
    keys: impl Iterator<Item = VerifierKey<'k>> + Clone,
) -> Result<&'n str, NoteError> {
    if note.len() > NOTE_MAX {
        return Err(NoteError::TooLong);
    }
    if note.contains(|c: char| c.is_control() && c != '\n') {
        return Err(NoteError::Form);
    }
    // The last empty line: a text may have empty lines of its own.
    let split = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
    let mut held = false;
    for (nth, line) in signatures.split('\n').enumerate() {
        if nth == SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let (name, signature) = line
            .strip_prefix(LINE_START)
            .and_then(|line| line.split_once(' '))
            .filter(|(name, _)| is_name(name))
            .ok_or(NoteError::Form)?;
        // A longer one is of a kind that we do not know.
        let mut bytes = [0; KEY_ID_LEN + ed25519::SIGNATURE_LEN];
        let Ok(bytes) = Base64::decode(signature, &mut bytes) else {
            continue;
        };
        let Some((id, signature)) = bytes.split_first_chunk::<KEY_ID_LEN>() else {
            return Err(NoteError::Form);
        };
        let Some(key) = keys.clone().find(|key| key.name == name && key.id == *id) else {
            continue;
        };
        let signature = signature.try_into().map_err(|_| NoteError::Signature)?;
        key.key
            .verify(text.as_bytes(), signature)
            .map_err(|_| NoteError::Signature)?;
        held = true;
    }
    if held { Ok(text) } else { Err(NoteError::NotSigned) }
}

/// Writes the note of `text`, which ends with a line feed, signed by `key` under `name`.
///
/// # Errors
/// [`NoteError::Form`] for a text or a name that cannot stand in a note, or [`NoteError::Full`].
pub fn sign(text: &str, name: &str, key: &ed25519::SigningKey, out: &mut dyn Write) -> Result<(), NoteError> {
    if !is_name(name) || !text.ends_with('\n') || text.contains(|c: char| c.is_control() && c != '\n') {
        return Err(NoteError::Form);
    }
    let mut bytes = [0; KEY_ID_LEN + ed25519::SIGNATURE_LEN];
    bytes[..KEY_ID_LEN].copy_from_slice(&key_id(name, &key.public()));
    bytes[KEY_ID_LEN..].copy_from_slice(&key.sign(text.as_bytes()));
    let mut line = [0; SIGNATURE_TEXT_MAX];
    let line = Base64::encode(&bytes, &mut line).map_err(|_| NoteError::Full)?;
    writeln!(out, "{text}\n{LINE_START}{name} {line}").map_err(|_| NoteError::Full)
}
