//! The other half of `ohp_leg`: what its application wants, and what is to be sent.

use core::ffi::c_char;

use zeroize::Zeroize as _;

use super::host::{ohp_host, template};
use super::issue::build;
use super::leg::{leg, ohp_leg};
use super::panic::guard;
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{
    self, OHP_ERR_FULL, OHP_ERR_INVALID, OHP_ERR_KEY, OHP_ERR_SPACE, OHP_ERR_STATE, OHP_ERR_TOO_LONG, OHP_NONE,
};
use super::table::{self, ohp_table};
use super::text::{Lent, ohp_bytes, ohp_str, ohp_text};
use super::vocabulary::{ohp_tier, ohp_verb, reason};
use crate::cbor::Item;
use crate::envelope::{DraftError, Tier};
use crate::leg::{Host, Leg, LegError, TRANSMIT_LEN, Transmit};
use crate::trust::issue::IssueError;

/// Room, in bytes, in which one INFO is written.
pub const OHP_TRANSMIT_LEN: usize = 2984;

const _: () = assert!(OHP_TRANSMIT_LEN == TRANSMIT_LEN);

/// An INFO to be sent inside the dialog.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_transmit {
    /// sizeof(ohp_transmit).
    pub size: usize,
    /// All of its headers that are the protocol's, as "Name: value" lines, each ended by CRLF; no Content-Length.
    pub headers: ohp_str,
    /// The value of Content-Type.
    pub content_type: ohp_str,
    /// The value of Content-Encoding; none if there is to be no such header.
    pub content_encoding: ohp_str,
    /// The value of OHP-Version.
    pub ohp_version: ohp_str,
    /// The value of OHP-Tier.
    pub ohp_tier: ohp_str,
    /// The value of OHP-Verb.
    pub ohp_verb: ohp_str,
    /// The body: binary, unless the context says otherwise.
    pub body: ohp_bytes,
    /// The verb of the message that it belongs to.
    pub verb: ohp_verb,
    /// Which INFO of the message it is, from 1.
    pub part: u32,
    /// How many INFOs the message takes.
    pub parts: u32,
    /// Zeros.
    pub reserved: [u8; 4],
}

// SAFETY: repr(C), size first; it is only ever written, so its enumeration is never read from C.
unsafe impl Sized_ for ohp_transmit {
    const FIRST_SIZE: usize = 136;
}

impl ohp_transmit {
    pub(super) fn of(sent: &Transmit<'_>) -> Self {
        Self {
            size: 0,
            headers: ohp_str::of(sent.info.headers),
            content_type: ohp_str::of(sent.info.content_type),
            content_encoding: ohp_str::or_none(sent.info.content_encoding),
            ohp_version: ohp_str::of(sent.info.version),
            ohp_tier: ohp_str::of(sent.info.tier),
            ohp_verb: ohp_str::of(sent.info.verb),
            body: ohp_bytes::of(sent.info.body),
            verb: sent.verb.into(),
            part: sent.part,
            parts: sent.parts,
            reserved: [0; 4],
        }
    }
}

pub(super) fn status(error: &LegError) -> ohp_status {
    match error {
        LegError::Illegal(_)
        | LegError::NoProposal
        | LegError::NotAwaited
        | LegError::Busy
        | LegError::DowngradeNotAllowed => OHP_ERR_STATE,
        // The caller's buffers have been looked at: what is full are the draft's leaves or their bytes.
        LegError::Draft(DraftError::Full) => OHP_ERR_TOO_LONG,
        LegError::Scratch => OHP_ERR_SPACE,
        LegError::Issue(
            IssueError::NoKey | IssueError::NoPostQuantumKey | IssueError::NoRecipient | IssueError::NoRecipientKey(_),
        ) => OHP_ERR_KEY,
        LegError::NoRoom => OHP_ERR_FULL,
        LegError::Draft(_) | LegError::Issue(_) | LegError::Encode(_) | LegError::Frame(_) => OHP_ERR_INVALID,
    }
}

/// Wipes what a template became, where it may hold in plain what was to be sealed: below Sealed nothing that does is taken,
/// so that `done` is an error there.
pub(super) fn wipe_after<T>(tier: Tier, done: &Done<T>, template: &mut [u8]) {
    if tier >= Tier::Sealed || done.is_err() {
        template.zeroize();
    }
}

