//! The pull reader: tokens out of bytes, each checked as it goes by.
//!
//! Nothing is held but the borrowed input and a stack of [`MAX_DEPTH`] open containers, so memory and time are bounded
//! by the input's length. A schema walk that pulls the tokens sees every byte once and can note, with
//! [`Reader::offset`], where each member begins and ends.

use core::cmp::Ordering;

use super::head;
use super::{Error, ErrorKind, Item, MAX_DEPTH, MAX_INPUT_LEN, float, key_order};
use crate::time::Timestamp;

/// One step through an item, with texts as strings.
pub type Token<'a> = TokenOf<&'a str>;

/// One step through an item, with texts given as `T`: as strings by [`Reader::next`], or as the UTF-8 bytes that they
/// are by [`Reader::next_bytes`], which is faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TokenOf<T> {
    /// A number from 0 to 2⁶⁴ − 1.
    Unsigned(u64),
    /// The number −1 − n, for the n given.
    Negative(u64),
    /// A finite number.
    Float(f64),
    /// A text.
    Text(T),
    /// A date-time under tag 0; the text is RFC 3339.
    Time(T),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// An array of that many elements begins; [`Token::End`] follows the last.
    Array(u32),
    /// A map of that many members begins; each is a [`Token::Key`] and a value, [`Token::End`] follows the last.
    Map(u32),
    /// A member's key.
    Key(T),
    /// The innermost open container ends.
    End,
}

/// Reads one item that is the whole input.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    /// The innermost open container.
    top: Frame<'a>,
    /// The containers around `top`, outermost first.
    outer: [Frame<'a>; MAX_DEPTH],
    depth: usize,
    /// What is wrong, once something is.
    failed: Error,
}

/// What has been seen of an open container.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    /// The last key seen in a map.
    key: Option<&'a [u8]>,
    /// Elements, or members, that have yet to begin.
    left: u32,
    place: Place,
}

impl Frame<'_> {
    /// What an unused place of the stack holds: zeros, which are written all at once.
    const NONE: Self = Self {
        key: None,
        left: 0,
        place: Place::Root,
    };
}

