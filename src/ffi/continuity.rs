//! `ohp_tap_continuity()`: both fingerprints in one question with five answers; and the robust one taken.

use core::ffi::c_char;

use super::panic::guard;
use super::sized::{self, Sized_};
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_NULL, OHP_NO_MEDIA, OHP_NO_USABLE_AUDIO};
use super::tap::{ohp_decision, ohp_tap};
use super::text::{Lent, ohp_str, ohp_text};
use crate::media::continuity::{self, Continuity, Wanted};
use crate::media::robust::fingerprint::{BITS, TEXT_LEN};
use crate::media::robust::{self, MAX_ERRORS, NO_OTHERS, NoSample};
use crate::media::{Fingerprint, RobustFingerprint};
use crate::verify::Heard;

/// Length of a robust fingerprint's text, "hk1:" and 176 characters of base64url.
pub const OHP_ROBUST_LEN: usize = 180;
/// Bits of a robust fingerprint; bit errors divided by it are the bit error rate.
pub const OHP_ROBUST_BITS: u32 = 992;
/// Most of them that differ in a match.
pub const OHP_ROBUST_ERRORS_MAX: u32 = 297;

const _: () = assert!(
    OHP_ROBUST_LEN == TEXT_LEN && OHP_ROBUST_BITS as usize == BITS && OHP_ROBUST_ERRORS_MAX == MAX_ERRORS as u32
);

/// The fingerprint that a sender may put into session.media.x-ohp-robust.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_robust_fingerprint {
    /// sizeof(ohp_robust_fingerprint).
    pub size: usize,
    /// How far the four seconds lie behind the newest audio, in milliseconds.
    pub behind_ms: u32,
    /// The text, OHP_ROBUST_LEN bytes, not NUL-terminated.
    pub text: [c_char; OHP_ROBUST_LEN],
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_robust_fingerprint {
    const FIRST_SIZE: usize = 192;
}

/// What the call's sound says about the fingerprints of an envelope.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_continuity {
    /// sizeof(ohp_continuity).
    pub size: usize,
    /// An ohp_decision: one of five.
    pub decision: u32,
    /// With OHP_DECISION_ROBUST_MATCH: how many of OHP_ROBUST_BITS bits differ, OHP_ROBUST_ERRORS_MAX at most. Otherwise 0.
    pub bit_errors: u32,
    /// With a match: how far the end of what was found lies behind the newest audio, in milliseconds; negative if the end of a
    /// robust fingerprint's four seconds has not been heard yet.
    pub behind_ms: i32,
    /// Zeros.
    pub reserved: [u8; 4],
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_continuity {
    const FIRST_SIZE: usize = 24;
}

/// What was heard as C has it, and the bits that differ in a robust match.
pub(super) fn heard(heard: Option<Heard>) -> (ohp_decision, u16) {
    match heard {
        None => (ohp_decision::OHP_DECISION_NONE, 0),
        Some(Heard::Exact) => (ohp_decision::OHP_DECISION_MATCH, 0),
        Some(Heard::Robust { errors }) => (ohp_decision::OHP_DECISION_ROBUST_MATCH, errors),
        Some(Heard::Mismatch) => (ohp_decision::OHP_DECISION_MISMATCH, 0),
        Some(Heard::NoUsableAudio) => (ohp_decision::OHP_DECISION_NO_USABLE_AUDIO, 0),
        Some(Heard::NoMedia) => (ohp_decision::OHP_DECISION_NO_MEDIA, 0),
    }
}

/// The word that reports show for a decision, such as "robust".
///
/// @param decision  An ohp_decision.
/// @return          A text that stays valid for ever; none for OHP_DECISION_NONE and for a number that is no decision.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_decision_text(decision: u32) -> ohp_str {
    let all = [
        Heard::Exact,
        Heard::Robust { errors: 0 },
        Heard::Mismatch,
        Heard::NoUsableAudio,
        Heard::NoMedia,
    ];
    let known = all.iter().find(|known| heard(Some(**known)).0 as u32 == decision);
    ohp_str::or_none(known.map(|known| known.as_str()))
}

