//! A transparency log of one's own: an append-only Merkle tree in a folder, for those who have no other to anchor in.
//!
//! Two files. `hashes` holds the hashes of all leaves and of all nodes whose leaves are complete, 32 bytes each, in the order
//! in which they became known; nothing in it is ever changed. `checkpoint` is the signed note of the newest tree. A leaf is on
//! the disk before its entry is given out, so that a process that is killed at any moment loses nothing that it has promised;
//! what it left half written is cut off when the log is opened again.
//!
//! One process at a time: the folder is locked. Not here: what the leaves are the hashes of.

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use super::anchored::Anchored;
use super::checkpoint::{Checkpoint, NotACheckpoint};
use super::merkle::{self, Hash};
use super::note::{self, NoteError, VerifierKey};
use crate::crypto::ed25519::SigningKey;

/// Length of a hash in `hashes`.
const HASH_LEN: u64 = 32;

/// A log in a folder.
#[derive(Debug)]
pub struct LocalLog {
    folder: PathBuf,
    hashes: File,
    origin: String,
    key: SigningKey,
    size: u64,
}

/// Why a log cannot be opened, read or written.
#[derive(Debug)]
pub enum LogError {
    /// The file system.
    Io(io::Error),
    /// Another process has the log open.
    Busy,
    /// There are fewer leaves than the log has signed: something was taken away.
    Shrunk,
    /// The hashes do not lead to the root that the log has signed, or not to each other.
    Corrupt,
    /// The folder's checkpoint is by another key or of another log.
    Note(NoteError),
    /// The folder's checkpoint is a signed note of something else.
    Checkpoint(NotACheckpoint),
    /// There is no such leaf, or no such tree.
    OutOfRange,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Busy => f.write_str("another process has this log open"),
            Self::Shrunk => f.write_str("the log has fewer leaves than it has signed for: restore it from a copy"),
            Self::Corrupt => f.write_str("the log's hashes do not lead to the root that it has signed"),
            Self::Note(error) => error.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
            Self::OutOfRange => f.write_str("the log has no such leaf or tree"),
        }
    }
}

impl core::error::Error for LogError {}

