//! Building an envelope: fields are set in any order and written as canonical CBOR.
//!
//! A [`Draft`] keeps paths and encoded values in memory that the caller lends, and nests and sorts them when it is
//! written. [`Draft::finish`] lets nothing out that breaks the schema, the tier or the size limits (interpretations,
//! rows 7, 9 and 11). Signing is [`crate::trust`]'s.

use core::fmt;

use super::emission;
use super::path::Steps;
use super::schema::SHAPE;
use super::violation::{Broken, Violation};
use super::{ENVELOPE_MAX, Envelope, Field, ReadError, SURFACE_MAX, Tier, VERSION, leaf_hash_text};
use crate::cbor::json::{Form, Shape};
use crate::cbor::{Item, Map, MapIter, WriteError, Writer};
use crate::id::{EnvelopeId, NONCE_RANDOM_LEN, Nonce, ULID_RANDOM_LEN};
use crate::time::{MAX_LIFETIME_MS, Timestamp};

/// Most fields that a draft holds: every field of the schema at its leaves is below 130, and slots need room.
pub const DRAFT_FIELDS_MAX: usize = 256;
/// Deepest path that a draft takes; the schema's deepest is 4, and slots may nest.
pub const DRAFT_DEPTH_MAX: usize = 8;
/// Random bytes that [`Draft::stamp`] takes: for the identifier and for the nonce.
pub const STAMP_RANDOM_LEN: usize = ULID_RANDOM_LEN + NONCE_RANDOM_LEN;
/// Most memory that a draft can use: places are 16 bits wide.
const ARENA_MAX: usize = u16::MAX as usize;

/// A value for a field.
#[derive(Clone, Copy)]
pub enum Value<'v> {
    /// Text; at a date-time field it must be RFC 3339 and is given tag 0.
    Text(&'v str),
    /// A moment: tagged at a date-time field, plain text elsewhere.
    Time(Timestamp),
    /// An integer.
    Integer(i64),
    /// A number, which is written as an integer where it is one, because JavaScript peers will (interpretations, row 3);
    /// always a float at `intent.current.confidence`.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A map without members, to which fields can be added.
    EmptyMap,
    /// An array of texts.
    Texts(&'v [&'v str]),
    /// Anything that is CBOR already.
    Item(Item<'v>),
}

/// Why a draft cannot take a field or be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// The memory lent to the draft, its table of fields, or the output is too small.
    Full,
    /// The path is empty, too deep, or leads into an array.
    BadPath,
    /// The path leads into a value that has been set as a whole.
    Inside,
    /// The value is of a kind that CBOR here cannot hold (a number that is not finite) or no RFC 3339 text.
    BadValue,
    /// What would be written is no valid envelope.
    Invalid(Violation),
    /// What would be written cannot be read as an envelope at all.
    Unreadable(ReadError),
    /// The signing surface would be longer than [`SURFACE_MAX`]; holds its length.
    SurfaceTooLarge(usize),
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the memory for the draft or its output is too small"),
            Self::BadPath => f.write_str("a field's path is empty, deeper than a draft takes, or leads into an array"),
            Self::Inside => f.write_str("a field lies inside a value that was set as a whole"),
            Self::BadValue => f.write_str("a value is not finite, or not RFC 3339 where the schema wants a date-time"),
            Self::Invalid(violation) => violation.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
            Self::SurfaceTooLarge(len) => write!(
                f,
                "the signing surface has {len} bytes and may have {SURFACE_MAX}; move large content out and refer to it"
            ),
        }
    }
}

impl core::error::Error for DraftError {}

impl From<WriteError> for DraftError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Full => Self::Full,
            _ => Self::BadValue,
        }
    }
}

/// Where an entry's path and value lie in the arena. The path is its keys, each as canonical CBOR text, one after
/// another: CBOR texts are prefix-free, so comparing such paths bytewise puts maps into canonical order.
#[derive(Clone, Copy, Default)]
struct Entry {
    path: (u16, u16),
    value: (u16, u16),
}

/// An envelope that is being built, in memory that the caller lends.
pub struct Draft<'s> {
    arena: &'s mut [u8],
    used: usize,
    entries: [Entry; DRAFT_FIELDS_MAX],
    count: usize,
}

