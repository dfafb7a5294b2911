//! `ohp sign`: an envelope with its detached Ed25519 signature.

use std::path::{Path, PathBuf};

use ohp::cbor::{Item, json};
use ohp::envelope::{Draft, Field, STAMP_RANDOM_LEN, Tier};
use ohp::time::MAX_LIFETIME_MS;
use ohp::transport::body::Syntax;
use ohp::transport::{ENVELOPE_MAX, base64};
use ohp::trust::issue::issue;
use ohp::trust::jwk::OwnKeys;
use ohp::trust::jws;

use crate::clock;
use crate::envelope_file;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output;

/// Memory for a draft: what it copies of an envelope, and its paths.
const DRAFT_LEN: usize = 64 * 1024;

/// Longest key file.
const KEY_LIMIT: u64 = 1 << 20;

/// Milliseconds of `--lifetime`'s unit.
const SECOND_MS: i64 = 1000;

/// Sign an envelope with the first valid Ed25519 key of a file
///
/// What is signed is the canonical CBOR; signatures that the envelope has are replaced. An envelope that breaks the
/// schema or its tier is not signed: the first rule that it breaks is named, and `ohp inspect` lists all. With --fresh it
/// gets a new identifier, nonce and lifetime first, so that a template may lack them.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp sign --key vendor-a.private.json envelope.json > signed.json\n  ohp sign --key vendor-a.private.json --fresh --to cbor template.json > signed.cbor"
)]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// Private JWK Set, as `ohp keygen` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Give the envelope a new id, nonce, issuedAt, notBefore and notAfter
    #[arg(long)]
    fresh: bool,
    /// Seconds from issuedAt to notAfter, with --fresh
    #[arg(long, default_value_t = MAX_LIFETIME_MS / SECOND_MS, requires = "fresh")]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=MAX_LIFETIME_MS / SECOND_MS))]
    lifetime: i64,
    /// The form to write; FILE's own if absent
    #[arg(long, value_enum)]
    to: Option<To>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum To {
    Json,
    Cbor,
    Base64,
}

/// Runs `ohp sign`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, form) = envelope_file::read_cbor(&args.file)?;
    let keys = read_keys(&args.key)?;
    let unsigned = if args.fresh {
        Item::parse(&cbor).map_err(Failure::new)?
    } else {
        envelope_file::envelope(&cbor)?.root()
    };
    let now = clock::now();
    let tier = unsigned
        .map()
        .and_then(|map| Tier::parse(map.get(Field::Conformance.path())?.as_text()?))
        .ok_or_else(|| Failure::new("`conformance` names no tier"))?;
    if tier == Tier::Core {
        return Err(Failure::new("nothing is signed at the core tier")
            .advise("Set `conformance` to `signed`, and give the envelope what that tier demands"));
    }

    let mut arena = vec![0; DRAFT_LEN];
    let mut draft = Draft::new(&mut arena);
    draft.merge(unsigned).map_err(Failure::new)?;
    if args.fresh {
        let mut random = [0; STAMP_RANDOM_LEN];
        getrandom::fill(&mut random).map_err(Failure::new)?;
        draft
            .stamp(tier, now, args.lifetime * SECOND_MS, &random)
            .map_err(Failure::new)?;
    }
    let mut out = vec![0; ENVELOPE_MAX];
    let finished = draft
        .remove(Field::Signatures.path())
        .finish(&mut out)
        .map_err(Failure::new)?;
    let issued_at = finished.issued_at().unwrap_or(now);
    let (mut scratch, mut signed) = (vec![0; jws::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let signed = issue(&finished, &keys, issued_at, &mut scratch, &mut signed).map_err(|error| {
        let advice = format_args!(
            "It has to be valid at {issued_at}, when the envelope says it was issued; --fresh issues it now. File: {}",
            args.key.display()
        );
        Failure::new(error).advise(advice)
    })?;
    write(
        signed,
        args.to.unwrap_or(match form.syntax {
            Syntax::Json => To::Json,
            Syntax::Cbor => To::Cbor,
        }),
    )?;
    Ok(Exit::Accept)
}

/// Reads a private JWK Set.
fn read_keys(path: &Path) -> Result<OwnKeys, Failure> {
    let json = zeroize::Zeroizing::new(input::read(path, KEY_LIMIT)?);
    OwnKeys::from_json(&json).map_err(|error| {
        Failure::new(format_args!("{} is no private JWK Set: {error}", path.display()))
            .advise("Make one with `ohp keygen --out FILE`")
    })
}

fn write(signed: &[u8], to: To) -> Result<(), Failure> {
    match to {
        To::Cbor => output::raw(signed),
        To::Base64 => {
            let mut text = vec![0; base64::encoded_len(signed.len())];
            output::line(base64::encode(signed, &mut text).unwrap_or_default())
        }
        To::Json => {
            let mut text = String::new();
            let signed = Item::parse(signed).map_err(Failure::new)?;
            json::from_cbor(signed, &mut text, true).map_err(Failure::new)?;
            output::line(text.as_bytes())
        }
    }
}
