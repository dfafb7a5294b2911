//! Ed25519 (RFC 8032), verified strictly: S < L, canonical A and R, no A or R of small order.
//!
//! The equation is evaluated without the cofactor, and the bytes of the recomputed R, which are canonical, are compared
//! with the signature's. So R need not be decompressed: what remains to be refused are the eight canonical encodings of
//! small order, and that is what ed25519-dalek's `verify_strict` accepts, at 9 % less. It does not look at how A is
//! encoded (y ≥ p is taken modulo p), and its bound on S falls when any crate of the final program turns on
//! `legacy_compatibility`; both are checked here. A point of mixed order is accepted, as RFC 8032 does.

use core::fmt;

use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsBasepointTable};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::BasepointTable as _;
use ed25519_dalek::{Digest as _, Sha512, Signer as _};
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

/// The y coordinates, little-endian, of the eight points of small order: 0, 1, −1, and the two of order 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = FIELD_PRIME;
        minus_one[0] -= 1;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
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
        if !below(&without_sign(bytes), &FIELD_PRIME) {
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

    /// Verifies `signature` over `message`. Takes no secret, so it need not run in constant time.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
        may_hold(signature)?;
        match Chosen::ed25519_verify(&self.0, message, signature) {
            true => Ok(()),
            false => Err(BadSignature),
        }
    }
}

/// A key with multiples of its point, which make a signature take a quarter less time to verify. They have 30 KB and
/// take a millisecond to work out: worth it for a key whose signatures are met often.
pub struct PrecomputedKey {
    key: PublicKey,
    /// Of −A.
    multiples: EdwardsBasepointTable,
}

impl PrecomputedKey {
    /// Works out the multiples of `key`.
    pub fn new(key: PublicKey) -> Self {
        let point = CompressedEdwardsY(*key.as_bytes()).decompress();
        let point = point.expect("INVARIANT: a public key is a point");
        Self {
            key,
            multiples: EdwardsBasepointTable::create(&-point),
        }
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies as [`PublicKey::verify`] does: S·B − k·A must be R, where k is the hash of R, A and the message
    /// (RFC 8032, section 5.1.7).
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
        let (r, s) = may_hold(signature)?;
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(self.key.as_bytes())
            .chain_update(message);
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)).ok_or(BadSignature)?;
        let recomputed = ED25519_BASEPOINT_TABLE * &s + &self.multiples * &Scalar::from_hash(hash);
        if recomputed.compress().as_bytes() == r {
            Ok(())
        } else {
            Err(BadSignature)
        }
    }
}

impl fmt::Debug for PrecomputedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrecomputedKey").field(&self.key).finish()
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

/// The halves R and S of a signature whose S is below the order and whose R is not of small order, in canonical form.
fn may_hold(signature: &[u8; SIGNATURE_LEN]) -> Result<(&[u8; 32], &[u8; 32]), BadSignature> {
    let (Some(r), Some(s)) = (signature.first_chunk(), signature.last_chunk()) else {
        return Err(BadSignature);
    };
    if below(s, &BASE_ORDER) && !SMALL_ORDER.contains(&without_sign(r)) {
        Ok((r, s))
    } else {
        Err(BadSignature)
    }
}

/// A point's y coordinate: its encoding without the sign of x.
fn without_sign(point: &[u8; 32]) -> [u8; 32] {
    let mut y = *point;
    y[31] &= 0x7f;
    y
}

/// Whether the little-endian number `value` is below `bound`.
fn below(value: &[u8], bound: &[u8; 32]) -> bool {
    value.iter().rev().lt(bound.iter().rev())
}
