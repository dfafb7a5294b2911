//! The INFOs that take longest, each from its headers to its answer. `tests/worst.rs` counts their instructions.

#[path = "../tests/common/worst.rs"]
mod worst;

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ohp::envelope::ENVELOPE_MAX;
use ohp::leg::{Context, Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::table::{Config, Table};
use ohp::time::Timestamp;
use ohp::transport::Info;

fn infos(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("worst");
    let config = Config {
        slots: 4,
        slot_bytes: 64 * 1024,
        ..Config::default()
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let context = Context::default();
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    for case in worst::cases() {
        group.bench_function(case.name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let table = Table::init(&words, &config, [7; 16]).expect("a table");
                    let mut leg = Leg::new("a84b4c76e66710@pc33.example.com").expect("a leg");
                    // Of several INFOs, the last is the costly one.
                    let mut last = Duration::ZERO;
                    for (headers, body) in &case.infos {
                        let mut host = Host {
                            context: &context,
                            table,
                            tap: None,
                            peer: b"192.0.2.1",
                            now: Timestamp::from_millis(1_780_000_000_000),
                            random: [1; RANDOM_LEN],
                            scratch: &mut scratch,
                            disclosed: None,
                        };
                        let start = Instant::now();
                        if let Ok(info) = Info::parse(headers.as_bytes(), body) {
                            leg.handle_info(&mut host, &info, &mut out, &mut |_, _| ());
                        }
                        last = start.elapsed();
                    }
                    spent += last;
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    targets = infos
}
criterion_main!(benches);
