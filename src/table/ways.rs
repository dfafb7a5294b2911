//! A set-associative array in which of any number of racing parties exactly one enters a key.
//!
//! Every key has two buckets of [`WAYS`] entries each and may lie in any of them; a new one goes to the emptier bucket.
//! This is not a general map: nothing grows, nothing moves, and an entry that is in use is never evicted.
//!
//! # An entry's life
//!
//! An entry's state word holds its kind, its generation and a moment:
//!
//! ```text
//! FREE ──claim──► CLAIMED(now) ──publish──► PENDING(expires) ──promote──► LIVE(expires)
//!   ▲                │ dead for             │ withdrawn, or                │ expired: claimed
//!   └────────────────┘ CLAIM_LIFETIME_MS    └──► FREE  knocked out         └──► CLAIMED, next generation
//! ```
//!
//! The words of the entry are written while it is CLAIMED (see [`super::claim`]); from PENDING on they are complete.
//! Only LIVE entries count as recorded.
//!
//! # Why exactly one wins
//!
//! An entry becomes LIVE only by the hand of a party that has (1) seen it PENDING, (2) passed a sequentially consistent
//! fence, (3) looked at every other place where the key may lie, finding neither a LIVE nor a PENDING entry of the same
//! key, or having knocked out (PENDING to FREE, by compare-and-exchange) each PENDING one of a higher place and having
//! left the field to one of a lower place. Take two entries that were both made LIVE, and their promoters' fences in
//! the order that all fences have. The later promoter looked after its fence, so it saw the other entry, which had been
//! PENDING before the earlier fence: either it knocked that entry out, and it never became LIVE, or it did not promote
//! its own. The lowest place wins, so nobody waits for anybody; and any party can finish what a killed one has left
//! PENDING.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

use super::claim::{self, PAYLOAD, tagged, untag, write_claimed};
use super::key::Key;
use super::stats::{Counter, Counters};
use super::word::Word;

/// Entries in a bucket.
pub const WAYS: u32 = 16;
/// Entries of a bucket that are counted on when an array is sized; the rest are room for chance. With two choices of 16
/// ways, 2,000 arrays filled with 100,000 random keys each met their first full neighbourhood at a load of 0.84 or later
/// (0.87 on average); filled to 10 of 16, none had more than 13 entries in any bucket.
pub const WAYS_IN_USE: u32 = 10;

/// Rounds of one operation. Every further round means that another party has succeeded meanwhile. The number is ours: more
/// than the threads and processes that meet at one key in the hosts that this is for, of which a call has a few at a time.
const ATTEMPTS: usize = 64;

/// Looks at one rival; see [`Ways::confront`]. The number is ours, and follows from a rival's life: it is seen PENDING, then
/// LIVE or gone, and a fourth look is for one that has been claimed anew meanwhile.
const CONFRONTATIONS: usize = 4;

/// Words of an entry that a look at its bucket may read: its state and the first word of its key.
const SCANNED_FIELDS: u32 = 2;
/// Words of the key in an entry.
const KEY_FIELDS: usize = 3;
/// Words of the value in an entry that has one.
pub(super) const VALUE_FIELDS: usize = 4;

/// How long an entry is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Through the moment it was entered with.
    UntilExpiry,
    /// As long as its cell is neither closed nor idle, by the rules of [`super::rate`].
    WhileBusy,
}

/// What an entry holds besides its key.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// Four 48-bit payloads that never change.
    Value([u64; VALUE_FIELDS]),
    /// One word that changes while the entry is LIVE.
    Cell(u64),
}

/// Kind, generation and moment of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Free,
    Claimed,
    Pending,
    Live,
}

impl State {
    fn new(kind: Kind, generation: u16, time: u64) -> Self {
        Self(kind as u64 | u64::from(generation) << 3 | time << 19)
    }

