//! Reading packet captures (pcap with µs or ns stamps in either byte order, and pcapng) down to UDP payloads.
//!
//! Only what carries RTP over UDP is followed: Ethernet (with VLAN tags), Linux cooked captures, BSD loopback and raw
//! IP; IPv4 and IPv6. Fragments and everything that is not UDP are passed over in silence.

use std::fmt;

use crate::exit::Failure;

const LINK_NULL: u32 = 0;
const LINK_ETHERNET: u32 = 1;
const LINK_RAW: u32 = 101;
const LINK_LOOP: u32 = 108;
const LINK_LINUX_SLL: u32 = 113;
const LINK_IPV4: u32 = 228;
const LINK_IPV6: u32 = 229;
const LINK_LINUX_SLL2: u32 = 276;

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
const ETHER_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const IP_PROTOCOL_UDP: u8 = 17;

/// Block types of pcapng.
const NG_SECTION: u32 = 0x0a0d_0d0a;
const NG_INTERFACE: u32 = 1;
const NG_SIMPLE_PACKET: u32 = 3;
const NG_ENHANCED_PACKET: u32 = 6;
const NG_BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// A UDP datagram out of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source and destination port.
    pub ports: (u16, u16),
    /// What it carried.
    pub payload: &'a [u8],
}

/// Why a file is no capture that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcapError {
    NotCapture,
    LinkType(u32),
}

impl fmt::Display for PcapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PcapError::NotCapture => f.write_str("neither a pcap nor a pcapng file"),
            PcapError::LinkType(link) => write!(f, "the capture has link type {link}, which is not read here"),
        }
    }
}

impl From<PcapError> for Failure {
    fn from(error: PcapError) -> Self {
        Failure::new(error).advise("Capture with `tcpdump -w FILE.pcap udp`, or convert with `editcap -F pcap`")
    }
}

/// Whether `bytes` begin as a capture does.
pub fn is_capture(bytes: &[u8]) -> bool {
    Endian::of_classic(bytes).is_some() || bytes.starts_with(&NG_SECTION.to_be_bytes())
}

/// The UDP datagrams of a capture, in its order. A capture that was cut off is read as far as it goes.
pub fn datagrams(capture: &[u8]) -> Result<Vec<Datagram<'_>>, PcapError> {
    if let Some(endian) = Endian::of_classic(capture) {
        classic(capture, endian)
    } else if capture.starts_with(&NG_SECTION.to_be_bytes()) {
        Ok(next_generation(capture))
    } else {
        Err(PcapError::NotCapture)
    }
}

#[derive(Clone, Copy)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    fn of_classic(capture: &[u8]) -> Option<Self> {
        match capture.first_chunk()? {
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => Some(Endian::Little),
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => Some(Endian::Big),
            _ => None,
        }
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Endian::Little => u32::from_le_bytes(field),
            Endian::Big => u32::from_be_bytes(field),
        })
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Endian::Little => u16::from_le_bytes(field),
            Endian::Big => u16::from_be_bytes(field),
        })
    }
}

fn classic(capture: &[u8], endian: Endian) -> Result<Vec<Datagram<'_>>, PcapError> {
    let link = endian.u32(capture, 20).ok_or(PcapError::NotCapture)? & 0x0fff_ffff;
    if !is_followed(link) {
        return Err(PcapError::LinkType(link));
    }
    let mut found = Vec::new();
    let mut rest = capture.get(24..).unwrap_or_default();
    while let Some(length) = endian.u32(rest, 8) {
        let Some(frame) = rest.get(16..).and_then(|body| body.get(..length as usize)) else {
            break;
        };
        found.extend(udp_in_frame(link, frame));
        rest = &rest[16 + length as usize..];
    }
    Ok(found)
}

