//! L4: the Conversation State Envelope.
//!
//! [`Envelope`] is a view: it borrows canonical CBOR, which [`Envelope::read`] has walked once, and gives each field of
//! the schema by name. [`Draft`] builds one. JSON becomes CBOR with [`crate::cbor::json::to_cbor`] and [`SHAPE`].
//! Whether an envelope is to be believed is not decided here but in [`crate::verify`].

mod draft;
mod emission;
mod pan;
mod path;
mod read;
mod schema;
mod surface;
mod terms;
mod view;
mod violation;

pub(crate) use path::follow;

pub use draft::{DRAFT_DEPTH_MAX, DRAFT_FIELDS_MAX, Draft, DraftError, STAMP_RANDOM_LEN, Value};
pub use read::ReadError;
pub use schema::{EnvelopeShape, Field, SHAPE};
pub use surface::{LEAF_HASH_LEN, SURFACE_SEGMENTS, Surface, leaf_hash_text};
pub use terms::{RejectReason, Tier, Verb};
pub use view::*;
pub use violation::{Broken, Path, Violation};

use crate::cbor::Item;
use crate::id::EnvelopeId;
use schema::FIELD_COUNT;

/// The version of the wire format that this library speaks.
pub const VERSION: &str = "0.1";
/// Longest JSON of an envelope, in bytes (OHP §4.5).
pub const JSON_MAX: usize = 32 * 1024;
/// Longest signing surface, in bytes (OHP §4.5).
pub const SURFACE_MAX: usize = 8 * 1024;
/// Longest canonical CBOR with all its signatures, in bytes (interpretations, row 7).
pub const ENVELOPE_MAX: usize = 32 * 1024;

/// An envelope: canonical CBOR that has been walked once, with the place of every field of the schema.
///
/// Borrows the bytes it was read from. Six fields are there in any envelope (version, [`tier`](Self::tier),
/// [`id`](Self::id), [`call_id`](Self::call_id), [`verb`](Self::verb), [`nonce`](Self::nonce)); all others are
/// `Option`, because tiers differ and because a verdict, not this type, refuses what breaks the schema.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    bytes: &'a [u8],
    spans: [read::Span; FIELD_COUNT],
    members: u32,
    signatures_go: u16,
    tier: Tier,
    verb: Verb,
    id: EnvelopeId,
}

impl<'a> Envelope<'a> {
    #[inline]
    fn new(bytes: &'a [u8], spans: [read::Span; FIELD_COUNT], members: u32, signatures_go: u16) -> Option<Self> {
        let text = |field: Field| {
            let (start, end) = spans[field as usize];
            Item::trusted(bytes.get(usize::from(start)..usize::from(end))?).as_text()
        };
        Some(Self {
            tier: Tier::parse(text(Field::Conformance)?)?,
            verb: Verb::parse(text(Field::ControlVerb)?)?,
            id: EnvelopeId::parse(text(Field::Id)?)?,
            bytes,
            spans,
            members,
            signatures_go,
        })
    }

    /// The canonical CBOR.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The declared tier.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The control verb.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The identifier, which is the idempotency key.
    pub fn id(&self) -> EnvelopeId {
        self.id
    }

    /// `session.callId`.
    pub fn call_id(&self) -> &'a str {
        self.text(Field::CallId).unwrap_or_default()
    }

    /// `control.nonce`.
    pub fn nonce(&self) -> &'a str {
        self.text(Field::Nonce).unwrap_or_default()
    }

    /// Whether `field` is there.
    pub fn has(&self, field: Field) -> bool {
        self.span(field).is_some()
    }

    /// The value of `field`.
    pub fn item(&self, field: Field) -> Option<Item<'a>> {
        let (start, end) = self.span(field)?;
        self.bytes.get(start..end).map(Item::trusted)
    }

    /// The value of `field`, if it is text.
    pub fn text(&self, field: Field) -> Option<&'a str> {
        self.item(field)?.as_text()
    }

    /// The whole envelope, a map, unknown fields included.
    pub fn root(&self) -> Item<'a> {
        Item::trusted(self.bytes)
    }

    /// The value at a dotted path such as `intent.slots.accountRef` or `transcript.turns[0].text`.
    ///
    /// A path that begins with `/` is a JSON Pointer (RFC 6901), for keys that hold dots.
    pub fn get(&self, path: &str) -> Option<Item<'a>> {
        path::follow(self.root(), path)
    }

    /// Top-level members that the schema of 0.1 does not know (interpretations, row 5).
    pub fn unknown_fields(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> + use<'a> {
        let members = self.root().map().into_iter().flatten();
        members.filter(|(key, _)| !schema::ENVELOPE.iter().any(|member| member.key == *key))
    }

    fn span(&self, field: Field) -> Option<(usize, usize)> {
        let (start, end) = self.spans[field as usize];
        (end > 0).then_some((usize::from(start), usize::from(end)))
    }

    fn member_count(&self) -> u32 {
        self.members
    }

    fn signatures_go(&self) -> usize {
        usize::from(self.signatures_go)
    }
}

impl core::fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Envelope({} {} {})", self.id, self.tier, self.verb)
    }
}
