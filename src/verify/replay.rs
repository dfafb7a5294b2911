//! What must not be seen twice: identifiers, nonces, encapsulated keys, fingerprints; and what may be seen so often a
//! second (OHP §3.1.2, §5.10; interpretations, rows 25, 30, 36, 40).
//!
//! Before step 2 the table is only looked into, and one budget is charged: that of the transport peer. What an envelope
//! leaves behind is recorded once its signature has held (at Core, with the verdict), so that a forger can neither block
//! a genuine envelope nor spend an issuer's rate. A `need` records nothing.

use core::cell::Cell;

use super::audience::is_proposal;
use super::sound::Heard;
use super::{Call, Failure, Outcome, Run, Step, StepResult, Why};
use crate::crypto::SHA256_LEN;
use crate::envelope::{Envelope, RejectReason, Tier, Verb};
use crate::id::EnvelopeId;
use crate::media::robust::fingerprint::BYTES;
use crate::media::{Fingerprint, RobustFingerprint};
use crate::table::{Domain, Key, Record, Recorded, SOUND_LEN, Sound, Table, TableFull};
use crate::time::{CLOCK_SKEW_MS, MAX_LIFETIME_MS, Timestamp};
use crate::trust::block_proof::Block;

const _: () = assert!(SOUND_LEN == BYTES);

/// How long it is remembered at most which call has shown a provider's proof, in milliseconds: the hour for which
/// docs/04 keeps revoked keys listed. What may be older is for `maxStepUpAge` to refuse.
const ASSURANCE_MEMORY_MS: i64 = 3_600_000;

/// The shared table, and whose budget an envelope is charged to before its signature is known.
#[derive(Clone, Copy)]
pub struct Memory<'s> {
    /// The table.
    pub table: Table<'s>,
    /// What the host knows its transport peer by, such as its address.
    pub peer: &'s [u8],
    /// Envelopes a second that one transport peer may send.
    pub peer_rate: u32,
}

/// Whether an envelope has been seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is new.
    Never,
    /// This very envelope, on this very call: a retransmission.
    Before,
}

/// What the records about an envelope are bound to: worked out once, since the surface is hashed for it.
#[derive(Clone, Copy)]
pub(super) struct Traces {
    id: Key,
    nonce: Key,
    record: Record,
}

/// Envelopes whose records are kept apart: anyone can make one of Core.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Unsigned,
    Signed,
}

impl Class {
    /// The key under which a class keeps what `key` names.
    fn of(self, key: Key) -> Key {
        match self {
            Self::Unsigned => key,
            Self::Signed => key.twin(),
        }
    }
}

