//! How many instructions the work on the core path takes, which does not depend on how busy a machine is.
//!
//! `benches/instructions/run` runs this program, which runs itself under valgrind's callgrind, prints `row instructions
//! baseline change` and fails when a row has grown by more than [`TOLERANCE_PERCENT`] over `baseline.txt`; with `--renew`
//! it writes that file instead, with `--keep` it leaves the dumps. Inputs and keys are the same in every run, dependencies
//! those of `Cargo.lock`, and the profile is the library's own for hosts. Callgrind counts what its own processor runs:
//! that one has AVX2 where the host has, and never SHA instructions or AVX-512, so the rows that hash count more than a
//! real processor runs. A baseline says which processor and compiler it was taken with; on others the counts are printed
//! and not judged.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::AtomicU64;
use std::{env, fs, process};

use ohp::cbor::{self, json};
use ohp::crypto::ed25519::PrecomputedKey;
use ohp::envelope::{ENVELOPE_MAX, Envelope, SHAPE, Tier};
use ohp::leg::{Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::media::sdp::Description;
use ohp::media::{Fingerprint, exact, rtp};
use ohp::table::{Config, Table};
use ohp::transport::Info;
use ohp::trust::jwk::{Material, VerifyingKey};
use ohp::trust::jws;

#[path = "../../inputs/handoff.rs"]
mod handoff;
#[path = "../../inputs/sound.rs"]
mod sound;

/// By how much a row may grow.
const TOLERANCE_PERCENT: f64 = 10.0;
/// Set in the process that valgrind runs.
const COUNTED: &str = "OHP_COUNT_INSTRUCTIONS";
/// By this whole name; patterns do not end a dump.
const COUNTED_FUNCTION: &str = "instructions::counted_instructions";
/// Four KB of JSON, 2.9 KB as CBOR.
const ENVELOPE: &str = include_str!("../../inputs/envelope.json");
const OFFER: &[u8] = include_bytes!("../../offer.sdp");

/// A row: its name, how often its work is done in one run, and the work.
type Row<'r> = (&'static str, usize, Box<dyn FnMut(usize) + 'r>);

/// What callgrind collects and dumps by.
#[inline(never)]
fn counted_instructions(times: usize, work: &mut dyn FnMut(usize)) {
    for nth in 0..times {
        work(nth);
    }
}

/// Runs every row; `report` is given its name and how often its work was done.
fn run_rows(mut report: impl FnMut(&str, usize)) {
    let mut run = |(name, times, mut work): Row<'_>| {
        // What is done once for a process, such as looking at the processor, is no part of a row.
        work(times);
        counted_instructions(times, &mut *work);
        report(name, times);
    };
    let mut scratch = vec![0; json::scratch_len(ENVELOPE.len())];
    let mut cbor = vec![0; json::max_cbor_len(ENVELOPE.len())];
    let len = json::to_cbor(ENVELOPE.as_bytes(), SHAPE, &mut scratch, &mut cbor)
        .expect("JSON")
        .len();
    let envelope = cbor[..len].to_vec();
    run((
        "cbor_check",
        16,
        Box::new(|_| cbor::check(black_box(&envelope)).expect("canonical")),
    ));
    run((
        "json_to_cbor",
        16,
        Box::new(|_| {
            black_box(json::to_cbor(black_box(ENVELOPE.as_bytes()), SHAPE, &mut scratch, &mut cbor).is_ok());
        }),
    ));
    run((
        "envelope_read",
        16,
        Box::new(|_| {
            black_box(Envelope::read(black_box(&envelope), &mut |_| ()).is_ok());
        }),
    ));
    run((
        "info_headers",
        16,
        Box::new(|_| {
            black_box(Info::parse(black_box(handoff::HEADERS), &envelope).is_ok());
        }),
    ));
    run((
        "sdp_offer",
        16,
        Box::new(|_| {
            black_box(Description::parse(black_box(OFFER)).map(|offer| offer.media().count())).expect("SDP");
        }),
    ));
    run_sound(&mut run);
    run_signature(&mut run);
    for (name, tier) in [
        ("info_to_verdict_core", Tier::Core),
        ("info_to_verdict_signed", Tier::Signed),
    ] {
        run_verdict(&mut run, name, tier);
    }
}

