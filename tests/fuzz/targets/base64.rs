//! Both base64s: what is encoded comes back, and what the strict one reads has no second spelling.

#![no_main]

use ohp::transport::base64;
use ohp::trust::base64url;
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, seeds, sip, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let mut out = room(take.u16().into());
    let text = exact(take.rest());
    match without_heap(|| base64::decode(&text, &mut out)) {
        Ok(len) => {
            assert!(base64::is_text(&text) && len <= out.len());
            let mut again = room(base64::encoded_len(len));
            base64::encode(&out[..len], &mut again).expect("room enough");
            let plain = |text: &[u8]| -> Vec<u8> {
                let kept = text.iter().filter(|byte| !b"=\r\n".contains(byte));
                kept.map(|byte| match byte { b'-' => b'+', b'_' => b'/', byte => *byte }).collect()
            };
            assert_eq!(plain(&again), plain(&text));
        }
        Err(error) => assert!(error.offset <= text.len() && !error.to_string().is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(&text)
        && let Some(bytes) = without_heap(|| base64url::decode(text, &mut out))
    {
        let mut again = room(base64url::encoded_len(bytes.len()));
        assert_eq!(base64url::encode(bytes, &mut again), Some(text));
        let _ = base64url::decode_exact::<32>(text);
    }
    let mut encoded = room(base64::encoded_len(text.len()));
    let encoded = base64::encode(&text, &mut encoded).expect("room enough");
    let mut back = room(text.len());
    assert_eq!(base64::decode(encoded, &mut back), Ok(text.len()));
    assert_eq!(back, text);
});

fn write_seeds(seeds: &mut Seeds) {
    for cbor in seeds::envelopes() {
        seeds.add_with(&[0xff, 0xff], sip::base64(&cbor[..cbor.len().min(200)]));
    }
    for text in ["", "AA==", "AAA", "-_-_", "QUJD\r\nREVG", "AB=="] {
        seeds.add_with(&[9, 0], text);
    }
}
