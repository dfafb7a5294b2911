//! The header lines of an INFO: what a PBX may hand over, and what is refused with its place.

use ohp::transport::Info;
use ohp::transport::header::{self, ErrorKind, HEADERS_MAX};

use super::fixtures::Sent;

fn kind(headers: &str) -> (ErrorKind, usize) {
    let error = Info::parse(headers.as_bytes(), b"").expect_err(headers);
    (error.kind, error.offset)
}

#[test]
fn the_protocols_own_example_is_read() {
    let headers = "INFO sip:callee@example.com SIP/2.0\r\n\
        Via: SIP/2.0/TLS proxy.example.com;branch=z9hG4bK776\r\n\
        Call-ID: callid_2026K9\r\n\
        CSeq: 102 INFO\r\n\
        Content-Type: application/ohp+cbor\r\n\
        Content-Encoding: deflate\r\n\
        Content-Length: 5\r\n\
        OHP-Version: 0.1\r\n\
        OHP-Tier: regulated\r\n\
        OHP-Verb: PROPOSE\r\n\r\n";
    let expected = Info {
        call_id: Some("callid_2026K9"),
        cseq: Some(102),
        content_type: Some("application/ohp+cbor"),
        content_encoding: Some("deflate"),
        content_length: Some(5),
        info_package: None,
        ohp_version: Some("0.1"),
        ohp_tier: Some("regulated"),
        ohp_verb: Some("PROPOSE"),
        body: b"a\0bc\xFF",
    };
    assert_eq!(Info::parse(headers.as_bytes(), b"a\0bc\xFF"), Ok(expected));
    assert_eq!(
        Info::parse(headers.replace("\r\n", "\n").as_bytes(), b"a\0bc\xFF"),
        Ok(expected)
    );
    let without_request_line = headers.split_once("\r\n").expect("lines").1;
    assert_eq!(Info::parse(without_request_line.as_bytes(), b"a\0bc\xFF"), Ok(expected));
    let whole = [headers.as_bytes(), b"a\0bc\xFF and the datagram's rest"].concat();
    assert_eq!(Info::parse_message(&whole), Ok(expected));
}

#[test]
fn compact_forms_any_case_folds_and_blanks_mean_the_same() {
    for headers in [
        "Call-ID: a@b\r\nContent-Type: multipart/ohp; chunk=1\r\nContent-Encoding: deflate\r\nContent-Length: 3\r\n",
        "i:a@b\nc:multipart/ohp; chunk=1\ne:deflate\nl:3\n",
        "CALL-id \t:\t a@b \r\nc:  multipart/ohp; chunk=1\r\nE : deflate\r\nL: 3",
        "call-id:\r\n a@b\r\ncontent-type:\r\n\t multipart/ohp; chunk=1\r\ncontent-encoding: deflate \r\n \r\nl:3\r\n\r\n",
    ] {
        let info = Info::parse(headers.as_bytes(), b"xyz").expect(headers);
        assert_eq!(info.call_id, Some("a@b"), "{headers}");
        assert_eq!(info.content_type, Some("multipart/ohp; chunk=1"), "{headers}");
        assert_eq!(info.content_encoding, Some("deflate"), "{headers}");
        assert_eq!(info.content_length, Some(3), "{headers}");
    }
    let folded = "Content-Type: multipart/ohp;\r\n boundary=b;\r\n\tchunk=2\r\nOHP-Tier: core\r\n";
    let info = Info::parse(folded.as_bytes(), b"").expect("folded");
    let media = info.media().expect("a Content-Type").expect("present");
    assert_eq!(media.chunk, Some(2));
    assert_eq!(info.ohp_tier, Some("core"));
}

#[test]
fn a_header_that_may_stand_once_is_refused_twice() {
    for name in [
        "Call-ID",
        "Content-Type",
        "Content-Encoding",
        "Info-Package",
        "OHP-Version",
        "OHP-Tier",
        "OHP-Verb",
    ] {
        let headers = format!("{name}: a\r\nVia: x\r\n{}: a\r\n", name.to_lowercase());
        assert_eq!(kind(&headers), (ErrorKind::Repeated, name.len() + 13), "{name}");
    }
    assert_eq!(kind("i: a\r\nCall-ID: a\r\n").0, ErrorKind::Repeated);
    assert_eq!(kind("CSeq: 1\r\nCSeq: 1\r\n").0, ErrorKind::Repeated);
    assert_eq!(kind("l: 0\r\nContent-Length: 0\r\n").0, ErrorKind::Repeated);
    assert!(Info::parse(b"Via: a\r\nVia: b\r\n", b"").is_ok());
}

