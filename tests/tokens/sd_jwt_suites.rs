//! Credentials of others: the test cases of sd-jwt-python, by P-256 keys, and the example of the EU's wallet.

use ohp::time::Timestamp;
use ohp::trust::jwk::JwkSet;
use ohp::trust::jwt::JwtError;
use ohp::trust::sd_jwt::{
    self, CLAIMS_MAX, Expect, KeyBinding, KeyBindingError, SCRATCH_LEN, SdJwtError, TYPES, verify,
};
use serde_json::Value;

use crate::forge::key;
use crate::sd_jwt::as_json;
use crate::suite::{Exception, Suite, same};

const ISSUER: &str = "https://example.com/issuer";
const NONCE: &str = "1234567890";
const VERIFIER: &str = "https://example.com/verifier";

/// `iat` of the holder's proof in the suite.
const PROVEN_AT: Timestamp = Timestamp::from_millis(1_795_164_060_000);

const EXPECT: Expect<'_> = Expect {
    types: &["example+sd-jwt"],
    issuer: ISSUER,
    now: PROVEN_AT,
    key_binding: None,
};

fn verified(sd_jwt: &str, expect: &Expect<'_>, keys: &JwkSet) -> Result<Value, SdJwtError> {
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; CLAIMS_MAX]);
    let claims = verify(sd_jwt.trim(), std::iter::empty(), expect, keys, &mut scratch, &mut out)?;
    Ok(as_json(claims.item()))
}

/// The suite's issuer key, out of its `settings.yml`.
fn issuer_keys(settings: &str) -> JwkSet {
    let (_, issuer) = settings.split_once("issuer_key:").expect("an issuer key");
    let coordinate = |name: &str| {
        let (_, rest) = issuer.split_once(&format!("\n    {name}: ")).expect("a coordinate");
        rest.split('\n').next().expect("a line").to_owned()
    };
    let (x, y) = (coordinate("x"), coordinate("y"));
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","use":"sig","x":"{x}","y":"{y}"}}"#);
    JwkSet::from_json(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).expect("a set")
}

const NOT_AS_SD_JWT_PYTHON: &[Exception] = &[Exception {
    outcome: "Token(Header(KidMissing))",
    reason: "RFC 7515 §4.1.4 demands that `kid` is a text; this case's is the number 42.",
    cases: &["header_mod"],
}];

const NOT_AS_THE_WALLET: &[Exception] = &[Exception {
    outcome: "Token(Type)",
    reason: "No `typ` in the header, and RS256, which OHP has no use for.",
    cases: &["exampleIssuanceSdJwt.txt", "examplePresentationSdJwt.txt"],
}];

#[test]
fn the_cases_of_sd_jwt_python_come_out_as_it_says() {
    let Some(mut suite) = Suite::open("sdjwt-python-testcases", &[NOT_AS_SD_JWT_PYTHON]) else {
        return;
    };
    let keys = issuer_keys(&suite.text("settings.yml"));
    let presentations = suite.files(&["sd_jwt_presentation.txt"]);
    for (name, presented) in presentations {
        let case = name.strip_suffix("/sd_jwt_presentation.txt").expect("the file's name");
        let presented = String::from_utf8(presented).expect("ASCII");
        let outcome = verified(&presented, &EXPECT, &keys).map_err(|error| format!("{error:?}"));
        let expected = suite.json(&format!("{case}/verified_contents.json"));
        let outcome = outcome.and_then(|claims| same(&claims, &expected));
        let issued = verified(&suite.text(&format!("{case}/sd_jwt_issuance.txt")), &EXPECT, &keys);
        let issued = issued
            .map_err(|error| format!("as issued: {error:?}"))
            .and_then(|claims| {
                let mut whole = suite.json(&format!("{case}/user_claims.json"));
                let members = whole.as_object_mut().expect("an object");
                for name in ["iss", "iat", "exp", "cnf"] {
                    if let Some(value) = claims.get(name) {
                        members.insert(name.to_owned(), value.clone());
                    }
                }
                same(&claims, &whole)
            });
        suite.case(case, outcome.and(issued));
    }
    suite.end();
}

