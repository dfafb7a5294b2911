//! The robust fingerprint: what ties an envelope to a call whose sound has been transcoded or has lost packets
//! (interpretations, row 38; `docs/robust-fingerprint.md` has the form on the wire).
//!
//! It is of Haitsma's and Kalker's family, tuned to telephony. The sender takes just under 4 s of sound, and of their
//! frames the 31 most energetic; the receiver compares their 992 bits with all that it has heard, in steps of 16 ms, and
//! accepts where at most three in ten differ. Unlike the exact fingerprint it is no proof: it is for receivers whose policy
//! allows it, where the exact one did not match, and never decides at Regulated.
//!
//! Gaps (lost packets, pauses in sending) are silence. What one source has sent is one line of samples; a span does not
//! reach across a change of source. A span counts only if
//!
//! 1. at least [`MIN_LIVELY`] of the windows of 200 ms within it pass the gate of [`super::liveness`] and are no pauses
//!    ([`MIN_LIVELY_FOUND`] where it has been found),
//! 2. at least [`MIN_BROAD`] of its energy lies outside the two strongest peaks of those windows ([`MIN_BROAD_FOUND`] where
//!    it has been found): noise on the line makes a busy tone lively, but the tone's bits are the same on every call, and
//! 3. nothing [`MIN_APART`] or further away in the same sound has the same fingerprint: what repeats itself (a ringing
//!    tone, a short loop of music) is the same on every call.
//!
//! Music and announcements that are longer than the ring match on every call that plays them. So a search takes the
//! fingerprints that other calls have shown ([`Others`]) and says whether one of them is in the same sound as well.
//!
//! Not here: where those are kept; policy; what a decision means for a handoff.

pub mod fingerprint;
pub mod frames;
mod narrow;
mod sound;
pub mod spectrum;

use core::fmt;

pub use fingerprint::{MEMBER, RobustFingerprint};

use self::fingerprint::BITS;
use self::frames::{RECEIVER_HOP, SENDER_HOP, SPAN_FRAMES, SPAN_SAMPLES, SubFingerprint};
use self::sound::{Sound, Stretch, stretches};
use self::spectrum::FRAME_SAMPLES;
use super::fingerprint::WINDOW_SAMPLES;
use super::liveness::Lifeless;
use super::tap::{MAX_PACKETS, MAX_SECONDS, Packet, Tap};
use crate::table::Word;

/// Most bits of 992 that may differ: a bit error rate of 0.30.
pub const MAX_ERRORS: u16 = (BITS * 3 / 10) as u16;
/// Windows of 200 ms in a span, of the 18 or 19 that lie within it, that have to be alive: 2 s of sound.
pub const MIN_LIVELY: usize = 10;
/// As many where a span has been found: loss takes windows away from those that the sender had.
pub const MIN_LIVELY_FOUND: usize = MIN_LIVELY / 2;
/// Share of a span's energy that lies outside the two strongest spectral peaks of each of its windows: of speech more than
/// 0.10, but for one span in a hundred; of ringing and busy tones on a noisy line less (`tests/media_corpus`).
pub const MIN_BROAD: f32 = 0.10;
/// As much where a span has been found, for codecs change it.
pub const MIN_BROAD_FOUND: f32 = 0.03;
/// Most bits of 992 that may differ for a sender to hold that its sound repeats itself: its steps are so coarse that what
/// repeats itself exactly may differ by more than [`MAX_ERRORS`], and another span costs it nothing.
pub const MAX_REPEAT_ERRORS: u16 = (BITS * 40 / 100) as u16;
/// Mean square of a window below which it is a pause: 60 dB below full scale, (32768 / 1000)².
pub const MIN_POWER: u64 = 1_074;
/// Fewest samples that have to be heard, gaps not counted, before a span is looked at: half of it.
pub const MIN_HEARD: usize = SPAN_SAMPLES / 2;
/// Samples between two places that are not the same place found twice: 512 ms, twice a frame.
pub const MIN_APART: usize = 2 * FRAME_SAMPLES;
/// Samples that are searched in one go: ten seconds, what a tap keeps.
pub const MAX_SAMPLES: usize = MAX_SECONDS as usize * 8_000;

