//! The handoff on one call: the library's [`Leg`], its tap, and the memory that a host lends them.
//!
//! The rest of the demonstration plays the PBX; this file is what a PBX module does with the library.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use ohp::cbor::Item;
use ohp::envelope::{ENVELOPE_MAX, Envelope, Field, Tier, Verb};
use ohp::leg::{self, Context, Event, Handled, Host, Leg, LegError, RANDOM_LEN, SdpOrigin, Settings};
use ohp::media::codec::Codec;
use ohp::media::tap::{MAX_SECONDS, Tap, TapConfig};
use ohp::table::{self, Table};
use ohp::time::Timestamp;
use ohp::transport::{Info, SipStatus};
use ohp::trust::bundle::Bundle;
use ohp::trust::transparency::merkle::{self, Hash};
use ohp::verify::{Disclosed, NeedKind, Outcome, Step, StepResult, Verdict};
use serde_json::{Map, Value, json};

use super::log::{Asked, LogAt};
use super::message::Message;
use super::random;
use crate::clock;
use crate::exit::Failure;

/// What the table has room for: a handful of calls.
const TABLE: table::Config = table::Config {
    replays: 256,
    hashes: 64,
    kids: 64,
    peers: 64,
    sets: 64,
    slots: 32,
    slot_bytes: 32 * 1024,
    sounds: 16,
};

/// What the host knows its peer by.
const PEER: &[u8] = b"127.0.0.1";

/// How long a proposal that lacks sound waits before it is judged again.
const LOOK_AGAIN: Duration = Duration::from_millis(60);

/// What one side has for all of its calls.
pub struct Shared {
    /// Who this side is and whom it believes, as it was told, to which resources are added that it has asked for.
    bundle: RefCell<Value>,
    settings: Settings,
    /// A reload makes a new one; calls go on with either.
    context: RefCell<Rc<Context>>,
    table: Vec<AtomicU64>,
}

impl Shared {
    /// Makes the table of a side with this configuration.
    pub fn new(bundle: Value, settings: Settings) -> Result<Rc<Self>, Failure> {
        let context = Rc::new(context(&bundle, settings)?);
        let words = TABLE.words().map_err(Failure::new)?;
        let table: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
        Table::init(&table, &TABLE, random::bytes()).map_err(Failure::new)?;
        Ok(Rc::new(Self {
            bundle: RefCell::new(bundle),
            settings,
            context: RefCell::new(context),
            table,
        }))
    }

    /// The configuration.
    pub fn context(&self) -> Rc<Context> {
        Rc::clone(&self.context.borrow())
    }

    /// Loads the bundle again, with a log that has been asked.
    fn know_logs(&self, logs: Value) -> Result<(), Failure> {
        let mut bundle = self.bundle.borrow_mut();
        bundle["logs"] = logs;
        *self.context.borrow_mut() = Rc::new(context(&bundle, self.settings)?);
        Ok(())
    }

    /// What is lent for a call into the library that no leg is part of.
    pub fn with_host<R>(&self, now: Timestamp, call: impl FnOnce(&mut Host<'_>) -> R) -> R {
        let mut scratch = vec![0; leg::SCRATCH_LEN];
        call(&mut Host {
            context: &self.context(),
            table: Table::attach(&self.table).expect("the table was initialised when it was made"),
            tap: None,
            peer: PEER,
            now,
            random: random::bytes::<RANDOM_LEN>(),
            scratch: &mut scratch,
            disclosed: None,
        })
    }
}

fn context(bundle: &Value, settings: Settings) -> Result<Context, Failure> {
    let bundle = Bundle::from_json(bundle.to_string().as_bytes()).map_err(Failure::new)?;
    Ok(Context { bundle, settings })
}

/// An INFO to send: what the library gives a host.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Header lines, each with its CRLF.
    pub lines: String,
    /// The body.
    pub body: Vec<u8>,
    /// The verb of the message that it belongs to.
    pub verb: Verb,
    /// Which INFO of the message it is, from 1.
    pub part: u32,
    /// How many INFO requests the message takes.
    pub parts: u32,
}

