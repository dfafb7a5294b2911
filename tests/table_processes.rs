//! Worker processes on one mapped table, killed by SIGKILL at random moments.
//!
//! The workers acknowledge, through a pipe, what the table has told them. After each killing nothing may be blocked, and
//! whatever was acknowledged must be there. `OHP_KILLS` sets how many are killed (200 unless set).
#![cfg(unix)]

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use ohp::table::{Config, Domain, Key, Put, Record, Recorded, SlotError, SlotRef, Table};
use ohp::time::Timestamp;

const CONFIG: Config = Config {
    replays: 200_000,
    hashes: 10,
    kids: 100,
    peers: 10,
    sets: 20_000,
    // Chunk sets in the making, and messages to be sent that nobody knows of since their storer was killed.
    slots: 256,
    slot_bytes: 8_192,
    sounds: 16,
};

const WORKERS: u8 = 4;
/// Identifiers that the workers of one round race for.
const IDS: u32 = 400;
/// Messages that they put together, and the chunks of each.
const MESSAGES: u32 = 40;
const CHUNKS: u32 = 6;
/// Budget that they spend together, a second.
const RATE: u32 = 50;
/// How long a message waits to be sent, in milliseconds.
const STORED_MS: i64 = 20_000;

const FILE: &str = "OHP_TABLE_FILE";
const ROUND: &str = "OHP_TABLE_ROUND";
const PARTY: &str = "OHP_TABLE_PARTY";

/// Maps the table's file, shared, for the rest of the process.
fn map(path: &Path) -> &'static [AtomicU64] {
    let words = CONFIG.words().unwrap();
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    assert_eq!(file.metadata().unwrap().len(), words as u64 * 8);
    // SAFETY: the kernel chooses the address; the mapping is as long as the file, page-aligned, zeroed or written by
    // other processes through atomics only, and never unmapped. AtomicU64 has the size of u64, and every bit pattern is
    // a value of it.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let address = libc::mmap(
            std::ptr::null_mut(),
            words * 8,
            protection,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(address, libc::MAP_FAILED);
        std::slice::from_raw_parts(address.cast::<AtomicU64>(), words)
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64)
}

fn key(table: Table<'_>, domain: Domain, number: u32) -> Key {
    table.key(domain, &[&number.to_le_bytes()])
}

fn record(party: u8, number: u32) -> Record {
    Record {
        surface: (u64::from(number), u64::from(party)),
        call: u64::from(number) << 32 | u64::from(party),
    }
}

fn chunk(message: u32, index: u32) -> Vec<u8> {
    let len = 1 + (message * 131 + index * 17) % 1_300;
    (0..len)
        .map(|byte| (message ^ byte.wrapping_mul(index)) as u8)
        .collect()
}

fn receive(table: Table<'_>, message: u32, index: u32) -> Result<(SlotRef, Put), SlotError> {
    let (owner, id) = (key(table, Domain::Call, message), key(table, Domain::Message, message));
    let bytes = chunk(message, index);
    table
        .slots()
        .receive(&owner, &id, index, CHUNKS, &bytes, now().plus(300_000), now(), 4)
}

fn take(table: Table<'_>, message: u32, slot: SlotRef) -> bool {
    let mut out = [0; CONFIG.slot_bytes as usize];
    match table.slots().take(slot, &mut out) {
        Ok(len) => {
            let whole: Vec<_> = (1..=CHUNKS).flat_map(|index| chunk(message, index)).collect();
            assert_eq!(out[..len], whole, "message {message}");
            true
        }
        Err(error) => {
            assert!(matches!(error, SlotError::Done | SlotError::Gone), "{error}");
            false
        }
    }
}

fn outgoing(number: u32) -> Vec<u8> {
    chunk(number ^ 0x5555, 3)
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// What a worker acknowledges, as 16 bytes, which a pipe keeps together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Said {
    Ready,
    New(u32),
    Chunk(u32, u32),
    Taken(u32),
    Charged,
    Stored(u32, u64),
    /// Said before it is done, so that only what nobody has begun to release must be there.
    Releases(u32, u64),
}

