//! Rows 23, 24 and 27 of the interpretations: chunks put together again, the limits that hold meanwhile, and how each
//! INFO is answered.

use std::sync::atomic::AtomicU64;

use ohp::envelope::{SHAPE, Tier, Verb};
use ohp::table::{Config, Domain, Key, Table, UNFINISHED_SET_MS};
use ohp::time::Timestamp;
use ohp::transport::echo::Mismatch;
use ohp::transport::outgoing::{self, Form};
use ohp::transport::reassembly::{BODY_LEN_MAX, SCRATCH_LEN};
use ohp::transport::{BODY_MAX, ENVELOPE_MAX, Info, Received, Refusal, SipStatus, receive};

use super::fixtures::{ID, Random, Sent, base64, envelopes, id, message, noise, raw, zlib};

const NOW: Timestamp = Timestamp::from_millis(1_779_975_731_250);

struct Shared {
    words: Vec<AtomicU64>,
}

impl Shared {
    fn new(slots: u32) -> Self {
        let config = Config {
            replays: 16,
            hashes: 16,
            kids: 16,
            peers: 16,
            sets: 64,
            slots,
            ..Config::default()
        };
        let words = (0..config.words().expect("a size"))
            .map(|_| AtomicU64::new(0))
            .collect();
        let shared = Self { words };
        Table::init(&shared.words, &config, [7; 16]).expect("a table");
        shared
    }

    fn table(&self) -> Table<'_> {
        Table::attach(&self.words).expect("a table")
    }
}

/// One side of a call, as a PBX's worker sees it.
struct Receiver<'t> {
    table: Table<'t>,
    call: Key,
    now: Timestamp,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

/// An outcome that borrows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Complete {
        cbor: Vec<u8>,
        text: bool,
        deflated: bool,
        has_id: bool,
        echo: Result<(), Mismatch>,
    },
    Partial {
        chunk: u32,
        total: u32,
    },
    Duplicate {
        has_id: bool,
        finished: bool,
        last: bool,
    },
}

impl<'t> Receiver<'t> {
    fn new(table: Table<'t>, call: &str) -> Self {
        Self {
            call: table.key(Domain::Call, &[call.as_bytes()]),
            table,
            now: NOW,
            scratch: vec![0; SCRATCH_LEN],
            out: vec![0; ENVELOPE_MAX],
        }
    }

    fn info(&mut self, info: &Info<'_>) -> Result<Outcome, Refusal> {
        // What an earlier envelope left behind must not matter.
        self.scratch.fill(0xA5);
        self.out.fill(0xA5);
        let received = receive(
            &self.table,
            &self.call,
            info,
            self.now,
            SHAPE,
            &mut self.scratch,
            &mut self.out,
        )?;
        Ok(match received {
            Received::Complete(message) => Outcome::Complete {
                cbor: message.cbor.to_vec(),
                text: message.form.text,
                deflated: message.form.deflated,
                has_id: message.id == Some(id()),
                echo: message.echo.check(Tier::Signed, Verb::Propose),
            },
            Received::Partial { chunk, total } => Outcome::Partial { chunk, total },
            Received::Duplicate { id: of, finished, last } => Outcome::Duplicate {
                has_id: of == Some(id()),
                finished,
                last,
            },
        })
    }

    fn message(&mut self, message: &[u8]) -> Result<Outcome, Refusal> {
        self.info(&Info::parse_message(message).map_err(Refusal::Header)?)
    }

    fn status(&mut self, message: &[u8]) -> u16 {
        self.message(message)
            .map_or_else(Refusal::status, |_| SipStatus::Ok)
            .code()
    }
}

/// One hand-made chunk, LF for CRLF.
fn chunk(outer: &str, inner: &str, data: &str) -> Vec<u8> {
    let body = format!("--b\nContent-Type: application/ohp+json\n{inner}\n{data}\n--b--\n");
    message(
        &format!("Content-Type: multipart/ohp; boundary=b{outer}\n"),
        body.as_bytes(),
    )
}

fn numbered(k: u32, n: u32, data: &str) -> Vec<u8> {
    chunk("", &format!("OHP-Chunk: {k}/{n}; id={ID}\n"), data)
}

fn complete(outcome: Result<Outcome, Refusal>) -> Vec<u8> {
    match outcome {
        Ok(Outcome::Complete { cbor, .. }) => cbor,
        other => panic!("{other:?}"),
    }
}

