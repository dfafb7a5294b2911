//! Step 1: whether the issuer is one that policy admits, whether its keys are at hand, and from Sealed on, whether a
//! federation that we trust vouches for it (OHP §5.6, §10, docs/09; interpretations, row 31).

use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Why};
use crate::envelope::{Envelope, RejectReason, Tier};
use crate::time::Timestamp;
use crate::trust::bundle::Federation;
use crate::trust::federation::ChainError;

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn resolve_issuer(&mut self, envelope: &Envelope<'a>) -> Checked {
        let did = envelope.issuer().did().ok_or_else(|| unknown(Why::NoIssuerDid))?;
        let bundle = self.situation.bundle;
        if !bundle.is_admitted(did) && !self.skips_gaps() {
            return Err(unknown(Why::NotAdmitted));
        }
        let issuer = bundle.issuer(did);
        let mut lacking = false;
        let mut need = |kind| {
            lacking = true;
            self.verdict.needs.push(Need {
                step: Step::ResolveIssuer,
                kind,
                reference: did,
            });
        };
        if issuer.is_none_or(|issuer| issuer.jwks.is_none()) {
            need(NeedKind::Jwks);
        }
        if envelope.tier() >= Tier::Sealed {
            match issuer.and_then(|issuer| issuer.federation.as_ref()) {
                Some(federation) => vouches(federation, envelope.issuer().federation(), self.situation.now)?,
                None => need(NeedKind::EntityStatement),
            }
        }
        Ok(if lacking { Passed::Lacking } else { Passed::Held })
    }
}

/// Whether the federation vouches for the issuer at `now`, and is the one that the envelope claims.
fn vouches(federation: &Federation, claimed: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    let chain = match &federation.chain {
        Some(Ok(chain)) => Some(chain),
        Some(Err(error)) => return Err(refused(*error)),
        None => None,
    };
    if let Some(chain) = chain {
        chain.check_time(now).map_err(refused)?;
    }
    let Some(claimed) = claimed else { return Ok(()) };
    let entity = federation.entity.as_deref();
    let is_known = entity.is_some() || chain.is_some();
    let is_named = entity == Some(claimed) || chain.is_some_and(|chain| chain.names(claimed));
    if is_known && !is_named {
        return Err(unknown(Why::OtherFederation));
    }
    Ok(())
}

/// What cryptography refuses is an invalid signature, what the federation refuses an unknown issuer (docs/09, step 1).
fn refused(error: ChainError) -> Failure {
    let reason = if error.fault.is_cryptographic() {
        RejectReason::SignatureInvalid
    } else {
        RejectReason::Unknown
    };
    Failure {
        reason,
        why: Why::Chain(error),
    }
}

fn unknown(why: Why) -> Failure {
    Failure {
        reason: RejectReason::Unknown,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CLOCK_SKEW_MS;
    use crate::trust::federation::{Chain, Fault, PolicyError};
    use crate::trust::jwt::JwtError;

    const LEAF: &str = "did:web:pbx.example.com";
    const ANCHOR: &str = "https://federation.example.org";
    const NOW: Timestamp = Timestamp::from_millis(1_780_000_000_000);

    fn federation(chain: Option<Result<Chain, ChainError>>) -> Federation {
        Federation {
            entity: Some(LEAF.into()),
            chain,
            ..Federation::default()
        }
    }

    fn chain() -> Option<Result<Chain, ChainError>> {
        let entities = [LEAF.into(), ANCHOR.into()].into();
        Chain::new(entities, NOW.plus(-60_000), NOW.plus(60_000)).map(Ok)
    }

    fn reason(federation: &Federation, claimed: Option<&str>, now: Timestamp) -> Option<RejectReason> {
        vouches(federation, claimed, now).err().map(|failure| failure.reason)
    }

    #[test]
    fn envelope_names_an_entity_of_the_chain_or_the_one_that_was_resolved() {
        for (federation, named) in [
            (federation(chain()), &[LEAF, ANCHOR][..]),
            (federation(None), &[LEAF][..]),
            (Federation::default(), &[LEAF, "did:web:other.example.com"][..]),
        ] {
            assert!(named.iter().all(|name| vouches(&federation, Some(name), NOW).is_ok()));
            assert_eq!(vouches(&federation, None, NOW), Ok(()));
        }
        for federation in [federation(chain()), federation(None)] {
            let failure = vouches(&federation, Some("did:web:other.example.com"), NOW);
            assert_eq!(failure, Err(unknown(Why::OtherFederation)));
        }
    }

    #[test]
    fn chain_is_judged_at_the_moment_of_the_arrival() {
        let federation = federation(chain());
        let after = |millis| reason(&federation, Some(LEAF), NOW.plus(millis));
        assert_eq!(after(60_000 + CLOCK_SKEW_MS - 1), None);
        assert_eq!(after(60_000 + CLOCK_SKEW_MS), Some(RejectReason::Unknown));
        assert_eq!(after(-60_000 - CLOCK_SKEW_MS), None);
        assert_eq!(after(-60_000 - CLOCK_SKEW_MS - 1), Some(RejectReason::Unknown));
    }

    #[test]
    fn broken_chain_is_an_invalid_signature_or_an_unknown_issuer() {
        for (fault, expected) in [
            (Fault::Token(JwtError::BadSignature), RejectReason::SignatureInvalid),
            (Fault::Loop, RejectReason::Unknown),
            (Fault::Policy(PolicyError::Form), RejectReason::Unknown),
        ] {
            let error = ChainError { fault, statement: None };
            let federation = federation(Some(Err(error)));
            assert_eq!(reason(&federation, Some(LEAF), NOW), Some(expected));
        }
    }
}
