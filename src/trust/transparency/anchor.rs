//! Whether an envelope's entry in a log holds: signed checkpoint, right tree, right leaf.

use core::fmt;

use super::checkpoint::{Checkpoint, NotACheckpoint};
use super::merkle::{self, Hash, PROOF_MAX, ProofError};
use super::note::{self, NoteError, VerifierKey};
use crate::trust::bundle::{Log, LogEntry};

/// Why an entry proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// The checkpoint's signature.
    Note(NoteError),
    /// The checkpoint's text.
    Checkpoint(NotACheckpoint),
    /// The checkpoint is of a tree of another size than the proof; holds both.
    OtherSize(u64, u64),
    /// The proof.
    Proof(ProofError),
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::OtherSize(checkpoint, proof) => {
                write!(f, "the checkpoint is of {checkpoint} leaves and the proof of {proof}")
            }
            Self::Proof(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AnchorError {}

/// Whether `entry` of `log` proves that the leaf of hash `leaf` is in the log.
///
/// # Errors
/// [`AnchorError`].
pub fn verify(log: &Log, entry: &LogEntry, leaf: &Hash) -> Result<(), AnchorError> {
    if entry.proof.len() > PROOF_MAX {
        return Err(AnchorError::Proof(ProofError::Length));
    }
    // The log itself must have signed, under its origin; what witnesses sign beside it is theirs. A key that cannot be read
    // signs nothing.
    let origin = entry.checkpoint.lines().next().unwrap_or_default();
    let keys = log
        .checkpoint_keys
        .iter()
        .filter_map(|text| VerifierKey::parse(text).ok());
    let own = keys.filter(|key| key.name() == origin);
    let text = note::verify(&entry.checkpoint, own).map_err(AnchorError::Note)?;
    let checkpoint = Checkpoint::parse(text).map_err(AnchorError::Checkpoint)?;
    if checkpoint.size != entry.tree_size {
        return Err(AnchorError::OtherSize(checkpoint.size, entry.tree_size));
    }
    merkle::verify_inclusion(leaf, entry.index, entry.tree_size, &entry.proof, &checkpoint.root)
        .map_err(AnchorError::Proof)
}
