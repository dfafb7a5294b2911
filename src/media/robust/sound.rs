//! Sound as a line of samples: a slice of PCM, or a stretch of what a tap has heard.

use crate::media::codec::Codec;
use crate::media::decoder::Decoder;
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
    pcm: [i16; MAX_PAYLOAD_LEN],
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
            pcm: [0; MAX_PAYLOAD_LEN],
            len: 0,
            payload: [0; MAX_PAYLOAD_LEN],
        })
    }

    /// The samples of packet `at`; fewer than it had if it has been overwritten, which makes it a gap.
    fn expand(&mut self, at: usize) -> &[i16] {
        if self.expanded != Some(at) {
            self.expanded = Some(at);
            let packet = self.packets.get(at).copied().unwrap_or_default();
            let decoder = packet.codec().filter(is_narrow).and_then(Decoder::new);
            self.len = match (decoder, self.tap.payload(packet, &mut self.payload)) {
                (Some(mut decoder), Some(payload)) => decoder.decode(payload, &mut self.pcm),
                _ => 0,
            };
        }
        self.pcm.get(..self.len).unwrap_or_default()
    }
}

impl<W: Word> Sound for Stretch<'_, '_, W> {
    fn len(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start)).unwrap_or(usize::MAX)
    }

    fn heard(&self) -> usize {
        let heard = self
            .packets
            .iter()
            .filter(|packet| packet.codec().is_some_and(|codec| is_narrow(&codec)));
        let ticks: usize = heard.map(|packet| packet.ticks() as usize).sum();
        ticks.min(self.len())
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
            for (place, sample) in into[place..].iter_mut().zip(samples) {
                *place = *sample;
            }
        }
    }
}

/// Whether a codec's samples are at 8 kHz, one in each tick. Other sound is a gap.
fn is_narrow(codec: &Codec) -> bool {
    codec.sample_rate() == 8_000
}

/// The packets of each stretch on a clock of 8 kHz, the one that was heard last first, and of the others the newest first.
pub(super) fn stretches(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    let last = packets
        .iter()
        .max_by_key(|packet| packet.arrival())
        .map(|packet| packet.stretch());
    let is_narrow = |stretch: &&[Packet]| {
        let codec = stretch.first().and_then(|packet| packet.codec());
        codec.is_some_and(|codec| codec.clock_rate() == 8_000)
    };
    let each = move || {
        packets
            .chunk_by(|a, b| a.stretch() == b.stretch())
            .rev()
            .filter(is_narrow)
    };
    let is_last = move |stretch: &&[Packet]| stretch.first().map(|packet| packet.stretch()) == last;
    each()
        .filter(is_last)
        .chain(each().filter(move |stretch| !is_last(stretch)))
}
