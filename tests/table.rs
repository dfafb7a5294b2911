//! The shared table, one party at a time: what each operation promises.

use std::sync::atomic::AtomicU64;

use ohp::table::{
    BYTES_PER_OWNER, Config, Domain, Key, LayoutError, Put, Record, Recorded, SlotError, SlotRef, Table, TableFull,
    WAYS, WAYS_IN_USE,
};
use ohp::time::Timestamp;

const SMALL: Config = Config {
    replays: 100,
    hashes: 20,
    kids: 20,
    peers: 20,
    sets: 100,
    slots: 8,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

const NOW: Timestamp = Timestamp::from_millis(1_779_975_731_250);
const LATER: Timestamp = NOW.plus(305_000);

fn block(config: &Config) -> Vec<AtomicU64> {
    (0..config.words().unwrap()).map(|_| AtomicU64::new(0)).collect()
}

fn table<'m>(words: &'m [AtomicU64], config: &Config) -> Table<'m> {
    Table::init(words, config, *b"0123456789abcdef").unwrap()
}

fn record(number: u64) -> Record {
    Record {
        surface: (number, !number),
        call: number.rotate_left(32),
    }
}

fn key(table: &Table<'_>, domain: Domain, number: u64) -> Key {
    table.key(domain, &[&number.to_le_bytes()])
}

fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed))
        .collect()
}

#[test]
fn a_handle_of_another_party_sees_the_same_table() {
    let words = block(&SMALL);
    assert_eq!(Table::attach(&words).err(), Some(LayoutError::Magic));
    let table = table(&words, &SMALL);
    let id = table.key(Domain::EnvelopeId, &[b"cse_1"]);
    assert_eq!(table.record(&id, record(1), LATER, NOW), Ok(Recorded::New));
    let other = Table::attach(&words).unwrap();
    assert_eq!(other.key(Domain::EnvelopeId, &[b"cse_1"]), id);
    assert_eq!(other.find(&id, NOW), Some(record(1)));
}

#[test]
fn the_second_to_record_gets_the_record_of_the_first() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let id = key(&table, Domain::EnvelopeId, 1);
    assert_eq!(table.find(&id, NOW), None);
    assert_eq!(table.record(&id, record(1), LATER, NOW), Ok(Recorded::New));
    assert_eq!(table.record(&id, record(2), LATER, NOW), Ok(Recorded::Known(record(1))));
    assert_eq!(table.find(&id, NOW), Some(record(1)));
    assert_eq!(table.find(&key(&table, Domain::Nonce, 1), NOW), None);
}

#[test]
fn a_record_lives_through_its_expiry_and_no_longer() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let id = key(&table, Domain::EnvelopeId, 1);
    table.record(&id, record(1), LATER, NOW).unwrap();
    assert_eq!(table.find(&id, LATER), Some(record(1)));
    assert_eq!(
        table.record(&id, record(2), LATER, LATER),
        Ok(Recorded::Known(record(1)))
    );
    let after = LATER.plus(1);
    assert_eq!(table.find(&id, after), None);
    assert_eq!(table.record(&id, record(2), after.plus(10), after), Ok(Recorded::New));
    assert_eq!(table.find(&id, after), Some(record(2)));
}

#[test]
fn a_full_table_refuses_and_counts_and_evicts_nothing() {
    let config = Config { replays: 1, ..SMALL };
    let words = block(&config);
    let table = table(&words, &config);
    let mut kept = Vec::new();
    let full =
        (0..).find(
            |number| match table.record(&key(&table, Domain::Nonce, *number), record(*number), LATER, NOW) {
                Ok(Recorded::New) => {
                    kept.push(*number);
                    false
                }
                other => {
                    assert_eq!(other, Err(TableFull));
                    true
                }
            },
        );
    assert_eq!(full, Some(u64::from(2 * WAYS)));
    assert_eq!(table.stats().replay_full, 1);
    for number in kept {
        assert_eq!(
            table.find(&key(&table, Domain::Nonce, number), NOW),
            Some(record(number))
        );
    }
    // Fingerprints have room of their own.
    assert_eq!(
        table.record(&key(&table, Domain::Fingerprint, 1), record(1), LATER, NOW),
        Ok(Recorded::New)
    );
    // Expired entries make room.
    let after = LATER.plus(1);
    assert_eq!(
        table.record(&key(&table, Domain::Nonce, 99), record(99), after.plus(1), after),
        Ok(Recorded::New)
    );
}

