//! Where bytes lie in a slot, and how they get there and back.
//!
//! Room is reserved before it is written, each piece by one party, and only its owner writes it: so bytes of one message
//! never mix, whoever races. Room of a copy that came second is given back; room of one whose maker was killed is lost to
//! the message, and there is some to spare.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::claim::{PAYLOAD_BYTES, tagged, untag};
use super::slots::{ATTEMPTS, MAX_CHUNKS, SPARES, Slot, SlotError, Slots};
use super::stats::Counter;
use super::word::Word;

/// Words written between two looks at the slot's state.
const COPY_BATCH: usize = 8;

/// A piece of a slot's data: its first word and its bytes, each less than 2^24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Extent {
    /// Words that the bytes take.
    pub(super) fn words(self) -> u32 {
        self.len.div_ceil(PAYLOAD_BYTES as u32)
    }

    /// Never 0: that is no extent.
    pub(super) fn to_payload(self) -> u64 {
        u64::from(self.start + 1) << 24 | u64::from(self.len)
    }

    pub(super) fn from_payload(payload: u64) -> Option<Self> {
        Some(Self {
            start: (payload >> 24).checked_sub(1)? as u32,
            len: (payload & 0xff_ffff) as u32,
        })
    }
}

impl<W: Word> Slots<'_, W> {
    /// The extent of a chunk that has been entered, from 1. An outgoing message is its slot's first chunk.
    pub(super) fn extent(&self, slot: Slot, number: u32) -> Option<Extent> {
        self.extent_at(slot, self.chunk(slot.index, number))
    }

    fn extent_at(&self, slot: Slot, word: &W) -> Option<Extent> {
        untag(word.load(Acquire), slot.tag()).and_then(Extent::from_payload)
    }

    /// Bytes of all chunks that have been entered.
    pub(super) fn entered_bytes(&self, slot: Slot) -> u64 {
        let total = untag(self.total(slot.index).load(Relaxed), slot.tag()).unwrap_or(0);
        (1..=total.min(MAX_CHUNKS.into()) as u32)
            .filter_map(|number| self.extent(slot, number))
            .map(|extent| u64::from(extent.len))
            .sum()
    }

    /// Reserves room for `len` bytes, which are no more than a slot's.
    ///
    /// # Errors
    /// [`SlotError::Gone`] if the message has been taken, or ended, meanwhile: its words stay as they are until the slot
    /// is claimed anew, so only its state tells. [`SlotError::Full`] if there is no room.
    pub(super) fn reserve(&self, slot: Slot, len: usize) -> Result<Extent, SlotError> {
        let len = u32::try_from(len).map_err(|_| SlotError::TooLarge)?;
        for spare in (0..SPARES).map(|number| self.spare(slot.index, number)) {
            if let Some(extent) = self.extent_at(slot, spare)
                && extent.words() >= len.div_ceil(PAYLOAD_BYTES as u32)
                && self.exchange(slot, spare, extent.to_payload(), 0)
            {
                return Ok(Extent { len, ..extent });
            }
        }
        for _ in 0..ATTEMPTS {
            let start = self.next_word(slot)?;
            let extent = Extent { start, len };
            let end = start.saturating_add(extent.words());
            if end > self.data_words() {
                break;
            }
            if self.exchange(slot, self.cursor(slot.index), start.into(), end.into()) {
                return Ok(extent);
            }
            if !self.stands(slot) {
                break;
            }
        }
        if !self.stands(slot) {
            return Err(SlotError::Gone);
        }
        self.counters.count(Counter::Contended);
        Err(SlotError::Full)
    }

    /// Gives room back that is not used and will not be written any more.
    pub(super) fn give_back(&self, slot: Slot, extent: Extent) {
        let end = extent.start + extent.words();
        let last = self.exchange(slot, self.cursor(slot.index), end.into(), extent.start.into());
        // With every spare taken the room is lost to this message.
        let _ = last
            || (0..SPARES).any(|number| {
                let spare = self.spare(slot.index, number);
                let seen = spare.load(Acquire);
                self.stands(slot)
                    && untag(seen, slot.tag()).unwrap_or(0) == 0
                    && spare
                        .compare_exchange(seen, tagged(slot.tag(), extent.to_payload()), AcqRel, Relaxed)
                        .is_ok()
            });
    }

    fn next_word(&self, slot: Slot) -> Result<u32, SlotError> {
        untag(self.cursor(slot.index).load(Acquire), slot.tag())
            .map(|word| word as u32)
            .ok_or(SlotError::Gone)
    }

    /// Changes a word of the slot's generation.
    fn exchange(&self, slot: Slot, word: &W, current: u64, new: u64) -> bool {
        let (current, new) = (tagged(slot.tag(), current), tagged(slot.tag(), new));
        self.stands(slot) && word.compare_exchange(current, new, AcqRel, Relaxed).is_ok()
    }

    /// Copies bytes into room reserved for them. `false`: the slot has gone to another message, into which nothing was
    /// written.
    pub(super) fn write_data(&self, slot: Slot, extent: Extent, bytes: &[u8]) -> bool {
        let words = self.data(slot.index, extent);
        let mut batches = words.chunks(COPY_BATCH).zip(bytes.chunks(COPY_BATCH * PAYLOAD_BYTES));
        batches.all(|(words, bytes)| {
            let mut seen = [0; COPY_BATCH];
            for (word, seen) in words.iter().zip(&mut seen) {
                *seen = word.load(Acquire);
            }
            // One look at the state serves the batch: all of it was read before.
            self.stands(slot)
                && words
                    .iter()
                    .zip(seen)
                    .zip(payloads(bytes))
                    .all(|((word, seen), payload)| {
                        let value = tagged(slot.tag(), payload);
                        word.compare_exchange(seen, value, Release, Relaxed).is_ok() || self.write(slot, word, payload)
                    })
        })
    }

    /// Copies bytes of an extent, from its byte `skip` on, until `out` is full. `false`: the slot has gone to another
    /// message, or the extent is shorter, and `out` holds nothing of use.
    pub(super) fn read_data(&self, slot: Slot, extent: Extent, skip: usize, out: &mut [u8]) -> bool {
        let mut words = self.data(slot.index, extent).iter().skip(skip / PAYLOAD_BYTES);
        let mut next = || untag(words.next()?.load(Relaxed), slot.tag()).map(u64::to_le_bytes);
        let skip = skip % PAYLOAD_BYTES;
        let (head, rest) = out.split_at_mut(out.len().min((PAYLOAD_BYTES - skip) % PAYLOAD_BYTES));
        if !head.is_empty() {
            let Some(bytes) = next() else { return false };
            head.copy_from_slice(&bytes[skip..][..head.len()]);
        }
        rest.chunks_mut(PAYLOAD_BYTES).all(|place| {
            let Some(bytes) = next() else { return false };
            place.copy_from_slice(&bytes[..place.len()]);
            true
        })
    }

    /// Whether an extent holds these bytes; `None` if the slot has gone to another message.
    pub(super) fn holds(&self, slot: Slot, extent: Extent, bytes: &[u8]) -> Option<bool> {
        let mut same = extent.len as usize == bytes.len();
        if same {
            for (word, payload) in self.data(slot.index, extent).iter().zip(payloads(bytes)) {
                same &= untag(word.load(Relaxed), slot.tag())? == payload;
            }
        }
        Some(same)
    }
}

/// Bytes as payloads, six in each.
fn payloads(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = bytes.as_chunks::<PAYLOAD_BYTES>();
    let rest = (!rest.is_empty()).then(|| {
        let mut last = [0; PAYLOAD_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        last
    });
    whole
        .iter()
        .copied()
        .chain(rest)
        .map(|[a, b, c, d, e, f]| u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
}
