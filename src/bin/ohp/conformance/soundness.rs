//! Whether a tree of vectors is sound by itself: its files, its envelopes' schema, its keys, and what it covers.

use std::collections::BTreeSet;

use ohp::envelope::{Envelope, RejectReason, Tier};
use ohp::trust::bundle::Bundle;
use ohp::trust::jwk::{Jwk, OwnKey, OwnKeys};
use ohp::verify::STEP_COUNT;
use serde_json::{Value, json};

use super::Ran;
use super::emit::to_cbor;
use super::expected::{Expected, Outcome};
use super::vector::{Vector, member};
use crate::envelope_file::Contents;

/// What a tree's vectors exercise.
#[derive(Default)]
pub struct Coverage {
    steps: BTreeSet<u8>,
    reasons: BTreeSet<RejectReason>,
    /// Each tier with what its vectors come to.
    directions: BTreeSet<(Tier, &'static str)>,
}

/// The outcomes by which each tier's vectors go both ways, positive and negative.
const DIRECTIONS: [Outcome; 4] = [Outcome::Accept, Outcome::Reject, Outcome::Emit, Outcome::Refuse];

impl Coverage {
    fn note(&mut self, vector: &Vector, expected: &Expected) {
        if expected.outcome == Outcome::Reject {
            self.steps.extend(expected.step);
            self.reasons.extend(expected.reason);
        }
        self.directions
            .extend(vector.tier().map(|tier| (tier, expected.outcome.as_str())));
    }

    fn gaps(&self) -> (Vec<u8>, Vec<&'static str>, Vec<String>) {
        let steps = (0..STEP_COUNT as u8).filter(|step| !self.steps.contains(step));
        let reasons = RejectReason::ALL.iter().filter(|reason| !self.reasons.contains(reason));
        let tiers = Tier::ALL
            .iter()
            .flat_map(|tier| DIRECTIONS.map(|outcome| (*tier, outcome.as_str())));
        let directions = tiers.filter(|direction| !self.directions.contains(direction));
        (
            steps.collect(),
            reasons.map(|reason| reason.as_str()).collect(),
            directions.map(|(tier, outcome)| format!("{tier} {outcome}")).collect(),
        )
    }

    /// The gaps, for a report.
    pub fn to_json(&self) -> Value {
        let (steps, reasons, directions) = self.gaps();
        json!({ "stepsNotRefused": steps, "reasonsNotGiven": reasons, "directionsNotTaken": directions })
    }

