//! One process of the demonstration: a user agent, its script, and the loop that drives both.
//!
//! What it is to do comes as one JSON object on standard input, so that private keys stand in no command line:
//! `role` (`agent` or `centre`), `tier`, `bundle` (a trust bundle whose receiver is this side), and, with defaults,
//! `listen`, `peer` (whom the agent calls), `caller` (what the agent knows of the caller, from Sealed upwards), `log` (where
//! Regulated envelopes are anchored: `address` and `key`), `to` (`vendor` and `did` of the other side), `loss`, `reorder`, `seed`, `wav`,
//! `giveBack` (whether the conversation comes back; if not, the agent hangs up once it is handed over) and `trials`
//! (whether the agent makes the second call, in which everything is to be refused). So either side also runs alone,
//! against another program.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ohp::envelope::Tier;
use ohp::leg::Settings;
use serde_json::{Value, json};

use super::agent::Agent;
use super::centre::Centre;
use super::event::Reporter;
use super::handoff::Shared;
use super::link::Weather;
use super::log::LogAt;
use super::parties;
use super::speech::Speech;
use super::spoken::Spoken;
use super::user_agent::UserAgent;
use crate::exit::{Exit, Failure};
use crate::input::{self, RECORDING_LIMIT};
use crate::wav;

/// Longest configuration: a trust bundle is most of it.
const CONFIG_LIMIT: u64 = 1 << 20;

/// Longest life of the process: whatever goes wrong, it ends by itself.
const RUN_LIMIT: Duration = Duration::from_secs(160);

/// How long a proposal lives: long enough for a replay to be one, short enough to try again if nobody answers.
const LIFETIME_MS: i64 = 60_000;

/// How long the loop sleeps when there is nothing to do; RTP has 20 ms to the next packet.
const NAP: Duration = Duration::from_millis(1);

/// One side of `ohp demo`, told on standard input what to do
#[derive(clap::Args)]
pub struct Args {}

/// What one side is told.
pub struct Config {
    /// Tier of the handoff.
    pub tier: Tier,
    /// Who this side is, with its private key, whom it believes, and the table that its calls share.
    pub shared: Rc<Shared>,
    /// Whom the agent calls.
    pub peer: Option<SocketAddr>,
    /// Vendor and DID of the other side.
    pub to: (String, String),
    /// What befalls datagrams.
    pub weather: Weather,
    /// What the agent's envelopes say of the caller from Sealed upwards.
    pub caller: Value,
    /// The log that Regulated envelopes are anchored in.
    pub log: Option<LogAt>,
    /// What the caller says, and in which codec.
    pub speech: Speech,
    /// Whether a hop between the agent and the centre turns the codec into another.
    pub transcode: bool,
    /// Whether the caller is on hold: what is heard is the same on every call.
    pub hold_music: bool,
    /// Whether the caller's own leg joins and the conversation comes back.
    pub give_back: bool,
    /// Whether there is a second call, in which everything is to be refused.
    pub trials: bool,
}

/// One side's script.
pub trait Script {
    /// Does what is due at `now`; true once all is done.
    fn step(&mut self, now: Instant) -> Result<bool, Failure>;
}

/// Runs one side to its end.
pub fn run() -> Result<Exit, Failure> {
    let mut text = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin().lock().take(CONFIG_LIMIT).read_to_end(&mut text)?;
    let config: Value = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format_args!("no configuration on standard input: {error}")).advise("Use `ohp demo` instead")
    })?;
    let is_agent = match config["role"].as_str() {
        Some("agent") => true,
        Some("centre") => false,
        _ => return Err(Failure::new("`role` must be `agent` or `centre`")),
    };
    let listen = address(&config["listen"])?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let config = Config::read(&config, is_agent)?;
    let (name, reporter) = if is_agent {
        ("Voice agent", Reporter::new("agent"))
    } else {
        ("Contact centre", Reporter::new("centre"))
    };
    let user_agent = UserAgent::bind(name, listen, config.speech.codec, config.weather)
        .map_err(|error| Failure::new(format_args!("cannot listen on {listen}: {error}")))?;
    reporter.tell("listening", json!({ "sip": user_agent.address().to_string() }));

    let trouble = Reporter::new(if is_agent { "agent" } else { "centre" });
    let mut script: Box<dyn Script> = if is_agent {
        Box::new(Agent::new(config, user_agent, reporter)?)
    } else {
        Box::new(Centre::new(config, user_agent, reporter))
    };
    let end = Instant::now() + RUN_LIMIT;
    loop {
        let now = Instant::now();
        match script.step(now) {
            Ok(true) => return Ok(Exit::Accept),
            Ok(false) if now < end => std::thread::sleep(NAP),
            Ok(false) => {
                trouble.tell("trouble", json!({ "message": "the time for a run is up" }));
                return Ok(Exit::Reject);
            }
            Err(failure) => {
                trouble.tell("trouble", json!({ "message": failure.to_string() }));
                return Err(failure);
            }
        }
    }
}

impl Config {
    fn read(config: &Value, is_agent: bool) -> Result<Self, Failure> {
        let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
        let other = if is_agent { &parties::CENTRE } else { &parties::AGENT };
        let tier = Tier::parse(&text(&config["tier"], Tier::Signed.as_str()));
        Ok(Self {
            tier: tier.ok_or_else(|| Failure::new("`tier` is none of the protocol's"))?,
            shared: Shared::new(
                config["bundle"].clone(),
                Settings {
                    lifetime_ms: LIFETIME_MS,
                    enforce: true,
                    ..Settings::default()
                },
            )?,
            caller: config["caller"].clone(),
            log: LogAt::read(&config["log"]),
            peer: address(&config["peer"])?,
            to: (
                text(&config["to"]["vendor"], other.vendor),
                text(&config["to"]["did"], other.did),
            ),
            weather: Weather {
                loss: config["loss"].as_f64().unwrap_or_default(),
                reorder: config["reorder"].as_f64().unwrap_or_default(),
                seed: config["seed"].as_u64().unwrap_or_default(),
            },
            speech: speech(config)?,
            transcode: config["transcode"].as_bool().unwrap_or_default(),
            hold_music: config["holdMusic"].as_bool().unwrap_or_default(),
            give_back: config["giveBack"].as_bool().unwrap_or(true),
            trials: config["trials"].as_bool().unwrap_or(true),
        })
    }
}

/// What the caller says: music on hold, a recording, or the one that ships; in the codec that is asked for, or in its own.
fn speech(config: &Value) -> Result<Speech, Failure> {
    let codec = match config["codec"].as_str() {
        Some(name) => Some(Spoken::parse(name).map_err(Failure::new)?),
        None => None,
    };
    let mut speech = match config["wav"].as_str() {
        _ if config["holdMusic"] == true => Speech::music(Spoken::Pcmu),
        Some(path) => Speech::from_wav(wav::read(&input::read(Path::new(path), RECORDING_LIMIT)?)?)?,
        None => Speech::caller(),
    };
    speech.codec = codec.unwrap_or(speech.codec);
    Ok(speech)
}

fn address(value: &Value) -> Result<Option<SocketAddr>, Failure> {
    match value.as_str() {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Failure::new(format_args!("`{text}` is not an address such as 127.0.0.1:5060"))),
    }
}
