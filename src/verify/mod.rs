//! The normative steps of verification, one file each, in order; and the verdict (OHP §10, docs/09).
//!
//! [`verify`] judges one envelope against a trust bundle, a moment, a call and its sound. It is a pure function but for
//! the shared table that its caller lends ([`Memory`]): there it looks up and records what must not be seen twice.
//! From Sealed upwards an envelope discloses what is meant for us alone, and a host has to lend memory for that
//! ([`verify_disclosing`]); one that does not is a receiver of Signed at most, so that no step is passed in silence.
//!
//! What a verdict does to a call is not decided here: see [`crate::leg`] and each host's `enforce`.

mod anchor;
mod annex_iii;
mod assurance;
mod audience;
mod call_leg;
mod consent;
mod decrypt;
mod disclosed;
mod disclosure;
mod envelope;
mod freshness;
mod governance;
mod gpai_policy;
mod issuer;
mod oversight;
mod prohibited;
mod replay;
mod risk_class;
mod signatures;
mod sound;
mod step;
mod verdict;

pub use audience::{Outstanding, Role};
pub use call_leg::{Call, Media};
pub use disclosed::Disclosed;
pub use freshness::Untimely;
pub use governance::Ungoverned;
pub use replay::Memory;
pub(crate) use replay::is_judged;
pub use sound::{Heard, MediaDoubt, Unbound};
pub use step::{STEP_COUNT, Step, StepResult};
pub use verdict::{Failure, NEEDS_MAX, Need, NeedKind, Needs, Outcome, Verdict, WARNINGS_MAX, Warning, Warnings, Why};

use crate::envelope::{Envelope, Tier};
use crate::time::Timestamp;
use crate::transport::Echo;
use crate::trust::bundle::Bundle;
use crate::trust::{jws, sd_jwt, sealing};

/// Bytes of scratch that [`verify`] needs: for the JWS signing input over a surface of 8 KiB in base64url, for reading a
/// credential, or for opening sealed fields, whichever is most.
pub const VERIFY_SCRATCH: usize = max(jws::SCRATCH_LEN, max(sd_jwt::SCRATCH_LEN, sealing::SCRATCH_LEN));

const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// What surrounds the envelope that is to be judged.
pub struct Situation<'s> {
    /// Who we are and whom we believe.
    pub bundle: &'s Bundle,
    /// When the envelope arrived. It stays that moment when the same envelope is verified again (interpretations,
    /// row 31).
    pub now: Timestamp,
    /// What is known of the handoff that it belongs to.
    pub role: Role<'s>,
    /// The call in front of us.
    pub call: Call<'s>,
    /// The call's sound.
    pub media: Media<'s>,
    /// What the transport's headers said about the envelope (interpretations, row 26).
    pub echo: Echo,
    /// The shared table; `None` where nothing is remembered, as in a single check from the command line.
    pub memory: Option<Memory<'s>>,
    /// Whether this envelope has been verified before and had needs.
    pub again: bool,
    /// Whether the envelope may have overtaken its sound: INFO and RTP take different ways, and the newest packets that
    /// a sender has fingerprinted may still wait in a jitter buffer. Then audio that does not match yet is a `need`.
    pub audio_may_follow: bool,
    /// Whether the time to gather what is lacking is over: what is still missing now fails its step.
    pub deadline_passed: bool,
}

/// The highest tier that the receiver of `bundle` takes, with or without memory for what is disclosed.
pub fn max_tier(bundle: &Bundle, discloses: bool) -> Tier {
    let most = if discloses { Tier::Regulated } else { Tier::Signed };
    bundle.receiver().max_tier.min(most)
}

/// Judges the canonical CBOR `bytes` up to Signed; a tier above is refused `tier-insufficient`.
///
/// `scratch` takes at least [`VERIFY_SCRATCH`] bytes. `observe` is called after each step with its result, so that a host
/// can log it or take the time. Allocates nothing.
pub fn verify<'a>(
    bytes: &'a [u8],
    situation: &Situation<'_>,
    scratch: &mut [u8],
    observe: &mut dyn FnMut(Step, StepResult),
) -> Verdict<'a> {
    run(bytes, situation, scratch, None, Gaps::AreNeeds, observe)
}

