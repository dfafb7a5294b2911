//! What an administrator does while calls are up, and many calls at once.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ohp::envelope::{Tier, Verb};
use ohp::id::{EnvelopeId, Nonce};
use ohp::transport::base64;
use serde_json::{Value, json};

use crate::common::{Random, to_cbor};
use crate::handoff::{CENTRE, OHP};
use crate::pbx::{PATIENCE, Pbx, Plan, free_port};
use crate::peer::told;
use crate::phone::Phone;
use crate::scene::{CALL, Scene};
use crate::verdicts::{Stage, centre, clock, trust};

/// An endpoint with handoffs whose sound is not kept.
const QUIET: &str = "127.0.0.4";

/// Calls a second.
const RATE: u32 = 20;

/// How long a call stays when it has been given back: with the second that the handoff takes, and some for setting up, 200
/// calls are up at that rate.
const STAY: Duration = Duration::from_millis(8_500);

/// How often what takes long is done: in full only where that is wished.
fn times(short: u32, in_full: u32) -> u32 {
    if std::env::var_os("OHP_ASTERISK_LONG").is_some() {
        in_full
    } else {
        short
    }
}

/// An Asterisk that receives what `ohp demo` tells at Core, and its bundle.
fn core_centre(name: &str, is_measured: bool) -> (Pbx, Value) {
    let (_, config) = told("core");
    let pbx = Pbx::start(
        name,
        &Plan {
            ohp: OHP,
            extensions: CENTRE,
            files: &[("bundle.json", config["bundle"].clone())],
            is_measured,
            ..Plan::default()
        },
    );
    (pbx, config["bundle"].clone())
}

/// A Core envelope as base64 text.
fn envelope(random: &mut Random, issued_ms: i64, call_id: &str, control: &Value) -> (EnvelopeId, String) {
    let issued = ohp::time::Timestamp::from_millis(issued_ms);
    let id = EnvelopeId::new(issued, std::array::from_fn(|_| random.next() as u8));
    let mut envelope = json!({
        "ohp": "0.1", "conformance": "core", "id": id.as_str(),
        "issuedAt": issued.to_string(), "notBefore": issued.to_string(), "notAfter": issued.plus(240_000).to_string(),
        "issuer": { "vendor": "sipp", "agentId": "scenario", "region": "uk-west" },
        "audience": { "vendor": "vendor-b", "purpose": "human-takeover", "minTier": "core" },
        "session": { "callId": call_id, "channel": "voice/sip", "locale": "en-GB", "media": {} },
        "intent": { "current": { "name": "parking", "confidence": 0.8 }, "stack": [], "slots": { "bay": "42" } },
        "transcript": { "summary": "Caller cannot leave bay 42." },
        "policy": { "guardrails": ["none"] },
        "control": control,
    });
    let nonce = Nonce::new(std::array::from_fn(|_| random.next() as u8));
    envelope["control"]["nonce"] = nonce.as_str().into();
    let cbor = to_cbor(&envelope.to_string());
    let mut text = vec![0; base64::encoded_len(cbor.len())];
    let text = base64::encode(&cbor, &mut text).expect("it fits");
    (id, String::from_utf8(text.to_vec()).expect("base64"))
}

/// Calls from SIPp, each with a whole handoff.
struct Load {
    sipp: Child,
    folder: PathBuf,
}