fn next_generation(capture: &[u8]) -> Vec<Datagram<'_>> {
    let mut found = Vec::new();
    let mut links = Vec::new();
    let mut endian = Endian::Little;
    let mut rest = capture;
    while rest.len() >= 12 {
        // A section header's type reads the same in both byte orders.
        if rest.starts_with(&NG_SECTION.to_be_bytes()) {
            endian = if Endian::Little.u32(rest, 8) == Some(NG_BYTE_ORDER) {
                Endian::Little
            } else {
                Endian::Big
            };
            links.clear();
        }
        let (Some(kind), Some(length)) = (endian.u32(rest, 0), endian.u32(rest, 4)) else {
            break;
        };
        let length = length as usize;
        let Some(block) = rest.get(..length).filter(|_| length >= 12) else {
            break;
        };
        let body = &block[8..length - 4];
        match kind {
            NG_INTERFACE => links.extend(endian.u16(body, 0).map(u32::from)),
            NG_ENHANCED_PACKET => found.extend(enhanced_packet(body, &links, endian)),
            NG_SIMPLE_PACKET => {
                found.extend(links.first().and_then(|link| udp_in_frame(*link, body.get(4..)?)));
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    found
}

fn enhanced_packet<'a>(body: &'a [u8], links: &[u32], endian: Endian) -> Option<Datagram<'a>> {
    let link = *links.get(endian.u32(body, 0)? as usize)?;
    let length = endian.u32(body, 12)? as usize;
    udp_in_frame(link, body.get(20..)?.get(..length)?)
}

fn is_followed(link: u32) -> bool {
    matches!(
        link,
        LINK_NULL | LINK_ETHERNET | LINK_RAW | LINK_LOOP | LINK_LINUX_SLL | LINK_IPV4 | LINK_IPV6 | LINK_LINUX_SLL2
    )
}

fn udp_in_frame(link: u32, frame: &[u8]) -> Option<Datagram<'_>> {
    let packet = match link {
        LINK_ETHERNET => {
            let mut at = 12;
            while ETHER_VLAN.contains(&Endian::Big.u16(frame, at)?) {
                at += 4;
            }
            internet(Endian::Big.u16(frame, at)?, frame.get(at + 2..)?)?
        }
        LINK_LINUX_SLL => internet(Endian::Big.u16(frame, 14)?, frame.get(16..)?)?,
        LINK_LINUX_SLL2 => internet(Endian::Big.u16(frame, 0)?, frame.get(20..)?)?,
        // The address family's byte order is the capturing machine's; the IP header says the version anyway.
        LINK_NULL | LINK_LOOP => frame.get(4..)?,
        LINK_RAW | LINK_IPV4 | LINK_IPV6 => frame,
        _ => return None,
    };
    let udp = match packet.first()? >> 4 {
        4 => udp_in_ipv4(packet)?,
        6 => udp_in_ipv6(packet)?,
        _ => return None,
    };
    let length = usize::from(Endian::Big.u16(udp, 4)?);
    Some(Datagram {
        ports: (Endian::Big.u16(udp, 0)?, Endian::Big.u16(udp, 2)?),
        payload: udp.get(8..length.min(udp.len()))?,
    })
}

fn internet(ether_type: u16, packet: &[u8]) -> Option<&[u8]> {
    matches!(ether_type, ETHER_IPV4 | ETHER_IPV6).then_some(packet)
}

fn udp_in_ipv4(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 15) * 4;
    let total = usize::from(Endian::Big.u16(packet, 2)?);
    let fragment = Endian::Big.u16(packet, 6)? & 0x3fff;
    if *packet.get(9)? != IP_PROTOCOL_UDP || fragment != 0 {
        return None;
    }
    // Total length 0 is what a capture before segmentation offload shows.
    let end = if total == 0 {
        packet.len()
    } else {
        total.min(packet.len())
    };
    packet.get(header..end)
}

