//! What a leg issues from an application's template, at every tier, is what its receiver accepts, opens and finds anchored.

use std::collections::HashSet;
use std::path::Path;

use base64ct::{Base64, Encoding as _};
use ohp::cbor::Item;
use ohp::envelope::{Envelope, Field, Tier};
use ohp::leg::{Event, LegError};
use ohp::trust::bundle::Bundle;
use ohp::trust::issue::IssueError;
use ohp::trust::jwk::OwnKey;
use ohp::trust::transparency::anchored::Anchored;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle::Hash;
use ohp::verify::{Disclosed, Outcome, VERIFY_SCRATCH, verify_disclosing};
use serde_json::{Value, json};

use crate::anchored::Agent;
use crate::common::Random;
use crate::scene::{self, CENTRE, LOG, Scene};

/// A log in a fresh folder.
fn log(name: &str) -> LocalLog {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("issued").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    LocalLog::open(&folder, LOG, scene::log_key()).expect("a log")
}

/// The entry as a trust bundle holds it.
fn entry(anchored: &Anchored) -> Value {
    let base64 = |hash: &Hash| Base64::encode(hash, &mut [0; 44]).expect("room").to_owned();
    json!({
        "index": anchored.index, "treeSize": anchored.tree_size, "checkpoint": anchored.checkpoint,
        "proof": anchored.proof.iter().map(base64).collect::<Vec<_>>()
    })
}

fn text<'e>(envelope: &Envelope<'e>, field: Field) -> &'e str {
    envelope.item(field).and_then(Item::as_text).expect("a text")
}

/// What the centre makes of `cbor`.
fn judged<T>(cbor: &[u8], trust: &Value, look: impl FnOnce(&Outcome, &Disclosed) -> T) -> T {
    let bundle = Bundle::from_json(trust.to_string().as_bytes()).expect("a bundle");
    let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
    let situation = crate::situation(&bundle);
    let verdict = verify_disclosing(cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
    let why = verdict
        .failure()
        .map(|(step, failure)| format!("{}: {}", step.number(), failure.why));
    assert_eq!(why, None);
    assert_eq!(
        verdict
            .warnings
            .iter()
            .map(|warning| warning.to_string())
            .collect::<Vec<_>>(),
        [""; 0]
    );
    look(&verdict.outcome, &disclosed)
}

#[test]
fn template_becomes_an_envelope_that_its_audience_accepts_at_each_tier() {
    let mut log = log("each-tier");
    log.append(&[1; 32]).expect("a leaf of somebody else");
    for tier in crate::TIERS {
        let mut agent = Agent::new();
        let template = scene::template(tier);
        let cbor = agent.propose(tier, &template).expect("a proposal");
        let envelope = Envelope::read(&cbor, &mut |violation| panic!("{violation}")).expect("an envelope");
        let mut trust = Scene::at(tier).trust;
        if let Some(Event::AnchorNeeded { id, leaf }) = agent.leg.poll_event() {
            assert_eq!(id, envelope.id());
            let stated = text(&envelope, Field::LeafHash);
            trust["logs"][LOG]["entries"][stated] = entry(&log.append(&leaf).expect("appended"));
        }
        judged(&cbor, &trust, |outcome, disclosed| {
            assert_eq!(*outcome, Outcome::Accept, "{tier}");
            let fields = disclosed.fields();
            assert_eq!(fields.is_some(), tier >= Tier::Sealed);
            if let Some(fields) = fields {
                let detail = fields.get("payment.disputeDetail").and_then(Item::as_text);
                assert_eq!(detail, Some("card ending 4242, 42.50 GBP"));
                assert_eq!(fields.get("caller.vulnerable").and_then(Item::as_bool), Some(true));
            }
        });
    }
}

#[test]
fn nothing_that_is_sealed_leaves_or_stays_in_plain() {
    let mut agent = Agent::new();
    let mut scratch = Vec::new();
    let mut template = scene::template(Tier::Sealed);
    template["sealed"]["fields"]["payment.note"] = json!({ "deep": ["4111 1111 1111 1111"] });
    let cbor = crate::common::to_cbor(&template.to_string());
    let mut out = vec![0; ohp::envelope::ENVELOPE_MAX];
    agent.with(scene::now(), |leg, host| {
        leg.propose(host, Tier::Sealed, Item::parse(&cbor).expect("canonical"), &mut out)
            .expect("card numbers may be sealed");
        scratch.extend_from_slice(host.scratch);
    });
    for secret in [b"4242".as_slice(), b"4111 1111", b"vulnerable\xf5"] {
        for memory in [&out, &scratch] {
            let holds = memory.windows(secret.len()).any(|part| part == secret);
            assert!(!holds, "{secret:x?}");
        }
    }
}

#[test]
fn each_envelope_is_sealed_under_a_key_of_its_own() {
    let mut agent = Agent::new();
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let cbor = agent.propose(Tier::Sealed, &scene::template(Tier::Sealed));
        // The first is on its way; what is built is told all the same.
        let Ok(cbor) = cbor else { break };
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        for recipient in envelope.sealed().recipients() {
            assert!(seen.insert(recipient.enc().expect("enc").to_owned()));
        }
        agent.leg = ohp::leg::Leg::new(scene::CALL).expect("an identifier");
    }
    assert_eq!(seen.len(), 8);
}

