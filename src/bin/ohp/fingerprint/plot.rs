//! A picture of two robust fingerprints: the bits of A's span, those of B where it is nearest, which of them differ, and
//! how near B is at every other place.

use std::fmt::Write;

use ohp::media::RobustFingerprint;
use ohp::media::robust::fingerprint::BITS;
use ohp::media::robust::frames::{self, RECEIVER_HOP, SENDER_HOP, SPAN_FRAMES, SPAN_SAMPLES};
use ohp::media::robust::{MAX_ERRORS, bit_error_rate};

/// Width and height of one bit, in pixels.
const CELL: (usize, usize) = (15, 5);
const LEFT: usize = 70;
const TOP: usize = 108;
const PANEL: usize = 32 * CELL.1;
const GAP: usize = 52;
const WIDTH: usize = LEFT + SPAN_FRAMES * CELL.0 + 30;
const HEIGHT: usize = TOP + 4 * (PANEL + GAP);
const SECOND: f64 = 8000.0;

const SET: &str = "#16324f";
const CLEAR: &str = "#d3deea";
const SET_PALE: &str = "#aab3bd";
const CLEAR_PALE: &str = "#eef1f4";
const DIFFERS: &str = "#d62728";
const SAME: &str = "#dcebdd";
const DIFFERS_PALE: &str = "#f3dcdc";
const SAME_PALE: &str = "#f6f8f6";

/// Everything that is drawn.
pub struct Picture {
    names: Vec<String>,
    fingerprint: RobustFingerprint,
    /// Bits of frames 0 to 58 of the span.
    a: Vec<u32>,
    /// Bits of B there; `None` where B has not been heard.
    b: Vec<Option<u32>>,
    /// Where the span begins, in samples.
    begins: (i64, i64),
    errors: u16,
    /// Steps of B, in samples, and the errors there.
    curve: Vec<(i64, u16)>,
}

impl Picture {
    /// The picture of `fingerprint`, taken from `a` at `at` milliseconds, and of its nearest place in `b`; `None` if it
    /// fits nowhere.
    pub fn new(names: Vec<String>, a: &[i16], at: u64, fingerprint: RobustFingerprint, b: &[i16]) -> Option<Self> {
        let start = at as usize * 8;
        let span = a.get(start..)?.get(..SPAN_SAMPLES)?;
        let mut of_a = Vec::new();
        frames::of_pcm(span, SENDER_HOP, |_, frame| of_a.push(frame.bits));
        // The fingerprint has the bits that count: of A only whole milliseconds are known here.
        for (frame, bits) in fingerprint.frames() {
            of_a[frame] = bits;
        }
        let stride = SENDER_HOP / RECEIVER_HOP;
        let mut of_b = Vec::new();
        frames::of_pcm(b, RECEIVER_HOP, |_, frame| of_b.push(frame.bits));
        let bits_of_b = |place: i64, frame: usize| {
            let at = usize::try_from(place + (frame * stride) as i64).ok()?;
            of_b.get(at).filter(|_| at >= stride).copied()
        };
        let span = (SPAN_FRAMES * stride) as i64;
        let curve: Vec<(i64, u16)> = (-span..of_b.len() as i64)
            .filter_map(|place| {
                let differing = fingerprint.frames().map(|(frame, bits)| {
                    let there = bits_of_b(place, frame)?;
                    Some((there ^ bits).count_ones() as u16)
                });
                Some((place, differing.sum::<Option<u16>>()?))
            })
            .collect();
        let (place, errors) = curve.iter().copied().min_by_key(|(_, errors)| *errors)?;
        let hop = RECEIVER_HOP as i64;
        Some(Self {
            names,
            fingerprint,
            a: of_a,
            b: (0..SPAN_FRAMES).map(|frame| bits_of_b(place, frame)).collect(),
            begins: (start as i64, place * hop),
            errors,
            curve: curve.into_iter().map(|(place, errors)| (place * hop, errors)).collect(),
        })
    }

