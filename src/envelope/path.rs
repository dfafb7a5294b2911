//! Paths that an application writes down: `intent.slots.accountRef`, `transcript.turns[0].text`, or a JSON Pointer.

use crate::cbor::Item;

/// The steps of a path, outermost first.
///
/// A path that begins with `/` is a JSON Pointer (RFC 6901). Any other is dotted, with `[n]` for an element.
pub(super) struct Steps<'p> {
    rest: &'p str,
    pointer: bool,
}

/// What a path leads to, inside of `item`.
pub(crate) fn follow<'a>(item: Item<'a>, path: &str) -> Option<Item<'a>> {
    Steps::new(path).try_fold(item, |item, step| step.follow(item))
}

/// One step into an item.
#[derive(Clone, Copy)]
pub(super) enum Step<'p> {
    /// Into a map, by key; in a pointer also into an array, by its decimal index.
    Key {
        /// The key as written.
        text: &'p str,
        /// Whether `~0` and `~1` stand for `~` and `/`.
        pointer: bool,
    },
    /// Into an array.
    Index(usize),
}

impl<'p> Steps<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        match path.strip_prefix('/') {
            Some(rest) => Self { rest, pointer: true },
            None => Self {
                rest: path,
                pointer: false,
            },
        }
    }
}

impl<'p> Iterator for Steps<'p> {
    type Item = Step<'p>;

    fn next(&mut self) -> Option<Step<'p>> {
        if self.rest.is_empty() {
            return None;
        }
        if self.pointer {
            let (text, rest) = self.rest.split_once('/').unwrap_or((self.rest, ""));
            self.rest = rest;
            return Some(Step::Key { text, pointer: true });
        }
        if let Some(rest) = self.rest.strip_prefix('[') {
            let (index, rest) = rest.split_once(']')?;
            self.rest = rest.strip_prefix('.').unwrap_or(rest);
            return index.parse().ok().map(Step::Index);
        }
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('.').unwrap_or(rest);
        Some(Step::Key { text, pointer: false })
    }
}

impl Step<'_> {
    /// What the step leads to.
    pub(super) fn follow<'a>(&self, item: Item<'a>) -> Option<Item<'a>> {
        match *self {
            Self::Index(index) => item.array()?.get(index),
            Self::Key { text, pointer: false } => item.map()?.get(text),
            Self::Key { text, pointer: true } => match item.array() {
                Some(array) => array.get(text.parse().ok()?),
                None => item
                    .map()?
                    .into_iter()
                    .find(|(key, _)| key.chars().eq(unescape(text)))
                    .map(|(_, value)| value),
            },
        }
    }

    /// The characters of the key, if the step is one into a map.
    pub(super) fn key(&self) -> Option<impl Iterator<Item = char>> {
        match *self {
            Self::Index(_) => None,
            Self::Key { text, pointer } => Some(Unescape {
                chars: text.chars(),
                pointer,
            }),
        }
    }
}

fn unescape(text: &str) -> impl Iterator<Item = char> {
    Unescape {
        chars: text.chars(),
        pointer: true,
    }
}

struct Unescape<'p> {
    chars: core::str::Chars<'p>,
    pointer: bool,
}

impl Iterator for Unescape<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.chars.next()? {
            '~' if self.pointer => match self.chars.clone().next() {
                Some('0') => {
                    self.chars.next();
                    Some('~')
                }
                Some('1') => {
                    self.chars.next();
                    Some('/')
                }
                _ => Some('~'),
            },
            other => Some(other),
        }
    }
}
