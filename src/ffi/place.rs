//! Objects in memory that the host supplies: each begins with a head that says what it is and how long.
//!
//! The head is what makes misuse a status: memory that was never initialised, an object of another kind, or one that
//! another version of the library made. It holds no pointer, so that objects can lie anywhere in shared memory.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::pointer;
use super::status::Done;
use super::status::ohp_status::{
    OHP_ERR_ALIGNMENT, OHP_ERR_BUSY, OHP_ERR_NULL, OHP_ERR_OBJECT, OHP_ERR_RANGE, OHP_ERR_SPACE,
};

/// Alignment, in bytes, of the memory that objects are initialised in. Memory from malloc, shm_malloc and session pools
/// has it; an array of char needs _Alignas(OHP_ALIGN). A table at a multiple of 64 is a little faster.
pub const OHP_ALIGN: usize = 8;

/// What every object begins with. A cache line, so that what follows keeps its place in one.
#[repr(C, align(8))]
struct Head {
    kind: AtomicU64,
    /// Bytes of the object, head included.
    len: AtomicU64,
    in_use: AtomicU64,
    reserved: [u64; 5],
}

const HEAD_LEN: usize = size_of::<Head>();
const _: () = assert!(HEAD_LEN == 64 && align_of::<Head>() == OHP_ALIGN);

/// A type of the ABI whose objects lie in the host's memory.
pub(super) trait Object {
    /// Tells objects of this type, in this layout, from all others.
    const KIND: u64;
}

/// Memory in which an object of type `O` can be made.
pub(super) struct Room<'m, O> {
    head: NonNull<Head>,
    len: usize,
    memory: PhantomData<&'m ()>,
    of: PhantomData<O>,
}

impl<'m, O: Object> Room<'m, O> {
    /// # Safety
    /// `memory` leads to `len` bytes that live for `'m` and belong to the caller, or is NULL.
    pub(super) unsafe fn new(memory: *mut c_void, len: usize) -> Done<Self> {
        let head = NonNull::new(memory.cast::<Head>()).ok_or(OHP_ERR_NULL)?;
        if !head.is_aligned() {
            return Err(OHP_ERR_ALIGNMENT);
        }
        if len < HEAD_LEN {
            return Err(OHP_ERR_SPACE);
        }
        if len > isize::MAX as usize {
            return Err(OHP_ERR_RANGE);
        }
        Ok(Self {
            head,
            len,
            memory: PhantomData,
            of: PhantomData,
        })
    }

    /// The words behind the head. They are atomic, so other processes may be using them.
    pub(super) fn words(&self) -> &'m [AtomicU64] {
        // SAFETY: `new` has checked place and length, and its caller has promised the rest.
        unsafe { words(self.head, self.len) }
    }

    /// The object that another party has made here, if it fits.
    pub(super) fn made(self) -> Done<*mut O> {
        // SAFETY: `new` has checked that there is a head's length of memory, and any bits are a head.
        let head = unsafe { self.head.as_ref() };
        if head.kind.load(Acquire) != O::KIND {
            return Err(OHP_ERR_OBJECT);
        }
        match usize::try_from(head.len.load(Relaxed)) {
            Ok(len) if (HEAD_LEN..=self.len).contains(&len) => Ok(self.head.as_ptr().cast()),
            Ok(len) if len > self.len => Err(OHP_ERR_SPACE),
            _ => Err(OHP_ERR_OBJECT),
        }
    }

    /// From here on the memory is no object, until [`Room::finish`].
    pub(super) fn clear(&self) {
        // SAFETY: as in `made`.
        let head = unsafe { self.head.as_ref() };
        head.kind.store(0, Release);
    }

    /// Declares the object made, of `words` words behind the head.
    pub(super) fn finish(self, words: usize) -> *mut O {
        // SAFETY: as in `made`.
        let head = unsafe { self.head.as_ref() };
        head.len.store((HEAD_LEN + words * size_of::<u64>()) as u64, Relaxed);
        head.in_use.store(0, Relaxed);
        head.kind.store(O::KIND, Release);
        self.head.as_ptr().cast()
    }
}

/// # Safety
/// `len` bytes from `head` on live for `'a`.
unsafe fn words<'a>(head: NonNull<Head>, len: usize) -> &'a [AtomicU64] {
    let count = (len - HEAD_LEN) / size_of::<u64>();
    // SAFETY: the head is aligned as a word is, and a word lies wherever eight bytes do.
    unsafe { slice::from_raw_parts(head.as_ptr().add(1).cast::<AtomicU64>(), count) }
}

/// Bytes of an object with so many words behind its head.
pub(super) fn len_of_words(words: usize) -> Done<usize> {
    words
        .checked_mul(size_of::<u64>())
        .and_then(|len| len.checked_add(HEAD_LEN))
        .ok_or(OHP_ERR_RANGE)
}

fn head<O: Object>(object: *const O) -> Done<NonNull<Head>> {
    let head = pointer::checked(object.cast::<Head>())?;
    // SAFETY: what a pointer of this type leads to is at least a head long, as every function says in the header.
    match unsafe { head.as_ref() }.kind.load(Acquire) {
        kind if kind == O::KIND => Ok(head),
        _ => Err(OHP_ERR_OBJECT),
    }
}

