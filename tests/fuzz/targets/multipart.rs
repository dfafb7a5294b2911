//! A chunk's body under any Content-Type. Its data lies between two boundary lines of the body, and nothing allocates.

#![no_main]

use ohp::transport::ContentType;
use ohp::transport::multipart::Chunk;
use ohp::transport::{Info, MediaType};
use ohp_fuzz::abi::exact;
use ohp_fuzz::{Seeds, Take, sip, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let content_type = exact(take.short());
    let body = exact(take.rest());
    let Ok(text) = std::str::from_utf8(&content_type) else { return };
    without_heap(|| {
        let Ok(outer) = ContentType::parse(text) else { return };
        match Chunk::parse(&outer, &body) {
            Ok(chunk) => {
                let boundary = chunk.boundary.as_bytes();
                assert!(!boundary.is_empty() && outer.boundary.is_none_or(|outer| outer == chunk.boundary));
                // No header ends, no data: then it need not lie anywhere.
                if !chunk.data.is_empty() {
                    assert!(body.as_ptr_range().contains(&chunk.data.as_ptr()));
                    let start = chunk.data.as_ptr() as usize - body.as_ptr() as usize;
                    let after = &body[start + chunk.data.len()..];
                    let close = after.strip_prefix(b"\r").unwrap_or(after);
                    let close = close.strip_prefix(b"\n").unwrap_or(close);
                    assert!(close.strip_prefix(b"--").is_some_and(|close| close.starts_with(boundary)));
                }
                for (given, said) in [(outer.chunk, chunk.index), (outer.total, chunk.total)] {
                    assert!(given.is_none_or(|given| given == said));
                }
            }
            Err(error) => assert!(error.offset <= body.len()),
        }
    });
});

fn write_seeds(seeds: &mut Seeds) {
    for message in sip::examples() {
        let info = Info::parse_message(&message).expect("an example");
        let Some(text) = info.content_type.filter(|text| MediaType::of(text) == MediaType::Chunk) else {
            continue;
        };
        seeds.add([&[text.len() as u8], text.as_bytes(), info.body].concat());
        seeds.add([&[13], &b"multipart/ohp"[..], info.body].concat());
    }
    seeds.add_shared("vectors/mime-gofuzz", b"\x1dmultipart/ohp; boundary=foobar", 4096, &[]);
}
