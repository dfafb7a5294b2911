//! What the threads and forked worker processes of a host share: replay records, rates, seen fingerprints, the sounds
//! that calls have shown, and slots for messages in chunks; in one block of 64-bit atomic words that holds no pointer.
//!
//! The table decides nothing about envelopes, reads no clock, allocates nothing and makes no system call. It is not
//! persistent either: its contents are worth five minutes.
//!
//! # Promises
//!
//! - **Nobody is blocked.** There is no lock. No operation waits for another party; every one ends after a bounded
//!   number of steps. A process may be killed between any two instructions: what it was writing is recognised as
//!   unfinished and used anew, at the latest [`CLAIM_LIFETIME_MS`] later.
//! - **Nothing acknowledged is lost.** What a call has returned as recorded, stored or complete stays so for all other
//!   parties until it expires, whatever happens to the party that did it. Live entries are never evicted: a full table
//!   says so, and [counts](Table::stats) it.
//! - **Nothing is torn.** A reader gets a value as one party wrote it, or none. A party that sleeps for long between two
//!   instructions, and wakes when its place has gone to another, can do no harm: see the `claim` module.
//!
//! Memory orderings are argued where they are used; what the arguments leave open is explored by loom in this module's
//! tests.
//!
//! # Time
//!
//! Every operation takes the moment as an argument. An entry lives *through* its expiry (an envelope is stale only when
//! `now > notAfter + 5 s`). Parties may read their clocks a little apart. A clock that is set back keeps entries longer,
//! one that is set forward ends them earlier; neither breaks a promise above.

mod claim;
mod extent;
#[cfg(test)]
mod interleavings;
mod key;
mod layout;
mod outgoing;
mod rate;
mod reassembly;
mod replay;
mod slots;
mod sounds;
mod stats;
mod ways;
mod word;

use core::fmt;
use core::sync::atomic::AtomicU64;

pub use self::claim::CLAIM_LIFETIME_MS;
pub use self::key::{Domain, Key};
pub use self::layout::{Config, LayoutError, MAX_ENTRIES, MAX_SOUNDS};
pub use self::rate::{CLOCK_STEP_MS, MAX_PER_SECOND};
pub use self::reassembly::Put;
pub use self::replay::{Record, Recorded};
pub use self::slots::{
    BYTES_PER_OWNER, MAX_CHUNKS, MAX_OPEN_SETS_PER_OWNER, MAX_SLOT_BYTES, MAX_SLOTS, OPEN_SETS_PER_OWNER, SLOT_BYTES,
    SlotError, SlotRef, Slots, UNFINISHED_SET_MS,
};
pub use self::sounds::{Entered, SOUND_LEN, Sound};
pub use self::stats::Stats;
pub use self::ways::{WAYS, WAYS_IN_USE};
pub use self::word::Word;

use self::claim::moment;
use self::layout::Layout;
use self::sounds::Sounds;
use self::stats::{Counter, Counters};
use self::ways::{InsertError, Life, Ways};
use crate::time::Timestamp;

/// There is no room: the places where the key may lie are taken by live entries, or too many parties raced for them.
/// Answer 503; it has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull;

impl fmt::Display for TableFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared table is full of live entries; configure a larger one")
    }
}

impl core::error::Error for TableFull {}

/// A handle to the shared block. It owns nothing; copies, and handles of other threads and processes, are equal.
pub struct Table<'m, W = AtomicU64> {
    salt: [u8; 16],
    counters: Counters<'m, W>,
    replays: Ways<'m, W>,
    hashes: Ways<'m, W>,
    kids: Ways<'m, W>,
    peers: Ways<'m, W>,
    slots: Slots<'m, W>,
    sounds: Sounds<'m, W>,
}

impl<W> Clone for Table<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Table<'_, W> {}

impl<W> fmt::Debug for Table<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

impl<'m, W: Word> Table<'m, W> {
    /// Makes a table of the block, whatever it held. Nobody may use the block as a table meanwhile; parties that
    /// [attach](Self::attach) before this has ended are told that there is none.
    ///
    /// `salt` is 16 random bytes. It keeps peers from choosing where their identifiers land; it is not a secret that
    /// anything else hangs on. Starting the block on a cache line (64 bytes) is faster; 8 bytes are enough.
    ///
    /// # Errors
    /// [`LayoutError`], among them the [size](Config::words) that the block should have had.
    pub fn init(words: &'m [W], config: &Config, salt: [u8; 16]) -> Result<Self, LayoutError> {
        let layout = Layout::of(config, salt)?;
        layout.write(words)?;
        Ok(Self::over(words, layout))
    }

    /// A handle to a table that another party has made of the block.
    ///
    /// # Errors
    /// [`LayoutError`]; every place in the block is checked against its length here, once.
    pub fn attach(words: &'m [W]) -> Result<Self, LayoutError> {
        Layout::read(words).map(|layout| Self::over(words, layout))
    }

