//! Trust chains that hold, and each way in which one does not.

use ohp::crypto::ed25519::SigningKey;
use ohp::time::Timestamp;
use ohp::trust::base64url;
use ohp::trust::bundle::Bundle;
use ohp::trust::federation::{
    Chain, ChainError, Draft, Fault, MAX_CHAIN_LEN, MAX_STATEMENT_LEN, Operator, PolicyError, issue,
};
use ohp::trust::jwk::KeyRefusal;
use ohp::trust::jws::JwsError;
use ohp::trust::jwt::JwtError;
use serde_json::{Value, json};

const LEAF: &str = "did:web:pbx.example.com:agents:7";
const MIDDLE: &str = "https://org.example.com";
const ANCHOR: &str = "https://federation.example.org";

/// The moment at which all statements hold.
const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; base64url::encoded_len(bytes.len())];
    base64url::encode(bytes, &mut text).expect("fits").to_owned()
}

fn jwk(seed: u8) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": base64(key(seed).public().as_bytes()), "kid": format!("k{seed}")})
}

fn set(seeds: &[u8]) -> Value {
    json!({"keys": seeds.iter().copied().map(jwk).collect::<Vec<_>>()})
}

/// A statement under construction: what it says, and whose key signs it.
#[derive(Clone)]
struct Says {
    signer: u8,
    issuer: &'static str,
    subject: &'static str,
    lives: (i64, i64),
    jwks: Value,
    claims: Value,
}

impl Says {
    fn token(&self) -> String {
        let draft = Draft {
            issuer: self.issuer,
            subject: self.subject,
            issued_at: NOW.plus(self.lives.0 * 1000),
            expires: NOW.plus(self.lives.1 * 1000),
            jwks: &self.jwks.to_string(),
            claims: &self.claims.to_string(),
        };
        issue(&key(self.signer), &format!("k{}", self.signer), &draft).expect("JSON")
    }
}

/// What `issuer`, with the key `signer`, says about `subject`, which has the key `subject_key`.
fn says(signer: u8, issuer: &'static str, (subject, subject_key): (&'static str, u8), claims: Value) -> Says {
    Says {
        signer,
        issuer,
        subject,
        lives: (-60, 3600),
        jwks: set(&[subject_key]),
        claims,
    }
}

/// A leaf with key 1, an organisation with key 2 and an anchor with key 3.
fn usual() -> Vec<Says> {
    vec![
        says(
            1,
            LEAF,
            (LEAF, 1),
            json!({"authority_hints": [MIDDLE], "metadata": {"ohp_agent": {"tiers": ["signed", "sealed"]}}}),
        ),
        says(2, MIDDLE, (LEAF, 1), json!({})),
        says(3, ANCHOR, (MIDDLE, 2), json!({})),
    ]
}

fn tokens(chain: &[Says]) -> Vec<String> {
    chain.iter().map(Says::token).collect()
}

fn bundle(chain: &[String]) -> Value {
    json!({
        "ohpTrust": 1,
        "issuers": { LEAF: { "federation": { "entity": LEAF, "chain": chain } } },
        "trustAnchors": { ANCHOR: { "jwks": set(&[3]) } }
    })
}

/// What loading the bundle makes of its only issuer's chain.
fn loaded(bundle: &Value) -> Result<Chain, ChainError> {
    let bundle = Bundle::from_json(bundle.to_string().as_bytes()).expect("a bundle, whatever its chains");
    let (_, issuer) = bundle.issuers.iter().next().expect("an issuer");
    let federation = issuer.federation.as_ref().expect("a federation");
    let chain = federation.chain.as_ref().expect("a chain");
    chain.clone()
}

fn check(chain: &[Says]) -> Result<Chain, ChainError> {
    loaded(&bundle(&tokens(chain)))
}

fn refusal(chain: &[Says]) -> (Fault, Option<u8>) {
    let error = check(chain).expect_err("a chain that holds");
    (error.fault, error.statement)
}

fn refusal_of_tokens(tokens: &[String]) -> (Fault, Option<u8>) {
    let error = loaded(&bundle(tokens)).expect_err("a chain that holds");
    (error.fault, error.statement)
}

