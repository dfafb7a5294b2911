//! `ohp keygen`, `ohp seal` and `ohp sign` make what `ohp verify` accepts as its receiver would, at every tier.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::JoinHandle;

use ohp::envelope::Tier;
use serde_json::{Value, json};

use crate::rekor_log;
use crate::scene::{self, AGENT, CALL, FINGERPRINT, Scene};

/// A folder with the keys of an agent, of a centre and of a log, all made by `ohp keygen`.
struct Desk {
    folder: PathBuf,
}

impl Desk {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let desk = Self { folder };
        for (kind, name) in [
            ("ed25519", "agent"),
            ("ml-dsa-65", "agent-pq"),
            ("x25519", "centre-x25519"),
            ("ed25519", "log"),
        ] {
            let private = format!("{name}.private.json");
            let public = desk.run(&["keygen", "--type", kind, "--kid", name, "--out", &private]);
            assert!(public.status.success());
            desk.write(&format!("{name}.jwks.json"), &timeless(&public.stdout));
            desk.write(
                &private,
                &timeless(&std::fs::read(desk.folder.join(&private)).expect("a key")),
            );
        }
        desk
    }

    fn run(&self, args: &[&str]) -> Output {
        let ohp = Command::new(env!("CARGO_BIN_EXE_ohp"))
            .current_dir(&self.folder)
            .args(args)
            .output();
        ohp.expect("ohp runs")
    }

    /// Runs a command that succeeds, and keeps what it prints in `file`.
    fn make(&self, file: &str, args: &[&str]) {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::write(self.folder.join(file), output.stdout).expect("written");
    }

    /// Runs a command that fails, with what it says.
    fn fails(&self, args: &[&str], saying: &str) {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        assert!(stderr.contains(saying), "{stderr}");
        assert_eq!(output.stdout, b"");
    }

    fn write(&self, file: &str, json: &Value) {
        std::fs::write(self.folder.join(file), json.to_string()).expect("written");
    }

    fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.join(file)).expect("a file")).expect("JSON")
    }

    /// What the agent says at `tier`, complete but for what the commands make.
    fn plain(&self, tier: Tier) {
        let (mut envelope, template) = (Scene::at(tier).envelope, scene::template(tier));
        for member in ["caller", "sealed", "governance", "transparency"] {
            if !template[member].is_null() {
                envelope[member] = template[member].clone();
            }
        }
        self.write("plain.json", &envelope);
    }

    /// What the centre makes of the envelope in `file`.
    fn verify(&self, file: &str, tier: Tier) -> Value {
        let mut trust = Scene::at(tier).trust;
        let keys = ["agent", "agent-pq"].map(|name| self.read(&format!("{name}.jwks.json"))["keys"][0].clone());
        trust["issuers"][AGENT]["jwks"] = json!({ "keys": keys });
        trust["receiver"]["keys"] = self.read("centre-x25519.private.json");
        if tier == Tier::Regulated {
            trust["logs"] = self.read("logs.json");
        }
        self.write("trust.json", &trust);
        let fingerprint: String = FINGERPRINT.iter().map(|byte| format!("{byte:02x}")).collect();
        let fingerprint = format!("sha256:{fingerprint}");
        let known = ["verify", "--json", "--trust", "trust.json", "--now", scene::NOW];
        let call = ["--call-id", CALL, "--fingerprint", &fingerprint, file];
        let output = self.run(&[&known[..], &call].concat());
        serde_json::from_slice(&output.stdout).expect("a report")
    }
}

/// The scene is of another day than the keys.
fn timeless(jwks: &[u8]) -> Value {
    let mut jwks: Value = serde_json::from_slice(jwks).expect("a JWK Set");
    for key in jwks["keys"].as_array_mut().expect("keys") {
        let key = key.as_object_mut().expect("a key");
        key.remove("validFrom");
        key.remove("validUntil");
    }
    jwks
}

const SEAL: [&str; 4] = ["seal", "--for", "centre-x25519.jwks.json", "plain.json"];

#[test]
fn envelopes_of_every_tier_are_made_by_command_and_accepted() {
    let desk = Desk::new("every-tier");
    for tier in [Tier::Signed, Tier::Sealed, Tier::Regulated] {
        desk.plain(tier);
        let mut unsigned = "plain.json";
        if tier >= Tier::Sealed {
            desk.make("sealed.json", &SEAL);
            unsigned = "sealed.json";
        }
        let mut sign = vec!["sign", "--key", "agent.private.json", "--key", "agent-pq.private.json"];
        if tier == Tier::Regulated {
            sign.extend([
                "--log",
                "log",
                "--log-key",
                "log.private.json",
                "--log-entry",
                "logs.json",
                // One form after another is anchored, and the last one's entry counts.
                "--force",
            ]);
        }
        for form in ["json", "cbor", "base64"] {
            desk.make("signed", &[&sign[..], &["--to", form, unsigned]].concat());
            let report = desk.verify("signed", tier);
            assert_eq!(report["outcome"], "accept", "{tier}: {report:#}");
            assert_eq!(report["warnings"], json!([]), "{tier}");
            let opened = match tier {
                Tier::Signed => json!([]),
                _ => json!(["caller.vulnerable", "payment.disputeDetail"]),
            };
            assert_eq!(report["openedSealedFields"], opened);
        }
    }
    // Three forms were anchored, one after another, by three runs.
    assert_eq!(
        desk.read("logs.json")[scene::LOG]["entries"]
            .as_object()
            .expect("entries")
            .len(),
        1
    );
    let entries = desk.read("logs.json")[scene::LOG]["entries"].clone();
    let entry = entries
        .as_object()
        .and_then(|entries| entries.values().next())
        .expect("an entry");
    assert_eq!((&entry["index"], &entry["treeSize"]), (&json!(2), &json!(3)));
}

