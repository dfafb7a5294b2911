//! `ohp demo`: a live call handed over between two processes that share nothing but loopback UDP and, at Regulated, a
//! transparency log.
//!
//! This file is the parent: it makes the two parties' keys, starts both processes, merges what they tell into one
//! story and judges the outcome. What a process does is in [`peer`].

mod agent;
mod centre;
mod dialog;
mod event;
mod handoff;
mod link;
mod log;
mod message;
mod parties;
mod peer;
mod proposal;
mod random;
mod sdp;
mod speech;
mod spoken;
mod story;
mod transaction;
mod trials;
mod user_agent;
mod vouched;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ohp::envelope::Tier;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, say};
use event::Event;
use log::Log;
use parties::Told;
use spoken::Spoken;
use story::{Shown, Story};

pub use peer::Args as PeerArgs;
pub use peer::run as run_peer;

/// Longest run: a call takes about 12 s, and one over heavy loss a few times that.
const RUN_LIMIT: Duration = Duration::from_secs(170);

/// How long an event waits for an earlier one from the other process.
const MERGE_MS: f64 = 40.0;

/// Hand a live call over between two processes on this machine and watch it
///
/// A voice agent calls a contact centre over SIP, sends a caller's speech as RTP, proposes the handoff with one or more
/// INFO requests, and the centre verifies it step by step, accepts it, and later gives it back. The same envelope is
/// then replayed into a second call, changed on its way, and sent too late; each is to be refused. Exits with 0 only if
/// all of it came out as said.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp demo\n  ohp demo --tier core --wav call.wav\n  ohp demo --loss 5% --reorder --seed 7\n  \
                  ohp demo --codec g722 --hold-music\n  ohp demo --transcode --loss 10%"
)]
pub struct Args {
    /// Conformance tier of the handoff: core, signed, sealed or regulated
    #[arg(long, default_value = "signed", value_parser = known_tier)]
    tier: Tier,
    /// What the caller says: any PCM or G.711 WAV of at least a second
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,
    /// What the caller's leg speaks: pcmu, pcma, g722 or opus; a recording's own law, or pcmu, if none is given
    #[arg(long, value_parser = Spoken::parse)]
    codec: Option<Spoken>,
    /// Let a hop between the agent and the centre turn the codec into another: no exact fingerprint outlives that
    #[arg(long)]
    transcode: bool,
    /// Play the same looped music to both calls instead of speech: no envelope may take it as proof
    #[arg(long, conflicts_with = "wav")]
    hold_music: bool,
    /// Share of datagrams, SIP and RTP, that are lost
    #[arg(long, default_value = "0", value_name = "SHARE", value_parser = share)]
    loss: f64,
    /// Share of datagrams that are overtaken by later ones (5 % if no share is given)
    #[arg(long, default_value = "0", default_missing_value = "5%", num_args = 0..=1, require_equals = true)]
    #[arg(value_name = "SHARE", value_parser = share)]
    reorder: f64,
    /// What decides which datagrams are lost or overtaken; another run with the same seed loses the same ones
    #[arg(long)]
    seed: Option<u64>,
    /// Print one object with every event and the table
    #[arg(long)]
    json: bool,
    /// Write what either process is told to FOLDER/agent.json and FOLDER/centre.json, private keys included, and run
    /// neither: `ohp demo-peer < FOLDER/agent.json` is one side against another program
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

fn known_tier(text: &str) -> Result<Tier, String> {
    Tier::parse(text).ok_or_else(|| "tiers are `core`, `signed`, `sealed` and `regulated`".to_owned())
}

/// A share such as `5%` or `0.05`, below a half: nothing gets through worse weather in the time of a call.
fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    match share {
        Ok(share) if (0.0..0.5).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to below a half, such as 5% or 0.05".to_owned()),
    }
}

/// Runs `ohp demo`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from(u32::from_be_bytes(random::bytes())));
    if args.transcode && args.tier >= Tier::Sealed {
        return Err(Failure::new(
            "from sealed upwards sound has to be proven, and no exact fingerprint outlives transcoding",
        )
        .advise("Try --transcode with --tier signed"));
    }
    if let Some(folder) = &args.write {
        return write(args, seed, folder);
    }
    let shown = Shown {
        tier: args.tier,
        transcode: args.transcode,
        hold_music: args.hold_music,
    };
    if !args.json {
        say!(
            "Handing a live call over at the {} tier; loss {} %, reordering {} %, seed {seed}.\n",
            args.tier,
            args.loss * 100.0,
            args.reorder * 100.0
        );
    }
    let mut story = Story::new(!args.json);
    let ended = play(args, seed, &mut story);
    let checks = story.checks(&shown);
    let holds = ended.is_ok() && checks.iter().all(story::Check::holds);
    if args.json {
        output::json(&json!({
            "outcome": if holds { "accept" } else { "reject" },
            "tier": args.tier.as_str(),
            "seed": seed,
            "checks": checks.iter().map(story::Check::to_json).collect::<Vec<_>>(),
            "events": story.to_json(),
        }))?;
    } else {
        story::print_table(&checks, &shown);
    }
    ended?;
    Ok(if holds { Exit::Accept } else { Exit::Reject })
}

