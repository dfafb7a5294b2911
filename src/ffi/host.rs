//! `ohp_host`: what a leg is lent for one call into it.

use core::ffi::c_void;

use super::context::{self, ohp_context};
use super::disclosed::{self, Kept, ohp_disclosed};
use super::place::InUse;
use super::pointer;
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{OHP_ERR_MALFORMED, OHP_ERR_SPACE, OHP_ERR_TOO_LONG};
use super::table::{self, ohp_table};
use super::tap::{self, ohp_tap};
use super::text::{Lent, ohp_bytes};
use super::verify::{moment, ohp_observe};
use crate::cbor::{Item, json};
use crate::envelope::{DRAFT_FIELDS_MAX, SHAPE};
use crate::leg::{Host, RANDOM_LEN, SCRATCH_LEN};

/// Random bytes that a leg is lent for each call into it.
pub const OHP_RANDOM_LEN: usize = 64;
/// Longest template of a proposal, in bytes of JSON or CBOR.
pub const OHP_TEMPLATE_LEN_MAX: usize = 16384;
/// Most leaves of an envelope that a leg builds: members that are no objects, an array as one, at any depth. The leg's own,
/// such as the identifier and the times, are among them.
pub const OHP_TEMPLATE_LEAVES_MAX: usize = 256;

const _: () = assert!(RANDOM_LEN == OHP_RANDOM_LEN && OHP_TEMPLATE_LEAVES_MAX == DRAFT_FIELDS_MAX);

/// Scratch in which a template becomes CBOR.
const TEMPLATE_CBOR: usize = json::max_cbor_len(OHP_TEMPLATE_LEN_MAX);
const TEMPLATE_SCRATCH: usize = json::scratch_len(OHP_TEMPLATE_LEN_MAX);

/// What a leg is lent for one call into it. Nothing of it is kept.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_host {
    /// sizeof(ohp_host).
    pub size: usize,
    /// Configuration and trust. Must be there; it may be another one than in the call before.
    pub context: *const ohp_context,
    /// The table that all legs share. Must be there.
    pub table: *const ohp_table,
    /// The leg's sound; NULL: the host has none here, as in a proxy or under direct media.
    pub tap: *const ohp_tap,
    /// What the transport peer is known by, such as its address; for its budget.
    pub peer: ohp_bytes,
    /// The moment, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Fresh random bytes from a cryptographic generator. What one call was lent must not be lent to another.
    pub random: [u8; OHP_RANDOM_LEN],
    /// Memory that is used during the call, ohp_scratch_size() bytes; one for each thread is enough.
    pub scratch: *mut c_void,
    /// Its length.
    pub scratch_size: usize,
    /// Is told about each step of a verification; NULL: nobody is.
    pub observe: ohp_observe,
    /// Is passed to `observe`.
    pub user: *mut c_void,
    /// Where what an envelope discloses to us alone is put; NULL: this side takes Signed at most. Lend it with every call,
    /// and read it right after: see ohp_disclosed.
    pub disclosed: *mut ohp_disclosed,
}

// SAFETY: repr(C), size first, integers, pointers and a nullable function.
unsafe impl Sized_ for ohp_host {
    const FIRST_SIZE: usize = 152;
}

/// How much scratch a leg needs, in bytes. It is the same for all legs.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_scratch_size() -> usize {
    SCRATCH_LEN + TEMPLATE_CBOR + TEMPLATE_SCRATCH
}

/// What C lends for one call, with what is this caller's alone for as long.
pub(super) struct Lending<'h> {
    pub(super) asked: ohp_host,
    disclosed: Option<InUse<'h, Kept>>,
}

impl ohp_host {
    /// Reads what C lends.
    ///
    /// # Safety
    /// As [`sized::read`], and `disclosed` leads to what its documentation says, for as long as the result is used.
    pub(super) unsafe fn read<'h>(host: *const ohp_host) -> Done<Lending<'h>> {
        // SAFETY: passed on to the caller.
        unsafe {
            let asked = sized::read(host)?;
            Ok(Lending {
                asked,
                disclosed: disclosed::lent(asked.disclosed)?,
            })
        }
    }
}

impl Lending<'_> {
    /// What the library calls a host, and the scratch for a template.
    ///
    /// # Safety
    /// Every pointer leads to what its documentation says, for as long as the result is used.
    pub(super) unsafe fn get(&mut self) -> Done<(Host<'_>, &mut [u8])> {
        let asked = &self.asked;
        // SAFETY: passed on to the caller.
        unsafe {
            let scratch = pointer::bytes_mut(asked.scratch.cast::<u8>(), asked.scratch_size)?;
            let (scratch, template) = scratch.split_at_mut_checked(SCRATCH_LEN).ok_or(OHP_ERR_SPACE)?;
            if template.len() < TEMPLATE_CBOR + TEMPLATE_SCRATCH {
                return Err(OHP_ERR_SPACE);
            }
            let host = Host {
                context: context::context(asked.context)?,
                table: table::table(asked.table)?,
                tap: if asked.tap.is_null() {
                    None
                } else {
                    Some(tap::tap(asked.tap)?)
                },
                peer: asked.peer.get()?,
                now: moment(asked.now_ms)?,
                random: asked.random,
                scratch,
                disclosed: self.disclosed.as_deref_mut().map(|kept| &mut kept.disclosed),
            };
            Ok((host, template))
        }
    }
}

/// Reads a template: JSON if it begins with a brace, which no CBOR map does, canonical CBOR otherwise.
pub(super) fn template<'t>(given: &'t [u8], memory: &'t mut [u8], why: &mut Lent<'_>) -> Done<Item<'t>> {
    if given.len() > OHP_TEMPLATE_LEN_MAX {
        return Err(OHP_ERR_TOO_LONG);
    }
    let json = given.trim_ascii_start();
    let item = if json.first() == Some(&b'{') {
        let (cbor, scratch) = memory.split_at_mut_checked(TEMPLATE_CBOR).ok_or(OHP_ERR_SPACE)?;
        let cbor = json::to_cbor(json, SHAPE, scratch, cbor).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
        Item::parse(cbor)
    } else {
        Item::parse(given)
    };
    let item = item.map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
    if item.map().is_none() {
        why.say("a template is a JSON object or a CBOR map");
        return Err(OHP_ERR_MALFORMED);
    }
    Ok(item)
}
