//! OpenID Federation: metadata policies, trust chains, and the attacks on them.

mod chain;
mod policy;
#[path = "../suite/mod.rs"]
mod suite;
