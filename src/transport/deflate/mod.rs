//! Deflating an envelope for sending (RFC 1951) in a zlib wrapper (RFC 1950): one block, with the fixed code or one of
//! its own, whichever is shorter.
//!
//! An envelope is a few kilobytes and is deflated to save a chunk, which is a round trip of the dialog. Nothing is
//! allocated and no list of symbols is kept: the input is factored twice, once to count and once to write.

mod huffman;
mod lz77;

use huffman::Code;
use lz77::Copied;

use super::ENVELOPE_MAX;

/// Scratch in bytes that [`deflate`] needs.
pub const SCRATCH_LEN: usize = lz77::SCRATCH_LEN;

/// Symbols for literals, the block's end and lengths; for distances; for lengths of codes (RFC 1951 §3.2.5, §3.2.7).
/// The first two hold a few that only the fixed code has room for.
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
const LENGTHS: usize = 19;

const LITERALS_USED: usize = 286;
const DISTANCES_USED: usize = 30;

const END: usize = 256;

/// Order in which the lengths of the lengths' codes are sent (RFC 1951 §3.2.7).
const LENGTHS_ORDER: [usize; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Shortest length, and number of extra bits, of each length symbol from 257 on (RFC 1951 §3.2.5).
const LENGTH_BASES: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Deflates `input` into the front of `out`. `None` if it does not fit `out`, the input is longer than
/// [`ENVELOPE_MAX`], or `scratch` is shorter than [`SCRATCH_LEN`]: the envelope then goes out as it is.
pub fn deflate<'o>(input: &[u8], scratch: &mut [u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
    if input.len() > ENVELOPE_MAX {
        return None;
    }
    let scratch = scratch.get_mut(..SCRATCH_LEN)?;
    let mut counts = Counts::new();
    lz77::factor(input, scratch, &mut counts)?;
    let (fixed, own) = (Codes::fixed(), Codes::of(&counts));
    let header = Header::of(&own);
    let codes = if own.cost(&counts) + header.cost() < fixed.cost(&counts) {
        own
    } else {
        fixed
    };
    let mut block = Block {
        codes,
        bits: BitWriter::new(out),
    };
    // 32 KiB of window, the fastest level, no dictionary; the number is a multiple of 31.
    block.bits.bytes(&[0x78, 0x01])?;
    let last = 1;
    block.bits.bits(last, 1)?;
    if block.codes.are_fixed {
        block.bits.bits(1, 2)?;
    } else {
        block.bits.bits(2, 2)?;
        header.write(&block.codes, &mut block.bits)?;
    }
    lz77::factor(input, scratch, &mut block)?;
    block.literal_or_length(END)?;
    let mut bits = block.bits;
    bits.align()?;
    bits.bytes(&adler32(input).to_be_bytes())?;
    Some(bits.finish())
}

/// What takes the literals and copies of an input; `None` ends the work.
trait Symbols {
    fn literal(&mut self, byte: u8) -> Option<()>;
    fn copy(&mut self, copied: Copied) -> Option<()>;
}

/// A copy as symbols, each with the value and number of its extra bits.
struct CopySymbols {
    length: (usize, u16, u8),
    distance: (usize, u16, u8),
}

impl CopySymbols {
    fn of(copied: Copied) -> Option<Self> {
        let len = u16::try_from(copied.len).ok()?;
        let symbol = LENGTH_BASES.iter().rposition(|(base, _)| *base <= len)?;
        let (base, extra) = *LENGTH_BASES.get(symbol)?;
        let length = (END + 1 + symbol, len - base, extra);
        // Distance symbols come in pairs, each pair with one bit more than the pair before.
        let distance = u16::try_from(copied.distance.checked_sub(1)?).ok()?;
        let distance = match distance {
            0..=3 => (usize::from(distance), 0, 0),
            _ => {
                let extra = distance.ilog2() - 1;
                let symbol = 2 * extra as usize + usize::from(distance >> extra);
                (symbol, distance & ((1 << extra) - 1), extra as u8)
            }
        };
        Some(Self { length, distance })
    }
}

