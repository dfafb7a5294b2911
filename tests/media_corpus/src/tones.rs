//! What a line carries besides speech and music, as two calls or more of each kind have it: cadences begin at another moment,
//! digits and modems say something else.

use std::f64::consts::TAU;

use crate::random::Random;

const RATE: f64 = 8_000.0;
/// Samples of a call: 11 s.
const LEN: usize = 88_000;

/// The sum of what `frequencies` say, at a peak of `level` together, from the sample `at` on.
fn sines(frequencies: &[f64], level: f64, at: usize) -> f64 {
    let sum: f64 = frequencies
        .iter()
        .map(|hertz| (TAU * hertz * at as f64 / RATE).sin())
        .sum();
    level * sum / frequencies.len() as f64
}

/// Tones that sound for some milliseconds, and pauses (no frequency), over and over.
type Cadence = &'static [(u32, &'static [f64])];

const CADENCES: [(&str, Cadence); 10] = [
    ("dial tone, America", &[(1000, &[350.0, 440.0])]),
    ("dial tone, Europe", &[(1000, &[425.0])]),
    ("ringing, America", &[(2000, &[440.0, 480.0]), (4000, &[])]),
    ("ringing, Europe", &[(1000, &[425.0]), (4000, &[])]),
    (
        "ringing, Britain",
        &[(400, &[400.0, 450.0]), (200, &[]), (400, &[400.0, 450.0]), (2000, &[])],
    ),
    ("busy, America", &[(500, &[480.0, 620.0]), (500, &[])]),
    ("busy, Europe", &[(480, &[425.0]), (480, &[])]),
    ("congestion", &[(240, &[425.0]), (240, &[])]),
    (
        "special information",
        &[(330, &[950.0]), (330, &[1400.0]), (330, &[1800.0]), (1000, &[])],
    ),
    ("fax, calling", &[(500, &[1100.0]), (3000, &[])]),
];

const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

fn cadence(cadence: Cadence, random: &mut Random) -> Vec<i16> {
    let period: usize = cadence.iter().map(|(ms, _)| *ms as usize * 8).sum();
    let (late, level) = (random.below(period), 6_000.0 + 6_000.0 * random.unit());
    (0..LEN)
        .map(|at| {
            let mut place = (at + late) % period;
            for (ms, frequencies) in cadence {
                let len = *ms as usize * 8;
                if place < len {
                    return match frequencies.is_empty() {
                        true => 0,
                        false => sines(frequencies, level, at + late) as i16,
                    };
                }
                place -= len;
            }
            0
        })
        .collect()
}

/// Digits as a person's phone sends them: 100 ms each, 100 ms apart.
fn digits(random: &mut Random) -> Vec<i16> {
    let (mut pair, level) = ([0.0; 2], 5_000.0 + 5_000.0 * random.unit());
    (0..LEN)
        .map(|at| {
            if at % 1_600 == 0 {
                pair = [ROWS[random.below(4)], COLUMNS[random.below(4)]];
            }
            match at % 1_600 < 800 {
                true => sines(&pair, level, at) as i16,
                false => 0,
            }
        })
        .collect()
}

/// A fax machine's answer: 2100 Hz whose phase turns over every 450 ms.
fn answer(random: &mut Random) -> Vec<i16> {
    let late = random.below(7_200);
    (0..LEN)
        .map(|at| {
            let sign = if ((at + late) / 3_600).is_multiple_of(2) {
                1.0
            } else {
                -1.0
            };
            (sign * sines(&[2100.0], 9_000.0, at)) as i16
        })
        .collect()
}

/// V.21, channel 2: 300 bits a second at 1650 and 1850 Hz; `bit` says which comes next.
fn v21(mut bit: impl FnMut(usize) -> bool) -> Vec<i16> {
    let (mut phase, mut hertz, mut number) = (0.0_f64, 1650.0, 0);
    (0..LEN)
        .map(|at| {
            if at * 300 / 8_000 >= number {
                hertz = if bit(number) { 1650.0 } else { 1850.0 };
                number += 1;
            }
            phase += TAU * hertz / RATE;
            (9_000.0 * phase.sin()) as i16
        })
        .collect()
}

/// As V.22bis has it: 600 symbols a second of sixteen points on a carrier of 1200 Hz.
fn v22(random: &mut Random) -> Vec<i16> {
    let (mut now, mut next) = ((0.0, 0.0), (0.0, 0.0));
    let mut number = 0;
    (0..LEN)
        .map(|at| {
            let place = at as f64 * 600.0 / RATE;
            if place as usize >= number {
                let mut level = || random.below(4) as f64 * 2.0 - 3.0;
                (now, next) = (next, (level(), level()));
                number += 1;
            }
            // From one symbol to the next along half a cosine, which keeps the band narrow.
            let part = 0.5 - 0.5 * (TAU / 2.0 * place.fract()).cos();
            let (i, q) = (now.0 + (next.0 - now.0) * part, now.1 + (next.1 - now.1) * part);
            let angle = TAU * 1_200.0 * at as f64 / RATE;
            (2_500.0 * (i * angle.cos() - q * angle.sin())) as i16
        })
        .collect()
}

/// The kinds, as [`calls`] has them.
pub const NAMES: [&str; CADENCES.len() + 5] = {
    let mut names = ["digits"; CADENCES.len() + 5];
    let mut at = 0;
    while at < CADENCES.len() {
        names[at] = CADENCES[at].0;
        at += 1;
    }
    names[at + 1] = "fax, answering";
    names[at + 2] = "modem, V.21, flags";
    names[at + 3] = "modem, V.21, data";
    names[at + 4] = "modem, V.22bis, data";
    names
};

/// `count` calls of each kind, one half of them with a little noise of the line.
pub fn calls(count: usize) -> Vec<Vec<Vec<i16>>> {
    let each = |kind: u64, make: &dyn Fn(&mut Random) -> Vec<i16>| -> Vec<Vec<i16>> {
        (0..count.max(2))
            .map(|number| {
                let mut random = Random::of(&[2, kind, number as u64]);
                let mut samples = make(&mut random);
                if number % 4 >= 2 {
                    let loud = if kind.is_multiple_of(2) { 300.0 } else { 20.0 };
                    samples
                        .iter_mut()
                        .for_each(|sample| *sample = sample.saturating_add((random.normal() * loud) as i16));
                }
                samples
            })
            .collect()
    };
    let mut calls: Vec<_> = CADENCES
        .iter()
        .enumerate()
        .map(|(kind, (_, tones))| each(kind as u64, &|random| cadence(tones, random)))
        .collect();
    calls.push(each(20, &digits));
    calls.push(each(21, &answer));
    // The flag of HDLC, 01111110, over and over.
    calls.push(each(22, &|random| {
        let late = random.below(8);
        v21(|number| !matches!((number + late) % 8, 0 | 7))
    }));
    calls.push(each(23, &|random| v21(|_| random.below(2) == 1)));
    calls.push(each(24, &v22));
    calls
}
