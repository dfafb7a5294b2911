//! The exact fingerprint, taken on one leg and looked for on another, over real speech.

use ohp::media::exact::{self, Decision, NoSample, Unusable};
use ohp::media::tap::Frame;
use ohp::media::{Codec, Fingerprint, PayloadTypes, Tap, g711, liveness};
use proptest::prelude::*;

use crate::audio::{self, PACKET, PLAIN, Stream, WINDOW_PACKETS};

/// The sender's fingerprint, which must be there.
fn taken(tap: &Tap<'_>) -> Fingerprint {
    exact::newest(tap).expect("the leg has heard speech").fingerprint
}

fn matches(tap: &Tap<'_>, wanted: &Fingerprint) -> bool {
    matches!(exact::search(tap, wanted), Decision::Match(_))
}

/// What a network does to packets: which are lost, which come twice, and how far each is delayed.
#[derive(Clone, Debug)]
struct Network {
    packets: Vec<(bool, bool, u8)>,
}

impl Network {
    fn any(packets: usize) -> impl Strategy<Value = Self> {
        // From clean to hopeless: a tenth of the cases loses nothing, others up to a quarter.
        (0.0..0.25_f64).prop_flat_map(move |loss| {
            let loss = if loss < 0.025 { 0.0 } else { loss };
            let fate = (prop::bool::weighted(loss), prop::bool::weighted(0.1), 0..8_u8);
            prop::collection::vec(fate, packets).prop_map(|packets| Self { packets })
        })
    }

    fn delivers(&self, number: usize) -> bool {
        !self.packets[number].0
    }

    /// Sends the packets through.
    fn carry(&self, packets: &[Vec<u8>], tap: &Tap<'_>) {
        let mut arrivals = Vec::new();
        for (number, (lost, twice, delay)) in self.packets.iter().enumerate() {
            if !lost {
                arrivals.push((number + usize::from(*delay), number));
                if *twice {
                    arrivals.push((number + 3, number));
                }
            }
        }
        arrivals.sort_unstable();
        for (_, number) in arrivals {
            tap.write_rtp(&packets[number]);
        }
    }

