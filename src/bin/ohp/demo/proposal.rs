//! The envelope that the voice agent proposes with: a caller who disputes a charge and asks for a person.

use ohp::cbor::Item;
use ohp::cbor::json as cbor_json;
use ohp::envelope::{Draft, SHAPE, STAMP_RANDOM_LEN, Tier};
use ohp::time::{MAX_LIFETIME_MS, Timestamp};
use ohp::transport::ENVELOPE_MAX;
use ohp::trust::issue;
use ohp::trust::jws;
use serde_json::json;

use super::parties::{self, AGENT, PURPOSE};
use super::peer::Config;
use super::random;
use crate::exit::Failure;

/// Memory for a draft of this size.
const DRAFT_LEN: usize = 16 * 1024;

/// How long the call has lasted, as far as the envelope says.
const CALL_AGE_MS: i64 = 95_000;

/// Writes what only the application knows of a proposal on the call `call_id`, as canonical CBOR: everything but
/// identifier, times, sound and signature.
pub fn template(config: &Config, now: Timestamp, call_id: &str) -> Result<Vec<u8>, Failure> {
    let (vendor, did) = &config.to;
    let mut context = json!({
        "issuer": { "vendor": AGENT.vendor, "agentId": AGENT.agent_id, "region": AGENT.region },
        "audience": { "vendor": vendor, "purpose": PURPOSE, "minTier": config.tier.as_str() },
        "session": { "callId": call_id, "channel": "voice/sip", "locale": "en-GB" },
        "intent": {
            "current": { "name": "dispute_charge", "confidence": 0.91 },
            "stack": [],
            "slots": { "topic": "card-charge", "chargedOn": "last-tuesday" },
        },
        "transcript": { "summary": "Caller disputes a charge at a shop never visited and asks for a person." },
        "policy": { "guardrails": ["no-cross-sell"] },
        "control": { "verb": "PROPOSE", "reason": "human-requested" },
    });
    if config.tier >= Tier::Signed {
        context["issuer"]["did"] = AGENT.did.into();
        context["audience"]["did"] = did.as_str().into();
        context["session"]["startedAt"] = now.plus(-CALL_AGE_MS).to_string().into();
        context["caller"] = json!({ "consent": [parties::consent()] });
        context["intent"]["stack"] = json!([{ "name": "authenticate", "status": "satisfied" }]);
        context["intent"]["slots"]["accountRef"] = "acc_***7781".into();
        context["intent"]["slots"]["amount"] = "GBP 42.99".into();
        context["transcript"]["format"] = "ohp.turns/v1".into();
        context["transcript"]["redaction"] = json!({ "policy": "pii-mask+pci-drop", "version": "1.1" });
        context["transcript"]["turns"] = json!([
            { "t": now.plus(-20_000).to_string(), "role": "caller", "text": "I would like to dispute a charge on my card." },
            { "t": now.plus(-12_000).to_string(), "role": "agent", "text": "Which charge is it?" },
            { "t": now.plus(-8_000).to_string(), "role": "caller", "text": "Could you please put me through to somebody who can help?" },
        ]);
        context["policy"] = json!({
            "retention": { "transcript": "P30D", "audio": "P0D", "embeddings": "P7D" },
            "redaction": { "pii": "mask", "pci": "drop", "phi": "drop" },
            "guardrails": ["no-cross-sell"],
            "dataResidency": ["GB"],
        });
    }
    to_cbor(&context)
}

/// Writes what has changed when the conversation is given back.
pub fn resolved() -> Result<Vec<u8>, Failure> {
    to_cbor(&json!({
        "intent": {
            "current": { "name": "dispute_charge", "confidence": 0.99 },
            "stack": [{ "name": "open_dispute", "status": "satisfied" }],
            "slots": { "disputeRef": "dsp_0042" },
        },
        "transcript": { "summary": "Dispute dsp_0042 is open; caller wants to hear the balance." },
    }))
}

fn to_cbor(value: &serde_json::Value) -> Result<Vec<u8>, Failure> {
    let text = value.to_string();
    let mut scratch = vec![0; cbor_json::scratch_len(text.len())];
    let mut out = vec![0; cbor_json::max_cbor_len(text.len())];
    let cbor = cbor_json::to_cbor(text.as_bytes(), SHAPE, &mut scratch, &mut out).map_err(Failure::new)?;
    Ok(cbor.to_vec())
}

/// Writes a whole proposal that was issued at `issued`, without sound, signed where its tier wants that: for what the
/// library would not send.
pub fn whole(config: &Config, issued: Timestamp, call_id: &str) -> Result<Vec<u8>, Failure> {
    let context = template(config, issued, call_id)?;
    let mut arena = vec![0; DRAFT_LEN];
    let mut draft = Draft::new(&mut arena);
    draft
        .merge(Item::parse(&context).map_err(Failure::new)?)
        .map_err(Failure::new)?;
    let random = random::bytes::<STAMP_RANDOM_LEN>();
    draft
        .stamp(config.tier, issued, MAX_LIFETIME_MS, &random)
        .map_err(Failure::new)?;
    let (mut unsigned, mut signed) = (vec![0; ENVELOPE_MAX], vec![0; ENVELOPE_MAX]);
    let envelope = draft.finish(&mut unsigned).map_err(Failure::new)?;
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    let keys = &config.shared.context().bundle.receiver().keys;
    let signed = issue::issue(&envelope, keys, issued, &mut scratch, &mut signed).map_err(Failure::new)?;
    Ok(signed.to_vec())
}
