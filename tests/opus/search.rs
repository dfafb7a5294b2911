//! The exact fingerprint of an Opus leg: taken from one tap, looked for in another, piece by piece.

use std::sync::atomic::AtomicU64;
use std::task::Poll;

use ohp::media::exact::{self, Decision, NoSample, Search, Unusable};
use ohp::media::opus::decoder::{Decoder, PACKET_SAMPLES_MAX};
use ohp::media::tap::{Frame, Written};
use ohp::media::{Codec, Fingerprint, PayloadTypes, Tap, TapConfig, g711};
use opusic_c::{Application, Bandwidth, Bitrate, Channels, Encoder, InbandFec, SampleRate, Signal};

use crate::{memory, painted, words};

const PAYLOAD_TYPE: u8 = 111;
const TICKS_A_MS: u32 = 48;

/// What an encoder is told.
#[derive(Clone, Copy)]
struct Voice {
    ms: u32,
    channels: Channels,
    bandwidth: Bandwidth,
    bitrate: u32,
    application: Application,
    is_fec: bool,
    is_dtx: bool,
}

const NARROW: Voice = Voice {
    ms: 20,
    channels: Channels::Mono,
    bandwidth: Bandwidth::Narrow,
    bitrate: 12_000,
    application: Application::Voip,
    is_fec: false,
    is_dtx: false,
};

/// The voice of `assets/caller.wav` from `start` on, in seconds, over and over; with half a second of silence in every two if
/// the encoder may leave it out.
fn speech(start: f64, seconds: f64, voice: Voice) -> Vec<Vec<u8>> {
    let wav = include_bytes!("../../assets/caller.wav");
    let at = wav.windows(4).position(|tag| tag == b"data").expect("sound") + 8;
    let codes = wav[at..].iter().cycle().skip((start * 8000.0) as usize);
    let samples: Vec<i16> = codes
        .take((seconds * 8000.0) as usize)
        .enumerate()
        .map(|(at, code)| {
            if voice.is_dtx && at / 4000 % 4 == 3 {
                0
            } else {
                g711::MU_LAW[usize::from(*code)]
            }
        })
        .collect();
    let rate = if voice.bandwidth == Bandwidth::Narrow { 1 } else { 6 };
    let sample_rate = if rate == 1 {
        SampleRate::Hz8000
    } else {
        SampleRate::Hz48000
    };
    let mut encoder = Encoder::new(voice.channels, sample_rate, voice.application).expect("an encoder");
    encoder.set_signal(Signal::Voice).expect("a setting");
    encoder.set_bandwidth(voice.bandwidth).expect("a setting");
    encoder.set_bitrate(Bitrate::Value(voice.bitrate)).expect("a setting");
    encoder.set_dtx(voice.is_dtx).expect("a setting");
    if voice.is_fec {
        encoder.set_inband_fec(InbandFec::Mode1).expect("a setting");
        encoder.set_packet_loss(20).expect("a setting");
    }
    let packets = samples.chunks_exact(voice.ms as usize * 8);
    let payload = |samples: &[i16]| {
        let channels = voice.channels as usize;
        let interleaved = samples
            .iter()
            .flat_map(|sample| [sample.cast_unsigned(); 12].into_iter().take(rate * channels));
        let mut payload = vec![0; 1900];
        let length = encoder
            .encode_to_slice(&interleaved.collect::<Vec<_>>(), &mut payload)
            .expect("a packet");
        payload.truncate(length);
        payload
    };
    packets.map(payload).collect()
}

fn tap() -> Tap<'static> {
    let config = TapConfig {
        codec: Codec::Opus,
        seconds: 10,
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let tap = Tap::init(Box::leak(words.into_boxed_slice()), &config).expect("a tap");
    tap.set_payload_types(&PayloadTypes::NONE.with(PAYLOAD_TYPE, Codec::Opus));
    tap
}

/// Has a tap hear the packets that `arrives`, with time lines of its own.
fn hear(tap: &Tap<'_>, packets: &[Vec<u8>], ms: u32, origin: u32, arrives: impl Fn(usize) -> bool) {
    for (number, payload) in packets.iter().enumerate() {
        let mut packet = vec![0x80, PAYLOAD_TYPE];
        packet.extend((number as u16).wrapping_add(origin as u16).to_be_bytes());
        packet.extend((number as u32 * ms * TICKS_A_MS).wrapping_add(origin).to_be_bytes());
        packet.extend(origin.to_be_bytes());
        packet.extend(payload);
        if arrives(number) {
            let written = tap.write_rtp(&packet);
            assert_eq!(written == Written::Kept, payload.len() > 1, "{written:?}");
        }
    }
}

