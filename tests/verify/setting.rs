//! What the tests of the verdict start from: the signed example, a situation, and short words for what came of it.

use ohp::time::Timestamp;
use ohp::transport::Echo;
use ohp::trust::bundle::Bundle;
use ohp::verify::{Call, Media, Role, Situation, VERIFY_SCRATCH, Verdict, Why, verify};
use serde_json::Value;

use crate::common::{official, sign};

/// A verification from the command line's point of view: no call, no sound, nothing remembered.
pub fn situation(bundle: &Bundle, now: Timestamp) -> Situation<'_> {
    Situation {
        bundle,
        now,
        role: Role::Unknown,
        call: Call::Unknown,
        media: Media::NotHere,
        echo: Echo::default(),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    }
}

pub fn judge<'a>(cbor: &'a [u8], situation: &Situation<'_>) -> Verdict<'a> {
    verify(cbor, situation, &mut vec![0; VERIFY_SCRATCH], &mut |_, _| ())
}

/// The reason and the step of a refusal.
pub fn refusal(verdict: &Verdict<'_>) -> Option<(&'static str, u8)> {
    verdict
        .failure()
        .map(|(step, failure)| (failure.reason.as_str(), step.number()))
}

pub fn why(verdict: &Verdict<'_>) -> Why {
    verdict
        .failure()
        .unwrap_or_else(|| panic!("not refused: {:?}", verdict.outcome))
        .1
        .why
}

pub fn signed() -> Value {
    official("02-signed-cs-handoff")
}

/// The signed example without what needs more than a key, changed by `change`, signed by the sender's key.
pub fn signed_with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut envelope = signed();
    change(&mut envelope);
    sign(&envelope, 1)
}
