//! Chromaprint's `fpcalc` and the crate audiofp on the same sound as ours: how far apart what belongs together is, and what
//! does not; and how long each takes.
//!
//! Chromaprint and audiofp are made for finding a recording in a library of music, from more than four seconds; nothing here
//! is said about that.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use audiofp::classical::{Haitsma, HaitsmaFingerprint, Wang, WangFingerprint};
use audiofp::dsp::resample::SincResampler;
use audiofp::matching::{HaitsmaMatchConfig, HaitsmaMatcher, Matcher, WangMatchConfig, WangMatcher};
use audiofp::{Fingerprinter, SampleRate};
use ohp::media::RobustFingerprint;
use ohp::media::robust::frames::{self, RECEIVER_HOP, SENDER_HOP};
use ohp::media::robust::{self, Decision};

use crate::corpus::{Corpus, Group, RATE, octets};
use crate::network::Law;
use crate::trials::{Moment, Ring};

pub const NAMES: [&str; 5] = [
    "ours",
    "Chromaprint, the same 4 s",
    "Chromaprint, 10 s",
    "audiofp, Haitsma-Kalker",
    "audiofp, Wang",
];
/// Between which of [`NAMES`] and how far: 0 for the same, 1 for nothing in common.
pub type Distances = [f64; NAMES.len()];

/// What one side has of a stretch of sound.
struct Prints {
    chromaprint: Vec<u32>,
    haitsma: Option<HaitsmaFingerprint>,
    wang: Option<WangFingerprint>,
}

/// What a sender would send.
pub struct Sent {
    ours: RobustFingerprint,
    /// Of the span of four seconds.
    span: Prints,
    /// Of the ten seconds that the sender had.
    all: Vec<u32>,
}

