//! One entity statement: what an entity says about another, or about itself (OpenID Federation 1.0, section 3).

use std::vec::Vec;

use super::Fault;
use super::constraints::Constraints;
use crate::cbor::{Array, Item, Map};
use crate::time::Timestamp;
use crate::trust::jwk::{Jwk, JwkSet, KeyRefusal, Usage};
use crate::trust::jwt::{self, Arena, Compact, JwtError, Key, Times};
use crate::trust::reserve;
use crate::trust::token_key::TokenKey;

/// `typ` of an entity statement.
pub const TYPE: &str = "entity-statement+jwt";

/// Claims that an entity makes about itself only.
const OF_CONFIGURATIONS: [&str; 5] = [
    "authority_hints",
    "trust_anchor_hints",
    "trust_marks",
    "trust_mark_issuers",
    "trust_mark_owners",
];

/// Claims that a superior makes only.
const OF_SUPERIORS: [&str; 4] = [
    "constraints",
    "metadata_policy",
    "metadata_policy_crit",
    "source_endpoint",
];

/// Claims of registrations, in which a statement is no link of a chain (section 3.1.4 and 3.1.5).
const OF_REGISTRATIONS: [&str; 2] = ["aud", "trust_anchor"];

/// Reads the payload of `token` and gives its CBOR. Nothing of it has been believed.
pub(super) fn payload(token: &str, scratch: &mut [u8]) -> Result<Vec<u8>, Fault> {
    let token = Compact::parse(token, super::MAX_STATEMENT_LEN)?;
    let (item, _) = token.claims(&mut Arena::new(scratch))?;
    let mut cbor = reserve::room(item.bytes().len())?;
    cbor.extend_from_slice(item.bytes());
    Ok(cbor)
}

/// A statement that says all that it must. Nothing of it is believed until its signature has been verified.
pub(super) struct Statement<'c> {
    token: Compact<'c>,
    claims: Map<'c>,
    keys: Array<'c>,
    pub(super) issuer: &'c str,
    pub(super) subject: &'c str,
    pub(super) issued_at: Timestamp,
    /// The later of `iat` and `nbf`.
    pub(super) from: Timestamp,
    /// `exp`.
    pub(super) until: Timestamp,
    pub(super) constraints: Option<Constraints<'c>>,
}

impl<'c> Statement<'c> {
    /// The statement `token`, whose payload is `cbor`.
    pub(super) fn read(token: &'c str, cbor: &'c [u8]) -> Result<Self, Fault> {
        let token = Compact::parse(token, super::MAX_STATEMENT_LEN)?;
        let claims = Item::trusted(cbor).map().ok_or(JwtError::PayloadNotObject)?;
        let text = |name| claims.get(name).and_then(Item::as_text).filter(|text| !text.is_empty());
        let (issuer, subject) = text("iss").zip(text("sub")).ok_or(Fault::Claim)?;
        let times = Times::of(claims)?;
        let (issued_at, until) = times.issued_at.zip(times.expires).ok_or(Fault::Claim)?;
        let keys = claims.get("jwks").and_then(Item::map).and_then(|jwks| jwks.get("keys"));
        let keys = keys.and_then(Item::array).ok_or(Fault::Claim)?;
        kids_are_unique(keys)?;
        let misplaced: &[_] = if issuer == subject {
            &OF_SUPERIORS
        } else {
            &OF_CONFIGURATIONS
        };
        if claims.get("crit").is_some() {
            // It may only list claims that OpenID Federation does not define, and we know no others.
            return Err(Fault::Critical);
        }
        if misplaced
            .iter()
            .chain(&OF_REGISTRATIONS)
            .any(|name| claims.get(name).is_some())
        {
            return Err(Fault::Misplaced);
        }
        if claims.get("metadata_policy_crit").is_some() {
            // Likewise, of operators.
            return Err(Fault::CriticalOperator);
        }
        Ok(Self {
            token,
            claims,
            keys,
            issuer,
            subject,
            issued_at,
            from: times
                .not_before
                .map_or(issued_at, |not_before| not_before.max(issued_at)),
            until,
            constraints: claims.get("constraints").map(Constraints::read).transpose()?,
        })
    }

