//! `ohp_disclosed`: what a verified envelope tells only us, in memory that is locked and wiped.

use core::ffi::{c_char, c_void};
use core::fmt;

use super::envelope::ohp_kind;
use super::panic::guard;
use super::place::{self, Holds, InUse, Object};
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_NONE};
use super::text::{Lent, ohp_bytes, ohp_str, ohp_text};
use crate::cbor::Item;
use crate::verify::Disclosed;

/// What a verified envelope tells only its recipient: the claims of the caller's credential, which an identity provider
/// has signed, and the fields that were sealed for us. Both exist from the Sealed tier on.
///
/// It lies in memory that the host supplies, in the process's own memory and not in memory that others share. Lend it
/// with each call (ohp_host, ohp_situation): without one this side takes Signed at most, and says so to its peers. When an
/// envelope has been judged it holds what that one disclosed, if that one was accepted, and nothing of any before: read
/// it then, and wipe it with ohp_disclosed_wipe(). One for each thread is enough, as with scratch.
///
/// Texts that its functions give out point into it: they are gone when it is wiped or lent again. They are personal data
/// and payment data: keep them out of logs.
pub struct ohp_disclosed(());

impl Object for ohp_disclosed {
    const KIND: u64 = u64::from_be_bytes(*b"OHPdisc\x01");
}

impl Holds for ohp_disclosed {
    type Value = Kept;
}

/// What lies in the host's memory. Valid when every byte is zero: it holds nothing then.
#[repr(C)]
pub(super) struct Kept {
    pub(super) disclosed: Disclosed,
    is_locked: bool,
}

/// Memory, in bytes, that an ohp_disclosed takes at most in this version of the interface, but for whole pages.
pub const OHP_DISCLOSED_SIZE_MAX: usize = 28672;

const _: () = assert!(place::len_of::<ohp_disclosed>() <= OHP_DISCLOSED_SIZE_MAX);

/// How much an ohp_disclosed holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_disclosed_summary {
    /// sizeof(ohp_disclosed_summary).
    pub size: usize,
    /// How many fields were opened; see ohp_disclosed_field().
    pub fields: u32,
    /// How many claims were verified; see ohp_disclosed_claim().
    pub claims: u32,
    /// Whether there was something sealed for us, and it was opened.
    pub is_opened: bool,
    /// Whether a credential was verified; then caller.assurance was, too.
    pub is_verified: bool,
    /// Whether the memory was locked: never written to swap. In a child of fork() it is not locked any more, whatever this
    /// says, so workers make their own.
    pub is_locked: bool,
    /// Zeros.
    pub reserved: [u8; 5],
}

// SAFETY: repr(C), size first; it is only ever written.
unsafe impl Sized_ for ohp_disclosed_summary {
    const FIRST_SIZE: usize = 24;
}

/// A claim or an opened field. Members that its kind does not set are 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_disclosed_value {
    /// sizeof(ohp_disclosed_value).
    pub size: usize,
    /// Its name: of a field the dotted one, as "payment.cardToken"; of a claim that of the claim.
    pub name: ohp_str,
    /// With OHP_KIND_TEXT and OHP_KIND_TIME: the text.
    pub text: ohp_str,
    /// The value as canonical CBOR, whatever its kind; ohp_cbor_to_json() shows a map or an array.
    pub cbor: ohp_bytes,
    /// With OHP_KIND_INTEGER: the integer, if it fits 64 bits with a sign; 0 otherwise.
    pub integer: i64,
    /// With OHP_KIND_INTEGER and OHP_KIND_FLOAT: the number, rounded to the nearest double.
    pub number: f64,
    /// An ohp_kind.
    pub kind: u32,
    /// With OHP_KIND_BOOL: true or false.
    pub boolean: bool,
    /// Zeros.
    pub reserved: [u8; 3],
}

// SAFETY: repr(C), size first; it is only ever written.
unsafe impl Sized_ for ohp_disclosed_value {
    const FIRST_SIZE: usize = 80;
}

impl ohp_disclosed_value {
    fn of((name, item): (&str, Item<'_>)) -> Self {
        let integer = item.as_integer();
        Self {
            size: 0,
            name: ohp_str::of(name),
            text: ohp_str::or_none(item.as_text().or_else(|| item.as_time())),
            cbor: ohp_bytes::of(item.bytes()),
            integer: integer
                .and_then(|integer| i64::try_from(integer).ok())
                .unwrap_or_default(),
            number: item
                .as_float()
                .or(integer.map(|integer| integer as f64))
                .unwrap_or_default(),
            kind: ohp_kind::from(item.kind()) as u32,
            boolean: item.as_bool().unwrap_or_default(),
            reserved: [0; 3],
        }
    }
}

/// Pages of the host's memory that stay in memory, and out of core dumps.
struct Pages {
    start: *mut c_void,
    len: usize,
}

/// Why memory is not locked.
struct NotLocked(std::io::Error);

impl fmt::Display for NotLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "what is disclosed may be written to swap: its memory could not be locked ({}); raise RLIMIT_MEMLOCK",
            self.0
        )
    }
}

