//! Sealed fields: what an envelope carries for the eyes of its recipients only (OHP §5.3; interpretations, rows 17, 18, 46).
//!
//! The plaintext is the canonical CBOR map of dotted field names to values. It is sealed with HPKE once for each recipient,
//! bound to this envelope by its identifier, its moment, its audience and its call, so that a block moved into another
//! envelope opens nowhere. [`open`] tries our own slot and no other. What has been opened lives in memory that the caller
//! lends, is wiped when it is dropped, and shows nothing in `Debug`.
//!
//! Not here: whether a field may be opened at all, which the steps before the thirteenth decide ([`crate::verify`]).

use core::fmt;

use zeroize::Zeroize as _;

use super::base64url;
use super::jwk::{HPKE, OwnKeys};
use crate::cbor::{Item, Map, WriteError, Writer};
use crate::crypto::hpke;
use crate::envelope::{Draft, Envelope, Field, SURFACE_MAX};

/// Most recipients that [`seal`] takes: each costs a key agreement, and a ciphertext of its own in a surface of 8 KiB.
pub const RECIPIENTS_MAX: usize = 16;

/// Most fields that a block may name: names are compared with names, and a surface of 8 KiB could hold thousands.
pub const FIELDS_MAX: usize = 128;

/// Bytes that always suffice for what [`open`] gives: a ciphertext in base64url is part of the surface.
pub const OPENED_MAX: usize = SURFACE_MAX / 4 * 3;

/// Bytes of scratch that always suffice, for [`seal`] as for [`open`]: the associated data, the ciphertexts' text and one
/// message.
pub const SCRATCH_LEN: usize = AAD_MAX + SURFACE_MAX + OPENED_MAX;

/// The associated data repeats four members of the surface, under keys that are a few bytes longer.
const AAD_MAX: usize = SURFACE_MAX + 64;

/// What a sealed block is bound to: the associated data of row 17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// `id`.
    pub id: &'a str,
    /// `issuedAt`, the text as it stands in the envelope.
    pub issued_at: &'a str,
    /// `audience.did`.
    pub audience_did: &'a str,
    /// `session.callId`.
    pub call_id: &'a str,
}

impl<'a> Binding<'a> {
    /// The binding of `envelope`; `None` if it lacks one of the four members.
    pub fn of(envelope: &Envelope<'a>) -> Option<Self> {
        Self::read(|field| envelope.item(field))
    }

    /// The binding of what `draft` will be; `None` if one of the four members has not been set yet. Once the fields are
    /// sealed, none of the four may change.
    pub fn of_draft(draft: &'a Draft<'_>) -> Option<Self> {
        Self::read(|field| draft.item(field))
    }

    fn read(item: impl Fn(Field) -> Option<Item<'a>>) -> Option<Self> {
        Some(Self {
            id: item(Field::Id)?.as_text()?,
            issued_at: item(Field::IssuedAt)?.as_time()?,
            audience_did: item(Field::AudienceDid)?.as_text()?,
            call_id: item(Field::CallId)?.as_text()?,
        })
    }

    /// The associated data, keys in canonical order.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), WriteError> {
        writer.map(4)?;
        writer.text("id")?;
        writer.text(self.id)?;
        writer.text("issuedAt")?;
        writer.time(self.issued_at)?;
        writer.text("audience.did")?;
        writer.text(self.audience_did)?;
        writer.text("session.callId")?;
        writer.text(self.call_id)
    }
}

/// One for whom fields are sealed.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'r> {
    /// `kid` of its key.
    pub kid: &'r str,
    /// Its X25519 public key.
    pub key: &'r [u8; hpke::KEY_LEN],
}

/// Why fields cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// What is to be sealed is no map, is empty, or has more than [`FIELDS_MAX`] members.
    Fields,
    /// There is no recipient, or more than [`RECIPIENTS_MAX`].
    Recipients,
    /// Two recipients have one `kid`.
    KidTwice,
    /// There is not a random value for each recipient, or two are alike.
    Random,
    /// The envelope lacks what the fields are bound to: `id`, `issuedAt`, `audience.did` or `session.callId`.
    Unbound,
    /// A recipient's key has low order.
    Key,
    /// The fields are too many for the scratch or the output; [`SCRATCH_LEN`] and [`SURFACE_MAX`] always suffice for what
    /// an envelope can carry.
    Full,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields => write!(f, "sealed fields are a map of 1 to {FIELDS_MAX} dotted names to values"),
            Self::Recipients => write!(f, "seal for 1 to {RECIPIENTS_MAX} recipients"),
            Self::KidTwice => f.write_str("two recipients have the same kid"),
            Self::Random => f.write_str("each recipient needs fresh randomness of its own"),
            Self::Unbound => {
                f.write_str("sealed fields are bound to id, issuedAt, audience.did and session.callId; one is missing")
            }
            Self::Key => f.write_str("a recipient's X25519 key has low order; do not use it"),
            Self::Full => f.write_str("the sealed fields are too long; move large content out and refer to it"),
        }
    }
}

