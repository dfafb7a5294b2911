//! The pull reader: tokens out of bytes, each checked as it goes by.
//!
//! Nothing is held but the borrowed input and a stack of [`MAX_DEPTH`] open containers, so memory and time are bounded
//! by the input's length. A schema walk that pulls the tokens sees every byte once and can note, with
//! [`Reader::offset`], where each member begins and ends.

use core::cmp::Ordering;
use core::str::Utf8Error;

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
    failed: Option<Error>,
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

/// What comes next in a container that has something left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one item that the input is.
    Root,
    Element,
    Key,
    Value,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which are to be one item.
    pub fn new(bytes: &'a [u8]) -> Self {
        let root = Frame {
            key: None,
            left: 1,
            place: Place::Root,
        };
        Self {
            bytes,
            pos: 0,
            top: root,
            outer: [root; MAX_DEPTH],
            depth: 0,
            failed: (bytes.len() > MAX_INPUT_LEN).then_some(Error::new(ErrorKind::TooLarge, MAX_INPUT_LEN)),
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

    /// Checks the whole item that begins next and steps over it; a key counts as an item. `None`, and no step, where
    /// the innermost container or the input ends.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn skip(&mut self) -> Result<Option<Item<'a>>, Error> {
        if self.failed.is_none() && self.top.left == 0 && self.top.place != Place::Value {
            return match self.top.place {
                Place::Root => self.next().map(|_| None),
                _ => Ok(None),
            };
        }
        let (start, depth) = (self.pos, self.depth);
        loop {
            self.next_bytes()?;
            if self.depth == depth {
                return Ok(self.bytes.get(start..self.pos).map(Item::trusted));
            }
        }
    }

    #[inline(always)]
    fn fused_step<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let token = self.step();
        if let Err(error) = token {
            self.failed = Some(error);
        }
        token
    }

    #[inline(always)]
    fn step<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        match self.top.place {
            Place::Value => {
                self.top.place = Place::Key;
                self.value()
            }
            _ if self.top.left == 0 => self.end(),
            Place::Key => {
                self.top.left -= 1;
                self.key()
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
    fn key<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        let start = self.pos;
        let initial = self.initial()?;
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
        Ok(Some(TokenOf::Key(key)))
    }

    #[inline(always)]
    fn value<T: Text<'a>>(&mut self) -> Result<Option<TokenOf<T>>, Error> {
        let initial = self.initial()?;
        Ok(Some(match initial & head::MAJOR {
            head::TEXT => TokenOf::Text(self.text(initial)?.1),
            head::MAP => TokenOf::Map(self.open(initial, Place::Key)?),
            head::ARRAY => TokenOf::Array(self.open(initial, Place::Element)?),
            head::UNSIGNED => TokenOf::Unsigned(self.argument(initial)?),
            head::NEGATIVE => TokenOf::Negative(self.argument(initial)?),
            head::TAG => TokenOf::Time(self.time(initial)?),
            head::BYTES => return Err(Error::new(ErrorKind::ByteString, self.pos)),
            _ => self.simple(initial)?,
        }))
    }

    /// The initial byte of the item that begins here.
    #[inline(always)]
    fn initial(&self) -> Result<u8, Error> {
        let initial = self.bytes.get(self.pos).copied();
        initial.ok_or(Error::new(ErrorKind::Truncated, self.pos))
    }

    /// Steps over the head and returns its argument.
    #[inline(always)]
    fn argument(&mut self, initial: u8) -> Result<u64, Error> {
        let start = self.pos;
        let (argument, behind) = head::argument(self.bytes, start, initial).map_err(|kind| Error::new(kind, start))?;
        self.pos = behind;
        Ok(argument)
    }

    /// As [`Self::argument`], for a head that could state an indefinite length.
    #[inline(always)]
    fn length(&mut self, initial: u8) -> Result<u64, Error> {
        if initial & head::INFO == head::INFO {
            return Err(Error::new(ErrorKind::Indefinite, self.pos));
        }
        self.argument(initial)
    }

    /// Steps over a text and returns it as bytes and as `T`.
    #[inline(always)]
    fn text<T: Text<'a>>(&mut self, initial: u8) -> Result<(&'a [u8], T), Error> {
        let start = self.pos;
        let len = self.length(initial)?;
        let bytes = usize::try_from(len)
            .ok()
            .and_then(|len| self.bytes.get(self.pos..)?.get(..len));
        let bytes = bytes.ok_or(Error::new(ErrorKind::Truncated, start))?;
        match T::check(bytes) {
            Ok(text) => {
                self.pos += bytes.len();
                Ok((bytes, text))
            }
            Err(error) => Err(Error::new(ErrorKind::Utf8, self.pos + error.valid_up_to())),
        }
    }

    fn open(&mut self, initial: u8, place: Place) -> Result<u32, Error> {
        let start = self.pos;
        let left = self.length(initial)?;
        // Every element has a byte at least, every member two: a count that cannot be true ends here.
        let room = (self.bytes.len() - self.pos) as u64;
        let room = if place == Place::Key { room / 2 } else { room };
        let count = u32::try_from(left).ok().filter(|_| left <= room);
        let count = count.ok_or(Error::new(ErrorKind::Truncated, start))?;
        let outer = self.outer.get_mut(self.depth);
        *outer.ok_or(Error::new(ErrorKind::TooDeep, start))? = self.top;
        self.depth += 1;
        self.top = Frame {
            key: None,
            left: count,
            place,
        };
        Ok(count)
    }

    fn time<T: Text<'a>>(&mut self, initial: u8) -> Result<T, Error> {
        let start = self.pos;
        if self.argument(initial)? != 0 {
            return Err(Error::new(ErrorKind::Tag, start));
        }
        let initial = self.initial()?;
        if initial & head::MAJOR != head::TEXT {
            return Err(Error::new(ErrorKind::TimeNotText, self.pos));
        }
        let (bytes, text): (_, &str) = self.text(initial)?;
        match Timestamp::parse_rfc3339(text) {
            Ok(_) => Ok(T::from_str(text)),
            Err(error) => Err(Error::new(ErrorKind::TimeSyntax, self.pos - bytes.len() + error.offset)),
        }
    }

    fn simple<T>(&mut self, initial: u8) -> Result<TokenOf<T>, Error> {
        let start = self.pos;
        let error = |kind| Err(Error::new(kind, start));
        let (token, len) = match initial {
            head::FALSE => (TokenOf::Bool(false), 1),
            head::TRUE => (TokenOf::Bool(true), 1),
            head::NULL => (TokenOf::Null, 1),
            head::F16 | head::F32 | head::F64 => {
                let Some((value, len)) = self.bytes.get(start..).and_then(float::from_item) else {
                    return error(ErrorKind::Truncated);
                };
                match float::shortest(value) {
                    None => return error(ErrorKind::FloatNotFinite),
                    Some(float::Shortest::F16(_)) if initial != head::F16 => return error(ErrorKind::LongFloat),
                    Some(float::Shortest::F32(_)) if initial == head::F64 => return error(ErrorKind::LongFloat),
                    Some(_) => (TokenOf::Float(value), len),
                }
            }
            0xff => return error(ErrorKind::Indefinite),
            0xfc..=0xfe => return error(ErrorKind::Reserved),
            _ => return error(ErrorKind::Simple),
        };
        self.pos += len;
        Ok(token)
    }
}

