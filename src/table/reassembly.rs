//! Putting received chunks together, in whichever process each of them arrives.
//!
//! A chunk set is known by its owner and its identifier. The directory says what became of a set until it expires:
//! where it is being put together, that it was taken, or that it died of an error; only the first needs a slot.
//!
//! A chunk is copied into room of its own and then entered, by one compare-and-exchange of its chunk word. So a writer
//! that is killed in mid-copy costs that much room and nothing else, and two copies of one chunk may race: the second
//! finds the first one's bytes and compares.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

use super::claim::{self, tagged, untag};
use super::extent::Extent;
use super::key::Key;
use super::slots::{
    ATTEMPTS, BYTES_PER_OWNER, Kind, Link, MAX_CHUNKS, MAX_OPEN_SETS_PER_OWNER, Purpose, Slot, SlotError, SlotRef,
    Slots,
};
use super::stats::Counter;
use super::ways::{Content, Entry, InsertError, Inserted};
use super::word::Word;
use crate::time::Timestamp;

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was stored; others are missing.
    Stored,
    /// It was there, with the same bytes; others are missing.
    Duplicate,
    /// All chunks are there. Several parties may be told so, and a retransmission is told again, until one of them has
    /// [taken](Slots::take) the message: that one won.
    Complete,
}

/// Rounds of opening a set. Each further one means that another party has changed the set's entry meanwhile. The number is ours:
/// an entry changes four times in its life, and four copies of one chunk at once are more than a network makes.
const OPEN_ATTEMPTS: usize = 16;

