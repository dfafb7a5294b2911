//! A whole handoff proposal at any tier, with real keys behind each of its parties: the agent that issues, the identity
//! provider, the contact centre that receives, and a transparency log.
//!
//! A scene is JSON that a test changes before anything is signed; then the parties sign, seal and anchor it in the order in
//! which they would.

#![allow(dead_code, reason = "each test crate uses its own part of this one")]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use base64ct::{Base64, Encoding as _};
use ohp::cbor::Item;
use ohp::crypto::{ed25519, hpke};
use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier, leaf_hash_text};
use ohp::time::Timestamp;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::sealing::{self, Binding, Recipient};
use ohp::trust::transparency::{checkpoint::Checkpoint, merkle, note};
use ohp::trust::{block_proof, issue, jws, sd_jwt};
use serde_json::{Value, json};

use crate::common::to_cbor;

/// When everything happens.
pub const NOW: &str = "2026-05-28T13:42:11Z";
pub const CALL: &str = "a84b4c76e66710@pc33.atlanta.example.com";
pub const AGENT: &str = "did:web:agents.example.com:desk_1";
pub const CENTRE: &str = "did:web:centre.example.net";
pub const PROVIDER: &str = "did:web:login.example.org";
pub const FEDERATION: &str = "did:web:federation.example.org";
pub const LOG: &str = "log.example.org/handoffs";
/// What the encapsulated keys are made from, in the order of the recipients.
pub const SEALING_RANDOM: [[u8; hpke::RANDOM_LEN]; 2] = [[0xa1; hpke::RANDOM_LEN], [0xa2; hpke::RANDOM_LEN]];
pub const FINGERPRINT: [u8; 32] = [0xf1; 32];
pub const DECLARATION: &str = "https://docs.example.com/declaration.pdf";
pub const MODEL_POLICY: &str = "https://example.com/policies/model";

const DAY_MS: i64 = 86_400_000;

/// How much later than at [`NOW`] everything happens, in milliseconds.
static LATER: AtomicI64 = AtomicI64::new(0);

pub fn now() -> Timestamp {
    let written = Timestamp::parse_rfc3339(NOW).expect("a moment");
    written.plus(LATER.load(Ordering::Relaxed))
}

/// Lets everything happen at another time than what is written here: for a receiver that looks at a clock. One thread of a
/// process at a time makes scenes then.
pub fn happens_at(now: Timestamp) {
    let written = Timestamp::parse_rfc3339(NOW).expect("a moment");
    LATER.store(now.since(written), Ordering::Relaxed);
}

/// Moves every moment and every day of an envelope to when things happen.
fn move_times(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Ok(written) = Timestamp::parse_rfc3339(text) {
                *text = written
                    .plus(LATER.load(Ordering::Relaxed))
                    .to_text()
                    .as_str()
                    .to_owned();
            } else if let Ok(day) = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")) {
                let written = Timestamp::parse_rfc3339(NOW).expect("a moment");
                let days = now().millis().div_euclid(DAY_MS) - written.millis().div_euclid(DAY_MS);
                let moved = day.plus(days * DAY_MS).to_text().as_str().to_owned();
                *text = moved.split('T').next().unwrap_or_default().to_owned();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(move_times),
        Value::Object(members) => members.values_mut().for_each(move_times),
        _ => {}
    }
}

/// A seed that is the same in every run; nobody may use these keys for anything else.
fn seed(party: u8, kind: u8) -> [u8; 32] {
    let mut seed = [party; 32];
    seed[31] = kind;
    seed
}

pub fn agent_ed25519() -> OwnKey {
    OwnKey::ed25519(seed(1, 1), Some("agent-ed25519"))
}

pub fn agent_ml_dsa() -> OwnKey {
    OwnKey::ml_dsa_65(seed(1, 2), Some("agent-ml-dsa-65"))
}

pub fn provider_key() -> ed25519::SigningKey {
    ed25519::SigningKey::from_seed(seed(2, 1))
}

pub fn centre_opening() -> OwnKey {
    OwnKey::x25519(seed(3, 3), Some("centre-x25519"))
}

/// What the contact centre signs its answers with.
pub fn centre_signing() -> OwnKey {
    OwnKey::ed25519(seed(3, 1), Some("centre-ed25519"))
}

/// A recipient whose keys we do not have.
pub fn other_centre() -> hpke::OpeningKey {
    hpke::OpeningKey::from_bytes(seed(4, 3))
}

pub fn log_key() -> ed25519::SigningKey {
    ed25519::SigningKey::from_seed(seed(5, 1))
}

