//! Two sources of chance: a seeded one for the weather on the wire, and the operating system's for everything that
//! must be unguessable.

/// A seeded generator (SplitMix64): the same seed gives the same losses. Not for secrets.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// The generator of one stream, for instance one socket, of a run.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        generator.next();
        generator
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True in `share` of all cases, 0 to 1.
    pub fn chance(&mut self, share: f64) -> bool {
        ((self.next() >> 11) as f64) < share * (1u64 << 53) as f64
    }

    /// A number of milliseconds from `least` up to, but not including, `most`.
    pub fn millis(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least).max(1)
    }
}

/// `N` bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `N` random bytes as hexadecimal, for tags, branches and Call-IDs.
pub fn hex<const N: usize>() -> String {
    bytes::<N>().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_and_stream_give_the_same_weather() {
        let weather = |seed, stream| {
            let mut seeded = Seeded::new(seed, stream);
            (0..1000).map(|_| seeded.chance(0.05)).collect::<Vec<_>>()
        };
        assert_eq!(weather(7, 1), weather(7, 1));
        assert_ne!(weather(7, 1), weather(7, 2));
        assert_ne!(weather(7, 1), weather(8, 1));
        let lost = weather(7, 1).iter().filter(|lost| **lost).count();
        assert!((20..100).contains(&lost), "{lost} of 1000 lost at 5 %");
    }
}
