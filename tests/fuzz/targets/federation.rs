//! Trust chains. Whatever each statement claims under a signature that holds, the chain is judged without a panic, and a
//! chain that is taken is not once a byte of a statement has changed.

#![no_main]

use ohp::crypto::ed25519::SigningKey;
use ohp::trust::base64url;
use ohp::trust::bundle::Bundle;
use ohp::trust::federation::{Chain, ChainError, Draft, issue};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, party, target};
use serde_json::{Value, json};

const LEAF: &str = "did:web:pbx.example.com:agents:7";
const MIDDLE: &str = "https://org.example.com";
const ANCHOR: &str = "https://federation.example.org";

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (how, which, at, flip) = (take.u8(), take.u8(), take.u16(), 1 << (take.u8() & 7));
    let claims = [exact(take.long()), exact(take.long()), exact(take.rest())];
    let mut chain = Vec::new();
    for (nth, (issuer, subject, subject_key)) in [(LEAF, LEAF, 1), (MIDDLE, LEAF, 1), (ANCHOR, MIDDLE, 2)].iter().enumerate() {
        let Some(token) = statement(nth as u8 + 1, issuer, (subject, *subject_key), &claims[nth], how) else {
            // No JSON: then the bytes themselves are the statement.
            chain.push(String::from_utf8_lossy(&claims[nth]).into_owned());
            continue;
        };
        chain.push(token);
    }
    if how & 1 == 1 {
        chain.remove(usize::from(which) % 3);
    }
    match check(&chain) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(taken) => {
            assert_eq!((taken.leaf(), taken.anchor()), (LEAF, ANCHOR));
            assert!(taken.from() < taken.until() && taken.names(LEAF));
            let _ = taken.check_time(party::NOW);
            let which = usize::from(which) % chain.len();
            let mut bytes = chain[which].clone().into_bytes();
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= flip;
            if let Ok(changed) = String::from_utf8(bytes) {
                chain[which] = changed;
                assert!(check(&chain).is_err(), "a changed statement was taken");
            }
        }
    }
});

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn set(seed: u8) -> Value {
    let mut x = room(43);
    let x = base64url::encode(key(seed).public().as_bytes(), &mut x).expect("32 bytes");
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": format!("k{seed}") }] })
}

fn statement(signer: u8, issuer: &str, (subject, subject_key): (&str, u8), claims: &[u8], how: u8) -> Option<String> {
    let draft = Draft {
        issuer,
        subject,
        issued_at: party::NOW.plus(-60_000),
        expires: party::NOW.plus(if how & 2 == 2 { -1000 } else { 3_600_000 }),
        jwks: &set(subject_key).to_string(),
        claims: std::str::from_utf8(claims)
            .ok()
            .filter(|claims| claims.starts_with('{'))?,
    };
    issue(&key(signer), &format!("k{signer}"), &draft).ok()
}

/// What loading a bundle makes of the chain, as a host does it.
fn check(chain: &[String]) -> Result<Chain, ChainError> {
    let bundle = json!({
        "ohpTrust": 1,
        "issuers": { LEAF: { "federation": { "entity": LEAF, "chain": chain } } },
        "trustAnchors": { ANCHOR: { "jwks": set(3) } }
    });
    let bundle = Bundle::from_json(bundle.to_string().as_bytes()).expect("a bundle, whatever its chains");
    let (_, issuer) = bundle.issuers.iter().next().expect("an issuer");
    let federation = issuer.federation.as_ref().expect("a federation");
    federation.chain.clone().expect("a chain")
}

fn write_seeds(seeds: &mut Seeds) {
    let leaf = json!({ "authority_hints": [MIDDLE], "metadata": { "ohp_agent": { "tiers": ["signed", "sealed"] } } });
    let policy = json!({
        "metadata_policy": { "ohp_agent": {
            "tiers": { "subset_of": ["signed", "sealed"], "superset_of": ["signed"], "essential": true },
            "contacts": { "add": ["ops@example.com"] }, "name": { "default": "desk", "one_of": ["desk", "other"] },
            "logo": { "value": null }
        } },
        "metadata_policy_crit": ["subset_of"],
        "metadata": { "ohp_agent": { "region": "eu" } }
    });
    let constraints = json!({
        "constraints": {
            "max_path_length": 1, "allowed_entity_types": ["ohp_agent"],
            "naming_constraints": { "permitted": [".example.com"], "excluded": ["evil.example.com"] }
        }
    });
    for (how, middle, anchor) in [
        (0, json!({}), json!({})),
        (0, policy.clone(), constraints.clone()),
        (2, constraints, policy),
        (1, json!({}), json!({ "crit": ["x"], "x": 1 })),
    ] {
        let (leaf, middle, anchor) = (leaf.to_string(), middle.to_string(), anchor.to_string());
        let long = |text: &str| [&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
        let parts = [&[how, 0, 9, 0, 1][..], &long(&leaf), &long(&middle), anchor.as_bytes()];
        seeds.add(parts.concat());
    }
    assert!(
        check(&[
            statement(1, LEAF, (LEAF, 1), leaf.to_string().as_bytes(), 0).expect("JSON"),
            statement(2, MIDDLE, (LEAF, 1), b"{}", 0).expect("JSON"),
            statement(3, ANCHOR, (MIDDLE, 2), b"{}", 0).expect("JSON"),
        ])
        .is_ok()
    );
}
