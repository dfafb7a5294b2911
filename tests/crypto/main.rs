//! The primitives: agreement with published vectors, what strictness refuses beyond them, and the stack they use.

#[path = "../common/painted.rs"]
mod painted;
#[path = "../suite/mod.rs"]
mod suite;

mod ed25519;
mod es256;
mod hpke;
mod kex_aead;
mod mldsa65;
mod stack;

use serde_json::Value;
use suite::{Suite, from_hex};

/// As many bytes as are wanted.
fn bytes<const N: usize>(text: &str) -> [u8; N] {
    from_hex(text).try_into().expect("length")
}

/// A member of a case in hexadecimal; empty where it is absent.
fn hex(case: &Value, member: &str) -> Vec<u8> {
    from_hex(case[member].as_str().unwrap_or_default())
}

/// All cases of a file in Wycheproof's and ACVP's form, each with its group.
fn cases(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().expect("groups").iter();
    groups.flat_map(|group| {
        let cases = group["tests"].as_array().expect("tests").iter();
        cases.map(move |case| (group, case))
    })
}

#[test]
fn every_wycheproof_signature_is_judged_as_wycheproof_does() {
    let Some(mut suite) = Suite::open("wycheproof-sig", &[]) else {
        return;
    };
    ed25519::judge(&mut suite);
    mldsa65::judge(&mut suite);
    suite.end();
}

#[test]
fn every_wycheproof_key_exchange_and_cipher_is_judged_as_wycheproof_does() {
    let Some(mut suite) = Suite::open("wycheproof-kex-aead", &[]) else {
        return;
    };
    kex_aead::judge_x25519(&mut suite);
    kex_aead::judge_chacha20_poly1305(&mut suite);
    kex_aead::judge_hkdf(&mut suite);
    suite.end();
}
