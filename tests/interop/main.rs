//! Our bytes against another implementation's: `peer.py` signs, seals and anchors with libraries that share nothing with
//! ours, and was written from the protocol's text. We judge and open what it makes, it verifies and opens what we make.
//!
//! It wants Python with venv, and its packages once from PyPI (`requirements.txt`). Where they cannot be had the tests check
//! nothing and say so; with `CI=true` they fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ohp::cbor::{Item, json};
use ohp::envelope::{ENVELOPE_MAX, SHAPE};
use ohp::media::Fingerprint;
use ohp::time::Timestamp;
use ohp::transport::body::{self, Declared};
use ohp::trust::bundle::Bundle;
use ohp::verify::{Call, Disclosed, Media, Outcome, Role, Situation, VERIFY_SCRATCH, Verdict, verify_disclosing};
use serde_json::Value;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

/// A folder that is empty when the test begins.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The interpreter that has the other implementation's libraries; `None` where they cannot be had.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(install) {
        Ok(python) => Some(python),
        Err(why) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("no other implementation to compare with: {why}")
        }
        Err(why) => {
            println!("skipped, no other implementation to compare with: {why}");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let wanted = std::fs::read_to_string(tests().join("requirements.txt")).expect("requirements");
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-venv");
    let (python, marker) = (venv.join("bin/python"), venv.join("installed"));
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--retries", "1", "-r"];
    run(Command::new(&python).args(pip).arg(tests().join("requirements.txt")))?;
    std::fs::write(&marker, wanted).expect("written");
    Ok(python)
}

/// Runs a command to its end; its standard output.
fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn peer(python: &Path, what: &str, folder: &Path) -> String {
    let output = run(Command::new(python).arg(tests().join("peer.py")).arg(what).arg(folder));
    String::from_utf8(output.unwrap_or_else(|error| panic!("{error}"))).expect("text")
}

fn ohp(folder: &Path, args: &[&str]) -> Vec<u8> {
    run(Command::new(env!("CARGO_BIN_EXE_ohp")).current_dir(folder).args(args))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn read(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).expect("a file")).expect("JSON")
}

/// What we make of `cbor`.
fn judge<T>(cbor: &[u8], trust: &Value, cases: &Value, look: impl FnOnce(&Verdict<'_>, &Disclosed) -> T) -> T {
    let bundle = Bundle::from_json(trust.to_string().as_bytes()).expect("a bundle");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock");
    let fingerprint = cases["fingerprint"].as_str().and_then(Fingerprint::parse);
    let situation = Situation {
        bundle: &bundle,
        now: Timestamp::from_millis(i64::try_from(now.as_millis()).expect("a moment")),
        role: Role::Unknown,
        call: Call::Ids(&[cases["call"].as_str().expect("a call")]),
        media: Media::Known(fingerprint.expect("a fingerprint")),
        echo: Default::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    };
    let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
    let verdict = verify_disclosing(cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
    look(&verdict, &disclosed)
}

#[test]
fn envelopes_of_another_implementation_are_judged_as_their_author_says() {
    let Some(python) = python() else { return };
    let folder = folder("theirs");
    peer(python, "make", &folder);
    let (cases, trust) = (read(&folder, "cases.json"), read(&folder, "trust.json"));
    let list = cases["cases"].as_array().expect("cases");
    for case in list {
        let file = case["file"].as_str().expect("a file");
        let bytes = std::fs::read(folder.join(file)).expect("a file");
        let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
        let decoded = body::decode(&bytes, Declared::default(), SHAPE, &mut scratch, &mut out).expect("an envelope");
        judge(decoded.cbor, &trust, &cases, |verdict, disclosed| {
            let failed = verdict.failure();
            let step = failed.map(|(step, _)| u64::from(step.number()));
            let why = failed.map(|(_, failure)| failure.why.to_string());
            assert_eq!(step, case["step"].as_u64(), "{file}: {why:?}");
            let accepted = verdict.outcome == Outcome::Accept;
            assert_eq!(
                accepted,
                case["outcome"] == "accept",
                "{file}: {:?}",
                verdict.needs.as_slice()
            );
            let opened = disclosed.fields().map_or(Value::Null, |fields| {
                let fields = fields.iter().map(|(name, value)| (name.to_owned(), to_json(value)));
                Value::Object(fields.collect())
            });
            assert_eq!(opened, case["opened"], "{file}");
        });
    }
    println!("theirs: {} envelopes judged", list.len());
}

fn to_json(item: Item<'_>) -> Value {
    let mut text = String::new();
    json::from_cbor(item, &mut text, false).expect("text");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn another_implementation_verifies_opens_and_finds_anchored_what_we_issue() {
    let Some(python) = python() else { return };
    let folder = folder("ours");
    for (kind, name) in [
        ("ed25519", "agent"),
        ("ml-dsa-65", "agent-pq"),
        ("x25519", "centre"),
        ("ed25519", "log"),
    ] {
        let private = format!("{name}.private.json");
        let public = ohp(&folder, &["keygen", "--type", kind, "--out", &private]);
        std::fs::write(folder.join(format!("{name}.jwks.json")), public).expect("written");
    }
    // The plain envelopes are issued after the keys.
    peer(python, "make", &folder);
    for tier in ["signed", "sealed", "regulated"] {
        let mut file = format!("{tier}.plain.json");
        if tier != "signed" {
            let sealed = ohp(&folder, &["seal", "--for", "centre.jwks.json", &file]);
            file = format!("{tier}.sealed.json");
            std::fs::write(folder.join(&file), sealed).expect("written");
        }
        let mut sign = vec![
            "sign",
            "--to",
            "cbor",
            "--key",
            "agent.private.json",
            "--key",
            "agent-pq.private.json",
        ];
        if tier == "regulated" {
            sign.extend([
                "--log",
                "log",
                "--log-key",
                "log.private.json",
                "--log-entry",
                "logs.json",
                "--force",
            ]);
        }
        sign.push(&file);
        std::fs::write(folder.join(format!("{tier}.ours.cbor")), ohp(&folder, &sign)).expect("written");
    }
    println!("{}", peer(python, "check", &folder).trim_end());
}
