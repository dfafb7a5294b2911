//! Step 7: what a high-risk system must show before anything else is believed of it (OHP §6.1–§6.3, docs/09;
//! interpretations, rows 30 and 45).

use super::disclosure::DISCLOSURE_PROOF;
use super::governance::{Ungoverned, refuse, risk_class};
use super::{Checked, Failure, Passed, Run, Step};
use crate::envelope::{Envelope, Field, RejectReason};
use crate::id::parse_hex;
use crate::time::Date;
use crate::trust::terms::{Oversight, RiskClass};

/// How long a review of the AI impact assessment lasts, in calendar months (OHP §6.2).
const REVIEW_MONTHS: u16 = 12;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn risk_class(&mut self, envelope: &Envelope<'a>) -> Checked {
        let class = risk_class(envelope);
        let accepted = self.situation.bundle.receiver().accepted_risk_classes.as_deref();
        if class == RiskClass::Prohibited || accepted.is_some_and(|accepted| !accepted.contains(&class)) {
            return not_allowed(Ungoverned::RiskClass(class));
        }
        if class != RiskClass::High {
            return Ok(Passed::Held);
        }
        conformity_is_valid(envelope)?;
        impact_is_assessed(envelope)?;
        if !envelope.has(Field::Art86) {
            return not_allowed(Ungoverned::NoExplanation);
        }
        is_overseen(envelope)?;
        self.disclosure_is_proven(envelope)?;
        // Last, because only this can be lacking: what can be refused now is not asked for first.
        self.declaration_is_there(envelope)
    }

    fn disclosure_is_proven(&mut self, envelope: &Envelope<'a>) -> Result<(), Failure> {
        let governance = envelope.governance();
        let disclosed = governance.art50_disclosed() == Some(true);
        match governance.art50() {
            Some(block) if disclosed && self.issuer_signed(envelope, block, DISCLOSURE_PROOF).is_ok() => {
                self.is_disclosure_proven = true;
                Ok(())
            }
            _ => not_allowed(Ungoverned::NotDisclosed),
        }
    }

    fn declaration_is_there(&mut self, envelope: &Envelope<'a>) -> Checked {
        let system = envelope.ai_system();
        let Some(url) = system.ce_declaration_url() else {
            return not_allowed(Ungoverned::NoConformity);
        };
        let Some(found) = self.resource(Step::RiskClass, url) else {
            return Ok(Passed::Lacking);
        };
        if !found.is_success() {
            return not_allowed(Ungoverned::DeclarationGone(found.status));
        }
        let named = system.model_card_sha256().and_then(|text| text.strip_prefix("sha256:"));
        match named.and_then(parse_hex) {
            Some(hash) if found.sha256 == Some(hash) => Ok(Passed::Held),
            _ => not_allowed(Ungoverned::DeclarationDiffers),
        }
    }
}

fn conformity_is_valid(envelope: &Envelope<'_>) -> Result<(), Failure> {
    if !envelope.has(Field::AiSystemCe) {
        return not_allowed(Ungoverned::NoConformity);
    }
    let until = envelope.ai_system().ce_valid_until().map(Date::parse);
    let issued = envelope.issued_at().unwrap_or_default().date();
    match until {
        None => Ok(()),
        Some(Ok(until)) if issued <= until => Ok(()),
        Some(_) => not_allowed(Ungoverned::ConformityOver),
    }
}

fn impact_is_assessed(envelope: &Envelope<'_>) -> Result<(), Failure> {
    let governance = envelope.governance();
    let Some(reviewed) = governance.aiia_last_reviewed_at() else {
        return not_allowed(Ungoverned::NoImpactAssessment);
    };
    let issued = envelope.issued_at().unwrap_or_default().date();
    // A review dated in the future has not happened.
    let is_recent = |reviewed: Date| reviewed <= issued && issued <= reviewed.plus_months(REVIEW_MONTHS);
    if !Date::parse(reviewed).is_ok_and(is_recent) {
        return not_allowed(Ungoverned::ImpactAssessmentOld);
    }
    if envelope.issuer().ai_role() == Some("deployer") && governance.fria_id().is_none() {
        return not_allowed(Ungoverned::NoRightsAssessment);
    }
    Ok(())
}

fn is_overseen(envelope: &Envelope<'_>) -> Result<(), Failure> {
    match envelope.oversight().mode().and_then(Oversight::parse) {
        None => refuse(RejectReason::OversightMissing, Ungoverned::NoOversight),
        Some(Oversight::InCommand) => refuse(RejectReason::OversightMissing, Ungoverned::OversightTooWeakForRisk),
        Some(Oversight::OnTheLoop | Oversight::InTheLoop) => Ok(()),
    }
}

fn not_allowed<T>(why: Ungoverned) -> Result<T, Failure> {
    refuse(RejectReason::RiskClassNotAllowed, why)
}