impl<'s> Draft<'s> {
    /// An empty draft. `arena` takes paths and values; four times the envelope's size is plenty, and no more than 64 KiB
    /// are used.
    pub fn new(arena: &'s mut [u8]) -> Self {
        let len = arena.len().min(ARENA_MAX);
        Self {
            arena: &mut arena[..len],
            used: 0,
            entries: [Entry::default(); DRAFT_FIELDS_MAX],
            count: 0,
        }
    }

    /// Sets the field at `path` (dotted, or a JSON Pointer), in place of what was set there or below before.
    ///
    /// # Errors
    /// [`DraftError`]; the draft then holds what it held.
    pub fn set(&mut self, path: &str, value: Value<'_>) -> Result<&mut Self, DraftError> {
        let mut form = SHAPE;
        let mut keys = PathBytes::default();
        for step in Steps::new(path) {
            let key = step.key().ok_or(DraftError::BadPath)?;
            let text = keys.push(key)?;
            form = form.member(text);
        }
        if keys.depth == 0 {
            return Err(DraftError::BadPath);
        }
        let path = self.keep(keys.as_bytes())?;
        let value = self.encode(value, form.form())?;
        self.put(Entry { path, value })?;
        Ok(self)
    }

    /// Sets every field of `map`, which is a whole envelope or a part of one in the envelope's own nesting.
    ///
    /// # Errors
    /// [`DraftError`]; fields before the one that failed are set.
    pub fn merge(&mut self, map: Item<'_>) -> Result<&mut Self, DraftError> {
        self.merge_below(PathBytes::default(), map.map().ok_or(DraftError::BadPath)?, None)
    }

    /// [`Draft::merge`] without `except` and what is below it, of which nothing is copied.
    ///
    /// # Errors
    /// As [`Draft::merge`].
    pub fn merge_without(&mut self, map: Item<'_>, except: Field) -> Result<&mut Self, DraftError> {
        let except = PathBytes::of(except).ok_or(DraftError::BadPath)?;
        self.merge_below(
            PathBytes::default(),
            map.map().ok_or(DraftError::BadPath)?,
            Some(&except),
        )
    }

    /// Sets every member of `map` below `field`.
    ///
    /// # Errors
    /// As [`Draft::merge`].
    pub fn merge_at(&mut self, field: Field, map: Map<'_>) -> Result<&mut Self, DraftError> {
        self.merge_below(PathBytes::of(field).ok_or(DraftError::BadPath)?, map, None)
    }

