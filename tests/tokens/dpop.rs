//! Proofs of possession: what a proof is good for, and everything else that it is not.

use ohp::crypto::sha256;
use ohp::trust::dpop::{self, Claim, DEFAULT_WINDOW_MS, DpopError, MAX_PROOF_LEN, Request, SCRATCH_LEN, check, prove};
use ohp::trust::jwk::Jwk;
use ohp::trust::jws::JwsError;
use ohp::trust::jwt::JwtError;
use ohp::trust::token_key::BadTokenKey;
use serde_json::{Value, json};

use crate::forge::{NOW, NOW_SECONDS, base64, jwk, key, token_of};

const URI: &str = "https://cc.example.com/ohp/v0.1/handoff";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

const CLAIM: Claim<'_> = Claim {
    method: "POST",
    uri: URI,
    access_token: Some(TOKEN),
    nonce: None,
    now: NOW,
    random: [7; 16],
};

const REQUEST: Request<'_> = Request {
    method: "POST",
    uri: URI,
    access_token: Some(TOKEN),
    bound_to: None,
    nonce: None,
    now: NOW,
    window: DEFAULT_WINDOW_MS,
};

fn checked(proof: &str, request: &Request<'_>) -> Result<(), DpopError> {
    check(proof, request, &mut |_| false, &mut vec![0; SCRATCH_LEN]).map(|_| ())
}

fn thumbprint(seed: u8) -> String {
    let jwk = Jwk::from_json(jwk(seed, "").as_bytes()).expect("a key");
    jwk.thumbprint().expect("of Ed25519").as_str().to_owned()
}

fn payload() -> Value {
    json!({ "jti": "a-b-c", "htm": "POST", "htu": URI, "iat": NOW_SECONDS,
        "ath": base64(&sha256(&[TOKEN.as_bytes()])) })
}

/// A proof by key 5 with that payload and these members in its header instead of the usual ones.
fn forged(header: Value, payload: &Value) -> String {
    let own: Value = serde_json::from_str(&jwk(5, "")).expect("JSON");
    let mut whole = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": own });
    let members = whole.as_object_mut().expect("an object");
    for (name, value) in header.as_object().expect("an object") {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    token_of(5, &whole.to_string(), &payload.to_string())
}

fn with_header(header: Value) -> Result<(), DpopError> {
    checked(&forged(header, &payload()), &REQUEST)
}

fn with(name: &str, value: Value) -> Result<(), DpopError> {
    let mut payload = payload();
    match value {
        Value::Null => payload.as_object_mut().expect("an object").remove(name),
        value => payload.as_object_mut().expect("an object").insert(name.into(), value),
    };
    checked(&forged(json!({}), &payload), &REQUEST)
}

#[test]
fn a_proof_for_this_request_by_the_bound_key_holds() {
    let proof = prove(&key(5), &CLAIM);
    let own = thumbprint(5);
    let request = Request {
        bound_to: Some(&own),
        ..REQUEST
    };
    let mut scratch = vec![0; SCRATCH_LEN];
    let mut asked = Vec::new();
    let seen = &mut |proof: &dpop::Proof<'_>| {
        asked.push((proof.thumbprint.as_str().to_owned(), proof.id.to_owned()));
        false
    };
    let found = check(&proof, &request, seen, &mut scratch).expect("holds");
    assert_eq!(found.thumbprint.as_str(), own);
    assert_eq!((found.id, found.issued_at), (base64(&[7; 16]).as_str(), NOW));
    assert_eq!(found.expires, NOW.plus(DEFAULT_WINDOW_MS + 1));
    assert_eq!(asked, [(own, base64(&[7; 16]))]);
    assert_eq!(with_header(json!({})), Ok(()));
}

#[test]
fn a_proof_used_twice_is_refused() {
    let proof = prove(&key(5), &CLAIM);
    let mut used = Vec::new();
    let mut seen = |proof: &dpop::Proof<'_>| {
        let name = (proof.thumbprint, proof.id.to_owned());
        let before = used.contains(&name);
        used.push(name);
        before
    };
    let mut scratch = vec![0; SCRATCH_LEN];
    let mut check = |proof: &str, request: &Request<'_>| check(proof, request, &mut seen, &mut scratch).map(|_| ());
    // One that is refused for another reason does not use the identifier up.
    let elsewhere = Request {
        method: "GET",
        ..REQUEST
    };
    assert_eq!(check(&proof, &elsewhere), Err(DpopError::OtherMethod));
    assert_eq!(check(&proof, &REQUEST), Ok(()));
    assert_eq!(check(&proof, &REQUEST), Err(DpopError::Replayed));
    assert_eq!(
        check(&prove(&key(6), &CLAIM), &REQUEST),
        Ok(()),
        "another key's identifiers are its own"
    );
}

