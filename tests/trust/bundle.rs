//! The trust bundle: what it keeps, how it is looked up, and how each mistake in it is reported.

use std::path::Path;

use ohp::envelope::Tier;
use ohp::trust::bundle::{Bundle, Directory, Resource};
use ohp::trust::federation::Fault;
use ohp::trust::jwt::JwtError;
use ohp::trust::terms::{Level, Oversight, RiskClass};
use serde_json::{Value, json};

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const HASH: &str = "sha256:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

fn public_key() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "alg": "EdDSA", "x": X })
}

/// Every member of the documented form.
fn full() -> Value {
    json!({
        "ohpTrust": 1,
        "gatheredAt": "2026-05-28T13:00:00Z",
        "receiver": {
            "vendor": "test-receiver", "did": "did:web:test.example.org:receiver", "maxTier": "regulated", "minTier": "signed",
            "purposes": ["ai-vendor-handoff"], "jurisdictions": ["GB", "EEA"],
            "processingScope": ["transcript.summary"], "specialCategory": true, "minimumAal": "AAL2",
            "requiredOversight": "human-on-the-loop", "acceptedRiskClasses": ["high", "limited", "minimal"],
            "annexIIIAllowed": ["5(b)"], "ratePerKid": 7, "admit": ["did:web:example.org"], "maxStepUpAge": 3600,
            "requireBoundAssurance": true, "requireKeyBinding": true, "draftCore": true, "robustFingerprint": true,
            "keys": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "own", "use": "sig", "x": X, "d": D }] } },
        "issuers": { "did:web:test.example.org:agent_1": {
            "jwks": { "keys": [public_key()] },
            "federation": { "entity": "did:web:fed.example.org", "maxIal": "IAL3", "maxAal": "AAL2", "maxFal": "FAL1",
                "annexIII": ["5(b)"], "jurisdictions": ["GB"], "chain": ["eyJ", "eyK"] } } },
        "trustAnchors": { "https://anchor.example.org": { "jwks": { "keys": [public_key()] } } },
        "identityProviders": { "did:web:test.example.org:idp": {
            "jwks": { "keys": [public_key()] }, "maxIal": "IAL2", "maxAal": "AAL3" } },
        "consentReceipts": { "iso27560:rcpt_1": {
            "purpose": "ai-vendor-handoff", "scope": ["transcript.summary"], "jurisdiction": "GB",
            "lawfulBasis": "gdpr.art6.1.b", "withdrawn": true } },
        "resources": { "https://example.org/gpai": { "status": 200, "sha256": HASH } },
        "logs": { "rekor.example.org": { "checkpointKeys": ["name+hash+base64"], "entries": { HASH: {
            "index": 7, "treeSize": 12, "proof": ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
            "checkpoint": "rekor.example.org\n12\n" } } } }
    })
}

