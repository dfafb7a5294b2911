//! `expected.json`: what a vector says must come about, and under which circumstances.
//!
//! Members that the protocol's own vectors use keep their meaning; those that describe circumstances beyond `now` are ours.
//! Members that are not listed are for people.

use std::fmt;

use ohp::envelope::{RejectReason, Tier, Verb};
use ohp::media::fingerprint::Fingerprint;
use ohp::time::Timestamp;
use serde_json::{Map, Value};

/// What must come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The envelope is accepted.
    Accept,
    /// It is refused.
    Reject,
    /// Resources are asked for.
    Need,
    /// The bytes are no envelope.
    Malformed,
    /// The envelope is only looked at, not judged.
    StructuralOnly,
    /// An envelope is made.
    Emit,
    /// None is made.
    Refuse,
}

impl Outcome {
    const WORDS: [(&str, Self); 7] = [
        ("accept", Self::Accept),
        ("reject", Self::Reject),
        ("need", Self::Need),
        ("malformed", Self::Malformed),
        ("structural-only", Self::StructuralOnly),
        ("emit", Self::Emit),
        ("refuse", Self::Refuse),
    ];

    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, outcome)| *outcome == self)
            .map_or("", |(word, _)| word)
    }
}

/// An envelope that arrives before the one that is judged.
#[derive(Debug)]
pub struct Before {
    /// Its file in the vector's folder.
    pub file: String,
    /// The call that it arrives on; the vector's if absent.
    pub call_id: Option<String>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// A vector's `expected.json`.
#[derive(Debug)]
pub struct Expected {
    /// `outcome`.
    pub outcome: Outcome,
    /// `now`: the moment of arrival.
    pub now: Option<Timestamp>,
    /// `callId`: the call in front of the receiver; without it calls are not compared.
    pub call_id: Option<String>,
    /// `fingerprint`: of the call's sound.
    pub fingerprint: Option<Fingerprint>,
    /// `sipHeaders`: lines of the INFO that brings the envelope.
    pub sip_headers: Vec<String>,
    /// `sipResponses`: how each of the messages in `info/` is answered.
    pub sip_responses: Option<Vec<u64>>,
    /// `before`: what arrives first.
    pub before: Vec<Before>,
    /// `tier`.
    pub tier: Option<Tier>,
    /// `verb`.
    pub verb: Option<Verb>,
    /// `rejectReason`.
    pub reason: Option<RejectReason>,
    /// `firstFailingStep`.
    pub step: Option<u8>,
    /// `schemaValid`.
    pub schema_valid: Option<bool>,
    /// `freshnessOk`.
    pub freshness_ok: Option<bool>,
    /// `tierGateOk`.
    pub tier_gate_ok: Option<bool>,
    /// `verifiedFields`: each must be verified.
    pub verified: Vec<String>,
    /// `openedSealedFields`: exactly these are opened.
    pub opened: Option<Vec<String>>,
    /// `needs`: kind and reference of each, in order.
    pub needs: Option<Vec<(String, String)>>,
    /// `regulatedBlocksPresent`: paths that the envelope must have.
    pub blocks: Vec<String>,
    /// `signatureAlgsPresent`: algorithms that its signatures must have.
    pub algorithms: Vec<String>,
    /// `shouldContainFields`, of what is made.
    pub contains: Vec<String>,
    /// `shouldNotContainFields`, of what is made.
    pub lacks: Vec<String>,
    /// `refuseReason`: why none is made.
    pub refuse_reason: Option<String>,
    /// `minTier`: the tier that would carry what was refused.
    pub min_tier: Option<Tier>,
    /// `path`: the member because of which none is made.
    pub path: Option<String>,
}

impl Expected {
    /// Reads `expected.json`.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(json).map_err(|error| format!("expected.json: {error}"))?;
        let members = Members(value.as_object().ok_or("expected.json is no object")?);
        let outcome = members.outcome()?.ok_or("expected.json: `outcome` is missing")?;
        Ok(Self {
            outcome,
            now: members.word("now", |text| Timestamp::parse_rfc3339(text).ok())?,
            call_id: members.text("callId")?.map(str::to_owned),
            fingerprint: members.word("fingerprint", Fingerprint::parse)?,
            sip_headers: members.texts("sipHeaders")?.unwrap_or_default(),
            sip_responses: members.list("sipResponses", Value::as_u64)?,
            before: members.before()?,
            tier: members.word("tier", Tier::parse)?,
            verb: members.word("verb", Verb::parse)?,
            reason: members.word("rejectReason", RejectReason::parse)?,
            step: members.member("firstFailingStep", |step| {
                step.as_u64()
                    .filter(|step| *step < 15)
                    .and_then(|step| u8::try_from(step).ok())
            })?,
            schema_valid: members.truth("schemaValid")?,
            freshness_ok: members.truth("freshnessOk")?,
            tier_gate_ok: members.truth("tierGateOk")?,
            verified: members.texts("verifiedFields")?.unwrap_or_default(),
            opened: members.texts("openedSealedFields")?,
            needs: members.list("needs", |need| {
                Some((need["kind"].as_str()?.to_owned(), need["ref"].as_str()?.to_owned()))
            })?,
            blocks: members.texts("regulatedBlocksPresent")?.unwrap_or_default(),
            algorithms: members.texts("signatureAlgsPresent")?.unwrap_or_default(),
            contains: members.texts("shouldContainFields")?.unwrap_or_default(),
            lacks: members.texts("shouldNotContainFields")?.unwrap_or_default(),
            refuse_reason: members.text("refuseReason")?.map(str::to_owned),
            min_tier: members.word("minTier", Tier::parse)?,
            path: members.text("path")?.map(str::to_owned),
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        if let Some(reason) = self.reason {
            write!(f, " {reason}")?;
        }
        if let Some(reason) = &self.refuse_reason {
            write!(f, " {reason}")?;
        }
        if let Some(step) = self.step {
            write!(f, " at step {step}")?;
        }
        Ok(())
    }
}

/// The members of an object, read by name.
struct Members<'v>(&'v Map<String, Value>);

impl<'v> Members<'v> {
    /// The member `name`; an error if it is there and `read` does not take it.
    fn member<T>(&self, name: &str, read: impl Fn(&'v Value) -> Option<T>) -> Result<Option<T>, String> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let read = read(value).map(Some);
        read.ok_or_else(|| format!("expected.json: `{name}` is {value}, which this runner does not understand"))
    }

    fn text(&self, name: &str) -> Result<Option<&'v str>, String> {
        self.member(name, Value::as_str)
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, String> {
        self.member(name, Value::as_bool)
    }

    fn word<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
        self.member(name, |value| parse(value.as_str()?))
    }

    fn list<T>(&self, name: &str, read: impl Fn(&'v Value) -> Option<T>) -> Result<Option<Vec<T>>, String> {
        self.member(name, |value| value.as_array()?.iter().map(&read).collect())
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        self.list(name, |item| item.as_str().map(str::to_owned))
    }

    fn outcome(&self) -> Result<Option<Outcome>, String> {
        self.word("outcome", outcome)
    }

    fn before(&self) -> Result<Vec<Before>, String> {
        let before = self.list("before", |before| {
            Some(Before {
                file: before["file"].as_str()?.to_owned(),
                call_id: before["callId"].as_str().map(str::to_owned),
                outcome: outcome(before["outcome"].as_str()?)?,
            })
        });
        before.map(Option::unwrap_or_default)
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    let known = Outcome::WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, outcome)| *outcome)
}
