//! The codecs whose payloads the tap keeps, and which payload types carry them.
//!
//! Three clocks are told apart: the RTP clock, whose ticks timestamps count (8000 for G.722, which samples at 16 kHz, and
//! 48000 for Opus whatever it carries; RFC 3551 §4.5.2, RFC 7587 §4.1); the samples of the PCM form that fingerprints are
//! over (interpretations, row 35); and the seconds that a tap keeps.
//!
//! Not here: turning payloads into samples ([`super::decoder`]).

use core::fmt;

/// Number of RTP payload types.
pub const PAYLOAD_TYPES: u8 = 128;
/// Bytes of one sample of 16-bit PCM.
pub const PCM_SAMPLE_LEN: usize = 2;
/// Windows of the exact fingerprint in a second: each is 200 ms long.
pub const WINDOWS_PER_SECOND: u32 = 5;
/// Steps of the grid within a packet in a second: each is 10 ms long.
pub const GRID_PER_SECOND: u32 = 100;
/// Longest audio that an Opus packet may carry, in steps of 2.5 ms: 120 ms (RFC 6716 §3.2.5).
pub const OPUS_MAX_STEPS: u8 = 48;
/// Ticks of Opus's RTP clock in 2.5 ms, its shortest frame.
pub(super) const OPUS_STEP_TICKS: u32 = 120;
/// Bytes of Opus that a tap has room for in a second: 64 kbit/s, the most that RFC 7587 §3.1.1 recommends for speech and
/// for mono music. At a higher rate the tap keeps fewer seconds.
const OPUS_BYTES_PER_SECOND: usize = 8_000;

/// A codec that the tap takes. The numbers stand in shared memory and in the C ABI and are never given out again; they
/// have four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// ITU-T G.711 µ-law, 8 kHz mono.
    Pcmu = 1,
    /// ITU-T G.711 A-law, 8 kHz mono.
    Pcma = 2,
    /// 16-bit linear, big-endian (RFC 3551 §4.5.11), 8 kHz mono: recordings, and hosts that hand over PCM.
    L16 = 3,
    /// ITU-T G.722 at 64 kbit/s: 16 kHz mono, its RTP clock running at 8 kHz.
    G722 = 4,
    /// 16-bit linear, 16 kHz mono.
    L16_16k = 5,
    /// 16-bit linear, 44.1 kHz mono: payload type 11.
    L16_44k = 6,
    /// 16-bit linear, 48 kHz mono.
    L16_48k = 7,
    /// 16-bit linear, 16 kHz, two channels, of which the first counts.
    L16_16kStereo = 8,
    /// 16-bit linear, 44.1 kHz, two channels, of which the first counts: payload type 10.
    L16_44kStereo = 9,
    /// 16-bit linear, 48 kHz, two channels, of which the first counts.
    L16_48kStereo = 10,
    /// Opus (RFC 6716), decoded to 48 kHz mono.
    Opus = 11,
}

