//! Verification at every tier, of envelopes with real keys behind all their parties. The input is what an agent's
//! application says; the agent's leg seals, attests and signs it, the log takes it, and the receiver judges it. Then the
//! envelope is changed, once as it is and once signed anew by its issuer, so that the steps behind the signatures see
//! what no honest issuer makes. Nothing is disclosed unless it is accepted; what is disclosed is what was sealed; no change
//! of a signed byte passes.

#![no_main]

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use ohp::cbor::Item;
use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier, leaf_hash_text};
use ohp::leg::{Context, Host, Leg, RANDOM_LEN, SCRATCH_LEN, Settings};
use ohp::media::Fingerprint;
use ohp::table::Table;
use ohp::trust::bundle::Bundle;
use ohp::trust::issue;
use ohp::trust::jwk::OwnKeys;
use ohp::trust::transparency::checkpoint::Checkpoint;
use ohp::trust::transparency::{merkle, note};
use ohp::verify::{
    Call, Disclosed, Media, Outcome, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict, verify_disclosing,
};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::tree::{Node, Random};
use ohp_fuzz::{Seeds, Take, mutate, mutate_envelopes, party, scene, seeds, target, without_heap};
use serde_json::json;

const CONTROL: usize = 8;
const TIERS: [Tier; 3] = [Tier::Signed, Tier::Sealed, Tier::Regulated];

target!(seeds: write_seeds, |data| {
    let mut control = Take::new(data.get(..CONTROL).unwrap_or(data));
    let (tier, how, at, seed) = (TIERS[control.below(3)], control.u8(), control.u16(), control.u32());
    let template = exact(data.get(CONTROL..).unwrap_or_default());
    let Ok(template) = Item::parse(&template) else { return };
    let Some(made) = propose(tier, template, how) else { return };
    let bundle = receiver_of(&made);
    let disclosed = judge(&made, &bundle, how);
    if let Some(fields) = disclosed.as_ref().and_then(|disclosed| disclosed.fields.as_ref()) {
        let given = ["sealed", "fields"].iter().try_fold(template, |item, key| item.map()?.get(key));
        assert_eq!(Some(&**fields), given.map(Item::bytes), "what was sealed");
    }
    let mut other = exact(&made);
    let at = usize::from(at) % other.len();
    other[at] ^= 1 << (seed & 7);
    if judge(&other, &bundle, how).is_some() {
        assert_eq!(surface(&other), surface(&made), "a change under the signatures went unnoticed");
    }
    // What an issuer could have signed all the same.
    let Some(mut root) = Node::parse(&made) else { return };
    let mut random = Random(seed.into());
    for _ in 0..=random.below(2) {
        mutate::change(&mut root, &mut random);
    }
    let cbor = root.to_cbor();
    let Ok(changed) = Envelope::read(&cbor, &mut |_| ()) else { return };
    let (mut scratch, mut out) = (room(2 * ENVELOPE_MAX), room(ENVELOPE_MAX));
    if let Ok(signed) = issue::issue(&changed, agent_keys(), scene::now(), &mut scratch, &mut out) {
        judge(signed, &bundle, how);
    }
});

mutate_envelopes!(behind: CONTROL);

/// What was disclosed with an envelope that was accepted.
struct Told {
    fields: Option<Vec<u8>>,
}

fn judge(bytes: &[u8], bundle: &Bundle, how: u8) -> Option<Told> {
    let situation = Situation {
        bundle,
        now: scene::now(),
        role: Role::Unknown,
        call: if how & 1 == 1 {
            Call::Unknown
        } else {
            Call::Ids(&[scene::CALL])
        },
        media: if how & 2 == 2 {
            Media::NotHere
        } else {
            Media::Known(Fingerprint::from_bytes(scene::FINGERPRINT))
        },
        echo: Default::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: how & 4 == 4,
    };
    let (mut scratch, mut disclosed) = (room(VERIFY_SCRATCH), Box::new(Disclosed::new()));
    let mut last = None;
    let verdict: Verdict<'_> = without_heap(|| {
        verify_disclosing(bytes, &situation, &mut scratch, &mut disclosed, &mut |step, result| {
            assert!(last.is_none_or(|(before, result)| before < step.number() && result != StepResult::Fail));
            last = Some((step.number(), result));
        })
    });
    if let Some((step, failure)) = verdict.failure() {
        assert_eq!(last, Some((step.number(), StepResult::Fail)));
        assert!(!failure.why.to_string().is_empty());
    }
    verdict.warnings.iter().for_each(|warning| drop(warning.to_string()));
    if verdict.outcome != Outcome::Accept {
        assert!(
            disclosed.claims().is_none() && disclosed.fields().is_none(),
            "told although not accepted"
        );
        return None;
    }
    assert_eq!(
        verdict.steps[usize::from(Step::Signatures.number())],
        Some(StepResult::Pass)
    );
    let envelope = verdict.envelope.expect("it was accepted");
    let tier = envelope.tier();
    assert!(tier >= Tier::Signed && (tier >= Tier::Sealed || disclosed.fields().is_none()));
    if tier == Tier::Regulated {
        assert_eq!(
            verdict.steps[usize::from(Step::Anchor.number())],
            Some(StepResult::Pass)
        );
    }
    // `Map` shows no bytes: they are put together again.
    let fields = disclosed.fields().map(|map| {
        let members = map.iter().map(|(key, value)| (key.to_owned(), Node::of(value)));
        Node::Map(members.collect()).to_cbor()
    });
    Some(Told { fields })
}

