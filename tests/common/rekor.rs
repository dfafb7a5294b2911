//! A log of Rekor's kind for tests, written from Rekor's instructions for clients.

use std::path::PathBuf;

use base64ct::{Base64, Encoding as _};
use ohp::crypto::ed25519;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle;
use serde_json::{Value, json};

const ORIGIN: &str = "log2026.rekor.example.org";

/// A log that has other entries already.
pub fn log(name: &str) -> LocalLog {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rekor").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let mut log = LocalLog::open(&folder, ORIGIN, ed25519::SigningKey::from_seed([9; 32])).expect("a log");
    for other in 0..5_u8 {
        log.append(&merkle::leaf_hash(&[&[other]])).expect("appended");
    }
    log
}

/// What a log answers to what is posted: it makes its entry, and a checkpoint covers it.
pub fn answer(log: &mut LocalLog, request: &str) -> Value {
    let request: Value = serde_json::from_str(request).expect("JSON");
    let asked = &request["hashedRekordRequestV002"];
    // serde_json sorts names, and so is canonical here.
    let body = json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": { "hashedRekordV002": {
        "data": { "algorithm": "SHA2_256", "digest": asked["digest"] }, "signature": asked["signature"] } } })
    .to_string();
    let entry = log.append(&merkle::leaf_hash(&[body.as_bytes()])).expect("appended");
    let hashes: Vec<String> = entry.proof.iter().map(|hash| Base64::encode_string(hash)).collect();
    json!({
        "logIndex": entry.index.to_string(), "logId": { "keyId": "" },
        "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
        "inclusionProof": { "logIndex": entry.index.to_string(), "treeSize": entry.tree_size.to_string(),
            "rootHash": Base64::encode_string(&log.root(entry.tree_size).expect("a root")), "hashes": hashes,
            "checkpoint": { "envelope": entry.checkpoint } },
        "canonicalizedBody": Base64::encode_string(body.as_bytes()) })
}
