//! The atomic word that the table is made of, as a trait, so that a model checker's word can stand in for the real one.
//!
//! This is not an abstraction over memory: the table only ever sees a slice of words, and who mapped it, and how, is
//! the caller's affair.

use core::sync::atomic::{AtomicU64, Ordering, fence};

/// A 64-bit atomic word of the shared block.
///
/// [`AtomicU64`] is the word of every real table. Its loads and stores are lock-free on all targets that have it, so a
/// process that is killed between two of them leaves nothing locked.
pub trait Word {
    /// Reads the word.
    fn load(&self, order: Ordering) -> u64;
    /// Overwrites the word.
    fn store(&self, value: u64, order: Ordering);
    /// Replaces `current` by `new` and returns `current`.
    ///
    /// # Errors
    /// The word's value, if that was not `current`; nothing is written then.
    fn compare_exchange(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64>;
    /// Adds to the word, wrapping, and returns what it held before.
    fn fetch_add(&self, value: u64, order: Ordering) -> u64;
    /// The fence that goes with these words.
    fn fence(order: Ordering);
}

impl Word for AtomicU64 {
    fn load(&self, order: Ordering) -> u64 {
        AtomicU64::load(self, order)
    }

    fn store(&self, value: u64, order: Ordering) {
        AtomicU64::store(self, value, order);
    }

    fn compare_exchange(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        AtomicU64::compare_exchange(self, current, new, success, failure)
    }

    fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        AtomicU64::fetch_add(self, value, order)
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}
