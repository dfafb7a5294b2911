//! What was gathered about one envelope's claims: consent receipts, resources behind URLs, transparency logs.

use crate::crypto::SHA256_LEN;
use crate::trust::transparency::merkle::Hash;
use crate::trust::{List, Text};

/// An ISO/IEC 27560 consent receipt, cut down to what step 5 judges.
#[derive(Debug, Default)]
pub struct ConsentReceipt {
    /// `purpose`.
    pub purpose: Text,
    /// `scope`, exact strings.
    pub scope: List<Text>,
    /// `jurisdiction`, an ISO 3166-1 alpha-2 code.
    pub jurisdiction: Option<Text>,
    /// `lawfulBasis`, such as `gdpr.art6.1.b`.
    pub lawful_basis: Text,
    /// `specialCategoryBasis`, such as `gdpr.art9.2.h`.
    pub special_category_basis: Option<Text>,
    /// `withdrawn`.
    pub withdrawn: bool,
}

/// What a URL was found to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `status`: the HTTP status code.
    pub status: u16,
    /// `sha256`: of the body.
    pub sha256: Option<[u8; SHA256_LEN]>,
}

impl Resource {
    /// Whether it answered without an error, be it by way of a redirect.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=399)
    }
}

/// A transparency log that we trust.
#[derive(Debug, Default)]
pub struct Log {
    /// `checkpointKeys`: C2SP verifier keys, `name+hash+base64`.
    pub checkpoint_keys: List<Text>,
    /// `entries`, sorted by leaf hash.
    pub(super) entries: List<LogEntry>,
}

impl Log {
    /// A log with `entries`; `None` unless their leaf hashes ascend strictly.
    pub fn new(checkpoint_keys: List<Text>, entries: List<LogEntry>) -> Option<Self> {
        entries
            .is_sorted_by(|left, right| left.leaf_hash < right.leaf_hash)
            .then_some(Self {
                checkpoint_keys,
                entries,
            })
    }

    /// All entries, sorted by leaf hash.
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The entry of an envelope with that `leafHash`.
    pub fn entry(&self, leaf_hash: &[u8; SHA256_LEN]) -> Option<&LogEntry> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.leaf_hash.cmp(leaf_hash))
            .ok()?;
        self.entries.get(at)
    }
}

/// One envelope's place in a log, with its proof.
#[derive(Debug)]
pub struct LogEntry {
    /// The envelope's `leafHash`, under which the bundle lists the entry.
    pub leaf_hash: [u8; SHA256_LEN],
    /// `index` in the log, from 0.
    pub index: u64,
    /// `treeSize` that the proof is for.
    pub tree_size: u64,
    /// `proof`: the RFC 9162 inclusion path, lowest node first.
    pub proof: List<[u8; SHA256_LEN]>,
    /// `checkpoint`: the C2SP signed note.
    pub checkpoint: Text,
    /// The leaf of `body`, the log's own entry, if it has one: that entry is about this envelope. Without one the leaf is the
    /// envelope's surface.
    pub body: Option<Hash>,
}
