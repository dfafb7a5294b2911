//! What lies between the sender's ear and the receiver's: the list of channels, and how sound goes through one.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::corpus::{Corpus, GAP, Group, RATE, octets, run, samples};
use crate::network::{self, Concealment, Law, Loss};
use crate::random::{Random, hash};

/// One thing that happens to sound on its way.
#[derive(Clone, Copy)]
pub enum Stage {
    /// ffmpeg encodes, into a file that ends so, with these options; and decodes.
    Ffmpeg(&'static [&'static str], &'static str),
    /// opusenc, opusdec.
    Opus(&'static [&'static str], &'static [&'static str]),
    /// sox does this to the samples.
    Sox(&'static [&'static str]),
    /// sox encodes, into a file that ends so, and decodes.
    SoxFile(&'static [&'static str], &'static str),
    Law(Law),
    Gain(f64),
    /// Noise so many decibels below the speech.
    White(f64),
    /// Six other people talking, so many decibels below the speech.
    Babble(f64),
    /// Every call by itself: played so many times as fast, from so many samples behind its beginning on.
    Clock(f64, f64),
    Lost(Loss, Concealment),
}

/// How the sound reaches the receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leg {
    /// As samples, out of somebody's decoder.
    Pcm,
    /// As RTP, in packets of so many samples, some of which are lost.
    Rtp(Law, usize, Option<Loss>),
}

/// What the channel is there to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No sample changes: the exact fingerprint has to hold.
    Exact,
    /// Row 38 of the interpretations: no false reject and no false accept is asked for.
    Asked,
    /// Worse than what is asked for: no false accept.
    Beyond,
    /// Not the same sound any more: must not be found.
    Other,
}

pub struct Channel {
    pub name: &'static str,
    pub kind: Kind,
    stages: &'static [Stage],
    pub leg: Leg,
    /// What the sender has not received either.
    pub sender_loss: Option<Loss>,
    /// How much faster the receiver hears it, where that is no clock but another speed.
    pub speed: f64,
}

const fn asked(name: &'static str, stages: &'static [Stage]) -> Channel {
    Channel {
        name,
        kind: Kind::Asked,
        stages,
        leg: Leg::Pcm,
        sender_loss: None,
        speed: 1.0,
    }
}

const fn beyond(name: &'static str, stages: &'static [Stage]) -> Channel {
    Channel {
        kind: Kind::Beyond,
        ..asked(name, stages)
    }
}

const fn rtp(name: &'static str, kind: Kind, stages: &'static [Stage], law: Law, samples: usize) -> Channel {
    Channel {
        kind,
        leg: Leg::Rtp(law, samples, None),
        ..asked(name, stages)
    }
}

const fn lossy(name: &'static str, kind: Kind, stages: &'static [Stage], loss: Loss) -> Channel {
    Channel {
        kind,
        leg: Leg::Rtp(Law::Mu, network::PACKET, Some(loss)),
        ..asked(name, stages)
    }
}

const fn faster(name: &'static str, stages: &'static [Stage], speed: f64) -> Channel {
    Channel {
        kind: Kind::Other,
        speed,
        ..asked(name, stages)
    }
}

const fn random(percent: f64) -> Loss {
    Loss { percent, burst: 1.0 }
}

const fn bursts(percent: f64) -> Loss {
    Loss { percent, burst: 4.0 }
}

use Concealment::{Repeat, Silence};
use Law::{A, Mu};
use Stage::*;

