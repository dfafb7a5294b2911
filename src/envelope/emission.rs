//! What a sender owes beyond what step 0 of a receiver asks: the MUST rows of OHP §4.2 that a receiver leaves to its later
//! steps, so that it can refuse them by the right word (interpretations, rows 9 and 30).
//!
//! A sender has no later steps. What would be refused then is not emitted.

use super::violation::{Broken, Violation};
use super::{Envelope, Field, Tier};

/// The first thing that `envelope`, which keeps to the schema and to its tier's rules, still lacks.
pub(super) fn lacking(envelope: &Envelope<'_>) -> Option<Violation> {
    let tier = envelope.tier();
    if tier < Tier::Sealed {
        return None;
    }
    if let Some(field) = owed(envelope).find(|field| !envelope.has(*field)) {
        return Some(Violation::at(field, Broken::Missing));
    }
    let empty = |field: &Field| {
        envelope
            .item(*field)
            .and_then(|item| item.array())
            .is_some_and(|list| list.is_empty())
    };
    let filled = [Field::Consent, Field::AudienceRecipientKeys, Field::SealedFields];
    if let Some(field) = filled.into_iter().find(empty) {
        return Some(Violation::at(field, Broken::TooFew));
    }
    admitted(envelope).map(|field| Violation::at(field, Broken::NotConst))
}

/// The members that OHP §4.2 and §6 demand, each where it demands them.
fn owed(envelope: &Envelope<'_>) -> impl Iterator<Item = Field> {
    let regulated = envelope.tier() == Tier::Regulated;
    let high_risk = regulated && envelope.ai_system().risk_class() == Some("high");
    let deployer = envelope.issuer().ai_role() == Some("deployer");
    [
        (Field::Consent, true),
        (Field::Aiia, regulated),
        (Field::Fria, high_risk && deployer),
        (Field::Prohibited, regulated),
        (Field::Art50, regulated),
        (Field::Art86, high_risk),
        (Field::Oversight, high_risk),
        (Field::Guardrails, regulated),
    ]
    .into_iter()
    .filter_map(|(field, is_owed)| is_owed.then_some(field))
}

/// A practice of Article 5 that the envelope itself says is used: no conformant envelope does (OHP §6.2).
fn admitted(envelope: &Envelope<'_>) -> Option<Field> {
    let flags = [
        Field::ProhibitedSubliminal,
        Field::ProhibitedSocialScoring,
        Field::ProhibitedBiometricId,
        Field::ProhibitedEmotion,
        Field::ProhibitedCategorisation,
    ];
    let is_set = |field: &Field| envelope.item(*field).and_then(|item| item.as_bool()) == Some(true);
    flags.into_iter().find(is_set)
}
