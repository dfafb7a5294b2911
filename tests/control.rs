//! The state machine of a handoff: every phase with every verb, sent and received, on both sides.

use ohp::control::{Handoff, Motion, Phase, Side, Timeout};
use ohp::envelope::Verb;
use ohp::id::EnvelopeId;
use ohp::time::Timestamp;

use Motion::{Received, Sent};
use Phase::{Accepted, HandedOff, Idle, Proposing, Rejected, Resumed};
use Verb::{Accept, Assume, Incident, Propose, Reject, Return};

const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);

fn id(last: char) -> EnvelopeId {
    EnvelopeId::parse(&format!("cse_01HZX0R5N9V8W1QYK0XQM3R3K{last}")).expect("an id")
}

/// A handoff on `side` that has come to `phase` by legal verbs.
fn handoff(side: Side, phase: Phase) -> Handoff {
    let (ours, theirs) = match side {
        Side::Sender => (Sent, Received),
        Side::Receiver => (Received, Sent),
    };
    let mut handoff = Handoff::new();
    if phase == Idle {
        return handoff;
    }
    handoff.propose(ours, id('9'), NOW.plus(300_000)).expect("legal");
    let way: &[(Motion, Verb)] = match phase {
        Idle | Proposing => &[],
        Rejected => &[(theirs, Reject)],
        Accepted => &[(theirs, Accept)],
        HandedOff => &[(theirs, Accept), (ours, Assume)],
        Resumed => &[(theirs, Accept), (ours, Assume), (theirs, Return)],
    };
    for (motion, verb) in way {
        handoff.apply(*motion, *verb, NOW).expect("legal");
    }
    assert_eq!((handoff.side(), handoff.phase()), (side, phase));
    handoff
}

/// docs/08 "State machine" from the sender's view; the receiver's is its mirror image. What is not listed is illegal.
const LEGAL: &[(Phase, Motion, Verb, Phase)] = &[
    (Idle, Sent, Propose, Proposing),
    (Idle, Received, Propose, Proposing),
    (Rejected, Sent, Propose, Proposing),
    (Rejected, Received, Propose, Proposing),
    (Resumed, Sent, Propose, Proposing),
    (Resumed, Received, Propose, Proposing),
    (Proposing, Received, Accept, Accepted),
    (Proposing, Received, Reject, Rejected),
    (Accepted, Received, Reject, Rejected),
    (Accepted, Sent, Assume, HandedOff),
    (Accepted, Received, Assume, HandedOff),
    (HandedOff, Sent, Assume, HandedOff),
    (HandedOff, Received, Assume, HandedOff),
    (HandedOff, Received, Return, Resumed),
];

fn mirrored(motion: Motion) -> Motion {
    match motion {
        Sent => Received,
        Received => Sent,
    }
}

#[test]
fn every_phase_verb_and_direction_is_legal_or_illegal_as_the_protocol_says() {
    let mut judged = 0;
    for side in [Side::Sender, Side::Receiver] {
        for phase in Phase::ALL {
            // Nothing has been proposed on an idle leg, so it is on no side yet.
            let before = handoff(side, *phase);
            for motion in [Sent, Received] {
                for verb in Verb::ALL {
                    let seen_by_sender = if side == Side::Sender { motion } else { mirrored(motion) };
                    let expected = match verb {
                        Incident => Some(*phase),
                        _ => LEGAL
                            .iter()
                            .find(|(from, who, what, _)| (from, who, what) == (phase, &seen_by_sender, verb))
                            .map(|(.., to)| *to),
                    };
                    let mut after = before;
                    let moved = match verb {
                        Propose => after.propose(motion, id('A'), NOW.plus(60_000)),
                        _ => after.apply(motion, *verb, NOW),
                    };
                    match expected {
                        Some(to) => {
                            assert_eq!(moved, Ok(()), "{side:?} {phase:?} {motion:?} {verb}");
                            assert_eq!(after.phase(), to, "{side:?} {phase:?} {motion:?} {verb}");
                        }
                        None => {
                            let illegal = moved.expect_err("illegal");
                            assert_eq!((illegal.verb, illegal.motion, illegal.phase), (*verb, motion, *phase));
                            assert_eq!(after, before, "an illegal verb moves nothing");
                        }
                    }
                    judged += 1;
                }
            }
        }
    }
    assert_eq!(judged, 2 * 6 * 2 * 6);
}

#[test]
fn propose_is_no_answer() {
    let mut idle = Handoff::new();
    assert!(idle.apply(Received, Propose, NOW).is_err());
}

/// OHP §8.4; interpretations, row 33.
#[test]
fn timeouts_are_not_after_for_a_proposal_and_ten_seconds_for_an_acceptance() {
    let mut proposing = handoff(Side::Sender, Proposing);
    assert_eq!(proposing.deadline(), Some(NOW.plus(300_000)));
    assert_eq!(proposing.handle_timeout(NOW.plus(299_999)), None);
    assert_eq!(proposing.handle_timeout(NOW.plus(300_000)), Some(Timeout::Unanswered));
    assert_eq!((proposing.phase(), proposing.deadline()), (Rejected, None));

    let mut accepted = handoff(Side::Receiver, Accepted);
    assert_eq!(accepted.deadline(), Some(NOW.plus(10_000)));
    assert_eq!(accepted.handle_timeout(NOW.plus(9_999)), None);
    assert_eq!(accepted.handle_timeout(NOW.plus(10_000)), Some(Timeout::NotAssumed));

    for phase in [Idle, Rejected, HandedOff, Resumed] {
        let mut handoff = handoff(Side::Sender, phase);
        assert_eq!(
            (
                handoff.deadline(),
                handoff.handle_timeout(Timestamp::from_millis(i64::MAX))
            ),
            (None, None)
        );
    }
}

#[test]
fn what_was_not_delivered_is_undone() {
    for (side, phase, verb, after) in [
        (Side::Sender, Proposing, Propose, Rejected),
        (Side::Receiver, Accepted, Accept, Rejected),
        (Side::Sender, HandedOff, Assume, Rejected),
        (Side::Receiver, Resumed, Return, HandedOff),
        // An ASSUME has answered the ACCEPT, so it arrived.
        (Side::Receiver, HandedOff, Accept, HandedOff),
        (Side::Receiver, Rejected, Reject, Rejected),
    ] {
        let mut handoff = handoff(side, phase);
        handoff.undelivered(verb);
        assert_eq!(handoff.phase(), after, "{verb}");
    }
}

#[test]
fn new_proposal_takes_the_place_of_an_ended_one() {
    let mut handoff = handoff(Side::Sender, Rejected);
    handoff.propose(Received, id('A'), NOW.plus(60_000)).expect("legal");
    assert_eq!((handoff.side(), handoff.proposal()), (Side::Receiver, Some(id('A'))));
    assert!(handoff.is_open());
}