const G722: Stage = Ffmpeg(&["-ar", "16000", "-c:a", "g722"], "g722");
const GSM: Stage = Ffmpeg(&["-c:a", "libgsm"], "gsm");
const AMR_4_75: Stage = Ffmpeg(&["-c:a", "libopencore_amrnb", "-b:a", "4.75k"], "amr");
const AMR_7_95: Stage = Ffmpeg(&["-c:a", "libopencore_amrnb", "-b:a", "7.95k"], "amr");
const AMR_12_2: Stage = Ffmpeg(&["-c:a", "libopencore_amrnb", "-b:a", "12.2k"], "amr");
const AMR_WB_6_6: Stage = Ffmpeg(&["-ar", "16000", "-c:a", "libvo_amrwbenc", "-b:a", "6.6k"], "amr");
const AMR_WB_12_65: Stage = Ffmpeg(&["-ar", "16000", "-c:a", "libvo_amrwbenc", "-b:a", "12.65k"], "amr");
const AMR_WB_23_85: Stage = Ffmpeg(&["-ar", "16000", "-c:a", "libvo_amrwbenc", "-b:a", "23.85k"], "amr");
const OPUS_6: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "voip",
        "-compression_level",
        "5",
        "-b:a",
        "6k",
    ],
    "opus",
);
const OPUS_8: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "voip",
        "-compression_level",
        "5",
        "-b:a",
        "8k",
    ],
    "opus",
);
const OPUS_12: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "voip",
        "-compression_level",
        "5",
        "-b:a",
        "12k",
    ],
    "opus",
);
const OPUS_16: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "voip",
        "-compression_level",
        "5",
        "-b:a",
        "16k",
    ],
    "opus",
);
const OPUS_24: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "voip",
        "-compression_level",
        "5",
        "-b:a",
        "24k",
    ],
    "opus",
);
const CELT_24: Stage = Ffmpeg(
    &[
        "-ar",
        "48000",
        "-c:a",
        "libopus",
        "-application",
        "lowdelay",
        "-compression_level",
        "5",
        "-b:a",
        "24k",
    ],
    "opus",
);
/// The encoder's requests 4012 and 4016: forward error correction, and silence that is not sent.
const OPUS_DTX: Stage = Opus(
    &["--speech", "--comp", "5", "--bitrate", "16", "--set-ctl-int", "4016=1"],
    &[],
);
const OPUS_LOST: Stage = Opus(
    &["--speech", "--comp", "5", "--bitrate", "16"],
    &["--packet-loss", "10"],
);
const OPUS_FEC_LOST: Stage = Opus(
    &[
        "--speech",
        "--comp",
        "5",
        "--bitrate",
        "16",
        "--set-ctl-int",
        "4012=1",
        "--expect-loss",
        "10",
    ],
    &["--packet-loss", "10"],
);
const OPUS_FEC_20_LOST: Stage = Opus(
    &[
        "--speech",
        "--comp",
        "5",
        "--bitrate",
        "24",
        "--set-ctl-int",
        "4012=1",
        "--expect-loss",
        "20",
    ],
    &["--packet-loss", "20"],
);
const SPEEX_8: Stage = Ffmpeg(&["-c:a", "libspeex", "-b:a", "8k"], "spx");
const SPEEX_15: Stage = Ffmpeg(&["-c:a", "libspeex", "-b:a", "15k"], "spx");
const SPEEX_WB: Stage = Ffmpeg(&["-ar", "16000", "-c:a", "libspeex", "-b:a", "20.6k"], "spx");
const G726_16: Stage = Ffmpeg(&["-c:a", "g726", "-code_size", "2"], "wav");
const G726_32: Stage = Ffmpeg(&["-c:a", "g726", "-code_size", "4"], "wav");
const G723: Stage = Ffmpeg(&["-c:a", "g723_1", "-b:a", "6300"], "wav");
const CODEC2: Stage = Ffmpeg(&["-c:a", "libcodec2", "-mode", "2400"], "c2");
const LPC10: Stage = SoxFile(&[], "lpc10");
const AGC: Stage = Sox(&[
    "compand",
    "0.02,0.3",
    "6:-70,-60,-30,-12,-20,-9,0,-6",
    "0",
    "-90",
    "0.02",
]);
const TELEPHONE: Stage = Sox(&["sinc", "300-3400"]);
const ECHO: Stage = Sox(&["echo", "0.9", "0.8", "60", "0.4"]);
const STUDIO: Stage = Ffmpeg(&["-ar", "44100", "-c:a", "pcm_s16le"], "wav");

