//! ML-DSA-65 (FIPS 204) in its pure form with an empty context, which is what JOSE and OHP use (interpretations,
//! row 13).
//!
//! A public key is expanded once and kept so: the matrix that verification multiplies by costs more to make than a
//! verification without it. That makes it 43 KiB long, and a signing key 70 KiB: keep them boxed or static, and make
//! them where there is stack enough, while a context is loaded ([`PublicKey::parse`], [`SigningKey::from_seed`]).

use core::fmt;

use ml_dsa::MlDsa65;
use zeroize::Zeroize as _;

use super::backend::{Backend as _, Chosen, MlDsa65Key};
use super::given::GivenBytes;

/// Length of a public key in bytes (FIPS 204, table 2).
pub const PUBLIC_LEN: usize = 1952;

/// Length of a private key in its seed form in bytes (FIPS 204, algorithm 6).
pub const SEED_LEN: usize = 32;

/// Length of a signature in bytes (FIPS 204, table 2).
pub const SIGNATURE_LEN: usize = 3309;

/// Length of the randomness that one signature takes in bytes (FIPS 204, algorithm 2).
pub const RANDOM_LEN: usize = 32;

/// The signature does not belong to this key and message, or is encoded as none may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ML-DSA-65 signature is not valid for this key and message")
    }
}

impl core::error::Error for BadSignature {}

/// No signature came out of any of the attempts that the number of nonces allows; that is likelier to be a broken
/// machine than chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSigned;

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ML-DSA-65 signing ran out of attempts; check the machine")
    }
}

impl core::error::Error for NotSigned {}

/// A public key, expanded. Every string of [`PUBLIC_LEN`] bytes is one.
pub struct PublicKey(MlDsa65Key);

impl PublicKey {
    /// Expands the key of FIPS 204, algorithm 23.
    pub fn parse(bytes: &[u8; PUBLIC_LEN]) -> Self {
        Self(Chosen::mldsa65_key(bytes))
    }

    /// The key's bytes.
    pub fn to_bytes(&self) -> [u8; PUBLIC_LEN] {
        Chosen::mldsa65_bytes(&self.0)
    }

    /// Verifies `signature` over `message`. Takes no secret, so it does not run in constant time.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the cause.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), BadSignature> {
        match Chosen::mldsa65_verify(&self.0, message, signature) {
            true => Ok(()),
            false => Err(BadSignature),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    /// The first bytes, which tell keys apart as well as all 1952 do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        let bytes = self.to_bytes();
        bytes.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// A private key, expanded. It is wiped when dropped and never shown by `Debug`.
pub struct SigningKey(ml_dsa::SigningKey<MlDsa65>);

impl SigningKey {
    /// The key of FIPS 204, algorithm 6, for a seed of 32 random bytes; the caller's copy stays the caller's to wipe.
    pub fn from_seed(mut seed: [u8; SEED_LEN]) -> Self {
        let mut xi = ml_dsa::Seed::from(seed);
        seed.zeroize();
        let key = Self(ml_dsa::SigningKey::from_seed(&xi));
        xi.zeroize();
        key
    }

    /// The bytes of the public half.
    pub fn public_bytes(&self) -> [u8; PUBLIC_LEN] {
        self.0.expanded_key().verifying_key().encode().into()
    }

    /// Signs `message`. With 32 fresh random bytes the signature is hedged against faults and side channels, with 32
    /// zeros it is the deterministic one (FIPS 204, section 3.4); it is as valid either way. Takes a varying time, which
    /// tells nothing of the key.
    ///
    /// # Errors
    /// [`NotSigned`], which does not happen.
    pub fn sign(&self, message: &[u8], random: &[u8; RANDOM_LEN]) -> Result<[u8; SIGNATURE_LEN], NotSigned> {
        let mut random = GivenBytes::new(random);
        let signature = self.0.expanded_key().sign_randomized(message, &[], &mut random);
        match signature {
            Ok(signature) if random.sufficed() => Ok(signature.encode().into()),
            _ => Err(NotSigned),
        }
    }

    /// The seed, for writing the key to a file. Wipe what is made of it.
    pub fn seed(&self) -> &[u8; SEED_LEN] {
        self.0.as_seed().as_ref()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}
