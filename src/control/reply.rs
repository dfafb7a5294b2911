//! Building ACCEPT, REJECT, ASSUME and RETURN for a proposal that is no longer at hand.
//!
//! A leg keeps a [`Frame`] of each proposal: the few fields that every message about it repeats, one after another. A
//! [`Reply`] is that frame with the parties turned round, a verb, and the other fields that the schema demands in full
//! (interpretations, row 9). Signing is done by the caller, with [`crate::trust`].

use core::fmt;

use crate::cbor::{Item, Map};
use crate::envelope::{
    Broken, Draft, DraftError, Envelope, Field, RejectReason, STAMP_RANDOM_LEN, Tier, Value, Verb, Violation,
    leaf_hash_text,
};
use crate::id::EnvelopeId;
use crate::time::{MAX_LIFETIME_MS, Timestamp};
use crate::verify::Unbound;

/// Room for a frame: a Call-ID and two DIDs of 256 bytes each, and 768 bytes for everything else.
pub const FRAME_MAX: usize = 1536;

/// Where our REJECT says which envelope it refuses, by the hash of its surface: an identifier is on a changed copy, too.
pub const REFUSED_SURFACE: &str = "control.refs.x-ohp-surface";

/// Where our REJECT `not-bound-to-call` says what was wrong with the sound, an [`Unbound`]'s word: the reason alone does not
/// tell another call from a call that cannot be heard yet (interpretations, row 39).
pub const REFUSED_SOUND: &str = "control.refs.x-ohp-sound";

/// What stands before each field of a frame: which one it is, and the length of its item.
const RECORD_HEAD: usize = 3;

/// Who this side is, for the messages that it issues.
#[derive(Clone, Copy, Debug)]
pub struct Party<'p> {
    /// `vendor`: 1 to 64 lower-case letters, digits, dashes; `None` answers under the name that the proposal gives us.
    pub vendor: Option<&'p str>,
    /// `agentId`.
    pub agent_id: &'p str,
    /// `region`.
    pub region: &'p str,
    /// `did`, which Signed and above demand.
    pub did: Option<&'p str>,
}

/// What every message about a proposal repeats.
#[derive(Clone)]
pub struct Frame {
    bytes: [u8; FRAME_MAX],
    len: u16,
    tier: Tier,
    id: EnvelopeId,
    surface: [u8; 32],
}

/// The proposal's identifiers are too long to be answered: more than [`FRAME_MAX`] bytes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError;

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the proposal's identifiers are longer than the {FRAME_MAX} bytes that a leg keeps of them"
        )
    }
}

impl core::error::Error for FrameError {}

/// Fields that a message repeats as they are.
const REPEATED: [Field; 10] = [
    Field::AudiencePurpose,
    Field::AudienceMinTier,
    Field::CallId,
    Field::Channel,
    Field::Locale,
    Field::IntentCurrent,
    Field::TranscriptRedaction,
    Field::Retention,
    Field::Redaction,
    Field::DataResidency,
];

/// Fields by which a frame knows the two parties.
const PARTIES: [Field; 4] = [
    Field::IssuerVendor,
    Field::IssuerDid,
    Field::AudienceVendor,
    Field::AudienceDid,
];

/// The fields that a frame keeps.
fn kept_fields() -> impl Iterator<Item = Field> {
    REPEATED.into_iter().chain(PARTIES)
}

