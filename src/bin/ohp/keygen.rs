//! `ohp keygen`: a key for signing or sealing, as a private and a public JWK Set.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use ohp::time::Timestamp;
use ohp::trust::jwk::OwnKey;
use ohp::trust::published::{SEALING_DAYS_MAX, SIGNING_DAYS_MAX};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::{clock, output};

/// Random bytes that a key of any type is made from.
const SEED_LEN: usize = 32;

const MILLIS_A_DAY: i64 = 86_400_000;

/// What a key is made for.
#[derive(Clone, Copy, clap::ValueEnum)]
enum KeyType {
    /// Signs envelopes at every tier
    Ed25519,
    /// Signs beside Ed25519, which Regulated needs
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// Opens fields that are sealed for you
    X25519,
}

impl KeyType {
    /// Longest life that the protocol allows, in days.
    const fn max_days(self) -> u16 {
        match self {
            Self::Ed25519 | Self::MlDsa65 => SIGNING_DAYS_MAX,
            Self::X25519 => SEALING_DAYS_MAX,
        }
    }
}

/// Make a key for signing envelopes, or for opening what is sealed for you
///
/// The private JWK Set goes to a file that only you can read; the public one, for your /.well-known/ohp-jwks.json and
/// for trust bundles, to standard output.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  ohp keygen --kid vendor-a-2026-05 --out vendor-a.private.json > vendor-a.jwks.json\n  ohp keygen --type ml-dsa-65 --out vendor-a-pq.private.json > vendor-a-pq.jwks.json"
)]
pub struct Args {
    /// Type of the key
    #[arg(long = "type", value_enum, default_value_t = KeyType::Ed25519, value_name = "TYPE")]
    key_type: KeyType,
    /// Where the private JWK Set goes (mode 0600)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Key identifier; the key's RFC 7638 thumbprint if absent
    #[arg(long)]
    kid: Option<String>,
    /// Days that the key is valid; if absent, as long as the protocol allows: 90 for signing, 30 for opening
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(SIGNING_DAYS_MAX)))]
    days: Option<u16>,
    /// When the key begins to be valid; now if absent. Publish it before, so that receivers have it by then
    #[arg(long, value_name = "RFC3339", value_parser = clock::parse)]
    valid_from: Option<Timestamp>,
    /// Overwrite FILE if it exists
    #[arg(long)]
    force: bool,
    /// Print one object with `kid`, `private` (the path) and `jwks`
    #[arg(long)]
    json: bool,
}

/// Runs `ohp keygen`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let most = args.key_type.max_days();
    let days = args.days.unwrap_or(most);
    if days > most {
        return Err(Failure::new(format_args!(
            "--days {days}: a key that opens what is sealed lives {most} days at most"
        )));
    }
    let mut seed = Zeroizing::new([0; SEED_LEN]);
    getrandom::fill(&mut *seed).map_err(Failure::new)?;
    let make = match args.key_type {
        KeyType::Ed25519 => OwnKey::ed25519,
        KeyType::MlDsa65 => OwnKey::ml_dsa_65,
        KeyType::X25519 => OwnKey::x25519,
    };
    let key = make(*seed, args.kid.as_deref());
    let from = args.valid_from.unwrap_or_else(clock::now);
    let until = from.plus(i64::from(days) * MILLIS_A_DAY);
    // Put in front of the other members of a JWK, whose texts begin with a brace.
    let validity = format!(r#"{{"validFrom":"{from}","validUntil":"{until}","#);
    write_private(args, &validity, &key)?;

    let public = key.to_public_json();
    let public: Value = serde_json::from_str(&(validity + without_brace(&public))).map_err(Failure::new)?;
    let jwks = json!({ "keys": [public] });
    if args.json {
        output::json(&json!({ "kid": key.kid(), "private": args.out.display().to_string(), "jwks": jwks }))?;
    } else {
        output::json(&jwks)?;
        anstream::eprintln!(
            "The private key of `{}` is in {}; keep it there.",
            key.kid(),
            args.out.display()
        );
    }
    Ok(Exit::Accept)
}

fn without_brace(json: &str) -> &str {
    json.strip_prefix('{').unwrap_or(json)
}

/// Writes the private JWK Set piece by piece, so that the key's text is in one buffer only, which wipes itself.
fn write_private(args: &Args, validity: &str, key: &OwnKey) -> Result<(), Failure> {
    let private = key.to_private_json();
    if args.force {
        match fs::remove_file(&args.out) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(args, &error)),
            _ => {}
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let pieces = [r#"{"keys":["#, validity, without_brace(&private), "]}\n"];
    options
        .open(&args.out)
        .and_then(|mut file| pieces.iter().try_for_each(|piece| file.write_all(piece.as_bytes())))
        .map_err(|error| unwritable(args, &error))
}

fn unwritable(args: &Args, error: &io::Error) -> Failure {
    let failure = Failure::new(format_args!("cannot write {}: {error}", args.out.display()));
    if error.kind() == io::ErrorKind::AlreadyExists {
        return failure.advise("A key is never overwritten by accident: choose another file, or say --force");
    }
    failure
}
