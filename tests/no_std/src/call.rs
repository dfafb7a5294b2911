//! A signed handoff in chunks, from PROPOSE to RETURN, with sound in both taps, on memory that is laid out before the
//! program starts. Trust is written down as values, as a host without std does it.

use core::cell::OnceCell;
use core::sync::atomic::AtomicU64;

use ohp::cbor::{Item, json};
use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::{ENVELOPE_MAX, SHAPE, Tier};
use ohp::leg::{Context, Event, Host, Leg, SCRATCH_LEN, Settings, TRANSMIT_LEN, RANDOM_LEN};
use ohp::media::{Codec, Tap, TapConfig};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;
use ohp::trust::bundle::{Bundle, Directory, Issuer, Receiver};
use ohp::trust::jwk::{EDDSA, Jwk, JwkSet, Material, OwnKey, OwnKeys, Secret, Usage};

use crate::print;

const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";
const DIDS: [&str; 2] = ["did:web:agents.example.com", "did:web:cc.example.com"];
const KIDS: [&str; 2] = ["key-of-the-sender", "key-of-the-receiver"];

const TEMPLATE: &str = r#"{
  "audience": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "purpose": "human-takeover" },
  "session": { "locale": "en-GB" },
  "intent": { "current": { "name": "balance_query", "confidence": 0.94 } },
  "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" }, "dataResidency": ["GB"] },
  "control": { "reason": "human-requested" },
  "transcript": { "redaction": { "policy": "pii-mask", "version": "1" }, "summary": ""#;

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
const TAP: TapConfig = TapConfig {
    codec: Codec::Pcmu,
    seconds: 10,
};

/// Words that are enough for either.
const TABLE_WORDS: usize = 64 * 1024;
const TAP_WORDS: usize = 16 * 1024;

static TABLES: [[AtomicU64; TABLE_WORDS]; 2] = [const { [const { AtomicU64::new(0) }; TABLE_WORDS] }; 2];
static TAPS: [[AtomicU64; TAP_WORDS]; 2] = [const { [const { AtomicU64::new(0) }; TAP_WORDS] }; 2];

/// A value that the only thread makes once.
struct Once<T>(OnceCell<T>);

// SAFETY: this program has one thread.
unsafe impl<T> Sync for Once<T> {}

static OWN: [Once<[OwnKey; 1]>; 2] = [const { Once(OnceCell::new()) }; 2];
static PEERS: [Once<[Jwk; 1]>; 2] = [const { Once(OnceCell::new()) }; 2];
static ISSUERS: [Once<[(&str, Issuer); 1]>; 2] = [const { Once(OnceCell::new()) }; 2];

fn secret(side: usize) -> SigningKey {
    SigningKey::from_seed([side as u8 + 1; 32])
}

fn public(side: usize) -> Jwk {
    Jwk {
        kid: Some(KIDS[side]),
        material: Material::Ed25519(secret(side).public()),
        usage: Some(Usage::Signature),
        alg: Some(EDDSA),
        valid_from: None,
        valid_until: None,
        revoked: false,
    }
}

/// Who that side is, and that it believes the other.
fn context(side: usize) -> Context {
    let other = 1 - side;
    let own = OWN[side]
        .0
        .get_or_init(|| [OwnKey::new(public(side), Secret::Ed25519(secret(side))).expect("two halves of one key")]);
    let peer = PEERS[side].0.get_or_init(|| [public(other)]);
    let issuers = ISSUERS[side].0.get_or_init(|| {
        let issuer = Issuer {
            jwks: JwkSet::new(peer),
            federation: None,
        };
        [(DIDS[other], issuer)]
    });
    Context {
        bundle: Bundle {
            receiver: Receiver {
                vendor: Some(["vendor-a", "vendor-b"][side]),
                did: Some(DIDS[side]),
                max_tier: Tier::Signed,
                keys: OwnKeys::new(own).expect("one key"),
                ..Receiver::default()
            },
            issuers: Directory::new(issuers).expect("one issuer"),
            ..Bundle::default()
        },
        settings: Settings::default(),
    }
}

struct End {
    side: usize,
    context: Context,
    leg: Leg,
    scratch: [u8; SCRATCH_LEN],
    envelope: [u8; ENVELOPE_MAX],
    calls: u8,
}

impl End {
    fn new(side: usize) -> Self {
        Table::init(&TABLES[side], &TABLE, [side as u8; 16]).expect("enough words");
        let tap = Tap::init(&TAPS[side], &TAP).expect("enough words");
        let (mut packet, mut noise) = ([0; 172], 1_u32);
        packet[0] = 0x80;
        for nth in 0..200_u32 {
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
            for byte in &mut packet[12..] {
                noise = noise.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                *byte = (noise >> 16) as u8;
            }
            tap.write_rtp(&packet);
        }
        Self {
            side,
            context: context(side),
            leg: Leg::new(CALL_ID).expect("an identifier"),
            scratch: [0; SCRATCH_LEN],
            envelope: [0; ENVELOPE_MAX],
            calls: 0,
        }
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Leg, &mut Host<'_>, &mut [u8]) -> T) -> T {
        self.calls += 1;
        let mut host = Host {
            context: &self.context,
            table: Table::attach(&TABLES[self.side]).expect("a table"),
            tap: Some(Tap::attach(&TAPS[self.side]).expect("a tap")),
            peer: b"192.0.2.1",
            now: Timestamp::from_millis(1_779_975_731_000),
            random: [self.calls * 2 + self.side as u8; RANDOM_LEN],
            scratch: &mut self.scratch,
            disclosed: None,
        };
        call(&mut self.leg, &mut host, &mut self.envelope)
    }

    /// Prints what the leg tells, and takes the only event that there must be.
    fn event(&mut self) -> Event {
        let event = self.leg.poll_event().expect("an event");
        assert!(self.leg.poll_event().is_none());
        event
    }
}

/// Carries what one end sends to the other; how many INFOs there were.
fn carry(from: &mut End, to: &mut End) -> usize {
    let (mut buffer, mut count) = ([0; TRANSMIT_LEN], 0);
    while let Some(transmit) = from.with(|leg, host, _| leg.poll_transmit(&host.table, &mut buffer)) {
        let headers = transmit.info.headers.as_bytes();
        let status = to.with(|leg, host, envelope| {
            let info = Info::parse(headers, transmit.info.body).expect("headers");
            let handled = leg.handle_info(host, &info, envelope, &mut |_, _| ());
            if let Some(verdict) = &handled.verdict {
                let passed = verdict.steps.iter().flatten().count();
                print(format_args!(
                    "verdict: accepted {}, {passed} steps",
                    verdict.is_accepted()
                ));
            }
            handled.status.code()
        });
        assert_eq!(status, 200);
        from.with(|leg, host, _| leg.handle_response(&host.table, status));
        count += 1;
    }
    count
}

pub fn run() {
    let (mut sender, mut receiver) = (End::new(0), End::new(1));
    let mut text = [0; 4096];
    let (head, tail) = (TEMPLATE.as_bytes(), br#""}}"#);
    text[..head.len()].copy_from_slice(head);
    let end = text.len() - tail.len();
    let mut noise = 1_u32;
    for byte in &mut text[head.len()..end] {
        noise = noise.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        *byte = b'a' + (noise >> 16) as u8 % 26;
    }
    text[end..].copy_from_slice(tail);
    let (mut scratch, mut cbor) = ([0; 8192], [0; 8192]);
    let template = json::to_cbor(&text, SHAPE, &mut scratch, &mut cbor).expect("a template");
    let template = Item::parse(template).expect("canonical CBOR");

    let size = sender
        .with(|leg, host, out| {
            leg.propose(host, Tier::Signed, template, out)
                .map(|envelope| envelope.bytes().len())
        })
        .expect("a proposal");
    let infos = carry(&mut sender, &mut receiver);
    print(format_args!(
        "propose: more than 3 KiB {}, several INFOs {}",
        size > 3072,
        infos > 1
    ));
    assert!(matches!(receiver.event(), Event::Proposed { .. }));
    receiver.with(|leg, host, _| leg.accept(host)).expect("an ACCEPT");
    carry(&mut receiver, &mut sender);
    assert!(matches!(sender.event(), Event::Accepted { .. }));
    sender.with(|leg, host, _| leg.assume(host)).expect("an ASSUME");
    carry(&mut sender, &mut receiver);
    assert!(matches!(receiver.event(), Event::HandedOff { .. }));
    print(format_args!(
        "phases: {:?}, {:?}",
        sender.leg.phase(),
        receiver.leg.phase()
    ));
}
