//! Nothing on the way of a call allocates: an allocator that aborts stands guard over a whole handoff, over every form of
//! INFO, over refusals, and over the tap.

mod common;

#[path = "leg/pair.rs"]
mod pair;

use std::sync::atomic::AtomicU64;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use common::{NOW, at, bundle, receiver_json};
use ohp::cbor::Item;
use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier};
use ohp::leg::{Context, Event, Host, Leg, RANDOM_LEN, SCRATCH_LEN, SdpOrigin, Settings, TRANSMIT_LEN};
use ohp::media::exact::{self, Decision};
use ohp::media::{Codec, Fingerprint, Tap, TapConfig, g711};
use ohp::table::{Config, Table};
use ohp::transport::Info;
use ohp::trust::bundle::Bundle;
use ohp::verify::{Call, Disclosed, Media, Outcome, Role, Situation, VERIFY_SCRATCH, verify_disclosing};

#[global_allocator]
static GUARD: AllocDisabler = AllocDisabler;

const CONFIG: Config = Config {
    replays: 256,
    hashes: 64,
    kids: 64,
    peers: 64,
    sets: 64,
    slots: 8,
    slot_bytes: 48 * 1024,
    sounds: 16,
};

/// The allocator does abort: otherwise every other test here would prove nothing.
#[test]
fn guard_aborts_a_process_that_allocates() {
    if std::env::var_os("OHP_TEST_ALLOCATES").is_some() {
        assert_no_alloc(|| drop(std::hint::black_box(vec![1])));
        return;
    }
    let binary = std::env::current_exe().expect("this test");
    let status = std::process::Command::new(binary)
        .args(["--exact", "guard_aborts_a_process_that_allocates"])
        .env("OHP_TEST_ALLOCATES", "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("it runs");
    assert!(!status.success(), "an allocation went unnoticed");
}

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n";

struct End {
    leg: Leg,
    context: Context,
    words: Vec<AtomicU64>,
    tap: Vec<AtomicU64>,
    scratch: Vec<u8>,
    envelope: Vec<u8>,
    random: u8,
}

impl End {
    fn new(vendor: (&str, &str, u8), other: (&str, u8)) -> Self {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        };
        let zeros = |count| (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        let (words, tap) = (
            zeros(CONFIG.words().expect("a size")),
            zeros(config.words().expect("a size")),
        );
        Table::init(&words, &CONFIG, [9; 16]).expect("a table");
        Tap::init(&tap, &config).expect("a tap");
        Self {
            leg: Leg::new(pair::CALL_ID).expect("an identifier"),
            context: Context {
                bundle: bundle(&common::bundle_json(vendor, other)),
                settings: Settings::default(),
            },
            words,
            tap,
            scratch: vec![0; SCRATCH_LEN],
            envelope: vec![0; ENVELOPE_MAX],
            random: vendor.2 * 16,
        }
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Leg, &mut Host<'_>, &mut [u8]) -> T) -> T {
        self.random = self.random.wrapping_add(1);
        let mut host = Host {
            context: &self.context,
            table: Table::attach(&self.words).expect("a table"),
            tap: Some(Tap::attach(&self.tap).expect("a tap")),
            peer: b"192.0.2.1",
            now: at(NOW),
            random: [self.random; RANDOM_LEN],
            scratch: &mut self.scratch,
            disclosed: None,
        };
        call(&mut self.leg, &mut host, &mut self.envelope)
    }

    fn hear(&self) {
        let tap = Tap::attach(&self.tap).expect("a tap");
        let mut packet = [0_u8; 172];
        for nth in 0..200_u32 {
            packet[0] = 0x80;
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(nth * 160).to_be_bytes());
            for (at, byte) in packet[12..].iter_mut().enumerate() {
                let time = f64::from(nth * 160 + at as u32);
                let wave =
                    (time * 0.31).sin() + (time * 0.0017).sin() * (time * 0.9).cos() + (time * time * 1e-5).sin();
                *byte = g711::compress_mu((wave * 6000.0) as i16);
            }
            tap.write_rtp(&packet);
        }
    }
}

/// Carries what one leg sends to the other; how many INFOs there were.
fn carry(from: &mut End, to: &mut End) -> usize {
    let mut count = 0;
    let mut buffer = [0; TRANSMIT_LEN];
    let mut headers = [0; 512];
    loop {
        let sent = from.with(|leg, host, _| {
            leg.poll_transmit(&host.table, &mut buffer).map(|transmit| {
                let text = transmit.info.headers.as_bytes();
                headers[..text.len()].copy_from_slice(text);
                headers[text.len()..text.len() + 2].copy_from_slice(b"\r\n");
                let body_at = transmit.info.body.as_ptr();
                (text.len() + 2, transmit.info.body.len(), body_at)
            })
        });
        let Some((header_len, body_len, body_at)) = sent else {
            return count;
        };
        let offset = body_at as usize - buffer.as_ptr() as usize;
        let body = &buffer[offset..offset + body_len];
        let status = to.with(|leg, host, envelope| {
            let info = Info::parse(&headers[..header_len], body).expect("headers");
            leg.handle_info(host, &info, envelope, &mut |_, _| ()).status.code()
        });
        from.with(|leg, host, _| leg.handle_response(&host.table, status));
        count += 1;
    }
}

