//! `bindings/asterisk/` in a real Asterisk: installed, built and started by `tests/pbx/asterisk/run`, called over loopback
//! with real RTP by the demonstration's voice agent and contact centre, by SIPp, and by a phone of these tests' own.
//!
//! What is asserted is what the other side has seen on the wire, and what the dialplan has come to; never a line of our own
//! log.

mod ami;
mod chain;
#[path = "../../common/mod.rs"]
mod common;
mod handoff;
#[path = "../../leg/pair.rs"]
mod pair;
mod pbx;
mod peer;
mod phone;
mod requests;
mod robust;
#[path = "../../tiers/rows.rs"]
mod rows;
#[path = "../../tiers/scene.rs"]
mod scene;
mod sender;
mod verdicts;
