//! Two legs over a network that loses, doubles and reorders datagrams.

use std::collections::VecDeque;

use ohp::control::Phase;
use ohp::envelope::Tier;
use ohp::leg::Event;
use serde_json::json;

use crate::common::Random;
use crate::pair::{Info, Pair, Which, noise};

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
