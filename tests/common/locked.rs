//! What is built beside the library, for a proof about it, has to be built with the library's own dependencies.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The packages of a lock file, by name and version.
fn packages(lock: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    let value = |line: Option<&str>, key: &str| Some(line?.strip_prefix(key)?.trim_matches(['"', ' ', '=']).to_owned());
    text.split("[[package]]\n")
        .filter_map(|package| {
            let mut lines = package.lines();
            Some((value(lines.next(), "name")?, value(lines.next(), "version")?))
        })
        .collect()
}

/// # Panics
/// If the lock file in `package` has another version of something than the library's own has.
pub fn assert_same_versions(package: &Path) {
    let ours = packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"));
    let others = packages(&package.join("Cargo.lock"));
    assert!(others.iter().any(|(name, _)| name == "libohp"), "{others:?}");
    let is_other = |(name, version): &&(String, String)| {
        ours.iter().any(|(ours, _)| ours == name) && !ours.contains(&(name.clone(), version.clone()))
    };
    let other: Vec<_> = others.iter().filter(is_other).collect();
    assert!(
        other.is_empty(),
        "{} has other versions than the library: {other:?}; copy Cargo.lock there, and let cargo check it",
        package.display()
    );
}
