//! Looks for the INFO that takes longest from its headers to its verdict, in processor time, and keeps each that takes
//! longer than those before: an input is a program that writes up to 64 KiB, so that the costly is within reach of a few
//! bytes. What it finds is kept as code in `tests/common/worst.rs`. Nothing allocates.

#![no_main]

use std::cell::UnsafeCell;
use std::sync::OnceLock;

use ohp::envelope::{ENVELOPE_MAX, Tier};
use ohp::leg::{Context, Host, Leg, SCRATCH_LEN, Settings};
use ohp::media::{Codec, Tap, TapConfig};
use ohp::table::Config;
use ohp::transport::Info;
use ohp_fuzz::party::{self, CALL_ID, NOW, SMALL};
use ohp_fuzz::{Seeds, Take, seeds, sip, target, without_heap};

/// libFuzzer takes what is written here for coverage: one counter for each step of 5 % of time.
#[repr(transparent)]
struct Steps(UnsafeCell<[u8; STEPS]>);
// SAFETY: libFuzzer and the target share one thread.
unsafe impl Sync for Steps {}

const STEPS: usize = 512;

#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static TIMES: Steps = Steps(UnsafeCell::new([0; STEPS]));

const CONFIG: Config = Config {
    slot_bytes: 64 * 1024,
    ..SMALL
};

/// The limit that is promised for a release build; this one is slower by more than ten times.
const LIMIT_NS: u64 = 200 * 5_000_000;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (form, chunks) = (take.below(6), 1 + take.below(4));
    let content = unfold(take);
    let (headers, body): (&str, Vec<u8>) = match form {
        0 => ("Content-Type: application/ohp+cbor\r\n", content),
        1 => ("Content-Type: application/ohp+json\r\n", content),
        2 => ("Content-Type: application/ohp+json\r\nContent-Encoding: deflate\r\n", zlib(&content)),
        3 => ("Content-Type: application/ohp+json\r\n", sip::base64(&zlib(&content))),
        4 => ("Content-Type: application/ohp+json\r\n", sip::base64(&content)),
        _ => ("Content-Type: multipart/ohp; boundary=b\r\n", content),
    };
    let messages: Vec<_> = if form == 5 || chunks == 1 {
        vec![(headers.to_owned(), body)]
    } else {
        let step = body.len().div_ceil(chunks).max(1);
        let total = body.len().div_ceil(step);
        let encoding = if form == 2 { "Content-Encoding: deflate\r\n" } else { "" };
        let media = if form == 0 { "cbor" } else { "json" };
        let chunk = |(nth, data): (usize, &[u8])| {
            let place = nth + 1;
            let head = format!("--b\r\nContent-Type: application/ohp+{media}\r\nOHP-Chunk: {place}/{total}\r\n\r\n");
            let body = [head.as_bytes(), data, b"\r\n--b--\r\n"].concat();
            (format!("Content-Type: multipart/ohp; boundary=b\r\n{encoding}"), body)
        };
        body.chunks(step).enumerate().map(chunk).collect()
    };
    let longest = (0..3).map(|_| longest(&messages)).min().unwrap_or_default();
    assert!(longest < LIMIT_NS, "{longest} ns");
    let step = (longest.max(1) as f64).log(1.05) as usize;
    // SAFETY: as above; the step is within the counters.
    unsafe { (*TIMES.0.get())[step.min(STEPS - 1)] = 1 };
});

/// Nanoseconds of processor time that the costliest of the messages takes.
fn longest(messages: &[(String, Vec<u8>)]) -> u64 {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    let context = CONTEXT.get_or_init(|| Context {
        bundle: party::bundle(&party::receiver_json()),
        settings: Settings {
            enforce: true,
            ..Settings::default()
        },
    });
    let words = party::table_words(&CONFIG);
    let table = party::table(&words, &CONFIG);
    let mut leg = Leg::new(CALL_ID).expect("an identifier");
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let mut longest = 0;
    for (headers, body) in messages {
        let mut host = Host {
            context,
            table,
            tap: Some(Tap::attach(heard()).expect("a tap")),
            peer: b"192.0.2.1",
            now: NOW,
            random: [9; ohp::leg::RANDOM_LEN],
            scratch: &mut scratch,
            disclosed: None,
        };
        let taken = without_heap(|| {
            let before = processor_time();
            if let Ok(info) = Info::parse(headers.as_bytes(), body) {
                leg.handle_info(&mut host, &info, &mut out, &mut |_, _| ());
            }
            processor_time() - before
        });
        longest = longest.max(taken);
    }
    longest
}

fn heard() -> &'static [std::sync::atomic::AtomicU64] {
    static WORDS: OnceLock<Vec<std::sync::atomic::AtomicU64>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 2,
        };
        let words = party::tap_words(&config);
        party::speak(&Tap::init(&words, &config).expect("a tap"), 4);
        words
    })
}

fn processor_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1)
}

/// Bytes as they stand, repeated, or counted up in their last digits, which makes keys that differ.
fn unfold(mut take: Take<'_>) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    while !take.is_empty() && bytes.len() < 65_536 {
        match take.below(4) {
            0 => bytes.extend(take.long()),
            1 => {
                let (times, piece) = (take.u16(), take.short());
                bytes.extend(piece.repeat(usize::from(times) % 8192));
            }
            _ => {
                let (times, before, after) = (take.u16() % 8192, take.short(), take.short());
                for nth in 0..times {
                    bytes.extend(before);
                    bytes.extend(format!("{:x}", nth.reverse_bits()).as_bytes());
                    bytes.extend(after);
                    if bytes.len() > 65_536 {
                        break;
                    }
                }
            }
        }
    }
    bytes.truncate(65_536);
    bytes
}

fn write_seeds(seeds: &mut Seeds) {
    for (json, cbor) in seeds::envelopes_json().iter().zip(seeds::envelopes()) {
        let long = |bytes: &[u8]| [&[0][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat();
        seeds.add_with(&[0, 0], long(&cbor));
        (1..5).for_each(|form| seeds.add_with(&[form, form], long(json)));
        // Really signed, so that everything behind the signature is reached.
        if let Ok(envelope) = ohp::envelope::Envelope::read(&cbor, &mut |_| ())
            && envelope.tier() == Tier::Signed
            && let Some(signed) = party::sign(&envelope, &party::keys(1))
        {
            seeds.add_with(&[0, 0], long(&signed));
        }
    }
    // Keys that differ in their last digits; objects in one another; many small numbers.
    seeds.add(
        [
            &[1, 0, 0, 1, 0, b'{', 2, 0, 8, 1, b'"', 4][..],
            b"\":1,",
            &[0, 6, 0],
            b"\"z\":0}",
        ]
        .concat(),
    );
    seeds.add([&[1, 0, 1, 30, 0, 5][..], b"{\"\":{", &[1, 30, 0, 2], b"}}"].concat());
    seeds.add([&[3, 0, 0, 1, 0, b'[', 1, 0xff, 0x1f, 4][..], b"1.1,", &[0, 2, 0], b"1]"].concat());
    // Lines that begin as a boundary does.
    seeds.add(
        [
            &[5, 0, 0, 5, 0][..],
            b"--b\r\n",
            &[1, 0xff, 0x1f, 5],
            b"\r\n--b",
            &[0, 9, 0],
            b"\r\n--b--\r\n",
        ]
        .concat(),
    );
}