#[test]
fn whole_handoff_with_sound_allocates_nothing() {
    for (tier, summary_len) in [(Tier::Core, 20), (Tier::Signed, 20), (Tier::Signed, 3_000)] {
        let mut sender = End::new(("vendor-a", common::SENDER_DID, 1), (common::RECEIVER_DID, 2));
        let mut receiver = End::new(("vendor-b", common::RECEIVER_DID, 2), (common::SENDER_DID, 1));
        let mut template = pair::template();
        template["transcript"]["summary"] = pair::noise(summary_len).into();
        let template = common::to_cbor(&template.to_string());
        let template = Item::parse(&template).expect("canonical");

        assert_no_alloc(|| {
            sender.hear();
            receiver.hear();
            sender.leg.handle_sdp(SdpOrigin::Remote, SDP).expect("SDP");
            receiver.leg.handle_sdp(SdpOrigin::Local, SDP).expect("SDP");
            sender
                .with(|leg, host, out| leg.propose(host, tier, template, out).map(|envelope| envelope.id()))
                .expect("a proposal");
            assert!(carry(&mut sender, &mut receiver) > 0);
            assert!(matches!(receiver.leg.poll_event(), Some(Event::Proposed { .. })));
            receiver.with(|leg, host, _| leg.accept(host)).expect("an ACCEPT");
            carry(&mut receiver, &mut sender);
            assert!(matches!(sender.leg.poll_event(), Some(Event::Accepted { .. })));
            sender.with(|leg, host, _| leg.assume(host)).expect("an ASSUME");
            carry(&mut sender, &mut receiver);
            assert!(matches!(receiver.leg.poll_event(), Some(Event::HandedOff { .. })));
            receiver
                .with(|leg, host, _| leg.give_back(host, "resolved", Some(template)))
                .expect("a RETURN");
            carry(&mut receiver, &mut sender);
            receiver.with(|leg, host, _| leg.handle_timeout(host));
        });
    }
}

#[test]
fn every_form_of_body_and_every_refusal_allocates_nothing() {
    if !common::shared_is_here() {
        return;
    }
    let json = common::official("02-signed-cs-handoff");
    let cbor = common::sign(&json, 1);
    let json = json.to_string();
    let bodies: [(&str, &[u8]); 6] = [
        ("application/ohp+cbor", &cbor),
        ("application/ohp+json", json.as_bytes()),
        ("application/ohp+cbor", &cbor[..cbor.len() - 1]),
        ("application/ohp+cbor", &cbor[1..]),
        ("text/plain", &cbor),
        (
            "multipart/ohp; boundary=b; total-chunks=2; chunk=3",
            b"--b\r\n\r\nx\r\n--b--\r\n",
        ),
    ];
    let context = Context {
        bundle: bundle(&receiver_json()),
        settings: Settings::default(),
    };
    let words: Vec<_> = (0..CONFIG.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    Table::init(&words, &CONFIG, [9; 16]).expect("a table");
    let (mut scratch, mut envelope) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let headers: Vec<_> = bodies
        .iter()
        .map(|(media, _)| format!("Content-Type: {media}\r\n\r\n"))
        .collect();
    for (headers, (_, body)) in headers.iter().zip(bodies) {
        assert_no_alloc(|| {
            let mut leg = Leg::new("callid_2026_K9_acc7781").expect("an identifier");
            let mut host = Host {
                context: &context,
                table: Table::attach(&words).expect("a table"),
                tap: None,
                peer: b"192.0.2.1",
                now: at(NOW),
                random: [1; RANDOM_LEN],
                scratch: &mut scratch,
                disclosed: None,
            };
            let info = Info::parse(headers.as_bytes(), body).expect("headers");
            leg.handle_info(&mut host, &info, &mut envelope, &mut |_, _| ());
            while leg.poll_event().is_some() {}
        });
    }
}

#[test]
fn tap_and_fingerprint_allocate_nothing() {
    let end = End::new(("vendor-a", common::SENDER_DID, 1), (common::RECEIVER_DID, 2));
    assert_no_alloc(|| {
        end.hear();
        let tap = Tap::attach(&end.tap).expect("a tap");
        let sample = exact::newest(&tap).expect("usable audio");
        assert!(matches!(exact::search(&tap, &sample.fingerprint), Decision::Match(_)));
    });
}

/// What the C tests judge as well: every step, what is disclosed, and going through it.
#[test]
fn tiers_that_disclose_are_judged_and_read_without_allocating() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/scene");
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    let trust = Bundle::from_json(&read("trust.json")).expect("a bundle");
    let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
    for (name, tier) in [("sealed.cbor", Tier::Sealed), ("regulated.cbor", Tier::Regulated)] {
        let cbor = read(name);
        let ids = ["a84b4c76e66710@pc33.atlanta.example.com"];
        let fingerprint = {
            let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
            let text = envelope.session().rtp_fingerprint().expect("a fingerprint");
            Fingerprint::parse(text).expect("of SHA-256")
        };
        let situation = Situation {
            bundle: &trust,
            now: at("2026-05-28T13:42:11Z"),
            role: Role::Unknown,
            call: Call::Ids(&ids),
            media: Media::Known(fingerprint),
            echo: Default::default(),
            memory: None,
            again: false,
            audio_may_follow: false,
            deadline_passed: false,
        };
        let (outcome, values) = assert_no_alloc(|| {
            let verdict = verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ());
            let claims = disclosed.claims().map_or(0, |claims| claims.iter().count());
            let values = claims + disclosed.fields().map_or(0, |fields| fields.iter().count());
            disclosed.wipe();
            (verdict.outcome, values)
        });
        assert_eq!((outcome, values), (Outcome::Accept, 4), "{tier}");
    }
}
