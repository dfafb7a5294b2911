//! Deterministic CBOR against cbor2 and dcbor: values and whether they stand in their one canonical form, which both
//! sides tell for sloppy encodings as well.

use ohp::cbor::{Item, Kind, MAX_DEPTH, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::suite::{Suite, from_hex, same};
use crate::{Difference, Oracle, generate};

/// A value of the data model.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Integer(i128),
    /// The bits of an `f64`.
    Float(u64),
    Text(String),
    Time(String),
    Bool(bool),
    Null,
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// Something that the data model does not have: another tag, a byte string, …
    Outside,
}

impl Value {
    /// Whether `is` holds for this value or one within it.
    fn any(&self, is: &dyn Fn(&Value) -> bool) -> bool {
        is(self)
            || match self {
                Value::Array(items) => items.iter().any(|item| item.any(is)),
                Value::Map(members) => {
                    let is_key = |key: &String| is(&Value::Text(key.clone()));
                    members.iter().any(|(key, value)| is_key(key) || value.any(is))
                }
                _ => false,
            }
    }

    fn depth(&self) -> usize {
        match self {
            Value::Array(items) => 1 + items.iter().map(Value::depth).max().unwrap_or(0),
            Value::Map(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

fn of_item(item: Item<'_>) -> Value {
    match item.kind() {
        Kind::Integer => Value::Integer(item.as_integer().expect("an integer")),
        Kind::Float => Value::Float(item.as_float().expect("a float").to_bits()),
        Kind::Text => Value::Text(item.as_text().expect("a text").to_owned()),
        Kind::Time => Value::Time(item.as_time().expect("a time").to_owned()),
        Kind::Bool => Value::Bool(item.as_bool().expect("a boolean")),
        Kind::Null => Value::Null,
        Kind::Array => Value::Array(item.array().expect("an array").iter().map(of_item).collect()),
        Kind::Map => {
            let members = item.map().expect("a map").iter();
            Value::Map(members.map(|(key, value)| (key.to_owned(), of_item(value))).collect())
        }
    }
}

fn ours(bytes: &[u8]) -> Option<Value> {
    Item::parse(bytes).ok().map(of_item)
}

fn of_cbor2(value: &cbor2::Value) -> Value {
    use cbor2::Value as Theirs;
    match value {
        Theirs::Integer(integer) => Value::Integer((*integer).into()),
        Theirs::Float(float) if float.is_finite() => Value::Float(float.to_bits()),
        Theirs::Text(text) => Value::Text(text.clone()),
        Theirs::Bool(bool) => Value::Bool(*bool),
        Theirs::Null => Value::Null,
        Theirs::Tag(0, text) => text
            .as_text()
            .map_or(Value::Outside, |text| Value::Time(text.to_owned())),
        Theirs::Array(items) => Value::Array(items.iter().map(of_cbor2).collect()),
        Theirs::Map(members) => {
            let member = |(key, value): &(Theirs, Theirs)| Some((key.as_text()?.to_owned(), of_cbor2(value)));
            members
                .iter()
                .map(member)
                .collect::<Option<_>>()
                .map_or(Value::Outside, Value::Map)
        }
        _ => Value::Outside,
    }
}

/// What cbor2 reads, if it would write the same bytes again.
fn by_cbor2(bytes: &[u8]) -> Option<Value> {
    let value: cbor2::Value = cbor2::from_slice(bytes).ok()?;
    (cbor2::to_canonical_vec(&value).ok()? == bytes).then(|| of_cbor2(&value))
}

fn of_dcbor(value: &dcbor::CBOR) -> Value {
    use dcbor::{CBORCase, Simple};
    match value.as_case() {
        CBORCase::Unsigned(value) => Value::Integer((*value).into()),
        CBORCase::Negative(n) => Value::Integer(-1 - i128::from(*n)),
        CBORCase::Text(text) => Value::Text(text.clone()),
        CBORCase::Array(items) => Value::Array(items.iter().map(of_dcbor).collect()),
        CBORCase::Map(map) => {
            let member = |(key, value): (&dcbor::CBOR, &dcbor::CBOR)| match of_dcbor(key) {
                Value::Text(key) => Some((key, of_dcbor(value))),
                _ => None,
            };
            map.iter()
                .map(member)
                .collect::<Option<_>>()
                .map_or(Value::Outside, Value::Map)
        }
        CBORCase::Tagged(tag, text) if tag.value() == 0 => match of_dcbor(text) {
            Value::Text(text) => Value::Time(text),
            _ => Value::Outside,
        },
        CBORCase::Simple(Simple::False) => Value::Bool(false),
        CBORCase::Simple(Simple::True) => Value::Bool(true),
        CBORCase::Simple(Simple::Null) => Value::Null,
        CBORCase::Simple(Simple::Float(float)) if float.is_finite() => Value::Float(float.to_bits()),
        CBORCase::ByteString(_) | CBORCase::Tagged(..) | CBORCase::Simple(_) => Value::Outside,
    }
}

fn by_dcbor(bytes: &[u8]) -> Option<Value> {
    dcbor::CBOR::try_from_data(bytes).ok().map(|value| of_dcbor(&value))
}

/// Values, with texts of pieces whose normalisation is known.
fn values() -> impl Strategy<Value = Value> {
    let piece = || prop::sample::select(vec!["a", "Z", "0", " ", "\"", "\0", "é", "€", "🔑", "e\u{301}", "key-"]);
    let text = move || vec(piece(), 0..6).prop_map(|pieces| pieces.concat());
    let integer = prop_oneof![any::<u8>().prop_map(i128::from), any::<u64>().prop_map(i128::from)];
    let float = prop_oneof![
        any::<f64>(),
        any::<f32>().prop_map(f64::from),
        any::<i16>().prop_map(|value| f64::from(value) / 64.0),
        any::<u16>().prop_map(f64::from),
    ];
    let leaf = prop_oneof![
        integer.clone().prop_map(Value::Integer),
        integer.prop_map(|n| Value::Integer(-1 - n)),
        float.prop_map(|value| Value::Float(if value.is_finite() { value } else { 0.5 }.to_bits())),
        text().prop_map(Value::Text),
        (1970..2100_u32, 1..=12_u32, 1..=28_u32, 0..24_u32)
            .prop_map(|(y, m, d, h)| Value::Time(format!("{y}-{m:02}-{d:02}T{h:02}:00:00Z"))),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let members = prop::collection::btree_map(text(), inner.clone(), 0..6);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| {
                let mut members: Vec<_> = members.into_iter().collect();
                members.sort_by(|(a, _), (b, _)| ohp::cbor::compare_keys(a, b));
                Value::Map(members)
            }),
        ]
    })
}

/// Writes values as an encoder would that now and then takes a liberty.
struct Sloppy {
    out: Vec<u8>,
    /// One byte for each choice; all choices behind their end are canonical.
    choices: std::vec::IntoIter<u8>,
}

impl Sloppy {
    fn liberty(&mut self) -> bool {
        self.choices.next().is_some_and(|choice| choice > 230)
    }

