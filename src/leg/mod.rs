//! One call leg: the sans-IO user agent that ties the layers together.
//!
//! A [`Leg`] belongs to one SIP dialog. Its host feeds it what happens ([`Leg::handle_sdp`], [`Leg::handle_info`],
//! [`Leg::handle_response`], [`Leg::handle_timeout`]) and what its application wants ([`Leg::propose`],
//! [`Leg::accept`], [`Leg::reject`], [`Leg::assume`], [`Leg::give_back`], [`Leg::report`]; [`Leg::verify_again`] where
//! something was lacking).
//!
//! It opens no socket, reads no clock and allocates nothing. It holds no pointers, so that it can lie in memory that
//! forked processes share; one caller at a time. What it needs beyond itself is lent for each call in [`Host`].
//!
//! It never drops or delays a call: it tells its host what happened, and the host decides (interpretations, row 41).
//!
//! # The order
//!
//! After *every* such call, drain the leg until it has nothing more, in this order:
//!
//! 1. [`Leg::poll_event`] until `None`: what happened, for the application;
//! 2. [`Leg::poll_transmit`] until `None`: INFOs to send inside the dialog. While one is outstanding there is none; hand
//!    its final response to [`Leg::handle_response`];
//! 3. [`Leg::poll_timeout`]: when to call [`Leg::handle_timeout`] at the latest.
//!
//! # Anchoring
//!
//! A Regulated envelope must be in a transparency log before it is sent (OHP §5.7), and a log takes I/O. So
//! [`Leg::propose`] at Regulated, and [`Leg::report`], send nothing: they build, sign and hand the envelope over, and
//! [`Event::AnchorNeeded`] says which leaf to append. The host appends it wherever it may block, a worker thread for one,
//! while the call goes on, and then sends the very same bytes with [`Leg::anchored`]. Nothing else sends them; at their
//! `notAfter` they are dropped ([`Event::Unanchored`]), and [`Leg::withdraw`] gives up before.

mod anchor;
mod consequence;
mod context;
mod event;
mod inbound;
mod issue;
mod outbound;
mod outbox;
mod random;
mod searching;

pub use context::{Context, Host, RANDOM_LEN, SCRATCH_LEN, Settings};
pub use event::{Event, Ignored};
pub use inbound::{Handled, Observer, Refusal};
pub use issue::issue_envelope;
pub use outbound::{LegError, NO_RESPONSE};
pub use outbox::{TRANSMIT_LEN, Transmit};

pub use crate::media::sdp::SdpOrigin;

use core::fmt;

use crate::control::{Frame, Handoff, Phase, Side};
use crate::envelope::{RejectReason, Tier, Verb};
use crate::id::EnvelopeId;
use crate::media::PayloadTypes;
use crate::media::sdp::{Description, Negotiated, Renegotiation, SdpHints};
use crate::time::Timestamp;
use crate::verify::{MediaDoubt, Step};
use anchor::Unanchored;
use event::Events;
use outbox::Outbox;
use searching::Searching;

/// Most identifiers that a leg can be known by: its dialog's Call-ID, the other leg's, Replaces, Session-ID
/// (interpretations, row 40).
pub const LEG_IDS_MAX: usize = 4;
/// Longest identifier. Call-IDs of the common stacks have 20 to 80 bytes; RFC 3261 sets no limit.
pub const LEG_ID_LEN_MAX: usize = 255;
/// Most memory that an idle leg takes, in bytes.
pub const LEG_SIZE_MAX: usize = 8 * 1024;

const _: () = assert!(size_of::<Leg>() <= LEG_SIZE_MAX);

/// An identifier that a leg cannot take: empty, longer than [`LEG_ID_LEN_MAX`], or one more than [`LEG_IDS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLegId;

impl fmt::Display for BadLegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an identifier of a call has 1 to {LEG_ID_LEN_MAX} bytes, and a leg has at most {LEG_IDS_MAX} of them"
        )
    }
}

impl core::error::Error for BadLegId {}

