//! The demonstration as a reader sees it: one line an event, verification step by step, a table at the end.

use anstyle::Style;
use ohp::envelope::Tier;
use serde_json::{Value, json};

use super::event::Event;
use crate::output::{BAD, FAINT, GOOD, HEAD, OPEN, plain, say};

/// What stands under an event's sentence is set in as far as that.
const MARGIN: &str = "                           ";

/// Prints events as they happen, and keeps them.
pub struct Story {
    print: bool,
    begin: Option<f64>,
    events: Vec<Event>,
}

impl Story {
    /// A story that is printed, or only kept.
    pub fn new(print: bool) -> Self {
        Self {
            print,
            begin: None,
            events: Vec::new(),
        }
    }

    /// The next event.
    pub fn add(&mut self, event: Event) {
        let begin = *self.begin.get_or_insert(event.at());
        if self.print {
            print_event(&event, (event.at() - begin) / 1000.0);
        }
        self.events.push(event);
    }

    /// Everything that happened, for `--json`.
    pub fn to_json(&self) -> Value {
        self.events.iter().map(|event| Value::Object(event.0.clone())).collect()
    }

    /// Whether an event like this happened.
    fn happened(&self, who: &str, what: &str, details: &[(&str, &str)]) -> bool {
        self.events.iter().any(|event| {
            event.who() == who
                && event.what() == what
                && details.iter().all(|(member, value)| event.text(member) == *value)
        })
    }

    /// How the trial called `trial` ended: the reason that came back to the voice agent, if the centre gave the same.
    fn refusal(&self, trial: &str) -> String {
        let of_trial = |who: &str, what: &str| {
            self.events
                .iter()
                .find(|event| event.who() == who && event.what() == what && event.text("trial") == trial)
        };
        match of_trial("agent", "refused") {
            Some(refused) => refused.text("reason").to_owned(),
            None => "no answer".to_owned(),
        }
    }

    /// What was to be shown, and whether it was.
    pub fn checks(&self, shown: &Shown) -> Vec<Check> {
        let tier = shown.tier;
        let yes_or_no = |held: bool| if held { "yes" } else { "no" };
        let mut checks = vec![
            Check::new(
                "live call handed over (PROPOSE, ACCEPT, ASSUME)",
                "yes",
                yes_or_no(
                    self.happened("centre", "verified", &[("verb", "PROPOSE"), ("outcome", "accept")])
                        && self.happened("agent", "verified", &[("verb", "ACCEPT"), ("outcome", "accept")])
                        && self.happened("centre", "verified", &[("verb", "ASSUME"), ("outcome", "accept")]),
                ),
            ),
            Check::new(
                "caller's own leg joined, the agent's leg dropped",
                "yes",
                yes_or_no(
                    self.happened("centre", "joined", &[]) && self.happened("agent", "dropped", &[("by", "centre")]),
                ),
            ),
            Check::new(
                "conversation given back (RETURN)",
                "yes",
                yes_or_no(self.happened("agent", "verified", &[("verb", "RETURN"), ("outcome", "accept")])),
            ),
            Check::new(
                "envelope replayed into a second call",
                "not-bound-to-call",
                &self.refusal("replayed"),
            ),
        ];
        if tier >= Tier::Signed {
            checks.push(Check::new(
                "envelope changed on its way",
                "signature-invalid",
                &self.refusal("tampered"),
            ));
        }
        checks.push(Check::new("envelope that is too old", "stale", &self.refusal("stale")));
        if tier >= Tier::Signed && shown.hold_music {
            checks.push(Check::new(
                "hold music as proof, which both calls hear",
                "not-bound-to-call",
                &self.refusal("hold-music"),
            ));
        }
        if tier >= Tier::Signed && shown.transcode {
            let retried = self.events.iter().find(|event| event.what() == "retries");
            checks.push(Check::new(
                "exact fingerprint of sound that was transcoded",
                "not-bound-to-call",
                retried.map_or("accepted", |retried| retried.text("reason")),
            ));
        }
        if tier >= Tier::Sealed {
            let opened = self.events.iter().any(|event| {
                let opened = event.0.get("conversation").map(|conversation| &conversation["opened"]);
                event.who() == "centre" && opened.is_some_and(|opened| opened["payment.disputeDetail"].is_string())
            });
            checks.push(Check::new(
                "sealed fields opened by the centre",
                "yes",
                yes_or_no(opened),
            ));
        }
        if tier == Tier::Regulated {
            let at = |who: &str, what: &str| {
                self.events
                    .iter()
                    .position(|event| event.who() == who && event.what() == what)
            };
            let (anchored, sent) = (at("agent", "anchored"), at("agent", "proposes"));
            let before = anchored.is_some() && anchored < sent && at("centre", "looks-up") > sent;
            checks.push(Check::new(
                "anchored before it was sent, and found",
                "yes",
                yes_or_no(before),
            ));
        }
        checks.push(Check::new(
            "both sides hung up and ended",
            "yes",
            yes_or_no(self.happened("agent", "done", &[]) && self.happened("centre", "done", &[])),
        ));
        checks
    }
}

