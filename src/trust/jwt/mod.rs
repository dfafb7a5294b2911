//! Compact JSON Web Tokens, `header.payload.signature` (RFC 7515, section 7.1; RFC 7519; RFC 8725).
//!
//! A token says which algorithm it was signed with, and is not believed: the algorithm is the key's, and a token that
//! names another is refused. What a header may say else is [`super::jws`]'s rule. The signature is verified before the
//! payload is read; the payload then becomes CBOR in the caller's scratch, where a member given twice is an error.
//!
//! Not here: which issuer is believed, and what the claims mean.

#[cfg(feature = "std")]
mod sign;

use core::fmt;

use super::base64url;
use super::header::{self, Header};
use super::jwk::{EDDSA, ES256, Jwk, JwkSet, KeyRefusal, Material, Usage};
use super::jws::JwsError;
use crate::cbor::{Item, Map, json};
use crate::crypto::{ed25519, es256};
use crate::time::{CLOCK_SKEW_MS, Timestamp};

#[cfg(feature = "std")]
pub use sign::{JsonObject, sign};
#[cfg(feature = "std")]
pub(super) use sign::{public_jwk, quoted, sign_with_header, to_base64url, to_json};

/// Longest token in characters: what common HTTP servers take in one header, and four times the longest of OpenID
/// Federation's entity statements that were met.
pub const MAX_TOKEN_LEN: usize = 64 * 1024;

/// Length of the signatures of EdDSA with Ed25519 and of ES256 alike.
const SIGNATURE_LEN: usize = {
    assert!(ed25519::SIGNATURE_LEN == es256::SIGNATURE_LEN);
    ed25519::SIGNATURE_LEN
};

/// Bytes of scratch that always suffice for a token of `token_len` characters.
pub const fn scratch_len(token_len: usize) -> usize {
    let payload = json_scratch_len(token_len);
    if payload > header::SCRATCH_LEN {
        payload
    } else {
        header::SCRATCH_LEN
    }
}

/// Bytes that it takes at most to read JSON of `base64_len` characters of base64url.
pub(super) const fn json_scratch_len(base64_len: usize) -> usize {
    let json = base64_len / 4 * 3 + 3;
    json + json::max_cbor_len(json) + json::scratch_len(json)
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtError {
    /// Not `header.payload.signature`.
    Form,
    /// The token is longer than the caller takes.
    TooLong,
    /// The header says what no header may say, or is none.
    Header(JwsError),
    /// `typ` is missing, or not what this token should be.
    Type,
    /// `b64` is `false`, which RFC 7797 forbids for tokens.
    PayloadNotEncoded,
    /// The key may not be believed.
    Key(KeyRefusal),
    /// The header's `alg` is not the key's.
    AlgNotOfKey,
    /// The signature is not base64url, padded, or not in its canonical form.
    SignatureBase64,
    /// The signature has not the algorithm's length.
    SignatureLength,
    /// The signature does not verify.
    BadSignature,
    /// The payload is not base64url, padded, or not in its canonical form.
    PayloadBase64,
    /// The payload is no JSON, or gives a member twice.
    PayloadJson(json::ErrorKind),
    /// The payload is JSON, but no object.
    PayloadNotObject,
    /// `iat`, `nbf` or `exp` is no number of seconds within the years 1970 to 9999.
    Time,
    /// The time of `exp` has come.
    Expired,
    /// The time of `nbf` has not come.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// The scratch buffer is shorter than needed; [`scratch_len`] always suffices.
    ScratchTooShort,
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a compact token: expected header.payload.signature",
            Self::TooLong => "the token is too long",
            Self::Header(error) => return error.fmt(f),
            Self::Type => "the token's typ is not the one that is wanted here",
            Self::PayloadNotEncoded => "the token's header has b64 false; encode the payload",
            Self::Key(refusal) => return refusal.fmt(f),
            Self::AlgNotOfKey => "the token's alg is not one for this key",
            Self::SignatureBase64 => "the token's signature is not canonical base64url without padding",
            Self::SignatureLength => "the token's signature has not the length of its algorithm",
            Self::BadSignature => "the token's signature does not verify",
            Self::PayloadBase64 => "the token's payload is not canonical base64url without padding",
            Self::PayloadJson(kind) => return write!(f, "the token's payload is not usable: {kind}"),
            Self::PayloadNotObject => "the token's payload is not a JSON object",
            Self::Time => "the token's iat, nbf or exp is no number of seconds since 1970",
            Self::Expired => "the token has expired; get a new one",
            Self::NotYetValid => "the token is not valid yet; check both clocks",
            Self::IssuedInFuture => "the token was issued in the future; check both clocks",
            Self::ScratchTooShort => "the scratch buffer is too short for the token",
        })
    }
}

