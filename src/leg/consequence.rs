//! What a verdict does to the handoff: the application is told, the peer answered, the state machine moved; and what becomes
//! of it all when time is over.
//!
//! Not here: how an INFO becomes a verdict ([`super::inbound`]).

use super::context::Host;
use super::event::{Event, Ignored};
use super::inbound::{AUDIO_MAY_FOLLOW_MS, Arrival, Refusal};
use super::{Leg, Pending};
use crate::cbor::Item;
use crate::control::{Frame, Motion, REFUSED_SOUND, REFUSED_SURFACE, Side, Timeout};
use crate::crypto::SHA256_LEN;
use crate::envelope::{Envelope, RejectReason, Tier, Verb, leaf_hash_text};
use crate::time::Timestamp;
use crate::verify::{Failure, Heard, MediaDoubt, Outcome, Step, Unbound, Verdict, Why};

/// Shortest time between two REJECTs to envelopes that nothing vouched for (interpretations, row 32).
const UNVOUCHED_REJECT_MS: i64 = 1_000;

/// Shortest time between two reports for which resources are gathered though nothing vouches for them: as often as such an
/// envelope is answered.
const UNVOUCHED_REPORT_MS: i64 = UNVOUCHED_REJECT_MS;

impl Leg {
    /// Moves the handoff by a verdict.
    pub(super) fn act(&mut self, host: &mut Host<'_>, verdict: &Verdict<'_>, arrival: Arrival) -> Option<Refusal> {
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
                    heard: None,
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
            if !Frame::has_room_for(envelope) {
                return Some(Refusal::TooLong);
            }
            // INVARIANT: there is room, so this does not fail.
            let _ = Frame::put(&mut self.frame, envelope, surface_of(verdict, envelope));
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
            heard: verdict.doubt.map(Heard::from),
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
            && self.send_reject(host, verdict, envelope, &failure);
        if answered && !is_vouched_for(step, envelope.tier()) {
            self.last_unvouched_reject = Some(host.now);
        }
        self.events.push(Event::Refused {
            step,
            failure,
            heard: verdict.heard,
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
        failure: &Failure,
    ) -> bool {
        let Ok(frame) = Frame::with_surface(proposal, surface_of(verdict, proposal)) else {
            return false;
        };
        self.send_about(
            host,
            &frame,
            Verb::Reject,
            failure.reason.as_str(),
            None,
            Unbound::of(&failure.why),
        )
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
        if !Frame::has_room_for(envelope) {
            return Some(Refusal::TooLong);
        }
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
                // INVARIANT: there is room, so this does not fail.
                let _ = Frame::put(&mut self.frame, envelope, surface_of(verdict, envelope));
                self.pending = None;
                self.told_handed_off = false;
                self.events.push(Event::Proposed {
                    id,
                    tier: envelope.tier(),
                    heard: verdict.heard,
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
        let unbound = envelope.get(REFUSED_SOUND).and_then(Item::as_text);
        let unbound = unbound.and_then(Unbound::parse);
        let listed = reason.is_some_and(|reason| self.fallback.acceptable & 1 << reason as u16 != 0);
        let may_reissue = verified && listed;
        self.fallback.rejected = reason.filter(|_| may_reissue);
        if let Some(id) = self.handoff.proposal() {
            self.events.push(Event::Rejected {
                id,
                reason,
                verified,
                unbound,
                may_reissue,
            });
        }
    }

    /// Ends what has run out by `host.now`, and goes on with a search for sound by a piece of about a millisecond.
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
                        .send_about(
                            host,
                            &frame,
                            Verb::Reject,
                            failure.reason.as_str(),
                            None,
                            Unbound::of(&failure.why),
                        )
                        .is_ok();
                self.events.push(Event::Refused {
                    step: pending.lacking,
                    failure,
                    heard: pending.doubt.map(Heard::from),
                    answered,
                });
            }
        }
        self.search_on(host);
        let id = self.handoff.proposal();
        let side = self.handoff.side();
        if let (Some(timeout), Some(id)) = (self.handoff.handle_timeout(host.now), id) {
            self.events.push(Event::TimedOut { id, timeout });
            // The receiver that accepted in vain lets go, and says so (OHP §8.4).
            let frame = self.frame.clone().filter(|frame| frame.id() == id);
            // But not in place of a report on its way: the sender's own ten seconds end the handoff as well.
            let reports = self.outbox.busy_with() == Some(Verb::Incident);
            if let (Side::Receiver, Timeout::NotAssumed, Some(frame), false) = (side, timeout, frame, reports) {
                let _ = self.send_about(host, &frame, Verb::Reject, RejectReason::Stale.as_str(), None, None);
            }
        }
    }
}

/// The hash of the surface of the envelope that was judged: it is worked out once.
fn surface_of(verdict: &Verdict<'_>, envelope: &Envelope<'_>) -> [u8; SHA256_LEN] {
    verdict.surface_hash.unwrap_or_else(|| envelope.surface_hash())
}

/// Whether a signature vouched for an envelope that failed at `step`: at Core there is none.
fn is_vouched_for(step: Step, tier: Tier) -> bool {
    step > Step::Signatures && tier >= Tier::Signed
}
