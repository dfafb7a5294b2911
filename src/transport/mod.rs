//! L2: the SIP INFO binding of OHP (`ohp/sip-info`, OHP §7).
//!
//! Receiving: [`Info`] reads the header lines that a PBX hands over, [`ContentType`] and [`multipart`] say whether the
//! body is a whole envelope or a chunk, [`reassembly`] gathers chunks in slots of the shared table, [`body`] turns
//! whatever form arrived into canonical CBOR, and [`Echo`] compares the `OHP-*` headers with the envelope.
//! Sending: [`Outgoing`] encodes an envelope and renders any of its INFOs at any time.
//!
//! Nothing here judges an envelope, keeps a dialog, retransmits, or knows a SIP message beyond what one INFO carries:
//! the PBX does that. [`Refusal`] and [`SipStatus`] say how an INFO is answered; the OHP answer is an INFO of its own.

pub mod base64;
pub mod body;
pub mod content_type;
pub mod deflate;
pub mod echo;
pub mod header;
pub mod inflate;
pub mod multipart;
pub mod outgoing;
pub mod reassembly;
pub mod status;

pub use content_type::{Boundary, ContentType, MediaType};
pub use echo::Echo;
pub use header::Info;
pub use outgoing::{Outgoing, Rendered};
pub use reassembly::{Message, Received, receive};
pub use status::{Refusal, SipStatus};

/// The protocol version that `OHP-Version` echoes, and the longest envelope in bytes: nothing is inflated or converted
/// past it.
pub use crate::envelope::{ENVELOPE_MAX, VERSION};

/// Longest encoded envelope in bytes, reassembled: [`ENVELOPE_MAX`] as padded base64 with a CRLF after every 64
/// columns (RFC 7468 §2, the shortest lines in common use).
pub const WIRE_MAX: usize = base64::encoded_len(ENVELOPE_MAX) + 2 * base64::encoded_len(ENVELOPE_MAX).div_ceil(64);

/// Most chunks that one envelope is split into (interpretations, row 23).
pub const CHUNKS_MAX: u32 = crate::table::MAX_CHUNKS;

/// Largest INFO body in bytes that may be asked for: SIP's 1300-byte rule for UDP (RFC 3261 §18.1.1; OHP §7.1).
pub const BODY_MAX: usize = 1300;

/// Largest INFO body in bytes that is sent unless told otherwise: RFC 3261's 1300 bytes count the whole message, and
/// in-dialog headers with their Via, Route and Record-Route take up to half of it.
pub const BODY_DEFAULT: usize = 700;

/// Name of the INFO package (RFC 6086) for `Info-Package` and `Recv-Info`.
pub const INFO_PACKAGE: &str = "ohp";
