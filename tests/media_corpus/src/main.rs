//! The fingerprints over recorded voices: calls made of Debian's prompts go through other people's codecs, loss and noise, and
//! are looked for in what comes out, and in other calls. `run` fetches what this needs, builds it and starts it.
//!
//! Not here: what holds of every sound, which `tests/media` of the library shows.

mod channels;
mod corpus;
mod network;
mod peers;
mod random;
mod report;
mod tones;
mod trials;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use channels::{CHANNELS, Channel};
use corpus::{Corpus, Group};
use peers::Distances;
use random::Random;
use trials::{Case, FALSE_CASES, Moment, Trial};

const USAGE: &str = "usage: run [--short] [--calls N] [--moments N] [--peers N] [--channel TEXT] [--trials FILE]

  --short         what CI has time for
  --calls N       calls of each voice (5)
  --moments N     fingerprints taken of each call, each looked for twice on every channel (19)
  --peers N       searches on each channel in which the peers take part as well (16)
  --channel TEXT  the channels whose name holds TEXT
  --trials FILE   every search, as a line of tab-separated values";

struct Options {
    short: bool,
    calls: usize,
    moments: usize,
    peers: usize,
    channel: String,
    trials: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            short: false,
            calls: 5,
            moments: 19,
            peers: 16,
            channel: String::new(),
            trials: None,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--short" => {
                    options.short = true;
                    (options.calls, options.moments, options.peers) = (2, 4, 4);
                }
                "--calls" => options.calls = arguments.next()?.parse().ok()?,
                "--moments" => options.moments = arguments.next()?.parse().ok()?,
                "--peers" => options.peers = arguments.next()?.parse().ok()?,
                "--channel" => options.channel = arguments.next()?,
                "--trials" => options.trials = Some(arguments.next()?.into()),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&options) {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(wrong) => {
            wrong.iter().for_each(|what| eprintln!("not as it has to be: {what}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What was found on one channel.
type Outcome = (Vec<Trial>, Vec<(Group, bool, usize, Distances)>);

/// Searches, prints, and says what is not as it has to be.
fn run(options: &Options) -> Result<Vec<String>, String> {
    // Packages stay; what is made of them goes.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let folder = target.join("media-corpus");
    let working = folder.join(format!("run-{}", std::process::id()));
    fs::create_dir_all(&working).map_err(|error| format!("{}: {error}", working.display()))?;
    let corpus = corpus::load(&folder, options.calls)?;
    let moments = trials::moments(&corpus, options.moments);
    let outcome = on_all_channels(options, &corpus, &moments, &working);
    let speeds = match options.peers {
        0 => Ok((0, Vec::new())),
        _ => peers::speeds(&corpus, &working, 5),
    };
    let _ = fs::remove_dir_all(&working);
    let (trials, distances) = outcome?;
    if let Some(path) = &options.trials {
        fs::write(path, listed(&corpus, &moments, &trials)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let findings = report::Findings {
        corpus: &corpus,
        moments: &moments,
        trials: &trials,
        distances: &distances,
    };
    let wrong = findings.print();
    let (seconds, speeds) = speeds?;
    if let Some((_, first)) = speeds.first() {
        println!("\n| Fingerprints of {seconds} s, on one core | Seconds of sound in a second | of ours |");
        println!("|---|---|---|");
        for (name, speed) in &speeds {
            println!("| {name} | {speed:.0} | {:.2} |", speed / first);
        }
    }
    println!("\n{} searches of robust fingerprints", trials.len());
    Ok(wrong)
}

fn on_all_channels(
    options: &Options,
    corpus: &Corpus,
    moments: &[Moment],
    working: &std::path::Path,
) -> Result<Outcome, String> {
    let spoken: Vec<_> = (0..moments.len())
        .filter(|number| {
            !matches!(
                corpus.group(&corpus.calls[moments[*number].call]),
                Group::Music | Group::Tones
            )
        })
        .collect();
    // Spread over all voices, and as many others as there are of these.
    let step = (spoken.len() / options.peers.max(1)).max(1);
    let beside: Vec<_> = spoken.iter().copied().step_by(step).take(options.peers).collect();
    let sent = peers::sent(corpus, moments, &beside, working)?;
    let queue: Mutex<VecDeque<_>> = Mutex::new(
        CHANNELS
            .iter()
            .enumerate()
            .filter(|(_, channel)| channel.name.contains(&options.channel))
            .collect(),
    );
    let one = |number: usize, channel: &Channel| -> Result<Outcome, String> {
        let folder = working.join(number.to_string());
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let start = Instant::now();
        let tones = match channel.by_program() {
            true => !options.short && channels::WITH_TONES.contains(&channel.name),
            false => true,
        };
        let calls = if tones {
            corpus.calls.len()
        } else {
            corpus.without_tones()
        };
        let received = channel.carry(corpus, calls, &folder)?;
        let carried = start.elapsed();
        let trials = trials::search(number, channel, &received, corpus, moments);
        let mut rings = Vec::new();
        for at in beside.iter().filter(|at| sent.contains_key(at)) {
            let mut random = Random::of(&[7, number as u64, *at as u64]);
            rings.push((
                *at,
                trials::heard(channel, &received, corpus, &moments[*at], &mut random),
            ));
        }
        let (places, rings): (Vec<_>, Vec<_>) =
            rings.into_iter().map(|(at, (ring, until))| ((at, until), ring)).unzip();
        let mut distances = Vec::new();
        for ((at, until), heard) in places.iter().zip(peers::heard(rings, &folder)?) {
            let group = corpus.group(&corpus.calls[moments[*at].call]);
            distances.push((group, true, number, heard.distances(&sent[at])));
            for (turn, case) in FALSE_CASES.into_iter().enumerate() {
                let mut random = Random::of(&[8, *at as u64, turn as u64]);
                let fits = |other: &usize| sent.contains_key(other);
                if case != Case::Elsewhere
                    && let Some(other) = trials::other(case, corpus, moments, *at, *until, &mut random, fits)
                {
                    distances.push((group, false, number, heard.distances(&sent[&other])));
                }
            }
        }
        let _ = fs::remove_dir_all(&folder);
        eprintln!(
            "{}: {:.1?} to carry, {:.1?} in all",
            channel.name,
            carried,
            start.elapsed()
        );
        Ok((trials, distances))
    };
    let done: Mutex<Vec<Result<Outcome, String>>> = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panics with it").pop_front();
                    let Some((number, channel)) = next else {
                        return;
                    };
                    let outcome = one(number, channel).map_err(|error| format!("{}: {error}", channel.name));
                    done.lock().expect("nobody panics with it").push(outcome);
                }
            });
        }
    });
    let mut all = Outcome::default();
    for outcome in done.into_inner().expect("nobody panicked with it") {
        let (trials, distances) = outcome?;
        all.0.extend(trials);
        all.1.extend(distances);
    }
    Ok(all)
}

fn listed(corpus: &Corpus, moments: &[Moment], trials: &[Trial]) -> String {
    let mut text =
        String::from("channel\tcase\toutcome\terrors\texact\theard\tcall\ttext\tat\twanted\tcall\ttext\tat\n");
    for trial in trials {
        let _ = write!(
            text,
            "{}\t{:?}\t{:?}\t{}\t{:?}",
            CHANNELS[trial.channel].name,
            trial.case,
            trial.outcome,
            trial.errors.map_or(-1, i32::from),
            trial.exact
        );
        for moment in [trial.heard, trial.wanted].map(|number| &moments[number]) {
            let call = &corpus.calls[moment.call];
            let voice = corpus.voices[call.voice].name;
            let _ = write!(text, "\t{voice}\t{}\t{}\t{}", moment.call, call.text, moment.at);
        }
        text.push('\n');
    }
    text
}
