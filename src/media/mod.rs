//! L0, media continuity: what ties an envelope to the sound of the call in front of the receiver (OHP §9).
//!
//! The media thread writes RTP packets into a [`tap::Tap`]; the signalling side takes a fingerprint from it
//! ([`exact::newest`]) or looks for one ([`exact::search`]). [`robust`] is the same for legs that are transcoded or lose
//! packets; no verdict looks at it yet. [`sdp`] reads offers and answers and makes the codec hints that travel in the
//! envelope.
//!
//! Not here: sockets, jitter buffers, SRTP, mixing or playing. Payloads come in decrypted and are never changed.

pub mod codec;
pub mod continuity;
pub mod decoder;
pub mod exact;
pub mod fingerprint;
pub mod g711;
pub mod g722;
pub mod liveness;
#[cfg(feature = "opus")]
pub mod opus;
mod ring;
pub mod robust;
pub mod rtp;
pub mod sdp;
pub mod tap;

pub use codec::{Codec, PayloadTypes};
pub use continuity::Continuity;
pub use fingerprint::Fingerprint;
pub use robust::RobustFingerprint;
pub use tap::{Tap, TapConfig};
