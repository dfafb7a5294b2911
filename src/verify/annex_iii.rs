//! Step 9: the clause of Annex III under which the system works, against what we and its federation allow (OHP §5.6,
//! docs/09; interpretations, row 45).

use super::governance::{Ungoverned, refuse, risk_class};
use super::{Checked, Passed, Run};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::Text;
use crate::trust::terms::RiskClass;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn annex_iii(&mut self, envelope: &Envelope<'a>) -> Checked {
        let not_allowed = |why| refuse(RejectReason::RiskClassNotAllowed, why);
        let Some(clause) = envelope.ai_system().annex_iii_clause() else {
            return match risk_class(envelope) {
                RiskClass::High => not_allowed(Ungoverned::NoClause),
                _ => Ok(Passed::Skipped),
            };
        };
        let bundle = self.situation.bundle;
        let holds = |list: &[Text]| list.iter().any(|each| **each == *clause);
        if !bundle.receiver().annex_iii_allowed.as_deref().is_none_or(holds) {
            return not_allowed(Ungoverned::ClauseNotAllowed);
        }
        let federation = envelope
            .issuer()
            .did()
            .and_then(|did| bundle.issuer(did)?.federation.as_ref());
        match federation.and_then(|federation| federation.annex_iii.as_deref()) {
            Some(list) if !holds(list) => not_allowed(Ungoverned::ClauseNotOfIssuer),
            _ => Ok(Passed::Held),
        }
    }
}
