//! A party is killed, or falls asleep for longer than its claims live, before each one of its accesses to the table in
//! turn; others go on.
//!
//! The table's word is a trait, so these tests bring a word that counts accesses. A killed party unwinds out of the
//! table, which leaves the words exactly as SIGKILL would: the table has no destructors. A sleeping party runs what the
//! others do in the meantime, then goes on. Real processes and real signals are in `table_processes.rs`.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use ohp::table::{
    CLAIM_LIFETIME_MS, Config, Domain, Key, Put, Record, Recorded, SlotError, SlotRef, Table, WAYS, Word,
};
use ohp::time::Timestamp;

enum Fate {
    Killed,
    Asleep(Box<dyn FnOnce()>),
}

thread_local! {
    /// What happens to the party that runs now, and after how many accesses.
    static FATE: RefCell<Option<(usize, Fate)>> = const { RefCell::new(None) };
}

struct Counted(AtomicU64);

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

type T = Table<'static, Counted>;

/// Runs a party that is killed before its access `after`; `None` if it was.
fn killed_after<R>(after: usize, party: impl FnOnce() -> R) -> Option<R> {
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
fn asleep_after<R, M: 'static>(
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

const NOW: Timestamp = Timestamp::from_millis(1_779_975_731_250);
const LATER: Timestamp = NOW.plus(305_000);
/// When claims made `NOW` are stale.
const STALE: Timestamp = NOW.plus(CLAIM_LIFETIME_MS as i64 + 1);
const CONFIG: Config = Config {
    replays: 1,
    hashes: 1,
    kids: 1,
    peers: 1,
    sets: 1,
    slots: 1,
    slot_bytes: 256,
};
/// Places of an array that is configured for one entry.
const PLACES: u64 = 2 * WAYS as u64;

/// A block that every round of a test initialises anew.
struct Block(&'static [Counted]);

impl Block {
    fn new(config: &Config) -> Self {
        let words = (0..config.words().unwrap()).map(|_| Counted(AtomicU64::new(0)));
        Self(Box::leak(words.collect()))
    }

    fn table(&self, config: &Config) -> T {
        Table::init(self.0, config, [3; 16]).unwrap()
    }
}

fn id(table: T, number: u64) -> Key {
    table.key(Domain::EnvelopeId, &[&number.to_le_bytes()])
}

fn value(number: u64) -> Record {
    Record {
        surface: (number, !number),
        call: number << 32 | number,
    }
}

fn record(table: T, number: u64, party: u64, now: Timestamp) -> Option<Recorded> {
    table.record(&id(table, number), value(party), LATER, now).ok()
}

/// Records identifiers from `numbers` until there is no room, and returns how many there was room for.
fn fill(table: T, numbers: std::ops::Range<u64>, now: Timestamp) -> u64 {
    numbers
        .filter(|number| record(table, *number, *number, now) == Some(Recorded::New))
        .count() as u64
}

#[test]
fn a_recorder_that_is_killed_blocks_nobody_and_takes_no_place_for_good() {
    let block = Block::new(&CONFIG);
    let mut killed = 0;
    for after in 0.. {
        let table = block.table(&CONFIG);
        assert_eq!(fill(table, 100..110, NOW), 10);
        if killed_after(after, || record(table, 1, 1, NOW)).is_some() {
            break;
        }
        killed += 1;
        // At once, for the same identifier and for others.
        let second = record(table, 1, 2, NOW);
        assert!(
            [Some(Recorded::New), Some(Recorded::Known(value(1)))].contains(&second),
            "{after}: {second:?}"
        );
        let known = table.find(&id(table, 1), NOW);
        assert_eq!(record(table, 1, 3, NOW), known.map(Recorded::Known), "{after}");
        // After a claim's lifetime every place is there again.
        assert_eq!(fill(table, 200..300, STALE), PLACES - 11, "{after}");
        assert_eq!(table.find(&id(table, 1), STALE), known);
        assert!((100..110).all(|number| table.find(&id(table, number), STALE) == Some(value(number))));
    }
    assert!(killed > 60, "{killed}");
}

#[test]
fn a_recorder_that_slept_changes_nothing_of_what_others_recorded_meanwhile() {
    let block = Block::new(&CONFIG);
    for taken in [0, PLACES - 1] {
        for after in 0.. {
            let table = block.table(&CONFIG);
            assert_eq!(fill(table, 100..100 + taken, NOW), taken);
            let others = move || {
                (
                    record(table, 1, 2, STALE),
                    record(table, 2, 2, STALE),
                    record(table, 3, 3, STALE),
                )
            };
            let (mine, others) = asleep_after(after, || record(table, 1, 1, NOW), others);
            let Some((same, second, third)) = others else { break };
            let firsts = [mine, same]
                .iter()
                .filter(|result| **result == Some(Recorded::New))
                .count();
            let winner = table.find(&id(table, 1), STALE);
            match (mine, same) {
                (Some(Recorded::New), Some(Recorded::Known(known))) => {
                    assert_eq!((known, winner), (value(1), Some(value(1))), "{after}");
                }
                (Some(Recorded::Known(known)), Some(Recorded::New)) => {
                    assert_eq!((known, winner), (value(2), Some(value(2))), "{after}");
                }
                // No room for a second one.
                (Some(Recorded::New), None) | (None, Some(Recorded::New)) if taken > 0 => assert_eq!(firsts, 1),
                results => panic!("{after}: {results:?}"),
            }
            for (number, result) in [(2, second), (3, third)] {
                assert_eq!(
                    table.find(&id(table, number), STALE),
                    result.map(|_| value(number)),
                    "{after}"
                );
            }
            assert!((100..100 + taken).all(|number| table.find(&id(table, number), STALE) == Some(value(number))));
            assert_eq!(fill(table, 200..300, STALE.plus(2_000)) > 0, taken == 0, "{after}");
        }
    }
}

#[test]
fn one_recorder_sleeps_while_another_is_killed_and_a_third_records() {
    let block = Block::new(&CONFIG);
    'sleep: for slept in 0.. {
        for killed in 0.. {
            let table = block.table(&CONFIG);
            assert_eq!(fill(table, 100..100 + PLACES - 2, NOW), PLACES - 2);
            let others = move || {
                let second = killed_after(killed, || record(table, 1, 2, STALE));
                (second, record(table, 1, 3, STALE.plus(2_000)))
            };
            let (mine, others) = asleep_after(slept, || record(table, 1, 1, NOW), others);
            let Some((second, third)) = others else { break 'sleep };
            let winner = table.find(&id(table, 1), STALE);
            let results = [mine, second.unwrap_or_default(), third];
            let firsts = results.iter().filter(|result| **result == Some(Recorded::New)).count();
            // The killed one may have been first.
            assert!(
                firsts == 1 || firsts == 0 && second.is_none() && winner == Some(value(2)),
                "{results:?}"
            );
            assert!(
                results.iter().all(|result| match result {
                    Some(Recorded::Known(known)) => Some(*known) == winner,
                    _ => true,
                }),
                "{slept}, {killed}: {results:?}, {winner:?}"
            );
            if second.is_some() {
                break;
            }
        }
    }
}

fn charge(table: T, number: u64, now: Timestamp) -> bool {
    table
        .charge(&table.key(Domain::Kid, &[&number.to_le_bytes()]), 5, now)
        .unwrap_or_default()
}

#[test]
fn a_charger_that_is_killed_spends_at_most_its_own_token() {
    let block = Block::new(&CONFIG);
    for before in [0, 1, 3] {
        for after in 0.. {
            let table = block.table(&CONFIG);
            assert!((0..before).all(|_| charge(table, 1, NOW)));
            let done = killed_after(after, || charge(table, 1, NOW));
            let allowed = (0..10).filter(|_| charge(table, 1, NOW)).count();
            if done.is_some() {
                assert_eq!(allowed, 4 - before);
                break;
            }
            assert!((4 - before..=5 - before).contains(&allowed), "{after}: {allowed}");
            // Its bucket serves others once it is idle.
            let allowed = (10..100).filter(|number| charge(table, *number, STALE)).count() as u64;
            assert_eq!(allowed, PLACES, "{after}");
        }
    }
}

#[test]
fn a_charger_that_slept_charges_nobody_elses_bucket() {
    let block = Block::new(&CONFIG);
    for after in 0.. {
        let table = block.table(&CONFIG);
        assert!(charge(table, 1, NOW));
        // Meanwhile every bucket, that one too, serves others.
        let others = move || {
            let used = (10..10 + PLACES).filter(|number| charge(table, *number, STALE)).count() as u64;
            assert!(used >= PLACES - 1);
            used
        };
        let (_, used) = asleep_after(after, || charge(table, 1, NOW), others);
        if used.is_none() {
            break;
        }
        let left = (10..10 + PLACES).map(|number| (0..9).filter(|_| charge(table, number, STALE)).count());
        assert!(
            left.into_iter().filter(|left| *left == 4).count() as u64 >= PLACES - 1,
            "{after}"
        );
    }
}

const TWO_SLOTS: Config = Config { slots: 2, ..CONFIG };

fn receive(table: T, set: u64, index: u32, bytes: &[u8], now: Timestamp) -> Result<(SlotRef, Put), SlotError> {
    let owner = table.key(Domain::Call, &[b"call"]);
    let id = table.key(Domain::Message, &[&set.to_le_bytes()]);
    table.slots().receive(&owner, &id, index, 3, bytes, LATER, now, 4)
}

/// Completes the set, if need be, and takes it.
fn finish(table: T, set: u64, now: Timestamp) -> Result<Vec<u8>, SlotError> {
    let mut last = Put::Stored;
    let mut slot = None;
    for (index, bytes) in (1..).zip(PARTS) {
        let (at, put) = receive(table, set, index, bytes, now)?;
        (slot, last) = (Some(at), put);
    }
    assert_eq!(last, Put::Complete);
    let mut out = vec![0; 256];
    let len = table.slots().take(slot.unwrap(), &mut out)?;
    out.truncate(len);
    Ok(out)
}

const PARTS: [&[u8]; 3] = [
    b"the first chunk of three, ",
    b"the second one, ",
    b"and the third: done.",
];

fn whole() -> Vec<u8> {
    PARTS.concat()
}

#[test]
fn a_receiver_that_is_killed_loses_no_acknowledged_chunk_and_blocks_nobody() {
    let block = Block::new(&TWO_SLOTS);
    for chunk in 1..=3 {
        for after in 0.. {
            let table = block.table(&TWO_SLOTS);
            for earlier in 1..chunk {
                assert_eq!(
                    receive(table, 1, earlier, PARTS[earlier as usize - 1], NOW).unwrap().1,
                    Put::Stored
                );
            }
            let done = killed_after(after, || receive(table, 1, chunk, PARTS[chunk as usize - 1], NOW));
            // The retransmission goes to another worker, at once.
            assert_eq!(
                finish(table, 1, NOW),
                Ok(whole()),
                "chunk {chunk}, killed after {after}"
            );
            assert_eq!(finish(table, 1, NOW), Err(SlotError::Done));
            // And both slots serve other messages, at the latest when the dead one's claim is stale.
            for set in 2..4 {
                receive(table, set, 1, b"", STALE).unwrap();
            }
            assert_eq!(receive(table, 4, 1, b"", STALE), Err(SlotError::Full));
            if done.is_some() {
                break;
            }
        }
    }
}

#[test]
fn a_taker_that_is_killed_leaves_the_message_to_another_or_has_taken_it() {
    let block = Block::new(&CONFIG);
    let mut left = 0;
    for after in 0.. {
        let table = block.table(&CONFIG);
        let slot = (1..)
            .zip(PARTS)
            .map(|(index, bytes)| receive(table, 1, index, bytes, NOW).unwrap().0)
            .last();
        let take = || table.slots().take(slot.unwrap(), &mut [0; 256]);
        let done = killed_after(after, take);
        match finish(table, 1, NOW) {
            Ok(bytes) => {
                assert!(done.is_none());
                assert_eq!(bytes, whole());
                left += 1;
            }
            Err(error) => assert_eq!(error, SlotError::Done, "{after}"),
        }
        // The slot is free at once.
        assert_eq!(
            receive(table, 2, 1, b"", NOW).map(|(_, put)| put),
            Ok(Put::Stored),
            "{after}"
        );
        assert_eq!(receive(table, 1, 1, PARTS[0], NOW), Err(SlotError::Done));
        if done.is_some() {
            break;
        }
    }
    assert!(left > 15, "{left}");
}

#[test]
fn an_end_by_error_that_is_cut_short_is_finished_by_others() {
    let block = Block::new(&CONFIG);
    for after in 0.. {
        let table = block.table(&CONFIG);
        receive(table, 1, 1, PARTS[0], NOW).unwrap();
        let done = killed_after(after, || receive(table, 1, 1, b"something else", NOW));
        let next = receive(table, 1, 1, PARTS[0], NOW).map(|(_, put)| put);
        assert!(
            [Ok(Put::Duplicate), Err(SlotError::Dead)].contains(&next),
            "{after}: {next:?}"
        );
        if next.is_err() {
            // Its slot is free.
            assert!(receive(table, 2, 1, b"", NOW).is_ok(), "{after}");
            assert_eq!(receive(table, 1, 1, PARTS[0], NOW), Err(SlotError::Dead));
        }
        if done.is_some() {
            assert!(next.is_err());
            break;
        }
    }
}

#[test]
fn a_receiver_that_slept_puts_nothing_into_another_message() {
    let block = Block::new(&CONFIG);
    for chunk in 1..=3 {
        for after in 0.. {
            let table = block.table(&CONFIG);
            for earlier in 1..chunk {
                receive(table, 1, earlier, PARTS[earlier as usize - 1], NOW).unwrap();
            }
            let other: &[u8] = b"the same slot, for another message and of other bytes";
            // The first message expires; its slot goes to another.
            let others = move || {
                let owner = table.key(Domain::Call, &[b"another call"]);
                let id = table.key(Domain::Message, &[b"another message"]);
                let now = LATER.plus(2_000);
                table
                    .slots()
                    .receive(&owner, &id, 1, 2, other, now.plus(10), now, 4)
                    .map(|(slot, put)| {
                        assert_eq!(put, Put::Stored);
                        (slot, owner, id, now)
                    })
            };
            let party = || receive(table, 1, chunk, PARTS[chunk as usize - 1], NOW);
            let (mine, others) = asleep_after(after, party, others);
            let Some(others) = others else { break };
            let (slot, owner, id, now) = others.unwrap();
            let (again, put) = table
                .slots()
                .receive(&owner, &id, 2, 2, other, now.plus(10), now, 4)
                .unwrap();
            assert_eq!((again, put), (slot, Put::Complete), "{chunk}, {after}: {mine:?}");
            let mut out = [0; 256];
            let len = table.slots().take(slot, &mut out).unwrap();
            assert_eq!(out[..len], [other, other].concat(), "{chunk}, {after}");
        }
    }
}

#[test]
fn copies_that_come_second_cost_a_message_no_room() {
    const TOTAL: u32 = 40;
    const CHUNK: [u8; 1_300] = [7; 1_300];
    let config = Config {
        slot_bytes: TOTAL * CHUNK.len() as u32,
        ..CONFIG
    };
    let block = Block::new(&config);
    let table = block.table(&config);
    let put = move |index| {
        let owner = table.key(Domain::Call, &[b"call"]);
        let id = table.key(Domain::Message, &[b"message"]);
        let received = table.slots().receive(&owner, &id, index, TOTAL, &CHUNK, LATER, NOW, 4);
        received.map(|(_, put)| put)
    };
    // Of each chunk two copies are in the making while a third is stored: together three times what a slot holds.
    for index in 1..=TOTAL {
        let stored = if index == TOTAL { Put::Complete } else { Put::Stored };
        let second = if index == TOTAL { Put::Complete } else { Put::Duplicate };
        let others = move || asleep_after(400, || put(index), move || put(index));
        let (mine, others) = asleep_after(400, || put(index), others);
        assert_eq!(
            (mine, others),
            (Ok(second), Some((Ok(second), Some(Ok(stored))))),
            "{index}"
        );
    }
}

#[test]
fn an_opener_that_slept_and_others_put_one_message_together() {
    let block = Block::new(&TWO_SLOTS);
    for after in 0.. {
        let table = block.table(&TWO_SLOTS);
        let others = move || {
            receive(table, 1, 2, PARTS[1], STALE).unwrap();
            receive(table, 1, 3, PARTS[2], STALE).unwrap();
        };
        let (mine, others) = asleep_after(after, || receive(table, 1, 1, PARTS[0], NOW), others);
        assert!(mine.is_ok(), "{after}: {mine:?}");
        assert_eq!(finish(table, 1, STALE), Ok(whole()), "{after}");
        if others.is_none() {
            break;
        }
    }
}

#[test]
fn a_taker_that_slept_does_not_take_what_another_took() {
    let block = Block::new(&CONFIG);
    for after in 0.. {
        let table = block.table(&CONFIG);
        let slot = (1..)
            .zip(PARTS)
            .map(|(index, bytes)| receive(table, 1, index, bytes, NOW).unwrap().0)
            .last();
        let slot = slot.unwrap();
        let mut out = [0; 256];
        let other = move || {
            let taken = table.slots().take(slot, &mut [0; 256]);
            // The slot goes on to another message.
            let next = receive(table, 2, 1, &[0xff; 90], NOW).map(|(_, put)| put);
            (taken, next)
        };
        let (mine, other) = asleep_after(after, || table.slots().take(slot, &mut out), other);
        let Some((taken, next)) = other else {
            assert_eq!(mine, Ok(whole().len()));
            break;
        };
        assert_eq!(next, Ok(Put::Stored), "{after}");
        match (mine, taken) {
            (Ok(len), Err(SlotError::Gone | SlotError::Done)) => assert_eq!(out[..len], whole()),
            (Err(SlotError::Gone | SlotError::Done), Ok(_)) => {}
            results => panic!("{after}: {results:?}"),
        }
    }
}

#[test]
fn a_copy_that_slept_while_its_message_was_taken_is_late_and_nothing_else() {
    let block = Block::new(&TWO_SLOTS);
    for after in 0.. {
        let table = block.table(&TWO_SLOTS);
        for (index, bytes) in (1..).zip(&PARTS[..2]) {
            receive(table, 1, index, bytes, NOW).unwrap();
        }
        let others = move || finish(table, 1, NOW);
        let (mine, others) = asleep_after(after, || receive(table, 1, 3, PARTS[2], NOW), others);
        match others {
            // It is refused as done, not for want of room: that would be 503, and the peer would send it again.
            Some(Ok(bytes)) => {
                assert_eq!(bytes, whole(), "{after}");
                let is_late = matches!(mine, Err(SlotError::Done) | Ok((_, Put::Complete)));
                assert!(is_late, "{after}: {mine:?}");
            }
            Some(Err(error)) => panic!("{after}: {error}"),
            None => break,
        }
        assert_eq!(table.stats(), Default::default(), "{after}");
    }
}

#[test]
fn a_party_that_is_killed_or_sleeps_while_it_stores_harms_no_other_message() {
    let block = Block::new(&CONFIG);
    let store = |table: T, bytes: &[u8], now| {
        let owner = table.key(Domain::Call, &[b"call"]);
        table.slots().store(&owner, bytes, LATER, now)
    };
    let read = |table: T, slot| {
        let mut out = [0; 256];
        table.slots().read(slot, 0, &mut out).map(|len| out[..len].to_vec())
    };
    for after in 0.. {
        let table = block.table(&CONFIG);
        match killed_after(after, || store(table, &[1; 200], NOW)) {
            Some(stored) => {
                assert_eq!(read(table, stored.unwrap()), Ok(vec![1; 200]));
                break;
            }
            // Either nothing was stored, or the message waits for its expiry, since nobody knows of it.
            None => {
                let slot = store(table, &[2; 100], STALE).or_else(|_| store(table, &[2; 100], LATER.plus(1)));
                assert_eq!(read(table, slot.unwrap()), Ok(vec![2; 100]), "{after}");
            }
        }
    }
    for after in 0.. {
        let table = block.table(&CONFIG);
        let other = move || store(table, &[2; 100], STALE);
        let (mine, other) = asleep_after(after, || store(table, &[1; 200], NOW), other);
        let Some(other) = other else { break };
        match (mine, other) {
            (Ok(mine), Err(SlotError::Full)) => assert_eq!(read(table, mine), Ok(vec![1; 200]), "{after}"),
            (Err(SlotError::Full), Ok(other)) => assert_eq!(read(table, other), Ok(vec![2; 100]), "{after}"),
            results => panic!("{after}: {results:?}"),
        }
    }
}

#[test]
fn a_table_whose_initialisation_was_killed_is_no_table() {
    let block = Block::new(&CONFIG);
    for after in (0..).step_by(7) {
        // What was there before must not shine through.
        block.table(&CONFIG);
        if killed_after(after, || block.table(&CONFIG)).is_some() {
            break;
        }
        assert!(after == 0 || Table::attach(block.0).is_err(), "{after}");
    }
}