impl core::error::Error for JwtError {}

impl From<KeyRefusal> for JwtError {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}

impl From<JwsError> for JwtError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::ScratchTooShort => Self::ScratchTooShort,
            other => Self::Header(other),
        }
    }
}

/// A key that verifies tokens, and with it the one algorithm that they may name.
#[derive(Clone, Copy, Debug)]
pub enum Key<'k> {
    /// `EdDSA` with Ed25519.
    Ed25519(&'k ed25519::PublicKey),
    /// `ES256`.
    Es256(&'k es256::PublicKey),
}

impl<'k> Key<'k> {
    /// The key of that material; `None` if it is of a kind that verifies no tokens.
    pub fn of(material: &'k Material) -> Option<Self> {
        match material {
            Material::Ed25519(key) => Some(Self::Ed25519(key)),
            Material::Es256(key) => Some(Self::Es256(key)),
            _ => None,
        }
    }

    /// The `alg` that a header must name.
    pub fn alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => EDDSA,
            Self::Es256(_) => ES256,
        }
    }

    fn verify(&self, input: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), JwtError> {
        let holds = match self {
            Self::Ed25519(key) => key.verify(input, signature).is_ok(),
            Self::Es256(key) => key.verify(input, signature).is_ok(),
        };
        if holds { Ok(()) } else { Err(JwtError::BadSignature) }
    }
}

/// A token cut into its parts. Nothing of it has been believed.
#[derive(Clone, Copy, Debug)]
pub struct Compact<'t> {
    signing_input: &'t str,
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> Compact<'t> {
    /// Cuts `token`, which may have `max_len` characters.
    ///
    /// # Errors
    /// [`JwtError::TooLong`], [`JwtError::Form`].
    pub fn parse(token: &'t str, max_len: usize) -> Result<Self, JwtError> {
        if token.len() > max_len.min(MAX_TOKEN_LEN) {
            return Err(JwtError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwtError::Form)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::Form)?;
        let parts = [header, payload, signature];
        if parts.iter().any(|part| part.is_empty()) || payload.contains('.') {
            return Err(JwtError::Form);
        }
        Ok(Self {
            signing_input,
            header,
            payload,
            signature,
        })
    }

    /// Reads the header into `scratch`, of which [`scratch_len`] bytes for any token suffice.
    ///
    /// # Errors
    /// [`JwtError::Header`], [`JwtError::PayloadNotEncoded`].
    pub fn header<'s>(&self, scratch: &'s mut [u8]) -> Result<Header<'s>, JwtError> {
        plain(header::read(self.header, scratch)?)
    }

    /// Reads the header of a proof of possession, which brings its key along.
    pub(super) fn header_with_key<'s>(&self, scratch: &'s mut [u8]) -> Result<(Header<'s>, Map<'s>), JwtError> {
        let (header, key) = header::read_with_key(self.header, scratch)?;
        Ok((plain(header)?, key))
    }

    /// Verifies the signature by `key`. `alg` is what the header names.
    ///
    /// # Errors
    /// [`JwtError::AlgNotOfKey`], [`JwtError::SignatureLength`], [`JwtError::SignatureBase64`],
    /// [`JwtError::BadSignature`].
    pub fn verify(&self, alg: &str, key: Key<'_>) -> Result<(), JwtError> {
        if alg != key.alg() {
            return Err(JwtError::AlgNotOfKey);
        }
        if self.signature.len() != base64url::encoded_len(SIGNATURE_LEN) {
            return Err(JwtError::SignatureLength);
        }
        let signature = base64url::decode_exact(self.signature).ok_or(JwtError::SignatureBase64)?;
        key.verify(self.signing_input.as_bytes(), &signature)
    }

    /// Reads the payload into `arena`.
    pub(super) fn claims<'s>(&self, arena: &mut Arena<'s>) -> Result<(Item<'s>, Map<'s>), JwtError> {
        let item = arena.json(self.payload).map_err(|error| match error {
            NotJson::Base64 => JwtError::PayloadBase64,
            NotJson::Json(kind) => JwtError::PayloadJson(kind),
            NotJson::ScratchTooShort => JwtError::ScratchTooShort,
        })?;
        Ok((item, item.map().ok_or(JwtError::PayloadNotObject)?))
    }
}

