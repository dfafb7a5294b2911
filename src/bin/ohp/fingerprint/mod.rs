//! `ohp fingerprint`: the audio fingerprints of a recording, or whether two recordings hold the same sound.

mod plot;
mod table;

use std::path::{Path, PathBuf};

use ohp::media::exact::{Decision, NoSample};
use ohp::media::{RobustFingerprint, robust};
use serde_json::{Value, json};

use self::plot::Picture;
use crate::exit::{Exit, Failure};
use crate::formats::Named;
use crate::output::{self, BAD, FAINT, GOOD, say};
use crate::recording::{Recording, Stream, Which};

/// Take the audio fingerprints of a WAV file or a packet capture, or compare two
///
/// Without --compare, prints for each stream (each RTP source of a capture, each channel of a WAV file) the fingerprint that
/// a sender would put into `session.media` at the recording's end: the exact one (`rtpFingerprint`), or with --kind robust
/// the one that outlives transcoding and loss (`x-ohp-robust`). Below them a table of a capture's streams says what they
/// are: packets, losses, duplicates, codec, how long they last, and why one has no fingerprint.
///
/// With --compare, takes the fingerprint of A, looks for it in all of B, and exits with 0 if it is there, with 1 if it is
/// not: first the exact one, then the robust one, unless --kind names one of them. The outcome is `exact`, `robust` (at most
/// 30 % of its bits differ), `mismatch`, `no-usable-audio` (silence, tones, a loop, or too little: 200 ms without a gap for
/// the exact one, 4 s for the robust one) or `no-media`.
///
/// Captures are pcap or pcapng, of Ethernet (with VLAN tags, PPPoE), Linux cooked, loopback or raw IP, IPv4 and IPv6. Codecs
/// are learnt from SIP messages in the capture; name others with --payload-type. WAV files may have PCM of 8 to 32 bits,
/// floats, A-law or µ-law, any number of channels and any rate; the exact fingerprint wants a rate that codecs have:
/// 8, 16, 44.1 or 48 kHz.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp fingerprint caller.wav\n  ohp fingerprint --payload-type 96=opus/48000/2 call.pcapng\n  \
                  ohp fingerprint --kind robust --stream 2 call.pcapng\n  \
                  ohp fingerprint --json --compare sent.pcap received.pcap\n  \
                  ohp fingerprint --compare --stream 2 --stream 1 sent.pcap received.pcap\n  \
                  ohp fingerprint --compare --plot bits.svg sent.pcap received.pcap\n\n\
                  Exit status: 0 a fingerprint was taken, or found in B · 1 none was · 3 no recording, or bad usage."
)]
pub struct Args {
    /// WAV or capture (pcap, pcapng) files: one, or two with --compare
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare two recordings
    #[arg(long)]
    compare: bool,
    /// Which fingerprint [default: exact; with --compare: both]
    #[arg(long)]
    kind: Option<Kind>,
    /// Only this stream, by its number in the table or by its SSRC (0x…); given twice with --compare, of A and of B
    #[arg(long, value_name = "STREAM")]
    stream: Vec<Which>,
    /// What an RTP payload type carries, as NUMBER=NAME/CLOCK[/CHANNELS]; for all streams, and before what SIP says; may be
    /// repeated
    #[arg(long, value_name = "96=opus/48000/2")]
    payload_type: Vec<Named>,
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
    let read = |file: &Path, nth: usize| {
        let mut recording = Recording::read_with(file, &args.payload_type)?;
        if let Some(which) = args.stream.get(nth) {
            recording.choose(*which).map_err(|failure| failure.of(file.display()))?;
        }
        Ok::<_, Failure>(recording)
    };
    match (args.files.as_slice(), args.compare) {
        (_, false) if args.stream.len() > 1 => {
            Err(Failure::new("--stream more than once")
                .advise("Twice only with --compare: the stream of A and that of B"))
        }
        (_, true) if args.stream.len() > 2 => {
            Err(Failure::new("--stream more than twice").advise("Once for A, and once for B"))
        }
        ([file], false) => show(args, &read(file, 0)?),
        ([a, b], true) => compare(args, &read(a, 0)?, &read(b, 1)?),
        (_, true) => Err(Failure::new("--compare takes two files").advise("ohp fingerprint --compare A B")),
        (_, false) => Err(Failure::new("two files without --compare").advise("ohp fingerprint --compare A B")),
    }
}

