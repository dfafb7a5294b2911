//! The media path allocates nothing, shown by an allocator that aborts where it is forbidden.

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use ohp::media::exact::{self, Decision};
use ohp::media::robust;
use ohp::media::sdp::{Agreement, Description, Negotiated, Renegotiation, SdpHints, SdpOrigin};

use crate::audio;

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn tap_fingerprint_and_hints_allocate_nothing() {
    let mut random = crate::Random(3);
    let noise: Vec<u8> = (0..80_000).map(|_| random.next() as u8).collect();
    let packets = audio::PLAIN.packets(&noise, audio::PACKET);
    let tap = audio::fresh();
    let decision = assert_no_alloc(|| {
        for packet in &packets {
            tap.write_rtp(packet);
        }
        exact::newest(&tap).map(|sample| exact::search(&tap, &sample.fingerprint))
    });
    assert!(matches!(decision, Ok(Decision::Match(_))));

    let decision = assert_no_alloc(|| robust::newest(&tap).map(|sample| robust::search(&tap, &sample.fingerprint)));
    assert!(matches!(decision, Ok(robust::Decision::Match(_))));

    let answer = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let agreement = assert_no_alloc(|| {
        let answer = Description::parse(answer)?;
        Ok::<_, ohp::media::sdp::Error>(SdpHints::from_answer(&answer).compare(["OPUS/48000/2", "pcma/8000"]))
    });
    assert!(matches!(agreement, Ok(Agreement::Common(codec)) if codec.as_str() == "PCMA/8000"));

    let renegotiation = assert_no_alloc(|| {
        let (mut leg, answer) = (Negotiated::NOTHING, Description::parse(answer)?);
        leg.note(SdpOrigin::Remote, &answer);
        leg.note(SdpOrigin::Local, &answer);
        let supported = SdpHints::from_codecs(["opus/48000/2", "PCMA"]);
        Ok::<_, ohp::media::sdp::Error>(leg.renegotiation(["OPUS/48000"], Some(&supported)))
    });
    assert!(
        matches!(renegotiation, Ok(Renegotiation::Offer { codecs, .. }) if codecs.as_str() == "OPUS/48000/2 PCMA/8000")
    );
}
