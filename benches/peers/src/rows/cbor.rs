//! The envelope in canonical CBOR: whether it is that, and its texts UTF-8.

use cbor4ii::core::dec::Decode as _;
use cbor4ii::core::utils::SliceReader;
use ohp::cbor::json;
use ohp::envelope::SHAPE;

use super::{ENVELOPE, leaked};
use crate::c;
use crate::race::{Contestant, Row, opaque};

/// The envelope, converted by us; 2.8 KB.
pub fn envelope() -> &'static [u8] {
    let mut scratch = vec![0; json::scratch_len(ENVELOPE.len())];
    let mut out = vec![0; ENVELOPE.len()];
    leaked(
        json::to_cbor(ENVELOPE, SHAPE, &mut scratch, &mut out)
            .expect("an envelope")
            .to_vec(),
    )
}

pub fn row() -> Row {
    const NO_ORDER: &str = "no canonical check";
    let bytes = envelope();
    let mut missing = Vec::new();
    let mut contestants = vec![
        Contestant::new("ours", "", move || u64::from(ohp::cbor::check(opaque(bytes)).is_ok())),
        Contestant::new("minicbor", NO_ORDER, move || {
            let mut tokens = minicbor::decode::Tokenizer::new(opaque(bytes));
            u64::from(
                tokens
                    .try_fold(0, |count, token| token.map(|_| count + 1))
                    .is_ok_and(|count: u32| count > 0),
            )
        }),
        Contestant::new("cbor4ii", "no canonical check; builds a tree", move || {
            let mut reader = SliceReader::new(opaque(bytes));
            u64::from(cbor4ii::core::Value::decode(&mut reader).is_ok())
        }),
        Contestant::new("ciborium", "no canonical check; builds a tree", move || {
            u64::from(ciborium::from_reader::<ciborium::Value, _>(opaque(bytes)).is_ok())
        }),
    ];
    c::TINYCBOR.enter("", bytes, &mut contestants, &mut missing);
    c::LIBCBOR.enter(
        "no canonical check; builds a tree",
        bytes,
        &mut contestants,
        &mut missing,
    );
    Row {
        name: "CBOR envelope, 2.8 KB: canonical and UTF-8",
        goal: Some(800.0),
        answer: 1,
        contestants,
        missing,
    }
}