pub fn public_jwks(keys: &[OwnKey]) -> Value {
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| serde_json::from_str(&key.to_public_json()).expect("a JWK"))
        .collect();
    json!({ "keys": keys })
}

/// What is proposed, before anybody has signed it, and whom the receiver believes.
pub struct Scene {
    pub tier: Tier,
    pub envelope: Value,
    /// Dotted name to value.
    pub sealed: Value,
    pub claims: Vec<(&'static str, &'static str)>,
    /// Claims that the credential holds in the open.
    pub open: Vec<(&'static str, &'static str)>,
    /// What the encapsulated keys are made from.
    pub random: [[u8; hpke::RANDOM_LEN]; 2],
    /// Which of the claims the sender shows; all if `None`.
    pub shown: Option<&'static [&'static str]>,
    pub trust: Value,
    /// Changes the envelope between sealing and the issuer's signatures.
    pub after_sealing: Option<fn(&mut Value)>,
    /// Changes the finished envelope.
    pub tamper: Option<fn(&mut Value)>,
    /// Changes the log's entry for it.
    pub entry: Option<fn(&mut Value)>,
}

impl Scene {
    pub fn at(tier: Tier) -> Self {
        let mut scene = Self {
            tier,
            envelope: core(tier),
            sealed: json!({ "payment.disputeDetail": "card ending 4242, 42.50 GBP", "caller.vulnerable": true }),
            claims: vec![("given_name", "Ada"), ("account_ref", "acct_7781")],
            open: Vec::new(),
            random: SEALING_RANDOM,
            shown: None,
            trust: trust(),
            after_sealing: None,
            tamper: None,
            entry: None,
        };
        if tier >= Tier::Sealed {
            scene.envelope["caller"] = caller();
        }
        if tier == Tier::Regulated {
            regulated(&mut scene.envelope);
        }
        scene
    }

