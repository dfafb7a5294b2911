//! The codecs whose payloads the tap keeps and the exact fingerprint can expand, and which payload types carry them.

use core::fmt;

use super::g711;

/// Number of RTP payload types.
pub const PAYLOAD_TYPES: u8 = 128;
/// Bytes of one sample of 16-bit PCM.
pub const PCM_SAMPLE_LEN: usize = 2;

/// A codec that the tap takes. The numbers stand in shared memory and in the C ABI and are never given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// ITU-T G.711 µ-law, 8 kHz mono.
    Pcmu = 1,
    /// ITU-T G.711 A-law, 8 kHz mono.
    Pcma = 2,
    /// 16-bit linear, big-endian (RFC 3551 §4.5.11), 8 kHz mono: recordings, and hosts that hand over PCM.
    L16 = 3,
}

impl Codec {
    /// The codec with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Pcmu),
            2 => Some(Self::Pcma),
            3 => Some(Self::L16),
            _ => None,
        }
    }

    /// The codec that an `rtpmap` names; the name's case does not matter (RFC 4855 §3).
    pub fn from_rtpmap(encoding: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        let codec = [Self::Pcmu, Self::Pcma, Self::L16]
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(encoding))?;
        (clock_rate == codec.clock_rate() && channels == 1).then_some(codec)
    }

    /// The name that `rtpmap` uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::L16 => "L16",
        }
    }

    /// Ticks of the RTP clock in a second. For every codec here one tick is one sample.
    pub const fn clock_rate(self) -> u32 {
        8_000
    }

    /// Bytes of payload for each sample.
    pub const fn sample_len(self) -> usize {
        match self {
            Self::Pcmu | Self::Pcma => 1,
            Self::L16 => 2,
        }
    }

    /// Samples in a payload of `len` bytes; a trailing half sample does not count.
    pub const fn samples(self, len: usize) -> usize {
        len / self.sample_len()
    }

    /// Expands `payload` to 16-bit little-endian PCM in the front of `pcm` and returns the number of bytes written.
    /// What does not fit is left out.
    pub fn expand(self, payload: &[u8], pcm: &mut [u8]) -> usize {
        let places = pcm.as_chunks_mut::<PCM_SAMPLE_LEN>().0;
        let count = self.samples(payload.len()).min(places.len());
        let places = places.iter_mut();
        match self {
            Self::Pcmu => places
                .zip(payload)
                .for_each(|(place, octet)| *place = g711::MU_LAW[usize::from(*octet)].to_le_bytes()),
            Self::Pcma => places
                .zip(payload)
                .for_each(|(place, octet)| *place = g711::A_LAW[usize::from(*octet)].to_le_bytes()),
            Self::L16 => places
                .zip(payload.as_chunks::<PCM_SAMPLE_LEN>().0)
                .for_each(|(place, [high, low])| *place = [*low, *high]),
        }
        count * PCM_SAMPLE_LEN
    }
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

    /// What RFC 3551 §6 assigns for good: 0 is PCMU, 8 is PCMA.
    pub const STATIC: Self = Self::NONE.with(0, Codec::Pcmu).with(8, Codec::Pcma);

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
        let map = PayloadTypes::STATIC
            .with(127, Codec::L16)
            .with(8, Codec::Pcmu)
            .with(128, Codec::L16);
        assert_eq!(map.codec(0), Some(Codec::Pcmu));
        assert_eq!(map.codec(8), Some(Codec::Pcmu));
        assert_eq!(map.codec(127), Some(Codec::L16));
        assert_eq!(map.codec(13), None);
        assert_eq!(map.codec(255), None);
        assert_eq!(format!("{map:?}"), "{0: Pcmu, 8: Pcmu, 127: L16}");
    }

    #[test]
    fn payloads_expand_to_little_endian_samples_that_fit() {
        let mut pcm = [0; 4];
        assert_eq!(Codec::Pcmu.expand(&[0x00, 0x80, 0x80], &mut pcm), 4);
        assert_eq!(pcm, [0x84, 0x82, 0x7c, 0x7d]);
        assert_eq!(Codec::Pcma.expand(&[0xd5], &mut pcm), 2);
        assert_eq!(pcm[..2], [8, 0]);
        assert_eq!(Codec::L16.expand(&[0x12, 0x34, 0x56], &mut pcm), 2);
        assert_eq!(pcm[..2], [0x34, 0x12]);
    }

    #[test]
    fn rtpmap_names_are_matched_without_case_and_with_their_rate() {
        assert_eq!(Codec::from_rtpmap("pcmu", 8000, 1), Some(Codec::Pcmu));
        assert_eq!(Codec::from_rtpmap("PCMU", 16000, 1), None);
        assert_eq!(Codec::from_rtpmap("L16", 8000, 2), None);
        assert_eq!(Codec::from_rtpmap("telephone-event", 8000, 1), None);
    }
}
