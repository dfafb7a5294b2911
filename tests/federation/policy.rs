//! Metadata policies, by Connect2id's vectors and by the rules that these do not touch.

use ohp::cbor::Item;
use ohp::cbor::json::from_cbor;
use ohp::transport::inflate::{Wrapper, inflate};
use ohp::trust::federation::{
    Assignment, Element, Metadata, Operator, Operators, PARAMETERS_MAX, Policy, PolicyError, VALUES_MAX, Value,
};
use serde_json::{Map, Value as Json, json};

use crate::suite::{Suite, encode_json, same};

const TYPE: &str = "openid_relying_party";

fn cbor(json: &Json) -> Vec<u8> {
    encode_json(json.to_string().as_bytes()).expect("JSON")
}

fn item(cbor: &[u8]) -> Item<'_> {
    Item::parse(cbor).expect("canonical")
}

fn element(element: &Element<'_>) -> Json {
    match element {
        Element::Text(text) => json!(text),
        Element::Other(item) => {
            let mut text = String::new();
            from_cbor(*item, &mut text, false).expect("a String takes any text");
            serde_json::from_str(&text).expect("JSON")
        }
    }
}

fn list(list: &[Element<'_>]) -> Json {
    list.iter().map(element).collect()
}

fn value(value: &Value<'_>) -> Json {
    match value {
        Value::Single(single) => element(single),
        Value::List(values) => list(values),
    }
}

fn operators(operators: &Operators<'_>) -> Json {
    let assigned = operators.value.as_ref().map(|assignment| match assignment {
        Assignment::Set(set) => value(set),
        Assignment::Remove => Json::Null,
    });
    let members = [
        ("value", assigned),
        ("add", operators.add.as_deref().map(list)),
        ("default", operators.default.as_ref().map(value)),
        ("one_of", operators.one_of.as_deref().map(list)),
        ("subset_of", operators.subset_of.as_deref().map(list)),
        ("superset_of", operators.superset_of.as_deref().map(list)),
        ("essential", operators.essential.map(Json::Bool)),
    ];
    let members = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(members.collect())
}

/// What comes of a leaf's metadata under the policies of its superiors, uppermost first.
#[derive(Debug, PartialEq)]
enum Outcome {
    InvalidPolicy(PolicyError),
    InvalidMetadata(Json, PolicyError),
    Resolved(Json, Json),
}

fn resolve(policies: &[&Json], metadata: &Json) -> Outcome {
    let claims: Vec<_> = policies.iter().map(|policy| cbor(&json!({ TYPE: policy }))).collect();
    let mut policy = Policy::default();
    for claim in &claims {
        if let Err(error) = policy.narrow(item(claim)) {
            return Outcome::InvalidPolicy(error);
        }
    }
    let merged: Map<_, _> = policy
        .entries()
        .iter()
        .map(|entry| (entry.parameter.to_owned(), operators(&entry.operators)))
        .collect();
    let claim = cbor(&json!({ TYPE: metadata }));
    let mut metadata = Metadata::read(item(&claim)).expect("metadata");
    if let Err(error) = policy.apply(&mut metadata) {
        return Outcome::InvalidMetadata(merged.into(), error);
    }
    let parameters = metadata.parameters().iter();
    let resolved: Map<_, _> = parameters
        .map(|parameter| (parameter.name.to_owned(), value(&parameter.value)))
        .collect();
    Outcome::Resolved(merged.into(), resolved.into())
}

/// JSON whose lists are in order, because the result of a merge has none.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), sorted(value)))
            .collect(),
        other => other.clone(),
    }
}

/// What a gzip file without extra fields holds (RFC 1952).
fn gunzip(file: &[u8]) -> Vec<u8> {
    let name = if file[3] & 8 != 0 {
        file[10..].iter().position(|byte| *byte == 0).expect("a name's end") + 1
    } else {
        0
    };
    let mut out = vec![0; 4 << 20];
    let len = inflate(&file[10 + name..file.len() - 8], Wrapper::Raw, &mut out).expect("deflate");
    out.truncate(len);
    out
}

