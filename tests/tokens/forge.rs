//! Tokens with whatever header and payload a test wants, signed as RFC 7515 says.

use ohp::crypto::ed25519::SigningKey;
use ohp::time::Timestamp;
use ohp::trust::base64url;
use ohp::trust::jwk::JwkSet;
use serde_json::Value;

/// The moment at which the tests' tokens are judged.
pub const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
/// The same, as a claim says it.
pub const NOW_SECONDS: i64 = 1_780_000_000;

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

pub fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; base64url::encoded_len(bytes.len())];
    base64url::encode(bytes, &mut text).expect("fits").to_owned()
}

/// The public JWK of `key(seed)`, with `members` behind its own, such as `,"kid":"idp"`.
pub fn jwk(seed: u8, members: &str) -> String {
    let x = base64(key(seed).public().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{members}}}"#)
}

/// A JWK Set of such keys.
pub fn set(keys: &[String]) -> JwkSet {
    JwkSet::from_json(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("a set")
}

/// The usual set: one signature key, `kid` `idp`.
pub fn usual_set() -> JwkSet {
    set(&[jwk(1, r#","kid":"idp","use":"sig""#)])
}

/// A token of these very texts, by `key(seed)`.
pub fn token_of(seed: u8, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
    let signature = key(seed).sign(input.as_bytes());
    format!("{input}.{}", base64(&signature))
}

/// A token by the usual key.
pub fn token(typ: &str, payload: &Value) -> String {
    let header = format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"idp"}}"#);
    token_of(1, &header, &payload.to_string())
}
