//! Two legs that hand a call over, by nothing but what they poll from each other.

mod common;

#[path = "leg/lossy.rs"]
mod lossy;
#[path = "leg/pair.rs"]
mod pair;

use ohp::control::{Phase, Side, Timeout};
use ohp::envelope::{Envelope, RejectReason, Tier, Verb};
use ohp::leg::{Event, Ignored, LEG_SIZE_MAX, Leg, LegError, SdpOrigin};
use ohp::media::sdp::{OfferReason, Renegotiation, SdpHints};
use ohp::verify::{Heard, MediaDoubt, Step, Why};
use pair::{Pair, Which};

#[test]
fn core_and_signed_calls_are_handed_over_and_given_back() {
    for tier in [Tier::Core, Tier::Signed] {
        let mut pair = Pair::new();
        let id = pair.propose(tier).expect("a proposal");
        pair.settle();
        assert_eq!(
            pair.events(Which::Receiver),
            [Event::Proposed { id, tier, heard: None }]
        );
        pair.with(Which::Receiver, |leg, host| leg.accept(host))
            .expect("an ACCEPT");
        pair.settle();
        assert_eq!(pair.events(Which::Sender), [Event::Accepted { id }]);
        pair.with(Which::Sender, |leg, host| leg.assume(host))
            .expect("an ASSUME");
        pair.settle();
        assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
        assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);
        pair.with(Which::Receiver, |leg, host| leg.give_back(host, "resolved", None))
            .expect("a RETURN");
        pair.settle();
        assert_eq!(pair.events(Which::Sender), [Event::Returned { id }]);
        assert_eq!(pair.events(Which::Receiver), [Event::Returned { id }]);
        assert_eq!(pair.phases(), (Phase::Resumed, Phase::Resumed));
    }
}

/// Interpretations, row 28.
#[test]
fn either_side_may_assume_and_a_crossing_pair_is_no_error() {
    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    pair.with(Which::Receiver, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
    assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);

    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.with(Which::Receiver, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
    assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);
    assert_eq!(pair.phases(), (Phase::HandedOff, Phase::HandedOff));
}

#[test]
fn rejected_call_stays_with_its_sender() {
    let mut pair = Pair::new();
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.events(Which::Receiver);
    pair.with(Which::Receiver, |leg, host| {
        leg.reject(host, RejectReason::AssuranceInsufficient)
    })
    .expect("a REJECT");
    pair.settle();
    assert_eq!(
        pair.events(Which::Sender),
        [Event::Rejected {
            id,
            reason: Some(RejectReason::AssuranceInsufficient),
            verified: true,
            unbound: None,
            may_reissue: false
        }]
    );
    assert_eq!(pair.phases(), (Phase::Rejected, Phase::Rejected));
}

/// Interpretations, row 33; OHP §8.4.
#[test]
fn unanswered_proposal_is_stale_at_its_not_after() {
    let mut pair = Pair::new();
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.events(Which::Receiver);
    let deadline = pair.leg(Which::Sender).poll_timeout().expect("a deadline");
    assert_eq!(deadline, pair.now().plus(300_000));
    pair.advance_to(deadline);
    let timeout = Timeout::Unanswered;
    assert_eq!(pair.events(Which::Sender), [Event::TimedOut { id, timeout }]);
    assert_eq!(pair.events(Which::Receiver), [Event::TimedOut { id, timeout }]);
    assert!(matches!(
        pair.with(Which::Receiver, |leg, host| leg.accept(host)),
        Err(LegError::Illegal(_))
    ));
    assert_eq!(pair.phases(), (Phase::Rejected, Phase::Rejected));
}

/// OHP §8.4.
#[test]
fn acceptance_without_assume_is_let_go_after_ten_seconds() {
    let mut pair = Pair::new();
    let id = pair.accepted(Tier::Signed);
    assert_eq!(pair.leg(Which::Receiver).poll_timeout(), Some(pair.now().plus(10_000)));
    pair.advance_to(pair.now().plus(10_000));
    pair.settle();
    assert!(pair.events(Which::Receiver).contains(&Event::TimedOut {
        id,
        timeout: Timeout::NotAssumed
    }));
    assert_eq!(pair.phases(), (Phase::Rejected, Phase::Rejected));
}

