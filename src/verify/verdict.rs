//! What verification comes to: a verdict, with the step that failed and why, or the resources it lacks.
//!
//! [`Why`] is for the receiver's own logs and reports; only the [`RejectReason`] beside it travels.

use core::fmt;

use super::freshness::Untimely;
use super::governance::Ungoverned;
use super::sound::{Heard, MediaDoubt};
use super::{STEP_COUNT, Step, StepResult};
use crate::crypto::SHA256_LEN;
use crate::envelope::{Envelope, ReadError, RejectReason, SURFACE_MAX, Tier, Violation};
use crate::media::robust::bit_error_rate;
use crate::transport::echo;
use crate::trust::assurance;
use crate::trust::consent;
use crate::trust::federation::ChainError;
use crate::trust::hybrid::Refusal;
use crate::trust::jwk::KeyRefusal;
use crate::trust::jws::JwsError;
use crate::trust::sd_jwt::SdJwtError;
use crate::trust::sealing::{OpenError, RECIPIENTS_MAX};
use crate::trust::transparency::anchor::AnchorError;

/// How a verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every step held: it is safe to act on the envelope.
    Accept,
    /// A step failed.
    Reject(Step, Failure),
    /// Resources are lacking; gather them and verify again.
    Need,
    /// The same envelope has been seen on this call: a retransmission, to be given the answer that it was given before.
    Duplicate,
    /// The shared table is full. Nothing is known against the envelope (interpretations, rows 25 and 41).
    Overloaded,
}

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the peer is told.
    pub reason: RejectReason,
    /// What the administrator is told.
    pub why: Why,
}

impl Failure {
    /// What it comes to when a resource that `step` lacks has not come in time (interpretations, row 31).
    pub fn of_lack(step: Step) -> Self {
        // docs/09, the "On failure" of each step.
        let reason = match step {
            Step::ResolveIssuer | Step::Signatures => RejectReason::SignatureInvalid,
            Step::CallLeg => RejectReason::NotBoundToCall,
            Step::Consent => RejectReason::ConsentOutOfScope,
            Step::Assurance => RejectReason::AssuranceInsufficient,
            Step::RiskClass => RejectReason::RiskClassNotAllowed,
            Step::GpaiPolicy => RejectReason::GpaiPolicyMissing,
            _ => RejectReason::Unknown,
        };
        Self {
            reason,
            why: Why::StillLacking,
        }
    }
}

