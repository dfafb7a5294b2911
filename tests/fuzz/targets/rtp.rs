//! RTP headers: the parts lie in the datagram in order and fill it, padding apart. Nothing allocates.

#![no_main]

use ohp::media::rtp::{HEADER_LEN, Packet, is_rtcp};
use ohp_fuzz::abi::exact;
use ohp_fuzz::{Seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let datagram = exact(data);
    match without_heap(|| Packet::parse(&datagram)) {
        Ok(packet) => {
            assert_eq!(datagram[0] >> 6, 2);
            let sources = packet.csrcs().len() * 4;
            let extension = packet.extension().map_or(0, |extension| 4 + extension.data.len());
            assert_eq!(sources, usize::from(datagram[0] & 15) * 4);
            assert_eq!(extension > 0, datagram[0] & 0x10 != 0);
            let padding = if datagram[0] & 0x20 == 0 { 0 } else { usize::from(datagram[datagram.len() - 1]) };
            let start = HEADER_LEN + sources + extension;
            assert_eq!(packet.payload(), &datagram[start..datagram.len() - padding]);
            assert_eq!(packet.marker(), datagram[1] >> 7 == 1);
            assert_eq!(packet.payload_type(), datagram[1] & 0x7f);
            assert_eq!(packet.sequence().to_be_bytes(), datagram[2..4]);
            assert_eq!(packet.timestamp().to_be_bytes(), datagram[4..8]);
            assert_eq!(packet.ssrc().to_be_bytes(), datagram[8..12]);
        }
        Err(error) => assert!(error.offset <= datagram.len() && !error.to_string().is_empty()),
    }
    let _ = is_rtcp(&datagram);
});

fn write_seeds(seeds: &mut Seeds) {
    let plain = [&[0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4][..], &[0x55; 160]].concat();
    seeds.add(&plain);
    let mut rich = vec![
        0xb2, 0x80, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 9, 8, 7, 6,
    ];
    rich.extend([0xff; 30]);
    rich.extend([0, 0, 0, 4]);
    seeds.add(&rich);
    seeds.add([0x80, 200, 0, 6, 0, 0, 0, 0]);
    seeds.add_shared("vectors/rtp-tcpdump-crash", &[], 2048, &[]);
}
