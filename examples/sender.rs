//! The sending side of a handoff: a voice agent that has heard enough, and gives its caller to a contact centre.
//!
//! ```sh
//! cargo run --example sender -- 5070 examples/trust/sender.json assets/caller.wav
//! ```
//!
//! The receiver, which has to be there before, may be `examples/receiver.rs` or `examples/receiver.c`.

mod loopback;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use loopback::{Outcome, PATIENCE, Side, random, socket};
use ohp::cbor::{Item, json};
use ohp::envelope::{ENVELOPE_MAX, SHAPE, Tier};
use ohp::leg::Event;

/// What only the application knows; the leg adds the rest, and signs.
const PROPOSAL: &str = r#"{
  "audience": { "vendor": "contact-centre", "did": "did:web:contact-centre.example", "purpose": "human-takeover" },
  "session": { "locale": "en-GB" },
  "intent": { "current": { "name": "billing_dispute", "confidence": 0.94 }, "slots": { "accountRef": "acct_77" } },
  "transcript": { "summary": "The caller disputes a charge of 42.99.",
                  "redaction": { "policy": "pii-mask", "version": "1" } },
  "policy": { "retention": { "transcript": "P30D" }, "redaction": { "pii": "mask" }, "dataResidency": ["GB"] },
  "control": { "reason": "human-requested" }
}"#;

/// Packets of sound, 20 ms each, that are sent before the proposal.
const PACKETS: usize = 100;
const PACKET_SAMPLES: usize = 160;
/// Where samples begin in a WAV file with the header that `assets/caller.wav` has.
const WAV_HEADER: usize = 58;

fn main() -> Outcome<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, trust, wav] = &arguments[..] else {
        return Err("usage: sender PORT TRUST.json CALLER.wav".into());
    };
    let port: u16 = port.parse()?;
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut side = Side::begin(trust, socket(0)?, at(port))?;
    speak(&side, &std::fs::read(wav)?, at(port + 1))?;
    propose(&mut side)?;

    let begun = Instant::now();
    let mut ended = None;
    while ended.is_none() && begun.elapsed() < PATIENCE {
        ended = drain(&mut side)?;
        if ended.is_none() {
            side.signal(|_| ())?;
            side.tick()?;
        }
    }
    Ok(if ended == Some(true) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sends the caller's voice, and taps what it sends: the fingerprint is made of that.
fn speak(side: &Side, wav: &[u8], to: SocketAddr) -> Outcome<()> {
    let source: [u8; 4] = random()?;
    let samples = wav.get(WAV_HEADER..).unwrap_or_default();
    for (number, payload) in (0..).zip(samples.chunks_exact(PACKET_SAMPLES).take(PACKETS)) {
        let (sequence, timestamp) = (
            (number as u16).to_be_bytes(),
            (number * PACKET_SAMPLES as u32).to_be_bytes(),
        );
        let packet = [&[0x80, 0][..], &sequence, &timestamp, &source, payload].concat();
        side.signalling.send_to(&packet, to)?;
        side.tap()?.write_rtp(&packet);
        // Five times as fast as life: nobody listens here.
        std::thread::sleep(Duration::from_millis(4));
    }
    Ok(())
}

fn propose(side: &mut Side) -> Outcome<()> {
    let mut scratch = vec![0; json::scratch_len(PROPOSAL.len())];
    let mut cbor = vec![0; json::max_cbor_len(PROPOSAL.len())];
    let template = json::to_cbor(PROPOSAL.as_bytes(), SHAPE, &mut scratch, &mut cbor)?;
    let template = Item::parse(template)?;
    let mut out = vec![0; ENVELOPE_MAX];
    let len = side.with(|leg, host| {
        let envelope = leg.propose(host, Tier::Signed, template, &mut out)?;
        Ok::<_, ohp::leg::LegError>(envelope.bytes().len())
    })??;
    println!("proposing with {len} bytes");
    Ok(())
}

/// After every call into the leg: first what happened, then what is to be sent. Whether the call was handed over, once
/// that is certain.
fn drain(side: &mut Side) -> Outcome<Option<bool>> {
    let mut ended = None;
    while let Some(event) = side.leg.poll_event() {
        match event {
            Event::Accepted { id } => {
                println!("accepted: {id}");
                side.with(|leg, host| leg.assume(host))??;
            }
            Event::HandedOff { .. } => {
                println!("handed-off");
                ended = Some(true);
            }
            Event::Rejected { reason, .. } => {
                println!("rejected: {reason:?}");
                ended = Some(false);
            }
            Event::Undelivered { .. } | Event::TimedOut { .. } => {
                println!("no answer: {event:?}");
                ended = Some(false);
            }
            other => println!("{other:?}"),
        }
    }
    side.send_infos()?;
    Ok(ended)
}
