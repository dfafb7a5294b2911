//! Whether an envelope's sound is this call's: the exact fingerprint first, then the robust one where there is one to look
//! for (interpretations, rows 34 and 38).
//!
//! Not here: whether policy lets the robust fingerprint decide, which it never does at Regulated: who must not be told of
//! one does not ask with one.

use super::exact::{self, Unusable};
use super::robust::{self, RobustFingerprint};
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
    /// Nothing heard so far could prove anything; why, as far as the exact fingerprint goes.
    NoUsableAudio(Unusable),
    /// No RTP packet has come yet.
    NoMedia,
}

/// Looks for `wanted` in all that the tap holds, and if it is not there for `robust`. Uses less than 84 KiB of stack.
pub fn search<W: Word>(tap: &Tap<'_, W>, wanted: &Fingerprint, robust: Option<&RobustFingerprint>) -> Continuity {
    let exact = match exactly(tap, wanted) {
        exact::Decision::Match(found) => return Continuity::Exact(found),
        exact::Decision::NoMedia => return Continuity::NoMedia,
        exact::Decision::Mismatch => Continuity::Mismatch,
        exact::Decision::NoUsableAudio(why) => Continuity::NoUsableAudio(why),
    };
    match robust.map(|robust| robustly(tap, robust)) {
        Some(robust::Decision::Match(found)) => Continuity::Robust(found),
        Some(robust::Decision::Mismatch { .. }) => Continuity::Mismatch,
        // Too little for the one may be enough for the other.
        Some(robust::Decision::NoUsableAudio(_) | robust::Decision::NoMedia) | None => exact,
    }
}

// Two functions, so that neither's stack stays taken while the other runs.
#[inline(never)]
fn exactly<W: Word>(tap: &Tap<'_, W>, wanted: &Fingerprint) -> exact::Decision {
    exact::search(tap, wanted)
}

#[inline(never)]
fn robustly<W: Word>(tap: &Tap<'_, W>, wanted: &RobustFingerprint) -> robust::Decision {
    robust::search(tap, wanted)
}