/// Interpretations, row 25.
#[test]
fn retransmitted_proposal_gets_the_same_answer_and_no_second_event() {
    let mut pair = Pair::new();
    pair.propose(Tier::Signed).expect("a proposal");
    let sent = pair.settle();
    pair.events(Which::Receiver);
    pair.with(Which::Receiver, |leg, host| leg.accept(host))
        .expect("an ACCEPT");
    let answer = pair.settle();
    pair.events(Which::Sender);
    for info in &sent {
        assert_eq!(pair.deliver(Which::Receiver, info), 200);
    }
    let told = pair.events(Which::Receiver);
    assert!(
        told.iter().all(|event| matches!(
            event,
            Event::Ignored {
                why: Ignored::Duplicate,
                ..
            }
        )),
        "{told:?}"
    );
    let again = pair.settle();
    assert_eq!(again, answer, "the cached ACCEPT, byte for byte");
    let told = pair.events(Which::Sender);
    assert!(
        told.iter().all(|event| matches!(
            event,
            Event::Ignored {
                why: Ignored::Duplicate,
                ..
            }
        )),
        "{told:?}"
    );
}

/// Interpretations, row 25.
#[test]
fn envelope_that_met_a_full_table_is_judged_when_it_comes_again() {
    let mut pair = Pair::with_tables(4);
    let mut overloaded = 0;
    for _ in 0..200 {
        pair.propose(Tier::Core).expect("a proposal");
        let [info] = &pair.collect(Which::Sender)[..] else {
            panic!("one INFO")
        };
        let first = pair.deliver(Which::Receiver, info);
        if first == 503 {
            overloaded += 1;
            assert_eq!(pair.events(Which::Receiver), [Event::Overloaded]);
            assert_eq!(
                pair.deliver(Which::Receiver, info),
                503,
                "not taken for one that was judged"
            );
        }
        pair.new_legs();
    }
    assert!(overloaded > 0);
}

/// OHP docs/02 "Fallback".
#[test]
fn rejected_proposal_may_go_to_another_audience() {
    let mut pair = Pair::new();
    let first = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    pair.with(Which::Receiver, |leg, host| leg.reject(host, RejectReason::Unknown))
        .expect("a REJECT");
    pair.settle();
    pair.template["audience"]["vendor"] = serde_json::json!("vendor-c");
    let second = pair.propose(Tier::Signed).expect("a proposal to another audience");
    assert_ne!(first, second);
    pair.settle();
    assert!(pair.events(Which::Receiver).iter().any(|event| {
        matches!(event, Event::Refused { step: Step::Envelope, failure, .. } if failure.why == Why::OtherAudience)
    }));
}

/// Interpretations, rows 31, 39.
#[test]
fn proposal_that_lacks_sound_waits_for_it_and_ends_at_its_deadline() {
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
    assert!(pair.leg(Which::Receiver).is_pending());
    assert!(matches!(
        pair.with(Which::Receiver, |leg, host| leg.accept(host)),
        Err(LegError::Illegal(_))
    ));
    let deadline = pair.leg(Which::Receiver).poll_timeout().expect("a deadline");
    pair.advance_to(deadline.plus(-1));
    pair.verify_again();
    assert!(pair.leg(Which::Receiver).is_pending());
    pair.advance_to(deadline);
    let told = pair.events(Which::Receiver);
    assert!(
        told.iter().any(
            |event| matches!(event, Event::Refused { step: Step::CallLeg, failure, heard: Some(Heard::NoMedia), answered: true }
            if failure.reason == RejectReason::NotBoundToCall)
        ),
        "{told:?}"
    );
}

