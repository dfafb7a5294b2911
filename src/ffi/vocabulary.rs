//! The protocol's closed vocabularies as C enumerations. The numbers are never given out again.

use super::status::Done;
use super::status::ohp_status::OHP_ERR_RANGE;
use super::text::ohp_str;
use crate::envelope::{RejectReason, Tier, Verb};
use crate::media::Codec;

/// A conformance tier (OHP 3.1). Each is a strict superset of the one before.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_tier {
    /// Anonymous context, unsigned.
    OHP_TIER_CORE = 1,
    /// Signed with Ed25519.
    OHP_TIER_SIGNED = 2,
    /// Sealed fields, identity, assurance, consent.
    OHP_TIER_SEALED = 3,
    /// Hybrid signatures, transparency log, AI governance.
    OHP_TIER_REGULATED = 4,
}

impl From<Tier> for ohp_tier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Core => Self::OHP_TIER_CORE,
            Tier::Signed => Self::OHP_TIER_SIGNED,
            Tier::Sealed => Self::OHP_TIER_SEALED,
            Tier::Regulated => Self::OHP_TIER_REGULATED,
        }
    }
}

/// A control verb (OHP 8.1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_verb {
    /// "I would like to hand this conversation to you."
    OHP_VERB_PROPOSE = 1,
    /// "I will take it."
    OHP_VERB_ACCEPT = 2,
    /// "I will not take it."
    OHP_VERB_REJECT = 3,
    /// "The new holder holds it: drop your leg."
    OHP_VERB_ASSUME = 4,
    /// "I hand it back to you."
    OHP_VERB_RETURN = 5,
    /// A serious-incident report.
    OHP_VERB_INCIDENT = 6,
}

impl From<Verb> for ohp_verb {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Propose => Self::OHP_VERB_PROPOSE,
            Verb::Accept => Self::OHP_VERB_ACCEPT,
            Verb::Reject => Self::OHP_VERB_REJECT,
            Verb::Assume => Self::OHP_VERB_ASSUME,
            Verb::Return => Self::OHP_VERB_RETURN,
            Verb::Incident => Self::OHP_VERB_INCIDENT,
        }
    }
}

/// A reason that a REJECT carries (OHP 8.3).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_reason {
    /// None, or a word that is not in the protocol's list.
    OHP_REASON_NONE = 0,
    /// The tier is below the workload's floor or above the receiver's ceiling.
    OHP_REASON_TIER_INSUFFICIENT = 1,
    /// A signature failed, or its key is unknown or revoked.
    OHP_REASON_SIGNATURE_INVALID = 2,
    /// Outside its lifetime, or its lifetime is too long.
    OHP_REASON_STALE = 3,
    /// Made for another call, or already seen on one.
    OHP_REASON_NOT_BOUND_TO_CALL = 4,
    /// The receiver's processing exceeds the consent.
    OHP_REASON_CONSENT_OUT_OF_SCOPE = 5,
    /// The caller's assurance is too low or unproven.
    OHP_REASON_ASSURANCE_INSUFFICIENT = 6,
    /// The AI Act risk class is not accepted here.
    OHP_REASON_RISK_CLASS_NOT_ALLOWED = 7,
    /// A prohibited practice is asserted.
    OHP_REASON_PROHIBITED_PRACTICE = 8,
    /// The human oversight is too weak.
    OHP_REASON_OVERSIGHT_MISSING = 9,
    /// A systemic-risk model has no resolvable policy.
    OHP_REASON_GPAI_POLICY_MISSING = 10,
    /// The issuer's key sent too many envelopes.
    OHP_REASON_RATE_LIMIT = 11,
    /// Anything else.
    OHP_REASON_UNKNOWN = 12,
}

const REASONS: [(ohp_reason, RejectReason); 12] = [
    (ohp_reason::OHP_REASON_TIER_INSUFFICIENT, RejectReason::TierInsufficient),
    (ohp_reason::OHP_REASON_SIGNATURE_INVALID, RejectReason::SignatureInvalid),
    (ohp_reason::OHP_REASON_STALE, RejectReason::Stale),
    (ohp_reason::OHP_REASON_NOT_BOUND_TO_CALL, RejectReason::NotBoundToCall),
    (
        ohp_reason::OHP_REASON_CONSENT_OUT_OF_SCOPE,
        RejectReason::ConsentOutOfScope,
    ),
    (
        ohp_reason::OHP_REASON_ASSURANCE_INSUFFICIENT,
        RejectReason::AssuranceInsufficient,
    ),
    (
        ohp_reason::OHP_REASON_RISK_CLASS_NOT_ALLOWED,
        RejectReason::RiskClassNotAllowed,
    ),
    (
        ohp_reason::OHP_REASON_PROHIBITED_PRACTICE,
        RejectReason::ProhibitedPractice,
    ),
    (ohp_reason::OHP_REASON_OVERSIGHT_MISSING, RejectReason::OversightMissing),
    (
        ohp_reason::OHP_REASON_GPAI_POLICY_MISSING,
        RejectReason::GpaiPolicyMissing,
    ),
    (ohp_reason::OHP_REASON_RATE_LIMIT, RejectReason::RateLimit),
    (ohp_reason::OHP_REASON_UNKNOWN, RejectReason::Unknown),
];

