//! Eight threads on one table, with the processor's own atomics.

use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread;

use ohp::table::{Config, Domain, Key, Put, Record, Recorded, SlotError, Table};
use ohp::time::Timestamp;

const THREADS: u64 = 8;
const START: i64 = 1_779_975_731_250;
const NOW: Timestamp = Timestamp::from_millis(START);
const LATER: Timestamp = NOW.plus(305_000);

const CONFIG: Config = Config {
    replays: 20_000,
    hashes: 100,
    kids: 20,
    peers: 20,
    sets: 1_000,
    slots: 16,
    slot_bytes: 4_096,
    sounds: 16,
};

fn block(config: &Config) -> Vec<AtomicU64> {
    (0..config.words().unwrap()).map(|_| AtomicU64::new(0)).collect()
}

/// Runs `party` in every thread at once, each with a handle of its own, and gathers what they return.
fn race<R: Send>(words: &[AtomicU64], party: impl Fn(Table<'_>, u64) -> R + Sync) -> Vec<R> {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (party, barrier) = (&party, &barrier);
                scope.spawn(move || {
                    let table = Table::attach(words).unwrap();
                    barrier.wait();
                    party(table, number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn id(table: Table<'_>, domain: Domain, number: u64) -> Key {
    table.key(domain, &[&number.to_le_bytes()])
}

fn record(party: u64, number: u64) -> Record {
    Record {
        surface: (party, number),
        call: party << 48 ^ number,
    }
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn every_identifier_is_new_to_exactly_one_thread() {
    let words = block(&CONFIG);
    Table::init(&words, &CONFIG, [9; 16]).unwrap();
    let results = race(&words, |table, party| {
        (0..20_000)
            .map(|number| {
                table
                    .record(
                        &id(table, Domain::EnvelopeId, number),
                        record(party, number),
                        LATER,
                        NOW,
                    )
                    .unwrap()
            })
            .collect::<Vec<_>>()
    });
    let table = Table::attach(&words).unwrap();
    for number in 0..20_000 {
        let winners: Vec<_> = (0..THREADS)
            .filter(|party| results[*party as usize][number as usize] == Recorded::New)
            .collect();
        let [winner] = winners[..] else {
            panic!("{number}: {winners:?}")
        };
        let known = record(winner, number);
        assert_eq!(table.find(&id(table, Domain::EnvelopeId, number), NOW), Some(known));
        assert!(
            (0..THREADS as usize)
                .all(|party| { party as u64 == winner || results[party][number as usize] == Recorded::Known(known) })
        );
    }
    assert_eq!(table.stats(), ohp::table::Stats::default());
}

#[test]
fn identifiers_that_expired_are_new_to_exactly_one_thread_again() {
    const ROUNDS: u64 = 2_000;
    const IDS: u64 = 40;
    let config = Config {
        replays: IDS as u32,
        ..CONFIG
    };
    let words = block(&config);
    Table::init(&words, &config, [9; 16]).unwrap();
    let round_ends = Barrier::new(THREADS as usize);
    let results = race(&words, |table, party| {
        let mut new = vec![0; ROUNDS as usize];
        for round in 0..ROUNDS {
            let now = NOW.plus(round as i64 * 10);
            for step in 0..IDS {
                // Half of the identifiers change from round to round, so that places do as well.
                let number = (step + party * 5) % IDS;
                let number = number + if number.is_multiple_of(2) { round * IDS } else { 0 };
                let key = id(table, Domain::Nonce, number);
                let known = match table.record(&key, record(party, number), now.plus(9), now).unwrap() {
                    Recorded::New => {
                        new[round as usize] += 1;
                        record(party, number)
                    }
                    Recorded::Known(known) => known,
                };
                assert_eq!(known, record(known.surface.0, number));
                assert_eq!(table.find(&key, now), Some(known));
            }
            round_ends.wait();
        }
        new
    });
    for round in 0..ROUNDS as usize {
        assert_eq!(results.iter().map(|new| new[round]).sum::<u64>(), IDS, "{round}");
    }
}

#[test]
fn threads_together_never_charge_more_than_the_allowance() {
    let words = block(&CONFIG);
    Table::init(&words, &CONFIG, [9; 16]).unwrap();
    // About three seconds go by: a thread may charge with a clock that it read a good while ago.
    let clock = AtomicI64::new(START);
    let allowed = race(&words, |table, party| {
        let kid = id(table, Domain::Kid, 1);
        (0..50_000)
            .filter(|round| {
                let step = i64::from(party == 0 && round % 16 == 0);
                let now = Timestamp::from_millis(clock.fetch_add(step, Ordering::SeqCst));
                table.charge(&kid, 50, now).unwrap()
            })
            .count()
    });
    let elapsed = clock.load(Ordering::SeqCst) - START;
    let allowed = allowed.iter().sum::<usize>() as i64;
    println!("{allowed} allowed in {elapsed} ms");
    assert!(allowed * 1_000 <= 50_000 + 50 * elapsed, "{allowed} in {elapsed} ms");
    assert!(allowed * 1_000 >= 50 * elapsed, "{allowed} in {elapsed} ms");
}

fn chunk(message: u64, index: u32) -> Vec<u8> {
    let len = 1 + (message * 7 + u64::from(index) * 13) % 300;
    (0..len).map(|byte| (message ^ byte ^ u64::from(index)) as u8).collect()
}

#[test]
fn every_message_is_delivered_whole_and_once() {
    const MESSAGES: u64 = 900;
    const TOTAL: u32 = 7;
    let words = block(&CONFIG);
    Table::init(&words, &CONFIG, [9; 16]).unwrap();
    let results = race(&words, |table, party| {
        let slots = table.slots();
        let mut random = 88_172_645_463_325_252 ^ (party + 1) << 32;
        let mut taken = Vec::new();
        let mut out = [0; 4_096];
        for message in 0..MESSAGES {
            let (owner, set) = (
                id(table, Domain::Call, message / 3),
                id(table, Domain::Message, message),
            );
            let first = xorshift(&mut random) as u32 % TOTAL;
            // Every thread has all chunks, in an order of its own: seven duplicates of each.
            for index in (0..TOTAL).map(|index| 1 + (first + index) % TOTAL) {
                let data = chunk(message, index);
                match slots.receive(&owner, &set, index, TOTAL, &data, LATER, NOW, 4) {
                    Ok((_, Put::Stored | Put::Duplicate)) | Err(SlotError::Done) => {}
                    Ok((slot, Put::Complete)) => match slots.take(slot, &mut out) {
                        Ok(len) => {
                            let whole: Vec<_> = (1..=TOTAL).flat_map(|index| chunk(message, index)).collect();
                            assert_eq!(out[..len], whole, "{message}");
                            taken.push(message);
                        }
                        Err(error) => assert!(matches!(error, SlotError::Done | SlotError::Gone), "{error}"),
                    },
                    Err(error) => panic!("{message}, {index}: {error}, {:?}", table.stats()),
                }
            }
        }
        taken
    });
    let mut taken: Vec<_> = results.into_iter().flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
fn stored_messages_are_read_as_they_were_stored() {
    let words = block(&CONFIG);
    Table::init(&words, &CONFIG, [9; 16]).unwrap();
    race(&words, |table, party| {
        let slots = table.slots();
        let owner = id(table, Domain::Call, party);
        let mut out = [0; 4_096];
        for round in 0..3_000 {
            let message = vec![(party * 31 + round) as u8; 1 + (round * 17 % 4_000) as usize];
            let slot = slots.store(&owner, &message, LATER, NOW).unwrap();
            assert_eq!(slots.read(slot, 0, &mut out), Ok(message.len()));
            assert_eq!(out[..message.len()], message);
            assert_eq!(slots.release(slot), Ok(()));
        }
    });
}
