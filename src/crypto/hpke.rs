//! Hybrid public key encryption (RFC 9180): base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, one
//! message a context.
//!
//! Both directions work in place on the caller's buffer. A public key or an encapsulated key of low order gives an
//! all-zero secret that anybody knows; both directions refuse it, as RFC 9180, section 7.1.4, demands.
//!
//! Not here: what is sealed, under which associated data, and how it is written down ([`crate::trust`]).

use core::fmt;

use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroize as _;

use super::given::GivenBytes;

/// Length of a key, public or private, in bytes (RFC 7748).
pub const KEY_LEN: usize = 32;

/// Length of an encapsulated key in bytes.
pub const ENC_LEN: usize = 32;

/// Length of the tag behind a ciphertext in bytes (RFC 8439).
pub const TAG_LEN: usize = 16;

/// Length of the randomness that one sealing takes in bytes: the input key material of the ephemeral key.
pub const RANDOM_LEN: usize = 32;

/// What cannot be sealed: the recipient's key has low order, or the message is longer than ChaCha20 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSealed;

impl fmt::Display for NotSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot seal for the recipient's X25519 key; it has low order")
    }
}

impl core::error::Error for NotSealed {}

/// What cannot be opened: it was sealed for another key or under other associated data, was altered, or its encapsulated
/// key has low order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpened;

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealed message cannot be opened: altered, or sealed for another key or envelope")
    }
}

impl core::error::Error for NotOpened {}

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;

/// A private key. It is wiped when dropped and never shown by `Debug`.
pub struct OpeningKey {
    secret: [u8; KEY_LEN],
    key: PrivateKey,
}

impl OpeningKey {
    /// The key of RFC 7748, section 5, for 32 random bytes; the caller's copy stays the caller's to wipe.
    pub fn from_bytes(mut secret: [u8; KEY_LEN]) -> Self {
        let key = PrivateKey::from_bytes(&secret).expect("INVARIANT: any KEY_LEN bytes are a key");
        let own = Self { secret, key };
        secret.zeroize();
        own
    }

    /// The public half.
    pub fn public(&self) -> [u8; KEY_LEN] {
        X25519HkdfSha256::sk_to_pk(&self.key).to_bytes().into()
    }

    /// The private bytes as they were given, for writing the key to a file. Wipe what is made of them.
    pub fn secret(&self) -> &[u8; KEY_LEN] {
        &self.secret
    }
}

impl Drop for OpeningKey {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpeningKey").finish_non_exhaustive()
    }
}

/// Seals `message` in place for `recipient`, bound to `info` and `aad`; gives the encapsulated key and the tag that goes
/// behind the ciphertext. `random` must be fresh for each call.
///
/// # Errors
/// [`NotSealed`]; what `message` then holds is undefined.
pub fn seal(
    recipient: &[u8; KEY_LEN],
    info: &[u8],
    aad: &[u8],
    random: &[u8; RANDOM_LEN],
    message: &mut [u8],
) -> Result<([u8; ENC_LEN], [u8; TAG_LEN]), NotSealed> {
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient).map_err(|_| NotSealed)?;
    let mut random = GivenBytes::new(random);
    let (enc, tag) = hpke::single_shot_seal_inout_detached_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        info,
        InOutBuf::from(message),
        aad,
        &mut random,
    )
    .map_err(|_| NotSealed)?;
    match random.sufficed() {
        true => Ok((enc.to_bytes().into(), tag.to_bytes().into())),
        false => Err(NotSealed),
    }
}

/// Opens `sealed`, a ciphertext with its tag behind it, in place, and gives the message at its front.
///
/// # Errors
/// [`NotOpened`]; `sealed` then holds no part of the message.
pub fn open<'m>(
    key: &OpeningKey,
    enc: &[u8; ENC_LEN],
    info: &[u8],
    aad: &[u8],
    sealed: &'m mut [u8],
) -> Result<&'m mut [u8], NotOpened> {
    let (ciphertext, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(NotOpened)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).map_err(|_| NotOpened)?;
    let tag = AeadTag::<ChaCha20Poly1305>::from_bytes(tag).map_err(|_| NotOpened)?;
    hpke::single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key.key,
        &enc,
        info,
        InOutBuf::from(&mut *ciphertext),
        aad,
        &tag,
    )
    .map_err(|_| NotOpened)?;
    Ok(ciphertext)
}
