//! What a forger, a man in the middle or bad luck can do to two legs: nothing that moves a call, silences its messages, or
//! leaves it with two holders or none.

mod common;

#[path = "leg/pair.rs"]
mod pair;

use ohp::control::Phase;
use ohp::envelope::{RejectReason, Tier, Verb};
use ohp::leg::{Event, Ignored, LegError};
use ohp::verify::{Heard, Step};
use pair::{Pair, Which};

/// OHP §3.2; interpretations, row 43.
#[test]
fn downgrade_after_a_rejection_needs_the_proposals_own_leave() {
    let mut pair = Pair::new();
    pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.with(Which::Receiver, |leg, host| {
        leg.reject(host, RejectReason::TierInsufficient)
    })
    .expect("a REJECT");
    pair.settle();
    pair.events(Which::Receiver);
    assert_eq!(pair.propose(Tier::Core).unwrap_err(), LegError::DowngradeNotAllowed);
    pair.propose(Tier::Signed).expect("the same tier again is no downgrade");

    let mut pair = Pair::new();
    pair.template["control"]["fallback"] = serde_json::json!({ "acceptableReasons": ["tier-insufficient"] });
    pair.template["audience"]["minTier"] = serde_json::json!("core");
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.with(Which::Receiver, |leg, host| {
        leg.reject(host, RejectReason::TierInsufficient)
    })
    .expect("a REJECT");
    pair.settle();
    let told = pair.events(Which::Sender);
    assert!(
        matches!(told[..], [Event::Rejected { id: of, may_reissue: true, .. }] if of == id),
        "{told:?}"
    );
    pair.propose(Tier::Core)
        .expect("allowed by control.fallback and minTier");
}

/// Interpretations, row 32.
#[test]
fn forged_proposal_is_answered_once_a_second_and_disturbs_nothing() {
    let mut pair = Pair::new();
    let forged: Vec<_> = (0..3)
        .map(|nth| {
            let mut forger = Pair::with_sender_key(9 + nth);
            forger.advance_to(pair.now());
            forger.propose(Tier::Signed).expect("a proposal");
            forger.collect(Which::Sender)
        })
        .collect();
    let mut answered = Vec::new();
    for infos in &forged {
        infos
            .iter()
            .for_each(|info| assert_eq!(pair.deliver(Which::Receiver, info), 200));
        for event in pair.events(Which::Receiver) {
            let Event::Refused {
                step: Step::Signatures,
                failure,
                heard: None,
                answered: told,
            } = event
            else {
                panic!("{event:?}")
            };
            assert_eq!(failure.reason, RejectReason::SignatureInvalid);
            answered.push(told);
        }
        pair.collect(Which::Receiver);
    }
    assert_eq!(answered, [true, false, false]);

    // While a genuine handoff is under way, forged proposals cannot push its messages aside.
    let id = pair.accepted(Tier::Signed);
    for infos in &forged {
        infos
            .iter()
            .for_each(|info| assert_eq!(pair.deliver(Which::Receiver, info), 200));
    }
    assert!(
        pair.events(Which::Receiver)
            .iter()
            .all(|event| matches!(event, Event::Refused { answered: false, .. }))
    );
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);
}

#[test]
fn refusal_that_a_signature_vouches_for_replaces_an_older_one_on_its_way() {
    let mut pair = Pair::new();
    for nth in 0..2 {
        // A call that is not this one: refused at step 4, after the signature has held.
        pair.template["session"]["callId"] = serde_json::json!(format!("another-call-{nth}"));
        pair.propose(Tier::Signed).expect("a proposal");
        for info in pair.collect(Which::Sender) {
            assert_eq!(pair.deliver(Which::Receiver, &info), 200);
        }
        let told = pair.events(Which::Receiver);
        assert!(
            matches!(
                told[..],
                [Event::Refused {
                    step: Step::CallLeg,
                    answered: true,
                    ..
                }]
            ),
            "{told:?}"
        );
        if nth == 0 {
            pair.poll(Which::Receiver)
                .expect("its first INFO, which nobody answers yet");
            pair.fail_proposal();
        }
    }
    assert_eq!(pair.poll(Which::Receiver), None, "one INFO is outstanding at a time");
    pair.respond(Which::Receiver, 200);
    assert!(pair.poll(Which::Receiver).is_some(), "the newer REJECT");
}

