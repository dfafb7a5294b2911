//! Speech and tones as G.711, cut into RTP packets, and the taps that they go into.

use std::f64::consts::TAU;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use ohp::media::fingerprint::WINDOW_SAMPLES;
use ohp::media::{Codec, Fingerprint, Tap, TapConfig, g711};

/// Samples of 20 ms.
pub const PACKET: usize = 160;
/// Packets of 20 ms in a window.
pub const WINDOW_PACKETS: usize = WINDOW_SAMPLES / PACKET;

/// The words of a tap for ten seconds.
pub fn words(codec: Codec) -> Vec<AtomicU64> {
    let config = TapConfig { codec, seconds: 10 };
    (0..config.words().expect("ten seconds are in range"))
        .map(|_| AtomicU64::new(0))
        .collect()
}

/// An empty tap for ten seconds of G.711.
pub fn tap(words: &[AtomicU64]) -> Tap<'_> {
    Tap::init(
        words,
        &TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        },
    )
    .expect("the words are enough")
}

/// One leg's tap over words of its own, which live as long as the tests do.
pub fn fresh() -> Tap<'static> {
    tap(Box::leak(words(Codec::Pcmu).into_boxed_slice()))
}

/// The samples of a 16-bit mono WAV.
pub fn wav(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).expect("the WAV can be read");
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().expect("four bytes")) as usize;
        let body = &bytes[at + 8..(at + 8 + len).min(bytes.len())];
        if &bytes[at..at + 4] == b"data" {
            return body
                .chunks_exact(2)
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect();
        }
        at += 8 + len + (len & 1);
    }
    panic!("{} has no data", path.display());
}

/// Each studio prompt as µ-law, up to 9 s of it; empty where the vectors are absent.
pub fn prompts() -> &'static [Vec<u8>] {
    static PROMPTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PROMPTS.get_or_init(|| {
        crate::files("speech-asterisk-prompts", &[".wav"])
            .iter()
            .map(|path| mu(&wav(path)).into_iter().take(450 * PACKET).collect())
            .collect()
    })
}

pub fn mu(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|sample| g711::compress_mu(*sample)).collect()
}

pub fn a(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|sample| g711::compress_a(*sample)).collect()
}

/// A sum of sines of these frequencies in hertz and amplitudes.
pub fn tones(parts: &[(f64, f64)], samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|at| {
            let value: f64 = parts
                .iter()
                .map(|(frequency, amplitude)| amplitude * (TAU * frequency * at as f64 / 8000.0).sin())
                .sum();
            value as i16
        })
        .collect()
}

/// What a stream of packets has in its headers.
#[derive(Clone, Copy)]
pub struct Stream {
    pub payload_type: u8,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

pub const PLAIN: Stream = Stream {
    payload_type: 0,
    ssrc: 0x1234_5678,
    sequence: 100,
    timestamp: 4000,
};

impl Stream {
    /// The `number`th packet of `samples` G.711 samples each.
    pub fn packet(&self, number: usize, samples: usize, payload: &[u8]) -> Vec<u8> {
        let sequence = self.sequence.wrapping_add(number as u16);
        let timestamp = self.timestamp.wrapping_add((number * samples) as u32);
        let mut packet = vec![0x80, self.payload_type];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        packet
    }

    /// Whole packets of `samples` samples each.
    pub fn packets(&self, octets: &[u8], samples: usize) -> Vec<Vec<u8>> {
        octets
            .chunks_exact(samples)
            .enumerate()
            .map(|(number, payload)| self.packet(number, samples, payload))
            .collect()
    }
}

/// A tap that has heard all of `octets` in packets of 20 ms.
pub fn heard(octets: &[u8]) -> Tap<'static> {
    let tap = fresh();
    for packet in PLAIN.packets(octets, PACKET) {
        tap.write_rtp(&packet);
    }
    tap
}

/// The samples of a window of µ-law, made here without the tap.
pub fn samples(octets: &[u8]) -> [i16; WINDOW_SAMPLES] {
    core::array::from_fn(|at| g711::MU_LAW[usize::from(octets[at])])
}

pub fn fingerprint(octets: &[u8]) -> Fingerprint {
    Fingerprint::of_window(&samples(octets))
}
