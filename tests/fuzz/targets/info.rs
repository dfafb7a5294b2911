//! The headers of one INFO and its Content-Type, from Rust and from C. Nothing allocates, offsets lie in the input, and
//! both say the same.

#![no_main]

use ohp::envelope::{Tier, Verb};
use ohp::ffi::*;
use ohp::transport::{ContentType, Echo, Info};
use ohp_fuzz::abi::{Why, chars, exact, read_bytes, read_text, sound};
use ohp_fuzz::{Seeds, Take, sip, sized, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let how = take.u8();
    if how & 1 == 0 {
        let message = exact(take.rest());
        let parsed = without_heap(|| Info::parse_message(&message));
        check(&parsed, message.len());
        let (mut why, mut info) = (Why::new((how >> 1).into()), sized!(ohp_info));
        // SAFETY: the buffers have the lengths that are said.
        let status = unsafe { ohp_info_parse_message(message.as_ptr(), message.len(), why.at(), &raw mut info) };
        compare(&parsed, status, &info, &why);
    } else {
        let (headers, body) = (exact(take.long()), exact(take.rest()));
        let parsed = without_heap(|| Info::parse(&headers, &body));
        check(&parsed, headers.len().max(body.len()));
        let (mut why, mut info) = (Why::new((how >> 1).into()), sized!(ohp_info));
        let (text, len) = (chars(&headers), headers.len());
        // SAFETY: as above.
        let status = unsafe { ohp_info_parse(text, len, body.as_ptr(), body.len(), why.at(), &raw mut info) };
        compare(&parsed, status, &info, &why);
    }
});

fn check(parsed: &Result<Info<'_>, ohp::transport::header::Error>, len: usize) {
    match parsed {
        Ok(info) => {
            without_heap(|| {
                let media = info.media();
                if let (Some(text), Ok(media)) = (info.content_type, media) {
                    assert_eq!(ContentType::parse(text).ok(), media);
                }
                let echo = Echo::of(info);
                // A right version is not remembered, because it changes nothing.
                let again = Echo::from_bits(echo.to_bits());
                assert_eq!(again.to_bits(), echo.to_bits());
                for tier in Tier::ALL {
                    assert_eq!(again.check(*tier, Verb::Reject), echo.check(*tier, Verb::Reject));
                }
                assert!(info.content_length.is_none_or(|len| len as usize == info.body.len()));
            });
            let _ = format!("{info:?}");
        }
        Err(error) => assert!(error.offset <= len, "{error}"),
    }
}

fn compare(parsed: &Result<Info<'_>, ohp::transport::header::Error>, status: ohp_status, info: &ohp_info, why: &Why) {
    let Ok(parsed) = parsed else {
        assert!(status == ohp_status::OHP_ERR_MALFORMED);
        let _ = why.said();
        return;
    };
    assert!(sound(status) == ohp_status::OHP_OK);
    // SAFETY: they point into the inputs, which live.
    unsafe {
        for (text, expected) in [
            (info.call_id, parsed.call_id),
            (info.content_type, parsed.content_type),
            (info.content_encoding, parsed.content_encoding),
            (info.info_package, parsed.info_package),
            (info.ohp_version, parsed.ohp_version),
            (info.ohp_tier, parsed.ohp_tier),
            (info.ohp_verb, parsed.ohp_verb),
        ] {
            assert_eq!(read_text(text), expected.unwrap_or_default());
        }
        assert_eq!(read_bytes(info.body), parsed.body);
    }
    assert_eq!(info.is_ohp != 0, parsed.is_ohp());
    assert_eq!((info.has_cseq != 0).then_some(info.cseq), parsed.cseq);
}

fn write_seeds(seeds: &mut Seeds) {
    for message in sip::examples() {
        seeds.add_with(&[200], &message);
        if let Some(at) = message.windows(4).position(|window| window == b"\r\n\r\n") {
            let headers = &message[..at + 2];
            let control = [&[201][..], &(headers.len() as u16).to_le_bytes(), headers].concat();
            seeds.add_with(&control, &message[at + 4..]);
        }
    }
    for folder in [
        "vectors/sip-rfc4475",
        "vectors/sip-sipgo-fuzz-crashers",
        "vectors/sip-kamailio-misc",
    ] {
        seeds.add_shared(folder, &[200], 4096, &[]);
    }
}
