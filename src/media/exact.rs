//! Taking the exact fingerprint from a tap, and finding it in another (interpretations, rows 34 to 37 and 39).
//!
//! The sender takes the newest gapless 200 ms that begin on a packet boundary and pass the gate of
//! [`super::liveness`]. The receiver looks through everything its tap holds: windows on packet boundaries first, then
//! those that begin on a 10 ms grid within packets, for a hop in between may have cut the stream into other packets.
//! Source, sequence numbers and the timestamps' origin do not count.
//!
//! Not here: what a decision means for a handoff, waiting for more audio, and hashes that other calls have shown.

use core::fmt;
use core::iter::StepBy;
use core::ops::Range;
use core::task::Poll;

use super::codec::Codec;
use super::decoder::{Decoder, MAX_PAYLOAD_SAMPLES};
use super::fingerprint::{Fingerprint, MAX_WINDOW_SAMPLES};
use super::liveness::{self, Lifeless};
use super::tap::{MAX_PACKETS, MAX_PAYLOAD_LEN, Packet, Tap};
use crate::table::Word;

/// Distance of the windows that are judged when no window matched, to tell a mismatch from audio that proves nothing: half a
/// window.
pub const JUDGED_PER_SECOND: u32 = 10;
/// Packets whose windows are hashed in one go, the newest first: a fingerprint that has just been taken is found in the
/// first of them, at a twentieth of the whole search's cost.
const CHUNK: usize = 25;
/// Seconds that a running decoder hears before the first packet of a chunk. On recorded speech G.722 has forgotten its reset
/// after 474 ms at most.
const WARM_UP: u32 = 1;
/// Most that one [`Search::step`] does, give or take a chunk: hashing so many samples takes about a millisecond.
const STEP_COST: usize = 600_000;

/// What the receiver found. Four answers that the peer and the operator can tell apart (with the robust fingerprint's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The fingerprint's 200 ms are in this tap, and they are alive.
    Match(Found),
    /// There is usable audio, and none of it has this fingerprint.
    Mismatch,
    /// Nothing heard so far could prove anything.
    NoUsableAudio(Unusable),
    /// No RTP packet has come yet (row 39): wait, if there is time.
    NoMedia,
}

/// Where a fingerprint was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How far the window's end lies behind the newest audio of its stream, in milliseconds.
    pub behind_ms: u32,
    /// Whether the window begins on a packet boundary; otherwise it is on the 10 ms grid, and packets have been recut.
    pub on_boundary: bool,
}

/// Why audio proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There are no gapless 200 ms yet.
    TooLittle,
    /// There are, but they are alike on every call.
    Lifeless(Lifeless),
    /// There are, in a codec that this build cannot decode.
    NotDecodable,
    /// The search for the fingerprint has not come to its end; [`Search`] itself does not answer so.
    Searching,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittle => f.write_str("less than 200 ms of audio without a gap"),
            Self::Lifeless(why) => why.fmt(f),
            Self::NotDecodable => f.write_str("the audio is in a codec that this build cannot decode"),
            Self::Searching => f.write_str("the search has not come to its end"),
        }
    }
}

/// The sender's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What goes into `session.media.rtpFingerprint`.
    pub fingerprint: Fingerprint,
    /// How far the window's end lies behind the newest audio of its stream, in milliseconds. The receiver searches
    /// 10 s; a window that is nearly as old will have left its tap when the envelope arrives.
    pub behind_ms: u32,
}

/// Why a sender has no fingerprint to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSample {
    /// No RTP packet has come yet.
    NoMedia,
    /// Nothing heard so far could prove anything. The reason is that of the newest audio.
    NoUsableAudio(Unusable),
}

impl fmt::Display for NoSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMedia => f.write_str("no media received yet"),
            Self::NoUsableAudio(why) => write!(f, "no usable audio: {why}"),
        }
    }
}

impl core::error::Error for NoSample {}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(found) => write!(f, "fingerprint found {} ms behind the newest audio", found.behind_ms),
            Self::Mismatch => f.write_str("the audio of this call does not have this fingerprint"),
            Self::NoUsableAudio(why) => write!(f, "no usable audio: {why}"),
            Self::NoMedia => f.write_str("no media received yet"),
        }
    }
}