impl Frame {
    /// Keeps what is needed of `proposal`.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn of(proposal: &Envelope<'_>) -> Result<Self, FrameError> {
        Self::with_surface(proposal, proposal.surface_hash())
    }

    /// As [`Frame::of`], where the proposal's surface has been hashed before.
    pub(crate) fn with_surface(proposal: &Envelope<'_>, surface: [u8; 32]) -> Result<Self, FrameError> {
        let mut frame = Self::empty(proposal, surface);
        frame.keep_all(proposal)?;
        Ok(frame)
    }

    /// Puts the frame of `proposal` into `place`, which is empty if there is no room: a frame is too large to be handed
    /// from function to function.
    pub(crate) fn put(place: &mut Option<Self>, proposal: &Envelope<'_>, surface: [u8; 32]) -> Result<(), FrameError> {
        let kept = place.insert(Self::empty(proposal, surface)).keep_all(proposal);
        if kept.is_err() {
            *place = None;
        }
        kept
    }

    /// Whether a frame holds what is needed of `proposal`.
    pub(crate) fn has_room_for(proposal: &Envelope<'_>) -> bool {
        let record = |field| Some(RECORD_HEAD + proposal.item(field)?.bytes().len());
        kept_fields().filter_map(record).sum::<usize>() <= FRAME_MAX
    }

    fn empty(proposal: &Envelope<'_>, surface: [u8; 32]) -> Self {
        Self {
            bytes: [0; FRAME_MAX],
            len: 0,
            tier: proposal.tier(),
            id: proposal.id(),
            surface,
        }
    }

    fn keep_all(&mut self, proposal: &Envelope<'_>) -> Result<(), FrameError> {
        for field in kept_fields() {
            if let Some(item) = proposal.item(field) {
                self.keep(field, item.bytes())?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, field: Field, item: &[u8]) -> Result<(), FrameError> {
        let start = usize::from(self.len);
        let len = u16::try_from(item.len()).map_err(|_| FrameError)?;
        let record = self
            .bytes
            .get_mut(start..start + RECORD_HEAD + item.len())
            .ok_or(FrameError)?;
        let (head, place) = record.split_at_mut(RECORD_HEAD);
        head[0] = field as u8;
        head[1..].copy_from_slice(&len.to_le_bytes());
        place.copy_from_slice(item);
        self.len += RECORD_HEAD as u16 + len;
        Ok(())
    }

    /// The proposal's identifier.
    pub fn id(&self) -> EnvelopeId {
        self.id
    }

    /// The proposal's tier.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The hash of the proposal's signing surface.
    pub fn surface(&self) -> &[u8; 32] {
        &self.surface
    }

    /// The text of a field, if the frame keeps it.
    pub fn text(&self, field: Field) -> Option<&str> {
        let (_, item) = self.fields().find(|(kept, _)| *kept == field)?;
        item.as_text()
    }

    /// The fields that the frame keeps, in the order in which it keeps them.
    fn fields(&self) -> impl Iterator<Item = (Field, Item<'_>)> {
        let mut rest = &self.bytes[..usize::from(self.len)];
        core::iter::from_fn(move || {
            // INVARIANT: `keep` wrote whole records of proven items, and a field's number is its place in ALL.
            let ([field, low, high], after) = rest.split_first_chunk::<RECORD_HEAD>()?;
            let (item, after) = after.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
            rest = after;
            Some((*Field::ALL.get(usize::from(*field))?, Item::trusted(item)))
        })
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} {})", self.id, self.tier)
    }
}

/// A message about a proposal, before it is written.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    /// ACCEPT, REJECT, ASSUME or RETURN.
    pub verb: Verb,
    /// `control.reason`.
    pub reason: &'r str,
    /// The tier to answer at: Signed needs `party.did`, a counterpart with a DID, and a signature afterwards.
    pub tier: Tier,
    /// Whether this side is the one that the proposal came to.
    pub to_issuer: bool,
    /// Our ceiling, which a `tier-insufficient` tells the sender in `audience.minTier` (docs/09 "REJECT response envelope").
    pub max_tier: Tier,
    /// This side.
    pub party: Party<'r>,
    /// With a REJECT for the sound: what was wrong with it.
    pub unbound: Option<Unbound>,
}

