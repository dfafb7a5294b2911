//! From an INFO to its verdict: at Core and Signed as a PBX's signalling thread does it: header lines and body in, leg
//! and shared table moved, verdict out; at Regulated without the leg, because the sound's fingerprint is given and not searched
//! for, with each step's share. And, side by side, what the signature alone takes.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ohp::crypto::ed25519::PrecomputedKey;
use ohp::envelope::{ENVELOPE_MAX, Envelope, SHAPE, Tier};
use ohp::leg::{Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::media::Fingerprint;
use ohp::table::{Config, Domain, Table};
use ohp::transport::Info;
use ohp::transport::reassembly::{self, Received};
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::VerifyingKey;
use ohp::trust::jws;
use ohp::verify::{Call, Disclosed, Media, Memory, Role, Situation, Step, verify_disclosing};

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "inputs/handoff.rs"]
mod handoff;
#[path = "../tests/tiers/scene.rs"]
mod scene;

use scene::Scene;

/// Different envelopes in turn: an envelope that has been seen takes another way.
const ENVELOPES: usize = 4096;

fn info_to_verdict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("info_to_verdict");
    let context = handoff::context();
    let config = Config {
        replays: 65_536,
        ..Config::default()
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    for tier in [Tier::Core, Tier::Signed] {
        let envelopes = handoff::envelopes(tier, ENVELOPES);
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
                    let mut legs: Vec<_> = (0..round).map(|_| Leg::new(handoff::CALL_ID).expect("a leg")).collect();
                    let start = Instant::now();
                    for (leg, envelope) in legs.iter_mut().zip(&envelopes[nth..]) {
                        let mut host = Host {
                            context: &context,
                            table: Table::attach(&words).expect("a table"),
                            tap: None,
                            peer: b"192.0.2.1",
                            now: handoff::NOW,
                            random: [1; RANDOM_LEN],
                            scratch: &mut scratch,
                            disclosed: None,
                        };
                        let info = Info::parse(handoff::HEADERS, envelope).expect("headers");
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

/// Different Regulated envelopes, and the bundle that believes them.
const REGULATED: usize = 256;

fn regulated(criterion: &mut Criterion) {
    let mut scene = Scene::at(Tier::Regulated);
    scene.trust["receiver"]["ratePerKid"] = 1_000_000.into();
    let envelopes: Vec<_> = (0..REGULATED)
        .map(|nth| {
            scene.envelope["id"] = format!("cse_01HZX0R5N9V8W1QYK0XQM{nth:05}").into();
            scene.envelope["control"]["nonce"] = format!("{nth:032x}").into();
            scene.random = [1, 2].map(|recipient| {
                let mut random = [recipient; 32];
                random[..8].copy_from_slice(&nth.to_be_bytes());
                random
            });
            scene.finish()
        })
        .collect();
    let bundle = Bundle::from_json(scene.trust.to_string().as_bytes()).expect("a bundle");
    let config = Config {
        replays: 4096,
        ..Config::default()
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let mut disclosed = Box::new(Disclosed::new());
    // Time for so many verdicts: of all that is in them, or of one step.
    let mut spend = |iterations: u64, only: Option<Step>, fastest: &mut Duration| {
        let mut spent = Duration::ZERO;
        for nth in 0..iterations {
            let before = spent;
            let nth = nth as usize % REGULATED;
            if nth == 0 {
                Table::init(&words, &config, [7; 16]).expect("a table");
            }
            let table = Table::attach(&words).expect("a table");
            let start = Instant::now();
            let info = Info::parse(handoff::HEADERS, &envelopes[nth]).expect("headers");
            let call = table.key(Domain::Call, &[scene::CALL.as_bytes()]);
            let received = reassembly::receive(&table, &call, &info, scene::now(), SHAPE, &mut scratch, &mut out);
            let Ok(Received::Complete(message)) = received else {
                panic!("an envelope")
            };
            let situation = Situation {
                bundle: &bundle,
                now: scene::now(),
                role: Role::OnLeg(None),
                call: Call::Ids(&[scene::CALL]),
                media: Media::Known(Fingerprint::from_bytes(scene::FINGERPRINT)),
                echo: message.echo,
                memory: Some(Memory {
                    table,
                    peer: b"192.0.2.1",
                    peer_rate: 1_000_000,
                }),
                again: false,
                audio_may_follow: false,
                deadline_passed: false,
            };
            let mut last = start;
            let mut observe = |step, _| {
                if only.is_some() {
                    let now = Instant::now();
                    if only == Some(step) {
                        spent += now - last;
                    }
                    last = now;
                }
            };
            let verdict = verify_disclosing(message.cbor, &situation, &mut scratch, &mut disclosed, &mut observe);
            assert!(verdict.is_accepted());
            if only.is_none() {
                spent += start.elapsed();
            }
            *fastest = spent.saturating_sub(before).min(*fastest);
        }
        spent
    };
    let mut group = criterion.benchmark_group("info_to_verdict");
    // On a machine that others use, the fastest verdict is the one that nobody has disturbed.
    let mut fastest = Duration::MAX;
    group.bench_function("regulated", |bencher| {
        bencher.iter_custom(|iterations| spend(iterations, None, &mut fastest));
    });
    group.finish();
    tell("regulated", fastest);
    let mut group = criterion.benchmark_group("regulated_steps");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_secs(1));
    for step in Step::ALL {
        let mut fastest = Duration::MAX;
        group.bench_function(step.name(), |bencher| {
            bencher.iter_custom(|iterations| spend(iterations, Some(step), &mut fastest));
        });
        tell(step.name(), fastest);
    }
    group.finish();
}

/// Says the fastest round of a row, if it was asked for.
fn tell(row: &str, fastest: Duration) {
    if fastest < Duration::MAX {
        println!("{row}, fastest: {fastest:?}");
    }
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts");
    let envelopes = handoff::envelopes(Tier::Signed, 1);
    let bytes = &envelopes[0];
    group.bench_function("headers", |bencher| {
        bencher.iter(|| Info::parse(black_box(handoff::HEADERS), bytes).is_ok())
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| Envelope::read(black_box(bytes), &mut |_| ()).is_ok());
    });
    let envelope = Envelope::read(bytes, &mut |_| ()).expect("an envelope");
    group.bench_function("surface_hash", |bencher| {
        bencher.iter(|| black_box(&envelope).surface_hash())
    });
    let key = handoff::key();
    let ohp::trust::jwk::Material::Ed25519(public) = &key.public().material else {
        panic!("Ed25519")
    };
    let entry = envelope.signatures().next().expect("a signature");
    let mut scratch = vec![0; jws::SCRATCH_LEN];
    let precomputed = PrecomputedKey::new(*public);
    for (name, key) in [
        ("signature", VerifyingKey::from(public)),
        ("signature_precomputed", VerifyingKey::from(&precomputed)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let expect = jws::Expect {
                    alg: "EdDSA",
                    kid: Some("bench"),
                };
                let surface = envelope.surface();
                let jws = entry.jws().expect("text");
                jws::verify_detached(jws, &expect, key, &surface.segments(), &mut scratch).expect("it holds");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, info_to_verdict, regulated, parts);
criterion_main!(benches);
