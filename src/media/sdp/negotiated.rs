//! What the two descriptions of a leg come to: the codecs that both name, and in which directions sound flows.
//!
//! Not here: what to do about it, which is `renegotiation`'s.

use core::fmt;

use super::hints::Parts;
use super::{Description, SdpHints};

/// Live audio sections of one description that are looked at. One is the rule; two are the same sound offered in two
/// ways, as secure and plain RTP, of which the answer refuses one.
pub const MAX_AUDIO: usize = 2;

/// Whose session description it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpOrigin {
    /// This side's: it says which payload types this leg receives.
    Local,
    /// The peer's.
    Remote,
}

/// What an offer and its answer have agreed on for the sound of a leg.
///
/// Descriptions are noted one by one, the offer before its answer, so that what only mirrors the other side is told from
/// what a side wants itself (RFC 3264 §6.1).
#[derive(Clone, Copy)]
pub struct Negotiated {
    local: Side,
    remote: Side,
    /// Whose description came last; where both are there it is the answer.
    last: SdpOrigin,
}

/// What one description says about sound.
#[derive(Clone, Copy)]
struct Side {
    known: bool,
    audio: [Section; MAX_AUDIO],
}

/// A live audio section.
#[derive(Clone, Copy)]
struct Section {
    /// Its place among all sections, which pairs those of an answer with those of its offer; `None` for no section.
    place: Option<u16>,
    sends: bool,
    receives: bool,
    codecs: SdpHints,
}

impl Section {
    const NONE: Self = Self {
        place: None,
        sends: false,
        receives: false,
        codecs: SdpHints::NONE,
    };

    fn way(&self) -> Way {
        Way {
            sends: self.sends,
            receives: self.receives,
        }
    }
}

/// In which directions a side lets sound flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    sends: bool,
    receives: bool,
}

/// Who keeps sound from flowing both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Nobody.
    No,
    /// This side, and perhaps the peer as well.
    Here,
    /// The peer alone.
    There,
}

impl Side {
    const UNKNOWN: Self = Self {
        known: false,
        audio: [Section::NONE; MAX_AUDIO],
    };

    fn of(description: &Description<'_>) -> Self {
        let mut side = Self {
            known: true,
            ..Self::UNKNOWN
        };
        let sections = (0..).zip(description.media());
        let live = sections.filter(|(_, media)| media.kind() == "audio" && !media.is_refused());
        for (section, (place, media)) in side.audio.iter_mut().zip(live) {
            *section = Section {
                place: Some(place),
                sends: media.sends(),
                receives: media.receives(),
                codecs: SdpHints::from_media(&media),
            };
        }
        side
    }
}

impl Default for Negotiated {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Negotiated {
    /// A leg of which nothing is known.
    pub const NOTHING: Self = Self {
        local: Side::UNKNOWN,
        remote: Side::UNKNOWN,
        last: SdpOrigin::Remote,
    };

    /// Takes a description in the place of that side's last one.
    pub fn note(&mut self, origin: SdpOrigin, description: &Description<'_>) {
        let side = Side::of(description);
        match origin {
            SdpOrigin::Local => self.local = side,
            SdpOrigin::Remote => self.remote = side,
        }
        self.last = origin;
    }

    /// The codecs that both sides name, in the order of the answer. Of a leg that only one description is known of, the
    /// codecs of that one.
    pub fn codecs(&self) -> SdpHints {
        let Some((local, remote)) = self.audio() else {
            return SdpHints::NONE;
        };
        let (answer, offer) = match self.last {
            SdpOrigin::Local => (local, remote),
            SdpOrigin::Remote => (remote, local),
        };
        match (answer, offer) {
            (Some(answer), Some(offer)) => {
                let mut codecs = SdpHints::NONE;
                let common = |codec: &&str| Parts::read(codec).is_some_and(|codec| offer.codecs.find(codec).is_some());
                answer.codecs.iter().filter(common).for_each(|codec| codecs.push(codec));
                codecs
            }
            (Some(only), None) | (None, Some(only)) => only.codecs,
            (None, None) => SdpHints::NONE,
        }
    }

    /// The codecs of this side's description, whether the peer names them or not.
    pub(super) fn local_codecs(&self) -> SdpHints {
        let paired = self.audio().and_then(|(local, _)| local);
        paired.map_or(SdpHints::NONE, |local| local.codecs)
    }

    /// Whether the peer has put this leg on hold or sends nothing, by its last description.
    pub fn is_on_hold(&self) -> bool {
        let remote = self.audio().and_then(|(_, remote)| remote);
        remote.is_some_and(|remote| !remote.sends || !remote.receives)
    }

    /// Whether the peer's description is known.
    pub fn has_remote(&self) -> bool {
        self.remote.known
    }

    /// Whether any description is known.
    pub(super) fn is_known(&self) -> bool {
        self.local.known || self.remote.known
    }

    /// Whether sound has been agreed on.
    pub(super) fn has_audio(&self) -> bool {
        self.audio().is_some()
    }

    /// Who keeps sound from flowing. Where both sides do, it is whose description came first, since an answer cannot
    /// allow more than its offer.
    pub(super) fn blocked(&self) -> Blocked {
        const BOTH: Way = Way {
            sends: true,
            receives: true,
        };
        let Some((local, remote)) = self.audio() else {
            return Blocked::No;
        };
        let (local, remote) = (local.map_or(BOTH, Section::way), remote.map_or(BOTH, Section::way));
        let here_decides = self.last == SdpOrigin::Remote;
        let by_here = |here: bool, there: bool| !here && (there || here_decides);
        let by_there = |here: bool, there: bool| !there && (here || !here_decides);
        if by_here(local.sends, remote.receives) || by_here(local.receives, remote.sends) {
            Blocked::Here
        } else if by_there(local.sends, remote.receives) || by_there(local.receives, remote.sends) {
            Blocked::There
        } else {
            Blocked::No
        }
    }

    /// The sections of both sides that make a stream; of a side that is not known, none. `None`: there is no such stream.
    fn audio(&self) -> Option<(Option<&Section>, Option<&Section>)> {
        fn live(side: &Side) -> impl Iterator<Item = &Section> {
            side.audio.iter().filter(|section| section.place.is_some())
        }
        match (self.local.known, self.remote.known) {
            (true, true) => live(&self.local).find_map(|local| {
                let remote = live(&self.remote).find(|remote| remote.place == local.place)?;
                Some((Some(local), Some(remote)))
            }),
            (true, false) => live(&self.local).next().map(|local| (Some(local), None)),
            (false, true) => live(&self.remote).next().map(|remote| (None, Some(remote))),
            (false, false) => None,
        }
    }
}

impl fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiated")
            .field("codecs", &self.codecs())
            .field("blocked", &self.blocked())
            .finish()
    }
}
