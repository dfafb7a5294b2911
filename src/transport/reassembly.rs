//! Receiving: from an INFO to an envelope's CBOR, by way of the shared table where it came in chunks.
//!
//! Chunks may come in any order, twice, and to any worker process. A set of chunks is known by its call and the
//! envelope's identifier, or its boundary where a chunk has lost the identifier. It has five minutes, since `notAfter`
//! is not known before the set is complete; how many sets and bytes a call may have open is the table's to hold.
//!
//! Nothing here looks into the envelope: that its `id` is the chunks', and its tier and verb those of the echo headers,
//! is for the reader of the envelope to check, with what [`Message`] says.

use super::body::{self, Declared, Encoding, Form};
use super::header::is_our_package;
use super::multipart::Chunk;
use super::status::Refusal;
use super::{Echo, Info, MediaType, WIRE_MAX};
use crate::cbor::Item;
use crate::cbor::json::Shape;
use crate::id::EnvelopeId;
use crate::table::{
    BYTES_PER_OWNER, Domain, Key, OPEN_SETS_PER_OWNER, Put, SlotError, SlotRef, Table, UNFINISHED_SET_MS, Word,
};
use crate::time::Timestamp;

/// Scratch in bytes that [`receive`] needs: all the chunks that a call may have open, and what decoding takes.
pub const SCRATCH_LEN: usize = SET_LEN + body::SCRATCH_LEN;

const SET_LEN: usize = BYTES_PER_OWNER as usize;

/// Longest body of an INFO in bytes: the wordiest envelope in one chunk, and a kilobyte for the part's header lines.
pub const BODY_LEN_MAX: usize = WIRE_MAX + 1024;

/// Bytes before each chunk's data in its slot: what its INFO's headers said, and the data's length.
const MARK_LEN: usize = 3;

/// The bit of a mark that says `Content-Encoding: deflate`; the others are the echo's.
const MARK_DEFLATE: u8 = 0x80;

// A chunk's length fits its mark, and a chunk with its mark the set.
const _: () = assert!(BODY_LEN_MAX <= u16::MAX as usize && BODY_LEN_MAX + MARK_LEN <= SET_LEN);

/// What became of an INFO that is answered 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'b> {
    /// An envelope is complete.
    Complete(Message<'b>),
    /// A chunk was stored; others are missing.
    Partial {
        /// K, counted from 1.
        chunk: u32,
        /// N.
        total: u32,
    },
    /// A chunk that was there already.
    Duplicate {
        /// The envelope's identifier, if the chunk had one.
        id: Option<EnvelopeId>,
        /// Whether the envelope had been complete before: the whole of it is being sent again, and with its last chunk
        /// the answer to it is wanted again.
        finished: bool,
        /// Whether this was the last chunk.
        last: bool,
    },
}

/// A received envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// Its CBOR, as it was sent or converted from JSON; not yet known to be canonical or an envelope. It is the INFO's
    /// body itself, or in the output buffer.
    pub cbor: &'b [u8],
    /// The form in which it came.
    pub form: Form,
    /// The identifier that the chunks gave. An envelope of another id is refused with 400: its chunks lied.
    pub id: Option<EnvelopeId>,
    /// What the echo headers of all its INFOs said.
    pub echo: Echo,
}

impl Message<'_> {
    /// Whether the envelope is the one that its chunks named, if they named one. It is to be answered 400 if not.
    pub fn is_as_named(&self) -> bool {
        let Some(named) = self.id else { return true };
        let held = Item::parse(self.cbor)
            .ok()
            .and_then(|item| item.map()?.get("id")?.as_text());
        held == Some(named.as_str())
    }
}

/// Takes one INFO of the dialog whose key is `call` (of [`Domain::Call`]). JSON is converted with the help of `shape`,
/// an envelope's being [`crate::envelope::SHAPE`]. `out` is at least [`super::ENVELOPE_MAX`] bytes long and `scratch`
/// [`SCRATCH_LEN`]; the scratch is free again afterwards.
///
/// # Errors
/// [`Refusal`], whose [`Refusal::status`] is the final response; `Ok` is answered 200.
pub fn receive<'b, W: Word, S: Shape>(
    table: &Table<'_, W>,
    call: &Key,
    info: &Info<'b>,
    now: Timestamp,
    shape: S,
    scratch: &mut [u8],
    out: &'b mut [u8],
) -> Result<Received<'b>, Refusal> {
    match receive_on(table, || *call, info, now, shape, scratch, out)? {
        // Another worker, to whom a chunk was retransmitted, was first.
        (Received::Complete(message), Some(kept)) if kept.finish(table).is_err() => Ok(Received::Duplicate {
            id: message.id,
            finished: true,
            last: kept.last,
        }),
        (received, _) => Ok(received),
    }
}

