//! Ed25519: agreement with published vectors, and what strictness refuses beyond them.

use ohp::crypto::ed25519::{self, BadKey, BadSignature, PrecomputedKey, PublicKey, SigningKey};
use ohp::crypto::sha256;

use super::suite::{Suite, from_hex, same};
use super::{bytes, cases, hex};

/// Verifies with a key as it is read, and with its multiples worked out: both must judge alike.
struct BothForms(PublicKey, PrecomputedKey);

impl BothForms {
    fn of(key: &PublicKey) -> Self {
        Self(*key, PrecomputedKey::new(*key))
    }

    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        let judged = self.0.verify(message, signature);
        assert_eq!(
            self.1.verify(message, signature),
            judged,
            "{:?} {signature:02x?}",
            self.0
        );
        judged
    }
}

/// Wycheproof's cases of Ed25519.
pub fn judge(suite: &mut Suite) {
    for (group, case) in cases(&suite.json("ed25519_test.json")) {
        let public: [u8; 32] = bytes(group["publicKey"]["pk"].as_str().expect("pk"));
        // A signature of another length never reaches the primitive: its type has 64 bytes.
        let accepted = <[u8; 64]>::try_from(hex(case, "sig"))
            .is_ok_and(|signature| ed25519::verify(&public, &hex(case, "msg"), &signature).is_ok());
        let name = format!("ed25519 {}: {}", case["tcId"], case["comment"]);
        suite.case(&name, same(&accepted, &(case["result"] == "valid")));
        if let (Ok(key), Ok(signature)) = (PublicKey::parse(&public), <[u8; 64]>::try_from(hex(case, "sig"))) {
            let judged = BothForms::of(&key).verify(&hex(case, "msg"), &signature);
            assert_eq!(judged.is_ok(), accepted, "{name}");
        }
    }
}

#[test]
fn rfc_8032_test_1_to_3_come_out_when_signed() {
    for (seed, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let key = SigningKey::from_seed(bytes(seed));
        assert_eq!(key.public().as_bytes(), &bytes(public));
        assert_eq!(key.sign(&from_hex(message)), bytes(signature));
    }
}

/// With `ring` beside us: two implementations give one signature, and it is the same under either SHA-256 backend.
#[cfg(feature = "ring")]
#[test]
fn ring_signs_and_hashes_the_same_bytes() {
    for round in 0..64u8 {
        let seed = sha256(&[b"seed", &[round]]);
        let message = vec![round; usize::from(round) * 67];
        let ours = SigningKey::from_seed(seed);
        let theirs = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
        assert_eq!(ours.sign(&message).as_slice(), theirs.sign(&message).as_ref());
        let digest = ring::digest::digest(&ring::digest::SHA256, &message);
        assert_eq!(sha256(&[&message]).as_slice(), digest.as_ref());
    }
}

/// Worked out from RFC 8032's formulas by an independent program.
#[test]
fn a_known_seed_and_message_give_known_bytes() {
    let key = SigningKey::from_seed([7; 32]);
    assert_eq!(
        key.public().as_bytes(),
        &bytes("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
    );
    assert_eq!(
        sha256(&[&key.sign(b"handoff")]),
        bytes("56ff35e8ed645bb007f7fd70ebf7946edc0312947be74335ce96a7ee43c2f953")
    );
}

#[test]
fn the_points_of_small_order_are_no_keys_in_any_encoding() {
    let ff = "ff".repeat(30);
    let zero = "00".repeat(30);
    // The eight points of the torsion group, y = −1, 0, 1 and the two of order 8, with either sign of x.
    let small = [
        format!("01{zero}00"),
        format!("ec{ff}7f"),
        format!("00{zero}00"),
        format!("00{zero}80"),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa".to_owned(),
        // x = 0 with its sign set: RFC 8032 decodes neither.
        format!("01{zero}80"),
        format!("ec{ff}ff"),
    ];
    for key in small {
        assert_eq!(PublicKey::parse(&bytes(&key)), Err(BadKey::SmallOrder), "{key}");
        // R and S that satisfy the equation for any message by the identity: R = A = 1, S = 0.
        let signature = bytes(&format!("01{zero}00{zero}0000"));
        assert_eq!(
            ed25519::verify(&bytes(&key), b"any", &signature),
            Err(BadSignature),
            "{key}"
        );
    }
}

#[test]
fn a_key_whose_y_is_not_below_the_prime_is_refused_though_it_is_on_the_curve() {
    // y = 2^255 − 19 + n for the n whose residue is a point's y, most of them not of small order: these
    // `verify_strict` alone would take.
    for n in [0u8, 1, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18] {
        for sign in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            key[0] = 0xed + n;
            key[31] = sign;
            assert_eq!(PublicKey::parse(&key), Err(BadKey::NotCanonical), "{n}");
            let mut residue = [0; 32];
            residue[0] = n;
            residue[31] = sign & 0x80;
            assert_ne!(PublicKey::parse(&residue), Err(BadKey::NotOnCurve), "{n}");
        }
    }
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    assert_eq!(PublicKey::parse(&off_curve), Err(BadKey::NotOnCurve));
}

