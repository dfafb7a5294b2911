//! Session descriptions as PBXs, SBCs and browsers send them, and the hints made from them.

use std::time::Duration;

use ohp::media::sdp::{Agreement, Description, Direction, ErrorKind, MAX_FORMATS, MAX_HINTS, MAX_LEN, SdpHints};
use ohp::media::{Codec, PayloadTypes};

const ANSWER: &str = "v=0\r\n\
    o=- 1 1 IN IP4 192.0.2.1\r\n\
    s=call\r\n\
    c=IN IP4 192.0.2.1\r\n\
    t=0 0\r\n\
    a=sendonly\r\n\
    m=audio 4000 RTP/AVP 8 0 96 101 13\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\n\
    a=ptime:20\r\n\
    a=maxptime:60\r\n\
    m=video 0 RTP/AVP 31\r\n\
    c=IN IP6 2001:db8::1\r\n\
    a=inactive\r\n";

fn parse(text: &str) -> Description<'_> {
    Description::parse(text.as_bytes()).expect("a session description")
}

fn error(text: &str) -> (ErrorKind, usize) {
    let error = Description::parse(text.as_bytes()).expect_err("a broken description");
    (error.kind, error.offset)
}

#[test]
fn sections_ports_protocols_and_formats_are_read() {
    let answer = parse(ANSWER);
    let [audio, video] = answer.media().collect::<Vec<_>>().try_into().expect("two sections");
    assert_eq!(
        (audio.kind(), audio.port(), audio.ports(), audio.protocol()),
        ("audio", 4000, 1, "RTP/AVP")
    );
    assert!(audio.format_list().eq(["8", "0", "96", "101", "13"]));
    assert!(!audio.is_refused() && video.is_refused());
    let formats = audio.formats();
    let shown: Vec<_> = formats
        .iter()
        .map(|format| {
            (
                format.payload_type,
                format.encoding,
                format.clock_rate,
                format.channels,
                format.parameters,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (8, "PCMA", 8000, 1, ""),
            (0, "PCMU", 8000, 1, ""),
            (96, "opus", 48000, 2, "minptime=10;useinbandfec=1"),
            (101, "telephone-event", 8000, 1, "0-16"),
            (13, "CN", 8000, 1, ""),
        ]
    );
    assert_eq!(audio.packet_time(), Some(Duration::from_millis(20)));
    assert_eq!(audio.max_packet_time(), Some(Duration::from_millis(60)));
    assert_eq!(
        audio.payload_types(),
        PayloadTypes::NONE
            .with(8, Codec::Pcma)
            .with(0, Codec::Pcmu)
            .with(96, Codec::Opus)
    );
}

#[test]
fn what_the_session_says_holds_where_a_section_says_nothing() {
    let answer = parse(ANSWER);
    let [audio, video] = answer.media().collect::<Vec<_>>().try_into().expect("two sections");
    assert_eq!(
        (audio.direction(), video.direction()),
        (Direction::SendOnly, Direction::Inactive)
    );
    let address = |media: &ohp::media::sdp::Media<'static>| media.connection().map(|connection| connection.address);
    assert_eq!(
        (address(&audio), address(&video)),
        (Some("192.0.2.1"), Some("2001:db8::1"))
    );
    let plain = parse("v=0\nm=audio 4000 RTP/AVP 0\n");
    let audio = plain.audio().expect("one section");
    assert_eq!((audio.direction(), audio.connection()), (Direction::SendRecv, None));
}

#[test]
fn static_payload_types_need_no_rtpmap_and_dynamic_ones_do() {
    let offer = parse("v=0\nm=audio 4000 RTP/SAVP 0 3 8 9 13 18 97 0\n");
    let audio = offer.audio().expect("one section");
    let formats = audio.formats();
    let names: Vec<_> = formats
        .iter()
        .map(|format| (format.payload_type, format.encoding))
        .collect();
    let expected = [
        (0, "PCMU"),
        (3, "GSM"),
        (8, "PCMA"),
        (9, "G722"),
        (13, "CN"),
        (18, "G729"),
        (97, ""),
    ];
    assert_eq!(names, expected);
    assert_eq!(formats.get(9).map(|format| format.clock_rate), Some(8000));
    assert!(!formats.get(97).is_some_and(|format| format.is_audio()));
}

#[test]
fn the_first_of_several_lines_about_the_same_thing_counts() {
    let text = "v=0\nm=audio 4000 RTP/AVP 96\nc=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\na=recvonly\na=sendonly\n\
        a=rtpmap:96 opus/48000/2\na=rtpmap:96 PCMU/8000\na=fmtp:96 x=1\na=fmtp:96 x=2\na=ptime:20\na=ptime:30\n";
    let audio = parse(text).audio().expect("one section");
    let formats = audio.formats();
    let format = formats.get(96).expect("the format");
    assert_eq!((format.encoding, format.parameters), ("opus", "x=1"));
    assert_eq!(
        audio.connection().map(|connection| connection.address),
        Some("192.0.2.1")
    );
    assert_eq!(audio.direction(), Direction::RecvOnly);
    assert_eq!(audio.packet_time(), Some(Duration::from_millis(20)));
}

#[test]
fn hold_is_a_direction_or_the_address_of_nowhere() {
    let held = |lines: &str| {
        let text = format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n{lines}");
        parse(&text).audio().expect("one section").is_hold()
    };
    assert!(!held("") && !held("a=sendrecv\n") && !held("a=recvonly\n"));
    assert!(held("a=sendonly\n") && held("a=inactive\n"));
    assert!(held("c=IN IP4 0.0.0.0\n") && held("c=IN IP6 ::\n"));
    // Browsers write that address before ICE has found one.
    assert!(!held("c=IN IP4 0.0.0.0\na=ice-ufrag:abcd\n"));
    assert!(held("c=IN IP4 0.0.0.0\na=ice-ufrag:abcd\na=inactive\n"));
    let session = "v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.1\nm=audio 4002 RTP/AVP 0\n";
    let holds: Vec<_> = parse(session).media().map(|media| media.is_hold()).collect();
    assert_eq!(holds, [false, true]);
}

#[test]
fn any_line_end_and_any_unknown_line_is_put_up_with() {
    for end in ["\r\n", "\n", "\r", "\n\n", "\r\r\n"] {
        let text = ANSWER.replace("\r\n", end);
        assert_eq!(
            SdpHints::from_answer(&parse(&text)),
            SdpHints::from_answer(&parse(ANSWER)),
            "{end:?}"
        );
    }
    let noisy = "; a comment\nv=0 \nx=unknown\nrubbish\n=\n\u{fe}\u{ff}\na=\na=:\nk=clear:x\n\
        m=audio  4000/2\tRTP/AVP  0   101 \na=rtpmap\na=rtpmap:\na=rtpmap:0\na=rtpmap:0 \na=rtpmap:0 X\na=rtpmap:0 X/\n\
        a=rtpmap:300 Y/1\na=rtpmap:44 Z/8000\na=fmtp:\na=ptime:\na=ptime:x\nc=IN\nc=\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host";
    let audio = parse(noisy).audio().expect("one section");
    assert_eq!((audio.port(), audio.ports()), (4000, 2));
    assert_eq!(audio.formats().get(0).map(|format| format.encoding), Some("PCMU"));
    assert_eq!((audio.packet_time(), audio.connection()), (None, None));
    let last = audio.attributes().last().expect("the candidate");
    assert_eq!((last.name, last.value), ("candidate", "1 1 UDP 1 192.0.2.1 9 typ host"));
    let latin = b"v=0\ns=Gr\xfc\xdfe\nm=audio 4000 RTP/AVP 0\na=x:\xff\na=sendonly\n";
    let latin = Description::parse(latin).expect("bytes that are not UTF-8 stand in passed-over lines");
    assert_eq!(latin.audio().map(|audio| audio.direction()), Some(Direction::SendOnly));
}

#[test]
fn any_number_of_sections_is_read_each_with_its_own_lines() {
    let mut text = "v=0\r\nc=IN IP4 192.0.2.1\r\n".to_string();
    for port in 1..=6 {
        text += &format!(
            "m=audio {port} RTP/AVP 96\r\nc=IN IP4 192.0.2.{port}\r\na=rtpmap:96 L16/{port}\r\na=ptime:{port}\r\n"
        );
    }
    let offer = parse(&text);
    let read: Vec<_> = offer
        .media()
        .map(|media| {
            assert_eq!(media.attributes().count(), 2, "its own lines and no others");
            assert_eq!(media.packet_time(), Some(Duration::from_millis(media.port().into())));
            let address = media.connection().expect("an address").address.to_string();
            (media.port(), address, media.formats().as_slice()[0].clock_rate)
        })
        .collect();
    let expected: Vec<_> = (1..=6_u16)
        .map(|port| (port, format!("192.0.2.{port}"), u32::from(port)))
        .collect();
    assert_eq!(read, expected);

    let broken = text.replace("m=audio 6 ", "m=audio six ");
    assert_eq!(
        error(&broken),
        (ErrorKind::Port, broken.find("six").expect("it is there"))
    );
}

#[test]
fn control_characters_other_than_line_ends_stay_in_their_line() {
    let text = "v=0\r\ns=a\tb\u{1}c\u{0}d\r\nm=audio\t4000 RTP/AVP\t0\u{b}8\r\na=x:\t\t\u{2}\u{c}y\na=sendonly\r\n";
    let media = parse(text).media().next().expect("a section");
    assert_eq!((media.port(), media.direction()), (4000, Direction::SendOnly));
    assert!(media.format_list().eq(["0\u{b}8"]));
    let values: Vec<_> = media.attributes().map(|attribute| attribute.value).collect();
    assert_eq!(values, ["\u{2}\u{c}y", ""]);
}

#[test]
fn blanks_around_the_colon_of_an_attribute_are_put_up_with() {
    let answer =
        parse("v=0\nm=audio 4000 RTP/AVP 96\na=rtpmap : 96 opus / 48000 / 2 / 7\na=fmtp\t:96\tcbr=1\na=ptime: 20\n");
    let media = answer.audio().expect("audio");
    let formats = media.formats();
    let format = formats.get(96).expect("a format");
    assert_eq!(
        (format.encoding, format.clock_rate, format.channels),
        ("opus", 48_000, 2)
    );
    assert_eq!(format.parameters, "cbr=1");
    assert_eq!(media.packet_time(), Some(Duration::from_millis(20)));
}

#[test]
fn fractions_of_a_millisecond_are_read_and_nonsense_is_not() {
    let time = |value: &str| {
        let text = format!("v=0\nm=audio 4000 RTP/AVP 0\na=ptime:{value}\n");
        parse(&text).audio().expect("one section").packet_time()
    };
    assert_eq!(time("0.125"), Some(Duration::from_micros(125)));
    assert_eq!(time(" 30 "), Some(Duration::from_millis(30)));
    assert_eq!(time("2.6666666666666"), Some(Duration::from_micros(2666)));
    for nonsense in ["0", "-20", "20ms", "99999", "1.x", ""] {
        assert_eq!(time(nonsense), None, "{nonsense}");
    }
}

#[test]
fn what_makes_a_description_useless_is_named_with_its_place() {
    assert_eq!(error(""), (ErrorKind::NoVersion, 0));
    assert_eq!(error("hello"), (ErrorKind::NoVersion, 5));
    assert_eq!(error("s=x\nm=audio 1 RTP/AVP 0\nv=0\n"), (ErrorKind::NoVersion, 4));
    assert_eq!(error("s=x\nv=1\n"), (ErrorKind::Version, 4));
    assert_eq!(error("v=0\nm=\n"), (ErrorKind::MediaLine, 6));
    assert_eq!(error("v=0\nm=audio\n"), (ErrorKind::MediaLine, 11));
    assert_eq!(error("v=0\nm=audio 4000\n"), (ErrorKind::MediaLine, 16));
    assert_eq!(error("v=0\nm=audio 4000 \n"), (ErrorKind::MediaLine, 17));
    assert_eq!(error("v=0\nm=audio x RTP/AVP 0\n"), (ErrorKind::Port, 12));
    assert_eq!(error("v=0\nm=audio 65536 RTP/AVP 0\n"), (ErrorKind::Port, 12));
    let long = format!("v=0\n{}", "a=x\n".repeat(MAX_LEN / 4));
    assert_eq!(error(&long), (ErrorKind::TooLong, MAX_LEN));
}

#[test]
fn formats_beyond_the_bound_are_passed_over() {
    let numbers: String = (0..=127).map(|number| format!(" {number}")).collect();
    let text = format!("v=0\nm=audio 4000 RTP/AVP{numbers}\na=rtpmap:127 PCMU/8000\n");
    let audio = parse(&text).audio().expect("one section");
    assert_eq!(audio.formats().as_slice().len(), MAX_FORMATS);
    assert_eq!(audio.formats().get(127), None);
    let all: String = (0..MAX_HINTS + 5)
        .map(|at| format!("a=rtpmap:{} X{at}/8000\n", 96 + at))
        .collect();
    let numbers: String = (0..MAX_HINTS + 5).map(|at| format!(" {}", 96 + at)).collect();
    let text = format!("v=0\nm=audio 4000 RTP/AVP{numbers}\n{all}");
    assert_eq!(SdpHints::from_answer(&parse(&text)).len(), MAX_HINTS);
}

#[test]
fn hints_are_the_codecs_of_the_answer_in_its_order() {
    let hints = SdpHints::from_answer(&parse(ANSWER));
    assert!(hints.iter().eq(["PCMA/8000", "PCMU/8000", "OPUS/48000/2"]), "{hints:?}");
    let refused = "v=0\nm=audio 0 RTP/AVP 0\nm=image 4000 udptl t38\nm=audio 4002 RTP/AVP 8 8\n";
    assert!(SdpHints::from_answer(&parse(refused)).iter().eq(["PCMA/8000"]));
    assert_eq!(
        SdpHints::from_answer(&parse("v=0\nm=image 4000 udptl t38\n")),
        SdpHints::NONE
    );
    let long = format!("v=0\nm=audio 4000 RTP/AVP 96 0\na=rtpmap:96 {}/8000\n", "x".repeat(60));
    assert!(SdpHints::from_answer(&parse(&long)).iter().eq(["PCMU/8000"]));
}

#[test]
fn hints_are_compared_with_all_tolerance() {
    let ours = SdpHints::from_answer(&parse(ANSWER));
    let common = |received: &[&str]| match ours.compare(received.iter().copied()) {
        Agreement::Common(codec) => codec.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(common(&["OPUS/48000/2", "PCMU/8000"]), "OPUS/48000/2");
    assert_eq!(common(&["opus/48000", "pcmu/8000"]), "OPUS/48000/2");
    assert_eq!(common(&["AMR-WB/16000", "PCMU"]), "PCMU/8000");
    assert_eq!(common(&[" pcma / 8000 / 1 "]), "PCMA/8000");
    assert_eq!(common(&["", "/8000", "PCMA/x", "PCMU/8000/1"]), "PCMU/8000");
    assert_eq!(common(&["PCMU/16000", "G729/8000", "PCMA/8000/2"]), "NothingInCommon");
    assert_eq!(common(&[]), "Unknown");
    assert_eq!(common(&["", "PCMA/many"]), "Unknown");
    assert_eq!(SdpHints::NONE.compare(["PCMU/8000"]), Agreement::Unknown);
    let wideband = SdpHints::from_answer(&parse("v=0\nm=audio 4000 RTP/AVP 9\n"));
    for written in ["G722/8000", "g722/16000", "G722"] {
        assert!(matches!(wideband.compare([written]), Agreement::Common(_)), "{written}");
    }
}
