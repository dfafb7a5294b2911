//! Names of things as 128-bit keys: SipHash-2-4-128 under the table's salt, so that no peer can choose where in the
//! table its identifiers land, or make two of them meet.
//!
//! A key is not a commitment to what it names: compare fingerprints and signatures as they are, never by key.

use core::fmt;
use core::hash::Hasher;

use siphasher::sip128::{Hash128, Hasher128, SipHasher24};

/// What a key names. Keys of different domains never meet, whatever bytes they are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Domain {
    /// An envelope's `id`.
    EnvelopeId = 1,
    /// An issuer's nonce.
    Nonce = 2,
    /// The encapsulated key of a sealed field's HPKE.
    Enc = 3,
    /// A media fingerprint.
    Fingerprint = 4,
    /// A signing key identifier whose rate is limited.
    Kid = 5,
    /// A transport peer whose rate is limited.
    Peer = 6,
    /// A call: the owner of chunk sets, and what a record is bound to.
    Call = 7,
    /// The identifier of a message that travels in chunks.
    Message = 8,
    /// An envelope's signing surface.
    Surface = 9,
    /// What the slots call a chunk set: a message of an owner.
    ChunkSet = 10,
    /// What an identity provider has vouched for.
    Assurance = 11,
}

/// A 128-bit name in a domain, made by [`super::Table::key`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    domain: Domain,
    high: u64,
    low: u64,
}

impl Key {
    /// The key of the parts' bytes under a salt. Each part is framed by its length, so `["ab", "c"]` and
    /// `["a", "bc"]` differ.
    pub fn new(salt: [u8; 16], domain: Domain, parts: &[&[u8]]) -> Self {
        let hasher = SipHasher24::new_with_key(&salt);
        let mut whole = [0; IN_ONE_GO];
        let hash = match join(domain, parts, &mut whole) {
            Some(joined) => hasher.hash(joined),
            None => in_pieces(hasher, domain, parts),
        };
        Self {
            domain,
            high: hash.h1,
            low: hash.h2,
        }
    }

    /// A second key for the same thing, for where what is recorded under the one must not be met under the other. It
    /// takes no further hash, and mostly lies in the same buckets.
    #[must_use]
    pub fn twin(self) -> Self {
        Self {
            high: self.high ^ 1,
            ..self
        }
    }

    /// What the key names.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The key's 128 bits, to be stored as a value beside another key.
    pub fn words(&self) -> (u64, u64) {
        (self.high, self.low)
    }

    /// The 128 bits as three 48-bit payloads.
    pub(super) fn payloads(&self) -> [u64; 3] {
        let [first, second, third, _] = payloads([self.high, self.low, 0]);
        [first, second, third]
    }

    /// The 48 bits by which slots know an owner or a set.
    pub(super) fn short(&self) -> u64 {
        self.low & super::claim::PAYLOAD
    }
}

/// Bytes that are joined before they are hashed, which takes half the time of hashing them piece by piece: enough for an
/// identifier and a nonce of the usual lengths.
const IN_ONE_GO: usize = 192;

/// What is hashed for a key, in `whole`; `None` if it does not fit.
#[inline]
fn join<'w>(domain: Domain, parts: &[&[u8]], whole: &'w mut [u8; IN_ONE_GO]) -> Option<&'w [u8]> {
    whole[0] = domain as u8;
    let mut end = 1;
    for part in parts {
        let (head, rest) = whole.get_mut(end..)?.split_first_chunk_mut::<8>()?;
        *head = (part.len() as u64).to_le_bytes();
        rest.get_mut(..part.len())?.copy_from_slice(part);
        end += head.len() + part.len();
    }
    whole.get(..end)
}

/// The same hash of what is too long to be joined.
fn in_pieces(mut hasher: SipHasher24, domain: Domain, parts: &[&[u8]]) -> Hash128 {
    hasher.write(&[domain as u8]);
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish128()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:016x}{:016x})", self.domain, self.high, self.low)
    }
}

/// Three words as four 48-bit payloads.
pub(super) fn payloads([first, second, third]: [u64; 3]) -> [u64; 4] {
    use super::claim::PAYLOAD;
    [
        first & PAYLOAD,
        (first >> 48 | second << 16) & PAYLOAD,
        (second >> 32 | third << 32) & PAYLOAD,
        third >> 16,
    ]
}

/// The inverse of [`payloads`].
pub(super) fn from_payloads([first, second, third, fourth]: [u64; 4]) -> [u64; 3] {
    [
        first | second << 48,
        second >> 16 | third << 32,
        third >> 32 | fourth << 16,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[test]
    fn parts_are_framed_by_their_lengths() {
        let key = |parts: &[&[u8]]| Key::new(SALT, Domain::Nonce, parts);
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_ne!(key(&[b"ab"]), key(&[b"ab", b""]));
        assert_eq!(key(&[b"ab", b"c"]), key(&[b"ab", b"c"]));
    }

    #[test]
    fn domains_and_salts_keep_keys_apart() {
        let key = Key::new(SALT, Domain::EnvelopeId, &[b"cse_1"]);
        assert_ne!(key.words(), Key::new(SALT, Domain::Nonce, &[b"cse_1"]).words());
        assert_ne!(key.words(), Key::new([7; 16], Domain::EnvelopeId, &[b"cse_1"]).words());
    }

    #[test]
    fn a_key_is_the_same_hash_whether_it_is_made_in_one_go_or_in_pieces() {
        let long = [b'x'; IN_ONE_GO];
        for len in 0..long.len() {
            let (before, after) = long[..len].split_at(len / 3);
            for parts in [&[&long[..len]][..], &[before, after], &[before, b"", after]] {
                let words = Key::new(SALT, Domain::Nonce, parts).words();
                let hash = in_pieces(SipHasher24::new_with_key(&SALT), Domain::Nonce, parts);
                assert_eq!(words, (hash.h1, hash.h2), "{len}");
            }
        }
    }

    #[test]
    fn a_key_and_its_twin_never_meet() {
        let key = Key::new(SALT, Domain::EnvelopeId, &[b"cse_1"]);
        assert_ne!(key, key.twin());
        assert_ne!(key.payloads(), key.twin().payloads());
        assert_eq!((key.twin().twin(), key.twin().domain()), (key, key.domain()));
    }

    #[test]
    fn three_words_survive_the_way_through_payloads() {
        for words in [
            [0, 0, 0],
            [u64::MAX, u64::MAX, u64::MAX],
            [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x0f1e_2d3c_4b5a_6978],
            [1, 1 << 63, 1 << 15],
        ] {
            assert_eq!(from_payloads(payloads(words)), words);
            assert!(payloads(words).iter().all(|payload| payload >> 48 == 0));
        }
    }
}
