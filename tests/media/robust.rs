//! The robust fingerprint over speech that has been through what telephone networks do to it, and over sound that must
//! not be taken for it.

use std::path::Path;
use std::process::Command;

use ohp::media::continuity::Wanted;
use ohp::media::liveness::Lifeless;
use ohp::media::robust::frames::{self, SENDER_HOP, SPAN_SAMPLES};
use ohp::media::robust::{self, Decision, NoSample, Unusable};
use ohp::media::{Continuity, Fingerprint, RobustFingerprint, Tap, continuity, exact, g711};

use crate::Random;
use crate::audio::{self, PACKET, PLAIN, Stream};
use crate::babble::babble;

/// Each studio prompt that is long enough, and sounds of our own.
fn voices() -> Vec<Vec<i16>> {
    let prompts = audio::prompts().iter().map(|prompt| linear(prompt));
    let ours = (1..=8).map(|seed| babble(seed, 60_000));
    prompts.filter(|samples| samples.len() >= 36_000).chain(ours).collect()
}

fn linear(octets: &[u8]) -> Vec<i16> {
    octets.iter().map(|octet| g711::MU_LAW[usize::from(*octet)]).collect()
}

fn power(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64
}

fn through_mu(samples: &[i16]) -> Vec<i16> {
    linear(&audio::mu(samples))
}

fn through_a(samples: &[i16]) -> Vec<i16> {
    audio::a(samples)
        .iter()
        .map(|octet| g711::A_LAW[usize::from(*octet)])
        .collect()
}

