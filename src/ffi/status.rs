//! What every function of the ABI returns.

use super::text::ohp_str;

/// What a function did. Errors are the values from OHP_ERR_NULL on; the values below it are answers.
///
/// The numbers are part of the ABI: none is ever given another meaning, and later versions may add some, so a switch
/// needs a default for those.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_status {
    /// Done; the outputs are written.
    OHP_OK = 0,
    /// There is nothing: no such member, no event waiting, nothing to send, no deadline.
    OHP_NONE = 1,
    /// No RTP packet has come yet on this leg.
    OHP_NO_MEDIA = 2,
    /// Audio has come, and none of it can prove anything: silence, tones, or less than 200 ms without a gap.
    OHP_NO_USABLE_AUDIO = 3,
    /// A pointer that must not be NULL is NULL.
    OHP_ERR_NULL = 16,
    /// An internal error was stopped at the boundary. Report it; the object that it happened in should be dropped.
    OHP_ERR_PANIC = 17,
    /// A pointer is not aligned as its type, or an object's memory as OHP_ALIGN, demands.
    OHP_ERR_ALIGNMENT = 18,
    /// A buffer or an object's memory is too small.
    OHP_ERR_SPACE = 19,
    /// The memory holds no object of this kind, or one that another version of the library made.
    OHP_ERR_OBJECT = 20,
    /// A structure's `size` is smaller than any version had, or members that this version does not know are set.
    OHP_ERR_SIZE = 21,
    /// A number is out of its range.
    OHP_ERR_RANGE = 22,
    /// A text is not UTF-8.
    OHP_ERR_UTF8 = 23,
    /// The object is in use by another caller, or a caller was killed while using it.
    OHP_ERR_BUSY = 24,
    /// The input is not in the format that was expected.
    OHP_ERR_MALFORMED = 25,
    /// There is a value, and it is of another kind.
    OHP_ERR_KIND = 26,
    /// The trust bundle or the configuration is wrong; the explanation names the member.
    OHP_ERR_CONFIG = 27,
    /// The shared table is full of live entries. Answer 503; it has been counted.
    OHP_ERR_FULL = 28,
    /// The input is longer than the protocol or the object allows.
    OHP_ERR_TOO_LONG = 29,
    /// The envelope that would be sent breaks a rule of the protocol; the explanation says which.
    OHP_ERR_INVALID = 30,
    /// The handoff is in a state that does not allow this.
    OHP_ERR_STATE = 31,
    /// This side has no key, or no name, that the message needs.
    OHP_ERR_KEY = 32,
    /// There is not enough memory: for a context, of which nothing is kept while another goes on as before, or for the thread that
    /// signs at Regulated; nothing has been built then.
    OHP_ERR_MEMORY = 33,
}

/// What a translation inside this layer gives: a value, or the status to return.
pub(super) type Done<T = ()> = Result<T, ohp_status>;

/// What a status means, as a sentence for a log.
///
/// @param status  An ohp_status; of an unknown one the text says so.
/// @return        A text that stays valid for ever.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_status_text(status: u32) -> ohp_str {
    use ohp_status::*;
    let all = [
        (OHP_OK, "done"),
        (OHP_NONE, "there is nothing"),
        (OHP_NO_MEDIA, "no media received yet"),
        (OHP_NO_USABLE_AUDIO, "no audio that could prove anything"),
        (OHP_ERR_NULL, "a pointer is NULL that must not be"),
        (OHP_ERR_PANIC, "internal error in libohp; please report it"),
        (OHP_ERR_ALIGNMENT, "a pointer is not aligned; objects need OHP_ALIGN"),
        (OHP_ERR_SPACE, "a buffer is too small; ask the object's _size function"),
        (OHP_ERR_OBJECT, "the memory holds no such object; initialise it first"),
        (OHP_ERR_SIZE, "a structure's size member is wrong; set it to sizeof"),
        (OHP_ERR_RANGE, "a number is out of its range"),
        (OHP_ERR_UTF8, "a text is not UTF-8"),
        (OHP_ERR_BUSY, "the object is in use by another caller"),
        (OHP_ERR_MALFORMED, "the input is malformed"),
        (OHP_ERR_KIND, "the value is of another kind"),
        (OHP_ERR_CONFIG, "the configuration or the trust bundle is wrong"),
        (OHP_ERR_FULL, "the shared table is full; configure a larger one"),
        (OHP_ERR_TOO_LONG, "the input is too long"),
        (OHP_ERR_INVALID, "the envelope to be sent breaks a rule of the protocol"),
        (OHP_ERR_STATE, "the handoff's state does not allow this"),
        (
            OHP_ERR_KEY,
            "a key or a name of this side is missing in the trust bundle",
        ),
        (OHP_ERR_MEMORY, "not enough memory"),
    ];
    let known = all.iter().find(|(known, _)| *known as u32 == status);
    ohp_str::of(known.map_or("unknown status", |(_, text)| text))
}

/// The version of this interface that the header declares.
pub const OHP_ABI_VERSION: u32 = 1;

/// The version of the interface that the loaded library has. Compare it with OHP_ABI_VERSION: a library of a higher
/// version still serves programs of a lower one; the soname changes when that ends.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_abi_version() -> u32 {
    OHP_ABI_VERSION
}

/// The library's own version, such as "0.1.0".
///
/// @return  A text that stays valid for ever.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ohp_version() -> ohp_str {
    ohp_str::of(env!("CARGO_PKG_VERSION"))
}
