//! A client for logs of Rekor's kind (Rekor v2), without I/O: what to post to one, and what its answer says.
//!
//! Such a log keeps an entry of its own form about what it is given, a `hashedrekord`: the SHA-256 of a content, a signature
//! over it and the key that signed. The content here is an envelope's signing surface, so the digest is the envelope's
//! `leafHash`, and who is anchored tells the log nothing else. The leaf of the log's tree is that entry, not the surface; a
//! bundle therefore holds the entry beside the proof (`logs.….entries.….body`), and it proves what it is about.
//!
//! Not here: HTTP, and whether the proof holds ([`super::anchor`]).

use core::fmt::{self, Write as _};
use std::string::String;
use std::vec::Vec;

use base64ct::{Base64, Encoding as _};

use super::anchored::Anchored;
use super::merkle::Hash;
use crate::crypto::SHA256_LEN;
use crate::crypto::es256::{SIGNATURE_LEN, SigningKey};
use crate::trust::json::{Document, Error, Node, Problem};

/// Where entries are posted, below the log's address, with [`CONTENT_TYPE`]. The log answers 200 or 201 when a checkpoint
/// covers the entry, which takes it up to [`ANSWER_SECONDS`].
pub const PATH: &str = "/api/v2/log/entries";

/// The media type of what is posted and answered.
pub const CONTENT_TYPE: &str = "application/json";

/// How long to wait for the answer at least, in seconds: Rekor's instructions for clients say so.
pub const ANSWER_SECONDS: u64 = 20;

/// Longest answer to read, in bytes. An entry and its proof take 3 KiB; witnesses add some lines to the checkpoint.
pub const ANSWER_MAX: usize = 64 * 1024;

/// What precedes the coordinates in the SubjectPublicKeyInfo of a P-256 key (RFC 5480, section 2): id-ecPublicKey,
/// secp256r1, a bit string, and the mark of an uncompressed point.
const SPKI_HEAD: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Why an answer is not the entry that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RekorError {
    /// The answer is not of the form.
    Answer(Error),
    /// The log's entry is not of the form, or of another kind or version.
    Entry(Error),
    /// The entry is about another content.
    OtherContent,
}

impl fmt::Display for RekorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => write!(f, "the log's answer: {error}"),
            Self::Entry(error) => write!(f, "the log's entry: {error}"),
            Self::OtherContent => f.write_str("the log's entry is about another content than the envelope"),
        }
    }
}

impl core::error::Error for RekorError {}

/// The JSON to post for an envelope with that `leafHash`.
///
/// The log demands a signature and does not care whose: the envelope bears its issuer's. So `key` may be one that is made for
/// this and thrown away, or one by which the log's readers find all entries of a site.
pub fn request(leaf_hash: &Hash, key: &SigningKey) -> String {
    let (x, y) = key.public().coordinates();
    let mut spki = Vec::from(SPKI_HEAD);
    spki.extend(x);
    spki.extend(y);
    let signature = der(&key.sign_hash(leaf_hash));
    let [digest, signature, spki] = [&leaf_hash[..], &signature, &spki].map(Base64::encode_string);
    let mut json = String::new();
    // INVARIANT: writing to a string does not fail, and base64 needs no escapes.
    let _ = write!(
        json,
        r#"{{"hashedRekordRequestV002":{{"digest":"{digest}","signature":{{"content":"{signature}","verifier":{{"publicKey":{{"rawBytes":"{spki}"}},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}}}}}"#
    );
    json
}

/// Reads the log's answer, a `TransparencyLogEntry` in protobuf's JSON, about an envelope with that `leafHash`.
///
/// # Errors
/// [`RekorError`]. That the proof holds is still to be seen; [`super::anchor::verify`].
pub fn answer(json: &[u8], leaf_hash: &Hash) -> Result<Anchored, RekorError> {
    let document = Document::parse(json).map_err(RekorError::Answer)?;
    let root = document.root();
    let read = || {
        let body = root.need("canonicalizedBody", base64)?;
        let (index, tree_size, proof, checkpoint) = root.need("inclusionProof", |proof| {
            Ok((
                // Zero is protobuf's default, which its JSON leaves out.
                proof.optional("logIndex", |index| number(index))?.unwrap_or(0),
                proof.need("treeSize", |size| number(size))?,
                proof
                    .optional("hashes", |hashes| hashes.items(hash))?
                    .unwrap_or_default(),
                proof.need("checkpoint", |note| {
                    note.need("envelope", |text| text.text().map(String::from))
                })?,
            ))
        })?;
        Ok(Anchored {
            index,
            tree_size,
            proof: proof.into(),
            checkpoint,
            body: Some(body),
        })
    };
    let anchored = read().map_err(RekorError::Answer)?;
    match content(anchored.body.as_deref().unwrap_or_default()) {
        Ok(digest) if digest == *leaf_hash => Ok(anchored),
        Ok(_) => Err(RekorError::OtherContent),
        Err(error) => Err(RekorError::Entry(error)),
    }
}

/// The SHA-256 of the content that a log's entry is about.
///
/// # Errors
/// [`Error`] if it is no `hashedrekord` of version 0.0.2 about a SHA-256.
pub(crate) fn content(entry: &[u8]) -> Result<Hash, Error> {
    let document = Document::parse(entry)?;
    let root = document.root();
    root.need("kind", |kind| {
        kind.word("hashedrekord", |kind| (kind == "hashedrekord").then_some(()))
    })?;
    root.need("apiVersion", |version| {
        version.word("0.0.2", |version| (version == "0.0.2").then_some(()))
    })?;
    root.need("spec", |spec| {
        spec.need("hashedRekordV002", |record| {
            record.need("data", |data| {
                data.need("algorithm", |name| {
                    name.word("SHA2_256", |name| (name == "SHA2_256").then_some(()))
                })?;
                data.need("digest", hash)
            })
        })
    })
}

/// Bytes in padded base64.
fn base64(node: Node<'_, '_>) -> Result<Vec<u8>, Error> {
    Base64::decode_vec(node.text()?).map_err(|_| node.wrong(Problem::NotBase64))
}

fn hash(node: Node<'_, '_>) -> Result<Hash, Error> {
    let bytes = base64(node)?;
    Hash::try_from(&bytes[..]).map_err(|_| node.wrong(Problem::Length(SHA256_LEN)))
}

/// Protobuf's JSON writes 64-bit numbers as texts, and takes numbers too.
fn number(node: Node<'_, '_>) -> Result<u64, Error> {
    const WHAT: &str = "a natural number, as a text or not";
    match node.text() {
        Ok(text) => text.parse().map_err(|_| node.wrong(Problem::Expected(WHAT))),
        Err(_) => node.number(WHAT),
    }
}

/// A signature as X.509 writes it: a sequence of two integers (RFC 3279, section 2.2.3).
fn der(signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    let mut integers = Vec::new();
    for half in signature.chunks_exact(SIGNATURE_LEN / 2) {
        // INVARIANT: neither half of a signature is zero.
        let first = half.iter().position(|byte| *byte != 0).unwrap_or(0);
        let digits = &half[first..];
        let needs_sign = digits[0] >= 0x80;
        // INVARIANT: lengths are at most 33 and 70, which take one byte.
        integers.extend([0x02, (digits.len() + usize::from(needs_sign)) as u8]);
        integers.extend(needs_sign.then_some(0));
        integers.extend(digits);
    }
    let mut sequence = Vec::from([0x30, integers.len() as u8]);
    sequence.append(&mut integers);
    sequence
}
