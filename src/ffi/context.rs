//! `ohp_context`: configuration, keys and trust, made when they are loaded; the one object that allocates.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, AtomicUsize};
use std::alloc::{Layout, alloc};
use std::boxed::Box;

use super::own_stack::on_own_stack;
use super::panic::guard;
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_CONFIG, OHP_ERR_MEMORY, OHP_ERR_OBJECT, OHP_ERR_RANGE};
use super::text::{Lent, ohp_bytes, ohp_text};
use crate::leg::{Context, Settings};
use crate::time::MAX_LIFETIME_MS;
use crate::transport::BODY_MAX;
use crate::transport::outgoing::BODY_MIN;
use crate::trust::bundle::Bundle;
use crate::trust::json::{Error, Problem};

/// Configuration, keys and trust of this side.
///
/// Made when they are loaded, immutable, shared by all threads, counted: whoever keeps a pointer takes a reference with
/// ohp_context_ref() and gives it back with ohp_context_unref(). On a reload the host makes a new one and replaces the
/// pointer that new calls use; calls under way may go on with the old one or change to the new one between two functions.
/// Forked workers make their own from the same bytes.
pub struct ohp_context(());

/// What lies behind the pointer.
struct Shared {
    kind: AtomicU64,
    references: AtomicUsize,
    context: Context,
}

const KIND: u64 = u64::from_be_bytes(*b"OHPctxt\x01");
/// More references than any host can mean; far below what would wrap.
const REFERENCES_MAX: usize = isize::MAX as usize;

/// What a context is made of. Members that are 0 mean the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_context_config {
    /// sizeof(ohp_context_config).
    pub size: usize,
    /// The trust bundle, a JSON document: who we are, what we accept, our keys, whom we believe. None: a receiver that
    /// takes Core envelopes for any audience and purpose, and has no keys.
    pub trust: ohp_bytes,
    /// Largest INFO body to send, in bytes, 1300 at most; 700 by default.
    pub body_max: u32,
    /// Envelopes a second that one transport peer may send; 200 by default.
    pub peer_rate: u32,
    /// How long a proposal of ours lives, in milliseconds; five minutes at most, and by default.
    pub lifetime_ms: u32,
    /// 1: bodies are base64 text, for a host that handles them as C strings.
    pub text_only: u8,
    /// 1: INFOs name their package (RFC 6086); only after the peer has sent "Recv-Info: ohp".
    pub info_package: u8,
    /// 1: a refused proposal is answered with a REJECT by the leg itself. 0: the host is told, and decides.
    pub enforce: u8,
    /// 1: proposals of Signed and Sealed carry a robust fingerprint as well, for legs that are transcoded or lose packets; it is
    /// 200 bytes and takes a millisecond. What a receiver lets count is for its bundle's `receiver.robustFingerprint`.
    pub robust_fingerprint: u8,
}

// SAFETY: repr(C), size first, integers and a pointer.
unsafe impl Sized_ for ohp_context_config {
    const FIRST_SIZE: usize = 40;
}

impl ohp_context_config {
    fn settings(&self) -> Done<Settings> {
        let mut settings = Settings::default();
        if self.body_max != 0 {
            settings.form.body_max = self.body_max as usize;
        }
        if self.peer_rate != 0 {
            settings.peer_rate = self.peer_rate;
        }
        if self.lifetime_ms != 0 {
            settings.lifetime_ms = i64::from(self.lifetime_ms);
        }
        settings.form.text_only = self.text_only != 0;
        settings.form.package = self.info_package != 0;
        settings.enforce = self.enforce != 0;
        settings.robust_fingerprint = self.robust_fingerprint != 0;
        let in_range =
            (BODY_MIN..=BODY_MAX).contains(&settings.form.body_max) && settings.lifetime_ms <= MAX_LIFETIME_MS;
        if in_range { Ok(settings) } else { Err(OHP_ERR_RANGE) }
    }
}

/// # Safety
/// `context` leads to a context that has a reference left, or is NULL or misaligned.
unsafe fn shared<'a>(context: *const ohp_context) -> Done<&'a Shared> {
    // SAFETY: passed on to the caller.
    let shared = unsafe { pointer::shared(context.cast::<Shared>()) }?;
    if shared.kind.load(Acquire) == KIND {
        Ok(shared)
    } else {
        Err(OHP_ERR_OBJECT)
    }
}

