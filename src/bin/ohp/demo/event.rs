//! What the two processes of the demonstration tell their parent: one JSON object a line on standard output.
//!
//! Every event has `at` (milliseconds since the epoch), `who` and `what`; the rest depends on `what`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::output;

/// Tells the parent what happens in one process.
pub struct Reporter {
    who: &'static str,
}

impl Reporter {
    /// A reporter for the process called `who`.
    pub fn new(who: &'static str) -> Self {
        Self { who }
    }

    /// Tells of something now. `details` is an object.
    pub fn tell(&self, what: &str, details: Value) {
        let mut event = json!({ "at": now_millis(), "who": self.who, "what": what });
        if let (Value::Object(event), Value::Object(details)) = (&mut event, details) {
            event.extend(details);
        }
        // A parent that is gone will not miss it, and the run is bounded.
        let _ = output::line(event.to_string().as_bytes());
    }
}

/// Now, in milliseconds since the epoch, with its microseconds behind the point.
pub fn now_millis() -> f64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_micros() as f64 / 1000.0
}

/// An event, as the parent reads it.
#[derive(Clone, Debug)]
pub struct Event(pub Map<String, Value>);

impl Event {
    /// Reads one line; `None` if it is no event.
    pub fn read(line: &str) -> Option<Self> {
        match serde_json::from_str(line) {
            Ok(Value::Object(event)) if event.contains_key("what") => Some(Self(event)),
            _ => None,
        }
    }

    /// A text member; empty if there is none.
    pub fn text(&self, member: &str) -> &str {
        self.0.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number member; 0 if there is none.
    pub fn number(&self, member: &str) -> f64 {
        self.0.get(member).and_then(Value::as_f64).unwrap_or_default()
    }

    /// Which process tells it.
    pub fn who(&self) -> &str {
        self.text("who")
    }

    /// What it tells.
    pub fn what(&self) -> &str {
        self.text("what")
    }

    /// When it happened, in milliseconds since the epoch.
    pub fn at(&self) -> f64 {
        self.number("at")
    }
}
