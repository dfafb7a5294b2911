//! JSON documents that configure trust, read member by member; each error names the member's path.
//!
//! Such a document is local and trusted, but written by people and programs, so a member given twice is refused (of
//! two receivers or two JWK Sets, which one?), and an error says where it is, as in
//! `issuers["did:web:example.org"].jwks.keys[0].x: not base64url`. Its texts, private keys among them, are wiped when
//! the document is dropped.
//!
//! Not for envelopes: those are read by [`crate::cbor`], without allocating.

use core::fmt;
use std::borrow::ToOwned as _;
use std::boxed::Box;
use std::format;
use std::string::{String, ToString as _};
use std::vec::Vec;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::Zeroize as _;

use crate::crypto::ed25519::BadKey;
use crate::time::Timestamp;
use crate::trust::{List, Text, base64url};

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    path: Box<str>,
    problem: Problem,
}

/// What can be wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The document is no JSON, or a member of one object is given twice; the message names line and column.
    Syntax(Box<str>),
    /// The member must be there.
    Missing,
    /// The value is of another kind, or not among the values that are allowed; holds what was expected.
    Expected(&'static str),
    /// The text is not base64url without padding, or not its canonical form.
    NotBase64Url,
    /// The text is not padded base64.
    NotBase64,
    /// The text decodes to another number of bytes than this.
    Length(usize),
    /// The bytes are no Ed25519 public key that can be trusted.
    Key(BadKey),
    /// An earlier key of the set has the same `kid`.
    KidTwice,
    /// The private half does not belong to the public half.
    HalvesDiffer,
}

impl Error {
    /// The member's path, such as `issuers["did:web:example.org"].jwks.keys[0].x`; empty for the whole document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.problem {
            Problem::Syntax(message) => f.write_str(message),
            Problem::Missing => f.write_str("missing"),
            Problem::Expected(what) => write!(f, "expected {what}"),
            Problem::NotBase64Url => f.write_str("not base64url (RFC 7515: no padding, no line breaks)"),
            Problem::NotBase64 => f.write_str("not base64 (RFC 4648 §4, with padding)"),
            Problem::Length(bytes) => write!(f, "expected the base64 text of {bytes} bytes"),
            Problem::Key(bad) => bad.fmt(f),
            Problem::KidTwice => f.write_str("an earlier key of this set has the same kid"),
            Problem::HalvesDiffer => f.write_str("the private key does not belong to the public key"),
        }
    }
}

impl core::error::Error for Error {}

/// A parsed document.
pub(crate) struct Document(Value);

impl Document {
    /// Parses `json`; serde_json bounds its depth (128).
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        let mut parser = serde_json::Deserializer::from_slice(json);
        let document = Strict.deserialize(&mut parser).map(Self);
        document
            .and_then(|document| parser.end().map(|()| document))
            .map_err(|error| Error {
                path: "".into(),
                problem: Problem::Syntax(error.to_string().into()),
            })
    }

    /// The document as a whole.
    pub(crate) fn root(&self) -> Node<'_, '_> {
        Node {
            value: &self.0,
            place: Place::Root,
        }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let mut left = Vec::from([&mut self.0]);
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => text.zeroize(),
                Value::Array(items) => left.extend(items),
                Value::Object(members) => left.extend(members.values_mut()),
                _ => {}
            }
        }
    }
}

/// Where a value stands: a path that is only written down when there is an error.
#[derive(Clone, Copy)]
enum Place<'v, 'p> {
    Root,
    Member(&'p Place<'v, 'p>, &'v str),
    Item(&'p Place<'v, 'p>, usize),
}

impl Place<'_, '_> {
    fn write(&self, path: &mut String) {
        match self {
            Place::Root => {}
            Place::Member(parent, name) => {
                parent.write(path);
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if !name.is_empty() && name.bytes().all(plain) {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                } else {
                    path.push_str(&format!("[{}]", Value::from(*name)));
                }
            }
            Place::Item(parent, at) => {
                parent.write(path);
                path.push_str(&format!("[{at}]"));
            }
        }
    }
}

/// A value of a document, and its place in it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'v, 'p> {
    value: &'v Value,
    place: Place<'v, 'p>,
}