#[test]
fn every_current_key_of_the_audience_is_sealed_for_unless_the_template_names_some() {
    let keys = [1, 2].map(|nth| {
        let key = OwnKey::x25519([60 + nth; 32], Some(&format!("second-{nth}"))).to_public_json();
        serde_json::from_str::<Value>(&key).expect("a JWK")
    });
    let mut bundle = scene::agents_bundle();
    let known = bundle["issuers"][CENTRE]["jwks"]["keys"].as_array_mut().expect("keys");
    known.extend(keys);
    known.last_mut().expect("a key")["validUntil"] = "2026-05-28T13:42:10Z".into();
    let mut template = scene::template(Tier::Sealed);
    let kids = |template: &Value| {
        let cbor = Agent::of(&bundle).propose(Tier::Sealed, template).expect("a proposal");
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let named: Vec<_> = envelope
            .audience()
            .recipient_keys()
            .filter_map(|key| key.kid())
            .collect();
        let sealed: Vec<_> = envelope.sealed().recipients().filter_map(|slot| slot.kid()).collect();
        assert_eq!(named, sealed);
        named.join(" ")
    };
    assert_eq!(kids(&template), "centre-x25519");
    template["audience"]
        .as_object_mut()
        .expect("an audience")
        .remove("recipientKeys");
    assert_eq!(kids(&template), "centre-x25519 second-1");
}

#[test]
fn what_may_not_be_sent_is_refused_with_its_path() {
    type Spoil = fn(&mut Value);
    let cases: [(Tier, &str, Spoil); 15] = [
        (
            Tier::Core,
            "$.sealed: may not be carried at the declared tier",
            |template| {
                template["sealed"] = json!({ "fields": { "a.b": 1 } });
            },
        ),
        (
            Tier::Signed,
            "$.sealed: may not be carried at the declared tier",
            |template| {
                template["sealed"] = json!({ "fields": { "a.b": 1 } });
            },
        ),
        (Tier::Signed, "$.decisions: may not be carried", |template| {
            template["decisions"] = json!([])
        }),
        (Tier::Core, "$.caller.assurance: may not be carried", |template| {
            template["caller"] = Scene::at(Tier::Sealed).envelope["caller"].clone();
        }),
        (
            Tier::Sealed,
            "$.transcript.summary: holds what looks like a card number",
            |template| {
                template["transcript"]["summary"] = "card 4111 1111 1111 1111".into();
            },
        ),
        (
            Tier::Sealed,
            "$.sealed.fields: sealed fields are a map of 1 to 128",
            |template| {
                template["sealed"]["fields"] = json!({});
            },
        ),
        (Tier::Sealed, "$.sealed of a template holds `fields`", |template| {
            template["sealed"]["fields"] = json!(["payment.disputeDetail"]);
        }),
        (Tier::Sealed, "$.sealed of a template holds `fields`", |template| {
            template["sealed"]["ciphertext"] = "AAAA".into();
        }),
        (
            Tier::Sealed,
            "$.audience.recipientKeys[1]: the bundle has no valid X25519 key",
            |template| {
                let keys = template["audience"]["recipientKeys"].as_array_mut().expect("keys");
                keys.push(json!({ "alg": "HPKE/X25519-SHA256-CHACHA20POLY1305", "kid": "nobody" }));
            },
        ),
        (Tier::Sealed, "$.audience.recipientKeys is missing", |template| {
            let audience = template["audience"].as_object_mut().expect("an audience");
            audience.remove("recipientKeys");
            audience.insert("did".into(), "did:web:stranger.example.net".into());
        }),
        (Tier::Sealed, "$.caller.consent: is missing", |template| {
            template["caller"].as_object_mut().expect("a caller").remove("consent");
        }),
        (Tier::Regulated, "$.governance.prohibited: is missing", |template| {
            template["governance"]
                .as_object_mut()
                .expect("governance")
                .remove("prohibited");
        }),
        (Tier::Regulated, "$.governance.fria: is missing", |template| {
            template["governance"]
                .as_object_mut()
                .expect("governance")
                .remove("fria");
        }),
        (
            Tier::Regulated,
            "$.governance.prohibited.socialScoring: is not the one value",
            |template| {
                template["governance"]["prohibited"]["socialScoring"] = true.into();
            },
        ),
        (Tier::Regulated, "$.transparency.logId: is missing", |template| {
            template["transparency"] = json!({ "leafHash": format!("sha256:{}", "0".repeat(64)) });
        }),
    ];
    for (tier, expected, spoil) in cases {
        let mut template = scene::template(tier);
        spoil(&mut template);
        let mut agent = Agent::new();
        let error = agent.propose(tier, &template).expect_err(expected);
        assert!(error.to_string().starts_with(expected), "{expected}: {error}");
        assert_eq!((agent.leg.unanchored(), agent.leg.poll_event()), (None, None));
    }
}

