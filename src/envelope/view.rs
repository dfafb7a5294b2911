//! Typed accessors for every field of the schema, block by block, borrowed from the envelope's bytes.
//!
//! A block is a thin value over the envelope ([`Envelope::session`], …); an array gives an iterator of such values. All
//! accessors are `Option`: `None` means absent, or of a type that a reported violation already names.

use super::{Envelope, Field, Tier, Verb};
use crate::cbor::{Item, Map};
use crate::time::{INCIDENT_REPORT_MS, Timestamp};

/// How a field's item becomes a value.
trait FromItem<'a>: Sized {
    fn from_item(item: Item<'a>) -> Option<Self>;
}

impl<'a> FromItem<'a> for &'a str {
    fn from_item(item: Item<'a>) -> Option<Self> {
        item.as_text()
    }
}

impl<'a> FromItem<'a> for Item<'a> {
    fn from_item(item: Item<'a>) -> Option<Self> {
        Some(item)
    }
}

impl<'a> FromItem<'a> for Map<'a> {
    fn from_item(item: Item<'a>) -> Option<Self> {
        item.map()
    }
}

impl FromItem<'_> for bool {
    fn from_item(item: Item<'_>) -> Option<Self> {
        item.as_bool()
    }
}

impl FromItem<'_> for f64 {
    fn from_item(item: Item<'_>) -> Option<Self> {
        item.as_float()
    }
}

impl FromItem<'_> for Timestamp {
    fn from_item(item: Item<'_>) -> Option<Self> {
        Timestamp::parse_rfc3339(item.as_time()?).ok()
    }
}

impl FromItem<'_> for Tier {
    fn from_item(item: Item<'_>) -> Option<Self> {
        Tier::parse(item.as_text()?)
    }
}

impl FromItem<'_> for Verb {
    fn from_item(item: Item<'_>) -> Option<Self> {
        Verb::parse(item.as_text()?)
    }
}

/// The elements of an array, each as a value of the schema; elements of another type are passed over.
#[derive(Clone)]
pub struct Elements<'a, T> {
    items: Option<crate::cbor::ArrayIter<'a>>,
    of: core::marker::PhantomData<T>,
}

impl<'a, T: ElementOf<'a>> Iterator for Elements<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.items.as_mut()?.find_map(T::element)
    }
}

/// What can be an element of [`Elements`].
pub trait ElementOf<'a>: Sized {
    /// The element that `item` is, if it is one.
    fn element(item: Item<'a>) -> Option<Self>;
}

impl<'a> ElementOf<'a> for &'a str {
    fn element(item: Item<'a>) -> Option<Self> {
        item.as_text()
    }
}

fn elements<'a, T>(item: Option<Item<'a>>) -> Elements<'a, T> {
    Elements {
        items: item.and_then(Item::array).map(IntoIterator::into_iter),
        of: core::marker::PhantomData,
    }
}

