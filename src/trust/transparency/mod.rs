//! Transparency logs: append-only Merkle trees in which envelopes are anchored (OHP §5.7; interpretations, rows 8 and 46).
//!
//! - [`merkle`]: leaf and node hashes, inclusion and consistency proofs (RFC 9162);
//! - [`note`]: signed notes (C2SP signed-note) and the keys that verify them;
//! - [`checkpoint`]: what a log signs about its tree (C2SP tlog-checkpoint);
//! - [`anchor`]: whether an envelope's entry in a log holds;
//! - [`anchored`] (with `std`): what a log gives for a leaf, as a trust bundle lists it;
//! - [`local`] (with `std`): a log of one's own in a folder, for those who have no other;
//! - [`rekor`] (with `std`): what a log of Rekor's kind is asked and answers.
//!
//! Not here: the network. Whoever verifies has the entries in the trust bundle.

pub mod anchor;
#[cfg(feature = "std")]
pub mod anchored;
pub mod checkpoint;
#[cfg(feature = "std")]
pub mod local;
pub mod merkle;
pub mod note;
#[cfg(feature = "std")]
pub mod rekor;