    /// INVARIANT: `words` is at least as long as the layout says, which `write` and `read` have checked.
    fn over(words: &'m [W], layout: Layout) -> Self {
        let config = layout.config;
        let counters = Counters::new(&words[layout.counters]);
        let array = |range, entries, has_value, life| {
            let (buckets, fields) = (layout::buckets(entries), ways::entry_words(has_value));
            Ways::new(&words[range], buckets, WAYS, fields, life, counters)
        };
        let sets = array(layout.sets, config.sets, false, Life::UntilExpiry);
        Self {
            salt: layout.salt,
            counters,
            replays: array(layout.replays, config.replays, true, Life::UntilExpiry),
            hashes: array(layout.hashes, config.hashes, true, Life::UntilExpiry),
            kids: array(layout.kids, config.kids, false, Life::WhileBusy),
            peers: array(layout.peers, config.peers, false, Life::WhileBusy),
            slots: Slots::new(
                &words[layout.slots],
                config.slots,
                config.slot_bytes,
                layout.salt,
                sets,
                counters,
            ),
            sounds: Sounds::new(&words[layout.sounds]),
        }
    }

    /// The key of a thing in this table: of the parts, each framed by its length, in a domain.
    pub fn key(&self, domain: Domain, parts: &[&[u8]]) -> Key {
        Key::new(self.salt, domain, parts)
    }

    /// What is recorded under a key and live. Wait-free; writes nothing.
    pub fn find(&self, key: &Key, now: Timestamp) -> Option<Record> {
        replay::find(self.records(key).0, key, moment(now))
    }

    /// Records a key through `expires`, unless it is recorded: of all that race for it exactly one is told
    /// [`Recorded::New`], and all others get that one's record. Keys of [`Domain::Fingerprint`] have room of their own.
    ///
    /// # Errors
    /// [`TableFull`]; nothing has been recorded then.
    pub fn record(&self, key: &Key, record: Record, expires: Timestamp, now: Timestamp) -> Result<Recorded, TableFull> {
        let (records, full) = self.records(key);
        replay::record(records, key, record, moment(expires), moment(now)).map_err(|error| self.refuse(error, full))
    }

    /// Charges one to the budget of a key, `per_second` (1 to [`MAX_PER_SECOND`], clamped) with bursts of as many;
    /// `false` if that is used up. Racing parties together never get more. Keys of [`Domain::Peer`] have room of their
    /// own, so that a flood of peers leaves the signing keys' budgets alone.
    ///
    /// # Errors
    /// [`TableFull`] if the key has no bucket and there is no room for one. A bucket can be used for another key one
    /// second after its last charge.
    pub fn charge(&self, key: &Key, per_second: u32, now: Timestamp) -> Result<bool, TableFull> {
        let (buckets, full) = match key.domain() {
            Domain::Peer => (&self.peers, Counter::PeerFull),
            _ => (&self.kids, Counter::KidFull),
        };
        rate::charge(buckets, key, per_second, moment(now)).map_err(|error| self.refuse(error, full))
    }

    /// Enters the sound of a call through `expires`. Unlike records sounds are alike and not equal: entering one twice takes two
    /// places. What is entered before [`Table::sounds`] is asked is seen by whoever enters later and asks then, or the other
    /// way round: of two that race, one sees the other at least.
    ///
    /// # Errors
    /// [`TableFull`]; then nothing has been entered.
    pub fn enter_sound(&self, sound: &Sound, expires: Timestamp, now: Timestamp) -> Result<Entered, TableFull> {
        let entered = self.sounds.enter(sound, moment(expires), moment(now));
        entered.ok_or_else(|| self.refuse(InsertError::Full, Counter::SoundFull))
    }

    /// Takes back what [`Table::enter_sound`] entered.
    pub fn withdraw_sound(&self, entered: Entered) {
        self.sounds.withdraw(entered);
    }

    /// The sounds that are live. Wait-free; writes nothing.
    pub fn sounds(&self, now: Timestamp) -> impl Iterator<Item = Sound> + use<'m, W> {
        self.sounds.live(moment(now))
    }

    /// The slots for messages in chunks, and for messages to be sent.
    pub fn slots(&self) -> Slots<'m, W> {
        self.slots
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    fn records(&self, key: &Key) -> (&Ways<'m, W>, Counter) {
        match key.domain() {
            Domain::Fingerprint => (&self.hashes, Counter::HashFull),
            _ => (&self.replays, Counter::ReplayFull),
        }
    }

    fn refuse(&self, error: InsertError, full: Counter) -> TableFull {
        if error == InsertError::Full {
            self.counters.count(full);
        }
        TableFull
    }
}
