//! Where everything lies in the block: a header, the counters, five associative arrays, the slots and the sounds.
//!
//! All places follow from the configuration in the header, so a block can be mapped anywhere, and a header that does
//! not fit its block is refused when a party attaches.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::slots::{MAX_SLOT_BYTES, MAX_SLOTS, SLOT_BYTES, slot_words};
use super::sounds;
use super::stats::COUNTER_WORDS;
use super::ways::{WAYS, WAYS_IN_USE, entry_words};
use super::word::Word;

/// First word of a block. Read with another byte order it is another number.
const MAGIC: u64 = u64::from_be_bytes(*b"OHPtable");
/// Version of the layout. A block of another version is refused, not converted: it holds minutes' worth of state.
const VERSION: u64 = 2;

const HEADER_WORDS: usize = 16;
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 1;
const AT_WORDS: usize = 2;
const AT_SALT: usize = 3;
const AT_CONFIG: usize = 5;

/// Most entries of one kind: their places then fit 32 bits.
pub const MAX_ENTRIES: u32 = 1 << 30;

/// Most sounds: every one is compared in one go, within milliseconds.
pub const MAX_SOUNDS: u32 = 4_096;

/// Fewest buckets of an array: a key has two.
const MIN_BUCKETS: u32 = 2;

/// How much a table is to hold: each at most [`MAX_ENTRIES`](super::MAX_ENTRIES), if nothing else is said. The block
/// grows in proportion; see [`Config::words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Replay records that can be live at the same time: two for each envelope and one for each sealed recipient, for `notAfter` + 5 s. About 102 bytes
    /// each.
    pub replays: u32,
    /// Media fingerprints that can be live at the same time. About 102 bytes each.
    pub hashes: u32,
    /// Signing keys seen in the same second. About 64 bytes each.
    pub kids: u32,
    /// Transport peers seen in the same second. About 64 bytes each.
    pub peers: u32,
    /// Chunk sets that can be remembered at the same time, open, taken or dead, until they expire. About 64 bytes each.
    pub sets: u32,
    /// Messages that can be in reassembly, or wait to be sent, at the same time; at most
    /// [`MAX_SLOTS`](super::MAX_SLOTS). Each takes 8/6 of `slot_bytes`
    /// and 15 KB.
    pub slots: u32,
    /// Most bytes of such a message, 1 to [`MAX_SLOT_BYTES`](super::MAX_SLOT_BYTES).
    pub slot_bytes: u32,
    /// Robust fingerprints that can be live at the same time; at most [`MAX_SOUNDS`]. 200 bytes each, and each is compared
    /// with a call whose own has been found.
    pub sounds: u32,
}

/// Room for 50 handoffs a second, in 256 slots: 32 MB.
impl Default for Config {
    fn default() -> Self {
        Self {
            replays: 65_536,
            hashes: 16_384,
            kids: 1_024,
            peers: 4_096,
            sets: 32_768,
            slots: 256,
            slot_bytes: SLOT_BYTES,
            sounds: 256,
        }
    }
}

/// Why a block cannot be a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// A capacity is out of its range.
    Config,
    /// The block would be larger than this machine can address.
    TooLarge,
    /// The block is too short.
    Short {
        /// 64-bit words that it has to have.
        needed: usize,
    },
    /// The block does not begin with a table; or its initialisation has not ended, or was killed.
    Magic,
    /// The table was made by another version of this library.
    Version,
    /// The header contradicts itself.
    Header,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayoutError::Config => {
                "slots must be at most 1048576, slot_bytes 1 to 1048576, sounds at most 4096, the others at most 1073741824"
            }
            LayoutError::TooLarge => "the table would be larger than memory; configure less",
            LayoutError::Short { needed } => return write!(f, "the table needs {needed} words of 8 bytes"),
            LayoutError::Magic => "the memory holds no table; initialise it first",
            LayoutError::Version => "the table was made by another version; initialise it anew",
            LayoutError::Header => "the table's header is damaged; initialise it anew",
        })
    }
}

impl core::error::Error for LayoutError {}

/// Number of 64-bit words in the block of a table, and the places of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) config: Config,
    pub(super) salt: [u8; 16],
    pub(super) counters: Range<usize>,
    pub(super) replays: Range<usize>,
    pub(super) hashes: Range<usize>,
    pub(super) kids: Range<usize>,
    pub(super) peers: Range<usize>,
    pub(super) sets: Range<usize>,
    pub(super) slots: Range<usize>,
    pub(super) sounds: Range<usize>,
}

