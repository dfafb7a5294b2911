//! Which signatures each tier carries, and every way to leave one out, double it or lend it another key's name.

use ohp::envelope::{ENVELOPE_MAX, Envelope};
use ohp::trust::hybrid::{Refusal, verify};
use ohp::trust::issue::{IssueError, issue, issue_hedged};
use ohp::trust::jwk::{JwkSet, KeyRefusal, OwnKey, OwnKeys};
use ohp::trust::jws::{self, JwsError, SCRATCH_LEN};
use serde_json::{Value, json};

use crate::common::{official, shared_is_here, to_cbor};

const SIGNED: &str = "02-signed-cs-handoff";
const SEALED: &str = "03-sealed-payment";
const REGULATED: &str = "04-regulated-healthcare";

fn own_keys() -> [OwnKey; 2] {
    [
        OwnKey::ed25519([1; 32], Some("ed")),
        OwnKey::ml_dsa_65([1; 32], Some("pq")),
    ]
}

fn own() -> OwnKeys {
    OwnKeys::new(own_keys().into()).expect("keys")
}

fn set(keys: &[String]) -> JwkSet {
    JwkSet::from_json(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("a set")
}

fn public() -> JwkSet {
    set(&own_keys().map(|key| key.to_public_json()))
}

/// The envelope without signatures, as CBOR.
fn bare(json: &Value) -> Vec<u8> {
    let mut json = json.clone();
    json["signatures"] = json!([]);
    to_cbor(&json.to_string())
}

fn read(cbor: &[u8]) -> Envelope<'_> {
    Envelope::read(cbor, &mut |_| ()).expect("an envelope")
}

fn issued(json: &Value, keys: &OwnKeys) -> Result<Vec<u8>, IssueError> {
    let cbor = bare(json);
    let envelope = read(&cbor);
    let now = envelope.issued_at().expect("a moment");
    let mut out = vec![0; ENVELOPE_MAX];
    issue(&envelope, keys, now, &mut vec![0; SCRATCH_LEN], &mut out).map(<[u8]>::to_vec)
}

fn checked(cbor: &[u8], jwks: &JwkSet) -> Result<String, Refusal> {
    verify(&read(cbor), jwks, &mut vec![0; SCRATCH_LEN]).map(str::to_owned)
}

/// The entries of an issued envelope: EdDSA and, at Regulated, ML-DSA-65.
fn entries(cbor: &[u8]) -> Vec<Value> {
    let entry = |entry: ohp::envelope::SignatureEntry<'_>| json!({ "alg": entry.alg(), "kid": entry.kid(), "jws": entry.jws() });
    read(cbor).signatures().map(entry).collect()
}

fn with(json: &Value, entries: &[Value]) -> Vec<u8> {
    let mut json = json.clone();
    json["signatures"] = entries.into();
    to_cbor(&json.to_string())
}

#[test]
fn each_tier_is_issued_with_its_signatures_and_verifies() {
    if !shared_is_here() {
        return;
    }
    for (name, algorithms) in [
        (SIGNED, &["EdDSA"][..]),
        (SEALED, &["EdDSA"]),
        (REGULATED, &["EdDSA", "ML-DSA-65"]),
    ] {
        let cbor = issued(&official(name), &own()).expect("issued");
        assert!(cbor.len() <= ENVELOPE_MAX);
        let envelope = read(&cbor);
        let made: Vec<_> = envelope.signatures().filter_map(|entry| entry.alg()).collect();
        assert_eq!(made, algorithms, "{name}");
        assert_eq!(checked(&cbor, &public()).as_deref(), Ok("ed"), "{name}");
    }
}

#[test]
fn post_quantum_signature_is_hedged_where_randomness_is_given() {
    if !shared_is_here() {
        return;
    }
    let cbor = bare(&official(REGULATED));
    let envelope = read(&cbor);
    let now = envelope.issued_at().expect("a moment");
    let make = |random: u8| {
        let mut out = vec![0; ENVELOPE_MAX];
        issue_hedged(
            &envelope,
            &own(),
            now,
            &[random; 32],
            &mut vec![0; SCRATCH_LEN],
            &mut out,
        )
        .map(<[u8]>::to_vec)
    };
    let (one, two) = (make(1).expect("issued"), make(2).expect("issued"));
    assert_ne!(one, two);
    assert_eq!(Ok(make(0).expect("issued")), issued(&official(REGULATED), &own()));
    for cbor in [one, two] {
        assert!(checked(&cbor, &public()).is_ok());
    }
}