/// Every official envelope through both forms of every body size, shuffled, with duplicates, between two workers.
#[test]
fn row_23_envelopes_survive_every_form_size_order_and_duplicate() {
    let shared = Shared::new(2);
    let mut random = Random(23);
    let mut call = 0;
    for envelope in envelopes() {
        for body_max in (outgoing::BODY_MIN..=BODY_MAX).step_by(7) {
            let form = Form {
                body_max,
                text_only: body_max % 2 == 0,
                package: body_max % 3 == 0,
            };
            let Ok(sent) = Sent::new(&envelope.cbor, form) else {
                assert!(body_max < outgoing::BODY_MIN + 10, "{} {body_max}", envelope.name);
                continue;
            };
            let mut messages = sent.messages();
            assert!(messages.len() <= 64);
            call += 1;
            let call = format!("call {call}");
            let mut workers = [
                Receiver::new(shared.table(), &call),
                Receiver::new(shared.table(), &call),
            ];
            for at in (1..messages.len()).rev() {
                messages.swap(at, random.below(at + 1));
            }
            let last = messages.pop().expect("a message");
            for message in &messages {
                for _ in 0..=random.below(2) {
                    let outcome = workers[random.below(2)].message(message);
                    assert!(matches!(
                        outcome,
                        Ok(Outcome::Partial { .. } | Outcome::Duplicate { finished: false, .. })
                    ));
                }
            }
            let outcome = workers[random.below(2)].message(&last);
            let expected = Outcome::Complete {
                cbor: envelope.cbor.clone(),
                text: form.text_only,
                deflated: sent.plan.is_deflated(),
                has_id: sent.plan.total() > 1,
                echo: Ok(()),
            };
            assert_eq!(outcome, Ok(expected), "{} {body_max}", envelope.name);
            let again = workers[random.below(2)].message(&last);
            assert!(matches!(again, Ok(Outcome::Duplicate { finished: true, .. })) == (sent.plan.total() > 1));
            // The table of this test is small; a real one remembers finished sets for as long as they might come back.
            shared.forget();
        }
    }
}

impl Shared {
    fn forget(&self) {
        let config = Config {
            replays: 16,
            hashes: 16,
            kids: 16,
            peers: 16,
            sets: 64,
            slots: 2,
            ..Config::default()
        };
        Table::init(&self.words, &config, [7; 16]).expect("a table");
    }
}

/// Chunks as small as another sender may make them, in every form that a body may have.
#[test]
fn other_senders_chunks_of_any_size_and_form_are_put_together() {
    let shared = Shared::new(4);
    for envelope in envelopes().into_iter().take(3) {
        let (cbor, json) = (&envelope.cbor, &envelope.json);
        let forms = [
            (cbor.clone(), "cbor", ""),
            (zlib(cbor), "cbor", ""),
            (raw(&zlib(cbor)), "cbor", "Content-Encoding: deflate\n"),
            (base64(cbor), "cbor", "Content-Encoding: identity\n"),
            (base64(&zlib(cbor)), "cbor", "Content-Encoding: deflate\n"),
            (json.clone(), "json", ""),
            (zlib(json), "json", "Content-Encoding: deflate\n"),
            (base64(json), "json", ""),
        ];
        for (encoded, subtype, header) in forms {
            for size in [64, 65, 100, 333, 700, 1300] {
                let chunks: Vec<&[u8]> = encoded.chunks(size).collect();
                if chunks.len() > 64 {
                    continue;
                }
                shared.forget();
                let mut receiver = Receiver::new(shared.table(), "a");
                let mut outcome = None;
                for (place, data) in chunks.iter().enumerate().rev() {
                    let (k, n) = (place + 1, chunks.len());
                    let start = format!("--b\r\nContent-Type: application/ohp+{subtype}\r\nOHP-Chunk: {k}/{n}\r\n\r\n");
                    let body = [start.as_bytes(), data, b"\r\n--b--\r\n"].concat();
                    let outer = format!("c: multipart/ohp;boundary=b,total-chunks={n},chunk={k},id={ID}\n{header}");
                    outcome = Some(receiver.message(&message(&outer, &body)));
                }
                assert_eq!(
                    &complete(outcome.expect("a chunk")),
                    cbor,
                    "{} {size} {subtype}",
                    envelope.name
                );
            }
        }
    }
}

