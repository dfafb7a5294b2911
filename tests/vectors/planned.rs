//! The vectors that the protocol's conformance READMEs list, under their names there, and ours beside them: each tier's ways to
//! accept, to refuse, to emit and to refuse to emit.

use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use crate::common::to_cbor;
use crate::folder::{Folder, Tree, accepted, expect, rejected, to_json};
use crate::forgery::{Surface, with_jws};
use crate::scene::{self, AGENT, CALL, MODEL_POLICY, NOW, SEALING_RANDOM, Scene};

pub fn write(tree: &mut Tree) {
    core(tree);
    signed(tree);
    key_life(tree);
    sealed(tree);
    regulated(tree);
}

fn core(tree: &mut Tree) {
    let tier = Tier::Core;
    tree.vector(
        "core/01-minimal-valid",
        "accept-positive",
        "The members that Core demands, and no others, are accepted. OHP §3.1.1, §4.2.",
    )
    .expected(&accepted(tier))
    .scene(&mut Scene::at(tier));

    let mut stale = rejected(tier, 3, "stale", "notAfter has passed by more than five seconds");
    stale["now"] = "2026-05-28T13:47:15.251Z".into();
    stale["schemaValid"] = true.into();
    tree.vector(
        "core/02-stale-envelope",
        "accept-negative",
        "One millisecond beyond the tolerated skew of five seconds. OHP §4.4, step 3.",
    )
    .expected(&stale)
    .scene(&mut Scene::at(tier));

    let mut scene = Scene::at(tier);
    scene.envelope.as_object_mut().expect("an object").remove("id");
    tree.vector(
        "core/03-missing-id",
        "accept-negative",
        "An envelope without `id` breaks the schema. OHP §4.2.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": "unknown", "firstFailingStep": 0,
            "stepDescription": "id is missing", "schemaValid": false }),
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.envelope["audience"]["minTier"] = "signed".into();
    tree.vector(
        "core/04-tier-mismatch",
        "accept-negative",
        "The workload's floor (`audience.minTier`) is above the envelope's tier. OHP §3.2.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": "tier-insufficient", "firstFailingStep": 0,
            "stepDescription": "a core envelope for a workload that demands signed", "tierGateOk": false }),
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.envelope["caller"] = Scene::at(Tier::Sealed).envelope["caller"].clone();
    let input = json!({ "now": NOW, "template": scene.envelope });
    tree.vector(
        "core/05-emit-refuses-pii",
        "emit-negative",
        "The workload needs the caller's identity at AAL2, which Core must not carry. OHP §3.1.1.",
    )
    .json("input.json", &input)
    .expected(&json!({ "outcome": "refuse", "refuseReason": "workload-requires-higher-tier", "minTier": "sealed" }));

    let scene = Scene::at(tier);
    emit(
        tree,
        "core/07-emit-minimal",
        "A Core envelope is written as canonical CBOR; nothing signs it. OHP §5.2.",
        scene,
        |_| (),
    );

    let mut scene = Scene::at(tier);
    scene.envelope["x-campaign"] = json!({ "name": "spring", "weights": [0.5, 1, -0.0, 1e30] });
    tree.vector(
        "core/08-unknown-members",
        "accept-positive",
        "Members that 0.1 does not know are kept and make no valid envelope invalid. OHP §4.3.",
    )
    .expected(&accepted(tier))
    .scene(&mut scene);

    let cut = to_json(&Scene::at(tier).finish()).to_string();
    let mut scene = Scene::at(tier);
    scene.finish();
    tree.vector(
        "core/09-cut-short",
        "accept-negative",
        "Bytes that end in the middle are no envelope at all: there is nothing to answer.",
    )
    .expected(&json!({ "outcome": "malformed" }))
    .put("envelope.json", cut.as_bytes()[..cut.len() / 2].to_vec())
    .trust(&scene);

    let mut scene = Scene::at(tier);
    tree.vector(
        "core/10-replayed-on-another-call",
        "accept-negative",
        "An envelope that was shown on one call is shown again on another that it was made for as well. OHP §3.1.2.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": "not-bound-to-call", "firstFailingStep": 0,
            "stepDescription": "the identifier was seen with other content",
            "before": [{ "file": "before/1.cbor", "outcome": "accept" }] }),
    ))
    .put("before/1.cbor", {
        let mut earlier = Scene::at(tier);
        earlier.envelope["intent"]["slots"]["amount"] = "12.50".into();
        earlier.finish()
    })
    .scene(&mut scene);
}