impl<W: Word> Slots<'_, W> {
    /// Finds the chunk set `id` of `owner`, or opens it, to live through `expires`. A set keeps the expiry that it was
    /// opened with.
    ///
    /// `per_owner` is the number of sets that one owner may have open, [`super::OPEN_SETS_PER_OWNER`] by the protocol
    /// and at most [`super::MAX_OPEN_SETS_PER_OWNER`]. When two new sets race for an owner's last place, both may be
    /// refused; never are both admitted.
    ///
    /// # Errors
    /// [`SlotError::Done`] and [`SlotError::Dead`] until the set expires; [`SlotError::Full`];
    /// [`SlotError::OwnerLimit`]; [`SlotError::Gone`] if `expires` is past.
    pub fn open(
        &self,
        owner: &Key,
        id: &Key,
        expires: Timestamp,
        now: Timestamp,
        per_owner: u32,
    ) -> Result<SlotRef, SlotError> {
        let (expires, now) = (claim::moment(expires), claim::moment(now));
        if now > expires {
            return Err(SlotError::Gone);
        }
        let per_owner = per_owner.min(MAX_OPEN_SETS_PER_OWNER);
        let set = self.set_key(owner, id);
        let purpose = Purpose {
            owner: owner.short(),
            // 0 is for outgoing messages.
            set: set.short().max(1),
            expires,
        };
        for _ in 0..OPEN_ATTEMPTS {
            if let Some(entry) = self.sets.find(&set, now) {
                match self.follow(entry, now) {
                    Some(known) => return known,
                    None => continue,
                }
            }
            let claimed = self.claim(purpose, now)?;
            if self.other_sets(purpose.owner, purpose.set, per_owner, now) >= per_owner {
                let _ = self.advance(claimed, Kind::Free);
                self.counters.count(Counter::OwnerLimit);
                return Err(SlotError::OwnerLimit);
            }
            let link = Link::Open(claimed.reference());
            match self.sets.insert(&set, Content::Cell(link.to_bits()), expires, now) {
                Ok(Inserted::New(entry)) => match self.promote(claimed, entry) {
                    Some(reference) => return Ok(reference),
                    // Others may have opened, filled and taken it meanwhile: the entry then remembers that, and is not
                    // ours to remove. The next round follows it.
                    None => continue,
                },
                Ok(Inserted::Known(_)) => {
                    let _ = self.advance(claimed, Kind::Free);
                }
                Err(error) => {
                    let _ = self.advance(claimed, Kind::Free);
                    if error == InsertError::Full {
                        self.counters.count(Counter::SetFull);
                    }
                    return Err(SlotError::Full);
                }
            }
        }
        self.counters.count(Counter::Contended);
        Err(SlotError::Full)
    }

    /// What an entry of the directory leads to; `None` if it led nowhere, or changed, and one should look again.
    fn follow(&self, entry: Entry, now: u64) -> Option<Result<SlotRef, SlotError>> {
        let link = self.sets.cell(entry.place).load(Acquire);
        if !self.sets.stands(entry) {
            return None;
        }
        match Link::from_bits(link)? {
            Link::Done(_) => Some(Err(SlotError::Done)),
            Link::Dead(_) => Some(Err(SlotError::Dead)),
            Link::Open(reference) => {
                let slot = self.named(reference).ok();
                match slot.map(|slot| (slot, slot.state.kind())) {
                    Some((slot, Kind::Open)) if !self.is_expired(slot, now) => Some(Ok(reference)),
                    Some((slot, Kind::Claimed)) => self.promote(slot, entry).map(Ok),
                    Some((slot, Kind::Done | Kind::Dead)) => {
                        self.bury(slot);
                        None
                    }
                    // Its opener was taken for dead before the set was in the directory.
                    _ => {
                        if self.sets.cell(entry.place).load(Acquire) == link {
                            self.sets.remove(entry);
                        }
                        None
                    }
                }
            }
        }
    }

    /// Opens a claimed slot whose set is in the directory. Its opener does this, or whoever finds the set.
    fn promote(&self, claimed: Slot, entry: Entry) -> Option<SlotRef> {
        let home = u64::from(self.sets.number(entry.place)) + 1;
        let word = self.home(claimed.index);
        // Whoever else opens it may have written the same before us, and not have moved the state on yet.
        let is_written = || untag(word.load(Acquire), claimed.tag()) == Some(home);
        if !self.write(claimed, word, home) && !is_written() && self.stands(claimed) {
            return None;
        }
        let slot = self.advance(claimed, Kind::Open).unwrap_or_else(|seen| seen);
        (slot == claimed.with(Kind::Open)).then_some(slot.reference())
    }

    /// Puts chunk `index` of `total` into an open set. Safe to call from any number of processes at once.
    ///
    /// # Errors
    /// [`SlotError::Index`], [`TotalChanged`](SlotError::TotalChanged), [`Conflict`](SlotError::Conflict),
    /// [`TooLarge`](SlotError::TooLarge) and, for more than [`BYTES_PER_OWNER`], [`OwnerLimit`](SlotError::OwnerLimit)
    /// end the set: it is dead until its expiry. [`Dead`](SlotError::Dead) and [`Done`](SlotError::Done) if it was
    /// before; [`Gone`](SlotError::Gone) if the reference is stale, in which case [`open`](Self::open) knows why.
    pub fn put(&self, set: SlotRef, index: u32, total: u32, bytes: &[u8], now: Timestamp) -> Result<Put, SlotError> {
        let now = claim::moment(now);
        let slot = self.opened(set)?;
        if self.is_expired(slot, now) {
            return Err(SlotError::Gone);
        }
        self.enter(slot, index, total, bytes, now)
            .inspect_err(|error| match error {
                SlotError::Index
                | SlotError::TotalChanged
                | SlotError::Conflict
                | SlotError::TooLarge
                | SlotError::OwnerLimit => self.end(slot),
                _ => {}
            })
    }

    /// [Opens](Self::open) a set and [puts](Self::put) a chunk into it; if the set was taken or ended in between, says
    /// so.
    ///
    /// # Errors
    /// Those of both.
    #[expect(clippy::too_many_arguments, reason = "one chunk has this many independent facts")]
    pub fn receive(
        &self,
        owner: &Key,
        id: &Key,
        index: u32,
        total: u32,
        bytes: &[u8],
        expires: Timestamp,
        now: Timestamp,
        per_owner: u32,
    ) -> Result<(SlotRef, Put), SlotError> {
        for _ in 0..OPEN_ATTEMPTS {
            let set = self.open(owner, id, expires, now, per_owner)?;
            match self.put(set, index, total, bytes, now) {
                Err(SlotError::Gone) => {}
                result => return result.map(|put| (set, put)),
            }
        }
        self.counters.count(Counter::Contended);
        Err(SlotError::Full)
    }

    /// Takes a complete message out: copies its bytes, in the chunks' order, to the front of `out` and returns their
    /// number. Of all that try exactly one gets it. What others have in `out` then is not to be used.
    ///
    /// A process that is killed before this returns may leave the message for another to take.
    ///
    /// # Errors
    /// [`SlotError::Incomplete`] and [`SlotError::ShortBuffer`] leave the set as it is; [`SlotError::Done`] if another
    /// was first; [`SlotError::TooLarge`] if racing chunks made it so, and [`SlotError::Dead`]; [`SlotError::Gone`].
    pub fn take(&self, set: SlotRef, out: &mut [u8]) -> Result<usize, SlotError> {
        let len = self.copy(set, out)?;
        self.finish(set).map(|()| len)
    }

    /// Copies a complete message as [`take`](Self::take) does, and leaves it there: to be [finished](Self::finish) once it has
    /// been dealt with, or to be copied again if it comes again.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn copy(&self, set: SlotRef, out: &mut [u8]) -> Result<usize, SlotError> {
        let slot = self.opened(set)?;
        let total = untag(self.total(slot.index).load(Acquire), slot.tag()).ok_or(SlotError::Gone)?;
        let mut len = 0_usize;
        for number in 1..=total.min(u64::from(MAX_CHUNKS)) as u32 {
            let extent = match self.extent(slot, number) {
                Some(extent) => extent,
                None if self.stands(slot) => return Err(SlotError::Incomplete),
                None => return Err(SlotError::Gone),
            };
            let end = len + extent.len as usize;
            if let Some(out) = out.get_mut(len..end)
                && !self.read_data(slot, extent, 0, out)
            {
                return Err(SlotError::Gone);
            }
            len = end;
        }
        if total == 0 {
            return Err(SlotError::Incomplete);
        }
        if len > self.slot_bytes() {
            self.end(slot);
            return Err(SlotError::TooLarge);
        }
        if len > out.len() {
            return Err(SlotError::ShortBuffer { needed: len as u32 });
        }
        match self.stands(slot) {
            true => Ok(len),
            false => Err(self.opened(set).err().unwrap_or(SlotError::Gone)),
        }
    }

    /// Ends a message that has been [copied](Self::copy): what comes of it again is late. Of all that try exactly one succeeds.
    ///
    /// # Errors
    /// [`SlotError::Done`] if another was first; [`SlotError::Dead`]; [`SlotError::Gone`].
    pub fn finish(&self, set: SlotRef) -> Result<(), SlotError> {
        let slot = self.opened(set)?;
        match self.advance(slot, Kind::Done) {
            Ok(done) => {
                self.bury(done);
                Ok(())
            }
            Err(_) => Err(self.opened(set).err().unwrap_or(SlotError::Gone)),
        }
    }

    fn opened(&self, set: SlotRef) -> Result<Slot, SlotError> {
        let slot = self.named(set)?;
        match slot.state.kind() {
            Kind::Open => Ok(slot),
            Kind::Done => Err(SlotError::Done),
            Kind::Dead => Err(SlotError::Dead),
            Kind::Free | Kind::Claimed | Kind::Stored => Err(SlotError::Gone),
        }
    }

    /// Ends a set by an error, unless it has ended otherwise meanwhile.
    fn end(&self, slot: Slot) {
        if let Ok(dead) = self.advance(slot, Kind::Dead) {
            self.counters.count(Counter::DeadSet);
            self.bury(dead);
        }
    }

    fn enter(&self, slot: Slot, index: u32, total: u32, bytes: &[u8], now: u64) -> Result<Put, SlotError> {
        if index == 0 || index > total || total > MAX_CHUNKS {
            return Err(SlotError::Index);
        }
        if bytes.len() > self.slot_bytes() {
            return Err(SlotError::TooLarge);
        }
        self.agree_on_total(slot, total)?;
        if let Some(extent) = self.extent(slot, index) {
            return self.compare(slot, total, extent, bytes);
        }
        let room = self.slot_bytes() as u64;
        if self.entered_bytes(slot) + bytes.len() as u64 > room {
            return Err(SlotError::TooLarge);
        }
        let extent = self.reserve(slot, bytes.len())?;
        if !self.write_data(slot, extent, bytes) {
            return Err(SlotError::Gone);
        }
        if let Some(other) = self.commit(slot, index, extent)? {
            self.give_back(slot, extent);
            return self.compare(slot, total, other, bytes);
        }
        // Judged again after the chunk was entered, so that of two that pass a limit together one at least notices.
        let complete = self.is_complete(slot, total);
        if self.entered_bytes(slot) > room {
            return Err(SlotError::TooLarge);
        }
        if self.owner_bytes(slot, now) > u64::from(BYTES_PER_OWNER) {
            self.counters.count(Counter::OwnerLimit);
            return Err(SlotError::OwnerLimit);
        }
        Ok(if complete { Put::Complete } else { Put::Stored })
    }

    fn agree_on_total(&self, slot: Slot, total: u32) -> Result<(), SlotError> {
        let word = self.total(slot.index);
        for _ in 0..ATTEMPTS {
            let seen = word.load(Acquire);
            if !self.stands(slot) {
                return Err(SlotError::Gone);
            }
            match untag(seen, slot.tag()).ok_or(SlotError::Gone)? {
                0 => {
                    let stated = tagged(slot.tag(), u64::from(total));
                    if word.compare_exchange(seen, stated, AcqRel, Relaxed).is_ok() {
                        return Ok(());
                    }
                }
                stated if stated == u64::from(total) => return Ok(()),
                _ => return Err(SlotError::TotalChanged),
            }
        }
        Err(SlotError::Gone)
    }

    /// Enters a chunk that has been copied; or finds another copy of it entered.
    fn commit(&self, slot: Slot, index: u32, extent: Extent) -> Result<Option<Extent>, SlotError> {
        let word = self.chunk(slot.index, index);
        let entered = tagged(slot.tag(), extent.to_payload());
        for _ in 0..ATTEMPTS {
            let seen = word.load(Acquire);
            if !self.stands(slot) {
                return Err(SlotError::Gone);
            }
            if let Some(other) = untag(seen, slot.tag()).and_then(Extent::from_payload) {
                return Ok(Some(other));
            }
            if word.compare_exchange(seen, entered, AcqRel, Relaxed).is_ok() {
                return Ok(None);
            }
        }
        Err(SlotError::Gone)
    }

    fn compare(&self, slot: Slot, total: u32, extent: Extent, bytes: &[u8]) -> Result<Put, SlotError> {
        if !self.holds(slot, extent, bytes).ok_or(SlotError::Gone)? {
            return Err(SlotError::Conflict);
        }
        Ok(if self.is_complete(slot, total) {
            Put::Complete
        } else {
            Put::Duplicate
        })
    }

    /// Whether all chunks are entered. The fence pairs with that of whoever enters another chunk at the same time: of
    /// the two that enter the last two, at least one sees both.
    fn is_complete(&self, slot: Slot, total: u32) -> bool {
        W::fence(SeqCst);
        (1..=total).all(|number| self.extent(slot, number).is_some())
    }
}
