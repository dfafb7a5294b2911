//! libopus as decoder: what it makes of reference packets, of every shape of packet, and of what is none.

#![cfg(feature = "opus")]

mod memory;
#[path = "../common/painted.rs"]
mod painted;
mod search;
#[path = "../suite/mod.rs"]
mod suite;

use base64ct::{Base64, Encoding};
use ohp::crypto;
use ohp::media::opus::decoder::{Decoder, PACKET_SAMPLES_MAX, SAMPLE_RATE, Undecodable, decoder_words};
use serde_json::Value;

/// Packets of the voice of `assets/caller.wav` in every shape, encoded by libopus 1.6.1, and the hash of what that version
/// decodes them to.
const PACKETS: &str = include_str!("packets.json");

/// One of those streams.
struct Stream {
    name: String,
    /// Samples in each packet.
    samples: usize,
    packets: Vec<Vec<u8>>,
    /// Over the little-endian samples of all packets, decoded one after another; see [`is_dtx`].
    pcm: String,
}

/// Whether a packet holds no sound, only a head. What a decoder makes up in its place is its version's own invention.
fn is_dtx(packet: &[u8]) -> bool {
    packet.len() == 1
}

impl Stream {
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(PACKETS).expect("JSON");
        let streams = document["streams"].as_array().expect("a list");
        let stream = |stream: &Value| Self {
            name: stream["name"].as_str().expect("text").to_owned(),
            samples: (stream["milliseconds"].as_f64().expect("a number") * f64::from(SAMPLE_RATE) / 1000.0) as usize,
            packets: stream["packets"]
                .as_array()
                .expect("a list")
                .iter()
                .map(base64)
                .collect(),
            pcm: stream["pcm"].as_str().expect("text").to_owned(),
        };
        streams.iter().map(stream).collect()
    }

    fn is_silk(&self) -> bool {
        // RFC 6716 §3.1: configurations 0 to 11.
        self.packets.iter().all(|packet| packet[0] >> 3 < 12)
    }
}

fn base64(value: &Value) -> Vec<u8> {
    Base64::decode_vec(value.as_str().expect("text")).expect("base64")
}

fn words() -> Vec<u64> {
    vec![0; decoder_words()]
}

fn hash(samples: &[i16]) -> String {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let digits = crypto::sha256(&[&bytes]).map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.concat())
}

fn decode(decoder: &mut Decoder<'_>, packet: &[u8]) -> Result<Vec<i16>, Undecodable> {
    let mut pcm = vec![0; PACKET_SAMPLES_MAX];
    let samples = decoder.decode(packet, &mut pcm)?;
    pcm.truncate(samples);
    Ok(pcm)
}

