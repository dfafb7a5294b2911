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
