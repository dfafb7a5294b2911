//! From an INFO to its verdict, as a PBX's signalling thread does it: header lines and body in, leg and shared table
//! moved, answer written, verdict out. No peer does this; a STIR verifier with its certificate cached comes nearest.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use ohp::envelope::{ENVELOPE_MAX, Tier};
use ohp::leg::{Context, Host, Leg, RANDOM_LEN, SCRATCH_LEN};
use ohp::table::{Config, Table};
use ohp::transport::Info;

use crate::race::{Contestant, Lap, Row};
use handoff::{CALL_ID, HEADERS, NOW};

#[path = "../../../inputs/handoff.rs"]
mod handoff;

/// Different envelopes in turn: one that has been seen takes another way.
const ENVELOPES: usize = 1024;

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
            context: handoff::context(),
            config,
            words: (0..config.words().expect("a size"))
                .map(|_| AtomicU64::new(0))
                .collect(),
            envelopes: handoff::envelopes(tier, ENVELOPES),
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
