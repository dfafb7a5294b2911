//! `ohp verify`: the verdict on one envelope, step by step.

use std::path::PathBuf;
use std::time::Instant;

use ohp::envelope::{ReadError, RejectReason, Tier};
use ohp::media::continuity::{Continuity, Wanted};
use ohp::media::fingerprint::Fingerprint;
use ohp::time::Timestamp;
use ohp::transport::body::{Declared, Encoding};
use ohp::transport::{ENVELOPE_MAX, Echo, Info};
use ohp::trust::bundle::Bundle;
use ohp::verify::{
    self, Call, Disclosed, Media, Outcome, Role, Situation, Step, StepResult, VERIFY_SCRATCH, Verdict, Why,
};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::envelope_file::{self, Contents, Malformed};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::{self, BAD, FAINT, GOOD, HEAD, OPEN, plain, say};
use crate::recording::Recording;

/// Longest trust bundle.
const BUNDLE_LIMIT: u64 = 16 << 20;

/// Judge an envelope by the protocol's steps
///
/// The envelope is JSON, canonical CBOR, deflated, or base64 of one of these. Without --trust it is judged as a Core
/// receiver would that is anybody's audience. Without --call-id the call is not compared, and without --fingerprint or
/// --rtp its sound is not. Nothing is remembered from one run to the next, so a replay is not seen here.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp verify envelope.json\n  ohp verify --trust bundle.json --call-id a84b4c76e66710 --rtp leg.pcap --json envelope.cbor\n\nExit status: 0 accept · 1 reject · 2 need (a resource is missing) · 3 not an envelope, or bad usage."
)]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// Trust bundle: who we are, and whose keys we believe
    #[arg(long, value_name = "BUNDLE")]
    trust: Option<PathBuf>,
    /// The moment of arrival; now if absent
    #[arg(long, value_name = "RFC3339", value_parser = clock::parse)]
    now: Option<Timestamp>,
    /// Call-ID of the call that it arrived on
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// Fingerprint of the call's sound
    #[arg(long, value_name = "sha256:HEX", value_parser = fingerprint, conflicts_with = "rtp")]
    fingerprint: Option<Fingerprint>,
    /// The call's sound as it arrived: a packet capture, or an 8 kHz WAV file
    #[arg(long, value_name = "CAPTURE")]
    rtp: Option<PathBuf>,
    /// A header line of the INFO that brought it, such as 'OHP-Verb: PROPOSE'
    #[arg(long, value_name = "LINE")]
    sip_header: Vec<String>,
    /// Accept the short Core envelope of the protocol's README
    #[arg(long)]
    draft_core: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text).ok_or_else(|| "a fingerprint is `sha256:` and 64 lower-case hexadecimal digits".to_owned())
}

/// A step that was run: how it ended and how long it took.
struct Timed {
    step: Step,
    result: StepResult,
    micros: f64,
}

