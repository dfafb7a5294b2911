//! `ohp sign` and `ohp verify`: outcomes, exit statuses and the members of the JSON report.

mod cli;

use std::path::{Path, PathBuf};

use cli::{folder, ohp, ohp_with};
use ohp::media::g711;
use serde_json::{Value, json};

const DID: &str = "did:web:agents.example.com:asst_cs7";
const CALL: &str = "a84b4c76e66710";

/// The five-field envelope of the protocol's README, which Core receivers take only if told to.
const README: &str = r#"{
  "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
  "issuedAt": "2026-05-28T13:42:11Z", "notAfter":  "2026-05-28T13:47:11Z",
  "issuer":   { "vendor": "vendor-a", "agentId": "asst_b3", "region": "uk-west" },
  "audience": { "vendor": "vendor-b", "purpose": "ai-vendor-handoff", "minTier": "core" },
  "session":  { "callId": "callid_2026K9", "channel": "voice/pstn", "locale": "en-GB" },
  "intent":   { "current": { "name": "dispute_charge", "confidence": 0.91 }, "stack": [] },
  "control":  { "verb": "PROPOSE", "reason": "human-requested", "nonce": "9f3b1a" }
}"#;

/// A core envelope, whole.
fn core() -> Value {
    let mut envelope: Value = serde_json::from_str(README).unwrap();
    envelope["intent"]["slots"] = json!({ "topic": "card" });
    envelope["transcript"] = json!({ "summary": "Caller disputes a charge." });
    envelope["control"]["nonce"] = "9f3b1a2c4d5e6f70".into();
    envelope["session"]["callId"] = CALL.into();
    envelope
}

/// What the signed tier asks for beyond that.
fn template() -> Value {
    let mut envelope = core();
    envelope["conformance"] = "signed".into();
    envelope["issuer"]["did"] = DID.into();
    envelope["audience"]["did"] = "did:web:cc.example.com".into();
    envelope["audience"]["minTier"] = "signed".into();
    envelope["transcript"]["redaction"] = json!({ "policy": "pii-mask", "version": "1.1" });
    envelope["policy"] = json!({
        "retention": { "transcript": "P30D", "audio": "P0D", "embeddings": "P7D" },
        "redaction": { "pii": "mask", "pci": "drop", "phi": "drop" },
        "guardrails": ["no-cross-sell"],
        "dataResidency": ["GB"],
    });
    envelope
}

/// A key, a trust bundle that believes it, and a folder for both.
struct Party {
    folder: PathBuf,
}

impl Party {
    fn new(name: &str) -> Self {
        let party = Self { folder: folder(name) };
        let key = party.path("key.json");
        let made = ohp(&["keygen", "--out", &key]);
        assert_eq!(made.status, 0, "{}", made.stderr);
        party.write_bundle(json!({ (DID): { "jwks": made.json() } }), json!([]));
        party
    }

