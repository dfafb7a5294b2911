//! Compact tokens: what verifies, and each thing that must not.

use ohp::cbor::json::{ErrorKind, from_cbor};
use ohp::time::Timestamp;
use ohp::trust::jwk::{JwkSet, KeyRefusal};
use ohp::trust::jws::JwsError;
use ohp::trust::jwt::{self, Compact, Expect, JsonObject, JwtError, Key, MAX_TOKEN_LEN};
use serde_json::{Value, json};

use crate::forge::{NOW, NOW_SECONDS, base64, jwk, key, set, token, token_of, usual_set};
use crate::suite::Suite;

const EXPECT: Expect<'_> = Expect {
    types: &["test+jwt"],
    now: NOW,
    max_len: MAX_TOKEN_LEN,
};

/// The claims as JSON, or why there are none.
fn verify_by(token: &str, keys: &JwkSet) -> Result<Value, JwtError> {
    let mut scratch = vec![0; jwt::scratch_len(token.len())];
    let claims = jwt::verify(token, &EXPECT, keys, &mut scratch)?;
    let members = claims.iter().map(|(name, value)| {
        let mut text = String::new();
        from_cbor(value, &mut text, false).expect("written");
        (name.to_owned(), serde_json::from_str(&text).expect("JSON"))
    });
    Ok(Value::Object(members.collect()))
}

fn verify(token: &str) -> Result<Value, JwtError> {
    verify_by(token, &usual_set())
}

fn with_header(header: &str) -> Result<Value, JwtError> {
    verify(&token_of(1, header, r#"{"sub":"x"}"#))
}

fn claims(payload: Value) -> Result<Value, JwtError> {
    verify(&token("test+jwt", &payload))
}

#[test]
fn a_token_gives_its_claims_back() {
    let payload =
        json!({ "iss": "a", "sub": "naïve \"x\"", "iat": NOW_SECONDS, "deep": { "list": [1, -2, 1.5, null] } });
    assert_eq!(claims(payload.clone()), Ok(payload));
    for typ in ["TEST+JWT", "application/test+jwt", "Application/Test+JWT"] {
        assert!(verify(&token(typ, &json!({}))).is_ok(), "{typ}");
    }
}

#[test]
fn what_this_library_signs_verifies() {
    let mut payload = JsonObject::new();
    payload
        .text("quote", "\"\\\u{1}é")
        .seconds("iat", NOW)
        .texts("list", ["a", "b"]);
    let token = jwt::sign(&key(1), "test+jwt", Some("idp"), &payload);
    let expected = json!({ "quote": "\"\\\u{1}é", "iat": NOW_SECONDS, "list": ["a", "b"] });
    assert_eq!(verify(&token), Ok(expected));
}

#[test]
fn the_cookbooks_ed25519_token_verifies() {
    let Some(suite) = Suite::open("jose-cookbook", &[]) else {
        return;
    };
    let example = suite.json("curve25519/jws.json");
    let key = ohp::trust::jwk::Jwk::from_json(example["input"]["key"].to_string().as_bytes()).expect("a key");
    let compact = example["output"]["compact"].as_str().expect("compact");
    let token = Compact::parse(compact, MAX_TOKEN_LEN).expect("a token");
    token
        .verify("EdDSA", Key::of(&key.material).expect("verifies"))
        .expect("valid");
    // Its payload is a sentence, so it is no set of claims; and it has no type.
    assert_eq!(verify(compact), Err(JwtError::Type));
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"test+jwt","kid":"idp"}}"#);
        assert_eq!(with_header(&header), Err(JwtError::Header(JwsError::AlgNone)), "{alg}");
    }
    let unsigned = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(b"{}"));
    assert_eq!(verify(&unsigned), Err(JwtError::Form));
}

