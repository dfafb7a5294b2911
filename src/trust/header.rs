//! JOSE headers (RFC 7515, section 4): what a header may say, for detached signatures and for tokens alike.
//!
//! A key inside or behind a header is never used, because it would let the signer choose whom we believe. The one
//! exception is a proof of possession, whose very claim is "I hold this key": it has a way of its own, [`read_with_key`].

use super::base64url;
use super::jws::JwsError;
use crate::cbor::{Item, Map, json};

/// Longest header, in characters of base64url: room for a `kid` of 300 bytes, which is more than a DID URL needs.
pub const MAX_HEADER_LEN: usize = 512;

pub(super) const MAX_JSON_LEN: usize = MAX_HEADER_LEN * 3 / 4;

/// Bytes of scratch that always suffice to read a header.
pub(super) const SCRATCH_LEN: usize = json::max_cbor_len(MAX_JSON_LEN) + json::scratch_len(MAX_JSON_LEN);

/// Header members by which a signer would bring its own key along.
const KEY_MEMBERS: [&str; 4] = [JWK, "jku", "x5u", "x5c"];

const JWK: &str = "jwk";

/// What a header says, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'s> {
    /// `alg`; never `none`.
    pub alg: &'s str,
    /// `kid`.
    pub kid: Option<&'s str>,
    /// `typ`, as it stands there.
    pub typ: Option<&'s str>,
    /// Whether the payload enters the signing input in base64url: always, but for `"b64":false` (RFC 7797).
    pub payload_is_encoded: bool,
}

/// Reads a header into `scratch`, refusing what no header may say.
pub(super) fn read<'s>(encoded: &str, scratch: &'s mut [u8]) -> Result<Header<'s>, JwsError> {
    let header = parse(encoded, scratch)?;
    if KEY_MEMBERS.iter().any(|name| header.get(name).is_some()) {
        return Err(JwsError::EmbeddedKey);
    }
    judge(header)
}

/// Reads the header of a proof of possession, which brings its key along as `jwk`, and in no other way.
pub(super) fn read_with_key<'s>(encoded: &str, scratch: &'s mut [u8]) -> Result<(Header<'s>, Map<'s>), JwsError> {
    let header = parse(encoded, scratch)?;
    let mut others = KEY_MEMBERS.iter().filter(|name| **name != JWK);
    if others.any(|name| header.get(name).is_some()) {
        return Err(JwsError::EmbeddedKey);
    }
    let key = header.get(JWK).and_then(Item::map).ok_or(JwsError::KeyMissing)?;
    Ok((judge(header)?, key))
}

fn parse<'s>(encoded: &str, scratch: &'s mut [u8]) -> Result<Map<'s>, JwsError> {
    if encoded.len() > MAX_HEADER_LEN {
        return Err(JwsError::HeaderTooLong);
    }
    let mut bytes = [0; MAX_JSON_LEN];
    let bytes = base64url::decode(encoded, &mut bytes).ok_or(JwsError::HeaderBase64)?;
    let (cbor, scratch) = scratch
        .split_at_mut_checked(json::max_cbor_len(bytes.len()))
        .ok_or(JwsError::ScratchTooShort)?;
    let cbor = json::to_cbor(bytes, json::Plain, scratch, cbor).map_err(|error| match error.kind {
        json::ErrorKind::ScratchFull | json::ErrorKind::OutputFull => JwsError::ScratchTooShort,
        kind => JwsError::HeaderJson(kind),
    })?;
    Item::trusted(cbor).map().ok_or(JwsError::HeaderNotObject)
}

fn judge(header: Map<'_>) -> Result<Header<'_>, JwsError> {
    let alg = header.get("alg").and_then(Item::as_text).ok_or(JwsError::AlgMissing)?;
    if alg.eq_ignore_ascii_case("none") {
        return Err(JwsError::AlgNone);
    }
    let kid = match header.get("kid") {
        Some(kid) => Some(kid.as_text().ok_or(JwsError::KidMissing)?),
        None => None,
    };
    Ok(Header {
        alg,
        kid,
        typ: header.get("typ").and_then(Item::as_text),
        payload_is_encoded: payload_is_encoded(header)?,
    })
}

/// Judges `crit` and `b64` (RFC 7515, section 4.1.11; RFC 7797).
fn payload_is_encoded(header: Map<'_>) -> Result<bool, JwsError> {
    let b64 = match header.get("b64") {
        Some(b64) => Some(b64.as_bool().ok_or(JwsError::B64)?),
        None => None,
    };
    let critical = match header.get("crit") {
        Some(crit) => {
            let crit = crit.array().ok_or(JwsError::Crit)?;
            for name in crit {
                if name.as_text().ok_or(JwsError::Crit)? != "b64" {
                    return Err(JwsError::CritUnknown);
                }
            }
            if crit.len() != 1 || b64.is_none() {
                return Err(JwsError::Crit);
            }
            true
        }
        None => false,
    };
    match b64 {
        Some(false) if !critical => Err(JwsError::B64),
        Some(encoded) => Ok(encoded),
        None => Ok(true),
    }
}
