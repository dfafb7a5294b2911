//! The two parties of the demonstration: who they are, and what each is told of the other before the call.

use ohp::crypto::ed25519::SEED_LEN;
use ohp::envelope::Tier;
use ohp::trust::jwk::OwnKey;
use serde_json::{Value, json};

use super::proposal::{DECLARATION, MODEL_CARD, MODEL_POLICY};
use super::random;
use super::vouched::{CLAUSE, Vouched};
use crate::clock;
use crate::exit::Failure;

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
    /// The identifier of its signing key, and the beginning of those of its other keys.
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

/// What a side is told before the call.
pub struct Told {
    /// Its trust bundle, with its private keys and the other's public ones. In life each side publishes its JWK Set and a
    /// resolver gathers the other's.
    pub bundle: Value,
    /// What the agent's envelopes say of the caller from Sealed upwards.
    pub caller: Value,
}

/// What the agent and the centre are told.
pub fn told(tier: Tier) -> Result<(Told, Told), Failure> {
    let (agent, centre) = (Keys::new(&AGENT, tier), Keys::new(&CENTRE, tier));
    let mut agents = bundle(tier, &AGENT, &agent);
    let mut centres = bundle(tier, &CENTRE, &centre);
    agents["issuers"] = json!({ (CENTRE.did): { "jwks": centre.public } });
    centres["issuers"] = json!({ (AGENT.did): { "jwks": agent.public } });
    let mut caller = Value::Null;
    if tier >= Tier::Sealed {
        let vouched = Vouched::new(clock::now())?;
        centres["receiver"]["minimumAal"] = "AAL2".into();
        centres["issuers"][AGENT.did]["federation"] = vouched.federation;
        centres["identityProviders"] = vouched.providers;
        centres["trustAnchors"] = vouched.anchors;
        caller = vouched.caller;
    }
    if tier == Tier::Regulated {
        let receiver = &mut centres["receiver"];
        receiver["requiredOversight"] = "human-on-the-loop".into();
        receiver["annexIIIAllowed"] = json!([CLAUSE]);
        // What a resolver has found behind the URLs of the agent's envelopes.
        centres["resources"] = json!({
            (DECLARATION): { "status": 200, "sha256": MODEL_CARD },
            (MODEL_POLICY): { "status": 200 },
        });
    }
    let told = |bundle, caller| Told { bundle, caller };
    Ok((told(agents, caller), told(centres, Value::Null)))
}

/// The public halves of `keys` as a JWK Set.
pub fn public_jwks(keys: &[OwnKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| read(&key.to_public_json())).collect::<Vec<_>>() })
}

fn read(json: &str) -> Value {
    // INVARIANT: the library writes JSON.
    serde_json::from_str(json).expect("a key's JSON is JSON")
}

struct Keys {
    private: Value,
    public: Value,
}

impl Keys {
    /// The keys that a party needs at `tier`: to sign, to be sealed for, to sign beside.
    fn new(party: &Party, tier: Tier) -> Self {
        let kid = |kind: &str| format!("{}-{kind}", party.kid);
        let mut keys = vec![OwnKey::ed25519(random::bytes::<SEED_LEN>(), Some(party.kid))];
        if tier >= Tier::Sealed {
            keys.push(OwnKey::x25519(random::bytes(), Some(&kid("x25519"))));
        }
        if tier == Tier::Regulated {
            keys.push(OwnKey::ml_dsa_65(random::bytes(), Some(&kid("ml-dsa-65"))));
        }
        let private: Vec<Value> = keys.iter().map(|key| read(&key.to_private_json())).collect();
        Self {
            private: json!({ "keys": private }),
            public: public_jwks(&keys),
        }
    }
}

fn bundle(tier: Tier, me: &Party, mine: &Keys) -> Value {
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
            "keys": mine.private,
        },
        "consentReceipts": { (RECEIPT): {
            "purpose": PURPOSE, "scope": SCOPE, "jurisdiction": "GB", "lawfulBasis": LAWFUL_BASIS, "withdrawn": false,
        } },
    })
}
