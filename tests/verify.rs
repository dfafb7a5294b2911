//! The verdict: steps 0 to 5, in order, each with its reason; and the official Core and Signed vectors.

mod common;

use common::{NOW, at, bundle, official, receiver_json, sign, to_cbor};
use ohp::envelope::{RejectReason, Tier};
use ohp::media::Fingerprint;
use ohp::media::exact::{Decision, Unusable};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Echo;
use ohp::trust::bundle::Bundle;
use ohp::verify::{
    Call, Media, MediaDoubt, Memory, NeedKind, Outcome, Outstanding, Role, Situation, Step, StepResult, VERIFY_SCRATCH,
    Verdict, Warning, Why, verify,
};
use serde_json::{Value, json};
use std::sync::atomic::AtomicU64;

/// A verification from the command line's point of view: no call, no sound, nothing remembered.
fn situation(bundle: &Bundle, now: Timestamp) -> Situation<'_> {
    Situation {
        bundle,
        now,
        role: Role::Unknown,
        call: Call::Unknown,
        media: Media::NotHere,
        echo: Echo::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    }
}

fn judge<'a>(cbor: &'a [u8], situation: &Situation<'_>) -> Verdict<'a> {
    verify(cbor, situation, &mut vec![0; VERIFY_SCRATCH], &mut |_, _| ())
}

/// The reason and the step of a refusal.
fn refusal(verdict: &Verdict<'_>) -> Option<(&'static str, u8)> {
    verdict
        .failure()
        .map(|(step, failure)| (failure.reason.as_str(), step.number()))
}

fn why(verdict: &Verdict<'_>) -> Why {
    verdict
        .failure()
        .unwrap_or_else(|| panic!("not refused: {:?}", verdict.outcome))
        .1
        .why
}

fn signed() -> Value {
    official("02-signed-cs-handoff")
}

/// The signed example without what needs more than a key, changed by `change`, signed by the sender's key.
fn signed_with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut envelope = signed();
    change(&mut envelope);
    sign(&envelope, 1)
}

#[test]
fn official_core_and_signed_vectors_come_out_as_expected() {
    if !common::shared_is_here() {
        return;
    }
    let mut run = 0;
    for tier in ["core", "signed"] {
        let folder = common::shared().join("ohp/conformance/test-vectors").join(tier);
        for entry in std::fs::read_dir(folder).expect("vectors") {
            let path = entry.expect("an entry").path();
            let read = |name| std::fs::read_to_string(path.join(name)).expect(name);
            let expected: Value = serde_json::from_str(&read("expected.json")).expect("JSON");
            let cbor = to_cbor(&read("envelope.json"));
            let now = at(expected["now"].as_str().expect("a moment"));

            // The vectors have no keys: a receiver that admits their issuer, with a key that cannot have signed.
            let mut trust = common::bundle_json(
                ("test-receiver", "did:web:test.example.org:receiver", 2),
                ("did:web:test.example.org:agent_signed_01", 1),
            );
            let issuers = trust["issuers"].as_object_mut().expect("issuers");
            let jwks = &mut issuers["did:web:test.example.org:agent_signed_01"]["jwks"]["keys"][0];
            jwks["kid"] = json!("test_signed_01_ed");
            let trust = bundle(&trust);
            let verdict = judge(&cbor, &situation(&trust, now));
            let envelope = verdict.envelope.expect("readable");
            if expected["signatureVerifyRequired"] == true {
                // Its signature is a placeholder, which must not pass; the same envelope with a real one must.
                assert_eq!(refusal(&verdict), Some(("signature-invalid", 2)), "{}", path.display());
                let mut vector: Value = serde_json::from_str(&read("envelope.json")).expect("JSON");
                vector["signatures"] = json!([]);
                let mut real = common::bundle_json(
                    ("test-receiver", "did:web:test.example.org:receiver", 2),
                    ("did:web:test.example.org:agent_signed_01", 1),
                );
                real["receiver"]["purposes"] = json!(["ai-vendor-handoff"]);
                let cbor = sign(&vector, 1);
                assert_eq!(judge(&cbor, &situation(&bundle(&real), now)).outcome, Outcome::Accept);
            } else if expected["outcome"] == "accept" {
                assert_eq!(verdict.outcome, Outcome::Accept, "{}", path.display());
                assert_eq!(expected["tier"], envelope.tier().as_str());
                assert_eq!(expected["verb"], envelope.verb().as_str());
            } else {
                let step = expected["firstFailingStep"].as_u64().expect("a step") as u8;
                let reason = expected["rejectReason"].as_str().expect("a reason");
                assert_eq!(refusal(&verdict), Some((reason, step)), "{}", path.display());
            }
            run += 1;
        }
    }
    assert_eq!(run, 3, "vectors");
}

