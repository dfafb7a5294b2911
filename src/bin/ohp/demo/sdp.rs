//! The session descriptions of the demonstration's calls: one stream of G.711 audio.

use std::net::SocketAddr;

use ohp::media::sdp::Description;
use sdp_rs::lines::attribute::Rtpmap;
use sdp_rs::lines::common::{Addrtype, Nettype};
use sdp_rs::lines::media::{MediaType, ProtoType};
use sdp_rs::lines::{Active, Attribute, Connection, Media, Origin, SessionName, Version};
use sdp_rs::{MediaDescription, SessionDescription, Time};

/// Milliseconds of sound in a packet.
pub const PACKET_MS: u64 = 20;

/// An offer or an answer: PCMU and PCMA, 20 ms, to be sent to `at`.
pub fn description(name: &str, at: SocketAddr) -> String {
    let addrtype = if at.is_ipv4() { Addrtype::Ip4 } else { Addrtype::Ip6 };
    let codec = |payload_type, encoding_name: &str| {
        Attribute::Rtpmap(Rtpmap {
            payload_type,
            encoding_name: encoding_name.to_owned(),
            clock_rate: 8000,
            encoding_params: None,
        })
    };
    let audio = MediaDescription {
        media: Media {
            media: MediaType::Audio,
            port: at.port(),
            num_of_ports: None,
            proto: ProtoType::RtpAvp,
            fmt: "0 8".to_owned(),
        },
        info: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: vec![
            codec(0, "PCMU"),
            codec(8, "PCMA"),
            Attribute::Ptime(PACKET_MS as f32),
            Attribute::Sendrecv,
        ],
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
