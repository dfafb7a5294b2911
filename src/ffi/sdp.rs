//! Session descriptions: the codec hints that a leg's description gives, and what an envelope's have in common with them.

use core::ffi::c_char;

use super::envelope::{self, ohp_envelope};
use super::leg::{self, ohp_leg};
use super::panic::guard;
use super::pointer::{self, Out};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_SPACE, OHP_NONE};
use super::text::{Lent, ohp_text};
use crate::media::sdp::{
    Agreement, Description, HINTS_LEN, MAX_HINT_LEN, MAX_HINTS, OfferReason, Renegotiation, SdpHints,
};

/// Longest text of a codec hint, in bytes.
pub const OHP_SDP_HINT_MAX: usize = 40;
/// Most codec hints of one description.
pub const OHP_SDP_HINTS_MAX: usize = 16;

/// Longest text of several codec hints, a blank between each two, in bytes.
pub const OHP_SDP_HINTS_LEN_MAX: usize = 192;

const _: () =
    assert!(OHP_SDP_HINT_MAX == MAX_HINT_LEN && OHP_SDP_HINTS_MAX == MAX_HINTS && OHP_SDP_HINTS_LEN_MAX == HINTS_LEN);

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

/// Whether a leg has to be re-INVITEd before it takes a conversation over. None of it is an error.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_renegotiation {
    /// No description of the leg is known, or neither codecs nor sound.
    OHP_RENEGOTIATION_UNKNOWN = 0,
    /// No: sound flows both ways. `codecs` is the first of the envelope's codecs that this leg has agreed on, too, and may
    /// send without asking; empty where the envelope names none.
    OHP_RENEGOTIATION_NOT_NEEDED = 1,
    /// Yes: sound flows, in no codec that the caller's leg uses. Offer `codecs`, in their order: what the envelope names
    /// and this side can do, then what is in use.
    OHP_RENEGOTIATION_OFFER_CODECS = 2,
    /// Yes: this side holds the leg. Offer `codecs` with a=sendrecv and an address.
    OHP_RENEGOTIATION_OFFER_RESUME = 3,
    /// Yes: no sound was agreed on, or it was refused. Offer `codecs`.
    OHP_RENEGOTIATION_OFFER_AUDIO = 4,
    /// Not by this side: the peer holds the leg or sends nothing, and only its own re-INVITE ends that (RFC 6337, section
    /// 5.3). `codecs` is the common codec, if there is one already.
    OHP_RENEGOTIATION_HELD = 5,
    /// No, it would not help: this side can do none of the envelope's codecs, and somebody has to transcode.
    OHP_RENEGOTIATION_NO_COMMON_CODEC = 6,
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
        let hint = hints.iter().nth(index).ok_or(OHP_NONE)?;
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

/// Whether a leg has to be re-INVITEd, and with which codecs, so that the caller whose envelope this is hears no gap.
///
/// Ask when a proposal has come, re-INVITE before ohp_leg_accept(), and ask again when both descriptions of the re-INVITE
/// have been handed over. Keep the numbers of dynamic payload types, the ports, DTMF events and comfort noise, and go on
/// decoding the codecs in use: packets of theirs still come (RFC 3264, section 8.3.2). Any leg can be asked, such as the one
/// to the agent's telephone: initialise an ohp_leg for it and hand it its descriptions.
///
/// @param leg          A leg that was handed its descriptions, the offer before the answer.
/// @param envelope     The proposal.
/// @param supported    The codecs that this side can do, in its order, separated by blanks or commas: "opus/48000/2,
///                     PCMU/8000". NULL with length 0: those of its last description.
/// @param supported_len  Its length in bytes.
/// @param codecs       Where codecs are written, a blank between each two, not NUL-terminated; OHP_SDP_HINTS_LEN_MAX bytes
///                     suffice.
/// @param codecs_size  Its length.
/// @param[out] codecs_len  The length of what was written, in bytes; 0 if the answer names no codec.
/// @param[out] renegotiation  The answer.
/// @return OHP_OK; OHP_ERR_SPACE, OHP_ERR_UTF8, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_renegotiation(
    leg: *mut ohp_leg,
    envelope: *const ohp_envelope,
    supported: *const c_char,
    supported_len: usize,
    codecs: *mut c_char,
    codecs_size: usize,
    codecs_len: *mut usize,
    renegotiation: *mut ohp_renegotiation,
) -> ohp_status {
    use ohp_renegotiation::*;
    guard(|| {
        // SAFETY: as the header demands.
        let (leg, envelope, supported) = unsafe {
            let supported = pointer::text(supported, supported_len)?;
            (leg::leg(leg)?, envelope::envelope(envelope)?, supported)
        };
        // SAFETY: as the header demands.
        let (buffer, len, out) = unsafe {
            (
                pointer::bytes_mut(codecs, codecs_size)?,
                Out::new(codecs_len)?,
                Out::new(renegotiation)?,
            )
        };
        let named = supported.split([' ', ',', '\t']).filter(|codec| !codec.is_empty());
        let supported = (supported_len > 0).then(|| SdpHints::from_codecs(named));
        let answer = leg.renegotiation(envelope.session().sdp_hint_codecs(), supported.as_ref());
        let (answer, codecs) = match &answer {
            Renegotiation::Unknown => (OHP_RENEGOTIATION_UNKNOWN, ""),
            Renegotiation::NotNeeded { codec } => (
                OHP_RENEGOTIATION_NOT_NEEDED,
                codec.as_ref().map_or("", |codec| codec.as_str()),
            ),
            Renegotiation::Offer { reason, codecs } => (
                match reason {
                    OfferReason::Codec => OHP_RENEGOTIATION_OFFER_CODECS,
                    OfferReason::Resume => OHP_RENEGOTIATION_OFFER_RESUME,
                    OfferReason::NoAudio => OHP_RENEGOTIATION_OFFER_AUDIO,
                },
                codecs.as_str(),
            ),
            Renegotiation::Held { codec } => (
                OHP_RENEGOTIATION_HELD,
                codec.as_ref().map_or("", |codec| codec.as_str()),
            ),
            Renegotiation::NoCommonCodec => (OHP_RENEGOTIATION_NO_COMMON_CODEC, ""),
        };
        let place = buffer.get_mut(..codecs.len()).ok_or(OHP_ERR_SPACE)?;
        place.copy_from_slice(codecs.as_bytes());
        len.set(codecs.len());
        out.set(answer);
        Ok(())
    })
}
