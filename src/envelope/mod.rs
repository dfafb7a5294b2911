//! L4: the Conversation State Envelope.

mod terms;

pub use terms::{RejectReason, Tier, Verb};
