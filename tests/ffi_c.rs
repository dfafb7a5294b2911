//! The C tests in `tests/c/`: built with plain `cc` against the static library, run as they are, under AddressSanitizer,
//! and under valgrind where it is there. `make check-c` does the same without Rust's test harness.

#![cfg(feature = "ffi")]

#[path = "c_abi/build.rs"]
mod build;

use std::path::PathBuf;
use std::process::Command;

use build::run;
use build::skip::skip;

/// Builds the C tests' program.
fn program(name: &str, flags: &[&str]) -> PathBuf {
    let mut sources: Vec<PathBuf> = std::fs::read_dir(build::root().join("tests/c"))
        .expect("tests/c/ is a folder")
        .map(|entry| entry.expect("tests/c/ can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    program_of(name, flags, sources)
}

fn program_of(name: &str, flags: &[&str], sources: Vec<PathBuf>) -> PathBuf {
    let library = build::static_library();
    let program = build::scratch().join(name);
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(build::root().join("include"))
        .args(flags)
        .arg("-o")
        .arg(&program)
        .args(sources)
        .arg(library)
        .args(build::PRIVATE_LIBS);
    run(&mut compiler);
    program
}

/// Runs the program; each of its tests prints a line.
fn passes(command: &mut Command) {
    let printed = run(command);
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with(" run, 0 failed") && !last.starts_with("0 "), "{printed}");
}

fn compiles(flags: &[&str]) -> bool {
    let source = build::scratch().join("nothing.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").expect("a file can be written");
    let mut compiler = Command::new("cc");
    compiler
        .args(flags)
        .arg("-o")
        .arg(build::scratch().join("nothing"))
        .arg(source);
    compiler.output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_object_serves_a_c_program() {
    passes(&mut Command::new(program("c-tests", &[])));
}

/// Not one of the tests above: that program's malloc is its own.
#[test]
fn load_that_memory_is_too_short_for_is_refused() {
    let source = |path: &str| build::root().join("tests").join(path);
    let sources = ["c_memory/failing.c", "c/side.c", "c/data.c"].map(source).to_vec();
    let printed = run(&mut Command::new(program_of("c-failing-memory", &[], sources)));
    print!("{printed}");
    assert_eq!(printed.matches(" allocations failed once").count(), 6, "{printed}");
}

#[test]
fn address_sanitizer_finds_nothing() {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if compiles(&flags) {
        passes(&mut Command::new(program("c-tests-asan", &flags)));
    } else {
        skip("cc has no AddressSanitizer here");
    }
}

#[test]
fn valgrind_finds_nothing() {
    let program = program("c-tests-valgrind", &[]);
    if build::is_there("valgrind") {
        let mut valgrind = Command::new("valgrind");
        // Threads that wait for each other take turns: without that one may keep the processor for minutes.
        valgrind.args(["--quiet", "--error-exitcode=1", "--leak-check=full", "--fair-sched=yes"]);
        valgrind.arg("--errors-for-leak-kinds=definite").arg(program);
        // That test looks at what threads have left on their stacks, which valgrind cannot but find wrong.
        passes(valgrind.args(["without", "stack"]));
    } else {
        skip("valgrind is not here");
    }
}