/// The sender's side: the newest window that proves something. Uses less than 68 KiB of stack.
///
/// # Errors
/// [`NoSample`], if nothing has been received or nothing in it is usable.
pub fn newest<W: Word>(tap: &Tap<'_, W>) -> Result<Sample, NoSample> {
    if heard_nothing(tap) {
        return Err(NoSample::NoMedia);
    }
    let mut packets = [Packet::default(); MAX_PACKETS];
    let packets = tap.history(&mut packets);
    // The stream heard last comes first; what another one left behind comes after it.
    let last = packets
        .iter()
        .max_by_key(|packet| packet.arrival())
        .map(|packet| packet.stretch());
    let mut why = Unusable::TooLittle;
    let mut spare = Spare::default();
    for current in [true, false] {
        for first in (0..packets.len()).rev() {
            if (Some(packets[first].stretch()) == last) != current {
                continue;
            }
            match judged(tap, &packets[first..], &mut spare) {
                Ok(fingerprint) => {
                    return Ok(Sample {
                        fingerprint,
                        behind_ms: behind(packets, packets[first], 0),
                    });
                }
                Err(unusable) if why == Unusable::TooLittle => why = unusable,
                Err(_) => {}
            }
        }
    }
    Err(NoSample::NoUsableAudio(why))
}

/// The receiver's side: looks for `wanted` in all that the tap holds, in one go. Uses less than 68 KiB of stack.
///
/// For ten seconds of a codec with memory that may take 100 ms and more; [`Search`] does the same piece by piece.
///
/// A [`Decision::Mismatch`] may turn into a match when audio that was still on its way has come: as long as
/// [`super::tap::Stats::kept`] grows, asking again makes sense.
pub fn search<W: Word>(tap: &Tap<'_, W>, wanted: &Fingerprint) -> Decision {
    let mut search = Search::new(wanted);
    loop {
        if let Poll::Ready(decision) = search.step(tap) {
            return decision;
        }
    }
}

/// A search that is done piece by piece, so that it never holds its thread for long. It borrows nothing of the tap, whose
/// writer goes on meanwhile: what arrives after the first step may be overlooked, and a new search sees it.
///
/// Packets are gone through from the newest to the oldest: windows on packet boundaries first, then those on the grid
/// within packets. Where a codec has memory, its decoder is reset at each window's first packet; after that, windows are
/// tried that a decoder gives which has run since long before.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    wanted: Fingerprint,
    phase: Phase,
    /// Of this phase, packets from this moment on have been done.
    cursor: u64,
    /// The start of the window that was judged last.
    judged: u64,
    why: Unusable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Windows that begin with a packet.
    Boundaries,
    /// Windows that begin on the grid within a packet, its first sample left out.
    Grid,
    /// Both, from a decoder that has run before; of codecs with memory only.
    Running,
    /// No window matched: whether one could have.
    Judging,
}

impl Search {
    /// A search for `wanted` that has not begun.
    pub fn new(wanted: &Fingerprint) -> Self {
        Self {
            wanted: *wanted,
            phase: Phase::Boundaries,
            cursor: u64::MAX,
            judged: u64::MAX,
            why: Unusable::TooLittle,
        }
    }

    /// What is looked for.
    pub fn wanted(&self) -> &Fingerprint {
        &self.wanted
    }

