//! Detached JWS. One that our key has made verifies; changed in any byte, or over another payload, it does not; any other
//! bytes never do. Nothing allocates.

#![no_main]

use ohp::crypto::ed25519::SigningKey;
use ohp::trust::jws::{self, Expect, MAX_JWS_LEN, SCRATCH_LEN};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::{Seeds, Take, target, without_heap};

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (how, at, to) = (take.u8(), take.u16(), take.u8());
    let kid = exact(take.short());
    let kid = std::str::from_utf8(&kid).unwrap_or("kid");
    let payload = exact(take.long());
    let given = exact(take.rest());
    let key = SigningKey::from_seed([5; 32]);
    let public = key.public();
    let (mut scratch, mut out) = (room(SCRATCH_LEN), room(MAX_JWS_LEN));
    let parts = payload.split_at(payload.len() / 3);
    let parts = [parts.0, parts.1];
    let signed = without_heap(|| jws::sign_detached(&key, kid, &parts, &mut scratch, &mut out).map(str::len));
    let expect = Expect {
        alg: "EdDSA",
        kid: (how & 1 == 1).then_some(kid),
    };
    if let Ok(len) = signed {
        let text = std::str::from_utf8(&out[..len]).expect("ASCII");
        let verified = without_heap(|| jws::verify_detached(text, &expect, &public, &parts, &mut scratch));
        assert_eq!(verified, Ok(()), "{text}");
        let mut changed = text.as_bytes().to_vec();
        changed[usize::from(at) % len] = to;
        if let Ok(changed) = std::str::from_utf8(&changed)
            && changed != text
        {
            let verified = without_heap(|| jws::verify_detached(changed, &expect, &public, &parts, &mut scratch));
            assert!(verified.is_err(), "{changed}");
        }
        if let Some(last) = payload.last() {
            let mut other = exact(&payload);
            other[usize::from(at) % payload.len()] ^= 1 << (to & 7);
            assert!(jws::verify_detached(text, &expect, &public, &[&other], &mut scratch).is_err());
            let _ = last;
        }
    }
    if let Ok(given) = std::str::from_utf8(&given) {
        let read = without_heap(|| jws::header(given, &mut scratch).map(|header| header.payload_is_encoded));
        let verified = without_heap(|| jws::verify_detached(given, &expect, &public, &parts, &mut scratch));
        assert!(verified.is_err() && !format!("{verified:?}").is_empty());
        assert!(read.is_ok() || verified.is_err());
        if let Err(error) = verified {
            assert!(!error.to_string().is_empty());
        }
    }
});

fn write_seeds(seeds: &mut Seeds) {
    let header = |json: &str| {
        let mut text = room(ohp::trust::base64url::encoded_len(json.len()));
        ohp::trust::base64url::encode(json.as_bytes(), &mut text)
            .expect("room enough")
            .to_owned()
    };
    for json in [
        r#"{"alg":"EdDSA","kid":"kid"}"#,
        r#"{"alg":"EdDSA","kid":"kid","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"Ed\u0044SA","typ":"JWS","x":{"y":[1,2,{"z":null}]}}"#,
        r#"{"alg":"HS256","alg":"EdDSA"}"#,
    ] {
        let jws = format!("{}..{}", header(json), "A".repeat(86));
        seeds.add([&[1, 7, 0, b'x', 3][..], b"kid", &[4, 0], b"data", jws.as_bytes()].concat());
    }
}