/// Samples in a millisecond.
const SAMPLES_PER_MS: usize = 8;
/// A receiver's frames for each of a sender's.
const STRIDE: usize = SENDER_HOP / RECEIVER_HOP;
/// Most frames of a receiver.
const MAX_FRAMES: usize = frames::frames(MAX_SAMPLES, RECEIVER_HOP);
/// Most frames of a sender.
const MAX_SENDER_FRAMES: usize = frames::frames(MAX_SAMPLES, SENDER_HOP);
/// Most windows of 200 ms.
const MAX_WINDOWS: usize = MAX_SAMPLES / WINDOW_SAMPLES;

/// The sender's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What goes into `session.media.x-ohp-robust`.
    pub fingerprint: RobustFingerprint,
    /// How far the span's end lies behind the newest sound of its source, in milliseconds.
    pub behind_ms: u32,
}

/// What the receiver found; the same answers as [`super::exact::Decision`], with how sure they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The span is in this sound, and it is alive.
    Match(Found),
    /// There is usable sound, and none of it is near enough.
    Mismatch {
        /// The fewest bits of 992 that differed anywhere.
        errors: u16,
    },
    /// Nothing heard so far could prove anything.
    NoUsableAudio(Unusable),
    /// No RTP packet has come yet (row 39): wait, if there is time.
    NoMedia,
}

/// Where a fingerprint was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many of its 992 bits differ: at most [`MAX_ERRORS`].
    pub errors: u16,
    /// How far the span's end lies behind the newest sound of its source, in milliseconds; negative if the end of the
    /// span, of which no frame is kept then, has not been heard yet.
    pub behind_ms: i32,
    /// Whether the sound has another call's fingerprint in it as well, and so proves nothing.
    pub elsewhere: bool,
}

impl Found {
    /// The bit error rate, 0 to 0.30.
    pub fn bit_error_rate(&self) -> f32 {
        bit_error_rate(self.errors)
    }
}

/// The bit error rate of so many of 992 bits.
pub fn bit_error_rate(errors: u16) -> f32 {
    f32::from(errors) / BITS as f32
}

/// Why sound proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no span of 4 s of which 2 s have been heard.
    TooLittle,
    /// There is, but too much of it is alike on every call.
    Lifeless(Lifeless),
    /// There is, but too much of it is pauses.
    Quiet,
    /// The sound repeats itself.
    Repeats,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittle => f.write_str("less than 4 s of audio"),
            Self::Lifeless(why) => write!(f, "less than 2 of 4 s are alive: {why}"),
            Self::Quiet => f.write_str("less than 2 of 4 s are louder than a pause"),
            Self::Repeats => f.write_str("a sound that repeats itself"),
        }
    }
}

/// Why a sender has no fingerprint to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSample {
    /// No RTP packet has come yet.
    NoMedia,
    /// Nothing heard so far could prove anything. The reason is that of the newest span.
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
            Self::Match(found) => write!(
                f,
                "similar sound {} ms behind the newest audio, bit error rate {:.3}",
                found.behind_ms,
                found.bit_error_rate()
            ),
            Self::Mismatch { errors } => write!(
                f,
                "the audio of this call is not similar, bit error rate {:.3}",
                bit_error_rate(*errors)
            ),
            Self::NoUsableAudio(why) => write!(f, "no usable audio: {why}"),
            Self::NoMedia => f.write_str("no media received yet"),
        }
    }
}

/// Whether one of the fingerprints that other calls have shown passes the question that it is given. It is asked at most
/// once in a search, and only where the wanted fingerprint has been found.
pub type Others<'o> = &'o dyn Fn(&dyn Fn(&RobustFingerprint) -> bool) -> bool;

/// No other calls.
pub const NO_OTHERS: Others<'static> = &|_| false;