/// The usual chain with one claim more in a statement.
fn with(statement: usize, name: &str, claim: Value) -> Vec<Says> {
    let mut chain = usual();
    chain[statement].claims[name] = claim;
    chain
}

/// The usual chain with the statement's header and payload as `change` makes them, signed again by the same key.
fn forged(statement: usize, change: impl FnOnce(&mut Value, &mut Value)) -> Vec<String> {
    let chain = usual();
    let mut tokens = tokens(&chain);
    let part = |at: usize| -> Value {
        let text = tokens[statement].split('.').nth(at).expect("three parts");
        let mut bytes = vec![0; text.len()];
        serde_json::from_slice(base64url::decode(text, &mut bytes).expect("base64url")).expect("JSON")
    };
    let (mut header, mut payload) = (part(0), part(1));
    change(&mut header, &mut payload);
    tokens[statement] = sign(chain[statement].signer, &header.to_string(), &payload.to_string());
    tokens
}

fn sign(signer: u8, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
    let signature = key(signer).sign(input.as_bytes());
    format!("{input}.{}", base64(&signature))
}

#[test]
fn chain_from_leaf_to_anchor_holds_with_and_without_the_anchors_own_statement() {
    let mut chain = usual();
    for _ in 0..2 {
        let found = check(&chain).expect("a chain");
        assert_eq!((found.leaf(), found.anchor()), (LEAF, ANCHOR));
        assert!(found.names(MIDDLE) && !found.names("https://other.example.com"));
        assert_eq!(found.from(), NOW.plus(-60_000));
        assert_eq!(found.until(), NOW.plus(3_600_000));
        chain.push(says(3, ANCHOR, (ANCHOR, 3), json!({})));
    }
    let direct = [
        says(1, LEAF, (LEAF, 1), json!({"authority_hints": [ANCHOR]})),
        says(3, ANCHOR, (LEAF, 1), json!({})),
    ];
    assert!(check(&direct).is_ok());
}

/// Made with Python's `cryptography`; it also stands in for the chains of a bundle that memory is too short for.
#[test]
fn chain_that_another_implementation_signed_holds() {
    let bundle = serde_json::from_str(include_str!("../c_memory/chain.json")).expect("JSON");
    let chain = loaded(&bundle).expect("a chain");
    assert_eq!((chain.leaf(), chain.anchor()), ("did:web:pbx.example.com", ANCHOR));
    assert_eq!(chain.from(), NOW);
}

#[test]
fn anchor_itself_needs_no_superior() {
    let mut bundle = bundle(&tokens(&[says(3, ANCHOR, (ANCHOR, 3), json!({}))]));
    bundle["issuers"][LEAF]["federation"]["entity"] = json!(ANCHOR);
    let chain = loaded(&bundle).expect("a chain of one");
    assert_eq!((chain.leaf(), chain.anchor()), (ANCHOR, ANCHOR));
}

#[test]
fn expired_statement_ends_the_chain_and_a_future_one_delays_it() {
    let mut chain = usual();
    chain[1].lives = (-60, 10);
    chain[2].lives = (5, 3600);
    let found = check(&chain).expect("a chain");
    let fault = |millis| found.check_time(NOW.plus(millis)).err().map(|error| error.fault);
    assert_eq!(fault(-1), Some(Fault::NotYetValid));
    assert_eq!(fault(0), None);
    assert_eq!(fault(14_999), None);
    assert_eq!(fault(15_000), Some(Fault::Expired));
}

#[test]
fn loop_is_refused() {
    let back = [
        usual()[0].clone(),
        usual()[1].clone(),
        says(1, LEAF, (MIDDLE, 2), json!({})),
        says(3, ANCHOR, (LEAF, 1), json!({})),
    ];
    assert_eq!(refusal(&back), (Fault::Loop, Some(2)));
    let oneself = [
        usual()[0].clone(),
        usual()[1].clone(),
        says(2, MIDDLE, (MIDDLE, 2), json!({})),
        usual()[2].clone(),
    ];
    assert_eq!(refusal(&oneself), (Fault::Loop, Some(2)));
    let twice = [usual()[0].clone(), usual()[0].clone()];
    assert_eq!(refusal(&twice), (Fault::Loop, Some(1)));
}

