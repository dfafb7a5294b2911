//! Deflating: two inflaters give the input back, the output keeps to its buffer, and nothing allocates.

#![no_main]

use ohp::envelope::ENVELOPE_MAX;
use ohp::transport::deflate::{SCRATCH_LEN, deflate};
use ohp::transport::inflate::{Wrapper, inflate};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let short = take.u16();
    // Every other input is unfolded, so that long repetitions are within reach.
    let input = match take.below(2) {
        0 => exact(take.rest()),
        _ => unfold(take),
    };
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(2 * ENVELOPE_MAX));
    scratch.fill(0xa5);
    let len = without_heap(|| deflate(&input, &mut scratch, &mut out).map(<[u8]>::len));
    assert_eq!(len.is_some(), input.len() <= ENVELOPE_MAX);
    let Some(len) = len else { return };
    let mut back = room(input.len());
    assert_eq!(inflate(&out[..len], Wrapper::Zlib, &mut back), Ok(input.len()));
    assert_eq!(back, input);
    let independent = miniz_oxide::inflate::decompress_to_vec_zlib(&out[..len]);
    assert_eq!(independent.as_deref().ok(), Some(&*input));
    let mut small = room(usize::from(short) % (len + 2));
    let fits = small.len() >= len;
    assert_eq!(deflate(&input, &mut scratch, &mut small).is_some(), fits);
});

/// Literal runs and copies from anywhere before.
fn unfold(mut take: Take<'_>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    while !take.is_empty() && bytes.len() < ENVELOPE_MAX {
        match take.below(3) {
            0 => bytes.extend(take.short()),
            1 => bytes.extend(std::iter::repeat_n(take.u8(), take.u16().into())),
            _ => {
                let (behind, len) = (usize::from(take.u16()), usize::from(take.u16()) % 600);
                let from = bytes.len().saturating_sub(behind + 1);
                for at in from..from + len {
                    bytes.push(bytes.get(at).copied().unwrap_or(0x55));
                }
            }
        }
    }
    bytes.truncate(ENVELOPE_MAX + 1);
    bytes.into()
}

fn write_seeds(seeds: &mut Seeds) {
    seeds::envelopes()
        .iter()
        .for_each(|cbor| seeds.add_with(&[40, 0, 0], cbor));
    seeds::envelopes_json()
        .iter()
        .for_each(|json| seeds.add_with(&[40, 0, 0], json));
    seeds.add([9, 0, 1, 0, 3, b'a', b'b', b'c', 2, 2, 0, 0, 2, 1, b'x', 0xff, 0x7f]);
}
