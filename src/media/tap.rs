//! The tap: the last seconds of one leg's received audio, as it came, in memory that the host supplies.
//!
//! One thread writes packets and never waits, allocates or decodes; any thread or process that sees the same words reads
//! them at any time and disturbs nobody. The words hold no pointers, and a writer killed in the middle of a packet
//! leaves a tap that goes on working.
//!
//! Packets are placed on a time line of their own: timestamps are extended beyond 32 bits, and a new source, or a
//! timestamp that leaps back, begins a new stretch of it. So packets may come late, twice or not at all; readers put
//! them in order.
//!
//! Not here: jitter buffering, decoding, clocks, and any judgement of what was heard ([`super::exact`]).

use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::codec::{Codec, OPUS_STEP_TICKS, PAYLOAD_TYPE_WORDS, PCM_SAMPLE_LEN, PayloadTypes, opus_steps};
use super::ring::{self, Entry, RECORD_WORDS, Ring, WORD_LEN};
use super::rtp;
use crate::table::Word;

/// Most seconds of audio that a tap keeps: what a receiver searches (interpretations, row 34).
pub const MAX_SECONDS: u32 = 10;
/// Packets a second that a tap has records for: the shortest usual packet is 10 ms.
pub const PACKETS_PER_SECOND: u32 = 100;
/// Most packets that a tap keeps; a power of two, so that the writer need not divide.
pub const MAX_PACKETS: usize = ((MAX_SECONDS * PACKETS_PER_SECOND) as usize).next_power_of_two();
/// Longest payload that a tap takes, in bytes: 20 ms of 16-bit samples at 48 kHz, 240 ms of G.711 or of G.722, and more
/// than a network packet carries.
pub const MAX_PAYLOAD_LEN: usize = 1920;
const _: () = assert!(MAX_PAYLOAD_LEN <= ring::MAX_LEN);
/// Parts of a second that the longest packet in use lasts: 120 ms is what RFC 7587 and common jitter buffers stop at. Linear
/// PCM longer than [`MAX_PAYLOAD_LEN`] is kept in pieces, up to this.
const LONGEST_PACKET: (u32, u32) = (12, 100);
/// Samples of PCM that become one packet: 20 ms, in parts of a second.
const PCM_PACKETS_PER_SECOND: u32 = 50;
/// A timestamp that lies further behind the one before it, in seconds, is not a late packet but a restarted clock: no
/// gapless run can need audio older than the whole ring.
pub const RESTART_SECONDS: u32 = MAX_SECONDS;

/// Words before the records and the payloads.
const HEADER_WORDS: usize = 32;
/// Marks memory that holds a tap of this layout: "OHPtap" and the layout's number.
const MAGIC: u64 = u64::from_be_bytes(*b"OHPtap\0\x02");

/// The header's words. Configuration first, then what the writer touches with each packet.
mod word {
    use super::PAYLOAD_TYPE_WORDS;

    pub(super) const MAGIC: usize = 0;
    /// Records in the upper half, payload words in the lower.
    pub(super) const SIZES: usize = 1;
    pub(super) const PAYLOAD_TYPES: usize = 8;
    pub(super) const HEAD: usize = PAYLOAD_TYPES + PAYLOAD_TYPE_WORDS;
    pub(super) const CLAIMED: usize = HEAD + 1;
    pub(super) const CURRENT: usize = HEAD + 2;
    pub(super) const STRETCHES: usize = HEAD + 3;
    /// Two words for each source: identity, and the moment of its last packet.
    pub(super) const SOURCES: usize = HEAD + 4;
    pub(super) const NOT_AUDIO: usize = HEAD + 8;
    pub(super) const NOT_RTP: usize = HEAD + 9;
    pub(super) const TOO_LONG: usize = HEAD + 10;
    /// Where PCM that was written without a timestamp goes on: the source's identity, and the timestamp.
    pub(super) const PCM_SOURCE: usize = HEAD + 11;
    pub(super) const PCM_NEXT: usize = HEAD + 12;
}