impl Said {
    fn say(self) {
        let (kind, number, more) = match self {
            Said::Ready => (0, 0, 0),
            Said::New(number) => (1, number, 0),
            Said::Chunk(number, index) => (2, number, index.into()),
            Said::Taken(number) => (3, number, 0),
            Said::Charged => (4, 0, 0),
            Said::Stored(number, slot) => (5, number, slot),
            Said::Releases(number, slot) => (6, number, slot),
        };
        let mut bytes = [0xa5, kind, 0, 0x5a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[4..8].copy_from_slice(&u32::to_le_bytes(number));
        bytes[8..].copy_from_slice(&u64::to_le_bytes(more));
        std::io::stderr().write_all(&bytes).unwrap();
    }

    /// The next thing said; `None` at the end. Anything else is a worker's last words.
    fn read(pipe: &mut impl Read) -> Option<Self> {
        let mut bytes = [0; 16];
        pipe.read_exact(&mut bytes).ok()?;
        let ([0xa5, kind, 0, 0x5a, number @ ..], Some(more)) = (
            bytes.first_chunk::<8>().copied().unwrap_or_default(),
            bytes.last_chunk().copied(),
        ) else {
            let mut words = bytes.to_vec();
            pipe.read_to_end(&mut words).unwrap();
            panic!("a worker failed: {}", String::from_utf8_lossy(&words))
        };
        let (number, more) = (u32::from_le_bytes(number), u64::from_le_bytes(more));
        Some(match kind {
            0 => Said::Ready,
            1 => Said::New(number),
            2 => Said::Chunk(number, more as u32),
            3 => Said::Taken(number),
            4 => Said::Charged,
            5 => Said::Stored(number, more),
            _ => Said::Releases(number, more),
        })
    }
}

/// What a worker process runs; in the test run itself there is nothing to do.
#[test]
fn worker() {
    let Some(path) = env::var_os(FILE) else { return };
    let number = |name: &str| env::var(name).unwrap().parse::<u32>().unwrap();
    let (round, party) = (number(ROUND), number(PARTY) as u8);
    let table = Table::attach(map(Path::new(&path))).unwrap();
    let mut random = 88_172_645_463_325_252 ^ u64::from(round) << 40 ^ u64::from(party) << 20;
    let mut waiting = Vec::new();
    Said::Ready.say();
    for step in 0.. {
        let id = round * IDS + step * IDS / 4_000 % IDS;
        let until = now().plus(600_000);
        if table.record(&key(table, Domain::EnvelopeId, id), record(party, id), until, now()) == Ok(Recorded::New) {
            Said::New(id).say();
        }
        let message = round * MESSAGES + xorshift(&mut random) as u32 % MESSAGES;
        let index = 1 + xorshift(&mut random) as u32 % CHUNKS;
        match receive(table, message, index) {
            Ok((slot, put)) => {
                Said::Chunk(message, index).say();
                if put == Put::Complete && take(table, message, slot) {
                    Said::Taken(message).say();
                }
            }
            Err(error) => assert!(matches!(error, SlotError::Done | SlotError::Full), "{error}"),
        }
        if table.charge(&key(table, Domain::Kid, round), RATE, now()) == Ok(true) {
            Said::Charged.say();
        }
        if step % 8 == 0 {
            let (number, owner) = (step << 8 | u32::from(party), key(table, Domain::Call, party.into()));
            let stored = table
                .slots()
                .store(&owner, &outgoing(number), now().plus(STORED_MS), now());
            match stored {
                Ok(slot) => {
                    Said::Stored(number, slot.to_bits()).say();
                    waiting.push((number, slot));
                }
                Err(error) => assert_eq!(error, SlotError::Full),
            }
        }
        if waiting.len() > 4 {
            let (number, slot) = waiting.remove(0);
            Said::Releases(number, slot.to_bits()).say();
            assert_eq!(table.slots().release(slot), Ok(()));
        }
    }
}

fn spawn(path: &Path, round: u32, party: u8) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["worker", "--exact", "--nocapture"])
        .env(FILE, path)
        .env(ROUND, round.to_string())
        .env(PARTY, party.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a worker run for `delay` after its first word, kills it, and returns all that it said.
fn watch(mut child: Child, delay: Duration) -> Vec<Said> {
    let mut pipe = child.stderr.take().unwrap();
    assert_eq!(Said::read(&mut pipe), Some(Said::Ready));
    // Somebody has to empty the pipe, or the worker waits for room in it and is always killed there.
    let reader = thread::spawn(move || std::iter::from_fn(|| Said::read(&mut pipe)).collect());
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn killed_workers_block_nobody_and_lose_nothing_acknowledged() {
    let kills = env::var("OHP_KILLS").map_or(200, |kills| kills.parse().unwrap());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("table-{}", std::process::id()));
    let scratch = Scratch(path);
    let file = std::fs::File::create_new(&scratch.0).unwrap();
    file.set_len(CONFIG.words().unwrap() as u64 * 8).unwrap();
    let table = Table::init(map(&scratch.0), &CONFIG, [5; 16]).unwrap();

    let mut random = 88_172_645_463_325_252;
    let mut winners = HashMap::new();
    let mut taken = HashSet::new();
    let (mut chunks, mut vanished, mut spent, mut sendable) = (0, 0, 0, 0);
    for round in 0..u32::div_ceil(kills, WORKERS.into()) {
        let began = Instant::now();
        let watchers: Vec<_> = (0..WORKERS)
            .map(|party| {
                let child = spawn(&scratch.0, round, party);
                let delay = Duration::from_micros(xorshift(&mut random) % 6_000);
                (party, thread::spawn(move || watch(child, delay)))
            })
            .collect();
        let mut stored = HashSet::new();
        let mut waiting = HashMap::new();
        let mut charged = 0;
        for (party, watcher) in watchers {
            for said in watcher.join().unwrap() {
                match said {
                    Said::Ready => panic!("twice"),
                    Said::New(id) => assert_eq!(winners.insert(id, party), None, "{id} was new twice"),
                    Said::Chunk(message, index) => {
                        stored.insert((message, index));
                    }
                    Said::Taken(message) => assert!(taken.insert(message), "{message} was taken twice"),
                    Said::Charged => charged += 1,
                    Said::Stored(number, slot) => assert_eq!(waiting.insert(slot, number), None, "one slot for two"),
                    Said::Releases(number, slot) => assert_eq!(waiting.remove(&slot), Some(number)),
                }
            }
        }
        chunks += stored.len();

        let allowance = u128::from(RATE) + began.elapsed().as_millis() * u128::from(RATE) / 1_000 + 1;
        assert!(charged <= allowance, "{charged} charged of {allowance}");
        spent += charged;

        // All are dead. Whatever they said holds, for one who comes now.
        let started = Instant::now();
        assert!(table.charge(&key(table, Domain::Kid, round), RATE, now()).is_ok());
        sendable += waiting.len();
        for (slot, number) in waiting {
            let (slot, mut out) = (SlotRef::from_bits(slot), [0; CONFIG.slot_bytes as usize]);
            let len = table.slots().read(slot, 0, &mut out).unwrap();
            assert_eq!(out[..len], outgoing(number), "message {number} to be sent");
            assert_eq!(table.slots().release(slot), Ok(()));
            assert_eq!(table.slots().release(slot), Err(SlotError::Gone));
        }
        for (id, party) in &winners {
            let known = table.find(&key(table, Domain::EnvelopeId, *id), now());
            assert_eq!(known, Some(record(*party, *id)), "{id}");
        }
        for id in round * IDS..(round + 1) * IDS {
            let key = key(table, Domain::EnvelopeId, id);
            let result = table
                .record(&key, record(WORKERS, id), now().plus(600_000), now())
                .unwrap();
            match winners.get(&id) {
                Some(party) => assert_eq!(result, Recorded::Known(record(*party, id))),
                None if result == Recorded::New => assert_eq!(winners.insert(id, WORKERS), None),
                // Its recorder was killed before it could say so.
                None => vanished += 1,
            }
        }
        for message in round * MESSAGES..(round + 1) * MESSAGES {
            let mut last = None;
            for index in 1..=CHUNKS {
                let acknowledged = stored.contains(&(message, index));
                match receive(table, message, index) {
                    Err(SlotError::Done) => assert_eq!(last, None),
                    Ok((slot, put)) => {
                        assert!(!taken.contains(&message));
                        assert!(
                            !acknowledged || put != Put::Stored,
                            "chunk {index} of {message} is lost"
                        );
                        last = Some((slot, put));
                    }
                    Err(error) => panic!("message {message}: {error}"),
                }
            }
            match last {
                Some((slot, put)) => {
                    assert_eq!(put, Put::Complete);
                    assert!(take(table, message, slot) && taken.insert(message));
                }
                None if taken.contains(&message) => {}
                // Its taker was killed before it could say so.
                None => vanished += 1,
            }
        }
        assert!(started.elapsed() < Duration::from_secs(5), "something blocked");
    }
    let stats = table.stats();
    println!(
        "{} workers killed; {} records, {chunks} chunks, {} messages, {sendable} messages to be sent, {spent} charges; {vanished} died between deed and word; {stats:?}",
        kills,
        winners.len(),
        taken.len(),
    );
    assert!(vanished <= 2 * kills as usize);
    assert_eq!(
        (stats.replay_full, stats.set_full, stats.kid_full, stats.dead_sets),
        (0, 0, 0, 0)
    );
}
