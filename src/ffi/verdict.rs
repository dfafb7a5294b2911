//! `ohp_verdict`: how a verification ended, and why; and `ohp_verify()`, which makes one without a leg.

use core::ffi::c_void;

use super::context::{self, ohp_context};
use super::disclosed::{self, ohp_disclosed};
use super::envelope::{self, ohp_envelope};
use super::info::ohp_info;
use super::panic::guard;
use super::place::{self, Holds, Object};
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_RANGE, OHP_ERR_SPACE, OHP_NONE};
use super::table::{self, ohp_table};
use super::tap::{self, ohp_tap};
use super::text::{Lent, ohp_bytes, ohp_str, ohp_text};
use super::vocabulary::ohp_reason;
use crate::envelope::ReadError;
use crate::media::{Fingerprint, exact};
use crate::time::Timestamp;
use crate::transport::Echo;
use crate::verify::{
    Call, Failure, Media, MediaDoubt, Memory, NeedKind, Outcome, Role, STEP_COUNT, Situation, Step, StepResult,
    VERIFY_SCRATCH, Verdict, Why, verify, verify_disclosing,
};

/// How the verification of an envelope ended, and why.
///
/// It lies in memory that the caller supplies, and borrows the bytes of the envelope that it is about: it is of use as
/// long as they stay where they are. There is nothing to release.
pub struct ohp_verdict(());

impl Object for ohp_verdict {
    const KIND: u64 = u64::from_be_bytes(*b"OHPverd\x01");
}

impl Holds for ohp_verdict {
    /// The lifetime is the host's to keep: see the type's documentation.
    type Value = Verdict<'static>;
}

/// Memory, in bytes, that an ohp_verdict takes at most in this version of the interface.
pub const OHP_VERDICT_SIZE_MAX: usize = 4096;
/// Number of steps, step 0 included.
pub const OHP_STEPS: usize = 15;
/// Most identifiers of one call.
pub const OHP_CALL_IDS_MAX: usize = 8;

/// Largest echo: [`Echo::to_bits`] has seven.
const ECHO_MAX: u8 = 0x7f;

const _: () = assert!(place::len_of::<ohp_verdict>() <= OHP_VERDICT_SIZE_MAX && OHP_STEPS == STEP_COUNT);

/// How a verification ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_outcome {
    /// Every step held: it is safe to act on the envelope.
    OHP_OUTCOME_ACCEPT = 1,
    /// A step failed.
    OHP_OUTCOME_REJECT = 2,
    /// Resources are lacking: gather them and verify again.
    OHP_OUTCOME_NEED = 3,
    /// The same envelope has been seen on this call: a retransmission.
    OHP_OUTCOME_DUPLICATE = 4,
    /// The shared table is full. Nothing is known against the envelope.
    OHP_OUTCOME_OVERLOADED = 5,
}

/// How a step ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_step_result {
    /// It was not reached.
    OHP_STEP_NOT_REACHED = 0,
    /// It held.
    OHP_STEP_PASS = 1,
    /// It failed; no later step was run.
    OHP_STEP_FAIL = 2,
    /// It does not apply, or could not be run here and need not be.
    OHP_STEP_SKIP = 3,
    /// It lacks a resource.
    OHP_STEP_NEED = 4,
}

impl From<StepResult> for ohp_step_result {
    fn from(result: StepResult) -> Self {
        match result {
            StepResult::Pass => Self::OHP_STEP_PASS,
            StepResult::Fail => Self::OHP_STEP_FAIL,
            StepResult::Skip => Self::OHP_STEP_SKIP,
            StepResult::Need => Self::OHP_STEP_NEED,
        }
    }
}

/// What kind of resource is lacking.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_need_kind {
    /// An issuer's JWK Set, by DID.
    OHP_NEED_JWKS = 1,
    /// A federation entity statement.
    OHP_NEED_ENTITY_STATEMENT = 2,
    /// A consent receipt, by identifier.
    OHP_NEED_CONSENT_RECEIPT = 3,
    /// What a URL answers.
    OHP_NEED_RESOURCE = 4,
    /// A transparency log's entry or keys.
    OHP_NEED_LOG = 5,
    /// The call's sound.
    OHP_NEED_MEDIA = 6,
}

impl From<NeedKind> for ohp_need_kind {
    fn from(kind: NeedKind) -> Self {
        match kind {
            NeedKind::Jwks => Self::OHP_NEED_JWKS,
            NeedKind::EntityStatement => Self::OHP_NEED_ENTITY_STATEMENT,
            NeedKind::ConsentReceipt => Self::OHP_NEED_CONSENT_RECEIPT,
            NeedKind::Resource => Self::OHP_NEED_RESOURCE,
            NeedKind::Log => Self::OHP_NEED_LOG,
            NeedKind::Media => Self::OHP_NEED_MEDIA,
        }
    }
}

