//! One thread writes, others read: nobody waits, and no window that a reader sees was never there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use ohp::media::decoder::Decoder;
use ohp::media::exact::{self, Decision};
use ohp::media::tap::Frame;
use ohp::media::{Codec, Fingerprint, Tap, TapConfig};

use crate::audio::{self, PACKET, PLAIN};

/// Packets after which the sound repeats itself, so that all its windows are known.
const PERIOD: usize = 97;

#[test]
fn readers_of_a_tap_that_is_written_to_see_only_windows_that_were_heard() {
    let mut random = crate::Random(23);
    let sound: Vec<u8> = (0..PERIOD * PACKET).map(|_| random.next() as u8).collect();
    let twice = [&sound[..], &sound[..]].concat();
    let windows: Vec<Fingerprint> = (0..PERIOD)
        .map(|first| audio::fingerprint(&twice[first * PACKET..]))
        .collect();
    let known: HashSet<_> = windows.iter().copied().collect();

    let words = audio::words(Codec::Pcmu);
    let tap = audio::tap(&words);
    let done = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..200_000 {
                let at = number % PERIOD * PACKET;
                tap.write_rtp(&PLAIN.packet(number, PACKET, &sound[at..at + PACKET]));
                // A thousand times as fast as a call, and yet slow enough that some reads end before the ring comes round.
                (0..200).for_each(|_| std::hint::spin_loop());
            }
            done.store(true, Relaxed);
        });
        scope.spawn(|| {
            let tap = Tap::attach(&words).expect("the tap has been made");
            while !done.load(Relaxed) {
                if let Ok(sample) = exact::newest(&tap) {
                    assert!(known.contains(&sample.fingerprint), "a window that was never heard");
                    seen.fetch_add(1, Relaxed);
                }
            }
        });
        scope.spawn(|| {
            let tap = Tap::attach(&words).expect("the tap has been made");
            while !done.load(Relaxed) {
                let absent = exact::search(&tap, &Fingerprint::from_bytes([1; 32]));
                assert!(!matches!(absent, Decision::Match(_)));
            }
        });
    });
    assert!(
        seen.load(Relaxed) > 100,
        "only {} windows were seen whole",
        seen.load(Relaxed)
    );
    for (first, window) in windows.iter().enumerate() {
        assert!(
            matches!(exact::search(&tap, window), Decision::Match(_)),
            "window {first} is there in the end"
        );
    }
}

/// A thousand legs: one thread writes all their taps, in all codecs, another takes fingerprints from them and looks for them,
/// and sees nothing that was not written there. Each leg's sound repeats itself, so that all its windows are known.
#[test]
fn a_thousand_taps_written_by_one_thread_are_read_by_another_without_a_torn_window() {
    const LEGS: usize = 1_000;
    /// Packets of 10 ms of a leg's sound.
    const PACKETS: usize = 23;
    const CODECS: [Codec; 3] = [Codec::Pcmu, Codec::G722, Codec::L16_16k];
    let config = |codec| TapConfig { codec, seconds: 1 };
    let of = |leg: usize| CODECS[leg % CODECS.len()];
    let len = |codec: Codec| codec.grid_ticks() as usize * codec.tick_len().expect("a length");
    let sound = |leg: usize| {
        let mut random = crate::Random(leg as u64 + 1);
        (0..PACKETS * len(of(leg)))
            .map(|_| random.next() as u8)
            .collect::<Vec<_>>()
    };
    let sounds: Vec<_> = (0..LEGS).map(sound).collect();
    let words: Vec<Vec<AtomicU64>> = (0..LEGS)
        .map(|leg| {
            (0..config(of(leg)).words().expect("a second"))
                .map(|_| AtomicU64::new(0))
                .collect()
        })
        .collect();
    for (leg, words) in words.iter().enumerate() {
        Tap::init(words, &config(of(leg))).expect("the words are enough");
    }
    let known = |leg: usize| -> HashSet<Fingerprint> {
        let codec = of(leg);
        let twice = [&sounds[leg][..], &sounds[leg][..]].concat();
        let windows = (0..PACKETS).map(|first| {
            let mut decoder = Decoder::new(codec).expect("every build decodes it");
            let mut window = vec![0; codec.window_samples()];
            decoder.decode(&twice[first * len(codec)..], &mut window);
            Fingerprint::of_window(&window)
        });
        windows.collect()
    };

    let done = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Until enough has been read, however the two threads are scheduled; a reader that sees nothing ends it too.
            for number in (0..100_000_usize).take_while(|number| *number < 300 || seen.load(Relaxed) < 50) {
                for (leg, words) in words.iter().enumerate() {
                    let codec = of(leg);
                    let at = number % PACKETS * len(codec);
                    Tap::attach(words).expect("a tap").write_frame(&Frame {
                        codec,
                        source: 1,
                        timestamp: number as u32 * codec.grid_ticks(),
                        payload: &sounds[leg][at..at + len(codec)],
                    });
                }
            }
            done.store(true, Relaxed);
        });
        let mut leg = 0;
        while !done.load(Relaxed) {
            leg = (leg + 389) % LEGS;
            let tap = Tap::attach(&words[leg]).expect("a tap");
            if let Ok(sample) = exact::newest(&tap) {
                assert!(
                    known(leg).contains(&sample.fingerprint),
                    "leg {leg}: a window that was never heard"
                );
                seen.fetch_add(1, Relaxed);
            }
            let absent = exact::search(&tap, &Fingerprint::from_bytes([1; 32]));
            assert!(!matches!(absent, Decision::Match(_)));
        }
    });
    assert!(
        seen.load(Relaxed) >= 50,
        "only {} windows were seen",
        seen.load(Relaxed)
    );
    for leg in (0..LEGS).step_by(97) {
        let tap = Tap::attach(&words[leg]).expect("a tap");
        let sample = exact::newest(&tap).expect("the sound is alive");
        assert!(known(leg).contains(&sample.fingerprint), "leg {leg}");
        assert!(matches!(exact::search(&tap, &sample.fingerprint), Decision::Match(_)));
    }
}
