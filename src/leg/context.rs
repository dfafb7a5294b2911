//! What a leg needs beyond itself: configuration and trust, made when they are loaded, and what is lent for each call.

use zeroize::Zeroize as _;

use crate::control::{FRAME_MAX, Party};
use crate::envelope::{ENVELOPE_MAX, Tier};
use crate::media::Tap;
use crate::table::Table;
use crate::time::{MAX_LIFETIME_MS, Timestamp};
use crate::transport::{outgoing, reassembly};
use crate::trust::bundle::Bundle;
use crate::verify::{Disclosed, VERIFY_SCRATCH, max_tier};

/// Envelopes a second that one transport peer may send before its signatures are looked at, unless told otherwise. An
/// SBC fronts many calls, so it is well above one key's rate.
pub const DEFAULT_PEER_RATE: u32 = 200;

/// How this side behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How envelopes are sent.
    pub form: outgoing::Form,
    /// Envelopes a second that one transport peer may send.
    pub peer_rate: u32,
    /// Whether a refused proposal is answered with a REJECT by itself. Off: the application is told and decides
    /// (interpretations, row 41).
    pub enforce: bool,
    /// How long a proposal of ours lives, in milliseconds; at most five minutes (OHP §4.4).
    pub lifetime_ms: i64,
    /// Whether proposals of Signed and Sealed carry a robust fingerprint of the call's sound beside the exact one, in
    /// `session.media.x-ohp-robust`: for legs that are transcoded or lose packets on their way (interpretations, row 38). It makes
    /// the envelope 200 bytes longer and takes a millisecond; a receiver whose policy does not know it passes it over.
    pub robust_fingerprint: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            form: outgoing::Form::default(),
            peer_rate: DEFAULT_PEER_RATE,
            enforce: false,
            lifetime_ms: MAX_LIFETIME_MS,
            robust_fingerprint: false,
        }
    }
}

/// Configuration and trust of one side. Immutable: a reload makes a new one, and calls go on with either.
#[derive(Debug, Default)]
pub struct Context {
    /// Who we are and whom we believe.
    pub bundle: Bundle,
    /// How we behave.
    pub settings: Settings,
}

impl Context {
    /// Who we are, for the envelopes that we issue.
    pub fn party(&self) -> Party<'_> {
        let receiver = self.bundle.receiver();
        Party {
            vendor: receiver.vendor.as_deref(),
            agent_id: receiver.agent_id.as_deref().unwrap_or("libohp"),
            region: receiver.region.as_deref().unwrap_or("unknown"),
            did: receiver.did.as_deref(),
        }
    }
}

/// Bytes of scratch that a leg needs in any call: two envelopes, a draft and its frame, and whatever transport and
/// verification need at the same time.
pub const SCRATCH_LEN: usize = ENVELOPE_MAX
    + max(
        reassembly::SCRATCH_LEN,
        max(
            DRAFT_SCRATCH + ENVELOPE_MAX + VERIFY_SCRATCH,
            outgoing::ENCODED_MAX + outgoing::SCRATCH_LEN,
        ),
    );

/// Memory of the draft that a message is built in: a template of 8 KiB with its paths, and a frame.
pub(super) const DRAFT_SCRATCH: usize = 4 * crate::envelope::SURFACE_MAX + 4 * FRAME_MAX;

/// Random bytes that a host lends for one call: 512 bits, from which what one call needs is derived.
pub const RANDOM_LEN: usize = 64;

const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// What is lent to a leg for one call.
pub struct Host<'h> {
    /// Configuration and trust.
    pub context: &'h Context,
    /// The table that all legs share.
    pub table: Table<'h>,
    /// The leg's sound, where the host has it.
    pub tap: Option<Tap<'h>>,
    /// What the host knows its transport peer by, such as its address; for budgets.
    pub peer: &'h [u8],
    /// The moment.
    pub now: Timestamp,
    /// Fresh randomness from a cryptographic generator; what one call is given must not be given to another. Where fields
    /// are sealed it is as secret as they are. Wiped when the host is dropped; another copy is the caller's to wipe.
    pub random: [u8; RANDOM_LEN],
    /// At least [`SCRATCH_LEN`] bytes. Nothing in it is kept from one call to the next.
    pub scratch: &'h mut [u8],
    /// Memory for what an envelope discloses to us alone. `None`: this side takes Signed at most.
    ///
    /// Lend it to every call, or peers are told that this side takes no more than Signed. When an envelope has been judged
    /// it holds what that one disclosed, if that one was accepted, and nothing of any before: read it then, and wipe it.
    pub disclosed: Option<&'h mut Disclosed>,
}

impl Host<'_> {
    /// The highest tier that this side takes with what it is lent.
    pub(super) fn max_tier(&self) -> Tier {
        max_tier(&self.context.bundle, self.disclosed.is_some())
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        self.random.zeroize();
    }
}
