//! The rows of the table. Everyone gets the same bytes and has to give the same answer: a sum over all that the row
//! demands, so that nobody wins by looking away.

mod cbor;
mod info;
mod json;
mod robust;
mod rtp;
mod sdp;
mod tap;
mod verdict;

use crate::race::Row;

/// The envelope whose instructions are counted: 3.8 KB of JSON.
const ENVELOPE: &[u8] = include_bytes!("../../../inputs/envelope.json");

pub fn all() -> Vec<Row> {
    let [core, signed] = verdict::rows();
    vec![
        cbor::row(),
        json::row(),
        json::schema_row(),
        info::row(),
        sdp::row(),
        rtp::row(),
        tap::row(),
        robust::row(),
        core,
        signed,
    ]
}

/// A text counts by its length and its first byte, as in `c/peer.h`.
fn text(bytes: impl AsRef<[u8]>) -> u64 {
    let bytes = bytes.as_ref();
    bytes.first().map_or(0, |first| bytes.len() as u64 + u64::from(*first))
}

/// Bytes that live as long as the program, for contestants in C.
fn leaked(bytes: Vec<u8>) -> &'static [u8] {
    Box::leak(bytes.into_boxed_slice())
}
