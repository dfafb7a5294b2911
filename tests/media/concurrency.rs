//! One thread writes, others read: nobody waits, and no window that a reader sees was never there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use ohp::media::exact::{self, Decision};
use ohp::media::{Codec, Fingerprint, Tap};

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
