//! Every tier's whole verification on really signed, sealed and anchored proposals: accepted as they are, and refused at the
//! right step, with the right word, for each thing that can be wrong.

mod anchored;
#[path = "../common/babble.rs"]
mod babble;
#[cfg(feature = "ffi")]
#[path = "../c_abi/build.rs"]
mod build;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod handoff;
#[cfg(feature = "ffi")]
mod in_c;
mod issued;
#[path = "../leg/pair.rs"]
mod pair;
mod refused;
#[path = "../common/rekor.rs"]
mod rekor_log;
mod rows;
mod scene;
mod sound;
mod verify_command;

use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::Tier;
use ohp::table::{Config, Table};
use std::sync::atomic::AtomicU64;

use ohp::media::Fingerprint;
use ohp::trust::bundle::Bundle;
use ohp::trust::federation::{Draft, issue};
use ohp::trust::jwk::OwnKey;
use ohp::trust::sd_jwt;
use ohp::verify::{
    Call, Disclosed, Media, Memory, NeedKind, Outcome, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict,
    verify_disclosing,
};
use scene::{CALL, FINGERPRINT, Scene, now};

const TIERS: [Tier; 4] = [Tier::Core, Tier::Signed, Tier::Sealed, Tier::Regulated];

fn situation(bundle: &Bundle) -> Situation<'_> {
    Situation {
        bundle,
        now: now(),
        role: Role::Unknown,
        call: Call::Ids(&[CALL]),
        media: Media::Known(Fingerprint::from_bytes(FINGERPRINT)),
        echo: Default::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    }
}