impl Run<'_, '_, '_> {
    /// Step 0's look-up.
    pub(super) fn look_up(&mut self, envelope: &Envelope<'_>) -> Result<Seen, Failure> {
        let Some(memory) = self.situation.memory else {
            return Ok(Seen::Never);
        };
        let now = self.situation.now;
        let surface = envelope.surface_hash();
        self.verdict.surface_hash = Some(surface);
        let traces = self.traces(&memory.table, envelope, &surface);
        self.traces = Some(traces);
        if let Some(known) = memory.table.find(&traces.id, now) {
            return if self.is_the_same(&memory.table, known, traces.record) {
                Ok(Seen::Before)
            } else {
                Err(replayed(Why::ReplayedId))
            };
        }
        // An unsigned copy under the identifier or the nonce of a signed envelope is a replay; the other way round it is
        // not, or anyone who reads an identifier could keep the genuine envelope out.
        if envelope.tier() == Tier::Core {
            for (key, why) in [
                (traces.id.twin(), Why::ReplayedId),
                (traces.nonce.twin(), Why::ReplayedNonce),
            ] {
                if memory.table.find(&key, now).is_some() {
                    return Err(replayed(why));
                }
            }
        }
        // A record of this very envelope, left by a commit that a full table cut short, is no replay.
        let is_another = |key: &Key| {
            let known = memory.table.find(key, now);
            known.is_some_and(|known| !self.is_the_same(&memory.table, known, traces.record))
        };
        if is_another(&traces.nonce) {
            return Err(replayed(Why::ReplayedNonce));
        }
        for recipient in envelope.sealed().recipients() {
            let enc = memory
                .table
                .key(Domain::Enc, &[recipient.enc().unwrap_or_default().as_bytes()]);
            if is_another(&enc) {
                return Err(replayed(Why::ReplayedEnc));
            }
        }
        Ok(Seen::Never)
    }

    /// Charges the transport peer's budget, once an envelope is known to be new.
    pub(super) fn charge_peer(&self, verb: Verb) -> Result<(), Failure> {
        let Some(memory) = self.situation.memory.filter(|_| !self.situation.again) else {
            return Ok(());
        };
        // A flood of proposals must not starve what moves a handoff that is under way: that has a budget for each call.
        let peer = match self.situation.call {
            Call::Ids([call, ..]) if !is_proposal(verb) => {
                memory.table.key(Domain::Peer, &[memory.peer, call.as_bytes()])
            }
            _ => memory.table.key(Domain::Peer, &[memory.peer]),
        };
        match memory.table.charge(&peer, memory.peer_rate, self.situation.now) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure {
                reason: RejectReason::RateLimit,
                why: Why::PeerBudget,
            }),
            Err(TableFull) => Err(overloaded()),
        }
    }

    /// Charges the rate of the key that a signature has just held with.
    pub(super) fn charge_key(&self, envelope: &Envelope<'_>, kid: &str) -> Result<(), Failure> {
        let Some(memory) = self.situation.memory.filter(|_| !self.situation.again) else {
            return Ok(());
        };
        let issuer = envelope.issuer().did().unwrap_or_default();
        let key = memory.table.key(Domain::Kid, &[issuer.as_bytes(), kid.as_bytes()]);
        let per_second = self.situation.bundle.receiver().rate_per_kid;
        match memory.table.charge(&key, per_second, self.situation.now) {
            Ok(true) => Ok(()),
            // It counts, but what moves a handoff that is under way is not refused for it.
            Ok(false) if !is_proposal(envelope.verb()) => Ok(()),
            Ok(false) => Err(Failure {
                reason: RejectReason::RateLimit,
                why: Why::KeyRate,
            }),
            Err(TableFull) => Err(overloaded()),
        }
    }

    /// Whether another call has shown this fingerprint inside its lifetime; if none has, this call now has, provided that
    /// it was found in its audio.
    pub(super) fn fingerprint_was_elsewhere(
        &self,
        envelope: &Envelope<'_>,
        fingerprint: Option<&Fingerprint>,
        heard: Heard,
    ) -> bool {
        let Some((memory, fingerprint)) = self.situation.memory.zip(fingerprint) else {
            return false;
        };
        let table = &memory.table;
        let key = table.key(Domain::Fingerprint, &[fingerprint.as_bytes()]);
        // A fingerprint that nothing here was made of is not recorded: whoever states another call's would keep that one out.
        if heard != Heard::Exact {
            let known = table.find(&key, self.situation.now);
            return known.is_some_and(|known| !self.is_this_call(table, known.call));
        }
        let record = Record {
            surface: (0, 0),
            call: self.call_word(table, envelope),
        };
        match table.record(&key, record, expiry(envelope, self.situation.now), self.situation.now) {
            Ok(Recorded::New) => false,
            Ok(Recorded::Known(known)) => !self.is_this_call(table, known.call),
            // A full table proves nothing against a call; it has been counted.
            Err(TableFull) => false,
        }
    }

    /// Whether `is_here` finds in this call's audio a robust fingerprint that was found in another call's inside its lifetime;
    /// if not, this call now has shown `fingerprint`. To be asked once that has been found.
    ///
    /// Sets `is_forgotten` if there was no room to remember it, which proves nothing against a call.
    pub(super) fn sound_was_elsewhere(
        &self,
        envelope: &Envelope<'_>,
        fingerprint: &RobustFingerprint,
        is_here: &dyn Fn(&RobustFingerprint) -> bool,
        is_forgotten: &Cell<bool>,
    ) -> bool {
        let Some(memory) = self.situation.memory else {
            return false;
        };
        let (table, now) = (&memory.table, self.situation.now);
        let sound = Sound {
            bytes: fingerprint.to_bytes(),
            call: self.call_word(table, envelope),
        };
        let mut entered = None;
        // It stands there when this envelope is judged once more, for a resource that a later step lacked.
        if !table.sounds(now).any(|known| known == sound) {
            match table.enter_sound(&sound, expiry(envelope, now), now) {
                Ok(entry) => entered = Some(entry),
                Err(TableFull) => is_forgotten.set(true),
            }
        }
        let was_elsewhere = table
            .sounds(now)
            .filter(|known| !self.is_this_call(table, known.call))
            // Another call's very fingerprint has just been found; of others the search decides.
            .any(|known| {
                known.bytes == sound.bytes
                    || RobustFingerprint::from_bytes(&known.bytes).is_some_and(|known| is_here(&known))
            });
        if let Some(entry) = entered.filter(|_| was_elsewhere) {
            table.withdraw_sound(entry);
        }
        was_elsewhere
    }

    /// Whether another call has shown what this provider vouches for; if none has, this call now has. Known by what is
    /// signed, not by the signature, of which some algorithms have a second one.
    pub(super) fn assurance_was_elsewhere(
        &self,
        envelope: &Envelope<'_>,
        idp: &str,
        block: &Block<'_>,
    ) -> Result<bool, Failure> {
        let Some(memory) = self.situation.memory else {
            return Ok(false);
        };
        let table = &memory.table;
        let [head, before, after] = block.segments();
        let key = table.key(Domain::Assurance, &[idp.as_bytes(), head, before, after]);
        let record = Record {
            surface: (0, 0),
            call: self.call_word(table, envelope),
        };
        let now = self.situation.now;
        let longest = self.situation.bundle.receiver().max_step_up_age;
        let longest = longest.map_or(ASSURANCE_MEMORY_MS, |seconds| i64::from(seconds) * 1000);
        // Skew is tolerated twice: the provider's clock may be ahead when it is recorded, and behind when it is shown again.
        match table.record(&key, record, now.plus(longest + 2 * CLOCK_SKEW_MS), now) {
            Ok(Recorded::New) => Ok(false),
            Ok(Recorded::Known(known)) => Ok(!self.is_this_call(table, known.call)),
            // A full table proves nothing against a call; where policy wants each proof on one call, it proves nothing for
            // it either.
            Err(TableFull) if self.situation.bundle.receiver().require_bound_assurance => Err(overloaded()),
            Err(TableFull) => Ok(false),
        }
    }

    /// Records the envelope, unless it was refused before its signature held or has needs.
    pub(super) fn remember(&mut self, envelope: &Envelope<'_>) {
        let Some((memory, traces)) = self.situation.memory.zip(self.traces) else {
            return;
        };
        let believed = match self.verdict.outcome {
            Outcome::Accept => true,
            Outcome::Reject(_, failure) if failure.why == Why::LeafHashDiffers => false,
            Outcome::Reject(step, _) => step > Step::Signatures && envelope.tier() >= Tier::Signed,
            Outcome::Need | Outcome::Duplicate | Outcome::Overloaded => false,
        };
        if !believed {
            return;
        }
        match self.commit(&memory, traces, envelope) {
            Ok(()) => {}
            Err(failure) if failure.why == Why::Overloaded => self.verdict.outcome = Outcome::Overloaded,
            // Another party was faster with the same identifier or nonce: then this one is what must be refused.
            Err(failure) => {
                self.verdict.steps[0] = Some(StepResult::Fail);
                self.verdict.outcome = Outcome::Reject(Step::Envelope, failure);
            }
        }
    }

    fn commit(&self, memory: &Memory<'_>, traces: Traces, envelope: &Envelope<'_>) -> Result<(), Failure> {
        let now = self.situation.now;
        let expires = expiry(envelope, now);
        let record = |key: &Key, why| match memory.table.record(key, traces.record, expires, now) {
            Ok(Recorded::New) => Ok(()),
            Ok(Recorded::Known(known)) if self.is_the_same(&memory.table, known, traces.record) => Ok(()),
            Ok(Recorded::Known(_)) => Err(replayed(why)),
            Err(TableFull) => Err(overloaded()),
        };
        record(&traces.nonce, Why::ReplayedNonce)?;
        for recipient in envelope.sealed().recipients() {
            let enc = memory
                .table
                .key(Domain::Enc, &[recipient.enc().unwrap_or_default().as_bytes()]);
            record(&enc, Why::ReplayedEnc)?;
        }
        // Last, because it is what a retransmission is known by: an envelope that is recorded only in part is judged anew.
        record(&traces.id, Why::ReplayedId)
    }

    fn traces(&self, table: &Table<'_>, envelope: &Envelope<'_>, surface: &[u8; SHA256_LEN]) -> Traces {
        let class = match envelope.tier() {
            Tier::Core => Class::Unsigned,
            _ => Class::Signed,
        };
        let issuer = envelope.issuer();
        let issuer = issuer.did().or(issuer.vendor()).unwrap_or_default();
        let nonce = table.key(Domain::Nonce, &[issuer.as_bytes(), envelope.nonce().as_bytes()]);
        Traces {
            id: class.of(id_key(table, envelope.id())),
            nonce: class.of(nonce),
            record: Record {
                surface: table.key(Domain::Surface, &[surface]).words(),
                call: self.call_word(table, envelope),
            },
        }
    }

    fn is_the_same(&self, table: &Table<'_>, known: Record, now: Record) -> bool {
        known.surface == now.surface && self.is_this_call(table, known.call)
    }

    /// Whether a record was made on this call: under any identifier that is bound to it (row 40).
    fn is_this_call(&self, table: &Table<'_>, call: u64) -> bool {
        match self.situation.call {
            Call::Ids(ids) => ids.iter().any(|id| call_word(table, id) == call),
            Call::Unknown => true,
        }
    }

    /// The call as records know it: by the dialog's own identifier, or by the envelope's where no call is known.
    fn call_word(&self, table: &Table<'_>, envelope: &Envelope<'_>) -> u64 {
        match self.situation.call {
            Call::Ids([first, ..]) => call_word(table, first),
            _ => call_word(table, envelope.call_id()),
        }
    }
}

