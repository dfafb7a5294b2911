//! Mutations of envelopes that leave them canonical CBOR, by the paths of the schema.

use libfuzzer_sys::fuzzer_mutate;
use ohp::envelope::Field;

use crate::tree::{Node, Random};

/// Texts that mean something somewhere in an envelope.
const TEXTS: &[&str] = &[
    "",
    "0.1",
    "0.2",
    "core",
    "signed",
    "sealed",
    "regulated",
    "PROPOSE",
    "ACCEPT",
    "REJECT",
    "ASSUME",
    "RETURN",
    "INCIDENT",
    "voice/sip",
    "voice",
    "human-takeover",
    "ai-vendor-handoff",
    "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
    "cse_01HZX0R5N9V8W1QYK0XQM3R3M0",
    "did:web:agents.example.com:asst_cs7",
    "did:web:cc.example.com",
    "vendor-a",
    "vendor-b",
    "GB",
    "DE",
    "EU",
    "EEA",
    "US",
    "sccs",
    "gdpr.art6.1.b",
    "gdpr.art6.1.z",
    "gdpr.art9.2.a",
    "iso27560:rcpt_88a2",
    "iso27560:rcpt_none",
    "4111 1111 1111 1111",
    "4111111111111111",
    "EdDSA",
    "ML-DSA-65",
    "none",
    "test-key-1",
    "test-key-2",
    "pcmu/8000/1",
    "opus/48000/2",
    "tier-insufficient",
    "stale",
    "unknown",
    "P30D",
    "en-GB",
    "2026-05-28T13:51:00Z",
    "2026-05-28T13:51:00.5+02:00",
    "2026-05-28T13:56:00Z",
    "9999-12-31T23:59:60Z",
    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "a84b4c76e66710@pc33.atlanta.example.com",
    "high",
    "minimal",
    "limited",
    "prohibited",
    "provider",
    "deployer",
    "https://example.com/a?b#c",
    "\u{0}",
    "\u{202e}",
];

/// Keys that stand in arrays and free-form places, beyond the schema's fixed paths.
const KEYS: &[&str] = &[
    "alg",
    "kid",
    "sig",
    "receiptId",
    "purpose",
    "scope",
    "lawfulBasis",
    "specialCategoryBasis",
    "jurisdiction",
    "transferMechanism",
    "name",
    "confidence",
    "x",
    "id",
    "type",
    "",
];

/// The mutator: inputs are `control` control bytes, and canonical CBOR behind them.
pub fn envelope(data: &mut [u8], size: usize, max_size: usize, seed: u32, control: usize) -> usize {
    let mut random = Random(seed.into());
    let Some(mut root) = data.get(control..size).and_then(Node::parse) else {
        return fuzzer_mutate(data, size, max_size);
    };
    match random.below(16) {
        // Now and then bytes must change that no tree would write.
        0 => return fuzzer_mutate(data, size, max_size),
        1 | 2 if control > 0 => {
            fuzzer_mutate(&mut data[..control], control, control);
        }
        _ => {}
    }
    for _ in 0..=random.below(3) {
        change(&mut root, &mut random);
    }
    let cbor = root.to_cbor();
    if control + cbor.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    data[control..control + cbor.len()].copy_from_slice(&cbor);
    control + cbor.len()
}

