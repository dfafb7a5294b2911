//! A Regulated proposal or report waits, signed, until its host has anchored it (OHP §5.7, §6.5).
//!
//! The leg keeps what it takes to know the envelope again, not the envelope: its bytes are the host's, who needs them for
//! the log as well. Not here: the log, which takes I/O ([`crate::trust::transparency`]).

use super::Leg;
use super::context::Host;
use super::event::Event;
use super::issue::{Known, issue_with};
use super::outbound::{LegError, Sending};
use crate::cbor::Item;
use crate::control::{Frame, Motion};
use crate::crypto::sha256;
use crate::envelope::{DraftError, Envelope, Tier, Verb};
use crate::id::EnvelopeId;
use crate::time::Timestamp;
use crate::trust::transparency::merkle;

/// An envelope that may not be sent yet.
#[derive(Clone, Copy)]
pub(super) struct Unanchored {
    id: EnvelopeId,
    pub(super) verb: Verb,
    pub(super) not_after: Timestamp,
    /// Of the whole envelope, signatures and all.
    digest: [u8; 32],
}

impl Leg {
    /// Reports a serious incident in this conversation to the peer (INCIDENT; OHP §6.5, EU AI Act, Art. 73). It moves nothing
    /// of a handoff, and may be made at any time.
    ///
    /// `category` is the incident's category for `control.reason`: the protocol has no list of words; Art. 3 (49) names harm to
    /// health, disruption of critical infrastructure, infringement of fundamental rights, harm to property or the environment.
    /// `template` is as for [`Leg::propose`] at Regulated, and says who is told in `audience`. As a Regulated proposal does,
    /// the report waits for [`Leg::anchored`]. The clock of fifteen days runs from its issuance: [`Envelope::report_due`].
    ///
    /// # Errors
    /// [`LegError`]; [`LegError::Busy`] also while another envelope waits to be anchored: a report never takes its place.
    pub fn report<'o>(
        &mut self,
        host: &mut Host<'_>,
        category: &str,
        template: Item<'_>,
        out: &'o mut [u8],
    ) -> Result<Envelope<'o>, LegError> {
        if self.unanchored.is_some() {
            return Err(LegError::Busy);
        }
        let known = Known {
            call_id: self.ids().next(),
            hints: self.sdp_hints(),
            verb: Some(Verb::Incident),
            reason: Some(category),
        };
        let envelope = issue_with(host, Tier::Regulated, template, &known, out)?;
        self.hold(envelope)
    }

    /// Lets a finished envelope wait, in place of a proposal that did. A report gives way to nothing.
    pub(super) fn hold<'o>(&mut self, envelope: Envelope<'o>) -> Result<Envelope<'o>, LegError> {
        if self.unanchored.is_some_and(|waiting| waiting.verb == Verb::Incident) {
            return Err(LegError::Busy);
        }
        // What could not be sent later is refused now, before it is in a log for good.
        Frame::of(&envelope).map_err(LegError::Frame)?;
        let id = envelope.id();
        self.unanchored = Some(Unanchored {
            id,
            verb: envelope.verb(),
            not_after: envelope.not_after().unwrap_or_default(),
            digest: sha256(&[envelope.bytes()]),
        });
        let leaf = merkle::leaf_hash(&envelope.surface().segments());
        self.events.push(Event::AnchorNeeded { id, leaf });
        Ok(envelope)
    }

    /// Sends the proposal or the report that waits, because it is anchored now: its leaf is in the log that
    /// `transparency.logId` names, and will stay there. `cbor` is the envelope as [`Leg::propose`] or [`Leg::report`] wrote
    /// it. Then drain the leg.
    ///
    /// On an error it still waits, so that the call can be made again, until [`Leg::withdraw`] or its end.
    ///
    /// # Errors
    /// [`LegError::NotAwaited`] if nothing waits, another envelope does, or its `notAfter` has come; [`LegError::Illegal`] if
    /// the peer has proposed meanwhile; [`LegError::Busy`]; those of sending.
    pub fn anchored(&mut self, host: &mut Host<'_>, cbor: &[u8]) -> Result<(), LegError> {
        let waiting = self
            .unanchored
            .filter(|waiting| host.now < waiting.not_after && sha256(&[cbor]) == waiting.digest)
            .ok_or(LegError::NotAwaited)?;
        let is_report = waiting.verb == Verb::Incident;
        if self.outbox.is_busy() || (self.pending.is_some() && !is_report) {
            return Err(LegError::Busy);
        }
        self.handoff
            .next(Motion::Sent, waiting.verb)
            .map_err(LegError::Illegal)?;
        let envelope =
            Envelope::read(cbor, &mut |_| ()).map_err(|error| LegError::Draft(DraftError::Unreadable(error)))?;
        if !is_report {
            return self.send_proposal(host, &envelope);
        }
        let named = (envelope.id(), envelope.tier(), envelope.verb());
        let sending = Sending::of(host.context, host.table, host.now);
        self.enqueue(cbor, named, None, sending, host.scratch)?;
        self.unanchored = None;
        Ok(())
    }

    /// Forgets the proposal or the report that waits, because it could not be anchored or is not wanted any more. Nothing
    /// has been sent; another one may be made at once, a proposal at a lower tier as well.
    pub fn withdraw(&mut self) {
        self.unanchored = None;
    }

    /// The proposal or the report that waits to be anchored.
    pub fn unanchored(&self) -> Option<EnvelopeId> {
        self.unanchored.map(|waiting| waiting.id)
    }

    /// Ends the wait of what has run out of time.
    pub(super) fn drop_unanchored_at(&mut self, now: Timestamp) {
        if let Some(Unanchored { id, .. }) = self.unanchored.take_if(|waiting| now >= waiting.not_after) {
            self.events.push(Event::Unanchored { id });
        }
    }
}
