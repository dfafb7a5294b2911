//! An offer of forty lines. Demanded are the port of each section, and of the audio its address, direction, and formats
//! with their clock rates.

use ohp::media::sdp::{Description, Direction};

use super::{leaked, text};
use crate::c;
use crate::race::{Contestant, Row, opaque, opaque_text};

const OFFER: &str = include_str!("../../../offer.sdp");

fn ours(offer: &[u8]) -> Option<u64> {
    let offer = Description::parse(offer).ok()?;
    let mut answer = 0;
    for media in offer.media() {
        answer += u64::from(media.port());
        if media.kind() == "audio" {
            answer += text(media.connection()?.address) + direction(media.direction());
            for format in &media.formats() {
                answer += u64::from(format.payload_type) + u64::from(format.clock_rate);
            }
        }
    }
    Some(answer)
}

/// As in `c/peer.h`.
fn direction(direction: Direction) -> u64 {
    match direction {
        Direction::SendRecv => 1,
        Direction::SendOnly => 2,
        Direction::RecvOnly => 3,
        Direction::Inactive => 4,
    }
}

/// The direction that an attribute of this name stands for.
fn direction_named(name: &str) -> Option<u64> {
    match name {
        "sendrecv" => Some(1),
        "sendonly" => Some(2),
        "recvonly" => Some(3),
        "inactive" => Some(4),
        _ => None,
    }
}

/// Payload type and clock rate of an rtpmap.
fn format(value: &str) -> Option<u64> {
    let (payload_type, encoding) = value.split_once(' ')?;
    Some(payload_type.parse::<u64>().ok()? + encoding.split('/').nth(1)?.parse::<u64>().ok()?)
}

fn by_sdp_types(offer: &[u8]) -> Option<u64> {
    let offer = sdp_types::Session::parse(offer).ok()?;
    let mut answer = 0;
    for media in &offer.medias {
        answer += u64::from(media.port);
        if media.media == "audio" {
            answer += text(&media.connections.first()?.connection_address);
            for attribute in &media.attributes {
                let value = attribute.value.as_deref().unwrap_or_default();
                answer += match attribute.attribute.as_str() {
                    "rtpmap" => format(value)?,
                    name => direction_named(name).unwrap_or_default(),
                };
            }
        }
    }
    Some(answer)
}

fn by_sdp_rs(offer: &str) -> Option<u64> {
    use sdp_rs::lines::Attribute;
    let offer = sdp_rs::SessionDescription::try_from(offer).ok()?;
    let mut answer = 0;
    for media in &offer.media_descriptions {
        answer += u64::from(media.media.port);
        if media.media.media.to_string() == "audio" {
            answer += text(media.connections.first()?.connection_address.base.to_string());
            for attribute in &media.attributes {
                answer += match attribute {
                    Attribute::Rtpmap(map) => u64::from(map.payload_type) + map.clock_rate as u64,
                    Attribute::Sendrecv => 1,
                    Attribute::Sendonly => 2,
                    Attribute::Recvonly => 3,
                    Attribute::Inactive => 4,
                    _ => 0,
                };
            }
        }
    }
    Some(answer)
}

fn by_webrtc_sdp(offer: &str) -> Option<u64> {
    use webrtc_sdp::attribute_type::SdpAttribute;
    use webrtc_sdp::media_type::SdpMediaValue;
    let offer = webrtc_sdp::parse_sdp(offer, false).ok()?;
    let mut answer = 0;
    for media in &offer.media {
        answer += u64::from(media.get_port());
        if *media.get_type() == SdpMediaValue::Audio {
            answer += text(
                media
                    .get_connection()
                    .as_ref()?
                    .address
                    .to_string()
                    .rsplit(' ')
                    .next()?,
            );
            for attribute in media.get_attributes() {
                answer += match attribute {
                    SdpAttribute::Rtpmap(map) => u64::from(map.payload_type) + u64::from(map.frequency),
                    SdpAttribute::Sendrecv => 1,
                    SdpAttribute::Sendonly => 2,
                    SdpAttribute::Recvonly => 3,
                    SdpAttribute::Inactive => 4,
                    _ => 0,
                };
            }
        }
    }
    Some(answer)
}

pub fn row() -> Row {
    let offer = leaked(OFFER.as_bytes().to_vec());
    let answer = ours(offer).expect("an offer");
    let mut missing = Vec::new();
    let mut contestants = vec![
        Contestant::new("ours", "", move || ours(opaque(offer)).unwrap_or_default()),
        Contestant::new("sdp-types", "attributes not read", move || {
            by_sdp_types(opaque(offer)).unwrap_or_default()
        }),
        Contestant::new("sdp-rs", "", || by_sdp_rs(opaque_text(OFFER)).unwrap_or_default()),
        Contestant::new("webrtc-sdp", "", || {
            by_webrtc_sdp(opaque_text(OFFER)).unwrap_or_default()
        }),
    ];
    c::PJMEDIA_SDP.enter("attributes read when asked for", offer, &mut contestants, &mut missing);
    c::KAMAILIO_SDP.enter(
        "allocator of ours, cheaper than its own",
        offer,
        &mut contestants,
        &mut missing,
    );
    c::LIBRE_SDP.enter(
        "keeps formats that it knows itself",
        offer,
        &mut contestants,
        &mut missing,
    );
    Row {
        name: "SDP of 40 lines",
        goal: Some(900.0),
        answer,
        contestants,
        missing,
    }
}