#[test]
fn accepted_envelope_has_passed_its_steps_in_order() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let trust = bundle(&receiver_json());
    let mut seen = Vec::new();
    let ids = ["callid_2026_K9_acc7781"];
    let situation = Situation {
        call: Call::Ids(&ids),
        ..situation(&trust, at(NOW))
    };
    let verdict = verify(&cbor, &situation, &mut vec![0; VERIFY_SCRATCH], &mut |step, result| {
        seen.push((step.number(), result));
    });
    assert_eq!(verdict.outcome, Outcome::Accept);
    let expected: Vec<_> = (0..15)
        .map(|step| (step, if step <= 5 { StepResult::Pass } else { StepResult::Skip }))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(
        verdict.warnings.iter().collect::<Vec<_>>(),
        [Warning::FingerprintUnchecked]
    );
}

#[test]
fn built_in_core_receiver_takes_core_and_nothing_above() {
    if !common::shared_is_here() {
        return;
    }
    let trust = Bundle::core_receiver();
    let core = to_cbor(&official("01-core-ivr-handoff").to_string());
    assert_eq!(
        judge(&core, &situation(&trust, at("2026-05-28T13:43:00Z"))).outcome,
        Outcome::Accept
    );
    for tier in ["02-signed", "03-sealed", "04-regulated"] {
        let cbor = to_cbor(&official(tier).to_string());
        let verdict = judge(&cbor, &situation(&trust, at(NOW)));
        assert_eq!(refusal(&verdict), Some(("tier-insufficient", 0)), "{tier}");
    }
}

/// Without memory for what an envelope discloses its tier is above the maximum, whatever the bundle says.
#[test]
fn tiers_that_disclose_are_refused_without_memory_for_it_whatever_the_bundle_says() {
    if !common::shared_is_here() {
        return;
    }
    let mut trust = receiver_json();
    trust["receiver"]["maxTier"] = json!("regulated");
    trust["receiver"]["did"] = Value::Null;
    trust["receiver"].as_object_mut().expect("an object").remove("did");
    let trust = bundle(&trust);
    let cbor = to_cbor(&official("03-sealed-payment").to_string());
    let verdict = judge(&cbor, &situation(&trust, at("2026-05-28T14:03:00Z")));
    assert_eq!(refusal(&verdict), Some(("tier-insufficient", 0)));
    assert_eq!(why(&verdict), Why::AboveCeiling(Tier::Sealed, Tier::Signed));
}

#[test]
fn envelope_below_its_own_floor_is_refused() {
    if !common::shared_is_here() {
        return;
    }
    let mut envelope = official("01-core-ivr-handoff");
    envelope["audience"]["minTier"] = json!("signed");
    let cbor = to_cbor(&envelope.to_string());
    let trust = Bundle::core_receiver();
    let verdict = judge(&cbor, &situation(&trust, at("2026-05-28T13:43:00Z")));
    assert_eq!(why(&verdict), Why::BelowFloor(Tier::Core, Tier::Signed));
}

#[test]
fn every_changed_byte_of_a_signed_envelope_is_noticed() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let trust = bundle(&receiver_json());
    let mut scratch = vec![0; VERIFY_SCRATCH];
    for place in 0..cbor.len() {
        let mut changed = cbor.clone();
        changed[place] ^= 1;
        let verdict = verify(&changed, &situation(&trust, at(NOW)), &mut scratch, &mut |_, _| ());
        let (step, _) = verdict
            .failure()
            .unwrap_or_else(|| panic!("byte {place} changed and accepted"));
        assert!(step <= Step::Signatures, "byte {place}: step {step}");
    }
}

