//! Which implementation verifies signatures: the one place where the feature `aws-lc` is asked for.
//!
//! A backend is asked whether a signature holds and nothing else. What may be a key and what may be an R or an S is
//! decided by our own modules in front of it, so that both backends accept the same signatures. Signing is not a
//! backend's: it happens once a call, and the portable crates wipe their secrets.

use super::{ed25519, mldsa65};

/// Verification of the two signature algorithms of OHP.
pub(super) trait Backend {
    /// An expanded ML-DSA-65 key.
    type MlDsa65Key;

    /// Whether `signature`, whose S is below the order and whose R is not the canonical encoding of a point of small
    /// order, holds under `key`, which is canonical and not of small order. Must refuse an R that is not canonical.
    fn ed25519_verify(
        key: &ed25519_dalek::VerifyingKey,
        message: &[u8],
        signature: &[u8; ed25519::SIGNATURE_LEN],
    ) -> bool;

    /// Expands a public key.
    fn mldsa65_key(bytes: &[u8; mldsa65::PUBLIC_LEN]) -> Self::MlDsa65Key;

    /// The bytes of an expanded key.
    fn mldsa65_bytes(key: &Self::MlDsa65Key) -> [u8; mldsa65::PUBLIC_LEN];

    /// Whether `signature` over `message` with the empty context holds.
    fn mldsa65_verify(key: &Self::MlDsa65Key, message: &[u8], signature: &[u8; mldsa65::SIGNATURE_LEN]) -> bool;
}

/// The backend of this build.
#[cfg(not(feature = "aws-lc"))]
pub(super) type Chosen = portable::Portable;
#[cfg(feature = "aws-lc")]
pub(super) type Chosen = aws_lc::AwsLc;

/// The chosen backend's ML-DSA-65 key.
pub(super) type MlDsa65Key = <Chosen as Backend>::MlDsa65Key;

#[cfg(not(feature = "aws-lc"))]
mod portable {
    use ed25519_dalek::Verifier as _;
    use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa65, Signature, VerifyingKey};

    use crate::crypto::{ed25519, mldsa65};

    /// ed25519-dalek and ml-dsa: no allocation, no C.
    pub(in crate::crypto) struct Portable;

    impl super::Backend for Portable {
        type MlDsa65Key = VerifyingKey<MlDsa65>;

        fn ed25519_verify(
            key: &ed25519_dalek::VerifyingKey,
            message: &[u8],
            signature: &[u8; ed25519::SIGNATURE_LEN],
        ) -> bool {
            // Compares R with the canonical encoding of what it computes, so others never match.
            key.verify(message, &ed25519_dalek::Signature::from_bytes(signature))
                .is_ok()
        }

        fn mldsa65_key(bytes: &[u8; mldsa65::PUBLIC_LEN]) -> Self::MlDsa65Key {
            VerifyingKey::decode(<&EncodedVerifyingKey<MlDsa65>>::from(bytes))
        }

        fn mldsa65_bytes(key: &Self::MlDsa65Key) -> [u8; mldsa65::PUBLIC_LEN] {
            key.encode().into()
        }

        fn mldsa65_verify(key: &Self::MlDsa65Key, message: &[u8], signature: &[u8; mldsa65::SIGNATURE_LEN]) -> bool {
            let signature = Signature::decode(<&EncodedSignature<MlDsa65>>::from(signature));
            signature.is_some_and(|signature| key.verify_with_context(message, &[], &signature))
        }
    }
}

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::signature::{ED25519, ML_DSA_65, ParsedPublicKey, UnparsedPublicKey};

    use crate::crypto::{ed25519, mldsa65};

    /// AWS-LC: faster, written in C and assembly. A verification allocates a little.
    pub(in crate::crypto) struct AwsLc;

    /// A key as it came, and as AWS-LC holds it; `None` where AWS-LC could not take it, which then verifies nothing.
    pub(in crate::crypto) struct Key {
        bytes: [u8; mldsa65::PUBLIC_LEN],
        parsed: Option<ParsedPublicKey>,
    }

    impl super::Backend for AwsLc {
        type MlDsa65Key = Key;

        fn ed25519_verify(
            key: &ed25519_dalek::VerifyingKey,
            message: &[u8],
            signature: &[u8; ed25519::SIGNATURE_LEN],
        ) -> bool {
            // As dalek does, AWS-LC compares R with the canonical encoding of what it computes.
            UnparsedPublicKey::new(&ED25519, key.as_bytes())
                .verify(message, signature)
                .is_ok()
        }

        fn mldsa65_key(bytes: &[u8; mldsa65::PUBLIC_LEN]) -> Key {
            Key {
                bytes: *bytes,
                parsed: ParsedPublicKey::new(&ML_DSA_65, bytes).ok(),
            }
        }

        fn mldsa65_bytes(key: &Key) -> [u8; mldsa65::PUBLIC_LEN] {
            key.bytes
        }

        fn mldsa65_verify(key: &Key, message: &[u8], signature: &[u8; mldsa65::SIGNATURE_LEN]) -> bool {
            let parsed = key.parsed.as_ref();
            parsed.is_some_and(|key| key.verify_sig(message, signature).is_ok())
        }
    }
}
