//! The shared RTP captures, through the RTP reader and the tap.

use ohp::media::exact::{self, Decision, NoSample, Unusable};
use ohp::media::liveness::Lifeless;
use ohp::media::rtp::Packet;
use ohp::media::tap::Written;

use crate::audio;
use crate::capture::udp_payloads;

#[test]
fn every_capture_goes_through_reader_and_tap() {
    let mut packets = 0;
    for folder in [
        "rtp-freeswitch-pcap",
        "rtp-sipp-pcap",
        "rtp-tcpdump-crash",
        "sip-rtp-ndpi",
        "sip-suricata-pcap",
    ] {
        for path in crate::files(folder, &[".pcap", ".pcapng"]) {
            let tap = audio::fresh();
            let payloads = udp_payloads(&path);
            for payload in &payloads {
                packets += usize::from(Packet::parse(payload).is_ok());
                tap.write_rtp(payload);
            }
            if let Ok(sample) = exact::newest(&tap) {
                assert!(matches!(exact::search(&tap, &sample.fingerprint), Decision::Match(_)));
            }
            eprintln!("{}: {} datagrams, {:?}", path.display(), payloads.len(), tap.stats());
        }
    }
    assert!(
        packets > 1000 || crate::vectors("rtp-sipp-pcap").is_none(),
        "only {packets} RTP packets found"
    );
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
