//! The header lines and the body of INFOs against rsip and rsipstack.
//!
//! rsip is fed what its grammar has: no folded lines, no blank before a colon, each line with its CRLF.

use ohp::transport::{Info, MediaType};
use proptest::collection::vec;
use proptest::prelude::*;
use rsip::headers::UntypedHeader;
use rsip::prelude::ToTypedHeader;

use crate::capture::datagrams;
use crate::suite::Suite;
use crate::{Difference, Oracle, generate};

/// What an INFO says to the binding.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    call_id: Option<String>,
    cseq: Option<u32>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_length: Option<u32>,
    info_package: Option<String>,
    version: Option<String>,
    tier: Option<String>,
    verb: Option<String>,
    body: Vec<u8>,
}

/// A value with its folds as single blanks, which is what they mean (RFC 3261 §7.3.1).
fn unfolded(value: &str) -> String {
    value.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn ours(message: &[u8]) -> Option<Seen> {
    let info = Info::parse_message(message).ok()?;
    let text = |value: Option<&str>| value.map(unfolded);
    Some(Seen {
        call_id: text(info.call_id),
        cseq: info.cseq,
        content_type: text(info.content_type),
        content_encoding: text(info.content_encoding),
        content_length: info.content_length,
        info_package: text(info.info_package),
        version: text(info.ohp_version),
        tier: text(info.ohp_tier),
        verb: text(info.ohp_verb),
        body: info.body.to_vec(),
    })
}

/// Headers as another implementation holds them, `Name: value`. It may leave compact names as they are.
fn seen(headers: impl Iterator<Item = String>, body: &[u8]) -> Option<Seen> {
    let mut seen = Seen {
        body: body.to_vec(),
        ..Seen::default()
    };
    for header in headers {
        let (name, value) = header.split_once(':')?;
        let value = Some(value.trim().to_owned());
        match name.to_ascii_lowercase().as_str() {
            "call-id" | "i" => seen.call_id = value,
            "cseq" => seen.cseq = value?.split_whitespace().next()?.parse().ok(),
            "content-type" | "c" => seen.content_type = value,
            "content-encoding" | "e" => seen.content_encoding = value,
            "content-length" | "l" => seen.content_length = value?.parse().ok(),
            "info-package" => seen.info_package = value,
            "ohp-version" => seen.version = value,
            "ohp-tier" => seen.tier = value,
            "ohp-verb" => seen.verb = value,
            _ => {}
        }
    }
    Some(seen)
}

fn by_rsip(message: &[u8]) -> Option<Seen> {
    let request = rsip::Request::try_from(message).ok()?;
    seen(request.headers.iter().map(ToString::to_string), &request.body)
}

fn by_rsipstack(message: &[u8]) -> Option<Seen> {
    let request = rsipstack::sip::Request::try_from(message).ok()?;
    seen(request.headers.iter().map(ToString::to_string), &request.body)
}

/// A message, and whether rsip's grammar has it.
#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    is_plain: bool,
}

