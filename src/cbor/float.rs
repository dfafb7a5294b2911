//! The shortest of the three float forms that keeps a value (RFC 8949 §4.2.1).

use super::head;

/// A finite number in the shortest form that keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shortest {
    /// Half precision, as bits: the language has no stable type for it.
    F16(u16),
    F32(f32),
    F64(f64),
}

/// The shortest form of `value`; `None` for NaN and the infinities.
#[inline]
pub(super) fn shortest(value: f64) -> Option<Shortest> {
    if !value.is_finite() {
        return None;
    }
    Some(match narrow(value) {
        None => Shortest::F64(value),
        Some(single) => match to_half(single) {
            None => Shortest::F32(single),
            Some(half) => Shortest::F16(half),
        },
    })
}

/// `value` as a single, if that is the same finite number.
pub(super) fn narrow(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single) == value).then_some(single)
}

/// The bits of `value` as a half, if that is the same finite number.
pub(super) fn to_half(value: f32) -> Option<u16> {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let fraction = bits & 0x7f_ffff;
    match bits >> 23 & 0xff {
        0 if fraction == 0 => Some(sign),
        // 2⁻¹⁴ … 2¹⁵: a normal half has ten fraction bits.
        exponent @ 113..=142 if fraction & 0x1fff == 0 => {
            Some(sign | ((exponent - 112) << 10) as u16 | (fraction >> 13) as u16)
        }
        // 2⁻²⁴ … 2⁻¹⁵: a subnormal half counts units of 2⁻²⁴.
        exponent @ 103..=112 => {
            let significand = fraction | 0x80_0000;
            let shift = 126 - exponent;
            (significand.trailing_zeros() >= shift).then(|| sign | (significand >> shift) as u16)
        }
        _ => None,
    }
}

/// The number that a half's `bits` mean.
pub(super) fn from_half(bits: u16) -> f64 {
    let sign = u64::from(bits & 0x8000) << 48;
    let exponent = u64::from(bits >> 10 & 0x1f);
    let fraction = u64::from(bits & 0x3ff);
    let magnitude = match exponent {
        // A subnormal counts units of 2⁻²⁴.
        0 => (fraction as f64 / f64::from(1u32 << 24)).to_bits(),
        31 => 0x7ff << 52 | fraction << 42,
        _ => (exponent + (1023 - 15)) << 52 | fraction << 42,
    };
    f64::from_bits(sign | magnitude)
}

/// The float that `bytes` begin with, in whatever form, and the length of its item.
pub(super) fn from_item(bytes: &[u8]) -> Option<(f64, usize)> {
    let (initial, value) = bytes.split_first()?;
    Some(match *initial {
        head::F16 => (from_half(u16::from_be_bytes(*value.first_chunk()?)), 3),
        head::F32 => (f64::from(f32::from_be_bytes(*value.first_chunk()?)), 5),
        head::F64 => (f64::from_be_bytes(*value.first_chunk()?), 9),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_widens_and_comes_back() {
        for bits in 0..=u16::MAX {
            let value = from_half(bits);
            if bits & 0x7c00 == 0x7c00 {
                assert_eq!(shortest(value), None, "{bits:04x}");
            } else {
                assert_eq!(shortest(value), Some(Shortest::F16(bits)), "{bits:04x}");
                assert_eq!(value.is_sign_negative(), bits & 0x8000 != 0);
            }
        }
    }

    #[test]
    fn neighbours_of_halves_need_a_single() {
        for bits in (0..0x7c00u16).chain(0x8000..0xfc00) {
            let half = from_half(bits) as f32;
            for neighbour in [half.next_up(), half.next_down()] {
                if neighbour != 0.0 {
                    assert_eq!(
                        shortest(f64::from(neighbour)),
                        Some(Shortest::F32(neighbour)),
                        "{bits:04x}"
                    );
                }
            }
        }
    }

    #[test]
    fn boundaries_get_the_form_that_keeps_them() {
        for (value, form) in [
            (0.0, Shortest::F16(0)),
            (-0.0, Shortest::F16(0x8000)),
            (65504.0, Shortest::F16(0x7bff)),
            (65505.0, Shortest::F32(65505.0)),
            (65536.0, Shortest::F32(65536.0)),
            (2.0f64.powi(-24), Shortest::F16(1)),
            (2.0f64.powi(-25), Shortest::F32(2.0f32.powi(-25))),
            (2.0f64.powi(-14), Shortest::F16(0x0400)),
            (f64::from(f32::MAX), Shortest::F32(f32::MAX)),
            (f64::from(f32::from_bits(1)), Shortest::F32(f32::from_bits(1))),
            (
                f64::from(f32::from_bits(1)) / 2.0,
                Shortest::F64(f64::from(f32::from_bits(1)) / 2.0),
            ),
            (f64::from(f32::MAX) * 2.0, Shortest::F64(f64::from(f32::MAX) * 2.0)),
            (16_777_217.0, Shortest::F64(16_777_217.0)),
            (9_007_199_254_740_993.0, Shortest::F32(9_007_199_254_740_992.0)),
            (0.1, Shortest::F64(0.1)),
            (f64::MAX, Shortest::F64(f64::MAX)),
            (f64::from_bits(1), Shortest::F64(f64::from_bits(1))),
        ] {
            assert_eq!(shortest(value), Some(form), "{value:?}");
        }
    }
}
