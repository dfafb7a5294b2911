//! SHA-256 (FIPS 180-4), in one go and as a stream, over the backend that the features choose.

/// Length of a SHA-256 digest in bytes.
pub const SHA256_LEN: usize = 32;

/// The SHA-256 of `parts` joined, as if they were one byte string.
pub fn sha256(parts: &[&[u8]]) -> [u8; SHA256_LEN] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finish()
}

/// A SHA-256 over bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(backend::State);

impl Sha256 {
    /// The hash of nothing so far.
    pub fn new() -> Self {
        Self(backend::start())
    }

    /// Appends `bytes` to what is hashed.
    pub fn update(&mut self, bytes: &[u8]) {
        backend::update(&mut self.0, bytes);
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> [u8; SHA256_LEN] {
        backend::finish(self.0)
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sha256").finish_non_exhaustive()
    }
}

#[cfg(feature = "rustcrypto")]
mod backend {
    use sha2::Digest as _;

    pub(super) type State = sha2::Sha256;

    pub(super) fn start() -> State {
        State::new()
    }

    pub(super) fn update(state: &mut State, bytes: &[u8]) {
        state.update(bytes);
    }

    pub(super) fn finish(state: State) -> [u8; super::SHA256_LEN] {
        state.finalize().into()
    }
}

#[cfg(not(feature = "rustcrypto"))]
mod backend {
    use ring::digest;

    pub(super) type State = digest::Context;

    pub(super) fn start() -> State {
        State::new(&digest::SHA256)
    }

    pub(super) fn update(state: &mut State, bytes: &[u8]) {
        state.update(bytes);
    }

    pub(super) fn finish(state: State) -> [u8; super::SHA256_LEN] {
        let digest = state.finish();
        // A SHA-256 digest has 32 bytes; copying the common prefix needs no panic path to say so.
        let mut bytes = [0; super::SHA256_LEN];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: [u8; SHA256_LEN]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn fips_180_4_examples_come_out() {
        assert_eq!(
            hex(sha256(&[])),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(sha256(&[b"abc"])),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex(sha256(&[b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"])),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }

    #[test]
    fn a_million_letters_hash_alike_however_they_are_cut() {
        let block = [b'a'; 997];
        let mut hash = Sha256::new();
        let mut left = 1_000_000;
        while left > 0 {
            let take = left.min(block.len());
            hash.update(&block[..take]);
            left -= take;
        }
        assert_eq!(
            hex(hash.finish()),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn parts_are_joined_without_framing() {
        assert_eq!(sha256(&[b"a", b"", b"bc"]), sha256(&[b"abc"]));
    }
}
