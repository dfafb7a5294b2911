//! A stack of our own, for the two computations that a PBX thread's stack is too small for.
//!
//! Expanding an ML-DSA-65 private key takes up to 412 KiB of stack and signing with one 128 KiB; threads of a PBX have 240
//! KiB and have used some of it. So loading a context and issuing at Regulated run on a thread that begins and ends within
//! the call, while the caller waits. Everything else runs on the caller's stack.
//!
//! The thread takes no signals: a host's handlers stay on the host's threads. It is made by POSIX calls and not by
//! `std::thread`, which ends the process where there is no memory for it.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;

use super::panic::guard;
use super::status::Done;
use super::status::ohp_status::{OHP_ERR_MEMORY, OHP_ERR_PANIC, OHP_OK};
use crate::envelope::Tier;

/// Twice what the deepest computation has been seen to take, in an unoptimised build.
const STACK_LEN: usize = 1024 * 1024;

/// What the thread is to do, and how it ended.
struct Task<F> {
    body: Option<F>,
    end: Done,
}

/// Runs `body` on a stack of [`STACK_LEN`] bytes and waits for its end.
///
/// # Errors
/// What `body` gives; `OHP_ERR_PANIC` if it panics; `OHP_ERR_MEMORY` where there is none for a thread.
pub(super) fn on_own_stack<F: FnOnce() -> Done>(body: F) -> Done {
    let mut task = Task {
        body: Some(body),
        end: Err(OHP_ERR_PANIC),
    };
    let thread = SignalsBlocked::during(|| create(&mut task))?;
    // SAFETY: `create` made the thread, and nobody else knows of it. It uses `task`, which outlives it by this wait.
    let joined = unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    // INVARIANT: a thread that is ours, is not this one and was not joined before can be joined.
    assert_eq!(joined, 0);
    task.end
}

/// Runs what builds and signs an envelope of `tier`: on a stack of its own where that takes ML-DSA-65.
///
/// # Errors
/// As [`on_own_stack`].
pub(super) fn signing_at(tier: Tier, body: impl FnOnce() -> Done) -> Done {
    match tier {
        Tier::Regulated => on_own_stack(body),
        _ => body(),
    }
}

fn create<F: FnOnce() -> Done>(task: &mut Task<F>) -> Result<libc::pthread_t, super::ohp_status> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are initialised before anything else is done with them, and destroyed once; the thread's number
    // is read only if there is a thread. `run::<F>` is given the `Task<F>` that it wants.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) != 0 {
            return Err(OHP_ERR_MEMORY);
        }
        let made = libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK_LEN) == 0
            && libc::pthread_create(
                thread.as_mut_ptr(),
                attributes.as_ptr(),
                run::<F>,
                ptr::from_mut(task).cast(),
            ) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if made {
            Ok(thread.assume_init())
        } else {
            Err(OHP_ERR_MEMORY)
        }
    }
}

extern "C" fn run<F: FnOnce() -> Done>(task: *mut c_void) -> *mut c_void {
    // SAFETY: `create` passes a task that lives until this thread has been joined, and touches it no more before.
    let task = unsafe { &mut *task.cast::<Task<F>>() };
    if let Some(body) = task.body.take() {
        task.end = match guard(body) {
            OHP_OK => Ok(()),
            status => Err(status),
        };
    }
    ptr::null_mut()
}

/// A new thread inherits the mask of the one that makes it, so all signals are blocked there for that moment.
struct SignalsBlocked {
    before: libc::sigset_t,
}

impl SignalsBlocked {
    fn during<T>(body: impl FnOnce() -> T) -> T {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigfillset` initialises the one, `pthread_sigmask` the other; neither fails with these arguments.
        let _restored = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Self {
                before: before.assume_init(),
            }
        };
        body()
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the mask is the one that was there before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::ohp_status::OHP_NONE;

    #[test]
    fn deep_work_leaves_the_callers_stack_alone() {
        let here = 0_u8;
        let mut distance = 0;
        let done = on_own_stack(|| {
            let mut deep = [0_u8; STACK_LEN / 2];
            core::hint::black_box(&mut deep);
            distance = (&raw const here).addr().abs_diff(deep.as_ptr().addr());
            Err(OHP_NONE)
        });
        assert_eq!(done, Err(OHP_NONE));
        assert!(distance > STACK_LEN / 2);
    }

    #[test]
    fn panic_on_the_other_stack_becomes_a_status() {
        assert_eq!(on_own_stack(|| panic!("expected by this test")), Err(OHP_ERR_PANIC));
    }

    #[test]
    fn signals_are_taken_by_the_hosts_threads_only() {
        fn blocked() -> bool {
            let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: the call fills the mask in, and changes nothing without a new one.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), mask.as_mut_ptr());
                libc::sigismember(mask.as_ptr(), libc::SIGUSR1) == 1
            }
        }
        let mut there = false;
        on_own_stack(|| {
            there = blocked();
            Ok(())
        })
        .expect("a thread");
        assert_eq!((there, blocked()), (true, false));
    }
}