#[test]
fn chunks_that_lost_their_parameters_are_put_together() {
    let shared = Shared::new(4);
    let cbor = [b"\xA1".as_slice(), &noise(1500)].concat();
    let sent = Sent::new(&cbor, Form::default()).expect("encoded");
    let mut receiver = Receiver::new(shared.table(), "a");
    let mut outcomes = Vec::new();
    for message in sent.messages() {
        let mut info = Info::parse_message(&message).expect("an INFO");
        // FreeSWITCH hands over the type alone, and no header of ours.
        info.content_type = Some("multipart/ohp");
        (info.content_encoding, info.ohp_version, info.ohp_tier, info.ohp_verb) = (None, None, None, None);
        outcomes.push(receiver.info(&info));
    }
    assert_eq!(complete(outcomes.remove(2)), cbor);
    assert_eq!(outcomes, [1, 2].map(|chunk| Ok(Outcome::Partial { chunk, total: 3 })));
}

#[test]
fn row_23_a_chunk_without_an_id_belongs_to_its_call_and_boundary() {
    let shared = Shared::new(4);
    let mut one = Receiver::new(shared.table(), "one");
    let mut two = Receiver::new(shared.table(), "two");
    let half = |k, data: &str| chunk(&format!("; total-chunks=2; chunk={k}"), "", data);
    assert_eq!(
        one.message(&half(1, "\u{7}")),
        Ok(Outcome::Partial { chunk: 1, total: 2 })
    );
    assert_eq!(two.message(&half(2, "{}")), Ok(Outcome::Partial { chunk: 2, total: 2 }));
    assert_eq!(complete(two.message(&half(1, ""))), [0xA0]);
    let other = String::from_utf8(half(2, "x"))
        .expect("text")
        .replace("--b", "--c")
        .replace("=b", "=c");
    assert_eq!(
        one.message(other.as_bytes()),
        Ok(Outcome::Partial { chunk: 2, total: 2 })
    );
}

#[test]
fn row_24_a_set_that_contradicts_itself_ends_with_an_error() {
    for (wrong, data) in [
        ((1, 3), "{\"b\""),
        ((1, 2), "{\"a\""),
        ((0, 3), "{\"a\""),
        ((4, 3), "x"),
        ((1, 65), "x"),
    ] {
        let shared = Shared::new(4);
        let mut receiver = Receiver::new(shared.table(), "a");
        assert_eq!(receiver.status(&numbered(1, 3, "{\"a\"")), 200);
        assert_eq!(receiver.status(&numbered(wrong.0, wrong.1, data)), 400, "{wrong:?}");
        // What was right before is refused now, by whichever worker, until the set's time is over.
        let mut other = Receiver::new(shared.table(), "a");
        for k in 1..=3 {
            assert_eq!(other.message(&numbered(k, 3, "x")), Err(Refusal::Set), "{wrong:?}");
        }
        other.now = NOW.plus(UNFINISHED_SET_MS + 1);
        assert_eq!(other.status(&numbered(1, 3, "{\"a\"")), 200);
        assert_eq!(other.status(&numbered(2, 3, ":")), 200);
        assert_eq!(complete(other.message(&numbered(3, 3, "1}"))), [0xA1, 0x61, b'a', 1]);
    }
}

#[test]
fn row_24_an_unfinished_set_lives_five_minutes() {
    let shared = Shared::new(4);
    for (late, complete) in [(UNFINISHED_SET_MS, true), (UNFINISHED_SET_MS + 1, false)] {
        let mut receiver = Receiver::new(shared.table(), &late.to_string());
        assert_eq!(receiver.status(&numbered(1, 2, "{")), 200);
        receiver.now = NOW.plus(late);
        let outcome = receiver.message(&numbered(2, 2, "}"));
        assert_eq!(matches!(outcome, Ok(Outcome::Complete { .. })), complete, "{late}");
    }
}

#[test]
fn row_24_a_call_has_four_open_sets_and_a_finished_one_makes_room() {
    let shared = Shared::new(8);
    let mut receiver = Receiver::new(shared.table(), "a");
    let of = |id: u32, k: u32, data: &str| {
        let id = format!("cse_{id:026}");
        chunk("", &format!("OHP-Chunk: {k}/2; id={id}\n"), data)
    };
    for id in 1..=4 {
        assert_eq!(receiver.status(&of(id, 1, "{")), 200);
    }
    assert_eq!(receiver.message(&of(5, 1, "{")), Err(Refusal::CallLimit));
    assert_eq!(Refusal::CallLimit.status().code(), 503);
    assert_eq!(Receiver::new(shared.table(), "b").status(&of(5, 1, "{")), 200);
    assert_eq!(complete(receiver.message(&of(2, 2, "}"))), [0xA0]);
    assert_eq!(receiver.status(&of(5, 1, "{")), 200);
}