/// Proposes to hand the conversation over. Then drain the leg.
///
/// The template says what only the application knows: audience, intent, transcript, policy, control.reason,
/// control.fallback. The leg adds version, tier, identifier, times, nonce and verb, and, unless the template has them,
/// issuer, session.callId and, from Signed upwards, the fingerprint of the newest usable audio and the codec hints. It
/// signs where the tier wants that.
///
/// From Sealed upwards "sealed": {"fields": {"dotted.name": value}} is given in plain and leaves sealed, for the keys that
/// audience.recipientKeys names, or for every X25519 key of audience.did under the bundle's issuers. At Regulated
/// governance.prohibited and governance.art50Disclosure are signed unless they have their proofs, transparency.leafHash is
/// stated, and nothing is sent yet: OHP_EVENT_ANCHOR_NEEDED follows.
///
/// @param leg           A leg.
/// @param host          What the leg is lent for this call.
/// @param tier          An ohp_tier.
/// @param template_data The template, in the envelope's own nesting: a JSON object or a canonical CBOR map,
///                      OHP_TEMPLATE_LEN_MAX bytes and OHP_TEMPLATE_LEAVES_MAX leaves at most.
/// @param template_len  Its length in bytes.
/// @param buffer        Where the envelope is written; OHP_ENVELOPE_LEN_MAX bytes.
/// @param buffer_size   Its length.
/// @param why           A buffer for what is wrong, with the path of the member; or NULL.
/// @param[out] cbor     The envelope's canonical CBOR, in `buffer`.
/// @return OHP_OK; OHP_ERR_MALFORMED if the template is neither JSON nor CBOR; OHP_ERR_INVALID if the envelope would break
///         a rule; OHP_ERR_STATE if a handoff is under way, or the proposal would be weaker than a rejected one that did
///         not allow it; OHP_ERR_TOO_LONG if the template has too many bytes or leaves; OHP_ERR_MEMORY if there
///         is none for the thread that signs at Regulated; OHP_ERR_KEY, OHP_ERR_FULL, OHP_ERR_SPACE, OHP_ERR_NULL,
///         OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE.
///
/// Threads: one caller at a time for each leg. At Regulated it signs on a thread of its own, and waits for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_propose(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    tier: u32,
    template_data: *const c_char,
    template_len: usize,
    buffer: *mut u8,
    buffer_size: usize,
    why: *mut ohp_text,
    cbor: *mut ohp_bytes,
) -> ohp_status {
    let given = (template_data, template_len);
    let propose = |host: &mut Host<'_>, tier, template: Item<'_>, out: &mut [u8]| {
        // SAFETY: as the header demands.
        let mut leg = unsafe { self::leg(leg) }?;
        Ok(leg
            .propose(host, tier, template, out)
            .map(|envelope| envelope.bytes().len()))
    };
    // SAFETY: as the header demands.
    unsafe { build(host, tier, given, (buffer, buffer_size), why, cbor, propose) }
}

/// Reports a serious incident in this conversation to the peer (INCIDENT; OHP 6.5, EU AI Act, Art. 73). It moves nothing of a
/// handoff. It is built and signed at Regulated, and waits to be anchored as a Regulated proposal does. Then drain the leg.
///
/// The clock of fifteen days runs from its issuance; see ohp_envelope_report_due().
///
/// @param leg           A leg.
/// @param host          What the leg is lent for this call.
/// @param category      The incident's category for control.reason, for which the protocol has no list of words.
/// @param category_len  Its length in bytes.
/// @param template_data The template, as for ohp_leg_propose() at Regulated.
/// @param template_len  Its length in bytes.
/// @param buffer        Where the report is written; OHP_ENVELOPE_LEN_MAX bytes.
/// @param buffer_size   Its length.
/// @param why           A buffer for what is wrong, with the path of the member; or NULL.
/// @param[out] cbor     The report's canonical CBOR, in `buffer`: keep it for ohp_leg_anchored().
/// @return As ohp_leg_propose(); OHP_ERR_STATE while something else waits to be anchored; OHP_ERR_UTF8.
///
/// Threads: one caller at a time for each leg. It signs on a thread of its own, and waits for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_report(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    category: *const c_char,
    category_len: usize,
    template_data: *const c_char,
    template_len: usize,
    buffer: *mut u8,
    buffer_size: usize,
    why: *mut ohp_text,
    cbor: *mut ohp_bytes,
) -> ohp_status {
    let given = (template_data, template_len);
    let report = |host: &mut Host<'_>, _, template: Item<'_>, out: &mut [u8]| {
        // SAFETY: as the header demands.
        let (category, mut leg) = unsafe { (pointer::text(category, category_len)?, self::leg(leg)?) };
        Ok(leg
            .report(host, category, template, out)
            .map(|envelope| envelope.bytes().len()))
    };
    let tier = ohp_tier::OHP_TIER_REGULATED as u32;
    // SAFETY: as the header demands.
    unsafe { build(host, tier, given, (buffer, buffer_size), why, cbor, report) }
}