#[test]
fn regulated_needs_a_key_of_each_kind_to_be_issued() {
    if !shared_is_here() {
        return;
    }
    let [classical, post_quantum] = own_keys();
    let only = |key| OwnKeys::new([key].into()).expect("a key");
    let (classical, post_quantum) = (only(classical), only(post_quantum));
    assert_eq!(
        issued(&official(REGULATED), &classical),
        Err(IssueError::NoPostQuantumKey)
    );
    assert_eq!(issued(&official(REGULATED), &post_quantum), Err(IssueError::NoKey));
    assert!(issued(&official(SEALED), &classical).is_ok());
}

#[test]
fn regulated_wants_one_of_each_and_nothing_less_or_more() {
    if !shared_is_here() {
        return;
    }
    let json = official(REGULATED);
    let [ed, pq] = &entries(&issued(&json, &own()).expect("issued"))[..] else {
        panic!("two entries");
    };
    let none = json!({ "alg": "none", "kid": "ed", "jws": "eyJhbGciOiJub25lIn0..AA" });
    let es256 = json!({ "alg": "ES256", "kid": "ed", "jws": ed["jws"] });
    for (list, refusal) in [
        (vec![pq, ed], None),
        (vec![], Some(Refusal::EdDsaCount(0))),
        (vec![ed], Some(Refusal::MlDsaCount(0))),
        (vec![pq], Some(Refusal::EdDsaCount(0))),
        (vec![ed, ed], Some(Refusal::EdDsaCount(2))),
        (vec![ed, ed, pq], Some(Refusal::EdDsaCount(2))),
        (vec![pq, pq], Some(Refusal::EdDsaCount(0))),
        (vec![ed, pq, pq], Some(Refusal::MlDsaCount(2))),
        (vec![ed, pq, &none], Some(Refusal::UncheckedAlgorithm)),
        (vec![ed, pq, &es256], Some(Refusal::UncheckedAlgorithm)),
        (vec![&none], Some(Refusal::UncheckedAlgorithm)),
    ] {
        let list: Vec<_> = list.into_iter().cloned().collect();
        let verdict = checked(&with(&json, &list), &public());
        assert_eq!(verdict.err(), refusal, "{list:?}");
    }
}

#[test]
fn post_quantum_signature_beside_a_classical_one_must_hold_at_every_tier() {
    if !shared_is_here() {
        return;
    }
    for name in [SIGNED, SEALED] {
        let json = official(name);
        let cbor = bare(&json);
        let surface = read(&cbor).surface();
        let mut buffer = vec![0; jws::MAX_JWS_LEN];
        let [_, pq] = own_keys();
        let ohp::trust::jwk::Secret::MlDsa65(key) = pq.secret() else {
            panic!("ML-DSA-65")
        };
        let signer = jws::Signer::MlDsa65(key, &[0; 32]);
        let made = jws::sign_detached(
            signer,
            "pq",
            &surface.segments(),
            &mut vec![0; SCRATCH_LEN],
            &mut buffer,
        );
        let good = json!({ "alg": "ML-DSA-65", "kid": "pq", "jws": made.expect("signed") });
        let ed = entries(&issued(&json, &own()).expect("issued")).remove(0);
        assert!(
            checked(&with(&json, &[ed.clone(), good.clone()]), &public()).is_ok(),
            "{name}"
        );
        assert_eq!(
            checked(&with(&json, &[ed.clone(), good.clone(), good.clone()]), &public()),
            Err(Refusal::MlDsaCount(2))
        );
        let mut of_other_content = json.clone();
        of_other_content["control"]["nonce"] = "0123456789abcdef01234567".into();
        let ed = entries(&issued(&of_other_content, &own()).expect("issued")).remove(0);
        assert_eq!(
            checked(&with(&of_other_content, &[ed, good]), &public()),
            Err(Refusal::Jws("ML-DSA-65", JwsError::BadSignature)),
            "{name}"
        );
    }
}