    /// The finished envelope's canonical CBOR. `trust` gets the log's entry for it.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut envelope = self.envelope.clone();
        if LATER.load(Ordering::Relaxed) != 0 {
            move_times(&mut envelope);
        }
        if self.tier >= Tier::Sealed {
            self.vouch(&mut envelope);
            self.seal(&mut envelope);
            if let Some(change) = self.after_sealing {
                change(&mut envelope);
            }
        }
        if self.tier == Tier::Regulated {
            attest(&mut envelope, "governance.prohibited", "attestationJws");
            attest(&mut envelope, "governance.art50Disclosure", "proofJws");
            self.anchor(&mut envelope);
        }
        let cbor = to_cbor(&envelope.to_string());
        let signed = if self.tier == Tier::Core { cbor } else { sign(&cbor) };
        let Some(tamper) = self.tamper else {
            return signed;
        };
        let mut json = String::new();
        ohp::cbor::json::from_cbor(Item::parse(&signed).expect("canonical"), &mut json, false).expect("text");
        let mut json: Value = serde_json::from_str(&json).expect("JSON");
        tamper(&mut json);
        to_cbor(&json.to_string())
    }

    /// The identity provider signs what it says of the caller, and issues a credential.
    fn vouch(&self, envelope: &mut Value) {
        let cbor = to_cbor(&envelope.to_string());
        let block = at_path(&cbor, "caller.assurance");
        let proof = prove(block, "proofJws", &provider_key(), "provider-1");
        if envelope["caller"]["assurance"]["proofJws"] == "" {
            envelope["caller"]["assurance"]["proofJws"] = proof.into();
        }
        let mut compact = self.credential();
        if let Some(shown) = self.shown {
            compact = sd_jwt::present(&compact, &mut |name| shown.contains(&name)).expect("a credential");
        }
        let (token, disclosures) = sd_jwt::split(&compact).expect("a credential");
        if envelope["caller"]["identity"]["sdJwtVc"] == "" {
            envelope["caller"]["identity"]["sdJwtVc"] = token.into();
            envelope["caller"]["identity"]["disclosures"] = disclosures.collect::<Vec<_>>().into();
        }
    }

    /// The caller's credential with everything that it can disclose.
    pub fn credential(&self) -> String {
        let encoded = |claims: &[(&'static str, &'static str)]| -> Vec<(&'static str, Vec<u8>)> {
            let claims = claims.iter();
            claims
                .map(|(name, value)| (*name, to_cbor(&json!(value).to_string())))
                .collect()
        };
        let (selective, open) = (encoded(&self.claims), encoded(&self.open));
        let (selective, open) = (items(&selective), items(&open));
        let credential = sd_jwt::Credential {
            issuer: PROVIDER,
            kind: "https://login.example.org/credentials/customer",
            issued_at: now(),
            expires: Some(now().plus(3_600_000)),
            open: &open,
            selective: &selective,
            holder: None,
        };
        let mut count = 0;
        sd_jwt::issue(&credential, &provider_key(), "provider-1", &mut || {
            count += 1;
            [count; sd_jwt::SALT_LEN]
        })
    }

    /// What the sender starts from, once the provider has vouched for the caller: neither sealed, attested nor signed.
    pub fn template(&self) -> Value {
        let mut envelope = self.envelope.clone();
        if self.tier >= Tier::Sealed {
            self.vouch(&mut envelope);
        }
        envelope
    }

    /// For the contact centre, and for another that it is not.
    fn seal(&self, envelope: &mut Value) {
        let fields = to_cbor(&self.sealed.to_string());
        let text = |path: &str| {
            envelope
                .pointer(path)
                .and_then(Value::as_str)
                .expect("a text")
                .to_owned()
        };
        let (id, issued_at) = (text("/id"), text("/issuedAt"));
        let (did, call) = (text("/audience/did"), text("/session/callId"));
        let binding = Binding {
            id: &id,
            issued_at: &issued_at,
            audience_did: &did,
            call_id: &call,
        };
        let (other, ours) = (
            other_centre().public(),
            hpke::OpeningKey::from_bytes(seed(3, 3)).public(),
        );
        let recipients = [
            Recipient {
                kid: "other-x25519",
                key: &other,
            },
            Recipient {
                kid: "centre-x25519",
                key: &ours,
            },
        ];
        let (mut scratch, mut out) = (vec![0; sealing::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
        let fields = Item::parse(&fields).expect("canonical");
        let block = sealing::seal(fields, &binding, &recipients, &self.random, &mut scratch, &mut out).expect("sealed");
        let mut json = String::new();
        ohp::cbor::json::from_cbor(block, &mut json, false).expect("text");
        envelope["sealed"] = serde_json::from_str(&json).expect("JSON");
    }

    /// The envelope becomes the third leaf of the log.
    fn anchor(&mut self, envelope: &mut Value) {
        let cbor = to_cbor(&envelope.to_string());
        let (hash, leaf) = {
            let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
            (
                envelope.surface_hash(),
                merkle::leaf_hash(&envelope.surface().segments()),
            )
        };
        let stated = leaf_hash_text(&hash);
        let stated = std::str::from_utf8(&stated).expect("ASCII").to_owned();
        envelope["transparency"]["leafHash"] = stated.clone().into();
        let (first, second) = (merkle::leaf_hash(&[b"one"]), merkle::leaf_hash(&[b"two"]));
        let left = merkle::node_hash(&first, &second);
        let checkpoint = Checkpoint {
            origin: LOG,
            size: 3,
            root: merkle::node_hash(&left, &leaf),
        };
        let mut signed = String::new();
        note::sign(&checkpoint.to_string(), LOG, &log_key(), &mut signed).expect("a note");
        let mut text = [0; 44];
        let proof = Base64::encode(&left, &mut text).expect("room");
        let mut entry = json!({ "index": 2, "treeSize": 3, "proof": [proof], "checkpoint": signed });
        if let Some(change) = self.entry {
            change(&mut entry);
        }
        if let Some(log) = self.trust["logs"].get_mut(LOG) {
            log["entries"][stated] = entry;
        }
    }
}

fn items<'c>(claims: &'c [(&'static str, Vec<u8>)]) -> Vec<(&'static str, Item<'c>)> {
    let claims = claims.iter();
    claims
        .map(|(name, value)| (*name, Item::parse(value).expect("text")))
        .collect()
}

/// The issuer signs a block of its own.
fn attest(envelope: &mut Value, path: &str, member: &str) {
    let pointer = format!("/{}/{member}", path.replace('.', "/"));
    if envelope.pointer(&pointer).and_then(Value::as_str) != Some("") {
        return;
    }
    let cbor = to_cbor(&envelope.to_string());
    let key = ed25519::SigningKey::from_seed(seed(1, 1));
    let proof = prove(at_path(&cbor, path), member, &key, "agent-ed25519");
    *envelope.pointer_mut(&pointer).expect("the member") = proof.into();
}

fn prove(block: Item<'_>, member: &str, key: &ed25519::SigningKey, kid: &str) -> String {
    let (mut scratch, mut out) = (vec![0; jws::SCRATCH_LEN], vec![0; jws::MAX_JWS_LEN]);
    block_proof::sign(block, member, key, kid, &mut scratch, &mut out)
        .expect("a proof")
        .to_owned()
}

fn at_path<'c>(cbor: &'c [u8], path: &str) -> Item<'c> {
    let root = Item::parse(cbor).expect("canonical");
    path.split('.').fold(root, |item, key| {
        item.map().and_then(|map| map.get(key)).expect("a member")
    })
}