#[test]
fn a_hundred_thousand_live_records_fit_and_the_first_overflow_is_far_beyond() {
    let config = Config {
        replays: 100_000,
        ..SMALL
    };
    let words = block(&config);
    let table = table(&words, &config);
    let mut overflow = None;
    for number in 0..200_000 {
        if table
            .record(&key(&table, Domain::EnvelopeId, number), record(number), LATER, NOW)
            .is_err()
        {
            overflow = Some(number);
            break;
        }
    }
    let overflow = overflow.unwrap();
    let places = u64::from(config.replays.div_ceil(WAYS_IN_USE)) * u64::from(WAYS);
    let load = overflow as f64 / places as f64;
    println!("{places} places; the first full neighbourhood came with entry {overflow}, at a load of {load:.3}");
    assert!(load > 0.8, "{load}");
    for number in 0..overflow {
        assert_eq!(
            table.find(&key(&table, Domain::EnvelopeId, number), NOW),
            Some(record(number))
        );
    }
}

#[test]
fn a_table_in_steady_use_holds_what_it_is_configured_for() {
    let config = Config {
        replays: 10_000,
        ..SMALL
    };
    let words = block(&config);
    let table = table(&words, &config);
    // Ten records a millisecond, each for one second: 10,000 live ones at any time.
    for step in 0..20_000 {
        let now = NOW.plus(step);
        for number in 0..10 {
            let id = key(&table, Domain::EnvelopeId, step as u64 * 10 + number);
            assert_eq!(table.record(&id, record(number), now.plus(999), now), Ok(Recorded::New));
        }
    }
    assert_eq!(table.stats().replay_full, 0);
}

#[test]
fn a_clock_that_steps_back_loses_no_record() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    for number in 0..50 {
        let id = key(&table, Domain::EnvelopeId, number);
        let now = NOW.plus(if number % 2 == 0 { 0 } else { -3_600_000 });
        assert_eq!(table.record(&id, record(number), LATER, now), Ok(Recorded::New));
        assert_eq!(
            table.record(&id, record(0), LATER, NOW),
            Ok(Recorded::Known(record(number)))
        );
    }
    for number in 0..50 {
        assert_eq!(
            table.find(&key(&table, Domain::EnvelopeId, number), NOW),
            Some(record(number))
        );
    }
}

#[test]
fn rates_of_keys_are_apart_and_peers_cannot_crowd_out_signing_keys() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let kid = key(&table, Domain::Kid, 1);
    let allowed = (0..100).filter(|_| table.charge(&kid, 50, NOW).unwrap()).count();
    assert_eq!(allowed, 50);
    assert_eq!(table.charge(&key(&table, Domain::Kid, 2), 50, NOW), Ok(true));
    let refused = (0..1_000)
        .filter(|peer| table.charge(&key(&table, Domain::Peer, *peer), 1, NOW).is_err())
        .count();
    assert!(refused >= 1_000 - 2 * 2 * WAYS as usize, "{refused}");
    assert_eq!(table.stats().peer_full, refused as u64);
    assert_eq!(table.charge(&key(&table, Domain::Kid, 3), 50, NOW), Ok(true));
    assert_eq!(table.stats().kid_full, 0);
    // A second later every bucket is idle, and any peer finds room.
    let now = NOW.plus(1_000);
    assert!((2_000..2_020).all(|peer| table.charge(&key(&table, Domain::Peer, peer), 1, now) == Ok(true)));
}

#[test]
fn a_rate_is_at_least_one_a_second() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let kid = key(&table, Domain::Kid, 1);
    assert_eq!(table.charge(&kid, 0, NOW), Ok(true));
    assert_eq!(table.charge(&kid, 0, NOW.plus(999)), Ok(false));
    assert_eq!(table.charge(&kid, 0, NOW.plus(1_000)), Ok(true));
}

