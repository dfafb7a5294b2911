//! The C shims, as far as their peers are there.

use std::time::Instant;

use crate::race::{Contestant, Lap};

type Shim = unsafe extern "C" fn(bytes: *const u8, len: usize, times: usize) -> u64;

/// A peer in C: there, or missing with the reason.
pub struct Peer {
    name: &'static str,
    pub shim: Option<Shim>,
    /// Its version, or why it is missing.
    pub text: &'static str,
}

impl Peer {
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Enters the row, or says why not.
    pub fn enter(
        &self,
        lacks: &'static str,
        bytes: &'static [u8],
        contestants: &mut Vec<Contestant>,
        missing: &mut Vec<(&'static str, &'static str)>,
    ) {
        match self.shim {
            Some(shim) => contestants.push(Contestant::timed(self.name, lacks, move |times| {
                let start = Instant::now();
                // SAFETY: a shim reads `len` bytes at `bytes`, which live as long as the program, and writes none.
                let answer = unsafe { shim(bytes.as_ptr(), bytes.len(), times) };
                Lap {
                    time: start.elapsed(),
                    answer,
                }
            })),
            None => missing.push((self.name, self.text)),
        }
    }
}

macro_rules! peer {
    ($constant:ident, $cfg:ident, $env:literal, $name:literal, $shim:ident) => {
        #[cfg($cfg)]
        pub const $constant: Peer = {
            unsafe extern "C" {
                fn $shim(bytes: *const u8, len: usize, times: usize) -> u64;
            }
            Peer {
                name: $name,
                shim: Some($shim),
                text: env!($env),
            }
        };
        #[cfg(not($cfg))]
        pub const $constant: Peer = Peer {
            name: $name,
            shim: None,
            text: env!($env),
        };
    };
}

peer!(LIBCBOR, peer_libcbor, "PEER_libcbor", "libcbor", libcbor_cbor);
peer!(TINYCBOR, peer_tinycbor, "PEER_tinycbor", "TinyCBOR", tinycbor_cbor);
peer!(LIBOSIP2, peer_libosip2, "PEER_libosip2", "libosip2", libosip2_info);
peer!(LIBRE_INFO, peer_libre, "PEER_libre", "libre", libre_info);
peer!(LIBRE_SDP, peer_libre, "PEER_libre", "libre", libre_sdp);
peer!(LIBRE_RTP, peer_libre, "PEER_libre", "libre", libre_rtp);
peer!(ORTP, peer_ortp, "PEER_ortp", "oRTP", ortp_rtp);
peer!(PJSIP, peer_pjproject, "PEER_pjproject", "pjsip", pjproject_info);
peer!(PJMEDIA_SDP, peer_pjproject, "PEER_pjproject", "pjmedia", pjproject_sdp);
peer!(PJMEDIA_RTP, peer_pjproject, "PEER_pjproject", "pjmedia", pjproject_rtp);
peer!(KAMAILIO_INFO, peer_kamailio, "PEER_kamailio", "Kamailio", kamailio_info);
peer!(KAMAILIO_SDP, peer_kamailio, "PEER_kamailio", "Kamailio", kamailio_sdp);
peer!(
    CHROMAPRINT,
    peer_chromaprint,
    "PEER_chromaprint",
    "Chromaprint",
    chromaprint_search
);

/// One of each, for the list of versions.
pub const ALL: [&Peer; 8] = [
    &LIBCBOR,
    &TINYCBOR,
    &LIBOSIP2,
    &LIBRE_INFO,
    &ORTP,
    &CHROMAPRINT,
    &PJSIP,
    &KAMAILIO_INFO,
];
