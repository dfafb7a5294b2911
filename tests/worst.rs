//! No INFO of up to 64 KiB costs more than 5 ms on a machine of today. Time is not for tests; what is counted here are
//! instructions, under callgrind, of the costliest INFOs that are known. `cargo bench --bench worst` takes the time.

#[path = "common/skip.rs"]
mod skip;

#[path = "common/worst.rs"]
mod worst;

use std::process::Command;
use std::sync::atomic::AtomicU64;

use ohp::envelope::ENVELOPE_MAX;
use ohp::leg::{Context, Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;

/// Instructions of the costliest INFO in the profile of tests, which takes about three times those of a release.
const LIMIT: u64 = 20_000_000;

/// Set to a case's name in the process that is counted.
const CASE: &str = "OHP_TEST_WORST";

struct Receiver {
    words: Vec<AtomicU64>,
    context: Context,
    leg: Leg,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

impl Receiver {
    fn new() -> Self {
        let config = Config {
            replays: 16,
            hashes: 16,
            kids: 16,
            peers: 16,
            sets: 16,
            slots: 4,
            slot_bytes: 64 * 1024,
            sounds: 16,
        };
        let words: Vec<_> = (0..config.words().expect("a size"))
            .map(|_| AtomicU64::new(0))
            .collect();
        Table::init(&words, &config, [1; 16]).expect("a table");
        Self {
            words,
            context: Context::default(),
            leg: Leg::new("a84b4c76e66710@pc33.example.com").expect("an identifier"),
            scratch: vec![0; SCRATCH_LEN],
            out: vec![0; ENVELOPE_MAX],
        }
    }

    fn take(&mut self, headers: &str, body: &[u8]) -> u16 {
        let mut host = Host {
            context: &self.context,
            table: Table::attach(&self.words).expect("a table"),
            tap: None,
            peer: b"192.0.2.1",
            now: Timestamp::from_millis(1_780_000_000_000),
            random: [1; RANDOM_LEN],
            scratch: &mut self.scratch,
            disclosed: None,
        };
        counted(&mut self.leg, &mut host, headers, body, &mut self.out)
    }
}

/// What callgrind counts, by this name.
#[unsafe(no_mangle)]
#[inline(never)]
fn counted(leg: &mut Leg, host: &mut Host<'_>, headers: &str, body: &[u8], out: &mut [u8]) -> u16 {
    match Info::parse(headers.as_bytes(), body) {
        Ok(info) => leg.handle_info(host, &info, out, &mut |_, _| ()).status.code(),
        Err(_) => 400,
    }
}

#[test]
fn no_info_takes_more_instructions_than_five_milliseconds_hold() {
    if let Some(name) = std::env::var_os(CASE) {
        let case = worst::cases()
            .into_iter()
            .find(|case| *case.name == *name)
            .expect("a case");
        let mut receiver = Receiver::new();
        for (headers, body) in &case.infos {
            assert!(body.len() <= 64 * 1024);
            receiver.take(headers, body);
        }
        return;
    }
    let binary = std::env::current_exe().expect("this test");
    for case in worst::cases() {
        let counting = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                "--toggle-collect=counted",
            ])
            .arg(&binary)
            .args(["--exact", "no_info_takes_more_instructions_than_five_milliseconds_hold"])
            .env(CASE, case.name)
            .output();
        let Ok(counting) = counting else {
            return skip::skip("valgrind is not installed");
        };
        let said = String::from_utf8_lossy(&counting.stderr);
        assert!(counting.status.success(), "{}: {said}", case.name);
        let count = said
            .lines()
            .find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
        let count = count.expect("callgrind says what it has collected");
        println!("{}: {count} instructions in {} INFOs", case.name, case.infos.len());
        assert!(count > 1_000, "{}: not counted", case.name);
        assert!(count < LIMIT, "{}: {count} instructions", case.name);
    }
}
