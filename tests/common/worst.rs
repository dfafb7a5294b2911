//! The INFOs that take longest, as far as fuzzing and thought have found: what a stranger may send to make a PBX's thread
//! late. Each is 64 KiB at most and comes with what makes it slow.

#![allow(dead_code, reason = "a bench and a test each use their own part")]

use ohp::transport::base64;

/// One INFO, or the INFOs of one envelope: header lines and body.
pub struct Case {
    pub name: &'static str,
    pub infos: Vec<(String, Vec<u8>)>,
}

const JSON: &str = "Content-Type: application/ohp+json\r\n";
const DEFLATED: &str = "Content-Type: application/ohp+json\r\nContent-Encoding: deflate\r\n";
const CBOR: &str = "Content-Type: application/ohp+cbor\r\n";
const CHUNK: &str = "Content-Type: multipart/ohp; boundary=b\r\n";

/// Longest JSON, CBOR and deflated body.
const LEN: usize = 32 * 1024;

/// All of them.
pub fn cases() -> Vec<Case> {
    let one = |name, headers: &str, body: Vec<u8>| Case {
        name,
        infos: vec![(headers.to_owned(), body)],
    };
    vec![
        one("members_in_reverse", JSON, members_in_reverse()),
        one("objects_in_one_another", JSON, objects_in_one_another()),
        one("numbers_halfway", JSON, numbers_halfway()),
        one("numbers_halfway_and_long", JSON, numbers_halfway_and_long()),
        one("escapes", JSON, escapes()),
        one("short_items", CBOR, short_items()),
        one("empty_blocks", DEFLATED, empty_blocks()),
        one("blocks_with_tables", DEFLATED, blocks_with_tables()),
        one(
            "deflated_text",
            "Content-Type: application/ohp+json\r\n",
            deflated_text(),
        ),
        one("lines_like_boundaries", CHUNK, lines_like_boundaries()),
        one("header_lines", CHUNK, header_lines()),
        Case {
            name: "chunks_of_deflated_text",
            infos: chunks_of_deflated_text(),
        },
    ]
}

/// One object whose keys differ at their ends alone and come last first: all are sorted, compared in full, and moved.
fn members_in_reverse() -> Vec<u8> {
    let member = |nth: usize| format!("\"keykeykey{nth:04}\":0");
    filled((0..2000).rev().map(member), "{", "}")
}

/// As many objects as may be open at once, each out of order, so that its members are moved at every level.
fn objects_in_one_another() -> Vec<u8> {
    let depth = 31;
    let room = LEN - depth * 16;
    let text = "x".repeat(room);
    let open = "{\"b\":".repeat(depth);
    let close = ",\"a\":0}".repeat(depth);
    format!("{open}\"{text}\"{close}").into_bytes()
}

/// Numbers that lie so near the middle of two floats that their digits must be multiplied out.
fn numbers_halfway() -> Vec<u8> {
    let number = |_| "2.4703282292062327208299e-324".to_owned();
    filled((0..2000).map(number), "{\"\":[", "]}")
}

/// The same with as many digits as are looked at.
fn numbers_halfway_and_long() -> Vec<u8> {
    let number = |_| format!("2.4703282292062327208299{}e-324", "9".repeat(744));
    filled((0..2000).map(number), "{\"\":[", "]}")
}

/// Texts of nothing but escapes.
fn escapes() -> Vec<u8> {
    let text = |_| "\"\\ud83d\\ude00\\u00e9\\n\\u0000\"".to_owned();
    filled((0..2000).map(text), "{\"\":[", "]}")
}

/// `parts` with commas between them, as many as fit.
fn filled(parts: impl Iterator<Item = String>, open: &str, close: &str) -> Vec<u8> {
    let mut json = open.to_owned();
    for part in parts {
        if json.len() + part.len() + 1 + close.len() > LEN {
            break;
        }
        if json.len() > open.len() {
            json.push(',');
        }
        json.push_str(&part);
    }
    json.push_str(close);
    json.into_bytes()
}