/// The exact cause of a failure. Holds no key material and no sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The bytes are no envelope.
    Unreadable(ReadError),
    /// A rule of the schema or of the tier is broken.
    Schema(Violation),
    /// The signing surface is too long; holds its length in bytes.
    SurfaceTooLarge(usize),
    /// A transport header says otherwise than the envelope.
    Echo(echo::Mismatch),
    /// It is sealed for more recipients than [`crate::trust::sealing::RECIPIENTS_MAX`].
    TooManyRecipients,
    /// It is addressed to another vendor or DID.
    OtherAudience,
    /// Its purpose is none of ours.
    OtherPurpose,
    /// It is below the floor that its own workload sets; holds its tier and the floor.
    BelowFloor(Tier, Tier),
    /// It is below the lowest tier that we take; holds its tier and that.
    BelowOwnFloor(Tier, Tier),
    /// It is above our ceiling; holds its tier and the ceiling.
    AboveCeiling(Tier, Tier),
    /// An answer to a proposal that is not outstanding.
    NotOutstanding,
    /// An answer from another party than the proposal's counterpart.
    OtherCounterpart,
    /// The transport peer sent too many envelopes.
    PeerBudget,
    /// The issuer's key signed too many envelopes.
    KeyRate,
    /// The identifier was seen with other content, or on another call.
    ReplayedId,
    /// The nonce was seen in another envelope of this issuer.
    ReplayedNonce,
    /// An encapsulated key was seen in another envelope.
    ReplayedEnc,
    /// The shared table is full.
    Overloaded,
    /// A resource that was asked for did not come in time.
    StillLacking,
    /// The issuer has no DID.
    NoIssuerDid,
    /// The issuer is not admitted by policy.
    NotAdmitted,
    /// The issuer's trust chain does not hold.
    Chain(ChainError),
    /// The envelope names another federation than the one that was resolved for its issuer.
    OtherFederation,
    /// There is not exactly one EdDSA signature; holds how many there are.
    SignatureCount(usize),
    /// There is more than one ML-DSA-65 signature, or at Regulated none; holds how many there are.
    PostQuantumCount(usize),
    /// Both signatures name the same key.
    OneKid,
    /// A signature of an algorithm that this build cannot check.
    UncheckedAlgorithm,
    /// The signing key may not be believed.
    Key(KeyRefusal),
    /// The signature does not hold.
    Signature(JwsError),
    /// The times do not hold.
    Untimely(Untimely),
    /// The envelope was made for another call.
    OtherCall,
    /// The envelope's fingerprint is not of this call's sound.
    Media(MediaDoubt),
    /// Another call has shown the same fingerprint.
    FingerprintSeenElsewhere,
    /// Another call has shown a robust fingerprint that this call's audio has in it, too.
    SoundSeenElsewhere,
    /// Consent does not cover what we would do.
    Consent(consent::Refusal),
    /// No identity provider vouches for the caller as far as is needed.
    Assurance(assurance::Refusal),
    /// There is no credential of the caller's (`caller.identity.sdJwtVc`).
    NoCredential,
    /// The caller's credential does not hold.
    Credential(SdJwtError),
    /// The host has lent no memory for what is disclosed.
    NoPlaceToDisclose,
    /// Another call has shown the same proof of assurance, and policy demands that each is for one call.
    AssuranceSeenElsewhere,
    /// A gate of the Regulated tier does not open.
    Governance(Ungoverned),
    /// What is sealed for us cannot be opened, or is not what it is said to be.
    NotOpened(OpenError),
    /// `transparency.leafHash` is not the hash of this envelope's surface.
    LeafHashDiffers,
    /// The envelope's entry in its log does not hold.
    Anchor(AnchorError),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Schema(violation) => violation.fmt(f),
            Self::SurfaceTooLarge(len) => {
                write!(f, "the signing surface has {len} bytes, and {SURFACE_MAX} are the most")
            }
            Self::Echo(mismatch) => mismatch.fmt(f),
            Self::TooManyRecipients => write!(f, "sealed.recipients has more than {RECIPIENTS_MAX} entries"),
            Self::OtherAudience => f.write_str("audience.vendor or audience.did names another receiver"),
            Self::OtherPurpose => f.write_str("audience.purpose is none that this receiver takes"),
            Self::BelowFloor(tier, floor) => write!(f, "conformance is {tier}, below audience.minTier {floor}"),
            Self::BelowOwnFloor(tier, floor) => {
                write!(f, "conformance is {tier}, below this receiver's minimum {floor}")
            }
            Self::AboveCeiling(tier, ceiling) => {
                write!(f, "conformance is {tier}, above this receiver's maximum {ceiling}")
            }
            Self::NotOutstanding => f.write_str("control.refs.proposedId names no proposal that is outstanding"),
            Self::OtherCounterpart => f.write_str("the issuer is not the party that the proposal was made with"),
            Self::PeerBudget => f.write_str("the transport peer has used up its envelopes per second"),
            Self::KeyRate => f.write_str("the signing key has used up its envelopes per second"),
            Self::ReplayedId => f.write_str("this id has been seen with other content or on another call"),
            Self::ReplayedNonce => f.write_str("this issuer's nonce has been seen in another envelope"),
            Self::ReplayedEnc => f.write_str("an encapsulated key has been seen in another envelope"),
            Self::Overloaded => f.write_str("the shared table is full"),
            Self::StillLacking => f.write_str("a resource that this step needs did not come in time"),
            Self::NoIssuerDid => f.write_str("issuer.did is missing"),
            Self::Chain(error) => error.fmt(f),
            Self::OtherFederation => f.write_str("issuer.federation is not the one that was resolved for the issuer"),
            Self::NotAdmitted => f.write_str("the issuer's DID is not admitted by this receiver's policy"),
            Self::SignatureCount(count) => write!(f, "{count} EdDSA signatures, and exactly one is wanted"),
            Self::PostQuantumCount(count) => Refusal::MlDsaCount(*count).fmt(f),
            Self::OneKid => Refusal::OneKid.fmt(f),
            Self::UncheckedAlgorithm => f.write_str("a signature's algorithm cannot be checked by this build"),
            Self::Key(refusal) => refusal.fmt(f),
            Self::Signature(error) => error.fmt(f),
            Self::Untimely(untimely) => untimely.fmt(f),
            Self::OtherCall => f.write_str("session.callId is no identifier of this call"),
            Self::Media(doubt) => doubt.fmt(f),
            Self::FingerprintSeenElsewhere => f.write_str("another call has shown the same audio fingerprint"),
            Self::SoundSeenElsewhere => f.write_str("another call has shown the same sound, such as music on hold"),
            Self::Consent(refusal) => refusal.fmt(f),
            Self::Assurance(refusal) => refusal.fmt(f),
            Self::NoCredential => f.write_str("caller.identity.sdJwtVc is missing"),
            Self::Credential(error) => error.fmt(f),
            Self::NoPlaceToDisclose => f.write_str("this host has no memory for what the envelope discloses"),
            Self::AssuranceSeenElsewhere => {
                f.write_str("another call has shown the same caller.assurance, and policy demands one for each call")
            }
            Self::Governance(refusal) => refusal.fmt(f),
            Self::NotOpened(error) => error.fmt(f),
            Self::LeafHashDiffers => {
                f.write_str("transparency.leafHash is not the hash of this envelope's signing surface")
            }
            Self::Anchor(error) => error.fmt(f),
        }
    }
}

