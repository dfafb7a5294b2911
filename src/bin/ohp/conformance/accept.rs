//! Vectors with an envelope that is to be judged: as it stands in its file, and as SIP brings it.

use std::sync::atomic::AtomicU64;

use ohp::envelope::{ENVELOPE_MAX, ReadError, SHAPE};
use ohp::leg::Refusal;
use ohp::table::{Config, Domain, Table};
use ohp::time::Timestamp;
use ohp::transport::body::Declared;
use ohp::transport::reassembly::{self, Received, SCRATCH_LEN};
use ohp::transport::{Echo, Info};
use ohp::trust::bundle::Bundle;
use ohp::verify::{
    self, Call, Disclosed, Media, Memory, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict, Why,
};

use super::expected::{Expected, Outcome};
use super::vector::{Known, Vector, member};
use super::{Ran, missing};
use crate::envelope_file::{self, Contents};
use crate::verify as report;

type Judged = Result<Ran, String>;

/// A table for the few envelopes of one vector.
const TABLE: Config = Config {
    replays: 64,
    hashes: 16,
    kids: 16,
    peers: 16,
    sets: 16,
    slots: 64,
    slot_bytes: 4096,
    sounds: 16,
};

/// Envelopes a second that the vector's one peer may send: more than a vector holds.
const PEER_RATE: u32 = 1000;

/// Judges a vector whose envelope is to be accepted, refused, or only looked at.
pub fn judge(vector: &Vector, expected: &Expected, now: Option<Timestamp>) -> Judged {
    let mut forms = vector.envelopes()?;
    let infos = vector.files_in("info")?;
    if forms.is_empty() && infos.is_empty() {
        return Err("there is no envelope.json, envelope.cbor or info/".to_owned());
    }
    let mut tally = Tally::default();
    let headers: String = expected
        .sip_headers
        .iter()
        .map(|line| format!("{}\r\n", line.trim()))
        .collect();
    let info = Info::parse(headers.as_bytes(), &[]).map_err(|error| format!("sipHeaders: {error}"))?;
    if !infos.is_empty() {
        match arrive(vector, expected, &infos)? {
            Arrived::Envelope(cbor, echo) => {
                if let Some((name, Contents::Cbor(stated, _))) = forms.first()
                    && *stated != cbor
                {
                    tally
                        .wrong
                        .push(format!("info/ brings another envelope than {name} holds"));
                }
                let result = one(vector, expected, now, &cbor, echo)?;
                if matches!(result, Ran::Skipped(_)) {
                    return Ok(result);
                }
                tally.note("info/", result);
            }
            // Nothing came of it, which may be what is expected.
            Arrived::Nothing(why) => {
                tally.note("info/", nothing(expected, &why));
                return Ok(tally.result());
            }
        }
        forms.clear();
    }
    for (name, contents) in forms {
        let result = match contents {
            Contents::Cbor(cbor, _) => one(vector, expected, now, &cbor, Echo::of(&info))?,
            Contents::Malformed(what) => nothing(expected, &what.to_string()),
            Contents::NotAMap => refused_unread(expected, "it is not a map"),
            Contents::TooLarge => refused_unread(expected, "it is longer than an envelope may be"),
        };
        if matches!(result, Ran::Skipped(_)) {
            return Ok(result);
        }
        tally.note(name, result);
    }
    Ok(tally.result())
}

/// Memory for a table.
fn words() -> Result<Vec<AtomicU64>, String> {
    let count = TABLE.words().map_err(|error| error.to_string())?;
    Ok((0..count).map(|_| AtomicU64::new(0)).collect())
}

/// What has been found in the forms of one envelope.
#[derive(Default)]
struct Tally {
    wrong: Vec<String>,
    notes: Vec<String>,
}

impl Tally {
    fn note(&mut self, from: &str, ran: Ran) {
        match ran {
            Ran::Failed(what) => self
                .wrong
                .extend(what.into_iter().map(|what| format!("{from}: {what}"))),
            Ran::Passed(what) => self.notes.extend(what),
            Ran::Skipped(_) => {}
        }
    }