impl Reply<'_> {
    /// Writes the unsigned message into `out`. `context`, a map in the envelope's nesting, adds to or replaces what the
    /// frame says: a RETURN brings the conversation's new state with it.
    ///
    /// `scratch` holds the draft; 4 KiB and twice the context's length are plenty.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn write<'o>(
        &self,
        frame: &Frame,
        context: Option<Item<'_>>,
        now: Timestamp,
        random: &[u8; STAMP_RANDOM_LEN],
        scratch: &mut [u8],
        out: &'o mut [u8],
    ) -> Result<Envelope<'o>, DraftError> {
        let (vendor, did) = if self.to_issuer {
            (Field::IssuerVendor, Field::IssuerDid)
        } else {
            (Field::AudienceVendor, Field::AudienceDid)
        };
        let ours = if self.to_issuer {
            Field::AudienceVendor
        } else {
            Field::IssuerVendor
        };
        let vendor_of_ours = self.party.vendor.or(frame.text(ours)).unwrap_or_default();
        let counterpart = (frame.text(vendor).unwrap_or_default(), frame.text(did));
        // No reply is of a tier that seals. Of what would be refused further down nothing is copied here.
        let names = |map: Map<'_>| map.get(Field::Sealed.path()).is_some();
        if context.and_then(Item::map).is_some_and(names) {
            return Err(DraftError::Invalid(Violation::at(Field::Sealed, Broken::AboveTier)));
        }
        let mut draft = Draft::new(scratch);
        for (field, item) in frame.fields().filter(|(field, _)| REPEATED.contains(field)) {
            match item.map() {
                // Field by field, so that `context` can change one of them.
                Some(map) if !map.is_empty() => draft.merge_at(field, map)?,
                _ => draft.set(field.path(), Value::Item(item))?,
            };
        }
        draft.set(Field::AudienceVendor.path(), Value::Text(counterpart.0))?;
        if let Some(did) = counterpart.1 {
            draft.set(Field::AudienceDid.path(), Value::Text(did))?;
        }
        self.fill(&mut draft)?;
        if let Some(context) = context {
            draft.merge(context)?;
        }
        draft.stamp(self.tier, now, MAX_LIFETIME_MS, random)?;
        draft
            .set(Field::IssuerVendor.path(), Value::Text(vendor_of_ours))?
            .set(Field::IssuerAgentId.path(), Value::Text(self.party.agent_id))?
            .set(Field::IssuerRegion.path(), Value::Text(self.party.region))?
            .set(Field::ControlVerb.path(), Value::Text(self.verb.as_str()))?
            .set(Field::ControlReason.path(), Value::Text(self.reason))?
            .set(Field::ProposedId.path(), Value::Text(frame.id().as_str()))?;
        if let Some(did) = self.party.did {
            draft.set(Field::IssuerDid.path(), Value::Text(did))?;
        }
        if self.verb == Verb::Reject {
            let refused = leaf_hash_text(frame.surface());
            draft.set(
                REFUSED_SURFACE,
                Value::Text(core::str::from_utf8(&refused).unwrap_or_default()),
            )?;
        }
        if let Some(unbound) = self.unbound {
            draft.set(REFUSED_SOUND, Value::Text(unbound.as_str()))?;
        }
        if self.verb == Verb::Reject && self.reason == RejectReason::TierInsufficient.as_str() {
            draft.set(Field::AudienceMinTier.path(), Value::Text(self.max_tier.as_str()))?;
        }
        draft.finish(out)
    }

    /// What the schema demands of every envelope and a short proposal may have lacked.
    fn fill(&self, draft: &mut Draft<'_>) -> Result<(), DraftError> {
        let summary = match self.verb {
            Verb::Accept => "Handoff accepted.",
            Verb::Reject => "Handoff rejected.",
            Verb::Assume => "Conversation assumed.",
            Verb::Return => "Conversation returned.",
            Verb::Propose | Verb::Incident => "",
        };
        draft
            .set(Field::Summary.path(), Value::Text(summary))?
            .set(Field::IntentStack.path(), Value::Texts(&[]))?
            .set(Field::Slots.path(), Value::EmptyMap)?;
        if self.tier >= Tier::Signed {
            if !draft.contains(Field::TranscriptRedaction) {
                draft
                    .set(Field::TranscriptRedactionPolicy.path(), Value::Text("none"))?
                    .set(Field::TranscriptRedactionVersion.path(), Value::Text("1"))?;
            }
            for field in [Field::Retention, Field::Redaction] {
                if !draft.contains(field) {
                    draft.set(field.path(), Value::EmptyMap)?;
                }
            }
            if !draft.contains(Field::DataResidency) {
                draft.set(Field::DataResidency.path(), Value::Texts(&[]))?;
            }
        }
        Ok(())
    }
}
