//! `ohp sign`: the template that the examples ship, from key to verdict, as README and the operator's page say it.

use std::path::Path;
use std::process::{Command, Output};

fn ohp(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohp"))
        .current_dir(folder)
        .args(args)
        .output()
        .expect("ohp runs")
}

#[test]
fn shipped_template_is_signed_fresh_and_accepted_by_its_audience() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_sign");
    std::fs::create_dir_all(&folder).expect("a folder");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envelopes/signed.json");
    let template = template.to_str().expect("UTF-8");

    let made = ohp(
        &folder,
        &["keygen", "--kid", "k1", "--force", "--out", "k.private.json"],
    );
    assert!(made.status.success());
    let jwks: serde_json::Value = serde_json::from_slice(&made.stdout).expect("a JWK Set");
    let bundle = serde_json::json!({
        "ohpTrust": 1,
        "receiver": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "maxTier": "signed" },
        "issuers": { "did:web:agents.example.com:asst-1": { "jwks": jwks } }
    });
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).expect("written");

    let bare = ohp(&folder, &["sign", "--key", "k.private.json", template]);
    assert_eq!(bare.status.code(), Some(3), "without --fresh it lacks its id");

    for form in ["json", "cbor", "base64"] {
        let signed = ohp(
            &folder,
            &["sign", "--key", "k.private.json", "--fresh", "--to", form, template],
        );
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        std::fs::write(folder.join("signed"), signed.stdout).expect("written");
        let judged = ohp(&folder, &["verify", "--json", "--trust", "bundle.json", "signed"]);
        let report: serde_json::Value = serde_json::from_slice(&judged.stdout).expect("a report");
        assert_eq!(
            (judged.status.code(), &report["outcome"]),
            (Some(0), &serde_json::json!("accept")),
            "{form}: {report}"
        );
    }
}

/// The folder of a test, and the lines of the operator's page that go from templates to sealed and signed envelopes.
fn run_the_pages_lines(name: &str) -> (std::path::PathBuf, Output) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("examples/envelopes")).expect("a folder");
    for template in ["sealed.json", "regulated.json"] {
        let path = Path::new("examples/envelopes").join(template);
        std::fs::copy(root.join(&path), folder.join(path)).expect("the template is shipped");
    }
    let page = std::fs::read_to_string(root.join("docs/operator.md")).expect("the page");
    let (_, section) = page.split_once("## Sealed and Regulated by hand").expect("the section");
    let (_, block) = section.split_once("```sh\n").expect("a block");
    let (lines, _) = block.split_once("```").expect("its end");
    let command = Path::new(env!("CARGO_BIN_EXE_ohp")).parent().expect("a folder");
    let path = std::env::join_paths(
        std::iter::once(command.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let ran = Command::new("sh")
        .current_dir(&folder)
        .env("PATH", path.expect("a PATH"))
        .args(["-euc", lines])
        .output()
        .expect("sh runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    (folder, ran)
}

#[test]
fn shipped_templates_are_sealed_and_signed_as_the_operators_page_says() {
    let (folder, ran) = run_the_pages_lines("cli_sign_tiers");
    assert!(
        !String::from_utf8_lossy(&ran.stderr).contains("warning"),
        "keys are private"
    );
    for (tier, file, signatures) in [("sealed", "sealed.json", 1), ("regulated", "regulated.json", 2)] {
        let shown = ohp(&folder, &["inspect", "--json", file]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("a report");
        let envelope = &shown["envelope"];
        assert_eq!(
            (&envelope["conformance"], &shown["violations"]),
            (&tier.into(), &serde_json::json!([]))
        );
        assert_eq!(
            envelope["signatures"].as_array().map(Vec::len),
            Some(signatures),
            "{envelope}"
        );
        let fields = &envelope["sealed"]["fields"];
        assert_eq!(
            fields,
            &serde_json::json!(["caller.callbackNumber", "payment.disputeDetail"])
        );
        assert!(!envelope.to_string().contains("4242"), "nothing is left in plain");
    }

    // The page's receiver would stop at what only an identity provider can give, and at nothing before.
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).expect(name)).expect("JSON")
    };
    let open = read("cc-open.private.json");
    let bundle = serde_json::json!({
        "ohpTrust": 1,
        "receiver": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "maxTier": "regulated", "keys": open },
        "issuers": { "did:web:agents.example.com:asst-1": {
            "jwks": { "keys": [read("a.jwks.json")["keys"][0], read("a-pq.jwks.json")["keys"][0]] },
            "federation": { "entity": "did:web:federation.example.org", "maxAal": "AAL3", "maxIal": "IAL3", "maxFal": "FAL3" },
        } },
        "consentReceipts": { "iso27560:rcpt-4711": {
            "purpose": "human-takeover", "scope": ["transcript.summary"], "jurisdiction": "GB",
            "lawfulBasis": "gdpr.art6.1.b", "withdrawn": false,
        } },
    });
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).expect("written");
    for file in ["sealed.json", "regulated.json"] {
        let nothing = format!("sha256:{}", "0".repeat(64));
        let call = "a84b4c76e66710@pc33.example.com";
        let judged = ohp(
            &folder,
            &[
                "verify",
                "--json",
                "--trust",
                "bundle.json",
                "--call-id",
                call,
                "--fingerprint",
                &nothing,
                file,
            ],
        );
        let report: serde_json::Value = serde_json::from_slice(&judged.stdout).expect("a report");
        assert_eq!(
            (judged.status.code(), &report["firstFailingStep"]),
            (Some(1), &6.into()),
            "{file}: {report}"
        );
    }
}

