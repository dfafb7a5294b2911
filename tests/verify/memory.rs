//! What a verdict remembers in the shared table and refuses for it: replays, fingerprints of other calls, budgets.

use std::sync::atomic::AtomicU64;

use ohp::envelope::RejectReason;
use ohp::media::continuity::{Continuity, Wanted};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::trust::bundle::Bundle;
use ohp::verify::{Call, Media, Memory, Outcome, Role, Situation, Step, Why};
use serde_json::json;

use crate::common::{self, NOW, at, bundle, receiver_json, sign};
use crate::setting::{judge, refusal, signed, signed_with, situation, why};

/// A table of its own for one test.
fn table_words(config: &Config) -> Vec<AtomicU64> {
    (0..config.words().expect("a configuration"))
        .map(|_| AtomicU64::new(0))
        .collect()
}

const SMALL: Config = Config {
    replays: 256,
    hashes: 64,
    kids: 64,
    peers: 64,
    sets: 64,
    slots: 4,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

fn remembered<'s>(bundle: &'s Bundle, table: Table<'s>, call: &'s [&'s str], now: Timestamp) -> Situation<'s> {
    Situation {
        call: Call::Ids(call),
        memory: Some(Memory {
            table,
            peer: b"192.0.2.1",
            peer_rate: 100,
        }),
        role: Role::OnLeg(None),
        ..situation(bundle, now)
    }
}

/// Interpretations, row 25.
#[test]
fn replay_into_second_call_is_refused_and_retransmission_is_recognised() {
    if !common::shared_is_here() {
        return;
    }
    let words = table_words(&SMALL);
    let table = Table::init(&words, &SMALL, [3; 16]).expect("a table");
    let trust = bundle(&receiver_json());
    let (first, second) = (["callid_2026_K9_acc7781"], ["another-call"]);
    let cbor = signed_with(|_| ());
    let judged = |call: &[&str], cbor: &[u8]| {
        let verdict = judge(cbor, &remembered(&trust, table, call, at(NOW)));
        (verdict.outcome, refusal(&verdict))
    };
    assert_eq!(judged(&first, &cbor).0, Outcome::Accept);
    assert_eq!(judged(&first, &cbor).0, Outcome::Duplicate);
    assert_eq!(judged(&second, &cbor).1, Some(("not-bound-to-call", 0)));

    // The same identifier with other content, and another identifier with the same nonce.
    let other_content = signed_with(|envelope| envelope["transcript"]["summary"] = json!("Something else."));
    assert_eq!(judged(&first, &other_content).1, Some(("not-bound-to-call", 0)));
    let same_nonce = signed_with(|envelope| envelope["id"] = json!("cse_01HZX0R5N9V8W1QYK0XQM3R3KZ"));
    let verdict = judge(&same_nonce, &remembered(&trust, table, &first, at(NOW)));
    assert_eq!(why(&verdict), Why::ReplayedNonce);
}

/// Interpretations, row 25.
#[test]
fn forged_or_needy_envelopes_leave_no_trace() {
    if !common::shared_is_here() {
        return;
    }
    let words = table_words(&SMALL);
    let table = Table::init(&words, &SMALL, [3; 16]).expect("a table");
    let trust = bundle(&receiver_json());
    let call = ["callid_2026_K9_acc7781"];
    let situation = || remembered(&trust, table, &call, at(NOW));
    let forged = sign(&signed(), 9);
    assert_eq!(refusal(&judge(&forged, &situation())), Some(("signature-invalid", 2)));
    let no_media = |_: &Wanted<'_>| Continuity::NoMedia;
    let cbor = signed_with(|_| ());
    let needy = Situation {
        media: Media::Live(&no_media),
        ..situation()
    };
    assert_eq!(judge(&cbor, &needy).outcome, Outcome::Need);
    assert_eq!(
        judge(&cbor, &situation()).outcome,
        Outcome::Accept,
        "neither has blocked the genuine one"
    );
}

/// Interpretations, row 36.
#[test]
fn fingerprint_that_another_call_has_shown_is_refused() {
    if !common::shared_is_here() {
        return;
    }
    let words = table_words(&SMALL);
    let table = Table::init(&words, &SMALL, [3; 16]).expect("a table");
    let trust = bundle(&receiver_json());
    let everything_matches = |_: &Wanted<'_>| {
        Continuity::Exact(ohp::media::exact::Found {
            behind_ms: 0,
            on_boundary: true,
        })
    };
    let judged = |call: &'static str, id: &str| {
        let cbor = signed_with(|envelope| {
            envelope["id"] = json!(format!("cse_01HZX0R5N9V8W1QYK0XQM3R3{id}"));
            envelope["control"]["nonce"] = json!(format!("00112233445566{:02x}", id.as_bytes()[1]));
            envelope["session"]["callId"] = json!(call);
        });
        let ids = [call];
        let situation = Situation {
            media: Media::Live(&everything_matches),
            ..remembered(&trust, table, &ids, at(NOW))
        };
        judge(&cbor, &situation).outcome
    };
    assert_eq!(judged("call-one", "A1"), Outcome::Accept);
    assert_eq!(
        judged("call-one", "A2"),
        Outcome::Accept,
        "the same call may show it again"
    );
    let Outcome::Reject(Step::CallLeg, failure) = judged("call-two", "A3") else {
        panic!("hold music")
    };
    assert_eq!(
        (failure.reason, failure.why),
        (RejectReason::NotBoundToCall, Why::FingerprintSeenElsewhere)
    );
}

