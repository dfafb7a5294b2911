//! What a host loads: trust bundles, keys, statements. Errors are explained; a key that was read is written as the same
//! key; C takes what Rust takes; and envelopes of every tier are judged by any bundle.

#![no_main]

use ohp::envelope::{Envelope, Tier};
use ohp::ffi::*;
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::{Jwk, JwkSet, OwnKey, OwnKeys};
use ohp::verify::{Call, Disclosed, Media, Role, Situation, VERIFY_SCRATCH, verify, verify_disclosing};
use ohp_fuzz::abi::{Why, bytes_of, exact, sound};
use ohp_fuzz::{Seeds, party, scene, seeds, sized, target};

target!(seeds: write_seeds, |data| {
    let json = exact(data);
    let bundle = Bundle::from_json(&json);
    match &bundle {
        Ok(bundle) => judge(bundle),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(key) = OwnKey::from_json(&json) {
        let written = key.to_private_json();
        let again = OwnKey::from_json(written.as_bytes()).expect("what we write can be read");
        assert_eq!(*again.to_private_json(), *written);
        let public = Jwk::from_json(key.to_public_json().as_bytes()).expect("what we write can be read");
        assert_eq!(public.thumbprint().map(|t| t.as_str().to_owned()), key.public().thumbprint().map(|t| t.as_str().to_owned()));
    }
    if let Ok(set) = JwkSet::from_json(&json) {
        for key in set.keys() {
            let _ = (key.thumbprint().is_some(), key.may_sign("EdDSA", party::NOW));
        }
        let _ = set.ed25519(Some("x"), party::NOW).is_ok();
    }
    if let Ok(keys) = OwnKeys::from_json(&json) {
        let _ = keys.ed25519(party::NOW).is_some();
    }
    let _ = Jwk::from_json(&json);

    let mut config = sized!(ohp_context_config);
    config.trust = bytes_of(&json);
    let (mut why, mut context) = (Why::new(json.len() % 100), std::ptr::null());
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        let status = sound(ohp_context_new(&raw const config, why.at(), &raw mut context));
        // No bytes are no bundle, which is a receiver of Core.
        assert_eq!(status == ohp_status::OHP_OK, bundle.is_ok() || json.is_empty(), "{}", why.said());
        if status == ohp_status::OHP_OK {
            assert!(ohp_context_unref(&raw mut context) == ohp_status::OHP_OK && context.is_null());
        }
    }
});

const TIERS: [Tier; 3] = [Tier::Signed, Tier::Sealed, Tier::Regulated];

fn judge(bundle: &Bundle) {
    static EXAMPLES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    let examples = || {
        let scenes = TIERS.map(|tier| scene::Scene::at(tier).finish());
        seeds::envelopes().into_iter().chain(scenes).collect()
    };
    let mut disclosed = Box::new(Disclosed::new());
    for cbor in EXAMPLES.get_or_init(examples) {
        let situation = Situation {
            bundle,
            now: scene::now(),
            role: Role::Unknown,
            call: Call::Unknown,
            media: Media::NotHere,
            echo: Default::default(),
            memory: None,
            again: false,
            audio_may_follow: false,
            deadline_passed: false,
        };
        let _ = verify(cbor, &situation, &mut [0; VERIFY_SCRATCH], &mut |_, _| ());
        let verdict = verify_disclosing(
            cbor,
            &situation,
            &mut [0; VERIFY_SCRATCH],
            &mut disclosed,
            &mut |_, _| (),
        );
        assert!(verdict.is_accepted() || (disclosed.claims().is_none() && disclosed.fields().is_none()));
        let _ = Envelope::read(cbor, &mut |_| ());
    }
}

fn write_seeds(seeds: &mut Seeds) {
    seeds.add(party::sender_json().to_string());
    // With every member that a bundle may have.
    for tier in TIERS {
        let mut scene = scene::Scene::at(tier);
        scene.finish();
        seeds.add(scene.trust.to_string());
    }
    seeds.add(scene::agents_bundle().to_string());
    let mut json = party::receiver_json();
    seeds.add(json.to_string());
    json["receiver"]["jurisdictions"] = serde_json::json!(["GB", "DE"]);
    json["receiver"]["processingScope"] = serde_json::json!(["transcript.summary"]);
    json["receiver"]["purposes"] = serde_json::json!(["human-takeover"]);
    json["receiver"]["ratePerKid"] = serde_json::json!(5);
    seeds.add(json.to_string());
    for json in [
        &include_bytes!("../../../examples/trust/sender.json")[..],
        include_bytes!("../../../examples/trust/receiver.json"),
    ] {
        seeds.add(json);
    }
    let key = OwnKey::ed25519([3; 32], Some("a"));
    seeds.add(key.to_private_json().as_bytes());
    seeds.add(key.to_public_json());
    seeds.add(format!("{{\"keys\":[{}]}}", key.to_public_json()));
    seeds.add(format!("{{\"keys\":[{}]}}", *key.to_private_json()));
    for folder in ["vectors/jose-mldsa", "vectors/jose-cookbook"] {
        seeds.add_shared(folder, &[], 8192, &[".json"]);
    }
}
