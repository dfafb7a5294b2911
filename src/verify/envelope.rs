//! Step 0: everything that can be said of an envelope before anyone's key is looked up (interpretations, row 30).
//!
//! In this order: size, encoding, schema and tier rules (INCIDENT's tier among them), transport headers, audience and
//! purpose, tier gate, replay look-up, the peer's budget.

use super::audience::is_proposal;
use super::replay::Seen;
use super::{Failure, Run, Warning, Why, max_tier};
use crate::envelope::{Envelope, ReadError, RejectReason, Tier, Violation};
use crate::trust::sealing::RECIPIENTS_MAX;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn envelope(&mut self, bytes: &'a [u8]) -> Result<(Envelope<'a>, Seen), Failure> {
        let unknown = |why| Failure {
            reason: RejectReason::Unknown,
            why,
        };
        let envelope = self.read(bytes)?;
        let surface = envelope.surface();
        if !surface.is_within_limit() {
            return Err(unknown(Why::SurfaceTooLarge(surface.len())));
        }
        let echo = self.situation.echo;
        echo.check(envelope.tier(), envelope.verb())
            .map_err(|mismatch| unknown(Why::Echo(mismatch)))?;
        self.audience(&envelope, self.verdict.short_form)?;
        if is_proposal(envelope.verb()) {
            self.tier_gate(&envelope)?;
        }
        // Each recipient is looked up, and later recorded: as many as anyone seals for, and no more.
        if envelope.sealed().recipients().nth(RECIPIENTS_MAX).is_some() {
            return Err(unknown(Why::TooManyRecipients));
        }
        let seen = self.look_up(&envelope)?;
        if seen == Seen::Never {
            self.charge_peer(envelope.verb())?;
        }
        Ok((envelope, seen))
    }

    /// Size, encoding, schema and tier rules, with the leniency that a short form may ask for.
    fn read(&mut self, bytes: &'a [u8]) -> Result<Envelope<'a>, Failure> {
        let unknown = |why| Failure {
            reason: RejectReason::Unknown,
            why,
        };
        let (mut broken, mut lacking): (Option<Violation>, Option<Violation>) = (None, None);
        let warnings = &mut self.verdict.warnings;
        let read = Envelope::read(bytes, &mut |violation| {
            if violation.is_warning() {
                warnings.push(Warning::Schema(violation));
            } else if violation.is_tolerable_in_short_form() {
                lacking.get_or_insert(violation);
            } else {
                broken.get_or_insert(violation);
            }
        });
        let envelope = match read {
            Ok(envelope) => envelope,
            Err(ReadError::Unusable(violation)) => return Err(unknown(Why::Schema(violation))),
            Err(error) => return Err(unknown(Why::Unreadable(error))),
        };
        self.verdict.envelope = Some(envelope);
        self.verdict.short_form = lacking.is_some();
        match (broken, lacking) {
            (Some(violation), _) => Err(unknown(Why::Schema(violation))),
            (None, Some(violation)) if self.takes_short_form(&envelope) => {
                self.verdict.warnings.push(Warning::Schema(violation));
                Ok(envelope)
            }
            (None, Some(violation)) => Err(unknown(Why::Schema(violation))),
            (None, None) => Ok(envelope),
        }
    }

    /// OHP §3.2: at or above the workload's floor and ours, at or below our ceiling.
    fn tier_gate(&self, envelope: &Envelope<'_>) -> Result<(), Failure> {
        let tier = envelope.tier();
        let ceiling = max_tier(self.situation.bundle, self.disclosed.is_some());
        let floor = envelope.audience().min_tier().unwrap_or(Tier::Core);
        let own_floor = self.situation.bundle.receiver().min_tier;
        let why = if tier < floor {
            Why::BelowFloor(tier, floor)
        } else if tier < own_floor {
            Why::BelowOwnFloor(tier, own_floor)
        } else if tier > ceiling {
            Why::AboveCeiling(tier, ceiling)
        } else {
            return Ok(());
        };
        Err(Failure {
            reason: RejectReason::TierInsufficient,
            why,
        })
    }
}
