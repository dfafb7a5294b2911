//! The blocks that carry a proof of their issuer are given it (OHP §6.2; interpretations, row 16).

use super::IssueError;
use crate::envelope::{Draft, Field, SURFACE_MAX, Value};
use crate::time::Timestamp;
use crate::trust::block_proof;
use crate::trust::jwk::OwnKeys;
use crate::trust::jws::MAX_JWS_LEN;

/// Bytes of output that always suffice for [`attest`]: a proof, and a block, which is a part of the surface.
pub const ATTEST_MAX: usize = MAX_JWS_LEN + SURFACE_MAX;

/// Each block, the member that holds its proof, and that member's name in the block.
const PROVEN: [(Field, Field, &str); 2] = [
    (Field::Prohibited, Field::ProhibitedAttestation, "attestationJws"),
    (Field::Art50, Field::Art50Proof, "proofJws"),
];

/// Signs what `draft` says of Articles 5 and 50 with the first Ed25519 key of `keys` that may sign at `now`; what has a
/// proof keeps it. Blocks that are not there are not made up.
///
/// `scratch` takes [`crate::trust::jws::SCRATCH_LEN`] bytes, `out` [`ATTEST_MAX`].
///
/// # Errors
/// [`IssueError::NoKey`], [`IssueError::Proof`], [`IssueError::Draft`].
pub fn attest(
    draft: &mut Draft<'_>,
    keys: &OwnKeys,
    now: Timestamp,
    scratch: &mut [u8],
    out: &mut [u8],
) -> Result<(), IssueError> {
    for (block, proof, member) in PROVEN {
        if draft.contains(proof) || !draft.contains(block) {
            continue;
        }
        let (kid, key) = keys.ed25519(now).ok_or(IssueError::NoKey)?;
        let (jws, part) = out.split_at_mut_checked(MAX_JWS_LEN).ok_or(IssueError::Full)?;
        let Some(part) = draft.write_part(block, part)? else {
            continue;
        };
        let jws = block_proof::sign(part, member, key, kid, scratch, jws).map_err(IssueError::Proof)?;
        draft.set(proof.path(), Value::Text(jws))?;
    }
    Ok(())
}