#[test]
fn a_stolen_token_is_of_no_use_to_another_key() {
    let own = thumbprint(5);
    let request = Request {
        bound_to: Some(&own),
        ..REQUEST
    };
    assert_eq!(checked(&prove(&key(6), &CLAIM), &request), Err(DpopError::OtherKey));
    let other = Claim {
        access_token: Some("another"),
        ..CLAIM
    };
    assert_eq!(checked(&prove(&key(5), &other), &request), Err(DpopError::OtherToken));
    let none = Claim {
        access_token: None,
        ..CLAIM
    };
    assert_eq!(checked(&prove(&key(5), &none), &request), Err(DpopError::OtherToken));
    assert_eq!(
        with("ath", json!(format!("{}=", base64(&[0; 32])))),
        Err(DpopError::OtherToken)
    );
}

#[test]
fn a_proof_is_good_for_one_method_and_one_uri() {
    for method in ["GET", "post", "POST "] {
        assert_eq!(with("htm", json!(method)), Err(DpopError::OtherMethod), "{method}");
    }
    for uri in [
        "https://cc.example.com/ohp/v0.1/handoff/",
        "http://cc.example.com/ohp/v0.1/handoff",
        "https://cc.example.com:8443/ohp/v0.1/handoff",
        "https://evil.example/ohp/v0.1/handoff",
        "/ohp/v0.1/handoff",
        "",
    ] {
        assert_eq!(with("htu", json!(uri)), Err(DpopError::OtherUri), "{uri}");
    }
    for uri in [
        "HTTPS://CC.example.com:443/ohp/v0.1/handoff",
        "https://cc.example.com/ohp/x/../v0.1/handoff",
        "https://cc.example.com/ohp/v0.1/handof%66",
        "https://cc.example.com/ohp/v0.1/handoff?a=b#c",
    ] {
        assert_eq!(with("htu", json!(uri)), Ok(()), "{uri}");
        let request = Request { uri, ..REQUEST };
        assert_eq!(checked(&prove(&key(5), &CLAIM), &request), Ok(()), "{uri}");
    }
    let relative = Request { uri: "/", ..REQUEST };
    assert_eq!(checked(&prove(&key(5), &CLAIM), &relative), Err(DpopError::RequestUri));
    // What is made leaves out what does not count.
    let claim = Claim {
        uri: "https://cc.example.com/ohp/v0.1/handoff?secret=1#x",
        ..CLAIM
    };
    assert_eq!(checked(&prove(&key(5), &claim), &REQUEST), Ok(()));
}

#[test]
fn a_proof_is_good_for_a_moment() {
    for (iat, expected) in [
        (5, Ok(())),
        (6, Err(DpopError::Token(JwtError::IssuedInFuture))),
        (-60, Ok(())),
        (-61, Err(DpopError::Stale)),
    ] {
        assert_eq!(with("iat", json!(NOW_SECONDS + iat)), expected, "{iat}");
    }
    assert_eq!(
        with("exp", json!(NOW_SECONDS - 10)),
        Err(DpopError::Token(JwtError::Expired))
    );
}

#[test]
fn a_servers_nonce_must_come_back() {
    let request = Request {
        nonce: Some("given"),
        ..REQUEST
    };
    let by = |nonce| checked(&prove(&key(5), &Claim { nonce, ..CLAIM }), &request);
    assert_eq!(by(Some("given")), Ok(()));
    assert_eq!(by(Some("other")), Err(DpopError::OtherNonce));
    assert_eq!(by(None), Err(DpopError::OtherNonce));
    assert_eq!(with("nonce", json!("unasked")), Ok(()));
}

#[test]
fn claims_that_must_be_there_are_missed() {
    for name in ["jti", "htm", "htu", "iat"] {
        assert_eq!(with(name, Value::Null), Err(DpopError::Incomplete), "{name}");
    }
    for (name, value) in [
        ("jti", json!("")),
        ("jti", json!(7)),
        ("jti", json!("x".repeat(129))),
        ("htm", json!(["POST"])),
        ("htu", json!({ "a": 1 })),
    ] {
        assert_eq!(with(name, value), Err(DpopError::Incomplete), "{name}");
    }
}

