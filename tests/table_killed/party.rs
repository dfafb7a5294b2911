//! The counting word, the ways to die and to sleep, and the table that the tests share.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use ohp::table::{CLAIM_LIFETIME_MS, Config, Domain, Key, Record, Recorded, Table, WAYS, Word};
use ohp::time::Timestamp;

pub enum Fate {
    Killed,
    Asleep(Box<dyn FnOnce()>),
}

thread_local! {
    /// What happens to the party that runs now, and after how many accesses.
    static FATE: RefCell<Option<(usize, Fate)>> = const { RefCell::new(None) };
}

pub struct Counted(AtomicU64);

impl Counted {
    fn access(&self) -> &AtomicU64 {
        let due = FATE.with_borrow_mut(|fate| match fate {
            Some((0, _)) => fate.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        });
        match due {
            Some((_, Fate::Killed)) => resume_unwind(Box::new("killed")),
            Some((_, Fate::Asleep(meanwhile))) => meanwhile(),
            None => {}
        }
        &self.0
    }
}

impl Word for Counted {
    fn load(&self, order: Ordering) -> u64 {
        self.access().load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.access().store(value, order);
    }

    fn compare_exchange(&self, current: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        self.access().compare_exchange(current, new, success, failure)
    }

    fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.access().fetch_add(value, order)
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

pub type T = Table<'static, Counted>;

/// Runs a party that is killed before its access `after`; `None` if it was.
pub fn killed_after<R>(after: usize, party: impl FnOnce() -> R) -> Option<R> {
    FATE.set(Some((after, Fate::Killed)));
    let result = catch_unwind(AssertUnwindSafe(party));
    FATE.set(None);
    match result {
        Ok(result) => Some(result),
        Err(payload) if payload.downcast_ref::<&str>() == Some(&"killed") => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Runs a party that sleeps before its access `after` while `meanwhile` runs; returns the results of both. `None` for
/// the latter if the party was done before.
pub fn asleep_after<R, M: 'static>(
    after: usize,
    party: impl FnOnce() -> R,
    meanwhile: impl FnOnce() -> M + 'static,
) -> (R, Option<M>) {
    let others = Rc::new(RefCell::new(None));
    let theirs = Rc::clone(&others);
    FATE.set(Some((
        after,
        Fate::Asleep(Box::new(move || *theirs.borrow_mut() = Some(meanwhile()))),
    )));
    let result = party();
    FATE.set(None);
    let others = others.borrow_mut().take();
    (result, others)
}

pub const NOW: Timestamp = Timestamp::from_millis(1_779_975_731_250);
pub const LATER: Timestamp = NOW.plus(305_000);
/// When claims made `NOW` are stale.
pub const STALE: Timestamp = NOW.plus(CLAIM_LIFETIME_MS as i64 + 1);
pub const CONFIG: Config = Config {
    replays: 1,
    hashes: 1,
    kids: 1,
    peers: 1,
    sets: 1,
    slots: 1,
    slot_bytes: 256,
    sounds: 16,
};
/// Places of an array that is configured for one entry.
pub const PLACES: u64 = 2 * WAYS as u64;

/// A block that every round of a test initialises anew.
pub struct Block(pub &'static [Counted]);

impl Block {
    pub fn new(config: &Config) -> Self {
        let words = (0..config.words().unwrap()).map(|_| Counted(AtomicU64::new(0)));
        Self(Box::leak(words.collect()))
    }

    pub fn table(&self, config: &Config) -> T {
        Table::init(self.0, config, [3; 16]).unwrap()
    }
}

pub fn id(table: T, number: u64) -> Key {
    table.key(Domain::EnvelopeId, &[&number.to_le_bytes()])
}

pub fn value(number: u64) -> Record {
    Record {
        surface: (number, !number),
        call: number << 32 | number,
    }
}

pub fn record(table: T, number: u64, party: u64, now: Timestamp) -> Option<Recorded> {
    table.record(&id(table, number), value(party), LATER, now).ok()
}

/// Records identifiers from `numbers` until there is no room, and returns how many there was room for.
pub fn fill(table: T, numbers: std::ops::Range<u64>, now: Timestamp) -> u64 {
    numbers
        .filter(|number| record(table, *number, *number, now) == Some(Recorded::New))
        .count() as u64
}
