//! The wire path allocates nothing: an INFO read and put together, an envelope encoded and rendered.

use std::sync::atomic::AtomicU64;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use ohp::envelope::{SHAPE, Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::table::{Config, Domain, Table};
use ohp::time::Timestamp;
use ohp::transport::outgoing::{self, Form};
use ohp::transport::{BODY_MAX, ENVELOPE_MAX, Info, Outgoing, Received, reassembly, receive};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

const JSON: &[u8] = br#"{"ohp":"0.1","issuedAt":"2026-05-28T13:42:11Z","a":[1,2.5,{"b":null}],"text":"Guten Tag"}"#;

#[test]
fn nothing_is_allocated_between_an_info_and_its_envelope() {
    let config = Config {
        slots: 2,
        ..Config::default()
    };
    let words: Vec<AtomicU64> = (0..config.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let table = Table::init(&words, &config, [1; 16]).expect("a table");
    let call = table.key(Domain::Call, &[b"a"]);
    let now = Timestamp::from_millis(1_779_975_731_250);
    let about = (
        EnvelopeId::parse("cse_01HZX0R5N9V8W1QYK0XQM3R3K9").expect("an id"),
        Tier::Core,
        Verb::Propose,
    );
    // Long enough for two chunks, and to deflate: text that repeats with changes.
    let mut cbor = b"\xA1\x64text\x79\x10\x00".to_vec();
    let mut state = 1_u32;
    cbor.extend((0..4096).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 28) as u8
    }));
    let (mut scratch, mut out) = (vec![0; reassembly::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let (mut encode_scratch, mut encoded) = (vec![0; outgoing::SCRATCH_LEN], vec![0; outgoing::ENCODED_MAX]);
    let (mut headers, mut body) = ([0; outgoing::HEADERS_LEN], [0; BODY_MAX]);
    let mut complete = 0;
    assert_no_alloc(|| {
        for text_only in [false, true] {
            let form = Form {
                text_only,
                ..Form::default()
            };
            let plan = Outgoing::encode(&cbor, about, form, &mut encode_scratch, &mut encoded).expect("encoded");
            assert!(plan.is_deflated() && plan.total() > 1);
            for k in 1..=plan.total() {
                let data = &encoded[plan.range(k).expect("a chunk")];
                let rendered = plan.render(k, data, &mut headers, &mut body).expect("rendered");
                let info = Info::parse(rendered.headers.as_bytes(), rendered.body).expect("an INFO");
                // The second form's set is another call's.
                let call = if text_only {
                    table.key(Domain::Call, &[b"b"])
                } else {
                    call
                };
                let received = receive(&table, &call, &info, now, SHAPE, &mut scratch, &mut out).expect("received");
                if let Received::Complete(message) = received {
                    assert_eq!(message.cbor, cbor);
                    complete += 1;
                }
            }
        }
        let info = Info::parse(b"c: application/ohp+json\r\n", JSON).expect("an INFO");
        assert!(receive(&table, &call, &info, now, SHAPE, &mut scratch, &mut out).is_ok());
        let refused = Info::parse(b"c: application/sdp\r\n", JSON).expect("an INFO");
        assert!(receive(&table, &call, &refused, now, SHAPE, &mut scratch, &mut out).is_err());
    });
    assert_eq!(complete, 2);
}
