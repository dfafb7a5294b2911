//! The two parties of a handoff: keys that really sign, bundles that trust them, tables, taps.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use ohp::envelope::{ENVELOPE_MAX, Envelope};
use ohp::media::{Tap, TapConfig};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::jws;
use serde_json::{Value, json};

pub const SENDER_DID: &str = "did:web:agents.example.com:asst_cs7";
pub const RECEIVER_DID: &str = "did:web:cc.example.com";
pub const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";

/// The moment at which most of the official examples are fresh: 2026-05-28T13:51:00Z.
pub const NOW: Timestamp = Timestamp::from_millis(1_779_976_260_000);

/// A table that is full soon.
pub const SMALL: Config = Config {
    replays: 16,
    hashes: 8,
    kids: 8,
    peers: 8,
    sets: 8,
    slots: 4,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

fn key(seed: u8) -> OwnKey {
    OwnKey::ed25519([seed; 32], Some(&format!("test-key-{seed}")))
}

fn jwk(json: &str) -> Value {
    serde_json::from_str(json).expect("a JWK")
}

/// A bundle's JSON: `vendor` with key `own`, who trusts the other side's DID with key `other`.
pub fn bundle_json((vendor, did, own): (&str, &str, u8), (other_did, other): (&str, u8)) -> Value {
    json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": vendor, "did": did, "agentId": "test-agent", "region": "uk-west",
            "maxTier": "signed", "keys": { "keys": [jwk(&key(own).to_private_json())] }
        },
        "issuers": { other_did: { "jwks": { "keys": [jwk(&key(other).to_public_json())] } } }
    })
}

pub fn sender_json() -> Value {
    bundle_json(("vendor-a", SENDER_DID, 1), (RECEIVER_DID, 2))
}

/// The receiver trusts key 1 for the sender and for the issuers of the official examples, and holds a receipt.
pub fn receiver_json() -> Value {
    let mut json = bundle_json(("vendor-b", RECEIVER_DID, 2), (SENDER_DID, 1));
    let known = json["issuers"][SENDER_DID].clone();
    for did in [
        "did:web:agents.example.com:asst-1",
        "did:web:test.example.org:agent_signed_01",
    ] {
        json["issuers"][did] = known.clone();
    }
    json["consentReceipts"] = json!({
        "iso27560:rcpt_88a2": {
            "purpose": "human-takeover", "scope": ["transcript.summary", "intent.slots:non-phi", "accountRef"],
            "jurisdiction": "GB", "lawfulBasis": "gdpr.art6.1.b", "withdrawn": false
        }
    });
    json
}

pub fn bundle(json: &Value) -> Bundle {
    Bundle::from_json(json.to_string().as_bytes()).expect("a bundle")
}

pub fn receiver() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| bundle(&receiver_json()))
}

/// Key 1 in most cases, which the receiver trusts.
pub fn keys(seed: u8) -> OwnKeys {
    let json = json!({ "keys": [jwk(&key(seed).to_private_json())] });
    OwnKeys::from_json(json.to_string().as_bytes()).expect("keys")
}

/// The envelope with a real signature in place of those that it has; `None` where it cannot be signed.
pub fn sign(envelope: &Envelope<'_>, keys: &OwnKeys) -> Option<Vec<u8>> {
    let (mut scratch, mut out) = (vec![0; jws::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let now = envelope.issued_at().unwrap_or(NOW);
    ohp::trust::issue::issue(envelope, keys, now, &mut scratch, &mut out)
        .ok()
        .map(<[u8]>::to_vec)
}

pub fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// Memory for a table, to be initialised for each input.
pub fn table_words(config: &Config) -> Vec<AtomicU64> {
    words(config.words().expect("a configuration"))
}

pub fn table<'w>(words: &'w [AtomicU64], config: &Config) -> Table<'w> {
    Table::init(words, config, [7; 16]).expect("a table")
}

pub fn tap_words(config: &TapConfig) -> Vec<AtomicU64> {
    words(config.words().expect("a configuration"))
}

/// Two seconds of sound that never repeats.
pub fn speak(tap: &Tap<'_>, seed: u32) {
    let mut random = crate::tree::Random(seed.into());
    let mut packet = [0; 172];
    packet[0] = 0x80;
    for nth in 0..100_u32 {
        packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
        packet[12..].iter_mut().for_each(|byte| *byte = random.next() as u8);
        tap.write_rtp(&packet);
    }
}

/// What an application says of its conversation.
pub fn template() -> Value {
    json!({
        "audience": { "vendor": "vendor-b", "did": RECEIVER_DID, "purpose": "human-takeover" },
        "session": { "locale": "en-GB" },
        "intent": { "current": { "name": "balance_query", "confidence": 0.94 } },
        "transcript": { "redaction": { "policy": "pii-mask", "version": "1" }, "summary": "Asked for a human." },
        "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" }, "dataResidency": ["GB"] },
        "control": { "reason": "human-requested" }
    })
}
