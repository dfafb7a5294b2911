//! The header lines of one INFO, as a PBX hands them over: what the binding needs of them, borrowed.
//!
//! The grammar is RFC 3261 §7.3.1 (folded lines, compact forms, names in any case) with LF accepted for CRLF. It is
//! not a SIP message parser: Via, Route and the rest are stepped over, and only their `Name: value` shape is checked.

use core::fmt;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::verify;
use nom::sequence::separated_pair;
use nom::{FindSubstring, IResult, Offset, Parser};

use super::content_type::MediaType;
use super::{ContentType, INFO_PACKAGE};
use crate::error::At;

/// Longest header block in bytes that is read: what one UDP datagram can carry (RFC 768).
pub const HEADERS_MAX: usize = 65_535;

/// What is wrong with a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Longer than [`HEADERS_MAX`].
    TooLong,
    /// A line is not `Name: value`.
    Field,
    /// The value of a header that is needed is not UTF-8, or holds a control character.
    Text,
    /// A header that may stand once stands twice.
    Repeated,
    /// `CSeq` is not a number below 2^32, followed by `INFO` if by anything.
    CSeq,
    /// `Content-Length` is not a decimal number below 2^32.
    ContentLength,
    /// The body is shorter than `Content-Length` says: it was cut on its way, perhaps at a NUL by a C string.
    Truncated,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::TooLong => "header block longer than 65535 bytes",
            ErrorKind::Field => "header line is not `Name: value`",
            ErrorKind::Text => "header value is not UTF-8 text without control characters",
            ErrorKind::Repeated => "header stands twice, which leaves open which of the two counts",
            ErrorKind::CSeq => "CSeq is not `number INFO`",
            ErrorKind::ContentLength => "Content-Length is not a decimal number",
            ErrorKind::Truncated => "body is shorter than Content-Length says; hand over all its bytes, NULs included",
        })
    }
}

/// A [`ErrorKind`] and its offset in the header block (for [`ErrorKind::Truncated`]: in the body).
pub type Error = At<ErrorKind>;

