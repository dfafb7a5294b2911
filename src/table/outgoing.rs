//! Messages that wait in a slot until they have been sent.

use super::claim;
use super::key::Key;
use super::slots::{ATTEMPTS, Kind, Purpose, Slot, SlotError, SlotRef, Slots};
use super::word::Word;
use crate::time::Timestamp;

impl<W: Word> Slots<'_, W> {
    /// Stores a message of `owner`, to be kept through `expires` or until it is [released](Self::release), in whatever
    /// process. It does not count among the owner's open chunk sets.
    ///
    /// # Errors
    /// [`SlotError::TooLarge`] if it does not fit a slot, [`SlotError::Full`] if none is free.
    pub fn store(&self, owner: &Key, bytes: &[u8], expires: Timestamp, now: Timestamp) -> Result<SlotRef, SlotError> {
        if bytes.len() > self.slot_bytes() {
            return Err(SlotError::TooLarge);
        }
        let purpose = Purpose {
            owner: owner.short(),
            set: 0,
            expires: claim::moment(expires),
        };
        for _ in 0..ATTEMPTS {
            let slot = self.claim(purpose, claim::moment(now))?;
            // A claim is lost only by sleeping longer than it lives.
            if let Ok(extent) = self.reserve(slot, bytes.len())
                && self.write_data(slot, extent, bytes)
                && self.write(slot, self.chunk(slot.index, 1), extent.to_payload())
                && self.advance(slot, Kind::Stored).is_ok()
            {
                return Ok(slot.reference());
            }
        }
        Err(SlotError::Full)
    }

    /// Bytes of a stored message.
    ///
    /// # Errors
    /// [`SlotError::Gone`] if it was released, or has expired and made room for another.
    pub fn stored_len(&self, message: SlotRef) -> Result<usize, SlotError> {
        let extent = self.extent(self.stored(message)?, 1).ok_or(SlotError::Gone)?;
        Ok(extent.len as usize)
    }

    /// Copies a stored message from byte `offset` on into `out`; returns how many bytes there were, 0 at its end.
    ///
    /// # Errors
    /// [`SlotError::Gone`] if it was released, or has expired and made room for another, even while it was read.
    pub fn read(&self, message: SlotRef, offset: usize, out: &mut [u8]) -> Result<usize, SlotError> {
        let slot = self.stored(message)?;
        let extent = self.extent(slot, 1).ok_or(SlotError::Gone)?;
        let len = (extent.len as usize).saturating_sub(offset).min(out.len());
        if self.read_data(slot, extent, offset, &mut out[..len]) {
            Ok(len)
        } else {
            Err(SlotError::Gone)
        }
    }

    /// Frees a stored message's slot. Of all that try exactly one succeeds.
    ///
    /// # Errors
    /// [`SlotError::Gone`] if it was free already, or has gone to another message.
    pub fn release(&self, message: SlotRef) -> Result<(), SlotError> {
        let slot = self.stored(message)?;
        self.advance(slot, Kind::Free).map(|_| ()).map_err(|_| SlotError::Gone)
    }

    fn stored(&self, message: SlotRef) -> Result<Slot, SlotError> {
        let slot = self.named(message)?;
        (slot.state.kind() == Kind::Stored)
            .then_some(slot)
            .ok_or(SlotError::Gone)
    }
}
