//! The RTP streams among a capture's datagrams, and what a user wants to know of each: packets, losses, duplicates, how
//! long it lasts.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ohp::media::rtp::{self, Packet};

use crate::pcap::Datagram;

/// Fewest RTP packets that make a stream: other UDP payloads look like RTP now and then.
const LEAST_PACKETS: usize = 3;
/// A step of sequence numbers that is longer, either way, is a new beginning (RFC 3550, appendix A.1).
const LONGEST_STEP: i16 = 3000;
/// A step of sequence numbers that a stream takes from one packet to the next, most of the time.
const USUAL_STEP: u16 = 50;
/// A step of the RTP clock that is longer is a new beginning, in seconds.
const LONGEST_PAUSE: u32 = 60;

/// Packets of one source between two addresses.
pub struct RtpStream<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Who sends.
    pub from: SocketAddr,
    /// Who receives.
    pub to: SocketAddr,
    /// The datagrams in the order in which they were captured.
    pub datagrams: Vec<&'a [u8]>,
    /// What is to be said about them.
    pub stats: Stats,
}

/// What is to be said about a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets, duplicates included.
    pub packets: usize,
    /// Sequence numbers that did not come.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after one with a higher sequence number.
    pub late: u64,
    /// Packets of each payload type.
    pub payload_types: BTreeMap<u8, usize>,
    /// From the first packet to the last, in microseconds, by the capture's own clock.
    pub captured_micros: u64,
    /// The RTP clock's steps from packet to packet, added up.
    ticks: u64,
    /// The commonest step from one packet to the next, in ticks.
    usual_ticks: u32,
}

impl Stats {
    /// How long the stream lasts, in milliseconds, by a clock of `clock_rate`.
    pub fn millis(&self, clock_rate: u32) -> u64 {
        (self.ticks + u64::from(self.usual_ticks)) * 1000 / u64::from(clock_rate.max(1))
    }

    /// How long a packet lasts, in milliseconds; `None` where no two follow each other.
    pub fn packet_millis(&self, clock_rate: u32) -> Option<u32> {
        (self.usual_ticks > 0).then(|| (u64::from(self.usual_ticks) * 1000 / u64::from(clock_rate.max(1))) as u32)
    }
}

/// An RTP packet as it was captured.
struct Captured<'a> {
    micros: u64,
    datagram: &'a [u8],
    packet: Packet<'a>,
}

/// The streams of a capture, the longest first. What does not count on as RTP does is none.
pub fn streams<'a>(datagrams: &[Datagram<'a>]) -> Vec<RtpStream<'a>> {
    let mut sources: BTreeMap<(SocketAddr, SocketAddr, u32), Vec<Captured<'a>>> = BTreeMap::new();
    for datagram in datagrams {
        if rtp::is_rtcp(datagram.payload) {
            continue;
        }
        if let Ok(packet) = Packet::parse(datagram.payload) {
            let source = (datagram.from, datagram.to, packet.ssrc());
            let packets = sources.entry(source).or_default();
            packets.push(Captured {
                micros: datagram.micros,
                datagram: datagram.payload,
                packet,
            });
        }
    }
    let mut streams: Vec<_> = sources
        .into_iter()
        .filter(|(_, packets)| packets.len() >= LEAST_PACKETS && counts_on(packets))
        .map(|((from, to, ssrc), packets)| RtpStream {
            ssrc,
            from,
            to,
            stats: stats(&packets),
            datagrams: packets.iter().map(|captured| captured.datagram).collect(),
        })
        .collect();
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.datagrams.len()));
    streams
}

