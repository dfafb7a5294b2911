//! The library runs in a host without std and without an allocator: `tests/no_std/` is one, and hands a call over.

#[path = "common/locked.rs"]
mod locked;

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the host needs of its C library; what starts a program comes with it.
const IMPORTS: &[&str] = &[
    "__cxa_finalize",
    "__libc_start_main",
    "abort",
    "bcmp",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "printf",
    "strlen",
];

/// What ring's own source of random numbers would need if it were asked.
const IMPORTS_OF_RING: &[&str] = &[
    "__errno_location",
    "__xpg_strerror_r",
    "close",
    "open",
    "poll",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "read",
    "syscall",
];

const PRINTED: &str = "\
cbor: 13 bytes, 2 members
cbor refused: a CBOR indefinite length; canonical CBOR states every length at byte 0
sdp: port 4000, Some(Pcma)
rtp: 160 bytes of packet 7
time: 2026-05-28T13:42:11.250Z
verdict: accepted true, 15 steps
propose: more than 3 KiB true, several INFOs true
verdict: accepted true, 15 steps
verdict: accepted true, 15 steps
phases: HandedOff, HandedOff
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{complained}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// Builds the host in a folder of its own: its features and its panics are others than the tests'. The next build
/// replaces it.
fn build(backend: &str) -> PathBuf {
    let package = root().join("tests/no_std");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/");
    let target = target.join("no_std");
    locked::assert_same_versions(&package);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(package)
        .args(["build", "--locked", "--quiet", "--features", backend]);
    run(cargo.arg("--target-dir").arg(&target));
    target.join("debug/no-std-host")
}

fn hands_a_call_over(backend: &str, imports: &[&[&str]]) {
    let program = build(backend);
    let imports = imports.concat();
    let undefined = run(Command::new("nm").args(["--dynamic", "--undefined-only"]).arg(&program));
    for line in undefined.lines() {
        let name = line.trim_start().trim_start_matches(['U', 'w', ' ']);
        let name = name.split('@').next().unwrap_or_default();
        let optional = line.trim_start().starts_with('w');
        assert!(optional || imports.contains(&name), "{name} is needed");
    }
    let defined = run(Command::new("nm").args(["--defined-only", "--demangle"]).arg(&program));
    assert!(defined.contains("ohp::leg"), "the symbols are there to be looked at");
    for line in defined.lines() {
        assert!(!line.contains(" std::"), "std is linked: {line}");
    }
    let printed = run(&mut Command::new(program));
    print!("{printed}");
    assert_eq!(printed, PRINTED);
}

#[test]
fn host_without_std_or_allocator_hands_a_call_over() {
    hands_a_call_over("rustcrypto", &[IMPORTS]);
    hands_a_call_over("ring", &[IMPORTS, IMPORTS_OF_RING]);
}
