//! ITU-T G.722 at 64 kbit/s: from octets to 16 kHz samples, bit for bit as the Recommendation has it.
//!
//! An octet holds six bits for the lower half of the band and two for the upper one. Each half is ADPCM: a quantiser whose
//! step follows the codes, and a predictor of two poles and six zeros that follows the signal. A quadrature mirror filter
//! puts the halves together, which gives two samples for each octet. The names in the comments are the Recommendation's
//! (clause 6.2.2 and annex B of G.722).
//!
//! All arithmetic is of integers, and every state stays within 16 bits, so any octets may come. What a decoder gives
//! depends on all octets before; a reset decoder begins anew.
//!
//! Not here: the 56 and 48 kbit/s modes, whose data channel RTP does not carry (RFC 3551 §4.5.2), and encoding.

/// Samples for each octet.
pub const SAMPLES_PER_OCTET: usize = 2;

/// What the inverse quantiser of the lower half gives, times the step, by magnitude (QM6).
const LOW: [i16; 30] = [
    136, 432, 728, 1040, 1360, 1688, 2032, 2400, 2776, 3168, 3576, 4008, 4464, 4944, 5456, 6000, 6576, 7192, 7856,
    8576, 9360, 10232, 11192, 12280, 13512, 14984, 16704, 19008, 21904, 24808,
];

/// The same for each code of six bits. Codes count magnitudes down; the first four are not sent and mean the least.
const LOW_BY_CODE: [i16; 64] = {
    let mut codes = [-LOW[0]; 64];
    let mut magnitude = 0;
    while magnitude < LOW.len() {
        codes[61 - magnitude] = LOW[magnitude];
        codes[if magnitude < 2 { 63 } else { 33 } - magnitude] = -LOW[magnitude];
        magnitude += 1;
    }
    codes
};

/// What drives the lower half's predictor, for each code's upper four bits (QM4).
const LOW_COARSE: [i16; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
];

/// How far the logarithm of the lower half's step moves, for each code's upper four bits (WL).
const LOW_STEPS: [i16; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];

/// What the inverse quantiser of the upper half gives for each code (QM2), and how far the logarithm of its step moves (WH).
const HIGH_BY_CODE: [i16; 4] = [-7408, -1616, 7408, 1616];
const HIGH_STEPS: [i16; 4] = [798, -214, 798, -214];

/// The powers of two from 2048 to 4096 in 32 equal steps of the logarithm (ILB).
const POWERS: [i16; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Half of the mirror filter's coefficients; the other half is the same backwards (clause 4.2.2).
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Highest logarithms of the two steps.
const LOW_LOG_MAX: i32 = 18_432;
const HIGH_LOG_MAX: i32 = 22_528;

/// A decoder of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    low: Half,
    high: Half,
    /// Sums and differences of the halves, the last eleven pairs and room for one more.
    sums: [i32; MIRROR.len()],
    differences: [i32; MIRROR.len()],
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has heard nothing.
    pub const fn new() -> Self {
        Self {
            low: Half::new(32),
            high: Half::new(8),
            sums: [0; MIRROR.len()],
            differences: [0; MIRROR.len()],
        }
    }

    /// Decodes octets into the front of `pcm`, as many as find room, and returns the number of samples: two for each octet.
    pub fn decode(&mut self, octets: &[u8], pcm: &mut [i16]) -> usize {
        let mut written = 0;
        for (pair, octet) in pcm.as_chunks_mut().0.iter_mut().zip(octets) {
            *pair = self.octet(*octet);
            written += SAMPLES_PER_OCTET;
        }
        written
    }

    fn octet(&mut self, octet: u8) -> [i16; SAMPLES_PER_OCTET] {
        let code = usize::from(octet & 0x3f);
        let low = limit_15(self.low.signal + self.low.scaled(LOW_BY_CODE[code]));
        let coarse = self.low.scaled(LOW_COARSE[code >> 2]);
        self.low.follow(LOW_STEPS[code >> 2], LOW_LOG_MAX, 8);
        self.low.adapt(coarse);

        let code = usize::from(octet >> 6);
        let difference = self.high.scaled(HIGH_BY_CODE[code]);
        let high = limit_15(self.high.signal + difference);
        self.high.follow(HIGH_STEPS[code], HIGH_LOG_MAX, 10);
        self.high.adapt(difference);

        self.sums.rotate_left(1);
        self.differences.rotate_left(1);
        self.sums[MIRROR.len() - 1] = low + high;
        self.differences[MIRROR.len() - 1] = low - high;
        let (mut first, mut second) = (0, 0);
        for at in 0..MIRROR.len() {
            first += self.differences[at] * MIRROR[MIRROR.len() - 1 - at];
            second += self.sums[at] * MIRROR[at];
        }
        [limit(first >> 11) as i16, limit(second >> 11) as i16]
    }
}

