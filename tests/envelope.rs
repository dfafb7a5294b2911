//! Envelopes as the protocol's own examples and vectors have them: read, checked against the schema, built, cut.

mod common;

use common::{official_envelopes, to_cbor};
use ohp::cbor::{Item, json};
use ohp::envelope::{
    Broken, Draft, DraftError, Envelope, Field, ReadError, SHAPE, STAMP_RANDOM_LEN, Tier, Value, Verb, Violation,
};
use ohp::time::Timestamp;

fn violations(cbor: &[u8]) -> (Vec<Violation>, Result<(), ReadError>) {
    let mut found = Vec::new();
    let read = Envelope::read(cbor, &mut |violation| found.push(violation)).map(|_| ());
    (found, read)
}

fn broken(json: &serde_json::Value) -> Vec<String> {
    violations(&to_cbor(&json.to_string()))
        .0
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn official(name: &str) -> serde_json::Value {
    let (_, text) = official_envelopes()
        .into_iter()
        .find(|(path, _)| path.contains(name))
        .expect(name);
    serde_json::from_str(&text).expect(name)
}

fn example(tier: &str) -> serde_json::Value {
    official(match tier {
        "core" => "01-core-ivr-handoff",
        "signed" => "02-signed-cs-handoff",
        "sealed" => "03-sealed-payment",
        _ => "04-regulated-healthcare",
    })
}

#[test]
fn official_envelopes_are_valid_and_make_the_round_trip() {
    if !common::shared_is_here() {
        return;
    }
    let envelopes = official_envelopes();
    assert!(envelopes.len() >= 10, "{} envelopes", envelopes.len());
    for (path, text) in envelopes {
        let cbor = to_cbor(&text);
        let (found, read) = violations(&cbor);
        assert_eq!(read, Ok(()), "{path}");
        let found: Vec<_> = found.iter().filter(|violation| !violation.is_warning()).collect();
        assert!(found.is_empty(), "{path}: {found:?}");

        let mut back = String::new();
        json::from_cbor(Item::parse(&cbor).expect("canonical"), &mut back, true).expect("text");
        assert_eq!(to_cbor(&back), cbor, "{path}");
        let same: serde_json::Value = serde_json::from_str(&back).expect("JSON");
        assert_eq!(
            same,
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON"),
            "{path}"
        );
    }
}

/// The JSON Schema, run by a library that is not ours, and our table agree on every single deletion and retyping of a
/// member of every official envelope.
#[test]
fn our_rules_and_the_official_schema_agree_on_mutated_envelopes() {
    if !common::shared_is_here() {
        return;
    }
    let schema: serde_json::Value =
        serde_json::from_str(&common::shared_text("ohp/schemas/ohp-envelope.schema.json")).expect("schema");
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("schema builds");
    let mut judged = 0;
    for (path, text) in official_envelopes() {
        let whole: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut places = Vec::new();
        pointers(&whole, String::new(), &mut places);
        for place in places {
            for mutation in [
                None,
                Some(serde_json::json!(7)),
                Some(serde_json::json!("x y")),
                Some(serde_json::json!([])),
            ] {
                let mut mutated = whole.clone();
                change(&mut mutated, &place, mutation.clone());
                let Some(cbor) = common::try_to_cbor(&mutated.to_string()) else {
                    continue;
                };
                let (found, read) = violations(&cbor);
                let ours = read.is_ok() && !found.iter().any(|violation| !violation.is_warning());
                let theirs = validator.is_valid(&mutated);
                // The tiers' own demands (OHP §4.2) go beyond the schema, so we may refuse more, never less.
                let only_tier = found.iter().all(|violation| {
                    violation.is_warning()
                        || matches!(violation.rule, Broken::Missing | Broken::AboveTier | Broken::Untagged)
                        || (violation.rule, violation.path.template()) == (Broken::TooFew, "decisions")
                });
                assert!(
                    !ours || theirs,
                    "{path}{place} {mutation:?}: we accept, the schema refuses"
                );
                assert!(
                    ours || !theirs || only_tier,
                    "{path}{place} {mutation:?}: the schema accepts, we say {found:?}"
                );
                judged += 1;
            }
        }
    }
    assert!(judged > 3000, "{judged} mutations");
}

fn pointers(value: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                found.push(at.clone());
                pointers(value, at, found);
            }
        }
        serde_json::Value::Array(elements) => {
            for (nth, value) in elements.iter().enumerate() {
                pointers(value, format!("{at}/{nth}"), found);
            }
        }
        _ => {}
    }
}