fn heard(packets: &[Vec<u8>], ms: u32) -> Tap<'static> {
    let tap = tap();
    hear(&tap, packets, ms, 0xffff_0000, |_| true);
    tap
}

fn taken(tap: &Tap<'_>) -> Fingerprint {
    exact::newest(tap).expect("speech").fingerprint
}

fn matches(tap: &Tap<'_>, wanted: &Fingerprint) -> bool {
    matches!(exact::search(tap, wanted), Decision::Match(found) if found.on_boundary)
}

#[test]
fn row_35_receiver_finds_what_the_sender_took_in_every_shape_of_packet() {
    let wide = Voice {
        bandwidth: Bandwidth::Wide,
        bitrate: 24_000,
        ..NARROW
    };
    for (name, voice) in [
        ("narrowband", NARROW),
        (
            "10 ms",
            Voice {
                ms: 10,
                bitrate: 16_000,
                ..NARROW
            },
        ),
        ("60 ms", Voice { ms: 60, ..NARROW }),
        ("120 ms", Voice { ms: 120, ..NARROW }),
        ("wideband", wide),
        ("FEC", Voice { is_fec: true, ..wide }),
        (
            "stereo",
            Voice {
                channels: Channels::Stereo,
                bitrate: 40_000,
                ..wide
            },
        ),
        ("DTX", Voice { is_dtx: true, ..NARROW }),
        (
            "hybrid",
            Voice {
                bandwidth: Bandwidth::Full,
                bitrate: 32_000,
                ..NARROW
            },
        ),
        (
            "CELT",
            Voice {
                bandwidth: Bandwidth::Full,
                bitrate: 48_000,
                application: Application::LowDelay,
                ..NARROW
            },
        ),
    ] {
        let packets = speech(1.0, 4.9, voice);
        let sender = heard(&packets, voice.ms);
        let wanted = taken(&sender);
        // Another time line, a later beginning, and a loss that is not in the window.
        let receiver = tap();
        let from = packets.len() / 2;
        hear(&receiver, &packets, voice.ms, 77, |number| {
            number >= from && number != from + 2
        });
        assert!(matches(&receiver, &wanted), "{name}");
        assert!(
            !matches(&heard(&speech(7.0, 4.9, voice), voice.ms), &wanted),
            "{name}: another call"
        );
    }
}

#[test]
fn row_35_window_that_lost_a_packet_is_a_mismatch() {
    let packets = speech(1.0, 4.0, NARROW);
    let wanted = taken(&heard(&packets, 20));
    for lost in [packets.len() - 1, packets.len() - 4, packets.len() - 10] {
        let receiver = tap();
        hear(&receiver, &packets, 20, 5, |number| number != lost);
        assert_eq!(exact::search(&receiver, &wanted), Decision::Mismatch, "{lost}");
    }
}

/// A sender whose decoder has run since the call began. The receiver's has run for a second, after which SILK has nearly always
/// forgotten what was before; where it has not, there is no match, and the next proposal finds one.
#[test]
fn row_35_receiver_finds_what_a_running_decoder_gave() {
    let packets = speech(1.0, 6.0, NARROW);
    let mut memory = words();
    let mut decoder = Decoder::new(&mut memory).expect("a decoder");
    let mut samples = Vec::new();
    for packet in &packets {
        let mut pcm = [0; PACKET_SAMPLES_MAX];
        let decoded = decoder.decode(packet, &mut pcm).expect("a packet");
        samples.extend_from_slice(&pcm[..decoded]);
    }
    let receiver = heard(&packets, 20);
    let starts = || (0..packets.len() - 10).step_by(7);
    let is_found = |first: &usize| matches(&receiver, &Fingerprint::of_window(&samples[first * 960..][..9600]));
    let found = starts().filter(is_found).count();
    println!("{found} of {} windows", starts().count());
    assert!(found * 20 > starts().count() * 19, "{found}");
}

