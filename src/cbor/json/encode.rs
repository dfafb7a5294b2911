//! JSON to canonical CBOR, in one pass over the input.

use super::member::{self, Fault, Members};
use super::number::{self, Number};
use super::string::{self, Scanned};
use super::{Error, ErrorKind, Form, Shape};
use crate::cbor::{MAX_DEPTH, MAX_INPUT_LEN, WriteError, Writer, head};
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
        long_numbers: super::LONG_NUMBERS_MAX,
    };
    encoder.document(shape)?;
    Ok(encoder.out.into_written())
}

struct Encoder<'j, 's, 'o> {
    json: &'j str,
    pos: usize,
    members: Members<'s>,
    out: Writer<'o>,
    /// Floats of more than 19 digits that may still come.
    long_numbers: usize,
}

/// An open container.
#[derive(Clone, Copy)]
struct Frame<S> {
    shape: S,
    place: Place,
    /// Where its opening bracket is in the input, and its head in the output.
    bracket: usize,
    head: usize,
    /// How many values have ended in it.
    count: usize,
    /// How many records of members there were before its own.
    first: usize,
    /// Whether its keys have come in order so far, and the prefix of the last.
    in_order: bool,
    last: u32,
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
        let mut top = self.frame(shape, Place::Root, 0);
        let mut outer = [top; MAX_DEPTH];
        let mut depth = 0;
        loop {
            let start = self.space();
            let container = match self.byte() {
                Some(b'{') => Some(Place::Object),
                Some(b'[') => Some(Place::Array),
                _ => None,
            };
            if let Some(place) = container {
                let slot = outer.get_mut(depth);
                *slot.ok_or(Error::new(ErrorKind::TooDeep, start))? = top;
                depth += 1;
                top = self.frame(shape, place, start);
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
                        shape = self.key(&mut top)?;
                        continue;
                    }
                    _ => {
                        shape = top.shape.element();
                        continue;
                    }
                }
            } else {
                self.scalar(shape.form())?;
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
                        shape = self.key(&mut top)?;
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

    /// A container that begins here.
    fn frame<S>(&self, shape: S, place: Place, bracket: usize) -> Frame<S> {
        Frame {
            shape,
            place,
            bracket,
            head: self.out.len(),
            count: 0,
            first: self.members.count(),
            in_order: true,
            last: 0,
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
        if self.byte().is_some_and(|byte| byte <= b' ') {
            self.long_space();
        }
        self.pos
    }

    fn long_space(&mut self) {
        const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.pos += 1;
            // Indentation, eight bytes at a time.
            while let Some(word) = self.json.as_bytes().get(self.pos..).and_then(|rest| rest.first_chunk()) {
                let blanks = (u64::from_le_bytes(*word) ^ BLANKS).trailing_zeros() as usize / 8;
                self.pos += blanks;
                if blanks < word.len() {
                    break;
                }
            }
        }
    }

    /// A key and its colon, in the object `top`; returns the member's shape.
    fn key<S: Shape>(&mut self, top: &mut Frame<S>) -> Result<S, Error> {
        if self.byte() != Some(b'"') {
            return Err(self.unexpected(ErrorKind::Key));
        }
        let (at, start) = (self.pos, self.out.len());
        let key = self.string()?;
        let prefix = member::prefix(self.out.written().get(start..).unwrap_or_default());
        let room = self.members.begin(start, prefix);
        room.ok_or(Error::new(ErrorKind::ScratchFull, at))?;
        top.in_order &= top.last < prefix;
        top.last = prefix;
        let shape = top.shape.member(self.content(key));
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
                let (number, end) = number::read(self.json, self.pos, form == Form::Float, &mut self.long_numbers)?;
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
    #[inline(always)]
    fn string(&mut self) -> Result<Scanned, Error> {
        let start = self.pos + 1;
        let bytes = self.json.as_bytes();
        let len = string::plain_len(bytes.get(start..).unwrap_or_default());
        let end = start + len;
        if bytes.get(end) != Some(&b'"') {
            return self.escaped();
        }
        let written = self.out.text_of(bytes, start, len);
        written.map_err(|error| self.full(error))?;
        self.pos = end + 1;
        Ok(Scanned { start, end, len })
    }

    /// As [`Encoder::string`], of one that has escapes, or an error.
    #[cold]
    fn escaped(&mut self) -> Result<Scanned, Error> {
        let scanned = string::scan(self.json.as_bytes(), self.pos + 1)?;
        let full = Error::new(ErrorKind::OutputFull, self.pos);
        self.out.head(head::TEXT, scanned.len as u64).map_err(|_| full)?;
        string::unescape(self.json, scanned, |piece| {
            self.out.raw(piece.as_bytes()).map_err(|_| full)
        })?;
        self.pos = scanned.end + 1;
        Ok(scanned)
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
            head::MAP
        } else {
            head::ARRAY
        };
        if top.in_order {
            self.members.forget(top.first);
        } else {
            self.members
                .arrange(top.first, self.out.written_mut())
                .map_err(|fault| match fault {
                    Fault::Duplicate(ordinal) => Error::new(
                        ErrorKind::DuplicateKey,
                        key_offset(self.json.as_bytes(), top.bracket, ordinal),
                    ),
                    Fault::ScratchFull => Error::new(ErrorKind::ScratchFull, self.pos),
                })?;
        }
        let (bytes, len) = head::encode(major, top.count as u64);
        let head = bytes.get(..len).unwrap_or_default();
        let written = self.out.replace_head(top.head, head);
        written.map_err(|error| self.full(error))?;
        self.pos += 1;
        Ok(())
    }
}

/// Where the key of the member number `ordinal` stands, of the object whose opening bracket is at `bracket` and which
/// has been read before.
#[cold]
fn key_offset(json: &[u8], bracket: usize, ordinal: usize) -> usize {
    let (mut pos, mut depth, mut commas) = (bracket, 0, 0);
    while let Some(byte) = json.get(pos) {
        match byte {
            b'"' if (depth, commas) == (1, ordinal) => break,
            b'"' => pos = string::scan(json, pos + 1).map_or(pos, |string| string.end),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 1 => commas += 1,
            _ => {}
        }
        pos += 1;
    }
    pos
}
