//! Keys change while calls go on: the next one is published beside the old one, the old one ends, is revoked, and goes; what it
//! signed in time still holds, and what it signed later never does.

mod common;
#[path = "leg/pair.rs"]
mod pair;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use common::{NOW, RECEIVER_DID, SENDER_DID, at, bundle, bundle_json, public_jwk, receiver_json};
use ohp::control::Phase;
use ohp::envelope::{RejectReason, Tier};
use ohp::leg::Event;
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::KeyRefusal;
use ohp::verify::{Call, Media, Outcome, Role, Situation, Step, VERIFY_SCRATCH, Why, verify};
use pair::{Pair, Which};
use serde_json::{Value, json};

const OLD: u8 = 1;
const NEXT: u8 = 3;
/// When the old key ends, between the envelopes of these tests.
const END: &str = "2026-05-28T13:50:30Z";

fn key(seed: u8, members: &Value) -> Value {
    let mut key = public_jwk(seed);
    for (name, value) in members.as_object().expect("members") {
        key[name] = value.clone();
    }
    key
}

/// What the receiver has of the sender's keys, one publication after another, and which of three envelopes it believes: the
/// old key's from before its end, the old key's from after it, the next key's.
fn publications() -> [(Vec<Value>, [bool; 3]); 6] {
    let next = key(NEXT, &json!({}));
    let ended = json!({ "validUntil": END });
    [
        (vec![key(OLD, &json!({}))], [true, true, false]),
        (vec![key(OLD, &json!({})), next.clone()], [true, true, true]),
        (vec![key(OLD, &ended), next.clone()], [true, false, true]),
        (
            vec![key(OLD, &json!({ "revoked": true, "validUntil": END })), next.clone()],
            [true, false, true],
        ),
        (
            vec![key(OLD, &json!({ "revoked": true })), next.clone()],
            [false, false, true],
        ),
        (vec![next], [false, false, true]),
    ]
}

fn receiver(keys: &[Value]) -> Value {
    let mut json = receiver_json();
    json["issuers"][SENDER_DID]["jwks"]["keys"] = json!(keys);
    json
}

/// A proposal issued at `issued_at` and signed by key `seed`.
fn proposal(seed: u8, issued_at: &str) -> Vec<u8> {
    let mut envelope = common::official("02-signed-cs-handoff");
    envelope["issuedAt"] = issued_at.into();
    envelope["notBefore"] = issued_at.into();
    common::sign(&envelope, seed)
}

fn outcome(bundle: &Bundle, envelope: &[u8], scratch: &mut [u8]) -> Outcome {
    let situation = Situation {
        bundle,
        now: at(NOW),
        role: Role::Unknown,
        call: Call::Unknown,
        media: Media::NotHere,
        echo: Default::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    };
    verify(envelope, &situation, scratch, &mut |_, _| ()).outcome
}

