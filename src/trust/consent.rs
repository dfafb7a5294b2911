//! The judgement of step 5: does the caller's consent cover what we are going to do? (OHP §5.5; interpretations,
//! row 44)
//!
//! A pure function over borrowed fields, so that an envelope view can fill them in without allocating. It judges what
//! is stated; it does not look into the data. What is decided here beyond the protocol's text:
//!
//! - a scope counts where receipt and entry both hold it, letter for letter, and the entry is for the purpose that the
//!   envelope is handed over for (§5.5: our processing must not exceed the receipt's purpose);
//! - an entry's jurisdiction permits ours when they are the same or both in the European Economic Area; any other pair
//!   is a transfer, and needs a mechanism that fits it;
//! - in a list of jurisdictions `EU` and `EEA` stand for their members as well;
//! - a receiver that states no jurisdictions is not judged by them, nor by a residency that the envelope does not state.

use core::fmt;

use super::bundle::{Bundle, ConsentReceipt};
use super::{Text, holds};
use crate::envelope::Tier;

/// One entry of `caller.consent`, borrowed from an envelope.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a, S> {
    /// `receiptId`.
    pub receipt_id: &'a str,
    /// `purpose`.
    pub purpose: &'a str,
    /// `scope`, item by item.
    pub scope: S,
    /// `lawfulBasis`.
    pub lawful_basis: &'a str,
    /// `specialCategoryBasis`; JSON's `null` is `None` as well.
    pub special_category_basis: Option<&'a str>,
    /// `jurisdiction`.
    pub jurisdiction: &'a str,
    /// `transferMechanism`.
    pub transfer_mechanism: Option<&'a str>,
}

/// What an envelope says about consent, borrowed from it.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a, E, R> {
    /// `conformance`.
    pub tier: Tier,
    /// `audience.purpose`: what the conversation is handed over for.
    pub purpose: &'a str,
    /// `caller.consent`; `None` where the member is absent. An empty list is there, and covers nothing.
    pub entries: Option<E>,
    /// `policy.dataResidency`; `None` where the member is absent.
    pub residency: Option<R>,
    /// The jurisdictions that the issuer's federation lets it act for; `None` where there is no such limit.
    pub issuer_jurisdictions: Option<&'a [Text]>,
}

/// Why consent does not cover what we are going to do. Indices count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No consent at all, at a tier that demands it.
    Absent,
    /// The entry of that index fails.
    Entry(usize, Fault),
    /// Our jurisdiction of that index (`receiver.jurisdictions`) is not in `policy.dataResidency`.
    OutsideResidency(usize),
    /// The receipt of the entry of that index is not in the bundle: nothing else is wrong, but this is still needed.
    ReceiptNeeded(usize),
    /// Our scope of that index (`receiver.processingScope`) is in no entry and receipt.
    ScopeNotCovered(usize),
}

/// What can be wrong with one consent entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `lawfulBasis` is none of GDPR Art. 6(1)(a) to (f).
    LawfulBasis,
    /// We process special-category data, and `specialCategoryBasis` is none of GDPR Art. 9(2)(a) to (j).
    SpecialCategoryBasis,
    /// The entry's jurisdiction does not permit one of ours, and `transferMechanism` does not bridge them.
    Transfer,
    /// The issuer's federation does not let it act for the entry's jurisdiction.
    IssuerJurisdiction,
    /// The receipt has been withdrawn.
    Withdrawn,
    /// Entry and receipt name different purposes.
    PurposeDiffers,
    /// Entry and receipt name different legal bases.
    BasisDiffers,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("`caller.consent` is missing, which this tier demands"),
            Self::Entry(at, fault) => write!(f, "caller.consent[{at}]: {fault}"),
            Self::OutsideResidency(at) => {
                write!(
                    f,
                    "`policy.dataResidency` does not list our jurisdiction receiver.jurisdictions[{at}]"
                )
            }
            Self::ReceiptNeeded(at) => write!(f, "caller.consent[{at}]: its receipt has not been resolved"),
            Self::ScopeNotCovered(at) => {
                write!(
                    f,
                    "no consent entry and receipt for this purpose cover receiver.processingScope[{at}]"
                )
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LawfulBasis => "`lawfulBasis` is not one of gdpr.art6.1.a to gdpr.art6.1.f",
            Self::SpecialCategoryBasis => {
                "`specialCategoryBasis` is not one of gdpr.art9.2.a to gdpr.art9.2.j, and we process such data"
            }
            Self::Transfer => "its `jurisdiction` and `transferMechanism` do not permit ours",
            Self::IssuerJurisdiction => "its `jurisdiction` is not one that the issuer's federation admits",
            Self::Withdrawn => "its receipt has been withdrawn",
            Self::PurposeDiffers => "its `purpose` is not the receipt's",
            Self::BasisDiffers => "its legal basis is not the receipt's",
        })
    }
}

impl core::error::Error for Refusal {}

