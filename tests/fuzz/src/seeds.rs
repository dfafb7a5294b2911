//! First inputs. A target writes its own, into the folder that `OHP_FUZZ_SEEDS` names, and ends; what grows from them is
//! kept by whoever runs it.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::json;
use ohp::envelope::SHAPE;

/// A folder of seeds in the making.
pub struct Seeds {
    folder: PathBuf,
    count: usize,
}

impl Seeds {
    pub fn add(&mut self, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(format!("seed-{:04}", self.count));
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.count += 1;
    }

    /// Adds `bytes` behind control bytes.
    pub fn add_with(&mut self, control: &[u8], bytes: impl AsRef<[u8]>) {
        self.add([control, bytes.as_ref()].concat());
    }

    /// Adds every file below a folder of [`shared`] that is no longer than `max`; what holds for it is in its name's end.
    pub fn add_shared(&mut self, folder: &str, control: &[u8], max: usize, ends: &[&str]) {
        for (name, bytes) in files(&shared().join(folder)) {
            if bytes.len() <= max && (ends.is_empty() || ends.iter().any(|end| name.ends_with(end))) {
                self.add_with(control, bytes);
            }
        }
    }
}

/// Called once before a target starts.
pub fn write(make: fn(&mut Seeds)) {
    let Some(folder) = std::env::var_os("OHP_FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds = Seeds { folder, count: 0 };
    make(&mut seeds);
    std::process::exit(0);
}

/// The folder of schemas and third-party vectors beside the checkout. Nothing is missing without it but seeds.
pub fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared")
}

/// Every file below `folder`, with its path.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                found.push((path.display().to_string(), bytes));
            }
        }
    }
    found.sort();
    found
}

/// The project's own example of an envelope, and the official examples and vectors where they are, as JSON.
pub fn envelopes_json() -> Vec<Vec<u8>> {
    let own = include_bytes!("../../../examples/envelopes/signed.json").to_vec();
    let official = files(&shared().join("ohp")).into_iter().filter_map(|(name, bytes)| {
        (name.ends_with("/envelope.json") || name.contains("/examples/envelopes/")).then_some(bytes)
    });
    [own].into_iter().chain(official).collect()
}

/// The same as canonical CBOR.
pub fn envelopes() -> Vec<Vec<u8>> {
    envelopes_json().iter().filter_map(|json| to_cbor(json)).collect()
}

/// An envelope's JSON as canonical CBOR.
pub fn to_cbor(text: &[u8]) -> Option<Vec<u8>> {
    let mut scratch = vec![0; json::scratch_len(text.len())];
    let mut out = vec![0; json::max_cbor_len(text.len())];
    json::to_cbor(text, SHAPE, &mut scratch, &mut out)
        .ok()
        .map(<[u8]>::to_vec)
}
