//! Third-party suites of SIP messages, MIME headers and deflate streams.
//!
//! None has an INFO in it, and the binding reads nothing else: `CSeq` is made to say INFO where it names the message's
//! own method. Everything else of a message stays as it is.

use ohp::crypto::sha256;
use ohp::envelope::SHAPE;
use ohp::transport::body::{self, Declared, Encoding};
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::multipart::Chunk;
use ohp::transport::{ContentType, ENVELOPE_MAX, Info};

use crate::capture::{datagrams, streams};
use crate::suite::{Exception, Suite, same, to_hex};

/// Torture messages that RFC 4475 (or the suite's folder) calls invalid, and are read all the same.
const TORTURE: &[Exception] = &[
    Exception {
        outcome: "read",
        reason: "Well-formed (RFC 4475 §3.2 to §3.4); what it asks of the receiver is the host's to answer.",
        cases: &[
            "invalid/badbranch.dat",
            "invalid/bcast.dat",
            "invalid/bext01.dat",
            "invalid/cparam01.dat",
            "invalid/cparam02.dat",
            "invalid/insuf.dat",
            "invalid/inv2543.dat",
            "invalid/invut.dat",
            "invalid/novelsc.dat",
            "invalid/regaut01.dat",
            "invalid/regescrt.dat",
            "invalid/sdp01.dat",
            "invalid/unkscm.dat",
            "invalid/unksm2.dat",
            "invalid/zeromf.dat",
        ],
    },
    Exception {
        outcome: "read",
        reason: "The fault is in a value that is the host's and not read here: To, From, Contact, Via, Date.",
        cases: &[
            "invalid/badaspec.dat",
            "invalid/baddate.dat",
            "invalid/baddn.dat",
            "invalid/badinv01.dat",
            "invalid/quotbal.dat",
            "invalid/regbadct.dat",
        ],
    },
    Exception {
        outcome: "read",
        reason: "The fault is in the start line, which the host has read before an INFO comes here.",
        cases: &[
            "invalid/bigcode.dat",
            "invalid/escruri.dat",
            "invalid/ltgtruri.dat",
            "invalid/lwsruri.dat",
            "invalid/lwsstart.dat",
            "invalid/trws.dat",
        ],
    },
];

/// Kamailio's messages whose names call them bad and that are read, and the others that are refused.
const KAMAILIO: &[Exception] = &[
    Exception {
        outcome: "read",
        reason: "The fault is in a value that is the host's and not read here: Via, Contact, credentials.",
        cases: &["bad_uri.sip", "bad_via1.sip", "invite6-badbranch-via.sip"],
    },
    Exception {
        outcome: "read",
        reason: "A host may hand over header lines without an empty one; with no Content-Length nothing is missing.",
        cases: &["no_eom_reply.sip"],
    },
    Exception {
        outcome: "refused: Field",
        reason: "A line has no colon: `Call-ID;`, or a lone `text/plain`.",
        cases: &["invite5-callid.sip", "message02.sip", "rport.sip"],
    },
    Exception {
        outcome: "refused: Truncated",
        reason: "The body has fewer bytes than Content-Length says: none of 4.",
        cases: &["message.sip"],
    },
];

