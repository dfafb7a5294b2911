//! The voice agent's script: it calls the contact centre, hands the caller over, lets the caller's own leg take its
//! place, takes the conversation back, and then tries in a second call what must be refused.

use std::time::{Duration, Instant};

use ohp::envelope::{Tier, Verb};
use ohp::media::sdp::SdpOrigin;
use serde_json::{Value, json};

use super::dialog::DialogId;
use super::event::Reporter;
use super::handoff::{Handoff, Happened, Sending};
use super::log::LOG;
use super::peer::{Config, Script};
use super::proposal;
use super::speech::Talker;
use super::trials::{Trial, Trials};
use super::user_agent::{Event, UserAgent};
use crate::clock;
use crate::exit::Failure;

/// How long the caller talks before the agent proposes: the centre needs something to have heard.
const TALK: Duration = Duration::from_millis(3000);

/// How long the agent waits before it proposes again with newer sound.
const TRY_AGAIN: Duration = Duration::from_millis(1500);

/// Proposals with a fingerprint. Over a lossy leg the very 200 ms that it is of may not have arrived.
const TRIES_WITH_SOUND: u32 = 6;

/// The same where a hop transcodes: the exact fingerprint is never found then, and to show that once is enough.
const TRIES_WITH_TRANSCODED_SOUND: u32 = 1;

/// Packets that hold music is played for on the second call beyond where its fingerprint was taken on the first.
const MUSIC_MARGIN: usize = 10;

/// How long the agent keeps the conversation that came back before it hangs up.
const WRAP_UP: Duration = Duration::from_millis(700);

/// Pause between two trials: early REJECTs are sent once a second (interpretations, row 32).
const BETWEEN_TRIALS: Duration = Duration::from_millis(1200);

/// How long a trial waits for its answer; INFO requests may have to be sent again a few times.
const TRIAL_LIMIT: Duration = Duration::from_secs(20);

/// Reasons to try again: the centre had not heard the very 200 ms, or its answer never came.
const SOUND_DID_NOT_ARRIVE: &str = "not-bound-to-call";
const NO_ANSWER: &str = "no answer";

/// What the agent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// It waits for the first call to stand.
    Calling,
    /// It lets the caller talk until then, and proposes.
    Talking(Instant),
    /// It waits for the answer to a proposal.
    Proposing,
    /// The caller's own leg is taking the first call's place.
    Joining,
    /// The centre has the conversation.
    HandedOver,
    /// The conversation is back, or gone for good; the agent hangs up then.
    Back(Instant),
    /// It waits for the second call to stand.
    CallingAgain,
    /// The next trial is sent then.
    BetweenTrials(Instant),
    /// A trial waits for its answer until then.
    Waiting(Instant),
    /// Nothing is left but to hang up.
    Leaving,
}

/// The voice agent.
pub struct Agent {
    config: Config,
    user_agent: UserAgent,
    reporter: Reporter,
    handoff: Handoff,
    talker: Option<Talker>,
    /// How many packets had been said when the last proposal was made.
    said: usize,
    scene: Scene,
    /// The first call, then the caller's own leg, then the second call.
    call: DialogId,
    replaced: Option<DialogId>,
    tries: u32,
    /// What is told of a proposal once its first INFO goes out.
    proposed: Value,
    trials: Trials,
    /// The trial that waits for its answer.
    trial: Option<Trial>,
}

impl Agent {
    /// The agent, and its first INVITE.
    pub fn new(config: Config, mut user_agent: UserAgent, reporter: Reporter) -> Result<Self, Failure> {
        let peer = config
            .peer
            .ok_or_else(|| Failure::new("the agent needs a `peer` to call"))?;
        let call = user_agent.invite(Instant::now(), peer, None)?;
        let call_id = user_agent.call_id(call).to_owned();
        reporter.tell("calls", json!({ "call": call_id }));
        let handoff = Handoff::new(&config.shared, &call_id)?;
        let trials = Trials::new(config.tier, config.hold_music);
        let scene = Scene::Calling;
        Ok(Self {
            config,
            user_agent,
            reporter,
            handoff,
            talker: None,
            said: 0,
            scene,
            call,
            replaced: None,
            tries: 0,
            proposed: Value::Null,
            trials,
            trial: None,
        })
    }