impl Codec {
    /// All codecs, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Pcmu,
        Self::Pcma,
        Self::L16,
        Self::G722,
        Self::L16_16k,
        Self::L16_44k,
        Self::L16_48k,
        Self::L16_16kStereo,
        Self::L16_44kStereo,
        Self::L16_48kStereo,
        Self::Opus,
    ];

    /// The codec with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Pcmu),
            2 => Some(Self::Pcma),
            3 => Some(Self::L16),
            4 => Some(Self::G722),
            5 => Some(Self::L16_16k),
            6 => Some(Self::L16_44k),
            7 => Some(Self::L16_48k),
            8 => Some(Self::L16_16kStereo),
            9 => Some(Self::L16_44kStereo),
            10 => Some(Self::L16_48kStereo),
            11 => Some(Self::Opus),
            _ => None,
        }
    }

    /// The codec that an `rtpmap` names; the name's case does not matter (RFC 4855 §3). Opus is always written with two
    /// channels (RFC 7587 §7), and taken with one as well.
    pub fn from_rtpmap(encoding: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| {
            codec.name().eq_ignore_ascii_case(encoding)
                && codec.clock_rate() == clock_rate
                && (codec.channels() == channels || *codec == Self::Opus && channels == 1)
        })
    }

    /// The name that `rtpmap` uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
            Self::L16
            | Self::L16_16k
            | Self::L16_44k
            | Self::L16_48k
            | Self::L16_16kStereo
            | Self::L16_44kStereo
            | Self::L16_48kStereo => "L16",
        }
    }

    /// The number of channels that `rtpmap` states.
    pub const fn channels(self) -> u8 {
        match self {
            Self::L16_16kStereo | Self::L16_44kStereo | Self::L16_48kStereo | Self::Opus => 2,
            _ => 1,
        }
    }

    /// Samples in a second of the PCM form, which is mono.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::L16 => 8_000,
            Self::G722 | Self::L16_16k | Self::L16_16kStereo => 16_000,
            Self::L16_44k | Self::L16_44kStereo => 44_100,
            Self::L16_48k | Self::L16_48kStereo | Self::Opus => 48_000,
        }
    }

    /// Ticks of the RTP clock in a second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            // RFC 3551 §4.5.2: an error that has become the rule.
            Self::G722 => 8_000,
            _ => self.sample_rate(),
        }
    }

    /// Samples of the PCM form in a tick of the RTP clock.
    pub const fn samples_per_tick(self) -> u32 {
        self.sample_rate() / self.clock_rate()
    }

    /// Bytes of payload in a tick of the RTP clock; `None` for Opus, whose packets say themselves how long they last.
    pub const fn tick_len(self) -> Option<usize> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => Some(1),
            Self::L16 | Self::L16_16k | Self::L16_44k | Self::L16_48k => Some(PCM_SAMPLE_LEN),
            Self::L16_16kStereo | Self::L16_44kStereo | Self::L16_48kStereo => Some(2 * PCM_SAMPLE_LEN),
            Self::Opus => None,
        }
    }

    /// Ticks of the RTP clock that a payload lasts; 0 for one that holds no audio. A trailing part of a sample does not
    /// count.
    pub const fn ticks(self, payload: &[u8]) -> u32 {
        match self.tick_len() {
            // All are powers of two; so the writer need not divide.
            Some(len) => (payload.len() >> len.trailing_zeros()) as u32,
            None => opus_steps(payload) as u32 * OPUS_STEP_TICKS,
        }
    }

    /// Samples of the PCM form that a payload gives.
    pub const fn samples(self, payload: &[u8]) -> usize {
        (self.ticks(payload) * self.samples_per_tick()) as usize
    }

    /// Ticks in a window of the exact fingerprint, 200 ms.
    pub const fn window_ticks(self) -> u32 {
        self.clock_rate() / WINDOWS_PER_SECOND
    }

    /// Samples in such a window: 1600, 3200, 8820 or 9600.
    pub const fn window_samples(self) -> usize {
        (self.sample_rate() / WINDOWS_PER_SECOND) as usize
    }

    /// Ticks in a step of the grid, 10 ms.
    pub const fn grid_ticks(self) -> u32 {
        self.clock_rate() / GRID_PER_SECOND
    }

    /// Bytes of payload that a tap has room for in a second.
    pub const fn bytes_per_second(self) -> usize {
        match self.tick_len() {
            Some(len) => len * self.clock_rate() as usize,
            None => OPUS_BYTES_PER_SECOND,
        }
    }

    /// 16-bit linear mono at a sampling rate; `None` for one that has no codec here.
    pub const fn linear(sample_rate: u32) -> Option<Self> {
        match sample_rate {
            8_000 => Some(Self::L16),
            16_000 => Some(Self::L16_16k),
            44_100 => Some(Self::L16_44k),
            48_000 => Some(Self::L16_48k),
            _ => None,
        }
    }

    /// The RTP timestamp of a moment that a host counts in milliseconds; both wrap. At 44.1 kHz it is exact for every tenth
    /// millisecond, and does not survive the wrap of the milliseconds.
    pub const fn timestamp_of_ms(self, ms: u32) -> u32 {
        (ms as u64 * self.clock_rate() as u64 / 1000) as u32
    }

    /// Whether a payload's samples depend on the payloads before it.
    pub const fn has_memory(self) -> bool {
        matches!(self, Self::G722 | Self::Opus)
    }

    /// Whether a window may begin in one codec and go on in the other: samples of the same rate, and no memory.
    pub const fn joins(self, other: Self) -> bool {
        self as u8 == other as u8
            || !self.has_memory() && !other.has_memory() && self.sample_rate() == other.sample_rate()
    }
}

