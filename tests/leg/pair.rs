//! Two legs with a context and a table each, and what carries INFOs between them.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::sync::atomic::AtomicU64;

use ohp::cbor::Item;
use ohp::control::Phase;
use ohp::envelope::{ENVELOPE_MAX, Tier};
use ohp::id::EnvelopeId;
use ohp::leg::{Context, Event, Host, Leg, LegError, RANDOM_LEN, SCRATCH_LEN, Settings, TRANSMIT_LEN};
use ohp::media::{Codec, Tap, TapConfig, g711};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::verify::{Disclosed, Verdict, Warning};
use serde_json::{Value, json};

use crate::common::{self, NOW, RECEIVER_DID, Random, SENDER_DID, at, bundle_json};

/// The Call-ID of both legs: they are the two ends of one dialog.
pub const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Sender,
    Receiver,
}

impl Which {
    pub fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

/// An INFO as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub headers: String,
    pub body: Vec<u8>,
}

struct End {
    leg: Leg,
    context: Context,
    words: Vec<AtomicU64>,
    tap: Option<Vec<AtomicU64>>,
    scratch: Vec<u8>,
    /// What this end lends for what only it may see; none by default.
    disclosed: Option<Box<Disclosed>>,
    /// The last complete envelope that came in.
    envelope: Vec<u8>,
    /// What its verdict warned of.
    warnings: Vec<Warning>,
}

