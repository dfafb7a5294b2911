//! The bundle from JSON: each member by its name in the documented form, members that are not listed ignored.

use base64ct::{Base64, Encoding as _};

use super::{
    BUNDLE_VERSION, Bundle, ConsentReceipt, DEFAULT_RATE_PER_KID, Directory, Federation, IdentityProvider, Issuer,
    LevelCaps, Log, LogEntry, PRECOMPUTED_KEYS_MAX, Receiver, Resource,
};
use crate::crypto::SHA256_LEN;
use crate::envelope::Tier;
use crate::id::parse_hex;
use crate::trust::federation::{Chain, Claimed, Fault};
use crate::trust::json::{Document, Error, Node, Problem};
use crate::trust::jwk::{JwkSet, OwnKeys};
use crate::trust::reserve::{self, NoMemory};
use crate::trust::terms::{Ladder, Level, Oversight, RiskClass};
use crate::trust::transparency::merkle::{self, Hash};
use crate::trust::transparency::rekor;

impl Bundle {
    /// Reads a trust bundle.
    ///
    /// # Errors
    /// [`Error`] with the path of the member that is wrong; a bundle that is wrong anywhere is not used at all.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let document = Document::parse(json)?;
        let root = document.root();
        root.need("ohpTrust", |version| {
            match version.number("1, the version that this library reads")? {
                BUNDLE_VERSION => Ok(()),
                _ => Err(version.wrong(Problem::Expected("1, the version that this library reads"))),
            }
        })?;
        let trust_anchors = directory(root, "trustAnchors", |_, anchor| anchor.need("jwks", JwkSet::read))?;
        let mut issuers = directory(root, "issuers", |did, node| issuer(did, node, &trust_anchors))?;
        precompute(&mut issuers)?;
        Ok(Self {
            receiver: root.optional("receiver", receiver)?.unwrap_or_default(),
            issuers,
            trust_anchors,
            identity_providers: directory(root, "identityProviders", |_, node| identity_provider(node))?,
            consent_receipts: directory(root, "consentReceipts", |_, node| consent_receipt(node))?,
            resources: directory(root, "resources", |_, node| resource(node))?,
            logs: directory(root, "logs", |_, node| log(node))?,
        })
    }
}

/// Spends the bundle's memory for multiples of keys on the issuers' keys, in the order of their DIDs.
fn precompute(issuers: &mut Directory<Issuer>) -> Result<(), Error> {
    let mut left = PRECOMPUTED_KEYS_MAX;
    for jwks in issuers.0.iter_mut().filter_map(|(_, issuer)| issuer.jwks.as_mut()) {
        left -= jwks.precompute(left)?;
    }
    Ok(())
}

/// Reads the member `name` as a directory; one that is left out is empty.
fn directory<'v, T>(
    node: Node<'v, '_>,
    name: &'v str,
    read: impl Fn(&str, Node<'v, '_>) -> Result<T, Error>,
) -> Result<Directory<T>, Error> {
    let entries = node.optional(name, |members| {
        members.members(|name, value| Ok((reserve::text(name)?, read(name, value)?)))
    })?;
    let mut entries = entries.unwrap_or_default();
    entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    // INVARIANT: the names of an object are unique.
    Ok(Directory(entries))
}

fn tier(node: Node<'_, '_>, name: &'static str) -> Result<Tier, Error> {
    let tier = node.optional(name, |tier| tier.word("core, signed, sealed or regulated", Tier::parse))?;
    Ok(tier.unwrap_or(Tier::Core))
}

