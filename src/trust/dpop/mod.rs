//! Proofs of possession for HTTP requests: DPoP (RFC 9449), which OHP §5.8 demands of transport tokens at Sealed and above.
//!
//! A proof is a token that brings its own public key along and says: whoever sends this request holds the private half.
//! Nothing follows from it alone. What counts is that the key's thumbprint is the one that the access token is bound to,
//! or that the issuer's JWK Set holds it; so the caller must say which it wants, or judge the [`Proof`] itself.
//!
//! Not here: access tokens, and the HTTP that carries them.

#[cfg(feature = "std")]
mod make;
mod uri;

use core::fmt;

use super::base64url;
use super::jwk::Thumbprint;
use super::jwt::{self, Arena, Compact, JwtError, Times};
use super::token_key::{BadTokenKey, TokenKey};
use crate::cbor::Item;
use crate::crypto::{SHA256_LEN, sha256};
use crate::time::Timestamp;

#[cfg(feature = "std")]
pub use make::{Claim, prove};
pub use uri::MAX_URI_LEN;

/// The media type of a proof.
const TYPE: &str = "dpop+jwt";

/// Longest proof in characters: a header, a signature and claims with one URI of [`MAX_URI_LEN`].
pub const MAX_PROOF_LEN: usize = 4096;

/// Longest `jti` in characters (RFC 9449, section 4.2, asks for 96 random bits or a UUID).
pub const MAX_ID_LEN: usize = 128;

/// How long ago, in milliseconds, a proof may have been made where the caller has no rule of its own (RFC 9449, section
/// 11.1: seconds or minutes; section 8 for more with a nonce).
pub const DEFAULT_WINDOW_MS: i64 = 60_000;

/// Bytes of scratch that always suffice for [`check`].
pub const SCRATCH_LEN: usize = jwt::scratch_len(MAX_PROOF_LEN);

/// The request that a proof came with, and what it must say.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The HTTP method, as `htm` must name it.
    pub method: &'a str,
    /// The request's target URI, absolute; query and fragment do not count.
    pub uri: &'a str,
    /// The access token that came along, whose hash must be in `ath`; `None` at a token endpoint.
    pub access_token: Option<&'a str>,
    /// The RFC 7638 thumbprint that the access token is bound to (`cnf.jkt`); `None` where the caller compares the proof's
    /// thumbprint with something else.
    pub bound_to: Option<&'a str>,
    /// The nonce that the server gave out; `None` where it gives none, and then one in the proof does not matter.
    pub nonce: Option<&'a str>,
    /// When the request arrived.
    pub now: Timestamp,
    /// How long ago, in milliseconds, the proof may have been made.
    pub window: i64,
}

/// A proof that holds.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'s> {
    /// The thumbprint of the key that made it.
    pub thumbprint: Thumbprint,
    /// `jti`: what it is recognised by.
    pub id: &'s str,
    /// `iat`.
    pub issued_at: Timestamp,
    /// From when on it is refused for its age, so that its `jti` may be forgotten.
    pub expires: Timestamp,
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopError {
    /// The token does not hold.
    Token(JwtError),
    /// The key that it brings along is not one that can be used.
    Key(BadTokenKey),
    /// `jti`, `htm`, `htu` or `iat` is missing, or of another type or length.
    Incomplete,
    /// It was made for another method.
    OtherMethod,
    /// It was made for another URI.
    OtherUri,
    /// The request's own URI is not one that can be compared: relative, or longer than [`MAX_URI_LEN`].
    RequestUri,
    /// It was made too long ago.
    Stale,
    /// It was made for another access token, or for none.
    OtherToken,
    /// The access token is bound to another key.
    OtherKey,
    /// Its nonce is not the one that the server gave out, or is missing: answer `use_dpop_nonce`.
    OtherNonce,
    /// It has been used before.
    Replayed,
}

