//! `examples/media_server/`, libohp beside a SIP stack that is not ours, built as its first lines say and called by the
//! demonstration's voice agent and by SIPp.

#![cfg(feature = "ffi")]

#[path = "c_abi/build.rs"]
mod build;
mod common;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use build::skip::skip;
use build::{run, scratch};
use common::{RECEIVER_DID, Random, SENDER_DID, private_jwk, public_jwk, to_cbor};
use ohp::id::{EnvelopeId, Nonce};
use ohp::media::codec::Codec;
use ohp::media::exact;
use ohp::media::tap::{Tap, TapConfig};
use ohp::time::Timestamp;
use ohp::transport::base64;
use serde_json::{Value, json};

/// Longest time that one step of a test takes: valgrind on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, and where the libohp that it needs is installed.
struct Built {
    program: PathBuf,
    libraries: PathBuf,
}

/// Installs libohp and builds the program against it, once. `None`, with a printed reason, where something is missing.
fn built() -> Option<&'static Built> {
    static BUILT: OnceLock<Option<Built>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let tools = ["make", "cc", "pkg-config"].into_iter().all(build::is_there);
        let has_libre = || Command::new("pkg-config").args(["--exists", "libre"]).status();
        if !tools || !has_libre().is_ok_and(|status| status.success()) {
            return None;
        }
        let prefix = scratch().join("media-server");
        let mut make = Command::new("make");
        make.current_dir(build::root())
            .args(["install", "PROFILE=dev"])
            .env("CARGO", env!("CARGO"));
        make.arg(format!("OHP_BACKEND={}", build::backend()));
        make.arg(format!("BUILD={}", build::target().display()));
        run(make.arg(format!("PREFIX={}", prefix.display())));

        let mut pkg_config = Command::new("pkg-config");
        pkg_config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        let flags = run(pkg_config.args(["--cflags", "--libs", "ohp", "libre"]));
        let program = prefix.join("media_server");
        let mut compiler = Command::new("cc");
        compiler
            .current_dir(build::root().join("examples/media_server"))
            .args(["-Wall", "-Wextra", "-Werror", "-g", "-o"])
            .arg(&program);
        run(compiler
            .args(["main.c", "call.c", "handoff.c"])
            .args(flags.split_whitespace()));
        Some(Built {
            program,
            libraries: prefix.join("lib"),
        })
    });
    if built.is_none() {
        skip("make, cc, pkg-config or libre (Debian's libre-dev) is not here");
    }
    built.as_ref()
}

fn sipp_is_here() -> bool {
    let here = Command::new("sipp").arg("-v").output().is_ok();
    if !here {
        skip("SIPp (Debian's sip-tester) is not here");
    }
    here
}

/// A process that is killed and reaped when the test is over, whatever its end.
struct Process {
    child: Child,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child }
    }

    /// Every line that it prints, as it comes.
    fn lines(&mut self) -> Receiver<String> {
        let (sender, lines) = mpsc::channel();
        let printed = BufReader::new(self.child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        lines
    }

    fn interrupt(&self) {
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()]));
    }

    fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return status,
                None if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                None => panic!("process {} does not end", self.child.id()),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running media server.
struct Server {
    process: Process,
    lines: Receiver<String>,
    /// What it has printed so far.
    told: Vec<String>,
    port: u16,
}

impl Server {
    /// Starts it on a port that is free; `wrapper` runs it under another program.
    fn start(built: &Built, wrapper: &[&str], options: &[&OsStr]) -> Self {
        let port = free_port();
        let mut command = match wrapper {
            [] => Command::new(&built.program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&built.program);
                command
            }
        };
        command.args(["--listen", &format!("127.0.0.1:{port}")]).args(options);
        command.env("LD_LIBRARY_PATH", &built.libraries).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let lines = process.lines();
        let mut server = Self {
            process,
            lines,
            told: Vec::new(),
            port,
        };
        server.wait_for("listening on ");
        server
    }

    /// What follows `what` in the first line that holds it.
    fn wait_for(&mut self, what: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no `{what}` in {:#?}", self.told));
            self.told.push(line.clone());
            if let Some((_, rest)) = line.split_once(what) {
                return rest.to_owned();
            }
        }
    }

    /// Waits for its end, which must be a good one; gives all that it has told.
    fn end(mut self) -> Vec<String> {
        let status = self.process.wait();
        self.told.extend(self.lines.iter());
        assert!(status.success(), "{status}: {:#?}", self.told);
        self.told
    }
}

/// A port of 127.0.0.1 that nobody has.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

/// Whether `told` has these lines in this order, each holding what is given.
fn tells_in_order(told: &[String], wanted: &[&str]) {
    let mut rest = told.iter();
    for what in wanted {
        assert!(
            rest.any(|line| line.contains(what)),
            "no `{what}` in its place: {told:#?}"
        );
    }
}