    /// Goes on for about a millisecond at most, which is counted in samples; G.711, whose whole search takes little more,
    /// is done in one step. `tap` is the same each time. Uses less than 68 KiB of stack.
    ///
    /// Once it is ready, the search is over; the next step would repeat its end.
    pub fn step<W: Word>(&mut self, tap: &Tap<'_, W>) -> Poll<Decision> {
        if heard_nothing(tap) {
            return Poll::Ready(Decision::NoMedia);
        }
        let mut packets = [Packet::default(); MAX_PACKETS];
        let packets = tap.history(&mut packets);
        let (mut spent, mut spare) = (0, Spare::default());
        while spent < STEP_COST {
            let left = packets.partition_point(|packet| packet.start() < self.cursor);
            let Some((last, _)) = packets[..left].split_last() else {
                self.phase = match self.phase {
                    Phase::Boundaries => Phase::Grid,
                    Phase::Grid => Phase::Running,
                    Phase::Running if has_undecodable(packets) => {
                        return Poll::Ready(Decision::NoUsableAudio(Unusable::NotDecodable));
                    }
                    Phase::Running => Phase::Judging,
                    Phase::Judging => return Poll::Ready(Decision::NoUsableAudio(self.why)),
                };
                self.cursor = u64::MAX;
                continue;
            };
            let has_memory = |packet: &Packet| packet.codec().is_some_and(Codec::has_memory);
            let first = match (self.phase, has_memory(last)) {
                (Phase::Judging, _) | (Phase::Boundaries | Phase::Grid, true) => left - 1,
                (Phase::Running, false) => {
                    let others = packets[..left].iter().rev().take_while(|packet| !has_memory(packet));
                    left - others.count()
                }
                (_, memory) => {
                    let alike = packets[..left].iter().rev().take(CHUNK);
                    left - alike.take_while(|packet| has_memory(packet) == memory).count()
                }
            };
            self.cursor = packets[first].start();
            let (decision, cost) = match (self.phase, has_memory(last)) {
                (Phase::Judging, _) => self.judge(tap, &packets[first..], &mut spare),
                (Phase::Running, false) => (None, 0),
                (_, false) | (Phase::Running, true) => self.slide(tap, packets, first..left, &mut spare),
                (_, true) => self.reset(tap, packets, first, &mut spare),
            };
            if let Some(decision) = decision {
                return Poll::Ready(decision);
            }
            spent += cost;
        }
        Poll::Pending
    }

    // Three functions of their own, so that none's window stays on the stack while another runs.

    /// Whether any window passes the gate, looked at from the newest back.
    #[inline(never)]
    fn judge<W: Word>(&mut self, tap: &Tap<'_, W>, packets: &[Packet], spare: &mut Spare) -> (Option<Decision>, usize) {
        let Some((packet, codec)) = packets.first().and_then(|packet| Some((packet, packet.codec()?))) else {
            return (None, 0);
        };
        let apart = u64::from(codec.clock_rate() / JUDGED_PER_SECOND);
        if self.judged.saturating_sub(packet.start()) < apart || !is_whole(packets, 0) {
            return (None, 0);
        }
        self.judged = packet.start();
        match judged(tap, packets, spare) {
            Ok(_) => return (Some(Decision::Mismatch), 0),
            Err(unusable) if self.why == Unusable::TooLittle => self.why = unusable,
            Err(_) => {}
        }
        (None, codec.window_samples() * cost(codec))
    }

    /// The windows that begin in one packet of a codec with memory, each from a decoder of its own.
    #[inline(never)]
    fn reset<W: Word>(
        &self,
        tap: &Tap<'_, W>,
        packets: &[Packet],
        at: usize,
        spare: &mut Spare,
    ) -> (Option<Decision>, usize) {
        let Some(codec) = packets[at].codec() else {
            return (None, 0);
        };
        let mut spent = 0;
        let decision = spare.with_room(codec, |room, decoder| {
            let mut window = Window::new(room);
            for offset in offsets(self.phase, packets[at], codec) {
                if !is_whole(&packets[at..], offset) {
                    break;
                }
                let samples = window.decode(tap, &packets[at..], offset, decoder)?;
                spent += codec.window_samples() * cost(codec);
                if let Some(decision) = self.compare(samples, packets, packets[at], offset) {
                    return Some(decision);
                }
            }
            None
        });
        (decision.flatten(), spent)
    }

    /// The windows that begin in some packets, decoding each packet once; where the decoder is to have run before, what comes
    /// before them is decoded as well.
    #[inline(never)]
    fn slide<W: Word>(
        &self,
        tap: &Tap<'_, W>,
        packets: &[Packet],
        chunk: Range<usize>,
        spare: &mut Spare,
    ) -> (Option<Decision>, usize) {
        let mut spent = 0;
        let codecs = || packets[chunk.clone()].iter().filter_map(|packet| packet.codec());
        let opus = codecs().find(|codec| *codec == Codec::Opus);
        let Some(codec) = opus.or_else(|| codecs().next()) else {
            return (None, 0);
        };
        let decision = spare.with_room(codec, |room, decoder| {
            self.slide_in(&mut Pcm::new(room, decoder), tap, packets, chunk, &mut spent)
        });
        (decision.flatten(), spent)
    }