fn udp_in_ipv6(packet: &[u8]) -> Option<&[u8]> {
    let end = (40 + usize::from(Endian::Big.u16(packet, 4)?)).min(packet.len());
    // Extension headers are rare beside RTP; a packet that has them is passed over.
    if *packet.get(6)? != IP_PROTOCOL_UDP {
        return None;
    }
    packet.get(40..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4_udp(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0];
        packet.extend((28 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend([0x12, 0x34, 0x43, 0x21]);
        packet.extend((8 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    fn framed(prefix: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut frame = prefix.to_vec();
        frame.extend(ipv4_udp(payload));
        // Ethernet pads short frames; the padding is not part of the datagram.
        frame.extend([0xee; 6]);
        frame
    }

    fn classic_capture(magic: [u8; 4], big: bool, link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
        let number = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut file = magic.to_vec();
        file.extend([0; 16]);
        file.extend(number(link));
        for frame in frames {
            file.extend([0; 8]);
            file.extend(number(frame.len() as u32));
            file.extend(number(frame.len() as u32));
            file.extend(frame);
        }
        file
    }

    #[test]
    fn datagrams_are_found_behind_every_link_layer() {
        let ethernet = [&[0; 12][..], &[8, 0]].concat();
        let vlan = [&[0; 12][..], &[0x81, 0, 0, 7, 8, 0]].concat();
        let cooked = [&[0; 14][..], &[8, 0]].concat();
        let cooked2 = [&[8, 0][..], &[0; 18]].concat();
        for (link, prefix) in [
            (LINK_ETHERNET, &ethernet[..]),
            (LINK_ETHERNET, &vlan),
            (LINK_LINUX_SLL, &cooked),
            (LINK_LINUX_SLL2, &cooked2),
            (LINK_NULL, &[2, 0, 0, 0]),
            (LINK_RAW, &[]),
        ] {
            for (magic, big) in [([0xd4, 0xc3, 0xb2, 0xa1], false), ([0xa1, 0xb2, 0x3c, 0x4d], true)] {
                let capture = classic_capture(magic, big, link, &[framed(prefix, b"one"), framed(prefix, b"two")]);
                let payloads: Vec<&[u8]> = datagrams(&capture).unwrap().iter().map(|found| found.payload).collect();
                assert_eq!(payloads, [b"one", b"two"], "link type {link}");
            }
        }
    }

    #[test]
    fn next_generation_captures_are_read_in_both_byte_orders() {
        for big in [false, true] {
            let number = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
            let block = |kind: u32, body: &[u8]| {
                let padded = body.len().next_multiple_of(4);
                let length = number(padded as u32 + 12);
                [&number(kind)[..], &length, body, &vec![0; padded - body.len()], &length].concat()
            };
            let frame = framed(&[], b"speech");
            let link = if big { [0, 101, 0, 0] } else { [101, 0, 0, 0] };
            let lengths = number(frame.len() as u32);
            let packet = [&number(0)[..], &[0; 8], &lengths, &lengths, &frame].concat();
            let capture = [
                block(NG_SECTION, &[&number(NG_BYTE_ORDER)[..], &[0; 12]].concat()),
                block(NG_INTERFACE, &[&link[..], &[0; 4]].concat()),
                block(5, &[0; 8]),
                block(NG_ENHANCED_PACKET, &packet),
            ]
            .concat();
            let found = datagrams(&capture).unwrap();
            assert_eq!(
                found,
                [Datagram {
                    ports: (0x1234, 0x4321),
                    payload: b"speech"
                }]
            );
        }
    }

    #[test]
    fn damaged_captures_never_panic() {
        let ethernet = [&[0; 12][..], &[8, 0]].concat();
        let capture = classic_capture(
            [0xd4, 0xc3, 0xb2, 0xa1],
            false,
            LINK_ETHERNET,
            &[framed(&ethernet, b"one")],
        );
        for length in 0..capture.len() {
            let _ = datagrams(&capture[..length]);
        }
        for at in 0..capture.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = capture.clone();
                damaged[at] = value;
                let _ = datagrams(&damaged);
            }
        }
        assert_eq!(datagrams(b"hello"), Err(PcapError::NotCapture));
        assert_eq!(
            datagrams(&classic_capture([0xd4, 0xc3, 0xb2, 0xa1], false, 147, &[])),
            Err(PcapError::LinkType(147))
        );
    }
}
