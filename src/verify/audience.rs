//! Whether an envelope is for us: as a proposal, or as an answer to one that is outstanding (interpretations, rows 30, 43).

use super::{Failure, Run, Warning, Why};
use crate::envelope::{Envelope, RejectReason, Tier, Verb};
use crate::id::EnvelopeId;

/// What is known of the handoff that the envelope belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Role<'s> {
    /// Nothing, as on the command line: an answer is judged by itself.
    Unknown,
    /// Everything: an answer must be one to this proposal, and without one there is nothing to answer.
    OnLeg(Option<Outstanding<'s>>),
}

/// A proposal that is outstanding or has been accepted.
#[derive(Clone, Copy, Debug)]
pub struct Outstanding<'s> {
    /// The proposal's identifier, which `control.refs.proposedId` must name.
    pub proposed: EnvelopeId,
    /// The proposal's tier.
    pub tier: Tier,
    /// The other party's DID, as the proposal says it.
    pub did: Option<&'s str>,
    /// The other party's vendor, as the proposal says it.
    pub vendor: &'s str,
}

/// Whether an envelope with `verb` opens something, rather than answer or follow up a proposal.
pub(super) fn is_proposal(verb: Verb) -> bool {
    matches!(verb, Verb::Propose | Verb::Incident)
}

impl Run<'_, '_, '_> {
    /// Whether a short form is tolerated: by policy for a Core proposal, always for an answer, which then can only end
    /// a signed proposal (interpretations, rows 9 and 43).
    pub(super) fn takes_short_form(&self, envelope: &Envelope<'_>) -> bool {
        envelope.tier() == Tier::Core && (!is_proposal(envelope.verb()) || self.situation.bundle.receiver().draft_core)
    }

    pub(super) fn audience(&mut self, envelope: &Envelope<'_>, short: bool) -> Result<(), Failure> {
        let unknown = |why| {
            Err(Failure {
                reason: RejectReason::Unknown,
                why,
            })
        };
        let receiver = self.situation.bundle.receiver();
        let audience = envelope.audience();
        // A short answer may leave the audience out; what is there must be us.
        if let Some(vendor) = audience.vendor()
            && !receiver.is_audience(vendor, audience.did())
        {
            return unknown(Why::OtherAudience);
        }
        if let (None, Some(did)) = (audience.vendor(), audience.did())
            && receiver.did.as_deref().is_some_and(|own| own != did)
        {
            return unknown(Why::OtherAudience);
        }
        if is_proposal(envelope.verb()) {
            return if receiver.takes_purpose(audience.purpose().unwrap_or_default()) {
                Ok(())
            } else {
                unknown(Why::OtherPurpose)
            };
        }
        let Role::OnLeg(outstanding) = self.situation.role else {
            return Ok(());
        };
        // The HTTPS form of the protocol's docs names no proposal: then it can only be the outstanding one.
        let Some(outstanding) = outstanding.filter(|outstanding| {
            envelope
                .control()
                .proposed_id()
                .is_none_or(|named| named == outstanding.proposed.as_str())
        }) else {
            return unknown(Why::NotOutstanding);
        };
        let issuer = envelope.issuer();
        let other = match outstanding.did {
            Some(did) => issuer.did().is_some_and(|named| named != did),
            None => issuer.vendor().is_some_and(|named| named != outstanding.vendor),
        };
        if other {
            return unknown(Why::OtherCounterpart);
        }
        if outstanding.tier >= Tier::Signed && (envelope.tier() < Tier::Signed || short) {
            self.verdict.ends_only = true;
            self.verdict.warnings.push(Warning::EndsOnly);
        }
        Ok(())
    }
}
