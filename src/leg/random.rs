//! Random values for one call into a leg, each for one purpose, out of what the host has lent for all of them.
//!
//! Nothing is used twice: an identifier travels in the open, and must tell nothing of the key that a field is sealed with.

use zeroize::{Zeroize as _, Zeroizing};

use super::context::RANDOM_LEN;
use crate::crypto::{SHA256_LEN, hpke, mldsa65, sha256};
use crate::envelope::STAMP_RANDOM_LEN;

/// What a host has lent, from which purposes draw.
#[derive(Clone, Copy)]
pub(super) struct Random<'r>(pub(super) &'r [u8; RANDOM_LEN]);

impl Random<'_> {
    /// For a new envelope's identifier and nonce.
    pub(super) fn stamp(self) -> [u8; STAMP_RANDOM_LEN] {
        *self.derive(b"stamp", 0)
    }

    /// For sealing to the `nth` recipient.
    pub(super) fn seal(self, nth: u8) -> Zeroizing<[u8; hpke::RANDOM_LEN]> {
        self.derive(b"seal", nth)
    }

    /// For the signature of ML-DSA-65.
    pub(super) fn ml_dsa_65(self) -> Zeroizing<[u8; mldsa65::RANDOM_LEN]> {
        self.derive(b"ML-DSA-65", 0)
    }

    /// One block of the one-step key derivation of NIST SP 800-56C, revision 2, section 4, with SHA-256: counter, secret,
    /// then purpose and number.
    fn derive<const N: usize>(self, purpose: &[u8], nth: u8) -> Zeroizing<[u8; N]> {
        const { assert!(N <= SHA256_LEN) }
        let mut block = sha256(&[&[0, 0, 0, 1], self.0, b"OHP 0.1 leg ", purpose, &[0, nth]]);
        let mut out = Zeroizing::new([0; N]);
        out.iter_mut().zip(&block).for_each(|(out, byte)| *out = *byte);
        block.zeroize();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_recipients_have_nothing_in_common() {
        let random = Random(&[7; RANDOM_LEN]);
        let (stamp, ml_dsa) = (random.stamp(), random.ml_dsa_65());
        let seals: std::vec::Vec<_> = (0..16).map(|nth| random.seal(nth)).collect();
        for (at, seal) in seals.iter().enumerate() {
            assert!(**seal != *ml_dsa && seal[..STAMP_RANDOM_LEN] != stamp);
            assert!(seals[..at].iter().all(|other| other != seal));
        }
        assert_ne!(ml_dsa[..STAMP_RANDOM_LEN], stamp);
    }

    #[test]
    fn every_byte_that_is_lent_counts() {
        let whole = Random(&[7; RANDOM_LEN]).ml_dsa_65();
        for at in 0..RANDOM_LEN {
            let mut other = [7; RANDOM_LEN];
            other[at] ^= 1;
            assert_ne!(Random(&other).ml_dsa_65(), whole, "byte {at}");
        }
    }
}
