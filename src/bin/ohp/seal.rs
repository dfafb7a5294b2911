//! `ohp seal`: an envelope whose plain fields only its audience can open.

use std::fmt;
use std::path::{Path, PathBuf};

use ohp::cbor::Item;
use ohp::crypto::hpke;
use ohp::envelope::{Draft, Field, Tier};
use ohp::time::Timestamp;
use ohp::transport::ENVELOPE_MAX;
use ohp::trust::issue::{IssueError, name_recipients, plain_fields, seal_fields};
use ohp::trust::jwk::{Jwk, JwkSet, Material, Usage};
use ohp::trust::sealing::{self, RECIPIENTS_MAX};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::output::plain;
use crate::template::{self, Fresh, To};
use crate::{clock, envelope_file, input};

/// Seal an envelope's plain fields, so that only their recipients can read them
///
/// FILE gives what is to be sealed in plain, as a map: "sealed": {"fields": {"payment.disputeDetail": "…"}}. It is sealed for
/// the keys that audience.recipientKeys names, or for every valid X25519 key of --for, which are named there then. What is
/// sealed is bound to id, issuedAt, audience.did and session.callId: --fresh belongs to this step, and `ohp sign` comes
/// afterwards. As in signing, keys have to be valid at issuedAt.
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
    let template = Item::parse(&cbor).map_err(Failure::new)?;
    let audience = read_audience(&args.audience)?;
    let tier = template::tier(template)?;
    if tier < Tier::Sealed {
        return Err(Failure::new(format_args!("nothing is sealed at the {tier} tier"))
            .advise("Set `conformance` to `sealed` or `regulated`, and give the envelope what that tier demands"));
    }
    let fields = plain_fields(template)
        .map_err(Failure::new)?
        .ok_or_else(|| Failure::new("there is nothing to seal: the envelope has no `sealed.fields`"))?;

    let now = clock::now();
    let mut arena = vec![0; template::DRAFT_LEN];
    let mut draft = Draft::new(&mut arena);
    draft.merge_without(template, Field::Sealed).map_err(Failure::new)?;
    args.fresh.stamp(&mut draft, tier, now)?;

    let issued_at = template::issued_at(&draft, now);
    // The draft is borrowed while keys are looked for.
    let named: Vec<String> = kids(template).map(str::to_owned).collect();
    let explain = |error: IssueError| match error {
        IssueError::NoRecipient | IssueError::NoRecipientKey(_) => {
            let nth = match error {
                IssueError::NoRecipientKey(nth) => Some(usize::from(nth)),
                _ => None,
            };
            let kid = nth.and_then(|nth| Some((nth, named.get(nth)?.as_str())));
            no_key(&audience, kid, issued_at, &args.audience.display())
        }
        IssueError::Seal(sealing::SealError::Unbound) => Failure::new(error)
            .advise("--fresh gives the envelope a new id and issuedAt; the template says the other two"),
        _ => Failure::new(error),
    };
    name_recipients(&mut draft, &audience, issued_at).map_err(explain)?;
    let randoms: Zeroizing<[u8; RECIPIENTS_MAX * hpke::RANDOM_LEN]> = template::random()?;
    let random = |nth: u8| {
        let (randoms, _) = randoms.as_chunks::<{ hpke::RANDOM_LEN }>();
        Zeroizing::new(randoms.get(usize::from(nth)).copied().unwrap_or_default())
    };
    let (mut scratch, mut out) = (vec![0; sealing::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    seal_fields(&mut draft, fields, &audience, issued_at, random, &mut scratch, &mut out).map_err(explain)?;
    let sealed = draft.write(&mut out).map_err(Failure::new)?;
    template::write(sealed, args.to, form)?;
    Ok(Exit::Accept)
}

/// The kids that `audience.recipientKeys` of a template names.
fn kids(template: Item<'_>) -> impl Iterator<Item = &str> {
    let audience = template.map().and_then(|map| map.get("audience")?.map());
    let named = audience.and_then(|audience| audience.get("recipientKeys")?.array());
    let named = named.into_iter().flat_map(|named| named.iter());
    named.map(|each| {
        each.map()
            .and_then(|each| each.get("kid")?.as_text())
            .unwrap_or_default()
    })
}

/// Why nothing can be sealed for `kid`, or for any key where none is named.
fn no_key(audience: &JwkSet, kid: Option<(usize, &str)>, issued_at: Timestamp, file: &dyn fmt::Display) -> Failure {
    let described = |key: &Jwk| {
        let name = plain(key.kid.as_deref().unwrap_or("without a kid")).into_owned();
        format!("key {name} {}", unfit(key, issued_at))
    };
    let (what, advice) = match kid {
        Some((nth, kid)) => {
            let (what, advice) = match audience.get(kid) {
                Some(key) => (
                    described(key),
                    "Ask your audience for its current key, or name another in audience.recipientKeys",
                ),
                None => (
                    format!("{file} has no key {}", plain(kid)),
                    "Leave audience.recipientKeys out, and every valid X25519 key of the file is sealed for",
                ),
            };
            (format!("$.audience.recipientKeys[{nth}]: {what}"), advice)
        }
        None if audience.keys().is_empty() => (
            format!("{file} has no keys"),
            "Ask your audience for its X25519 key; `ohp keygen --type x25519` makes one",
        ),
        None => (
            format!(
                "{file} has no key to seal for: {}",
                audience.keys().iter().map(described).collect::<Vec<_>>().join("; ")
            ),
            "Ask your audience for a current X25519 key; `ohp keygen --type x25519` makes one",
        ),
    };
    Failure::new(what).advise(advice)
}

/// Why fields cannot be sealed for a key.
fn unfit(key: &Jwk, issued_at: Timestamp) -> String {
    let kind = match &key.material {
        Material::X25519(_) => None,
        Material::Ed25519(_) => Some("an Ed25519 key"),
        Material::MlDsa65(_) => Some("an ML-DSA-65 key"),
        Material::Es256(_) => Some("a P-256 key"),
        Material::Other => Some("a key of a kind that is not used here"),
    };
    match (kind, key.valid_from, key.valid_until) {
        (Some(kind), ..) => format!("is {kind}, which is for signatures: sealing wants X25519"),
        (None, ..) if key.usage == Some(Usage::Signature) => String::from("says `use` `sig`: sealing wants `enc`"),
        (None, ..) if key.revoked => String::from("is revoked"),
        (None, Some(from), _) if issued_at < from => {
            format!("is not valid yet: from {from}, and the envelope is issued at {issued_at}")
        }
        (None, _, Some(until)) if issued_at > until => {
            format!("has expired: at {until}, and the envelope is issued at {issued_at}")
        }
        (None, ..) => String::from("has no kid that can be named"),
    }
}

fn read_audience(path: &Path) -> Result<JwkSet, Failure> {
    let json = input::read(path, template::KEY_LIMIT)?;
    JwkSet::from_json(&json).map_err(|error| {
        Failure::new(format_args!("{} is no JWK Set: {error}", path.display()))
            .advise("`ohp keygen --type x25519` prints one for those who want to be sealed for")
    })
}