/// Buckets for so many entries in use.
pub(super) fn buckets(entries: u32) -> u32 {
    entries.div_ceil(WAYS_IN_USE).max(MIN_BUCKETS)
}

impl Config {
    /// 64-bit words that the block must have.
    ///
    /// # Errors
    /// [`LayoutError::Config`], [`LayoutError::TooLarge`].
    pub fn words(&self) -> Result<usize, LayoutError> {
        Layout::of(self, [0; 16]).map(|layout| layout.words())
    }

    fn to_words(self) -> [u64; 4] {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        [
            pair(self.replays, self.hashes),
            pair(self.kids, self.peers),
            pair(self.sets, self.slots),
            pair(self.slot_bytes, self.sounds),
        ]
    }

    fn from_words(words: [u64; 4]) -> Self {
        let [replays, hashes, kids, peers, sets, slots, slot_bytes, sounds] =
            core::array::from_fn(|half| (words[half / 2] >> (half % 2 * 32)) as u32);
        Self {
            replays,
            hashes,
            kids,
            peers,
            sets,
            slots,
            slot_bytes,
            sounds,
        }
    }
}

impl Layout {
    pub(super) fn of(config: &Config, salt: [u8; 16]) -> Result<Self, LayoutError> {
        let entries = [config.replays, config.hashes, config.kids, config.peers, config.sets];
        if entries.iter().any(|entries| *entries > MAX_ENTRIES)
            || config.slots > MAX_SLOTS
            || config.sounds > MAX_SOUNDS
            || !(1..=MAX_SLOT_BYTES).contains(&config.slot_bytes)
        {
            return Err(LayoutError::Config);
        }
        let mut end = HEADER_WORDS;
        let mut part = |count: u64, words: u64| {
            let len = count.checked_mul(words).and_then(|len| usize::try_from(len).ok());
            let start = end;
            end = len
                .and_then(|len| start.checked_add(len))
                // The block is a slice, of at most isize::MAX bytes.
                .filter(|end| *end <= isize::MAX as usize / size_of::<u64>())
                .ok_or(LayoutError::TooLarge)?;
            Ok(start..end)
        };
        let array = |entries: u32| u64::from(buckets(entries)) * u64::from(WAYS);
        Ok(Self {
            config: *config,
            salt,
            counters: part(1, COUNTER_WORDS as u64)?,
            replays: part(array(config.replays), entry_words(true).into())?,
            hashes: part(array(config.hashes), entry_words(true).into())?,
            kids: part(array(config.kids), entry_words(false).into())?,
            peers: part(array(config.peers), entry_words(false).into())?,
            sets: part(array(config.sets), entry_words(false).into())?,
            slots: part(config.slots.into(), slot_words(config.slot_bytes).into())?,
            sounds: part(config.sounds.into(), sounds::ENTRY_WORDS as u64)?,
        })
    }

    pub(super) fn words(&self) -> usize {
        self.sounds.end
    }

    /// Zeroes the block and writes its header. The magic number comes last, with release, so that whoever attaches
    /// sees either no table or a whole one.
    pub(super) fn write<W: Word>(&self, words: &[W]) -> Result<(), LayoutError> {
        let needed = self.words();
        let words = words.get(..needed).ok_or(LayoutError::Short { needed })?;
        words[AT_MAGIC].store(0, Relaxed);
        W::fence(Release);
        for word in &words[1..] {
            word.store(0, Relaxed);
        }
        words[AT_VERSION].store(VERSION, Relaxed);
        words[AT_WORDS].store(needed as u64, Relaxed);
        for (word, half) in words[AT_SALT..].iter().zip(self.salt.as_chunks::<8>().0) {
            word.store(u64::from_le_bytes(*half), Relaxed);
        }
        for (word, pair) in words[AT_CONFIG..].iter().zip(self.config.to_words()) {
            word.store(pair, Relaxed);
        }
        words[AT_MAGIC].store(MAGIC, Release);
        Ok(())
    }

