//! `ohp_envelope`: a view over the bytes of an envelope, in memory that the host supplies.

use core::ffi::{c_char, c_void};

use super::panic::guard;
use super::place::{self, Holds, Object};
use super::pointer::{self, Out};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_KIND, OHP_ERR_MALFORMED, OHP_ERR_RANGE, OHP_ERR_TOO_LONG, OHP_NONE};
use super::text::{Lent, Whole, ohp_bytes, ohp_str, ohp_text};
use super::vocabulary::{ohp_tier, ohp_verb};
use crate::cbor::{Item, Kind, json};
use crate::envelope::{Envelope, ReadError};
use crate::time::Timestamp;

/// A view over the canonical CBOR of one envelope, which has been walked once.
///
/// It lies in memory that the caller supplies, typically on the stack, and borrows the envelope's bytes: it is of use as
/// long as they stay where they are, unchanged. There is nothing to release. Texts that its functions give out point into
/// those same bytes.
///
/// Members are named by path: "intent.current.name", "transcript.turns[0].text", or as a JSON Pointer (RFC 6901) that
/// begins with "/", for keys that hold dots. The empty path is the envelope itself.
pub struct ohp_envelope(());

impl Object for ohp_envelope {
    const KIND: u64 = u64::from_be_bytes(*b"OHPenvl\x01");
}

impl Holds for ohp_envelope {
    /// The lifetime is the host's to keep: see the type's documentation.
    type Value = Envelope<'static>;
}

/// Memory, in bytes, that an ohp_envelope takes at most in this version of the interface.
pub const OHP_ENVELOPE_SIZE_MAX: usize = 2048;
/// Longest envelope, as canonical CBOR, in bytes.
pub const OHP_ENVELOPE_LEN_MAX: usize = 32768;

const _: () = assert!(
    place::len_of::<ohp_envelope>() <= OHP_ENVELOPE_SIZE_MAX && OHP_ENVELOPE_LEN_MAX == crate::envelope::ENVELOPE_MAX
);

/// What a member of an envelope is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_kind {
    /// An integer.
    OHP_KIND_INTEGER = 1,
    /// A floating-point number.
    OHP_KIND_FLOAT = 2,
    /// A text.
    OHP_KIND_TEXT = 3,
    /// A date-time.
    OHP_KIND_TIME = 4,
    /// True or false.
    OHP_KIND_BOOL = 5,
    /// Null.
    OHP_KIND_NULL = 6,
    /// An array.
    OHP_KIND_ARRAY = 7,
    /// A map.
    OHP_KIND_MAP = 8,
}

impl From<Kind> for ohp_kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Self::OHP_KIND_INTEGER,
            Kind::Float => Self::OHP_KIND_FLOAT,
            Kind::Text => Self::OHP_KIND_TEXT,
            Kind::Time => Self::OHP_KIND_TIME,
            Kind::Bool => Self::OHP_KIND_BOOL,
            Kind::Null => Self::OHP_KIND_NULL,
            Kind::Array => Self::OHP_KIND_ARRAY,
            Kind::Map => Self::OHP_KIND_MAP,
        }
    }
}

/// Is told about each rule of the schema or the tier that an envelope breaks.
///
/// @param user     What was passed along with this function.
/// @param warning  Whether the rule is not enforced on receipt.
/// @param text     The member's path and the rule; valid until the function returns.
pub type ohp_report = Option<unsafe extern "C" fn(user: *mut c_void, warning: bool, text: ohp_str)>;

/// The envelope that C points to.
///
/// # Safety
/// As [`place::get`]; and its bytes are where they were.
pub(super) unsafe fn envelope<'a>(envelope: *const ohp_envelope) -> Done<&'a Envelope<'a>> {
    // SAFETY: passed on to the caller.
    unsafe { place::get(envelope) }
}

/// Puts a view into the host's memory.
///
/// # Safety
/// As [`place::put`]; and the caller keeps the envelope's bytes for as long as it uses the view.
pub(super) unsafe fn put(memory: *mut c_void, size: usize, envelope: Envelope<'_>) -> Done<*mut ohp_envelope> {
    // SAFETY: only the lifetime is changed, and that has become the host's affair.
    let envelope = unsafe { core::mem::transmute::<Envelope<'_>, Envelope<'static>>(envelope) };
    // SAFETY: passed on to the caller.
    unsafe { place::put(memory, size, envelope) }
}

/// How much memory an ohp_envelope takes, in bytes; at most OHP_ENVELOPE_SIZE_MAX.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_envelope_size() -> usize {
    place::len_of::<ohp_envelope>()
}