    fn head(&mut self, major: u8, argument: u64) {
        let widen = usize::from(self.liberty());
        let bytes = argument.to_be_bytes();
        let width = match argument {
            0..24 => 0,
            24..0x100 => 1,
            0x100..0x1_0000 => 2,
            0x1_0000..0x1_0000_0000 => 3,
            _ => 4,
        };
        match (width + widen).min(4) {
            0 => self.out.push(major << 5 | argument as u8),
            width => {
                self.out.push(major << 5 | (23 + width as u8));
                self.out.extend_from_slice(&bytes[8 - (1 << (width - 1))..]);
            }
        }
    }

    fn container(&mut self, major: u8, len: usize, content: impl FnOnce(&mut Self)) {
        let indefinite = self.liberty();
        if indefinite {
            self.out.push(major << 5 | 31);
        } else {
            self.head(major, len as u64);
        }
        content(self);
        if indefinite {
            self.out.push(0xff);
        }
    }

    fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Integer(integer) if *integer >= 0 => self.head(0, *integer as u64),
            Value::Integer(integer) => self.head(1, (-1 - integer) as u64),
            Value::Float(bits) if self.liberty() => {
                self.out.push(0xfb);
                self.out.extend_from_slice(&bits.to_be_bytes());
            }
            Value::Float(bits) => {
                let mut shortest = [0; 9];
                let mut writer = Writer::new(&mut shortest);
                writer.float(f64::from_bits(*bits)).expect("finite");
                self.out.extend_from_slice(writer.written());
            }
            Value::Text(text) => self.text(text),
            Value::Time(text) => {
                self.head(6, 0);
                self.text(text);
            }
            Value::Bool(value) => self.out.push(0xf4 + u8::from(*value)),
            Value::Null => self.out.push(0xf6),
            Value::Array(items) => {
                self.container(4, items.len(), |this| items.iter().for_each(|item| this.value(item)))
            }
            Value::Map(members) => {
                let mut members: Vec<_> = members.iter().collect();
                if members.len() > 1 && self.liberty() {
                    members.swap(0, 1);
                }
                if !members.is_empty() && self.liberty() {
                    members.insert(0, members[0]);
                }
                self.container(5, members.len(), |this| {
                    for (key, value) in members {
                        this.text(key);
                        this.value(value);
                    }
                });
            }
            Value::Outside => unreachable!("not generated"),
        }
    }
}

fn is_outside(_: &[u8], ours: &Option<Value>, theirs: &Option<Value>) -> bool {
    ours.is_none()
        && theirs
            .as_ref()
            .is_some_and(|value| value.any(&|value| *value == Value::Outside))
}

fn is_deep(_: &[u8], ours: &Option<Value>, theirs: &Option<Value>) -> bool {
    ours.is_none() && theirs.as_ref().is_some_and(|value| value.depth() > MAX_DEPTH)
}

