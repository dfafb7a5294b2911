//! A stack of our own, for the two computations that a PBX thread's stack is too small for.
//!
//! Expanding an ML-DSA-65 private key takes up to 412 KiB of stack and signing with one 128 KiB; threads of a PBX have 240
//! KiB and have used some of it. So loading a context and issuing at Regulated run on a thread that begins and ends within
//! the call, while the caller waits. Everything else runs on the caller's stack.
//!
//! The thread takes no signals: a host's handlers stay on the host's threads. It is made by POSIX calls and not by
//! `std::thread`, which ends the process where there is no memory for it. Its stack, on which private keys have been, goes
//! back to the kernel and not to whoever asks for a thread next.

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
    let stack = Stack::new()?;
    let thread = SignalsBlocked::during(|| create(&mut task, &stack))?;
    // The wait must not end before the thread does, whoever wants this one to end.
    let mut before = 0;
    // SAFETY: `create` made the thread, and nobody else knows of it. It uses `task` and `stack`, which outlive it by this
    // wait, in which nobody can cancel this thread.
    let joined = unsafe {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before);
        let joined = libc::pthread_join(thread, ptr::null_mut());
        pthread_setcancelstate(before, ptr::null_mut());
        joined
    };
    // INVARIANT: a thread that is ours, is not this one and was not joined before can be joined.
    assert_eq!(joined, 0);
    task.end
}

// POSIX has it; the crate libc does not.
unsafe extern "C" {
    fn pthread_setcancelstate(state: libc::c_int, before: *mut libc::c_int) -> libc::c_int;
}

/// As Linux and FreeBSD number it; where it means something else, this thread can be cancelled in the wait as anywhere.
const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;

/// Memory for a stack, with a page below it that stops what runs over.
struct Stack {
    mapping: *mut c_void,
    guard_len: usize,
}

impl Stack {
    fn new() -> Result<Self, super::ohp_status> {
        // SAFETY: the call has no preconditions.
        let page_len = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let guard_len = usize::try_from(page_len).map_err(|_| OHP_ERR_MEMORY)?;
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        // SAFETY: new memory, anywhere.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), guard_len + STACK_LEN, access, kind, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(OHP_ERR_MEMORY);
        }
        let stack = Self { mapping, guard_len };
        // SAFETY: the first page is ours, and nobody uses it.
        match unsafe { libc::mprotect(mapping, guard_len, libc::PROT_NONE) } {
            0 => Ok(stack),
            _ => Err(OHP_ERR_MEMORY),
        }
    }

    fn base(&self) -> *mut c_void {
        self.mapping.wrapping_byte_add(self.guard_len)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: it was mapped with that length, and the thread that ran on it has been joined, or was never made.
        unsafe { libc::munmap(self.mapping, self.guard_len + STACK_LEN) };
    }
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

fn create<F: FnOnce() -> Done>(task: &mut Task<F>, stack: &Stack) -> Result<libc::pthread_t, super::ohp_status> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are initialised before anything else is done with them, and destroyed once; the thread's number
    // is read only if there is a thread. `run::<F>` is given the `Task<F>` that it wants.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) != 0 {
            return Err(OHP_ERR_MEMORY);
        }
        let made = libc::pthread_attr_setstack(attributes.as_mut_ptr(), stack.base(), STACK_LEN) == 0
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
