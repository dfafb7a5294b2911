//! Handing a call over at the tiers that disclose something: the receiver's application reads what was opened and
//! verified, and refusals are answered.

use ohp::cbor::Item;
use ohp::envelope::{DraftError, ENVELOPE_MAX, Envelope, Tier, Verb};
use ohp::leg::{Event, LegError};
use ohp::media::exact;
use ohp::transport::outgoing::{self, ENCODED_MAX, HEADERS_LEN, Outgoing};
use ohp::trust::bundle::Bundle;
use ohp::verify::{Disclosed, Heard, Outcome, Step, VERIFY_SCRATCH, Warning, verify, verify_disclosing};

use crate::common::to_cbor;
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
                ..
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

/// Both ends hear the same, and the agent has the scene to propose.
fn both_ends(tier: Tier) -> Pair {
    let mut pair = Pair::between(&scene::agents_bundle(), &Scene::at(tier).trust, scene::now());
    pair.give_tap();
    pair.give_sender_tap();
    for which in [Which::Sender, Which::Receiver] {
        pair.hear(which, 0..150);
        pair.let_disclose(which);
    }
    pair.template = scene::template(tier);
    let session = pair.template["session"].as_object_mut().expect("a session");
    session.remove("media");
    pair
}

/// What the agent's leg waits to have anchored; the centre's copy of the log then knows it.
fn release(pair: &mut Pair, tier: Tier) {
    let waiting = pair.sent_envelope();
    let [Event::AnchorNeeded { .. }] = pair.events(Which::Sender)[..] else {
        panic!("nothing waits");
    };
    pair.set_bundle(Which::Receiver, &Scene::at(tier).trust);
    pair.with(Which::Sender, |leg, host| leg.anchored(host, &waiting))
        .expect("sent");
}

