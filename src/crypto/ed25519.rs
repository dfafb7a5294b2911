//! Ed25519 (RFC 8032), verified strictly: S < L, canonical A and R, no A or R of small order.
//!
//! ed25519-dalek's `verify_strict` gives most of that: it compares R as bytes with a recomputed, hence canonical,
//! point and refuses small orders. It does not look at how A is encoded (y ≥ p is taken modulo p), and its bound on S
//! falls when any crate of the final program turns on `legacy_compatibility`; both are checked here. A point of mixed
//! order is accepted, as RFC 8032 does.

use core::fmt;

use ed25519_dalek::Signer as _;
use zeroize::Zeroize as _;

use super::backend::{Backend as _, Chosen};

/// Length of a public key in bytes.
pub const PUBLIC_LEN: usize = 32;

/// Length of a private key's seed in bytes.
pub const SEED_LEN: usize = 32;

/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// The field's prime, 2^255 − 19, little-endian.
const FIELD_PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The order L of the base point, 2^252 + 27742317777372353535851937790883648493, little-endian.
const BASE_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The signature does not belong to this key and message, or it or the key is encoded as none may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Ed25519 signature is not valid for this key and message")
    }
}

impl core::error::Error for BadSignature {}

/// The 32 bytes are no public key that can be trusted to identify a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// The y coordinate is not below 2^255 − 19.
    NotCanonical,
    /// No point of the curve has that y coordinate.
    NotOnCurve,
    /// The point has small order: signatures by it say nothing about the message.
    SmallOrder,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadKey::NotCanonical => "the Ed25519 public key is not canonically encoded",
            BadKey::NotOnCurve => "the Ed25519 public key is no point of the curve",
            BadKey::SmallOrder => "the Ed25519 public key has small order and must not be used",
        })
    }
}

impl core::error::Error for BadKey {}

/// A public key that has been found canonical, on the curve and not of small order; decompressed once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032, section 5.1.5.
    ///
    /// # Errors
    /// [`BadKey`] for an encoding that no honest key generation gives.
    pub fn parse(bytes: &[u8; PUBLIC_LEN]) -> Result<Self, BadKey> {
        let mut y = *bytes;
        y[PUBLIC_LEN - 1] &= 0x7f;
        if !below(&y, &FIELD_PRIME) {
            return Err(BadKey::NotCanonical);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::NotOnCurve)?;
        if key.is_weak() {
            return Err(BadKey::SmallOrder);
        }
        Ok(Self(key))
    }

    /// The key's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        self.0.as_bytes()
    }

    /// Verifies `signature` over `message`. Takes no secret, so it does not run in constant time.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
        let (_, s) = signature.split_at(SIGNATURE_LEN / 2);
        if !below(s, &BASE_ORDER) {
            return Err(BadSignature);
        }
        match Chosen::ed25519_verify(&self.0, message, signature) {
            true => Ok(()),
            false => Err(BadSignature),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Verifies `signature` over `message` by the key of the bytes `public`; [`PublicKey`] saves the decompression where
/// a key is used more than once.
///
/// # Errors
/// [`BadSignature`], for a bad key as well.
pub fn verify(public: &[u8; PUBLIC_LEN], message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
    PublicKey::parse(public)
        .map_err(|_| BadSignature)?
        .verify(message, signature)
}

/// A private key. It is wiped when dropped and never shown by `Debug`.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of RFC 8032, section 5.1.5, for a seed of 32 random bytes; the caller's copy stays the caller's to wipe.
    pub fn from_seed(mut seed: [u8; SEED_LEN]) -> Self {
        let key = Self(ed25519_dalek::SigningKey::from_bytes(&seed));
        seed.zeroize();
        key
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message`; deterministic, in constant time.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).to_bytes()
    }

    /// The seed, for writing the key to a file. Wipe what is made of it.
    pub fn seed(&self) -> &[u8; SEED_LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

/// Whether the little-endian number `value` is below `bound`.
fn below(value: &[u8], bound: &[u8; 32]) -> bool {
    value.iter().rev().lt(bound.iter().rev())
}