    fn merge_below(
        &mut self,
        mut keys: PathBytes,
        map: Map<'_>,
        except: Option<&PathBytes>,
    ) -> Result<&mut Self, DraftError> {
        let base = keys.depth;
        let mut open: [Option<(MapIter<'_>, usize)>; DRAFT_DEPTH_MAX] = core::array::from_fn(|_| None);
        let mut depth = 1;
        open[0] = Some((map.into_iter(), keys.len));
        while depth > 0 {
            let Some((members, path_len)) = open[depth - 1].as_mut() else {
                break;
            };
            let Some((key, item)) = members.next() else {
                depth -= 1;
                continue;
            };
            keys.truncate(*path_len, base + depth - 1);
            keys.push(key.chars())?;
            if except.is_some_and(|except| except.as_bytes() == keys.as_bytes()) {
                continue;
            }
            match item.map() {
                Some(inner) if !inner.is_empty() && base + depth < DRAFT_DEPTH_MAX => {
                    open[depth] = Some((inner.into_iter(), keys.len));
                    depth += 1;
                }
                _ => {
                    let path = self.keep(keys.as_bytes())?;
                    let value = self.keep(item.bytes())?;
                    self.put(Entry { path, value })?;
                }
            }
        }
        Ok(self)
    }

    /// Takes the field at `path`, and everything below it, out again.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        let mut keys = PathBytes::default();
        let known = Steps::new(path).all(|step| step.key().is_some_and(|key| keys.push(key).is_ok()));
        if known && keys.depth > 0 {
            self.drop_below(keys.as_bytes());
        }
        self
    }

    /// Sets what every new envelope must have of its own: version, identifier, nonce and lifetime.
    ///
    /// `lifetime_ms` is cut to the protocol's five minutes (OHP §4.4). `notBefore` is set from Signed upwards.
    ///
    /// # Errors
    /// [`DraftError::Full`].
    pub fn stamp(
        &mut self,
        tier: Tier,
        now: Timestamp,
        lifetime_ms: i64,
        random: &[u8; STAMP_RANDOM_LEN],
    ) -> Result<EnvelopeId, DraftError> {
        let mut ulid = [0; ULID_RANDOM_LEN];
        let mut nonce = [0; NONCE_RANDOM_LEN];
        ulid.copy_from_slice(&random[..ULID_RANDOM_LEN]);
        nonce.copy_from_slice(&random[ULID_RANDOM_LEN..]);
        let id = EnvelopeId::new(now, ulid);
        self.set(Field::Ohp.path(), Value::Text(VERSION))?
            .set(Field::Conformance.path(), Value::Text(tier.as_str()))?
            .set(Field::Id.path(), Value::Text(id.as_str()))?
            .set(Field::Nonce.path(), Value::Text(Nonce::new(nonce).as_str()))?
            .set(Field::IssuedAt.path(), Value::Time(now))?
            .set(
                Field::NotAfter.path(),
                Value::Time(now.plus(lifetime_ms.clamp(1, MAX_LIFETIME_MS))),
            )?;
        if tier >= Tier::Signed {
            self.set(Field::NotBefore.path(), Value::Time(now))?;
        }
        Ok(id)
    }

    /// Whether `field`, or anything below it, has been set.
    pub fn contains(&self, field: Field) -> bool {
        PathBytes::of(field).is_some_and(|keys| {
            self.entries[..self.count]
                .iter()
                .any(|entry| slice(self.arena, entry.path).starts_with(keys.as_bytes()))
        })
    }

    /// Writes the draft as canonical CBOR, whatever it lacks.
    ///
    /// # Errors
    /// [`DraftError::Full`] when `out` is too short.
    pub fn write<'o>(&mut self, out: &'o mut [u8]) -> Result<&'o [u8], DraftError> {
        let arena = &*self.arena;
        let entries = &mut self.entries[..self.count];
        entries.sort_unstable_by(|a, b| slice(arena, a.path).cmp(slice(arena, b.path)));
        let mut writer = Writer::new(out);
        write_map(arena, entries, 0, &mut writer)?;
        Ok(writer.into_written())
    }

    /// Writes the map `field` as far as it has been set, as canonical CBOR; `None` if nothing of it has been.
    ///
    /// # Errors
    /// [`DraftError::Full`] when `out` is too short.
    pub fn write_part<'o>(&mut self, field: Field, out: &'o mut [u8]) -> Result<Option<Item<'o>>, DraftError> {
        let keys = PathBytes::of(field).ok_or(DraftError::BadPath)?;
        let arena = &*self.arena;
        let entries = &mut self.entries[..self.count];
        entries.sort_unstable_by(|a, b| slice(arena, a.path).cmp(slice(arena, b.path)));
        // Paths are prefix-free key by key, so what is below a field stands together.
        let is_below = |entry: &Entry| slice(arena, entry.path).starts_with(keys.as_bytes());
        let Some(first) = entries.iter().position(is_below) else {
            return Ok(None);
        };
        let count = entries[first..].iter().take_while(|entry| is_below(entry)).count();
        let part = &entries[first..first + count];
        let mut writer = Writer::new(out);
        match part {
            [whole] if slice(arena, whole.path) == keys.as_bytes() => writer.raw(slice(arena, whole.value))?,
            _ => write_map(arena, part, keys.as_bytes().len(), &mut writer)?,
        }
        Ok(Some(Item::trusted(writer.into_written())))
    }

    /// States `transparency.leafHash` of what the draft is now, where it names a log (interpretations, row 8). What is set
    /// afterwards must not change the signing surface. `out` takes the whole envelope.
    ///
    /// # Errors
    /// As [`Draft::finish`].
    pub fn state_leaf_hash(&mut self, out: &mut [u8]) -> Result<(), DraftError> {
        if !self.contains(Field::Transparency) {
            return Ok(());
        }
        self.set_leaf_hash(&[0; 32])?;
        let hash = self.finish(out)?.surface_hash();
        self.set_leaf_hash(&hash)
    }

    fn set_leaf_hash(&mut self, hash: &[u8; 32]) -> Result<(), DraftError> {
        let text = leaf_hash_text(hash);
        let text = core::str::from_utf8(&text).map_err(|_| DraftError::BadValue)?;
        self.set(Field::LeafHash.path(), Value::Text(text)).map(|_| ())
    }

    /// Writes the draft and makes sure that it may be sent, once it is signed where its tier wants that: from Signed
    /// upwards `signatures` is set to an empty array if the draft has none.
    ///
    /// # Errors
    /// The first rule that it breaks, a card number among them, or a limit of size.
    pub fn finish<'o>(&mut self, out: &'o mut [u8]) -> Result<Envelope<'o>, DraftError> {
        let signed = self
            .item(Field::Conformance)
            .and_then(|tier| Tier::parse(tier.as_text()?))
            > Some(Tier::Core);
        if signed && self.item(Field::Signatures).is_none() {
            let empty = Item::parse(&[0x80]).map_err(|_| DraftError::BadValue)?;
            self.set(Field::Signatures.path(), Value::Item(empty))?;
        }
        let bytes = self.write(out)?;
        if bytes.len() > ENVELOPE_MAX {
            return Err(DraftError::Unreadable(ReadError::TooLarge(bytes.len())));
        }
        check_for_emission(bytes)
    }

    /// The value that `field` has been set to; `None` too where it was set as a part of a larger value.
    pub fn item(&self, field: Field) -> Option<Item<'_>> {
        let keys = PathBytes::of(field)?;
        let entry = self.entries[..self.count]
            .iter()
            .find(|entry| slice(self.arena, entry.path) == keys.as_bytes())?;
        Some(Item::trusted(slice(self.arena, entry.value)))
    }

    fn encode(&mut self, value: Value<'_>, form: Form) -> Result<(u16, u16), DraftError> {
        let mut writer = Writer::new(&mut self.arena[self.used..]);
        match value {
            Value::Text(text) if matches!(form, Form::Time) => {
                Timestamp::parse_rfc3339(text).map_err(|_| DraftError::BadValue)?;
                writer.time(text)?;
            }
            Value::Text(text) => writer.text(text)?,
            Value::Time(moment) if matches!(form, Form::Time) => writer.time(moment.to_text().as_str())?,
            Value::Time(moment) => writer.text(moment.to_text().as_str())?,
            Value::Integer(value) if matches!(form, Form::Float) => writer.float(value as f64)?,
            Value::Integer(value) => writer.integer(i128::from(value))?,
            Value::Number(value) if matches!(form, Form::Float) => writer.float(value)?,
            Value::Number(value) => match integral(value) {
                Some(value) => writer.integer(value)?,
                None => writer.float(value)?,
            },
            Value::Bool(value) => writer.bool(value)?,
            Value::Null => writer.null()?,
            Value::EmptyMap => writer.map(0)?,
            Value::Texts(texts) => {
                writer.array(texts.len())?;
                for text in texts {
                    writer.text(text)?;
                }
            }
            Value::Item(item) => writer.item(item)?,
        }
        let len = writer.len();
        self.advance(len)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(u16, u16), DraftError> {
        self.arena
            .get_mut(self.used..)
            .and_then(|free| free.get_mut(..bytes.len()))
            .ok_or(DraftError::Full)?
            .copy_from_slice(bytes);
        self.advance(bytes.len())
    }

    fn advance(&mut self, len: usize) -> Result<(u16, u16), DraftError> {
        let start = self.used;
        self.used += len;
        // INVARIANT: the arena is at most ARENA_MAX = 65,535 bytes long, so places in it fit 16 bits.
        Ok((start as u16, self.used as u16))
    }

    fn put(&mut self, entry: Entry) -> Result<(), DraftError> {
        let path = slice(self.arena, entry.path);
        for above in &self.entries[..self.count] {
            let outer = slice(self.arena, above.path);
            let is_inside = path.len() > outer.len() && path.starts_with(outer);
            if is_inside && slice(self.arena, above.value) != [0xa0] {
                return Err(DraftError::Inside);
            }
        }
        let arena = &*self.arena;
        let mut kept = 0;
        for at in 0..self.count {
            let other = slice(arena, self.entries[at].path);
            if !path.starts_with(other) && !other.starts_with(path) {
                self.entries[kept] = self.entries[at];
                kept += 1;
            }
        }
        let place = self.entries.get_mut(kept).ok_or(DraftError::Full)?;
        *place = entry;
        self.count = kept + 1;
        Ok(())
    }

    fn drop_below(&mut self, path: &[u8]) {
        let arena = &*self.arena;
        let mut kept = 0;
        for at in 0..self.count {
            if !slice(arena, self.entries[at].path).starts_with(path) {
                self.entries[kept] = self.entries[at];
                kept += 1;
            }
        }
        self.count = kept;
    }
}

