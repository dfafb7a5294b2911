//! Step 4: whether the envelope was made for the call in front of us, by its identifier and by its sound (OHP §9, §10;
//! interpretations, rows 34, 36, 38, 39, 40).

use core::cell::Cell;

use super::audience::is_proposal;
use super::sound::{Heard, MediaDoubt};
use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Warning, Why};
use crate::cbor::Item;
use crate::envelope::{Envelope, RejectReason, Tier};
use crate::media::continuity::Wanted;
use crate::media::robust::MEMBER;
use crate::media::{Continuity, Fingerprint, RobustFingerprint};

/// The call that the envelope arrived on.
#[derive(Clone, Copy)]
pub enum Call<'s> {
    /// Not known here: the step is not run.
    Unknown,
    /// Its identifiers: the Call-ID of the dialog first, then what the host has bound to the leg (row 40).
    Ids(&'s [&'s str]),
}

/// The call's sound.
#[derive(Clone, Copy)]
pub enum Media<'s> {
    /// There is no media here, as in a signalling-only proxy: a fingerprint is not compared, and that is a warning.
    NotHere,
    /// The fingerprint that the leg shows, worked out elsewhere.
    Known(Fingerprint),
    /// Something that searches the leg's recent audio, as [`crate::media::continuity::search`] does.
    Live(&'s dyn Fn(&Wanted<'_>) -> Continuity),
}

impl<'a> Run<'_, '_, 'a> {
    pub(super) fn call_leg(&mut self, envelope: &Envelope<'a>) -> Checked {
        let Call::Ids(ids) = self.situation.call else {
            return Ok(Passed::Skipped);
        };
        if !ids.contains(&envelope.call_id()) {
            return not_bound(Why::OtherCall);
        }
        // An answer is tied to the call by its identifier only (row 43).
        if !is_proposal(envelope.verb()) {
            return Ok(Passed::Held);
        }
        let exact = envelope.session().rtp_fingerprint().and_then(Fingerprint::parse);
        let robust = envelope.get(MEMBER).and_then(Item::as_text);
        let robust = robust.and_then(RobustFingerprint::parse);
        let counts = self.situation.bundle.receiver().robust_fingerprint && envelope.tier() < Tier::Regulated;
        if exact.is_none() && robust.is_some() && !counts {
            self.verdict.warnings.push(Warning::RobustUnchecked);
        }
        let robust = robust.filter(|_| counts);
        match (&exact, &robust) {
            (None, None) => Ok(Passed::Held),
            _ => self.sound(envelope, exact.as_ref(), robust.as_ref()),
        }
    }

    fn sound(
        &mut self,
        envelope: &Envelope<'a>,
        exact: Option<&Fingerprint>,
        robust: Option<&RobustFingerprint>,
    ) -> Checked {
        let is_forgotten = Cell::new(false);
        let others = |is_here: &dyn Fn(&RobustFingerprint) -> bool| {
            robust.is_some_and(|robust| self.sound_was_elsewhere(envelope, robust, is_here, &is_forgotten))
        };
        let (heard, found) = match (self.situation.media, exact) {
            (Media::NotHere, _) if envelope.tier() < Tier::Sealed => {
                self.verdict.warnings.push(Warning::FingerprintUnchecked);
                return Ok(Passed::Held);
            }
            // What has been worked out elsewhere says nothing about a robust one.
            (Media::Known(_), None) => {
                self.verdict.warnings.push(Warning::RobustUnchecked);
                return Ok(Passed::Held);
            }
            (Media::NotHere, _) => (Heard::NoMedia, Err(MediaDoubt::NoMedia)),
            (Media::Known(known), Some(exact)) if known == *exact => (Heard::Exact, Ok(false)),
            (Media::Known(_), Some(_)) => (Heard::Mismatch, Err(MediaDoubt::Mismatch)),
            (Media::Live(search), _) => {
                let wanted = Wanted {
                    exact,
                    robust,
                    others: &others,
                };
                let answer = search(&wanted);
                let found = match answer {
                    Continuity::Exact(_) => Ok(false),
                    Continuity::Robust(found) => Ok(found.elsewhere),
                    Continuity::Mismatch => Err(MediaDoubt::Mismatch),
                    Continuity::NoUsableAudio(why) => Err(MediaDoubt::NoUsableAudio(why)),
                    Continuity::NoMedia => Err(MediaDoubt::NoMedia),
                };
                (answer.into(), found)
            }
        };
        self.verdict.heard = Some(heard);
        match found {
            Ok(true) => not_bound(Why::SoundSeenElsewhere),
            Ok(false) if self.fingerprint_was_elsewhere(envelope, exact, heard) => {
                not_bound(Why::FingerprintSeenElsewhere)
            }
            Ok(false) => {
                if let Heard::Robust { errors } = heard {
                    self.verdict.warnings.push(Warning::OnlySimilar { errors });
                }
                if is_forgotten.get() {
                    self.verdict.warnings.push(Warning::SoundForgotten);
                }
                Ok(Passed::Held)
            }
            Err(doubt) => {
                // Audio may still come, and until the deadline its absence is no mismatch (row 39).
                let is_final = doubt == MediaDoubt::Mismatch && !self.situation.audio_may_follow;
                if is_final || self.situation.deadline_passed {
                    return not_bound(Why::Media(doubt));
                }
                self.verdict.doubt = Some(doubt);
                self.verdict.needs.push(Need {
                    step: Step::CallLeg,
                    kind: NeedKind::Media,
                    reference: "",
                });
                Ok(Passed::Lacking)
            }
        }
    }
}

fn not_bound(why: Why) -> Checked {
    Err(Failure {
        reason: RejectReason::NotBoundToCall,
        why,
    })
}
