//! Reading packet captures (pcap with µs or ns stamps in either byte order, and pcapng) down to UDP payloads.
//!
//! Only what carries RTP over UDP is followed: Ethernet (with VLAN tags and PPPoE), Linux cooked captures, BSD loopback
//! and raw IP; IPv4 and IPv6. What is passed over is counted, so that a user learns why sound is missing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::exit::Failure;

const LINK_NULL: u32 = 0;
const LINK_ETHERNET: u32 = 1;
/// Raw IP as BSDs number it.
const LINK_RAW_BSD: [u32; 2] = [12, 14];
const LINK_RAW: u32 = 101;
const LINK_LOOP: u32 = 108;
const LINK_LINUX_SLL: u32 = 113;
const LINK_IPV4: u32 = 228;
const LINK_IPV6: u32 = 229;
const LINK_LINUX_SLL2: u32 = 276;

const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
const ETHER_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const ETHER_PPPOE: u16 = 0x8864;
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const IP_PROTOCOL_UDP: u8 = 17;
const IPV6_HOP_BY_HOP: u8 = 0;
const IPV6_ROUTING: u8 = 43;
const IPV6_FRAGMENT: u8 = 44;
const IPV6_DESTINATION: u8 = 60;
/// Extension headers that are gone through before a packet is given up; RFC 8200 §4.1 has an order of six.
const IPV6_EXTENSIONS: usize = 8;
/// VLAN tags that are gone through before a frame is given up.
const VLAN_TAGS: usize = 4;

/// Block types of pcapng.
const NG_SECTION: u32 = 0x0a0d_0d0a;
const NG_INTERFACE: u32 = 1;
const NG_SIMPLE_PACKET: u32 = 3;
const NG_ENHANCED_PACKET: u32 = 6;
const NG_BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// The option of an interface that says what its time stamps count.
const NG_IF_TSRESOL: u16 = 9;

/// A UDP datagram out of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// When it was captured, in microseconds since the Unix epoch; 0 where the capture does not say.
    pub micros: u64,
    /// What it carried, whole.
    pub payload: &'a [u8],
}

/// What a capture holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture<'a> {
    /// Its whole UDP datagrams, in its order.
    pub datagrams: Vec<Datagram<'a>>,
    /// What else there was.
    pub passed: PassedOver,
}

/// Frames that gave no datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Fragments of UDP datagrams.
    pub fragments: usize,
    /// Datagrams that were captured in part, by a snap length.
    pub cut: usize,
    /// Frames of a link type that is not read here, and the last such type.
    pub links: (usize, u32),
    /// What is not UDP over IP.
    pub other: usize,
    /// Whether the file ends within a frame.
    pub ends_early: bool,
}

impl PassedOver {
    /// What a user should know, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.fragments > 0 {
            notes.push(format!(
                "{} passed over: reassemble them first, or capture behind the hop that does",
                counted(self.fragments, "IP fragment")
            ));
        }
        if self.cut > 0 {
            notes.push(format!(
                "{} passed over, captured in part: capture without a snap length (tcpdump -s 0)",
                counted(self.cut, "datagram")
            ));
        }
        if let (count @ 1.., link) = self.links {
            notes.push(format!("{} passed over, of link type {link}", counted(count, "frame")));
        }
        if self.ends_early {
            notes.push(String::from("the capture ends within a packet; what is whole was read"));
        }
        notes
    }
}

/// A number of things.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
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
        Failure::new(error).advise(match error {
            PcapError::NotCapture => "Capture with `tcpdump -w FILE.pcap udp`, or convert with `editcap -F pcap`",
            PcapError::LinkType(_) => {
                "Capture with `tcpdump -i any -w FILE.pcap udp`; Ethernet, Linux cooked, loopback and raw IP are read"
            }
        })
    }
}

/// Whether `bytes` begin as a capture does.
pub fn is_capture(bytes: &[u8]) -> bool {
    Classic::of(bytes).is_some() || bytes.starts_with(&NG_SECTION.to_be_bytes())
}

/// The UDP datagrams of a capture. One that was cut off is read as far as it goes.
pub fn read(capture: &[u8]) -> Result<Capture<'_>, PcapError> {
    let found = if let Some(form) = Classic::of(capture) {
        classic(capture, form)?
    } else if capture.starts_with(&NG_SECTION.to_be_bytes()) {
        next_generation(capture)
    } else {
        return Err(PcapError::NotCapture);
    };
    match found.passed.links {
        (1.., link) if found.datagrams.is_empty() && found.passed.other == 0 => Err(PcapError::LinkType(link)),
        _ => Ok(found),
    }
}

#[derive(Clone, Copy)]
enum Endian {
    Little,
    Big,
}

