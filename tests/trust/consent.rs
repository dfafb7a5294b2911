//! Consent (step 5): what covers what we do, and each reason why it does not.

use ohp::envelope::Tier;
use ohp::trust::bundle::Bundle;
use ohp::trust::consent::{Entry, Fault, Refusal, Statement, judge};
use serde_json::{Value, json};

type Scope<'a> = std::iter::Copied<std::slice::Iter<'a, &'a str>>;

const SCOPE: &[&str] = &["transcript.summary", "intent.slots:non-phi"];

fn entry() -> Entry<'static, Scope<'static>> {
    Entry {
        receipt_id: "rcpt_1",
        purpose: "ai-vendor-handoff",
        scope: SCOPE.iter().copied(),
        lawful_basis: "gdpr.art6.1.b",
        special_category_basis: None,
        jurisdiction: "GB",
        transfer_mechanism: Some("uk-adequacy"),
    }
}

fn receipt() -> Value {
    json!({ "purpose": "ai-vendor-handoff", "scope": ["transcript.summary", "accountRef"], "jurisdiction": "GB",
        "lawfulBasis": "gdpr.art6.1.b", "withdrawn": false })
}

fn bundle(receiver: Value, receipts: Value) -> Bundle {
    let json = json!({ "ohpTrust": 1, "receiver": receiver, "consentReceipts": receipts });
    Bundle::from_json(json.to_string().as_bytes()).expect("a bundle")
}

fn receiver() -> Value {
    json!({ "jurisdictions": ["GB"], "processingScope": ["transcript.summary"] })
}

fn usual() -> Bundle {
    bundle(receiver(), json!({ "rcpt_1": receipt() }))
}

fn given<'a>(
    entries: &'a [Entry<'a, Scope<'a>>],
    residency: Option<&'a [&'a str]>,
) -> Statement<'a, std::iter::Cloned<std::slice::Iter<'a, Entry<'a, Scope<'a>>>>, Scope<'a>> {
    Statement {
        tier: Tier::Signed,
        purpose: "ai-vendor-handoff",
        entries: Some(entries.iter().cloned()),
        residency: residency.map(|list| list.iter().copied()),
        issuer_jurisdictions: None,
    }
}

fn verdict(entries: &[Entry<'_, Scope<'_>>], bundle: &Bundle) -> Result<(), Refusal> {
    judge(&given(entries, Some(&["GB"])), bundle)
}

#[test]
fn absent_consent_is_skipped_below_sealed_and_fails_from_there() {
    for (tier, expected) in [
        (Tier::Core, Ok(())),
        (Tier::Signed, Ok(())),
        (Tier::Sealed, Err(Refusal::Absent)),
        (Tier::Regulated, Err(Refusal::Absent)),
    ] {
        let statement = Statement {
            tier,
            entries: None,
            ..given(&[], None)
        };
        assert_eq!(judge(&statement, &usual()), expected, "{tier}");
    }
    // An empty list is not absence: it covers nothing.
    assert_eq!(verdict(&[], &usual()), Err(Refusal::ScopeNotCovered(0)));
    assert_eq!(verdict(&[], &Bundle::core_receiver()), Ok(()));
}

#[test]
fn consent_that_covers_what_we_do_is_enough_at_every_tier() {
    for tier in Tier::ALL {
        let entries = [entry()];
        let statement = Statement {
            tier: *tier,
            ..given(&entries, Some(&["GB"]))
        };
        assert_eq!(judge(&statement, &usual()), Ok(()), "{tier}");
    }
}

#[test]
fn a_receipt_that_is_not_there_is_needed_unless_something_else_fails_anyway() {
    let missing = Entry {
        receipt_id: "rcpt_2",
        ..entry()
    };
    assert_eq!(
        verdict(&[entry(), missing.clone()], &usual()),
        Err(Refusal::ReceiptNeeded(1))
    );
    let bad = Entry {
        lawful_basis: "",
        ..entry()
    };
    assert_eq!(
        verdict(&[missing.clone(), bad], &usual()),
        Err(Refusal::Entry(1, Fault::LawfulBasis))
    );
    assert_eq!(
        judge(&given(&[missing], Some(&["US"])), &usual()),
        Err(Refusal::OutsideResidency(0))
    );
}

