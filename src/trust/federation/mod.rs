//! OpenID Federation 1.0: trust chains, from a leaf up to an anchor that we trust.
//!
//! A chain is checked while the bundle that brings it is loaded, because neither its signatures nor its policies depend
//! on a call: linkage, anchor, constraints, signatures, metadata policies. What depends on the moment is kept as a window
//! of time and judged at step 1.
//!
//! Not here: fetching statements, choosing among several chains, trust marks; and what the federation lets the issuer
//! assert, which the bundle says ([`crate::trust::bundle::Federation`]).

mod fault;
#[cfg(feature = "std")]
mod metadata;
#[cfg(feature = "std")]
mod policy;

pub use fault::{ChainError, Fault, Operator, PolicyError};
#[cfg(feature = "std")]
pub use metadata::{Element, Metadata, PARAMETERS_MAX, Parameter, VALUES_MAX, Value};
#[cfg(feature = "std")]
pub use policy::{Assignment, Entry, Operators, Policy};

/// Most statements in a chain: of X.509's paths, which are built alike, few have more than five certificates.
pub const MAX_STATEMENTS: usize = 10;

/// Longest statement in characters: twice the longest that were met, which carry an identity provider's metadata and
/// several trust marks.
pub const MAX_STATEMENT_LEN: usize = 32 * 1024;

/// Most characters of a chain in all.
pub const MAX_CHAIN_LEN: usize = 128 * 1024;
