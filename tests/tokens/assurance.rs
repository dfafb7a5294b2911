//! Assurance (step 6): who vouches, how far, for whom and on which call.

use ohp::cbor::Item;
use ohp::cbor::json::{Form, Shape, max_cbor_len, scratch_len, to_cbor};
use ohp::crypto::ed25519::SigningKey;
use ohp::trust::assurance::{Assurance, PROOF, Refusal, Statement, judge};
use ohp::trust::block_proof::{self, Block, ProofError};
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::KeyRefusal;
use ohp::trust::jws::{JwsError, MAX_JWS_LEN, SCRATCH_LEN};
use ohp::trust::sd_jwt::{self, CLAIMS_MAX, TYPES};
use ohp::trust::terms::{Ladder, Level};
use serde_json::{Value, json};

use crate::forge::{NOW, base64, jwk, key, token, usual_set};

const ISSUER: &str = "did:web:agents.example.com";
const IDP: &str = "did:web:idp.example.org";
const CALL: &str = "call-1@example.org";

/// `lastStepUpAt` is a date-time, as in an envelope.
#[derive(Clone, Copy)]
enum AssuranceShape {
    Block,
    Time,
    Other,
}

impl Shape for AssuranceShape {
    fn member(self, key: &str) -> Self {
        match (self, key) {
            (Self::Block, "lastStepUpAt") => Self::Time,
            _ => Self::Other,
        }
    }

    fn element(self) -> Self {
        Self::Other
    }

    fn form(self) -> Form {
        match self {
            Self::Time => Form::Time,
            _ => Form::Any,
        }
    }
}

fn cbor(json: &Value) -> Vec<u8> {
    let json = json.to_string();
    let mut scratch = vec![0; scratch_len(json.len())];
    let mut out = vec![0; max_cbor_len(json.len())];
    to_cbor(json.as_bytes(), AssuranceShape::Block, &mut scratch, &mut out)
        .expect("CBOR")
        .to_vec()
}

fn claims() -> Value {
    json!({ "method": "voice-biometric+otp", "ial": "IAL2", "aal": "AAL3", "fal": "FAL2", "idp": IDP,
        "lastStepUpAt": NOW.plus(-60_000).to_text().as_str() })
}

/// The block, with the proof that `key` makes.
fn proven_by(claims: &Value, key: &SigningKey, kid: &str) -> Vec<u8> {
    let open = cbor(claims);
    let (mut scratch, mut out) = ([0; SCRATCH_LEN], [0; MAX_JWS_LEN]);
    let open = Item::parse(&open).expect("canonical");
    let jws = block_proof::sign(open, PROOF, key, kid, &mut scratch, &mut out).expect("signed");
    let mut whole = claims.clone();
    whole[PROOF] = json!(jws);
    cbor(&whole)
}

fn proven(claims: &Value) -> Vec<u8> {
    proven_by(claims, &key(1), "idp")
}

fn bundle_with(receiver: Value, provider: Value, federation: Value) -> Bundle {
    let json = json!({ "ohpTrust": 1, "receiver": receiver,
        "issuers": { ISSUER: { "federation": federation } },
        "identityProviders": { IDP: provider, "did:web:keyless.example.org": {} } });
    Bundle::from_json(json.to_string().as_bytes()).expect("a bundle")
}

fn provider(caps: Value) -> Value {
    let key: Value = serde_json::from_str(&jwk(1, r#","kid":"idp","use":"sig""#)).expect("JSON");
    let mut provider = json!({ "jwks": { "keys": [key] } });
    provider
        .as_object_mut()
        .expect("an object")
        .extend(caps.as_object().expect("an object").clone());
    provider
}

fn usual() -> Bundle {
    bundle_with(json!({}), provider(json!({})), json!({}))
}

fn judged<'a>(block: &'a [u8], bundle: &Bundle) -> Result<Assurance<'a>, Refusal> {
    let statement = Statement {
        block: Item::parse(block).expect("canonical"),
        issuer: ISSUER,
        call_id: CALL,
        issued_at: NOW,
        now: NOW,
    };
    judge(&statement, bundle, &mut [0; SCRATCH_LEN])
}

