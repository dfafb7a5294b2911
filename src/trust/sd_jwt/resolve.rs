//! Putting disclosures in their places (RFC 9901, section 7.1, step 3).
//!
//! One walk over the issuer's claims, without recursion: where a digest has a disclosure, its value is walked in its
//! place. Every digest is met once, because one that is met twice ends the walk, so no disclosure can contain itself and
//! the walk is no longer than the input.

use super::{DigestText, SdJwtError, digest};
use crate::cbor::{ArrayIter, Item, MAX_DEPTH, Map, MapIter, WriteError, Writer, compare_keys};
use crate::trust::jwt::{Arena, NotJson};

/// Most disclosures that a credential may show: twice the claims of the PID of the EU's wallet.
pub const MAX_DISCLOSURES: usize = 64;

/// Most digests that a credential may hold, decoys included: as many as fit, 43 characters each, into its length.
pub const MAX_DIGESTS: usize = super::MAX_LEN / DIGEST_LEN;

const DIGEST_LEN: usize = size_of::<DigestText>();

/// The member that holds an object's digests.
const SD: &str = "_sd";
/// The only member of the object that stands for a list's element.
const DOTS: &str = "...";
/// The outermost member that names the hash.
const SD_ALG: &str = "_sd_alg";

/// Claims that decide about the credential itself, and so must stand where the holder cannot withhold them (SD-JWT VC,
/// section 3.2.2.2).
const REGISTERED: [&str; 7] = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"];

/// One disclosure.
#[derive(Clone, Copy)]
pub(super) struct Disclosure<'s> {
    digest: DigestText,
    /// `None` for a list's element.
    name: Option<&'s str>,
    value: Item<'s>,
    /// The object that holds the digest, or that stands for the element: known by where its bytes lie.
    place: Option<&'s [u8]>,
}

/// What a sender shows of a credential.
pub(super) struct Disclosures<'s> {
    list: [Option<Disclosure<'s>>; MAX_DISCLOSURES],
}

impl<'s> Disclosures<'s> {
    /// Reads all `texts`.
    pub(super) fn read<'t>(texts: impl Iterator<Item = &'t str>, arena: &mut Arena<'s>) -> Result<Self, SdJwtError> {
        let mut all = Self {
            list: [None; MAX_DISCLOSURES],
        };
        for (at, text) in texts.enumerate() {
            let digest = digest(text);
            if all.iter().any(|other| other.digest == digest) {
                return Err(SdJwtError::DisclosureTwice);
            }
            let disclosure = read(text, digest, arena)?;
            *all.list.get_mut(at).ok_or(SdJwtError::TooManyDisclosures)? = Some(disclosure);
        }
        Ok(all)
    }

    fn iter(&self) -> impl Iterator<Item = &Disclosure<'s>> {
        self.list.iter().map_while(Option::as_ref)
    }

    /// The disclosures whose digests the object holds.
    fn at(&self, object: Item<'s>) -> impl Iterator<Item = &Disclosure<'s>> {
        self.iter().filter(move |disclosure| {
            disclosure
                .place
                .is_some_and(|place| core::ptr::eq(place, object.bytes()))
        })
    }

    /// Puts the disclosure of that digest, if it is shown, to the object that holds the digest.
    fn put(&mut self, digest: &str, object: Item<'s>) -> Option<Disclosure<'s>> {
        let found = self
            .list
            .iter_mut()
            .map_while(Option::as_mut)
            .find(|other| other.digest == digest.as_bytes());
        let found = found?;
        found.place = Some(object.bytes());
        Some(*found)
    }
}

impl<'s> Disclosure<'s> {
    /// The claim's name; `None` for a list's element.
    #[cfg(feature = "std")]
    pub(super) fn name(&self) -> Option<&'s str> {
        self.name
    }
}

