//! What every parser's error has in common: a kind, and the place where it was found.
//!
//! Each module names its own kinds; this one only ties a kind to a byte offset. What is told to a peer is another
//! type, [`crate::envelope::RejectReason`].

use core::fmt;

/// An error of kind `K`, found at a byte offset of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<K> {
    /// What was wrong.
    pub kind: K,
    /// Where, in bytes from the start of the input that was handed in.
    pub offset: usize,
}

impl<K> At<K> {
    /// Ties `kind` to `offset`.
    pub const fn new(kind: K, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// The same error, seen from an outer input in which this one's input starts at `base`.
    #[must_use]
    pub fn within(self, base: usize) -> Self {
        Self {
            kind: self.kind,
            offset: self.offset + base,
        }
    }
}

impl<K: fmt::Display> fmt::Display for At<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl<K: fmt::Debug + fmt::Display> core::error::Error for At<K> {}
