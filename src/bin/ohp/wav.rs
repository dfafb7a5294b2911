//! Reading WAV files: PCM, µ-law and A-law, the first channel of any number.
//!
//! It is not a player: what it gives is either G.711 codes as they are stored, or 16-bit samples.

use std::fmt;

use crate::exit::Failure;

const FORMAT_PCM: u16 = 1;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_A_LAW: u16 = 6;
const FORMAT_MU_LAW: u16 = 7;
/// WAVE_FORMAT_EXTENSIBLE: the real format is the first two bytes of the sub-format GUID.
const FORMAT_EXTENSIBLE: u16 = 0xfffe;

/// The telephone's sampling rate, in hertz.
pub const TELEPHONE_RATE: u32 = 8000;

/// One channel of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// The samples, in the form in which they were stored.
    pub sound: Sound,
}

/// Samples in the form in which a file stores them.
#[derive(Clone, Debug, PartialEq)]
pub enum Sound {
    /// 16-bit linear.
    Linear(Vec<i16>),
    /// G.711 µ-law codes.
    MuLaw(Vec<u8>),
    /// G.711 A-law codes.
    ALaw(Vec<u8>),
}

/// Why a file is no WAV that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WavError {
    NotWav,
    NoFormat,
    NoData,
    Format { format: u16, bits: u16 },
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WavError::NotWav => f.write_str("not a WAV file (it does not begin with RIFF … WAVE)"),
            WavError::NoFormat => f.write_str("a WAV file without a complete `fmt ` chunk"),
            WavError::NoData => f.write_str("a WAV file without sound (no `data` chunk, or an empty one)"),
            WavError::Format { format, bits } => write!(f, "WAV format {format} with {bits} bits is not read here"),
        }
    }
}

impl From<WavError> for Failure {
    fn from(error: WavError) -> Self {
        Failure::new(error).advise("Convert it first: sox IN.wav -r 8000 -c 1 -e mu-law OUT.wav")
    }
}

/// Whether `bytes` begin as a WAV file does.
pub fn is_wav(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE")
}

/// Reads the first channel of a WAV file. A `data` chunk that claims more than the file holds (a recording that was
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
        let first_channel = |width: usize| data.chunks_exact(width * self.channels);
        let sound = match (self.format, self.bits) {
            (FORMAT_MU_LAW, 8) => Sound::MuLaw(first_channel(1).map(|frame| frame[0]).collect()),
            (FORMAT_A_LAW, 8) => Sound::ALaw(first_channel(1).map(|frame| frame[0]).collect()),
            (FORMAT_PCM, 8) => Sound::Linear(first_channel(1).map(|frame| (i16::from(frame[0]) - 128) << 8).collect()),
            (FORMAT_PCM, 16 | 24 | 32) => {
                let width = usize::from(self.bits) / 8;
                let high = |frame: &[u8]| i16::from_le_bytes([frame[width - 2], frame[width - 1]]);
                Sound::Linear(first_channel(width).map(high).collect())
            }
            (FORMAT_FLOAT, 32) => {
                let scaled = |frame: &[u8]| f32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]) * 32768.0;
                // A float cast saturates, and turns NaN into 0.
                Sound::Linear(first_channel(4).map(|frame| scaled(frame) as i16).collect())
            }
            (format, bits) => return Err(WavError::Format { format, bits }),
        };
        let wav = Wav { rate: self.rate, sound };
        if wav.is_empty() { Err(WavError::NoData) } else { Ok(wav) }
    }
}

impl Wav {
    fn is_empty(&self) -> bool {
        match &self.sound {
            Sound::Linear(samples) => samples.is_empty(),
            Sound::MuLaw(codes) | Sound::ALaw(codes) => codes.is_empty(),
        }
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
    fn first_channel_of_each_stored_form_is_read() {
        let linear = |samples: &[i16]| {
            Ok(Wav {
                rate: 8000,
                sound: Sound::Linear(samples.to_vec()),
            })
        };
        let stereo: Vec<u8> = [1i16, -1, 2, -2]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        assert_eq!(read(&wav(1, 2, 8000, 16, &stereo)), linear(&[1, 2]));
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
        let mu_law = Wav {
            rate: 8000,
            sound: Sound::MuLaw(vec![1, 2, 3]),
        };
        assert_eq!(read(&wav(7, 1, 8000, 8, &[1, 2, 3])), Ok(mu_law));
        let a_law = Wav {
            rate: 8000,
            sound: Sound::ALaw(vec![1, 3]),
        };
        assert_eq!(read(&wav(6, 2, 8000, 8, &[1, 2, 3, 4])), Ok(a_law));
    }

    #[test]
    fn recording_cut_off_anywhere_is_read_or_refused_and_never_panics() {
        let whole = wav(1, 2, 8000, 16, &[7; 40]);
        for length in 0..whole.len() {
            let _ = read(&whole[..length]);
        }
        assert_eq!(read(&whole[..30]), Err(WavError::NoFormat));
        assert_eq!(read(b"RIFX"), Err(WavError::NotWav));
        assert_eq!(
            read(&wav(85, 1, 8000, 0, &[0; 4])),
            Err(WavError::Format { format: 85, bits: 0 })
        );
    }
}
