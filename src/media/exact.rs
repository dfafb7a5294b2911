//! Taking the exact fingerprint from a tap, and finding it in another (interpretations, rows 34 to 37 and 39).
//!
//! The sender takes the newest gapless 200 ms that begin on a packet boundary and pass the gate of
//! [`super::liveness`]. The receiver looks through everything its tap holds: windows on packet boundaries first, then
//! those that begin on a 10 ms grid within packets, for a hop in between may have cut the stream into other packets.
//! Source, sequence numbers and the timestamps' origin do not count.
//!
//! Not here: what a decision means for a handoff, waiting for more audio, and hashes that other calls have shown.

use core::fmt;
use core::ops::ControlFlow;

use super::codec::PCM_SAMPLE_LEN;
use super::fingerprint::{Fingerprint, WINDOW_LEN, WINDOW_SAMPLES};
use super::liveness::{self, Lifeless};
use super::tap::{MAX_PACKETS, MAX_PAYLOAD_LEN, Packet, Tap};
use crate::table::Word;

/// Step of the grid within a packet: 10 ms at 8 kHz.
pub const GRID_SAMPLES: usize = 80;
/// Distance of the windows that are judged when no window matched, to tell a mismatch from audio that proves nothing:
/// 100 ms at 8 kHz, half a window.
pub const JUDGED_SAMPLES: u64 = 800;
/// Packets whose windows are hashed in one go, the newest first: a fingerprint that has just been taken is found in the
/// first of them, at a twentieth of the whole search's cost.
const CHUNK: usize = 25;
/// Samples in a millisecond at 8 kHz.
const SAMPLES_PER_MS: u64 = 8;
/// PCM that a search holds: a window, the rest of the packet it begins in, and room so that it is moved seldom.
const PCM_LEN: usize = 8192;

const _: () = assert!(PCM_LEN >= WINDOW_LEN + PCM_SAMPLE_LEN * MAX_PAYLOAD_LEN);

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
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittle => f.write_str("less than 200 ms of audio without a gap"),
            Self::Lifeless(why) => why.fmt(f),
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

/// The sender's side: the newest window that proves something. Uses less than 48 KiB of stack.
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
    let mut window = Window::new();
    for current in [true, false] {
        for first in whole_windows(packets) {
            if (Some(packets[first].stretch()) == last) != current || !window.expand(tap, &packets[first..]) {
                continue;
            }
            match window.judge() {
                Ok(()) => {
                    return Ok(Sample {
                        fingerprint: Fingerprint::of_pcm(&window.pcm),
                        behind_ms: behind(packets, packets[first], 0),
                    });
                }
                Err(lifeless) if why == Unusable::TooLittle => why = Unusable::Lifeless(lifeless),
                Err(_) => {}
            }
        }
    }
    Err(NoSample::NoUsableAudio(why))
}

/// The receiver's side: looks for `wanted` in all that the tap holds. Uses less than 48 KiB of stack.
///
/// A [`Decision::Mismatch`] may turn into a match when audio that was still on its way has come: as long as
/// [`super::tap::Stats::kept`] grows, asking again makes sense.
pub fn search<W: Word>(tap: &Tap<'_, W>, wanted: &Fingerprint) -> Decision {
    if heard_nothing(tap) {
        return Decision::NoMedia;
    }
    let mut packets = [Packet::default(); MAX_PACKETS];
    let packets = tap.history(&mut packets);
    for starts in [Starts::Boundaries, Starts::Grid] {
        for first in (0..packets.len()).step_by(CHUNK).rev() {
            let found = each_window(tap, &packets[first..], starts, |pcm, packet, offset| {
                if Fingerprint::of_pcm(pcm) != *wanted {
                    return ControlFlow::Continue(());
                }
                ControlFlow::Break(match judge(pcm) {
                    Ok(()) => Decision::Match(Found {
                        behind_ms: behind(packets, packet, offset),
                        on_boundary: starts == Starts::Boundaries,
                    }),
                    Err(lifeless) => Decision::NoUsableAudio(Unusable::Lifeless(lifeless)),
                })
            });
            if let Some(decision) = found {
                return decision;
            }
        }
    }
    usable(tap, packets).map_or_else(Decision::NoUsableAudio, |()| Decision::Mismatch)
}

fn heard_nothing<W: Word>(tap: &Tap<'_, W>) -> bool {
    let stats = tap.stats();
    stats.kept == 0 && stats.not_audio == 0
}

/// Whether any window that a sender could have taken passes the gate, looked at from the newest back.
fn usable<W: Word>(tap: &Tap<'_, W>, packets: &[Packet]) -> Result<(), Unusable> {
    let mut why = Unusable::TooLittle;
    let mut judged = u64::MAX;
    let mut window = Window::new();
    for first in whole_windows(packets) {
        let start = packets[first].start();
        if judged.saturating_sub(start) < JUDGED_SAMPLES || !window.expand(tap, &packets[first..]) {
            continue;
        }
        judged = start;
        match window.judge() {
            Ok(()) => return Ok(()),
            Err(lifeless) if why == Unusable::TooLittle => why = Unusable::Lifeless(lifeless),
            Err(_) => {}
        }
    }
    Err(why)
}

/// The packets with which 200 ms without a gap begin, the last first.
fn whole_windows(packets: &[Packet]) -> impl Iterator<Item = usize> {
    let (mut end, mut next) = (0, None);
    (0..packets.len()).rev().filter(move |at| {
        let packet = packets[*at];
        if next != Some(packet.end()) {
            end = packet.end();
        }
        next = Some(packet.start());
        end - packet.start() >= WINDOW_SAMPLES as u64
    })
}