/// Most resources that one verdict can ask for: a consent entry each, and an envelope of 8 KiB rarely has more.
pub const NEEDS_MAX: usize = 16;

/// A resource that the verifier lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<'a> {
    /// The step that lacks it.
    pub step: Step,
    /// What it is.
    pub kind: NeedKind,
    /// Which one: a DID, a receipt's identifier, a URL; empty for media.
    pub reference: &'a str,
}

/// Kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeedKind {
    /// An issuer's JWK Set.
    Jwks,
    /// A federation entity statement.
    EntityStatement,
    /// A consent receipt.
    ConsentReceipt,
    /// What a URL answers.
    Resource,
    /// A transparency log's entry or keys.
    Log,
    /// The call's sound.
    Media,
}

impl NeedKind {
    /// The word that reports show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwks => "jwks",
            Self::EntityStatement => "entity-statement",
            Self::ConsentReceipt => "consent-receipt",
            Self::Resource => "resource",
            Self::Log => "log",
            Self::Media => "media",
        }
    }
}

/// The resources that a verdict asks for.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    list: [Need<'a>; NEEDS_MAX],
    len: usize,
}

impl<'a> Needs<'a> {
    const NONE: Self = Self {
        list: [Need {
            step: Step::Envelope,
            kind: NeedKind::Media,
            reference: "",
        }; NEEDS_MAX],
        len: 0,
    };

    /// Adds a need that is not listed yet; past [`NEEDS_MAX`] they are asked for in the next round.
    pub(super) fn push(&mut self, need: Need<'a>) {
        if !self.as_slice().contains(&need)
            && let Some(place) = self.list.get_mut(self.len)
        {
            *place = need;
            self.len += 1;
        }
    }

    /// The needs, in the order in which they were found.
    pub fn as_slice(&self) -> &[Need<'a>] {
        &self.list[..self.len]
    }
}

/// Most warnings that a verdict keeps; the first ones are kept.
pub const WARNINGS_MAX: usize = 8;

/// Something that does not stop an envelope and that an administrator should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A rule that is not enforced on receipt is broken.
    Schema(Violation),
    /// The envelope carries a fingerprint and no sound was at hand to compare it with.
    FingerprintUnchecked,
    /// The audio is only similar to what the envelope was made of: the robust fingerprint matched, with so many of 992 bits
    /// that differ.
    OnlySimilar {
        /// At most 297.
        errors: u16,
    },
    /// The envelope carries only a robust fingerprint, which was not compared: policy or tier does not let it count, or there was
    /// nothing at hand to search.
    RobustUnchecked,
    /// The robust fingerprint matched, and the shared table has no room to remember that this call has shown it.
    SoundForgotten,
    /// Another call has shown the same proof of assurance; the provider has not named the call in it.
    AssuranceSeenElsewhere,
    /// The envelope is unsigned, though the proposal that it answers was signed: it can only end that proposal.
    EndsOnly,
    /// Nobody has told the caller that they speak with an AI: the receiver must, before its first turn.
    DisclosureOwed,
    /// The log that the envelope names is known, and no entry of it for this envelope.
    NotSeenInLog,
    /// Fields are sealed, and the host has lent no memory to open them in.
    SealedUnopened,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(violation) => violation.fmt(f),
            Self::FingerprintUnchecked => {
                f.write_str("session.media.rtpFingerprint was not compared: there is no media here")
            }
            Self::OnlySimilar { errors } => write!(
                f,
                "the audio is similar and not the same: bit error rate {:.3} of the robust fingerprint",
                bit_error_rate(*errors)
            ),
            Self::RobustUnchecked => f.write_str("session.media.x-ohp-robust was not compared, and there is no exact one"),
            Self::SoundForgotten => {
                f.write_str("the table's list of sounds is full: that this call has shown this one is not remembered")
            }
            Self::AssuranceSeenElsewhere => {
                f.write_str("another call has shown the same caller.assurance; ask the provider to name the call in it")
            }
            Self::DisclosureOwed => f.write_str(
                "no disclosure under Art. 50 has been made: make one before the first turn if the caller is a natural person",
            ),
            Self::NotSeenInLog => f.write_str("the transparency log's entry for this envelope is not at hand"),
            Self::SealedUnopened => {
                f.write_str("fields are sealed and were not looked at: this host has no memory for what is disclosed")
            }
            Self::EndsOnly => f.write_str("an unsigned or short answer to a signed proposal can only end it"),
        }
    }
}

