//! The machine's clock. The library has none; every command that needs the time asks here.

use std::time::{SystemTime, UNIX_EPOCH};

use ohp::time::Timestamp;

/// Reads the moment that an option gives.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).map_err(|error| error.to_string())
}

/// Now.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
