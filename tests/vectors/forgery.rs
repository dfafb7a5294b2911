//! Signatures that must not hold: forged headers and encodings over a genuine envelope's surface.

use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::Envelope;
use ohp::trust::base64url;
use ohp::trust::jwk::{OwnKey, Secret};
use serde_json::Value;

use crate::common::to_cbor;
use crate::folder::to_json;
use crate::scene::{self, Scene};

/// What is wrong with a signature, and the JWS that has it.
pub type Forgery = (&'static str, &'static str, fn(&Surface) -> String);

/// The surface of a genuine envelope and the key that signs it.
pub struct Surface(Vec<u8>);

/// The order of the group of Ed25519, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

const HEADER: &str = r#"{"alg":"EdDSA","kid":"agent-ed25519"}"#;

pub const FORGERIES: &[Forgery] = &[
    (
        "jws-alg-none",
        "The header says `alg: none`, and there is no signature.",
        |_| format!("{}..", base64(br#"{"alg":"none","kid":"agent-ed25519"}"#)),
    ),
    (
        "jws-embedded-jwk",
        "The header brings a key of its own (`jwk`), which made the signature.",
        |surface| {
            let key = OwnKey::ed25519([0x66; 32], Some("agent-ed25519"));
            let header = format!(
                r#"{{"alg":"EdDSA","jwk":{},"kid":"agent-ed25519"}}"#,
                key.to_public_json()
            );
            surface.signed_by(&SigningKey::from_seed([0x66; 32]), &header)
        },
    ),
    (
        "jws-key-url",
        "The header points to keys elsewhere (`jku`).",
        |surface| surface.signed(r#"{"alg":"EdDSA","jku":"https://keys.example.com/jwks.json","kid":"agent-ed25519"}"#),
    ),
    (
        "jws-unknown-crit",
        "The header names an extension in `crit` that nobody knows.",
        |surface| surface.signed(r#"{"alg":"EdDSA","crit":["x-unknown"],"kid":"agent-ed25519","x-unknown":1}"#),
    ),
    ("jws-kid-differs", "The header's `kid` is not the entry's.", |surface| {
        surface.signed(r#"{"alg":"EdDSA","kid":"another-key"}"#)
    }),
    ("jws-alg-differs", "The header's `alg` is not the entry's.", |surface| {
        surface.signed(r#"{"alg":"ML-DSA-65","kid":"agent-ed25519"}"#)
    }),
    ("jws-padded-base64", "The signature's base64url is padded.", |surface| {
        surface.signed(HEADER) + "=="
    }),
    (
        "jws-non-canonical-base64",
        "The unused bits of the signature's last base64url character are set.",
        |surface| {
            let mut jws = surface.signed(HEADER);
            let last = jws.pop().expect("a signature");
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let at = alphabet.find(last).expect("base64url");
            jws.push(char::from(alphabet.as_bytes()[at + 1]));
            jws
        },
    ),
    (
        "jws-s-not-below-order",
        "The group's order has been added to the signature's S (RFC 8032, section 5.1.7).",
        |surface| {
            surface.changed(|signature| {
                let mut carry = 0;
                for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
                    let sum = u16::from(*byte) + u16::from(order) + carry;
                    *byte = sum as u8;
                    carry = sum >> 8;
                }
            })
        },
    ),
    (
        "jws-small-order-r",
        "The signature's R is the neutral element.",
        |surface| {
            surface.changed(|signature| {
                signature[..32].fill(0);
                signature[0] = 1;
            })
        },
    ),
    (
        "jws-attached-payload",
        "The payload is repeated inside the JWS.",
        |surface| {
            let jws = surface.signed(HEADER);
            jws.replace("..", &format!(".{}.", base64(&surface.0)))
        },
    ),
];

fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; base64url::encoded_len(bytes.len())];
    base64url::encode(bytes, &mut text).expect("fits").to_owned()
}

pub fn agent() -> SigningKey {
    let key = scene::agent_ed25519();
    match key.secret() {
        Secret::Ed25519(key) => SigningKey::from_seed(*key.seed()),
        _ => unreachable!("an Ed25519 key"),
    }
}

impl Surface {
    pub fn of(cbor: &[u8]) -> Self {
        let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
        Self(envelope.surface().segments().concat())
    }

    /// A surface of these very bytes.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn signed(&self, header: &str) -> String {
        self.signed_by(&agent(), header)
    }

    fn signed_by(&self, key: &SigningKey, header: &str) -> String {
        let header = base64(header.as_bytes());
        let signature = key.sign(format!("{header}.{}", base64(&self.0)).as_bytes());
        format!("{header}..{}", base64(&signature))
    }

    fn changed(&self, change: impl FnOnce(&mut [u8; 64])) -> String {
        let jws = self.signed(HEADER);
        let (header, signature) = jws.split_once("..").expect("detached");
        let mut signature: [u8; 64] = base64url::decode_exact(signature).expect("a signature");
        change(&mut signature);
        format!("{header}..{}", base64(&signature))
    }

    pub fn plain(&self) -> String {
        self.signed(HEADER)
    }
}

/// The scene's envelope with another JWS in its first signature.
pub fn with_jws(scene: &mut Scene, jws: impl FnOnce(&Surface) -> String) -> Vec<u8> {
    let cbor = scene.finish();
    let mut envelope: Value = to_json(&cbor);
    envelope["signatures"][0]["jws"] = jws(&Surface::of(&cbor)).into();
    to_cbor(&envelope.to_string())
}
