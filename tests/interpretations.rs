//! The rows of docs/implementer.md: that each has a test which names it, and the rows that no other file tests.
//!
//! A test names its row as `row 25` in its documentation or as `row_25_` in its own name.

mod common;

#[path = "leg/pair.rs"]
mod pair;

use common::to_cbor;
use ohp::cbor::{self, Item, json};
use ohp::control::Phase;
use ohp::envelope::{Envelope, RejectReason, Tier, Verb};
use ohp::leg::Event;
use ohp::verify::Step;
use pair::{Info, Pair, Which};
use serde_json::json;

/// The rows of docs/implementer.md.
fn documented_rows() -> Vec<u32> {
    let text = include_str!("../docs/implementer.md");
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .filter_map(|(first, _)| {
            first
                .split(", ")
                .map(|row| row.parse().ok())
                .collect::<Option<Vec<u32>>>()
        })
        .flatten()
        .collect()
}

/// The row numbers that a text names: `row 7`, `rows 7, 21 and 24`, `row_07_`.
fn named_rows(text: &str, found: &mut std::collections::BTreeSet<u32>) {
    for (at, _) in text.match_indices("row") {
        let mut rest = text[at + 3..].trim_start_matches(['s', '_', ' ']);
        while let Some(end) = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .filter(|end| *end > 0)
        {
            found.extend(rest[..end].parse::<u32>());
            rest = rest[end..]
                .trim_start_matches([',', ' ', '–', '_'])
                .trim_start_matches("and ");
        }
    }
}

/// The rows that a file's tests name, in their documentation or their own names.
fn named_by_tests(text: &str, found: &mut std::collections::BTreeSet<u32>) {
    let mut documentation = String::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            documentation.push_str(words);
            continue;
        }
        is_test |= line == "#[test]";
        if line.starts_with("#[") {
            continue;
        }
        if is_test {
            named_rows(&documentation, found);
            named_rows(line, found);
        }
        documentation.clear();
        is_test = false;
    }
}

#[test]
fn every_documented_row_is_named_by_a_test() {
    let mut named = std::collections::BTreeSet::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("tests") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("readable");
                named_by_tests(&text, &mut named);
            }
        }
    }
    let rows = documented_rows();
    assert!(rows.len() > 30, "{rows:?}");
    let unnamed: Vec<_> = rows.into_iter().filter(|row| !named.contains(row)).collect();
    assert!(unnamed.is_empty(), "rows without a test: {unnamed:?}");
}

/// Row 2.
#[test]
fn row_2_shorter_keys_come_first() {
    let cbor = to_cbor(r#"{"caller":1,"ohp":2,"id":3,"b":4,"a":5,"issuer":6}"#);
    let map = Item::parse(&cbor).expect("canonical").map().expect("a map");
    let keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b", "id", "ohp", "caller", "issuer"]);
}

/// Row 3.
#[test]
fn row_3_literals_decide_between_integer_and_float() {
    for (literal, cbor) in [
        ("42", &[0x18, 42][..]),
        ("-0", &[0x00]),
        ("1.0", &[0xf9, 0x3c, 0x00]),
        ("1e0", &[0xf9, 0x3c, 0x00]),
        ("0.1", &[0xfb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]),
        ("100000.0", &[0xfa, 0x47, 0xc3, 0x50, 0x00]),
        ("18446744073709551615", &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]),
        ("-18446744073709551616", &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255]),
    ] {
        assert_eq!(to_cbor(literal), cbor, "{literal}");
        let mut back = String::new();
        json::from_cbor(Item::parse(cbor).expect("canonical"), &mut back, false).expect("text");
        assert_eq!(to_cbor(&back), cbor, "{literal} comes back as {back}");
    }
    for literal in ["18446744073709551616", "-18446744073709551617", "1e999"] {
        assert_eq!(common::try_to_cbor(literal), None, "{literal}");
    }
}

