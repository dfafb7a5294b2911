//! The files that the command reads: captures and recordings. Nothing is read beyond the file, and errors say something.

#![no_main]

use ohp_fuzz::{Seeds, target};

/// What the command's readers report to.
#[expect(dead_code, reason = "what the command says is not asked here")]
mod exit {
    pub struct Failure(pub String);

    impl Failure {
        pub fn new(what: impl std::fmt::Display) -> Self {
            Self(what.to_string())
        }

        pub fn advise(self, _: impl std::fmt::Display) -> Self {
            self
        }
    }
}

#[path = "../../../src/bin/ohp/pcap.rs"]
#[expect(dead_code, reason = "what the command prints is not called for here")]
mod pcap;
#[path = "../../../src/bin/ohp/wav.rs"]
#[expect(dead_code, reason = "as above")]
mod wav;

target!(seeds: write_seeds, |data| {
    if pcap::is_capture(data) {
        match pcap::read(data) {
            Ok(capture) => {
                let payloads: usize = capture.datagrams.iter().map(|datagram| datagram.payload.len()).sum();
                assert!(payloads <= data.len());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if wav::is_wav(data) {
        match wav::read(data) {
            Ok(_) => {},
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

fn write_seeds(seeds: &mut Seeds) {
    let wav = include_bytes!("../../../assets/caller.wav");
    seeds.add(&wav[..2000]);
    for folder in [
        "vectors/rtp-sipp-pcap",
        "vectors/rtp-freeswitch-pcap",
        "vectors/rtp-tcpdump-crash",
        "vectors/sip-suricata-pcap",
    ] {
        seeds.add_shared(folder, &[], 16384, &[]);
    }
}
