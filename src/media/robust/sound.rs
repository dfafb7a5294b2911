//! Sound as a line of samples: a slice of PCM, or a stretch of what a tap has heard.

use crate::media::codec::PCM_SAMPLE_LEN;
use crate::media::tap::{MAX_PAYLOAD_LEN, Packet, Tap};
use crate::table::Word;

/// Samples of 8 kHz in a row.
pub(super) trait Sound {
    /// How many there are, gaps included.
    fn len(&self) -> usize;

    /// How many of them have been heard.
    fn heard(&self) -> usize;

    /// Copies the samples from `from` on. What is not there, gaps and what lies beyond the end, is silence.
    fn copy(&mut self, from: usize, into: &mut [i16]);
}

impl Sound for &[i16] {
    fn len(&self) -> usize {
        <[i16]>::len(self)
    }

    fn heard(&self) -> usize {
        <[i16]>::len(self)
    }

    fn copy(&mut self, from: usize, into: &mut [i16]) {
        let there = self.get(from..).unwrap_or_default();
        let (heard, silent) = into.split_at_mut(there.len().min(into.len()));
        heard.copy_from_slice(&there[..heard.len()]);
        silent.fill(0);
    }
}

/// The end of one stretch of a tap's time line: what one source has sent, packets that are missing being gaps.
pub(super) struct Stretch<'p, 'm, W> {
    tap: Tap<'m, W>,
    /// In order, none overlapping another.
    packets: &'p [Packet],
    start: u64,
    end: u64,
    /// The packet that was expanded last, and its samples.
    expanded: Option<usize>,
    pcm: [u8; MAX_PAYLOAD_LEN * PCM_SAMPLE_LEN],
    len: usize,
    payload: [u8; MAX_PAYLOAD_LEN],
}

impl<'p, 'm, W: Word> Stretch<'p, 'm, W> {
    /// The last `limit` samples, at most, of the time line that `packets`, all of one stretch, stand on.
    pub(super) fn new(tap: Tap<'m, W>, packets: &'p [Packet], limit: usize) -> Option<Self> {
        let (first, last) = (packets.first()?, packets.last()?);
        let end = last.end();
        let start = first.start().max(end.saturating_sub(limit as u64));
        let before = packets.partition_point(|packet| packet.end() <= start);
        Some(Self {
            tap,
            packets: packets.get(before..)?,
            start,
            end,
            expanded: None,
            pcm: [0; MAX_PAYLOAD_LEN * PCM_SAMPLE_LEN],
            len: 0,
            payload: [0; MAX_PAYLOAD_LEN],
        })
    }

    /// The samples of packet `at`; fewer than it had if it has been overwritten, which makes it a gap.
    fn expand(&mut self, at: usize) -> &[[u8; PCM_SAMPLE_LEN]] {
        if self.expanded != Some(at) {
            self.expanded = Some(at);
            let packet = self.packets.get(at).copied().unwrap_or_default();
            self.len = match (packet.codec(), self.tap.payload(packet, &mut self.payload)) {
                (Some(codec), Some(payload)) => codec.expand(payload, &mut self.pcm),
                _ => 0,
            };
        }
        self.pcm.get(..self.len).unwrap_or_default().as_chunks().0
    }
}

impl<W: Word> Sound for Stretch<'_, '_, W> {
    fn len(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start)).unwrap_or(usize::MAX)
    }

    fn heard(&self) -> usize {
        let samples: usize = self.packets.iter().map(|packet| packet.samples()).sum();
        samples.min(self.len())
    }

    fn copy(&mut self, from: usize, into: &mut [i16]) {
        into.fill(0);
        let from = self.start.saturating_add(from as u64);
        let to = from.saturating_add(into.len() as u64);
        let first = self.packets.partition_point(|packet| packet.end() <= from);
        for at in first..self.packets.len() {
            let start = self.packets[at].start();
            if start >= to {
                break;
            }
            let (skipped, place) = match start.checked_sub(from) {
                Some(place) => (0, place as usize),
                None => ((from - start) as usize, 0),
            };
            let samples = self.expand(at).get(skipped..).unwrap_or_default();
            for (place, bytes) in into[place..].iter_mut().zip(samples) {
                *place = i16::from_le_bytes(*bytes);
            }
        }
    }
}

/// The packets of each stretch, the one that was heard last first, and of the others the newest first.
pub(super) fn stretches(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    let last = packets
        .iter()
        .max_by_key(|packet| packet.arrival())
        .map(|packet| packet.stretch());
    let each = move || packets.chunk_by(|a, b| a.stretch() == b.stretch()).rev();
    let is_last = move |stretch: &&[Packet]| stretch.first().map(|packet| packet.stretch()) == last;
    each()
        .filter(is_last)
        .chain(each().filter(move |stretch| !is_last(stretch)))
}
