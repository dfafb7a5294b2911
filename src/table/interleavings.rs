//! Loom models: every interleaving and every permitted reordering of a few parties on a table of a few words.
//!
//! Where that would take more than a second or two, the number of times that a party is interrupted against its will
//! is bounded, not where it may happen.

use std::sync::atomic::Ordering;

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, fence};
use loom::thread;

use super::key::{Domain, Key};
use super::rate;
use super::reassembly::Put;
use super::replay::{self, Record, Recorded};
use super::slots::{SlotError, SlotRef, Slots, slot_words};
use super::stats::Counters;
use super::ways::{Content, InsertError, Life, Ways, entry_words};
use super::word::Word;
use crate::time::Timestamp;

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

const NOW: u64 = 1_779_975_731_250;
const LATER: u64 = NOW + 300_000;

/// Runs a model in every interleaving, or in those with so many interruptions where there are too many.
fn explore(interruptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = interruptions;
    builder.max_branches = 10_000;
    builder.check(model);
}

#[derive(Clone)]
struct Block(Arc<Vec<AtomicU64>>);

impl Block {
    fn new(words: u32) -> Self {
        Self(Arc::new((0..words).map(|_| AtomicU64::new(0)).collect()))
    }

    /// One bucket of `ways` entries.
    fn ways(&self, ways: u32, has_value: bool, life: Life) -> Ways<'_, AtomicU64> {
        let fields = entry_words(has_value);
        Ways::new(
            &self.0[..(ways * fields) as usize],
            1,
            ways,
            fields,
            life,
            Counters::new(&[]),
        )
    }

    fn records(&self, ways: u32) -> Ways<'_, AtomicU64> {
        self.ways(ways, true, Life::UntilExpiry)
    }

    fn rates(&self, ways: u32) -> Ways<'_, AtomicU64> {
        self.ways(ways, false, Life::WhileBusy)
    }

    /// Slots of 12 bytes behind a directory of one bucket of two entries.
    fn slots(&self, count: u32) -> Slots<'_, AtomicU64> {
        let sets = self.ways(2, false, Life::UntilExpiry);
        let directory = (2 * entry_words(false)) as usize;
        let words = &self.0[directory..directory + (count * slot_words(12)) as usize];
        Slots::new(words, count, 12, [0; 16], sets, Counters::new(&[]))
    }

    fn of_slots(count: u32) -> Self {
        Self::new(2 * entry_words(false) + count * slot_words(12))
    }
}

fn key(number: u8) -> Key {
    Key::new([0; 16], Domain::EnvelopeId, &[&[number]])
}

fn value(number: u64) -> Record {
    Record {
        surface: (number, !number),
        call: number << 32 | number,
    }
}

fn at(time: u64) -> Timestamp {
    Timestamp::from_millis(time as i64)
}

#[test]
fn of_racing_recorders_exactly_one_is_first() {
    explore(Some(4), || {
        let block = Block::new(2 * entry_words(true));
        let parties: Vec<_> = [1, 2]
            .map(|number| {
                let block = block.clone();
                thread::spawn(move || replay::record(&block.records(2), &key(7), value(number), LATER, NOW))
            })
            .into_iter()
            .collect();
        let results: Vec<_> = parties
            .into_iter()
            .map(|party| party.join().unwrap().unwrap())
            .collect();
        let known = replay::find(&block.records(2), &key(7), NOW);
        match results[..] {
            [Recorded::New, Recorded::Known(first)] => assert_eq!((first, known), (value(1), Some(value(1)))),
            [Recorded::Known(first), Recorded::New] => assert_eq!((first, known), (value(2), Some(value(2)))),
            _ => panic!("{results:?}"),
        }
    });
}

#[test]
fn of_three_racing_recorders_exactly_one_is_first() {
    explore(Some(2), || {
        let block = Block::new(3 * entry_words(false));
        let enter = |block: &Block, number| {
            let ways = block.ways(3, false, Life::UntilExpiry);
            ways.insert(&key(7), Content::Cell(number), LATER, NOW).unwrap()
        };
        let parties: Vec<_> = [1, 2]
            .map(|number| {
                let block = block.clone();
                thread::spawn(move || enter(&block, number))
            })
            .into_iter()
            .collect();
        let mut results = vec![enter(&block, 3)];
        results.extend(parties.into_iter().map(|party| party.join().unwrap()));
        let first = results
            .iter()
            .filter(|result| matches!(result, super::ways::Inserted::New(_)))
            .count();
        assert_eq!(first, 1, "{results:?}");
    });
}