fn read(bundle: &Value) -> Result<Bundle, String> {
    Bundle::from_json(bundle.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn every_member_of_the_documented_form_is_kept() {
    let bundle = read(&full()).expect("a bundle");
    let own = bundle.receiver();
    assert_eq!(own.vendor.as_deref(), Some("test-receiver"));
    assert_eq!(own.did.as_deref(), Some("did:web:test.example.org:receiver"));
    assert_eq!((own.min_tier, own.max_tier), (Tier::Signed, Tier::Regulated));
    assert!(own.takes_purpose("ai-vendor-handoff") && !own.takes_purpose("human-takeover"));
    assert_eq!(own.jurisdictions, ["GB", "EEA"].map(Into::into).into());
    assert_eq!(own.processing_scope, ["transcript.summary".into()].into());
    assert!(
        own.special_category
            && own.require_bound_assurance
            && own.require_key_binding
            && own.draft_core
            && own.robust_fingerprint
    );
    assert_eq!(own.minimum_aal, Some(Level::Two));
    assert_eq!(own.required_oversight, Some(Oversight::OnTheLoop));
    let classes = [RiskClass::High, RiskClass::Limited, RiskClass::Minimal];
    assert_eq!(own.accepted_risk_classes.as_deref(), Some(&classes[..]));
    assert_eq!(own.annex_iii_allowed, Some(["5(b)".into()].into()));
    assert_eq!((own.rate_per_kid, own.max_step_up_age), (7, Some(3600)));
    assert_eq!(own.keys.get("own").map(|key| key.kid()), Some("own"));

    let issuer = bundle.issuer("did:web:test.example.org:agent_1").expect("listed");
    assert!(issuer.jwks.as_ref().is_some_and(|jwks| jwks.get("ed").is_some()));
    let federation = issuer.federation.as_ref().expect("a statement");
    assert_eq!(federation.entity.as_deref(), Some("did:web:fed.example.org"));
    let caps = federation.caps;
    assert_eq!(
        (caps.ial, caps.aal, caps.fal),
        (Some(Level::Three), Some(Level::Two), Some(Level::One))
    );
    assert_eq!(federation.annex_iii, Some(["5(b)".into()].into()));
    assert_eq!(federation.jurisdictions, Some(["GB".into()].into()));
    // A chain that does not hold is kept as what is wrong with it: the rest of the bundle is of use.
    let fault = federation
        .chain
        .as_ref()
        .map(|chain| chain.as_ref().map_err(|error| error.fault));
    assert_eq!(fault, Some(Err(Fault::Token(JwtError::Form))));

    assert!(
        bundle
            .trust_anchor("https://anchor.example.org")
            .is_some_and(|jwks| jwks.get("ed").is_some())
    );
    let provider = bundle
        .identity_provider("did:web:test.example.org:idp")
        .expect("listed");
    assert_eq!((provider.caps.ial, provider.caps.fal), (Some(Level::Two), None));
    let receipt = bundle.consent_receipt("iso27560:rcpt_1").expect("listed");
    assert_eq!(
        (&*receipt.purpose, &*receipt.lawful_basis),
        ("ai-vendor-handoff", "gdpr.art6.1.b")
    );
    assert_eq!((receipt.jurisdiction.as_deref(), receipt.withdrawn), (Some("GB"), true));

    let hash: [u8; 32] = std::array::from_fn(|at| at as u8 + 1);
    let resource = Resource {
        status: 200,
        sha256: Some(hash),
    };
    assert_eq!(bundle.resource("https://example.org/gpai"), Some(&resource));
    let log = bundle.log("rekor.example.org").expect("listed");
    assert_eq!(log.checkpoint_keys, ["name+hash+base64".into()].into());
    let entry = log.entry(&hash).expect("listed");
    assert_eq!(
        (entry.index, entry.tree_size, &*entry.checkpoint),
        (7, 12, "rekor.example.org\n12\n")
    );
    assert_eq!(entry.proof, [std::array::from_fn(|at| at as u8)].into());
    assert!(log.entry(&[0; 32]).is_none());
}

#[test]
fn a_bundle_may_leave_everything_out_and_is_then_the_core_receiver() {
    let core = format!("{:?}", Bundle::core_receiver());
    for bundle in [
        json!({ "ohpTrust": 1 }),
        json!({ "ohpTrust": 1, "receiver": {}, "issuers": {}, "logs": {} }),
    ] {
        assert_eq!(format!("{:?}", read(&bundle).expect("a bundle")), core);
    }
    let core = Bundle::core_receiver();
    let own = core.receiver();
    assert_eq!(own.max_tier, Tier::Core);
    assert!(own.takes_purpose("anything") && own.is_audience("anyone", Some("did:web:anyone.example")));
    assert!(own.rate_per_kid >= 1 && own.keys.keys().is_empty() && !own.draft_core && !own.robust_fingerprint);
}

#[test]
fn an_issuer_without_keys_is_known_but_its_keys_are_needed() {
    let bundle = read(&json!({ "ohpTrust": 1, "issuers": { "did:web:a": {} } })).expect("a bundle");
    assert!(bundle.issuer("did:web:a").is_some_and(|issuer| issuer.jwks.is_none()));
}

#[test]
fn an_audience_is_ours_by_vendor_and_by_did_where_both_name_one() {
    let bundle = read(&full()).expect("a bundle");
    let own = bundle.receiver();
    let did = "did:web:test.example.org:receiver";
    assert!(own.is_audience("test-receiver", None) && own.is_audience("test-receiver", Some(did)));
    assert!(!own.is_audience("other", Some(did)) && !own.is_audience("test-receiver", Some("did:web:other")));
}

#[test]
fn a_did_is_admitted_under_another_at_a_colon_only() {
    let mut json = full();
    json["receiver"]["admit"] = json!(["did:web:example.org", "did:key:", ""]);
    let bundle = read(&json).expect("a bundle");
    for did in [
        "did:web:example.org",
        "did:web:example.org:agents",
        "did:web:example.org:agents:7",
        "did:key:z6Mk",
        "did:web:test.example.org:agent_1",
    ] {
        assert!(bundle.is_admitted(did), "{did}");
    }
    for did in [
        "did:web:example.org.evil.com",
        "did:web:example.organic",
        "did:web:example.org%3A8443",
        "did:web:example.org/agents",
        "did:web:example.or",
        "did:web:agents.example.org",
        "did:web:EXAMPLE.org",
        "did:web:test.example.org:agent_1:more",
        "did:web:test.example.org",
        "",
        ":",
    ] {
        assert!(!bundle.is_admitted(did), "{did}");
    }
}

/// The bundle with the member at `pointer` replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut bundle = full();
    *bundle.pointer_mut(pointer).expect(pointer) = value;
    bundle
}

#[test]
fn each_mistake_is_reported_with_the_path_of_its_member() {
    let cases: &[(&str, Value, &str)] = &[
        ("", json!([]), "expected an object"),
        ("", json!({}), "ohpTrust: missing"),
        (
            "/ohpTrust",
            json!(2),
            "ohpTrust: expected 1, the version that this library reads",
        ),
        (
            "/ohpTrust",
            json!("1"),
            "ohpTrust: expected 1, the version that this library reads",
        ),
        ("/receiver", json!(null), "receiver: expected an object"),
        ("/receiver/vendor", json!(7), "receiver.vendor: expected a text"),
        ("/receiver/did", json!(null), "receiver.did: expected a text"),
        (
            "/receiver/maxTier",
            json!("Signed"),
            "receiver.maxTier: expected core, signed, sealed or regulated",
        ),
        (
            "/receiver/minTier",
            json!("Signed"),
            "receiver.minTier: expected core, signed, sealed or regulated",
        ),
        (
            "/receiver/maxTier",
            json!("core"),
            "receiver.minTier: expected a tier that is not above maxTier",
        ),
        (
            "/receiver/requireKeyBinding",
            json!("no"),
            "receiver.requireKeyBinding: expected true or false",
        ),
        ("/receiver/purposes", json!("any"), "receiver.purposes: expected a list"),
        (
            "/receiver/purposes/0",
            json!(1),
            "receiver.purposes[0]: expected a text",
        ),
        (
            "/receiver/jurisdictions/1",
            json!({}),
            "receiver.jurisdictions[1]: expected a text",
        ),
        (
            "/receiver/processingScope",
            json!({}),
            "receiver.processingScope: expected a list",
        ),
        (
            "/receiver/specialCategory",
            json!("no"),
            "receiver.specialCategory: expected true or false",
        ),
        (
            "/receiver/minimumAal",
            json!("IAL2"),
            "receiver.minimumAal: expected AAL1, AAL2 or AAL3",
        ),
        (
            "/receiver/requiredOversight",
            json!("human"),
            "receiver.requiredOversight: expected human-in-the-loop, human-on-the-loop or human-in-command",
        ),
        (
            "/receiver/acceptedRiskClasses/2",
            json!("none"),
            "receiver.acceptedRiskClasses[2]: expected prohibited, high, limited or minimal",
        ),
        (
            "/receiver/annexIIIAllowed",
            json!("5(b)"),
            "receiver.annexIIIAllowed: expected a list",
        ),
        (
            "/receiver/ratePerKid",
            json!(0),
            "receiver.ratePerKid: expected a number of envelopes per second, at least 1",
        ),
        (
            "/receiver/ratePerKid",
            json!(4_294_967_296u64),
            "receiver.ratePerKid: expected a number of envelopes per second, at least 1",
        ),
        ("/receiver/admit", json!(true), "receiver.admit: expected a list"),
        (
            "/receiver/maxStepUpAge",
            json!(-1),
            "receiver.maxStepUpAge: expected a number of seconds, below 2^32",
        ),
        (
            "/receiver/requireBoundAssurance",
            json!(1),
            "receiver.requireBoundAssurance: expected true or false",
        ),
        (
            "/receiver/draftCore",
            json!(1),
            "receiver.draftCore: expected true or false",
        ),
        ("/receiver/keys", json!([]), "receiver.keys: expected an object"),
        (
            "/receiver/keys/keys/0/d",
            json!("AA"),
            "receiver.keys.keys[0].d: expected the base64 text of 32 bytes",
        ),
        ("/issuers", json!([]), "issuers: expected an object"),
        (
            "/issuers/did:web:test.example.org:agent_1/jwks/keys/0/x",
            json!("*"),
            r#"issuers["did:web:test.example.org:agent_1"].jwks.keys[0].x: not base64url (RFC 7515: no padding, no line breaks)"#,
        ),
        (
            "/issuers/did:web:test.example.org:agent_1/jwks/keys",
            json!([public_key(), public_key()]),
            r#"issuers["did:web:test.example.org:agent_1"].jwks.keys[1].kid: an earlier key of this set has the same kid"#,
        ),
        (
            "/issuers/did:web:test.example.org:agent_1/federation/maxFal",
            json!("high"),
            r#"issuers["did:web:test.example.org:agent_1"].federation.maxFal: expected FAL1, FAL2 or FAL3"#,
        ),
        (
            "/trustAnchors/https:~1~1anchor.example.org",
            json!({}),
            r#"trustAnchors["https://anchor.example.org"].jwks: missing"#,
        ),
        (
            "/identityProviders/did:web:test.example.org:idp/maxIal",
            json!("FAL4"),
            r#"identityProviders["did:web:test.example.org:idp"].maxIal: expected IAL1, IAL2 or IAL3"#,
        ),
        (
            "/consentReceipts/iso27560:rcpt_1",
            json!({ "purpose": "p", "scope": [] }),
            r#"consentReceipts["iso27560:rcpt_1"].lawfulBasis: missing"#,
        ),
        (
            "/resources/https:~1~1example.org~1gpai/status",
            json!(70_000),
            r#"resources["https://example.org/gpai"].status: expected an HTTP status code"#,
        ),
        (
            "/resources/https:~1~1example.org~1gpai/sha256",
            json!(HASH.to_uppercase()),
            r#"resources["https://example.org/gpai"].sha256: expected sha256: and 64 lower-case hex digits"#,
        ),
        (
            "/logs/rekor.example.org/entries",
            json!({ "sha256:00": {} }),
            r#"logs["rekor.example.org"].entries["sha256:00"]: expected an entry under sha256: and 64 lower-case hex digits"#,
        ),
        (
            "/logs/rekor.example.org/entries/HASH/treeSize",
            json!("12"),
            r#"logs["rekor.example.org"].entries["HASH"].treeSize: expected a tree's size"#,
        ),
        (
            "/logs/rekor.example.org/entries/HASH/proof/0",
            json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            r#"logs["rekor.example.org"].entries["HASH"].proof[0]: not base64 (RFC 4648 §4, with padding)"#,
        ),
        (
            "/logs/rekor.example.org/entries/HASH/proof/0",
            json!("AAEC"),
            r#"logs["rekor.example.org"].entries["HASH"].proof[0]: expected the base64 text of 32 bytes"#,
        ),
    ];
    for (pointer, value, message) in cases {
        let bundle = with(&pointer.replace("HASH", HASH), value.clone());
        assert_eq!(read(&bundle).map(drop), Err(message.replace("HASH", HASH)), "{pointer}");
    }
}

#[test]
fn a_member_given_twice_is_refused_wherever_it_stands() {
    for (json, name) in [
        (r#"{"ohpTrust":1,"ohpTrust":1}"#, "ohpTrust"),
        (
            r#"{"ohpTrust":1,"issuers":{"did:web:a":{},"did:web:\u0061":{}}}"#,
            r#"["did:web:a"]"#,
        ),
        (r#"{"ohpTrust":1,"a\"b\\":1,"a\"b\\":1}"#, r#"["a\"b\\"]"#),
        (r#"{"ohpTrust":1,"unknown":[{"x":1,"x":1}]}"#, "x"),
    ] {
        let error = Bundle::from_json(json.as_bytes()).expect_err(json).to_string();
        assert!(
            error.starts_with(&format!("{name}: a JSON key for the second time")),
            "{error}"
        );
        assert!(error.contains("line 1 column"), "{error}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_line_and_column() {
    for json in [
        &b"{"[..],
        b"",
        b"{} x",
        b"{\"ohpTrust\":1}{}",
        b"\xff",
        b"{\"a\":\"\\ud800\"}",
    ] {
        let error = Bundle::from_json(json).expect_err("not JSON").to_string();
        assert!(error.contains("line 1 column"), "{error}");
    }
    let error = Bundle::from_json(b"{\n \"a\": 01}").expect_err("not JSON").to_string();
    assert!(error.contains("line 2 column 8"), "{error}");
    let deep = "[".repeat(100_000);
    assert!(
        Bundle::from_json(deep.as_bytes())
            .expect_err("too deep")
            .to_string()
            .contains("nested deeper than 32")
    );
    let long = " ".repeat((1 << 24) + 1);
    let error = Bundle::from_json(long.as_bytes()).expect_err("too long").to_string();
    assert_eq!(error, "longer than 16777216 bytes");
}

#[test]
fn a_directory_finds_each_of_many_names_and_no_other() {
    let names: Vec<Box<str>> = (0..1000).map(|at| format!("did:web:{at:04}").into()).collect();
    let entries: Vec<_> = names.iter().cloned().zip(0..).collect();
    let directory = Directory::new(entries.clone().into()).expect("sorted");
    for (at, name) in names.iter().enumerate() {
        assert_eq!(directory.get(name), Some(&at));
    }
    assert_eq!(
        (directory.get("did:web:"), directory.get("zzz"), directory.len()),
        (None, None, 1000)
    );
    let backwards: Vec<_> = entries.iter().rev().cloned().collect();
    assert!(Directory::new(backwards.into()).is_none());
    let twice = [entries[0].clone(), entries[0].clone()];
    assert!(Directory::new(twice.into()).is_none());
}

#[test]
fn debug_of_a_bundle_shows_no_private_key() {
    let shown = format!("{:?}", read(&full()).expect("a bundle"));
    assert!(shown.contains("Ed25519(…)") && !shown.contains(D), "{shown}");
}

/// The names in quotes that follow one of `calls` in the files of a folder of `src/trust`.
fn names_read(folder: &str, calls: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trust").join(folder);
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for call in calls {
            names.extend(
                text.split(call)
                    .skip(1)
                    .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
            );
        }
    }
    names
}

#[test]
fn every_member_that_is_read_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/trust-bundle.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut names = names_read("bundle", &["need(\"", "optional(\"", "directory(root, \""]);
    names.extend(names_read("jwk", &["optional(\""]));
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        let forms = [format!("`{name}`"), format!(".{name}`"), format!("`{name}.")];
        let is_there = forms.iter().any(|form| page.contains(form));
        assert!(is_there, "docs/trust-bundle.md does not say what `{name}` is");
    }
}

/// Proofs are made for a receiver by its name: one without a name would take none, or worse, any.
#[test]
fn key_binding_cannot_be_demanded_without_a_did() {
    let mut bundle = full();
    bundle["receiver"].as_object_mut().expect("an object").remove("did");
    assert_eq!(
        read(&bundle).expect_err("no DID"),
        "receiver.requireKeyBinding: expected a receiver with a did, which proofs are made for"
    );
    bundle["receiver"]["requireKeyBinding"] = json!(false);
    assert!(read(&bundle).is_ok());
}