/// Interpretations, rows 34 and 35: ten seconds of a codec with memory are not searched in one go.
#[test]
fn sound_that_takes_long_to_search_is_searched_piece_by_piece() {
    const G722: u8 = 9;
    for is_there in [true, false] {
        let mut pair = Pair::new();
        pair.give_tap();
        pair.give_sender_tap();
        pair.hear_as(Which::Sender, 0..60, G722);
        pair.hear_as(Which::Receiver, if is_there { 0..500 } else { 60..560 }, G722);
        let id = pair.propose(Tier::Signed).expect("a proposal");
        pair.settle();
        let lacks = [Event::NeedsResources {
            id,
            step: Step::CallLeg,
            heard: Some(Heard::NoUsableAudio),
        }];
        assert_eq!(pair.events(Which::Receiver), lacks);
        let mut pieces = 0;
        while pair
            .leg(Which::Receiver)
            .poll_timeout()
            .is_some_and(|at| at <= pair.now())
        {
            assert_eq!(
                pair.events(Which::Receiver),
                [],
                "nothing is told before the search is over"
            );
            pair.with(Which::Receiver, |leg, host| leg.handle_timeout(host));
            pieces += 1;
        }
        assert!((10..200).contains(&pieces), "{pieces} pieces");
        assert_eq!(pair.events(Which::Receiver), lacks);
        if !is_there {
            // Nor may any more sound follow.
            pair.advance_to(pair.now().plus(400));
        }
        pair.verify_again();
        let told = pair.events(Which::Receiver);
        let expected = |event: &Event| match event {
            Event::Proposed { heard, .. } => is_there && *heard == Some(Heard::Exact),
            Event::Refused { heard, answered, .. } => !is_there && *answered && *heard == Some(Heard::Mismatch),
            _ => false,
        };
        assert!(told.iter().any(expected), "{told:?}");
    }
}

/// Interpretations, rows 34 and 39.
#[test]
fn search_that_is_not_over_at_the_deadline_ends_with_it() {
    let mut pair = Pair::new();
    pair.give_tap();
    pair.give_sender_tap();
    pair.hear_as(Which::Sender, 0..60, 9);
    pair.hear_as(Which::Receiver, 0..500, 9);
    let id = pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    let envelope = pair.received(Which::Receiver).to_vec();
    let not_after = ohp::envelope::Envelope::read(&envelope, &mut |_| ())
        .expect("an envelope")
        .not_after()
        .expect("a proposal ends");
    pair.events(Which::Receiver);
    pair.advance_to(not_after);
    let told = pair.events(Which::Receiver);
    let refused = |event: &Event| {
        matches!(
            event,
            Event::Refused {
                heard: Some(Heard::NoUsableAudio),
                ..
            }
        )
    };
    assert!(told.iter().any(refused), "{id}: {told:?}");
    assert!(!pair.leg(Which::Receiver).is_pending());
    assert!(
        pair.leg(Which::Receiver)
            .poll_timeout()
            .is_none_or(|at| at > pair.now())
    );
}

/// Interpretations, row 34: the newest audio may still be on its way when the envelope arrives.
#[test]
fn envelope_that_overtakes_its_sound_waits_for_it_a_moment() {
    for audio_follows in [true, false] {
        let mut pair = Pair::new();
        pair.give_tap();
        pair.give_sender_tap();
        pair.hear(Which::Sender, 0..60);
        pair.hear(Which::Receiver, 0..40);
        let id = pair.propose(Tier::Signed).expect("a proposal");
        pair.settle();
        assert_eq!(
            pair.events(Which::Receiver),
            [Event::NeedsResources {
                id,
                step: Step::CallLeg,
                heard: Some(Heard::Mismatch)
            }]
        );
        assert_eq!(pair.leg(Which::Receiver).poll_timeout(), Some(pair.now().plus(400)));
        if audio_follows {
            pair.hear(Which::Receiver, 40..60);
            pair.advance_to(pair.now().plus(200));
            pair.verify_again();
            assert_eq!(
                pair.events(Which::Receiver),
                [Event::Proposed {
                    id,
                    tier: Tier::Signed,
                    heard: Some(Heard::Exact)
                }]
            );
        } else {
            pair.advance_to(pair.now().plus(400));
            let told = pair.events(Which::Receiver);
            assert!(
                matches!(told[..], [Event::Refused { step: Step::CallLeg, failure, heard: Some(Heard::Mismatch), answered: true }]
                    if failure.why == Why::Media(MediaDoubt::Mismatch)),
                "{told:?}"
            );
        }
    }
}