/// Verifies a scene's envelope as its receiver would, on its call.
fn judge<T>(scene: &mut Scene, look: impl FnOnce(&Verdict<'_>, &Disclosed) -> T) -> T {
    let cbor = scene.finish();
    let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
    let situation = situation(&bundle);
    let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
    let verdict = verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
    look(&verdict, &disclosed)
}

fn outcome(scene: &mut Scene) -> String {
    judge(scene, |verdict, _| match verdict.outcome {
        Outcome::Reject(step, failure) => format!("{} {}: {}", step.number(), failure.reason.as_str(), failure.why),
        Outcome::Need => format!("need {:?}", verdict.needs.as_slice()),
        other => format!("{other:?}"),
    })
}

#[test]
fn whole_proposal_is_accepted_at_each_tier() {
    for tier in TIERS {
        let mut scene = Scene::at(tier);
        judge(&mut scene, |verdict, _| {
            assert_eq!(
                verdict.outcome,
                Outcome::Accept,
                "{tier}: {:?}",
                verdict.failure().map(|(_, f)| f.why.to_string())
            );
            assert_eq!(verdict.warnings.iter().count(), 0, "{tier}");
            let passed = |step: Step| verdict.steps[usize::from(step.number())] == Some(StepResult::Pass);
            for step in Step::ALL {
                let applies = match step {
                    Step::Envelope | Step::Freshness | Step::CallLeg => true,
                    Step::ResolveIssuer | Step::Signatures => tier >= Tier::Signed,
                    Step::Consent | Step::Assurance | Step::Decrypt => tier >= Tier::Sealed,
                    _ => tier == Tier::Regulated,
                };
                assert_eq!(passed(step), applies, "{tier}: {step:?}");
            }
        });
    }
}

#[test]
fn claims_and_sealed_fields_are_disclosed_to_us() {
    for tier in [Tier::Sealed, Tier::Regulated] {
        judge(&mut Scene::at(tier), |_, disclosed| {
            let claims = disclosed.claims().expect("a credential");
            assert_eq!(
                (claims.text("given_name"), claims.text("account_ref")),
                (Some("Ada"), Some("acct_7781"))
            );
            let fields = disclosed.fields().expect("our slot");
            let detail = fields.get("payment.disputeDetail").and_then(|item| item.as_text());
            assert_eq!(detail, Some("card ending 4242, 42.50 GBP"));
            assert_eq!(
                fields.get("caller.vulnerable").and_then(|item| item.as_bool()),
                Some(true)
            );
            assert_eq!(format!("{disclosed:?}"), "Disclosed { .. }");
        });
    }
}

#[test]
fn nothing_is_disclosed_by_what_is_refused_after_it_was_opened() {
    let mut scene = Scene::at(Tier::Regulated);
    scene.tamper = Some(|envelope| envelope["transparency"]["leafHash"] = format!("sha256:{}", "12".repeat(32)).into());
    judge(&mut scene, |verdict, disclosed| {
        assert_eq!(verdict.failure().map(|(step, _)| step), Some(Step::Anchor));
        assert!(disclosed.claims().is_none() && disclosed.fields().is_none());
    });
}

#[test]
fn envelope_without_a_slot_for_us_is_taken_without_its_sealed_fields() {
    let mut scene = Scene::at(Tier::Sealed);
    scene.trust["receiver"]["keys"] = serde_json::json!({ "keys": [] });
    judge(&mut scene, |verdict, disclosed| {
        assert_eq!(verdict.outcome, Outcome::Accept);
        assert_eq!(verdict.steps[13], Some(StepResult::Skip));
        assert!(disclosed.fields().is_none());
    });
}

#[test]
fn resources_that_are_not_at_hand_are_asked_for() {
    type Take = fn(&mut serde_json::Value);
    let cases: [(Step, NeedKind, &str, Take); 7] = [
        (Step::ResolveIssuer, NeedKind::Jwks, scene::AGENT, |trust| {
            trust["issuers"][scene::AGENT]
                .as_object_mut()
                .expect("an issuer")
                .remove("jwks");
        }),
        (Step::ResolveIssuer, NeedKind::EntityStatement, scene::AGENT, |trust| {
            trust["issuers"][scene::AGENT]
                .as_object_mut()
                .expect("an issuer")
                .remove("federation");
        }),
        (Step::Consent, NeedKind::ConsentReceipt, "iso27560:rcpt_1", |trust| {
            trust["consentReceipts"] = serde_json::json!({});
        }),
        (Step::Assurance, NeedKind::Jwks, scene::PROVIDER, |trust| {
            trust["identityProviders"][scene::PROVIDER] = serde_json::json!({});
        }),
        (Step::RiskClass, NeedKind::Resource, scene::DECLARATION, |trust| {
            trust["resources"]
                .as_object_mut()
                .expect("resources")
                .remove(scene::DECLARATION);
        }),
        (Step::GpaiPolicy, NeedKind::Resource, scene::MODEL_POLICY, |trust| {
            trust["resources"]
                .as_object_mut()
                .expect("resources")
                .remove(scene::MODEL_POLICY);
        }),
        (Step::Anchor, NeedKind::Log, scene::LOG, |trust| {
            trust["logs"] = serde_json::json!({});
        }),
    ];
    for (step, kind, reference, take) in cases {
        let mut scene = Scene::at(Tier::Regulated);
        take(&mut scene.trust);
        judge(&mut scene, |verdict, _| {
            assert_eq!(verdict.outcome, Outcome::Need, "{step:?}");
            let need = verdict.needs.as_slice()[0];
            assert_eq!((need.step, need.kind, need.reference), (step, kind, reference));
        });
    }
}

#[test]
fn systems_of_lesser_risk_owe_less() {
    let mut scene = Scene::at(Tier::Regulated);
    scene.envelope["aiSystem"]["riskClass"] = "minimal".into();
    for absent in ["aiia", "fria", "art50Disclosure", "art86Explanation"] {
        scene.envelope["governance"]
            .as_object_mut()
            .expect("governance")
            .remove(absent);
    }
    let system = scene.envelope["aiSystem"].as_object_mut().expect("a system");
    system.remove("annexIIIClause");
    system.remove("ceConformity");
    judge(&mut scene, |verdict, _| {
        assert_eq!(
            verdict.outcome,
            Outcome::Accept,
            "{:?}",
            verdict.failure().map(|(_, f)| f.why.to_string())
        );
        let warnings: Vec<String> = verdict.warnings.iter().map(|warning| warning.to_string()).collect();
        assert!(warnings[0].contains("Art. 50"), "{warnings:?}");
    });
}

/// What a voice-AI vendor sees of its own envelope: the names of what was opened and verified, never a value.
#[test]
fn command_names_what_was_opened_and_verified() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiers");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut scene = Scene::at(Tier::Regulated);
    let (file, trust) = (folder.join("regulated.cbor"), folder.join("trust.json"));
    std::fs::write(&file, scene.finish()).expect("written");
    std::fs::write(&trust, scene.trust.to_string()).expect("written");
    let run = |more: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_ohp"))
            .arg("verify")
            .arg("--trust")
            .arg(&trust)
            .args([
                "--now",
                scene::NOW,
                "--call-id",
                CALL,
                "--fingerprint",
                &scene::fingerprint(),
            ])
            .args(more)
            .arg(&file)
            .output()
            .expect("the command")
    };
    let output = run(&["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(
        report["openedSealedFields"],
        serde_json::json!(["caller.vulnerable", "payment.disputeDetail"])
    );
    assert_eq!(
        report["verifiedFields"],
        serde_json::json!([
            "caller.assurance",
            "caller.identity.given_name",
            "caller.identity.account_ref"
        ])
    );
    let steps = report["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 15);
    assert!(steps.iter().all(|step| step["result"] == "pass"), "{report:#}");
    let text = String::from_utf8(run(&[]).stdout).expect("text");
    assert!(
        text.contains("opened  caller.vulnerable, payment.disputeDetail"),
        "{text}"
    );
    for secret in ["4242", "Ada", "acct_7781"] {
        assert!(
            !text.contains(secret) && !report.to_string().contains(secret),
            "{secret}"
        );
    }
}

/// The threads of a PBX have little stack, and no call into the library may use more than 96 KiB of it.
#[test]
fn regulated_verdict_fits_the_stack_that_a_pbx_leaves() {
    let mut scene = Scene::at(Tier::Regulated);
    let cbor = scene.finish();
    let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
    let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(96 * 1024);
        let thread = thread.spawn_scoped(scope, || {
            let situation = situation(&bundle);
            verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ()).outcome
        });
        thread.expect("a thread").join().expect("it ends")
    });
    assert_eq!(outcome, Outcome::Accept);
}

