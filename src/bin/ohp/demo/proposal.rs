//! The envelope that the voice agent proposes with: a caller who disputes a charge and asks for a person.

use ohp::cbor::Item;
use ohp::cbor::json as cbor_json;
use ohp::envelope::{SHAPE, Tier};
use ohp::id::EnvelopeId;
use ohp::leg::issue_envelope;
use ohp::time::Timestamp;
use ohp::transport::ENVELOPE_MAX;
use serde_json::{Value, json};

use super::log::LOG;
use super::parties::{self, AGENT, PURPOSE};
use super::peer::Config;
use super::random;
use super::vouched::{CLAUSE, FEDERATION};
use crate::exit::Failure;

/// What the agent's envelopes refer to.
pub const DECLARATION: &str = "https://docs.example.com/declaration.pdf";
pub const MODEL_POLICY: &str = "https://example.com/policies/model";
pub const MODEL_CARD: &str = "sha256:c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5";

const DAY_MS: i64 = 86_400_000;

/// Length of a date such as 2026-05-28.
const DATE_LEN: usize = 10;

/// How long the call has lasted, as far as the envelope says.
const CALL_AGE_MS: i64 = 95_000;

/// Writes what only the application knows of a proposal on the call `call_id`, as canonical CBOR: everything but
/// identifier, times, sound and signature.
pub fn template(config: &Config, now: Timestamp, call_id: &str) -> Result<Vec<u8>, Failure> {
    to_cbor(&said(config, now, call_id))
}

fn said(config: &Config, now: Timestamp, call_id: &str) -> Value {
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
    if config.tier >= Tier::Sealed {
        context["issuer"]["federation"] = FEDERATION.into();
        context["caller"] = config.caller.clone();
        // In plain: the library seals it for the audience.
        context["sealed"] = json!({ "fields": {
            "payment.disputeDetail": "GBP 42.99 at Shop 114, card ending 4242",
            "caller.callbackNumber": "+44 20 7946 0123",
        } });
    }
    if config.tier == Tier::Regulated {
        govern(&mut context, now);
    }
    context
}

/// What a high-risk system owes. Its proofs, the leaf hash and the second signature are the library's.
fn govern(context: &mut Value, now: Timestamp) {
    let day = |days: i64| {
        now.plus(days * DAY_MS)
            .to_string()
            .chars()
            .take(DATE_LEN)
            .collect::<String>()
    };
    let decision = EnvelopeId::new(now, random::bytes())
        .as_str()
        .replacen("cse_", "dec_", 1);
    context["issuer"]["aiRole"] = "deployer".into();
    context["aiSystem"] = json!({
        "id": "urn:vendor-a:assistant:cs7", "version": "2026.05.27", "riskClass": "high", "annexIIIClause": CLAUSE,
        "modelCardSha256": MODEL_CARD,
        "ceConformity": {
            "assessmentRoute": "self", "notifiedBodyId": null, "declarationUrl": DECLARATION, "validUntil": day(300),
        },
        "gpaiChain": [{ "provider": "big-models", "model": "big-1", "systemicRisk": true, "policyUrl": MODEL_POLICY }],
    });
    context["governance"] = json!({
        "aiia": { "id": "aiia:cs7", "lastReviewedAt": day(-40), "residualRisk": "low", "uri": "ohp://aiia/cs7" },
        "fria": { "id": "fria:cs7", "completedAt": day(-38), "uri": "ohp://fria/cs7" },
        "prohibited": {
            "subliminalManipulation": false, "socialScoring": false, "rtBiometricIdPublic": false,
            "emotionRecognitionWorkplace": false, "sensitiveBiometricCategorisation": false,
        },
        "art50Disclosure": {
            "disclosed": true, "at": now.plus(-CALL_AGE_MS).to_string(), "modality": "voice-prompt", "language": "en-GB",
            "transcript": "You are speaking with an automated assistant.", "ack": "implicit-continuation",
        },
        "art86Explanation": { "available": true, "endpoint": "https://api.example.com/explain" },
    });
    context["oversight"] = json!({ "mode": "human-on-the-loop", "supervisor": { "presence": "live" } });
    context["decisions"] = json!([{
        "id": decision, "at": now.plus(-10_000).to_string(), "type": "intent.classification",
        "input": { "turns": 3 }, "output": { "intent": "dispute_charge" }, "humanReviewed": false,
    }]);
    context["transparency"] = json!({ "logId": LOG });
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

/// Writes a part of an envelope as canonical CBOR.
pub fn to_cbor(value: &Value) -> Result<Vec<u8>, Failure> {
    let text = value.to_string();
    let mut scratch = vec![0; cbor_json::scratch_len(text.len())];
    let mut out = vec![0; cbor_json::max_cbor_len(text.len())];
    let cbor = cbor_json::to_cbor(text.as_bytes(), SHAPE, &mut scratch, &mut out).map_err(Failure::new)?;
    Ok(cbor.to_vec())
}

/// Writes a whole proposal that was issued at `issued`, with this fingerprint or without sound, sealed and signed where its
/// tier wants that: for what a leg would not send.
pub fn whole(config: &Config, issued: Timestamp, call_id: &str, fingerprint: Option<&str>) -> Result<Vec<u8>, Failure> {
    let mut context = said(config, issued, call_id);
    // From Sealed upwards there has to be one, and nobody comes to compare it.
    let none = format!("sha256:{}", "0".repeat(64));
    if let Some(fingerprint) = fingerprint.or((config.tier >= Tier::Sealed).then_some(&none)) {
        context["session"]["media"] = json!({ "rtpFingerprint": fingerprint });
    }
    let template = to_cbor(&context)?;
    let mut out = vec![0; ENVELOPE_MAX];
    config.shared.with_host(issued, |host| {
        let template = Item::parse(&template).map_err(Failure::new)?;
        let envelope = issue_envelope(host, config.tier, template, &mut out).map_err(Failure::new)?;
        Ok(envelope.bytes().to_vec())
    })
}
