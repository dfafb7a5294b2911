//! Other parties: senders with what their federation lets them assert, and identity providers.

use crate::trust::federation::{Chain, ChainError};
use crate::trust::jwk::JwkSet;
use crate::trust::terms::Level;
use crate::trust::{List, Text};

/// The highest levels that a party may assert; `None` where the federation sets no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCaps {
    /// `maxIal`.
    pub ial: Option<Level>,
    /// `maxAal`.
    pub aal: Option<Level>,
    /// `maxFal`.
    pub fal: Option<Level>,
}

/// A sender.
#[derive(Debug, Default)]
pub struct Issuer {
    /// `jwks`: its current public keys; `None` where the resolver has not got them yet, which is a `need`.
    pub jwks: Option<JwkSet>,
    /// `federation`: what it may assert; `None` where it has no entity statement.
    pub federation: Option<Federation>,
}

/// What an OpenID Federation entity statement lets an issuer assert.
#[derive(Debug, Default)]
pub struct Federation {
    /// `entity`: the entity identifier.
    pub entity: Option<Text>,
    /// `maxIal`, `maxAal`, `maxFal`.
    pub caps: LevelCaps,
    /// `annexIII`: clauses that it may operate under; `None`: no limit.
    pub annex_iii: Option<List<Text>>,
    /// `jurisdictions` that it may act for; `None`: no limit.
    pub jurisdictions: Option<List<Text>>,
    /// `chain`: the trust chain, checked, or why it is refused; `None` where the resolver has already checked it.
    pub chain: Option<Result<Chain, ChainError>>,
}

/// A provider of identity and assurance.
#[derive(Debug, Default)]
pub struct IdentityProvider {
    /// `jwks`: its current public keys; `None` where the resolver has not got them yet.
    pub jwks: Option<JwkSet>,
    /// `maxIal`, `maxAal`, `maxFal`.
    pub caps: LevelCaps,
}
