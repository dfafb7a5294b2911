//! `bindings/asterisk/` in a real Asterisk: installed, built and started by `tests/pbx/asterisk/run`, called over loopback
//! with real RTP by the demonstration's voice agent and contact centre.
//!
//! What is asserted is what the other side has seen on the wire, and what the dialplan has come to; never a line of our own
//! log.

#![allow(dead_code, reason = "more is on its way")]

mod ami;
mod handoff;
mod pbx;
mod peer;
