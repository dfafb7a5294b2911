//! The tree of conformance vectors in `tests/vectors/ohp`: it is what the generator gives, it is sound, it covers every step
//! and reason, and `ohp conformance` passes all of it.
//!
//! `OHP_WRITE_VECTORS=1 cargo test --test vectors` writes the tree anew.

#[path = "../cli/mod.rs"]
mod cli;
#[path = "../common/mod.rs"]
mod common;
mod folder;
mod forgery;
mod planned;
#[path = "../tiers/rows.rs"]
mod rows;
mod runner;
#[path = "../tiers/scene.rs"]
mod scene;
mod sip;
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use folder::{Files, Tree};

fn on_disk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ohp")
}

fn generated() -> Files {
    let mut tree = Tree::new();
    planned::write(&mut tree);
    sip::write(&mut tree);
    wrong::write(&mut tree);
    tree.files
}

fn read(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("the tree is there") {
        let path = entry.expect("an entry").path();
        let name = format!("{below}{}", path.file_name().expect("a name").to_str().expect("text"));
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(&path).expect("readable"));
        }
    }
}

/// The most that the tree may weigh.
const BYTES_MAX: usize = 3 << 20;

#[test]
fn tree_is_what_the_generator_gives() {
    let generated = generated();
    if std::env::var_os("OHP_WRITE_VECTORS").is_some() {
        let _ = fs::remove_dir_all(on_disk());
        for (name, content) in &generated {
            let path = on_disk().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, content).expect("written");
        }
        return;
    }
    let mut there = Files::new();
    read(&on_disk(), "", &mut there);
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&there),
        names(&generated),
        "write the tree anew with OHP_WRITE_VECTORS=1"
    );
    for (name, content) in &generated {
        assert!(
            there[name] == *content,
            "{name} differs; write the tree anew with OHP_WRITE_VECTORS=1"
        );
    }
    assert!(generated.values().map(Vec::len).sum::<usize>() < BYTES_MAX);
}