/// The suite's samples come from libopus 1.6.1 on another processor, its final ranges from the encoder.
#[test]
fn reference_packets_decode_as_another_build_of_libopus_decodes_them() {
    let Some(folder) = suite::skip::shared("vectors/opus-libopus-ref") else {
        return;
    };
    let file = |name: &str| -> Value {
        let text = std::fs::read(folder.join(name)).expect("a vector");
        serde_json::from_slice(&text).expect("JSON")
    };
    let packets = |list: &Value| -> Vec<(Vec<u8>, Option<u64>)> {
        let packet = |packet: &Value| (base64(&packet["data_b64"]), packet["final_range"].as_u64());
        list.as_array().expect("a list").iter().map(packet).collect()
    };
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    let mut cases = 0;

    let mut decoded = Vec::new();
    for (packet, range) in packets(&file("silk_wb_packets.json")["packets"]) {
        decoded.extend(decode(&mut decoder, &packet).expect("a packet"));
        assert_eq!(Some(u64::from(decoder.final_range())), range, "packet {cases}");
        cases += 1;
    }
    let expected = base64(&file("silk_wb_decoded_f32.json")["decoded_f32_le_b64"]);
    let expected = expected.as_chunks::<4>().0.iter();
    let expected: Vec<i16> = expected
        .map(|bytes| (f32::from_le_bytes(*bytes) * 32_768.0) as i16)
        .collect();
    assert_eq!(decoded.len(), expected.len());
    assert!(decoded == expected, "SILK is not bit-exact");

    for clip in file("realcontent_speech.json")["cases"].as_array().expect("clips") {
        for stream in clip["libopus_packets"].as_array().expect("streams") {
            decoder.reset();
            for (packet, range) in packets(&stream["packets"]) {
                let decoded = decode(&mut decoder, &packet).expect("a packet");
                assert_eq!(Some(decoded.len() as u64), stream["frame_size"].as_u64());
                assert_eq!(Some(u64::from(decoder.final_range())), range, "{}", stream["name"]);
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 53, "the suite has another number of cases");
    println!("suite: {cases} cases, {cases} agreed, 0 explained");
}

/// Row 35. Hybrid and CELT packets are read alike by all builds, and may be a rounding away from one another.
#[test]
fn row_35_silk_packets_of_every_shape_are_bit_exact_across_builds() {
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    let mut silk = 0;
    for stream in Stream::all() {
        decoder.reset();
        let mut pcm = Vec::new();
        for packet in &stream.packets {
            if is_dtx(packet) {
                decoder.reset();
                continue;
            }
            let decoded = decode(&mut decoder, packet).expect("a packet");
            assert_eq!(decoded.len(), stream.samples, "{}", stream.name);
            pcm.extend(decoded);
        }
        let agrees = hash(&pcm) == stream.pcm;
        assert!(agrees || !stream.is_silk(), "{} is not bit-exact", stream.name);
        silk += usize::from(stream.is_silk());
        println!(
            "{}: {}",
            stream.name,
            if agrees { "exact" } else { "rounded differently" }
        );
    }
    assert_eq!(silk, 9);
}

/// Whatever the decoder has heard before, modes and channels changing: windows depend on their own packets only.
#[test]
fn row_35_decoder_that_is_reset_gives_what_a_fresh_one_gives() {
    let streams = Stream::all();
    let (mut old, mut new) = (words(), words());
    let mut decoder = Decoder::new(&mut old).expect("the memory is enough");
    for before in &streams {
        for stream in &streams {
            for packet in before.packets.iter().take(7) {
                decode(&mut decoder, packet).expect("a packet");
            }
            decoder.reset();
            let mut fresh = Decoder::new(&mut new).expect("the memory is enough");
            for packet in stream.packets.iter().take(7) {
                let (one, other) = (decode(&mut decoder, packet), decode(&mut fresh, packet));
                assert!(one.is_ok() && one == other, "{} after {}", stream.name, before.name);
            }
        }
    }
}

#[test]
fn row_35_running_decoder_gives_other_samples_than_one_that_is_reset() {
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    for stream in Stream::all() {
        let running: Vec<_> = stream
            .packets
            .iter()
            .map(|packet| decode(&mut decoder, packet))
            .collect();
        decoder.reset();
        let reset: Vec<_> = stream.packets[4..]
            .iter()
            .map(|packet| decode(&mut decoder, packet))
            .collect();
        assert_ne!(running[4], reset[0], "{}", stream.name);
    }
}

#[test]
fn what_is_no_opus_packet_gives_an_error_and_no_sound() {
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    let mut pcm = [0x5555; PACKET_SAMPLES_MAX];
    for packet in [
        // Nothing at all.
        &[][..],
        // Code 1: two frames of equal length, of an odd number of bytes.
        &[0x09, 1],
        // Code 2: a first frame that is longer than the packet.
        &[0x0a, 200, 1, 2],
        // Code 3 without a count, with a count of zero, and with 63 frames of 20 ms.
        &[0x0b],
        &[0x0b, 0x00],
        &[0x0b, 0x3f, 1, 2, 3],
        // Code 3, padded beyond its end.
        &[0x0b, 0x41, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(decoder.decode(packet, &mut pcm), Err(Undecodable), "{packet:?}");
        assert!(pcm.iter().all(|sample| *sample == 0x5555), "{packet:?}");
    }
    // Room for less than the packet's 20 ms.
    let stream = &Stream::all()[0];
    assert_eq!(decoder.decode(&stream.packets[0], &mut pcm[..959]), Err(Undecodable));
    assert_eq!(decoder.decode(&stream.packets[0], &mut []), Err(Undecodable));
    assert_eq!(decoder.decode(&stream.packets[0], &mut pcm), Ok(960));
}

/// Damage within frames is no error to the range decoder: it is other sound, and the next packet finds a decoder that works.
#[test]
fn damaged_packets_never_stop_the_decoder() {
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    let mut state = 1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for stream in Stream::all() {
        for packet in &stream.packets {
            for _ in 0..20 {
                let mut damaged = packet.clone();
                for _ in 0..1 + random() % 4 {
                    let at = random() % damaged.len();
                    damaged[at] ^= 1 << (random() % 8);
                }
                damaged.truncate(1 + random() % (damaged.len() + 8));
                if let Ok(pcm) = decode(&mut decoder, &damaged) {
                    assert!(pcm.len().is_multiple_of(120) && pcm.len() <= PACKET_SAMPLES_MAX);
                }
            }
            assert_eq!(decode(&mut decoder, packet).map(|pcm| pcm.len()), Ok(stream.samples));
        }
    }
}

#[test]
fn too_little_memory_makes_no_decoder() {
    let mut memory = words();
    let enough = memory.len();
    assert!(Decoder::new(&mut memory[..enough - 1]).is_none());
    assert!(Decoder::new(&mut []).is_none());
}

#[test]
fn decoding_allocates_nothing() {
    let streams = Stream::all();
    let mut memory = words();
    let mut pcm = [0; PACKET_SAMPLES_MAX];
    assert!(
        memory::allocations(|| drop(std::hint::black_box(Box::new(1)))) > 0,
        "the count does not work"
    );
    let count = memory::allocations(|| {
        let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
        for packet in streams.iter().flat_map(|stream| &stream.packets) {
            decoder.decode(packet, &mut pcm).expect("a packet");
        }
        decoder.reset();
    });
    assert_eq!(count, 0);
}

/// What libopus itself takes, on every shape of packet: most for 120 ms. A search adds its own, and both together have to
/// stay below 96 KiB (`tests/stack.rs`).
#[test]
fn decoder_takes_less_than_half_of_the_stack_that_a_call_may_take() {
    let streams = Stream::all();
    let mut memory = words();
    let mut pcm = vec![0; PACKET_SAMPLES_MAX];
    let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
    let empty = painted::stack_of(|| ());
    for stream in &streams {
        let used = painted::stack_of(|| {
            for packet in &stream.packets {
                decoder.decode(packet, &mut pcm).expect("a packet");
            }
            decoder.reset();
        });
        println!("{}: {} bytes of stack", stream.name, used - empty);
        assert!(used - empty < 48 * 1024, "{}", stream.name);
    }
}
