//! The media layer against real speech, real captures and real session descriptions.

mod audio;
#[path = "../common/babble.rs"]
mod babble;
#[path = "../suite/capture.rs"]
mod capture;
mod captures;
mod concurrency;
mod exact;
mod g711;
mod g722;
mod inputs;
mod liveness;
mod mutation;
mod no_alloc;
mod renegotiation;
mod robust;
mod robust_wideband;
mod sdp;
mod sdp_suites;
#[path = "../suite/mod.rs"]
mod suite;
mod tap;

use std::path::PathBuf;

/// A folder of the shared vectors; `None`, with a message, where they are not beside the checkout. They must be there
/// under `CI=true`.
fn vectors(folder: &str) -> Option<PathBuf> {
    suite::skip::shared(&format!("vectors/{folder}"))
}

/// The files of a folder of the shared vectors whose names end so, in order.
fn files(folder: &str, ends: &[&str]) -> Vec<PathBuf> {
    let Some(folder) = vectors(folder) else {
        return Vec::new();
    };
    let mut folders = vec![folder];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if ends.iter().any(|end| path.to_string_lossy().ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }
}
