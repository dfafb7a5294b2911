//! Each named bound holds where it says: what is as large as it allows is taken, and what is one larger is not. Bounds that
//! a test elsewhere puts to that proof are listed with it.

use std::path::Path;

use ohp::cbor::{self, json};
use ohp::envelope::{self, DRAFT_DEPTH_MAX, DRAFT_FIELDS_MAX, Draft, ENVELOPE_MAX, Envelope, ReadError, SHAPE, Value};
use ohp::leg::{LEG_ID_LEN_MAX, LEG_IDS_MAX, Leg};
use ohp::media::sdp::{self, Description};
use ohp::table::{self, Config};
use ohp::transport::body::{self, Declared, ErrorKind};
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::{WIRE_MAX, base64};
use ohp::trust::bundle::Bundle;

/// A bound, and whether something of that size is taken.
struct Bound {
    name: &'static str,
    value: usize,
    takes: fn(usize) -> bool,
}

const BOUNDS: &[Bound] = &[
    Bound {
        name: "cbor::MAX_DEPTH",
        value: cbor::MAX_DEPTH,
        takes: |depth| {
            let mut bytes = vec![0x81; depth];
            bytes.push(0);
            let text = format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
            let taken = cbor::check(&bytes).is_ok();
            assert_eq!(to_cbor(&text), taken, "CBOR and JSON agree");
            taken
        },
    },
    Bound {
        name: "cbor::MAX_INPUT_LEN",
        value: cbor::MAX_INPUT_LEN,
        takes: |len| {
            let mut bytes = vec![b'x'; len];
            let content = (len - 5) as u32;
            bytes[0] = 0x7a;
            bytes[1..5].copy_from_slice(&content.to_be_bytes());
            let taken = cbor::check(&bytes).is_ok();
            let text = format!("\"{}\"", "x".repeat(len - 2));
            assert_eq!(to_cbor(&text), taken, "CBOR and JSON agree");
            let bundle = format!("{{\"ohpTrust\":1,\"x\":\"{}\"}}", "x".repeat(len - 21));
            assert_eq!(bundle.len(), len);
            assert_eq!(Bundle::from_json(bundle.as_bytes()).is_ok(), taken, "so do bundles");
            taken
        },
    },
    Bound {
        name: "envelope::ENVELOPE_MAX",
        value: ENVELOPE_MAX,
        takes: |len| {
            let bytes = vec![0xa0; len];
            let taken = !matches!(Envelope::read(&bytes, &mut |_| ()), Err(ReadError::TooLarge(_)));
            // Stored blocks (RFC 1951 §3.2.4), of 65,535 bytes at most.
            let mut deflated = vec![1];
            deflated.extend((len as u16).to_le_bytes());
            deflated.extend((!len as u16).to_le_bytes());
            deflated.extend(&bytes);
            let mut out = vec![0; ENVELOPE_MAX];
            assert_eq!(
                inflate::inflate(&deflated, Wrapper::Raw, &mut out).is_ok(),
                taken,
                "inflated to no more than that"
            );
            taken
        },
    },
    Bound {
        name: "envelope::JSON_MAX",
        value: envelope::JSON_MAX,
        takes: |len| {
            let json = format!("{{\"x\":\"{}\"}}", "x".repeat(len - 8));
            !matches!(decode(json.as_bytes()), Err(ErrorKind::TooLarge))
        },
    },
    Bound {
        name: "envelope::DRAFT_FIELDS_MAX",
        value: DRAFT_FIELDS_MAX,
        takes: |count| {
            let mut arena = vec![0; 64 * 1024];
            let mut draft = Draft::new(&mut arena);
            (0..count).all(|nth| draft.set(&format!("intent.slots.s{nth}"), Value::Bool(true)).is_ok())
        },
    },
    Bound {
        name: "envelope::DRAFT_DEPTH_MAX",
        value: DRAFT_DEPTH_MAX,
        takes: |depth| {
            let mut arena = vec![0; 4096];
            let path = vec!["a"; depth].join(".");
            Draft::new(&mut arena).set(&path, Value::Bool(true)).is_ok()
        },
    },
    Bound {
        name: "leg::LEG_ID_LEN_MAX",
        value: LEG_ID_LEN_MAX,
        takes: |len| Leg::new(&"a".repeat(len)).is_ok(),
    },
    Bound {
        name: "leg::LEG_IDS_MAX",
        value: LEG_IDS_MAX,
        takes: |count| {
            let mut leg = Leg::new("0").expect("an identifier");
            (1..count).all(|nth| leg.bind_id(&nth.to_string()).is_ok())
        },
    },
    Bound {
        name: "sdp::MAX_LEN",
        value: sdp::MAX_LEN,
        takes: |len| {
            let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=";
            let text = format!("{head}{}\r\n", "x".repeat(len - head.len() - 2));
            Description::parse(text.as_bytes()).is_ok()
        },
    },
    Bound {
        name: "table::MAX_ENTRIES",
        value: table::MAX_ENTRIES as usize,
        takes: |replays| words(|config| config.replays = replays as u32),
    },
    Bound {
        name: "table::MAX_SLOTS",
        value: table::MAX_SLOTS as usize,
        takes: |slots| words(|config| config.slots = slots as u32),
    },
    Bound {
        name: "table::MAX_SLOT_BYTES",
        value: table::MAX_SLOT_BYTES as usize,
        takes: |bytes| words(|config| config.slot_bytes = bytes as u32),
    },
    Bound {
        name: "transport::WIRE_MAX",
        value: WIRE_MAX,
        takes: |len| {
            let mut text = vec![b'A'; base64::encoded_len(ENVELOPE_MAX)];
            text[0] = b'o';
            text[base64::encoded_len(ENVELOPE_MAX) - 1] = b'=';
            text.resize(len, b'\n');
            !matches!(decode(&text), Err(ErrorKind::TooLarge))
        },
    },
];

