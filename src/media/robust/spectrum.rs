//! The energies of 33 logarithmic bands in frames of 2048 samples, four frames at a time.
//!
//! The transform is written over vectors of four numbers that are always treated alike, one of each frame. They are the
//! registers that every x86-64 and AArch64 processor has, and four numbers elsewhere; the operations on a frame are the
//! same on every processor and in every lane, additions and multiplications of IEEE 754 in one order, and so are its bits.
//!
//! Not here: which samples make a frame, and what becomes of the energies ([`super::frames`]).

use core::ops::{Add, Sub};

/// Samples of a frame: 256 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 2048;
/// Bands of a frame's spectrum.
pub const BANDS: usize = 33;
/// Where the lowest band begins, in hertz: the lower end of the telephone band.
pub const LOWEST_HZ: f64 = 300.0;
/// Where the highest band ends, in hertz: the upper end of the telephone band.
pub const HIGHEST_HZ: f64 = 3400.0;
/// The sampling rate, in hertz.
pub const RATE_HZ: f64 = 8000.0;

/// Frames that are transformed together.
pub(super) const LANES: usize = 4;
/// Points of the complex transform that a frame's even and odd samples go through as real and imaginary parts.
const POINTS: usize = FRAME_SAMPLES / 2;

/// The first bin of each band, and after them the first bin above the highest: band `b` holds the bins from
/// `BAND_BINS[b]` up to, and without, `BAND_BINS[b + 1]`. Bin `k` stands for `k · 8000 / 2048` Hz.
pub static BAND_BINS: [usize; BANDS + 1] = {
    let ratio = root(HIGHEST_HZ / LOWEST_HZ, BANDS);
    let mut bins = [0; BANDS + 1];
    let mut edge = LOWEST_HZ * FRAME_SAMPLES as f64 / RATE_HZ;
    let mut at = 0;
    while at <= BANDS {
        let below = edge as usize;
        bins[at] = if (below as f64) < edge { below + 1 } else { below };
        edge *= ratio;
        at += 1;
    }
    bins
};

/// The positive `degree`th root of `value`, which is above 1, by Newton's method.
const fn root(value: f64, degree: usize) -> f64 {
    let mut root = value;
    let mut step = 0;
    // Far from the root each step takes a `degree`th part off; 200 of them end at the nearest numbers for degree 33.
    while step < 200 {
        let mut power = 1.0;
        let mut at = 1;
        while at < degree {
            power *= root;
            at += 1;
        }
        root -= (root * power - value) / (degree as f64 * power);
        step += 1;
    }
    root
}

/// Cosine and sine of a `steps`th part of a turn, for `steps` of 1024 and more, by the first terms of their series.
const fn small_turn(steps: usize) -> (f64, f64) {
    let angle = core::f64::consts::TAU / steps as f64;
    let square = angle * angle;
    (
        1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0)),
        angle * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0))),
    )
}

/// Cosine and sine of each 2048th part of a turn, made by turning a unit vector in equal steps: there is no cosine at
/// compile time.
static TURN: [(f32, f32); FRAME_SAMPLES] = {
    let step = small_turn(FRAME_SAMPLES);
    let mut turn = [(0.0, 0.0); FRAME_SAMPLES];
    let (mut cos, mut sin) = (1.0_f64, 0.0_f64);
    let mut at = 0;
    while at < FRAME_SAMPLES {
        turn[at] = (cos as f32, sin as f32);
        (cos, sin) = (cos * step.0 - sin * step.1, sin * step.0 + cos * step.1);
        at += 1;
    }
    turn
};

/// The Hann window (periodic): `(1 - cos(2πn / 2048)) / 2`.
static HANN: [f32; FRAME_SAMPLES] = {
    let step = small_turn(FRAME_SAMPLES);
    let mut window = [0.0; FRAME_SAMPLES];
    let (mut cos, mut sin) = (1.0_f64, 0.0_f64);
    let mut at = 0;
    while at < FRAME_SAMPLES {
        window[at] = (0.5 - 0.5 * cos) as f32;
        (cos, sin) = (cos * step.0 - sin * step.1, sin * step.0 + cos * step.1);
        at += 1;
    }
    window
};

