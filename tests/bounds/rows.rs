//! Each bound that is put to the proof here, and something of any size that it takes or refuses.

use std::sync::atomic::AtomicU64;

use ohp::cbor::{self, Item, json};
use ohp::control::{self, Frame};
use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::{self, DRAFT_DEPTH_MAX, DRAFT_FIELDS_MAX, Draft, ENVELOPE_MAX, Envelope, ReadError, SHAPE, Value};
use ohp::leg::{LEG_ID_LEN_MAX, LEG_IDS_MAX, Leg};
use ohp::media::sdp::{self, Description, SdpHints};
use ohp::table::{self, Config, Domain, Table};
use ohp::time::Timestamp;
use ohp::transport::body::{self, Declared, ErrorKind};
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::{WIRE_MAX, base64};
use ohp::trust::bundle::Bundle;
use ohp::trust::jws::{self, JwsError};
use ohp::trust::sealing::{self, Binding, Recipient, SealError};
use ohp::trust::transparency::note::{self, NoteError, VerifierKey};
use ohp::trust::{dpop, federation, jwt};

use crate::common;

/// A bound, and whether something of that size is taken.
pub struct Bound {
    /// The path of its definition.
    pub name: &'static str,
    pub value: usize,
    pub takes: fn(usize) -> bool,
}