/// Interpretations, row 32: at Core nothing is signed, so nothing ever vouches for a proposal.
#[test]
fn core_proposals_that_fail_are_answered_once_a_second() {
    let mut pair = Pair::new();
    let mut answered = Vec::new();
    for nth in 0..3 {
        pair.template["session"]["callId"] = serde_json::json!(format!("another-call-{nth}"));
        pair.propose(Tier::Core).expect("a proposal");
        for info in pair.collect(Which::Sender) {
            assert_eq!(pair.deliver(Which::Receiver, &info), 200);
        }
        for event in pair.events(Which::Receiver) {
            let Event::Refused {
                step: Step::CallLeg,
                answered: told,
                ..
            } = event
            else {
                panic!("{event:?}")
            };
            answered.push(told);
        }
        pair.collect(Which::Receiver);
        pair.forget_sender_proposal();
    }
    assert_eq!(answered, [true, false, false]);
}

#[test]
fn side_without_a_key_can_reject_a_signed_proposal_but_not_take_it() {
    let mut pair = Pair::new();
    pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.take_keys_from(Which::Receiver);
    let no_key = LegError::Issue(ohp::trust::issue::IssueError::NoKey);
    assert_eq!(pair.with(Which::Receiver, |leg, host| leg.accept(host)), Err(no_key));
    pair.events(Which::Receiver);
    pair.with(Which::Receiver, |leg, host| leg.reject(host, RejectReason::Unknown))
        .expect("a REJECT");
    pair.settle();
    let told = pair.events(Which::Sender);
    assert!(
        matches!(
            told[..],
            [Event::Rejected {
                verified: false,
                may_reissue: false,
                ..
            }]
        ),
        "{told:?}"
    );
}

#[test]
fn assume_or_return_that_is_refused_does_not_get_a_200() {
    for (verb, status) in [("ASSUME", 488), ("RETURN", 488)] {
        let mut pair = Pair::new();
        pair.accepted(Tier::Signed);
        let (from, to) = if verb == "ASSUME" {
            pair.with(Which::Sender, |leg, host| leg.assume(host))
                .expect("an ASSUME");
            (Which::Sender, Which::Receiver)
        } else {
            pair.with(Which::Sender, |leg, host| leg.assume(host))
                .expect("an ASSUME");
            pair.settle();
            pair.with(Which::Receiver, |leg, host| leg.give_back(host, "resolved", None))
                .expect("a RETURN");
            (Which::Receiver, Which::Sender)
        };
        pair.events(Which::Sender);
        pair.events(Which::Receiver);
        // The peer's clock has been set back, so that the message is not valid yet.
        let mut answers = Vec::new();
        while let Some(info) = pair.poll(from) {
            let status = pair.at_another_time(-60_000, |pair| pair.deliver(to, &info));
            answers.push(status);
            pair.respond(from, status);
        }
        assert_eq!(answers.last(), Some(&status), "{verb}: {answers:?}");
        let told = pair.events(from);
        assert!(matches!(told[..], [Event::Undelivered { .. }]), "{verb}: {told:?}");
        let holder = if verb == "ASSUME" {
            (Phase::Rejected, Phase::Accepted)
        } else {
            (Phase::HandedOff, Phase::HandedOff)
        };
        assert_eq!(pair.phases(), holder, "{verb}: whoever held the call still does");
    }
}