    fn result(mut self) -> Ran {
        self.notes.dedup();
        Ran::of(self.wrong, self.notes)
    }
}

/// What SIP brings.
enum Arrived {
    Envelope(Vec<u8>, Echo),
    Nothing(String),
}

/// Takes the messages in `info/` one after another, as the receiver's dialog would.
fn arrive(vector: &Vector, expected: &Expected, infos: &[String]) -> Result<Arrived, String> {
    let words = words()?;
    let table = Table::init(&words, &TABLE, [1; 16]).map_err(|error| error.to_string())?;
    let mut arrived = Arrived::Nothing("no envelope is complete".to_owned());
    let mut responses = Vec::new();
    for name in infos {
        let message = vector.file(name)?.unwrap_or_default();
        let info = Info::parse_message(&message).map_err(|error| format!("{name}: {error}"))?;
        let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
        let call = table.key(Domain::Call, &[info.call_id.unwrap_or_default().as_bytes()]);
        let moment = expected.now.unwrap_or_default();
        match reassembly::receive(&table, &call, &info, moment, SHAPE, &mut scratch, &mut out) {
            Ok(Received::Complete(message)) if !message.is_as_named() => {
                responses.push(u64::from(Refusal::OtherId.status().code()));
                arrived = Arrived::Nothing(format!("{name}: {}", Refusal::OtherId));
            }
            Ok(received) => {
                responses.push(200);
                if let Received::Complete(message) = received {
                    arrived = Arrived::Envelope(message.cbor.to_vec(), message.echo);
                }
            }
            Err(refusal) => {
                responses.push(u64::from(refusal.status().code()));
                arrived = Arrived::Nothing(format!("{name}: {refusal}"));
            }
        }
    }
    if let Some(wanted) = &expected.sip_responses
        && *wanted != responses
    {
        return Err(format!("the messages are answered {responses:?}, not {wanted:?}"));
    }
    Ok(arrived)
}

/// Bytes that are no envelope.
fn nothing(expected: &Expected, why: &str) -> Ran {
    if expected.outcome == Outcome::Malformed {
        Ran::Passed(Vec::new())
    } else {
        Ran::Failed(vec![format!("malformed: {why}")])
    }
}

/// Well-formed, but refused before it is read as an envelope.
fn refused_unread(expected: &Expected, why: &str) -> Ran {
    let wanted = expected.outcome == Outcome::Reject
        && expected.reason.is_none_or(|reason| reason.as_str() == "unknown")
        && expected.step.is_none_or(|step| step == 0);
    Ran::of(
        if wanted {
            Vec::new()
        } else {
            vec![format!("reject unknown at step 0: {why}")]
        },
        Vec::new(),
    )
}

/// Judges one envelope and compares.
pub fn one(vector: &Vector, expected: &Expected, now: Option<Timestamp>, cbor: &[u8], echo: Echo) -> Judged {
    let (mut bundle, mut known) = vector.bundle(cbor)?;
    if expected.outcome == Outcome::StructuralOnly {
        // What stands in the place of signatures is not looked at, whatever keys there are.
        (bundle, known) = (structural_receiver()?, Known::InPart);
    }
    let issued = || Timestamp::parse_rfc3339(&member(cbor, &["issuedAt"])?).ok();
    let now = expected.now.or(now).or_else(issued).unwrap_or_default();
    let words = words()?;
    let table = Table::init(&words, &TABLE, [1; 16]).map_err(|error| error.to_string())?;
    let memory = Memory {
        table,
        peer: b"",
        peer_rate: PEER_RATE,
    };
    let receiver = Receiver {
        bundle: &bundle,
        known,
        now,
        expected,
        memory: (!expected.before.is_empty()).then_some(memory),
    };
    for before in &expected.before {
        let bytes = vector
            .file(&before.file)?
            .ok_or_else(|| format!("{} is not there", before.file))?;
        let Contents::Cbor(earlier, _) = envelope_file::contents(&bytes, Declared::default()) else {
            return Err(format!("{} is no envelope", before.file));
        };
        let outcome = receiver.verify(&earlier, before.call_id.as_deref(), Echo::default(), |verdict, _| {
            outcome_of(verdict)
        });
        if outcome != before.outcome {
            return Ok(Ran::Failed(vec![format!(
                "{}, which arrives before, comes to {}, not {}",
                before.file,
                outcome.as_str(),
                before.outcome.as_str()
            )]));
        }
    }
    Ok(receiver.verify(cbor, None, echo, |verdict, disclosed| {
        compare(expected, known, verdict, disclosed)
    }))
}

