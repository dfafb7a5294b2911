//! Core: the members that it demands, time, replays.

use ohp::envelope::Tier;
use serde_json::json;

use super::emit::emit;
use crate::folder::{Tree, accepted, expect, rejected, to_json};
use crate::scene::{NOW, Scene};

pub fn core(tree: &mut Tree) {
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
