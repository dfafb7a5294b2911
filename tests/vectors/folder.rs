//! One vector of the tree: its files, as another implementation finds them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ohp::cbor::{Item, json};
use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use crate::scene::{self, CALL, FINGERPRINT, NOW, Scene};

/// Path in the tree to content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The tree's texts that are not a vector's.
const README: &str = include_str!("README.md");

/// What stands in each `keys/`, as the protocol asks.
const KEYS_README: &str = "These keys are synthetic and public. Never sign or seal real traffic with them.\n";

/// A tree that is being written.
#[derive(Default)]
pub struct Tree {
    pub files: Files,
}

/// A vector that is being written.
pub struct Folder<'t> {
    files: &'t mut Files,
    name: String,
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self::default();
        tree.files.insert("README.md".to_owned(), README.as_bytes().to_vec());
        tree
    }

    /// A vector called `name`; `about` says what it proves, and which part of the protocol's text it is from.
    pub fn vector(&mut self, name: &str, kind: &str, about: &str) -> Folder<'_> {
        let mut folder = Folder {
            files: &mut self.files,
            name: name.to_owned(),
        };
        let title = name.rsplit('/').next().expect("a name");
        folder.put(
            "README.md",
            format!("# {title}\n\n**Type:** {kind}\n\n{about}\n").into_bytes(),
        );
        folder
    }
}

impl Folder<'_> {
    pub fn put(&mut self, file: &str, content: Vec<u8>) -> &mut Self {
        let taken = self.files.insert(format!("{}/{file}", self.name), content);
        assert!(taken.is_none(), "{}/{file} twice", self.name);
        self
    }

    pub fn json(&mut self, file: &str, value: &Value) -> &mut Self {
        self.put(file, pretty(value))
    }

    /// The finished envelope, in both encodings.
    pub fn envelope(&mut self, cbor: &[u8]) -> &mut Self {
        self.json("envelope.json", &to_json(cbor));
        self.put("envelope.cbor", cbor.to_vec())
    }

    pub fn expected(&mut self, value: &Value) -> &mut Self {
        self.json("expected.json", value)
    }

    /// Keys of the parties that act at `tier`.
    pub fn keys(&mut self, tier: Tier) -> &mut Self {
        let mut keys: Vec<(&str, OwnKey)> = Vec::new();
        if tier >= Tier::Signed {
            keys.push(("issuer-sign", scene::agent_ed25519()));
        }
        if tier == Tier::Regulated {
            keys.push(("issuer-sign-pq", scene::agent_ml_dsa()));
        }
        if tier >= Tier::Sealed {
            keys.push(("receiver-enc", scene::centre_opening()));
        }
        for (file, key) in &keys {
            self.key(file, key);
        }
        if !keys.is_empty() {
            self.put("keys/README.md", KEYS_README.as_bytes().to_vec());
        }
        self
    }

    pub fn key(&mut self, file: &str, key: &OwnKey) -> &mut Self {
        let key: Value = serde_json::from_str(&key.to_private_json()).expect("a JWK");
        self.json(&format!("keys/{file}.jwk"), &key)
    }

    /// The finished scene: its envelope, the bundle that judges it, and the keys.
    pub fn scene(&mut self, scene: &mut Scene) -> &mut Self {
        let cbor = scene.finish();
        self.envelope(&cbor).trust(scene).keys(scene.tier)
    }

    /// The scene's bundle, without what its tier has no use for.
    pub fn trust(&mut self, scene: &Scene) -> &mut Self {
        let mut trust = scene.trust.clone();
        let members = trust.as_object_mut().expect("a bundle");
        let mut drop = |names: &[&str]| names.iter().for_each(|name| drop(members.remove(*name)));
        if scene.tier < Tier::Signed {
            drop(&["issuers"]);
        }
        if scene.tier < Tier::Sealed {
            drop(&["identityProviders", "consentReceipts"]);
        }
        if scene.tier < Tier::Regulated {
            drop(&["resources", "logs"]);
            if let Some(keys) = trust.pointer_mut(&format!("/issuers/{}/jwks/keys", scene::AGENT)) {
                keys.as_array_mut().expect("a list").retain(|key| key["kty"] != "AKP");
            }
        }
        if scene.tier < Tier::Sealed {
            trust["receiver"].as_object_mut().expect("a receiver").remove("keys");
        }
        self.json("trust.json", &trust)
    }
}

/// The circumstances of every scene: when, on which call, and with which sound.
pub fn circumstances(tier: Tier) -> Value {
    let mut expected = json!({ "now": NOW, "callId": CALL });
    if tier >= Tier::Sealed {
        expected["fingerprint"] = fingerprint().into();
    }
    expected
}

pub fn fingerprint() -> String {
    FINGERPRINT.iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

/// [`circumstances`] with `members`.
pub fn expect(tier: Tier, members: &Value) -> Value {
    let mut expected = circumstances(tier);
    for (name, value) in members.as_object().expect("an object") {
        expected[name] = value.clone();
    }
    expected
}

pub fn accepted(tier: Tier) -> Value {
    expect(
        tier,
        &json!({ "outcome": "accept", "tier": tier.as_str(), "verb": "PROPOSE", "schemaValid": true,
        "freshnessOk": true, "tierGateOk": true }),
    )
}

pub fn rejected(tier: Tier, step: u8, reason: &str, about: &str) -> Value {
    expect(
        tier,
        &json!({ "outcome": "reject", "rejectReason": reason, "firstFailingStep": step, "stepDescription": about }),
    )
}

pub fn to_json(cbor: &[u8]) -> Value {
    let mut text = String::new();
    json::from_cbor(Item::parse(cbor).expect("canonical"), &mut text, false).expect("text");
    serde_json::from_str(&text).expect("JSON")
}

pub fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("JSON");
    text.push(b'\n');
    text
}
