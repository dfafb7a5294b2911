//! The holder's proof: a token by the key that the credential names, about this very presentation (RFC 9901, sections
//! 4.3 and 7.3).

use core::fmt;

use super::{Form, MAX_LEN, digest};
use crate::cbor::{Item, Map};
use crate::time::Timestamp;
use crate::trust::jwt::{self, Arena, Compact, JwtError, Times};
use crate::trust::token_key::{BadTokenKey, TokenKey};

/// The media type of a holder's proof.
pub(super) const TYPE: &str = "kb+jwt";

/// What a holder's proof must say.
#[derive(Clone, Copy, Debug)]
pub struct KeyBinding<'a> {
    /// `aud` must be this text: who we are.
    pub audience: &'a str,
    /// `nonce` must be this text: what only this transaction has.
    pub nonce: &'a str,
    /// How many milliseconds ago it may have been made.
    pub max_age: i64,
}

/// Why a holder's proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyBindingError {
    /// There is none.
    Missing,
    /// The credential names no key of a holder (`cnf.jwk`).
    NoKey,
    /// The holder's key is not one that can be used.
    Key(BadTokenKey),
    /// The token does not hold.
    Token(JwtError),
    /// `aud` is another party.
    OtherAudience,
    /// `nonce` is of another transaction.
    OtherNonce,
    /// `sd_hash` is of another presentation: a disclosure was added, withheld or changed.
    OtherPresentation,
    /// `iat` is missing, or too long ago.
    Stale,
}

impl fmt::Display for KeyBindingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the SD-JWT has no key binding, which this receiver demands",
            Self::NoKey => "the SD-JWT names no holder's key (cnf.jwk), so it cannot be bound",
            Self::Key(error) => return error.fmt(f),
            Self::Token(error) => return write!(f, "key binding: {error}"),
            Self::OtherAudience => "the key binding's aud is not this receiver",
            Self::OtherNonce => "the key binding's nonce is of another transaction",
            Self::OtherPresentation => "the key binding's sd_hash is not of these disclosures",
            Self::Stale => "the key binding has no iat, or was made too long ago",
        })
    }
}

impl core::error::Error for KeyBindingError {}

impl From<JwtError> for KeyBindingError {
    fn from(error: JwtError) -> Self {
        Self::Token(error)
    }
}

/// Checks the proof that `form` carries, by the key that the issuer's `payload` names.
pub(super) fn check(
    payload: Map<'_>,
    form: &Form<'_>,
    expect: &KeyBinding<'_>,
    now: Timestamp,
    scratch: &mut [u8],
) -> Result<(), KeyBindingError> {
    let proof = Compact::parse(form.proof.ok_or(KeyBindingError::Missing)?, MAX_LEN)?;
    let holder = payload
        .get("cnf")
        .and_then(Item::map)
        .and_then(|cnf| cnf.get("jwk")?.map());
    let holder = TokenKey::read(holder.ok_or(KeyBindingError::NoKey)?).map_err(KeyBindingError::Key)?;
    let mut arena = Arena::new(scratch);
    {
        let header = proof.header(arena.spare())?;
        if !jwt::is_type(header.typ, TYPE) {
            return Err(JwtError::Type.into());
        }
        proof.verify(header.alg, holder.key())?;
    }
    let (_, claims) = proof.claims(&mut arena)?;
    let times = Times::of(claims)?;
    times.check(now)?;
    if times
        .issued_at
        .is_none_or(|issued_at| now.since(issued_at) > expect.max_age)
    {
        return Err(KeyBindingError::Stale);
    }
    let text = |name| claims.get(name).and_then(Item::as_text);
    if text("aud") != Some(expect.audience) {
        return Err(KeyBindingError::OtherAudience);
    }
    if text("nonce") != Some(expect.nonce) {
        return Err(KeyBindingError::OtherNonce);
    }
    if text("sd_hash").map(str::as_bytes) != Some(&digest(form.hashed)[..]) {
        return Err(KeyBindingError::OtherPresentation);
    }
    Ok(())
}
