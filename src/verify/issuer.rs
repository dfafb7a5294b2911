//! Step 1: whether the issuer is one that policy admits, and whether its keys are at hand (OHP §10; interpretations, row 31).

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Why};
use crate::envelope::{Envelope, RejectReason};

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn resolve_issuer(&mut self, envelope: &Envelope<'a>) -> Checked {
        let refuse = |why| {
            Err(Failure {
                reason: RejectReason::Unknown,
                why,
            })
        };
        let Some(did) = envelope.issuer().did() else {
            return refuse(Why::NoIssuerDid);
        };
        let bundle = self.situation.bundle;
        if !bundle.is_admitted(did) {
            return refuse(Why::NotAdmitted);
        }
        match bundle.issuer(did).and_then(|issuer| issuer.jwks.as_ref()) {
            Some(_) => Ok(Passed::Held),
            None => {
                let need = Need {
                    step: Step::ResolveIssuer,
                    kind: NeedKind::Jwks,
                    reference: did,
                };
                self.verdict.needs.push(need);
                Ok(Passed::Lacking)
            }
        }
    }
}