/// One call leg. See the [module](self) for the order in which to use it.
pub struct Leg {
    ids: Ids,
    handoff: Handoff,
    /// The proposal that the handoff is about, or that waits for resources.
    frame: Option<Frame>,
    /// A verified-so-far proposal that lacks resources.
    pending: Option<Pending>,
    /// What the last proposal of ours allows after a REJECT.
    fallback: Fallback,
    /// A proposal or a report of ours that is signed and may not be sent yet.
    unanchored: Option<Unanchored>,
    outbox: Outbox,
    events: Events,
    /// When a REJECT was last given to an envelope that nothing vouched for (interpretations, row 32).
    last_unvouched_reject: Option<Timestamp>,
    /// When resources were last asked for because of a report that nothing vouches for.
    last_unvouched_report: Option<Timestamp>,
    /// The last ASSUME or RETURN that the peer sent, for when its INFO comes again.
    moved_by: Option<(EnvelopeId, Verb)>,
    /// Whether the application knows that the handoff is final.
    told_handed_off: bool,
    negotiated: Negotiated,
    searching: Searching,
    payload_types: PayloadTypes,
}

/// A proposal that lacks resources until its deadline.
#[derive(Clone, Copy)]
struct Pending {
    arrived: Timestamp,
    not_after: Timestamp,
    lacking: Step,
    /// What has been heard so far, where it lacks sound.
    doubt: Option<MediaDoubt>,
    /// Whether a signature has held.
    vouched: bool,
}

/// What was said about re-issuing when the last proposal of ours was made, and what came of it (OHP §3.2, docs/08).
#[derive(Clone, Copy)]
struct Fallback {
    /// One bit for each reason of `control.fallback.acceptableReasons`.
    acceptable: u16,
    min_tier: Tier,
    tier: Tier,
    /// The reason of a verified REJECT.
    rejected: Option<RejectReason>,
    /// Whether a proposal of ours has been made and not been handed over: then a weaker one needs its leave.
    guards: bool,
}

impl Leg {
    /// A leg of the dialog `call_id`.
    ///
    /// # Errors
    /// [`BadLegId`].
    pub fn new(call_id: &str) -> Result<Self, BadLegId> {
        let mut ids = Ids {
            bytes: [0; LEG_IDS_MAX * LEG_ID_LEN_MAX],
            lens: [0; LEG_IDS_MAX],
        };
        ids.add(call_id)?;
        Ok(Self {
            ids,
            handoff: Handoff::new(),
            frame: None,
            pending: None,
            fallback: Fallback {
                acceptable: 0,
                min_tier: Tier::Core,
                tier: Tier::Core,
                rejected: None,
                guards: false,
            },
            unanchored: None,
            outbox: Outbox::new(),
            events: Events::new(),
            last_unvouched_reject: None,
            last_unvouched_report: None,
            moved_by: None,
            told_handed_off: false,
            negotiated: Negotiated::NOTHING,
            searching: Searching::Idle,
            payload_types: PayloadTypes::STATIC,
        })
    }

    /// Gives the leg a further identifier that `session.callId` may name: the other leg's Call-ID in the host's own
    /// B2BUA, a Replaces, an RFC 7989 Session-ID. One that a peer wrote counts only if that peer is trusted, which is
    /// for the host to know (interpretations, row 40).
    ///
    /// # Errors
    /// [`BadLegId`].
    pub fn bind_id(&mut self, id: &str) -> Result<(), BadLegId> {
        self.ids.add(id)
    }