/// A message in chunks that stays in the table until it is known what becomes of it.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    set: SlotRef,
    /// Whether its last chunk completed it.
    last: bool,
}

impl Kept {
    /// Lets the message go: it has been dealt with. Otherwise it is complete again with any of its chunks that comes again.
    pub(crate) fn finish<W: Word>(self, table: &Table<'_, W>) -> Result<(), SlotError> {
        table.slots().finish(self.set)
    }
}

/// As [`receive`]; but which call it is is asked only where chunks have to be told apart, and a message in chunks has to be
/// finished by the caller.
pub(crate) fn receive_on<'b, W: Word, S: Shape>(
    table: &Table<'_, W>,
    call: impl FnOnce() -> Key,
    info: &Info<'b>,
    now: Timestamp,
    shape: S,
    scratch: &mut [u8],
    out: &'b mut [u8],
) -> Result<(Received<'b>, Option<Kept>), Refusal> {
    if !info.info_package.is_none_or(is_our_package) {
        return Err(Refusal::Package);
    }
    let outer = info.media().map_err(Refusal::ContentType)?;
    let outer = outer
        .filter(|outer| outer.media != MediaType::Other)
        .ok_or(Refusal::MediaType)?;
    let encoding = Encoding::parse(info.content_encoding).ok_or(Refusal::Encoding)?;
    if info.body.len() > BODY_LEN_MAX {
        return Err(Refusal::TooLarge);
    }
    let (set, scratch) = scratch.split_at_mut_checked(SET_LEN).ok_or(Refusal::Buffer)?;
    if outer.media != MediaType::Chunk {
        let declared = Declared {
            media: Some(outer.media),
            encoding,
        };
        let decoded = body::decode(info.body, declared, shape, scratch, out).map_err(Refusal::Body)?;
        let message = Message {
            cbor: decoded.cbor,
            form: decoded.form,
            id: None,
            echo: Echo::of(info),
        };
        return Ok((Received::Complete(message), None));
    }
    let chunk = Chunk::parse(&outer, info.body).map_err(Refusal::Chunk)?;
    let last = chunk.index == chunk.total;
    let duplicate = |finished| Received::Duplicate {
        id: chunk.id,
        finished,
        last,
    };
    let (len, kept) = match store(table, &call(), &chunk, Mark::of(info, encoding), now, set) {
        Ok(Stored::Complete(len, set)) => (len, Kept { set, last }),
        Ok(Stored::Partial) => {
            let Chunk {
                index: chunk, total, ..
            } = chunk;
            return Ok((Received::Partial { chunk, total }, None));
        }
        Ok(Stored::Duplicate) => return Ok((duplicate(false), None)),
        Err(SlotError::Done) => return Ok((duplicate(true), None)),
        Err(error) => return Err(refusal(error)),
    };
    match message(&chunk, (set, len), encoding, shape, scratch, out) {
        Ok(message) => Ok((Received::Complete(message), Some(kept))),
        Err(refusal) => {
            // It will be no better when it comes again.
            let _ = kept.finish(table);
            Err(refusal)
        }
    }
}

/// The message that marked chunks of so many bytes are.
fn message<'b, S: Shape>(
    chunk: &Chunk<'_>,
    (set, len): (&mut [u8], usize),
    encoding: Encoding,
    shape: S,
    scratch: &mut [u8],
    out: &'b mut [u8],
) -> Result<Message<'b>, Refusal> {
    // INVARIANT: `join` fails only on bytes that `store` has not put there.
    let (len, mark) = join(set, len).ok_or(Refusal::Lost)?;
    let whole = set.get(..len).unwrap_or_default();
    let declared = Declared {
        media: chunk.media,
        encoding: if mark.deflate { Encoding::Deflate } else { encoding },
    };
    let (written, form) = body::decode_into(whole, declared, shape, scratch, out).map_err(Refusal::Body)?;
    let written = match written {
        Some(written) => written,
        None => {
            out.get_mut(..len).ok_or(Refusal::Buffer)?.copy_from_slice(whole);
            len
        }
    };
    Ok(Message {
        cbor: out.get(..written).unwrap_or_default(),
        form,
        id: chunk.id,
        echo: mark.echo,
    })
}