#[test]
fn row_24_a_call_has_64_kib_in_open_sets() {
    let shared = Shared::new(8);
    let mut receiver = Receiver::new(shared.table(), "a");
    let of = |id: u32, k: u32, len: usize| {
        let id = format!("cse_{id:026}");
        chunk("", &format!("OHP-Chunk: {k}/64; id={id}\n"), &"x".repeat(len))
    };
    assert_eq!(receiver.status(&of(1, 1, 40_000)), 200);
    assert_eq!(receiver.status(&of(2, 1, 25_000)), 200);
    assert_eq!(receiver.message(&of(2, 2, 600)), Err(Refusal::CallLimit));
    assert_eq!(receiver.status(&of(1, 2, 600)), 200);
}

#[test]
fn row_24_a_full_table_is_answered_503() {
    let shared = Shared::new(1);
    assert_eq!(Receiver::new(shared.table(), "a").status(&numbered(1, 2, "{")), 200);
    let mut other = Receiver::new(shared.table(), "b");
    assert_eq!(other.message(&numbered(1, 2, "{")), Err(Refusal::TableFull));
    assert_eq!(other.status(&numbered(1, 2, "{")), 503);
    assert_eq!(
        other.status(&message("c: application/ohp+json\n", b"{}")),
        200,
        "needs no slot"
    );
}

#[test]
fn row_27_each_info_is_answered_as_its_message_deserves() {
    let shared = Shared::new(4);
    let mut receiver = Receiver::new(shared.table(), "a");
    let long = [b"{".as_slice(), &vec![b' '; ENVELOPE_MAX], b"}"].concat();
    let longest = vec![b'o'; BODY_LEN_MAX + 1];
    let cases: [(u16, &str, &[u8]); 18] = [
        (200, "Content-Type: application/ohp+json\n", b"{}"),
        (200, "Content-Type: application/ohp+cbor\nInfo-Package: ohp\n", b"\xA0"),
        (200, "Content-Type: application/json\nInfo-Package: OHP;v=1\n", b"{}"),
        // Not canonical and no envelope: understood all the same, and a REJECT's business.
        (200, "Content-Type: application/ohp+cbor\n", b"\xA1\x00"),
        (400, "Content-Type: application/ohp+json\n", b"\xA0"),
        (400, "Content-Type: application/ohp+json\n", b"{"),
        (400, "Content-Type: application/ohp+json\n", b""),
        (400, "Content-Type: multipart/ohp; chunk=1; chunk=1\n", b""),
        (
            400,
            "Content-Type: multipart/ohp; boundary=b\n",
            b"--b\r\n\r\n\r\n--b--",
        ),
        (
            400,
            "Content-Type: application/ohp+cbor\nOHP-Tier: core\nOHP-Tier: core\n",
            b"\xA0",
        ),
        (413, "Content-Type: application/ohp+json\n", &long),
        (413, "Content-Type: application/ohp+json\n", &longest),
        (415, "", b"{}"),
        (415, "Content-Type: application/sdp\n", b"{}"),
        (
            415,
            "Content-Type: application/ohp+json\nContent-Encoding: gzip\n",
            b"{}",
        ),
        (
            415,
            "Content-Type: application/ohp+json\nContent-Encoding: deflate, deflate\n",
            b"{}",
        ),
        (469, "Content-Type: application/ohp+json\nInfo-Package: dtmf\n", b"{}"),
        (469, "Content-Type: application/ohp+json\nInfo-Package:\n", b"{}"),
    ];
    for (status, headers, body) in cases {
        assert_eq!(receiver.status(&message(headers, body)), status, "{headers}");
    }
}

#[test]
fn row_26_an_echo_header_of_any_chunk_counts() {
    let sent = Sent::new(&[b"\xA1".as_slice(), &noise(1500)].concat(), Form::default()).expect("encoded");
    let messages = sent.messages();
    for altered in 0..messages.len() {
        for (from, to, mismatch) in [
            ("OHP-Tier: signed", "OHP-Tier: sealed", Some(Mismatch::Tier)),
            ("OHP-Verb: PROPOSE", "OHP-Verb: ACCEPT", Some(Mismatch::Verb)),
            ("OHP-Version: 0.1", "OHP-Version: 1.0", Some(Mismatch::Version)),
            ("OHP-Tier: signed", "X-Dropped: signed", None),
        ] {
            let shared = Shared::new(4);
            let mut receiver = Receiver::new(shared.table(), "a");
            let mut last = None;
            for (place, message) in messages.iter().enumerate() {
                let at = message.windows(from.len()).position(|window| window == from.as_bytes());
                let mut message = message.clone();
                if place == altered {
                    let at = at.expect("an echo header");
                    message.splice(at..at + from.len(), to.bytes());
                }
                last = Some(receiver.message(&message));
            }
            let Some(Ok(Outcome::Complete { echo, .. })) = last else {
                panic!("{last:?}");
            };
            assert_eq!(echo.err(), mismatch, "{altered} {to}");
        }
    }
}

