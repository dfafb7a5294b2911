//! JSONTestSuite (Nicolas Seriot): what every parser must accept, must refuse, and may do as it likes.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::check;
use ohp::cbor::json::{ErrorKind, Plain, max_cbor_len, scratch_len, to_cbor};

/// Valid JSON that is refused all the same, and why.
const REFUSED: &[(&str, ErrorKind)] = &[
    // Equal keys in one object would make two readers of a signed envelope see two envelopes.
    ("y_object_duplicated_key.json", ErrorKind::DuplicateKey),
    ("y_object_duplicated_key_and_value.json", ErrorKind::DuplicateKey),
];

/// What is left to the implementation and accepted; everything else that is left to it is refused.
const ACCEPTED: &[&str] = &[
    // Too small for a float is 0, as in every other reader; only what is too large is an error.
    "i_number_double_huge_neg_exp.json",
    "i_number_real_underflow.json",
];

fn suite(name: &str) -> Option<Vec<(String, PathBuf)>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")).join(name);
    if !folder.is_dir() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{} is missing",
            folder.display()
        );
        println!("skipped: {} is missing", folder.display());
        return None;
    }
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    Some(named.filter(|(name, _)| name.ends_with(".json")).collect())
}

fn encode(json: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut scratch = vec![0; scratch_len(json.len())];
    let mut out = vec![0; max_cbor_len(json.len())];
    match to_cbor(json, Plain, &mut scratch, &mut out) {
        Ok(cbor) => {
            assert_eq!(check(cbor), Ok(()));
            Ok(cbor.to_vec())
        }
        Err(error) => {
            assert!(error.offset <= json.len());
            Err(error.kind)
        }
    }
}

#[test]
fn parsing_suite_is_judged_as_it_says() {
    let Some(cases) = suite("jsontestsuite-parsing") else {
        return;
    };
    assert_eq!(cases.len(), 318);
    for (name, path) in cases {
        let result = encode(&fs::read(path).unwrap());
        match name.as_bytes()[0] {
            b'y' => {
                let refused = REFUSED.iter().find(|(refused, _)| *refused == name);
                assert_eq!(result.err(), refused.map(|(_, kind)| *kind), "{name}");
            }
            b'n' => assert!(result.is_err(), "{name}"),
            _ => assert_eq!(result.is_ok(), ACCEPTED.contains(&name.as_str()), "{name}: {result:?}"),
        }
    }
}

#[test]
fn transform_suite_keeps_values_or_refuses_them() {
    let Some(mut cases) = suite("jsontestsuite-transform") else {
        return;
    };
    cases.sort();
    let expected: [(&str, Result<&[u8], ErrorKind>); 22] = [
        (
            "number_-9223372036854775808",
            Ok(b"\x81\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ),
        (
            "number_-9223372036854775809",
            Ok(b"\x81\x3b\x80\x00\x00\x00\x00\x00\x00\x00"),
        ),
        ("number_1.0", Ok(b"\x81\xf9\x3c\x00")),
        ("number_1.000000000000000005", Ok(b"\x81\xf9\x3c\x00")),
        (
            "number_1000000000000000",
            Ok(b"\x81\x1b\x00\x03\x8d\x7e\xa4\xc6\x80\x00"),
        ),
        (
            "number_10000000000000000999",
            Ok(b"\x81\x1b\x8a\xc7\x23\x04\x89\xe8\x03\xe7"),
        ),
        ("number_1e-999", Ok(b"\x81\xf9\x00\x00")),
        ("number_1e6", Ok(b"\x81\xfa\x49\x74\x24\x00")),
        (
            "number_9223372036854775807",
            Ok(b"\x81\x1b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ),
        (
            "number_9223372036854775808",
            Ok(b"\x81\x1b\x80\x00\x00\x00\x00\x00\x00\x00"),
        ),
        // No normalisation: two keys that look alike are two keys.
        ("object_key_nfc_nfd", Ok(b"\xa2\x62\xc3\xa9\x63NFC\x63e\xcc\x81\x63NFD")),
        ("object_key_nfd_nfc", Ok(b"\xa2\x62\xc3\xa9\x63NFC\x63e\xcc\x81\x63NFD")),
        ("object_same_key_different_values", Err(ErrorKind::DuplicateKey)),
        ("object_same_key_same_value", Err(ErrorKind::DuplicateKey)),
        ("object_same_key_unclear_values", Err(ErrorKind::DuplicateKey)),
        ("string_1_escaped_invalid_codepoint", Err(ErrorKind::Surrogate)),
        ("string_1_invalid_codepoint", Err(ErrorKind::Utf8)),
        ("string_2_escaped_invalid_codepoints", Err(ErrorKind::Surrogate)),
        ("string_2_invalid_codepoints", Err(ErrorKind::Utf8)),
        ("string_3_escaped_invalid_codepoints", Err(ErrorKind::Surrogate)),
        ("string_3_invalid_codepoints", Err(ErrorKind::Utf8)),
        ("string_with_escaped_NULL", Ok(b"\x81\x63A\x00B")),
    ];
    assert_eq!(cases.len(), expected.len());
    for ((name, path), (expected_name, expected)) in cases.into_iter().zip(expected) {
        assert_eq!(name, format!("{expected_name}.json"));
        let result = encode(&fs::read(path).unwrap());
        assert_eq!(result.as_deref().map_err(|kind| *kind), expected, "{name}");
    }
}