/// The size of a page, in bytes.
fn page_size() -> usize {
    // SAFETY: the function only reads a number of the system's.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size)
        .ok()
        .filter(|size| size.is_power_of_two())
        .unwrap_or(4096)
}

impl Pages {
    fn lock(&self) -> Result<(), NotLocked> {
        // SAFETY: `mlock` touches no contents, and refuses what is no memory of this process.
        if unsafe { libc::mlock(self.start, self.len) } != 0 {
            return Err(NotLocked(std::io::Error::last_os_error()));
        }
        Ok(())
    }

    fn unlock(&self) {
        // SAFETY: as in `lock`.
        let _ = unsafe { libc::munlock(self.start, self.len) };
    }

    /// Whether a core dump holds the pages: those that lie in the memory as a whole, since others are not ours alone.
    fn dump(&self, holds: bool) {
        #[cfg(target_os = "linux")]
        {
            let page = page_size();
            let first = (self.start as usize).next_multiple_of(page);
            let end = (self.start as usize + self.len) / page * page;
            let advice = if holds { libc::MADV_DODUMP } else { libc::MADV_DONTDUMP };
            if first < end {
                // SAFETY: whole pages of the host's memory, whose contents this advice leaves as they are. Where it is not
                // taken a dump holds the pages, which is no reason to do without them.
                let _ = unsafe { libc::madvise(first as *mut c_void, end - first, advice) };
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = holds;
    }
}

/// What C lends for what is disclosed, for this caller alone; NULL: nothing.
///
/// # Safety
/// As [`place::get_mut`].
pub(super) unsafe fn lent<'a>(disclosed: *mut ohp_disclosed) -> Done<Option<InUse<'a, Kept>>> {
    if disclosed.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on to the caller.
    unsafe { place::get_mut(disclosed) }.map(Some)
}

/// How much memory an ohp_disclosed takes, in bytes: whole pages, so that it shares none with anything else if it begins
/// at one, too (ohp_disclosed_align()).
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_disclosed_size() -> usize {
    place::len_of::<ohp_disclosed>().next_multiple_of(page_size())
}

/// The alignment at which an ohp_disclosed has its pages for itself, in bytes: a page. OHP_ALIGN does as well; then
/// ohp_disclosed_end() also unlocks what else lies in its first and its last page, and a core dump holds those two.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_disclosed_align() -> usize {
    page_size()
}

/// Makes an ohp_disclosed, and locks its memory.
///
/// @param memory       Memory of the host, aligned to OHP_ALIGN, better to ohp_disclosed_align(); of this process alone. It
///                     stays the host's.
/// @param memory_size  Its length, at least what ohp_disclosed_size() says.
/// @param why          A buffer for why the memory could not be locked, which is no error; or NULL.
/// @param[out] disclosed  The object, which holds nothing; it is at the same address as the memory.
/// @return OHP_OK, also if the memory could not be locked: see ohp_disclosed_summary; OHP_ERR_SPACE, OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT.
///
/// Threads: one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_init(
    memory: *mut c_void,
    memory_size: usize,
    why: *mut ohp_text,
    disclosed: *mut *mut ohp_disclosed,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut why, out) = unsafe { (Lent::new(why)?, Out::new(disclosed)?) };
        place::check::<ohp_disclosed>(memory, memory_size)?;
        let pages = Pages {
            start: memory,
            len: place::len_of::<ohp_disclosed>(),
        };
        // Keeping it out of dumps needs no leave, and is not left undone where locking is refused.
        pages.dump(false);
        let locked = pages.lock();
        // SAFETY: as the header demands; zeros are a `Kept` that holds nothing.
        let made = unsafe { place::put_zeros::<ohp_disclosed>(memory, memory_size) }?;
        match locked {
            // SAFETY: it has just been made, and nobody else knows of it.
            Ok(()) => unsafe { place::get_mut(made) }?.is_locked = true,
            Err(not_locked) => why.say(not_locked),
        }
        out.set(made);
        Ok(())
    })
}

/// Forgets everything that was disclosed.
///
/// @param disclosed  An ohp_disclosed.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_wipe(disclosed: *mut ohp_disclosed) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        unsafe { place::get_mut(disclosed) }?.disclosed.wipe();
        Ok(())
    })
}

