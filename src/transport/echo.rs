//! The echo of an envelope's version, tier and verb in SIP headers: what was seen on the way, compared with what the
//! envelope says.
//!
//! All three are optional on receipt. A proxy may route on them; nobody trusts them (OHP §7, "Verb echo", "Tier echo").

use core::fmt;

use super::{Info, VERSION};
use crate::envelope::{Tier, Verb};

/// What the echo headers of an INFO, or of all the chunks of an envelope, said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    version: Seen<()>,
    tier: Seen<Tier>,
    verb: Seen<Verb>,
}

/// An echo header that says otherwise than the envelope; the envelope is refused with `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// `OHP-Version` is not `0.1`.
    Version,
    /// `OHP-Tier` is not the envelope's `conformance`.
    Tier,
    /// `OHP-Verb` is not the envelope's `control.verb`.
    Verb,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Version => "OHP-Version is not 0.1",
            Mismatch::Tier => "OHP-Tier is not the envelope's conformance",
            Mismatch::Verb => "OHP-Verb is not the envelope's control.verb",
        })
    }
}

impl core::error::Error for Mismatch {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Seen<T> {
    #[default]
    Nothing,
    Term(T),
    /// No term of the protocol, or two different ones on two chunks: it can match no envelope.
    Other,
}

impl<T: Copy + PartialEq> Seen<T> {
    fn of(header: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        match header {
            None => Seen::Nothing,
            Some(text) => parse(text).map_or(Seen::Other, Seen::Term),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Seen::Nothing, seen) | (seen, Seen::Nothing) => seen,
            (one, two) if one == two => one,
            _ => Seen::Other,
        }
    }

    fn allows(self, term: T) -> bool {
        self == Seen::Nothing || self == Seen::Term(term)
    }

    /// 0 for nothing, 7 for no term, else 1 + the term's place in `all`.
    fn to_bits(self, all: &[T]) -> u8 {
        match self {
            Seen::Nothing => 0,
            Seen::Term(term) => all
                .iter()
                .position(|known| *known == term)
                .map_or(7, |place| place as u8 + 1),
            Seen::Other => 7,
        }
    }

    fn from_bits(bits: u8, all: &[T]) -> Self {
        match usize::from(bits & 7).checked_sub(1) {
            None => Seen::Nothing,
            Some(place) => all.get(place).map_or(Seen::Other, |term| Seen::Term(*term)),
        }
    }
}

impl Echo {
    /// What the headers of `info` say.
    pub fn of(info: &Info<'_>) -> Self {
        Self {
            version: Seen::of(info.ohp_version, |text| (text == VERSION).then_some(())),
            tier: Seen::of(info.ohp_tier, Tier::parse),
            verb: Seen::of(info.ohp_verb, Verb::parse),
        }
    }

    /// What two INFOs of one envelope say together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            version: self.version.and(other.version),
            tier: self.tier.and(other.tier),
            verb: self.verb.and(other.verb),
        }
    }

    /// Compares with the envelope's `conformance` and `control.verb`. The envelope's own version has been checked by
    /// whoever read it: only [`VERSION`] is read.
    ///
    /// # Errors
    /// The first header that says otherwise.
    pub fn check(self, tier: Tier, verb: Verb) -> Result<(), Mismatch> {
        if !self.version.allows(()) {
            Err(Mismatch::Version)
        } else if !self.tier.allows(tier) {
            Err(Mismatch::Tier)
        } else if !self.verb.allows(verb) {
            Err(Mismatch::Verb)
        } else {
            Ok(())
        }
    }

    /// Seven bits, for a chunk that waits in a slot: verb, tier, and whether the version is another.
    pub fn to_bits(self) -> u8 {
        let version = u8::from(!self.version.allows(()));
        version << 6 | self.tier.to_bits(Tier::ALL) << 3 | self.verb.to_bits(Verb::ALL)
    }

    /// Reads what [`Echo::to_bits`] wrote; the eighth bit is not looked at.
    pub fn from_bits(bits: u8) -> Self {
        Self {
            version: if bits & 1 << 6 == 0 { Seen::Nothing } else { Seen::Other },
            tier: Seen::from_bits(bits >> 3, Tier::ALL),
            verb: Seen::from_bits(bits, Verb::ALL),
        }
    }
}