/// Blocks at fixed paths: `field: type = Field` reads a value, `list: [type] = Field` an array.
macro_rules! blocks {
    ($($(#[$about:meta])* $block:ident: $get:ident { $($method:ident: $ty:tt = $field:ident,)+ })+) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy)]
            pub struct $block<'e, 'a>(&'e Envelope<'a>);

            impl<'a> $block<'_, 'a> {
                $(blocks!(@accessor $method $ty $field);)+
            }
        )+

        impl<'a> Envelope<'a> {
            $(
                $(#[$about])*
                pub fn $get(&self) -> $block<'_, 'a> {
                    $block(self)
                }
            )+
        }
    };
    (@accessor $method:ident [$ty:ty] $field:ident) => {
        #[doc = concat!("The elements of [`Field::", stringify!($field), "`].")]
        pub fn $method(&self) -> Elements<'a, $ty> {
            elements(self.0.item(Field::$field))
        }
    };
    (@accessor $method:ident $ty:tt $field:ident) => {
        #[doc = concat!("[`Field::", stringify!($field), "`].")]
        pub fn $method(&self) -> Option<blocks!(@type $ty)> {
            FromItem::from_item(self.0.item(Field::$field)?)
        }
    };
    (@type text) => { &'a str };
    (@type map) => { Map<'a> };
    (@type item) => { Item<'a> };
    (@type time) => { Timestamp };
    (@type $ty:tt) => { $ty };
}

impl Envelope<'_> {
    /// When the authority must have the serious-incident report that an INCIDENT announces; `None` for other verbs. The clock
    /// starts with the envelope's issuance (OHP §6.5).
    pub fn report_due(&self) -> Option<Timestamp> {
        let issued_at = self.issued_at().filter(|_| self.verb() == Verb::Incident)?;
        Some(issued_at.plus(INCIDENT_REPORT_MS))
    }

    /// When the issuer built the envelope.
    pub fn issued_at(&self) -> Option<Timestamp> {
        FromItem::from_item(self.item(Field::IssuedAt)?)
    }

    /// Before when it must not be honoured.
    pub fn not_before(&self) -> Option<Timestamp> {
        FromItem::from_item(self.item(Field::NotBefore)?)
    }

    /// After when it must not be honoured.
    pub fn not_after(&self) -> Option<Timestamp> {
        FromItem::from_item(self.item(Field::NotAfter)?)
    }
}

impl<'a> Envelope<'a> {
    /// `caller.consent[]`.
    pub fn consents(&self) -> Elements<'a, Consent<'a>> {
        elements(self.item(Field::Consent))
    }

    /// `decisions[]`.
    pub fn decisions(&self) -> Elements<'a, Decision<'a>> {
        elements(self.item(Field::Decisions))
    }

    /// `signatures[]`.
    pub fn signatures(&self) -> Elements<'a, SignatureEntry<'a>> {
        elements(self.item(Field::Signatures))
    }
}

blocks! {
    /// `issuer`: the party that emits the envelope.
    Issuer: issuer {
        vendor: text = IssuerVendor,
        agent_id: text = IssuerAgentId,
        region: text = IssuerRegion,
        did: text = IssuerDid,
        federation: text = IssuerFederation,
        ai_role: text = IssuerAiRole,
        attestation_type: text = IssuerAttestationType,
        attestation_evidence: text = IssuerAttestationEvidence,
    }
    /// `audience`: the party that it is addressed to, and the floor that its workload sets.
    Audience: audience {
        vendor: text = AudienceVendor,
        did: text = AudienceDid,
        ai_role: text = AudienceAiRole,
        purpose: text = AudiencePurpose,
        min_tier: Tier = AudienceMinTier,
        recipient_keys: [RecipientKey<'a>] = AudienceRecipientKeys,
    }
    /// `session`: the call.
    Session: session {
        call_id: text = CallId,
        channel: text = Channel,
        locale: text = Locale,
        started_at: time = StartedAt,
        rtp_fingerprint: text = RtpFingerprint,
        sdp_hint_codecs: [&'a str] = SdpHintsCodecs,
        media: map = Media,
    }
    /// `caller.assurance`: how sure an identity provider is of the caller.
    Assurance: assurance {
        method: text = AssuranceMethod,
        ial: text = AssuranceIal,
        aal: text = AssuranceAal,
        fal: text = AssuranceFal,
        last_step_up_at: time = AssuranceLastStepUpAt,
        idp: text = AssuranceIdp,
        proof_jws: text = AssuranceProof,
    }
    /// `caller.identity`: who the caller is, as a verifiable credential.
    Identity: identity {
        sd_jwt_vc: text = SdJwtVc,
        disclosures: [&'a str] = Disclosures,
        claims_revealed: [&'a str] = ClaimsRevealed,
    }
    /// `intent`: what the conversation is about.
    Intent: intent {
        name: text = IntentName,
        confidence: f64 = IntentConfidence,
        stack: [StackedIntent<'a>] = IntentStack,
        slots: map = Slots,
    }
    /// `sealed`: fields that only their recipients can open.
    Sealed: sealed {
        alg: text = SealedAlg,
        recipients: [Recipient<'a>] = SealedRecipients,
        ciphertext: text = SealedCiphertext,
        fields: [&'a str] = SealedFields,
    }
    /// `transcript`: what was said, redacted.
    Transcript: transcript {
        format: text = TranscriptFormat,
        redaction_policy: text = TranscriptRedactionPolicy,
        redaction_version: text = TranscriptRedactionVersion,
        turns: [Turn<'a>] = Turns,
        summary: text = Summary,
    }
    /// `memory`: hints for named model families only.
    Memory: memory {
        model_allowlist: [&'a str] = ModelAllowlist,
        embeddings: [Embedding<'a>] = Embeddings,
        facts: [&'a str] = Facts,
    }
    /// `aiSystem`: the system that speaks for the issuer.
    AiSystem: ai_system {
        id: text = AiSystemId,
        version: text = AiSystemVersion,
        model_card_sha256: text = AiSystemModelCard,
        risk_class: text = AiSystemRiskClass,
        annex_iii_clause: text = AiSystemAnnexIii,
        ce_assessment_route: text = AiSystemCeRoute,
        ce_notified_body_id: text = AiSystemCeBody,
        ce_declaration_url: text = AiSystemCeDeclaration,
        ce_valid_until: text = AiSystemCeValidUntil,
        gpai_chain: [GpaiModel<'a>] = AiSystemGpaiChain,
        post_market_endpoint: text = AiSystemPostMarket,
    }
    /// `governance`: assessments, attestations and disclosures under the EU AI Act.
    Governance: governance {
        aiia_id: text = AiiaId,
        aiia_last_reviewed_at: text = AiiaLastReviewedAt,
        aiia_residual_risk: text = AiiaResidualRisk,
        aiia_uri: text = AiiaUri,
        fria_id: text = FriaId,
        fria_completed_at: text = FriaCompletedAt,
        fria_uri: text = FriaUri,
        subliminal_manipulation: bool = ProhibitedSubliminal,
        social_scoring: bool = ProhibitedSocialScoring,
        rt_biometric_id_public: bool = ProhibitedBiometricId,
        emotion_recognition_workplace: bool = ProhibitedEmotion,
        sensitive_biometric_categorisation: bool = ProhibitedCategorisation,
        prohibited: item = Prohibited,
        prohibited_attestation_jws: text = ProhibitedAttestation,
        art50: item = Art50,
        art50_disclosed: bool = Art50Disclosed,
        art50_at: time = Art50At,
        art50_modality: text = Art50Modality,
        art50_language: text = Art50Language,
        art50_transcript: text = Art50Transcript,
        art50_ack: text = Art50Ack,
        art50_proof_jws: text = Art50Proof,
        art86_available: bool = Art86Available,
        art86_endpoint: text = Art86Endpoint,
    }
    /// `oversight`: the humans behind the system.
    Oversight: oversight {
        mode: text = OversightMode,
        supervisor_presence: text = SupervisorPresence,
        supervisor_identity: text = SupervisorIdentity,
        supervisor_channel_ref: text = SupervisorChannel,
        escalation_triggers: [&'a str] = EscalationTriggers,
        escalation_verb: Verb = EscalationVerb,
        escalation_target: text = EscalationTarget,
        last_review_at: time = OversightLastReviewAt,
    }
    /// `policy`: what the receiver may do with what it is told.
    Policy: policy {
        retention_transcript: text = RetentionTranscript,
        retention_audio: text = RetentionAudio,
        retention_embeddings: text = RetentionEmbeddings,
        redaction_pii: text = RedactionPii,
        redaction_pci: text = RedactionPci,
        redaction_phi: text = RedactionPhi,
        guardrails: [&'a str] = Guardrails,
        data_residency: [&'a str] = DataResidency,
    }
    /// `control`: what the envelope asks for.
    Control: control {
        verb: Verb = ControlVerb,
        reason: text = ControlReason,
        nonce: text = Nonce,
        fallback_verb: Verb = FallbackVerb,
        fallback_after: text = FallbackAfter,
        fallback_acceptable_reasons: [&'a str] = FallbackReasons,
        proposed_id: text = ProposedId,
    }
    /// `transparency`: the log that the envelope was anchored in.
    Transparency: transparency {
        log_id: text = LogId,
        leaf_hash: text = LeafHash,
    }
}

/// Elements of arrays: maps whose members are looked up by key.
macro_rules! element_views {
    ($($(#[$about:meta])* $name:ident { $($method:ident: $ty:tt = $key:literal,)+ })+) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy)]
            pub struct $name<'a>(Map<'a>);

            impl<'a> ElementOf<'a> for $name<'a> {
                fn element(item: Item<'a>) -> Option<Self> {
                    item.map().map(Self)
                }
            }

            impl<'a> $name<'a> {
                $(element_views!(@accessor $method $ty $key);)+
            }
        )+
    };
    (@accessor $method:ident [$ty:ty] $key:literal) => {
        #[doc = concat!("The elements of `", $key, "`.")]
        pub fn $method(&self) -> Elements<'a, $ty> {
            elements(self.0.get($key))
        }
    };
    (@accessor $method:ident $ty:tt $key:literal) => {
        #[doc = concat!("`", $key, "`.")]
        pub fn $method(&self) -> Option<blocks!(@type $ty)> {
            FromItem::from_item(self.0.get($key)?)
        }
    };
}

element_views! {
    /// An entry of `caller.consent[]`: a reference to an ISO/IEC 27560 receipt.
    Consent {
        receipt_id: text = "receiptId",
        purpose: text = "purpose",
        scope: [&'a str] = "scope",
        lawful_basis: text = "lawfulBasis",
        special_category_basis: text = "specialCategoryBasis",
        jurisdiction: text = "jurisdiction",
        transfer_mechanism: text = "transferMechanism",
    }
    /// An entry of `intent.stack[]`: an intent that came before.
    StackedIntent {
        name: text = "name",
        status: text = "status",
    }
    /// An entry of `audience.recipientKeys[]`.
    RecipientKey {
        kid: text = "kid",
        alg: text = "alg",
    }
    /// An entry of `sealed.recipients[]`.
    Recipient {
        kid: text = "kid",
        enc: text = "enc",
    }
    /// An entry of `transcript.turns[]`; `t` is plain text (interpretations, row 1).
    Turn {
        t: text = "t",
        role: text = "role",
        text: text = "text",
    }
    /// An entry of `memory.embeddings[]`.
    Embedding {
        model: text = "model",
        vector_ref: text = "vectorRef",
    }
    /// An entry of `aiSystem.gpaiChain[]`.
    GpaiModel {
        provider: text = "provider",
        model: text = "model",
        systemic_risk: bool = "systemicRisk",
        policy_url: text = "policyUrl",
    }
    /// An entry of `decisions[]`.
    Decision {
        id: text = "id",
        at: time = "at",
        kind: text = "type",
        input: map = "input",
        output: map = "output",
        model: text = "model",
        rationale_ref: text = "rationaleRef",
        human_reviewed: bool = "humanReviewed",
        reviewer: text = "reviewer",
    }
    /// An entry of `signatures[]`.
    SignatureEntry {
        kid: text = "kid",
        alg: text = "alg",
        jws: text = "jws",
    }
}
