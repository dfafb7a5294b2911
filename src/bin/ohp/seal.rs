//! `ohp seal`: an envelope whose plain fields only its audience can open.

use std::path::{Path, PathBuf};

use ohp::cbor::Item;
use ohp::crypto::hpke;
use ohp::envelope::{Draft, Field, Tier};
use ohp::transport::ENVELOPE_MAX;
use ohp::trust::issue::{IssueError, name_recipients, plain_fields, seal_fields};
use ohp::trust::jwk::JwkSet;
use ohp::trust::sealing::{self, RECIPIENTS_MAX};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::template::{self, Fresh, To};
use crate::{clock, envelope_file, input};

/// Seal an envelope's plain fields, so that only their recipients can read them
///
/// FILE gives what is to be sealed in plain, as a map: "sealed": {"fields": {"payment.disputeDetail": "…"}}. It is sealed for
/// the keys that audience.recipientKeys names, or for every valid X25519 key of --for, which are named there then. What is
/// sealed is bound to id, issuedAt, audience.did and session.callId: --fresh belongs to this step, and `ohp sign` comes
/// afterwards.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  ohp keygen --type x25519 --out cc.private.json > cc.jwks.json\n  ohp seal --for cc.jwks.json --fresh template.json | ohp sign --key vendor-a.private.json - > sealed.json"
)]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// Public JWK Set of the audience
    #[arg(long = "for", value_name = "FILE")]
    audience: PathBuf,
    #[command(flatten)]
    fresh: Fresh,
    /// The form to write; FILE's own if absent
    #[arg(long, value_enum)]
    to: Option<To>,
}

/// Runs `ohp seal`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, form) = envelope_file::read_cbor(&args.file)?;
    let cbor = Zeroizing::new(cbor);
    let plain = Item::parse(&cbor).map_err(Failure::new)?;
    let audience = read_audience(&args.audience)?;
    let tier = template::tier(plain)?;
    if tier < Tier::Sealed {
        return Err(Failure::new(format_args!("nothing is sealed at the {tier} tier"))
            .advise("Set `conformance` to `sealed` or `regulated`, and give the envelope what that tier demands"));
    }
    let fields = plain_fields(plain)
        .map_err(Failure::new)?
        .ok_or_else(|| Failure::new("there is nothing to seal: the envelope has no `sealed.fields`"))?;

    let now = clock::now();
    let mut arena = vec![0; template::DRAFT_LEN];
    let mut draft = Draft::new(&mut arena);
    draft.merge_without(plain, Field::Sealed).map_err(Failure::new)?;
    args.fresh.stamp(&mut draft, tier, now)?;

    let explain = |error: IssueError| match error {
        IssueError::NoRecipient | IssueError::NoRecipientKey(_) => {
            Failure::new(no_key(&error)).advise(format_args!("The keys are those of {}", args.audience.display()))
        }
        IssueError::Seal(sealing::SealError::Unbound) => Failure::new(error)
            .advise("--fresh gives the envelope a new id and issuedAt; the template says the other two"),
        _ => Failure::new(error),
    };
    name_recipients(&mut draft, &audience, now).map_err(explain)?;
    let randoms: Zeroizing<[u8; RECIPIENTS_MAX * hpke::RANDOM_LEN]> = template::random()?;
    let random = |nth: u8| {
        let (randoms, _) = randoms.as_chunks::<{ hpke::RANDOM_LEN }>();
        Zeroizing::new(randoms.get(usize::from(nth)).copied().unwrap_or_default())
    };
    let (mut scratch, mut out) = (vec![0; sealing::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    seal_fields(&mut draft, fields, &audience, now, random, &mut scratch, &mut out).map_err(explain)?;
    let sealed = draft.write(&mut out).map_err(Failure::new)?;
    template::write(sealed, args.to, form)?;
    Ok(Exit::Accept)
}

/// What is missing, for someone who gives the keys in a file.
fn no_key(error: &IssueError) -> String {
    match error {
        IssueError::NoRecipientKey(nth) => {
            format!("no valid X25519 key is known for $.audience.recipientKeys[{nth}]")
        }
        _ => "no valid X25519 key is known to seal for".to_owned(),
    }
}

fn read_audience(path: &Path) -> Result<JwkSet, Failure> {
    let json = input::read(path, template::KEY_LIMIT)?;
    JwkSet::from_json(&json).map_err(|error| {
        Failure::new(format_args!("{} is no JWK Set: {error}", path.display()))
            .advise("`ohp keygen --type x25519` prints one for those who want to be sealed for")
    })
}