/// Row 4.
#[test]
fn row_4_what_a_second_encoder_could_write_otherwise_is_refused() {
    for (bytes, offset) in [
        (&[0xa2, 0x61, b'b', 1, 0x61, b'a', 2][..], 4), // unsorted
        (&[0xa2, 0x61, b'a', 1, 0x61, b'a', 2], 4),     // duplicate
        (&[0x9f, 0xff], 0),                             // indefinite
        (&[0x18, 23], 0),                               // a long head
        (&[0xfa, 0x3f, 0x80, 0, 0], 0),                 // a long float
        (&[0x41, 0], 0),                                // a byte string
        (&[0xc1, 0], 0),                                // another tag
        (&[0xf7], 0),                                   // undefined
        (&[0x61, 0xff], 1),                             // not UTF-8
        (&[0x01, 0x01], 1),                             // trailing bytes
    ] {
        assert_eq!(
            cbor::check(bytes).map_err(|error| error.offset),
            Err(offset),
            "{bytes:02x?}"
        );
    }
    assert_eq!(
        common::try_to_cbor(r#"{"a":1,"\u0061":2}"#),
        None,
        "the same key, escaped"
    );
    assert_eq!(
        to_cbor(r#"{"a":null,"b":{},"c":[]}"#),
        *b"\xa3aa\xf6ab\xa0ac\x80",
        "nothing is dropped"
    );
}

/// Row 10.
#[test]
fn row_10_milliseconds_are_sent_and_any_precision_is_taken() {
    let mut pair = Pair::new();
    let sent = pair.propose_bytes(Tier::Core);
    let envelope = Envelope::read(&sent, &mut |_| ()).expect("an envelope");
    let issued_at = envelope.get("issuedAt").and_then(Item::as_time).expect("a time");
    assert_eq!(issued_at, "2026-05-28T13:51:00.000Z");
    let mut json = String::new();
    json::from_cbor(envelope.root(), &mut json, false).expect("text");
    for precise in [
        "2026-05-28T13:51:00Z",
        "2026-05-28T15:51:00.123456789+02:00",
        "2026-05-28t13:51:00.1z",
    ] {
        let cbor = to_cbor(&json.replace(issued_at, precise));
        let mut found = Vec::new();
        let envelope = Envelope::read(&cbor, &mut |violation| found.push(violation)).expect("an envelope");
        assert!(found.is_empty(), "{precise}: {found:?}");
        assert_eq!(
            envelope.issued_at().map(|moment| moment.millis() / 1000),
            Some(1_779_976_260),
            "{precise}"
        );
    }
}

/// Row 14: the small-order and non-canonical cases are in `tests/crypto/ed25519.rs`; this one is through the whole stack.
#[test]
fn row_14_signature_with_its_s_raised_by_the_group_order_is_refused() {
    if !common::shared_is_here() {
        return;
    }
    use ohp::trust::base64url;
    let mut json = common::official("02-signed-cs-handoff");
    let good = common::sign(&json, 1);
    let envelope = Envelope::read(&good, &mut |_| ()).expect("an envelope");
    let jws = envelope
        .signatures()
        .next()
        .and_then(|entry| entry.jws())
        .expect("a signature");
    let (header, signature) = jws.split_once("..").expect("detached");
    let mut bytes: [u8; 64] = base64url::decode_exact(signature).expect("64 bytes");
    // L, the order of the base point (RFC 8032 §5.1), added to S.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
    ];
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    let mut text = [0; 88];
    let raised = base64url::encode(&bytes, &mut text).expect("it fits");
    json["signatures"] = json!([{ "kid": "test-key-1", "alg": "EdDSA", "jws": format!("{header}..{raised}") }]);
    let trust = common::bundle(&common::receiver_json());
    let situation = ohp::verify::Situation {
        bundle: &trust,
        now: common::at(common::NOW),
        role: ohp::verify::Role::Unknown,
        call: ohp::verify::Call::Unknown,
        media: ohp::verify::Media::NotHere,
        echo: ohp::transport::Echo::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    };
    let cbor = to_cbor(&json.to_string());
    let mut scratch = vec![0; ohp::verify::VERIFY_SCRATCH];
    let verdict = ohp::verify::verify(&cbor, &situation, &mut scratch, &mut |_, _| ());
    let (step, failure) = verdict.failure().expect("refused");
    assert_eq!(
        (step, failure.reason),
        (Step::Signatures, RejectReason::SignatureInvalid)
    );
}

/// Row 29.
#[test]
fn row_29_reason_outside_the_list_is_taken_and_shown() {
    let mut pair = Pair::new();
    let id = pair.propose(Tier::Core).expect("a proposal");
    pair.settle();
    let reject = json!({
        "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3M0",
        "session": { "callId": pair::CALL_ID },
        "control": { "verb": "REJECT", "reason": "over-capacity", "altTarget": "queue:tier-2", "nonce": "8b2c4f",
            "refs": { "proposedId": id.as_str() } }
    });
    let body = to_cbor(&reject.to_string());
    let envelope = Envelope::read(&body, &mut |_| ()).expect("an envelope");
    assert_eq!(
        (envelope.verb(), envelope.control().reason()),
        (Verb::Reject, Some("over-capacity"))
    );
    assert_eq!(
        envelope.get("control.altTarget").and_then(Item::as_text),
        Some("queue:tier-2")
    );
    let info = Info {
        headers: "Content-Type: application/ohp+cbor\r\n\r\n".into(),
        body,
    };
    assert_eq!(pair.deliver(Which::Sender, &info), 200);
    let told = pair.events(Which::Sender);
    assert!(
        matches!(
            told[..],
            [Event::Rejected {
                reason: None,
                verified: true,
                ..
            }]
        ),
        "{told:?}"
    );
}

/// Row 41.
#[test]
fn row_41_with_enforce_off_nothing_is_answered_and_the_application_is_told() {
    let mut pair = Pair::new();
    pair.set_enforce(Which::Receiver, false);
    let mut forger = Pair::with_sender_key(9);
    forger.propose(Tier::Signed).expect("a proposal");
    for info in forger.collect(Which::Sender) {
        assert_eq!(pair.deliver(Which::Receiver, &info), 200);
    }
    let told = pair.events(Which::Receiver);
    assert!(
        matches!(
            told[..],
            [Event::Refused {
                step: Step::Signatures,
                answered: false,
                ..
            }]
        ),
        "{told:?}"
    );
    assert_eq!(pair.poll(Which::Receiver), None);
    assert_eq!(pair.phases().1, Phase::Idle);
}