/// dcbor writes a float with the value of an integer as that integer.
fn is_whole_float(_: &[u8], ours: &Option<Value>, theirs: &Option<Value>) -> bool {
    let is_whole = |value: &Value| match value {
        Value::Float(bits) => f64::from_bits(*bits).fract() == 0.0,
        _ => false,
    };
    theirs.is_none() && ours.as_ref().is_some_and(|value| value.any(&is_whole))
}

/// dcbor takes the float for `-1 - n`, computes `n` as a float, and is one off where that cannot hold it.
fn is_one_off(_: &[u8], ours: &Option<Value>, theirs: &Option<Value>) -> bool {
    fn reduced(value: &Value) -> Value {
        match value {
            Value::Float(bits) if f64::from_bits(*bits).fract() == 0.0 && f64::from_bits(*bits) < -16_777_216.0 => {
                Value::Integer(f64::from_bits(*bits) as i128 - 1)
            }
            Value::Array(items) => Value::Array(items.iter().map(reduced).collect()),
            Value::Map(members) => {
                let member = |(key, value): &(String, Value)| (key.clone(), reduced(value));
                Value::Map(members.iter().map(member).collect())
            }
            other => other.clone(),
        }
    }
    theirs.is_some() && ours.as_ref().map(reduced) == *theirs
}

fn is_not_normalised(_: &[u8], ours: &Option<Value>, theirs: &Option<Value>) -> bool {
    let is_decomposed = |value: &Value| match value {
        Value::Text(text) => ["e\u{301}", "u\u{308}"].iter().any(|pair| text.contains(pair)),
        _ => false,
    };
    theirs.is_none() && ours.as_ref().is_some_and(|value| value.any(&is_decomposed))
}

/// The inputs of the CBOR suites. dcbor's recursion has no bound, so what is nested deeper than 200 is left out.
fn suites() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Suite::inputs("cbor-fxamacker-corpus", &[".cbor"]);
    inputs.extend(Suite::inputs("ipld-dagcbor", &[".dag-cbor"]));
    for (name, json) in Suite::inputs("cbor-appendix-a", &[".json"]) {
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&json).expect("JSON");
        inputs.extend(
            cases
                .iter()
                .map(|case| (name.clone(), from_hex(case["hex"].as_str().expect("hex")))),
        );
    }
    for (name, edn) in Suite::inputs("cbor-wg-rfc8949", &[".edn"]) {
        let text = String::from_utf8(edn).expect("text");
        let hex = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("\"encoded\": h'")?.split('\'').next());
        inputs.extend(hex.map(|hex| (name.clone(), from_hex(hex))));
    }
    let nested = |input: &[u8]| {
        input
            .iter()
            .filter(|byte| matches!(**byte, 0x81 | 0x9f | 0xa1 | 0xbf | 0xc0..=0xdb))
            .count()
    };
    inputs.push(("40 arrays".to_owned(), vec![0x81; 40].into_iter().chain([0]).collect()));
    inputs.retain(|(_, input)| nested(input) <= 200);
    inputs
}

#[test]
fn cbor_is_read_and_called_canonical_as_by_cbor2_and_dcbor() {
    let outside = || Difference {
        why: "The data model is JSON's: no byte strings, other tags, other simple values, other keys, NaN, infinities.",
        is: is_outside,
    };
    let deep = || Difference {
        why: "Nesting is bounded at 32.",
        is: is_deep,
    };
    let mut first = Oracle::new("cbor2", [outside(), deep()]);
    let mut second = Oracle::new(
        "dcbor",
        [
            outside(),
            deep(),
            Difference {
                why: "dCBOR turns a float with an integer's value into that integer; here 1.0 stays a float.",
                is: is_whole_float,
            },
            Difference {
                why: "dcbor also takes a large negative float for an integer, and for one too small by 1: its mistake.",
                is: is_one_off,
            },
            Difference {
                why: "dCBOR wants texts in normalisation form C; here they stay as they are.",
                is: is_not_normalised,
            },
        ],
    );
    let mut compare = |whence: &str, bytes: &[u8]| {
        first.compare(whence, bytes, ours(bytes), by_cbor2(bytes));
        second.compare(whence, bytes, ours(bytes), by_dcbor(bytes));
    };
    let mut canonical = 0;
    generate(4000, (values(), vec(any::<u8>(), 0..12)), |(value, choices)| {
        let mut sloppy = Sloppy {
            out: Vec::new(),
            choices: choices.into_iter(),
        };
        sloppy.value(&value);
        let read = ours(&sloppy.out);
        canonical += usize::from(read.is_some());
        assert_eq!(read.map_or(Ok(()), |read| same(&read, &value)), Ok(()));
        compare("generated", &sloppy.out);
    });
    assert!((2000..3900).contains(&canonical), "{canonical} canonical inputs");
    for (name, input) in suites() {
        compare(&name, &input);
    }
    first.end();
    second.end();
}
