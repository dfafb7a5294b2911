//! A PBX's call thread has 240 KiB of stack, most of which is the PBX's: no call into the library may use more than 96.

mod common;

#[path = "leg/pair.rs"]
mod pair;

use ohp::control::Phase;
use ohp::envelope::{RejectReason, Tier};
use ohp::leg::{Event, Leg};
use ohp::media::exact::{self, Decision};
use ohp::media::{Codec, Fingerprint, Tap, TapConfig};
use pair::{Pair, Which};
use std::sync::atomic::AtomicU64;

/// The most stack that a call may use.
const STACK_MAX: usize = 96 * 1024;

/// Runs `call` on a thread that has no more stack than that; an overflow ends the whole test process.
fn on_a_small_stack<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_MAX)
            .spawn_scoped(scope, call)
            .expect("a thread");
        thread.join().expect("it ends")
    })
}

/// Whole handoffs: both sides, both tiers, large and small, accepted and rejected. What the test itself keeps on the
/// stack counts against the library.
#[test]
fn whole_handoff_fits_the_stack_that_a_pbx_leaves() {
    for (tier, summary_len) in [(Tier::Core, 10), (Tier::Signed, 10), (Tier::Signed, 6_000)] {
        let mut pair = Pair::new();
        pair.template["transcript"]["summary"] = pair::noise(summary_len).into();
        on_a_small_stack(|| pair.propose(tier)).expect("a proposal");
        while let Some(info) = on_a_small_stack(|| pair.poll(Which::Sender)) {
            let status = on_a_small_stack(|| pair.deliver(Which::Receiver, &info));
            pair.respond(Which::Sender, status);
        }
        assert!(matches!(pair.events(Which::Receiver)[..], [Event::Proposed { .. }]));
        on_a_small_stack(|| pair.with(Which::Receiver, |leg, host| leg.reject(host, RejectReason::Unknown)))
            .expect("a REJECT");
        on_a_small_stack(|| pair.settle());
        assert_eq!(pair.phases(), (Phase::Rejected, Phase::Rejected));
    }
}

#[test]
fn fingerprint_and_leg_fit_the_stack_that_a_pbx_leaves() {
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 10,
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let tap = Tap::init(&words, &config).expect("a tap");
    let mut packet = [0; 172];
    packet[0] = 0x80;
    let mut random = common::Random::new(3);
    for nth in 0..500_u32 {
        packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
        packet[12..].iter_mut().for_each(|byte| *byte = random.next() as u8);
        tap.write_rtp(&packet);
    }
    let sample = on_a_small_stack(|| exact::newest(&tap)).expect("noise is alive");
    assert!(matches!(
        on_a_small_stack(|| exact::search(&tap, &sample.fingerprint)),
        Decision::Match(_)
    ));
    let absent = Fingerprint::from_bytes([1; 32]);
    assert_eq!(on_a_small_stack(|| exact::search(&tap, &absent)), Decision::Mismatch);
    on_a_small_stack(|| drop(Leg::new(pair::CALL_ID)));
}
