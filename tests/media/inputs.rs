//! Everything that hosts and networks put into a tap, on the clocks of all codecs.

use ohp::media::exact::{self, Decision, NoSample, Unusable};
use ohp::media::liveness::Lifeless;
use ohp::media::tap::{Frame, MAX_PAYLOAD_LEN, Pcm, TapConfig, Written};
use ohp::media::{Codec, Fingerprint, PayloadTypes, Tap};
use proptest::prelude::*;

use crate::audio::{self, PACKET, PLAIN, Stream};

/// The first dynamic payload type; codecs take those from there on by their numbers.
const DYNAMIC: u8 = 96;

fn dynamic(codec: Codec) -> u8 {
    DYNAMIC + codec as u8
}

/// A tap that knows every codec, with room for ten seconds of the widest.
pub fn tap() -> Tap<'static> {
    let codec = Codec::L16_48kStereo;
    let words = Box::leak(audio::words(codec).into_boxed_slice());
    let tap = Tap::init(words, &TapConfig { codec, seconds: 10 }).expect("the words are enough");
    let types = Codec::ALL
        .into_iter()
        .fold(PayloadTypes::NONE, |types, codec| types.with(dynamic(codec), codec));
    tap.set_payload_types(&types);
    tap
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = crate::Random(seed);
    (0..bytes).map(|_| random.next() as u8).collect()
}

/// Bytes of `ms` milliseconds.
fn bytes(codec: Codec, ms: u32) -> usize {
    let ticks = codec.clock_rate() as usize * ms as usize / 1000;
    ticks * codec.tick_len().expect("a codec whose payloads have a length")
}

/// RTP of `ms` milliseconds a packet, from a timestamp on.
pub fn packets(codec: Codec, sound: &[u8], ms: u32, timestamp: u32) -> Vec<Vec<u8>> {
    let ticks = codec.clock_rate() as usize * ms as usize / 1000;
    let stream = Stream {
        payload_type: dynamic(codec),
        timestamp,
        ..PLAIN
    };
    let payloads = sound.chunks_exact(bytes(codec, ms));
    payloads
        .enumerate()
        .map(|(number, payload)| stream.packet(number, ticks, payload))
        .collect()
}

pub fn heard(codec: Codec, sound: &[u8], ms: u32) -> Tap<'static> {
    let tap = tap();
    for packet in packets(codec, sound, ms, 4000) {
        assert_eq!(tap.write_rtp(&packet), Written::Kept);
    }
    tap
}

fn taken(tap: &Tap<'_>) -> Fingerprint {
    exact::newest(tap).expect("noise is alive").fingerprint
}

fn matches(tap: &Tap<'_>, wanted: &Fingerprint) -> bool {
    matches!(exact::search(tap, wanted), Decision::Match(_))
}

/// The codecs whose payloads may be any bytes.
fn plain() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| codec.tick_len().is_some())
}

#[test]
fn row_35_every_codec_is_found_by_a_receiver_at_each_packet_time() {
    for codec in plain() {
        let sound = noise(codec as u64, bytes(codec, 1200));
        let wanted: Vec<_> = [10, 20, 30, 40, 60, 120]
            .into_iter()
            .filter(|ms| bytes(codec, *ms) <= MAX_PAYLOAD_LEN)
            .map(|ms| (ms, taken(&heard(codec, &sound, ms))))
            .collect();
        for (ms, fingerprint) in &wanted {
            assert!(matches(&heard(codec, &sound, 10), fingerprint), "{codec:?} at {ms} ms");
            assert!(matches(&heard(codec, &sound, *ms), fingerprint), "{codec:?} at {ms} ms");
        }
        // Of packets of 10 and of 20 ms the last 200 ms begin at the same moment.
        let newest = wanted.iter().filter(|(ms, _)| *ms <= 20).map(|(_, newest)| newest);
        assert!(newest.clone().zip(newest.skip(1)).all(|(a, b)| a == b), "{codec:?}");
    }
}

