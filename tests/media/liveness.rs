//! The gate of row 36 on speech, silence and tones.

use ohp::media::exact::{self, Decision, NoSample, Unusable};
use ohp::media::liveness::{self, Lifeless, MAX_PEAK_SHARE, MIN_DISTINCT_BLOCKS};

use crate::audio;

/// The eight frequencies of DTMF (ITU-T Q.23).
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// What no call can be told by: name, and a second of it.
fn lifeless() -> Vec<(String, Vec<u8>)> {
    let second = 8000;
    let mut sounds = vec![
        ("µ-law silence".to_owned(), vec![0xff; second]),
        ("the other µ-law zero".to_owned(), vec![0x7f; second]),
        ("a constant".to_owned(), vec![0x23; second]),
        ("alternating zeros".to_owned(), [0xff, 0x7f].repeat(second / 2)),
        (
            "ten samples repeated".to_owned(),
            (0..second).map(|at| (at % 10 * 7) as u8).collect(),
        ),
    ];
    for frequency in [300.0, 350.0, 425.0, 440.0, 697.7, 1000.0, 1004.0, 2100.0, 3333.3] {
        for amplitude in [200.0, 3000.0, 30000.0] {
            let tone = audio::tones(&[(frequency, amplitude)], second);
            sounds.push((format!("{frequency} Hz at {amplitude}"), audio::mu(&tone)));
        }
    }
    // Dial tone, ringback and busy tone of North America.
    for (low, high) in [(350.0, 440.0), (440.0, 480.0), (480.0, 620.0)] {
        let tone = audio::tones(&[(low, 4000.0), (high, 4000.0)], second);
        sounds.push((format!("{low} and {high} Hz"), audio::mu(&tone)));
    }
    for low in ROWS {
        for high in COLUMNS {
            let tone = audio::tones(&[(low, 5000.0), (high, 6300.0)], second);
            sounds.push((format!("DTMF {low}/{high}"), audio::mu(&tone)));
        }
    }
    sounds
}

#[test]
fn row_36_silence_and_tones_give_no_fingerprint_and_match_none() {
    for (name, octets) in lifeless() {
        let tap = audio::heard(&octets);
        let Err(NoSample::NoUsableAudio(why @ Unusable::Lifeless(_))) = exact::newest(&tap) else {
            panic!("{name} gave a fingerprint");
        };
        // Even a sender that does not keep the rule finds no match.
        let theirs = audio::fingerprint(&octets);
        assert!(
            matches!(
                exact::search(&tap, &theirs),
                Decision::NoUsableAudio(Unusable::Lifeless(_))
            ),
            "{name}"
        );
        // And what tells no calls apart is not called a mismatch.
        let others = audio::fingerprint(&[0x11; 1600]);
        assert!(
            matches!(
                exact::search(&tap, &others),
                Decision::NoUsableAudio(Unusable::Lifeless(_))
            ),
            "{name}: {why}"
        );
    }
}

#[test]
fn row_36_speech_passes_unless_it_pauses() {
    let (mut windows, mut silent, mut passed) = (0, 0, 0);
    for folder in ["speech-asterisk-prompts", "speech-fsdd"] {
        for path in crate::files(folder, &[".wav"]) {
            let octets = audio::mu(&audio::wav(&path));
            for window in octets.windows(1600).step_by(160) {
                windows += 1;
                match liveness::check(&audio::samples(window)) {
                    Ok(()) => passed += 1,
                    Err(Lifeless::Repetitive) => silent += 1,
                    Err(Lifeless::Tonal) => {}
                }
            }
        }
    }
    eprintln!("{windows} windows of speech: {passed} pass, {silent} are pauses");
    assert_eq!(passed + silent, windows, "speech was taken for a tone");
    assert!(
        silent * 20 < windows || windows == 0,
        "more than 5 % of speech taken for silence"
    );
}

#[test]
fn both_rules_hold_at_their_bounds() {
    // Blocks 0 to n-1 are distinct noise, the rest repeat the last of them.
    let mut random = crate::Random(7);
    let noise: [i16; 1600] = core::array::from_fn(|_| random.next() as i16);
    let with_distinct =
        |blocks: usize| -> [i16; 1600] { core::array::from_fn(|at| noise[(at / 10).min(blocks - 1) * 10 + at % 10]) };
    assert_eq!(
        liveness::distinct_blocks(&with_distinct(MIN_DISTINCT_BLOCKS)),
        MIN_DISTINCT_BLOCKS
    );
    assert_eq!(liveness::check(&with_distinct(MIN_DISTINCT_BLOCKS)), Ok(()));
    assert_eq!(
        liveness::check(&with_distinct(MIN_DISTINCT_BLOCKS - 1)),
        Err(Lifeless::Repetitive)
    );

    // Noise beneath a tone is let through only once it holds more than 0.2 % of the energy.
    let tone = audio::tones(&[(1234.5, 10000.0)], 1600);
    let over = |noise_amplitude: f64| -> [i16; 1600] {
        core::array::from_fn(|at| tone[at].saturating_add((f64::from(noise[at]) / 32768.0 * noise_amplitude) as i16))
    };
    let (faint, loud) = (over(300.0), over(1200.0));
    assert!(liveness::peak_share(&faint) > MAX_PEAK_SHARE && liveness::peak_share(&loud) < MAX_PEAK_SHARE);
    assert_eq!(liveness::check(&faint), Err(Lifeless::Tonal));
    assert_eq!(liveness::check(&loud), Ok(()));
}

#[test]
fn peak_share_is_the_share_that_a_direct_transform_gives() {
    for octets in audio::prompts().iter().take(3) {
        let window = audio::samples(&octets[4000..]);
        let mean = window.iter().map(|sample| f64::from(*sample)).sum::<f64>() / 1600.0;
        let turn = std::f64::consts::TAU;
        let mut energies: Vec<f64> = (0..1024)
            .map(|bin| {
                let (mut re, mut im) = (0.0, 0.0);
                for (at, sample) in window.iter().enumerate() {
                    let weight = 0.5 - 0.5 * (turn * at as f64 / 1600.0).cos();
                    let angle = turn * (bin * at % 2048) as f64 / 2048.0;
                    re += (f64::from(*sample) - mean) * weight * angle.cos();
                    im += (f64::from(*sample) - mean) * weight * angle.sin();
                }
                re * re + im * im
            })
            .collect();
        let total: f64 = energies.iter().sum();
        let mut peaks = 0.0;
        for _ in 0..2 {
            let top = (0..1024)
                .max_by(|a, b| energies[*a].total_cmp(&energies[*b]))
                .expect("bins");
            let reach = top.saturating_sub(4)..(top + 5).min(1024);
            peaks += energies[reach.clone()].iter().sum::<f64>();
            energies[reach].fill(0.0);
        }
        let ours = f64::from(liveness::peak_share(&window));
        assert!((ours - peaks / total).abs() < 1e-5, "{ours} is not {}", peaks / total);
    }
}
