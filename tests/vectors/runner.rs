//! `ohp conformance` over the tree, and over trees in which something is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::{Run, folder, ohp};
use crate::common::{shared, shared_is_here};
use crate::on_disk;

fn run(more: &[&str], tree: &Path) -> Run {
    let mut args = vec!["conformance"];
    args.extend(more);
    args.push(tree.to_str().expect("text"));
    ohp(&args)
}

fn last_line(run: &Run) -> &str {
    run.text().lines().last().expect("a line")
}

/// A copy of one vector of the tree, as a tree by itself.
fn copy_of(vector: &str, name: &str) -> PathBuf {
    let tree = folder(name);
    copy(&on_disk().join(vector), &tree.join(vector));
    tree
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copied");
        }
    }
}

fn change(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(file).expect("readable")).expect("JSON");
    change(&mut json);
    fs::write(file, json.to_string()).expect("written");
}

#[test]
fn every_vector_of_the_tree_passes() {
    let run = run(&[], &on_disk());
    let count = run.text().lines().count() - 1;
    assert_eq!(
        last_line(&run),
        format!("{count} passed, 0 failed, 0 skipped"),
        "{}",
        run.text()
    );
    assert_eq!(run.status, 0);
    assert!(count > 100, "{count}");
}

#[test]
fn tree_is_sound_and_covers_each_step_reason_and_direction() {
    let run = run(&["--self-check", "--json"], &on_disk());
    let report = run.json();
    let failed: Vec<&Value> = report["vectors"]
        .as_array()
        .expect("vectors")
        .iter()
        .filter(|vector| vector["result"] != "pass")
        .collect();
    assert_eq!((run.status, failed), (0, Vec::new()));
    assert_eq!(
        report["coverage"],
        json!({ "stepsNotRefused": [], "reasonsNotGiven": [], "directionsNotTaken": [] })
    );
}

/// Every name that the READMEs below `conformance/` of the protocol's repository list, planned or there.
#[test]
fn every_vector_that_the_protocol_plans_is_there() {
    for name in [
        "core/01-minimal-valid",
        "core/02-stale-envelope",
        "core/03-missing-id",
        "core/04-tier-mismatch",
        "core/05-emit-refuses-pii",
        "core/06-control-verb-mismatch",
        "signed/01-valid-jws",
        "signed/02-tampered-payload",
        "signed/03-revoked-kid",
        "signed/04-canonicalisation-divergence",
        "signed/05-emit-positive-jwks-publish",
        "sealed/01-hpke-roundtrip",
        "sealed/02-rtp-fingerprint-mismatch",
        "sealed/03-consent-out-of-scope",
        "sealed/04-sd-jwt-claim-tampered",
        "sealed/05-emit-positive-selective-disclosure",
        "sealed/06-emit-negative-pii-into-non-sealed",
        "regulated/01-full-structural",
        "regulated/02-prohibited-flag",
        "regulated/03-art50-disclosure-missing",
        "regulated/04-oversight-mode-insufficient",
        "regulated/05-gpai-systemic-no-policy",
        "regulated/06-stale-aiia",
        "regulated/07-annex-iii-not-allowlisted",
        "regulated/08-hybrid-pq-sig-roundtrip",
        "regulated/09-incident-verb",
    ] {
        assert!(on_disk().join(name).join("expected.json").is_file(), "{name}");
    }
}

/// Interpretations, row 47.
#[test]
fn official_vectors_pass_without_keys_and_tier_leaves_those_above_out() {
    if !shared_is_here() {
        return;
    }
    let official = shared().join("ohp/conformance/test-vectors");
    for (more, expected) in [
        (&[][..], "6 passed, 0 failed, 0 skipped"),
        (&["--self-check"], "6 passed, 0 failed, 0 skipped"),
        (&["--tier", "core"], "2 passed, 0 failed, 0 skipped"),
        (&["--tier", "signed"], "3 passed, 0 failed, 0 skipped"),
    ] {
        let run = run(more, &official);
        assert_eq!((run.status, last_line(&run)), (0, expected), "{}", run.text());
    }
}

#[test]
fn self_check_says_a_line_for_each_kind_of_gap_or_that_there_is_none() {
    let ours = run(&["--self-check"], &on_disk());
    assert!(ours.text().contains("the tree covers everything"), "{}", ours.text());
    let one = run(&["--self-check"], &on_disk().join("signed/01-valid-jws"));
    let lines: Vec<&str> = one.text().lines().collect();
    let gaps = lines
        .iter()
        .position(|line| *line == "not covered by any vector:")
        .expect("gaps");
    let begins = [
        "  refusal at step: 0, 1, 2",
        "  reason: ",
        "  tier and outcome: core accept, ",
    ];
    for (line, begin) in lines[gaps + 1..].iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    assert_eq!(last_line(&one), "1 passed, 0 failed, 0 skipped");
}