/// The message as an INFO: `CSeq` says so where it named the method of the request line, or any method of a response,
/// whose status line is left out.
fn as_info(message: &[u8]) -> Vec<u8> {
    let end = |from: usize| {
        message[from..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(message.len(), |at| from + at + 1)
    };
    let first = &message[..end(0)];
    let method = first.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_response = method.starts_with(b"SIP/");
    let mut info = if is_response { Vec::new() } else { first.to_vec() };
    let mut at = first.len();
    let mut in_headers = true;
    let mut in_cseq = false;
    while at < message.len() {
        let line = &message[at..end(at)];
        at += line.len();
        in_headers &= !line.trim_ascii().is_empty();
        in_cseq = in_headers
            && (line.to_ascii_lowercase().starts_with(b"cseq")
                || in_cseq && line.starts_with(b" ")
                || line.starts_with(b"\t"));
        let text = line.trim_ascii_end();
        let start = text
            .iter()
            .rposition(|byte| byte.is_ascii_whitespace())
            .map_or(0, |at| at + 1);
        let word = &text[start..];
        let is_method = in_cseq && (word == method || is_response && word.iter().all(u8::is_ascii_uppercase));
        if is_method && !word.is_empty() {
            info.extend_from_slice(&line[..start]);
            info.extend_from_slice(b"INFO");
            info.extend_from_slice(&line[text.len()..]);
        } else {
            info.extend_from_slice(line);
        }
    }
    info
}

/// Whether a message is read, and if so that a plain look at its lines finds the same `Call-ID` and length.
fn read(message: &[u8]) -> Result<(), String> {
    let message = as_info(message);
    let info = Info::parse_message(&message).map_err(|error| format!("refused: {:?}", error.kind))?;
    let head = String::from_utf8_lossy(&message);
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    let value = |long: &str, short: &str| {
        let named = |line: &str| {
            if line.starts_with([' ', '\t']) {
                return None;
            }
            let (name, value) = line.split_once(':')?;
            let name = name.trim().to_ascii_lowercase();
            (name == long || name == short).then(|| value.trim().to_owned())
        };
        head.lines().find_map(named)
    };
    same(&info.call_id.map(str::to_owned), &value("call-id", "i"))?;
    let length = value("content-length", "l").map(|length| length.parse().expect("a number"));
    same(&info.content_length, &length)?;
    same(
        &info.body.len(),
        &length.map_or(info.body.len(), |length| length as usize),
    )
}

#[test]
fn torture_messages_are_read_or_refused_as_rfc_4475_says() {
    let Some(mut suite) = Suite::open("sip-rfc4475", &[TORTURE]) else {
        return;
    };
    for (name, message) in suite.files(&[".dat"]) {
        let outcome = match read(&message) {
            outcome if name.starts_with("valid/") => outcome,
            Ok(()) => Err("read".to_owned()),
            Err(refused) if refused.starts_with("refused") => Ok(()),
            other => other,
        };
        suite.case(&name, outcome);
    }
    suite.end();
}

#[test]
fn messages_of_kamailio_s_own_tests_are_read() {
    let Some(mut suite) = Suite::open("sip-kamailio-misc", &[KAMAILIO]) else {
        return;
    };
    for (name, message) in suite.files(&[".sip"]) {
        // Kept with the line ends of text files; what their `Content-Length` counts are those of the wire.
        let text = String::from_utf8(message)
            .expect("text")
            .replace("\r\n", "\n")
            .replace('\n', "\r\n");
        let is_bad = ["bad_", "no_eom", "invite6-badbranch"]
            .iter()
            .any(|start| name.starts_with(start));
        let outcome = match read(text.as_bytes()) {
            Ok(()) if is_bad => Err("read".to_owned()),
            Err(refused) if is_bad && refused.starts_with("refused") => Ok(()),
            outcome => outcome,
        };
        suite.case(&name, outcome);
    }
    suite.end();
}

/// The bytes of a Go string literal, as a corpus of Go's fuzzer keeps them.
fn unquoted(corpus: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(corpus).expect("text");
    let (_, literal) = text.split_once("string(\"").expect("a string");
    let (literal, _) = literal.rsplit_once("\")").expect("its end");
    let literal = literal.replace("\\r", "\r").replace("\\n", "\n").replace("\\\"", "\"");
    assert!(!literal.contains('\\'), "{literal}");
    literal.into_bytes()
}

#[test]
fn what_crashed_sipgo_is_refused() {
    let Some(mut suite) = Suite::open("sip-sipgo-fuzz-crashers", &[]) else {
        return;
    };
    for (name, corpus) in suite.files(&[""]) {
        let message = unquoted(&corpus);
        for line in message.split(|byte| *byte == b'\n') {
            let _ = Info::parse(line, &message);
        }
        // Not one has a line that SIP's grammar would take for a request line.
        let refused = Info::parse_message(&message).is_err();
        suite.case(&name, same(&refused, &true));
    }
    suite.end();
}

/// The messages of a TCP stream, each as long as its `Content-Length` says.
fn split(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some(end) = stream.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&stream[..end]).to_ascii_lowercase();
        let mut lengths = head
            .lines()
            .filter_map(|line| line.strip_prefix("content-length:").or(line.strip_prefix("l:")));
        let length = lengths
            .next()
            .map_or(0, |length| length.trim().parse().expect("a number"));
        let (message, rest) = stream.split_at(stream.len().min(end + 4 + length));
        messages.push(message);
        stream = rest;
    }
    messages
}