struct Set<'m> {
    table: Table<'m>,
    owner: Key,
    id: Key,
}

impl<'m> Set<'m> {
    fn new(table: &Table<'m>, owner: u64, id: u64) -> Self {
        Self {
            table: *table,
            owner: key(table, Domain::Call, owner),
            id: key(table, Domain::Message, id),
        }
    }

    fn open(&self) -> Result<SlotRef, SlotError> {
        self.table.slots().open(&self.owner, &self.id, LATER, NOW, 4)
    }

    fn put(&self, index: u32, total: u32, bytes: &[u8]) -> Result<Put, SlotError> {
        self.table
            .slots()
            .receive(&self.owner, &self.id, index, total, bytes, LATER, NOW, 4)
            .map(|(_, put)| put)
    }
}

#[test]
fn chunks_in_any_order_make_the_message() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let message = bytes(43_691, 1);
    let set = Set::new(&table, 1, 1);
    let chunks: Vec<_> = message.chunks(701).collect();
    let total = chunks.len() as u32;
    for index in (2..=total).rev() {
        assert_eq!(set.put(index, total, chunks[index as usize - 1]), Ok(Put::Stored));
        assert_eq!(set.put(index, total, chunks[index as usize - 1]), Ok(Put::Duplicate));
    }
    let slot = set.open().unwrap();
    let mut out = vec![0; 43_691];
    assert_eq!(table.slots().take(slot, &mut out), Err(SlotError::Incomplete));
    assert_eq!(set.put(1, total, chunks[0]), Ok(Put::Complete));
    assert_eq!(set.put(2, total, chunks[1]), Ok(Put::Complete), "until it is taken");
    assert_eq!(
        table.slots().take(slot, &mut out[1..]),
        Err(SlotError::ShortBuffer { needed: 43_691 })
    );
    assert_eq!(table.slots().take(slot, &mut out), Ok(43_691));
    assert_eq!(out, message);
    assert_eq!(table.slots().take(slot, &mut out), Err(SlotError::Gone));
    assert_eq!(set.put(2, total, chunks[1]), Err(SlotError::Done));
}

#[test]
fn empty_chunks_count_as_chunks() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let set = Set::new(&table, 1, 1);
    assert_eq!(set.put(1, 2, b""), Ok(Put::Stored));
    assert_eq!(set.put(1, 2, b""), Ok(Put::Duplicate));
    assert_eq!(set.put(2, 2, b"x"), Ok(Put::Complete));
    let mut out = [0; 8];
    assert_eq!(table.slots().take(set.open().unwrap(), &mut out), Ok(1));
    assert_eq!(out[0], b'x');
}

#[test]
fn an_error_in_a_chunk_ends_the_set_until_it_expires() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    type Chunk<'a> = (u32, u32, &'a [u8]);
    let large = bytes(SMALL.slot_bytes as usize + 1, 0);
    let cases: [(Chunk<'_>, SlotError); 6] = [
        ((0, 3, b"b"), SlotError::Index),
        ((4, 3, b"b"), SlotError::Index),
        ((2, 65, b"b"), SlotError::Index),
        ((2, 4, b"b"), SlotError::TotalChanged),
        ((1, 3, b"b"), SlotError::Conflict),
        ((2, 3, &large), SlotError::TooLarge),
    ];
    for (number, ((index, total, chunk), error)) in cases.into_iter().enumerate() {
        let set = Set::new(&table, number as u64, 1);
        assert_eq!(set.put(1, 3, b"a"), Ok(Put::Stored));
        let slot = set.open().unwrap();
        assert_eq!(set.put(index, total, chunk), Err(error));
        assert_eq!(set.put(1, 3, b"a"), Err(SlotError::Dead), "{error:?}");
        assert_eq!(table.slots().put(slot, 1, 3, b"a", NOW), Err(SlotError::Gone));
        let after = LATER.plus(1);
        assert!(table.slots().open(&set.owner, &set.id, after, after, 4).is_ok());
    }
    assert_eq!(table.stats().dead_sets, 6);
}

