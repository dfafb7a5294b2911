//! `ohp keygen`: an Ed25519 key for signing envelopes, as a private and a public JWK Set.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use base64ct::{Base64UrlUnpadded, Encoding};
use ohp::crypto::ed25519::{SEED_LEN, SigningKey};
use ohp::crypto::sha256;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::{clock, output};

/// Longest life of a signing key that the protocol allows (OHP §5, operational requirements).
const MAX_DAYS: u16 = 90;

const MILLIS_A_DAY: i64 = 86_400_000;

/// Characters of base64url without padding that 32 bytes take.
const KEY_TEXT_LEN: usize = 43;

/// Make an Ed25519 key for signing envelopes
///
/// The private JWK Set goes to a file that only you can read; the public one, for your /.well-known/ohp-jwks.json and
/// for trust bundles, to standard output.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  ohp keygen --kid vendor-a-2026-05 --out vendor-a.private.json > vendor-a.jwks.json"
)]
pub struct Args {
    /// Where the private JWK Set goes (mode 0600)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Key identifier; the key's RFC 7638 thumbprint if absent
    #[arg(long)]
    kid: Option<String>,
    /// Days that the key is valid
    #[arg(long, default_value_t = MAX_DAYS, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_DAYS)))]
    days: u16,
    /// Overwrite FILE if it exists
    #[arg(long)]
    force: bool,
    /// Print one object with `kid`, `private` (the path) and `jwks`
    #[arg(long)]
    json: bool,
}

/// Runs `ohp keygen`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut seed = Zeroizing::new([0; SEED_LEN]);
    getrandom::fill(&mut *seed).map_err(Failure::new)?;
    let key = SigningKey::from_seed(*seed);
    let x = base64url(key.public().as_bytes());
    let kid = args.kid.clone().unwrap_or_else(|| thumbprint(&x));
    let from = clock::now();
    let until = from.plus(i64::from(args.days) * MILLIS_A_DAY);
    let public = json!({
        "kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": x,
        "validFrom": from.to_string(), "validUntil": until.to_string(),
    });
    write_private(args, &public, &key)?;

    let jwks = json!({ "keys": [public] });
    if args.json {
        output::json(&json!({ "kid": kid, "private": args.out.display().to_string(), "jwks": jwks }))?;
    } else {
        output::json(&jwks)?;
        anstream::eprintln!(
            "The private key of `{kid}` is in {}; keep it there.",
            args.out.display()
        );
    }
    Ok(Exit::Accept)
}

/// The RFC 7638 thumbprint of an Ed25519 key.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    base64url(&sha256(&[members.as_bytes()]))
}

/// 32 bytes as base64url without padding.
fn base64url(bytes: &[u8; 32]) -> String {
    let mut text = [0; KEY_TEXT_LEN];
    Base64UrlUnpadded::encode(bytes, &mut text)
        .unwrap_or_default()
        .to_owned()
}

/// Writes the private JWK Set piece by piece, so that the seed's text is in one buffer only, which is wiped.
fn write_private(args: &Args, public: &Value, key: &SigningKey) -> Result<(), Failure> {
    let mut text = Zeroizing::new([0; KEY_TEXT_LEN]);
    let d = Base64UrlUnpadded::encode(key.seed(), &mut *text).map_err(Failure::new)?;
    let public = public.to_string();
    let before_brace = public.strip_suffix('}').unwrap_or(&public);
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
    let pieces = [r#"{"keys":["#, before_brace, r#","d":""#, d, "\"}]}\n"];
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