    fn on_event(&mut self, now: Instant, event: Event) -> Result<(), Failure> {
        match event {
            Event::Confirmed { dialog, answer } if dialog == self.call => self.on_answer(now, &answer)?,
            Event::Failed { dialog, status } => {
                let call_id = self.user_agent.call_id(dialog);
                return Err(Failure::new(format_args!(
                    "the call {call_id} was refused with {status}"
                )));
            }
            Event::Info { dialog, request } => {
                let status = self.handoff.on_info(now, &request);
                self.user_agent.respond(now, dialog, &request, status);
            }
            Event::InfoDone { status, .. } if !self.is_trying() => self.handoff.on_info_done(status),
            Event::Rtp { .. } | Event::InfoDone { .. } | Event::Confirmed { .. } => {}
            Event::Ended { dialog, by_peer } => self.on_end(now, dialog, by_peer)?,
            Event::Invited { dialog, .. } => self.user_agent.refuse(now, dialog, 486),
        }
        Ok(())
    }

    fn is_trying(&self) -> bool {
        matches!(self.scene, Scene::BetweenTrials(_) | Scene::Waiting(_) | Scene::Leaving)
    }

    /// The first call, the caller's own leg, or the second call stands.
    fn on_answer(&mut self, now: Instant, answer: &[u8]) -> Result<(), Failure> {
        let call_id = self.user_agent.call_id(self.call).to_owned();
        self.reporter.tell("stands", json!({ "call": call_id }));
        match self.scene {
            Scene::Calling => {
                let offer = self.user_agent.description(self.call)?;
                self.handoff.on_sdp(SdpOrigin::Local, offer.as_bytes(), answer)?;
                self.talk(now)?;
                self.scene = Scene::Talking(now + TALK);
            }
            Scene::Joining => {
                self.handoff.bind(&call_id)?;
                self.scene = Scene::HandedOver;
            }
            Scene::CallingAgain => {
                self.handoff = Handoff::new(&self.config.shared, &call_id)?;
                if self.config.hold_music {
                    self.talk(now)?;
                }
                self.scene = Scene::BetweenTrials(now + BETWEEN_TRIALS / 4);
            }
            _ => {}
        }
        Ok(())
    }

    /// The caller, or what is played to who is on hold, begins to be heard.
    fn talk(&mut self, now: Instant) -> Result<(), Failure> {
        let codec = self.config.speech.codec;
        let sent_as = if self.config.transcode {
            codec.transcoded()
        } else {
            codec
        };
        self.reporter.tell(
            "speaks",
            json!({
                "codec": codec.codec().name(),
                "sentAs": sent_as.codec().name(),
                "sound": if self.config.hold_music { "hold music" } else { "the caller's speech" },
            }),
        );
        self.talker = Some(Talker::new(self.config.speech.clone(), self.config.transcode, now)?);
        Ok(())
    }

    /// Proposals with a fingerprint, before one goes without.
    fn tries_with_sound(&self) -> u32 {
        if self.config.transcode {
            TRIES_WITH_TRANSCODED_SOUND
        } else {
            TRIES_WITH_SOUND
        }
    }

    fn on_end(&mut self, now: Instant, dialog: DialogId, by_peer: bool) -> Result<(), Failure> {
        let call_id = self.user_agent.call_id(dialog).to_owned();
        if Some(dialog) == self.replaced {
            let by = if by_peer { "centre" } else { "agent" };
            self.reporter.tell("dropped", json!({ "call": call_id, "by": by }));
            self.replaced = None;
            return Ok(());
        }
        match self.scene {
            Scene::Back(_) if self.config.trials => {
                let peer = self
                    .config
                    .peer
                    .ok_or_else(|| Failure::new("the agent needs a `peer` to call"))?;
                self.talker = None;
                self.call = self.user_agent.invite(now, peer, None)?;
                let call_id = self.user_agent.call_id(self.call);
                self.reporter.tell("calls", json!({ "call": call_id }));
                self.scene = Scene::CallingAgain;
            }
            Scene::Back(_) => self.scene = Scene::Leaving,
            Scene::Leaving => {}
            _ => return Err(Failure::new("the centre hung up in the middle of the handoff")),
        }
        Ok(())
    }

