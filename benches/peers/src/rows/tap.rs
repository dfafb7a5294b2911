//! A packet of 20 ms of G.711 into the tap, each with the next timestamp. No peer keeps received audio like this.

use std::sync::atomic::AtomicU64;

use ohp::media::{Codec, Tap, TapConfig, tap};

use super::rtp;
use crate::race::{Contestant, Row, opaque};

pub fn row() -> Row {
    let words = tap::tap_words(Codec::Pcmu, 10).expect("ten seconds are in range");
    let words: &'static [AtomicU64] = Box::leak((0..words).map(|_| AtomicU64::new(0)).collect());
    let tap = Tap::init(
        words,
        &TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        },
    )
    .expect("the words are enough");
    let mut packet = rtp::packet();
    let mut timestamp = 0_u32;
    let ours = Contestant::new("ours", "", move || {
        timestamp = timestamp.wrapping_add(160);
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        u64::from(tap.write_rtp(opaque(&packet)) == tap::Written::Kept)
    });
    Row {
        name: "packet into the tap",
        goal: Some(25.0),
        answer: 1,
        contestants: vec![ours],
        missing: Vec::new(),
    }
}