/// What libopus makes up where nothing was sent is its own and no sound of the call.
#[test]
fn row_37_packets_without_sound_end_a_run() {
    let voice = Voice { is_dtx: true, ..NARROW };
    let packets = speech(1.0, 8.0, voice);
    assert!(packets.iter().filter(|packet| packet.len() == 1).count() > 20);
    let tap = heard(&packets, 20);
    assert!(tap.stats().not_audio > 20);
    let silence: Vec<_> = packets.iter().filter(|packet| packet.len() == 1).cloned().collect();
    assert_eq!(
        exact::newest(&heard(&silence, 20)),
        Err(NoSample::NoUsableAudio(Unusable::TooLittle))
    );
}

#[test]
fn row_36_silence_that_is_sent_proves_nothing() {
    let silence: Vec<Vec<u8>> = {
        let mut encoder = Encoder::new(Channels::Mono, SampleRate::Hz8000, Application::Voip).expect("an encoder");
        let packet = |_| {
            let mut payload = vec![0; 200];
            let length = encoder.encode_to_slice(&[0; 160], &mut payload).expect("a packet");
            payload.truncate(length);
            payload
        };
        (0..100).map(packet).collect()
    };
    let tap = heard(&silence, 20);
    let why = exact::newest(&tap).expect_err("silence");
    assert!(matches!(why, NoSample::NoUsableAudio(Unusable::Lifeless(_))), "{why:?}");
    let absent = Fingerprint::from_bytes([7; 32]);
    assert!(matches!(
        exact::search(&tap, &absent),
        Decision::NoUsableAudio(Unusable::Lifeless(_))
    ));
}

/// Packets that libopus refuses, and what is none: they are no sound, and do no harm to the sound around them.
#[test]
fn damaged_packets_are_no_sound() {
    let mut packets = speech(1.0, 4.0, NARROW);
    let wanted = taken(&heard(&packets, 20));
    for (number, packet) in packets.iter_mut().enumerate().take(100) {
        match number % 4 {
            0 => packet[0] |= 1,
            1 => packet.truncate(2),
            2 => packet.iter_mut().skip(1).for_each(|byte| *byte = !*byte),
            _ => packet.extend([0xff; 1000]),
        }
    }
    let receiver = tap();
    for (number, payload) in packets.iter().enumerate() {
        receiver.write_frame(&Frame {
            codec: Codec::Opus,
            source: 9,
            timestamp: number as u32 * 960,
            payload,
        });
    }
    assert!(matches(&receiver, &wanted));
    assert_eq!(taken(&receiver), wanted);
}

#[test]
fn search_is_done_in_pieces_and_gives_what_one_in_one_go_gives() {
    let packets = speech(1.0, 9.9, NARROW);
    let tap = heard(&packets, 20);
    let absent = Fingerprint::from_bytes([7; 32]);
    let mut search = Search::new(&absent);
    let mut pieces = 1;
    let decision = loop {
        match search.step(&tap) {
            Poll::Ready(decision) => break decision,
            Poll::Pending => pieces += 1,
        }
    };
    assert_eq!(decision, exact::search(&tap, &absent));
    println!("{pieces} pieces");
    // 500 windows of ten packets each, of which one piece decodes no more than a few.
    assert!(pieces > 100, "{pieces}");
}

/// Each piece of a search allocates the decoder's state, whose size libopus says only at run time, and the room for its
/// samples, and nothing else.
#[test]
fn piece_of_a_search_allocates_twice() {
    let tap = heard(&speech(1.0, 9.9, NARROW), 20);
    let mut search = Search::new(&Fingerprint::from_bytes([7; 32]));
    assert_eq!(memory::allocations(|| assert!(search.step(&tap).is_pending())), 2);
    assert_eq!(memory::allocations(|| _ = exact::newest(&tap)), 2);
}

#[test]
fn search_fits_the_stack_that_a_pbx_leaves() {
    let empty = painted::stack_of(|| ());
    for ms in [10, 20, 60, 120] {
        let tap = heard(
            &speech(
                1.0,
                4.9,
                Voice {
                    ms,
                    bitrate: 16_000,
                    ..NARROW
                },
            ),
            ms,
        );
        let absent = Fingerprint::from_bytes([7; 32]);
        let taking = painted::stack_of(|| _ = exact::newest(&tap)) - empty;
        let searching = painted::stack_of(|| _ = exact::search(&tap, &absent)) - empty;
        println!("{ms} ms: {taking} bytes of stack to take, {searching} to search");
        assert!(taking.max(searching) < 64 * 1024);
    }
}