pub const CHANNELS: [Channel; 69] = [
    rtp("PCMU, relayed", Kind::Exact, &[], Mu, 160),
    rtp("PCMU, packets of 30 ms", Kind::Exact, &[], Mu, 240),
    rtp("PCMU, packets of 10 ms", Kind::Exact, &[], Mu, 80),
    asked("as it is, before any law", &[]),
    rtp(
        "PCMU, packets begin elsewhere",
        Kind::Asked,
        &[Clock(1.0, 37.0)],
        Mu,
        160,
    ),
    rtp("PCMA", Kind::Asked, &[Law(Mu)], A, 160),
    rtp("PCMU-PCMA-PCMU", Kind::Asked, &[Law(Mu), Law(A)], Mu, 160),
    asked("G.722", &[G722]),
    asked("Opus 6 kbit/s", &[OPUS_6]),
    asked("Opus 8 kbit/s", &[OPUS_8]),
    asked("Opus 12 kbit/s", &[OPUS_12]),
    asked("Opus 16 kbit/s", &[OPUS_16]),
    asked("Opus 24 kbit/s", &[OPUS_24]),
    asked("Opus 24 kbit/s, CELT", &[CELT_24]),
    asked("Opus 16 kbit/s, DTX", &[OPUS_DTX]),
    asked("Opus 16 kbit/s, 10 % lost", &[OPUS_LOST]),
    asked("Opus 16 kbit/s, FEC, 10 % lost", &[OPUS_FEC_LOST]),
    asked("GSM", &[GSM]),
    asked("AMR 4.75 kbit/s", &[AMR_4_75]),
    asked("AMR 7.95 kbit/s", &[AMR_7_95]),
    asked("AMR 12.2 kbit/s", &[AMR_12_2]),
    asked("AMR-WB 6.6 kbit/s", &[AMR_WB_6_6]),
    asked("AMR-WB 12.65 kbit/s", &[AMR_WB_12_65]),
    asked("AMR-WB 23.85 kbit/s", &[AMR_WB_23_85]),
    asked("Speex 8 kbit/s", &[SPEEX_8]),
    asked("Speex 15 kbit/s", &[SPEEX_15]),
    asked("Speex wideband", &[SPEEX_WB]),
    asked("G.726 16 kbit/s", &[G726_16]),
    asked("G.726 32 kbit/s", &[G726_32]),
    asked("PCMU-GSM-PCMA", &[Law(Mu), GSM, Law(A)]),
    asked("G.722-PCMU-Opus 12", &[G722, Law(Mu), OPUS_12]),
    asked("AMR 12.2-PCMA-Opus 16", &[AMR_12_2, Law(A), OPUS_16]),
    asked("AMR 7.95-PCMU-AMR 7.95", &[AMR_7_95, Law(Mu), AMR_7_95]),
    asked("GSM-PCMA-G.726 32", &[GSM, Law(A), G726_32]),
    lossy("5 % lost", Kind::Asked, &[], random(5.0)),
    lossy("10 % lost", Kind::Asked, &[], random(10.0)),
    lossy("5 % lost in bursts", Kind::Asked, &[], bursts(5.0)),
    lossy("10 % lost in bursts", Kind::Asked, &[], bursts(10.0)),
    asked("10 % lost, repeated", &[Law(Mu), Lost(random(10.0), Repeat)]),
    asked("10 % lost in bursts, repeated", &[Law(Mu), Lost(bursts(10.0), Repeat)]),
    lossy("PCMA, 10 % lost", Kind::Asked, &[Law(Mu), Law(A)], random(10.0)),
    Channel {
        sender_loss: Some(random(5.0)),
        ..lossy("5 % lost on either side", Kind::Asked, &[], random(5.0))
    },
    asked("AMR 12.2, 5 % lost, repeated", &[AMR_12_2, Lost(random(5.0), Repeat)]),
    rtp("white noise at 20 dB", Kind::Asked, &[White(20.0)], Mu, 160),
    rtp("white noise at 15 dB", Kind::Asked, &[White(15.0)], Mu, 160),
    rtp("white noise at 10 dB", Kind::Asked, &[White(10.0)], Mu, 160),
    rtp("babble at 20 dB", Kind::Asked, &[Babble(20.0)], Mu, 160),
    rtp("babble at 15 dB", Kind::Asked, &[Babble(15.0)], Mu, 160),
    rtp("babble at 10 dB", Kind::Asked, &[Babble(10.0)], Mu, 160),
    rtp("12 dB quieter", Kind::Asked, &[Gain(-12.0)], Mu, 160),
    rtp("6 dB louder", Kind::Asked, &[Gain(6.0)], Mu, 160),
    rtp("18 dB louder, clipped", Kind::Asked, &[Gain(18.0), Gain(-9.0)], Mu, 160),
    rtp("gain control", Kind::Asked, &[AGC], Mu, 160),
    rtp("300 to 3400 Hz", Kind::Asked, &[TELEPHONE], Mu, 160),
    asked("by way of 44.1 kHz", &[STUDIO]),
    asked("clock 50 ppm fast", &[Law(Mu), Clock(1.000_05, 0.5)]),
    asked("clock 200 ppm slow", &[Law(Mu), Clock(0.9998, 0.25)]),
    lossy("20 % lost", Kind::Beyond, &[], random(20.0)),
    lossy("20 % lost in bursts", Kind::Beyond, &[], bursts(20.0)),
    beyond("20 % lost, repeated", &[Law(Mu), Lost(random(20.0), Repeat)]),
    beyond("Opus 24 kbit/s, FEC, 20 % lost", &[OPUS_FEC_20_LOST]),
    beyond(
        "AMR 4.75, 10 % lost, 10 dB",
        &[White(10.0), AMR_4_75, Lost(random(10.0), Silence)],
    ),
    beyond("echo", &[ECHO]),
    beyond("G.723.1 6.3 kbit/s", &[G723]),
    beyond("Codec 2, 2.4 kbit/s", &[CODEC2]),
    beyond("LPC-10, 2.4 kbit/s", &[LPC10]),
    faster("10 % faster", &[Sox(&["tempo", "-s", "1.1"])], 1.1),
    faster("10 % slower", &[Sox(&["tempo", "-s", "0.9"])], 0.9),
    faster("10 % faster and higher", &[Clock(1.1, 0.0)], 1.1),
];

