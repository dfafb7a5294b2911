//! The same envelope from JSON. We check the whole schema and write canonical CBOR; the peers fill typed structs, or a
//! tree, and check what that takes. Their texts are borrowed, which is fastest; an escape would be refused, but there is
//! none.

#![expect(
    dead_code,
    reason = "peers fill in members that nobody reads, as they would for a receiver"
)]

use ohp::cbor::json;
use ohp::envelope::{Envelope, SHAPE};
use serde::Deserialize;

use super::ENVELOPE;
use crate::race::{Contestant, Row, opaque};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed<'a> {
    ohp: &'a str,
    conformance: &'a str,
    id: &'a str,
    issued_at: &'a str,
    not_after: &'a str,
    #[serde(borrow)]
    issuer: Issuer<'a>,
    #[serde(borrow)]
    audience: Audience<'a>,
    #[serde(borrow)]
    session: Session<'a>,
    #[serde(borrow)]
    caller: Option<Caller<'a>>,
    #[serde(borrow)]
    intent: Intent<'a>,
    #[serde(borrow)]
    transcript: Transcript<'a>,
    #[serde(borrow)]
    policy: Policy<'a>,
    #[serde(borrow)]
    control: Control<'a>,
    #[serde(borrow)]
    signatures: Vec<Signature<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issuer<'a> {
    vendor: &'a str,
    agent_id: &'a str,
    #[serde(borrow)]
    region: Option<&'a str>,
    did: &'a str,
    #[serde(borrow)]
    federation: Option<&'a str>,
    #[serde(borrow)]
    attestation: Attestation<'a>,
}

#[derive(Deserialize)]
struct Attestation<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    evidence: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Audience<'a> {
    vendor: &'a str,
    did: &'a str,
    #[serde(borrow)]
    ai_role: Option<&'a str>,
    purpose: &'a str,
    #[serde(borrow)]
    min_tier: Option<&'a str>,
    #[serde(default)]
    #[serde(borrow)]
    recipient_keys: Vec<Key<'a>>,
}

#[derive(Deserialize)]
struct Key<'a> {
    kid: &'a str,
    alg: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    call_id: &'a str,
    channel: &'a str,
    #[serde(borrow)]
    locale: Option<&'a str>,
    #[serde(borrow)]
    started_at: Option<&'a str>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Media<'a> {
    #[serde(borrow)]
    rtp_fingerprint: Option<&'a str>,
    #[serde(borrow)]
    sdp_hints: Option<Hints<'a>>,
}

#[derive(Deserialize)]
struct Hints<'a> {
    #[serde(borrow)]
    codecs: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Caller<'a> {
    #[serde(borrow)]
    assurance: Assurance<'a>,
    #[serde(borrow)]
    identity: Option<Identity<'a>>,
    #[serde(borrow)]
    consent: Vec<Consent<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assurance<'a> {
    method: &'a str,
    ial: &'a str,
    aal: &'a str,
    fal: &'a str,
    #[serde(borrow)]
    last_step_up_at: Option<&'a str>,
    idp: &'a str,
    proof_jws: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    sd_jwt_vc: &'a str,
    #[serde(borrow)]
    disclosures: Vec<&'a str>,
    #[serde(borrow)]
    claims_revealed: Vec<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consent<'a> {
    receipt_id: &'a str,
    purpose: &'a str,
    #[serde(borrow)]
    scope: Vec<&'a str>,
    lawful_basis: &'a str,
    #[serde(borrow)]
    special_category_basis: Option<&'a str>,
    jurisdiction: &'a str,
    #[serde(borrow)]
    transfer_mechanism: Option<&'a str>,
}

#[derive(Deserialize)]
struct Intent<'a> {
    #[serde(borrow)]
    current: Current<'a>,
    #[serde(borrow)]
    stack: Vec<Step<'a>>,
    #[serde(borrow)]
    slots: Slots<'a>,
}

#[derive(Deserialize)]
struct Current<'a> {
    name: &'a str,
    confidence: f64,
}

#[derive(Deserialize)]
struct Step<'a> {
    name: &'a str,
    status: &'a str,
}

/// The slots of this one envelope; a receiver of any envelope would have to build a tree here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Slots<'a> {
    invoice_ref: &'a str,
    amount_class: &'a str,
    is_first_dispute: bool,
    months: u8,
}

#[derive(Deserialize)]
struct Transcript<'a> {
    format: &'a str,
    #[serde(borrow)]
    redaction: Redaction<'a>,
    #[serde(borrow)]
    turns: Vec<Turn<'a>>,
    summary: &'a str,
}