fn messages() -> impl Strategy<Value = Message> {
    let line = |long: &'static [&'static str], value: &'static str| {
        let value = proptest::string::string_regex(value).expect("a pattern");
        (prop::sample::select(long), value).prop_map(|(name, value)| (name, value))
    };
    const CONTENT_TYPE: &str = r#"application/ohp\+(cbor|json)|multipart/ohp;boundary=([a-z0-9]{1,20}|"[a-z0-9]{1,20}");total-chunks=[1-9];chunk=[1-9]"#;
    let optional = |line| proptest::option::weighted(0.7, line);
    let lines = (
        line(
            &["Call-ID", "call-id", "CALL-ID", "i", "I"],
            "[A-Za-z0-9.~*_+-]{1,40}(@[a-z0-9.]{1,20})?",
        ),
        line(&["CSeq", "cseq", "CSEQ"], "(0|[1-9][0-9]{0,8}) INFO"),
        optional(line(&["Content-Type", "content-type", "c"], CONTENT_TYPE)),
        optional(line(
            &["Content-Encoding", "content-encoding", "e"],
            "deflate|identity|gzip",
        )),
        optional(line(&["Info-Package", "info-package"], "ohp|dtmf|ohp;v=1")),
        optional(line(&["OHP-Version", "ohp-version"], "[0-9]\\.[0-9]")),
        optional(line(&["OHP-Tier", "Ohp-Tier"], "core|signed|sealed|regulated")),
        optional(line(&["OHP-Verb", "OHP-VERB"], "PROPOSE|ACCEPT|REJECT|CANCEL")),
        optional(line(
            &["Max-Forwards", "Supported", "X-Any", "Subject"],
            "[ -~]{0,30}[!-~]",
        )),
    );
    let layout = (
        vec(
            (
                prop_oneof![4 => Just(" "), 1 => Just("")],
                prop_oneof![9 => Just(""), 1 => Just(" ")],
            ),
            12,
        ),
        0..12_usize,
        prop::bool::weighted(0.3),
        prop_oneof![4 => Just("\r\n"), 1 => Just("\n")],
    );
    // A body, whether its length is stated, and what follows it in the datagram.
    let body = (
        vec(any::<u8>(), 0..120),
        prop::bool::weighted(0.8),
        prop_oneof![4 => Just(Vec::new()), 1 => vec(any::<u8>(), 1..6)],
    );
    (lines, layout, body).prop_map(|(lines, (blanks, turn, fold, end), (body, stated, rest))| {
        let (call_id, cseq, content_type, encoding, package, version, tier, verb, other) = lines;
        let mut lines = vec![
            call_id,
            cseq,
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds".to_owned()),
        ];
        lines.extend(
            [content_type, encoding, package, version, tier, verb, other]
                .into_iter()
                .flatten(),
        );
        if stated {
            lines.push(("Content-Length", body.len().to_string()));
        }
        let len = lines.len();
        lines.rotate_left(turn % len);
        let mut text = format!("INFO sip:callee@example.com SIP/2.0{end}");
        // rsipstack finds the empty line by its CRLFs.
        let mut is_plain = end == "\r\n";
        for ((name, value), (behind, before)) in lines.into_iter().zip(blanks) {
            let folded = fold && value.contains(';') && name != "Via";
            let value = if folded {
                value.replace(';', &format!(";{end} "))
            } else {
                value
            };
            is_plain &= before.is_empty() && !folded;
            text += &format!("{name}{before}:{behind}{value}{end}");
        }
        text += end;
        let rest = if stated { rest } else { Vec::new() };
        Message {
            bytes: [text.as_bytes(), &body, &rest].concat(),
            is_plain,
        }
    })
}

fn same_but_body(ours: &Option<Seen>, theirs: &Option<Seen>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut ours, mut theirs) = (ours.clone()?, theirs.clone()?);
    let bodies = (std::mem::take(&mut ours.body), std::mem::take(&mut theirs.body));
    (ours == theirs).then_some(bodies)
}

fn is_uncut(_: &[u8], ours: &Option<Seen>, theirs: &Option<Seen>) -> bool {
    let bodies = same_but_body(ours, theirs);
    bodies.is_some_and(|(ours, theirs)| theirs.len() > ours.len() && theirs.starts_with(&ours))
}

const UNCUT: Difference<[u8], Option<Seen>> = Difference {
    why: "rsip takes all that follows the empty line for the body; RFC 3261 §18.3 ends it at Content-Length.",
    is: is_uncut,
};

fn is_dropped(_: &[u8], ours: &Option<Seen>, theirs: &Option<Seen>) -> bool {
    let bodies = same_but_body(ours, theirs);
    let unstated = ours.as_ref().is_some_and(|seen| seen.content_length.is_none());
    unstated && bodies.is_some_and(|(ours, theirs)| !ours.is_empty() && theirs.is_empty())
}

fn has_bare_line_feeds(message: &[u8], ours: &Option<Seen>, theirs: &Option<Seen>) -> bool {
    let head = message.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    ours.is_some() && theirs.is_none() && head.into_iter().all(|line| !line.ends_with(b"\r"))
}

