//! What third parties say of the voice agent and its caller before the call: an identity provider vouches for the caller, a
//! federation for the agent.

use ohp::cbor::Item;
use ohp::crypto::ed25519::{SEED_LEN, SigningKey};
use ohp::envelope::Field;
use ohp::time::Timestamp;
use ohp::trust::jwk::OwnKey;
use ohp::trust::{block_proof, federation, jws, sd_jwt};
use serde_json::{Value, json};

use super::parties::AGENT;
use super::{parties, proposal, random};
use crate::exit::Failure;

/// The identity provider.
const PROVIDER: &str = "did:web:login.example.org";
const PROVIDER_KID: &str = "provider-demo";

/// The federation, which is the centre's trust anchor.
pub const FEDERATION: &str = "did:web:federation.example.org";

/// The clause of Annex III under which the federation lets the agent work.
pub const CLAUSE: &str = "5(b)";

/// When the caller last proved who it is, before the call began.
const STEP_UP_AGE_MS: i64 = 110_000;

/// How long credentials and statements hold.
const HOUR_MS: i64 = 3_600_000;

/// A key with what is published of it.
struct Signer {
    key: SigningKey,
    jwks: Value,
}

impl Signer {
    fn new(kid: &str) -> Self {
        let seed = random::bytes::<SEED_LEN>();
        Self {
            key: SigningKey::from_seed(seed),
            jwks: parties::public_jwks(&[OwnKey::ed25519(seed, Some(kid))]),
        }
    }
}

/// What the agent has of its caller, and what the centre knows of those who said it.
pub struct Vouched {
    /// The member `caller` of the agent's envelopes.
    pub caller: Value,
    /// The member `identityProviders` of the centre's bundle.
    pub providers: Value,
    /// The member `federation` of the agent in the centre's bundle.
    pub federation: Value,
    /// The member `trustAnchors` of the centre's bundle.
    pub anchors: Value,
}

impl Vouched {
    /// Everything that is said at `now`.
    pub fn new(now: Timestamp) -> Result<Self, Failure> {
        let provider = Signer::new(PROVIDER_KID);
        let (leaf, anchor) = (Signer::new("agent-entity"), Signer::new("federation-demo"));
        Ok(Self {
            caller: json!({
                "assurance": assurance(now, &provider)?,
                "identity": identity(now, &provider)?,
                "consent": [parties::consent()],
            }),
            providers: json!({ (PROVIDER): {
                "jwks": provider.jwks, "maxIal": "IAL2", "maxAal": "AAL3", "maxFal": "FAL3",
            } }),
            federation: json!({
                "entity": FEDERATION, "maxIal": "IAL2", "maxAal": "AAL2", "maxFal": "FAL2",
                "annexIII": [CLAUSE], "jurisdictions": ["GB"],
                "chain": [
                    statement(now, (AGENT.did, &leaf, "agent-entity"), &leaf)?,
                    statement(now, (FEDERATION, &anchor, "federation-demo"), &leaf)?,
                ],
            }),
            anchors: json!({ (FEDERATION): { "jwks": anchor.jwks } }),
        })
    }
}

/// How sure the provider is that the caller is who it says.
fn assurance(now: Timestamp, provider: &Signer) -> Result<Value, Failure> {
    let mut assurance = json!({
        "method": "otp+pin", "ial": "IAL2", "aal": "AAL2", "fal": "FAL2",
        "lastStepUpAt": now.plus(-STEP_UP_AGE_MS).to_string(), "idp": PROVIDER,
    });
    let cbor = proposal::to_cbor(&json!({ "caller": { "assurance": assurance } }))?;
    let root = Item::parse(&cbor).map_err(Failure::new)?;
    let mut path = Field::Assurance.path().split('.');
    let block = path.try_fold(root, |item, key| item.map()?.get(key));
    let block = block.ok_or_else(|| Failure::new("the demonstration's caller has no assurance"))?;
    let (mut scratch, mut out) = (vec![0; jws::SCRATCH_LEN], vec![0; jws::MAX_JWS_LEN]);
    let proof = block_proof::sign(block, "proofJws", &provider.key, PROVIDER_KID, &mut scratch, &mut out);
    assurance["proofJws"] = proof.map_err(Failure::new)?.into();
    Ok(assurance)
}

/// The provider's credential of the caller, as much of it as the agent shows.
fn identity(now: Timestamp, provider: &Signer) -> Result<Value, Failure> {
    let claims = [
        ("given_name", "Ada"),
        ("account_ref", "acct_7781"),
        ("birthdate", "1990-12-10"),
    ]
    .map(|(name, value)| proposal::to_cbor(&json!({ (name): value })).map(|cbor| (name, cbor)));
    let claims = claims.into_iter().collect::<Result<Vec<_>, _>>()?;
    let selective: Vec<_> = claims
        .iter()
        .filter_map(|(name, cbor)| Some((*name, Item::parse(cbor).ok()?.map()?.get(name)?)))
        .collect();
    let credential = sd_jwt::Credential {
        issuer: PROVIDER,
        kind: "https://login.example.org/credentials/customer",
        issued_at: now,
        expires: Some(now.plus(HOUR_MS)),
        open: &[],
        selective: &selective,
        holder: None,
    };
    let compact = sd_jwt::issue(&credential, &provider.key, PROVIDER_KID, &mut random::bytes);
    let (token, disclosures) =
        sd_jwt::split(&compact).map_err(|_| Failure::new("the demonstration's credential is none"))?;
    // The date of birth is nobody's business here.
    let shown: Vec<&str> = disclosures.take(2).collect();
    Ok(json!({ "sdJwtVc": token, "disclosures": shown, "claimsRevealed": ["given_name", "account_ref"] }))
}

/// What `issuer` says of the agent, with the keys of its entity.
fn statement(now: Timestamp, (issuer, signer, kid): (&str, &Signer, &str), leaf: &Signer) -> Result<String, Failure> {
    let jwks = leaf.jwks.to_string();
    let draft = federation::Draft {
        issuer,
        subject: AGENT.did,
        issued_at: now,
        expires: now.plus(HOUR_MS),
        jwks: &jwks,
        claims: "{}",
    };
    federation::issue(&signer.key, kid, &draft).map_err(Failure::new)
}
