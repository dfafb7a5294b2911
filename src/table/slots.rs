//! Slots: places for messages that are larger than a table entry. This file has what all slots share, their claims,
//! their data and their owners; what arrives in chunks is in [`super::reassembly`], what waits to be sent in
//! [`super::outgoing`].
//!
//! # A slot's life
//!
//! ```text
//! FREE ──► CLAIMED ──► OPEN ──► DONE ──► FREE      a chunk set: DONE when taken, DEAD after an error
//!             │          └────► DEAD ──► FREE
//!             └──────► STORED ─────────► FREE      an outgoing message
//! ```
//!
//! A claim that is older than [`super::CLAIM_LIFETIME_MS`], and a slot whose message has expired, can be claimed by
//! anybody. DONE and DEAD last for the few instructions in which the set's outcome is noted; anybody can finish them.
//!
//! Every word of a slot but the state is written as [`super::claim`] says, so that a party which slept while its slot
//! went to another message writes nothing into that message. The state holds 40 bits of generation, so a [`SlotRef`] to
//! an earlier message is told apart for good.

use core::fmt;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

use super::claim::{self, PAYLOAD_BYTES, tagged, untag, write_claimed};
use super::extent::Extent;
use super::key::{Domain, Key};
use super::stats::{Counter, Counters};
use super::ways::Ways;
use super::word::Word;

/// Most chunks of one message (interpretations, row 23).
pub const MAX_CHUNKS: u32 = 64;
/// Open chunk sets of one call, unless the caller says otherwise (row 24).
pub const OPEN_SETS_PER_OWNER: u32 = 4;
/// The highest such limit that can be asked for.
pub const MAX_OPEN_SETS_PER_OWNER: u32 = 16;
/// Bytes that one call may have in its open chunk sets (row 24).
pub const BYTES_PER_OWNER: u32 = 64 * 1024;
/// Lifetime of a chunk set whose `notAfter` is not known (row 24).
pub const UNFINISHED_SET_MS: i64 = 300_000;
/// Bytes of the largest message, unless configured: 32 KiB of CBOR as base64 text are 43,691 bytes.
pub const SLOT_BYTES: u32 = 48 * 1024;
/// Most bytes that a slot can be configured for.
pub const MAX_SLOT_BYTES: u32 = 1024 * 1024;
/// Most slots of a table.
pub const MAX_SLOTS: u32 = 1 << INDEX_BITS;

const KIND_BITS: u32 = 3;
const GENERATION_BITS: u32 = 40;
const GENERATION: u64 = (1 << GENERATION_BITS) - 1;
const TIME: u64 = u64::MAX >> (KIND_BITS + GENERATION_BITS);
const INDEX_BITS: u32 = 20;
const LINK_KIND_BITS: u32 = u64::BITS - GENERATION_BITS - INDEX_BITS;

/// Words of a slot before its data, in whole cache lines.
const BODY_HEAD: u32 = 72;
const HOME: u32 = 0;
const TOTAL: u32 = 1;
const CURSOR: u32 = 2;
const CHUNK: u32 = 3;
const SPARE: u32 = CHUNK + MAX_CHUNKS;
/// Extents that a slot remembers for anybody to use.
pub(super) const SPARES: u32 = BODY_HEAD - SPARE;

/// The largest chunk that comes over UDP (row 23), and how many such copies may be in the making, or lost with their
/// makers, beyond what the message itself needs.
const COPY_BYTES: u32 = 1_300;
const COPIES: u32 = 8;

/// Words of each slot that lie outside its body, in four arrays over all slots so that a scan reads few lines.
const SCANNED: u32 = 4;

/// Tries at a word that others change as well; each failed one means that another party has succeeded. The number is ours:
/// [`MAX_CHUNKS`], since what meets at one word are copies of one message's chunks.
pub(super) const ATTEMPTS: usize = MAX_CHUNKS as usize;

/// A message in a slot. It names a slot's generation, so it goes stale, and never comes to name another message.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlotRef(u64);

