//! What a verified envelope tells only us: the claims of the caller's credential, and the fields that were sealed for us.
//!
//! The memory is the host's, which should keep it out of swap and of core dumps. It is wiped when the value is dropped, before
//! it is written again, and when a later step refuses the envelope; `Debug` shows nothing of it.

use core::fmt;

use zeroize::Zeroize as _;

use crate::cbor::{Item, Map};
use crate::trust::sd_jwt::{CLAIMS_MAX, Claims};
use crate::trust::sealing::OPENED_MAX;

/// What an envelope has disclosed to us; empty, unless it was accepted. About 20 KiB.
#[repr(C)]
pub struct Disclosed {
    pub(super) claims_len: usize,
    pub(super) fields_len: usize,
    pub(super) claims: [u8; CLAIMS_MAX],
    pub(super) fields: [u8; OPENED_MAX],
}

impl Disclosed {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            claims_len: 0,
            fields_len: 0,
            claims: [0; CLAIMS_MAX],
            fields: [0; OPENED_MAX],
        }
    }

    /// The verified claims of `caller.identity`, by name; `None` where no credential was verified.
    pub fn claims(&self) -> Option<Claims<'_>> {
        let bytes = self.claims.get(..self.claims_len).filter(|bytes| !bytes.is_empty())?;
        Some(Claims::new(Item::trusted(bytes)))
    }

    /// The fields that were sealed for us, dotted name to value; `None` where there were none.
    pub fn fields(&self) -> Option<Map<'_>> {
        let bytes = self.fields.get(..self.fields_len).filter(|bytes| !bytes.is_empty())?;
        Item::trusted(bytes).map()
    }

    /// Forgets everything.
    pub fn wipe(&mut self) {
        self.claims.zeroize();
        self.fields.zeroize();
        self.claims_len = 0;
        self.fields_len = 0;
    }
}

impl Default for Disclosed {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Disclosed {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disclosed").finish_non_exhaustive()
    }
}