#[test]
fn names_of_keys_and_algorithms_cannot_be_crossed() {
    if !shared_is_here() {
        return;
    }
    let json = official(REGULATED);
    let made = entries(&issued(&json, &own()).expect("issued"));
    let altered = |changes: &[(usize, &str, Value)]| {
        let mut list = made.clone();
        for (at, member, value) in changes {
            list[*at][*member] = value.clone();
        }
        checked(&with(&json, &list), &public()).expect_err("altered")
    };
    // Each entry under the other's kid: the key is of another kind than the algorithm.
    let crossed = altered(&[(0, "kid", json!("pq")), (1, "kid", json!("ed"))]);
    assert_eq!(crossed, Refusal::Key("EdDSA", KeyRefusal::WrongKind));
    // Both under one kid.
    assert_eq!(altered(&[(1, "kid", json!("ed"))]), Refusal::OneKid);
    // The signatures crossed: the header says another algorithm than the entry.
    let (ed, pq) = (made[0]["jws"].clone(), made[1]["jws"].clone());
    let crossed = altered(&[(0, "jws", pq.clone()), (1, "jws", ed.clone())]);
    assert_eq!(crossed, Refusal::Jws("EdDSA", JwsError::AlgDiffers));
    // One signature twice, the second time as if it were of the other algorithm.
    assert_eq!(
        altered(&[(1, "jws", ed.clone())]),
        Refusal::Jws("ML-DSA-65", JwsError::AlgDiffers)
    );
    // A kid that the issuer does not have.
    assert_eq!(
        altered(&[(1, "kid", json!("other"))]),
        Refusal::Key("ML-DSA-65", KeyRefusal::Unknown)
    );
    // Padding, another alphabet, and bits that no encoder sets.
    let text = pq.as_str().expect("a text");
    for other in [
        format!("{text}="),
        text.replacen('_', "/", 1),
        format!("{}\n", &text[..text.len() - 1]),
    ] {
        let refusal = altered(&[(1, "jws", other.into())]);
        assert!(
            matches!(
                refusal,
                Refusal::Jws("ML-DSA-65", JwsError::SignatureBase64 | JwsError::SignatureLength)
            ),
            "{refusal}"
        );
    }
    // A classical signature's length under the post-quantum algorithm.
    let (header, _) = text.split_once("..").expect("detached");
    let short = format!(
        "{header}..{}",
        ed.as_str().expect("a text").split_once("..").expect("detached").1
    );
    assert_eq!(
        altered(&[(1, "jws", short.into())]),
        Refusal::Jws("ML-DSA-65", JwsError::SignatureLength)
    );
}

#[test]
fn keys_of_both_kinds_are_judged_by_validity_and_revocation() {
    if !shared_is_here() {
        return;
    }
    let json = official(REGULATED);
    let cbor = issued(&json, &own()).expect("issued");
    let [ed, pq] = own_keys().map(|key| key.to_public_json());
    for (more, refusal) in [
        (r#""revoked":true"#, KeyRefusal::Revoked),
        (r#""validUntil":"2020-01-01T00:00:00Z""#, KeyRefusal::Expired),
        (r#""validFrom":"2099-01-01T00:00:00Z""#, KeyRefusal::NotYetValid),
    ] {
        let with = |key: &str| key.replacen('{', &format!("{{{more},"), 1);
        assert_eq!(
            checked(&cbor, &set(&[with(&ed), pq.clone()])),
            Err(Refusal::Key("EdDSA", refusal))
        );
        assert_eq!(
            checked(&cbor, &set(&[ed.clone(), with(&pq)])),
            Err(Refusal::Key("ML-DSA-65", refusal))
        );
    }
    // The kid is another key's by now.
    let other = OwnKey::ml_dsa_65([2; 32], Some("pq")).to_public_json();
    assert_eq!(
        checked(&cbor, &set(&[ed, other])),
        Err(Refusal::Jws("ML-DSA-65", JwsError::BadSignature))
    );
}