fn surface(bytes: &[u8]) -> Option<[u8; 32]> {
    Envelope::read(bytes, &mut |_| ())
        .ok()
        .map(|envelope| envelope.surface_hash())
}

fn agent_keys() -> &'static OwnKeys {
    static KEYS: OnceLock<OwnKeys> = OnceLock::new();
    KEYS.get_or_init(|| OwnKeys::new(vec![scene::agent_ed25519(), scene::agent_ml_dsa()].into()).expect("two kids"))
}

/// What the agent's leg makes of a template.
fn propose(tier: Tier, template: Item<'_>, how: u8) -> Option<Vec<u8>> {
    static AGENT: OnceLock<(Context, Vec<AtomicU64>)> = OnceLock::new();
    let (context, words) = AGENT.get_or_init(|| {
        let context = Context {
            bundle: party::bundle(&scene::agents_bundle()),
            settings: Settings::default(),
        };
        (context, party::table_words(&party::SMALL))
    });
    let mut scratch = room(SCRATCH_LEN);
    let mut host = Host {
        context,
        table: Table::init(words, &party::SMALL, [5; 16]).expect("a table"),
        tap: None,
        peer: b"192.0.2.1",
        now: scene::now(),
        random: [how; RANDOM_LEN],
        scratch: &mut scratch,
        disclosed: None,
    };
    let mut leg = Leg::new(scene::CALL).expect("an identifier");
    let mut out = room(ENVELOPE_MAX);
    match without_heap(|| {
        leg.propose(&mut host, tier, template, &mut out)
            .map(|made| made.bytes().len())
    }) {
        Ok(len) => Some(out[..len].to_vec()),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Whom the contact centre believes, with a log whose only leaf is the envelope.
fn receiver_of(bytes: &[u8]) -> Bundle {
    let envelope = Envelope::read(bytes, &mut |_| ()).expect("a leg made it");
    let mut trust = scene::Scene::at(Tier::Signed).trust;
    if envelope.tier() == Tier::Regulated {
        let checkpoint = Checkpoint {
            origin: scene::LOG,
            size: 1,
            root: merkle::leaf_hash(&envelope.surface().segments()),
        };
        let mut signed = String::new();
        note::sign(&checkpoint.to_string(), scene::LOG, &scene::log_key(), &mut signed).expect("a note");
        let leaf = leaf_hash_text(&envelope.surface_hash());
        let leaf = std::str::from_utf8(&leaf).expect("ASCII");
        trust["logs"][scene::LOG]["entries"][leaf] =
            json!({ "index": 0, "treeSize": 1, "proof": [], "checkpoint": signed });
    }
    party::bundle(&trust)
}

fn write_seeds(seeds: &mut Seeds) {
    for (nth, tier) in TIERS.into_iter().enumerate() {
        let template = seeds::to_cbor(scene::template(tier).to_string().as_bytes()).expect("a template");
        let made = propose(tier, Item::parse(&template).expect("canonical"), 0).expect("a proposal");
        assert!(
            judge(&made, &receiver_of(&made), 0).is_some(),
            "{tier} is accepted as it is"
        );
        seeds.add_with(&[nth as u8, 0, 9, 0, 1, 0, 0, 0], &template);
        seeds.add_with(&[nth as u8, 3, 99, 1, 77, 5, 0, 0], &template);
    }
}
