//! ES256: ECDSA over P-256 with SHA-256 (RFC 7518, section 3.4), to verify what issuers of credentials sign. No envelope is
//! signed with it; a log of Rekor's kind wants such a signature of whoever submits an entry.
//!
//! One implementation under every backend, because it is not on the way of most calls and allocates nothing. A signature
//! is 64 bytes, r and s; a high s is accepted, as RFC 7518 and most issuers' libraries do.

use core::fmt;

use p256::Sec1Point;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{self, Signature, VerifyingKey};

/// Length of a coordinate in bytes.
pub const COORDINATE_LEN: usize = 32;

/// Length of a signature in bytes: r and s.
pub const SIGNATURE_LEN: usize = 64;

/// The signature does not belong to this key and message, or r or s is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ES256 signature is not valid for this key and message")
    }
}

impl core::error::Error for BadSignature {}

/// The coordinates are no point of P-256, or not below the field's prime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coordinates are no point of the curve P-256")
    }
}

impl core::error::Error for BadKey {}

/// A public key that has been found on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key of a JWK's `x` and `y` (RFC 7518, section 6.2.1).
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn parse(x: &[u8; COORDINATE_LEN], y: &[u8; COORDINATE_LEN]) -> Result<Self, BadKey> {
        let point = Sec1Point::from_affine_coordinates(x.into(), y.into(), false);
        VerifyingKey::from_sec1_point(&point).map(Self).map_err(|_| BadKey)
    }

    /// The key's `x` and `y`.
    pub fn coordinates(&self) -> ([u8; COORDINATE_LEN], [u8; COORDINATE_LEN]) {
        let point = self.0.to_sec1_point(false);
        let bytes = |coordinate: Option<&p256::FieldBytes>| coordinate.copied().unwrap_or_default().into();
        (bytes(point.x()), bytes(point.y()))
    }

    /// Verifies `signature` over `message`. Takes no secret, so it does not run in constant time.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
        let signature = Signature::from_bytes(signature.into()).map_err(|_| BadSignature)?;
        self.0.verify(message, &signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        let (x, _) = self.coordinates();
        x.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Length of a private key in bytes: a number from 1 to below the curve's order.
pub const PRIVATE_LEN: usize = 32;

/// A private key. It is wiped when dropped and never shown by `Debug`.
pub struct SigningKey(ecdsa::SigningKey);

impl SigningKey {
    /// The key of a JWK's `d` (RFC 7518, section 6.2.2); the caller's copy stays the caller's to wipe.
    ///
    /// # Errors
    /// [`BadKey`] if the number is 0 or not below the curve's order, which random bytes are once in 2^32 times.
    pub fn from_bytes(bytes: &[u8; PRIVATE_LEN]) -> Result<Self, BadKey> {
        ecdsa::SigningKey::from_bytes(bytes.into())
            .map(Self)
            .map_err(|_| BadKey)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs the message whose SHA-256 is `hash`, with the nonce of RFC 6979: r and s.
    pub fn sign_hash(&self, hash: &[u8; 32]) -> [u8; SIGNATURE_LEN] {
        // INVARIANT: signing fails for hashes shorter than half of the order only.
        let signature: Signature = self.0.sign_prehash(hash).expect("a hash of 32 bytes");
        signature.to_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}
