//! What a leg tells its application, and the short queue in which it waits to be told.

use core::fmt;

use crate::control::{Illegal, Timeout};
use crate::envelope::{RejectReason, Tier, Verb};
use crate::id::EnvelopeId;
use crate::time::Timestamp;
use crate::trust::transparency::merkle;
use crate::verify::{Failure, Heard, Step, Unbound};

/// Something that happened on a leg. Events are small copies; envelopes are handed over by the call that received them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer proposes to hand the conversation over, and its envelope holds: accept or reject it before
    /// [`super::Leg::poll_timeout`].
    Proposed {
        /// The proposal.
        id: EnvelopeId,
        /// Its tier.
        tier: Tier,
        /// What the call's sound said, where it was asked: [`Heard::Exact`], or [`Heard::Robust`] where policy lets that count.
        heard: Option<Heard>,
    },
    /// A proposal, or a report, lacks resources that the verdict names: gather them and call [`super::Leg::verify_again`].
    /// Comes once more when a search for sound that takes many pieces is over.
    NeedsResources {
        /// The proposal or the report.
        id: EnvelopeId,
        /// The step that lacks them.
        step: Step,
        /// What the call's sound said so far, where it is sound that is lacking.
        heard: Option<Heard>,
    },
    /// An envelope of the peer was refused. `answered` says whether a REJECT goes out: not for answers, not more than
    /// once a second where nothing vouched for the envelope, and not where `enforce` is off.
    Refused {
        /// The step that failed.
        step: Step,
        /// What was wrong.
        failure: Failure,
        /// What the call's sound said, where it was asked.
        heard: Option<Heard>,
        /// Whether the peer is told.
        answered: bool,
    },
    /// The peer takes the conversation: assume, or wait for its ASSUME.
    Accepted {
        /// The proposal of ours.
        id: EnvelopeId,
    },
    /// The peer does not take the conversation, or no longer.
    Rejected {
        /// The proposal of ours.
        id: EnvelopeId,
        /// Its reason, if it is one of the protocol's list; others are shown by the envelope (interpretations, row 29).
        reason: Option<RejectReason>,
        /// Whether the REJECT is as strong as the proposal was: signed, where that was signed. At Core nothing is.
        verified: bool,
        /// What the peer says was wrong with the sound, where it says so.
        unbound: Option<Unbound>,
        /// Whether the proposal itself allows re-issuing it after this reason, at a lower tier or to another audience
        /// (`control.fallback`).
        may_reissue: bool,
    },
    /// The conversation is handed over: the sender drops its leg, the receiver holds it.
    HandedOff {
        /// The proposal.
        id: EnvelopeId,
    },
    /// The conversation came back to the sender.
    Returned {
        /// The proposal.
        id: EnvelopeId,
    },
    /// A serious-incident report about this conversation arrived and holds. It moves nothing.
    Incident {
        /// The report.
        id: EnvelopeId,
        /// When the authority must have it: fifteen days after it was issued (OHP §6.5).
        due: Timestamp,
    },
    /// A Regulated proposal or report of ours is built and signed, and waits: append its leaf to the log that it names, then
    /// send it with [`super::Leg::anchored`].
    AnchorNeeded {
        /// The proposal or the report.
        id: EnvelopeId,
        /// The hash of the Merkle leaf that the log appends (RFC 9162, section 2.1.1, over the signing surface).
        leaf: merkle::Hash,
    },
    /// A proposal or a report of ours was not anchored before its own end. It has not been sent.
    Unanchored {
        /// The proposal or the report.
        id: EnvelopeId,
    },
    /// The handoff ran out of time.
    TimedOut {
        /// The proposal.
        id: EnvelopeId,
        /// What did not come.
        timeout: Timeout,
    },
    /// A message of ours got a final response other than 2xx, or none.
    Undelivered {
        /// Its verb.
        verb: Verb,
        /// The SIP status; 408 where none came.
        status: u16,
    },
    /// A message of the peer moved nothing.
    Ignored {
        /// Its verb.
        verb: Verb,
        /// Why.
        why: Ignored,
    },
    /// The shared table is full: an envelope could not be judged and was answered 503.
    Overloaded,
}

/// Why a message of the peer moved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The state machine has no such way.
    Illegal(Illegal),
    /// It is unsigned or short and answers a signed proposal.
    EndsOnly,
    /// It is a REJECT of another envelope than ours, such as a changed copy of it.
    OtherEnvelope,
    /// It is a retransmission of what has been answered.
    Duplicate,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegal(illegal) => illegal.fmt(f),
            Self::EndsOnly => f.write_str("an unsigned or short answer cannot move a call that was proposed signed"),
            Self::OtherEnvelope => f.write_str("a REJECT of another envelope than the one that was proposed"),
            Self::Duplicate => f.write_str("a retransmission"),
        }
    }
}

/// Events that one call into a leg can cause at most, with room to spare.
const EVENTS_MAX: usize = 8;

/// A queue of events. A host that drains it as told never sees it full; the oldest are lost otherwise.
pub(super) struct Events {
    list: [Option<Event>; EVENTS_MAX],
    first: usize,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            list: [None; EVENTS_MAX],
            first: 0,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        let free = (0..EVENTS_MAX)
            .map(|nth| (self.first + nth) % EVENTS_MAX)
            .find(|at| self.list[*at].is_none());
        let at = free.unwrap_or_else(|| {
            let oldest = self.first;
            self.first = (self.first + 1) % EVENTS_MAX;
            oldest
        });
        self.list[at] = Some(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.list[self.first].take()?;
        self.first = (self.first + 1) % EVENTS_MAX;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_does_not_drain_loses_the_oldest_events() {
        let event = |nth: usize| Event::Unanchored {
            id: EnvelopeId::new(crate::time::Timestamp::from_millis(nth as i64), [0; 10]),
        };
        for lost in 0..3 {
            let mut events = Events::new();
            (0..EVENTS_MAX + lost).for_each(|nth| events.push(event(nth)));
            for nth in lost..EVENTS_MAX + lost {
                assert_eq!(events.pop(), Some(event(nth)), "{lost} lost");
            }
            assert_eq!(events.pop(), None);
        }
    }
}
