//! A race: contestants take turns in many short batches, so that whatever else the machine does hurts all of them alike.

use std::arch::asm;
use std::time::{Duration, Instant};

/// How long a batch is to take: long beside the clock's own cost, short beside a time slice.
const BATCH: Duration = Duration::from_micros(200);

/// The same bytes, but for the compiler, which may take nothing about them as known: what `OPAQUE` is to the shims in C.
/// `std::hint::black_box` goes through memory, which is a third of the time that an RTP header takes.
#[inline(always)]
pub fn opaque(bytes: &[u8]) -> &[u8] {
    let (mut start, len) = (bytes.as_ptr(), bytes.len());
    // SAFETY: no instruction stands there, so the pointer is what it was.
    unsafe {
        asm!("/* {0} */", inout(reg) start, options(nostack, preserves_flags));
        std::slice::from_raw_parts(start, len)
    }
}

/// As [`opaque`].
#[inline(always)]
pub fn opaque_text(text: &str) -> &str {
    // SAFETY: these are the text's bytes.
    unsafe { std::str::from_utf8_unchecked(opaque(text.as_bytes())) }
}

#[inline(always)]
fn used(answer: u64) {
    // SAFETY: no instruction stands there.
    unsafe { asm!("/* {0} */", in(reg) answer, options(nostack, preserves_flags)) }
}

/// Time for a number of repetitions, and the answer of the last of them.
pub struct Lap {
    pub time: Duration,
    pub answer: u64,
}

pub struct Contestant {
    pub name: &'static str,
    /// What it leaves out of what is asked of us; empty where it does the same.
    pub lacks: &'static str,
    run: Box<dyn FnMut(usize) -> Lap>,
}

impl Contestant {
    /// One that does `once` over and over.
    pub fn new(name: &'static str, lacks: &'static str, mut once: impl FnMut() -> u64 + 'static) -> Self {
        Self::timed(name, lacks, move |times| {
            let start = Instant::now();
            let mut answer = 0;
            for _ in 0..times {
                answer = once();
                used(answer);
            }
            Lap {
                time: start.elapsed(),
                answer,
            }
        })
    }

    /// One that looks at the clock itself, since it has things to make ready that do not count.
    pub fn timed(name: &'static str, lacks: &'static str, run: impl FnMut(usize) -> Lap + 'static) -> Self {
        Self {
            name,
            lacks,
            run: Box::new(run),
        }
    }

    /// Does it `times` times, for whoever counts instructions.
    pub fn run(&mut self, times: usize) -> Lap {
        (self.run)(times)
    }
}

/// A row of the table. The first contestant is ours.
pub struct Row {
    pub name: &'static str,
    /// Nanoseconds that the row is to take at most.
    pub goal: Option<f64>,
    /// What everyone has to answer.
    pub answer: u64,
    pub contestants: Vec<Contestant>,
    /// Peers that could not be had, with the reason.
    pub missing: Vec<(&'static str, &'static str)>,
}

/// Nanoseconds for one repetition.
#[derive(Clone, Copy)]
pub struct Figure {
    pub fastest: f64,
    pub median: f64,
}

/// How a contestant fared: `None` if it gave another answer.
pub struct Outcome {
    pub name: &'static str,
    pub lacks: &'static str,
    pub figure: Option<Figure>,
    pub answer: u64,
}

pub fn race(row: &mut Row, rounds: usize) -> Vec<Outcome> {
    let mut lanes: Vec<_> = row
        .contestants
        .iter_mut()
        .map(|contestant| {
            let answer = contestant.run(1).answer;
            let times = if answer == row.answer { batch(contestant) } else { 0 };
            (contestant, answer, times, Vec::with_capacity(rounds))
        })
        .collect();
    for _ in 0..rounds {
        for (contestant, _, times, laps) in lanes.iter_mut().filter(|lane| lane.2 > 0) {
            laps.push(contestant.run(*times).time.as_nanos() as f64 / *times as f64);
        }
    }
    lanes
        .into_iter()
        .map(|(contestant, answer, _, mut laps)| {
            laps.sort_by(f64::total_cmp);
            Outcome {
                name: contestant.name,
                lacks: contestant.lacks,
                figure: laps.first().map(|fastest| Figure {
                    fastest: *fastest,
                    median: laps[laps.len() / 2],
                }),
                answer,
            }
        })
        .collect()
}

/// How many repetitions fill a batch.
fn batch(contestant: &mut Contestant) -> usize {
    let mut times = 1;
    while times < 1 << 20 && contestant.run(times).time < BATCH / 2 {
        times *= 2;
    }
    times
}
