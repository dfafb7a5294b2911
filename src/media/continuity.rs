//! Whether an envelope's sound is this call's: the exact fingerprint first, then the robust one where there is one to look
//! for (interpretations, rows 34 and 38).
//!
//! Not here: whether policy lets the robust fingerprint decide, which it never does at Regulated: who must not be told of
//! one does not ask with one.

use core::fmt;

use super::exact;
use super::robust::{self, NO_OTHERS, Others, RobustFingerprint};
use super::{Fingerprint, Tap};
use crate::table::Word;

/// What the call's sound says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// The exact fingerprint's 200 ms are there.
    Exact(exact::Found),
    /// They are not, but sound is that the robust fingerprint was made of, with this many bits that differ.
    Robust(robust::Found),
    /// There is usable sound, and it is another.
    Mismatch,
    /// Nothing heard so far could prove anything.
    NoUsableAudio(Unusable),
    /// No RTP packet has come yet.
    NoMedia,
}

/// Why sound proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// As far as the exact fingerprint goes, which is looked for first.
    Exact(exact::Unusable),
    /// As far as the robust one goes, where it is the only one.
    Robust(robust::Unusable),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(why) => why.fmt(f),
            Self::Robust(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(found) => exact::Decision::Match(*found).fmt(f),
            Self::Robust(found) => robust::Decision::Match(*found).fmt(f),
            Self::Mismatch => exact::Decision::Mismatch.fmt(f),
            Self::NoUsableAudio(why) => write!(f, "no usable audio: {why}"),
            Self::NoMedia => exact::Decision::NoMedia.fmt(f),
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
pub struct Wanted<'w> {
    /// The exact fingerprint; `None` where the envelope has none, as when its sender had no 200 ms without a gap.
    pub exact: Option<&'w Fingerprint>,
    /// The robust one; `None` where there is none, or where it must not decide.
    pub robust: Option<&'w RobustFingerprint>,
    /// The robust fingerprints that other calls have shown.
    pub others: Others<'w>,
}

impl<'w> Wanted<'w> {
    /// The exact fingerprint and nothing else.
    pub fn exactly(exact: &'w Fingerprint) -> Self {
        Self {
            exact: Some(exact),
            robust: None,
            others: NO_OTHERS,
        }
    }
}

/// Looks for `wanted` in all that the tap holds. Uses less than 84 KiB of stack.
///
/// The exact fingerprint of G.711 costs up to 2.5 ms, the robust one 1.6 ms where the exact one is not found, and then a few
/// microseconds for each fingerprint of another call; see `docs/performance.md`.
pub fn search<W: Word>(tap: &Tap<'_, W>, wanted: &Wanted<'_>) -> Continuity {
    search_by(tap, wanted, |exact| exactly(tap, exact))
}

/// [`search`], with the exact fingerprint looked for by `exactly`. The robust one is not before that search is over.
pub(crate) fn search_by<W: Word>(
    tap: &Tap<'_, W>,
    wanted: &Wanted<'_>,
    exactly: impl FnOnce(&Fingerprint) -> exact::Decision,
) -> Continuity {
    let exact = wanted.exact.map(exactly);
    let is_over = exact != Some(exact::Decision::NoUsableAudio(exact::Unusable::Searching));
    Continuity::of(exact, || {
        let robust = wanted.robust.filter(|_| is_over)?;
        Some(robustly(tap, robust, wanted.others))
    })
}

impl Continuity {
    /// What both searches say together; `None` for what was not looked for. The robust search is made only where the exact one
    /// has not found its fingerprint.
    pub fn of(exact: Option<exact::Decision>, robust: impl FnOnce() -> Option<robust::Decision>) -> Self {
        let (unsought, exact) = (
            exact.is_none(),
            match exact {
                Some(exact::Decision::Match(found)) => return Continuity::Exact(found),
                Some(exact::Decision::NoMedia) => return Continuity::NoMedia,
                Some(exact::Decision::Mismatch) => Continuity::Mismatch,
                Some(exact::Decision::NoUsableAudio(why)) => Continuity::NoUsableAudio(Unusable::Exact(why)),
                None => Continuity::NoUsableAudio(Unusable::Robust(robust::Unusable::TooLittle)),
            },
        );
        match robust() {
            Some(robust::Decision::Match(found)) => Continuity::Robust(found),
            Some(robust::Decision::Mismatch { .. }) => Continuity::Mismatch,
            Some(robust::Decision::NoMedia) => Continuity::NoMedia,
            // Too little for the one may be enough for the other.
            Some(robust::Decision::NoUsableAudio(why)) if unsought => Continuity::NoUsableAudio(Unusable::Robust(why)),
            Some(robust::Decision::NoUsableAudio(_)) | None => exact,
        }
    }
}

// Two functions, so that neither's stack stays taken while the other runs.
#[inline(never)]
fn exactly<W: Word>(tap: &Tap<'_, W>, wanted: &Fingerprint) -> exact::Decision {
    exact::search(tap, wanted)
}

#[inline(never)]
fn robustly<W: Word>(tap: &Tap<'_, W>, wanted: &RobustFingerprint, others: Others<'_>) -> robust::Decision {
    robust::search_besides(tap, wanted, others)
}