/// One half of the band.
#[derive(Clone, Copy, Debug)]
struct Half {
    /// The quantiser's step, and its logarithm (DET, NB).
    step: i32,
    log: i32,
    /// What is expected next, and the zeros' share of it (S, SZ).
    signal: i32,
    zeros_share: i32,
    /// The last two reconstructed samples, and the last two of them without the poles' share (RLT, PLT).
    reconstructed: [i32; 2],
    partial: [i32; 2],
    /// The poles' coefficients, the zeros', and the last six differences that these are applied to (AL, BL, DLT).
    poles: [i32; 2],
    zeros: [i32; 6],
    differences: [i32; 6],
}

impl Half {
    const fn new(step: i32) -> Self {
        Self {
            step,
            log: 0,
            signal: 0,
            zeros_share: 0,
            reconstructed: [0; 2],
            partial: [0; 2],
            poles: [0; 2],
            zeros: [0; 6],
            differences: [0; 6],
        }
    }

    /// A quantiser's output at the present step (INVQAL, INVQAH).
    fn scaled(&self, level: i16) -> i32 {
        (self.step * i32::from(level)) >> 15
    }

    /// Lets the step follow a code (LOGSCL, SCALEL and their like for the upper half). `shift` is where a logarithm of 0 lies.
    fn follow(&mut self, by: i16, most: i32, shift: i32) {
        self.log = (((self.log * 127) >> 7) + i32::from(by)).clamp(0, most);
        let power = i32::from(POWERS[(self.log >> 6) as usize & 31]);
        let right = shift - (self.log >> 11);
        self.step = if right < 0 { power << -right } else { power >> right } << 2;
    }

    /// Lets the predictor follow a difference, and predicts (block 4).
    fn adapt(&mut self, difference: i32) {
        let reconstructed = limit(self.signal + difference);
        let partial = limit(self.zeros_share + difference);

        // UPPOL2, UPPOL1: signs alone decide which way the poles move.
        let as_before = partial >> 15 == self.partial[0] >> 15;
        let as_two_before = partial >> 15 == self.partial[1] >> 15;
        let first = limit(self.poles[0] << 2);
        let towards = if as_before { -first } else { first }.min(i16::MAX.into());
        let second = (towards >> 7) + if as_two_before { 128 } else { -128 } + ((self.poles[1] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = if as_before { 192 } else { -192 } + ((self.poles[0] * 32_640) >> 15);
        // The triangle within which the poles are stable.
        let bound = 15_360 - second;
        self.poles = [first.clamp(-bound, bound), second];

        // UPZERO.
        let by = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(&self.differences) {
            let towards = if before >> 15 == difference >> 15 { by } else { -by };
            *zero = limit(towards + ((*zero * 32_640) >> 15));
        }

        // DELAYA.
        self.differences.rotate_right(1);
        self.differences[0] = difference;
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];

        // FILTEP, FILTEZ, PREDIC.
        let share = |coefficient: &i32, value: &i32| (coefficient * limit(value << 1)) >> 15;
        let poles: i32 = self
            .poles
            .iter()
            .zip(&self.reconstructed)
            .map(|(a, r)| share(a, r))
            .sum();
        let zeros: i32 = self.zeros.iter().zip(&self.differences).map(|(b, d)| share(b, d)).sum();
        self.zeros_share = limit(zeros);
        self.signal = limit(limit(poles) + self.zeros_share);
    }
}

/// Keeps a number within 16 bits (SATURATE).
fn limit(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// Keeps a number within 15 bits (LIMIT of clause 6.2.1.6).
fn limit_15(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}