#[test]
fn a_set_larger_than_a_slot_is_refused_as_soon_as_it_shows() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let set = Set::new(&table, 1, 1);
    let chunk = bytes(1_300, 0);
    let stored = (1..=64)
        .take_while(|index| set.put(*index, 64, &chunk) == Ok(Put::Stored))
        .count();
    assert_eq!(stored, SMALL.slot_bytes as usize / 1_300);
    assert_eq!(set.put(64, 64, &chunk), Err(SlotError::Dead));
}

#[test]
fn an_owner_has_four_open_sets_and_others_have_theirs() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    for id in 1..=4 {
        assert_eq!(Set::new(&table, 1, id).put(1, 2, b"a"), Ok(Put::Stored));
    }
    assert_eq!(Set::new(&table, 1, 5).open(), Err(SlotError::OwnerLimit));
    assert_eq!(table.stats().owner_limit, 1);
    assert_eq!(Set::new(&table, 2, 5).put(1, 1, b"a"), Ok(Put::Complete));
    // The open ones go on, and one that ends makes room.
    let first = Set::new(&table, 1, 1);
    assert_eq!(first.put(2, 2, b"b"), Ok(Put::Complete));
    assert_eq!(table.slots().take(first.open().unwrap(), &mut [0; 2]), Ok(2));
    assert!(Set::new(&table, 1, 5).open().is_ok());
}

#[test]
fn an_owner_has_64_kib_across_its_open_sets() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let half = bytes(BYTES_PER_OWNER as usize / 2, 0);
    assert_eq!(Set::new(&table, 1, 1).put(1, 2, &half), Ok(Put::Stored));
    assert_eq!(Set::new(&table, 1, 2).put(1, 2, &half), Ok(Put::Stored));
    assert_eq!(Set::new(&table, 2, 1).put(1, 2, &half), Ok(Put::Stored));
    let third = Set::new(&table, 1, 3);
    assert_eq!(third.put(1, 2, b"a"), Err(SlotError::OwnerLimit));
    assert_eq!(third.put(1, 2, b"a"), Err(SlotError::Dead));
    assert_eq!(Set::new(&table, 1, 1).put(1, 2, &half), Ok(Put::Duplicate));
}

#[test]
fn expired_sets_free_their_slots() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    for owner in 0..8 {
        assert_eq!(Set::new(&table, owner, 1).put(1, 2, b"a"), Ok(Put::Stored));
    }
    assert_eq!(Set::new(&table, 8, 1).open(), Err(SlotError::Full));
    assert_eq!(table.stats().slot_full, 1);
    let set = Set::new(&table, 8, 1);
    let after = LATER.plus(1);
    assert!(table.slots().open(&set.owner, &set.id, after, after, 4).is_ok());
    let old = Set::new(&table, 1, 1);
    let slot = table.slots().open(&old.owner, &old.id, after, after, 4).unwrap();
    assert_eq!(
        table.slots().put(slot, 1, 1, b"b", after),
        Ok(Put::Complete),
        "a new set, not the old one"
    );
    assert_eq!(
        table.slots().open(&old.owner, &old.id, NOW, after, 4),
        Err(SlotError::Gone)
    );
}

#[test]
fn taken_sets_are_remembered_without_a_slot() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    for id in 0..100 {
        let set = Set::new(&table, 1, id);
        assert_eq!(set.put(1, 1, b"abc"), Ok(Put::Complete));
        assert_eq!(table.slots().take(set.open().unwrap(), &mut [0; 3]), Ok(3));
    }
    for id in 0..100 {
        assert_eq!(Set::new(&table, 1, id).put(1, 1, b"abc"), Err(SlotError::Done));
    }
}