    fn write_bundle(&self, issuers: Value, admit: Value) {
        let bundle = json!({
            "ohpTrust": 1,
            "receiver": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "maxTier": "signed", "admit": admit },
            "issuers": issuers,
        });
        std::fs::write(self.path("bundle.json"), bundle.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// A signed envelope, fresh, as JSON.
    fn sign(&self, envelope: &Value) -> Value {
        let key = self.path("key.json");
        let run = ohp_with(
            &["sign", "--key", &key, "--fresh", "-"],
            envelope.to_string().as_bytes(),
        );
        assert_eq!(run.status, 0, "{}", run.stderr);
        run.json()
    }

    fn verify(&self, envelope: &Value, more: &[&str]) -> (i32, Value) {
        let bundle = self.path("bundle.json");
        let mut args = vec!["verify", "--json", "--trust", &bundle, "-"];
        args.extend(more);
        let run = ohp_with(&args, envelope.to_string().as_bytes());
        assert!(matches!(run.status, 0..=3), "{}", run.stderr);
        (run.status, run.json())
    }
}

/// The result of one step in a report.
fn result(report: &Value, step: usize) -> &str {
    let steps = report["steps"].as_array().unwrap();
    steps
        .iter()
        .find(|shown| shown["step"] == step)
        .map_or("", |shown| shown["result"].as_str().unwrap())
}

fn core_verify(envelope: &str, more: &[&str]) -> (i32, Value) {
    let mut args = vec!["verify", "--json", "--now", "2026-05-28T13:43:00Z", "-"];
    args.extend(more);
    let run = ohp_with(&args, envelope.as_bytes());
    (run.status, run.json())
}

#[test]
fn signed_envelope_is_accepted_and_every_step_is_timed() {
    let party = Party::new("verify-accept");
    let (status, report) = party.verify(&party.sign(&template()), &["--call-id", CALL]);
    assert_eq!((status, report["outcome"].as_str()), (0, Some("accept")), "{report}");
    assert_eq!(
        (report["tier"].as_str(), report["verb"].as_str()),
        (Some("signed"), Some("PROPOSE"))
    );
    assert!(report["id"].as_str().unwrap().starts_with("cse_"));
    assert_eq!(report["steps"].as_array().unwrap().len(), 15);
    for step in 0..5 {
        assert_eq!(result(&report, step), "pass", "step {step}");
    }
    assert_eq!(report["steps"][2]["name"], "signatures");
    assert!(report["steps"][2]["micros"].as_f64().unwrap() > 0.0);
    for member in ["needs", "openedSealedFields", "verifiedFields", "warnings"] {
        assert_eq!(report[member], json!([]), "{member}");
    }
    assert!(report.get("rejectReason").is_none());
}

#[test]
fn changed_envelope_fails_step_2_and_unknown_key_too() {
    let party = Party::new("verify-tampered");
    let mut envelope = party.sign(&template());
    envelope["intent"]["slots"]["topic"] = "cash".into();
    let (status, report) = party.verify(&envelope, &[]);
    assert_eq!((status, report["outcome"].as_str()), (1, Some("reject")));
    assert_eq!(
        (report["rejectReason"].as_str(), report["firstFailingStep"].as_u64()),
        (Some("signature-invalid"), Some(2))
    );
    assert!(!report["stepDescription"].as_str().unwrap().is_empty());

    let other = Party::new("verify-other-key");
    let (status, report) = party.verify(&other.sign(&template()), &[]);
    assert_eq!(
        (status, report["rejectReason"].as_str()),
        (1, Some("signature-invalid"))
    );
}

#[test]
fn issuer_whose_keys_are_not_here_is_a_need_if_admitted_and_unknown_if_not() {
    let party = Party::new("verify-need");
    let envelope = party.sign(&template());
    party.write_bundle(json!({}), json!(["did:web:agents.example.com"]));
    let (status, report) = party.verify(&envelope, &[]);
    assert_eq!((status, report["outcome"].as_str()), (2, Some("need")), "{report}");
    assert_eq!(report["needs"], json!([{ "step": 1, "kind": "jwks", "ref": DID }]));
    party.write_bundle(json!({}), json!([]));
    let (status, report) = party.verify(&envelope, &[]);
    assert_eq!(
        (
            status,
            report["rejectReason"].as_str(),
            report["firstFailingStep"].as_u64()
        ),
        (1, Some("unknown"), Some(1))
    );
}

#[test]
fn call_and_sound_are_compared_when_they_are_given() {
    let party = Party::new("verify-sound");
    let caller = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/caller.wav");
    let shown = ohp(&["fingerprint", "--json", caller]).json();
    let fingerprint = shown["streams"][0]["fingerprint"].as_str().unwrap();
    let mut envelope = template();
    envelope["session"]["media"] = json!({ "rtpFingerprint": fingerprint });
    let envelope = party.sign(&envelope);

    let (status, report) = party.verify(&envelope, &[]);
    assert_eq!((status, result(&report, 4)), (0, "skip"));
    let (status, report) = party.verify(&envelope, &["--call-id", CALL, "--rtp", caller]);
    assert_eq!((status, result(&report, 4)), (0, "pass"), "{report}");
    let (status, _) = party.verify(&envelope, &["--call-id", CALL, "--fingerprint", fingerprint]);
    assert_eq!(status, 0);
    let (status, report) = party.verify(&envelope, &["--call-id", CALL]);
    assert_eq!(
        (status, report["warnings"].as_array().unwrap().len()),
        (0, 1),
        "{report}"
    );

    let other = format!("sha256:{}", "0".repeat(64));
    for refused in [
        &["--call-id", "another"][..],
        &["--call-id", CALL, "--fingerprint", &other],
    ] {
        let (status, report) = party.verify(&envelope, refused);
        assert_eq!(
            (status, report["rejectReason"].as_str()),
            (1, Some("not-bound-to-call")),
            "{refused:?}"
        );
        assert_eq!(report["firstFailingStep"], 4);
    }
}

/// Interpretations, row 38: the same call behind a transcoder.
#[test]
fn similar_sound_is_reported_with_its_bit_error_rate_where_the_bundle_lets_it_count() {
    const CALLER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/caller.wav");
    let party = Party::new("verify-similar");
    // µ-law (format 7) becomes A-law (format 6).
    let mut wav = std::fs::read(CALLER).unwrap();
    let sound = wav.windows(4).position(|name| name == b"data").unwrap() + 8;
    assert_eq!(wav[20], 7);
    wav[20] = 6;
    for octet in &mut wav[sound..] {
        *octet = g711::compress_a(g711::MU_LAW[usize::from(*octet)]);
    }
    let transcoded = party.path("transcoded.wav");
    std::fs::write(&transcoded, wav).unwrap();

    let shown =
        |kind| ohp(&["fingerprint", "--json", "--kind", kind, CALLER]).json()["streams"][0]["fingerprint"].clone();
    let mut envelope = template();
    envelope["session"]["media"] = json!({ "rtpFingerprint": shown("exact"), "x-ohp-robust": shown("robust") });
    let envelope = party.sign(&envelope);
    let judged = |sound: &str| party.verify(&envelope, &["--call-id", CALL, "--rtp", sound]);

    let (status, report) = judged(CALLER);
    assert_eq!((status, &report["continuity"]), (0, &json!({ "outcome": "exact" })));
    let (status, report) = judged(&transcoded);
    assert_eq!((status, &report["continuity"]), (1, &json!({ "outcome": "mismatch" })));

    let bundle = party.path("bundle.json");
    let mut trust: Value = serde_json::from_slice(&std::fs::read(&bundle).unwrap()).unwrap();
    trust["receiver"]["robustFingerprint"] = true.into();
    std::fs::write(&bundle, trust.to_string()).unwrap();
    let (status, report) = judged(&transcoded);
    assert_eq!(
        (status, &report["continuity"]["outcome"]),
        (0, &json!("robust")),
        "{report}"
    );
    let rate = report["continuity"]["bitErrorRate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 0.15, "{rate}");
    assert!(
        report["warnings"][0].as_str().unwrap().contains("bit error rate"),
        "{report}"
    );

    let inspected = ohp_with(&["inspect", "-"], envelope.to_string().as_bytes());
    assert!(inspected.text().contains("hk1:"), "{}", inspected.text());
}

#[test]
fn what_was_not_judged_is_said() {
    let notes = |arguments: &[&str], envelope: &Value| {
        let run = ohp_with(
            &[&["verify"][..], arguments, &["-"]].concat(),
            envelope.to_string().as_bytes(),
        );
        let lines = run.text().lines().filter(|line| line.starts_with("note  "));
        (run.status, lines.collect::<Vec<_>>().join("\n"))
    };
    let (status, said) = notes(&["--now", "2026-05-28T13:43:00Z"], &core());
    assert!(status == 0 && said.contains("--trust BUNDLE.json"), "{said}");
    assert!(said.contains("no session.media.rtpFingerprint"), "{said}");

    let party = Party::new("verify-notes");
    let bundle = party.path("bundle.json");
    let envelope = party.sign(&template());
    let (status, said) = notes(&["--trust", &bundle], &envelope);
    assert!(status == 0 && !said.contains("--trust"), "{said}");
    assert!(!said.contains("was skipped"), "this bundle has no policy: {said}");
    let mut with_policy: Value = serde_json::from_slice(&std::fs::read(&bundle).unwrap()).unwrap();
    with_policy["receiver"]["jurisdictions"] = json!(["GB"]);
    with_policy["receiver"]["processingScope"] = json!(["transcript.summary"]);
    with_policy["receiver"]["minimumAal"] = "AAL2".into();
    with_policy["receiver"]["requiredOversight"] = "human-on-the-loop".into();
    std::fs::write(&bundle, with_policy.to_string()).unwrap();
    let (status, said) = notes(&["--trust", &bundle], &envelope);
    assert_eq!(status, 0, "{said}");
    for wanted in [
        "step 5 was skipped, because the envelope has no caller.consent: jurisdictions, processingScope of your bundle were",
        "minimumAal of your bundle was not applied",
        "requiredOversight",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }

    let mut with_sound = template();
    with_sound["session"]["media"] = json!({ "rtpFingerprint": format!("sha256:{}", "0".repeat(64)) });
    let (_, said) = notes(&["--trust", &bundle], &party.sign(&with_sound));
    assert!(said.contains("give --rtp CAPTURE"), "{said}");
}

#[test]
fn core_envelope_needs_no_bundle_and_ends_when_it_says() {
    let (status, report) = core_verify(&core().to_string(), &[]);
    assert_eq!((status, report["outcome"].as_str()), (0, Some("accept")), "{report}");
    let late = ohp_with(
        &["verify", "--json", "--now", "2026-05-28T13:47:16.001Z", "-"],
        core().to_string().as_bytes(),
    );
    assert_eq!((late.status, late.json()["rejectReason"].as_str()), (1, Some("stale")));
    assert_eq!(late.json()["firstFailingStep"], 3);
    let signed = core_verify(
        &template()
            .to_string()
            .replace("\"slots\"", "\"signatures\":[],\"slots\""),
        &[],
    );
    assert_eq!(signed.0, 1);
}

#[test]
fn readme_envelope_is_taken_under_draft_core_only() {
    let (status, report) = core_verify(README, &[]);
    assert_eq!(
        (
            status,
            report["rejectReason"].as_str(),
            report["firstFailingStep"].as_u64()
        ),
        (1, Some("unknown"), Some(0))
    );
    assert!(report["error"]["path"].as_str().unwrap().starts_with("$."), "{report}");
    let (status, report) = core_verify(README, &["--draft-core"]);
    assert_eq!(status, 0, "{report}");
}

#[test]
fn header_that_says_otherwise_is_refused() {
    let core = core().to_string();
    assert_eq!(
        core_verify(
            &core,
            &["--sip-header", "OHP-Verb: PROPOSE", "--sip-header", "OHP-Tier: core"]
        )
        .0,
        0
    );
    for header in ["OHP-Verb: ACCEPT", "OHP-Tier: signed", "ohp-version: 0.2"] {
        let (status, report) = core_verify(&core, &["--sip-header", header]);
        assert_eq!(
            (status, report["rejectReason"].as_str()),
            (1, Some("unknown")),
            "{header}"
        );
        assert_eq!(report["firstFailingStep"], 0);
    }
}

#[test]
fn broken_schema_is_a_reject_with_its_path_and_no_envelope_is_malformed_with_its_offset() {
    let (status, report) = core_verify(&core().to_string().replace("9f3b1a2c4d5e6f70", "XYZ"), &[]);
    assert_eq!((status, report["firstFailingStep"].as_u64()), (1, Some(0)));
    assert_eq!(report["error"]["path"], "$.control.nonce");
    let (status, report) = core_verify("[1, 2]", &[]);
    assert_eq!(
        (status, report["outcome"].as_str(), report["error"]["path"].as_str()),
        (1, Some("reject"), Some("$"))
    );

    let large = core()
        .to_string()
        .replace("Caller disputes a charge.", &"long ".repeat(8000));
    let (status, report) = core_verify(&large, &[]);
    assert_eq!((status, report["firstFailingStep"].as_u64()), (1, Some(0)));

    let (status, report) = core_verify("{\"ohp\": \"0.1\",}", &[]);
    assert_eq!((status, report["outcome"].as_str()), (3, Some("malformed")));
    assert_eq!(report["error"]["offset"], 14);
    let (status, report) = core_verify("hello", &[]);
    assert_eq!((status, report["outcome"].as_str()), (3, Some("malformed")));
    let mut cbor = ohp_with(&["convert", "-"], core().to_string().as_bytes()).stdout;
    cbor.push(0);
    let trailing = ohp_with(&["verify", "--json", "-"], &cbor);
    assert_eq!(
        (trailing.status, trailing.json()["error"]["offset"].as_u64()),
        (3, Some(cbor.len() as u64 - 1))
    );
}

#[test]
fn every_form_of_an_envelope_gets_the_same_verdict() {
    let party = Party::new("verify-forms");
    let (key, bundle) = (party.path("key.json"), party.path("bundle.json"));
    for form in ["json", "cbor", "base64"] {
        let signed = ohp_with(
            &["sign", "--key", &key, "--fresh", "--to", form, "-"],
            template().to_string().as_bytes(),
        );
        assert_eq!(signed.status, 0, "{}", signed.stderr);
        let path = Path::new(&party.path(form)).to_owned();
        std::fs::write(&path, &signed.stdout).unwrap();
        let run = ohp(&["verify", "--trust", &bundle, path.to_str().unwrap()]);
        assert_eq!(run.status, 0, "{form}: {}{}", run.text(), run.stderr);
        assert!(run.text().starts_with("accept"), "{}", run.text());
    }
}

#[test]
fn envelope_that_breaks_its_tier_is_not_signed() {
    let party = Party::new("sign-refused");
    let key = party.path("key.json");
    let mut card = template();
    card["transcript"]["summary"] = "Card 4111 1111 1111 1111 was charged.".into();
    for (envelope, why) in [(core(), "core"), (card, "$.transcript.summary")] {
        let run = ohp_with(
            &["sign", "--key", &key, "--fresh", "-"],
            envelope.to_string().as_bytes(),
        );
        assert_eq!(run.status, 3);
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert!(run.stdout.is_empty());
    }
    assert_eq!(ohp(&["sign", "--key", "/no/such/key", "/no/such/file"]).status, 3);
}
