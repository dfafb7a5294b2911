//! The steps of verification, their numbers and their names (OHP §10, docs/09).

use core::fmt;

/// A step of verification. Step 0 is what is checked before the protocol's own first step (interpretations, row 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// Size, encoding, schema, audience, tier gate, replay look-up, the peer's budget.
    Envelope = 0,
    /// Whether the issuer is admitted, and its keys.
    ResolveIssuer = 1,
    /// The detached signatures over the surface.
    Signatures = 2,
    /// The lifetime.
    Freshness = 3,
    /// The call's identifier and its sound.
    CallLeg = 4,
    /// The consent receipts.
    Consent = 5,
    /// The identity provider's assurance.
    Assurance = 6,
    /// The AI Act risk class.
    RiskClass = 7,
    /// Prohibited practices.
    Prohibited = 8,
    /// The Annex III allow-list.
    AnnexIii = 9,
    /// The Art. 50 disclosure.
    Disclosure = 10,
    /// The strength of human oversight.
    Oversight = 11,
    /// Policies of general-purpose models.
    GpaiPolicy = 12,
    /// Opening of sealed fields.
    Decrypt = 13,
    /// The transparency log.
    Anchor = 14,
}

/// How many steps there are, step 0 included.
pub const STEP_COUNT: usize = 15;

impl Step {
    /// Every step, in the normative order.
    pub const ALL: [Self; STEP_COUNT] = [
        Self::Envelope,
        Self::ResolveIssuer,
        Self::Signatures,
        Self::Freshness,
        Self::CallLeg,
        Self::Consent,
        Self::Assurance,
        Self::RiskClass,
        Self::Prohibited,
        Self::AnnexIii,
        Self::Disclosure,
        Self::Oversight,
        Self::GpaiPolicy,
        Self::Decrypt,
        Self::Anchor,
    ];

    /// The step's number, 0 to 14.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The step's name, as reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::ResolveIssuer => "resolve-issuer",
            Self::Signatures => "signatures",
            Self::Freshness => "freshness",
            Self::CallLeg => "call-leg",
            Self::Consent => "consent",
            Self::Assurance => "assurance",
            Self::RiskClass => "risk-class",
            Self::Prohibited => "prohibited",
            Self::AnnexIii => "annex-iii",
            Self::Disclosure => "disclosure",
            Self::Oversight => "oversight",
            Self::GpaiPolicy => "gpai-policy",
            Self::Decrypt => "decrypt",
            Self::Anchor => "anchor",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepResult {
    /// It held.
    Pass,
    /// It failed; no later step was run.
    Fail,
    /// It does not apply to this tier or verb, or could not be run here and need not be.
    Skip,
    /// It lacks a resource.
    Need,
}

impl StepResult {
    /// The word that reports show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Need => "need",
        }
    }
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
