//! Damaged input of every kind: no parser panics, and none writes or returns more than its bounds.

use ohp::envelope::SHAPE;
use ohp::transport::body::{self, Declared, Encoding};
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::multipart::Chunk;
use ohp::transport::outgoing::Form;
use ohp::transport::{ENVELOPE_MAX, Info};

use super::fixtures::{Random, Sent, base64, envelopes, message, noise, raw, zlib};

const ROUNDS: usize = 20_000;

#[test]
fn damaged_messages_never_panic_and_chunks_stay_inside_their_bodies() {
    let words: [&[u8]; 12] = [
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b"--",
        b": ",
        b";",
        b"\"",
        b"\\",
        b"chunk=1",
        b"OHP-Chunk: 1/2\r\n",
        b"Content-Type: multipart/ohp\r\n",
        b"\r\n--ohp-XQM3R3K90--\r\n",
    ];
    let messages = [
        Sent::new(&noise(1500), Form::default())
            .expect("encoded")
            .messages()
            .remove(0),
        Sent::new(&noise(100), Form::default())
            .expect("encoded")
            .messages()
            .remove(0),
        message(
            "c: multipart/ohp\n\tboundary=\"a b\"\n",
            b"--a b\nOHP-Chunk: 1/2\n\nxyz\n--a b--",
        ),
    ];
    let mut random = Random(7);
    let mut chunks = 0;
    for round in 0..ROUNDS {
        let damaged = random.mutate(&messages[round % messages.len()], &words);
        let Ok(info) = Info::parse_message(&damaged) else {
            continue;
        };
        let Ok(Some(media)) = info.media() else { continue };
        if let Ok(chunk) = Chunk::parse(&media, info.body) {
            assert!(info.body.as_ptr_range().contains(&chunk.data.as_ptr()) || chunk.data.is_empty());
            assert!(chunk.data.len() < info.body.len());
            chunks += 1;
        }
    }
    assert!(chunks > ROUNDS / 20, "{chunks}");
}

#[test]
fn damaged_bodies_never_panic_and_never_outgrow_an_envelope() {
    let words: [&[u8]; 6] = [b"\0", b"\xFF\xFF", b"{", b"\"", b"\x78\x9C", b"\xBB"];
    let Some(envelope) = envelopes().into_iter().next() else {
        return;
    };
    let bodies = [
        envelope.json.clone(),
        envelope.cbor.clone(),
        zlib(&envelope.cbor),
        raw(&zlib(&envelope.json)),
        base64(&envelope.cbor),
        base64(&zlib(&envelope.json)),
    ];
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let mut random = Random(11);
    for round in 0..ROUNDS {
        let damaged = random.mutate(&bodies[round % bodies.len()], &words);
        for encoding in [Encoding::Unsaid, Encoding::Identity, Encoding::Deflate] {
            let declared = Declared { media: None, encoding };
            if let Ok(decoded) = body::decode(&damaged, declared, SHAPE, &mut scratch, &mut out) {
                assert!(decoded.cbor.len() <= ENVELOPE_MAX);
            }
        }
    }
}

#[test]
fn damaged_deflate_streams_stay_inside_the_buffer() {
    let mut random = Random(13);
    let streams = [zlib(&noise(500)), zlib(&[b'a'; 3000]), zlib(&[1; ENVELOPE_MAX])];
    let mut out = [0xEE; 1100];
    for round in 0..ROUNDS {
        let damaged = random.mutate(&streams[round % streams.len()], &[b"\0", b"\xFF", b"\x78"]);
        for (bytes, wrapper) in [
            (damaged.as_slice(), Wrapper::Zlib),
            (damaged.get(2..).unwrap_or_default(), Wrapper::Raw),
        ] {
            if let Ok(len) = inflate::inflate(bytes, wrapper, &mut out[..1000]) {
                assert!(len <= 1000);
            }
            assert!(out[1000..].iter().all(|byte| *byte == 0xEE));
        }
    }
}