#[test]
fn whatever_comes_about_otherwise_than_expected_fails() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 12] = [
        ("signed/01-valid-jws", |json| json["outcome"] = "reject".into()),
        ("signed/01-valid-jws", |json| json["tier"] = "core".into()),
        ("signed/01-valid-jws", |json| json["verb"] = "RETURN".into()),
        ("signed/01-valid-jws", |json| {
            json["now"] = "2026-05-29T00:00:00Z".into()
        }),
        ("signed/01-valid-jws", |json| json["callId"] = "another".into()),
        ("signed/01-valid-jws", |json| {
            json["sipHeaders"] = json!(["OHP-Tier: core"])
        }),
        ("signed/01-valid-jws", |json| {
            json["verifiedFields"] = json!(["caller.assurance"])
        }),
        ("signed/02-tampered-payload", |json| {
            json["rejectReason"] = "stale".into()
        }),
        ("signed/02-tampered-payload", |json| json["firstFailingStep"] = 3.into()),
        ("sealed/01-hpke-roundtrip", |json| {
            json["openedSealedFields"] = json!(["payment.disputeDetail"])
        }),
        ("sealed/05-emit-positive-selective-disclosure", |json| {
            json["shouldNotContainFields"] = json!(["caller.identity.sdJwtVc.disclosures.account_ref"]);
        }),
        ("core/05-emit-refuses-pii", |json| json["minTier"] = "signed".into()),
    ];
    for (at, (vector, to)) in changes.into_iter().enumerate() {
        let tree = copy_of(vector, &format!("conformance-otherwise-{at}"));
        change(&tree.join(vector).join("expected.json"), to);
        let run = run(&[], &tree);
        assert_eq!(
            (run.status, last_line(&run)),
            (1, "0 passed, 1 failed, 0 skipped"),
            "{at}: {}",
            run.text()
        );
    }
}

/// What cannot be read has no blocks, signatures or tier: it is not looked at in silence.
#[test]
fn what_is_no_envelope_does_not_pass_for_one_that_is_only_looked_at() {
    let vector = "regulated/01-full-structural";
    let tree = copy_of(vector, "conformance-unreadable");
    let at = tree.join(vector);
    let expected = json!({ "outcome": "structural-only", "tier": "regulated", "verb": "PROPOSE",
        "regulatedBlocksPresent": ["governance"], "signatureAlgsPresent": ["EdDSA", "ML-DSA-65"] });
    fs::write(at.join("expected.json"), expected.to_string()).expect("written");
    let _ = fs::remove_file(at.join("envelope.cbor"));
    assert_eq!(run(&[], &tree).status, 0);
    fs::write(at.join("envelope.json"), r#"{"ohp":"0.1"}"#).expect("written");
    let run = run(&[], &tree);
    assert_eq!(
        (run.status, last_line(&run)),
        (1, "0 passed, 1 failed, 0 skipped"),
        "{}",
        run.text()
    );
}

/// A leg answers such chunks 400; so does the runner.
#[test]
fn chunks_that_name_another_envelope_than_they_hold_bring_none() {
    let vector = "transport/02-chunks";
    let tree = copy_of(vector, "conformance-other-id");
    let infos = tree.join(vector).join("info");
    let envelope = fs::read(tree.join(vector).join("envelope.json")).expect("readable");
    let envelope: Value = serde_json::from_slice(&envelope).expect("JSON");
    let id = envelope["id"].as_str().expect("a text");
    let other = format!("{}0", &id[..id.len() - 1]);
    assert_ne!(id, other);
    for entry in fs::read_dir(infos).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mut message = fs::read(&path).expect("readable");
        // In headers only: the data are deflated.
        while let Some(at) = message.windows(id.len()).position(|window| window == id.as_bytes()) {
            message[at..at + id.len()].copy_from_slice(other.as_bytes());
        }
        fs::write(&path, message).expect("written");
    }
    let run = run(&[], &tree);
    assert_eq!(
        (run.status, last_line(&run)),
        (1, "0 passed, 1 failed, 0 skipped"),
        "{}",
        run.text()
    );
}

