//! The primitives, behind one narrow face: SHA-256, Ed25519, ML-DSA-65, HPKE, and ES256 for what others have signed.
//!
//! Callers name an operation, never a crate. SHA-256 has two backends, chosen by feature: `ring` (the default; SHA
//! instructions and assembly) and `rustcrypto` (for GPLv2 hosts, and it wins when both features are on, so that such a
//! host gets no ring code by accident of feature unification). Signatures are verified by ed25519-dalek and ml-dsa, or
//! under the feature `aws-lc` by AWS-LC; what may be a key is decided in front of either, and both accept the same.
//! Signing, HPKE and ES256 have one implementation each, which allocates nothing and wipes its secrets.
//!
//! Not here: keys as JSON ([`crate::trust`]), what is signed ([`crate::envelope`]), and any choice of algorithm by the
//! peer; nothing in this module reads network input other than as opaque bytes.

mod backend;
pub mod ed25519;
pub mod es256;
mod given;
pub mod hpke;
pub mod mldsa65;
mod sha256;

pub use sha256::{SHA256_LEN, Sha256, sha256};
