//! Handing a live phone call, with its context, identity, consent and sound, from one system to another:
//! the Open Handoff Protocol (OHP 0.1) for PBXs and media servers.
//!
//! The library is sans-IO. Bytes, time and random numbers come in as arguments; bytes and events go out. On the way of a
//! call it opens no socket, starts no thread, takes no lock and, after a context has been loaded, allocates nothing (under the feature `opus`: but a decoder for each piece of a
//! search); but
//! the C ABI signs at Regulated on a thread that it waits for, since a PBX thread's stack is too short for ML-DSA-65. Off
//! that way, with `std`, what makes tokens and credentials allocates, and [`trust::transparency::local`] keeps files.
//!
//! # Layers
//!
//! Folders are the protocol's layers, and dependencies point one way:
//!
//! ```text
//! error, time, id
//!    ↑
//! crypto   table   cbor
//!    ↑       ↑       ↑
//!            envelope            L4  the Conversation State Envelope
//!    ↑       ↑       ↑
//! trust   transport  media       L1  keys, signatures, bundle · L2  SIP INFO · L0  RTP, SDP, fingerprint
//!    ↑       ↑       ↑
//!             verify             the fourteen normative steps and the verdict
//!               ↑
//!            control             L3  verbs and both sides' state machines
//!               ↑
//!              leg               one call leg: ties the layers together
//!               ↑
//!          ffi   bin/ohp         the C ABI · the command
//! ```
//!
//! Start at [`leg::Leg`] to hand a call over, at [`verify`] to judge one envelope, and at [`envelope`] to read or
//! write one.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(not(any(feature = "ring", feature = "rustcrypto")))]
compile_error!("choose a crypto backend: feature `ring` (the default) or `rustcrypto` (for GPLv2 hosts)");

pub mod error;
pub mod id;
pub mod time;

pub mod cbor;
pub mod crypto;
pub mod table;

pub mod envelope;

pub mod media;
pub mod transport;
pub mod trust;

pub mod verify;

pub mod control;

pub mod leg;

#[cfg(feature = "ffi")]
pub mod ffi;