#[test]
fn connect2ids_vectors_are_combined_and_applied_as_they_say() {
    let Some(mut suite) = Suite::open("oidfed-metadata-policy-a", &[]) else {
        return;
    };
    let file = std::fs::read(suite.folder().join("vectors.json.gz")).expect("the vectors");
    let vectors: Vec<Json> = serde_json::from_slice(&gunzip(&file)).expect("JSON");
    for vector in &vectors {
        let outcome = resolve(&[&vector["TA"], &vector["INT"]], &vector["metadata"]);
        let agrees = match (&outcome, vector["error"].as_str()) {
            (Outcome::InvalidPolicy(_), error) => same(&Some("invalid_policy"), &error),
            (Outcome::InvalidMetadata(merged, _), error) => {
                same(&Some("invalid_metadata"), &error).and_then(|()| same(&sorted(merged), &sorted(&vector["merged"])))
            }
            (Outcome::Resolved(merged, resolved), error) => same(&None, &error)
                .and_then(|()| same(&sorted(merged), &sorted(&vector["merged"])))
                .and_then(|()| same(&sorted(resolved), &sorted(&vector["resolved"]))),
        };
        suite.case(
            &vector["n"].to_string(),
            agrees.map_err(|fault| format!("{fault}: {outcome:?}")),
        );
    }
    suite.end();
}

#[test]
fn operators_that_may_not_stand_together_are_refused_in_one_statement_and_in_two() {
    use Operator::{Add, Default, Essential, OneOf, SubsetOf, SupersetOf, Value};
    for (one, other, refused) in [
        (json!({"add": ["a"]}), json!({"one_of": ["a"]}), (Add, OneOf)),
        (json!({"one_of": ["a"]}), json!({"subset_of": ["a"]}), (OneOf, SubsetOf)),
        (
            json!({"one_of": ["a"]}),
            json!({"superset_of": ["a"]}),
            (OneOf, SupersetOf),
        ),
        (json!({"add": ["a", "b"]}), json!({"subset_of": ["a"]}), (Add, SubsetOf)),
        (
            json!({"subset_of": ["a"]}),
            json!({"superset_of": ["a", "b"]}),
            (SubsetOf, SupersetOf),
        ),
        (json!({"value": ["a"]}), json!({"add": ["b"]}), (Value, Add)),
        (json!({"value": "a"}), json!({"add": ["a"]}), (Value, Add)),
        (json!({"value": null}), json!({"default": "a"}), (Value, Default)),
        (json!({"value": "a"}), json!({"one_of": ["b"]}), (Value, OneOf)),
        (json!({"value": ["a"]}), json!({"subset_of": ["b"]}), (Value, SubsetOf)),
        (
            json!({"value": ["a"]}),
            json!({"superset_of": ["a", "b"]}),
            (Value, SupersetOf),
        ),
        (json!({"value": null}), json!({"essential": true}), (Value, Essential)),
    ] {
        let expected = Outcome::InvalidPolicy(PolicyError::Combination(refused.0, refused.1));
        let mut together = one.clone();
        let members = together.as_object_mut().expect("an object");
        members.extend(other.as_object().expect("an object").clone());
        assert_eq!(
            resolve(&[&json!({ "p": together })], &json!({})),
            expected,
            "{together}"
        );
        let (one, other) = (json!({ "p": one }), json!({ "p": other }));
        assert_eq!(resolve(&[&one, &other], &json!({})), expected);
        assert_eq!(resolve(&[&other, &one], &json!({})), expected);
    }
}

#[test]
fn subordinate_cannot_loosen_what_its_superior_has_set() {
    for (superior, subordinate, operator) in [
        (json!({"value": "a"}), json!({"value": "b"}), Operator::Value),
        (json!({"value": null}), json!({"value": "b"}), Operator::Value),
        (json!({"default": 1}), json!({"default": 2}), Operator::Default),
        (json!({"one_of": ["a"]}), json!({"one_of": ["b"]}), Operator::OneOf),
    ] {
        let outcome = resolve(&[&json!({ "p": superior }), &json!({ "p": subordinate })], &json!({}));
        assert_eq!(outcome, Outcome::InvalidPolicy(PolicyError::Merge(operator)));
    }
    let optional = [&json!({"p": {"essential": true}}), &json!({"p": {"essential": false}})];
    let unfulfilled = PolicyError::Unfulfilled(Operator::Essential);
    assert_eq!(
        resolve(&optional, &json!({})),
        Outcome::InvalidMetadata(json!({"p": {"essential": true}}), unfulfilled)
    );
}

