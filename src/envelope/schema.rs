//! The envelope's schema as data: every member, in canonical order, with the rule that its value obeys.
//!
//! One table serves the check of received bytes (`read`), the typing of JSON (`SHAPE`) and the demands of the tiers.
//! Sources: `ohp-envelope.schema.json`, `ohp-envelope.cddl` (which members carry tag 0) and OHP §4.2. Nothing here
//! looks at bytes.

use super::Tier;
use crate::cbor::json::{Form, Shape};

/// What a member's value must look like.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Text that identifies or refers to something.
    Text,
    /// Text that a person or a model wrote; searched for card numbers (interpretations, row 11).
    Prose,
    /// Exactly this text.
    Const(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A ULID behind this prefix.
    Ulid(&'static str),
    /// `did:method:…`
    Did,
    /// `sha256:` and 64 lower-case hexadecimal digits.
    Sha256,
    /// At least 16 lower-case hexadecimal digits.
    Nonce,
    /// 1 to 64 lower-case letters, digits, dashes.
    Vendor,
    /// This many upper-case letters.
    Capitals(usize, usize),
    /// An absolute URI (RFC 3986): a scheme, a colon, something, no white space.
    Uri,
    /// A full date, `YYYY-MM-DD` (RFC 3339).
    Date,
    /// An RFC 3339 date-time under tag 0.
    Time,
    /// `true` or `false`.
    Bool,
    /// A float from 0 to 1.
    Confidence,
    /// Text or `null`.
    TextOrNull,
    /// A map with these members; others are unknown fields and kept.
    Map(&'static [Member]),
    /// A map with any text keys and any values.
    Free,
    /// An array of at least so many elements.
    List(&'static Rule, u32),
}

/// One member of a map.
pub(super) struct Member {
    /// Its key.
    pub key: &'static str,
    /// Its full path; `[]` stands where an index goes.
    pub path: &'static str,
    /// Where its place is recorded; `None` inside arrays.
    pub field: Option<Field>,
    /// What its value must look like.
    pub rule: Rule,
    /// Whether the JSON Schema demands it wherever its parent stands.
    pub required: bool,
}

macro_rules! fields {
    ($($name:ident = $path:literal,)+) => {
        /// A member that stands at one fixed path (that is, not inside an array).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field { $(#[doc = concat!("`", $path, "`")] $name,)+ }

        impl Field {
            /// Every field, in the order of the schema's own text.
            pub const ALL: &'static [Field] = &[$(Field::$name,)+];

            /// The field's path, such as `issuer.did`.
            pub const fn path(self) -> &'static str {
                match self { $(Field::$name => $path,)+ }
            }
        }
    };
}

fields! {
    Ohp = "ohp",
    Conformance = "conformance",
    Id = "id",
    IssuedAt = "issuedAt",
    NotBefore = "notBefore",
    NotAfter = "notAfter",
    Issuer = "issuer",
    IssuerVendor = "issuer.vendor",
    IssuerAgentId = "issuer.agentId",
    IssuerRegion = "issuer.region",
    IssuerDid = "issuer.did",
    IssuerFederation = "issuer.federation",
    IssuerAiRole = "issuer.aiRole",
    IssuerAttestation = "issuer.attestation",
    IssuerAttestationType = "issuer.attestation.type",
    IssuerAttestationEvidence = "issuer.attestation.evidence",
    Audience = "audience",
    AudienceVendor = "audience.vendor",
    AudienceDid = "audience.did",
    AudienceAiRole = "audience.aiRole",
    AudiencePurpose = "audience.purpose",
    AudienceMinTier = "audience.minTier",
    AudienceRecipientKeys = "audience.recipientKeys",
    AiSystem = "aiSystem",
    AiSystemId = "aiSystem.id",
    AiSystemVersion = "aiSystem.version",
    AiSystemModelCard = "aiSystem.modelCardSha256",
    AiSystemRiskClass = "aiSystem.riskClass",
    AiSystemAnnexIii = "aiSystem.annexIIIClause",
    AiSystemCe = "aiSystem.ceConformity",
    AiSystemCeRoute = "aiSystem.ceConformity.assessmentRoute",
    AiSystemCeBody = "aiSystem.ceConformity.notifiedBodyId",
    AiSystemCeDeclaration = "aiSystem.ceConformity.declarationUrl",
    AiSystemCeValidUntil = "aiSystem.ceConformity.validUntil",
    AiSystemGpaiChain = "aiSystem.gpaiChain",
    AiSystemPostMarket = "aiSystem.postMarketEndpoint",
    Governance = "governance",
    Aiia = "governance.aiia",
    AiiaId = "governance.aiia.id",
    AiiaLastReviewedAt = "governance.aiia.lastReviewedAt",
    AiiaResidualRisk = "governance.aiia.residualRisk",
    AiiaUri = "governance.aiia.uri",
    Fria = "governance.fria",
    FriaId = "governance.fria.id",
    FriaCompletedAt = "governance.fria.completedAt",
    FriaUri = "governance.fria.uri",
    Prohibited = "governance.prohibited",
    ProhibitedSubliminal = "governance.prohibited.subliminalManipulation",
    ProhibitedSocialScoring = "governance.prohibited.socialScoring",
    ProhibitedBiometricId = "governance.prohibited.rtBiometricIdPublic",
    ProhibitedEmotion = "governance.prohibited.emotionRecognitionWorkplace",
    ProhibitedCategorisation = "governance.prohibited.sensitiveBiometricCategorisation",
    ProhibitedAttestation = "governance.prohibited.attestationJws",
    Art50 = "governance.art50Disclosure",
    Art50Disclosed = "governance.art50Disclosure.disclosed",
    Art50At = "governance.art50Disclosure.at",
    Art50Modality = "governance.art50Disclosure.modality",
    Art50Language = "governance.art50Disclosure.language",
    Art50Transcript = "governance.art50Disclosure.transcript",
    Art50Ack = "governance.art50Disclosure.ack",
    Art50Proof = "governance.art50Disclosure.proofJws",
    Art86 = "governance.art86Explanation",
    Art86Available = "governance.art86Explanation.available",
    Art86Endpoint = "governance.art86Explanation.endpoint",
    Oversight = "oversight",
    OversightMode = "oversight.mode",
    Supervisor = "oversight.supervisor",
    SupervisorPresence = "oversight.supervisor.presence",
    SupervisorIdentity = "oversight.supervisor.identity",
    SupervisorChannel = "oversight.supervisor.channelRef",
    Escalation = "oversight.escalation",
    EscalationTriggers = "oversight.escalation.triggers",
    EscalationVerb = "oversight.escalation.verb",
    EscalationTarget = "oversight.escalation.target",
    OversightLastReviewAt = "oversight.lastReviewAt",
    Session = "session",
    CallId = "session.callId",
    Channel = "session.channel",
    Locale = "session.locale",
    StartedAt = "session.startedAt",
    Media = "session.media",
    RtpFingerprint = "session.media.rtpFingerprint",
    SdpHints = "session.media.sdpHints",
    SdpHintsCodecs = "session.media.sdpHints.codecs",
    Caller = "caller",
    Assurance = "caller.assurance",
    AssuranceMethod = "caller.assurance.method",
    AssuranceIal = "caller.assurance.ial",
    AssuranceAal = "caller.assurance.aal",
    AssuranceFal = "caller.assurance.fal",
    AssuranceLastStepUpAt = "caller.assurance.lastStepUpAt",
    AssuranceIdp = "caller.assurance.idp",
    AssuranceProof = "caller.assurance.proofJws",
    Identity = "caller.identity",
    SdJwtVc = "caller.identity.sdJwtVc",
    Disclosures = "caller.identity.disclosures",
    ClaimsRevealed = "caller.identity.claimsRevealed",
    Consent = "caller.consent",
    Intent = "intent",
    IntentCurrent = "intent.current",
    IntentName = "intent.current.name",
    IntentConfidence = "intent.current.confidence",
    IntentStack = "intent.stack",
    Slots = "intent.slots",
    Sealed = "sealed",
    SealedAlg = "sealed.alg",
    SealedRecipients = "sealed.recipients",
    SealedCiphertext = "sealed.ciphertext",
    SealedFields = "sealed.fields",
    Transcript = "transcript",
    TranscriptFormat = "transcript.format",
    TranscriptRedaction = "transcript.redaction",
    TranscriptRedactionPolicy = "transcript.redaction.policy",
    TranscriptRedactionVersion = "transcript.redaction.version",
    Turns = "transcript.turns",
    Summary = "transcript.summary",
    Memory = "memory",
    ModelAllowlist = "memory.modelAllowlist",
    Embeddings = "memory.embeddings",
    Facts = "memory.facts",
    Decisions = "decisions",
    Policy = "policy",
    Retention = "policy.retention",
    RetentionTranscript = "policy.retention.transcript",
    RetentionAudio = "policy.retention.audio",
    RetentionEmbeddings = "policy.retention.embeddings",
    Redaction = "policy.redaction",
    RedactionPii = "policy.redaction.pii",
    RedactionPci = "policy.redaction.pci",
    RedactionPhi = "policy.redaction.phi",
    Guardrails = "policy.guardrails",
    DataResidency = "policy.dataResidency",
    Control = "control",
    ControlVerb = "control.verb",
    ControlReason = "control.reason",
    Fallback = "control.fallback",
    FallbackVerb = "control.fallback.verb",
    FallbackAfter = "control.fallback.after",
    FallbackReasons = "control.fallback.acceptableReasons",
    Refs = "control.refs",
    ProposedId = "control.refs.proposedId",
    Nonce = "control.nonce",
    Transparency = "transparency",
    LogId = "transparency.logId",
    LeafHash = "transparency.leafHash",
    Signatures = "signatures",
}

/// How many fields there are.
pub(super) const FIELD_COUNT: usize = Field::ALL.len();

/// `key!` is demanded by the JSON Schema, `key?` is not; `=> Name` records the member's place.
macro_rules! members {
    (@required !) => { true };
    (@required ?) => { false };
    (@field) => { None };
    (@field $field:ident) => { Some(Field::$field) };
    ($parent:literal { $($key:literal $need:tt $rule:expr $(=> $field:ident)?;)+ }) => {
        &[$(Member {
            key: $key,
            path: concat!($parent, $key),
            field: members!(@field $($field)?),
            rule: $rule,
            required: members!(@required $need),
        },)+]
    };
}

const TIERS: Rule = Rule::OneOf(&["core", "signed", "sealed", "regulated"]);
const VERBS: Rule = Rule::OneOf(&["PROPOSE", "ACCEPT", "REJECT", "ASSUME", "RETURN", "INCIDENT"]);
const AI_ROLES: Rule = Rule::OneOf(&["provider", "deployer", "importer", "distributor"]);
const MASKS: Rule = Rule::OneOf(&["mask", "drop", "none"]);
const TEXTS: Rule = Rule::List(&Rule::Text, 0);
const PROSE: Rule = Rule::List(&Rule::Prose, 0);

/// The envelope's own members.
pub(super) static ENVELOPE: &[Member] = members!("" {
    "id"! Rule::Ulid(crate::id::ENVELOPE_ID_PREFIX) => Id;
    "ohp"! Rule::Const(super::VERSION) => Ohp;
    "caller"? Rule::Map(members!("caller." {
        "consent"? Rule::List(&Rule::Map(CONSENT), 0) => Consent;
        "identity"? Rule::Map(members!("caller.identity." {
            "sdJwtVc"? Rule::Text => SdJwtVc;
            "disclosures"? TEXTS => Disclosures;
            "claimsRevealed"? TEXTS => ClaimsRevealed;
        })) => Identity;
        "assurance"? Rule::Map(members!("caller.assurance." {
            "aal"! Rule::OneOf(&["AAL1", "AAL2", "AAL3"]) => AssuranceAal;
            "fal"! Rule::OneOf(&["FAL1", "FAL2", "FAL3"]) => AssuranceFal;
            "ial"! Rule::OneOf(&["IAL1", "IAL2", "IAL3"]) => AssuranceIal;
            "idp"! Rule::Did => AssuranceIdp;
            "method"! Rule::Text => AssuranceMethod;
            "proofJws"! Rule::Text => AssuranceProof;
            "lastStepUpAt"? Rule::Time => AssuranceLastStepUpAt;
        })) => Assurance;
    })) => Caller;
    "intent"! Rule::Map(members!("intent." {
        "slots"! Rule::Free => Slots;
        "stack"! Rule::List(&Rule::Map(INTENT_STACK), 0) => IntentStack;
        "current"! Rule::Map(members!("intent.current." {
            "name"! Rule::Prose => IntentName;
            "confidence"! Rule::Confidence => IntentConfidence;
        })) => IntentCurrent;
    })) => Intent;
    "issuer"! Rule::Map(members!("issuer." {
        "did"? Rule::Did => IssuerDid;
        "aiRole"? AI_ROLES => IssuerAiRole;
        "region"! Rule::Text => IssuerRegion;
        "vendor"! Rule::Vendor => IssuerVendor;
        "agentId"! Rule::Text => IssuerAgentId;
        "federation"? Rule::Did => IssuerFederation;
        "attestation"? Rule::Map(members!("issuer.attestation." {
            "type"! Rule::Text => IssuerAttestationType;
            "evidence"! Rule::Text => IssuerAttestationEvidence;
        })) => IssuerAttestation;
    })) => Issuer;
    "memory"? Rule::Map(members!("memory." {
        "facts"? PROSE => Facts;
        "embeddings"? Rule::List(&Rule::Map(EMBEDDING), 0) => Embeddings;
        "modelAllowlist"? TEXTS => ModelAllowlist;
    })) => Memory;
    "policy"? Rule::Map(members!("policy." {
        "redaction"? Rule::Map(members!("policy.redaction." {
            "pci"? MASKS => RedactionPci;
            "phi"? MASKS => RedactionPhi;
            "pii"? MASKS => RedactionPii;
        })) => Redaction;
        "retention"? Rule::Map(members!("policy.retention." {
            "audio"? Rule::Text => RetentionAudio;
            "embeddings"? Rule::Text => RetentionEmbeddings;
            "transcript"? Rule::Text => RetentionTranscript;
        })) => Retention;
        "guardrails"? TEXTS => Guardrails;
        "dataResidency"? Rule::List(&Rule::Capitals(2, 4), 0) => DataResidency;
    })) => Policy;
    "sealed"? Rule::Map(members!("sealed." {
        "alg"! Rule::Const("HPKE/X25519-SHA256-CHACHA20POLY1305") => SealedAlg;
        "fields"! TEXTS => SealedFields;
        "ciphertext"! Rule::Text => SealedCiphertext;
        "recipients"! Rule::List(&Rule::Map(RECIPIENT), 1) => SealedRecipients;
    })) => Sealed;
    "control"! Rule::Map(members!("control." {
        "refs"? Rule::Map(members!("control.refs." {
            "proposedId"? Rule::Text => ProposedId;
        })) => Refs;
        "verb"! VERBS => ControlVerb;
        "nonce"! Rule::Nonce => Nonce;
        "reason"? Rule::Text => ControlReason;
        "fallback"? Rule::Map(members!("control.fallback." {
            "verb"? Rule::Text => FallbackVerb;
            "after"? Rule::Text => FallbackAfter;
            "acceptableReasons"? TEXTS => FallbackReasons;
        })) => Fallback;
    })) => Control;
    "session"! Rule::Map(members!("session." {
        "media"? Rule::Map(members!("session.media." {
            "sdpHints"? Rule::Map(members!("session.media.sdpHints." {
                "codecs"? TEXTS => SdpHintsCodecs;
            })) => SdpHints;
            "rtpFingerprint"? Rule::Sha256 => RtpFingerprint;
        })) => Media;
        "callId"! Rule::Text => CallId;
        "locale"! Rule::Text => Locale;
        "channel"! Rule::OneOf(&[
            "voice/pstn", "voice/webrtc", "voice/sip", "chat/web", "chat/sms", "video/webrtc",
        ]) => Channel;
        "startedAt"? Rule::Time => StartedAt;
    })) => Session;
    "aiSystem"? Rule::Map(members!("aiSystem." {
        "id"! Rule::Text => AiSystemId;
        "version"! Rule::Text => AiSystemVersion;
        "gpaiChain"? Rule::List(&Rule::Map(GPAI), 0) => AiSystemGpaiChain;
        "riskClass"! Rule::OneOf(&["prohibited", "high", "limited", "minimal"]) => AiSystemRiskClass;
        "ceConformity"? Rule::Map(members!("aiSystem.ceConformity." {
            "validUntil"? Rule::Date => AiSystemCeValidUntil;
            "declarationUrl"! Rule::Uri => AiSystemCeDeclaration;
            "notifiedBodyId"? Rule::TextOrNull => AiSystemCeBody;
            "assessmentRoute"! Rule::OneOf(&["self", "notified-body"]) => AiSystemCeRoute;
        })) => AiSystemCe;
        "annexIIIClause"? Rule::Text => AiSystemAnnexIii;
        "modelCardSha256"! Rule::Sha256 => AiSystemModelCard;
        "postMarketEndpoint"? Rule::Uri => AiSystemPostMarket;
    })) => AiSystem;
    "audience"! Rule::Map(members!("audience." {
        "did"? Rule::Did => AudienceDid;
        "aiRole"? AI_ROLES => AudienceAiRole;
        "vendor"! Rule::Text => AudienceVendor;
        "minTier"! TIERS => AudienceMinTier;
        "purpose"! Rule::Text => AudiencePurpose;
        "recipientKeys"? Rule::List(&Rule::Map(RECIPIENT_KEY), 0) => AudienceRecipientKeys;
    })) => Audience;
    "issuedAt"! Rule::Time => IssuedAt;
    "notAfter"! Rule::Time => NotAfter;
    "decisions"? Rule::List(&Rule::Map(DECISION), 0) => Decisions;
    "notBefore"? Rule::Time => NotBefore;
    "oversight"? Rule::Map(members!("oversight." {
        "mode"! Rule::OneOf(&["human-in-the-loop", "human-on-the-loop", "human-in-command"]) => OversightMode;
        "escalation"? Rule::Map(members!("oversight.escalation." {
            "verb"? VERBS => EscalationVerb;
            "target"? Rule::Text => EscalationTarget;
            "triggers"? TEXTS => EscalationTriggers;
        })) => Escalation;
        "supervisor"? Rule::Map(members!("oversight.supervisor." {
            "identity"? Rule::Text => SupervisorIdentity;
            "presence"? Rule::OneOf(&["live", "available", "none"]) => SupervisorPresence;
            "channelRef"? Rule::Text => SupervisorChannel;
        })) => Supervisor;
        "lastReviewAt"? Rule::Time => OversightLastReviewAt;
    })) => Oversight;
    "governance"? Rule::Map(members!("governance." {
        "aiia"? Rule::Map(members!("governance.aiia." {
            "id"! Rule::Text => AiiaId;
            "uri"! Rule::Text => AiiaUri;
            "residualRisk"? Rule::OneOf(&["low", "medium", "high"]) => AiiaResidualRisk;
            "lastReviewedAt"! Rule::Date => AiiaLastReviewedAt;
        })) => Aiia;
        "fria"? Rule::Map(members!("governance.fria." {
            "id"! Rule::Text => FriaId;
            "uri"! Rule::Text => FriaUri;
            "completedAt"! Rule::Date => FriaCompletedAt;
        })) => Fria;
        "prohibited"? Rule::Map(members!("governance.prohibited." {
            "socialScoring"! Rule::Bool => ProhibitedSocialScoring;
            "attestationJws"! Rule::Text => ProhibitedAttestation;
            "rtBiometricIdPublic"! Rule::Bool => ProhibitedBiometricId;
            "subliminalManipulation"! Rule::Bool => ProhibitedSubliminal;
            "emotionRecognitionWorkplace"! Rule::Bool => ProhibitedEmotion;
            "sensitiveBiometricCategorisation"! Rule::Bool => ProhibitedCategorisation;
        })) => Prohibited;
        "art50Disclosure"? Rule::Map(members!("governance.art50Disclosure." {
            "at"! Rule::Time => Art50At;
            "ack"! Rule::OneOf(&["explicit-yes", "implicit-continuation"]) => Art50Ack;
            "language"! Rule::Text => Art50Language;
            "modality"! Rule::OneOf(&["voice-prompt", "tts-preamble", "dtmf"]) => Art50Modality;
            "proofJws"! Rule::Text => Art50Proof;
            "disclosed"! Rule::Bool => Art50Disclosed;
            "transcript"! Rule::Prose => Art50Transcript;
        })) => Art50;
        "art86Explanation"? Rule::Map(members!("governance.art86Explanation." {
            "endpoint"! Rule::Uri => Art86Endpoint;
            "available"! Rule::Bool => Art86Available;
        })) => Art86;
    })) => Governance;
    "signatures"? Rule::List(&Rule::Map(SIGNATURE), 0) => Signatures;
    "transcript"? Rule::Map(members!("transcript." {
        "turns"? Rule::List(&Rule::Map(TURN), 0) => Turns;
        "format"? Rule::Const("ohp.turns/v1") => TranscriptFormat;
        "summary"! Rule::Prose => Summary;
        "redaction"? Rule::Map(members!("transcript.redaction." {
            "policy"! Rule::Text => TranscriptRedactionPolicy;
            "version"! Rule::Text => TranscriptRedactionVersion;
        })) => TranscriptRedaction;
    })) => Transcript;
    "conformance"! TIERS => Conformance;
    "transparency"? Rule::Map(members!("transparency." {
        "logId"! Rule::Text => LogId;
        "leafHash"! Rule::Sha256 => LeafHash;
    })) => Transparency;
});

static CONSENT: &[Member] = members!("caller.consent[]." {
    "scope"! TEXTS;
    "purpose"! Rule::Text;
    "receiptId"! Rule::Text;
    "lawfulBasis"! Rule::Text;
    "jurisdiction"! Rule::Capitals(2, 2);
    "transferMechanism"? Rule::OneOf(&["scc", "dpf", "adequacy", "uk-adequacy", "none"]);
    "specialCategoryBasis"? Rule::TextOrNull;
});

static INTENT_STACK: &[Member] = members!("intent.stack[]." {
    "name"! Rule::Prose;
    "status"! Rule::OneOf(&["satisfied", "pending", "failed"]);
});

static EMBEDDING: &[Member] = members!("memory.embeddings[]." {
    "model"! Rule::Text;
    "vectorRef"! Rule::Text;
});

static RECIPIENT: &[Member] = members!("sealed.recipients[]." {
    "enc"! Rule::Text;
    "kid"! Rule::Text;
});

static GPAI: &[Member] = members!("aiSystem.gpaiChain[]." {
    "model"! Rule::Text;
    "provider"! Rule::Text;
    "policyUrl"? Rule::Uri;
    "systemicRisk"! Rule::Bool;
});

static RECIPIENT_KEY: &[Member] = members!("audience.recipientKeys[]." {
    "alg"! Rule::Text;
    "kid"! Rule::Text;
});

pub(super) static DECISION: &[Member] = members!("decisions[]." {
    "at"! Rule::Time;
    "id"! Rule::Ulid(crate::id::DECISION_ID_PREFIX);
    "type"! Rule::OneOf(&[
        "intent.classification", "slot.assignment", "routing.decision", "payment.authorisation",
        "assurance.step-up", "tool.call", "policy.refusal", "escalation",
    ]);
    "input"! Rule::Free;
    "model"? Rule::Text;
    "output"! Rule::Free;
    "reviewer"? Rule::Text;
    "rationaleRef"? Rule::Text;
    "humanReviewed"? Rule::Bool;
});

static SIGNATURE: &[Member] = members!("signatures[]." {
    "alg"! Rule::OneOf(&["EdDSA", "ML-DSA-65"]);
    "jws"! Rule::Text;
    "kid"! Rule::Text;
});

static TURN: &[Member] = members!("transcript.turns[]." {
    "t"! Rule::Text;
    "role"! Rule::OneOf(&["caller", "agent", "system"]);
    "text"! Rule::Prose;
});

/// What a tier asks of a field that its parent's rule leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It must stand there: step 0.
    Must,
    /// It must not stand there: step 0 (interpretations, row 11).
    Never,
    /// Its absence is worth a warning (interpretations, row 30).
    Warn,
    /// Nothing is asked at step 0; a later step may.
    Open,
}

/// OHP §4.2 and the schema's `allOf`, for what the members' own `required` does not say already. Columns: Core,
/// Signed, Sealed, Regulated. Left to later steps (interpretations, row 30): consent, AIIA, FRIA, the prohibited-practice
/// attestation, Art. 50, Art. 86, oversight, and how many signatures there are.
pub(super) static TIER_NEEDS: &[(Field, [Need; 4])] = {
    use Need::{Must as M, Never as N, Open as O, Warn as W};
    &[
        (Field::NotBefore, [O, O, O, M]),
        (Field::IssuerDid, [O, M, M, M]),
        (Field::IssuerFederation, [O, O, M, M]),
        (Field::IssuerAiRole, [O, O, O, M]),
        (Field::AudienceDid, [O, M, M, M]),
        (Field::AudienceRecipientKeys, [O, O, M, M]),
        (Field::RtpFingerprint, [O, O, M, M]),
        (Field::Assurance, [N, N, M, M]),
        (Field::Identity, [N, N, M, M]),
        (Field::SdJwtVc, [O, O, M, M]),
        (Field::Sealed, [N, N, O, O]),
        (Field::Transcript, [M, M, M, M]),
        (Field::TranscriptRedaction, [O, M, M, M]),
        (Field::AiSystem, [N, N, N, M]),
        (Field::Governance, [N, N, N, M]),
        (Field::Decisions, [N, N, N, M]),
        (Field::Retention, [O, M, M, M]),
        (Field::Redaction, [O, M, M, M]),
        (Field::DataResidency, [O, M, M, M]),
        (Field::Guardrails, [O, O, O, W]),
        (Field::ControlReason, [O, M, M, M]),
        (Field::Transparency, [O, O, O, M]),
        (Field::Signatures, [O, M, M, M]),
    ]
};

impl Need {
    /// What `tier` asks, out of a row of [`TIER_NEEDS`].
    pub(super) fn at(row: &[Need; 4], tier: Tier) -> Need {
        row[tier as usize]
    }
}

/// The typing that JSON lacks: which members are date-times and which are floats (interpretations, rows 1 and 3).
///
/// Hand it to [`crate::cbor::json::to_cbor`] to turn an envelope's JSON into its canonical CBOR.
#[derive(Clone, Copy)]
pub struct EnvelopeShape(Option<&'static Rule>);

static ENVELOPE_RULE: Rule = Rule::Map(ENVELOPE);

/// The shape of an envelope.
pub const SHAPE: EnvelopeShape = EnvelopeShape(Some(&ENVELOPE_RULE));

impl Shape for EnvelopeShape {
    fn member(self, key: &str) -> Self {
        let Some(Rule::Map(members)) = self.0 else {
            return Self(None);
        };
        Self(
            members
                .iter()
                .find(|member| member.key == key)
                .map(|member| &member.rule),
        )
    }

    fn element(self) -> Self {
        let Some(Rule::List(of, _)) = self.0 else {
            return Self(None);
        };
        Self(Some(of))
    }

    fn form(self) -> Form {
        match self.0 {
            Some(Rule::Time) => Form::Time,
            Some(Rule::Confidence) => Form::Float,
            _ => Form::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(members: &'static [Member], parent: &str, seen: &mut std::vec::Vec<Field>) {
        for pair in members.windows(2) {
            let rank = |member: &Member| (member.key.len(), member.key);
            assert!(
                rank(&pair[0]) < rank(&pair[1]),
                "{} before {}",
                pair[0].path,
                pair[1].path
            );
        }
        for member in members {
            assert_eq!(member.path, std::format!("{parent}{}", member.key));
            assert_eq!(member.field.is_none(), member.path.contains("[]"), "{}", member.path);
            if let Some(field) = member.field {
                assert_eq!(field.path(), member.path);
                seen.push(field);
            }
            match member.rule {
                Rule::Map(inner) => walk(inner, &std::format!("{}.", member.path), seen),
                Rule::List(Rule::Map(inner), _) => walk(inner, &std::format!("{}[].", member.path), seen),
                _ => {}
            }
        }
    }

    #[test]
    fn members_stand_in_canonical_order_under_their_own_paths() {
        let mut seen = std::vec::Vec::new();
        walk(ENVELOPE, "", &mut seen);
        seen.sort_unstable();
        assert_eq!(seen, Field::ALL);
    }
}
