//! The sub-fingerprints of frames that follow each other: 32 bits for each frame, and its energy.
//!
//! Bit `m` of a frame says whether the energy of band `m` exceeds that of band `m + 1` by more than it did 512 samples
//! earlier. So a gain or a filter that stays the same changes few bits, and a steady sound gives none that could be
//! foretold.

use super::sound::Sound;
use super::spectrum::{BANDS, FRAME_SAMPLES, LANES, Spectrum};

/// Samples between a sender's frames, and between a frame and the earlier one that it is compared with: 64 ms.
pub const SENDER_HOP: usize = 512;
/// Samples between a receiver's frames: 16 ms, so that one of them lies within 8 ms of each frame of a sender's.
pub const RECEIVER_HOP: usize = 128;
/// Frames of a sender's span, the first of which has no bits.
pub const SPAN_FRAMES: usize = 59;
/// Samples of a span: 3.968 s, the most whole frames in four seconds.
pub const SPAN_SAMPLES: usize = (SPAN_FRAMES - 1) * SENDER_HOP + FRAME_SAMPLES;
const _: () = assert!(SPAN_SAMPLES <= 32_000 && SPAN_SAMPLES + SENDER_HOP > 32_000);

/// What a frame gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SubFingerprint {
    /// The bit of the lowest pair of bands is the highest.
    pub bits: u32,
    /// The energy of all bands together, in units of its own.
    pub energy: f32,
}

/// Samples that four of a sender's frames take.
const BUFFER: usize = FRAME_SAMPLES + (LANES - 1) * SENDER_HOP;
/// Frames whose energies are kept: four that are new, and those that they are compared with.
const KEPT: usize = 2 * LANES;
const _: () = assert!(SENDER_HOP / RECEIVER_HOP <= LANES && RECEIVER_HOP <= SENDER_HOP);

/// Gives `visit` the number and the sub-fingerprint of each frame of `samples`, frames beginning `hop` samples apart:
/// [`SENDER_HOP`] or [`RECEIVER_HOP`]; with another hop nothing is visited. Frames that begin before sample 512 have no
/// bits.
pub fn of_pcm(samples: &[i16], hop: usize, visit: impl FnMut(usize, SubFingerprint)) {
    if matches!(hop, SENDER_HOP | RECEIVER_HOP) {
        let mut sound = samples;
        each(&mut sound, 0, hop, visit);
    }
}

/// Gives `visit` the number and the sub-fingerprint of each frame of `sound`, frames beginning `hop` samples apart, the
/// first with the sample `start`. The frames before the first that has an earlier one to be compared with have no bits.
// Of its own, so that its 42 KiB of stack are free again when the gate wants 15.
#[inline(never)]
pub(super) fn each(sound: &mut impl Sound, start: usize, hop: usize, mut visit: impl FnMut(usize, SubFingerprint)) {
    let count = frames(sound.len().saturating_sub(start), hop);
    let earlier = SENDER_HOP / hop;
    let (needed, step) = (FRAME_SAMPLES + (LANES - 1) * hop, LANES * hop);
    let mut samples = [0; BUFFER];
    let samples = &mut samples[..needed];
    let mut spectrum = Spectrum::new();
    let mut energies = [[0.0; BANDS]; KEPT];
    let mut filled = 0;
    for first in (0..count).step_by(LANES) {
        sound.copy(start + first * hop + filled, &mut samples[filled..]);
        let four = spectrum.energies(samples, hop);
        for lane in 0..LANES.min(count - first) {
            let number = first + lane;
            let now = four.map(|energy| energy.to_array()[lane]);
            let bits = match number.checked_sub(earlier) {
                Some(before) => bits(&now, &energies[before % KEPT]),
                None => 0,
            };
            energies[number % KEPT] = now;
            let energy = now.iter().sum();
            visit(number, SubFingerprint { bits, energy });
        }
        filled = needed.saturating_sub(step);
        samples.copy_within(needed - filled.., 0);
    }
}

/// How many frames there are in so many samples.
pub(super) const fn frames(samples: usize, hop: usize) -> usize {
    match samples.checked_sub(FRAME_SAMPLES) {
        Some(rest) => rest / hop + 1,
        None => 0,
    }
}

/// The bits of a frame with the energies `now`, `before` being those 512 samples earlier. No difference is a 0.
fn bits(now: &[f32; BANDS], before: &[f32; BANDS]) -> u32 {
    let mut bits = 0;
    for (now, before) in now.windows(2).zip(before.windows(2)) {
        bits = bits << 1 | u32::from(now[0] - now[1] > before[0] - before[1]);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(len: usize) -> Vec<i16> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn a_frame_has_the_same_bits_whatever_hop_led_to_it() {
        let samples = sound(40_000);
        let (mut coarse, mut fine) = (Vec::new(), Vec::new());
        each(&mut samples.as_slice(), 0, SENDER_HOP, |_, sub| coarse.push(sub));
        each(&mut samples.as_slice(), 0, RECEIVER_HOP, |_, sub| fine.push(sub));
        assert_eq!((coarse.len(), fine.len()), (75, 297));
        for (number, sub) in coarse.iter().enumerate() {
            assert_eq!(*sub, fine[number * 4], "frame {number}");
        }
        assert!(
            coarse[1..]
                .iter()
                .all(|sub| sub.bits.count_ones() > 3 && sub.energy > 0.0)
        );
    }

    #[test]
    fn frames_end_where_the_sound_ends() {
        for (samples, hop, count) in [
            (0, 128, 0),
            (2047, 128, 0),
            (2048, 512, 1),
            (2559, 512, 1),
            (2560, 512, 2),
        ] {
            let mut seen = 0;
            each(&mut sound(samples).as_slice(), 0, hop, |number, _| {
                assert_eq!(number, seen);
                seen += 1;
            });
            assert_eq!((seen, frames(samples, hop)), (count, count));
        }
        let mut seen = 0;
        each(&mut sound(3000).as_slice(), 3001, 128, |_, _| seen += 1);
        assert_eq!(seen, 0);
    }

    #[test]
    fn silence_has_no_bit() {
        each(&mut [0_i16; 4096].as_slice(), 0, 128, |_, sub| {
            assert_eq!(sub, SubFingerprint::default())
        });
    }
}
