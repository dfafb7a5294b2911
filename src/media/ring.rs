//! A ring of packets in shared words: one writer that never waits, any number of readers that never wait either.
//!
//! Two rings in one: records of two words each (a key to sort by; place, length and tag of the payload), and the
//! payloads, packed into words one after another. The writer raises `claimed` before it overwrites payload words, and
//! `head` after a packet is whole. A reader copies first and asks afterwards whether what it copied had been given up
//! in the meantime; what has been given up is the oldest audio, so the reader drops it and has nothing to wait for.
//!
//! Every payload and record word is stored with release and loaded with acquire order: a reader that sees one word of
//! a newer packet also sees that packet's claim. On x86-64 these are plain moves.
//!
//! Not here: RTP, timestamps, and the meaning of key and tag.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::word::Word;

/// Words of one record.
pub(super) const RECORD_WORDS: usize = 2;
/// Bytes of payload in a word.
pub(super) const WORD_LEN: usize = 8;

const TAG_BITS: u32 = 8;
const LEN_BITS: u32 = 16;
const POSITION_SHIFT: u32 = TAG_BITS + LEN_BITS;
/// Positions count payload words since the beginning. 40 bits of them hold 8.8 TB: 34 years of G.711.
const POSITION_MASK: u64 = (1 << (64 - POSITION_SHIFT)) - 1;

/// One packet as its record describes it. Entries sort by key, then by arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: u64,
    place: u64,
}

impl Entry {
    pub(super) fn tag(self) -> u8 {
        self.place as u8
    }

    pub(super) fn len(self) -> usize {
        usize::from((self.place >> TAG_BITS) as u16)
    }

    /// Where the payload begins, in words since the beginning; the later a packet arrived, the higher.
    pub(super) fn position(self) -> u64 {
        self.place >> POSITION_SHIFT
    }

    fn words(self) -> usize {
        self.len().div_ceil(WORD_LEN)
    }
}

/// The ring's parts, borrowed from one block of words.
pub(super) struct Ring<'m, W> {
    /// Packets published since the beginning.
    head: &'m W,
    /// End of the payload words given to packets since the beginning, published or being written.
    claimed: &'m W,
    /// Never empty.
    records: &'m [W],
    /// Never empty.
    data: &'m [W],
}

impl<W> Clone for Ring<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Ring<'_, W> {}

impl<'m, W: Word> Ring<'m, W> {
    /// `None` unless there is room for one record and one word.
    pub(super) fn new(head: &'m W, claimed: &'m W, records: &'m [W], data: &'m [W]) -> Option<Self> {
        (records.len() >= RECORD_WORDS && !data.is_empty()).then_some(Self {
            head,
            claimed,
            records,
            data,
        })
    }

    fn capacity(&self) -> u64 {
        (self.records.len() / RECORD_WORDS) as u64
    }

    fn record(&self, number: u64) -> Option<&'m [W; RECORD_WORDS]> {
        let at = (number % self.capacity()) as usize * RECORD_WORDS;
        self.records.get(at..)?.first_chunk()
    }

    /// The payload words from `position` to the ring's end, and those before it.
    fn data_at(&self, position: u64) -> (&'m [W], &'m [W]) {
        let (before, after) = self.data.split_at((position % self.data.len() as u64) as usize);
        (after, before)
    }

    /// Publishes one packet; the oldest make room. Only the writer calls this. `false`, and nothing happens, if the
    /// payload is longer than the ring or than a record can say.
    pub(super) fn publish(&self, key: u64, tag: u8, payload: &[u8]) -> bool {
        let words = payload.len().div_ceil(WORD_LEN);
        if words > self.data.len() || payload.len() > usize::from(u16::MAX) {
            return false;
        }
        let number = self.head.load(Relaxed);
        let Some([key_word, place_word]) = self.record(number) else {
            return false;
        };
        let position = self.claimed.load(Relaxed) & POSITION_MASK;
        self.claimed.store(position + words as u64, Relaxed);

        let (first, second) = self.data_at(position);
        let (chunks, rest) = payload.as_chunks::<WORD_LEN>();
        for (word, chunk) in first.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Release);
        }
        for (word, chunk) in second.iter().zip(chunks.get(first.len()..).unwrap_or_default()) {
            word.store(u64::from_le_bytes(*chunk), Release);
        }
        if !rest.is_empty()
            && let Some(word) = first.iter().chain(second).nth(chunks.len())
        {
            let mut last = [0; WORD_LEN];
            last[..rest.len()].copy_from_slice(rest);
            word.store(u64::from_le_bytes(last), Release);
        }
        let place = position << POSITION_SHIFT | (payload.len() as u64) << TAG_BITS | u64::from(tag);
        key_word.store(key, Release);
        place_word.store(place, Release);
        self.head.store(number.wrapping_add(1), Release);
        true
    }

    /// Copies the records of the packets that are whole, oldest first, and returns how many there were. What `entries`
    /// has no room for is the oldest.
    pub(super) fn entries(&self, entries: &mut [Entry]) -> usize {
        let capacity = self.capacity();
        let head = self.head.load(Acquire);
        let oldest = head.saturating_sub(capacity.min(entries.len() as u64));
        let mut count = 0;
        for (number, entry) in (oldest..head).zip(entries.iter_mut()) {
            let Some([key, place]) = self.record(number) else { break };
            entry.key = key.load(Acquire);
            entry.place = place.load(Acquire);
            count += 1;
        }
        // The writer may have begun on the packet after the newest that is published: that one's record is its to use.
        let torn = self
            .head
            .load(Acquire)
            .saturating_add(1)
            .saturating_sub(capacity)
            .saturating_sub(oldest);
        let torn = usize::try_from(torn).map_or(count, |torn| torn.min(count));
        entries.copy_within(torn..count, 0);
        count - torn
    }

    /// Copies a packet's payload into the front of `payload` and returns its length; `None` if the writer has given the
    /// packet up, or if it does not fit.
    pub(super) fn read(&self, entry: Entry, payload: &mut [u8]) -> Option<usize> {
        let payload = payload.get_mut(..entry.len())?;
        let (first, second) = self.data_at(entry.position());
        let words = first.iter().chain(second).map(|word| word.load(Acquire).to_le_bytes());
        for (bytes, word) in payload.chunks_mut(WORD_LEN).zip(words) {
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
        self.holds(entry).then_some(entry.len())
    }

    /// Whether a packet's payload is still whole; asked after copying it.
    pub(super) fn holds(&self, entry: Entry) -> bool {
        let age = (self.claimed.load(Relaxed) & POSITION_MASK).wrapping_sub(entry.position()) & POSITION_MASK;
        entry.words() as u64 <= age && age <= self.data.len() as u64
    }
}
