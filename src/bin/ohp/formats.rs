//! What the payload types of a capture's streams carry: as the user says, as the session descriptions in the capture's
//! own SIP messages say, or as RFC 3551 assigns them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ohp::media::Codec;
use ohp::media::sdp::{Description, Format};

use crate::pcap::Datagram;

/// An encoding by the name that `rtpmap` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    name: String,
    /// Ticks of the RTP clock in a second.
    pub clock_rate: u32,
    channels: u8,
}

impl Encoding {
    fn of(format: &Format<'_>) -> Option<Self> {
        (!format.encoding.is_empty()).then(|| Self {
            name: format.encoding.to_owned(),
            clock_rate: format.clock_rate,
            channels: format.channels,
        })
    }

    /// The codec, where its payloads can be decoded.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_rtpmap(&self.name, self.clock_rate, self.channels)
    }

    /// Whether it is a codec of sound, and not DTMF events, comfort noise or redundancy.
    pub fn is_sound(&self) -> bool {
        let format = Format {
            encoding: &self.name,
            ..Format::default()
        };
        format.is_audio()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", crate::output::plain(&self.name), self.clock_rate)?;
        if self.channels > 1 {
            write!(f, "/{}", self.channels)?;
        }
        Ok(())
    }
}

/// A payload type that the user has named: `96=opus/48000/2`.
#[derive(Clone, Debug)]
pub struct Named {
    payload_type: u8,
    encoding: Encoding,
}

impl std::str::FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "write NUMBER=NAME/CLOCK or NUMBER=NAME/CLOCK/CHANNELS, such as 96=opus/48000/2; NUMBER is 0 to 127";
        let (number, name) = text.split_once('=').ok_or(FORM)?;
        let payload_type: u8 = number.trim().parse().ok().filter(|number| *number < 128).ok_or(FORM)?;
        let mut parts = name.trim().split('/');
        let encoding = parts.next().filter(|name| !name.is_empty()).ok_or(FORM)?;
        let clock_rate = parts
            .next()
            .map_or(Ok(0), |rate| rate.parse::<u32>().map_err(|_| FORM))?;
        let channels = parts
            .next()
            .map_or(Ok(1), |count| count.parse::<u8>().map_err(|_| FORM))?;
        // A static name needs no clock.
        let assigned = (0..128)
            .filter_map(Format::assigned)
            .find(|format| format.encoding.eq_ignore_ascii_case(encoding));
        let clock_rate = match (clock_rate, assigned) {
            (0, Some(format)) => format.clock_rate,
            (0, None) => return Err(FORM),
            (rate, _) => rate,
        };
        Ok(Self {
            payload_type,
            encoding: Encoding {
                name: encoding.to_owned(),
                clock_rate,
                channels,
            },
        })
    }
}

/// What a capture's session descriptions say about one address.
struct Endpoint {
    address: SocketAddr,
    encodings: BTreeMap<u8, Encoding>,
    /// The transport protocol, if packets are encrypted there.
    secured: Option<String>,
}

/// All that is known about payload types.
#[derive(Default)]
pub struct Formats {
    named: BTreeMap<u8, Encoding>,
    endpoints: Vec<Endpoint>,
}

impl Formats {
    /// What the user says, and what the SIP messages among `datagrams` do.
    pub fn learn(named: &[Named], datagrams: &[Datagram<'_>]) -> Self {
        let mut formats = Self {
            named: named
                .iter()
                .map(|named| (named.payload_type, named.encoding.clone()))
                .collect(),
            endpoints: Vec::new(),
        };
        for body in datagrams.iter().filter_map(|datagram| sdp_in(datagram.payload)) {
            if let Ok(description) = Description::parse(body) {
                formats.note(&description);
            }
        }
        formats
    }

    fn note(&mut self, description: &Description<'_>) {
        for media in description.media() {
            let address = media
                .connection()
                .and_then(|connection| connection.address.parse::<IpAddr>().ok());
            let Some(address) = address.filter(|_| media.is_rtp() && media.kind() == "audio" && !media.is_refused())
            else {
                continue;
            };
            let address = SocketAddr::new(address, media.port());
            let is_secured = media
                .protocol()
                .split('/')
                .any(|part| part.to_ascii_uppercase().starts_with("SAVP"));
            let endpoint = Endpoint {
                address,
                encodings: media
                    .formats()
                    .iter()
                    .filter_map(|format| Some((format.payload_type, Encoding::of(format)?)))
                    .collect(),
                secured: is_secured.then(|| media.protocol().to_owned()),
            };
            // The last description of an address counts.
            self.endpoints.retain(|known| known.address != address);
            self.endpoints.push(endpoint);
        }
    }

    /// How many addresses the capture's session descriptions speak of.
    pub fn learnt(&self) -> usize {
        self.endpoints.len()
    }

    fn endpoint(&self, address: SocketAddr) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.address == address)
    }

    /// What a payload type of a stream carries. Who receives says so; else who sends; else, for numbers that are given out
    /// call by call, all descriptions in the capture that name it, where they agree.
    pub fn encoding(&self, from: SocketAddr, to: SocketAddr, payload_type: u8) -> Option<Encoding> {
        let of = |address| self.endpoint(address)?.encodings.get(&payload_type).cloned();
        let assigned = || Format::assigned(payload_type).as_ref().and_then(Encoding::of);
        let elsewhere = || {
            let mut said = self
                .endpoints
                .iter()
                .filter_map(|endpoint| endpoint.encodings.get(&payload_type));
            let first = said.next()?;
            said.all(|other| other == first).then(|| first.clone())
        };
        let named = self.named.get(&payload_type).cloned();
        named
            .or_else(|| of(to))
            .or_else(|| of(from))
            .or_else(assigned)
            .or_else(elsewhere)
    }

    /// The transport protocol of a stream whose packets are encrypted, by its descriptions.
    pub fn secured(&self, from: SocketAddr, to: SocketAddr) -> Option<&str> {
        let endpoint = self.endpoint(to).or_else(|| self.endpoint(from))?;
        endpoint.secured.as_deref()
    }
}

