//! The protocol's closed vocabularies: tier, verb, reason of a REJECT.
//!
//! Only the words and their order are here. What a tier demands is in `schema`, what a verb does in
//! [`crate::control`], when a reason is given in [`crate::verify`].

use core::fmt;

macro_rules! terms {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that stands for it on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value that `text` stands for; exact, as the schema demands.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

terms! {
    /// A conformance tier (OHP §3.1). Ordered: each is a strict superset of the one before.
    Tier {
        /// Anonymous context, unsigned.
        Core = "core",
        /// A detached Ed25519 signature over the canonical CBOR.
        Signed = "signed",
        /// Sealed fields, identity and assurance signed by a provider, consent receipts.
        Sealed = "sealed",
        /// Hybrid signatures, transparency log, AI governance.
        Regulated = "regulated",
    }
}

terms! {
    /// A control verb (OHP §8.1).
    Verb {
        /// "I would like to hand this conversation to you."
        Propose = "PROPOSE",
        /// "I will take it."
        Accept = "ACCEPT",
        /// "I will not take it."
        Reject = "REJECT",
        /// "The new holder holds it: drop your leg."
        Assume = "ASSUME",
        /// "I hand it back to you."
        Return = "RETURN",
        /// A serious-incident report; Regulated only.
        Incident = "INCIDENT",
    }
}

terms! {
    /// A reason that a REJECT may carry (OHP §8.3).
    RejectReason {
        /// The tier is below the workload's floor or above the receiver's ceiling.
        TierInsufficient = "tier-insufficient",
        /// A signature failed, or its key is unknown or revoked.
        SignatureInvalid = "signature-invalid",
        /// Outside its lifetime, or its lifetime is too long.
        Stale = "stale",
        /// Made for another call, or already seen on one.
        NotBoundToCall = "not-bound-to-call",
        /// The receiver's processing exceeds the consent.
        ConsentOutOfScope = "consent-out-of-scope",
        /// The caller's assurance is too low or unproven.
        AssuranceInsufficient = "assurance-insufficient",
        /// The AI Act risk class is not accepted here.
        RiskClassNotAllowed = "risk-class-not-allowed",
        /// A prohibited practice is asserted.
        ProhibitedPractice = "prohibited-practice",
        /// The human oversight is too weak.
        OversightMissing = "oversight-missing",
        /// A systemic-risk model has no resolvable policy.
        GpaiPolicyMissing = "gpai-policy-missing",
        /// The issuer's key sent too many envelopes.
        RateLimit = "rate-limit",
        /// Anything else.
        Unknown = "unknown",
    }
}
