//! An INFO of 700 bytes: request line, eleven headers that nobody asked for, and those that the binding reads. Demanded
//! are Call-ID, CSeq's number, the media type in its two parts, Info-Package, the three OHP headers, and the body by
//! its length.

use ohp::transport::{Info, MediaType};
use rsip::prelude::{HeadersExt as _, UntypedHeader as _};

use super::{leaked, text};
use crate::c;
use crate::race::{Contestant, Row, opaque};

const HEAD: &str = "INFO sip:bob@198.51.100.7:5060;transport=udp SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.example.com:5060;branch=z9hG4bKnashds8;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Alice\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
    To: <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
    CSeq: 314159 INFO\r\n\
    Contact: <sip:alice@pc33.atlanta.example.com:5060>\r\n\
    User-Agent: Example PBX 22.1\r\n\
    Info-Package: ohp\r\n\
    OHP-Version: 0.1\r\n\
    OHP-Tier: core\r\n\
    OHP-Verb: PROPOSE\r\n\
    Content-Type: application/ohp+cbor\r\n\
    Content-Disposition: Info-Package\r\n\
    Content-Length: 127\r\n\r\n";

/// Length of the whole message.
const LEN: usize = 700;

fn ours(message: &[u8]) -> Option<u64> {
    let info = Info::parse_message(message).ok()?;
    let media = info.media().ok()??.media;
    let (kind, subtype) = MediaType::as_str(media).split_once('/')?;
    Some(
        text(info.call_id?)
            + u64::from(info.cseq?)
            + text(kind)
            + text(subtype)
            + text(info.info_package?)
            + text(info.ohp_version?)
            + text(info.ohp_tier?)
            + text(info.ohp_verb?)
            + text(info.body),
    )
}

fn by_rsip(message: &[u8]) -> Option<u64> {
    let request = rsip::Request::try_from(message).ok()?;
    let other = |name: &str| {
        request.headers.iter().find_map(|header| match header {
            rsip::Header::Other(other, value) if other.eq_ignore_ascii_case(name) => Some(text(value)),
            _ => None,
        })
    };
    let kind = request.headers.iter().find_map(|header| match header {
        rsip::Header::ContentType(kind) => Some(kind.value()),
        _ => None,
    })?;
    let (kind, subtype) = kind.split_once('/')?;
    Some(
        text(request.call_id_header().ok()?.value())
            + u64::from(request.cseq_header().ok()?.seq().ok()?)
            + text(kind)
            + text(subtype)
            + other("Info-Package")?
            + other("OHP-Version")?
            + other("OHP-Tier")?
            + other("OHP-Verb")?
            + text(&request.body),
    )
}

fn by_rsipstack(message: &[u8]) -> Option<u64> {
    use rsipstack::sip::{Header, HeadersExt as _, SipMessage, parser::parse_message};
    let SipMessage::Request(request) = parse_message(message).ok()? else {
        return None;
    };
    let other = |name: &str| {
        request.headers.iter().find_map(|header| match header {
            Header::Other(other, value) if other.eq_ignore_ascii_case(name) => Some(text(value)),
            _ => None,
        })
    };
    let kind = request.headers.iter().find_map(|header| match header {
        Header::ContentType(kind) => Some(kind.value()),
        _ => None,
    })?;
    let (kind, subtype) = kind.split_once('/')?;
    Some(
        text(request.call_id_header().ok()?.value())
            + u64::from(request.cseq_header().ok()?.seq().ok()?)
            + text(kind)
            + text(subtype)
            + other("Info-Package")?
            + other("OHP-Version")?
            + other("OHP-Tier")?
            + other("OHP-Verb")?
            + text(&request.body),
    )
}

pub fn row() -> Row {
    let mut message = HEAD.as_bytes().to_vec();
    message.extend((message.len()..LEN).map(|at| (at as u8) | 0x80));
    let message = leaked(message);
    let answer = ours(message).expect("an INFO");
    let mut missing = Vec::new();
    let mut contestants = vec![
        Contestant::new("ours", "", move || ours(opaque(message)).unwrap_or_default()),
        Contestant::new("rsip", "copies every header", move || {
            by_rsip(opaque(message)).unwrap_or_default()
        }),
        Contestant::new("rsipstack", "copies every header", move || {
            by_rsipstack(opaque(message)).unwrap_or_default()
        }),
    ];
    c::KAMAILIO_INFO.enter(
        "allocator of ours, cheaper than its own",
        message,
        &mut contestants,
        &mut missing,
    );
    c::PJSIP.enter("", message, &mut contestants, &mut missing);
    c::LIBRE_INFO.enter("", message, &mut contestants, &mut missing);
    c::LIBOSIP2.enter("copies every header", message, &mut contestants, &mut missing);
    Row {
        name: "INFO of 700 bytes, all headers needed",
        goal: Some(500.0),
        answer,
        contestants,
        missing,
    }
}
