//! JSON documents that configure trust, read member by member; each error names the member's path.
//!
//! Such a document is local and trusted, but written by people and programs, so a member given twice is refused (of
//! two receivers or two JWK Sets, which one?), and an error says where it is, as in
//! `issuers["did:web:example.org"].jwks.keys[0].x: not base64url`. Its texts, private keys among them, are wiped when
//! the document is dropped.
//!
//! Not for envelopes: those are read by [`crate::cbor`], without allocating.

use core::fmt::{self, Write as _};
use std::string::String;
use std::vec::Vec;

use zeroize::Zeroizing;

use crate::cbor::json::{self, ErrorKind, Plain};
use crate::cbor::{Item, MAX_INPUT_LEN, Map};
use crate::crypto::ed25519::BadKey;
use crate::crypto::es256;
use crate::time::Timestamp;
use crate::trust::reserve::{self, NoMemory};
use crate::trust::{List, Text, base64url};

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    path: String,
    problem: Problem,
}

/// What can be wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The document is no JSON, or a member of one object is given twice.
    Syntax {
        /// What is wrong.
        kind: ErrorKind,
        /// In which line, from 1.
        line: usize,
        /// At which byte of the line, from 1.
        column: usize,
    },
    /// The document is longer than [`MAX_INPUT_LEN`].
    TooLong,
    /// There is not enough memory.
    Memory,
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
    /// The coordinates are no point of P-256.
    Point(es256::BadKey),
    /// An earlier key of the set has the same `kid`.
    KidTwice,
    /// The private half does not belong to the public half.
    HalvesDiffer,
}

impl Error {
    /// The member's path, such as `issuers["did:web:example.org"].jwks.keys[0].x`; of a member given twice its name
    /// alone; empty for the whole document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The error that a value at `place` is wrong in; if that cannot be written down, the lack of memory.
    fn at(place: &Place<'_, '_>, problem: Problem) -> Self {
        let mut path = Path(String::new());
        match place.write(&mut path) {
            Ok(()) => Self { path: path.0, problem },
            Err(fmt::Error) => NoMemory.into(),
        }
    }

    /// The error that the reader of JSON met in `json`.
    fn syntax(json: &[u8], json::Error { kind, offset }: json::Error) -> Self {
        let before = json.get(..offset).unwrap_or(json);
        let problem = Problem::Syntax {
            kind,
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1,
        };
        if kind != ErrorKind::DuplicateKey {
            return Self::at(&Place::Root, problem);
        }
        match key_at(json.get(offset..).unwrap_or_default()) {
            Ok(key) => {
                let name = Item::trusted(&key).as_text().unwrap_or_default();
                Self::at(&Place::Member(&Place::Root, name), problem)
            }
            Err(no_memory) => no_memory.into(),
        }
    }
}

impl From<NoMemory> for Error {
    fn from(NoMemory: NoMemory) -> Self {
        Self {
            path: String::new(),
            problem: Problem::Memory,
        }
    }
}

/// The key that `json` begins with, as CBOR.
fn key_at(json: &[u8]) -> Result<Vec<u8>, NoMemory> {
    let mut escaped = true;
    let end = json.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    let json = end.and_then(|end| json.get(..=end)).unwrap_or_default();
    let mut key = reserve::zeros(json::max_cbor_len(json.len()))?;
    let len = json::to_cbor(json, Plain, &mut [], &mut key).map_or(0, <[u8]>::len);
    key.truncate(len);
    Ok(key)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.problem {
            Problem::Syntax { kind, line, column } => write!(f, "{kind} (line {line} column {column})"),
            Problem::TooLong => write!(f, "longer than {MAX_INPUT_LEN} bytes"),
            Problem::Memory => f.write_str("not enough memory"),
            Problem::Missing => f.write_str("missing"),
            Problem::Expected(what) => write!(f, "expected {what}"),
            Problem::NotBase64Url => f.write_str("not base64url (RFC 7515: no padding, no line breaks)"),
            Problem::NotBase64 => f.write_str("not base64 (RFC 4648 §4, with padding)"),
            Problem::Length(bytes) => write!(f, "expected the base64 text of {bytes} bytes"),
            Problem::Key(bad) => bad.fmt(f),
            Problem::Point(bad) => bad.fmt(f),
            Problem::KidTwice => f.write_str("an earlier key of this set has the same kid"),
            Problem::HalvesDiffer => f.write_str("the private key does not belong to the public key"),
        }
    }
}

impl core::error::Error for Error {}

