//! `ohp_info`: the headers of one SIP INFO, taken apart.

use core::ffi::c_char;

use super::panic::guard;
use super::pointer;
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_MALFORMED};
use super::text::{Lent, ohp_bytes, ohp_str, ohp_text};
use crate::transport::Info;

/// One INFO: the headers that the protocol reads, and the body.
///
/// A PBX that holds single header values fills this in by itself: it sets all of it to zero, then `size`, then what it
/// has. One that holds the header block calls ohp_info_parse(). All texts and the body are borrowed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_info {
    /// sizeof(ohp_info).
    pub size: usize,
    /// Call-ID, if known.
    pub call_id: ohp_str,
    /// Content-Type, whole, with its parameters.
    pub content_type: ohp_str,
    /// Content-Encoding.
    pub content_encoding: ohp_str,
    /// Info-Package (RFC 6086).
    pub info_package: ohp_str,
    /// OHP-Version.
    pub ohp_version: ohp_str,
    /// OHP-Tier.
    pub ohp_tier: ohp_str,
    /// OHP-Verb.
    pub ohp_verb: ohp_str,
    /// The body: binary, so it may hold NUL bytes.
    pub body: ohp_bytes,
    /// The number of CSeq, if `has_cseq` is 1.
    pub cseq: u32,
    /// Whether `cseq` is known: 0 or 1.
    pub has_cseq: u8,
    /// Set by ohp_info_parse(): 1 if this INFO is one of the protocol's, 0 if it belongs to the host (DTMF and others).
    pub is_ohp: u8,
    /// Zeros.
    pub reserved: [u8; 2],
}

// SAFETY: repr(C), size first, integers and pointers.
unsafe impl Sized_ for ohp_info {
    const FIRST_SIZE: usize = 144;

    fn reserved(&self) -> &[u8] {
        &self.reserved
    }
}

impl ohp_info {
    fn of(info: &Info<'_>) -> Self {
        Self {
            size: 0,
            call_id: ohp_str::or_none(info.call_id),
            content_type: ohp_str::or_none(info.content_type),
            content_encoding: ohp_str::or_none(info.content_encoding),
            info_package: ohp_str::or_none(info.info_package),
            ohp_version: ohp_str::or_none(info.ohp_version),
            ohp_tier: ohp_str::or_none(info.ohp_tier),
            ohp_verb: ohp_str::or_none(info.ohp_verb),
            body: ohp_bytes::of(info.body),
            cseq: info.cseq.unwrap_or_default(),
            has_cseq: u8::from(info.cseq.is_some()),
            is_ohp: u8::from(info.is_ohp()),
            reserved: [0; 2],
        }
    }

    /// # Safety
    /// Every text, and the body, leads to as many bytes as it says.
    pub(super) unsafe fn get<'a>(&self) -> Done<Info<'a>> {
        // SAFETY: passed on to the caller.
        unsafe {
            Ok(Info {
                call_id: self.call_id.get()?,
                cseq: (self.has_cseq != 0).then_some(self.cseq),
                content_type: self.content_type.get()?,
                content_encoding: self.content_encoding.get()?,
                content_length: None,
                info_package: self.info_package.get()?,
                ohp_version: self.ohp_version.get()?,
                ohp_tier: self.ohp_tier.get()?,
                ohp_verb: self.ohp_verb.get()?,
                body: self.body.get()?,
            })
        }
    }
}

/// Takes the header block of an INFO apart: "Name: value" lines, with or without the request line before them.
///
/// @param headers      The header block.
/// @param headers_len  Its length in bytes.
/// @param body         The message's body, all of it, NUL bytes included. What it has beyond Content-Length is cut off.
/// @param body_len     Its length in bytes.
/// @param why          A buffer for what is wrong, or NULL.
/// @param[out] info    The headers; set its `size` before. It borrows `headers` and `body`.
/// @return OHP_OK; OHP_ERR_MALFORMED, which is answered 400; OHP_ERR_NULL, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_info_parse(
    headers: *const c_char,
    headers_len: usize,
    body: *const u8,
    body_len: usize,
    why: *mut ohp_text,
    info: *mut ohp_info,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (headers, body, mut why, out) = unsafe {
            let headers = pointer::bytes(headers.cast(), headers_len)?;
            (
                headers,
                pointer::bytes(body, body_len)?,
                Lent::new(why)?,
                sized::Out::new(info)?,
            )
        };
        let info = Info::parse(headers, body).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
        out.set(ohp_info::of(&info));
        Ok(())
    })
}

/// Takes a whole SIP message apart, as it stands in a datagram: request line, headers, empty line, body.
///
/// @param message      The message.
/// @param message_len  Its length in bytes.
/// @param why          A buffer for what is wrong, or NULL.
/// @param[out] info    The headers; set its `size` before. It borrows `message`.
/// @return As ohp_info_parse().
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_info_parse_message(
    message: *const u8,
    message_len: usize,
    why: *mut ohp_text,
    info: *mut ohp_info,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (message, mut why, out) = unsafe {
            (
                pointer::bytes(message, message_len)?,
                Lent::new(why)?,
                sized::Out::new(info)?,
            )
        };
        let info = Info::parse_message(message).map_err(why.fail(|_| OHP_ERR_MALFORMED))?;
        out.set(ohp_info::of(&info));
        Ok(())
    })
}
