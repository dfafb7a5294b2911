//! G.722, bit for bit as other implementations decode it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::task::Poll;

use ohp::media::decoder::Decoder;
use ohp::media::exact::{self, Decision, Found, NoSample, Search, Unusable};
use ohp::media::tap::Written;
use ohp::media::{Codec, Fingerprint, Tap};

use crate::audio::{self, PLAIN, Stream};

/// Octets that make no sense as sound and drive every state to its limits.
fn noise(octets: usize) -> Vec<u8> {
    let mut random = crate::Random(722);
    (0..octets).map(|_| random.next() as u8).collect()
}

fn decoded(octets: &[u8]) -> Vec<i16> {
    let mut pcm = vec![0; 2 * octets.len()];
    let mut decoder = Decoder::new(Codec::G722).expect("every build decodes G.722");
    assert_eq!(decoder.decode(octets, &mut pcm), pcm.len());
    pcm
}

/// What ffmpeg makes of its standard input; `None`, with a message, where it is not installed.
pub fn ffmpeg(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let spawned = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        println!("skipped: no ffmpeg to compare G.722 with");
        return None;
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("ffmpeg ends");
    writer.join().expect("no panic").expect("ffmpeg reads it all");
    assert!(output.status.success());
    Some(output.stdout)
}

fn pcm(bytes: &[u8]) -> Vec<i16> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect()
}

const TO_PCM: [&str; 11] = ["-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000", "-ac", "1", "-"];

#[test]
fn row_35_octets_of_any_kind_decode_as_ffmpeg_decodes_them() {
    let octets = noise(200_000);
    let Some(theirs) = ffmpeg(&TO_PCM, &octets) else { return };
    assert_eq!(decoded(&octets), pcm(&theirs));
}

#[test]
fn row_35_recorded_speech_decodes_as_ffmpeg_decodes_it() {
    for path in crate::files("speech-asterisk-prompts", &[".wav"]) {
        let samples: Vec<u8> = audio::wav(&path)
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let to_g722 = [
            "-f", "s16le", "-ar", "8000", "-i", "-", "-ar", "16000", "-f", "g722", "-",
        ];
        let Some(octets) = ffmpeg(&to_g722, &samples) else {
            return;
        };
        assert!(octets.len() > 1600, "{}", path.display());
        let theirs = ffmpeg(&TO_PCM, &octets).expect("it is there");
        assert_eq!(decoded(&octets), pcm(&theirs), "{}", path.display());
    }
}

/// The digest was taken of what ffmpeg 5.1 decodes, for where there is none.
#[test]
fn row_35_the_samples_of_fixed_octets_are_known() {
    let fingerprint = Fingerprint::of_window(&decoded(&noise(200_000))).to_string();
    assert_eq!(
        fingerprint,
        "sha256:0ba094d9a42f3bfd0b211b78b1072b931d63c7fb58d1830fafb019ffcc56bde1"
    );
}

#[test]
fn a_reset_decoder_and_one_that_is_fed_in_pieces_give_the_same_samples() {
    let octets = noise(4_000);
    let whole = decoded(&octets);
    let mut decoder = Decoder::new(Codec::G722).expect("every build decodes G.722");
    let mut room = [0; 320];
    decoder.decode(&octets[1_000..1_160], &mut room);
    decoder.reset();
    for (piece, expected) in octets.chunks(160).zip(whole.chunks(320)) {
        assert_eq!(decoder.decode(piece, &mut room), 320);
        assert_eq!(room, expected);
    }
    assert_eq!(decoder.decode(&octets, &mut room[..5]), 4, "what fits, in pairs");
}

/// A tap that has heard packets of so many octets each.
fn heard(octets: &[u8], packet: usize) -> Tap<'static> {
    let tap = audio::fresh();
    let stream = Stream {
        payload_type: 9,
        ..PLAIN
    };
    for datagram in stream.packets(octets, packet) {
        assert_eq!(tap.write_rtp(&datagram), Written::Kept);
    }
    tap
}

