//! Credentials: what is disclosed comes out in its place, and each trick with digests and disclosures is refused.

use ohp::cbor::Item;
use ohp::cbor::json::{ErrorKind, from_cbor};
use ohp::crypto::sha256;
use ohp::trust::jwt::JwtError;
use ohp::trust::sd_jwt::{
    self, CLAIMS_MAX, Credential, Expect, KeyBinding, KeyBindingError, MAX_DISCLOSURES, MAX_LEN, SCRATCH_LEN,
    SdJwtError, TYPES,
};
use serde_json::{Value, json};

use crate::forge::{NOW, NOW_SECONDS, base64, jwk, key, token, usual_set};
use crate::suite::encode_json;

const IDP: &str = "did:web:idp.example.org";

const EXPECT: Expect<'_> = Expect {
    types: &TYPES,
    issuer: IDP,
    now: NOW,
    key_binding: None,
};

pub fn as_json(item: Item<'_>) -> Value {
    let mut text = String::new();
    from_cbor(item, &mut text, false).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

fn verify_as(sd_jwt: &str, listed: &[&str], expect: &Expect<'_>) -> Result<Value, SdJwtError> {
    let mut scratch = vec![0; SCRATCH_LEN];
    let mut out = vec![0; CLAIMS_MAX];
    let listed = listed.iter().copied();
    let claims = sd_jwt::verify(sd_jwt, listed, expect, &usual_set(), &mut scratch, &mut out)?;
    assert!(ohp::cbor::check(claims.item().bytes()).is_ok(), "canonical");
    Ok(as_json(claims.item()))
}

fn verify(sd_jwt: &str) -> Result<Value, SdJwtError> {
    verify_as(sd_jwt, &[], &EXPECT)
}

/// A disclosure with that very text, and its digest.
fn disclosure_of(text: &str) -> (String, String) {
    let disclosure = base64(text.as_bytes());
    let digest = base64(&sha256(&[disclosure.as_bytes()]));
    (disclosure, digest)
}

fn disclosure(parts: Value) -> (String, String) {
    disclosure_of(&parts.to_string())
}

/// An issuer's token with these members beside the usual ones.
fn issued(members: Value) -> String {
    let mut payload = json!({ "iss": IDP, "vct": "https://example.org/person", "iat": NOW_SECONDS - 60 });
    payload
        .as_object_mut()
        .expect("an object")
        .extend(members.as_object().expect("an object").clone());
    token("dc+sd-jwt", &payload)
}

/// The compact form.
fn compact(members: Value, disclosures: &[&str]) -> String {
    let parts: Vec<String> = disclosures.iter().map(|disclosure| format!("{disclosure}~")).collect();
    format!("{}~{}", issued(members), parts.concat())
}

/// The claims without the usual ones.
fn shown(claims: Result<Value, SdJwtError>) -> Result<Value, SdJwtError> {
    claims.map(|mut claims| {
        let members = claims.as_object_mut().expect("an object");
        for name in ["iss", "vct", "iat"] {
            members.remove(name).expect("stays");
        }
        claims
    })
}

#[test]
fn what_an_issuer_issues_and_a_holder_shows_comes_out() {
    let name = encode_json(br#""Alex""#).expect("JSON");
    let address = encode_json(br#"{"locality":"Leeds","lines":["1 High St"]}"#).expect("JSON");
    let (name, address) = (Item::parse(&name).expect("CBOR"), Item::parse(&address).expect("CBOR"));
    let credential = Credential {
        issuer: IDP,
        kind: "https://example.org/person",
        issued_at: NOW,
        expires: Some(NOW.plus(1000)),
        open: &[("sub", name)],
        selective: &[("given_name", name), ("family_name", name), ("address", address)],
        holder: None,
    };
    let mut salts = 0;
    let all = sd_jwt::issue(&credential, &key(1), "idp", &mut || {
        salts += 1;
        [salts; 16]
    });
    assert_eq!(salts, 3);
    let part = sd_jwt::present(&all, &mut |name| name != "family_name").expect("presented");
    let mut scratch = vec![0; SCRATCH_LEN];
    let mut out = vec![0; CLAIMS_MAX];
    let none = std::iter::empty();
    let claims = sd_jwt::verify(&part, none, &EXPECT, &usual_set(), &mut scratch, &mut out).expect("valid");
    assert_eq!(claims.text("given_name"), Some("Alex"));
    assert_eq!(claims.text("address.locality"), Some("Leeds"));
    assert_eq!(claims.text("address.lines[0]"), Some("1 High St"));
    assert_eq!(claims.text("/address/lines/0"), Some("1 High St"));
    assert_eq!(
        (claims.get("family_name"), claims.get("_sd"), claims.get("_sd_alg")),
        (None, None, None)
    );
    let names: Vec<&str> = claims.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sub", "address", "given_name"]);
    assert_eq!(format!("{claims:?}"), "Claims(3)");
    let whole = as_json(claims.item());

    // The same in the envelope's other form.
    let (jwt, disclosures) = sd_jwt::split(&part).expect("split");
    let disclosures: Vec<&str> = disclosures.collect();
    assert_eq!(verify_as(jwt, &disclosures, &EXPECT), Ok(whole));
    assert_eq!(disclosures.len(), 2);
    assert!(verify(&sd_jwt::present(&all, &mut |_| false).expect("presented")).is_ok());
}

#[test]
fn nested_recursive_and_list_disclosures_land_in_their_places() {
    let (inner, inner_digest) = disclosure(json!(["s1", "locality", "Leeds"]));
    let (decoy, decoy_digest) = disclosure(json!(["s2", "street", "not shown"]));
    let (address, address_digest) =
        disclosure(json!(["s3", "address", { "country": "GB", "_sd": [inner_digest, decoy_digest] }]));
    let (element, element_digest) = disclosure(json!(["s4", { "_sd": [], "x": [] }]));
    let (_, hidden_digest) = disclosure(json!(["s5", "hidden"]));
    let members = json!({
        "_sd_alg": "sha-256", "_sd": [address_digest],
        "list": ["a", { "...": element_digest }, { "...": hidden_digest }, ["b", { "...": decoy_digest.replace('A', "B") }]],
    });
    let expected = json!({
        "address": { "country": "GB", "locality": "Leeds" },
        "list": ["a", { "x": [] }, ["b"]],
    });
    assert_eq!(
        shown(verify(&compact(members.clone(), &[&inner, &address, &element]))),
        Ok(expected.clone())
    );
    // The order of the disclosures means nothing.
    assert_eq!(
        shown(verify(&compact(members.clone(), &[&element, &address, &inner]))),
        Ok(expected)
    );
    // A disclosure whose parent is not shown belongs to nothing.
    let refused = Err(SdJwtError::DisclosureUnreferenced);
    assert_eq!(verify(&compact(members.clone(), &[&inner, &element])), refused);
    assert_eq!(verify(&compact(members, &[&decoy])), refused);
}

#[test]
fn a_disclosure_given_twice_is_refused() {
    let (a, digest) = disclosure(json!(["salt", "given_name", "Alex"]));
    let members = json!({ "_sd": [digest] });
    assert!(verify(&compact(members.clone(), &[&a])).is_ok());
    assert_eq!(
        verify(&compact(members.clone(), &[&a, &a])),
        Err(SdJwtError::DisclosureTwice)
    );
    assert_eq!(
        verify_as(&issued(members), &[&a, &a], &EXPECT),
        Err(SdJwtError::DisclosureTwice)
    );
}

#[test]
fn a_digest_that_stands_twice_is_refused_wherever() {
    let (a, digest) = disclosure(json!(["salt", "given_name", "Alex"]));
    let (element, in_list) = disclosure(json!(["salt", "Alex"]));
    let (outer, outer_digest) = disclosure(json!(["salt", "outer", { "_sd": [digest] }]));
    for (members, disclosures) in [
        (json!({ "_sd": [digest, digest] }), vec![&a]),
        (json!({ "_sd": ["decoy", "decoy"] }), vec![]),
        (json!({ "_sd": [digest], "x": { "_sd": [digest] } }), vec![&a]),
        (
            json!({ "list": [{ "...": in_list }, { "...": in_list }] }),
            vec![&element],
        ),
        (json!({ "_sd": [digest], "list": [{ "...": digest }] }), vec![&a]),
        (json!({ "_sd": [digest, outer_digest] }), vec![&a, &outer]),
    ] {
        let disclosures: Vec<&str> = disclosures.iter().map(|text| text.as_str()).collect();
        let result = verify(&compact(members.clone(), &disclosures));
        assert_eq!(result, Err(SdJwtError::DigestTwice), "{members}");
    }
}

#[test]
fn an_unreferenced_or_changed_disclosure_is_refused() {
    let (a, digest) = disclosure(json!(["salt", "given_name", "Alex"]));
    let (changed, _) = disclosure(json!(["salt", "given_name", "Mallory"]));
    let (spaced, _) = disclosure_of(r#"["salt","given_name", "Alex"]"#);
    let refused = Err(SdJwtError::DisclosureUnreferenced);
    for other in [&changed, &spaced] {
        assert_eq!(verify(&compact(json!({ "_sd": [digest] }), &[other])), refused);
    }
    assert_eq!(verify(&compact(json!({}), &[&a])), refused);
    // A digest outside of `_sd` and `...` refers to nothing.
    assert_eq!(verify(&compact(json!({ "sd": [digest], "x": digest }), &[&a])), refused);
    // Padding, and another spelling of the last character, are other texts and no base64url.
    for other in [format!("{a}="), format!("{a}~").replace('~', "\n")] {
        let result = verify(&compact(json!({ "_sd": [digest] }), &[&other]));
        assert_eq!(result, Err(SdJwtError::DisclosureBase64), "{other:?}");
    }
}

#[test]
fn a_non_canonical_disclosure_is_refused_even_with_its_digest() {
    // 4 bytes: the last of 6 characters has four unused bits.
    let text = base64(br#"["salt","n",1]"#);
    let (rest, last) = text.split_at(text.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    let other = format!("{rest}{next}");
    let digest = base64(&sha256(&[other.as_bytes()]));
    let result = verify(&compact(json!({ "_sd": [digest] }), &[&other]));
    assert_eq!(result, Err(SdJwtError::DisclosureBase64));
}

#[test]
fn a_claim_clash_is_refused() {
    let (a, first) = disclosure(json!(["salt", "aal", "AAL3"]));
    let (b, second) = disclosure(json!(["other salt", "aal", "AAL1"]));
    let result = verify(&compact(json!({ "aal": "AAL1", "_sd": [first] }), &[&a]));
    assert_eq!(result, Err(SdJwtError::ClaimClash));
    let result = verify(&compact(json!({ "_sd": [first, second] }), &[&a, &b]));
    assert_eq!(result, Err(SdJwtError::ClaimClash));
    // One of them shown, or both in different objects: no clash.
    assert!(verify(&compact(json!({ "_sd": [first, second] }), &[&b])).is_ok());
    assert!(verify(&compact(json!({ "_sd": [first], "x": { "_sd": [second] } }), &[&a, &b])).is_ok());
}

#[test]
fn reserved_names_are_refused() {
    for name in ["_sd", "...", "_sd_alg"] {
        let (a, digest) = disclosure(json!(["salt", name, []]));
        let result = verify(&compact(json!({ "_sd": [digest] }), &[&a]));
        assert_eq!(result, Err(SdJwtError::Reserved), "{name}");
    }
    let (_, digest) = disclosure(json!(["salt", 1]));
    for members in [
        json!({ "_sd": "x" }),
        json!({ "_sd": [1] }),
        json!({ "_sd": { "a": 1 } }),
        json!({ "...": digest }),
        json!({ "x": { "...": digest } }),
        json!({ "x": [{ "...": digest, "y": 1 }] }),
        json!({ "x": [{ "...": 1 }] }),
        json!({ "x": { "_sd_alg": "sha-256" } }),
    ] {
        assert_eq!(
            verify(&compact(members.clone(), &[])),
            Err(SdJwtError::Reserved),
            "{members}"
        );
    }
    let (a, digest) = disclosure(json!(["salt", "x", { "_sd_alg": "sha-256" }]));
    assert_eq!(
        verify(&compact(json!({ "_sd": [digest] }), &[&a])),
        Err(SdJwtError::Reserved)
    );
}

#[test]
fn claims_about_the_credential_cannot_be_withheld() {
    for name in ["iss", "exp", "nbf", "cnf", "vct#integrity", "status"] {
        let (a, digest) = disclosure(json!(["salt", name, 1]));
        let result = verify(&compact(json!({ "_sd": [digest] }), &[&a]));
        assert_eq!(result, Err(SdJwtError::Registered), "{name}");
        // Deeper they mean something else.
        assert!(
            verify(&compact(json!({ "x": { "_sd": [digest] } }), &[&a])).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn another_hash_is_refused() {
    for alg in [
        json!("sha-512"),
        json!("SHA-256"),
        json!("sha-1"),
        json!(null),
        json!(["sha-256"]),
    ] {
        let result = verify(&compact(json!({ "_sd_alg": alg }), &[]));
        assert_eq!(result, Err(SdJwtError::HashAlgorithm), "{alg}");
    }
}

#[test]
fn a_disclosure_of_another_shape_is_refused() {
    for text in [
        "[]",
        r#"["salt"]"#,
        r#"["salt","a","b","c"]"#,
        r#"[1,"name","value"]"#,
        r#"["salt",1,"value"]"#,
        r#"{"salt":"name"}"#,
        r#""salt""#,
    ] {
        let (a, digest) = disclosure_of(text);
        let result = verify(&compact(json!({ "_sd": [digest] }), &[&a]));
        assert_eq!(result, Err(SdJwtError::DisclosureForm), "{text}");
    }
    let (a, digest) = disclosure_of(r#"["salt","name",{"a":1,"a":2}]"#);
    let result = verify(&compact(json!({ "_sd": [digest] }), &[&a]));
    assert_eq!(result, Err(SdJwtError::DisclosureJson(ErrorKind::DuplicateKey)));
    // A member's disclosure in a list, and an element's in an object.
    let (a, digest) = disclosure(json!(["salt", "name", 1]));
    let result = verify(&compact(json!({ "list": [{ "...": digest }] }), &[&a]));
    assert_eq!(result, Err(SdJwtError::DisclosureForm));
    let (a, digest) = disclosure(json!(["salt", 1]));
    let result = verify(&compact(json!({ "_sd": [digest] }), &[&a]));
    assert_eq!(result, Err(SdJwtError::DisclosureForm));
}

#[test]
fn forms_that_are_none_are_refused() {
    let (a, digest) = disclosure(json!(["salt", "name", 1]));
    let members = json!({ "_sd": [digest] });
    let jwt = issued(members.clone());
    assert!(verify(&jwt).is_ok(), "a bare token with nothing disclosed");
    assert!(verify_as(&jwt, &[&a], &EXPECT).is_ok());
    assert_eq!(
        verify_as(&format!("{jwt}~"), &[&a], &EXPECT),
        Err(SdJwtError::BothForms)
    );
    assert_eq!(
        verify_as(&format!("{jwt}~{a}~"), &[&a], &EXPECT),
        Err(SdJwtError::BothForms)
    );
    // Without the last tilde the disclosure stands where the holder's proof does.
    assert_eq!(verify(&format!("{jwt}~{a}")), Err(SdJwtError::Form));
    assert_eq!(verify(&format!("{jwt}~~")), Err(SdJwtError::Form));
    assert_eq!(verify(&format!("~{jwt}")), Err(SdJwtError::Token(JwtError::Form)));
    assert_eq!(verify(""), Err(SdJwtError::Token(JwtError::Form)));
}

#[test]
fn the_issuer_must_be_the_provider_that_the_envelope_names() {
    let payload = json!({ "iss": "did:web:evil.example", "vct": "x" });
    assert_eq!(verify(&token("dc+sd-jwt", &payload)), Err(SdJwtError::OtherIssuer));
    assert_eq!(
        verify(&token("dc+sd-jwt", &json!({ "vct": "x" }))),
        Err(SdJwtError::OtherIssuer)
    );
    assert_eq!(
        verify(&token("dc+sd-jwt", &json!({ "iss": IDP }))),
        Err(SdJwtError::TypeMissing)
    );
    assert_eq!(
        verify(&token("vc+sd-jwt", &json!({ "iss": IDP, "vct": 1 }))),
        Err(SdJwtError::TypeMissing)
    );
    assert!(verify(&token("sd-jwt", &json!({ "iss": IDP }))).is_ok());
    assert_eq!(
        verify(&token("JWT", &json!({ "iss": IDP, "vct": "x" }))),
        Err(SdJwtError::Token(JwtError::Type)),
        "another token of the provider's is no credential"
    );
    let expired = json!({ "iss": IDP, "vct": "x", "exp": NOW_SECONDS - 5 });
    assert_eq!(
        verify(&token("dc+sd-jwt", &expired)),
        Err(SdJwtError::Token(JwtError::Expired))
    );
}

#[test]
fn numbers_and_depths_are_bounded() {
    let many: Vec<_> = (0..=MAX_DISCLOSURES)
        .map(|at| disclosure(json!(["", format!("n{at}"), 1])))
        .collect();
    let digests: Vec<&str> = many.iter().map(|(_, digest)| digest.as_str()).collect();
    let texts: Vec<&str> = many.iter().map(|(text, _)| text.as_str()).collect();
    let members = json!({ "_sd": digests });
    let all_but_one = &texts[..MAX_DISCLOSURES];
    let claims = verify_as(&issued(members.clone()), all_but_one, &EXPECT).expect("as many as may be");
    assert_eq!(claims.as_object().expect("an object").len(), MAX_DISCLOSURES + 3);
    assert_eq!(
        verify_as(&issued(members), &texts, &EXPECT),
        Err(SdJwtError::TooManyDisclosures)
    );
    let decoys: Vec<String> = (0..300).map(|at| at.to_string()).collect();
    assert_eq!(
        verify(&compact(json!({ "_sd": decoys }), &[])),
        Err(SdJwtError::TooManyDigests)
    );
    assert_eq!(verify(&"a".repeat(MAX_LEN + 1)), Err(SdJwtError::TooLong));
    assert_eq!(
        verify_as("a.b.c", &["a".repeat(MAX_LEN).as_str()], &EXPECT),
        Err(SdJwtError::TooLong)
    );
    // Forty objects in one another, a disclosure each: no nesting in any of them, and too deep together.
    let mut chain = Vec::new();
    let mut value = json!(1);
    for _ in 0..40 {
        let (text, digest) = disclosure(json!(["", "n", value]));
        chain.push(text);
        value = json!({ "_sd": [digest] });
    }
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    assert_eq!(
        verify(&compact(json!({ "x": value }), &chain)),
        Err(SdJwtError::TooDeep)
    );
}

#[test]
fn a_buffer_too_short_is_said_and_the_documented_ones_suffice() {
    let (a, digest) = disclosure(json!(["salt", "list", vec![1.1; 900]]));
    let text = compact(json!({ "_sd": [digest] }), &[&a]);
    let run = |scratch: usize, out: usize| {
        let (mut scratch, mut out) = (vec![0; scratch], vec![0; out]);
        let none = std::iter::empty();
        sd_jwt::verify(&text, none, &EXPECT, &usual_set(), &mut scratch, &mut out).map(|_| ())
    };
    assert_eq!(run(SCRATCH_LEN, CLAIMS_MAX), Ok(()));
    for len in (0..SCRATCH_LEN).step_by(97) {
        assert!(
            matches!(run(len, CLAIMS_MAX), Ok(()) | Err(SdJwtError::ScratchTooShort)),
            "{len}"
        );
    }
    for len in (0..CLAIMS_MAX).step_by(97) {
        assert!(
            matches!(run(SCRATCH_LEN, len), Ok(()) | Err(SdJwtError::OutputTooShort)),
            "{len}"
        );
    }
    assert_eq!(run(SCRATCH_LEN, 0), Err(SdJwtError::OutputTooShort));
}

const BINDING: KeyBinding<'_> = KeyBinding {
    audience: "did:web:cc.example.com",
    nonce: "0123456789abcdef",
    max_age: 60_000,
};

const BOUND: Expect<'_> = Expect {
    key_binding: Some(BINDING),
    ..EXPECT
};

/// A credential of the holder with key 5, one claim shown.
fn held() -> (String, String) {
    let (a, digest) = disclosure(json!(["salt", "given_name", "Alex"]));
    let holder: Value = serde_json::from_str(&jwk(5, "")).expect("JSON");
    (compact(json!({ "_sd": [digest], "cnf": { "jwk": holder } }), &[&a]), a)
}

#[test]
fn a_holders_proof_binds_the_presentation() {
    let (shown, a) = held();
    let bound = sd_jwt::bind(&shown, &key(5), BINDING.audience, BINDING.nonce, NOW);
    assert!(verify_as(&bound, &[], &BOUND).is_ok());
    assert!(verify(&bound).is_ok(), "not asked for, not looked at");
    let refused = |result: Result<Value, SdJwtError>, why| assert_eq!(result, Err(SdJwtError::KeyBinding(why)));

    refused(verify_as(&shown, &[], &BOUND), KeyBindingError::Missing);
    let (bare, _) = shown.split_once('~').expect("a tilde");
    refused(verify_as(bare, &[&a], &BOUND), KeyBindingError::Missing);
    let thief = sd_jwt::bind(&shown, &key(6), BINDING.audience, BINDING.nonce, NOW);
    refused(
        verify_as(&thief, &[], &BOUND),
        KeyBindingError::Token(JwtError::BadSignature),
    );
    let issuer = sd_jwt::bind(&shown, &key(1), BINDING.audience, BINDING.nonce, NOW);
    refused(
        verify_as(&issuer, &[], &BOUND),
        KeyBindingError::Token(JwtError::BadSignature),
    );
    let elsewhere = sd_jwt::bind(&shown, &key(5), "did:web:other", BINDING.nonce, NOW);
    refused(verify_as(&elsewhere, &[], &BOUND), KeyBindingError::OtherAudience);
    let replayed = sd_jwt::bind(&shown, &key(5), BINDING.audience, "another", NOW);
    refused(verify_as(&replayed, &[], &BOUND), KeyBindingError::OtherNonce);
    let old = sd_jwt::bind(&shown, &key(5), BINDING.audience, BINDING.nonce, NOW.plus(-61_000));
    refused(verify_as(&old, &[], &BOUND), KeyBindingError::Stale);
    let future = sd_jwt::bind(&shown, &key(5), BINDING.audience, BINDING.nonce, NOW.plus(6_000));
    refused(
        verify_as(&future, &[], &BOUND),
        KeyBindingError::Token(JwtError::IssuedInFuture),
    );
    // A disclosure withheld behind the holder's back.
    let withheld = bound.replace(&format!("~{a}~"), "~");
    refused(verify_as(&withheld, &[], &BOUND), KeyBindingError::OtherPresentation);
    let other_type = bound.replace(
        &base64(br#"{"alg":"EdDSA","typ":"kb+jwt"}"#),
        &base64(br#"{"alg":"EdDSA","typ":"JWT"}"#),
    );
    refused(
        verify_as(&other_type, &[], &BOUND),
        KeyBindingError::Token(JwtError::Type),
    );
}

#[test]
fn a_credential_without_a_holder_cannot_be_bound() {
    let text = compact(json!({}), &[]);
    let bound = sd_jwt::bind(&text, &key(5), BINDING.audience, BINDING.nonce, NOW);
    let refused = Err(SdJwtError::KeyBinding(KeyBindingError::NoKey));
    assert_eq!(verify_as(&bound, &[], &BOUND), refused);
    let holder: Value = serde_json::from_str(&jwk(5, "")).expect("JSON");
    let text = compact(json!({ "cnf": { "kid": "x" } }), &[]);
    let bound = sd_jwt::bind(&text, &key(5), BINDING.audience, BINDING.nonce, NOW);
    assert_eq!(verify_as(&bound, &[], &BOUND), refused);
    let mut private = holder;
    private["d"] = json!(base64(&[5; 32]));
    let text = compact(json!({ "cnf": { "jwk": private } }), &[]);
    let bound = sd_jwt::bind(&text, &key(5), BINDING.audience, BINDING.nonce, NOW);
    assert!(matches!(
        verify_as(&bound, &[], &BOUND),
        Err(SdJwtError::KeyBinding(KeyBindingError::Key(_)))
    ));
}
