//! Step 14: whether the envelope is the one that was anchored (OHP §5.7, docs/09; interpretations, rows 8 and 46).
//!
//! The leaf hash is compared wherever there is one. Keeping the log's signed note beside the ticket is the host's.

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Warning, Why};
use crate::envelope::{Envelope, RejectReason, Tier, leaf_hash_text};
use crate::trust::transparency::{anchor, merkle};

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn anchor(&mut self, envelope: &Envelope<'a>) -> Checked {
        let transparency = envelope.transparency();
        let Some((log_id, stated)) = transparency.log_id().zip(transparency.leaf_hash()) else {
            return Ok(Passed::Skipped);
        };
        let known = self.situation.bundle.log(log_id);
        if known.is_none() && self.skips_gaps() {
            return Ok(Passed::Lacking);
        }
        let hash = envelope.surface_hash();
        if stated.as_bytes() != leaf_hash_text(&hash) {
            return Err(leaf_hash_differs());
        }
        // Below Regulated anchoring is the sender's choice, and a log that we do not know is no reason to wait.
        let Some(log) = known else {
            if envelope.tier() < Tier::Regulated {
                return Ok(Passed::Held);
            }
            self.verdict.needs.push(Need {
                step: Step::Anchor,
                kind: NeedKind::Log,
                reference: log_id,
            });
            return Ok(Passed::Lacking);
        };
        let Some(entry) = log.entry(&hash) else {
            self.verdict.warnings.push(Warning::NotSeenInLog);
            return Ok(Passed::Held);
        };
        let leaf = entry
            .body
            .unwrap_or_else(|| merkle::leaf_hash(&envelope.surface().segments()));
        match anchor::verify(log, entry, &leaf) {
            Ok(()) => Ok(Passed::Held),
            Err(error) => unknown(Why::Anchor(error)),
        }
    }
}

/// Whether the stated leaf hash is another envelope's. No signature covers it, so that anyone on the way can change it: a
/// copy in which it is wrong says nothing about the envelope itself, is never remembered, and waits for nothing.
pub(super) fn is_altered(envelope: &Envelope<'_>) -> bool {
    let stated = envelope
        .transparency()
        .leaf_hash()
        .filter(|_| envelope.tier() >= Tier::Signed);
    stated.is_some_and(|stated| stated.as_bytes() != leaf_hash_text(&envelope.surface_hash()))
}

pub(super) fn leaf_hash_differs() -> Failure {
    Failure {
        reason: RejectReason::Unknown,
        why: Why::LeafHashDiffers,
    }
}

fn unknown(why: Why) -> Checked {
    Err(Failure {
        reason: RejectReason::Unknown,
        why,
    })
}