#[derive(Deserialize)]
struct Turn<'a> {
    t: &'a str,
    role: &'a str,
    text: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy<'a> {
    #[serde(borrow)]
    retention: Retention<'a>,
    #[serde(borrow)]
    redaction: Masks<'a>,
    #[serde(borrow)]
    guardrails: Vec<&'a str>,
    #[serde(borrow)]
    data_residency: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Control<'a> {
    verb: &'a str,
    #[serde(borrow)]
    reason: Option<&'a str>,
    #[serde(borrow)]
    fallback: Option<Fallback<'a>>,
    nonce: &'a str,
}

#[derive(Deserialize)]
struct Redaction<'a> {
    policy: &'a str,
    version: &'a str,
}

#[derive(Deserialize)]
struct Retention<'a> {
    #[serde(borrow)]
    transcript: Option<&'a str>,
    #[serde(borrow)]
    audio: Option<&'a str>,
    #[serde(borrow)]
    embeddings: Option<&'a str>,
}

#[derive(Deserialize)]
struct Masks<'a> {
    pii: &'a str,
    #[serde(borrow)]
    pci: Option<&'a str>,
    #[serde(borrow)]
    phi: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fallback<'a> {
    verb: &'a str,
    after: &'a str,
    #[serde(borrow)]
    acceptable_reasons: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Signature<'a> {
    kid: &'a str,
    alg: &'a str,
    jws: &'a str,
}

/// Everyone with typed structs is held to the same two members, one at each end.
fn answer_of(envelope: &Typed<'_>) -> u64 {
    (envelope.ohp.len() + envelope.signatures.len()) as u64
}

fn peers() -> Vec<Contestant> {
    const NO_SCHEMA: &str = "typed; no schema beyond that";
    const TREE: &str = "tree; no schema";
    let mut copy = ENVELOPE.to_vec();
    let mut tree_copy = ENVELOPE.to_vec();
    vec![
        Contestant::new("serde_json", NO_SCHEMA, || {
            serde_json::from_slice::<Typed<'_>>(opaque(ENVELOPE)).map_or(0, |envelope| answer_of(&envelope))
        }),
        Contestant::new("serde_json Value", TREE, || {
            serde_json::from_slice::<serde_json::Value>(opaque(ENVELOPE)).map_or(0, |_| ANSWER)
        }),
        Contestant::new("sonic-rs", NO_SCHEMA, || {
            sonic_rs::from_slice::<Typed<'_>>(opaque(ENVELOPE)).map_or(0, |envelope| answer_of(&envelope))
        }),
        Contestant::new("sonic-rs Value", TREE, || {
            sonic_rs::from_slice::<sonic_rs::Value>(opaque(ENVELOPE)).map_or(0, |_| ANSWER)
        }),
        // It writes into its input, so that a fresh copy is part of its work.
        Contestant::new("simd-json", NO_SCHEMA, move || {
            copy.copy_from_slice(opaque(ENVELOPE));
            simd_json::serde::from_slice::<Typed<'_>>(&mut copy).map_or(0, |envelope| answer_of(&envelope))
        }),
        Contestant::new("simd-json Value", TREE, move || {
            tree_copy.copy_from_slice(opaque(ENVELOPE));
            simd_json::to_borrowed_value(&mut tree_copy).map_or(0, |_| ANSWER)
        }),
    ]
}

/// "0.1", and one signature.
const ANSWER: u64 = 3 + 1;

/// JSON to canonical CBOR, in the schema's shape.
pub fn row() -> Row {
    let (mut scratch, mut out) = (vec![0; json::scratch_len(ENVELOPE.len())], vec![0; ENVELOPE.len()]);
    let mut contestants = vec![Contestant::new("ours", "", move || {
        json::to_cbor(opaque(ENVELOPE), SHAPE, &mut scratch, &mut out).map_or(0, |_| ANSWER)
    })];
    contestants.extend(peers());
    Row {
        name: "JSON envelope, 3.8 KB, to canonical CBOR",
        goal: Some(4000.0),
        answer: ANSWER,
        contestants,
        missing: Vec::new(),
    }
}

/// JSON to an envelope whose every rule has been checked.
pub fn schema_row() -> Row {
    let (mut scratch, mut out) = (vec![0; json::scratch_len(ENVELOPE.len())], vec![0; ENVELOPE.len()]);
    let mut contestants = vec![Contestant::new("ours", "", move || {
        let cbor = json::to_cbor(opaque(ENVELOPE), SHAPE, &mut scratch, &mut out).unwrap_or_default();
        let mut broken = 0;
        let read = Envelope::read(cbor, &mut |_| broken += 1).is_ok();
        if read && broken == 0 { ANSWER } else { 0 }
    })];
    contestants.extend(peers());
    Row {
        name: "– and the whole schema, all tiers' rules",
        goal: None,
        answer: ANSWER,
        contestants,
        missing: Vec::new(),
    }
}