#[test]
fn regulated_wants_both_keys() {
    let mut bundle = scene::agents_bundle();
    bundle["receiver"]["keys"]["keys"].as_array_mut().expect("keys").pop();
    let refused = Agent::of(&bundle).propose(Tier::Regulated, &scene::template(Tier::Regulated));
    assert_eq!(refused.map(|_| ()), Err(LegError::Issue(IssueError::NoPostQuantumKey)));
}

/// Proofs that an application has made itself, with its compliance office's key, are not replaced.
#[test]
fn proof_that_the_template_has_is_kept() {
    let mut template = scene::template(Tier::Regulated);
    template["governance"]["prohibited"]["attestationJws"] = "theirs".into();
    let cbor = Agent::new().propose(Tier::Regulated, &template).expect("a proposal");
    let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
    assert_eq!(text(&envelope, Field::ProhibitedAttestation), "theirs");
    assert_eq!(text(&envelope, Field::Art50Proof).split("..").count(), 2);
}

/// One member anywhere in `value` is taken out or becomes something else.
fn spoil(value: &mut Value, random: &mut Random) {
    let other = [
        json!({}),
        json!([]),
        json!(""),
        json!(-1),
        json!(0.5),
        Value::Null,
        json!(true),
        json!("did:web:nobody.example"),
        json!({ "fields": { "x.y": 1 } }),
        json!([{ "kid": "centre-x25519" }]),
        json!("2026-05-28T13:42:10Z"),
    ];
    match value {
        Value::Object(members) if !members.is_empty() && random.below(8) > 0 => {
            let nth = random.below(members.len());
            let key = members.keys().nth(nth).expect("a member").clone();
            match random.below(6) {
                0 => drop(members.remove(&key)),
                _ => spoil(&mut members[&key], random),
            }
        }
        Value::Array(elements) if !elements.is_empty() && random.below(4) > 0 => {
            let nth = random.below(elements.len());
            spoil(&mut elements[nth], random);
        }
        value => *value = other[random.below(other.len())].clone(),
    }
}

#[test]
fn whatever_a_template_says_nothing_invalid_and_nothing_of_its_secrets_leaves() {
    let (mut random, mut agent) = (Random::new(20), Agent::new());
    let (mut sent, mut refused) = (0, 0);
    for round in 0..800 {
        let tier = if round % 20 == 0 { Tier::Regulated } else { Tier::Sealed };
        let mut template = scene::template(tier);
        for _ in 0..=random.below(2) {
            spoil(&mut template, &mut random);
        }
        if crate::common::try_to_cbor(&template.to_string()).is_none() {
            continue;
        }
        agent.begin_anew();
        match agent.propose(tier, &template) {
            Ok(cbor) => {
                sent += 1;
                let mut broken = Vec::new();
                let envelope = Envelope::read(&cbor, &mut |violation| broken.push(violation.to_string()));
                let envelope = envelope.expect("an envelope");
                assert_eq!(broken, [""; 0], "{template:#}");
                assert_eq!(envelope.tier(), tier);
                assert_eq!(agent.leg.unanchored().is_some(), tier == Tier::Regulated);
                assert!(!cbor.windows(4).any(|part| part == b"4242"), "{template:#}");
            }
            Err(error) => {
                refused += 1;
                assert_ne!(error.to_string(), "");
                assert_eq!((agent.leg.poll_event(), agent.leg.poll_timeout()), (None, None));
            }
        }
    }
    assert!(sent > 50 && refused > 400, "{sent} {refused}");
}
