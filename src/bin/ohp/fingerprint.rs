//! `ohp fingerprint`: the exact audio fingerprint of a recording, or whether two recordings hold the same sound.

use std::path::PathBuf;

use ohp::media::exact::{Decision, NoSample};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, GOOD, say};
use crate::recording::{Recording, Stream};

/// Take the exact audio fingerprint of a WAV file or a packet capture, or compare two
///
/// Without --compare, prints the fingerprint that a sender would put into `session.media.rtpFingerprint` at the
/// recording's end, for each RTP stream. With it, takes the fingerprint of A, looks for it in all of B, and exits with 0
/// if it is there: the outcome is `exact`, `mismatch`, `no-usable-audio` (silence, tones, or less than 200 ms without a
/// gap) or `no-media`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp fingerprint caller.wav\n  ohp fingerprint --json --compare sent.pcap received.pcap"
)]
pub struct Args {
    /// WAV (8 kHz) or capture (pcap, pcapng) files: one, or two with --compare
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare two recordings
    #[arg(long)]
    compare: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
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

fn show(args: &Args, recording: &Recording) -> Result<Exit, Failure> {
    let taken: Vec<_> = recording
        .streams
        .iter()
        .map(|stream| (stream, stream.newest()))
        .collect();
    let any = taken.iter().any(|(_, sample)| sample.is_ok());
    if args.json {
        let streams: Vec<Value> = taken
            .iter()
            .map(|(stream, sample)| {
                let mut shown = json!({ "packets": stream.len() });
                if let Some((ssrc, (from, to))) = stream.source {
                    shown["ssrc"] = ssrc.into();
                    shown["ports"] = json!([from, to]);
                }
                match sample {
                    Ok((sample, at)) => {
                        shown["fingerprint"] = text(&sample.fingerprint.to_text()).into();
                        shown["atMs"] = (*at).into();
                    }
                    Err(none) => {
                        shown["outcome"] = outcome_of(*none).into();
                        shown["why"] = none.to_string().into();
                    }
                }
                shown
            })
            .collect();
        output::json(&json!({ "streams": streams }))?;
    } else if taken.is_empty() {
        say!("{BAD}no-media{BAD:#}: the capture holds no RTP");
    } else {
        for (stream, sample) in &taken {
            match sample {
                Ok((sample, at)) => {
                    let fingerprint = sample.fingerprint.to_text();
                    say!(
                        "{}  {} at {:.2} s",
                        text(&fingerprint),
                        name(stream),
                        *at as f64 / 1000.0
                    );
                }
                Err(none) => say!("{BAD}{}{BAD:#}  {}: {none}", outcome_of(*none), name(stream)),
            }
        }
    }
    Ok(if any { Exit::Accept } else { Exit::Reject })
}

fn compare(args: &Args, a: &Recording, b: &Recording) -> Result<Exit, Failure> {
    let mut outcome = "no-media";
    let mut found = None;
    for stream in &a.streams {
        match stream.newest() {
            Ok((sample, at)) => match b.find(&sample.fingerprint) {
                (Decision::Match(_), Some(there)) => {
                    (outcome, found) = ("exact", Some(there as i64 - at as i64));
                    break;
                }
                (decision, _) => outcome = stronger(outcome, outcome_of_search(decision)),
            },
            Err(none) => outcome = stronger(outcome, outcome_of(none)),
        }
    }
    if args.json {
        let mut shown = json!({ "outcome": outcome });
        if let Some(offset) = found {
            shown["bitErrorRate"] = 0.0.into();
            shown["offsetMs"] = offset.into();
        }
        output::json(&shown)?;
    } else {
        let style = if found.is_some() { GOOD } else { BAD };
        let place = found.map(|offset| format!(": the same 200 ms, {offset} ms later in B than in A"));
        say!("{style}{outcome}{style:#}{}", place.unwrap_or_default());
    }
    Ok(if found.is_some() { Exit::Accept } else { Exit::Reject })
}

fn outcome_of(none: NoSample) -> &'static str {
    match none {
        NoSample::NoMedia => "no-media",
        NoSample::NoUsableAudio(_) => "no-usable-audio",
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

fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}
