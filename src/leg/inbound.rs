//! What comes in: an INFO is read, its envelope judged, and the handoff moved by it.

use core::fmt;

use super::context::Host;
use super::event::{Event, Ignored};
use super::{Leg, Pending};
use crate::cbor::Item;
use crate::control::{Frame, FrameError, Motion, Phase, REFUSED_SURFACE, Side, Timeout};
use crate::envelope::{Envelope, Field, RejectReason, SHAPE, Tier, Verb, leaf_hash_text};
use crate::id::EnvelopeId;
use crate::media::exact;
use crate::table::Domain;
use crate::time::Timestamp;
use crate::transport::reassembly::{Received, receive};
use crate::transport::{self, Echo, Info, SipStatus};
use crate::verify::{
    Call, Failure, Media, MediaDoubt, Memory, Outcome, Outstanding, Role, Situation, Step, StepResult, Verdict, Why,
    is_judged, verify, verify_disclosing,
};

/// Shortest time between two REJECTs to envelopes that nothing vouched for (interpretations, row 32).
const UNVOUCHED_REJECT_MS: i64 = 1_000;

/// Shortest time between two reports for which resources are gathered though nothing vouches for them: as often as such an
/// envelope is answered.
const UNVOUCHED_REPORT_MS: i64 = UNVOUCHED_REJECT_MS;