/// What the agent and the centre are told.
fn configs(args: &Args, seed: u64, log: Option<&Log>) -> Result<(Value, Value), Failure> {
    let (told_to_agent, told_to_centre) = parties::told(args.tier)?;
    let config = |role: &str, told: Told, offset: u64| {
        json!({
            "role": role,
            "tier": args.tier.as_str(),
            "bundle": told.bundle,
            "caller": told.caller,
            "log": log.map(Log::to_json),
            "loss": args.loss,
            "reorder": args.reorder,
            "seed": seed.wrapping_add(offset),
            "wav": args.wav,
            "codec": args.codec.map(Spoken::name),
            "transcode": args.transcode,
            "holdMusic": args.hold_music,
        })
    };
    Ok((config("agent", told_to_agent, 0), config("centre", told_to_centre, 1)))
}

/// Writes both configurations. The log of Regulated handoffs is left to whoever runs one: it would end with this process.
fn write(args: &Args, seed: u64, folder: &Path) -> Result<Exit, Failure> {
    let (agent, centre) = configs(args, seed, None)?;
    for (name, config) in [("agent.json", agent), ("centre.json", centre)] {
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{config:#}\n").as_bytes()))
            .map_err(|error| Failure::new(format_args!("cannot write {}: {error}", path.display())))?;
    }
    Ok(Exit::Accept)
}

/// Runs both processes to their end.
fn play(args: &Args, seed: u64, story: &mut Story) -> Result<(), Failure> {
    let log = match args.tier {
        Tier::Regulated => Some(Log::start()?),
        _ => None,
    };
    let (mut agent_config, centre_config) = configs(args, seed, log.as_ref())?;
    let (sender, events) = mpsc::channel();
    let mut merge = Merge::new(events);

    let mut centre = Process::start(&centre_config, sender.clone())?;
    let listening = merge
        .wait_for(story, "listening")
        .ok_or_else(|| centre.failure("did not begin to listen"))?;
    agent_config["peer"] = listening.text("sip").into();
    let mut agent = Process::start(&agent_config, sender)?;

    merge.run(story);
    for (process, name) in [(&mut agent, "voice agent"), (&mut centre, "contact centre")] {
        if !process.has_ended_well() {
            return Err(process.failure(&format!("the {name} did not end well")));
        }
    }
    Ok(())
}

/// One of the two processes. Dropping it ends and reaps it.
struct Process {
    child: Child,
}

impl Process {
    fn start(config: &Value, events: Sender<Event>) -> Result<Self, Failure> {
        let itself = std::env::current_exe()?;
        let mut child = Command::new(itself)
            .arg("demo-peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format_args!("cannot start the demonstration's process: {error}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(config.to_string().as_bytes())?;
        }
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if Event::read(&line).is_some_and(|event| events.send(event).is_err()) {
                        break;
                    }
                }
            });
        }
        Ok(Self { child })
    }

    fn has_ended_well(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(2);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                _ => return false,
            }
        }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(format_args!("{what} (process {})", self.child.id()))
            .advise("Run it again; with heavy loss a call may fail, and --seed repeats the run that did")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has usually ended by itself; both calls are then harmless.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts the events of both processes into the order in which they happened.
struct Merge {
    events: Receiver<Event>,
    waiting: Vec<Event>,
    deadline: Instant,
}

impl Merge {
    fn new(events: Receiver<Event>) -> Self {
        Self {
            events,
            waiting: Vec::new(),
            deadline: Instant::now() + RUN_LIMIT,
        }
    }

    /// Tells the story until an event called `what` comes.
    fn wait_for(&mut self, story: &mut Story, what: &str) -> Option<Event> {
        let event = self.events.recv_timeout(Duration::from_secs(10)).ok()?;
        story.add(event.clone());
        (event.what() == what).then_some(event)
    }

    /// Tells the story until both processes have ended, or the time is up.
    fn run(&mut self, story: &mut Story) {
        loop {
            match self.events.recv_timeout(Duration::from_millis(10)) {
                Ok(event) => self.waiting.push(event),
                Err(RecvTimeoutError::Timeout) if Instant::now() < self.deadline => {}
                Err(_) => break,
            }
            self.release(story, event::now_millis() - MERGE_MS);
        }
        self.release(story, f64::INFINITY);
    }

    fn release(&mut self, story: &mut Story, until: f64) {
        self.waiting.sort_by(|one, other| one.at().total_cmp(&other.at()));
        let ready = self.waiting.partition_point(|event| event.at() <= until);
        for event in self.waiting.drain(..ready) {
            story.add(event);
        }
    }
}
