//! Issuing: a finished envelope is given its signatures (OHP §5.1; interpretations, rows 12 and 15).
//!
//! What may be issued has been decided by [`crate::envelope::Draft::finish`]; here its surface is signed and the signatures
//! are spliced in: one EdDSA signature at Signed and Sealed, and at Regulated one of ML-DSA-65 beside it.

use core::fmt;

use super::jwk::OwnKeys;
use super::jws::{self, JwsError, MAX_JWS_LEN, Signer};
use crate::cbor::{WriteError, Writer};
use crate::crypto::mldsa65;
use crate::envelope::{ENVELOPE_MAX, Envelope, Surface, Tier};
use crate::time::Timestamp;

/// Why an envelope cannot be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// None of our keys may sign with EdDSA now.
    NoKey,
    /// None of our keys may sign with ML-DSA-65 now, which Regulated needs.
    NoPostQuantumKey,
    /// The signature could not be made.
    Jws(JwsError),
    /// The output is too short for the signed envelope, or it would be longer than [`ENVELOPE_MAX`].
    Full,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("none of our keys can sign with EdDSA at that moment"),
            Self::NoPostQuantumKey => f.write_str("none of our keys can sign with ML-DSA-65 at that moment"),
            Self::Jws(error) => error.fmt(f),
            Self::Full => write!(
                f,
                "the signed envelope does not fit into its buffer or into {ENVELOPE_MAX} bytes"
            ),
        }
    }
}

impl core::error::Error for IssueError {}

impl From<WriteError> for IssueError {
    fn from(_: WriteError) -> Self {
        Self::Full
    }
}

/// Writes `envelope` into `out`, signed with the first of `keys` that may sign at `now`; with ML-DSA-65 in its
/// deterministic form.
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
    issue_hedged(envelope, keys, now, &[0; mldsa65::RANDOM_LEN], scratch, out)
}

/// [`issue`] with randomness for the signature of ML-DSA-65, which protects its key against faults and side channels.
///
/// # Errors
/// [`IssueError`].
pub fn issue_hedged<'o>(
    envelope: &Envelope<'_>,
    keys: &OwnKeys,
    now: Timestamp,
    random: &[u8; mldsa65::RANDOM_LEN],
    scratch: &mut [u8],
    out: &'o mut [u8],
) -> Result<&'o [u8], IssueError> {
    let end = out.len().min(ENVELOPE_MAX);
    let mut writer = Writer::new(out.get_mut(..end).unwrap_or_default());
    if envelope.tier() == Tier::Core {
        writer.raw(envelope.bytes())?;
        return Ok(writer.into_written());
    }
    let (kid, key) = keys.ed25519(now).ok_or(IssueError::NoKey)?;
    let post_quantum = match envelope.tier() {
        Tier::Regulated => Some(keys.ml_dsa_65(now).ok_or(IssueError::NoPostQuantumKey)?),
        _ => None,
    };
    let surface = envelope.surface();
    let [before, behind] = surface.around_signatures();
    before.into_iter().try_for_each(|part| writer.raw(part))?;
    writer.array(1 + usize::from(post_quantum.is_some()))?;
    sign(&surface, kid, Signer::Ed25519(key), scratch, &mut writer)?;
    if let Some((kid, key)) = post_quantum {
        sign(&surface, kid, Signer::MlDsa65(key, random), scratch, &mut writer)?;
    }
    behind.into_iter().try_for_each(|part| writer.raw(part))?;
    Ok(writer.into_written())
}

/// Writes one entry of `signatures`, its keys in canonical order.
fn sign(
    surface: &Surface<'_>,
    kid: &str,
    key: Signer<'_>,
    scratch: &mut [u8],
    writer: &mut Writer<'_>,
) -> Result<(), IssueError> {
    let too_short = IssueError::Jws(JwsError::ScratchTooShort);
    let (jws, scratch) = scratch.split_at_mut_checked(MAX_JWS_LEN).ok_or(too_short)?;
    let jws = jws::sign_detached(key, kid, &surface.segments(), scratch, jws).map_err(IssueError::Jws)?;
    writer.map(3)?;
    for (name, value) in [("alg", key.alg()), ("jws", jws), ("kid", kid)] {
        writer.text(name)?;
        writer.text(value)?;
    }
    Ok(())
}