/// What comes next in a container that has something left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one item that the input is.
    Root,
    Element,
    Key,
    Value,
    /// Nothing: an error has been returned.
    Failed,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which are to be one item.
    pub fn new(bytes: &'a [u8]) -> Self {
        let is_readable = bytes.len() <= MAX_INPUT_LEN;
        let root = Frame {
            key: None,
            left: 1,
            place: if is_readable { Place::Root } else { Place::Failed },
        };
        Self {
            bytes,
            pos: 0,
            top: root,
            outer: [Frame::NONE; MAX_DEPTH],
            depth: 0,
            failed: Error::new(ErrorKind::TooLarge, MAX_INPUT_LEN),
        }
    }

    /// The offset behind the last token, which is where the next one begins: a member's bytes lie between the offset
    /// before its first token and the offset after its last. [`Token::End`] has no bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// How many containers are open, up to [`MAX_DEPTH`].
    #[inline]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The next token; `None` when the input has been read to its end and was canonical.
    ///
    /// # Errors
    /// [`Error`]; once returned, it is returned for ever.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results would let an error be skipped"
    )]
    pub fn next(&mut self) -> Result<Option<Token<'a>>, Error> {
        self.fused_step()
    }

    /// As [`Reader::next`], with texts as bytes: they are checked alike, and faster where they are ASCII, because the
    /// language has no safe way to make a string of bytes without looking at them once more.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn next_bytes(&mut self) -> Result<Option<TokenOf<&'a [u8]>>, Error> {
        self.fused_step()
    }

    /// The next member's key, in a map whose head or whose last value has just been read; `None` where it ends.
    pub(crate) fn next_key(&mut self) -> Result<Option<&'a [u8]>, Error> {
        if self.top.place != Place::Key {
            return self.next_bytes().map(|_| None);
        }
        let key = match self.top.left.checked_sub(1) {
            Some(left) => {
                self.top.left = left;
                self.key::<&[u8]>().map(Some)
            }
            None => self.end::<&[u8]>().map(|_| None),
        };
        if let Err(error) = key {
            self.fail(error);
        }
        key
    }

    /// Checks the whole item that begins next and steps over it; a key counts as an item. `None`, and no step, where
    /// the innermost container or the input ends.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn skip(&mut self) -> Result<Option<Item<'a>>, Error> {
        match self.top.place {
            Place::Root if self.top.left == 0 => return self.next().map(|_| None),
            Place::Element | Place::Key if self.top.left == 0 => return Ok(None),
            _ => {}
        }
        let (start, depth) = (self.pos, self.depth);
        loop {
            self.next_bytes()?;
            if self.depth == depth {
                return Ok(self.bytes.get(start..self.pos).map(Item::trusted));
            }
        }
    }

    /// The text that begins next where a value or an element does; `None`, and no step, where anything else is next, what
    /// is wrong included: [`Reader::next_bytes`] says what.
    #[inline(always)]
    pub(crate) fn next_text(&mut self) -> Option<&'a [u8]> {
        let left = match self.top.place {
            Place::Value => self.top.left,
            Place::Element => self.top.left.checked_sub(1)?,
            Place::Root | Place::Key | Place::Failed => return None,
        };
        let initial = *self.bytes.get(self.pos)?;
        if initial & head::MAJOR != head::TEXT {
            return None;
        }
        let (text, _, behind): (_, &[u8], _) = text_at(self.bytes, self.pos, initial).ok()?;
        self.pos = behind;
        self.top.left = left;
        if self.top.place == Place::Value {
            self.top.place = Place::Key;
        }
        Some(text)
    }

    #[inline(always)]
    fn fused_step<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        let token = self.step();
        if let Err(error) = token {
            self.fail(error);
        }
        token
    }

    /// Sees to it that the error is all that there is from now on.
    #[cold]
    fn fail(&mut self, error: Error) {
        self.top.place = Place::Failed;
        self.failed = error;
    }

    #[inline(always)]
    fn step<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        match self.top.place {
            Place::Value => {
                self.top.place = Place::Key;
                self.value()
            }
            Place::Failed => Err(self.failed),
            _ if self.top.left == 0 => self.end(),
            Place::Key => {
                self.top.left -= 1;
                self.key().map(|key| Some(TokenOf::Key(key)))
            }
            Place::Element | Place::Root => {
                self.top.left -= 1;
                self.value()
            }
        }
    }

    #[inline(always)]
    fn end<T>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        if let Some(depth) = self.depth.checked_sub(1)
            && let Some(outer) = self.outer.get(depth)
        {
            self.top = *outer;
            self.depth = depth;
            return Ok(Some(TokenOf::End));
        }
        if self.pos < self.bytes.len() {
            return Err(Error::new(ErrorKind::TrailingBytes, self.pos));
        }
        Ok(None)
    }

    #[inline(always)]
    fn key<T: Text<'a>>(&mut self) -> Result<T, Error> {
        let start = self.pos;
        let initial = initial_at(self.bytes, start)?;
        if initial & head::MAJOR != head::TEXT {
            return Err(Error::new(ErrorKind::KeyNotText, start));
        }
        let (bytes, key) = self.text(initial)?;
        if let Some(last) = self.top.key {
            match key_order(last, bytes) {
                Ordering::Less => {}
                Ordering::Equal => return Err(Error::new(ErrorKind::DuplicateKey, start)),
                Ordering::Greater => return Err(Error::new(ErrorKind::KeyOrder, start)),
            }
        }
        self.top.key = Some(bytes);
        self.top.place = Place::Value;
        Ok(key)
    }

    #[inline(always)]
    fn value<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        let start = self.pos;
        let initial = initial_at(self.bytes, start)?;
        Ok(Some(match initial & head::MAJOR {
            head::TEXT => TokenOf::Text(self.text(initial)?.1),
            head::MAP => TokenOf::Map(self.open(initial, Place::Key)?),
            head::ARRAY => TokenOf::Array(self.open(initial, Place::Element)?),
            head::UNSIGNED => TokenOf::Unsigned(self.argument(initial)?),
            head::NEGATIVE => TokenOf::Negative(self.argument(initial)?),
            head::TAG => {
                let (text, behind) = time_at(self.bytes, start, initial)?;
                self.pos = behind;
                TokenOf::Time(T::from_str(text))
            }
            head::BYTES => return Err(Error::new(ErrorKind::ByteString, start)),
            _ => {
                let (token, behind) = simple_at(self.bytes, start, initial)?;
                self.pos = behind;
                token
            }
        }))
    }

    /// Steps over the head and returns its argument.
    #[inline(always)]
    fn argument(&mut self, initial: u8) -> Result<u64, Error> {
        let (argument, behind) = argument_at(self.bytes, self.pos, initial)?;
        self.pos = behind;
        Ok(argument)
    }

    /// Steps over a text and returns it as bytes and as `T`.
    #[inline(always)]
    fn text<T: Text<'a>>(&mut self, initial: u8) -> Result<(&'a [u8], T), Error> {
        let (bytes, text, behind) = text_at(self.bytes, self.pos, initial)?;
        self.pos = behind;
        Ok((bytes, text))
    }

    #[inline(always)]
    fn open(&mut self, initial: u8, place: Place) -> Result<u32, Error> {
        let start = self.pos;
        let (left, behind) = length_at(self.bytes, start, initial)?;
        // Every element has a byte at least, every member two: a count that cannot be true ends here.
        let room = self.bytes.len().saturating_sub(behind) as u64;
        let room = if place == Place::Key { room / 2 } else { room };
        let count = u32::try_from(left).ok().filter(|_| left <= room);
        let count = count.ok_or(Error::new(ErrorKind::Truncated, start))?;
        let outer = self.outer.get_mut(self.depth);
        *outer.ok_or(Error::new(ErrorKind::TooDeep, start))? = self.top;
        self.depth += 1;
        self.pos = behind;
        self.top = Frame {
            key: None,
            left: count,
            place,
        };
        Ok(count)
    }
}