#[test]
fn row_35_the_window_of_linear_pcm_is_200_ms_of_its_first_channel() {
    for codec in [
        Codec::L16,
        Codec::L16_16k,
        Codec::L16_44k,
        Codec::L16_48k,
        Codec::L16_16kStereo,
        Codec::L16_44kStereo,
        Codec::L16_48kStereo,
    ] {
        let sound = noise(1, bytes(codec, 400));
        let step = codec.tick_len().expect("linear");
        let window: Vec<i16> = sound[bytes(codec, 200)..]
            .chunks_exact(step)
            .map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
            .collect();
        assert_eq!(window.len(), codec.window_samples());
        assert_eq!(
            taken(&heard(codec, &sound, 10)),
            Fingerprint::of_window(&window),
            "{codec:?}"
        );
    }
}

#[test]
fn row_36_silence_and_tones_are_refused_at_every_rate() {
    for codec in [Codec::L16, Codec::L16_16k, Codec::L16_44k, Codec::L16_48k] {
        let silence = vec![0; bytes(codec, 400)];
        let why = |sound: &[u8]| exact::newest(&heard(codec, sound, 10)).map(|_| ());
        let refused = |why| Err(NoSample::NoUsableAudio(Unusable::Lifeless(why)));
        assert_eq!(why(&silence), refused(Lifeless::Repetitive), "{codec:?}");
        let rate = f64::from(codec.sample_rate());
        for hertz in [425.0, 1004.0, 3000.0, 0.43 * rate] {
            let tone: Vec<u8> = (0..codec.window_samples() * 2)
                .map(|at| (8000.0 * (std::f64::consts::TAU * hertz * at as f64 / rate).sin()) as i16)
                .flat_map(i16::to_be_bytes)
                .collect();
            assert!(why(&tone).is_err(), "{codec:?}: {hertz} Hz");
        }
    }
}

