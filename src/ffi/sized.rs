//! Structures that begin with their own size, so that programs and libraries of different age understand each other.
//!
//! A caller that was built with an older header passes a shorter structure: what it lacks is zero, which every member's
//! documentation gives a meaning. One that was built with a newer header passes a longer one: what this library does not
//! know must be zero where it is read, and is made zero where it is written.
//!
//! A structure grows at its end, or into the members that it has named `reserved` for that: those are looked at as what
//! is not known. It has no padding, whose bytes would be anything.

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::pointer;
use super::status::Done;
use super::status::ohp_status::{OHP_ERR_RANGE, OHP_ERR_SIZE};

/// Longest structure that is believed, in bytes; a size beyond it is an uninitialised one.
const SIZE_MAX: usize = 4096;

/// A structure of C that begins with its size.
///
/// # Safety
/// The type is `repr(C)`, its first member is `size: usize`, and it is valid when every byte is zero.
pub(super) unsafe trait Sized_: Copy {
    /// Its size in the first version of the ABI that had it, where pointers have 64 bits. A number, so that it stays when
    /// the structure grows.
    const FIRST_SIZE: usize;

    /// What a caller passes in the place of members that may come. Of a structure that is only written, nothing.
    fn reserved(&self) -> &[u8] {
        &[]
    }
}

/// The least size that a structure may say it has.
const fn least<T: Sized_>() -> usize {
    // Where pointers are shorter there is one version only, so far.
    if cfg!(target_pointer_width = "64") {
        T::FIRST_SIZE
    } else {
        size_of::<T>()
    }
}

/// The size that a structure says it has.
///
/// # Safety
/// As [`pointer::shared`], for a structure of the size that it says.
unsafe fn size<T: Sized_>(pointer: NonNull<T>) -> Done<usize> {
    // SAFETY: the first member is the size, and the caller promises that it is there.
    let size = unsafe { pointer.cast::<usize>().read() };
    if size < least::<T>() {
        return Err(OHP_ERR_SIZE);
    }
    if size > SIZE_MAX { Err(OHP_ERR_RANGE) } else { Ok(size) }
}

/// Copies a structure that C passes.
///
/// # Safety
/// `pointer` leads to a structure of the size that it says, or is NULL or misaligned.
pub(super) unsafe fn read<T: Sized_>(pointer: *const T) -> Done<T> {
    let pointer = pointer::checked(pointer)?;
    // SAFETY: passed on to the caller.
    let size = unsafe { size(pointer) }?;
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: both are at least as long as the copy, and a `T` is valid when zeroed and when copied.
    unsafe {
        ptr::copy_nonoverlapping(
            pointer.as_ptr().cast::<u8>(),
            value.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<T>()),
        );
    }
    let unknown = size.saturating_sub(size_of::<T>());
    // SAFETY: the structure has `size` bytes.
    let unknown = unsafe { pointer::bytes(pointer.as_ptr().cast::<u8>().wrapping_add(size - unknown), unknown) }?;
    if unknown.iter().any(|byte| *byte != 0) {
        return Err(OHP_ERR_SIZE);
    }
    // SAFETY: see above.
    let value = unsafe { value.assume_init() };
    if value.reserved().iter().any(|byte| *byte != 0) {
        return Err(OHP_ERR_SIZE);
    }
    Ok(value)
}

/// A structure that C wants filled.
pub(super) struct Out<T> {
    pointer: NonNull<T>,
    size: usize,
}

impl<T: Sized_> Out<T> {
    /// # Safety
    /// `pointer` leads to a structure of the size that it says, which nobody else uses meanwhile, or is NULL or
    /// misaligned.
    pub(super) unsafe fn new(pointer: *mut T) -> Done<Self> {
        let pointer = pointer::checked(pointer)?;
        // SAFETY: passed on to the caller.
        let size = unsafe { size(pointer) }?;
        Ok(Self { pointer, size })
    }

