//! Signed: signatures and keys, their life among them.

use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use super::emit::emit;
use crate::common::to_cbor;
use crate::folder::{Tree, accepted, expect, rejected};
use crate::forgery::{Surface, with_jws};
use crate::scene::{self, AGENT, NOW, Scene};

pub fn signed(tree: &mut Tree) {
    let tier = Tier::Signed;
    let mut valid = accepted(tier);
    valid["signatureVerifyRequired"] = true.into();
    valid["verifiedFields"] = json!(["intent.slots", "session.callId"]);
    tree.vector(
        "signed/01-valid-jws",
        "accept-positive",
        "A detached Ed25519 JWS over the canonical CBOR verifies. OHP §5.1, §5.2.",
    )
    .expected(&valid)
    .scene(&mut Scene::at(tier));

    let mut scene = Scene::at(tier);
    scene.tamper = Some(|envelope| envelope["intent"]["slots"]["amount"] = "4250".into());
    tree.vector(
        "signed/02-tampered-payload",
        "accept-negative",
        "A slot was changed after signing. OHP §5.1, step 2.",
    )
    .expected(&rejected(
        tier,
        2,
        "signature-invalid",
        "the surface is not the one that was signed",
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    let other = OwnKey::ed25519([0x31; 32], Some("agent-ed25519-2"));
    scene.trust["issuers"][AGENT]["jwks"] = scene::public_jwks(&[other]);
    tree.vector(
        "signed/03-revoked-kid",
        "accept-negative",
        "The issuer's current JWK Set no longer holds the `kid`: it is revoked. OHP §5.9.",
    )
    .expected(&rejected(
        tier,
        2,
        "signature-invalid",
        "the kid is not in the issuer's current JWK Set",
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    let diverging = with_jws(&mut scene, |surface| Surface::raw(in_reverse(surface)).plain());
    tree.vector(
        "signed/04-canonicalisation-divergence",
        "accept-negative",
        "The sender signed a surface whose members were not in canonical order. OHP §5.2.",
    )
    .expected(&rejected(
        tier,
        2,
        "signature-invalid",
        "the signature is over bytes that are not canonical",
    ))
    .envelope(&diverging)
    .trust(&scene)
    .keys(tier);

    let mut published = scene::public_jwks(&[scene::agent_ed25519()]);
    published["publishedAt"] = NOW.into();
    emit(
        tree,
        "signed/05-emit-positive-jwks-publish",
        "The `kid` that signs stands in the sender's `/.well-known/ohp-jwks.json`, which holds no private part. OHP §5.1, docs/07.",
        Scene::at(tier),
        |folder| {
            folder.json("well-known/ohp-jwks.json", &published);
        },
    );

    let mut scene = Scene::at(tier);
    scene.envelope["governance"] =
        json!({ "art86Explanation": { "available": true, "endpoint": "https://api.example.com/explain" } });
    let input = json!({ "now": NOW, "template": scene.envelope });
    tree.vector(
        "signed/06-emit-refuses-governance",
        "emit-negative",
        "Governance belongs to Regulated, and Signed must not carry it. OHP §3.1.",
    )
    .json("input.json", &input)
    .expected(&json!({ "outcome": "refuse", "refuseReason": "workload-requires-higher-tier", "minTier": "regulated" }))
    .keys(tier);

    let mut scene = Scene::at(tier);
    let reversed = in_reverse(&Whole(scene.finish()));
    tree.vector("signed/07-non-canonical-cbor", "accept-negative", "The wire form itself is not canonical: its members are in another order. Such bytes are no envelope. OHP §5.2.")
        .expected(&json!({ "outcome": "malformed" }))
        .put("envelope.cbor", reversed)
        .trust(&scene)
        .keys(tier);

    let mut scene = Scene::at(tier);
    scene.trust["receiver"]["ratePerKid"] = 1.into();
    let mut earlier = Scene::at(tier);
    earlier.envelope["id"] = "cse_01HZX0R5N9V8W1QYK0XQM3R3KB".into();
    earlier.envelope["control"]["nonce"] = "ffeeddccbbaa99887766554433221100".into();
    tree.vector(
        "signed/08-rate-limit",
        "accept-negative",
        "The key signs a second envelope within a second, and the receiver takes one. OHP §5.10.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": "rate-limit", "firstFailingStep": 2,
            "stepDescription": "the signing key has used up its envelopes per second",
            "before": [{ "file": "before/1.cbor", "outcome": "accept" }] }),
    ))
    .put("before/1.cbor", earlier.finish())
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    let mut earlier = Scene::at(tier);
    earlier.envelope["id"] = "cse_01HZX0R5N9V8W1QYK0XQM3R3KB".into();
    tree.vector(
        "signed/09-nonce-twice",
        "accept-negative",
        "The issuer has used the nonce in another envelope. OHP §3.1.2.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": "not-bound-to-call", "firstFailingStep": 0,
            "stepDescription": "the nonce was seen in another envelope of this issuer",
            "before": [{ "file": "before/1.cbor", "outcome": "accept" }] }),
    ))
    .put("before/1.cbor", earlier.finish())
    .scene(&mut scene);

    let mut another = rejected(tier, 4, "not-bound-to-call", "session.callId is another call's");
    another["callId"] = "another-call@pc33.atlanta.example.com".into();
    tree.vector(
        "signed/10-another-call",
        "accept-negative",
        "The envelope was made for another call. OHP §9, step 4.",
    )
    .expected(&another)
    .scene(&mut Scene::at(tier));

    let mut scene = Scene::at(tier);
    scene.trust["receiver"]["admit"] = json!([AGENT]);
    scene.trust["issuers"] = json!({});
    tree.vector(
        "signed/11-keys-not-resolved",
        "need",
        "The issuer is admitted and its keys are not at hand: they are asked for, and nothing is guessed. Step 1.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "need", "needs": [{ "kind": "jwks", "ref": AGENT }] }),
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.tamper = Some(|envelope| envelope["signatures"][0]["kid"] = "agent-ml-dsa-65".into());
    let folder = &mut tree.vector(
        "signed/12-key-of-another-algorithm",
        "accept-negative",
        "An EdDSA signature names the issuer's ML-DSA-65 key. OHP §5.1, step 2.",
    );
    folder.expected(&rejected(
        tier,
        2,
        "signature-invalid",
        "the key is of another kind than the signature's algorithm",
    ));
    let cbor = scene.finish();
    folder.envelope(&cbor).json(
        "trust.json",
        &json!({
            "ohpTrust": 1,
            "receiver": scene.trust["receiver"].as_object().map(|receiver| {
                let mut receiver = receiver.clone();
                receiver.remove("keys");
                receiver
            }),
            "issuers": { AGENT: { "jwks": scene.trust["issuers"][AGENT]["jwks"] } }
        }),
    );
}

