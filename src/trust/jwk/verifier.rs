//! A public key of any kind that verifies signatures.

use super::{EDDSA, ES256, ML_DSA_65, Material};
use crate::crypto::{ed25519, es256, mldsa65};

/// A key that verifies the signatures of one algorithm, and of no other.
#[derive(Clone, Copy, Debug)]
pub enum VerifyingKey<'k> {
    /// `EdDSA`.
    Ed25519(&'k ed25519::PublicKey),
    /// `EdDSA`, by a key with multiples.
    Precomputed(&'k ed25519::PrecomputedKey),
    /// `ML-DSA-65`.
    MlDsa65(&'k mldsa65::PublicKey),
    /// `ES256`.
    Es256(&'k es256::PublicKey),
}

impl<'k> VerifyingKey<'k> {
    /// The key in `material`, if it is one for signatures.
    pub(super) fn of(material: &'k Material) -> Option<Self> {
        match material {
            Material::Ed25519(key) => Some(Self::Ed25519(key)),
            Material::MlDsa65(key) => Some(Self::MlDsa65(key)),
            Material::Es256(key) => Some(Self::Es256(key)),
            Material::X25519(_) | Material::Other => None,
        }
    }

    /// `alg` of its signatures.
    pub fn alg(self) -> &'static str {
        match self {
            Self::Ed25519(_) | Self::Precomputed(_) => EDDSA,
            Self::MlDsa65(_) => ML_DSA_65,
            Self::Es256(_) => ES256,
        }
    }

    /// Length of its signatures in bytes.
    pub fn signature_len(self) -> usize {
        match self {
            Self::Ed25519(_) | Self::Precomputed(_) => ed25519::SIGNATURE_LEN,
            Self::MlDsa65(_) => mldsa65::SIGNATURE_LEN,
            Self::Es256(_) => es256::SIGNATURE_LEN,
        }
    }

    /// Whether `signature` is the key's over `message`; one of another length is not.
    pub fn verifies(self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, signature).is_ok()),
            Self::Precomputed(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, signature).is_ok()),
            Self::MlDsa65(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, signature).is_ok()),
            Self::Es256(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verify(message, signature).is_ok()),
        }
    }
}

impl<'k> From<&'k ed25519::PublicKey> for VerifyingKey<'k> {
    fn from(key: &'k ed25519::PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl<'k> From<&'k ed25519::PrecomputedKey> for VerifyingKey<'k> {
    fn from(key: &'k ed25519::PrecomputedKey) -> Self {
        Self::Precomputed(key)
    }
}

impl<'k> From<&'k mldsa65::PublicKey> for VerifyingKey<'k> {
    fn from(key: &'k mldsa65::PublicKey) -> Self {
        Self::MlDsa65(key)
    }
}

impl<'k> From<&'k es256::PublicKey> for VerifyingKey<'k> {
    fn from(key: &'k es256::PublicKey) -> Self {
        Self::Es256(key)
    }
}