/// How long after its arrival an envelope may wait for sound that it has overtaken, in milliseconds: the 200 ms of the
/// fingerprint and the 200 ms that a deep jitter buffer holds back.
const AUDIO_MAY_FOLLOW_MS: i64 = 400;

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
        let call = host.table.key(Domain::Call, &[self.ids.as_array()[0].as_bytes()]);
        let message = match receive(&host.table, &call, info, host.now, SHAPE, host.scratch, envelope) {
            Ok(Received::Complete(message)) => message,
            Ok(Received::Duplicate {
                id: Some(id),
                finished: true,
                last: true,
            }) => {
                return self.repeated(host, id);
            }
            Ok(Received::Partial { .. } | Received::Duplicate { .. }) => return Handled::only(SipStatus::Ok),
            Err(refusal) => return Handled::refused(refusal.status(), Refusal::Transport(refusal)),
        };
        let arrival = Arrival {
            now: host.now,
            echo: message.echo,
            again: false,
            deadline_passed: false,
        };
        if !message.is_as_named() {
            return Handled::refused(SipStatus::BadRequest, Refusal::OtherId);
        }
        self.judge(host, message.cbor, arrival, observe)
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
        let search = |wanted: &crate::media::Fingerprint| match &tap {
            Some(tap) => exact::search(tap, wanted),
            None => exact::Decision::NoMedia,
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

    /// Moves the handoff by a verdict.
    fn act(&mut self, host: &mut Host<'_>, verdict: &Verdict<'_>, arrival: Arrival) -> Option<Refusal> {
        match (verdict.outcome, &verdict.envelope) {
            (Outcome::Overloaded, _) => {
                self.events.push(Event::Overloaded);
                return Some(Refusal::Overloaded);
            }
            (Outcome::Duplicate, Some(envelope)) => self.duplicate(envelope),
            (Outcome::Need, Some(envelope)) => return self.wait_for_resources(verdict, envelope, arrival),
            (Outcome::Reject(step, failure), Some(envelope)) => {
                self.refuse(host, verdict, envelope, (step, failure), arrival)
            }
            (Outcome::Reject(step, failure), None) => {
                self.events.push(Event::Refused {
                    step,
                    failure,
                    answered: false,
                });
                return Some(Refusal::NotAnEnvelope);
            }
            (Outcome::Accept, Some(envelope)) => return self.accepted(host, verdict, envelope, arrival),
            // INVARIANT: only a rejected verdict comes without an envelope.
            (_, None) => {}
        }
        None
    }

    fn duplicate(&mut self, envelope: &Envelope<'_>) {
        self.outbox.repeat_answer(envelope.id());
        self.events.push(Event::Ignored {
            verb: envelope.verb(),
            why: Ignored::Duplicate,
        });
    }

    fn wait_for_resources(
        &mut self,
        verdict: &Verdict<'_>,
        envelope: &Envelope<'_>,
        arrival: Arrival,
    ) -> Option<Refusal> {
        let step = verdict
            .needs
            .as_slice()
            .first()
            .map_or(Step::ResolveIssuer, |need| need.step);
        let is_proposal = envelope.verb() == Verb::Propose;
        let end_of_life = envelope.not_after().unwrap_or(arrival.now);
        let not_after = match verdict.doubt {
            Some(MediaDoubt::Mismatch) => end_of_life.min(arrival.now.plus(AUDIO_MAY_FOLLOW_MS)),
            _ => end_of_life,
        };
        if let Some(pending) = self.pending.as_mut().filter(|_| arrival.again && is_proposal) {
            (pending.lacking, pending.not_after, pending.doubt) = (step, not_after, verdict.doubt);
            return None;
        }
        let vouched = is_vouched_for(step, envelope.tier());
        if is_proposal && !self.is_free_for(vouched) {
            return Some(Refusal::Busy);
        }
        // No report waits in the leg for others to be turned away, and gathering is dear: a forger's wait for each other.
        if envelope.verb() == Verb::Incident && !vouched && !arrival.again {
            let recently = self
                .last_unvouched_report
                .is_some_and(|last| arrival.now.since(last) < UNVOUCHED_REPORT_MS);
            if recently {
                return Some(Refusal::Overloaded);
            }
            self.last_unvouched_report = Some(arrival.now);
        }
        if is_proposal {
            let Ok(frame) = frame_of(verdict, envelope) else {
                return Some(Refusal::TooLong);
            };
            self.frame = Some(frame);
            self.pending = Some(Pending {
                arrived: arrival.now,
                not_after,
                lacking: step,
                doubt: verdict.doubt,
                vouched,
            });
        }
        self.events.push(Event::NeedsResources {
            id: envelope.id(),
            step,
        });
        // An answer is not kept: its sender has to come again with it. A report is for the host to bring again.
        matches!(envelope.verb(), Verb::Accept | Verb::Reject).then_some(Refusal::Overloaded)
    }

    /// Whether a proposal can be taken up: nothing of a handoff is under way, and none is being looked into that more
    /// speaks for.
    fn is_free_for(&self, vouched: bool) -> bool {
        let gives_back = self.outbox.busy_with() == Some(Verb::Return);
        let displaces = self.pending.is_none_or(|pending| vouched && !pending.vouched);
        !self.handoff.is_open() && !gives_back && displaces
    }

    /// An envelope failed: the application is told, and a proposal's sender too, as far as that is wise.
    fn refuse(
        &mut self,
        host: &mut Host<'_>,
        verdict: &Verdict<'_>,
        envelope: &Envelope<'_>,
        (step, failure): (Step, Failure),
        arrival: Arrival,
    ) {
        // Not by its identifier, which a changed copy has as well.
        if arrival.again && envelope.verb() == Verb::Propose {
            self.pending = None;
        }
        let answered = envelope.verb() == Verb::Propose
            && host.context.settings.enforce
            && self.may_reject_now(step, envelope.tier(), host.now)
            && self.send_reject(host, verdict, envelope, failure.reason);
        if answered && !is_vouched_for(step, envelope.tier()) {
            self.last_unvouched_reject = Some(host.now);
        }
        self.events.push(Event::Refused {
            step,
            failure,
            answered,
        });
    }

    /// A forger must neither make this leg talk all the time, nor push a message of ours aside (row 32). A REJECT that a
    /// signature vouches for may push an older REJECT aside, whose own INFOs may wait long for their responses.
    fn may_reject_now(&self, step: Step, tier: Tier, now: Timestamp) -> bool {
        let vouched = is_vouched_for(step, tier);
        let recently = self
            .last_unvouched_reject
            .is_some_and(|last| now.since(last) < UNVOUCHED_REJECT_MS);
        let has_room = match self.outbox.busy_with() {
            None => true,
            Some(Verb::Reject) => vouched,
            Some(_) => false,
        };
        let is_quiet = !self.handoff.is_open() && self.pending.is_none();
        has_room && is_quiet && (vouched || !recently)
    }

    /// Builds a REJECT from the refused proposal itself, which leaves the leg's own state alone.
    fn send_reject(
        &mut self,
        host: &mut Host<'_>,
        verdict: &Verdict<'_>,
        proposal: &Envelope<'_>,
        reason: RejectReason,
    ) -> bool {
        let Ok(frame) = frame_of(verdict, proposal) else {
            return false;
        };
        self.send_about(host, &frame, Verb::Reject, reason.as_str(), None)
            .is_ok()
    }

    fn accepted(
        &mut self,
        host: &mut Host<'_>,
        verdict: &Verdict<'_>,
        envelope: &Envelope<'_>,
        arrival: Arrival,
    ) -> Option<Refusal> {
        let (id, verb) = (envelope.id(), envelope.verb());
        if verb == Verb::Propose {
            return self.proposed(verdict, envelope, arrival);
        }
        if verb == Verb::Incident {
            let due = envelope.report_due().unwrap_or(host.now);
            self.events.push(Event::Incident { id, due });
            return None;
        }
        let proposal = self.handoff.proposal().unwrap_or(id);
        if verdict.ends_only && verb != Verb::Reject {
            self.events.push(Event::Ignored {
                verb,
                why: Ignored::EndsOnly,
            });
            return None;
        }
        if verb == Verb::Reject && !self.is_about_our_proposal(envelope) {
            self.events.push(Event::Ignored {
                verb,
                why: Ignored::OtherEnvelope,
            });
            return None;
        }
        if let Err(illegal) = self.handoff.apply(Motion::Received, verb, host.now) {
            self.events.push(Event::Ignored {
                verb,
                why: Ignored::Illegal(illegal),
            });
            return None;
        }
        match verb {
            Verb::Accept => self.events.push(Event::Accepted { id: proposal }),
            Verb::Reject => self.rejected(verdict, envelope),
            Verb::Return => self.events.push(Event::Returned { id: proposal }),
            // A crossing pair of ASSUMEs is told once (row 28).
            Verb::Assume if !self.told_handed_off => {
                self.told_handed_off = true;
                self.fallback.guards = false;
                self.events.push(Event::HandedOff { id: proposal });
            }
            _ => {}
        }
        None
    }

    /// Whether a REJECT refuses what we proposed, and not a changed copy of it that somebody else has sent: a receiver
    /// that says what it refused, says it by the surface's hash.
    fn is_about_our_proposal(&self, reject: &Envelope<'_>) -> bool {
        let refused = reject.get(REFUSED_SURFACE).and_then(Item::as_text);
        let ours = self.frame.as_ref().map(|frame| leaf_hash_text(frame.surface()));
        refused
            .zip(ours)
            .is_none_or(|(refused, ours)| refused.as_bytes() == ours)
    }

    fn proposed(&mut self, verdict: &Verdict<'_>, envelope: &Envelope<'_>, arrival: Arrival) -> Option<Refusal> {
        let id = envelope.id();
        let Ok(frame) = frame_of(verdict, envelope) else {
            return Some(Refusal::TooLong);
        };
        if !arrival.again && !self.is_free_for(envelope.tier() >= Tier::Signed) {
            // Two proposals at once: the peer tries again later (RFC 3261 §14.1 says when), and nothing of ours moves.
            if let Err(illegal) = self.handoff.next(Motion::Received, Verb::Propose) {
                self.events.push(Event::Ignored {
                    verb: Verb::Propose,
                    why: Ignored::Illegal(illegal),
                });
            }
            return Some(Refusal::Busy);
        }
        let not_after = envelope.not_after().unwrap_or(arrival.now);
        match self.handoff.propose(Motion::Received, id, not_after) {
            Ok(()) => {
                self.frame = Some(frame);
                self.pending = None;
                self.told_handed_off = false;
                self.events.push(Event::Proposed {
                    id,
                    tier: envelope.tier(),
                });
                None
            }
            Err(illegal) => {
                self.events.push(Event::Ignored {
                    verb: Verb::Propose,
                    why: Ignored::Illegal(illegal),
                });
                Some(Refusal::Busy)
            }
        }
    }

    fn rejected(&mut self, verdict: &Verdict<'_>, envelope: &Envelope<'_>) {
        let reason = envelope.control().reason().and_then(RejectReason::parse);
        // What was proposed at Core is answered at Core; above it only a signature vouches for the peer (row 43).
        let verified = !verdict.ends_only;
        let listed = reason.is_some_and(|reason| self.fallback.acceptable & 1 << reason as u16 != 0);
        let may_reissue = verified && listed;
        self.fallback.rejected = reason.filter(|_| may_reissue);
        if let Some(id) = self.handoff.proposal() {
            self.events.push(Event::Rejected {
                id,
                reason,
                verified,
                may_reissue,
            });
        }
    }

    /// Ends what has run out by `host.now`.
    pub fn handle_timeout(&mut self, host: &mut Host<'_>) {
        self.drop_unanchored_at(host.now);
        if let Some(pending) = self.pending.filter(|pending| host.now >= pending.not_after) {
            self.pending = None;
            if let Some(frame) = self.frame.take() {
                let mut failure = Failure::of_lack(pending.lacking);
                if let Some(doubt) = pending.doubt {
                    failure.why = Why::Media(doubt);
                }
                let answered = host.context.settings.enforce
                    && self.may_reject_now(pending.lacking, frame.tier(), host.now)
                    && self
                        .send_about(host, &frame, Verb::Reject, failure.reason.as_str(), None)
                        .is_ok();
                self.events.push(Event::Refused {
                    step: pending.lacking,
                    failure,
                    answered,
                });
            }
        }
        let id = self.handoff.proposal();
        let side = self.handoff.side();
        if let (Some(timeout), Some(id)) = (self.handoff.handle_timeout(host.now), id) {
            self.events.push(Event::TimedOut { id, timeout });
            // The receiver that accepted in vain lets go, and says so (OHP §8.4).
            let frame = self.frame.clone().filter(|frame| frame.id() == id);
            // But not in place of a report on its way: the sender's own ten seconds end the handoff as well.
            let reports = self.outbox.busy_with() == Some(Verb::Incident);
            if let (Side::Receiver, Timeout::NotAssumed, Some(frame), false) = (side, timeout, frame, reports) {
                let _ = self.send_about(host, &frame, Verb::Reject, RejectReason::Stale.as_str(), None);
            }
        }
    }
}

/// How an envelope reached the leg.
#[derive(Clone, Copy)]
struct Arrival {
    now: Timestamp,
    echo: Echo,
    again: bool,
    deadline_passed: bool,
}

/// The frame of the envelope that was judged; its surface is hashed once.
fn frame_of(verdict: &Verdict<'_>, envelope: &Envelope<'_>) -> Result<Frame, FrameError> {
    match verdict.surface_hash {
        Some(surface) => Frame::with_surface(envelope, surface),
        None => Frame::of(envelope),
    }
}

/// Whether a signature vouched for an envelope that failed at `step`: at Core there is none.
fn is_vouched_for(step: Step, tier: Tier) -> bool {
    step > Step::Signatures && tier >= Tier::Signed
}