#[test]
fn a_packet_with_sources_an_extension_and_padding_is_the_same_as_a_plain_one() {
    let sound = noise(5, bytes(Codec::G722, 400));
    let dressed = tap();
    for packet in packets(Codec::G722, &sound, 20, 4000) {
        let (header, payload) = packet.split_at(12);
        let mut datagram = header.to_vec();
        datagram[0] |= 0x20 | 0x10 | 2;
        datagram.extend([1; 8]);
        datagram.extend([0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
        datagram.extend(payload);
        datagram.extend([0, 0, 0, 4]);
        assert_eq!(dressed.write_rtp(&datagram), Written::Kept);
    }
    assert_eq!(taken(&dressed), taken(&heard(Codec::G722, &sound, 20)));
}

#[test]
fn frames_whose_host_counts_milliseconds_are_the_same_as_packets() {
    for codec in plain() {
        let sound = noise(6, bytes(codec, 600));
        let frames = tap();
        // Across the wrap of the milliseconds, except where a tick is no whole part of one.
        let origin = if codec.clock_rate() == 44_100 {
            50_000
        } else {
            u32::MAX - 299
        };
        for (number, payload) in (0..).zip(sound.chunks_exact(bytes(codec, 10))) {
            let ms = 10_u32.wrapping_mul(number).wrapping_add(origin);
            let written = frames.write_frame(&Frame {
                codec,
                source: 0,
                timestamp: codec.timestamp_of_ms(ms),
                payload,
            });
            assert_eq!(written, Written::Kept);
        }
        assert_eq!(taken(&frames), taken(&heard(codec, &sound, 10)), "{codec:?}");
    }
}

#[test]
fn pcm_is_the_same_as_linear_packets_however_it_is_cut() {
    for codec in [Codec::L16, Codec::L16_16k, Codec::L16_44k, Codec::L16_48k] {
        let sound = noise(7, bytes(codec, 600));
        let samples: Vec<i16> = sound
            .as_chunks()
            .0
            .iter()
            .map(|pair| i16::from_be_bytes(*pair))
            .collect();
        let wanted = taken(&heard(codec, &sound, 20));
        let rate = codec.sample_rate();
        for (count, is_stamped) in [(rate / 50, true), (rate / 50, false), (rate / 10, false), (777, false)] {
            let tap = tap();
            for (number, piece) in (0..).zip(samples.chunks(count as usize)) {
                let written = tap.write_pcm(&Pcm {
                    sample_rate: rate,
                    source: 3,
                    timestamp: is_stamped.then(|| (number * count).wrapping_sub(5)),
                    samples: piece,
                });
                assert_eq!(written, Written::Kept);
            }
            assert!(matches(&tap, &wanted) || count == 777, "{codec:?} in {count}");
            assert!(
                exact::newest(&tap).expect("alive").behind_ms < 100,
                "{codec:?} in {count}"
            );
        }
    }
}

#[test]
fn pcm_goes_on_where_it_ended_only_in_its_own_stream() {
    let sound = noise(8, 3200 * 2);
    let samples: Vec<i16> = sound
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_be_bytes(*pair))
        .collect();
    let (together, apart) = (tap(), tap());
    for (number, piece) in samples.chunks(160).enumerate() {
        for (tap, source) in [(together, 1), (apart, number as u32 / 9)] {
            let pcm = Pcm {
                sample_rate: 8000,
                source,
                timestamp: None,
                samples: piece,
            };
            assert_eq!(tap.write_pcm(&pcm), Written::Kept);
        }
    }
    assert!(exact::newest(&together).is_ok());
    assert_eq!(exact::newest(&apart), Err(NoSample::NoUsableAudio(Unusable::TooLittle)));
    let pcm = |sample_rate, samples| Pcm {
        sample_rate,
        source: 1,
        timestamp: None,
        samples,
    };
    assert_eq!(apart.write_pcm(&pcm(11_025, &samples)), Written::Rate);
    assert_eq!(apart.write_pcm(&pcm(8000, &[])), Written::NotAudio);
    assert_eq!(apart.write_pcm(&pcm(8000, &samples[..960])), Written::Kept);
    assert_eq!(apart.write_pcm(&pcm(8000, &samples[..961])), Written::TooLong);
}

#[test]
fn frames_of_linear_pcm_longer_than_a_packet_are_kept_in_pieces() {
    for codec in [Codec::L16_16k, Codec::L16_44kStereo, Codec::L16_48kStereo] {
        let sound = noise(9, bytes(codec, 480));
        let tap = tap();
        for (number, payload) in (0..).zip(sound.chunks_exact(bytes(codec, 120))) {
            assert!(payload.len() > MAX_PAYLOAD_LEN);
            let frame = Frame {
                codec,
                source: 0,
                timestamp: codec.timestamp_of_ms(120 * number),
                payload,
            };
            assert_eq!(tap.write_frame(&frame), Written::Kept);
        }
        assert!(matches(&tap, &taken(&heard(codec, &sound, 10))), "{codec:?}");
        let payload = vec![1; bytes(codec, 120) + codec.tick_len().expect("linear")];
        let frame = Frame {
            codec,
            source: 0,
            timestamp: 0,
            payload: &payload,
        };
        assert_eq!(tap.write_frame(&frame), Written::TooLong, "{codec:?}");
    }
}

#[test]
fn a_call_that_changes_its_codec_is_known_by_its_sound_before_and_after() {
    let other = |codec| match codec {
        Codec::Pcmu => Codec::G722,
        _ => Codec::Pcmu,
    };
    for codec in plain() {
        let (first, second) = (noise(10, bytes(codec, 300)), noise(11, bytes(other(codec), 300)));
        let tap = tap();
        // One source and one line of timestamps, as after a re-INVITE.
        let (before, after) = (packets(codec, &first, 10, 0), packets(other(codec), &second, 10, 2400));
        for packet in before.iter().chain(&after) {
            tap.write_rtp(packet);
        }
        assert!(matches(&tap, &taken(&heard(codec, &first, 10))), "{codec:?}");
        assert!(matches(&tap, &taken(&heard(other(codec), &second, 10))), "{codec:?}");
        assert_eq!(
            taken(&tap),
            taken(&heard(other(codec), &second, 10)),
            "what is heard now"
        );
    }
}

#[test]
fn no_window_reaches_across_a_change_of_codec_that_has_memory() {
    let (first, second) = (noise(12, bytes(Codec::Pcmu, 150)), noise(13, bytes(Codec::G722, 150)));
    let tap = tap();
    for packet in packets(Codec::Pcmu, &first, 10, 0) {
        tap.write_rtp(&packet);
    }
    for packet in packets(Codec::G722, &second, 10, 1200) {
        tap.write_rtp(&packet);
    }
    assert_eq!(exact::newest(&tap), Err(NoSample::NoUsableAudio(Unusable::TooLittle)));
    // Between two codecs of the same samples without memory one does.
    for packet in packets(Codec::Pcma, &second, 10, 2400)
        .iter()
        .chain(&packets(Codec::Pcmu, &first, 10, 3600))
    {
        tap.write_rtp(packet);
    }
    assert!(exact::newest(&tap).is_ok());
}

#[test]
fn packet_types_that_alternate_in_one_stream_make_one_run() {
    let sound = noise(14, bytes(Codec::Pcmu, 600));
    let tap = tap();
    let laws = [Codec::Pcmu, Codec::Pcma].map(|codec| packets(codec, &sound, 20, 0));
    for number in 0..laws[0].len() {
        tap.write_rtp(&laws[number % 2][number]);
    }
    assert_eq!(exact::newest(&tap).map(|sample| sample.behind_ms), Ok(0));
}

#[test]
fn timestamps_wrap_on_every_clock() {
    for codec in plain() {
        let sound = noise(15, bytes(codec, 600));
        let tap = tap();
        for packet in packets(codec, &sound, 10, 0_u32.wrapping_sub(codec.clock_rate() / 2)) {
            tap.write_rtp(&packet);
        }
        let oldest = exact::search(&tap, &taken(&heard(codec, &sound[..bytes(codec, 200)], 10)));
        assert!(
            matches!(oldest, Decision::Match(found) if found.behind_ms == 400),
            "{codec:?}: {oldest}"
        );
    }
}

#[test]
fn late_and_doubled_packets_find_their_place_on_every_clock() {
    for codec in plain() {
        let sound = noise(16, bytes(codec, 600));
        let mut sent = packets(codec, &sound, 10, 77);
        for pair in sent.chunks_exact_mut(3) {
            pair.swap(0, 2);
        }
        sent.extend_from_within(5..9);
        let tap = tap();
        for packet in &sent {
            tap.write_rtp(packet);
        }
        assert_eq!(taken(&tap), taken(&heard(codec, &sound, 10)), "{codec:?}");
    }
}

#[test]
fn a_lost_packet_or_a_pause_ends_a_run_on_every_clock() {
    for codec in plain() {
        let sound = noise(17, bytes(codec, 600));
        let sent = packets(codec, &sound, 10, 77);
        let tap = tap();
        // The last 200 ms have a hole, as after a loss or while nothing is sent (DTX); comfort noise comes in its place.
        for (number, packet) in sent.iter().enumerate() {
            if number == 45 {
                let noise = Stream {
                    payload_type: 13,
                    ..PLAIN
                };
                assert_eq!(tap.write_rtp(&noise.packet(number, 1, &[40])), Written::NotAudio);
            } else {
                tap.write_rtp(packet);
            }
        }
        let sample = exact::newest(&tap).expect("alive");
        assert_eq!(sample.behind_ms, 150, "{codec:?}");
        assert!(matches(&heard(codec, &sound, 10), &sample.fingerprint), "{codec:?}");
        assert!(!matches(&tap, &taken(&heard(codec, &sound, 10))), "{codec:?}");
    }
}

#[test]
fn a_source_that_comes_back_after_another_goes_on_where_it_was() {
    for codec in plain() {
        let sound = noise(18, bytes(codec, 400));
        let sent = packets(codec, &sound, 10, 77);
        let tap = tap();
        for (number, packet) in sent.iter().enumerate() {
            tap.write_rtp(packet);
            if number % 13 == 5 {
                let stray = Stream {
                    payload_type: dynamic(codec),
                    ssrc: 99,
                    ..PLAIN
                };
                tap.write_rtp(&stray.packet(number, PACKET, &noise(number as u64, bytes(codec, 10))));
            }
        }
        assert!(matches(&tap, &taken(&heard(codec, &sound, 10))), "{codec:?}");
    }
}

#[test]
fn opus_without_its_decoder_is_kept_and_is_no_mismatch() {
    let tap = tap();
    let stream = Stream {
        payload_type: dynamic(Codec::Opus),
        ..PLAIN
    };
    for number in 0..20 {
        // 20 ms of wideband SILK.
        assert_eq!(
            tap.write_rtp(&stream.packet(number, 960, &[0x48, 1, 2, 3, 4])),
            Written::Kept
        );
        if number < 9 {
            let too_little = Err(NoSample::NoUsableAudio(Unusable::TooLittle));
            assert_eq!(exact::newest(&tap), too_little);
        }
    }
    if !Codec::Opus.is_decodable() {
        let cannot = Unusable::NotDecodable;
        assert_eq!(exact::newest(&tap), Err(NoSample::NoUsableAudio(cannot)));
        let decision = exact::search(&tap, &Fingerprint::from_bytes([3; 32]));
        assert_eq!(decision, Decision::NoUsableAudio(cannot));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Any loss, reorder and duplication on either side, in any codec: the sender takes the newest whole window, and the receiver
    /// accepts it if and only if it has that window whole.
    #[test]
    fn row_34_every_codec_is_accepted_if_and_only_if_a_complete_shared_window_exists(
        number in 1..11_u8,
        seed in 1..u64::MAX,
        timestamp: u32,
        loss in prop::sample::select(&[0.0, 0.05, 0.15][..]),
        fates in prop::collection::vec((0.0..1.0, 0.0..1.0, 0..4_usize, any::<bool>()), 50),
    ) {
        let codec = Codec::from_number(number).expect("a number in use");
        let sound = noise(seed, bytes(codec, 500));
        let deliver = |origin, is_lost: &dyn Fn(usize) -> bool| {
            let sent = packets(codec, &sound, 10, origin);
            let mut arrivals = Vec::new();
            for (number, (_, _, delay, is_twice)) in fates.iter().enumerate().filter(|(number, _)| !is_lost(*number)) {
                arrivals.push((number + delay, number));
                if *is_twice {
                    arrivals.push((number + 5, number));
                }
            }
            arrivals.sort_unstable();
            let tap = tap();
            for (_, number) in arrivals {
                tap.write_rtp(&sent[number]);
            }
            tap
        };
        let (up, down) = (|number: usize| fates[number].0 < loss, |number: usize| fates[number].1 < loss);
        let whole = |first: usize, is_lost: &dyn Fn(usize) -> bool| (first..first + 20).all(|number| !is_lost(number));
        let newest = (0..=30).rev().find(|first| whole(*first, &up));

        let taken = exact::newest(&deliver(4000, &up));
        prop_assert_eq!(taken.is_ok(), newest.is_some());
        if let (Ok(sample), Some(first)) = (taken, newest) {
            let decision = exact::search(&deliver(timestamp, &down), &sample.fingerprint);
            prop_assert_eq!(matches!(decision, Decision::Match(_)), whole(first, &down), "{}", decision);
        }
    }
}
