//! What cannot panic, whatever bytes come: shown by the compiler for each entry point that `tests/no_panic/` wraps, or
//! listed here with what keeps it from seeing so. For those the fuzzers stand in.

#[path = "common/locked.rs"]
mod locked;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Entry points that the compiler shows to return.
const SHOWN: &[&str] = &[
    "base64_decode",
    "base64url_decode",
    "cbor_check",
    "cbor_item",
    "cbor_reader",
    "content_type",
    "ed25519_key",
    "envelope_id",
    "fingerprint",
    "decode",
    "hex",
    "rfc3339",
    "rtp",
    "tap_write_frame",
    "tap_write_rtp",
];

/// Those that it does not, and what it would have to know: which function keeps a check, and why that cannot fail.
const LISTED: &[(&str, &str)] = &[
    ("body_decode", "as inflate and json_to_cbor: it takes either"),
    (
        "chunk_receive",
        "as headers and body_decode; and the table's words are indexed by what other processes write, reduced \
         to the table's sizes, which are its own memory's too",
    ),
    ("echo", "as headers"),
    (
        "ed25519_verify",
        "curve25519-dalek and sha2 index tables by digits and blocks that they have cut to size",
    ),
    (
        "encode_and_split",
        "deflate's tables are indexed by hashes and code lengths masked to their size; core's sort may find an order that is \
         none",
    ),
    (
        "envelope_read",
        "rules are reported to a function behind a pointer, and core's search for a character cuts the text by what it found",
    ),
    (
        "headers",
        "memchr, which looks for the ends of lines, is called through a pointer that it chooses by the processor",
    ),
    (
        "inflate",
        "miniz_oxide indexes its tables and the output by masked and checked numbers",
    ),
    (
        "json_to_cbor",
        "core's parser of floats and its sort keep checks of their own; and an object's bytes are moved within what it was \
         written to (Encoder::close)",
    ),
    ("jws_header", "as json_to_cbor: the header is JSON"),
    ("jws_verify", "as jws_header and ed25519_verify"),
    (
        "leg_handle_info",
        "everything above, the draft of an answer, and an observer behind a pointer",
    ),
    ("leg_handle_sdp", "as sdp_hints"),
    ("message", "as headers"),
    ("multipart", "as headers"),
    ("panics", "it does, given no bytes: it shows that what panics is found"),
    (
        "sdp",
        "core's parser of addresses and its search for a character keep checks of their own; lines are cut where they end \
         (Lines::next), formats are at most as many as the list takes (Media::formats)",
    ),
    ("sdp_hints", "as sdp, and hints are written by core's formatter"),
    ("sdp_renegotiation", "as sdp_hints"),
    (
        "tap_fingerprint",
        "positions in the ring are reduced to its size, and core's sort keeps a check of its own",
    ),
    ("tap_search", "as tap_fingerprint"),
    (
        "verdict",
        "as envelope_read and jws_verify, the table as in chunk_receive, and an observer behind a pointer",
    ),
];

/// Builds the proof as the library is shipped, and reads off it what the compiler could not show.
fn unproven() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = root.join("tests/no_panic");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/");
    let target = target.join("no_panic");
    locked::assert_same_versions(&package);
    let build = Command::new(env!("CARGO"))
        .current_dir(package)
        .args(["build", "--locked", "--quiet", "--release", "--target-dir"])
        .arg(&target)
        .output()
        .expect("cargo can be run");
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let symbols = Command::new("nm")
        .arg(target.join("release/no-panic-proof"))
        .output()
        .expect("nm can be run");
    assert!(symbols.status.success());
    let symbols = String::from_utf8(symbols.stdout).expect("text");
    assert!(symbols.contains(" main"), "the symbols are there to be read");
    let marks = symbols.split("detected panic in function `").skip(1);
    let names = marks.filter_map(|rest| rest.split_once('`'));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn entry_points_that_are_said_not_to_panic_do_not() {
    let listed: BTreeSet<_> = LISTED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unproven = unproven();
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/no_panic/src/main.rs"));
    let source = source.expect("the proof's source");
    for name in SHOWN.iter().copied().chain(LISTED.iter().map(|(name, _)| *name)) {
        assert!(source.contains(&format!("\n    {name}: |")), "{name} is not wrapped");
        match (listed.contains(name), unproven.contains(name)) {
            (true, false) => panic!("{name} is shown not to panic now: move it from LISTED to SHOWN"),
            (false, true) => panic!("{name} may panic, as far as the compiler sees"),
            _ => {}
        }
    }
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let name = |line: &str| Some(line.strip_prefix("    ")?.split_once(": |")?.0.to_owned());
    let wrapped = source.lines().filter_map(name).filter(|name| is_name(name)).count();
    assert_eq!(
        wrapped,
        SHOWN.len() + LISTED.len(),
        "each wrapper is in one of the lists"
    );
    println!("{} shown, {} listed", SHOWN.len(), LISTED.len());
    LISTED.iter().for_each(|(name, why)| println!("{name}: {why}"));
}
