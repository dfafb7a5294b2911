//! `ohp_event`: what a leg tells its application.

use core::ffi::c_char;
use core::fmt;

use super::leg::{leg, ohp_leg};
use super::panic::guard;
use super::sized::{self, Sized_};
use super::status::ohp_status::{self, OHP_NONE};
use super::text::{Lent, ohp_text};
use super::verdict::ohp_doubt;
use super::vocabulary::{ohp_reason, ohp_verb};
use crate::control::Timeout;
use crate::id::{ENVELOPE_ID_LEN, EnvelopeId};
use crate::leg::Event;
use crate::verify::Heard;

/// Length of an envelope's identifier, "cse_" and a ULID.
pub const OHP_ID_LEN: usize = 30;

const _: () = assert!(OHP_ID_LEN == ENVELOPE_ID_LEN);

/// What happened on a leg.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_event_kind {
    /// The peer proposes to hand the conversation over, and its envelope holds: accept or reject it. Sets `tier` and
    /// `decision`.
    OHP_EVENT_PROPOSED = 1,
    /// A proposal, or a report, lacks resources that the verdict names: gather them and call ohp_leg_verify_again(). Comes
    /// once more when a search for sound that takes many pieces is over. Sets `step`, and `decision` where it lacks sound.
    OHP_EVENT_NEEDS_RESOURCES = 2,
    /// An envelope of the peer was refused. Sets `step`, `reason`, `doubt`, `decision` and `answered`; there is no `id`.
    OHP_EVENT_REFUSED = 3,
    /// The peer takes the conversation: assume, or wait for its ASSUME.
    OHP_EVENT_ACCEPTED = 4,
    /// The peer does not take the conversation, or no longer. Sets `reason`, `verified`, `may_reissue`, and `doubt` where
    /// the peer says that it was for the sound.
    OHP_EVENT_REJECTED = 5,
    /// The conversation is handed over: the sender drops its leg, the receiver holds it.
    OHP_EVENT_HANDED_OFF = 6,
    /// The conversation came back to the sender.
    OHP_EVENT_RETURNED = 7,
    /// A serious-incident report about this conversation arrived and holds. Sets `due_ms`.
    OHP_EVENT_INCIDENT = 8,
    /// A proposal stood unanswered until its end.
    OHP_EVENT_UNANSWERED = 9,
    /// An accepted proposal was not assumed within ten seconds.
    OHP_EVENT_NOT_ASSUMED = 10,
    /// A message of ours got a final response other than 2xx, or none. Sets `verb` and `sip_status`; there is no `id`.
    OHP_EVENT_UNDELIVERED = 11,
    /// A message of the peer moved nothing. Sets `verb`; there is no `id`.
    OHP_EVENT_IGNORED = 12,
    /// The shared table is full: an envelope could not be judged and was answered 503. There is no `id`.
    OHP_EVENT_OVERLOADED = 13,
    /// A Regulated proposal or report of ours is built and signed, and waits to be anchored: append `leaf`, then call
    /// ohp_leg_anchored(). It has not been sent.
    OHP_EVENT_ANCHOR_NEEDED = 14,
    /// A Regulated proposal or report of ours was not anchored before its own end. It has not been sent.
    OHP_EVENT_UNANCHORED = 15,
}

/// Something that happened on a leg. Members that its kind does not set are 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_event {
    /// sizeof(ohp_event).
    pub size: usize,
    /// What happened.
    pub kind: ohp_event_kind,
    /// The proposal's (or the report's) tier, an ohp_tier.
    pub tier: u32,
    /// A message's verb, an ohp_verb.
    pub verb: u32,
    /// The reason of a refusal or a rejection, an ohp_reason; 0 where it is not in the protocol's list.
    pub reason: u32,
    /// The step that failed or lacks resources, 0 to 14.
    pub step: u32,
    /// The SIP status; 408 where no response came.
    pub sip_status: u32,
    /// An ohp_doubt: what was wrong with the sound, where an envelope was refused for it, by us or by the peer.
    pub doubt: u32,
    /// Whether a REJECT goes out: not for answers, not more than once a second where nothing vouched for the envelope,
    /// and not unless the context says `enforce`.
    pub answered: bool,
    /// Whether the REJECT is as strong as the proposal was: signed, where that was signed. At Core nothing is.
    pub verified: bool,
    /// Whether the proposal itself allows re-issuing it after this reason, at a lower tier or to another audience.
    pub may_reissue: bool,
    /// The proposal's (or the report's) identifier, not NUL-terminated; zeros where there is none.
    pub id: [c_char; OHP_ID_LEN],
    /// An ohp_decision: what the call's sound said about an envelope; OHP_DECISION_NONE where it was not asked.
    pub decision: u8,
    /// With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ.
    pub bit_errors: u16,
    /// With OHP_EVENT_INCIDENT: when the authority must have the report, in milliseconds since the Unix epoch; fifteen days
    /// after it was issued.
    pub due_ms: u64,
    /// With OHP_EVENT_ANCHOR_NEEDED: the hash of the Merkle leaf that the log appends, SHA-256 of a zero byte and the signing
    /// surface (RFC 9162, section 2.1.1).
    pub leaf: [u8; 32],
}

// SAFETY: repr(C), size first; it is only ever written, so its enumeration and booleans are never read from C.
unsafe impl Sized_ for ohp_event {
    const FIRST_SIZE: usize = 72;
}

