//! Step 4: whether the envelope was made for the call in front of us, by its identifier and by its sound (OHP §9, §10;
//! interpretations, rows 34, 36, 39, 40).

use core::fmt;

use super::audience::is_proposal;
use super::{Checked, Failure, Need, NeedKind, Passed, Run, Step, Warning, Why};
use crate::envelope::{Envelope, RejectReason, Tier};
use crate::media::Fingerprint;
use crate::media::exact::{Decision, Unusable};

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
    /// Something that searches the leg's recent audio, as [`crate::media::exact::search`] does.
    Live(&'s dyn Fn(&Fingerprint) -> Decision),
}

/// Why sound does not tie an envelope to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaDoubt {
    /// There is usable audio, and it is not what the fingerprint was made of.
    Mismatch,
    /// No audio has arrived at all.
    NoMedia,
    /// Audio has arrived, and none of it can prove anything.
    NoUsableAudio(Unusable),
}

impl fmt::Display for MediaDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch => f.write_str("session.media.rtpFingerprint is not of the audio on this call"),
            Self::NoMedia => f.write_str("no audio has arrived on this call"),
            Self::NoUsableAudio(why) => write!(f, "the audio on this call proves nothing: {why}"),
        }
    }
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
        match envelope.session().rtp_fingerprint().and_then(Fingerprint::parse) {
            Some(wanted) => self.sound(envelope, &wanted),
            None => Ok(Passed::Held),
        }
    }

    fn sound(&mut self, envelope: &Envelope<'a>, wanted: &Fingerprint) -> Checked {
        let heard = match self.situation.media {
            Media::NotHere if envelope.tier() < Tier::Sealed => {
                self.verdict.warnings.push(Warning::FingerprintUnchecked);
                return Ok(Passed::Held);
            }
            Media::NotHere => Err(MediaDoubt::NoMedia),
            Media::Known(known) if known == *wanted => Ok(()),
            Media::Known(_) => Err(MediaDoubt::Mismatch),
            Media::Live(search) => match search(wanted) {
                Decision::Match(_) => Ok(()),
                Decision::Mismatch => Err(MediaDoubt::Mismatch),
                Decision::NoUsableAudio(why) => Err(MediaDoubt::NoUsableAudio(why)),
                Decision::NoMedia => Err(MediaDoubt::NoMedia),
            },
        };
        match heard {
            Ok(()) if self.fingerprint_was_elsewhere(envelope, wanted) => not_bound(Why::FingerprintSeenElsewhere),
            Ok(()) => Ok(Passed::Held),
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
