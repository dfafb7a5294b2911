//! The robust fingerprints that calls have shown: a short list that is looked through as a whole, because two fingerprints of
//! the same sound are alike and not equal, so that no key finds the one by the other.
//!
//! What counts as alike is for whoever looks through it ([`super::Table::sounds`]).
//!
//! # An entry's life
//!
//! ```text
//! FREE ──claim──► CLAIMED(now) ──publish──► LIVE(expires) ──► FREE (withdrawn), or expired: CLAIMED, next generation
//! ```
//!
//! Words are written while it is CLAIMED, each tagged with the generation (see [`super::claim`]), so a reader that has seen it
//! LIVE takes words of that generation or none at all. Unlike [`super::ways`] nothing makes entries unique: parties that race may
//! both enter the same sound, each under its own call, and each then finds the other's.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

use super::claim::{self, PAYLOAD_BITS, PAYLOAD_BYTES, tagged, untag, write_claimed};
use super::word::Word;

/// Bytes of a sound: those of a robust fingerprint, form 1.
pub const SOUND_LEN: usize = 132;

/// Words of the sound in an entry.
const SOUND_WORDS: usize = SOUND_LEN / PAYLOAD_BYTES;
const _: () = assert!(SOUND_LEN.is_multiple_of(PAYLOAD_BYTES));
/// Words of the call.
const CALL_WORDS: usize = 2;
/// Words of an entry, its state first.
pub(super) const ENTRY_WORDS: usize = 1 + CALL_WORDS + SOUND_WORDS;

const KIND_BITS: u32 = 3;
const GENERATION_BITS: u32 = 16;
const TIME_SHIFT: u32 = KIND_BITS + GENERATION_BITS;
const TIME: u64 = u64::MAX >> TIME_SHIFT;

const CLAIMED: u64 = 1;
const LIVE: u64 = 2;

/// What was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The fingerprint's bytes.
    pub bytes: [u8; SOUND_LEN],
    /// The call that it was shown on: half of the call's [`super::Key`], as in [`super::Record`].
    pub call: u64,
}

/// An entry of this caller's, to be withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    at: usize,
    state: u64,
}

const fn state(kind: u64, generation: u16, time: u64) -> u64 {
    kind | (generation as u64) << KIND_BITS | (time & TIME) << TIME_SHIFT
}

const fn kind(state: u64) -> u64 {
    state & ((1 << KIND_BITS) - 1)
}

const fn generation(state: u64) -> u16 {
    (state >> KIND_BITS) as u16
}

const fn time(state: u64) -> u64 {
    state >> TIME_SHIFT
}

/// The list.
pub(super) struct Sounds<'m, W> {
    entries: &'m [[W; ENTRY_WORDS]],
}

impl<W> Clone for Sounds<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Sounds<'_, W> {}

impl<'m, W: Word> Sounds<'m, W> {
    /// A list over these words, all of them zero when the block was initialised.
    pub(super) fn new(words: &'m [W]) -> Self {
        Self {
            entries: words.as_chunks().0,
        }
    }

    /// Enters a sound through `expires`; `None` if every place holds one that lives.
    pub(super) fn enter(&self, sound: &Sound, expires: u64, now: u64) -> Option<Entered> {
        for (at, entry) in self.entries.iter().enumerate() {
            let seen = entry[0].load(Acquire);
            let is_free = match kind(seen) {
                CLAIMED => claim::is_stale(time(seen), now, TIME),
                LIVE => time(seen) < now,
                _ => true,
            };
            let claimed = state(CLAIMED, generation(seen).wrapping_add(1), now);
            if !is_free || entry[0].compare_exchange(seen, claimed, AcqRel, Relaxed).is_err() {
                continue;
            }
            let held = || entry[0].load(Relaxed) == claimed;
            let written = payloads(sound)
                .zip(&entry[1..])
                .all(|(payload, word)| write_claimed(word, tagged(generation(claimed), payload), held));
            let live = state(LIVE, generation(claimed), expires);
            if written && entry[0].compare_exchange(claimed, live, AcqRel, Relaxed).is_ok() {
                // Of two parties that enter the same sound at the same moment, each under its own call, at least one finds
                // the other's: the fence orders its entry before its looking.
                W::fence(SeqCst);
                return Some(Entered { at, state: live });
            }
        }
        None
    }

    /// Takes an entry back, unless it has expired and is another's by now.
    pub(super) fn withdraw(&self, entered: Entered) {
        if let Some(entry) = self.entries.get(entered.at) {
            let free = state(0, generation(entered.state), 0);
            let _ = entry[0].compare_exchange(entered.state, free, AcqRel, Relaxed);
        }
    }