/// The sender's side: takes the robust fingerprint of the newest four seconds that can prove something.
///
/// ohp_leg_propose() does this by itself where the context's `robust_fingerprint` says so. It takes about a millisecond, and
/// 84 KiB of stack.
///
/// @param tap  A tap.
/// @param why  A buffer for why there is none, or NULL.
/// @param[out] fingerprint  The fingerprint; set its `size` before.
/// @return OHP_OK, OHP_NO_MEDIA, OHP_NO_USABLE_AUDIO, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_robust_fingerprint(
    tap: *const ohp_tap,
    why: *mut ohp_text,
    fingerprint: *mut ohp_robust_fingerprint,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, mut why, out) = unsafe { (super::tap::tap(tap)?, Lent::new(why)?, sized::Out::new(fingerprint)?) };
        let sample = robust::newest(&tap).map_err(why.fail(|error| match error {
            NoSample::NoMedia => OHP_NO_MEDIA,
            NoSample::NoUsableAudio(_) => OHP_NO_USABLE_AUDIO,
        }))?;
        out.set(ohp_robust_fingerprint {
            size: 0,
            behind_ms: sample.behind_ms,
            text: sample.fingerprint.to_text().map(|byte| byte as c_char),
        });
        Ok(())
    })
}

/// The receiver's side: looks for the exact fingerprint in all that the tap holds and, if it is not there, for the robust one.
/// Whether a robust match may count is for the caller's policy; it never does at Regulated. What other calls have shown is not
/// looked at.
///
/// ohp_leg_handle_info() and ohp_verify() do this by themselves as the bundle's `receiver.robustFingerprint` says. The exact
/// search of ten seconds of G.711 takes up to 2.5 ms, the robust one after it 1.6 ms; 84 KiB of stack.
///
/// @param tap     A tap.
/// @param exact   What session.media.rtpFingerprint says; none: only the robust one is looked for.
/// @param robust  What session.media.x-ohp-robust says; none: only the exact one is looked for.
/// @param why     A buffer for the answer in words, or NULL.
/// @param[out] continuity  What was found; set its `size` before.
/// @return OHP_OK; OHP_ERR_MALFORMED if a text is no such fingerprint; OHP_ERR_NULL, also if there is neither text;
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_UTF8.
///
/// Threads: any; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_continuity(
    tap: *const ohp_tap,
    exact: ohp_str,
    robust: ohp_str,
    why: *mut ohp_text,
    continuity: *mut ohp_continuity,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, exact, robust, mut why, out) = unsafe {
            (
                super::tap::tap(tap)?,
                exact.get()?,
                robust.get()?,
                Lent::new(why)?,
                sized::Out::new(continuity)?,
            )
        };
        if exact.is_none() && robust.is_none() {
            return Err(OHP_ERR_NULL);
        }
        let exact = exact.map(|text| Fingerprint::parse(text).ok_or(OHP_ERR_MALFORMED));
        let robust = robust.map(|text| RobustFingerprint::parse(text).ok_or(OHP_ERR_MALFORMED));
        let (exact, robust) = (exact.transpose()?, robust.transpose()?);
        let found = continuity::search(
            &tap,
            &Wanted {
                exact: exact.as_ref(),
                robust: robust.as_ref(),
                others: NO_OTHERS,
            },
        );
        why.say(found);
        let (decision, bit_errors) = heard(Some(found.into()));
        out.set(ohp_continuity {
            size: 0,
            decision: decision as u32,
            bit_errors: u32::from(bit_errors),
            behind_ms: match found {
                Continuity::Exact(found) => i32::try_from(found.behind_ms).unwrap_or(i32::MAX),
                Continuity::Robust(found) => found.behind_ms,
                _ => 0,
            },
            reserved: [0; 4],
        });
        Ok(())
    })
}