fn receiver(node: Node<'_, '_>) -> Result<Receiver, Error> {
    let max_tier = tier(node, "maxTier")?;
    let min_tier = tier(node, "minTier")?;
    if min_tier > max_tier {
        let what = "a tier that is not above maxTier";
        node.optional::<()>("minTier", |tier| Err(tier.wrong(Problem::Expected(what))))?;
    }
    let did = node.optional("did", |did| did.owned())?;
    let require_key_binding = node.optional("requireKeyBinding", |truth| match truth.truth()? {
        true if did.is_none() => {
            Err(truth.wrong(Problem::Expected("a receiver with a did, which proofs are made for")))
        }
        required => Ok(required),
    })?;
    Ok(Receiver {
        vendor: node.optional("vendor", |vendor| vendor.owned())?,
        did,
        max_tier,
        min_tier,
        require_key_binding: require_key_binding.unwrap_or(false),
        purposes: node.optional("purposes", |list| list.texts())?,
        jurisdictions: node.optional("jurisdictions", |list| list.texts())?.unwrap_or_default(),
        processing_scope: node
            .optional("processingScope", |list| list.texts())?
            .unwrap_or_default(),
        special_category: node
            .optional("specialCategory", |truth| truth.truth())?
            .unwrap_or(false),
        minimum_aal: node.optional("minimumAal", |level| authentication(level))?,
        required_oversight: node.optional("requiredOversight", |mode| {
            let what = "human-in-the-loop, human-on-the-loop or human-in-command";
            mode.word(what, Oversight::parse)
        })?,
        accepted_risk_classes: node.optional("acceptedRiskClasses", |list| {
            list.items(|class| class.word("prohibited, high, limited or minimal", RiskClass::parse))
        })?,
        annex_iii_allowed: node.optional("annexIIIAllowed", |list| list.texts())?,
        rate_per_kid: node
            .optional("ratePerKid", |rate| match rate.number(RATE)? {
                0 => Err(rate.wrong(Problem::Expected(RATE))),
                rate => Ok(rate),
            })?
            .unwrap_or(DEFAULT_RATE_PER_KID),
        admit: node.optional("admit", |list| list.texts())?.unwrap_or_default(),
        max_step_up_age: node.optional("maxStepUpAge", |age| age.number("a number of seconds, below 2^32"))?,
        require_bound_assurance: node
            .optional("requireBoundAssurance", |truth| truth.truth())?
            .unwrap_or(false),
        robust_fingerprint: node
            .optional("robustFingerprint", |truth| truth.truth())?
            .unwrap_or(false),
        draft_core: node.optional("draftCore", |truth| truth.truth())?.unwrap_or(false),
        agent_id: node.optional("agentId", |text| text.owned())?,
        region: node.optional("region", |text| text.owned())?,
        keys: node.optional("keys", OwnKeys::read)?.unwrap_or_default(),
    })
}

const RATE: &str = "a number of envelopes per second, at least 1";

fn issuer(did: &str, node: Node<'_, '_>, anchors: &Directory<JwkSet>) -> Result<Issuer, Error> {
    let jwks = node.optional("jwks", JwkSet::read)?;
    let federation = node.optional("federation", |node| {
        let entity = node.optional("entity", |entity| entity.owned())?;
        let chain = node.optional("chain", |list| {
            let chain = list.items(|statement| statement.text())?;
            let claimed = Claimed {
                did,
                entity: entity.as_deref(),
                jwks: jwks.as_ref(),
                chain: &chain,
            };
            // A chain that does not hold is that issuer's trouble alone, which step 1 refuses.
            match Chain::check(&claimed, anchors) {
                Err(error) if error.fault == Fault::Memory => Err(NoMemory.into()),
                checked => Ok(checked),
            }
        })?;
        Ok(Federation {
            chain,
            entity,
            caps: level_caps(node)?,
            annex_iii: node.optional("annexIII", |list| list.texts())?,
            jurisdictions: node.optional("jurisdictions", |list| list.texts())?,
        })
    })?;
    Ok(Issuer { jwks, federation })
}

fn identity_provider(node: Node<'_, '_>) -> Result<IdentityProvider, Error> {
    Ok(IdentityProvider {
        jwks: node.optional("jwks", JwkSet::read)?,
        caps: level_caps(node)?,
    })
}

fn level_caps(node: Node<'_, '_>) -> Result<LevelCaps, Error> {
    Ok(LevelCaps {
        ial: node.optional("maxIal", |level| {
            level.word("IAL1, IAL2 or IAL3", |text| Level::parse(Ladder::Identity, text))
        })?,
        aal: node.optional("maxAal", |level| authentication(level))?,
        fal: node.optional("maxFal", |level| {
            level.word("FAL1, FAL2 or FAL3", |text| Level::parse(Ladder::Federation, text))
        })?,
    })
}

