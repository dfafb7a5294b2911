//! A hundred thousand broken inputs for each parser: whatever comes, an answer comes back.

use ohp::media::rtp::Packet;
use ohp::media::sdp::{Description, SdpHints};

use crate::Random;
use crate::audio::{self, PLAIN};

const ROUNDS: usize = 100_000;

/// Changes a few bytes, cuts, repeats or joins.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, b" \r\n=:/0.,\xff"[random.below(10)]),
            4 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                bytes.extend(&other[random.below(other.len())..]);
            }
            _ => {
                let part = bytes[at..(at + random.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

#[test]
fn mutated_rtp_never_panics_and_errors_point_into_the_packet() {
    let mut random = Random(0x51ab);
    let mut rich = vec![
        0xb2, 0x80, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 9, 8, 7, 6,
    ];
    rich.extend([0xff; 160]);
    rich.extend([0, 0, 0, 4]);
    let seeds = [
        PLAIN.packet(0, 160, &[0x55; 160]),
        rich,
        PLAIN.packet(0, 0, &[]),
        vec![0x80, 200, 0, 1, 0, 0, 0, 0],
    ];
    let tap = audio::fresh();
    let mut read = 0;
    for _ in 0..ROUNDS {
        let bytes = mutate(&mut random, &seeds);
        tap.write_rtp(&bytes);
        match Packet::parse(&bytes) {
            Ok(packet) => {
                read += 1;
                let parts = 12 + packet.csrcs().len() * 4 + packet.extension().map_or(0, |part| 4 + part.data.len());
                assert!(parts + packet.payload().len() <= bytes.len());
            }
            Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
        }
    }
    assert!(
        read > ROUNDS / 10 && read < ROUNDS,
        "mutations are too weak or too strong: {read} read"
    );
    let stats = tap.stats();
    assert!(stats.kept > 0 && stats.not_rtp > 0 && stats.not_audio > 0, "{stats:?}");
}

#[test]
fn mutated_sdp_never_panics_and_errors_point_into_the_text() {
    let mut seeds: Vec<Vec<u8>> = ["sdp-clux", "sdp-sofia", "sdp-webrtc-sdp"]
        .iter()
        .flat_map(|folder| crate::files(folder, &[".sdp"]))
        .map(|path| std::fs::read(path).expect("the vector can be read"))
        .collect();
    seeds.push(
        b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9/2 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=ptime:20\r\n".to_vec(),
    );
    let mut random = Random(0x5d9);
    let mut read = 0;
    for _ in 0..ROUNDS {
        let bytes = mutate(&mut random, &seeds);
        match Description::parse(&bytes) {
            Ok(description) => {
                read += 1;
                for media in description.media() {
                    let formats = media.formats();
                    assert!(formats.as_slice().len() <= media.format_list().count());
                    let _ = (
                        media.packet_time(),
                        media.max_packet_time(),
                        media.payload_types(),
                        media.is_hold(),
                    );
                }
                let hints = SdpHints::from_answer(&description);
                let _ = hints.compare(hints.iter());
            }
            Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
        }
    }
    assert!(
        read > ROUNDS / 10 && read < ROUNDS,
        "mutations are too weak or too strong: {read} read"
    );
}
