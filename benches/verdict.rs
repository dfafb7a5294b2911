//! From an INFO to its verdict, at Core and Signed, as a PBX's signalling thread does it: header lines and body in, leg
//! and shared table moved, verdict out. And, side by side, what of it is the signature alone.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ohp::cbor::{Item, json};
use ohp::envelope::{Draft, ENVELOPE_MAX, Envelope, SHAPE, STAMP_RANDOM_LEN, Tier};
use ohp::leg::{Context, Host, Leg, SCRATCH_LEN, Settings};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;
use ohp::trust::bundle::Bundle;
use ohp::trust::issue::issue;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::jws;

const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
const CALL_ID: &str = "a84b4c76e66710@pc33.atlanta.example.com";
const SENDER: &str = "did:web:agents.example.com:asst_cs7";
/// Different envelopes in turn: an envelope that has been seen takes another way.
const ENVELOPES: usize = 4096;

const TEMPLATE: &str = r#"{
    "issuer": { "vendor": "vendor-a", "agentId": "asst_cs7", "region": "uk-west",
        "did": "did:web:agents.example.com:asst_cs7" },
    "audience": { "vendor": "vendor-b", "did": "did:web:cc.example.com", "purpose": "human-takeover",
        "minTier": "core" },
    "session": { "callId": "a84b4c76e66710@pc33.atlanta.example.com", "channel": "voice/sip", "locale": "en-GB" },
    "intent": { "current": { "name": "balance_query", "confidence": 0.94 },
        "stack": [{ "name": "authenticate", "status": "satisfied" }],
        "slots": { "accountRef": "acc_7781", "queryType": "balance" } },
    "transcript": { "format": "ohp.turns/v1", "redaction": { "policy": "pii-mask+pci-drop", "version": "1.1" },
        "turns": [{ "t": "2026-05-28T13:46:11Z", "role": "caller", "text": "What's my balance?" },
            { "t": "2026-05-28T13:46:15Z", "role": "agent", "text": "Your balance is [REDACTED:amount]." },
            { "t": "2026-05-28T13:46:30Z", "role": "caller", "text": "Can I speak to a human?" }],
        "summary": "Authenticated caller reviewed balance; requested human takeover." },
    "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask", "pci": "drop", "phi": "drop" },
        "guardrails": ["no-cross-sell"], "dataResidency": ["GB"] },
    "control": { "verb": "PROPOSE", "reason": "human-requested" } }"#;

const HEADERS: &[u8] = b"Via: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bKnashds8\r\nMax-Forwards: 70\r\n\
    From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\nTo: Bob <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\nCSeq: 314159 INFO\r\nContent-Type: application/ohp+cbor\r\n\
    OHP-Version: 0.1\r\nOHP-Verb: PROPOSE\r\n\r\n";

fn keys() -> OwnKeys {
    let key = OwnKey::ed25519([1; 32], Some("bench"));
    let json = format!("{{\"keys\":[{}]}}", key.to_private_json().as_str());
    OwnKeys::from_json(json.as_bytes()).expect("keys")
}

fn envelopes(tier: Tier) -> Vec<Vec<u8>> {
    let keys = keys();
    let mut scratch = vec![0; json::scratch_len(TEMPLATE.len())];
    let mut template = vec![0; 4096];
    let template = json::to_cbor(TEMPLATE.as_bytes(), SHAPE, &mut scratch, &mut template).expect("JSON");
    let (mut arena, mut unsigned, mut signed) = (vec![0; 1 << 16], vec![0; ENVELOPE_MAX], vec![0; ENVELOPE_MAX]);
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    (0..ENVELOPES)
        .map(|nth| {
            let mut random = [0; STAMP_RANDOM_LEN];
            random[2..10].copy_from_slice(&(nth as u64).to_be_bytes());
            random[18..].copy_from_slice(&(nth as u64).to_be_bytes());
            let mut draft = Draft::new(&mut arena);
            draft.merge(Item::parse(template).expect("canonical")).expect("it fits");
            draft.stamp(tier, NOW, 300_000, &random).expect("it fits");
            let envelope = draft.finish(&mut unsigned).expect("valid");
            issue(&envelope, &keys, NOW, &mut scratch, &mut signed)
                .expect("signed")
                .to_vec()
        })
        .collect()
}

fn context() -> Context {
    let public = OwnKey::ed25519([1; 32], Some("bench")).to_public_json();
    let json = format!(
        r#"{{"ohpTrust":1,"receiver":{{"vendor":"vendor-b","did":"did:web:cc.example.com","maxTier":"signed",
            "ratePerKid":1000000}},"issuers":{{"{SENDER}":{{"jwks":{{"keys":[{public}]}}}}}}}}"#
    );
    let bundle = Bundle::from_json(json.as_bytes()).expect("a bundle");
    Context {
        bundle,
        settings: Settings {
            peer_rate: 1_000_000,
            ..Settings::default()
        },
    }
}

fn info_to_verdict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("info_to_verdict");
    let context = context();
    let config = Config {
        replays: 65_536,
        ..Config::default()
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    for tier in [Tier::Core, Tier::Signed] {
        let envelopes = envelopes(tier);
        let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
        let mut nth = ENVELOPES;
        group.bench_function(tier.as_str(), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    if nth == ENVELOPES {
                        nth = 0;
                        Table::init(&words, &config, [7; 16]).expect("a table");
                    }
                    let round = left.min((ENVELOPES - nth) as u64) as usize;
                    let mut legs: Vec<_> = (0..round).map(|_| Leg::new(CALL_ID).expect("a leg")).collect();
                    let start = Instant::now();
                    for (leg, envelope) in legs.iter_mut().zip(&envelopes[nth..]) {
                        let mut host = Host {
                            context: &context,
                            table: Table::attach(&words).expect("a table"),
                            tap: None,
                            peer: b"192.0.2.1",
                            now: NOW,
                            random: [1; STAMP_RANDOM_LEN],
                            scratch: &mut scratch,
                        };
                        let info = Info::parse(HEADERS, envelope).expect("headers");
                        let handled = leg.handle_info(&mut host, &info, &mut out, &mut |_, _| ());
                        assert!(handled.verdict.is_some_and(|verdict| verdict.is_accepted()));
                    }
                    spent += start.elapsed();
                    nth += round;
                    left -= round as u64;
                }
                spent
            });
        });
    }
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts");
    let envelopes = envelopes(Tier::Signed);
    let bytes = &envelopes[0];
    group.bench_function("headers", |bencher| {
        bencher.iter(|| Info::parse(black_box(HEADERS), bytes).is_ok())
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| Envelope::read(black_box(bytes), &mut |_| ()).is_ok());
    });
    let envelope = Envelope::read(bytes, &mut |_| ()).expect("an envelope");
    group.bench_function("surface_hash", |bencher| {
        bencher.iter(|| black_box(&envelope).surface_hash())
    });
    let key = OwnKey::ed25519([1; 32], Some("bench"));
    let ohp::trust::jwk::Material::Ed25519(public) = &key.public().material else {
        panic!("Ed25519")
    };
    let entry = envelope.signatures().next().expect("a signature");
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    group.bench_function("signature", |bencher| {
        bencher.iter(|| {
            let expect = jws::Expect {
                alg: "EdDSA",
                kid: Some("bench"),
            };
            let surface = envelope.surface();
            jws::verify_detached(
                entry.jws().expect("text"),
                &expect,
                public,
                &surface.segments(),
                &mut scratch,
            )
            .expect("it holds");
        });
    });
    group.finish();
}

criterion_group!(benches, info_to_verdict, parts);
criterion_main!(benches);
