//! Issuing: a finished envelope is given its signatures (OHP §5.1).
//!
//! What may be issued has been decided by [`crate::envelope::Draft::finish`]; here its surface is signed and the signatures
//! are spliced in.

use core::fmt;

use super::jwk::{EDDSA, OwnKeys};
use super::jws::{self, JwsError, MAX_JWS_LEN};
use crate::cbor::Writer;
use crate::envelope::{ENVELOPE_MAX, Envelope, Tier};
use crate::time::Timestamp;

/// Room for the array of signatures: one entry with its keys, its `kid` and its detached JWS.
const SIGNATURES_LEN: usize = 64 + jws::MAX_HEADER_LEN + MAX_JWS_LEN;

/// Why an envelope cannot be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// None of our keys may sign with EdDSA now.
    NoKey,
    /// The tier needs signatures that this build does not make.
    TierNotBuilt(Tier),
    /// The signature could not be made.
    Jws(JwsError),
    /// The output is too short for the signed envelope, or it would be longer than [`ENVELOPE_MAX`].
    Full,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("none of our keys can sign with EdDSA at that moment"),
            Self::TierNotBuilt(tier) => write!(f, "this build cannot sign at the tier {tier}"),
            Self::Jws(error) => error.fmt(f),
            Self::Full => write!(
                f,
                "the signed envelope does not fit into its buffer or into {ENVELOPE_MAX} bytes"
            ),
        }
    }
}

impl core::error::Error for IssueError {}

/// Writes `envelope` into `out`, signed with the first of `keys` that may sign at `now`.
///
/// A Core envelope is copied as it is. `scratch` takes [`jws::SCRATCH_LEN`] bytes.
///
/// # Errors
/// [`IssueError`].
pub fn issue<'o>(
    envelope: &Envelope<'_>,
    keys: &OwnKeys,
    now: Timestamp,
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<&'o [u8], IssueError> {
    match envelope.tier() {
        Tier::Core => return join(&[envelope.bytes()], out),
        Tier::Signed => {}
        tier => return Err(IssueError::TierNotBuilt(tier)),
    }
    let (kid, key) = keys.ed25519(now).ok_or(IssueError::NoKey)?;
    let surface = envelope.surface();
    let mut jws = [0; MAX_JWS_LEN];
    let jws = jws::sign_detached(key, kid, &surface.segments(), scratch, &mut jws).map_err(IssueError::Jws)?;
    let mut signatures = [0; SIGNATURES_LEN];
    let signatures = write_signature(kid, jws, &mut signatures)?;
    join(&surface.with_signatures(signatures), out)
}

/// The array of signatures with its one entry, keys in canonical order.
fn write_signature<'o>(kid: &str, jws: &str, out: &'o mut [u8]) -> Result<&'o [u8], IssueError> {
    let mut writer = Writer::new(out);
    let mut write = || {
        writer.array(1)?;
        writer.map(3)?;
        for (key, value) in [("alg", EDDSA), ("jws", jws), ("kid", kid)] {
            writer.text(key)?;
            writer.text(value)?;
        }
        Ok(())
    };
    write().map_err(|_: crate::cbor::WriteError| IssueError::Full)?;
    Ok(writer.into_written())
}

fn join<'o>(parts: &[&[u8]], out: &'o mut [u8]) -> Result<&'o [u8], IssueError> {
    let mut len = 0;
    for part in parts {
        out.get_mut(len..len + part.len())
            .ok_or(IssueError::Full)?
            .copy_from_slice(part);
        len += part.len();
    }
    out.get(..len)
        .filter(|bytes| bytes.len() <= ENVELOPE_MAX)
        .ok_or(IssueError::Full)
}
