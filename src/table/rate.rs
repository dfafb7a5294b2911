//! Token buckets: how much each signing key and each peer may do in a second.
//!
//! A bucket is one word, so that a charge is one compare-and-exchange: milliseconds of the last charge (34 bits, modulo
//! half a year) and the debt in thousandths of a token (30 bits). Debt is paid back at `per_second` thousandths a
//! millisecond, which is exact in integers; a charge is allowed if it leaves at most `per_second` tokens of debt. So in
//! any span of `t` milliseconds at most `per_second` + `per_second` × `t` / 1000 charges are allowed, whoever races.
//!
//! One second after its last charge a bucket is full again and the same as a new one: its entry may then be used for
//! another key. A bucket is *closed* (debt 0, which no charged bucket has) before that happens, so that a party that
//! found it earlier cannot charge it any more.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::key::Key;
use super::ways::{Content, InsertError, Inserted, Ways};
use super::word::Word;

/// Highest rate; higher ones are taken for this one. It keeps the debt in 30 bits.
pub const MAX_PER_SECOND: u32 = 1_000_000;

/// How far the clock may seem to run backwards, in milliseconds, because racing parties read it at different moments:
/// nothing is paid back then. A larger step is a clock that was set back, and starts the bucket anew. This is the skew
/// that the protocol tolerates everywhere else.
pub const CLOCK_STEP_MS: u64 = crate::time::CLOCK_SKEW_MS.unsigned_abs();

/// Milliseconds in which any bucket is full again.
const REFILL_MS: u64 = 1_000;
/// What one charge costs, in thousandths of a token.
const TOKEN: u64 = 1_000;

const DEBT_BITS: u32 = 30;
const DEBT: u64 = (1 << DEBT_BITS) - 1;
const TIME: u64 = u64::MAX >> DEBT_BITS;

/// Rounds of one charge. Each further one means that another charge was allowed meanwhile. The number is ours: twice what
/// other operations have, since all calls of a peer meet at one bucket.
const ATTEMPTS: usize = 128;

/// The cell of an entry that is about to be used for another key.
pub(super) fn closed(generation: u16) -> u64 {
    u64::from(generation) << DEBT_BITS
}

pub(super) fn is_closed(cell: u64) -> bool {
    cell & DEBT == 0
}

/// Whether a cell is closed or its bucket full again.
pub(super) fn is_idle(cell: u64, now: u64) -> bool {
    is_closed(cell) || elapsed(cell, now).is_some_and(|elapsed| elapsed >= REFILL_MS)
}

/// Milliseconds since the bucket's moment; `None` if that is a little ahead of `now`.
fn elapsed(cell: u64, now: u64) -> Option<u64> {
    let last = cell >> DEBT_BITS;
    let lead = last.wrapping_sub(now) & TIME;
    (lead == 0 || lead > CLOCK_STEP_MS).then(|| now.wrapping_sub(last) & TIME)
}

/// A bucket with its first charge.
fn opened(now: u64) -> u64 {
    (now & TIME) << DEBT_BITS | TOKEN
}

/// The bucket after one more charge; `None` if that is more than it allows.
fn charged(cell: u64, per_second: u32, now: u64) -> Option<u64> {
    let capacity = u64::from(per_second) * TOKEN;
    let (paid, time) = match elapsed(cell, now) {
        Some(elapsed) => (elapsed.min(REFILL_MS) * u64::from(per_second), now & TIME),
        None => (0, cell >> DEBT_BITS),
    };
    let debt = (cell & DEBT).min(capacity).saturating_sub(paid) + TOKEN;
    (debt <= capacity).then_some(time << DEBT_BITS | debt)
}

/// Charges one token to the key's bucket, which is opened if there is none; whether that is allowed.
pub(super) fn charge<W: Word>(
    buckets: &Ways<'_, W>,
    key: &Key,
    per_second: u32,
    now: u64,
) -> Result<bool, InsertError> {
    let per_second = per_second.clamp(1, MAX_PER_SECOND);
    for _ in 0..ATTEMPTS {
        let entry = match buckets.find(key, now) {
            Some(entry) => entry,
            None => match buckets.insert(key, Content::Cell(opened(now)), now + REFILL_MS, now)? {
                Inserted::New(_) => return Ok(true),
                Inserted::Known(entry) => entry,
            },
        };
        let cell = buckets.cell(entry.place);
        let seen = cell.load(Acquire);
        // The entry may have been claimed for another key since it was found.
        if is_closed(seen) || !buckets.stands(entry) {
            continue;
        }
        let Some(next) = charged(seen, per_second, now) else {
            return Ok(false);
        };
        if cell.compare_exchange(seen, next, AcqRel, Relaxed).is_ok() {
            return Ok(true);
        }
    }
    // So many others were allowed in this very moment that refusing is the safe side.
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Charges in `0..charges` of one bucket at `now` that are allowed.
    fn burst(cell: &mut u64, per_second: u32, now: u64, charges: u32) -> u32 {
        (0..charges)
            .filter(|_| charged(*cell, per_second, now).inspect(|next| *cell = *next).is_some())
            .count() as u32
    }

    #[test]
    fn a_bucket_allows_its_burst_and_refills_exactly() {
        for per_second in [1, 3, 7, 50, 999, MAX_PER_SECOND] {
            let now = 1_779_975_731_250;
            let mut cell = opened(now);
            assert_eq!(
                burst(&mut cell, per_second, now, per_second + 10),
                per_second - 1,
                "{per_second}"
            );
            assert_eq!(
                burst(&mut cell, per_second, now + 1_000, per_second + 10),
                per_second,
                "{per_second}"
            );
            assert_eq!(
                burst(&mut cell, per_second, now + 1_500, per_second + 10),
                per_second / 2,
                "{per_second}"
            );
        }
    }

    #[test]
    fn a_bucket_never_allows_more_than_burst_and_rate() {
        let start = (1 << 34) - 4_000; // wraps on the way
        let mut cell = opened(start);
        let mut allowed = 1;
        for step in 0..10_000 {
            allowed += burst(&mut cell, 3, start + step, 2);
            assert!(u64::from(allowed) * 1_000 <= 3_000 + 3 * step, "at {step}: {allowed}");
        }
        assert!(allowed >= 32);
    }

    #[test]
    fn parties_that_read_the_clock_a_little_apart_gain_nothing() {
        let now = 1_779_975_731_250;
        let mut cell = opened(now);
        burst(&mut cell, 50, now, 50);
        for round in 0..10_000 {
            assert_eq!(burst(&mut cell, 50, now - round % 2, 1), 0, "{round}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_refuse_for_as_long() {
        let now = 1_779_975_731_250;
        let mut cell = opened(now);
        burst(&mut cell, 50, now, 50);
        assert_eq!(burst(&mut cell, 50, now - 3_600_000, 100), 50);
    }

    #[test]
    fn a_lower_rate_takes_effect_at_once() {
        let now = 1_779_975_731_250;
        let mut cell = opened(now);
        burst(&mut cell, 1_000, now, 1_000);
        assert_eq!(burst(&mut cell, 1, now + 999, 5), 0);
        assert_eq!(burst(&mut cell, 1, now + 1_000, 5), 1);
    }

    #[test]
    fn a_bucket_is_idle_once_it_is_full_again() {
        let now = 1_779_975_731_250;
        assert!(!is_idle(opened(now), now));
        assert!(!is_idle(opened(now), now + 999));
        assert!(is_idle(opened(now), now + 1_000));
        assert!(!is_idle(opened(now), now - 1));
        assert!(is_idle(closed(3), now));
    }
}