#[test]
fn row_35_a_window_is_decoded_from_a_reset_decoder_and_found_by_the_receiver() {
    let octets = noise(60 * 160);
    let sender = heard(&octets, 160);
    let sample = exact::newest(&sender).expect("noise is alive");
    let last = &octets[octets.len() - 1600..];
    assert_eq!(sample.fingerprint, Fingerprint::of_window(&decoded(last)));
    assert_eq!(sample.behind_ms, 0);

    // The same packets, without the first ones and with more after them.
    let later = [&octets[1600..], &noise(3200)].concat();
    let found = exact::search(&heard(&later, 160), &sample.fingerprint);
    let behind = Found {
        behind_ms: 400,
        on_boundary: true,
    };
    assert_eq!(found, Decision::Match(behind));
    assert_eq!(
        exact::search(&heard(&noise(9600)[1600..], 160), &Fingerprint::from_bytes([1; 32])),
        Decision::Mismatch
    );
}

#[test]
fn row_34_a_window_that_a_hop_has_cut_into_other_packets_is_found_on_the_grid() {
    let octets = noise(60 * 160);
    let sample = exact::newest(&heard(&octets, 80)).expect("noise is alive");
    let recut = heard(&[&octets[80..], &noise(80)[..]].concat(), 160);
    let Decision::Match(found) = exact::search(&recut, &sample.fingerprint) else {
        panic!("it is not found");
    };
    assert!(!found.on_boundary);
}

#[test]
fn row_35_a_window_from_a_decoder_that_runs_since_long_before_is_found_as_well() {
    let Some(octets) = ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "anoisesrc=r=16000:a=0.3:seed=3",
            "-t",
            "8",
            "-f",
            "g722",
            "-",
        ],
        &[],
    ) else {
        return;
    };
    let running = decoded(&octets);
    for at in [30_000_usize, 30_080, 12_800] {
        let wanted = Fingerprint::of_window(&running[2 * at..][..3200]);
        let decision = exact::search(&heard(&octets, 160), &wanted);
        assert!(
            matches!(decision, Decision::Match(found) if found.on_boundary == at.is_multiple_of(160)),
            "{at}: {decision}"
        );
    }
}

#[test]
fn row_36_silence_and_tones_are_refused_though_the_codec_makes_them_lively() {
    for source in [
        "anullsrc=r=16000",
        "sine=f=440:r=16000",
        "sine=f=425:r=16000,volume=-30dB",
        "sine=f=5000:r=16000",
        "sine=f=6300:r=16000,volume=-20dB",
        "aevalsrc=0.3*sin(697*2*PI*t)+0.3*sin(1209*2*PI*t):s=16000",
        "aevalsrc=0.03*sin(5600*2*PI*t)+0.03*sin(6400*2*PI*t):s=16000",
    ] {
        let Some(octets) = ffmpeg(
            &["-f", "lavfi", "-i", source, "-t", "5", "-ac", "1", "-f", "g722", "-"],
            &[],
        ) else {
            return;
        };
        let tap = heard(&octets[1600..], 160);
        let none = exact::newest(&tap).expect_err(source);
        assert!(
            matches!(none, NoSample::NoUsableAudio(Unusable::Lifeless(_))),
            "{source}: {none}"
        );
        let cached = Fingerprint::of_window(&decoded(&octets[3200..4800]));
        let refused = exact::search(&tap, &cached);
        assert!(
            matches!(refused, Decision::NoUsableAudio(Unusable::Lifeless(_))),
            "{source}: {refused}"
        );
    }
}

#[test]
fn a_search_in_pieces_ends_as_the_one_in_one_go() {
    let octets = noise(500 * 160);
    let tap = heard(&octets, 160);
    let newest = exact::newest(&tap).expect("noise is alive").fingerprint;
    let oldest = Fingerprint::of_window(&decoded(&octets[..1600]));
    for (wanted, most) in [(newest, 1), (oldest, 100), (Fingerprint::from_bytes([9; 32]), 200)] {
        let mut search = Search::new(&wanted);
        let mut steps = 1;
        let decision = loop {
            match search.step(&tap) {
                Poll::Ready(decision) => break decision,
                Poll::Pending => steps += 1,
            }
        };
        assert_eq!(decision, exact::search(&tap, &wanted));
        println!("{decision}: {steps} steps");
        assert!(steps <= most, "{steps} steps");
    }
}
