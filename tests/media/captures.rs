//! The shared RTP captures, through the RTP reader and the tap.

use ohp::media::exact::{self, Decision, NoSample, Unusable};
use ohp::media::liveness::Lifeless;
use ohp::media::rtp::Packet;
use ohp::media::tap::Written;

use crate::audio;
use crate::capture::{datagrams, udp_payloads};
use crate::suite::{Suite, same};

/// Has a capture's datagrams read and tapped; says how many there are, and how many of them are RTP.
fn tapped(payloads: &[Vec<u8>]) -> (usize, usize) {
    let tap = audio::fresh();
    let mut packets = 0;
    for payload in payloads {
        packets += usize::from(Packet::parse(payload).is_ok());
        tap.write_rtp(payload);
    }
    if let Ok(sample) = exact::newest(&tap) {
        assert!(matches!(exact::search(&tap, &sample.fingerprint), Decision::Match(_)));
    }
    (payloads.len(), packets)
}

#[test]
fn every_datagram_of_an_rtp_capture_goes_through_reader_and_tap() {
    for name in ["rtp-freeswitch-pcap", "rtp-sipp-pcap"] {
        let Some(mut suite) = Suite::open(name, &[]) else {
            return;
        };
        for (name, bytes) in suite.files(&["pcap"]) {
            let (count, packets) = tapped(&datagrams(&bytes));
            assert!(count > 0, "{name}");
            suite.case(&name, same(&packets, &count));
        }
        suite.end();
    }
}

#[test]
fn captures_that_crashed_a_sniffer_go_through_reader_and_tap() {
    let Some(mut suite) = Suite::open("rtp-tcpdump-crash", &[]) else {
        return;
    };
    for (name, bytes) in suite.files(&["pcapng"]) {
        let datagrams = datagrams(&bytes);
        assert!(!datagrams.is_empty(), "{name}");
        tapped(&datagrams);
        suite.survived();
    }
    suite.end();
}

#[test]
fn captures_of_whole_calls_go_through_reader_and_tap() {
    for folder in ["sip-rtp-ndpi", "sip-suricata-pcap"] {
        for path in crate::files(folder, &[".pcap", ".pcapng"]) {
            let (datagrams, packets) = tapped(&udp_payloads(&path));
            let is_sound = path.ends_with("rtp.pcapng");
            assert!(packets > 0 || !is_sound, "{}: {datagrams} datagrams", path.display());
        }
    }
}

#[test]
fn row_36_the_milliwatt_tone_of_freeswitch_is_refused() {
    for path in crate::files("rtp-freeswitch-pcap", &[".pcap"]) {
        let tap = audio::fresh();
        let mut kept = 0;
        for payload in udp_payloads(&path) {
            kept += usize::from(tap.write_rtp(&payload) == Written::Kept);
        }
        assert!(kept >= 200, "{}: only {kept} packets", path.display());
        let refused = Err(NoSample::NoUsableAudio(Unusable::Lifeless(Lifeless::Tonal)));
        assert_eq!(exact::newest(&tap), refused, "{}", path.display());
    }
}

#[test]
fn recorded_a_law_speech_gives_a_fingerprint_that_its_copy_has() {
    for path in crate::files("rtp-sipp-pcap", &["g711a.pcap"]) {
        let (sender, receiver) = (audio::fresh(), audio::fresh());
        for mut payload in udp_payloads(&path) {
            assert_eq!(sender.write_rtp(&payload), Written::Kept);
            // Another source and another origin of time on the other leg.
            payload[4] ^= 0x40;
            payload[8..12].copy_from_slice(b"leg2");
            receiver.write_rtp(&payload);
        }
        let sample = exact::newest(&sender).expect("the capture holds speech");
        assert!(matches!(
            exact::search(&receiver, &sample.fingerprint),
            Decision::Match(_)
        ));
    }
}

#[test]
fn row_37_dtmf_events_are_passed_over() {
    for path in crate::files("rtp-sipp-pcap", &[".pcap"]) {
        if !path.to_string_lossy().contains("dtmf") {
            continue;
        }
        let tap = audio::fresh();
        for payload in udp_payloads(&path) {
            assert_eq!(tap.write_rtp(&payload), Written::NotAudio, "{}", path.display());
        }
        assert_eq!(tap.stats().kept, 0);
        assert_eq!(exact::newest(&tap), Err(NoSample::NoUsableAudio(Unusable::TooLittle)));
    }
}
