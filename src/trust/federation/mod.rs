//! OpenID Federation 1.0: trust chains, from a leaf up to an anchor that we trust.
//!
//! A chain is checked while the bundle that brings it is loaded, because neither its signatures nor its policies depend
//! on a call: linkage, anchor, constraints, signatures, metadata policies. What depends on the moment is kept as a window
//! of time and judged at step 1.
//!
//! Not here: fetching statements, choosing among several chains, trust marks; and what the federation lets the issuer
//! assert, which the bundle says ([`crate::trust::bundle::Federation`]).

#[cfg(feature = "std")]
mod check;
#[cfg(feature = "std")]
mod constraints;
mod fault;
#[cfg(feature = "std")]
mod issue;
#[cfg(feature = "std")]
mod metadata;
#[cfg(feature = "std")]
mod policy;
#[cfg(feature = "std")]
mod statement;

use super::{List, Text};
use crate::time::{CLOCK_SKEW_MS, Timestamp};

#[cfg(feature = "std")]
pub use check::Claimed;
pub use fault::{ChainError, Fault, Operator, PolicyError};
#[cfg(feature = "std")]
pub use issue::{Draft, issue};
#[cfg(feature = "std")]
pub use metadata::{Element, Metadata, PARAMETERS_MAX, Parameter, VALUES_MAX, Value};
#[cfg(feature = "std")]
pub use policy::{Assignment, Entry, Operators, Policy};
#[cfg(feature = "std")]
pub use statement::TYPE;

/// Most statements in a chain: of X.509's paths, which are built alike, few have more than five certificates.
pub const MAX_STATEMENTS: usize = 10;

/// Longest statement in characters: twice the longest that were met, which carry an identity provider's metadata and
/// several trust marks.
pub const MAX_STATEMENT_LEN: usize = 32 * 1024;

/// Most characters of a chain in all.
pub const MAX_CHAIN_LEN: usize = 128 * 1024;

/// A chain that has been checked, but for the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Leaf first, anchor last; at least one.
    entities: List<Text>,
    from: Timestamp,
    until: Timestamp,
}

impl Chain {
    /// A chain that somebody else has checked: its entities, leaf first and anchor last, and the times between which all
    /// of its statements hold. `None` if there is no entity.
    pub fn new(entities: List<Text>, from: Timestamp, until: Timestamp) -> Option<Self> {
        (!entities.is_empty()).then_some(Self { entities, from, until })
    }

    /// The entity that the chain is about.
    pub fn leaf(&self) -> &str {
        self.entities.first().map_or("", |entity| entity)
    }

    /// The trust anchor that it ends at.
    pub fn anchor(&self) -> &str {
        self.entities.last().map_or("", |entity| entity)
    }

    /// Whether the entity is the leaf, the anchor or one between them.
    pub fn names(&self, entity: &str) -> bool {
        self.entities.iter().any(|own| **own == *entity)
    }

    /// From when on all statements hold: the latest `iat`.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// Until when all statements hold: the earliest `exp`.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether all statements hold at `now`, give or take [`CLOCK_SKEW_MS`].
    ///
    /// # Errors
    /// [`Fault::Expired`], [`Fault::NotYetValid`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), ChainError> {
        let fault = if now >= self.until.plus(CLOCK_SKEW_MS) {
            Fault::Expired
        } else if now.plus(CLOCK_SKEW_MS) < self.from {
            Fault::NotYetValid
        } else {
            return Ok(());
        };
        Err(ChainError { fault, statement: None })
    }
}
