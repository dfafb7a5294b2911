//! JSON suites: what every parser must accept, must refuse, and may do as it likes (JSONTestSuite, Nicolas Seriot), and
//! what RFC 8785's canonicalisation makes of JSON, which tells whether CBOR has kept it.

mod suite;

use ohp::cbor::Item;
use ohp::cbor::json::{ErrorKind, from_cbor};
use ohp::crypto::sha256;

use suite::{Exception, Suite, encode_json, same};

/// Valid JSON that is refused all the same.
const REFUSED: &[Exception] = &[Exception {
    outcome: "refused: DuplicateKey",
    reason: "Equal keys in one object would make two readers of a signed envelope see two envelopes.",
    cases: &["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"],
}];

/// What the suite leaves to the implementation and this one accepts; everything else of that kind is refused.
const ACCEPTED: &[Exception] = &[Exception {
    outcome: "accepted",
    reason: "Too small for a float is 0, as in every other reader; only what is too large is an error.",
    cases: &["i_number_double_huge_neg_exp.json", "i_number_real_underflow.json"],
}];

#[test]
fn parsing_suite_is_judged_as_it_says() {
    let Some(mut suite) = Suite::open("jsontestsuite-parsing", &[REFUSED, ACCEPTED]) else {
        return;
    };
    for (name, json) in suite.files(&[".json"]) {
        let outcome = match (name.as_bytes()[0], encode_json(&json)) {
            (b'y', Ok(_)) | (b'n' | b'i', Err(_)) => Ok(()),
            (_, Ok(_)) => Err("accepted".to_owned()),
            (_, Err(kind)) => Err(format!("refused: {kind:?}")),
        };
        suite.case(&name, outcome);
    }
    suite.end();
}

#[test]
fn transform_suite_keeps_values_or_refuses_them() {
    let Some(mut suite) = Suite::open("jsontestsuite-transform", &[]) else {
        return;
    };
    // The suite says nothing of what is right: these are the values as the data model has them.
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
    for ((name, json), (expected_name, expected)) in suite.files(&[".json"]).into_iter().zip(expected) {
        assert_eq!(name, format!("{expected_name}.json"));
        let result = encode_json(&json);
        suite.case(&name, same(&result.as_deref().map_err(|kind| *kind), &expected));
    }
    suite.end();
}

