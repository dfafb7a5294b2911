//! What a token costs: no allocation, and little of a call thread's stack.

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use ohp::crypto::sha256;
use ohp::time::Timestamp;
use ohp::trust::dpop::{self, Claim, Request};
use ohp::trust::sd_jwt::{self, CLAIMS_MAX, Expect, KeyBinding, SCRATCH_LEN, TYPES};
use serde_json::{Value, json};

use crate::dpop::{RFC_HEADER, RFC_TOKEN_REQUEST};
use crate::forge::{NOW, base64, jwk, key, token, usual_set};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

/// The whole is allowed 96 KiB; a verdict has frames of its own above these.
const STACK_MAX: usize = 64 * 1024;

/// A bound credential with many disclosures, most of them nested.
fn credential() -> String {
    let mut disclosures = Vec::new();
    let mut disclose = |parts: Value| {
        let text = base64(parts.to_string().as_bytes());
        let digest = base64(&sha256(&[text.as_bytes()]));
        disclosures.push(text);
        digest
    };
    let mut inner = disclose(json!(["salt", "innermost", 1]));
    for at in 0..20 {
        inner = disclose(json!(["salt", format!("n{at}"), { "_sd": [inner] }]));
    }
    let list: Vec<Value> = (0..10)
        .map(|at| json!({ "...": disclose(json!(["salt", at])) }))
        .collect();
    let holder: Value = serde_json::from_str(&jwk(5, "")).expect("JSON");
    let payload = json!({ "iss": "idp", "vct": "x", "_sd": [inner], "list": list, "cnf": { "jwk": holder } });
    let compact = format!("{}~{}~", token("dc+sd-jwt", &payload), disclosures.join("~"));
    sd_jwt::bind(&compact, &key(5), "us", "nonce", NOW)
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_MAX);
    thread.spawn(work).expect("a thread").join().expect("it fits");
}

#[test]
fn a_credential_is_verified_without_allocating_on_a_small_stack() {
    let credential = credential();
    let keys = usual_set();
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; CLAIMS_MAX]);
    on_a_small_stack(move || {
        let expect = Expect {
            types: &TYPES,
            issuer: "idp",
            now: NOW,
            key_binding: Some(KeyBinding {
                audience: "us",
                nonce: "nonce",
                max_age: 1000,
            }),
        };
        let none = std::iter::empty();
        let verified = assert_no_alloc(|| sd_jwt::verify(&credential, none, &expect, &keys, &mut scratch, &mut out));
        let claims = verified.expect("valid");
        let innermost: Vec<String> = (0..20).rev().map(|at| format!("n{at}")).collect();
        let innermost = claims.get(&format!("{}.innermost", innermost.join(".")));
        assert_eq!(innermost.and_then(|item| item.as_integer()), Some(1));
    });
}

#[test]
fn a_proof_of_possession_is_checked_without_allocating_on_a_small_stack() {
    let uri = format!("https://cc.example.com/{}", "a/../".repeat(300));
    let claim = Claim {
        method: "POST",
        uri: &uri,
        access_token: None,
        nonce: None,
        now: NOW,
        random: [7; 16],
    };
    let proof = dpop::prove(&key(5), &claim);
    let mut scratch = vec![0; dpop::SCRATCH_LEN];
    on_a_small_stack(move || {
        let request = Request {
            method: "POST",
            uri: "https://cc.example.com/",
            access_token: None,
            bound_to: None,
            nonce: None,
            now: NOW,
            window: 1000,
        };
        let checked = assert_no_alloc(|| dpop::check(&proof, &request, &mut |_| false, &mut scratch).map(|_| ()));
        assert_eq!(checked, Ok(()));
    });
}

#[test]
fn es256_is_verified_without_allocating_on_a_small_stack() {
    let proof = format!("{RFC_HEADER}.{RFC_TOKEN_REQUEST}");
    let mut scratch = vec![0; dpop::SCRATCH_LEN];
    on_a_small_stack(move || {
        let request = Request {
            method: "POST",
            uri: "https://server.example.com/token",
            access_token: None,
            bound_to: None,
            nonce: None,
            now: Timestamp::from_millis(1_562_262_616_000),
            window: 1000,
        };
        let checked = assert_no_alloc(|| dpop::check(&proof, &request, &mut |_| false, &mut scratch).map(|_| ()));
        assert_eq!(checked, Ok(()));
    });
}
