//! JSON to canonical CBOR, in one pass over the input.

use super::member::Members;
use super::number::{self, Number};
use super::string::{self, Scanned};
use super::{Error, ErrorKind, Form, Shape};
use crate::cbor::head::{self, MAX_HEAD_LEN};
use crate::cbor::{MAX_DEPTH, MAX_INPUT_LEN, WriteError, Writer};
use crate::time::Timestamp;

/// Writes the canonical CBOR of `json` into `out` and returns what was written.
///
/// `shape` says where strings are date-times and numbers floats. `scratch` needs [`super::scratch_len`] bytes at most
/// and `out` [`super::max_cbor_len`]; what they hold is overwritten, also where the result is an error.
///
/// # Errors
/// [`Error`]. Two equal keys are found where their object ends, so that an error in between comes first.
pub fn to_cbor<'o, S: Shape>(json: &[u8], shape: S, scratch: &mut [u8], out: &'o mut [u8]) -> Result<&'o [u8], Error> {
    if json.len() > MAX_INPUT_LEN {
        return Err(Error::new(ErrorKind::TooLarge, MAX_INPUT_LEN));
    }
    let json = core::str::from_utf8(json).map_err(|error| Error::new(ErrorKind::Utf8, error.valid_up_to()))?;
    let mut encoder = Encoder {
        json,
        pos: 0,
        members: Members::new(scratch),
        out: Writer::new(out),
    };
    encoder.document(shape)?;
    Ok(encoder.out.into_written())
}

struct Encoder<'j, 's, 'o> {
    json: &'j str,
    pos: usize,
    members: Members<'s>,
    out: Writer<'o>,
}

/// An open container.
#[derive(Clone, Copy)]
struct Frame<S> {
    shape: S,
    place: Place,
    /// Where its head is in the output.
    head: usize,
    /// How many values have ended in it.
    count: usize,
    /// How many records of members there were before its own.
    first: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Array,
    Object,
}

impl<'j> Encoder<'j, '_, '_> {
    fn document<S: Shape>(&mut self, root: S) -> Result<(), Error> {
        let mut shape = root;
        let mut top = Frame {
            shape,
            place: Place::Root,
            head: 0,
            count: 0,
            first: 0,
        };
        let mut outer = [top; MAX_DEPTH];
        let mut depth = 0;
        loop {
            let start = self.space();
            let place = match self.byte() {
                Some(b'{') => Place::Object,
                Some(b'[') => Place::Array,
                _ => Place::Root,
            };
            if place == Place::Root {
                self.scalar(shape.form())?;
            } else {
                let slot = outer.get_mut(depth);
                *slot.ok_or(Error::new(ErrorKind::TooDeep, start))? = top;
                depth += 1;
                top = Frame {
                    shape,
                    place,
                    head: self.out.len(),
                    count: 0,
                    first: self.members.count(),
                };
                self.pos += 1;
                // Most containers are short; `close` makes room where the head turns out longer.
                self.out.array(0).map_err(|error| self.full(error))?;
                self.space();
                match (place, self.byte()) {
                    (Place::Object, Some(b'}')) | (Place::Array, Some(b']')) => {
                        self.close(&top)?;
                        depth -= 1;
                        top = outer.get(depth).copied().unwrap_or(top);
                    }
                    (Place::Object, _) => {
                        shape = self.key(top.shape)?;
                        continue;
                    }
                    _ => {
                        shape = top.shape.element();
                        continue;
                    }
                }
            }
            // A value has ended; so may what it stands in, and so on.
            loop {
                top.count += 1;
                if top.place == Place::Object {
                    self.members.end(self.out.len());
                }
                let at = self.space();
                match (top.place, self.byte()) {
                    (Place::Root, None) => return Ok(()),
                    (Place::Root, Some(_)) => return Err(Error::new(ErrorKind::Trailing, at)),
                    (Place::Array, Some(b',')) => {
                        self.pos += 1;
                        shape = top.shape.element();
                        break;
                    }
                    (Place::Object, Some(b',')) => {
                        self.pos += 1;
                        self.space();
                        shape = self.key(top.shape)?;
                        break;
                    }
                    (Place::Array, Some(b']')) | (Place::Object, Some(b'}')) => {
                        self.close(&top)?;
                        depth -= 1;
                        top = outer.get(depth).copied().unwrap_or(top);
                    }
                    (_, None) => return Err(Error::new(ErrorKind::End, at)),
                    (_, Some(_)) => return Err(Error::new(ErrorKind::Comma, at)),
                }
            }
        }
    }