    fn kind(self) -> Kind {
        match self.0 & 7 {
            1 => Kind::Claimed,
            2 => Kind::Pending,
            3 => Kind::Live,
            _ => Kind::Free,
        }
    }

    /// Whether an entry in this state has all its words.
    fn is_complete(self) -> bool {
        matches!(self.kind(), Kind::Pending | Kind::Live)
    }

    fn generation(self) -> u16 {
        (self.0 >> 3 & 0xffff) as u16
    }

    fn time(self) -> u64 {
        self.0 >> 19
    }

    fn with(self, kind: Kind) -> Self {
        Self::new(kind, self.generation(), self.time())
    }

    fn freed(self) -> Self {
        Self::new(Kind::Free, self.generation(), 0)
    }
}

/// Where an entry lies; ordered as the entries do. Two numbers instead of one, because it takes a division to get them
/// back out of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    bucket: u32,
    way: u32,
}

/// An entry, and the state it was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    state: State,
}

/// What a look at a key's two buckets found.
enum Look {
    Live(Entry),
    Pending(Entry),
    Absent { free: Option<Entry> },
}

/// What a place holds against an entry that is to become LIVE.
enum Rival {
    /// Nothing, or nothing any more.
    Gone,
    /// A LIVE entry of the same key.
    Won,
    /// A PENDING entry of the same key and a lower place.
    Lower(Entry),
    /// Others changed it in every attempt.
    Unresolved,
}

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// The entry is this caller's.
    New(Entry),
    /// Another one's entry of this key is there.
    Known(Entry),
}

/// Why nothing was inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InsertError {
    /// Both buckets are full of entries in use.
    Full,
    /// Others won every round.
    Contended,
}

/// The array.
pub(super) struct Ways<'m, W> {
    words: &'m [W],
    buckets: u32,
    ways: u32,
    fields: u32,
    life: Life,
    counters: Counters<'m, W>,
}

impl<W> Clone for Ways<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Ways<'_, W> {}

/// Words of an entry with this content, its state included.
pub(super) const fn entry_words(has_value: bool) -> u32 {
    1 + KEY_FIELDS as u32 + if has_value { VALUE_FIELDS as u32 } else { 1 }
}

impl<'m, W: Word> Ways<'m, W> {
    /// An array over exactly `buckets` × `ways` × `fields` words, all of them zero when the block was initialised.
    /// `fields` is an [`entry_words`].
    pub(super) fn new(
        words: &'m [W],
        buckets: u32,
        ways: u32,
        fields: u32,
        life: Life,
        counters: Counters<'m, W>,
    ) -> Self {
        Self {
            words,
            buckets,
            ways,
            fields,
            life,
            counters,
        }
    }

    /// A place as a number, to be kept outside of the array.
    pub(super) fn number(&self, place: Place) -> u32 {
        place.bucket * self.ways + place.way
    }

    /// The place of that [`number`](Self::number), if there is one.
    pub(super) fn place(&self, number: u32) -> Option<Place> {
        let place = Place {
            bucket: number / self.ways,
            way: number % self.ways,
        };
        (place.bucket < self.buckets).then_some(place)
    }

