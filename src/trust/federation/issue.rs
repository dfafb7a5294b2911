//! Making entity statements, for federations of one's own: demonstrations, tests, a small operator.

use std::string::String;
use std::vec;

use super::statement::TYPE;
use crate::cbor::{Item, json};
use crate::crypto::ed25519;
use crate::time::Timestamp;
use crate::trust::jwt::{JsonObject, sign};

/// What an entity statement is to say.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// About whom; the issuer itself in its configuration.
    pub subject: &'a str,
    /// When.
    pub issued_at: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The subject's public keys: a JWK Set's JSON, each key with a `kid`.
    pub jwks: &'a str,
    /// What else is said, the JSON of an object: `authority_hints` and `metadata` of oneself; `metadata`,
    /// `metadata_policy` and `constraints` of a subordinate. `{}` where there is nothing.
    pub claims: &'a str,
}

/// Signs an entity statement by `key`, which has to stand in the issuer's `jwks` as `kid`.
///
/// A chain is the leaf's statement about itself, then each superior's about the entity below it.
///
/// # Errors
/// [`json::Error`] where `jwks` or `claims` is no JSON. That a claim is not given twice is the caller's business.
pub fn issue(key: &ed25519::SigningKey, kid: &str, draft: &Draft<'_>) -> Result<String, json::Error> {
    let (jwks, claims) = (to_cbor(draft.jwks)?, to_cbor(draft.claims)?);
    let mut payload = JsonObject::new();
    payload
        .text("iss", draft.issuer)
        .text("sub", draft.subject)
        .seconds("iat", draft.issued_at)
        .seconds("exp", draft.expires)
        .item("jwks", Item::trusted(&jwks));
    for (name, claim) in Item::trusted(&claims).map().into_iter().flatten() {
        payload.item(name, claim);
    }
    Ok(sign(key, TYPE, Some(kid), &payload))
}

fn to_cbor(text: &str) -> Result<vec::Vec<u8>, json::Error> {
    let mut scratch = vec![0; json::scratch_len(text.len())];
    let mut out = vec![0; json::max_cbor_len(text.len())];
    json::to_cbor(text.as_bytes(), json::Plain, &mut scratch, &mut out).map(<[u8]>::to_vec)
}