const LARGE: &[Exception] = &[Exception {
    outcome: "1 of 2 messages refused: TooLong",
    reason: "A whole message is read as it stands in a datagram; this one came over TCP and is longer than one can be.",
    cases: &["sip-body-large/sip-body-large.pcap"],
}];

const NO_SIP: &[Exception] = &[Exception {
    outcome: "no message",
    reason: "There is none in it: HTTP on SIP's port, or RTP alone.",
    cases: &["http_on_sip_port.pcap", "rtp.pcapng"],
}];

#[test]
fn sip_messages_of_captured_calls_are_read() {
    const METHODS: [&[u8]; 8] = [
        b"INVITE ",
        b"ACK ",
        b"BYE ",
        b"CANCEL ",
        b"REGISTER ",
        b"OPTIONS ",
        b"SUBSCRIBE ",
        b"SIP/2.0 ",
    ];
    for (name, exceptions) in [("sip-suricata-pcap", LARGE), ("sip-rtp-ndpi", NO_SIP)] {
        let Some(mut suite) = Suite::open(name, &[exceptions]) else {
            return;
        };
        for (name, bytes) in suite.files(&[".pcap", ".pcapng"]) {
            let mut messages = datagrams(&bytes);
            messages.extend(
                streams(&bytes)
                    .iter()
                    .flat_map(|stream| split(stream))
                    .map(<[u8]>::to_vec),
            );
            messages.retain(|message| METHODS.iter().any(|method| message.starts_with(method)));
            let refused: Vec<_> = messages.iter().filter_map(|message| read(message).err()).collect();
            let outcome = match (messages.len(), refused.as_slice()) {
                (0, _) => Err("no message".to_owned()),
                (_, []) => Ok(()),
                (len, refused) => Err(format!("{} of {len} messages {}", refused.len(), refused[0])),
            };
            suite.case(&name, outcome);
        }
        suite.end();
    }
}

#[test]
fn media_types_of_go_s_fuzzer_are_survived() {
    let Some(mut suite) = Suite::open("mime-gofuzz", &[]) else {
        return;
    };
    let bare = ContentType::parse("multipart/ohp").expect("a Content-Type");
    for (_, bytes) in suite.files(&[""]) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = ContentType::parse(&text);
        let _ = ContentType::parse(&format!("multipart/ohp;{text}"));
        let _ = Info::parse(&bytes, &bytes);
        let _ = Chunk::parse(&bare, &bytes);
        let _ = Chunk::parse(&bare, &[b"--b\r\n", bytes.as_slice(), b"\r\n--b--"].concat());
        suite.survived();
    }
    suite.end();
}

/// The suite states no verdict. zlib's is here, for each stream in the order of the files' names: valid, short, or an
/// error.
const ZLIB: &str = "svsveevvvvvvvvvvvvvvvsvsvvvvvvvvevvvvvvvvevvvsseevvsvvvvevvvvsvevvveevvvvevvvvvvvvvvvvssevvvvvvvvvvvevvvvvvsvvs\
    vesvvvvvvvvvevvevvvvvsevvvvvvevsveeevvvvvvvveevvvevvsveveevvssvvsvveevvvveeesevvseveveeevvssvsvvvvevevvevveevvs";

/// SHA-256 of what zlib makes of the valid streams, each after its length in four bytes.
const INFLATED: &str = "771ef9aed7b4d81b70e8d36aa8f9d64cef2b9f34d2c340e037d919facf7c335e";

#[test]
fn streams_of_go_s_fuzzer_inflate_as_with_zlib() {
    let Some(mut suite) = Suite::open("deflate-gofuzz", &[]) else {
        return;
    };
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let mut inflated = Vec::new();
    for ((name, bytes), verdict) in suite.files(&[""]).into_iter().zip(ZLIB.bytes()) {
        let result = inflate::inflate(&bytes, Wrapper::Raw, &mut out);
        if let Ok(len) = result {
            inflated.extend_from_slice(&(len as u32).to_be_bytes());
            inflated.extend_from_slice(&out[..len]);
        }
        suite.case(&name, same(&result.is_ok(), &(verdict == b'v')));
        let _ = inflate::inflate(&bytes, Wrapper::Zlib, &mut out);
        for encoding in [Encoding::Unsaid, Encoding::Deflate] {
            let declared = Declared { media: None, encoding };
            let _ = body::decode(&bytes, declared, SHAPE, &mut scratch, &mut out);
        }
    }
    assert_eq!(to_hex(&sha256(&[&inflated])), INFLATED);
    suite.end();
}
