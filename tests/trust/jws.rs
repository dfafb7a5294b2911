//! Detached JWS: what verifies, and each thing that must not.

use ohp::cbor::json;
use ohp::crypto::ed25519::{PublicKey, SigningKey};
use ohp::time::Timestamp;
use ohp::trust::base64url;
use ohp::trust::jwk::{JwkSet, OwnKey};
use ohp::trust::jws::{
    self, Expect, JwsError, MAX_JWS_LEN, MAX_PAYLOAD_LEN, SCRATCH_LEN, sign_detached, verify_detached,
};
use serde_json::Value;

use crate::suite::{Exception, Suite};

/// RFC 8037, appendix A.
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const PAYLOAD: &[u8] = b"Example of Ed25519 signing";

const ANY_KEY: Expect<'_> = Expect {
    alg: "EdDSA",
    kid: None,
};
const KEY_1: Expect<'_> = Expect {
    alg: "EdDSA",
    kid: Some("key-1"),
};

fn key() -> SigningKey {
    SigningKey::from_seed(base64url::decode_exact(D).expect("base64url"))
}

fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; base64url::encoded_len(bytes.len())];
    base64url::encode(bytes, &mut text).expect("fits").to_owned()
}

/// A JWS with that very header, signed as RFC 7515 says.
fn signed(header: &str) -> String {
    let header = base64(header.as_bytes());
    let signature = key().sign(format!("{header}.{}", base64(PAYLOAD)).as_bytes());
    format!("{header}..{}", base64(&signature))
}

fn verify(jws: &str, expect: &Expect<'_>) -> Result<(), JwsError> {
    verify_detached(jws, expect, &key().public(), &[PAYLOAD], &mut [0; SCRATCH_LEN])
}

