//! Making credentials: the identity provider issues, the holder shows a part of it and proves who it is. For providers,
//! the demonstration and tests; it allocates.

use std::string::String;
use std::vec::Vec;

use super::{Form, SdJwtError, digest, key_binding, resolve};
use crate::cbor::Item;
use crate::crypto::ed25519;
use crate::time::Timestamp;
use crate::trust::jwt::{self, Arena, JsonObject, public_jwk, quoted, sign, to_base64url, to_json};

/// Random bytes in a salt (RFC 9901, section 9.3, recommends 128 bits).
pub const SALT_LEN: usize = 16;

/// What an identity provider says of a person.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// `iss`: the provider's DID, which is `caller.assurance.idp`.
    pub issuer: &'a str,
    /// `vct`: the kind of credential.
    pub kind: &'a str,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires: Option<Timestamp>,
    /// Everybody who gets the credential sees these.
    pub open: &'a [(&'a str, Item<'a>)],
    /// The holder chooses who sees these; outermost claims only.
    pub selective: &'a [(&'a str, Item<'a>)],
    /// The holder's public key (`cnf`), for credentials that can be bound.
    pub holder: Option<&'a ed25519::PublicKey>,
}

/// Signs `credential` as `dc+sd-jwt` and gives its compact form with every disclosure.
///
/// `salt` is asked for the random bytes of each disclosure; the same bytes twice would let claims be guessed.
pub fn issue(
    credential: &Credential<'_>,
    key: &ed25519::SigningKey,
    kid: &str,
    salt: &mut dyn FnMut() -> [u8; SALT_LEN],
) -> String {
    let disclosures: Vec<String> = credential
        .selective
        .iter()
        .map(|(name, value)| {
            let salt = to_base64url(&salt());
            to_base64url(std::format!("[{},{},{}]", quoted(&salt), quoted(name), to_json(*value)).as_bytes())
        })
        .collect();
    let mut digests: Vec<_> = disclosures.iter().map(|disclosure| digest(disclosure)).collect();
    // The order of the digests must not tell the order of the claims.
    digests.sort_unstable();
    let mut payload = JsonObject::new();
    payload.text("iss", credential.issuer).text("vct", credential.kind);
    payload.seconds("iat", credential.issued_at);
    if let Some(expires) = credential.expires {
        payload.seconds("exp", expires);
    }
    for (name, value) in credential.open {
        payload.item(name, *value);
    }
    if let Some(holder) = credential.holder {
        let mut confirmation = JsonObject::new();
        confirmation.object("jwk", &public_jwk(holder));
        payload.object("cnf", &confirmation);
    }
    if !digests.is_empty() {
        // INVARIANT: digests are base64url, which is ASCII.
        payload.texts(
            "_sd",
            digests.iter().filter_map(|digest| core::str::from_utf8(digest).ok()),
        );
        payload.text("_sd_alg", "sha-256");
    }
    let mut compact = sign(key, super::TYPES[0], Some(kid), &payload);
    for disclosure in disclosures {
        compact.push('~');
        compact.push_str(&disclosure);
    }
    compact.push('~');
    compact
}

/// The compact form with only those disclosures whose claim `shows` picks, by name; an element of a list, which has no
/// name, is asked for as an empty one. A proof of the holder's is left out, as it would no longer fit.
///
/// # Errors
/// [`SdJwtError`] for what is no SD-JWT with readable disclosures.
pub fn present(compact: &str, shows: &mut dyn FnMut(&str) -> bool) -> Result<String, SdJwtError> {
    let form = Form::of(compact, core::iter::empty())?;
    let mut shown = String::from(form.token);
    shown.push('~');
    let mut scratch = std::vec![0; jwt::scratch_len(compact.len())];
    for text in form.disclosures {
        let disclosure = resolve::read(text, digest(text), &mut Arena::new(&mut scratch))?;
        if shows(disclosure.name().unwrap_or_default()) {
            shown.push_str(text);
            shown.push('~');
        }
    }
    Ok(shown)
}

/// The token and the disclosures of a compact form: `caller.identity.sdJwtVc` and `caller.identity.disclosures`.
///
/// # Errors
/// [`SdJwtError::TooLong`].
pub fn split(compact: &str) -> Result<(&str, impl Iterator<Item = &str>), SdJwtError> {
    let form = Form::of(compact, core::iter::empty())?;
    Ok((form.token, form.disclosures))
}

/// Appends the holder's proof, for the receiver `audience` and the transaction `nonce`, to a compact form without one.
pub fn bind(presented: &str, holder: &ed25519::SigningKey, audience: &str, nonce: &str, now: Timestamp) -> String {
    let hash = digest(presented);
    let mut payload = JsonObject::new();
    payload.seconds("iat", now).text("aud", audience).text("nonce", nonce);
    payload.text("sd_hash", core::str::from_utf8(&hash).unwrap_or_default());
    let mut bound = String::from(presented);
    bound.push_str(&sign(holder, key_binding::TYPE, None, &payload));
    bound
}
