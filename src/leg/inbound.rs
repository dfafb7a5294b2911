//! What comes in: an INFO is read, and its envelope judged.
//!
//! Not here: what the verdict does to the handoff ([`super::consequence`]).

use core::cell::Cell;
use core::fmt;

use super::Leg;
use super::context::Host;
use super::event::{Event, Ignored};
use crate::control::{Frame, Phase, Side};
use crate::envelope::{Envelope, Field, RejectReason, SHAPE, Verb};
use crate::id::EnvelopeId;
use crate::media::{Continuity, continuity};
use crate::table::Domain;
use crate::time::Timestamp;
use crate::transport::reassembly::{Received, receive_on};
use crate::transport::{self, Echo, Info, SipStatus};
use crate::verify::{
    Call, Media, Memory, Outcome, Outstanding, Role, Situation, Step, StepResult, Verdict, is_judged, verify,
    verify_disclosing,
};

/// How long after its arrival an envelope may wait for sound that it has overtaken, in milliseconds: the 200 ms of the
/// fingerprint and the 200 ms that a deep jitter buffer holds back.
pub(super) const AUDIO_MAY_FOLLOW_MS: i64 = 400;

/// Why an INFO was not taken as a message of this package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its headers or its body.
    Transport(transport::Refusal),
    /// The chunks named another envelope than they held.
    OtherId,
    /// The body is no envelope, or one that names neither itself nor its verb; the verdict says why.
    NotAnEnvelope,
    /// The identifiers of its proposal are too long to be answered.
    TooLong,
    /// An ASSUME or a RETURN that moved nothing: its sender must not take it for done.
    NotMoved,
    /// A proposal while another handoff is under way, or another proposal is being looked into.
    Busy,
    /// The shared table is full, or a report that nothing vouches for came right after another one.
    Overloaded,
}

impl Refusal {
    /// How the INFO is answered.
    pub fn status(self) -> SipStatus {
        match self {
            Self::Transport(refusal) => refusal.status(),
            Self::OtherId | Self::NotAnEnvelope => SipStatus::BadRequest,
            Self::TooLong => SipStatus::TooLarge,
            Self::NotMoved => SipStatus::NotAcceptableHere,
            Self::Busy => SipStatus::RequestPending,
            Self::Overloaded => SipStatus::Unavailable,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(refusal) => refusal.fmt(f),
            Self::OtherId => f.write_str("the chunks named another envelope than they held"),
            Self::NotAnEnvelope => f.write_str("the body is no envelope that could be answered"),
            Self::TooLong => crate::control::FrameError.fmt(f),
            Self::NotMoved => f.write_str("the handoff did not take this ASSUME or RETURN"),
            Self::Busy => f.write_str("another handoff is under way or being looked into"),
            Self::Overloaded => f.write_str("the shared table is full, or too much is to be gathered; try again"),
        }
    }
}

/// What became of an INFO.
#[derive(Debug)]
pub struct Handled<'e> {
    /// The final response to give.
    pub status: SipStatus,
    /// Why it is not 200.
    pub refusal: Option<Refusal>,
    /// The verdict, once an envelope is complete. Its envelope borrows the INFO's body or the buffer that was lent: keep
    /// those bytes as long as the envelope is of use, and for [`Leg::verify_again`].
    pub verdict: Option<Verdict<'e>>,
}

impl Handled<'_> {
    fn only(status: SipStatus) -> Self {
        Self {
            status,
            refusal: None,
            verdict: None,
        }
    }

    fn refused(status: SipStatus, refusal: Refusal) -> Self {
        Self {
            status,
            refusal: Some(refusal),
            verdict: None,
        }
    }
}

/// Called after each step of a verification with its result; see [`crate::verify::verify`].
pub type Observer<'o> = &'o mut dyn FnMut(Step, StepResult);

