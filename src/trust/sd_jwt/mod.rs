//! Credentials with selective disclosure: SD-JWT (RFC 9901) and SD-JWT VC, as `caller.identity` carries them (OHP §5.4;
//! interpretations, row 19).
//!
//! What comes out are the claims that the identity provider has signed and the sender has disclosed, and nothing that
//! the envelope says about them. A credential is refused as a whole when any part of it is in doubt: the shown part is
//! what a human or a machine will act on.
//!
//! Not here: whether the provider is believed, and revocation by status lists, which cannot be fetched in a call's time;
//! a credential's `status` is among its claims.

mod claims;
#[cfg(feature = "std")]
mod issue;
mod key_binding;
mod resolve;

use core::fmt;

use super::base64url;
use super::jwk::JwkSet;
use super::jwt::{self, Arena, JwtError};
use crate::cbor::{Item, json};
use crate::time::Timestamp;

pub use claims::Claims;
#[cfg(feature = "std")]
pub use issue::{Credential, SALT_LEN, bind, issue, present, split};
pub use key_binding::{KeyBinding, KeyBindingError};
pub use resolve::{MAX_DIGESTS, MAX_DISCLOSURES};

/// Longest credential in characters, disclosures and key binding included: it lies inside a signing surface (OHP §4.5).
pub const MAX_LEN: usize = crate::envelope::SURFACE_MAX;

/// The media types of credentials, the first two of SD-JWT VC (its earlier and its present name).
pub const TYPES: [&str; 3] = ["dc+sd-jwt", "vc+sd-jwt", "sd-jwt"];

/// How many of [`TYPES`], from the front, are SD-JWT VC and so must have `vct`.
const VC_TYPES: usize = 2;

/// Bytes of scratch that always suffice for [`verify`].
pub const SCRATCH_LEN: usize = jwt::scratch_len(MAX_LEN);

/// Bytes that the claims of a credential have at most: the CBOR of as much JSON as [`MAX_LEN`] characters hold.
pub const CLAIMS_MAX: usize = json::max_cbor_len(MAX_LEN / 4 * 3);

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdJwtError {
    /// Neither a token alone nor `token~disclosure~…~` with a token or nothing behind the last tilde.
    Form,
    /// Disclosures both behind tildes and in a list.
    BothForms,
    /// Longer than [`MAX_LEN`].
    TooLong,
    /// The issuer's token does not hold.
    Token(JwtError),
    /// `iss` is not the identity provider that the envelope names.
    OtherIssuer,
    /// `vct`, the kind of credential, is missing or no text.
    TypeMissing,
    /// `_sd_alg` is another hash than SHA-256.
    HashAlgorithm,
    /// More than [`MAX_DISCLOSURES`].
    TooManyDisclosures,
    /// A disclosure is not base64url, padded, or not in its canonical form.
    DisclosureBase64,
    /// A disclosure is no JSON, or gives a member twice.
    DisclosureJson(json::ErrorKind),
    /// A disclosure is no list of salt, name and value (or salt and value, in a list), or stands in the wrong one.
    DisclosureForm,
    /// A disclosure is given twice.
    DisclosureTwice,
    /// No digest refers to a disclosure: it is not of this credential, or has been changed.
    DisclosureUnreferenced,
    /// A digest stands in the credential twice.
    DigestTwice,
    /// More digests than [`MAX_DIGESTS`].
    TooManyDigests,
    /// `_sd`, `...` or `_sd_alg` is of another form than RFC 9901 gives it, stands where it must not, or is disclosed.
    Reserved,
    /// A disclosed claim has the name of one that stands beside it.
    ClaimClash,
    /// A claim that decides about the credential itself, such as `exp`, is among the disclosures.
    Registered,
    /// Claims are nested deeper than [`crate::cbor::MAX_DEPTH`].
    TooDeep,
    /// The holder's proof, which policy demands, does not hold.
    KeyBinding(KeyBindingError),
    /// The scratch buffer is shorter than needed; [`SCRATCH_LEN`] always suffices.
    ScratchTooShort,
    /// The output buffer is shorter than needed; [`CLAIMS_MAX`] always suffices.
    OutputTooShort,
}

impl fmt::Display for SdJwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not an SD-JWT: expected a token, or token~disclosure~...~",
            Self::BothForms => "disclosures both in the SD-JWT and in caller.identity.disclosures; use one place",
            Self::TooLong => "the SD-JWT with its disclosures is longer than a signing surface",
            Self::Token(error) => return error.fmt(f),
            Self::OtherIssuer => "the SD-JWT's iss is not caller.assurance.idp",
            Self::TypeMissing => "the SD-JWT VC has no vct",
            Self::HashAlgorithm => "the SD-JWT's _sd_alg is not sha-256",
            Self::TooManyDisclosures => "the SD-JWT has too many disclosures; show fewer claims",
            Self::DisclosureBase64 => "a disclosure is not canonical base64url without padding",
            Self::DisclosureJson(kind) => return write!(f, "a disclosure is not usable: {kind}"),
            Self::DisclosureForm => "a disclosure is not [salt, name, value], or [salt, value] for a list's element",
            Self::DisclosureTwice => "a disclosure is given twice",
            Self::DisclosureUnreferenced => "a disclosure belongs to no digest of the SD-JWT, or has been changed",
            Self::DigestTwice => "a digest stands in the SD-JWT twice",
            Self::TooManyDigests => "the SD-JWT has too many digests",
            Self::Reserved => "_sd, ... or _sd_alg stands in the SD-JWT where or as it must not",
            Self::ClaimClash => "a disclosed claim has the name of one beside it",
            Self::Registered => {
                "a claim about the SD-JWT itself (iss, exp, nbf, cnf, vct or status) is disclosed selectively"
            }
            Self::TooDeep => "the SD-JWT's claims are nested too deep",
            Self::KeyBinding(error) => return error.fmt(f),
            Self::ScratchTooShort => "the scratch buffer is too short for the SD-JWT",
            Self::OutputTooShort => "the buffer for the SD-JWT's claims is too short",
        })
    }
}

