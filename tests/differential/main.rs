//! The wire formats against independent implementations: on well-formed input, made by proptest or taken from the
//! suites beside the checkout, both sides must see the same, but for differences that are named here, each with its
//! reason and the condition under which it may show.

#[path = "../suite/capture.rs"]
mod capture;
mod cbor;
mod rtp;
mod sdp;
mod sip;
#[path = "../suite/mod.rs"]
mod suite;

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A difference that is right.
struct Difference<I: ?Sized, T> {
    /// Why.
    why: &'static str,
    /// Whether this is it: the input, what this library sees in it, what the other does.
    is: fn(&I, &T, &T) -> bool,
}

/// A comparison with one other implementation.
struct Oracle<I: ?Sized, T> {
    name: &'static str,
    differences: Vec<(Difference<I, T>, usize)>,
    agreed: usize,
}

impl<I: Debug + ?Sized, T: Debug + PartialEq> Oracle<I, T> {
    fn new<const N: usize>(name: &'static str, differences: [Difference<I, T>; N]) -> Self {
        Self {
            name,
            differences: differences.into_iter().map(|difference| (difference, 0)).collect(),
            agreed: 0,
        }
    }

    /// Compares what both see in `input`. `whence` is shown where they differ without a reason.
    fn compare(&mut self, whence: &str, input: &I, ours: T, theirs: T) {
        if ours == theirs {
            self.agreed += 1;
            return;
        }
        let mut differences = self.differences.iter_mut();
        match differences.find(|(difference, _)| (difference.is)(input, &ours, &theirs)) {
            Some((_, seen)) => *seen += 1,
            None => panic!(
                "{} and {whence}: {input:?}\n  ours: {ours:?}\ntheirs: {theirs:?}",
                self.name
            ),
        }
    }

    /// Prints the oracle's line; a difference that has not shown is none any more, and fails where the suites are there
    /// to show it.
    fn end(self) {
        let explained: usize = self.differences.iter().map(|(_, seen)| seen).sum();
        let cases = self.agreed + explained;
        println!(
            "{}: {cases} cases, {} agreed, {explained} explained",
            self.name, self.agreed
        );
        for (difference, seen) in &self.differences {
            println!("  {seen} × {}", difference.why);
            assert!(
                *seen > 0 || !suite::are_here(),
                "{}: no case of: {}",
                self.name,
                difference.why
            );
        }
    }
}

/// Has `cases` values made, the same ones in every run.
fn generate<S: Strategy>(cases: u32, strategy: S, mut check: impl FnMut(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for _ in 0..cases {
        let tree = strategy.new_tree(&mut runner).expect("a value");
        check(proptest::strategy::ValueTree::current(&tree));
    }
}