#[test]
fn undelivered_message_undoes_what_it_would_have_done() {
    let mut pair = Pair::new();
    pair.propose(Tier::Signed).expect("a proposal");
    pair.fail_next(Which::Sender, 408);
    assert_eq!(
        pair.events(Which::Sender),
        [Event::Undelivered {
            verb: Verb::Propose,
            status: 408
        }]
    );
    assert_eq!(pair.phases().0, Phase::Rejected);

    let mut pair = Pair::new();
    pair.accepted(Tier::Signed);
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.fail_next(Which::Sender, 481);
    assert_eq!(
        pair.events(Which::Sender),
        [Event::Undelivered {
            verb: Verb::Assume,
            status: 481
        }]
    );
    assert_eq!(pair.phases().0, Phase::Rejected, "the sender keeps the conversation");
}

#[test]
fn one_info_is_outstanding_at_a_time() {
    let mut pair = Pair::new();
    pair.template["transcript"]["summary"] = serde_json::json!(pair::noise(3_000));
    pair.propose(Tier::Signed).expect("a proposal");
    let first = pair.poll(Which::Sender).expect("a first INFO");
    assert!(first.headers.contains("chunk=1"), "{}", first.headers);
    assert_eq!(pair.poll(Which::Sender), None);
    assert!(matches!(pair.propose(Tier::Signed), Err(LegError::Busy)));
    pair.respond(Which::Sender, 200);
    let second = pair.poll(Which::Sender).expect("a second INFO");
    assert!(second.headers.contains("chunk=2"), "{}", second.headers);
}

#[test]
fn large_proposal_waits_in_the_shared_table() {
    let mut pair = Pair::new();
    pair.template["transcript"]["summary"] = serde_json::json!(pair::noise(7_000));
    let id = pair.propose(Tier::Signed).expect("a proposal");
    let infos = pair.settle();
    assert!(infos.len() > 5, "{} INFOs", infos.len());
    assert_eq!(
        pair.events(Which::Receiver),
        [Event::Proposed {
            id,
            tier: Tier::Signed,
            heard: None
        }]
    );
}

/// Row 48.
#[test]
fn proposal_hints_what_offer_and_answer_name_and_its_receiver_knows_what_to_offer() {
    let described = |formats: &str| {
        let text = format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP {formats} 101\na=rtpmap:96 opus/48000/2\n");
        text + "a=rtpmap:101 telephone-event/8000\n"
    };
    let mut pair = Pair::new();
    let mut agree = |which: Which, offer: &str, answer: &str| {
        pair.with(which, |leg, _| {
            leg.handle_sdp(SdpOrigin::Remote, described(offer).as_bytes())
                .expect("an offer");
            assert_eq!(leg.sdp_hints().as_str().is_empty(), offer.is_empty());
            leg.handle_sdp(SdpOrigin::Local, described(answer).as_bytes())
                .expect("an answer");
        });
    };
    agree(Which::Sender, "96 0 8 9", "96 9");
    agree(Which::Receiver, "0 96", "0");
    pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    let received = pair.received(Which::Receiver).to_vec();
    let envelope = Envelope::read(&received, &mut |_| ()).expect("an envelope");
    let hints = envelope.session().sdp_hint_codecs();
    assert!(
        hints.clone().eq(["OPUS/48000/2", "G722/8000"]),
        "{:?}",
        pair.leg(Which::Sender).sdp_hints()
    );

    let leg = pair.leg(Which::Receiver);
    assert_eq!(leg.renegotiation(hints.clone(), None), Renegotiation::NoCommonCodec);
    let can = SdpHints::from_codecs(["PCMU/8000", "opus/48000/2"]);
    let answer = leg.renegotiation(hints.clone(), Some(&can));
    assert!(
        matches!(&answer, Renegotiation::Offer { reason: OfferReason::Codec, codecs } if codecs.as_str() == "OPUS/48000/2 PCMU/8000"),
        "{answer:?}"
    );
    pair.with(Which::Receiver, |leg, _| {
        // The re-INVITE and its answer.
        leg.handle_sdp(SdpOrigin::Local, described("96 0").as_bytes())
            .expect("an offer");
        leg.handle_sdp(SdpOrigin::Remote, described("96").as_bytes())
            .expect("an answer");
        let answer = leg.renegotiation(hints, Some(&can));
        assert!(matches!(answer, Renegotiation::NotNeeded { codec: Some(codec) } if codec.as_str() == "OPUS/48000/2"));
    });
}