/// A resource that the verifier lacks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_need {
    /// sizeof(ohp_need).
    pub size: usize,
    /// What it is.
    pub kind: ohp_need_kind,
    /// The step that lacks it.
    pub step: u32,
    /// Which one: a DID, an identifier, a URL; none for media. It points into the envelope's bytes.
    pub reference: ohp_str,
}

// SAFETY: repr(C), size first; it is only ever written, so its enumeration is never read from C.
unsafe impl Sized_ for ohp_need {
    const FIRST_SIZE: usize = 32;
}

/// Why sound does not tie an envelope to its call.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_doubt {
    /// It does, or nobody asked.
    OHP_DOUBT_NONE = 0,
    /// There is usable audio, and it is not what the fingerprint was made of.
    OHP_DOUBT_MISMATCH = 1,
    /// No audio has arrived at all.
    OHP_DOUBT_NO_MEDIA = 2,
    /// Audio has arrived, and none of it can prove anything.
    OHP_DOUBT_NO_USABLE_AUDIO = 3,
}

impl From<MediaDoubt> for ohp_doubt {
    fn from(doubt: MediaDoubt) -> Self {
        match doubt {
            MediaDoubt::Mismatch => Self::OHP_DOUBT_MISMATCH,
            MediaDoubt::NoMedia => Self::OHP_DOUBT_NO_MEDIA,
            MediaDoubt::NoUsableAudio(_) => Self::OHP_DOUBT_NO_USABLE_AUDIO,
        }
    }
}

impl ohp_doubt {
    /// What a failure says of the sound.
    pub(super) fn of(failure: &Failure) -> Self {
        match failure.why {
            Why::Media(doubt) => doubt.into(),
            _ => Self::OHP_DOUBT_NONE,
        }
    }
}

/// A verdict in short.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_verdict_summary {
    /// sizeof(ohp_verdict_summary).
    pub size: usize,
    /// How it ended.
    pub outcome: ohp_outcome,
    /// With OHP_OUTCOME_REJECT: the step that failed, 0 to 14. Otherwise 0.
    pub step: u32,
    /// With OHP_OUTCOME_REJECT: what the peer is told. Otherwise OHP_REASON_NONE.
    pub reason: ohp_reason,
    /// How many resources are lacking; see ohp_verdict_need().
    pub needs: u32,
    /// How many warnings there are; see ohp_verdict_warning().
    pub warnings: u32,
    /// With a failed step 4, or a need for sound: what was heard.
    pub doubt: ohp_doubt,
    /// Whether there is an envelope; see ohp_verdict_envelope(). Bytes that are none have none.
    pub has_envelope: bool,
    /// Whether members are missing that the schema demands, as the short form at Core allows.
    pub short_form: bool,
    /// Whether the envelope may only end the proposal that it answers, because it is unsigned and that one was not.
    pub ends_only: bool,
    /// An ohp_step_result for each step.
    pub results: [u8; OHP_STEPS],
    /// Zeros.
    pub reserved: [u8; 6],
}

// SAFETY: repr(C), size first; it is only ever written, so its enumerations are never read from C.
unsafe impl Sized_ for ohp_verdict_summary {
    const FIRST_SIZE: usize = 56;
}

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

/// How much memory an ohp_verdict takes, in bytes; at most OHP_VERDICT_SIZE_MAX.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_verdict_size() -> usize {
    place::len_of::<ohp_verdict>()
}

/// How much scratch ohp_verify() needs, in bytes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_verify_scratch_size() -> usize {
    VERIFY_SCRATCH
}

/// Puts a verdict into the host's memory.
///
/// # Safety
/// As [`place::put`]; and the caller keeps the envelope's bytes for as long as it uses the verdict.
pub(super) unsafe fn put(memory: *mut c_void, size: usize, verdict: Verdict<'_>) -> Done<*mut ohp_verdict> {
    // SAFETY: only the lifetime is changed, and that has become the host's affair.
    let verdict = unsafe { core::mem::transmute::<Verdict<'_>, Verdict<'static>>(verdict) };
    // SAFETY: passed on to the caller.
    unsafe { place::put(memory, size, verdict) }
}

/// # Safety
/// As [`place::get`]; and the envelope's bytes are where they were.
unsafe fn verdict<'a>(verdict: *const ohp_verdict) -> Done<&'a Verdict<'a>> {
    // SAFETY: passed on to the caller.
    unsafe { place::get(verdict) }
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
    let search = |wanted: &Fingerprint| tap.map_or(exact::Decision::NoMedia, |tap| exact::search(&tap, wanted));
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