/// The session description in a SIP message, as the only body or as one part of several.
fn sdp_in(message: &[u8]) -> Option<&[u8]> {
    const END_OF_HEADERS: &[u8] = b"\r\n\r\n";
    let line = message.split(|byte| *byte == b'\r').next()?;
    if !line.starts_with(b"SIP/2.0 ") && !line.ends_with(b" SIP/2.0") {
        return None;
    }
    let ends = message.windows(END_OF_HEADERS.len()).enumerate();
    ends.filter(|(_, four)| *four == END_OF_HEADERS)
        .filter_map(|(at, _)| message.get(at + END_OF_HEADERS.len()..))
        .find(|body| body.starts_with(b"v=0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn who_receives_says_what_a_payload_type_carries() {
        let invite = "INVITE sip:b@example.org SIP/2.0\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\n\
            Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 96 97\r\n\
            a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n--x--\r\n";
        let answer = "SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 192.0.2.2\r\n\
            m=audio 5000 RTP/AVP 96 98\r\na=rtpmap:96 L16/8000\r\na=rtpmap:98 G726-32/8000\r\n";
        let datagrams = [invite, answer, "no SIP\r\n\r\nv=0\r\n"].map(|text| Datagram {
            from: at("192.0.2.1:5060"),
            to: at("192.0.2.2:5060"),
            micros: 0,
            payload: text.as_bytes(),
        });
        let formats = Formats::learn(&[], &datagrams);
        let (a, b, other) = (at("192.0.2.1:4000"), at("192.0.2.2:5000"), at("198.51.100.1:9"));
        let said = |from, to, number| formats.encoding(from, to, number).map(|encoding| encoding.to_string());
        assert_eq!(formats.learnt(), 2);
        assert_eq!(said(b, a, 96).as_deref(), Some("opus/48000/2"));
        assert_eq!(said(a, b, 96).as_deref(), Some("L16/8000"));
        assert_eq!(
            said(a, b, 97).as_deref(),
            Some("telephone-event/8000"),
            "who sends says so"
        );
        assert_eq!(said(other, other, 98).as_deref(), Some("G726-32/8000"));
        assert_eq!(said(other, other, 96), None, "the descriptions differ");
        assert_eq!(said(other, other, 18).as_deref(), Some("G729/8000"));
        assert_eq!(said(other, other, 99), None);
        assert_eq!((formats.secured(b, a), formats.secured(a, b)), (Some("RTP/SAVP"), None));
        assert!(!formats.encoding(a, b, 97).expect("it is named").is_sound());
        let named = Formats::learn(&["96=pcma".parse().expect("a name")], &datagrams);
        let encoding = named.encoding(b, a, 96).expect("it is named");
        assert_eq!(
            (encoding.to_string().as_str(), encoding.codec()),
            ("pcma/8000", Some(Codec::Pcma))
        );
    }

    #[test]
    fn payload_types_are_named_as_rtpmap_does() {
        for text in ["96=opus/48000/2", "0=PCMA", " 101 = telephone-event/8000"] {
            assert!(text.parse::<Named>().is_ok(), "{text}");
        }
        for text in [
            "",
            "96",
            "96=",
            "96=opus",
            "128=PCMU",
            "-1=PCMU",
            "x=PCMU",
            "96=opus/fast",
            "96=opus/48000/x",
        ] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }
}
