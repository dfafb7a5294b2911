//! Sound that the robust fingerprint takes for speech, made without floating point.

/// Sound like speech: an integer resonator, driven by noise, whose frequency and loudness change ten times a second. The
/// generator of `docs/robust-fingerprint.md`.
pub fn babble(seed: u32, samples: usize) -> Vec<i16> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i32
    };
    let (mut turn, mut loudness, mut one, mut two) = (0, 0, 0, 0);
    (0..samples)
        .map(|at| {
            if at % 800 == 0 {
                turn = next() % 9000 - 2000;
                loudness = next() % 8;
            }
            let noise = ((next() - 32_768) * loudness) >> 6;
            let sample = (((turn * one) >> 12) - ((3900 * two) >> 12) + noise).clamp(-32_768, 32_767);
            (one, two) = (sample, one);
            sample as i16
        })
        .collect()
}
