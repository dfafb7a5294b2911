//! What ties a proposal to its call's sound: five answers, each told apart by the application, in the REJECT and by its sender;
//! what policy lets count; and sound that another call has shown.

use ohp::cbor::Item;
use ohp::control::REFUSED_SOUND;
use ohp::envelope::{Envelope, Tier};
use ohp::leg::Event;
use ohp::media::{Codec, exact, robust};
use ohp::table::Sound;
use ohp::verify::{Heard, Step, Unbound, Warning, Why};

use crate::babble::babble;
use crate::handoff::infos_of;
use crate::pair::{Pair, Which};
use crate::scene::{self, Scene};

/// Ten seconds.
const HEARD: usize = 80_000;
const ALL: fn(usize) -> bool = |_| true;
/// No ten packets in a row.
const THINNED: fn(usize) -> bool = |nth| nth % 9 != 0;

/// Two ends of a call whose sender sends both fingerprints.
fn pair(counts: bool) -> Pair {
    let mut pair = Pair::new();
    pair.another_call("first@192.0.2.1");
    pair.settings(Which::Sender).robust_fingerprint = true;
    pair.let_similar_sound_count(Which::Receiver, counts);
    pair
}

/// Both ends hear those sounds, and the call is proposed.
fn propose(pair: &mut Pair, sent: &[i16], heard: &[i16], law: Codec) {
    pair.hear_sound(Which::Sender, sent, Codec::Pcmu, ALL);
    pair.hear_sound(Which::Receiver, heard, law, ALL);
    pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
}

/// The last REJECT that the sender has received: what it says of the sound.
fn rejected(pair: &Pair) -> Option<String> {
    let reject = Envelope::read(pair.received(Which::Sender), &mut |_| ()).expect("an envelope");
    let said = reject.get(REFUSED_SOUND).and_then(Item::as_text);
    said.map(str::to_owned)
}

/// Lets the receiver's proposal run out, and gives what both applications and the REJECT then say.
fn refused(pair: &mut Pair) -> (Why, Option<Heard>, Option<Unbound>, Option<String>) {
    let mut told = pair.events(Which::Receiver);
    if let Some(deadline) = pair.leg(Which::Receiver).poll_timeout() {
        pair.advance_receiver_to(deadline);
        told = pair.events(Which::Receiver);
    }
    let [
        Event::Refused {
            step: Step::CallLeg,
            failure,
            heard,
            answered: true,
        },
    ] = told[..]
    else {
        panic!("{told:?}")
    };
    pair.settle();
    let unbound = pair.events(Which::Sender).into_iter().find_map(|event| match event {
        Event::Rejected { unbound, verified, .. } => {
            assert!(verified);
            unbound
        }
        _ => None,
    });
    (failure.why, heard, unbound, rejected(pair))
}

fn accepted(pair: &mut Pair) -> Option<Heard> {
    let told = pair.events(Which::Receiver);
    let [Event::Proposed { heard, .. }] = told[..] else {
        panic!("{told:?}")
    };
    heard
}

/// Interpretations, rows 38 and 39.
#[test]
fn each_of_the_five_answers_reaches_both_applications() {
    let speech = babble(71, HEARD);
    let mut same = pair(true);
    propose(&mut same, &speech, &speech, Codec::Pcmu);
    assert_eq!(accepted(&mut same), Some(Heard::Exact));
    assert_eq!(same.warnings(Which::Receiver), []);

    let mut transcoded = pair(true);
    propose(&mut transcoded, &speech, &speech, Codec::Pcma);
    let heard = accepted(&mut transcoded);
    let Some(Heard::Robust { errors }) = heard else {
        panic!("{heard:?}")
    };
    assert!(errors < 200, "{errors}");
    assert_eq!(transcoded.warnings(Which::Receiver), [Warning::OnlySimilar { errors }]);

    let silence = vec![0; HEARD];
    let stranger = babble(72, HEARD);
    for (sound, heard, unbound) in [
        (&stranger, Heard::Mismatch, Unbound::Mismatch),
        (&silence, Heard::NoUsableAudio, Unbound::NoUsableAudio),
        (&Vec::new(), Heard::NoMedia, Unbound::NoMedia),
    ] {
        let mut pair = pair(true);
        propose(&mut pair, &speech, sound, Codec::Pcmu);
        let told = pair.events(Which::Receiver);
        assert!(
            matches!(told[..], [Event::NeedsResources { step: Step::CallLeg, heard: told, .. }] if told == Some(heard)),
            "{told:?}"
        );
        let (why, told, received, wire) = refused(&mut pair);
        assert_eq!(Unbound::of(&why), Some(unbound));
        assert_eq!((told, received), (Some(heard), Some(unbound)));
        assert_eq!(wire.as_deref(), Some(heard.as_str()), "in the REJECT");
    }
}