impl SlotRef {
    pub(super) fn new(index: u32, generation: u64) -> Self {
        Self(generation << INDEX_BITS | u64::from(index))
    }

    /// The reference as a number (never 0), to be kept outside the table.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The reference from [`to_bits`](Self::to_bits). Any other number names nothing, or a message that it was not
    /// given for; the latter is as safe as any reference.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits & (u64::MAX >> LINK_KIND_BITS))
    }

    pub(super) fn index(self) -> u32 {
        (self.0 & u64::from(MAX_SLOTS - 1)) as u32
    }

    pub(super) fn generation(self) -> u64 {
        self.0 >> INDEX_BITS & GENERATION
    }
}

impl fmt::Debug for SlotRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotRef({}, generation {})", self.index(), self.generation())
    }
}

/// What the directory of chunk sets says about a set: a [`SlotRef`] and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Open(SlotRef),
    Done(SlotRef),
    Dead(SlotRef),
}

impl Link {
    pub(super) fn to_bits(self) -> u64 {
        let (kind, slot) = match self {
            Link::Open(slot) => (1, slot),
            Link::Done(slot) => (2, slot),
            Link::Dead(slot) => (3, slot),
        };
        kind << (u64::BITS - LINK_KIND_BITS) | slot.0
    }

    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        let slot = SlotRef::from_bits(bits);
        match bits >> (u64::BITS - LINK_KIND_BITS) {
            1 => Some(Link::Open(slot)),
            2 => Some(Link::Done(slot)),
            3 => Some(Link::Dead(slot)),
            _ => None,
        }
    }
}

/// Why a slot operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError {
    /// Every slot, or the directory of chunk sets, is full of live messages; or too many copies of chunks are being made
    /// at this moment. Nothing was changed. Answer 503.
    Full,
    /// The owner has as many open chunk sets as it may; or this chunk gave it more than [`BYTES_PER_OWNER`], and the set
    /// is dead.
    OwnerLimit,
    /// An earlier error ended this set; its identifier is refused until it expires.
    Dead,
    /// The set has been taken: this is a late duplicate.
    Done,
    /// The reference is stale: the message was released, taken, ended or has expired.
    Gone,
    /// The chunk's number is 0 or larger than the total, or the total is not in 1..=64. The set is dead.
    Index,
    /// The total differs from the one that the set's first chunk stated. The set is dead.
    TotalChanged,
    /// The chunk is there already, with other bytes. The set is dead.
    Conflict,
    /// The message does not fit a slot. A set is dead.
    TooLarge,
    /// Chunks are missing.
    Incomplete,
    /// The output buffer is too small.
    ShortBuffer {
        /// Bytes that it has to have.
        needed: u32,
    },
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SlotError::Full => "every message slot is taken; configure more, or try again later",
            SlotError::OwnerLimit => "the call has too many unfinished messages, or too many bytes in them",
            SlotError::Dead => "an earlier chunk of this message was in error; use a new identifier",
            SlotError::Done => "this message is complete and has been taken",
            SlotError::Gone => "the message is no longer there; open it again",
            SlotError::Index => "a chunk's number must be 1 to the total, and the total at most 64",
            SlotError::TotalChanged => "the number of chunks differs from what an earlier chunk said",
            SlotError::Conflict => "the chunk was received before with other bytes",
            SlotError::TooLarge => "the message does not fit a slot",
            SlotError::Incomplete => "chunks are missing",
            SlotError::ShortBuffer { needed } => return write!(f, "the buffer must have {needed} bytes"),
        })
    }
}

impl core::error::Error for SlotError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Free,
    Claimed,
    Open,
    Stored,
    Done,
    Dead,
}