impl<'v> Node<'v, '_> {
    /// The error that this value is wrong in.
    pub(crate) fn wrong(&self, problem: Problem) -> Error {
        let mut path = String::new();
        self.place.write(&mut path);
        Error {
            path: path.into(),
            problem,
        }
    }

    fn expected(&self, what: &'static str) -> Error {
        self.wrong(Problem::Expected(what))
    }

    fn object(&self) -> Result<&'v Map<String, Value>, Error> {
        self.value.as_object().ok_or_else(|| self.expected("an object"))
    }

    /// Reads the member `name`, which must be there.
    pub(crate) fn need<T>(
        &self,
        name: &'v str,
        read: impl FnOnce(Node<'v, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let missing = || {
            let place = Place::Member(&self.place, name);
            Node {
                value: self.value,
                place,
            }
            .wrong(Problem::Missing)
        };
        self.optional(name, read)?.ok_or_else(missing)
    }

    /// Reads the member `name`, if it is there.
    pub(crate) fn optional<T>(
        &self,
        name: &'v str,
        read: impl FnOnce(Node<'v, '_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let place = Place::Member(&self.place, name);
        self.object()?
            .get(name)
            .map(|value| read(Node { value, place }))
            .transpose()
    }

    /// Reads all members of an object, in the order of their names.
    pub(crate) fn members<T>(
        &self,
        mut read: impl FnMut(&'v str, Node<'v, '_>) -> Result<T, Error>,
    ) -> Result<List<T>, Error> {
        self.object()?
            .iter()
            .map(|(name, value)| {
                let place = Place::Member(&self.place, name);
                read(name, Node { value, place })
            })
            .collect()
    }

    /// Reads all items of a list.
    pub(crate) fn items<T>(&self, mut read: impl FnMut(Node<'v, '_>) -> Result<T, Error>) -> Result<List<T>, Error> {
        let items = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        items
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let place = Place::Item(&self.place, at);
                read(Node { value, place })
            })
            .collect()
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&'v str, Error> {
        self.value.as_str().ok_or_else(|| self.expected("a text"))
    }

    /// A text, kept.
    pub(crate) fn owned(&self) -> Result<Text, Error> {
        Ok(self.text()?.into())
    }

    /// A text, kept, or `null`.
    pub(crate) fn nullable(&self) -> Result<Option<Text>, Error> {
        match self.value {
            Value::Null => Ok(None),
            _ => self.owned().map(Some),
        }
    }

    /// A list of texts, kept.
    pub(crate) fn texts(&self) -> Result<List<Text>, Error> {
        self.items(|item| item.owned())
    }

    /// A word that `parse` knows; `what` lists the words.
    pub(crate) fn word<T>(&self, what: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        parse(self.text()?).ok_or_else(|| self.expected(what))
    }

    /// `true` or `false`.
    pub(crate) fn truth(&self) -> Result<bool, Error> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// A natural number of a type that may be narrower than 64 bits; `what` tells its range.
    pub(crate) fn number<T: TryFrom<u64>>(&self, what: &'static str) -> Result<T, Error> {
        let number = self.value.as_u64().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.expected(what))
    }

    /// An RFC 3339 date-time.
    pub(crate) fn time(&self) -> Result<Timestamp, Error> {
        let what = "an RFC 3339 date-time such as 2026-05-28T13:42:11Z";
        self.word(what, |text| Timestamp::parse_rfc3339(text).ok())
    }

    /// `N` bytes in base64url.
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.bytes_into(&mut bytes)?;
        Ok(bytes)
    }

    /// As many bytes as `out` has, in base64url.
    pub(crate) fn bytes_into(&self, out: &mut [u8]) -> Result<(), Error> {
        let text = self.text()?;
        if text.len() == base64url::encoded_len(out.len()) {
            let len = out.len();
            return match base64url::decode(text, out) {
                Some(bytes) if bytes.len() == len => Ok(()),
                _ => Err(self.wrong(Problem::NotBase64Url)),
            };
        }
        let mut other = Vec::from_iter(core::iter::repeat_n(0, text.len()));
        let problem = match base64url::decode(text, &mut other) {
            Some(_) => Problem::Length(out.len()),
            None => Problem::NotBase64Url,
        };
        other.zeroize();
        Err(self.wrong(problem))
    }
}

/// Builds a [`Value`], refusing a member that is given twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(serde::de::Error::custom(format_args!(
                    "member {} is given twice",
                    Value::from(name)
                )));
            }
            let value = members.next_value_seed(Strict)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}
