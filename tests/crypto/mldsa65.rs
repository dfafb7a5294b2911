//! ML-DSA-65: agreement with Wycheproof, ACVP, CCTV and the JOSE draft.
//!
//! OHP signs with the empty context, so our own functions have no other. Cases with another context, or with a `mu` in
//! place of a message, are put to the crate that we sign and verify with.

use ml_dsa::{EncodedSignature, MlDsa65, Signature, VerifyingKey};
use ohp::crypto::mldsa65::{BadSignature, PUBLIC_LEN, PublicKey, SIGNATURE_LEN, SigningKey};
use ohp::trust::base64url;
use ohp::trust::jwk::{JwkSet, OwnKey};
use ohp::trust::jws;
use serde_json::Value;
use shake::{ExtendableOutput, Shake128, Update, XofReader};

use super::suite::{Suite, same, to_hex};
use super::{bytes, cases, hex};

fn large<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(4 * 1024 * 1024);
        thread
            .spawn_scoped(scope, run)
            .expect("a thread")
            .join()
            .expect("it ends")
    })
}

/// Wycheproof's cases of verification.
pub fn judge(suite: &mut Suite) {
    for (group, case) in cases(&suite.json("mldsa_65_verify_test.json")) {
        let (message, context) = (hex(case, "msg"), hex(case, "ctx"));
        // A key or a signature of another length never reaches the primitive: its types have a fixed one.
        let accepted = match (hex(group, "publicKey").try_into(), hex(case, "sig").try_into()) {
            (Ok(public), Ok(signature)) if context.is_empty() => {
                PublicKey::parse(&public).verify(&message, &signature).is_ok()
            }
            (Ok(public), Ok(signature)) => with_context(&public, &message, &context, &signature),
            _ => false,
        };
        let name = format!("ml-dsa-65 {}: {}", case["tcId"], case["comment"]);
        suite.case(&name, same(&accepted, &(case["result"] == "valid")));
    }
}

fn with_context(public: &[u8; PUBLIC_LEN], message: &[u8], context: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let key = VerifyingKey::<MlDsa65>::decode(public.into());
    Signature::decode(<&EncodedSignature<MlDsa65>>::from(signature))
        .is_some_and(|signature| key.verify_with_context(message, context, &signature))
}

/// What is signed in a case of Wycheproof's; `None` where nothing may be.
fn signed(seed: [u8; 32], case: &Value) -> Option<Vec<u8>> {
    let (message, context) = (hex(case, "msg"), hex(case, "ctx"));
    if case.get("msg").is_some() && context.is_empty() {
        let key = Box::new(SigningKey::from_seed(seed));
        let random = case
            .get("rnd")
            .map_or([0; 32], |random| bytes(random.as_str().expect("rnd")));
        let signature = key.sign(&message, &random).expect("a signature");
        let public = PublicKey::parse(&key.public_bytes());
        public.verify(&message, &signature).expect("valid");
        return Some(signature.to_vec());
    }
    let key = Box::new(ml_dsa::SigningKey::<MlDsa65>::from_seed(&seed.into()));
    let signature = match case.get("msg") {
        Some(_) => key.expanded_key().sign_deterministic(&message, &context).ok()?,
        None => {
            let mu = bytes::<64>(case["mu"].as_str().expect("mu"));
            key.expanded_key().sign_mu_deterministic(&mu.into())
        }
    };
    Some(signature.encode().to_vec())
}

#[test]
fn every_wycheproof_signature_comes_out() {
    let Some(mut suite) = Suite::open("wycheproof-mldsa-sign", &[]) else {
        return;
    };
    for (group, case) in cases(&suite.json("mldsa_65_sign_seed_test.json")) {
        // A seed of another length never reaches the primitive: its type has 32 bytes.
        let made = hex(group, "privateSeed")
            .try_into()
            .ok()
            .and_then(|seed| signed(seed, case));
        let theirs = (case["result"] == "valid").then(|| hex(case, "sig"));
        let name = format!("{}: {}", case["tcId"], case["comment"]);
        suite.case(
            &name,
            if made == theirs {
                Ok(())
            } else {
                Err("another signature".to_owned())
            },
        );
    }
    suite.end();
}

#[test]
fn every_acvp_key_is_generated() {
    let Some(mut suite) = Suite::open("acvp-mldsa65-keygen", &[]) else {
        return;
    };
    for (_, case) in cases(&suite.json("keygen.json")) {
        let key = Box::new(SigningKey::from_seed(bytes(case["seed"].as_str().expect("seed"))));
        let name = case["tcId"].to_string();
        suite.case(&name, same(&key.public_bytes().as_slice(), &hex(case, "pk").as_slice()));
    }
    suite.end();
}

