//! Counts what is allocated, by C as well: libopus allocates with `malloc`, which Rust's own allocator does not see.

#![allow(unsafe_code, reason = "this is the C library's malloc")]

use std::cell::Cell;
use std::ffi::c_void;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
}

fn count() {
    // A thread that ends has no count any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

/// In the place of the C library's.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    count();
    // SAFETY: passed on as it came.
    unsafe { __libc_malloc(size) }
}

/// In the place of the C library's.
#[unsafe(no_mangle)]
extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    count();
    // SAFETY: passed on as it came.
    unsafe { __libc_calloc(number, size) }
}

/// In the place of the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    count();
    // SAFETY: passed on as it came.
    unsafe { __libc_realloc(block, size) }
}

/// How often `call` allocates on this thread.
pub fn allocations(call: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    call();
    COUNT.with(Cell::get) - before
}
