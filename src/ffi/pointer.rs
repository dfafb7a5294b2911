//! Pointers that C passes: refused or made references, once, at the beginning of each function.
//!
//! What can be checked is checked: NULL, alignment, a length that no memory has. That a pointer leads to living memory of
//! that length, which nobody writes meanwhile, is the caller's to promise, as the header says.

use core::ffi::c_char;
use core::ptr::NonNull;
use core::slice;

use super::status::Done;
use super::status::ohp_status::{OHP_ERR_ALIGNMENT, OHP_ERR_NULL, OHP_ERR_RANGE, OHP_ERR_UTF8};

/// A pointer that is neither NULL nor misaligned.
pub(super) fn checked<T>(pointer: *const T) -> Done<NonNull<T>> {
    let pointer = NonNull::new(pointer.cast_mut()).ok_or(OHP_ERR_NULL)?;
    if pointer.is_aligned() {
        Ok(pointer)
    } else {
        Err(OHP_ERR_ALIGNMENT)
    }
}

/// # Safety
/// `pointer` leads to a valid `T`, or is NULL or misaligned.
pub(super) unsafe fn shared<'a, T>(pointer: *const T) -> Done<&'a T> {
    // SAFETY: not NULL and aligned; the caller promises the rest.
    checked(pointer).map(|pointer| unsafe { pointer.as_ref() })
}

/// # Safety
/// `pointer` leads to a valid `T` that nobody else uses meanwhile, or is NULL or misaligned.
pub(super) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Done<&'a mut T> {
    // SAFETY: not NULL and aligned; the caller promises the rest.
    checked(pointer).map(|mut pointer| unsafe { pointer.as_mut() })
}

fn length<T>(len: usize) -> Done {
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(OHP_ERR_RANGE),
    }
}

/// `len` elements; none may be anywhere, at NULL as well.
///
/// # Safety
/// `data` leads to `len` valid elements that nobody writes meanwhile, or is NULL or misaligned.
pub(super) unsafe fn slice<'a, T>(data: *const T, len: usize) -> Done<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    length::<T>(len)?;
    // SAFETY: not NULL, aligned, and no longer than memory; the caller promises the rest.
    checked(data).map(|data| unsafe { slice::from_raw_parts(data.as_ptr(), len) })
}

/// # Safety
/// As [`slice`].
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Done<&'a [u8]> {
    // SAFETY: passed on to the caller.
    unsafe { slice(data, len) }
}

/// # Safety
/// `data` leads to `len` bytes that nobody else uses meanwhile, or is NULL.
pub(super) unsafe fn bytes_mut<'a, T: Byte>(data: *mut T, len: usize) -> Done<&'a mut [u8]> {
    if len == 0 {
        return Ok(&mut []);
    }
    length::<u8>(len)?;
    // SAFETY: not NULL, no longer than memory, and bytes need no alignment; the caller promises the rest.
    checked(data).map(|data| unsafe { slice::from_raw_parts_mut(data.as_ptr().cast(), len) })
}

/// What C calls a byte.
pub(super) trait Byte {}
impl Byte for u8 {}
impl Byte for i8 {}

/// # Safety
/// As [`slice`].
pub(super) unsafe fn text<'a>(data: *const c_char, len: usize) -> Done<&'a str> {
    // SAFETY: passed on to the caller.
    let bytes = unsafe { bytes(data.cast(), len) }?;
    core::str::from_utf8(bytes).map_err(|_| OHP_ERR_UTF8)
}

/// A place for one output.
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` leads to room for a `T` that nobody else uses meanwhile, or is NULL or misaligned.
    pub(super) unsafe fn new(pointer: *mut T) -> Done<Self> {
        checked(pointer).map(Self)
    }

    pub(super) fn set(self, value: T) {
        // SAFETY: `new`'s caller has promised room for it.
        unsafe { self.0.write(value) }
    }
}