    fn on_handoff(&mut self, now: Instant, happened: Happened) -> Result<(), Failure> {
        match (happened, self.scene) {
            (Happened::AnchorNeeded(leaf), _) => {
                let log = self.config.log.as_ref();
                let log = log.ok_or_else(|| Failure::new("the agent needs a `log` to anchor in"))?;
                self.reporter.tell("anchors", json!({ "log": LOG }));
                self.handoff.anchor(log.append(&leaf));
            }
            (Happened::Anchored(entry), _) => self.reporter.tell("anchored", entry),
            (Happened::Judged(_, envelope), Scene::Waiting(_)) => self.on_trial_answered(now, &envelope),
            (Happened::Judged(judged, _), _) => self.reporter.tell("verified", judged),
            (Happened::Accepted, Scene::Proposing) => self.handoff.assume(),
            (Happened::HandedOff, Scene::Proposing) if !self.config.give_back => {
                self.scene = Scene::Back(now + WRAP_UP)
            }
            (Happened::HandedOff, Scene::Proposing) => {
                let peer = self
                    .config
                    .peer
                    .ok_or_else(|| Failure::new("the agent needs a `peer` to call"))?;
                let replaced = self.call;
                self.call = self.user_agent.invite(now, peer, Some(replaced))?;
                self.replaced = Some(replaced);
                let (call, old) = (self.user_agent.call_id(self.call), self.user_agent.call_id(replaced));
                self.reporter.tell("calls", json!({ "call": call, "replaces": old }));
                self.scene = Scene::Joining;
            }
            (Happened::Rejected(reason), Scene::Proposing) => self.on_rejected(now, &reason)?,
            // The centre could not answer while an earlier answer of its own was on its way.
            (Happened::TimedOut, Scene::Proposing) => self.on_rejected(now, NO_ANSWER)?,
            (Happened::Returned, Scene::HandedOver) => {
                self.reporter.tell("resumes", json!({}));
                self.scene = Scene::Back(now + WRAP_UP);
            }
            (Happened::Trouble(message), _) => return Err(Failure::new(message)),
            _ => {}
        }
        Ok(())
    }

    /// Sound that did not arrive is no reason to give up: newer sound may.
    fn on_rejected(&mut self, now: Instant, reason: &str) -> Result<(), Failure> {
        let worth_it = [SOUND_DID_NOT_ARRIVE, NO_ANSWER].contains(&reason);
        if !worth_it || self.tries > self.tries_with_sound() {
            return Err(Failure::new(format_args!("the centre rejected the handoff: {reason}")));
        }
        let how = if self.tries < self.tries_with_sound() || self.config.tier >= Tier::Sealed {
            "with newer sound"
        } else {
            "without a fingerprint"
        };
        self.reporter.tell("retries", json!({ "reason": reason, "how": how }));
        self.scene = Scene::Talking(now + TRY_AGAIN);
        Ok(())
    }

    fn propose(&mut self) -> Result<(), Failure> {
        // From Sealed upwards there is none without.
        let with_sound = self.tries < self.tries_with_sound() || self.config.tier >= Tier::Sealed;
        let call_id = self.user_agent.call_id(self.call);
        let template = proposal::template(&self.config, clock::now(), call_id)?;
        let Some(proposed) = self.handoff.propose(self.config.tier, &template, with_sound)? else {
            // Something is still on its way; the scene stays, so this is tried again at once.
            return Ok(());
        };
        self.tries += 1;
        self.said = self.talker.as_ref().map_or(0, Talker::said);
        self.trials.proposal(
            proposed["id"].as_str().unwrap_or_default(),
            call_id,
            proposed["fingerprint"].as_str(),
        );
        self.proposed = proposed;
        self.scene = Scene::Proposing;
        Ok(())
    }

