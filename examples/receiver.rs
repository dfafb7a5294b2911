//! The receiving side of a handoff: a contact centre on one UDP port, its caller's sound on the next one.
//!
//! ```sh
//! cargo run --example receiver -- 5070 examples/trust/receiver.json
//! ```
//!
//! The sender may be `examples/sender.rs` or `examples/sender.c`.

mod loopback;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use loopback::{Outcome, PATIENCE, Side, socket};
use ohp::leg::{Event, Handled};

/// How often a proposal that waits for sound is looked at again.
const VERIFY_AGAIN: Duration = Duration::from_millis(100);

/// What the application wants to know of a proposal, and its bytes, which are needed again while it waits for sound.
#[derive(Default)]
struct Proposal {
    intent: String,
    summary: String,
    bytes: Vec<u8>,
}

impl Proposal {
    fn note(&mut self, handled: &Handled<'_>) {
        let Some(envelope) = handled.verdict.as_ref().and_then(|verdict| verdict.envelope) else {
            return;
        };
        self.intent = envelope.intent().name().unwrap_or_default().to_owned();
        self.summary = envelope.transcript().summary().unwrap_or_default().to_owned();
        self.bytes = envelope.bytes().to_vec();
    }
}

fn main() -> Outcome<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, trust] = &arguments[..] else {
        return Err("usage: receiver PORT TRUST.json".into());
    };
    let port: u16 = port.parse()?;
    let signalling = socket(port)?;
    let media = socket(port + 1)?;
    media.set_nonblocking(true)?;
    let peer = signalling.local_addr()?;
    let mut side = Side::begin(trust, signalling, peer)?;
    println!("listening");

    let begun = Instant::now();
    let mut proposal = Proposal::default();
    let mut verified = begun;
    let mut handed_off = false;
    while !handed_off && begun.elapsed() < PATIENCE {
        let mut packet = [0; 2048];
        while let Ok(len) = media.recv(&mut packet) {
            side.tap()?.write_rtp(&packet[..len]);
        }
        side.signal(|handled| proposal.note(handled))?;
        if side.leg.is_pending() && verified.elapsed() >= VERIFY_AGAIN {
            verified = Instant::now();
            let bytes = proposal.bytes.clone();
            side.with(|leg, host| {
                let _ = leg.verify_again(host, &bytes, &mut |_, _| ());
            })?;
        }
        side.tick()?;
        handed_off = drain(&mut side, &proposal)?;
    }
    Ok(if handed_off {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// After every call into the leg: first what happened, then what is to be sent. Whether the call is ours now.
fn drain(side: &mut Side, proposal: &Proposal) -> Outcome<bool> {
    let mut handed_off = false;
    while let Some(event) = side.leg.poll_event() {
        match event {
            Event::Proposed { .. } => {
                println!("proposed: {} ({})", proposal.intent, proposal.summary);
                side.with(|leg, host| leg.accept(host))??;
            }
            Event::HandedOff { .. } => {
                println!("handed-off");
                handed_off = true;
            }
            Event::Refused { step, failure, .. } => println!("refused at {step}, {}: {}", failure.reason, failure.why),
            other => println!("{other:?}"),
        }
    }
    side.send_infos()?;
    Ok(handed_off)
}
