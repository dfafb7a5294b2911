//! The `Content-Type` of an INFO: which of the binding's media types, and the parameters of a chunk.
//!
//! The grammar is RFC 3261 §20.15 made tolerant the way the field demands: parameters in any case, tokens or quoted
//! strings, `,` for `;` as in the protocol's own example, blanks and folds anywhere between tokens. A parameter that
//! stands twice is an error, because two readers could take different ones.

use core::fmt;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::combinator::value;
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded, separated_pair};
use nom::{IResult, Parser};

use super::header::{is_fold_char, is_same, is_token};
use crate::error::At;
use crate::id::{ENVELOPE_ID_LEN, EnvelopeId};

/// Most parameters that one header value may have; the binding uses four.
pub const PARAMETERS_MAX: usize = 16;

/// Longest boundary in bytes (RFC 2046 §5.1.1).
pub const BOUNDARY_MAX: usize = 70;

/// What is wrong with a `Content-Type` or an `OHP-Chunk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The value does not start with `type/subtype`.
    MediaType,
    /// A parameter is not `name=token` or `name="text"`.
    Parameter,
    /// A parameter stands twice.
    Repeated,
    /// More than [`PARAMETERS_MAX`] parameters.
    TooMany,
    /// `boundary` is not 1 to 70 characters of RFC 2046's set.
    Boundary,
    /// `total-chunks` or `chunk` is not a decimal number below 2^32.
    Number,
    /// `id` is not `cse_` and a ULID.
    Id,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::MediaType => "Content-Type does not start with `type/subtype`",
            ErrorKind::Parameter => "parameter is not `name=token` or `name=\"text\"`",
            ErrorKind::Repeated => "parameter stands twice, which leaves open which of the two counts",
            ErrorKind::TooMany => "more than 16 parameters",
            ErrorKind::Boundary => "boundary is not 1 to 70 characters of those that RFC 2046 allows",
            ErrorKind::Number => "chunk number is not a decimal number",
            ErrorKind::Id => "id is not `cse_` and 26 characters of a ULID",
        })
    }
}

/// An [`ErrorKind`] and its offset in the header's value.
pub type Error = At<ErrorKind>;

/// The media types of the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/ohp+cbor`.
    Cbor,
    /// `application/ohp+json`.
    Json,
    /// `application/json`: read as an envelope, but not enough to tell that an INFO is ours.
    PlainJson,
    /// `multipart/ohp`: one chunk of an envelope.
    Chunk,
    /// Any other.
    Other,
}

impl MediaType {
    /// The media type that a `Content-Type` value names, its parameters not looked at.
    pub fn of(value: &str) -> Self {
        let name = value
            .find([';', ','])
            .map_or(value, |end| value.get(..end).unwrap_or(value));
        match media_type(name) {
            Ok((_, (kind, subtype))) => Self::named(kind, subtype),
            Err(_) => MediaType::Other,
        }
    }

    fn named(kind: &str, subtype: &str) -> Self {
        const NAMES: [(&str, &str, MediaType); 4] = [
            ("application", "ohp+cbor", MediaType::Cbor),
            ("application", "ohp+json", MediaType::Json),
            ("application", "json", MediaType::PlainJson),
            ("multipart", "ohp", MediaType::Chunk),
        ];
        let same =
            |name: &&(&str, &str, MediaType)| is_same(name.1, subtype.as_bytes()) && is_same(name.0, kind.as_bytes());
        NAMES.iter().find(same).map_or(MediaType::Other, |name| name.2)
    }

    /// The name on the wire; empty for [`MediaType::Other`].
    pub const fn as_str(self) -> &'static str {
        match self {
            MediaType::Cbor => "application/ohp+cbor",
            MediaType::Json => "application/ohp+json",
            MediaType::PlainJson => "application/json",
            MediaType::Chunk => "multipart/ohp",
            MediaType::Other => "",
        }
    }
}

/// A multipart boundary, 1 to 70 characters of RFC 2046's set, unquoted.
#[derive(Clone, Copy)]
pub struct Boundary {
    text: [u8; BOUNDARY_MAX],
    len: u8,
}

