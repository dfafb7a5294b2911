//! CBOR out and in again: whatever is accepted has exactly one encoding, and nothing is lost on the way through JSON.

#[path = "common/skip.rs"]
mod skip;

use std::path::{Path, PathBuf};

use ohp::cbor::json::{Form, Plain, Shape, from_cbor, max_cbor_len, scratch_len, to_cbor};
use ohp::cbor::{ErrorKind, Item, Kind, MAX_DEPTH, Reader, Token, Writer, check, compare_keys};
use proptest::prelude::*;

/// A value of the data model, as plainly as can be.
#[derive(Clone, Debug)]
enum Value {
    Integer(i128),
    Float(f64),
    Text(String),
    Time(String),
    Bool(bool),
    Null,
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Value::Integer(value) => writer.integer(*value).unwrap(),
            Value::Float(value) => writer.float(*value).unwrap(),
            Value::Text(value) => writer.text(value).unwrap(),
            Value::Time(value) => writer.time(value).unwrap(),
            Value::Bool(value) => writer.bool(*value).unwrap(),
            Value::Null => writer.null().unwrap(),
            Value::Array(elements) => {
                writer.array(elements.len()).unwrap();
                elements.iter().for_each(|element| element.write(writer));
            }
            Value::Map(members) => {
                writer.map(members.len()).unwrap();
                for (key, value) in members {
                    writer.text(key).unwrap();
                    value.write(writer);
                }
            }
        }
    }

    fn to_cbor(&self) -> Vec<u8> {
        let mut out = vec![0; 1 << 20];
        let mut writer = Writer::new(&mut out);
        self.write(&mut writer);
        writer.written().to_vec()
    }

    /// The value that the accessors of `item` show.
    fn of(item: Item<'_>) -> Self {
        match item.kind() {
            Kind::Integer => Value::Integer(item.as_integer().unwrap()),
            Kind::Float => Value::Float(item.as_float().unwrap()),
            Kind::Text => Value::Text(item.as_text().unwrap().to_owned()),
            Kind::Time => Value::Time(item.as_time().unwrap().to_owned()),
            Kind::Bool => Value::Bool(item.as_bool().unwrap()),
            Kind::Null => {
                assert!(item.is_null());
                Value::Null
            }
            Kind::Array => {
                let array = item.array().unwrap();
                let elements: Vec<Value> = array.iter().map(Value::of).collect();
                assert_eq!(elements.len(), array.len());
                Value::Array(elements)
            }
            Kind::Map => {
                let map = item.map().unwrap();
                let members: Vec<_> = map
                    .iter()
                    .map(|(key, value)| (key.to_owned(), Value::of(value)))
                    .collect();
                assert_eq!(members.len(), map.len());
                for (key, value) in map {
                    assert_eq!(map.get(key), Some(value));
                }
                Value::Map(members)
            }
        }
    }
}

/// Writes what the tokens say.
fn rewrite(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    let mut writer = Writer::new(&mut out);
    let mut reader = Reader::new(bytes);
    while let Some(token) = reader.next().unwrap() {
        match token {
            Token::Unsigned(value) => writer.unsigned(value),
            Token::Negative(n) => writer.negative(n),
            Token::Float(value) => writer.float(value),
            Token::Text(text) | Token::Key(text) => writer.text(text),
            Token::Time(text) => writer.time(text),
            Token::Bool(value) => writer.bool(value),
            Token::Null => writer.null(),
            Token::Array(len) => writer.array(len as usize),
            Token::Map(len) => writer.map(len as usize),
            Token::End => Ok(()),
        }
        .unwrap();
    }
    writer.written().to_vec()
}

/// Members whose key begins with `t:` are date-times, and with `f:` floats.
#[derive(Clone, Copy)]
struct ByPrefix(Form);

impl Shape for ByPrefix {
    fn member(self, key: &str) -> Self {
        Self(match key.get(..2) {
            Some("t:") => Form::Time,
            Some("f:") => Form::Float,
            _ => Form::Any,
        })
    }

    fn element(self) -> Self {
        Self(Form::Any)
    }

    fn form(self) -> Form {
        self.0
    }
}

fn json_to_cbor<S: Shape>(json: &str, shape: S) -> Vec<u8> {
    let mut scratch = vec![0; scratch_len(json.len())];
    let mut out = vec![0; max_cbor_len(json.len())];
    match to_cbor(json.as_bytes(), shape, &mut scratch, &mut out) {
        Ok(cbor) => cbor.to_vec(),
        Err(error) => panic!("{error}: {json}"),
    }
}

fn cbor_to_json(item: Item<'_>, pretty: bool) -> String {
    let mut json = String::new();
    from_cbor(item, &mut json, pretty).unwrap();
    json
}

