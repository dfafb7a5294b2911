//! From wideband sound to 8 kHz: a low-pass and every second or every sixth sample of what it leaves.
//!
//! Two fixed filters with symmetric integer coefficients in 32,768ths, whose sums are rounded (half up) and kept within 16
//! bits: from 48 to 16 kHz, then from 16 to 8. Together they leave 300 to 3400 Hz as they are within 0.1 dB, and of what
//! would fold into that band at least 40 dB away. Integers alone, so that every machine has the same samples.
//!
//! Not here: 44.1 kHz, which no call has; sound at that rate has no robust fingerprint.

/// From 48 to 16 kHz: the middle coefficient and those on one side.
const THIRD: [i32; 9] = [10_920, 8_815, 4_098, 0, -1_511, -945, 0, 316, 151];
/// From 16 to 8 kHz.
const HALF: [i32; 20] = [
    16_390, 10_373, 0, -3_298, 0, 1_798, 0, -1_108, 0, 703, 0, -440, 0, 263, 0, -146, 0, 71, 0, -27,
];
/// Coefficients are in parts of this.
const ONE: i32 = 1 << 15;

/// Samples of a telephone's sound in a second.
pub(super) const NARROW_RATE: u32 = 8_000;

/// The filters' memory of what came before; it begins as silence.
#[derive(Clone)]
pub(super) struct Narrow {
    at_48: [i16; 2 * THIRD.len() - 1],
    at_16: [i16; 2 * HALF.len() - 1],
}

impl Narrow {
    pub(super) const fn new() -> Self {
        Self {
            at_48: [0; 2 * THIRD.len() - 1],
            at_16: [0; 2 * HALF.len() - 1],
        }
    }

    /// Filters samples that follow those before, of which the first is the `first`th of its line of samples, at `factor` times
    /// 8 kHz (1, 2 or 6). Those at 8 kHz, one for each whose number `factor` divides, go to the front of `samples`; returns
    /// how many they are.
    pub(super) fn narrow(&mut self, samples: &mut [i16], first: u64, factor: u32) -> usize {
        if factor == 1 {
            return samples.len();
        }
        let factor = u64::from(factor);
        let mut count = 0;
        for at in 0..samples.len() {
            let number = first + at as u64;
            if factor == 6 {
                push(&mut self.at_48, samples[at]);
                if !number.is_multiple_of(3) {
                    continue;
                }
                push(&mut self.at_16, filtered(&self.at_48, &THIRD));
            } else {
                push(&mut self.at_16, samples[at]);
            }
            if number.is_multiple_of(factor) {
                samples[count] = filtered(&self.at_16, &HALF);
                count += 1;
            }
        }
        count
    }
}

fn push<const N: usize>(line: &mut [i16; N], sample: i16) {
    line.copy_within(1.., 0);
    if let Some(last) = line.last_mut() {
        *last = sample;
    }
}

fn filtered(line: &[i16], coefficients: &[i32]) -> i16 {
    let middle = coefficients.len() - 1;
    let mut sum = coefficients[0] * i32::from(line[middle]) + ONE / 2;
    for (reach, coefficient) in coefficients.iter().enumerate().skip(1) {
        sum += coefficient * (i32::from(line[middle - reach]) + i32::from(line[middle + reach]));
    }
    (sum / ONE - i32::from(sum % ONE < 0)).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level of a tone of `hertz` after its way from `factor` times 8 kHz, in decibels.
    fn level(factor: u32, hertz: f64) -> f64 {
        let rate = f64::from(NARROW_RATE * factor);
        let mut samples: Vec<i16> = (0..800 * factor as usize)
            .map(|at| (20_000.0 * (std::f64::consts::TAU * hertz * at as f64 / rate).sin()) as i16)
            .collect();
        let count = Narrow::new().narrow(&mut samples, 0, factor);
        assert_eq!(count, 800);
        let settled = &samples[100..800];
        let energy: f64 = settled.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        20.0 * ((energy / settled.len() as f64).sqrt() / (20_000.0 / 2_f64.sqrt())).log10()
    }

    #[test]
    fn the_telephone_band_is_kept_and_what_would_fold_into_it_is_not() {
        for factor in [2, 6] {
            for hertz in [300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
                let level = level(factor, hertz);
                assert!(level.abs() < 0.15, "{factor}: {hertz} Hz {level} dB");
            }
            let rate = f64::from(NARROW_RATE * factor);
            for hertz in [
                4600.0, 5000.0, 6000.0, 7700.0, 12_600.0, 15_000.0, 17_000.0, 20_000.0, 23_700.0,
            ] {
                if hertz < rate / 2.0 {
                    let level = level(factor, hertz);
                    assert!(level < -39.0, "{factor}: {hertz} Hz {level} dB");
                }
            }
        }
    }

    #[test]
    fn sums_of_the_coefficients_are_one() {
        for filter in [&THIRD[..], &HALF[..]] {
            assert_eq!(filter[0] + 2 * filter[1..].iter().sum::<i32>(), ONE);
        }
    }

    #[test]
    fn pieces_give_the_same_samples_as_the_whole() {
        for factor in [2, 6] {
            let sound: Vec<i16> = (0..4800_i32).map(|at| (at * at * 7 % 40_000 - 20_000) as i16).collect();
            let mut whole = sound.clone();
            let count = Narrow::new().narrow(&mut whole, 0, factor);
            let (mut narrow, mut pieces, mut first) = (Narrow::new(), Vec::new(), 0);
            for piece in sound.chunks(77) {
                let mut piece = piece.to_vec();
                let len = piece.len() as u64;
                let count = narrow.narrow(&mut piece, first, factor);
                pieces.extend_from_slice(&piece[..count]);
                first += len;
            }
            assert_eq!(pieces, whole[..count]);
        }
    }
}