/// Forgets everything, unlocks the memory, and makes it memory like any other: call it before the memory is released.
///
/// @param disclosed  An ohp_disclosed; afterwards it is none.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_end(disclosed: *mut ohp_disclosed) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let mut kept = unsafe { place::get_mut(disclosed) }?;
        kept.disclosed.wipe();
        let was_locked = core::mem::take(&mut kept.is_locked);
        drop(kept);
        // SAFETY: as above.
        unsafe { place::end(disclosed) }?;
        let pages = Pages {
            start: disclosed.cast(),
            len: place::len_of::<ohp_disclosed>(),
        };
        pages.dump(true);
        if was_locked {
            pages.unlock();
        }
        Ok(())
    })
}

/// Says how much was disclosed.
///
/// @param disclosed     An ohp_disclosed.
/// @param[out] summary  How much; set its `size` before.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_get(
    disclosed: *mut ohp_disclosed,
    summary: *mut ohp_disclosed_summary,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, kept) = unsafe { (sized::Out::new(summary)?, place::get_mut(disclosed)?) };
        let (fields, claims) = (kept.disclosed.fields(), kept.disclosed.claims());
        out.set(ohp_disclosed_summary {
            size: 0,
            fields: fields.map_or(0, |fields| fields.len() as u32),
            claims: claims.map_or(0, |claims| claims.iter().count() as u32),
            is_opened: fields.is_some(),
            is_verified: claims.is_some(),
            is_locked: kept.is_locked,
            reserved: [0; 5],
        });
        Ok(())
    })
}

/// # Safety
/// As [`place::get_mut`] and [`sized::Out::new`].
unsafe fn give<'a>(
    disclosed: *mut ohp_disclosed,
    value: *mut ohp_disclosed_value,
    find: impl FnOnce(&'a Disclosed) -> Option<(&'a str, Item<'a>)>,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (out, kept) = unsafe { (sized::Out::new(value)?, place::get_mut(disclosed)?) };
        let kept: *const Kept = &*kept;
        // SAFETY: the object outlives this call, and nobody else gets past `get_mut` while it lasts.
        let disclosed = unsafe { &(*kept).disclosed };
        out.set(ohp_disclosed_value::of(find(disclosed).ok_or(OHP_NONE)?));
        Ok(())
    })
}

/// One of the fields that were sealed for us.
///
/// @param disclosed   An ohp_disclosed.
/// @param index       Which one, from 0, in the order of their names' CBOR.
/// @param[out] value  The field; set its `size` before.
/// @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
///         OHP_ERR_SIZE.
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_field(
    disclosed: *mut ohp_disclosed,
    index: usize,
    value: *mut ohp_disclosed_value,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(disclosed, value, |disclosed| disclosed.fields()?.iter().nth(index)) }
}

/// The field of a name that was sealed for us.
///
/// @param disclosed   An ohp_disclosed.
/// @param name        The field's dotted name, such as "payment.cardToken".
/// @param name_len    Its length in bytes.
/// @param[out] value  The field; set its `size` before.
/// @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY,
///         OHP_ERR_SIZE, OHP_ERR_UTF8.
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_find_field(
    disclosed: *mut ohp_disclosed,
    name: *const c_char,
    name_len: usize,
    value: *mut ohp_disclosed_value,
) -> ohp_status {
    // SAFETY: as the header demands.
    match unsafe { pointer::text(name, name_len) } {
        // SAFETY: as the header demands.
        Ok(name) => unsafe {
            give(disclosed, value, |disclosed| {
                disclosed.fields()?.iter().find(|(field, _)| *field == name)
            })
        },
        Err(status) => status,
    }
}

/// One of the caller's verified claims. Those about the credential itself (iss, exp, vct and the like) are not among them.
///
/// @param disclosed   An ohp_disclosed.
/// @param index       Which one, from 0, in the order of their names' CBOR.
/// @param[out] value  The claim; set its `size` before.
/// @return As ohp_disclosed_field().
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_claim(
    disclosed: *mut ohp_disclosed,
    index: usize,
    value: *mut ohp_disclosed_value,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { give(disclosed, value, |disclosed| disclosed.claims()?.iter().nth(index)) }
}

/// The verified claim at a path. Here those about the credential itself are found as well.
///
/// @param disclosed   An ohp_disclosed.
/// @param path        The claim's path, such as "given_name", "address.locality" or "nationalities[0]"; one that begins
///                    with "/" is a JSON Pointer, for names that hold dots. The value's `name` is none.
/// @param path_len    Its length in bytes.
/// @param[out] value  The claim; set its `size` before.
/// @return As ohp_disclosed_find_field().
///
/// Threads: one caller at a time for each object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_disclosed_find_claim(
    disclosed: *mut ohp_disclosed,
    path: *const c_char,
    path_len: usize,
    value: *mut ohp_disclosed_value,
) -> ohp_status {
    // SAFETY: as the header demands.
    match unsafe { pointer::text(path, path_len) } {
        // SAFETY: as the header demands.
        Ok(path) => unsafe { give(disclosed, value, |disclosed| Some(("", disclosed.claims()?.get(path)?))) },
        Err(status) => status,
    }
}
