//! JSON in: what it becomes in canonical CBOR, and each way in which it can be wrong, at its byte.

use ohp::cbor::json::{Error, ErrorKind, Form, LONG_NUMBERS_MAX, Plain, Shape, max_cbor_len, scratch_len, to_cbor};
use ohp::cbor::{MAX_DEPTH, MAX_INPUT_LEN, check};

fn encode<S: Shape>(json: &[u8], shape: S) -> Result<Vec<u8>, Error> {
    let mut scratch = vec![0; scratch_len(json.len())];
    let mut out = vec![0; max_cbor_len(json.len())];
    let cbor = to_cbor(json, shape, &mut scratch, &mut out)?.to_vec();
    assert_eq!(check(&cbor), Ok(()), "{}", String::from_utf8_lossy(json));
    Ok(cbor)
}

#[track_caller]
fn becomes(json: &str, cbor: &[u8]) {
    assert_eq!(encode(json.as_bytes(), Plain).as_deref(), Ok(cbor), "{json}");
}

#[track_caller]
fn fails(json: impl AsRef<[u8]>, kind: ErrorKind, offset: usize) {
    let json = json.as_ref();
    let result = encode(json, Plain);
    assert_eq!(
        result,
        Err(Error::new(kind, offset)),
        "{}",
        String::from_utf8_lossy(json)
    );
}

/// Members called `time` are date-times, members called `float` floats.
#[derive(Clone, Copy)]
struct ByName(Form);

impl Shape for ByName {
    fn member(self, key: &str) -> Self {
        Self(match key {
            "time" => Form::Time,
            "float" => Form::Float,
            _ => Form::Any,
        })
    }

    fn element(self) -> Self {
        self
    }

    fn form(self) -> Form {
        self.0
    }
}