/// Sources whose time lines are kept: the one in use, and the one before it, so that a stray packet of another source
/// does not cut a run in two.
const SOURCES: usize = 2;
/// Where a source's clock rate stands in its identity, above the SSRC: timestamps of another clock are another time line
/// (RFC 7160). A rate is never 0, so that a word of a source that is in use is not either.
const SOURCE_CLOCK_SHIFT: u32 = 32;
/// A moment's lower bits count ticks within a stretch; four months of 48 kHz, two years of 8 kHz. The upper ones number
/// the stretch.
const STRETCH_SHIFT: u32 = 40;
/// Where a stretch begins, so that packets older than its first one have a place too.
const STRETCH_ORIGIN: u64 = 1 << (STRETCH_SHIFT - 1);

/// How large a tap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapConfig {
    /// The widest codec that the leg may use.
    pub codec: Codec,
    /// Seconds of audio to keep, 1 to [`MAX_SECONDS`]; the protocol's search looks at 10.
    pub seconds: u32,
}

impl TapConfig {
    /// 64-bit words that a tap of this configuration needs: 12,080 (just under 96 KiB) for 10 s of G.711, G.722 or Opus.
    /// `None` if `seconds` is out of range.
    pub const fn words(&self) -> Option<usize> {
        match self.sizes() {
            Some((records, data)) => Some(HEADER_WORDS + records * RECORD_WORDS + data),
            None => None,
        }
    }

    /// Records, and words of payload.
    const fn sizes(&self) -> Option<(usize, usize)> {
        if self.seconds == 0 || self.seconds > MAX_SECONDS {
            return None;
        }
        let bytes = self.seconds as usize * self.codec.bytes_per_second();
        let records = ((self.seconds * PACKETS_PER_SECOND) as usize).next_power_of_two();
        Some((records, bytes.div_ceil(WORD_LEN)))
    }
}

/// 64-bit words that a tap for `seconds` of `codec` needs; `None` unless `seconds` is 1 to [`MAX_SECONDS`].
pub const fn tap_words(codec: Codec, seconds: u32) -> Option<usize> {
    TapConfig { codec, seconds }.words()
}

/// Why a block of words cannot be used as a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapError {
    /// The number of seconds is 0 or above [`MAX_SECONDS`].
    Seconds,
    /// Fewer words than [`TapConfig::words`] asks for.
    TooSmall,
    /// The words do not hold a tap of this version.
    NotATap,
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "a tap keeps 1 to 10 seconds",
            Self::TooSmall => "the memory is smaller than the tap's configuration asks for",
            Self::NotATap => "the memory holds no tap; initialise it first",
        })
    }
}

impl core::error::Error for TapError {}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the tap.
    Kept,
    /// Its payload type carries no audio, or it is empty: passed over.
    NotAudio,
    /// It is not RTP: passed over and counted.
    NotRtp(rtp::Error),
    /// It is longer than a tap takes ([`MAX_PAYLOAD_LEN`], or 120 ms of linear PCM): dropped and counted.
    TooLong,
    /// PCM at a sampling rate that no codec here has: nothing happens.
    Rate,
}

/// A codec frame as a PBX hands it over, without its RTP header.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The payload's codec.
    pub codec: Codec,
    /// Which stream it belongs to: its SSRC, or any number that changes when the stream does.
    pub source: u32,
    /// RTP timestamp, in ticks of the codec's clock; [`Codec::timestamp_of_ms`] is for hosts that count milliseconds. It
    /// alone says where a frame stands, so that there is no need of its sequence number.
    pub timestamp: u32,
    /// The payload as it came.
    pub payload: &'a [u8],
}

/// Linear PCM as a PBX hands it over when it has decoded already. Both sides then have to have the same samples, as behind
/// one transcoder: what was decoded elsewhere is not what came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Pcm<'a> {
    /// Samples in a second: 8000, 16,000, 44,100 or 48,000.
    pub sample_rate: u32,
    /// Which stream it belongs to: any number that changes when the stream does.
    pub source: u32,
    /// The number of the first sample; `None` to go on where the last PCM of this source and rate ended, or to begin.
    pub timestamp: Option<u32>,
    /// The samples, of one channel: 120 ms at most.
    pub samples: &'a [i16],
}

/// Counts since the tap was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Audio packets written. A reader that finds the same number twice has nothing new to search.
    pub kept: u64,
    /// RTP packets passed over: DTMF events, comfort noise, payload types not negotiated.
    pub not_audio: u64,
    /// Datagrams that are not RTP.
    pub not_rtp: u64,
    /// Packets dropped for their length.
    pub too_long: u64,
}

