//! Two legs with a context and a table each, and what carries INFOs between them.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;

use ohp::cbor::Item;
use ohp::control::Phase;
use ohp::envelope::{ENVELOPE_MAX, Tier};
use ohp::id::EnvelopeId;
use ohp::leg::{Context, Event, Host, Leg, LegError, RANDOM_LEN, SCRATCH_LEN, Settings, TRANSMIT_LEN};
use ohp::media::{Codec, Tap, TapConfig};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::verify::Disclosed;
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
    fn other(self) -> Self {
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
};

/// Two ends that lose nothing.
pub struct Pair {
    ends: [End; 2],
    now: Timestamp,
    random: Random,
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
        let words = self.ends[which as usize].tap.as_deref().expect("a tap");
        let tap = Tap::attach(words).expect("a tap");
        let mut packet = [0; 172];
        packet[0] = 0x80;
        for nth in packets {
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
            let mut random = Random::new(u64::from(nth));
            packet[12..].iter_mut().for_each(|byte| *byte = random.next() as u8);
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
            (handled.status.code(), envelope)
        });
        if let Some(envelope) = envelope {
            self.ends[to as usize].envelope = envelope;
        }
        status
    }

    /// Verifies the receiver's last envelope once more.
    pub fn verify_again(&mut self) {
        let bytes = self.ends[1].envelope.clone();
        self.with(Which::Receiver, |leg, host| {
            let _ = leg.verify_again(host, &bytes, &mut |_, _| ());
        });
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

    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        for which in [Which::Sender, Which::Receiver] {
            self.with(which, |leg, host| leg.handle_timeout(host));
        }
    }
}

/// Two ends over a network that loses, doubles and reorders datagrams, with SIP's INFO transactions on top: requests
/// are sent again until they are answered or given up, and a request that was answered before is given the same answer.
pub struct Lossy {
    pair: Pair,
    random: Random,
    loss: usize,
    gives_back: bool,
    wire: VecDeque<(u64, Which, Datagram)>,
    clock: u64,
    transactions: [Option<Transaction>; 2],
    answered: [Vec<(u64, u16)>; 2],
    cseq: u64,
}

#[derive(Clone)]
enum Datagram {
    Request(u64, Info),
    Response(u64, u16),
}

struct Transaction {
    cseq: u64,
    info: Info,
    next_retry: u64,
    tries: u32,
}

/// How often a request is sent before it counts as unanswered; with timer T1 of 500 ms (RFC 3261 §17.1.2).
const TRIES: u32 = 11;
const T1: u64 = 500;
const T2: u64 = 4_000;

impl Lossy {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut pair = Pair::new();
        pair.random = Random::new(seed ^ 0xabcd);
        if random.below(4) == 0 {
            pair.template["transcript"]["summary"] = json!(noise(1_500));
        }
        // In percent, each way: up to where a request and its response both arrive in one try out of three.
        let loss = [0, 5, 20, 40][random.below(4)];
        Self {
            pair,
            gives_back: random.below(3) == 0,
            random,
            loss,
            wire: VecDeque::new(),
            clock: 0,
            transactions: [None, None],
            answered: [Vec::new(), Vec::new()],
            cseq: 1,
        }
    }

    fn send(&mut self, to: Which, datagram: Datagram) {
        for _ in 0..if self.random.below(10) == 0 { 2 } else { 1 } {
            if self.random.below(100) >= self.loss {
                let delay = self.random.below(400) as u64;
                self.wire.push_back((self.clock + delay, to, datagram.clone()));
            }
        }
    }

    pub fn run(&mut self) -> (Phase, Phase) {
        let tier = if self.random.below(2) == 0 {
            Tier::Core
        } else {
            Tier::Signed
        };
        let refuses = self.random.below(5) == 0;
        self.pair.propose(tier).expect("a proposal");
        let start = self.pair.now;
        while self.clock < 400_000 {
            self.clock += 100;
            self.pair.advance_to(start.plus(self.clock as i64));
            let due: Vec<_> = {
                let (due, later): (Vec<_>, Vec<_>) = self.wire.drain(..).partition(|(when, ..)| *when <= self.clock);
                self.wire = later.into();
                due
            };
            for (_, to, datagram) in due {
                self.receive(to, datagram);
            }
            for which in [Which::Sender, Which::Receiver] {
                self.act(which, refuses);
                self.transmit(which);
            }
            let quiet = self.wire.is_empty() && self.transactions.iter().all(Option::is_none);
            if quiet && !self.is_open() {
                break;
            }
        }
        self.pair.phases()
    }

    fn is_open(&self) -> bool {
        let open = |phase| matches!(phase, Phase::Proposing | Phase::Accepted);
        let (one, other) = self.pair.phases();
        open(one) || open(other)
    }

    /// What the two applications do with what they are told.
    fn act(&mut self, which: Which, refuses: bool) {
        for event in self.pair.events(which) {
            // A leg whose time is up says no; that is an end like others.
            let _ = match event {
                Event::Proposed { .. } if refuses => self.pair.with(which, |leg, host| {
                    leg.reject(host, ohp::envelope::RejectReason::Unknown)
                }),
                Event::Proposed { .. } => self.pair.with(which, |leg, host| leg.accept(host)),
                Event::Accepted { .. } => self.pair.with(which, |leg, host| leg.assume(host)),
                Event::HandedOff { .. } if which == Which::Receiver && self.gives_back => {
                    self.pair.with(which, |leg, host| leg.give_back(host, "resolved", None))
                }
                _ => Ok(()),
            };
        }
    }

    fn transmit(&mut self, which: Which) {
        let nth = which as usize;
        if self.transactions[nth].is_none()
            && let Some(info) = self.pair.poll(which)
        {
            self.cseq += 1;
            self.transactions[nth] = Some(Transaction {
                cseq: self.cseq,
                info,
                next_retry: 0,
                tries: 0,
            });
        }
        let clock = self.clock;
        let Some(transaction) = self.transactions[nth]
            .as_mut()
            .filter(|transaction| clock >= transaction.next_retry)
        else {
            return;
        };
        if transaction.tries == TRIES {
            self.transactions[nth] = None;
            self.pair.respond(which, 408);
            return self.transmit(which);
        }
        transaction.next_retry = clock + (T1 << transaction.tries.min(3)).min(T2);
        transaction.tries += 1;
        let datagram = Datagram::Request(transaction.cseq, transaction.info.clone());
        self.send(which.other(), datagram);
    }

    fn receive(&mut self, to: Which, datagram: Datagram) {
        let nth = to as usize;
        match datagram {
            Datagram::Response(cseq, status) => {
                if self.transactions[nth]
                    .as_ref()
                    .is_some_and(|transaction| transaction.cseq == cseq)
                {
                    self.transactions[nth] = None;
                    self.pair.respond(to, status);
                }
            }
            Datagram::Request(cseq, info) => {
                let known = self.answered[nth]
                    .iter()
                    .find(|(seen, _)| *seen == cseq)
                    .map(|(_, status)| *status);
                let status = known.unwrap_or_else(|| self.pair.deliver(to, &info));
                if known.is_none() {
                    self.answered[nth].push((cseq, status));
                }
                self.send(to.other(), Datagram::Response(cseq, status));
            }
        }
    }
}