    /// The identifiers of this leg, its dialog's Call-ID first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter()
    }

    /// How far the handoff has come.
    pub fn phase(&self) -> Phase {
        self.handoff.phase()
    }

    /// The side of the last proposal that this leg is on.
    pub fn side(&self) -> Side {
        self.handoff.side()
    }

    /// Whether a proposal waits for resources; see [`Leg::verify_again`].
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Notes a session description that this dialog has agreed on: the offer, and then its answer. Those lines that it
    /// cannot use are passed over. After a re-INVITE both are noted anew; one that was refused changes nothing.
    ///
    /// The codecs that both name are the hints of the next proposal, the local one's are the payload types for the tap
    /// ([`Leg::payload_types`]).
    ///
    /// # Errors
    /// What makes the whole text unusable; the leg then keeps what it had.
    pub fn handle_sdp(&mut self, origin: SdpOrigin, sdp: &[u8]) -> Result<(), crate::media::sdp::Error> {
        let description = Description::parse(sdp)?;
        self.negotiated.note(origin, &description);
        if origin == SdpOrigin::Local
            && let Some(audio) = description.audio()
        {
            self.payload_types = audio.payload_types();
        }
        Ok(())
    }

    /// The payload types that this leg receives audio in, for [`crate::media::Tap::set_payload_types`].
    pub fn payload_types(&self) -> &PayloadTypes {
        &self.payload_types
    }

    /// The codecs that were agreed on, as `session.media.sdpHints` writes them. None before the peer's description is
    /// here.
    pub fn sdp_hints(&self) -> SdpHints {
        if self.negotiated.has_remote() {
            self.negotiated.codecs()
        } else {
            SdpHints::NONE
        }
    }

    /// Whether this leg has to be re-INVITEd before it takes the conversation over, and with which codecs, so that the
    /// caller hears no gap. `received` is the proposal's `session.media.sdpHints.codecs`
    /// ([`crate::envelope::Session::sdp_hint_codecs`]), `supported` what this side can do; without it, what its last
    /// description names.
    ///
    /// Ask when a proposal has come, and re-INVITE before [`Leg::accept`]; ask again when the re-INVITE has been answered
    /// and at [`Event::HandedOff`].
    pub fn renegotiation<'h>(
        &self,
        received: impl IntoIterator<Item = &'h str> + Clone,
        supported: Option<&SdpHints>,
    ) -> Renegotiation {
        self.negotiated.renegotiation(received, supported)
    }

    /// Whether the peer has put this leg on hold, or sends nothing: what is heard then is music, or silence.
    pub fn is_on_hold(&self) -> bool {
        self.negotiated.is_on_hold()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// When [`Leg::handle_timeout`] has something to do; `None`: never. A moment that is past while a search for sound is under
    /// way, of which it does a piece each time.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let pending = self.pending.map(|pending| pending.not_after);
        let unanchored = self.unanchored.map(|unanchored| unanchored.not_after);
        [self.handoff.deadline(), pending, unanchored, self.searches_at()]
            .into_iter()
            .flatten()
            .min()
    }
}

impl fmt::Debug for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg")
            .field("side", &self.side())
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

struct Ids {
    bytes: [u8; LEG_IDS_MAX * LEG_ID_LEN_MAX],
    lens: [u8; LEG_IDS_MAX],
}

impl Ids {
    fn add(&mut self, id: &str) -> Result<(), BadLegId> {
        if id.is_empty() || id.len() > LEG_ID_LEN_MAX {
            return Err(BadLegId);
        }
        if self.iter().any(|known| known == id) {
            return Ok(());
        }
        let nth = self.lens.iter().position(|len| *len == 0).ok_or(BadLegId)?;
        self.bytes[nth * LEG_ID_LEN_MAX..][..id.len()].copy_from_slice(id.as_bytes());
        self.lens[nth] = id.len() as u8;
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.lens
            .iter()
            .zip(self.bytes.chunks_exact(LEG_ID_LEN_MAX))
            .filter(|(len, _)| **len > 0)
            .map(|(len, bytes)| core::str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default())
    }

    /// The dialog's own Call-ID.
    fn first(&self) -> &str {
        self.iter().next().unwrap_or_default()
    }

    /// The identifiers as a slice needs them; unused places hold the first one again.
    fn as_array(&self) -> [&str; LEG_IDS_MAX] {
        let mut ids = self.iter();
        let first = ids.next().unwrap_or_default();
        core::array::from_fn(|nth| if nth == 0 { first } else { ids.next().unwrap_or(first) })
    }
}
