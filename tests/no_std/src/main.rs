//! A host with nothing but a C library's `printf` and `abort`: no std, no unwinding, and an allocator that ends the
//! process. It hands a call over from one leg to another and prints what it saw; the test `no_std` reads that.

#![no_std]
#![no_main]

mod call;
mod parsers;

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

#[link(name = "c")]
unsafe extern "C" {
    fn printf(format: *const c_char, ...) -> c_int;
    fn abort() -> !;
}

/// The allocator that a backend may need to link: it must never be asked.
struct Trap;

// SAFETY: it never returns, so it gives out no memory.
unsafe impl GlobalAlloc for Trap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        // SAFETY: `abort` may be called at any time.
        unsafe { abort() }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
        // SAFETY: `abort` may be called at any time.
        unsafe { abort() }
    }
}

#[global_allocator]
static TRAP: Trap = Trap;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(format_args!("panicked: {info}"));
    // SAFETY: `abort` may be called at any time.
    unsafe { abort() }
}

/// What the unwinding tables of the ready-made `core` name; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// A line of text on the stack; what is too long is cut off.
struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = text.len().min(left.len());
        left[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

/// Prints a line.
fn print(text: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; 512],
        len: 0,
    };
    let _ = line.write_fmt(text);
    // SAFETY: the precision says how many bytes `printf` may read.
    unsafe { printf(c"%.*s\n".as_ptr(), line.len as c_int, line.bytes.as_ptr()) };
}

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    parsers::run();
    call::run();
    0
}