/// Every sample taken anew between two others, `phase` of the way: what resampling and a bridge's clock do.
fn resampled(samples: &[i16], step: f64, phase: f64) -> Vec<i16> {
    let at = |place: isize| {
        usize::try_from(place)
            .ok()
            .and_then(|place| samples.get(place))
            .copied()
            .unwrap_or(0)
    };
    (0..(samples.len() as f64 / step) as usize)
        .map(|number| {
            let place = number as f64 * step + phase;
            let (whole, part) = (place.floor() as isize, place.fract());
            let [a, b, c, d] = [-1, 0, 1, 2].map(|offset| f64::from(at(whole + offset)));
            // Catmull and Rom's cubic through the four neighbours.
            let value =
                b + 0.5 * part * (c - a + part * (2.0 * a - 5.0 * b + 4.0 * c - d + part * (3.0 * (b - c) + d - a)));
            value.clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

fn with_noise(samples: &[i16], decibels: f64, random: &mut Random) -> Vec<i16> {
    let scale = (power(samples) / 10_f64.powf(decibels / 10.0)).sqrt();
    samples
        .iter()
        .map(|sample| {
            // Twelve uniform numbers are normal enough.
            let normal: f64 = (0..12).map(|_| random.below(1 << 16) as f64 / 65_536.0).sum::<f64>() - 6.0;
            (f64::from(*sample) + normal * scale).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

fn with_loss(samples: &[i16], percent: usize, random: &mut Random) -> Vec<i16> {
    let mut lossy = samples.to_vec();
    for packet in lossy.chunks_mut(PACKET) {
        if random.below(100) < percent {
            packet.fill(0);
        }
    }
    lossy
}

/// What a network does to sound.
const CHANNELS: [&str; 11] = [
    "as it is",
    "PCMU",
    "PCMA",
    "PCMU-PCMA-PCMU",
    "resampled by half a sample",
    "clock 200 ppm fast",
    "12 dB quieter, PCMU",
    "10 % lost",
    "PCMU-PCMA, 10 % lost",
    "noise at 10 dB",
    "noise at 10 dB, 10 % lost, PCMU",
];

fn through(channel: &str, samples: &[i16], random: &mut Random) -> Vec<i16> {
    match channel {
        "as it is" => samples.to_vec(),
        "PCMU" => through_mu(samples),
        "PCMA" => through_a(samples),
        "PCMU-PCMA-PCMU" => through_mu(&through_a(&through_mu(samples))),
        "resampled by half a sample" => resampled(samples, 1.0, 0.5),
        "clock 200 ppm fast" => resampled(samples, 1.0002, 0.0),
        "12 dB quieter, PCMU" => through_mu(&samples.iter().map(|sample| sample / 4).collect::<Vec<_>>()),
        "10 % lost" => with_loss(samples, 10, random),
        "PCMU-PCMA, 10 % lost" => with_loss(&through_a(&through_mu(samples)), 10, random),
        "noise at 10 dB" => with_noise(samples, 10.0, random),
        "noise at 10 dB, 10 % lost, PCMU" => with_loss(&through_mu(&with_noise(samples, 10.0, random)), 10, random),
        _ => panic!("{channel} is no channel"),
    }
}

/// Row 38: what has been transcoded, resampled, thinned out and covered with noise is found where it is, and is found
/// nowhere else. Prints the bit error rates.
#[test]
fn row_38_speech_is_found_behind_every_channel_and_in_no_other_call() {
    let voices = voices();
    let mut random = Random(38);
    let taken: Vec<_> = voices.iter().map(|voice| taken(voice)).collect();
    println!("{:32} {:>6} {:>6} {:>6}", "bit error rate", "mean", "max", "other");
    for (number, channel) in CHANNELS.into_iter().enumerate() {
        let (mut rates, mut nearest) = (Vec::new(), f32::MAX);
        for (own, voice) in voices.iter().enumerate() {
            // The receiver has begun to listen at another moment.
            let late = 37 + random.below(200);
            let received = through(channel, &voice[late..], &mut random);
            match robust::search_pcm(&received, &taken[own].fingerprint) {
                Decision::Match(found) => {
                    rates.push(found.bit_error_rate());
                    let off = found.behind_ms - taken[own].behind_ms as i32;
                    assert!(off.abs() <= 24, "{channel}, voice {own}: {off} ms off");
                }
                decision => panic!("{channel}, voice {own}: {decision}"),
            }
            // Each channel has another other voice, so that all channels together have had nearly all pairs.
            let other = (own + 1 + number) % voices.len();
            match robust::search_pcm(&received, &taken[other].fingerprint) {
                Decision::Mismatch { errors } => nearest = nearest.min(robust::bit_error_rate(errors)),
                Decision::Match(_) if other == own => {}
                decision => panic!("{channel}: voice {other} in voice {own}: {decision}"),
            }
        }
        let mean = rates.iter().sum::<f32>() / rates.len() as f32;
        let max = rates.iter().copied().fold(0.0, f32::max);
        println!("{channel:32} {mean:6.3} {max:6.3} {nearest:6.3}");
    }
}

fn taken(samples: &[i16]) -> robust::Sample {
    robust::newest_of_pcm(samples).unwrap_or_else(|none| panic!("{none}"))
}

/// A tap that has heard those packets of `samples` that `arrives` names.
fn heard(samples: &[i16], stream: Stream, arrives: impl Fn(usize) -> bool) -> Tap<'static> {
    let octets = match stream.payload_type {
        8 => audio::a(samples),
        _ => audio::mu(samples),
    };
    let tap = audio::fresh();
    for (number, packet) in stream.packets(&octets, PACKET).iter().enumerate() {
        if arrives(number) {
            tap.write_rtp(packet);
        }
    }
    tap
}

#[test]
fn row_38_a_transcoded_and_lossy_leg_matches_robustly_where_the_exact_hash_is_lost() {
    let speech = babble(21, 90_000);
    let sender = heard(&speech, PLAIN, |_| true);
    let other = Stream {
        payload_type: 8,
        ssrc: 77,
        timestamp: u32::MAX - 20_000,
        ..PLAIN
    };
    let receiver = heard(&through_mu(&speech[13..]), other, |number| number % 9 != 0);
    let wanted = exact::newest(&sender).expect("speech").fingerprint;
    assert!(!matches!(exact::search(&receiver, &wanted), exact::Decision::Match(_)));
    let sample = robust::newest(&sender).expect("speech");
    match robust::search(&receiver, &sample.fingerprint) {
        Decision::Match(found) => {
            assert!(
                found.errors > 0 && found.bit_error_rate() < 0.2,
                "{}",
                found.bit_error_rate()
            );
            assert!(found.behind_ms.abs_diff(sample.behind_ms as i32) < 48);
        }
        decision => panic!("{decision}"),
    }
    let stranger = heard(&babble(22, 90_000), PLAIN, |_| true);
    assert!(matches!(robust::search(&stranger, &sample.fingerprint), Decision::Mismatch { errors } if errors > 380));
}

/// Two calls hear the same music on hold, from moments that nobody chose, behind different codecs. The first call's fingerprint is
/// found in what the second hears wherever that has all of it: in about 6 of so many seconds as the loop has. A voice never
/// counts for another's.
#[test]
fn row_38_music_that_another_call_has_shown_is_found_where_it_was_heard_whole() {
    let mut random = Random(9);
    let strangers: Vec<_> = (200..232)
        .map(|seed| taken(&babble(seed, 60_000)).fingerprint)
        .collect();
    for seconds in [12, 20, 30, 60, 180] {
        let turn = babble(100 + seconds, seconds as usize * 8000);
        let part = |at: usize| -> Vec<i16> { (at..at + 80_000).map(|at| turn[at % turn.len()]).collect() };
        let (mut found, mut due) = (0, 0);
        const CALLS: usize = 200;
        for _ in 0..CALLS {
            let (first, second) = (random.below(turn.len()), random.below(turn.len()));
            let shown = taken(&through_mu(&part(first)));
            let own = taken(&through_mu(&part(second)));
            let a_law = Stream {
                payload_type: 8,
                ..PLAIN
            };
            let tap = heard(&through_mu(&part(second)), a_law, |_| true);
            let asked = std::cell::Cell::new(0);
            let others = |is_here: &dyn Fn(&RobustFingerprint) -> bool| {
                asked.set(asked.get() + 1);
                assert!(!strangers.iter().any(is_here), "a voice for another's");
                is_here(&shown.fingerprint)
            };
            let Decision::Match(match_) = robust::search_besides(&tap, &own.fingerprint, &others) else {
                panic!("its own sound")
            };
            assert_eq!(asked.get(), 1);
            found += usize::from(match_.elsewhere);
            // Where the first call's span begins, counted from where the second begins to listen.
            let begins = first + 80_000 - SPAN_SAMPLES - shown.behind_ms as usize * 8;
            let within = (begins + turn.len() * 2 - second) % turn.len();
            due += usize::from(within + SPAN_SAMPLES <= 80_000);
        }
        println!("loop of {seconds:3} s: {found:3} of {CALLS}, heard whole in {due:3}");
        assert!(found >= due, "{seconds} s: {found} of {due}");
    }
}

#[test]
fn row_38_pauses_are_not_lively() {
    // Four seconds of which six tenths are noise of a pause, 70 dB below full scale, and the rest is speech.
    let speech = babble(41, 32_000);
    let mut random = Random(3);
    let mut pausing = speech.clone();
    for second in pausing.chunks_mut(8000) {
        for sample in second.iter_mut().skip(3_200) {
            *sample = random.below(21) as i16 - 10;
        }
    }
    assert_eq!(
        robust::newest_of_pcm(&pausing),
        Err(NoSample::NoUsableAudio(Unusable::Quiet))
    );
    // Ten times as loud it is a sound like others.
    let louder: Vec<_> = pausing.iter().map(|sample| sample.saturating_mul(10)).collect();
    assert!(robust::newest_of_pcm(&louder).is_ok());
    assert!(robust::newest_of_pcm(&speech).is_ok());
}

#[test]
fn row_38_bursts_of_loss_leave_enough_lively_windows_for_a_match() {
    let speech = babble(41, 80_000);
    let sample = robust::newest(&heard(&speech, PLAIN, |_| true)).expect("speech");
    // Two of three times 200 ms lack 100: six windows of a span are alive, four less than a sender needs.
    let receiver = heard(&speech, PLAIN, |number| !matches!(number % 30, 12..17 | 22..27));
    assert!(matches!(robust::newest(&receiver), Err(NoSample::NoUsableAudio(_))));
    assert!(matches!(
        robust::search(&receiver, &sample.fingerprint),
        Decision::Match(found) if found.errors > 100
    ));
}

#[test]
fn row_38_exact_robust_mismatch_unusable_and_no_media_are_five_answers() {
    let speech = babble(61, 80_000);
    let sender = heard(&speech, PLAIN, |_| true);
    let exact = exact::newest(&sender).expect("speech").fingerprint;
    let robust = robust::newest(&sender).expect("speech").fingerprint;
    let ask = |tap: &Tap<'_>, robust| {
        let wanted = Wanted {
            robust,
            ..Wanted::exactly(&exact)
        };
        continuity::search(tap, &wanted)
    };
    assert!(matches!(ask(&sender, Some(&robust)), Continuity::Exact(_)));

    let a_law = Stream {
        payload_type: 8,
        ..PLAIN
    };
    let transcoded = heard(&through_mu(&speech), a_law, |_| true);
    assert!(matches!(ask(&transcoded, Some(&robust)), Continuity::Robust(found) if found.errors < 200));
    assert_eq!(
        ask(&transcoded, None),
        Continuity::Mismatch,
        "nobody asked for less than exact"
    );
    // No ten packets in a row: only the robust one has enough.
    let thinned = heard(&through_mu(&speech), a_law, |number| number % 9 != 0);
    assert!(matches!(ask(&thinned, Some(&robust)), Continuity::Robust(_)));
    assert!(matches!(ask(&thinned, None), Continuity::NoUsableAudio(_)));

    let other = heard(&babble(62, 80_000), PLAIN, |_| true);
    assert_eq!(ask(&other, Some(&robust)), Continuity::Mismatch);
    let short = heard(&babble(62, 16_000), PLAIN, |_| true);
    assert_eq!(
        ask(&short, Some(&robust)),
        Continuity::Mismatch,
        "two seconds are enough for the exact one"
    );
    let silent = heard(&[0; 80_000], PLAIN, |_| true);
    assert!(matches!(ask(&silent, Some(&robust)), Continuity::NoUsableAudio(_)));
    assert_eq!(ask(&audio::fresh(), Some(&robust)), Continuity::NoMedia);
}

#[test]
fn row_38_a_tap_gives_the_bits_of_its_samples_and_gaps_are_silence() {
    let speech = babble(4, 70_080);
    let tap = heard(&speech, PLAIN, |_| true);
    assert_eq!(robust::newest(&tap), Ok(taken(&through_mu(&speech))));

    let lost = |number: usize| number % 10 != 3 && number != 200;
    let mut gapped = through_mu(&speech);
    for (number, packet) in gapped.chunks_mut(PACKET).enumerate() {
        if !lost(number) {
            packet.fill(0);
        }
    }
    let tap = heard(&speech, PLAIN, lost);
    assert_eq!(robust::newest(&tap), Ok(taken(&gapped)));
    let found = robust::search(&tap, &taken(&gapped).fingerprint);
    assert_eq!(found, robust::search_pcm(&gapped, &taken(&gapped).fingerprint));
    assert!(matches!(found, Decision::Match(_)));
}

#[test]
fn row_38_a_source_that_takes_over_has_to_be_heard_for_a_span_before_it_counts() {
    let (first, second) = (babble(5, 60_000), babble(6, 60_000));
    let other = Stream {
        ssrc: 5,
        timestamp: 9,
        ..PLAIN
    };
    let (a, b) = (
        PLAIN.packets(&audio::mu(&first), PACKET),
        other.packets(&audio::mu(&second), PACKET),
    );
    let tap = audio::fresh();
    let put = |packets: &[Vec<u8>]| packets.iter().for_each(|packet| _ = tap.write_rtp(packet));
    put(&a[..240]);
    put(&b[..150]);
    let old = taken(&through_mu(&first[..240 * PACKET]));
    assert_eq!(robust::newest(&tap), Ok(old), "the new source has 3 s, the old one 4.8");
    assert!(matches!(robust::search(&tap, &old.fingerprint), Decision::Match(_)));
    put(&b[150..250]);
    let new = taken(&through_mu(&second[..250 * PACKET]));
    assert_eq!(
        robust::newest(&tap).map(|sample| sample.fingerprint),
        Ok(new.fingerprint)
    );
    assert!(matches!(robust::search(&tap, &new.fingerprint), Decision::Match(_)));
}

#[test]
fn row_38_silence_tones_loops_and_too_little_are_no_usable_audio() {
    let wanted = taken(&babble(9, 40_000)).fingerprint;
    let mut random = Random(12);
    let ringing: Vec<i16> = audio::tones(&[(440.0, 6000.0), (480.0, 6000.0)], 80_000)
        .iter()
        .enumerate()
        .map(|(at, sample)| if at / 8000 % 3 == 0 { *sample } else { 0 })
        .collect();
    let busy: Vec<i16> = audio::tones(&[(480.0, 5000.0), (620.0, 5000.0)], 80_000)
        .iter()
        .enumerate()
        .map(|(at, sample)| if at / 4000 % 2 == 0 { *sample } else { 0 })
        .collect();
    let music = babble(30, 20_000);
    let looped: Vec<i16> = music.iter().cycle().copied().take(80_000).collect();
    let speech = babble(31, 80_000);
    let lifeless = |why| Unusable::Lifeless(why);
    let noisy = |samples: &[i16], random: &mut Random| through_mu(&with_noise(samples, 30.0, random));
    for (what, samples, why) in [
        ("silence", vec![0; 80_000], lifeless(Lifeless::Repetitive)),
        (
            "a tone",
            through_mu(&audio::tones(&[(1004.0, 9000.0)], 80_000)),
            lifeless(Lifeless::Tonal),
        ),
        (
            "dial tone",
            through_a(&audio::tones(&[(350.0, 5000.0), (440.0, 5000.0)], 80_000)),
            lifeless(Lifeless::Repetitive),
        ),
        ("ringing", ringing.clone(), lifeless(Lifeless::Repetitive)),
        // Noise makes its windows lively, and what the fingerprint keeps are the tones.
        (
            "busy on a noisy line",
            noisy(&busy, &mut random),
            lifeless(Lifeless::Tonal),
        ),
        ("a loop of 2.5 s", looped.clone(), Unusable::Repeats),
        ("a loop with noise", noisy(&looped, &mut random), Unusable::Repeats),
        (
            "3.9 s of speech",
            speech[..SPAN_SAMPLES - 1].to_vec(),
            Unusable::TooLittle,
        ),
    ] {
        assert_eq!(
            robust::newest_of_pcm(&samples),
            Err(NoSample::NoUsableAudio(why)),
            "{what}"
        );
        let heard = robust::search_pcm(&samples, &wanted);
        match why {
            // That it repeats itself is seen where it matches.
            Unusable::Repeats => assert!(matches!(heard, Decision::Mismatch { .. }), "{what}: {heard}"),
            why => assert_eq!(heard, Decision::NoUsableAudio(why), "{what}"),
        }
    }
    // One who takes a fingerprint of a loop while it has been heard once only.
    let once = taken(&[&speech[..20_000], &looped[..40_000]].concat());
    assert!(matches!(
        robust::search_pcm(&looped, &once.fingerprint),
        Decision::NoUsableAudio(Unusable::Repeats)
    ));

    let tap = audio::fresh();
    assert_eq!(robust::newest(&tap), Err(NoSample::NoMedia));
    assert_eq!(robust::search(&tap, &wanted), Decision::NoMedia);
    let tap = heard(&speech, PLAIN, |number| number < 100);
    assert_eq!(robust::newest(&tap), Err(NoSample::NoUsableAudio(Unusable::TooLittle)));
    assert_eq!(
        robust::search(&tap, &wanted),
        Decision::NoUsableAudio(Unusable::TooLittle)
    );
    // Two packets far apart on the time line are not four seconds of sound.
    let tap = heard(&speech, PLAIN, |number| number % 499 == 0);
    assert_eq!(robust::newest(&tap), Err(NoSample::NoUsableAudio(Unusable::TooLittle)));
}

#[test]
fn speech_before_a_pause_is_taken_and_tones_after_it_are_not() {
    let speech = babble(40, 48_000);
    let mut ended = speech.clone();
    ended.extend(audio::tones(&[(425.0, 8000.0)], 32_000));
    let sample = taken(&ended);
    assert!(sample.behind_ms >= 1_900, "{} ms", sample.behind_ms);
    assert!(matches!(robust::search_pcm(&ended, &sample.fingerprint), Decision::Match(found) if found.errors < 100));
}

#[test]
fn both_sides_get_by_on_84_kib_of_stack() {
    let tap = heard(&babble(50, 80_000), PLAIN, |_| true);
    // A stack that is too small ends the whole process, which no assertion could say better.
    let thread = std::thread::Builder::new().stack_size(84 * 1024).spawn(move || {
        let sample = robust::newest(&tap).expect("speech");
        let absent = Fingerprint::from_bytes([0; 32]);
        continuity::search(
            &tap,
            &Wanted {
                robust: Some(&sample.fingerprint),
                ..Wanted::exactly(&absent)
            },
        )
    });
    assert!(matches!(thread.expect("a thread").join(), Ok(Continuity::Robust(_))));
}

/// The page that other implementers work from.
const PAGE: &str = include_str!("../../docs/robust-fingerprint.md");

/// The page's blocks of text, each without its line ends.
fn blocks() -> Vec<String> {
    let fenced = PAGE.split("```").skip(1).step_by(2);
    fenced
        .map(|block| block.trim_start_matches("text").split_whitespace().collect())
        .collect()
}

#[test]
fn row_38_the_page_has_the_signal_the_bytes_and_the_text_of_the_test_vector() {
    let signal = babble(2, SPAN_SAMPLES);
    let middle: Vec<String> = signal[20_000..20_008].iter().map(i16::to_string).collect();
    assert!(PAGE.contains(&middle.join(", ")), "{middle:?}");
    let bytes: Vec<u8> = signal.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let digest = ohp::crypto::sha256(&[&bytes]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(PAGE.contains(&hex(&digest)));
    for edge in ohp::media::robust::spectrum::BAND_BINS.map(|bin| bin.to_string()) {
        assert!(PAGE.contains(&edge), "no bin {edge}");
    }

    let sample = taken(&signal);
    assert_eq!(sample.behind_ms, 0);
    let blocks = blocks();
    assert_eq!(blocks[1], hex(&sample.fingerprint.to_bytes()));
    assert_eq!(blocks[2], sample.fingerprint.to_string());
    let frames: Vec<String> = sample
        .fingerprint
        .frames()
        .map(|(frame, _)| frame.to_string())
        .collect();
    let (last, others) = frames.split_last().expect("31 frames");
    assert!(PAGE.contains(&format!("{} and {last}", others.join(", "))));
}

/// Bits of a span that another implementation may have otherwise: `docs/robust-fingerprint.md`, arithmetic.
const MAX_OTHERWISE: u32 = 2;

/// `robust_reference.py` was written from the page and knows nothing of this code.
#[test]
fn row_38_an_implementation_in_python_and_double_precision_has_the_same_bits() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/robust_reference.py");
    let run = |args: &[&str]| Command::new("python3").arg(&script).args(args).output();
    let vector = match run(&["vector"]) {
        Ok(output) => output,
        Err(why) => return crate::suite::skip::skip(&format!("no Python to compare with: {why}")),
    };
    assert!(vector.status.success(), "{}", String::from_utf8_lossy(&vector.stderr));
    let line = String::from_utf8(vector.stdout).expect("text");
    assert_eq!(line.split_whitespace().next(), Some(blocks()[1].as_str()));

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("robust-reference");
    std::fs::create_dir_all(&folder).expect("a folder");
    let spans: Vec<Vec<i16>> = voices()
        .iter()
        .map(|voice| through_mu(&voice[voice.len() - SPAN_SAMPLES..]))
        .collect();
    let mut files = Vec::new();
    for (number, span) in spans.iter().enumerate() {
        let file = folder.join(format!("{number}.pcm"));
        std::fs::write(
            &file,
            span.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>(),
        )
        .expect("written");
        files.push(file.to_string_lossy().into_owned());
    }
    let args: Vec<&str> = ["span"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = run(&args).expect("Python ran before");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).expect("text");
    assert_eq!(theirs.lines().count(), spans.len());
    let mut differing = Vec::new();
    for (line, span) in theirs.lines().zip(&spans) {
        let hex = line.split_whitespace().next().expect("a fingerprint");
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        let theirs = RobustFingerprint::from_bytes(&bytes.try_into().expect("132 bytes")).expect("a fingerprint");
        let mut ours = Vec::new();
        frames::of_pcm(span, SENDER_HOP, |_, frame| ours.push(frame));
        let bits = theirs
            .frames()
            .map(|(frame, bits)| (bits ^ ours[frame].bits).count_ones())
            .sum::<u32>();
        assert!(bits <= MAX_OTHERWISE, "{bits} bits differ");
        let mut order: Vec<usize> = (1..ours.len()).collect();
        order.sort_by(|a, b| ours[*b].energy.total_cmp(&ours[*a].energy).then(a.cmp(b)));
        let mut kept = order[..31].to_vec();
        kept.sort_unstable();
        assert_eq!(theirs.frames().map(|(frame, _)| frame).collect::<Vec<_>>(), kept);
        differing.push(bits);
    }
    println!("bits that differ from double precision, of 992: {differing:?}");
}
