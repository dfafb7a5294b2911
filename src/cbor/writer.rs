//! Writing canonical items into a buffer of the caller's.
//!
//! The writer chooses heads and floats; the order of a map's keys ([`super::compare_keys`]) and the number of a
//! container's entries are the caller's. [`super::check`] tells whether they were right.

use core::fmt;

use super::{Item, float, head};
use crate::time::Timestamp;

/// Why an item was not written. What has been written before stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The buffer has no room for the item.
    Full,
    /// The integer is outside of −2⁶⁴ … 2⁶⁴ − 1.
    IntegerRange,
    /// The float is NaN or infinite.
    FloatNotFinite,
    /// The text is no RFC 3339 date-time.
    TimeSyntax,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteError::Full => "the buffer for CBOR is too short; give a longer one",
            WriteError::IntegerRange => "an integer outside of -2^64 to 2^64-1; send it as text or as a float",
            WriteError::FloatNotFinite => "a float that is NaN or infinite; leave the member out",
            WriteError::TimeSyntax => "a date-time that is not RFC 3339, such as 2026-05-28T13:42:11Z",
        })
    }
}

impl core::error::Error for WriteError {}

/// Writes items one behind the other into a borrowed buffer.
///
/// ```
/// # use ohp::cbor::{Writer, WriteError};
/// let mut buffer = [0; 64];
/// let mut writer = Writer::new(&mut buffer);
/// writer.map(2)?;
/// writer.text("id")?;
/// writer.unsigned(7)?;
/// writer.text("ohp")?;
/// writer.text("0.1")?;
/// assert_eq!(writer.written(), b"\xa2\x62id\x07\x63ohp\x630.1");
/// # Ok::<(), WriteError>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    out: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    /// A writer that fills `out` from its front.
    pub fn new(out: &'b mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// What has been written.
    pub fn written(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    /// What has been written, for as long as the buffer lives.
    pub fn into_written(self) -> &'b [u8] {
        self.out.get(..self.len).unwrap_or_default()
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes `value`.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn unsigned(&mut self, value: u64) -> Result<(), WriteError> {
        self.head(head::UNSIGNED, value)
    }

    /// Writes the number −1 − `n`.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn negative(&mut self, n: u64) -> Result<(), WriteError> {
        self.head(head::NEGATIVE, n)
    }

    /// Writes `value`, which must be in −2⁶⁴ … 2⁶⁴ − 1.
    ///
    /// # Errors
    /// [`WriteError::IntegerRange`] or [`WriteError::Full`].
    pub fn integer(&mut self, value: i128) -> Result<(), WriteError> {
        if let Ok(value) = u64::try_from(value) {
            self.unsigned(value)
        } else if let Ok(n) = u64::try_from(!value) {
            self.negative(n)
        } else {
            Err(WriteError::IntegerRange)
        }
    }

    /// Writes `value` in the shortest form that keeps it.
    ///
    /// # Errors
    /// [`WriteError::FloatNotFinite`] or [`WriteError::Full`].
    pub fn float(&mut self, value: f64) -> Result<(), WriteError> {
        let mut bytes = [0; 9];
        let (initial, len) = match float::shortest(value).ok_or(WriteError::FloatNotFinite)? {
            float::Shortest::F16(bits) => {
                bytes[1..3].copy_from_slice(&bits.to_be_bytes());
                (head::F16, 3)
            }
            float::Shortest::F32(value) => {
                bytes[1..5].copy_from_slice(&value.to_be_bytes());
                (head::F32, 5)
            }
            float::Shortest::F64(value) => {
                bytes[1..9].copy_from_slice(&value.to_be_bytes());
                (head::F64, 9)
            }
        };
        bytes[0] = initial;
        self.raw(&bytes[..len])
    }

    /// Writes `value` as text; a map's keys are written with this, too.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn text(&mut self, value: &str) -> Result<(), WriteError> {
        let before = self.len;
        self.head(head::TEXT, value.len() as u64)?;
        let written = self.raw(value.as_bytes());
        if written.is_err() {
            self.len = before;
        }
        written
    }

    /// Writes `value`, an RFC 3339 date-time, under tag 0.
    ///
    /// # Errors
    /// [`WriteError::TimeSyntax`] or [`WriteError::Full`].
    pub fn time(&mut self, value: &str) -> Result<(), WriteError> {
        Timestamp::parse_rfc3339(value).map_err(|_| WriteError::TimeSyntax)?;
        let before = self.len;
        self.byte(head::TIME)?;
        let written = self.text(value);
        if written.is_err() {
            self.len = before;
        }
        written
    }

    /// Writes `value`.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<(), WriteError> {
        self.byte(if value { head::TRUE } else { head::FALSE })
    }

    /// Writes null.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn null(&mut self) -> Result<(), WriteError> {
        self.byte(head::NULL)
    }

    /// Begins an array; the next `len` items are its elements.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn array(&mut self, len: usize) -> Result<(), WriteError> {
        self.head(head::ARRAY, len as u64)
    }

    /// Begins a map; the next `len` pairs of a text and an item are its members, in the order of
    /// [`super::compare_keys`].
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn map(&mut self, len: usize) -> Result<(), WriteError> {
        self.head(head::MAP, len as u64)
    }

    /// Writes `item` as it is.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn item(&mut self, item: Item<'_>) -> Result<(), WriteError> {
        self.raw(item.bytes())
    }

    /// Writes `bytes` as they are; that they are canonical is the caller's business.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let room = self
            .out
            .get_mut(self.len..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or(WriteError::Full)?.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Writes the text that the `len` bytes of `source` from `start` on are. Short ones are copied in one piece of fixed
    /// length, with what stands behind them, where there is room for it.
    #[inline(always)]
    pub(super) fn text_of(&mut self, source: &[u8], start: usize, len: usize) -> Result<(), WriteError> {
        const PIECE: usize = 32;
        if len < 24
            && let Some(piece) = source.get(start..).and_then(|from| from.first_chunk::<PIECE>())
            && let Some([initial, to @ ..]) = self.out.get_mut(self.len..)
            && let Some(to) = to.first_chunk_mut::<PIECE>()
        {
            *initial = head::TEXT | len as u8;
            *to = *piece;
            self.len += 1 + len;
            return Ok(());
        }
        let text = source.get(start..).and_then(|from| from.get(..len));
        self.head(head::TEXT, len as u64)?;
        self.raw(text.unwrap_or_default())
    }

    /// What has been written, to be put into order.
    pub(super) fn written_mut(&mut self) -> &mut [u8] {
        self.out.get_mut(..self.len).unwrap_or_default()
    }

    /// Puts `head` in the place of the head of one byte at `at`, moving what follows.
    pub(super) fn replace_head(&mut self, at: usize, head: &[u8]) -> Result<(), WriteError> {
        let grown = head.len().saturating_sub(1);
        if grown > 0 {
            if self.out.len() - self.len < grown {
                return Err(WriteError::Full);
            }
            self.out.copy_within(at + 1..self.len, at + 1 + grown);
            self.len += grown;
        }
        let place = self.out.get_mut(at..).and_then(|rest| rest.get_mut(..head.len()));
        place.ok_or(WriteError::Full)?.copy_from_slice(head);
        Ok(())
    }

    #[inline]
    pub(super) fn head(&mut self, major: u8, argument: u64) -> Result<(), WriteError> {
        if argument < 24 {
            return self.byte(major | argument as u8);
        }
        let (bytes, len) = head::encode(major, argument);
        self.raw(bytes.get(..len).unwrap_or_default())
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Result<(), WriteError> {
        *self.out.get_mut(self.len).ok_or(WriteError::Full)? = byte;
        self.len += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Writer<'_>) -> Result<(), WriteError>) -> Result<Vec<u8>, WriteError> {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer)?;
        let bytes = writer.written().to_vec();
        // A buffer that is too short by one byte leaves what is in it as it was.
        let mut short = vec![0xaa; bytes.len()];
        let mut writer = Writer::new(&mut short);
        writer.null()?;
        assert_eq!(write(&mut writer), Err(WriteError::Full));
        assert_eq!(writer.into_written(), [head::NULL]);
        Ok(bytes)
    }

    #[test]
    fn integers_take_the_shortest_head() {
        for (value, bytes) in [
            (0, &b"\x00"[..]),
            (23, b"\x17"),
            (24, b"\x18\x18"),
            (255, b"\x18\xff"),
            (256, b"\x19\x01\x00"),
            (65_535, b"\x19\xff\xff"),
            (65_536, b"\x1a\x00\x01\x00\x00"),
            (4_294_967_295, b"\x1a\xff\xff\xff\xff"),
            (4_294_967_296, b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00"),
            (u64::MAX.into(), b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
            (-1, b"\x20"),
            (-24, b"\x37"),
            (-25, b"\x38\x18"),
            (-1000, b"\x39\x03\xe7"),
            (-1 - i128::from(u64::MAX), b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            assert_eq!(written(|writer| writer.integer(value)).as_deref(), Ok(bytes), "{value}");
        }
        for value in [
            i128::from(u64::MAX) + 1,
            -2 - i128::from(u64::MAX),
            i128::MAX,
            i128::MIN,
        ] {
            assert_eq!(
                written(|writer| writer.integer(value)),
                Err(WriteError::IntegerRange),
                "{value}"
            );
        }
    }

    #[test]
    fn other_items_are_written_whole_or_not_at_all() {
        assert_eq!(written(|writer| writer.text("né")).unwrap(), b"\x63n\xc3\xa9");
        let time = written(|writer| writer.time("2026-05-28T13:42:11Z")).unwrap();
        assert_eq!(time, b"\xc0\x742026-05-28T13:42:11Z");
        assert_eq!(written(|writer| writer.time("2026-05-28")), Err(WriteError::TimeSyntax));
        assert_eq!(written(|writer| writer.float(1.5)).unwrap(), b"\xf9\x3e\x00");
        assert_eq!(written(|writer| writer.float(1e5)).unwrap(), b"\xfa\x47\xc3\x50\x00");
        assert_eq!(
            written(|writer| writer.float(1.1)).unwrap(),
            b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a"
        );
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(|writer| writer.float(value)), Err(WriteError::FloatNotFinite));
        }
        assert_eq!(written(|writer| writer.bool(true)).unwrap(), b"\xf5");
        assert_eq!(written(|writer| writer.array(500)).unwrap(), b"\x99\x01\xf4");
        assert_eq!(written(|writer| writer.map(23)).unwrap(), b"\xb7");
        let item = Item::parse(b"\x82\x01\x02").unwrap();
        assert_eq!(written(|writer| writer.item(item)).unwrap(), b"\x82\x01\x02");
    }
}