#[test]
fn racers_finish_alike_what_a_killed_party_left_pending() {
    explore(None, || {
        let block = Block::new(3 * entry_words(true));
        block.records(3).leave_pending(&key(7), 9, LATER, NOW);
        let parties: Vec<_> = [1, 2]
            .map(|number| {
                let block = block.clone();
                thread::spawn(move || replay::record(&block.records(3), &key(7), value(number), LATER, NOW))
            })
            .into_iter()
            .collect();
        let results: Vec<_> = parties
            .into_iter()
            .map(|party| party.join().unwrap().unwrap())
            .collect();
        let winner = replay::find(&block.records(3), &key(7), NOW);
        assert!(winner.is_some());
        assert!(
            results.iter().filter(|result| **result == Recorded::New).count() <= 1,
            "{results:?}"
        );
        assert!(
            results.iter().all(
                |result| matches!(result, Recorded::Known(first) if Some(*first) == winner)
                    || *result == Recorded::New && winner != Some(value(9))
            ),
            "{results:?}, {winner:?}"
        );
    });
}

#[test]
fn a_reader_of_a_place_that_is_used_anew_sees_one_record_or_the_other_or_none() {
    explore(None, || {
        let block = Block::new(entry_words(true));
        assert_eq!(
            replay::record(&block.records(1), &key(1), value(1), NOW - 1, NOW - 2),
            Ok(Recorded::New)
        );
        let writer = {
            let block = block.clone();
            thread::spawn(move || replay::record(&block.records(1), &key(2), value(2), LATER, NOW))
        };
        // This party's clock is a little behind: for it the first record still lives.
        let first = replay::find(&block.records(1), &key(1), NOW - 1);
        let second = replay::find(&block.records(1), &key(2), NOW - 1);
        assert!(first.is_none() || first == Some(value(1)));
        assert!(second.is_none() || second == Some(value(2)));
        assert_eq!(writer.join().unwrap(), Ok(Recorded::New));
        assert_eq!(replay::find(&block.records(1), &key(2), NOW), Some(value(2)));
    });
}

#[test]
fn racers_for_the_last_place_get_it_or_are_told_that_it_is_taken() {
    explore(None, || {
        let block = Block::new(entry_words(true));
        let other = {
            let block = block.clone();
            thread::spawn(move || replay::record(&block.records(1), &key(2), value(2), LATER, NOW))
        };
        let mine = replay::record(&block.records(1), &key(1), value(1), LATER, NOW);
        match (mine, other.join().unwrap()) {
            (Ok(Recorded::New), Err(InsertError::Full)) | (Err(InsertError::Full), Ok(Recorded::New)) => {}
            results => panic!("{results:?}"),
        }
    });
}

#[test]
fn racing_chargers_of_a_new_bucket_get_no_more_than_it_holds() {
    explore(Some(5), || {
        let block = Block::new(2 * entry_words(false));
        let other = {
            let block = block.clone();
            thread::spawn(move || rate::charge(&block.rates(2), &key(1), 1, NOW))
        };
        let mine = rate::charge(&block.rates(2), &key(1), 1, NOW);
        assert_eq!(
            u32::from(mine == Ok(true)) + u32::from(other.join().unwrap() == Ok(true)),
            1
        );
    });
}

#[test]
fn a_bucket_that_is_used_anew_is_not_charged_by_those_who_found_it_earlier() {
    explore(Some(4), || {
        let block = Block::new(entry_words(false));
        assert_eq!(rate::charge(&block.rates(1), &key(1), 1, NOW - 1_000), Ok(true));
        // The bucket is idle: its own key is charged again, and its place is wanted for another one.
        let other = {
            let block = block.clone();
            thread::spawn(move || rate::charge(&block.rates(1), &key(2), 1, NOW))
        };
        let mine = rate::charge(&block.rates(1), &key(1), 1, NOW);
        match (mine, other.join().unwrap()) {
            (Ok(true), Err(InsertError::Full)) | (Err(InsertError::Full), Ok(true)) => {}
            results => panic!("{results:?}"),
        }
    });
}

