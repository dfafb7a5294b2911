//! A chain as a whole (OpenID Federation 1.0, section 10.2).

use std::vec::Vec;

use super::metadata::{Metadata, Value};
use super::policy::Policy;
use super::statement::{self, Statement};
use super::{Chain, ChainError, Element, Fault, MAX_CHAIN_LEN, MAX_STATEMENT_LEN, MAX_STATEMENTS};
use crate::cbor::{Array, Item};
use crate::trust::bundle::Directory;
use crate::trust::jwk::{Jwk, JwkSet, Usage};
use crate::trust::jwt::{self, JwtError, Key};
use crate::trust::reserve::{self, NoMemory};
use crate::trust::token_key::TokenKey;

/// A chain, and what is known of the issuer that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The issuer's DID.
    pub did: &'a str,
    /// The entity identifier that the resolver has for it, or for its federation.
    pub entity: Option<&'a str>,
    /// The issuer's keys, if they are at hand.
    pub jwks: Option<&'a JwkSet>,
    /// The statements, leaf first.
    pub chain: &'a [&'a str],
}

impl Chain {
    /// Checks a chain against `anchors`, in all that does not depend on the moment.
    ///
    /// It allocates as much as reading it takes, less than a mebibyte, and verifies at most one signature more than the
    /// chain has statements.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check(claimed: &Claimed<'_>, anchors: &Directory<JwkSet>) -> Result<Self, ChainError> {
        let whole = |fault| ChainError { fault, statement: None };
        let tokens = claimed.chain;
        match tokens.len() {
            0 => return Err(whole(Fault::Empty)),
            count if count > MAX_STATEMENTS => return Err(whole(Fault::TooManyStatements)),
            _ => {}
        }
        for (at, token) in tokens.iter().enumerate() {
            if token.len() > MAX_STATEMENT_LEN {
                return Err(in_statement(at)(JwtError::TooLong.into()));
            }
        }
        // INVARIANT: it does not overflow, with as many and as long tokens as there are now.
        if tokens.iter().map(|token| token.len()).sum::<usize>() > MAX_CHAIN_LEN {
            return Err(whole(Fault::TooLong));
        }
        let longest = tokens.iter().map(|token| token.len()).max().unwrap_or_default();
        let mut scratch = reserve::zeros(jwt::scratch_len(longest)).map_err(|no_memory| whole(no_memory.into()))?;
        let mut payloads = room(tokens.len())?;
        for (at, token) in tokens.iter().enumerate() {
            payloads.push(statement::payload(token, &mut scratch).map_err(in_statement(at))?);
        }
        let mut statements = room(tokens.len())?;
        for (at, (token, payload)) in tokens.iter().zip(&payloads).enumerate() {
            statements.push(Statement::read(token, payload).map_err(in_statement(at))?);
        }
        let path = Path::of(&statements)?;
        path.is_constrained()?;
        path.is_signed(anchors, &mut scratch)?;
        let metadata = path.metadata()?;
        if let Some(jwks) = claimed.jwks
            && !publishes(path.leaf, &metadata, jwks, claimed.did)
        {
            return Err(in_statement(0)(Fault::KeyNotPublished));
        }
        let chain = path
            .into_chain(&statements)
            .map_err(|no_memory| whole(no_memory.into()))?;
        let is_leaf = |name: &str| chain.leaf() == name;
        if !(is_leaf(claimed.did) || claimed.entity.is_some_and(is_leaf))
            || claimed.entity.is_some_and(|entity| !chain.names(entity))
        {
            return Err(in_statement(0)(Fault::OtherEntity));
        }
        Ok(chain)
    }
}

/// Room for `len` items.
fn room<T>(len: usize) -> Result<Vec<T>, ChainError> {
    reserve::room(len).map_err(|no_memory: NoMemory| ChainError {
        fault: no_memory.into(),
        statement: None,
    })
}

/// The error of the statement `at`.
fn in_statement(at: usize) -> impl Fn(Fault) -> ChainError {
    move |fault| ChainError {
        fault,
        statement: u8::try_from(at).ok(),
    }
}

/// Statements that are linked as a chain must be.
struct Path<'p, 'c> {
    /// The leaf about itself.
    leaf: &'p Statement<'c>,
    /// Each entity about the one below it, the leaf's immediate superior first.
    superiors: &'p [Statement<'c>],
    /// The anchor about itself, where the chain gives that.
    anchor: Option<&'p Statement<'c>>,
}

