//! The claims of a credential that has been verified.

use core::fmt;

use crate::cbor::{Item, MapIter};
use crate::envelope::follow;

/// Members that speak of the credential, not of the person (RFC 7519, section 4.1; RFC 7800; SD-JWT VC).
const ABOUT_ITSELF: [&str; 10] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
];

/// Claims that an identity provider has signed and a sender has disclosed. Borrows the caller's buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claims<'c> {
    item: Item<'c>,
}

impl<'c> Claims<'c> {
    /// Claims that [`super::verify`] has written, be it into memory from where they are taken later.
    pub(crate) fn new(item: Item<'c>) -> Self {
        Self { item }
    }

    /// All of it, a map in canonical CBOR.
    pub fn item(self) -> Item<'c> {
        self.item
    }

    /// The claim at a path such as `given_name`, `address.locality` or `nationalities[0]`; one that begins with `/` is a
    /// JSON Pointer, for names that hold dots.
    pub fn get(self, path: &str) -> Option<Item<'c>> {
        follow(self.item, path)
    }

    /// The text at a path.
    pub fn text(self, path: &str) -> Option<&'c str> {
        self.get(path)?.as_text()
    }

    /// What is said of the person: the outermost claims but those about the credential itself.
    pub fn iter(self) -> impl Iterator<Item = (&'c str, Item<'c>)> {
        let all: Option<MapIter<'c>> = self.item.map().map(IntoIterator::into_iter);
        all.into_iter()
            .flatten()
            .filter(|(name, _)| !ABOUT_ITSELF.contains(name))
    }
}

impl fmt::Debug for Claims<'_> {
    /// The number only: who calls does not belong into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.iter().count())
    }
}