#[test]
fn anchor_that_is_not_ours_is_refused_whatever_it_says_of_itself() {
    const OTHER: &str = "https://federation.example.net";
    let mut chain = usual();
    chain[2].issuer = OTHER;
    assert_eq!(refusal(&chain), (Fault::UnknownAnchor, Some(2)));
    chain.push(says(3, OTHER, (OTHER, 3), json!({})));
    assert_eq!(refusal(&chain), (Fault::UnknownAnchor, Some(2)));
}

#[test]
fn anchors_keys_are_those_of_the_bundle_and_not_those_of_the_chain() {
    let mut chain = usual();
    chain[2].signer = 9;
    chain.push(says(9, ANCHOR, (ANCHOR, 9), json!({})));
    assert_eq!(refusal(&chain), (Fault::Key(KeyRefusal::Unknown), Some(3)));
    chain.pop();
    assert_eq!(refusal(&chain), (Fault::Key(KeyRefusal::Unknown), Some(2)));

    let mut revoked = bundle(&tokens(&usual()));
    revoked["trustAnchors"][ANCHOR]["jwks"]["keys"][0]["revoked"] = json!(true);
    let error = loaded(&revoked).expect_err("a revoked key");
    assert_eq!(error.fault, Fault::Key(KeyRefusal::Revoked));
}

#[test]
fn key_of_another_entity_is_refused() {
    // The organisation does not say that the leaf has key 9, though the leaf says so itself.
    let mut chain = usual();
    (chain[0].signer, chain[0].jwks) = (9, set(&[9]));
    assert_eq!(refusal(&chain), (Fault::Key(KeyRefusal::Unknown), Some(0)));

    // The organisation says so, and the leaf does not.
    let mut chain = usual();
    (chain[0].signer, chain[1].jwks) = (9, set(&[9]));
    assert_eq!(refusal(&chain), (Fault::Key(KeyRefusal::Unknown), Some(0)));

    // Another key under the same name.
    let mut chain = usual();
    chain[1].jwks["keys"][0]["x"] = jwk(9)["x"].clone();
    assert_eq!(refusal(&chain), (Fault::Token(JwtError::BadSignature), Some(0)));

    // The leaf's key signs for the organisation.
    let mut chain = usual();
    chain[1].signer = 1;
    assert_eq!(refusal(&chain), (Fault::Key(KeyRefusal::Unknown), Some(1)));
}

#[test]
fn key_for_something_else_is_refused() {
    for (name, value, refusal_of_key) in [
        ("use", json!("enc"), KeyRefusal::NotForSignatures),
        ("alg", json!("ES256"), KeyRefusal::OtherAlgorithm),
    ] {
        let mut chain = usual();
        chain[2].jwks["keys"][0][name] = value;
        assert_eq!(refusal(&chain), (Fault::Key(refusal_of_key), Some(1)));
    }
    let mut chain = usual();
    chain[2].jwks["keys"][0]["d"] = json!("AAAA");
    assert!(matches!(refusal(&chain), (Fault::BadKey(_), Some(1))));
}

#[test]
fn keys_without_a_name_of_their_own_are_refused() {
    let mut chain = usual();
    chain[2].jwks = set(&[2, 2]);
    assert_eq!(refusal(&chain), (Fault::Kid, Some(2)));
    chain[2].jwks = json!({"keys": [{"kty": "OKP"}]});
    assert_eq!(refusal(&chain), (Fault::Kid, Some(2)));
}

