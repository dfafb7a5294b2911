//! Counters of what the table had to refuse or to clean up. They decide nothing.

use core::sync::atomic::Ordering::Relaxed;

use super::word::Word;

/// Words set aside for counters; more than are in use, so that a later version can count more in the same layout.
pub(super) const COUNTER_WORDS: usize = 32;

/// Where each counter lies.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    ReplayFull,
    HashFull,
    KidFull,
    PeerFull,
    SetFull,
    SlotFull,
    OwnerLimit,
    DeadSet,
    Reclaimed,
    Contended,
    SoundFull,
}

/// The table's counters since it was initialised. Nothing here counts evictions: a live entry is never evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Replay records refused because their neighbourhood was full of live ones.
    pub replay_full: u64,
    /// Fingerprints refused for the same reason.
    pub hash_full: u64,
    /// Rates of signing keys refused for the same reason.
    pub kid_full: u64,
    /// Rates of peers refused for the same reason.
    pub peer_full: u64,
    /// Chunk sets refused because no more identifiers can be remembered.
    pub set_full: u64,
    /// Chunk sets and outgoing messages refused because every slot was taken.
    pub slot_full: u64,
    /// Chunk sets refused because their owner has too many open, or too many bytes in them.
    pub owner_limit: u64,
    /// Chunk sets ended by an error in one of their chunks.
    pub dead_sets: u64,
    /// Claims of killed (or sleeping) parties that another has taken over.
    pub reclaimed: u64,
    /// Operations given up because too many others raced for the same words.
    pub contended: u64,
    /// Robust fingerprints that were not remembered because their list was full of live ones.
    pub sound_full: u64,
}

/// The counters' words.
pub(super) struct Counters<'m, W> {
    words: &'m [W],
}

impl<W> Clone for Counters<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Counters<'_, W> {}

impl<'m, W: Word> Counters<'m, W> {
    pub(super) fn new(words: &'m [W]) -> Self {
        Self { words }
    }

    /// Counts one. Relaxed: a counter orders nothing.
    pub(super) fn count(&self, counter: Counter) {
        if let Some(word) = self.words.get(counter as usize) {
            word.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn read(&self) -> Stats {
        let get = |counter: Counter| self.words.get(counter as usize).map_or(0, |word| word.load(Relaxed));
        Stats {
            replay_full: get(Counter::ReplayFull),
            hash_full: get(Counter::HashFull),
            kid_full: get(Counter::KidFull),
            peer_full: get(Counter::PeerFull),
            set_full: get(Counter::SetFull),
            slot_full: get(Counter::SlotFull),
            owner_limit: get(Counter::OwnerLimit),
            dead_sets: get(Counter::DeadSet),
            reclaimed: get(Counter::Reclaimed),
            contended: get(Counter::Contended),
            sound_full: get(Counter::SoundFull),
        }
    }
}