fn structural_receiver() -> Result<Bundle, String> {
    Bundle::from_json(br#"{"ohpTrust":1,"receiver":{"maxTier":"regulated"}}"#).map_err(|error| error.to_string())
}

/// Who judges, when, and with what memory.
struct Receiver<'r> {
    bundle: &'r Bundle,
    known: Known,
    now: Timestamp,
    expected: &'r Expected,
    memory: Option<Memory<'r>>,
}

impl Receiver<'_> {
    fn verify<T>(
        &self,
        cbor: &[u8],
        call_id: Option<&str>,
        echo: Echo,
        look: impl FnOnce(&Verdict<'_>, &Disclosed) -> T,
    ) -> T {
        let ids: Vec<&str> = call_id.or(self.expected.call_id.as_deref()).into_iter().collect();
        let situation = Situation {
            bundle: self.bundle,
            now: self.now,
            role: Role::Unknown,
            call: if ids.is_empty() { Call::Unknown } else { Call::Ids(&ids) },
            media: self.expected.fingerprint.map_or(Media::NotHere, Media::Known),
            echo,
            memory: self.memory,
            again: false,
            audio_may_follow: false,
            deadline_passed: false,
        };
        let (mut scratch, mut disclosed) = (vec![0; VERIFY_SCRATCH], Box::new(Disclosed::new()));
        let verdict = match self.known {
            Known::All => verify::verify_disclosing(cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ()),
            Known::InPart => verify::verify_at_hand(cbor, &situation, &mut scratch, &mut disclosed, &mut |_, _| ()),
        };
        look(&verdict, &disclosed)
    }
}

fn outcome_of(verdict: &Verdict<'_>) -> Outcome {
    match verdict.outcome {
        verify::Outcome::Accept | verify::Outcome::Duplicate => Outcome::Accept,
        verify::Outcome::Need => Outcome::Need,
        verify::Outcome::Reject(_, failure) => match failure.why {
            Why::Unreadable(ReadError::Cbor(_)) => Outcome::Malformed,
            _ => Outcome::Reject,
        },
        verify::Outcome::Overloaded => Outcome::Reject,
    }
}