/// Interpretations, row 38.
#[test]
fn transcoded_call_is_taken_only_where_policy_lets_similar_sound_count() {
    let speech = babble(73, HEARD);
    let mut pair = pair(false);
    propose(&mut pair, &speech, &speech, Codec::Pcma);
    let (_, heard, unbound, _) = refused(&mut pair);
    assert_eq!((heard, unbound), (Some(Heard::Mismatch), Some(Unbound::Mismatch)));
}

/// A proposal of a tier that discloses something, made on `sent`, which its receiver hears as PCMA.
fn disclosing(tier: Tier, counts: bool) -> Pair {
    let speech = babble(74, HEARD);
    let mut scene = Scene::at(tier);
    let mut pair = Pair::between(&scene::agents_bundle(), &scene.trust, scene::now());
    pair.give_sender_tap();
    pair.hear_sound(Which::Sender, &speech, Codec::Pcmu, ALL);
    let (exact, robust) = pair.with(Which::Sender, |_, host| {
        let tap = host.tap.as_ref().expect("a tap");
        (
            exact::newest(tap).expect("speech").fingerprint,
            robust::newest(tap).expect("speech").fingerprint,
        )
    });
    scene.envelope["session"]["media"]["rtpFingerprint"] = exact.to_string().into();
    scene.envelope["session"]["media"]["x-ohp-robust"] = robust.to_string().into();
    let cbor = scene.finish();
    scene.trust["receiver"]["robustFingerprint"] = counts.into();
    pair.set_bundle(Which::Receiver, &scene.trust);
    pair.let_disclose(Which::Receiver);
    pair.give_tap();
    pair.hear_sound(Which::Receiver, &speech, Codec::Pcma, ALL);
    for info in infos_of(&cbor) {
        assert_eq!(pair.deliver(Which::Receiver, &info), 200);
    }
    pair
}

/// Interpretations, row 38.
#[test]
fn similar_sound_counts_at_sealed_and_never_at_regulated() {
    assert!(matches!(
        accepted(&mut disclosing(Tier::Sealed, true)),
        Some(Heard::Robust { .. })
    ));
    for (tier, counts) in [(Tier::Sealed, false), (Tier::Regulated, true), (Tier::Regulated, false)] {
        let mut pair = disclosing(tier, counts);
        let told = pair.events(Which::Receiver);
        assert!(
            matches!(
                told[..],
                [Event::NeedsResources {
                    heard: Some(Heard::Mismatch),
                    ..
                }]
            ),
            "{tier}: {told:?}"
        );
        let deadline = pair.leg(Which::Receiver).poll_timeout().expect("a deadline");
        pair.advance_to(deadline);
        let told = pair.events(Which::Receiver);
        assert!(
            matches!(
                told[..],
                [Event::Refused {
                    step: Step::CallLeg,
                    heard: Some(Heard::Mismatch),
                    ..
                }]
            ),
            "{tier}: {told:?}"
        );
    }
}

/// A loop of twelve seconds, from `at` on: music on hold, as one of its callers hears it.
fn music(at: usize) -> Vec<i16> {
    let turn = babble(75, 96_000);
    (at..at + HEARD).map(|at| turn[at % turn.len()]).collect()
}

/// Interpretations, row 36: the exact fingerprint's rule.
#[test]
fn music_on_hold_in_two_calls_is_refused_by_its_hash() {
    let mut pair = pair(true);
    propose(&mut pair, &music(0), &music(0), Codec::Pcmu);
    assert_eq!(accepted(&mut pair), Some(Heard::Exact));
    pair.another_call("second@192.0.2.1");
    propose(&mut pair, &music(0), &music(0), Codec::Pcmu);
    let (why, heard, unbound, wire) = refused(&mut pair);
    assert_eq!((why, heard), (Why::FingerprintSeenElsewhere, Some(Heard::Exact)));
    assert_eq!(unbound, Some(Unbound::ExactElsewhere));
    assert_eq!(wire.as_deref(), Some("exact-elsewhere"));
}

