//! A view over bytes that have been proven canonical.
//!
//! Nothing is decoded until it is asked for, and nothing is checked twice: an [`Item`] is made by [`Item::parse`] or by
//! a [`super::Reader`] that has seen its bytes. It is a slice, so it is cheap to copy and to keep.

use core::fmt;

use super::{Error, Reader, check, float, head};

/// One canonical item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    bytes: &'a [u8],
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer from −2⁶⁴ to 2⁶⁴ − 1.
    Integer,
    /// A finite float.
    Float,
    /// A text.
    Text,
    /// A date-time, a text under tag 0.
    Time,
    /// False or true.
    Bool,
    /// Null.
    Null,
    /// An array.
    Array,
    /// A map with text keys.
    Map,
}

impl<'a> Item<'a> {
    /// Checks that `bytes` are one canonical item.
    ///
    /// # Errors
    /// The first [`Error`] that a [`Reader`] meets.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        check(bytes).map(|()| Self { bytes })
    }

    /// The item that `bytes` are known to be. What accessors return is of no use if they are not, but none panics.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The item's own bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// What the item is.
    #[inline]
    pub fn kind(self) -> Kind {
        let initial = self.initial();
        match initial & head::MAJOR {
            head::TEXT => Kind::Text,
            head::MAP => Kind::Map,
            head::ARRAY => Kind::Array,
            head::UNSIGNED | head::NEGATIVE => Kind::Integer,
            head::TAG => Kind::Time,
            _ => match initial {
                head::FALSE | head::TRUE => Kind::Bool,
                head::F16 | head::F32 | head::F64 => Kind::Float,
                _ => Kind::Null,
            },
        }
    }

    /// The text, if the item is one (a date-time is not).
    #[inline]
    pub fn as_text(self) -> Option<&'a str> {
        core::str::from_utf8(text_at(self.bytes)?.0).ok()
    }

    /// The RFC 3339 text, if the item is a date-time.
    pub fn as_time(self) -> Option<&'a str> {
        match self.bytes.split_first() {
            Some((&head::TIME, text)) => Self::trusted(text).as_text(),
            _ => None,
        }
    }

    /// The boolean, if the item is one.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self.initial() {
            head::FALSE => Some(false),
            head::TRUE => Some(true),
            _ => None,
        }
    }

    /// Whether the item is null.
    #[inline]
    pub fn is_null(self) -> bool {
        self.initial() == head::NULL
    }

    /// The integer, if the item is one (a float is not, whatever its value).
    pub fn as_integer(self) -> Option<i128> {
        let initial = self.initial();
        let argument = || {
            head::argument(self.bytes, 0, initial)
                .ok()
                .map(|(argument, _)| i128::from(argument))
        };
        match initial & head::MAJOR {
            head::UNSIGNED if !self.bytes.is_empty() => argument(),
            head::NEGATIVE => argument().map(|n| -1 - n),
            _ => None,
        }
    }

    /// The float, if the item is one (an integer is not).
    pub fn as_float(self) -> Option<f64> {
        float::from_item(self.bytes).map(|(value, _)| value)
    }

    /// The array, if the item is one.
    #[inline]
    pub fn array(self) -> Option<Array<'a>> {
        let (len, entries) = self.container(head::ARRAY)?;
        Some(Array { len, entries })
    }

    /// The map, if the item is one.
    #[inline]
    pub fn map(self) -> Option<Map<'a>> {
        let (len, entries) = self.container(head::MAP)?;
        Some(Map { len, entries })
    }

    /// The item's tokens.
    pub fn reader(self) -> Reader<'a> {
        Reader::new(self.bytes)
    }

    /// The initial byte; that of null where there is none, which no canonical item has.
    #[inline]
    fn initial(self) -> u8 {
        self.bytes.first().copied().unwrap_or(head::NULL)
    }

    #[inline]
    fn container(self, major: u8) -> Option<(usize, &'a [u8])> {
        let initial = self.initial();
        if initial & head::MAJOR != major {
            return None;
        }
        let (len, behind) = head::checked_argument(self.bytes, 0, initial)?;
        Some((usize::try_from(len).ok()?, self.bytes.get(behind..)?))
    }
}