/// What a token gives a text as.
trait Text<'a>: Copy {
    /// Checks that `bytes` are UTF-8.
    fn check(bytes: &'a [u8]) -> Result<Self, Utf8Error>;
    /// The same of a string.
    fn from_str(text: &'a str) -> Self;
}

impl<'a> Text<'a> for &'a str {
    #[inline]
    fn check(bytes: &'a [u8]) -> Result<Self, Utf8Error> {
        core::str::from_utf8(bytes)
    }

    fn from_str(text: &'a str) -> Self {
        text
    }
}

impl<'a> Text<'a> for &'a [u8] {
    #[inline]
    fn check(bytes: &'a [u8]) -> Result<Self, Utf8Error> {
        if !is_ascii(bytes) {
            core::str::from_utf8(bytes)?;
        }
        Ok(bytes)
    }

    fn from_str(text: &'a str) -> Self {
        text.as_bytes()
    }
}

/// Whether all of `bytes` are ASCII. Texts are short: for those under nine bytes this takes two loads.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let seen = if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        let words = words.iter().fold(0, |seen, word| seen | u64::from_ne_bytes(*word));
        words | u64::from_ne_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last))
    } else {
        u64::from(bytes.iter().fold(0, |seen, byte| seen | byte))
    };
    seen & HIGH == 0
}

/// Whether `bytes` are one canonical item and nothing else.
///
/// # Errors
/// The first [`Error`] that a [`Reader`] meets.
pub fn check(bytes: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(bytes);
    while reader.fused_step::<&[u8]>()?.is_some() {}
    Ok(())
}
