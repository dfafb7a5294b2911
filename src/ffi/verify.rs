//! `ohp_verify()`: judging an envelope without a leg, and what surrounds it.

use core::ffi::c_void;

use super::context::{self, ohp_context};
use super::disclosed::{self, ohp_disclosed};
use super::info::ohp_info;
use super::panic::guard;
use super::place;
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_RANGE, OHP_ERR_SPACE};
use super::table::{self, ohp_table};
use super::tap::{self, ohp_tap};
use super::text::{ohp_bytes, ohp_str};
use super::verdict::{ohp_step_result, ohp_verdict, put};
use crate::media::{Continuity, Fingerprint, continuity};
use crate::time::Timestamp;
use crate::transport::Echo;
use crate::verify::{
    Call, Media, Memory, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict, verify, verify_disclosing,
};

/// Most identifiers of one call.
pub const OHP_CALL_IDS_MAX: usize = 8;

/// Largest echo: [`Echo::to_bits`] has seven.
const ECHO_MAX: u8 = 0x7f;

/// Is told about each step of a verification, right after it was run; a host can log it or take the time.
///
/// @param user    What was passed along with this function.
/// @param step    The step, 0 to 14.
/// @param result  How it ended.
pub type ohp_observe = Option<unsafe extern "C" fn(user: *mut c_void, step: u32, result: ohp_step_result)>;

/// The host's function as the library's.
pub(super) fn observer(observe: ohp_observe, user: *mut c_void) -> impl FnMut(Step, StepResult) {
    move |step, result| {
        if let Some(observe) = observe {
            // SAFETY: the host's function, called as the header says.
            unsafe { observe(user, u32::from(step.number()), result.into()) };
        }
    }
}

/// Milliseconds since the epoch as C has them.
pub(super) fn moment(millis: u64) -> Done<Timestamp> {
    i64::try_from(millis)
        .map(Timestamp::from_millis)
        .map_err(|_| OHP_ERR_RANGE)
}

/// What surrounds an envelope that is to be judged without a leg. Members that are 0 mean what their text says.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_situation {
    /// sizeof(ohp_situation).
    pub size: usize,
    /// Configuration and trust. Must be there.
    pub context: *const ohp_context,
    /// The shared table; NULL: nothing is remembered, so that replays and floods are not noticed.
    pub table: *const ohp_table,
    /// The call's sound; NULL: there is none here, so that a fingerprint is not compared, which is a warning.
    pub tap: *const ohp_tap,
    /// What the transport peer is known by, such as its address; for its budget.
    pub peer: ohp_bytes,
    /// When the envelope arrived, in milliseconds since the epoch. It stays that moment when it is verified again.
    pub now_ms: u64,
    /// The call's identifiers: its dialog's Call-ID first, then others that the host has bound to it. NULL: not known, so
    /// that the envelope is not tied to a call.
    pub call_ids: *const ohp_str,
    /// How many there are, OHP_CALL_IDS_MAX at most.
    pub call_ids_len: usize,
    /// Instead of `tap`: the fingerprint that the call shows, worked out elsewhere.
    pub fingerprint: ohp_str,
    /// The INFO that the envelope came in as a whole, whose OHP headers must agree with it; NULL: not compared. For an
    /// envelope in chunks, or where the INFO is gone, there is `echo`.
    pub info: *const ohp_info,
    /// Is told about each step; NULL: nobody is.
    pub observe: ohp_observe,
    /// Is passed to `observe`.
    pub user: *mut c_void,
    /// Memory that is used during the call, ohp_verify_scratch_size() bytes.
    pub scratch: *mut c_void,
    /// Its length.
    pub scratch_size: usize,
    /// 1: this envelope has been verified before, and lacked resources.
    pub again: u8,
    /// 1: the time to gather what is lacking is over: what is still missing fails its step.
    pub deadline_passed: u8,
    /// What ohp_received says in its own `echo`, which must agree with the envelope; 0: not compared.
    pub echo: u8,
    /// Zeros.
    pub reserved: [u8; 5],
    /// Where what the envelope discloses to us alone is put; NULL: Signed is the most that is taken.
    pub disclosed: *mut ohp_disclosed,
}

// SAFETY: repr(C), size first, integers, pointers and a nullable function.
unsafe impl Sized_ for ohp_situation {
    const FIRST_SIZE: usize = 136;

    fn reserved(&self) -> &[u8] {
        &self.reserved
    }
}

/// How much scratch ohp_verify() needs, in bytes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_verify_scratch_size() -> usize {
    VERIFY_SCRATCH
}

