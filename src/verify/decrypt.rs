//! Step 13: opening what was sealed for us (OHP §5.3, docs/09; interpretations, rows 17, 18 and 46).
//!
//! An envelope without a slot for us goes on without: it is informational then, and nothing is said to be opened.

use super::{Checked, Failure, Passed, Run, Warning, Why};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::sealing;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn decrypt(&mut self, envelope: &Envelope<'a>) -> Checked {
        let keys = &self.situation.bundle.receiver().keys;
        // A proposal does not come here without memory; an answer does, because no tier gate holds it back.
        let Some(disclosed) = self.disclosed.as_deref_mut() else {
            if envelope.sealed().ciphertext().is_some() {
                self.verdict.warnings.push(Warning::SealedUnopened);
            }
            return Ok(Passed::Skipped);
        };
        match sealing::open(envelope, keys, self.scratch, &mut disclosed.fields) {
            Ok(Some(opened)) => {
                disclosed.fields_len = opened.keep();
                Ok(Passed::Held)
            }
            Ok(None) => Ok(Passed::Skipped),
            Err(error) => Err(Failure {
                reason: RejectReason::Unknown,
                why: Why::NotOpened(error),
            }),
        }
    }
}
