//! Detached JSON Web Signatures, `header..signature` (RFC 7515, appendix F; RFC 7797; interpretations, row 12).
//!
//! The signing input takes the header's characters as they were received and the payload's bytes as they are, in
//! pieces if need be, so that nothing is encoded a second time. What a header may say is little: an algorithm and a
//! key that the caller has expected, and whether the payload is encoded. A key inside or behind a header is never used:
//! it would let the signer choose whom we believe.
//!
//! Not here: which key may be believed ([`super::jwk`]), and which bytes are signed ([`crate::envelope`]).

use core::fmt::{self, Write};

use super::jwk::{EDDSA, ML_DSA_65, VerifyingKey};
use super::{base64url, header};
use crate::cbor::{Item, Writer, json};
use crate::crypto::{ed25519, mldsa65};

pub use super::header::{Header, MAX_HEADER_LEN};

/// Longest payload in bytes: the limit of the signing surface (OHP §4.5).
pub const MAX_PAYLOAD_LEN: usize = crate::envelope::SURFACE_MAX;

/// Length of the longest detached JWS that [`sign_detached`] writes.
pub const MAX_JWS_LEN: usize = MAX_HEADER_LEN + 2 + base64url::encoded_len(mldsa65::SIGNATURE_LEN);

/// Bytes of scratch that always suffice, for each function here and for [`super::issue`]: a signing input, and beside it
/// a whole JWS or a decoded signature.
pub const SCRATCH_LEN: usize = {
    let signing_input = MAX_HEADER_LEN + 1 + base64url::encoded_len(MAX_PAYLOAD_LEN) + MAX_JWS_LEN;
    if signing_input > header::SCRATCH_LEN {
        signing_input
    } else {
        header::SCRATCH_LEN
    }
};

/// What a signature must say about itself: what the entry says that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect<'a> {
    /// The header's `alg` must equal it.
    pub alg: &'a str,
    /// The header must have a `kid` and it must equal this one. `None` where no entry names a key and the caller has
    /// chosen it by [`header`] (interpretations, row 16).
    pub kid: Option<&'a str>,
}

/// Why a detached JWS is refused, or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsError {
    /// Not `header..signature`.
    Form,
    /// The header is longer than [`MAX_HEADER_LEN`].
    HeaderTooLong,
    /// The header is not base64url, padded, or not in its canonical form.
    HeaderBase64,
    /// The header is no JSON, or gives a member twice.
    HeaderJson(json::ErrorKind),
    /// The header is JSON, but no object.
    HeaderNotObject,
    /// A member that embeds or points to a key: `jwk`, `jku`, `x5u` or `x5c`.
    EmbeddedKey,
    /// A proof of possession without its key: no `jwk`, or one that is no object.
    KeyMissing,
    /// No `alg`, or one that is no text.
    AlgMissing,
    /// `alg` is `none`.
    AlgNone,
    /// `alg` is not the expected one.
    AlgDiffers,
    /// The expected `alg` is not one that this key can verify.
    AlgNotOfKey,
    /// No `kid`, or one that is no text.
    KidMissing,
    /// `kid` is not the expected one.
    KidDiffers,
    /// `crit` is no list of different texts with one text at least, or names a member that is not there.
    Crit,
    /// `crit` names an extension that is not understood; only `b64` is.
    CritUnknown,
    /// `b64` is neither `true` nor `false`, or is `false` and not named by `crit`.
    B64,
    /// The signature is not base64url, padded, or not in its canonical form.
    SignatureBase64,
    /// The signature has not the algorithm's length.
    SignatureLength,
    /// The payload is longer than [`MAX_PAYLOAD_LEN`].
    PayloadTooLong,
    /// The scratch buffer is shorter than needed; [`SCRATCH_LEN`] always suffices.
    ScratchTooShort,
    /// The output buffer is shorter than needed; [`MAX_JWS_LEN`] always suffices.
    OutputTooShort,
    /// The signature does not verify.
    BadSignature,
    /// No signature could be made, which is likelier to be a broken machine than chance.
    NotSigned,
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a detached JWS: expected header..signature",
            Self::HeaderTooLong => "the JWS header is too long; use a shorter kid",
            Self::HeaderBase64 => "the JWS header is not canonical base64url without padding",
            Self::HeaderJson(kind) => return write!(f, "the JWS header is not usable: {kind}"),
            Self::HeaderNotObject => "the JWS header is not a JSON object",
            Self::EmbeddedKey => "the JWS header brings its own key (jwk, jku, x5u or x5c); name it by kid only",
            Self::KeyMissing => "the JWS header has no jwk; a proof of possession brings its public key along",
            Self::AlgMissing => "the JWS header has no alg",
            Self::AlgNone => "the JWS is unsigned (alg none)",
            Self::AlgDiffers => "the JWS header's alg is not the signature entry's",
            Self::AlgNotOfKey => "the signature entry's alg is not one for this key",
            Self::KidMissing => "the JWS header has no kid",
            Self::KidDiffers => "the JWS header's kid is not the signature entry's",
            Self::Crit => "the JWS header's crit is not a list of different members that are present",
            Self::CritUnknown => "the JWS header's crit names an extension that is not understood; only b64 is",
            Self::B64 => "the JWS header's b64 is no boolean, or is false and not named by crit",
            Self::SignatureBase64 => "the JWS signature is not canonical base64url without padding",
            Self::SignatureLength => "the JWS signature has not the length of its algorithm",
            Self::PayloadTooLong => "the signing surface is longer than 8 KiB; move payloads out of the envelope",
            Self::ScratchTooShort => "the scratch buffer is too short for the signing input",
            Self::OutputTooShort => "the output buffer is too short for the JWS",
            Self::BadSignature => "the signature does not verify",
            Self::NotSigned => "no signature could be made; check the machine",
        })
    }
}

