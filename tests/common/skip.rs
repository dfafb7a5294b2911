//! What a test does where something that it needs is missing: it says so and passes, but not under `CI=true`.

#![allow(dead_code, reason = "each test crate uses its own part of this one")]

use std::path::{Path, PathBuf};

/// Says why nothing is checked.
///
/// # Panics
/// Under `CI=true`, where everything has to be there.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{why}, and must be under CI=true"
    );
    eprintln!("skipped: {why}");
}

/// A folder of the shared material beside the checkout; `None` where it is [skipped](skip).
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    skip(&format!("../shared/{folder} is not there"));
    None
}
