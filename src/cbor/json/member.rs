//! The members of the objects that are open: where each stands, and putting them into canonical order.
//!
//! Members are encoded in the order of the document. Where an object ends, its members' records are sorted, equal keys
//! are found as neighbours, and the members' bytes are moved; an object that came in order is left alone.

use core::cmp::Ordering;

use super::{Error, ErrorKind};
use crate::cbor::head;

/// Bytes of scratch for each member: three offsets of four bytes.
pub(super) const RECORD_LEN: usize = 12;

/// Where a member stands.
#[derive(Clone, Copy)]
struct Record {
    /// Offset of its first and behind its last byte in the output.
    start: u32,
    end: u32,
    /// Offset of its key in the JSON.
    json: u32,
}

impl Record {
    fn to_bytes(self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[..4].copy_from_slice(&self.start.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.end.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.json.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        Self {
            start: u32::from_ne_bytes([a, b, c, d]),
            end: u32::from_ne_bytes([e, f, g, h]),
            json: u32::from_ne_bytes([i, j, k, l]),
        }
    }

    /// The member's bytes: its key, encoded, and its value.
    fn bytes(self, out: &[u8]) -> &[u8] {
        out.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The encoded key that a member's bytes begin with.
fn key(member: &[u8]) -> &[u8] {
    let key = member.first().and_then(|initial| {
        let (len, behind) = head::checked_argument(member, 0, *initial)?;
        member.get(..behind.checked_add(usize::try_from(len).ok()?)?)
    });
    key.unwrap_or(member)
}

/// Records of the members of all open objects, outermost first, at the front of the scratch; what is behind them is
/// free.
pub(super) struct Members<'s> {
    scratch: &'s mut [u8],
    count: usize,
}

impl<'s> Members<'s> {
    pub(super) fn new(scratch: &'s mut [u8]) -> Self {
        Self { scratch, count: 0 }
    }

    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A member begins at `start` of the output, its key at `json` of the input.
    pub(super) fn begin(&mut self, start: usize, json: usize) -> Result<(), Error> {
        let full = Error::new(ErrorKind::ScratchFull, json);
        let place = self.scratch.as_chunks_mut().0.get_mut(self.count);
        let record = Record {
            start: start as u32,
            end: start as u32,
            json: json as u32,
        };
        *place.ok_or(full)? = record.to_bytes();
        self.count += 1;
        Ok(())
    }

    /// The member that began last ends in front of `end` of the output.
    pub(super) fn end(&mut self, end: usize) {
        let last = self.count.checked_sub(1);
        if let Some(bytes) = last.and_then(|last| self.scratch.as_chunks_mut().0.get_mut(last)) {
            let mut record = Record::from_bytes(bytes);
            record.end = end as u32;
            *bytes = record.to_bytes();
        }
    }

    /// The object whose members are the records from `first` on ends at `json` of the input: puts them into canonical
    /// order in the output `out`, and forgets the records.
    pub(super) fn arrange(&mut self, first: usize, out: &mut [u8], json: usize) -> Result<(), Error> {
        let (records, free) = self.scratch.split_at_mut(self.count * RECORD_LEN);
        let records = records
            .as_chunks_mut::<RECORD_LEN>()
            .0
            .get_mut(first..)
            .unwrap_or_default();
        self.count = first;
        let in_order = |a: &[u8; RECORD_LEN], b: &[u8; RECORD_LEN]| {
            key(Record::from_bytes(a).bytes(out)) < key(Record::from_bytes(b).bytes(out))
        };
        if records.is_sorted_by(in_order) {
            return Ok(());
        }
        // A member begins with its key, and no key is the beginning of another: members sort as their keys do, and
        // equal keys by their place in the document.
        records.sort_unstable_by(|a, b| {
            let (a, b) = (Record::from_bytes(a), Record::from_bytes(b));
            match key(a.bytes(out)).cmp(key(b.bytes(out))) {
                Ordering::Equal => a.start.cmp(&b.start),
                order => order,
            }
        });
        if let Some(json) = first_duplicate(records, out) {
            return Err(Error::new(ErrorKind::DuplicateKey, json));
        }
        let start = records.iter().map(|record| Record::from_bytes(record).start).min();
        let mut len = 0;
        for record in records {
            let member = Record::from_bytes(record).bytes(out);
            let place = free.get_mut(len..).and_then(|free| free.get_mut(..member.len()));
            place
                .ok_or(Error::new(ErrorKind::ScratchFull, json))?
                .copy_from_slice(member);
            len += member.len();
        }
        let start = start.unwrap_or_default() as usize;
        if let (Some(object), Some(sorted)) = (out.get_mut(start..start + len), free.get(..len)) {
            object.copy_from_slice(sorted);
        }
        Ok(())
    }
}

/// Where in the JSON the first key stands that the object already has.
fn first_duplicate(records: &[[u8; RECORD_LEN]], out: &[u8]) -> Option<usize> {
    let pairs = records.windows(2).filter_map(|pair| {
        let [a, b] = pair.first_chunk()?;
        let (a, b) = (Record::from_bytes(a), Record::from_bytes(b));
        (key(a.bytes(out)) == key(b.bytes(out))).then_some(b.json as usize)
    });
    pairs.min()
}