#[test]
fn values_of_kinds_that_an_operator_does_not_take_are_refused() {
    for (policy, operator) in [
        (json!({"add": "a"}), Operator::Add),
        (json!({"add": [null]}), Operator::Add),
        (json!({"default": null}), Operator::Default),
        (json!({"one_of": "a"}), Operator::OneOf),
        (json!({"subset_of": {"a": 1}}), Operator::SubsetOf),
        (json!({"superset_of": 7}), Operator::SupersetOf),
        (json!({"essential": "true"}), Operator::Essential),
    ] {
        let outcome = resolve(&[&json!({ "p": policy })], &json!({}));
        assert_eq!(outcome, Outcome::InvalidPolicy(PolicyError::OperatorValue(operator)));
    }
    for (policy, parameter, operator) in [
        (json!({"add": ["a"]}), json!("a"), Operator::Add),
        (json!({"one_of": ["a"]}), json!(["a"]), Operator::OneOf),
        (json!({"subset_of": ["a"]}), json!("a"), Operator::SubsetOf),
        (json!({"superset_of": ["a"]}), json!("a"), Operator::SupersetOf),
    ] {
        let policy = json!({ "p": policy });
        assert_eq!(
            resolve(&[&policy], &json!({ "p": parameter })),
            Outcome::InvalidMetadata(policy, PolicyError::ParameterKind(operator))
        );
    }
}

#[test]
fn unknown_operators_are_ignored_and_objects_compared() {
    let policy = json!({"p": {"regexp": "^a", "add": [{"b": 2, "a": 1}]}});
    let outcome = resolve(&[&policy], &json!({"p": [{"a": 1, "b": 2}, {"a": 1}]}));
    let merged = json!({"p": {"add": [{"b": 2, "a": 1}]}});
    assert_eq!(
        outcome,
        Outcome::Resolved(merged, json!({"p": [{"a": 1, "b": 2}, {"a": 1}]}))
    );
}

#[test]
fn scope_is_the_list_of_its_words() {
    let policy = json!({"scope": {"subset_of": ["openid", "email"], "superset_of": "openid"}});
    let Outcome::Resolved(_, resolved) = resolve(&[&policy], &json!({"scope": "openid  phone email"})) else {
        panic!("scope is not treated as a list");
    };
    assert_eq!(resolved, json!({"scope": ["openid", "email"]}));
}

#[test]
fn superiors_metadata_and_policies_reach_only_the_types_that_the_leaf_has() {
    let (own, superior) = (
        cbor(&json!({TYPE: {"a": 1, "b": 2}, "federation_entity": {}})),
        cbor(&json!({TYPE: {"b": 3, "c": 4}, "openid_provider": {"d": 5}})),
    );
    let policies = cbor(&json!({"openid_provider": {"d": {"essential": true}}, TYPE: {"c": {"one_of": [4]}}}));
    let mut metadata = Metadata::read(item(&own)).expect("metadata");
    metadata.overlay(item(&superior)).expect("metadata");
    let mut policy = Policy::default();
    policy.narrow(item(&policies)).expect("a policy");
    policy.apply(&mut metadata).expect("fulfilled");
    let mut found: Vec<_> = metadata
        .parameters()
        .iter()
        .map(|parameter| (parameter.entity_type, parameter.name, value(&parameter.value)))
        .collect();
    found.sort_by_key(|(_, name, _)| *name);
    assert_eq!(
        found,
        [(TYPE, "a", json!(1)), (TYPE, "b", json!(3)), (TYPE, "c", json!(4))]
    );
}

#[test]
fn bounds_of_values_and_parameters_are_held() {
    let values = |count: usize| -> Json { (0..count).collect() };
    let most = |count| resolve(&[&json!({"p": {"subset_of": values(count)}})], &json!({}));
    assert!(matches!(most(VALUES_MAX), Outcome::Resolved(..)));
    assert_eq!(most(VALUES_MAX + 1), Outcome::InvalidPolicy(PolicyError::TooMany));
    let halves = [
        &json!({"p": {"add": ["a"]}}),
        &json!({"p": {"add": values(VALUES_MAX)}}),
    ];
    assert_eq!(
        resolve(&halves, &json!({})),
        Outcome::InvalidPolicy(PolicyError::TooMany)
    );
    let policies = |count: usize| -> Json {
        let each = |at| (format!("p{at}"), json!({"essential": false}));
        Json::Object((0..count).map(each).collect())
    };
    assert!(matches!(
        resolve(&[&policies(PARAMETERS_MAX)], &json!({})),
        Outcome::Resolved(..)
    ));
    assert_eq!(
        resolve(&[&policies(PARAMETERS_MAX + 1)], &json!({})),
        Outcome::InvalidPolicy(PolicyError::TooMany)
    );
}
