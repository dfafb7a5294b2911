//! From an INFO to its verdict, at Core and Signed, as a PBX's signalling thread does it: header lines and body in, leg
//! and shared table moved, verdict out. And, side by side, what of it is the signature alone.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ohp::crypto::ed25519::PrecomputedKey;
use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier};
use ohp::leg::{Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::table::{Config, Table};
use ohp::transport::Info;
use ohp::trust::jwk::VerifyingKey;
use ohp::trust::jws;

#[path = "inputs/handoff.rs"]
mod handoff;

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

criterion_group!(benches, info_to_verdict, parts);
criterion_main!(benches);
