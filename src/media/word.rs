//! The word of shared memory that the tap is made of.

use core::sync::atomic::{AtomicU64, Ordering};

/// A 64-bit word that threads and processes share. Implemented by [`AtomicU64`], and in tests by loom's.
pub trait Word {
    /// Reads the word.
    fn load(&self, order: Ordering) -> u64;
    /// Writes the word.
    fn store(&self, value: u64, order: Ordering);
}

impl Word for AtomicU64 {
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }
}