fn authentication(node: Node<'_, '_>) -> Result<Level, Error> {
    node.word("AAL1, AAL2 or AAL3", |text| Level::parse(Ladder::Authentication, text))
}

fn consent_receipt(node: Node<'_, '_>) -> Result<ConsentReceipt, Error> {
    Ok(ConsentReceipt {
        purpose: node.need("purpose", |purpose| purpose.owned())?,
        scope: node.need("scope", |list| list.texts())?,
        jurisdiction: node.optional("jurisdiction", |jurisdiction| jurisdiction.owned())?,
        lawful_basis: node.need("lawfulBasis", |basis| basis.owned())?,
        special_category_basis: node
            .optional("specialCategoryBasis", |basis| basis.nullable())?
            .flatten(),
        withdrawn: node.optional("withdrawn", |truth| truth.truth())?.unwrap_or(false),
    })
}

fn resource(node: Node<'_, '_>) -> Result<Resource, Error> {
    Ok(Resource {
        status: node.need("status", |status| status.number("an HTTP status code"))?,
        sha256: node.optional("sha256", |hash| hash.word(HASH, sha256_text))?,
    })
}

const HASH: &str = "sha256: and 64 lower-case hex digits";

fn sha256_text(text: &str) -> Option<[u8; SHA256_LEN]> {
    parse_hex(text.strip_prefix("sha256:")?)
}

fn log(node: Node<'_, '_>) -> Result<Log, Error> {
    let entries = node.optional("entries", |entries| {
        entries.members(|leaf_hash, entry| {
            let leaf_hash = sha256_text(leaf_hash).ok_or_else(|| entry.wrong(Problem::Expected(ENTRY)))?;
            Ok(LogEntry {
                leaf_hash,
                index: entry.need("index", |index| index.number("a leaf's index"))?,
                tree_size: entry.need("treeSize", |size| size.number("a tree's size"))?,
                proof: entry.need("proof", |proof| proof.items(|hash| hash_base64(hash)))?,
                checkpoint: entry.need("checkpoint", |note| note.owned())?,
                body: entry.optional("body", |body| log_entry_body(body, &leaf_hash))?,
            })
        })
    })?;
    Ok(Log {
        checkpoint_keys: node
            .optional("checkpointKeys", |list| list.texts())?
            .unwrap_or_default(),
        // INVARIANT: an object's names come unique, and sorted where they are equally long; and hex digits sort like the
        // bytes that they stand for.
        entries: entries.unwrap_or_default(),
    })
}

/// The leaf of a log's own entry, in padded base64, which must be about the envelope that it is listed under.
fn log_entry_body(node: Node<'_, '_>, leaf_hash: &Hash) -> Result<Hash, Error> {
    let text = node.text()?;
    let mut bytes = reserve::zeros(text.len())?;
    let body = Base64::decode(text, &mut bytes).map_err(|_| node.wrong(Problem::NotBase64))?;
    match rekor::content(body) {
        Ok(content) if content == *leaf_hash => Ok(merkle::leaf_hash(&[body])),
        Err(error) if *error.problem() == Problem::Memory => Err(error),
        _ => Err(node.wrong(Problem::Expected(LOG_ENTRY_BODY))),
    }
}

const LOG_ENTRY_BODY: &str = "a hashedrekord of version 0.0.2 about the SHA-256 that it is listed under";
const ENTRY: &str = "an entry under sha256: and 64 lower-case hex digits";

/// A node of an inclusion proof, in padded base64 as C2SP and Rekor write it.
fn hash_base64(node: Node<'_, '_>) -> Result<[u8; SHA256_LEN], Error> {
    let text = node.text()?;
    let mut bytes = reserve::zeros(text.len())?;
    let bytes = Base64::decode(text, &mut bytes).map_err(|_| node.wrong(Problem::NotBase64))?;
    bytes.try_into().map_err(|_| node.wrong(Problem::Length(SHA256_LEN)))
}
