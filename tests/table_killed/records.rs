//! Records and budgets: nothing acknowledged is lost, nobody is blocked, nothing is counted twice.

use ohp::table::{Domain, Recorded, Table};
use ohp::time::Timestamp;

use crate::party::{Block, CONFIG, NOW, PLACES, STALE, T, asleep_after, fill, id, killed_after, record, value};

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