    /// A word of an entry. What a look at a bucket reads lies side by side for all its ways: the states, then the first
    /// words of the keys. The other words of an entry follow together.
    #[inline]
    fn word(&self, Place { bucket, way }: Place, field: u32) -> &'m W {
        let within = match field.checked_sub(SCANNED_FIELDS) {
            None => field * self.ways + way,
            Some(rest) => SCANNED_FIELDS * self.ways + way * (self.fields - SCANNED_FIELDS) + rest,
        };
        &self.words[bucket as usize * (self.fields * self.ways) as usize + within as usize]
    }

    fn state(&self, place: Place) -> &'m W {
        self.word(place, 0)
    }

    /// The word that changes while the entry lives.
    pub(super) fn cell(&self, place: Place) -> &'m W {
        self.word(place, 1 + KEY_FIELDS as u32)
    }

    /// Whether the entry is still in the state it was seen in. After an acquire load of one of its words, `true` means
    /// that the word was not written by a later generation.
    pub(super) fn stands(&self, entry: Entry) -> bool {
        self.state(entry.place).load(Relaxed) == entry.state.0
    }

    /// The two buckets of a key; the same one twice only if there is just one.
    fn homes(&self, key: &Key) -> [u32; 2] {
        let reduce = |hash: u64| ((u128::from(hash) * u128::from(self.buckets)) >> 64) as u32;
        let (high, low) = key.words();
        let (first, second) = (reduce(high), reduce(low));
        if first == second {
            [first, (first + 1) % self.buckets]
        } else {
            [first, second]
        }
    }

    /// The state words of each bucket where the key may lie.
    fn neighbourhood(&self, key: &Key) -> [(u32, &'m [W]); 2] {
        let [first, second] = self.homes(key);
        let in_second = if first == second { &[] } else { self.states(second) };
        [(first, self.states(first)), (second, in_second)]
    }

    fn states(&self, bucket: u32) -> &'m [W] {
        let start = bucket as usize * (self.fields * self.ways) as usize;
        &self.words[start..start + self.ways as usize]
    }

    /// Whether a complete entry is of this key. Relaxed: the state was read with acquire, and a word of a later
    /// generation has another tag.
    fn is_of(&self, place: Place, state: State, key: &[u64; KEY_FIELDS]) -> bool {
        (1..)
            .zip(key)
            .all(|(field, payload)| self.word(place, field).load(Relaxed) == tagged(state.generation(), *payload))
    }

    /// Whether a PENDING or LIVE entry still stands for its key.
    fn is_present(&self, place: Place, state: State, now: u64) -> bool {
        match self.life {
            Life::UntilExpiry => now <= state.time(),
            Life::WhileBusy => state.kind() == Kind::Pending || !super::rate::is_closed(self.cell(place).load(Acquire)),
        }
    }

    /// Whether an entry may be claimed.
    fn is_reusable(&self, place: Place, state: State, now: u64) -> bool {
        match (state.kind(), self.life) {
            (Kind::Free, _) => true,
            (Kind::Claimed, _) => claim::is_stale(state.time(), now, u64::MAX >> 19),
            (Kind::Live, Life::WhileBusy) => super::rate::is_idle(self.cell(place).load(Acquire), now),
            (Kind::Pending | Kind::Live, _) => now > state.time(),
        }
    }

    fn look(&self, key: &Key, payload: &[u64; KEY_FIELDS], now: u64) -> Look {
        let (mut pending, mut free, mut busy) = (None, [None; 2], [0; 2]);
        for (side, (bucket, states)) in self.neighbourhood(key).into_iter().enumerate() {
            for (way, word) in (0..).zip(states) {
                let place = Place { bucket, way };
                let state = State(word.load(Acquire));
                let entry = Entry { place, state };
                if state.is_complete() && self.is_of(place, state, payload) && self.is_present(place, state, now) {
                    if state.kind() == Kind::Live {
                        return Look::Live(entry);
                    }
                    pending = pending.or(Some(entry));
                }
                if self.is_reusable(place, state, now) {
                    free[side] = free[side].or(Some(entry));
                } else {
                    busy[side] += 1;
                }
            }
        }
        match pending {
            Some(entry) => Look::Pending(entry),
            None => Look::Absent {
                free: if busy[0] <= busy[1] {
                    free[0].or(free[1])
                } else {
                    free[1].or(free[0])
                },
            },
        }
    }

    /// The LIVE entry of a key. Wait-free, and it writes nothing.
    pub(super) fn find(&self, key: &Key, now: u64) -> Option<Entry> {
        let payload = key.payloads();
        for (bucket, states) in self.neighbourhood(key) {
            for (way, word) in (0..).zip(states) {
                let place = Place { bucket, way };
                let state = State(word.load(Acquire));
                if state.kind() == Kind::Live
                    && self.is_of(place, state, &payload)
                    && self.is_present(place, state, now)
                {
                    return Some(Entry { place, state });
                }
            }
        }
        None
    }

    /// The value of an entry; `None` if the entry has been claimed anew since it was found, which it is not before it
    /// has expired.
    pub(super) fn value(&self, entry: Entry) -> Option<[u64; VALUE_FIELDS]> {
        let mut value = [0; VALUE_FIELDS];
        for (field, payload) in (1 + KEY_FIELDS as u32..).zip(&mut value) {
            *payload = untag(self.word(entry.place, field).load(Relaxed), entry.state.generation())?;
        }
        Some(value)
    }

    /// Enters a key unless it is there, or finds the entry that is.
    ///
    /// # Errors
    /// [`InsertError`]; nothing has been entered then.
    pub(super) fn insert(&self, key: &Key, content: Content, expires: u64, now: u64) -> Result<Inserted, InsertError> {
        let payload = key.payloads();
        for _ in 0..ATTEMPTS {
            let free = match self.look(key, &payload, now) {
                Look::Live(entry) => return Ok(Inserted::Known(entry)),
                Look::Pending(entry) => {
                    self.settle(key, &payload, entry, now);
                    continue;
                }
                Look::Absent { free } => free.ok_or(InsertError::Full)?,
            };
            let Some(claimed) = self.claim(free, now) else { continue };
            if !self.fill(claimed, &payload, content) {
                self.remove(claimed);
                continue;
            }
            let pending = State::new(Kind::Pending, claimed.state.generation(), expires);
            let Some(pending) = self.advance(claimed, pending) else {
                continue;
            };
            self.settle(key, &payload, pending, now);
            // Either a settler made the entry LIVE, or it is out of the race: it is then withdrawn, if nobody has
            // done that already.
            let live = pending.state.with(Kind::Live);
            match self.exchange(pending, pending.state.freed()) {
                Err(seen) if seen == live => {
                    return Ok(Inserted::New(Entry { state: live, ..pending }));
                }
                _ => {}
            }
        }
        self.counters.count(Counter::Contended);
        Err(InsertError::Contended)
    }

    /// Frees an entry, if it is still as it was seen.
    pub(super) fn remove(&self, entry: Entry) {
        let _ = self.exchange(entry, entry.state.freed());
    }

    fn exchange(&self, entry: Entry, new: State) -> Result<(), State> {
        self.state(entry.place)
            .compare_exchange(entry.state.0, new.0, AcqRel, Acquire)
            .map(|_| ())
            .map_err(State)
    }

    fn advance(&self, entry: Entry, new: State) -> Option<Entry> {
        self.exchange(entry, new).ok().map(|()| Entry { state: new, ..entry })
    }

    /// Claims a reusable entry for the next generation.
    fn claim(&self, free: Entry, now: u64) -> Option<Entry> {
        if free.state.kind() == Kind::Live && self.life == Life::WhileBusy && !self.close(free, now) {
            return None;
        }
        let next = State::new(Kind::Claimed, free.state.generation().wrapping_add(1), now);
        let claimed = self.advance(free, next)?;
        if free.state.kind() == Kind::Claimed {
            self.counters.count(Counter::Reclaimed);
        }
        Some(claimed)
    }

    /// Closes the cell of an idle entry, so that no party that found the entry earlier can still charge it.
    fn close(&self, idle: Entry, now: u64) -> bool {
        let cell = self.cell(idle.place);
        let seen = cell.load(Acquire);
        if super::rate::is_closed(seen) {
            return true;
        }
        let closed = super::rate::closed(idle.state.generation());
        self.stands(idle)
            && super::rate::is_idle(seen, now)
            && cell.compare_exchange(seen, closed, AcqRel, Relaxed).is_ok()
    }

    /// Writes the words of a claimed entry. `false`: the claim was lost.
    fn fill(&self, claimed: Entry, key: &[u64; KEY_FIELDS], content: Content) -> bool {
        let held = || self.stands(claimed);
        let tag = |payload: &u64| tagged(claimed.state.generation(), *payload & PAYLOAD);
        let write = |(field, payload)| write_claimed(self.word(claimed.place, field), tag(payload), held);
        (1..).zip(key).all(write)
            && match content {
                Content::Value(value) => (1 + KEY_FIELDS as u32..).zip(&value).all(write),
                Content::Cell(cell) => write_claimed(self.cell(claimed.place), cell, held),
            }
    }

    /// Brings the race for a key to an end, beginning with an entry that was seen PENDING: afterwards that entry is
    /// LIVE, or FREE, or another one of the key is or was LIVE. The module's documentation says why this is right.
    fn settle(&self, key: &Key, payload: &[u64; KEY_FIELDS], seen_pending: Entry, now: u64) {
        let mut target = seen_pending;
        // Every further round has a target of a lower place.
        for _ in 0..=2 * self.ways {
            W::fence(SeqCst);
            let lower = self.lower_rival(key, payload, target, now);
            match lower {
                Some(Ok(rival)) => target = rival,
                Some(Err(())) => {
                    let _ = self.exchange(target, target.state.freed());
                    return;
                }
                None => {
                    let _ = self.exchange(target, target.state.with(Kind::Live));
                    return;
                }
            }
        }
    }

    /// The PENDING entry of a lower place that `target` has to leave the field to; an error where it has lost to a LIVE
    /// one, or to the races of others.
    fn lower_rival(
        &self,
        key: &Key,
        payload: &[u64; KEY_FIELDS],
        target: Entry,
        now: u64,
    ) -> Option<Result<Entry, ()>> {
        for (bucket, states) in self.neighbourhood(key) {
            for (way, word) in (0..).zip(states) {
                let place = Place { bucket, way };
                let state = State(word.load(Acquire));
                if !state.is_complete() || place == target.place {
                    continue;
                }
                match self.confront(Entry { place, state }, target, payload, now) {
                    Rival::Gone => {}
                    Rival::Lower(rival) => return Some(Ok(rival)),
                    Rival::Won | Rival::Unresolved => return Some(Err(())),
                }
            }
        }
        None
    }

    /// What stands at a place against making `target` LIVE, after knocking it out if that is `target`'s right.
    fn confront(&self, seen: Entry, target: Entry, payload: &[u64; KEY_FIELDS], now: u64) -> Rival {
        let Entry { place, mut state } = seen;
        // An entry seen PENDING is LIVE or gone when it is looked at again, unless it has been claimed anew.
        for _ in 0..CONFRONTATIONS {
            if !state.is_complete() || !self.is_of(place, state, payload) || !self.is_present(place, state, now) {
                return Rival::Gone;
            }
            let rival = Entry { place, state };
            if state.kind() == Kind::Live {
                return Rival::Won;
            }
            if place < target.place {
                return Rival::Lower(rival);
            }
            match self.exchange(rival, state.freed()) {
                Ok(()) => return Rival::Gone,
                Err(seen) => state = seen,
            }
        }
        Rival::Unresolved
    }
}

#[cfg(test)]
impl<W: Word> Ways<'_, W> {
    /// Does to the highest free place what a party does that is killed right after publishing its entry.
    pub(super) fn leave_pending(&self, key: &Key, number: u64, expires: u64, now: u64) {
        let record = super::replay::Record {
            surface: (number, !number),
            call: number << 32 | number,
        };
        let place = self.place(self.buckets * self.ways - 1).unwrap();
        let state = State(self.state(place).load(Acquire));
        let claimed = self.claim(Entry { place, state }, now).unwrap();
        assert!(self.fill(claimed, &key.payloads(), record.content()));
        let pending = State::new(Kind::Pending, claimed.state.generation(), expires);
        assert!(self.advance(claimed, pending).is_some());
    }
}