/// Kind, generation and, if CLAIMED, the claim's moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    pub(super) fn new(kind: Kind, generation: u64) -> Self {
        Self(kind as u64 | (generation & GENERATION) << KIND_BITS)
    }

    fn claimed(generation: u64, now: u64) -> Self {
        Self(Self::new(Kind::Claimed, generation).0 | now << (KIND_BITS + GENERATION_BITS))
    }

    pub(super) fn kind(self) -> Kind {
        match self.0 & ((1 << KIND_BITS) - 1) {
            1 => Kind::Claimed,
            2 => Kind::Open,
            3 => Kind::Stored,
            4 => Kind::Done,
            5 => Kind::Dead,
            _ => Kind::Free,
        }
    }

    pub(super) fn generation(self) -> u64 {
        self.0 >> KIND_BITS & GENERATION
    }

    /// The generation that the slot's words are tagged with.
    pub(super) fn tag(self) -> u16 {
        self.generation() as u16
    }

    fn time(self) -> u64 {
        self.0 >> (KIND_BITS + GENERATION_BITS)
    }
}

/// A slot, and the state it was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) index: u32,
    pub(super) state: State,
}

impl Slot {
    pub(super) fn reference(self) -> SlotRef {
        SlotRef::new(self.index, self.state.generation())
    }

    pub(super) fn tag(self) -> u16 {
        self.state.tag()
    }

    pub(super) fn with(self, kind: Kind) -> Self {
        Self {
            state: State::new(kind, self.state.generation()),
            ..self
        }
    }
}

/// What a slot is claimed for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// Whose message it is, by [`Key::short`].
    pub(super) owner: u64,
    /// Which chunk set, by [`Key::short`]; 0 for an outgoing message.
    pub(super) set: u64,
    pub(super) expires: u64,
}

/// The slots of a table: reassembly of received chunks, and storage of what is to be sent.
pub struct Slots<'m, W> {
    words: &'m [W],
    count: u32,
    slot_bytes: u32,
    /// Words of a slot's body.
    stride: u32,
    salt: [u8; 16],
    pub(super) sets: Ways<'m, W>,
    pub(super) counters: Counters<'m, W>,
}

impl<W> Clone for Slots<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Slots<'_, W> {}

/// Data words of a slot. Chunks begin on words of their own.
const fn data_words(slot_bytes: u32) -> u32 {
    let payload = PAYLOAD_BYTES as u32;
    slot_bytes.div_ceil(payload) + MAX_CHUNKS + COPIES * COPY_BYTES.div_ceil(payload)
}

/// Words of a slot, all told.
pub(super) const fn slot_words(slot_bytes: u32) -> u32 {
    SCANNED + (BODY_HEAD + data_words(slot_bytes)).next_multiple_of(8)
}

impl<'m, W: Word> Slots<'m, W> {
    /// Slots over exactly `count` × [`slot_words`] words, all of them zero when the block was initialised.
    pub(super) fn new(
        words: &'m [W],
        count: u32,
        slot_bytes: u32,
        salt: [u8; 16],
        sets: Ways<'m, W>,
        counters: Counters<'m, W>,
    ) -> Self {
        Self {
            words,
            count,
            slot_bytes,
            stride: slot_words(slot_bytes) - SCANNED,
            salt,
            sets,
            counters,
        }
    }