/// Interpretations, rows 32 and 43: answers are signed, and carry nothing of what is sealed or of the caller.
#[test]
fn call_is_handed_over_and_given_back_at_the_tiers_that_disclose() {
    for tier in [Tier::Sealed, Tier::Regulated] {
        let mut pair = both_ends(tier);
        let id = pair.propose(tier).expect("a proposal");
        if tier == Tier::Regulated {
            release(&mut pair, tier);
        }
        pair.settle();
        assert_eq!(
            pair.events(Which::Receiver),
            [Event::Proposed {
                id,
                tier,
                heard: Some(Heard::Exact)
            }]
        );
        let fields = pair.disclosed(Which::Receiver).fields().expect("our slot");
        assert_eq!(
            fields.get("caller.vulnerable").and_then(|item| item.as_bool()),
            Some(true)
        );
        pair.with(Which::Receiver, |leg, host| leg.accept(host))
            .expect("an ACCEPT");
        pair.settle();
        assert_eq!(pair.events(Which::Sender), [Event::Accepted { id }]);
        pair.with(Which::Sender, |leg, host| leg.assume(host))
            .expect("an ASSUME");
        pair.settle();
        assert_eq!(pair.events(Which::Receiver), [Event::HandedOff { id }]);
        let context = to_cbor(r#"{"transcript":{"summary":"Refunded."}}"#);
        let context = Item::parse(&context).expect("canonical");
        pair.with(Which::Receiver, |leg, host| {
            leg.give_back(host, "resolved", Some(context))
        })
        .expect("a RETURN");
        pair.settle();
        assert_eq!(
            pair.events(Which::Sender),
            [Event::HandedOff { id }, Event::Returned { id }]
        );
        let returned = pair.received(Which::Sender).to_vec();
        let envelope = Envelope::read(&returned, &mut |violation| panic!("{violation}")).expect("an envelope");
        assert_eq!((envelope.verb(), envelope.tier()), (Verb::Return, Tier::Signed));
        assert_eq!(envelope.transcript().summary(), Some("Refunded."));
        for secret in [&b"4242"[..], b"Ada", b"acct_7781", b"sdJwtVc"] {
            assert!(!returned.windows(secret.len()).any(|window| window == secret), "{tier}");
        }
    }
}

/// What was opened must not go back in plain, by mistake either.
#[test]
fn return_that_would_carry_sealed_fields_in_plain_is_not_sent() {
    let mut pair = both_ends(Tier::Sealed);
    pair.accepted(Tier::Sealed);
    pair.with(Which::Receiver, |leg, host| leg.assume(host))
        .expect("an ASSUME");
    pair.settle();
    for context in [
        r#"{"sealed":{"fields":{"payment.disputeDetail":"card ending 4242"}}}"#,
        r#"{"caller":{"identity":{"sdJwtVc":"a.b.c"}}}"#,
        r#"{"transcript":{"summary":"card 4111 1111 1111 1111"}}"#,
    ] {
        let cbor = to_cbor(context);
        let context = Item::parse(&cbor).expect("canonical");
        let sent = pair.with(Which::Receiver, |leg, host| {
            host.scratch.fill(0);
            let sent = leg.give_back(host, "resolved", Some(context));
            let left = host.scratch.windows(11).any(|window| window == b"ending 4242");
            assert!(!left, "what was to be sealed is not left in scratch either");
            sent
        });
        assert!(matches!(sent, Err(LegError::Draft(DraftError::Invalid(_)))), "{sent:?}");
        assert!(pair.poll(Which::Receiver).is_none());
    }
}

/// A Regulated answer comes through no tier gate: what it seals is not passed over in silence.
#[test]
fn sealed_answer_that_nobody_can_open_is_a_warning() {
    let mut scene = Scene::at(Tier::Sealed);
    scene.envelope["control"]["verb"] = "ACCEPT".into();
    let cbor = scene.finish();
    let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
    let situation = crate::situation(&bundle);
    let mut scratch = vec![0; VERIFY_SCRATCH];
    let verdict = verify(&cbor, &situation, &mut scratch, &mut |_, _| ());
    assert_eq!(verdict.outcome, Outcome::Accept);
    assert!(
        verdict
            .warnings
            .iter()
            .any(|warning| warning == Warning::SealedUnopened)
    );
    let mut disclosed = Box::new(Disclosed::new());
    let verdict = verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
    assert_eq!(verdict.warnings.iter().count(), 0);
    assert!(disclosed.fields().is_some());
}

fn report(pair: &mut Pair, category: &str) -> Result<Vec<u8>, LegError> {
    let cbor = to_cbor(&pair.template.to_string());
    let mut out = vec![0; ENVELOPE_MAX];
    pair.with(Which::Sender, |leg, host| {
        let template = Item::parse(&cbor).expect("canonical");
        let envelope = leg.report(host, category, template, &mut out)?;
        Ok(envelope.bytes().to_vec())
    })
}

/// OHP §6.5: fifteen days from issuance.
#[test]
fn incident_is_reported_in_the_middle_of_a_handoff_and_its_clock_is_shown() {
    let mut pair = both_ends(Tier::Regulated);
    let proposal = pair.propose(Tier::Regulated).expect("a proposal");
    release(&mut pair, Tier::Regulated);
    pair.settle();
    pair.events(Which::Receiver);
    let phases = pair.phases();

    let cbor = report(&mut pair, "fundamental-rights").expect("a report");
    let envelope = Envelope::read(&cbor, &mut |violation| panic!("{violation}")).expect("an envelope");
    let (id, issued) = (envelope.id(), envelope.issued_at().expect("a moment"));
    assert_eq!(
        (envelope.verb(), envelope.control().reason()),
        (Verb::Incident, Some("fundamental-rights"))
    );
    let due = issued.plus(15 * 24 * 3_600_000);
    assert_eq!(envelope.report_due(), Some(due));
    assert_eq!(due.to_string(), "2026-06-12T13:42:11.000Z");
    assert!(matches!(pair.events(Which::Sender)[..], [Event::AnchorNeeded { id: told, .. }] if told == id));
    assert!(pair.poll(Which::Sender).is_none(), "not before it is anchored");
    // Nothing takes its place while it waits.
    assert_eq!(report(&mut pair, "again"), Err(LegError::Busy));
    pair.with(Which::Sender, |leg, host| leg.anchored(host, &cbor))
        .expect("sent");
    // Nor does anything while it is on its way: a leg has one message (docs/implementer.md, INCIDENT).
    let first = pair.poll(Which::Sender).expect("an INFO");
    assert_eq!(pair.deliver(Which::Receiver, &first), 200);
    assert_eq!(pair.propose(Tier::Regulated), Err(LegError::Busy));
    pair.respond(Which::Sender, 200);
    pair.settle();
    assert_eq!(pair.events(Which::Receiver), [Event::Incident { id, due }]);
    assert_eq!(pair.phases(), phases, "it moves nothing");
    pair.with(Which::Receiver, |leg, host| leg.accept(host))
        .expect("an ACCEPT");
    pair.settle();
    assert_eq!(pair.events(Which::Sender), [Event::Accepted { id: proposal }]);
}

#[test]
fn incident_without_a_category_is_not_built() {
    let mut pair = both_ends(Tier::Regulated);
    for category in ["", "  "] {
        let built = report(&mut pair, category);
        assert!(
            matches!(built, Err(LegError::Draft(DraftError::Invalid(violation))) if violation.path.to_string() == "$.control.reason"),
            "{built:?}"
        );
    }
}

/// A report outlives a proposal: the law wants it, and the caller's next wish must not displace it.
#[test]
fn proposal_does_not_displace_a_report_that_waits() {
    let mut pair = both_ends(Tier::Regulated);
    let cbor = report(&mut pair, "harm-to-health").expect("a report");
    assert_eq!(pair.propose(Tier::Regulated), Err(LegError::Busy));
    let regulated = std::mem::replace(&mut pair.template, scene::template(Tier::Signed));
    pair.propose(Tier::Signed).expect("what need not wait");
    pair.settle();
    pair.template = regulated;
    pair.with(Which::Sender, |leg, host| leg.anchored(host, &cbor))
        .expect("sent");
    pair.settle();
    let told = pair.events(Which::Receiver);
    assert!(
        matches!(told[..], [Event::Proposed { .. }, Event::Incident { .. }]),
        "{told:?}"
    );
}

/// A leg keeps nothing of a report that lacks a resource: its host brings it again.
#[test]
fn report_that_lacks_a_resource_is_judged_again_when_it_has_come() {
    let mut pair = both_ends(Tier::Regulated);
    let mut trust = Scene::at(Tier::Regulated).trust;
    let receipts = trust["consentReceipts"].take();
    trust["consentReceipts"] = serde_json::json!({});
    pair.set_bundle(Which::Receiver, &trust);
    let cbor = report(&mut pair, "harm-to-property").expect("a report");
    pair.with(Which::Sender, |leg, host| leg.anchored(host, &cbor))
        .expect("sent");
    pair.settle();
    for _ in 0..2 {
        assert!(matches!(
            pair.events(Which::Receiver)[..],
            [Event::NeedsResources {
                step: Step::Consent,
                ..
            }]
        ));
        assert!(!pair.leg(Which::Receiver).is_pending());
        pair.verify_again();
    }
    pair.events(Which::Receiver);
    trust["consentReceipts"] = receipts;
    pair.set_bundle(Which::Receiver, &trust);
    pair.verify_again();
    assert!(matches!(pair.events(Which::Receiver)[..], [Event::Incident { .. }]));
}

/// The call goes on for hours, the report is owed by law: letting go of a handoff that nobody assumed does not cut it off.
#[test]
fn report_on_its_way_outlasts_a_handoff_that_runs_out() {
    let mut pair = both_ends(Tier::Regulated);
    let mut template = pair.template.clone();
    let agent = scene::agents_bundle()["receiver"].clone();
    template["audience"] =
        serde_json::json!({ "vendor": agent["vendor"], "did": agent["did"], "purpose": "human-takeover" });
    for above_core in [
        "caller",
        "consent",
        "aiSystem",
        "governance",
        "decisions",
        "sealed",
        "transparency",
    ] {
        template.as_object_mut().expect("an object").remove(above_core);
    }
    let cbor = to_cbor(&template.to_string());
    pair.with(Which::Receiver, |leg, host| {
        let template = Item::parse(&cbor).expect("canonical");
        let mut out = vec![0; ENVELOPE_MAX];
        leg.propose(host, Tier::Core, template, &mut out).map(|_| ())
    })
    .expect("a proposal to the agent");
    pair.settle();
    pair.with(Which::Sender, |leg, host| leg.accept(host))
        .expect("an ACCEPT");
    pair.settle();
    let cbor = report(&mut pair, "harm-to-health").expect("a report");
    pair.with(Which::Sender, |leg, host| leg.anchored(host, &cbor))
        .expect("sent");
    let first = pair.poll(Which::Sender).expect("the report's first INFO");
    // No ASSUME comes within ten seconds, while the INFO waits for its response.
    pair.advance_to(scene::now().plus(10_000));
    assert_eq!(pair.leg(Which::Sender).phase(), ohp::control::Phase::Rejected);
    let status = pair.deliver(Which::Receiver, &first);
    pair.respond(Which::Sender, status);
    pair.settle();
    let told = pair.events(Which::Receiver);
    assert!(
        told.iter().any(|event| matches!(event, Event::Incident { .. })),
        "{told:?}"
    );
}

/// Anyone can write a report in an admitted issuer's name: it must not make the host gather as often as it comes.
#[test]
fn reports_that_nobody_vouches_for_ask_for_resources_once_a_second() {
    let mut pair = both_ends(Tier::Regulated);
    let mut trust = Scene::at(Tier::Regulated).trust;
    let issuers = trust["issuers"].as_object().expect("issuers").keys().cloned();
    trust["receiver"]["admit"] = issuers.collect();
    trust["issuers"] = serde_json::json!({});
    pair.set_bundle(Which::Receiver, &trust);
    let mut asked = Vec::new();
    for nth in 10..60 {
        let mut scene = Scene::at(Tier::Regulated);
        scene.envelope["control"]["verb"] = "INCIDENT".into();
        let id = scene.envelope["id"].as_str().expect("a text").to_owned();
        scene.envelope["id"] = format!("{}{nth}", &id[..id.len() - 2]).into();
        let report = Info {
            headers: "Content-Type: application/ohp+cbor\r\n\r\n".to_owned(),
            body: scene.finish(),
        };
        let status = pair.deliver(Which::Receiver, &report);
        let told = pair.events(Which::Receiver);
        // Who is put off comes again: a report is sent anew after a 503.
        assert_eq!(status, if told.is_empty() { 503 } else { 200 }, "{told:?}");
        asked.extend(told);
        if nth == 39 {
            pair.advance_to(scene::now().plus(1_000));
        }
    }
    assert!(
        matches!(asked[..], [Event::NeedsResources { .. }, Event::NeedsResources { .. }]),
        "{asked:?}"
    );
}