// What reads at an offset and returns the one behind takes no `&mut Reader`, so that where the walk is inlined its
// state stays in registers.

/// The initial byte of the item at `at`.
#[inline(always)]
fn initial_at(bytes: &[u8], at: usize) -> Result<u8, Error> {
    bytes.get(at).copied().ok_or(Error::new(ErrorKind::Truncated, at))
}

#[inline(always)]
fn argument_at(bytes: &[u8], at: usize, initial: u8) -> Result<(u64, usize), Error> {
    head::argument(bytes, at, initial).map_err(|kind| Error::new(kind, at))
}

/// As [`argument_at`], for a head that could state an indefinite length.
#[inline(always)]
fn length_at(bytes: &[u8], at: usize, initial: u8) -> Result<(u64, usize), Error> {
    if initial & head::INFO == head::INFO {
        return Err(Error::new(ErrorKind::Indefinite, at));
    }
    argument_at(bytes, at, initial)
}

/// The text at `at`, as bytes and as `T`.
#[inline(always)]
fn text_at<'a, T: Text<'a>>(bytes: &'a [u8], at: usize, initial: u8) -> Result<(&'a [u8], T, usize), Error> {
    let (len, start) = length_at(bytes, at, initial)?;
    let rest = bytes.get(start..).unwrap_or_default();
    let text = usize::try_from(len).ok().and_then(|len| rest.get(..len));
    let text = text.ok_or(Error::new(ErrorKind::Truncated, at))?;
    match T::check(text) {
        Some(checked) => Ok((text, checked, start + text.len())),
        None => Err(not_utf8(text, start)),
    }
}

