//! The examples hand a call over to each other, whichever language either side is in.

#![cfg(feature = "ffi")]

#[path = "c_abi/build.rs"]
mod build;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use build::run;

#[derive(Clone, Copy, Debug)]
enum Language {
    C,
    Rust,
}

/// Builds the C examples as their first lines say, but for pkg-config; once, since a running program cannot be replaced.
fn c_example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let program = |name: &str| build::scratch().join(format!("example-{name}"));
    BUILT.get_or_init(|| {
        for name in ["sender", "receiver"] {
            let mut compiler = Command::new("cc");
            compiler
                .args(["-Wall", "-Wextra", "-Werror", "-I"])
                .arg(build::root().join("include"))
                .arg("-o")
                .arg(program(name))
                .arg(build::root().join("examples").join(name).with_extension("c"))
                .arg(build::static_library())
                .args(build::PRIVATE_LIBS);
            run(&mut compiler);
        }
    });
    program(name)
}

/// Where `cargo test` has put one of the Rust examples.
fn rust_example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().expect("this test is a file");
    let profile = deps
        .parent()
        .and_then(|deps| deps.parent())
        .expect("it lies in target/PROFILE/deps");
    let program = profile.join("examples").join(name);
    assert!(
        program.is_file(),
        "build the examples first: cargo build --examples, or cargo test for everything"
    );
    program
}

/// A child process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &PathBuf, arguments: &[&str]) -> Running {
    let mut command = Command::new(program);
    command
        .current_dir(build::root())
        .args(arguments)
        .stdout(Stdio::piped());
    Running(
        command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display())),
    )
}

/// Two ports next to each other that nobody has now.
fn ports() -> u16 {
    loop {
        let one = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = one.local_addr().expect("an address").port();
        if port < u16::MAX && std::net::UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn hand_over(sender: Language, receiver: Language) {
    let program = |language, name| match language {
        Language::C => c_example(name),
        Language::Rust => rust_example(name),
    };
    let (sender, receiver) = (program(sender, "sender"), program(receiver, "receiver"));
    let port = ports().to_string();
    let mut receiving = start(&receiver, &[&port, "examples/trust/receiver.json"]);
    let mut heard = BufReader::new(receiving.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    heard.read_line(&mut line).expect("a line");
    assert_eq!(line, "listening\n");

    let mut sending = start(&sender, &[&port, "examples/trust/sender.json", "assets/caller.wav"]);
    let mut said = String::new();
    sending
        .0
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("text");
    let mut received = String::new();
    heard.read_to_string(&mut received).expect("text");
    assert!(sending.0.wait().expect("an end").success(), "{said}{received}");
    assert!(receiving.0.wait().expect("an end").success(), "{said}{received}");
    assert!(
        said.ends_with("handed-off\n") && said.contains("accepted: cse_"),
        "{said}"
    );
    assert!(received.ends_with("handed-off\n"), "{received}");
    assert!(
        received.contains("proposed: billing_dispute (The caller disputes a charge of 42.99.)"),
        "{received}"
    );
}

#[test]
fn c_hands_over_to_c() {
    hand_over(Language::C, Language::C);
}

#[test]
fn rust_hands_over_to_rust() {
    hand_over(Language::Rust, Language::Rust);
}

#[test]
fn c_hands_over_to_rust() {
    hand_over(Language::C, Language::Rust);
}

#[test]
fn rust_hands_over_to_c() {
    hand_over(Language::Rust, Language::C);
}

#[test]
fn examples_stay_short() {
    for name in [
        "sender.c",
        "receiver.c",
        "sender.rs",
        "receiver.rs",
        "loopback.h",
        "loopback/mod.rs",
    ] {
        let text = std::fs::read_to_string(build::root().join("examples").join(name)).expect("an example");
        assert!(text.lines().count() < 200, "{name} has {} lines", text.lines().count());
    }
}
