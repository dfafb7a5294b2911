//! `ohp conformance`: runs a tree of test vectors of the protocol's form, or checks that the tree itself is sound.
//!
//! What a vector expects is in its `expected.json`, and only there; `tests/vectors/ohp/README.md` describes the form. Here the
//! tree is walked and the results are told. How a vector is read is in `vector`, received envelopes are judged in `accept`,
//! envelopes are made in `emit`, and `soundness` looks at the tree without an implementation under test.

mod accept;
mod emit;
mod expected;
mod soundness;
mod vector;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ohp::envelope::Tier;
use ohp::time::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, FAINT, GOOD, OPEN, plain, say};
use expected::{Expected, Outcome};
use soundness::Coverage;
use vector::Vector;

/// Run a tree of conformance vectors
///
/// A vector is a folder with an `expected.json`, and with an envelope (`envelope.json`, `envelope.cbor`, or raw SIP messages
/// in `info/`) that is to be judged, or an `input.json` from which one is to be made. Its `trust.json` says who judges and
/// whom it believes. Without one, everybody is admitted up to Regulated, only the keys in `keys/` are believed, and steps
/// whose keys or resources are not there are skipped.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp conformance tests/vectors/ohp\n  ohp conformance --tier signed --json conformance/test-vectors > report.json\n  ohp conformance --self-check tests/vectors/ohp\n\nExit status: 0 none failed · 1 some failed · 3 no vectors, or bad usage."
)]
pub struct Args {
    /// The tree
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Check that the tree is sound, instead of running it: each vector's files, schemas, keys, and what the tree covers
    #[arg(long)]
    self_check: bool,
    /// Only the vectors that an implementation of this tier must pass: this tier's and those below
    #[arg(long, value_name = "TIER", value_parser = tier)]
    tier: Option<Tier>,
    /// The moment for vectors that state none; their envelope's issuedAt if absent
    #[arg(long, value_name = "RFC3339", value_parser = clock::parse)]
    now: Option<Timestamp>,
    /// Print one JSON report instead of lines
    #[arg(long)]
    json: bool,
}

fn tier(text: &str) -> Result<Tier, String> {
    Tier::parse(text).ok_or_else(|| "a tier is core, signed, sealed or regulated".to_owned())
}

/// What became of one vector.
enum Ran {
    /// Everything that it expects came about. Holds what was skipped on the way.
    Passed(Vec<String>),
    /// Something else came about.
    Failed(Vec<String>),
    /// It cannot be judged with what is there.
    Skipped(String),
}

impl Ran {
    /// Passed, unless something is wrong.
    fn of(wrong: Vec<String>, notes: Vec<String>) -> Self {
        if wrong.is_empty() {
            Self::Passed(notes)
        } else {
            Self::Failed(wrong)
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "pass",
            Self::Failed(_) => "fail",
            Self::Skipped(_) => "skip",
        }
    }

    fn remarks(&self) -> Vec<&str> {
        match self {
            Self::Passed(remarks) | Self::Failed(remarks) => remarks.iter().map(String::as_str).collect(),
            Self::Skipped(why) => vec![why],
        }
    }
}

/// Runs `ohp conformance`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let vectors = vector::walk(&args.folder)?;
    let vectors: Vec<Vector> = vectors
        .into_iter()
        .filter(|vector| {
            args.tier
                .is_none_or(|most| vector.tier().is_none_or(|tier| tier <= most))
        })
        .collect();
    if vectors.is_empty() {
        return Err(Failure::new(format_args!("{} holds no vectors", args.folder.display()))
            .advise("A vector is a folder with an `expected.json`"));
    }
    let mut coverage = Coverage::default();
    let mut results = Vec::with_capacity(vectors.len());
    for vector in &vectors {
        let expected = vector.expected();
        let result = match &expected {
            Err(error) => Ran::Failed(vec![error.clone()]),
            Ok(expected) if args.self_check => soundness::check(vector, expected, &mut coverage),
            Ok(expected) => judge(vector, expected, args.now),
        };
        if !args.json {
            print(vector, expected.ok().as_ref(), &result);
        }
        results.push(result);
    }
    let count = |word: &str| results.iter().filter(|result| result.word() == word).count();
    let (passed, failed, skipped) = (count("pass"), count("fail"), count("skip"));
    if args.json {
        let shown: Vec<Value> = vectors.iter().zip(&results).map(to_json).collect();
        let mut report = json!({ "vectors": shown, "passed": passed, "failed": failed, "skipped": skipped });
        if args.self_check {
            report["coverage"] = coverage.to_json();
        }
        output::json(&report)?;
    } else {
        if args.self_check {
            say!("{}", coverage.describe());
        }
        say!("{passed} passed, {failed} failed, {skipped} skipped");
    }
    Ok(if failed == 0 { Exit::Accept } else { Exit::Reject })
}

fn judge(vector: &Vector, expected: &Expected, now: Option<Timestamp>) -> Ran {
    let result = match expected.outcome {
        Outcome::Emit | Outcome::Refuse => emit::judge(vector, expected),
        _ => accept::judge(vector, expected, now),
    };
    result.unwrap_or_else(|broken| Ran::Failed(vec![broken]))
}

fn print(vector: &Vector, expected: Option<&Expected>, result: &Ran) {
    let style = match result {
        Ran::Passed(_) => GOOD,
        Ran::Failed(_) => BAD,
        Ran::Skipped(_) => OPEN,
    };
    let remarks = result.remarks().join("; ");
    let expected = expected.map_or_else(String::new, ToString::to_string);
    let separator = if remarks.is_empty() { "" } else { ": " };
    say!(
        "{style}{}{style:#}  {}  {FAINT}{}{separator}{FAINT:#}{}",
        result.word(),
        plain(&vector.name),
        plain(&expected),
        plain(&remarks)
    );
}

fn to_json((vector, result): (&Vector, &Ran)) -> Value {
    let expected = vector.expected().ok();
    json!({
        "vector": vector.name,
        "tier": vector.tier().map(Tier::as_str),
        "expected": expected.as_ref().map(ToString::to_string),
        "result": result.word(),
        "remarks": result.remarks(),
    })
}

/// What stands in `wanted` and not in `found`.
fn missing<'a>(wanted: &'a [String], found: &[String]) -> Vec<&'a str> {
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    wanted
        .iter()
        .map(String::as_str)
        .filter(|name| !found.contains(name))
        .collect()
}