#[test]
fn entry_and_receipt_must_agree_and_the_receipt_must_stand() {
    for (member, value, fault) in [
        ("purpose", json!("marketing"), Fault::PurposeDiffers),
        ("lawfulBasis", json!("gdpr.art6.1.f"), Fault::BasisDiffers),
        ("specialCategoryBasis", json!("gdpr.art9.2.a"), Fault::BasisDiffers),
        ("withdrawn", json!(true), Fault::Withdrawn),
    ] {
        let mut receipt = receipt();
        receipt[member] = value;
        let bundle = bundle(receiver(), json!({ "rcpt_1": receipt }));
        assert_eq!(verdict(&[entry()], &bundle), Err(Refusal::Entry(0, fault)), "{member}");
    }
    // Every entry is judged, not only the one that covers us.
    let receipts =
        json!({ "rcpt_1": receipt(), "rcpt_2": { "purpose": "p", "scope": [], "lawfulBasis": "gdpr.art6.1.b" } });
    let second = Entry {
        receipt_id: "rcpt_2",
        ..entry()
    };
    let both = verdict(&[entry(), second], &bundle(receiver(), receipts));
    assert_eq!(both, Err(Refusal::Entry(1, Fault::PurposeDiffers)));
}

#[test]
fn only_the_bases_of_the_gdpr_are_recognised() {
    for basis in ["gdpr.art6.1.a", "gdpr.art6.1.c", "gdpr.art6.1.f"] {
        let mut receipt = receipt();
        receipt["lawfulBasis"] = json!(basis);
        let bundle = bundle(receiver(), json!({ "rcpt_1": receipt }));
        let entry = Entry {
            lawful_basis: basis,
            ..entry()
        };
        assert_eq!(verdict(&[entry], &bundle), Ok(()), "{basis}");
    }
    for basis in [
        "",
        "gdpr.art6.1.",
        "gdpr.art6.1.g",
        "gdpr.art6.1.B",
        "gdpr.art6.1.bb",
        "consent",
        "gdpr.art9.2.a",
    ] {
        let entry = Entry {
            lawful_basis: basis,
            ..entry()
        };
        assert_eq!(
            verdict(&[entry], &usual()),
            Err(Refusal::Entry(0, Fault::LawfulBasis)),
            "{basis}"
        );
    }
}

#[test]
fn special_category_data_needs_its_own_basis_where_we_process_it() {
    let mut ours = receiver();
    ours["specialCategory"] = json!(true);
    let bundle = bundle(ours, json!({ "rcpt_1": receipt() }));
    let refused = Err(Refusal::Entry(0, Fault::SpecialCategoryBasis));
    for (basis, expected) in [
        (None, refused),
        (Some("gdpr.art9.2.k"), refused),
        (Some("gdpr.art6.1.b"), refused),
        (Some(""), refused),
        (Some("gdpr.art9.2.a"), Ok(())),
        (Some("gdpr.art9.2.h"), Ok(())),
        (Some("gdpr.art9.2.j"), Ok(())),
    ] {
        let entry = Entry {
            special_category_basis: basis,
            ..entry()
        };
        assert_eq!(verdict(&[entry], &bundle), expected, "{basis:?}");
    }
}

#[test]
fn what_we_read_must_stand_in_entry_and_receipt_letter_for_letter() {
    for (scope, expected) in [
        ("transcript.summary", Ok(())),
        ("intent.slots:non-phi", Err(Refusal::ScopeNotCovered(0))),
        ("accountRef", Err(Refusal::ScopeNotCovered(0))),
        ("transcript", Err(Refusal::ScopeNotCovered(0))),
        ("Transcript.summary", Err(Refusal::ScopeNotCovered(0))),
    ] {
        let ours = json!({ "processingScope": [scope] });
        assert_eq!(
            verdict(&[entry()], &bundle(ours, json!({ "rcpt_1": receipt() }))),
            expected,
            "{scope}"
        );
    }
}

#[test]
fn several_entries_may_cover_what_we_read_together_but_not_half_each() {
    let ours = json!({ "processingScope": ["a", "b"] });
    let receipt =
        |scope: &[&str]| json!({ "purpose": "ai-vendor-handoff", "scope": scope, "lawfulBasis": "gdpr.art6.1.b" });
    let entry = |id, scope: &'static [&'static str]| Entry {
        receipt_id: id,
        scope: scope.iter().copied(),
        ..entry()
    };
    let entries = [entry("r1", &["a"]), entry("r2", &["b", "c"])];
    let together = bundle(ours.clone(), json!({ "r1": receipt(&["a"]), "r2": receipt(&["b"]) }));
    assert_eq!(verdict(&entries, &together), Ok(()));
    // The first entry holds `a`, the second one's receipt does: no entry and its own receipt do.
    let crossed = bundle(ours, json!({ "r1": receipt(&["b"]), "r2": receipt(&["a", "b"]) }));
    assert_eq!(verdict(&entries, &crossed), Err(Refusal::ScopeNotCovered(0)));
}

