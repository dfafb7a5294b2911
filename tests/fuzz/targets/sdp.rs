//! Session descriptions: every question that can be asked of one, its codec hints, and what a tap and C make of it.
//! Nothing allocates; Rust and C give the same hints.

#![no_main]

use ohp::ffi::*;
use ohp::media::PayloadTypes;
use ohp::media::sdp::{Description, Negotiated, SdpHints, SdpOrigin};
use ohp_fuzz::abi::{Memory, Why, chars, exact, room, sound};
use ohp_fuzz::{Seeds, Take, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (why_len, room_len) = (take.u8(), take.u8());
    let text = exact(take.rest());
    let parsed = without_heap(|| Description::parse(&text));
    let hints = match &parsed {
        Ok(description) => look(description),
        Err(error) => {
            assert!(error.offset <= text.len() && !error.to_string().is_empty());
            SdpHints::NONE
        }
    };
    let mut why = Why::new(why_len.into());
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        for (index, hint) in hints.iter().map(Some).chain([None]).enumerate() {
            let (mut buffer, mut len) = (room(room_len.into()), 0);
            let status = sound(ohp_sdp_hint(
                chars(&text),
                text.len(),
                index,
                why.at(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut len,
            ));
            match hint {
                Some(hint) if hint.len() <= buffer.len() => {
                    assert!(status == ohp_status::OHP_OK && &buffer[..len] == hint.as_bytes());
                }
                Some(_) => assert!(status == ohp_status::OHP_ERR_SPACE),
                None => assert!(status != ohp_status::OHP_OK),
            }
        }
        let (mut size, mut tap) = (0, std::ptr::null_mut());
        ohp_tap_size(ohp_codec::OHP_CODEC_PCMU as u32, 1, &raw mut size);
        let mut memory = Memory::new(size);
        ohp_tap_init(memory.at(), memory.len(), ohp_codec::OHP_CODEC_PCMU as u32, 1, &raw mut tap);
        sound(ohp_tap_set_sdp(tap, chars(&text), text.len()));
    }
});

fn look(description: &Description<'_>) -> SdpHints {
    without_heap(|| {
        for media in description.media() {
            let _ = (
                media.kind().len(),
                media.port(),
                media.ports(),
                media.protocol().len(),
                media.is_rtp(),
            );
            let _ = (
                media.is_refused(),
                media.direction(),
                media.is_hold(),
                media.packet_time(),
                media.max_packet_time(),
            );
            let _ = (media.format_list().count(), media.attributes().count());
            let _ = media.connection().is_some_and(|connection| connection.is_unspecified());
            let formats = media.formats();
            let types: PayloadTypes = media.payload_types();
            for format in &formats {
                let _ = (format.codec(), format.is_audio());
            }
            for number in 0..=255 {
                let _ = (types.codec(number), formats.get(number).is_some());
            }
        }
        let _ = description.audio().is_some();
        let hints = SdpHints::from_answer(description);
        if !hints.is_empty() {
            let _ = hints.compare(hints.iter());
        }
        // Both sides of a leg, either one's offer, and its own codecs as an envelope's.
        let mut leg = Negotiated::NOTHING;
        for origin in [SdpOrigin::Local, SdpOrigin::Remote, SdpOrigin::Local] {
            leg.note(origin, description);
            let _ = leg.renegotiation(hints.iter(), None);
            let _ = leg.renegotiation(["opus/48000/2", "PCMU"], Some(&hints));
        }
        hints
    })
}

fn write_seeds(seeds: &mut Seeds) {
    for text in [
        &include_bytes!("../../../benches/offer.sdp")[..],
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9/2 RTP/AVP 0 8 96 101\r\n\
          a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n\
          a=maxptime:60.5\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\na=inactive\r\n",
    ] {
        seeds.add_with(&[99, 40], text);
    }
    for folder in ["vectors/sdp-clux", "vectors/sdp-sofia", "vectors/sdp-webrtc-sdp"] {
        seeds.add_shared(folder, &[99, 40], 4096, &[]);
    }
}