#[test]
fn no_disclosure_of_sd_jwt_python_can_be_changed_given_twice_or_moved() {
    let Some(suite) = Suite::open("sdjwt-python-testcases", &[]) else {
        return;
    };
    let keys = issuer_keys(&suite.text("settings.yml"));
    let mut tried = 0;
    for (name, presented) in suite.files(&["sd_jwt_presentation.txt"]) {
        let presented = String::from_utf8(presented).expect("ASCII");
        let presented = presented.trim();
        let Some((compact, _)) = presented.rsplit_once('~') else {
            continue;
        };
        if name.starts_with("header_mod") {
            continue;
        }
        let parts: Vec<&str> = compact.split('~').collect();
        let (token, disclosures) = parts.split_first().expect("a token");
        for (at, disclosure) in disclosures.iter().enumerate() {
            let twice = format!("{compact}~{disclosure}~");
            assert_eq!(
                verified(&twice, &EXPECT, &keys),
                Err(SdJwtError::DisclosureTwice),
                "{name}"
            );
            for position in 0..disclosure.len() {
                let mut changed = disclosure.as_bytes().to_vec();
                changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).expect("ASCII");
                let mut others = disclosures.to_vec();
                others[at] = &changed;
                let whole = format!("{token}~{}~", others.join("~"));
                assert!(verified(&whole, &EXPECT, &keys).is_err(), "{name}: {changed}");
                tried += 1;
            }
        }
    }
    println!("{tried} changed disclosures refused");
    assert!(tried > 1000);
}

#[test]
fn the_holders_proof_of_sd_jwt_python_binds() {
    let Some(suite) = Suite::open("sdjwt-python-testcases", &[]) else {
        return;
    };
    let keys = issuer_keys(&suite.text("settings.yml"));
    let presented = suite.text("key_binding/sd_jwt_presentation.txt");
    let presented = presented.trim();
    let binding = KeyBinding {
        audience: VERIFIER,
        nonce: NONCE,
        max_age: 60_000,
    };
    let with = |binding| Expect {
        key_binding: Some(binding),
        ..EXPECT
    };
    assert!(verified(presented, &with(binding), &keys).is_ok());
    let other = KeyBinding { nonce: "1", ..binding };
    let refused = |why| Err(SdJwtError::KeyBinding(why));
    assert_eq!(
        verified(presented, &with(other), &keys),
        refused(KeyBindingError::OtherNonce)
    );
    let other = KeyBinding {
        audience: ISSUER,
        ..binding
    };
    assert_eq!(
        verified(presented, &with(other), &keys),
        refused(KeyBindingError::OtherAudience)
    );
    // Another algorithm's proof: the holder's key is P-256, this one's Ed25519.
    let (compact, _) = presented.rsplit_once('~').expect("a tilde");
    let crossed = sd_jwt::bind(&format!("{compact}~"), &key(5), VERIFIER, NONCE, PROVEN_AT);
    assert_eq!(
        verified(&crossed, &with(binding), &keys),
        refused(KeyBindingError::Token(JwtError::AlgNotOfKey))
    );
}

#[test]
fn the_example_of_the_eus_wallet_is_refused_for_its_rsa_key() {
    let Some(mut suite) = Suite::open("sdjwt-eudi-tokens", &[NOT_AS_THE_WALLET]) else {
        return;
    };
    let mut jwk = suite.json("examplesIssuerKey.json");
    jwk["use"] = "sig".into();
    jwk["kid"] = "rsa".into();
    let keys = JwkSet::from_json(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).expect("a set");
    let expect = Expect {
        types: &TYPES,
        ..EXPECT
    };
    for (name, text) in suite.files(&["Jwt.txt"]) {
        let text = String::from_utf8(text).expect("ASCII");
        let outcome = verified(&text, &expect, &keys).map(|_| ());
        suite.case(&name, outcome.map_err(|error| format!("{error:?}")));
        // The disclosures are read as the wallet wrote them: under another signature they come out.
        assert_eq!(resigned(text.trim()), Ok(()), "{name}");
    }
    suite.end();
}

/// The same payload and disclosures, under a signature that is taken.
fn resigned(text: &str) -> Result<(), String> {
    let (token, disclosures) = text.split_once('~').ok_or("no disclosure")?;
    let payload = token.split('.').nth(1).ok_or("no payload")?;
    let header = crate::forge::base64(br#"{"alg":"EdDSA","typ":"sd-jwt","kid":"idp"}"#);
    let input = format!("{header}.{payload}");
    let signature = crate::forge::base64(&key(1).sign(input.as_bytes()));
    let expect = Expect {
        types: &TYPES,
        now: Timestamp::from_millis(1_700_000_000_000),
        ..EXPECT
    };
    let whole = format!("{input}.{signature}~{disclosures}");
    let claims = verified(&whole, &expect, &crate::forge::usual_set()).map_err(|error| format!("{error:?}"))?;
    let address = claims["address"].as_object().ok_or("no address")?;
    let shown = disclosures.matches('~').count();
    same(&address.len(), &shown)
}
