//! The trust layer, by what it promises: signatures, keys, the bundle, consent, sealing.

#[path = "../common/mod.rs"]
mod common;

mod bundle;
mod consent;
mod hybrid;
mod jwk;
mod jws;
mod sealing;
#[path = "../suite/mod.rs"]
mod suite;
