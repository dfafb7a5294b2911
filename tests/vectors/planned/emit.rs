//! What is made of a template, and how much of it is said beforehand.

use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use crate::folder::{Folder, Tree};
use crate::scene::{self, CALL, NOW, SEALING_RANDOM, Scene};

/// A vector in which `scene` comes out of its own template.
pub fn emit(tree: &mut Tree, name: &str, about: &str, mut scene: Scene, more: impl FnOnce(&mut Folder<'_>)) {
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