/// The fingerprints of these moments, by their numbers.
pub fn sent(
    corpus: &Corpus,
    moments: &[Moment],
    numbers: &[usize],
    folder: &Path,
) -> Result<HashMap<usize, Sent>, String> {
    let (mut spans, mut rings, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for number in numbers {
        let moment = &moments[*number];
        let (Some(sample), Some(span)) = (moment.robust, moment.span()) else {
            continue;
        };
        let mut heard = corpus.of(&corpus.calls[moment.call])[..moment.at].to_vec();
        Law::Mu.through(&mut heard);
        spans.push(heard[span].to_vec());
        rings.push(heard[heard.len().saturating_sub(10 * RATE)..].to_vec());
        made.push((*number, sample.fingerprint));
    }
    let of_spans = chromaprints(&spans, folder)?;
    let of_rings = chromaprints(&rings, folder)?;
    Ok(made
        .into_iter()
        .zip(spans.iter().zip(of_spans).zip(of_rings))
        .map(|((number, ours), ((span, chromaprint), all))| {
            let span = Prints::of(span, chromaprint);
            (number, Sent { ours, span, all })
        })
        .collect())
}

/// A receiver's sound, as everyone sees it.
pub struct Heard {
    pcm: Vec<i16>,
    prints: Prints,
}

pub fn heard(rings: Vec<Ring>, folder: &Path) -> Result<Vec<Heard>, String> {
    let sounds: Vec<_> = rings.into_iter().map(|ring| ring.pcm).collect();
    let chromaprints = chromaprints(&sounds, folder)?;
    Ok(sounds
        .into_iter()
        .zip(chromaprints)
        .map(|(pcm, chromaprint)| Heard {
            prints: Prints::of(&pcm, chromaprint),
            pcm,
        })
        .collect())
}

impl Prints {
    fn of(samples: &[i16], chromaprint: Vec<u32>) -> Self {
        let samples = floats(samples);
        Self {
            chromaprint,
            haitsma: haitsma(&samples),
            wang: Wang::default().extract(&samples, SampleRate::HZ_8000).ok(),
        }
    }
}

fn floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

fn haitsma(samples: &[f32]) -> Option<HaitsmaFingerprint> {
    let samples = SincResampler::new(8_000, 5_000).process(samples);
    Haitsma::default().extract(&samples, SampleRate::HZ_5000).ok()
}

impl Heard {
    /// How far what was sent is from the nearest that was heard.
    pub fn distances(&self, sent: &Sent) -> Distances {
        let ours = match robust::search_pcm(&self.pcm, &sent.ours) {
            Decision::Match(found) => f64::from(found.bit_error_rate()),
            Decision::Mismatch { errors } => f64::from(robust::bit_error_rate(errors)),
            Decision::NoUsableAudio(_) | Decision::NoMedia => 1.0,
        };
        // All of the four seconds, and without short cuts that could miss them.
        let config = HaitsmaMatchConfig {
            max_ber: 1.0,
            use_lut: false,
            ..HaitsmaMatchConfig::default()
        };
        let haitsma = pair(&sent.span.haitsma, &self.prints.haitsma, |sent, heard| {
            HaitsmaMatcher::new(config).match_one(sent, heard).score
        });
        let wang = pair(&sent.span.wang, &self.prints.wang, |sent, heard| {
            WangMatcher::new(WangMatchConfig::default())
                .match_one(sent, heard)
                .score
        });
        [
            ours,
            bit_error_rate(
                &sent.span.chromaprint,
                &self.prints.chromaprint,
                sent.span.chromaprint.len(),
            ),
            bit_error_rate(&sent.all, &self.prints.chromaprint, sent.all.len() / 2),
            haitsma,
            wang,
        ]
    }
}

fn pair<T>(sent: &Option<T>, heard: &Option<T>, score: impl FnOnce(&T, &T) -> f32) -> f64 {
    match (sent, heard) {
        (Some(sent), Some(heard)) => 1.0 - f64::from(score(sent, heard)),
        _ => 1.0,
    }
}

/// The least share of bits that differ, over all ways to lay one over the other that have so many items in common.
fn bit_error_rate(sent: &[u32], heard: &[u32], overlap: usize) -> f64 {
    let (sent_len, heard_len) = (sent.len() as isize, heard.len() as isize);
    (-sent_len..heard_len)
        .filter_map(|offset| {
            let from = offset.max(0);
            let len = (sent_len + offset.min(0)).min(heard_len - from);
            if len < overlap.max(4) as isize {
                return None;
            }
            let here = &heard[from as usize..(from + len) as usize];
            let there = &sent[(from - offset) as usize..];
            let errors: u32 = here.iter().zip(there).map(|(a, b)| (a ^ b).count_ones()).sum();
            Some(f64::from(errors) / (len * 32) as f64)
        })
        .fold(1.0, f64::min)
}

/// What fpcalc says of each of these sounds.
fn chromaprints(sounds: &[Vec<i16>], folder: &Path) -> Result<Vec<Vec<u32>>, String> {
    sounds
        .iter()
        .map(|samples| {
            let path = folder.join("fpcalc.wav");
            write_wav(&path, samples)?;
            fpcalc(&path)
        })
        .collect()
}

fn fpcalc(path: &Path) -> Result<Vec<u32>, String> {
    let output = Command::new("fpcalc")
        .args(["-raw", "-plain", "-length", "0"])
        .arg(path)
        .output()
        .map_err(|error| format!("fpcalc: {error}"))?;
    // It complains of the file's end, and leaves with 3, but has printed all there is.
    let text = String::from_utf8_lossy(&output.stdout);
    let items: Option<Vec<u32>> = text.trim().split(',').map(|item| item.parse().ok()).collect();
    items.ok_or_else(|| format!("fpcalc: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn write_wav(path: &Path, samples: &[i16]) -> Result<(), String> {
    let len = (samples.len() * 2) as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + len).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend((RATE as u32).to_le_bytes());
    bytes.extend((RATE as u32 * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(len.to_le_bytes());
    bytes.extend(octets(samples));
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Names, and seconds of sound in a second.
pub type Speeds = Vec<(&'static str, f64)>;

/// How many seconds of the tuning voices each fingerprints in a second: the best of `rounds`, taken in turn.
pub fn speeds(corpus: &Corpus, folder: &Path, rounds: usize) -> Result<(usize, Speeds), String> {
    let mut samples: Vec<i16> = Vec::new();
    for call in corpus.calls.iter().filter(|call| corpus.group(call) == Group::Tuning) {
        samples.extend(corpus.of(call));
    }
    samples.truncate(600 * RATE);
    let seconds = samples.len() / RATE;
    let wave = folder.join("speed.wav");
    write_wav(&wave, &samples)?;
    let floats = floats(&samples);
    let ours = |hop| {
        let mut bits = 0;
        frames::of_pcm(&samples, hop, |_, frame| bits ^= frame.bits);
        std::hint::black_box(bits);
    };
    let mut best = Speeds::new();
    for _ in 0..rounds {
        let mut lap = |name, work: &mut dyn FnMut() -> bool| {
            let start = Instant::now();
            let done = work();
            let speed = seconds as f64 / start.elapsed().as_secs_f64();
            match best.iter_mut().find(|(other, _)| *other == name) {
                _ if !done => {}
                Some((_, fastest)) => *fastest = fastest.max(speed),
                None => best.push((name, speed)),
            }
        };
        lap("ours, as a sender", &mut || {
            ours(SENDER_HOP);
            true
        });
        lap("ours, as a receiver", &mut || {
            ours(RECEIVER_HOP);
            true
        });
        lap("fpcalc, reading a WAV", &mut || fpcalc(&wave).is_ok());
        lap("audiofp, Haitsma-Kalker, with its resampling to 5 kHz", &mut || {
            haitsma(&floats).is_some()
        });
        lap("audiofp, Wang", &mut || {
            Wang::default().extract(&floats, SampleRate::HZ_8000).is_ok()
        });
    }
    let _ = fs::remove_file(wave);
    Ok((seconds, best))
}

/// The bound at which the shares of `same` above it and of `other` up to it are nearest to each other, and the larger of the
/// two.
pub fn equal_error(same: &mut [f64], other: &mut [f64]) -> (f64, f64) {
    same.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let rejected =
        |bound: f64| (same.len() - same.partition_point(|distance| *distance <= bound)) as f64 / same.len() as f64;
    let accepted = |bound: f64| other.partition_point(|distance| *distance <= bound) as f64 / other.len() as f64;
    let error = |bound: f64| rejected(bound).max(accepted(bound));
    // Where nothing is wrong on either side, the middle of what lies between.
    let between = same.last().zip(other.first()).map(|(last, first)| (last + first) / 2.0);
    let all = between.into_iter().chain(same.iter().copied()).chain([0.0]);
    let best = all.min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0.0);
    (best, error(best))
}