fn time_text() -> impl Strategy<Value = String> {
    let moment = (0i64..253_402_300_799_999).prop_map(|millis| ohp::time::Timestamp::from_millis(millis).to_string());
    prop_oneof![
        moment,
        Just("1985-04-12t23:20:50.52z".to_owned()),
        Just("1990-12-31T15:59:60-08:00".to_owned()),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
        any::<f32>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(f64::from),
        any::<i32>().prop_map(|value| f64::from(value) / 256.0),
        (0u64..0x7ff0_0000_0000_0000).prop_map(|bits| f64::from_bits(bits & !((1 << 42) - 1))),
    ]
}

fn integer() -> impl Strategy<Value = i128> {
    prop_oneof![
        -300i128..300,
        any::<u64>().prop_map(i128::from),
        any::<u64>().prop_map(|n| -1 - i128::from(n)),
        (0u32..=64, -1i128..=1).prop_map(|(bits, by)| ((1i128 << bits) + by).clamp(0, u64::MAX.into())),
        (0u32..64, -1i128..=1).prop_map(|(bits, by)| -(1i128 << bits) + by),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 ./:_-]{0,30}",
        ".{0,12}",
        "(?s).{0,300}",
        "[\\x00-\\x1f\"\\\\/\\x7f]{0,9}"
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        integer().prop_map(Value::Integer),
        float().prop_map(Value::Float),
        text().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    scalar.prop_recursive(8, 128, 30, |inner| {
        let member = prop_oneof![
            (
                text().prop_filter("shapeless", |key| !key.starts_with("t:") && !key.starts_with("f:")),
                inner.clone()
            ),
            (
                text().prop_map(|key| "t:".to_owned() + &key),
                time_text().prop_map(Value::Time)
            ),
            (
                text().prop_map(|key| "f:".to_owned() + &key),
                float().prop_map(Value::Float)
            ),
        ];
        prop_oneof![
            prop::collection::vec(inner, 0..30).prop_map(Value::Array),
            prop::collection::vec(member, 0..30).prop_map(|mut members| {
                members.sort_by(|a, b| compare_keys(&a.0, &b.0));
                members.dedup_by(|a, b| a.0 == b.0);
                Value::Map(members)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_survives_cbor_and_json(value in value()) {
        let bytes = value.to_cbor();
        prop_assert_eq!(check(&bytes), Ok(()));
        let item = Item::parse(&bytes).unwrap();
        prop_assert_eq!(&Value::of(item).to_cbor(), &bytes);
        prop_assert_eq!(&rewrite(&bytes), &bytes);
        for pretty in [false, true] {
            let json = cbor_to_json(item, pretty);
            prop_assert_eq!(&json_to_cbor(&json, ByPrefix(Form::Any)), &bytes, "{}", json);
            // What an independent reader makes of the text is the same text again.
            serde_json::from_str::<serde_json::Value>(&json).unwrap();
        }
    }

    #[test]
    fn every_cut_is_an_error(value in value()) {
        let bytes = value.to_cbor();
        let step = 1 + bytes.len() / 256;
        for len in (0..bytes.len()).step_by(step) {
            let error = check(&bytes[..len]).unwrap_err();
            prop_assert!(error.offset <= len);
            prop_assert_eq!(error.kind, ErrorKind::Truncated);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = check(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
        let mut scratch = vec![0; scratch_len(bytes.len())];
        let mut out = vec![0; max_cbor_len(bytes.len())];
        if let Err(error) = to_cbor(&bytes, Plain, &mut scratch, &mut out) {
            prop_assert!(error.offset <= bytes.len());
        }
    }
}

/// The official examples and vectors.
fn envelopes() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "json")
                && path.components().all(|part| part.as_os_str() != "schemas")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    if let Some(root) = skip::shared("ohp") {
        collect(&root, &mut found);
    }
    found
}

#[test]
fn official_envelopes_survive_json_cbor_json_cbor() {
    for (path, json) in envelopes() {
        let cbor = json_to_cbor(&json, Plain);
        let item = Item::parse(&cbor).unwrap();
        let back = cbor_to_json(item, true);
        assert_eq!(json_to_cbor(&back, Plain), cbor, "{}", path.display());
        assert_eq!(
            json_to_cbor(&cbor_to_json(item, false), Plain),
            cbor,
            "{}",
            path.display()
        );
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&json).unwrap(),
            serde_json::from_str(&back).unwrap(),
        );
        assert_eq!(before, after, "{}", path.display());
    }
}

/// A few documents that have everything, and the official ones.
fn corpus() -> Vec<Vec<u8>> {
    let own = [
        r#"{"t:at":"2026-05-28T13:42:11.250Z","f:x":1,"list":[0,-1,24,-25,256,65536,4294967296,-18446744073709551616],
            "floats":[1.5,100000.0,1.1,5e-324,-0.0],"text":["","é€😀","a longer text of more than 23 bytes"],
            "other":[true,false,null,{},[],{"":{"b":1,"a":[[[]]]}}]}"#,
        r#"[[[1,2,3],[4,[5,[6]]]],{"a":{"a":{"a":"a"}}}]"#,
    ];
    let mut corpus: Vec<_> = own.iter().map(|json| json_to_cbor(json, ByPrefix(Form::Any))).collect();
    corpus.extend(envelopes().iter().map(|(_, json)| json_to_cbor(json, Plain)));
    corpus
}

/// Steele, Lea and Flood's SplitMix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit.max(1) as u64) as usize
    }
}

