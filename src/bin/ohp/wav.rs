//! Reading WAV files: PCM of 8 to 32 bits, floats, µ-law and A-law, each channel by itself.
//!
//! It is not a player: what it gives is either G.711 codes as they are stored, or 16-bit samples.

use std::fmt;

use ohp::media::g711;

use crate::exit::Failure;

const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_A_LAW: u16 = 6;
const FORMAT_MU_LAW: u16 = 7;
/// WAVE_FORMAT_EXTENSIBLE: the real format is the first two bytes of the sub-format GUID.
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// The telephone's sampling rate, in hertz.
pub const TELEPHONE_RATE: u32 = 8000;

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// Its channels, at least one.
    pub channels: Vec<Sound>,
}

/// Most channels that are read; call recorders write two.
const MAX_CHANNELS: usize = 64;

/// Samples of one channel in the form in which a file stores them.
#[derive(Clone, Debug, PartialEq)]
pub enum Sound {
    /// 16-bit linear.
    Linear(Vec<i16>),
    /// G.711 µ-law codes.
    MuLaw(Vec<u8>),
    /// G.711 A-law codes.
    ALaw(Vec<u8>),
}

impl Sound {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Linear(samples) => samples.len(),
            Self::MuLaw(codes) | Self::ALaw(codes) => codes.len(),
        }
    }

    /// What a person calls the form.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Linear(_) => "linear PCM",
            Self::MuLaw(_) => "µ-law",
            Self::ALaw(_) => "A-law",
        }
    }

    /// The samples as 16-bit linear ones.
    pub fn linear(self) -> Vec<i16> {
        let expand = |codes: Vec<u8>, table: &[i16; 256]| codes.iter().map(|code| table[usize::from(*code)]).collect();
        match self {
            Self::Linear(samples) => samples,
            Self::MuLaw(codes) => expand(codes, &g711::MU_LAW),
            Self::ALaw(codes) => expand(codes, &g711::A_LAW),
        }
    }
}

/// Why a file is no WAV that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WavError {
    NotWav,
    NoFormat,
    NoData,
    Channels(usize),
    Format { format: u16, bits: u16 },
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WavError::NotWav => f.write_str("not a WAV file (it does not begin with RIFF … WAVE)"),
            WavError::NoFormat => f.write_str("a WAV file without a complete `fmt ` chunk"),
            WavError::NoData => f.write_str("a WAV file without sound (no `data` chunk, or an empty one)"),
            WavError::Channels(count) => write!(f, "a WAV file of {count} channels; at most {MAX_CHANNELS} are read"),
            WavError::Format { format, bits } => write!(f, "WAV format {format} with {bits} bits is not read here"),
        }
    }
}

impl From<WavError> for Failure {
    fn from(error: WavError) -> Self {
        Failure::new(error).advise("Convert it first: sox IN.wav -r 8000 -e signed -b 16 OUT.wav")
    }
}

/// Whether `bytes` begin as a WAV file does.
pub fn is_wav(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE")
}