/// A view on the words of one leg's tap. Copies see the same tap. One caller at a time may write; anyone may read.
pub struct Tap<'m, W = AtomicU64> {
    header: &'m [W; HEADER_WORDS],
    ring: Ring<'m, W>,
}

impl<W> Clone for Tap<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Tap<'_, W> {}

impl<W: Word> fmt::Debug for Tap<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<'m, W: Word> Tap<'m, W> {
    /// Makes `words` an empty tap that takes [`PayloadTypes::STATIC`]. Words beyond [`TapConfig::words`] stay unused.
    ///
    /// # Errors
    /// [`TapError::Seconds`], [`TapError::TooSmall`].
    pub fn init(words: &'m [W], config: &TapConfig) -> Result<Self, TapError> {
        let (records, data) = config.sizes().ok_or(TapError::Seconds)?;
        let tap = Self::over(words, records, data).ok_or(TapError::TooSmall)?;
        for word in tap.header {
            word.store(0, Relaxed);
        }
        tap.header[word::SIZES].store((records as u64) << 32 | data as u64, Relaxed);
        tap.set_payload_types(&PayloadTypes::STATIC);
        tap.header[word::MAGIC].store(MAGIC, Release);
        Ok(tap)
    }

    /// The tap that [`Tap::init`] made of the same words, seen from another thread or process.
    ///
    /// # Errors
    /// [`TapError::NotATap`], [`TapError::TooSmall`].
    pub fn attach(words: &'m [W]) -> Result<Self, TapError> {
        let header = words.first_chunk::<HEADER_WORDS>().ok_or(TapError::TooSmall)?;
        if header[word::MAGIC].load(Acquire) != MAGIC {
            return Err(TapError::NotATap);
        }
        let sizes = header[word::SIZES].load(Relaxed);
        let (records, data) = ((sizes >> 32) as usize, sizes as u32 as usize);
        if records > MAX_PACKETS || data < MAX_PAYLOAD_LEN / WORD_LEN {
            return Err(TapError::NotATap);
        }
        Self::over(words, records, data).ok_or(TapError::TooSmall)
    }

    fn over(words: &'m [W], records: usize, data: usize) -> Option<Self> {
        let (header, rest) = words.split_first_chunk::<HEADER_WORDS>()?;
        let (record_words, rest) = rest.split_at_checked(records.checked_mul(RECORD_WORDS)?)?;
        let data_words = rest.get(..data)?;
        let ring = Ring::new(&header[word::HEAD], &header[word::CLAIMED], record_words, data_words)?;
        Some(Self { header, ring })
    }

    /// Says which payload types are audio from now on, after an answer or a re-INVITE. One caller at a time; the writer
    /// may go on meanwhile.
    pub fn set_payload_types(&self, types: &PayloadTypes) {
        for (word, value) in self.header[word::PAYLOAD_TYPES..].iter().zip(types.words()) {
            word.store(*value, Relaxed);
        }
    }

