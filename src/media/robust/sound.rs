//! Sound as a line of samples: a slice of PCM, or a stretch of what a tap has heard.

use super::narrow::{NARROW_RATE, Narrow};
use crate::media::codec::Codec;
use crate::media::decoder::{Decoder, MAX_PAYLOAD_SAMPLES};
use crate::media::fingerprint::WINDOW_SAMPLES;
use crate::media::liveness::{self, Lifeless, MAX_PEAK_SHARE};
use crate::media::tap::{MAX_PAYLOAD_LEN, Packet, Tap};
use crate::table::Word;

/// Most samples of 10 ms.
const MAX_GRID_SAMPLES: usize = 480;

/// Samples of 8 kHz in a row.
pub(super) trait Sound {
    /// How many there are, gaps included.
    fn len(&self) -> usize;

    /// How many of them have been heard.
    fn heard(&self) -> usize;

    /// Copies the samples from `from` on. What is not there, gaps and what lies beyond the end, is silence.
    fn copy(&mut self, from: usize, into: &mut [i16]);

    /// Whether 200 ms of it are alive, and the share of their energy in their two strongest peaks.
    fn judge(&self, window: &[i16; WINDOW_SAMPLES]) -> (Result<(), Lifeless>, f32) {
        liveness::judge(window, MAX_PEAK_SHARE)
    }
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

/// The end of one stretch of a tap's time line, brought to 8 kHz: what one source has sent, packets that are missing being
/// gaps.
pub(super) struct Stretch<'p, 'm, W> {
    tap: Tap<'m, W>,
    /// In order, none overlapping another, all of one clock.
    packets: &'p [Packet],
    clock_rate: u32,
    /// The first sample and the one after the last, counted at 8 kHz from the stretch's origin.
    start: u64,
    end: u64,
    /// The packet that was expanded last, and its samples.
    expanded: Option<usize>,
    pcm: [i16; MAX_PAYLOAD_LEN],
    len: usize,
    /// What goes on from packet to packet.
    decoder: Option<Decoder>,
    narrow: Narrow,
}

impl<'p, 'm, W: Word> Stretch<'p, 'm, W> {
    /// The last `limit` samples, at most, of the time line that `packets`, all of one stretch, stand on.
    pub(super) fn new(tap: Tap<'m, W>, packets: &'p [Packet], limit: usize) -> Option<Self> {
        let (first, last) = (packets.first()?, packets.last()?);
        let clock_rate = first.codec()?.clock_rate();
        let end = place(last.since_origin() + u64::from(last.ticks()), clock_rate);
        let start = place(first.since_origin(), clock_rate).max(end.saturating_sub(limit as u64));
        let mut stretch = Self {
            tap,
            packets,
            clock_rate,
            start,
            end,
            expanded: None,
            pcm: [0; MAX_PAYLOAD_LEN],
            len: 0,
            decoder: None,
            narrow: Narrow::new(),
        };
        let before = packets.partition_point(|packet| stretch.end_of(packet) <= start);
        stretch.packets = packets.get(before..)?;
        Some(stretch)
    }

    fn start_of(&self, packet: &Packet) -> u64 {
        place(packet.since_origin(), self.clock_rate)
    }

    fn end_of(&self, packet: &Packet) -> u64 {
        place(packet.since_origin() + u64::from(packet.ticks()), self.clock_rate)
    }

    /// The samples of packet `at`; none if it has been overwritten, which makes it a gap.
    fn expand(&mut self, at: usize) -> &[i16] {
        if self.expanded != Some(at) {
            let packet = self.packets.get(at).copied().unwrap_or_default();
            // What a decoder and a filter remember is of use only for what follows without a gap.
            let follows = at.checked_sub(1).is_some_and(|before| {
                self.expanded == Some(before)
                    && self
                        .packets
                        .get(before)
                        .is_some_and(|before| before.end() == packet.start())
            });
            if !follows {
                (self.decoder, self.narrow) = (None, Narrow::new());
            }
            self.expanded = Some(at);
            self.len = self.expand_into(packet).unwrap_or_default();
        }
        self.pcm.get(..self.len).unwrap_or_default()
    }

