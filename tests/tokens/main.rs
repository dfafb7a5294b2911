//! Tokens, by what they promise: compact JWTs and credentials with selective disclosure; and each attack on them.

mod forge;
mod jwt;
mod sd_jwt;
#[path = "../suite/mod.rs"]
mod suite;
