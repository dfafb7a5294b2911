//! Third-party CBOR vectors: RFC 8949 appendix A in two forms, and the CBOR working group's good and bad inputs.
//!
//! What these call valid is accepted if it is canonical and in the data model. Everything that is refused stands in
//! [`REFUSED`], under the one reason for it.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::json::from_cbor;
use ohp::cbor::{ErrorKind, Item};

/// Well-formed inputs that are refused, in hexadecimal, by reason. `*` stands for the rest of a long one.
const REFUSED: &[(ErrorKind, &[&str])] = &[
    // The data model is JSON's: no byte strings, tags but 0, non-finite floats, other simple values, other keys.
    (ErrorKind::ByteString, &["40", "4401020304", "5f42010243030405ff"]),
    (
        ErrorKind::Tag,
        &[
            "c100",
            "c101",
            "c120",
            "c11a514b67b0",
            "c1fb41d452d9ec200000",
            "c249010000000000000000",
            "c2491c0000000000000000",
            "c349010000000000000000",
            "c3491c0000000000000000",
            "d74401020304",
            "d818456449455446",
            "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
            "d82077687474703a2f2f7777772e6578616d706c652e636f6d2f",
        ],
    ),
    (
        ErrorKind::FloatNotFinite,
        &[
            "f97c00",
            "f97e00",
            "f9fc00",
            "fa7f800000",
            "fa7fc00000",
            "faff800000",
            "fb7ff0000000000000",
            "fb7ff8000000000000",
            "fbfff0000000000000",
        ],
    ),
    (ErrorKind::Simple, &["f0", "f7", "f818", "f8ff"]),
    (
        ErrorKind::KeyNotText,
        &["a100a100*", "a1a1a1a1*", "a1f9800080", "a201020304", "b81a8080*"],
    ),
    // Nesting is bounded.
    (ErrorKind::TooDeep, &["81818181*"]),
    // Only the canonical encoding is accepted.
    (
        ErrorKind::Indefinite,
        &[
            "7f657374726561646d696e67ff",
            "826161bf61626163ff",
            "83018202039f0405ff",
            "83019f0203ff820405",
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            "9f01820203820405ff",
            "9f018202039f0405ffff",
            "9fff",
            "bf61610161629f0203ffff",
            "bf6346756ef563416d7421ff",
        ],
    ),
    (
        ErrorKind::LongHead,
        &[
            "1800",
            "190000",
            "1a00000000",
            "1a0000ffff",
            "1b0000000000000000",
            "1b000000000000ffff",
            "1b0000000000010000",
            "3800",
            "390000",
            "3b0000000000000000",
            "3b000000000000ffff",
            "3b0000000000010000",
        ],
    ),
    (
        ErrorKind::LongFloat,
        &["fa00000000", "fa3f800000", "fa80000000", "fabf800000"],
    ),
];

/// The suites' folder, or `None` with a message if it is not there.
fn vectors(suite: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")).join(suite);
    if folder.is_dir() {
        return Some(folder);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "{} is missing",
        folder.display()
    );
    println!("skipped: {} is missing", folder.display());
    None
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Why `bytes` are to be refused; `None` if they are to be accepted.
fn refusal(bytes: &[u8]) -> Option<ErrorKind> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let is_listed = |input: &&str| match input.strip_suffix('*') {
        Some(start) => hex.starts_with(start) && hex.len() > 64,
        None => hex == *input,
    };
    REFUSED
        .iter()
        .find(|(_, inputs)| inputs.iter().any(is_listed))
        .map(|(kind, _)| *kind)
}

fn to_json(item: Item<'_>) -> serde_json::Value {
    let mut json = String::new();
    from_cbor(item, &mut json, false).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn appendix_a_is_accepted_where_it_is_canonical() {
    let Some(folder) = vectors("cbor-appendix-a") else {
        return;
    };
    let cases = fs::read(folder.join("appendix_a.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&cases).unwrap();
    assert_eq!(cases.len(), 82);
    let mut accepted = 0;
    for case in cases {
        let bytes = from_hex(case["hex"].as_str().unwrap());
        match Item::parse(&bytes) {
            Ok(item) => {
                accepted += 1;
                assert_eq!(refusal(&bytes), None, "{case}");
                assert_eq!(case["roundtrip"], true, "{case}");
                // The one accepted value that JSON cannot hold is a date-time.
                match case.get("decoded") {
                    Some(decoded) => assert_eq!(to_json(item), *decoded),
                    None => assert_eq!(case["diagnostic"], format!("0({})", to_json(item))),
                }
            }
            Err(error) => assert_eq!(Some(error.kind), refusal(&bytes), "{case}"),
        }
    }
    println!("appendix A: {accepted} of 82 accepted");
    assert_eq!(accepted, 48);
}

#[test]
fn working_group_vectors_are_accepted_where_they_are_canonical() {
    let Some(folder) = vectors("cbor-wg-rfc8949") else {
        return;
    };
    let (mut accepted, mut refused, mut bad) = (0, 0, 0);
    for folder in [folder.join("rfc8949"), folder.join("rfc8949-appendixA")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "edn") {
                continue;
            }
            let file = fs::read_to_string(&path).unwrap();
            // Each test has a line `"encoded": h'…',`; blanks between the digits mean nothing.
            let inputs = file
                .lines()
                .filter_map(|line| line.trim().strip_prefix("\"encoded\": h'")?.split('\'').next());
            for input in inputs {
                let bytes = from_hex(&input.replace(' ', ""));
                let kind = Item::parse(&bytes).err().map(|error| error.kind);
                if path.ends_with("rfc8949/bad.edn") {
                    bad += 1;
                    assert!(kind.is_some(), "{input}");
                } else {
                    assert_eq!(kind, refusal(&bytes), "{input}");
                    *(if kind.is_none() { &mut accepted } else { &mut refused }) += 1;
                }
            }
        }
    }
    println!("working group: {accepted} accepted, {refused} refused as listed, {bad} malformed ones refused");
    assert_eq!((accepted, refused, bad), (110, 59, 47));
}
