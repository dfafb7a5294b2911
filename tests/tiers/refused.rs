//! What is refused, at which step and with which word.

use crate::outcome;
use crate::rows::ROWS;
use crate::scene::Scene;

/// Interpretations, rows 13, 15, 16, 17, 18, 19, 45 and 46.
#[test]
fn each_wrong_thing_is_refused_at_its_step_with_its_word() {
    let mut wrong = Vec::new();
    for (what, tier, step, reason, change) in ROWS {
        let mut scene = Scene::at(*tier);
        change(&mut scene);
        let outcome = outcome(&mut scene);
        println!("{what}: {outcome}");
        if !outcome.starts_with(&format!("{step} {reason}: ")) {
            wrong.push(format!("{what}: {outcome}, not {step} {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each step can refuse, and each word of the protocol is used, but those that need a table or a peer.
#[test]
fn rows_cover_each_step_and_each_word() {
    for step in 0..15 {
        assert!(ROWS.iter().any(|row| row.2 == step), "step {step}");
    }
    for reason in [
        "tier-insufficient",
        "signature-invalid",
        "stale",
        "not-bound-to-call",
        "consent-out-of-scope",
        "assurance-insufficient",
        "risk-class-not-allowed",
        "prohibited-practice",
        "oversight-missing",
        "gpai-policy-missing",
        "unknown",
    ] {
        assert!(ROWS.iter().any(|row| row.3 == reason), "{reason}");
    }
}
