//! `ohp_leg`: one call leg's signalling. What comes in; the other half is in `outbound`.

use core::ffi::{c_char, c_void};

use super::host::ohp_host;
use super::info::ohp_info;
use super::panic::guard;
use super::place::{self, Holds, InUse, Object, Room};
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_RANGE, OHP_ERR_SPACE};
use super::table::{self, ohp_table};
use super::text::{Lent, ohp_bytes, ohp_text};
use super::verdict::{self, ohp_verdict};
use super::verify::observer;
use crate::control::{Phase, Side};
use crate::envelope::ENVELOPE_MAX;
use crate::leg::{Handled, Leg, SdpOrigin};

/// One call leg's signalling: the user agent of a handoff on one SIP dialog, without input or output of its own.
///
/// It lies in memory that the host supplies, and may lie in memory shared by forked workers. Feed it what happens
/// (session descriptions, INFOs, responses, the passing of time) and what the application wants (propose, accept, reject,
/// assume, give back). After every such call drain it, in this order:
///
/// 1. ohp_leg_poll_event() until OHP_NONE: what happened, for the application;
/// 2. ohp_leg_poll_transmit() until OHP_NONE: an INFO to send inside the dialog. While one is outstanding there is no
///    other; hand its final response to ohp_leg_handle_response();
/// 3. ohp_leg_poll_timeout(): when to call ohp_leg_handle_timeout() at the latest.
///
/// It never drops or delays a call: it says what happened, and the host decides. One caller at a time uses a leg; a
/// second one is turned away with OHP_ERR_BUSY. So is everybody after a process was killed inside a call into the leg,
/// since what it left there may be half written: initialise such a leg anew.
pub struct ohp_leg(());

impl Object for ohp_leg {
    const KIND: u64 = u64::from_be_bytes(*b"OHPleg \x01");
}

impl Holds for ohp_leg {
    type Value = Leg;
}

/// Memory, in bytes, that an ohp_leg takes at most in this version of the interface.
pub const OHP_LEG_SIZE_MAX: usize = 8192;
/// Longest identifier of a leg, in bytes.
pub const OHP_LEG_ID_LEN_MAX: usize = 255;
/// Most identifiers of a leg.
pub const OHP_LEG_IDS_MAX: usize = 4;

const _: () = assert!(
    place::len_of::<ohp_leg>() <= OHP_LEG_SIZE_MAX
        && OHP_LEG_ID_LEN_MAX == crate::leg::LEG_ID_LEN_MAX
        && OHP_LEG_IDS_MAX == crate::leg::LEG_IDS_MAX
);

/// The side of a handoff that a leg is on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_side {
    /// It proposed, and held the conversation when it did.
    OHP_SIDE_SENDER = 1,
    /// It was proposed to.
    OHP_SIDE_RECEIVER = 2,
}

/// How far a handoff has come.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_phase {
    /// Nothing has been proposed.
    OHP_PHASE_IDLE = 1,
    /// A PROPOSE is out and unanswered.
    OHP_PHASE_PROPOSING = 2,
    /// It was accepted; an ASSUME is due within ten seconds.
    OHP_PHASE_ACCEPTED = 3,
    /// It was rejected, ran out, or was abandoned; the sender still holds the conversation.
    OHP_PHASE_REJECTED = 4,
    /// The receiver holds the conversation.
    OHP_PHASE_HANDED_OFF = 5,
    /// The conversation came back to the sender.
    OHP_PHASE_RESUMED = 6,
}

/// Where a leg stands.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_leg_state {
    /// sizeof(ohp_leg_state).
    pub size: usize,
    /// How far the handoff has come.
    pub phase: ohp_phase,
    /// The side that the leg is on, since the last PROPOSE.
    pub side: ohp_side,
    /// Whether a proposal waits for resources; see ohp_leg_verify_again().
    pub is_pending: bool,
    /// Whether the peer has put the leg on hold, or sends nothing: what is heard then is music, or silence.
    pub is_on_hold: bool,
    /// Zeros.
    pub reserved: [u8; 6],
}

// SAFETY: repr(C), size first; it is only ever written, so its enumerations are never read from C.
unsafe impl Sized_ for ohp_leg_state {
    const FIRST_SIZE: usize = 24;
}