/// Runs `ohp verify`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let bundle = bundle(args)?;
    let headers: String = args
        .sip_header
        .iter()
        .map(|line| format!("{}\r\n", line.trim()))
        .collect();
    let info = Info::parse(headers.as_bytes(), &[])
        .map_err(|error| Failure::new(format_args!("--sip-header: {error}")).advise("Write it as 'Name: value'"))?;
    let recording = args.rtp.as_deref().map(Recording::read).transpose()?;
    recording.as_ref().map_or(Ok(()), Recording::exact_or_why)?;
    let cbor = match envelope_file::read(&args.file, declared(&info))? {
        Contents::Cbor(cbor, _) => cbor,
        Contents::NotAMap => return broken(args, "an envelope is a map; this is another kind of value", Some("$")),
        Contents::TooLarge => {
            return broken(args, &format!("an envelope has at most {ENVELOPE_MAX} bytes"), None);
        }
        Contents::Malformed(what) => return malformed(args, &what),
    };

    let search = |wanted: &Wanted<'_>| match &recording {
        Some(sound) => Continuity::of(wanted.exact.map(|exact| sound.find(exact).0), || {
            wanted.robust.map(|robust| sound.find_robust(robust).0)
        }),
        None => Continuity::NoMedia,
    };
    let ids: Vec<&str> = args.call_id.as_deref().into_iter().collect();
    let situation = Situation {
        bundle: &bundle,
        now: args.now.unwrap_or_else(clock::now),
        role: Role::Unknown,
        call: if ids.is_empty() { Call::Unknown } else { Call::Ids(&ids) },
        media: match (&recording, args.fingerprint) {
            (Some(_), _) => Media::Live(&search),
            (None, Some(known)) => Media::Known(known),
            (None, None) => Media::NotHere,
        },
        echo: Echo::of(&info),
        memory: None,
        again: false,
        audio_may_follow: false,
        deadline_passed: false,
    };
    let mut scratch = vec![0; VERIFY_SCRATCH];
    let mut steps = Vec::with_capacity(verify::STEP_COUNT);
    let mut last = Instant::now();
    let mut disclosed = Box::new(Disclosed::new());
    let verdict = verify::verify_disclosing(&cbor, &situation, &mut scratch, &mut disclosed, &mut |step, result| {
        let now = Instant::now();
        steps.push(Timed {
            step,
            result,
            micros: (now - last).as_nanos() as f64 / 1000.0,
        });
        last = now;
    });
    if let Some((_, failure)) = verdict.failure()
        && let Why::Unreadable(ReadError::Cbor(error)) = failure.why
    {
        return malformed(
            args,
            &Malformed {
                message: error.kind.to_string(),
                offset: error.offset,
            },
        );
    }
    if args.json {
        output::json(&to_json(args, &verdict, &disclosed, &steps))?;
    } else {
        print(args, &verdict, &disclosed, &steps);
        for note in notes(args, &bundle, &verdict, &steps) {
            say!("{FAINT}note{FAINT:#}  {note}");
        }
    }
    Ok(match verdict.outcome {
        Outcome::Accept => Exit::Accept,
        Outcome::Need => Exit::Need,
        // The last two cannot happen without a memory.
        Outcome::Reject(..) | Outcome::Duplicate | Outcome::Overloaded => Exit::Reject,
    })
}

fn bundle(args: &Args) -> Result<Bundle, Failure> {
    let mut bundle = match &args.trust {
        None => Bundle::core_receiver(),
        Some(path) => Bundle::from_json(&input::read(path, BUNDLE_LIMIT)?).map_err(|error| {
            Failure::new(format_args!("{} is no trust bundle: {error}", path.display()))
                .advise("A bundle is JSON with `ohpTrust`, `receiver` and `issuers`")
        })?,
    };
    bundle.receiver.draft_core |= args.draft_core;
    Ok(bundle)
}

/// What the headers say about the form of the file.
fn declared(info: &Info<'_>) -> Declared {
    Declared {
        media: info.media().ok().flatten().map(|content| content.media),
        encoding: Encoding::parse(info.content_encoding).unwrap_or_default(),
    }
}

/// Warnings that are about this run and not about the envelope.
fn warnings_of_usage(args: &Args) -> Option<&'static str> {
    let sound = args.fingerprint.is_some() || args.rtp.is_some();
    (sound && args.call_id.is_none()).then_some("without --call-id step 4 is not run, and the sound is not compared")
}

