//! Random bytes that the caller has given, as the generator that other crates ask for.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Gives each of its bytes once. Asked for more than it has it gives zeros and remembers that it did, so that whoever
/// lent it can throw the result away ([`GivenBytes::sufficed`]).
pub(super) struct GivenBytes<'r> {
    left: &'r [u8],
    overdrawn: bool,
}

impl<'r> GivenBytes<'r> {
    pub(super) fn new(bytes: &'r [u8]) -> Self {
        Self {
            left: bytes,
            overdrawn: false,
        }
    }

    /// Whether no more was asked for than was given.
    pub(super) fn sufficed(&self) -> bool {
        !self.overdrawn
    }

    fn take(&mut self, out: &mut [u8]) {
        match self.left.split_at_checked(out.len()) {
            Some((taken, left)) => {
                out.copy_from_slice(taken);
                self.left = left;
            }
            None => {
                out.fill(0);
                self.overdrawn = true;
            }
        }
    }
}

impl TryRng for GivenBytes<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.take(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.take(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.take(out);
        Ok(())
    }
}

impl TryCryptoRng for GivenBytes<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_given_once_and_never_made_up_in_silence() {
        let mut given = GivenBytes::new(&[1, 2, 3, 4, 5, 6]);
        let mut out = [9; 2];
        given.try_fill_bytes(&mut out).expect("infallible");
        assert_eq!(out, [1, 2]);
        assert_eq!(given.try_next_u32(), Ok(0x0605_0403));
        assert!(given.sufficed());
        given.try_fill_bytes(&mut out).expect("infallible");
        assert!(!given.sufficed());
    }
}
