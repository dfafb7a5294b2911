//! Issuing an envelope: what the application says, what this side and the call know, what is sealed, proven and signed; with
//! a leg ([`super::Leg::propose`]) or without one ([`issue_envelope`]).
//!
//! Not here: how any of it is made ([`crate::trust::issue`]), anchoring, and sending.

use super::context::{Context, DRAFT_SCRATCH, Host};
use super::outbound::LegError;
use super::random::Random;
use crate::cbor::Item;
use crate::envelope::{Broken, Draft, DraftError, ENVELOPE_MAX, Envelope, Field, Tier, Value, Verb, Violation};
use crate::media::sdp::{MAX_HINTS, SdpHints};
use crate::media::{Tap, exact, robust};
use crate::trust::issue::{attest, issue_hedged, name_recipients, plain_fields, seal_fields};
use crate::trust::jwk::JwkSet;

/// What a call knows of an envelope that is issued on it.
pub(super) struct Known<'k> {
    pub(super) call_id: Option<&'k str>,
    pub(super) hints: SdpHints,
    /// The verb that it must have; `None`: the template's, or PROPOSE.
    pub(super) verb: Option<Verb>,
    /// What `control.reason` must say; `None`: the template's.
    pub(super) reason: Option<&'k str>,
}

/// Builds and signs an envelope without a leg, for hosts that send it some other way.
///
/// `template` is as for [`super::Leg::propose`], and says `session.callId` itself. From Signed upwards the newest usable
/// audio of the host's tap is fingerprinted, if it has one, robustly too where the settings say so. A Regulated envelope must be anchored before it is sent, which is
/// the host's to see to here.
///
/// # Errors
/// [`LegError`].
pub fn issue_envelope<'o>(
    host: &mut Host<'_>,
    tier: Tier,
    template: Item<'_>,
    out: &'o mut [u8],
) -> Result<Envelope<'o>, LegError> {
    let known = Known {
        call_id: None,
        hints: SdpHints::NONE,
        verb: None,
        reason: None,
    };
    issue_with(host, tier, template, &known, out)
}

pub(super) fn issue_with<'o>(
    host: &mut Host<'_>,
    tier: Tier,
    template: Item<'_>,
    known: &Known<'_>,
    out: &'o mut [u8],
) -> Result<Envelope<'o>, LegError> {
    let random = Random(&host.random);
    let (draft_memory, rest) = host
        .scratch
        .split_at_mut_checked(DRAFT_SCRATCH)
        .ok_or(LegError::Scratch)?;
    let (unsigned, rest) = rest.split_at_mut_checked(ENVELOPE_MAX).ok_or(LegError::Scratch)?;
    let bundle = &host.context.bundle;
    let keys = &bundle.receiver().keys;
    let mut draft = Draft::new(draft_memory);
    let fields = plain_fields(template)?;
    match fields {
        Some(_) if tier < Tier::Sealed => {
            return Err(DraftError::Invalid(Violation::at(Field::Sealed, Broken::AboveTier)).into());
        }
        Some(_) => draft.merge_without(template, Field::Sealed)?,
        None => draft.merge(template)?,
    };
    complete(&mut draft, known, host.context, host.tap.as_ref(), tier)?;
    draft.stamp(tier, host.now, host.context.settings.lifetime_ms, &random.stamp())?;
    if tier >= Tier::Sealed {
        let did = draft.item(Field::AudienceDid).and_then(Item::as_text);
        let audience = did.and_then(|did| bundle.issuer(did)?.jwks.as_ref());
        let unknown = JwkSet::default();
        let audience = audience.unwrap_or(&unknown);
        name_recipients(&mut draft, audience, host.now)?;
        if let Some(fields) = fields {
            let random = |nth| random.seal(nth);
            seal_fields(&mut draft, fields, audience, host.now, random, rest, unsigned)?;
        }
    }
    if tier == Tier::Regulated {
        attest(&mut draft, keys, host.now, rest, unsigned)?;
    }
    draft.state_leaf_hash(unsigned)?;
    let envelope = draft.finish(unsigned)?;
    let bytes = issue_hedged(&envelope, keys, host.now, &random.ml_dsa_65(), rest, out)?;
    Envelope::read(bytes, &mut |_| ()).map_err(|error| LegError::Draft(DraftError::Unreadable(error)))
}

/// Sets what this side and the call know and the template leaves out.
fn complete(
    draft: &mut Draft<'_>,
    known: &Known<'_>,
    context: &Context,
    tap: Option<&Tap<'_>>,
    tier: Tier,
) -> Result<(), DraftError> {
    let party = context.party();
    for (field, value) in [
        (Field::IssuerVendor, party.vendor),
        (Field::IssuerAgentId, Some(party.agent_id)),
        (Field::IssuerRegion, Some(party.region)),
        (Field::IssuerDid, party.did),
        (Field::CallId, known.call_id),
        (Field::Channel, Some("voice/sip")),
        (Field::AudienceMinTier, Some(tier.as_str())),
        (Field::ControlVerb, Some(Verb::Propose.as_str())),
    ] {
        if let Some(value) = value.filter(|_| !draft.contains(field)) {
            draft.set(field.path(), Value::Text(value))?;
        }
    }
    if let Some(verb) = known.verb {
        draft.set(Field::ControlVerb.path(), Value::Text(verb.as_str()))?;
    }
    if let Some(reason) = known.reason {
        draft.set(Field::ControlReason.path(), Value::Text(reason))?;
    }
    if !draft.contains(Field::IntentStack) {
        draft.set(Field::IntentStack.path(), Value::Texts(&[]))?;
    }
    if !draft.contains(Field::Slots) {
        draft.set(Field::Slots.path(), Value::EmptyMap)?;
    }
    if tier == Tier::Core {
        return Ok(());
    }
    if !draft.contains(Field::RtpFingerprint)
        && let Some(Ok(sample)) = tap.map(exact::newest)
    {
        let text = sample.fingerprint.to_text();
        draft.set(
            Field::RtpFingerprint.path(),
            Value::Text(core::str::from_utf8(&text).unwrap_or_default()),
        )?;
    }
    // At Regulated it could not decide, so it is not sent.
    if context.settings.robust_fingerprint
        && tier < Tier::Regulated
        && let Some(Ok(sample)) = tap.map(robust::newest)
    {
        let text = sample.fingerprint.to_text();
        draft.set(
            robust::MEMBER,
            Value::Text(core::str::from_utf8(&text).unwrap_or_default()),
        )?;
    }
    if !draft.contains(Field::SdpHints) && !known.hints.is_empty() {
        let mut codecs = [""; MAX_HINTS];
        let hints = known.hints.iter().zip(&mut codecs);
        let count = hints.map(|(hint, place)| *place = hint).count();
        draft.set(Field::SdpHintsCodecs.path(), Value::Texts(&codecs[..count]))?;
    }
    Ok(())
}
