//! Where panics stop.
//!
//! Network input is not supposed to cause one anywhere in the library. Should it all the same, the host's call goes on:
//! unwinding across the boundary would be undefined, and aborting would end every call of the PBX.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::status::{Done, ohp_status};

/// Runs what a function of the ABI does, and turns its end into a status.
///
/// What the body borrows may be half changed after a panic. Shared objects are made for that (a process may be killed at
/// any instruction), and a leg stays marked as in use; see [`super::place`].
pub(super) fn guard(body: impl FnOnce() -> Done) -> ohp_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => ohp_status::OHP_OK,
        Ok(Err(status)) => status,
        Err(payload) => {
            // Dropping a payload can panic again, and there is nobody left to catch that.
            core::mem::forget(payload);
            ohp_status::OHP_ERR_PANIC
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("expected by this test")), ohp_status::OHP_ERR_PANIC);
        assert_eq!(guard(|| Ok(())), ohp_status::OHP_OK);
        assert_eq!(guard(|| Err(ohp_status::OHP_NONE)), ohp_status::OHP_NONE);
    }
}