/// Something that happened to the handoff.
pub enum Happened {
    /// A Regulated proposal of ours waits for its place in the log, of this leaf.
    AnchorNeeded(Hash),
    /// It is in the log and on its way: the log's entry.
    Anchored(Value),
    /// A Regulated proposal of the peer's is to be looked up in the log: the leaf, and what the envelope states.
    Unresolved(Hash, String),
    /// An envelope was verified: the report, and the envelope's CBOR.
    Judged(Value, Vec<u8>),
    /// The peer proposes, and its envelope holds.
    Proposed,
    /// The peer takes the conversation.
    Accepted,
    /// The peer does not take it, for this reason.
    Rejected(String),
    /// The receiver holds the conversation.
    HandedOff,
    /// The sender has it back.
    Returned,
    /// An answer or an ASSUME did not come in time.
    TimedOut,
    /// Something that should not happen in the demonstration.
    Trouble(String),
}

/// Something that the application wants said.
enum Wish {
    Accept,
    Assume,
    GiveBack(Vec<u8>),
}

/// The handoff on one call.
pub struct Handoff {
    shared: Rc<Shared>,
    leg: Leg,
    tap: Vec<AtomicU64>,
    /// A proposal that waits to be anchored, and what the log is asked about it.
    unanchored: Option<(Vec<u8>, Option<Asked>)>,
    /// What the log is asked about a proposal of the peer's, and the leaf hash that it states.
    looking_up: Option<(String, Asked)>,
    /// What the envelope that was judged last disclosed.
    disclosed: Box<Disclosed>,
    /// What is lent to the leg for each call into it.
    scratch: Vec<u8>,
    /// Where received envelopes are written.
    envelope: Vec<u8>,
    /// A proposal that lacks sound, and when to judge it again.
    pending: Option<(Vec<u8>, Instant)>,
    wishes: VecDeque<Wish>,
    happened: VecDeque<Happened>,
}

