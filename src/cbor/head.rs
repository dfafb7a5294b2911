//! The first bytes of an item: major type and argument (RFC 8949 §3).

use super::ErrorKind;

/// Major types, in the place they have in an initial byte.
pub(super) const UNSIGNED: u8 = 0 << 5;
pub(super) const NEGATIVE: u8 = 1 << 5;
pub(super) const BYTES: u8 = 2 << 5;
pub(super) const TEXT: u8 = 3 << 5;
pub(super) const ARRAY: u8 = 4 << 5;
pub(super) const MAP: u8 = 5 << 5;
pub(super) const TAG: u8 = 6 << 5;
pub(super) const SIMPLE: u8 = 7 << 5;

/// The part of an initial byte that holds the major type.
pub(super) const MAJOR: u8 = 0b1110_0000;
/// The part of an initial byte that holds the additional information.
pub(super) const INFO: u8 = 0b0001_1111;

/// Tag 0 (a date-time text), the only tag there is here.
pub(super) const TIME: u8 = TAG;
/// The initial bytes of the simple values and floats that the data model has.
pub(super) const FALSE: u8 = SIMPLE | 20;
pub(super) const TRUE: u8 = SIMPLE | 21;
pub(super) const NULL: u8 = SIMPLE | 22;
pub(super) const F16: u8 = SIMPLE | 25;
pub(super) const F32: u8 = SIMPLE | 26;
pub(super) const F64: u8 = SIMPLE | 27;

/// Most bytes that a head has.
pub(super) const MAX_HEAD_LEN: usize = 9;

/// The argument of the head that begins at `at` with `initial`, and the offset behind the head. A head longer than its
/// argument needs is an error.
#[inline(always)]
pub(super) fn argument(bytes: &[u8], at: usize, initial: u8) -> Result<(u64, usize), ErrorKind> {
    let info = initial & INFO;
    if info < 24 {
        return Ok((u64::from(info), at + 1));
    }
    if info > 27 {
        return Err(ErrorKind::Reserved);
    }
    let (argument, behind) = long_argument(bytes, at, info).ok_or(ErrorKind::Truncated)?;
    let least = match info {
        24 => 24,
        25 => 1 << 8,
        26 => 1 << 16,
        _ => 1 << 32,
    };
    if argument < least {
        return Err(ErrorKind::LongHead);
    }
    Ok((argument, behind))
}

/// As [`argument`], for heads that have been checked and for floats, whose bits stand where the argument does.
#[inline]
pub(super) fn checked_argument(bytes: &[u8], at: usize, initial: u8) -> Option<(u64, usize)> {
    let info = initial & INFO;
    if info < 24 {
        return Some((u64::from(info), at + 1));
    }
    long_argument(bytes, at, info)
}

fn long_argument(bytes: &[u8], at: usize, info: u8) -> Option<(u64, usize)> {
    let behind = bytes.get(at + 1..)?;
    Some(match info {
        24 => (u64::from(*behind.first()?), at + 2),
        25 => (u64::from(u16::from_be_bytes(*behind.first_chunk()?)), at + 3),
        26 => (u64::from(u32::from_be_bytes(*behind.first_chunk()?)), at + 5),
        27 => (u64::from_be_bytes(*behind.first_chunk()?), at + 9),
        _ => return None,
    })
}

/// The shortest head of `argument`: its bytes, and how many of them count.
#[inline]
pub(super) fn encode(major: u8, argument: u64) -> ([u8; MAX_HEAD_LEN], usize) {
    let (info, len) = match argument {
        0..=23 => (argument as u8, 1),
        24..=0xff => (24, 2),
        0x100..=0xffff => (25, 3),
        0x1_0000..=0xffff_ffff => (26, 5),
        _ => (27, 9),
    };
    // The argument's bytes that count, at the front.
    let [a, b, c, d, e, f, g, h] = (argument << ((8 * (9 - len)) & 63)).to_be_bytes();
    ([major | info, a, b, c, d, e, f, g, h], len)
}
