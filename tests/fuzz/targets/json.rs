//! JSON to CBOR and back. Nothing allocates; the buffers that are promised to suffice do; what comes out is canonical,
//! comes back as the same CBOR from JSON in either layout, and says what an independent reader of JSON reads. C agrees.

#![no_main]

use ohp::cbor::json::{self, Plain, Shape};
use ohp::cbor::{Item, check};
use ohp::envelope::SHAPE;
use ohp::ffi::{ohp_cbor_from_json, ohp_cbor_from_json_scratch_size, ohp_status};
use ohp_fuzz::abi::{Memory, Why, chars, room, sound};
use ohp_fuzz::{Seeds, seeds, target, without_heap};
use serde_json::Value;

target!(seeds: write_seeds, |data| {
    let plain = convert(data, Plain);
    let shaped = convert(data, SHAPE);
    if let Ok(cbor) = &plain {
        let printed = round_trip(cbor, Plain);
        let independent: Value = serde_json::from_slice(data).expect("what we read is JSON");
        assert!(same(&independent, &serde_json::from_str(&printed).expect("we print JSON")));
    }
    if let Ok(cbor) = &shaped {
        round_trip(cbor, SHAPE);
    }
    through_c(data, &shaped);
});

fn convert<S: Shape>(data: &[u8], shape: S) -> Result<Box<[u8]>, json::Error> {
    let (mut scratch, mut out) = (
        room(json::scratch_len(data.len())),
        room(json::max_cbor_len(data.len())),
    );
    let result = without_heap(|| json::to_cbor(data, shape, &mut scratch, &mut out).map(<[u8]>::len));
    match result {
        Ok(len) => {
            check(&out[..len]).expect("canonical");
            // With less room than needed, an error and nothing else.
            let mut short = room(len.saturating_sub(1));
            assert!(json::to_cbor(data, shape, &mut scratch, &mut short).is_err());
            Ok(out[..len].into())
        }
        Err(error) => {
            assert!(!matches!(
                error.kind,
                json::ErrorKind::ScratchFull | json::ErrorKind::OutputFull
            ));
            assert!(error.offset <= data.len());
            Err(error)
        }
    }
}

fn round_trip<S: Shape>(cbor: &[u8], shape: S) -> String {
    let item = Item::parse(cbor).expect("canonical");
    let mut printed = String::new();
    for pretty in [true, false] {
        printed.clear();
        json::from_cbor(item, &mut printed, pretty).expect("a string takes everything");
        assert_eq!(convert(printed.as_bytes(), shape).as_deref(), Ok(cbor), "{printed}");
    }
    printed
}

/// Equal values; numbers as the floats that most readers make of them.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (one, other) => one == other,
    }
}

fn through_c(data: &[u8], expected: &Result<Box<[u8]>, json::Error>) {
    let mut scratch = Memory::new(ohp_cbor_from_json_scratch_size(data.len()));
    let mut out = room(json::max_cbor_len(data.len()));
    let (mut why, mut len) = (Why::new(data.len() % 200), 0);
    // SAFETY: the buffers have the lengths that are said.
    let status = sound(unsafe {
        ohp_cbor_from_json(
            chars(data),
            data.len(),
            scratch.at(),
            scratch.len(),
            why.at(),
            out.as_mut_ptr(),
            out.len(),
            &raw mut len,
        )
    });
    match expected {
        Ok(cbor) => assert!(status == ohp_status::OHP_OK && out[..len] == **cbor),
        Err(_) => assert!(status != ohp_status::OHP_OK && why.said().len() <= data.len() % 200),
    }
}

fn write_seeds(seeds: &mut Seeds) {
    seeds::envelopes_json().iter().for_each(|json| seeds.add(json));
    for folder in [
        "vectors/jsontestsuite-parsing",
        "vectors/jsontestsuite-transform",
        "vectors/jcs-rfc8785",
    ] {
        seeds.add_shared(folder, &[], 4096, &[]);
    }
    for text in [
        "[1e308,-0.0,5e-324,18446744073709551615,-18446744073709551616]",
        "{\"b\":1,\"a\":{\"\\u00e9\\ud83d\\ude00\":[]}}",
    ] {
        seeds.add(text);
    }
}
