//! A handoff to judge: envelopes, the header lines they come with, and a receiver that believes their sender.

use ohp::cbor::{Item, json};
use ohp::envelope::{Draft, ENVELOPE_MAX, SHAPE, STAMP_RANDOM_LEN, Tier};
use ohp::leg::{Context, Settings};
use ohp::time::Timestamp;
use ohp::trust::bundle::Bundle;
use ohp::trust::issue::issue;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::jws;

pub const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
pub const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";
const SENDER: &str = "did:web:agents.example.com:asst_cs7";
const TEMPLATE: &str = r#"{
    "issuer": { "vendor": "vendor-a", "agentId": "asst_cs7", "region": "uk-west",
        "did": "did:web:agents.example.com:asst_cs7" },
    "audience": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "purpose": "human-takeover",
        "minTier": "core" },
    "session": { "callId": "a84b4c76e66710@pc33.atlanta.example.com", "channel": "voice/sip", "locale": "en-GB" },
    "intent": { "current": { "name": "balance_query", "confidence": 0.94 },
        "stack": [{ "name": "authenticate", "status": "satisfied" }],
        "slots": { "accountRef": "acc_7781", "queryType": "balance" } },
    "transcript": { "format": "ohp.turns/v1", "redaction": { "policy": "pii-mask+pci-drop", "version": "1.1" },
        "turns": [{ "t": "2026-05-28T13:46:11Z", "role": "caller", "text": "What's my balance?" },
            { "t": "2026-05-28T13:46:15Z", "role": "agent", "text": "Your balance is [REDACTED:amount]." },
            { "t": "2026-05-28T13:46:30Z", "role": "caller", "text": "Can I speak to a human?" }],
        "summary": "Authenticated caller reviewed balance; requested human takeover." },
    "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask", "pci": "drop", "phi": "drop" },
        "guardrails": ["no-cross-sell"], "dataResidency": ["GB"] },
    "control": { "verb": "PROPOSE", "reason": "human-requested" } }"#;

pub const HEADERS: &[u8] = b"Via: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bKnashds8\r\nMax-Forwards: 70\r\n\
    From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\nTo: Bob <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\nCSeq: 314159 INFO\r\nContent-Type: application/ohp+cbor\r\n\
    OHP-Version: 0.1\r\nOHP-Verb: PROPOSE\r\n\r\n";

/// The sender's key, the same in every run.
pub fn key() -> OwnKey {
    OwnKey::ed25519([1; 32], Some("bench"))
}

fn keys() -> OwnKeys {
    let json = format!("{{\"keys\":[{}]}}", key().to_private_json().as_str());
    OwnKeys::from_json(json.as_bytes()).expect("keys")
}

/// So many different envelopes: one that has been seen takes another way.
pub fn envelopes(tier: Tier, count: usize) -> Vec<Vec<u8>> {
    let keys = keys();
    let mut scratch = vec![0; json::scratch_len(TEMPLATE.len())];
    let mut template = vec![0; 4096];
    let template = json::to_cbor(TEMPLATE.as_bytes(), SHAPE, &mut scratch, &mut template).expect("JSON");
    let (mut arena, mut unsigned, mut signed) = (vec![0; 1 << 16], vec![0; ENVELOPE_MAX], vec![0; ENVELOPE_MAX]);
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    (0..count)
        .map(|nth| {
            let mut random = [0; STAMP_RANDOM_LEN];
            random[2..10].copy_from_slice(&(nth as u64).to_be_bytes());
            random[18..].copy_from_slice(&(nth as u64).to_be_bytes());
            let mut draft = Draft::new(&mut arena);
            draft.merge(Item::parse(template).expect("canonical")).expect("it fits");
            draft.stamp(tier, NOW, 300_000, &random).expect("it fits");
            let envelope = draft.finish(&mut unsigned).expect("valid");
            issue(&envelope, &keys, NOW, &mut scratch, &mut signed)
                .expect("signed")
                .to_vec()
        })
        .collect()
}

/// Trusts the key that [`envelopes`] are signed with.
pub fn context() -> Context {
    let public = key().to_public_json();
    let json = format!(
        r#"{{"ohpTrust":1,"receiver":{{"vendor":"vendor-b","did":"did:web:cc.example.com","maxTier":"signed",
            "ratePerKid":1000000}},"issuers":{{"{SENDER}":{{"jwks":{{"keys":[{public}]}}}}}}}}"#
    );
    let bundle = Bundle::from_json(json.as_bytes()).expect("a bundle");
    Context {
        bundle,
        settings: Settings {
            peer_rate: 1_000_000,
            ..Settings::default()
        },
    }
}
