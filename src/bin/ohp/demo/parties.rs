//! The two parties of the demonstration: who they are, and what each is told of the other before the call.

use ohp::crypto::ed25519::SEED_LEN;
use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use super::random;

/// What `audience.purpose` says in the demonstration.
pub const PURPOSE: &str = "human-takeover";

const RECEIPT: &str = "iso27560:rcpt_demo";
const SCOPE: [&str; 2] = ["transcript.summary", "intent.slots"];
const LAWFUL_BASIS: &str = "gdpr.art6.1.b";

/// A party.
pub struct Party {
    /// `issuer.vendor`.
    pub vendor: &'static str,
    /// `issuer.agentId`.
    pub agent_id: &'static str,
    /// `issuer.region`.
    pub region: &'static str,
    /// `issuer.did`.
    pub did: &'static str,
    /// The identifier of its signing key.
    pub kid: &'static str,
}

/// The voice agent that holds the caller.
pub const AGENT: Party = Party {
    vendor: "vendor-a",
    agent_id: "asst_cs7",
    region: "uk-west",
    did: "did:web:agents.example.com:asst_cs7",
    kid: "vendor-a-demo",
};

/// The contact centre that is to take the caller.
pub const CENTRE: Party = Party {
    vendor: "vendor-b",
    agent_id: "desk_12",
    region: "uk-south",
    did: "did:web:cc.example.com",
    kid: "vendor-b-demo",
};

/// The consent that the caller gave, as an envelope refers to it.
pub fn consent() -> Value {
    json!({
        "receiptId": RECEIPT,
        "purpose": PURPOSE,
        "scope": SCOPE,
        "lawfulBasis": LAWFUL_BASIS,
        "jurisdiction": "GB",
    })
}

/// The trust bundles of the agent and of the centre, each with its own private key and the other's public one. In
/// life each side publishes its JWK Set and a resolver gathers the other's.
pub fn bundles(tier: Tier) -> (Value, Value) {
    let (agent, centre) = (Keys::new(&AGENT), Keys::new(&CENTRE));
    (
        bundle(tier, &AGENT, &agent, &CENTRE, &centre),
        bundle(tier, &CENTRE, &centre, &AGENT, &agent),
    )
}

struct Keys {
    private: Value,
    public: Value,
}

impl Keys {
    fn new(party: &Party) -> Self {
        let key = OwnKey::ed25519(random::bytes::<SEED_LEN>(), Some(party.kid));
        let read = |json: &str| serde_json::from_str(json).expect("a key's JSON is JSON");
        Self {
            private: read(&key.to_private_json()),
            public: read(&key.to_public_json()),
        }
    }
}

fn bundle(tier: Tier, me: &Party, mine: &Keys, other: &Party, others: &Keys) -> Value {
    json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": me.vendor,
            "did": me.did,
            "agentId": me.agent_id,
            "region": me.region,
            "maxTier": tier.as_str(),
            "purposes": [PURPOSE],
            "jurisdictions": ["GB"],
            "processingScope": SCOPE,
            "keys": { "keys": [mine.private] },
        },
        "consentReceipts": { (RECEIPT): {
            "purpose": PURPOSE, "scope": SCOPE, "jurisdiction": "GB", "lawfulBasis": LAWFUL_BASIS, "withdrawn": false,
        } },
        "issuers": { (other.did): { "jwks": { "keys": [others.public] } } },
    })
}
