//! Step 6: whether the identity provider vouches for the caller, and whether the credential is its own (OHP §5.4, §5.6,
//! docs/09; interpretations, rows 16, 19 and 45).
//!
//! The judgements are [`crate::trust::assurance`]'s and [`crate::trust::sd_jwt`]'s; here the envelope's fields are handed
//! to them, keys that are not at hand become a need, and the table is asked whether another call has shown the proof.

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Warning, Why};
use crate::envelope::{Envelope, Field, RejectReason};
use crate::trust::assurance::{self, PROOF, Refusal, Statement};
use crate::trust::block_proof::Block;
use crate::trust::sd_jwt;

/// How old a holder's proof may be where the bundle sets no `maxStepUpAge`: it is made when the caller is identified, and a
/// call may go on for a while before it is handed over.
const HOLDERS_PROOF_MAX_MS: i64 = 3_600_000;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn assurance(&mut self, envelope: &Envelope<'a>) -> Checked {
        let bundle = self.situation.bundle;
        let now = self.situation.now;
        let block = envelope
            .item(Field::Assurance)
            .ok_or_else(|| refused(Refusal::Incomplete))?;
        let statement = Statement {
            block,
            issuer: envelope.issuer().did().unwrap_or_default(),
            call_id: envelope.call_id(),
            issued_at: envelope.issued_at().unwrap_or_default(),
            now,
        };
        let assurance = match assurance::judge(&statement, bundle, self.scratch) {
            Ok(assurance) => assurance,
            Err(refusal)
                if refusal == Refusal::KeysNeeded || refusal == Refusal::UnknownProvider && self.skips_gaps() =>
            {
                self.verdict.needs.push(Need {
                    step: Step::Assurance,
                    kind: NeedKind::Jwks,
                    reference: envelope.assurance().idp().unwrap_or_default(),
                });
                return Ok(Passed::Lacking);
            }
            Err(refusal) => return Err(refused(refusal)),
        };
        // INVARIANT: the provider's keys have just verified its proof.
        let provider = bundle.identity_provider(assurance.idp);
        let keys = provider.and_then(|provider| provider.jwks.as_ref());
        let keys = keys.ok_or_else(|| refused(Refusal::UnknownProvider))?;
        let identity = envelope.identity();
        let credential = identity.sd_jwt_vc().ok_or_else(|| insufficient(Why::NoCredential))?;
        let receiver = bundle.receiver();
        let max_age = receiver
            .max_step_up_age
            .map_or(HOLDERS_PROOF_MAX_MS, |age| i64::from(age) * 1000);
        // INVARIANT: a bundle that demands the proof has a DID; without one no `aud` would be ours.
        let key_binding = receiver.require_key_binding.then(|| sd_jwt::KeyBinding {
            audience: receiver.did.as_deref().unwrap_or_default(),
            nonce: envelope.call_id(),
            max_age,
        });
        let expect = sd_jwt::Expect {
            types: &sd_jwt::TYPES,
            issuer: assurance.idp,
            now,
            key_binding,
        };
        let Some(disclosed) = self.disclosed.as_deref_mut() else {
            return Err(insufficient(Why::NoPlaceToDisclose));
        };
        let claims = sd_jwt::verify(
            credential,
            identity.disclosures(),
            &expect,
            keys,
            self.scratch,
            &mut disclosed.claims,
        );
        // All of the credential has been read there in plain, whatever came of it.
        let used = self.scratch.len().min(sd_jwt::SCRATCH_LEN);
        self.scratch.get_mut(..used).unwrap_or_default().fill(0);
        let claims = claims.map_err(|error| insufficient(Why::Credential(error)))?;
        assurance.is_about(claims).map_err(refused)?;
        disclosed.claims_len = claims.item().bytes().len();

        // A proof that names its call is of no use on another.
        let block = Block::without(block, PROOF).ok_or_else(|| refused(Refusal::Incomplete))?;
        if !assurance.is_bound_to_call && self.assurance_was_elsewhere(envelope, assurance.idp, &block)? {
            if bundle.receiver().require_bound_assurance {
                return Err(insufficient(Why::AssuranceSeenElsewhere));
            }
            self.verdict.warnings.push(Warning::AssuranceSeenElsewhere);
        }
        Ok(Passed::Held)
    }
}

fn refused(refusal: Refusal) -> Failure {
    insufficient(Why::Assurance(refusal))
}

fn insufficient(why: Why) -> Failure {
    Failure {
        reason: RejectReason::AssuranceInsufficient,
        why,
    }
}