    fn transmit(&mut self, now: Instant) {
        while let Some(info) = self.handoff.poll_transmit() {
            self.trials.overhear(&info);
            if info.part == 1 && info.verb == Verb::Propose {
                self.proposed["infos"] = info.parts.into();
                self.reporter.tell("proposes", self.proposed.take());
            } else if info.part == 1 {
                self.reporter
                    .tell("sends", json!({ "verb": info.verb.as_str(), "infos": info.parts }));
            }
            self.send(now, &info);
        }
    }

    fn send(&mut self, now: Instant, info: &Sending) {
        self.user_agent.send_info(now, self.call, &info.lines, &info.body);
    }

    fn try_next(&mut self, now: Instant) -> Result<(), Failure> {
        let call_id = self.user_agent.call_id(self.call);
        self.trial = self.trials.next(&self.config, call_id)?;
        let Some(trial) = &self.trial else {
            self.reporter.tell("hangs-up", json!({ "call": call_id }));
            self.user_agent.bye(now, self.call);
            self.scene = Scene::Leaving;
            return Ok(());
        };
        self.reporter
            .tell("tries", json!({ "trial": trial.name, "how": trial.how }));
        for info in trial.infos.clone() {
            self.send(now, &info);
        }
        self.scene = Scene::Waiting(now + TRIAL_LIMIT);
        Ok(())
    }

    fn on_trial_answered(&mut self, now: Instant, envelope: &[u8]) {
        let refusal = self
            .trial
            .as_ref()
            .and_then(|trial| Some((trial.name, trial.refusal(&self.config, envelope)?)));
        if let Some((trial, reason)) = refusal {
            self.reporter
                .tell("refused", json!({ "trial": trial, "reason": reason }));
            self.scene = Scene::BetweenTrials(now + BETWEEN_TRIALS);
        }
    }

    /// Whether the next trial needs the hold music to be where it was when the first call's fingerprint was taken.
    fn waits_for_music(&self) -> bool {
        let said = self.talker.as_ref().map_or(0, Talker::said);
        self.trials.is_of_music_next() && said < self.said + MUSIC_MARGIN
    }

    fn on_time(&mut self, now: Instant) -> Result<(), Failure> {
        match self.scene {
            Scene::Talking(then) if now >= then => self.propose()?,
            // Not before the old leg is dropped: its BYE may have to be sent again.
            Scene::Back(then) if now >= then && self.replaced.is_none() => {
                self.reporter
                    .tell("hangs-up", json!({ "call": self.user_agent.call_id(self.call) }));
                self.user_agent.bye(now, self.call);
                self.scene = Scene::Back(now + TRIAL_LIMIT);
            }
            Scene::BetweenTrials(then) if now >= then && !self.waits_for_music() => self.try_next(now)?,
            // No answer: the table at the end will say so.
            Scene::Waiting(then) if now >= then => self.scene = Scene::BetweenTrials(now),
            _ => {}
        }
        Ok(())
    }
}

impl Script for Agent {
    fn step(&mut self, now: Instant) -> Result<bool, Failure> {
        self.user_agent.step(now);
        while let Some(event) = self.user_agent.poll_event() {
            self.on_event(now, event)?;
        }
        if let Some(said) = self.talker.as_mut().and_then(|talker| talker.poll(now)) {
            // What goes to the receiver is the caller's sound as it came from the caller, or what a hop makes of it.
            self.handoff.on_rtp(&said.heard);
            self.user_agent.send_rtp(now, self.call, &said.sent);
        }
        self.handoff.on_time(now, None)?;
        while let Some(happened) = self.handoff.poll_happened() {
            self.on_handoff(now, happened)?;
        }
        self.on_time(now)?;
        self.transmit(now);
        let done = self.scene == Scene::Leaving && !self.user_agent.is_busy();
        if done {
            let tally = self.user_agent.tally();
            self.reporter.tell(
                "done",
                json!({ "sent": tally.sent, "lost": tally.lost, "held": tally.held }),
            );
        }
        Ok(done)
    }
}
