//! What several test files need: the shared vectors, JSON to CBOR, a small repeatable generator.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

#[allow(
    clippy::duplicate_mod,
    reason = "a crate with several of these modules has it several times"
)]
mod skip;

use std::path::{Path, PathBuf};

use ohp::cbor::json;
use ohp::envelope::SHAPE;

/// The folder of schemas and vectors beside the checkout.
pub fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

/// Whether the shared vectors are there. Where they are not, says so, and fails under `CI=true`.
pub fn shared_is_here() -> bool {
    skip::shared("ohp").is_some()
}

/// A text file of the shared folder.
pub fn shared_text(path: &str) -> String {
    std::fs::read_to_string(shared().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every official example and vector: its path and its JSON.
pub fn official_envelopes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        shared().join("ohp/examples/envelopes"),
        shared().join("ohp/conformance/test-vectors"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".json") && name != "expected.json" {
                found.push((
                    path.display().to_string(),
                    std::fs::read_to_string(&path).expect("readable"),
                ));
            }
        }
    }
    found.sort();
    found
}

/// An envelope's JSON as canonical CBOR.
pub fn to_cbor(text: &str) -> Vec<u8> {
    try_to_cbor(text).unwrap_or_else(|| panic!("not convertible: {text}"))
}

/// The same, where it may fail.
pub fn try_to_cbor(text: &str) -> Option<Vec<u8>> {
    let mut scratch = vec![0; json::scratch_len(text.len())];
    let mut out = vec![0; text.len() * 2 + 64];
    json::to_cbor(text.as_bytes(), SHAPE, &mut scratch, &mut out)
        .ok()
        .map(<[u8]>::to_vec)
}

/// SplitMix64: repeatable, and good enough to pick mutations.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// The DID of the sender in the tests' own trust bundle.
pub const SENDER_DID: &str = "did:web:agents.example.com:asst_cs7";
/// The DID of the receiver in it.
pub const RECEIVER_DID: &str = "did:web:cc.example.com";
/// The moment at which the example `02-signed-cs-handoff` is fresh.
pub const NOW: &str = "2026-05-28T13:51:00Z";

/// A moment.
pub fn at(text: &str) -> ohp::time::Timestamp {
    ohp::time::Timestamp::parse_rfc3339(text).expect("RFC 3339")
}

/// An Ed25519 key of the tests, made from one repeated byte.
pub fn key(seed: u8) -> ohp::trust::jwk::OwnKey {
    ohp::trust::jwk::OwnKey::ed25519([seed; 32], Some(&format!("test-key-{seed}")))
}

fn jwk(json: &str) -> serde_json::Value {
    serde_json::from_str(json).expect("a JWK")
}

/// The private JWK of [`key`].
pub fn private_jwk(seed: u8) -> serde_json::Value {
    jwk(&key(seed).to_private_json())
}

/// The public JWK of [`key`].
pub fn public_jwk(seed: u8) -> serde_json::Value {
    jwk(&key(seed).to_public_json())
}

/// One side's trust bundle as JSON: `vendor` with key `own`, who trusts the other side's DID with key `other`.
pub fn bundle_json((vendor, did, own): (&str, &str, u8), (other_did, other): (&str, u8)) -> serde_json::Value {
    serde_json::json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": vendor, "did": did, "agentId": "test-agent", "region": "uk-west",
            "maxTier": "signed", "keys": { "keys": [private_jwk(own)] }
        },
        "issuers": { other_did: { "jwks": { "keys": [public_jwk(other)] } } }
    })
}

/// A bundle out of its JSON.
pub fn bundle(json: &serde_json::Value) -> ohp::trust::bundle::Bundle {
    ohp::trust::bundle::Bundle::from_json(json.to_string().as_bytes()).expect("a bundle")
}

/// The receiving side of the signed example: trusts the sender's key 1, owns key 2.
pub fn receiver_json() -> serde_json::Value {
    let mut json = bundle_json(("vendor-b", RECEIVER_DID, 2), (SENDER_DID, 1));
    json["consentReceipts"] = serde_json::json!({
        "iso27560:rcpt_88a2": {
            "purpose": "human-takeover", "scope": ["transcript.summary", "intent.slots:non-phi", "accountRef"],
            "jurisdiction": "GB", "lawfulBasis": "gdpr.art6.1.b", "withdrawn": false
        }
    });
    json
}

/// An envelope's JSON as canonical CBOR with a real signature by key `seed` in place of the one it has.
pub fn sign(json: &serde_json::Value, seed: u8) -> Vec<u8> {
    let mut json = json.clone();
    json["signatures"] = serde_json::json!([]);
    let cbor = to_cbor(&json.to_string());
    let envelope = ohp::envelope::Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
    let keys = serde_json::json!({ "keys": [private_jwk(seed)] }).to_string();
    let keys = ohp::trust::jwk::OwnKeys::from_json(keys.as_bytes()).expect("keys");
    let now = envelope.issued_at().expect("a moment");
    let (mut scratch, mut out) = (
        vec![0; ohp::trust::jws::SCRATCH_LEN],
        vec![0; ohp::envelope::ENVELOPE_MAX],
    );
    ohp::trust::issue::issue(&envelope, &keys, now, &mut scratch, &mut out)
        .expect("a signature")
        .to_vec()
}

/// An official example or vector by a part of its path.
pub fn official(part: &str) -> serde_json::Value {
    let (_, text) = official_envelopes()
        .into_iter()
        .find(|(path, _)| path.contains(part))
        .expect(part);
    serde_json::from_str(&text).expect(part)
}
