//! The C interface gives the verdict that `ohp verify --json` prints, member by member, for what is accepted at each tier
//! and for every refusal of the table.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;

use ohp::envelope::Tier;
use ohp::media::{Codec, Tap, TapConfig, exact};
use serde_json::Value;

use crate::TIERS;
use crate::build;
use crate::rows::ROWS;
use crate::scene::{self, CALL, Scene};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn printer() -> PathBuf {
    let program = build::scratch().join("c-verdict");
    build::run(
        Command::new("cc")
            .args([
                "-std=c11",
                "-D_GNU_SOURCE",
                "-g",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-I",
            ])
            .arg(build::root().join("include"))
            .arg("-o")
            .arg(&program)
            .arg(build::root().join("tests/c_verdict/print.c"))
            .arg(build::static_library())
            .args(build::PRIVATE_LIBS),
    );
    program
}

/// What the command prints, without the times that it took.
fn of_the_command(trust: &Path, envelope: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ohp"))
        .args([
            "verify",
            "--json",
            "--now",
            scene::NOW,
            "--call-id",
            CALL,
            "--fingerprint",
        ])
        .args([&scene::fingerprint(), "--trust"])
        .args([trust, envelope])
        .output()
        .expect("the command");
    let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for step in report["steps"].as_array_mut().expect("steps") {
        step.as_object_mut().expect("a step").remove("micros");
    }
    report
}

fn of_c(program: &Path, trust: &Path, envelope: &Path) -> Value {
    let printed = build::run(Command::new(program).args([trust, envelope]).args([
        &scene::now().millis().to_string(),
        CALL,
        &scene::fingerprint(),
    ]));
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[test]
fn verdict_in_c_is_what_the_command_prints() {
    let (program, folder) = (printer(), folder("c_verdict"));
    let (envelope, trust) = (folder.join("envelope.cbor"), folder.join("trust.json"));
    let mut failing = std::collections::BTreeSet::new();
    let mut compare = |what: &str, cbor: &[u8], bundle: &Value| {
        std::fs::write(&envelope, cbor).expect("written");
        std::fs::write(&trust, bundle.to_string()).expect("written");
        let expected = of_the_command(&trust, &envelope);
        assert_eq!(of_c(&program, &trust, &envelope), expected, "{what}");
        failing.extend(expected["firstFailingStep"].as_u64());
        expected["outcome"].as_str().unwrap_or_default().to_owned()
    };
    for tier in TIERS {
        let mut scene = Scene::at(tier);
        let cbor = scene.finish();
        assert_eq!(compare(tier.as_str(), &cbor, &scene.trust), "accept");
    }
    for (what, tier, _, _, change) in ROWS {
        let mut scene = Scene::at(*tier);
        change(&mut scene);
        let cbor = scene.finish();
        assert_eq!(compare(what, &cbor, &scene.trust), "reject", "{what}");
    }
    let mut scene = Scene::at(Tier::Regulated);
    let cbor = scene.finish();
    scene.trust["logs"] = serde_json::json!({});
    assert_eq!(compare("a log that is not at hand", &cbor, &scene.trust), "need");
    assert_eq!(compare("cut off", &cbor[..cbor.len() - 1], &scene.trust), "malformed");
    let mut incident = Scene::at(Tier::Regulated);
    incident.envelope["control"]["verb"] = "INCIDENT".into();
    let cbor = incident.finish();
    assert_eq!(compare("an incident", &cbor, &incident.trust), "accept");
    let mut broken = Scene::at(Tier::Signed);
    broken.tamper = Some(|envelope| envelope["control"]["nonce"] = "XYZ".into());
    let cbor = broken.finish();
    assert_eq!(compare("a rule of the schema", &cbor, &broken.trust), "reject");
    assert_eq!(failing, (0..=14).collect(), "a refusal at each step");
}

/// `SCENE_VOICE` of the C tests.
const VOICE: u32 = 22;

/// The fingerprint of what the C tests' `speak()` says.
fn spoken(voice: u32) -> String {
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 10,
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let tap = Tap::init(&words, &config).expect("a tap");
    let (mut state, mut packet) = (voice, [0; 172]);
    packet[0] = 0x80;
    for number in 0..150_u32 {
        packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(number * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&voice.to_be_bytes());
        for byte in &mut packet[12..] {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            *byte = (state >> 16) as u8;
        }
        tap.write_rtp(&packet);
    }
    let text = exact::newest(&tap).expect("usable audio").fingerprint.to_text();
    String::from_utf8(text.to_vec()).expect("ASCII")
}

/// The C tests read these files, so that they need neither Rust nor a key of their own.
#[test]
fn files_of_the_c_tests_are_the_scenes() {
    let folder = build::root().join("tests/c/scene");
    let writes = std::env::var_os("OHP_WRITE_SCENES").is_some();
    let voice = spoken(VOICE);
    let hold = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        if writes {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&path, &bytes).expect("written");
        }
        let known = std::fs::read(&path).unwrap_or_default();
        let advice =
            "run `OHP_WRITE_SCENES=1 cargo test --features ffi --test tiers files_of` and commit what it wrote";
        assert!(known == bytes, "tests/c/scene/{name} is another scene's: {advice}");
    };
    // A log signs its newest tree alone, and each scene is its own log: the trust is that of the one which is anchored.
    for tier in TIERS {
        let mut scene = Scene::at(tier);
        if tier >= Tier::Sealed {
            scene.envelope["session"]["media"]["rtpFingerprint"] = voice.clone().into();
        }
        hold(&format!("{tier}.cbor"), scene.finish());
        if tier == Tier::Regulated {
            let trust = serde_json::to_string_pretty(&scene.trust).expect("JSON");
            hold("trust.json", format!("{trust}\n").into_bytes());
            let mut template = scene::template(tier);
            template["session"].as_object_mut().expect("a session").remove("media");
            for (name, json) in [("template.json", template), ("agent.json", scene::agents_bundle())] {
                let text = serde_json::to_string_pretty(&json).expect("JSON");
                hold(name, format!("{text}\n").into_bytes());
            }
        }
    }
}
