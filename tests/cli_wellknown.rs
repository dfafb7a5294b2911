//! `ohp wellknown`: three documents, valid by the protocol's schemas, without private halves; and a key's life from one
//! publication to the next.

mod cli;
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use cli::{Run, folder, ohp};
use ohp::cbor::{Item, json};
use ohp::time::Timestamp;
use ohp::trust::block_proof;
use ohp::trust::jwk::{Jwk, JwkSet, KeyRefusal};
use ohp::trust::jws::SCRATCH_LEN;
use serde_json::{Value, json};

/// A party with a bundle, keys of all three types, and a folder that it publishes.
struct Party {
    folder: PathBuf,
}

impl Party {
    fn new(name: &str) -> Self {
        let party = Self { folder: folder(name) };
        let mut keys = Vec::new();
        for (kind, kid) in [("ed25519", "sign-1"), ("ml-dsa-65", "sign-pq-1"), ("x25519", "open-1")] {
            let private = party.key(kind, kid, &[]);
            let private: Value = serde_json::from_slice(&fs::read(private).expect("a key")).expect("JSON");
            keys.extend(private["keys"].as_array().expect("keys").clone());
        }
        let bundle = json!({
            "ohpTrust": 1,
            "receiver": {
                "vendor": "contact-centre", "did": "did:web:centre.example.net", "maxTier": "regulated",
                "purposes": ["human-takeover"], "jurisdictions": ["GB", "EEA"], "annexIIIAllowed": ["5(b)"],
                "ratePerKid": 20, "keys": { "keys": keys }
            }
        });
        fs::write(party.folder.join("bundle.json"), bundle.to_string()).expect("written");
        party
    }

    fn key(&self, kind: &str, kid: &str, more: &[&str]) -> PathBuf {
        let path = self.folder.join(format!("{kid}.private.json"));
        let mut args = vec![
            "keygen",
            "--type",
            kind,
            "--kid",
            kid,
            "--out",
            path.to_str().expect("text"),
        ];
        args.extend(more);
        let made = ohp(&args);
        assert_eq!(made.status, 0, "{}", made.stderr);
        path
    }

    fn run(&self, more: &[&str]) -> Run {
        let bundle = self.folder.join("bundle.json");
        let published = self.folder.join("well-known");
        let mut args = vec!["wellknown", "--trust", bundle.to_str().expect("text")];
        args.extend(more);
        args.push(published.to_str().expect("text"));
        ohp(&args)
    }

    fn publish(&self, more: &[&str]) {
        let run = self.run(more);
        assert_eq!(run.status, 0, "{}", run.stderr);
    }

    fn document(&self, name: &str) -> Value {
        let text = fs::read(self.folder.join("well-known").join(name)).expect(name);
        serde_json::from_slice(&text).expect("JSON")
    }

    fn set(&self) -> JwkSet {
        JwkSet::from_json(self.document("ohp-jwks.json").to_string().as_bytes()).expect("a set")
    }

    fn kids(&self) -> Vec<String> {
        self.set()
            .keys()
            .iter()
            .filter_map(|key| key.kid.as_deref().map(str::to_owned))
            .collect()
    }

    /// Whether something that the key has signed at `issued_at` is believed by who fetches the set.
    fn believed(&self, kid: &str, issued_at: Timestamp) -> Result<(), KeyRefusal> {
        self.set().ed25519(Some(kid), issued_at).map(drop)
    }

    fn take_from_bundle(&self, kid: &str) {
        let path = self.folder.join("bundle.json");
        let mut bundle: Value = serde_json::from_slice(&fs::read(&path).expect("a bundle")).expect("JSON");
        let keys = bundle["receiver"]["keys"]["keys"].as_array_mut().expect("keys");
        keys.retain(|key| key["kid"] != kid);
        fs::write(&path, bundle.to_string()).expect("written");
    }