    /// Writes as much of `value` as the caller has members for; `size` stays.
    pub(super) fn set(self, value: T) {
        let to = self.pointer.as_ptr().cast::<u8>();
        let known = self.size.min(size_of::<T>());
        // SAFETY: the caller's structure has `size` bytes, and `value` as many as its type.
        unsafe {
            ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), to, known);
            ptr::write_bytes(to.add(known), 0, self.size - known);
            self.pointer.cast::<usize>().write(self.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Old {
        size: usize,
        one: u64,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct New {
        size: usize,
        one: u64,
        two: u64,
    }

    // SAFETY: repr(C), size first, integers only.
    unsafe impl Sized_ for Old {
        const FIRST_SIZE: usize = 16;
    }
    // SAFETY: as above.
    unsafe impl Sized_ for New {
        const FIRST_SIZE: usize = 16;
    }

    /// A first size that grows with its structure would refuse the programs that were built before.
    #[test]
    fn first_sizes_stay_what_they_were() {
        fn first<T: Sized_>(size: usize) {
            let name = core::any::type_name::<T>();
            assert_eq!(T::FIRST_SIZE, size, "{name}");
            assert!(size_of::<T>() >= least::<T>(), "{name} has shrunk");
        }
        first::<ohp_context_config>(40);
        first::<ohp_disclosed_summary>(24);
        first::<ohp_disclosed_value>(80);
        first::<ohp_event>(72);
        first::<ohp_fault>(24);
        first::<ohp_fingerprint>(88);
        first::<ohp_frame>(40);
        first::<ohp_handled>(40);
        first::<ohp_host>(152);
        first::<ohp_info>(144);
        first::<ohp_leg_state>(24);
        first::<ohp_need>(32);
        first::<ohp_received>(32);
        first::<ohp_situation>(136);
        first::<ohp_table_config>(40);
        first::<ohp_table_stats>(88);
        first::<ohp_tap_stats>(40);
        first::<ohp_transmit>(136);
        first::<ohp_verdict_summary>(56);
    }

    #[test]
    fn members_that_an_older_caller_lacks_are_zero() {
        let old = Old {
            size: size_of::<Old>(),
            one: 7,
        };
        // SAFETY: the structure has the size that it says.
        let read = unsafe { read((&raw const old).cast::<New>()) };
        assert_eq!(
            read,
            Ok(New {
                size: 16,
                one: 7,
                two: 0
            })
        );
    }

    #[test]
    fn members_of_a_newer_caller_must_be_zero() {
        let mut new = New {
            size: size_of::<New>(),
            one: 7,
            two: 0,
        };
        // SAFETY: as above.
        assert!(unsafe { read((&raw const new).cast::<Old>()) }.is_ok());
        new.two = 1;
        // SAFETY: as above.
        assert_eq!(unsafe { read((&raw const new).cast::<Old>()) }, Err(OHP_ERR_SIZE));
        new.size = 3;
        // SAFETY: as above.
        assert_eq!(unsafe { read((&raw const new).cast::<Old>()) }, Err(OHP_ERR_SIZE));
    }

    #[test]
    fn output_keeps_to_the_callers_size() {
        let mut old = [Old {
            size: size_of::<Old>(),
            one: 0,
        }; 2];
        // SAFETY: as above.
        let out = unsafe { Out::new((&raw mut old[0]).cast::<New>()) }.unwrap();
        out.set(New {
            size: 0,
            one: 5,
            two: 6,
        });
        assert_eq!(old, [Old { size: 16, one: 5 }, Old { size: 16, one: 0 }]);

        let mut new = New {
            size: size_of::<New>(),
            one: 1,
            two: 1,
        };
        // SAFETY: as above.
        unsafe { Out::new((&raw mut new).cast::<Old>()) }
            .unwrap()
            .set(Old { size: 0, one: 5 });
        assert_eq!(
            new,
            New {
                size: 24,
                one: 5,
                two: 0
            }
        );
    }
}
