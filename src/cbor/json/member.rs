//! The members of the objects that are open: where each stands, and putting them into canonical order.
//!
//! Members are encoded in the order of the document. Where an object ends that did not come in order, its members'
//! records are sorted, equal keys are found as neighbours, and the members' bytes are moved.

use core::cmp::Ordering;

use crate::cbor::head;

/// Bytes of scratch for each member: three numbers of four bytes.
pub(super) const RECORD_LEN: usize = 12;

/// What is wrong with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The member of this number, in the order of the document and from 0 on, has the key of an earlier one.
    Duplicate(usize),
    /// There is no room for a copy of the object.
    ScratchFull,
}

/// The first four bytes of an encoded key, filled up with zeros, as a number: it orders most keys, since the first of
/// them is the length. Never 0.
pub(super) fn prefix(encoded_key: &[u8]) -> u32 {
    if let Some(bytes) = encoded_key.first_chunk() {
        return u32::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 4];
    for (byte, from) in bytes.iter_mut().zip(encoded_key) {
        *byte = *from;
    }
    u32::from_be_bytes(bytes)
}

/// Where a member stands.
#[derive(Clone, Copy)]
struct Record {
    prefix: u32,
    /// Offset of its first and behind its last byte in the output.
    start: u32,
    end: u32,
}

impl Record {
    fn to_bytes(self) -> [u8; RECORD_LEN] {
        let [a, b, c, d, e, f, g, h] = self.rank().to_ne_bytes();
        let [i, j, k, l] = self.end.to_ne_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Self {
        let [_, _, _, _, _, _, _, _, i, j, k, l] = *bytes;
        let rank = rank(bytes);
        Self {
            prefix: (rank >> 32) as u32,
            start: rank as u32,
            end: u32::from_ne_bytes([i, j, k, l]),
        }
    }

    /// Orders members by what they begin with, and those that begin alike by where they stand.
    fn rank(self) -> u64 {
        u64::from(self.prefix) << 32 | u64::from(self.start)
    }

    /// The member's bytes: its key, encoded, and its value.
    fn member(self, out: &[u8]) -> &[u8] {
        out.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The member's encoded key.
    fn key(self, out: &[u8]) -> &[u8] {
        let member = self.member(out);
        let key = member.first().and_then(|initial| {
            let (len, behind) = head::checked_argument(member, 0, *initial)?;
            member.get(..behind.checked_add(usize::try_from(len).ok()?)?)
        });
        key.unwrap_or(member)
    }

    fn order(self, other: Self, out: &[u8]) -> Ordering {
        match self.prefix.cmp(&other.prefix) {
            Ordering::Equal => self.key(out).cmp(other.key(out)),
            order => order,
        }
    }
}

/// The [`Record::rank`] that a record's bytes begin with.
fn rank(bytes: &[u8; RECORD_LEN]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *bytes;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
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

    /// A member begins at `start` of the output, with a key of that prefix; `None` if the scratch is full.
    #[inline]
    pub(super) fn begin(&mut self, start: usize, prefix: u32) -> Option<()> {
        let start = u32::try_from(start).ok()?;
        let record = Record {
            prefix,
            start,
            end: start,
        };
        *self.record(self.count)? = record.to_bytes();
        self.count += 1;
        Some(())
    }

    /// The member that began last ends in front of `end` of the output.
    #[inline]
    pub(super) fn end(&mut self, end: usize) {
        if let Some(bytes) = self.count.checked_sub(1).and_then(|last| self.record(last)) {
            let mut record = Record::from_bytes(bytes);
            record.end = u32::try_from(end).unwrap_or(record.start);
            *bytes = record.to_bytes();
        }
    }

    #[inline]
    fn record(&mut self, index: usize) -> Option<&mut [u8; RECORD_LEN]> {
        let at = index * RECORD_LEN;
        self.scratch.get_mut(at..)?.first_chunk_mut()
    }

    /// Forgets the records from `first` on, whose object has ended in order.
    pub(super) fn forget(&mut self, first: usize) {
        self.count = first;
    }

    /// Puts the members whose records are those from `first` on into canonical order in the output `out`, and forgets
    /// the records.
    pub(super) fn arrange(&mut self, first: usize, out: &mut [u8]) -> Result<(), Fault> {
        let (records, free) = self.scratch.split_at_mut(self.count * RECORD_LEN);
        let records = records
            .as_chunks_mut::<RECORD_LEN>()
            .0
            .get_mut(first..)
            .unwrap_or_default();
        self.count = first;
        let Some(start) = records.first().map(|record| Record::from_bytes(record).start as usize) else {
            return Ok(());
        };
        records.sort_unstable_by_key(rank);
        let begin_alike = |pair: &[[u8; RECORD_LEN]]| matches!(pair, [a, b] if Record::from_bytes(a).prefix == Record::from_bytes(b).prefix);
        if records.windows(2).any(begin_alike) {
            records.sort_unstable_by(|a, b| {
                let (a, b) = (Record::from_bytes(a), Record::from_bytes(b));
                a.order(b, out).then(a.start.cmp(&b.start))
            });
            if let Some(ordinal) = first_duplicate(records, out) {
                return Err(Fault::Duplicate(ordinal));
            }
        }
        // Keys that begin alike look out of order to who compares prefixes only.
        if records.is_sorted_by_key(|record| Record::from_bytes(record).start) {
            return Ok(());
        }
        let mut len = 0;
        for record in records {
            let member = Record::from_bytes(record).member(out);
            let place = free.get_mut(len..).and_then(|free| free.get_mut(..member.len()));
            place.ok_or(Fault::ScratchFull)?.copy_from_slice(member);
            len += member.len();
        }
        if let (Some(object), Some(sorted)) = (out.get_mut(start..start + len), free.get(..len)) {
            object.copy_from_slice(sorted);
        }
        Ok(())
    }
}

/// The number of the first member, in the order of the document, whose key an earlier one has.
fn first_duplicate(records: &[[u8; RECORD_LEN]], out: &[u8]) -> Option<usize> {
    let starts = records.windows(2).filter_map(|pair| {
        let [a, b] = pair.first_chunk()?;
        let (a, b) = (Record::from_bytes(a), Record::from_bytes(b));
        (a.order(b, out) == Ordering::Equal).then_some(b.start)
    });
    let start = starts.min()?;
    Some(
        records
            .iter()
            .filter(|record| Record::from_bytes(record).start < start)
            .count(),
    )
}