    /// The gaps, for a person.
    pub fn describe(&self) -> String {
        let (steps, reasons, directions) = self.gaps();
        let steps: Vec<String> = steps.iter().map(u8::to_string).collect();
        let list = |names: &[String]| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let reasons: Vec<String> = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        let covered = steps.is_empty() && reasons.is_empty() && directions.is_empty();
        if covered {
            return String::from(
                "the tree covers everything: a refusal at each step, each reason, and each tier accepted, rejected, emitted and refused",
            );
        }
        format!(
            "not covered by any vector:\n  refusal at step: {}\n  reason: {}\n  tier and outcome: {}",
            list(&steps),
            list(&reasons),
            list(&directions)
        )
    }
}

/// Checks one vector.
pub fn check(vector: &Vector, expected: &Expected, coverage: &mut Coverage) -> Ran {
    coverage.note(vector, expected);
    let mut wrong = Vec::new();
    for check in [files, envelope, keys] {
        match check(vector, expected) {
            Ok(()) => {}
            Err(what) => wrong.push(what),
        }
    }
    Ran::of(wrong, Vec::new())
}

type Checked = Result<(), String>;

/// The files that its kind of vector needs, and the circumstances without which nothing can come of it.
fn files(vector: &Vector, expected: &Expected) -> Checked {
    let envelopes = vector.envelopes()?;
    let has_info = !vector.files_in("info")?.is_empty();
    match expected.outcome {
        Outcome::Emit | Outcome::Refuse if vector.file("input.json")?.is_none() => {
            return Err("input.json is not there".to_owned());
        }
        Outcome::Emit if envelopes.is_empty() => {
            return Err("there is no envelope that what is made could be compared with".to_owned());
        }
        Outcome::Refuse if expected.refuse_reason.is_none() => return Err("`refuseReason` is missing".to_owned()),
        Outcome::Accept | Outcome::Reject | Outcome::Need | Outcome::Malformed | Outcome::StructuralOnly
            if envelopes.is_empty() && !has_info =>
        {
            return Err("there is no envelope.json, envelope.cbor or info/".to_owned());
        }
        Outcome::Reject if expected.reason.is_none() || expected.step.is_none() => {
            return Err("`rejectReason` or `firstFailingStep` is missing".to_owned());
        }
        _ => {}
    }
    for before in &expected.before {
        vector
            .file(&before.file)?
            .ok_or_else(|| format!("{} is not there", before.file))?;
    }
    if let [_, (_, Contents::Cbor(cbor, _))] = envelopes.as_slice()
        && vector
            .json("envelope.json")?
            .is_none_or(|json| to_cbor(&json).as_ref() != Ok(cbor))
    {
        return Err("envelope.cbor is not the canonical form of envelope.json".to_owned());
    }
    Ok(())
}

/// What is to be accepted, or is said to be valid, holds to the schema.
fn envelope(vector: &Vector, expected: &Expected) -> Checked {
    let valid = matches!(
        expected.outcome,
        Outcome::Accept | Outcome::Emit | Outcome::StructuralOnly | Outcome::Need
    ) || expected.schema_valid == Some(true)
        || expected.step.is_some_and(|step| step > 0);
    for (name, contents) in vector.envelopes()? {
        let Contents::Cbor(cbor, _) = contents else {
            if valid {
                return Err(format!("{name} is no envelope"));
            }
            continue;
        };
        let mut broken = None;
        let read = Envelope::read(&cbor, &mut |violation| {
            if !violation.is_warning() {
                broken.get_or_insert(violation);
            }
        });
        match (read, broken) {
            (Err(error), _) if valid => return Err(format!("{name}: {error}")),
            (_, Some(violation)) if valid => return Err(format!("{name}: {violation}")),
            _ => {}
        }
    }
    Ok(())
}

/// Each key can be read; the receiver's are those of the trust bundle, and so are the issuer's unless the vector is about an
/// issuer whose keys the receiver does not believe.
fn keys(vector: &Vector, expected: &Expected) -> Checked {
    for name in vector.files_in("keys")?.iter().filter(|name| name.ends_with(".jwk")) {
        let key = vector.file(name)?.unwrap_or_default();
        let private = serde_json::from_slice::<Value>(&key).is_ok_and(|key| key.get("d").or(key.get("priv")).is_some());
        let read = if private {
            OwnKey::from_json(&key).map(drop)
        } else {
            Jwk::from_json(&key).map(drop)
        };
        read.map_err(|error| format!("{name}: {error}"))?;
    }
    let Some(trust) = vector.file("trust.json")? else {
        return Ok(());
    };
    let bundle = Bundle::from_json(&trust).map_err(|error| format!("trust.json: {error}"))?;
    let own = OwnKeys::from_json(json!({ "keys": vector.keys("receiver")? }).to_string().as_bytes())
        .map_err(|error| format!("keys/receiver-*: {error}"))?;
    for key in own.keys() {
        let held = bundle.receiver().keys.get(key.kid());
        if held.map(|held| held.public().thumbprint()) != Some(key.public().thumbprint()) {
            return Err(format!(
                "the receiver of trust.json does not have the key {}",
                key.kid()
            ));
        }
    }
    let about_issuer = expected.step.is_some_and(|step| matches!(step, 0..=2));
    let envelopes = vector.envelopes()?;
    let Some((_, Contents::Cbor(cbor, _))) = envelopes.first().filter(|_| !about_issuer) else {
        return Ok(());
    };
    let did = member(cbor, &["issuer", "did"]).unwrap_or_default();
    let believed = bundle.issuer(&did).and_then(|issuer| issuer.jwks.as_ref());
    let Some(believed) = believed else { return Ok(()) };
    for key in vector.keys("issuer")? {
        let key = Jwk::from_json(key.to_string().as_bytes()).map_err(|error| format!("keys/issuer-*: {error}"))?;
        let kid = key.kid.as_deref().unwrap_or_default();
        if believed.get(kid).map(Jwk::thumbprint) != Some(key.thumbprint()) {
            return Err(format!("trust.json does not hold the issuer's key {kid}"));
        }
    }
    Ok(())
}
