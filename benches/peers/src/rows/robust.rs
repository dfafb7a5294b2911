//! Four seconds of sound, whose fingerprint is there, looked for in ten seconds, which have none yet.

use std::hint::black_box;

use audiofp::classical::Haitsma;
use audiofp::dsp::resample::SincResampler;
use audiofp::matching::{HaitsmaMatchConfig, HaitsmaMatcher, Matcher};
use audiofp::{Fingerprinter, SampleRate};
use ohp::media::robust::frames::SPAN_SAMPLES;
use ohp::media::robust::{self, Decision};

use super::leaked;
use crate::c;
use crate::race::{Contestant, Row};

const RATE: usize = 8_000;
/// Where the four seconds begin.
const FROM: usize = 32_000;

/// Sound like speech: a resonator, driven by noise, whose frequency and loudness change ten times a second.
fn sound() -> Vec<i16> {
    let (mut state, mut turn, mut loudness, mut one, mut two) = (7_u32, 0, 0, 0, 0);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i32
    };
    (0..10 * RATE)
        .map(|at| {
            if at % 800 == 0 {
                (turn, loudness) = (next() % 9000 - 2000, next() % 8);
            }
            let noise = ((next() - 32_768) * loudness) >> 6;
            let sample = (((turn * one) >> 12) - ((3900 * two) >> 12) + noise).clamp(-32_768, 32_767);
            (two, one) = (one, sample);
            sample as i16
        })
        .collect()
}

/// 1 if it was found within a quarter of a second of where it is.
fn placed(milliseconds: i64) -> u64 {
    u64::from(milliseconds.abs_diff((FROM / 8) as i64) < 250)
}

pub fn row() -> Row {
    let samples: &'static [i16] = Box::leak(sound().into_boxed_slice());
    let span = &samples[FROM..FROM + SPAN_SAMPLES];
    let wanted = robust::newest_of_pcm(span).expect("the sound is lively").fingerprint;
    let haitsma = |samples: &[i16]| {
        let floats: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let resampled = SincResampler::new(RATE as u32, 5_000).process(&floats);
        Haitsma::default().extract(&resampled, SampleRate::HZ_5000)
    };
    let theirs = haitsma(span).expect("four seconds are enough");
    let config = HaitsmaMatchConfig {
        use_lut: false,
        ..HaitsmaMatchConfig::default()
    };
    let mut missing = Vec::new();
    let mut contestants = vec![
        Contestant::new("ours", "", move || {
            match robust::search_pcm(black_box(samples), &wanted) {
                Decision::Match(found) => {
                    placed(((samples.len() - SPAN_SAMPLES) / 8) as i64 - i64::from(found.behind_ms))
                }
                _ => 0,
            }
        }),
        Contestant::new("audiofp", "one frame in 12.8 ms; up to 2000 Hz", move || {
            let heard = haitsma(black_box(samples)).expect("ten seconds are enough");
            placed(HaitsmaMatcher::new(config.clone()).match_one(&theirs, &heard).offset.ms)
        }),
    ];
    let bytes = leaked(samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect());
    c::CHROMAPRINT.enter("one frame in 124 ms", bytes, &mut contestants, &mut missing);
    Row {
        name: "robust fingerprint, 4 s found in 10 s",
        goal: None,
        answer: 1,
        contestants,
        missing,
    }
}