impl core::error::Error for JwsError {}

/// Reads the header of a detached JWS into `scratch`, refusing what no header may say.
///
/// # Errors
/// [`JwsError`], up to [`JwsError::B64`] in the order of its variants.
pub fn header<'s>(jws: &str, scratch: &'s mut [u8]) -> Result<Header<'s>, JwsError> {
    let (encoded, _) = split(jws)?;
    header::read(encoded, scratch)
}

/// A key of our own that signs.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'k> {
    /// `EdDSA`.
    Ed25519(&'k ed25519::SigningKey),
    /// `ML-DSA-65`, with the randomness of one signature (see [`mldsa65::SigningKey::sign`]).
    MlDsa65(&'k mldsa65::SigningKey, &'k [u8; mldsa65::RANDOM_LEN]),
}

impl Signer<'_> {
    /// `alg` of its signatures.
    pub fn alg(self) -> &'static str {
        match self {
            Self::Ed25519(_) => EDDSA,
            Self::MlDsa65(..) => ML_DSA_65,
        }
    }
}

impl<'k> From<&'k ed25519::SigningKey> for Signer<'k> {
    fn from(key: &'k ed25519::SigningKey) -> Self {
        Self::Ed25519(key)
    }
}

/// Verifies a detached JWS by `key` over the joined `payload`.
///
/// `scratch` needs [`SCRATCH_LEN`] bytes at most; what it holds is overwritten.
///
/// # Errors
/// [`JwsError`].
pub fn verify_detached<'k>(
    jws: &str,
    expect: &Expect<'_>,
    key: impl Into<VerifyingKey<'k>>,
    payload: &[&[u8]],
    scratch: &mut [u8],
) -> Result<(), JwsError> {
    let key = key.into();
    let (encoded, signature) = split(jws)?;
    let header = header::read(encoded, scratch)?;
    if header.alg != expect.alg {
        return Err(JwsError::AlgDiffers);
    }
    if header.alg != key.alg() {
        return Err(JwsError::AlgNotOfKey);
    }
    match (header.kid, expect.kid) {
        (_, None) => {}
        (None, Some(_)) => return Err(JwsError::KidMissing),
        (Some(kid), Some(expected)) if kid == expected => {}
        (Some(_), Some(_)) => return Err(JwsError::KidDiffers),
    }
    let payload_is_encoded = header.payload_is_encoded;
    if signature.len() != base64url::encoded_len(key.signature_len()) {
        return Err(JwsError::SignatureLength);
    }
    let (bytes, scratch) = scratch
        .split_at_mut_checked(key.signature_len())
        .ok_or(JwsError::ScratchTooShort)?;
    let signature = base64url::decode(signature, bytes).ok_or(JwsError::SignatureBase64)?;
    let input = signing_input(encoded, payload_is_encoded, payload, scratch)?;
    match key.verifies(input, signature) {
        true => Ok(()),
        false => Err(JwsError::BadSignature),
    }
}