/// Interpretations, rows 25 and 30.
#[test]
fn budgets_of_peer_and_key_are_kept_apart() {
    if !common::shared_is_here() {
        return;
    }
    let words = table_words(&SMALL);
    let table = Table::init(&words, &SMALL, [3; 16]).expect("a table");
    let mut trust = receiver_json();
    trust["receiver"]["ratePerKid"] = json!(2);
    let trust = bundle(&trust);
    let call = ["callid_2026_K9_acc7781"];
    let numbered = |nth: u32, seed| {
        let mut envelope = signed();
        envelope["id"] = json!(format!("cse_01HZX0R5N9V8W1QYK0XQM3R{nth:03}"));
        envelope["control"]["nonce"] = json!(format!("{nth:032x}"));
        sign(&envelope, seed)
    };
    // A forger's envelopes cost the peer, never the key.
    for nth in 0..5 {
        let cbor = numbered(nth, 9);
        assert_eq!(
            refusal(&judge(&cbor, &remembered(&trust, table, &call, at(NOW)))),
            Some(("signature-invalid", 2))
        );
    }
    let outcomes: Vec<_> = (10..13)
        .map(|nth| refusal(&judge(&numbered(nth, 1), &remembered(&trust, table, &call, at(NOW)))))
        .collect();
    assert_eq!(outcomes, [None, None, Some(("rate-limit", 2))]);

    let narrow = |nth| {
        let mut situation = remembered(&trust, table, &call, at(NOW).plus(10_000));
        situation.memory = Some(Memory {
            table,
            peer: b"198.51.100.7",
            peer_rate: 1,
        });
        refusal(&judge(&numbered(nth, 9), &situation))
    };
    assert_eq!(narrow(20), Some(("signature-invalid", 2)));
    assert_eq!(narrow(21), Some(("rate-limit", 0)));
}

#[test]
fn full_table_is_overload_and_no_verdict_on_the_envelope() {
    if !common::shared_is_here() {
        return;
    }
    let tiny = Config { replays: 1, ..SMALL };
    let words = table_words(&tiny);
    let table = Table::init(&words, &tiny, [3; 16]).expect("a table");
    let mut trust = receiver_json();
    trust["receiver"]["ratePerKid"] = json!(100_000);
    let trust = bundle(&trust);
    let call = ["callid_2026_K9_acc7781"];
    let mut overloaded = 0;
    for nth in 0..400 {
        let mut envelope = signed();
        envelope["id"] = json!(format!("cse_01HZX0R5N9V8W1QYK0XQM3R{nth:03}"));
        envelope["control"]["nonce"] = json!(format!("{nth:032x}"));
        let cbor = sign(&envelope, 1);
        let mut situation = remembered(&trust, table, &call, at(NOW));
        situation.memory = Some(Memory {
            table,
            peer: b"192.0.2.1",
            peer_rate: 100_000,
        });
        match judge(&cbor, &situation).outcome {
            Outcome::Accept => assert_eq!(overloaded, 0, "a full table takes nothing more"),
            Outcome::Overloaded => overloaded += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(overloaded > 0);
    assert!(table.stats().replay_full > 0);
}