impl fmt::Debug for Item<'_> {
    /// The kind and the length only: what an envelope holds does not belong into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({:?}, {} bytes)", self.kind(), self.bytes.len())
    }
}

/// An array's elements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Array<'a> {
    len: usize,
    entries: &'a [u8],
}

impl<'a> Array<'a> {
    /// How many elements there are.
    #[inline]
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The elements in order.
    #[inline]
    pub fn iter(self) -> ArrayIter<'a> {
        ArrayIter {
            left: self.len,
            rest: self.entries,
        }
    }

    /// The element at `index`, counted from 0; every element before it is stepped over.
    pub fn get(self, index: usize) -> Option<Item<'a>> {
        self.iter().nth(index)
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Item<'a>;
    type IntoIter = ArrayIter<'a>;

    fn into_iter(self) -> ArrayIter<'a> {
        self.iter()
    }
}

/// Iterator over an array's elements.
#[derive(Clone, Debug)]
pub struct ArrayIter<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for ArrayIter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        let item;
        (item, self.rest) = split_item(self.rest)?;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// A map's members, in the order of [`super::compare_keys`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Map<'a> {
    len: usize,
    entries: &'a [u8],
}

impl<'a> Map<'a> {
    /// How many members there are.
    #[inline]
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The members in order.
    #[inline]
    pub fn iter(self) -> MapIter<'a> {
        MapIter {
            left: self.len,
            rest: self.entries,
        }
    }

    /// The value of the member `key`. The order of the keys ends a vain search early.
    pub fn get(self, key: &str) -> Option<Item<'a>> {
        let mut rest = self.entries;
        for _ in 0..self.len {
            let (found, behind) = text_at(rest)?;
            match super::key_order(found, key.as_bytes()) {
                core::cmp::Ordering::Less => rest = split_item(behind)?.1,
                core::cmp::Ordering::Equal => return Some(split_item(behind)?.0),
                core::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(*self).finish()
    }
}

impl<'a> IntoIterator for Map<'a> {
    type Item = (&'a str, Item<'a>);
    type IntoIter = MapIter<'a>;

    fn into_iter(self) -> MapIter<'a> {
        self.iter()
    }
}