    /// Moves a published key's end, as if time had passed.
    fn age(&self, kid: &str, valid_until: &str) {
        let mut set = self.document("ohp-jwks.json");
        let keys = set["keys"].as_array_mut().expect("keys");
        let key = keys.iter_mut().find(|key| key["kid"] == kid).expect(kid);
        key["validUntil"] = valid_until.into();
        fs::write(self.folder.join("well-known/ohp-jwks.json"), set.to_string()).expect("written");
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp::from_millis(since.as_millis() as i64)
}

fn systems(at: &Path) -> PathBuf {
    let path = at.join("systems.json");
    let systems = json!([{
        "id": "urn:voice-desk:desk:1", "version": "2026.05.27", "modelCardSha256": format!("sha256:{}", "c5".repeat(32)),
        "riskClass": "high", "annexIIIClause": "5(b)",
        "ceConformity": { "assessmentRoute": "self", "notifiedBodyId": null, "declarationUrl": "https://docs.example.com/d.pdf" }
    }]);
    fs::write(&path, systems.to_string()).expect("written");
    path
}

#[test]
fn documents_are_valid_by_the_protocols_schemas() {
    if !common::shared_is_here() {
        return;
    }
    let party = Party::new("wellknown-valid");
    let systems = systems(&party.folder);
    party.publish(&[
        "--ai-systems",
        systems.to_str().expect("text"),
        "--gpai-policy",
        "https://example.com/gpai",
        "--contact",
        "ops@example.com",
        "--binding",
        "ohp/sip-info",
        "--binding",
        "ohp/https",
        "--endpoint",
        "ohp/https=https://ohp.example.com/ohp/v1",
    ]);
    for name in ["ohp-capabilities", "ohp-jwks", "ohp-ai-systems"] {
        let schema = common::shared_text(&format!("ohp/schemas/well-known/{name}.schema.json"));
        let schema: Value = serde_json::from_str(&schema).expect("a schema");
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("a schema");
        let document = party.document(&format!("{name}.json"));
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{document:#}");
    }
    let capabilities = party.document("ohp-capabilities.json");
    assert_eq!(
        (
            &capabilities["maxTier"],
            &capabilities["bindings"],
            &capabilities["rateLimits"]["envelopesPerSecond"]
        ),
        (&json!("regulated"), &json!(["ohp/sip-info", "ohp/https"]), &json!(20))
    );
}

#[test]
fn no_private_half_reaches_a_document_or_the_terminal() {
    let party = Party::new("wellknown-private");
    let systems = systems(&party.folder);
    let run = party.run(&["--json", "--ai-systems", systems.to_str().expect("text")]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.json().as_object().map(|documents| documents.len()), Some(3));
    let mut shown = run.text().to_owned() + &run.stderr;
    for name in ["ohp-capabilities.json", "ohp-jwks.json", "ohp-ai-systems.json"] {
        shown += &party.document(name).to_string();
    }
    let bundle: Value =
        serde_json::from_slice(&fs::read(party.folder.join("bundle.json")).expect("a bundle")).expect("JSON");
    let keys = bundle["receiver"]["keys"]["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 3);
    for key in keys {
        let secret = key
            .get("d")
            .or(key.get("priv"))
            .and_then(Value::as_str)
            .expect("a secret");
        assert!(!shown.contains(secret), "{}", key["kid"]);
    }
    assert!(!shown.contains("\"d\"") && !shown.contains("\"priv\""));
    assert_eq!(party.kids(), ["sign-1", "sign-pq-1", "open-1"]);
}

#[test]
fn registry_of_systems_is_signed_by_a_published_key() {
    let party = Party::new("wellknown-systems");
    let systems = systems(&party.folder);
    party.publish(&["--ai-systems", systems.to_str().expect("text")]);
    let registry = party.document("ohp-ai-systems.json").to_string();
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(registry.len())],
        vec![0; json::max_cbor_len(registry.len())],
    );
    let cbor = json::to_cbor(registry.as_bytes(), json::Plain, &mut scratch, &mut out).expect("convertible");
    let block = Item::parse(cbor).expect("canonical");
    let jws = block
        .map()
        .and_then(|map| map.get("signature")?.as_text())
        .expect("a signature");
    block_proof::verify(block, "signature", jws, &party.set(), now(), &mut [0; SCRATCH_LEN]).expect("it holds");

    fs::write(
        &systems,
        r#"[{"id":"urn:x:1","version":"1","modelCardSha256":"sha256:00"}]"#,
    )
    .expect("written");
    let refused = party.run(&["--ai-systems", systems.to_str().expect("text")]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("$[0].modelCardSha256"), "{}", refused.stderr);
}

/// A key's whole life: the next one is published beside it, it ends, is kept while its envelopes may be on their way, and goes.
#[test]
fn keys_overlap_end_and_leave_the_set_when_nothing_of_theirs_is_on_its_way() {
    let party = Party::new("wellknown-rotation");
    party.publish(&[]);
    let next = party.key("ed25519", "sign-2", &[]);
    let next = next.to_str().expect("text");
    party.publish(&["--keys", next]);
    assert_eq!(party.kids(), ["sign-1", "sign-pq-1", "open-1", "sign-2"]);
    for kid in ["sign-1", "sign-2"] {
        assert_eq!(party.believed(kid, now()), Ok(()), "{kid}");
    }

    let before = now();
    party.publish(&["--keys", next, "--retire", "sign-1"]);
    assert_eq!(party.believed("sign-1", before), Ok(()), "what is on its way holds");
    assert_eq!(party.believed("sign-1", now().plus(1000)), Err(KeyRefusal::Expired));
    assert_eq!(party.believed("sign-2", now().plus(1000)), Ok(()));
    // The next publication does not forget it, though the key's own file knows nothing of its end.
    party.publish(&["--keys", next]);
    assert_eq!(party.believed("sign-1", now().plus(1000)), Err(KeyRefusal::Expired));

    let hour_ago = now().plus(-3_600_000);
    party.age("sign-1", hour_ago.to_text().as_str());
    party.publish(&["--keys", next]);
    assert!(party.kids().contains(&"sign-1".to_owned()));
    party.age("sign-1", now().plus(-2 * 3_600_000 - 1000).to_text().as_str());
    party.publish(&["--keys", next]);
    assert_eq!(
        party.believed("sign-1", now()),
        Err(KeyRefusal::Expired),
        "our bundle still has it"
    );
    party.take_from_bundle("sign-1");
    party.publish(&["--keys", next]);
    assert!(!party.kids().contains(&"sign-1".to_owned()));
    assert_eq!(party.believed("sign-1", before), Err(KeyRefusal::Unknown));
}

#[test]
fn revoked_key_is_refused_for_what_is_issued_later_and_stays_so() {
    let party = Party::new("wellknown-revoked");
    party.publish(&[]);
    let before = now();
    let moment = before.plus(-60_000);
    party.publish(&["--revoke", &format!("sign-1={}", moment.to_text().as_str())]);
    assert_eq!(party.believed("sign-1", before), Err(KeyRefusal::Revoked));
    assert_eq!(
        party.believed("sign-1", moment.plus(-1000)).err(),
        Some(KeyRefusal::NotYetValid)
    );
    party.publish(&[]);
    assert_eq!(party.believed("sign-1", before), Err(KeyRefusal::Revoked));
    let key = party.document("ohp-jwks.json")["keys"][0].clone();
    let key = Jwk::from_json(key.to_string().as_bytes()).expect("a key");
    assert!(key.revoked && key.valid_until == Some(moment));
}

/// As long as our own files know nothing of a key's end, only what is published does: forgetting it there would let the key
/// back in with the next publication.
#[test]
fn key_that_ended_long_ago_does_not_come_back_while_our_files_still_hold_it() {
    let long_ago = now().plus(-3 * 3_600_000);
    for (option, why) in [("--revoke", KeyRefusal::Revoked), ("--retire", KeyRefusal::Expired)] {
        let party = Party::new(&format!("wellknown-resurrected{option}"));
        party.publish(&[]);
        party.publish(&[option, &format!("sign-1={}", long_ago.to_text().as_str())]);
        for _ in 0..2 {
            party.publish(&[]);
            assert_eq!(party.believed("sign-1", now()), Err(why), "{option}");
        }
    }
}

/// Whoever can write into the folder must not make us write elsewhere.
#[cfg(unix)]
#[test]
fn link_in_the_folder_is_not_followed() {
    let party = Party::new("wellknown-link");
    let (victim, published) = (party.folder.join("victim"), party.folder.join("well-known"));
    fs::write(&victim, "mine").expect("written");
    fs::create_dir_all(&published).expect("a folder");
    std::os::unix::fs::symlink(&victim, published.join("ohp-jwks.json.part")).expect("a link");
    party.publish(&[]);
    assert_eq!(fs::read_to_string(&victim).expect("readable"), "mine");
    assert!(
        fs::symlink_metadata(published.join("ohp-jwks.json"))
            .expect("there")
            .is_file()
    );
}

/// Private keys where the published ones belong are neither lost nor passed over in silence.
#[test]
fn private_keys_in_the_folder_are_not_written_over() {
    let party = Party::new("wellknown-overwritten");
    let private = fs::read(party.key("ed25519", "sign-2", &[])).expect("a key");
    let place = party.folder.join("well-known/ohp-jwks.json");
    fs::create_dir_all(party.folder.join("well-known")).expect("a folder");
    fs::write(&place, &private).expect("written");
    let refused = party.run(&["--keys", place.to_str().expect("text")]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("private keys"), "{}", refused.stderr);
    assert_eq!(fs::read(&place).expect("still there"), private);
}

#[test]
fn key_that_is_published_ahead_outlasts_a_publication_that_does_not_name_it() {
    let party = Party::new("wellknown-ahead");
    let begin = now().plus(30 * 24 * 3_600_000);
    let next = party.key("ed25519", "sign-2", &["--valid-from", begin.to_text().as_str()]);
    party.publish(&["--keys", next.to_str().expect("text")]);
    party.publish(&[]);
    party.publish(&["--retire", "sign-1"]);
    assert_eq!(party.believed("sign-1", now().plus(1000)), Err(KeyRefusal::Expired));
    assert_eq!(party.believed("sign-2", begin.plus(1000)), Ok(()));
}

/// A key that is no longer ours ends with the publication that no longer has it.
#[test]
fn key_whose_private_half_is_gone_ends_and_another_may_not_take_its_name() {
    let party = Party::new("wellknown-gone");
    let next = party.key("ed25519", "sign-2", &[]);
    party.publish(&["--keys", next.to_str().expect("text")]);
    let before = now();
    std::thread::sleep(std::time::Duration::from_millis(2));
    party.publish(&[]);
    assert_eq!(party.believed("sign-2", before), Ok(()));
    assert_eq!(party.believed("sign-2", now().plus(1000)), Err(KeyRefusal::Expired));

    fs::remove_file(&next).expect("removed");
    let other = party.key("ed25519", "sign-2", &[]);
    let refused = party.run(&["--keys", other.to_str().expect("text")]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("sign-2"), "{}", refused.stderr);
}

#[test]
fn what_is_missing_or_wrong_leaves_the_folder_as_it_is() {
    let party = Party::new("wellknown-wrong");
    party.publish(&[]);
    let before = party.document("ohp-jwks.json");
    for (more, why) in [
        (&["--retire", "nobody"][..], "sign-pq-1"),
        (&["--endpoint", "ohp/sip-info=https://x.example"], "ohp/https"),
        (&["--contact", "nobody"], "mail"),
        (&["--binding", "ohp/fax"], "ohp/sip-info"),
    ] {
        let run = party.run(more);
        assert_eq!(run.status, 3, "{more:?}");
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
    assert_eq!(party.document("ohp-jwks.json"), before);
    fs::write(party.folder.join("bundle.json"), r#"{"ohpTrust":1}"#).expect("written");
    fs::remove_file(party.folder.join("well-known/ohp-jwks.json")).expect("removed");
    let run = party.run(&[]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("keygen"), "{}", run.stderr);
    let help = ohp(&["wellknown", "--help"]);
    assert!(help.status == 0 && help.text().contains("Examples"));
}