    /// Writes one RTP packet, decrypted, as it came from the network. Takes any bytes; wait-free.
    pub fn write_rtp(&self, datagram: &[u8]) -> Written {
        if rtp::is_rtcp(datagram) {
            return Written::NotAudio;
        }
        let packet = match rtp::Packet::parse(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                self.count(word::NOT_RTP);
                return Written::NotRtp(error);
            }
        };
        let payload_type = packet.payload_type();
        let types = self.header[word::PAYLOAD_TYPES + PayloadTypes::word_of(payload_type)].load(Relaxed);
        let Some(codec) = PayloadTypes::codec_in(types, payload_type) else {
            self.count(word::NOT_AUDIO);
            return Written::NotAudio;
        };
        self.write_frame(&Frame {
            codec,
            source: packet.ssrc(),
            timestamp: packet.timestamp(),
            payload: packet.payload(),
        })
    }

    /// Writes one codec frame, for hosts that hand over frames instead of packets. Wait-free.
    pub fn write_frame(&self, frame: &Frame<'_>) -> Written {
        let Frame {
            codec,
            source,
            timestamp,
            payload,
        } = *frame;
        if codec.ticks(payload) == 0 {
            self.count(word::NOT_AUDIO);
            return Written::NotAudio;
        }
        if payload.len() <= MAX_PAYLOAD_LEN {
            self.put(codec, source, timestamp, payload);
            return Written::Kept;
        }
        let (parts, second) = LONGEST_PACKET;
        let tick_len = codec
            .tick_len()
            .filter(|_| codec.ticks(payload) <= codec.clock_rate() * parts / second);
        let Some(tick_len) = tick_len else {
            self.count(word::TOO_LONG);
            return Written::TooLong;
        };
        // Pieces of whole steps of the grid, so that windows on it begin where they would in the whole.
        let grid = codec.grid_ticks() as usize * tick_len;
        let mut timestamp = timestamp;
        for piece in payload.chunks(MAX_PAYLOAD_LEN / grid * grid) {
            self.put(codec, source, timestamp, piece);
            timestamp = timestamp.wrapping_add(codec.ticks(piece));
        }
        Written::Kept
    }

    /// Writes linear PCM, for hosts that hand over samples. It is kept as [`Codec::L16`] or its like, in packets of 20 ms.
    /// Wait-free.
    pub fn write_pcm(&self, pcm: &Pcm<'_>) -> Written {
        let Some(codec) = Codec::linear(pcm.sample_rate) else {
            return Written::Rate;
        };
        let (parts, second) = LONGEST_PACKET;
        if pcm.samples.len() > (pcm.sample_rate * parts / second) as usize {
            self.count(word::TOO_LONG);
            return Written::TooLong;
        }
        let [known, next] = [&self.header[word::PCM_SOURCE], &self.header[word::PCM_NEXT]];
        let identity = identity(pcm.source, codec.clock_rate());
        let mut timestamp = pcm.timestamp.unwrap_or_else(|| match known.load(Relaxed) == identity {
            true => next.load(Relaxed) as u32,
            false => 0,
        });
        for samples in pcm.samples.chunks((pcm.sample_rate / PCM_PACKETS_PER_SECOND) as usize) {
            let mut payload = [0; MAX_PAYLOAD_LEN];
            let places = payload.as_chunks_mut().0;
            for (place, sample) in places.iter_mut().zip(samples) {
                *place = sample.to_be_bytes();
            }
            let len = (samples.len() * PCM_SAMPLE_LEN).min(payload.len());
            self.put(codec, pcm.source, timestamp, &payload[..len]);
            timestamp = timestamp.wrapping_add(samples.len() as u32);
        }
        known.store(identity, Relaxed);
        next.store(timestamp.into(), Relaxed);
        match pcm.samples {
            [] => Written::NotAudio,
            _ => Written::Kept,
        }
    }

    /// Publishes one packet of at most [`MAX_PAYLOAD_LEN`] bytes.
    fn put(&self, codec: Codec, source: u32, timestamp: u32, payload: &[u8]) {
        let moment = self.moment(source, timestamp, codec.clock_rate());
        // INVARIANT: a ring holds a second at least, which is more than MAX_PAYLOAD_LEN, so this publishes.
        self.ring.publish(moment, tag(codec, payload), payload);
    }

    /// Counts since the tap was made.
    pub fn stats(&self) -> Stats {
        let count = |word: usize| self.header[word].load(Relaxed);
        Stats {
            kept: count(word::HEAD),
            not_audio: count(word::NOT_AUDIO),
            not_rtp: count(word::NOT_RTP),
            too_long: count(word::TOO_LONG),
        }
    }

    /// Where a packet stands on the tap's time line.
    fn moment(&self, source: u32, timestamp: u32, clock_rate: u32) -> u64 {
        let identity = identity(source, clock_rate);
        let restart = clock_rate.saturating_mul(RESTART_SECONDS) as i32;
        let current = (self.header[word::CURRENT].load(Relaxed) & 1) as usize;
        let mut slot = current ^ 1;
        for known in [current, current ^ 1] {
            let [id, last] = self.source(known);
            if id.load(Relaxed) != identity {
                continue;
            }
            let before = last.load(Relaxed);
            let ahead = timestamp.wrapping_sub(before as u32) as i32;
            if ahead >= -restart {
                let moment = before.wrapping_add_signed(i64::from(ahead));
                last.store(moment, Relaxed);
                if known != current {
                    self.header[word::CURRENT].store(known as u64, Relaxed);
                }
                return moment;
            }
            slot = known;
            break;
        }
        let stretch = self.header[word::STRETCHES].load(Relaxed);
        self.header[word::STRETCHES].store(stretch.wrapping_add(1), Relaxed);
        let moment = (stretch << STRETCH_SHIFT | STRETCH_ORIGIN).wrapping_add(u64::from(timestamp));
        let [id, last] = self.source(slot);
        id.store(identity, Relaxed);
        last.store(moment, Relaxed);
        self.header[word::CURRENT].store(slot as u64, Relaxed);
        moment
    }

    fn source(&self, slot: usize) -> [&'m W; 2] {
        let at = word::SOURCES + (slot % SOURCES) * 2;
        [&self.header[at], &self.header[at + 1]]
    }

    /// Only the writer counts, so this need not be one step.
    fn count(&self, word: usize) {
        let count = self.header[word].load(Relaxed);
        self.header[word].store(count.wrapping_add(1), Relaxed);
    }

    /// Copies what the tap holds into `packets`, in the order of its time line, each moment once.
    pub(super) fn history<'s>(&self, packets: &'s mut [Packet; MAX_PACKETS]) -> &'s [Packet] {
        let count = self.ring.entries(packets);
        let (packets, _) = packets.split_at_mut(count);
        packets.sort_unstable();
        let (mut kept, mut heard) = (0, 0);
        for at in 0..packets.len() {
            let packet = packets[at];
            // A second copy, or a packet that begins inside another one, brings nothing that has not been heard; what has
            // been given up need not be looked at.
            if packet.end() > packet.key && packet.key >= heard && self.ring.holds(packet) {
                heard = packet.end();
                packets[kept] = packet;
                kept += 1;
            }
        }
        &packets[..kept]
    }

    /// Copies a packet's payload; `None` if it has been overwritten meanwhile.
    pub(super) fn payload<'b>(&self, packet: Packet, buffer: &'b mut [u8; MAX_PAYLOAD_LEN]) -> Option<&'b [u8]> {
        let len = self.ring.read(packet, buffer)?;
        buffer.get(..len)
    }
}