/// Refuses the header of a token whose payload is not encoded.
fn plain(header: Header<'_>) -> Result<Header<'_>, JwtError> {
    if header.payload_is_encoded {
        Ok(header)
    } else {
        Err(JwtError::PayloadNotEncoded)
    }
}

/// Whether a header's `typ` is the media type `wanted`, which `application/` may begin (RFC 7515, section 4.1.9).
pub(super) fn is_type(typ: Option<&str>, wanted: &str) -> bool {
    const PREFIX: &str = "application/";
    let Some(typ) = typ else { return false };
    let short = match typ.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => typ.get(PREFIX.len()..).unwrap_or_default(),
        _ => typ,
    };
    short.eq_ignore_ascii_case(wanted)
}

/// What a token must be.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// `typ` must be one of these media types, without `application/`. Cross-JWT confusion is what it prevents
    /// (RFC 8725, section 3.11).
    pub types: &'a [&'a str],
    /// The moment to judge `iat`, `nbf`, `exp` and the key's validity at.
    pub now: Timestamp,
    /// Longest token in characters; [`MAX_TOKEN_LEN`] at most.
    pub max_len: usize,
}

/// Verifies a token by one of the keys of its issuer, and gives its claims.
///
/// The key is that of the header's `kid`, or, without one, the set's only key of that algorithm. It must have been
/// valid when the token was issued (`iat`, where there is one), and a key that has been revoked since is not believed,
/// because whoever holds it writes any `iat`. `scratch` takes [`scratch_len`] bytes.
///
/// # Errors
/// [`JwtError`].
pub fn verify<'s>(token: &str, expect: &Expect<'_>, keys: &JwkSet, scratch: &'s mut [u8]) -> Result<Map<'s>, JwtError> {
    let mut arena = Arena::new(scratch);
    verify_in(token, expect, keys, &mut arena).map(|verified| verified.claims)
}

/// What [`verify_in`] found.
pub(super) struct Verified<'s> {
    /// The payload, a map.
    pub(super) item: Item<'s>,
    /// The payload's members.
    pub(super) claims: Map<'s>,
    /// Which of the expected types the token is.
    pub(super) type_index: usize,
}

/// [`verify`], leaving what is left of the scratch to the caller.
pub(super) fn verify_in<'s>(
    token: &str,
    expect: &Expect<'_>,
    keys: &JwkSet,
    arena: &mut Arena<'s>,
) -> Result<Verified<'s>, JwtError> {
    let token = Compact::parse(token, expect.max_len)?;
    let (jwk, type_index) = {
        let header = token.header(arena.spare())?;
        let type_index = expect.types.iter().position(|wanted| is_type(header.typ, wanted));
        let type_index = type_index.ok_or(JwtError::Type)?;
        let (jwk, key) = choose(keys, header.kid, header.alg)?;
        token.verify(header.alg, key)?;
        (jwk, type_index)
    };
    let (item, claims) = token.claims(arena)?;
    let times = Times::of(claims)?;
    times.check(expect.now)?;
    may_sign(jwk, times.issued_at, expect.now)?;
    Ok(Verified {
        item,
        claims,
        type_index,
    })
}

/// The key that the header means.
fn choose<'k>(keys: &'k JwkSet, kid: Option<&str>, alg: &str) -> Result<(&'k Jwk, Key<'k>), JwtError> {
    if let Some(kid) = kid {
        let jwk = keys.get(kid).ok_or(KeyRefusal::Unknown)?;
        return Ok((jwk, Key::of(&jwk.material).ok_or(KeyRefusal::WrongKind)?));
    }
    let mut candidates = keys.keys().iter().filter_map(|jwk| {
        let key = Key::of(&jwk.material)?;
        (key.alg() == alg && jwk.usage == Some(Usage::Signature)).then_some((jwk, key))
    });
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(KeyRefusal::NotTheOnly.into()),
    }
}

/// Whether the key may have signed at `issued_at`, and may still be believed at `now`.
fn may_sign(jwk: &Jwk, issued_at: Option<Timestamp>, now: Timestamp) -> Result<(), JwtError> {
    let alg = Key::of(&jwk.material).ok_or(KeyRefusal::WrongKind)?.alg();
    jwk.may_sign(alg, issued_at.unwrap_or(now))?;
    match jwk.may_sign(alg, now) {
        Err(KeyRefusal::Revoked) => Err(KeyRefusal::Revoked.into()),
        _ => Ok(()),
    }
}