/// Where the goal, no false reject, is not met, and how many in a hundred are let pass.
const KNOWN: [(&str, f64); 8] = [
    ("Opus 6 kbit/s", 8.0),
    ("AMR 4.75 kbit/s", 6.0),
    ("AMR 7.95-PCMU-AMR 7.95", 6.0),
    ("AMR-WB 6.6 kbit/s", 3.0),
    ("10 % lost in bursts", 3.0),
    ("white noise at 15 dB", 5.0),
    ("white noise at 10 dB", 16.0),
    ("babble at 10 dB", 8.0),
];

/// Channels with programs that tones go through as well: one of each family of codecs.
pub const WITH_TONES: [&str; 5] = ["G.722", "Opus 12 kbit/s", "GSM", "AMR 12.2 kbit/s", "G.726 32 kbit/s"];

/// All calls as the receiver hears them.
pub struct Received {
    samples: Vec<i16>,
    /// Where each call begins.
    starts: Vec<usize>,
    speed: f64,
}

impl Received {
    /// What of a call has been heard, up to so many samples (of the sender's) behind its beginning; nothing if it has not
    /// been carried.
    pub fn until(&self, call: usize, samples: usize) -> &[i16] {
        let Some(start) = self.starts.get(call).copied() else {
            return &[];
        };
        let end = start + (samples as f64 / self.speed) as usize;
        self.samples.get(start..end.min(self.samples.len())).unwrap_or_default()
    }
}

impl Channel {
    /// How many false rejects of so many searches are let pass.
    pub fn allowed(&self, searches: usize) -> usize {
        let known = KNOWN.iter().find(|(name, _)| *name == self.name);
        known.map_or(0, |(_, percent)| (searches as f64 * percent / 100.0).ceil() as usize)
    }

    /// Whether somebody else's program has a hand in it.
    pub fn by_program(&self) -> bool {
        let program = |stage: &Stage| matches!(stage, Ffmpeg(..) | Opus(..) | Sox(..) | SoxFile(..));
        self.stages.iter().any(program)
    }

    /// Takes the first so many calls of the corpus through, with files in `folder`.
    pub fn carry(&self, corpus: &Corpus, calls: usize, folder: &Path) -> Result<Received, String> {
        let calls = &corpus.calls[..calls];
        let mut samples = corpus.samples[..calls.last().map_or(0, |call| call.start + call.len + GAP)].to_vec();
        let mut starts: Vec<_> = calls.iter().map(|call| call.start).collect();
        let mut random = Random::of(&[4, hash(self.name.as_bytes())]);
        for (number, stage) in self.stages.iter().enumerate() {
            let path = folder.join(format!("stage{number}"));
            match *stage {
                Law(law) => law.through(&mut samples),
                Gain(decibels) => network::gain(&mut samples, decibels),
                Lost(loss, how) => {
                    let lost = loss.pattern(samples.len().div_ceil(network::PACKET), &mut random);
                    network::conceal(&mut samples, &lost, how);
                }
                White(decibels) => {
                    for (call, start) in calls.iter().zip(&starts) {
                        let noise: Vec<_> = (0..call.len + GAP).map(|_| random.normal()).collect();
                        network::add(&mut samples[*start..start + call.len + GAP], &noise, decibels);
                    }
                }
                Babble(decibels) => {
                    for (number, (call, start)) in calls.iter().zip(&starts).enumerate() {
                        let noise = babble(corpus, number, call.len + GAP, &mut random);
                        network::add(&mut samples[*start..start + call.len + GAP], &noise, decibels);
                    }
                }
                Clock(step, phase) => {
                    let mut all = Vec::with_capacity(samples.len());
                    for (call, start) in calls.iter().zip(&mut starts) {
                        let one = &samples[*start..*start + call.len + GAP];
                        *start = all.len();
                        match step == 1.0 && phase.fract() == 0.0 {
                            true => all.extend(&one[phase as usize..]),
                            false => all.extend(network::resampled(one, step, phase)),
                        }
                    }
                    samples = all;
                }
                Ffmpeg(..) | Opus(..) | Sox(..) | SoxFile(..) => {
                    samples = by_program(stage, &samples, &path)?;
                    if matches!(stage, Sox(..)) && self.speed != 1.0 {
                        starts
                            .iter_mut()
                            .for_each(|start| *start = (*start as f64 / self.speed) as usize);
                    }
                }
            }
        }
        Ok(Received {
            samples,
            starts,
            speed: self.speed,
        })
    }
}

