//! From payloads to the PCM form that fingerprints are over: 16-bit samples, mono (interpretations, row 35).
//!
//! A decoder of a codec with memory is reset at a window's first packet, so that both sides get the same samples from the
//! same payloads. What this build cannot decode has no [`Decoder`]; the tap keeps it all the same.
//!
//! Not here: loss concealment, resampling, and what samples are for.

use super::codec::{Codec, PCM_SAMPLE_LEN};
#[cfg(feature = "opus")]
use super::opus;
use super::{g711, g722};

/// Most samples that one payload gives: 120 ms at 48 kHz. What [`Decoder::decode`] has room for it writes without a loss.
pub const MAX_PAYLOAD_SAMPLES: usize = 5_760;

impl Codec {
    /// Whether this build has a [`Decoder`] for it.
    pub const fn is_decodable(self) -> bool {
        !matches!(self, Self::Opus) || cfg!(feature = "opus")
    }
}

/// Turns the payloads of one codec into samples, one after another.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    memory: Memory,
}

/// What a decoder remembers of the payloads before.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lies on the stack: there is nowhere to put the large one"
)]
enum Memory {
    None,
    G722(g722::Decoder),
    #[cfg(feature = "opus")]
    Opus(opus::decoder::Decoder<'static>),
}

impl Memory {
    /// `None` if there is no decoder of this codec, or no room for one.
    fn of(codec: Codec) -> Option<Self> {
        match codec {
            Codec::G722 => Some(Self::G722(g722::Decoder::new())),
            #[cfg(feature = "opus")]
            Codec::Opus => opus::decoder::Decoder::allocate().map(Self::Opus),
            _ => codec.is_decodable().then_some(Self::None),
        }
    }
}

impl Decoder {
    /// A decoder that has heard nothing yet; `None` unless the codec [is decodable](Codec::is_decodable). That of Opus
    /// allocates its state, and is `None` where there is no memory left as well.
    pub fn new(codec: Codec) -> Option<Self> {
        let memory = Memory::of(codec)?;
        Some(Self { codec, memory })
    }

    /// The codec whose payloads it takes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Forgets what it has heard.
    pub fn reset(&mut self) {
        match &mut self.memory {
            Memory::None => {}
            Memory::G722(decoder) => *decoder = g722::Decoder::new(),
            #[cfg(feature = "opus")]
            Memory::Opus(decoder) => decoder.reset(),
        }
    }

    /// Decodes `payload` into the front of `pcm` and returns the number of samples written; what does not fit is left out.
    /// Fewer samples than [`Codec::samples`] says, where there is room for them, mean that the payload is damaged.
    pub fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        match &mut self.memory {
            Memory::None => {}
            Memory::G722(decoder) => return decoder.decode(payload, pcm),
            #[cfg(feature = "opus")]
            Memory::Opus(decoder) => return decoder.decode(payload, pcm).unwrap_or_default(),
        }
        match self.codec {
            Codec::Pcmu => expand(payload, pcm, |octet| g711::MU_LAW[usize::from(octet)]),
            Codec::Pcma => expand(payload, pcm, |octet| g711::A_LAW[usize::from(octet)]),
            Codec::L16 | Codec::L16_16k | Codec::L16_44k | Codec::L16_48k => {
                let samples = payload.as_chunks::<PCM_SAMPLE_LEN>().0;
                write(samples.iter().map(|sample| i16::from_be_bytes(*sample)), pcm)
            }
            Codec::L16_16kStereo | Codec::L16_44kStereo | Codec::L16_48kStereo => {
                let pairs = payload.as_chunks::<{ 2 * PCM_SAMPLE_LEN }>().0;
                write(
                    pairs.iter().map(|[high, low, ..]| i16::from_be_bytes([*high, *low])),
                    pcm,
                )
            }
            // INVARIANT: both have a memory, and with one are decoded above.
            Codec::G722 | Codec::Opus => 0,
        }
    }
}

fn expand(payload: &[u8], pcm: &mut [i16], sample: impl Fn(u8) -> i16) -> usize {
    write(payload.iter().map(|octet| sample(*octet)), pcm)
}

fn write(samples: impl ExactSizeIterator<Item = i16>, pcm: &mut [i16]) -> usize {
    let count = samples.len().min(pcm.len());
    for (place, sample) in pcm.iter_mut().zip(samples) {
        *place = sample;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(codec: Codec, payload: &[u8], room: usize) -> Vec<i16> {
        let mut pcm = vec![0; room];
        let mut decoder = Decoder::new(codec).expect("this build decodes it");
        let count = decoder.decode(payload, &mut pcm);
        pcm.truncate(count);
        pcm
    }

    #[test]
    fn payloads_expand_to_samples_that_fit() {
        assert_eq!(decoded(Codec::Pcmu, &[0x00, 0x80, 0x80], 2), [-32124, 32124]);
        assert_eq!(decoded(Codec::Pcma, &[0xd5], 2), [8]);
        assert_eq!(decoded(Codec::L16, &[0x12, 0x34, 0x56], 2), [0x1234]);
    }

    #[test]
    fn row_35_the_first_of_two_channels_counts() {
        let payload = [0x12, 0x34, 0x56, 0x78, 0xff, 0xfe, 0, 0, 9, 9];
        for codec in [Codec::L16_16kStereo, Codec::L16_44kStereo, Codec::L16_48kStereo] {
            assert_eq!(decoded(codec, &payload, 9), [0x1234, -2]);
        }
    }
}