/// Judges `statement` by the receipts and the receiver's policy in `bundle`.
///
/// Every fault that can be found without the receipts that are missing is found first, so that
/// [`Refusal::ReceiptNeeded`] means: this receipt may still make it good.
///
/// # Errors
/// [`Refusal`].
pub fn judge<'a, E, S, R>(statement: &Statement<'a, E, R>, bundle: &Bundle) -> Result<(), Refusal>
where
    E: IntoIterator<Item = Entry<'a, S>> + Clone,
    S: IntoIterator<Item = &'a str> + Clone,
    R: IntoIterator<Item = &'a str> + Clone,
{
    let receiver = bundle.receiver();
    let Some(entries) = &statement.entries else {
        return if statement.tier < Tier::Sealed {
            Ok(())
        } else {
            Err(Refusal::Absent)
        };
    };
    let mut needed = None;
    for (at, entry) in entries.clone().into_iter().enumerate() {
        let refuse = |fault| Refusal::Entry(at, fault);
        judge_entry(&entry, statement.issuer_jurisdictions, bundle).map_err(refuse)?;
        match bundle.consent_receipt(entry.receipt_id) {
            Some(receipt) => judge_receipt(&entry, receipt).map_err(refuse)?,
            None => needed = needed.or(Some(at)),
        }
    }
    if let Some(residency) = &statement.residency {
        let allowed = |own: &Text| residency.clone().into_iter().any(|listed| includes(listed, own));
        if let Some(at) = receiver.jurisdictions.iter().position(|own| !allowed(own)) {
            return Err(Refusal::OutsideResidency(at));
        }
    }
    if let Some(at) = needed {
        return Err(Refusal::ReceiptNeeded(at));
    }
    let covered = |item: &Text| {
        entries.clone().into_iter().any(|entry| {
            entry.purpose == statement.purpose
                && entry.scope.into_iter().any(|scope| scope == &**item)
                && bundle
                    .consent_receipt(entry.receipt_id)
                    .is_some_and(|receipt| holds(&receipt.scope, item))
        })
    };
    match receiver.processing_scope.iter().position(|item| !covered(item)) {
        Some(at) => Err(Refusal::ScopeNotCovered(at)),
        None => Ok(()),
    }
}

/// What an entry must satisfy by itself.
fn judge_entry<S>(entry: &Entry<'_, S>, issuer: Option<&[Text]>, bundle: &Bundle) -> Result<(), Fault> {
    let receiver = bundle.receiver();
    if !is_article(entry.lawful_basis, "gdpr.art6.1.", b'f') {
        return Err(Fault::LawfulBasis);
    }
    let special = |basis| is_article(basis, "gdpr.art9.2.", b'j');
    if receiver.special_category && !entry.special_category_basis.is_some_and(special) {
        return Err(Fault::SpecialCategoryBasis);
    }
    let permitted = |own: &Text| permits(entry.jurisdiction, entry.transfer_mechanism, own);
    if !receiver.jurisdictions.iter().all(permitted) {
        return Err(Fault::Transfer);
    }
    if issuer.is_some_and(|limits| !limits.iter().any(|limit| includes(limit, entry.jurisdiction))) {
        return Err(Fault::IssuerJurisdiction);
    }
    Ok(())
}

/// What an entry must have in common with its receipt.
fn judge_receipt<S>(entry: &Entry<'_, S>, receipt: &ConsentReceipt) -> Result<(), Fault> {
    if receipt.withdrawn {
        return Err(Fault::Withdrawn);
    }
    if entry.purpose != &*receipt.purpose {
        return Err(Fault::PurposeDiffers);
    }
    let special = receipt.special_category_basis.as_deref();
    if entry.lawful_basis != &*receipt.lawful_basis || special.is_some() && entry.special_category_basis != special {
        return Err(Fault::BasisDiffers);
    }
    Ok(())
}

/// Whether `basis` is `article` with one letter from `a` to `last`.
fn is_article(basis: &str, article: &str, last: u8) -> bool {
    match basis.strip_prefix(article).map(str::as_bytes) {
        Some([letter]) => (b'a'..=last).contains(letter),
        _ => false,
    }
}

/// Whether data of the jurisdiction `home` may be processed in `own`.
fn permits(home: &str, mechanism: Option<&str>, own: &str) -> bool {
    if home == own || is_in_eea(home) && is_in_eea(own) {
        return true;
    }
    let either = |code| home == code || own == code;
    match mechanism {
        Some("adequacy" | "scc") => true,
        // The UK's adequacy regulations and the EU's decision on the UK go by the same name; the EU-US framework has a
        // UK extension.
        Some("uk-adequacy") => either("GB"),
        Some("dpf") => own == "US",
        _ => false,
    }
}

/// Whether the jurisdiction `code`, or all of the area of that name, is meant by `listed`.
fn includes(listed: &str, code: &str) -> bool {
    match listed {
        "EEA" => is_in_eea(code),
        "EU" => code == "EU" || EU.contains(&code),
        _ => listed == code,
    }
}

fn is_in_eea(code: &str) -> bool {
    matches!(code, "EEA" | "EU" | "IS" | "LI" | "NO") || EU.contains(&code)
}

/// The European Union's members, ISO 3166-1 alpha-2.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];
