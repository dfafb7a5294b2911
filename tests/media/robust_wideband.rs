//! The robust fingerprint across codecs of different rates: one side of a hop speaks G.711, the other wideband.

use ohp::media::robust::{self, Decision};
use ohp::media::{Codec, RobustFingerprint, Tap, g711};

use crate::g722::ffmpeg;
use crate::{audio, inputs};

/// Eight seconds of recorded speech at 8 kHz; none where the vectors are absent.
fn speech() -> Option<Vec<i16>> {
    let prompts = audio::prompts();
    let octets: Vec<u8> = prompts.iter().flatten().copied().take(64_000).collect();
    (octets.len() == 64_000).then(|| octets.iter().map(|octet| g711::MU_LAW[usize::from(*octet)]).collect())
}

/// The samples at `factor` times their rate, straight lines between them, as big-endian bytes.
fn raised(samples: &[i16], factor: usize) -> Vec<u8> {
    let next = samples.iter().skip(1).chain(samples.last());
    let pairs = samples.iter().zip(next).map(|(a, b)| (i32::from(*a), i32::from(*b)));
    pairs
        .flat_map(|(a, b)| (0..factor as i32).map(move |part| (a + (b - a) * part / factor as i32) as i16))
        .flat_map(i16::to_be_bytes)
        .collect()
}

fn taken(tap: &Tap<'_>) -> RobustFingerprint {
    robust::newest(tap).expect("speech is usable").fingerprint
}

/// How many bits of the one leg's fingerprint differ on the other, both ways.
fn errors(a: &Tap<'_>, b: &Tap<'_>) -> [u16; 2] {
    [(a, b), (b, a)].map(|(sender, receiver)| match robust::search(receiver, &taken(sender)) {
        Decision::Match(found) => found.errors,
        other => panic!("{other}"),
    })
}

#[test]
fn row_38_speech_is_the_same_at_8_16_and_48_khz() {
    let Some(samples) = speech() else { return };
    let narrow = audio::heard(&audio::mu(&samples));
    for (codec, factor) in [(Codec::L16, 1), (Codec::L16_16k, 2), (Codec::L16_48k, 6)] {
        let wide = inputs::heard(codec, &raised(&samples, factor), 20);
        let errors = errors(&narrow, &wide);
        println!("{codec:?}: {errors:?} of 992 bits");
        assert!(errors.iter().all(|errors| *errors < 100), "{codec:?}: {errors:?}");
    }
}

#[test]
fn row_38_a_hop_between_g722_and_g711_leaves_the_sound_recognisable() {
    let Some(samples) = speech() else { return };
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let to_g722 = [
        "-f", "s16le", "-ar", "8000", "-i", "-", "-ar", "16000", "-f", "g722", "-",
    ];
    let Some(octets) = ffmpeg(&to_g722, &bytes) else { return };
    let errors = errors(
        &audio::heard(&audio::mu(&samples)),
        &inputs::heard(Codec::G722, &octets, 20),
    );
    println!("G.722: {errors:?} of 992 bits");
    assert!(errors.iter().all(|errors| *errors < 100), "{errors:?}");
}

#[test]
fn row_38_wideband_packets_that_are_missing_are_gaps() {
    let Some(samples) = speech() else { return };
    let whole = audio::heard(&audio::mu(&samples));
    let lossy = inputs::tap();
    for (number, packet) in inputs::packets(Codec::L16_16k, &raised(&samples, 2), 20, 9)
        .iter()
        .enumerate()
    {
        if number % 12 != 7 {
            lossy.write_rtp(packet);
        }
    }
    let found = robust::search(&lossy, &taken(&whole));
    assert!(matches!(found, Decision::Match(_)), "{found}");
}

#[test]
fn row_36_the_silence_of_g722_is_refused() {
    let Some(octets) = ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "anullsrc=r=16000",
            "-t",
            "8",
            "-ac",
            "1",
            "-f",
            "g722",
            "-",
        ],
        &[],
    ) else {
        return;
    };
    assert!(robust::newest(&inputs::heard(Codec::G722, &octets, 20)).is_err());
}

#[test]
fn sound_at_44_1_khz_has_no_robust_fingerprint() {
    let mut random = crate::Random(44);
    let noise: Vec<u8> = (0..44_100 * 2 * 6).map(|_| random.next() as u8).collect();
    assert!(robust::newest(&inputs::heard(Codec::L16_44k, &noise, 20)).is_err());
}