/// What a run of the demonstration sets out to show.
pub struct Shown {
    /// Tier of the handoff.
    pub tier: Tier,
    /// Whether a hop transcodes the caller's sound on its way.
    pub transcode: bool,
    /// Whether both calls hear the same hold music.
    pub hold_music: bool,
}

/// One thing that the demonstration sets out to show.
pub struct Check {
    what: &'static str,
    expected: &'static str,
    happened: String,
}

impl Check {
    fn new(what: &'static str, expected: &'static str, happened: &str) -> Self {
        Self {
            what,
            expected,
            happened: happened.to_owned(),
        }
    }

    /// Whether it came out as said.
    pub fn holds(&self) -> bool {
        self.happened == self.expected
    }

    /// The row for `--json`.
    pub fn to_json(&self) -> Value {
        json!({ "what": self.what, "expected": self.expected, "happened": self.happened, "holds": self.holds() })
    }
}

/// Prints the table at the end.
pub fn print_table(checks: &[Check], shown: &Shown) {
    say!("\n{HEAD}{:<50} {:<20} {:<20}{HEAD:#}", "What", "Expected", "Happened");
    for check in checks {
        let (style, mark) = if check.holds() { (GOOD, "ok") } else { (BAD, "NO") };
        say!(
            "{:<50} {:<20} {:<20} {style}{mark}{style:#}",
            check.what,
            check.expected,
            check.happened
        );
    }
    say!(
        "{FAINT}Times are of one envelope in a process that has just begun; `cargo bench` shows the steady ones.{FAINT:#}"
    );
    if shown.tier < Tier::Signed {
        say!("{FAINT}A changed envelope is not in the table: nothing is signed at core. Try --tier signed.{FAINT:#}");
    }
    if shown.tier < Tier::Signed && (shown.transcode || shown.hold_music) {
        say!("{FAINT}Nor is the sound: no envelope carries a fingerprint at core.{FAINT:#}");
    }
}

fn print_event(event: &Event, seconds: f64) {
    let (name, side) = match event.who() {
        "agent" => (
            "voice agent",
            Style::new().fg_color(Some(anstyle::AnsiColor::Cyan.into())),
        ),
        _ => (
            "contact centre",
            Style::new().fg_color(Some(anstyle::AnsiColor::Magenta.into())),
        ),
    };
    let Some(text) = sentence(event) else { return };
    say!("{FAINT}{seconds:7.3}{FAINT:#}  {side}{name:<14}{side:#}  {text}");
    print_steps(event);
    if let Some(conversation) = event.0.get("conversation") {
        print_conversation(conversation);
    }
}

/// The steps that were run; those that do not apply share a line.
fn print_steps(event: &Event) {
    let steps = event
        .0
        .get("steps")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_skipped = |step: &&Value| step["result"] == "skip";
    for step in steps.iter().filter(|step| !is_skipped(step)) {
        print_step(step);
    }
    let skipped = steps.iter().filter(is_skipped).filter_map(|step| step["step"].as_u64());
    let skipped = ranges(skipped);
    if !skipped.is_empty() {
        let (tier, verb) = (event.text("tier"), event.text("verb"));
        say!("{MARGIN}{FAINT}steps {skipped} do not apply to a {tier} {verb}{FAINT:#}");
    }
}

/// Ascending numbers, with neighbours joined: `1–2, 5–14`.
fn ranges(numbers: impl Iterator<Item = u64>) -> String {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match joined.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => joined.push((number, number)),
        }
    }
    let shown = joined.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}–{last}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn print_step(step: &Value) {
    let result = step["result"].as_str().unwrap_or_default();
    let style = match result {
        "pass" => GOOD,
        "fail" => BAD,
        _ => OPEN,
    };
    say!(
        "{MARGIN}{:>2} {:<15} {style}{result:<5}{style:#} {FAINT}{:>9.1} µs{FAINT:#}",
        step["step"].as_u64().unwrap_or_default(),
        step["name"].as_str().unwrap_or_default(),
        step["micros"].as_f64().unwrap_or_default(),
    );
}