/// The sender's side: the newest span that proves something, of the source heard last if it has one. Uses less than
/// 84 KiB of stack.
///
/// # Errors
/// [`NoSample`], if nothing has been received or nothing in it is usable.
pub fn newest<W: Word>(tap: &Tap<'_, W>) -> Result<Sample, NoSample> {
    let stats = tap.stats();
    if stats.kept == 0 && stats.not_audio == 0 {
        return Err(NoSample::NoMedia);
    }
    let mut packets = [Packet::default(); MAX_PACKETS];
    let mut why = Unusable::TooLittle;
    for packets in stretches(tap.history(&mut packets)) {
        let Some(mut stretch) = Stretch::new(*tap, packets, MAX_SAMPLES) else {
            continue;
        };
        match newest_of(&mut stretch) {
            Ok(sample) => return Ok(sample),
            Err(unusable) if why == Unusable::TooLittle => why = unusable,
            Err(_) => {}
        }
    }
    Err(NoSample::NoUsableAudio(why))
}

/// [`newest`], of the last ten seconds of samples at 8 kHz.
///
/// # Errors
/// [`NoSample::NoUsableAudio`].
pub fn newest_of_pcm(samples: &[i16]) -> Result<Sample, NoSample> {
    let recent = samples.len().saturating_sub(MAX_SAMPLES);
    newest_of(&mut samples.get(recent..).unwrap_or_default()).map_err(NoSample::NoUsableAudio)
}

/// The receiver's side: looks for `wanted` in all that the tap holds. Uses less than 84 KiB of stack.
///
/// A [`Decision::Mismatch`] may turn into a match when audio that was still on its way has come.
pub fn search<W: Word>(tap: &Tap<'_, W>, wanted: &RobustFingerprint) -> Decision {
    search_besides(tap, wanted, NO_OTHERS)
}

/// [`search`], which where it has found `wanted` looks for the fingerprints of other calls in the same sound
/// ([`Found::elsewhere`]).
pub fn search_besides<W: Word>(tap: &Tap<'_, W>, wanted: &RobustFingerprint, others: Others<'_>) -> Decision {
    let stats = tap.stats();
    if stats.kept == 0 && stats.not_audio == 0 {
        return Decision::NoMedia;
    }
    let mut packets = [Packet::default(); MAX_PACKETS];
    let mut best = Decision::NoMedia;
    for packets in stretches(tap.history(&mut packets)) {
        if let Some(mut stretch) = Stretch::new(*tap, packets, MAX_SAMPLES) {
            best = best.or(search_in(&mut stretch, wanted, others));
            if matches!(best, Decision::Match(_)) {
                break;
            }
        }
    }
    best.or(Decision::NoUsableAudio(Unusable::TooLittle))
}

/// [`search`], in the last ten seconds of samples at 8 kHz.
pub fn search_pcm(samples: &[i16], wanted: &RobustFingerprint) -> Decision {
    let recent = samples.len().saturating_sub(MAX_SAMPLES);
    search_in(&mut samples.get(recent..).unwrap_or_default(), wanted, NO_OTHERS)
}

