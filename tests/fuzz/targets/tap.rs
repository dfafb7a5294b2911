//! A tap under any sequence of packets and frames, through C. Every packet is counted once; what is taken as the newest
//! fingerprint is found again in the same tap; what was never heard is not; and nothing allocates.

#![no_main]

use ohp::ffi::*;
use ohp_fuzz::abi::{Memory, Why, chars, exact, sound};
use ohp_fuzz::tree::Random;
use ohp_fuzz::{Seeds, Take, sized, target, without_heap};

const OK: ohp_status = ohp_status::OHP_OK;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (codec, seconds) = (u32::from(take.u8() % 5), u32::from(take.u8() % 12));
    let (mut size, mut tap) = (0, std::ptr::null_mut());
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        if sound(ohp_tap_size(codec, seconds, &raw mut size)) != OK {
            return;
        }
        let mut memory = Memory::new(size);
        assert!(ohp_tap_init(memory.at(), memory.len(), codec, seconds, &raw mut tap) == OK);
        let mut written = 0_u64;
        let mut clock = Clock::default();
        for _ in 0..40 {
            if take.is_empty() {
                break;
            }
            match take.below(8) {
                0 => {
                    let datagram = exact(take.short());
                    sound(without_heap(|| ohp_tap_write_rtp(tap, datagram.as_ptr(), datagram.len())));
                    written += u64::from(!ohp::media::rtp::is_rtcp(&datagram));
                }
                1 => {
                    let codecs: [u8; OHP_PAYLOAD_TYPES] = std::array::from_fn(|_| 0);
                    let mut codecs = exact(&codecs);
                    codecs[usize::from(take.u8() % 128)] = take.u8();
                    codecs[0] = 1;
                    sound(ohp_tap_set_payload_types(tap, codecs.as_ptr()));
                }
                2 => {
                    let text = exact(take.short());
                    let (mut why, mut decision) = (Why::new(40), ohp_decision::OHP_DECISION_MATCH);
                    let status = without_heap(|| {
                        ohp_tap_search(tap, chars(&text), text.len(), why.at(), &raw mut decision)
                    });
                    sound(status);
                }
                3 => check(tap),
                // Most of the time, sound: what random bytes would never make a gapless run of.
                op => {
                    let run = 1 + take.below(40);
                    clock.step(op, &mut take);
                    for _ in 0..run {
                        let payload = exact(&clock.next());
                        let mut frame = sized!(ohp_frame);
                        frame.codec = clock.codec;
                        frame.source = clock.source;
                        frame.timestamp = clock.timestamp();
                        frame.payload = payload.as_ptr();
                        frame.payload_len = payload.len();
                        let status = sound(without_heap(|| ohp_tap_write_frame(tap, &raw const frame)));
                        written += u64::from(status == OK || payload.len() > 1920 || status == ohp_status::OHP_NONE);
                    }
                }
            }
        }
        check(tap);
        let mut stats = sized!(ohp_tap_stats);
        assert!(ohp_tap_get_stats(tap, &raw mut stats) == OK);
        assert!(stats.kept + stats.not_audio + stats.not_rtp + stats.too_long <= written + 1);
    }
});

/// What the sender would send, the receiver finds.
unsafe fn check(tap: *const ohp_tap) {
    let (mut why, mut fingerprint) = (Why::new(60), sized!(ohp_fingerprint));
    let mut decision = ohp_decision::OHP_DECISION_MISMATCH;
    // SAFETY: the tap is the caller's, and the buffers have the lengths that are said.
    unsafe {
        let status = sound(without_heap(|| {
            ohp_tap_fingerprint(tap, why.at(), &raw mut fingerprint)
        }));
        let text: Vec<u8> = fingerprint.text.iter().map(|byte| *byte as u8).collect();
        if status == OK {
            let found = without_heap(|| ohp_tap_search(tap, chars(&text), text.len(), why.at(), &raw mut decision));
            assert!(
                found == OK && decision == ohp_decision::OHP_DECISION_MATCH,
                "the newest is not found"
            );
        }
        let other = format!("sha256:{}", "0".repeat(64));
        let found = ohp_tap_search(tap, chars(other.as_bytes()), other.len(), why.at(), &raw mut decision);
        assert!(
            found == OK && decision != ohp_decision::OHP_DECISION_MATCH,
            "what was never heard is found"
        );
        assert!(status != OK || decision == ohp_decision::OHP_DECISION_MISMATCH);
    }
}

/// A source of frames whose time line is the input's to bend.
#[derive(Default)]
struct Clock {
    codec: u32,
    source: u32,
    ticks: u32,
    samples: u32,
    seed: u64,
    sent: u32,
}

impl Clock {
    fn step(&mut self, op: usize, take: &mut Take<'_>) {
        if self.samples == 0 {
            (self.codec, self.samples) = (1, 160);
        }
        match op {
            4 => {}
            5 => self.ticks = self.ticks.wrapping_add_signed(i32::from(take.u16() as i16)),
            6 => (self.codec, self.source) = (u32::from(take.u8() % 4), u32::from(take.u8() % 3)),
            _ => (self.samples, self.seed) = (u32::from(take.u16() % 2000), take.u8().into()),
        }
    }

    fn next(&mut self) -> Vec<u8> {
        self.sent = self.ticks;
        self.ticks = self.ticks.wrapping_add(self.samples);
        let bytes = self.samples * if self.codec == 3 { 2 } else { 1 };
        // Seed 0 is silence, and small ones repeat.
        let mut random = Random(if self.seed < 4 {
            self.seed
        } else {
            u64::from(self.ticks)
        });
        (0..bytes)
            .map(|_| if self.seed == 0 { 0xff } else { random.next() as u8 })
            .collect()
    }

    fn timestamp(&self) -> u32 {
        self.sent
    }
}

fn write_seeds(seeds: &mut Seeds) {
    seeds.add([1, 10, 7, 20, 160, 0, 9, 4, 39, 3]);
    seeds.add([1, 1, 7, 20, 80, 0, 9, 4, 39, 4, 39, 4, 39, 5, 20, 10, 0, 4, 30, 3]);
    seeds.add([2, 10, 6, 39, 2, 1, 7, 39, 160, 0, 9, 6, 10, 1, 2, 4, 20, 3]);
    seeds.add([
        3, 2, 6, 9, 3, 0, 7, 30, 240, 0, 200, 7, 30, 13, 0, 200, 3, 7, 2, 0x80, 7, 9,
    ]);
    seeds.add(
        [
            &[1, 2, 0, 172, 0x80, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4][..],
            &[0x55; 160],
            &[3],
        ]
        .concat(),
    );
    seeds.add([&[1, 2, 2, 71][..], format!("sha256:{}", "e3".repeat(32)).as_bytes()].concat());
}
