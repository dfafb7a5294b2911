//! Handing a call over at the tiers that disclose something: the receiver's application reads what was opened and
//! verified, and refusals are answered.

use ohp::envelope::{Envelope, Tier, Verb};
use ohp::leg::Event;
use ohp::media::exact;
use ohp::transport::outgoing::{self, ENCODED_MAX, HEADERS_LEN, Outgoing};
use ohp::verify::Step;

use crate::pair::{Info, Pair, Which};
use crate::rows::ROWS;
use crate::scene::{self, Scene};

/// An envelope as its sender's INFOs.
pub fn infos_of(cbor: &[u8]) -> Vec<Info> {
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
    let named = (envelope.id(), envelope.tier(), envelope.verb());
    let (mut scratch, mut encoded) = (vec![0; outgoing::SCRATCH_LEN], vec![0; ENCODED_MAX]);
    let plan = Outgoing::encode(cbor, named, outgoing::Form::default(), &mut scratch, &mut encoded).expect("a plan");
    (1..=plan.total())
        .map(|part| {
            let data = &encoded[plan.range(part).expect("a part")];
            let (mut headers, mut body) = (vec![0; HEADERS_LEN], vec![0; ohp::transport::BODY_MAX]);
            let info = plan.render(part, data, &mut headers, &mut body).expect("room");
            Info {
                headers: format!("{}\r\n", info.headers),
                body: info.body.to_vec(),
            }
        })
        .collect()
}

/// The agent's end and the contact centre's, which hears what the agent heard; and the agent's proposal.
fn ends(scene: &mut Scene) -> (Pair, Vec<u8>) {
    let mut pair = Pair::between(&scene::agents_bundle(), &scene.trust, scene::now());
    pair.give_tap();
    pair.hear(Which::Receiver, 0..150);
    let sample = pair.with(Which::Receiver, |_, host| {
        exact::newest(host.tap.as_ref().expect("a tap")).expect("usable audio")
    });
    if scene.envelope["session"]["media"]["rtpFingerprint"] == scene::fingerprint() {
        let text = sample.fingerprint.to_text();
        scene.envelope["session"]["media"]["rtpFingerprint"] = std::str::from_utf8(&text).expect("ASCII").into();
    }
    let cbor = scene.finish();
    pair.set_bundle(Which::Receiver, &scene.trust);
    (pair, cbor)
}

/// Hands the proposal to the contact centre.
fn propose(pair: &mut Pair, cbor: &[u8]) -> Vec<Event> {
    for info in infos_of(cbor) {
        assert_eq!(pair.deliver(Which::Receiver, &info), 200);
    }
    pair.events(Which::Receiver)
}

/// What the contact centre answers, as the agent's end receives it.
fn answer(pair: &mut Pair) -> Vec<u8> {
    for info in pair.collect(Which::Receiver) {
        pair.deliver(Which::Sender, &info);
    }
    pair.received(Which::Sender).to_vec()
}

#[test]
fn application_reads_what_was_opened_and_verified_before_it_accepts() {
    for tier in [Tier::Sealed, Tier::Regulated] {
        let (mut pair, cbor) = ends(&mut Scene::at(tier));
        pair.let_disclose(Which::Receiver);
        let told = propose(&mut pair, &cbor);
        assert!(
            matches!(told[..], [Event::Proposed { tier: told, .. }] if told == tier),
            "{told:?}"
        );
        let disclosed = pair.disclosed(Which::Receiver);
        assert_eq!(
            disclosed.claims().expect("a credential").text("given_name"),
            Some("Ada")
        );
        let fields = disclosed.fields().expect("our slot");
        let detail = fields.get("payment.disputeDetail").and_then(|item| item.as_text());
        assert_eq!(detail, Some("card ending 4242, 42.50 GBP"));
        pair.with(Which::Receiver, |leg, host| leg.accept(host))
            .expect("an ACCEPT");
        let accept = answer(&mut pair);
        let accept = Envelope::read(&accept, &mut |_| ()).expect("an envelope");
        assert_eq!((accept.verb(), accept.tier()), (Verb::Accept, Tier::Signed));
    }
}

/// What was opened for one envelope is not there beside the next.
#[test]
fn what_was_disclosed_goes_with_the_next_envelope() {
    let (mut pair, cbor) = ends(&mut Scene::at(Tier::Sealed));
    pair.let_disclose(Which::Receiver);
    propose(&mut pair, &cbor);
    assert!(pair.disclosed(Which::Receiver).fields().is_some());
    propose(&mut pair, &Scene::at(Tier::Core).finish());
    let disclosed = pair.disclosed(Which::Receiver);
    assert!(disclosed.fields().is_none() && disclosed.claims().is_none());
}

#[test]
fn leg_without_memory_for_what_is_disclosed_says_that_it_takes_signed() {
    for (lends, most) in [(false, Tier::Signed), (true, Tier::Sealed)] {
        let mut scene = Scene::at(Tier::Regulated);
        scene.trust["receiver"]["maxTier"] = "sealed".into();
        let (mut pair, cbor) = ends(&mut scene);
        if lends {
            pair.let_disclose(Which::Receiver);
        }
        let told = propose(&mut pair, &cbor);
        assert!(
            matches!(
                told[..],
                [Event::Refused {
                    step: Step::Envelope,
                    answered: true,
                    ..
                }]
            ),
            "{told:?}"
        );
        let reject = answer(&mut pair);
        let reject = Envelope::read(&reject, &mut |_| ()).expect("an envelope");
        assert_eq!(reject.control().reason(), Some("tier-insufficient"));
        assert_eq!(reject.audience().min_tier(), Some(most));
    }
}

/// Every refusal of the table, as a leg meets it: answered with its word, and nothing of what was opened is left.
#[test]
fn leg_answers_what_it_refuses_at_each_step() {
    for (what, tier, step, word, change) in ROWS {
        let mut scene = Scene::at(*tier);
        change(&mut scene);
        let (mut pair, cbor) = ends(&mut scene);
        pair.let_disclose(Which::Receiver);
        let mut told = propose(&mut pair, &cbor);
        if matches!(
            told[..],
            [Event::NeedsResources {
                step: Step::CallLeg,
                ..
            }]
        ) {
            // Its sound might still have come.
            pair.advance_to(scene::now().plus(1_000));
            told = pair.events(Which::Receiver);
        }
        let [
            Event::Refused {
                step: at,
                failure,
                answered,
            },
        ] = told[..]
        else {
            panic!("{what}: {told:?}");
        };
        assert_eq!(
            (at.number(), failure.reason.as_str()),
            (*step, *word),
            "{what}: {}",
            failure.why
        );
        assert!(answered, "{what}");
        let disclosed = pair.disclosed(Which::Receiver);
        assert!(disclosed.fields().is_none() && disclosed.claims().is_none(), "{what}");
        let reject = answer(&mut pair);
        let reject = Envelope::read(&reject, &mut |_| ()).expect("an envelope");
        assert_eq!(
            (reject.verb(), reject.control().reason()),
            (Verb::Reject, Some(*word)),
            "{what}"
        );
        for secret in [&b"4242"[..], b"Ada", b"acct_7781"] {
            assert!(
                !reject.bytes().windows(secret.len()).any(|window| window == secret),
                "{what}"
            );
        }
    }
}