impl ohp_event {
    fn new(kind: ohp_event_kind, id: Option<EnvelopeId>) -> Self {
        let mut text = [0; OHP_ID_LEN];
        for (place, byte) in text.iter_mut().zip(id.iter().flat_map(|id| id.as_str().bytes())) {
            *place = byte as c_char;
        }
        Self {
            size: 0,
            kind,
            tier: 0,
            verb: 0,
            reason: 0,
            step: 0,
            sip_status: 0,
            doubt: 0,
            answered: false,
            verified: false,
            may_reissue: false,
            id: text,
            decision: 0,
            bit_errors: 0,
            due_ms: 0,
            leaf: [0; 32],
        }
    }

    /// With what the call's sound said.
    fn heard(self, heard: Option<Heard>) -> Self {
        let (decision, bit_errors) = super::continuity::heard(heard);
        Self {
            decision: decision as u8,
            bit_errors,
            ..self
        }
    }

    /// The event as C has it, and what is to be said about it.
    fn of(event: Event) -> (Self, Detail) {
        use ohp_event_kind as kind;
        let plain = |kind, id| (Self::new(kind, Some(id)), Detail::Nothing);
        match event {
            Event::Proposed { id, tier, heard } => {
                let tier = super::vocabulary::ohp_tier::from(tier) as u32;
                (
                    Self {
                        tier,
                        ..Self::new(kind::OHP_EVENT_PROPOSED, Some(id)).heard(heard)
                    },
                    Detail::Nothing,
                )
            }
            Event::NeedsResources { id, step, heard } => {
                let step = u32::from(step.number());
                (
                    Self {
                        step,
                        ..Self::new(kind::OHP_EVENT_NEEDS_RESOURCES, Some(id)).heard(heard)
                    },
                    Detail::Nothing,
                )
            }
            Event::Refused {
                step,
                failure,
                heard,
                answered,
            } => {
                let event = Self {
                    step: u32::from(step.number()),
                    reason: ohp_reason::from(failure.reason) as u32,
                    doubt: ohp_doubt::of(&failure) as u32,
                    answered,
                    ..Self::new(kind::OHP_EVENT_REFUSED, None).heard(heard)
                };
                (event, Detail::Failure(failure.why))
            }
            Event::Accepted { id } => plain(kind::OHP_EVENT_ACCEPTED, id),
            Event::Rejected {
                id,
                reason,
                verified,
                unbound,
                may_reissue,
            } => {
                let event = Self {
                    reason: reason.map_or(0, |reason| ohp_reason::from(reason) as u32),
                    doubt: unbound.map_or(0, |unbound| ohp_doubt::from(unbound) as u32),
                    verified,
                    may_reissue,
                    ..Self::new(kind::OHP_EVENT_REJECTED, Some(id))
                };
                (event, unbound.map_or(Detail::Nothing, Detail::Unbound))
            }
            Event::HandedOff { id } => plain(kind::OHP_EVENT_HANDED_OFF, id),
            Event::Returned { id } => plain(kind::OHP_EVENT_RETURNED, id),
            Event::Incident { id, due } => {
                let due_ms = u64::try_from(due.millis()).unwrap_or_default();
                let event = Self {
                    due_ms,
                    ..Self::new(kind::OHP_EVENT_INCIDENT, Some(id))
                };
                (event, Detail::Nothing)
            }
            Event::TimedOut {
                id,
                timeout: Timeout::Unanswered,
            } => plain(kind::OHP_EVENT_UNANSWERED, id),
            Event::TimedOut {
                id,
                timeout: Timeout::NotAssumed,
            } => plain(kind::OHP_EVENT_NOT_ASSUMED, id),
            Event::Undelivered { verb, status } => {
                let event = Self {
                    verb: ohp_verb::from(verb) as u32,
                    sip_status: u32::from(status),
                    ..Self::new(kind::OHP_EVENT_UNDELIVERED, None)
                };
                (event, Detail::Nothing)
            }
            Event::Ignored { verb, why } => {
                let verb = ohp_verb::from(verb) as u32;
                (
                    Self {
                        verb,
                        ..Self::new(kind::OHP_EVENT_IGNORED, None)
                    },
                    Detail::Ignored(why),
                )
            }
            Event::AnchorNeeded { id, leaf } => {
                let event = Self {
                    leaf,
                    ..Self::new(kind::OHP_EVENT_ANCHOR_NEEDED, Some(id))
                };
                (event, Detail::Nothing)
            }
            Event::Unanchored { id } => plain(kind::OHP_EVENT_UNANCHORED, id),
            Event::Overloaded => (Self::new(kind::OHP_EVENT_OVERLOADED, None), Detail::Nothing),
        }
    }
}

/// What an event's members do not say.
enum Detail {
    Nothing,
    Failure(crate::verify::Why),
    Ignored(crate::leg::Ignored),
    Unbound(crate::verify::Unbound),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Failure(why) => why.fmt(f),
            Self::Ignored(why) => why.fmt(f),
            Self::Unbound(unbound) => unbound.fmt(f),
        }
    }
}

/// The next thing that happened on a leg.
///
/// @param leg         A leg.
/// @param why         A buffer for why an envelope was refused, by us or by the peer, or a message moved nothing, in words; or NULL.
/// @param[out] event  The event; set its `size` before.
/// @return OHP_OK; OHP_NONE if there is no more; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
///         OHP_ERR_SIZE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_poll_event(
    leg: *mut ohp_leg,
    why: *mut ohp_text,
    event: *mut ohp_event,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut why, out, mut leg) = unsafe { (Lent::new(why)?, sized::Out::new(event)?, self::leg(leg)?) };
        let (event, detail) = ohp_event::of(leg.poll_event().ok_or(OHP_NONE)?);
        why.say(detail);
        out.set(event);
        Ok(())
    })
}
