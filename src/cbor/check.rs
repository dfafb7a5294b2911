//! The check alone, as a loop of its own: what a [`Reader`] refuses it refuses, without making tokens.
//!
//! It says yes or no. What is wrong, and where, is for the reader to say, which then reads the bytes once more: senders
//! of such bytes wait a microsecond longer, and there is one place where errors are made.

use super::reader::is_text;
use super::{Error, MAX_DEPTH, MAX_INPUT_LEN, Reader, float, head};
use crate::time::Timestamp;

/// Whether `bytes` are one canonical item and nothing else.
///
/// # Errors
/// The first [`Error`] that a [`Reader`] meets.
pub fn check(bytes: &[u8]) -> Result<(), Error> {
    if is_canonical(bytes).is_some() {
        return Ok(());
    }
    let mut reader = Reader::new(bytes);
    while reader.next_bytes()?.is_some() {}
    Ok(())
}

/// An open container.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Elements, or members, that have yet to begin.
    left: u32,
    is_map: bool,
    /// Where a map's last key lies. No key begins at 0, where the outermost head is: there was none yet.
    key_start: u32,
    key_len: u32,
}

fn is_canonical(bytes: &[u8]) -> Option<()> {
    if bytes.len() > MAX_INPUT_LEN {
        return None;
    }
    let mut outer = [Open::default(); MAX_DEPTH];
    let mut depth = 0;
    // What the one item stands in.
    let mut top = Open {
        left: 1,
        ..Open::default()
    };
    let mut at = 0;
    loop {
        while top.left == 0 {
            let Some(around) = usize::checked_sub(depth, 1) else {
                return (at == bytes.len()).then_some(());
            };
            depth = around;
            top = *outer.get(around)?;
        }
        top.left -= 1;
        let mut initial = *bytes.get(at)?;
        if top.is_map {
            if initial & head::MAJOR != head::TEXT {
                return None;
            }
            let (start, key) = text(bytes, at, initial)?;
            let len = key.len() as u32;
            if len <= top.key_len && top.key_start > 0 {
                let last = bytes.get(top.key_start as usize..)?.get(..key.len())?;
                if len < top.key_len || last >= key {
                    return None;
                }
            }
            // INVARIANT: the input is at most MAX_INPUT_LEN bytes long, so offsets fit.
            (top.key_start, top.key_len) = (start as u32, len);
            at = start + key.len();
            initial = *bytes.get(at)?;
        }
        at = match initial & head::MAJOR {
            head::TEXT => {
                let (start, text) = text(bytes, at, initial)?;
                start + text.len()
            }
            major @ (head::MAP | head::ARRAY) => {
                let (count, behind) = head::argument(bytes, at, initial).ok()?;
                // Every element has a byte at least, every member two.
                let is_map = major == head::MAP;
                let room = (bytes.len() - behind.min(bytes.len())) as u64 >> u32::from(is_map);
                if count > room {
                    return None;
                }
                *outer.get_mut(depth)? = top;
                depth += 1;
                top = Open {
                    left: count as u32,
                    is_map,
                    key_start: 0,
                    key_len: 0,
                };
                behind
            }
            head::UNSIGNED | head::NEGATIVE => head::argument(bytes, at, initial).ok()?.1,
            _ => other(bytes, at, initial)?,
        };
    }
}

/// Where the text at `at` begins, and the text.
#[inline(always)]
fn text(bytes: &[u8], at: usize, initial: u8) -> Option<(usize, &[u8])> {
    let (len, start) = head::argument(bytes, at, initial).ok()?;
    let text = bytes.get(start..)?.get(..usize::try_from(len).ok()?)?;
    is_text(text).then_some((start, text))
}

/// The offset behind a date-time, a float or a simple value.
fn other(bytes: &[u8], at: usize, initial: u8) -> Option<usize> {
    match initial {
        head::FALSE | head::TRUE | head::NULL => Some(at + 1),
        head::TIME => {
            let initial = *bytes.get(at + 1)?;
            let (start, text) = text(bytes, at + 1, initial).filter(|_| initial & head::MAJOR == head::TEXT)?;
            Timestamp::parse_bytes(text).ok()?;
            Some(start + text.len())
        }
        _ => {
            let (value, len) = float::from_item(bytes.get(at..)?)?;
            let shortest = match float::shortest(value)? {
                float::Shortest::F16(_) => head::F16,
                float::Shortest::F32(_) => head::F32,
                float::Shortest::F64(_) => head::F64,
            };
            (initial == shortest).then_some(at + len)
        }
    }
}
