//! Step 12: each general-purpose model with systemic risk behind the system has a policy that can be read (OHP §6.1,
//! Art. 53 and 55; docs/09).

use super::governance::{Ungoverned, refuse};
use super::{Checked, Passed, Run, Step};
use crate::envelope::{Envelope, RejectReason};

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn gpai_policy(&mut self, envelope: &Envelope<'a>) -> Checked {
        let missing = |why| refuse(RejectReason::GpaiPolicyMissing, why);
        let mut passed = Passed::Skipped;
        for model in envelope.ai_system().gpai_chain() {
            if model.systemic_risk() != Some(true) {
                continue;
            }
            let Some(url) = model.policy_url() else {
                return missing(Ungoverned::NoModelPolicy);
            };
            match self.resource(Step::GpaiPolicy, url) {
                Some(found) if !found.is_success() => return missing(Ungoverned::ModelPolicyGone(found.status)),
                Some(_) if matches!(passed, Passed::Lacking) => {}
                Some(_) => passed = Passed::Held,
                None => passed = Passed::Lacking,
            }
        }
        Ok(passed)
    }
}