    /// Most bytes of a message.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes as usize
    }

    pub(super) fn set_key(&self, owner: &Key, id: &Key) -> Key {
        let words = [owner.words().0, owner.words().1, id.words().0, id.words().1].map(u64::to_le_bytes);
        Key::new(self.salt, Domain::ChunkSet, &[words.as_flattened()])
    }

    fn scanned(&self, array: u32, index: u32) -> &'m W {
        &self.words[array as usize * self.count as usize + index as usize]
    }

    fn state_word(&self, index: u32) -> &'m W {
        self.scanned(0, index)
    }

    fn owner(&self, index: u32) -> &'m W {
        self.scanned(1, index)
    }

    fn set(&self, index: u32) -> &'m W {
        self.scanned(2, index)
    }

    fn expires(&self, index: u32) -> &'m W {
        self.scanned(3, index)
    }

    /// The words of a slot's body.
    fn body(&self, index: u32) -> &'m [W] {
        let start = SCANNED as usize * self.count as usize + index as usize * self.stride as usize;
        &self.words[start..start + self.stride as usize]
    }

    pub(super) fn home(&self, index: u32) -> &'m W {
        &self.body(index)[HOME as usize]
    }

    pub(super) fn total(&self, index: u32) -> &'m W {
        &self.body(index)[TOTAL as usize]
    }

    /// The word of chunk `number`, from 1.
    pub(super) fn chunk(&self, index: u32, number: u32) -> &'m W {
        &self.body(index)[(CHUNK + number - 1) as usize]
    }

    pub(super) fn cursor(&self, index: u32) -> &'m W {
        &self.body(index)[CURSOR as usize]
    }

    pub(super) fn spare(&self, index: u32, number: u32) -> &'m W {
        &self.body(index)[(SPARE + number) as usize]
    }

    /// The words of an extent; none if it is outside the slot, which no extent of ours is.
    pub(super) fn data(&self, index: u32, extent: Extent) -> &'m [W] {
        let start = (BODY_HEAD + extent.start) as usize;
        let words = start..start + extent.words() as usize;
        self.body(index).get(words).unwrap_or_default()
    }

    /// Data words of each slot.
    pub(super) fn data_words(&self) -> u32 {
        data_words(self.slot_bytes)
    }

    pub(super) fn load(&self, index: u32) -> Slot {
        Slot {
            index,
            state: State(self.state_word(index).load(Acquire)),
        }
    }

    /// The slot that a reference names, in whatever state its message is.
    pub(super) fn named(&self, reference: SlotRef) -> Result<Slot, SlotError> {
        if reference.index() >= self.count {
            return Err(SlotError::Gone);
        }
        let slot = self.load(reference.index());
        (slot.state.generation() == reference.generation())
            .then_some(slot)
            .ok_or(SlotError::Gone)
    }

    /// Whether the slot is still in the state it was seen in. After an acquire load of one of its words, `true` means
    /// that the word was not written by a later generation.
    pub(super) fn stands(&self, slot: Slot) -> bool {
        self.state_word(slot.index).load(Relaxed) == slot.state.0
    }

    pub(super) fn write(&self, slot: Slot, word: &W, payload: u64) -> bool {
        write_claimed(word, tagged(slot.tag(), payload), || self.stands(slot))
    }

    /// Moves a slot on from the state it was seen in.
    pub(super) fn advance(&self, slot: Slot, kind: Kind) -> Result<Slot, Slot> {
        let next = slot.with(kind);
        match self
            .state_word(slot.index)
            .compare_exchange(slot.state.0, next.state.0, AcqRel, Acquire)
        {
            Ok(_) => Ok(next),
            Err(seen) => Err(Slot {
                state: State(seen),
                ..slot
            }),
        }
    }

    /// The moment through which the slot's message lives; `None` while another message moves in.
    fn expiry(&self, slot: Slot) -> Option<u64> {
        untag(self.expires(slot.index).load(Relaxed), slot.tag())
    }

    pub(super) fn is_expired(&self, slot: Slot, now: u64) -> bool {
        self.expiry(slot).is_some_and(|expires| now > expires)
    }

    fn is_reusable(&self, slot: Slot, now: u64) -> bool {
        match slot.state.kind() {
            Kind::Free => true,
            Kind::Claimed => claim::is_stale(slot.state.time(), now & TIME, TIME),
            Kind::Open | Kind::Stored => self.is_expired(slot, now),
            Kind::Done | Kind::Dead => false,
        }
    }

    /// Claims a slot and writes its head. Looks at every slot once, from a place that depends on the purpose.
    pub(super) fn claim(&self, purpose: Purpose, now: u64) -> Result<Slot, SlotError> {
        let start = (purpose.owner ^ purpose.set)
            .checked_rem(u64::from(self.count))
            .unwrap_or(0) as u32;
        for index in (start..self.count).chain(0..start) {
            let mut slot = self.load(index);
            if matches!(slot.state.kind(), Kind::Done | Kind::Dead) {
                self.bury(slot);
                slot = self.load(index);
            }
            if !self.is_reusable(slot, now) {
                continue;
            }
            let claimed = State::claimed(slot.state.generation() + 1, now);
            let word = self.state_word(index);
            if word.compare_exchange(slot.state.0, claimed.0, AcqRel, Relaxed).is_err() {
                continue;
            }
            if slot.state.kind() == Kind::Claimed {
                self.counters.count(Counter::Reclaimed);
            }
            let claimed = Slot { index, state: claimed };
            if self.write_head(claimed, purpose) {
                return Ok(claimed);
            }
            let _ = self.advance(claimed, Kind::Free);
        }
        self.counters.count(Counter::SlotFull);
        Err(SlotError::Full)
    }

    fn write_head(&self, slot: Slot, purpose: Purpose) -> bool {
        let index = slot.index;
        self.write(slot, self.expires(index), purpose.expires)
            && self.write(slot, self.set(index), purpose.set)
            && self.write(slot, self.owner(index), purpose.owner)
            && self.write(slot, self.home(index), 0)
            && self.write(slot, self.total(index), 0)
            && self.write(slot, self.cursor(index), 0)
            // An empty extent is empty in every generation; the others would be full again when tags wrap.
            && self.body(index)[CHUNK as usize..BODY_HEAD as usize]
                .iter()
                .all(|word| word.load(Relaxed) & claim::PAYLOAD == 0 || self.write(slot, word, 0))
    }

    /// Notes the outcome of a DONE or DEAD set in the directory, then frees its slot. Any party may do it, and several
    /// at once.
    pub(super) fn bury(&self, slot: Slot) {
        let outcome: fn(SlotRef) -> Link = match slot.state.kind() {
            Kind::Done => Link::Done,
            Kind::Dead => Link::Dead,
            _ => return,
        };
        let reference = slot.reference();
        if let Some(place) = untag(self.home(slot.index).load(Relaxed), slot.tag())
            .and_then(|home| self.sets.place(u32::try_from(home).ok()?.checked_sub(1)?))
        {
            // Fails if that is done already: no other entry ever holds this link.
            let _ = self.sets.cell(place).compare_exchange(
                Link::Open(reference).to_bits(),
                outcome(reference).to_bits(),
                AcqRel,
                Relaxed,
            );
        }
        let _ = self.advance(slot, Kind::Free);
    }

    /// The owner's other chunk sets, each counted once, up to `limit`. Slots that are only just being claimed count
    /// too, so that racing newcomers cannot pass the limit together.
    pub(super) fn other_sets(&self, owner: u64, set: u64, limit: u32, now: u64) -> u32 {
        let mut seen = [0; MAX_OPEN_SETS_PER_OWNER as usize];
        let limit = limit.min(MAX_OPEN_SETS_PER_OWNER);
        let mut count = 0;
        W::fence(SeqCst);
        for slot in self.owned(owner, now) {
            let Some(other) = untag(self.set(slot.index).load(Relaxed), slot.tag()) else {
                continue;
            };
            if count < limit && other != set && other != 0 && !seen[..count as usize].contains(&other) {
                seen[count as usize] = other;
                count += 1;
            }
        }
        count
    }

    /// Bytes entered in the open chunk sets of the slot's owner. The fence pairs with that of whoever enters a chunk
    /// elsewhere at the same time: of the two that pass the limit together, at least one sees both.
    pub(super) fn owner_bytes(&self, slot: Slot, now: u64) -> u64 {
        let Some(owner) = untag(self.owner(slot.index).load(Relaxed), slot.tag()) else {
            return 0;
        };
        W::fence(SeqCst);
        self.owned(owner, now).map(|slot| self.entered_bytes(slot)).sum()
    }

    /// The owner's slots that are open, or claimed to be opened.
    fn owned(&self, owner: u64, now: u64) -> impl Iterator<Item = Slot> {
        let slots = *self;
        (0..self.count).map(move |index| slots.load(index)).filter(move |slot| {
            matches!(slot.state.kind(), Kind::Open | Kind::Claimed)
                && slots.owner(slot.index).load(Relaxed) == tagged(slot.tag(), owner)
                && !slots.is_expired(*slot, now)
                && !(slot.state.kind() == Kind::Claimed && slots.is_reusable(*slot, now))
        })
    }
}