#[test]
fn emitted_bytes_are_compared_one_by_one() {
    let vector = "regulated/12-emit-full";
    let tree = copy_of(vector, "conformance-emitted");
    let file = tree.join(vector).join("envelope.cbor");
    let mut bytes = fs::read(&file).expect("readable");
    let at = bytes
        .windows(4)
        .position(|window| window == b"desk")
        .expect("it is there");
    bytes[at] = b'r';
    fs::write(&file, bytes).expect("written");
    let run = run(&[], &tree);
    assert_eq!(
        (run.status, last_line(&run)),
        (1, "0 passed, 1 failed, 0 skipped"),
        "{}",
        run.text()
    );
}

/// Interpretations, row 47: what needs keys cannot be refused without them, and `keys/` alone suffices for signatures.
#[test]
fn vector_without_bundle_is_judged_by_its_keys_and_skipped_without_any() {
    let vector = "signed/02-tampered-payload";
    let tree = copy_of(vector, "conformance-keyless");
    fs::remove_file(tree.join(vector).join("trust.json")).expect("removed");
    let with_keys = run(&[], &tree);
    assert_eq!(
        last_line(&with_keys),
        "1 passed, 0 failed, 0 skipped",
        "{}",
        with_keys.text()
    );
    fs::remove_dir_all(tree.join(vector).join("keys")).expect("removed");
    let without = run(&[], &tree);
    assert_eq!(
        (without.status, last_line(&without)),
        (0, "0 passed, 0 failed, 1 skipped"),
        "{}",
        without.text()
    );
    assert!(without.text().starts_with("skip"), "{}", without.text());
}

#[test]
fn moment_is_the_vectors_own_or_else_the_one_that_is_given() {
    let vector = "core/01-minimal-valid";
    let tree = copy_of(vector, "conformance-now");
    let late = ["--now", "2026-06-01T00:00:00Z"];
    assert_eq!(run(&late, &tree).status, 0);
    change(&tree.join(vector).join("expected.json"), |json| {
        drop(json.as_object_mut().expect("an object").remove("now"))
    });
    assert_eq!(run(&late, &tree).status, 1);
    assert_eq!(run(&[], &tree).status, 0);
}

#[test]
fn self_check_finds_what_is_unsound() {
    type Break = fn(&Path);
    let breaks: [(&str, &str, Break); 6] = [
        ("signed/01-valid-jws", "canonical form", |at| {
            change(&at.join("envelope.json"), |json| {
                json["intent"]["slots"]["amount"] = "1".into()
            });
        }),
        ("signed/01-valid-jws", "$.id", |at| {
            change(&at.join("envelope.json"), |json| json["id"] = "cse_1".into());
            fs::remove_file(at.join("envelope.cbor")).expect("removed");
        }),
        ("signed/01-valid-jws", "issuer-sign", |at| {
            change(&at.join("keys/issuer-sign.jwk"), |json| json["x"] = "AA".into());
        }),
        ("sealed/01-hpke-roundtrip", "centre-x25519", |at| {
            change(&at.join("trust.json"), |json| {
                json["receiver"]["keys"]["keys"] = json!([])
            });
        }),
        ("signed/02-tampered-payload", "rejectReason", |at| {
            change(&at.join("expected.json"), |json| {
                drop(json.as_object_mut().expect("an object").remove("rejectReason"))
            });
        }),
        ("core/07-emit-minimal", "input.json", |at| {
            fs::remove_file(at.join("input.json")).expect("removed")
        }),
    ];
    for (at, (vector, what, unsound)) in breaks.into_iter().enumerate() {
        let tree = copy_of(vector, &format!("conformance-unsound-{at}"));
        unsound(&tree.join(vector));
        let run = run(&["--self-check"], &tree);
        assert_eq!(run.status, 1, "{vector}: {}", run.text());
        assert!(run.text().contains(what), "{vector}: {}", run.text());
    }
}

/// Each vector counts once, and the walk ends, whatever the tree's links lead to.
#[cfg(unix)]
#[test]
fn links_within_a_tree_are_not_followed() {
    let tree = copy_of("core/01-minimal-valid", "conformance-links");
    for name in ["one", "two"] {
        std::os::unix::fs::symlink(".", tree.join(name)).expect("a link");
    }
    let run = run(&[], &tree);
    assert_eq!(
        (run.status, last_line(&run)),
        (0, "1 passed, 0 failed, 0 skipped"),
        "{}",
        run.text()
    );
}

#[test]
fn folder_without_vectors_is_bad_usage_and_a_broken_expectation_a_failure() {
    let empty = folder("conformance-empty");
    assert_eq!(run(&[], &empty).status, 3);
    assert_eq!(run(&[], &empty.join("absent")).status, 3);
    fs::write(empty.join("expected.json"), r#"{"outcome":"perhaps"}"#).expect("written");
    let run = run(&["--json"], &empty);
    assert_eq!((run.status, &run.json()["failed"]), (1, &json!(1)));
}
