//! One RTP packet of 20 ms of G.711: header fields read, lengths checked, payload found.

use super::leaked;
use crate::c;
use crate::race::{Contestant, Row, opaque};

pub fn packet() -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(4711_u16.to_be_bytes());
    packet.extend(160_000_u32.to_be_bytes());
    packet.extend(0xc0ff_ee07_u32.to_be_bytes());
    packet.extend((0..160).map(|at| at as u8));
    packet
}

pub fn row() -> Row {
    let bytes = leaked(packet());
    let mut missing = Vec::new();
    let answer = 4711 + 160_000 + 0xc0ff_ee07 + 160;
    let mut contestants = vec![
        Contestant::new("ours", "", move || {
            ohp::media::rtp::Packet::parse(opaque(bytes)).map_or(0, |packet| {
                u64::from(packet.payload_type())
                    + u64::from(packet.sequence())
                    + u64::from(packet.timestamp())
                    + u64::from(packet.ssrc())
                    + packet.payload().len() as u64
            })
        }),
        Contestant::new("rtp-rs", "", move || {
            rtp_rs::RtpReader::new(opaque(bytes)).map_or(0, |packet| {
                u64::from(packet.payload_type())
                    + u64::from(u16::from(packet.sequence_number()))
                    + u64::from(packet.timestamp())
                    + u64::from(packet.ssrc())
                    + packet.payload().len() as u64
            })
        }),
        Contestant::new("rtp-types", "", move || {
            rtp_types::RtpPacket::parse(opaque(bytes)).map_or(0, |packet| {
                u64::from(packet.payload_type())
                    + u64::from(packet.sequence_number())
                    + u64::from(packet.timestamp())
                    + u64::from(packet.ssrc())
                    + packet.payload().len() as u64
            })
        }),
    ];
    c::PJMEDIA_RTP.enter(
        "padding that is too long passed over",
        bytes,
        &mut contestants,
        &mut missing,
    );
    c::ORTP.enter("padding not looked at", bytes, &mut contestants, &mut missing);
    c::LIBRE_RTP.enter("padding not looked at", bytes, &mut contestants, &mut missing);
    Row {
        name: "RTP header",
        goal: Some(2.6),
        answer,
        contestants,
        missing,
    }
}