/// Judges the canonical CBOR `bytes` at any tier, as [`verify`] does.
///
/// What the envelope discloses to us is in `disclosed` if it is accepted, and nothing is there otherwise; what was there
/// before is wiped.
pub fn verify_disclosing<'a>(
    bytes: &'a [u8],
    situation: &Situation<'_>,
    scratch: &mut [u8],
    disclosed: &mut Disclosed,
    observe: &mut dyn FnMut(Step, StepResult),
) -> Verdict<'a> {
    disclosing(bytes, situation, scratch, disclosed, Gaps::AreNeeds, observe)
}

/// Judges the canonical CBOR `bytes` by what is at hand, as [`verify_disclosing`] does but for one thing: a step whose
/// keys or resources the bundle lacks is skipped, and what it lacks is listed in the verdict's needs.
///
/// For test vectors that come without keys (interpretations, row 47). An accept says nothing about who sent the envelope,
/// and no call may be moved by one.
pub fn verify_at_hand<'a>(
    bytes: &'a [u8],
    situation: &Situation<'_>,
    scratch: &mut [u8],
    disclosed: &mut Disclosed,
    observe: &mut dyn FnMut(Step, StepResult),
) -> Verdict<'a> {
    disclosing(bytes, situation, scratch, disclosed, Gaps::AreSkipped, observe)
}

fn disclosing<'a>(
    bytes: &'a [u8],
    situation: &Situation<'_>,
    scratch: &mut [u8],
    disclosed: &mut Disclosed,
    gaps: Gaps,
    observe: &mut dyn FnMut(Step, StepResult),
) -> Verdict<'a> {
    disclosed.wipe();
    let verdict = run(bytes, situation, scratch, Some(disclosed), gaps, observe);
    if !verdict.is_accepted() {
        disclosed.wipe();
    }
    verdict
}

/// What becomes of a step whose keys or resources are not in the bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gaps {
    /// They are asked for.
    AreNeeds,
    /// The step is skipped.
    AreSkipped,
}

fn run<'a>(
    bytes: &'a [u8],
    situation: &Situation<'_>,
    scratch: &mut [u8],
    disclosed: Option<&mut Disclosed>,
    gaps: Gaps,
    observe: &mut dyn FnMut(Step, StepResult),
) -> Verdict<'a> {
    let mut verdict = Verdict::new();
    let mut run = Run {
        situation,
        scratch,
        disclosed,
        gaps,
        observe,
        is_disclosure_proven: false,
        traces: None,
        verdict: &mut verdict,
    };
    run.all(bytes);
    verdict
}

/// How a step that did not fail ended.
enum Passed {
    /// It held.
    Held,
    /// There was nothing to check.
    Skipped,
    /// It lacks resources, which are in the verdict.
    Lacking,
}

type Checked = Result<Passed, Failure>;

/// A verification under way.
struct Run<'r, 's, 'a> {
    situation: &'r Situation<'s>,
    scratch: &'r mut [u8],
    /// Where steps 6 and 13 leave what is meant for us.
    disclosed: Option<&'r mut Disclosed>,
    gaps: Gaps,
    observe: &'r mut dyn FnMut(Step, StepResult),
    /// Whether step 7 has verified the proof that step 10 asks for, too.
    is_disclosure_proven: bool,
    /// What step 0 looked up, to be recorded at the end.
    traces: Option<replay::Traces>,
    verdict: &'r mut Verdict<'a>,
}