fn sign(cbor: &[u8]) -> Vec<u8> {
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
    let keys = OwnKeys::new(vec![agent_ed25519(), agent_ml_dsa()].into()).expect("two kids");
    let (mut scratch, mut out) = (vec![0; 2 * ENVELOPE_MAX], vec![0; ENVELOPE_MAX]);
    issue::issue(&envelope, &keys, now(), &mut scratch, &mut out)
        .expect("signed")
        .to_vec()
}

/// [`FINGERPRINT`] as an envelope says it.
pub fn fingerprint() -> String {
    FINGERPRINT.iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

fn core(tier: Tier) -> Value {
    let mut envelope = json!({
        "ohp": "0.1",
        "conformance": tier.as_str(),
        "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "issuedAt": "2026-05-28T13:42:10.250Z",
        "notAfter": "2026-05-28T13:47:10.250Z",
        "issuer": { "vendor": "voice-desk", "agentId": "desk_1", "region": "eu-west", "did": AGENT },
        "audience": {
            "vendor": "contact-centre", "did": CENTRE, "purpose": "human-takeover", "minTier": tier.as_str()
        },
        "session": { "callId": CALL, "channel": "voice/sip", "locale": "en-GB" },
        "intent": {
            "current": { "name": "dispute_charge", "confidence": 0.91 },
            "stack": [],
            "slots": { "amount": "42.50" }
        },
        "transcript": { "redaction": { "policy": "pii-mask", "version": "1" }, "summary": "Disputes a charge." },
        "policy": {
            "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" },
            "guardrails": ["no-cross-sell"], "dataResidency": ["GB"]
        },
        "control": { "verb": "PROPOSE", "reason": "human-requested", "nonce": "00112233445566778899aabbccddeeff" },
    });
    if tier >= Tier::Signed {
        envelope["notBefore"] = envelope["issuedAt"].clone();
        envelope["signatures"] = json!([]);
    }
    if tier >= Tier::Sealed {
        envelope["issuer"]["federation"] = FEDERATION.into();
        envelope["audience"]["recipientKeys"] =
            json!([{ "kid": "centre-x25519", "alg": "HPKE/X25519-SHA256-CHACHA20POLY1305" }]);
        envelope["session"]["media"] = json!({ "rtpFingerprint": fingerprint() });
    }
    envelope
}

fn caller() -> Value {
    json!({
        "assurance": {
            "method": "otp+pin", "ial": "IAL2", "aal": "AAL2", "fal": "FAL2",
            "lastStepUpAt": "2026-05-28T13:40:00Z", "idp": PROVIDER, "proofJws": ""
        },
        "identity": { "sdJwtVc": "", "disclosures": [], "claimsRevealed": ["given_name", "account_ref"] },
        "consent": [{
            "receiptId": "iso27560:rcpt_1", "purpose": "human-takeover", "scope": ["transcript.summary"],
            "lawfulBasis": "gdpr.art6.1.b", "jurisdiction": "GB", "transferMechanism": "none"
        }]
    })
}

fn regulated(envelope: &mut Value) {
    envelope["issuer"]["aiRole"] = "deployer".into();
    envelope["aiSystem"] = json!({
        "id": "urn:voice-desk:desk:1", "version": "2026.05.27", "riskClass": "high", "annexIIIClause": "5(b)",
        "modelCardSha256": format!("sha256:{}", "c5".repeat(32)),
        "ceConformity": {
            "assessmentRoute": "self", "notifiedBodyId": null, "declarationUrl": DECLARATION, "validUntil": "2027-05-01"
        },
        "gpaiChain": [
            { "provider": "big-models", "model": "big-1", "systemicRisk": true, "policyUrl": MODEL_POLICY },
            { "provider": "voices", "model": "voice-1", "systemicRisk": false }
        ]
    });
    envelope["governance"] = json!({
        "aiia": { "id": "aiia:desk:2026-04", "lastReviewedAt": "2026-04-12", "residualRisk": "low", "uri": "ohp://aiia/desk" },
        "fria": { "id": "fria:desk:2026-04", "completedAt": "2026-04-18", "uri": "ohp://fria/desk" },
        "prohibited": {
            "subliminalManipulation": false, "socialScoring": false, "rtBiometricIdPublic": false,
            "emotionRecognitionWorkplace": false, "sensitiveBiometricCategorisation": false, "attestationJws": ""
        },
        "art50Disclosure": {
            "disclosed": true, "at": "2026-05-28T13:38:05Z", "modality": "voice-prompt", "language": "en-GB",
            "transcript": "You are speaking with an automated assistant.", "ack": "implicit-continuation", "proofJws": ""
        },
        "art86Explanation": { "available": true, "endpoint": "https://api.example.com/explain" }
    });
    envelope["oversight"] = json!({ "mode": "human-on-the-loop", "supervisor": { "presence": "live" } });
    envelope["decisions"] = json!([{
        "id": "dec_01HZX1A0R5N9V8W1QYK0XQM3R3", "at": "2026-05-28T13:41:42Z", "type": "intent.classification",
        "input": { "turns": 2 }, "output": { "intent": "dispute_charge" }, "humanReviewed": false
    }]);
    envelope["transparency"] = json!({ "logId": LOG, "leafHash": format!("sha256:{}", "00".repeat(32)) });
}