#[test]
fn rfc_8037_appendix_a_4_verifies_and_comes_out_when_signed() {
    let public = PublicKey::parse(&base64url::decode_exact(X).expect("base64url")).expect("a key");
    assert_eq!(public, key().public());
    let jws = format!("eyJhbGciOiJFZERTQSJ9..{SIGNATURE}");
    verify_detached(&jws, &ANY_KEY, &public, &[PAYLOAD], &mut [0; SCRATCH_LEN]).expect("valid");
    assert_eq!(signed(r#"{"alg":"EdDSA"}"#), jws);
}

/// What of the JOSE cookbook is not as the cookbook has it.
const COOKBOOK: &[Exception] = &[
    Exception {
        outcome: "AlgNotOfKey",
        reason: "Only EdDSA signs envelopes; RSA, ECDSA and HMAC are refused by name.",
        cases: &[
            "jws/4_1.rsa_v15_signature.json",
            "jws/4_2.rsa-pss_signature.json",
            "jws/4_3.ecdsa_signature.json",
            "jws/4_4.hmac-sha2_integrity_protection.json",
            "jws/4_5.signature_with_detached_content.json",
            "jws/4_6.protecting_specific_header_fields.json",
            "rfc7797/hmac-sha2_b64_false.json",
        ],
    },
    Exception {
        outcome: "Form",
        reason: "An unprotected header could be exchanged, so there is no signature without a protected one.",
        cases: &["jws/4_7.protecting_content_only.json"],
    },
    Exception {
        outcome: "AlgNotOfKey, Form, AlgNotOfKey",
        reason: "Three signatures with both of the above.",
        cases: &["jws/4_8.multiple_signatures.json"],
    },
    Exception {
        outcome: "B64",
        reason: "RFC 7797 §6 demands that `crit` names `b64`; the encoded header of this example has no `crit`.",
        cases: &["rfc7797/4.2.hmac-sha2_b64_false.json"],
    },
    Exception {
        outcome: "Form",
        reason: "An encryption, not a signature.",
        cases: &["curve25519/ecdh-es.json"],
    },
];

/// What becomes of the signatures of a cookbook's example, which are all valid, once they are detached.
fn judged(example: &Value) -> Result<(), String> {
    let mut scratch = [0; SCRATCH_LEN];
    let payload = example["input"]["payload"].as_str().unwrap_or_default();
    let alg = |at: usize| {
        let alg = &example["input"]["alg"];
        alg.as_str().or(alg[at].as_str()).expect("an algorithm")
    };
    let Some(signatures) = example["output"]["json"]["signatures"].as_array() else {
        let compact = example["output"]["compact"].as_str().expect("compact");
        let expect = Expect { alg: alg(0), kid: None };
        let result = verify_detached(compact, &expect, &key().public(), &[], &mut scratch);
        return result.map_err(|error| format!("{error:?}"));
    };
    let mut outcomes = Vec::new();
    for (at, signature) in signatures.iter().enumerate() {
        let text = |name: &str| signature[name].as_str().unwrap_or_default();
        let jws = format!("{}..{}", text("protected"), text("signature"));
        if let Ok(header) = jws::header(&jws, &mut scratch) {
            assert_eq!(header.alg, alg(at));
            match example["output"]["json"]["payload"].as_str() {
                Some(in_json) if header.payload_is_encoded => assert_eq!(base64(payload.as_bytes()), in_json),
                Some(in_json) => assert_eq!(payload, in_json),
                None => {}
            }
        }
        let expect = Expect {
            alg: alg(at),
            kid: None,
        };
        if let Err(error) = verify_detached(&jws, &expect, &key().public(), &[payload.as_bytes()], &mut scratch) {
            outcomes.push(format!("{error:?}"));
        }
    }
    if outcomes.is_empty() {
        Ok(())
    } else {
        Err(outcomes.join(", "))
    }
}

/// What becomes of a key that the cookbook calls one: it can be in a set, though nothing is verified with it.
fn read_key(key: &Value) -> Result<(), String> {
    let set = format!(r#"{{"keys":[{key}]}}"#);
    let set = JwkSet::from_json(set.as_bytes()).map_err(|error| error.to_string())?;
    match set.ed25519(key["kid"].as_str(), Timestamp::from_millis(0)) {
        Ok(_) => Err("taken for an Ed25519 key".to_owned()),
        Err(_) => Ok(()),
    }
}

#[test]
fn the_jose_cookbook_is_judged_as_it_says() {
    let Some(mut suite) = Suite::open("jose-cookbook", &[COOKBOOK]) else {
        return;
    };
    for (name, json) in suite.files(&[".json"]) {
        let example: Value = serde_json::from_slice(&json).expect("JSON");
        let outcome = if name.starts_with("jwk/") {
            read_key(&example)
        } else {
            judged(&example)
        };
        suite.case(&name, outcome);
    }
    // The key that the one Ed25519 signature is verified with is the example's own.
    let example = suite.json("curve25519/jws.json");
    let own = OwnKey::from_json(example["input"]["key"].to_string().as_bytes()).expect("a key");
    let public = JwkSet::from_json(format!(r#"{{"keys":[{}]}}"#, own.to_public_json()).as_bytes()).expect("a set");
    assert_eq!(public.ed25519(None, Timestamp::from_millis(0)), Ok(&key().public()));
    suite.end();
}

#[test]
fn no_character_of_a_jws_can_be_exchanged() {
    let jws = signed(r#"{"alg":"EdDSA","kid":"key-1"}"#);
    for at in 0..jws.len() {
        for other in ["A", "b", "0", "-", "_", ".", "=", "+", "é"] {
            let changed = format!("{}{other}{}", &jws[..at], &jws[at + 1..]);
            assert!(changed == jws || verify(&changed, &KEY_1).is_err(), "{changed}");
        }
    }
}

#[test]
fn what_is_signed_verifies_however_the_payload_is_cut() {
    let mut out = [0; MAX_JWS_LEN];
    let payload: Vec<u8> = (0..MAX_PAYLOAD_LEN).map(|at| (at * 7) as u8).collect();
    let mut scratch = [0; SCRATCH_LEN];
    let jws = sign_detached(&key(), "key-1", &[&payload], &mut scratch, &mut out).expect("fits");
    assert!(
        jws.starts_with(&format!("{}..", base64(br#"{"alg":"EdDSA","kid":"key-1"}"#))),
        "{jws}"
    );
    for cut in [0, 1, 2, 3, 4, 500, 8190, 8191, 8192] {
        let (front, back) = payload.split_at(cut);
        let pieces = [front, b"", back];
        verify_detached(jws, &KEY_1, &key().public(), &pieces, &mut scratch).expect("valid");
    }
    let longer = [&payload[..], b"!"];
    assert_eq!(
        verify_detached(jws, &KEY_1, &key().public(), &longer, &mut scratch),
        Err(JwsError::PayloadTooLong)
    );
    assert_eq!(
        sign_detached(&key(), "key-1", &longer, &mut scratch, &mut [0; MAX_JWS_LEN]),
        Err(JwsError::PayloadTooLong)
    );
}

/// What each header leads to, although the signature over it is good.
#[test]
fn headers_with_alg_none_embedded_keys_or_unknown_crit_are_refused_with_their_reason() {
    let good = r#""alg":"EdDSA","kid":"key-1""#;
    let cases: &[(&str, JwsError)] = &[
        (r#"{"alg":"none","kid":"key-1"}"#, JwsError::AlgNone),
        (r#"{"alg":"NonE","kid":"key-1"}"#, JwsError::AlgNone),
        (r#"{"alg":"HS256","kid":"key-1"}"#, JwsError::AlgDiffers),
        (r#"{"alg":"ML-DSA-65","kid":"key-1"}"#, JwsError::AlgDiffers),
        (r#"{"alg":"eddsa","kid":"key-1"}"#, JwsError::AlgDiffers),
        (r#"{"kid":"key-1"}"#, JwsError::AlgMissing),
        (r#"{"alg":1,"kid":"key-1"}"#, JwsError::AlgMissing),
        (r#"{"alg":"EdDSA"}"#, JwsError::KidMissing),
        (r#"{"alg":"EdDSA","kid":7}"#, JwsError::KidMissing),
        (r#"{"alg":"EdDSA","kid":"key-2"}"#, JwsError::KidDiffers),
        (r#"{"alg":"EdDSA","kid":"Key-1"}"#, JwsError::KidDiffers),
        (
            r#"{GOOD,"jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#,
            JwsError::EmbeddedKey,
        ),
        (r#"{GOOD,"jku":"https://evil.example/jwks"}"#, JwsError::EmbeddedKey),
        (r#"{GOOD,"x5u":"https://evil.example/chain"}"#, JwsError::EmbeddedKey),
        (r#"{GOOD,"x5c":["AA"]}"#, JwsError::EmbeddedKey),
        (
            r#"{GOOD,"\u006aku":"https://evil.example/jwks"}"#,
            JwsError::EmbeddedKey,
        ),
        (r#"{GOOD,"crit":["exp"],"exp":1}"#, JwsError::CritUnknown),
        (
            r#"{GOOD,"crit":["b64","exp"],"b64":true,"exp":1}"#,
            JwsError::CritUnknown,
        ),
        (r#"{GOOD,"crit":["b64"]}"#, JwsError::Crit),
        (r#"{GOOD,"crit":["b64","b64"],"b64":true}"#, JwsError::Crit),
        (r#"{GOOD,"crit":[]}"#, JwsError::Crit),
        (r#"{GOOD,"crit":"b64","b64":true}"#, JwsError::Crit),
        (r#"{GOOD,"crit":[true],"b64":true}"#, JwsError::Crit),
        (r#"{GOOD,"crit":null}"#, JwsError::Crit),
        (r#"{GOOD,"b64":false}"#, JwsError::B64),
        (r#"{GOOD,"b64":0,"crit":["b64"]}"#, JwsError::B64),
        (
            r#"{GOOD,"alg":"EdDSA"}"#,
            JwsError::HeaderJson(json::ErrorKind::DuplicateKey),
        ),
        (
            r#"{GOOD,"\u006bid":"key-1"}"#,
            JwsError::HeaderJson(json::ErrorKind::DuplicateKey),
        ),
        (r#"{GOOD}x"#, JwsError::HeaderJson(json::ErrorKind::Trailing)),
        (r#"{GOOD"#, JwsError::HeaderJson(json::ErrorKind::End)),
        (r#"["EdDSA","key-1"]"#, JwsError::HeaderNotObject),
    ];
    for (header, error) in cases {
        let header = header.replace("GOOD", good);
        assert_eq!(verify(&signed(&header), &KEY_1), Err(*error), "{header}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn headers_that_say_more_than_they_must_are_accepted() {
    for header in [
        r#"{"alg":"EdDSA","kid":"key-1"}"#,
        r#"{ "kid" : "key-1" , "alg" : "EdDSA" }"#,
        r#"{"alg":"EdDSA","kid":"key\u002d1"}"#,
        r#"{"alg":"EdDSA","kid":"key-1","typ":"JOSE","cty":"application/cbor","nested":{"crit":["x"]}}"#,
        r#"{"alg":"EdDSA","kid":"key-1","b64":true}"#,
        r#"{"alg":"EdDSA","kid":"key-1","b64":true,"crit":["b64"]}"#,
    ] {
        verify(&signed(header), &KEY_1).unwrap_or_else(|error| panic!("{header}: {error}"));
    }
}

#[test]
fn forms_that_are_not_a_canonical_detached_jws_are_refused() {
    let jws = signed(r#"{"alg":"EdDSA","kid":"key-1"}"#);
    let (header, signature) = jws.split_once("..").expect("detached");
    let payload = base64(PAYLOAD);
    let cases = [
        (format!("{header}.{payload}.{signature}"), JwsError::Form),
        (format!("{header}.{signature}"), JwsError::Form),
        (format!("{header}..{signature}."), JwsError::Form),
        (format!("{header}.."), JwsError::Form),
        (format!("..{signature}"), JwsError::Form),
        (String::new(), JwsError::Form),
        (format!("{header}=..{signature}"), JwsError::HeaderBase64),
        (format!("{header}\n..{signature}"), JwsError::HeaderBase64),
        (format!("+{}..{signature}", &header[1..]), JwsError::HeaderBase64),
        (format!("{header}..{signature}=="), JwsError::SignatureLength),
        (format!("{header}..{}", &signature[1..]), JwsError::SignatureLength),
        (
            format!("{header}..{}", signature.replace(['-', '_'], "+")),
            JwsError::SignatureBase64,
        ),
        (format!("{}..{signature}", "A".repeat(513)), JwsError::HeaderTooLong),
    ];
    for (jws, error) in cases {
        assert_eq!(verify(&jws, &KEY_1), Err(error), "{jws}");
    }
    // 64 bytes leave four bits over in the last of 86 characters: 15 further texts for the same bytes.
    let (front, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).expect("base64url");
    for twin in (value + 1)..(value + 16) {
        let twin = format!("{header}..{front}{}", &alphabet[twin..=twin]);
        assert_eq!(verify(&twin, &KEY_1), Err(JwsError::SignatureBase64), "{twin}");
    }
}

#[test]
fn another_payload_key_or_header_spoils_the_signature() {
    let jws = signed(r#"{"alg":"EdDSA","kid":"key-1"}"#);
    let mut scratch = [0; SCRATCH_LEN];
    let bad = Err(JwsError::BadSignature);
    let other = SigningKey::from_seed([7; 32]).public();
    assert_eq!(verify_detached(&jws, &KEY_1, &other, &[PAYLOAD], &mut scratch), bad);
    let key = key().public();
    assert_eq!(verify_detached(&jws, &KEY_1, &key, &[&PAYLOAD[1..]], &mut scratch), bad);
    assert_eq!(
        verify_detached(&jws, &KEY_1, &key, &[PAYLOAD, b"\0"], &mut scratch),
        bad
    );
    let (_, signature) = jws.split_once("..").expect("detached");
    let header = base64(br#"{"alg": "EdDSA","kid":"key-1"}"#);
    assert_eq!(verify(&format!("{header}..{signature}"), &KEY_1), bad);
}

#[test]
fn an_entry_of_another_algorithm_is_not_verified_with_an_ed25519_key() {
    let expect = Expect {
        alg: "ML-DSA-65",
        kid: Some("key-1"),
    };
    assert_eq!(
        verify(&signed(r#"{"alg":"ML-DSA-65","kid":"key-1"}"#), &expect),
        Err(JwsError::AlgNotOfKey)
    );
    assert_eq!(
        verify(&signed(r#"{"alg":"EdDSA","kid":"key-1"}"#), &expect),
        Err(JwsError::AlgDiffers)
    );
}

#[test]
fn an_unencoded_payload_is_understood_as_rfc_7797_says() {
    let header = base64(br#"{"alg":"EdDSA","kid":"key-1","b64":false,"crit":["b64"]}"#);
    // Bytes that no text form could carry: a detached payload may hold anything.
    let payload = b"\xa1\x00.\xff$.02";
    let input = [header.as_bytes(), b".", payload].concat();
    let jws = format!("{header}..{}", base64(&key().sign(&input)));
    let mut scratch = [0; SCRATCH_LEN];
    let pieces: [&[u8]; 3] = [&payload[..2], b"", &payload[2..]];
    verify_detached(&jws, &KEY_1, &key().public(), &pieces, &mut scratch).expect("valid");
    let encoded = key().sign(format!("{header}.{}", base64(payload)).as_bytes());
    let encoded = format!("{header}..{}", base64(&encoded));
    assert_eq!(
        verify_detached(&encoded, &KEY_1, &key().public(), &pieces, &mut scratch),
        Err(JwsError::BadSignature)
    );
}

#[test]
fn a_header_can_be_read_before_the_key_is_known() {
    let mut scratch = [0; SCRATCH_LEN];
    let header = jws::header(&signed(r#"{"alg":"ES256","kid":"a\"\u00e9"}"#), &mut scratch).map(|header| {
        assert_eq!(
            (header.alg, header.kid, header.payload_is_encoded),
            ("ES256", Some("a\"é"), true)
        );
    });
    assert_eq!(header, Ok(()));
}

#[test]
fn any_kid_that_fits_survives_its_header() {
    let mut scratch = [0; SCRATCH_LEN];
    for kid in [
        "",
        "did:web:example.org#key-1",
        "\"\\\n\u{1}",
        "ключ-🔑",
        &"k".repeat(300),
    ] {
        let mut out = [0; MAX_JWS_LEN];
        let jws = sign_detached(&key(), kid, &[PAYLOAD], &mut scratch, &mut out).expect("fits");
        let expect = Expect {
            alg: "EdDSA",
            kid: Some(kid),
        };
        assert_eq!(verify(jws, &expect), Ok(()), "{kid:?}");
    }
    for kid in ["k".repeat(400), "\u{1}".repeat(70)] {
        let mut out = [0; MAX_JWS_LEN];
        let refused = sign_detached(&key(), &kid, &[PAYLOAD], &mut scratch, &mut out);
        assert_eq!(refused, Err(JwsError::HeaderTooLong));
    }
}

#[test]
fn buffers_that_are_too_short_are_refused_not_overrun() {
    let jws = signed(r#"{"alg":"EdDSA","kid":"key-1"}"#);
    let mut enough = SCRATCH_LEN;
    for len in (0..SCRATCH_LEN).rev() {
        match verify_detached(&jws, &KEY_1, &key().public(), &[PAYLOAD], &mut vec![0; len]) {
            Ok(()) => enough = len,
            Err(error) => {
                assert_eq!(error, JwsError::ScratchTooShort);
                break;
            }
        }
    }
    assert!(enough < 1024, "a short payload took {enough} bytes");
    for len in 0..jws.len() {
        let mut out = vec![0; len];
        let refused = sign_detached(&key(), "key-1", &[PAYLOAD], &mut [0; SCRATCH_LEN], &mut out);
        assert_eq!(refused, Err(JwsError::OutputTooShort), "{len}");
    }
    let mut out = vec![0; jws.len()];
    let made = sign_detached(&key(), "key-1", &[PAYLOAD], &mut [0; SCRATCH_LEN], &mut out);
    assert_eq!(made, Ok(jws.as_str()));
}
