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

use crate::table::Word;

/// Words of one record.
pub(super) const RECORD_WORDS: usize = 2;
/// Bytes of payload in a word.
pub(super) const WORD_LEN: usize = 8;
/// Longest payload that a record can name, in bytes.
pub(super) const MAX_LEN: usize = (1 << LEN_BITS) - 1;
/// Most payload words that a position can name.
pub(super) const MAX_DATA: usize = 1 << INDEX_BITS;

const TAG_BITS: u32 = 10;
const LEN_BITS: u32 = 11;
const INDEX_BITS: u32 = 20;
const LAP_BITS: u32 = 64 - TAG_BITS - LEN_BITS - INDEX_BITS;

/// A place among the payload words: how often the ring had been filled, and an index into it. Kept apart so that the
/// writer divides by nothing. 23 bits of laps last 2.6 years of ten-second rings, and after them only the order of arrival is
/// misjudged, for as long as the ring holds packets of both ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position(u64);

impl Position {
    const MASK: u64 = (1 << (LAP_BITS + INDEX_BITS)) - 1;

    fn from_bits(bits: u64) -> Self {
        Self(bits & Self::MASK)
    }

    fn index(self) -> usize {
        (self.0 as usize) & (MAX_DATA - 1)
    }

    /// The place `words` further on in a ring of `len` words, `words` being at most `len`.
    fn advance(self, words: usize, len: usize) -> Self {
        let index = self.index() + words;
        let (laps, index) = if index < len { (0, index) } else { (1, index - len) };
        let lap = (self.0 >> INDEX_BITS) + laps;
        Self::from_bits(lap << INDEX_BITS | (index as u64))
    }

    /// How many words lie between `earlier` and this place in a ring of `len` words.
    fn words_since(self, earlier: Self, len: usize) -> u64 {
        let laps = (self.0 >> INDEX_BITS).wrapping_sub(earlier.0 >> INDEX_BITS) & ((1 << LAP_BITS) - 1);
        laps.wrapping_mul(len as u64)
            .wrapping_add(self.index() as u64)
            .wrapping_sub(earlier.index() as u64)
    }
}

/// One packet as its record describes it. Entries sort by key, then by arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: u64,
    place: u64,
}

impl Entry {
    fn new(key: u64, position: Position, len: usize, tag: u16) -> Self {
        let place = position.0 << (TAG_BITS + LEN_BITS) | (len as u64) << TAG_BITS | u64::from(tag);
        Self { key, place }
    }

    pub(super) fn tag(self) -> u16 {
        self.place as u16 & ((1 << TAG_BITS) - 1)
    }

    pub(super) fn len(self) -> usize {
        (self.place >> TAG_BITS) as usize & MAX_LEN
    }

    /// A number that is higher the later the packet arrived.
    pub(super) fn arrival(self) -> u64 {
        self.position().0
    }

    fn position(self) -> Position {
        Position::from_bits(self.place >> (TAG_BITS + LEN_BITS))
    }
}

/// The ring's parts, borrowed from one block of words.
pub(super) struct Ring<'m, W> {
    /// Packets published since the beginning.
    head: &'m W,
    /// Where the payload words end that packets have been given, published or being written.
    claimed: &'m W,
    /// A power of two of records.
    records: &'m [W],
    /// One word at least, and at most [`MAX_DATA`].
    data: &'m [W],
}

impl<W> Clone for Ring<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Ring<'_, W> {}

impl<'m, W: Word> Ring<'m, W> {
    /// `None` unless the number of records is a power of two and that of payload words from 1 to [`MAX_DATA`].
    pub(super) fn new(head: &'m W, claimed: &'m W, records: &'m [W], data: &'m [W]) -> Option<Self> {
        let fits = (records.len() / RECORD_WORDS).is_power_of_two()
            && records.len().is_multiple_of(RECORD_WORDS)
            && (1..=MAX_DATA).contains(&data.len());
        fits.then_some(Self {
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
        let at = (number & (self.capacity() - 1)) as usize * RECORD_WORDS;
        self.records.get(at..)?.first_chunk()
    }

    /// The payload words from `position` to the ring's end, and those before it. Memory that no writer of ours has
    /// written may name a place outside; then the ring begins anew.
    fn data_at(&self, position: Position) -> (&'m [W], &'m [W]) {
        let (before, after) = self.data.split_at_checked(position.index()).unwrap_or((&[], self.data));
        (after, before)
    }

    /// Publishes one packet; the oldest make room. Only the writer calls this. `false`, and nothing happens, if the
    /// payload is longer than [`MAX_LEN`] or the ring.
    pub(super) fn publish(&self, key: u64, tag: u16, payload: &[u8]) -> bool {
        let words = payload.len().div_ceil(WORD_LEN);
        if words > self.data.len() || payload.len() > MAX_LEN {
            return false;
        }
        let number = self.head.load(Relaxed);
        let Some([key_word, place_word]) = self.record(number) else {
            return false;
        };
        let position = Position::from_bits(self.claimed.load(Relaxed));
        self.claimed.store(position.advance(words, self.data.len()).0, Relaxed);

        let (first, second) = self.data_at(position);
        let (chunks, rest) = payload.as_chunks::<WORD_LEN>();
        for (word, chunk) in first.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Release);
        }
        for (word, chunk) in second.iter().zip(chunks.get(first.len()..).unwrap_or_default()) {
            word.store(u64::from_le_bytes(*chunk), Release);
        }
        if !rest.is_empty()
            && let Some(word) = first
                .get(chunks.len())
                .or_else(|| second.get(chunks.len().checked_sub(first.len())?))
        {
            let mut last = [0; WORD_LEN];
            last[..rest.len()].copy_from_slice(rest);
            word.store(u64::from_le_bytes(last), Release);
        }
        let entry = Entry::new(key, position, payload.len(), tag);
        key_word.store(entry.key, Release);
        place_word.store(entry.place, Release);
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
        // The writer may have begun on the packet after the newest that is published; that one's record is its to use.
        let torn = self
            .head
            .load(Relaxed)
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

    /// Whether a packet's payload is still whole; to be asked again after copying it.
    pub(super) fn holds(&self, entry: Entry) -> bool {
        let claimed = Position::from_bits(self.claimed.load(Relaxed));
        claimed.words_since(entry.position(), self.data.len()) <= self.data.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const EMPTY: Entry = Entry { key: 0, place: 0 };

    /// Loom's word.
    struct Modelled(loom::sync::atomic::AtomicU64);

    impl Word for Modelled {
        fn load(&self, order: Ordering) -> u64 {
            self.0.load(order)
        }

        fn store(&self, value: u64, order: Ordering) {
            self.0.store(value, order);
        }

        fn compare_exchange(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
            self.0.compare_exchange(current, new, success, failure)
        }

        fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.0.fetch_add(value, order)
        }

        fn fence(order: Ordering) {
            loom::sync::atomic::fence(order);
        }
    }

    /// Two words for head and claimed, then `records` records and `data` payload words.
    fn over<W: Word>(words: &[W], records: usize) -> Ring<'_, W> {
        let ([head, claimed], rest) = words
            .split_first_chunk()
            .expect("INVARIANT: the test gives enough words");
        let (records, data) = rest.split_at(records * RECORD_WORDS);
        Ring::new(head, claimed, records, data).expect("INVARIANT: the test gives a power of two of records")
    }