/// How often each symbol occurs.
struct Counts {
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

impl Counts {
    fn new() -> Self {
        let mut counts = Self {
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
        };
        counts.literals[END] = 1;
        counts
    }
}

impl Symbols for Counts {
    fn literal(&mut self, byte: u8) -> Option<()> {
        *self.literals.get_mut(usize::from(byte))? += 1;
        Some(())
    }

    fn copy(&mut self, copied: Copied) -> Option<()> {
        let symbols = CopySymbols::of(copied)?;
        *self.literals.get_mut(symbols.length.0)? += 1;
        *self.distances.get_mut(symbols.distance.0)? += 1;
        Some(())
    }
}

/// A block's two codes.
struct Codes {
    literals: Code<LITERALS>,
    distances: Code<DISTANCES>,
    are_fixed: bool,
}

impl Codes {
    /// RFC 1951 §3.2.6.
    fn fixed() -> Self {
        let mut lengths = [8; LITERALS];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        Self {
            literals: Code::from_lengths(lengths),
            distances: Code::from_lengths([5; DISTANCES]),
            are_fixed: true,
        }
    }

    fn of(counts: &Counts) -> Self {
        Self {
            literals: Code::for_counts(counts.literals, 15),
            distances: Code::for_counts(counts.distances, 15),
            are_fixed: false,
        }
    }

    /// Bits of the block without its header and without extra bits.
    fn cost(&self, counts: &Counts) -> u32 {
        self.literals.cost(&counts.literals) + self.distances.cost(&counts.distances)
    }

    /// The lengths that are sent: both codes' in one sequence, each without the unused ones at its end.
    fn sent_lengths(&self) -> ([u8; LITERALS_USED + DISTANCES_USED], usize, usize) {
        let used = |lengths: &[u8], least: usize| {
            let last = lengths.iter().rposition(|length| *length > 0);
            last.map_or(0, |last| last + 1).max(least)
        };
        let literals = used(self.literals.lengths(), END + 1).min(LITERALS_USED);
        let distances = used(self.distances.lengths(), 1).min(DISTANCES_USED);
        let mut sent = [0; LITERALS_USED + DISTANCES_USED];
        let both = self.literals.lengths()[..literals]
            .iter()
            .chain(&self.distances.lengths()[..distances]);
        for (place, length) in sent.iter_mut().zip(both) {
            *place = *length;
        }
        (sent, literals, distances)
    }
}

/// The code in which a block's own codes are sent.
struct Header {
    lengths: Code<LENGTHS>,
    counts: [u32; LENGTHS],
    /// Bits of repeat counts.
    extra: u32,
    /// How many of [`LENGTHS_ORDER`] are sent.
    sent: usize,
}

impl Header {
    fn of(codes: &Codes) -> Self {
        let (sent, literals, distances) = codes.sent_lengths();
        let (mut counts, mut extra) = ([0; LENGTHS], 0);
        let _ = runs(&sent[..literals + distances], |symbol, _, bits| {
            counts[symbol] += 1;
            extra += u32::from(bits);
            Some(())
        });
        let lengths = Code::for_counts(counts, 7);
        let last = LENGTHS_ORDER.iter().rposition(|symbol| lengths.lengths()[*symbol] > 0);
        Self {
            lengths,
            counts,
            extra,
            sent: last.map_or(0, |last| last + 1).max(4),
        }
    }

    fn cost(&self) -> u32 {
        5 + 5 + 4 + 3 * self.sent as u32 + self.lengths.cost(&self.counts) + self.extra
    }

