//! One function for each entry point that takes bytes from strangers. `no_panic` leaves a symbol that nothing defines in
//! each that the compiler cannot show to return; the test `no_panic` reads the linker's list of them.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use no_panic::no_panic;
use ohp::cbor::{self, Item, Reader, json};
use ohp::crypto::ed25519;
use ohp::envelope::{ENVELOPE_MAX, Envelope, SHAPE, Tier, Verb};
use ohp::id::{self, EnvelopeId};
use ohp::leg::{Context, Host, Leg, SCRATCH_LEN, SdpOrigin, RANDOM_LEN};
use ohp::media::decoder::Decoder;
use ohp::media::exact;
use ohp::media::rtp::Packet;
use ohp::media::sdp::{Description, Negotiated, Renegotiation, SdpHints};
use ohp::media::tap::Frame;
use ohp::media::{Codec, Fingerprint, Tap, TapConfig, g711};
use ohp::table::{Config, Domain, Key, Table};
use ohp::time::Timestamp;
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::multipart::Chunk;
use ohp::transport::outgoing::{Form, Outgoing};
use ohp::transport::{ContentType, Echo, Info, base64, body, receive};
use ohp::trust::{base64url, jws};
use ohp::verify::{Call, Media, Memory, Role, Situation, verify};

/// What the entry points work with.
struct Work<'w> {
    scratch: &'w mut [u8],
    out: &'w mut [u8],
    pcm: &'w mut [i16],
    table: Table<'w>,
    tap: Tap<'w>,
    call: Key,
    context: &'w Context,
    leg: Leg,
    outer: ContentType,
    key: ed25519::PublicKey,
    signature: [u8; ed25519::SIGNATURE_LEN],
    fingerprint: Fingerprint,
    now: Timestamp,
}

