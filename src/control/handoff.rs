//! The state machine of a handoff (OHP §8.2, docs/08 "State machine"), the same on both sides with verbs mirrored.
//!
//! ```text
//!            PROPOSE             ACCEPT             ASSUME                RETURN
//!   Idle ──────────► Proposing ─────────► Accepted ─────────► HandedOff ─────────► Resumed
//!     ▲                  │ REJECT, notAfter   │ REJECT, 10 s                           │
//!     │                  ▼                    ▼                                        │
//!     └──(fallback)── Rejected ◄──────────────┘                  PROPOSE ◄─────────────┘
//! ```
//!
//! Time enters as an argument. What a message says is verified before it comes here.

use core::fmt;

use crate::envelope::Verb;
use crate::id::EnvelopeId;
use crate::time::{ASSUME_TIMEOUT_MS, Timestamp};

/// Which side of a handoff a leg is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// It proposed, and held the conversation when it did.
    Sender,
    /// It was proposed to.
    Receiver,
}

/// How far a handoff has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing has been proposed. (The protocol's READY is an envelope that has been built but not sent.)
    Idle,
    /// A PROPOSE is out and unanswered.
    Proposing,
    /// It was accepted; an ASSUME is due within ten seconds.
    Accepted,
    /// It was rejected, ran out, or was abandoned. The sender still holds the conversation.
    Rejected,
    /// The receiver holds the conversation.
    HandedOff,
    /// The conversation came back to the sender.
    Resumed,
}

impl Phase {
    /// Every phase.
    pub const ALL: &'static [Self] = &[
        Self::Idle,
        Self::Proposing,
        Self::Accepted,
        Self::Rejected,
        Self::HandedOff,
        Self::Resumed,
    ];
}

/// Whether a verb left this leg or came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Motion {
    /// This leg sent it.
    Sent,
    /// The peer sent it.
    Received,
}

/// A verb that the handoff's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// The verb.
    pub verb: Verb,
    /// Who sent it.
    pub motion: Motion,
    /// The side that this leg is on.
    pub side: Side,
    /// The phase that the handoff is in.
    pub phase: Phase,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let motion = match self.motion {
            Motion::Sent => "sent",
            Motion::Received => "received",
        };
        write!(
            f,
            "{} cannot be {motion} by the {:?} of a handoff that is {:?}",
            self.verb, self.side, self.phase
        )
    }
}

impl core::error::Error for Illegal {}

/// What ended because its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// A PROPOSE stood unanswered until its `notAfter`: it counts as rejected, `stale` (OHP §8.4).
    Unanswered,
    /// An accepted proposal was not assumed within ten seconds (OHP §8.4).
    NotAssumed,
}

/// One handoff, seen from one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handoff {
    side: Side,
    phase: Phase,
    proposal: Option<EnvelopeId>,
    deadline: Option<Timestamp>,
}

impl Default for Handoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Handoff {
    /// A leg on which nothing has been proposed.
    pub const fn new() -> Self {
        Self {
            side: Side::Sender,
            phase: Phase::Idle,
            proposal: None,
            deadline: None,
        }
    }

    /// The side that this leg is on, since the last PROPOSE.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// How far the handoff has come.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The identifier of the last proposal.
    pub const fn proposal(&self) -> Option<EnvelopeId> {
        self.proposal
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Whether the handoff is under way: a further PROPOSE has to wait.
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Proposing | Phase::Accepted | Phase::HandedOff)
    }

    /// Where `verb` leads, without going there.
    ///
    /// # Errors
    /// [`Illegal`] where the state machine has no such way.
    pub fn next(&self, motion: Motion, verb: Verb) -> Result<(Side, Phase), Illegal> {
        use Motion::{Received, Sent};
        use Phase::{Accepted, HandedOff, Idle, Proposing, Rejected, Resumed};
        use Side::{Receiver, Sender};
        let side = self.side;
        match (self.phase, verb, motion, side) {
            (Idle | Rejected | Resumed, Verb::Propose, Sent, _) => Ok((Sender, Proposing)),
            (Idle | Rejected | Resumed, Verb::Propose, Received, _) => Ok((Receiver, Proposing)),
            (Proposing, Verb::Accept, Received, Sender) | (Proposing, Verb::Accept, Sent, Receiver) => {
                Ok((side, Accepted))
            }
            // From ACCEPTED too: the receiver gives up when no ASSUME comes (OHP §8.4).
            (Proposing | Accepted, Verb::Reject, Received, Sender)
            | (Proposing | Accepted, Verb::Reject, Sent, Receiver) => Ok((side, Rejected)),
            // Either side may assume, and a crossing pair is no error (interpretations, row 28).
            (Accepted | HandedOff, Verb::Assume, _, _) => Ok((side, HandedOff)),
            (HandedOff, Verb::Return, Received, Sender) | (HandedOff, Verb::Return, Sent, Receiver) => {
                Ok((side, Resumed))
            }
            // A report about the conversation; it moves nothing (OHP §6.5).
            (phase, Verb::Incident, _, _) => Ok((side, phase)),
            (phase, verb, motion, side) => Err(Illegal {
                verb,
                motion,
                side,
                phase,
            }),
        }
    }

    /// A proposal was sent or received. `not_after` is the proposal's own end of life.
    ///
    /// # Errors
    /// [`Illegal`] while another handoff is under way on this leg; the state stays.
    pub fn propose(&mut self, motion: Motion, id: EnvelopeId, not_after: Timestamp) -> Result<(), Illegal> {
        (self.side, self.phase) = self.next(motion, Verb::Propose)?;
        self.proposal = Some(id);
        self.deadline = Some(not_after);
        Ok(())
    }

    /// Any other verb was sent or received, about the proposal that is under way.
    ///
    /// # Errors
    /// [`Illegal`]; the state stays. A PROPOSE is always illegal here: it goes to [`propose`](Self::propose).
    pub fn apply(&mut self, motion: Motion, verb: Verb, now: Timestamp) -> Result<(), Illegal> {
        let (side, phase) = match verb {
            Verb::Propose => {
                return Err(Illegal {
                    verb,
                    motion,
                    side: self.side,
                    phase: self.phase,
                });
            }
            _ => self.next(motion, verb)?,
        };
        if phase != self.phase {
            self.deadline = (phase == Phase::Accepted).then(|| now.plus(ASSUME_TIMEOUT_MS));
        }
        (self.side, self.phase) = (side, phase);
        Ok(())
    }

    /// A message of ours could not be delivered: what it would have done is undone.
    ///
    /// A handoff whose PROPOSE, ACCEPT or ASSUME never arrived is no handoff, so the sender keeps the conversation; one
    /// whose RETURN never arrived still stands, so the receiver does.
    pub fn undelivered(&mut self, verb: Verb) {
        let phase = match (verb, self.phase) {
            // An ACCEPT that an ASSUME has answered arrived, whatever became of its own response.
            (Verb::Propose, Phase::Proposing)
            | (Verb::Accept, Phase::Accepted)
            | (Verb::Assume, Phase::Accepted | Phase::HandedOff) => Phase::Rejected,
            (Verb::Return, Phase::Resumed) => Phase::HandedOff,
            _ => return,
        };
        self.phase = phase;
        self.deadline = None;
    }

    /// Ends what has run out by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Timeout> {
        let due = self.deadline.is_some_and(|deadline| now >= deadline);
        let timeout = match self.phase {
            Phase::Proposing if due => Timeout::Unanswered,
            Phase::Accepted if due => Timeout::NotAssumed,
            _ => return None,
        };
        self.phase = Phase::Rejected;
        self.deadline = None;
        Some(timeout)
    }
}