/// The key of an identifier among unsigned envelopes.
fn id_key(table: &Table<'_>, id: EnvelopeId) -> Key {
    table.key(Domain::EnvelopeId, &[id.as_bytes()])
}

/// Whether an envelope of that identifier has been judged, signed or not.
pub(crate) fn is_judged(table: &Table<'_>, id: EnvelopeId, now: Timestamp) -> bool {
    let key = id_key(table, id);
    [Class::Unsigned, Class::Signed]
        .iter()
        .any(|class| table.find(&class.of(key), now).is_some())
}

fn call_word(table: &Table<'_>, id: &str) -> u64 {
    table.key(Domain::Call, &[id.as_bytes()]).words().0
}

/// Records live as long as the envelope could be accepted, and no longer than an acceptable one can.
fn expiry(envelope: &Envelope<'_>, now: Timestamp) -> Timestamp {
    let longest = now.plus(MAX_LIFETIME_MS + CLOCK_SKEW_MS);
    envelope
        .not_after()
        .map_or(longest, |not_after| not_after.min(longest))
        .plus(CLOCK_SKEW_MS)
}

fn replayed(why: Why) -> Failure {
    Failure {
        reason: RejectReason::NotBoundToCall,
        why,
    }
}

fn overloaded() -> Failure {
    Failure {
        reason: RejectReason::Unknown,
        why: Why::Overloaded,
    }
}
