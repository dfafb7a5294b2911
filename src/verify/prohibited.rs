//! Step 8: no practice of Article 5, and the issuer's signature under that (OHP §6.2, docs/09; interpretations, row 45).

use super::governance::{Ungoverned, refuse};
use super::{Checked, Passed, Run};
use crate::envelope::{Envelope, RejectReason};

/// The member of `governance.prohibited` that holds the issuer's signature.
const ATTESTATION: &str = "attestationJws";

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn prohibited(&mut self, envelope: &Envelope<'a>) -> Checked {
        let governance = envelope.governance();
        let Some(block) = governance.prohibited() else {
            return refuse(RejectReason::ProhibitedPractice, Ungoverned::NoAttestation);
        };
        // The flags come first: what is admitted needs no proof.
        for (member, flag) in [
            ("subliminalManipulation", governance.subliminal_manipulation()),
            ("socialScoring", governance.social_scoring()),
            ("rtBiometricIdPublic", governance.rt_biometric_id_public()),
            (
                "emotionRecognitionWorkplace",
                governance.emotion_recognition_workplace(),
            ),
            (
                "sensitiveBiometricCategorisation",
                governance.sensitive_biometric_categorisation(),
            ),
        ] {
            if flag != Some(false) {
                return refuse(RejectReason::ProhibitedPractice, Ungoverned::ProhibitedPractice(member));
            }
        }
        match self.issuer_signed(envelope, block, ATTESTATION) {
            Ok(()) => Ok(Passed::Held),
            Err(_) => refuse(RejectReason::SignatureInvalid, Ungoverned::AttestationInvalid),
        }
    }
}
