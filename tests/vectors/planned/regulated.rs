//! Regulated: governance, oversight, the log.

use ohp::envelope::Tier;
use serde_json::json;

use super::emit::emit;
use crate::folder::{Tree, accepted, expect, rejected};
use crate::scene::{self, MODEL_POLICY, NOW, Scene};

pub fn regulated(tree: &mut Tree) {
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
