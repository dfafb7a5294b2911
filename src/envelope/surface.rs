//! The signing surface: the bytes that signatures and the leaf hash are made over (OHP §5.2; interpretations, rows 6, 8).
//!
//! It is the received map with `signatures` set to `[]` and `transparency.leafHash`, where present, set to 32 zero bytes.
//! It is cut out of the received bytes as a list of segments, never re-encoded from a tree, so that what is verified is
//! what was sent.

use super::schema::Field;
use super::{Envelope, SURFACE_MAX};
use crate::crypto;
use crate::id::write_hex;

/// How many segments a surface is cut into.
pub const SURFACE_SEGMENTS: usize = 7;

/// Length of the text of a leaf hash.
pub const LEAF_HASH_LEN: usize = 71;

/// CBOR of the text `signatures`.
const SIGNATURES_KEY: &[u8] = b"\x6asignatures";
/// CBOR of an empty array.
const EMPTY_ARRAY: &[u8] = &[0x80];
/// CBOR of a byte string of 32 zero bytes.
const ZERO_HASH: &[u8] = &{
    let mut item = [0; 34];
    item[0] = 0x58;
    item[1] = 32;
    item
};

/// An envelope's bytes, cut where other bytes stand in the surface (or in the signed envelope).
pub struct Surface<'a> {
    head: [u8; 3],
    head_len: usize,
    before: &'a [u8],
    key: &'static [u8],
    between: &'a [u8],
    leaf_hash: &'a [u8],
    after: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// The envelope's signing surface.
    pub fn surface(&self) -> Surface<'a> {
        let bytes = self.bytes();
        let members = self.member_count();
        let body = head_len(members);
        let (members, key, signatures) = match self.span(Field::Signatures) {
            Some(span) => (members, &[][..], span),
            None => (
                members + 1,
                SIGNATURES_KEY,
                (self.signatures_go(), self.signatures_go()),
            ),
        };
        let leaf = self.span(Field::LeafHash).unwrap_or((bytes.len(), bytes.len()));
        let (head, head_len) = map_head(members);
        // INVARIANT: the spans come from one walk over these bytes and `signatures` sorts before `transparency`, so
        // body ≤ signatures ≤ leaf ≤ end.
        Surface {
            head,
            head_len,
            before: bytes.get(body..signatures.0).unwrap_or_default(),
            key,
            between: bytes.get(signatures.1..leaf.0).unwrap_or_default(),
            leaf_hash: bytes.get(leaf.0..leaf.1).unwrap_or_default(),
            after: bytes.get(leaf.1..).unwrap_or_default(),
        }
    }

    /// SHA-256 of the signing surface: what `transparency.leafHash` must be, and what tells a retransmission from a
    /// replay.
    pub fn surface_hash(&self) -> [u8; 32] {
        crypto::sha256(&self.surface().segments())
    }
}

impl Surface<'_> {
    /// The surface in order, as segments to hash or to copy.
    pub fn segments(&self) -> [&[u8]; SURFACE_SEGMENTS] {
        let leaf_hash = if self.leaf_hash.is_empty() { &[] } else { ZERO_HASH };
        self.join(EMPTY_ARRAY, leaf_hash)
    }

    /// The envelope itself: what stands before and what stands behind the value of its `signatures`.
    pub(crate) fn around_signatures(&self) -> [[&[u8]; 3]; 2] {
        let [head, before, key, _, between, leaf_hash, after] = self.join(&[], self.leaf_hash);
        [[head, before, key], [between, leaf_hash, after]]
    }

    fn join<'s>(&'s self, signatures: &'s [u8], leaf_hash: &'s [u8]) -> [&'s [u8]; SURFACE_SEGMENTS] {
        [
            &self.head[..self.head_len],
            self.before,
            self.key,
            signatures,
            self.between,
            leaf_hash,
            self.after,
        ]
    }

    /// The surface's length in bytes.
    pub fn len(&self) -> usize {
        self.segments().iter().map(|segment| segment.len()).sum()
    }

    /// Never: a surface holds at least its map's head.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the surface keeps to the protocol's limit (OHP §4.5).
    pub fn is_within_limit(&self) -> bool {
        self.len() <= SURFACE_MAX
    }
}

/// A leaf hash's text, `sha256:` and 64 hexadecimal digits (interpretations, row 8).
pub fn leaf_hash_text(hash: &[u8; 32]) -> [u8; LEAF_HASH_LEN] {
    let mut text = [0; LEAF_HASH_LEN];
    text[..7].copy_from_slice(b"sha256:");
    write_hex(hash, &mut text[7..]);
    text
}

fn head_len(members: u32) -> usize {
    match members {
        0..=23 => 1,
        24..=255 => 2,
        _ => 3,
    }
}

/// The head of a map of `members` members; an envelope of 32 KiB cannot hold 65,536.
fn map_head(members: u32) -> ([u8; 3], usize) {
    let [_, _, high, low] = members.to_be_bytes();
    match members {
        0..=23 => ([0xa0 | low, 0, 0], 1),
        24..=255 => ([0xb8, low, 0], 2),
        _ => ([0xb9, high, low], 3),
    }
}
