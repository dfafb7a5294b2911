//! The session descriptions of the demonstration's calls: one stream of audio.

use std::net::SocketAddr;

use ohp::media::sdp::Description;
use sdp_rs::lines::common::{Addrtype, Nettype};
use sdp_rs::lines::media::{MediaType, ProtoType};
use sdp_rs::lines::{Active, Attribute, Connection, Media, Origin, SessionName, Version};
use sdp_rs::{MediaDescription, SessionDescription, Time};

use super::spoken::Spoken;

/// Milliseconds of sound in a packet.
pub const PACKET_MS: u64 = 20;

/// An offer or an answer: the codec that the leg is to speak, PCMU and PCMA, 20 ms, to be sent to `at`.
pub fn description(name: &str, spoken: Spoken, at: SocketAddr) -> String {
    let addrtype = if at.is_ipv4() { Addrtype::Ip4 } else { Addrtype::Ip6 };
    let others = [Spoken::Pcmu, Spoken::Pcma];
    let codecs = || std::iter::once(spoken).chain(others.into_iter().filter(|other| *other != spoken));
    // Written out: sdp-rs sets a blank before the number of channels, where RFC 8866 §6.6 wants a slash.
    let rtpmap = |spoken: Spoken| {
        let codec = spoken.codec();
        let channels = if codec.channels() > 1 {
            format!("/{}", codec.channels())
        } else {
            String::new()
        };
        let map = format!(
            "{} {}/{}{channels}",
            spoken.payload_type(),
            codec.name(),
            codec.clock_rate()
        );
        Attribute::Other("rtpmap".to_owned(), Some(map))
    };
    let formats: Vec<_> = codecs().map(|codec| codec.payload_type().to_string()).collect();
    let audio = MediaDescription {
        media: Media {
            media: MediaType::Audio,
            port: at.port(),
            num_of_ports: None,
            proto: ProtoType::RtpAvp,
            fmt: formats.join(" "),
        },
        info: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: codecs()
            .map(rtpmap)
            .chain([Attribute::Ptime(PACKET_MS as f32), Attribute::Sendrecv])
            .collect(),
    };
    let always = Time {
        active: Active { start: 0, stop: 0 },
        repeat: Vec::new(),
        zone: None,
    };
    SessionDescription {
        version: Version::V0,
        origin: Origin {
            username: "ohp".to_owned(),
            sess_id: at.port().to_string(),
            sess_version: "1".to_owned(),
            nettype: Nettype::In,
            addrtype: addrtype.clone(),
            unicast_address: at.ip(),
        },
        session_name: SessionName::new(name.to_owned()),
        session_info: None,
        uri: None,
        emails: Vec::new(),
        phones: Vec::new(),
        connection: Some(Connection {
            nettype: Nettype::In,
            addrtype,
            connection_address: at.ip().into(),
        }),
        bandwidths: Vec::new(),
        times: std::iter::once(always)
            .collect::<Vec<_>>()
            .try_into()
            .expect("one time is not empty"),
        key: None,
        attributes: Vec::new(),
        media_descriptions: vec![audio],
    }
    .to_string()
}

/// Where a description wants its audio.
pub fn media_address(sdp: &[u8]) -> Option<SocketAddr> {
    let description = Description::parse(sdp).ok()?;
    let audio = description.audio()?;
    Some(SocketAddr::new(audio.connection()?.address.parse().ok()?, audio.port()))
}