impl core::error::Error for SealError {}

impl From<WriteError> for SealError {
    fn from(_: WriteError) -> Self {
        Self::Full
    }
}

/// Seals `fields`, a map of dotted names to values, for each of `recipients`, and writes the member `sealed` into `out`.
///
/// `random` has a fresh random value for each recipient. `scratch` takes [`SCRATCH_LEN`] bytes; no plaintext is left in it.
///
/// # Errors
/// [`SealError`].
pub fn seal<'o>(
    fields: Item<'_>,
    binding: &Binding<'_>,
    recipients: &[Recipient<'_>],
    random: &[[u8; hpke::RANDOM_LEN]],
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<Item<'o>, SealError> {
    let names = fields.map().filter(|map| (1..=FIELDS_MAX).contains(&map.len()));
    let names = names.ok_or(SealError::Fields)?;
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(SealError::Recipients);
    }
    let random = random.get(..recipients.len()).ok_or(SealError::Random)?;
    let twice = |at: usize| {
        recipients
            .iter()
            .take(at)
            .any(|other| Some(other.kid) == recipients.get(at).map(|r| r.kid))
    };
    if (0..recipients.len()).any(twice) {
        return Err(SealError::KidTwice);
    }
    if (0..random.len()).any(|at| random.iter().take(at).any(|other| Some(other) == random.get(at))) {
        return Err(SealError::Random);
    }

    let mut aad = Writer::new(scratch);
    binding.write(&mut aad)?;
    let aad_len = aad.len();
    let (aad, scratch) = scratch.split_at_mut(aad_len);
    let message_len = fields.bytes().len() + hpke::TAG_LEN;
    let (message, text) = scratch.split_at_mut_checked(message_len).ok_or(SealError::Full)?;
    let mut encs = [[0; hpke::ENC_LEN]; RECIPIENTS_MAX];
    let mut text_len = 0;
    let mut seal_each = || {
        for ((recipient, random), enc) in recipients.iter().zip(random).zip(&mut encs) {
            let (plain, tag) = message
                .split_last_chunk_mut::<{ hpke::TAG_LEN }>()
                .ok_or(SealError::Full)?;
            plain.copy_from_slice(fields.bytes());
            (*enc, *tag) = hpke::seal(recipient.key, &[], aad, random, plain).map_err(|_| SealError::Key)?;
            if text_len > 0 {
                *text.get_mut(text_len).ok_or(SealError::Full)? = b'.';
                text_len += 1;
            }
            let rest = text.get_mut(text_len..).unwrap_or_default();
            text_len += base64url::encode(message, rest).ok_or(SealError::Full)?.len();
        }
        Ok(())
    };
    let sealed: Result<(), SealError> = seal_each();
    message.zeroize();
    sealed?;
    // INVARIANT: base64url and dots are ASCII.
    let text = core::str::from_utf8(text.get(..text_len).unwrap_or_default()).map_err(|_| SealError::Full)?;
    let mut writer = Writer::new(out);
    write_block(names, text, recipients, &encs, &mut writer)?;
    Ok(Item::trusted(writer.into_written()))
}

/// The member `sealed`, keys in canonical order.
fn write_block(
    names: Map<'_>,
    ciphertext: &str,
    recipients: &[Recipient<'_>],
    encs: &[[u8; hpke::ENC_LEN]],
    writer: &mut Writer<'_>,
) -> Result<(), SealError> {
    writer.map(4)?;
    writer.text("alg")?;
    writer.text(HPKE)?;
    writer.text("fields")?;
    writer.array(names.len())?;
    names.iter().try_for_each(|(name, _)| writer.text(name))?;
    writer.text("ciphertext")?;
    writer.text(ciphertext)?;
    writer.text("recipients")?;
    writer.array(recipients.len())?;
    for (recipient, enc) in recipients.iter().zip(encs) {
        let mut text = [0; base64url::encoded_len(hpke::ENC_LEN)];
        writer.map(2)?;
        writer.text("enc")?;
        writer.text(base64url::encode(enc, &mut text).ok_or(SealError::Full)?)?;
        writer.text("kid")?;
        writer.text(recipient.kid)?;
    }
    Ok(())
}

/// Why a sealed block that has a slot for us cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// `sealed.ciphertext` has not one part for each of `sealed.recipients`; holds the parts and the recipients.
    Count(usize, usize),
    /// `sealed.fields` names more than [`FIELDS_MAX`] fields.
    TooManyFields,
    /// Two of `sealed.recipients` have our `kid`.
    SlotTwice,
    /// `enc` is not the canonical base64url of [`hpke::ENC_LEN`] bytes.
    Enc,
    /// Our part of `ciphertext` is not canonical base64url.
    Base64,
    /// The envelope lacks what the block is bound to.
    Unbound,
    /// Sealed for another key or another envelope, altered, or `enc` has low order.
    NotOpened,
    /// The plaintext is not one canonical CBOR map.
    Plaintext,
    /// The plaintext's keys are not those of `sealed.fields`.
    FieldsDiffer,
    /// The scratch or the buffer for what is opened is too short; [`SCRATCH_LEN`] and [`OPENED_MAX`] always suffice.
    Full,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count(parts, recipients) => {
                return write!(f, "sealed.ciphertext has {parts} parts for {recipients} recipients");
            }
            Self::TooManyFields => return write!(f, "sealed.fields names more than {FIELDS_MAX} fields"),
            Self::SlotTwice => "two of sealed.recipients have the same kid, ours",
            Self::Enc => "our recipient's enc is not canonical base64url of 32 bytes",
            Self::Base64 => "our part of sealed.ciphertext is not canonical base64url",
            Self::Unbound => "the envelope lacks id, issuedAt, audience.did or session.callId",
            Self::NotOpened => "our slot does not open: altered, or sealed for another key or another envelope",
            Self::Plaintext => "what was sealed is not one canonical CBOR map",
            Self::FieldsDiffer => "the fields that were sealed are not those of sealed.fields",
            Self::Full => "the memory for opened fields is too short",
        })
    }
}

