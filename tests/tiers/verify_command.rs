//! `ohp verify` at each tier: every form of its input, every option, every member of its report.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ohp::cbor::{Item, json};
use ohp::envelope::Tier;
use ohp::transport::{ENVELOPE_MAX, base64, deflate};
use serde_json::{Value, json};

use crate::scene::{self, CALL, NOW, Scene, fingerprint};

const TIERS: [Tier; 4] = [Tier::Core, Tier::Signed, Tier::Sealed, Tier::Regulated];

/// A finished envelope in every form that a file may have, and the bundle that judges it.
struct Files {
    folder: PathBuf,
    tier: Tier,
}

impl Files {
    fn of(scene: &mut Scene, name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("verify-{name}-{}", scene.tier));
        fs::create_dir_all(&folder).expect("a folder");
        let cbor = scene.finish();
        let mut text = String::new();
        json::from_cbor(Item::parse(&cbor).expect("canonical"), &mut text, true).expect("text");
        let deflated = deflated(&cbor);
        for (form, bytes) in [
            ("json", text.as_bytes().to_vec()),
            ("cbor", cbor.clone()),
            ("deflated", deflated.clone()),
            ("base64", in_base64(&cbor)),
            ("base64-deflated", in_base64(&deflated)),
            ("base64-json", in_base64(text.as_bytes())),
        ] {
            fs::write(folder.join(form), bytes).expect("written");
        }
        fs::write(folder.join("trust.json"), scene.trust.to_string()).expect("written");
        Self {
            folder,
            tier: scene.tier,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("text").to_owned()
    }

    /// Runs the command; its status and its report.
    fn run(&self, form: &str, options: &[&str]) -> (i32, Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_ohp"))
            .args(["verify", "--json"])
            .args(options)
            .arg(self.path(form))
            .output()
            .expect("the command");
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().expect("it ends"), report)
    }

    /// The options under which the envelope is accepted, with some replaced.
    fn options(&self, change: &[(&str, Option<&str>)]) -> Vec<String> {
        let (trust, fingerprint) = (self.path("trust.json"), fingerprint());
        let mut options = vec![("--trust", trust.as_str()), ("--now", NOW), ("--call-id", CALL)];
        if self.tier >= Tier::Sealed {
            options.push(("--fingerprint", &fingerprint));
        }
        options.retain(|(name, _)| change.iter().all(|(other, _)| name != other));
        options.extend(change.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        options
            .iter()
            .flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()])
            .collect()
    }

    fn run_with(&self, form: &str, change: &[(&str, Option<&str>)]) -> (i32, Value) {
        let options = self.options(change);
        self.run(form, &options.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

fn in_base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; base64::encoded_len(bytes.len())];
    base64::encode(bytes, &mut text).expect("room").to_vec()
}

