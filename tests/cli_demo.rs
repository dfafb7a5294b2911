//! `ohp demo`: a live call over loopback UDP between two processes, as a whole.

mod cli;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use cli::{folder, ohp};
use serde_json::{Value, json};

fn demo(args: &[&str]) -> (i32, Value) {
    let mut all = vec!["demo", "--json"];
    all.extend(args);
    let run = ohp(&all);
    (run.status, run.json())
}

/// The index of the first event of `who` that is `what`, with `member` being `value`.
fn place(report: &Value, who: &str, what: &str, member: &str, value: &str) -> usize {
    let events = report["events"].as_array().unwrap();
    events
        .iter()
        .position(|event| event["who"] == who && event["what"] == what && (member.is_empty() || event[member] == value))
        .unwrap_or_else(|| panic!("no {what} of {who} with {member} {value} in {report:#}"))
}

fn assert_holds(status: i32, report: &Value) {
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(report["outcome"], "accept");
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["holds"], true, "{check}");
    }
}

#[test]
fn signed_call_is_handed_over_and_back_and_forgeries_are_refused() {
    let (status, report) = demo(&["--seed", "1"]);
    assert_holds(status, &report);
    let order = [
        place(&report, "agent", "calls", "", ""),
        place(&report, "agent", "proposes", "", ""),
        place(&report, "centre", "verified", "verb", "PROPOSE"),
        place(&report, "agent", "verified", "verb", "ACCEPT"),
        place(&report, "centre", "holds", "", ""),
        place(&report, "centre", "joined", "", ""),
        place(&report, "agent", "dropped", "by", "centre"),
        place(&report, "agent", "verified", "verb", "RETURN"),
        place(&report, "agent", "resumes", "", ""),
        place(&report, "agent", "refused", "reason", "not-bound-to-call"),
        place(&report, "agent", "refused", "reason", "signature-invalid"),
        place(&report, "agent", "refused", "reason", "stale"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let steps = report["events"][order[2]]["steps"].as_array().unwrap();
    assert_eq!(steps[4]["result"], "pass", "the sound was not compared: {steps:?}");
    let proposed = &report["events"][order[1]];
    assert!(proposed["fingerprint"].as_str().unwrap().starts_with("sha256:"));
    assert!(proposed["infos"].as_u64().unwrap() > 1);
}

#[test]
fn sealed_call_is_handed_over_and_its_fields_are_opened_at_the_other_end() {
    let (status, report) = demo(&["--tier", "sealed", "--seed", "2"]);
    assert_holds(status, &report);
    let verified = &report["events"][place(&report, "centre", "verified", "verb", "PROPOSE")];
    assert_eq!(verified["steps"][13]["result"], "pass");
    let conversation = &verified["conversation"];
    assert_eq!(
        conversation["verified"],
        json!({ "given_name": "Ada", "account_ref": "acct_7781" })
    );
    assert_eq!(conversation["opened"].as_object().map(|opened| opened.len()), Some(2));
    let proposed = &report["events"][place(&report, "agent", "proposes", "", "")];
    assert_eq!(
        proposed["sealed"],
        json!(["caller.callbackNumber", "payment.disputeDetail"])
    );
}

#[test]
fn regulated_call_is_anchored_before_it_is_proposed_and_looked_up_before_it_is_accepted() {
    let (status, report) = demo(&["--tier", "regulated", "--seed", "3"]);
    assert_holds(status, &report);
    let order = [
        place(&report, "agent", "anchors", "", ""),
        place(&report, "agent", "anchored", "", ""),
        place(&report, "agent", "proposes", "", ""),
        place(&report, "centre", "verified", "outcome", "need"),
        place(&report, "centre", "verified", "outcome", "accept"),
        place(&report, "agent", "verified", "verb", "ACCEPT"),
        place(&report, "centre", "holds", "", ""),
        place(&report, "agent", "resumes", "", ""),
        place(&report, "agent", "refused", "reason", "not-bound-to-call"),
        place(&report, "agent", "refused", "reason", "signature-invalid"),
        place(&report, "agent", "refused", "reason", "stale"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(report["events"][order[3]]["needs"], json!(["log"]));
    let steps = report["events"][order[4]]["steps"].as_array().unwrap();
    assert!(
        steps.len() == 15 && steps.iter().all(|step| step["result"] == "pass"),
        "{steps:?}"
    );
}

#[test]
fn core_call_is_handed_over_with_nothing_signed_and_told_to_a_reader() {
    let run = ohp(&["demo", "--tier", "core"]);
    assert_eq!(run.status, 0, "{}{}", run.text(), run.stderr);
    for told in [
        "PROPOSE",
        "dispute_charge",
        "holds the conversation",
        "the old leg is dropped",
        "stale",
        "nothing is signed",
    ] {
        assert!(run.text().contains(told), "{told} is not in {}", run.text());
    }
    assert!(!run.text().contains("signature-invalid"));
    assert!(!run.text().contains('\u{1b}'), "colours where there is no terminal");
}

#[test]
fn call_survives_loss_and_reordering() {
    let (status, report) = demo(&["--loss", "5%", "--reorder", "--seed", "11"]);
    assert_holds(status, &report);
    let done = &report["events"][place(&report, "agent", "done", "", "")];
    assert!(done["lost"].as_u64().unwrap() > 0);
    assert!(done["held"].as_u64().unwrap() > 0);
}

/// The first envelope that the agent sends, and how the centre judges step 4 of it.
fn sound_of(report: &Value) -> (Value, Value) {
    let proposed = &report["events"][place(report, "agent", "proposes", "", "")];
    let verified = &report["events"][place(report, "centre", "verified", "verb", "PROPOSE")];
    (proposed["fingerprint"].clone(), verified["steps"][4]["result"].clone())
}

#[test]
fn g722_is_spoken_and_its_sound_ties_the_envelope_to_the_call() {
    let (status, report) = demo(&["--codec", "g722", "--seed", "21"]);
    assert_holds(status, &report);
    place(&report, "agent", "speaks", "codec", "G722");
    let (fingerprint, step) = sound_of(&report);
    assert!(fingerprint.as_str().unwrap().starts_with("sha256:"));
    assert_eq!(step, "pass");
}

#[cfg(feature = "opus")]
#[test]
fn opus_is_spoken_and_hold_music_in_it_is_refused_as_proof() {
    let (status, report) = demo(&["--codec", "opus", "--hold-music", "--seed", "22"]);
    assert_holds(status, &report);
    place(&report, "agent", "speaks", "codec", "opus");
    assert_eq!(sound_of(&report).1, "pass");
    refused_because_another_call_has_shown_it(&report);
}

#[cfg(not(feature = "opus"))]
#[test]
fn opus_that_was_not_built_in_is_said_so() {
    let run = ohp(&["demo", "--codec", "opus"]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("--features opus"), "{}", run.stderr);
}

fn refused_because_another_call_has_shown_it(report: &Value) {
    let refused = &report["events"][place(
        report,
        "centre",
        "verified",
        "why",
        "another call has shown the same audio fingerprint",
    )];
    assert_eq!(refused["reason"], "not-bound-to-call");
}

/// Row 36: on the first call nobody can know what the music is; on the second it has been heard before.
#[test]
fn hold_music_that_both_calls_hear_is_refused_as_proof() {
    let (status, report) = demo(&["--codec", "pcma", "--hold-music", "--seed", "23"]);
    assert_holds(status, &report);
    place(&report, "agent", "speaks", "sound", "hold music");
    let (fingerprint, step) = sound_of(&report);
    assert!(fingerprint.is_string() && step == "pass");
    place(&report, "agent", "tries", "trial", "hold-music");
    refused_because_another_call_has_shown_it(&report);
}

#[test]
fn sound_that_a_hop_transcodes_is_not_bound_to_the_call_by_its_exact_fingerprint() {
    let (status, report) = demo(&["--transcode", "--loss", "10%", "--seed", "24"]);
    assert_holds(status, &report);
    let speaks = &report["events"][place(&report, "agent", "speaks", "codec", "PCMU")];
    assert_eq!(speaks["sentAs"], "PCMA");
    let retried = &report["events"][place(&report, "agent", "retries", "", "")];
    assert_eq!(retried["how"], "without a fingerprint");
}

#[test]
fn any_recording_can_be_the_caller() {
    let wav = folder("demo-wav").join("noise.wav");
    // Two seconds of 16 kHz stereo: a sweep with noise, which is alive.
    let mut state = 1u32;
    let samples: Vec<u8> = (0..32_000u32)
        .flat_map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 20) as i32 - 2048;
            let sweep = ((n as f64 * n as f64 * 1e-5).sin() * 9000.0) as i32;
            let sample = (noise + sweep) as i16;
            [sample.to_le_bytes(), sample.to_le_bytes()].concat()
        })
        .collect();
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    file.extend(16_000u32.to_le_bytes());
    file.extend(64_000u32.to_le_bytes());
    file.extend([4, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    std::fs::write(&wav, file).unwrap();
    let (status, report) = demo(&["--wav", wav.to_str().unwrap()]);
    assert_holds(status, &report);
}

#[test]
fn each_side_runs_alone_against_another_program() {
    let bundle = |vendor: &str| json!({ "ohpTrust": 1, "receiver": { "vendor": vendor, "maxTier": "core" } });
    let side = |role: &str, vendor: &str, peer: Value| {
        let config = json!({
            "role": role, "tier": "core", "bundle": bundle(vendor), "peer": peer, "giveBack": false, "trials": false,
        });
        let mut child = Command::new(env!("CARGO_BIN_EXE_ohp"))
            .arg("demo-peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(config.to_string().as_bytes())
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (
            child,
            lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()),
        )
    };
    let (mut centre, mut told_by_centre) = side("centre", "vendor-b", Value::Null);
    let listening = told_by_centre.next().unwrap();
    let (mut agent, told_by_agent) = side("agent", "vendor-a", listening["sip"].clone());
    let what = |told: Vec<Value>| {
        told.iter()
            .map(|event| event["what"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (by_agent, by_centre) = (what(told_by_agent.collect()), what(told_by_centre.collect()));
    assert!(agent.wait().unwrap().success() && centre.wait().unwrap().success());
    assert!(
        by_agent.ends_with(&["hangs-up".to_owned(), "done".to_owned()]),
        "{by_agent:?}"
    );
    assert!(by_centre.contains(&"holds".to_owned()), "{by_centre:?}");
    assert!(!by_centre.contains(&"joined".to_owned()), "{by_centre:?}");
}

#[test]
fn what_makes_no_sense_is_said_so() {
    for args in [
        &["--tier", "gold"][..],
        &["--loss", "70%"],
        &["--loss", "much"],
        &["--wav", "/no/such/file"],
        &["--codec", "gsm"],
        &["--transcode", "--tier", "sealed"],
        &["--hold-music", "--wav", "call.wav"],
    ] {
        let run = ohp(&[&["demo"], args].concat());
        assert_eq!(run.status, 3, "{args:?}: {}", run.stderr);
    }
    assert!(
        ohp(&["demo", "--tier", "gold"])
            .stderr
            .contains("tiers are `core`, `signed`, `sealed` and `regulated`")
    );
}
