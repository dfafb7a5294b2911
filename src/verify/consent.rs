//! Step 5: whether the caller's consent covers what we would do (OHP §5.5; interpretations, row 44).
//!
//! The judgement itself is [`crate::trust::consent`]'s; here the envelope's fields are handed to it, and receipts that are
//! not at hand become needs.

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Why};
use crate::envelope::{Consent, Envelope, Field, RejectReason};
use crate::trust::consent::{Entry, Refusal, Statement, judge};

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn consent(&mut self, envelope: &Envelope<'a>) -> Checked {
        let bundle = self.situation.bundle;
        let limits = envelope
            .issuer()
            .did()
            .and_then(|did| bundle.issuer(did)?.federation.as_ref()?.jurisdictions.as_deref());
        let stated = envelope.has(Field::Consent);
        let statement = Statement {
            tier: envelope.tier(),
            purpose: envelope.audience().purpose().unwrap_or_default(),
            entries: stated.then(|| envelope.consents().map(entry)),
            residency: envelope
                .has(Field::DataResidency)
                .then(|| envelope.policy().data_residency()),
            issuer_jurisdictions: limits,
        };
        match judge(&statement, bundle) {
            Ok(()) if stated => Ok(Passed::Held),
            Ok(()) => Ok(Passed::Skipped),
            Err(Refusal::ReceiptNeeded(_)) => {
                let missing = envelope
                    .consents()
                    .filter_map(|consent| consent.receipt_id())
                    .filter(|receipt| bundle.consent_receipt(receipt).is_none());
                for reference in missing {
                    self.verdict.needs.push(Need {
                        step: Step::Consent,
                        kind: NeedKind::ConsentReceipt,
                        reference,
                    });
                }
                Ok(Passed::Lacking)
            }
            Err(refusal) => Err(Failure {
                reason: RejectReason::ConsentOutOfScope,
                why: Why::Consent(refusal),
            }),
        }
    }
}

fn entry<'a>(consent: Consent<'a>) -> Entry<'a, impl Iterator<Item = &'a str> + Clone> {
    Entry {
        receipt_id: consent.receipt_id().unwrap_or_default(),
        purpose: consent.purpose().unwrap_or_default(),
        scope: consent.scope(),
        lawful_basis: consent.lawful_basis().unwrap_or_default(),
        special_category_basis: consent.special_category_basis(),
        jurisdiction: consent.jurisdiction().unwrap_or_default(),
        transfer_mechanism: consent.transfer_mechanism(),
    }
}