/// Threads verify while the bundle is replaced again and again, as a host's do: each verdict is that of one whole bundle.
#[test]
fn verdicts_under_load_are_those_of_one_publication_whenever_it_is_replaced() {
    if !common::shared_is_here() {
        return;
    }
    const THREADS: usize = 4;
    const ROUNDS: usize = 30;
    let envelopes = [
        proposal(OLD, "2026-05-28T13:50:00Z"),
        proposal(OLD, "2026-05-28T13:50:31Z"),
        proposal(NEXT, "2026-05-28T13:50:31Z"),
    ];
    let publications = publications();
    let contexts: Vec<Arc<(Bundle, [bool; 3])>> = publications
        .iter()
        .map(|(keys, believed)| Arc::new((bundle(&receiver(keys)), *believed)))
        .collect();
    let current = RwLock::new(Arc::clone(&contexts[0]));
    let (ended, judged) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut scratch = vec![0; VERIFY_SCRATCH];
                while !ended.load(Ordering::Relaxed) {
                    let context = Arc::clone(&current.read().expect("not poisoned"));
                    let (bundle, believed) = &*context;
                    for (envelope, believed) in envelopes.iter().zip(believed) {
                        let outcome = outcome(bundle, envelope, &mut scratch);
                        match (outcome, believed) {
                            (Outcome::Accept, true) => {}
                            (Outcome::Reject(Step::Signatures, failure), false) => {
                                assert_eq!(failure.reason, RejectReason::SignatureInvalid);
                            }
                            other => panic!("{other:?}"),
                        }
                        judged.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            for (context, (keys, _)) in contexts.iter().zip(&publications) {
                let seen = judged.load(Ordering::Relaxed);
                // Every other round the bundle is read anew, as a reload does; the old one goes when its last call ends.
                let next = if round % 2 == 0 {
                    Arc::clone(context)
                } else {
                    Arc::new((bundle(&receiver(keys)), context.1))
                };
                *current.write().expect("not poisoned") = next;
                while judged.load(Ordering::Relaxed) < seen + THREADS {
                    std::thread::yield_now();
                }
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(judged.into_inner() >= THREADS * ROUNDS * publications.len());
}

#[test]
fn key_is_refused_for_what_it_is_at_the_moment_of_issue() {
    if !common::shared_is_here() {
        return;
    }
    let [early, late] = ["2026-05-28T13:50:00Z", "2026-05-28T13:50:31Z"].map(|moment| proposal(OLD, moment));
    let mut scratch = vec![0; VERIFY_SCRATCH];
    let mut why = |publication: usize, envelope: &[u8]| {
        let (keys, _) = &publications()[publication];
        match outcome(&bundle(&receiver(keys)), envelope, &mut scratch) {
            Outcome::Reject(Step::Signatures, failure) => Some(failure.why),
            Outcome::Accept => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        (why(2, &early), why(2, &late)),
        (None, Some(Why::Key(KeyRefusal::Expired)))
    );
    assert_eq!(
        (why(3, &early), why(3, &late)),
        (None, Some(Why::Key(KeyRefusal::Revoked)))
    );
    assert_eq!(why(4, &early), Some(Why::Key(KeyRefusal::Revoked)));
    assert_eq!(why(5, &early), Some(Why::Key(KeyRefusal::Unknown)));
}

/// The sides of the pair: the sender's own key, and the receiver's view of the sender's keys.
fn sender(own: u8) -> Value {
    bundle_json(("vendor-a", SENDER_DID, own), (RECEIVER_DID, 2))
}

fn believing(keys: &[Value]) -> Value {
    let mut json = bundle_json(("vendor-b", RECEIVER_DID, 2), (SENDER_DID, OLD));
    json["issuers"][SENDER_DID]["jwks"]["keys"] = json!(keys);
    json
}

/// A whole handoff for each way in which a reload may fall into it.
#[test]
fn call_under_way_goes_on_while_both_sides_change_keys() {
    let both = [key(OLD, &json!({})), key(NEXT, &json!({}))];
    let soon = at(NOW).plus(1000);
    let ending = [
        key(OLD, &json!({ "validUntil": soon.to_text().as_str() })),
        key(NEXT, &json!({})),
    ];

    // The proposal of the old key is on its way while the receiver learns of the next one, and of the old one's end.
    let mut pair = Pair::new();
    pair.propose(Tier::Signed).expect("a proposal");
    pair.set_bundle(Which::Receiver, &believing(&both));
    pair.set_bundle(Which::Receiver, &believing(&ending));
    pair.settle();
    pair.with(Which::Receiver, |leg, host| leg.accept(host))
        .expect("an ACCEPT");
    pair.settle();
    assert_eq!(pair.phases(), (Phase::Accepted, Phase::Accepted));

    // The sender changes over in the middle of its call: what follows up is signed with the next key.
    pair.set_bundle(Which::Sender, &sender(NEXT));
    pair.advance_to(soon.plus(1000));
    pair.with(Which::Sender, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    assert_eq!(pair.phases(), (Phase::HandedOff, Phase::HandedOff));

    // The next call begins with the next key.
    pair.new_legs();
    pair.accepted(Tier::Signed);
}

#[test]
fn call_that_begins_with_a_revoked_key_is_refused() {
    let mut pair = Pair::new();
    pair.set_bundle(
        Which::Receiver,
        &believing(&[key(OLD, &json!({ "revoked": true })), key(NEXT, &json!({}))]),
    );
    pair.propose(Tier::Signed).expect("the sender does not know yet");
    pair.settle();
    let events = pair.events(Which::Receiver);
    let refused = |event: &Event| {
        matches!(event, Event::Refused { step: Step::Signatures, failure, .. }
            if failure.why == Why::Key(KeyRefusal::Revoked))
    };
    assert!(events.iter().any(refused), "{events:?}");
    // It is told, changes over, and gets through.
    pair.set_bundle(Which::Sender, &sender(NEXT));
    pair.new_legs();
    pair.accepted(Tier::Signed);
}

/// A revoked key of our own signs nothing, whatever its end is said to be; the next one in the set does.
#[test]
fn own_key_that_is_revoked_or_ended_hands_over_to_the_next() {
    for members in [
        json!({ "revoked": true, "validUntil": "2027-01-01T00:00:00Z" }),
        json!({ "validUntil": END }),
    ] {
        let mut sender = sender(OLD);
        let keys = sender["receiver"]["keys"]["keys"].as_array_mut().expect("keys");
        for (name, value) in members.as_object().expect("members") {
            keys[0][name] = value.clone();
        }
        keys.push(common::private_jwk(NEXT));
        let receiver = believing(&[key(NEXT, &json!({}))]);
        let mut pair = Pair::between(&sender, &receiver, at(NOW));
        pair.accepted(Tier::Signed);
    }
}
