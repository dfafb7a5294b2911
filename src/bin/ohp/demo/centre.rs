//! The contact centre's script: it takes calls, judges what is proposed on them, accepts, holds the conversation for a
//! while and gives it back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ohp::media::sdp::SdpOrigin;
use serde_json::json;

use super::dialog::DialogId;
use super::event::Reporter;
use super::handoff::{Handoff, Happened};
use super::log::LOG;
use super::peer::{Config, Script};
use super::proposal;
use super::user_agent::{Event, UserAgent};
use crate::exit::Failure;

/// How long the centre talks to the caller before it gives the conversation back.
const HOLD: Duration = Duration::from_millis(3000);

/// How long it stays after the last call, to answer what is sent again because an answer was lost.
const LINGER: Duration = Duration::from_millis(300);

/// The same where answers do get lost: the first three retransmissions come within 3.5 s.
const LINGER_IN_BAD_WEATHER: Duration = Duration::from_secs(4);

/// A call that was taken: the signalling of one conversation, over one dialog after another.
struct Call {
    handoff: Handoff,
    /// Where messages go now.
    dialog: DialogId,
    /// A leg that another has replaced and that is to be dropped.
    replaced: Option<DialogId>,
    give_back_at: Option<Instant>,
}

/// The contact centre.
pub struct Centre {
    config: Config,
    user_agent: UserAgent,
    reporter: Reporter,
    calls: Vec<Call>,
    /// Which call each dialog belongs to.
    call_of: BTreeMap<usize, usize>,
    open: usize,
    quiet_since: Option<Instant>,
}

impl Centre {
    /// A centre that waits for calls.
    pub fn new(config: Config, user_agent: UserAgent, reporter: Reporter) -> Self {
        let (calls, call_of) = (Vec::new(), BTreeMap::new());
        Self {
            config,
            user_agent,
            reporter,
            calls,
            call_of,
            open: 0,
            quiet_since: None,
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) -> Result<(), Failure> {
        match event {
            Event::Invited {
                dialog,
                offer,
                replaces,
            } => self.on_invite(now, dialog, &offer, replaces)?,
            Event::Confirmed { dialog, .. } => self.on_joined(dialog),
            Event::Info { dialog, request } => {
                let status = match self.call(dialog) {
                    Some(call) => call.handoff.on_info(now, &request),
                    None => 481,
                };
                self.user_agent.respond(now, dialog, &request, status);
            }
            Event::InfoDone { dialog, status } => {
                if let Some(call) = self.call(dialog) {
                    call.handoff.on_info_done(status);
                }
            }
            Event::Rtp { dialog, packet } => {
                if let Some(call) = self.call(dialog) {
                    call.handoff.on_rtp(&packet);
                }
            }
            Event::Ended { dialog, .. } => {
                self.open = self.open.saturating_sub(1);
                self.call_of.remove(&dialog.0);
                self.quiet_since = Some(now);
            }
            Event::Failed { .. } => {}
        }
        Ok(())
    }

    fn on_invite(
        &mut self,
        now: Instant,
        dialog: DialogId,
        offer: &[u8],
        replaces: Option<DialogId>,
    ) -> Result<(), Failure> {
        let call_id = self.user_agent.call_id(dialog).to_owned();
        let answer = self.user_agent.accept(now, dialog)?;
        self.open += 1;
        self.reporter.tell("answers", json!({ "call": call_id }));
        match replaces.and_then(|old| self.call_of.get(&old.0).copied()) {
            Some(index) => {
                self.call_of.insert(dialog.0, index);
                self.calls[index].handoff.bind(&call_id)?;
            }
            None => {
                let mut handoff = Handoff::new(&self.config.shared, &call_id)?;
                handoff.on_sdp(SdpOrigin::Remote, offer, answer.as_bytes())?;
                self.call_of.insert(dialog.0, self.calls.len());
                self.calls.push(Call {
                    handoff,
                    dialog,
                    replaced: None,
                    give_back_at: None,
                });
            }
        }
        Ok(())
    }

    /// A call stands. If it replaces another, the other is to be dropped (RFC 3891 §3).
    fn on_joined(&mut self, dialog: DialogId) {
        let call_id = self.user_agent.call_id(dialog).to_owned();
        let Some(call) = self.call(dialog) else { return };
        if call.dialog != dialog {
            call.replaced = Some(std::mem::replace(&mut call.dialog, dialog));
            self.reporter.tell("joined", json!({ "call": call_id }));
        }
    }

    fn call(&mut self, dialog: DialogId) -> Option<&mut Call> {
        self.call_of.get(&dialog.0).and_then(|index| self.calls.get_mut(*index))
    }

    fn drive(&mut self, now: Instant) -> Result<(), Failure> {
        for call in &mut self.calls {
            call.handoff.on_time(now, self.config.log.as_ref())?;
            while let Some(happened) = call.handoff.poll_happened() {
                match happened {
                    Happened::Unresolved(leaf, stated) => {
                        if let Some(log) = &self.config.log {
                            self.reporter.tell("looks-up", json!({ "log": LOG }));
                            call.handoff.look_up(stated, log.find(&leaf));
                        }
                    }
                    Happened::Judged(judged, _) => self.reporter.tell("verified", judged),
                    Happened::Proposed => call.handoff.accept(),
                    Happened::HandedOff => {
                        self.reporter.tell("holds", json!({}));
                        call.give_back_at = self.config.give_back.then(|| now + HOLD);
                    }
                    Happened::Trouble(message) => self.reporter.tell("trouble", json!({ "message": message })),
                    Happened::AnchorNeeded(_)
                    | Happened::Anchored(_)
                    | Happened::Accepted
                    | Happened::Rejected(_)
                    | Happened::Returned
                    | Happened::TimedOut => {}
                }
            }
            // What is still on its way on the old leg is waited for: it is a message of this conversation.
            let drop = call.replaced.take_if(|old| !self.user_agent.has_info_outstanding(*old));
            if let Some(old) = drop {
                self.reporter
                    .tell("hangs-up", json!({ "call": self.user_agent.call_id(old) }));
                self.user_agent.bye(now, old);
            }
            if call.give_back_at.is_some_and(|then| now >= then) {
                call.give_back_at = None;
                call.handoff.give_back(proposal::resolved()?);
            }
            while let Some(info) = call.handoff.poll_transmit() {
                if info.part == 1 {
                    self.reporter
                        .tell("sends", json!({ "verb": info.verb.as_str(), "infos": info.parts }));
                }
                self.user_agent.send_info(now, call.dialog, &info.lines, &info.body);
            }
        }
        Ok(())
    }

    /// Whether the last call is over and everybody has had time to hear of it.
    fn is_done(&self, now: Instant) -> bool {
        let expected = if self.config.trials { 2 } else { 1 };
        let clear = self.config.weather.loss == 0.0;
        let linger = if clear { LINGER } else { LINGER_IN_BAD_WEATHER };
        self.calls.len() >= expected
            && self.open == 0
            && !self.user_agent.is_busy()
            && self.quiet_since.is_some_and(|since| now >= since + linger)
    }
}

impl Script for Centre {
    fn step(&mut self, now: Instant) -> Result<bool, Failure> {
        self.user_agent.step(now);
        while let Some(event) = self.user_agent.poll_event() {
            self.on_event(now, event)?;
        }
        self.drive(now)?;
        let done = self.is_done(now);
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
