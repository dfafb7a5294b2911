//! Slots: messages in chunks, and messages that wait to be sent.

use ohp::table::{Config, Domain, Put, SlotError, SlotRef};
use ohp::time::Timestamp;

use crate::party::{Block, CONFIG, LATER, NOW, STALE, T, asleep_after, killed_after};

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
