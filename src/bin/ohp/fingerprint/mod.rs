//! `ohp fingerprint`: the audio fingerprints of a recording, or whether two recordings hold the same sound.

mod plot;

use std::path::PathBuf;

use ohp::media::exact::{Decision, NoSample};
use ohp::media::{RobustFingerprint, robust};
use serde_json::{Value, json};

use self::plot::Picture;
use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, GOOD, say};
use crate::recording::{Recording, Stream};

/// Take the audio fingerprint of a WAV file or a packet capture, or compare two
///
/// Without --compare, prints the fingerprint that a sender would put into `session.media` at the recording's end, for
/// each RTP stream: the exact one (`rtpFingerprint`), or with --kind robust the one that outlives transcoding and loss
/// (`x-ohp-robust`). With --compare, takes the fingerprint of A, looks for it in all of B, and exits with 0 if it is
/// there: first the exact one, then the robust one, unless --kind names one of them. The outcome is `exact`, `robust`
/// (at most 30 % of its bits differ), `mismatch`, `no-usable-audio` (silence, tones, a loop, or too little: 200 ms
/// without a gap for the exact one, 4 s for the robust one) or `no-media`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp fingerprint caller.wav\n  ohp fingerprint --json --compare sent.pcap received.pcap\n  \
                  ohp fingerprint --compare --plot bits.svg sent.pcap received.pcap"
)]
pub struct Args {
    /// WAV (8 kHz) or capture (pcap, pcapng) files: one, or two with --compare
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare two recordings
    #[arg(long)]
    compare: bool,
    /// Which fingerprint [default: exact; with --compare: both]
    #[arg(long)]
    kind: Option<Kind>,
    /// Draw both robust fingerprints and their differing bits into this SVG file
    #[arg(long, value_name = "FILE.svg", requires = "compare")]
    plot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// SHA-256 over 200 ms of samples
    Exact,
    /// 992 bits of just under 4 s, compared by their differences
    Robust,
}

/// Runs `ohp fingerprint`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    match (args.files.as_slice(), args.compare) {
        ([file], false) => show(args, &Recording::read(file)?),
        ([a, b], true) => compare(args, &Recording::read(a)?, &Recording::read(b)?),
        (_, true) => Err(Failure::new("--compare takes two files").advise("ohp fingerprint --compare A B")),
        (_, false) => Err(Failure::new("two files without --compare").advise("ohp fingerprint --compare A B")),
    }
}

