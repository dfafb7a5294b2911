//! Content-Type and OHP-Chunk values. Nothing allocates; a boundary that was read can be written.

#![no_main]

use ohp::transport::body::Encoding;
use ohp::transport::content_type::{Boundary, ChunkPlace};
use ohp::transport::{ContentType, Info, MediaType};
use ohp_fuzz::{Seeds, sip, target, without_heap};

target!(seeds: write_seeds, |data| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = without_heap(|| ContentType::parse(text));
    match &parsed {
        Ok(parsed) => {
            assert_eq!(without_heap(|| MediaType::of(text)), parsed.media);
            if let Some(boundary) = parsed.boundary {
                assert_eq!(Boundary::new(boundary.as_str().chars()), Some(boundary));
                let quoted = boundary.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                let again = ContentType::parse(&format!("multipart/ohp; boundary=\"{quoted}\"")).expect("quoted");
                assert_eq!(again.boundary, Some(boundary));
            }
        }
        Err(error) => assert!(error.offset <= text.len() && !error.to_string().is_empty()),
    }
    match without_heap(|| ChunkPlace::parse(text)) {
        Ok(place) => {
            let id = place.id.map(|id| format!("; id={id}")).unwrap_or_default();
            assert_eq!(ChunkPlace::parse(&format!("{}/{}{id}", place.chunk, place.total)), Ok(place));
        }
        Err(error) => assert!(error.offset <= text.len()),
    }
    without_heap(|| {
        let _ = (Encoding::parse(Some(text)), ohp::transport::header::is_our_package(text));
    });
});

fn write_seeds(seeds: &mut Seeds) {
    for message in sip::examples() {
        let info = Info::parse_message(&message).expect("an example");
        info.content_type.iter().for_each(|text| seeds.add(text));
    }
    for text in [
        "multipart/ohp;boundary=\"a b\\\"c\" ; total-chunks = 3;chunk=2; id=cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "Multipart/Mixed; x=\"\\\\\"; BOUNDARY=gc0p4Jq0M2Yt08j34c0p",
        "3/7; id=cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "text/plain; charset=utf-8",
        "ohp;x=y",
    ] {
        seeds.add(text);
    }
}
