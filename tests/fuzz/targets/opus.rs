//! Opus packets, any bytes: each gives 2.5 to 120 ms of sound or an error, and the same once more from a decoder that is
//! reset. Nothing is written beyond the samples, and nothing allocates.

#![no_main]

use ohp::media::opus::decoder::{Decoder, PACKET_SAMPLES_MAX, Undecodable, decoder_words};
use ohp_fuzz::abi::exact;
use ohp_fuzz::{Seeds, Take, target, without_heap};

/// What a sample is before a packet is decoded over it; a decoded one may be the same by chance.
const UNTOUCHED: i16 = 0x5a5b;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let mut memory = vec![0; decoder_words()].into_boxed_slice();
    let mut packets = Vec::new();
    while !take.is_empty() && packets.len() < 16 {
        packets.push((exact(take.long()), usize::from(take.u16()) % (PACKET_SAMPLES_MAX + 1)));
    }
    let mut decoder = without_heap(|| Decoder::new(&mut memory)).expect("the memory is enough");
    let first: Vec<_> = packets.iter().map(|packet| decode(&mut decoder, packet)).collect();
    without_heap(|| decoder.reset());
    for (packet, decoded) in packets.iter().zip(first) {
        assert!(decode(&mut decoder, packet) == decoded, "a reset decoder remembers");
    }
});

/// Into all the room that a packet may need, or into what the input says.
fn decode(decoder: &mut Decoder<'_>, (packet, room): &(Box<[u8]>, usize)) -> Result<Vec<i16>, Undecodable> {
    let room = if room % 4 == 0 { *room } else { PACKET_SAMPLES_MAX };
    let mut pcm = vec![UNTOUCHED; room];
    let samples = without_heap(|| decoder.decode(packet, &mut pcm))?;
    assert!((1..=48).contains(&(samples / 120)) && samples % 120 == 0 && samples <= room);
    assert!(
        pcm[samples..].iter().all(|sample| *sample == UNTOUCHED),
        "beyond the samples"
    );
    pcm.truncate(samples);
    Ok(pcm)
}

fn write_seeds(seeds: &mut Seeds) {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../../opus/packets.json")).expect("the vector is JSON");
    for stream in document["streams"].as_array().into_iter().flatten() {
        let mut input = Vec::new();
        for packet in stream["packets"].as_array().into_iter().flatten().take(6) {
            let packet = packet
                .as_str()
                .and_then(|text| <base64ct::Base64 as base64ct::Encoding>::decode_vec(text).ok());
            let packet = packet.unwrap_or_default();
            input.extend(u16::try_from(packet.len()).unwrap_or_default().to_le_bytes());
            input.extend(packet);
            input.extend([0, 1]);
        }
        seeds.add(input);
    }
    seeds.add([2, 0, 0x0b, 0x3f, 0, 1]);
}
