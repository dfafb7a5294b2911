//! The SIP INFO binding, rows 21 to 27 of the interpretations, from the outside.

mod body;
#[path = "../suite/capture.rs"]
mod capture;
mod chunks;
mod content_type;
mod echo;
mod fixtures;
mod headers;
mod mutation;
mod reassembly;
#[path = "../suite/mod.rs"]
mod suite;
mod suites;
