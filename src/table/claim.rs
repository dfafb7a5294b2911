//! How a party owns a few words for a moment, and why one that dies, or sleeps, in the middle does no harm.
//!
//! A claim is a value of a *state word*: it names a generation, which grows with every claim, and the moment it was
//! made. Whoever finds a claim older than [`CLAIM_LIFETIME_MS`] takes its party for dead and claims the same words for
//! the next generation. The party may only have been asleep (or the clock may have jumped), so its writes must not land
//! on the words of its successor. Two things together see to that:
//!
//! - Every word written under a claim carries the low 16 bits of the claim's generation ([`tagged`]). A reader that
//!   has seen generation `g` published ignores a word with any other tag.
//! - A word is written by [`write_claimed`] only: read the word, *then* make sure that the claim still stands, then
//!   compare-and-exchange against what was read. If a successor had written the word before it was read, the claim is
//!   seen to be gone; if it writes later, the exchange fails. For a stale write to land, the same word would have to go
//!   through 65,536 generations and come back to the same contents while the sleeper sleeps between two instructions.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::word::Word;
use crate::time::Timestamp;

/// Milliseconds after which an unfinished claim is taken for that of a dead process. What happens under a claim takes
/// microseconds; a live party that is overtaken loses its claim, never anybody's data.
pub const CLAIM_LIFETIME_MS: u64 = 1_000;

/// Bits of a tagged word that hold its contents; the rest hold the generation.
pub(super) const PAYLOAD_BITS: u32 = 48;
/// The contents of a tagged word.
pub(super) const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;
/// Bytes of data that fit a tagged word.
pub(super) const PAYLOAD_BYTES: usize = (PAYLOAD_BITS / 8) as usize;

/// Tries at one word under one claim. Each failed one is the last write of a party that lost its claim long ago, and
/// there are seldom any. The number is ours.
pub(super) const WRITE_ATTEMPTS: usize = 8;

/// The largest moment that the table tells apart: the year 3084.
const MOMENT_MAX: i64 = (1 << 45) - 1;

/// A moment as the table stores it: milliseconds since the epoch, clamped to 45 bits.
pub(super) fn moment(time: Timestamp) -> u64 {
    time.millis().clamp(0, MOMENT_MAX).unsigned_abs()
}

/// The word that holds `payload` (48 bits) for `generation`.
pub(super) fn tagged(generation: u16, payload: u64) -> u64 {
    u64::from(generation) << PAYLOAD_BITS | payload & PAYLOAD
}

/// The contents of a tagged word, if it is of that generation.
pub(super) fn untag(word: u64, generation: u16) -> Option<u64> {
    (word >> PAYLOAD_BITS == u64::from(generation)).then_some(word & PAYLOAD)
}

/// Writes a word under a claim; `held` tells whether the claim still stands. `false`: it does not.
///
/// The load is an acquire and the exchange a release, so that whoever reads a successor's word also sees the
/// successor's claim when it calls `held`; `held` itself needs no ordering of its own.
pub(super) fn write_claimed<W: Word>(word: &W, value: u64, held: impl Fn() -> bool) -> bool {
    (0..WRITE_ATTEMPTS).any(|_| {
        let seen = word.load(Acquire);
        held() && word.compare_exchange(seen, value, Release, Relaxed).is_ok()
    })
}

/// Whether a claim made at `made` is stale at `now`, both in milliseconds modulo `mask + 1`. A claim from the future
/// is as stale as one from the past: the clock has been set back since.
pub(super) fn is_stale(made: u64, now: u64, mask: u64) -> bool {
    let age = now.wrapping_sub(made) & mask;
    let lead = made.wrapping_sub(now) & mask;
    age.min(lead) > CLAIM_LIFETIME_MS
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_word_of_another_generation_is_not_read() {
        let word = tagged(7, 0x1234_5678_9abc);
        assert_eq!(untag(word, 7), Some(0x1234_5678_9abc));
        assert_eq!(untag(word, 8), None);
    }

    #[test]
    fn a_party_that_lost_its_claim_writes_nothing() {
        let word = AtomicU64::new(tagged(2, 5));
        assert!(!write_claimed(&word, tagged(1, 9), || false));
        assert_eq!(word.load(Relaxed), tagged(2, 5));
        assert!(write_claimed(&word, tagged(3, 9), || true));
        assert_eq!(word.load(Relaxed), tagged(3, 9));
    }

    #[test]
    fn a_sleeper_that_wakes_before_its_exchange_does_not_overwrite_its_successor() {
        let word = AtomicU64::new(tagged(1, 1));
        let first = core::cell::Cell::new(true);
        // The claim still stands when it is looked at, and is overtaken right after.
        let overtaken = || {
            let held = first.replace(false);
            if held {
                word.store(tagged(3, 3), Release);
            }
            held
        };
        assert!(!write_claimed(&word, tagged(2, 2), overtaken));
        assert_eq!(word.load(Relaxed), tagged(3, 3));
    }

    #[test]
    fn claims_grow_stale_in_both_directions_of_a_wrapping_clock() {
        let mask = (1 << 21) - 1;
        assert!(!is_stale(0, CLAIM_LIFETIME_MS, mask));
        assert!(is_stale(0, CLAIM_LIFETIME_MS + 1, mask));
        assert!(!is_stale(5, mask - 10, mask));
        assert!(!is_stale(mask - 10, 5, mask));
        assert!(is_stale(5_000, 1, mask));
    }

    #[test]
    fn moments_outside_the_range_are_clamped() {
        assert_eq!(moment(Timestamp::from_millis(-5)), 0);
        assert_eq!(moment(Timestamp::from_millis(i64::MAX)), (1 << 45) - 1);
    }
}
