//! `ohp convert`: an envelope from JSON to canonical CBOR, and from CBOR to JSON.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use ohp::cbor::{Item, json};
use ohp::transport::body::Syntax;

use crate::envelope_file;
use crate::exit::{Exit, Failure};
use crate::output;

/// Turn an envelope from JSON into canonical CBOR, or from CBOR into JSON
///
/// The form of FILE decides the direction; deflated and base64 input is unpacked first. Nothing is judged: `ohp verify`
/// does that.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp convert envelope.json > envelope.cbor\n  ohp convert envelope.cbor | less\n  ohp convert --to cbor - < captured.b64 > envelope.cbor"
)]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// The form to write; the other one than FILE's if absent
    #[arg(long, value_enum)]
    to: Option<To>,
    /// Write JSON on one line
    #[arg(long)]
    compact: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum To {
    Json,
    Cbor,
}

/// Runs `ohp convert`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, form) = envelope_file::read_cbor(&args.file)?;
    let to = args.to.unwrap_or(match form.syntax {
        Syntax::Cbor => To::Json,
        Syntax::Json => To::Cbor,
    });
    let item = Item::parse(&cbor)
        .map_err(|error| Failure::new(error).advise("Only canonical CBOR (RFC 8949 §4.2.1) is an envelope"))?;
    match to {
        To::Json => {
            let mut text = String::new();
            json::from_cbor(item, &mut text, !args.compact).map_err(Failure::new)?;
            output::line(text.as_bytes())?;
        }
        To::Cbor if io::stdout().is_terminal() => {
            return Err(Failure::new("CBOR is not for a terminal").advise("ohp convert FILE > envelope.cbor"));
        }
        To::Cbor => output::raw(&cbor)?,
    }
    Ok(Exit::Accept)
}
