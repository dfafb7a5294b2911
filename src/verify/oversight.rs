//! Step 11: whether as strong an oversight stands behind the system as our policy demands (OHP §6.3, Art. 14; docs/09).

use super::governance::{Ungoverned, refuse};
use super::{Checked, Passed, Run};
use crate::envelope::{Envelope, RejectReason};
use crate::trust::terms::Oversight;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn oversight(&mut self, envelope: &Envelope<'a>) -> Checked {
        let Some(least) = self.situation.bundle.receiver().required_oversight else {
            return Ok(Passed::Skipped);
        };
        match envelope.oversight().mode().and_then(Oversight::parse) {
            Some(mode) if mode >= least => Ok(Passed::Held),
            Some(_) => refuse(RejectReason::OversightMissing, Ungoverned::OversightWeaker(least)),
            None => refuse(RejectReason::OversightMissing, Ungoverned::NoOversight),
        }
    }
}