    /// Whether the entity speaks of itself.
    pub(super) fn is_configuration(&self) -> bool {
        self.issuer == self.subject
    }

    /// A claim.
    pub(super) fn claim(&self, name: &str) -> Option<Item<'c>> {
        self.claims.get(name)
    }

    /// The subject's public keys, JWKs.
    pub(super) fn keys(&self) -> Array<'c> {
        self.keys
    }

    /// Whether the subject names `superior` as one, or says nothing of superiors.
    pub(super) fn hints_at(&self, superior: &str) -> bool {
        let Some(hints) = self.claims.get("authority_hints") else {
            return true;
        };
        let mut hints = hints.array().into_iter().flatten().filter_map(Item::as_text);
        hints.any(|hint| hint == superior)
    }

    /// Verifies the signature by a key that the signer's superior, or the signer itself, says the signer has.
    pub(super) fn verify_by_stated(&self, keys: Array<'_>, scratch: &mut [u8]) -> Result<(), Fault> {
        self.verify(scratch, |kid, alg, token| {
            let named = |jwk: &Map<'_>| jwk.get("kid").and_then(Item::as_text) == Some(kid);
            let jwk = keys
                .iter()
                .filter_map(Item::map)
                .find(named)
                .ok_or(KeyRefusal::Unknown)?;
            if jwk.get("use").is_some_and(|usage| usage.as_text() != Some("sig")) {
                return Err(KeyRefusal::NotForSignatures.into());
            }
            if jwk.get("alg").is_some_and(|own| own.as_text() != Some(alg)) {
                return Err(KeyRefusal::OtherAlgorithm.into());
            }
            let key = TokenKey::read(jwk).map_err(Fault::BadKey)?;
            Ok(token.verify(alg, key.key())?)
        })
    }

    /// Verifies the signature by a key of a trust anchor.
    pub(super) fn verify_by_anchor(&self, keys: &JwkSet, scratch: &mut [u8]) -> Result<(), Fault> {
        self.verify(scratch, |kid, alg, token| {
            let jwk = keys.get(kid).ok_or(KeyRefusal::Unknown)?;
            anchor_may_sign(jwk, alg, self.issued_at)?;
            Ok(token.verify(alg, Key::of(&jwk.material).ok_or(KeyRefusal::WrongKind)?)?)
        })
    }

    fn verify(
        &self,
        scratch: &mut [u8],
        by: impl FnOnce(&str, &str, &Compact<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let header = self.token.header(scratch)?;
        if !jwt::is_type(header.typ, TYPE) {
            return Err(JwtError::Type.into());
        }
        let kid = header.kid.filter(|kid| !kid.is_empty()).ok_or(Fault::NoKid)?;
        by(kid, header.alg, &self.token)
    }
}

/// Whether the anchor's key may have signed. Keys of federations rarely say what they are for, so `use` may be missing;
/// and one that is revoked signs nothing, because whoever holds it writes any `iat`.
fn anchor_may_sign(jwk: &Jwk, alg: &str, issued_at: Timestamp) -> Result<(), KeyRefusal> {
    if jwk.usage.is_some_and(|usage| usage != Usage::Signature) {
        return Err(KeyRefusal::NotForSignatures);
    }
    if jwk.revoked {
        return Err(KeyRefusal::Revoked);
    }
    jwk.is_for(alg, issued_at)
}

fn kids_are_unique(keys: Array<'_>) -> Result<(), Fault> {
    let kid = |item: Item<'_>| {
        item.map()
            .and_then(|jwk| jwk.get("kid"))
            .and_then(Item::as_text)
            .is_some()
    };
    if !keys.iter().all(kid) {
        return Err(Fault::Kid);
    }
    // INVARIANT: all are texts, so the bytes are equal where the texts are.
    let kids = || keys.iter().filter_map(|item| item.map()?.get("kid"));
    let mut seen = reserve::room(keys.len())?;
    seen.extend(kids().map(Item::bytes));
    seen.sort_unstable();
    if seen.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
        return Err(Fault::Kid);
    }
    Ok(())
}