impl<'p, 'c> Path<'p, 'c> {
    fn of(statements: &'p [Statement<'c>]) -> Result<Self, ChainError> {
        let not_a_leaf = || in_statement(0)(Fault::NotALeaf);
        let (leaf, above) = statements.split_first().ok_or_else(not_a_leaf)?;
        if !leaf.is_configuration() {
            return Err(not_a_leaf());
        }
        for (at, (below, above)) in statements.iter().zip(above).enumerate() {
            if below.issuer != above.subject {
                return Err(in_statement(at)(Fault::Unlinked));
            }
        }
        let (superiors, anchor) = match above.split_last() {
            Some((last, superiors)) if last.is_configuration() => (superiors, Some(last)),
            _ => (above, None),
        };
        let path = Self {
            leaf,
            superiors,
            anchor,
        };
        // What is said about oneself in the middle, or at the end by the leaf, is a loop, too.
        for (at, superior) in superiors.iter().enumerate() {
            if path.entities().take(at + 1).any(|entity| entity == superior.issuer) {
                return Err(in_statement(at + 1)(Fault::Loop));
            }
        }
        if anchor.is_some() && superiors.is_empty() {
            return Err(in_statement(1)(Fault::Loop));
        }
        if superiors
            .first()
            .is_some_and(|superior| !leaf.hints_at(superior.issuer))
        {
            return Err(in_statement(0)(Fault::NotHinted));
        }
        Ok(path)
    }

    /// The entities, leaf first, anchor last.
    fn entities(&self) -> impl Iterator<Item = &'c str> + Clone {
        let superiors: &'p [Statement<'c>] = self.superiors;
        core::iter::once(self.leaf.subject).chain(superiors.iter().map(|statement| statement.issuer))
    }

    fn is_constrained(&self) -> Result<(), ChainError> {
        for (below, superior) in self.superiors.iter().enumerate() {
            if let Some(constraints) = &superior.constraints {
                let subordinates = self.entities().take(below + 1);
                constraints
                    .judge(below, subordinates)
                    .map_err(in_statement(below + 1))?;
            }
        }
        Ok(())
    }

    /// Verifies all signatures, from the anchor down: by the anchor's keys that we have, whatever it says of itself, and
    /// below it by those that the entity above says the signer has.
    fn is_signed(&self, anchors: &Directory<JwkSet>, scratch: &mut [u8]) -> Result<(), ChainError> {
        let top = self.superiors.len();
        let anchor = self
            .superiors
            .last()
            .map_or(self.leaf.issuer, |superior| superior.issuer);
        let keys = anchors
            .get(anchor)
            .ok_or_else(|| in_statement(top)(Fault::UnknownAnchor))?;
        if let Some(anchor) = self.anchor {
            anchor.verify_by_anchor(keys, scratch).map_err(in_statement(top + 1))?;
        }
        for at in (0..=top).rev() {
            let statement = match at.checked_sub(1) {
                Some(at) => self.superiors.get(at),
                None => Some(self.leaf),
            };
            let verified = match (statement, self.superiors.get(at)) {
                (Some(statement), Some(above)) => statement.verify_by_stated(above.keys(), scratch),
                (Some(statement), None) => statement.verify_by_anchor(keys, scratch),
                (None, _) => Ok(()),
            };
            verified.map_err(in_statement(at))?;
        }
        self.leaf
            .verify_by_stated(self.leaf.keys(), scratch)
            .map_err(in_statement(0))
    }

    /// The leaf's metadata, under what its superiors say and demand of it.
    fn metadata(&self) -> Result<Metadata<'c>, ChainError> {
        let in_leaf = |error: super::PolicyError| in_statement(0)(error.into());
        let mut metadata = match self.leaf.claim("metadata") {
            Some(claim) => Metadata::read(claim).map_err(in_leaf)?,
            None => Metadata::default(),
        };
        if let Some(superior) = self.superiors.first()
            && let Some(claim) = superior.claim("metadata")
        {
            metadata.overlay(claim).map_err(|error| in_statement(1)(error.into()))?;
        }
        let played_a_role = metadata.plays_a_role();
        for (below, superior) in self.superiors.iter().enumerate() {
            if let Some(allowed) = superior
                .constraints
                .and_then(|constraints| constraints.allowed_entity_types())
            {
                metadata.restrict_types(allowed);
                if played_a_role && !metadata.plays_a_role() {
                    return Err(in_statement(below + 1)(Fault::EntityType));
                }
            }
        }
        let mut policy = Policy::default();
        for (below, superior) in self.superiors.iter().enumerate().rev() {
            if let Some(claim) = superior.claim("metadata_policy") {
                policy
                    .narrow(claim)
                    .map_err(|error| in_statement(below + 1)(error.into()))?;
            }
        }
        policy.apply(&mut metadata).map_err(in_leaf)?;
        Ok(metadata)
    }

    fn into_chain(self, statements: &[Statement<'_>]) -> Result<Chain, NoMemory> {
        let entities = reserve::list(self.superiors.len() + 1, self.entities().map(reserve::text))?;
        // INVARIANT: there is a statement, the leaf's.
        Ok(Chain {
            entities,
            from: statements
                .iter()
                .map(|statement| statement.from)
                .max()
                .unwrap_or_default(),
            until: statements
                .iter()
                .map(|statement| statement.until)
                .min()
                .unwrap_or_default(),
        })
    }
}

/// Whether the issuer's signature keys are among those that the leaf publishes: in its own `jwks` or in that of any of its
/// entity types. Where no entity type has one, the federation says nothing about the protocol's keys (section 3.1.1), which is
/// enough for an entity that is the issuer by its name; an issuer of another name must not borrow its chain.
fn publishes(leaf: &Statement<'_>, metadata: &Metadata<'_>, jwks: &JwkSet, did: &str) -> bool {
    let published = || {
        metadata
            .parameters()
            .iter()
            .filter(|parameter| parameter.name == "jwks")
            .filter_map(|parameter| match parameter.value {
                Value::Single(Element::Other(item)) => item.map()?.get("keys")?.array(),
                _ => None,
            })
    };
    if published().next().is_none() && leaf.subject == did {
        return true;
    }
    let is_current =
        |jwk: &&Jwk| jwk.usage == Some(Usage::Signature) && !jwk.revoked && Key::of(&jwk.material).is_some();
    jwks.keys()
        .iter()
        .filter(is_current)
        .all(|jwk| published().chain([leaf.keys()]).any(|keys| has(keys, jwk)))
}

fn has(keys: Array<'_>, jwk: &Jwk) -> bool {
    let Some(thumbprint) = jwk.thumbprint() else {
        return false;
    };
    let same = |key: TokenKey| *key.thumbprint() == thumbprint;
    let mut keys = keys.iter().filter_map(Item::map);
    keys.any(|key| TokenKey::read(key).is_ok_and(same))
}
