//! The small texts of the protocol: date-times, identifiers, fingerprints, words of its vocabularies. What is read is
//! written as something that is read as the same.

#![no_main]

use ohp::envelope::{RejectReason, Tier, Verb};
use ohp::id::{EnvelopeId, is_prefixed_ulid, parse_hex, write_hex};
use ohp::leg::Leg;
use ohp::media::{Fingerprint, RobustFingerprint};
use ohp::time::Timestamp;
use ohp_fuzz::{Seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    without_heap(|| {
        match Timestamp::parse_rfc3339(text) {
            Ok(moment) => {
                // An offset may lead out of the years that a text can say.
                let said = Timestamp::parse_rfc3339(moment.to_text().as_str());
                let years = Timestamp::from_millis(-62_167_219_200_000)..=Timestamp::from_millis(253_402_300_799_999);
                assert!(said == Ok(moment) || said.is_ok() && !years.contains(&moment));
                assert_eq!(moment.plus(1).since(moment), 1);
            }
            Err(error) => assert!(error.offset <= text.len()),
        }
        if let Some(id) = EnvelopeId::parse(text) {
            assert_eq!(id.as_str(), text);
            assert!(is_prefixed_ulid(text.as_bytes(), "cse_"));
        }
        if let Some(fingerprint) = Fingerprint::parse(text) {
            assert_eq!(&fingerprint.to_text()[..], text.as_bytes());
        }
        if let Some(fingerprint) = RobustFingerprint::parse(text) {
            assert_eq!(&fingerprint.to_text()[..], text.as_bytes());
        }
        if let Some(bytes) = parse_hex::<16>(text) {
            let mut again = [0; 32];
            write_hex(&bytes, &mut again);
            assert_eq!(&again[..], text.as_bytes());
        }
        for (parsed, word) in [
            (Tier::parse(text).is_some(), Tier::parse(text).map(Tier::as_str)),
            (Verb::parse(text).is_some(), Verb::parse(text).map(Verb::as_str)),
            (RejectReason::parse(text).is_some(), RejectReason::parse(text).map(RejectReason::as_str)),
        ] {
            assert!(!parsed || word == Some(text));
        }
    });
    if let Ok(mut leg) = Leg::new(text) {
        let _ = leg.bind_id(text);
        assert!(leg.ids().all(|id| id == text));
    }
});

fn write_seeds(seeds: &mut Seeds) {
    for text in [
        "2026-05-28T13:42:11Z",
        "2024-02-29t23:59:60.123456789-23:59",
        "0000-01-01T00:00:00+00:00",
        "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0123456789abcdef0123456789abcdef",
        "hk1:7_gDn8XgDkCzHUD9rkiB31zn_x7EJGLhcSB_BDpIZQSMX4cIpU8ZOfIumtxasB3OjPHjuqVX49F00I6fTlYpOYsoMCJIS0D_SUP5TdWj7wLu_ASWMtxG2ZQtRy_J9vlh1vL4HYkiB-CoIwfHmQP4Amo1-HixsQA_22cNRNxUL8BqwPB_",
        "signed",
        "PROPOSE",
        "tier-insufficient",
        "a84b4c76e66710@pc33.example.com",
    ] {
        seeds.add(text);
    }
}