fn signed(tree: &mut Tree) {
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
fn key_life(tree: &mut Tree) {
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

fn sealed(tree: &mut Tree) {
    let tier = Tier::Sealed;
    let mut opened = accepted(tier);
    opened["openedSealedFields"] = json!(["payment.disputeDetail", "caller.vulnerable"]);
    opened["verifiedFields"] = json!(["caller.assurance", "caller.identity.given_name", "intent.slots"]);
    tree.vector(
        "sealed/01-hpke-roundtrip",
        "accept-positive",
        "Fields that are sealed for two recipients are opened by the second of them. OHP §5.3.",
    )
    .expected(&opened)
    .scene(&mut Scene::at(tier));

    let mut mismatch = rejected(tier, 4, "not-bound-to-call", "RTP fingerprint mismatch");
    mismatch["fingerprint"] = format!("sha256:{}", "7a".repeat(32)).into();
    tree.vector(
        "sealed/02-rtp-fingerprint-mismatch",
        "accept-negative",
        "The call's sound is not what the fingerprint was made of. OHP §9, step 4.",
    )
    .expected(&mismatch)
    .scene(&mut Scene::at(tier));

    let mut scene = Scene::at(tier);
    scene.trust["receiver"]["processingScope"] = json!(["transcript.summary", "memory.embeddings"]);
    tree.vector(
        "sealed/03-consent-out-of-scope",
        "accept-negative",
        "The receiver would process what no consent receipt covers. OHP §5.5, step 5.",
    )
    .expected(&rejected(
        tier,
        5,
        "consent-out-of-scope",
        "receiver.processingScope exceeds the receipt",
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.after_sealing = Some(|envelope| {
        let disclosure = &mut envelope["caller"]["identity"]["disclosures"][0];
        // ["<salt>","given_name","Ada"] with another name at its end.
        let text = disclosure.as_str().expect("a disclosure").to_owned();
        let changed = format!(
            "{}{}",
            &text[..text.len() - 4],
            if text.ends_with("YSJd") { "aSJd" } else { "YSJd" }
        );
        *disclosure = changed.into();
    });
    tree.vector(
        "sealed/04-sd-jwt-claim-tampered",
        "accept-negative",
        "A disclosure was changed, and no digest of the credential is its own. OHP §5.4, step 6.",
    )
    .expected(&rejected(
        tier,
        6,
        "assurance-insufficient",
        "disclosure does not match digest",
    ))
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.claims = vec![
        ("given_name", "Ada"),
        ("account_ref", "acct_7781"),
        ("dateOfBirth", "1990-01-01"),
    ];
    scene.shown = Some(&["account_ref"]);
    scene.envelope["caller"]["identity"]["claimsRevealed"] = json!(["account_ref"]);
    emit(
        tree,
        "sealed/05-emit-positive-selective-disclosure",
        "The sender reveals only the claim that the audience's purpose needs. OHP §5.4.",
        scene,
        |_| (),
    );

    let mut scene = Scene::at(tier);
    scene.envelope["intent"]["slots"]["note"] = "card 4111 1111 1111 1111".into();
    let input = json!({ "now": NOW, "template": scene.template() });
    tree.vector(
        "sealed/06-emit-negative-pii-into-non-sealed",
        "emit-negative",
        "A card number stands in a slot that everybody on the way can read. OHP §4.5.",
    )
    .json("input.json", &input)
    .expected(&json!({ "outcome": "refuse", "refuseReason": "pii-in-clear", "path": "$.intent.slots" }))
    .keys(tier);

    let mut scene = Scene::at(tier);
    scene.trust["consentReceipts"] = json!({});
    tree.vector(
        "sealed/07-receipt-not-resolved",
        "need",
        "The consent receipt is not at hand: it is asked for. Step 5.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "need", "needs": [{ "kind": "consent-receipt", "ref": "iso27560:rcpt_1" }] }),
    ))
    .scene(&mut scene);

    let mut silent = expect(
        tier,
        &json!({ "outcome": "need", "needs": [{ "kind": "media", "ref": "" }] }),
    );
    silent.as_object_mut().expect("an object").remove("fingerprint");
    tree.vector(
        "sealed/08-no-sound-yet",
        "need",
        "No sound has arrived on the call, which is not yet a mismatch. OHP §9, step 4.",
    )
    .expected(&silent)
    .scene(&mut Scene::at(tier));
}

fn regulated(tree: &mut Tree) {
    let tier = Tier::Regulated;
    let mut full = accepted(tier);
    full["openedSealedFields"] = json!(["payment.disputeDetail", "caller.vulnerable"]);
    full["regulatedBlocksPresent"] = json!([
        "aiSystem",
        "governance.aiia",
        "governance.fria",
        "governance.prohibited",
        "governance.art50Disclosure",
        "governance.art86Explanation",
        "oversight",
        "decisions",
        "transparency"
    ]);
    full["signatureAlgsPresent"] = json!(["EdDSA", "ML-DSA-65"]);
    tree.vector(
        "regulated/01-full-structural",
        "accept-positive",
        "Everything that Regulated demands of a high-risk system, with real proofs, is accepted. OHP §4.2, §6.",
    )
    .expected(&full)
    .scene(&mut Scene::at(tier));

    let refusal =
        |tree: &mut Tree, name: &str, about: &str, (step, reason, why): (u8, &str, &str), change: fn(&mut Scene)| {
            let mut scene = Scene::at(tier);
            change(&mut scene);
            tree.vector(&format!("regulated/{name}"), "accept-negative", about)
                .expected(&rejected(tier, step, reason, why))
                .scene(&mut scene);
        };
    refusal(
        tree,
        "02-prohibited-flag",
        "A practice of Article 5 is asserted. OHP §6.2, step 8.",
        (
            8,
            "prohibited-practice",
            "governance.prohibited.subliminalManipulation = true",
        ),
        |scene| scene.envelope["governance"]["prohibited"]["subliminalManipulation"] = true.into(),
    );
    refusal(
        tree,
        "03-art50-disclosure-missing",
        "A high-risk system has not told the caller that it is one. OHP §6.2, step 7.",
        (
            7,
            "risk-class-not-allowed",
            "governance.art50Disclosure.disclosed = false",
        ),
        |scene| scene.envelope["governance"]["art50Disclosure"]["disclosed"] = false.into(),
    );
    refusal(
        tree,
        "04-oversight-mode-insufficient",
        "Policy demands a human in the loop, and one is on the loop. OHP §6.3, step 11.",
        (11, "oversight-missing", "oversight.mode is weaker than policy demands"),
        |scene| scene.trust["receiver"]["requiredOversight"] = "human-in-the-loop".into(),
    );
    refusal(
        tree,
        "05-gpai-systemic-no-policy",
        "The policy of a model with systemic risk cannot be read. OHP §6.1, step 12.",
        (12, "gpai-policy-missing", "policyUrl answers 404"),
        |scene| scene.trust["resources"][MODEL_POLICY]["status"] = 404.into(),
    );
    refusal(
        tree,
        "06-stale-aiia",
        "The impact assessment was reviewed more than twelve months ago. OHP §6.2, step 7.",
        (
            7,
            "risk-class-not-allowed",
            "governance.aiia.lastReviewedAt is 12 months and a day ago",
        ),
        |scene| scene.envelope["governance"]["aiia"]["lastReviewedAt"] = "2025-05-27".into(),
    );
    refusal(
        tree,
        "07-annex-iii-not-allowlisted",
        "The clause of Annex III is not one that the receiver takes. OHP §6.1, step 9.",
        (
            9,
            "risk-class-not-allowed",
            "aiSystem.annexIIIClause is not in annexIIIAllowed",
        ),
        |scene| scene.envelope["aiSystem"]["annexIIIClause"] = "1(a)".into(),
    );

    let mut hybrid = accepted(tier);
    hybrid["signatureAlgsPresent"] = json!(["EdDSA", "ML-DSA-65"]);
    let mut scene = Scene::at(tier);
    scene.envelope["aiSystem"]["riskClass"] = "limited".into();
    tree.vector(
        "regulated/08-hybrid-pq-sig-roundtrip",
        "accept-positive",
        "Both signatures, Ed25519 and ML-DSA-65, verify. OHP §5.1.",
    )
    .expected(&hybrid)
    .scene(&mut scene);

    let mut scene = Scene::at(tier);
    scene.envelope["control"]["verb"] = "INCIDENT".into();
    scene.envelope["control"]["reason"] = "art73.serious-harm-to-health".into();
    emit(
        tree,
        "regulated/09-incident-verb",
        "A serious-incident report with its category under Article 73 is emitted, anchored and signed twice. OHP §6.5.",
        scene,
        |_| (),
    );

    let mut scene = Scene::at(tier);
    scene.envelope["decisions"] = json!([]);
    let input = json!({ "now": NOW, "template": scene.template() });
    tree.vector(
        "regulated/10-emit-refuses-without-decisions",
        "emit-negative",
        "Regulated demands at least one decision, and there is none. OHP §4.2.",
    )
    .json("input.json", &input)
    .expected(&json!({ "outcome": "refuse", "refuseReason": "invalid-envelope", "path": "$.decisions" }))
    .keys(tier);

    let mut scene = Scene::at(tier);
    scene.trust["logs"] = json!({});
    tree.vector(
        "regulated/11-log-not-known",
        "need",
        "The log that the envelope names is not at hand: it is asked for. Step 14.",
    )
    .expected(&expect(
        tier,
        &json!({ "outcome": "need", "needs": [{ "kind": "log", "ref": scene::LOG }] }),
    ))
    .scene(&mut scene);
    emit(
        tree,
        "regulated/12-emit-full",
        "A whole Regulated proposal: attested, sealed, anchored, signed twice. OHP §5, §6.",
        Scene::at(tier),
        |_| (),
    );
}

/// A vector in which `scene` comes out of its own template.
fn emit(tree: &mut Tree, name: &str, about: &str, mut scene: Scene, more: impl FnOnce(&mut Folder<'_>)) {
    let tier = scene.tier;
    if tier >= Tier::Sealed {
        let alg = "HPKE/X25519-SHA256-CHACHA20POLY1305";
        scene.envelope["audience"]["recipientKeys"] =
            json!([{ "kid": "other-x25519", "alg": alg }, { "kid": "centre-x25519", "alg": alg }]);
    }
    let mut input = json!({ "now": NOW, "template": scene.template() });
    let mut expected = json!({ "outcome": "emit", "now": NOW, "callId": CALL, "tier": tier.as_str(),
        "verb": scene.envelope["control"]["verb"] });
    if tier >= Tier::Signed {
        expected["signatureAlgsPresent"] = json!(["EdDSA"]);
        expected["shouldContainFields"] = json!(["signatures"]);
    }
    if tier >= Tier::Sealed {
        let identity = input["template"]["caller"]["identity"]
            .as_object_mut()
            .expect("an identity");
        identity.remove("sdJwtVc");
        identity.remove("disclosures");
        let claims: Vec<&str> = scene.claims.iter().map(|(name, _)| *name).collect();
        let (shown, hidden): (Vec<_>, Vec<_>) = claims
            .into_iter()
            .partition(|name| scene.shown.is_none_or(|shown| shown.contains(name)));
        input["reveal"] = json!({ "credential": scene.credential(), "claims": shown });
        let other = OwnKey::x25519(*scene::other_centre().secret(), Some("other-x25519"));
        let hex = |random: [u8; 32]| random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        input["seal"] = json!({
            "fields": scene.sealed,
            "recipients": scene::public_jwks(&[other, scene::centre_opening()]),
            "random": SEALING_RANDOM.map(hex),
        });
        let claim = |name: &&str| format!("caller.identity.sdJwtVc.disclosures.{name}");
        let mut contains = vec!["caller.identity.sdJwtVc".to_owned(), "sealed.ciphertext".to_owned()];
        contains.extend(shown.iter().map(claim));
        expected["shouldContainFields"] = json!(contains);
        expected["shouldNotContainFields"] = hidden.iter().map(claim).collect();
        expected["fingerprint"] = crate::folder::fingerprint().into();
        expected["openedSealedFields"] = json!(["payment.disputeDetail", "caller.vulnerable"]);
    }
    if tier == Tier::Regulated {
        for (block, made) in [
            ("/governance/prohibited", "attestationJws"),
            ("/governance/art50Disclosure", "proofJws"),
            ("/transparency", "leafHash"),
        ] {
            let block = input["template"]
                .pointer_mut(block)
                .and_then(Value::as_object_mut)
                .expect("a block");
            block.remove(made);
        }
        expected["signatureAlgsPresent"] = json!(["EdDSA", "ML-DSA-65"]);
    }
    let mut folder = tree.vector(name, "emit-positive", about);
    folder.json("input.json", &input).expected(&expected).scene(&mut scene);
    more(&mut folder);
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
