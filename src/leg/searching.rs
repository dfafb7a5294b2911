//! The search for the pending proposal's exact fingerprint, a piece at a time, so that no call into the leg is held up by it.
//!
//! G.711 is searched in one piece. In a codec with memory each piece takes about a millisecond and there are some sixty for
//! ten seconds: the first is done where the envelope is judged, the others where the host's timer runs out, which it does at
//! once.
//!
//! Not here: what is searched, and how ([`crate::media::exact`]).

use core::task::Poll;

use super::Leg;
use super::context::Host;
use super::event::Event;
use crate::media::exact::{Decision, Search, Unusable};
use crate::media::{Fingerprint, Tap};
use crate::time::Timestamp;
use crate::verify::Heard;

/// How far the search has come.
#[derive(Clone, Copy)]
pub(super) enum Searching {
    /// None is under way.
    Idle,
    /// There is more to look at.
    UnderWay(Search),
    /// It is over, and nobody has asked yet what it found.
    Over(Fingerprint, Decision),
}

impl Searching {
    /// Goes on with the search for `wanted`, or begins it; what is known of it, and the search as it then is.
    #[inline(never)]
    pub(super) fn ask(self, tap: &Tap<'_>, wanted: &Fingerprint) -> (Decision, Self) {
        let search = match self {
            Self::Over(found, decision) if found == *wanted => return (decision, Self::Idle),
            Self::UnderWay(search) if search.wanted() == wanted => search,
            _ => Search::new(wanted),
        };
        match Self::UnderWay(search).go_on(tap) {
            Self::Over(_, decision) => (decision, Self::Idle),
            going_on => (Decision::NoUsableAudio(Unusable::Searching), going_on),
        }
    }

    /// Does the next piece.
    #[inline(never)]
    fn go_on(self, tap: &Tap<'_>) -> Self {
        let Self::UnderWay(mut search) = self else { return self };
        match search.step(tap) {
            Poll::Ready(decision) => Self::Over(*search.wanted(), decision),
            Poll::Pending => Self::UnderWay(search),
        }
    }
}

impl Leg {
    /// When the search wants to go on: the moment that the pending proposal came, which is past.
    pub(super) fn searches_at(&self) -> Option<Timestamp> {
        match self.searching {
            Searching::UnderWay(_) => self.pending.map(|pending| pending.arrived),
            Searching::Idle | Searching::Over(..) => None,
        }
    }

    /// Does the next piece of the search, and says when it is over, for the proposal to be verified again.
    pub(super) fn search_on(&mut self, host: &Host<'_>) {
        let (Some(pending), Some(frame)) = (self.pending, &self.frame) else {
            self.searching = Searching::Idle;
            return;
        };
        let (Searching::UnderWay(_), Some(tap)) = (self.searching, &host.tap) else {
            return;
        };
        self.searching = self.searching.go_on(tap);
        if matches!(self.searching, Searching::Over(..)) {
            self.events.push(Event::NeedsResources {
                id: frame.id(),
                step: pending.lacking,
                heard: pending.doubt.map(Heard::from),
            });
        }
    }
}