    /// The first packets of the windows that came through whole.
    fn whole(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..=self.packets.len() - WINDOW_PACKETS)
            .filter(|first| (*first..first + WINDOW_PACKETS).all(|number| self.delivers(number)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any loss, reorder and duplication on either side: the sender takes the newest whole lively window there is, and
    /// the receiver accepts it if and only if it has that window whole.
    #[test]
    fn row_34_exact_accepts_if_and_only_if_a_complete_shared_window_exists(
        prompt in 0..11_usize,
        start in 0..200_usize,
        up in Network::any(60),
        down in Network::any(60),
        ssrc: u32,
        sequence: u16,
        timestamp in prop_oneof![any::<u32>(), u32::MAX - 10_000..=u32::MAX],
    ) {
        let Some(speech) = audio::prompts().get(prompt) else { return Ok(()) };
        let start = start * PACKET % speech.len().saturating_sub(60 * PACKET).max(1);
        let heard = &speech[start..speech.len().min(start + 60 * PACKET)];
        prop_assume!(heard.len() == 60 * PACKET);
        let window = |first: usize| &heard[first * PACKET..][..1600];
        let lively = |first: &usize| liveness::check(&audio::samples(window(*first))).is_ok();

        let (sender, receiver) = (audio::fresh(), audio::fresh());
        up.carry(&PLAIN.packets(heard, PACKET), &sender);
        let other = Stream { payload_type: 0, ssrc, sequence, timestamp };
        down.carry(&other.packets(heard, PACKET), &receiver);

        let expected = up.whole().rev().find(lively);
        let Some(first) = expected else {
            prop_assert!(exact::newest(&sender).is_err());
            return Ok(());
        };
        let wanted = taken(&sender);
        prop_assert_eq!(wanted, audio::fingerprint(window(first)));

        let shared = down.whole().any(|other| audio::samples(window(other)) == audio::samples(window(first)));
        match exact::search(&receiver, &wanted) {
            Decision::Match(_) => prop_assert!(shared, "accepted without the window"),
            Decision::Mismatch => prop_assert!(!shared && down.whole().any(|first| lively(&first))),
            Decision::NoUsableAudio(Unusable::TooLittle) => prop_assert_eq!(down.whole().count(), 0),
            // Windows half a window apart are judged, so a lively one may lie between two pauses.
            Decision::NoUsableAudio(_) => prop_assert!(!shared && !down.whole().all(|first| lively(&first))),
            Decision::NoMedia => prop_assert!((0..60).all(|number| !down.delivers(number))),
        }
    }
}

#[test]
fn row_34_a_clean_receiver_finds_the_window_and_says_how_old_it_is() {
    for speech in audio::prompts() {
        let (sender, receiver) = (audio::heard(speech), audio::heard(speech));
        let sample = exact::newest(&sender).expect("speech");
        let Decision::Match(found) = exact::search(&receiver, &sample.fingerprint) else {
            panic!("not found");
        };
        assert_eq!((found.behind_ms, found.on_boundary), (sample.behind_ms, true));
    }
}

#[test]
fn row_34_packets_cut_anew_are_found_on_the_ten_millisecond_grid() {
    for speech in audio::prompts() {
        let sender = audio::heard(speech);
        let wanted = taken(&sender);
        for (samples, skipped) in [
            (80, 0),
            (80, 160),
            (160, 80),
            (240, 0),
            (240, 80),
            (320, 160),
            (480, 240),
        ] {
            let receiver = audio::fresh();
            for packet in PLAIN.packets(&speech[skipped..], samples) {
                receiver.write_rtp(&packet);
            }
            // Packets of this length may end before the sender's did.
            let whole = (speech.len() - skipped) / samples * samples + skipped;
            let end = speech.len() / PACKET * PACKET - exact::newest(&sender).expect("speech").behind_ms as usize * 8;
            if end <= whole {
                assert!(
                    matches(&receiver, &wanted),
                    "{samples} samples a packet, {skipped} skipped"
                );
            }
        }
    }
}

#[test]
fn row_34_a_cut_off_the_grid_is_a_mismatch_and_not_searched_for() {
    for speech in audio::prompts() {
        let wanted = taken(&audio::heard(speech));
        let receiver = audio::fresh();
        for packet in PLAIN.packets(&speech[37..], PACKET) {
            receiver.write_rtp(&packet);
        }
        assert_eq!(exact::search(&receiver, &wanted), Decision::Mismatch);
    }
}

#[test]
fn row_34_no_other_call_has_the_fingerprint() {
    let calls: Vec<_> = audio::prompts().iter().map(|speech| audio::heard(speech)).collect();
    for (sender, from) in calls.iter().enumerate() {
        for (receiver, to) in calls.iter().enumerate() {
            let decision = exact::search(to, &taken(from));
            match decision {
                Decision::Match(_) => assert_eq!(sender, receiver),
                Decision::Mismatch => assert_ne!(sender, receiver),
                other => panic!("{sender} in {receiver}: {other:?}"),
            }
        }
    }
}

#[test]
fn row_34_audio_older_than_the_ring_is_forgotten() {
    let mut random = crate::Random(11);
    let mut packet = || -> Vec<u8> { (0..PACKET).map(|_| random.next() as u8).collect() };
    let tap = audio::fresh();
    let mut octets = Vec::new();
    for number in 0..700 {
        let payload = packet();
        tap.write_rtp(&PLAIN.packet(number, PACKET, &payload));
        octets.extend(payload);
    }
    let at = |first: usize| audio::fingerprint(&octets[first * PACKET..]);
    assert!(!matches(&tap, &at(199)));
    for first in [201, 202, 350, 690] {
        let Decision::Match(found) = exact::search(&tap, &at(first)) else {
            panic!("the window at packet {first} is within ten seconds");
        };
        assert_eq!(found.behind_ms as usize, (700 - WINDOW_PACKETS - first) * 20);
    }
}

#[test]
fn row_34_source_changes_begin_a_new_run_and_stray_packets_do_not() {
    let Some(speech) = audio::prompts().first() else { return };
    let packets = PLAIN.packets(speech, PACKET);
    let other = Stream {
        ssrc: 99,
        timestamp: 77,
        ..PLAIN
    };
    let window = |first: usize| audio::fingerprint(&speech[first * PACKET..]);

    // Another source takes over after packet 100, as after a re-INVITE.
    let tap = audio::fresh();
    for (number, packet) in packets.iter().enumerate() {
        if number < 100 {
            tap.write_rtp(packet);
        } else {
            tap.write_rtp(&other.packet(number, PACKET, &packet[12..]));
        }
    }
    assert!(matches(&tap, &window(90)) && matches(&tap, &window(100)));
    assert!(!matches(&tap, &window(95)), "a run went across two sources");

    // One packet of another source in between, and then the first goes on.
    let tap = audio::fresh();
    for (number, packet) in packets.iter().enumerate() {
        tap.write_rtp(packet);
        if number == 100 {
            tap.write_rtp(&other.packet(number, PACKET, &[0x31; PACKET]));
        }
    }
    assert!(matches(&tap, &window(95)), "a stray packet cut the run");
    assert_eq!(taken(&tap), taken(&audio::heard(speech)));
}

#[test]
fn row_34_the_stream_that_is_heard_now_counts_as_the_newest() {
    let (Some(first), Some(second)) = (audio::prompts().first(), audio::prompts().get(1)) else {
        return;
    };
    let other = Stream {
        ssrc: 2,
        timestamp: 0x8000_0000,
        ..PLAIN
    };
    let (a, b) = (PLAIN.packets(first, PACKET), other.packets(second, PACKET));
    let tap = audio::fresh();
    for packet in a[..100].iter().chain(&b[..50]).chain(&a[100..150]) {
        tap.write_rtp(packet);
    }
    let alone = audio::fresh();
    for packet in &a[..150] {
        alone.write_rtp(packet);
    }
    assert_eq!(taken(&tap), taken(&alone));
}

#[test]
fn a_clock_that_restarts_without_a_new_source_is_followed() {
    let Some(speech) = audio::prompts().first() else { return };
    let late = Stream {
        timestamp: 1_000_000,
        ..PLAIN
    };
    let early = Stream { timestamp: 0, ..PLAIN };
    let tap = audio::fresh();
    for packet in &late.packets(&speech[..100 * PACKET], PACKET) {
        tap.write_rtp(packet);
    }
    for packet in &early.packets(&speech[100 * PACKET..], PACKET) {
        tap.write_rtp(packet);
    }
    assert_eq!(taken(&tap), taken(&audio::heard(&speech[100 * PACKET..])));
    assert!(matches(&tap, &audio::fingerprint(&speech[50 * PACKET..])));
}

#[test]
fn row_37_events_and_comfort_noise_end_a_run_only_where_the_audio_has_a_gap() {
    let Some(speech) = audio::prompts().first() else { return };
    let event = Stream {
        payload_type: 101,
        ..PLAIN
    };
    let noise = Stream {
        payload_type: 13,
        ..PLAIN
    };
    let wanted = audio::fingerprint(&speech[95 * PACKET..]);

    let beside = audio::fresh();
    let instead = audio::fresh();
    for (number, packet) in PLAIN.packets(speech, PACKET).iter().enumerate() {
        if number == 100 {
            for tap in [&beside, &instead] {
                tap.write_rtp(&event.packet(number, PACKET, &[5, 10, 0, 160]));
                tap.write_rtp(&noise.packet(number, PACKET, &[64]));
            }
        } else {
            instead.write_rtp(packet);
        }
        beside.write_rtp(packet);
    }
    assert!(matches(&beside, &wanted), "an event beside the audio cut the run");
    assert!(!matches(&instead, &wanted), "a run went across a gap");
    assert_eq!(beside.stats().not_audio, 2);
}

#[test]
fn row_39_no_media_too_little_and_mismatch_are_three_answers() {
    let wanted = Fingerprint::from_bytes([7; 32]);
    let tap = audio::fresh();
    assert_eq!(exact::search(&tap, &wanted), Decision::NoMedia);
    assert_eq!(exact::newest(&tap), Err(NoSample::NoMedia));
    tap.write_rtp(b"not RTP at all");
    assert_eq!(exact::search(&tap, &wanted), Decision::NoMedia);

    let mut random = crate::Random(5);
    for number in 0..WINDOW_PACKETS {
        let too_little = Unusable::TooLittle;
        if number > 0 {
            assert_eq!(exact::search(&tap, &wanted), Decision::NoUsableAudio(too_little));
            assert_eq!(exact::newest(&tap), Err(NoSample::NoUsableAudio(too_little)));
        }
        let payload: Vec<u8> = (0..PACKET).map(|_| random.next() as u8).collect();
        tap.write_rtp(&PLAIN.packet(number, PACKET, &payload));
    }
    assert_eq!(exact::search(&tap, &wanted), Decision::Mismatch);
    assert!(exact::newest(&tap).is_ok());
}

#[test]
fn row_35_codecs_that_expand_to_the_same_samples_share_a_fingerprint() {
    let Some(speech) = audio::prompts().first() else { return };
    let tap = Tap::init(
        Box::leak(audio::words(Codec::L16).into_boxed_slice()),
        &ohp::media::TapConfig {
            codec: Codec::L16,
            seconds: 10,
        },
    )
    .expect("the words are enough");
    tap.set_payload_types(&PayloadTypes::NONE);
    for (number, payload) in speech.chunks_exact(PACKET).enumerate() {
        let linear: Vec<u8> = payload
            .iter()
            .flat_map(|octet| g711::MU_LAW[usize::from(*octet)].to_be_bytes())
            .collect();
        tap.write_frame(&Frame {
            codec: Codec::L16,
            source: 0,
            timestamp: (number * PACKET) as u32,
            payload: &linear,
        });
    }
    assert_eq!(taken(&tap), taken(&audio::heard(speech)));

    // A-law of the same speech is another sequence of samples: transcoding is not hidden.
    let transcoded: Vec<i16> = speech.iter().map(|octet| g711::MU_LAW[usize::from(*octet)]).collect();
    let a_law = audio::fresh();
    let stream = Stream {
        payload_type: 8,
        ..PLAIN
    };
    for packet in stream.packets(&audio::a(&transcoded), PACKET) {
        a_law.write_rtp(&packet);
    }
    assert!(exact::newest(&a_law).is_ok());
    assert_eq!(exact::search(&a_law, &taken(&tap)), Decision::Mismatch);
}

#[test]
fn both_sides_get_by_on_less_than_a_third_of_a_pbx_thread_stack() {
    let mut random = crate::Random(31);
    let noise: Vec<u8> = (0..80_000).map(|_| random.next() as u8).collect();
    let tap = audio::heard(&noise);
    // A stack that is too small ends the whole process, which no assertion could say better.
    let thread = std::thread::Builder::new().stack_size(72 * 1024).spawn(move || {
        let sample = exact::newest(&tap);
        let absent = exact::search(&tap, &Fingerprint::from_bytes([0; 32]));
        (sample.is_ok(), absent)
    });
    let answers = thread.expect("a thread").join().expect("no panic");
    assert_eq!(answers, (true, Decision::Mismatch));
}