/// A number as ECMAScript prints it (RFC 8785 §3.2.2.3).
fn print_number(value: f64) -> String {
    let shortest = format!("{:e}", value.abs());
    // Of two shortest texts that are equally close ECMAScript takes the even one, Rust the larger.
    let len = shortest
        .bytes()
        .take_while(|byte| *byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let nearest = format!("{:.*e}", len - 1, value.abs());
    let is_same = nearest.parse() == Ok(value.abs());
    let scientific = if is_same { nearest } else { shortest };
    let (digits, exponent) = scientific.split_once('e').expect("an exponent");
    let digits = digits.replace('.', "");
    let point = exponent.parse::<i32>().expect("a number") + 1;
    let len = digits.len() as i32;
    let sign = if value < 0.0 { "-" } else { "" };
    let zeros = |count: i32| "0".repeat(count as usize);
    match point {
        _ if len <= point && point <= 21 => format!("{sign}{digits}{}", zeros(point - len)),
        1..=21 => format!("{sign}{}.{}", &digits[..point as usize], &digits[point as usize..]),
        -5..=0 => format!("{sign}0.{}{digits}", zeros(-point)),
        _ => {
            let point_and_rest = if len > 1 {
                format!(".{}", &digits[1..])
            } else {
                String::new()
            };
            format!("{sign}{}{point_and_rest}e{:+}", &digits[..1], point - 1)
        }
    }
}

/// An item as RFC 8785 writes it: keys in the order of their UTF-16 code units, numbers as ECMAScript has them.
fn canonicalise(item: Item<'_>) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text");
    if let Some(map) = item.map() {
        let mut members: Vec<_> = map.iter().collect();
        members.sort_by_cached_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
        let members = members
            .into_iter()
            .map(|(key, value)| format!("{}:{}", quoted(key), canonicalise(value)));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    }
    if let Some(array) = item.array() {
        return format!("[{}]", array.iter().map(canonicalise).collect::<Vec<_>>().join(","));
    }
    let number = item.as_float().or(item.as_integer().map(|integer| integer as f64));
    match (number, item.as_text()) {
        (Some(number), _) => print_number(number),
        (_, Some(text)) => quoted(text),
        _ => {
            let mut json = String::new();
            from_cbor(item, &mut json, false).expect("fits");
            json
        }
    }
}

#[test]
fn json_that_has_been_cbor_canonicalises_as_before() {
    let Some(mut suite) = Suite::open("jcs-rfc8785", &[]) else {
        return;
    };
    for (name, json) in suite.files(&[".json"]) {
        let Some(case) = name.strip_prefix("input/") else {
            continue;
        };
        let outcome = encode_json(&json).map_err(|kind| format!("refused: {kind:?}"));
        let expected = suite.text(&format!("output/{case}"));
        let hex = suite.text(&format!("outhex/{}", case.replace(".json", ".txt")));
        assert_eq!(suite::from_hex(&hex), expected.as_bytes());
        let outcome = outcome.and_then(|cbor| {
            let once = canonicalise(Item::parse(&cbor).expect("canonical"));
            // Printed as JSON and read back, and with the keys in the order of RFC 8785, it is the same envelope.
            let mut printed = String::new();
            from_cbor(Item::parse(&cbor).expect("canonical"), &mut printed, true).expect("fits");
            assert_eq!(encode_json(printed.as_bytes()).as_ref(), Ok(&cbor), "{case}");
            same(&once, &expected)
        });
        suite.case(case, outcome);
    }
    suite.end();
}

/// The numbers of the suite's ES6 file, made by the algorithm in its README and known by the hash that stands there.
#[test]
fn numbers_that_have_been_cbor_print_as_before() {
    const LINES: usize = 10_000;
    let Some(suite) = Suite::open("jcs-rfc8785", &[]) else {
        return;
    };
    let readme = suite.text("testdata-README.md");
    let (_, statics) = readme
        .split_once("staticU64s = new BigUint64Array([")
        .expect("the list");
    let (statics, _) = statics.split_once(']').expect("its end");
    let bits = |word: &str| u64::from_str_radix(word.trim().strip_prefix("0x")?.strip_suffix('n')?, 16).ok();
    let mut block = [0; 32];
    let random = std::iter::repeat_with(move || {
        block = sha256(&[&block]);
        let words = block.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        words.collect::<Vec<_>>()
    });
    let random = random
        .flatten()
        .filter(|bits| f64::from_bits(*bits).is_finite() && bits << 1 != 0);
    let serial = (0..2000).map(|i| 0x0010_0000_0000_0000 + i);
    let (mut lines, mut explained) = (String::new(), 0);
    for bits in statics
        .split(',')
        .filter_map(bits)
        .chain(serial)
        .chain(random)
        .take(LINES)
    {
        let mut text = print_number(f64::from_bits(bits));
        // An integer that does not fit into CBOR's 64 bits is refused, not rounded (row 3); the same number with a
        // point is a float.
        if text.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9')) && f64::from_bits(bits).abs() >= 2_f64.powi(64) {
            assert_eq!(encode_json(text.as_bytes()), Err(ErrorKind::IntegerRange), "{text}");
            text += ".0";
            explained += 1;
        }
        let cbor = encode_json(text.as_bytes()).unwrap_or_else(|kind| panic!("{text}: {kind:?}"));
        let again = canonicalise(Item::parse(&cbor).expect("canonical"));
        lines += &format!("{bits:x},{again}\n");
    }
    let hash = suite::to_hex(&sha256(&[lines.as_bytes()]));
    let expected = format!("| {hash} | {LINES} ");
    assert!(readme.contains(&expected), "{hash} is not the hash of {LINES} lines");
    println!(
        "jcs-rfc8785 numbers: {LINES} cases, {} agreed, {explained} explained",
        LINES - explained
    );
}