fn run_sound(run: &mut impl FnMut(Row<'_>)) {
    let octets = sound::octets();
    let mut packet = sound::packet(0, &octets[..sound::PACKET]);
    run((
        "rtp_header",
        256,
        Box::new(|_| {
            black_box(
                rtp::Packet::parse(black_box(&packet)).map(|packet| (packet.timestamp(), packet.payload().len())),
            )
            .expect("RTP");
        }),
    ));
    let words = sound::words();
    let tap = sound::tap_of(&words, &octets);
    let absent = Fingerprint::from_bytes([0; 32]);
    run((
        "fingerprint_newest",
        1,
        Box::new(|_| {
            black_box(exact::newest(&tap).is_ok());
        }),
    ));
    run((
        "fingerprint_miss",
        1,
        Box::new(|_| {
            black_box(exact::search(&tap, &absent));
        }),
    ));
    let mut timestamp = (sound::PACKETS * sound::PACKET) as u32;
    run((
        "tap_packet",
        256,
        Box::new(|_| {
            packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
            timestamp += sound::PACKET as u32;
            black_box(tap.write_rtp(black_box(&packet)));
        }),
    ));
}

fn run_signature(run: &mut impl FnMut(Row<'_>)) {
    let signed = handoff::envelopes(Tier::Signed, 1);
    let envelope = Envelope::read(&signed[0], &mut |_| ()).expect("an envelope");
    let key = handoff::key();
    let Material::Ed25519(public) = &key.public().material else {
        unreachable!("the key is Ed25519")
    };
    let entry = envelope.signatures().next().expect("a signature");
    let expect = jws::Expect {
        alg: "EdDSA",
        kid: Some("bench"),
    };
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    let precomputed = PrecomputedKey::new(*public);
    for (name, key) in [
        ("signature", VerifyingKey::from(public)),
        ("signature_precomputed", VerifyingKey::from(&precomputed)),
    ] {
        run((
            name,
            4,
            Box::new(|_| {
                let surface = envelope.surface();
                let jws = entry.jws().expect("text");
                jws::verify_detached(jws, &expect, key, &surface.segments(), &mut scratch).expect("it holds");
            }),
        ));
    }
}

fn run_verdict(run: &mut impl FnMut(Row<'_>), name: &'static str, tier: Tier) {
    const TIMES: usize = 16;
    let envelopes = handoff::envelopes(tier, TIMES + 1);
    let context = handoff::context();
    let config = Config::default();
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    Table::init(&words, &config, [7; 16]).expect("a table");
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let fresh = |envelope| (Leg::new(handoff::CALL_ID).expect("a leg"), envelope);
    let mut ready: Vec<_> = envelopes.iter().map(fresh).collect();
    run((
        name,
        TIMES,
        Box::new(|_| {
            let (mut leg, envelope) = ready.pop().expect("an envelope that has not been seen");
            let mut host = Host {
                context: &context,
                table: Table::attach(&words).expect("a table"),
                tap: None,
                peer: b"192.0.2.1",
                now: handoff::NOW,
                random: [1; RANDOM_LEN],
                scratch: &mut scratch,
                disclosed: None,
            };
            let info = Info::parse(handoff::HEADERS, envelope).expect("headers");
            let handled = leg.handle_info(&mut host, &info, &mut out, &mut |_, _| ());
            assert!(handled.verdict.is_some_and(|verdict| verdict.is_accepted()));
        }),
    ));
}

/// What a baseline holds for: other counts come from another compiler, target or processor.
fn platform() -> String {
    let avx2 = if cfg!(target_arch = "x86_64") && has_avx2() {
        "with AVX2"
    } else {
        "without AVX2"
    };
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().map_or_else(
        |_| "an unknown rustc".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    format!("{version}, {} {avx2}", env::consts::ARCH)
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// Counts each row under callgrind, in a folder of its own for the dumps.
fn count(dumps: &Path) -> Vec<(String, u64)> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--combine-dumps=no"])
        .args(
            ["--toggle-collect", "--zero-before", "--dump-after"].map(|option| format!("{option}={COUNTED_FUNCTION}")),
        )
        .arg(format!("--callgrind-out-file={}", dumps.join("dump").display()))
        .arg(env::current_exe().expect("this program has a path"))
        .env(COUNTED, "1")
        .output()
        .expect("valgrind is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the run under valgrind failed:\n{errors}");
    let rows = String::from_utf8(output.stdout).expect("names and numbers");
    rows.lines()
        .enumerate()
        .map(|(nth, row)| {
            let (name, times) = row.split_once(' ').expect("a name and a number");
            let dump = dumps.join(format!("dump.{}", nth + 1));
            let dump = fs::read_to_string(&dump).unwrap_or_else(|error| panic!("{}: {error}", dump.display()));
            let totals = dump.lines().find_map(|line| line.strip_prefix("totals: "));
            let counted: u64 = totals.expect("a total").trim().parse().expect("a number");
            (name.to_owned(), counted / times.parse::<u64>().expect("a number"))
        })
        .collect()
}

/// A baseline's platform and rows.
fn read_baseline(text: &str) -> (String, BTreeMap<String, u64>) {
    let platform = text.lines().find_map(|line| line.strip_prefix("# platform: "));
    let rows = text.lines().filter_map(|line| {
        let (name, counted) = line.split_once(' ')?;
        Some((name.to_owned(), counted.trim().parse().ok()?))
    });
    (platform.unwrap_or_default().to_owned(), rows.collect())
}

fn main() -> ExitCode {
    if env::var_os(COUNTED).is_some() {
        run_rows(|name, times| println!("{name} {times}"));
        return ExitCode::SUCCESS;
    }
    let dumps = env::temp_dir().join(format!("ohp-instructions-{}", process::id()));
    fs::create_dir_all(&dumps).expect("a folder for the dumps");
    let counts = count(&dumps);
    if env::args().any(|argument| argument == "--keep") {
        println!("dumps are in {}", dumps.display());
    } else {
        fs::remove_dir_all(&dumps).expect("the folder was made above");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.txt");
    let (known_platform, known) = read_baseline(&fs::read_to_string(&path).unwrap_or_default());
    let platform = platform();
    let mut grown = Vec::new();
    for (name, counted) in &counts {
        let before = known.get(name).copied();
        let change = before.map(|before| (*counted as f64 / before as f64 - 1.0) * 100.0);
        let shown = change.map_or_else(|| "new".into(), |change| format!("{change:+.1} %"));
        println!("{name:24} {counted:>10} {:>10} {shown:>8}", before.unwrap_or(0));
        if change.is_none_or(|change| change > TOLERANCE_PERCENT) {
            grown.push(name.as_str());
        }
    }
    if env::args().any(|argument| argument == "--renew") {
        let rows: String = counts
            .iter()
            .map(|(name, counted)| format!("{name} {counted}\n"))
            .collect();
        let text = format!(
            "# Instructions for each row; written by `benches/instructions/run --renew`.\n# platform: {platform}\n{rows}"
        );
        fs::write(&path, text).expect("the baseline can be written");
        return ExitCode::SUCCESS;
    }
    if platform != known_platform {
        println!("not judged: the baseline is of {known_platform}, and this is {platform}");
        return ExitCode::SUCCESS;
    }
    if grown.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "{} took over {TOLERANCE_PERCENT} % more than in benches/instructions/baseline.txt. Mend it, or say in the commit why it must be so\n\
         and renew the baseline: benches/instructions/run --renew",
        grown.join(", ")
    );
    ExitCode::FAILURE
}
