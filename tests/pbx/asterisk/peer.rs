//! The demonstration's voice agent and contact centre as processes beside an Asterisk.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::pbx::PATIENCE;

/// What both sides of a handoff at `tier` are told: the agent's configuration and the centre's, with keys made now.
pub fn told(tier: &str) -> (Value, Value) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("asterisk-told-{tier}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ohp"));
    demo.args(["demo", "--tier", tier, "--write"]).arg(&folder);
    let output = demo.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| {
        let text = std::fs::read(folder.join(name)).expect("it has been written");
        serde_json::from_slice(&text).expect("JSON")
    };
    (read("agent.json"), read("centre.json"))
}

pub struct Peer {
    child: Child,
    lines: Receiver<Value>,
    /// What it has told so far.
    pub told: Vec<Value>,
}

impl Peer {
    pub fn start(config: &Value) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ohp"))
            .arg("demo-peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(config.to_string().as_bytes()).expect("it reads");
        drop(stdin);
        let printed = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                if serde_json::from_str(&line).is_ok_and(|event| sender.send(event).is_err()) {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            told: Vec::new(),
        }
    }

    /// The next event called `what`.
    pub fn event(&mut self, what: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.lines.recv_timeout(left) else {
                panic!("no `{what}` after {:#?}", self.told);
            };
            self.told.push(event.clone());
            if event["what"] == what {
                return event;
            }
        }
    }

    /// Waits for its end, which must be a good one; all that it has told.
    pub fn end(mut self) -> Vec<Value> {
        let end = Instant::now() + 3 * PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => break status,
                None if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                None => panic!("it does not end"),
            }
        };
        let mut told = std::mem::take(&mut self.told);
        told.extend(self.lines.iter());
        assert!(status.success(), "{status}: {told:#?}");
        told
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