impl Handoff {
    /// The handoff on the call `call_id`.
    pub fn new(shared: &Rc<Shared>, call_id: &str) -> Result<Self, Failure> {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: MAX_SECONDS,
        };
        let tap: Vec<AtomicU64> = (0..config.words().unwrap_or_default())
            .map(|_| AtomicU64::new(0))
            .collect();
        Tap::init(&tap, &config).map_err(Failure::new)?;
        Ok(Self {
            shared: Rc::clone(shared),
            leg: Leg::new(call_id).map_err(Failure::new)?,
            tap,
            unanchored: None,
            looking_up: None,
            disclosed: Box::new(Disclosed::new()),
            scratch: vec![0; leg::SCRATCH_LEN],
            envelope: vec![0; ENVELOPE_MAX],
            pending: None,
            wishes: VecDeque::new(),
            happened: VecDeque::new(),
        })
    }

    /// Tells the leg of another identifier of its call.
    pub fn bind(&mut self, call_id: &str) -> Result<(), Failure> {
        self.leg.bind_id(call_id).map_err(Failure::new)
    }

    /// Tells the leg what both sides agreed on, and whose offer it was.
    pub fn on_sdp(&mut self, offerer: SdpOrigin, offer: &[u8], answer: &[u8]) -> Result<(), Failure> {
        let answerer = match offerer {
            SdpOrigin::Local => SdpOrigin::Remote,
            SdpOrigin::Remote => SdpOrigin::Local,
        };
        self.leg.handle_sdp(offerer, offer).map_err(Failure::new)?;
        self.leg.handle_sdp(answerer, answer).map_err(Failure::new)?;
        let tap = Tap::attach(&self.tap).map_err(Failure::new)?;
        tap.set_payload_types(self.leg.payload_types());
        Ok(())
    }

    /// Taps the caller's sound.
    pub fn on_rtp(&mut self, packet: &[u8]) {
        if let Ok(tap) = Tap::attach(&self.tap) {
            tap.write_rtp(packet);
        }
    }

    /// Hands an INFO to the leg; gives the SIP status to answer with.
    pub fn on_info(&mut self, now: Instant, request: &Message) -> u16 {
        let Ok(info) = Info::parse(request.head.as_bytes(), &request.body) else {
            return SipStatus::BadRequest.code();
        };
        let mut watch = Watch::start();
        let mut envelope = std::mem::take(&mut self.envelope);
        let handled = self.with_host(true, |leg, host| {
            let handled = leg.handle_info(host, &info, &mut envelope, &mut |step, result| watch.lap(step, result));
            report(handled, host.disclosed.as_deref_mut())
        });
        self.envelope = envelope;
        self.note(now, handled.verdict, &watch, false);
        self.drain();
        handled.status
    }

    /// Tells the leg how an INFO of ours was answered.
    pub fn on_info_done(&mut self, status: u16) {
        self.with_host(true, |leg, host| leg.handle_response(&host.table, status));
        self.drain();
    }

    /// Does what is due, and judges a proposal again that waits for sound.
    pub fn on_time(&mut self, now: Instant, log: Option<&LogAt>) -> Result<(), Failure> {
        self.send_if_anchored();
        self.resolve(log)?;
        self.with_host(true, |leg, host| {
            if leg.poll_timeout().is_some_and(|deadline| host.now >= deadline) {
                leg.handle_timeout(host);
            }
        });
        if let Some((envelope, _)) = self.pending.take_if(|(_, then)| now >= *then) {
            let mut watch = Watch::start();
            let handled = self.with_host(true, |leg, host| {
                let handled = leg.verify_again(host, &envelope, &mut |step, result| watch.lap(step, result));
                report(handled, host.disclosed.as_deref_mut())
            });
            self.note(now, handled.verdict, &watch, true);
        }
        self.grant();
        self.drain();
        Ok(())
    }

    /// Proposes, with the fingerprint of the tapped sound or without one; gives what to tell of it, or `None` while
    /// another message is on its way.
    pub fn propose(&mut self, tier: Tier, template: &[u8], with_sound: bool) -> Result<Option<Value>, Failure> {
        let template = Item::parse(template).map_err(Failure::new)?;
        let mut out = vec![0; ENVELOPE_MAX];
        let proposed = self.with_host(with_sound, |leg, host| {
            leg.propose(host, tier, template, &mut out).map(|envelope| {
                let told = json!({
                    "id": envelope.id().as_str(),
                    "tier": envelope.tier().as_str(),
                    "bytes": envelope.bytes().len(),
                    "fingerprint": envelope.session().rtp_fingerprint(),
                    "sealed": envelope.sealed().fields().collect::<Vec<_>>(),
                });
                (told, envelope.bytes().to_vec())
            })
        });
        match proposed {
            Ok((proposed, cbor)) => {
                self.unanchored = self.leg.unanchored().map(|_| (cbor, None));
                self.drain();
                Ok(Some(proposed))
            }
            Err(LegError::Busy) => Ok(None),
            Err(error) => Err(Failure::new(error)),
        }
    }

    /// Notes what the log is asked about the proposal that waits to be anchored.
    pub fn anchor(&mut self, asked: Asked) {
        if let Some((_, waits_for)) = &mut self.unanchored {
            *waits_for = Some(asked);
        }
    }

    /// Sends the proposal that waits, once it is in the log.
    fn send_if_anchored(&mut self) {
        let Some((cbor, Some(asked))) = &self.unanchored else {
            return;
        };
        let Some(entry) = asked.poll() else { return };
        let Some(entry) = entry else {
            self.leg.withdraw();
            self.unanchored = None;
            self.happened
                .push_back(Happened::Trouble("the log did not take the envelope".to_owned()));
            return;
        };
        let cbor = cbor.clone();
        let sent = self.with_host(true, |leg, host| leg.anchored(host, &cbor));
        self.unanchored = None;
        self.happened.push_back(match sent {
            Ok(()) => Happened::Anchored(entry),
            Err(error) => Happened::Trouble(error.to_string()),
        });
    }

    /// Notes what the log is asked about a proposal that states this leaf hash.
    pub fn look_up(&mut self, leaf_hash: String, asked: Asked) {
        self.looking_up = Some((leaf_hash, asked));
    }

    /// Loads what the log has answered; the proposal that waits for it is then judged again.
    fn resolve(&mut self, log: Option<&LogAt>) -> Result<(), Failure> {
        let answered = self.looking_up.as_ref().and_then(|(leaf_hash, asked)| {
            let entry = asked.poll()?;
            Some((leaf_hash.clone(), entry))
        });
        let Some((leaf_hash, entry)) = answered else {
            return Ok(());
        };
        self.looking_up = None;
        match (log, entry) {
            (Some(log), Some(entry)) => self.shared.know_logs(log.to_bundle(&leaf_hash, &entry)),
            _ => Ok(()),
        }
    }

    /// Takes the conversation, as soon as nothing else is on its way.
    pub fn accept(&mut self) {
        self.wishes.push_back(Wish::Accept);
    }

    /// Makes the handoff final, as soon as nothing else is on its way.
    pub fn assume(&mut self) {
        self.wishes.push_back(Wish::Assume);
    }

    /// Gives the conversation back, with what has changed, as soon as nothing else is on its way.
    pub fn give_back(&mut self, context: Vec<u8>) {
        self.wishes.push_back(Wish::GiveBack(context));
    }

    /// Says what the application wants said. The leg sends one message at a time.
    fn grant(&mut self) {
        let Some(wish) = self.wishes.pop_front() else { return };
        let said = self.with_host(true, |leg, host| match &wish {
            Wish::Accept => leg.accept(host),
            Wish::Assume => leg.assume(host),
            Wish::GiveBack(context) => leg.give_back(host, "resolved", Item::parse(context).ok()),
        });
        match said {
            Ok(()) => {}
            Err(LegError::Busy) => self.wishes.push_front(wish),
            Err(error) => self.happened.push_back(Happened::Trouble(error.to_string())),
        }
    }

    /// The next INFO to send.
    pub fn poll_transmit(&mut self) -> Option<Sending> {
        let mut buffer = [0; leg::TRANSMIT_LEN];
        self.with_host(true, |leg, host| {
            let transmit = leg.poll_transmit(&host.table, &mut buffer)?;
            Some(Sending {
                lines: transmit.info.headers.to_owned(),
                body: transmit.info.body.to_vec(),
                verb: transmit.verb,
                part: transmit.part,
                parts: transmit.parts,
            })
        })
    }

    /// The next thing that happened.
    pub fn poll_happened(&mut self) -> Option<Happened> {
        self.happened.pop_front()
    }

    fn with_host<R>(&mut self, with_sound: bool, call: impl FnOnce(&mut Leg, &mut Host<'_>) -> R) -> R {
        let table = Table::attach(&self.shared.table).expect("the table was initialised when it was made");
        let tap = Tap::attach(&self.tap).expect("the tap was initialised when it was made");
        let context = self.shared.context();
        let mut host = Host {
            context: &context,
            table,
            tap: with_sound.then_some(tap),
            peer: PEER,
            now: clock::now(),
            random: random::bytes::<RANDOM_LEN>(),
            scratch: &mut self.scratch,
            disclosed: Some(&mut self.disclosed),
        };
        call(&mut self.leg, &mut host)
    }

    /// Tells of a verdict; one that lacks sound `again` has been told.
    fn note(&mut self, now: Instant, verdict: Option<(Value, Vec<u8>)>, watch: &Watch, again: bool) {
        let Some((mut judged, envelope)) = verdict else {
            return;
        };
        let waits = judged["outcome"] == "need";
        if let Some((leaf, stated)) = leaf_to_find(&judged, &envelope).filter(|_| self.looking_up.is_none() && !again) {
            self.happened.push_back(Happened::Unresolved(leaf, stated));
        }
        if waits {
            self.pending = Some((envelope.clone(), now + LOOK_AGAIN));
        }
        if !(waits && again) {
            judged["micros"] = watch.total().into();
            judged["steps"] = watch.to_json();
            self.happened.push_back(Happened::Judged(judged, envelope));
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.leg.poll_event() {
            let happened = match event {
                Event::Proposed { .. } => Happened::Proposed,
                Event::AnchorNeeded { leaf, .. } => Happened::AnchorNeeded(leaf),
                Event::Accepted { .. } => Happened::Accepted,
                Event::Rejected { reason, .. } => {
                    Happened::Rejected(reason.map_or("unknown", |reason| reason.as_str()).to_owned())
                }
                Event::HandedOff { .. } => Happened::HandedOff,
                Event::Returned { .. } => Happened::Returned,
                Event::TimedOut { .. } => Happened::TimedOut,
                Event::Undelivered { verb, status } => {
                    Happened::Trouble(format!("{verb} could not be delivered: {status}"))
                }
                Event::Overloaded => Happened::Trouble("the shared table is full".to_owned()),
                // What was refused has been told as a verdict, and what moved nothing is no news.
                _ => continue,
            };
            self.happened.push_back(happened);
        }
    }
}

/// What is kept of a [`Handled`], whose verdict borrows.
struct Answer {
    status: u16,
    verdict: Option<(Value, Vec<u8>)>,
}

/// What happened to an INFO. What was disclosed is put on the screen, and not kept.
fn report(handled: Handled<'_>, disclosed: Option<&mut Disclosed>) -> Answer {
    let verdict = handled.verdict.and_then(|verdict| {
        let envelope = verdict.envelope?;
        let mut judged = verdict_json(&verdict, &envelope);
        if let Some(disclosed) = disclosed.filter(|_| verdict.is_accepted() && envelope.verb() == Verb::Propose) {
            show(disclosed, &mut judged["conversation"]);
            disclosed.wipe();
        }
        Some((judged, envelope.bytes().to_vec()))
    });
    Answer {
        status: handled.status.code(),
        verdict,
    }
}

fn verdict_json(verdict: &Verdict<'_>, envelope: &Envelope<'_>) -> Value {
    let outcome = match verdict.outcome {
        Outcome::Accept => "accept",
        Outcome::Reject(..) => "reject",
        Outcome::Need => "need",
        Outcome::Duplicate => "duplicate",
        Outcome::Overloaded => "overloaded",
    };
    let mut judged = json!({
        "id": envelope.id().as_str(),
        "verb": envelope.verb().as_str(),
        "tier": envelope.tier().as_str(),
        "outcome": outcome,
    });
    judged["needs"] = verdict.needs.as_slice().iter().map(|need| need.kind.as_str()).collect();
    if let Some((_, failure)) = verdict.failure() {
        judged["reason"] = failure.reason.as_str().into();
        judged["why"] = failure.why.to_string().into();
    }
    if verdict.is_accepted() && matches!(envelope.verb(), Verb::Propose | Verb::Return) {
        judged["conversation"] = conversation(envelope);
    }
    judged
}

/// The leaf of an envelope that lacks its log's entry, and the leaf hash that it states.
fn leaf_to_find(judged: &Value, cbor: &[u8]) -> Option<(Hash, String)> {
    let lacks_log = judged["needs"]
        .as_array()?
        .iter()
        .any(|need| need == NeedKind::Log.as_str());
    let envelope = Envelope::read(cbor, &mut |_| ()).ok().filter(|_| lacks_log)?;
    let stated = envelope.item(Field::LeafHash)?.as_text()?.to_owned();
    Some((merkle::leaf_hash(&envelope.surface().segments()), stated))
}

/// Puts what only the receiver can read beside the conversation.
fn show(disclosed: &Disclosed, conversation: &mut Value) {
    let shown = |value: Item<'_>| Value::from(value.as_text());
    if let Some(fields) = disclosed.fields() {
        let fields = fields.iter().map(|(name, value)| (name.to_owned(), shown(value)));
        conversation["opened"] = Value::Object(fields.collect());
    }
    if let Some(claims) = disclosed.claims() {
        let known = ["given_name", "account_ref"].into_iter();
        let claims = known.filter_map(|name| Some((name.to_owned(), claims.text(name)?.into())));
        conversation["verified"] = Value::Object(claims.collect());
    }
}

/// What an agent's screen would show of the conversation.
fn conversation(envelope: &Envelope<'_>) -> Value {
    let intent = envelope.intent();
    let slots = intent.slots().into_iter().flatten();
    json!({
        "intent": intent.name(),
        "confidence": intent.confidence(),
        "slots": slots.map(|(name, value)| (name.to_owned(), value.as_text().into())).collect::<Map<_, _>>(),
        "summary": envelope.transcript().summary(),
    })
}

/// Times the steps of a verification.
pub struct Watch {
    last: Instant,
    laps: Vec<(Step, StepResult, f64)>,
}

impl Watch {
    /// A watch that runs.
    pub fn start() -> Self {
        Self {
            last: Instant::now(),
            laps: Vec::with_capacity(ohp::verify::STEP_COUNT),
        }
    }

    /// A step has ended.
    pub fn lap(&mut self, step: Step, result: StepResult) {
        let now = Instant::now();
        self.laps
            .push((step, result, (now - self.last).as_nanos() as f64 / 1000.0));
        self.last = now;
    }

    /// Microseconds of all steps.
    pub fn total(&self) -> f64 {
        self.laps.iter().map(|(_, _, micros)| micros).sum()
    }

    /// The steps as reports show them.
    pub fn to_json(&self) -> Value {
        self.laps
            .iter()
            .map(|(step, result, micros)| {
                json!({ "step": step.number(), "name": step.name(), "result": result.as_str(), "micros": micros })
            })
            .collect()
    }
}
