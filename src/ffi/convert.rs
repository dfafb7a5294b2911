//! JSON into canonical CBOR, and back.

use core::ffi::{c_char, c_void};

use super::panic::guard;
use super::pointer::{self, Out};
use super::status::ohp_status::{self, OHP_ERR_MALFORMED, OHP_ERR_SPACE, OHP_ERR_TOO_LONG};
use super::text::{Lent, Whole, ohp_text};
use crate::cbor::Item;
use crate::cbor::json::{self, ErrorKind};
use crate::envelope::SHAPE;

/// How much scratch ohp_cbor_from_json() needs for a document of that length, in bytes.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_cbor_from_json_scratch_size(json_len: usize) -> usize {
    json::scratch_len(json_len)
}

/// Turns the JSON of an envelope, or of a part of one in an envelope's own nesting, into canonical CBOR.
///
/// Date-times and floats are known by their place in the protocol's schema; nothing else of the schema is checked here.
///
/// @param json          The document, UTF-8.
/// @param json_len      Its length in bytes.
/// @param scratch       Memory that is used during the call; ohp_cbor_from_json_scratch_size() bytes suffice.
/// @param scratch_size  Its length.
/// @param why           A buffer for what is wrong with the document, and at which byte; or NULL.
/// @param cbor          Where to write; OHP_ENVELOPE_LEN_MAX bytes take every envelope.
/// @param cbor_size     Its length.
/// @param[out] cbor_len How many bytes were written.
/// @return OHP_OK; OHP_ERR_MALFORMED if it is no JSON, has a key twice, or a date-time is none; OHP_ERR_SPACE if scratch
///         or output is too small; OHP_ERR_TOO_LONG, OHP_ERR_NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_cbor_from_json(
    json: *const c_char,
    json_len: usize,
    scratch: *mut c_void,
    scratch_size: usize,
    why: *mut ohp_text,
    cbor: *mut u8,
    cbor_size: usize,
    cbor_len: *mut usize,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (json, scratch, mut why, cbor, out) = unsafe {
            let scratch = pointer::bytes_mut(scratch.cast::<u8>(), scratch_size)?;
            let json = pointer::bytes(json.cast(), json_len)?;
            let cbor = pointer::bytes_mut(cbor, cbor_size)?;
            (json, scratch, Lent::new(why)?, cbor, Out::new(cbor_len)?)
        };
        let written =
            json::to_cbor(json, SHAPE, scratch, cbor).map_err(why.fail(|error: &json::Error| match error.kind {
                ErrorKind::OutputFull | ErrorKind::ScratchFull => OHP_ERR_SPACE,
                ErrorKind::TooLarge => OHP_ERR_TOO_LONG,
                _ => OHP_ERR_MALFORMED,
            }))?;
        out.set(written.len());
        Ok(())
    })
}

/// Writes canonical CBOR as JSON, without loss: an envelope, a part of one, or a value that was disclosed.
///
/// @param cbor         The CBOR.
/// @param cbor_len     Its length in bytes.
/// @param pretty       0 for one line, 1 for indented lines.
/// @param buffer       Where to write; UTF-8, not NUL-terminated.
/// @param buffer_size  Its length.
/// @param why          A buffer for what is wrong with the CBOR, and at which byte; or NULL.
/// @param[out] len     How many bytes were written.
/// @return OHP_OK; OHP_ERR_MALFORMED if it is not canonical CBOR of JSON's data model; OHP_ERR_SPACE if the buffer is too
///         small, and what it then holds is of no use; OHP_ERR_NULL, OHP_ERR_ALIGNMENT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_cbor_to_json(
    cbor: *const u8,
    cbor_len: usize,
    pretty: u32,
    buffer: *mut c_char,
    buffer_size: usize,
    why: *mut ohp_text,
    len: *mut usize,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (cbor, buffer, mut why, out) = unsafe {
            let buffer = pointer::bytes_mut(buffer, buffer_size)?;
            (pointer::bytes(cbor, cbor_len)?, buffer, Lent::new(why)?, Out::new(len)?)
        };
        let item = Item::parse(cbor).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
        out.set(Whole::new(buffer).all(|out| json::from_cbor(item, out, pretty != 0))?);
        Ok(())
    })
}
