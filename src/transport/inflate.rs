//! Inflating a body into a buffer of fixed size: the cap is the buffer, so a bomb ends where the buffer ends. A bomb of
//! blocks that hold nothing ends at [`BLOCKS_MAX`].
//!
//! The decompressor's state lives on the stack while the call lasts: [`STACK_LEN`] bytes.

use core::fmt;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Most blocks that are inflated. Tables are built anew for each, so that 32 KiB of empty blocks, ten bits each (RFC 1951
/// §3.2.6), would take a tenth of a second. zlib ends a block after 127 symbols when it has the least memory, which makes
/// 259 blocks of an envelope.
pub const BLOCKS_MAX: usize = 320;

/// Bytes of stack that the decompressor's state takes.
pub const STACK_LEN: usize = size_of::<DecompressorOxide>();

// PBX threads often have 240 KiB in all; 16 KiB is this module's share.
const _: () = assert!(STACK_LEN <= 16 * 1024);

/// What deflated bytes are wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// RFC 1951 alone.
    Raw,
    /// RFC 1950: a header of two bytes and an Adler-32 at the end.
    Zlib,
}

/// Why bytes cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not a deflate stream, cut short, or the checksum is wrong.
    Corrupt,
    /// Bytes follow the stream's end.
    Trailing,
    /// More bytes come out than the buffer holds.
    TooLarge,
    /// More than [`BLOCKS_MAX`] blocks.
    Blocks,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Corrupt => "deflated body is corrupt or cut short",
            Error::Trailing => "bytes follow the end of the deflated body",
            Error::TooLarge => "deflated body inflates to more than an envelope may have",
            Error::Blocks => "deflated body has more than 320 blocks; deflate it in one go",
        })
    }
}

impl core::error::Error for Error {}

/// Whether `bytes` start with a zlib header of the kind that row 21 of `docs/` sniffs: deflate with a 32 KiB window,
/// no preset dictionary, header check right (RFC 1950 §2.2).
pub fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, flags, ..] if (0x7800 | u16::from(*flags)) % 31 == 0 && flags & 0x20 == 0)
}

/// Inflates all of `bytes` into the front of `out` and says how many there are.
///
/// # Errors
/// [`Error`]; what was written to `out` by then is of no use.
pub fn inflate(bytes: &[u8], wrapper: Wrapper, out: &mut [u8]) -> Result<usize, Error> {
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY
        | match wrapper {
            Wrapper::Raw => 0,
            Wrapper::Zlib => TINFL_FLAG_PARSE_ZLIB_HEADER,
        };
    let mut state = DecompressorOxide::new();
    let (mut read, mut written) = (0, 0);
    for _ in 0..BLOCKS_MAX {
        let rest = bytes.get(read..).unwrap_or_default();
        let (status, more_read, more_written) = decompress(&mut state, rest, out, written, flags);
        read += more_read;
        written += more_written;
        match status {
            TINFLStatus::BlockBoundary => {}
            TINFLStatus::Done if read == bytes.len() => return Ok(written),
            TINFLStatus::Done => return Err(Error::Trailing),
            TINFLStatus::HasMoreOutput => return Err(Error::TooLarge),
            _ => return Err(Error::Corrupt),
        }
    }
    Err(Error::Blocks)
}
