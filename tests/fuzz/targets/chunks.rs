//! Chunks of several envelopes, shuffled, doubled, altered, cut, with other totals and names, over time. The oracle keeps
//! its own sets: an envelope comes out when the last of its chunks has come unaltered, and never otherwise; and what
//! comes out is what was sent.

#![no_main]

use std::collections::BTreeMap;

use ohp::envelope::{ENVELOPE_MAX, SHAPE, Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::table::{Config, Domain};
use ohp::time::Timestamp;
use ohp::transport::reassembly::SCRATCH_LEN;
use ohp::transport::{Info, Received, Refusal, receive};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::party::{CALL_ID, NOW, table, table_words};
use ohp_fuzz::tree::Random;
use ohp_fuzz::{Seeds, Take, target, without_heap};

/// Room enough that what is refused is refused for what it is, most of the time.
const CONFIG: Config = Config {
    replays: 8,
    hashes: 8,
    kids: 8,
    peers: 8,
    sets: 32,
    slots: 8,
    slot_bytes: 4096,
    sounds: 16,
};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let words = table_words(&CONFIG);
    let table = table(&words, &CONFIG);
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(ENVELOPE_MAX));
    let mut now = NOW;
    let mut sets: BTreeMap<(usize, usize), Set> = BTreeMap::new();
    for _ in 0..100 {
        if take.is_empty() {
            break;
        }
        let (op, which, call_number) = (take.u8(), take.below(6), usize::from(take.u8() & 1));
        let envelope = envelope(which);
        let total = 1 + take.below(8);
        let index = take.below(total);
        let step = envelope.len().div_ceil(total);
        let mut piece = envelope.chunks(step).nth(index).unwrap_or_default().to_vec();
        let (mut said_index, mut said_total) = (index + 1, total);
        let mut altered = false;
        match op % 16 {
            0 => {
                let at = usize::from(take.u16()) % piece.len().max(1);
                if let Some(byte) = piece.get_mut(at) {
                    *byte ^= 1 << (take.u8() & 7);
                    altered = true;
                }
            }
            1 => piece.truncate(usize::from(take.u8())),
            2 => piece.extend(take.short()),
            3 => said_total = take.u8().into(),
            4 => said_index = take.u8().into(),
            5 => {
                now = now.plus(i64::from(take.u16()) * 100);
                sets.retain(|_, set| now <= set.expires);
                continue;
            }
            _ => {}
        }
        let id = EnvelopeId::new(Timestamp::from_millis(0), [which as u8; 10]);
        let name = if op & 0x40 == 0 { format!("; id={id}") } else { String::new() };
        let outside = if op & 0x20 == 0 {
            format!("; total-chunks={said_total}; chunk={said_index}{name}")
        } else {
            String::new()
        };
        let boundary = format!("b{which}.{}", op >> 7);
        let content_type = format!("multipart/ohp; boundary=\"{boundary}\"{outside}");
        let mut body = format!("--{boundary}\r\nContent-Type: application/ohp+cbor\r\nOHP-Chunk: {said_index}/{said_total}{name}\r\n\r\n").into_bytes();
        body.extend(&piece);
        body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
        let body = exact(&body);
        let info = Info {
            content_type: Some(&content_type),
            body: &body,
            ..Info::default()
        };
        let call = table.key(Domain::Call, &[CALL_ID.as_bytes(), &[call_number as u8]]);
        let result = without_heap(|| receive(&table, &call, &info, now, SHAPE, &mut scratch, &mut out));
        // A set is known by its name where it has one, and by its boundary otherwise.
        let set_name = if name.is_empty() { 100 + which * 2 + usize::from(op >> 7) } else { which };
        let set = sets.entry((call_number, set_name)).or_insert_with(|| Set {
            expires: now.plus(ohp::table::UNFINISHED_SET_MS),
            chunks: BTreeMap::new(),
            total: None,
        });
        match result {
            Ok(Received::Partial { chunk, total }) => {
                assert_eq!((chunk as usize, total as usize), (said_index, said_total));
                assert!(set.total.is_none_or(|known| known == said_total), "a set of two totals");
                set.total = Some(said_total);
                assert!(set.chunks.insert(said_index, piece).is_none(), "stored twice");
                assert!(set.chunks.len() < said_total, "whole, and not given");
            }
            Ok(Received::Duplicate { finished: false, .. }) => {
                assert_eq!(set.chunks.get(&said_index), Some(&piece), "other bytes taken for a duplicate");
            }
            Ok(Received::Duplicate { finished: true, .. }) => {}
            Ok(Received::Complete(message)) => {
                assert!(set.total.is_none_or(|known| known == said_total));
                set.chunks.insert(said_index, piece);
                assert_eq!(set.chunks.len(), said_total, "complete before all of it was there");
                let joined = set.chunks.values().flatten().copied().collect::<Vec<u8>>();
                assert_eq!(message.cbor, joined);
                assert_eq!(message.id.is_some(), !name.is_empty());
                let _ = message.echo.check(Tier::Core, Verb::Propose);
                set.total = Some(usize::MAX);
            }
            Err(Refusal::Buffer) => panic!("the buffers suffice"),
            Err(Refusal::Body(_)) => {
                // It was whole, and no CBOR; that ends the set as well.
                set.chunks.insert(said_index, piece);
                assert_eq!(set.chunks.len(), said_total);
                set.total = Some(usize::MAX);
            }
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                let _ = altered;
            }
        }
    }
});

struct Set {
    expires: Timestamp,
    chunks: BTreeMap<usize, Vec<u8>>,
    total: Option<usize>,
}

/// What is sent: bytes that begin as a map does.
fn envelope(which: usize) -> Vec<u8> {
    let mut random = Random(which as u64);
    let len = [40, 300, 1000, 2500, 4000, 4400][which];
    let mut bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
    bytes[0] = 0xa5;
    bytes
}

fn write_seeds(seeds: &mut Seeds) {
    // Op, envelope, call, total − 1, index.
    seeds.add([15, 1, 0, 2, 0, 15, 1, 0, 2, 2, 15, 1, 0, 2, 1, 15, 1, 0, 2, 1]);
    seeds.add([15, 2, 1, 1, 1, 15, 2, 1, 1, 1, 0, 2, 1, 1, 0, 3, 0, 4, 15, 2, 1, 1, 0]);
    seeds.add([0x4f, 3, 0, 3, 0, 0x4f, 3, 0, 3, 1, 3, 3, 0, 3, 2, 9, 0x4f, 3, 0, 3, 2]);
    seeds.add([
        15, 4, 0, 7, 7, 5, 0, 0, 0, 0, 0xff, 0xff, 15, 4, 0, 7, 6, 2, 1, 0, 2, 0, 2, b'a', b'b',
    ]);
}
