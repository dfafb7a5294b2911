//! `ohp inspect`: an envelope as a person reads it.

use std::fmt::Write as _;
use std::path::PathBuf;

use ohp::cbor::{Item, json as cbor_json};
use ohp::envelope::{Envelope, Violation, leaf_hash_text};
use ohp::media::robust;
use ohp::time::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::envelope_file;
use crate::exit::{Exit, Failure};
use crate::output::{self, BAD, FAINT, HEAD, OPEN, plain, say};

/// Show an envelope: who hands over to whom, at which tier, why, what has been said, and how much time is left
///
/// Nothing is verified here; all rules of the schema that the envelope breaks are listed. Of one that lacks what it cannot
/// be read without (version, tier, id, call, verb or nonce) only these are, and exit status is 3. `ohp verify` gives the verdict.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  ohp inspect envelope.json\n  ohp convert --to cbor envelope.json | ohp inspect -")]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// The moment from which the time left is counted; now if absent
    #[arg(long, value_name = "RFC3339", value_parser = clock::parse)]
    now: Option<Timestamp>,
    /// Print JSON: the envelope, what it breaks, its sizes and its surface's hash
    #[arg(long)]
    json: bool,
}

/// Runs `ohp inspect`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, _) = envelope_file::read_cbor(&args.file)?;
    let mut broken = Vec::new();
    let envelope = match Envelope::read(&cbor, &mut |violation| broken.push(violation)) {
        Ok(envelope) => envelope,
        Err(error) => {
            if args.json {
                output::json(&json!({ "violations": violations(&broken), "error": error.to_string() }))?;
            } else {
                print_broken(&broken);
            }
            return Err(envelope_file::unreadable(&error));
        }
    };
    let now = args.now.unwrap_or_else(clock::now);
    if args.json {
        output::json(&to_json(&envelope, &broken, now)?)?;
    } else {
        print(&envelope, &broken, now);
    }
    Ok(Exit::Accept)
}

fn to_json(envelope: &Envelope<'_>, broken: &[Violation], now: Timestamp) -> Result<Value, Failure> {
    let surface = envelope.surface();
    Ok(json!({
        "envelope": serde_json::from_str::<Value>(&text_of(envelope.root())).map_err(Failure::new)?,
        "reportDue": envelope.report_due().map(|due| due.to_string()),
        "timeLeftMs": envelope.not_after().map(|end| end.since(now)),
        "violations": violations(broken),
        "cborBytes": envelope.bytes().len(),
        "surfaceBytes": surface.len(),
        "surfaceHash": std::str::from_utf8(&leaf_hash_text(&envelope.surface_hash())).unwrap_or_default(),
    }))
}

fn violations(broken: &[Violation]) -> Vec<Value> {
    let shown = broken.iter().map(|violation| {
        let (path, rule) = (violation.path.to_string(), violation.rule.to_string());
        json!({ "path": path, "message": rule, "warning": violation.is_warning() })
    });
    shown.collect()
}

fn print(envelope: &Envelope<'_>, broken: &[Violation], now: Timestamp) {
    say!(
        "{HEAD}{} {}{HEAD:#}, {}",
        envelope.verb(),
        envelope.id(),
        envelope.tier()
    );
    parties(envelope);
    session(envelope);
    time(envelope, now);
    caller(envelope);
    intent(envelope);
    transcript(envelope);
    rules(envelope);
    signatures(envelope);
    print_broken(broken);
}

fn print_broken(broken: &[Violation]) {
    for violation in broken {
        let style = if violation.is_warning() { OPEN } else { BAD };
        say!("{style}{:>12}{style:#}  {}", "breaks", plain(&violation.to_string()));
    }
}

/// One line, if there is something to say.
fn line(name: &str, value: impl AsRef<str>) {
    let value = value.as_ref();
    if !value.is_empty() {
        say!("{FAINT}{name:>12}{FAINT:#}  {}", plain(value));
    }
}

/// The parts that are there, joined by `separator`.
fn joined<'t>(separator: &str, parts: impl IntoIterator<Item = Option<&'t str>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(separator)
}

fn listed<'t>(parts: impl Iterator<Item = &'t str>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn parties(envelope: &Envelope<'_>) {
    let issuer = envelope.issuer();
    line(
        "from",
        joined(
            " · ",
            [issuer.vendor(), issuer.agent_id(), issuer.region(), issuer.did()],
        ),
    );
    let audience = envelope.audience();
    let purpose = audience.purpose().map(|purpose| format!("for {purpose}"));
    let floor = audience.min_tier().map(|tier| format!("at least {tier}"));
    line(
        "to",
        joined(
            " · ",
            [audience.vendor(), audience.did(), purpose.as_deref(), floor.as_deref()],
        ),
    );
    let control = envelope.control();
    line("because", control.reason().unwrap_or_default());
    line("answers", control.proposed_id().unwrap_or_default());
    if let Some(verb) = control.fallback_verb() {
        let after = control
            .fallback_after()
            .map(|after| format!(" after {after}"))
            .unwrap_or_default();
        let reasons = listed(control.fallback_acceptable_reasons());
        let when = if reasons.is_empty() {
            String::new()
        } else {
            format!(" if {reasons}")
        };
        line("fallback", format!("{verb}{after}{when}"));
    }
}