// ---- The demonstration's voice agent ----

fn bundle((vendor, did, own): (&str, &str, u8), (other, others): (&str, u8)) -> Value {
    let scope = ["transcript.summary", "intent.slots"];
    json!({
        "ohpTrust": 1,
        "receiver": {
            "vendor": vendor, "did": did, "agentId": "test", "region": "uk-west", "maxTier": "signed",
            "purposes": ["human-takeover"], "jurisdictions": ["GB"], "processingScope": scope,
            "keys": { "keys": [private_jwk(own)] },
        },
        "consentReceipts": { "iso27560:rcpt_demo": {
            "purpose": "human-takeover", "scope": scope, "jurisdiction": "GB", "lawfulBasis": "gdpr.art6.1.b",
            "withdrawn": false,
        } },
        "issuers": { (other): { "jwks": { "keys": [public_jwk(others)] } } },
    })
}

/// The options with which the server plays the demonstration's contact centre, and the file among them.
fn centre(name: &str, calls: &str) -> Vec<std::ffi::OsString> {
    let file = scratch().join(format!("media-server-{name}.json"));
    let bundle = bundle(("vendor-b", RECEIVER_DID, 2), (SENDER_DID, 1));
    std::fs::write(&file, bundle.to_string()).expect("a file can be written");
    let options = ["--return-after", "0.5", "--calls", calls, "--bundle"];
    options.into_iter().map(Into::into).chain([file.into()]).collect()
}

