//! Making proofs.

use std::string::String;

use super::TYPE;
use crate::crypto::{ed25519, sha256};
use crate::time::Timestamp;
use crate::trust::jwk::EDDSA;
use crate::trust::jwt::{JsonObject, public_jwk, sign_with_header, to_base64url};

/// What a proof is to say.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's URI; its query and fragment are left out.
    pub uri: &'a str,
    /// The access token that goes along.
    pub access_token: Option<&'a str>,
    /// The nonce that the server has asked for.
    pub nonce: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
    /// Random bytes, new for each proof, that its `jti` is made of.
    pub random: [u8; 16],
}

/// Makes a proof by `key`: the value of a request's `DPoP` header.
pub fn prove(key: &ed25519::SigningKey, claim: &Claim<'_>) -> String {
    let mut header = JsonObject::new();
    header
        .text("typ", TYPE)
        .text("alg", EDDSA)
        .object("jwk", &public_jwk(&key.public()));
    let uri = claim.uri.split(['?', '#']).next().unwrap_or_default();
    let mut payload = JsonObject::new();
    payload
        .text("jti", &to_base64url(&claim.random))
        .text("htm", claim.method)
        .text("htu", uri)
        .seconds("iat", claim.now);
    if let Some(token) = claim.access_token {
        payload.text("ath", &to_base64url(&sha256(&[token.as_bytes()])));
    }
    if let Some(nonce) = claim.nonce {
        payload.text("nonce", nonce);
    }
    sign_with_header(key, &header, &payload)
}