/// Reads canonical CBOR. Says nothing about whether the envelope is to be believed: ohp_verify() does.
///
/// @param memory       Memory for the view, aligned to OHP_ALIGN.
/// @param memory_size  Its length, at least what ohp_envelope_size() says.
/// @param bytes        The canonical CBOR; the view borrows it.
/// @param len          Its length in bytes.
/// @param report       Is told about each rule that the envelope breaks, or NULL.
/// @param user         Is passed to `report`.
/// @param why          A buffer for why the bytes are no envelope, or NULL.
/// @param[out] envelope  The view; it is at the same address as the memory.
/// @return OHP_OK, also for an envelope that breaks rules; OHP_ERR_MALFORMED if the bytes cannot be read as an envelope;
///         OHP_ERR_TOO_LONG, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE.
///
/// Threads: any; the view may be used by any thread of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_read(
    memory: *mut c_void,
    memory_size: usize,
    bytes: *const u8,
    len: usize,
    report: ohp_report,
    user: *mut c_void,
    why: *mut ohp_text,
    envelope: *mut *mut ohp_envelope,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (bytes, mut why, out) = unsafe { (pointer::bytes(bytes, len)?, Lent::new(why)?, Out::new(envelope)?) };
        let view = Envelope::read(bytes, &mut |violation| {
            let Some(report) = report else { return };
            let mut text = [0; TEXT_MAX];
            let text = super::text::cut(&mut text, violation);
            // SAFETY: the host's function, called as the header says.
            unsafe { report(user, violation.is_warning(), ohp_str::of(text)) };
        })
        .map_err(why.fail(|error| match error {
            ReadError::TooLarge(_) => OHP_ERR_TOO_LONG,
            _ => OHP_ERR_MALFORMED,
        }))?;
        // SAFETY: as the header demands.
        out.set(unsafe { put(memory, memory_size, view) }?);
        Ok(())
    })
}

/// Longest report of a violation: a path of the schema with two indexes, and a rule's sentence.
const TEXT_MAX: usize = 256;

/// An envelope's tier.
///
/// @param envelope   An envelope.
/// @param[out] tier  Its tier.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_tier(envelope: *const ohp_envelope, tier: *mut ohp_tier) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, tier, |envelope| Ok(envelope.tier().into())) }
}

/// An envelope's verb.
///
/// @param envelope   An envelope.
/// @param[out] verb  Its verb.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_verb(envelope: *const ohp_envelope, verb: *mut ohp_verb) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, verb, |envelope| Ok(envelope.verb().into())) }
}

/// An envelope's identifier, "cse_" and a ULID.
///
/// @param envelope  An envelope.
/// @param[out] id   Its identifier.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_id(envelope: *const ohp_envelope, id: *mut ohp_str) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, id, |envelope| text(envelope.get("id"))) }
}

/// The SHA-256 of an envelope's signing surface: what transparency.leafHash says, as 32 bytes.
///
/// @param envelope   An envelope.
/// @param[out] hash  The hash.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_surface_hash(envelope: *const ohp_envelope, hash: *mut [u8; 32]) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, hash, |envelope| Ok(envelope.surface_hash())) }
}

/// An envelope's session.callId.
///
/// @param envelope  An envelope.
/// @param[out] id   The call's identifier.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_call_id(envelope: *const ohp_envelope, id: *mut ohp_str) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, id, |envelope| Ok(ohp_str::of(envelope.call_id()))) }
}

/// When the authority must have the serious-incident report that an INCIDENT announces: fifteen days after the envelope was
/// issued (OHP 6.5; EU AI Act, Art. 73).
///
/// @param envelope  An envelope.
/// @param[out] due  Milliseconds since the Unix epoch.
/// @return OHP_OK; OHP_NONE if it is no INCIDENT; OHP_ERR_RANGE if that lies before the epoch; OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_report_due(envelope: *const ohp_envelope, due: *mut u64) -> ohp_status {
    let get = |envelope: &Envelope<'_>| {
        let due = envelope.report_due().ok_or(OHP_NONE)?;
        u64::try_from(due.millis()).map_err(|_| OHP_ERR_RANGE)
    };
    // SAFETY: as the header demands.
    unsafe { give(envelope, due, get) }
}

/// The canonical CBOR that an envelope was read from.
///
/// @param envelope    An envelope.
/// @param[out] bytes  Its bytes.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_bytes(envelope: *const ohp_envelope, bytes: *mut ohp_bytes) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(envelope, bytes, |envelope| Ok(ohp_bytes::of(envelope.bytes()))) }
}

/// # Safety
/// As [`envelope`] and [`Out::new`].
unsafe fn give<T>(
    envelope: *const ohp_envelope,
    out: *mut T,
    get: impl FnOnce(&Envelope<'_>) -> Done<T>,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (envelope, out) = unsafe { (self::envelope(envelope)?, Out::new(out)?) };
        out.set(get(envelope)?);
        Ok(())
    })
}

/// # Safety
/// As [`give`] and [`pointer::text`].
unsafe fn give_at<T>(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    out: *mut T,
    get: impl FnOnce(Item<'_>) -> Done<T>,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (envelope, path, out) = unsafe {
            (
                self::envelope(envelope)?,
                pointer::text(path, path_len)?,
                Out::new(out)?,
            )
        };
        out.set(get(envelope.get(path).ok_or(OHP_NONE)?)?);
        Ok(())
    })
}