/// CBOR of one-byte items, which is an envelope to nobody.
fn short_items() -> Vec<u8> {
    let mut cbor = vec![0xa1, 0x60, 0x99];
    let count = LEN - 5;
    cbor.extend((count as u16).to_be_bytes());
    cbor.resize(LEN, 0xf6);
    cbor
}

/// Bits, the lowest first, as RFC 1951 packs them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for nth in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> nth & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// Deflate blocks with the fixed code and nothing in them, ten bits each: an inflater builds its tables for every one.
pub fn empty_blocks() -> Vec<u8> {
    let mut bits = Bits::default();
    while bits.bytes.len() < LEN - 2 {
        bits.put(0b010, 3);
        bits.put(0, 7);
    }
    bits.bytes
}

/// The same with a code of their own that has one symbol, the block's end: 91 bits each.
pub fn blocks_with_tables() -> Vec<u8> {
    let mut bits = Bits::default();
    while bits.bytes.len() < LEN - 12 {
        bits.put(0b100, 3);
        // 257 literals and lengths, 1 distance, 18 lengths of codes: those of 18 and 1, the third and the last, are used.
        bits.put(0, 5);
        bits.put(0, 5);
        bits.put(14, 4);
        for place in 0..18 {
            bits.put(u32::from(place == 2 || place == 17), 3);
        }
        // Of the two codes of one bit, 1 is the first and 18 the second.
        for zeros in [138, 118] {
            bits.put(1, 1);
            bits.put(zeros - 11, 7);
        }
        bits.put(0, 1);
        bits.put(0, 1);
        // The end.
        bits.put(0, 1);
    }
    bits.bytes
}

/// Every layer at its longest: JSON, deflated without saving anything, as text in short lines.
fn deflated_text() -> Vec<u8> {
    let json = members_in_reverse();
    let mut stored = vec![0x78, 0x01];
    let len = json.len() as u16 - 100;
    stored.push(1);
    stored.extend(len.to_le_bytes());
    stored.extend((!len).to_le_bytes());
    stored.extend(&json[..usize::from(len)]);
    text(&stored)
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; base64::encoded_len(bytes.len())];
    base64::encode(bytes, &mut text).expect("it fits");
    let lines: Vec<&[u8]> = text.chunks(64).collect();
    lines.join(&b"\r\n"[..])
}

/// A part in which every line begins as its end does.
fn lines_like_boundaries() -> Vec<u8> {
    let mut body = b"--b\r\nOHP-Chunk: 1/2\r\n\r\n".to_vec();
    while body.len() < 44 * 1024 {
        body.extend(b"\r\n--b ");
        body.extend([b' '; 3]);
        body.extend(b"x");
    }
    body.extend(b"\r\n--b--\r\n");
    body
}

/// A part of nothing but header lines.
fn header_lines() -> Vec<u8> {
    let mut body = b"--b\r\n".to_vec();
    while body.len() < 44 * 1024 {
        body.extend(b"a:\r\n");
    }
    body.extend(b"OHP-Chunk: 1/2\r\n\r\n\r\n--b--\r\n");
    body
}

/// As many chunks as an envelope may have; with the last one the whole is taken out and unpacked.
fn chunks_of_deflated_text() -> Vec<(String, Vec<u8>)> {
    let whole = deflated_text();
    let total = 64;
    let chunk = |(nth, data): (usize, &[u8])| {
        let place = nth + 1;
        let head = format!("--b\r\nContent-Type: application/ohp+json\r\nOHP-Chunk: {place}/{total}\r\n\r\n");
        (CHUNK.to_owned(), [head.as_bytes(), data, b"\r\n--b--\r\n"].concat())
    };
    let step = whole.len().div_ceil(total);
    whole.chunks(step).enumerate().map(chunk).collect()
}