fn change(root: &mut serde_json::Value, pointer: &str, to: Option<serde_json::Value>) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let key = key.replace("~1", "/").replace("~0", "~");
    let parent = root
        .pointer_mut(parent)
        .and_then(serde_json::Value::as_object_mut)
        .expect("an object");
    match to {
        None => drop(parent.remove(&key)),
        Some(value) => drop(parent.insert(key, value)),
    }
}

#[test]
fn every_broken_rule_is_reported_with_its_path() {
    if !common::shared_is_here() {
        return;
    }
    let mut envelope = example("signed");
    change(&mut envelope, "/issuer/vendor", Some("Vendor A".into()));
    change(
        &mut envelope,
        "/transcript/turns",
        Some(serde_json::json!([{ "t": "1", "role": "dog", "text": "wau" }])),
    );
    change(
        &mut envelope,
        "/caller/consent",
        Some(
            serde_json::json!([{ "receiptId": "r", "purpose": "p", "scope": ["a", 1], "lawfulBasis": "b", "jurisdiction": "gb" }]),
        ),
    );
    change(&mut envelope, "/policy/dataResidency", None);
    assert_eq!(
        broken(&envelope),
        [
            "$.caller.consent[0].scope[1]: has the wrong type",
            "$.caller.consent[0].jurisdiction: is not a code of upper-case letters of the right length",
            "$.issuer.vendor: is not 1 to 64 lower-case letters, digits and dashes",
            "$.transcript.turns[0].role: is not one of the values that the schema lists",
            "$.policy.dataResidency: is missing, and the schema or the declared tier demands it",
        ]
        .map(|line| line.replace("$.caller.consent[0].scope[1]", "$.caller.consent[0].scope"))
        .map(|line| line.to_owned())
    );
}

/// Interpretations, row 1.
#[test]
fn date_times_carry_tag_0_and_nothing_else_of_the_schema_does() {
    if !common::shared_is_here() {
        return;
    }
    let cbor = to_cbor(&example("signed").to_string());
    let tagged = cbor.iter().filter(|byte| **byte == 0xc0).count();
    assert_eq!(
        tagged, 4,
        "issuedAt, notBefore, notAfter, startedAt; transcript.turns[].t is plain text"
    );
    let untagged: Vec<u8> = cbor.iter().copied().filter(|byte| *byte != 0xc0).collect();
    let (found, _) = violations(&untagged);
    let rules: Vec<_> = found
        .iter()
        .map(|violation| (violation.rule, violation.path.template()))
        .collect();
    assert_eq!(
        rules,
        [
            (Broken::Untagged, "session.startedAt"),
            (Broken::Untagged, "issuedAt"),
            (Broken::Untagged, "notAfter"),
            (Broken::Untagged, "notBefore"),
        ]
    );
}

/// Interpretations, row 5.
#[test]
fn unknown_fields_are_kept_and_handed_over() {
    if !common::shared_is_here() {
        return;
    }
    let mut envelope = example("core");
    change(
        &mut envelope,
        "/x-queue",
        Some(serde_json::json!({ "skill": "billing", "n": [1, 2.5, null] })),
    );
    let cbor = to_cbor(&envelope.to_string());
    assert_eq!(broken(&envelope), [""; 0]);
    let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
    let unknown: Vec<_> = envelope.unknown_fields().map(|(key, _)| key).collect();
    assert_eq!(unknown, ["x-queue"]);
    assert_eq!(envelope.get("x-queue.skill").and_then(Item::as_text), Some("billing"));
    assert_eq!(envelope.get("x-queue.n[1]").and_then(Item::as_float), Some(2.5));
    assert_eq!(envelope.get("/x-queue/n/0").and_then(Item::as_integer), Some(1));
}

