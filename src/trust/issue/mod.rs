//! Issuing: what an envelope carries beside what its author says (OHP §5; interpretations, rows 8, 12, 15–18).
//!
//! In this order, because each covers what stands before it: [`seal_fields`] seals what only the audience may read,
//! [`attest`] signs the blocks that carry a proof of their own, [`crate::envelope::Draft::state_leaf_hash`] states what a log
//! will hold, [`crate::envelope::Draft::finish`] lets nothing out that may not be sent, and [`issue_hedged`] signs it: with
//! EdDSA, at Regulated with ML-DSA-65 as well.
//!
//! Not here: anchoring, which takes I/O, and sending.

mod attest;
mod fields;

use core::fmt;

pub use attest::{ATTEST_MAX, attest};
pub use fields::{name_recipients, plain_fields, seal_fields};

use super::block_proof::ProofError;
use super::jwk::OwnKeys;
use super::jws::{self, JwsError, MAX_JWS_LEN, Signer};
use super::sealing::SealError;
use crate::cbor::{WriteError, Writer};
use crate::crypto::mldsa65;
use crate::envelope::{DraftError, ENVELOPE_MAX, Envelope, Surface, Tier};
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
    /// What is signed, sealed or proven cannot be put into the draft.
    Draft(DraftError),
    /// `sealed` of a template is anything but a map `fields` of dotted names to values: what is sealed already is bound to
    /// the identifier, the moment and the call of another envelope.
    NotPlain,
    /// Nobody's key is known to seal for: `audience.recipientKeys` names none, nor has the bundle an X25519 key of the
    /// audience.
    NoRecipient,
    /// No usable X25519 key of the audience is known for that element of `audience.recipientKeys`.
    NoRecipientKey(u16),
    /// The fields cannot be sealed.
    Seal(SealError),
    /// A block cannot be proven.
    Proof(ProofError),
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
            Self::Draft(error) => error.fmt(f),
            Self::NotPlain => f.write_str(
                "$.sealed of a template holds `fields`, a map of dotted names to values, and nothing else; it is sealed anew",
            ),
            Self::NoRecipient => f.write_str(
                "$.audience.recipientKeys is missing, and the bundle has no X25519 key under issuers for $.audience.did",
            ),
            Self::NoRecipientKey(nth) => write!(
                f,
                "$.audience.recipientKeys[{nth}]: the bundle has no valid X25519 key of that kid under issuers for $.audience.did"
            ),
            Self::Seal(error) => write!(f, "$.sealed.fields: {error}"),
            Self::Proof(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for IssueError {}

impl From<DraftError> for IssueError {
    fn from(error: DraftError) -> Self {
        Self::Draft(error)
    }
}

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