impl Endian {
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

/// The form of a pcap file: its byte order, and what the second half of a time stamp counts.
#[derive(Clone, Copy)]
struct Classic {
    endian: Endian,
    nanos: bool,
}

impl Classic {
    fn of(capture: &[u8]) -> Option<Self> {
        let (endian, nanos) = match capture.first_chunk()? {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Endian::Little, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Endian::Little, true),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Endian::Big, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Endian::Big, true),
            _ => return None,
        };
        Some(Self { endian, nanos })
    }
}

fn classic(capture: &[u8], Classic { endian, nanos }: Classic) -> Result<Capture<'_>, PcapError> {
    let link = endian.u32(capture, 20).ok_or(PcapError::NotCapture)? & 0x0fff_ffff;
    if !is_followed(link) {
        return Err(PcapError::LinkType(link));
    }
    let mut found = Capture::default();
    let mut rest = capture.get(24..).unwrap_or_default();
    while let Some(length) = endian.u32(rest, 8) {
        let Some(frame) = rest.get(16..).and_then(|body| body.get(..length as usize)) else {
            break;
        };
        let (seconds, part) = (endian.u32(rest, 0).unwrap_or(0), endian.u32(rest, 4).unwrap_or(0));
        let micros = u64::from(seconds) * 1_000_000 + u64::from(if nanos { part / 1000 } else { part });
        found.take(link, frame, micros);
        rest = &rest[16 + length as usize..];
    }
    found.passed.ends_early = !rest.is_empty();
    Ok(found)
}

/// An interface of a pcapng section.
#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    /// Ticks of its time stamps in a second.
    ticks: u64,
}

