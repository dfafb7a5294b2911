//! Detached signatures that lie inside the block that they are about: `caller.assurance.proofJws`,
//! `governance.art50Disclosure.proofJws`, `governance.prohibited.attestationJws` (OHP §5.6, §6; interpretations, row 16).
//!
//! What is signed is the canonical CBOR of the block without the member that holds the signature, cut out of the received
//! bytes and never encoded again. Whose keys are asked is the caller's choice.

use core::fmt;

use super::jwk::{EDDSA, JwkSet, KeyRefusal};
use super::jws::{self, JwsError};
use crate::cbor::{Item, Token, Writer};
use crate::crypto::ed25519;
use crate::time::Timestamp;

/// The longest head of a map, in bytes.
const HEAD_MAX: usize = 9;

/// A block's bytes, cut where its proof lies.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    head: [u8; HEAD_MAX],
    head_len: usize,
    before: &'a [u8],
    after: &'a [u8],
}

impl<'a> Block<'a> {
    /// `block` without its member `proof`, which need not be there yet; `None` if it is no map.
    pub fn without(block: Item<'a>, proof: &str) -> Option<Self> {
        let bytes = block.bytes();
        let mut reader = block.reader();
        let Ok(Some(Token::Map(count))) = reader.next() else {
            return None;
        };
        let body = reader.offset();
        let mut cut = (bytes.len(), bytes.len());
        let mut left = count;
        loop {
            let start = reader.offset();
            match reader.next().ok()? {
                Some(Token::Key(key)) => {
                    reader.skip().ok()?;
                    if key == proof {
                        cut = (start, reader.offset());
                        left -= 1;
                    }
                }
                _ => break,
            }
        }
        let mut head = [0; HEAD_MAX];
        let mut writer = Writer::new(&mut head);
        writer.map(usize::try_from(left).ok()?).ok()?;
        let head_len = writer.len();
        Some(Self {
            head,
            head_len,
            before: bytes.get(body..cut.0)?,
            after: bytes.get(cut.1..)?,
        })
    }

    /// What is signed, in order, as segments.
    pub fn segments(&self) -> [&[u8]; 3] {
        [
            self.head.get(..self.head_len).unwrap_or_default(),
            self.before,
            self.after,
        ]
    }
}

/// Why a block's proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The block is no map.
    NotABlock,
    /// The key may not be believed.
    Key(KeyRefusal),
    /// The signature does not hold.
    Jws(JwsError),
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABlock => f.write_str("the block that the proof is about is no map"),
            Self::Key(refusal) => refusal.fmt(f),
            Self::Jws(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ProofError {}

/// Verifies the EdDSA proof `jws` that lies under the member `proof` of `block`, by the key of its `kid` among `keys`, or,
/// without one, by the only Ed25519 key.
///
/// `scratch` takes [`jws::SCRATCH_LEN`] bytes.
///
/// # Errors
/// [`ProofError`].
pub fn verify(
    block: Item<'_>,
    proof: &str,
    jws: &str,
    keys: &JwkSet,
    issued_at: Timestamp,
    scratch: &mut [u8],
) -> Result<(), ProofError> {
    let block = Block::without(block, proof).ok_or(ProofError::NotABlock)?;
    let key = {
        let header = jws::header(jws, scratch).map_err(ProofError::Jws)?;
        keys.ed25519(header.kid, issued_at).map_err(ProofError::Key)?
    };
    let expect = jws::Expect { alg: EDDSA, kid: None };
    jws::verify_detached(jws, &expect, key, &block.segments(), scratch).map_err(ProofError::Jws)
}

/// Signs `block`, in which a member `proof` may already have its place, and writes the JWS into `out`.
///
/// `scratch` takes [`jws::SCRATCH_LEN`] bytes, `out` [`jws::MAX_JWS_LEN`].
///
/// # Errors
/// [`ProofError::NotABlock`], and what [`jws::sign_detached`] refuses.
pub fn sign<'o>(
    block: Item<'_>,
    proof: &str,
    key: &ed25519::SigningKey,
    kid: &str,
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<&'o str, ProofError> {
    let block = Block::without(block, proof).ok_or(ProofError::NotABlock)?;
    jws::sign_detached(key, kid, &block.segments(), scratch, out).map_err(ProofError::Jws)
}
