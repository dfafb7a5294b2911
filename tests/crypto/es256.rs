//! ES256: the example of RFC 7515, and what is no key and no signature.

use ohp::crypto::es256::{BadKey, BadSignature, PublicKey};
use ohp::trust::base64url;

/// RFC 7515, appendix A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const SIGNED: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn key() -> PublicKey {
    let coordinate = |text| base64url::decode_exact(text).expect("32 bytes");
    PublicKey::parse(&coordinate(X), &coordinate(Y)).expect("a key")
}

#[test]
fn example_of_rfc_7515_verifies_and_no_flipped_bit_does() {
    let signature: [u8; 64] = base64url::decode_exact(SIGNATURE).expect("64 bytes");
    key().verify(SIGNED, &signature).expect("valid");
    for bit in 0..512 {
        let mut bad = signature;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key().verify(SIGNED, &bad), Err(BadSignature), "bit {bit}");
    }
    assert_eq!(key().verify(&SIGNED[1..], &signature), Err(BadSignature));
}

#[test]
fn r_and_s_outside_of_their_range_are_refused() {
    let good: [u8; 64] = base64url::decode_exact(SIGNATURE).expect("64 bytes");
    for half in [0..32, 32..64] {
        for fill in [0, 0xff] {
            let mut bad = good;
            bad[half.clone()].fill(fill);
            assert_eq!(key().verify(SIGNED, &bad), Err(BadSignature), "{half:?} {fill}");
        }
    }
}

#[test]
fn only_a_point_of_the_curve_is_a_key() {
    let (x, y) = key().coordinates();
    assert_eq!(
        (base64url::decode_exact(X), base64url::decode_exact(Y)),
        (Some(x), Some(y))
    );
    let mut off = y;
    off[31] ^= 1;
    for (x, y) in [(x, off), (y, x), ([0; 32], [0; 32]), ([0xff; 32], y)] {
        assert_eq!(PublicKey::parse(&x, &y), Err(BadKey));
    }
}