    fn write(&self, codes: &Codes, bits: &mut BitWriter<'_>) -> Option<()> {
        let (sent, literals, distances) = codes.sent_lengths();
        bits.bits(u16::try_from(literals - (END + 1)).ok()?, 5)?;
        bits.bits(u16::try_from(distances - 1).ok()?, 5)?;
        bits.bits(u16::try_from(self.sent - 4).ok()?, 4)?;
        for symbol in &LENGTHS_ORDER[..self.sent] {
            bits.bits(u16::from(self.lengths.lengths()[*symbol]), 3)?;
        }
        runs(&sent[..literals + distances], |symbol, value, extra| {
            bits.code(self.lengths.code(symbol)?)?;
            bits.bits(value, extra)
        })
    }
}

/// A sequence of lengths as symbols: a length itself, or 16 for the one before 3 to 6 times more, 17 and 18 for 3 to
/// 10 and 11 to 138 zeros; each with its extra bits' value and number.
fn runs(lengths: &[u8], mut symbol: impl FnMut(usize, u16, u8) -> Option<()>) -> Option<()> {
    for run in lengths.chunk_by(|a, b| a == b) {
        let length = usize::from(*run.first()?);
        let mut left = run.len() as u16;
        if length > 0 {
            symbol(length, 0, 0)?;
            left -= 1;
        }
        while left > 0 {
            let (taken, code, least, extra) = match (length, left) {
                (_, 1..=2) => (1, length, 1, 0),
                (0, 3..=10) => (left, 17, 3, 3),
                (0, _) => (left.min(138), 18, 11, 7),
                _ => (left.min(6), 16, 3, 2),
            };
            symbol(code, taken - least, extra)?;
            left -= taken;
        }
    }
    Some(())
}

/// A block that is being written.
struct Block<'o> {
    codes: Codes,
    bits: BitWriter<'o>,
}

impl Block<'_> {
    fn literal_or_length(&mut self, symbol: usize) -> Option<()> {
        self.bits.code(self.codes.literals.code(symbol)?)
    }
}

impl Symbols for Block<'_> {
    fn literal(&mut self, byte: u8) -> Option<()> {
        self.literal_or_length(usize::from(byte))
    }

    fn copy(&mut self, copied: Copied) -> Option<()> {
        let symbols = CopySymbols::of(copied)?;
        let (symbol, value, extra) = symbols.length;
        self.literal_or_length(symbol)?;
        self.bits.bits(value, extra)?;
        let (symbol, value, extra) = symbols.distance;
        self.bits.code(self.codes.distances.code(symbol)?)?;
        self.bits.bits(value, extra)
    }
}

struct BitWriter<'o> {
    out: &'o mut [u8],
    len: usize,
    held: u32,
    count: u8,
}

impl<'o> BitWriter<'o> {
    fn new(out: &'o mut [u8]) -> Self {
        Self {
            out,
            len: 0,
            held: 0,
            count: 0,
        }
    }

    /// Whole bytes, after [`BitWriter::align`].
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.out
            .get_mut(self.len..self.len + bytes.len())?
            .copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    /// Up to 16 bits, lowest first.
    fn bits(&mut self, value: u16, count: u8) -> Option<()> {
        self.held |= u32::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes(&[self.held as u8])?;
            self.held >>= 8;
            self.count -= 8;
        }
        Some(())
    }

    /// A Huffman code of 1 to 15 bits, highest first.
    fn code(&mut self, (code, length): (u16, u8)) -> Option<()> {
        self.bits(code.reverse_bits() >> (u16::BITS as u8 - length), length)
    }

    fn align(&mut self) -> Option<()> {
        self.bits(0, (8 - self.count) % 8)
    }

    fn finish(self) -> &'o [u8] {
        self.out.get(..self.len).unwrap_or_default()
    }
}

/// RFC 1950 §9.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// Most bytes after which neither sum can have overflowed (RFC 1950 §9).
    const UNREDUCED: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for run in bytes.chunks(UNREDUCED) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % MODULUS, b % MODULUS);
    }
    b << 16 | a
}