impl Decision {
    /// The answer that says more; of two mismatches the nearer one, of two that say as much the first.
    fn or(self, other: Self) -> Self {
        let rank = |decision: &Self| match decision {
            Self::NoMedia => 0,
            Self::NoUsableAudio(Unusable::TooLittle) => 1,
            Self::NoUsableAudio(_) => 2,
            Self::Mismatch { errors } => 3 + BITS - usize::from(*errors),
            Self::Match(_) => usize::MAX,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

fn newest_of(sound: &mut impl Sound) -> Result<Sample, Unusable> {
    // Frames are laid so that the last ends with the sound.
    let Some(start) = sound.len().checked_sub(SPAN_SAMPLES).map(|rest| rest % SENDER_HOP) else {
        return Err(Unusable::TooLittle);
    };
    if sound.heard() < MIN_HEARD {
        return Err(Unusable::TooLittle);
    }
    let mut subs = [SubFingerprint::default(); MAX_SENDER_FRAMES];
    let mut bits = [0; MAX_SENDER_FRAMES];
    let mut count = 0;
    frames::each(sound, start, SENDER_HOP, |number, sub| {
        if let (Some(place), Some(bits)) = (subs.get_mut(number), bits.get_mut(number)) {
            (*place, *bits) = (sub, sub.bits);
            count = number + 1;
        }
    });
    let mut windows = Windows::new(sound.len());
    let mut why = None;
    for first in (0..=count.saturating_sub(SPAN_FRAMES)).rev() {
        let begins = start + first * SENDER_HOP;
        let judged = windows.judge(sound, begins, Gate::TAKE).and_then(|()| {
            let span = subs.get(first + 1..).and_then(|subs| subs.first_chunk());
            let fingerprint = RobustFingerprint::of_span(span.ok_or(Unusable::TooLittle)?);
            match repeats(
                &fingerprint,
                &bits[..count],
                SENDER_HOP,
                first as isize,
                MAX_REPEAT_ERRORS,
            ) {
                true => Err(Unusable::Repeats),
                false => Ok(fingerprint),
            }
        });
        match judged {
            Ok(fingerprint) => {
                let behind = sound.len() - begins - SPAN_SAMPLES;
                return Ok(Sample {
                    fingerprint,
                    behind_ms: (behind / SAMPLES_PER_MS) as u32,
                });
            }
            Err(unusable) => why = why.or(Some(unusable)),
        }
    }
    Err(why.unwrap_or(Unusable::TooLittle))
}

fn search_in(sound: &mut impl Sound, wanted: &RobustFingerprint, others: Others<'_>) -> Decision {
    if sound.heard() < MIN_HEARD {
        return Decision::NoUsableAudio(Unusable::TooLittle);
    }
    let mut bits = [0; MAX_FRAMES];
    let mut count = 0;
    frames::each(sound, 0, RECEIVER_HOP, |number, sub| {
        if let Some(place) = bits.get_mut(number) {
            *place = sub.bits;
            count = number + 1;
        }
    });
    let bits = &bits[..count];
    let Some((errors, place)) = places(bits, RECEIVER_HOP)
        .filter_map(|place| Some((wanted.errors(bits, STRIDE, place)?, place)))
        .min()
    else {
        return Decision::NoUsableAudio(Unusable::TooLittle);
    };
    let mut windows = Windows::new(sound.len());
    let hop = RECEIVER_HOP as isize;
    if errors <= MAX_ERRORS {
        let begins = usize::try_from(place * hop).unwrap_or(0);
        if let Err(unusable) = windows.judge(sound, begins, Gate::FOUND) {
            return Decision::NoUsableAudio(unusable);
        }
        if repeats(wanted, bits, RECEIVER_HOP, place, MAX_ERRORS) {
            return Decision::NoUsableAudio(Unusable::Repeats);
        }
        let behind = sound.len() as isize - place * hop - SPAN_SAMPLES as isize;
        return Decision::Match(Found {
            errors,
            behind_ms: (behind / SAMPLES_PER_MS as isize) as i32,
            elsewhere: others(&|other| is_anywhere(other, bits)),
        });
    }
    let mut why = None;
    for begins in (0..=sound.len().saturating_sub(SPAN_SAMPLES))
        .rev()
        .step_by(WINDOW_SAMPLES)
    {
        match windows.judge(sound, begins, Gate::TAKE) {
            Ok(()) => return Decision::Mismatch { errors },
            Err(unusable) => why = why.or(Some(unusable)),
        }
    }
    Decision::NoUsableAudio(why.unwrap_or(Unusable::TooLittle))
}

/// The frames with which a span could begin. It may begin before the first frame, and end after the last, if none of the
/// frames that it keeps does.
fn places(bits: &[u32], hop: usize) -> core::ops::Range<isize> {
    let span = (SPAN_FRAMES * SENDER_HOP / hop) as isize;
    -span..bits.len() as isize
}

/// Whether the fingerprint of the span at `place` is found in another place as well, with no more errors than `most`.
fn repeats(fingerprint: &RobustFingerprint, bits: &[u32], hop: usize, place: isize, most: u16) -> bool {
    places(bits, hop).any(|other| {
        other.abs_diff(place) * hop >= MIN_APART
            && fingerprint
                .errors(bits, SENDER_HOP / hop, other)
                .is_some_and(|errors| errors <= most)
    })
}

/// Whether another call's fingerprint is in a receiver's bits, wherever.
fn is_anywhere(other: &RobustFingerprint, bits: &[u32]) -> bool {
    places(bits, RECEIVER_HOP).any(|place| other.is_near(bits, STRIDE, place, MAX_ERRORS))
}

/// Whether a window is a pause. The noise of a pause has an exact fingerprint that binds it to its call; but no transcoder keeps
/// its shape, so its bits would be those of the network.
fn is_quiet(window: &[i16; WINDOW_SAMPLES]) -> bool {
    let energy: u64 = window
        .iter()
        .map(|sample| u64::from(sample.unsigned_abs()).pow(2))
        .sum();
    energy < MIN_POWER * WINDOW_SAMPLES as u64
}

/// What a span has to have.
struct Gate {
    lively: usize,
    broad: f32,
}

impl Gate {
    const TAKE: Self = Self {
        lively: MIN_LIVELY,
        broad: MIN_BROAD,
    };
    const FOUND: Self = Self {
        lively: MIN_LIVELY_FOUND,
        broad: MIN_BROAD_FOUND,
    };
}

/// What the gate of liveness says of a window of 200 ms.
#[derive(Clone, Copy)]
struct Judged {
    verdict: Result<(), Unusable>,
    /// In units of its own.
    energy: f32,
    /// As much of it as lies outside the two strongest peaks; nothing of what repeats itself.
    broad: f32,
}

impl Judged {
    fn of(sound: &impl Sound, window: &[i16; WINDOW_SAMPLES]) -> Self {
        let energy = window
            .iter()
            .map(|sample| f32::from(*sample) * f32::from(*sample))
            .sum();
        let (verdict, share) = sound.judge(window);
        Self {
            verdict: match verdict {
                Ok(()) if is_quiet(window) => Err(Unusable::Quiet),
                verdict => verdict.map_err(Unusable::Lifeless),
            },
            energy,
            broad: energy * (1.0 - share),
        }
    }
}

/// The windows of 200 ms of a sound, each judged when it is first asked for. They are laid so that the last ends with the
/// sound.
struct Windows {
    start: usize,
    judged: [Option<Judged>; MAX_WINDOWS],
}

impl Windows {
    fn new(samples: usize) -> Self {
        Self {
            start: samples % WINDOW_SAMPLES,
            judged: [None; MAX_WINDOWS],
        }
    }

    /// Whether the windows within the span that begins at `begins` have what `gate` asks for; if not, why the last of those
    /// that are not alive is not.
    #[inline(never)]
    fn judge(&mut self, sound: &mut impl Sound, begins: usize, gate: Gate) -> Result<(), Unusable> {
        let first = begins.saturating_sub(self.start).div_ceil(WINDOW_SAMPLES);
        let end = (begins + SPAN_SAMPLES).saturating_sub(self.start) / WINDOW_SAMPLES;
        let (mut lively, mut energy, mut broad) = (0, 0.0, 0.0);
        let mut why = Unusable::TooLittle;
        for (number, judged) in self.judged.iter_mut().enumerate().take(end).skip(first) {
            let judged = judged.get_or_insert_with(|| {
                let mut window = [0; WINDOW_SAMPLES];
                sound.copy(self.start + number * WINDOW_SAMPLES, &mut window);
                Judged::of(sound, &window)
            });
            energy += judged.energy;
            broad += judged.broad;
            match judged.verdict {
                Ok(()) => lively += 1,
                Err(unusable) => why = unusable,
            }
        }
        if lively < gate.lively {
            Err(why)
        } else if broad < gate.broad * energy {
            Err(Unusable::Lifeless(Lifeless::Tonal))
        } else {
            Ok(())
        }
    }
}
