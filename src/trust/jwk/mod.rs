//! JSON Web Keys (RFC 7517, RFC 8037, AKP for ML-DSA): others' public keys, our own private ones, and when a key may be
//! believed (interpretations, rows 12 and 20).
//!
//! A set keeps every key that it was given, those of kinds that we have no use for as [`Material::Other`]: a `kid` that
//! is there but of the wrong kind is another answer than one that is not there. Reading and writing JSON is in `json`.

#[cfg(feature = "std")]
mod json;
mod own;
mod verifier;

use core::fmt;

pub use own::{OwnKey, OwnKeys, Secret};
pub use verifier::VerifyingKey;

#[cfg(feature = "std")]
use super::reserve::{self, NoMemory};
use super::{Held, List, Text, base64url};
use crate::crypto::{ed25519, es256, hpke, mldsa65, sha256};
use crate::time::Timestamp;

/// `alg` of Ed25519 signatures, in a JWK, a JWS header and an envelope's signature entry.
pub const EDDSA: &str = "EdDSA";

/// `alg` of ML-DSA-65 signatures (FIPS 204).
pub const ML_DSA_65: &str = "ML-DSA-65";

/// `alg` of ECDSA signatures over P-256 (RFC 7518, section 3.4), which issuers of credentials make and OHP does not.
pub const ES256: &str = "ES256";

/// `alg` of sealing keys.
pub const HPKE: &str = "HPKE/X25519-SHA256-CHACHA20POLY1305";

/// Length of an RFC 7638 thumbprint's text.
pub const THUMBPRINT_LEN: usize = base64url::encoded_len(crate::crypto::SHA256_LEN);

/// What a key is made of, in public.
#[derive(Debug)]
pub enum Material {
    /// `OKP`, `Ed25519`: verifies signatures.
    Ed25519(ed25519::PublicKey),
    /// `OKP`, `X25519`: fields are sealed for it.
    X25519([u8; hpke::KEY_LEN]),
    /// `AKP`, `ML-DSA-65`: verifies post-quantum signatures. Expanded once, while it is read.
    MlDsa65(Held<mldsa65::PublicKey>),
    /// `EC`, `P-256`: verifies what issuers of credentials sign.
    Es256(es256::PublicKey),
    /// A kind that OHP 0.1 has no use for, such as `RSA`.
    Other,
}

/// What a key is for (`use`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// `sig`.
    Signature,
    /// `enc`.
    Encryption,
    /// Another word; RFC 7517 leaves the list open.
    Other,
}

/// A public key with what its owner says about it.
#[derive(Debug)]
pub struct Jwk {
    /// `kid`. A set's own name for the key; absent in sets that hold one key an algorithm.
    pub kid: Option<Text>,
    /// The key itself.
    pub material: Material,
    /// `use`.
    pub usage: Option<Usage>,
    /// `alg`.
    pub alg: Option<Text>,
    /// `validFrom`: no envelope issued before it.
    pub valid_from: Option<Timestamp>,
    /// `validUntil`: no envelope issued after it.
    pub valid_until: Option<Timestamp>,
    /// `revoked`: the key is kept for what was issued up to `validUntil`; without one, for nothing.
    pub revoked: bool,
}

/// Why a key may not be believed for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No key of that `kid` in the current set, which is what revocation looks like (OHP §5.9).
    Unknown,
    /// The header names no `kid`, and the set holds several keys of that algorithm, or none.
    NotTheOnly,
    /// The key is of another kind than the algorithm needs.
    WrongKind,
    /// `use` is not `sig`.
    NotForSignatures,
    /// `alg` is another algorithm.
    OtherAlgorithm,
    /// Issued before `validFrom`.
    NotYetValid,
    /// Issued after `validUntil`.
    Expired,
    /// Revoked: at once, or before the envelope was issued.
    Revoked,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the issuer's current JWK Set holds no key of this `kid`: treat it as revoked",
            Self::NotTheOnly => "no `kid`, and the JWK Set does not hold exactly one key of this algorithm",
            Self::WrongKind => "the key is of another kind than the signature's algorithm",
            Self::NotForSignatures => "the key's `use` is not `sig`",
            Self::OtherAlgorithm => "the key's `alg` is not the signature's",
            Self::NotYetValid => "issued before the key's `validFrom`",
            Self::Expired => "issued after the key's `validUntil`",
            Self::Revoked => "the key is revoked",
        })
    }
}

