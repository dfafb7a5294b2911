//! Each parser by itself.

use ohp::cbor::{self, Item, json};
use ohp::media::rtp::Packet;
use ohp::media::sdp::Description;
use ohp::time::Timestamp;

use crate::print;

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";

pub fn run() {
    let (mut scratch, mut out) = ([0; 1024], [0; 256]);
    let cbor = json::to_cbor(br#"{"b":[1,2.5,null],"a":"x"}"#, json::Plain, &mut scratch, &mut out).expect("JSON");
    let item = Item::parse(cbor).expect("canonical CBOR");
    print(format_args!(
        "cbor: {} bytes, {} members",
        cbor.len(),
        item.map().expect("a map").len()
    ));
    let bad = cbor::check(b"\xbf\xff").expect_err("an indefinite length");
    print(format_args!("cbor refused: {bad}"));

    let description = Description::parse(SDP).expect("SDP");
    let audio = description.audio().expect("audio");
    let first = audio.formats().iter().next().and_then(|format| format.codec());
    print(format_args!("sdp: port {}, {first:?}", audio.port()));

    let mut packet = [0; 172];
    packet[0] = 0x80;
    packet[3] = 7;
    let packet = Packet::parse(&packet).expect("RTP");
    print(format_args!(
        "rtp: {} bytes of packet {}",
        packet.payload().len(),
        packet.sequence()
    ));

    let time = Timestamp::parse_rfc3339("2026-05-28T13:42:11.250Z").expect("RFC 3339");
    print(format_args!("time: {}", time.to_text().as_str()));
}
