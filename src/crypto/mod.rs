//! The primitives, behind one narrow face: SHA-256 and Ed25519.
//!
//! Callers name an operation, never a crate. SHA-256 has two backends, chosen by feature: `ring` (the default; SHA
//! instructions and assembly) and `rustcrypto` (for GPLv2 hosts, and it wins when both features are on, so that such a
//! host gets no ring code by accident of feature unification). Ed25519 is ed25519-dalek under either: it is the one
//! implementation that refuses small-order keys, and the one that wipes its secrets.
//!
//! Not here: keys as JSON ([`crate::trust`]), what is signed ([`crate::envelope`]), and any choice of algorithm by the
//! peer; nothing in this module reads network input other than as opaque bytes.

pub mod ed25519;
mod sha256;

pub use sha256::{SHA256_LEN, Sha256, sha256};