impl core::error::Error for KeyRefusal {}

impl Jwk {
    /// Whether a signature of algorithm `alg` on something issued at `issued_at` may be made by this key.
    ///
    /// # Errors
    /// [`KeyRefusal`], in the order of its variants.
    pub fn may_sign(&self, alg: &str, issued_at: Timestamp) -> Result<(), KeyRefusal> {
        if self.usage != Some(Usage::Signature) {
            return Err(KeyRefusal::NotForSignatures);
        }
        self.is_for(alg, issued_at)
    }

    /// [`Jwk::may_sign`] where `use` has been judged.
    pub(super) fn is_for(&self, alg: &str, issued_at: Timestamp) -> Result<(), KeyRefusal> {
        if self.alg.as_deref().is_some_and(|own| own != alg) {
            return Err(KeyRefusal::OtherAlgorithm);
        }
        if self.revoked && self.valid_until.is_none_or(|until| issued_at > until) {
            return Err(KeyRefusal::Revoked);
        }
        if self.valid_from.is_some_and(|from| issued_at < from) {
            return Err(KeyRefusal::NotYetValid);
        }
        if self.valid_until.is_some_and(|until| issued_at > until) {
            return Err(KeyRefusal::Expired);
        }
        Ok(())
    }

    /// The key as one that fields issued at `now` may be sealed for: X25519, not for signatures, within its time and never
    /// revoked.
    pub fn sealing_key(&self, now: Timestamp) -> Option<&[u8; hpke::KEY_LEN]> {
        let begun = self.valid_from.is_none_or(|from| from <= now);
        let over = self.valid_until.is_some_and(|until| until < now);
        match &self.material {
            Material::X25519(key) if self.usage != Some(Usage::Signature) && !self.revoked && begun && !over => {
                Some(key)
            }
            _ => None,
        }
    }

    /// The RFC 7638 thumbprint (SHA-256), the `kid` that keys of our own get by default; `None` for [`Material::Other`].
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        let (mut x, mut y) = (
            [0; base64url::encoded_len(mldsa65::PUBLIC_LEN)],
            [0; base64url::encoded_len(es256::COORDINATE_LEN)],
        );
        // The required members of each kind, in the order of their names (RFC 7638, section 3.2).
        let digest = match &self.material {
            Material::Ed25519(public) => okp_digest("Ed25519", base64url::encode(public.as_bytes(), &mut x)?),
            Material::X25519(public) => okp_digest("X25519", base64url::encode(public, &mut x)?),
            Material::MlDsa65(public) => sha256(&[
                br#"{"alg":"ML-DSA-65","kty":"AKP","pub":""#,
                base64url::encode(&public.to_bytes(), &mut x)?.as_bytes(),
                br#""}"#,
            ]),
            Material::Es256(public) => {
                let coordinates = public.coordinates();
                sha256(&[
                    br#"{"crv":"P-256","kty":"EC","x":""#,
                    base64url::encode(&coordinates.0, &mut x)?.as_bytes(),
                    br#"","y":""#,
                    base64url::encode(&coordinates.1, &mut y)?.as_bytes(),
                    br#""}"#,
                ])
            }
            Material::Other => return None,
        };
        let mut text = [0; THUMBPRINT_LEN];
        base64url::encode(&digest, &mut text)?;
        Some(Thumbprint(text))
    }
}

fn okp_digest(curve: &str, public: &str) -> [u8; 32] {
    sha256(&[
        br#"{"crv":""#,
        curve.as_bytes(),
        br#"","kty":"OKP","x":""#,
        public.as_bytes(),
        br#""}"#,
    ])
}