    fn words<const N: usize>() -> [AtomicU64; N] {
        [const { AtomicU64::new(0) }; N]
    }

    #[test]
    fn payloads_of_every_length_come_back_across_the_end_of_the_ring() {
        let words = words::<{ 2 + 8 + 31 }>();
        let ring = over(&words, 4);
        for len in 0..=200_u8 {
            let payload: Vec<u8> = (0..len).map(|at| at ^ len).collect();
            assert!(ring.publish(u64::from(len), u16::from(len) << 2, &payload));
            let mut entries = [EMPTY; 4];
            let count = ring.entries(&mut entries);
            let newest = entries[count - 1];
            assert_eq!(
                (newest.key, newest.tag(), newest.len()),
                (u64::from(len), u16::from(len) << 2, payload.len())
            );
            let mut copy = [0; 256];
            assert_eq!(ring.read(newest, &mut copy), Some(payload.len()));
            assert_eq!(copy[..payload.len()], payload);
            assert_eq!(
                ring.read(newest, &mut copy[..payload.len().saturating_sub(1)])
                    .is_none(),
                len > 0
            );
        }
    }

    #[test]
    fn packets_that_made_room_are_no_longer_held() {
        let words = words::<{ 2 + 16 + 4 }>();
        let ring = over(&words, 8);
        for key in 1..=3 {
            assert!(ring.publish(key, 1, &[key as u8; 16]));
        }
        let mut entries = [EMPTY; 8];
        assert_eq!(ring.entries(&mut entries), 3);
        let held: Vec<bool> = entries[..3].iter().map(|entry| ring.holds(*entry)).collect();
        assert_eq!(held, [false, true, true]);
        assert!(!ring.publish(4, 1, &[0; 33]), "longer than the ring");
    }

    #[test]
    fn the_record_that_the_writer_may_be_writing_is_left_out() {
        let words = words::<{ 2 + 4 + 64 }>();
        let ring = over(&words, 2);
        for key in 1..=5 {
            assert!(ring.publish(key, 1, &[key as u8]));
        }
        let mut entries = [EMPTY; 2];
        assert_eq!(ring.entries(&mut entries), 1);
        assert_eq!(entries[0].key, 5);
    }

    /// Every order in which the words of one writer and one reader can meet, with the weak orderings as they are.
    #[test]
    fn no_interleaving_lets_a_reader_take_a_torn_packet_for_a_whole_one() {
        loom::model(|| {
            let words: Vec<_> = (0..2 + 4 + 3)
                .map(|_| Modelled(loom::sync::atomic::AtomicU64::new(0)))
                .collect();
            let words = loom::sync::Arc::new(words);
            let publish = |ring: Ring<'_, _>, key: u8| ring.publish(key.into(), key.into(), &[key; 16]);
            publish(over(&words, 2), 1);
            let writer = {
                let words = words.clone();
                loom::thread::spawn(move || {
                    publish(over(&words, 2), 2);
                    publish(over(&words, 2), 3);
                })
            };
            // Loom overlooks that a load races with a store whose own thread has loaded the word just before, as that
            // of `head` does. A look at a payload word makes it try the reader after the writer as well.
            words[words.len() - 1].load(Ordering::Relaxed);
            let ring = over(&words, 2);
            let mut entries = [EMPTY; 2];
            let count = ring.entries(&mut entries);
            for entry in &entries[..count] {
                assert!((1..=3).contains(&entry.key), "a record that was never written");
                let key = entry.key as u8;
                assert_eq!((entry.tag(), entry.len()), (key.into(), 16), "a torn record");
                let mut payload = [0; 16];
                if ring.read(*entry, &mut payload).is_some() {
                    assert_eq!(payload, [key; 16], "a torn payload");
                }
            }
            writer.join().expect("INVARIANT: the writer does not panic");
        });
    }
}