impl End {
    fn new(bundle: &Value) -> Self {
        let words: Vec<_> = (0..TABLE.words().expect("a configuration"))
            .map(|_| AtomicU64::new(0))
            .collect();
        Table::init(&words, &TABLE, [5; 16]).expect("a table");
        Self {
            leg: Leg::new(CALL_ID).expect("an identifier"),
            context: Context {
                bundle: common::bundle(bundle),
                settings: Settings {
                    enforce: true,
                    ..Settings::default()
                },
            },
            words,
            tap: None,
            scratch: vec![0; SCRATCH_LEN],
            disclosed: None,
            envelope: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

const TABLE: Config = Config {
    replays: 64,
    hashes: 16,
    kids: 16,
    peers: 16,
    sets: 16,
    slots: 4,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

/// Two ends that lose nothing.
pub struct Pair {
    ends: [End; 2],
    pub now: Timestamp,
    pub random: Random,
    sent: Vec<u8>,
    /// What the sender's application says about the conversation.
    pub template: Value,
}

pub fn template() -> Value {
    json!({
        "audience": { "vendor": "vendor-b", "did": RECEIVER_DID, "purpose": "human-takeover" },
        "session": { "locale": "en-GB" },
        "intent": { "current": { "name": "balance_query", "confidence": 0.94 } },
        "transcript": { "redaction": { "policy": "pii-mask", "version": "1" }, "summary": "Asked for a human." },
        "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" }, "dataResidency": ["GB"] },
        "control": { "reason": "human-requested" }
    })
}

fn warnings_of(verdict: &Verdict<'_>) -> Vec<Warning> {
    verdict.warnings.iter().collect()
}

/// Text that deflate cannot shorten much.
pub fn noise(len: usize) -> String {
    let mut random = Random::new(4);
    (0..len)
        .map(|_| char::from(b'!' + (random.below(90) as u8)))
        .map(|letter| if letter == '"' { 'x' } else { letter })
        .collect()
}

impl Pair {
    pub fn new() -> Self {
        Self::with_sender_key(1)
    }

    /// Two ends whose tables hold hardly more than so many records.
    pub fn with_tables(replays: u32) -> Self {
        let mut pair = Self::new();
        for end in &mut pair.ends {
            let config = Config {
                replays,
                peers: 1024,
                ..TABLE
            };
            end.words = (0..config.words().expect("a configuration"))
                .map(|_| AtomicU64::new(0))
                .collect();
            Table::init(&end.words, &config, [5; 16]).expect("a table");
            end.context.settings.peer_rate = 1_000_000;
        }
        pair
    }

    /// Both ends begin another call; their tables stay.
    pub fn new_legs(&mut self) {
        for end in &mut self.ends {
            end.leg = Leg::new(CALL_ID).expect("an identifier");
        }
    }

    /// Both ends begin another call, with that identifier, and hear nothing yet; their tables stay.
    pub fn another_call(&mut self, call_id: &str) {
        for which in [Which::Sender, Which::Receiver] {
            self.ends[which as usize].leg = Leg::new(call_id).expect("an identifier");
            self.give_tap_to(which);
        }
    }

    /// How a side behaves.
    pub fn settings(&mut self, which: Which) -> &mut Settings {
        &mut self.ends[which as usize].context.settings
    }

    /// What a side's policy lets count.
    pub fn let_similar_sound_count(&mut self, which: Which, counts: bool) {
        self.ends[which as usize].context.bundle.receiver.robust_fingerprint = counts;
    }

    /// What the last verdict of a side warned of.
    pub fn warnings(&self, which: Which) -> &[Warning] {
        &self.ends[which as usize].warnings
    }

    /// The sender begins anew; the receiver does not know.
    pub fn forget_sender_proposal(&mut self) {
        self.ends[0].leg = Leg::new(CALL_ID).expect("an identifier");
    }

    /// Gives a side another bundle, as a reload does.
    pub fn set_bundle(&mut self, which: Which, bundle: &Value) {
        self.ends[which as usize].context.bundle = common::bundle(bundle);
    }

    /// Takes a side's keys away, as when they have run out.
    pub fn take_keys_from(&mut self, which: Which) {
        self.ends[which as usize].context.bundle.receiver.keys = Default::default();
    }

    pub fn with_sender_key(key: u8) -> Self {
        let sender = bundle_json(("vendor-a", SENDER_DID, key), (RECEIVER_DID, 2));
        let receiver = bundle_json(("vendor-b", RECEIVER_DID, 2), (SENDER_DID, 1));
        Self {
            random: Random::new(u64::from(key)),
            ..Self::between(&sender, &receiver, at(NOW))
        }
    }

    /// Two ends with those bundles.
    pub fn between(sender: &Value, receiver: &Value, now: Timestamp) -> Self {
        Self {
            ends: [End::new(sender), End::new(receiver)],
            now,
            random: Random::new(1),
            sent: Vec::new(),
            template: template(),
        }
    }

    /// Lets a side lend memory for what is disclosed to it.
    pub fn let_disclose(&mut self, which: Which) {
        self.ends[which as usize].disclosed = Some(Box::default());
    }

    /// What has been disclosed to a side.
    pub fn disclosed(&self, which: Which) -> &Disclosed {
        let disclosed = self.ends[which as usize].disclosed.as_deref();
        disclosed.expect("memory for what is disclosed")
    }

    /// The last complete envelope that came in at a side.
    pub fn received(&self, which: Which) -> &[u8] {
        &self.ends[which as usize].envelope
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn leg(&self, which: Which) -> &Leg {
        &self.ends[which as usize].leg
    }

    pub fn phases(&self) -> (Phase, Phase) {
        (self.leg(Which::Sender).phase(), self.leg(Which::Receiver).phase())
    }

    /// Calls into a leg with everything that it is lent.
    pub fn with<T>(&mut self, which: Which, call: impl FnOnce(&mut Leg, &mut Host<'_>) -> T) -> T {
        let mut random = [0; RANDOM_LEN];
        random.iter_mut().for_each(|byte| *byte = self.random.next() as u8);
        let end = &mut self.ends[which as usize];
        let mut host = Host {
            context: &end.context,
            table: Table::attach(&end.words).expect("a table"),
            tap: end.tap.as_deref().map(|words| Tap::attach(words).expect("a tap")),
            peer: b"192.0.2.1",
            now: self.now,
            random,
            scratch: &mut end.scratch,
            disclosed: end.disclosed.as_deref_mut(),
        };
        call(&mut end.leg, &mut host)
    }

    /// Gives the receiver a tap in which there is no audio yet.
    pub fn give_tap(&mut self) {
        self.give_tap_to(Which::Receiver);
    }

    /// Likewise the sender.
    pub fn give_sender_tap(&mut self) {
        self.give_tap_to(Which::Sender);
    }

    /// Lets a side hear those packets of a sound that never repeats.
    pub fn hear(&mut self, which: Which, packets: std::ops::Range<u32>) {
        self.hear_as(which, packets, 0);
    }

    /// The same as payload type 0, 8 or 9, whose octets may be any.
    pub fn hear_as(&mut self, which: Which, packets: std::ops::Range<u32>, payload_type: u8) {
        let words = self.ends[which as usize].tap.as_deref().expect("a tap");
        let tap = Tap::attach(words).expect("a tap");
        let mut packet = [0; 172];
        packet[0] = 0x80;
        packet[1] = payload_type;
        for nth in packets {
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
            let mut random = Random::new(u64::from(nth));
            packet[12..].iter_mut().for_each(|byte| *byte = random.next() as u8);
            tap.write_rtp(&packet);
        }
    }

    /// Lets a side hear a sound in packets of 20 ms, PCMA or else PCMU, but for those that `arrives` leaves out.
    pub fn hear_sound(&mut self, which: Which, samples: &[i16], law: Codec, arrives: impl Fn(usize) -> bool) {
        let words = self.ends[which as usize].tap.as_deref().expect("a tap");
        let tap = Tap::attach(words).expect("a tap");
        for (nth, samples) in samples.chunks_exact(160).enumerate().filter(|(nth, _)| arrives(*nth)) {
            let mut packet = [0; 172];
            packet[0] = 0x80;
            packet[1] = if law == Codec::Pcma { 8 } else { 0 };
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(nth as u32 * 160).to_be_bytes());
            for (octet, sample) in packet[12..].iter_mut().zip(samples) {
                *octet = match law {
                    Codec::Pcma => g711::compress_a(*sample),
                    _ => g711::compress_mu(*sample),
                };
            }
            tap.write_rtp(&packet);
        }
    }

    fn give_tap_to(&mut self, which: Which) {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        };
        let words: Vec<_> = (0..config.words().expect("a size"))
            .map(|_| AtomicU64::new(0))
            .collect();
        Tap::init(&words, &config).expect("a tap");
        self.ends[which as usize].tap = Some(words);
    }

    pub fn propose(&mut self, tier: Tier) -> Result<EnvelopeId, LegError> {
        let cbor = common::to_cbor(&self.template.to_string());
        let mut out = vec![0; ENVELOPE_MAX];
        let (id, sent) = self.with(Which::Sender, |leg, host| {
            let template = Item::parse(&cbor).expect("canonical");
            leg.propose(host, tier, template, &mut out)
                .map(|envelope| (envelope.id(), envelope.bytes().to_vec()))
        })?;
        self.sent = sent;
        Ok(id)
    }

    /// The last proposal of the sender, as its application keeps it.
    pub fn sent_envelope(&self) -> Vec<u8> {
        self.sent.clone()
    }

    /// Runs something as if the clocks showed another time.
    pub fn at_another_time<T>(&mut self, millis: i64, call: impl FnOnce(&mut Self) -> T) -> T {
        let now = self.now;
        self.now = now.plus(millis);
        let result = call(self);
        self.now = now;
        result
    }

    /// A proposal in the other direction.
    pub fn propose_from_receiver(&mut self, tier: Tier) -> Result<EnvelopeId, LegError> {
        let mut template = self.template.clone();
        template["audience"] = json!({ "vendor": "vendor-a", "did": SENDER_DID, "purpose": "human-takeover" });
        let cbor = common::to_cbor(&template.to_string());
        let mut out = vec![0; ENVELOPE_MAX];
        self.with(Which::Receiver, |leg, host| {
            let template = Item::parse(&cbor).expect("canonical");
            leg.propose(host, tier, template, &mut out)
                .map(|envelope| envelope.id())
        })
    }

    /// The bytes of a proposal.
    pub fn propose_bytes(&mut self, tier: Tier) -> Vec<u8> {
        let cbor = common::to_cbor(&self.template.to_string());
        let mut out = vec![0; ENVELOPE_MAX];
        self.with(Which::Sender, |leg, host| {
            let template = Item::parse(&cbor).expect("canonical");
            leg.propose(host, tier, template, &mut out)
                .expect("a proposal")
                .bytes()
                .to_vec()
        })
    }

    /// The largest body of a side's INFOs, in bytes.
    pub fn set_body_max(&mut self, which: Which, body_max: usize) {
        self.ends[which as usize].context.settings.form.body_max = body_max;
    }

    /// Whether a side answers what it refuses by itself.
    pub fn set_enforce(&mut self, which: Which, enforce: bool) {
        self.ends[which as usize].context.settings.enforce = enforce;
    }

    /// A handoff that has come to ACCEPTED on both sides, all events read.
    pub fn accepted(&mut self, tier: Tier) -> EnvelopeId {
        let id = self.propose(tier).expect("a proposal");
        self.settle();
        self.with(Which::Receiver, |leg, host| leg.accept(host))
            .expect("an ACCEPT");
        self.settle();
        self.events(Which::Sender);
        self.events(Which::Receiver);
        assert_eq!(self.phases(), (Phase::Accepted, Phase::Accepted));
        id
    }

    pub fn poll(&mut self, which: Which) -> Option<Info> {
        let end = &mut self.ends[which as usize];
        let table = Table::attach(&end.words).expect("a table");
        let mut buffer = [0; TRANSMIT_LEN];
        let transmit = end.leg.poll_transmit(&table, &mut buffer)?;
        Some(Info {
            headers: format!("{}\r\n", transmit.info.headers),
            body: transmit.info.body.to_vec(),
        })
    }

    pub fn respond(&mut self, which: Which, status: u16) {
        let end = &mut self.ends[which as usize];
        let table = Table::attach(&end.words).expect("a table");
        end.leg.handle_response(&table, status);
    }

    /// Hands an INFO to a leg; the status of its answer.
    pub fn deliver(&mut self, to: Which, info: &Info) -> u16 {
        let mut out = vec![0; ENVELOPE_MAX];
        let (status, envelope) = self.with(to, |leg, host| {
            let info = ohp::transport::Info::parse(info.headers.as_bytes(), &info.body).expect("headers");
            let handled = leg.handle_info(host, &info, &mut out, &mut |_, _| ());
            let envelope = handled
                .verdict
                .and_then(|verdict| verdict.envelope)
                .map(|envelope| envelope.bytes().to_vec());
            let warnings = handled.verdict.as_ref().map(warnings_of);
            (handled.status.code(), envelope.zip(warnings))
        });
        if let Some((envelope, warnings)) = envelope {
            (self.ends[to as usize].envelope, self.ends[to as usize].warnings) = (envelope, warnings);
        }
        status
    }

    /// Verifies the receiver's last envelope once more.
    pub fn verify_again(&mut self) {
        let bytes = self.ends[1].envelope.clone();
        let warnings = self.with(Which::Receiver, |leg, host| {
            let handled = leg.verify_again(host, &bytes, &mut |_, _| ());
            handled.verdict.as_ref().map(warnings_of)
        });
        self.ends[1].warnings = warnings.unwrap_or_default();
    }

    /// All that one leg wants to send, each INFO answered 200 without being delivered.
    pub fn collect(&mut self, which: Which) -> Vec<Info> {
        let mut infos = Vec::new();
        while let Some(info) = self.poll(which) {
            infos.push(info);
            self.respond(which, 200);
        }
        infos
    }

    /// Carries INFOs to and fro until neither leg has any; what was carried.
    pub fn settle(&mut self) -> Vec<Info> {
        let mut carried = Vec::new();
        loop {
            let mut quiet = true;
            for from in [Which::Sender, Which::Receiver] {
                while let Some(info) = self.poll(from) {
                    let status = self.deliver(from.other(), &info);
                    self.respond(from, status);
                    carried.push(info);
                    quiet = false;
                }
            }
            if quiet {
                return carried;
            }
        }
    }

    pub fn fail_next(&mut self, which: Which, status: u16) {
        self.poll(which).expect("an INFO");
        self.respond(which, status);
    }

    /// Lets the sender's proposal run out.
    pub fn fail_proposal(&mut self) {
        let deadline = self.leg(Which::Sender).poll_timeout().expect("a proposal");
        self.advance_to(deadline);
        self.events(Which::Sender);
    }

    pub fn events(&mut self, which: Which) -> Vec<Event> {
        let leg = &mut self.ends[which as usize].leg;
        std::iter::from_fn(|| leg.poll_event()).collect()
    }

    /// As [`Pair::advance_to`], where the receiver's timer runs out a moment before the sender's.
    pub fn advance_receiver_to(&mut self, now: Timestamp) {
        self.now = now;
        self.with(Which::Receiver, |leg, host| leg.handle_timeout(host));
    }

    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        for which in [Which::Sender, Which::Receiver] {
            self.with(which, |leg, host| leg.handle_timeout(host));
        }
    }
}
