//! Inflating into a buffer of any size. What comes out is what an inflater with a growing buffer gives, the buffer is the
//! cap, and nothing allocates.

#![no_main]

use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
use ohp::transport::inflate::{Error, Wrapper, inflate, is_zlib};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let wrapper = if take.flag() { Wrapper::Zlib } else { Wrapper::Raw };
    let mut out = room(take.u16().into());
    let bytes = exact(take.rest());
    let inflated = without_heap(|| inflate(&bytes, wrapper, &mut out));
    let independent = match wrapper {
        Wrapper::Raw => decompress_to_vec_with_limit(&bytes, out.len()),
        Wrapper::Zlib => decompress_to_vec_zlib_with_limit(&bytes, out.len()),
    };
    match inflated {
        Ok(len) => {
            assert_eq!(independent.as_deref().ok(), Some(&out[..len]));
            let _ = is_zlib(&bytes);
            // One byte less does not do.
            if let Some(less) = len.checked_sub(1) {
                assert_eq!(inflate(&bytes, wrapper, &mut out[..less]), Err(Error::TooLarge));
            }
            assert_eq!(inflate(&[&bytes[..], b"x"].concat(), wrapper, &mut out), Err(Error::Trailing));
        }
        Err(Error::Corrupt) => assert!(independent.is_err()),
        Err(Error::Trailing | Error::TooLarge | Error::Blocks) => {}
    }
});

fn write_seeds(seeds: &mut Seeds) {
    for json in seeds::envelopes_json() {
        for level in [0, 1, 6, 9] {
            seeds.add_with(&[0, 0xff, 0x7f], miniz_oxide::deflate::compress_to_vec(&json, level));
            seeds.add_with(
                &[1, 0xff, 0x7f],
                miniz_oxide::deflate::compress_to_vec_zlib(&json, level),
            );
        }
    }
    seeds.add_with(
        &[0, 0xff, 0xff],
        miniz_oxide::deflate::compress_to_vec(&[0; 1 << 20], 9),
    );
    seeds.add_shared("vectors/deflate-gofuzz", &[0, 0xff, 0xff], 4096, &[]);
}