impl From<RejectReason> for ohp_reason {
    fn from(reason: RejectReason) -> Self {
        let known = REASONS.iter().find(|(_, known)| *known == reason);
        known.map_or(Self::OHP_REASON_UNKNOWN, |(number, _)| *number)
    }
}

/// A codec whose payloads the tap keeps.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_codec {
    /// Not audio, or a codec that the tap does not take.
    OHP_CODEC_NONE = 0,
    /// G.711 mu-law, 8 kHz mono.
    OHP_CODEC_PCMU = 1,
    /// G.711 A-law, 8 kHz mono.
    OHP_CODEC_PCMA = 2,
    /// 16-bit linear, big-endian, 8 kHz mono.
    OHP_CODEC_L16 = 3,
    /// G.722 at 64 kbit/s, 16 kHz mono; its RTP clock runs at 8 kHz.
    OHP_CODEC_G722 = 4,
    /// 16-bit linear, 16 kHz mono.
    OHP_CODEC_L16_16K = 5,
    /// 16-bit linear, 44.1 kHz mono.
    OHP_CODEC_L16_44K = 6,
    /// 16-bit linear, 48 kHz mono.
    OHP_CODEC_L16_48K = 7,
    /// 16-bit linear, 16 kHz, two channels, of which the first counts.
    OHP_CODEC_L16_16K_STEREO = 8,
    /// 16-bit linear, 44.1 kHz, two channels, of which the first counts.
    OHP_CODEC_L16_44K_STEREO = 9,
    /// 16-bit linear, 48 kHz, two channels, of which the first counts.
    OHP_CODEC_L16_48K_STEREO = 10,
    /// Opus. The tap keeps it; a library built without its decoder finds no usable audio in it.
    OHP_CODEC_OPUS = 11,
}

const _: () = {
    assert!(ohp_codec::OHP_CODEC_G722 as u8 == Codec::G722 as u8);
    assert!(ohp_codec::OHP_CODEC_L16_48K_STEREO as u8 == Codec::L16_48kStereo as u8);
    assert!(ohp_codec::OHP_CODEC_OPUS as u8 == Codec::Opus as u8);
};

pub(super) fn codec(number: u32) -> Done<Codec> {
    let codec = u8::try_from(number).ok().and_then(Codec::from_number);
    codec.ok_or(OHP_ERR_RANGE)
}

pub(super) fn tier(number: u32) -> Done<Tier> {
    let known = Tier::ALL.iter().find(|known| ohp_tier::from(**known) as u32 == number);
    known.copied().ok_or(OHP_ERR_RANGE)
}

pub(super) fn reason(number: u32) -> Done<RejectReason> {
    let known = REASONS.iter().find(|(known, _)| *known as u32 == number);
    known.map(|(_, reason)| *reason).ok_or(OHP_ERR_RANGE)
}

/// The word that stands for a tier on the wire, such as "signed".
///
/// @param tier  An ohp_tier.
/// @return      A text that stays valid for ever; none for a number that is no tier.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_tier_text(tier: u32) -> ohp_str {
    ohp_str::or_none(self::tier(tier).ok().map(Tier::as_str))
}

/// The word that stands for a verb on the wire, such as "PROPOSE".
///
/// @param verb  An ohp_verb.
/// @return      A text that stays valid for ever; none for a number that is no verb.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_verb_text(verb: u32) -> ohp_str {
    let known = Verb::ALL.iter().find(|known| ohp_verb::from(**known) as u32 == verb);
    ohp_str::or_none(known.map(|verb| verb.as_str()))
}

/// The word that stands for a reason on the wire, such as "not-bound-to-call".
///
/// @param reason  An ohp_reason.
/// @return        A text that stays valid for ever; none for OHP_REASON_NONE and for a number that is no reason.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_reason_text(reason: u32) -> ohp_str {
    ohp_str::or_none(self::reason(reason).ok().map(RejectReason::as_str))
}