/// What an agent's screen would show.
fn print_conversation(conversation: &Value) {
    let text = |value: &Value| plain(value.as_str().unwrap_or_default()).into_owned();
    let sure = conversation["confidence"].as_f64().unwrap_or_default() * 100.0;
    say!(
        "{MARGIN}{HEAD}{}{HEAD:#}, {sure:.0} % sure",
        text(&conversation["intent"])
    );
    for (name, value) in conversation["slots"].as_object().into_iter().flatten() {
        say!("{MARGIN}  {} = {}", plain(name), text(value));
    }
    for (member, what) in [("verified", "vouched for"), ("opened", "sealed for us")] {
        for (name, value) in conversation[member].as_object().into_iter().flatten() {
            say!("{MARGIN}  {} = {} {FAINT}({what}){FAINT:#}", plain(name), text(value));
        }
    }
    say!("{MARGIN}  “{}”", text(&conversation["summary"]));
}

/// What an event says to a reader; `None` for those that only programs want.
fn sentence(event: &Event) -> Option<String> {
    let text = |member| event.text(member);
    let number = |member| event.number(member);
    Some(match event.what() {
        "listening" => format!("listens for SIP on {}", text("sip")),
        "calls" if text("replaces").is_empty() => format!("INVITE with an offer, Call-ID {}", text("call")),
        "calls" => format!(
            "INVITE for the caller's own leg, Replaces: {}, Call-ID {}",
            text("replaces"),
            text("call")
        ),
        "answers" => format!("200 OK with an answer to Call-ID {}", text("call")),
        "stands" => format!("the call stands ({})", text("call")),
        "speaks" => format!(
            "sends {} as RTP, {} every 20 ms{}",
            text("sound"),
            text("codec"),
            match text("sentAs") {
                sent_as if sent_as != text("codec") => format!(", which a hop turns into {sent_as}"),
                _ => String::new(),
            }
        ),
        "proposes" => format!(
            "{HEAD}PROPOSE{HEAD:#} {}, {} bytes in {}{}",
            text("id"),
            number("bytes"),
            infos(event),
            match text("fingerprint") {
                "" => String::from(", no fingerprint"),
                fingerprint => format!(", {}…", fingerprint.get(..19).unwrap_or(fingerprint)),
            }
        ),
        "anchors" => format!("asks {} to take the envelope in, before it is sent", text("log")),
        "anchored" => format!("is told its place: leaf {} of {}", number("index"), number("treeSize")),
        "looks-up" => format!("asks {} for the envelope's entry", text("log")),
        "sends" => format!("{HEAD}{}{HEAD:#} in {}", text("verb"), infos(event)),
        "verified" => {
            let style = match text("outcome") {
                "accept" => GOOD,
                "need" => OPEN,
                _ => BAD,
            };
            let why = match (text("reason"), text("why")) {
                ("", _) => String::new(),
                (reason, why) => format!(", {style}{reason}{style:#}: {why}"),
            };
            format!(
                "verifies {} {} in {:.1} µs: {style}{}{style:#}{why}",
                text("verb"),
                text("id"),
                number("micros"),
                text("outcome"),
            )
        }
        "holds" => String::from("holds the conversation"),
        "joined" => format!("the caller's own leg has joined ({})", text("call")),
        "dropped" => format!("the old leg is dropped: BYE from the {} ({})", text("by"), text("call")),
        "resumes" => String::from("has the conversation back"),
        "hangs-up" => format!("BYE ({})", text("call")),
        "tries" => format!("{HEAD}tries a {} envelope{HEAD:#}: {}", text("trial"), text("how")),
        "refused" => format!("is refused: {}", text("reason")),
        "retries" => format!(
            "was not taken up ({}) and proposes again: {}",
            text("reason"),
            text("how")
        ),
        "trouble" => format!("{BAD}{}{BAD:#}", text("message")),
        "done" => format!(
            "is done; {} datagrams sent, {} of them lost and {} delayed by the weather",
            number("sent"),
            number("lost"),
            number("held")
        ),
        _ => return None,
    })
}

fn infos(event: &Event) -> String {
    match event.number("infos") {
        1.0 => String::from("one INFO"),
        count => format!("{count} INFO requests"),
    }
}
