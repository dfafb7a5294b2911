//! What the module answers to proposals at every tier, as they should be and with each thing wrong that can be wrong: the
//! scenes of `tests/tiers`, signed, sealed and anchored now, on calls of a phone of these tests' own.

use std::time::{SystemTime, UNIX_EPOCH};

use ohp::envelope::{Envelope, Tier, Verb};
use ohp::id::{EnvelopeId, Nonce};
use ohp::time::Timestamp;
use ohp::transport::outgoing::{self, ENCODED_MAX, HEADERS_LEN, Outgoing};
use serde_json::{Value, json};

use crate::handoff::{CENTRE, OHP};
use crate::pair::{Info, Pair, Which};
use crate::pbx::{Pbx, Plan};
use crate::phone::Phone;
use crate::rows::ROWS;
use crate::scene::{self, CALL, Scene};

pub fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("not that late"))
}

/// An envelope as its sender's INFOs: header lines and body of each.
pub fn infos_of(cbor: &[u8], body_max: usize) -> Vec<(String, Vec<u8>)> {
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
    let named = (envelope.id(), envelope.tier(), envelope.verb());
    let (mut scratch, mut encoded) = (vec![0; outgoing::SCRATCH_LEN], vec![0; ENCODED_MAX]);
    let form = outgoing::Form {
        body_max,
        ..outgoing::Form::default()
    };
    let plan = Outgoing::encode(cbor, named, form, &mut scratch, &mut encoded).expect("a plan");
    (1..=plan.total())
        .map(|part| {
            let data = &encoded[plan.range(part).expect("a part")];
            let (mut headers, mut body) = (vec![0; HEADERS_LEN], vec![0; ohp::transport::BODY_MAX]);
            let info = plan.render(part, data, &mut headers, &mut body).expect("room");
            (info.headers.to_owned(), info.body.to_vec())
        })
        .collect()
}

/// An Asterisk that receives what the scenes propose.
pub fn centre(name: &str) -> Pbx {
    Pbx::start(
        name,
        &Plan {
            ohp: OHP,
            extensions: CENTRE,
            files: &[("bundle.json", Scene::at(Tier::Core).trust)],
            ..Plan::default()
        },
    )
}

/// A call on which a scene is played: its clock is this machine's, its sound the phone's.
pub struct Stage {
    pub phone: Phone,
    /// The agent's end, which reads answers.
    pair: Pair,
}

impl Stage {
    /// Calls, says something, and finishes the scene with that sound and an identifier of its own.
    pub fn set(pbx: &mut Pbx, from: &str, scene: &mut Scene) -> (Self, Vec<u8>) {
        let mut phone = Phone::call(pbx.sip, from, "ohp", CALL);
        phone.talk(25);
        if scene.envelope["session"]["media"]["rtpFingerprint"] == scene::fingerprint() {
            scene.envelope["session"]["media"]["rtpFingerprint"] = phone.fingerprint().into();
        }
        scene::happens_at(clock());
        let random: [u8; 26] = std::array::from_fn(|_| phone.random_byte());
        let id = EnvelopeId::new(scene::now(), *random.first_chunk().expect("ten of them"));
        scene.envelope["id"] = id.as_str().into();
        scene.envelope["control"]["nonce"] = Nonce::new(*random.last_chunk().expect("16 of them")).as_str().into();
        scene.random = std::array::from_fn(|_| std::array::from_fn(|_| phone.random_byte()));
        let cbor = scene.finish();
        trust(pbx, &scene.trust);
        let pair = Pair::between(&scene::agents_bundle(), &scene.trust, scene::now());
        (Self { phone, pair }, cbor)
    }

    /// Sends an envelope's INFOs one after the other, each answered with 200.
    pub fn propose(&mut self, cbor: &[u8]) {
        for (lines, body) in infos_of(cbor, outgoing::Form::default().body_max) {
            let answer = self.phone.request("INFO", &lines, &body);
            assert_eq!(answer.status(), Some(200), "{answer:?}");
        }
    }

    /// What is answered: the verb, and its reason.
    pub fn answer(&mut self) -> (Verb, String) {
        loop {
            let info = self.phone.next_info();
            assert_eq!(info.get("OHP-Version"), "0.1", "{info:?}");
            let info = Info {
                headers: info.head,
                body: info.body,
            };
            assert_eq!(self.pair.deliver(Which::Sender, &info), 200);
            if let Ok(envelope) = Envelope::read(self.pair.received(Which::Sender), &mut |_| ()) {
                return (
                    envelope.verb(),
                    envelope.control().reason().unwrap_or_default().to_owned(),
                );
            }
        }
    }
}

/// Gives the Asterisk another bundle, as an administrator does.
pub fn trust(pbx: &mut Pbx, bundle: &Value) {
    std::fs::write(pbx.folder().join("bundle.json"), bundle.to_string()).expect("a file");
    let printed = pbx.command("ohp reload");
    assert!(!printed.iter().any(|line| line.contains("not")), "{printed:?}");
}

#[test]
fn each_tier_is_accepted() {
    let mut pbx = centre("tiers");
    for tier in [Tier::Core, Tier::Signed, Tier::Sealed, Tier::Regulated] {
        let (mut stage, cbor) = Stage::set(&mut pbx, "127.0.0.1", &mut Scene::at(tier));
        stage.propose(&cbor);
        let proposed = pbx.outcome("PROPOSED");
        assert_eq!(
            (proposed.get("Tier"), proposed.get("Intent")),
            (tier.as_str(), "dispute_charge")
        );
        assert_eq!(stage.answer().0, Verb::Accept, "{tier}");
        stage.phone.hang_up();
    }
    pbx.stop();
}

/// One row of each step and word, or all of them with `OHP_ASTERISK_LONG`.
#[test]
fn each_wrong_thing_is_refused_with_its_word() {
    let mut pbx = centre("refused");
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for (what, tier, step, word, change) in ROWS {
        if seen.contains(&(step, word)) && std::env::var_os("OHP_ASTERISK_LONG").is_none() {
            continue;
        }
        seen.push((step, word));
        let mut scene = Scene::at(*tier);
        change(&mut scene);
        let (mut stage, cbor) = Stage::set(&mut pbx, "127.0.0.1", &mut scene);
        stage.propose(&cbor);
        let (verb, reason) = stage.answer();
        let outcome = pbx.next_outcome();
        let status = outcome.get("Status").to_owned();
        if (verb, reason.as_str(), status.as_str()) != (Verb::Reject, *word, "REFUSED") {
            wrong.push(format!("{what}: {verb:?} {reason}, {status}; not {word}"));
        }
        stage.phone.hang_up();
        pbx.forget_events();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    pbx.stop();
}

/// Without `enforce` a refusal is told, and neither answered nor held against the call.
#[test]
fn profile_that_does_not_enforce_tells_what_it_would_have_refused_and_lets_the_call_go_on() {
    let mut pbx = centre("lenient");
    let mut scene = Scene::at(Tier::Signed);
    scene.envelope["session"]["callId"] = json!("another-call");
    let (mut stage, cbor) = Stage::set(&mut pbx, "127.0.0.3", &mut scene);
    stage.propose(&cbor);
    pbx.outcome("REFUSED");
    stage.phone.talk(25);
    stage.phone.listen(std::time::Duration::from_millis(500));
    assert_eq!((stage.phone.infos(), stage.phone.is_hung_up), (0, false));
    stage.phone.hang_up();
    pbx.stop();
}
