//! The SIP INFO binding, rows 21 to 27 of the interpretations, from the outside.

mod body;
mod chunks;
mod content_type;
mod echo;
mod fixtures;
mod headers;
mod mutation;
mod reassembly;