#[test]
fn a_stored_message_is_read_in_parts_and_released_once() {
    let words = block(&SMALL);
    let table = table(&words, &SMALL);
    let slots = table.slots();
    let owner = key(&table, Domain::Call, 1);
    let message = bytes(10_007, 9);
    let slot = slots.store(&owner, &message, LATER, NOW).unwrap();
    assert_eq!(SlotRef::from_bits(slot.to_bits()), slot);
    assert_eq!(slots.stored_len(slot), Ok(10_007));
    for (offset, len) in [(0, 10_007), (1, 1), (5, 7), (6, 6), (700, 701), (10_000, 7)] {
        let mut out = vec![0; len];
        assert_eq!(slots.read(slot, offset, &mut out), Ok(len));
        assert_eq!(out, message[offset..offset + len], "{offset}");
    }
    assert_eq!(slots.read(slot, 10_000, &mut [0; 100]), Ok(7));
    assert_eq!(slots.read(slot, 10_007, &mut [0; 100]), Ok(0));
    assert_eq!(slots.read(slot, usize::MAX, &mut [0; 100]), Ok(0));
    assert_eq!(
        slots.put(slot, 1, 1, b"a", NOW),
        Err(SlotError::Gone),
        "it is no chunk set"
    );
    assert_eq!(slots.release(slot), Ok(()));
    assert_eq!(slots.release(slot), Err(SlotError::Gone));
    assert_eq!(slots.read(slot, 0, &mut [0; 4]), Err(SlotError::Gone));
    assert_eq!(
        slots.store(&owner, &bytes(48 * 1024 + 1, 0), LATER, NOW),
        Err(SlotError::TooLarge)
    );
}

#[test]
fn a_stale_reference_never_names_another_message() {
    let config = Config { slots: 1, ..SMALL };
    let words = block(&config);
    let table = table(&words, &config);
    let slots = table.slots();
    let owner = key(&table, Domain::Call, 1);
    let first = slots.store(&owner, b"first", LATER, NOW).unwrap();
    assert_eq!(slots.release(first), Ok(()));
    // More often than the 16-bit tags of the words can tell apart.
    for _ in 0..70_000 {
        let next = slots.store(&owner, b"next", LATER, NOW).unwrap();
        assert_ne!(next, first);
        assert_eq!(slots.read(first, 0, &mut [0; 8]), Err(SlotError::Gone));
        assert_eq!(slots.release(next), Ok(()));
    }
    for bits in [0, 1, u64::MAX, u64::MAX >> 4, 1 << 20, (1 << 20) + 1] {
        assert_eq!(
            slots.read(SlotRef::from_bits(bits), 0, &mut [0; 8]),
            Err(SlotError::Gone)
        );
    }
}

#[test]
fn chunks_of_an_earlier_message_do_not_show_when_tags_wrap() {
    let config = Config {
        slots: 1,
        sets: 20,
        ..SMALL
    };
    let words = block(&config);
    let table = table(&words, &config);
    let slots = table.slots();
    let set = Set::new(&table, 1, 1);
    for index in 1..64 {
        assert_eq!(set.put(index, 64, b"old"), Ok(Put::Stored));
    }
    let first = set.open().unwrap();
    let mut now = LATER.plus(1);
    // The same slot, until its 16-bit tag is the same again.
    let mut reference = first;
    while reference == first || (reference.to_bits() ^ first.to_bits()) >> 20 & 0xffff != 0 {
        now = now.plus(1);
        reference = slots.open(&set.owner, &set.id, now, now, 4).unwrap();
    }
    assert_eq!(slots.put(reference, 64, 64, b"new", now), Ok(Put::Stored));
}

#[test]
fn an_outgoing_message_that_expired_gives_way() {
    let config = Config { slots: 1, ..SMALL };
    let words = block(&config);
    let table = table(&words, &config);
    let slots = table.slots();
    let owner = key(&table, Domain::Call, 1);
    let first = slots.store(&owner, b"first", LATER, NOW).unwrap();
    assert_eq!(slots.store(&owner, b"second", LATER, LATER), Err(SlotError::Full));
    let after = LATER.plus(1);
    let second = slots.store(&owner, b"second", after, after).unwrap();
    assert_eq!(slots.read(first, 0, &mut [0; 8]), Err(SlotError::Gone));
    assert_eq!(slots.stored_len(second), Ok(6));
}