    /// The sounds that live, each as one party entered it.
    pub(super) fn live(self, now: u64) -> impl Iterator<Item = Sound> + use<'m, W> {
        self.entries.iter().filter_map(move |entry| {
            let seen = entry[0].load(Acquire);
            if kind(seen) != LIVE || time(seen) < now {
                return None;
            }
            let mut payloads = [0; CALL_WORDS + SOUND_WORDS];
            for (place, word) in payloads.iter_mut().zip(&entry[1..]) {
                *place = untag(word.load(Acquire), generation(seen))?;
            }
            let mut bytes = [0; SOUND_LEN];
            for (six, payload) in bytes.chunks_exact_mut(PAYLOAD_BYTES).zip(&payloads[CALL_WORDS..]) {
                six.copy_from_slice(&payload.to_le_bytes()[..PAYLOAD_BYTES]);
            }
            let call = payloads[0] | payloads[1] << PAYLOAD_BITS;
            Some(Sound { bytes, call })
        })
    }
}

/// A sound as the words of an entry hold it.
fn payloads(sound: &Sound) -> impl Iterator<Item = u64> + '_ {
    let call = [sound.call & claim::PAYLOAD, sound.call >> PAYLOAD_BITS];
    let six = sound.bytes.chunks_exact(PAYLOAD_BYTES).map(|six| {
        let mut eight = [0; 8];
        eight[..PAYLOAD_BYTES].copy_from_slice(six);
        u64::from_le_bytes(eight)
    });
    call.into_iter().chain(six)
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicU64;
    use std::vec::Vec;

    use super::*;

    const NOW: u64 = 1_779_975_731_250;

    fn words(entries: usize) -> Vec<AtomicU64> {
        (0..entries * ENTRY_WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    fn sound(nth: u8) -> Sound {
        Sound {
            bytes: core::array::from_fn(|at| nth.wrapping_mul(31).wrapping_add(at as u8)),
            call: 0xfedc_ba98_7654_3200 | u64::from(nth),
        }
    }

    fn live(sounds: Sounds<'_, AtomicU64>, now: u64) -> Vec<Sound> {
        sounds.live(now).collect()
    }

    #[test]
    fn what_is_entered_is_there_through_its_expiry_and_never_evicted() {
        let words = words(3);
        let sounds = Sounds::new(&words);
        assert_eq!(live(sounds, NOW), []);
        for nth in 0..3 {
            assert!(sounds.enter(&sound(nth), NOW + 10 * u64::from(nth), NOW).is_some());
        }
        assert_eq!(sounds.enter(&sound(9), NOW + 100, NOW), None);
        assert_eq!(live(sounds, NOW), [sound(0), sound(1), sound(2)]);
        assert_eq!(live(sounds, NOW + 1), [sound(1), sound(2)]);
        assert!(sounds.enter(&sound(9), NOW + 100, NOW + 1).is_some());
        assert_eq!(live(sounds, NOW + 20), [sound(9), sound(2)]);
        assert_eq!(live(sounds, NOW + 101), []);
    }

    #[test]
    fn what_is_withdrawn_is_gone_and_an_heir_of_its_place_stays() {
        let words = words(1);
        let sounds = Sounds::new(&words);
        let first = sounds.enter(&sound(1), NOW, NOW).expect("a place");
        sounds.withdraw(first);
        assert_eq!(live(sounds, NOW), []);
        let first = sounds.enter(&sound(1), NOW, NOW).expect("a place");
        assert!(sounds.enter(&sound(2), NOW + 9, NOW + 1).is_some());
        sounds.withdraw(first);
        assert_eq!(live(sounds, NOW + 1), [sound(2)]);
    }

    #[test]
    fn place_of_a_party_that_died_writing_is_used_again_and_its_words_are_not_read() {
        let words = words(1);
        let sounds = Sounds::new(&words);
        sounds.enter(&sound(1), NOW, NOW).expect("a place");
        // It claimed the expired place, wrote one word and was killed.
        let claimed = state(CLAIMED, 2, NOW + 1);
        words[0].store(claimed, Relaxed);
        words[1].store(tagged(2, 7), Relaxed);
        assert_eq!(live(sounds, NOW), []);
        assert_eq!(sounds.enter(&sound(3), NOW + 99, NOW + 2), None);
        let later = NOW + 2 + claim::CLAIM_LIFETIME_MS;
        assert!(sounds.enter(&sound(3), later + 9, later).is_some());
        assert_eq!(live(sounds, later), [sound(3)]);
        // A word of another generation makes the whole entry unreadable.
        words[5].store(tagged(2, 7), Relaxed);
        assert_eq!(live(sounds, later), []);
    }
}
