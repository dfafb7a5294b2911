//! Every form of body. What comes out is what taking the layers off one by one gives, with an independent inflater; and
//! nothing allocates.

#![no_main]

use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
use ohp::envelope::{ENVELOPE_MAX, SHAPE};
use ohp::transport::MediaType;
use ohp::transport::body::{Declared, Encoding, ErrorKind, SCRATCH_LEN, Syntax, decode};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, seeds, sip, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let media = [
        None,
        Some(MediaType::Cbor),
        Some(MediaType::Json),
        Some(MediaType::PlainJson),
        Some(MediaType::Chunk),
        Some(MediaType::Other),
    ];
    let declared = Declared {
        media: media[take.below(media.len())],
        encoding: [Encoding::Unsaid, Encoding::Identity, Encoding::Deflate][take.below(3)],
    };
    let body = exact(take.rest());
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(ENVELOPE_MAX));
    let decoded = match without_heap(|| decode(&body, declared, SHAPE, &mut scratch, &mut out)) {
        Ok(decoded) => decoded,
        Err(error) => {
            assert!(error.kind != ErrorKind::Buffer);
            return;
        }
    };
    let mut layer = body.to_vec();
    if decoded.form.text {
        layer = unbase64(&layer);
    }
    if decoded.form.deflated {
        layer = decompress_to_vec_zlib_with_limit(&layer, ENVELOPE_MAX)
            .or_else(|_| decompress_to_vec_with_limit(&layer, ENVELOPE_MAX))
            .expect("we inflated it");
    }
    if decoded.form.syntax == Syntax::Json {
        layer = seeds::to_cbor(&layer).expect("we read it");
    }
    assert_eq!(decoded.cbor, layer);
    assert!(decoded.cbor.len() <= ENVELOPE_MAX);
});

/// Both alphabets, line breaks anywhere.
fn unbase64(text: &[u8]) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let byte = match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        };
        let Some(sextet) = alphabet.iter().position(|letter| *letter == byte) else {
            continue;
        };
        bits = bits << 6 | sextet as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

fn write_seeds(seeds: &mut Seeds) {
    for (json, cbor) in seeds::envelopes_json().iter().zip(seeds::envelopes()) {
        for (form, bytes) in [(2, json), (1, &cbor)] {
            let raw = miniz_oxide::deflate::compress_to_vec(bytes, 9);
            let zlib = miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1);
            seeds.add_with(&[form, 0], bytes);
            seeds.add_with(&[0, 1], sip::base64(bytes));
            seeds.add_with(&[form, 2], &raw);
            seeds.add_with(&[0, 0], &zlib);
            seeds.add_with(&[form, 2], sip::base64(&zlib));
        }
    }
}
