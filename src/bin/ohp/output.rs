//! What the command prints: styles, which reach terminals only, errors, and JSON.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::builder::Styles;
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// Something that went well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something that was refused.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something that is still open.
pub const OPEN: Style = AnsiColor::Yellow.on_default().bold();
/// What the eye should find first.
pub const HEAD: Style = Style::new().bold();
/// What the eye may skip.
pub const FAINT: Style = Style::new().dimmed();

/// The styles of `--help`.
pub const HELP: Styles = Styles::styled()
    .header(HEAD)
    .usage(HEAD)
    .literal(AnsiColor::Cyan.on_default());

/// Text out of an envelope, made harmless for a terminal: what would move the cursor, change colours or turn the
/// direction of writing is shown as an escape.
pub fn plain(text: &str) -> Cow<'_, str> {
    let tricks = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(tricks) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .fold(String::new(), |mut shown, c| {
            if tricks(c) {
                shown.extend(c.escape_default())
            } else {
                shown.push(c)
            }
            shown
        })
        .into()
}

/// Prints a line for a person, with colours where standard output is a terminal.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::output::print_line(format_args!($($line)*))
    };
}
pub(crate) use say;

/// What [`say!`] does. A reader that has closed the pipe wants no more, which is no error.
pub fn print_line(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// Prints an error, and gives the exit status that goes with it.
pub fn failure(failure: &Failure) -> Exit {
    anstream::eprintln!("{BAD}error:{BAD:#} {failure}");
    Exit::Unusable
}

/// Prints one JSON value and a line end.
pub fn json(value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    line(text.as_bytes())
}

/// Prints bytes and a line end, for text.
pub fn line(bytes: &[u8]) -> Result<(), Failure> {
    raw(&[bytes, b"\n"].concat())
}

/// Prints bytes as they are. A reader that has closed the pipe wants no more, which is no error.
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A bit error rate as JSON shows it, to four digits.
pub fn rate(rate: f32) -> Value {
    ((f64::from(rate) * 1e4).round() / 1e4).into()
}