#[test]
fn raw_deflate_is_known_by_the_header_of_any_chunk() {
    let encoded = raw(&zlib(b"{\"a\":1}"));
    let (one, two) = encoded.split_at(4);
    for with_header in 0..2 {
        let shared = Shared::new(4);
        let mut receiver = Receiver::new(shared.table(), "a");
        let mut outcome = None;
        for (place, data) in [one, two].into_iter().enumerate() {
            let start = format!("--b\r\nOHP-Chunk: {}/2; id={ID}\r\n\r\n", place + 1);
            let body = [start.as_bytes(), data, b"\r\n--b--"].concat();
            let header = if place == with_header { "e: deflate\n" } else { "" };
            outcome = Some(receiver.message(&message(&format!("c: multipart/ohp\n{header}"), &body)));
        }
        assert_eq!(complete(outcome.expect("a chunk")), [0xA1, 0x61, b'a', 1]);
    }
}

#[test]
fn a_set_of_one_chunk_is_complete_at_once() {
    let shared = Shared::new(4);
    let mut receiver = Receiver::new(shared.table(), "a");
    assert_eq!(complete(receiver.message(&numbered(1, 1, "{}"))), [0xA0]);
    let again = Outcome::Duplicate {
        has_id: true,
        finished: true,
        last: true,
    };
    assert_eq!(receiver.message(&numbered(1, 1, "{}")), Ok(again));
}

#[test]
fn short_buffers_are_refused_and_not_run_over() {
    let shared = Shared::new(4);
    let mut receiver = Receiver::new(shared.table(), "a");
    receiver.scratch.truncate(SCRATCH_LEN - 1);
    assert_eq!(
        receiver.status(&message("c: application/ohp+json\n", b"{}")),
        200,
        "JSON this short needs less"
    );
    receiver.scratch.truncate(1000);
    assert_eq!(
        receiver.message(&message("c: application/ohp+json\n", b"{}")),
        Err(Refusal::Buffer)
    );
    let mut receiver = Receiver::new(shared.table(), "a");
    receiver.out.truncate(ENVELOPE_MAX - 1);
    assert_eq!(receiver.status(&message("c: application/ohp+json\n", b"{}")), 503);
}

#[test]
fn damaged_chunks_never_panic() {
    let shared = Shared::new(4);
    let mut random = Random(29);
    let sent = Sent::new(
        &envelopes()
            .first()
            .map_or(vec![0xA0; 800], |envelope| envelope.cbor.repeat(2)),
        Form {
            body_max: 300,
            ..Form::default()
        },
    )
    .expect("encoded");
    let messages = sent.messages();
    let words: [&[u8]; 5] = [b"\r\n", b"--", b"OHP-Chunk: 1/1\r\n", b"deflate", b"/64"];
    let mut receiver = Receiver::new(shared.table(), "a");
    for round in 0..5000 {
        let chosen = random.below(messages.len());
        let damaged = random.mutate(&messages[chosen], &words);
        receiver.now = NOW.plus(round * 60_000);
        let _ = receiver.message(&damaged);
    }
}

/// What one worker encoded waits in the table; another sends it, chunk by chunk, as the final responses come in.
#[test]
fn an_envelope_waits_in_the_table_and_is_sent_by_another_worker() {
    let shared = Shared::new(4);
    let cbor = [b"\xA1".as_slice(), &noise(2000)].concat();
    let sent = Sent::new(&cbor, Form::default()).expect("encoded");
    let slots = shared.table().slots();
    let owner = shared.table().key(Domain::Call, &[b"a"]);
    let stored = slots
        .store(&owner, &sent.encoded, NOW.plus(300_000), NOW)
        .expect("stored");
    let mut receiver = Receiver::new(shared.table(), "a");
    let mut outcome = None;
    for k in 1..=sent.plan.total() {
        let range = sent.plan.range(k).expect("a chunk");
        let (mut data, mut headers, mut body) = ([0; BODY_MAX], [0; outgoing::HEADERS_LEN], [0; BODY_MAX]);
        let len = slots.read(stored, range.start, &mut data[..range.len()]).expect("read");
        let info = sent
            .plan
            .render(k, &data[..len], &mut headers, &mut body)
            .expect("rendered");
        outcome = Some(receiver.message(&message(info.headers, info.body)));
    }
    assert_eq!(complete(outcome.expect("a chunk")), cbor);
}