/// Whether sequence numbers go on from packet to packet, most of the time.
fn counts_on(packets: &[Captured<'_>]) -> bool {
    let numbers: Vec<u16> = packets.iter().map(|captured| captured.packet.sequence()).collect();
    let usual = numbers
        .windows(2)
        .filter(|pair| pair[1].wrapping_sub(pair[0]).wrapping_add(USUAL_STEP) <= 2 * USUAL_STEP);
    2 * usual.count() >= numbers.len() - 1
}

fn stats(packets: &[Captured<'_>]) -> Stats {
    let mut stats = Stats {
        packets: packets.len(),
        ..Stats::default()
    };
    if let (Some(first), Some(last)) = (packets.first(), packets.last()) {
        stats.captured_micros = last.micros.saturating_sub(first.micros);
    }
    // Sequence numbers and timestamps on lines that do not wrap; a new beginning opens a line of its own.
    let mut lines: Vec<BTreeMap<i64, u32>> = Vec::new();
    let mut highest = 0_i64;
    for Captured { packet, .. } in packets {
        *stats.payload_types.entry(packet.payload_type()).or_default() += 1;
        let step = packet.sequence().wrapping_sub(highest as u16) as i16;
        match lines.last_mut() {
            Some(line) if (-LONGEST_STEP..=LONGEST_STEP).contains(&step) => {
                let number = highest + i64::from(step);
                if line.insert(number, packet.timestamp()).is_some() {
                    stats.duplicates += 1;
                } else if step < 0 {
                    stats.late += 1;
                }
                highest = highest.max(number);
            }
            _ => {
                highest = i64::from(packet.sequence());
                lines.push(BTreeMap::from([(highest, packet.timestamp())]));
            }
        }
    }
    let mut steps: BTreeMap<u32, usize> = BTreeMap::new();
    let longest = LONGEST_PAUSE * 48_000;
    for line in &lines {
        if let (Some((first, _)), Some((last, _))) = (line.first_key_value(), line.last_key_value()) {
            stats.lost += (last - first + 1) as u64 - line.len() as u64;
        }
        let each: Vec<(i64, u32)> = line.iter().map(|(number, stamp)| (*number, *stamp)).collect();
        for pair in each.windows(2) {
            let ticks = pair[1].1.wrapping_sub(pair[0].1);
            if ticks > longest {
                continue;
            }
            stats.ticks += u64::from(ticks);
            if pair[1].0 - pair[0].0 == 1 && ticks > 0 {
                *steps.entry(ticks).or_default() += 1;
            }
        }
    }
    let usual = steps.into_iter().max_by_key(|(_, count)| *count);
    stats.usual_ticks = usual.map_or(0, |(ticks, _)| ticks);
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0x55; 160]);
        packet
    }

    /// What is said about packets with these sequence numbers and timestamps.
    fn said(packets: &[(u16, u32)]) -> Option<Stats> {
        let packets: Vec<_> = packets
            .iter()
            .map(|(sequence, timestamp)| packet(*sequence, *timestamp, 7))
            .collect();
        let datagrams: Vec<_> = (0..)
            .zip(&packets)
            .map(|(nth, payload)| Datagram {
                from: "192.0.2.1:4000".parse().expect("an address"),
                to: "192.0.2.2:4000".parse().expect("an address"),
                micros: 20_000 * nth,
                payload,
            })
            .collect();
        streams(&datagrams).into_iter().next().map(|stream| stream.stats)
    }

    #[test]
    fn wrapping_numbers_and_new_beginnings_are_no_loss() {
        let wrap = said(&[
            (65_534, 0_u32.wrapping_sub(320)),
            (65_535, 0_u32.wrapping_sub(160)),
            (0, 0),
            (2, 320),
        ]);
        let wrap = wrap.expect("a stream");
        assert_eq!((wrap.packets, wrap.lost, wrap.late, wrap.duplicates), (4, 1, 0, 0));
        assert_eq!((wrap.millis(8000), wrap.packet_millis(8000)), (100, Some(20)));
        assert_eq!(wrap.captured_micros, 60_000);

        let again = said(&[
            (10, 160),
            (11, 320),
            (12, 480),
            (40_000, 9_000_000),
            (40_001, 9_000_160),
            (40_001, 9_000_160),
        ]);
        let again = again.expect("a stream");
        assert_eq!((again.lost, again.duplicates), (0, 1));
        assert_eq!(again.millis(8000), 80, "what lies between two beginnings is no time");
    }

    #[test]
    fn what_does_not_count_on_is_no_stream() {
        assert!(said(&[(1, 0), (9_000, 5), (22, 7), (40_000, 9)]).is_none());
        assert!(said(&[(1, 0), (2, 160)]).is_none(), "too few");
        assert!(said(&[(3, 0), (2, 160), (1, 320)]).is_some());
        let both: Vec<_> = [1, 2]
            .iter()
            .flat_map(|ssrc| (0..4).map(|nth| packet(nth, 0, *ssrc)))
            .collect();
        let one = |payload| Datagram {
            from: "[2001:db8::1]:4000".parse().expect("an address"),
            to: "[2001:db8::2]:4000".parse().expect("an address"),
            micros: 0,
            payload,
        };
        let both: Vec<_> = both.iter().map(|payload| one(payload)).collect();
        assert_eq!(
            streams(&both).iter().map(|stream| stream.ssrc).collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