    fn slide_in<W: Word>(
        &self,
        pcm: &mut Pcm<'_>,
        tap: &Tap<'_, W>,
        packets: &[Packet],
        chunk: Range<usize>,
        spent: &mut usize,
    ) -> Option<Decision> {
        let warm_up = match (self.phase, packets[chunk.start].codec()) {
            (Phase::Running, Some(codec)) => codec.clock_rate() * WARM_UP,
            _ => 0,
        };
        let heard_from = packets[chunk.start].start().saturating_sub(warm_up.into());
        let warm = packets[..chunk.start].partition_point(|packet| packet.start() < heard_from);
        for at in warm..chunk.start {
            pcm.restart(at, packets[at].start());
            pcm.append(tap, packets, packets[at].start());
            *spent += pcm.len * packets[at].codec().map_or(0, cost);
        }
        for at in chunk {
            let packet = packets[at];
            let Some(codec) = packet.codec() else { continue };
            if pcm.next <= at {
                pcm.restart(at, packet.start());
            }
            for offset in offsets(self.phase, packet, codec) {
                let start = packet.start() + u64::from(offset);
                let window = loop {
                    if let Some(window) = pcm.window(start, codec) {
                        break Some(window);
                    }
                    let before = pcm.decoded;
                    if !pcm.append(tap, packets, start) {
                        break None;
                    }
                    *spent += (pcm.decoded - before) * cost(codec);
                };
                let Some(window) = window else { break };
                // A whole search of what is sampled at 8 kHz fits into a step.
                if codec.sample_rate() > 8_000 {
                    *spent += codec.window_samples();
                }
                if let Some(decision) = self.compare(window, packets, packet, offset) {
                    return Some(decision);
                }
            }
        }
        None
    }

    /// Decides, if the window that begins `offset` ticks into `packet` has the fingerprint.
    fn compare(&self, window: &[i16], packets: &[Packet], packet: Packet, offset: u32) -> Option<Decision> {
        if Fingerprint::of_window(window) != self.wanted {
            return None;
        }
        Some(match liveness::check_window(packet.codec()?, window) {
            Ok(()) => Decision::Match(Found {
                behind_ms: behind(packets, packet, offset),
                on_boundary: offset == 0,
            }),
            Err(lifeless) => Decision::NoUsableAudio(Unusable::Lifeless(lifeless)),
        })
    }
}

/// What decoding a sample costs, beside hashing one.
fn cost(codec: Codec) -> usize {
    match codec {
        Codec::G722 => 17,
        Codec::Opus => 20,
        _ => 0,
    }
}

/// Where in a packet windows begin, in ticks. An Opus packet cannot be cut in between.
fn offsets(phase: Phase, packet: Packet, codec: Codec) -> StepBy<Range<u32>> {
    let grid = codec.grid_ticks();
    let cuttable = if codec.tick_len().is_some() { packet.ticks() } else { 0 };
    match phase {
        Phase::Grid => grid..cuttable,
        Phase::Running => 0..cuttable.max(1),
        Phase::Boundaries | Phase::Judging => 0..1,
    }
    .step_by(grid as usize)
}

fn heard_nothing<W: Word>(tap: &Tap<'_, W>) -> bool {
    let stats = tap.stats();
    stats.kept == 0 && stats.not_audio == 0
}

/// Whether 200 ms without a gap begin `offset` ticks into the first of `packets`.
fn is_whole(packets: &[Packet], offset: u32) -> bool {
    let Some((first, codec)) = packets.first().and_then(|first| Some((first, first.codec()?))) else {
        return false;
    };
    let end = first.start() + u64::from(offset + codec.window_ticks());
    let mut before = *first;
    for packet in &packets[1..] {
        if before.end() >= end || !before.continues_in(*packet) {
            break;
        }
        before = *packet;
    }
    before.end() >= end
}

/// Whether there are 200 ms in a codec that this build cannot decode.
fn has_undecodable(packets: &[Packet]) -> bool {
    (0..packets.len()).any(|at| {
        let codec = packets[at].codec();
        codec.is_some_and(|codec| !codec.is_decodable()) && is_whole(&packets[at..], 0)
    })
}