fn text(item: Option<Item<'_>>) -> Done<ohp_str> {
    let item = item.ok_or(OHP_NONE)?;
    item.as_text()
        .or_else(|| item.as_time())
        .map(ohp_str::of)
        .ok_or(OHP_ERR_KIND)
}

/// What the member at a path is.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] kind  What it is.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_kind(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    kind: *mut ohp_kind,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, kind, |item| Ok(item.kind().into())) }
}

/// The text at a path; of a date-time, its RFC 3339 text.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] value The text; it points into the envelope's bytes.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no text; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_text(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    value: *mut ohp_str,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, value, |item| text(Some(item))) }
}

/// The integer at a path.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] value The integer.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no integer; OHP_ERR_RANGE if it does not fit
///         64 bits with a sign; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_integer(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    value: *mut i64,
) -> ohp_status {
    let get = |item: Item<'_>| i64::try_from(item.as_integer().ok_or(OHP_ERR_KIND)?).map_err(|_| OHP_ERR_RANGE);
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, value, get) }
}

/// The number at a path, integer or not, rounded to the nearest double.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] value The number.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no number; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_number(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    value: *mut f64,
) -> ohp_status {
    let get = |item: Item<'_>| {
        let integer = item.as_integer().map(|integer| integer as f64);
        item.as_float().or(integer).ok_or(OHP_ERR_KIND)
    };
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, value, get) }
}

/// The boolean at a path.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] value True or false.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no boolean; OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_bool(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    value: *mut bool,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe {
        give_at(envelope, path, path_len, value, |item| {
            item.as_bool().ok_or(OHP_ERR_KIND)
        })
    }
}

/// The moment at a path: a date-time, or a text that is one.
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] value Milliseconds since the Unix epoch.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is no date-time; OHP_ERR_RANGE if it lies
///         before the epoch; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_time(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    value: *mut u64,
) -> ohp_status {
    let get = |item: Item<'_>| {
        let text = item.as_time().or_else(|| item.as_text()).ok_or(OHP_ERR_KIND)?;
        let moment = Timestamp::parse_rfc3339(text).map_err(|_| OHP_ERR_KIND)?;
        u64::try_from(moment.millis()).map_err(|_| OHP_ERR_RANGE)
    };
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, value, get) }
}

/// How many elements the array, or members the map, at a path has.
///
/// Go through an array by paths with an index, "caller.consent[0].receiptId", and through a map by ohp_envelope_key().
///
/// @param envelope   An envelope.
/// @param path       The member's path.
/// @param path_len   Its length in bytes.
/// @param[out] count How many.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_KIND if it is neither; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_count(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    count: *mut usize,
) -> ohp_status {
    let get = |item: Item<'_>| {
        let array = item.array().map(|array| array.len());
        array.or_else(|| item.map().map(|map| map.len())).ok_or(OHP_ERR_KIND)
    };
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, count, get) }
}

/// A key of the map at a path.
///
/// @param envelope   An envelope.
/// @param path       The map's path.
/// @param path_len   Its length in bytes.
/// @param index      Which key, from 0, in canonical order: shorter keys first.
/// @param[out] key   The key; it points into the envelope's bytes.
/// @return OHP_OK; OHP_NONE if there is no such member or key; OHP_ERR_KIND if it is no map; OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_key(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    index: usize,
    key: *mut ohp_str,
) -> ohp_status {
    let get = |item: Item<'_>| {
        let (key, _) = item.map().ok_or(OHP_ERR_KIND)?.iter().nth(index).ok_or(OHP_NONE)?;
        Ok(ohp_str::of(key))
    };
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, key, get) }
}

/// Writes the member at a path as JSON, without loss.
///
/// @param envelope     An envelope.
/// @param path         The member's path; empty for the whole envelope.
/// @param path_len     Its length in bytes.
/// @param pretty       0 for one line, 1 for indented lines.
/// @param buffer       Where to write; UTF-8, not NUL-terminated.
/// @param buffer_size  Its length.
/// @param[out] len     How many bytes were written.
/// @return OHP_OK; OHP_NONE if there is no such member; OHP_ERR_SPACE if the buffer is too small, and what it then holds
///         is of no use; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_envelope_json(
    envelope: *const ohp_envelope,
    path: *const c_char,
    path_len: usize,
    pretty: u32,
    buffer: *mut c_char,
    buffer_size: usize,
    len: *mut usize,
) -> ohp_status {
    let write = |item: Item<'_>| {
        // SAFETY: as the header demands.
        let buffer = unsafe { pointer::bytes_mut(buffer, buffer_size) }?;
        Whole::new(buffer).all(|out| json::from_cbor(item, out, pretty != 0))
    };
    // SAFETY: as the header demands.
    unsafe { give_at(envelope, path, path_len, len, write) }
}