#[test]
fn commands_say_what_is_missing_and_leave_nothing_behind() {
    let desk = Desk::new("missing");
    desk.plain(Tier::Sealed);
    desk.fails(
        &["sign", "--key", "agent.private.json", "plain.json"],
        "`sealed.fields` is still in plain",
    );
    desk.fails(
        &["seal", "--for", "agent.jwks.json", "plain.json"],
        "$.audience.recipientKeys[0]",
    );
    desk.fails(
        &["seal", "--for", "agent.private.json", "nowhere.json"],
        "cannot read nowhere.json",
    );
    desk.make("sealed.json", &SEAL);
    desk.fails(
        &["seal", "--for", "centre-x25519.jwks.json", "sealed.json"],
        "and nothing else",
    );
    desk.fails(
        &["sign", "--key", "agent.private.json", "--fresh", "sealed.json"],
        "Leave --fresh to `ohp seal`",
    );

    desk.plain(Tier::Signed);
    desk.fails(&SEAL, "nothing is sealed at the signed tier");
    desk.plain(Tier::Regulated);
    desk.make("sealed.json", &SEAL);
    desk.fails(&["sign", "--key", "agent.private.json", "sealed.json"], "ML-DSA-65");
    desk.fails(
        &["sign", "--key", "agent.private.json", "--log", "log", "sealed.json"],
        "--log-key",
    );
    assert!(!desk.folder.join("log").exists());
}

#[test]
fn fresh_envelope_is_stamped_when_it_is_sealed() {
    let desk = Desk::new("fresh");
    desk.plain(Tier::Sealed);
    desk.make("sealed.json", &[&SEAL[..], &["--fresh", "--lifetime", "60"]].concat());
    desk.make("signed.json", &["sign", "--key", "agent.private.json", "sealed.json"]);
    let [plain, sealed, signed] = ["plain.json", "sealed.json", "signed.json"].map(|file| desk.read(file));
    assert_ne!(plain["id"], sealed["id"]);
    assert_eq!((&sealed["id"], &sealed["sealed"]), (&signed["id"], &signed["sealed"]));
    assert!(!signed.to_string().contains("4242"));
}

/// A log of Rekor's kind that answers one request at a loopback address, as `change` would have it.
fn rekor(name: &str, change: fn(&mut Value)) -> (String, String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let mut log = rekor_log::log(name);
    let key = log.verifier_key().expect("a name");
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = String::new();
        let mut body = String::new();
        let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
        let mut len = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                len = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
            request.push_str(&line);
        }
        reader.take(len).read_to_string(&mut body).expect("a body");
        let mut answer = rekor_log::answer(&mut log, &body);
        change(&mut answer);
        let answer = answer.to_string();
        write!(
            stream,
            "HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .expect("sent");
        request
    });
    (address, key, served)
}

#[test]
fn log_of_rekors_kind_is_asked_and_its_entry_proves_the_envelope() {
    let desk = Desk::new("rekor");
    desk.plain(Tier::Regulated);
    desk.make("sealed.json", &SEAL);
    let (address, key, served) = rekor("commands", |_| ());
    let sign = ["sign", "--key", "agent.private.json", "--key", "agent-pq.private.json"];
    let to = [
        "--rekor",
        &address,
        "--rekor-key",
        &key,
        "--log-entry",
        "logs.json",
        "sealed.json",
    ];
    desk.make("signed", &[&sign[..], &to].concat());
    let request = served.join().expect("a request");
    assert!(
        request.starts_with("POST /api/v2/log/entries HTTP/1.1\r\n"),
        "{request}"
    );
    let report = desk.verify("signed", Tier::Regulated);
    assert_eq!(
        (&report["outcome"], &report["warnings"]),
        (&json!("accept"), &json!([])),
        "{report:#}"
    );

    let mut logs = desk.read("logs.json");
    for entry in logs[scene::LOG]["entries"]
        .as_object_mut()
        .expect("entries")
        .values_mut()
    {
        entry["index"] = json!(4);
    }
    desk.write("logs.json", &logs);
    let report = desk.verify("signed", Tier::Regulated);
    assert_eq!(
        (&report["outcome"], &report["firstFailingStep"]),
        (&json!("reject"), &json!(14)),
        "{report:#}"
    );
}

#[test]
fn what_a_log_of_rekors_kind_cannot_prove_is_not_written() {
    let desk = Desk::new("rekor-lies");
    desk.plain(Tier::Regulated);
    desk.make("sealed.json", &SEAL);
    let sign = ["sign", "--key", "agent.private.json", "--key", "agent-pq.private.json"];
    let (address, key, served) = rekor("lies", |answer| answer["inclusionProof"]["logIndex"] = json!("4"));
    desk.fails(
        &[&sign[..], &["--rekor", &address, "--rekor-key", &key, "sealed.json"]].concat(),
        "the proof",
    );
    served.join().expect("a request");
    // A password for the log stays out of what is printed.
    let with_password = [
        "--rekor",
        "https://user:hunter2@127.0.0.1:1",
        "--rekor-key",
        &key,
        "sealed.json",
    ];
    desk.fails(
        &[&sign[..], &with_password].concat(),
        "cannot anchor in https://127.0.0.1:1:",
    );
    // What stands before an @ is no host.
    for far in [
        "http://rekor.example.org",
        "http://localhost:80@rekor.example.org",
        "http://127.0.0.1:@rekor.example.org/",
        "http://localhost.example.org",
    ] {
        let to = ["--rekor", far, "--rekor-key", &key, "sealed.json"];
        desk.fails(&[&sign[..], &to].concat(), "the address is not https");
    }
}