/// A fingerprint's text and where its sound begins, in milliseconds; or the outcome without one, and why.
type Taken = Result<(String, u64), (&'static str, String)>;

fn take(stream: &Stream, kind: Kind) -> Taken {
    if let Some(why) = stream.fault(kind == Kind::Exact) {
        return Err(("no-usable-audio", why.to_owned()));
    }
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
                let mut shown = table::json(stream);
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
        output::json(&json!({ "streams": streams, "notes": recording.notes }))?;
    } else {
        if taken.is_empty() {
            say!("{BAD}no-media{BAD:#}");
        }
        for (stream, taken) in &taken {
            match taken {
                Ok((fingerprint, at)) => {
                    say!(
                        "{fingerprint}  {}, at {:.2} s",
                        table::name(stream),
                        *at as f64 / 1000.0
                    );
                }
                Err((outcome, why)) => say!("{BAD}{outcome}{BAD:#}  {}: {why}", table::name(stream)),
            }
        }
        table::print(&recording.streams);
        for note in &recording.notes {
            say!("{FAINT}note: {note}{FAINT:#}");
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
    /// The streams of A and of B.
    streams: Option<(usize, usize)>,
    /// Why not, where the outcome alone does not say.
    why: Option<String>,
}

fn compare(args: &Args, a: &Recording, b: &Recording) -> Result<Exit, Failure> {
    let mut compared = Compared {
        outcome: "no-media",
        bit_error_rate: None,
        offset: None,
        streams: None,
        why: None,
    };
    if args.kind != Some(Kind::Robust) {
        compare_exact(a, b, &mut compared);
    }
    if args.kind != Some(Kind::Exact) && compared.offset.is_none() {
        compare_robust(args, a, b, &mut compared);
    }
    if let Some(file) = &args.plot {
        let picture = draw(args, a, b, compared.streams)?;
        std::fs::write(file, picture.svg()).map_err(|why| Failure::new(format_args!("{}: {why}", file.display())))?;
    }
    let found = compared.offset.is_some();
    if args.json {
        let mut shown = json!({ "outcome": compared.outcome });
        if let Some(rate) = compared.bit_error_rate {
            shown["bitErrorRate"] = output::rate(rate);
        }
        if let Some(offset) = compared.offset {
            shown["offsetMs"] = offset.into();
        }
        if let Some((of_a, of_b)) = compared.streams {
            shown["streams"] = json!([of_a, of_b]);
        }
        if let Some(why) = &compared.why {
            shown["why"] = why.as_str().into();
        }
        output::json(&shown)?;
    } else {
        let style = if found { GOOD } else { BAD };
        let several = a.streams.len().max(b.streams.len()) > 1;
        let place = |offset: i64| {
            let streams = compared.streams.filter(|_| several);
            let streams = streams.map_or(String::new(), |(of_a, of_b)| {
                format!(" (stream {of_a} of A, stream {of_b} of B)")
            });
            format!("{}{streams}", later(offset))
        };
        let detail = match (compared.offset, compared.bit_error_rate) {
            (Some(offset), _) if compared.outcome == "exact" => format!(": the same 200 ms, {}", place(offset)),
            (Some(offset), Some(rate)) => {
                format!(": similar sound, {}; bit error rate {rate:.3}", place(offset))
            }
            (None, Some(rate)) => format!(": the nearest place has a bit error rate of {rate:.3}"),
            _ => compared.why.as_ref().map_or(String::new(), |why| format!(": {why}")),
        };
        say!("{style}{}{style:#}{detail}", compared.outcome);
    }
    Ok(if found { Exit::Accept } else { Exit::Reject })
}

/// When something is in B, seen from A.
fn later(offset: i64) -> String {
    match offset {
        0 => String::from("at the same time in A and in B"),
        1.. => format!("{offset} ms later in B than in A"),
        ..0 => format!("{} ms earlier in B than in A", -offset),
    }
}

impl Compared {
    /// Takes an outcome that is no match, if it says more than what there is.
    fn no_match(&mut self, side: &str, outcome: &'static str, why: Option<&str>) {
        if stronger(self.outcome, outcome) != self.outcome || self.outcome == outcome && self.why.is_none() {
            self.outcome = outcome;
            self.why = why.map(|why| format!("{side}: {why}"));
        }
    }
}

fn compare_exact(a: &Recording, b: &Recording, compared: &mut Compared) {
    for stream in &a.streams {
        if let Some(why) = stream.fault(true) {
            compared.no_match("A", "no-usable-audio", Some(why));
            continue;
        }
        let (sample, at) = match stream.newest() {
            Ok(taken) => taken,
            Err(none) => {
                compared.no_match("A", outcome_of(none), Some(&none.to_string()));
                continue;
            }
        };
        for other in &b.streams {
            if let Some(why) = other.fault(true) {
                compared.no_match("B", "no-usable-audio", Some(why));
                continue;
            }
            match other.find(&sample.fingerprint) {
                (Decision::Match(_), Some(there)) => {
                    *compared = Compared {
                        outcome: "exact",
                        bit_error_rate: Some(0.0),
                        offset: Some(there as i64 - at as i64),
                        streams: Some((stream.number, other.number)),
                        why: None,
                    };
                    return;
                }
                (decision, _) => compared.no_match("B", outcome_of_search(decision), None),
            }
        }
    }
}

fn compare_robust(args: &Args, a: &Recording, b: &Recording, compared: &mut Compared) {
    let mut nearest = None;
    for stream in &a.streams {
        let (fingerprint, at) = match (stream.fault(false), stream.newest_robust()) {
            (None, Ok(taken)) => taken,
            // What the exact fingerprint came to says more than that A is too short for this one.
            _ if args.kind.is_none() && stream.fault(true).is_none() => continue,
            (Some(why), _) => {
                compared.no_match("A", "no-usable-audio", Some(why));
                continue;
            }
            (None, Err(none)) => {
                compared.no_match("A", outcome_of_robust(none), Some(&none.to_string()));
                continue;
            }
        };
        let (decision, other, place) = b.find_robust(&fingerprint);
        let outcome = match decision {
            robust::Decision::Match(found) => {
                *compared = Compared {
                    outcome: "robust",
                    bit_error_rate: Some(found.bit_error_rate()),
                    offset: place.map(|there| there - at as i64),
                    streams: other.map(|other| (stream.number, other.number)),
                    why: None,
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
        let why = b.streams.iter().find_map(|other| other.fault(false));
        compared.no_match("B", outcome, why.filter(|_| outcome == "no-usable-audio"));
    }
    compared.bit_error_rate = nearest.map(robust::bit_error_rate);
}

/// The picture of A's robust fingerprint, of the stream that was found or else of the first that has one, and of what is
/// nearest to it in B.
fn draw(args: &Args, a: &Recording, b: &Recording, found: Option<(usize, usize)>) -> Result<Picture, Failure> {
    let mut why = String::from("A has no sound");
    let is_found = |stream: &&Stream| found.is_none_or(|(of_a, _)| stream.number == of_a);
    for stream in a.streams.iter().filter(is_found) {
        let (fingerprint, at): (RobustFingerprint, u64) = match (stream.fault(false), stream.newest_robust()) {
            (None, Ok(taken)) => taken,
            (Some(fault), _) => {
                why = format!("A: {fault}");
                continue;
            }
            (None, Err(none)) => {
                why = format!("A: {none}");
                continue;
            }
        };
        let (_, there, _) = b.find_robust(&fingerprint);
        let name = |nth: usize, recording: &Recording, stream: Option<&Stream>| {
            let file = &args.files[nth];
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            match stream {
                Some(stream) if recording.streams.len() > 1 => format!("{name}, stream {}", stream.number),
                _ => name.into_owned(),
            }
        };
        let names = vec![name(0, a, Some(stream)), name(1, b, there)];
        let heard = there.map(Stream::samples).unwrap_or_default();
        let drawn = Picture::new(names, &stream.samples(), at, fingerprint, &heard);
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
