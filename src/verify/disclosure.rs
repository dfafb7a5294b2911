//! Step 10: the issuer's signature under its disclosure that it is an AI (OHP §6.2, Art. 50; docs/09; interpretations,
//! row 45).

use super::governance::{Ungoverned, refuse, risk_class};
use super::{Checked, Passed, Run, Warning};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::terms::RiskClass;

/// The member of `governance.art50Disclosure` that holds the issuer's signature.
pub(super) const DISCLOSURE_PROOF: &str = "proofJws";

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn disclosure(&mut self, envelope: &Envelope<'a>) -> Checked {
        let governance = envelope.governance();
        let invalid = |why| refuse(RejectReason::SignatureInvalid, why);
        let Some(block) = governance.art50() else {
            // A system of minimal risk owes no proof; then the receiver discloses, as it must where nobody has.
            return match risk_class(envelope) {
                RiskClass::Minimal => {
                    self.verdict.warnings.push(Warning::DisclosureOwed);
                    Ok(Passed::Skipped)
                }
                _ => invalid(Ungoverned::NoDisclosure),
            };
        };
        if !self.is_disclosure_proven && self.issuer_signed(envelope, block, DISCLOSURE_PROOF).is_err() {
            return invalid(Ungoverned::DisclosureInvalid);
        }
        if governance.art50_disclosed() != Some(true) {
            self.verdict.warnings.push(Warning::DisclosureOwed);
        }
        Ok(Passed::Held)
    }
}