    /// Decodes a packet, brings it to 8 kHz and returns how many samples it has.
    #[inline(never)]
    fn expand_into(&mut self, packet: Packet) -> Option<usize> {
        let codec = packet.codec().filter(|codec| is_taken(*codec))?;
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec() != codec) {
            self.decoder = Decoder::new(codec);
        }
        let mut payload = [0; MAX_PAYLOAD_LEN];
        let payload = self.tap.payload(packet, &mut payload)?;
        let first = packet.since_origin() * u64::from(codec.samples_per_tick());
        let Some(tick_len) = codec.tick_len() else {
            return self.append::<MAX_PAYLOAD_SAMPLES>(codec, payload, first, 0);
        };
        // Piece by piece, which needs little room.
        let (mut first, mut len) = (first, 0);
        for piece in payload.chunks(codec.grid_ticks() as usize * tick_len) {
            len = self.append::<MAX_GRID_SAMPLES>(codec, piece, first, len)?;
            first += codec.samples(piece) as u64;
        }
        Some(len)
    }

    /// Decodes a payload of at most `ROOM` samples behind the `len` samples that there are.
    #[inline(never)]
    fn append<const ROOM: usize>(&mut self, codec: Codec, payload: &[u8], first: u64, len: usize) -> Option<usize> {
        let mut samples = [0; ROOM];
        let count = self.decoder.as_mut()?.decode(payload, &mut samples);
        let samples = samples.get_mut(..count)?;
        let count = self.narrow.narrow(samples, first, codec.sample_rate() / NARROW_RATE);
        let end = len + count.min(self.pcm.len() - len);
        self.pcm.get_mut(len..end)?.copy_from_slice(samples.get(..end - len)?);
        Some(end)
    }
}

impl<W: Word> Sound for Stretch<'_, '_, W> {
    fn len(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start)).unwrap_or(usize::MAX)
    }

    fn heard(&self) -> usize {
        let taken = self
            .packets
            .iter()
            .filter(|packet| packet.codec().is_some_and(is_taken));
        let samples: u64 = taken.map(|packet| self.end_of(packet) - self.start_of(packet)).sum();
        usize::try_from(samples).unwrap_or(usize::MAX).min(self.len())
    }

    fn copy(&mut self, from: usize, into: &mut [i16]) {
        into.fill(0);
        let from = self.start.saturating_add(from as u64);
        let to = from.saturating_add(into.len() as u64);
        let first = self.packets.partition_point(|packet| self.end_of(packet) <= from);
        for at in first..self.packets.len() {
            let start = self.start_of(&self.packets[at]);
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

    fn judge(&self, window: &[i16; WINDOW_SAMPLES]) -> (Result<(), Lifeless>, f32) {
        let codecs = self.packets.iter().filter_map(|packet| packet.codec());
        match codecs.into_iter().find(|codec| codec.has_memory()) {
            Some(coded) => liveness::judge_window(coded, window),
            None => liveness::judge(window, MAX_PEAK_SHARE),
        }
    }
}

/// Where a moment stands at 8 kHz: the first sample that is not before it.
fn place(ticks: u64, clock_rate: u32) -> u64 {
    (ticks * u64::from(NARROW_RATE)).div_ceil(clock_rate.into())
}

/// Whether a codec's sound is brought to 8 kHz here. Other sound is a gap.
fn is_taken(codec: Codec) -> bool {
    codec.is_decodable() && codec.sample_rate().is_multiple_of(NARROW_RATE)
}

/// The packets of each stretch on a clock that can be brought to 8 kHz, the one that was heard last first, and of the others the newest first.
pub(super) fn stretches(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    let last = packets
        .iter()
        .max_by_key(|packet| packet.arrival())
        .map(|packet| packet.stretch());
    let is_heard = |stretch: &&[Packet]| {
        let codec = stretch.first().and_then(|packet| packet.codec());
        codec.is_some_and(|codec| codec.clock_rate().is_multiple_of(NARROW_RATE))
    };
    let each = move || {
        packets
            .chunk_by(|a, b| a.stretch() == b.stretch())
            .rev()
            .filter(is_heard)
    };
    let is_last = move |stretch: &&[Packet]| stretch.first().map(|packet| packet.stretch()) == last;
    each()
        .filter(is_last)
        .chain(each().filter(move |stretch| !is_last(stretch)))
}
