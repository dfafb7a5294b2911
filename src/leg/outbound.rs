//! What goes out: proposals and the messages about them are built, signed, encoded and put into the outbox.

use core::fmt;

use super::context::{DRAFT_SCRATCH, Host};
use super::event::Event;
use super::issue::{Known, issue_with};
use super::outbox::{Delivery, Transmit};
use super::random::Random;
use super::{Fallback, Leg};
use crate::cbor::Item;
use crate::control::{Frame, FrameError, Illegal, Motion, Phase, Reply, Side};
use crate::envelope::{DraftError, ENVELOPE_MAX, Envelope, Field, RejectReason, Tier, Verb};
use crate::id::EnvelopeId;
use crate::table::{Domain, Table};
use crate::time::Timestamp;
use crate::transport::outgoing::{self, ENCODED_MAX, EncodeError, Outgoing};
use crate::trust::issue::{IssueError, issue};
use crate::verify::Unbound;

/// Status that stands for no final response at all (RFC 3261 §17.1).
pub const NO_RESPONSE: u16 = 408;

/// Why a leg cannot send what its application asks for. The leg's state is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegError {
    /// The state machine has no such way.
    Illegal(Illegal),
    /// There is no proposal to speak of.
    NoProposal,
    /// A message is still on its way, or a proposal of the peer is being looked into: drain [`Leg::poll_transmit`] and hand
    /// its responses over first. Or an incident's report waits to be anchored, whose place nothing takes.
    Busy,
    /// It is not the envelope that waits to be anchored, or that one's time is over.
    NotAwaited,
    /// The envelope cannot be built.
    Draft(DraftError),
    /// The envelope cannot be sealed or signed.
    Issue(IssueError),
    /// The envelope cannot be sent.
    Encode(EncodeError),
    /// The proposal's identifiers are too long to be kept.
    Frame(FrameError),
    /// The message fits neither the leg nor the shared table.
    NoRoom,
    /// After a REJECT this proposal would be weaker than the rejected one, and that one did not allow it
    /// (`control.fallback`, `audience.minTier`): a downgrade is never silent (OHP §3.2).
    DowngradeNotAllowed,
    /// The scratch is shorter than [`super::SCRATCH_LEN`].
    Scratch,
}

impl fmt::Display for LegError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegal(illegal) => illegal.fmt(f),
            Self::NoProposal => f.write_str("no proposal has been made or received on this leg"),
            Self::NotAwaited => {
                f.write_str("this is not the envelope that waits to be anchored, or its time is over; make it anew")
            }
            Self::Busy => f.write_str(
                "something else comes first: a message on its way, a report to anchor, or the peer's proposal; drain the leg",
            ),
            Self::Draft(error) => error.fmt(f),
            Self::Issue(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
            Self::NoRoom => f.write_str("the message fits neither the leg nor the shared table"),
            Self::DowngradeNotAllowed => {
                f.write_str("the rejected proposal does not allow re-issuing it at this tier after that reason")
            }
            Self::Scratch => f.write_str("the scratch is too short"),
        }
    }
}

impl core::error::Error for LegError {}

impl From<DraftError> for LegError {
    fn from(error: DraftError) -> Self {
        Self::Draft(error)
    }
}

impl From<IssueError> for LegError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Draft(error) => Self::Draft(error),
            error => Self::Issue(error),
        }
    }
}

