//! Sound of any rate brought to the telephone's, 8 kHz.
//!
//! A windowed sinc: each new sample is the sum of the old ones around its place, weighed with a low-pass of 3.6 kHz (or nine
//! tenths of the old band, if that is less) under a Blackman window of sixteen zero crossings each way. The weights are
//! made to add up to one, so that level and ends stay as they are. Aliases lie 70 dB down, far below what telephony adds.

use std::f64::consts::PI;

use crate::wav::TELEPHONE_RATE;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 16.0;
/// How much of the band below half the lower rate is kept.
const BAND: f64 = 0.9;

/// The same sound at 8 kHz.
pub fn to_telephone_rate(samples: &[i16], rate: u32) -> Vec<i16> {
    if rate == TELEPHONE_RATE {
        return samples.to_vec();
    }
    let (from, to) = (u64::from(rate.max(1)), u64::from(TELEPHONE_RATE));
    let length = samples.len() as u64 * to / from;
    // In cycles for each old sample.
    let cutoff = BAND / 2.0 * (to as f64 / from as f64).min(1.0);
    let reach = CROSSINGS / (2.0 * cutoff);
    let low_pass = |distance: f64| {
        let x = 2.0 * cutoff * distance;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
        let turn = PI * distance / reach;
        sinc * (0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
    };
    // Places repeat with the ratio's denominator, and so do the weights.
    let step = to / greatest_common_divisor(from, to);
    let phases: Vec<Vec<f64>> = (0..step)
        .map(|phase| {
            let part = (phase * from % to) as f64 / to as f64;
            let reach = reach.ceil() as i64;
            (-reach..=reach).map(|offset| low_pass(offset as f64 - part)).collect()
        })
        .collect();
    let reach = reach.ceil() as i64;
    (0..length)
        .map(|place| {
            let weights = &phases[(place % step) as usize];
            let first = (place * from / to) as i64 - reach;
            let (mut sum, mut weight) = (0.0, 0.0);
            for (at, of) in (first..).zip(weights) {
                if let Some(sample) = usize::try_from(at).ok().and_then(|at| samples.get(at)) {
                    sum += of * f64::from(*sample);
                    weight += of;
                }
            }
            (sum / weight).round() as i16
        })
        .collect()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_and_level_are_kept_at_every_rate() {
        for rate in [4_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 7_919] {
            let second = vec![1000_i16; rate as usize];
            assert_eq!(to_telephone_rate(&second, rate), vec![1000; 8000], "{rate}");
        }
        assert_eq!(to_telephone_rate(&[5, 6], 8000), [5, 6]);
        assert_eq!(to_telephone_rate(&[], 48_000), [0; 0]);
    }

    #[test]
    fn tones_of_the_band_pass_and_others_do_not_fold_into_it() {
        let level = |rate: u32, hertz: f64| {
            let tone: Vec<i16> = (0..rate)
                .map(|at| (10_000.0 * (2.0 * PI * hertz * f64::from(at) / f64::from(rate)).sin()) as i16)
                .collect();
            let middle = &to_telephone_rate(&tone, rate)[1000..7000];
            let power: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            (power / middle.len() as f64 * 2.0).sqrt() / 10_000.0
        };
        for rate in [16_000, 44_100, 48_000] {
            for hertz in [300.0, 1000.0, 3000.0] {
                assert!(
                    (level(rate, hertz) - 1.0).abs() < 0.01,
                    "{rate} {hertz}: {}",
                    level(rate, hertz)
                );
            }
            for hertz in [4500.0, 5000.0, 7000.0] {
                assert!(level(rate, hertz) < 0.001, "{rate} {hertz}: {}", level(rate, hertz));
            }
        }
    }
}