/// Iterator over a map's members.
#[derive(Clone, Debug)]
pub struct MapIter<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for MapIter<'a> {
    type Item = (&'a str, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(&'a str, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let (key, behind) = text_at(self.rest)?;
        let item;
        (item, self.rest) = split_item(behind)?;
        Some((core::str::from_utf8(key).ok()?, item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// The text's bytes that `bytes` begin with, and what follows them.
#[inline]
fn text_at(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let initial = *bytes.first()?;
    if initial & head::MAJOR != head::TEXT {
        return None;
    }
    let (len, behind) = head::checked_argument(bytes, 0, initial)?;
    bytes.get(behind..)?.split_at_checked(usize::try_from(len).ok()?)
}

/// The item that `bytes` begin with, and what follows it.
#[inline]
fn split_item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let mut pos: usize = 0;
    let mut left: u64 = 1;
    while left > 0 {
        left -= 1;
        let initial = *bytes.get(pos)?;
        let (argument, behind) = head::checked_argument(bytes, pos, initial)?;
        pos = behind;
        match initial & head::MAJOR {
            head::TEXT => pos = pos.checked_add(usize::try_from(argument).ok()?)?,
            head::ARRAY => left = left.checked_add(argument)?,
            head::MAP => left = left.checked_add(argument.checked_mul(2)?)?,
            head::TAG => left += 1,
            _ => {}
        }
    }
    let (item, rest) = bytes.split_at_checked(pos)?;
    Some((Item::trusted(item), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] =
        b"\xa6\x61a\x84\x00\x20\xf9\x3e\x00\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x61b\xf6\x62id\x63\xe2\x82\xac\
          \x62no\xf4\x62on\xf5\x64time\xc0\x742026-05-28T13:42:11Z";

    #[test]
    fn accessors_answer_for_their_own_kind_only() {
        let map = Item::parse(BYTES).unwrap().map().unwrap();
        let get = |key| map.get(key).unwrap();
        assert_eq!(map.len(), 6);
        assert_eq!(get("id").as_text(), Some("€"));
        assert_eq!(get("time").as_time(), Some("2026-05-28T13:42:11Z"));
        assert_eq!((get("no").as_bool(), get("on").as_bool()), (Some(false), Some(true)));
        assert!(get("b").is_null());
        let list = get("a").array().unwrap();
        assert_eq!(list.get(0).unwrap().as_integer(), Some(0));
        assert_eq!(list.get(1).unwrap().as_integer(), Some(-1));
        assert_eq!(list.get(2).unwrap().as_float(), Some(1.5));
        assert_eq!(list.get(3).unwrap().as_integer(), Some(u64::MAX.into()));
        assert_eq!(list.get(4), None);

        let kinds = [Kind::Array, Kind::Null, Kind::Text, Kind::Bool, Kind::Bool, Kind::Time];
        for ((_, item), kind) in map.iter().zip(kinds).chain([(("", list.get(2).unwrap()), Kind::Float)]) {
            assert_eq!(item.kind(), kind);
            assert_eq!(item.as_text().is_some(), kind == Kind::Text);
            assert_eq!(item.as_time().is_some(), kind == Kind::Time);
            assert_eq!(item.as_bool().is_some(), kind == Kind::Bool);
            assert_eq!(item.is_null(), kind == Kind::Null);
            assert_eq!(item.as_float().is_some(), kind == Kind::Float);
            assert_eq!(item.array().is_some(), kind == Kind::Array);
            assert_eq!(item.as_integer(), None);
            assert!(item.map().is_none());
        }
    }

    #[test]
    fn member_is_found_by_its_whole_key() {
        let map = Item::parse(BYTES).unwrap().map().unwrap();
        for (key, value) in map {
            assert_eq!(map.get(key), Some(value));
        }
        for key in ["", "c", "i", "idx", "ie", "tim", "timeX", "zzzzzzzz"] {
            assert_eq!(map.get(key), None, "{key}");
        }
    }

    #[test]
    fn members_bytes_are_slices_of_the_input() {
        let map = Item::parse(BYTES).unwrap().map().unwrap();
        assert_eq!(map.get("a").unwrap().bytes(), &BYTES[3..18]);
        assert_eq!(map.get("time").unwrap().bytes(), &BYTES[41..]);
    }

    #[test]
    fn items_keep_their_contents_out_of_logs() {
        assert_eq!(format!("{:?}", Item::parse(b"\x63pin").unwrap()), "Item(Text, 4 bytes)");
    }

    #[test]
    fn unproven_bytes_give_nonsense_but_no_panic() {
        fn visit(item: Item<'_>, left: &mut u32) {
            let _ = (
                item.kind(),
                item.as_text(),
                item.as_time(),
                item.as_bool(),
                item.as_integer(),
                item.as_float(),
            );
            for inner in item.array().into_iter().flatten() {
                if let Some(fewer) = left.checked_sub(1) {
                    *left = fewer;
                    visit(inner, left);
                }
            }
            for (key, inner) in item.map().into_iter().flatten() {
                if let Some(fewer) = left.checked_sub(1) {
                    *left = fewer;
                    let _ = item.map().map(|map| map.get(key));
                    visit(inner, left);
                }
            }
        }
        let mut bytes = BYTES.to_vec();
        for at in 0..bytes.len() {
            for value in 0..=u8::MAX {
                let kept = core::mem::replace(&mut bytes[at], value);
                visit(Item::trusted(&bytes), &mut 1000);
                visit(Item::trusted(&bytes[at..]), &mut 1000);
                visit(Item::trusted(&bytes[..at]), &mut 1000);
                bytes[at] = kept;
            }
        }
    }
}