#[test]
fn flood_of_proposals_does_not_starve_an_assume() {
    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    for nth in 0..300 {
        let json = serde_json::json!({ "ohp": "0.1", "conformance": "core", "id": format!("cse_01HZX0R5N9V8W1QYK0XQM3R{nth:03}"),
            "session": { "callId": "x" }, "control": { "verb": "PROPOSE", "nonce": format!("{nth:016x}") } });
        let body = common::to_cbor(&json.to_string());
        pair.deliver(
            Which::Receiver,
            &pair::Info {
                headers: "Content-Type: application/ohp+cbor\r\n\r\n".into(),
                body,
            },
        );
        pair.events(Which::Receiver);
    }
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
}

#[test]
fn reject_beside_an_unconfirmed_assume_does_not_decide() {
    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    let mut assume = vec![pair.poll(Which::Sender).expect("an INFO")];
    let json = serde_json::json!({ "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3F9",
        "session": { "callId": pair::CALL_ID },
        "control": { "verb": "REJECT", "nonce": "8b2c4f77", "refs": { "proposedId": id.as_str() } } });
    let forged = pair::Info {
        headers: "Content-Type: application/ohp+cbor\r\n\r\n".into(),
        body: common::to_cbor(&json.to_string()),
    };
    assert_eq!(pair.deliver(Which::Sender, &forged), 200);
    assert!(matches!(
        pair.events(Which::Sender)[..],
        [Event::Ignored { verb: Verb::Reject, .. }]
    ));
    while let Some(info) = assume.pop() {
        let status = pair.deliver(Which::Receiver, &info);
        pair.respond(Which::Sender, status);
        assume.extend(pair.poll(Which::Sender));
    }
    assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
    assert_eq!(pair.phases(), (Phase::HandedOff, Phase::HandedOff));
}

/// The proposal as a man in the middle would change it: a letter of its summary is another.
fn changed_copy(pair: &Pair) -> pair::Info {
    let mut changed = pair.sent_envelope();
    let at = changed
        .windows(5)
        .position(|window| window == b"human")
        .expect("a word of the summary");
    changed[at] ^= 1;
    pair::Info {
        headers: "Content-Type: application/ohp+cbor\r\n\r\n".into(),
        body: changed,
    }
}

/// A man in the middle delivers a changed copy, for which the receiver signs a REJECT.
#[test]
fn signed_reject_of_a_changed_copy_neither_ends_nor_weakens_the_proposal() {
    let mut pair = Pair::new();
    pair.template["control"]["fallback"] = serde_json::json!({ "acceptableReasons": ["signature-invalid"] });
    pair.template["audience"]["minTier"] = serde_json::json!("core");
    let id = pair.propose(Tier::Signed).expect("a proposal");
    let held_back = pair.collect(Which::Sender);
    let copy = changed_copy(&pair);
    assert_eq!(pair.deliver(Which::Receiver, &copy), 200);
    assert!(matches!(
        pair.events(Which::Receiver)[..],
        [Event::Refused {
            step: Step::Signatures,
            answered: true,
            ..
        }]
    ));
    pair.settle();
    assert_eq!(
        pair.events(Which::Sender),
        [Event::Ignored {
            verb: Verb::Reject,
            why: Ignored::OtherEnvelope
        }]
    );
    held_back
        .iter()
        .for_each(|info| assert_eq!(pair.deliver(Which::Receiver, info), 200));
    assert_eq!(
        pair.events(Which::Receiver),
        [Event::Proposed {
            id,
            tier: Tier::Signed,
            heard: None
        }]
    );
}