#[test]
fn trust_chain_to_our_anchor_holds_until_its_first_statement_expires() {
    let (leaf, anchor) = (SigningKey::from_seed([41; 32]), SigningKey::from_seed([42; 32]));
    let jwks = |seed, kid| {
        let key = OwnKey::ed25519([seed; 32], Some(kid)).to_public_json();
        format!(r#"{{"keys":[{key}]}}"#)
    };
    let (leafs, anchors) = (jwks(41, "leaf"), jwks(42, "anchor"));
    let says = |issuer, claims, expires| Draft {
        issuer,
        subject: scene::AGENT,
        issued_at: now().plus(-3_600_000),
        expires: now().plus(expires),
        jwks: &leafs,
        claims,
    };
    for (expires, expected) in [
        (60_000, "Accept"),
        (
            -60_000,
            "1 unknown: federation.chain: a statement has expired; resolve the chain anew",
        ),
    ] {
        let chain = [
            issue(&leaf, "leaf", &says(scene::AGENT, "{}", expires)).expect("JSON"),
            issue(&anchor, "anchor", &says(scene::FEDERATION, "{}", 60_000)).expect("JSON"),
        ];
        let mut scene = Scene::at(Tier::Sealed);
        scene.trust["issuers"][scene::AGENT]["federation"]["chain"] = serde_json::json!(chain);
        let anchors: serde_json::Value = serde_json::from_str(&anchors).expect("JSON");
        scene.trust["trustAnchors"] = serde_json::json!({ scene::FEDERATION: { "jwks": anchors } });
        assert_eq!(outcome(&mut scene), expected);
    }
}

/// Verifies envelopes one after another on one call, with a shared table that remembers them.
fn in_turn(scenes: [&mut Scene; 2]) -> [String; 2] {
    let config = Config {
        replays: 256,
        hashes: 64,
        kids: 64,
        peers: 64,
        sets: 16,
        slots: 4,
        slot_bytes: 4096,
        sounds: 16,
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let table = Table::init(&words, &config, [7; 16]).expect("a table");
    scenes.map(|scene| {
        let cbor = scene.finish();
        let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
        let mut situation = situation(&bundle);
        situation.memory = Some(Memory {
            table,
            peer: b"192.0.2.1",
            peer_rate: 200,
        });
        let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
        let verdict = verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
        match verdict.outcome {
            Outcome::Reject(step, failure) => format!("{} {}", step.number(), failure.reason.as_str()),
            other => format!("{other:?}"),
        }
    })
}

/// No signature covers the leaf hash: whoever changes it on the way must not thereby keep the genuine envelope out.
#[test]
fn copy_with_another_leaf_hash_does_not_stand_in_for_the_genuine_envelope() {
    let mut copy = Scene::at(Tier::Regulated);
    copy.tamper = Some(|envelope| envelope["transparency"]["leafHash"] = format!("sha256:{}", "12".repeat(32)).into());
    let outcomes = in_turn([&mut copy, &mut Scene::at(Tier::Regulated)]);
    assert_eq!(outcomes, ["14 unknown", "Accept"]);
}

/// Nor does one wait for resources in its place.
#[test]
fn copy_with_another_leaf_hash_waits_for_nothing() {
    let mut copy = Scene::at(Tier::Regulated);
    copy.tamper = Some(|envelope| envelope["transparency"]["leafHash"] = format!("sha256:{}", "12".repeat(32)).into());
    copy.trust["consentReceipts"] = serde_json::json!({});
    assert!(outcome(&mut copy).starts_with("14 unknown"));
}

/// Anyone can make a Core envelope under an identifier that was read on the way.
#[test]
fn unsigned_envelope_does_not_use_up_a_signed_ones_identifier_and_is_refused_after_it() {
    let outcomes = in_turn([&mut Scene::at(Tier::Core), &mut Scene::at(Tier::Signed)]);
    assert_eq!(outcomes, ["Accept", "Accept"]);
    let outcomes = in_turn([&mut Scene::at(Tier::Signed), &mut Scene::at(Tier::Core)]);
    assert_eq!(outcomes, ["Accept", "0 not-bound-to-call"]);
}

/// `receiver.minTier`.
#[test]
fn receiver_takes_no_tier_below_its_own_floor() {
    for tier in TIERS {
        let mut scene = Scene::at(tier);
        scene.trust["receiver"]["minTier"] = "sealed".into();
        let expected = match tier {
            Tier::Core | Tier::Signed => {
                format!("0 tier-insufficient: conformance is {tier}, below this receiver's minimum sealed")
            }
            _ => "Accept".to_owned(),
        };
        assert_eq!(outcome(&mut scene), expected);
    }
}

/// `receiver.requireKeyBinding`; interpretations, row 19.
#[test]
fn holders_proof_is_demanded_for_us_and_this_call() {
    let holder = SigningKey::from_seed([51; 32]);
    let stranger = SigningKey::from_seed([52; 32]);
    let hour_ago = now().plus(-3_601_000);
    let credential = sd_jwt::Credential {
        issuer: scene::PROVIDER,
        kind: "https://login.example.org/credentials/customer",
        issued_at: hour_ago,
        expires: None,
        open: &[],
        selective: &[],
        holder: Some(&holder.public()),
    };
    let compact = sd_jwt::issue(&credential, &scene::provider_key(), "provider-1", &mut || {
        [1; sd_jwt::SALT_LEN]
    });
    let bound = |key: &SigningKey, audience, nonce, at| sd_jwt::bind(&compact, key, audience, nonce, at);
    let cases = [
        (compact.clone(), "has no key binding"),
        (bound(&holder, scene::CENTRE, CALL, now()), ""),
        (bound(&stranger, scene::CENTRE, CALL, now()), "key binding"),
        (bound(&holder, scene::AGENT, CALL, now()), "aud is not this receiver"),
        (
            bound(&holder, scene::CENTRE, "another@call", now()),
            "of another transaction",
        ),
        (bound(&holder, scene::CENTRE, CALL, hour_ago), "too long ago"),
    ];
    for (credential, cause) in cases {
        let mut scene = Scene::at(Tier::Sealed);
        scene.envelope["caller"]["identity"] = serde_json::json!({ "sdJwtVc": credential });
        assert_eq!(outcome(&mut scene), "Accept", "not demanded");
        scene.trust["receiver"]["requireKeyBinding"] = true.into();
        let outcome = outcome(&mut scene);
        match cause {
            "" => assert_eq!(outcome, "Accept"),
            cause => assert!(
                outcome.starts_with("6 assurance-insufficient") && outcome.contains(cause),
                "{cause}: {outcome}"
            ),
        }
    }
}

/// What a credential says is read in the host's scratch, which other calls are lent as well.
#[test]
fn no_claim_stays_in_the_scratch() {
    type Change = fn(&mut Scene);
    let changes: [(&str, Change); 3] = [
        ("accepted", |_| ()),
        ("refused by step 6", |scene| {
            scene.trust["receiver"]["requireKeyBinding"] = true.into();
        }),
        ("refused later", |scene| {
            scene.tamper = Some(|envelope| {
                envelope["transparency"]["leafHash"] = format!("sha256:{}", "12".repeat(32)).into();
            });
        }),
    ];
    for (what, change) in changes {
        let mut scene = Scene::at(Tier::Regulated);
        change(&mut scene);
        let cbor = scene.finish();
        let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
        let situation = situation(&bundle);
        let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
        let verdict = verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
        assert_eq!(verdict.is_accepted(), what == "accepted", "{what}");
        for secret in [&b"Ada"[..], b"acct_7781", b"4242"] {
            let stays = scratch.windows(secret.len()).any(|window| window == secret);
            assert!(!stays, "{what}: {}", String::from_utf8_lossy(secret));
        }
    }
}
