//! Step 2: the detached signature over the surface, and the rate of the key that made it (OHP §5.1, §5.9, §5.10;
//! interpretations, rows 12, 14, 20, 30).

use super::{Checked, Failure, Passed, Run, Why};
use crate::envelope::{Envelope, RejectReason, SignatureEntry};
use crate::trust::jwk::EDDSA;
use crate::trust::jws;

impl Run<'_, '_, '_> {
    pub(super) fn signatures(&mut self, envelope: &Envelope<'_>) -> Checked {
        let entry = only_eddsa(envelope).map_err(invalid)?;
        let kid = entry.kid().unwrap_or_default();
        // INVARIANT: step 1 held, so the issuer has a DID and its keys are in the bundle; without them the key is unknown.
        let key = envelope
            .issuer()
            .did()
            .and_then(|did| self.situation.bundle.issuer(did)?.jwks.as_ref())
            .ok_or(Why::NotAdmitted)
            .and_then(|jwks| {
                jwks.ed25519(Some(kid), envelope.issued_at().unwrap_or_default())
                    .map_err(Why::Key)
            })
            .map_err(invalid)?;
        let surface = envelope.surface();
        jws::verify_detached(
            entry.jws().unwrap_or_default(),
            &jws::Expect {
                alg: EDDSA,
                kid: Some(kid),
            },
            key,
            &surface.segments(),
            self.scratch,
        )
        .map_err(|error| invalid(Why::Signature(error)))?;
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

/// Signed and Sealed carry exactly one EdDSA signature, and one of another algorithm beside it must hold as well: what
/// cannot be checked does not.
fn only_eddsa<'a>(envelope: &Envelope<'a>) -> Result<SignatureEntry<'a>, Why> {
    let mut found = None;
    let mut count = 0;
    for entry in envelope.signatures() {
        if entry.alg() != Some(EDDSA) {
            return Err(Why::UncheckedAlgorithm);
        }
        found = Some(entry);
        count += 1;
    }
    found.filter(|_| count == 1).ok_or(Why::SignatureCount(count))
}