    pub(super) fn read<W: Word>(words: &[W]) -> Result<Self, LayoutError> {
        let header = words
            .get(..HEADER_WORDS)
            .ok_or(LayoutError::Short { needed: HEADER_WORDS })?;
        if header[AT_MAGIC].load(Acquire) != MAGIC {
            return Err(LayoutError::Magic);
        }
        if header[AT_VERSION].load(Relaxed) != VERSION {
            return Err(LayoutError::Version);
        }
        let get = |index: usize| header[index].load(Relaxed);
        let mut salt = [0; 16];
        for (index, half) in salt.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *half = get(AT_SALT + index).to_le_bytes();
        }
        let config = Config::from_words(core::array::from_fn(|index| get(AT_CONFIG + index)));
        let layout = Self::of(&config, salt).map_err(|_| LayoutError::Header)?;
        let needed = layout.words();
        if get(AT_WORDS) != needed as u64 {
            return Err(LayoutError::Header);
        }
        if words.len() < needed {
            return Err(LayoutError::Short { needed });
        }
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicU64;

    use super::*;

    const SMALL: Config = Config {
        replays: 20,
        hashes: 1,
        kids: 0,
        peers: 30,
        sets: 5,
        slots: 2,
        slot_bytes: 100,
        sounds: 3,
    };

    fn block() -> Vec<AtomicU64> {
        (0..SMALL.words().unwrap()).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let block = block();
        let layout = Layout::of(&SMALL, *b"0123456789abcdef").unwrap();
        layout.write(&block).unwrap();
        assert_eq!(Layout::read(&block), Ok(layout));
    }

    #[test]
    fn a_damaged_header_is_refused() {
        let block = block();
        assert_eq!(Layout::read(&block), Err(LayoutError::Magic));
        let layout = Layout::of(&SMALL, [0; 16]).unwrap();
        layout.write(&block).unwrap();
        let damage = |index: usize, value: u64, error: LayoutError| {
            let before = block[index].swap(value, Relaxed);
            assert_eq!(Layout::read(&block), Err(error), "word {index}");
            block[index].store(before, Relaxed);
        };
        damage(AT_MAGIC, MAGIC.swap_bytes(), LayoutError::Magic);
        damage(AT_VERSION, 1, LayoutError::Version);
        damage(AT_WORDS, 1, LayoutError::Header);
        damage(AT_CONFIG, u64::MAX, LayoutError::Header);
        damage(AT_CONFIG + 2, u64::MAX, LayoutError::Header);
        damage(AT_CONFIG + 3, 0, LayoutError::Header);
        assert_eq!(Layout::read(&block), Ok(layout));
    }

    #[test]
    fn a_block_that_is_too_short_is_refused() {
        let block = block();
        let layout = Layout::of(&SMALL, [0; 16]).unwrap();
        let needed = block.len();
        assert_eq!(layout.write(&block[1..]), Err(LayoutError::Short { needed }));
        layout.write(&block).unwrap();
        assert_eq!(Layout::read(&block[..needed - 1]), Err(LayoutError::Short { needed }));
        assert_eq!(
            Layout::read(&block[..3]),
            Err(LayoutError::Short { needed: HEADER_WORDS })
        );
    }

    #[test]
    fn configurations_beyond_memory_are_refused() {
        let config = Config {
            slots: MAX_SLOTS + 1,
            ..SMALL
        };
        assert_eq!(config.words(), Err(LayoutError::Config));
        let config = Config {
            sounds: MAX_SOUNDS + 1,
            ..SMALL
        };
        assert_eq!(config.words(), Err(LayoutError::Config));
        let config = Config { slot_bytes: 0, ..SMALL };
        assert_eq!(config.words(), Err(LayoutError::Config));
        let config = Config {
            sets: MAX_ENTRIES + 1,
            ..SMALL
        };
        assert_eq!(config.words(), Err(LayoutError::Config));
        let config = Config {
            replays: MAX_ENTRIES,
            hashes: MAX_ENTRIES,
            kids: MAX_ENTRIES,
            peers: MAX_ENTRIES,
            sets: MAX_ENTRIES,
            slots: MAX_SLOTS,
            slot_bytes: MAX_SLOT_BYTES,
            sounds: MAX_SOUNDS,
        };
        // On 64 bits this is terabytes, and still a number.
        assert!(config.words().is_ok_and(|words| words > 1 << 37) || size_of::<usize>() < 8);
    }
}
