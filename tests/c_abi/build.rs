//! Building the C library and programs that use it, for tests.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

#[allow(
    clippy::duplicate_mod,
    reason = "a crate with several of these modules has it several times"
)]
#[path = "../common/skip.rs"]
pub mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What a program that links the static library needs beside it; `PRIVATE_LIBS` in the Makefile.
pub const PRIVATE_LIBS: &[&str] = &["-lgcc_s", "-lpthread", "-lm", "-ldl"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for this test run's files.
pub fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The folder that the Makefile builds in as well; other features than the tests' get a folder of their own.
pub fn target() -> PathBuf {
    scratch().parent().expect("the folder lies in target/").join("c")
}

pub fn backend() -> &'static str {
    if cfg!(feature = "rustcrypto") {
        "rustcrypto"
    } else {
        "ring"
    }
}

pub fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Runs a command that must succeed; what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?}: {}\n{printed}{complained}",
        output.status
    );
    printed.into_owned()
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    cargo
}

/// Builds `libohp.a` with the profile `dev`, once.
pub fn static_library() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = cargo();
        build.args([
            "rustc",
            "--quiet",
            "--lib",
            "--crate-type",
            "staticlib",
            "--no-default-features",
            "--features",
        ]);
        run(build
            .arg(format!("ffi,{}", backend()))
            .arg("--target-dir")
            .arg(target()));
    });
    target().join("debug/libohp.a")
}

/// The dependencies that are built into the library in a build shape: each crate's name and licence.
pub fn dependencies(backend: &str) -> Vec<(String, String)> {
    let mut tree = cargo();
    tree.args([
        "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}",
    ]);
    let printed = run(tree.args(["--no-default-features", "--features", &format!("ffi,{backend}")]));
    let line = |line: &str| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        Some((package.split(' ').next()?.to_owned(), licence.to_owned()))
    };
    let mut all: Vec<_> = printed.lines().filter_map(line).collect();
    all.sort();
    all.dedup();
    all
}