#[test]
fn only_a_public_key_in_jwk_counts() {
    let token = |error| Err(DpopError::Token(error));
    assert_eq!(
        with_header(json!({ "jwk": null })),
        token(JwtError::Header(JwsError::KeyMissing))
    );
    assert_eq!(
        with_header(json!({ "jwk": "x" })),
        token(JwtError::Header(JwsError::KeyMissing))
    );
    for member in ["jku", "x5u", "x5c"] {
        let result = with_header(json!({ member: "https://evil.example/" }));
        assert_eq!(result, token(JwtError::Header(JwsError::EmbeddedKey)), "{member}");
    }
    let own: Value = serde_json::from_str(&jwk(5, "")).expect("JSON");
    let mut private = own.clone();
    private["d"] = json!(base64(&[5; 32]));
    assert_eq!(
        with_header(json!({ "jwk": private })),
        Err(DpopError::Key(BadTokenKey::Secret))
    );
    let symmetric = json!({ "kty": "oct", "k": "AAAA" });
    assert_eq!(
        with_header(json!({ "jwk": symmetric })),
        Err(DpopError::Key(BadTokenKey::Secret))
    );
    for other in [
        json!({ "kty": "oct" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
        json!({}),
    ] {
        assert_eq!(
            with_header(json!({ "jwk": other })),
            Err(DpopError::Key(BadTokenKey::Kind)),
            "{other}"
        );
    }
    let mut short = own.clone();
    short["x"] = json!(base64(&[5; 31]));
    assert_eq!(
        with_header(json!({ "jwk": short })),
        Err(DpopError::Key(BadTokenKey::Coordinate))
    );
    // The point of order 1: whatever is signed, it verifies where nobody looks at the key.
    let mut small = own;
    let mut identity = [0; 32];
    identity[0] = 1;
    small["x"] = json!(base64(&identity));
    assert_eq!(
        with_header(json!({ "jwk": small })),
        Err(DpopError::Key(BadTokenKey::Untrusted))
    );
    let other: Value = serde_json::from_str(&jwk(6, "")).expect("JSON");
    assert_eq!(with_header(json!({ "jwk": other })), token(JwtError::BadSignature));
}

#[test]
fn another_token_is_no_proof() {
    let token = |error| Err(DpopError::Token(error));
    for typ in ["JWT", "kb+jwt", "dc+sd-jwt"] {
        assert_eq!(with_header(json!({ "typ": typ })), token(JwtError::Type), "{typ}");
    }
    assert_eq!(
        with_header(json!({ "alg": "none" })),
        token(JwtError::Header(JwsError::AlgNone))
    );
    for alg in ["HS256", "ES256", "RS256"] {
        assert_eq!(
            with_header(json!({ "alg": alg })),
            token(JwtError::AlgNotOfKey),
            "{alg}"
        );
    }
    assert_eq!(
        with_header(json!({ "crit": ["x"], "x": 1 })),
        token(JwtError::Header(JwsError::CritUnknown))
    );
    assert_eq!(
        checked(&"a".repeat(MAX_PROOF_LEN + 1), &REQUEST),
        token(JwtError::TooLong)
    );
    let two = format!("{0}, {0}", prove(&key(5), &CLAIM));
    assert!(
        checked(&two, &REQUEST).is_err(),
        "two header fields that a server has joined"
    );
}

/// RFC 9449, section 5 (a token request) and 7.1 (a resource's), and the thumbprint of their key, section 6.1.
const RFC_KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
pub const RFC_HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
pub const RFC_TOKEN_REQUEST: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const RFC_RESOURCE_REQUEST: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

#[test]
fn the_examples_of_rfc_9449_hold() {
    let request = Request {
        uri: "https://server.example.com/token",
        access_token: None,
        bound_to: Some(RFC_KEY),
        now: ohp::time::Timestamp::from_millis(1_562_262_616_000),
        ..REQUEST
    };
    assert_eq!(checked(&format!("{RFC_HEADER}.{RFC_TOKEN_REQUEST}"), &request), Ok(()));
    let request = Request {
        method: "GET",
        uri: "https://resource.example.org/protectedresource",
        access_token: Some(TOKEN),
        now: ohp::time::Timestamp::from_millis(1_562_262_618_000),
        ..request
    };
    let proof = format!("{RFC_HEADER}.{RFC_RESOURCE_REQUEST}");
    assert_eq!(checked(&proof, &request), Ok(()));
    let changed = proof.replace("JpLjA", "JpLjQ");
    assert_eq!(
        checked(&changed, &request),
        Err(DpopError::Token(JwtError::BadSignature))
    );
}