/// How far a window that begins `offset` ticks into `packet` ends before the newest audio of the same stretch.
fn behind(packets: &[Packet], packet: Packet, offset: u32) -> u32 {
    let Some(codec) = packet.codec() else { return 0 };
    let end = packet.start() + u64::from(offset + codec.window_ticks());
    let newest = packets
        .iter()
        .rev()
        .find(|other| other.stretch() == packet.stretch())
        .map_or(end, |other| other.end());
    let ms = newest.saturating_sub(end).saturating_mul(1000) / u64::from(codec.clock_rate());
    u32::try_from(ms).unwrap_or(u32::MAX)
}

/// Room for a window and the rest of the packet that it ends in.
const ROOM: usize = MAX_WINDOW_SAMPLES + MAX_PAYLOAD_SAMPLES;

/// What the windows of a step hand on to one another, because it is not had for nothing: a decoder, and for Opus the room
/// that its samples take.
#[derive(Default)]
struct Spare {
    decoder: Option<Decoder>,
    #[cfg(feature = "opus")]
    room: Vec<i16>,
}

impl Spare {
    /// Calls with room for a window: on the stack, or allocated for Opus, whose decoder wants the stack for itself; `None` where
    /// there is no memory left.
    fn with_room<R>(
        &mut self,
        codec: Codec,
        call: impl FnOnce(&mut [i16; ROOM], &mut Option<Decoder>) -> R,
    ) -> Option<R> {
        #[cfg(feature = "opus")]
        if codec == Codec::Opus {
            self.room.try_reserve_exact(ROOM - self.room.len()).ok()?;
            self.room.resize(ROOM, 0);
            let room = self.room.first_chunk_mut()?;
            return Some(off_the_stack(room, |room| call(room, &mut self.decoder)));
        }
        // For Opus alone there is a difference.
        let _ = codec;
        Some(on_the_stack(|room| call(room, &mut self.decoder)))
    }
}

// Functions of their own, so that the caller's frame holds nothing of what either needs.

#[cfg(feature = "opus")]
#[inline(never)]
fn off_the_stack<R>(room: &mut [i16; ROOM], call: impl FnOnce(&mut [i16; ROOM]) -> R) -> R {
    call(room)
}

#[inline(never)]
fn on_the_stack<R>(call: impl FnOnce(&mut [i16; ROOM]) -> R) -> R {
    call(&mut [0; ROOM])
}

/// The fingerprint of the window that begins with the first of `packets`, if it passes the gate.
fn judged<W: Word>(tap: &Tap<'_, W>, packets: &[Packet], spare: &mut Spare) -> Result<Fingerprint, Unusable> {
    if !is_whole(packets, 0) {
        return Err(Unusable::TooLittle);
    }
    let codec = packets.first().and_then(|packet| packet.codec());
    let Some(codec) = codec.filter(|codec| codec.is_decodable()) else {
        return Err(Unusable::NotDecodable);
    };
    let judged = spare.with_room(codec, |room, decoder| {
        let mut window = Window::new(room);
        let samples = window.decode(tap, packets, 0, decoder).ok_or(Unusable::TooLittle)?;
        liveness::check_window(codec, samples).map_err(Unusable::Lifeless)?;
        Ok(Fingerprint::of_window(samples))
    });
    judged.unwrap_or(Err(Unusable::NotDecodable))
}

/// The spare decoder as one that has heard nothing yet, or another if it is of another codec; `None` if there is none for it.
fn fresh(spare: &mut Option<Decoder>, codec: Codec) -> Option<&mut Decoder> {
    match spare {
        Some(decoder) if decoder.codec() == codec => decoder.reset(),
        _ => *spare = Decoder::new(codec),
    }
    spare.as_mut()
}

/// One window, decoded by itself.
struct Window<'r> {
    pcm: &'r mut [i16; ROOM],
    payload: [u8; MAX_PAYLOAD_LEN],
}

impl<'r> Window<'r> {
    fn new(room: &'r mut [i16; ROOM]) -> Self {
        Self {
            pcm: room,
            payload: [0; MAX_PAYLOAD_LEN],
        }
    }