/// A fingerprint's text and where its sound begins, in milliseconds; or the outcome without one, and why.
type Taken = Result<(String, u64), (&'static str, String)>;

fn take(stream: &Stream, kind: Kind) -> Taken {
    match kind {
        Kind::Exact => match stream.newest() {
            Ok((sample, at)) => Ok((sample.fingerprint.to_string(), at)),
            Err(none) => Err((outcome_of(none), none.to_string())),
        },
        Kind::Robust => match stream.newest_robust() {
            Ok((fingerprint, at)) => Ok((fingerprint.to_string(), at)),
            Err(none) => Err((outcome_of_robust(none), none.to_string())),
        },
    }
}

fn show(args: &Args, recording: &Recording) -> Result<Exit, Failure> {
    let kind = args.kind.unwrap_or(Kind::Exact);
    let taken: Vec<(&Stream, Taken)> = recording
        .streams
        .iter()
        .map(|stream| (stream, take(stream, kind)))
        .collect();
    let any = taken.iter().any(|(_, taken)| taken.is_ok());
    if args.json {
        let streams: Vec<Value> = taken
            .iter()
            .map(|(stream, taken)| {
                let mut shown = json!({ "packets": stream.len() });
                if let Some((ssrc, (from, to))) = stream.source {
                    shown["ssrc"] = ssrc.into();
                    shown["ports"] = json!([from, to]);
                }
                match taken {
                    Ok((fingerprint, at)) => {
                        shown["fingerprint"] = fingerprint.as_str().into();
                        shown["atMs"] = (*at).into();
                    }
                    Err((outcome, why)) => {
                        shown["outcome"] = (*outcome).into();
                        shown["why"] = why.as_str().into();
                    }
                }
                shown
            })
            .collect();
        output::json(&json!({ "streams": streams }))?;
    } else if taken.is_empty() {
        say!("{BAD}no-media{BAD:#}: the capture holds no RTP");
    } else {
        for (stream, taken) in &taken {
            match taken {
                Ok((fingerprint, at)) => say!("{fingerprint}  {} at {:.2} s", name(stream), *at as f64 / 1000.0),
                Err((outcome, why)) => say!("{BAD}{outcome}{BAD:#}  {}: {why}", name(stream)),
            }
        }
    }
    Ok(if any { Exit::Accept } else { Exit::Reject })
}

/// What a comparison came to.
struct Compared {
    outcome: &'static str,
    bit_error_rate: Option<f32>,
    /// How much later in B than in A, in milliseconds.
    offset: Option<i64>,
}

fn compare(args: &Args, a: &Recording, b: &Recording) -> Result<Exit, Failure> {
    let mut compared = Compared {
        outcome: "no-media",
        bit_error_rate: None,
        offset: None,
    };
    if args.kind != Some(Kind::Robust) {
        compare_exact(a, b, &mut compared);
    }
    if args.kind != Some(Kind::Exact) && compared.offset.is_none() {
        compare_robust(args, a, b, &mut compared);
    }
    if let Some(file) = &args.plot {
        let picture = draw(args, a, b)?;
        std::fs::write(file, picture.svg()).map_err(|why| Failure::new(format_args!("{}: {why}", file.display())))?;
    }
    let found = compared.offset.is_some();
    if args.json {
        let mut shown = json!({ "outcome": compared.outcome });
        if let Some(rate) = compared.bit_error_rate {
            shown["bitErrorRate"] = ((f64::from(rate) * 1e4).round() / 1e4).into();
        }
        if let Some(offset) = compared.offset {
            shown["offsetMs"] = offset.into();
        }
        output::json(&shown)?;
    } else {
        let style = if found { GOOD } else { BAD };
        let detail = match (compared.offset, compared.bit_error_rate) {
            (Some(offset), _) if compared.outcome == "exact" => {
                format!(": the same 200 ms, {offset} ms later in B than in A")
            }
            (Some(offset), Some(rate)) => {
                format!(": similar sound, {offset} ms later in B than in A; bit error rate {rate:.3}")
            }
            (None, Some(rate)) => format!(": the nearest place has a bit error rate of {rate:.3}"),
            _ => String::new(),
        };
        say!("{style}{}{style:#}{detail}", compared.outcome);
    }
    Ok(if found { Exit::Accept } else { Exit::Reject })
}

fn compare_exact(a: &Recording, b: &Recording, compared: &mut Compared) {
    for stream in &a.streams {
        match stream.newest() {
            Ok((sample, at)) => match b.find(&sample.fingerprint) {
                (Decision::Match(_), Some(there)) => {
                    *compared = Compared {
                        outcome: "exact",
                        bit_error_rate: Some(0.0),
                        offset: Some(there as i64 - at as i64),
                    };
                    return;
                }
                (decision, _) => compared.outcome = stronger(compared.outcome, outcome_of_search(decision)),
            },
            Err(none) => compared.outcome = stronger(compared.outcome, outcome_of(none)),
        }
    }
}

fn compare_robust(args: &Args, a: &Recording, b: &Recording, compared: &mut Compared) {
    let mut nearest = None;
    for stream in &a.streams {
        let (fingerprint, at) = match stream.newest_robust() {
            Ok(taken) => taken,
            // What the exact fingerprint came to says more than that A is too short for this one.
            Err(_) if args.kind.is_none() => continue,
            Err(none) => {
                compared.outcome = stronger(compared.outcome, outcome_of_robust(none));
                continue;
            }
        };
        let (decision, _, place) = b.find_robust(&fingerprint);
        let outcome = match decision {
            robust::Decision::Match(found) => {
                *compared = Compared {
                    outcome: "robust",
                    bit_error_rate: Some(found.bit_error_rate()),
                    offset: place.map(|there| there - at as i64),
                };
                return;
            }
            robust::Decision::Mismatch { errors } => {
                nearest = Some(nearest.map_or(errors, |before: u16| before.min(errors)));
                "mismatch"
            }
            robust::Decision::NoUsableAudio(_) => "no-usable-audio",
            robust::Decision::NoMedia => "no-media",
        };
        compared.outcome = stronger(compared.outcome, outcome);
    }
    compared.bit_error_rate = nearest.map(robust::bit_error_rate);
}

/// The picture of A's first robust fingerprint and of what is nearest to it in B.
fn draw(args: &Args, a: &Recording, b: &Recording) -> Result<Picture, Failure> {
    let mut why = String::from("A has no sound");
    for stream in &a.streams {
        let (fingerprint, at): (RobustFingerprint, u64) = match stream.newest_robust() {
            Ok(taken) => taken,
            Err(none) => {
                why = format!("A: {none}");
                continue;
            }
        };
        let names = args.files.iter().map(|file| {
            let name = file.file_name().unwrap_or(file.as_os_str());
            name.to_string_lossy().into_owned()
        });
        let (_, there, _) = b.find_robust(&fingerprint);
        let heard = there.map(Stream::samples).unwrap_or_default();
        let drawn = Picture::new(names.collect(), &stream.samples(), at, fingerprint, &heard);
        return drawn.ok_or_else(|| Failure::new("nothing to draw: B has less than 4 s of sound"));
    }
    Err(Failure::new(format_args!("nothing to draw: {why}")))
}

fn outcome_of(none: NoSample) -> &'static str {
    match none {
        NoSample::NoMedia => "no-media",
        NoSample::NoUsableAudio(_) => "no-usable-audio",
    }
}

fn outcome_of_robust(none: robust::NoSample) -> &'static str {
    match none {
        robust::NoSample::NoMedia => "no-media",
        robust::NoSample::NoUsableAudio(_) => "no-usable-audio",
    }
}

fn outcome_of_search(decision: Decision) -> &'static str {
    match decision {
        Decision::Match(_) => "exact",
        Decision::Mismatch => "mismatch",
        Decision::NoUsableAudio(_) => "no-usable-audio",
        Decision::NoMedia => "no-media",
    }
}

/// The outcome that says more: a stream with audio that does not match, before one without.
fn stronger(one: &'static str, other: &'static str) -> &'static str {
    let rank = |outcome| {
        ["no-media", "no-usable-audio", "mismatch"]
            .iter()
            .position(|known| *known == outcome)
    };
    if rank(other) > rank(one) { other } else { one }
}

fn name(stream: &Stream) -> String {
    match stream.source {
        Some((ssrc, (from, to))) => format!("SSRC {ssrc:#010x}, port {from} to {to}, {} packets", stream.len()),
        None => String::from("WAV"),
    }
}