/// One INFO: the headers that the binding reads, and the body. A PBX that holds single header values fills in the
/// fields and leaves the rest to `Info::default()`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Info<'a> {
    /// `Call-ID`; `None` where the block held none, since the host knows the dialog anyway.
    pub call_id: Option<&'a str>,
    /// The number of `CSeq`.
    pub cseq: Option<u32>,
    /// `Content-Type`, whole; read it with [`Info::media`].
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Content-Length` in bytes. [`Info::parse`] has already compared it with the body.
    pub content_length: Option<u32>,
    /// `Info-Package` (RFC 6086).
    pub info_package: Option<&'a str>,
    /// `OHP-Version`.
    pub ohp_version: Option<&'a str>,
    /// `OHP-Tier`.
    pub ohp_tier: Option<&'a str>,
    /// `OHP-Verb`.
    pub ohp_verb: Option<&'a str>,
    /// The body, binary.
    pub body: &'a [u8],
}

impl<'a> Info<'a> {
    /// Reads a header block: `Name: value` lines that end in CRLF or LF, up to the first empty line or the block's
    /// end. A request line before them is stepped over. `body` is the message's body; what it has beyond
    /// `Content-Length` is cut off (RFC 3261 §18.3).
    ///
    /// # Errors
    /// [`Error`] with its offset; each is answered 400.
    pub fn parse(headers: &'a [u8], body: &'a [u8]) -> Result<Self, Error> {
        let mut fields = Fields::after_request_line(headers)?;
        let info = Self::gather(&mut fields)?;
        info.with_body(body)
    }

    /// Reads a whole message, as it stands in a datagram: request line, headers, empty line, body.
    ///
    /// # Errors
    /// [`Error`] with its offset in the message; each is answered 400.
    pub fn parse_message(message: &'a [u8]) -> Result<Self, Error> {
        let mut fields = Fields::after_request_line(message)?;
        let info = Self::gather(&mut fields)?;
        let body = fields.rest();
        info.with_body(body)
            .map_err(|error| error.within(message.len() - body.len()))
    }

    fn gather(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let mut info = Self::default();
        for field in fields {
            let field = field?;
            match Needed::of(field.name) {
                None => {}
                Some(Needed::CallId) => field.store(&mut info.call_id)?,
                Some(Needed::ContentType) => field.store(&mut info.content_type)?,
                Some(Needed::ContentEncoding) => field.store(&mut info.content_encoding)?,
                Some(Needed::InfoPackage) => field.store(&mut info.info_package)?,
                Some(Needed::OhpVersion) => field.store(&mut info.ohp_version)?,
                Some(Needed::OhpTier) => field.store(&mut info.ohp_tier)?,
                Some(Needed::OhpVerb) => field.store(&mut info.ohp_verb)?,
                Some(Needed::CSeq) => field.store_number(&mut info.cseq, ErrorKind::CSeq, cseq)?,
                Some(Needed::ContentLength) => {
                    field.store_number(&mut info.content_length, ErrorKind::ContentLength, |text| {
                        text.parse().ok()
                    })?;
                }
            }
        }
        Ok(info)
    }

    fn with_body(mut self, body: &'a [u8]) -> Result<Self, Error> {
        let length = self.content_length.map_or(body.len(), |length| length as usize);
        self.body = body.get(..length).ok_or(At::new(ErrorKind::Truncated, body.len()))?;
        Ok(self)
    }

    /// The `Content-Type`, read; `None` where there is none.
    ///
    /// # Errors
    /// [`super::content_type::Error`] with its offset in the header's value.
    pub fn media(&self) -> Result<Option<ContentType>, super::content_type::Error> {
        self.content_type.map(ContentType::parse).transpose()
    }

    /// Whether this INFO is one of ours: its package is `ohp`, or it names no package and has one of the protocol's
    /// own media types. An INFO that is not (DTMF, a camera's fast update request) belongs to the host.
    pub fn is_ohp(&self) -> bool {
        match self.info_package {
            Some(package) => is_our_package(package),
            None => {
                let media = self.content_type.map(MediaType::of);
                matches!(media, Some(MediaType::Cbor | MediaType::Json | MediaType::Chunk))
            }
        }
    }
}

impl fmt::Debug for Info<'_> {
    /// The body is a caller's conversation and stays out of logs; its length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("call_id", &self.call_id)
            .field("cseq", &self.cseq)
            .field("content_type", &self.content_type)
            .field("content_encoding", &self.content_encoding)
            .field("info_package", &self.info_package)
            .field("ohp_version", &self.ohp_version)
            .field("ohp_tier", &self.ohp_tier)
            .field("ohp_verb", &self.ohp_verb)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Whether an `Info-Package` value names our package, parameters aside (RFC 6086 §7; tokens compare in any case).
pub fn is_our_package(value: &str) -> bool {
    let name = value.split(';').next().unwrap_or_default();
    name.trim_matches(is_fold_char).eq_ignore_ascii_case(INFO_PACKAGE)
}

/// The headers that the binding reads.
#[derive(Clone, Copy)]
enum Needed {
    CallId,
    CSeq,
    ContentType,
    ContentEncoding,
    ContentLength,
    InfoPackage,
    OhpVersion,
    OhpTier,
    OhpVerb,
}

impl Needed {
    /// Full names and the compact forms of RFC 3261 §20. Most headers are not ours, and a look at the length tells.
    fn of(name: &[u8]) -> Option<Self> {
        let (known, needed) = match name {
            [b'i' | b'I'] => return Some(Needed::CallId),
            [b'c' | b'C'] => return Some(Needed::ContentType),
            [b'e' | b'E'] => return Some(Needed::ContentEncoding),
            [b'l' | b'L'] => return Some(Needed::ContentLength),
            [.., b'q' | b'Q'] if name.len() == 4 => ("CSeq", Needed::CSeq),
            [.., b'd' | b'D'] if name.len() == 7 => ("Call-ID", Needed::CallId),
            [.., b'r' | b'R'] if name.len() == 8 => ("OHP-Tier", Needed::OhpTier),
            [.., b'b' | b'B'] if name.len() == 8 => ("OHP-Verb", Needed::OhpVerb),
            [.., b'n' | b'N'] if name.len() == 11 => ("OHP-Version", Needed::OhpVersion),
            [b'c' | b'C', ..] if name.len() == 12 => ("Content-Type", Needed::ContentType),
            [b'i' | b'I', ..] if name.len() == 12 => ("Info-Package", Needed::InfoPackage),
            [b'c' | b'C', ..] if name.len() == 14 => ("Content-Length", Needed::ContentLength),
            [b'c' | b'C', ..] if name.len() == 16 => ("Content-Encoding", Needed::ContentEncoding),
            _ => return None,
        };
        is_same(known, name).then_some(needed)
    }
}

/// Whether a name is `known` in any case. Nearly everyone writes it as it is registered, and that is quicker to tell.
pub(super) fn is_same(known: &str, name: &[u8]) -> bool {
    known.as_bytes() == name || known.as_bytes().eq_ignore_ascii_case(name)
}

fn cseq(text: &str) -> Option<u32> {
    let mut words = text.split(is_fold_char).filter(|word| !word.is_empty());
    let number = words.next()?.parse().ok();
    match (words.next(), words.next()) {
        (None | Some("INFO"), None) => number,
        _ => None,
    }
}

/// One `Name: value` line with the lines folded onto it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, a token, as it was written.
    pub name: &'a [u8],
    /// The value without the blanks around it; a fold inside it is still a line end and a blank.
    pub value: &'a [u8],
    /// Where the name starts in the block.
    pub offset: usize,
    /// Where the value starts in the block.
    pub value_offset: usize,
}

impl<'a> Field<'a> {
    /// The value as text.
    ///
    /// # Errors
    /// [`ErrorKind::Text`] where it is not UTF-8, or holds a control character that is no fold.
    pub fn text(&self) -> Result<&'a str, Error> {
        let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n');
        let wrong = match core::str::from_utf8(self.value) {
            Ok(text) if !may_have_control(self.value) => return Ok(text),
            Ok(text) => match self.value.iter().position(is_control) {
                Some(control) => control,
                None => return Ok(text),
            },
            Err(error) => error.valid_up_to(),
        };
        Err(At::new(ErrorKind::Text, self.value_offset + wrong))
    }

    /// Puts the value's text into `place`.
    ///
    /// # Errors
    /// [`ErrorKind::Repeated`] where `place` is taken, [`ErrorKind::Text`] as [`Field::text`].
    pub fn store(&self, place: &mut Option<&'a str>) -> Result<(), Error> {
        match place.replace(self.text()?) {
            Some(_) => Err(At::new(ErrorKind::Repeated, self.offset)),
            None => Ok(()),
        }
    }

    fn store_number(
        &self,
        place: &mut Option<u32>,
        kind: ErrorKind,
        read: impl FnOnce(&str) -> Option<u32>,
    ) -> Result<(), Error> {
        let text = self.text()?;
        // `str::parse` takes a plus sign, SIP's digits do not.
        let number = Some(text).filter(|text| !text.starts_with('+')).and_then(read);
        match place.replace(number.ok_or(At::new(kind, self.value_offset))?) {
            Some(_) => Err(At::new(ErrorKind::Repeated, self.offset)),
            None => Ok(()),
        }
    }
}

/// The lines of a header block, one [`Field`] each, up to the empty line or the block's end.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    block: &'a [u8],
    pos: usize,
    ended: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `block`, from its start.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] past [`HEADERS_MAX`].
    pub fn new(block: &'a [u8]) -> Result<Self, Error> {
        if block.len() > HEADERS_MAX {
            return Err(At::new(ErrorKind::TooLong, HEADERS_MAX));
        }
        Ok(Self {
            block,
            pos: 0,
            ended: false,
        })
    }

    /// The fields of `block`, after a SIP request line if it starts with one.
    ///
    /// # Errors
    /// As [`Fields::new`].
    pub fn after_request_line(block: &'a [u8]) -> Result<Self, Error> {
        let mut fields = Self::new(block)?;
        if let Ok((rest, _)) = request_line(block) {
            fields.pos = block.len() - rest.len();
        }
        Ok(fields)
    }

    /// What follows the empty line, once the iterator has ended; empty where there was no empty line.
    pub fn rest(&self) -> &'a [u8] {
        self.block.get(self.pos..).filter(|_| self.ended).unwrap_or_default()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let input = self
            .block
            .get(self.pos..)
            .filter(|input| !input.is_empty() && !self.ended)?;
        if let Ok((rest, _)) = line_end(input) {
            self.pos = self.block.len() - rest.len();
            self.ended = true;
            return None;
        }
        Some(match field(input) {
            Ok((rest, (name, value))) => {
                let offset = self.pos;
                self.pos = self.block.len() - rest.len();
                let value = trim(value);
                Ok(Field {
                    name,
                    value,
                    offset,
                    value_offset: self.block.offset(value),
                })
            }
            Err(_) => {
                let error = At::new(ErrorKind::Field, self.pos);
                self.pos = self.block.len();
                Err(error)
            }
        })
    }
}

/// Whether a value has a byte that may be a control character, folds included: `false` is certain. Eight bytes are looked
/// at in one step, and of the last eight some twice.
fn may_have_control(value: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let any = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        let below_blank = word.wrapping_sub(ONES * 0x20) & !word;
        let delete = (word ^ (ONES * 0x7f)).wrapping_sub(ONES) & !(word ^ (ONES * 0x7f));
        (below_blank | delete) & HIGHS != 0
    };
    match value.last_chunk() {
        Some(last) => value.as_chunks().0.iter().any(any) || any(last),
        None => value.iter().any(u8::is_ascii_control),
    }
}

/// A value without the blanks around it. Those that nearly every line has go first, at once.
fn trim(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    value.strip_suffix(b"\r\n").unwrap_or(value).trim_ascii()
}

fn request_line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    verify(line, |line: &[u8]| line.trim_ascii_end().ends_with(b" SIP/2.0")).parse(input)
}

fn field(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    separated_pair(take_while1(is_token), (take_while(is_blank), tag(":")), value).parse(input)
}

// These two cut by hand and with a check, where nom would cut without: so the compiler sees that neither panics.

/// The rest of a line, and every line after it that starts with a blank.
fn value(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let mut rest = line(input).map_or(input, |(rest, _)| rest);
    while rest.first().is_some_and(|byte| is_blank(*byte)) {
        let Ok((behind, _)) = line(rest) else { break };
        rest = behind;
    }
    let value = input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default();
    Ok((rest, value))
}

fn line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let end = input.find_substring("\n").unwrap_or(input.len());
    match input.split_at_checked(end) {
        Some((line, [_, rest @ ..])) => Ok((rest, line)),
        Some((line, rest)) if !line.is_empty() => Ok((rest, line)),
        _ => Err(nom::Err::Error(nom::error::Error::new(
            input,
            nom::error::ErrorKind::Eof,
        ))),
    }
}

fn line_end(input: &[u8]) -> IResult<&[u8], &[u8]> {
    alt((tag("\r\n"), tag("\n"))).parse(input)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What linear white space is made of (RFC 3261 §25.1, `LWS`).
pub(super) fn is_fold_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// RFC 3261 §25.1, `token`.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        token[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        byte += 1;
    }
    token
};