/// Calls the server as `ohp demo`'s voice agent; what that tells.
fn call_as_agent(server: &Server, trials: bool) -> Vec<Value> {
    let config = json!({
        "role": "agent", "tier": "signed", "peer": format!("127.0.0.1:{}", server.port), "trials": trials,
        "bundle": bundle(("vendor-a", SENDER_DID, 1), (RECEIVER_DID, 2)),
    });
    let mut agent = Process::start(
        Command::new(env!("CARGO_BIN_EXE_ohp"))
            .arg("demo-peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let mut stdin = agent.child.stdin.take().expect("piped");
    stdin
        .write_all(config.to_string().as_bytes())
        .expect("it reads its configuration");
    drop(stdin);
    let lines = agent.lines();
    let status = agent.wait();
    let told: Vec<String> = lines.iter().collect();
    assert!(status.success(), "{status}: {told:#?}");
    told.iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn agent_hands_over_joins_gets_back_and_its_attacks_are_refused() {
    let Some(built) = built() else { return };
    let options = centre("agent", "2");
    let server = Server::start(built, &[], &options.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let events = call_as_agent(&server, true);

    let refused: Vec<_> = events
        .iter()
        .filter(|event| event["what"] == "refused")
        .map(|event| (event["trial"].as_str().unwrap(), event["reason"].as_str().unwrap()))
        .collect();
    let expected = [
        ("replayed", "not-bound-to-call"),
        ("tampered", "signature-invalid"),
        ("stale", "stale"),
    ];
    assert_eq!(refused, expected, "{events:#?}");
    let resumed = events.iter().any(|event| event["what"] == "resumes");
    let dropped = events
        .iter()
        .any(|event| event["what"] == "dropped" && event["by"] == "centre");
    assert!(resumed && dropped, "{events:#?}");

    let told = server.end();
    tells_in_order(
        &told,
        &[
            "call 1: answers ",
            "call 1: verifies PROPOSE cse_",
            " 2 signatures      pass",
            " 4 call-leg        pass",
            "intent.current.name: \"dispute_charge\"",
            "\"amount\":\"GBP 42.99\"",
            "transcript.summary: \"Caller disputes a charge",
            "call 1: event: proposed",
            "call 1: sends ACCEPT",
            "call 1: verifies ASSUME cse_",
            "call 1: event: handed off",
            "call 1: goes on in another dialog",
            "call 1: sends RETURN",
            "call 1: event: returned",
            "call 1: ended",
            "call 2: event: refused, not-bound-to-call",
            "call 2: event: refused, signature-invalid",
            "call 2: event: refused, stale",
            "call 2: ended",
        ],
    );
}

#[test]
fn valgrind_finds_no_error_and_no_leak() {
    let Some(built) = built() else { return };
    if !build::is_there("valgrind") {
        return skip("valgrind is not here");
    }
    let valgrind = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=all",
    ];
    let options = centre("valgrind", "1");
    let server = Server::start(built, &valgrind, &options.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let events = call_as_agent(&server, false);
    assert!(events.iter().any(|event| event["what"] == "resumes"), "{events:#?}");
    tells_in_order(
        &server.end(),
        &["event: handed off", "event: returned", "call 1: ended"],
    );
}

// ---- SIPp ----

/// Runs a scenario of `tests/sip/` against the server. Its Call-ID is `NAME-1@127.0.0.1`.
fn sipp(server: &Server, name: &str, keys: &[(&str, &str)]) -> Process {
    let folder = scratch().join(format!("sipp-{name}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let complaints = std::fs::File::create(folder.join("stderr.log")).expect("a file");
    let mut sipp = Command::new("sipp");
    sipp.current_dir(folder)
        .arg("-sf")
        .arg(build::root().join("tests/sip").join(name).with_extension("xml"));
    sipp.args(["-cid_str", &format!("{name}-%u@127.0.0.1")]);
    for address in ["-i", "-mi", "-ci"] {
        sipp.args([address, "127.0.0.1"]);
    }
    for port in ["-p", "-mp", "-cp"] {
        sipp.args([port, &free_port().to_string()]);
    }
    for (key, value) in keys {
        sipp.args(["-key", key, value]);
    }
    sipp.args(["-m", "1", "-nostdin", "-timeout", "40s", "-timeout_error"]);
    sipp.args(["-trace_err", "-error_file", "errors.log"]);
    sipp.arg(format!("127.0.0.1:{}", server.port));
    Process::start(sipp.stdout(Stdio::null()).stderr(complaints))
}

/// Waits for a scenario to have gone as written.
fn goes_as_written(mut sipp: Process, name: &str) {
    let status = sipp.wait();
    let log = |file| std::fs::read_to_string(scratch().join(format!("sipp-{name}")).join(file)).unwrap_or_default();
    assert!(
        status.success(),
        "{name}: {status}\n{}{}",
        log("stderr.log"),
        log("errors.log")
    );
}

/// Half a second of noise as RTP packets, which is alive enough to prove something.
fn noise() -> Vec<Vec<u8>> {
    let mut random = Random::new(4);
    (0..25_u8)
        .map(|sequence| {
            let timestamp = (u32::from(sequence) * 160).to_be_bytes();
            let mut packet = vec![0x80, 0, 0, sequence];
            packet.extend(timestamp);
            packet.extend([0xaa, 0xbb, 0xcc, 0xdd]);
            packet.extend((0..160).map(|_| random.next() as u8));
            packet
        })
        .collect()
}

/// The fingerprint that a sender of these packets would put into its proposal.
fn fingerprint(packets: &[Vec<u8>]) -> String {
    let config = TapConfig {
        codec: Codec::Pcmu,
        seconds: 1,
    };
    let words: Vec<AtomicU64> = std::iter::repeat_with(AtomicU64::default)
        .take(config.words().expect("a size"))
        .collect();
    let tap = Tap::init(&words, &config).expect("a tap");
    for packet in packets {
        tap.write_rtp(packet);
    }
    let sample = exact::newest(&tap).expect("usable sound");
    String::from_utf8(sample.fingerprint.to_text().to_vec()).expect("text")
}

/// A Core envelope about the call, as base64 text.
fn core_envelope(id: EnvelopeId, call_id: &str, control: Value, media: Value) -> String {
    let now = now();
    let mut envelope = json!({
        "ohp": "0.1", "conformance": "core", "id": id.as_str(),
        "issuedAt": now.to_string(), "notBefore": now.to_string(), "notAfter": now.plus(120_000).to_string(),
        "issuer": { "vendor": "sipp", "agentId": "scenario", "region": "uk-west" },
        "audience": { "vendor": "media-server", "purpose": "human-takeover", "minTier": "core" },
        "session": { "callId": call_id, "channel": "voice/sip", "locale": "en-GB", "media": media },
        "intent": { "current": { "name": "parking", "confidence": 0.8 }, "stack": [], "slots": { "bay": "42" } },
        "transcript": { "summary": "Caller cannot leave bay 42." },
        "policy": { "guardrails": ["none"] },
        "control": control,
    });
    // Identifiers end in what is random about them.
    let random: [u8; 16] = *id.as_str().as_bytes().last_chunk().expect("30 bytes");
    envelope["control"]["nonce"] = Nonce::new(random).as_str().into();
    let cbor = to_cbor(&envelope.to_string());
    let mut text = vec![0; base64::encoded_len(cbor.len())];
    let text = base64::encode(&cbor, &mut text).expect("it fits");
    String::from_utf8(text.to_vec()).expect("base64")
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).expect("before the year 292 million"))
}

#[test]
fn sipp_proposes_before_its_sound_is_there_and_is_accepted_once_it_is() {
    let Some(built) = built() else { return };
    if !sipp_is_here() {
        return;
    }
    let options = ["--return-after", "0.4", "--calls", "1"].map(OsStr::new);
    let mut server = Server::start(built, &[], &options);
    let sound = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let sound_port = sound.local_addr().expect("an address").port().to_string();
    let packets = noise();

    let call_id = "handoff-1@127.0.0.1";
    let (proposed, assumed) = (EnvelopeId::new(now(), [1; 10]), EnvelopeId::new(now(), [2; 10]));
    let propose = json!({ "verb": "PROPOSE", "reason": "human-requested" });
    let media = json!({ "rtpFingerprint": fingerprint(&packets) });
    let propose = core_envelope(proposed, call_id, propose, media);
    let assume = json!({ "verb": "ASSUME", "reason": "assumed", "refs": { "proposedId": proposed.as_str() } });
    let assume = core_envelope(assumed, call_id, assume, json!({}));
    let keys = [
        ("propose", propose.as_str()),
        ("assume", &assume),
        ("rtp_port", &sound_port),
    ];
    let sipp = sipp(&server, "handoff", &keys);

    let port = server.wait_for("RTP on port ").parse::<u16>().expect("a port");
    server.wait_for("event: needs resources");
    comes_back(&sound, &packets, SocketAddr::from(([127, 0, 0, 1], port)));
    goes_as_written(sipp, "handoff");
    tells_in_order(
        &server.end(),
        &[
            &format!("verifies PROPOSE {}: need", proposed.as_str()),
            "event: needs resources",
            &format!("verifies PROPOSE {}: accept", proposed.as_str()),
            "intent.slots: {\"bay\":\"42\"}",
            "event: proposed",
            "sends ACCEPT",
            &format!("verifies ASSUME {}: accept", assumed.as_str()),
            "event: handed off",
            "sends RETURN",
            "event: returned",
            "ended",
        ],
    );
}

/// Sends RTP and hears the same sound, in packets of the server's own.
fn comes_back(sound: &UdpSocket, packets: &[Vec<u8>], server: SocketAddr) {
    sound.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    for packet in packets {
        sound.send_to(packet, server).expect("it is sent");
        let mut heard = [0; 1500];
        let (len, from) = sound.recv_from(&mut heard).expect("it comes back");
        assert_eq!((from, &heard[12..len]), (server, &packet[12..]));
        assert_eq!((heard[1] & 0x7f, &heard[4..8]), (0, &packet[4..8]));
        assert_ne!(
            heard[8..12],
            packet[8..12],
            "it is the server's stream, not the caller's"
        );
    }
}

#[test]
fn what_is_no_message_of_ours_gets_the_status_that_says_so() {
    let Some(built) = built() else { return };
    if !sipp_is_here() {
        return;
    }
    let server = Server::start(built, &[], &["--calls", "1"].map(OsStr::new));
    let propose = core_envelope(
        EnvelopeId::new(now(), [3; 10]),
        "refusals-1@127.0.0.1",
        json!({ "verb": "PROPOSE", "reason": "human-requested" }),
        json!({}),
    );
    let keys = [("propose", propose.as_str()), ("rtp_port", "9")];
    goes_as_written(sipp(&server, "refusals", &keys), "refusals");
    let told = server.end();
    assert!(!told.iter().any(|line| line.contains("event: proposed")), "{told:#?}");
}

#[test]
fn interrupted_server_hangs_up_and_ends() {
    let Some(built) = built() else { return };
    if !sipp_is_here() {
        return;
    }
    let mut server = Server::start(built, &[], &[]);
    let sipp = sipp(&server, "hung_up", &[("rtp_port", "9")]);
    server.wait_for("call 1: answers ");
    server.process.interrupt();
    goes_as_written(sipp, "hung_up");
    server.end();
}

#[test]
fn what_it_cannot_use_is_said_so() {
    let Some(built) = built() else { return };
    let complaint = |options: &[&str]| {
        let mut command = Command::new(&built.program);
        let output = command
            .env("LD_LIBRARY_PATH", &built.libraries)
            .args(options)
            .output()
            .expect("it runs");
        assert!(!output.status.success(), "{options:?}");
        String::from_utf8(output.stderr).expect("text")
    };
    let bundle = scratch().join("media-server-broken.json");
    std::fs::write(&bundle, r#"{ "ohpTrust": 1, "receiver": { "maxTier": "gold" } }"#).expect("a file can be written");
    let bundle = bundle.to_str().expect("UTF-8");
    assert!(complaint(&["--bundle", bundle]).contains("receiver.maxTier"));
    assert!(complaint(&["--bundle", "/nowhere/trust.json"]).contains("/nowhere/trust.json: No such file"));
    assert!(complaint(&["--listen", "here"]).contains("here: not an address"));
    assert!(complaint(&["--silent"]).contains("usage: "));
    assert!(Path::new(bundle).is_file());
}
