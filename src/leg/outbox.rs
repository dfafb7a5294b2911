//! The message that a leg has to send: as many INFOs as it takes, one outstanding at a time (interpretations, row 23).
//!
//! A message of up to [`INLINE_LEN`] bytes waits in the leg itself, a longer one in a slot of the shared table. It stays
//! after its delivery, so that a retransmitted proposal is given the answer that it was given before (row 25).

use crate::envelope::Verb;
use crate::id::EnvelopeId;
use crate::table::{Key, SlotRef, Table};
use crate::time::{MAX_LIFETIME_MS, Timestamp};
use crate::transport::BODY_MAX;
use crate::transport::outgoing::{HEADERS_LEN, Outgoing, Rendered};

/// Room in which an INFO is written: its headers, its data, and the data once more in a multipart body.
pub const TRANSMIT_LEN: usize = HEADERS_LEN + 2 * BODY_MAX;

/// Longest encoded message that a leg holds itself: an ACCEPT or REJECT with the longest identifiers that a frame takes,
/// signed with Ed25519, as base64 text.
pub(super) const INLINE_LEN: usize = 3584;

/// An INFO to be sent inside the dialog.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'b> {
    /// Its headers and body.
    pub info: Rendered<'b>,
    /// The verb of the message that it belongs to.
    pub verb: Verb,
    /// Which INFO of the message it is, from 1.
    pub part: u32,
    /// How many INFOs the message takes.
    pub parts: u32,
}

/// How often an INFO of an ASSUME, a RETURN or an INCIDENT is sent anew after no response or a 5xx. Both ends must come to
/// agree on who holds the call, and a report is to arrive. One INFO transaction over UDP takes 32 s to fail (RFC 3261
/// §17.1.2.2), so all of them take about as long as an envelope lives.
const RETRIES_MAX: u8 = 8;

/// What a final response to an INFO of ours means.
pub(super) enum Delivery {
    /// It answers an INFO that has been given up.
    Stale,
    /// More INFOs of the message are to be sent.
    Going,
    /// The whole message has arrived.
    Delivered(Verb),
    /// It will not arrive.
    Failed(Verb),
}

pub(super) struct Outbox {
    plan: Option<Outgoing>,
    /// What the message answers, if it is an answer.
    answers: Option<EnvelopeId>,
    /// The next INFO, from 1; above the plan's total once all have been sent.
    next: u32,
    outstanding: Outstanding,
    retries: u8,
    slot: Option<SlotRef>,
    bytes: [u8; INLINE_LEN],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outstanding {
    None,
    /// An INFO of the message in the outbox.
    Current,
    /// An INFO of a message that has been replaced: the next one waits for its response all the same.
    Replaced,
}

/// The message fits neither the leg nor the table.
pub(super) struct NoRoom;

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            plan: None,
            answers: None,
            next: 1,
            outstanding: Outstanding::None,
            retries: 0,
            slot: None,
            bytes: [0; INLINE_LEN],
        }
    }

    /// Whether a message has not been delivered yet.
    pub(super) fn is_busy(&self) -> bool {
        self.busy_with().is_some()
    }

    /// The verb of the message that has not been delivered yet.
    pub(super) fn busy_with(&self) -> Option<Verb> {
        let plan = self.plan?;
        let is_on_its_way = self.next <= plan.total() || self.outstanding == Outstanding::Current;
        is_on_its_way.then(|| plan.verb())
    }

    /// Puts a message in, in place of what was there.
    pub(super) fn put(
        &mut self,
        plan: Outgoing,
        encoded: &[u8],
        answers: Option<EnvelopeId>,
        (table, owner): (&Table<'_>, &Key),
        now: Timestamp,
    ) -> Result<(), NoRoom> {
        let slot = match self.bytes.get_mut(..encoded.len()) {
            Some(place) => {
                place.copy_from_slice(encoded);
                None
            }
            None => {
                let slots = table.slots();
                Some(
                    slots
                        .store(owner, encoded, now.plus(MAX_LIFETIME_MS), now)
                        .map_err(|_| NoRoom)?,
                )
            }
        };
        self.release(table);
        if self.outstanding == Outstanding::Current {
            self.outstanding = Outstanding::Replaced;
        }
        (self.plan, self.answers, self.next, self.slot) = (Some(plan), answers, 1, slot);
        self.retries = 0;
        Ok(())
    }

    /// Sends the answer to `id` once more, if it is still here. `false` if it is not.
    pub(super) fn repeat_answer(&mut self, id: EnvelopeId) -> bool {
        let is_here = self.answers == Some(id) && self.plan.is_some();
        if is_here && !self.is_busy() {
            self.next = 1;
        }
        is_here
    }

    /// The next INFO, which is then outstanding.
    ///
    /// # Errors
    /// The verb of a message whose slot has outlived the longest envelope: it is given up.
    pub(super) fn poll<'b>(&mut self, table: &Table<'_>, buffer: &'b mut [u8]) -> Result<Option<Transmit<'b>>, Verb> {
        let Some(plan) = self.plan.filter(|plan| self.next <= plan.total()) else {
            return Ok(None);
        };
        if self.outstanding != Outstanding::None {
            return Ok(None);
        }
        if self.slot.is_some_and(|slot| table.slots().stored_len(slot).is_err()) {
            self.plan = None;
            return Err(plan.verb());
        }
        let transmit = self.render(&plan, table, buffer);
        if transmit.is_some() {
            self.outstanding = Outstanding::Current;
        }
        Ok(transmit)
    }

    fn render<'b>(&self, plan: &Outgoing, table: &Table<'_>, buffer: &'b mut [u8]) -> Option<Transmit<'b>> {
        let range = plan.range(self.next)?;
        let (headers, rest) = buffer.split_at_mut_checked(HEADERS_LEN)?;
        let (data, body) = rest.split_at_mut_checked(range.len())?;
        match self.slot {
            None => data.copy_from_slice(self.bytes.get(range)?),
            Some(slot) => {
                table.slots().read(slot, range.start, data).ok()?;
            }
        }
        Some(Transmit {
            info: plan.render(self.next, data, headers, body).ok()?,
            verb: plan.verb(),
            part: self.next,
            parts: plan.total(),
        })
    }

    /// The final response to the outstanding INFO.
    pub(super) fn responded(&mut self, status: u16, table: &Table<'_>) -> Delivery {
        let was = core::mem::replace(&mut self.outstanding, Outstanding::None);
        let (Outstanding::Current, Some(plan)) = (was, self.plan) else {
            return Delivery::Stale;
        };
        if !(200..300).contains(&status) {
            let may_arrive_yet = status == super::NO_RESPONSE || status >= 500;
            if may_arrive_yet
                && matches!(plan.verb(), Verb::Assume | Verb::Return | Verb::Incident)
                && self.retries < RETRIES_MAX
            {
                self.retries += 1;
                return Delivery::Going;
            }
            self.release(table);
            self.plan = None;
            return Delivery::Failed(plan.verb());
        }
        self.next += 1;
        if self.next <= plan.total() {
            return Delivery::Going;
        }
        if self.answers.is_none() {
            self.release(table);
            self.plan = None;
        }
        Delivery::Delivered(plan.verb())
    }

    fn release(&mut self, table: &Table<'_>) {
        if let Some(slot) = self.slot.take() {
            // A slot that has expired meanwhile is not ours any more, which is all that a failure can say.
            let _ = table.slots().release(slot);
        }
    }
}
