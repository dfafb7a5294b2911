//! A Regulated proposal waits, signed, until its host has anchored it (OHP §5.7).
//!
//! The leg keeps what it takes to know the proposal again, not the proposal: its bytes are the host's, who needs them for
//! the log as well. Not here: the log, which takes I/O ([`crate::trust::transparency`]).

use super::Leg;
use super::context::Host;
use super::event::Event;
use super::outbound::LegError;
use crate::control::{Frame, Motion};
use crate::crypto::sha256;
use crate::envelope::{DraftError, Envelope, Verb};
use crate::id::EnvelopeId;
use crate::time::Timestamp;
use crate::trust::transparency::merkle;

/// A proposal that may not be sent yet.
#[derive(Clone, Copy)]
pub(super) struct Unanchored {
    id: EnvelopeId,
    pub(super) not_after: Timestamp,
    /// Of the whole envelope, signatures and all.
    digest: [u8; 32],
}

impl Leg {
    /// Lets a finished proposal wait, in place of one that did.
    pub(super) fn hold<'o>(&mut self, envelope: Envelope<'o>) -> Result<Envelope<'o>, LegError> {
        // What could not be sent later is refused now, before it is in a log for good.
        Frame::of(&envelope).map_err(LegError::Frame)?;
        let id = envelope.id();
        self.unanchored = Some(Unanchored {
            id,
            not_after: envelope.not_after().unwrap_or_default(),
            digest: sha256(&[envelope.bytes()]),
        });
        let leaf = merkle::leaf_hash(&envelope.surface().segments());
        self.events.push(Event::AnchorNeeded { id, leaf });
        Ok(envelope)
    }

    /// Sends the proposal that waits, because it is anchored now: its leaf is in the log that `transparency.logId` names, and
    /// will stay there. `cbor` is the envelope as [`Leg::propose`] wrote it. Then drain the leg.
    ///
    /// On an error the proposal still waits, so that the call can be made again, until [`Leg::withdraw`] or its end.
    ///
    /// # Errors
    /// [`LegError::NotAwaited`] if no proposal waits, another one does, or its `notAfter` has come; [`LegError::Illegal`] if
    /// the peer has proposed meanwhile; [`LegError::Busy`]; those of sending.
    pub fn anchored(&mut self, host: &mut Host<'_>, cbor: &[u8]) -> Result<(), LegError> {
        self.unanchored
            .filter(|waiting| host.now < waiting.not_after && sha256(&[cbor]) == waiting.digest)
            .ok_or(LegError::NotAwaited)?;
        if self.outbox.is_busy() || self.pending.is_some() {
            return Err(LegError::Busy);
        }
        self.handoff
            .next(Motion::Sent, Verb::Propose)
            .map_err(LegError::Illegal)?;
        let envelope =
            Envelope::read(cbor, &mut |_| ()).map_err(|error| LegError::Draft(DraftError::Unreadable(error)))?;
        self.send_proposal(host, &envelope)
    }

    /// Forgets the proposal that waits, because it could not be anchored or is not wanted any more. Nothing has been sent;
    /// another one may be made at once, at a lower tier as well.
    pub fn withdraw(&mut self) {
        self.unanchored = None;
    }

    /// The proposal that waits to be anchored.
    pub fn unanchored(&self) -> Option<EnvelopeId> {
        self.unanchored.map(|waiting| waiting.id)
    }

    /// Ends the wait of a proposal whose time is over.
    pub(super) fn drop_unanchored_at(&mut self, now: Timestamp) {
        if let Some(Unanchored { id, .. }) = self.unanchored.take_if(|waiting| now >= waiting.not_after) {
            self.events.push(Event::Unanchored { id });
        }
    }
}