/// An RFC 7638 thumbprint as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbprint([u8; THUMBPRINT_LEN]);

impl Thumbprint {
    /// The text, 43 characters of base64url.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A JWK Set: a party's public keys. No `kid` stands in it twice.
#[derive(Debug, Default)]
pub struct JwkSet {
    keys: List<Jwk>,
    /// Those of its Ed25519 keys that signatures are often verified with, once more.
    precomputed: List<ed25519::PrecomputedKey>,
}

impl JwkSet {
    /// A set of `keys`; `None` if two of them share a `kid`.
    pub fn new(keys: List<Jwk>) -> Option<Self> {
        let twice =
            |(at, key): (usize, &Jwk)| key.kid.is_some() && keys.iter().take(at).any(|other| other.kid == key.kid);
        if keys.iter().enumerate().any(twice) {
            return None;
        }
        Some(Self {
            keys,
            precomputed: List::default(),
        })
    }

    /// All keys, in the order given.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// The key of that `kid`.
    pub fn get(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid))
    }

    /// The key that may have signed something issued at `issued_at` with the algorithm `alg`: the one of that `kid`, or,
    /// where the header names none, the set's only signature key of that algorithm (interpretations, row 16).
    ///
    /// # Errors
    /// [`KeyRefusal`]; [`KeyRefusal::WrongKind`] also for an `alg` that no key of ours verifies.
    pub fn signer(&self, alg: &str, kid: Option<&str>, issued_at: Timestamp) -> Result<VerifyingKey<'_>, KeyRefusal> {
        let made_for = |key: &Jwk| VerifyingKey::of(&key.material).is_some_and(|verifies| verifies.alg() == alg);
        let key = match kid {
            Some(kid) => self.get(kid).ok_or(KeyRefusal::Unknown)?,
            None => {
                let fits = |key: &&Jwk| made_for(key) && key.usage == Some(Usage::Signature);
                let mut candidates = self.keys.iter().filter(fits);
                match (candidates.next(), candidates.next()) {
                    (Some(only), None) => only,
                    _ => return Err(KeyRefusal::NotTheOnly),
                }
            }
        };
        let verifies = VerifyingKey::of(&key.material)
            .filter(|verifies| verifies.alg() == alg)
            .ok_or(KeyRefusal::WrongKind)?;
        key.may_sign(alg, issued_at)?;
        let VerifyingKey::Ed25519(plain) = verifies else {
            return Ok(verifies);
        };
        let precomputed = self.precomputed.iter().find(|precomputed| precomputed.key() == plain);
        Ok(precomputed.map_or(verifies, VerifyingKey::Precomputed))
    }

    /// Works out multiples of the first `most` of the set's Ed25519 signature keys; returns of how many.
    #[cfg(feature = "std")]
    pub(super) fn precompute(&mut self, most: usize) -> Result<usize, NoMemory> {
        let keys = || {
            let signs = |key: &&Jwk| key.usage == Some(Usage::Signature) && !key.revoked;
            let keys = self.keys.iter().filter(signs).filter_map(|key| match key.material {
                Material::Ed25519(public) => Some(public),
                _ => None,
            });
            keys.take(most)
        };
        let mut precomputed = reserve::room(keys().count())?;
        // Pushed as they are: 30 KB that are handed on inside of something else are copied, on the stack.
        for key in keys() {
            precomputed.push(ed25519::PrecomputedKey::new(key));
        }
        self.precomputed = reserve::boxed(precomputed)?;
        Ok(self.precomputed.len())
    }

    /// [`JwkSet::signer`] for `EdDSA`.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn ed25519(&self, kid: Option<&str>, issued_at: Timestamp) -> Result<&ed25519::PublicKey, KeyRefusal> {
        match self.signer(EDDSA, kid, issued_at)? {
            VerifyingKey::Ed25519(key) => Ok(key),
            VerifyingKey::Precomputed(key) => Ok(key.key()),
            VerifyingKey::MlDsa65(_) | VerifyingKey::Es256(_) => Err(KeyRefusal::WrongKind),
        }
    }
}