impl Load {
    fn start(pbx: &Pbx, name: &str, calls: u32, rate: u32) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("asterisk-load-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut random = Random::new(u64::from(free_port()) ^ clock().millis() as u64);
        // Each is a minute old when it is sent, and lives for three more.
        let begin = clock().millis() - 60_000;
        let mut lines = "SEQUENTIAL\n".to_owned();
        for nth in 1..=calls {
            let call_id = format!("{name}-{nth}@{QUIET}");
            let issued = begin + i64::from(nth * 1000 / rate);
            let control = json!({ "verb": "PROPOSE", "reason": "human-requested" });
            let (id, propose) = envelope(&mut random, issued, &call_id, &control);
            let control = json!({ "verb": "ASSUME", "reason": "assumed", "refs": { "proposedId": id.as_str() } });
            let (_, assume) = envelope(&mut random, issued, &call_id, &control);
            writeln!(lines, "{propose};{assume};").expect("a string");
        }
        std::fs::write(folder.join("envelopes.csv"), lines).expect("a file");
        let mut sipp = Command::new("sipp");
        sipp.current_dir(&folder).arg("-sf");
        sipp.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pbx/asterisk/load.xml"));
        sipp.args([
            "-inf",
            "envelopes.csv",
            "-cid_str",
            &format!("{name}-%u@{QUIET}"),
            "-i",
            QUIET,
        ]);
        sipp.args([
            "-p",
            &free_port().to_string(),
            "-m",
            &calls.to_string(),
            "-r",
            &rate.to_string(),
        ]);
        sipp.args([
            "-l",
            "1000",
            "-d",
            &STAY.as_millis().to_string(),
            "-nostdin",
            "-trace_err",
            "-error_file",
            "errors.log",
        ]);
        sipp.arg(pbx.sip.to_string());
        let stderr = std::fs::File::create(folder.join("stderr.log")).expect("a file");
        let sipp = sipp
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("SIPp (Debian's sip-tester) is there");
        Self { sipp, folder }
    }

    /// Waits until every call has gone as written.
    fn end(mut self) {
        let end = Instant::now() + 6 * PATIENCE;
        let status = loop {
            match self.sipp.try_wait().expect("it can be waited for") {
                Some(status) => break status,
                None if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
                None => panic!("SIPp does not end"),
            }
        };
        let log = |name: &str| {
            let text = std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
            text.chars().take(4_000).collect::<String>()
        };
        assert!(status.success(), "{status}\n{}{}", log("stderr.log"), log("errors.log"));
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.sipp.kill();
        let _ = self.sipp.wait();
    }
}

/// How often the dialplan has told of `status`.
fn told_of(pbx: &mut Pbx, status: &str) -> usize {
    let events = pbx.events().iter();
    events
        .filter(|event| event.is_user_event("Outcome") && event.get("Status") == status)
        .count()
}

/// Every one of so many calls has been proposed, handed over and given back, and nothing else has happened.
fn all_went_well(pbx: &mut Pbx, calls: u32) {
    pbx.wait_for("ohp show calls", |printed| {
        !printed.iter().any(|line| line.contains("PJSIP/"))
    });
    for status in ["PROPOSED", "HANDEDOFF", "RETURNED"] {
        assert_eq!(told_of(pbx, status), calls as usize, "{status}");
    }
    let log = pbx.log();
    let complaint = log.lines().find(|line| line.contains("taskprocessor"));
    assert_eq!(complaint, None);
}

fn is_loaded(pbx: &mut Pbx) -> bool {
    let printed = pbx.command("module show like res_ohp.so");
    printed
        .iter()
        .any(|line| line.contains("res_ohp.so") && line.contains("Running") && !line.contains("Not Running"))
}

/// Loads or unloads the module; whether that was done.
fn module(pbx: &mut Pbx, what: &str) -> bool {
    let response = pbx.ask("ModuleLoad", &[("Module", "res_ohp.so"), ("LoadType", what)]);
    response.get("Response") == "Success"
}