/// The receiver's trust bundle, which believes all parties of the scene.
fn trust() -> Value {
    let private = |key: OwnKey| -> Value { serde_json::from_str(&key.to_private_json()).expect("a JWK") };
    let provider = OwnKey::ed25519(seed(2, 1), Some("provider-1"));
    let key = note::VerifierKey::new(LOG, log_key().public())
        .expect("a name")
        .to_string();
    json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": "contact-centre", "did": CENTRE, "maxTier": "regulated", "purposes": ["human-takeover"],
            "jurisdictions": ["GB"], "processingScope": ["transcript.summary"], "minimumAal": "AAL2",
            "requiredOversight": "human-on-the-loop", "acceptedRiskClasses": ["high", "limited", "minimal"],
            "annexIIIAllowed": ["5(b)"], "maxStepUpAge": 3600,
            "keys": { "keys": [private(centre_opening()), private(centre_signing())] }
        },
        "issuers": { AGENT: {
            "jwks": public_jwks(&[agent_ed25519(), agent_ml_dsa()]),
            "federation": { "entity": FEDERATION, "maxIal": "IAL3", "maxAal": "AAL3", "maxFal": "FAL3",
                            "annexIII": ["5(b)"], "jurisdictions": ["GB"] }
        } },
        "identityProviders": { PROVIDER: { "jwks": public_jwks(&[provider]), "maxIal": "IAL2", "maxAal": "AAL3", "maxFal": "FAL3" } },
        "consentReceipts": { "iso27560:rcpt_1": {
            "purpose": "human-takeover", "scope": ["transcript.summary"], "jurisdiction": "GB",
            "lawfulBasis": "gdpr.art6.1.b", "withdrawn": false
        } },
        "resources": {
            DECLARATION: { "status": 200, "sha256": format!("sha256:{}", "c5".repeat(32)) },
            MODEL_POLICY: { "status": 200 }
        },
        "logs": { LOG: { "checkpointKeys": [key], "entries": {} } }
    })
}

/// What the agent's application says of a conversation that it proposes to hand over.
pub fn template(tier: Tier) -> Value {
    let scene = Scene::at(tier);
    let mut template = scene.envelope.clone();
    if tier >= Tier::Sealed {
        scene.vouch(&mut template);
    }
    let members = template.as_object_mut().expect("an envelope");
    for own in [
        "ohp",
        "conformance",
        "id",
        "issuedAt",
        "notBefore",
        "notAfter",
        "issuer",
        "signatures",
    ] {
        members.remove(own);
    }
    for own in ["verb", "nonce"] {
        template["control"].as_object_mut().expect("control").remove(own);
    }
    template["session"].as_object_mut().expect("a session").remove("callId");
    if tier >= Tier::Sealed {
        template["issuer"] = json!({ "federation": FEDERATION });
        template["sealed"] = json!({ "fields": scene.sealed });
    }
    if tier == Tier::Regulated {
        template["issuer"]["aiRole"] = "deployer".into();
        template["transparency"] = json!({ "logId": LOG });
        for (block, proof) in [("prohibited", "attestationJws"), ("art50Disclosure", "proofJws")] {
            let block = template["governance"][block].as_object_mut().expect("a block");
            block.remove(proof);
        }
    }
    template
}

/// The agent's own side: who it is, and its keys.
pub fn agents_bundle() -> Value {
    let keys: Vec<Value> = [agent_ed25519(), agent_ml_dsa()]
        .iter()
        .map(|key| serde_json::from_str(&key.to_private_json()).expect("a JWK"))
        .collect();
    json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": "voice-desk", "agentId": "desk_1", "region": "eu-west", "did": AGENT, "maxTier": "regulated",
            "keys": { "keys": keys }
        },
        "issuers": { CENTRE: { "jwks": public_jwks(&[centre_opening(), centre_signing()]) } }
    })
}
