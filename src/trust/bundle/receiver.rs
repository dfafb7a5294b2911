//! The receiver: who we are, what we accept, and with which keys.

use crate::envelope::Tier;
use crate::trust::jwk::OwnKeys;
use crate::trust::terms::{Level, Oversight, RiskClass};
use crate::trust::{List, Text};

/// Envelopes a second that one `kid` may send where the bundle does not say (OHP §5.10 asks for at least one).
pub const DEFAULT_RATE_PER_KID: u32 = 50;

/// Our own side of the handoff, as the bundle's member `receiver` describes it.
#[derive(Debug)]
pub struct Receiver {
    /// `vendor`. An envelope's `audience.vendor` must equal it; `None`: any.
    pub vendor: Option<Text>,
    /// `did`. An envelope's `audience.did`, where present, must equal it; `None`: any.
    pub did: Option<Text>,
    /// `maxTier`; Core where it is left out.
    pub max_tier: Tier,
    /// `minTier`: the lowest tier that we take; Core where it is left out, and never above `max_tier`.
    pub min_tier: Tier,
    /// `purposes`; `None`: any.
    pub purposes: Option<List<Text>>,
    /// `jurisdictions`: where we process. Empty: not stated, and then not judged.
    pub jurisdictions: List<Text>,
    /// `processingScope`: what we will read; each item must be covered by consent.
    pub processing_scope: List<Text>,
    /// `specialCategory`: whether we process data of GDPR Art. 9.
    pub special_category: bool,
    /// `minimumAal`.
    pub minimum_aal: Option<Level>,
    /// `requiredOversight`: the weakest mode that we accept.
    pub required_oversight: Option<Oversight>,
    /// `acceptedRiskClasses`; `None`: any but `prohibited`.
    pub accepted_risk_classes: Option<List<RiskClass>>,
    /// `annexIIIAllowed`: clauses such as `5(b)`; `None`: any.
    pub annex_iii_allowed: Option<List<Text>>,
    /// `ratePerKid`: envelopes a second from one `kid`, at least 1.
    pub rate_per_kid: u32,
    /// `admit`: DIDs, or what they start with, that step 1 may resolve; see
    /// [`Bundle::is_admitted`](super::Bundle::is_admitted).
    pub admit: List<Text>,
    /// `maxStepUpAge` in seconds: how old `caller.assurance.lastStepUpAt` may be; `None`: any age, or absent.
    pub max_step_up_age: Option<u32>,
    /// `requireBoundAssurance`: whether an assurance proof that another call has shown is refused.
    pub require_bound_assurance: bool,
    /// `requireKeyBinding`: whether the caller's credential must come with its holder's proof, made for us (`did`) and for this
    /// call (`session.callId`). Never without a `did`.
    pub require_key_binding: bool,
    /// `robustFingerprint`: whether sound that is only similar ties an envelope to its call, where the exact fingerprint is not
    /// found (interpretations, row 38). Never at Regulated.
    pub robust_fingerprint: bool,
    /// `draftCore`: whether the short Core envelopes of the protocol's own README are accepted (interpretations, row 9).
    pub draft_core: bool,
    /// `agentId`, for the envelopes that we issue ourselves.
    pub agent_id: Option<Text>,
    /// `region`, likewise.
    pub region: Option<Text>,
    /// `keys`: our private keys.
    pub keys: OwnKeys,
}

impl Default for Receiver {
    /// The Core receiver: any audience, any purpose, no keys.
    fn default() -> Self {
        Self {
            vendor: None,
            did: None,
            max_tier: Tier::Core,
            min_tier: Tier::Core,
            purposes: None,
            jurisdictions: List::default(),
            processing_scope: List::default(),
            special_category: false,
            minimum_aal: None,
            required_oversight: None,
            accepted_risk_classes: None,
            annex_iii_allowed: None,
            rate_per_kid: DEFAULT_RATE_PER_KID,
            admit: List::default(),
            max_step_up_age: None,
            require_bound_assurance: false,
            require_key_binding: false,
            robust_fingerprint: false,
            draft_core: false,
            agent_id: None,
            region: None,
            keys: OwnKeys::default(),
        }
    }
}

impl Receiver {
    /// Whether envelopes for `purpose` are ours to take.
    pub fn takes_purpose(&self, purpose: &str) -> bool {
        self.purposes
            .as_deref()
            .is_none_or(|own| crate::trust::holds(own, purpose))
    }

    /// Whether an envelope for `vendor` and `did` is for us.
    pub fn is_audience(&self, vendor: &str, did: Option<&str>) -> bool {
        let same = |own: &Option<Text>, other: &str| own.as_deref().is_none_or(|own| own == other);
        same(&self.vendor, vendor) && did.is_none_or(|did| same(&self.did, did))
    }
}