/// CCTV's accumulated test: keys and deterministic signatures of the empty message by seeds out of SHAKE128.
fn accumulated(rounds: usize) -> String {
    let (mut seeds, mut results) = (Shake128::default().finalize_xof(), Shake128::default());
    for _ in 0..rounds {
        let mut seed = [0; 32];
        seeds.read(&mut seed);
        let key = Box::new(SigningKey::from_seed(seed));
        let public = key.public_bytes();
        results.update(&public);
        let signature = key.sign(b"", &[0; 32]).expect("a signature");
        results.update(&signature);
        PublicKey::parse(&public).verify(b"", &signature).expect("valid");
    }
    let mut result = [0; 32];
    results.finalize_xof().read(&mut result);
    to_hex(&result)
}

/// Each hash of CCTV's accumulated test is one case, and so is that of its field operations. `OHP_CCTV=all` runs the
/// rounds that CCTV advises for CI; the hundred are what it advises while one works.
#[test]
fn keys_and_signatures_of_cctv_come_out() {
    let Some(mut suite) = Suite::open("cctv-mldsa", &[]) else {
        return;
    };
    let text = suite.text("accumulated-README.md");
    let section = text.split("### ML-DSA-65").nth(1).expect("our section");
    let section = section.split("###").next().expect("our section");
    let mut rounds = vec![(100, "- 100 iterations: `")];
    if std::env::var("OHP_CCTV").as_deref() == Ok("all") {
        rounds.push((10_000, "- 10 000 iterations: `"));
    } else {
        suite.left_out(1, "10,000 rounds take half a minute or more; OHP_CCTV=all runs them");
    }
    for (rounds, line) in rounds {
        let theirs = section.split(line).nth(1).and_then(|rest| rest.get(..64)).expect(line);
        suite.case(line, same(&large(|| accumulated(rounds)), &theirs.to_owned()));
    }
    suite.left_out(1, "60,000,000 rounds take days");
    suite.left_out(
        1,
        "the field's operations are inside of the crate, which does not show them",
    );
    // The seeds and messages for benchmarks have no results: what is signed must verify.
    for name in ["ML-DSA-65.json", "ML-DSA-65.alt.json"] {
        let key = Box::new(SigningKey::from_seed([9; 32]));
        let public = Box::new(PublicKey::parse(&key.public_bytes()));
        for message in suite.json(name).as_array().expect("a list") {
            let message = message.as_str().expect("a text").as_bytes();
            let signature = key.sign(message, &[0; 32]).expect("a signature");
            public.verify(message, &signature).expect("valid");
            assert_eq!(public.verify(&message[1..], &signature), Err(BadSignature));
        }
    }
    suite.end();
}

#[test]
fn example_of_the_jose_draft_comes_out() {
    let Some(mut suite) = Suite::open("jose-mldsa", &[]) else {
        return;
    };
    suite.left_out(1, "COSE is no form of OHP's signatures");
    let example = suite.json("ML_DSA_65.jose.json");
    let text = |member: &str| example[member].as_str().expect(member);
    let own = OwnKey::ml_dsa_65(bytes(text("priv")), None);
    // The thumbprint of RFC 7638 over AKP's members is the draft's kid.
    assert_eq!(own.kid(), example["jwk"]["kid"]);
    let set = JwkSet::from_json(format!(r#"{{"keys":[{}]}}"#, own.to_public_json()).as_bytes()).expect("a set");
    let written: serde_json::Value = serde_json::from_str(&own.to_public_json()).expect("JSON");
    assert_eq!(written["pub"], example["jwk"]["pub"]);
    let (front, signature) = text("jws").rsplit_once('.').expect("compact");
    let (header, payload) = front.split_once('.').expect("compact");
    let mut bytes = vec![0; payload.len()];
    let payload = base64url::decode(payload, &mut bytes).expect("base64url");
    let key = set
        .signer("ML-DSA-65", Some(own.kid()), ohp::time::Timestamp::from_millis(0))
        .expect("the key");
    let expect = jws::Expect {
        alg: "ML-DSA-65",
        kid: Some(own.kid()),
    };
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    let detached = format!("{header}..{signature}");
    let verified = jws::verify_detached(&detached, &expect, key, &[payload], &mut scratch);
    suite.case("jose", verified.map_err(|error| error.to_string()));
    suite.end();
}

#[test]
fn hedged_signatures_differ_and_all_verify() {
    let key = Box::new(SigningKey::from_seed([7; 32]));
    let public = Box::new(PublicKey::parse(&key.public_bytes()));
    let made: Vec<_> = (0..3u8)
        .map(|random| key.sign(b"handoff", &[random; 32]).expect("a signature"))
        .collect();
    assert!(made[0] != made[1] && made[1] != made[2]);
    assert_eq!(key.sign(b"handoff", &[1; 32]).as_ref(), Ok(&made[1]));
    made.iter()
        .for_each(|signature| public.verify(b"handoff", signature).expect("valid"));
}

#[test]
fn a_signing_key_shows_nothing_of_itself() {
    let key = Box::new(SigningKey::from_seed([0xab; 32]));
    assert_eq!(format!("{key:?}"), "SigningKey { .. }");
    assert_eq!(key.seed(), &[0xab; 32]);
}
