//! Envelopes without a leg: building, signing, and splitting into INFOs, for hosts that send them some other way.

use core::ffi::c_char;

use super::context::{context, ohp_context};
use super::host::{ohp_host, template};
use super::outbound::{ohp_transmit, status, wipe_after};
use super::own_stack::signing_at;
use super::panic::guard;
use super::pointer::{self, Out};
use super::sized;
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_RANGE, OHP_ERR_SPACE, OHP_ERR_TOO_LONG};
use super::text::{Lent, ohp_bytes, ohp_text};
use super::vocabulary::tier;
use crate::cbor::Item;
use crate::envelope::{ENVELOPE_MAX, Envelope, Tier};
use crate::leg::{Host, LegError, TRANSMIT_LEN, Transmit, issue_envelope};
use crate::transport::outgoing::{ENCODED_MAX, EncodeError, HEADERS_LEN, Outgoing};

/// What every function does that builds an envelope: reads what it is given, lets `make` write the envelope into the
/// buffer, and gives the bytes out. `make` says how many there are.
///
/// # Safety
/// Every pointer leads to what the header says of it.
pub(super) unsafe fn build(
    host: *const ohp_host,
    tier: u32,
    (template_data, template_len): (*const c_char, usize),
    (buffer, buffer_size): (*mut u8, usize),
    why: *mut ohp_text,
    cbor: *mut ohp_bytes,
    make: impl FnOnce(&mut Host<'_>, Tier, Item<'_>, &mut [u8]) -> Done<Result<usize, LegError>>,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (given, buffer, mut why, out) = unsafe {
            let buffer = pointer::bytes_mut(buffer, buffer_size)?;
            let given = pointer::bytes(template_data.cast(), template_len)?;
            (given, buffer, Lent::new(why)?, Out::new(cbor)?)
        };
        if buffer.len() < ENVELOPE_MAX {
            return Err(OHP_ERR_SPACE);
        }
        let tier = self::tier(tier)?;
        // SAFETY: passed on to the caller.
        let mut lent = unsafe { ohp_host::read(host) }?;
        // SAFETY: passed on to the caller.
        let (mut host, memory) = unsafe { lent.get() }?;
        let mut len = 0;
        let done = template(given, memory, &mut why).and_then(|given| {
            signing_at(tier, || {
                len = make(&mut host, tier, given, buffer)?.map_err(why.fail(status))?;
                Ok(())
            })
        });
        wipe_after(tier, &done, memory);
        done?;
        out.set(ohp_bytes::of(buffer.get(..len).unwrap_or_default()));
        Ok(())
    })
}

/// Builds, seals and signs an envelope without a leg, for a host that sends it some other way. With a leg,
/// ohp_leg_propose() does this and keeps the handoff's state. A Regulated envelope must be in the log that it names before
/// it is sent, which is the host's to see to here.
///
/// @param host          What a leg would be lent for a call; its tap gives the fingerprint, if there is one.
/// @param tier          An ohp_tier.
/// @param template_data As for ohp_leg_propose(), and with session.callId; control.verb is PROPOSE if it has none.
/// @param template_len  Its length in bytes.
/// @param buffer        Where the envelope is written; OHP_ENVELOPE_LEN_MAX bytes.
/// @param buffer_size   Its length.
/// @param why           A buffer for what is wrong, with the path of the member; or NULL.
/// @param[out] cbor     The envelope's canonical CBOR, in `buffer`.
/// @return OHP_OK; OHP_ERR_MALFORMED if the template is neither JSON nor CBOR; OHP_ERR_INVALID if the envelope would break
///         a rule; OHP_ERR_MEMORY if there is none for the thread that signs at Regulated; OHP_ERR_TOO_LONG, OHP_ERR_KEY,
///         OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE, OHP_ERR_RANGE.
///
/// Threads: any; the scratch must not be in use elsewhere. At Regulated it signs on a thread of its own, and waits for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_issue(
    host: *const ohp_host,
    tier: u32,
    template_data: *const c_char,
    template_len: usize,
    buffer: *mut u8,
    buffer_size: usize,
    why: *mut ohp_text,
    cbor: *mut ohp_bytes,
) -> ohp_status {
    let given = (template_data, template_len);
    let issue = |host: &mut Host<'_>, tier, template: Item<'_>, out: &mut [u8]| {
        Ok(issue_envelope(host, tier, template, out).map(|envelope| envelope.bytes().len()))
    };
    // SAFETY: as the header demands.
    unsafe { build(host, tier, given, (buffer, buffer_size), why, cbor, issue) }
}

/// Writes one of the INFOs that carry an envelope, without a leg: ask for part 1, and then for the others of `parts`.
/// The context says how envelopes are sent. Each part is to be sent after the final response to the one before.
///
/// @param context        A context.
/// @param cbor           The envelope's canonical CBOR.
/// @param cbor_len       Its length in bytes.
/// @param part           Which INFO, from 1.
/// @param scratch        Memory that is used during the call, ohp_scratch_size() bytes.
/// @param scratch_size   Its length.
/// @param buffer         Where the INFO is written; OHP_TRANSMIT_LEN bytes.
/// @param buffer_size    Its length.
/// @param why            A buffer for what is wrong, or NULL.
/// @param[out] transmit  The INFO; set its `size` before. Its texts and its body are in `buffer`.
/// @return OHP_OK; OHP_ERR_MALFORMED if the bytes are no envelope; OHP_ERR_RANGE if there is no such part;
///         OHP_ERR_TOO_LONG if it does not fit into as many INFOs as the protocol allows; OHP_ERR_SPACE, OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any; the scratch must not be in use elsewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_split(
    context: *const ohp_context,
    cbor: *const u8,
    cbor_len: usize,
    part: u32,
    scratch: *mut u8,
    scratch_size: usize,
    buffer: *mut u8,
    buffer_size: usize,
    why: *mut ohp_text,
    transmit: *mut ohp_transmit,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (context, cbor, scratch, buffer, mut why, out) = unsafe {
            (
                self::context(context)?,
                pointer::bytes(cbor, cbor_len)?,
                pointer::bytes_mut(scratch, scratch_size)?,
                pointer::bytes_mut(buffer, buffer_size)?,
                Lent::new(why)?,
                sized::Out::new(transmit)?,
            )
        };
        if buffer.len() < TRANSMIT_LEN {
            return Err(OHP_ERR_SPACE);
        }
        let envelope = Envelope::read(cbor, &mut |_| ()).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
        let named = (envelope.id(), envelope.tier(), envelope.verb());
        let (encoded, scratch) = scratch.split_at_mut_checked(ENCODED_MAX).ok_or(OHP_ERR_SPACE)?;
        let plan = Outgoing::encode(cbor, named, context.settings.form, scratch, encoded).map_err(why.fail(
            |error| match error {
                EncodeError::Buffer => OHP_ERR_SPACE,
                _ => OHP_ERR_TOO_LONG,
            },
        ))?;
        let data = plan
            .range(part)
            .and_then(|range| encoded.get(range))
            .ok_or(OHP_ERR_RANGE)?;
        let (headers, rest) = buffer.split_at_mut(HEADERS_LEN);
        let (place, body) = rest.split_at_mut_checked(data.len()).ok_or(OHP_ERR_SPACE)?;
        place.copy_from_slice(data);
        let info = plan.render(part, place, headers, body).map_err(|_| OHP_ERR_SPACE)?;
        out.set(ohp_transmit::of(&Transmit {
            info,
            verb: plan.verb(),
            part,
            parts: plan.total(),
        }));
        Ok(())
    })
}
