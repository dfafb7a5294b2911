//! The C ABI: what `include/ohp.h` declares, one file for each C object.
//!
//! The functions here translate and check, and decide nothing about envelopes or calls. Their documentation is that of
//! the header, which is generated from it; it is written for readers of C.
//!
//! # Rules that every function keeps
//!
//! - It runs inside `panic::guard`, so that no panic crosses into C. Those that give a size, a number or a fixed text, and
//!   so return no status, do nothing that could panic and run without.
//! - It turns each pointer into a reference, or refuses it, before it does anything else.
//! - Outputs come last and are written as the last thing, and only if the function succeeds. An `ohp_text` is
//!   the one exception: it explains a failure.
//! - A structure that may grow begins with its `size`, and is read and written through `sized` only.
//! - What C passes is never a Rust `enum` or `bool`, of which most bit patterns are invalid, but a number.

#![allow(unsafe_code)] // This is the boundary that `deny` keeps unsafe code at.
#![allow(non_camel_case_types)] // Types carry the names that they have in C.
#![allow(clippy::missing_safety_doc)] // What callers owe is said in the words of the header,
#![allow(rustdoc::broken_intra_doc_links)] // which are Doxygen's: `@param[out]`.

mod context;
mod continuity;
mod convert;
mod disclosed;
mod envelope;
mod event;
mod host;
mod info;
mod issue;
mod leg;
mod outbound;
mod own_stack;
mod panic;
mod place;
mod pointer;
mod receive;
mod sdp;
mod sized;
mod status;
mod table;
mod tap;
mod text;
mod verdict;
mod verify;
mod vocabulary;

pub use context::*;
pub use continuity::*;
pub use convert::*;
pub use disclosed::*;
pub use envelope::*;
pub use event::*;
pub use host::{OHP_RANDOM_LEN, OHP_TEMPLATE_LEAVES_MAX, OHP_TEMPLATE_LEN_MAX, ohp_host, ohp_scratch_size};
pub use info::*;
pub use issue::*;
pub use leg::*;
pub use outbound::*;
pub use place::OHP_ALIGN;
pub use receive::*;
pub use sdp::*;
pub use status::*;
pub use table::*;
pub use tap::*;
pub use text::{ohp_bytes, ohp_str, ohp_text};
pub use verdict::*;
pub use verify::*;
pub use vocabulary::*;