/// Reads a verdict in short.
///
/// @param verdict       A verdict.
/// @param[out] summary  The summary; set its `size` before.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_get(verdict: *const ohp_verdict, summary: *mut ohp_verdict_summary) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, out) = unsafe { (self::verdict(verdict)?, sized::Out::new(summary)?) };
        let failure = verdict.failure();
        let result = |result: &Option<StepResult>| {
            result.map_or(ohp_step_result::OHP_STEP_NOT_REACHED, ohp_step_result::from) as u8
        };
        out.set(ohp_verdict_summary {
            size: 0,
            outcome: match verdict.outcome {
                Outcome::Accept => ohp_outcome::OHP_OUTCOME_ACCEPT,
                Outcome::Reject(..) => ohp_outcome::OHP_OUTCOME_REJECT,
                Outcome::Need => ohp_outcome::OHP_OUTCOME_NEED,
                Outcome::Duplicate => ohp_outcome::OHP_OUTCOME_DUPLICATE,
                Outcome::Overloaded => ohp_outcome::OHP_OUTCOME_OVERLOADED,
            },
            step: failure.map_or(0, |(step, _)| u32::from(step.number())),
            reason: failure.map_or(ohp_reason::OHP_REASON_NONE, |(_, failure)| failure.reason.into()),
            needs: verdict.needs.as_slice().len() as u32,
            warnings: verdict.warnings.iter().count() as u32,
            doubt: match failure {
                Some((_, failure)) => ohp_doubt::of(&failure),
                None => verdict.doubt.map_or(ohp_doubt::OHP_DOUBT_NONE, ohp_doubt::from),
            },
            has_envelope: verdict.envelope.is_some(),
            short_form: verdict.short_form,
            ends_only: verdict.ends_only,
            results: core::array::from_fn(|step| result(&verdict.steps[step])),
            reserved: [0; 6],
        });
        Ok(())
    })
}

/// Says in words why an envelope was refused: for logs and administrators, not for the peer.
///
/// @param verdict  A verdict.
/// @param[out] why Receives the sentence; its `data` and `size` are set before.
/// @return OHP_OK; OHP_NONE if no step failed; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_detail(verdict: *const ohp_verdict, why: *mut ohp_text) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, mut why) = unsafe { (self::verdict(verdict)?, Lent::wanted(why)?) };
        let (_, failure) = verdict.failure().ok_or(OHP_NONE)?;
        why.say(failure.why);
        Ok(())
    })
}

/// Where an envelope is wrong in form.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_fault {
    /// sizeof(ohp_fault).
    pub size: usize,
    /// Of bytes that are not canonical CBOR: the offset of the one that is wrong.
    pub offset: u64,
    /// Whether `offset` is set. Bytes with one are no envelope at all, which `ohp verify` calls "malformed".
    pub has_offset: bool,
    /// Whether a member breaks a rule of the schema or the tier, and `path` was written.
    pub has_path: bool,
    /// Zeros.
    pub reserved: [u8; 6],
}

// SAFETY: repr(C), size first; it is only ever written.
unsafe impl Sized_ for ohp_fault {
    const FIRST_SIZE: usize = 24;
}

/// Says where an envelope is wrong that was refused for its form, at step 0.
///
/// @param verdict     A verdict.
/// @param message     A buffer for the rule alone, without the path that ohp_verdict_detail() puts before it; or NULL.
/// @param path        A buffer for the member's path, such as "$.control.nonce"; or NULL.
/// @param[out] fault  Where it is wrong; set its `size` before.
/// @return OHP_OK; OHP_NONE if the envelope was not refused for its form; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_fault(
    verdict: *const ohp_verdict,
    message: *mut ohp_text,
    path: *mut ohp_text,
    fault: *mut ohp_fault,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, mut message, mut path, out) = unsafe {
            (
                self::verdict(verdict)?,
                Lent::new(message)?,
                Lent::new(path)?,
                sized::Out::new(fault)?,
            )
        };
        let (_, failure) = verdict.failure().ok_or(OHP_NONE)?;
        let mut fault = ohp_fault {
            size: 0,
            offset: 0,
            has_offset: false,
            has_path: false,
            reserved: [0; 6],
        };
        match failure.why {
            Why::Unreadable(ReadError::Cbor(error)) => {
                message.say(error.kind);
                (fault.offset, fault.has_offset) = (error.offset as u64, true);
            }
            Why::Unreadable(error) => message.say(error),
            Why::Schema(violation) => {
                message.say(violation.rule);
                path.say(violation.path);
                fault.has_path = true;
            }
            _ => return Err(OHP_NONE),
        }
        out.set(fault);
        Ok(())
    })
}

