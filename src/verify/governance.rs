//! What the gates of the Regulated tier refuse: steps 7 to 12 (OHP §6, docs/05, docs/09; interpretations, row 45).
//!
//! The gates themselves have a file each. They judge what the issuer says of its AI system against the receiver's policy;
//! what they need from outside, such as a declaration behind a URL, is looked up in the bundle.

use core::fmt;

use super::{Failure, Need, NeedKind, Run, Step, Why};
use crate::cbor::Item;
use crate::envelope::{Envelope, RejectReason};
use crate::trust::block_proof;
use crate::trust::bundle::Resource;
use crate::trust::terms::{Oversight, RiskClass};

/// Why a gate of the Regulated tier does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ungoverned {
    /// `aiSystem.riskClass` is `prohibited`, or not one that this receiver accepts.
    RiskClass(RiskClass),
    /// A high-risk system has no `aiSystem.ceConformity`.
    NoConformity,
    /// `aiSystem.ceConformity.validUntil` is over.
    ConformityOver,
    /// The declaration of conformity's URL answers with an error; holds the HTTP status.
    DeclarationGone(u16),
    /// What is behind the declaration's URL does not have the hash `aiSystem.modelCardSha256`.
    DeclarationDiffers,
    /// A high-risk system has no `governance.aiia`.
    NoImpactAssessment,
    /// `governance.aiia.lastReviewedAt` is more than twelve calendar months before `issuedAt`, or after it.
    ImpactAssessmentOld,
    /// A deployer's high-risk system has no `governance.fria`.
    NoRightsAssessment,
    /// A high-risk system has no `governance.art86Explanation`.
    NoExplanation,
    /// A high-risk system has no `oversight`.
    NoOversight,
    /// A high-risk system is only under human command, which is too weak for it.
    OversightTooWeakForRisk,
    /// A high-risk system has not disclosed that it is one, or has no valid proof of it.
    NotDisclosed,
    /// There is no `governance.prohibited`: nobody attests that no practice of Article 5 is used.
    NoAttestation,
    /// A practice of Article 5 is asserted; holds the member's name.
    ProhibitedPractice(&'static str),
    /// `governance.prohibited.attestationJws` does not hold.
    AttestationInvalid,
    /// A high-risk system names no clause of Annex III.
    NoClause,
    /// The clause is not in this receiver's `annexIIIAllowed`.
    ClauseNotAllowed,
    /// The issuer's federation does not let it operate under the clause.
    ClauseNotOfIssuer,
    /// A system of limited risk has no `governance.art50Disclosure`.
    NoDisclosure,
    /// `governance.art50Disclosure.proofJws` does not hold.
    DisclosureInvalid,
    /// `oversight.mode` is weaker than this receiver demands; holds what it demands.
    OversightWeaker(Oversight),
    /// A general-purpose model with systemic risk has no `policyUrl`.
    NoModelPolicy,
    /// A model's `policyUrl` answers with an error; holds the HTTP status.
    ModelPolicyGone(u16),
}

impl fmt::Display for Ungoverned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::RiskClass(class) => {
                return write!(f, "aiSystem.riskClass {} is not accepted here", class.as_str());
            }
            Self::DeclarationGone(status) => {
                return write!(f, "aiSystem.ceConformity.declarationUrl answers {status}");
            }
            Self::ModelPolicyGone(status) => {
                return write!(f, "a policyUrl in aiSystem.gpaiChain answers {status}");
            }
            Self::ProhibitedPractice(member) => return write!(f, "governance.prohibited.{member} is true"),
            Self::OversightWeaker(least) => {
                return write!(
                    f,
                    "oversight.mode is weaker than {}, which policy demands",
                    least.as_str()
                );
            }
            Self::NoConformity => "aiSystem.ceConformity is missing, and the system is high-risk",
            Self::ConformityOver => "aiSystem.ceConformity.validUntil is over",
            Self::DeclarationDiffers => {
                "what aiSystem.ceConformity.declarationUrl answers does not have the hash aiSystem.modelCardSha256"
            }
            Self::NoImpactAssessment => "governance.aiia is missing, and the system is high-risk",
            Self::ImpactAssessmentOld => "governance.aiia.lastReviewedAt is not within the 12 months before issuedAt",
            Self::NoRightsAssessment => "governance.fria is missing, and the issuer deploys a high-risk system",
            Self::NoExplanation => "governance.art86Explanation is missing, and the system is high-risk",
            Self::NoOversight => "oversight is missing",
            Self::OversightTooWeakForRisk => "oversight.mode human-in-command is too weak for a high-risk system",
            Self::NotDisclosed => {
                "governance.art50Disclosure of a high-risk system must say disclosed and have a valid proofJws"
            }
            Self::NoAttestation => "governance.prohibited is missing",
            Self::AttestationInvalid => "governance.prohibited.attestationJws does not hold for the issuer's keys",
            Self::NoClause => "aiSystem.annexIIIClause is missing, and the system is high-risk",
            Self::ClauseNotAllowed => "aiSystem.annexIIIClause is not in this receiver's annexIIIAllowed",
            Self::ClauseNotOfIssuer => "the issuer's federation does not let it operate under aiSystem.annexIIIClause",
            Self::NoDisclosure => "governance.art50Disclosure is missing, and the system is of limited risk",
            Self::DisclosureInvalid => "governance.art50Disclosure.proofJws does not hold for the issuer's keys",
            Self::NoModelPolicy => "a model with systemic risk in aiSystem.gpaiChain has no policyUrl",
        };
        f.write_str(text)
    }
}

/// The refusal `why`, told to the peer as `reason`.
pub(super) fn refuse<T>(reason: RejectReason, why: Ungoverned) -> Result<T, Failure> {
    Err(Failure {
        reason,
        why: Why::Governance(why),
    })
}

/// A proof that does not hold; each gate has a word of its own for that.
pub(super) struct NotSigned;

/// The envelope's risk class; the schema has made sure that there is one at Regulated.
pub(super) fn risk_class(envelope: &Envelope<'_>) -> RiskClass {
    let class = envelope.ai_system().risk_class().and_then(RiskClass::parse);
    class.unwrap_or(RiskClass::Prohibited)
}

impl<'a> Run<'_, '_, 'a> {
    /// Whether the issuer itself has signed `block`, with the signature under its member `proof`.
    pub(super) fn issuer_signed(
        &mut self,
        envelope: &Envelope<'a>,
        block: Item<'a>,
        proof: &str,
    ) -> Result<(), NotSigned> {
        let jws = block.map().and_then(|map| map.get(proof)?.as_text()).ok_or(NotSigned)?;
        // INVARIANT: step 2 held, so the issuer has a DID and its keys are in the bundle; without them nothing is signed.
        let issuer = envelope
            .issuer()
            .did()
            .and_then(|did| self.situation.bundle.issuer(did));
        let keys = match issuer.and_then(|issuer| issuer.jwks.as_ref()) {
            Some(keys) => keys,
            None if self.skips_gaps() => return Ok(()),
            None => return Err(NotSigned),
        };
        let issued_at = envelope.issued_at().unwrap_or_default();
        block_proof::verify(block, proof, jws, keys, issued_at, self.scratch).map_err(|_| NotSigned)
    }

    /// What is known of the answer behind `url`; what is not becomes a need.
    pub(super) fn resource(&mut self, step: Step, url: &'a str) -> Option<Resource> {
        let known = self.situation.bundle.resource(url).copied();
        if known.is_none() {
            self.verdict.needs.push(Need {
                step,
                kind: NeedKind::Resource,
                reference: url,
            });
        }
        known
    }
}
