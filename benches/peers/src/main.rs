//! The library beside its peers: one table, all of it measured in the same run. `run` builds and starts this.
//!
//! Not here: what is measured over time on one machine; instruction counts stand in `benches/instructions`.

mod c;
mod race;
mod rows;

use std::env;

use serde_json::{Value, json};

use self::race::{Outcome, Row, race};

const USAGE: &str = "usage: run [--json] [--rounds N] [--only ROW-PART] [--repeat CONTESTANT TIMES]

  --json         one object instead of the table: every row with fastest and median nanoseconds
  --rounds N     batches for each contestant, 400 unless told
  --only TEXT    the rows whose name holds TEXT
  --repeat NAME TIMES
                 no race: NAME alone does each row TIMES times, to be run under valgrind --tool=callgrind";

struct Options {
    json: bool,
    rounds: usize,
    only: String,
    repeat: Option<(String, usize)>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            json: false,
            rounds: 400,
            only: String::new(),
            repeat: None,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.json = true,
                "--rounds" => options.rounds = arguments.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
                "--only" => options.only = arguments.next()?,
                "--repeat" => options.repeat = Some((arguments.next()?, arguments.next()?.parse().ok()?)),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn main() {
    let Some(options) = Options::read(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let mut rows = rows::all();
    rows.retain(|row| row.name.contains(&options.only));
    if let Some((name, times)) = &options.repeat {
        for row in &mut rows {
            for contestant in row.contestants.iter_mut().filter(|contestant| contestant.name == name) {
                let lap = contestant.run(*times);
                println!("{}: {name}, {times} times, answer {}", row.name, lap.answer);
            }
        }
        return;
    }
    let raced: Vec<_> = rows
        .iter_mut()
        .map(|row| {
            eprintln!("{} …", row.name);
            let outcomes = race(row, options.rounds);
            (&*row, outcomes)
        })
        .collect();
    if options.json {
        let rows: Vec<_> = raced.iter().map(|(row, outcomes)| to_json(row, outcomes)).collect();
        println!("{:#}", json!({ "rows": rows, "peers": versions() }));
    } else {
        print_table(&raced);
    }
    let wrong = raced
        .iter()
        .flat_map(|(_, outcomes)| outcomes)
        .any(|outcome| outcome.figure.is_none());
    std::process::exit(i32::from(wrong));
}

/// The peers in Rust, whose versions are those of the lock file.
const CRATES: [&str; 14] = [
    "audiofp",
    "cbor4ii",
    "ciborium",
    "minicbor",
    "rsip",
    "rsipstack",
    "rtp-rs",
    "rtp-types",
    "sdp-rs",
    "sdp-types",
    "serde_json",
    "simd-json",
    "sonic-rs",
    "webrtc-sdp",
];

fn crate_version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    lock.split_once(&format!("name = \"{name}\"\nversion = \""))
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("?")
}

fn versions() -> Value {
    let in_c = c::ALL
        .iter()
        .map(|peer| (peer.name().to_string(), Value::from(peer.text)));
    let in_rust = CRATES
        .iter()
        .map(|name| (name.to_string(), Value::from(crate_version(name))));
    in_c.chain(in_rust).collect()
}

fn to_json(row: &Row, outcomes: &[Outcome]) -> Value {
    let contestants: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "name": outcome.name,
                "lacks": outcome.lacks,
                "fastest_ns": outcome.figure.map(|figure| figure.fastest),
                "median_ns": outcome.figure.map(|figure| figure.median),
            })
        })
        .collect();
    let missing: Vec<_> = row
        .missing
        .iter()
        .map(|(name, why)| json!({ "name": name, "why": why }))
        .collect();
    json!({ "row": row.name, "goal_ns": row.goal, "contestants": contestants, "missing": missing })
}

fn print_table(raced: &[(&Row, Vec<Outcome>)]) {
    println!("| Work | Ours | Goal | Peers, fastest first | Ours / fastest peer |");
    println!("|---|---|---|---|---|");
    for (row, outcomes) in raced {
        let [ours, peers @ ..] = outcomes.as_slice() else {
            continue;
        };
        let fastest = |outcome: &Outcome| outcome.figure.map_or(f64::INFINITY, |figure| figure.fastest);
        let mut ranked: Vec<_> = peers.iter().collect();
        ranked.sort_by(|a, b| fastest(a).total_cmp(&fastest(b)));
        let mut cell: Vec<_> = ranked
            .iter()
            .map(|peer| match peer.figure {
                Some(figure) => format!("{} {}{}", peer.name, time(figure.fastest), mark(peer.lacks)),
                None => format!("{} – (answers {} for {})", peer.name, peer.answer, row.answer),
            })
            .collect();
        cell.extend(row.missing.iter().map(|(name, why)| format!("{name} – ({why})")));
        let ratio = ranked.first().map(|best| fastest(best)).filter(|best| best.is_finite());
        println!(
            "| {} | {} | {} | {} | {} |",
            row.name,
            time(fastest(ours)),
            row.goal.map_or("–".into(), time),
            if cell.is_empty() { "–".into() } else { cell.join("; ") },
            ratio.map_or("–".into(), |best| format!("{:.2}", fastest(ours) / best)),
        );
    }
    println!();
    let peers: Vec<_> = c::ALL
        .iter()
        .map(|peer| match peer.shim {
            Some(_) => format!("{} {}", peer.name(), peer.text),
            None => format!("{} – ({})", peer.name(), peer.text),
        })
        .collect();
    let crates: Vec<_> = CRATES
        .iter()
        .map(|name| format!("{name} {}", crate_version(name)))
        .collect();
    println!("In C: {}. In Rust: {}.", peers.join(", "), crates.join(", "));
}

fn mark(lacks: &str) -> String {
    if lacks.is_empty() {
        String::new()
    } else {
        format!(" ({lacks})")
    }
}

/// Three figures that matter, in the unit that fits.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..20.0 => format!("{nanoseconds:.1} ns"),
        ..1000.0 => format!("{nanoseconds:.0} ns"),
        ..20_000.0 => format!("{:.2} µs", nanoseconds / 1000.0),
        _ => format!("{:.1} µs", nanoseconds / 1000.0),
    }
}