/// How many times 2.5 ms an Opus packet lasts, by its first bytes (RFC 6716 §3); 0 for one that is not Opus.
pub const fn opus_steps(payload: &[u8]) -> u8 {
    // A packet of one byte holds no frame that is not empty: DTX. What decoders put in the place of such a one is their own
    // version's invention, and no sound of the call.
    let Some((toc, rest @ [_, ..])) = payload.split_first() else {
        return 0;
    };
    let config = *toc >> 3;
    let frame: u8 = match config {
        // SILK: 10, 20, 40 or 60 ms.
        0..12 => [4, 8, 16, 24][config as usize & 3],
        // Hybrid: 10 or 20 ms.
        12..16 => [4, 8][config as usize & 1],
        // CELT: 2.5, 5, 10 or 20 ms.
        _ => 1 << (config & 3),
    };
    let frames = match (*toc & 3, rest) {
        (0, _) => 1,
        (1 | 2, _) => 2,
        (_, [count, ..]) => *count & 0x3f,
        (_, []) => 0,
    };
    // A code 3 packet states up to 63 frames; none may last longer than 120 ms.
    let steps = frames as u16 * frame as u16;
    if steps > OPUS_MAX_STEPS as u16 { 0 } else { steps as u8 }
}

/// Words of a [`PayloadTypes`]: four bits for each payload type.
pub(crate) const PAYLOAD_TYPE_WORDS: usize = 8;
/// Payload types in one word.
const PER_WORD: u8 = 16;

/// Which payload types of a stream carry audio, and in which codec. All others (DTMF events, comfort noise, what has not
/// been negotiated) are not audio.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PayloadTypes([u64; PAYLOAD_TYPE_WORDS]);

impl PayloadTypes {
    /// No payload type carries audio.
    pub const NONE: Self = Self([0; PAYLOAD_TYPE_WORDS]);

    /// What RFC 3551 §6 assigns for good: 0 is PCMU, 8 is PCMA, 9 is G.722, 10 and 11 are L16 at 44.1 kHz with two
    /// channels and with one.
    pub const STATIC: Self = Self::NONE
        .with(0, Codec::Pcmu)
        .with(8, Codec::Pcma)
        .with(9, Codec::G722)
        .with(10, Codec::L16_44kStereo)
        .with(11, Codec::L16_44k);

    /// The same map, with `payload_type` carrying `codec`. A payload type above 127 changes nothing.
    #[must_use]
    pub const fn with(mut self, payload_type: u8, codec: Codec) -> Self {
        if payload_type < PAYLOAD_TYPES {
            let (word, shift) = Self::place(payload_type);
            self.0[word] = self.0[word] & !(15 << shift) | (codec as u64) << shift;
        }
        self
    }

    /// The codec of a payload type; `None` where it is not audio.
    pub fn codec(&self, payload_type: u8) -> Option<Codec> {
        let (word, _) = Self::place(payload_type);
        Self::codec_in(*self.0.get(word)?, payload_type)
    }

    pub(crate) const fn words(&self) -> &[u64; PAYLOAD_TYPE_WORDS] {
        &self.0
    }

    /// The word that holds a payload type, and the codec of that payload type in it.
    pub(crate) const fn word_of(payload_type: u8) -> usize {
        Self::place(payload_type).0
    }

    pub(crate) const fn codec_in(word: u64, payload_type: u8) -> Option<Codec> {
        Codec::from_number((word >> Self::place(payload_type).1) as u8 & 15)
    }

    const fn place(payload_type: u8) -> (usize, u32) {
        ((payload_type / PER_WORD) as usize, (payload_type % PER_WORD) as u32 * 4)
    }
}