impl Leg {
    /// Proposes to hand the conversation over.
    ///
    /// `template` is a map in the envelope's nesting that says what only the application knows: `audience`, `intent`,
    /// `transcript`, `policy`, `control.reason`, `control.fallback`, … The leg adds what it knows itself: version, tier,
    /// identifier, times, nonce, verb, and, unless the template has them, `issuer`, `session.callId` and, from Signed
    /// upwards, the fingerprint of the newest usable audio and the SDP hints. It signs where the tier wants that.
    ///
    /// From Sealed upwards `sealed` may be given as `{ "fields": { dotted name: value } }`, in plain. Of that nothing leaves
    /// in plain: it is sealed for the keys that `audience.recipientKeys` names, or else for every X25519 key of
    /// `audience.did` in the bundle's `issuers`. At Regulated the leg signs `governance.prohibited` and
    /// `governance.art50Disclosure` unless they have their proofs, and states `transparency.leafHash`.
    ///
    /// The envelope is written into `out`; it is sent by [`Leg::poll_transmit`], but at Regulated only once the host has said
    /// that it is anchored ([`Event::AnchorNeeded`], [`Leg::anchored`]). Until then it has changed nothing, and a further
    /// proposal takes its place.
    ///
    /// # Errors
    /// [`LegError`].
    pub fn propose<'o>(
        &mut self,
        host: &mut Host<'_>,
        tier: Tier,
        template: Item<'_>,
        out: &'o mut [u8],
    ) -> Result<Envelope<'o>, LegError> {
        if self.outbox.is_busy() || self.pending.is_some() {
            return Err(LegError::Busy);
        }
        self.handoff
            .next(Motion::Sent, Verb::Propose)
            .map_err(LegError::Illegal)?;
        self.may_propose_at(tier)?;
        let known = Known {
            call_id: self.ids().next(),
            hints: self.sdp_hints(),
            verb: Some(Verb::Propose),
            reason: None,
        };
        let envelope = issue_with(host, tier, template, &known, out)?;
        if tier == Tier::Regulated {
            return self.hold(envelope);
        }
        self.send_proposal(host, &envelope)?;
        Ok(envelope)
    }

    /// Sends a finished proposal.
    pub(super) fn send_proposal(&mut self, host: &mut Host<'_>, envelope: &Envelope<'_>) -> Result<(), LegError> {
        let (bytes, tier) = (envelope.bytes(), envelope.tier());
        let frame = Frame::of(envelope).map_err(LegError::Frame)?;
        let message = (envelope.id(), tier, Verb::Propose);
        self.enqueue(
            bytes,
            message,
            None,
            Sending::of(host.context, host.table, host.now),
            host.scratch,
        )?;
        let not_after = envelope.not_after().unwrap_or(host.now);
        self.handoff
            .propose(Motion::Sent, envelope.id(), not_after)
            .map_err(LegError::Illegal)?;
        self.frame = Some(frame);
        self.pending = None;
        self.unanchored.take_if(|waiting| waiting.verb == Verb::Propose);
        self.told_handed_off = false;
        self.fallback = Fallback {
            acceptable: acceptable_reasons(envelope),
            min_tier: envelope.audience().min_tier().unwrap_or(tier),
            tier,
            rejected: None,
            guards: true,
        };
        Ok(())
    }

    /// Whether a proposal at `tier` may follow what was proposed before (OHP §3.2, docs/08; interpretations, row 43).
    fn may_propose_at(&self, tier: Tier) -> Result<(), LegError> {
        if !self.fallback.guards || tier >= self.fallback.tier {
            return Ok(());
        }
        match self.fallback.rejected {
            Some(_) if tier >= self.fallback.min_tier => Ok(()),
            _ => Err(LegError::DowngradeNotAllowed),
        }
    }

    /// Takes the conversation that was proposed.
    ///
    /// # Errors
    /// [`LegError`].
    pub fn accept(&mut self, host: &mut Host<'_>) -> Result<(), LegError> {
        self.say(host, Verb::Accept, "accepted", None)
    }

    /// Does not take the conversation that was proposed, or lets go of one that was accepted and not assumed.
    ///
    /// # Errors
    /// [`LegError`].
    pub fn reject(&mut self, host: &mut Host<'_>, reason: RejectReason) -> Result<(), LegError> {
        self.say(host, Verb::Reject, reason.as_str(), None)
    }

    /// Makes the handoff final: sent by either side once it has been accepted (interpretations, row 28).
    /// [`Event::HandedOff`] follows when the peer has received it.
    ///
    /// # Errors
    /// [`LegError`].
    pub fn assume(&mut self, host: &mut Host<'_>) -> Result<(), LegError> {
        self.say(host, Verb::Assume, "assumed", None)
    }

    /// Gives the conversation back (RETURN). `context`, a map in the envelope's nesting, says what has changed: intent,
    /// slots, summary.
    ///
    /// # Errors
    /// [`LegError`].
    pub fn give_back(&mut self, host: &mut Host<'_>, reason: &str, context: Option<Item<'_>>) -> Result<(), LegError> {
        self.say(host, Verb::Return, reason, context)
    }

    fn say(
        &mut self,
        host: &mut Host<'_>,
        verb: Verb,
        reason: &str,
        context: Option<Item<'_>>,
    ) -> Result<(), LegError> {
        if self.outbox.is_busy() {
            return Err(LegError::Busy);
        }
        self.handoff.next(Motion::Sent, verb).map_err(LegError::Illegal)?;
        let id = self.handoff.proposal().ok_or(LegError::NoProposal)?;
        let frame = self
            .frame
            .clone()
            .filter(|frame| frame.id() == id)
            .ok_or(LegError::NoProposal)?;
        self.send_about(host, &frame, verb, reason, context, None)?;
        self.handoff
            .apply(Motion::Sent, verb, host.now)
            .map_err(LegError::Illegal)
    }

    /// Builds, signs, encodes and enqueues a message about a proposal. Moves no state but the outbox's.
    pub(super) fn send_about(
        &mut self,
        host: &mut Host<'_>,
        frame: &Frame,
        verb: Verb,
        reason: &str,
        context: Option<Item<'_>>,
        unbound: Option<Unbound>,
    ) -> Result<(), LegError> {
        let to_issuer = self.handoff.side() == Side::Receiver || self.handoff.proposal() != Some(frame.id());
        let party = host.context.party();
        let keys = &host.context.bundle.receiver().keys;
        let counterpart = if to_issuer {
            Field::IssuerDid
        } else {
            Field::AudienceDid
        };
        let can_sign = party.did.is_some() && frame.text(counterpart).is_some() && keys.ed25519(host.now).is_some();
        let tier = match frame.tier().min(Tier::Signed) {
            Tier::Core => Tier::Core,
            _ if can_sign => Tier::Signed,
            // Unsigned it can still end the proposal, which is all that it is for; no other verb could move the call.
            _ if verb == Verb::Reject => Tier::Core,
            _ => return Err(LegError::Issue(IssueError::NoKey)),
        };
        let reply = Reply {
            verb,
            reason,
            tier,
            to_issuer,
            max_tier: host.max_tier(),
            party,
            unbound,
        };
        let (signed, rest) = host
            .scratch
            .split_at_mut_checked(ENVELOPE_MAX)
            .ok_or(LegError::Scratch)?;
        let (draft_memory, rest) = rest.split_at_mut_checked(DRAFT_SCRATCH).ok_or(LegError::Scratch)?;
        let (unsigned, rest) = rest.split_at_mut_checked(ENVELOPE_MAX).ok_or(LegError::Scratch)?;
        let envelope = reply
            .write(
                frame,
                context,
                host.now,
                &Random(&host.random).stamp(),
                draft_memory,
                unsigned,
            )
            .map_err(LegError::Draft)?;
        let bytes = issue(&envelope, keys, host.now, rest, signed).map_err(LegError::Issue)?;
        let len = bytes.len();
        let named = (envelope.id(), envelope.tier(), verb);
        let answers = matches!(verb, Verb::Accept | Verb::Reject).then_some(frame.id());
        let (signed, rest) = host
            .scratch
            .split_at_mut_checked(ENVELOPE_MAX)
            .ok_or(LegError::Scratch)?;
        self.enqueue(
            &signed[..len],
            named,
            answers,
            Sending::of(host.context, host.table, host.now),
            rest,
        )
    }

    /// Encodes a finished envelope and puts it into the outbox.
    pub(super) fn enqueue(
        &mut self,
        cbor: &[u8],
        named: (EnvelopeId, Tier, Verb),
        answers: Option<EnvelopeId>,
        sending: Sending<'_>,
        scratch: &mut [u8],
    ) -> Result<(), LegError> {
        let (encoded, rest) = scratch.split_at_mut_checked(ENCODED_MAX).ok_or(LegError::Scratch)?;
        let plan = Outgoing::encode(cbor, named, sending.form, rest, encoded).map_err(LegError::Encode)?;
        let call = self.ids().next().unwrap_or_default();
        let owner = sending.table.key(Domain::Call, &[call.as_bytes()]);
        self.outbox
            .put(
                plan,
                &encoded[..plan.encoded_len()],
                answers,
                (&sending.table, &owner),
                sending.now,
            )
            .map_err(|_| LegError::NoRoom)
    }

    /// The next INFO to send inside the dialog, written into `buffer`, which takes [`super::TRANSMIT_LEN`] bytes.
    ///
    /// There is none while one is outstanding: its final response goes to [`Leg::handle_response`] first.
    pub fn poll_transmit<'b>(&mut self, table: &Table<'_>, buffer: &'b mut [u8]) -> Option<Transmit<'b>> {
        match self.outbox.poll(table, buffer) {
            Ok(transmit) => transmit,
            Err(verb) => {
                self.failed(verb, NO_RESPONSE);
                None
            }
        }
    }

    /// A message of ours will not arrive: what it would have done is undone.
    fn failed(&mut self, verb: Verb, status: u16) {
        // The peer has said itself that the handoff stands.
        if verb == Verb::Assume && self.told_handed_off {
            return;
        }
        self.handoff.undelivered(verb);
        self.events.push(Event::Undelivered { verb, status });
    }

    /// Takes the final response to the outstanding INFO, or [`NO_RESPONSE`] where there was none.
    ///
    /// A message that was not delivered is undone: a handoff whose PROPOSE, ACCEPT or ASSUME did not arrive is no
    /// handoff, and the sender keeps the conversation.
    pub fn handle_response(&mut self, table: &Table<'_>, status: u16) {
        let id = self.handoff.proposal();
        match self.outbox.responded(status, table) {
            Delivery::Stale | Delivery::Going => {}
            Delivery::Delivered(Verb::Assume) => {
                if let Some(id) = id.filter(|_| self.handoff.phase() == Phase::HandedOff && !self.told_handed_off) {
                    self.told_handed_off = true;
                    self.fallback.guards = false;
                    self.events.push(Event::HandedOff { id });
                }
            }
            Delivery::Delivered(Verb::Return) => {
                if let Some(id) = id {
                    self.events.push(Event::Returned { id });
                }
            }
            Delivery::Delivered(_) => {}
            Delivery::Failed(verb) => self.failed(verb, status),
        }
    }
}

/// What sending needs of the host.
pub(super) struct Sending<'h> {
    form: outgoing::Form,
    table: Table<'h>,
    now: Timestamp,
}

impl<'h> Sending<'h> {
    pub(super) fn of(context: &super::Context, table: Table<'h>, now: Timestamp) -> Self {
        Self {
            form: context.settings.form,
            table,
            now,
        }
    }
}

/// The reasons of `control.fallback.acceptableReasons`, a bit each; words outside the protocol's list count for nothing.
fn acceptable_reasons(envelope: &Envelope<'_>) -> u16 {
    envelope
        .control()
        .fallback_acceptable_reasons()
        .filter_map(RejectReason::parse)
        .fold(0, |bits, reason| bits | 1 << reason as u16)
}