fn session(envelope: &Envelope<'_>) {
    let session = envelope.session();
    let since = session.started_at().map(|start| format!("since {start}"));
    line(
        "call",
        joined(
            " · ",
            [session.call_id(), session.channel(), session.locale(), since.as_deref()],
        ),
    );
    let hints = listed(session.sdp_hint_codecs());
    let codecs = (!hints.is_empty()).then_some(hints);
    let robust = envelope.get(robust::MEMBER).and_then(Item::as_text);
    line(
        "sound",
        joined(" · ", [session.rtp_fingerprint(), robust, codecs.as_deref()]),
    );
}

fn time(envelope: &Envelope<'_>, now: Timestamp) {
    let issued = envelope.issued_at().map(|issued| format!("issued {issued}"));
    let until = envelope.not_after().map(|end| format!("ends {end}"));
    line("time", joined(", ", [issued.as_deref(), until.as_deref()]));
    if let Some(due) = envelope.report_due() {
        let left = due.since(now);
        let left = if left >= 0 {
            format!("{} left", duration(left))
        } else {
            format!("{} overdue", duration(left.saturating_neg()))
        };
        line("report due", format!("{due} (Art. 73), {left}"));
    }
    let Some(end) = envelope.not_after() else { return };
    let left = end.since(now);
    let (style, text) = if left >= 0 {
        (HEAD, format!("{} left", duration(left)))
    } else {
        (BAD, format!("ended {} ago", duration(left.saturating_neg())))
    };
    say!("{:>12}  {style}{text}{style:#}", "");
}

fn caller(envelope: &Envelope<'_>) {
    for consent in envelope.consents() {
        let basis = consent.lawful_basis().map(|basis| format!("under {basis}"));
        let place = consent.jurisdiction().map(|place| format!("in {place}"));
        let scope = listed(consent.scope());
        let covers = (!scope.is_empty()).then(|| format!("covers {scope}"));
        let parts = [
            consent.receipt_id(),
            consent.purpose(),
            basis.as_deref(),
            consent.special_category_basis(),
            place.as_deref(),
            consent.transfer_mechanism(),
            covers.as_deref(),
        ];
        line("consent", joined(" · ", parts));
    }
    let assurance = envelope.assurance();
    let last = assurance.last_step_up_at().map(|at| format!("last stepped up {at}"));
    let levels = [
        assurance.ial(),
        assurance.aal(),
        assurance.fal(),
        assurance.method(),
        assurance.idp(),
        last.as_deref(),
    ];
    line("assurance", joined(" · ", levels));
    line("identity", listed(envelope.identity().claims_revealed()));
}

fn intent(envelope: &Envelope<'_>) {
    let intent = envelope.intent();
    let sure = intent
        .confidence()
        .map(|confidence| format!("{:.0} % sure", confidence * 100.0));
    line("intent", joined(" · ", [intent.name(), sure.as_deref()]));
    let before: Vec<String> = intent
        .stack()
        .map(|earlier| {
            format!(
                "{} ({})",
                earlier.name().unwrap_or("?"),
                earlier.status().unwrap_or("?")
            )
        })
        .collect();
    line("before", before.join(", "));
    for (name, value) in intent.slots().into_iter().flatten() {
        line("slot", format!("{name} = {}", text_of(value)));
    }
    line("sealed", listed(envelope.sealed().fields()));
}

fn transcript(envelope: &Envelope<'_>) {
    let transcript = envelope.transcript();
    line("summary", transcript.summary().unwrap_or_default());
    for turn in transcript.turns() {
        line(turn.role().unwrap_or("?"), turn.text().unwrap_or_default());
    }
}

fn rules(envelope: &Envelope<'_>) {
    let policy = envelope.policy();
    line("residency", listed(policy.data_residency()));
    line("guardrails", listed(policy.guardrails()));
    let ai = envelope.ai_system();
    let risk = ai.risk_class().map(|class| format!("{class} risk"));
    line(
        "AI system",
        joined(" · ", [ai.id(), ai.version(), risk.as_deref(), ai.annex_iii_clause()]),
    );
    line("oversight", envelope.oversight().mode().unwrap_or_default());
    for decision in envelope.decisions() {
        let at = decision.at().map(|at| at.to_string());
        line(
            "decision",
            joined(" · ", [decision.id(), decision.kind(), at.as_deref(), decision.model()]),
        );
    }
}

fn signatures(envelope: &Envelope<'_>) {
    let names: Vec<String> = envelope
        .signatures()
        .map(|signature| {
            format!(
                "{} ({})",
                signature.kid().unwrap_or("?"),
                signature.alg().unwrap_or("?")
            )
        })
        .collect();
    line("signed by", names.join(", "));
    let extra: Vec<&str> = envelope.unknown_fields().map(|(name, _)| name).collect();
    line("also holds", extra.join(", "));
}

fn duration(millis: i64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn text_of(item: Item<'_>) -> String {
    let mut text = String::new();
    if cbor_json::from_cbor(item, &mut text, false).is_err() {
        let _ = write!(text, "?");
    }
    text
}