/// Interpretations, row 9.
#[test]
fn readme_envelope_is_read_and_all_that_it_lacks_is_named() {
    let readme = r#"{
        "ohp": "0.1", "conformance": "core", "id": "cse_01HZX0R5N9V8W1QYK0XQM3R3K9",
        "issuedAt": "2026-05-28T13:42:11Z", "notAfter": "2026-05-28T13:47:11Z",
        "issuer": { "vendor": "vendor-a", "agentId": "asst_b3", "region": "uk-west" },
        "audience": { "vendor": "vendor-b", "purpose": "ai-vendor-handoff", "minTier": "core" },
        "session": { "callId": "callid_2026K9", "channel": "voice/pstn", "locale": "en-GB" },
        "intent": { "current": { "name": "dispute_charge", "confidence": 0.91 }, "stack": [] },
        "control": { "verb": "PROPOSE", "reason": "human-requested", "nonce": "9f3b1a" } }"#;
    let (found, read) = violations(&to_cbor(readme));
    assert_eq!(read, Ok(()));
    let rules: Vec<_> = found
        .iter()
        .map(|violation| (violation.rule, violation.path.template()))
        .collect();
    assert_eq!(
        rules,
        [
            (Broken::Missing, "intent.slots"),
            (Broken::ShortNonce, "control.nonce"),
            (Broken::Missing, "transcript"),
        ]
    );
    assert!(found.iter().all(Violation::is_tolerable_in_short_form));
}

/// Interpretations, row 11.
#[test]
fn what_a_tier_may_not_carry_is_a_broken_rule() {
    if !common::shared_is_here() {
        return;
    }
    let mut envelope = example("regulated");
    change(&mut envelope, "/conformance", Some("core".into()));
    let found = broken(&envelope);
    for block in [
        "caller.assurance",
        "caller.identity",
        "sealed",
        "decisions",
        "aiSystem",
        "governance",
    ] {
        assert!(
            found.contains(&format!("$.{block}: may not be carried at the declared tier")),
            "{block}: {found:?}"
        );
    }
}

/// Interpretations, row 11.
#[test]
fn card_numbers_in_prose_are_refused_when_emitting_and_a_warning_on_receipt() {
    if !common::shared_is_here() {
        return;
    }
    for place in ["/intent/slots/note", "/transcript/summary"] {
        let mut envelope = example("core");
        change(&mut envelope, place, Some("card 4111 1111 1111 1111 please".into()));
        let cbor = to_cbor(&envelope.to_string());
        let (found, read) = violations(&cbor);
        assert_eq!(read, Ok(()));
        assert!(
            matches!(
                found[..],
                [Violation {
                    rule: Broken::CardNumber,
                    ..
                }]
            ),
            "{found:?}"
        );
        assert!(found[0].is_warning());

        let (mut arena, mut out) = (vec![0; 1 << 16], vec![0; 1 << 15]);
        let mut draft = Draft::new(&mut arena);
        draft.merge(Item::parse(&cbor).expect("canonical")).expect("it fits");
        assert_eq!(draft.finish(&mut out).map(|_| ()), Err(DraftError::Invalid(found[0])));
    }
}