/// As `ohp/sip-info` deflates.
fn deflated(cbor: &[u8]) -> Vec<u8> {
    let (mut scratch, mut out) = (vec![0; deflate::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    deflate::deflate(cbor, &mut scratch, &mut out)
        .expect("it fits")
        .to_vec()
}

/// `pass` or `skip` of each step, by number.
fn results(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| step["result"].as_str().expect("a result"))
        .collect()
}

#[test]
fn every_form_of_input_is_accepted_at_every_tier_with_the_whole_report() {
    let names = [
        "envelope",
        "resolve-issuer",
        "signatures",
        "freshness",
        "call-leg",
        "consent",
        "assurance",
        "risk-class",
        "prohibited",
        "annex-iii",
        "disclosure",
        "oversight",
        "gpai-policy",
        "decrypt",
        "anchor",
    ];
    for tier in TIERS {
        let files = Files::of(&mut Scene::at(tier), "forms");
        for form in ["json", "cbor", "deflated", "base64", "base64-deflated", "base64-json"] {
            let (status, report) = files.run_with(form, &[]);
            assert_eq!(status, 0, "{tier} {form}: {report:#}");
            assert_eq!(
                (&report["outcome"], &report["tier"], &report["verb"], &report["id"]),
                (
                    &json!("accept"),
                    &json!(tier.as_str()),
                    &json!("PROPOSE"),
                    &json!("cse_01HZX0R5N9V8W1QYK0XQM3R3K9")
                )
            );
            let members: Vec<&str> = report
                .as_object()
                .expect("an object")
                .keys()
                .map(String::as_str)
                // Below Sealed the scenes have no fingerprint to compare.
                .filter(|member| *member != "continuity")
                .collect();
            assert_eq!(
                members,
                [
                    "id",
                    "needs",
                    "openedSealedFields",
                    "outcome",
                    "steps",
                    "tier",
                    "verb",
                    "verifiedFields",
                    "warnings"
                ],
                "{tier} {form}"
            );
            let heard = (tier >= Tier::Sealed).then(|| json!({ "outcome": "exact" }));
            assert_eq!(report.get("continuity"), heard.as_ref());
            let steps = report["steps"].as_array().expect("steps");
            for (number, (step, name)) in steps.iter().zip(names).enumerate() {
                assert_eq!(
                    (&step["step"], &step["name"]),
                    (&json!(number), &json!(name)),
                    "{tier} {form}"
                );
                assert!(step["micros"].as_f64().is_some_and(|micros| micros >= 0.0));
                assert_eq!(step.as_object().expect("a step").len(), 4);
            }
            let passes: Vec<usize> = results(&report)
                .iter()
                .enumerate()
                .filter(|(_, result)| **result == "pass")
                .map(|(at, _)| at)
                .collect();
            let applies: &[usize] = match tier {
                Tier::Core => &[0, 3, 4],
                Tier::Signed => &[0, 1, 2, 3, 4],
                Tier::Sealed => &[0, 1, 2, 3, 4, 5, 6, 13],
                Tier::Regulated => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
            };
            assert_eq!((passes.as_slice(), steps.len()), (applies, 15), "{tier} {form}");
            let discloses = tier >= Tier::Sealed;
            let opened = if discloses {
                json!(["caller.vulnerable", "payment.disputeDetail"])
            } else {
                json!([])
            };
            let verified = if discloses {
                json!([
                    "caller.assurance",
                    "caller.identity.given_name",
                    "caller.identity.account_ref"
                ])
            } else {
                json!([])
            };
            assert_eq!(
                (&report["openedSealedFields"], &report["verifiedFields"]),
                (&opened, &verified),
                "{tier} {form}"
            );
            assert_eq!(
                (&report["needs"], &report["warnings"]),
                (&json!([]), &json!([])),
                "{tier} {form}"
            );
        }
    }
}

#[test]
fn each_option_does_what_it_says_at_every_tier() {
    let other = format!("sha256:{}", "7a".repeat(32));
    for tier in TIERS {
        let files = Files::of(&mut Scene::at(tier), "options");
        let refused = |change: &[(&str, Option<&str>)], step: u8, reason: &str| {
            for form in ["json", "cbor", "deflated", "base64"] {
                let (status, report) = files.run_with(form, change);
                assert_eq!(
                    (
                        status,
                        &report["outcome"],
                        &report["firstFailingStep"],
                        &report["rejectReason"]
                    ),
                    (1, &json!("reject"), &json!(step), &json!(reason)),
                    "{tier} {form} {change:?}: {report:#}"
                );
                assert!(report["stepDescription"].as_str().is_some_and(|text| !text.is_empty()));
                assert_eq!(
                    results(&report).last(),
                    Some(&"fail"),
                    "nothing runs after the step that fails"
                );
                assert_eq!(results(&report).len(), usize::from(step) + 1);
                assert_eq!(
                    (&report["openedSealedFields"], &report["verifiedFields"]),
                    (&json!([]), &json!([]))
                );
                assert!(report.get("error").is_none());
            }
        };
        refused(&[("--now", Some("2026-05-28T13:47:15.251Z"))], 3, "stale");
        refused(&[("--call-id", Some("another"))], 4, "not-bound-to-call");
        refused(&[("--sip-header", Some("OHP-Verb: ACCEPT"))], 0, "unknown");
        let agreeing = format!("OHP-Tier: {tier}");
        assert_eq!(files.run_with("cbor", &[("--sip-header", Some(&agreeing))]).0, 0);

        // Without a bundle: the Core receiver.
        let without = [("--trust", None)];
        match tier {
            Tier::Core => assert_eq!(files.run_with("json", &without).0, 0),
            _ => refused(&without, 0, "tier-insufficient"),
        }
        // Without a Call-ID step 4 is not run; a sound that is given is then not compared, which is said.
        let (status, report) = files.run_with("cbor", &[("--call-id", None)]);
        assert_eq!((status, results(&report)[4]), (0, "skip"), "{tier}");
        assert_eq!(
            report["warnings"].as_array().map(Vec::len),
            Some(usize::from(tier >= Tier::Sealed)),
            "{tier}"
        );

        if tier >= Tier::Sealed {
            refused(&[("--fingerprint", Some(&other))], 4, "not-bound-to-call");
            let (status, report) = files.run_with("base64", &[("--fingerprint", None)]);
            assert_eq!((status, &report["outcome"]), (2, &json!("need")), "{report:#}");
            assert_eq!(report["needs"], json!([{ "step": 4, "kind": "media", "ref": "" }]));
            assert_eq!(results(&report), ["pass", "pass", "pass", "pass", "need"]);
        } else {
            let (status, report) = files.run_with("base64", &[("--fingerprint", Some(&other))]);
            assert_eq!(
                (status, results(&report)[4]),
                (0, "pass"),
                "there is no fingerprint in it: {report:#}"
            );
        }
    }
}

/// Below Sealed a fingerprint that cannot be compared is a warning, one that differs a refusal.
#[test]
fn fingerprint_of_a_signed_envelope_is_compared_where_there_is_sound() {
    let mut scene = Scene::at(Tier::Signed);
    scene.envelope["session"]["media"] = json!({ "rtpFingerprint": fingerprint() });
    let files = Files::of(&mut scene, "signed-sound");
    let (status, report) = files.run_with("cbor", &[]);
    assert_eq!(
        (status, results(&report)[4], report["warnings"].as_array().map(Vec::len)),
        (0, "pass", Some(1))
    );
    let own = fingerprint();
    let (status, report) = files.run_with("cbor", &[("--fingerprint", Some(&own))]);
    assert_eq!((status, &report["warnings"]), (0, &json!([])));
    let other = format!("sha256:{}", "7a".repeat(32));
    assert_eq!(
        files.run_with("cbor", &[("--fingerprint", Some(&other))]).1["firstFailingStep"],
        4
    );
}

/// The kinds of what can be lacking, as the report names them.
#[test]
fn what_is_lacking_is_named_by_step_kind_and_reference() {
    type Take = fn(&mut Value);
    let cases: [(u8, &str, &str, Take); 5] = [
        (1, "entity-statement", scene::AGENT, |trust| {
            drop(
                trust["issuers"][scene::AGENT]
                    .as_object_mut()
                    .expect("an issuer")
                    .remove("federation"),
            );
        }),
        (5, "consent-receipt", "iso27560:rcpt_1", |trust| {
            trust["consentReceipts"] = json!({})
        }),
        (6, "jwks", scene::PROVIDER, |trust| {
            trust["identityProviders"][scene::PROVIDER] = json!({})
        }),
        (12, "resource", scene::MODEL_POLICY, |trust| {
            drop(
                trust["resources"]
                    .as_object_mut()
                    .expect("resources")
                    .remove(scene::MODEL_POLICY),
            );
        }),
        (14, "log", scene::LOG, |trust| trust["logs"] = json!({})),
    ];
    for (step, kind, reference, take) in cases {
        let mut scene = Scene::at(Tier::Regulated);
        take(&mut scene.trust);
        // Written after the envelope is finished, which puts the log's entry back.
        let files = Files::of(&mut scene, "lacking");
        for form in ["json", "cbor", "deflated", "base64"] {
            let (status, report) = files.run_with(form, &[]);
            assert_eq!((status, &report["outcome"]), (2, &json!("need")), "{kind}: {report:#}");
            assert_eq!(
                report["needs"],
                json!([{ "step": step, "kind": kind, "ref": reference }])
            );
            assert!(report.get("rejectReason").is_none() && report.get("firstFailingStep").is_none());
        }
    }
}

/// Bytes that are no envelope, and envelopes that break the schema, in each form.
#[test]
fn broken_input_is_malformed_with_its_offset_or_refused_with_its_path_in_every_form() {
    for tier in TIERS {
        let mut scene = Scene::at(tier);
        scene.tamper = Some(|envelope| envelope["control"]["nonce"] = "XYZ".into());
        let files = Files::of(&mut scene, "schema");
        for form in ["json", "cbor", "deflated", "base64"] {
            let (status, report) = files.run_with(form, &[]);
            assert_eq!(
                (status, &report["rejectReason"], &report["firstFailingStep"]),
                (1, &json!("unknown"), &json!(0)),
                "{tier} {form}"
            );
            assert_eq!(report["error"]["path"], "$.control.nonce", "{tier} {form}");
        }
        let files = Files::of(&mut Scene::at(tier), "cut");
        for form in ["json", "cbor", "deflated", "base64"] {
            let bytes = fs::read(files.path(form)).expect("readable");
            fs::write(files.path(form), &bytes[..bytes.len() / 2 / 4 * 4]).expect("written");
            let (status, report) = files.run_with(form, &[]);
            assert_eq!(
                (status, &report["outcome"]),
                (3, &json!("malformed")),
                "{tier} {form}: {report:#}"
            );
            let error = &report["error"];
            assert!(
                error["offset"].is_u64() && error["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{error}"
            );
            assert!(report.get("rejectReason").is_none());
        }
    }
}