pub const BOUNDS: &[Bound] = &[
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
        name: "envelope::draft::DRAFT_FIELDS_MAX",
        value: DRAFT_FIELDS_MAX,
        takes: |count| {
            let mut arena = vec![0; 64 * 1024];
            let mut draft = Draft::new(&mut arena);
            (0..count).all(|nth| draft.set(&format!("intent.slots.s{nth}"), Value::Bool(true)).is_ok())
        },
    },
    Bound {
        name: "envelope::draft::DRAFT_DEPTH_MAX",
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
        name: "media::sdp::MAX_LEN",
        value: sdp::MAX_LEN,
        takes: |len| {
            let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=";
            let text = format!("{head}{}\r\n", "x".repeat(len - head.len() - 2));
            Description::parse(text.as_bytes()).is_ok()
        },
    },
    Bound {
        name: "table::layout::MAX_ENTRIES",
        value: table::MAX_ENTRIES as usize,
        takes: |replays| words(|config| config.replays = replays as u32),
    },
    Bound {
        name: "table::slots::MAX_SLOTS",
        value: table::MAX_SLOTS as usize,
        takes: |slots| words(|config| config.slots = slots as u32),
    },
    Bound {
        name: "table::layout::MAX_SOUNDS",
        value: table::MAX_SOUNDS as usize,
        takes: |sounds| words(|config| config.sounds = sounds as u32),
    },
    Bound {
        name: "table::slots::MAX_SLOT_BYTES",
        value: table::MAX_SLOT_BYTES as usize,
        takes: |bytes| words(|config| config.slot_bytes = bytes as u32),
    },
    Bound {
        name: "envelope::SURFACE_MAX",
        value: envelope::SURFACE_MAX,
        takes: |len| {
            let cbor = core_envelope(
                |envelope, padding| envelope["intent"]["slots"]["x"] = padding.into(),
                len,
            );
            let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
            assert_eq!(envelope.surface().len(), len);
            envelope.surface().is_within_limit()
        },
    },
    Bound {
        name: "control::reply::FRAME_MAX",
        value: control::FRAME_MAX,
        takes: |len| {
            // What a frame keeps of this envelope, with a record's head of three bytes for each member.
            let kept = |cbor: &[u8]| {
                let envelope = Item::parse(cbor).expect("canonical").map().expect("a map");
                let member = |path: &str| {
                    path.split('.').try_fold(None, |item: Option<Item<'_>>, key| {
                        let map = item.map_or(Some(envelope), Item::map)?;
                        Some(Some(map.get(key)?))
                    })
                };
                let paths = [
                    "audience.purpose",
                    "audience.minTier",
                    "session.callId",
                    "session.channel",
                    "session.locale",
                    "intent.current",
                    "issuer.vendor",
                    "audience.vendor",
                ];
                let lens = paths
                    .iter()
                    .map(|path| 3 + member(path).flatten().expect(path).bytes().len());
                lens.sum::<usize>()
            };
            let widen =
                |envelope: &mut serde_json::Value, padding: String| envelope["session"]["callId"] = padding.into();
            let least = kept(&envelope_with(widen, 300)) - 300;
            let cbor = envelope_with(widen, len - least);
            assert_eq!(kept(&cbor), len);
            Frame::of(&Envelope::read(&cbor, &mut |_| ()).expect("an envelope")).is_ok()
        },
    },
    Bound {
        name: "media::sdp::hints::MAX_HINT_LEN",
        value: sdp::MAX_HINT_LEN,
        takes: |len| {
            let name = "X".repeat(len - "/8000".len());
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96\r\n\
                 a=rtpmap:96 {name}/8000\r\n"
            );
            let description = Description::parse(text.as_bytes()).expect("SDP");
            !SdpHints::from_answer(&description).is_empty()
        },
    },
    Bound {
        name: "table::slots::MAX_OPEN_SETS_PER_OWNER",
        value: table::MAX_OPEN_SETS_PER_OWNER as usize,
        takes: |sets| {
            with_table(|table| {
                let owner = table.key(Domain::Call, &[b"call"]);
                (0..sets as u32).all(|nth| {
                    let set = table.key(Domain::Message, &[&nth.to_be_bytes()]);
                    let received = table
                        .slots()
                        .receive(&owner, &set, 1, 2, b"x", NOW.plus(1000), NOW, sets as u32);
                    received.is_ok()
                })
            })
        },
    },
    Bound {
        name: "table::slots::MAX_CHUNKS",
        value: table::MAX_CHUNKS as usize,
        takes: |chunks| {
            with_table(|table| {
                let (owner, set) = (
                    table.key(Domain::Call, &[b"call"]),
                    table.key(Domain::Message, &[b"set"]),
                );
                let count = chunks as u32;
                table
                    .slots()
                    .receive(&owner, &set, count, count, b"x", NOW.plus(1000), NOW, 4)
                    .is_ok()
            })
        },
    },
    Bound {
        name: "trust::header::MAX_HEADER_LEN",
        value: jws::MAX_HEADER_LEN,
        takes: |len| {
            let jws = format!("{}..{}", "A".repeat(len), "A".repeat(86));
            jws::header(&jws, &mut vec![0; jws::SCRATCH_LEN]).err() != Some(JwsError::HeaderTooLong)
        },
    },
    Bound {
        name: "trust::dpop::MAX_ID_LEN",
        value: dpop::MAX_ID_LEN,
        takes: |len| {
            let mut payload = jwt::JsonObject::new();
            payload
                .text("jti", &"j".repeat(len))
                .text("htm", "GET")
                .text("htu", URI)
                .seconds("iat", NOW);
            let key = SigningKey::from_seed([1; 32]);
            // A proof's header brings its key along, which `sign` does not; so what `prove` has made is signed anew.
            let made = dpop::prove(
                &key,
                &dpop::Claim {
                    method: "GET",
                    uri: URI,
                    access_token: None,
                    nonce: None,
                    now: NOW,
                    random: [1; 16],
                },
            );
            let header = made.split('.').next().expect("a header").to_owned();
            let input = format!("{header}.{}", base64url(payload.to_json().as_bytes()));
            let proof = format!("{input}.{}", base64url(&key.sign(input.as_bytes())));
            proves(&proof, URI).is_ok()
        },
    },
    Bound {
        name: "trust::dpop::uri::MAX_URI_LEN",
        value: dpop::MAX_URI_LEN,
        takes: |len| {
            let uri = format!("{URI}{}", "u".repeat(len - URI.len()));
            let key = SigningKey::from_seed([1; 32]);
            let proof = dpop::prove(
                &key,
                &dpop::Claim {
                    method: "GET",
                    uri: &uri,
                    access_token: None,
                    nonce: None,
                    now: NOW,
                    random: [1; 16],
                },
            );
            proves(&proof, &uri).is_ok()
        },
    },
    Bound {
        name: "trust::transparency::note::NOTE_MAX",
        value: note::NOTE_MAX,
        takes: |len| {
            let signed = signed_note(&format!("{}\n", "t".repeat(100)));
            let text = format!("{}\n", "t".repeat(len - signed.len() + 100));
            let signed = signed_note(&text);
            assert_eq!(signed.len(), len);
            note::verify(&signed, [log()].into_iter()).is_ok()
        },
    },
    Bound {
        name: "trust::transparency::note::SIGNATURES_MAX",
        value: note::SIGNATURES_MAX,
        takes: |count| {
            let signed = signed_note("text\n");
            let others = "\u{2014} other AAAAAAA=\n".repeat(count - 1);
            let verified = note::verify(&format!("{signed}{others}"), [log()].into_iter()).map(drop);
            assert!(
                matches!(verified, Ok(()) | Err(NoteError::TooManySignatures)),
                "{verified:?}"
            );
            verified.is_ok()
        },
    },
    Bound {
        name: "trust::sealing::FIELDS_MAX",
        value: sealing::FIELDS_MAX,
        takes: |count| seals(count, 1) != Err(SealError::Fields),
    },
    Bound {
        name: "trust::sealing::RECIPIENTS_MAX",
        value: sealing::RECIPIENTS_MAX,
        takes: |count| seals(1, count) != Err(SealError::Recipients),
    },
    Bound {
        name: "trust::federation::MAX_STATEMENTS",
        value: federation::MAX_STATEMENTS,
        takes: |count| {
            let claimed = federation::Claimed {
                did: "did:web:a.example",
                entity: None,
                jwks: None,
                chain: &vec!["x"; count],
            };
            let anchors = ohp::trust::bundle::Directory::default();
            let error = ohp::trust::federation::Chain::check(&claimed, &anchors).expect_err("no statements");
            error.fault != federation::Fault::TooManyStatements
        },
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

const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);
const URI: &str = "https://pbx.example.org/";