#[test]
fn the_key_decides_the_algorithm_and_not_the_token() {
    for alg in ["HS256", "RS256", "ES256", "ML-DSA-65", "eddsa", ""] {
        let header = format!(r#"{{"alg":"{alg}","typ":"test+jwt","kid":"idp"}}"#);
        assert_eq!(with_header(&header), Err(JwtError::AlgNotOfKey), "{alg}");
    }
    assert_eq!(
        with_header(r#"{"typ":"test+jwt","kid":"idp"}"#),
        Err(JwtError::Header(JwsError::AlgMissing))
    );
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let own = jwk(9, "");
    for member in [
        format!(r#""jwk":{own}"#),
        r#""jku":"https://evil.example/jwks""#.into(),
        r#""x5u":"https://evil.example/x5u""#.into(),
        r#""x5c":["MIIB"]"#.into(),
    ] {
        let header = format!(r#"{{"alg":"EdDSA","typ":"test+jwt","kid":"idp",{member}}}"#);
        let expected = Err(JwtError::Header(JwsError::EmbeddedKey));
        assert_eq!(verify(&token_of(9, &header, "{}")), expected, "{member}");
        assert_eq!(with_header(&header), expected, "{member}");
    }
}

#[test]
fn critical_extensions_are_not_understood() {
    for (header, expected) in [
        (r#""crit":["exp"],"exp":1"#, JwtError::Header(JwsError::CritUnknown)),
        (r#""crit":[]"#, JwtError::Header(JwsError::Crit)),
        (r#""crit":["b64"],"b64":false"#, JwtError::PayloadNotEncoded),
        (r#""b64":false"#, JwtError::Header(JwsError::B64)),
    ] {
        let header = format!(r#"{{"alg":"EdDSA","typ":"test+jwt","kid":"idp",{header}}}"#);
        assert_eq!(with_header(&header), Err(expected), "{header}");
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    for typ in [
        "",
        "JWT",
        "dc+sd-jwt",
        "test+jwt2",
        "text/test+jwt",
        "application/application/test+jwt",
    ] {
        assert_eq!(verify(&token(typ, &json!({}))), Err(JwtError::Type), "{typ}");
    }
    assert_eq!(with_header(r#"{"alg":"EdDSA","kid":"idp"}"#), Err(JwtError::Type));
    assert_eq!(
        with_header(r#"{"alg":"EdDSA","kid":"idp","typ":7}"#),
        Err(JwtError::Type)
    );
}

#[test]
fn a_member_given_twice_is_refused_in_header_and_payload() {
    let twice = token_of(1, r#"{"alg":"EdDSA","alg":"EdDSA","typ":"test+jwt"}"#, "{}");
    assert_eq!(
        verify(&twice),
        Err(JwtError::Header(JwsError::HeaderJson(ErrorKind::DuplicateKey)))
    );
    let header = r#"{"alg":"EdDSA","typ":"test+jwt","kid":"idp"}"#;
    let twice = token_of(1, header, r#"{"sub":"a","\u0073ub":"b"}"#);
    assert_eq!(verify(&twice), Err(JwtError::PayloadJson(ErrorKind::DuplicateKey)));
    for (payload, expected) in [
        ("[]", JwtError::PayloadNotObject),
        ("\"a\"", JwtError::PayloadNotObject),
        ("{} ", JwtError::Form),
        ("{}{}", JwtError::PayloadJson(ErrorKind::Trailing)),
        ("", JwtError::Form),
    ] {
        let token = token_of(1, header, payload);
        match payload {
            "{} " => assert!(verify(&token).is_ok(), "blanks are JSON's"),
            _ => assert_eq!(verify(&token), Err(expected), "{payload}"),
        }
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    assert_eq!(
        verify(&token_of(1, header, &deep)),
        Err(JwtError::PayloadJson(ErrorKind::TooDeep))
    );
}

#[test]
fn no_character_of_a_token_can_be_exchanged() {
    let token = token("test+jwt", &json!({ "sub": "x" }));
    for at in 0..token.len() {
        for other in ["A", "b", "0", "-", "_", ".", "=", "+", "~", "é"] {
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(changed == token || verify(&changed).is_err(), "{changed}");
        }
    }
    for changed in [
        format!("{token}="),
        format!("{token}."),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
    ] {
        assert!(verify(&changed).is_err(), "{changed:?}");
    }
}

#[test]
fn the_last_character_has_one_spelling() {
    let token = token("test+jwt", &json!({ "sub": "x" }));
    // 64 bytes leave four bits unused in the last character; with one of them set it decodes alike where nobody looks.
    let (rest, last) = token.split_at(token.len() - 1);
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = digits.find(last).expect("a digit");
    let other = format!("{rest}{}", &digits[value + 1..value + 2]);
    assert_eq!(verify(&other), Err(JwtError::SignatureBase64));
}

#[test]
fn times_are_judged_with_five_seconds_of_skew() {
    for (claim, seconds, expected) in [
        ("exp", 0, Ok(())),
        ("exp", -4, Ok(())),
        ("exp", -5, Err(JwtError::Expired)),
        ("nbf", 5, Ok(())),
        ("nbf", 6, Err(JwtError::NotYetValid)),
        ("iat", 5, Ok(())),
        ("iat", 6, Err(JwtError::IssuedInFuture)),
        ("iat", -1_000_000_000, Ok(())),
    ] {
        let result = claims(json!({ claim: NOW_SECONDS + seconds }));
        assert_eq!(result.map(|_| ()), expected, "{claim} {seconds}");
    }
    assert!(claims(json!({ "exp": NOW_SECONDS as f64 - 4.5 })).is_ok());
    for wrong in [
        json!("1780000000"),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(null),
        json!([]),
    ] {
        for claim in ["exp", "nbf", "iat"] {
            assert_eq!(claims(json!({ claim: wrong })), Err(JwtError::Time), "{claim} {wrong}");
        }
    }
}

#[test]
fn a_key_is_believed_for_the_time_that_its_owner_says() {
    let token = |iat: Option<i64>| {
        token(
            "test+jwt",
            &iat.map_or(json!({}), |iat| json!({ "iat": NOW_SECONDS + iat })),
        )
    };
    let verify = |members: &str, iat| {
        let keys = set(&[jwk(1, &format!(r#","kid":"idp"{members}"#))]);
        verify_by(&token(iat), &keys).map(|_| ())
    };
    let moment = |seconds: i64| Timestamp::from_millis((NOW_SECONDS + seconds) * 1000).to_text();
    let until = |seconds: i64| format!(r#","use":"sig","validUntil":"{}""#, moment(seconds).as_str());
    let refused = |refusal| Err(JwtError::Key(refusal));
    assert_eq!(verify(&until(-10), Some(-20)), Ok(()), "issued while the key was valid");
    assert_eq!(verify(&until(-10), Some(-5)), refused(KeyRefusal::Expired));
    assert_eq!(
        verify(&until(-10), None),
        refused(KeyRefusal::Expired),
        "no iat: judged now"
    );
    let from = format!(r#","use":"sig","validFrom":"{}""#, moment(-10).as_str());
    assert_eq!(verify(&from, Some(-20)), refused(KeyRefusal::NotYetValid));
    // Whoever has stolen a key writes any `iat`.
    let revoked = format!(r#"{},"revoked":true"#, until(-10));
    assert_eq!(verify(&revoked, Some(-20)), refused(KeyRefusal::Revoked));
    assert_eq!(verify(r#","use":"enc""#, None), refused(KeyRefusal::NotForSignatures));
    assert_eq!(verify("", None), refused(KeyRefusal::NotForSignatures));
    assert_eq!(
        verify(r#","use":"sig","alg":"ES256""#, None),
        refused(KeyRefusal::OtherAlgorithm)
    );
}

#[test]
fn the_kid_chooses_among_the_issuers_keys_and_nothing_else() {
    let two = [
        jwk(1, r#","kid":"idp","use":"sig""#),
        jwk(2, r#","kid":"other","use":"sig""#),
    ];
    let by = |kid: &str, seed| token_of(seed, &format!(r#"{{"alg":"EdDSA","typ":"test+jwt"{kid}}}"#), "{}");
    let keys = set(&two);
    assert!(verify_by(&by(r#","kid":"idp""#, 1), &keys).is_ok());
    assert_eq!(
        verify_by(&by(r#","kid":"other""#, 1), &keys),
        Err(JwtError::BadSignature),
        "crossed"
    );
    assert_eq!(
        verify_by(&by(r#","kid":"gone""#, 1), &keys),
        Err(JwtError::Key(KeyRefusal::Unknown))
    );
    assert_eq!(verify_by(&by("", 1), &keys), Err(JwtError::Key(KeyRefusal::NotTheOnly)));
    assert!(
        verify_by(&by("", 1), &usual_set()).is_ok(),
        "the only one needs no name"
    );
    let sealing = format!(
        r#"{{"kty":"OKP","crv":"X25519","kid":"idp","use":"enc","x":"{}"}}"#,
        base64(&[9; 32])
    );
    assert_eq!(
        verify_by(&by(r#","kid":"idp""#, 1), &set(&[sealing])),
        Err(JwtError::Key(KeyRefusal::WrongKind))
    );
}

#[test]
fn lengths_are_bounded_and_scratch_too_short_is_said() {
    assert_eq!(verify(&"a".repeat(MAX_TOKEN_LEN + 1)), Err(JwtError::TooLong));
    let token = token("test+jwt", &json!({ "sub": "x".repeat(300) }));
    let enough = jwt::scratch_len(token.len());
    for len in 0..enough {
        match jwt::verify(&token, &EXPECT, &usual_set(), &mut vec![0; len]) {
            Ok(_) | Err(JwtError::ScratchTooShort) => {}
            other => panic!("{len}: {other:?}"),
        }
    }
    let densest = format!("[{}1.1]", "1.1,".repeat(500));
    let token = token_of(
        1,
        r#"{"alg":"EdDSA","typ":"test+jwt"}"#,
        &format!("{{\"a\":{densest}}}"),
    );
    assert!(
        verify(&token).is_ok(),
        "the documented length suffices for the worst JSON"
    );
}
