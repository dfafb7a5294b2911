//! Whether an identity provider vouches for the caller, and how far: the judgement of step 6 over `caller.assurance` (OHP
//! §5.6, docs/09; interpretations, rows 16 and 45).
//!
//! The levels are the provider's word, never the sender's: they count as far as the provider's own signature, the
//! provider's cap, and the cap of the sender's federation reach. A pure function over the block and the bundle. Not here:
//! the credential ([`super::sd_jwt`]), and whether another call has shown the same proof ([`crate::verify`]).

use core::fmt;

use super::block_proof::{self, ProofError};
use super::bundle::{Bundle, LevelCaps};
use super::sd_jwt::Claims;
use super::terms::{Ladder, Level};
use crate::cbor::{Item, Map};
use crate::time::{CLOCK_SKEW_MS, Timestamp};

/// The member of `caller.assurance` that holds the provider's signature.
pub const PROOF: &str = "proofJws";

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// `caller.assurance`.
    pub block: Item<'a>,
    /// `issuer.did`.
    pub issuer: &'a str,
    /// `session.callId`.
    pub call_id: &'a str,
    /// `issuedAt`.
    pub issued_at: Timestamp,
    /// When the envelope arrived.
    pub now: Timestamp,
}

/// What an identity provider vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assurance<'a> {
    /// `idp`: the provider's DID.
    pub idp: &'a str,
    /// `method`: how the caller was identified.
    pub method: &'a str,
    /// `ial`.
    pub ial: Level,
    /// `aal`.
    pub aal: Level,
    /// `fal`.
    pub fal: Level,
    /// `lastStepUpAt`.
    pub last_step_up_at: Option<Timestamp>,
    /// Whether the provider has named this very call in what it signed (`callId`), so that the proof is of no use on
    /// another.
    pub is_bound_to_call: bool,
    /// `sub`: whom the provider has named in what it signed; see [`Assurance::is_about`].
    pub subject: Option<&'a str>,
}

/// Why what is said of the caller's identity does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The block, or a member of it that must be there, is missing or of another type.
    Incomplete,
    /// The provider is the sender itself.
    SelfAsserted,
    /// The provider is not in the bundle.
    UnknownProvider,
    /// The provider's keys are not at hand: no refusal but a need.
    KeysNeeded,
    /// The provider's signature does not hold.
    Proof(ProofError),
    /// A level is above what the provider may assert.
    AboveProvidersCap(Ladder),
    /// A level is above what the sender's federation lets it assert.
    AboveIssuersCap(Ladder),
    /// `aal` is below what this receiver demands; holds what it demands.
    BelowMinimum(Level),
    /// Policy limits the age of the last step-up, and there is no `lastStepUpAt`.
    NoStepUp,
    /// The last step-up is longer ago than policy allows.
    StepUpOld,
    /// The last step-up lies in the future.
    StepUpInFuture,
    /// The provider's `callId` is of another call.
    OtherCall,
    /// The provider's `sub` is not the credential's.
    OtherSubject,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "caller.assurance is missing or incomplete",
            Self::SelfAsserted => "caller.assurance.idp is the issuer itself; an identity provider must vouch",
            Self::UnknownProvider => "caller.assurance.idp is not among this receiver's identity providers",
            Self::KeysNeeded => "the keys of caller.assurance.idp are not at hand",
            Self::Proof(error) => return write!(f, "caller.assurance.proofJws: {error}"),
            Self::AboveProvidersCap(ladder) => {
                return write!(f, "caller.assurance.{ladder} is above what the provider may assert");
            }
            Self::AboveIssuersCap(ladder) => {
                return write!(
                    f,
                    "caller.assurance.{ladder} is above what the issuer's federation lets it assert"
                );
            }
            Self::BelowMinimum(level) => {
                return write!(
                    f,
                    "caller.assurance.aal is below AAL{}, which policy demands",
                    *level as u8 + 1
                );
            }
            Self::NoStepUp => "caller.assurance.lastStepUpAt is missing, and policy limits its age",
            Self::StepUpOld => "caller.assurance.lastStepUpAt is longer ago than policy allows; authenticate again",
            Self::StepUpInFuture => "caller.assurance.lastStepUpAt lies in the future; check both clocks",
            Self::OtherCall => "caller.assurance.callId names another call",
            Self::OtherSubject => "caller.assurance.sub is not the sub of the credential",
        })
    }
}

