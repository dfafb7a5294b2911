//! What a recording's streams are, for a person and for a program.

use std::fmt::Write as _;

use ohp::media::sdp::Format;
use serde_json::{Value, json};

use crate::formats::Encoding;
use crate::output::{HEAD, say};
use crate::recording::{Origin, Stream};
use crate::rtp_streams::Stats;

/// A stream in a few words.
pub fn name(stream: &Stream) -> String {
    match &stream.origin {
        Origin::Channel { form, .. } => format!("channel {}, {form}", stream.number),
        Origin::Rtp { ssrc, .. } => format!("stream {}, SSRC {ssrc:#010x}", stream.number),
    }
}

/// A stream as JSON.
pub fn json(stream: &Stream) -> Value {
    match &stream.origin {
        Origin::Channel { form, millis } => json!({
            "stream": stream.number, "form": form, "durationMs": millis,
        }),
        Origin::Rtp {
            ssrc,
            from,
            to,
            codecs,
            clock_rate,
            stats,
        } => {
            let codecs = codecs.iter().map(|(number, encoding)| {
                let encoding = encoding.as_ref().map(ToString::to_string);
                let packets = stats.payload_types.get(number);
                json!({ "payloadType": number, "encoding": encoding, "packets": packets })
            });
            json!({
                "stream": stream.number,
                "ssrc": ssrc,
                "from": from.to_string(),
                "to": to.to_string(),
                "ports": [from.port(), to.port()],
                "codecs": codecs.collect::<Vec<_>>(),
                "packets": stats.packets,
                "lost": stats.lost,
                "duplicates": stats.duplicates,
                "late": stats.late,
                "durationMs": millis(stats, *clock_rate),
                "ptimeMs": clock_rate.and_then(|rate| stats.packet_millis(rate)),
            })
        }
    }
}

/// How long a stream lasts: by its own clock, or by the capture's where that is not known.
fn millis(stats: &Stats, clock_rate: Option<u32>) -> u64 {
    clock_rate.map_or(stats.captured_micros / 1000, |rate| stats.millis(rate))
}

/// What a payload type carries, as a table has it.
fn shown((number, encoding): &(u8, Option<Encoding>)) -> String {
    match encoding {
        // Everybody knows these numbers.
        Some(encoding) if Format::assigned(*number).is_some() => encoding.to_string(),
        Some(encoding) => format!("{number}={encoding}"),
        None => format!("{number}=?"),
    }
}

/// Prints the table of a capture's streams; of a WAV file nothing.
pub fn print(streams: &[Stream]) {
    const HEADINGS: [&str; 10] = [
        "stream", "SSRC", "from", "to", "packets", "lost", "twice", "late", "lasts", "codecs",
    ];
    let rows: Vec<[String; HEADINGS.len()]> = streams.iter().filter_map(row).collect();
    if rows.is_empty() {
        return;
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADINGS[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for ((at, cell), width) in cells.iter().enumerate().zip(&widths) {
            // Numbers stand to the right.
            let _ = match at {
                4..=8 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        line.trim_end().to_owned()
    };
    say!("\n{HEAD}{}{HEAD:#}", line(&HEADINGS));
    for row in &rows {
        say!("{}", line(&row.each_ref().map(String::as_str)));
    }
}

fn row(stream: &Stream) -> Option<[String; 10]> {
    let Origin::Rtp {
        ssrc,
        from,
        to,
        codecs,
        clock_rate,
        stats,
    } = &stream.origin
    else {
        return None;
    };
    let lasts = format!("{:.2} s", millis(stats, *clock_rate) as f64 / 1000.0);
    let packet = clock_rate
        .and_then(|rate| stats.packet_millis(rate))
        .map_or(String::new(), |millis| format!(", {millis} ms packets"));
    let codecs: Vec<String> = codecs.iter().map(shown).collect();
    Some([
        stream.number.to_string(),
        format!("{ssrc:#010x}"),
        from.to_string(),
        to.to_string(),
        stats.packets.to_string(),
        stats.lost.to_string(),
        stats.duplicates.to_string(),
        stats.late.to_string(),
        lasts,
        format!("{}{packet}", codecs.join(" ")),
    ])
}
