//! The life of published keys, from one publication of a key set to the next: keys join it, end, are revoked, and leave it once
//! nothing that they have signed can be on its way any more (OHP §5.9).
//!
//! Not here: how a set is read and written ([`super::jwk`]), and where it lies.

use core::fmt;
use std::vec::Vec;

use super::Text;
use super::jwk::{Jwk, OwnKeys};
use crate::time::Timestamp;

/// How long a key stays published after its end, in hours: the one of OHP §5.9, begun after the longest envelope's lifetime.
pub const RETENTION_HOURS: u16 = 2;
/// The longest life of a key that signs, in days (OHP §5.9).
pub const SIGNING_DAYS_MAX: u16 = 90;
/// Likewise of one that fields are sealed for.
pub const SEALING_DAYS_MAX: u16 = 30;

const HOUR_MS: i64 = 3_600_000;

/// Why a publication cannot be. Each holds the `kid` that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError<'k> {
    /// Two of our keys are called so.
    TwoOfAName(&'k str),
    /// Another key is published under this name. A `kid` stands for one key all its life.
    NameTaken(&'k str),
    /// No key is called so.
    Unknown(&'k str),
    /// The key cannot be written down: there is not enough memory.
    Memory(&'k str),
}

impl fmt::Display for PublishError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoOfAName(kid) => write!(f, "two keys are called {kid:?}"),
            Self::NameTaken(kid) => write!(f, "another key is published under the kid {kid:?}"),
            Self::Unknown(kid) => write!(f, "no key is called {kid:?}"),
            Self::Memory(kid) => write!(f, "there is not enough memory for the key {kid:?}"),
        }
    }
}

impl core::error::Error for PublishError<'_> {}

/// The keys that are, or are about to be, published.
pub struct PublishedKeys {
    keys: Vec<Jwk>,
    /// The keys of our own with the ends that our own files give them, which know nothing of an earlier one or a revocation.
    ours: Vec<(Option<Text>, Option<Timestamp>)>,
}

impl PublishedKeys {
    /// What has been published so far.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self { keys, ours: Vec::new() }
    }

    /// Takes our keys in. One that is there already keeps an earlier end and its revocation; one that is there and no longer
    /// ours ends `now`, unless it has yet to begin: a key that is published ahead lies in no bundle until then.
    ///
    /// # Errors
    /// [`PublishError`]; the set is then of no use.
    pub fn publish<'k>(&mut self, own: &[&'k OwnKeys], now: Timestamp) -> Result<(), PublishError<'k>> {
        let mut ours: Vec<(&'k str, Jwk)> = Vec::new();
        for key in own.iter().flat_map(|keys| keys.keys()) {
            let kid = key.kid();
            let public = Jwk::from_json(key.to_public_json().as_bytes()).map_err(|_| PublishError::Memory(kid))?;
            match ours.iter().find(|(_, other)| other.kid == public.kid) {
                Some((_, same)) if same.thumbprint() == public.thumbprint() => continue,
                Some(_) => return Err(PublishError::TwoOfAName(kid)),
                None => ours.push((kid, public)),
            }
        }
        self.ours = ours.iter().map(|(_, key)| (key.kid.clone(), key.valid_until)).collect();
        let mut others = Vec::new();
        for mut old in self.keys.drain(..) {
            match ours.iter_mut().find(|(_, key)| key.kid == old.kid) {
                Some((kid, key)) if key.thumbprint() != old.thumbprint() => return Err(PublishError::NameTaken(kid)),
                Some((_, key)) => {
                    key.valid_until = earlier(key.valid_until, old.valid_until);
                    key.revoked |= old.revoked;
                }
                None => {
                    let has_begun = old.valid_from.is_none_or(|from| from <= now);
                    if has_begun && !old.revoked {
                        old.valid_until = earlier(old.valid_until, Some(now));
                    }
                    others.push(old);
                }
            }
        }
        self.keys = ours.into_iter().map(|(_, key)| key).chain(others).collect();
        Ok(())
    }

    /// Lets a key end at `at`, unless it ends before.
    ///
    /// # Errors
    /// [`PublishError::Unknown`].
    pub fn retire<'k>(&mut self, kid: &'k str, at: Timestamp) -> Result<(), PublishError<'k>> {
        let key = self.find(kid)?;
        key.valid_until = earlier(key.valid_until, Some(at));
        Ok(())
    }

    /// Revokes a key as of `at`: what was issued later is refused (interpretations, row 20).
    ///
    /// # Errors
    /// [`PublishError::Unknown`].
    pub fn revoke<'k>(&mut self, kid: &'k str, at: Timestamp) -> Result<(), PublishError<'k>> {
        self.retire(kid, at)?;
        self.find(kid)?.revoked = true;
        Ok(())
    }

    fn find<'k>(&mut self, kid: &'k str) -> Result<&mut Jwk, PublishError<'k>> {
        let found = self.keys.iter_mut().find(|key| key.kid.as_deref() == Some(kid));
        found.ok_or(PublishError::Unknown(kid))
    }

    /// Leaves out the keys whose time has been over for [`RETENTION_HOURS`]: nothing of theirs is on its way. One that our own
    /// files hold for longer stays, ended or revoked as it is: they would bring it back, alive, with the next publication.
    pub fn drop_past(&mut self, now: Timestamp) {
        let retention = i64::from(RETENTION_HOURS) * HOUR_MS;
        let is_past = |until: Option<Timestamp>| until.is_some_and(|until| now.since(until) > retention);
        let ours = &self.ours;
        let would_return = |key: &Jwk| ours.iter().any(|(kid, until)| *kid == key.kid && !is_past(*until));
        self.keys.retain(|key| !is_past(key.valid_until) || would_return(key));
    }

    /// The keys of the set, ours first.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