/// What became of an INFO.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_handled {
    /// sizeof(ohp_handled).
    pub size: usize,
    /// The final SIP response that it is to be given: 200, 400, 413, 415, 469, 488, 491 or 503.
    pub sip_status: u32,
    /// Zeros.
    pub reserved: [u8; 4],
    /// The verdict, once an envelope is complete; NULL before.
    pub verdict: *mut ohp_verdict,
    /// The envelope's canonical CBOR, once it is complete. It is in the buffer that was lent for it, or is the INFO's body
    /// itself: copy it if it is to outlive either, as it must for ohp_leg_verify_again().
    pub cbor: ohp_bytes,
}

// SAFETY: repr(C), size first, integers and pointers.
unsafe impl Sized_ for ohp_handled {
    const FIRST_SIZE: usize = 40;
}

/// The leg that C points to, for this caller alone.
///
/// # Safety
/// As [`place::get`].
pub(super) unsafe fn leg<'a>(leg: *mut ohp_leg) -> Done<InUse<'a, Leg>> {
    // SAFETY: passed on to the caller.
    unsafe { place::get_mut(leg) }
}

/// How much memory an ohp_leg takes, in bytes; at most OHP_LEG_SIZE_MAX.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_leg_size() -> usize {
    place::len_of::<ohp_leg>()
}

/// Makes a leg of a dialog.
///
/// @param memory       Memory of the host, aligned to OHP_ALIGN. It stays the host's; there is nothing to release.
/// @param memory_size  Its length, at least what ohp_leg_size() says.
/// @param call_id      The dialog's Call-ID, OHP_LEG_ID_LEN_MAX bytes at most.
/// @param call_id_len  Its length in bytes.
/// @param[out] leg     The leg; it is at the same address as the memory.
/// @return OHP_OK; OHP_ERR_RANGE if the Call-ID is empty or too long; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_UTF8.
///
/// Threads: one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_init(
    memory: *mut c_void,
    memory_size: usize,
    call_id: *const c_char,
    call_id_len: usize,
    leg: *mut *mut ohp_leg,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, call_id) = unsafe { (Out::new(leg)?, pointer::text(call_id, call_id_len)?) };
        let made = Leg::new(call_id).map_err(|_| OHP_ERR_RANGE)?;
        // SAFETY: as the header demands.
        out.set(unsafe { place::put(memory, memory_size, made) }?);
        Ok(())
    })
}

/// Finds the leg that another process has made in shared memory.
///
/// @param memory       The memory, at the same address as in that process, from which this one was forked.
/// @param memory_size  Its length.
/// @param[out] leg     The leg.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_attach(memory: *mut c_void, memory_size: usize, leg: *mut *mut ohp_leg) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, room) = unsafe { (Out::new(leg)?, Room::<ohp_leg>::new(memory, memory_size)?) };
        out.set(room.made()?);
        Ok(())
    })
}

/// Gives a leg a further identifier that session.callId may name: the other leg's Call-ID in the host's own B2BUA, a
/// Replaces, an RFC 7989 Session-ID. One that a peer wrote counts only if that peer is trusted, which the host knows.
///
/// @param leg     A leg.
/// @param id      The identifier.
/// @param id_len  Its length in bytes.
/// @return OHP_OK, also if the leg has it already; OHP_ERR_RANGE if it is empty or too long, or one more than
///         OHP_LEG_IDS_MAX; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_UTF8.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_bind_id(leg: *mut ohp_leg, id: *const c_char, id_len: usize) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (id, mut leg) = unsafe { (pointer::text(id, id_len)?, self::leg(leg)?) };
        leg.bind_id(id).map_err(|_| OHP_ERR_RANGE)
    })
}

/// # Safety
/// As [`leg`] and [`pointer::bytes`].
unsafe fn handle_sdp(
    leg: *mut ohp_leg,
    origin: SdpOrigin,
    sdp: *const c_char,
    len: usize,
    why: *mut ohp_text,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (sdp, mut why, mut leg) = unsafe { (pointer::bytes(sdp.cast(), len)?, Lent::new(why)?, self::leg(leg)?) };
        leg.handle_sdp(origin, sdp).map_err(why.fail(|_| OHP_ERR_MALFORMED))
    })
}