#[test]
fn alg_none_embedded_keys_and_unknown_crit_are_refused() {
    for (change, fault) in [
        (json!({"alg": "none"}), JwtError::Header(JwsError::AlgNone)),
        (json!({"alg": "ES256"}), JwtError::AlgNotOfKey),
        (json!({"jwk": jwk(2)}), JwtError::Header(JwsError::EmbeddedKey)),
        (json!({"x5c": ["AA"]}), JwtError::Header(JwsError::EmbeddedKey)),
        (json!({"crit": ["exp"]}), JwtError::Header(JwsError::CritUnknown)),
        (json!({"typ": "JWT"}), JwtError::Type),
    ] {
        let tokens = forged(1, |header, _| {
            let members = change.as_object().expect("an object").clone();
            header.as_object_mut().expect("an object").extend(members);
        });
        assert_eq!(refusal_of_tokens(&tokens), (Fault::Token(fault), Some(1)), "{change}");
    }
    let unnamed = forged(1, |header, _| {
        header.as_object_mut().expect("an object").remove("kid");
    });
    assert_eq!(refusal_of_tokens(&unnamed), (Fault::NoKid, Some(1)));
}

#[test]
fn claim_given_twice_is_refused() {
    let header = json!({"alg": "EdDSA", "typ": "entity-statement+jwt", "kid": "k2"}).to_string();
    let payload =
        json!({"iss": MIDDLE, "sub": LEAF, "iat": 1, "exp": 9_999_999_999_i64, "jwks": set(&[1])}).to_string();
    let twice = payload.replacen('{', &format!("{{\"sub\":\"{LEAF}\","), 1);
    let mut tokens = tokens(&usual());
    tokens[1] = sign(2, &header, &payload);
    assert!(loaded(&bundle(&tokens)).is_ok());
    tokens[1] = sign(2, &header, &twice);
    assert!(matches!(
        refusal_of_tokens(&tokens),
        (Fault::Token(JwtError::PayloadJson(_)), Some(1))
    ));
}

#[test]
fn statement_that_lacks_a_claim_is_refused() {
    for name in ["iss", "sub", "iat", "exp", "jwks"] {
        let tokens = forged(2, |_, payload| {
            payload.as_object_mut().expect("an object").remove(name);
        });
        assert_eq!(refusal_of_tokens(&tokens), (Fault::Claim, Some(2)), "{name}");
    }
}

#[test]
fn statements_that_are_not_linked_are_refused() {
    let mut chain = usual();
    chain[1].subject = "did:web:pbx.example.com:agents:8";
    assert_eq!(refusal(&chain), (Fault::Unlinked, Some(0)));
    chain.remove(0);
    assert_eq!(refusal(&chain), (Fault::NotALeaf, Some(0)));
    let mut chain = usual();
    chain.reverse();
    assert_eq!(refusal(&chain), (Fault::NotALeaf, Some(0)));
    let hints = with(0, "authority_hints", json!(["https://other.example.com"]));
    assert_eq!(refusal(&hints), (Fault::NotHinted, Some(0)));
    assert_eq!(refusal(&[]), (Fault::Empty, None));
}

#[test]
fn claims_that_must_be_understood_and_are_not_are_refused() {
    assert_eq!(refusal(&with(1, "crit", json!(["jti"]))), (Fault::Critical, Some(1)));
    let operator = with(2, "metadata_policy_crit", json!(["regexp"]));
    assert_eq!(refusal(&operator), (Fault::CriticalOperator, Some(2)));
}

#[test]
fn claims_in_the_wrong_kind_of_statement_are_refused() {
    for (statement, name) in [
        (0, "constraints"),
        (0, "metadata_policy"),
        (0, "aud"),
        (1, "authority_hints"),
        (2, "trust_anchor"),
    ] {
        let chain = with(statement, name, json!({}));
        assert_eq!(
            refusal(&chain),
            (Fault::Misplaced, u8::try_from(statement).ok()),
            "{name}"
        );
    }
}

#[test]
fn path_longer_than_a_superior_allows_is_refused() {
    let length = |statement, most: i64| with(statement, "constraints", json!({ "max_path_length": most }));
    assert!(check(&length(2, 1)).is_ok());
    assert_eq!(refusal(&length(2, 0)), (Fault::PathTooLong, Some(2)));
    assert!(check(&length(1, 0)).is_ok());
    assert_eq!(refusal(&length(1, -1)), (Fault::Constraints, Some(1)));
}