#[test]
fn infos_are_read_as_by_rsip_and_rsipstack() {
    let mut rsip = Oracle::new("rsip", [UNCUT]);
    let mut rsipstack = Oracle::new(
        "rsipstack",
        [
            Difference {
                why: "rsipstack drops a body without Content-Length; RFC 3261 §18.3 lets a datagram's end end it.",
                is: is_dropped,
            },
            Difference {
                why: "rsipstack wants CRLF; a host may hand over header lines that end in LF.",
                is: has_bare_line_feeds,
            },
        ],
    );
    let mut plain = 0;
    generate(4000, messages(), |message| {
        let info = ours(&message.bytes);
        assert!(info.is_some(), "{message:?}");
        if message.is_plain {
            rsip.compare("generated", &message.bytes[..], info.clone(), by_rsip(&message.bytes));
            plain += 1;
        }
        rsipstack.compare("generated", &message.bytes[..], info, by_rsipstack(&message.bytes));
    });
    assert!(plain > 1000, "{plain}");
    rsip.end();
    rsipstack.end();
}

/// A content type as both name it: media type, boundary, number and count of the chunk.
type Named = (MediaType, Option<String>, Option<u32>, Option<u32>);

#[test]
fn content_types_are_read_as_by_rsip() {
    fn by_rsip(value: &str) -> Option<Named> {
        let rsip::headers::typed::ContentType(rsip::headers::typed::MediaType::Other(name, params)) =
            rsip::headers::ContentType::new(value).typed().ok()?
        else {
            return None;
        };
        let param = |name: &str| {
            params
                .iter()
                .find(|param| param.0.eq_ignore_ascii_case(name))
                .map(|param| param.1.clone())
        };
        let number = |name: &str| param(name)?.parse().ok();
        Some((
            MediaType::of(&name),
            param("boundary"),
            number("chunk"),
            number("total-chunks"),
        ))
    }
    let mut rsip = Oracle::new("rsip, Content-Type", []);
    generate(4000, messages(), |message| {
        let info = Info::parse_message(&message.bytes).expect("an INFO");
        let Some(value) = info.content_type.map(unfolded) else {
            return;
        };
        let media = info.media().expect("a content type").expect("present");
        let boundary = media.boundary.map(|boundary| boundary.as_str().to_owned());
        rsip.compare(
            "generated",
            value.as_str(),
            Some((media.media, boundary, media.chunk, media.total)),
            by_rsip(&value),
        );
    });
    rsip.end();
}

/// Captured calls hold no INFO; their requests are read as if they were some, with no `CSeq` to say otherwise.
#[test]
fn captured_requests_are_read_as_by_rsip_and_rsipstack() {
    let mut rsip = Oracle::new("rsip, captures", [UNCUT]);
    let mut rsipstack = Oracle::new("rsipstack, captures", []);
    let methods = ["INVITE ", "ACK ", "BYE ", "REGISTER ", "OPTIONS "];
    let mut any = false;
    for name in ["sip-rtp-ndpi", "sip-suricata-pcap"] {
        for (name, bytes) in Suite::inputs(name, &["pcap", "pcapng"]) {
            for datagram in datagrams(&bytes) {
                let Ok(text) = String::from_utf8(datagram) else {
                    continue;
                };
                if !methods.iter().any(|method| text.starts_with(method)) {
                    continue;
                }
                let is_cseq = |line: &&str| !line.to_ascii_lowercase().starts_with("cseq");
                let message = text
                    .split_inclusive('\n')
                    .filter(is_cseq)
                    .collect::<String>()
                    .into_bytes();
                rsip.compare(&name, &message[..], ours(&message), by_rsip(&message));
                rsipstack.compare(&name, &message[..], ours(&message), by_rsipstack(&message));
                any = true;
            }
        }
    }
    assert!(any || !crate::suite::are_here());
    rsip.end();
    rsipstack.end();
}
