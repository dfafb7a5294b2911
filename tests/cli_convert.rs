//! `ohp convert`, `ohp inspect` and `ohp chunk`: what they print of one envelope, in each of its forms.

mod cli;

use cli::{folder, ohp, ohp_with};

/// A Core envelope: one float, one slot, times with tag 0.
const ENVELOPE: &str = r#"{
  "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
  "issuedAt": "2026-05-28T13:42:11Z", "notAfter": "2026-05-28T13:47:11Z",
  "issuer": { "vendor": "vendor-a", "agentId": "ivr_a1", "region": "uk-west" },
  "audience": { "vendor": "vendor-b", "purpose": "ai-vendor-handoff", "minTier": "core" },
  "session": { "callId": "callid_2026_K9_anon", "channel": "voice/pstn", "locale": "en-GB" },
  "intent": { "current": { "name": "store_hours_lookup", "confidence": 0.88 }, "stack": [],
              "slots": { "branchPostcode": "EC1A 1BB", "colour": "\u001b[31mred" } },
  "transcript": { "summary": "Caller asked for opening hours." },
  "policy": { "guardrails": ["no-cross-sell"] },
  "control": { "verb": "PROPOSE", "reason": "skill-routing", "nonce": "9f3b1a2c4d5e6f70" }
}"#;

fn cbor() -> Vec<u8> {
    let run = ohp_with(&["convert", "-"], ENVELOPE.as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.stdout
}

#[test]
fn json_becomes_canonical_cbor_and_json_again() {
    let cbor = cbor();
    // A map of twelve, whose shortest key `id` comes first.
    assert!(cbor.starts_with(b"\xac\x62id\x78\x1ecse_01HZX"), "{cbor:02x?}");
    let back = ohp_with(&["convert", "-"], &cbor).json();
    assert_eq!(back, serde_json::from_str::<serde_json::Value>(ENVELOPE).unwrap());
    assert_eq!(ohp_with(&["convert", "--to", "cbor", "-"], &cbor).stdout, cbor);
    let compact = ohp_with(&["convert", "--compact", "-"], &cbor);
    assert_eq!(compact.text().lines().count(), 1);
}

#[test]
fn deflated_and_base64_envelopes_are_unpacked() {
    // `ohp chunk --text` writes base64, of deflated CBOR where that saves an INFO.
    let folder = folder("convert-text");
    let infos = folder.join("infos");
    let path = infos.to_str().unwrap();
    let run = ohp_with(&["chunk", "--text", "--body-max", "1300", "--out", path, "-"], &cbor());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let body = std::fs::read(infos.join("01.body")).unwrap();
    assert!(body.is_ascii());
    assert_eq!(ohp_with(&["convert", "--to", "cbor", "-"], &body).stdout, cbor());
}

#[test]
fn what_is_no_envelope_exits_with_3_and_names_the_byte() {
    for (input, byte) in [
        (&b"{\"ohp\": }"[..], "byte 8"),
        (b"\xa2\x61b\x01\x61a\x01", "byte 4"),
        (b"hello", "byte 0"),
        (b"", "byte 0"),
    ] {
        let run = ohp_with(&["convert", "-"], input);
        assert_eq!(run.status, 3, "{input:?}");
        assert!(run.stderr.contains(byte), "{input:?}: {}", run.stderr);
    }
    assert_eq!(ohp_with(&["convert", "-"], b"[1, 2]").status, 3);
}

#[test]
fn inspect_shows_who_why_and_how_much_time_is_left() {
    let run = ohp_with(&["inspect", "--now", "2026-05-28T13:45:00Z", "-"], ENVELOPE.as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    for shown in [
        "vendor-a",
        "vendor-b",
        "at least core",
        "88 % sure",
        "EC1A 1BB",
        "2 min 11 s left",
        "skill-routing",
    ] {
        assert!(run.text().contains(shown), "{shown} is not in {}", run.text());
    }
    assert!(
        !run.text().contains('\u{1b}'),
        "an escape sequence in a slot reached the terminal"
    );
    let late = ohp_with(&["inspect", "--now", "2026-05-28T13:57:11Z", "-"], &cbor());
    assert!(late.text().contains("ended 10 min 0 s ago"));
}

#[test]
fn inspect_lists_what_the_envelope_breaks() {
    let broken = ENVELOPE
        .replace("\"minTier\": \"core\"", "\"minTier\": \"gold\"")
        .replace("GB\" }", "GB\"}");
    let run = ohp_with(&["inspect", "--json", "-"], broken.as_bytes());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let shown = run.json();
    assert_eq!(shown["violations"][0]["path"], "$.audience.minTier");
    assert_eq!(shown["envelope"]["control"]["verb"], "PROPOSE");
    assert_eq!(shown["surfaceHash"].as_str().unwrap().len(), 71);
}

#[test]
fn inspect_lists_all_that_is_wrong_where_an_envelope_cannot_be_read() {
    let broken = br#"{"ohp":"0.1","conformance":"core","id":"cse_short","control":{"verb":"PROPOSE"},"session":{}}"#;
    let run = ohp_with(&["inspect", "-"], broken);
    assert_eq!(run.status, 3);
    for path in ["$.id", "$.control.nonce", "$.session.callId", "$.issuer", "$.notAfter"] {
        assert!(run.text().contains(&format!("{path}: ")), "{path}: {}", run.text());
    }
    assert!(
        run.stderr.contains("$.id") && run.stderr.contains("Mend it first"),
        "{}",
        run.stderr
    );
    let run = ohp_with(&["inspect", "--json", "-"], broken);
    assert!(run.status == 3 && run.json()["violations"].as_array().unwrap().len() > 5);
    // One that is no canonical CBOR is read up to there, and the command says so.
    let run = ohp_with(&["inspect", "-"], b"\xa1\x63ohp\x63\x30\x2e");
    assert!(run.status == 3, "{}", run.stderr);
}

#[test]
fn chunks_are_as_large_as_asked_for_and_say_where_they_belong() {
    let run = ohp_with(&["chunk", "--json", "--body-max", "260", "-"], &cbor());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let shown = run.json();
    let infos = shown["infos"].as_array().unwrap();
    assert_eq!(shown["total"], infos.len());
    assert!(infos.len() > 1);
    for (nth, info) in infos.iter().enumerate() {
        assert!(info["length"].as_u64().unwrap() <= 260);
        let headers = info["headers"].to_string();
        assert!(headers.contains(&format!("chunk={}", nth + 1)), "{headers}");
        assert!(headers.contains("OHP-Verb: PROPOSE"), "{headers}");
    }
    assert_eq!(ohp_with(&["chunk", "--body-max", "20", "-"], &cbor()).status, 3);
    assert_eq!(ohp(&["chunk", "/no/such/file"]).status, 3);
}