#[test]
fn forger_cannot_push_a_pending_proposal_aside() {
    let mut pair = Pair::new();
    pair.template["session"]["media"] = serde_json::json!({ "rtpFingerprint": format!("sha256:{}", "5a".repeat(32)) });
    pair.give_tap();
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    assert_eq!(
        pair.events(Which::Receiver),
        [Event::NeedsResources {
            id,
            step: Step::CallLeg,
            heard: Some(Heard::NoMedia)
        }]
    );
    let copy = changed_copy(&pair);
    assert_eq!(pair.deliver(Which::Receiver, &copy), 200);
    assert!(matches!(
        pair.events(Which::Receiver)[..],
        [Event::Refused { answered: false, .. }]
    ));
    assert!(pair.leg(Which::Receiver).is_pending());
    // Copies of the genuine one are not charged to its issuer.
    let genuine = pair::Info {
        headers: copy.headers.clone(),
        body: pair.sent_envelope(),
    };
    for _ in 0..60 {
        assert_eq!(pair.deliver(Which::Receiver, &genuine), 200);
        assert!(matches!(
            pair.events(Which::Receiver)[..],
            [Event::Ignored {
                why: Ignored::Duplicate,
                ..
            }]
        ));
    }
    assert!(pair.leg(Which::Receiver).is_pending());
    let own = pair.with(Which::Receiver, |leg, host| {
        let template = common::to_cbor("{}");
        let template = ohp::cbor::Item::parse(&template).expect("canonical");
        leg.propose(host, Tier::Core, template, &mut [0; 4096])
            .map(|envelope| envelope.id())
    });
    assert_eq!(own, Err(LegError::Busy), "nor does this side's own proposal drop it");
}

/// Glare: both sides propose, and the INFOs cross.
#[test]
fn crossing_proposals_are_both_told_to_try_again() {
    let mut pair = Pair::new();
    pair.propose(Tier::Core).expect("a proposal");
    pair.propose_from_receiver(Tier::Core).expect("a proposal");
    let (one, other) = (
        pair.poll(Which::Sender).expect("an INFO"),
        pair.poll(Which::Receiver).expect("an INFO"),
    );
    assert_eq!(pair.deliver(Which::Receiver, &one), 491);
    assert_eq!(pair.deliver(Which::Sender, &other), 491);
    pair.respond(Which::Sender, 491);
    pair.respond(Which::Receiver, 491);
    assert_eq!(pair.phases(), (Phase::Rejected, Phase::Rejected));
    pair.propose(Tier::Core).expect("and may");
}

#[test]
fn proposals_beside_a_handoff_under_way_move_and_say_nothing() {
    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    for nth in 0..20_u8 {
        let mut forger = Pair::with_sender_key(50 + nth);
        forger.propose(Tier::Core).expect("a proposal");
        for info in forger.collect(Which::Sender) {
            assert_eq!(pair.deliver(Which::Receiver, &info), 491);
        }
    }
    assert_eq!(
        pair.poll(Which::Receiver),
        None,
        "no REJECT goes out, nothing of ours is pushed aside"
    );
    pair.events(Which::Receiver);
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);
}

/// Interpretations, row 43.
#[test]
fn unsigned_accept_cannot_move_a_signed_proposal() {
    let mut pair = Pair::new();
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    let short = |verb: &str| {
        let json = serde_json::json!({
            "ohp": "0.1", "conformance": "core", "id": format!("cse_01HZX0R5N9V8W1QYK0XQM3R{:0<3}", &verb[..3]).replace('U', "V").replace('O', "0"),
            "session": { "callId": pair::CALL_ID },
            "control": { "verb": verb, "nonce": format!("8b2c4f{:02x}", verb.as_bytes()[0]), "refs": { "proposedId": id.as_str() } }
        });
        pair::Info {
            headers: "Content-Type: application/ohp+cbor\r\n\r\n".into(),
            body: common::to_cbor(&json.to_string()),
        }
    };
    let accept = short("ACCEPT");
    assert_eq!(pair.deliver(Which::Sender, &accept), 200);
    assert_eq!(
        pair.events(Which::Sender),
        [Event::Ignored {
            verb: Verb::Accept,
            why: Ignored::EndsOnly
        }]
    );
    let reject = short("REJECT");
    assert_eq!(pair.deliver(Which::Sender, &reject), 200);
    let told = pair.events(Which::Sender);
    assert!(
        matches!(
            told[..],
            [Event::Rejected {
                verified: false,
                may_reissue: false,
                ..
            }]
        ),
        "{told:?}"
    );
}
