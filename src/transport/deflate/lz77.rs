//! Finding what stood before: an input as literals and copies (LZ77).

use super::Symbols;

/// Scratch in bytes that [`factor`] needs.
pub(super) const SCRATCH_LEN: usize = BUCKETS * WAYS * 2;

/// Buckets of the hash table, and positions kept in each.
const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 11;
const WAYS: usize = 4;

/// Shortest and longest copy (RFC 1951 §3.2.5).
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 258;

/// A copy is put off if the next byte starts a longer one, unless it is this long.
const LAZY_MAX: usize = 64;

/// `len` bytes that stood `distance` bytes before.
#[derive(Clone, Copy)]
pub(super) struct Copied {
    pub(super) len: usize,
    pub(super) distance: usize,
}

/// Hands the literals and copies of `input`, of at most 32 KiB, to `symbols` in their order; the same ones on every
/// call. `scratch` is [`SCRATCH_LEN`] bytes long; what it holds is overwritten. `None` as soon as `symbols` says so.
pub(super) fn factor(input: &[u8], scratch: &mut [u8], symbols: &mut impl Symbols) -> Option<()> {
    let mut seen = Seen::new(scratch);
    let mut pos = 0;
    let mut found = seen.longest(input, 0);
    while let Some(byte) = input.get(pos) {
        seen.record(input, pos);
        let next = match found {
            Some(now) if now.len >= LAZY_MAX => None,
            _ => seen.longest(input, pos + 1),
        };
        match found {
            Some(now) if next.is_none_or(|next| next.len <= now.len) => {
                symbols.copy(now)?;
                for skipped in pos + 1..pos + now.len {
                    seen.record(input, skipped);
                }
                pos += now.len;
                found = seen.longest(input, pos);
            }
            _ => {
                symbols.literal(*byte)?;
                pos += 1;
                found = next;
            }
        }
    }
    Some(())
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
        let bytes = input.get(pos..pos + COPY_MIN)?;
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

    fn longest(&self, input: &[u8], pos: usize) -> Option<Copied> {
        let at = Self::bucket(input, pos)?;
        let ahead = input.get(pos..)?;
        let ahead = ahead.get(..COPY_MAX).unwrap_or(ahead);
        let mut best: Option<Copied> = None;
        for entry in self.table.get(at..at + WAYS * 2)?.as_chunks().0 {
            let Some(candidate) = usize::from(u16::from_le_bytes(*entry)).checked_sub(1) else {
                break;
            };
            let before = input.get(candidate..)?;
            let longest = best.map_or(COPY_MIN - 1, |best| best.len);
            // Nothing longer can differ here, and most candidates do.
            if ahead.get(longest) != before.get(longest) {
                continue;
            }
            let len = common_len(ahead, before);
            if len > longest {
                let distance = pos - candidate;
                best = Some(Copied { len, distance });
            }
        }
        best
    }
}

/// How many bytes two slices have in common at their fronts.
fn common_len(a: &[u8], b: &[u8]) -> usize {
    let ((a_words, _), (b_words, _)) = (a.as_chunks(), b.as_chunks());
    for (place, (a, b)) in a_words.iter().zip(b_words).enumerate() {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return place * 8 + (differing.trailing_zeros() / 8) as usize;
        }
    }
    let whole = a_words.len().min(b_words.len()) * 8;
    let tails = a.iter().zip(b).skip(whole);
    whole + tails.take_while(|(a, b)| a == b).count()
}