fn core_envelope(widen: fn(&mut serde_json::Value, String), len: usize) -> Vec<u8> {
    let surface = |cbor: &[u8]| Envelope::read(cbor, &mut |_| ()).expect("an envelope").surface().len();
    let least = surface(&envelope_with(widen, 300)) - 300;
    envelope_with(widen, len - least)
}

/// An envelope at Core with a text of so many letters, of 256 to 65,535, somewhere.
fn envelope_with(widen: impl Fn(&mut serde_json::Value, String), letters: usize) -> Vec<u8> {
    let mut envelope = serde_json::json!({
        "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "issuedAt": "2026-05-28T13:42:10Z", "notAfter": "2026-05-28T13:47:10Z",
        "issuer": { "vendor": "voice-desk", "agentId": "desk_1", "region": "eu-west" },
        "audience": { "vendor": "contact-centre", "purpose": "human-takeover", "minTier": "core" },
        "session": { "callId": "call", "channel": "voice/sip", "locale": "en-GB" },
        "intent": { "current": { "name": "a", "confidence": 0.5 }, "stack": [], "slots": {} },
        "control": { "verb": "PROPOSE", "nonce": "00112233445566778899aabbccddeeff" },
    });
    // Texts from 256 bytes on have heads of one length.
    assert!((256..65_536).contains(&letters));
    widen(&mut envelope, "x".repeat(letters));
    common::to_cbor(&envelope.to_string())
}

fn with_table(test: impl FnOnce(&Table<'_>) -> bool) -> bool {
    let config = Config {
        sets: 64,
        slots: 32,
        ..Config::default()
    };
    let words: Vec<_> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    test(&Table::init(&words, &config, [0; 16]).expect("a table"))
}

fn base64url(bytes: &[u8]) -> String {
    let mut text = vec![0; ohp::trust::base64url::encoded_len(bytes.len())];
    ohp::trust::base64url::encode(bytes, &mut text)
        .expect("room enough")
        .to_owned()
}

fn proves(proof: &str, uri: &str) -> Result<(), dpop::DpopError> {
    let request = dpop::Request {
        method: "GET",
        uri,
        access_token: None,
        bound_to: None,
        nonce: None,
        now: NOW,
        window: dpop::DEFAULT_WINDOW_MS,
    };
    dpop::check(proof, &request, &mut |_| false, &mut vec![0; dpop::SCRATCH_LEN]).map(drop)
}

fn log() -> VerifierKey<'static> {
    VerifierKey::new("log.example.org", SigningKey::from_seed([5; 32]).public()).expect("a name")
}

fn signed_note(text: &str) -> String {
    let mut signed = String::new();
    note::sign(text, "log.example.org", &SigningKey::from_seed([5; 32]), &mut signed).expect("a note");
    signed
}

fn seals(fields: usize, recipients: usize) -> Result<(), SealError> {
    let fields: serde_json::Map<_, _> = (0..fields).map(|nth| (format!("f{nth}"), nth.into())).collect();
    let fields = common::to_cbor(&serde_json::Value::from(fields).to_string());
    let binding = Binding {
        id: "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        issued_at: "2026-05-28T13:42:10Z",
        audience_did: "did:web:a.example",
        call_id: "call",
    };
    let key = ohp::crypto::hpke::OpeningKey::from_bytes([3; 32]).public();
    let kids: Vec<_> = (0..recipients).map(|nth| nth.to_string()).collect();
    let recipients: Vec<_> = kids.iter().map(|kid| Recipient { kid, key: &key }).collect();
    let random = vec![[1; ohp::crypto::hpke::RANDOM_LEN]; recipients.len()];
    let (mut scratch, mut out) = (vec![0; sealing::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let fields = Item::parse(&fields).expect("canonical");
    sealing::seal(fields, &binding, &recipients, &random, &mut scratch, &mut out).map(drop)
}

fn to_cbor(text: &str) -> bool {
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(text.len())],
        vec![0; json::max_cbor_len(text.len())],
    );
    json::to_cbor(text.as_bytes(), json::Plain, &mut scratch, &mut out).is_ok()
}

pub fn decode(body: &[u8]) -> Result<(), ErrorKind> {
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let decoded = body::decode(body, Declared::default(), SHAPE, &mut scratch, &mut out);
    decoded.map(drop).map_err(|error| error.kind)
}

fn words(set: impl FnOnce(&mut Config)) -> bool {
    let mut config = Config::default();
    set(&mut config);
    config.words().is_ok()
}