impl From<io::Error> for LogError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl LocalLog {
    /// Opens the log in `folder`, or begins it. `origin` is its name, by which its notes are signed with `key`.
    ///
    /// # Errors
    /// [`LogError`]; a log that has lost what it has signed for is not opened.
    pub fn open(folder: &Path, origin: &str, key: SigningKey) -> Result<Self, LogError> {
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        let hashes = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("hashes"))?;
        hashes.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => LogError::Busy,
            fs::TryLockError::Error(error) => LogError::Io(error),
        })?;
        let size = size_of(hashes.metadata()?.len() / HASH_LEN);
        let mut log = Self {
            folder: folder.to_owned(),
            hashes,
            origin: origin.into(),
            key,
            size,
        };
        // What stands behind the signed tree was being written when its process ended: it was promised to nobody, and may be
        // anything.
        log.size = log.agrees_with_checkpoint()?;
        log.hashes.set_len(stored(log.size) * HASH_LEN)?;
        log.sign()?;
        Ok(log)
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The text of the key that verifies the log's notes, for a trust bundle's `checkpointKeys`.
    pub fn verifier_key(&self) -> Option<String> {
        VerifierKey::new(&self.origin, self.key.public()).map(|key| std::format!("{key}"))
    }

    /// The signed note of the newest tree.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn checkpoint(&self) -> Result<String, LogError> {
        Ok(fs::read_to_string(self.folder.join("checkpoint"))?)
    }

    /// Appends the leaf of hash `leaf` ([`merkle::leaf_hash`]). It is on the disk when this returns.
    ///
    /// # Errors
    /// [`LogError`]; then the leaf may or may not be in the log, and may be appended again.
    pub fn append(&mut self, leaf: &Hash) -> Result<Anchored, LogError> {
        let mut new = Vec::from(*leaf);
        let (mut hash, mut node, mut level) = (*leaf, self.size, 0);
        while node & 1 == 1 {
            let left = self.stored_hash(level, node - 1)?;
            hash = merkle::node_hash(&left, &hash);
            new.extend_from_slice(&hash);
            node >>= 1;
            level += 1;
        }
        self.hashes.seek(SeekFrom::Start(stored(self.size) * HASH_LEN))?;
        let written = self.hashes.write_all(&new).and_then(|()| self.hashes.sync_data());
        if let Err(error) = written {
            // What is there now is no leaf: the next append writes over it.
            self.hashes.set_len(stored(self.size) * HASH_LEN)?;
            return Err(error.into());
        }
        self.size += 1;
        self.sign()?;
        self.entry(self.size - 1)
    }

    /// The entry of leaf `index` in the newest tree.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn entry(&mut self, index: u64) -> Result<Anchored, LogError> {
        if index >= self.size {
            return Err(LogError::OutOfRange);
        }
        let (mut proof, mut from, mut to) = (Vec::new(), 0, self.size);
        while to - from > 1 {
            let middle = from + left_half(to - from);
            if index < middle {
                proof.push(self.range_hash(middle, to)?);
                to = middle;
            } else {
                proof.push(self.range_hash(from, middle)?);
                from = middle;
            }
        }
        proof.reverse();
        Ok(Anchored {
            index,
            tree_size: self.size,
            proof,
            checkpoint: self.checkpoint()?,
            body: None,
        })
    }

    /// What proves that the newest tree continues the one of `earlier` leaves ([`merkle::verify_consistency`]).
    ///
    /// # Errors
    /// [`LogError`].
    pub fn consistency(&mut self, earlier: u64) -> Result<Vec<Hash>, LogError> {
        if earlier > self.size {
            return Err(LogError::OutOfRange);
        }
        let (mut proof, mut from, mut to) = (Vec::new(), 0, self.size);
        // Down to the node that the earlier tree ends with; one that is the earlier tree as a whole is known already.
        while earlier > 0 && to != earlier {
            let middle = from + left_half(to - from);
            if earlier <= middle {
                proof.push(self.range_hash(middle, to)?);
                to = middle;
            } else {
                proof.push(self.range_hash(from, middle)?);
                from = middle;
            }
        }
        if from > 0 {
            proof.push(self.range_hash(from, to)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn root(&mut self, size: u64) -> Result<Hash, LogError> {
        match size {
            0 => Ok(merkle::empty_root()),
            size if size > self.size => Err(LogError::OutOfRange),
            size => self.range_hash(0, size),
        }
    }

    /// Works out every node from the leaves and compares it with what is stored.
    ///
    /// # Errors
    /// [`LogError::Corrupt`], or what keeps the log from being read.
    pub fn verify(&mut self) -> Result<(), LogError> {
        for leaf in 0..self.size {
            let (mut node, mut level) = (leaf, 0);
            while node & 1 == 1 {
                let (left, right) = (self.stored_hash(level, node - 1)?, self.stored_hash(level, node)?);
                node >>= 1;
                level += 1;
                if self.stored_hash(level, node)? != merkle::node_hash(&left, &right) {
                    return Err(LogError::Corrupt);
                }
            }
        }
        self.agrees_with_checkpoint().map(|_| ())
    }

    /// How many leaves the folder's checkpoint has signed for; they are all there.
    fn agrees_with_checkpoint(&mut self) -> Result<u64, LogError> {
        let note = match self.checkpoint() {
            Err(LogError::Io(error)) if error.kind() == io::ErrorKind::NotFound && self.size == 0 => return Ok(0),
            note => note?,
        };
        let key = VerifierKey::new(&self.origin, self.key.public());
        let text = note::verify(&note, key.into_iter()).map_err(LogError::Note)?;
        let signed = Checkpoint::parse(text).map_err(LogError::Checkpoint)?;
        if signed.size > self.size {
            return Err(LogError::Shrunk);
        }
        if signed.origin != self.origin || self.root(signed.size)? != signed.root {
            return Err(LogError::Corrupt);
        }
        Ok(signed.size)
    }

    /// Signs the newest tree, and puts the note in the old one's place in one step.
    fn sign(&mut self) -> Result<(), LogError> {
        let root = self.root(self.size)?;
        let text = std::format!(
            "{}",
            Checkpoint {
                origin: &self.origin,
                size: self.size,
                root,
            }
        );
        let mut note = String::new();
        note::sign(&text, &self.origin, &self.key, &mut note).map_err(LogError::Note)?;
        let new = self.folder.join("checkpoint.new");
        let mut file = File::create(&new)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join("checkpoint"))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// The root of the leaves from `from` to before `to`, which are a node's of some tree of this log.
    fn range_hash(&mut self, from: u64, to: u64) -> Result<Hash, LogError> {
        let (mut left, mut lefts) = (from, Vec::new());
        // From the left, the largest complete trees that fit; each begins at a multiple of its own size.
        while left < to {
            let level = (to - left).ilog2();
            lefts.push(self.stored_hash(level, left >> level)?);
            left += 1 << level;
        }
        let mut hash = lefts.pop().ok_or(LogError::OutOfRange)?;
        while let Some(left) = lefts.pop() {
            hash = merkle::node_hash(&left, &hash);
        }
        Ok(hash)
    }

    fn stored_hash(&mut self, level: u32, node: u64) -> Result<Hash, LogError> {
        // A node is stored right after the last leaf under it, behind the nodes of the levels below.
        let last_leaf = ((node + 1) << level) - 1;
        let at = stored(last_leaf) + u64::from(level);
        let mut hash = [0; 32];
        self.hashes.seek(SeekFrom::Start(at * HASH_LEN))?;
        self.hashes.read_exact(&mut hash)?;
        Ok(hash)
    }
}

/// How many hashes are stored for a tree of `size` leaves: half as many nodes on each level as below it.
fn stored(size: u64) -> u64 {
    2 * size - u64::from(size.count_ones())
}

/// The largest tree whose hashes are all among `hashes` stored ones.
fn size_of(hashes: u64) -> u64 {
    let mut size = hashes / 2;
    while stored(size + 1) <= hashes {
        size += 1;
    }
    size
}

/// How many of `leaves` (two at least) are under a node's left child: the largest power of two below them.
fn left_half(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}
