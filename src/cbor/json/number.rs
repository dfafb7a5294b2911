//! JSON numbers: the grammar, and what a literal means.

use super::{Error, ErrorKind};

/// What a literal means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    /// −1 − n.
    Negative(u64),
    Float(f64),
}

/// Significant digits from which a float follows by a multiplication or two. With more of them it may lie so near the
/// middle of two floats that all digits have to be multiplied out, which takes a thousand times as long (Mushtak and
/// Lemire, "Fast number parsing without fallback", 2023).
const QUICK_DIGITS: usize = 19;

/// Reads the literal that begins at `start`; `as_float` makes a float of an integer, too. `long`
/// says how many floats of more than [`QUICK_DIGITS`] digits may still come. Returns the offset behind it.
pub(super) fn read(json: &str, start: usize, as_float: bool, long: &mut usize) -> Result<(Number, usize), Error> {
    let bytes = json.as_bytes();
    let negative = bytes.get(start) == Some(&b'-');
    let digits = start + usize::from(negative);
    let mut end = some_digits(bytes, digits)?;
    if bytes.get(digits) == Some(&b'0') && end > digits + 1 {
        return Err(Error::new(ErrorKind::Number, digits + 1));
    }
    let integer = digits..end;
    let mut is_float = as_float;
    if bytes.get(end) == Some(&b'.') {
        is_float = true;
        end = some_digits(bytes, end + 1)?;
    }
    let mantissa = digits..end;
    if let Some(b'e' | b'E') = bytes.get(end) {
        is_float = true;
        let sign = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = some_digits(bytes, end + 1 + usize::from(sign))?;
    }
    let number = if is_float {
        if is_long(bytes.get(mantissa).unwrap_or_default()) {
            *long = long.checked_sub(1).ok_or(Error::new(ErrorKind::LongNumbers, start))?;
        }
        let value = json.get(start..end).and_then(|literal| literal.parse::<f64>().ok());
        value.filter(|value| value.is_finite()).map(Number::Float)
    } else {
        whole(bytes.get(integer).unwrap_or_default(), negative)
    };
    let range = if is_float {
        ErrorKind::FloatRange
    } else {
        ErrorKind::IntegerRange
    };
    Ok((number.ok_or(Error::new(range, start))?, end))
}

fn is_long(mantissa: &[u8]) -> bool {
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit());
    mantissa.len() > QUICK_DIGITS && digits.skip_while(|digit| **digit == b'0').count() > QUICK_DIGITS
}

/// The offset behind the digits that begin at `start`, of which there must be one.
fn some_digits(bytes: &[u8], start: usize) -> Result<usize, Error> {
    let rest = bytes.get(start..).unwrap_or_default();
    let count = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    match count {
        0 if rest.is_empty() => Err(Error::new(ErrorKind::End, bytes.len())),
        0 => Err(Error::new(ErrorKind::Number, start)),
        _ => Ok(start + count),
    }
}

fn whole(digits: &[u8], negative: bool) -> Option<Number> {
    /// Digits of 2⁶⁴; there are no leading zeros.
    const MAX_DIGITS: usize = 20;
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + u128::from(digit - b'0'));
    if negative && let Some(n) = value.checked_sub(1) {
        return u64::try_from(n).ok().map(Number::Negative);
    }
    u64::try_from(value).ok().map(Number::Unsigned)
}