#[test]
fn logs_entry_is_not_overwritten_and_nothing_is_appended_instead() {
    let (folder, _) = run_the_pages_lines("cli_sign_entry");
    let checkpoint = || -> Vec<_> {
        let mut files: Vec<_> = std::fs::read_dir(folder.join("log"))
            .expect("the log")
            .flatten()
            .collect();
        files.sort_by_key(std::fs::DirEntry::path);
        files
            .iter()
            .map(|file| std::fs::read(file.path()).unwrap_or_default())
            .collect()
    };
    let before = checkpoint();
    let sign = |more: &[&str]| {
        let words = [
            "sign",
            "--key",
            "a.private.json",
            "--key",
            "a-pq.private.json",
            "--log",
            "log",
            "--log-key",
            "log.private.json",
            "--log-entry",
            "logs.json",
        ];
        ohp(&folder, &[&words[..], more, &["regulated.json"]].concat())
    };
    // It is sealed and signed already; signatures are made anew.
    let refused = sign(&[]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    assert_eq!(checkpoint(), before, "the log has not grown");
    assert!(sign(&["--force"]).status.success());
    assert_ne!(checkpoint(), before);
    let bare = ohp(
        &folder,
        &[
            "sign",
            "--key",
            "a.private.json",
            "--key",
            "a-pq.private.json",
            "regulated.json",
        ],
    );
    assert!(bare.status.success());
    assert!(
        String::from_utf8_lossy(&bare.stderr).contains("--log or --rekor"),
        "a notice"
    );
}

#[cfg(unix)]
#[test]
fn private_keys_that_others_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_sign_mode");
    std::fs::create_dir_all(&folder).expect("a folder");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envelopes/signed.json");
    let template = template.to_str().expect("UTF-8");
    assert!(
        ohp(&folder, &["keygen", "--force", "--out", "k.private.json"])
            .status
            .success()
    );
    let warned = |mode: u32| {
        let path = folder.join("k.private.json");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the mode is set");
        let signed = ohp(&folder, &["sign", "--key", "k.private.json", "--fresh", template]);
        assert!(signed.status.success(), "a warning is no refusal");
        String::from_utf8_lossy(&signed.stderr).contains("chmod 600 k.private.json")
    };
    assert_eq!([0o600, 0o400, 0o640, 0o604].map(warned), [false, false, true, true]);
}

#[test]
fn why_a_key_cannot_be_sealed_for_is_said() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_seal_keys");
    std::fs::create_dir_all(&folder).expect("a folder");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envelopes/sealed.json");
    let template = template.to_str().expect("UTF-8");
    let made = |words: &[&str]| {
        let made = ohp(
            &folder,
            &[&["keygen", "--force", "--kid", "k", "--out", "k.private.json"], words].concat(),
        );
        serde_json::from_slice::<serde_json::Value>(&made.stdout).expect("a JWK Set")
    };
    let x25519 = made(&["--type", "x25519"]);
    let why = |set: &serde_json::Value, envelope: &str, fresh: &[&str]| {
        std::fs::write(folder.join("for.jwks.json"), set.to_string()).expect("written");
        let sealed = ohp(
            &folder,
            &[&["seal", "--for", "for.jwks.json"], fresh, &[envelope]].concat(),
        );
        (
            sealed.status.code(),
            String::from_utf8_lossy(&sealed.stderr).into_owned(),
        )
    };
    let with = |member: &str, value: &str| {
        let mut set = x25519.clone();
        set["keys"][0][member] = value.into();
        set
    };
    for (set, wanted) in [
        (
            with("validUntil", "2026-01-01T00:00:00Z"),
            "key k has expired: at 2026-01-01T00:00:00",
        ),
        (
            with("validFrom", "2999-01-01T00:00:00Z"),
            "key k is not valid yet: from 2999-01-01T00:00:00",
        ),
        (made(&["--type", "ed25519"]), "key k is an Ed25519 key"),
        (with("use", "sig"), "key k says `use` `sig`"),
        (serde_json::json!({ "keys": [] }), "has no keys"),
    ] {
        let (status, stderr) = why(&set, template, &["--fresh"]);
        assert!(status == Some(3) && stderr.contains(wanted), "{wanted}: {stderr}");
    }
    let mut named: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(template).expect("it")).expect("JSON");
    named["audience"]["recipientKeys"] =
        serde_json::json!([{ "kid": "gone", "alg": "HPKE/X25519-SHA256-CHACHA20POLY1305" }]);
    let path = folder.join("named.json");
    std::fs::write(&path, named.to_string()).expect("written");
    let path = path.to_str().expect("UTF-8");
    let (_, stderr) = why(&x25519, path, &["--fresh"]);
    assert!(
        stderr.contains("$.audience.recipientKeys[0]: for.jwks.json has no key gone"),
        "{stderr}"
    );

    // The moment that counts is issuedAt, as it is for signing.
    named["audience"]
        .as_object_mut()
        .expect("a map")
        .remove("recipientKeys");
    named["id"] = "cse_01HZX0R5N9V8W1QYK0XQM3R3M0".into();
    named["issuedAt"] = "2026-05-28T13:42:11Z".into();
    let at = |envelope: &serde_json::Value| std::fs::write(path, envelope.to_string()).expect("written");
    at(&named);
    let mut past = with("validFrom", "2026-05-01T00:00:00Z");
    past["keys"][0]["validUntil"] = "2026-06-01T00:00:00Z".into();
    assert_eq!(why(&past, path, &[]).0, Some(0), "{}", why(&past, path, &[]).1);
    assert!(why(&past, path, &["--fresh"]).1.contains("has expired"));
}
