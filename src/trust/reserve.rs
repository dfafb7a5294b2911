//! Memory for what a trust value keeps: asked for, and refused in words where there is none.
//!
//! The collections of `std` end the process where an allocation fails, and a PBX must survive a reload that memory is
//! too short for. So whatever reads trust from JSON allocates here, in pieces whose size is known before.

use std::string::String;
use std::vec::Vec;

use crate::trust::{List, Text};

/// There is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

/// An empty list with room for `len` items.
pub(crate) fn room<T>(len: usize) -> Result<Vec<T>, NoMemory> {
    let mut room = Vec::new();
    room.try_reserve_exact(len).map_err(|_| NoMemory)?;
    Ok(room)
}

/// `len` zeros.
pub(crate) fn zeros(len: usize) -> Result<Vec<u8>, NoMemory> {
    let mut zeros = room(len)?;
    zeros.resize(len, 0);
    Ok(zeros)
}

/// A copy of `text`.
pub(crate) fn text(text: &str) -> Result<Text, NoMemory> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| NoMemory)?;
    copy.push_str(text);
    // A box has no room to spare, and giving it back might move the text, to memory that is not there.
    if copy.capacity() == copy.len() {
        Ok(copy.into_boxed_str())
    } else {
        Err(NoMemory)
    }
}

/// The `len` items that `items` gives.
pub(crate) fn list<T, E: From<NoMemory>>(len: usize, items: impl Iterator<Item = Result<T, E>>) -> Result<List<T>, E> {
    let mut list = room(len)?;
    for item in items.take(len) {
        list.push(item?);
    }
    Ok(boxed(list)?)
}

/// `list`, which has been filled up to the room that was made for it.
pub(crate) fn boxed<T>(list: Vec<T>) -> Result<List<T>, NoMemory> {
    // As above.
    if list.capacity() == list.len() {
        Ok(list.into_boxed_slice())
    } else {
        Err(NoMemory)
    }
}
