//! Records of what has been seen: envelope identifiers, nonces, encapsulated keys and media fingerprints.
//!
//! A record stands through its expiry and is never evicted before. What a record means, and when one is made, is the
//! business of [`crate::verify`].

use super::key::{Key, from_payloads, payloads};
use super::ways::{Content, InsertError, Inserted, Ways};
use super::word::Word;

/// What was recorded under a key. The table attaches no meaning to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Record {
    /// Which contents the key was seen with: for example the first 128 bits of the signing surface's hash.
    pub surface: (u64, u64),
    /// Which call it was seen on: for example half of the call's [`Key`].
    pub call: u64,
}

/// What became of [`super::Table::record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The key was not recorded; now it is, with the caller's record. Of all that race exactly one gets this.
    New,
    /// The key was recorded already, with this.
    Known(Record),
}

impl Record {
    pub(super) fn content(self) -> Content {
        Content::Value(payloads([self.surface.0, self.surface.1, self.call]))
    }

    fn from_value(value: [u64; 4]) -> Self {
        let [first, second, call] = from_payloads(value);
        Self {
            surface: (first, second),
            call,
        }
    }
}

/// Rounds of one operation; each further one means that a record expired between two instructions. The number is ours: the
/// second such record would be an accident already.
const ATTEMPTS: usize = 8;

pub(super) fn find<W: Word>(records: &Ways<'_, W>, key: &Key, now: u64) -> Option<Record> {
    let entry = records.find(key, now)?;
    records.value(entry).map(Record::from_value)
}

pub(super) fn record<W: Word>(
    records: &Ways<'_, W>,
    key: &Key,
    record: Record,
    expires: u64,
    now: u64,
) -> Result<Recorded, InsertError> {
    for _ in 0..ATTEMPTS {
        match records.insert(key, record.content(), expires, now)? {
            Inserted::New(_) => return Ok(Recorded::New),
            Inserted::Known(entry) => {
                if let Some(value) = records.value(entry) {
                    return Ok(Recorded::Known(Record::from_value(value)));
                }
            }
        }
    }
    Err(InsertError::Contended)
}
