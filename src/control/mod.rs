//! L3: what the verbs do to a call.
//!
//! [`Handoff`] is the state machine of one handoff on one leg, for both sides. It knows nothing of bytes, signatures or
//! SIP: [`crate::leg`] feeds it what was sent and what was received and verified.

mod handoff;
mod reply;

pub use handoff::{Handoff, Illegal, Motion, Phase, Side, Timeout};
pub use reply::{FRAME_MAX, Frame, FrameError, Party, REFUSED_SOUND, REFUSED_SURFACE, Reply};