/// Where the transform leaves bin `k`: its five digits to the base of four, in reverse.
static PLACE: [u16; POINTS] = {
    let mut place = [0; POINTS];
    let mut bin = 0;
    while bin < POINTS {
        let (mut rest, mut reversed, mut width) = (bin, 0, POINTS);
        while width > 1 {
            reversed = reversed * 4 + rest % 4;
            rest /= 4;
            width /= 4;
        }
        place[bin] = reversed as u16;
        bin += 1;
    }
    place
};

/// The band of each bin, and [`BANDS`] for those of none.
static BAND_OF: [u8; POINTS] = {
    let mut bands = [BANDS as u8; POINTS];
    let mut band = 0;
    while band < BANDS {
        let mut bin = BAND_BINS[band];
        while bin < BAND_BINS[band + 1] {
            bands[bin] = band as u8;
            bin += 1;
        }
        band += 1;
    }
    bands
};

/// One number of each of four frames.
pub(super) type Lanes = wide::f32x4;

/// A sample of each of four frames.
#[inline(always)]
fn lanes(samples: [i16; LANES]) -> Lanes {
    Lanes::from_i32x4(wide::i32x4::new(samples.map(i32::from)))
}

/// A complex number of each of four frames.
#[derive(Clone, Copy)]
struct Complex {
    re: Lanes,
    im: Lanes,
}

impl Complex {
    /// Turned back by `turns` 2048ths of a turn.
    #[inline(always)]
    fn turned(self, turns: usize) -> Self {
        let (cos, sin) = TURN[turns % FRAME_SAMPLES];
        Self {
            re: self.re * cos + self.im * sin,
            im: self.im * cos - self.re * sin,
        }
    }
}

impl Add for Complex {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }
}

impl Sub for Complex {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }
}

/// The memory of a transform: 32 KiB.
pub(super) struct Spectrum([Complex; POINTS]);

impl Spectrum {
    pub(super) const fn new() -> Self {
        let zero = Complex {
            re: Lanes::ZERO,
            im: Lanes::ZERO,
        };
        Self([zero; POINTS])
    }

    /// The energies of the bands of the four frames of `samples` that begin `hop` samples apart, up to a factor that is
    /// the same for all. There have to be [`FRAME_SAMPLES`] and three hops of them.
    pub(super) fn energies(&mut self, samples: &[i16], hop: usize) -> [Lanes; BANDS] {
        let frames: [&[[i16; 2]]; LANES] = core::array::from_fn(|lane| {
            let frame = samples.get(lane * hop..).unwrap_or_default();
            frame.get(..FRAME_SAMPLES).unwrap_or_default().as_chunks().0
        });
        let pairs = frames[0].iter().zip(frames[1]).zip(frames[2].iter().zip(frames[3]));
        let weights = HANN.as_chunks::<2>().0;
        for ((point, weight), ((a, b), (c, d))) in self.0.iter_mut().zip(weights).zip(pairs) {
            point.re = lanes([a[0], b[0], c[0], d[0]]) * weight[0];
            point.im = lanes([a[1], b[1], c[1], d[1]]) * weight[1];
        }
        self.transform();
        let mut energies = [Lanes::ZERO; BANDS + 1];
        for bin in BAND_BINS[0]..POINTS / 2 {
            let [low, high] = self.energies_of(bin);
            let (low_band, high_band) = (BAND_OF[bin], BAND_OF[POINTS - bin]);
            energies[usize::from(low_band)] += low;
            energies[usize::from(high_band)] += high;
        }
        // The bin in the middle is its own mirror.
        let middle = usize::from(BAND_OF[POINTS / 2]);
        energies[middle] += self.energies_of(POINTS / 2)[0];
        core::array::from_fn(|band| energies[band])
    }