/// Interpretations, row 38: the second caller hears another part of the loop, so that neither fingerprint is the first one's.
#[test]
fn music_on_hold_in_two_calls_is_refused_by_its_likeness() {
    for later in [0, 13_000, 30_000] {
        let mut pair = pair(true);
        propose(&mut pair, &music(0), &music(0), Codec::Pcma);
        assert!(matches!(accepted(&mut pair), Some(Heard::Robust { .. })));
        pair.another_call("second@192.0.2.1");
        propose(&mut pair, &music(later), &music(later), Codec::Pcma);
        let (why, heard, unbound, wire) = refused(&mut pair);
        assert_eq!(why, Why::SoundSeenElsewhere);
        assert!(matches!(heard, Some(Heard::Robust { .. })), "{heard:?}");
        assert_eq!(unbound, Some(Unbound::RobustElsewhere));
        assert_eq!(wire.as_deref(), Some("robust-elsewhere"));

        // What was refused has left no trace: the first call may show its sound again, and a voice is no music.
        pair.another_call("first@192.0.2.1");
        propose(&mut pair, &music(later), &music(later), Codec::Pcma);
        assert!(matches!(accepted(&mut pair), Some(Heard::Robust { .. })));
        pair.another_call("third@192.0.2.1");
        let voice = babble(76, HEARD);
        propose(&mut pair, &voice, &voice, Codec::Pcma);
        assert!(matches!(accepted(&mut pair), Some(Heard::Robust { .. })));
    }
}

/// A full list proves nothing against a call, and delays none.
#[test]
fn call_whose_sound_cannot_be_remembered_is_taken_with_a_warning() {
    let mut pair = pair(true);
    let until = pair.now().plus(60_000);
    let remembered = pair.with(Which::Receiver, |_, host| {
        let mut count = 0;
        let sound = |nth: u8| Sound {
            bytes: [nth; 132],
            call: 7,
        };
        while host.table.enter_sound(&sound(count), until, host.now).is_ok() {
            count += 1;
        }
        count
    });
    assert_eq!(remembered, 16);
    let speech = babble(77, HEARD);
    propose(&mut pair, &speech, &speech, Codec::Pcma);
    assert!(accepted(&mut pair).is_some());
    assert!(pair.warnings(Which::Receiver).contains(&Warning::SoundForgotten));
    let full = pair.with(Which::Receiver, |_, host| host.table.stats().sound_full);
    assert_eq!(full, 2);
}

/// A leg so lossy that no 200 ms are whole has only the robust fingerprint to give.
#[test]
fn robust_fingerprint_is_sent_where_there_is_no_exact_one() {
    let speech = babble(78, HEARD);
    for counts in [true, false] {
        let mut pair = pair(counts);
        pair.hear_sound(Which::Sender, &speech, Codec::Pcmu, THINNED);
        pair.hear_sound(Which::Receiver, &speech, Codec::Pcmu, ALL);
        pair.propose(Tier::Signed).expect("a proposal");
        let sent = pair.sent_envelope();
        let sent = Envelope::read(&sent, &mut |_| ()).expect("an envelope");
        assert_eq!(sent.session().rtp_fingerprint(), None);
        assert!(sent.get(robust::MEMBER).is_some());
        pair.settle();
        let heard = accepted(&mut pair);
        match counts {
            true => assert!(matches!(heard, Some(Heard::Robust { .. })), "{heard:?}"),
            // As an envelope without any fingerprint is at Signed, but for the warning.
            false => {
                assert_eq!(heard, None);
                assert_eq!(pair.warnings(Which::Receiver), [Warning::RobustUnchecked]);
            }
        }
    }
    // Where it counts, another call's is refused.
    let mut pair = pair(true);
    pair.hear_sound(Which::Sender, &speech, Codec::Pcmu, THINNED);
    pair.hear_sound(Which::Receiver, &babble(79, HEARD), Codec::Pcmu, ALL);
    pair.propose(Tier::Signed).expect("a proposal");
    pair.settle();
    assert_eq!(refused(&mut pair).1, Some(Heard::Mismatch));
}

#[test]
fn robust_fingerprint_is_sent_at_signed_and_sealed_where_the_settings_say_so() {
    let speech = babble(80, HEARD);
    let carries = |tier: Tier, robust_fingerprint: bool| {
        let mut scene = Scene::at(tier);
        let mut pair = Pair::between(&scene::agents_bundle(), &scene.trust, scene::now());
        pair.settings(Which::Sender).robust_fingerprint = robust_fingerprint;
        pair.give_sender_tap();
        pair.hear_sound(Which::Sender, &speech, Codec::Pcmu, ALL);
        scene.trust = serde_json::Value::Null;
        pair.template = scene::template(tier);
        let cbor = pair.propose_bytes(tier);
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let text = envelope.get(robust::MEMBER).and_then(Item::as_text);
        text.map(|text| robust::RobustFingerprint::parse(text).expect("form 1"));
        text.is_some()
    };
    for tier in crate::TIERS {
        assert_eq!(
            carries(tier, true),
            matches!(tier, Tier::Signed | Tier::Sealed),
            "{tier}"
        );
        assert!(!carries(tier, false), "{tier}");
    }
}
