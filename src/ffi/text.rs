//! Texts and bytes on their way to C, and the buffers that C lends for them.

use core::ffi::c_char;
use core::fmt::{self, Write as _};

use super::pointer;
use super::status::Done;
use super::status::ohp_status::OHP_ERR_SPACE;

/// A text: UTF-8, `len` bytes, not NUL-terminated. `data` is NULL, and `len` 0, where there is none.
///
/// Print it with printf("%.*s", OHP_PRI(text)).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ohp_str {
    /// Its first byte, or NULL.
    pub data: *const c_char,
    /// Its length in bytes.
    pub len: usize,
}

impl ohp_str {
    pub(super) const NONE: Self = Self {
        data: core::ptr::null(),
        len: 0,
    };

    /// The text, for as long as C keeps what it was borrowed from.
    pub(super) const fn of(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            len: text.len(),
        }
    }

    pub(super) fn or_none(text: Option<&str>) -> Self {
        text.map_or(Self::NONE, Self::of)
    }

    /// The text that C means; `None` where it means none.
    ///
    /// # Safety
    /// `data` points to `len` bytes that live as long as the caller uses the text.
    pub(super) unsafe fn get<'a>(self) -> Done<Option<&'a str>> {
        if self.data.is_null() && self.len == 0 {
            return Ok(None);
        }
        // SAFETY: passed on to the caller.
        unsafe { pointer::text(self.data, self.len) }.map(Some)
    }
}

/// Bytes. `data` is NULL, and `len` 0, where there are none.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ohp_bytes {
    /// The first byte, or NULL.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl ohp_bytes {
    pub(super) const NONE: Self = Self {
        data: core::ptr::null(),
        len: 0,
    };

    pub(super) const fn of(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// # Safety
    /// As [`pointer::bytes`].
    pub(super) unsafe fn get<'a>(self) -> Done<&'a [u8]> {
        // SAFETY: passed on to the caller.
        unsafe { pointer::bytes(self.data, self.len) }
    }
}

/// A buffer that the caller lends for a text, such as the explanation of an error.
///
/// The library writes at most `size` bytes to `data`, no NUL, and sets `len` to how many it wrote; what does not fit is
/// cut off between two characters. Most explanations have less than 256 bytes; a path or a name from the input can make one
/// longer.
#[repr(C)]
pub struct ohp_text {
    /// Where to write.
    pub data: *mut c_char,
    /// How much room there is.
    pub size: usize,
    /// How much was written; set by the library.
    pub len: usize,
}

/// The buffer that C lent for a text, if it did.
pub(super) struct Lent<'a>(Option<&'a mut ohp_text>);

impl<'a> Lent<'a> {
    /// Empties the buffer, so that an old text is not taken for one of this call. NULL: no text is wanted.
    ///
    /// # Safety
    /// `text` is NULL, or a valid `ohp_text` whose buffer nobody else uses meanwhile.
    pub(super) unsafe fn new(text: *mut ohp_text) -> Done<Self> {
        if text.is_null() {
            return Ok(Self(None));
        }
        // SAFETY: passed on to the caller; NULL has been handled.
        let text = unsafe { pointer::exclusive(text) }?;
        text.len = 0;
        // SAFETY: as above; checked here so that a wrong buffer is refused also where there is nothing to say.
        unsafe { pointer::bytes_mut(text.data, text.size) }?;
        Ok(Self(Some(text)))
    }

    /// A buffer that must be there, since the text is all that the function gives.
    ///
    /// # Safety
    /// As [`Lent::new`].
    pub(super) unsafe fn wanted(text: *mut ohp_text) -> Done<Self> {
        pointer::checked(text)?;
        // SAFETY: passed on to the caller.
        unsafe { Self::new(text) }
    }

    /// Writes `what`, as much of it as fits.
    pub(super) fn say(&mut self, what: impl fmt::Display) {
        let Some(text) = self.0.as_deref_mut() else { return };
        // SAFETY: `new` has checked the buffer, and its caller has promised the rest.
        let Ok(buffer) = (unsafe { pointer::bytes_mut(text.data, text.size) }) else {
            return;
        };
        text.len = cut(buffer, what).len();
    }

    /// Turns an error into a status, and says what it was.
    pub(super) fn fail<E: fmt::Display, S>(&mut self, status: impl FnOnce(&E) -> S) -> impl FnOnce(E) -> S {
        move |error| {
            self.say(&error);
            status(&error)
        }
    }
}

/// Writes `what` into `buffer`, as much of it as fits.
pub(super) fn cut(buffer: &mut [u8], what: impl fmt::Display) -> &str {
    let mut cut = Cut { buffer, len: 0 };
    // A text that is cut off is no error.
    let _ = write!(cut, "{what}");
    let Cut { buffer, len } = cut;
    core::str::from_utf8(&buffer[..len]).unwrap_or_default()
}

/// A writer that takes what fits, whole characters only.
struct Cut<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl fmt::Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.buffer.len() - self.len;
        let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        let end = end.unwrap_or_default();
        self.buffer[self.len..self.len + end].copy_from_slice(&text.as_bytes()[..end]);
        self.len += end;
        if end == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// A writer into a buffer that must hold everything.
pub(super) struct Whole<'b> {
    pub(super) buffer: &'b mut [u8],
    pub(super) len: usize,
}

impl<'b> Whole<'b> {
    pub(super) fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Writes `what` and returns how long everything is.
    pub(super) fn all(mut self, write: impl FnOnce(&mut Self) -> fmt::Result) -> Done<usize> {
        write(&mut self).map_err(|_| OHP_ERR_SPACE)?;
        Ok(self.len)
    }
}

impl fmt::Write for Whole<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self
            .buffer
            .get_mut(self.len..)
            .and_then(|rest| rest.get_mut(..text.len()));
        place.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanation_is_cut_between_characters() {
        let mut buffer = [0_u8; 4];
        let mut text = ohp_text {
            data: buffer.as_mut_ptr().cast(),
            size: buffer.len(),
            len: 99,
        };
        // SAFETY: the buffer lives and is used by nobody else.
        let mut lent = unsafe { Lent::new(&raw mut text) }.unwrap();
        lent.say("abcé");
        assert_eq!((text.len, &buffer[..3]), (3, &b"abc"[..]));
    }
}
