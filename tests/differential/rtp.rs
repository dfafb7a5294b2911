//! RTP packets against rtp-rs and rtp-types: whole ones, ones cut anywhere, and those of the captures.

use ohp::media::rtp::Packet;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::capture::datagrams;
use crate::suite::Suite;
use crate::{Oracle, generate};

/// What a packet says.
#[derive(Debug, PartialEq)]
struct Seen {
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    csrcs: Vec<u32>,
    extension: Option<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

fn ours(bytes: &[u8]) -> Option<Seen> {
    let packet = Packet::parse(bytes).ok()?;
    Some(Seen {
        marker: packet.marker(),
        payload_type: packet.payload_type(),
        sequence: packet.sequence(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        csrcs: packet.csrcs().collect(),
        extension: packet
            .extension()
            .map(|extension| (extension.profile, extension.data.to_vec())),
        payload: packet.payload().to_vec(),
    })
}

fn rtp_rs(bytes: &[u8]) -> Option<Seen> {
    let packet = rtp_rs::RtpReader::new(bytes).ok()?;
    Some(Seen {
        marker: packet.mark(),
        payload_type: packet.payload_type(),
        sequence: packet.sequence_number().into(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        csrcs: packet.csrc().collect(),
        extension: packet.extension().map(|(profile, data)| (profile, data.to_vec())),
        payload: packet.payload().to_vec(),
    })
}

fn rtp_types(bytes: &[u8]) -> Option<Seen> {
    let packet = rtp_types::RtpPacket::parse(bytes).ok()?;
    Some(Seen {
        marker: packet.marker_bit(),
        payload_type: packet.payload_type(),
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        csrcs: packet.csrc().collect(),
        extension: packet.extension().map(|(profile, data)| (profile, data.to_vec())),
        payload: packet.payload().to_vec(),
    })
}

/// A whole packet, and where it is to be cut: behind its end most of the time.
fn packets() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let extension = proptest::option::of((any::<u16>(), vec(any::<[u8; 4]>(), 0..6)));
    let parts = (
        any::<[u8; 11]>(),
        vec(any::<[u8; 4]>(), 0..16),
        extension,
        vec(any::<u8>(), 0..200),
        proptest::option::of(1..=255_u8),
        prop_oneof![3 => Just(usize::MAX), 1 => 0..120_usize],
    );
    parts.prop_map(|(fields, csrcs, extension, payload, padding, cut)| {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let first = 0x80 | flag(padding.is_some(), 0x20) | flag(extension.is_some(), 0x10) | csrcs.len() as u8;
        let mut packet = vec![first];
        packet.extend_from_slice(&fields);
        packet.extend_from_slice(csrcs.as_flattened());
        if let Some((profile, words)) = extension {
            packet.extend_from_slice(&profile.to_be_bytes());
            packet.extend_from_slice(&(words.len() as u16).to_be_bytes());
            packet.extend_from_slice(words.as_flattened());
        }
        packet.extend_from_slice(&payload);
        if let Some(padding) = padding {
            packet.extend(std::iter::repeat_n(0, usize::from(padding) - 1));
            packet.push(padding);
        }
        (packet, cut)
    })
}

#[test]
fn rtp_packets_are_read_as_by_rtp_rs_and_rtp_types() {
    let (mut first, mut second) = (Oracle::new("rtp-rs", []), Oracle::new("rtp-types", []));
    let mut compare = |whence: &str, bytes: &[u8]| {
        first.compare(whence, bytes, ours(bytes), rtp_rs(bytes));
        second.compare(whence, bytes, ours(bytes), rtp_types(bytes));
    };
    generate(4000, packets(), |(packet, cut)| {
        let whole = cut >= packet.len();
        assert!(!whole || ours(&packet).is_some(), "{packet:?}");
        compare("generated", &packet[..cut.min(packet.len())]);
    });
    for name in [
        "rtp-freeswitch-pcap",
        "rtp-sipp-pcap",
        "rtp-tcpdump-crash",
        "sip-rtp-ndpi",
        "sip-suricata-pcap",
    ] {
        for (name, bytes) in Suite::inputs(name, &["pcap", "pcapng"]) {
            for datagram in datagrams(&bytes) {
                compare(&name, &datagram);
            }
        }
    }
    first.end();
    second.end();
}