#[test]
fn consent_for_another_purpose_covers_nothing_of_this_handoff() {
    let mut other = receipt();
    other["purpose"] = json!("marketing");
    let entry = Entry {
        purpose: "marketing",
        ..entry()
    };
    let bundle = bundle(receiver(), json!({ "rcpt_1": other }));
    assert_eq!(verdict(&[entry], &bundle), Err(Refusal::ScopeNotCovered(0)));
}

#[test]
fn all_our_jurisdictions_must_be_in_the_residency_that_the_envelope_states() {
    for (ours, residency, expected) in [
        (&["GB"][..], Some(&["GB"][..]), Ok(())),
        (&["GB"], Some(&["US", "GB"]), Ok(())),
        (&["GB", "US"], Some(&["GB"]), Err(Refusal::OutsideResidency(1))),
        (&["GB"], Some(&[]), Err(Refusal::OutsideResidency(0))),
        (&["DE", "NO", "EEA", "EU"], Some(&["EEA"]), Ok(())),
        (&["DE", "NO"], Some(&["EU"]), Err(Refusal::OutsideResidency(1))),
        (&["EEA"], Some(&["DE"]), Err(Refusal::OutsideResidency(0))),
        (&["GB"], Some(&["EEA"]), Err(Refusal::OutsideResidency(0))),
        (&["US"], None, Ok(())),
        (&[], Some(&["GB"]), Ok(())),
    ] {
        let receiver = json!({ "jurisdictions": ours });
        let entry = Entry {
            transfer_mechanism: Some("scc"),
            ..entry()
        };
        let entries = [entry];
        let bundle = bundle(receiver, json!({ "rcpt_1": receipt() }));
        assert_eq!(
            judge(&given(&entries, residency), &bundle),
            expected,
            "{ours:?} in {residency:?}"
        );
    }
}

#[test]
fn data_leaves_its_jurisdiction_only_by_a_mechanism_that_fits() {
    let permitted: &[(&str, Option<&str>, &str)] = &[
        ("GB", None, "GB"),
        ("GB", Some("none"), "GB"),
        ("DE", None, "FR"),
        ("DE", None, "EEA"),
        ("IS", None, "EU"),
        ("GB", Some("uk-adequacy"), "DE"),
        ("DE", Some("uk-adequacy"), "GB"),
        ("DE", Some("adequacy"), "JP"),
        ("DE", Some("scc"), "US"),
        ("DE", Some("dpf"), "US"),
        ("GB", Some("dpf"), "US"),
    ];
    let refused: &[(&str, Option<&str>, &str)] = &[
        ("GB", None, "EEA"),
        ("DE", None, "GB"),
        ("DE", Some("none"), "US"),
        ("DE", Some("uk-adequacy"), "US"),
        ("DE", Some("dpf"), "JP"),
        ("US", Some("dpf"), "DE"),
        ("DE", Some("SCC"), "US"),
        ("DE", Some(""), "US"),
    ];
    for (cases, expected) in [(permitted, Ok(())), (refused, Err(Refusal::Entry(0, Fault::Transfer)))] {
        for (home, mechanism, ours) in cases {
            let receiver = json!({ "jurisdictions": [ours] });
            let entries = [Entry {
                jurisdiction: home,
                transfer_mechanism: *mechanism,
                ..entry()
            }];
            let bundle = bundle(receiver, json!({ "rcpt_1": receipt() }));
            let verdict = judge(&given(&entries, None), &bundle);
            assert_eq!(verdict, expected, "{home} by {mechanism:?} to {ours}");
        }
    }
}

#[test]
fn an_issuer_acts_only_for_the_jurisdictions_of_its_federation() {
    let entries = [entry()];
    for (limits, expected) in [
        (&["GB"][..], Ok(())),
        (&["US", "GB"], Ok(())),
        (&["EEA"], Err(Refusal::Entry(0, Fault::IssuerJurisdiction))),
        (&[], Err(Refusal::Entry(0, Fault::IssuerJurisdiction))),
    ] {
        let limits: Vec<Box<str>> = limits.iter().map(|limit| (*limit).into()).collect();
        let statement = Statement {
            issuer_jurisdictions: Some(&limits),
            ..given(&entries, Some(&["GB"]))
        };
        assert_eq!(judge(&statement, &usual()), expected, "{limits:?}");
    }
}

#[test]
fn each_refusal_says_where_to_look() {
    for (refusal, place) in [
        (Refusal::Absent, "caller.consent"),
        (Refusal::Entry(3, Fault::Transfer), "caller.consent[3]"),
        (Refusal::OutsideResidency(1), "receiver.jurisdictions[1]"),
        (Refusal::ReceiptNeeded(2), "caller.consent[2]"),
        (Refusal::ScopeNotCovered(4), "receiver.processingScope[4]"),
    ] {
        assert!(refusal.to_string().contains(place), "{refusal}");
    }
}