impl core::error::Error for OpenError {}

/// Opens the slot of `envelope` that is ours; `None` if nothing is sealed or there is none for us.
///
/// `scratch` takes [`SCRATCH_LEN`] bytes, `out` [`OPENED_MAX`]. On an error nothing of the plaintext is left in either.
///
/// # Errors
/// [`OpenError`].
pub fn open<'m>(
    envelope: &Envelope<'_>,
    keys: &OwnKeys,
    scratch: &mut [u8],
    out: &'m mut [u8],
) -> Result<Option<Opened<'m>>, OpenError> {
    let sealed = envelope.sealed();
    let Some(ciphertext) = sealed.ciphertext() else {
        return Ok(None);
    };
    let (parts, recipients) = (ciphertext.split('.').count(), sealed.recipients().count());
    if parts != recipients {
        return Err(OpenError::Count(parts, recipients));
    }
    let slots = sealed.recipients().zip(ciphertext.split('.'));
    let ours = slots.clone().find_map(|(recipient, part)| {
        let kid = recipient.kid()?;
        Some((kid, keys.opener(kid)?, recipient.enc(), part))
    });
    let Some((kid, key, enc, part)) = ours else {
        return Ok(None);
    };
    if slots.filter(|(recipient, _)| recipient.kid() == Some(kid)).count() > 1 {
        return Err(OpenError::SlotTwice);
    }
    if sealed.fields().nth(FIELDS_MAX).is_some() {
        return Err(OpenError::TooManyFields);
    }
    let enc = enc.and_then(base64url::decode_exact).ok_or(OpenError::Enc)?;
    let binding = Binding::of(envelope).ok_or(OpenError::Unbound)?;
    let mut aad = Writer::new(scratch);
    binding.write(&mut aad).map_err(|_| OpenError::Full)?;

    // Wiped when dropped from here on, whatever comes.
    let mut opened = Opened { buffer: out, len: 0 };
    if opened.buffer.len() < part.len() / 4 * 3 + part.len() % 4 {
        return Err(OpenError::Full);
    }
    let len = base64url::decode(part, opened.buffer).ok_or(OpenError::Base64)?.len();
    let message = opened.buffer.get_mut(..len).unwrap_or_default();
    let plain = hpke::open(key, &enc, &[], aad.written(), message).map_err(|_| OpenError::NotOpened)?;
    let map = Item::parse(plain)
        .ok()
        .and_then(Item::map)
        .ok_or(OpenError::Plaintext)?;
    // No key is in a map twice, so equal numbers and each key named make the two the same.
    let named = |(key, _): (&str, _)| sealed.fields().any(|field| field == key);
    if map.len() != sealed.fields().count() || !map.iter().all(named) {
        return Err(OpenError::FieldsDiffer);
    }
    opened.len = len.saturating_sub(hpke::TAG_LEN);
    Ok(Some(opened))
}

/// What has been opened, in the memory that the caller lent. Wiped when dropped; `Debug` shows neither names nor values.
pub struct Opened<'m> {
    buffer: &'m mut [u8],
    len: usize,
}

impl Opened<'_> {
    /// The fields: dotted name to value.
    pub fn fields(&self) -> Map<'_> {
        let bytes = self.buffer.get(..self.len).unwrap_or_default();
        // INVARIANT: `open` has parsed these very bytes, and they are a map.
        Item::trusted(bytes).map().expect("INVARIANT: opened fields are a map")
    }

    /// Leaves the fields where they are, and gives their length; to wipe them is then the caller's.
    pub(crate) fn keep(self) -> usize {
        let len = self.len;
        core::mem::forget(self);
        len
    }

    /// The value of the field of that dotted name.
    pub fn get(&self, name: &str) -> Option<Item<'_>> {
        self.fields().get(name)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} fields)", self.fields().len())
    }
}