/// Interpretations, rows 6 and 8.
#[test]
fn surface_is_spliced_with_empty_signatures_and_zeroed_leaf_hash() {
    if !common::shared_is_here() {
        return;
    }
    for (path, text) in official_envelopes() {
        let cbor = to_cbor(&text);
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let surface = envelope.surface().segments().concat();
        assert_eq!(surface.len(), envelope.surface().len());

        // The same, by way of a tree: JSON with `signatures` emptied, encoded, and the leaf hash's text cut out by hand.
        let mut tree: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        tree["signatures"] = serde_json::json!([]);
        let mut expected = to_cbor(&tree.to_string());
        if let Some(leaf_hash) = tree
            .pointer("/transparency/leafHash")
            .and_then(serde_json::Value::as_str)
        {
            let at = expected
                .windows(leaf_hash.len())
                .position(|window| window == leaf_hash.as_bytes())
                .expect("there");
            let mut zero = vec![0x58, 0x20];
            zero.extend([0; 32]);
            expected.splice(at - 2..at + leaf_hash.len(), zero);
        }
        assert_eq!(surface, expected, "{path}");
    }
}

#[test]
fn draft_writes_the_same_bytes_whatever_the_order_of_its_fields() {
    if !common::shared_is_here() {
        return;
    }
    for (path, text) in official_envelopes() {
        let cbor = to_cbor(&text);
        let (mut arena, mut out) = (vec![0; 1 << 16], vec![0; 1 << 15]);
        let mut draft = Draft::new(&mut arena);
        let whole = Item::parse(&cbor).expect("canonical");
        draft.merge(whole).expect("it fits");
        assert_eq!(draft.write(&mut out).expect("it fits"), cbor, "{path}");

        let mut members: Vec<_> = whole.map().expect("a map").iter().collect();
        members.reverse();
        let mut draft = Draft::new(&mut arena);
        for (key, value) in members {
            draft.set(key, Value::Item(value)).expect("it fits");
        }
        assert_eq!(draft.write(&mut out).expect("it fits"), cbor, "{path}");
    }
}

fn small_core<'s>(arena: &'s mut [u8]) -> Draft<'s> {
    let mut draft = Draft::new(arena);
    let now = Timestamp::parse_rfc3339("2026-05-28T13:42:11.250Z").expect("a moment");
    draft
        .stamp(Tier::Core, now, 300_000, &[7; STAMP_RANDOM_LEN])
        .expect("it fits");
    for (path, text) in [
        ("issuer.vendor", "vendor-a"),
        ("issuer.agentId", "asst_1"),
        ("issuer.region", "uk-west"),
        ("audience.vendor", "vendor-b"),
        ("audience.purpose", "human-takeover"),
        ("audience.minTier", "core"),
        ("session.callId", "a84b4c76e66710"),
        ("session.channel", "voice/sip"),
        ("session.locale", "en-GB"),
        ("intent.current.name", "store_hours"),
        ("transcript.summary", "Asked for opening hours."),
        ("control.verb", "PROPOSE"),
    ] {
        draft.set(path, Value::Text(text)).expect("it fits");
    }
    draft
        .set("intent.current.confidence", Value::Number(1.0))
        .and_then(|draft| draft.set("intent.stack", Value::Texts(&[])))
        .and_then(|draft| draft.set("intent.slots", Value::EmptyMap))
        .expect("it fits");
    draft
}

#[test]
fn draft_builds_what_reads_back_field_by_field() {
    let (mut arena, mut out) = (vec![0; 1 << 14], vec![0; 1 << 12]);
    let mut draft = small_core(&mut arena);
    draft
        .set("intent.slots.amountGBP", Value::Number(42.5))
        .expect("it fits");
    draft.set("intent.slots.count", Value::Number(3.0)).expect("it fits");
    draft
        .set("/intent/slots/dotted.key", Value::Bool(true))
        .expect("it fits");
    let envelope = draft.finish(&mut out).expect("valid");
    assert_eq!((envelope.tier(), envelope.verb()), (Tier::Core, Verb::Propose));
    assert_eq!(envelope.issued_at().map(Timestamp::millis), Some(1_779_975_731_250));
    assert_eq!(envelope.not_after().map(Timestamp::millis), Some(1_779_976_031_250));
    assert_eq!(envelope.nonce(), "07070707070707070707070707070707");
    assert_eq!(envelope.intent().confidence(), Some(1.0), "always a float");
    assert_eq!(
        envelope.get("intent.slots.amountGBP").and_then(Item::as_float),
        Some(42.5)
    );
    assert_eq!(
        envelope.get("intent.slots.count").and_then(Item::as_integer),
        Some(3),
        "row 3: integral as integer"
    );
    assert_eq!(
        envelope.get("/intent/slots/dotted.key").and_then(Item::as_bool),
        Some(true)
    );
    assert!(!envelope.has(Field::Signatures) && !envelope.has(Field::NotBefore));
}