fn compare(expected: &Expected, known: Known, verdict: &Verdict<'_>, disclosed: &Disclosed) -> Ran {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, is: &str, wanted: &str| wrong.push(format!("{what} is {is}, not {wanted}"));
    let result_of = |step: Step| verdict.steps[usize::from(step.number())];

    let outcome = outcome_of(verdict);
    if outcome != expected.outcome && expected.outcome != Outcome::StructuralOnly {
        let skipped = |step: &Step| known == Known::InPart && result_of(*step) == Some(StepResult::Skip);
        let wanted = expected.step.and_then(|step| Step::ALL.get(usize::from(step)));
        if let (Outcome::Reject, Outcome::Accept, Some(step)) =
            (expected.outcome, outcome, wanted.filter(|step| skipped(step)))
        {
            return Ran::Skipped(format!(
                "step {}, {step}, needs keys or resources that are not there",
                step.number()
            ));
        }
        differ("the outcome", outcome.as_str(), expected.outcome.as_str());
    }
    let failure = verdict
        .failure()
        .filter(|_| expected.outcome != Outcome::StructuralOnly);
    if let Some((step, failure)) = failure {
        let why = format!("{} ({})", failure.reason, failure.why);
        match expected.reason {
            Some(wanted) if wanted != failure.reason => differ("the reason", &why, wanted.as_str()),
            // An envelope that was to be accepted: here is why it is not.
            None if outcome != expected.outcome => differ("the reason", &why, "expected"),
            _ => {}
        }
        if let Some(wanted) = expected.step.filter(|wanted| *wanted != step.number()) {
            differ(
                "the first failing step",
                &step.number().to_string(),
                &wanted.to_string(),
            );
        }
    }
    if let Some(envelope) = &verdict.envelope {
        if let Some(wanted) = expected.tier.filter(|wanted| *wanted != envelope.tier()) {
            differ("the tier", envelope.tier().as_str(), wanted.as_str());
        }
        if let Some(wanted) = expected.verb.filter(|wanted| *wanted != envelope.verb()) {
            differ("the verb", envelope.verb().as_str(), wanted.as_str());
        }
        let algorithms: Vec<String> = envelope
            .signatures()
            .filter_map(|signature| signature.alg().map(str::to_owned))
            .collect();
        for absent in missing(&expected.algorithms, &algorithms) {
            differ("a signature's algorithm", "none", absent);
        }
        for block in expected.blocks.iter().filter(|path| envelope.get(path).is_none()) {
            differ("a block", "missing", block);
        }
    } else if expected.outcome == Outcome::StructuralOnly {
        let why = verdict
            .failure()
            .map_or_else(String::new, |(_, failure)| failure.why.to_string());
        differ(
            "the envelope",
            &format!("unreadable ({why})"),
            "one that can be looked at",
        );
    }
    let why = verdict.failure().map(|(_, failure)| failure.why);
    for (what, stated, found) in [
        (
            "schemaValid",
            expected.schema_valid,
            !matches!(why, Some(Why::Schema(_) | Why::Unreadable(_))),
        ),
        (
            "tierGateOk",
            expected.tier_gate_ok,
            !matches!(why, Some(Why::BelowFloor(..) | Why::AboveCeiling(..))),
        ),
        (
            "freshnessOk",
            expected.freshness_ok,
            result_of(Step::Freshness) == Some(StepResult::Pass),
        ),
    ] {
        if let Some(stated) = stated.filter(|stated| *stated != found) {
            differ(what, &found.to_string(), &stated.to_string());
        }
    }
    if let Some(wanted) = &expected.opened {
        let opened = report::opened(disclosed);
        if !missing(wanted, &opened).is_empty() || !missing(&opened, wanted).is_empty() {
            differ("openedSealedFields", &opened.join(", "), &wanted.join(", "));
        }
    }
    let verified = report::verified(disclosed);
    for absent in missing(&expected.verified, &verified) {
        if !is_signed(verdict, absent) {
            differ("verifiedFields", &verified.join(", "), &format!("with {absent}"));
        }
    }
    if let Some(wanted) = &expected.needs {
        let needs: Vec<(String, String)> = verdict
            .needs
            .as_slice()
            .iter()
            .map(|need| (need.kind.as_str().to_owned(), need.reference.to_owned()))
            .collect();
        if needs != *wanted {
            differ("what is needed", &format!("{needs:?}"), &format!("{wanted:?}"));
        }
    }
    let mut notes = Vec::new();
    if known == Known::InPart && expected.outcome == Outcome::Accept {
        let mut skipped: Vec<String> = verdict
            .needs
            .as_slice()
            .iter()
            .map(|need| need.step.number().to_string())
            .collect();
        skipped.dedup();
        if !skipped.is_empty() {
            notes.push(format!(
                "skipped for want of keys or resources: step {}",
                skipped.join(", ")
            ));
        }
    }
    Ran::of(wrong, notes)
}

/// Whether `path` is one of the members for which the issuer's signature stands by itself: what an identity provider has to
/// vouch for is not.
fn is_signed(verdict: &Verdict<'_>, path: &str) -> bool {
    let of_provider = path.starts_with("caller.assurance") || path.starts_with("caller.identity");
    let signed = verdict.steps[usize::from(Step::Signatures.number())] == Some(StepResult::Pass);
    let stands = verdict.envelope.is_some_and(|envelope| envelope.get(path).is_some());
    signed && stands && !of_provider && verdict.is_accepted()
}