/// Interpretations, rows 12, 20.
#[test]
fn signatures_that_do_not_hold_are_refused_with_their_cause() {
    if !common::shared_is_here() {
        return;
    }
    let now = at(NOW);
    let refused = |trust: &Value, cbor: &[u8]| {
        let trust = bundle(trust);
        let verdict = judge(cbor, &situation(&trust, now));
        assert_eq!(refusal(&verdict), Some(("signature-invalid", 2)));
        why(&verdict).to_string()
    };
    let good = signed_with(|_| ());
    let by_another_key = sign(&signed(), 9);
    assert!(refused(&receiver_json(), &by_another_key).contains("treat it as revoked"));

    let mut two = signed();
    let entry = json!({ "kid": "test-key-1", "alg": "EdDSA", "jws": "e30..AA" });
    two["signatures"] = json!([entry, entry]);
    assert_eq!(
        refused(&receiver_json(), &to_cbor(&two.to_string())),
        Why::SignatureCount(2).to_string()
    );
    two["signatures"] = json!([]);
    assert_eq!(
        refused(&receiver_json(), &to_cbor(&two.to_string())),
        Why::SignatureCount(0).to_string()
    );
    let post_quantum = json!({ "kid": "pq", "alg": "ML-DSA-65", "jws": "e30..AA" });
    two["signatures"] = json!([entry, post_quantum, post_quantum]);
    assert_eq!(
        refused(&receiver_json(), &to_cbor(&two.to_string())),
        Why::PostQuantumCount(2).to_string()
    );

    for (member, value, cause) in [
        ("revoked", json!(true), "revoked"),
        ("validUntil", json!("2026-05-28T13:49:59Z"), "validUntil"),
        ("validFrom", json!("2026-05-28T13:50:01Z"), "validFrom"),
        ("use", json!("enc"), "`use`"),
    ] {
        let mut trust = receiver_json();
        trust["issuers"][common::SENDER_DID]["jwks"]["keys"][0][member] = value;
        let told = refused(&trust, &good);
        assert!(told.contains(cause), "{member}: {told}");
    }
}

/// Interpretations, row 31.
#[test]
fn issuer_that_is_not_admitted_is_refused_and_an_admitted_one_without_keys_is_a_need() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let mut trust = receiver_json();
    trust["issuers"] = json!({});
    let stranger = bundle(&trust);
    let verdict = judge(&cbor, &situation(&stranger, at(NOW)));
    assert_eq!(refusal(&verdict), Some(("unknown", 1)));
    assert_eq!(why(&verdict), Why::NotAdmitted);

    trust["receiver"]["admit"] = json!(["did:web:agents.example.com"]);
    let admitted = bundle(&trust);
    let verdict = judge(&cbor, &situation(&admitted, at(NOW)));
    assert_eq!(verdict.outcome, Outcome::Need);
    let needs: Vec<_> = verdict
        .needs
        .as_slice()
        .iter()
        .map(|need| (need.step, need.kind, need.reference))
        .collect();
    assert_eq!(needs, [(Step::ResolveIssuer, NeedKind::Jwks, common::SENDER_DID)]);

    let late = Situation {
        deadline_passed: true,
        again: true,
        ..situation(&admitted, at(NOW))
    };
    assert_eq!(refusal(&judge(&cbor, &late)), Some(("signature-invalid", 1)));
}

/// Interpretations, row 33.
#[test]
fn stale_envelope_is_refused_only_after_its_signature_has_held() {
    if !common::shared_is_here() {
        return;
    }
    let trust = bundle(&receiver_json());
    let late = at("2026-05-28T13:55:05.001Z");
    let verdict = judge(&signed_with(|_| ()), &situation(&trust, late)).outcome;
    assert!(matches!(verdict, Outcome::Reject(Step::Freshness, failure) if failure.reason == RejectReason::Stale));
    let by_another_key = sign(&signed(), 9);
    assert_eq!(
        refusal(&judge(&by_another_key, &situation(&trust, late))),
        Some(("signature-invalid", 2))
    );
}

/// Interpretations, row 30.
#[test]
fn envelope_for_another_receiver_or_purpose_is_refused() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    for (member, value, expected) in [
        ("vendor", json!("vendor-x"), Why::OtherAudience),
        ("did", json!("did:web:other.example"), Why::OtherAudience),
        ("purposes", json!(["queue-routing"]), Why::OtherPurpose),
    ] {
        let mut trust = receiver_json();
        trust["receiver"][member] = value;
        let trust = bundle(&trust);
        let verdict = judge(&cbor, &situation(&trust, at(NOW)));
        assert_eq!(refusal(&verdict), Some(("unknown", 0)));
        assert_eq!(why(&verdict), expected);
    }
}

/// Interpretations, row 26.
#[test]
fn header_that_contradicts_the_envelope_refuses_it() {
    if !common::shared_is_here() {
        return;
    }
    let trust = Bundle::core_receiver();
    let cbor = to_cbor(&official("01-core-ivr-handoff").to_string());
    let now = at("2026-05-28T13:43:00Z");
    for (header, value) in [("OHP-Version", "0.2"), ("OHP-Tier", "signed"), ("OHP-Verb", "ACCEPT")] {
        let block = format!("Content-Type: application/ohp+cbor\r\n{header}: {value}\r\n\r\n");
        let info = ohp::transport::Info::parse(block.as_bytes(), &[]).expect("headers");
        let situation = Situation {
            echo: Echo::of(&info),
            ..situation(&trust, now)
        };
        assert_eq!(refusal(&judge(&cbor, &situation)), Some(("unknown", 0)), "{header}");
    }
}

