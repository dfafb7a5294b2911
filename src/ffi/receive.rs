//! From an INFO to an envelope's bytes without a leg: for a gate that only judges and passes on.

use core::ffi::c_void;

use super::info::ohp_info;
use super::panic::guard;
use super::pointer;
use super::sized::{self, Sized_};
use super::status::ohp_status::{self, OHP_ERR_SPACE};
use super::table::{self, ohp_table};
use super::text::{Lent, ohp_bytes, ohp_str, ohp_text};
use super::verify::moment;
use crate::envelope::{ENVELOPE_MAX, SHAPE};
use crate::leg::Refusal;
use crate::table::Domain;
use crate::transport::reassembly::SCRATCH_LEN;
use crate::transport::{Received, SipStatus, receive};

/// What became of an INFO.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_received {
    /// sizeof(ohp_received).
    pub size: usize,
    /// The final SIP response that it is to be given: 200, 400, 413, 415, 469 or 503.
    pub sip_status: u32,
    /// Whether an envelope is complete. Not, for all chunks but the last, and for what is sent again.
    pub complete: bool,
    /// What the OHP headers of all of the envelope's INFOs said, for ohp_situation; 0: they said nothing.
    pub echo: u8,
    /// Zeros.
    pub reserved: [u8; 2],
    /// The envelope's CBOR, not yet known to be canonical; it is in `buffer`, or the INFO's body itself.
    pub cbor: ohp_bytes,
}

// SAFETY: repr(C), size first; it is only ever written, so its boolean is never read from C.
unsafe impl Sized_ for ohp_received {
    const FIRST_SIZE: usize = 32;
}

/// How much scratch ohp_receive() needs, in bytes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_receive_scratch_size() -> usize {
    SCRATCH_LEN
}

/// Takes one INFO of a dialog: puts chunks together in the shared table, inflates, and turns base64 and JSON into CBOR.
/// ohp_leg_handle_info() does this by itself.
///
/// @param table         The shared table.
/// @param info          The INFO.
/// @param call_id       The dialog's Call-ID.
/// @param now_ms        Milliseconds since the epoch.
/// @param scratch       Memory that is used during the call; ohp_receive_scratch_size() bytes.
/// @param scratch_size  Its length.
/// @param buffer        Where an envelope is written that did not come as one piece of CBOR; OHP_ENVELOPE_LEN_MAX bytes.
/// @param buffer_size   Its length.
/// @param why           A buffer for why the response is not 200, or NULL.
/// @param[out] received What became of it; set its `size` before.
/// @return OHP_OK, whatever the response is; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT,
///         OHP_ERR_SIZE, OHP_ERR_RANGE, OHP_ERR_UTF8.
///
/// Threads: any; chunks of one envelope may be handed to different threads and processes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_receive(
    table: *const ohp_table,
    info: *const ohp_info,
    call_id: ohp_str,
    now_ms: u64,
    scratch: *mut c_void,
    scratch_size: usize,
    buffer: *mut u8,
    buffer_size: usize,
    why: *mut ohp_text,
    received: *mut ohp_received,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (table, info, call_id) = unsafe {
            (
                table::table(table)?,
                sized::read(info)?.get()?,
                call_id.get()?.unwrap_or_default(),
            )
        };
        // SAFETY: as the header demands.
        let (scratch, buffer, mut why, out) = unsafe {
            let scratch = pointer::bytes_mut(scratch.cast::<u8>(), scratch_size)?;
            let buffer = pointer::bytes_mut(buffer, buffer_size)?;
            (scratch, buffer, Lent::new(why)?, sized::Out::new(received)?)
        };
        if scratch.len() < SCRATCH_LEN || buffer.len() < ENVELOPE_MAX {
            return Err(OHP_ERR_SPACE);
        }
        let call = table.key(Domain::Call, &[call_id.as_bytes()]);
        let taken = receive(&table, &call, &info, moment(now_ms)?, SHAPE, scratch, buffer);
        let (status, complete) = match taken {
            Ok(Received::Complete(message)) if !message.is_as_named() => {
                why.say(Refusal::OtherId);
                (SipStatus::BadRequest, None)
            }
            Ok(Received::Complete(message)) => (SipStatus::Ok, Some(message)),
            Ok(Received::Partial { .. } | Received::Duplicate { .. }) => (SipStatus::Ok, None),
            Err(refusal) => {
                why.say(refusal);
                (refusal.status(), None)
            }
        };
        out.set(ohp_received {
            size: 0,
            sip_status: u32::from(status.code()),
            complete: complete.is_some(),
            echo: complete.map_or(0, |message| message.echo.to_bits()),
            reserved: [0; 2],
            cbor: complete.map_or(ohp_bytes::NONE, |message| ohp_bytes::of(message.cbor)),
        });
        Ok(())
    })
}
