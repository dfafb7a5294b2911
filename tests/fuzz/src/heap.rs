//! An allocator that ends the process when what promises not to allocate does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Watched;

#[global_allocator]
static HEAP: Watched = Watched;

thread_local! {
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

fn notice() {
    // A panic is reported as one, not as what its message allocates.
    if FORBIDDEN.get() && !std::thread::panicking() {
        FORBIDDEN.set(false);
        eprintln!("an allocation where none may be");
        std::process::abort();
    }
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        notice();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        notice();
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        notice();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `work`, which must neither allocate nor free.
pub fn without_heap<T>(work: impl FnOnce() -> T) -> T {
    struct Allowed;
    impl Drop for Allowed {
        fn drop(&mut self) {
            FORBIDDEN.set(false);
        }
    }
    let _allowed = Allowed;
    FORBIDDEN.set(true);
    work()
}
