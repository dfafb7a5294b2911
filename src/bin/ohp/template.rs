//! What `ohp seal` and `ohp sign` share: the draft of an envelope that is being made, its lifetime, keys and output.

use std::path::{Path, PathBuf};

use ohp::cbor::{Item, json};
use ohp::envelope::{Draft, Field, STAMP_RANDOM_LEN, Tier};
use ohp::time::{MAX_LIFETIME_MS, Timestamp};
use ohp::transport::base64;
use ohp::transport::body::{Form, Syntax};
use ohp::trust::jwk::OwnKeys;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::output::OPEN;
use crate::{clock, input, output};

/// Memory for a draft: what it copies of an envelope, and its paths.
pub const DRAFT_LEN: usize = 64 * 1024;

/// Longest file of keys.
pub const KEY_LIMIT: u64 = 1 << 20;

/// Milliseconds of `--lifetime`'s unit.
const SECOND_MS: i64 = 1000;

/// Options that make an envelope new.
#[derive(clap::Args)]
pub struct Fresh {
    /// Give the envelope a new id, nonce, issuedAt, notBefore and notAfter
    #[arg(long)]
    pub fresh: bool,
    /// Seconds from issuedAt to notAfter, with --fresh
    #[arg(long, default_value_t = MAX_LIFETIME_MS / SECOND_MS, requires = "fresh")]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=MAX_LIFETIME_MS / SECOND_MS))]
    lifetime: i64,
}

impl Fresh {
    /// Stamps `draft` if that was asked for.
    pub fn stamp(&self, draft: &mut Draft<'_>, tier: Tier, now: Timestamp) -> Result<(), Failure> {
        if self.fresh {
            let random: [u8; STAMP_RANDOM_LEN] = *random()?;
            let lifetime = self.lifetime * SECOND_MS;
            draft.stamp(tier, now, lifetime, &random).map_err(Failure::new)?;
        }
        Ok(())
    }
}

/// The tier that `envelope`, which may lack much else, declares.
pub fn tier(envelope: Item<'_>) -> Result<Tier, Failure> {
    let declared = envelope.map().and_then(|map| map.get(Field::Conformance.path()));
    declared
        .and_then(|tier| Tier::parse(tier.as_text()?))
        .ok_or_else(|| Failure::new("`conformance` names no tier"))
}

/// When `draft` says that it was issued, else `now`: the moment at which keys have to be valid (interpretations, row 12).
pub fn issued_at(draft: &Draft<'_>, now: Timestamp) -> Timestamp {
    let stated = draft.item(Field::IssuedAt).and_then(Item::as_time);
    stated.and_then(|text| clock::parse(text).ok()).unwrap_or(now)
}

/// Bytes of the operating system's generator.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut random = Zeroizing::new([0; N]);
    getrandom::fill(&mut *random).map_err(Failure::new)?;
    Ok(random)
}

/// Reads private JWK Sets, as `ohp keygen` writes them, into one.
pub fn read_keys(paths: &[PathBuf]) -> Result<OwnKeys, Failure> {
    let mut keys = Vec::new();
    for path in paths {
        keys.extend(read_key_file(path)?.into_keys());
    }
    OwnKeys::new(keys.into()).ok_or_else(|| Failure::new("two of the keys have the same kid"))
}

/// Warns of private keys that others than their owner can read or change.
#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    let mode = std::fs::metadata(path).map_or(0, |about| about.permissions().mode());
    if mode & OTHERS != 0 {
        anstream::eprintln!(
            "{OPEN}warning:{OPEN:#} {} holds private keys, and others than its owner have access to it (mode {:04o}): chmod 600 {0}",
            path.display(),
            mode & 0o7777
        );
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_path: &Path) {}

fn read_key_file(path: &Path) -> Result<OwnKeys, Failure> {
    warn_of_readers(path);
    let json = Zeroizing::new(input::read(path, KEY_LIMIT)?);
    OwnKeys::from_json(&json).map_err(|error| {
        Failure::new(format_args!("{} is no private JWK Set: {error}", path.display()))
            .advise("Make one with `ohp keygen --out FILE`")
    })
}

/// The form in which an envelope is written.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum To {
    Json,
    Cbor,
    Base64,
}

/// Writes canonical CBOR as `to`, or else in the form that it was read in.
pub fn write(cbor: &[u8], to: Option<To>, form: Form) -> Result<(), Failure> {
    let own = match form.syntax {
        Syntax::Json => To::Json,
        Syntax::Cbor => To::Cbor,
    };
    match to.unwrap_or(own) {
        To::Cbor => output::raw(cbor),
        To::Base64 => {
            let mut text = vec![0; base64::encoded_len(cbor.len())];
            output::line(base64::encode(cbor, &mut text).unwrap_or_default())
        }
        To::Json => {
            let mut text = String::new();
            let cbor = Item::parse(cbor).map_err(Failure::new)?;
            json::from_cbor(cbor, &mut text, true).map_err(Failure::new)?;
            output::line(text.as_bytes())
        }
    }
}
