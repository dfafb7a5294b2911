//! ITU-T G.711: A-law and µ-law expanded to 16-bit linear samples, and compressed from them.
//!
//! The expansion tables are computed at compile time from the Recommendation's segments. Its 13-bit (A-law) and 14-bit
//! (µ-law) values are scaled to 16 bits, as ITU-T G.191 and every PBX do; fingerprints depend on that scale.
//!
//! Not here: packet loss concealment (Appendix I) and comfort noise (Appendix II).

/// A-law inverts every other bit on the line (G.711, table 1a, note 2).
const A_LAW_INVERSION: u8 = 0x55;
/// What µ-law adds to a magnitude, on the 16-bit scale, so that each segment begins at a power of two.
const MU_LAW_BIAS: i32 = 33 << 2;
/// The largest magnitude that µ-law can hold, on the 16-bit scale with the bias added.
const MU_LAW_CLIP: i32 = 0x7fff;

/// The 16-bit sample for each A-law octet.
pub static A_LAW: [i16; 256] = table(Law::A);
/// The 16-bit sample for each µ-law octet.
pub static MU_LAW: [i16; 256] = table(Law::Mu);

#[derive(Clone, Copy)]
enum Law {
    A,
    Mu,
}

const fn table(law: Law) -> [i16; 256] {
    let mut samples = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        samples[octet] = match law {
            Law::A => expand_a(octet as u8),
            Law::Mu => expand_mu(octet as u8),
        };
        octet += 1;
    }
    samples
}

/// Four bits of segment and four of interval give the middle of the interval; the sign bit set is positive.
const fn expand_a(octet: u8) -> i16 {
    let octet = octet ^ A_LAW_INVERSION;
    let segment = (octet >> 4) & 7;
    let interval = (octet & 15) as i16;
    let magnitude = match segment {
        0 => (interval << 4) + 8,
        _ => ((interval << 4) + 0x108) << (segment - 1),
    };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

/// As A-law, with all bits inverted on the line and a biased magnitude; the sign bit set (before inversion) is negative.
const fn expand_mu(octet: u8) -> i16 {
    let octet = !octet;
    let segment = (octet >> 4) & 7;
    let interval = (octet & 15) as i32;
    let magnitude = (((interval << 3) + MU_LAW_BIAS) << segment) - MU_LAW_BIAS;
    (if octet & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

/// Compresses one sample to A-law.
pub const fn compress_a(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 {
        (0x80, sample as u32)
    } else {
        (0, !sample as u32)
    };
    let magnitude = magnitude >> 4;
    let code = match magnitude {
        0..=15 => magnitude,
        _ => {
            let segment = magnitude.ilog2() - 3;
            (segment << 4) | ((magnitude >> (segment - 1)) & 15)
        }
    };
    (sign | code as u8) ^ A_LAW_INVERSION
}

/// Compresses one sample to µ-law.
pub const fn compress_mu(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 {
        (0, sample as i32)
    } else {
        (0x80, !(sample as i32))
    };
    // The two lowest bits lie below µ-law's resolution and are cut off before the bias is added, as G.191 does.
    let biased = (magnitude & !3) + MU_LAW_BIAS;
    let biased = if biased > MU_LAW_CLIP { MU_LAW_CLIP } else { biased } as u32;
    let segment = biased.ilog2() - 7;
    let interval = (biased >> (segment + 3)) & 15;
    !(sign | (segment << 4) as u8 | interval as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_corners_are_those_of_the_recommendation() {
        assert_eq!(
            (A_LAW[0xd5], A_LAW[0x55], A_LAW[0xaa], A_LAW[0x2a]),
            (8, -8, 32256, -32256)
        );
        assert_eq!(
            (MU_LAW[0xff], MU_LAW[0x7f], MU_LAW[0x80], MU_LAW[0x00]),
            (0, 0, 32124, -32124)
        );
        assert_eq!((MU_LAW[0xfe], MU_LAW[0x7e]), (8, -8));
    }

    #[test]
    fn every_octet_survives_expanding_and_compressing() {
        for octet in 0..=255u8 {
            assert_eq!(compress_a(A_LAW[usize::from(octet)]), octet);
            let again = compress_mu(MU_LAW[usize::from(octet)]);
            // µ-law has two zeros; the negative one comes back as the positive.
            assert_eq!(again, if octet == 0x7f { 0xff } else { octet });
        }
    }

    #[test]
    fn compression_picks_the_interval_that_holds_the_sample() {
        for sample in i16::MIN..=i16::MAX {
            for (octet, table, clip) in [
                (compress_a(sample), &A_LAW, 32767),
                (compress_mu(sample), &MU_LAW, 32635),
            ] {
                let wide = i32::from(sample).clamp(-clip, clip);
                let near = i32::from(table[usize::from(octet)]);
                let step = (wide.abs() >> 4).max(16);
                assert!((wide - near).abs() <= step, "{sample} became {near}");
            }
        }
    }
}
