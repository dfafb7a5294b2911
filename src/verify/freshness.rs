//! Step 3: the envelope's lifetime against the moment of its arrival (OHP §4.4; interpretations, row 33).

use super::{Failure, Why};
use crate::envelope::{Envelope, RejectReason};
use crate::time::{CLOCK_SKEW_MS, MAX_LIFETIME_MS, Timestamp};

/// What is wrong with an envelope's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untimely {
    /// `notAfter` has passed, by more than the tolerated skew; holds by how many milliseconds it has.
    Expired(i64),
    /// It is not valid yet, by more than the tolerated skew; holds for how many milliseconds it is not.
    Early(i64),
    /// `notAfter − issuedAt` is more than five minutes; holds the lifetime in milliseconds.
    LivesTooLong(i64),
    /// `notAfter` is not after `issuedAt`.
    EndsBeforeItBegins,
    /// `notBefore` is before `issuedAt`.
    BeginsBeforeItIsIssued,
}

impl core::fmt::Display for Untimely {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Expired(by) => write!(
                f,
                "notAfter passed {by} ms ago, and {CLOCK_SKEW_MS} ms of skew are tolerated"
            ),
            Self::Early(by) => write!(
                f,
                "it is valid in {by} ms only, and {CLOCK_SKEW_MS} ms of skew are tolerated"
            ),
            Self::LivesTooLong(ms) => write!(f, "it lives for {ms} ms, and {MAX_LIFETIME_MS} ms are the most"),
            Self::EndsBeforeItBegins => f.write_str("notAfter is not after issuedAt"),
            Self::BeginsBeforeItIsIssued => f.write_str("notBefore is before issuedAt"),
        }
    }
}

/// Runs the step; `None` when the envelope is a short reply without times (interpretations, row 43).
pub(super) fn check(envelope: &Envelope<'_>, now: Timestamp) -> Option<Result<(), Failure>> {
    let (issued_at, not_after) = (envelope.issued_at()?, envelope.not_after()?);
    Some(
        judge(issued_at, envelope.not_before(), not_after, now).map_err(|untimely| Failure {
            reason: RejectReason::Stale,
            why: Why::Untimely(untimely),
        }),
    )
}

fn judge(
    issued_at: Timestamp,
    not_before: Option<Timestamp>,
    not_after: Timestamp,
    now: Timestamp,
) -> Result<(), Untimely> {
    let lifetime = not_after.since(issued_at);
    let begins = not_before.unwrap_or(issued_at);
    if lifetime <= 0 {
        Err(Untimely::EndsBeforeItBegins)
    } else if lifetime > MAX_LIFETIME_MS {
        Err(Untimely::LivesTooLong(lifetime))
    } else if begins < issued_at {
        Err(Untimely::BeginsBeforeItIsIssued)
    } else if now.since(not_after) > CLOCK_SKEW_MS {
        Err(Untimely::Expired(now.since(not_after)))
    } else if begins.since(now) > CLOCK_SKEW_MS {
        Err(Untimely::Early(begins.since(now)))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + (seconds * 1000.0) as i64)
    }

    #[test]
    fn five_seconds_of_skew_are_tolerated_to_the_millisecond_at_both_ends() {
        let (issued, ends) = (at(0.0), at(300.0));
        assert_eq!(judge(issued, None, ends, at(305.0)), Ok(()));
        assert_eq!(judge(issued, None, ends, at(305.001)), Err(Untimely::Expired(5001)));
        assert_eq!(judge(issued, None, ends, at(-5.0)), Ok(()));
        assert_eq!(judge(issued, None, ends, at(-5.001)), Err(Untimely::Early(5001)));
        assert_eq!(judge(issued, Some(at(10.0)), ends, at(5.0)), Ok(()));
        assert_eq!(
            judge(issued, Some(at(10.0)), ends, at(4.999)),
            Err(Untimely::Early(5001))
        );
    }

    #[test]
    fn lifetime_gets_no_skew() {
        assert_eq!(
            judge(at(0.0), None, at(300.001), at(1.0)),
            Err(Untimely::LivesTooLong(300_001))
        );
        assert_eq!(
            judge(at(0.0), None, at(0.0), at(0.0)),
            Err(Untimely::EndsBeforeItBegins)
        );
        assert_eq!(
            judge(at(0.0), Some(at(-0.001)), at(60.0), at(1.0)),
            Err(Untimely::BeginsBeforeItIsIssued)
        );
    }
}