/// A key from its first day to after its last.
pub fn key_life(tree: &mut Tree) {
    let tier = Tier::Signed;
    let with_key = |members: Value| {
        let mut scene = Scene::at(tier);
        let old = &mut scene.trust["issuers"][AGENT]["jwks"]["keys"][0];
        for (name, value) in members.as_object().expect("members") {
            old[name] = value.clone();
        }
        let next = OwnKey::ed25519([0x31; 32], Some("agent-ed25519-2"));
        let next = scene::public_jwks(&[next])["keys"][0].take();
        scene.trust["issuers"][AGENT]["jwks"]["keys"]
            .as_array_mut()
            .expect("a list")
            .push(next);
        scene
    };
    tree.vector(
        "signed/13-rotation-overlap",
        "accept-positive",
        "The next key is published beside the old one, which still signs. OHP §5.9.",
    )
    .expected(&accepted(tier))
    .scene(&mut with_key(
        json!({ "validFrom": "2026-03-01T00:00:00Z", "validUntil": "2026-05-29T00:00:00Z" }),
    ));
    for (number, slug, about, members) in [
        (
            14,
            "key-not-yet-valid",
            "The envelope was issued before the key's `validFrom`.",
            json!({ "validFrom": "2026-05-28T13:42:11Z" }),
        ),
        (
            15,
            "key-expired",
            "The envelope was issued after the key's `validUntil`.",
            json!({ "validUntil": "2026-05-28T13:42:10Z" }),
        ),
        (
            16,
            "key-revoked",
            "The key was revoked before the envelope was issued.",
            json!({ "revoked": true, "validUntil": "2026-05-28T13:42:10Z" }),
        ),
        (
            17,
            "key-revoked-without-moment",
            "A revoked key without `validUntil` is believed for nothing.",
            json!({ "revoked": true }),
        ),
        (
            18,
            "key-for-sealing",
            "The key's `use` is `enc`.",
            json!({ "use": "enc" }),
        ),
    ] {
        tree.vector(
            &format!("signed/{number}-{slug}"),
            "accept-negative",
            &format!("{about} OHP §5.9, step 2."),
        )
        .expected(&rejected(tier, 2, "signature-invalid", about))
        .scene(&mut with_key(members));
    }
    tree.vector(
        "signed/19-key-revoked-later",
        "accept-positive",
        "The key was revoked after the envelope was issued, which is on its way: it still holds. OHP §5.9.",
    )
    .expected(&accepted(tier))
    .scene(&mut with_key(
        json!({ "revoked": true, "validUntil": "2026-05-28T13:42:10.500Z" }),
    ));
}

/// Bytes of a CBOR map of at most 23 members.
trait Bytes {
    fn bytes(&self) -> &[u8];
}

struct Whole(Vec<u8>);

impl Bytes for Whole {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Bytes for Surface {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The same map with its members in the opposite order.
fn in_reverse(map: &impl Bytes) -> Vec<u8> {
    let bytes = map.bytes();
    let item = ohp::cbor::Item::parse(bytes).expect("canonical");
    let members: Vec<_> = item.map().expect("a map").iter().collect();
    let mut reversed = vec![bytes[0]];
    for (key, value) in members.into_iter().rev() {
        reversed.extend(to_cbor(&json!(key.to_string()).to_string()));
        reversed.extend(value.bytes());
    }
    assert_eq!(reversed.len(), bytes.len());
    reversed
}