impl fmt::Debug for PayloadTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audio = (0..PAYLOAD_TYPES).filter_map(|number| Some((number, self.codec(number)?)));
        f.debug_map().entries(audio).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_map_to_the_codec_they_were_given() {
        let map = PayloadTypes::NONE
            .with(0, Codec::Pcmu)
            .with(127, Codec::Opus)
            .with(8, Codec::Pcmu)
            .with(128, Codec::L16);
        assert_eq!(map.codec(0), Some(Codec::Pcmu));
        assert_eq!(map.codec(8), Some(Codec::Pcmu));
        assert_eq!(map.codec(127), Some(Codec::Opus));
        assert_eq!(map.codec(13), None);
        assert_eq!(map.codec(255), None);
        assert_eq!(format!("{map:?}"), "{0: Pcmu, 8: Pcmu, 127: Opus}");
        let all = &PayloadTypes::STATIC;
        assert_eq!(
            format!("{all:?}"),
            "{0: Pcmu, 8: Pcma, 9: G722, 10: L16_44kStereo, 11: L16_44k}"
        );
    }

    #[test]
    fn numbers_come_back_and_fit_into_a_payload_types_four_bits() {
        for (number, codec) in (1..16).zip(Codec::ALL) {
            assert_eq!(codec as u8, number);
            assert_eq!(Codec::from_number(number), Some(codec));
            assert_eq!(PayloadTypes::NONE.with(77, codec).codec(77), Some(codec));
        }
        assert_eq!(Codec::from_number(0), None);
        assert_eq!(Codec::from_number(Codec::ALL.len() as u8 + 1), None);
    }

    #[test]
    fn rtpmap_names_are_matched_without_case_and_with_their_rate_and_channels() {
        assert_eq!(Codec::from_rtpmap("pcmu", 8000, 1), Some(Codec::Pcmu));
        assert_eq!(Codec::from_rtpmap("PCMU", 16000, 1), None);
        assert_eq!(Codec::from_rtpmap("L16", 8000, 2), None);
        assert_eq!(Codec::from_rtpmap("l16", 44_100, 2), Some(Codec::L16_44kStereo));
        assert_eq!(Codec::from_rtpmap("L16", 48_000, 1), Some(Codec::L16_48k));
        assert_eq!(Codec::from_rtpmap("G722", 8000, 1), Some(Codec::G722));
        assert_eq!(Codec::from_rtpmap("G722", 16_000, 1), None);
        assert_eq!(Codec::from_rtpmap("OPUS", 48_000, 2), Some(Codec::Opus));
        assert_eq!(Codec::from_rtpmap("opus", 48_000, 1), Some(Codec::Opus));
        assert_eq!(Codec::from_rtpmap("opus", 8_000, 2), None);
        assert_eq!(Codec::from_rtpmap("telephone-event", 8000, 1), None);
    }

    #[test]
    fn row_35_windows_last_200_ms_on_every_clock() {
        let window = |codec: Codec| (codec.window_ticks(), codec.window_samples());
        assert_eq!(window(Codec::Pcma), (1600, 1600));
        assert_eq!(window(Codec::G722), (1600, 3200));
        assert_eq!(window(Codec::L16_16k), (3200, 3200));
        assert_eq!(window(Codec::L16_44kStereo), (8820, 8820));
        assert_eq!(window(Codec::Opus), (9600, 9600));
        // 20 ms of each.
        assert_eq!(Codec::G722.samples(&[0; 160]), 320);
        assert_eq!(Codec::L16_44kStereo.samples(&[0; 4 * 882 + 3]), 882);
        assert_eq!(Codec::Opus.samples(&[0b0100_1000, 0]), 960);
    }

    #[test]
    fn opus_packets_say_how_long_they_last() {
        // RFC 6716, table 2: the configurations' frames in milliseconds, as a bandwidth has them.
        let silk = [4, 8, 16, 24];
        let celt = [1, 2, 4, 8];
        for config in 0..32_u8 {
            let frame = match config {
                0..12 => silk[usize::from(config % 4)],
                12..16 => silk[usize::from(config % 2)],
                _ => celt[usize::from(config % 4)],
            };
            let toc = |code: u8| config << 3 | code;
            assert_eq!(opus_steps(&[toc(0), 0]), frame, "{config}");
            assert_eq!(opus_steps(&[toc(1), 0]), 2 * frame, "{config}");
            assert_eq!(opus_steps(&[toc(2), 0]), 2 * frame, "{config}");
            for code in 0..4 {
                assert_eq!(opus_steps(&[toc(code)]), 0, "{config}, {code}");
            }
            for count in 0..64 {
                let lasts = u32::from(count) * u32::from(frame);
                let expected = if lasts > 48 { 0 } else { lasts as u8 };
                assert_eq!(opus_steps(&[toc(3), 0xc0 | count]), expected, "{config}, {count}");
            }
        }
        assert_eq!(opus_steps(&[]), 0);
    }
}
