//! What several test files need: the shared vectors, JSON to CBOR, a small repeatable generator.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

use std::path::{Path, PathBuf};

use ohp::cbor::json;
use ohp::envelope::SHAPE;

/// The folder of schemas and vectors beside the checkout.
pub fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

/// Whether the shared vectors are there. Where they are not, says so, and fails under `CI=true`.
pub fn shared_is_here() -> bool {
    let here = shared().join("ohp").is_dir();
    if !here {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "../shared must be there under CI=true"
        );
        eprintln!("skipped: ../shared is not beside this checkout");
    }
    here
}

/// A text file of the shared folder.
pub fn shared_text(path: &str) -> String {
    std::fs::read_to_string(shared().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every official example and vector: its path and its JSON.
pub fn official_envelopes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        shared().join("ohp/examples/envelopes"),
        shared().join("ohp/conformance/test-vectors"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".json") && name != "expected.json" {
                found.push((
                    path.display().to_string(),
                    std::fs::read_to_string(&path).expect("readable"),
                ));
            }
        }
    }
    found.sort();
    found
}

/// An envelope's JSON as canonical CBOR.
pub fn to_cbor(text: &str) -> Vec<u8> {
    try_to_cbor(text).unwrap_or_else(|| panic!("not convertible: {text}"))
}

/// The same, where it may fail.
pub fn try_to_cbor(text: &str) -> Option<Vec<u8>> {
    let mut scratch = vec![0; json::scratch_len(text.len())];
    let mut out = vec![0; text.len() * 2 + 64];
    json::to_cbor(text.as_bytes(), SHAPE, &mut scratch, &mut out)
        .ok()
        .map(<[u8]>::to_vec)
}

/// SplitMix64: repeatable, and good enough to pick mutations.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
