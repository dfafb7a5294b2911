//! Tokens, by what they promise: compact JWTs, credentials with selective disclosure, proofs of possession, and what an
//! identity provider vouches for; and each attack on them.

mod assurance;
mod bounds;
mod dpop;
mod forge;
mod jwt;
mod sd_jwt;
mod sd_jwt_suites;
#[path = "../suite/mod.rs"]
mod suite;
