//! Deflating an envelope for sending: LZ77 over one hash table and the fixed Huffman code, in a zlib wrapper.
//!
//! An envelope is a few kilobytes and is deflated to save a chunk, a round trip of the dialog; the last percent that a
//! dynamic code or a longer search would bring does not. Nothing is allocated: the table lives in the caller's
//! scratch.

use super::ENVELOPE_MAX;

/// Scratch in bytes that [`deflate`] needs.
pub const SCRATCH_LEN: usize = BUCKETS * WAYS * 2;

/// Buckets of the hash table, and positions kept in each.
const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 11;
const WAYS: usize = 4;

/// Shortest and longest match (RFC 1951 §3.2.5).
const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 258;

/// A match that is put off only if the next byte does not start a longer one; past this it is long enough.
const LAZY_MAX: usize = 64;

/// Deflated, wrapped (RFC 1950: `78 01`, Adler-32 at the end) and written to the front of `out`. `None` if it does not
/// fit `out`, the input is longer than [`ENVELOPE_MAX`], or `scratch` is shorter than [`SCRATCH_LEN`]: the envelope
/// then goes out as it is.
pub fn deflate<'o>(input: &[u8], scratch: &mut [u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
    if input.len() > ENVELOPE_MAX {
        return None;
    }
    let mut seen = Seen::new(scratch.get_mut(..SCRATCH_LEN)?);
    let mut bits = BitWriter::new(out);
    bits.bytes(&[0x78, 0x01])?;
    bits.bits(1, 1)?;
    bits.bits(1, 2)?;
    let mut pos = 0;
    let mut found = seen.longest(input, 0);
    while pos < input.len() {
        seen.record(input, pos);
        let next = match found {
            Some(now) if now.len >= LAZY_MAX => None,
            _ => seen.longest(input, pos + 1),
        };
        match found {
            Some(now) if next.is_none_or(|next| next.len <= now.len) => {
                bits.copy(now)?;
                for skipped in pos + 1..pos + now.len {
                    seen.record(input, skipped);
                }
                pos += now.len;
                found = seen.longest(input, pos);
            }
            _ => {
                bits.literal_or_length(u16::from(*input.get(pos)?))?;
                pos += 1;
                found = next;
            }
        }
    }
    bits.literal_or_length(256)?;
    bits.align()?;
    bits.bytes(&adler32(input).to_be_bytes())?;
    Some(bits.finish())
}

/// `len` bytes that stood `distance` bytes before.
#[derive(Clone, Copy)]
struct Match {
    len: usize,
    distance: usize,
}

/// Where each three bytes were seen last: per bucket the newest [`WAYS`] positions, newest first, plus one; 0 is none.
struct Seen<'s> {
    table: &'s mut [u8],
}

impl<'s> Seen<'s> {
    fn new(table: &'s mut [u8]) -> Self {
        table.fill(0);
        Self { table }
    }

    fn bucket(input: &[u8], pos: usize) -> Option<usize> {
        let bytes = input.get(pos..pos + MATCH_MIN)?;
        let key = bytes.iter().fold(0_u32, |key, byte| key << 8 | u32::from(*byte));
        // Fibonacci hashing: the high bits of a product with 2^32 / φ.
        let hash = key.wrapping_mul(0x9E37_79B9) >> (u32::BITS - BUCKET_BITS);
        Some(hash as usize * WAYS * 2)
    }

    fn record(&mut self, input: &[u8], pos: usize) {
        let bucket = Self::bucket(input, pos).and_then(|at| self.table.get_mut(at..at + WAYS * 2));
        if let (Some(bucket), Ok(entry)) = (bucket, u16::try_from(pos + 1)) {
            bucket.copy_within(..(WAYS - 1) * 2, 2);
            bucket[..2].copy_from_slice(&entry.to_le_bytes());
        }
    }

    fn longest(&self, input: &[u8], pos: usize) -> Option<Match> {
        let at = Self::bucket(input, pos)?;
        let mut best: Option<Match> = None;
        for entry in self.table.get(at..at + WAYS * 2)?.chunks_exact(2) {
            let Some(candidate) = usize::from(u16::from_le_bytes([entry[0], entry[1]])).checked_sub(1) else {
                break;
            };
            let ahead = input.iter().skip(pos).take(MATCH_MAX);
            let len = ahead
                .zip(input.iter().skip(candidate))
                .take_while(|(a, b)| a == b)
                .count();
            if len >= MATCH_MIN && best.is_none_or(|best| len > best.len) {
                best = Some(Match {
                    len,
                    distance: pos - candidate,
                });
            }
        }
        best
    }
}

/// RFC 1951 §3.2.5: base and extra bits of the length codes 257… and of the distance codes 0….
const LENGTHS: [(u16, u32); 29] = [
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

struct BitWriter<'o> {
    out: &'o mut [u8],
    len: usize,
    held: u32,
    count: u32,
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

    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.out
            .get_mut(self.len..self.len + bytes.len())?
            .copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    /// Up to 16 bits, lowest first.
    fn bits(&mut self, value: u32, count: u32) -> Option<()> {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes(&[self.held as u8])?;
            self.held >>= 8;
            self.count -= 8;
        }
        Some(())
    }

    /// A Huffman code, highest bit first.
    fn code(&mut self, code: u32, count: u32) -> Option<()> {
        self.bits(code.reverse_bits() >> (u32::BITS - count), count)
    }

    /// The fixed code of RFC 1951 §3.2.6.
    fn literal_or_length(&mut self, symbol: u16) -> Option<()> {
        let symbol = u32::from(symbol);
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xC0 + symbol - 280, 8),
        }
    }

    fn copy(&mut self, copy: Match) -> Option<()> {
        let len = u16::try_from(copy.len).ok()?;
        let symbol = LENGTHS.iter().rposition(|(base, _)| *base <= len)?;
        let (base, extra) = LENGTHS[symbol];
        self.literal_or_length(257 + u16::try_from(symbol).ok()?)?;
        self.bits(u32::from(len - base), extra)?;
        // Distance codes come in pairs, each pair with one bit more than the pair before.
        let distance = u32::try_from(copy.distance).ok()?.checked_sub(1)?;
        let (code, extra) = match distance {
            0..=3 => (distance, 0),
            _ => {
                let extra = distance.ilog2() - 1;
                (2 * extra + (distance >> extra), extra)
            }
        };
        self.code(code, 5)?;
        self.bits(distance & ((1 << extra) - 1), extra)
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
    let sums = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    sums.1 << 16 | sums.0
}