impl fmt::Display for DpopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(error) => return write!(f, "DPoP: {error}"),
            Self::Key(error) => return write!(f, "DPoP: {error}"),
            Self::Incomplete => "the DPoP proof lacks a usable jti, htm, htu or iat",
            Self::OtherMethod => "the DPoP proof's htm is not this request's method",
            Self::OtherUri => "the DPoP proof's htu is not this request's URI",
            Self::RequestUri => "the request's URI is relative or too long, so that no DPoP proof can be compared",
            Self::Stale => "the DPoP proof was made too long ago; make one for each request",
            Self::OtherToken => "the DPoP proof's ath is not the hash of this access token",
            Self::OtherKey => "the access token is bound to another key than the DPoP proof's",
            Self::OtherNonce => "the DPoP proof has not the server's nonce; use the one from DPoP-Nonce",
            Self::Replayed => "the DPoP proof has been used before; make one for each request",
        })
    }
}

impl core::error::Error for DpopError {}

impl From<JwtError> for DpopError {
    fn from(error: JwtError) -> Self {
        Self::Token(error)
    }
}

/// Checks a proof (RFC 9449, section 4.3), the value of the request's only `DPoP` header.
///
/// `seen` is asked last, of a proof that holds in all else: whether its thumbprint and `jti` have been seen, which it has
/// to record until [`Proof::expires`]. A proof that was refused leaves nothing behind. `scratch` takes [`SCRATCH_LEN`]
/// bytes. Allocates nothing.
///
/// # Errors
/// [`DpopError`].
pub fn check<'s>(
    proof: &str,
    request: &Request<'_>,
    seen: &mut dyn FnMut(&Proof<'_>) -> bool,
    scratch: &'s mut [u8],
) -> Result<Proof<'s>, DpopError> {
    let token = Compact::parse(proof, MAX_PROOF_LEN)?;
    let mut arena = Arena::new(scratch);
    let thumbprint = {
        let (header, key) = token.header_with_key(arena.spare())?;
        if !jwt::is_type(header.typ, TYPE) {
            return Err(JwtError::Type.into());
        }
        let key = TokenKey::read(key).map_err(DpopError::Key)?;
        token.verify(header.alg, key.key())?;
        *key.thumbprint()
    };
    let (_, claims) = token.claims(&mut arena)?;
    let times = Times::of(claims)?;
    times.check(request.now)?;
    let text = |name| claims.get(name).and_then(Item::as_text);
    let id = text("jti").filter(|id| (1..=MAX_ID_LEN).contains(&id.len()));
    let (Some(id), Some(method), Some(uri), Some(issued_at)) = (id, text("htm"), text("htu"), times.issued_at) else {
        return Err(DpopError::Incomplete);
    };
    if method != request.method {
        return Err(DpopError::OtherMethod);
    }
    let wanted = uri::Normal::of(request.uri).ok_or(DpopError::RequestUri)?;
    if uri::Normal::of(uri).is_none_or(|uri| uri != wanted) {
        return Err(DpopError::OtherUri);
    }
    if request.now.since(issued_at) > request.window {
        return Err(DpopError::Stale);
    }
    if let Some(nonce) = request.nonce
        && text("nonce") != Some(nonce)
    {
        return Err(DpopError::OtherNonce);
    }
    if let Some(token) = request.access_token {
        let hash: [u8; SHA256_LEN] = sha256(&[token.as_bytes()]);
        if text("ath").and_then(base64url::decode_exact) != Some(hash) {
            return Err(DpopError::OtherToken);
        }
    }
    if request.bound_to.is_some_and(|bound| bound != thumbprint.as_str()) {
        return Err(DpopError::OtherKey);
    }
    let proof = Proof {
        thumbprint,
        id,
        issued_at,
        expires: issued_at.plus(request.window).plus(1),
    };
    if seen(&proof) {
        return Err(DpopError::Replayed);
    }
    Ok(proof)
}