/// Reads a WAV file. A `data` chunk that claims more than the file holds (a recording that was
/// cut off) is read as far as it goes.
pub fn read(bytes: &[u8]) -> Result<Wav, WavError> {
    if !is_wav(bytes) {
        return Err(WavError::NotWav);
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    while let Some((id, size)) = rest
        .split_first_chunk::<4>()
        .and_then(|(id, tail)| Some((id, u32_at(tail, 0)?)))
    {
        let size = size as usize;
        let body = &rest[8..];
        let content = &body[..size.min(body.len())];
        match id {
            b"fmt " => format = Format::read(content),
            b"data" => return format.ok_or(WavError::NoFormat)?.sound(content),
            _ => {}
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    Err(if format.is_some() {
        WavError::NoData
    } else {
        WavError::NoFormat
    })
}

#[derive(Clone, Copy)]
struct Format {
    format: u16,
    channels: usize,
    rate: u32,
    bits: u16,
}

impl Format {
    fn read(chunk: &[u8]) -> Option<Self> {
        let mut format = u16_at(chunk, 0)?;
        if format == FORMAT_EXTENSIBLE {
            format = u16_at(chunk, 24)?;
        }
        Some(Self {
            format,
            channels: usize::from(u16_at(chunk, 2)?.max(1)),
            rate: u32_at(chunk, 4)?.max(1),
            bits: u16_at(chunk, 14)?,
        })
    }

    fn sound(self, data: &[u8]) -> Result<Wav, WavError> {
        if self.channels > MAX_CHANNELS {
            return Err(WavError::Channels(self.channels));
        }
        let channels = (0..self.channels).map(|channel| self.channel(data, channel));
        let channels: Vec<Sound> = channels.collect::<Result<_, _>>()?;
        if channels.iter().all(|sound| sound.len() > 0) {
            Ok(Wav {
                rate: self.rate,
                channels,
            })
        } else {
            Err(WavError::NoData)
        }
    }

    fn channel(self, data: &[u8], channel: usize) -> Result<Sound, WavError> {
        let width = usize::from(self.bits).div_ceil(8).max(1);
        let samples = data
            .chunks_exact(width * self.channels)
            .map(|frame| &frame[channel * width..][..width]);
        // A float cast saturates, and turns NaN into 0.
        let scaled = |sample: f64| (sample * 32768.0) as i16;
        Ok(match (self.format, self.bits) {
            (FORMAT_MU_LAW, 8) => Sound::MuLaw(samples.map(|sample| sample[0]).collect()),
            (FORMAT_A_LAW, 8) => Sound::ALaw(samples.map(|sample| sample[0]).collect()),
            (FORMAT_PCM, 8) => Sound::Linear(samples.map(|sample| (i16::from(sample[0]) - 128) << 8).collect()),
            // What is not a whole number of bytes stands in the high bits.
            (FORMAT_PCM, 9..=32) => {
                let high = |sample: &[u8]| i16::from_le_bytes([sample[width - 2], sample[width - 1]]);
                Sound::Linear(samples.map(high).collect())
            }
            (FORMAT_FLOAT, 32) => {
                let float = |sample: &[u8]| sample.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
                Sound::Linear(samples.map(|sample| scaled(float(sample).into())).collect())
            }
            (FORMAT_FLOAT, 64) => {
                let float = |sample: &[u8]| sample.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes));
                Sound::Linear(samples.map(|sample| scaled(float(sample))).collect())
            }
            (format, bits) => return Err(WavError::Format { format, bits }),
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut fmt = Vec::new();
        fmt.extend(format.to_le_bytes());
        fmt.extend(channels.to_le_bytes());
        fmt.extend(rate.to_le_bytes());
        fmt.extend((rate * u32::from(channels) * u32::from(bits / 8)).to_le_bytes());
        fmt.extend((channels * bits / 8).to_le_bytes());
        fmt.extend(bits.to_le_bytes());
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        for (id, content) in [(b"fmt ", &fmt[..]), (b"LIST", b"odd"), (b"data", data)] {
            file.extend(id);
            file.extend((content.len() as u32).to_le_bytes());
            file.extend(content);
            file.extend(&[0][..content.len() % 2]);
        }
        file
    }

    #[test]
    fn each_channel_of_each_stored_form_is_read() {
        let of = |channels: &[Sound]| {
            Ok(Wav {
                rate: 8000,
                channels: channels.to_vec(),
            })
        };
        let linear = |samples: &[i16]| of(&[Sound::Linear(samples.to_vec())]);
        let stereo: Vec<u8> = [1i16, -1, 2, -2]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let both = [Sound::Linear(vec![1, 2]), Sound::Linear(vec![-1, -2])];
        assert_eq!(read(&wav(1, 2, 8000, 16, &stereo)), of(&both));
        assert_eq!(read(&wav(1, 1, 8000, 12, &[0x10, 1, 0x20, 2])), linear(&[0x110, 0x220]));
        assert_eq!(read(&wav(1, 1, 8000, 32, &[9, 9, 1, 0, 9, 9, 2, 0])), linear(&[1, 2]));
        assert_eq!(read(&wav(1, 1, 8000, 24, &[9, 1, 0, 9, 2, 0])), linear(&[1, 2]));
        assert_eq!(
            read(&wav(1, 1, 8000, 8, &[128, 255, 0])),
            linear(&[0, 127 << 8, -128 << 8])
        );
        let float: Vec<u8> = [0.5f32, -2.0, f32::NAN]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(read(&wav(3, 1, 8000, 32, &float)), linear(&[16384, i16::MIN, 0]));
        let double: Vec<u8> = [0.5f64, 2.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(read(&wav(3, 1, 8000, 64, &double)), linear(&[16384, i16::MAX]));
        assert_eq!(
            read(&wav(7, 1, 8000, 8, &[1, 2, 3])),
            of(&[Sound::MuLaw(vec![1, 2, 3])])
        );
        let both = [Sound::ALaw(vec![1, 3]), Sound::ALaw(vec![2, 4])];
        assert_eq!(read(&wav(6, 2, 8000, 8, &[1, 2, 3, 4])), of(&both));
    }

    #[test]
    fn recording_cut_off_anywhere_is_read_or_refused_and_never_panics() {
        let whole = wav(1, 2, 8000, 16, &[7; 40]);
        for length in 0..whole.len() {
            let _ = read(&whole[..length]);
        }
        assert_eq!(read(&whole[..30]), Err(WavError::NoFormat));
        assert_eq!(read(b"RIFX"), Err(WavError::NotWav));
        assert_eq!(read(&wav(1, 500, 8000, 8, &[0; 500])), Err(WavError::Channels(500)));
        assert_eq!(
            read(&wav(85, 1, 8000, 0, &[0; 4])),
            Err(WavError::Format { format: 85, bits: 0 })
        );
    }
}
