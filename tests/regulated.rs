//! What the tiers above Signed cost a PBX thread: proposals are sealed and signed, signatures are verified and fields opened
//! without allocating, and on less stack than a call may use but for signing with ML-DSA-65, which C does on a stack of its
//! own.

mod common;
#[path = "common/painted.rs"]
mod painted;
#[path = "tiers/scene.rs"]
mod scene;

use std::sync::atomic::AtomicU64;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use common::{official, shared_is_here, to_cbor};
use ohp::cbor::Item;
use ohp::envelope::{Draft, ENVELOPE_MAX, Envelope, Tier, Value};
use ohp::leg::{Context, Host, Leg, RANDOM_LEN, SCRATCH_LEN, Settings};
use ohp::table::{Config, Table};
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::{JwkSet, OwnKey, OwnKeys};
use ohp::trust::{hybrid, issue, jws, sealing};
use painted::stack_of;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// The most stack that a call may use.
const STACK_MAX: usize = 96 * 1024;

#[test]
fn signatures_are_verified_and_fields_opened_on_a_pbx_thread() {
    if !shared_is_here() {
        return;
    }
    let signing = [
        OwnKey::ed25519([1; 32], Some("ed")),
        OwnKey::ml_dsa_65([1; 32], Some("pq")),
    ];
    let public = signing.each_ref().map(OwnKey::to_public_json).join(",");
    let jwks = JwkSet::from_json(format!(r#"{{"keys":[{public}]}}"#).as_bytes()).expect("a set");
    let signing = OwnKeys::new(signing.into()).expect("keys");
    let opening = OwnKeys::new([OwnKey::x25519([2; 32], Some("hpke"))].into()).expect("a key");

    let base = to_cbor(&official("04-regulated-healthcare").to_string());
    let mut arena = vec![0; 65_536];
    let mut draft = Draft::new(&mut arena);
    draft.merge(Item::parse(&base).expect("CBOR")).expect("merged");
    let fields = to_cbor(r#"{"healthcare.fhirRef":"Patient/7","caller.vulnerable":true}"#);
    let ohp::trust::jwk::Material::X25519(key) = &opening.keys()[0].public().material else {
        panic!("X25519");
    };
    let to = [sealing::Recipient { kid: "hpke", key }];
    let (mut scratch, mut block) = (vec![0; sealing::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let binding = sealing::Binding::of_draft(&draft).expect("bound");
    let fields = Item::parse(&fields).expect("CBOR");
    let block = sealing::seal(fields, &binding, &to, &[[3; 32]], &mut scratch, &mut block).expect("sealed");
    draft.set("sealed", Value::Item(block)).expect("set");
    let mut unsigned = vec![0; ENVELOPE_MAX];
    let unsigned = draft.write(&mut unsigned).expect("written");
    let unsigned = Envelope::read(unsigned, &mut |_| ()).expect("an envelope");
    let now = unsigned.issued_at().expect("a moment");
    let (mut scratch, mut cbor) = (vec![0; jws::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let cbor = issue::issue(&unsigned, &signing, now, &mut scratch, &mut cbor).expect("issued");
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");

    let mut opening_scratch = vec![0; sealing::SCRATCH_LEN];
    let mut memory = vec![0; sealing::OPENED_MAX];
    let verified = stack_of(|| {
        assert_no_alloc(|| assert_eq!(hybrid::verify(&envelope, &jwks, &mut scratch), Ok("ed")));
    });
    let opened = stack_of(|| {
        assert_no_alloc(|| {
            let opened = sealing::open(&envelope, &opening, &mut opening_scratch, &mut memory);
            assert_eq!(opened.expect("opened").expect("a slot").fields().len(), 2);
        });
    });
    println!("both signatures: {verified} bytes of stack; opening: {opened}");
    assert!(verified <= STACK_MAX && opened <= STACK_MAX, "{verified} {opened}");
}

#[test]
fn proposals_are_sealed_and_signed_on_a_pbx_thread() {
    let config = Config {
        replays: 64,
        hashes: 16,
        kids: 16,
        peers: 16,
        sets: 16,
        slots: 4,
        slot_bytes: 48 * 1024,
        sounds: 16,
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    Table::init(&words, &config, [5; 16]).expect("a table");
    let context = Context {
        bundle: Bundle::from_json(scene::agents_bundle().to_string().as_bytes()).expect("a bundle"),
        settings: Settings::default(),
    };
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    for tier in [Tier::Sealed, Tier::Regulated] {
        let template = to_cbor(&scene::template(tier).to_string());
        let template = Item::parse(&template).expect("canonical");
        let mut leg = Leg::new(scene::CALL).expect("an identifier");
        let used = stack_of(|| {
            assert_no_alloc(|| {
                let mut host = Host {
                    context: &context,
                    table: Table::attach(&words).expect("a table"),
                    tap: None,
                    peer: b"192.0.2.1",
                    now: scene::now(),
                    random: [tier as u8; RANDOM_LEN],
                    scratch: &mut scratch,
                    disclosed: None,
                };
                let len = leg
                    .propose(&mut host, tier, template, &mut out)
                    .map(|envelope| envelope.bytes().len());
                let len = len.expect("a proposal");
                if tier == Tier::Regulated {
                    leg.anchored(&mut host, &out[..len]).expect("sent");
                }
            });
        });
        println!("proposing at {tier}: {used} bytes of stack");
        assert!(used <= STACK_MAX || tier == Tier::Regulated, "{tier}: {used}");
    }
}