impl Leg {
    /// Takes an INFO of this dialog.
    ///
    /// `envelope` takes the canonical CBOR of an envelope that did not come as such in one piece: at least
    /// [`crate::envelope::ENVELOPE_MAX`] bytes.
    /// `observe` sees each step of its verification.
    pub fn handle_info<'e>(
        &mut self,
        host: &mut Host<'_>,
        info: &Info<'e>,
        envelope: &'e mut [u8],
        observe: Observer<'_>,
    ) -> Handled<'e> {
        let call = || host.table.key(Domain::Call, &[self.ids.first().as_bytes()]);
        let (message, kept) = match receive_on(&host.table, call, info, host.now, SHAPE, host.scratch, envelope) {
            Ok((Received::Complete(message), kept)) => (message, kept),
            Ok((
                Received::Duplicate {
                    id: Some(id),
                    finished: true,
                    last: true,
                },
                _,
            )) => return self.repeated(host, id),
            Ok((Received::Partial { .. } | Received::Duplicate { .. }, _)) => return Handled::only(SipStatus::Ok),
            Err(refusal) => return Handled::refused(refusal.status(), Refusal::Transport(refusal)),
        };
        let arrival = Arrival {
            now: host.now,
            echo: message.echo,
            again: false,
            deadline_passed: false,
        };
        let handled = match message.is_as_named() {
            true => self.judge(host, message.cbor, arrival, observe),
            false => Handled::refused(SipStatus::BadRequest, Refusal::OtherId),
        };
        // What is answered 503 will come again, by its last chunk alone where its sender keeps the others for delivered: then it
        // has to be complete again.
        if let Some(kept) = kept.filter(|_| handled.refusal != Some(Refusal::Overloaded)) {
            // Another party may have been faster, which is as well.
            let _ = kept.finish(&host.table);
        }
        handled
    }

    /// A whole envelope came in chunks once more. It is given its answer once more; one that was never judged, because
    /// the table was full, is not to be taken for one that was.
    fn repeated<'e>(&mut self, host: &Host<'_>, id: EnvelopeId) -> Handled<'e> {
        if let Some((_, verb)) = self.moved_by.filter(|(moved_by, _)| *moved_by == id) {
            return match self.unmoved(verb, None) {
                None => Handled::only(SipStatus::Ok),
                Some(refusal) => Handled::refused(refusal.status(), refusal),
            };
        }
        let is_known =
            self.frame.as_ref().is_some_and(|frame| frame.id() == id) || is_judged(&host.table, id, host.now);
        if self.outbox.repeat_answer(id) || is_known {
            Handled::only(SipStatus::Ok)
        } else {
            Handled::refused(SipStatus::Unavailable, Refusal::Overloaded)
        }
    }

    /// Judges the pending proposal again, with its bytes as [`Leg::handle_info`] wrote them, because something that it
    /// lacked may be there now: sound, or a resource in a new context. What it says about time is still judged by its
    /// arrival (interpretations, row 31).
    ///
    /// Does nothing unless that proposal [is pending](Leg::is_pending). An INCIDENT that lacked resources is judged as well, by
    /// `host.now`: the leg keeps nothing of it, so the host sees to it until the envelope's `notAfter`.
    pub fn verify_again<'e>(&mut self, host: &mut Host<'_>, bytes: &'e [u8], observe: Observer<'_>) -> Handled<'e> {
        let Ok(envelope) = Envelope::read(bytes, &mut |_| ()) else {
            return Handled::only(SipStatus::Ok);
        };
        let pending = self.pending.zip(self.frame.as_ref().map(Frame::id));
        let arrived = match pending.filter(|(_, id)| *id == envelope.id()) {
            Some((pending, _)) => pending.arrived,
            None if envelope.verb() == Verb::Incident => host.now,
            None => return Handled::only(SipStatus::Ok),
        };
        let arrival = Arrival {
            now: arrived,
            echo: Echo::default(),
            again: true,
            deadline_passed: envelope.not_after().is_none_or(|not_after| host.now >= not_after),
        };
        self.judge(host, bytes, arrival, observe)
    }

    fn judge<'e>(
        &mut self,
        host: &mut Host<'_>,
        bytes: &'e [u8],
        arrival: Arrival,
        observe: Observer<'_>,
    ) -> Handled<'e> {
        if !arrival.again && self.is_copy_of_pending(bytes) {
            // Looking into it again is for the host to ask; a copy would only be charged to its issuer once more.
            self.events.push(Event::Ignored {
                verb: Verb::Propose,
                why: Ignored::Duplicate,
            });
            return Handled::only(SipStatus::Ok);
        }
        let tap = host.tap;
        let searching = Cell::new(self.searching);
        let search = |wanted: &continuity::Wanted<'_>| match &tap {
            Some(tap) => continuity::search_by(tap, wanted, |exact| {
                let (decision, going_on) = searching.get().ask(tap, exact);
                searching.set(going_on);
                decision
            }),
            None => Continuity::NoMedia,
        };
        let ids = self.ids.as_array();
        let situation = Situation {
            bundle: &host.context.bundle,
            now: arrival.now,
            role: Role::OnLeg(self.outstanding()),
            call: Call::Ids(&ids),
            media: if tap.is_some() {
                Media::Live(&search)
            } else {
                Media::NotHere
            },
            echo: arrival.echo,
            memory: Some(Memory {
                table: host.table,
                peer: host.peer,
                peer_rate: host.context.settings.peer_rate,
            }),
            again: arrival.again,
            audio_may_follow: tap.is_some() && host.now < arrival.now.plus(AUDIO_MAY_FOLLOW_MS),
            deadline_passed: arrival.deadline_passed,
        };
        let verdict = match host.disclosed.as_deref_mut() {
            Some(disclosed) => verify_disclosing(bytes, &situation, host.scratch, disclosed, observe),
            None => verify(bytes, &situation, host.scratch, observe),
        };
        let refusal = self
            .act(host, &verdict, arrival)
            .or_else(|| self.left_unmoved(&verdict));
        // Another envelope than the one that waits does not disturb its search.
        let judged = verdict.envelope.map(|envelope| envelope.id());
        if self.pending.is_some() && self.frame.as_ref().map(Frame::id) == judged {
            self.searching = searching.get();
        }
        Handled {
            status: refusal.map_or(SipStatus::Ok, Refusal::status),
            refusal,
            verdict: Some(verdict),
        }
    }

    /// Whether bytes are the proposal that waits for resources.
    fn is_copy_of_pending(&self, bytes: &[u8]) -> bool {
        let Some(frame) = self.frame.as_ref().filter(|_| self.pending.is_some()) else {
            return false;
        };
        Envelope::read(bytes, &mut |_| ())
            .is_ok_and(|envelope| envelope.id() == frame.id() && envelope.surface_hash() == *frame.surface())
    }

    /// Whether an ASSUME or a RETURN, new or retransmitted, left the handoff where it was. The peer acts on the INFO's
    /// success: it drops its leg, or takes the call back. So there must be none.
    fn left_unmoved(&mut self, verdict: &Verdict<'_>) -> Option<Refusal> {
        let envelope = verdict.envelope?;
        let verb = envelope.verb();
        if !matches!(verb, Verb::Assume | Verb::Return) {
            return None;
        }
        if matches!(verdict.outcome, Outcome::Accept | Outcome::Duplicate) {
            self.moved_by = Some((envelope.id(), verb));
        }
        self.unmoved(verb, Some(verdict.outcome))
    }

    fn unmoved(&self, verb: Verb, outcome: Option<Outcome>) -> Option<Refusal> {
        let has_moved = match verb {
            Verb::Assume => matches!(self.handoff.phase(), Phase::HandedOff | Phase::Resumed),
            _ => self.handoff.phase() == Phase::Resumed,
        };
        // What may pass when it is tried again is told so.
        let is_passing = match outcome {
            Some(Outcome::Need | Outcome::Overloaded) => true,
            Some(Outcome::Reject(_, failure)) => failure.reason == RejectReason::RateLimit,
            _ => false,
        };
        match (has_moved, is_passing) {
            (true, _) => None,
            (false, true) => Some(Refusal::Overloaded),
            (false, false) => Some(Refusal::NotMoved),
        }
    }

    /// The proposal that answers are expected to.
    fn outstanding(&self) -> Option<Outstanding<'_>> {
        let frame = self
            .frame
            .as_ref()
            .filter(|frame| self.handoff.proposal() == Some(frame.id()))?;
        let (vendor, did) = match self.handoff.side() {
            Side::Sender => (Field::AudienceVendor, Field::AudienceDid),
            Side::Receiver => (Field::IssuerVendor, Field::IssuerDid),
        };
        Some(Outstanding {
            proposed: frame.id(),
            tier: frame.tier(),
            did: frame.text(did),
            vendor: frame.text(vendor).unwrap_or_default(),
        })
    }
}

/// How an envelope reached the leg.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) now: Timestamp,
    pub(super) echo: Echo,
    pub(super) again: bool,
    pub(super) deadline_passed: bool,
}