/// Sends the proposal or the report that waits, because it is anchored now: its leaf is in the log that transparency.logId
/// names, and will stay there. Then drain the leg.
///
/// @param leg       A leg.
/// @param host      What the leg is lent for this call.
/// @param cbor      The envelope's canonical CBOR, as ohp_leg_propose() or ohp_leg_report() wrote it.
/// @param cbor_len  Its length in bytes.
/// @param why       A buffer for what is wrong, or NULL.
/// @return OHP_OK; OHP_ERR_STATE if this is not what waits, its time is over, a message is still on its way, or the peer has
///         proposed meanwhile: unless its time is over it still waits; OHP_ERR_INVALID, OHP_ERR_FULL, OHP_ERR_SPACE,
///         OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE, OHP_ERR_RANGE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_anchored(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    cbor: *const u8,
    cbor_len: usize,
    why: *mut ohp_text,
) -> ohp_status {
    let send = |leg: &mut Leg, host: &mut Host<'_>| {
        // SAFETY: as the header demands.
        let cbor = unsafe { pointer::bytes(cbor, cbor_len) };
        cbor.map(|cbor| leg.anchored(host, cbor))
    };
    // SAFETY: as the header demands.
    unsafe { do_with(leg, host, why, send) }
}

/// Forgets the proposal or the report that waits to be anchored, because no log has taken it or it is not wanted any more.
/// Nothing has been sent.
///
/// @param leg  A leg.
/// @return OHP_OK, also if nothing waits; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_withdraw(leg: *mut ohp_leg) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        unsafe { self::leg(leg) }?.withdraw();
        Ok(())
    })
}