/// The warnings of a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Warnings {
    list: [Option<Warning>; WARNINGS_MAX],
}

impl Warnings {
    pub(super) fn push(&mut self, warning: Warning) {
        if let Some(place) = self.list.iter_mut().find(|place| place.is_none()) {
            *place = Some(warning);
        }
    }

    /// The warnings, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = Warning> + '_ {
        self.list.iter().flatten().copied()
    }
}

/// The result of a verification.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// The envelope, once it could be read.
    pub envelope: Option<Envelope<'a>>,
    /// SHA-256 of its signing surface, where there is a shared table to look it up in.
    pub surface_hash: Option<[u8; SHA256_LEN]>,
    /// Each step's result; `None` where it was not reached.
    pub steps: [Option<StepResult>; STEP_COUNT],
    /// What is lacking, with [`Outcome::Need`].
    pub needs: Needs<'a>,
    /// What the call's sound said; `None` if step 4 was not reached, or had nothing to compare.
    pub heard: Option<Heard>,
    /// With a `need` for sound: what was heard so far.
    pub doubt: Option<MediaDoubt>,
    /// What an administrator should see.
    pub warnings: Warnings,
    /// Whether members that the schema demands are missing, which a short form at Core may (interpretations, row 9).
    pub short_form: bool,
    /// Whether the envelope may only end the proposal that it answers (interpretations, row 43).
    pub ends_only: bool,
}

impl<'a> Verdict<'a> {
    pub(super) fn new() -> Self {
        Self {
            outcome: Outcome::Accept,
            envelope: None,
            surface_hash: None,
            steps: [None; STEP_COUNT],
            needs: Needs::NONE,
            heard: None,
            doubt: None,
            warnings: Warnings {
                list: [None; WARNINGS_MAX],
            },
            short_form: false,
            ends_only: false,
        }
    }

    /// The step that failed and why, if one did.
    pub fn failure(&self) -> Option<(Step, Failure)> {
        match self.outcome {
            Outcome::Reject(step, failure) => Some((step, failure)),
            _ => None,
        }
    }

    /// Whether every step held.
    pub fn is_accepted(&self) -> bool {
        self.outcome == Outcome::Accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(count: usize) -> std::vec::Vec<Need<'static>> {
        const REFERENCES: &str = "abcdefghijklmnopqrstuvwxyz";
        let need = |nth| Need {
            step: Step::Consent,
            kind: NeedKind::ConsentReceipt,
            reference: &REFERENCES[nth..=nth],
        };
        (0..count).map(need).collect()
    }

    #[test]
    fn a_verdict_keeps_the_first_needs_each_once() {
        let (all, mut kept) = (needs(NEEDS_MAX + 1), Needs::NONE);
        for need in all.iter().chain(&all) {
            kept.push(*need);
        }
        assert_eq!(kept.as_slice(), &all[..NEEDS_MAX]);
    }

    #[test]
    fn a_verdict_keeps_the_first_warnings() {
        let mut kept = Verdict::new().warnings;
        let warning = |nth: usize| match nth {
            WARNINGS_MAX => Warning::SealedUnopened,
            _ => Warning::FingerprintUnchecked,
        };
        (0..=WARNINGS_MAX).for_each(|nth| kept.push(warning(nth)));
        assert_eq!(kept.iter().collect::<std::vec::Vec<_>>(), [warning(0); WARNINGS_MAX]);
    }
}