impl core::error::Error for Refusal {}

/// Judges `statement` by the providers, caps and policy of `bundle`.
///
/// The signature is looked at before the levels that it is about. `scratch` takes [`super::jws::SCRATCH_LEN`] bytes.
///
/// # Errors
/// [`Refusal`]; [`Refusal::KeysNeeded`] asks for the provider's JWK Set.
pub fn judge<'a>(statement: &Statement<'a>, bundle: &Bundle, scratch: &mut [u8]) -> Result<Assurance<'a>, Refusal> {
    let block = statement.block.map().ok_or(Refusal::Incomplete)?;
    let text = |name| block.get(name).and_then(Item::as_text).ok_or(Refusal::Incomplete);
    let idp = text("idp")?;
    if idp == statement.issuer {
        return Err(Refusal::SelfAsserted);
    }
    let provider = bundle.identity_provider(idp).ok_or(Refusal::UnknownProvider)?;
    let keys = provider.jwks.as_ref().ok_or(Refusal::KeysNeeded)?;
    block_proof::verify(statement.block, PROOF, text(PROOF)?, keys, statement.issued_at, scratch)
        .map_err(Refusal::Proof)?;

    let level = |name, ladder| Level::parse(ladder, text(name)?).ok_or(Refusal::Incomplete);
    let assurance = Assurance {
        idp,
        method: text("method")?,
        ial: level("ial", Ladder::Identity)?,
        aal: level("aal", Ladder::Authentication)?,
        fal: level("fal", Ladder::Federation)?,
        last_step_up_at: step_up(block)?,
        is_bound_to_call: match block.get("callId") {
            Some(call) if call.as_text() == Some(statement.call_id) => true,
            Some(_) => return Err(Refusal::OtherCall),
            None => false,
        },
        subject: match block.get("sub") {
            Some(subject) => Some(subject.as_text().ok_or(Refusal::OtherSubject)?),
            None => None,
        },
    };
    assurance
        .is_within(&provider.caps)
        .map_err(Refusal::AboveProvidersCap)?;
    let federation = bundle
        .issuer(statement.issuer)
        .and_then(|issuer| issuer.federation.as_ref());
    if let Some(federation) = federation {
        assurance
            .is_within(&federation.caps)
            .map_err(Refusal::AboveIssuersCap)?;
    }
    let own = bundle.receiver();
    match own.minimum_aal {
        Some(minimum) if assurance.aal < minimum => return Err(Refusal::BelowMinimum(minimum)),
        _ => {}
    }
    if let Some(seconds) = own.max_step_up_age {
        let age = statement.now.since(assurance.last_step_up_at.ok_or(Refusal::NoStepUp)?);
        if age < -CLOCK_SKEW_MS {
            return Err(Refusal::StepUpInFuture);
        }
        if age > i64::from(seconds) * 1000 + CLOCK_SKEW_MS {
            return Err(Refusal::StepUpOld);
        }
    }
    Ok(assurance)
}

fn step_up(block: Map<'_>) -> Result<Option<Timestamp>, Refusal> {
    let moment = block.get("lastStepUpAt").map(|item| {
        let text = item.as_time().ok_or(Refusal::Incomplete)?;
        Timestamp::parse_rfc3339(text).map_err(|_| Refusal::Incomplete)
    });
    moment.transpose()
}

impl Assurance<'_> {
    /// Whether the provider's `sub`, where it has named one, is that of the credential.
    ///
    /// # Errors
    /// [`Refusal::OtherSubject`], also where the credential shows no `sub`.
    pub fn is_about(&self, claims: Claims<'_>) -> Result<(), Refusal> {
        match self.subject {
            Some(subject) if claims.text("sub") != Some(subject) => Err(Refusal::OtherSubject),
            _ => Ok(()),
        }
    }

    /// Whether no level is above its cap; else which.
    fn is_within(&self, caps: &LevelCaps) -> Result<(), Ladder> {
        for (level, cap, ladder) in [
            (self.ial, caps.ial, Ladder::Identity),
            (self.aal, caps.aal, Ladder::Authentication),
            (self.fal, caps.fal, Ladder::Federation),
        ] {
            if cap.is_some_and(|cap| level > cap) {
                return Err(ladder);
            }
        }
        Ok(())
    }
}