impl Boundary {
    /// Takes a boundary from its unquoted characters; `None` if they are none, too many, or outside RFC 2046's set.
    pub fn new(chars: impl IntoIterator<Item = char>) -> Option<Self> {
        let mut boundary = Self {
            text: [0; BOUNDARY_MAX],
            len: 0,
        };
        for c in chars {
            let byte = u8::try_from(c).ok().filter(|byte| is_boundary_char(*byte))?;
            *boundary.text.get_mut(usize::from(boundary.len))? = byte;
            boundary.len += 1;
        }
        // RFC 2046: "not ending with white space", and never empty.
        boundary.as_bytes().last().filter(|last| **last != b' ')?;
        Some(boundary)
    }

    /// The boundary's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The boundary's text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl PartialEq for Boundary {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Boundary {}

impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// RFC 2046 §5.1.1, `bchars`; the rest of a token's characters are let in too, since SIP stacks generate them.
fn is_boundary_char(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'(' | b')' | b'/' | b':' | b'=' | b'?' | b',' | b' ')
}

/// A `Content-Type`, read. Parameters that the binding does not know are stepped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// The media type.
    pub media: MediaType,
    /// `boundary`.
    pub boundary: Option<Boundary>,
    /// `total-chunks`, not yet held against its limits.
    pub total: Option<u32>,
    /// `chunk`, counted from 1, not yet held against its limits.
    pub chunk: Option<u32>,
    /// `id`.
    pub id: Option<EnvelopeId>,
}

impl ContentType {
    /// Reads a `Content-Type` value. Of a media type that is not the binding's, the parameters are not looked at.
    ///
    /// # Errors
    /// [`Error`] with its offset in `text`; each is answered 400.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (rest, (kind, subtype)) = media_type(text).map_err(|_| At::new(ErrorKind::MediaType, 0))?;
        let mut content_type = Self {
            media: MediaType::named(kind, subtype),
            boundary: None,
            total: None,
            chunk: None,
            id: None,
        };
        if content_type.media == MediaType::Other {
            return Ok(content_type);
        }
        for parameter in Parameters::after(text, rest) {
            let parameter = parameter?;
            if parameter.is("boundary") {
                let boundary = Boundary::new(parameter.value.chars());
                content_type.boundary = Some(boundary.ok_or(At::new(ErrorKind::Boundary, parameter.offset))?);
            } else if parameter.is("total-chunks") {
                content_type.total = Some(parameter.number()?);
            } else if parameter.is("chunk") {
                content_type.chunk = Some(parameter.number()?);
            } else if parameter.is("id") {
                content_type.id = Some(parameter.envelope_id()?);
            }
        }
        Ok(content_type)
    }
}

/// The value of an `OHP-Chunk` header inside a chunk, `K/N; id=cse_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// K, counted from 1, not yet held against its limits.
    pub chunk: u32,
    /// N, not yet held against its limits.
    pub total: u32,
    /// The envelope's identifier.
    pub id: Option<EnvelopeId>,
}

impl ChunkPlace {
    /// Reads an `OHP-Chunk` value.
    ///
    /// # Errors
    /// [`Error`] with its offset in `text`; each is answered 400.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = |input| take_while1(|c: char| c.is_ascii_digit()).parse(input);
        let slash = (blank, tag("/"), blank);
        let place: IResult<&str, (&str, &str)> = separated_pair(digits, slash, digits).parse(text);
        let (rest, (chunk, total)) = place.map_err(|_| At::new(ErrorKind::Number, 0))?;
        let number = |digits: &str| digits.parse().map_err(|_| At::new(ErrorKind::Number, 0));
        let mut place = Self {
            chunk: number(chunk)?,
            total: number(total)?,
            id: None,
        };
        for parameter in Parameters::after(text, rest) {
            let parameter = parameter?;
            if parameter.is("id") {
                place.id = Some(parameter.envelope_id()?);
            }
        }
        Ok(place)
    }
}

/// A parameter's value: a token, or the inside of a quoted string with its escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    text: &'a str,
    quoted: bool,
}

impl<'a> Value<'a> {
    /// The value's characters, escapes resolved.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        let mut chars = self.text.chars();
        core::iter::from_fn(move || match chars.next() {
            Some('\\') if self.quoted => chars.next(),
            c => c,
        })
    }
}

/// One parameter of a header value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name, as it was written.
    pub name: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// Where the name starts in the header's value.
    pub offset: usize,
}

