//! Files and standard input, read whole under a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::exit::Failure;

/// Longest recording or capture.
pub const RECORDING_LIMIT: u64 = 1 << 30;

/// Reads the file at `path`, or standard input if `path` is `-`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) if bytes.len() as u64 > limit => Err(Failure::new(format_args!(
            "{} is longer than {limit} bytes",
            path.display()
        ))
        .advise("Is it the right file?")),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::new(format_args!("cannot read {}: {error}", path.display()))),
    }
}
