//! Session descriptions: the codec hints that a leg's description gives, and what an envelope's have in common with them.

use core::ffi::c_char;

use super::envelope::{self, ohp_envelope};
use super::panic::guard;
use super::pointer::{self, Out};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_SPACE, OHP_NONE};
use super::text::{Lent, ohp_text};
use crate::media::sdp::{Agreement, Description, MAX_HINT_LEN, MAX_HINTS, SdpHints};

/// Longest text of a codec hint, in bytes.
pub const OHP_SDP_HINT_MAX: usize = 40;
/// Most codec hints of one description.
pub const OHP_SDP_HINTS_MAX: usize = 16;

const _: () = assert!(OHP_SDP_HINT_MAX == MAX_HINT_LEN && OHP_SDP_HINTS_MAX == MAX_HINTS);

/// What the codec hints of an envelope have in common with what a leg has negotiated. None of it is an error.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_agreement {
    /// There are no hints that could be read, or the leg has negotiated nothing.
    OHP_AGREEMENT_UNKNOWN = 0,
    /// Both legs use a codec; the explanation names it.
    OHP_AGREEMENT_COMMON = 1,
    /// None of the hinted codecs is in use here: audio will be transcoded, or the leg must be re-negotiated.
    OHP_AGREEMENT_NOTHING_IN_COMMON = 2,
}

/// # Safety
/// As [`pointer::bytes`].
unsafe fn hints(sdp: *const c_char, len: usize, why: &mut Lent<'_>) -> Done<SdpHints> {
    // SAFETY: passed on to the caller.
    let sdp = unsafe { pointer::bytes(sdp.cast(), len) }?;
    let description = Description::parse(sdp).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
    Ok(SdpHints::from_answer(&description))
}

/// One of the codec hints that a negotiated answer gives, such as "PCMU/8000", in order of preference.
///
/// A leg that was handed its descriptions puts them into its proposals by itself.
///
/// @param sdp      The answer.
/// @param sdp_len  Its length in bytes.
/// @param index    Which hint, from 0; there are OHP_SDP_HINTS_MAX at most.
/// @param why      A buffer for what is wrong with the description, or NULL.
/// @param buffer   Where the hint is written, not NUL-terminated; OHP_SDP_HINT_MAX bytes suffice.
/// @param buffer_size  Its length.
/// @param[out] len The hint's length in bytes.
/// @return OHP_OK; OHP_NONE if there is no such hint; OHP_ERR_MALFORMED if this is no session description; OHP_ERR_SPACE,
///         OHP_ERR_NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_sdp_hint(
    sdp: *const c_char,
    sdp_len: usize,
    index: usize,
    why: *mut ohp_text,
    buffer: *mut c_char,
    buffer_size: usize,
    len: *mut usize,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (hints, buffer, out) = unsafe {
            let hints = hints(sdp, sdp_len, &mut Lent::new(why)?)?;
            (hints, pointer::bytes_mut(buffer, buffer_size)?, Out::new(len)?)
        };
        let hint = hints.as_slice().get(index).ok_or(OHP_NONE)?.as_str();
        let place = buffer.get_mut(..hint.len()).ok_or(OHP_ERR_SPACE)?;
        place.copy_from_slice(hint.as_bytes());
        out.set(hint.len());
        Ok(())
    })
}

/// Compares the codec hints of an envelope with what a leg has negotiated.
///
/// @param envelope  The envelope.
/// @param sdp       The leg's negotiated answer.
/// @param sdp_len   Its length in bytes.
/// @param why       A buffer for the common codec, or for what is wrong with the description; or NULL.
/// @param[out] agreement  What they have in common.
/// @return OHP_OK; OHP_ERR_MALFORMED if this is no session description; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_sdp_compare(
    envelope: *const ohp_envelope,
    sdp: *const c_char,
    sdp_len: usize,
    why: *mut ohp_text,
    agreement: *mut ohp_agreement,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (envelope, mut why, out) =
            unsafe { (envelope::envelope(envelope)?, Lent::new(why)?, Out::new(agreement)?) };
        // SAFETY: as the header demands.
        let hints = unsafe { hints(sdp, sdp_len, &mut why) }?;
        out.set(match hints.compare(envelope.session().sdp_hint_codecs()) {
            Agreement::Common(codec) => {
                why.say(codec.as_str());
                ohp_agreement::OHP_AGREEMENT_COMMON
            }
            Agreement::NothingInCommon => ohp_agreement::OHP_AGREEMENT_NOTHING_IN_COMMON,
            Agreement::Unknown => ohp_agreement::OHP_AGREEMENT_UNKNOWN,
        });
        Ok(())
    })
}