/// Each satisfies S·B = R + k·A for the key of seed 07…07 and the message `handoff`; a verifier that only evaluates
/// the equation accepts them all.
#[test]
fn a_commitment_of_small_order_is_refused_in_any_encoding() {
    let key = SigningKey::from_seed([7; 32]).public();
    for signature in [
        "0100000000000000000000000000000000000000000000000000000000000000144a257f2307eca1d07d15b37c3301a06bc415ca5bdfcb8efe3822c4b2833706",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f299270926823a1c9546996abaaba7fb5169d78faf75bc2da2282e748165cf80e",
        "0100000000000000000000000000000000000000000000000000000000000080078d238e7c0744088e7ffffa8fea961f6e6e65908cbbca8ed8da06b96906a402",
    ] {
        assert_eq!(
            BothForms::of(&key).verify(b"handoff", &bytes(signature)),
            Err(BadSignature),
            "{signature}"
        );
    }
}

/// Keys A + T and commitments R + U for each pair of points T, U of small order, and commitments U alone: with enough
/// messages the equation holds for some of each. What `verify_strict` says of them is what either form must say.
#[test]
fn points_with_parts_of_small_order_are_judged_as_verify_strict_does() {
    use curve25519_dalek::{Scalar, constants::EIGHT_TORSION, edwards::EdwardsPoint};
    use ed25519_dalek::{Digest, Sha512, Signature, VerifyingKey};
    let (secret, nonce) = (Scalar::from(7_u64), Scalar::from(11_u64));
    let (mut accepted, mut refused) = (0, 0);
    for torsion in EIGHT_TORSION {
        let public = (EdwardsPoint::mul_base(&secret) + torsion).compress().to_bytes();
        let theirs = VerifyingKey::from_bytes(&public).expect("on the curve");
        let ours = BothForms::of(&PublicKey::parse(&public).expect("not of small order"));
        for (nonce, other) in EIGHT_TORSION
            .map(|other| [(nonce, other), (Scalar::ZERO, other)])
            .concat()
        {
            let commitment = (EdwardsPoint::mul_base(&nonce) + other).compress().to_bytes();
            for message in 0..16_u8 {
                let hash = Sha512::new()
                    .chain_update(commitment)
                    .chain_update(public)
                    .chain_update([message]);
                let s = nonce + Scalar::from_hash(hash) * secret;
                let signature: [u8; 64] = [commitment, s.to_bytes()].concat().try_into().expect("64 bytes");
                let expected = theirs
                    .verify_strict(&[message], &Signature::from_bytes(&signature))
                    .is_ok();
                assert_eq!(
                    ours.verify(&[message], &signature).is_ok(),
                    expected,
                    "{signature:02x?}"
                );
                *(if expected { &mut accepted } else { &mut refused }) += 1;
            }
        }
    }
    assert!(
        accepted > 100 && refused > 1000,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn a_scalar_that_is_not_below_the_order_is_refused() {
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let key = SigningKey::from_seed([7; 32]);
    let good = key.sign(b"handoff");
    key.public().verify(b"handoff", &good).expect("valid");
    let mut twin = good;
    for _ in 0..7 {
        let mut carry = 0;
        for (digit, add) in twin[32..].iter_mut().zip(bytes::<32>(ORDER)) {
            let sum = u16::from(*digit) + u16::from(add) + carry;
            *digit = sum as u8;
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert_eq!(
            BothForms::of(&key.public()).verify(b"handoff", &twin),
            Err(BadSignature)
        );
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    let key = SigningKey::from_seed([7; 32]);
    let good = key.sign(b"handoff");
    let public = BothForms::of(&key.public());
    public.verify(b"handoff", &good).expect("valid");
    for bit in 0..512 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(public.verify(b"handoff", &bad), Err(BadSignature), "bit {bit}");
    }
}

#[test]
fn a_signing_key_shows_its_public_half_only() {
    let shown = format!("{:?}", SigningKey::from_seed([0xab; 32]));
    assert!(shown.starts_with("SigningKey { public: PublicKey("), "{shown}");
    for secret in ["abab", "171, 171"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