    /// The picture as SVG.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        self.write(&mut svg).expect("a String takes everything");
        svg
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"
        )?;
        let (verdict, colour) = match self.errors <= MAX_ERRORS {
            true => ("similar", "#1a7f37"),
            false => ("not similar", "#c62828"),
        };
        let offset = (self.begins.1 - self.begins.0) / 8;
        writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"30\" font-size=\"19\" font-weight=\"bold\" fill=\"{colour}\">{verdict}: {} of {BITS} bits \
             differ, bit error rate {:.3}</text>\n\
             <text x=\"{LEFT}\" y=\"52\">at most 0.300 is a match; the sound is {}; of {} frames the {} most \
             energetic of A are compared</text>",
            self.errors,
            bit_error_rate(self.errors),
            super::later(offset),
            SPAN_FRAMES - 1,
            self.fingerprint.frames().count()
        )?;
        self.legend(svg)?;
        let name = |at: usize| escaped(self.names.get(at).map_or("", String::as_str));
        let kept: Vec<usize> = self.fingerprint.frames().map(|(frame, _)| frame).collect();
        let is_kept = |frame: usize| kept.contains(&frame);
        let one = |frame: usize, set: bool| match (set, is_kept(frame)) {
            (true, true) => SET,
            (false, true) => CLEAR,
            (true, false) => SET_PALE,
            (false, false) => CLEAR_PALE,
        };
        let bit = |bits: u32, row: usize| bits >> (31 - row) & 1 == 1;

        self.panel(svg, 0, &format!("A: {}", name(0)), self.begins.0, |frame, row| {
            (frame > 0).then(|| one(frame, bit(self.a[frame], row)))
        })?;
        self.panel(svg, 1, &format!("B: {}", name(1)), self.begins.1, |frame, row| {
            let bits = self.b[frame].filter(|_| frame > 0)?;
            Some(one(frame, bit(bits, row)))
        })?;
        self.panel(svg, 2, "bits that differ, by A's time", self.begins.0, |frame, row| {
            let bits = self.b[frame].filter(|_| frame > 0)?;
            let differs = bit(bits ^ self.a[frame], row);
            Some(match (differs, is_kept(frame)) {
                (true, true) => DIFFERS,
                (false, true) => SAME,
                (true, false) => DIFFERS_PALE,
                (false, false) => SAME_PALE,
            })
        })?;
        self.curve(svg)?;
        svg.push_str("</svg>\n");
        Ok(())
    }

    /// What the colours mean.
    fn legend(&self, svg: &mut String) -> std::fmt::Result {
        let entries: [(&[&str], &str, usize); 4] = [
            (&[SET, CLEAR], "bit is 1, bit is 0", 170),
            (&[DIFFERS], "differs", 90),
            (&[SAME], "is the same", 115),
            (
                &[SET_PALE, CLEAR_PALE, DIFFERS_PALE, SAME_PALE],
                "frame is not compared",
                0,
            ),
        ];
        let mut x = LEFT;
        for (colours, meaning, width) in entries {
            for (nth, colour) in colours.iter().enumerate() {
                writeln!(
                    svg,
                    "<rect x=\"{}\" y=\"65\" width=\"14\" height=\"12\" fill=\"{colour}\" stroke=\"#888\" stroke-width=\"0.5\"/>",
                    x + nth * 16
                )?;
            }
            let text = x + colours.len() * 16 + 4;
            writeln!(svg, "<text x=\"{text}\" y=\"76\" font-size=\"12\">{meaning}</text>")?;
            x += width;
        }
        Ok(())
    }

    /// One panel of bits: time to the right, frequency upwards. `colour` says what is drawn for a frame and a pair of
    /// bands, if anything.
    fn panel(
        &self,
        svg: &mut String,
        number: usize,
        title: &str,
        begins: i64,
        colour: impl Fn(usize, usize) -> Option<&'static str>,
    ) -> std::fmt::Result {
        let top = TOP + number * (PANEL + GAP);
        let bottom = top + PANEL;
        writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{title}</text>",
            top - 6
        )?;
        for frame in 0..SPAN_FRAMES {
            let x = LEFT + frame * CELL.0;
            let mut row = 0;
            while row < 32 {
                let here = colour(frame, row);
                let end = (row..32).find(|next| colour(frame, *next) != here).unwrap_or(32);
                if let Some(here) = here {
                    let (y, height) = (bottom - end * CELL.1, (end - row) * CELL.1);
                    writeln!(
                        svg,
                        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\" fill=\"{here}\"/>",
                        CELL.0
                    )?;
                }
                row = end;
            }
        }
        // Band m begins where its share of the octaves ends.
        for hertz in [300.0_f64, 600.0, 1200.0, 2400.0] {
            let row = (hertz / 300.0).ln() / (3400.0_f64 / 300.0).ln() * 33.0;
            let y = bottom as f64 - row * CELL.1 as f64;
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\">{hertz} Hz</text>",
                LEFT - 6,
                y + 4.0
            )?;
        }
        // A frame is drawn where its first sample is.
        let first = (begins as f64 / SECOND * 2.0).ceil() as i64;
        let last = ((begins + (SPAN_FRAMES * SENDER_HOP) as i64) as f64 / SECOND * 2.0).floor() as i64;
        for half in first..=last {
            let seconds = half as f64 / 2.0;
            let x = LEFT as f64 + (seconds * SECOND - begins as f64) / SENDER_HOP as f64 * CELL.0 as f64;
            tick(svg, x, bottom, &format!("{seconds:.1} s"))?;
        }
        Ok(())
    }

    /// The bit error rate at every place of B.
    fn curve(&self, svg: &mut String) -> std::fmt::Result {
        let top = TOP + 3 * (PANEL + GAP);
        let bottom = top + PANEL;
        let width = SPAN_FRAMES * CELL.0;
        let (first, last) = match (self.curve.first(), self.curve.last()) {
            (Some(first), Some(last)) => (first.0, last.0.max(first.0 + RECEIVER_HOP as i64)),
            _ => return Ok(()),
        };
        let x = |place: i64| LEFT as f64 + (place - first) as f64 / (last - first) as f64 * width as f64;
        let y = |rate: f32| bottom as f64 - f64::from(rate) / 0.6 * PANEL as f64;
        writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">bit error rate, by where in B the span could begin</text>",
            top - 6
        )?;
        for rate in [0.0, 0.15, 0.3, 0.45, 0.6_f32] {
            let stroke = if rate == 0.3 { "#c62828" } else { "#ddd" };
            writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"{stroke}\"/>\n\
                 <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\" font-size=\"11\">{rate:.2}</text>",
                LEFT + width,
                y(rate),
                LEFT - 6,
                y(rate) + 4.0
            )?;
        }
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" font-size=\"11\" fill=\"#c62828\">at most 0.30 is a match</text>",
            LEFT + 4,
            y(0.3) - 4.0
        )?;
        svg.push_str("<polyline fill=\"none\" stroke=\"#16324f\" stroke-width=\"1.2\" points=\"");
        for (place, errors) in &self.curve {
            write!(svg, "{:.1},{:.1} ", x(*place), y(bit_error_rate(*errors).min(0.6)))?;
        }
        writeln!(
            svg,
            "\"/>\n<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"none\" stroke=\"#d62728\" stroke-width=\"1.6\"/>",
            x(self.begins.1),
            y(bit_error_rate(self.errors))
        )?;
        let seconds = (last - first) as f64 / SECOND;
        let step = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0]
            .into_iter()
            .find(|step| seconds / step <= 12.0)
            .unwrap_or(1800.0);
        let mut at = (first as f64 / SECOND / step).ceil() * step;
        while at <= last as f64 / SECOND {
            tick(svg, x((at * SECOND) as i64), bottom, &format!("{:.1} s", at + 0.0))?;
            at += step;
        }
        Ok(())
    }
}

/// A mark below a panel.
fn tick(svg: &mut String, x: f64, bottom: usize, text: &str) -> std::fmt::Result {
    writeln!(
        svg,
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#888\"/>\n\
         <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{text}</text>",
        bottom + 4,
        bottom + 17
    )
}

/// Text that XML takes.
fn escaped(text: &str) -> String {
    let harmless = text.chars().filter(|c| !c.is_control());
    harmless.fold(String::new(), |mut shown, c| {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            c => shown.push(c),
        }
        shown
    })
}