#[test]
fn integers_are_literals_without_point_and_exponent() {
    becomes("0", b"\x00");
    becomes("-0", b"\x00");
    becomes("23", b"\x17");
    becomes("24", b"\x18\x18");
    becomes("255", b"\x18\xff");
    becomes("256", b"\x19\x01\x00");
    becomes("2047", b"\x19\x07\xff");
    becomes("65535", b"\x19\xff\xff");
    becomes("65536", b"\x1a\x00\x01\x00\x00");
    becomes("4294967295", b"\x1a\xff\xff\xff\xff");
    becomes("4294967296", b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00");
    becomes("9007199254740993", b"\x1b\x00\x20\x00\x00\x00\x00\x00\x01");
    becomes("18446744073709551615", b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff");
    becomes("-1", b"\x20");
    becomes("-24", b"\x37");
    becomes("-25", b"\x38\x18");
    becomes("-256", b"\x38\xff");
    becomes("-257", b"\x39\x01\x00");
    becomes("-18446744073709551616", b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff");
    fails("18446744073709551616", ErrorKind::IntegerRange, 0);
    fails("[1, -18446744073709551617]", ErrorKind::IntegerRange, 4);
    fails("99999999999999999999", ErrorKind::IntegerRange, 0);
    fails(format!("1{}", "0".repeat(5000)), ErrorKind::IntegerRange, 0);
}

#[test]
fn other_literals_are_floats_in_the_shortest_form() {
    becomes("1.0", b"\xf9\x3c\x00");
    becomes("1e0", b"\xf9\x3c\x00");
    becomes("0.0", b"\xf9\x00\x00");
    becomes("-0.0", b"\xf9\x80\x00");
    becomes("-0e5", b"\xf9\x80\x00");
    becomes("1.5", b"\xf9\x3e\x00");
    becomes("65504.0", b"\xf9\x7b\xff");
    becomes("65505.0", b"\xfa\x47\x7f\xe1\x00");
    becomes("65536.0", b"\xfa\x47\x80\x00\x00");
    becomes("100000.0", b"\xfa\x47\xc3\x50\x00");
    becomes("1E5", b"\xfa\x47\xc3\x50\x00");
    becomes("5.960464477539063e-8", b"\xf9\x00\x01");
    becomes("0.00006103515625", b"\xf9\x04\x00");
    becomes("3.4028234663852886e+38", b"\xfa\x7f\x7f\xff\xff");
    becomes("1.1", b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a");
    becomes("0.97", b"\xfb\x3f\xef\x0a\x3d\x70\xa3\xd7\x0a");
    becomes("1.0e+300", b"\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c");
    // 2⁵³ + 1 lies between two floats and goes to the even one.
    becomes("9007199254740993.0", b"\xfa\x5a\x00\x00\x00");
    becomes("9007199254740994.0", b"\xfb\x43\x40\x00\x00\x00\x00\x00\x01");
    becomes("1.7976931348623157e308", b"\xfb\x7f\xef\xff\xff\xff\xff\xff\xff");
    becomes("5e-324", b"\xfb\x00\x00\x00\x00\x00\x00\x00\x01");
    becomes("1e-400", b"\xf9\x00\x00");
    fails("1e309", ErrorKind::FloatRange, 0);
    fails("[-1e309]", ErrorKind::FloatRange, 1);
    fails("1.7976931348623159e308", ErrorKind::FloatRange, 0);
    becomes(&format!("0.{}", "0".repeat(5000)), b"\xf9\x00\x00");
}

#[test]
fn shape_makes_floats_and_date_times() {
    let shape = ByName(Form::Any);
    let cbor = |json: &str| encode(json.as_bytes(), shape);
    assert_eq!(cbor(r#"{"float":1}"#).unwrap(), b"\xa1\x65float\xf9\x3c\x00");
    assert_eq!(cbor(r#"{"float":-0}"#).unwrap(), b"\xa1\x65float\xf9\x80\x00");
    assert_eq!(
        cbor(r#"{"float":[1,"1",null]}"#).unwrap(),
        b"\xa1\x65float\x83\xf9\x3c\x00\x611\xf6"
    );
    let large = cbor(r#"{"float":18446744073709551616}"#).unwrap();
    assert_eq!(large, b"\xa1\x65float\xfa\x5f\x80\x00\x00");
    assert_eq!(cbor(r#"{"time":1}"#).unwrap(), b"\xa1\x64time\x01");
    let tagged = b"\xa1\x64time\xc0\x742026-05-28T13:42:11Z";
    assert_eq!(cbor(r#"{"time":"2026-05-28T13:42:11Z"}"#).unwrap(), tagged);
    assert_eq!(cbor(r#"{"time":"2026-05-28T13:42:11\u005a"}"#).unwrap(), tagged);
    let plain = b"\xa1\x61t\x742026-05-28T13:42:11Z";
    assert_eq!(cbor(r#"{"t":"2026-05-28T13:42:11Z"}"#).unwrap(), plain);
    let time = |offset| Err(Error::new(ErrorKind::TimeSyntax, offset));
    assert_eq!(cbor(r#"{"time":"2026-13-28T13:42:11Z"}"#), time(14));
    assert_eq!(cbor(r#"{"time":"2026-05-28T13:42:11"}"#), time(28));
    assert_eq!(cbor(r#"{"time":"\u0032026-13-28T13:42:11Z"}"#), time(8));
    assert_eq!(cbor(r#"{"float":1e999}"#), Err(Error::new(ErrorKind::FloatRange, 9)));
}

#[test]
fn strings_are_unescaped() {
    becomes(r#""""#, b"\x60");
    becomes(r#""\"\\\/\b\f\n\r\t""#, b"\x68\"\\/\x08\x0c\n\r\t");
    becomes(r#""\u0000\u001F\u00e9\u20AC""#, b"\x67\x00\x1f\xc3\xa9\xe2\x82\xac");
    becomes(r#""\ud83d\uDE00""#, b"\x64\xf0\x9f\x98\x80");
    becomes("\"é€😀\u{7f}\"", b"\x6a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f");
    becomes(r#""\uFFFF\uD800\uDC00""#, b"\x67\xef\xbf\xbf\xf0\x90\x80\x80");
    // No normalisation: a letter with its accent apart stays apart.
    becomes(r#"["é","e\u0301"]"#, b"\x82\x62\xc3\xa9\x63e\xcc\x81");
    // A head that is longer because of an escape, and one that is shorter.
    let at_24 = format!("\"{}\\n\"", "a".repeat(23));
    becomes(&at_24, &[b"\x78\x18", "a".repeat(23).as_bytes(), b"\n"].concat());
    let at_23 = format!("\"{}\\u0061\"", "a".repeat(22));
    becomes(&at_23, &[b"\x77", "a".repeat(23).as_bytes()].concat());
}

#[test]
fn special_bytes_are_found_at_every_place_in_a_string() {
    for before in 0..40 {
        for special in ["\\n", "\\u00e9"] {
            let plain = "é".repeat(before % 2) + &"x".repeat(before);
            let text = plain.clone() + if special == "\\n" { "\n" } else { "é" } + "tail of the text";
            let mut expected = [0; 128];
            let mut writer = ohp::cbor::Writer::new(&mut expected);
            writer.text(&text).unwrap();
            becomes(&format!("\"{plain}{special}tail of the text\""), writer.written());
        }
        for byte in 0..0x20 {
            let json = format!("\"{}{}and so on\"", "x".repeat(before), char::from(byte));
            fails(json, ErrorKind::Control, 1 + before);
        }
    }
}

#[test]
fn members_are_sorted_by_their_encoded_keys() {
    becomes(r#"{"b":1,"a":2}"#, b"\xa2\x61a\x02\x61b\x01");
    becomes(
        r#"{"issuer":[],"ohp":{"z":1,"":{}},"id":null,"caller":true}"#,
        b"\xa4\x62id\xf6\x63ohp\xa2\x60\xa0\x61z\x01\x66caller\xf5\x66issuer\x80",
    );
    becomes(r#"{"\u0062":1,"a":2}"#, b"\xa2\x61a\x02\x61b\x01");
    // Keys that begin alike, in order and not.
    becomes(r#"{"key1":1,"key2":2}"#, b"\xa2\x64key1\x01\x64key2\x02");
    becomes(r#"{"key2":2,"key1":1}"#, b"\xa2\x64key1\x01\x64key2\x02");
    // 24 bytes take a longer head, which sorts behind.
    let (short, long) = ("z".repeat(23), "a".repeat(24));
    let sorted = [b"\xa2\x77", short.as_bytes(), b"\x02\x78\x18", long.as_bytes(), b"\x01"].concat();
    becomes(&format!(r#"{{"{long}":1,"{short}":2}}"#), &sorted);
    // Bytewise in UTF-8, so that U+FF61 comes before U+1D306, which UTF-16 has the other way round.
    becomes(
        "{\"\u{1d306}\":1,\"a\u{ff61}\":2,\"\u{ff61}b\":3}",
        b"\xa3\x64a\xef\xbd\xa1\x02\x64\xef\xbd\xa1b\x03\x64\xf0\x9d\x8c\x86\x01",
    );
}

#[test]
fn containers_of_every_size_get_the_shortest_head() {
    for count in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
        let head: Vec<u8> = match count {
            0..=23 => vec![count as u8],
            24..=255 => vec![24, count as u8],
            256..=65_535 => vec![25, (count >> 8) as u8, count as u8],
            _ => vec![
                26,
                (count >> 24) as u8,
                (count >> 16) as u8,
                (count >> 8) as u8,
                count as u8,
            ],
        };
        let mut array = head.clone();
        array[0] |= 0x80;
        array.resize(head.len() + count, 0);
        let outer = [b"\x82", &array[..], b"\x01"].concat();
        becomes(&format!("[[{}],1]", vec!["0"; count].join(",")), &outer);

        let mut map = head;
        map[0] |= 0xa0;
        let keys: Vec<String> = (0..count).map(|n| format!("{n:05}")).collect();
        keys.iter()
            .for_each(|key| map.extend([b"\x65", key.as_bytes(), b"\x00"].concat()));
        let outer = [b"\xa1\x61k", &map[..]].concat();
        let members: Vec<String> = keys.iter().rev().map(|key| format!("\"{key}\":0")).collect();
        becomes(&format!("{{\"k\":{{{}}}}}", members.join(",")), &outer);
    }
}

#[test]
fn equal_keys_are_found_after_unescaping_and_in_every_depth() {
    fails(r#"{"a":1,"a":1}"#, ErrorKind::DuplicateKey, 7);
    fails(r#"{"a":1,"\u0061":2}"#, ErrorKind::DuplicateKey, 7);
    fails(r#"{"b":1,"":1,"a":{"x":1},"":2,"b":3}"#, ErrorKind::DuplicateKey, 24);
    fails(r#"[{"o":{"a":{"a":1},"b":0,"a":{}}}]"#, ErrorKind::DuplicateKey, 25);
    fails(
        r#"{"\"":[",",{",":0}],"a":{"}":{}}, "\u0022":0}"#,
        ErrorKind::DuplicateKey,
        34,
    );
    fails(
        r#"{"same start, then a":1, "same start, then a" : 1}"#,
        ErrorKind::DuplicateKey,
        25,
    );
    becomes(r#"{"a":{"a":{"a":1}}}"#, b"\xa1\x61a\xa1\x61a\xa1\x61a\x01");
    becomes(r#"[{"a":1},{"a":1}]"#, b"\x82\xa1\x61a\x01\xa1\x61a\x01");
}

#[test]
fn depth_of_32_is_accepted_and_33_refused() {
    let arrays = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"\":".repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
    becomes(&arrays(MAX_DEPTH), &[&[0x81; MAX_DEPTH - 1][..], &[0x80]].concat());
    becomes(
        &objects(MAX_DEPTH),
        &[&b"\xa1\x60".repeat(MAX_DEPTH - 1)[..], &[0xa0]].concat(),
    );
    fails(arrays(MAX_DEPTH + 1), ErrorKind::TooDeep, MAX_DEPTH);
    fails(objects(MAX_DEPTH + 1), ErrorKind::TooDeep, 4 * MAX_DEPTH);
    fails("[".repeat(100_000), ErrorKind::TooDeep, MAX_DEPTH);
}

#[test]
fn every_kind_of_error_is_found_at_its_byte() {
    use ErrorKind::*;
    fails("", End, 0);
    fails(" \n", End, 2);
    fails("[", End, 1);
    fails("[1", End, 2);
    fails("[1,", End, 3);
    fails("{", End, 1);
    fails("{\"a\"", End, 4);
    fails("{\"a\":", End, 5);
    fails("{\"a\":1", End, 6);
    fails("{\"a\":1,", End, 7);
    fails("\"abc", End, 4);
    fails("\"abc\\", End, 5);
    fails("\"abc\\u00", End, 8);
    fails("tru", End, 3);
    fails("-", End, 1);
    fails("1.", End, 2);
    fails("1e", End, 2);
    fails("1e+", End, 3);
    fails("\u{feff}{}", Value, 0);
    fails("[1,]", Value, 3);
    fails("[,1]", Value, 1);
    fails("{\"a\":}", Value, 5);
    fails("[+1]", Value, 1);
    fails("[.5]", Value, 1);
    fails("[NaN]", Value, 1);
    fails("[Infinity]", Value, 1);
    fails("['a']", Value, 1);
    fails("[truE]", Value, 1);
    fails("/* */1", Value, 0);
    fails("\u{a0}1", Value, 0);
    fails("\u{b}1", Value, 0);
    fails("]", Value, 0);
    fails("{\"a\":1,}", Key, 7);
    fails("{,\"a\":1}", Key, 1);
    fails("{a:1}", Key, 1);
    fails("{1:1}", Key, 1);
    fails("{]", Key, 1);
    fails("{\"a\",1}", Colon, 4);
    fails("{\"a\" 1}", Colon, 5);
    fails("[1 2]", Comma, 3);
    fails("[1}", Comma, 2);
    fails("{\"a\":1]", Comma, 6);
    fails("[1;2]", Comma, 2);
    fails("[1x]", Comma, 2);
    fails("[0x1]", Comma, 2);
    fails("1 2", Trailing, 2);
    fails("{}}", Trailing, 2);
    fails("[\"a\tb\"]", Control, 3);
    fails("\"\0\"", Control, 1);
    fails(r#"["ab\x"]"#, Escape, 4);
    fails(r#""\u12g4""#, Escape, 1);
    fails(r#""\U0041""#, Escape, 1);
    fails(r#""\u+123""#, Escape, 1);
    fails(r#""\ud800""#, Surrogate, 1);
    fails(r#""a\udc00""#, Surrogate, 2);
    fails(r#""\ud800\ud800""#, Surrogate, 1);
    fails(r#""\ud800\u0041""#, Surrogate, 1);
    fails(r#""\ud800x""#, Surrogate, 1);
    fails(r#"{"\udead":1}"#, Surrogate, 2);
    fails("01", Number, 1);
    fails("[-01]", Number, 3);
    fails("[-a]", Number, 2);
    fails("[1.]", Number, 3);
    fails("[1.e1]", Number, 3);
    fails("[1e]", Number, 3);
    fails("[1e+]", Number, 4);
    fails("[1e5.5]", Comma, 4);
    fails(b"[\"\xff\"]", Utf8, 2);
    fails(b"\"\xed\xa0\x80\"", Utf8, 1);
    fails(b"{}\xc0\x80", Utf8, 2);
    fails(vec![b' '; MAX_INPUT_LEN + 1], TooLarge, MAX_INPUT_LEN);
}

#[test]
fn short_buffers_are_errors_and_the_stated_lengths_suffice() {
    let json = br#"{"b":[1.1,1.1,"\u00e9"],"a":{"d":1e9,"c":"text"}}"#;
    let whole = encode(json, Plain).unwrap();
    let mut scratch = vec![0; scratch_len(json.len())];
    for len in 0..whole.len() {
        let mut out = vec![0; len];
        let error = to_cbor(json, Plain, &mut scratch, &mut out).unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutputFull, "{len}");
    }
    let mut out = vec![0; whole.len()];
    assert_eq!(to_cbor(json, Plain, &mut scratch, &mut out), Ok(&whole[..]));
    let least = (0..scratch.len()).find(|len| to_cbor(json, Plain, &mut scratch[..*len], &mut out).is_ok());
    for len in 0..least.unwrap() {
        let error = to_cbor(json, Plain, &mut scratch[..len], &mut out).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ScratchFull, "{len}");
    }
    // The inputs that need most: many short members in one another, and floats.
    for json in [
        "{\"\":".repeat(30) + "{\"b\":1.1,\"a\":[1.1,1.1,1.1,1e9]}" + &"}".repeat(30),
        format!("[{}]", vec!["1.1"; 1000].join(",")),
        format!("{{\"b\":[{}],\"a\":0}}", vec!["1.1"; 1000].join(",")),
        format!("{{\"b\":\"{}\",\"a\":\"\"}}", "x".repeat(70_000)),
        format!("\"{}\"", "x".repeat(70_000)),
    ] {
        encode(json.as_bytes(), Plain).unwrap();
    }
}

#[test]
fn what_would_act_on_a_terminal_is_written_escaped_and_reads_back() {
    let text = "a\u{9b}31m\u{202e}b\u{2028}c\u{7f}é漢";
    let mut cbor = [0; 64];
    let mut writer = ohp::cbor::Writer::new(&mut cbor);
    writer.text(text).expect("it fits");
    let cbor = writer.into_written();
    let mut json = String::new();
    ohp::cbor::json::from_cbor(ohp::cbor::Item::parse(cbor).expect("canonical"), &mut json, false).expect("text");
    assert_eq!(json, r#""a\u009b31m\u202eb\u2028c\u007fé漢""#);
    let (mut scratch, mut out) = ([0; 512], [0; 64]);
    let back = ohp::cbor::json::to_cbor(json.as_bytes(), ohp::cbor::json::Plain, &mut scratch, &mut out);
    assert_eq!(back.expect("JSON"), cbor);
}

/// Each may lie next to the middle of two floats, where its digits have to be multiplied out.
#[test]
fn floats_of_more_than_nineteen_digits_are_few() {
    let list = |number: &str, count: usize| format!("[{}]", vec![number; count].join(","));
    let long = "0.00012345678901234567890e3";
    assert!(encode(list(long, LONG_NUMBERS_MAX).as_bytes(), Plain).is_ok());
    let offset = 1 + LONG_NUMBERS_MAX * (long.len() + 1);
    fails(list(long, LONG_NUMBERS_MAX + 1), ErrorKind::LongNumbers, offset);
    for quick in [
        "0.0001234567890123456789e3",
        "1234567890.123456789e-300",
        "12345678901234567890",
    ] {
        assert!(encode(list(quick, 1000).as_bytes(), Plain).is_ok(), "{quick}");
    }
}
