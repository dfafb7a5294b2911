//! Row 26 of the interpretations: echo headers are optional, and what they say must be what the envelope says.

use ohp::envelope::{Tier, Verb};
use ohp::transport::echo::Mismatch;
use ohp::transport::{Echo, Info};

fn echo<'a>(version: Option<&'a str>, tier: Option<&'a str>, verb: Option<&'a str>) -> Echo {
    Echo::of(&Info {
        ohp_version: version,
        ohp_tier: tier,
        ohp_verb: verb,
        ..Info::default()
    })
}

#[test]
fn absent_headers_are_no_mismatch() {
    for tier in Tier::ALL {
        for verb in Verb::ALL {
            assert_eq!(Echo::default().check(*tier, *verb), Ok(()));
            let echo = echo(Some("0.1"), Some(tier.as_str()), Some(verb.as_str()));
            assert_eq!(echo.check(*tier, *verb), Ok(()));
        }
    }
}

#[test]
fn row_26_the_header_that_says_otherwise_is_named() {
    for (version, tier, verb, mismatch) in [
        (Some("0.2"), None, None, Mismatch::Version),
        (Some(""), None, None, Mismatch::Version),
        (Some("0.1"), Some("signed"), None, Mismatch::Tier),
        (None, Some("Core"), Some("PROPOSE"), Mismatch::Tier),
        (None, Some(""), None, Mismatch::Tier),
        (None, Some("core"), Some("ACCEPT"), Mismatch::Verb),
        (None, None, Some("propose"), Mismatch::Verb),
        (None, None, Some("PROPOSE, ACCEPT"), Mismatch::Verb),
    ] {
        let echo = echo(version, tier, verb);
        assert_eq!(
            echo.check(Tier::Core, Verb::Propose),
            Err(mismatch),
            "{version:?} {tier:?} {verb:?}"
        );
    }
}

#[test]
fn chunks_of_one_envelope_must_say_the_same() {
    let one = echo(Some("0.1"), Some("core"), None);
    let two = echo(None, Some("core"), Some("PROPOSE"));
    assert_eq!(one.and(two).check(Tier::Core, Verb::Propose), Ok(()));
    assert_eq!(one.and(two).check(Tier::Core, Verb::Accept), Err(Mismatch::Verb));
    let other = echo(None, Some("signed"), None);
    for tier in Tier::ALL {
        assert_eq!(one.and(other).check(*tier, Verb::Propose), Err(Mismatch::Tier));
        assert_eq!(other.and(two).and(one).check(*tier, Verb::Propose), Err(Mismatch::Tier));
    }
}

#[test]
fn what_waits_in_a_slot_says_what_it_said() {
    let versions = [None, Some("0.1"), Some("9")];
    let tiers = [
        None,
        Some("core"),
        Some("signed"),
        Some("sealed"),
        Some("regulated"),
        Some("x"),
    ];
    let verbs = [None, Some("PROPOSE"), Some("RETURN"), Some("INCIDENT"), Some("x")];
    for version in versions {
        for tier in tiers {
            for verb in verbs {
                let echo = echo(version, tier, verb);
                let bits = echo.to_bits();
                assert!(bits < 0x80);
                let back = Echo::from_bits(bits | 0x80);
                for tier in Tier::ALL {
                    for verb in Verb::ALL {
                        assert_eq!(back.check(*tier, *verb), echo.check(*tier, *verb));
                    }
                }
            }
        }
    }
}