/// Six others who talk at once, of the voices that may be tuned by, none of them the call's own.
fn babble(corpus: &Corpus, own: usize, len: usize, random: &mut Random) -> Vec<f64> {
    let others: Vec<_> = corpus
        .calls
        .iter()
        .enumerate()
        .filter(|(number, call)| *number != own && corpus.group(call) == Group::Tuning)
        .map(|(_, call)| call)
        .collect();
    let mut sum = vec![0.0; len];
    for _ in 0..6 {
        let Some(call) = others.get(random.below(others.len())) else {
            return sum;
        };
        let (samples, from) = (corpus.of(call), random.below(call.len));
        let level = network::power(samples).sqrt().max(1.0);
        for (sum, sample) in sum.iter_mut().zip(samples.iter().cycle().skip(from)) {
            *sum += f64::from(*sample) / level;
        }
    }
    sum
}

const RAW: [&str; 6] = ["-f", "s16le", "-ar", "8000", "-ac", "1"];
const QUIET: [&str; 4] = ["-v", "error", "-nostdin", "-y"];
const SOX_RAW: [&str; 8] = ["-t", "s16", "-r", "8000", "-c", "1", "-D", "-V1"];

/// One of these programs, which leaves the processor to whoever else wants it.
fn gently(program: &str) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "5", program]);
    command
}

fn by_program(stage: &Stage, samples_in: &[i16], path: &Path) -> Result<Vec<i16>, String> {
    let (from, to) = (path.with_extension("in.raw"), path.with_extension("out.raw"));
    fs::write(&from, octets(samples_in)).map_err(|error| format!("{}: {error}", from.display()))?;
    let mut files = vec![from.clone(), to.clone()];
    match *stage {
        Ffmpeg(options, ends) => {
            let coded = path.with_extension(ends);
            let mut encode = gently("ffmpeg");
            encode
                .args(QUIET)
                .args(RAW)
                .arg("-i")
                .arg(&from)
                .args(options)
                .args(["-threads", "1"]);
            run(encode.arg(&coded))?;
            run(gently("ffmpeg").args(QUIET).arg("-i").arg(&coded).args(RAW).arg(&to))?;
            files.push(coded);
        }
        Opus(encode, decode) => {
            let coded = path.with_extension("opus");
            let raw = [
                "--quiet",
                "--raw",
                "--raw-bits",
                "16",
                "--raw-rate",
                "8000",
                "--raw-chan",
                "1",
            ];
            run(gently("opusenc").args(raw).args(encode).arg(&from).arg(&coded))?;
            run(gently("opusdec")
                .args(["--quiet", "--rate", "8000", "--no-dither"])
                .args(decode)
                .arg(&coded)
                .arg(&to))?;
            files.push(coded);
        }
        Sox(effect) => run(gently("sox")
            .args(SOX_RAW)
            .arg(&from)
            .args(&SOX_RAW[..6])
            .arg(&to)
            .args(effect))?,
        SoxFile(options, ends) => {
            let coded = path.with_extension(ends);
            run(gently("sox").args(SOX_RAW).arg(&from).args(options).arg(&coded))?;
            run(gently("sox")
                .args(["-V1", "-D"])
                .arg(&coded)
                .args(&SOX_RAW[..6])
                .arg(&to))?;
            files.push(coded);
        }
        _ => {}
    }
    let bytes = fs::read(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    for file in files {
        let _ = fs::remove_file(file);
    }
    let heard = samples(&bytes);
    // A codec may add a frame or swallow one; more is a stage that did something else.
    let ratio = heard.len() as f64 / samples_in.len() as f64;
    let expected =
        matches!(stage, Sox(..)) || (samples_in.len().abs_diff(heard.len()) < RATE || (ratio - 1.0).abs() < 1e-3);
    match expected {
        true => Ok(heard),
        false => Err(format!(
            "{} samples went in and {} came out: {}",
            samples_in.len(),
            heard.len(),
            to.display()
        )),
    }
}