/// What was not judged, and why: a step that is skipped is no step that has passed.
fn notes(args: &Args, bundle: &Bundle, verdict: &Verdict<'_>, steps: &[Timed]) -> Vec<String> {
    let mut notes = Vec::new();
    if args.trust.is_none() {
        notes.push(String::from(
            "judged as a Core receiver would that believes nobody and has no policy; --trust BUNDLE.json says who you are, \
             whose keys you believe and what you accept",
        ));
    }
    let skipped = |step: Step| {
        steps
            .iter()
            .any(|timed| timed.step == step && timed.result == StepResult::Skip)
    };
    let Some(envelope) = verdict.envelope else { return notes };
    let mut unjudged = |step: Step, lacks: &str, policies: &[(&'static str, bool)]| {
        let set: Vec<&str> = policies.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        if skipped(step) && !set.is_empty() {
            notes.push(format!(
                "step {} was skipped, because the envelope has no {lacks}: {} of your bundle {} not applied",
                step.number(),
                set.join(", "),
                if set.len() == 1 { "was" } else { "were" }
            ));
        }
    };
    let receiver = &bundle.receiver;
    unjudged(
        Step::Consent,
        "caller.consent",
        &[
            ("jurisdictions", !receiver.jurisdictions.is_empty()),
            ("processingScope", !receiver.processing_scope.is_empty()),
            ("specialCategory", receiver.special_category),
        ],
    );
    unjudged(
        Step::Assurance,
        "caller.assurance",
        &[
            ("minimumAal", receiver.minimum_aal.is_some()),
            ("maxStepUpAge", receiver.max_step_up_age.is_some()),
            ("requireBoundAssurance", receiver.require_bound_assurance),
            ("requireKeyBinding", receiver.require_key_binding),
        ],
    );
    unjudged(
        Step::RiskClass,
        "aiSystem",
        &[("acceptedRiskClasses", receiver.accepted_risk_classes.is_some())],
    );
    unjudged(
        Step::AnnexIii,
        "aiSystem.annexIIIClause",
        &[("annexIIIAllowed", receiver.annex_iii_allowed.is_some())],
    );
    unjudged(
        Step::Oversight,
        "oversight",
        &[("requiredOversight", receiver.required_oversight.is_some())],
    );
    let given = args.fingerprint.is_some() || args.rtp.is_some();
    let was_run = steps.iter().any(|timed| timed.step == Step::CallLeg);
    match envelope.session().rtp_fingerprint() {
        None if given || was_run && envelope.tier() < Tier::Sealed => notes.push(String::from(
            "no sound was compared: the envelope has no session.media.rtpFingerprint",
        )),
        // With a call the verdict itself warns of it.
        Some(_) if !given && was_run && args.call_id.is_none() && envelope.tier() < Tier::Sealed => notes.push(
            String::from("no sound was compared: give --rtp CAPTURE or --fingerprint, and --call-id"),
        ),
        _ => {}
    }
    notes
}

fn to_json(args: &Args, verdict: &Verdict<'_>, disclosed: &Disclosed, steps: &[Timed]) -> Value {
    let mut shown = Map::new();
    let mut put = |member: &str, value: Value| shown.insert(member.to_owned(), value);
    put("outcome", outcome(verdict).into());
    if let Some(envelope) = &verdict.envelope {
        put("id", envelope.id().as_str().into());
        put("tier", envelope.tier().as_str().into());
        put("verb", envelope.verb().as_str().into());
        if let Some(due) = envelope.report_due() {
            put("reportDue", due.to_string().into());
        }
    }
    if let Some((step, failure)) = verdict.failure() {
        put("rejectReason", failure.reason.as_str().into());
        put("firstFailingStep", step.number().into());
        put("stepDescription", failure.why.to_string().into());
        if let Why::Schema(violation) = failure.why {
            put(
                "error",
                json!({ "message": violation.rule.to_string(), "path": violation.path.to_string() }),
            );
        }
    }
    let needs: Vec<Value> = needs(verdict)
        .map(|(step, kind, reference)| json!({ "step": step, "kind": kind, "ref": reference }))
        .collect();
    if let Some(heard) = verdict.heard {
        let mut sound = json!({ "outcome": heard.as_str() });
        if let Some(rate) = heard.bit_error_rate() {
            sound["bitErrorRate"] = output::rate(rate);
        }
        put("continuity", sound);
    }
    put("needs", needs.into());
    put("steps", steps.iter().map(Timed::to_json).collect());
    put("openedSealedFields", opened(disclosed).into());
    put("verifiedFields", verified(disclosed).into());
    let warnings = verdict.warnings.iter().map(|warning| warning.to_string());
    put(
        "warnings",
        warnings
            .chain(warnings_of_usage(args).map(str::to_owned))
            .map(Value::from)
            .collect(),
    );
    Value::Object(shown)
}

/// The names of the fields that were sealed for us. Their values are not for a report.
pub fn opened(disclosed: &Disclosed) -> Vec<String> {
    let fields = disclosed.fields().into_iter().flat_map(|fields| fields.iter());
    fields.map(|(name, _)| name.to_owned()).collect()
}

/// The names of what an identity provider vouches for.
pub fn verified(disclosed: &Disclosed) -> Vec<String> {
    let Some(claims) = disclosed.claims() else {
        return Vec::new();
    };
    let claims = claims.iter().map(|(name, _)| format!("caller.identity.{name}"));
    ["caller.assurance".to_owned()].into_iter().chain(claims).collect()
}

impl Timed {
    fn to_json(&self) -> Value {
        json!({
            "step": self.step.number(),
            "name": self.step.name(),
            "result": self.result.as_str(),
            "micros": self.micros,
        })
    }
}

fn outcome(verdict: &Verdict<'_>) -> &'static str {
    match verdict.outcome {
        Outcome::Accept => "accept",
        Outcome::Need => "need",
        Outcome::Reject(..) | Outcome::Duplicate | Outcome::Overloaded => "reject",
    }
}

fn needs<'v>(verdict: &'v Verdict<'_>) -> impl Iterator<Item = (u8, &'static str, &'v str)> {
    verdict
        .needs
        .as_slice()
        .iter()
        .map(|need| (need.step.number(), need.kind.as_str(), need.reference))
}

fn print(args: &Args, verdict: &Verdict<'_>, disclosed: &Disclosed, steps: &[Timed]) {
    let style = match verdict.outcome {
        Outcome::Accept => GOOD,
        Outcome::Need => OPEN,
        _ => BAD,
    };
    let about = verdict
        .envelope
        .map(|envelope| format!("  {} {}, {}", envelope.verb(), envelope.id(), envelope.tier()));
    say!("{style}{}{style:#}{}", outcome(verdict), about.unwrap_or_default());
    if let Some((step, failure)) = verdict.failure() {
        let why = failure.why.to_string();
        say!(
            "{HEAD}{}{HEAD:#} at step {}, {step}: {}",
            failure.reason,
            step.number(),
            plain(&why)
        );
    }
    match verdict.heard.map(|heard| (heard.as_str(), heard.bit_error_rate())) {
        Some((heard, Some(rate))) => say!("{HEAD}sound{HEAD:#}  {heard}, bit error rate {rate:.3}"),
        Some((heard, None)) => say!("{HEAD}sound{HEAD:#}  {heard}"),
        None => {}
    }
    if let Some(due) = verdict.envelope.and_then(|envelope| envelope.report_due()) {
        say!("{OPEN}report{OPEN:#}  due with the authority by {due}");
    }
    for timed in steps {
        let style = match timed.result {
            StepResult::Pass => GOOD,
            StepResult::Fail => BAD,
            StepResult::Need => OPEN,
            StepResult::Skip => FAINT,
        };
        say!(
            "  {:>2} {:<15} {style}{:<4}{style:#} {FAINT}{:>9.1} µs{FAINT:#}",
            timed.step.number(),
            timed.step,
            timed.result,
            timed.micros
        );
    }
    for (what, names) in [("opened", opened(disclosed)), ("verified", verified(disclosed))] {
        if !names.is_empty() {
            say!("{GOOD}{what}{GOOD:#}  {}", plain(&names.join(", ")));
        }
    }
    for (step, kind, reference) in needs(verdict) {
        say!("{OPEN}needs{OPEN:#}  {kind} {} for step {step}", plain(reference));
    }
    for warning in verdict.warnings.iter().map(|warning| warning.to_string()) {
        say!("{OPEN}warning{OPEN:#}  {}", plain(&warning));
    }
    if let Some(warning) = warnings_of_usage(args) {
        say!("{OPEN}warning{OPEN:#}  {warning}");
    }
}

/// Well-formed, but no envelope's schema: refused at step 0.
fn broken(args: &Args, message: &str, path: Option<&str>) -> Result<Exit, Failure> {
    let reason = RejectReason::Unknown.as_str();
    if args.json {
        let mut error = json!({ "message": message });
        if let Some(path) = path {
            error["path"] = path.into();
        }
        output::json(&json!({
            "outcome": "reject",
            "rejectReason": reason,
            "firstFailingStep": 0,
            "stepDescription": message,
            "needs": [],
            "steps": [{ "step": 0, "name": Step::Envelope.name(), "result": StepResult::Fail.as_str(), "micros": 0.0 }],
            "openedSealedFields": [],
            "verifiedFields": [],
            "warnings": [],
            "error": error,
        }))?;
    } else {
        say!(
            "{BAD}reject{BAD:#}\n{HEAD}{reason}{HEAD:#} at step 0, {}: {message}",
            Step::Envelope
        );
    }
    Ok(Exit::Reject)
}

/// No envelope at all.
fn malformed(args: &Args, what: &Malformed) -> Result<Exit, Failure> {
    if args.json {
        output::json(&json!({
            "outcome": "malformed",
            "needs": [],
            "steps": [],
            "openedSealedFields": [],
            "verifiedFields": [],
            "warnings": [],
            "error": { "message": what.message, "offset": what.offset },
        }))?;
    } else {
        say!("{BAD}malformed{BAD:#}  {what}");
    }
    Ok(Exit::Unusable)
}