#[test]
fn hundred_reloads_leave_calls_and_handoffs_that_are_under_way_alone() {
    let calls = 50;
    let (mut pbx, mut bundle) = core_centre("reloads", false);
    let up = Load::start(&pbx, "up", calls, 50);
    let end = Instant::now() + PATIENCE;
    while told_of(&mut pbx, "PROPOSED") < calls as usize {
        assert!(Instant::now() < end, "not all calls have proposed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let coming = Load::start(&pbx, "coming", calls, 10);
    for nth in 0..100 {
        // What is read again is another bundle each time.
        bundle["receiver"]["region"] = format!("uk-{nth}").into();
        trust(&mut pbx, &bundle);
    }
    up.end();
    coming.end();
    all_went_well(&mut pbx, 2 * calls);
    pbx.stop();
}

#[test]
fn module_goes_and_comes_with_plain_calls_up_and_stays_for_handoffs() {
    let mut pbx = centre("unload");
    let mut phones: Vec<_> = (0..10)
        .map(|nth| {
            let from = if nth % 2 == 0 { "127.0.0.1" } else { "127.0.0.2" };
            Phone::call(pbx.sip, from, "echo", &format!("plain-{nth}"))
        })
        .collect();
    phones.iter_mut().for_each(|phone| phone.talk(2));
    for round in 0..20 {
        assert!(module(&mut pbx, "unload"), "round {round}");
        assert!(!is_loaded(&mut pbx), "round {round}");
        phones[round % 10].talk(2);
        assert!(module(&mut pbx, "load"), "round {round}");
        assert!(is_loaded(&mut pbx), "round {round}");
    }
    for phone in &mut phones {
        assert!(phone.talk_and_hear(10), "the call still carries sound");
    }

    let (mut stage, cbor) = Stage::set(&mut pbx, "127.0.0.1", &mut Scene::at(Tier::Core));
    stage.propose(&cbor);
    assert_eq!(stage.answer().0, Verb::Accept);
    assert!(!module(&mut pbx, "unload"), "there is a handoff");
    assert!(is_loaded(&mut pbx));
    stage.phone.hang_up();
    phones.into_iter().for_each(Phone::hang_up);
    pbx.wait_for("ohp show calls", |printed| {
        !printed.iter().any(|line| line.contains("PJSIP/"))
    });
    assert!(module(&mut pbx, "unload") && module(&mut pbx, "load"));
    let (mut stage, cbor) = Stage::set(&mut pbx, "127.0.0.1", &mut Scene::at(Tier::Signed));
    assert_eq!(stage.phone.call_id, CALL);
    stage.propose(&cbor);
    assert_eq!(stage.answer().0, Verb::Accept);
    stage.phone.hang_up();
    pbx.stop();
}

/// 200 calls at a time; for three minutes where that is wished.
#[test]
fn two_hundred_calls_hand_over_at_once_and_nothing_is_lost_or_kept() {
    let (mut pbx, _) = core_centre("load", true);
    // A transaction's memory stays for 32 s after its end (RFC 3261, Timer J): from then on as much goes as comes.
    // The heap takes some more of the same to find its size.
    let warm = RATE * times(36, 90);
    Load::start(&pbx, "warm", warm, RATE).end();
    all_went_well(&mut pbx, warm);
    pbx.forget_events();
    let (before, began) = (pbx.resident_kib(), Instant::now());
    let cpu = pbx.cpu();
    let calls = RATE * times(12, 180);
    Load::start(&pbx, "load", calls, RATE).end();
    all_went_well(&mut pbx, calls);
    let after = pbx.resident_kib();
    println!(
        "{calls} calls with a handoff each in {:.0} s: {:.2} s of processor time, {before} KiB resident before, {after} after",
        began.elapsed().as_secs_f64(),
        (pbx.cpu() - cpu).as_secs_f64(),
    );
    let kept = after.saturating_sub(before);
    assert!(kept < 16 * 1024, "{kept} KiB more");
    pbx.stop();
}

/// What an INFO costs: an empty one, in an Asterisk with the module and without, on endpoints with handoffs and without.
#[test]
fn info_that_is_none_of_ours_costs_what_it_costs_without_the_module() {
    let rounds = times(500, 5_000);
    for (what, is_stock, from) in [
        ("without the module", true, "127.0.0.2"),
        ("with it, another endpoint", false, "127.0.0.2"),
        ("with it, an endpoint with handoffs", false, QUIET),
    ] {
        let extensions = CENTRE;
        let pbx = Pbx::start(
            "cost",
            &Plan {
                ohp: OHP,
                extensions,
                files: &[("bundle.json", Scene::at(Tier::Core).trust)],
                is_stock,
                is_measured: true,
                ..Plan::default()
            },
        );
        let mut phone = Phone::call(pbx.sip, from, "echo", "cost");
        // The first are not counted.
        let mut cost = 0.0;
        for times in [rounds / 5, rounds] {
            let before = pbx.cpu();
            for _ in 0..times {
                let answer = phone.request("INFO", "", b"");
                assert_eq!(answer.status(), Some(200), "{answer:?}");
            }
            cost = (pbx.cpu() - before).as_secs_f64() * 1e6 / f64::from(times);
        }
        println!("an empty INFO {what}: {cost:.1} µs of processor time");
        phone.hang_up();
        pbx.stop();
    }
}