impl Interface {
    fn read(body: &[u8], endian: Endian) -> Option<Self> {
        let link = u32::from(endian.u16(body, 0)?);
        let (mut ticks, mut options) = (1_000_000, body.get(8..).unwrap_or_default());
        while let (Some(code @ 1..), Some(length)) = (endian.u16(options, 0), endian.u16(options, 2)) {
            let length = usize::from(length);
            if let (NG_IF_TSRESOL, Some(exponent)) = (code, options.get(4)) {
                let power = u32::from(exponent & 0x7f);
                let base: u64 = if exponent & 0x80 == 0 { 10 } else { 2 };
                ticks = base.checked_pow(power).unwrap_or(u64::MAX);
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(Self { link, ticks })
    }

    fn micros(&self, stamp: u64) -> u64 {
        (u128::from(stamp) * 1_000_000 / u128::from(self.ticks)) as u64
    }
}

fn next_generation(capture: &[u8]) -> Capture<'_> {
    let mut found = Capture::default();
    let mut interfaces = Vec::new();
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
            interfaces.clear();
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
            NG_INTERFACE => interfaces.extend(Interface::read(body, endian)),
            NG_ENHANCED_PACKET => {
                if let Some((interface, stamp, frame)) = enhanced_packet(body, &interfaces, endian) {
                    found.take(interface.link, frame, interface.micros(stamp));
                }
            }
            NG_SIMPLE_PACKET => {
                let frame = endian.u32(body, 0).and_then(|length| {
                    let rest = body.get(4..)?;
                    rest.get(..rest.len().min(length as usize))
                });
                if let (Some(interface), Some(frame)) = (interfaces.first(), frame) {
                    found.take(interface.link, frame, 0);
                }
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    found.passed.ends_early = !rest.is_empty();
    found
}

fn enhanced_packet<'a>(body: &'a [u8], interfaces: &[Interface], endian: Endian) -> Option<(Interface, u64, &'a [u8])> {
    let interface = *interfaces.get(endian.u32(body, 0)? as usize)?;
    let stamp = u64::from(endian.u32(body, 4)?) << 32 | u64::from(endian.u32(body, 8)?);
    let length = endian.u32(body, 12)? as usize;
    Some((interface, stamp, body.get(20..)?.get(..length)?))
}

fn is_followed(link: u32) -> bool {
    matches!(
        link,
        LINK_NULL | LINK_ETHERNET | LINK_RAW | LINK_LOOP | LINK_LINUX_SLL | LINK_IPV4 | LINK_IPV6 | LINK_LINUX_SLL2
    ) || LINK_RAW_BSD.contains(&link)
}

/// What a frame was.
enum Frame<'a> {
    Udp(SocketAddr, SocketAddr, &'a [u8]),
    Fragment,
    Cut,
}

impl<'a> Capture<'a> {
    fn take(&mut self, link: u32, frame: &'a [u8], micros: u64) {
        if !is_followed(link) {
            self.passed.links = (self.passed.links.0 + 1, link);
            return;
        }
        match packet_of(link, frame).and_then(udp) {
            Some(Frame::Udp(from, to, payload)) => self.datagrams.push(Datagram {
                from,
                to,
                micros,
                payload,
            }),
            Some(Frame::Fragment) => self.passed.fragments += 1,
            Some(Frame::Cut) => self.passed.cut += 1,
            None => self.passed.other += 1,
        }
    }
}

/// The IP packet in a frame.
fn packet_of(link: u32, frame: &[u8]) -> Option<&[u8]> {
    match link {
        LINK_ETHERNET => internet(frame, 12),
        LINK_LINUX_SLL => internet(frame, 14),
        LINK_LINUX_SLL2 => {
            let kind = Endian::Big.u16(frame, 0)?;
            let payload = frame.get(20..)?;
            if ETHER_VLAN.contains(&kind) {
                internet(payload, 2)
            } else {
                matches!(kind, ETHER_IPV4 | ETHER_IPV6).then_some(payload)
            }
        }
        // The address family's byte order is the capturing machine's; the IP header says the version anyway.
        LINK_NULL | LINK_LOOP => frame.get(4..),
        _ => Some(frame),
    }
}

/// What follows the EtherType at `at`, past VLAN tags and PPPoE, if it is IP.
fn internet(frame: &[u8], mut at: usize) -> Option<&[u8]> {
    for _ in 0..=VLAN_TAGS {
        match Endian::Big.u16(frame, at)? {
            ETHER_IPV4 | ETHER_IPV6 => return frame.get(at + 2..),
            ETHER_PPPOE => {
                let is_ip = matches!(Endian::Big.u16(frame, at + 8)?, PPP_IPV4 | PPP_IPV6);
                return is_ip.then(|| frame.get(at + 10..))?;
            }
            tag if ETHER_VLAN.contains(&tag) => at += 4,
            _ => return None,
        }
    }
    None
}

/// The UDP datagram in an IP packet.
fn udp(packet: &[u8]) -> Option<Frame<'_>> {
    let (from, to, udp): (IpAddr, IpAddr, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet.first()? & 15) * 4;
            if *packet.get(9)? != IP_PROTOCOL_UDP {
                return None;
            }
            // More fragments, or an offset.
            if Endian::Big.u16(packet, 6)? & 0x3fff != 0 {
                return Some(Frame::Fragment);
            }
            let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
            (address(12)?.into(), address(16)?.into(), packet.get(header..)?)
        }
        6 => {
            let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?));
            let (mut next, mut at) = (*packet.get(6)?, 40);
            for _ in 0..IPV6_EXTENSIONS {
                match next {
                    IPV6_HOP_BY_HOP | IPV6_ROUTING | IPV6_DESTINATION => {
                        next = *packet.get(at)?;
                        at += 8 + usize::from(*packet.get(at + 1)?) * 8;
                    }
                    IPV6_FRAGMENT => {
                        let is_whole = Endian::Big.u16(packet, at + 2)? & 0xfff9 == 0;
                        if !is_whole {
                            return (*packet.get(at)? == IP_PROTOCOL_UDP).then_some(Frame::Fragment);
                        }
                        next = *packet.get(at)?;
                        at += 8;
                    }
                    _ => break,
                }
            }
            if next != IP_PROTOCOL_UDP {
                return None;
            }
            (address(8)?.into(), address(24)?.into(), packet.get(at..)?)
        }
        _ => return None,
    };
    let length = usize::from(Endian::Big.u16(udp, 4)?);
    let (from, to) = (
        SocketAddr::new(from, Endian::Big.u16(udp, 0)?),
        SocketAddr::new(to, Endian::Big.u16(udp, 2)?),
    );
    // What lies beyond the datagram is padding of the link.
    Some(match udp.get(8..length) {
        Some(payload) => Frame::Udp(from, to, payload),
        None if length < 8 => return None,
        None => Frame::Cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(capture: &[u8]) -> Vec<&[u8]> {
        let found = read(capture).unwrap();
        found.datagrams.iter().map(|found| found.payload).collect()
    }

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
        let cooked2_vlan = [&[0x81, 0][..], &[0; 18], &[0, 7, 8, 0]].concat();
        let pppoe = [&[0; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 99, 0, 0x21]].concat();
        let cooked2 = [&[8, 0][..], &[0; 18]].concat();
        for (link, prefix) in [
            (LINK_ETHERNET, &ethernet[..]),
            (LINK_ETHERNET, &vlan),
            (LINK_LINUX_SLL, &cooked),
            (LINK_LINUX_SLL2, &cooked2),
            (LINK_LINUX_SLL2, &cooked2_vlan),
            (LINK_ETHERNET, &pppoe),
            (LINK_LOOP, &[0, 0, 0, 2]),
            (12, &[]),
            (LINK_NULL, &[2, 0, 0, 0]),
            (LINK_RAW, &[]),
        ] {
            for (magic, big) in [([0xd4, 0xc3, 0xb2, 0xa1], false), ([0xa1, 0xb2, 0x3c, 0x4d], true)] {
                let capture = classic_capture(magic, big, link, &[framed(prefix, b"one"), framed(prefix, b"two")]);
                assert_eq!(payloads(&capture), [b"one", b"two"], "link type {link}");
            }
        }
    }

    #[test]
    fn next_generation_captures_are_read_in_both_byte_orders() {
        for big in [false, true] {
            let number = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
            let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
            let block = |kind: u32, body: &[u8]| {
                let padded = body.len().next_multiple_of(4);
                let length = number(padded as u32 + 12);
                [&number(kind)[..], &length, body, &vec![0; padded - body.len()], &length].concat()
            };
            let frame = framed(&[], b"speech");
            let link = if big { [0, 101, 0, 0] } else { [101, 0, 0, 0] };
            let lengths = number(frame.len() as u32);
            // The interface counts milliseconds.
            let packet = [&number(0)[..], &number(0), &number(7000), &lengths, &lengths, &frame].concat();
            let capture = [
                block(NG_SECTION, &[&number(NG_BYTE_ORDER)[..], &[0; 12]].concat()),
                block(
                    NG_INTERFACE,
                    &[&link[..], &[0; 4], &short(9), &short(1), &[3, 0, 0, 0], &[0; 4]].concat(),
                ),
                block(5, &[0; 8]),
                block(NG_ENHANCED_PACKET, &packet),
            ]
            .concat();
            let found = read(&capture).unwrap();
            let at = |port: u16| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            assert_eq!(
                found.datagrams,
                [Datagram {
                    from: at(0x1234),
                    to: at(0x4321),
                    micros: 7_000_000,
                    payload: b"speech"
                }]
            );
        }
    }

    /// Raw IPv6 with extension headers before its UDP.
    fn ipv6_udp(extensions: &[u8], first: u8, payload: &[u8]) -> Vec<u8> {
        let length = (extensions.len() + 8 + payload.len()) as u16;
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([first, 64]);
        packet.extend([0; 15]);
        packet.push(1);
        packet.extend([0; 15]);
        packet.push(2);
        packet.extend(extensions);
        packet.extend([0x12, 0x34, 0x43, 0x21]);
        packet.extend((8 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn ipv6_is_read_past_its_extension_headers() {
        let hop = [IP_PROTOCOL_UDP, 0, 1, 4, 0, 0, 0, 0];
        let atomic = [IP_PROTOCOL_UDP, 0, 0, 0, 9, 9, 9, 9];
        let frames = [
            ipv6_udp(&[], IP_PROTOCOL_UDP, b"one"),
            ipv6_udp(&hop, IPV6_HOP_BY_HOP, b"two"),
            ipv6_udp(&atomic, IPV6_FRAGMENT, b"three"),
        ];
        let capture = classic_capture([0xd4, 0xc3, 0xb2, 0xa1], false, LINK_IPV6, &frames);
        assert_eq!(payloads(&capture), [&b"one"[..], b"two", b"three"]);
        assert_eq!(read(&capture).unwrap().datagrams[0].from, "[::1]:4660".parse().unwrap());
    }

    #[test]
    fn what_is_passed_over_is_counted_and_named() {
        let mut fragment = ipv4_udp(b"part");
        fragment[6] = 0x20;
        let six = ipv6_udp(&[IP_PROTOCOL_UDP, 0, 0, 1, 9, 9, 9, 9], IPV6_FRAGMENT, b"part");
        let mut cut = ipv4_udp(b"captured in part");
        cut.truncate(40);
        let mut tcp = ipv4_udp(b"other");
        tcp[9] = 6;
        let mut capture = classic_capture(
            [0xd4, 0xc3, 0xb2, 0xa1],
            false,
            LINK_RAW,
            &[fragment, six, cut, tcp, ipv4_udp(b"whole")],
        );
        capture.extend([0; 9]);
        let found = read(&capture).unwrap();
        assert_eq!(payloads(&capture), [b"whole"]);
        assert_eq!(
            found.passed,
            PassedOver {
                fragments: 2,
                cut: 1,
                links: (0, 0),
                other: 1,
                ends_early: true
            }
        );
        assert_eq!(found.passed.notes().len(), 3, "{:?}", found.passed.notes());
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
            let _ = read(&capture[..length]);
        }
        for at in 0..capture.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = capture.clone();
                damaged[at] = value;
                let _ = read(&damaged);
            }
        }
        assert_eq!(read(b"hello"), Err(PcapError::NotCapture));
        assert_eq!(
            read(&classic_capture([0xd4, 0xc3, 0xb2, 0xa1], false, 147, &[])),
            Err(PcapError::LinkType(147))
        );
    }
}
