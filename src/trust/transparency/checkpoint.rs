//! Checkpoints (C2SP tlog-checkpoint): what a log signs about its tree – who it is, how many leaves, which root.

use core::fmt;

use base64ct::{Base64, Encoding as _};

use super::merkle::Hash;

/// A log's statement about its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint<'c> {
    /// The log's unique name.
    pub origin: &'c str,
    /// How many leaves the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

/// The text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACheckpoint;

impl fmt::Display for NotACheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a checkpoint: a line each with the log's origin, the tree's size and the base64 of its root hash",
        )
    }
}

impl core::error::Error for NotACheckpoint {}

impl<'c> Checkpoint<'c> {
    /// Reads a signed note's text. Lines after the third are extensions and passed over.
    ///
    /// # Errors
    /// [`NotACheckpoint`].
    pub fn parse(text: &'c str) -> Result<Self, NotACheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(NotACheckpoint)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(NotACheckpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        if lines.any(str::is_empty) {
            return Err(NotACheckpoint);
        }
        let is_number = size.bytes().all(|digit| digit.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let mut bytes = [0; 32];
        match Base64::decode(root, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 && is_number => {}
            _ => return Err(NotACheckpoint),
        }
        Ok(Self {
            origin,
            size: size.parse().map_err(|_| NotACheckpoint)?,
            root: bytes,
        })
    }
}

/// The text that is signed, with the line feed that ends it.
impl fmt::Display for Checkpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 44];
        let root = Base64::encode(&self.root, &mut text).map_err(|_| fmt::Error)?;
        writeln!(f, "{}\n{}\n{root}", self.origin, self.size)
    }
}
