//! From an INFO to its verdict, as a PBX's signalling thread does it: header lines and body in, leg and shared table
//! moved, answer written, verdict out. No peer does this; a STIR verifier with its certificate cached comes nearest.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use ohp::cbor::{Item, json};
use ohp::envelope::{Draft, ENVELOPE_MAX, SHAPE, STAMP_RANDOM_LEN, Tier};
use ohp::leg::{Context, Host, Leg, SCRATCH_LEN, Settings, RANDOM_LEN};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;
use ohp::trust::bundle::Bundle;
use ohp::trust::issue::issue;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::jws;

use crate::race::{Contestant, Lap, Row};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";
/// Different envelopes in turn: one that has been seen takes another way.
const ENVELOPES: usize = 1024;

const DRAFT: &str = r#"{
    "issuer": { "vendor": "vendor-a", "agentId": "asst-1", "region": "eu-central",
        "did": "did:web:agents.example.com:asst-1" },
    "audience": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "purpose": "human-takeover",
        "minTier": "core" },
    "session": { "callId": "a84b4c76e66710@pc33.atlanta.example.com", "channel": "voice/sip", "locale": "en-GB" },
    "intent": { "current": { "name": "parcel_missing", "confidence": 0.87 },
        "stack": [{ "name": "authenticate", "status": "satisfied" }],
        "slots": { "parcelRef": "prc-4711", "statusShown": "delivered" } },
    "transcript": { "format": "ohp.turns/v1", "redaction": { "policy": "pii-mask+pci-drop", "version": "1.1" },
        "turns": [{ "t": "2026-09-21T13:46:11Z", "role": "caller", "text": "Where is my parcel?" },
            { "t": "2026-09-21T13:46:15Z", "role": "agent", "text": "It is shown as delivered at [REDACTED:address]." },
            { "t": "2026-09-21T13:46:30Z", "role": "caller", "text": "It is not. A person, please." }],
        "summary": "Caller's parcel is shown as delivered and has not arrived; wants a person." },
    "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask", "pci": "drop", "phi": "drop" },
        "guardrails": ["no-cross-sell"], "dataResidency": ["GB"] },
    "control": { "verb": "PROPOSE", "reason": "human-requested" } }"#;

const HEADERS: &[u8] = b"Via: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bKnashds8\r\nMax-Forwards: 70\r\n\
    From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\nTo: Bob <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\nCSeq: 314159 INFO\r\nContent-Type: application/ohp+cbor\r\n\
    Info-Package: ohp\r\nOHP-Version: 0.1\r\nOHP-Verb: PROPOSE\r\n\r\n";

fn own_key() -> OwnKey {
    OwnKey::ed25519([1; 32], Some("bench"))
}

fn envelopes(tier: Tier) -> Vec<Vec<u8>> {
    let keys = format!("{{\"keys\":[{}]}}", own_key().to_private_json().as_str());
    let keys = OwnKeys::from_json(keys.as_bytes()).expect("keys");
    let (mut scratch, mut draft_bytes) = (vec![0; json::scratch_len(DRAFT.len())], vec![0; ENVELOPE_MAX]);
    let draft_bytes = json::to_cbor(DRAFT.as_bytes(), SHAPE, &mut scratch, &mut draft_bytes).expect("JSON");
    let (mut arena, mut unsigned, mut signed) = (vec![0; 1 << 16], vec![0; ENVELOPE_MAX], vec![0; ENVELOPE_MAX]);
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    (0..ENVELOPES)
        .map(|nth| {
            let mut random = [0; STAMP_RANDOM_LEN];
            random[2..10].copy_from_slice(&(nth as u64).to_be_bytes());
            random[18..].copy_from_slice(&(nth as u64).to_be_bytes());
            let mut draft = Draft::new(&mut arena);
            draft
                .merge(Item::parse(draft_bytes).expect("canonical"))
                .expect("it fits");
            draft.stamp(tier, NOW, 300_000, &random).expect("it fits");
            let envelope = draft.finish(&mut unsigned).expect("valid");
            issue(&envelope, &keys, NOW, &mut scratch, &mut signed)
                .expect("signed")
                .to_vec()
        })
        .collect()
}

fn context() -> Context {
    let json = format!(
        r#"{{"ohpTrust":1,"receiver":{{"vendor":"vendor-b","did":"did:web:cc.example.com","maxTier":"signed",
            "ratePerKid":1000000000}},
            "issuers":{{"did:web:agents.example.com:asst-1":{{"jwks":{{"keys":[{}]}}}}}}}}"#,
        own_key().to_public_json()
    );
    Context {
        bundle: Bundle::from_json(json.as_bytes()).expect("a bundle"),
        settings: Settings {
            peer_rate: 1_000_000_000,
            ..Settings::default()
        },
    }
}

/// One receiver with its table; what it makes ready between the rounds is not timed.
struct Receiver {
    context: Context,
    config: Config,
    words: Vec<AtomicU64>,
    envelopes: Vec<Vec<u8>>,
    /// The envelope whose turn it is; past the end, the table begins anew.
    nth: usize,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

impl Receiver {
    fn new(tier: Tier) -> Self {
        let config = Config {
            replays: 16_384,
            ..Config::default()
        };
        Self {
            context: context(),
            config,
            words: (0..config.words().expect("a size"))
                .map(|_| AtomicU64::new(0))
                .collect(),
            envelopes: envelopes(tier),
            nth: ENVELOPES,
            scratch: vec![0; SCRATCH_LEN],
            out: vec![0; ENVELOPE_MAX],
        }
    }

    fn run(&mut self, times: usize) -> Lap {
        let mut time = Duration::ZERO;
        let mut accepted = 0;
        let mut left = times;
        while left > 0 {
            if self.nth == ENVELOPES {
                self.nth = 0;
                Table::init(&self.words, &self.config, [7; 16]).expect("a table");
            }
            let round = left.min(ENVELOPES - self.nth);
            let mut legs: Vec<_> = (0..round).map(|_| Leg::new(CALL_ID).expect("a leg")).collect();
            let start = Instant::now();
            for (leg, envelope) in legs.iter_mut().zip(&self.envelopes[self.nth..]) {
                let mut host = Host {
                    context: &self.context,
                    table: Table::attach(&self.words).expect("a table"),
                    tap: None,
                    peer: b"192.0.2.1",
                    now: NOW,
                    random: [1; RANDOM_LEN],
                    scratch: &mut self.scratch,
                    disclosed: None,
                };
                let info = Info::parse(HEADERS, envelope).expect("headers");
                let handled = leg.handle_info(&mut host, &info, &mut self.out, &mut |_, _| ());
                accepted += usize::from(handled.verdict.is_some_and(|verdict| verdict.is_accepted()));
            }
            time += start.elapsed();
            self.nth += round;
            left -= round;
        }
        Lap {
            time,
            answer: u64::from(accepted == times),
        }
    }
}

pub fn rows() -> [Row; 2] {
    [
        (Tier::Core, "INFO to verdict, Core", 2000.0),
        (Tier::Signed, "INFO to verdict, Signed", 45_000.0),
    ]
    .map(|(tier, name, goal)| {
        let mut receiver = Receiver::new(tier);
        let ours = Contestant::timed("ours", "", move |times| receiver.run(times));
        Row {
            name,
            goal: Some(goal),
            answer: 1,
            contestants: vec![ours],
            missing: Vec::new(),
        }
    })
}
