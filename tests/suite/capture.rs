//! The payloads of a pcap or pcapng file, read just well enough for the shared captures.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::path::Path;

/// Transport protocols of IPv4.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// All UDP payloads over IPv4 of a capture; what is cut or strange is passed over.
pub fn udp_payloads(path: &Path) -> Vec<Vec<u8>> {
    datagrams(&std::fs::read(path).expect("the capture can be read"))
}

/// What each side of each TCP connection sent, its segments joined in the order of the capture.
pub fn streams(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut streams: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for segment in segments(bytes, TCP) {
        let (Some(ports), Some(data)) = (segment.get(..4), segment.get(12).map(|len| usize::from(len >> 4) * 4)) else {
            continue;
        };
        let data = segment.get(data..).unwrap_or_default();
        match streams.iter_mut().find(|(of, _)| of == ports) {
            Some((_, stream)) => stream.extend_from_slice(data),
            None => streams.push((ports.to_vec(), data.to_vec())),
        }
    }
    streams.into_iter().map(|(_, stream)| stream).collect()
}

/// The UDP payloads of a capture's bytes.
pub fn datagrams(bytes: &[u8]) -> Vec<Vec<u8>> {
    let datagrams = segments(bytes, UDP).into_iter();
    datagrams
        .filter_map(|datagram| datagram.get(8..).map(<[u8]>::to_vec))
        .collect()
}

/// What IPv4 carries of one protocol.
fn segments(bytes: &[u8], protocol: u8) -> Vec<Vec<u8>> {
    let frames = if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        pcapng(bytes)
    } else {
        pcap(bytes)
    };
    frames
        .iter()
        .filter_map(|(link, frame)| carried(*link, frame, protocol))
        .map(<[u8]>::to_vec)
        .collect()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn pcap(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let link = u32_at(bytes, 20).expect("a file header");
    let mut frames = Vec::new();
    let mut at = 24;
    while let Some(len) = u32_at(bytes, at + 8) {
        let Some(frame) = bytes.get(at + 16..at + 16 + len as usize) else {
            break;
        };
        frames.push((link, frame));
        at += 16 + len as usize;
    }
    frames
}

fn pcapng(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let (mut links, mut frames, mut at) = (Vec::new(), Vec::new(), 0);
    while let (Some(kind), Some(len)) = (u32_at(bytes, at), u32_at(bytes, at + 4)) {
        let Some(block) = bytes.get(at..at + len as usize).filter(|block| block.len() >= 12) else {
            break;
        };
        match kind {
            1 => links.push(u32_at(block, 8).unwrap_or(0) & 0xffff),
            6 => {
                let interface = u32_at(block, 8).unwrap_or(0) as usize;
                let captured = u32_at(block, 20).unwrap_or(0) as usize;
                if let (Some(link), Some(frame)) = (links.get(interface), block.get(28..28 + captured)) {
                    frames.push((*link, frame));
                }
            }
            _ => {}
        }
        at += len as usize;
    }
    frames
}

fn carried(link: u32, frame: &[u8], protocol: u8) -> Option<&[u8]> {
    const LOOPBACK: u32 = 0;
    const ETHERNET: u32 = 1;
    const RAW: u32 = 101;
    const LINUX_COOKED: u32 = 113;
    let ip = match link {
        ETHERNET if u16_at(frame, 12)? == 0x8100 => frame.get(18..)?,
        ETHERNET => frame.get(14..)?,
        LOOPBACK => frame.get(4..)?,
        LINUX_COOKED => frame.get(16..)?,
        RAW => frame,
        _ => return None,
    };
    if ip.first()? >> 4 != 4 || *ip.get(9)? != protocol {
        return None;
    }
    let ip = ip.get(..usize::from(u16_at(ip, 2)?).min(ip.len()))?;
    ip.get(usize::from(ip.first()? & 15) * 4..)
}