fn refusal(block: &[u8], bundle: &Bundle) -> Refusal {
    judged(block, bundle).expect_err("refused")
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn what_a_provider_has_signed_counts() {
    let block = proven(&claims());
    let assurance = judged(&block, &usual()).expect("holds");
    assert_eq!((assurance.idp, assurance.method), (IDP, "voice-biometric+otp"));
    assert_eq!(
        (assurance.ial, assurance.aal, assurance.fal),
        (Level::Two, Level::Three, Level::Two)
    );
    assert_eq!(assurance.last_step_up_at, Some(NOW.plus(-60_000)));
    assert_eq!((assurance.is_bound_to_call, assurance.subject), (false, None));
}

#[test]
fn the_proof_is_over_the_block_without_itself() {
    let open = cbor(&claims());
    let whole = proven(&claims());
    let block = Block::without(Item::parse(&whole).expect("canonical"), PROOF).expect("a map");
    assert_eq!(block.segments().concat(), open);
    // Without a proof in it, with one as the only member, and with 24 members, whose head has another length.
    let block = Block::without(Item::parse(&open).expect("canonical"), PROOF).expect("a map");
    assert_eq!(block.segments().concat(), open);
    let only = cbor(&json!({ PROOF: "x" }));
    let block = Block::without(Item::parse(&only).expect("canonical"), PROOF).expect("a map");
    assert_eq!(block.segments().concat(), b"\xa0");
    let mut many = json!({});
    for at in 0..23 {
        many[format!("member{at:02}")] = json!(at);
    }
    let open = cbor(&many);
    many[PROOF] = json!("x");
    let whole = cbor(&many);
    let block = Block::without(Item::parse(&whole).expect("canonical"), PROOF).expect("a map");
    assert_eq!(block.segments().concat(), open);
    assert!(Block::without(Item::parse(b"\x80").expect("canonical"), PROOF).is_none());
}

#[test]
fn self_asserted_assurance_is_refused() {
    // The sender as its own provider, even where the bundle knows it as one.
    let json = json!({ "ohpTrust": 1, "identityProviders": { ISSUER: provider(json!({})) } });
    let bundle = Bundle::from_json(json.to_string().as_bytes()).expect("a bundle");
    assert_eq!(
        refusal(&proven(&changed("idp", json!(ISSUER))), &bundle),
        Refusal::SelfAsserted
    );
    // The sender's key under the provider's name.
    let forged = proven_by(&claims(), &key(9), "idp");
    assert_eq!(
        refusal(&forged, &usual()),
        Refusal::Proof(ProofError::Jws(JwsError::BadSignature))
    );
    let forged = proven_by(&claims(), &key(9), "agent");
    assert_eq!(
        refusal(&forged, &usual()),
        Refusal::Proof(ProofError::Key(KeyRefusal::Unknown))
    );
    // A provider that nobody has named, and one whose keys are not at hand.
    let unknown = proven(&changed("idp", json!("did:web:other.example.org")));
    assert_eq!(refusal(&unknown, &usual()), Refusal::UnknownProvider);
    let keyless = proven(&changed("idp", json!("did:web:keyless.example.org")));
    assert_eq!(refusal(&keyless, &usual()), Refusal::KeysNeeded);
}

#[test]
fn inflated_levels_are_refused() {
    // Changed after the provider has signed.
    for (name, value) in [
        ("ial", json!("IAL3")),
        ("method", json!("hard-token")),
        ("lastStepUpAt", json!(NOW.to_text().as_str())),
        ("extra", json!(1)),
    ] {
        let signed = proven(&claims());
        let jws = Item::parse(&signed)
            .expect("canonical")
            .map()
            .and_then(|map| map.get(PROOF)?.as_text());
        let mut inflated = changed(name, value);
        inflated[PROOF] = json!(jws.expect("a proof"));
        let refused = refusal(&cbor(&inflated), &usual());
        assert_eq!(
            refused,
            Refusal::Proof(ProofError::Jws(JwsError::BadSignature)),
            "{name}"
        );
    }
    // Signed, and more than the provider or the sender may assert.
    for (member, cap, ladder) in [
        ("maxIal", "IAL1", Ladder::Identity),
        ("maxAal", "AAL2", Ladder::Authentication),
        ("maxFal", "FAL1", Ladder::Federation),
    ] {
        let block = proven(&claims());
        let capped = bundle_with(json!({}), provider(json!({ member: cap })), json!({}));
        assert_eq!(refusal(&block, &capped), Refusal::AboveProvidersCap(ladder));
        let capped = bundle_with(json!({}), provider(json!({})), json!({ member: cap }));
        assert_eq!(refusal(&block, &capped), Refusal::AboveIssuersCap(ladder));
    }
    let exact = json!({ "maxIal": "IAL2", "maxAal": "AAL3", "maxFal": "FAL2" });
    let capped = bundle_with(json!({}), provider(exact.clone()), exact);
    assert!(judged(&proven(&claims()), &capped).is_ok());
    assert_eq!(
        refusal(&proven(&changed("aal", json!("AAL4"))), &usual()),
        Refusal::Incomplete
    );
}

#[test]
fn less_than_the_receiver_demands_is_refused() {
    let strict = bundle_with(json!({ "minimumAal": "AAL3" }), provider(json!({})), json!({}));
    assert!(judged(&proven(&claims()), &strict).is_ok());
    let low = proven(&changed("aal", json!("AAL2")));
    assert_eq!(refusal(&low, &strict), Refusal::BelowMinimum(Level::Three));
}

#[test]
fn an_old_or_absent_step_up_fails_where_its_age_is_limited() {
    let limited = bundle_with(json!({ "maxStepUpAge": 60 }), provider(json!({})), json!({}));
    let at = |millis| proven(&changed("lastStepUpAt", json!(NOW.plus(millis).to_text().as_str())));
    assert!(judged(&at(-65_000), &limited).is_ok(), "five seconds of skew");
    assert_eq!(refusal(&at(-65_001), &limited), Refusal::StepUpOld);
    assert!(judged(&at(5_000), &limited).is_ok());
    assert_eq!(refusal(&at(5_001), &limited), Refusal::StepUpInFuture);
    assert!(judged(&at(-86_400_000), &usual()).is_ok());
    let mut none = claims();
    none.as_object_mut().expect("an object").remove("lastStepUpAt");
    assert_eq!(refusal(&proven(&none), &limited), Refusal::NoStepUp);
    assert!(judged(&proven(&none), &usual()).is_ok());
}

#[test]
fn a_proof_for_another_call_is_refused() {
    let bound = proven(&changed("callId", json!(CALL)));
    assert!(judged(&bound, &usual()).expect("holds").is_bound_to_call);
    for other in [json!("call-2@example.org"), json!(7), json!(null)] {
        assert_eq!(
            refusal(&proven(&changed("callId", other)), &usual()),
            Refusal::OtherCall
        );
    }
}

#[test]
fn a_proof_about_another_person_is_refused() {
    let about = |credential: Value| {
        let block = proven(&changed("sub", json!("person-1")));
        let assurance = judged(&block, &usual()).expect("holds");
        assert_eq!(assurance.subject, Some("person-1"));
        let text = token("sd-jwt", &credential);
        let expect = sd_jwt::Expect {
            types: &TYPES,
            issuer: IDP,
            now: NOW,
            key_binding: None,
        };
        let (mut scratch, mut out) = (vec![0; sd_jwt::SCRATCH_LEN], vec![0; CLAIMS_MAX]);
        let none = std::iter::empty();
        let claims = sd_jwt::verify(&text, none, &expect, &usual_set(), &mut scratch, &mut out).expect("valid");
        assurance.is_about(claims)
    };
    assert_eq!(about(json!({ "iss": IDP, "sub": "person-1" })), Ok(()));
    assert_eq!(
        about(json!({ "iss": IDP, "sub": "person-2" })),
        Err(Refusal::OtherSubject)
    );
    assert_eq!(
        about(json!({ "iss": IDP })),
        Err(Refusal::OtherSubject),
        "not disclosed"
    );
    let odd = proven(&changed("sub", json!(1)));
    assert_eq!(refusal(&odd, &usual()), Refusal::OtherSubject);
}

#[test]
fn a_proof_that_brings_its_key_or_names_none_is_judged_by_the_providers_keys() {
    let mut block = claims();
    let surface = cbor(&block);
    let sign = |header: &str| {
        let header = base64(header.as_bytes());
        let signature = key(1).sign(format!("{header}.{}", base64(&surface)).as_bytes());
        format!("{header}..{}", base64(&signature))
    };
    let mut result = |header: &str| {
        block[PROOF] = json!(sign(header));
        judged(&cbor(&block), &usual()).map(|_| ())
    };
    let refused = |error| Err(Refusal::Proof(ProofError::Jws(error)));
    assert_eq!(result(r#"{"alg":"EdDSA"}"#), Ok(()), "the provider's only key");
    let own = jwk(1, "");
    assert_eq!(
        result(&format!(r#"{{"alg":"EdDSA","jwk":{own}}}"#)),
        refused(JwsError::EmbeddedKey)
    );
    assert_eq!(result(r#"{"alg":"none"}"#), refused(JwsError::AlgNone));
    assert_eq!(result(r#"{"alg":"ES256","kid":"idp"}"#), refused(JwsError::AlgDiffers));
}
