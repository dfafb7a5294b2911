//! Which signatures an envelope must carry, and whether they hold (OHP §5.1, §5.2; interpretations, rows 12 and 15).
//!
//! Signed and Sealed: exactly one of EdDSA, and one of ML-DSA-65 beside it must hold as well. Regulated: exactly one of
//! each. They are by different keys of the issuer's one JWK Set. How many there are is judged before any is computed,
//! so an envelope costs two verifications at most.

use core::fmt;

use super::jwk::{EDDSA, JwkSet, KeyRefusal, ML_DSA_65};
use super::jws::{self, JwsError};
use crate::envelope::{Envelope, SignatureEntry, Tier};

/// Why an envelope's signatures do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is not exactly one EdDSA signature; holds how many there are.
    EdDsaCount(usize),
    /// There is more than one ML-DSA-65 signature, or at Regulated none; holds how many there are.
    MlDsaCount(usize),
    /// A signature of another algorithm: what cannot be checked does not hold.
    UncheckedAlgorithm,
    /// Both signatures name the same key.
    OneKid,
    /// A signing key may not be believed; holds the algorithm.
    Key(&'static str, KeyRefusal),
    /// A signature does not hold; holds its algorithm.
    Jws(&'static str, JwsError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EdDsaCount(count) => write!(f, "{count} EdDSA signatures, and exactly one is wanted"),
            Self::MlDsaCount(count) => write!(
                f,
                "{count} ML-DSA-65 signatures; Regulated wants exactly one, other tiers one at most"
            ),
            Self::UncheckedAlgorithm => f.write_str("a signature is neither EdDSA nor ML-DSA-65"),
            Self::OneKid => f.write_str("both signatures name the same kid"),
            Self::Key(alg, refusal) => write!(f, "{alg}: {refusal}"),
            Self::Jws(alg, error) => write!(f, "{alg}: {error}"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Verifies the signatures of `envelope` by the issuer's keys `jwks`, and gives the `kid` of the EdDSA one.
///
/// Tells nothing of an envelope of the tier Core, which carries none. `scratch` takes [`jws::SCRATCH_LEN`] bytes.
///
/// # Errors
/// [`Refusal`]: counts first, then EdDSA, which is the cheaper one, then ML-DSA-65.
pub fn verify<'a>(envelope: &Envelope<'a>, jwks: &JwkSet, scratch: &mut [u8]) -> Result<&'a str, Refusal> {
    let (classical, post_quantum) = entries(envelope)?;
    let kid = classical.kid().unwrap_or_default();
    if post_quantum.is_some_and(|entry| entry.kid() == classical.kid()) {
        return Err(Refusal::OneKid);
    }
    let surface = envelope.surface();
    let payload = surface.segments();
    let issued_at = envelope.issued_at().unwrap_or_default();
    let checks = [(EDDSA, Some(classical)), (ML_DSA_65, post_quantum)];
    for (alg, entry) in checks.into_iter().filter_map(|(alg, entry)| Some((alg, entry?))) {
        let kid = entry.kid();
        let key = jwks
            .signer(alg, Some(kid.unwrap_or_default()), issued_at)
            .map_err(|refusal| Refusal::Key(alg, refusal))?;
        let jws = entry.jws().unwrap_or_default();
        jws::verify_detached(jws, &jws::Expect { alg, kid }, key, &payload, scratch)
            .map_err(|error| Refusal::Jws(alg, error))?;
    }
    Ok(kid)
}

/// The EdDSA entry, and the ML-DSA-65 one if there is one or must be one.
fn entries<'a>(envelope: &Envelope<'a>) -> Result<(SignatureEntry<'a>, Option<SignatureEntry<'a>>), Refusal> {
    let (mut classical, mut post_quantum) = (None, None);
    let mut counts = [0, 0];
    for entry in envelope.signatures() {
        let (found, count) = match entry.alg() {
            Some(EDDSA) => (&mut classical, &mut counts[0]),
            Some(ML_DSA_65) => (&mut post_quantum, &mut counts[1]),
            _ => return Err(Refusal::UncheckedAlgorithm),
        };
        *found = Some(entry);
        *count += 1;
    }
    let fewest = usize::from(envelope.tier() == Tier::Regulated);
    match (classical, counts) {
        (Some(classical), [1, count]) if (fewest..=1).contains(&count) => Ok((classical, post_quantum)),
        (Some(_), [1, count]) => Err(Refusal::MlDsaCount(count)),
        (_, [count, _]) => Err(Refusal::EdDsaCount(count)),
    }
}
