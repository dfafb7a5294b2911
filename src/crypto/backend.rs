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

    /// Whether `signature`, whose S is below the order, holds under `key`, which is canonical and not of small order.
    /// Must refuse an R that is not canonical or of small order.
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
            let signature = ed25519_dalek::Signature::from_bytes(signature);
            key.verify_strict(message, &signature).is_ok()
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

    /// The canonical encodings of the points of small order, without the sign of x. AWS-LC compares R with the canonical
    /// encoding of what it computes, so others never match.
    const SMALL_ORDER: [[u8; 32]; 5] = [
        // y = 1, order 1; y = −1, order 2; y = 0, order 4; and the two y of order 8.
        {
            let mut y = [0; 32];
            y[0] = 1;
            y
        },
        {
            let mut y = [0xff; 32];
            y[0] = 0xec;
            y[31] = 0x7f;
            y
        },
        [0; 32],
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];

    impl super::Backend for AwsLc {
        type MlDsa65Key = Key;

        fn ed25519_verify(
            key: &ed25519_dalek::VerifyingKey,
            message: &[u8],
            signature: &[u8; ed25519::SIGNATURE_LEN],
        ) -> bool {
            let mut r = [0; 32];
            r.iter_mut().zip(signature).for_each(|(to, from)| *to = *from);
            r[31] &= 0x7f;
            !SMALL_ORDER.contains(&r)
                && UnparsedPublicKey::new(&ED25519, key.as_bytes())
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
