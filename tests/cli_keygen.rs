//! `ohp keygen`, and how the command answers bad usage.

mod cli;

use cli::{folder, ohp};

#[test]
fn key_pair_is_made_and_the_private_half_is_readable_by_its_owner_only() {
    let path = folder("keygen-pair").join("key.json");
    let path = path.to_str().unwrap();
    let made = ohp(&["keygen", "--out", path, "--kid", "vendor-\"a\""]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let public = &made.json()["keys"][0];
    assert_eq!(
        (public["kty"].as_str(), public["crv"].as_str()),
        (Some("OKP"), Some("Ed25519"))
    );
    assert_eq!(
        (public["use"].as_str(), public["alg"].as_str()),
        (Some("sig"), Some("EdDSA"))
    );
    assert_eq!(public["kid"], "vendor-\"a\"");
    assert!(public.get("d").is_none(), "the private key reached standard output");

    let private: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let private = &private["keys"][0];
    assert_eq!(private["x"], public["x"]);
    assert_eq!(private["d"].as_str().unwrap().len(), 43);
    assert!(!made.stderr.contains(private["d"].as_str().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn every_type_of_key_is_made_and_can_be_read_again() {
    for (name, kty, usage, alg, secret) in [
        ("ed25519", "OKP", "sig", "EdDSA", "d"),
        ("ml-dsa-65", "AKP", "sig", "ML-DSA-65", "priv"),
        ("x25519", "OKP", "enc", "HPKE/X25519-SHA256-CHACHA20POLY1305", "d"),
    ] {
        let path = folder(&format!("keygen-{name}")).join("key.json");
        let path = path.to_str().unwrap();
        let made = ohp(&["keygen", "--type", name, "--out", path]);
        assert_eq!(made.status, 0, "{name}: {}", made.stderr);
        let public = &made.json()["keys"][0];
        assert_eq!(
            (public["kty"].as_str(), public["use"].as_str()),
            (Some(kty), Some(usage))
        );
        assert_eq!(public["alg"], alg);
        assert!(
            public.get(secret).is_none(),
            "{name}: the private key reached standard output"
        );
        let private = std::fs::read(path).unwrap();
        let keys = ohp::trust::jwk::OwnKeys::from_json(&private).expect(name);
        assert_eq!(keys.keys()[0].kid(), public["kid"], "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    assert_eq!(ohp(&["keygen", "--type", "rsa", "--out", "/nowhere/at/all"]).status, 3);
}

/// Signing keys live for 90 days at most, keys for opening for 30 (OHP §5.9).
#[test]
fn key_lives_as_long_as_its_type_may_and_from_the_moment_that_is_given() {
    let folder = folder("keygen-life");
    let from = "2026-12-01T00:00:00.000Z";
    for (kind, days, until) in [
        ("ed25519", None, "2027-03-01T00:00:00.000Z"),
        ("x25519", None, "2026-12-31T00:00:00.000Z"),
        ("ed25519", Some("7"), "2026-12-08T00:00:00.000Z"),
    ] {
        let path = folder.join(format!("{kind}{days:?}"));
        let mut args = vec![
            "keygen",
            "--type",
            kind,
            "--valid-from",
            from,
            "--out",
            path.to_str().unwrap(),
        ];
        args.extend(days.iter().flat_map(|days| ["--days", days]));
        let made = ohp(&args).json();
        let key = &made["keys"][0];
        assert_eq!(
            (key["validFrom"].as_str(), key["validUntil"].as_str()),
            (Some(from), Some(until))
        );
    }
    let refused = ohp(&["keygen", "--type", "x25519", "--days", "31", "--out", "/nowhere/at/all"]);
    assert!(
        refused.status == 3 && refused.stderr.contains("30"),
        "{}",
        refused.stderr
    );
}

#[test]
fn key_is_overwritten_only_by_force() {
    let path = folder("keygen-force").join("key.json");
    let path = path.to_str().unwrap();
    assert_eq!(ohp(&["keygen", "--out", path]).status, 0);
    let first = std::fs::read(path).unwrap();
    let refused = ohp(&["keygen", "--out", path]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read(path).unwrap(), first);
    let forced = ohp(&["keygen", "--out", path, "--force", "--json"]);
    assert_eq!(forced.status, 0);
    assert_eq!(forced.json()["kid"], forced.json()["jwks"]["keys"][0]["kid"]);
    assert_ne!(std::fs::read(path).unwrap(), first);
}

#[test]
fn bad_usage_exits_with_3_and_help_with_0() {
    assert_eq!(ohp::<&str>(&[]).status, 3);
    assert_eq!(ohp(&["no-such-command"]).status, 3);
    assert_eq!(ohp(&["keygen", "--days", "91", "--out", "/nowhere/at/all"]).status, 3);
    assert_eq!(ohp(&["keygen", "--out", "/nowhere/at/all"]).status, 3);
    assert_eq!(
        ohp(&["--version"]).text(),
        concat!("ohp ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = ohp(&["keygen", "--help"]);
    assert_eq!(help.status, 0);
    assert!(help.text().contains("Example"));
    assert!(!help.text().contains('\u{1b}'), "colours where there is no terminal");
}
