//! The trust layer, by what it promises: signatures, keys, the bundle, consent.

mod bundle;
mod consent;
mod jwk;
mod jws;
#[path = "../suite/mod.rs"]
mod suite;
