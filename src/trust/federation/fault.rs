//! Why a trust chain is refused.

use core::fmt;

use crate::trust::jwk::KeyRefusal;
use crate::trust::jwt::JwtError;
use crate::trust::token_key::BadTokenKey;

/// Why a chain is refused, and by which of its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainError {
    /// What is wrong.
    pub fault: Fault,
    /// In which statement, from 0, the leaf's own; `None` where it is the chain as a whole.
    pub statement: Option<u8>,
}

/// What can be wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There is not enough memory to check it.
    Memory,
    /// It has no statement.
    Empty,
    /// It has more statements than [`MAX_STATEMENTS`](super::MAX_STATEMENTS).
    TooManyStatements,
    /// It is longer than [`MAX_CHAIN_LEN`](super::MAX_CHAIN_LEN).
    TooLong,
    /// The statement is no token that could be believed.
    Token(JwtError),
    /// `kid` is missing from the header, or empty.
    NoKid,
    /// `iss`, `sub`, `iat`, `exp` or `jwks` is missing, or of another kind.
    Claim,
    /// Two keys of `jwks` share a `kid`, or one has none.
    Kid,
    /// A claim that only the other kind of statement may have, or none of a chain.
    Misplaced,
    /// `crit` names a claim that is not understood.
    Critical,
    /// `metadata_policy_crit` names an operator that is not understood.
    CriticalOperator,
    /// The first statement is not the leaf's about itself.
    NotALeaf,
    /// `iss` is not the `sub` of the next statement.
    Unlinked,
    /// An entity stands in the chain twice.
    Loop,
    /// `authority_hints` does not name the superior that the next statement is from.
    NotHinted,
    /// The last issuer is none of our trust anchors.
    UnknownAnchor,
    /// The leaf is neither the issuer nor its `entity`, or `entity` stands nowhere in the chain.
    OtherEntity,
    /// The key that the header names may not be believed.
    Key(KeyRefusal),
    /// The key that the header names is none that can be used.
    BadKey(BadTokenKey),
    /// `constraints` is not what it should be.
    Constraints,
    /// There are more intermediates than `max_path_length`.
    PathTooLong,
    /// An entity's name is excluded, not permitted, or no host's, which cannot be judged.
    Name,
    /// `allowed_entity_types` leaves the leaf none of its types.
    EntityType,
    /// The metadata, or the policies on it, do not hold.
    Policy(PolicyError),
    /// The metadata gives `jwks`, and a signature key of the issuer is not among them.
    KeyNotPublished,
    /// A statement has expired.
    Expired,
    /// A statement was issued in the future.
    NotYetValid,
}

impl Fault {
    /// Whether it is one of cryptography, and not of the federation's rules (OHP docs/09, step 1).
    pub fn is_cryptographic(&self) -> bool {
        match self {
            Self::Token(_) | Self::NoKid | Self::Kid | Self::Key(_) | Self::BadKey(_) | Self::KeyNotPublished => true,
            Self::Memory
            | Self::Empty
            | Self::TooManyStatements
            | Self::TooLong
            | Self::Claim
            | Self::Misplaced
            | Self::Critical
            | Self::CriticalOperator
            | Self::NotALeaf
            | Self::Unlinked
            | Self::Loop
            | Self::NotHinted
            | Self::UnknownAnchor
            | Self::OtherEntity
            | Self::Constraints
            | Self::PathTooLong
            | Self::Name
            | Self::EntityType
            | Self::Policy(_)
            | Self::Expired
            | Self::NotYetValid => false,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(statement) => write!(f, "federation.chain[{statement}]: {}", self.fault),
            None => write!(f, "federation.chain: {}", self.fault),
        }
    }
}

