//! Step 2: the detached signatures over the surface, and the rate of the key that made the EdDSA one (OHP §5.1, §5.9,
//! §5.10; interpretations, rows 12, 14, 15, 20, 30).

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Why};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::hybrid::{self, Refusal};

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn signatures(&mut self, envelope: &Envelope<'a>) -> Checked {
        // INVARIANT: step 1 held, so the issuer has a DID and its keys are in the bundle; without them nobody is admitted.
        let jwks = envelope
            .issuer()
            .did()
            .and_then(|did| self.situation.bundle.issuer(did)?.jwks.as_ref());
        let jwks = match jwks {
            Some(jwks) => jwks,
            None if self.skips_gaps() => {
                self.verdict.needs.push(Need {
                    step: Step::Signatures,
                    kind: NeedKind::Jwks,
                    reference: envelope.issuer().did().unwrap_or_default(),
                });
                return Ok(Passed::Lacking);
            }
            None => return Err(invalid(Why::NotAdmitted)),
        };
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