#[cold]
fn not_utf8(text: &[u8], start: usize) -> Error {
    let valid = core::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    Error::new(ErrorKind::Utf8, start + valid)
}

fn time_at(bytes: &[u8], at: usize, initial: u8) -> Result<(&str, usize), Error> {
    let (0, at) = argument_at(bytes, at, initial)? else {
        return Err(Error::new(ErrorKind::Tag, at));
    };
    let initial = initial_at(bytes, at)?;
    if initial & head::MAJOR != head::TEXT {
        return Err(Error::new(ErrorKind::TimeNotText, at));
    }
    let (_, text, behind): (_, &str, _) = text_at(bytes, at, initial)?;
    match Timestamp::parse_rfc3339(text) {
        Ok(_) => Ok((text, behind)),
        Err(error) => Err(Error::new(ErrorKind::TimeSyntax, behind - text.len() + error.offset)),
    }
}

#[inline]
fn simple_at<T>(bytes: &[u8], at: usize, initial: u8) -> Result<(TokenOf<T>, usize), Error> {
    match initial {
        head::FALSE => Ok((TokenOf::Bool(false), at + 1)),
        head::TRUE => Ok((TokenOf::Bool(true), at + 1)),
        head::NULL => Ok((TokenOf::Null, at + 1)),
        _ => float_at(bytes, at, initial).map(|(value, behind)| (TokenOf::Float(value), behind)),
    }
}

fn float_at(bytes: &[u8], at: usize, initial: u8) -> Result<(f64, usize), Error> {
    let error = |kind| Err(Error::new(kind, at));
    match initial {
        head::F16 | head::F32 | head::F64 => {}
        0xff => return error(ErrorKind::Indefinite),
        0xfc..=0xfe => return error(ErrorKind::Reserved),
        _ => return error(ErrorKind::Simple),
    }
    let Some((value, len)) = bytes.get(at..).and_then(float::from_item) else {
        return error(ErrorKind::Truncated);
    };
    match float::shortest(value) {
        None => error(ErrorKind::FloatNotFinite),
        Some(float::Shortest::F16(_)) if initial != head::F16 => error(ErrorKind::LongFloat),
        Some(float::Shortest::F32(_)) if initial == head::F64 => error(ErrorKind::LongFloat),
        Some(_) => Ok((value, at + len)),
    }
}

/// What a token gives a text as.
trait Text<'a>: Copy {
    /// The text that `bytes` are; `None` unless they are UTF-8.
    fn check(bytes: &'a [u8]) -> Option<Self>;
    /// The same of a string.
    fn from_str(text: &'a str) -> Self;
}

impl<'a> Text<'a> for &'a str {
    #[inline]
    fn check(bytes: &'a [u8]) -> Option<Self> {
        core::str::from_utf8(bytes).ok()
    }

    fn from_str(text: &'a str) -> Self {
        text
    }
}

impl<'a> Text<'a> for &'a [u8] {
    #[inline(always)]
    fn check(bytes: &'a [u8]) -> Option<Self> {
        is_text(bytes).then_some(bytes)
    }

    fn from_str(text: &'a str) -> Self {
        text.as_bytes()
    }
}

/// Whether `bytes` are UTF-8.
#[inline(always)]
pub(super) fn is_text(bytes: &[u8]) -> bool {
    is_ascii(bytes) || is_utf8(bytes)
}

/// Not inlined: what calls it keeps its own state in registers, and most texts are ASCII.
#[inline(never)]
fn is_utf8(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok()
}

/// Whether all of `bytes` are ASCII. Texts are short: up to sixteen bytes this takes two loads, up to 32 four.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let both = |half: &[u8; 16]| {
        let word = u128::from_ne_bytes(*half);
        word as u64 | (word >> 64) as u64
    };
    let seen = if bytes.len() > 32 {
        return bytes.is_ascii();
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        both(first) | both(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last))
    } else {
        u64::from(bytes.iter().fold(0, |seen, byte| seen | byte))
    };
    seen & HIGH == 0
}
