//! The codecs that the demonstration's legs speak, and the hop that turns one into another on its way.
//!
//! Encoding is the demonstration's alone: the library never makes sound.

use audio_codec::Encoder as _;
use audio_codec::g722::G722Encoder;
use ohp::media::{Codec, g711};

use crate::exit::Failure;

/// Samples in a packet, from which every codec here is made: 20 ms at 8 kHz.
pub const PACKET_SAMPLES: usize = 160;

/// What a leg speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    Pcmu,
    Pcma,
    G722,
    Opus,
}

impl Spoken {
    /// All of them, in the order in which a leg that speaks none of them in particular offers them.
    pub const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// What `--codec` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::G722 => "g722",
            Self::Opus => "opus",
        }
    }

    /// The codec of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|codec| codec.name() == name);
        match known.ok_or("codecs are `pcmu`, `pcma`, `g722` and `opus`")? {
            Self::Opus if !cfg!(feature = "opus") => Err(
                "this ohp was built without Opus: build it with `--features opus`, for which it needs libopus \
                     (libopus-dev on Debian)"
                    .to_owned(),
            ),
            codec => Ok(codec),
        }
    }

    /// The library's name for it.
    pub fn codec(self) -> Codec {
        match self {
            Self::Pcmu => Codec::Pcmu,
            Self::Pcma => Codec::Pcma,
            Self::G722 => Codec::G722,
            Self::Opus => Codec::Opus,
        }
    }

    /// The RTP payload type: what RFC 3551 assigns, and for Opus one of the dynamic ones.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::Opus => 111,
        }
    }

    /// How much a packet's 20 ms are on the RTP clock.
    pub fn packet_ticks(self) -> u32 {
        self.codec().clock_rate() / 50
    }

    /// What a hop that transcodes turns it into: G.711, and the other law of it.
    pub fn transcoded(self) -> Self {
        if self == Self::Pcma { Self::Pcmu } else { Self::Pcma }
    }
}

/// Turns samples into payloads.
pub enum Encoder {
    MuLaw,
    ALaw,
    G722(Box<G722Encoder>),
    #[cfg(feature = "opus")]
    Opus(opusic_c::Encoder),
}

impl Encoder {
    /// An encoder that has heard nothing yet.
    pub fn new(codec: Spoken) -> Result<Self, Failure> {
        Ok(match codec {
            Spoken::Pcmu => Self::MuLaw,
            Spoken::Pcma => Self::ALaw,
            Spoken::G722 => Self::G722(Box::new(G722Encoder::new())),
            #[cfg(feature = "opus")]
            Spoken::Opus => Self::Opus(opus_encoder().map_err(|error| Failure::new(error.message()))?),
            #[cfg(not(feature = "opus"))]
            Spoken::Opus => return Err(Failure::new("this ohp was built without Opus")),
        })
    }

    /// The payload of one packet.
    pub fn encode(&mut self, samples: &[i16; PACKET_SAMPLES]) -> Vec<u8> {
        match self {
            Self::MuLaw => samples.iter().map(|sample| g711::compress_mu(*sample)).collect(),
            Self::ALaw => samples.iter().map(|sample| g711::compress_a(*sample)).collect(),
            Self::G722(encoder) => {
                // It takes 16 kHz: between two samples comes their mean, which leaves the upper half of the band nearly empty.
                let next = samples.iter().skip(1).chain(samples.last());
                let pairs = samples.iter().zip(next);
                let samples: Vec<i16> = pairs.flat_map(|(one, next)| [*one, one.midpoint(*next)]).collect();
                let mut payload = vec![0; encoder.max_encode_bytes(samples.len())];
                let length = encoder.encode_into(&samples, &mut payload).unwrap_or_default();
                payload.truncate(length);
                payload
            }
            #[cfg(feature = "opus")]
            Self::Opus(encoder) => {
                // The binding takes samples as the bits that they are.
                let samples = samples.map(i16::cast_unsigned);
                let mut payload = vec![0; OPUS_PAYLOAD_MAX];
                let length = encoder.encode_to_slice(&samples, &mut payload).unwrap_or_default();
                payload.truncate(length);
                payload
            }
        }
    }
}

/// More than 20 ms of speech at any rate.
#[cfg(feature = "opus")]
const OPUS_PAYLOAD_MAX: usize = 1275;

/// As a telephone would: speech at 8 kHz, which Opus sends in its SILK mode.
#[cfg(feature = "opus")]
fn opus_encoder() -> Result<opusic_c::Encoder, opusic_c::ErrorCode> {
    use opusic_c::{Application, Bitrate, Channels, SampleRate, Signal};
    let mut encoder = opusic_c::Encoder::new(Channels::Mono, SampleRate::Hz8000, Application::Voip)?;
    encoder.set_signal(Signal::Voice)?;
    encoder.set_bitrate(Bitrate::Value(16_000))?;
    Ok(encoder)
}

/// A hop that decodes what it gets and encodes it as something else, as a session border controller does.
pub struct Hop {
    encoder: Encoder,
    decoder: ohp::media::decoder::Decoder,
    /// Decoded samples for each one at 8 kHz.
    ratio: usize,
}

impl Hop {
    /// A hop that gets `from` and sends what that is [`Spoken::transcoded`] to.
    pub fn new(from: Spoken) -> Result<Self, Failure> {
        let codec = from.codec();
        Ok(Self {
            encoder: Encoder::new(from.transcoded())?,
            decoder: ohp::media::decoder::Decoder::new(codec)
                .ok_or_else(|| Failure::new(format_args!("{} cannot be decoded here", codec.name())))?,
            ratio: codec.sample_rate() as usize / 8000,
        })
    }

    /// Transcodes one payload.
    pub fn pass(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut pcm = vec![0; PACKET_SAMPLES * self.ratio];
        let decoded = self.decoder.decode(payload, &mut pcm);
        let mut samples = [0; PACKET_SAMPLES];
        for (sample, covered) in samples.iter_mut().zip(pcm[..decoded].chunks_exact(self.ratio)) {
            let sum: i32 = covered.iter().map(|sample| i32::from(*sample)).sum();
            *sample = (sum / self.ratio as i32) as i16;
        }
        self.encoder.encode(&samples)
    }
}