/// Judges the canonical CBOR of an envelope in the protocol's normative steps, without a leg: for a gate at the edge, or
/// a check of a file. An answer (ACCEPT and the like) is judged by itself, not against the proposal that it answers.
///
/// @param situation    What surrounds the envelope.
/// @param bytes        The canonical CBOR; the verdict borrows it.
/// @param len          Its length in bytes.
/// @param memory       Memory for the verdict, aligned to OHP_ALIGN.
/// @param memory_size  Its length, at least what ohp_verdict_size() says.
/// @param[out] verdict The verdict; it is at the same address as the memory.
/// @return OHP_OK, whatever the verdict says; OHP_ERR_SPACE if memory or scratch is too small; OHP_ERR_MALFORMED if
///         `fingerprint` is none; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_RANGE,
///         OHP_ERR_UTF8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verify(
    situation: *const ohp_situation,
    bytes: *const u8,
    len: usize,
    memory: *mut c_void,
    memory_size: usize,
    verdict: *mut *mut ohp_verdict,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (asked, bytes, out) = unsafe { (sized::read(situation)?, pointer::bytes(bytes, len)?, Out::new(verdict)?) };
        // SAFETY: as the header demands.
        let scratch = unsafe { pointer::bytes_mut(asked.scratch.cast::<u8>(), asked.scratch_size) }?;
        if scratch.len() < VERIFY_SCRATCH {
            return Err(OHP_ERR_SPACE);
        }
        // The memory is looked at before the table remembers the envelope, which could not be undone.
        place::check::<ohp_verdict>(memory, memory_size)?;
        // SAFETY: as the header demands.
        let verdict = unsafe { judge(&asked, bytes, scratch) }?;
        // SAFETY: as the header demands.
        out.set(unsafe { put(memory, memory_size, verdict) }?);
        Ok(())
    })
}

/// # Safety
/// Every pointer in `asked` leads to what its documentation says.
unsafe fn judge<'a>(asked: &ohp_situation, bytes: &'a [u8], scratch: &mut [u8]) -> Done<Verdict<'a>> {
    // SAFETY: passed on to the caller.
    let (context, mut disclosed) = unsafe { (context::context(asked.context)?, disclosed::lent(asked.disclosed)?) };
    // SAFETY: passed on to the caller.
    let (peer, fingerprint) = unsafe { (asked.peer.get()?, asked.fingerprint.get()?) };
    // SAFETY: passed on to the caller.
    let tap = (!asked.tap.is_null())
        .then(|| unsafe { tap::tap(asked.tap) })
        .transpose()?;
    // SAFETY: passed on to the caller.
    let table = (!asked.table.is_null())
        .then(|| unsafe { table::table(asked.table) })
        .transpose()?;
    if asked.echo > ECHO_MAX {
        return Err(OHP_ERR_RANGE);
    }
    let echo = Echo::from_bits(asked.echo);
    let echo = match asked.info.is_null() {
        true => echo,
        // SAFETY: passed on to the caller.
        false => echo.and(Echo::of(&unsafe { sized::read(asked.info)?.get() }?)),
    };
    let mut ids = [""; OHP_CALL_IDS_MAX];
    // SAFETY: passed on to the caller.
    let given = unsafe { pointer::slice(asked.call_ids, asked.call_ids_len) }?;
    for (nth, id) in given.iter().enumerate() {
        // SAFETY: passed on to the caller.
        *ids.get_mut(nth).ok_or(OHP_ERR_RANGE)? = unsafe { id.get() }?.unwrap_or_default();
    }
    let search =
        |wanted: &continuity::Wanted<'_>| tap.map_or(Continuity::NoMedia, |tap| continuity::search(&tap, wanted));
    let situation = Situation {
        bundle: &context.bundle,
        now: moment(asked.now_ms)?,
        role: Role::Unknown,
        call: if given.is_empty() {
            Call::Unknown
        } else {
            Call::Ids(&ids[..given.len()])
        },
        media: match (tap, fingerprint) {
            (Some(_), _) => Media::Live(&search),
            (None, Some(text)) => Media::Known(Fingerprint::parse(text).ok_or(OHP_ERR_MALFORMED)?),
            (None, None) => Media::NotHere,
        },
        echo,
        memory: table.map(|table| Memory {
            table,
            peer,
            peer_rate: context.settings.peer_rate,
        }),
        again: asked.again != 0,
        audio_may_follow: false,
        deadline_passed: asked.deadline_passed != 0,
    };
    let observe = &mut observer(asked.observe, asked.user);
    Ok(match disclosed.as_deref_mut() {
        Some(kept) => verify_disclosing(bytes, &situation, scratch, &mut kept.disclosed, observe),
        None => verify(bytes, &situation, scratch, observe),
    })
}