/// Reads `bytes` as a receiver would and refuses what a sender must not emit.
fn check_for_emission(bytes: &[u8]) -> Result<Envelope<'_>, DraftError> {
    let mut first = None;
    let envelope = Envelope::read(bytes, &mut |violation: Violation| {
        if !violation.is_warning() || violation.rule == Broken::CardNumber {
            first.get_or_insert(violation);
        }
    });
    match (first, envelope) {
        (Some(violation), _) => Err(DraftError::Invalid(violation)),
        (None, Err(error)) => Err(DraftError::Unreadable(error)),
        (None, Ok(envelope)) if !envelope.surface().is_within_limit() => {
            Err(DraftError::SurfaceTooLarge(envelope.surface().len()))
        }
        (None, Ok(envelope)) => match emission::lacking(&envelope) {
            Some(violation) => Err(DraftError::Invalid(violation)),
            None => Ok(envelope),
        },
    }
}

fn slice(arena: &[u8], place: (u16, u16)) -> &[u8] {
    arena
        .get(usize::from(place.0)..usize::from(place.1))
        .unwrap_or_default()
}

fn integral(value: f64) -> Option<i128> {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    let whole = value as i128;
    (value > -LIMIT && value < LIMIT && whole as f64 == value).then_some(whole)
}

/// Writes the map of `entries`, which are sorted and share the first `at` bytes of their paths.
///
/// Recurses once per key of a path, of which there are at most [`DRAFT_DEPTH_MAX`].
fn write_map(arena: &[u8], entries: &[Entry], at: usize, writer: &mut Writer<'_>) -> Result<(), DraftError> {
    let component = |entry: &Entry| {
        let rest = slice(arena, entry.path).get(at..).unwrap_or_default();
        rest.get(..text_item_len(rest)).unwrap_or_default()
    };
    let same_key = |a: &Entry, b: &Entry| component(a) == component(b);
    writer.map(entries.chunk_by(same_key).count())?;
    for group in entries.chunk_by(same_key) {
        let [first, ..] = group else { continue };
        let key = component(first);
        writer.raw(key)?;
        if usize::from(first.path.1 - first.path.0) == at + key.len() {
            writer.raw(slice(arena, first.value))?;
        } else {
            write_map(arena, group, at + key.len(), writer)?;
        }
    }
    Ok(())
}

