//! What the call's sound said about an envelope: five answers that every host and peer can tell apart (interpretations, rows
//! 34 to 39).
//!
//! Not here: how sound is searched ([`crate::media::continuity`]), and what an answer decides ([`super::call_leg`]).

use core::fmt;

use super::Why;
use crate::media::Continuity;
use crate::media::continuity::Unusable;
use crate::media::robust::bit_error_rate;

/// What the call's sound said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The exact fingerprint is of this call's audio.
    Exact,
    /// The exact one is not, but the robust one is of similar audio, which policy lets count.
    Robust {
        /// How many of the robust fingerprint's 992 bits differ, at most 297.
        errors: u16,
    },
    /// There is usable audio, and it is another.
    Mismatch,
    /// Audio has arrived, and none of it can prove anything.
    NoUsableAudio,
    /// No audio has arrived at all.
    NoMedia,
}

impl Heard {
    /// The word that reports show; the same as `ohp fingerprint` prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Robust { .. } => "robust",
            Self::Mismatch => "mismatch",
            Self::NoUsableAudio => "no-usable-audio",
            Self::NoMedia => "no-media",
        }
    }

    /// The bit error rate of a robust match, 0 to 0.30.
    pub fn bit_error_rate(self) -> Option<f32> {
        match self {
            Self::Robust { errors } => Some(bit_error_rate(errors)),
            _ => None,
        }
    }
}

impl From<Continuity> for Heard {
    fn from(continuity: Continuity) -> Self {
        match continuity {
            Continuity::Exact(_) => Self::Exact,
            Continuity::Robust(found) => Self::Robust { errors: found.errors },
            Continuity::Mismatch => Self::Mismatch,
            Continuity::NoUsableAudio(_) => Self::NoUsableAudio,
            Continuity::NoMedia => Self::NoMedia,
        }
    }
}

impl From<MediaDoubt> for Heard {
    fn from(doubt: MediaDoubt) -> Self {
        match doubt {
            MediaDoubt::Mismatch => Self::Mismatch,
            MediaDoubt::NoUsableAudio(_) => Self::NoUsableAudio,
            MediaDoubt::NoMedia => Self::NoMedia,
        }
    }
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
            Self::Mismatch => f.write_str("the envelope's fingerprint is not of the audio on this call"),
            Self::NoMedia => f.write_str("no audio has arrived on this call"),
            Self::NoUsableAudio(why) => write!(f, "the audio on this call proves nothing: {why}"),
        }
    }
}

/// Why a REJECT `not-bound-to-call` was sent, where it was for the sound: what [`crate::control::REFUSED_SOUND`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbound {
    /// [`Heard::Mismatch`].
    Mismatch,
    /// [`Heard::NoUsableAudio`].
    NoUsableAudio,
    /// [`Heard::NoMedia`].
    NoMedia,
    /// [`Heard::Exact`], but another call has shown the same fingerprint.
    ExactElsewhere,
    /// [`Heard::Robust`], but another call has shown the same sound.
    RobustElsewhere,
}

impl Unbound {
    const ALL: [Self; 5] = [
        Self::Mismatch,
        Self::NoUsableAudio,
        Self::NoMedia,
        Self::ExactElsewhere,
        Self::RobustElsewhere,
    ];

    /// What a failure says of the sound; `None` if it was for something else.
    pub const fn of(why: &Why) -> Option<Self> {
        match why {
            Why::Media(MediaDoubt::Mismatch) => Some(Self::Mismatch),
            Why::Media(MediaDoubt::NoUsableAudio(_)) => Some(Self::NoUsableAudio),
            Why::Media(MediaDoubt::NoMedia) => Some(Self::NoMedia),
            Why::FingerprintSeenElsewhere => Some(Self::ExactElsewhere),
            Why::SoundSeenElsewhere => Some(Self::RobustElsewhere),
            _ => None,
        }
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::NoUsableAudio => "no-usable-audio",
            Self::NoMedia => "no-media",
            Self::ExactElsewhere => "exact-elsewhere",
            Self::RobustElsewhere => "robust-elsewhere",
        }
    }

    /// The answer of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unbound| unbound.as_str() == word)
    }
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mismatch => "the peer hears other audio on this call",
            Self::NoUsableAudio => "the peer hears nothing on this call that could prove anything",
            Self::NoMedia => "no audio of this call has reached the peer",
            Self::ExactElsewhere => "the peer has seen the same fingerprint on another call",
            Self::RobustElsewhere => "the peer has heard the same sound on another call",
        })
    }
}
