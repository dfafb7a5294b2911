//! Calls into the C ABI with memory of exactly the length that is said, so that AddressSanitizer sees the first byte
//! read or written beyond it.

use std::ffi::{c_char, c_void};

use ohp::ffi::{ohp_bytes, ohp_status, ohp_str, ohp_text};

/// A structure of the ABI: zeros, and its own size. All of them may be zeroed.
#[macro_export]
macro_rules! sized {
    ($name:ty) => {{
        // SAFETY: structures of the ABI are integers, pointers and nullable functions.
        let mut value: $name = unsafe { std::mem::zeroed() };
        value.size = size_of::<$name>();
        value
    }};
}

/// A copy with nothing behind it.
pub fn exact(bytes: &[u8]) -> Box<[u8]> {
    bytes.into()
}

/// So many zeros with nothing behind them.
pub fn room(len: usize) -> Box<[u8]> {
    vec![0; len].into_boxed_slice()
}

/// Memory for an object, aligned as one must be.
pub struct Memory(Box<[u64]>, usize);

impl Memory {
    pub fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(8)].into_boxed_slice(), len)
    }

    pub fn at(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    pub fn len(&self) -> usize {
        self.1
    }

    pub fn is_empty(&self) -> bool {
        self.1 == 0
    }

    pub fn words(&mut self) -> &mut [u64] {
        &mut self.0
    }
}

pub fn text_of(text: &[u8]) -> ohp_str {
    ohp_str {
        data: chars(text),
        len: text.len(),
    }
}

pub fn bytes_of(bytes: &[u8]) -> ohp_bytes {
    ohp_bytes {
        data: bytes.as_ptr(),
        len: bytes.len(),
    }
}

pub fn chars(text: &[u8]) -> *const c_char {
    text.as_ptr().cast()
}

/// What the library points to.
///
/// # Safety
/// What it points to lives for `'a`.
pub unsafe fn read_bytes<'a>(bytes: ohp_bytes) -> &'a [u8] {
    if bytes.data.is_null() {
        assert_eq!(bytes.len, 0);
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) }
}

/// # Safety
/// As [`read_bytes`].
pub unsafe fn read_text<'a>(text: ohp_str) -> &'a str {
    let bytes = ohp_bytes {
        data: text.data.cast(),
        len: text.len,
    };
    // SAFETY: as the caller promises.
    std::str::from_utf8(unsafe { read_bytes(bytes) }).expect("the library gives UTF-8")
}

/// A buffer for explanations.
pub struct Why {
    buffer: Box<[u8]>,
    text: ohp_text,
}

impl Why {
    pub fn new(len: usize) -> Box<Self> {
        let mut buffer = room(len);
        let text = ohp_text {
            data: buffer.as_mut_ptr().cast(),
            size: len,
            len: 0,
        };
        Box::new(Self { buffer, text })
    }

    pub fn at(&mut self) -> *mut ohp_text {
        &raw mut self.text
    }

    pub fn said(&self) -> &str {
        std::str::from_utf8(&self.buffer[..self.text.len]).expect("explanations are UTF-8")
    }
}

/// No call may end in the panic that the boundary stops, and a failure that a peer can cause is explained.
pub fn sound(status: ohp_status) -> ohp_status {
    assert!(status != ohp_status::OHP_ERR_PANIC);
    status
}

/// A structure of the ABI that is only written by the library, and that has enumerations, of which zero is none.
pub struct Written<T>(std::mem::MaybeUninit<T>);

impl<T> Default for Written<T> {
    fn default() -> Self {
        let mut value = std::mem::MaybeUninit::<T>::zeroed();
        // SAFETY: each such structure begins with its size.
        unsafe { value.as_mut_ptr().cast::<usize>().write(size_of::<T>()) };
        Self(value)
    }
}

impl<T> Written<T> {
    pub fn at(&mut self) -> *mut T {
        self.0.as_mut_ptr()
    }

    /// # Safety
    /// The library has written it.
    pub unsafe fn get(&self) -> &T {
        // SAFETY: as the caller promises.
        unsafe { self.0.assume_init_ref() }
    }
}