/// The words of an object that [`Room::finish`] or [`Room::made`] gave.
///
/// # Safety
/// `object` leads to such an object, or at least to a head's length of memory, or is NULL or misaligned.
pub(super) unsafe fn words_of<'a, O: Object>(object: *const O) -> Done<&'a [AtomicU64]> {
    let head = head(object)?;
    // SAFETY: the head is one of ours.
    let len = unsafe { head.as_ref() }.len.load(Relaxed);
    // What another process has written over in shared memory says impossible things at the least.
    let len = usize::try_from(len)
        .ok()
        .filter(|len| (HEAD_LEN..=isize::MAX as usize).contains(len))
        .ok_or(OHP_ERR_OBJECT)?;
    // SAFETY: the head says how much memory there is.
    Ok(unsafe { words(head, len) })
}

/// A type of the ABI that is one value of Rust behind a head.
pub(super) trait Holds: Object {
    /// The value.
    type Value;
}

const fn value_words<O: Holds>() -> usize {
    assert!(align_of::<O::Value>() <= OHP_ALIGN);
    size_of::<O::Value>().div_ceil(size_of::<u64>())
}

/// Bytes of an object that holds a value.
pub(super) const fn len_of<O: Holds>() -> usize {
    HEAD_LEN + value_words::<O>() * size_of::<u64>()
}

/// Whether a value of that type can be put into the host's memory.
pub(super) fn check<O: Holds>(memory: *mut c_void, len: usize) -> Done {
    pointer::checked(memory.cast::<Head>())?;
    if len < len_of::<O>() {
        Err(OHP_ERR_SPACE)
    } else {
        Ok(())
    }
}

/// Puts a value into the host's memory.
///
/// # Safety
/// As [`Room::new`]; and nobody uses an object in that memory any more.
pub(super) unsafe fn put<O: Holds>(memory: *mut c_void, len: usize, value: O::Value) -> Done<*mut O> {
    check::<O>(memory, len)?;
    // SAFETY: passed on to the caller.
    let room = unsafe { Room::<O>::new(memory, len) }?;
    room.clear();
    // SAFETY: there is room for the value, and its alignment is at most the head's.
    unsafe { room.head.as_ptr().add(1).cast::<O::Value>().write(value) };
    Ok(room.finish(value_words::<O>()))
}

/// Puts a value whose every byte is zero into the host's memory, without taking stack for it.
///
/// # Safety
/// As [`put`]; and such a value is valid.
pub(super) unsafe fn put_zeros<O: Holds>(memory: *mut c_void, len: usize) -> Done<*mut O> {
    check::<O>(memory, len)?;
    // SAFETY: passed on to the caller.
    let room = unsafe { Room::<O>::new(memory, len) }?;
    room.clear();
    // SAFETY: there is room for the value.
    unsafe { room.head.as_ptr().add(1).cast::<O::Value>().write_bytes(0, 1) };
    Ok(room.finish(value_words::<O>()))
}

/// The value in an object.
///
/// # Safety
/// `object` leads to what [`put`] made, which nobody changes meanwhile, or at least to a head's length of memory, or is
/// NULL or misaligned.
pub(super) unsafe fn get<'a, O: Holds>(object: *const O) -> Done<&'a O::Value> {
    let head = head(object)?;
    // SAFETY: the head says that `put` has written a value behind it.
    Ok(unsafe { &*head.as_ptr().add(1).cast::<O::Value>() })
}

/// Makes an object plain memory again. Its value is not dropped.
///
/// # Safety
/// As [`get`]; and nobody uses the object any more.
pub(super) unsafe fn end<O: Object>(object: *mut O) -> Done {
    let head = head(object)?;
    // SAFETY: the head is one of ours.
    unsafe { head.as_ref() }.kind.store(0, Release);
    Ok(())
}

/// A value that one caller uses alone, until this is dropped.
pub(super) struct InUse<'a, T> {
    value: &'a mut T,
    in_use: &'a AtomicU64,
}

/// The value in an object, for one caller alone.
///
/// # Safety
/// As [`get`], but that others may try to use the object meanwhile: they are turned away.
pub(super) unsafe fn get_mut<'a, O: Holds>(object: *mut O) -> Done<InUse<'a, O::Value>> {
    let head = head(object)?;
    // SAFETY: the head is one of ours.
    let in_use = unsafe { &(*head.as_ptr()).in_use };
    if in_use.swap(1, Acquire) != 0 {
        return Err(OHP_ERR_BUSY);
    }
    // SAFETY: the head says that `put` has written a value behind it, and nobody else gets past the line above.
    let value = unsafe { &mut *head.as_ptr().add(1).cast::<O::Value>() };
    Ok(InUse { value, in_use })
}

impl<T> Deref for InUse<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for InUse<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

impl<T> Drop for InUse<'_, T> {
    /// After a panic the value may be half changed: it stays in use, so that nobody sees it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.in_use.store(0, Release);
        }
    }
}