    /// Decodes the window that begins `offset` ticks into the first of `packets`; `None` if one that it needs is missing, has
    /// been overwritten or cannot be decoded.
    fn decode<W: Word>(
        &mut self,
        tap: &Tap<'_, W>,
        packets: &[Packet],
        offset: u32,
        spare: &mut Option<Decoder>,
    ) -> Option<&[i16]> {
        let codec = packets.first()?.codec()?;
        let mut decoder = fresh(spare, codec)?;
        let mut filled = 0;
        for (at, packet) in packets.iter().enumerate() {
            let is_next = at == 0 || packets[at - 1].continues_in(*packet);
            let codec = packet.codec().filter(|_| is_next)?;
            let skipped = if at == 0 { offset } else { 0 };
            let payload = tap.payload(*packet, &mut self.payload)?;
            let payload = payload.get(skipped as usize * codec.tick_len().unwrap_or_default()..)?;
            if decoder.codec() != codec {
                decoder = fresh(spare, codec)?;
            }
            let expected = (packet.ticks().saturating_sub(skipped) * codec.samples_per_tick()) as usize;
            if decoder.decode(payload, self.pcm.get_mut(filled..)?) != expected {
                return None;
            }
            filled += expected;
            if filled >= codec.window_samples() {
                return self.pcm.get(..codec.window_samples());
            }
        }
        None
    }
}

/// A stretch of decoded samples that moves along a run.
struct Pcm<'s> {
    samples: &'s mut [i16; ROOM],
    len: usize,
    /// The moment of the first sample held.
    start: u64,
    /// The moment after the last sample held.
    end: u64,
    /// The packet that comes next.
    next: usize,
    /// Samples decoded since the beginning.
    decoded: usize,
    /// The decoder of the packet that was appended last.
    decoder: &'s mut Option<Decoder>,
    payload: [u8; MAX_PAYLOAD_LEN],
}

impl<'s> Pcm<'s> {
    fn new(room: &'s mut [i16; ROOM], decoder: &'s mut Option<Decoder>) -> Self {
        if let Some(decoder) = decoder {
            decoder.reset();
        }
        Self {
            samples: room,
            len: 0,
            start: 0,
            end: 0,
            next: 0,
            decoded: 0,
            decoder,
            payload: [0; MAX_PAYLOAD_LEN],
        }
    }

    /// Begins anew with a packet; the decoder goes on.
    fn restart(&mut self, packet: usize, moment: u64) {
        (self.len, self.start, self.end, self.next) = (0, moment, moment, packet);
    }

    fn window(&self, start: u64, codec: Codec) -> Option<&[i16]> {
        let ticks = usize::try_from(start.checked_sub(self.start)?).ok()?;
        let at = ticks.checked_mul(codec.samples_per_tick() as usize)?;
        self.samples.get(at..self.len)?.get(..codec.window_samples())
    }

    /// Appends the next packet if it follows without a gap; samples before `needed` may go. At a gap, or where a packet
    /// has been overwritten, what is held is of no more use and `false` comes back.
    fn append<W: Word>(&mut self, tap: &Tap<'_, W>, packets: &[Packet], needed: u64) -> bool {
        let follows = |packet: &&Packet| {
            packet.start() == self.end
                && (self.len == 0 || self.next > 0 && packets[self.next - 1].continues_in(**packet))
        };
        let Some((packet, codec)) = packets
            .get(self.next)
            .filter(follows)
            .and_then(|packet| Some((packet, packet.codec()?)))
        else {
            return false;
        };
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec() != codec) {
            *self.decoder = Decoder::new(codec);
        }
        let (Some(decoder), Some(payload)) = (self.decoder.as_mut(), tap.payload(*packet, &mut self.payload)) else {
            return false;
        };
        let expected = (packet.ticks() * codec.samples_per_tick()) as usize;
        if ROOM - self.len < expected {
            let ticks = usize::try_from(needed.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let spent = ticks.saturating_mul(codec.samples_per_tick() as usize).min(self.len);
            self.samples.copy_within(spent..self.len, 0);
            self.len -= spent;
            self.start = needed.min(self.end);
        }
        let written = decoder.decode(payload, &mut self.samples[self.len..]);
        self.decoded += written;
        if written != expected {
            return false;
        }
        self.len += written;
        self.end = packet.end();
        self.next += 1;
        true
    }
}
