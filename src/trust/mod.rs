//! L1: who is believed, for what. Keys, signatures, the trust bundle, consent.
//!
//! - [`jwk`]: keys as JSON Web Keys, others' and our own, and when a key may be believed;
//! - [`jws`]: detached JSON Web Signatures over bytes that are never encoded twice;
//! - [`hybrid`]: which signatures an envelope must carry, and whether they hold;
//! - [`issue`]: an envelope of our own is given its signatures;
//! - [`sealing`]: fields that only their recipients can open;
//! - [`jwt`]: compact tokens; [`sd_jwt`]: credentials of which a holder shows only a part;
//! - [`dpop`]: proofs that the sender of a request holds the key that its token is bound to;
//! - [`bundle`]: what a resolver has gathered, as one value that is looked up without allocating;
//! - [`consent`]: the judgement of step 5; [`assurance`]: that of step 6, by the provider's [`block_proof`];
//! - [`federation`]: chains of statements from an issuer up to an anchor that we trust;
//! - [`transparency`]: logs that envelopes are anchored in.
//!
//! Everything here is a value or a pure function. Not here: the order of the steps and the verdict
//! ([`crate::verify`]), the primitives ([`crate::crypto`]), and any fetching: a resource that is not in the bundle is
//! the caller's to gather.
//!
//! Values are read from JSON once, with the feature `std`. Without it the same types hold `'static` slices, and a host
//! writes them down as constants; what judges them is the same code.

#![cfg_attr(
    not(feature = "std"),
    allow(
        clippy::borrow_deref_ref,
        clippy::needless_borrow,
        clippy::needless_option_as_deref,
        reason = "what borrows from a box with std is a plain slice without it"
    )
)]

pub mod assurance;
pub mod base64url;
pub mod block_proof;
pub mod bundle;
pub mod consent;
pub mod dpop;
pub mod federation;
mod header;
mod held;
pub mod hybrid;
pub mod issue;
#[cfg(feature = "std")]
pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
#[cfg(feature = "std")]
pub mod published;
#[cfg(feature = "std")]
mod reserve;
pub mod sd_jwt;
pub mod sealing;
pub mod terms;
pub mod token_key;
pub mod transparency;

/// A text that a trust value owns.
#[cfg(feature = "std")]
pub type Text = std::boxed::Box<str>;
/// A text that a trust value holds.
#[cfg(not(feature = "std"))]
pub type Text = &'static str;

/// A list that a trust value owns.
#[cfg(feature = "std")]
pub type List<T> = std::boxed::Box<[T]>;
/// A list that a trust value holds.
#[cfg(not(feature = "std"))]
pub type List<T> = &'static [T];

pub use held::Held;

/// Whether the exact `text` stands in `list`.
fn holds(list: &[Text], text: &str) -> bool {
    list.iter().any(|each| **each == *text)
}