impl<'a> Run<'_, '_, 'a> {
    fn all(&mut self, bytes: &'a [u8]) {
        let (envelope, seen) = match self.envelope(bytes) {
            Ok(read) => read,
            Err(failure) => return self.reject(Step::Envelope, failure),
        };
        self.note(Step::Envelope, StepResult::Pass);
        if seen == replay::Seen::Before {
            self.verdict.outcome = Outcome::Duplicate;
            return;
        }
        for step in &Step::ALL[1..] {
            match self.step(*step, &envelope) {
                Ok(Passed::Held) => self.note(*step, StepResult::Pass),
                Ok(Passed::Skipped) => self.note(*step, StepResult::Skip),
                Ok(Passed::Lacking) if self.skips_gaps() => self.note(*step, StepResult::Skip),
                Ok(Passed::Lacking) if self.situation.deadline_passed => {
                    self.reject(*step, Failure::of_lack(*step));
                    break;
                }
                Ok(Passed::Lacking) if anchor::is_altered(&envelope) => {
                    self.reject(Step::Anchor, anchor::leaf_hash_differs());
                    break;
                }
                Ok(Passed::Lacking) => {
                    self.note(*step, StepResult::Need);
                    self.verdict.outcome = Outcome::Need;
                    return;
                }
                Err(failure) => {
                    self.reject(*step, failure);
                    break;
                }
            }
        }
        self.remember(&envelope);
    }

    fn skips_gaps(&self) -> bool {
        self.gaps == Gaps::AreSkipped
    }

    /// Runs one of the protocol's own steps, if it applies to the envelope's tier and verb.
    fn step(&mut self, step: Step, envelope: &Envelope<'a>) -> Checked {
        let applies_from = match step {
            Step::Envelope | Step::Freshness | Step::CallLeg | Step::Consent => Tier::Core,
            // Where a leaf hash is stated below Regulated, it has to be true as well.
            Step::ResolveIssuer | Step::Signatures | Step::Anchor => Tier::Signed,
            Step::Assurance | Step::Decrypt => Tier::Sealed,
            Step::RiskClass
            | Step::Prohibited
            | Step::AnnexIii
            | Step::Disclosure
            | Step::Oversight
            | Step::GpaiPolicy => Tier::Regulated,
        };
        let only_for_proposals = matches!(
            step,
            Step::Consent
                | Step::Assurance
                | Step::RiskClass
                | Step::Prohibited
                | Step::AnnexIii
                | Step::Disclosure
                | Step::Oversight
                | Step::GpaiPolicy
        );
        if envelope.tier() < applies_from || (only_for_proposals && !audience::is_proposal(envelope.verb())) {
            return Ok(Passed::Skipped);
        }
        match step {
            Step::Envelope => Ok(Passed::Held),
            Step::ResolveIssuer => self.resolve_issuer(envelope),
            Step::Signatures => self.signatures(envelope),
            Step::Freshness => match freshness::check(envelope, self.situation.now) {
                Some(checked) => checked.map(|()| Passed::Held),
                None => Ok(Passed::Skipped),
            },
            Step::CallLeg => self.call_leg(envelope),
            Step::Consent => self.consent(envelope),
            Step::Assurance => self.assurance(envelope),
            Step::RiskClass => self.risk_class(envelope),
            Step::Prohibited => self.prohibited(envelope),
            Step::AnnexIii => self.annex_iii(envelope),
            Step::Disclosure => self.disclosure(envelope),
            Step::Oversight => self.oversight(envelope),
            Step::GpaiPolicy => self.gpai_policy(envelope),
            Step::Decrypt => self.decrypt(envelope),
            Step::Anchor => self.anchor(envelope),
        }
    }

    fn reject(&mut self, step: Step, failure: Failure) {
        self.note(step, StepResult::Fail);
        self.verdict.outcome = match failure.why {
            Why::Overloaded => Outcome::Overloaded,
            _ => Outcome::Reject(step, failure),
        };
    }

    fn note(&mut self, step: Step, result: StepResult) {
        self.verdict.steps[usize::from(step.number())] = Some(result);
        (self.observe)(step, result);
    }
}
