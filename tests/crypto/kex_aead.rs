//! The parts that HPKE is made of, in the very crates and versions that it is built with: X25519, ChaCha20-Poly1305, HKDF.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};
use hkdf::Hkdf;
use ohp::crypto::hpke::{self, NotOpened, NotSealed, OpeningKey};

use super::suite::{Suite, same};
use super::{bytes, cases, hex};

/// Wycheproof leaves it to the caller whether to accept a public key of low order, of the twist, or not canonical:
/// RFC 7748 takes all of them, and RFC 9180 refuses those of low order. The secret is compared for every one.
pub fn judge_x25519(suite: &mut Suite) {
    let mut refused = 0;
    for (_, case) in cases(&suite.json("x25519_test.json")) {
        let [private, public, theirs] =
            ["private", "public", "shared"].map(|member| bytes::<32>(case[member].as_str().expect(member)));
        let shared = x25519_dalek::x25519(private, public);
        if shared == [0; 32] {
            let key = OpeningKey::from_bytes(private);
            assert_eq!(hpke::seal(&public, b"", b"", &[1; 32], &mut []), Err(NotSealed));
            assert_eq!(hpke::open(&key, &public, b"", b"", &mut [0; 16]), Err(NotOpened));
            refused += 1;
        }
        suite.case(
            &format!("x25519 {}: {}", case["tcId"], case["comment"]),
            same(&shared, &theirs),
        );
    }
    assert_eq!(refused, 31, "secrets of zero");
}

/// Wycheproof's cases of ChaCha20-Poly1305, in both directions.
pub fn judge_chacha20_poly1305(suite: &mut Suite) {
    for (_, case) in cases(&suite.json("chacha20_poly1305_test.json")) {
        let name = format!("chacha20-poly1305 {}: {}", case["tcId"], case["comment"]);
        let expected = case["result"] == "valid";
        let cipher = ChaCha20Poly1305::new(&bytes::<32>(case["key"].as_str().expect("key")).into());
        // A nonce of another length never reaches the primitive: its type has 12 bytes.
        let Ok(nonce) = <[u8; 12]>::try_from(hex(case, "iv")) else {
            suite.case(&name, same(&false, &expected));
            continue;
        };
        let (aad, plain) = (hex(case, "aad"), hex(case, "msg"));
        let mut message = plain.clone();
        let tag = cipher
            .encrypt_inout_detached(&nonce.into(), &aad, InOutBuf::from(&mut message[..]))
            .expect("encrypted");
        let theirs = bytes::<16>(case["tag"].as_str().expect("tag"));
        let sealed = (message.clone(), tag.as_slice() == theirs);
        let opened =
            cipher.decrypt_inout_detached(&nonce.into(), &aad, InOutBuf::from(&mut message[..]), &theirs.into());
        let opened = opened.is_ok().then_some(message);
        let outcome = same(&sealed, &(hex(case, "ct"), expected));
        suite.case(&name, outcome.and(same(&opened, &expected.then_some(plain))));
    }
}

/// Wycheproof's cases of HKDF with SHA-256.
pub fn judge_hkdf(suite: &mut Suite) {
    for (_, case) in cases(&suite.json("hkdf_sha256_test.json")) {
        let hkdf = Hkdf::<sha2::Sha256>::new(Some(&hex(case, "salt")), &hex(case, "ikm"));
        let mut okm = vec![0; case["size"].as_u64().expect("size") as usize];
        let okm = hkdf.expand(&hex(case, "info"), &mut okm).ok().map(|()| okm);
        let theirs = (case["result"] == "valid").then(|| hex(case, "okm"));
        suite.case(
            &format!("hkdf {}: {}", case["tcId"], case["comment"]),
            same(&okm, &theirs),
        );
    }
}