/// Notes this side's session description that the dialog has agreed on. See also ohp_tap_set_sdp().
///
/// Hand over the offer first, and then its answer, whichever is this side's: so a hold is told from what only mirrors it.
/// After a re-INVITE hand over both anew.
///
/// @param leg      A leg.
/// @param sdp      The description.
/// @param sdp_len  Its length in bytes.
/// @param why      A buffer for what is wrong with it, or NULL.
/// @return OHP_OK; OHP_ERR_MALFORMED, and then the leg keeps what it had; OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_handle_local_sdp(
    leg: *mut ohp_leg,
    sdp: *const c_char,
    sdp_len: usize,
    why: *mut ohp_text,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { handle_sdp(leg, SdpOrigin::Local, sdp, sdp_len, why) }
}

/// Notes the peer's session description that the dialog has agreed on, in the order that ohp_leg_handle_local_sdp() says.
/// The codec hints of the next proposal are those that both descriptions name; without a local one, the peer's.
///
/// @param leg      A leg.
/// @param sdp      The description.
/// @param sdp_len  Its length in bytes.
/// @param why      A buffer for what is wrong with it, or NULL.
/// @return As ohp_leg_handle_local_sdp().
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_handle_remote_sdp(
    leg: *mut ohp_leg,
    sdp: *const c_char,
    sdp_len: usize,
    why: *mut ohp_text,
) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { handle_sdp(leg, SdpOrigin::Remote, sdp, sdp_len, why) }
}

/// Reads where a leg stands.
///
/// @param leg         A leg.
/// @param[out] state  Where it stands; set its `size` before.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_get_state(leg: *mut ohp_leg, state: *mut ohp_leg_state) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, leg) = unsafe { (sized::Out::new(state)?, self::leg(leg)?) };
        out.set(ohp_leg_state {
            size: 0,
            phase: match leg.phase() {
                Phase::Idle => ohp_phase::OHP_PHASE_IDLE,
                Phase::Proposing => ohp_phase::OHP_PHASE_PROPOSING,
                Phase::Accepted => ohp_phase::OHP_PHASE_ACCEPTED,
                Phase::Rejected => ohp_phase::OHP_PHASE_REJECTED,
                Phase::HandedOff => ohp_phase::OHP_PHASE_HANDED_OFF,
                Phase::Resumed => ohp_phase::OHP_PHASE_RESUMED,
            },
            side: match leg.side() {
                Side::Sender => ohp_side::OHP_SIDE_SENDER,
                Side::Receiver => ohp_side::OHP_SIDE_RECEIVER,
            },
            is_pending: leg.is_pending(),
            is_on_hold: leg.is_on_hold(),
            reserved: [0; 6],
        });
        Ok(())
    })
}

/// Takes an INFO of the leg's dialog: puts chunks together, verifies a complete envelope, and moves the handoff by it.
/// Then drain the leg.
///
/// It takes longest where a fingerprint is searched for; docs/performance.md has figures.
///
/// @param leg           A leg.
/// @param host          What the leg is lent for this call.
/// @param info          The INFO.
/// @param buffer        Where an envelope is written that did not come as one piece of CBOR; OHP_ENVELOPE_LEN_MAX bytes.
/// @param buffer_size   Its length.
/// @param memory        Memory for the verdict, aligned to OHP_ALIGN.
/// @param memory_size   Its length, at least what ohp_verdict_size() says.
/// @param why           A buffer for why the response is not 200, or NULL.
/// @param[out] handled  What became of it; set its `size` before. The verdict borrows `buffer` or the INFO's body.
/// @return OHP_OK, whatever the verdict and the response are; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE, OHP_ERR_UTF8.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_handle_info(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    info: *const ohp_info,
    buffer: *mut u8,
    buffer_size: usize,
    memory: *mut c_void,
    memory_size: usize,
    why: *mut ohp_text,
    handled: *mut ohp_handled,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut lent, info, buffer) = unsafe {
            let buffer = pointer::bytes_mut(buffer, buffer_size)?;
            (ohp_host::read(host)?, sized::read(info)?.get()?, buffer)
        };
        // SAFETY: as the header demands.
        let (why, out) = unsafe { (Lent::new(why)?, sized::Out::new(handled)?) };
        let observe = &mut observer(lent.asked.observe, lent.asked.user);
        // SAFETY: as the header demands.
        let (mut host, _) = unsafe { lent.get() }?;
        if buffer.len() < ENVELOPE_MAX {
            return Err(OHP_ERR_SPACE);
        }
        // The memory is looked at before the leg is moved, which could not be undone.
        place::check::<ohp_verdict>(memory, memory_size)?;
        // SAFETY: as the header demands.
        let mut leg = unsafe { self::leg(leg) }?;
        let taken = leg.handle_info(&mut host, &info, buffer, observe);
        // SAFETY: as the header demands.
        out.set(unsafe { tell(taken, memory, memory_size, why) }?);
        Ok(())
    })
}

