//! Ten seconds of a voice in Opus, in a tap.

use std::sync::atomic::AtomicU64;

use ohp::media::tap::Frame;
use ohp::media::{Codec, Tap, TapConfig, g711};
use opusic_c::{Application, Bandwidth, Bitrate, Channels, Encoder, SampleRate, Signal};

/// Packets of 20 ms in ten seconds.
const PACKETS: usize = 500;

/// The voice of `assets/caller.wav` at 8 kHz (SILK narrowband) or 48 kHz (whatever `bandwidth` asks for).
pub fn packets(bandwidth: Bandwidth, application: Application, bitrate: u32) -> Vec<Vec<u8>> {
    let wav = include_bytes!("../../assets/caller.wav");
    let at = wav.windows(4).position(|tag| tag == b"data").expect("sound") + 8;
    let voice: Vec<i16> = wav[at..].iter().map(|code| g711::MU_LAW[usize::from(*code)]).collect();
    let (rate, each) = match bandwidth {
        Bandwidth::Narrow => (SampleRate::Hz8000, 1),
        _ => (SampleRate::Hz48000, 6),
    };
    let mut encoder = Encoder::new(Channels::Mono, rate, application).expect("an encoder");
    encoder.set_signal(Signal::Voice).expect("a setting");
    encoder.set_bandwidth(bandwidth).expect("a setting");
    encoder.set_bitrate(Bitrate::Value(bitrate)).expect("a setting");
    voice
        .chunks_exact(160)
        .cycle()
        .take(PACKETS)
        .map(|samples| {
            let samples: Vec<u16> = samples
                .iter()
                .flat_map(|sample| vec![sample.cast_unsigned(); each])
                .collect();
            let mut packet = vec![0; 1275];
            let length = encoder.encode_to_slice(&samples, &mut packet).expect("a packet");
            packet.truncate(length);
            packet
        })
        .collect()
}

/// A tap that has heard them.
pub fn tap_of<'m>(words: &'m [AtomicU64], packets: &[Vec<u8>]) -> Tap<'m> {
    let config = TapConfig {
        codec: Codec::Opus,
        seconds: 10,
    };
    let tap = Tap::init(words, &config).expect("the words are enough");
    for (number, payload) in packets.iter().enumerate() {
        tap.write_frame(&Frame {
            codec: Codec::Opus,
            source: 7,
            timestamp: number as u32 * 960,
            payload,
        });
    }
    tap
}

/// Memory of a tap of ten seconds.
pub fn words() -> Vec<AtomicU64> {
    let words = ohp::media::tap::tap_words(Codec::Opus, 10).expect("ten seconds are in range");
    (0..words).map(|_| AtomicU64::new(0)).collect()
}