#[test]
fn malformed_lines_are_refused_at_their_place() {
    assert_eq!(kind("Via: x\r\nno colon\r\n"), (ErrorKind::Field, 8));
    assert_eq!(kind(" folded: onto nothing\r\n"), (ErrorKind::Field, 0));
    assert_eq!(kind(": no name\r\n"), (ErrorKind::Field, 0));
    assert_eq!(kind("SIP/2.0 200 OK\r\n"), (ErrorKind::Field, 0));
    assert_eq!(kind("Call-ID: a\0b\r\n"), (ErrorKind::Text, 10));
    assert_eq!(kind("CSeq: x INFO\r\n"), (ErrorKind::CSeq, 6));
    for cseq in ["", "+1 INFO", "-1 INFO", "4294967296 INFO", "1 INVITE", "1 INFO INFO"] {
        assert_eq!(kind(&format!("CSeq: {cseq}\r\n")).0, ErrorKind::CSeq, "{cseq}");
    }
    for length in ["", "x", "+1", "-1", "4294967296", "1 2"] {
        assert_eq!(
            kind(&format!("l: {length}\r\n")).0,
            ErrorKind::ContentLength,
            "{length}"
        );
    }
    let not_utf8 = Info::parse(b"OHP-Tier: c\xFFre\r\n", b"").expect_err("not UTF-8");
    assert_eq!((not_utf8.kind, not_utf8.offset), (ErrorKind::Text, 11));
    assert!(
        Info::parse(b"Subject: c\xFFre \0\r\n", b"").is_ok(),
        "not ours to judge"
    );
    assert_eq!(
        Info::parse(b"CSeq: 4294967295\r\n", b"").expect("a number").cseq,
        Some(u32::MAX)
    );
}

#[test]
fn a_control_character_is_found_wherever_it_stands() {
    const NAME: &str = "Call-ID: ";
    for len in 1..=26 {
        for at in 0..len {
            // What stands at an end is a blank around the value, not a part of it.
            let text = |c: char| {
                (0..len)
                    .map(|other| if other == at { c } else { 'x' })
                    .collect::<String>()
            };
            for control in (0..0x20_u8).chain([0x7f]).filter(|c| !b"\t\n\x0c\r".contains(c)) {
                let value = text(char::from(control));
                assert_eq!(
                    kind(&format!("{NAME}{value}\r\n")),
                    (ErrorKind::Text, NAME.len() + at),
                    "{value:?}"
                );
            }
            for harmless in ['é', ' ', '~', '\t'] {
                let value = format!("y{}y", text(harmless));
                let block = format!("{NAME}{value}\r\n");
                let info = Info::parse(block.as_bytes(), b"").expect(&value);
                assert_eq!(info.call_id, Some(value.as_str()));
            }
        }
    }
}

#[test]
fn a_body_cut_at_a_nul_is_noticed() {
    let sent = Sent::new(&[b"\xA1".as_slice(), &[0; 60]].concat(), Default::default()).expect("encoded");
    let message = &sent.messages()[0];
    assert!(Info::parse_message(message).is_ok());
    let nul = message.iter().position(|byte| *byte == 0).expect("a NUL");
    let error = Info::parse_message(&message[..nul]).expect_err("cut");
    assert_eq!((error.kind, error.offset), (ErrorKind::Truncated, nul));
}

#[test]
fn a_block_of_any_size_is_read_up_to_the_limit() {
    let line = "X-Filler: 0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
    let mut block = line.repeat(HEADERS_MAX / line.len());
    assert!(Info::parse(block.as_bytes(), b"").is_ok());
    block.push_str(line);
    assert_eq!(kind(&block), (ErrorKind::TooLong, HEADERS_MAX));
    let folds = format!("X: a{}Call-ID: b\r\n", "\r\n ".repeat(20_000));
    let info = Info::parse(folds.as_bytes(), b"").expect("folds");
    assert_eq!(info.call_id, None, "a folded line is no header");
}

#[test]
fn row_27_only_infos_of_our_package_are_ours() {
    let ours = |info_package, content_type| {
        Info {
            info_package,
            content_type,
            ..Info::default()
        }
        .is_ohp()
    };
    assert!(ours(None, Some("application/ohp+cbor")));
    assert!(ours(None, Some("Application / OHP+JSON ; charset=utf-8")));
    assert!(ours(None, Some("multipart/ohp, boundary=x")));
    assert!(ours(Some("ohp"), None));
    assert!(ours(Some("OHP ;v=1"), Some("application/json")));
    assert!(!ours(None, None));
    assert!(!ours(None, Some("application/dtmf-relay")));
    assert!(!ours(None, Some("application/json")));
    assert!(!ours(None, Some("application/ohp+cbor+x")));
    assert!(!ours(Some("dtmf"), Some("application/ohp+cbor")));
    assert!(!ours(Some("ohpx"), None));
}

#[test]
fn a_conversation_does_not_reach_a_log() {
    let info = Info {
        body: b"my card number",
        ..Info::default()
    };
    let shown = format!("{info:?}");
    assert!(shown.contains("body_len: 14"));
    assert!(!shown.contains("card") && !shown.contains("109"));
}

#[test]
fn what_follows_the_empty_line_is_no_field() {
    let fields = header::Fields::new(b"a:b\r\n\r\nrest").expect("short").last();
    assert!(fields.is_some_and(|field| field.is_ok()));
}
