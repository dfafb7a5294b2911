//! Logs of Rekor's kind: what is posted is what such a log takes, and what it answers proves an envelope and no other.

#[path = "common/rekor.rs"]
mod common;

use base64ct::{Base64, Encoding as _};
use common::{answer, log};
use ohp::crypto::es256;
use ohp::trust::bundle::Bundle;
use ohp::trust::transparency::anchor;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle::{self, Hash};
use ohp::trust::transparency::rekor::{self, RekorError};
use serde_json::{Value, json};

/// What stands for an envelope's signing surface.
const SURFACE: &[u8] = b"an envelope's surface";

fn submitter() -> es256::SigningKey {
    es256::SigningKey::from_bytes(&[0x42; 32]).expect("below the order")
}

fn sha256(content: &[u8]) -> Hash {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    digest.as_ref().try_into().expect("32 bytes")
}

fn bytes(text: &Value) -> Vec<u8> {
    Base64::decode_vec(text.as_str().expect("a text")).expect("base64")
}

/// Posts what is to be posted about `content`; another library looks at the signature, as the log would.
fn post(log: &mut LocalLog, content: &[u8], request: &str) -> Value {
    let posted: Value = serde_json::from_str(request).expect("JSON");
    let asked = &posted["hashedRekordRequestV002"];
    assert_eq!(bytes(&asked["digest"]), sha256(content));
    let verifier = &asked["signature"]["verifier"];
    assert_eq!(verifier["keyDetails"], "PKIX_ECDSA_P256_SHA_256");
    let spki = bytes(&verifier["publicKey"]["rawBytes"]);
    let point = spki.get(spki.len() - 65..).expect("an uncompressed point");
    ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point)
        .verify(content, &bytes(&asked["signature"]["content"]))
        .expect("a signature over the content");
    answer(log, request)
}

fn bundle(log: &LocalLog, leaf_hash: &Hash, entry: &str) -> Result<Bundle, String> {
    let entry: Value = serde_json::from_str(entry).expect("JSON");
    let name = format!(
        "sha256:{}",
        leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    );
    let bundle = json!({ "ohpTrust": 1, "logs": { "rekor.example.org": {
        "checkpointKeys": [log.verifier_key().expect("a name")], "entries": { name: entry } } } });
    Bundle::from_json(bundle.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn entry_that_a_log_answers_proves_the_envelope_in_a_bundle() {
    let mut log = log("proves");
    let leaf_hash = sha256(SURFACE);
    let answer = post(&mut log, SURFACE, &rekor::request(&leaf_hash, &submitter()));
    let anchored = rekor::answer(answer.to_string().as_bytes(), &leaf_hash).expect("an entry");
    assert_eq!((anchored.index, anchored.tree_size), (5, 6));
    let bundle = bundle(&log, &leaf_hash, &anchored.to_json()).expect("a bundle");
    let log = bundle.log("rekor.example.org").expect("the log");
    let entry = log.entry(&leaf_hash).expect("the entry");
    let leaf = entry.body.expect("the log's own entry");
    assert_eq!(anchor::verify(log, entry, &leaf), Ok(()));
    let surface = merkle::leaf_hash(&[SURFACE]);
    assert!(
        anchor::verify(log, entry, &surface).is_err(),
        "the surface is no leaf of such a log"
    );
}

#[test]
fn entry_about_another_content_is_refused_wherever_it_comes_from() {
    let mut log = log("other");
    let (leaf_hash, other) = (sha256(SURFACE), sha256(b"another envelope"));
    let answer = post(&mut log, SURFACE, &rekor::request(&leaf_hash, &submitter())).to_string();
    assert_eq!(rekor::answer(answer.as_bytes(), &other), Err(RekorError::OtherContent));
    let anchored = rekor::answer(answer.as_bytes(), &leaf_hash).expect("an entry");
    let refused = bundle(&log, &other, &anchored.to_json()).expect_err("another's entry");
    assert!(
        refused.contains("body: expected a hashedrekord of version 0.0.2"),
        "{refused}"
    );
}

#[test]
fn answer_of_another_form_is_refused_with_its_place() {
    let mut log = log("form");
    let leaf_hash = sha256(SURFACE);
    let answer = post(&mut log, SURFACE, &rekor::request(&leaf_hash, &submitter()));
    let refused = |change: fn(&mut Value)| {
        let mut answer = answer.clone();
        change(&mut answer);
        rekor::answer(answer.to_string().as_bytes(), &leaf_hash)
            .expect_err("refused")
            .to_string()
    };
    assert_eq!(
        refused(|answer| answer["inclusionProof"]["treeSize"] = json!("-6")),
        "the log's answer: inclusionProof.treeSize: expected a natural number, as a text or not"
    );
    assert_eq!(
        refused(|answer| answer["inclusionProof"]["hashes"][0] = json!("AAAA")),
        "the log's answer: inclusionProof.hashes[0]: expected the base64 text of 32 bytes"
    );
    assert_eq!(
        refused(|answer| answer["canonicalizedBody"] = json!("not base64")),
        "the log's answer: canonicalizedBody: not base64 (RFC 4648 §4, with padding)"
    );
    assert_eq!(
        refused(|answer| answer["canonicalizedBody"] = json!(Base64::encode_string(br#"{"kind":"dsse"}"#))),
        "the log's entry: kind: expected hashedrekord"
    );
    assert_eq!(
        refused(|answer| {
            let body = br#"{"kind":"hashedrekord","apiVersion":"0.0.1","spec":{}}"#;
            answer["canonicalizedBody"] = json!(Base64::encode_string(body));
        }),
        "the log's entry: apiVersion: expected 0.0.2"
    );
    assert_eq!(
        rekor::answer(b"<html>", &leaf_hash)
            .expect_err("no JSON")
            .to_string()
            .split(':')
            .next(),
        Some("the log's answer")
    );
}

#[test]
fn numbers_of_an_answer_may_be_numbers_and_zero_may_be_left_out() {
    let mut log = log("numbers");
    let leaf_hash = sha256(SURFACE);
    let mut answer = post(&mut log, SURFACE, &rekor::request(&leaf_hash, &submitter()));
    answer["inclusionProof"]["treeSize"] = json!(6);
    answer["inclusionProof"]
        .as_object_mut()
        .expect("an object")
        .remove("logIndex");
    let anchored = rekor::answer(answer.to_string().as_bytes(), &leaf_hash).expect("an entry");
    assert_eq!((anchored.index, anchored.tree_size), (0, 6));
}

#[test]
fn private_key_of_a_submitter_is_in_range_and_never_shown() {
    assert!(es256::SigningKey::from_bytes(&[0; 32]).is_err());
    assert!(es256::SigningKey::from_bytes(&[0xff; 32]).is_err());
    assert_eq!(format!("{:?}", submitter()), "SigningKey { .. }");
}