/// A parsed document: its canonical CBOR, in which texts stand without escapes and members can be looked up.
pub(crate) struct Document(Zeroizing<Vec<u8>>);

impl Document {
    /// Parses `json`, which may be [`MAX_INPUT_LEN`] bytes long and nest 32 deep.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        if json.len() > MAX_INPUT_LEN {
            return Err(Error::at(&Place::Root, Problem::TooLong));
        }
        let mut scratch = Zeroizing::new(reserve::zeros(json::scratch_len(json.len()))?);
        let mut cbor = Zeroizing::new(reserve::zeros(json::max_cbor_len(json.len()))?);
        let len = json::to_cbor(json, Plain, &mut scratch, &mut cbor)
            .map_err(|error| Error::syntax(json, error))?
            .len();
        cbor.truncate(len);
        Ok(Self(cbor))
    }

    /// The document as a whole.
    pub(crate) fn root(&self) -> Node<'_, '_> {
        Node {
            item: Item::trusted(&self.0),
            place: Place::Root,
        }
    }
}

/// A path that is being written.
struct Path(String);

impl fmt::Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(text);
        Ok(())
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
    fn write(&self, path: &mut Path) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Member(parent, name) => {
                parent.write(path)?;
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if !name.is_empty() && name.bytes().all(plain) {
                    if !path.0.is_empty() {
                        path.write_str(".")?;
                    }
                    path.write_str(name)
                } else {
                    path.write_str("[")?;
                    json::quote(path, name)?;
                    path.write_str("]")
                }
            }
            Place::Item(parent, at) => {
                parent.write(path)?;
                write!(path, "[{at}]")
            }
        }
    }
}

/// A value of a document, and its place in it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'v, 'p> {
    item: Item<'v>,
    place: Place<'v, 'p>,
}

impl<'v> Node<'v, '_> {
    /// The error that this value is wrong in.
    pub(crate) fn wrong(&self, problem: Problem) -> Error {
        Error::at(&self.place, problem)
    }

    fn expected(&self, what: &'static str) -> Error {
        self.wrong(Problem::Expected(what))
    }

    fn object(&self) -> Result<Map<'v>, Error> {
        self.item.map().ok_or_else(|| self.expected("an object"))
    }

    /// Reads the member `name`, which must be there.
    pub(crate) fn need<T>(
        &self,
        name: &'v str,
        read: impl FnOnce(Node<'v, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let missing = || Error::at(&Place::Member(&self.place, name), Problem::Missing);
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
            .map(|item| read(Node { item, place }))
            .transpose()
    }

    /// Reads all members of an object: shorter names first, and names of one length in the order of their bytes.
    pub(crate) fn members<T>(
        &self,
        mut read: impl FnMut(&'v str, Node<'v, '_>) -> Result<T, Error>,
    ) -> Result<List<T>, Error> {
        let members = self.object()?;
        let read = |(name, item)| {
            let place = Place::Member(&self.place, name);
            read(name, Node { item, place })
        };
        reserve::list(members.len(), members.iter().map(read))
    }

    /// Reads all items of a list.
    pub(crate) fn items<T>(&self, mut read: impl FnMut(Node<'v, '_>) -> Result<T, Error>) -> Result<List<T>, Error> {
        let items = self.item.array().ok_or_else(|| self.expected("a list"))?;
        let read = |(at, item)| {
            let place = Place::Item(&self.place, at);
            read(Node { item, place })
        };
        reserve::list(items.len(), items.iter().enumerate().map(read))
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&'v str, Error> {
        self.item.as_text().ok_or_else(|| self.expected("a text"))
    }

    /// A text, kept.
    pub(crate) fn owned(&self) -> Result<Text, Error> {
        Ok(reserve::text(self.text()?)?)
    }

    /// A text, kept, or `null`.
    pub(crate) fn nullable(&self) -> Result<Option<Text>, Error> {
        if self.item.is_null() {
            Ok(None)
        } else {
            self.owned().map(Some)
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
        self.item.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// A natural number of a type that may be narrower than 64 bits; `what` tells its range.
    pub(crate) fn number<T: TryFrom<u64>>(&self, what: &'static str) -> Result<T, Error> {
        let number = self.item.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.and_then(|number| T::try_from(number).ok());
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
        let mut other = Zeroizing::new(reserve::zeros(text.len())?);
        let problem = match base64url::decode(text, &mut other) {
            Some(_) => Problem::Length(out.len()),
            None => Problem::NotBase64Url,
        };
        Err(self.wrong(problem))
    }
}