#[test]
fn what_is_accepted_after_mutation_is_still_canonical() {
    const ROUNDS: usize = 100_000;
    let corpus = corpus();
    let mut random = Random(1);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut bytes = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.below(256) as u8,
                2 => bytes.insert(at, random.below(256) as u8),
                3 => drop(bytes.remove(at)),
                _ => {
                    let end = (at + random.below(9)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let to = random.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        match Item::parse(&bytes) {
            Err(error) => assert!(error.offset <= bytes.len(), "{round}"),
            Ok(item) => {
                accepted += 1;
                let value = Value::of(item);
                assert_eq!(value.to_cbor(), bytes, "{round}");
                assert_eq!(rewrite(&bytes), bytes, "{round}");
                let json = cbor_to_json(item, false);
                if !has_time(&value) {
                    assert_eq!(json_to_cbor(&json, Plain), bytes, "{round}: {json}");
                }
            }
        }
    }
    println!("{accepted} of {ROUNDS} mutants were accepted");
    assert!(
        accepted > ROUNDS / 100,
        "only {accepted} mutants were accepted: the test has lost its force"
    );
}

fn has_time(value: &Value) -> bool {
    match value {
        Value::Time(_) => true,
        Value::Array(elements) => elements.iter().any(has_time),
        Value::Map(members) => members.iter().any(|(_, value)| has_time(value)),
        _ => false,
    }
}

#[test]
fn every_cut_through_an_envelope_is_an_error() {
    for bytes in corpus() {
        for len in 0..bytes.len() {
            assert_eq!(check(&bytes[..len]).unwrap_err().kind, ErrorKind::Truncated, "{len}");
        }
        for byte in [0x00, 0x60, 0xa0, 0xf6, 0xff] {
            let longer = [&bytes[..], &[byte]].concat();
            let error = check(&longer).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::TrailingBytes, bytes.len()));
        }
    }
}

#[test]
fn json_text_is_laid_out_in_lines_or_in_one() {
    let cbor = json_to_cbor(
        r#"{"a":[],"b":{},"c":[1,[2.0,"x\u0001\"\n"]],"d":{"e":null,"f":{"g":-1}}}"#,
        Plain,
    );
    let item = Item::parse(&cbor).unwrap();
    assert_eq!(
        cbor_to_json(item, false),
        r#"{"a":[],"b":{},"c":[1,[2.0,"x\u0001\"\n"]],"d":{"e":null,"f":{"g":-1}}}"#
    );
    let pretty = r#"{
  "a": [],
  "b": {},
  "c": [
    1,
    [
      2.0,
      "x\u0001\"\n"
    ]
  ],
  "d": {
    "e": null,
    "f": {
      "g": -1
    }
  }
}"#;
    assert_eq!(cbor_to_json(item, true), pretty);
}

#[test]
fn floats_print_so_that_they_are_read_as_floats() {
    for (value, text) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e16"),
        (1e300, "1e300"),
        (1e-5, "1e-5"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (0.1, "0.1"),
        (f64::from(0.1f32), "0.10000000149011612"),
    ] {
        let bytes = Value::Float(value).to_cbor();
        assert_eq!(cbor_to_json(Item::parse(&bytes).unwrap(), false), text);
        assert_eq!(json_to_cbor(text, Plain), bytes, "{text}");
    }
}

#[test]
fn deepest_nesting_survives() {
    let arrays = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    let objects = "{\"k\":".repeat(MAX_DEPTH) + "0" + &"}".repeat(MAX_DEPTH);
    for json in [arrays, objects] {
        let cbor = json_to_cbor(&json, Plain);
        assert_eq!(cbor_to_json(Item::parse(&cbor).unwrap(), false), json);
    }
}
