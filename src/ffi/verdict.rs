//! `ohp_verdict`: how a verification ended, and why.
//!
//! Not here: `ohp_verify()`, which makes one without a leg.

use core::ffi::c_void;

use super::continuity::heard;
use super::envelope::{self, ohp_envelope};
use super::panic::guard;
use super::place::{self, Holds, Object};
use super::pointer::Out;
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_NONE};
use super::text::{Lent, ohp_str, ohp_text};
use super::vocabulary::ohp_reason;
use crate::envelope::ReadError;
use crate::verify::{Failure, MediaDoubt, NeedKind, Outcome, STEP_COUNT, Step, StepResult, Unbound, Verdict, Why};

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
    /// The audio is that of the fingerprint, but another call has shown the same, as with music on hold.
    OHP_DOUBT_SEEN_ELSEWHERE = 4,
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

impl From<Unbound> for ohp_doubt {
    fn from(unbound: Unbound) -> Self {
        match unbound {
            Unbound::Mismatch => Self::OHP_DOUBT_MISMATCH,
            Unbound::NoMedia => Self::OHP_DOUBT_NO_MEDIA,
            Unbound::NoUsableAudio => Self::OHP_DOUBT_NO_USABLE_AUDIO,
            Unbound::ExactElsewhere | Unbound::RobustElsewhere => Self::OHP_DOUBT_SEEN_ELSEWHERE,
        }
    }
}

impl ohp_doubt {
    /// What a failure says of the sound.
    pub(super) fn of(failure: &Failure) -> Self {
        Unbound::of(&failure.why).map_or(Self::OHP_DOUBT_NONE, Self::from)
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
    /// With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ.
    pub bit_errors: u16,
    /// An ohp_decision: what the call's sound said, whatever came of it; OHP_DECISION_NONE if it was not asked.
    pub decision: u8,
    /// Zeros.
    pub reserved: [u8; 3],
}

// SAFETY: repr(C), size first; it is only ever written, so its enumerations are never read from C.
unsafe impl Sized_ for ohp_verdict_summary {
    const FIRST_SIZE: usize = 56;
}

/// How much memory an ohp_verdict takes, in bytes; at most OHP_VERDICT_SIZE_MAX.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_verdict_size() -> usize {
    place::len_of::<ohp_verdict>()
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
        let (decision, bit_errors) = heard(verdict.heard);
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
            bit_errors,
            decision: decision as u8,
            reserved: [0; 3],
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
