//! What several of these tests need: official envelopes, noise, and whole messages.

#[allow(
    clippy::duplicate_mod,
    reason = "a crate with several of these modules has it several times"
)]
#[path = "../common/skip.rs"]
pub mod skip;

use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::json;
use ohp::envelope::{SHAPE, Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::transport::outgoing::{self, EncodeError, Form};
use ohp::transport::{BODY_MAX, ENVELOPE_MAX, Outgoing};

pub const ID: &str = "cse_01HZX0R5N9V8W1QYK0XQM3R3K9";

pub fn id() -> EnvelopeId {
    EnvelopeId::parse(ID).expect("an id")
}

/// Every file under `folder`, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    found
}

/// An envelope as JSON and as canonical CBOR.
pub struct Envelope {
    pub name: String,
    pub json: Vec<u8>,
    pub cbor: Vec<u8>,
}

/// The official example envelopes and test vectors.
pub fn envelopes() -> Vec<Envelope> {
    let Some(folder) = skip::shared("ohp") else {
        return Vec::new();
    };
    let is_envelope = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with("/envelope.json") || name.contains("/examples/envelopes/")
    };
    let read = |path: PathBuf| {
        let json = fs::read(&path).expect("a file");
        let cbor = cbor_of(&json);
        Envelope {
            name: path.display().to_string(),
            json,
            cbor,
        }
    };
    let envelopes: Vec<Envelope> = files(&folder).into_iter().filter(is_envelope).map(read).collect();
    assert_eq!(envelopes.len(), 10);
    envelopes
}

pub fn cbor_of(json: &[u8]) -> Vec<u8> {
    let mut scratch = vec![0; json::scratch_len(json.len())];
    let mut out = vec![0; json::max_cbor_len(json.len())];
    json::to_cbor(json, SHAPE, &mut scratch, &mut out)
        .expect("JSON")
        .to_vec()
}

/// A small generator of repeatable bytes (xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }

    /// One to four small changes: a byte replaced, removed, inserted or doubled, a run cut out.
    pub fn mutate(&mut self, bytes: &[u8], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let word = words[self.below(words.len())];
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] = self.next() as u8,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.insert(at, self.next() as u8),
                3 => drop(bytes.splice(at..at, word.iter().copied())),
                4 => {
                    let end = (at + self.below(40)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let end = (at + self.below(40)).min(bytes.len());
                    let run = bytes[at..end].to_vec();
                    drop(bytes.splice(at..at, run));
                }
            }
        }
        bytes
    }
}

/// Bytes that do not deflate.
pub fn noise(len: usize) -> Vec<u8> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    (0..len).map(|_| (random.next() >> 32) as u8).collect()
}

/// An INFO as it stands on the wire, request line and all.
pub fn message(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut message = b"INFO sip:callee@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK776asdhds\r\n\
        Call-ID: callid_2026K9\r\nCSeq: 102 INFO\r\n"
        .to_vec();
    message.extend_from_slice(headers.as_bytes());
    message.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    message.extend_from_slice(body);
    message
}

/// An envelope, encoded and planned.
pub struct Sent {
    pub plan: Outgoing,
    pub encoded: Vec<u8>,
}

impl Sent {
    pub fn new(cbor: &[u8], form: Form) -> Result<Self, EncodeError> {
        let mut scratch = vec![0; outgoing::SCRATCH_LEN];
        let mut out = vec![0; outgoing::ENCODED_MAX];
        let about = (id(), Tier::Signed, Verb::Propose);
        let plan = Outgoing::encode(cbor, about, form, &mut scratch, &mut out)?;
        out.truncate(plan.encoded_len());
        Ok(Self { plan, encoded: out })
    }

    pub fn messages(&self) -> Vec<Vec<u8>> {
        let render = |k| {
            let (mut headers, mut body) = ([0; outgoing::HEADERS_LEN], [0; BODY_MAX]);
            let data = &self.encoded[self.plan.range(k).expect("a chunk")];
            let info = self.plan.render(k, data, &mut headers, &mut body).expect("rendered");
            message(info.headers, info.body)
        };
        (1..=self.plan.total()).map(render).collect()
    }
}

/// zlib over `bytes`, by our own compressor.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut scratch = vec![0; ohp::transport::deflate::SCRATCH_LEN];
    let mut out = vec![0; 2 * ENVELOPE_MAX];
    ohp::transport::deflate::deflate(bytes, &mut scratch, &mut out)
        .expect("deflated")
        .to_vec()
}

/// The deflate stream inside a zlib one.
pub fn raw(zlib: &[u8]) -> Vec<u8> {
    zlib[2..zlib.len() - 4].to_vec()
}

pub fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; ohp::transport::base64::encoded_len(bytes.len())];
    ohp::transport::base64::encode(bytes, &mut text)
        .expect("base64")
        .to_vec()
}