/// # Safety
/// As [`do_with`].
unsafe fn say(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    why: *mut ohp_text,
    say: impl FnOnce(&mut Leg, &mut Host<'_>) -> Result<(), LegError>,
) -> ohp_status {
    // SAFETY: passed on to the caller.
    unsafe { do_with(leg, host, why, |leg, host| Ok(say(leg, host))) }
}

/// # Safety
/// As [`leg`], [`sized::read`] and [`Lent::new`].
unsafe fn do_with(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    why: *mut ohp_text,
    call: impl FnOnce(&mut Leg, &mut Host<'_>) -> Done<Result<(), LegError>>,
) -> ohp_status {
    guard(|| {
        // SAFETY: passed on to the caller.
        let (mut lent, mut why, mut leg) = unsafe { (ohp_host::read(host)?, Lent::new(why)?, self::leg(leg)?) };
        // SAFETY: passed on to the caller.
        let (mut host, _) = unsafe { lent.get() }?;
        call(&mut leg, &mut host)?.map_err(why.fail(status))
    })
}

/// Takes the conversation that was proposed. Then drain the leg.
///
/// @param leg   A leg.
/// @param host  What the leg is lent for this call.
/// @param why   A buffer for what is wrong, or NULL.
/// @return OHP_OK; OHP_ERR_STATE if nothing is proposed, or a message is still on its way; OHP_ERR_INVALID, OHP_ERR_KEY,
///         OHP_ERR_FULL, OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE,
///         OHP_ERR_RANGE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_accept(leg: *mut ohp_leg, host: *const ohp_host, why: *mut ohp_text) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { say(leg, host, why, Leg::accept) }
}

/// Does not take the conversation that was proposed, or lets go of one that was accepted and not assumed. Then drain the
/// leg.
///
/// @param leg     A leg.
/// @param host    What the leg is lent for this call.
/// @param reason  An ohp_reason, not OHP_REASON_NONE.
/// @param why     A buffer for what is wrong, or NULL.
/// @return As ohp_leg_accept().
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_reject(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    reason: u32,
    why: *mut ohp_text,
) -> ohp_status {
    match self::reason(reason) {
        // SAFETY: as the header demands.
        Ok(reason) => unsafe { say(leg, host, why, |leg, host| leg.reject(host, reason)) },
        Err(status) => status,
    }
}

/// Makes the handoff final: sent by either side once it has been accepted. OHP_EVENT_HANDED_OFF follows when the peer has
/// received it. Then drain the leg.
///
/// @param leg   A leg.
/// @param host  What the leg is lent for this call.
/// @param why   A buffer for what is wrong, or NULL.
/// @return As ohp_leg_accept().
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_assume(leg: *mut ohp_leg, host: *const ohp_host, why: *mut ohp_text) -> ohp_status {
    // SAFETY: as the header demands.
    unsafe { say(leg, host, why, Leg::assume) }
}

/// Gives the conversation back (RETURN). Then drain the leg.
///
/// @param leg          A leg.
/// @param host         What the leg is lent for this call.
/// @param reason       Why, a word for control.reason such as "resolved".
/// @param reason_len   Its length in bytes.
/// @param context_data What has changed (intent, slots, summary), as a template as for ohp_leg_propose(); or NULL.
/// @param context_len  Its length in bytes.
/// @param why          A buffer for what is wrong, or NULL.
/// @return As ohp_leg_accept(), and as ohp_leg_propose() for the template.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_give_back(
    leg: *mut ohp_leg,
    host: *const ohp_host,
    reason: *const c_char,
    reason_len: usize,
    context_data: *const c_char,
    context_len: usize,
    why: *mut ohp_text,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (reason, given, mut why) = unsafe {
            let given = pointer::bytes(context_data.cast(), context_len)?;
            (pointer::text(reason, reason_len)?, given, Lent::new(why)?)
        };
        // SAFETY: as the header demands.
        let mut lent = unsafe { ohp_host::read(host) }?;
        // SAFETY: as the header demands.
        let (mut host, memory) = unsafe { lent.get() }?;
        // SAFETY: as the header demands.
        let mut leg = unsafe { self::leg(leg) }?;
        let context = match given.is_empty() {
            true => Ok(None),
            false => template(given, memory, &mut why).map(Some),
        };
        let done = context.and_then(|context| leg.give_back(&mut host, reason, context).map_err(why.fail(status)));
        wipe_after(Tier::Signed, &done, memory);
        done
    })
}

/// The next INFO to send inside the dialog. There is none while one is outstanding: its final response goes to
/// ohp_leg_handle_response() first.
///
/// @param leg            A leg.
/// @param table          The shared table.
/// @param buffer         Where the INFO is written; OHP_TRANSMIT_LEN bytes.
/// @param buffer_size    Its length.
/// @param[out] transmit  The INFO; set its `size` before. Its texts and its body are in `buffer`.
/// @return OHP_OK; OHP_NONE if there is nothing to send now; OHP_ERR_SPACE, OHP_ERR_NULL, OHP_ERR_ALIGNMENT,
///         OHP_ERR_OBJECT, OHP_ERR_BUSY, OHP_ERR_SIZE.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_poll_transmit(
    leg: *mut ohp_leg,
    table: *const ohp_table,
    buffer: *mut u8,
    buffer_size: usize,
    transmit: *mut ohp_transmit,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (table, buffer, out) = unsafe {
            let buffer = pointer::bytes_mut(buffer, buffer_size)?;
            (table::table(table)?, buffer, sized::Out::new(transmit)?)
        };
        if buffer.len() < TRANSMIT_LEN {
            return Err(OHP_ERR_SPACE);
        }
        // SAFETY: as the header demands.
        let mut leg = unsafe { self::leg(leg) }?;
        let sent = leg.poll_transmit(&table, buffer).ok_or(OHP_NONE)?;
        out.set(ohp_transmit::of(&sent));
        Ok(())
    })
}

/// When ohp_leg_handle_timeout() has something to do.
///
/// @param leg            A leg.
/// @param[out] deadline  Milliseconds since the Unix epoch.
/// @return OHP_OK; OHP_NONE if it never has; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_BUSY.
///
/// Threads: one caller at a time for each leg.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_leg_poll_timeout(leg: *mut ohp_leg, deadline: *mut u64) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, leg) = unsafe { (Out::new(deadline)?, self::leg(leg)?) };
        let due = leg.poll_timeout().ok_or(OHP_NONE)?;
        out.set(u64::try_from(due.millis()).unwrap_or_default());
        Ok(())
    })
}
