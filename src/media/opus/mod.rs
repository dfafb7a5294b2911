//! Opus: decoding to the samples that an exact fingerprint is over.

pub mod decoder;