#[test]
fn of_racing_takers_exactly_one_gets_the_message() {
    explore(Some(3), || {
        let block = Block::of_slots(1);
        let set = block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4).unwrap();
        let party = move |block: &Block, index: u32, bytes: &[u8]| {
            let slots = block.slots(1);
            match slots.put(set, index, 2, bytes, at(NOW)).unwrap() {
                Put::Complete => {
                    let mut out = [0; 12];
                    slots.take(set, &mut out).map(|len| out[..len].to_vec())
                }
                put => {
                    assert_eq!(put, Put::Stored);
                    Err(SlotError::Incomplete)
                }
            }
        };
        let other = {
            let block = block.clone();
            thread::spawn(move || party(&block, 2, b"xyz"))
        };
        let results = [party(&block, 1, b"ab"), other.join().unwrap()];
        assert_eq!(
            results
                .iter()
                .filter(|result| **result == Ok(b"abxyz".to_vec()))
                .count(),
            1,
            "{results:?}"
        );
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(
            block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4),
            Err(SlotError::Done)
        );
    });
}

#[test]
fn copies_of_one_chunk_that_race_are_one_chunk() {
    explore(Some(3), || {
        let block = Block::of_slots(1);
        let set = block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4).unwrap();
        let other = {
            let block = block.clone();
            thread::spawn(move || block.slots(1).put(set, 1, 2, b"abc", at(NOW)))
        };
        let mut results = [block.slots(1).put(set, 1, 2, b"abc", at(NOW)), other.join().unwrap()];
        results.sort_by_key(|result| *result == Ok(Put::Duplicate));
        assert_eq!(results, [Ok(Put::Stored), Ok(Put::Duplicate)]);
    });
}

#[test]
fn chunks_that_contradict_each_other_end_the_set_in_any_order() {
    explore(Some(3), || {
        let block = Block::of_slots(1);
        let set = block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4).unwrap();
        let other = {
            let block = block.clone();
            thread::spawn(move || block.slots(1).put(set, 1, 2, b"abc", at(NOW)))
        };
        let results = [block.slots(1).put(set, 1, 2, b"abd", at(NOW)), other.join().unwrap()];
        assert_eq!(
            results
                .iter()
                .filter(|result| **result == Err(SlotError::Conflict))
                .count(),
            1,
            "{results:?}"
        );
        assert_eq!(
            block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4),
            Err(SlotError::Dead)
        );
    });
}

#[test]
fn racing_openers_of_one_set_open_it_once() {
    explore(Some(1), || {
        let block = Block::of_slots(2);
        let open = |block: &Block| -> SlotRef { block.slots(2).open(&key(1), &key(2), at(LATER), at(NOW), 1).unwrap() };
        let other = {
            let block = block.clone();
            thread::spawn(move || open(&block))
        };
        assert_eq!(open(&block), other.join().unwrap());
    });
}

#[test]
fn racing_openers_of_two_sets_stay_below_the_owners_limit() {
    explore(Some(3), || {
        let block = Block::of_slots(2);
        let open = |block: &Block, id: u8| block.slots(2).open(&key(1), &key(id), at(LATER), at(NOW), 1).is_ok();
        let other = {
            let block = block.clone();
            thread::spawn(move || open(&block, 2))
        };
        let mine = open(&block, 3);
        assert!(!(mine && other.join().unwrap()));
    });
}

#[test]
fn an_opener_that_is_overtaken_as_far_as_the_taking_delivers_nothing_twice() {
    explore(Some(1), || {
        let block = Block::of_slots(1);
        // Both have the message's only chunk. With one slot the second is told that there is no room until the set is in
        // the directory.
        let party = |block: &Block| {
            let slots = block.slots(1);
            let (set, put) = slots.receive(&key(1), &key(2), 1, 1, b"abc", at(LATER), at(NOW), 4)?;
            assert_eq!(put, Put::Complete);
            let mut out = [0; 12];
            slots.take(set, &mut out).map(|len| out[..len].to_vec())
        };
        let other = {
            let block = block.clone();
            thread::spawn(move || party(&block))
        };
        let results = [party(&block), other.join().unwrap()];
        let taken = results.iter().filter(|result| **result == Ok(b"abc".to_vec())).count();
        assert_eq!(taken, 1, "{results:?}");
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Ok(_) | Err(SlotError::Done | SlotError::Gone | SlotError::Full))),
            "{results:?}"
        );
        assert_eq!(
            block.slots(1).open(&key(1), &key(2), at(LATER), at(NOW), 4),
            Err(SlotError::Done)
        );
    });
}