/// One of the resources that a verdict asks for.
///
/// @param verdict    A verdict.
/// @param index      Which one, from 0.
/// @param[out] need  The resource; set its `size` before.
/// @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_need(
    verdict: *const ohp_verdict,
    index: usize,
    need: *mut ohp_need,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, out) = unsafe { (self::verdict(verdict)?, sized::Out::new(need)?) };
        let need = verdict.needs.as_slice().get(index).ok_or(OHP_NONE)?;
        out.set(ohp_need {
            size: 0,
            kind: need.kind.into(),
            step: u32::from(need.step.number()),
            reference: ohp_str::or_none(Some(need.reference).filter(|reference| !reference.is_empty())),
        });
        Ok(())
    })
}

/// One of a verdict's warnings: what does not stop an envelope and an administrator should see.
///
/// @param verdict      A verdict.
/// @param index        Which one, from 0.
/// @param[out] warning Receives the sentence; its `data` and `size` are set before.
/// @return OHP_OK; OHP_NONE if there is no such one; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_warning(
    verdict: *const ohp_verdict,
    index: usize,
    warning: *mut ohp_text,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, mut text) = unsafe { (self::verdict(verdict)?, Lent::wanted(warning)?) };
        text.say(verdict.warnings.iter().nth(index).ok_or(OHP_NONE)?);
        Ok(())
    })
}

/// The envelope that a verdict is about.
///
/// @param verdict      A verdict.
/// @param memory       Memory for the view, aligned to OHP_ALIGN.
/// @param memory_size  Its length, at least what ohp_envelope_size() says.
/// @param[out] envelope  The view; it borrows the same bytes as the verdict.
/// @return OHP_OK; OHP_NONE if the bytes are no envelope; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_verdict_envelope(
    verdict: *const ohp_verdict,
    memory: *mut c_void,
    memory_size: usize,
    envelope: *mut *mut ohp_envelope,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (verdict, out) = unsafe { (self::verdict(verdict)?, Out::new(envelope)?) };
        let view = verdict.envelope.ok_or(OHP_NONE)?;
        // SAFETY: as the header demands.
        out.set(unsafe { envelope::put(memory, memory_size, view) }?);
        Ok(())
    })
}

/// A step's name, such as "call-leg".
///
/// @param step  The step, 0 to 14.
/// @return      A text that stays valid for ever; none for a number that is no step.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_step_name(step: u32) -> ohp_str {
    ohp_str::or_none(Step::ALL.get(step as usize).map(|step| step.name()))
}

/// The word that reports show for an outcome, such as "accept". A retransmission and a full table are "duplicate" and
/// "overloaded", which `ohp verify` never meets.
///
/// @param outcome  An ohp_outcome.
/// @return         A text that stays valid for ever; none for a number that is no outcome.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_outcome_text(outcome: u32) -> ohp_str {
    use ohp_outcome::*;
    let all = [
        (OHP_OUTCOME_ACCEPT, "accept"),
        (OHP_OUTCOME_REJECT, "reject"),
        (OHP_OUTCOME_NEED, "need"),
        (OHP_OUTCOME_DUPLICATE, "duplicate"),
        (OHP_OUTCOME_OVERLOADED, "overloaded"),
    ];
    let known = all.iter().find(|(known, _)| *known as u32 == outcome);
    ohp_str::or_none(known.map(|(_, text)| *text))
}

/// The word that reports show for how a step ended, such as "pass".
///
/// @param result  An ohp_step_result.
/// @return        A text that stays valid for ever; none for OHP_STEP_NOT_REACHED and for a number that is no result.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_step_result_text(result: u32) -> ohp_str {
    let all = [StepResult::Pass, StepResult::Fail, StepResult::Skip, StepResult::Need];
    let known = all.iter().find(|known| ohp_step_result::from(**known) as u32 == result);
    ohp_str::or_none(known.map(|known| known.as_str()))
}

/// The word that reports show for a kind of resource, such as "jwks".
///
/// @param kind  An ohp_need_kind.
/// @return      A text that stays valid for ever; none for a number that is no kind.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_need_kind_text(kind: u32) -> ohp_str {
    use NeedKind::{ConsentReceipt, EntityStatement, Jwks, Log, Media, Resource};
    let all = [Jwks, EntityStatement, ConsentReceipt, Resource, Log, Media];
    let known = all.iter().find(|known| ohp_need_kind::from(**known) as u32 == kind);
    ohp_str::or_none(known.map(|known| known.as_str()))
}