/// Judges the pending proposal again, because something that it lacked may be there now: sound, or a resource in a new
/// context. Does nothing unless that proposal is pending (see ohp_leg_get_state()). An INCIDENT that lacked resources is judged
/// as well: the leg keeps nothing of it, so the host sees to it until the envelope's notAfter. Then drain the leg.
///
/// @param leg           A leg.
/// @param host          What the leg is lent for this call.
/// @param cbor          The proposal's canonical CBOR, as ohp_leg_handle_info() gave it; the verdict borrows it.
/// @param cbor_len      Its length in bytes.
/// @param memory        Memory for the verdict, aligned to OHP_ALIGN.
/// @param memory_size   Its length, at least what ohp_verdict_size() says.
/// @param why           A buffer for what went wrong, or NULL.
/// @param[out] handled  What became of it; set its `size` before. There is no response to give.
/// @return As ohp_leg_handle_info().
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_verify_again(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    cbor: *const u8,
    cbor_len: usize,
    memory: *mut c_void,
    memory_size: usize,
    why: *mut ohp_text,
    handled: *mut ohp_handled,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut lent, cbor) = unsafe { (ohp_host::read(host)?, pointer::bytes(cbor, cbor_len)?) };
        // SAFETY: as the header demands.
        let (why, out) = unsafe { (Lent::new(why)?, sized::Out::new(handled)?) };
        let observe = &mut observer(lent.asked.observe, lent.asked.user);
        // SAFETY: as the header demands.
        let (mut host, _) = unsafe { lent.get() }?;
        place::check::<ohp_verdict>(memory, memory_size)?;
        // SAFETY: as the header demands.
        let mut leg = unsafe { self::leg(leg) }?;
        let taken = leg.verify_again(&mut host, cbor, observe);
        // SAFETY: as the header demands.
        out.set(unsafe { tell(taken, memory, memory_size, why) }?);
        Ok(())
    })
}

/// # Safety
/// As [`verdict::put`].
unsafe fn tell(taken: Handled<'_>, memory: *mut c_void, size: usize, mut why: Lent<'_>) -> Done<ohp_handled> {
    if let Some(refusal) = taken.refusal {
        why.say(refusal);
    }
    let envelope = taken.verdict.as_ref().and_then(|verdict| verdict.envelope);
    let cbor = envelope.map_or(ohp_bytes::NONE, |envelope| ohp_bytes::of(envelope.bytes()));
    let verdict = match taken.verdict {
        // SAFETY: passed on to the caller.
        Some(verdict) => unsafe { verdict::put(memory, size, verdict) }?,
        None => core::ptr::null_mut(),
    };
    Ok(ohp_handled {
        size: 0,
        reserved: [0; 4],
        sip_status: u32::from(taken.status.code()),
        verdict,
        cbor,
    })
}

/// Takes the final response to the outstanding INFO. Then drain the leg.
///
/// @param leg     A leg.
/// @param table   The shared table.
/// @param status  The SIP status, 200 to 699; 408 where no response came.
/// @return OHP_OK, OHP_ERR_RANGE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_handle_response(
    leg: *mut ohp_leg,
    table: *const ohp_table,
    status: u32,
) -> ohp_status {
    guard(|| {
        let status = u16::try_from(status).ok().filter(|status| (200..700).contains(status));
        // SAFETY: as the header demands.
        let (table, status, mut leg) = unsafe { (table::table(table)?, status.ok_or(OHP_ERR_RANGE)?, self::leg(leg)?) };
        leg.handle_response(&table, status);
        Ok(())
    })
}

/// Ends what has run out by now. Then drain the leg.
///
/// @param leg   A leg.
/// @param host  What the leg is lent for this call.
/// @return OHP_OK, OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE,
///         OHP_ERR_RANGE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_handle_timeout(leg: *mut ohp_leg, host: *const ohp_host) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut lent, mut leg) = unsafe { (ohp_host::read(host)?, self::leg(leg)?) };
        // SAFETY: as the header demands.
        let (mut host, _) = unsafe { lent.get() }?;
        leg.handle_timeout(&mut host);
        Ok(())
    })
}