#[test]
fn idle_leg_stays_under_eight_kilobytes() {
    assert!(size_of::<Leg>() <= LEG_SIZE_MAX, "{}", size_of::<Leg>());
}

#[test]
fn sides_are_told_apart() {
    let mut pair = Pair::new();
    pair.accepted(Tier::Core);
    assert_eq!(pair.leg(Which::Sender).side(), Side::Sender);
    assert_eq!(pair.leg(Which::Receiver).side(), Side::Receiver);
}

/// 10,000 handoffs, or `OHP_HANDOFFS`, over a pair that loses, doubles and reorders datagrams both ways.
#[test]
fn lossy_reordering_duplicating_pair_never_ends_in_a_half_state() {
    let handoffs = std::env::var("OHP_HANDOFFS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(10_000);
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..handoffs {
        let mut pair = lossy::Lossy::new(seed);
        let end = pair.run();
        assert!(
            matches!(
                end,
                (Phase::HandedOff, Phase::HandedOff)
                    | (Phase::Resumed, Phase::Resumed)
                    | (Phase::Rejected, Phase::Rejected)
                    | (Phase::Rejected, Phase::Idle)
            ),
            "seed {seed}: {end:?}"
        );
        *ends.entry(format!("{end:?}")).or_insert(0) += 1;
    }
    eprintln!("{ends:?}");
    assert!(
        ends.len() >= 3,
        "handed over, given back and refused should all occur: {ends:?}"
    );
}

/// An answer in chunks that lacked a resource is judged anew when it comes again, though its sender sends its last INFO alone.
#[test]
fn answer_in_chunks_that_lacked_a_resource_is_judged_when_it_comes_again() {
    for refuses in [false, true] {
        let mut pair = Pair::new();
        pair.set_body_max(Which::Receiver, ohp::transport::outgoing::BODY_MIN + 100);
        let mut trust = common::bundle_json(("vendor-a", common::SENDER_DID, 1), (common::RECEIVER_DID, 2));
        let known = trust["issuers"].take();
        trust["issuers"] = serde_json::json!({});
        trust["receiver"]["admit"] = serde_json::json!([common::RECEIVER_DID]);
        pair.set_bundle(Which::Sender, &trust);
        let id = pair.propose(Tier::Signed).expect("a proposal");
        pair.settle();
        pair.events(Which::Receiver);
        pair.with(Which::Receiver, |leg, host| match refuses {
            true => leg.reject(host, RejectReason::ConsentOutOfScope),
            false => leg.accept(host),
        })
        .expect("an answer");
        let infos = pair.collect(Which::Receiver);
        assert!(infos.len() > 2, "in chunks");
        let statuses: Vec<_> = infos.iter().map(|info| pair.deliver(Which::Sender, info)).collect();
        assert_eq!(statuses.last(), Some(&503));
        assert_eq!(
            pair.deliver(Which::Sender, infos.last().expect("one")),
            503,
            "nothing has come meanwhile"
        );
        pair.events(Which::Sender);

        trust["issuers"] = known;
        pair.set_bundle(Which::Sender, &trust);
        assert_eq!(pair.deliver(Which::Sender, infos.last().expect("one")), 200);
        let told = pair.events(Which::Sender);
        match refuses {
            true => assert!(
                matches!(told[..], [Event::Rejected { id: told, .. }] if told == id),
                "{told:?}"
            ),
            false => assert_eq!(told, [Event::Accepted { id }]),
        }
        // And once more, now that it is done with.
        for info in &infos {
            assert_eq!(pair.deliver(Which::Sender, info), 200);
        }
        assert!(matches!(pair.events(Which::Sender)[..], []));
    }
}

/// What has to arrive is sent anew as often as the leg says, and no more; then the application is told. `RETRIES_MAX` of
/// `src/leg/outbox.rs`.
#[test]
fn message_that_must_arrive_is_given_up_after_eight_more_tries() {
    const RETRIES_MAX: usize = 8;
    for status in [503, ohp::leg::NO_RESPONSE] {
        for failures in [RETRIES_MAX, RETRIES_MAX + 1] {
            let mut pair = Pair::new();
            let id = pair.accepted(Tier::Core);
            pair.with(Which::Sender, |leg, host| leg.assume(host))
                .expect("an ASSUME");
            pair.events(Which::Sender);
            let first = pair.poll(Which::Sender).expect("an INFO");
            for failure in 1..=failures {
                pair.respond(Which::Sender, status);
                let next = pair.poll(Which::Sender);
                assert_eq!(next.is_some(), failure <= RETRIES_MAX, "after {failure} times {status}");
                assert!(next.is_none_or(|next| next == first), "it is the same INFO");
            }
            if failures <= RETRIES_MAX {
                let arrived = pair.deliver(Which::Receiver, &first);
                pair.respond(Which::Sender, arrived);
                assert_eq!(pair.events(Which::Sender), [Event::HandedOff { id }]);
            } else {
                let verb = Verb::Assume;
                assert_eq!(pair.events(Which::Sender), [Event::Undelivered { verb, status }]);
            }
        }
    }
}

/// An answer is not kept while a resource is missing: its INFO is answered 503, so that its sender does not take it for
/// received, and both ends agree on who holds the call.
#[test]
fn answer_that_lacks_a_resource_is_not_taken_for_received() {
    for refuses in [false, true] {
        let mut pair = Pair::new();
        let mut trust = common::bundle_json(("vendor-a", common::SENDER_DID, 1), (common::RECEIVER_DID, 2));
        let known = trust["issuers"].take();
        trust["issuers"] = serde_json::json!({});
        trust["receiver"]["admit"] = serde_json::json!([common::RECEIVER_DID]);
        pair.set_bundle(Which::Sender, &trust);
        pair.propose(Tier::Signed).expect("a proposal");
        pair.settle();
        pair.events(Which::Receiver);
        pair.with(Which::Receiver, |leg, host| match refuses {
            true => leg.reject(host, RejectReason::ConsentOutOfScope),
            false => leg.accept(host),
        })
        .expect("an answer");
        let mut statuses = Vec::new();
        while let Some(info) = pair.poll(Which::Receiver) {
            statuses.push(pair.deliver(Which::Sender, &info));
            pair.respond(Which::Receiver, *statuses.last().expect("one"));
        }
        assert_eq!(statuses.pop(), Some(503), "the one that completes it");
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let told = pair.events(Which::Sender);
        let step = Step::ResolveIssuer;
        assert!(
            matches!(told[..], [Event::NeedsResources { step: told, .. }] if told == step),
            "{told:?}"
        );
        let verb = if refuses { Verb::Reject } else { Verb::Accept };
        assert_eq!(pair.events(Which::Receiver), [Event::Undelivered { verb, status: 503 }]);
        assert_eq!(
            pair.phases(),
            (Phase::Proposing, Phase::Rejected),
            "the sender holds the call"
        );

        // Once the keys are there, the next proposal is answered.
        trust["issuers"] = known;
        pair.set_bundle(Which::Sender, &trust);
        pair.fail_proposal();
        pair.accepted(Tier::Signed);
    }
}