/// Signs the joined `payload` and writes the detached JWS into `out`.
///
/// `scratch` needs [`SCRATCH_LEN`] bytes at most, `out` [`MAX_JWS_LEN`]; what they hold is overwritten.
///
/// # Errors
/// [`JwsError::HeaderTooLong`] for a `kid` that is too long, [`JwsError::PayloadTooLong`],
/// [`JwsError::ScratchTooShort`], [`JwsError::OutputTooShort`], [`JwsError::NotSigned`].
pub fn sign_detached<'o, 'k>(
    key: impl Into<Signer<'k>>,
    kid: &str,
    payload: &[&[u8]],
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<&'o str, JwsError> {
    let key = key.into();
    let mut header = [0; header::MAX_JSON_LEN];
    let header = write_header(key.alg(), kid, scratch, &mut header)?;
    let encoded_len = base64url::encoded_len(header.len());
    let (encoded, rest) = out.split_at_mut_checked(encoded_len).ok_or(JwsError::OutputTooShort)?;
    let encoded = base64url::encode(header, encoded).ok_or(JwsError::OutputTooShort)?;
    let input = signing_input(encoded, true, payload, scratch)?;
    let (dots, rest) = rest.split_first_chunk_mut().ok_or(JwsError::OutputTooShort)?;
    *dots = *b"..";
    let signature_len = match key {
        Signer::Ed25519(key) => base64url::encode(&key.sign(input), rest),
        Signer::MlDsa65(key, random) => {
            let signature = key.sign(input, random).map_err(|_| JwsError::NotSigned)?;
            base64url::encode(&signature, rest)
        }
    }
    .ok_or(JwsError::OutputTooShort)?
    .len();
    let jws = out.get(..encoded_len + 2 + signature_len).unwrap_or_default();
    // INVARIANT: base64url and dots are ASCII.
    core::str::from_utf8(jws).map_err(|_| JwsError::Form)
}

/// The header's and the signature's characters.
fn split(jws: &str) -> Result<(&str, &str), JwsError> {
    let (header, rest) = jws.split_once('.').ok_or(JwsError::Form)?;
    let signature = rest.strip_prefix('.').ok_or(JwsError::Form)?;
    if header.is_empty() || signature.is_empty() || signature.contains('.') {
        return Err(JwsError::Form);
    }
    Ok((header, signature))
}

/// What is signed: the header's characters, a dot, the payload.
fn signing_input<'s>(
    header: &str,
    encoded: bool,
    payload: &[&[u8]],
    scratch: &'s mut [u8],
) -> Result<&'s [u8], JwsError> {
    let lens = payload.iter().map(|piece| piece.len());
    if lens.fold(0, usize::saturating_add) > MAX_PAYLOAD_LEN {
        return Err(JwsError::PayloadTooLong);
    }
    let mut input = Filled { out: scratch, len: 0 };
    input.push(header.as_bytes()).ok_or(JwsError::ScratchTooShort)?;
    input.push(b".").ok_or(JwsError::ScratchTooShort)?;
    let input = if encoded {
        let mut encoder = base64url::Encoder::new(input.out, input.len);
        let fits = payload.iter().try_for_each(|piece| encoder.push(piece));
        fits.and_then(|()| encoder.finish())
    } else {
        let fits = payload.iter().try_for_each(|piece| input.push(piece));
        fits.and_then(|()| input.finish())
    };
    input.ok_or(JwsError::ScratchTooShort)
}

/// Writes the header that we sign with. JSON's escapes for `kid` are the CBOR module's to know.
fn write_header<'o>(alg: &str, kid: &str, scratch: &mut [u8], out: &'o mut [u8]) -> Result<&'o [u8], JwsError> {
    if kid.len() > out.len() {
        return Err(JwsError::HeaderTooLong);
    }
    let mut cbor = Writer::new(scratch);
    cbor.text(kid).map_err(|_| JwsError::ScratchTooShort)?;
    let mut header = Filled { out, len: 0 };
    let mut write = || {
        write!(header, r#"{{"alg":"{alg}","kid":"#)?;
        json::from_cbor(Item::trusted(cbor.written()), &mut header, false)?;
        header.write_str("}")
    };
    write().map_err(|_| JwsError::HeaderTooLong)?;
    header.finish().ok_or(JwsError::HeaderTooLong)
}

/// A buffer that is filled from its front.
struct Filled<'b> {
    out: &'b mut [u8],
    len: usize,
}

impl<'b> Filled<'b> {
    /// Appends `bytes`; `None` if they do not fit.
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.out.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    /// What has been filled.
    fn finish(self) -> Option<&'b [u8]> {
        self.out.get(..self.len)
    }
}

impl Write for Filled<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes()).ok_or(fmt::Error)
    }
}
