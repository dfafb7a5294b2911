//! The trust bundle: everything that a resolver has gathered, as one immutable value.
//!
//! It is read once, while a context is loaded ([`Bundle::from_json`]); then verification looks things up in it, without
//! allocating. What is not in the bundle is not fetched: it is a `need` of the verdict (interpretations, row 31).
//!
//! Not here: what follows from any of it. A bundle holds the receiver's policy, it does not apply it; only
//! [`Bundle::is_admitted`] is a judgement, because it is one over names.

mod evidence;
mod party;
#[cfg(feature = "std")]
mod read;
mod receiver;

pub use evidence::{ConsentReceipt, Log, LogEntry, Resource};
pub use party::{Federation, IdentityProvider, Issuer, LevelCaps};
pub use receiver::{DEFAULT_RATE_PER_KID, Receiver};

use super::jwk::JwkSet;
use super::{List, Text};

/// The version of the bundle's form that this library reads (`ohpTrust`).
pub const BUNDLE_VERSION: u64 = 1;

/// Most issuers' keys of a bundle that are [precomputed](crate::crypto::ed25519::PrecomputedKey) while it is read: 1 MB
/// and about 35 ms. Signatures by further keys take longer to verify.
pub const PRECOMPUTED_KEYS_MAX: usize = 32;

/// Values by name, sorted by name.
#[derive(Debug)]
pub struct Directory<T: 'static>(List<(Text, T)>);

impl<T> Directory<T> {
    /// A directory of `entries`; `None` unless their names ascend strictly, byte by byte.
    pub fn new(entries: List<(Text, T)>) -> Option<Self> {
        entries
            .is_sorted_by(|(left, _), (right, _)| left < right)
            .then_some(Self(entries))
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All names with their values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self(List::default())
    }
}

/// The trust bundle. Members that it may leave out are empty.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Who we are, what we accept.
    pub receiver: Receiver,
    /// Senders, by DID.
    pub issuers: Directory<Issuer>,
    /// OpenID Federation trust anchors, by entity identifier.
    pub trust_anchors: Directory<JwkSet>,
    /// Identity providers, by DID.
    pub identity_providers: Directory<IdentityProvider>,
    /// Consent receipts, by `receiptId`.
    pub consent_receipts: Directory<ConsentReceipt>,
    /// What a URL was found to answer.
    pub resources: Directory<Resource>,
    /// Transparency logs, by `logId`.
    pub logs: Directory<Log>,
}

impl Bundle {
    /// The built-in Core receiver: any audience and purpose, Core and nothing above it, no keys.
    pub fn core_receiver() -> Self {
        Self::default()
    }

    /// Who we are, what we accept.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The sender of that DID, if it has been resolved.
    pub fn issuer(&self, did: &str) -> Option<&Issuer> {
        self.issuers.get(did)
    }

    /// Whether step 1 may resolve `did`: it is listed, or it is, or lies under, a DID of the receiver's `admit`.
    ///
    /// A DID lies under another where it continues it at a colon, so that `did:web:example.org` admits
    /// `did:web:example.org:agents:7` but neither `did:web:example.org.evil.com` nor `did:web:example.organic`. A dot
    /// is no such boundary: domain names nest to the left, where `did:web:agents.example.org` has to be listed itself.
    pub fn is_admitted(&self, did: &str) -> bool {
        let under = |admitted: &Text| match did.strip_prefix(&**admitted) {
            Some("") => true,
            Some(rest) => rest.starts_with(':') || admitted.ends_with(':'),
            None => false,
        };
        let mut admitted = self.receiver.admit.iter().filter(|admitted| !admitted.is_empty());
        self.issuers.get(did).is_some() || admitted.any(under)
    }

    /// The identity provider of that DID.
    pub fn identity_provider(&self, did: &str) -> Option<&IdentityProvider> {
        self.identity_providers.get(did)
    }

    /// The consent receipt of that identifier.
    pub fn consent_receipt(&self, id: &str) -> Option<&ConsentReceipt> {
        self.consent_receipts.get(id)
    }

    /// What was found at that URL.
    pub fn resource(&self, url: &str) -> Option<&Resource> {
        self.resources.get(url)
    }

    /// The transparency log of that identifier.
    pub fn log(&self, id: &str) -> Option<&Log> {
        self.logs.get(id)
    }

    /// The trust anchor of that entity identifier.
    pub fn trust_anchor(&self, entity: &str) -> Option<&JwkSet> {
        self.trust_anchors.get(entity)
    }
}