/// Each entry point by its name, what it does with the bytes, and the list of them all.
macro_rules! entries {
    ($($name:ident: |$bytes:ident, $work:ident| $does:expr;)*) => {
        $(
            #[no_panic]
            #[inline(never)]
            fn $name($bytes: &[u8], $work: &mut Work<'_>) -> bool {
                $does
            }
        )*

        const ENTRIES: &[fn(&[u8], &mut Work<'_>) -> bool] = &[$($name),*];
    };
}

/// The bytes as a text, without looking for another place to panic.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

entries! {
    panics: |bytes, _work| bytes[0] > 0;
    cbor_check: |bytes, _work| cbor::check(bytes).is_ok();
    cbor_reader: |bytes, _work| {
        let mut reader = Reader::new(bytes);
        while let Ok(Some(token)) = reader.next() {
            black_box(token);
        }
        reader.depth() == 0
    };
    cbor_item: |bytes, _work| {
        let map = Item::parse(bytes).ok().and_then(Item::map);
        let item = map.and_then(|map| map.get("member"));
        item.is_some_and(|item| item.as_text().is_some() || item.as_integer().is_some() || item.as_float().is_some())
    };
    json_to_cbor: |bytes, work| json::to_cbor(bytes, SHAPE, work.scratch, work.out).is_ok();
    rfc3339: |bytes, _work| Timestamp::parse_rfc3339(text(bytes)).is_ok();
    envelope_id: |bytes, _work| EnvelopeId::parse(text(bytes)).is_some();
    hex: |bytes, _work| id::parse_hex::<32>(text(bytes)).is_some();
    headers: |bytes, _work| Info::parse(bytes, b"").is_ok();
    message: |bytes, _work| Info::parse_message(bytes).is_ok();
    content_type: |bytes, _work| ContentType::parse(text(bytes)).is_ok();
    multipart: |bytes, work| Chunk::parse(&work.outer, bytes).is_ok();
    base64_decode: |bytes, work| base64::decode(bytes, work.out).is_ok();
    base64url_decode: |bytes, work| base64url::decode(text(bytes), work.out).is_some();
    inflate: |bytes, work| inflate::inflate(bytes, Wrapper::Zlib, work.out).is_ok();
    body_decode: |bytes, work| body::decode(bytes, body::Declared::default(), SHAPE, work.scratch, work.out).is_ok();
    echo: |bytes, _work| Info::parse(bytes, b"").is_ok_and(|info| Echo::of(&info).check(Tier::Core, Verb::Propose).is_ok());
    chunk_receive: |bytes, work| match Info::parse(bytes, bytes) {
        Ok(info) => receive(&work.table, &work.call, &info, work.now, SHAPE, work.scratch, work.out).is_ok(),
        Err(_) => false,
    };
    encode_and_split: |bytes, work| {
        let about = (EnvelopeId::new(work.now, [0; 10]), Tier::Core, Verb::Propose);
        Outgoing::encode(bytes, about, Form::default(), work.scratch, work.out).is_ok()
    };
    sdp: |bytes, _work| match Description::parse(bytes) {
        Ok(description) => description.audio().is_some_and(|audio| audio.payload_types().codec(8).is_some()),
        Err(_) => false,
    };
    sdp_hints: |bytes, _work| {
        Description::parse(bytes).is_ok_and(|description| !SdpHints::from_answer(&description).is_empty())
    };
    sdp_renegotiation: |bytes, _work| {
        let Ok(description) = Description::parse(bytes) else {
            return false;
        };
        let mut leg = Negotiated::NOTHING;
        leg.note(SdpOrigin::Remote, &description);
        leg.note(SdpOrigin::Local, &description);
        matches!(leg.renegotiation([text(bytes)], None), Renegotiation::Offer { .. })
    };
    rtp: |bytes, _work| Packet::parse(bytes).is_ok_and(|packet| packet.csrcs().len() + packet.payload().len() > 0);
    decode: |bytes, work| {
        let decoded = Codec::ALL.map(|codec| Decoder::new(codec).map_or(0, |mut one| one.decode(bytes, work.pcm)));
        decoded.iter().sum::<usize>() > 0 && g711::compress_a(1) > 0
    };
    tap_write_rtp: |bytes, work| work.tap.write_rtp(bytes) == ohp::media::tap::Written::Kept;
    tap_write_frame: |bytes, work| {
        let frame = Frame { codec: Codec::Pcmu, source: 1, timestamp: 160, payload: bytes };
        work.tap.write_frame(&frame) == ohp::media::tap::Written::Kept
    };
    tap_fingerprint: |_bytes, work| exact::newest(&work.tap).is_ok();
    tap_search: |_bytes, work| exact::search(&work.tap, &work.fingerprint) == exact::Decision::Mismatch;
    fingerprint: |bytes, _work| Fingerprint::parse(text(bytes)).is_some();
    jws_header: |bytes, work| jws::header(text(bytes), work.scratch).is_ok();
    ed25519_key: |bytes, _work| bytes.first_chunk().is_some_and(|bytes| ed25519::PublicKey::parse(bytes).is_ok());
    ed25519_verify: |bytes, work| work.key.verify(bytes, &work.signature).is_ok();
    jws_verify: |bytes, work| {
        let expect = jws::Expect { alg: "EdDSA", kid: None };
        jws::verify_detached(text(bytes), &expect, &work.key, &[bytes], work.scratch).is_ok()
    };
    envelope_read: |bytes, _work| Envelope::read(bytes, &mut |_| ()).is_ok();
    verdict: |bytes, work| {
        let situation = Situation {
            bundle: &work.context.bundle,
            now: work.now,
            role: Role::Unknown,
            call: Call::Unknown,
            media: Media::NotHere,
            echo: Echo::default(),
            memory: Some(Memory { table: work.table, peer: b"peer", peer_rate: 200 }),
            again: false,
            audio_may_follow: false,
            deadline_passed: false,
        };
        verify(bytes, &situation, work.scratch, &mut |_, _| ()).is_accepted()
    };
    leg_handle_sdp: |bytes, work| work.leg.handle_sdp(SdpOrigin::Remote, bytes).is_ok();
    leg_handle_info: |bytes, work| {
        let mut host = Host {
            context: work.context,
            table: work.table,
            tap: Some(work.tap),
            peer: b"peer",
            now: work.now,
            random: [0; RANDOM_LEN],
            scratch: work.scratch,
            disclosed: None,
        };
        Info::parse(bytes, bytes)
            .is_ok_and(|info| work.leg.handle_info(&mut host, &info, work.out, &mut |_, _| ()).refusal.is_none())
    };
}

fn main() {
    let words =
        |count: Option<usize>| -> Vec<AtomicU64> { (0..count.expect("a size")).map(|_| AtomicU64::new(0)).collect() };
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 10,
    };
    let (table, tap) = (words(Config::default().words().ok()), words(config.words()));
    let table = Table::init(&table, &Config::default(), [0; 16]).expect("a table");
    let context = Context::default();
    let mut work = Work {
        scratch: &mut vec![0; SCRATCH_LEN],
        out: &mut vec![0; ENVELOPE_MAX],
        pcm: &mut [0; 4096],
        call: table.key(Domain::Call, &[b"call"]),
        table,
        tap: Tap::init(&tap, &config).expect("a tap"),
        context: &context,
        leg: Leg::new("call").expect("an identifier"),
        outer: ContentType::parse("application/ohp+cbor").expect("a media type"),
        key: ed25519::SigningKey::from_seed([1; 32]).public(),
        signature: [0; ed25519::SIGNATURE_LEN],
        fingerprint: Fingerprint::from_bytes([1; 32]),
        now: Timestamp::from_millis(1_779_975_731_000),
    };
    let input = std::env::args().nth(1).unwrap_or_default();
    for entry in black_box(ENTRIES) {
        black_box(entry(black_box(input.as_bytes()), &mut work));
    }
}
