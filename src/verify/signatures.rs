//! Step 2: the detached signatures over the surface, and the rate of the key that made the EdDSA one (OHP §5.1, §5.9,
//! §5.10; interpretations, rows 12, 14, 15, 20, 30).

use super::{Checked, Failure, Passed, Run, Why};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::hybrid::{self, Refusal};

impl Run<'_, '_, '_> {
    pub(super) fn signatures(&mut self, envelope: &Envelope<'_>) -> Checked {
        // INVARIANT: step 1 held, so the issuer has a DID and its keys are in the bundle; without them nobody is admitted.
        let jwks = envelope
            .issuer()
            .did()
            .and_then(|did| self.situation.bundle.issuer(did)?.jwks.as_ref())
            .ok_or(Why::NotAdmitted)
            .map_err(invalid)?;
        let kid = hybrid::verify(envelope, jwks, self.scratch).map_err(|refusal| invalid(why(refusal)))?;
        self.charge_key(envelope, kid)?;
        Ok(Passed::Held)
    }
}

fn invalid(why: Why) -> Failure {
    Failure {
        reason: RejectReason::SignatureInvalid,
        why,
    }
}

fn why(refusal: Refusal) -> Why {
    match refusal {
        Refusal::EdDsaCount(count) => Why::SignatureCount(count),
        Refusal::MlDsaCount(count) => Why::PostQuantumCount(count),
        Refusal::UncheckedAlgorithm => Why::UncheckedAlgorithm,
        Refusal::OneKid => Why::OneKid,
        Refusal::Key(_, refusal) => Why::Key(refusal),
        Refusal::Jws(_, error) => Why::Signature(error),
    }
}