/// Length of the CBOR text that `bytes` begin with, head and all; keys in a draft are shorter than 256 bytes.
fn text_item_len(bytes: &[u8]) -> usize {
    match bytes {
        [0x78, len, ..] => 2 + usize::from(*len),
        [head, ..] => 1 + usize::from(head & 0x1f),
        [] => 0,
    }
}

/// Longest path of a draft, as CBOR keys.
const PATH_BYTES_MAX: usize = 512;
/// Longest key of a draft.
const KEY_MAX: usize = 255;

struct PathBytes {
    bytes: [u8; PATH_BYTES_MAX],
    len: usize,
    depth: usize,
}

impl Default for PathBytes {
    fn default() -> Self {
        Self {
            bytes: [0; PATH_BYTES_MAX],
            len: 0,
            depth: 0,
        }
    }
}

impl PathBytes {
    fn of(field: Field) -> Option<Self> {
        let mut keys = Self::default();
        for step in Steps::new(field.path()) {
            keys.push(step.key()?).ok()?;
        }
        Some(keys)
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn truncate(&mut self, len: usize, depth: usize) {
        self.len = len;
        self.depth = depth;
    }

    /// Adds a key and gives its text back.
    fn push(&mut self, key: impl Iterator<Item = char>) -> Result<&str, DraftError> {
        let mut text = [0; KEY_MAX];
        let mut len = 0;
        for letter in key {
            let mut utf8 = [0; 4];
            let utf8 = letter.encode_utf8(&mut utf8).as_bytes();
            text.get_mut(len..len + utf8.len())
                .ok_or(DraftError::BadPath)?
                .copy_from_slice(utf8);
            len += utf8.len();
        }
        if len == 0 || self.depth == DRAFT_DEPTH_MAX {
            return Err(DraftError::BadPath);
        }
        let text = core::str::from_utf8(&text[..len]).map_err(|_| DraftError::BadPath)?;
        let mut writer = Writer::new(&mut self.bytes[self.len..]);
        writer.text(text).map_err(|_| DraftError::BadPath)?;
        let item_len = writer.len();
        self.len += item_len;
        self.depth += 1;
        core::str::from_utf8(&self.bytes[self.len - len..self.len]).map_err(|_| DraftError::BadPath)
    }
}