impl Parameter<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn number(&self) -> Result<u32, Error> {
        let digits = self.value.chars().try_fold(None, |number: Option<u32>, c| {
            let digit = c.to_digit(10)?;
            number.unwrap_or(0).checked_mul(10)?.checked_add(digit).map(Some)
        });
        digits.flatten().ok_or(At::new(ErrorKind::Number, self.offset))
    }

    fn envelope_id(&self) -> Result<EnvelopeId, Error> {
        let mut text = [0; ENVELOPE_ID_LEN];
        let mut len = 0;
        for c in self.value.chars() {
            if let (Some(place), Ok(byte)) = (text.get_mut(len), u8::try_from(c)) {
                *place = byte;
            }
            len += 1;
        }
        let text = core::str::from_utf8(&text).ok().filter(|_| len == ENVELOPE_ID_LEN);
        text.and_then(EnvelopeId::parse)
            .ok_or(At::new(ErrorKind::Id, self.offset))
    }
}

/// The parameters that follow a header's first item. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    text: &'a str,
    rest: &'a str,
    seen: [&'a str; PARAMETERS_MAX],
    count: usize,
}

impl<'a> Parameters<'a> {
    /// The parameters in `rest`, the tail of `text`, to which offsets refer.
    pub fn after(text: &'a str, rest: &'a str) -> Self {
        Self {
            text,
            rest,
            seen: [""; PARAMETERS_MAX],
            count: 0,
        }
    }

    fn record(&mut self, name: &'a str) -> Result<(), ErrorKind> {
        let seen = self.seen.get(..self.count).unwrap_or_default();
        if seen.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(ErrorKind::Repeated);
        }
        *self.seen.get_mut(self.count).ok_or(ErrorKind::TooMany)? = name;
        self.count += 1;
        Ok(())
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // A separator with nothing after it is written by more than one stack.
        let (rest, separators) = separators(self.rest).unwrap_or((self.rest, 0));
        self.rest = rest;
        if rest.is_empty() {
            return None;
        }
        let offset = self.text.len() - rest.len();
        let parsed = match parameter(rest) {
            Ok((rest, (name, value))) if separators > 0 => self.record(name).map(|()| {
                self.rest = rest;
                Parameter { name, value, offset }
            }),
            _ => Err(ErrorKind::Parameter),
        };
        if parsed.is_err() {
            self.rest = "";
        }
        Some(parsed.map_err(|kind| At::new(kind, offset)))
    }
}

fn media_type(input: &str) -> IResult<&str, (&str, &str)> {
    let slash = (blank, tag("/"), blank);
    preceded(blank, separated_pair(token, slash, token)).parse(input)
}

/// Any number of separators and blanks; how many separators there were.
fn separators(input: &str) -> IResult<&str, usize> {
    delimited(blank, many0_count((alt((tag(";"), tag(","))), blank)), blank).parse(input)
}

fn parameter(input: &str) -> IResult<&str, (&str, Value<'_>)> {
    let equals = (blank, tag("="), blank);
    separated_pair(token, equals, alt((quoted, bare))).parse(input)
}

// These two cut with a check, where nom would cut without: so the compiler sees that neither panics.

fn quoted(input: &str) -> IResult<&str, Value<'_>> {
    let cut = || {
        let inside = input.strip_prefix('"')?;
        let mut is_escaped = false;
        let is_end = |(_, c): &(usize, char)| {
            let is_end = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            is_end
        };
        let (end, _) = inside.char_indices().find(is_end)?;
        let (text, rest) = inside.split_at_checked(end)?;
        Some((rest.strip_prefix('"')?, Value { text, quoted: true }))
    };
    cut().ok_or(refused(input))
}

fn tag(text: &'static str) -> impl Fn(&str) -> IResult<&str, &str> {
    move |input| {
        let rest = input.strip_prefix(text).ok_or(refused(input))?;
        Ok((rest, text))
    }
}

fn refused(input: &str) -> nom::Err<nom::error::Error<&str>> {
    nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Tag))
}

/// A token, with the characters that RFC 2046 lets into a boundary and senders forget to quote.
fn bare(input: &str) -> IResult<&str, Value<'_>> {
    let text =
        take_while1(|c: char| u8::try_from(c).is_ok_and(|byte| is_boundary_char(byte) && !matches!(byte, b',' | b' ')));
    text.map(|text| Value { text, quoted: false }).parse(input)
}

fn token(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| u8::try_from(c).is_ok_and(is_token)).parse(input)
}

fn blank(input: &str) -> IResult<&str, ()> {
    value((), take_while(is_fold_char)).parse(input)
}