/// Reads a disclosure whose digest is known.
pub(super) fn read<'s>(text: &str, digest: DigestText, arena: &mut Arena<'s>) -> Result<Disclosure<'s>, SdJwtError> {
    let item = arena.json(text).map_err(|error| match error {
        NotJson::Base64 => SdJwtError::DisclosureBase64,
        NotJson::Json(kind) => SdJwtError::DisclosureJson(kind),
        NotJson::ScratchTooShort => SdJwtError::ScratchTooShort,
    })?;
    let parts = item.array().ok_or(SdJwtError::DisclosureForm)?;
    let mut each = parts.iter();
    let salt = each.next().and_then(Item::as_text);
    let (name, value) = match (parts.len(), salt) {
        (2, Some(_)) => (None, each.next()),
        (3, Some(_)) => {
            let name = each.next().and_then(Item::as_text).ok_or(SdJwtError::DisclosureForm)?;
            (Some(name), each.next())
        }
        _ => return Err(SdJwtError::DisclosureForm),
    };
    if name.is_some_and(|name| [SD, DOTS, SD_ALG].contains(&name)) {
        return Err(SdJwtError::Reserved);
    }
    Ok(Disclosure {
        digest,
        name,
        value: value.ok_or(SdJwtError::DisclosureForm)?,
        place: None,
    })
}

/// Writes `payload` with what is disclosed in its places, and without any trace of what is not.
pub(super) fn resolve<'s, 'o>(
    payload: Item<'s>,
    disclosures: Disclosures<'s>,
    out: &'o mut [u8],
) -> Result<Item<'o>, SdJwtError> {
    let mut walk = Walk {
        disclosures,
        digests: [""; MAX_DIGESTS],
        digest_count: 0,
        open: [const { None }; MAX_DEPTH],
        depth: 0,
        out: Writer::new(out),
    };
    walk.enter(payload)?;
    while let Some(item) = walk.next()? {
        walk.enter(item)?;
    }
    if walk.disclosures.iter().any(|disclosure| disclosure.place.is_none()) {
        return Err(SdJwtError::DisclosureUnreferenced);
    }
    Ok(Item::trusted(walk.out.into_written()))
}

struct Walk<'s, 'o> {
    disclosures: Disclosures<'s>,
    /// Every digest met so far.
    digests: [&'s str; MAX_DIGESTS],
    digest_count: usize,
    /// The containers that are open, outermost first.
    open: [Option<Container<'s>>; MAX_DEPTH],
    depth: usize,
    out: Writer<'o>,
}

enum Container<'s> {
    Object {
        item: Item<'s>,
        is_outermost: bool,
        /// What the issuer wrote, from the next member on.
        members: MapIter<'s>,
        /// The last name written.
        last: Option<&'s str>,
    },
    List(ArrayIter<'s>),
}

impl<'s> Walk<'s, '_> {
    /// Writes a scalar, or the head of a container, whose entries follow.
    fn enter(&mut self, item: Item<'s>) -> Result<(), SdJwtError> {
        let container = if let Some(map) = item.map() {
            let is_outermost = self.depth == 0;
            let count = self.reveal_members(item, map, is_outermost)?;
            self.out.map(count).map_err(full)?;
            Container::Object {
                item,
                is_outermost,
                members: map.iter(),
                last: None,
            }
        } else if let Some(array) = item.array() {
            let mut count = 0;
            for element in array {
                count += usize::from(self.reveal_element(element)?);
            }
            self.out.array(count).map_err(full)?;
            Container::List(array.iter())
        } else {
            return self.out.item(item).map_err(full);
        };
        *self.open.get_mut(self.depth).ok_or(SdJwtError::TooDeep)? = Some(container);
        self.depth += 1;
        Ok(())
    }

    /// The next value to enter, its name written; closes the containers that have ended.
    fn next(&mut self) -> Result<Option<Item<'s>>, SdJwtError> {
        while let Some(at) = self.depth.checked_sub(1) {
            let next = match self.open.get_mut(at).and_then(Option::as_mut) {
                Some(Container::Object {
                    item,
                    is_outermost,
                    members,
                    last,
                }) => match next_member(&self.disclosures, *item, *is_outermost, members, *last) {
                    Some((name, value)) => {
                        *last = Some(name);
                        self.out.text(name).map_err(full)?;
                        Some(value)
                    }
                    None => None,
                },
                Some(Container::List(elements)) => {
                    let disclosures = &self.disclosures;
                    elements.find_map(|element| match placeholder(element) {
                        Some(_) => disclosures.at(element).next().map(|disclosure| disclosure.value),
                        None => Some(element),
                    })
                }
                None => None,
            };
            if next.is_some() {
                return Ok(next);
            }
            self.depth = at;
        }
        Ok(None)
    }