/// One packet of a tap's history.
pub(super) type Packet = Entry;

/// What tells one source's time line from another's.
fn identity(source: u32, clock_rate: u32) -> u64 {
    u64::from(clock_rate) << SOURCE_CLOCK_SHIFT | u64::from(source)
}

/// What a record says about a payload: its codec, and for Opus, whose length in bytes does not say it, its length in time.
fn tag(codec: Codec, payload: &[u8]) -> u16 {
    let steps = match codec {
        Codec::Opus => opus_steps(payload),
        _ => 0,
    };
    u16::from(steps) << TAG_STEPS_SHIFT | codec as u16
}

/// Where a tag's steps of 2.5 ms begin, above the codec's four bits.
const TAG_STEPS_SHIFT: u32 = 4;

impl Packet {
    /// The packet's codec; memory that holds another number was not written by a tap.
    pub(super) fn codec(self) -> Option<Codec> {
        Codec::from_number(self.tag() as u8 & ((1 << TAG_STEPS_SHIFT) - 1))
    }

    /// Ticks of the packet's clock that it lasts.
    pub(super) fn ticks(self) -> u32 {
        let Some(codec) = self.codec() else { return 0 };
        match codec.tick_len() {
            Some(len) => (self.len() >> len.trailing_zeros()) as u32,
            None => u32::from(self.tag() >> TAG_STEPS_SHIFT) * OPUS_STEP_TICKS,
        }
    }

    /// The moment of the first sample.
    pub(super) fn start(self) -> u64 {
        self.key
    }

    /// The moment after the last sample.
    pub(super) fn end(self) -> u64 {
        self.key.saturating_add(self.ticks().into())
    }

    /// Ticks from the stretch's origin to the first sample.
    pub(super) fn since_origin(self) -> u64 {
        self.key & ((1 << STRETCH_SHIFT) - 1)
    }

    /// The stretch of the time line that the packet lies on; one has one clock.
    pub(super) fn stretch(self) -> u64 {
        self.key >> STRETCH_SHIFT
    }

    /// Whether a window that holds this packet's end goes on in `next`.
    pub(super) fn continues_in(self, next: Self) -> bool {
        self.end() == next.start() && self.codec().zip(next.codec()).is_some_and(|(a, b)| a.joins(b))
    }
}