/// One change somewhere in the tree.
pub fn change(root: &mut Node, random: &mut Random) {
    let path = Field::ALL[random.below(Field::ALL.len())].path();
    let number = random.below(root.count());
    match random.below(12) {
        0..=2 => *root.at(path) = scalar(random),
        3 => {
            if let Some(node) = root.nth(random.below(root.count())).cloned() {
                *root.at(path) = node;
            }
        }
        4 | 5 => {
            if let Some(node) = root.nth(number) {
                *node = scalar(random);
            }
        }
        6 => remove(root, number, random),
        7 => {
            let key = if random.below(2) == 0 {
                random.pick(KEYS).to_owned()
            } else {
                path.rsplit('.').next().unwrap_or_default().to_owned()
            };
            let value = scalar(random);
            match root.nth(number) {
                Some(Node::Map(members)) => members.push((key, value)),
                Some(Node::Array(elements)) => elements.push(value),
                _ => {}
            }
        }
        8 => double(root, number, random),
        9 => {
            if let Some(Node::Text(text) | Node::Time(text)) = root.nth(number) {
                edit(text, random);
            }
        }
        10 => {
            if let Some(node) = root.nth(number) {
                let inner = std::mem::replace(node, Node::Null);
                *node = if random.below(2) == 0 {
                    Node::Array(vec![inner])
                } else {
                    Node::Map(vec![(random.pick(KEYS).to_owned(), inner)])
                };
            }
        }
        _ => {
            // A short form: what Core lets a sender leave out.
            if let Node::Map(members) = root {
                let keep = random.below(members.len() + 1);
                members.truncate(keep.max(1));
            }
        }
    }
    // No deeper than what can be read: a tree is walked recursively.
    if depth(root) > 30 {
        *root = Node::Map(Vec::new());
    }
}

fn depth(node: &Node) -> usize {
    1 + match node {
        Node::Array(elements) => elements.iter().map(depth).max().unwrap_or(0),
        Node::Map(members) => members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn scalar(random: &mut Random) -> Node {
    match random.below(12) {
        0 => Node::Null,
        1 => Node::Bool(random.below(2) == 0),
        2 => Node::Integer([0, 1, -1, 23, 24, 256, i128::from(u64::MAX), -(1 << 64)][random.below(8)]),
        3 => Node::Float([0.0, -0.0, 0.5, 1.0, 0.94, 1e300, 5e-324, 1.1][random.below(8)]),
        4 => Node::Array(Vec::new()),
        5 => Node::Map(Vec::new()),
        6 => Node::Text("x".repeat([100, 1_000, 9_000, 33_000][random.below(4)])),
        7 => Node::Time(
            random
                .pick(&[
                    "2026-05-28T13:51:00Z",
                    "2026-05-28T13:55:59.999Z",
                    "1970-01-01T00:00:00-00:00",
                ])
                .to_owned(),
        ),
        _ => Node::Text(random.pick(TEXTS).to_owned()),
    }
}

fn remove(root: &mut Node, number: usize, random: &mut Random) {
    match root.nth(number) {
        Some(Node::Map(members)) if !members.is_empty() => {
            members.remove(random.below(members.len()));
        }
        Some(Node::Array(elements)) if !elements.is_empty() => {
            elements.remove(random.below(elements.len()));
        }
        _ => {}
    }
}

fn double(root: &mut Node, number: usize, random: &mut Random) {
    let times = [1, 1, 2, 8, 40][random.below(5)];
    match root.nth(number) {
        Some(Node::Array(elements)) if !elements.is_empty() && elements.len() < 200 => {
            let element = elements[random.below(elements.len())].clone();
            if element.count() < 50 {
                elements.extend(std::iter::repeat_n(element, times));
            }
        }
        Some(Node::Map(members)) if !members.is_empty() && members.len() < 200 => {
            let (key, value) = members[random.below(members.len())].clone();
            if value.count() < 50 {
                members.extend((0..times).map(|nth| (format!("{key}{nth}"), value.clone())));
            }
        }
        _ => {}
    }
}

fn edit(text: &mut String, random: &mut Random) {
    let mut bytes = std::mem::take(text).into_bytes();
    let len = bytes.len();
    bytes.resize(len + 16, 0);
    let max = bytes.len();
    let len = if random.below(2) == 0 {
        fuzzer_mutate(&mut bytes, len, max)
    } else {
        len.saturating_sub(1)
    };
    bytes.truncate(len);
    *text = String::from_utf8_lossy(&bytes).into_owned();
}