    /// A complex transform of 1024 points in five steps of four; bin `k` ends at `PLACE[k]`.
    fn transform(&mut self) {
        let mut quarter = POINTS / 4;
        while quarter > 1 {
            let turns = FRAME_SAMPLES / (4 * quarter);
            for block in self.0.chunks_exact_mut(4 * quarter) {
                let (low, high) = block.split_at_mut(2 * quarter);
                let (first, second) = low.split_at_mut(quarter);
                let (third, fourth) = high.split_at_mut(quarter);
                let quarters = first.iter_mut().zip(second).zip(third.iter_mut().zip(fourth));
                for (at, ((a, b), (c, d))) in quarters.enumerate() {
                    let four = four([*a, *b, *c, *d]);
                    *a = four[0];
                    *b = four[1].turned(at * turns);
                    *c = four[2].turned(2 * at * turns);
                    *d = four[3].turned(3 * at * turns);
                }
            }
            quarter /= 4;
        }
        for block in self.0.as_chunks_mut::<4>().0 {
            *block = four(*block);
        }
    }

    /// Four times the energies of bins `bin` and 1024 - `bin` of the transform of the real samples, `bin` being 1 to 512:
    /// the even ones' transform and the odd ones', told apart by their symmetry.
    #[inline(always)]
    fn energies_of(&self, bin: usize) -> [Lanes; 2] {
        let here = self.0[usize::from(PLACE[bin])];
        let mirror = self.0[usize::from(PLACE[POINTS - bin])];
        let even = Complex {
            re: here.re + mirror.re,
            im: here.im - mirror.im,
        };
        let odd = Complex {
            re: here.im + mirror.im,
            im: mirror.re - here.re,
        };
        let odd = odd.turned(bin);
        [even + odd, even - odd].map(|whole| whole.re * whole.re + whole.im * whole.im)
    }
}

/// The transform of four points.
#[inline(always)]
fn four([a, b, c, d]: [Complex; 4]) -> [Complex; 4] {
    let (even, odd) = (a + c, a - c);
    let (sum, difference) = (b + d, b - d);
    let (low, high) = (
        Complex {
            re: odd.re + difference.im,
            im: odd.im - difference.re,
        },
        Complex {
            re: odd.re - difference.im,
            im: odd.im + difference.re,
        },
    );
    [even + sum, low, even - sum, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_those_of_the_formula_and_no_edge_is_near_a_bin() {
        for (number, bin) in BAND_BINS.iter().enumerate() {
            let edge = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ).powf(number as f64 / BANDS as f64) * 0.256;
            assert_eq!(*bin, edge.ceil() as usize, "band {number}");
            assert!((edge - edge.round()).abs() > 1e-3, "band {number} depends on rounding");
        }
        assert_eq!((BAND_BINS[0], BAND_BINS[BANDS]), (77, 871));
    }

    #[test]
    fn tables_are_those_of_the_library_of_mathematics() {
        for (at, (weight, turn)) in HANN.iter().zip(&TURN).enumerate() {
            let angle = core::f64::consts::TAU * at as f64 / FRAME_SAMPLES as f64;
            assert!((f64::from(*weight) - (0.5 - 0.5 * angle.cos())).abs() < 1e-7);
            assert!((f64::from(turn.0) - angle.cos()).abs() < 1e-7);
            assert!((f64::from(turn.1) - angle.sin()).abs() < 1e-7);
        }
    }

    #[test]
    fn four_frames_at_a_time_have_the_energies_of_each_by_itself() {
        let mut state = 1_u32;
        let samples: Vec<i16> = (0..FRAME_SAMPLES + 3 * 512)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let tone = (at as f64 * at as f64 * 2e-4).sin() * 9000.0;
                tone as i16 + (state >> 20) as i16
            })
            .collect();
        let energies = Spectrum::new().energies(&samples, 512);
        for lane in 0..LANES {
            let mut frame: [f32; FRAME_SAMPLES] =
                core::array::from_fn(|at| f32::from(samples[lane * 512 + at]) * HANN[at]);
            let other = microfft::real::rfft_2048(&mut frame);
            for (band, bins) in BAND_BINS.windows(2).enumerate() {
                let wanted: f32 = other[bins[0]..bins[1]].iter().map(|bin| 4.0 * bin.norm_sqr()).sum();
                let ours = energies[band].to_array()[lane];
                assert!(
                    (ours / wanted - 1.0).abs() < 1e-4,
                    "frame {lane}, band {band}: {ours} {wanted}"
                );
            }
        }
    }
}
