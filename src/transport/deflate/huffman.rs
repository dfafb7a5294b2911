//! Prefix codes: from how often each symbol occurs to the lengths of a Huffman code, and from lengths to the codes
//! themselves (RFC 1951 §3.2.2).

/// A code over `N` symbols; a symbol of length 0 has none.
pub(super) struct Code<const N: usize> {
    lengths: [u8; N],
    codes: [u16; N],
}

/// Longest code that any of deflate's alphabets allows.
const LENGTH_MAX: usize = 15;
/// Symbols of the largest alphabet.
const SYMBOLS_MAX: usize = 288;
const NODES_MAX: usize = 2 * SYMBOLS_MAX;

impl<const N: usize> Code<N> {
    /// The code with these lengths, at most [`LENGTH_MAX`] each.
    pub(super) fn from_lengths(lengths: [u8; N]) -> Self {
        let mut next = [0_u16; LENGTH_MAX + 2];
        for length in lengths.iter().filter(|length| **length > 0) {
            next[usize::from(*length) + 1] += 1;
        }
        // `next[length]`: how many codes are shorter by one bit; then the first code of this length.
        for length in 1..=LENGTH_MAX {
            next[length] = (next[length] + next[length - 1]) << 1;
        }
        let mut codes = [0; N];
        for (code, length) in codes.iter_mut().zip(lengths).filter(|(_, length)| *length > 0) {
            *code = next[usize::from(length)];
            next[usize::from(length)] += 1;
        }
        Self { lengths, codes }
    }

    /// The best code for symbols that occur this often, none longer than `length_max`. A code has two symbols at
    /// least, since decoders refuse some of those with one.
    pub(super) fn for_counts(mut counts: [u32; N], length_max: u8) -> Self {
        while counts.iter().filter(|count| **count > 0).count() < 2 {
            match counts.iter_mut().find(|count| **count == 0) {
                Some(count) => *count = 1,
                None => break,
            }
        }
        loop {
            let lengths = optimal_lengths(&counts);
            if lengths.iter().all(|length| *length <= length_max) {
                return Self::from_lengths(lengths);
            }
            // Flatter counts give a flatter tree; after 32 rounds at most, all are 1 and it is balanced.
            for count in counts.iter_mut().filter(|count| **count > 0) {
                *count = *count / 2 + *count % 2;
            }
        }
    }

    /// A symbol's code, to be sent highest bit first, and its length.
    pub(super) fn code(&self, symbol: usize) -> Option<(u16, u8)> {
        let length = self.lengths.get(symbol).filter(|length| **length > 0)?;
        Some((*self.codes.get(symbol)?, *length))
    }

    /// The lengths of all symbols' codes.
    pub(super) fn lengths(&self) -> &[u8; N] {
        &self.lengths
    }

    /// Bits that symbols which occur this often take.
    pub(super) fn cost(&self, counts: &[u32; N]) -> u32 {
        self.lengths
            .iter()
            .zip(counts)
            .map(|(length, count)| u32::from(*length) * count)
            .sum()
    }
}

/// Huffman's tree, as the depths of its leaves: the two lightest nodes are joined until one is left. Leaves in order
/// of weight and joined nodes in order of their making are two queues that are each sorted.
fn optimal_lengths<const N: usize>(counts: &[u32; N]) -> [u8; N] {
    let mut leaves = [(0, 0); SYMBOLS_MAX];
    let mut count = 0;
    for (symbol, weight) in counts
        .iter()
        .enumerate()
        .filter(|(_, weight)| **weight > 0)
        .take(SYMBOLS_MAX)
    {
        leaves[count] = (*weight, symbol);
        count += 1;
    }
    leaves[..count].sort_unstable();
    let mut weights = [0; NODES_MAX];
    let mut parents = [0_u16; NODES_MAX];
    for (weight, leaf) in weights.iter_mut().zip(&leaves[..count]) {
        *weight = leaf.0;
    }
    // INVARIANT: a tree of n leaves has n - 1 joined nodes, so every index below stays under NODES_MAX.
    let (mut leaf, mut joined) = (0, count);
    let nodes = (2 * count).saturating_sub(1);
    for node in count..nodes {
        for _ in 0..2 {
            let lightest = if leaf < count && (joined == node || weights[leaf] <= weights[joined]) {
                &mut leaf
            } else {
                &mut joined
            };
            weights[node] += weights[*lightest];
            parents[*lightest] = node as u16;
            *lightest += 1;
        }
    }
    let mut depths = [0_u8; NODES_MAX];
    for node in (0..nodes.saturating_sub(1)).rev() {
        depths[node] = depths[usize::from(parents[node])].saturating_add(1);
    }
    let mut lengths = [0; N];
    for ((_, symbol), depth) in leaves[..count].iter().zip(depths) {
        lengths[*symbol] = depth;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sum of 2^-length in units of 2^-15; a complete code has 2^15.
    fn kraft(lengths: &[u8]) -> u32 {
        lengths
            .iter()
            .filter(|length| **length > 0)
            .map(|length| 1 << (15 - length))
            .sum()
    }

    #[test]
    fn codes_are_those_of_the_rfcs_example() {
        let code = Code::from_lengths([3, 3, 3, 3, 3, 2, 4, 4]);
        let codes = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111];
        for (symbol, expected) in codes.into_iter().enumerate() {
            assert_eq!(code.code(symbol), Some((expected, code.lengths()[symbol])));
        }
    }

    #[test]
    fn frequent_symbols_get_short_codes() {
        let code = Code::for_counts([50, 0, 1, 1, 2, 4, 8, 16], 15);
        assert_eq!(code.lengths(), &[1, 0, 6, 6, 5, 4, 3, 2]);
        assert_eq!(code.cost(&[50, 0, 1, 1, 2, 4, 8, 16]), 50 + 6 + 6 + 10 + 16 + 24 + 32);
        assert_eq!(code.code(1), None);
    }

    #[test]
    fn codes_stay_complete_when_their_length_is_limited() {
        let mut fibonacci = [1_u32; 30];
        for n in 2..30 {
            fibonacci[n] = fibonacci[n - 1] + fibonacci[n - 2];
        }
        for length_max in 5..=15 {
            let code = Code::for_counts(fibonacci, length_max);
            assert!(code.lengths().iter().all(|length| (1..=length_max).contains(length)));
            assert_eq!(kraft(code.lengths()), 1 << 15, "{length_max}");
        }
    }

    #[test]
    fn a_code_has_two_symbols_at_least() {
        for counts in [[0; 19], core::array::from_fn(|symbol| u32::from(symbol == 7))] {
            assert_eq!(kraft(Code::for_counts(counts, 7).lengths()), 1 << 15);
        }
    }
}