fn judge(pcm: &[u8; WINDOW_LEN]) -> Result<(), Lifeless> {
    let mut samples = [0; WINDOW_SAMPLES];
    for (sample, bytes) in samples.iter_mut().zip(pcm.as_chunks::<PCM_SAMPLE_LEN>().0) {
        *sample = i16::from_le_bytes(*bytes);
    }
    liveness::check(&samples)
}

/// How far a window that begins `offset` samples into `packet` ends before the newest audio of the same stretch.
fn behind(packets: &[Packet], packet: Packet, offset: usize) -> u32 {
    let end = packet.start() + (offset + WINDOW_SAMPLES) as u64;
    let newest = packets
        .iter()
        .rev()
        .find(|other| other.stretch() == packet.stretch())
        .map_or(end, |other| other.end());
    u32::try_from(newest.saturating_sub(end) / SAMPLES_PER_MS).unwrap_or(u32::MAX)
}

/// One window, expanded by itself.
struct Window {
    pcm: [u8; WINDOW_LEN],
    payload: [u8; MAX_PAYLOAD_LEN],
}

impl Window {
    fn new() -> Self {
        Self {
            pcm: [0; WINDOW_LEN],
            payload: [0; MAX_PAYLOAD_LEN],
        }
    }

    /// Expands the window that begins with the first of `packets`, which follow each other without a gap for its length;
    /// `false` if one of them has been overwritten.
    fn expand<W: Word>(&mut self, tap: &Tap<'_, W>, packets: &[Packet]) -> bool {
        let mut filled = 0;
        for packet in packets {
            let (Some(codec), Some(payload)) = (packet.codec(), tap.payload(*packet, &mut self.payload)) else {
                return false;
            };
            filled += codec.expand(payload, &mut self.pcm[filled..]);
            if filled == WINDOW_LEN {
                return true;
            }
        }
        false
    }

    fn judge(&self) -> Result<(), Lifeless> {
        judge(&self.pcm)
    }
}

/// Where windows begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starts {
    /// With a packet.
    Boundaries,
    /// On the 10 ms grid within a packet, its first sample left out.
    Grid,
}

impl Starts {
    /// The first window's offset in a packet, and the step to the next.
    fn offsets(self, packet: Packet) -> core::iter::StepBy<core::ops::Range<usize>> {
        match self {
            Self::Boundaries => 0..1,
            Self::Grid => GRID_SAMPLES..packet.samples(),
        }
        .step_by(GRID_SAMPLES)
    }
}

/// Calls `visit` with each gapless window that begins in the first [`CHUNK`] of `packets`, expanding each packet once;
/// stops at its first `Break`.
fn each_window<W: Word, B>(
    tap: &Tap<'_, W>,
    packets: &[Packet],
    starts: Starts,
    mut visit: impl FnMut(&[u8; WINDOW_LEN], Packet, usize) -> ControlFlow<B>,
) -> Option<B> {
    let mut pcm = Pcm::new();
    for (first, packet) in packets.iter().enumerate().take(CHUNK) {
        if pcm.next <= first {
            pcm.restart(first, packet.start());
        }
        for offset in starts.offsets(*packet) {
            let start = packet.start() + offset as u64;
            let window = loop {
                if let Some(window) = pcm.window(start) {
                    break Some(window);
                }
                if !pcm.append(tap, packets, start) {
                    break None;
                }
            };
            let Some(window) = window else { break };
            if let ControlFlow::Break(value) = visit(window, *packet, offset) {
                return Some(value);
            }
        }
    }
    None
}

/// A stretch of expanded samples that moves along a run.
struct Pcm {
    bytes: [u8; PCM_LEN],
    len: usize,
    /// The moment of the first sample held.
    start: u64,
    /// The packet that comes next.
    next: usize,
    payload: [u8; MAX_PAYLOAD_LEN],
}

impl Pcm {
    fn new() -> Self {
        Self {
            bytes: [0; PCM_LEN],
            len: 0,
            start: 0,
            next: 0,
            payload: [0; MAX_PAYLOAD_LEN],
        }
    }

    fn restart(&mut self, packet: usize, moment: u64) {
        (self.len, self.start, self.next) = (0, moment, packet);
    }

    fn window(&self, start: u64) -> Option<&[u8; WINDOW_LEN]> {
        let at = usize::try_from(start.checked_sub(self.start)?)
            .ok()?
            .checked_mul(PCM_SAMPLE_LEN)?;
        self.bytes.get(at..self.len)?.first_chunk()
    }

    /// Appends the next packet if it follows without a gap; samples before `needed` may go. At a gap, or where a packet
    /// has been overwritten, what is held is of no more use and `false` comes back.
    fn append<W: Word>(&mut self, tap: &Tap<'_, W>, packets: &[Packet], needed: u64) -> bool {
        let end = self.start + (self.len / PCM_SAMPLE_LEN) as u64;
        let Some(packet) = packets.get(self.next).filter(|packet| packet.start() == end) else {
            return false;
        };
        let (Some(codec), Some(payload)) = (packet.codec(), tap.payload(*packet, &mut self.payload)) else {
            return false;
        };
        if PCM_LEN - self.len < codec.samples(payload.len()) * PCM_SAMPLE_LEN {
            let spent = usize::try_from(needed.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let spent = spent.saturating_mul(PCM_SAMPLE_LEN).min(self.len);
            self.bytes.copy_within(spent..self.len, 0);
            self.len -= spent;
            self.start += (spent / PCM_SAMPLE_LEN) as u64;
        }
        let written = codec.expand(payload, &mut self.bytes[self.len..]);
        self.len += written;
        self.next += 1;
        written == codec.samples(payload.len()) * PCM_SAMPLE_LEN
    }
}
