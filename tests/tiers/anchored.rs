//! A Regulated proposal waits until its host has anchored it, and nothing else lets it out.

use std::sync::atomic::AtomicU64;

use ohp::cbor::Item;
use ohp::control::Phase;
use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier, Verb};
use ohp::leg::{Context, Event, Host, Leg, LegError, RANDOM_LEN, SCRATCH_LEN, Settings, TRANSMIT_LEN};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::trust::bundle::Bundle;
use ohp::trust::transparency::merkle;

use crate::common::to_cbor;
use crate::scene::{self, CALL, now};

pub const TABLE: Config = Config {
    replays: 64,
    hashes: 16,
    kids: 16,
    peers: 16,
    sets: 16,
    slots: 4,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

/// The agent's leg, with what it is lent.
pub struct Agent {
    pub leg: Leg,
    context: Context,
    table: Vec<AtomicU64>,
    calls: u8,
}

impl Agent {
    pub fn new() -> Self {
        Self::of(&scene::agents_bundle())
    }

    pub fn of(bundle: &serde_json::Value) -> Self {
        let table: Vec<_> = (0..TABLE.words().expect("a size")).map(|_| AtomicU64::new(0)).collect();
        Table::init(&table, &TABLE, [5; 16]).expect("a table");
        Self {
            leg: Leg::new(CALL).expect("an identifier"),
            context: Context {
                bundle: Bundle::from_json(bundle.to_string().as_bytes()).expect("a bundle"),
                settings: Settings::default(),
            },
            table,
            calls: 0,
        }
    }

    /// Another call, with nothing left of the one before.
    pub fn begin_anew(&mut self) {
        self.leg = Leg::new(CALL).expect("an identifier");
        Table::init(&self.table, &TABLE, [5; 16]).expect("a table");
    }

    pub fn with<T>(&mut self, now: Timestamp, call: impl FnOnce(&mut Leg, &mut Host<'_>) -> T) -> T {
        self.calls = self.calls.wrapping_add(1);
        let mut scratch = vec![0; SCRATCH_LEN];
        let mut host = Host {
            context: &self.context,
            table: Table::attach(&self.table).expect("a table"),
            tap: None,
            peer: b"192.0.2.1",
            now,
            random: [self.calls; RANDOM_LEN],
            scratch: &mut scratch,
            disclosed: None,
        };
        call(&mut self.leg, &mut host)
    }

    pub fn propose(&mut self, tier: Tier, template: &serde_json::Value) -> Result<Vec<u8>, LegError> {
        let template = to_cbor(&template.to_string());
        let mut out = vec![0; ENVELOPE_MAX];
        self.with(now(), |leg, host| {
            let template = Item::parse(&template).expect("canonical");
            let envelope = leg.propose(host, tier, template, &mut out)?;
            Ok(envelope.bytes().to_vec())
        })
    }

    /// The verb and the parts of what the leg would send now.
    fn sends(&mut self) -> Option<(Verb, u32)> {
        let table = Table::attach(&self.table).expect("a table");
        let mut buffer = [0; TRANSMIT_LEN];
        let transmit = self.leg.poll_transmit(&table, &mut buffer)?;
        Some((transmit.verb, transmit.parts))
    }
}

#[test]
fn regulated_proposal_leaves_only_when_the_host_has_anchored_it() {
    let mut agent = Agent::new();
    let cbor = agent
        .propose(Tier::Regulated, &scene::template(Tier::Regulated))
        .expect("a proposal");
    let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
    let leaf = merkle::leaf_hash(&envelope.surface().segments());
    assert_eq!(
        agent.leg.poll_event(),
        Some(Event::AnchorNeeded {
            id: envelope.id(),
            leaf
        })
    );
    assert_eq!(agent.sends(), None);
    assert_eq!(
        (agent.leg.phase(), agent.leg.unanchored()),
        (Phase::Idle, Some(envelope.id()))
    );

    agent.with(now(), |leg, host| leg.anchored(host, &cbor)).expect("sent");
    assert!(matches!(agent.sends(), Some((Verb::Propose, 2..))));
    assert_eq!((agent.leg.phase(), agent.leg.unanchored()), (Phase::Proposing, None));
    let again = agent.with(now(), |leg, host| leg.anchored(host, &cbor));
    assert_eq!(again, Err(LegError::NotAwaited));
}

#[test]
fn other_bytes_than_the_proposal_that_waits_are_not_sent() {
    let mut agent = Agent::new();
    let template = scene::template(Tier::Regulated);
    let first = agent.propose(Tier::Regulated, &template).expect("a proposal");
    let second = agent.propose(Tier::Regulated, &template).expect("another in its place");
    let mut changed = second.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    for bytes in [&first, &changed] {
        let sent = agent.with(now(), |leg, host| leg.anchored(host, bytes));
        assert_eq!(sent, Err(LegError::NotAwaited));
        assert_eq!(agent.sends(), None);
    }
    agent
        .with(now(), |leg, host| leg.anchored(host, &second))
        .expect("sent");
    assert!(agent.sends().is_some());
}

#[test]
fn proposal_that_is_not_anchored_in_time_is_dropped() {
    let mut agent = Agent::new();
    let cbor = agent
        .propose(Tier::Regulated, &scene::template(Tier::Regulated))
        .expect("a proposal");
    let end = agent.leg.poll_timeout().expect("its end");
    let id = agent.leg.unanchored().expect("it waits");
    agent.leg.poll_event();
    agent.with(end.plus(-1), |leg, host| leg.handle_timeout(host));
    assert_eq!(agent.leg.poll_event(), None);
    let late = agent.with(end, |leg, host| leg.anchored(host, &cbor));
    assert_eq!(late, Err(LegError::NotAwaited));
    agent.with(end, |leg, host| leg.handle_timeout(host));
    assert_eq!(agent.leg.poll_event(), Some(Event::Unanchored { id }));
    assert_eq!((agent.leg.poll_timeout(), agent.sends()), (None, None));
}

#[test]
fn proposal_that_no_log_takes_is_withdrawn_as_if_it_had_never_been() {
    let mut agent = Agent::new();
    let cbor = agent
        .propose(Tier::Regulated, &scene::template(Tier::Regulated))
        .expect("a proposal");
    agent.leg.withdraw();
    let sent = agent.with(now(), |leg, host| leg.anchored(host, &cbor));
    assert_eq!(
        (sent, agent.sends(), agent.leg.phase()),
        (Err(LegError::NotAwaited), None, Phase::Idle)
    );
    // No downgrade: the stronger proposal never reached anybody.
    agent
        .propose(Tier::Signed, &scene::template(Tier::Signed))
        .expect("a weaker proposal");
    assert!(matches!(agent.sends(), Some((Verb::Propose, _))));
}