    /// The byte here.
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.pos).copied()
    }

    /// The error of a byte that is not what was expected, or of the input's end.
    #[cold]
    fn unexpected(&self, kind: ErrorKind) -> Error {
        let end = self.pos >= self.json.len();
        Error::new(if end { ErrorKind::End } else { kind }, self.pos)
    }

    /// The error of an output that has no room for what begins here.
    #[cold]
    fn full(&self, _: WriteError) -> Error {
        Error::new(ErrorKind::OutputFull, self.pos)
    }

    /// Steps over white space and returns the offset.
    #[inline]
    fn space(&mut self) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.pos += 1;
        }
        self.pos
    }

    /// A key and its colon, in an object of `shape`; returns the member's shape.
    fn key<S: Shape>(&mut self, shape: S) -> Result<S, Error> {
        if self.byte() != Some(b'"') {
            return Err(self.unexpected(ErrorKind::Key));
        }
        self.members.begin(self.out.len(), self.pos)?;
        let key = self.string()?;
        let shape = shape.member(self.content(key));
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.unexpected(ErrorKind::Colon));
        }
        self.pos += 1;
        Ok(shape)
    }

    fn scalar(&mut self, form: Form) -> Result<(), Error> {
        match self.byte() {
            Some(b'"') if form == Form::Time => self.time(),
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => {
                let (number, end) = number::read(self.json, self.pos, form == Form::Float)?;
                let written = match number {
                    Number::Unsigned(value) => self.out.unsigned(value),
                    Number::Negative(n) => self.out.negative(n),
                    Number::Float(value) => self.out.float(value),
                };
                written.map_err(|error| self.full(error))?;
                self.pos = end;
                Ok(())
            }
            Some(b'f') => self.word("false", head::FALSE),
            Some(b't') => self.word("true", head::TRUE),
            Some(b'n') => self.word("null", head::NULL),
            _ => Err(self.unexpected(ErrorKind::Value)),
        }
    }

    fn word(&mut self, word: &str, simple: u8) -> Result<(), Error> {
        let rest = self.json.get(self.pos..).unwrap_or_default();
        if !rest.starts_with(word) {
            let cut = word.starts_with(rest);
            return Err(if cut {
                Error::new(ErrorKind::End, self.json.len())
            } else {
                Error::new(ErrorKind::Value, self.pos)
            });
        }
        self.out.raw(&[simple]).map_err(|error| self.full(error))?;
        self.pos += word.len();
        Ok(())
    }

    fn time(&mut self) -> Result<(), Error> {
        let start = self.pos;
        self.out.raw(&[head::TIME]).map_err(|error| self.full(error))?;
        let scanned = self.string()?;
        match Timestamp::parse_rfc3339(self.content(scanned)) {
            Ok(_) => Ok(()),
            Err(_) if scanned.is_escaped() => Err(Error::new(ErrorKind::TimeSyntax, start)),
            Err(error) => Err(Error::new(ErrorKind::TimeSyntax, scanned.start + error.offset)),
        }
    }

    /// Writes the string whose opening quotation mark is here, and steps over it.
    #[inline]
    fn string(&mut self) -> Result<Scanned, Error> {
        let scanned = string::scan(self.json.as_bytes(), self.pos + 1)?;
        if scanned.is_escaped() {
            self.escaped(scanned)?;
        } else {
            let text = self.json.get(scanned.start..scanned.end).unwrap_or_default();
            self.out.text(text).map_err(|error| self.full(error))?;
        }
        self.pos = scanned.end + 1;
        Ok(scanned)
    }

    fn escaped(&mut self, scanned: Scanned) -> Result<(), Error> {
        let full = Error::new(ErrorKind::OutputFull, self.pos);
        let mut bytes = [0; MAX_HEAD_LEN];
        let len = head::put(&mut bytes, head::TEXT, scanned.len as u64);
        self.out.raw(bytes.get(..len).unwrap_or_default()).map_err(|_| full)?;
        string::unescape(self.json, scanned, |piece| {
            self.out.raw(piece.as_bytes()).map_err(|_| full)
        })
    }

    /// The text of the string that was written last.
    #[inline]
    fn content(&self, scanned: Scanned) -> &str {
        if !scanned.is_escaped() {
            return self.json.get(scanned.start..scanned.end).unwrap_or_default();
        }
        let start = self.out.len().saturating_sub(scanned.len);
        let content = self.out.written().get(start..).unwrap_or_default();
        core::str::from_utf8(content).unwrap_or_default()
    }

    /// Ends the container `top` at the closing bracket, which is here: orders its members and states their number.
    fn close<S>(&mut self, top: &Frame<S>) -> Result<(), Error> {
        let major = if top.place == Place::Object {
            self.members.arrange(top.first, self.out.written_mut(), self.pos)?;
            head::MAP
        } else {
            head::ARRAY
        };
        let mut bytes = [0; MAX_HEAD_LEN];
        let len = head::put(&mut bytes, major, top.count as u64);
        let head = bytes.get(..len).unwrap_or_default();
        self.out.replace(top.head, 1, head).map_err(|error| self.full(error))?;
        self.pos += 1;
        Ok(())
    }
}
