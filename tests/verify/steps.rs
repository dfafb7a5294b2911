//! Steps 0 to 5, in order, each with its reason; and the official Core and Signed vectors.

use crate::common::{self, NOW, at, bundle, official, receiver_json, sign, to_cbor};
use ohp::envelope::{RejectReason, Tier};
use ohp::media::Fingerprint;
use ohp::media::continuity::{Continuity, Unusable, Wanted};
use ohp::media::exact;
use ohp::transport::Echo;
use ohp::trust::bundle::Bundle;
use ohp::verify::{
    Call, Media, MediaDoubt, NeedKind, Outcome, Outstanding, Role, Situation, Step, StepResult, VERIFY_SCRATCH,
    Warning, Why, verify,
};
use serde_json::{Value, json};

use crate::setting::{judge, refusal, signed, signed_with, situation, why};

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
    let unusable = Unusable::Exact(exact::Unusable::TooLittle);
    for (decision, doubt) in [
        (Continuity::Mismatch, MediaDoubt::Mismatch),
        (Continuity::NoMedia, MediaDoubt::NoMedia),
        (Continuity::NoUsableAudio(unusable), MediaDoubt::NoUsableAudio(unusable)),
    ] {
        let search = |_: &Wanted<'_>| decision;
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