/// The context that C points to.
///
/// # Safety
/// As [`shared`], and the reference lasts as long as the result is used.
pub(super) unsafe fn context<'a>(context: *const ohp_context) -> Done<&'a Context> {
    // SAFETY: passed on to the caller.
    unsafe { shared(context) }.map(|shared| &shared.context)
}

const NO_MEMORY: &str = "not enough memory";

fn refused(error: &Error) -> ohp_status {
    match error.problem() {
        Problem::Memory => OHP_ERR_MEMORY,
        _ => OHP_ERR_CONFIG,
    }
}

/// Puts `shared` where it can stay, as a box does, without ending the process where there is no memory.
fn boxed(shared: Shared) -> Done<*mut Shared> {
    // SAFETY: the layout is not empty.
    let place = unsafe { alloc(Layout::new::<Shared>()) }.cast::<Shared>();
    if place.is_null() {
        return Err(OHP_ERR_MEMORY);
    }
    // SAFETY: the memory is new, and of that layout.
    unsafe { place.write(shared) };
    Ok(place)
}

/// Makes a context. This is the only function that allocates what outlives it, and the only one that takes its time. Where
/// memory is too short it keeps nothing, and whoever reloads goes on with the context that there is. The bundle is read on a
/// thread of 1 MiB of stack that ends before this function does, since ML-DSA-65 keys want more than a PBX thread has.
///
/// @param config  What to make it of; NULL for the defaults. Its bytes are copied where they are kept, so the bundle,
///                which may hold private keys, can be wiped afterwards.
/// @param why     A buffer for what is wrong, with the path of the member, as in
///                "issuers[\"did:web:example.org\"].jwks.keys[0].x: not base64url"; or NULL.
/// @param[out] context  The context, with one reference.
/// @return OHP_OK; OHP_ERR_CONFIG if the bundle is wrong; OHP_ERR_MEMORY; OHP_ERR_RANGE, OHP_ERR_SIZE, OHP_ERR_NULL.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_context_new(
    config: *const ohp_context_config,
    why: *mut ohp_text,
    context: *mut *const ohp_context,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (mut why, out) = unsafe { (Lent::new(why)?, Out::new(context)?) };
        let mut made = Context {
            bundle: Bundle::core_receiver(),
            settings: Settings {
                enforce: false,
                ..Settings::default()
            },
        };
        if !config.is_null() {
            // SAFETY: as the header demands.
            let (config, trust) = unsafe {
                let config = sized::read(config)?;
                (config, config.trust.get()?)
            };
            made.settings = config.settings()?;
            if !trust.is_empty() {
                // Private keys among it may want more stack than the caller has.
                on_own_stack(|| {
                    made.bundle = Bundle::from_json(trust).map_err(why.fail(refused))?;
                    Ok(())
                })
                .inspect_err(|status| {
                    if *status == OHP_ERR_MEMORY {
                        why.say(NO_MEMORY);
                    }
                })?;
            }
        }
        let shared = Shared {
            kind: AtomicU64::new(KIND),
            references: AtomicUsize::new(1),
            context: made,
        };
        out.set(boxed(shared).inspect_err(|_| why.say(NO_MEMORY))?.cast());
        Ok(())
    })
}

/// Takes one more reference.
///
/// @param context  A context.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any that has a reference, or is kept from losing it by another that has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_context_ref(context: *const ohp_context) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let shared = unsafe { shared(context) }?;
        let taken = shared.references.fetch_update(Relaxed, Relaxed, |references| {
            (references > 0 && references < REFERENCES_MAX).then_some(references + 1)
        });
        taken.map(|_| ()).map_err(|_| OHP_ERR_OBJECT)
    })
}

/// Gives a reference back, and sets the pointer to NULL so that the same variable cannot give it back twice. With the
/// last reference the context is gone, its private keys wiped.
///
/// @param context  A pointer to the variable that holds the context. If that is NULL, nothing happens.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_context_unref(context: *mut *const ohp_context) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let variable = unsafe { pointer::exclusive(context) }?;
        if variable.is_null() {
            return Ok(());
        }
        // SAFETY: as the header demands.
        let shared = unsafe { shared(*variable) }?;
        let last = shared.references.fetch_sub(1, AcqRel) == 1;
        if last {
            shared.kind.store(0, Release);
            // SAFETY: nobody has a reference any more, and `boxed` made it as a box is made.
            drop(unsafe { Box::from_raw((*variable).cast::<Shared>().cast_mut()) });
        }
        *variable = core::ptr::null();
        Ok(())
    })
}
