//! How the command ends: its exit status, and the error that says what to do.

use std::fmt;
use std::process::ExitCode;

/// The exit statuses that other programs rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The envelope was accepted, or the command did what it was asked.
    Accept,
    /// The envelope was refused, or a comparison failed.
    Reject,
    /// A resource is missing; the verdict is open.
    Need,
    /// The input is no envelope, or the command was used wrongly.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Accept => 0,
            Exit::Reject => 1,
            Exit::Need => 2,
            Exit::Unusable => 3,
        })
    }
}

/// Why a command could not do its work, and what would help. Ends the process with [`Exit::Unusable`].
#[derive(Debug)]
pub struct Failure {
    what: String,
    advice: Option<String>,
}

impl Failure {
    /// A failure that speaks for itself.
    pub fn new(what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            advice: None,
        }
    }

    /// The same failure, of something that is named.
    #[must_use]
    pub fn of(mut self, name: impl fmt::Display) -> Self {
        self.what = format!("{name}: {}", self.what);
        self
    }

    /// The same failure with a sentence that says what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl fmt::Display) -> Self {
        self.advice = Some(advice.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(advice) = &self.advice {
            write!(f, "\n  {advice}")?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(error)
    }
}