/// The registered claims about time (RFC 7519, section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `exp`.
    pub expires: Option<Timestamp>,
}

impl Times {
    /// Reads the three claims.
    ///
    /// # Errors
    /// [`JwtError::Time`].
    pub fn of(claims: Map<'_>) -> Result<Self, JwtError> {
        let moment = |name| claims.get(name).map(numeric_date).transpose();
        Ok(Self {
            issued_at: moment("iat")?,
            not_before: moment("nbf")?,
            expires: moment("exp")?,
        })
    }

    /// Judges them at `now`, give or take [`CLOCK_SKEW_MS`].
    ///
    /// # Errors
    /// [`JwtError::Expired`], [`JwtError::NotYetValid`], [`JwtError::IssuedInFuture`].
    pub fn check(&self, now: Timestamp) -> Result<(), JwtError> {
        let soon = now.plus(CLOCK_SKEW_MS);
        if self.expires.is_some_and(|expires| now >= expires.plus(CLOCK_SKEW_MS)) {
            return Err(JwtError::Expired);
        }
        if self.not_before.is_some_and(|not_before| soon < not_before) {
            return Err(JwtError::NotYetValid);
        }
        if self.issued_at.is_some_and(|issued_at| soon < issued_at) {
            return Err(JwtError::IssuedInFuture);
        }
        Ok(())
    }
}

/// Seconds since 1970, whole or not (RFC 7519, section 2), up to the end of the year 9999.
fn numeric_date(item: Item<'_>) -> Result<Timestamp, JwtError> {
    const LAST: i64 = 253_402_300_799;
    let millis = match (item.as_integer(), item.as_float()) {
        (Some(seconds), _) => i64::try_from(seconds)
            .ok()
            .filter(|seconds| (0..=LAST).contains(seconds))
            .map(|s| s * 1000),
        (_, Some(seconds)) if (0.0..=LAST as f64).contains(&seconds) => Some((seconds * 1000.0) as i64),
        _ => None,
    };
    millis.map(Timestamp::from_millis).ok_or(JwtError::Time)
}

/// The caller's scratch, from which what has been read is cut off at the front.
pub(super) struct Arena<'s> {
    rest: &'s mut [u8],
}

/// Why a text is not JSON in base64url.
pub(super) enum NotJson {
    Base64,
    Json(json::ErrorKind),
    ScratchTooShort,
}

impl<'s> Arena<'s> {
    pub(super) fn new(scratch: &'s mut [u8]) -> Self {
        Self { rest: scratch }
    }

    /// What is left, for whoever gives it back.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        self.rest
    }

    /// Reads JSON in base64url and keeps its CBOR.
    pub(super) fn json(&mut self, text: &str) -> Result<Item<'s>, NotJson> {
        let rest = core::mem::take(&mut self.rest);
        match read_json(text, rest) {
            Ok(len) => {
                let (kept, rest) = rest.split_at_mut_checked(len).ok_or(NotJson::ScratchTooShort)?;
                self.rest = rest;
                Ok(Item::trusted(kept))
            }
            Err(error) => {
                self.rest = rest;
                Err(error)
            }
        }
    }
}

/// Writes the CBOR of the JSON to the front of `buffer`, and gives its length.
fn read_json(text: &str, buffer: &mut [u8]) -> Result<usize, NotJson> {
    let most = text.len() / 4 * 3 + 3;
    let short = NotJson::ScratchTooShort;
    let (bytes, buffer_front) = match buffer.len().checked_sub(most) {
        Some(at) => {
            let (front, bytes) = buffer.split_at_mut(at);
            (bytes, front)
        }
        None => return Err(short),
    };
    let json = base64url::decode(text, bytes).ok_or(NotJson::Base64)?;
    let Some((out, scratch)) = buffer_front.split_at_mut_checked(json::max_cbor_len(json.len())) else {
        return Err(short);
    };
    match json::to_cbor(json, json::Plain, scratch, out) {
        Ok(cbor) => Ok(cbor.len()),
        Err(error) => Err(match error.kind {
            json::ErrorKind::ScratchFull | json::ErrorKind::OutputFull => NotJson::ScratchTooShort,
            kind => NotJson::Json(kind),
        }),
    }
}
