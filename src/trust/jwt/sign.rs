//! Making tokens. Unlike reading them this allocates: it is for issuers, holders and tests, not for a call's way.

use core::fmt;
use std::string::String;
use std::vec;

use crate::cbor::{Item, Writer, json};
use crate::crypto::ed25519;
use crate::time::Timestamp;
use crate::trust::base64url;
use crate::trust::jwk::EDDSA;

/// Signs `payload` with EdDSA as a token of type `typ`, by the key that `kid` names.
pub fn sign(key: &ed25519::SigningKey, typ: &str, kid: Option<&str>, payload: &JsonObject) -> String {
    let mut header = JsonObject::new();
    header.text("alg", EDDSA).text("typ", typ);
    if let Some(kid) = kid {
        header.text("kid", kid);
    }
    sign_with_header(key, &header, payload)
}

/// Signs `payload` under `header`, which has to name the algorithm.
pub(in crate::trust) fn sign_with_header(
    key: &ed25519::SigningKey,
    header: &JsonObject,
    payload: &JsonObject,
) -> String {
    let mut token = to_base64url(header.to_json().as_bytes());
    token.push('.');
    token.push_str(&to_base64url(payload.to_json().as_bytes()));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&to_base64url(&signature));
    token
}

/// The public JWK of an Ed25519 key, its members alone.
pub(in crate::trust) fn public_jwk(key: &ed25519::PublicKey) -> JsonObject {
    let mut jwk = JsonObject::new();
    jwk.text("kty", "OKP")
        .text("crv", "Ed25519")
        .text("x", &to_base64url(key.as_bytes()));
    jwk
}

/// `bytes` as base64url.
pub(in crate::trust) fn to_base64url(bytes: &[u8]) -> String {
    let mut out = vec![0; base64url::encoded_len(bytes.len())];
    // INVARIANT: the buffer has the length that the text needs.
    base64url::encode(bytes, &mut out).unwrap_or_default().into()
}

/// A JSON object under construction. That no member is added twice is the caller's business.
#[derive(Clone, Default)]
pub struct JsonObject {
    members: String,
}

impl JsonObject {
    /// The empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name);
        self.quote(value);
        self
    }

    /// Adds a moment as whole seconds since 1970 (RFC 7519, section 2).
    pub fn seconds(&mut self, name: &str, moment: Timestamp) -> &mut Self {
        self.key(name);
        self.members
            .push_str(&std::format!("{}", moment.millis().div_euclid(1000)));
        self
    }

    /// Adds an item.
    pub fn item(&mut self, name: &str, value: Item<'_>) -> &mut Self {
        self.key(name);
        self.members.push_str(&to_json(value));
        self
    }

    /// Adds an object.
    pub fn object(&mut self, name: &str, value: &JsonObject) -> &mut Self {
        self.key(name);
        self.members.push_str(&value.to_json());
        self
    }

    /// Adds a list of texts.
    pub fn texts<'t>(&mut self, name: &str, values: impl IntoIterator<Item = &'t str>) -> &mut Self {
        self.key(name);
        self.members.push('[');
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.members.push(',');
            }
            self.quote(value);
        }
        self.members.push(']');
        self
    }

    /// The object's text.
    pub fn to_json(&self) -> String {
        std::format!("{{{}}}", self.members)
    }

    fn key(&mut self, name: &str) {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        self.quote(name);
        self.members.push(':');
    }

    fn quote(&mut self, text: &str) {
        self.members.push_str(&quoted(text));
    }
}

impl fmt::Debug for JsonObject {
    /// The length only: what is signed may name a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonObject({} bytes)", self.members.len())
    }
}

/// `text` as a JSON string; its escapes are the CBOR module's to know.
pub(in crate::trust) fn quoted(text: &str) -> String {
    /// Longest head of a CBOR text.
    const HEAD_MAX: usize = 9;
    let mut cbor = vec![0; text.len() + HEAD_MAX];
    let mut writer = Writer::new(&mut cbor);
    // INVARIANT: the buffer has room for the head and the text.
    writer
        .text(text)
        .map(|()| to_json(Item::trusted(writer.written())))
        .unwrap_or_default()
}

/// `item` as JSON.
pub(in crate::trust) fn to_json(item: Item<'_>) -> String {
    let mut out = String::new();
    // INVARIANT: a String takes any text, and an item is canonical.
    let _ = json::from_cbor(item, &mut out, false);
    out
}
