//! The formats of an RTP section: payload types with the encodings that `rtpmap`, or RFC 3551, gives them.

use super::media::{Media, value_of};
use crate::media::Codec;

/// Most formats of one section that are looked at; browsers offer about ten for audio and forty for video.
pub const MAX_FORMATS: usize = 48;
/// Number of RTP payload types.
const PAYLOAD_TYPES: usize = 128;

/// One RTP format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format<'a> {
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding's name as it stands there, in any case; empty for a dynamic payload type without `rtpmap`.
    pub encoding: &'a str,
    /// Ticks of the RTP clock in a second.
    pub clock_rate: u32,
    /// Channels; 1 where the description does not say.
    pub channels: u8,
    /// What `fmtp` says; empty where there is none.
    pub parameters: &'a str,
}

impl Format<'static> {
    /// What RFC 3551 §6 assigns to a payload type; `None` where it assigns nothing.
    pub fn assigned(payload_type: u8) -> Option<Self> {
        Some(assigned(payload_type)).filter(|format| !format.encoding.is_empty())
    }
}

impl Format<'_> {
    /// The codec, where it is one that the tap takes.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_rtpmap(self.encoding, self.clock_rate, self.channels)
    }

    /// Whether this is a stream of sound, and not DTMF events, comfort noise or redundancy.
    pub fn is_audio(&self) -> bool {
        is_sound(self.encoding)
    }
}

/// Whether an encoding's name is that of a codec, and not of what travels beside one.
pub(super) fn is_sound(encoding: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "telephone-event",
        "tone",
        "CN",
        "red",
        "ulpfec",
        "parityfec",
        "flexfec",
        "rtx",
    ];
    !encoding.is_empty() && !OTHERS.iter().any(|other| encoding.eq_ignore_ascii_case(other))
}

/// The formats of one section, in order of preference.
#[derive(Clone, Copy, Debug)]
pub struct Formats<'a> {
    formats: [Format<'a>; MAX_FORMATS],
    len: usize,
}

impl<'a> Formats<'a> {
    /// The formats.
    pub fn as_slice(&self) -> &[Format<'a>] {
        &self.formats[..self.len]
    }

    /// The formats, one after another.
    pub fn iter(&self) -> core::slice::Iter<'_, Format<'a>> {
        self.as_slice().iter()
    }

    /// The format with this payload type.
    pub fn get(&self, payload_type: u8) -> Option<&Format<'a>> {
        self.iter().find(|format| format.payload_type == payload_type)
    }

    pub(super) fn read(media: &Media<'a>) -> Self {
        let mut formats = Self {
            formats: [Format::default(); MAX_FORMATS],
            len: 0,
        };
        if !media.is_rtp() {
            return formats;
        }
        // For each payload type its place in the list plus one.
        let mut places = [0_u8; PAYLOAD_TYPES];
        for number in media.format_list() {
            let Some(payload_type) = number
                .parse()
                .ok()
                .filter(|number| usize::from(*number) < PAYLOAD_TYPES)
            else {
                continue;
            };
            let (Some(format), place) = (
                formats.formats.get_mut(formats.len),
                &mut places[usize::from(payload_type)],
            ) else {
                break;
            };
            if *place == 0 {
                *format = assigned(payload_type);
                formats.len += 1;
                *place = formats.len as u8;
            }
        }
        // The first `rtpmap` and `fmtp` of a payload type count.
        let mut mapped = [false; MAX_FORMATS];
        for line in media.attribute_lines() {
            let (is_map, value) = match (value_of(line, "rtpmap"), value_of(line, "fmtp")) {
                (Some(map), _) => (true, map),
                (_, Some(parameters)) => (false, parameters),
                (None, None) => continue,
            };
            let (number, rest) = split(value, |byte| matches!(byte, b' ' | b'\t')).unwrap_or_default();
            let Some(place) = number
                .parse()
                .ok()
                .and_then(|number: u8| places.get(usize::from(number)))
            else {
                continue;
            };
            let at = usize::from(*place).wrapping_sub(1);
            let (Some(format), Some(mapped)) = (formats.formats.get_mut(at), mapped.get_mut(at)) else {
                continue;
            };
            if !is_map {
                if format.parameters.is_empty() {
                    format.parameters = rest.trim_ascii();
                }
            } else if !*mapped && let Some((encoding, clock_rate, channels)) = encoding(rest) {
                (format.encoding, format.clock_rate, format.channels) = (encoding, clock_rate, channels);
                *mapped = true;
            }
        }
        formats
    }
}

impl<'f, 'a> IntoIterator for &'f Formats<'a> {
    type Item = &'f Format<'a>;
    type IntoIter = core::slice::Iter<'f, Format<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Reads `name/clock` or `name/clock/channels`.
fn encoding(text: &str) -> Option<(&str, u32, u8)> {
    let is_slash = |byte| byte == b'/';
    let (name, rest) = split(text, is_slash)?;
    // What comes after the channels is nobody's business.
    let (clock_rate, channels) = split(rest, is_slash).map_or((rest, None), |(clock_rate, rest)| {
        (
            clock_rate,
            Some(split(rest, is_slash).map_or(rest, |(channels, _)| channels)),
        )
    });
    let (name, clock_rate) = (name.trim_ascii(), clock_rate.trim_ascii().parse().ok()?);
    // For video the third part is something else, or rubbish; one channel then.
    let channels = channels
        .and_then(|channels| channels.trim_ascii().parse().ok())
        .unwrap_or(1);
    (!name.is_empty() && clock_rate > 0).then_some((name, clock_rate, channels))
}

/// Splits a text at the first byte of a kind, which is ASCII. On texts as short as these it is faster than the search
/// for a character.
fn split(text: &str, is_separator: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let at = text.bytes().position(is_separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What RFC 3551 §6 assigns to a payload type without `rtpmap`.
fn assigned(payload_type: u8) -> Format<'static> {
    let (encoding, clock_rate, channels) = match payload_type {
        0 => ("PCMU", 8_000, 1),
        3 => ("GSM", 8_000, 1),
        4 => ("G723", 8_000, 1),
        5 => ("DVI4", 8_000, 1),
        6 => ("DVI4", 16_000, 1),
        7 => ("LPC", 8_000, 1),
        8 => ("PCMA", 8_000, 1),
        9 => ("G722", 8_000, 1),
        10 => ("L16", 44_100, 2),
        11 => ("L16", 44_100, 1),
        12 => ("QCELP", 8_000, 1),
        13 => ("CN", 8_000, 1),
        14 => ("MPA", 90_000, 1),
        15 => ("G728", 8_000, 1),
        16 => ("DVI4", 11_025, 1),
        17 => ("DVI4", 22_050, 1),
        18 => ("G729", 8_000, 1),
        25 => ("CelB", 90_000, 1),
        26 => ("JPEG", 90_000, 1),
        28 => ("nv", 90_000, 1),
        31 => ("H261", 90_000, 1),
        32 => ("MPV", 90_000, 1),
        33 => ("MP2T", 90_000, 1),
        34 => ("H263", 90_000, 1),
        _ => ("", 0, 1),
    };
    Format {
        payload_type,
        encoding,
        clock_rate,
        channels,
        parameters: "",
    }
}