enum Stored {
    Partial,
    Duplicate,
    /// So many bytes of marked chunks, of this set, are in the buffer.
    Complete(usize, SlotRef),
}

/// Puts a marked chunk into its set, and copies the set into `set` if that was its last.
fn store<W: Word>(
    table: &Table<'_, W>,
    call: &Key,
    chunk: &Chunk<'_>,
    mark: Mark,
    now: Timestamp,
    set: &mut [u8],
) -> Result<Stored, SlotError> {
    let key = match &chunk.id {
        Some(id) => table.key(Domain::Message, &[b"id", id.as_str().as_bytes()]),
        None => table.key(Domain::Message, &[b"boundary", chunk.boundary.as_bytes()]),
    };
    let marked = mark.put(chunk.data, set).ok_or(SlotError::TooLarge)?;
    let (slots, expires) = (table.slots(), now.plus(UNFINISHED_SET_MS));
    let (index, total) = (chunk.index, chunk.total);
    match slots.receive(call, &key, index, total, marked, expires, now, OPEN_SETS_PER_OWNER)? {
        (_, Put::Stored) => Ok(Stored::Partial),
        (_, Put::Duplicate) => Ok(Stored::Duplicate),
        (reference, Put::Complete) => match slots.copy(reference, set) {
            // Another worker, to whom the last chunk was retransmitted, was first.
            Err(SlotError::Gone) => Err(SlotError::Done),
            copied => copied.map(|len| Stored::Complete(len, reference)),
        },
    }
}

fn refusal(error: SlotError) -> Refusal {
    match error {
        SlotError::Full => Refusal::TableFull,
        SlotError::OwnerLimit => Refusal::CallLimit,
        SlotError::TooLarge | SlotError::ShortBuffer { .. } => Refusal::SetTooLarge,
        SlotError::Dead | SlotError::Index | SlotError::TotalChanged | SlotError::Conflict => Refusal::Set,
        SlotError::Done | SlotError::Gone | SlotError::Incomplete => Refusal::Lost,
    }
}

/// What a chunk's INFO said in its headers. It waits with the chunk, since any of an envelope's INFOs may be the one
/// that says otherwise than the envelope, or the only one whose headers no hop has dropped.
#[derive(Clone, Copy)]
struct Mark {
    echo: Echo,
    deflate: bool,
}

impl Mark {
    fn of(info: &Info<'_>, encoding: Encoding) -> Self {
        Self {
            echo: Echo::of(info),
            deflate: encoding == Encoding::Deflate,
        }
    }

    /// Writes the marked chunk to the front of `buffer`.
    fn put<'b>(self, data: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let [low, high] = u16::try_from(data.len()).ok()?.to_le_bytes();
        let bits = self.echo.to_bits() | if self.deflate { MARK_DEFLATE } else { 0 };
        let marked = buffer.get_mut(..MARK_LEN + data.len())?;
        let (mark, place) = marked.split_at_mut_checked(MARK_LEN)?;
        mark.copy_from_slice(&[bits, low, high]);
        place.copy_from_slice(data);
        Some(marked)
    }
}

/// Moves the data of `len` bytes of marked chunks together, to the front of `set`; how many there are, and what their
/// marks say together.
fn join(set: &mut [u8], len: usize) -> Option<(usize, Mark)> {
    let mut all = Mark {
        echo: Echo::default(),
        deflate: false,
    };
    let (mut from, mut to) = (0, 0);
    while from < len {
        let &[bits, low, high] = set.get(from..from + MARK_LEN)? else {
            return None;
        };
        let start = from + MARK_LEN;
        from = start + usize::from(u16::from_le_bytes([low, high]));
        if from > len || len > set.len() {
            return None;
        }
        set.copy_within(start..from, to);
        to += from - start;
        all.echo = all.echo.and(Echo::from_bits(bits));
        all.deflate |= bits & MARK_DEFLATE != 0;
    }
    Some((to, all))
}