/// Interpretations, row 40.
#[test]
fn any_identifier_that_is_bound_to_the_leg_ties_the_envelope_to_the_call() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let trust = bundle(&receiver_json());
    let judged = |ids: &[&str]| {
        judge(
            &cbor,
            &Situation {
                call: Call::Ids(ids),
                ..situation(&trust, at(NOW))
            },
        )
        .outcome
    };
    assert_eq!(judged(&["b2bua-other-leg", "callid_2026_K9_acc7781"]), Outcome::Accept);
    let Outcome::Reject(Step::CallLeg, failure) = judged(&["b2bua-other-leg"]) else {
        panic!("another call's envelope");
    };
    assert_eq!(
        (failure.reason, failure.why),
        (RejectReason::NotBoundToCall, Why::OtherCall)
    );
}

/// Interpretations, rows 34, 36, 39.
#[test]
fn sound_decides_in_five_distinct_ways() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let trust = bundle(&receiver_json());
    let fingerprint = "sha256:7a91d6e4b8c3f0125ab9d4e7f612a83c9d05b8e1ff62a47c3a9b1d80f23e7c4b";
    let fingerprint = Fingerprint::parse(fingerprint).expect("a fingerprint");
    let ids = ["callid_2026_K9_acc7781"];
    let judged = |media: Media<'_>, deadline_passed| {
        let situation = Situation {
            call: Call::Ids(&ids),
            media,
            deadline_passed,
            ..situation(&trust, at(NOW))
        };
        let verdict = judge(&cbor, &situation);
        (verdict.outcome, verdict.needs.as_slice().first().map(|need| need.kind))
    };
    assert_eq!(judged(Media::Known(fingerprint), false).0, Outcome::Accept);
    assert_eq!(
        judged(Media::NotHere, false).0,
        Outcome::Accept,
        "signalling only: a warning at Signed"
    );
    let silent = Decision::NoUsableAudio(Unusable::TooLittle);
    for (decision, doubt) in [
        (Decision::Mismatch, MediaDoubt::Mismatch),
        (Decision::NoMedia, MediaDoubt::NoMedia),
        (silent, MediaDoubt::NoUsableAudio(Unusable::TooLittle)),
    ] {
        let search = |_: &Fingerprint| decision;
        let early = judged(Media::Live(&search), false);
        let late = judged(Media::Live(&search), true);
        let Outcome::Reject(Step::CallLeg, failure) = late.0 else {
            panic!("{decision:?}")
        };
        assert_eq!(
            (failure.reason, failure.why),
            (RejectReason::NotBoundToCall, Why::Media(doubt))
        );
        if doubt == MediaDoubt::Mismatch {
            assert_eq!(early, late);
        } else {
            assert_eq!(early, (Outcome::Need, Some(NeedKind::Media)), "{decision:?}");
        }
    }
}

/// Interpretations, row 44.
#[test]
fn consent_is_judged_at_signed_wherever_it_is_present() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = signed_with(|_| ());
    let mut trust = receiver_json();
    trust["receiver"]["processingScope"] = json!(["transcript.summary"]);
    trust["receiver"]["jurisdictions"] = json!(["GB"]);
    assert_eq!(
        judge(&cbor, &situation(&bundle(&trust), at(NOW))).outcome,
        Outcome::Accept
    );

    let mut exceeded = trust.clone();
    exceeded["receiver"]["processingScope"] = json!(["transcript.turns"]);
    let exceeded = bundle(&exceeded);
    assert_eq!(
        refusal(&judge(&cbor, &situation(&exceeded, at(NOW)))),
        Some(("consent-out-of-scope", 5))
    );

    let mut unresolved = trust.clone();
    unresolved["consentReceipts"] = json!({});
    let unresolved = bundle(&unresolved);
    let verdict = judge(&cbor, &situation(&unresolved, at(NOW)));
    assert_eq!(verdict.outcome, Outcome::Need);
    let need = verdict.needs.as_slice()[0];
    assert_eq!(
        (need.kind, need.reference),
        (NeedKind::ConsentReceipt, "iso27560:rcpt_88a2")
    );

    let without = signed_with(|envelope| {
        drop(
            envelope["caller"]
                .as_object_mut()
                .and_then(|caller| caller.remove("consent")),
        )
    });
    let verdict = judge(&without, &situation(&unresolved, at(NOW)));
    assert_eq!(
        (verdict.outcome, verdict.steps[5]),
        (Outcome::Accept, Some(StepResult::Skip))
    );
}