#[test]
fn names_that_are_excluded_or_not_permitted_are_refused() {
    let naming = |naming: Value| with(2, "constraints", json!({ "naming_constraints": naming }));
    assert!(check(&naming(json!({"permitted": [".example.com"]}))).is_ok());
    assert!(check(&naming(json!({"excluded": ["example.com", ".example.net"]}))).is_ok());
    for refused in [
        json!({"permitted": ["org.example.com"]}),
        json!({"permitted": []}),
        json!({"permitted": [".example.com"], "excluded": ["pbx.example.com"]}),
        json!({"excluded": [".EXAMPLE.com"]}),
    ] {
        assert_eq!(refusal(&naming(refused.clone())), (Fault::Name, Some(2)), "{refused}");
    }
    for malformed in [
        json!([]),
        json!({"permitted": ".example.com"}),
        json!({"excluded": ["*.example.com"]}),
    ] {
        assert_eq!(refusal(&naming(malformed)), (Fault::Constraints, Some(2)));
    }
    // The organisation's own constraints reach the leaf, and not the organisation.
    let below = json!({"naming_constraints": {"permitted": ["pbx.example.com"]}});
    assert!(check(&with(1, "constraints", below)).is_ok());
}

#[test]
fn leaf_that_is_left_without_a_type_is_refused() {
    let types = |allowed: Value| with(2, "constraints", json!({ "allowed_entity_types": allowed }));
    assert!(check(&types(json!(["ohp_agent"]))).is_ok());
    assert_eq!(
        refusal(&types(json!(["openid_provider"]))),
        (Fault::EntityType, Some(2))
    );
    assert_eq!(refusal(&types(json!([]))), (Fault::EntityType, Some(2)));
}

#[test]
fn policies_that_conflict_or_are_not_fulfilled_are_refused() {
    let policies = |anchor: Value, middle: Value| {
        let mut chain = usual();
        chain[2].claims["metadata_policy"] = json!({"ohp_agent": {"tiers": anchor}});
        chain[1].claims["metadata_policy"] = json!({"ohp_agent": {"tiers": middle}});
        chain
    };
    assert!(
        check(&policies(
            json!({"subset_of": ["signed"]}),
            json!({"superset_of": ["signed"]})
        ))
        .is_ok()
    );
    let conflict = policies(json!({"value": ["signed"]}), json!({"value": ["sealed"]}));
    let merge = Fault::Policy(PolicyError::Merge(Operator::Value));
    assert_eq!(refusal(&conflict), (merge, Some(1)));
    let unfulfilled = policies(json!({"superset_of": ["regulated"]}), json!({}));
    let superset = Fault::Policy(PolicyError::Unfulfilled(Operator::SupersetOf));
    assert_eq!(refusal(&unfulfilled), (superset, Some(0)));

    // What the immediate superior says about the leaf counts as the leaf's.
    let mut said = unfulfilled;
    said[1].claims["metadata"] = json!({"ohp_agent": {"tiers": ["regulated"]}});
    assert!(check(&said).is_ok());
}

#[test]
fn oversize_statements_and_chains_are_refused() {
    let padded = |len: usize| {
        let mut chain = usual();
        chain[1].claims["x"] = json!("x".repeat(len));
        tokens(&chain)
    };
    assert!(loaded(&bundle(&padded(MAX_STATEMENT_LEN / 4 * 3 - 600))).is_ok());
    let too_long = (Fault::Token(JwtError::TooLong), Some(1));
    assert_eq!(refusal_of_tokens(&padded(MAX_STATEMENT_LEN / 4 * 3)), too_long);

    let long = "x".repeat(MAX_STATEMENT_LEN);
    assert_eq!(
        refusal_of_tokens(&vec![long; MAX_CHAIN_LEN / MAX_STATEMENT_LEN + 1]).0,
        Fault::TooLong
    );
    assert_eq!(
        refusal_of_tokens(&vec!["x".to_owned(); 11]),
        (Fault::TooManyStatements, None)
    );
    assert_eq!(
        refusal_of_tokens(&vec!["x".to_owned(); 10]).0,
        Fault::Token(JwtError::Form)
    );
}

