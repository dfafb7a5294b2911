//! Ten seconds of sound on a call, as RTP and in a tap.

use std::sync::atomic::AtomicU64;

use ohp::media::{Codec, Tap, TapConfig, g711};

/// Samples of 20 ms.
pub const PACKET: usize = 160;
/// Packets of ten seconds.
pub const PACKETS: usize = 500;

/// An RTP packet of PCMU.
pub fn packet(number: usize, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend((number as u16).to_be_bytes());
    packet.extend(((number * PACKET) as u32).to_be_bytes());
    packet.extend(7_u32.to_be_bytes());
    packet.extend(payload);
    packet
}

/// Ten seconds of a sound that no two windows of share: a sweep with noise.
pub fn octets() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..PACKETS * PACKET)
        .map(|at| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let sweep = (at as f64 * at as f64 * 1e-5).sin() * 8000.0;
            g711::compress_mu(sweep as i16 + ((state >> 52) as i16 - 2048))
        })
        .collect()
}

/// A tap that has heard `octets`.
pub fn tap_of<'m>(words: &'m [AtomicU64], octets: &[u8]) -> Tap<'m> {
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 10,
    };
    let tap = Tap::init(words, &config).expect("the words are enough");
    for (number, payload) in octets.chunks_exact(PACKET).enumerate() {
        tap.write_rtp(&packet(number, payload));
    }
    tap
}

/// Memory of a tap of ten seconds.
pub fn words() -> Vec<AtomicU64> {
    let words = ohp::media::tap::tap_words(Codec::Pcmu, 10).expect("ten seconds are in range");
    (0..words).map(|_| AtomicU64::new(0)).collect()
}
