//! Sealed: what is meant for its recipients alone, the caller's assurance and consent, sound.

use ohp::envelope::Tier;
use serde_json::json;

use super::emit::emit;
use crate::folder::{Tree, accepted, expect, rejected};
use crate::scene::{NOW, Scene};

pub fn sealed(tree: &mut Tree) {
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