    /// Looks up an object's digests, and gives how many members it will have.
    fn reveal_members(&mut self, item: Item<'s>, map: Map<'s>, is_outermost: bool) -> Result<usize, SdJwtError> {
        if map.get(DOTS).is_some() {
            return Err(SdJwtError::Reserved);
        }
        let mut count = map.len();
        match map.get(SD_ALG) {
            None => {}
            Some(_) if !is_outermost => return Err(SdJwtError::Reserved),
            Some(alg) if alg.as_text() != Some("sha-256") => return Err(SdJwtError::HashAlgorithm),
            Some(_) => count -= 1,
        }
        let Some(digests) = map.get(SD) else {
            return Ok(count);
        };
        count -= 1;
        for digest in digests.array().ok_or(SdJwtError::Reserved)? {
            let digest = digest.as_text().ok_or(SdJwtError::Reserved)?;
            self.note(digest)?;
            let Some(found) = self.disclosures.put(digest, item) else {
                continue;
            };
            let name = found.name.ok_or(SdJwtError::DisclosureForm)?;
            if is_outermost && REGISTERED.contains(&name) {
                return Err(SdJwtError::Registered);
            }
            let namesakes = self
                .disclosures
                .at(item)
                .filter(|other| other.name == Some(name))
                .count();
            if map.get(name).is_some() || namesakes > 1 {
                return Err(SdJwtError::ClaimClash);
            }
            count += 1;
        }
        Ok(count)
    }

    /// Looks up the digest of a list's element, if it is one that is hidden; says whether the element will be there.
    fn reveal_element(&mut self, element: Item<'s>) -> Result<bool, SdJwtError> {
        let Some(digest) = placeholder(element) else {
            return Ok(true);
        };
        let digest = digest.ok_or(SdJwtError::Reserved)?;
        self.note(digest)?;
        match self.disclosures.put(digest, element) {
            Some(found) if found.name.is_some() => Err(SdJwtError::DisclosureForm),
            found => Ok(found.is_some()),
        }
    }

    fn note(&mut self, digest: &'s str) -> Result<(), SdJwtError> {
        let met = self.digests.get(..self.digest_count).unwrap_or_default();
        if met.contains(&digest) {
            return Err(SdJwtError::DigestTwice);
        }
        *self
            .digests
            .get_mut(self.digest_count)
            .ok_or(SdJwtError::TooManyDigests)? = digest;
        self.digest_count += 1;
        Ok(())
    }
}

/// The digest of an object that stands for a list's element; `Some(None)` for one that is not of that form.
fn placeholder(element: Item<'_>) -> Option<Option<&str>> {
    let map = element.map()?;
    let digest = map.get(DOTS)?;
    Some(digest.as_text().filter(|_| map.len() == 1))
}

/// The member with the smallest name behind `last`, among the issuer's own and the disclosed ones.
fn next_member<'s>(
    disclosures: &Disclosures<'s>,
    object: Item<'s>,
    is_outermost: bool,
    members: &mut MapIter<'s>,
    last: Option<&str>,
) -> Option<(&'s str, Item<'s>)> {
    let is_behind = |name: &str| last.is_none_or(|last| compare_keys(name, last).is_gt());
    let disclosed = disclosures
        .at(object)
        .filter_map(|disclosure| Some((disclosure.name?, disclosure.value)));
    let disclosed = disclosed
        .filter(|(name, _)| is_behind(name))
        .min_by(|(a, _), (b, _)| compare_keys(a, b));
    let mut ahead = members.clone();
    let own = ahead.find(|(name, _)| *name != SD && !(is_outermost && *name == SD_ALG));
    match (own, disclosed) {
        (Some(own), Some(disclosed)) if compare_keys(disclosed.0, own.0).is_lt() => Some(disclosed),
        (Some(own), _) => {
            *members = ahead;
            Some(own)
        }
        (None, disclosed) => disclosed,
    }
}

fn full(_: WriteError) -> SdJwtError {
    SdJwtError::OutputTooShort
}
