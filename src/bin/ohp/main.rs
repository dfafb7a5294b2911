//! `ohp`: hand live calls over, and judge, read and make what is handed over, from the command line.
//!
//! Each subcommand has a file of its own. Envelopes are judged and made by the library; the command adds what takes I/O, and the
//! rules for publishing keys (`wellknown`).

mod anchor;
mod chunk;
mod clock;
mod conformance;
mod convert;
mod demo;
mod envelope_file;
mod exit;
mod fingerprint;
mod formats;
mod input;
mod inspect;
mod keygen;
mod output;
mod pcap;
mod recording;
mod rekor;
mod resample;
mod rtp_streams;
mod seal;
mod sign;
mod template;
mod verify;
mod wav;
mod wellknown;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};

/// Hand a live phone call, with its context, identity, consent and sound, from one system to another
/// (Open Handoff Protocol 0.1).
#[derive(Parser)]
#[command(name = "ohp", version, styles = output::HELP, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 accept · 1 reject · 2 need (a resource is missing) · 3 not an envelope, or bad usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    #[command(hide = true)]
    DemoPeer(demo::PeerArgs),
    Verify(verify::Args),
    Seal(seal::Args),
    Sign(sign::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    Chunk(chunk::Args),
    Fingerprint(fingerprint::Args),
    Keygen(keygen::Args),
    Wellknown(wellknown::Args),
    Conformance(conformance::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap; only the others are bad usage.
            let exit = if error.use_stderr() {
                Exit::Unusable
            } else {
                Exit::Accept
            };
            let _ = error.print();
            return exit.into();
        }
    };
    let result = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::DemoPeer(_) => demo::run_peer(),
        Command::Verify(args) => verify::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Chunk(args) => chunk::run(&args),
        Command::Fingerprint(args) => fingerprint::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Wellknown(args) => wellknown::run(&args),
        Command::Conformance(args) => conformance::run(&args),
    };
    result
        .unwrap_or_else(|failure: Failure| output::failure(&failure))
        .into()
}