impl core::error::Error for SdJwtError {}

impl From<JwtError> for SdJwtError {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::ScratchTooShort => Self::ScratchTooShort,
            JwtError::TooLong => Self::TooLong,
            other => Self::Token(other),
        }
    }
}

impl From<KeyBindingError> for SdJwtError {
    fn from(error: KeyBindingError) -> Self {
        match error {
            KeyBindingError::Token(JwtError::ScratchTooShort) => Self::ScratchTooShort,
            other => Self::KeyBinding(other),
        }
    }
}

/// What a credential must be.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The media types that are taken: [`TYPES`].
    pub types: &'a [&'a str],
    /// `iss` must equal it.
    pub issuer: &'a str,
    /// The moment to judge it at.
    pub now: Timestamp,
    /// What the holder's proof must say; `None` where policy demands none, and then one that is there is not looked at.
    pub key_binding: Option<KeyBinding<'a>>,
}

/// Verifies a credential by the keys of its issuer, and writes its claims, disclosed ones in their places, to `out`.
///
/// `sd_jwt` is the issuer's token alone, with its disclosures in `listed`, or the compact form with tildes, with `listed`
/// empty. `scratch` takes [`SCRATCH_LEN`] bytes, `out` [`CLAIMS_MAX`]. Allocates nothing.
///
/// # Errors
/// [`SdJwtError`].
pub fn verify<'t, 'o>(
    sd_jwt: &'t str,
    listed: impl Iterator<Item = &'t str> + Clone,
    expect: &Expect<'_>,
    keys: &JwkSet,
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<Claims<'o>, SdJwtError> {
    let form = Form::of(sd_jwt, listed.clone())?;
    let mut arena = Arena::new(scratch);
    let token = jwt::Expect {
        types: expect.types,
        now: expect.now,
        max_len: MAX_LEN,
    };
    let verified = jwt::verify_in(form.token, &token, keys, &mut arena)?;
    let payload = verified.claims;
    if payload.get("iss").and_then(Item::as_text) != Some(expect.issuer) {
        return Err(SdJwtError::OtherIssuer);
    }
    let is_vc = expect
        .types
        .get(verified.type_index)
        .is_some_and(|typ| TYPES.iter().take(VC_TYPES).any(|vc| vc == typ));
    if is_vc && payload.get("vct").and_then(Item::as_text).is_none() {
        return Err(SdJwtError::TypeMissing);
    }
    if let Some(binding) = &expect.key_binding {
        key_binding::check(payload, &form, binding, expect.now, arena.spare())?;
    }
    let disclosures = resolve::Disclosures::read(form.disclosures.chain(listed), &mut arena)?;
    let claims = resolve::resolve(verified.item, disclosures, out)?;
    Ok(Claims::new(claims))
}

/// A credential's parts.
struct Form<'t> {
    /// The issuer's token.
    token: &'t str,
    /// What stands between tildes.
    disclosures: Between<'t>,
    /// Everything up to the last tilde, which the holder's proof hashes; empty without tildes.
    hashed: &'t str,
    /// The holder's proof.
    proof: Option<&'t str>,
}

impl<'t> Form<'t> {
    fn of(sd_jwt: &'t str, mut listed: impl Iterator<Item = &'t str> + Clone) -> Result<Self, SdJwtError> {
        let len = listed.clone().map(str::len).fold(sd_jwt.len(), usize::saturating_add);
        if len > MAX_LEN {
            return Err(SdJwtError::TooLong);
        }
        let Some((token, rest)) = sd_jwt.split_once('~') else {
            return Ok(Self {
                token: sd_jwt,
                disclosures: Between { rest: None },
                hashed: "",
                proof: None,
            });
        };
        if listed.next().is_some() {
            return Err(SdJwtError::BothForms);
        }
        let (disclosures, proof) = match rest.rsplit_once('~') {
            Some((disclosures, proof)) => (Some(disclosures), proof),
            None => (None, rest),
        };
        let disclosures = Between { rest: disclosures };
        // A disclosure has no dots: without its last tilde it stands where the holder's proof does.
        if disclosures.clone().any(str::is_empty) || (!proof.is_empty() && !proof.contains('.')) {
            return Err(SdJwtError::Form);
        }
        Ok(Self {
            token,
            disclosures,
            hashed: sd_jwt.get(..sd_jwt.len() - proof.len()).unwrap_or_default(),
            proof: (!proof.is_empty()).then_some(proof),
        })
    }
}

/// Texts between tildes.
#[derive(Clone, Copy)]
struct Between<'t> {
    rest: Option<&'t str>,
}

impl<'t> Iterator for Between<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        match rest.split_once('~') {
            Some((first, rest)) => {
                self.rest = Some(rest);
                Some(first)
            }
            None => {
                self.rest = None;
                Some(rest)
            }
        }
    }
}

/// The base64url text of a SHA-256 digest, as SD-JWT compares digests.
type DigestText = [u8; base64url::encoded_len(crate::crypto::SHA256_LEN)];

/// The digest of ASCII text.
fn digest(text: &str) -> DigestText {
    let mut digest = [0; base64url::encoded_len(crate::crypto::SHA256_LEN)];
    // INVARIANT: the buffer has the length that the text needs.
    let _ = base64url::encode(&crate::crypto::sha256(&[text.as_bytes()]), &mut digest);
    digest
}
