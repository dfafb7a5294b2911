//! The tap's memory, its counts, and what it does with packets that nobody should send.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ohp::media::exact::{self, Decision};
use ohp::media::tap::{Frame, MAX_PAYLOAD_LEN, MAX_SECONDS, Stats, TapError, Written, tap_words};
use ohp::media::{Codec, Fingerprint, PayloadTypes, Tap, TapConfig};

use crate::audio::{self, PACKET, PLAIN, Stream};

#[test]
fn ten_seconds_of_g711_fit_into_96_kib() {
    let words = tap_words(Codec::Pcmu, 10).expect("ten seconds are in range");
    assert!(words * 8 <= 96 * 1024, "{} bytes", words * 8);
    assert_eq!(tap_words(Codec::Pcma, 10), Some(words));
    assert_eq!(tap_words(Codec::Pcmu, 0), None);
    assert_eq!(tap_words(Codec::Pcmu, MAX_SECONDS + 1), None);
}

#[test]
fn memory_that_is_too_small_or_holds_no_tap_is_refused() {
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 10,
    };
    let words = audio::words(Codec::Pcmu);
    let error = |words: &[AtomicU64]| Tap::attach(words).err();
    assert_eq!(error(&words), Some(TapError::NotATap));
    assert_eq!(error(&[]), Some(TapError::TooSmall));
    assert_eq!(Tap::init(&words[1..], &config).err(), Some(TapError::TooSmall));
    let seconds = TapConfig { seconds: 11, ..config };
    assert_eq!(Tap::init(&words, &seconds).err(), Some(TapError::Seconds));

    Tap::init(&words, &config).expect("the words are enough");
    assert_eq!(error(&words), None);
    assert_eq!(error(&words[1..]), Some(TapError::NotATap));
    assert_eq!(error(&words[..words.len() - 1]), Some(TapError::TooSmall));
}

#[test]
fn whoever_attaches_sees_what_was_written() {
    let words = audio::words(Codec::Pcmu);
    let tap = audio::tap(&words);
    tap.write_rtp(&PLAIN.packet(0, PACKET, &[0x42; PACKET]));
    let other = Tap::attach(&words).expect("a tap has been made there");
    assert_eq!(
        other.stats(),
        Stats {
            kept: 1,
            ..Stats::default()
        }
    );
}

#[test]
fn every_kind_of_packet_has_its_answer_and_its_count() {
    let tap = audio::fresh();
    let with = |payload_type, payload: &[u8]| Stream { payload_type, ..PLAIN }.packet(0, PACKET, payload);
    assert_eq!(tap.write_rtp(&with(0, &[1; 160])), Written::Kept);
    assert_eq!(tap.write_rtp(&with(8, &[1; MAX_PAYLOAD_LEN])), Written::Kept);
    assert_eq!(tap.write_rtp(&with(8, &[1; MAX_PAYLOAD_LEN + 1])), Written::TooLong);
    assert_eq!(tap.write_rtp(&with(0, &[1; 65_000])), Written::TooLong);
    assert_eq!(tap.write_rtp(&with(0, &[])), Written::NotAudio);
    assert_eq!(tap.write_rtp(&with(3, &[1; 33])), Written::NotAudio);
    assert_eq!(tap.write_rtp(&[0x80, 201, 0, 1, 0, 0, 0, 0]), Written::NotAudio);
    assert!(matches!(tap.write_rtp(&[]), Written::NotRtp(_)));
    assert!(matches!(tap.write_rtp(&[0x16, 0xfe, 0xfd]), Written::NotRtp(_)));
    let stats = Stats {
        kept: 2,
        not_audio: 2,
        not_rtp: 2,
        too_long: 2,
    };
    assert_eq!(tap.stats(), stats, "RTCP counts as nothing");
}

#[test]
fn payload_types_follow_the_answer() {
    let tap = audio::fresh();
    let dynamic = Stream {
        payload_type: 97,
        ..PLAIN
    }
    .packet(0, PACKET, &[1; PACKET]);
    assert_eq!(tap.write_rtp(&dynamic), Written::NotAudio);
    tap.set_payload_types(&PayloadTypes::NONE.with(97, Codec::Pcma));
    assert_eq!(tap.write_rtp(&dynamic), Written::Kept);
    assert_eq!(tap.write_rtp(&PLAIN.packet(0, PACKET, &[1; PACKET])), Written::NotAudio);
}

#[test]
fn frames_without_headers_are_the_same_as_packets() {
    let Some(speech) = audio::prompts().first() else { return };
    let tap = audio::fresh();
    // FreeSWITCH hands over zeros first.
    for _ in 0..3 {
        tap.write_frame(&Frame {
            codec: Codec::Pcmu,
            source: 0,
            timestamp: 0,
            payload: &[0xff; PACKET],
        });
    }
    for (number, payload) in speech.chunks_exact(PACKET).enumerate() {
        let timestamp = 500_000 + (number * PACKET) as u32;
        tap.write_frame(&Frame {
            codec: Codec::Pcmu,
            source: 0,
            timestamp,
            payload,
        });
    }
    assert_eq!(exact::newest(&tap), exact::newest(&audio::heard(speech)));
}

#[test]
fn a_packet_that_begins_inside_another_neither_replaces_nor_parts_anything() {
    let Some(speech) = audio::prompts().first() else { return };
    let tap = audio::fresh();
    for (number, packet) in PLAIN.packets(speech, PACKET).iter().enumerate() {
        tap.write_rtp(packet);
        if number % 7 == 3 {
            let within = Stream {
                timestamp: PLAIN.timestamp + 40,
                ..PLAIN
            };
            tap.write_rtp(&within.packet(number, PACKET, &[0x99; 60]));
        }
    }
    assert_eq!(exact::newest(&tap), exact::newest(&audio::heard(speech)));
}

#[test]
fn memory_full_of_rubbish_is_read_and_written_without_panic() {
    let words = audio::words(Codec::Pcmu);
    let mut random = crate::Random(0xbad);
    let packet = PLAIN.packet(0, PACKET, &[0x3c; PACKET]);
    for round in 0..200 {
        audio::tap(&words);
        for (at, word) in words.iter().enumerate() {
            // What init wrote there, magic and sizes, is checked by attach; all else may be anything.
            if at > 1 {
                let value = random.next();
                word.store(
                    if round % 2 == 0 {
                        value
                    } else {
                        value >> random.below(64)
                    },
                    Relaxed,
                );
            }
        }
        let tap = Tap::attach(&words).expect("magic and sizes are whole");
        tap.write_rtp(&packet);
        tap.write_frame(&Frame {
            codec: Codec::L16,
            source: 1,
            timestamp: 2,
            payload: &[9; 333],
        });
        let _ = exact::newest(&tap);
        let _ = exact::search(&tap, &Fingerprint::from_bytes([0; 32]));
        let _ = tap.stats();
    }
}

#[test]
fn sizes_that_no_tap_has_are_not_attached_to() {
    let words = audio::words(Codec::Pcmu);
    audio::tap(&words);
    let mut random = crate::Random(0x512e5);
    for _ in 0..10_000 {
        let value = random.next() >> random.below(64);
        words[1].store(value, Relaxed);
        if let Ok(tap) = Tap::attach(&words) {
            tap.write_rtp(&PLAIN.packet(0, PACKET, &[0x3c; PACKET]));
            assert!(!matches!(
                exact::search(&tap, &Fingerprint::from_bytes([0; 32])),
                Decision::Match(_)
            ));
        }
    }
}