/// Bounds that another test takes to their end, and which; it names them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("BODY_LEN_MAX", "sip_info/reassembly.rs"),
    ("BODY_MAX", "sip_info/chunks.rs"),
    ("BODY_MIN", "sip_info/chunks.rs"),
    ("BOUNDARY_MAX", "sip_info/content_type.rs"),
    ("CHUNKS_MAX", "sip_info/chunks.rs"),
    ("HEADERS_MAX", "sip_info/headers.rs"),
    ("MAX_FORMATS", "media/sdp.rs"),
    ("MAX_HINTS", "media/sdp.rs"),
    ("MAX_PAYLOAD_LEN", "media/tap.rs"),
    ("MAX_SECONDS", "media/tap.rs"),
    ("PARAMETERS_MAX", "sip_info/content_type.rs"),
];

fn to_cbor(text: &str) -> bool {
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(text.len())],
        vec![0; json::max_cbor_len(text.len())],
    );
    json::to_cbor(text.as_bytes(), json::Plain, &mut scratch, &mut out).is_ok()
}

fn decode(body: &[u8]) -> Result<(), ErrorKind> {
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let decoded = body::decode(body, Declared::default(), SHAPE, &mut scratch, &mut out);
    decoded.map(drop).map_err(|error| error.kind)
}

fn words(set: impl FnOnce(&mut Config)) -> bool {
    let mut config = Config::default();
    set(&mut config);
    config.words().is_ok()
}

#[test]
fn each_bound_takes_what_it_allows_and_nothing_larger() {
    for bound in BOUNDS {
        assert!((bound.takes)(bound.value), "{} = {} is taken", bound.name, bound.value);
        assert!(!(bound.takes)(bound.value + 1), "{} + 1 is refused", bound.name);
    }
}

#[test]
fn what_is_said_to_be_shown_elsewhere_is_named_there() {
    for (name, file) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
        let source = std::fs::read_to_string(path).expect(file);
        assert!(source.contains(name), "{file} does not name {name}");
    }
}

#[test]
fn scratch_that_is_one_byte_short_is_refused_and_not_overrun() {
    let body = br#"{"b":1,"a":[1.1,1.1]}"#;
    let mut out = vec![0; ENVELOPE_MAX];
    let mut scratch = vec![0; body::SCRATCH_LEN];
    assert!(body::decode(body, Declared::default(), SHAPE, &mut scratch, &mut out).is_ok());
    for len in [0, 1, 11, 12] {
        let short = body::decode(body, Declared::default(), SHAPE, &mut scratch[..len], &mut out);
        assert_eq!(
            short.map(drop).map_err(|error| error.kind),
            Err(ErrorKind::Buffer),
            "{len}"
        );
    }
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(body.len())],
        vec![0; json::max_cbor_len(body.len())],
    );
    let whole = json::to_cbor(body, json::Plain, &mut scratch, &mut out)
        .expect("JSON")
        .len();
    for len in 0..whole {
        let short = json::to_cbor(body, json::Plain, &mut scratch, &mut out[..len]);
        assert!(short.is_err(), "{len} bytes for {whole}");
    }
    assert!(json::to_cbor(body, json::Plain, &mut scratch, &mut out[..whole]).is_ok());
}