impl core::error::Error for ChainError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "there was not enough memory to check it",
            Self::Empty => "it has no statement; leave it out where the resolver has checked it",
            Self::TooManyStatements => "more statements than 10; shorten the federation's paths",
            Self::TooLong => "longer than 128 KiB in all; shorten the statements",
            Self::Token(error) => return error.fmt(f),
            Self::NoKid => "the header names no kid, which every entity statement must",
            Self::Claim => "iss, sub, iat, exp or jwks is missing or of another kind",
            Self::Kid => "two keys of jwks share a kid, or one has none",
            Self::Misplaced => "a claim that may not stand in this statement",
            Self::Critical => "crit names a claim that is not understood",
            Self::CriticalOperator => "metadata_policy_crit names an operator that is not understood",
            Self::NotALeaf => "the first statement is not an entity's about itself; give the chain leaf first",
            Self::Unlinked => "iss is not the sub of the next statement",
            Self::Loop => "an entity stands in the chain twice",
            Self::NotHinted => "authority_hints does not name the superior of the next statement",
            Self::UnknownAnchor => "the last issuer is none of trustAnchors",
            Self::OtherEntity => "the leaf is neither the issuer nor its entity, or entity is not in the chain",
            Self::Key(refusal) => return refusal.fmt(f),
            Self::BadKey(bad) => return bad.fmt(f),
            Self::Constraints => "constraints is not what OpenID Federation says it is",
            Self::PathTooLong => "more intermediates below it than its max_path_length",
            Self::Name => "its naming_constraints do not admit an entity below it",
            Self::EntityType => "allowed_entity_types leaves the leaf none of its types",
            Self::Policy(error) => return error.fmt(f),
            Self::KeyNotPublished => "a signature key of the issuer is not in the jwks that its metadata publishes",
            Self::Expired => "a statement has expired; resolve the chain anew",
            Self::NotYetValid => "a statement was issued in the future; check both clocks",
        })
    }
}

impl From<JwtError> for Fault {
    fn from(error: JwtError) -> Self {
        Self::Token(error)
    }
}

impl From<KeyRefusal> for Fault {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Memory => Self::Memory,
            error => Self::Policy(error),
        }
    }
}

/// The standard operators of metadata policies, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `value`
    Value,
    /// `add`
    Add,
    /// `default`
    Default,
    /// `one_of`
    OneOf,
    /// `subset_of`
    SubsetOf,
    /// `superset_of`
    SupersetOf,
    /// `essential`
    Essential,
}

impl Operator {
    /// The operator's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Add => "add",
            Self::Default => "default",
            Self::OneOf => "one_of",
            Self::SubsetOf => "subset_of",
            Self::SupersetOf => "superset_of",
            Self::Essential => "essential",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why policies cannot be combined, or metadata does not fulfil them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is not enough memory.
    Memory,
    /// Metadata or policies are no objects in objects, or a parameter is `null`.
    Form,
    /// More parameters than [`PARAMETERS_MAX`](super::PARAMETERS_MAX), or more values of one than
    /// [`VALUES_MAX`](super::VALUES_MAX).
    TooMany,
    /// The operator's value is of a kind that it does not take.
    OperatorValue(Operator),
    /// Two operators on one parameter that may not be combined, or not with these values.
    Combination(Operator, Operator),
    /// A subordinate's policy contradicts its superior's by this operator.
    Merge(Operator),
    /// The parameter is of a kind that the operator does not work on.
    ParameterKind(Operator),
    /// The parameter's value does not fulfil the operator.
    Unfulfilled(Operator),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("there was not enough memory for the metadata"),
            Self::Form => {
                f.write_str("metadata and policies have to be objects by entity type and parameter, not null")
            }
            Self::TooMany => f.write_str("more than 512 metadata parameters, or more than 256 values of one"),
            Self::OperatorValue(operator) => write!(f, "the policy operator {operator} does not take this value"),
            Self::Combination(one, other) => {
                write!(
                    f,
                    "the policy operators {one} and {other} may not be combined on one parameter like this"
                )
            }
            Self::Merge(operator) => write!(f, "a subordinate's policy contradicts its superior's by {operator}"),
            Self::ParameterKind(operator) => {
                write!(
                    f,
                    "the policy operator {operator} does not work on this kind of parameter"
                )
            }
            Self::Unfulfilled(operator) => write!(f, "the metadata does not fulfil the policy operator {operator}"),
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(feature = "std")]
mod memory {
    use super::{Fault, PolicyError};
    use crate::trust::reserve::NoMemory;

    impl From<NoMemory> for PolicyError {
        fn from(NoMemory: NoMemory) -> Self {
            Self::Memory
        }
    }

    impl From<NoMemory> for Fault {
        fn from(NoMemory: NoMemory) -> Self {
            Self::Memory
        }
    }
}