/// Interpretations, row 9.
#[test]
fn readme_envelope_is_refused_by_default_and_accepted_by_policy() {
    let readme = json!({
        "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "issuedAt": "2026-05-28T13:42:11Z", "notAfter": "2026-05-28T13:47:11Z",
        "issuer": { "vendor": "vendor-a", "agentId": "asst_b3", "region": "uk-west" },
        "audience": { "vendor": "vendor-b", "purpose": "ai-vendor-handoff", "minTier": "core" },
        "session": { "callId": "callid_2026K9", "channel": "voice/pstn", "locale": "en-GB" },
        "intent": { "current": { "name": "dispute_charge", "confidence": 0.91 }, "stack": [] },
        "control": { "verb": "PROPOSE", "reason": "human-requested", "nonce": "9f3b1a" }
    });
    let cbor = to_cbor(&readme.to_string());
    let now = at("2026-05-28T13:43:00Z");
    let mut trust = Bundle::core_receiver();
    assert_eq!(refusal(&judge(&cbor, &situation(&trust, now))), Some(("unknown", 0)));
    trust.receiver.draft_core = true;
    assert_eq!(judge(&cbor, &situation(&trust, now)).outcome, Outcome::Accept);

    // The policy is for Core only, and for what is missing only.
    for (path, value) in [("/conformance", json!("signed")), ("/control/verb", json!("HELLO"))] {
        let mut other = readme.clone();
        *other.pointer_mut(path).expect("there") = value;
        let cbor = to_cbor(&other.to_string());
        assert_eq!(
            refusal(&judge(&cbor, &situation(&trust, now))),
            Some(("unknown", 0)),
            "{path}"
        );
    }
}

/// Interpretations, row 43.
#[test]
fn answers_must_be_to_the_outstanding_proposal_and_from_its_counterpart() {
    if !common::shared_is_here() {
        return;
    }
    let accept = |change: &dyn Fn(&mut Value)| {
        signed_with(|envelope| {
            envelope["control"] = json!({
                "verb": "ACCEPT", "reason": "accepted", "nonce": "00112233445566778899aabbccddeeff",
                "refs": { "proposedId": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9" }
            });
            change(envelope);
        })
    };
    let trust = bundle(&receiver_json());
    let outstanding = Outstanding {
        proposed: ohp::id::EnvelopeId::parse("cse_01HZX0R5N9V8W1QYK0XQM3R3K9").expect("an id"),
        tier: Tier::Signed,
        did: Some(common::SENDER_DID),
        vendor: "vendor-a",
    };
    let judged = |cbor: &[u8], outstanding| {
        let verdict = judge(
            cbor,
            &Situation {
                role: Role::OnLeg(outstanding),
                ..situation(&trust, at(NOW))
            },
        );
        (verdict.outcome, verdict.ends_only)
    };
    let good = accept(&|_| ());
    assert_eq!(judged(&good, Some(outstanding)), (Outcome::Accept, false));
    let reason = |outcome| match outcome {
        Outcome::Reject(_, failure) => failure.why,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(judged(&good, None).0), Why::NotOutstanding);
    let other = accept(&|envelope| envelope["control"]["refs"]["proposedId"] = json!("cse_01HZX0R5N9V8W1QYK0XQM3R3KA"));
    assert_eq!(reason(judged(&other, Some(outstanding)).0), Why::NotOutstanding);
    let elsewhere = Outstanding {
        did: Some("did:web:elsewhere.example"),
        ..outstanding
    };
    assert_eq!(reason(judged(&good, Some(elsewhere)).0), Why::OtherCounterpart);

    // The short, unsigned form of the protocol's docs can only end a signed proposal.
    let short = to_cbor(
        &json!({
            "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3M0",
            "session": { "callId": "callid_2026K9" }, "control": { "verb": "ACCEPT", "nonce": "8b2c4f" }
        })
        .to_string(),
    );
    assert_eq!(judged(&short, Some(outstanding)), (Outcome::Accept, true));
    assert_eq!(
        judged(
            &short,
            Some(Outstanding {
                tier: Tier::Core,
                ..outstanding
            })
        ),
        (Outcome::Accept, false)
    );
}

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
    let no_media = |_: &Fingerprint| Decision::NoMedia;
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
    let everything_matches = |_: &Fingerprint| {
        Decision::Match(ohp::media::exact::Found {
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