#[test]
fn longest_chain_holds() {
    const NAMES: [&str; 9] = [
        LEAF,
        "https://b.example.com",
        "https://c.example.com",
        "https://d.example.com",
        "https://e.example.com",
        "https://f.example.com",
        "https://g.example.com",
        "https://h.example.com",
        ANCHOR,
    ];
    let seed = |at: usize| if at == 8 { 3 } else { 10 + at as u8 };
    let mut chain = vec![says(seed(0), LEAF, (LEAF, seed(0)), json!({}))];
    for at in 1..9 {
        chain.push(says(seed(at), NAMES[at], (NAMES[at - 1], seed(at - 1)), json!({})));
    }
    chain.push(says(3, ANCHOR, (ANCHOR, 3), json!({})));
    assert_eq!(chain.len(), 10);
    assert_eq!(check(&chain).expect("a chain").anchor(), ANCHOR);
}

#[test]
fn chain_of_another_entity_is_refused() {
    let mut bundle = bundle(&tokens(&usual()));
    let federation = &mut bundle["issuers"][LEAF]["federation"];
    // The issuer is the leaf; its `entity` is its federation, which stands in the chain.
    federation["entity"] = json!(ANCHOR);
    assert!(loaded(&bundle).is_ok());
    bundle["issuers"][LEAF]["federation"]["entity"] = json!("https://other.example.com");
    let error = loaded(&bundle).expect_err("another federation");
    assert_eq!((error.fault, error.statement), (Fault::OtherEntity, Some(0)));
    bundle["issuers"] = json!({"did:web:evil.example.com": {"federation": {"chain": tokens(&usual())}}});
    let error = loaded(&bundle).expect_err("another's chain");
    assert_eq!((error.fault, error.statement), (Fault::OtherEntity, Some(0)));
}

/// The chain says whose it is, not who may use it: only where its leaf publishes the issuer's keys are both one.
#[test]
fn issuer_of_another_name_does_not_borrow_a_chain() {
    const EVIL: &str = "did:web:evil.example.com";
    let mut own = jwk(7);
    own["use"] = json!("sig");
    let borrowed = |chain: &[Says]| {
        let mut bundle = bundle(&tokens(chain));
        bundle["issuers"] = json!({ EVIL: {
            "jwks": { "keys": [own] }, "federation": { "entity": LEAF, "chain": tokens(chain) }
        } });
        loaded(&bundle).map(|_| ()).map_err(|error| error.fault)
    };
    assert_eq!(borrowed(&usual()), Err(Fault::KeyNotPublished));
    assert_eq!(
        borrowed(&with(0, "metadata", json!({"ohp_agent": {"jwks": set(&[6])}}))),
        Err(Fault::KeyNotPublished)
    );
    assert_eq!(
        borrowed(&with(0, "metadata", json!({"ohp_agent": {"jwks": set(&[6, 7])}}))),
        Ok(())
    );
}

#[test]
fn published_keys_must_hold_the_issuers() {
    let mut own = jwk(7);
    own["use"] = json!("sig");
    let loaded_with = |metadata: Value| {
        let mut bundle = bundle(&tokens(&with(0, "metadata", metadata)));
        bundle["issuers"][LEAF]["jwks"] = json!({ "keys": [own] });
        loaded(&bundle).map(|_| ()).map_err(|error| error.fault)
    };
    assert_eq!(loaded_with(json!({"ohp_agent": {}})), Ok(()));
    assert_eq!(loaded_with(json!({"ohp_agent": {"jwks": set(&[6, 7])}})), Ok(()));
    assert_eq!(
        loaded_with(json!({"ohp_agent": {"jwks": set(&[6])}})),
        Err(Fault::KeyNotPublished)
    );
}

#[test]
fn flipped_bits_never_make_a_chain_that_says_something_else() {
    let tokens = tokens(&usual());
    for statement in 0..tokens.len() {
        for at in (0..tokens[statement].len()).step_by(7) {
            let mut changed = tokens.clone();
            let mut bytes = changed[statement].clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            changed[statement] = String::from_utf8(bytes).expect("ASCII");
            assert!(
                loaded(&bundle(&changed)).is_err(),
                "statement {statement}, character {at}"
            );
        }
    }
}