#[test]
fn draft_refuses_what_it_could_not_write() {
    let (mut arena, mut out) = (vec![0; 1 << 14], vec![0; 1 << 12]);
    let mut draft = small_core(&mut arena);
    let mut refused = |path: &str, value| draft.set(path, value).map(|_| ()).unwrap_err();
    assert_eq!(refused("", Value::Null), DraftError::BadPath);
    assert_eq!(refused("a.b.c.d.e.f.g.h.i", Value::Null), DraftError::BadPath);
    assert_eq!(refused("transcript.turns[0].text", Value::Null), DraftError::BadPath);
    assert_eq!(refused("transcript.summary.more", Value::Null), DraftError::Inside);
    assert_eq!(refused("issuedAt", Value::Text("today")), DraftError::BadValue);
    assert_eq!(refused("intent.slots.x", Value::Number(f64::NAN)), DraftError::BadValue);
    let mut draft = small_core(&mut arena);
    draft.remove("transcript");
    assert!(matches!(
        draft.finish(&mut out),
        Err(DraftError::Invalid(Violation {
            rule: Broken::Missing,
            ..
        }))
    ));
    let mut draft = small_core(&mut arena);
    assert_eq!(draft.finish(&mut [0; 64]).map(|_| ()), Err(DraftError::Full));
    let long = "x".repeat(9000);
    let mut arena = vec![0; 1 << 16];
    let mut draft = small_core(&mut arena);
    draft.set("intent.slots.long", Value::Text(&long)).expect("it fits");
    let mut out = vec![0; 1 << 15];
    assert!(matches!(draft.finish(&mut out), Err(DraftError::SurfaceTooLarge(len)) if len > 9000));
}

/// Interpretations, row 7.
#[test]
fn envelope_over_its_limit_is_refused_unread() {
    let bytes = vec![0xff; 32 * 1024 + 1];
    assert_eq!(violations(&bytes), (vec![], Err(ReadError::TooLarge(bytes.len()))));
}

#[test]
fn no_mutation_of_an_envelope_makes_reading_panic() {
    if !common::shared_is_here() {
        return;
    }
    let mut random = common::Random::new(9);
    for (_, text) in official_envelopes() {
        let cbor = to_cbor(&text);
        for _ in 0..10_000 {
            let mut mutated = cbor.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mutated.len());
                match random.below(3) {
                    0 => mutated[at] = random.next() as u8,
                    1 => drop(mutated.remove(at)),
                    _ => mutated.insert(at, random.next() as u8),
                }
            }
            if let Ok(envelope) = Envelope::read(&mutated, &mut |_| ()) {
                assert!(!envelope.surface().is_empty());
                assert_eq!(envelope.surface_hash().len(), 32);
            }
        }
    }
}

#[test]
fn shape_types_what_json_cannot() {
    let cbor = to_cbor(
        r#"{"issuedAt":"2026-05-28T13:42:11Z","intent":{"current":{"confidence":1}},"decisions":[{"at":"2026-05-28T13:42:11Z"}],"transcript":{"turns":[{"t":"2026-05-28T13:42:11Z"}]}}"#,
    );
    assert_eq!(cbor.iter().filter(|byte| **byte == 0xc0).count(), 2);
    let item = Item::parse(&cbor).expect("canonical");
    let confidence = item
        .map()
        .and_then(|map| map.get("intent")?.map()?.get("current")?.map()?.get("confidence"));
    assert_eq!(confidence.and_then(Item::as_float), Some(1.0));
    let _ = SHAPE;
}
