//! The closed vocabularies of policy: assurance level, risk class, oversight mode.
//!
//! Only the words and their order are here; what is demanded is in [`super::bundle::Receiver`], what follows from it
//! in [`crate::verify`].

/// A level of NIST SP 800-63-3, of identity (IAL), authentication (AAL) or federation (FAL) alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// IAL1, AAL1, FAL1.
    One,
    /// IAL2, AAL2, FAL2.
    Two,
    /// IAL3, AAL3, FAL3.
    Three,
}

/// Which of the three ladders a [`Level`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ladder {
    /// Identity proofing, `IAL…`.
    Identity,
    /// Authentication, `AAL…`.
    Authentication,
    /// Federation, `FAL…`.
    Federation,
}

impl core::fmt::Display for Ladder {
    /// The member that holds a level of it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Identity => "ial",
            Self::Authentication => "aal",
            Self::Federation => "fal",
        })
    }
}

impl Level {
    /// The level that `text` names on `ladder`, such as `AAL2` on [`Ladder::Authentication`].
    pub fn parse(ladder: Ladder, text: &str) -> Option<Self> {
        let digit = text.strip_prefix(match ladder {
            Ladder::Identity => "IAL",
            Ladder::Authentication => "AAL",
            Ladder::Federation => "FAL",
        })?;
        match digit {
            "1" => Some(Self::One),
            "2" => Some(Self::Two),
            "3" => Some(Self::Three),
            _ => None,
        }
    }
}

/// A risk class of the EU AI Act, as `aiSystem.riskClass` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskClass {
    /// `minimal`.
    Minimal,
    /// `limited`: Article 50 applies.
    Limited,
    /// `high`: Annex III.
    High,
    /// `prohibited`: Article 5.
    Prohibited,
}

impl RiskClass {
    /// The class's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Limited => "limited",
            Self::High => "high",
            Self::Prohibited => "prohibited",
        }
    }

    /// The class that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "minimal" => Some(Self::Minimal),
            "limited" => Some(Self::Limited),
            "high" => Some(Self::High),
            "prohibited" => Some(Self::Prohibited),
            _ => None,
        }
    }
}

/// A mode of human oversight (OHP docs/05), ordered from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oversight {
    /// `human-in-command`: a human authorises the session's start and can step in.
    InCommand,
    /// `human-on-the-loop`: a human supervises live.
    OnTheLoop,
    /// `human-in-the-loop`: a human signs off each consequential decision.
    InTheLoop,
}

impl Oversight {
    /// The mode's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InCommand => "human-in-command",
            Self::OnTheLoop => "human-on-the-loop",
            Self::InTheLoop => "human-in-the-loop",
        }
    }

    /// The mode that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "human-in-command" => Some(Self::InCommand),
            "human-on-the-loop" => Some(Self::OnTheLoop),
            "human-in-the-loop" => Some(Self::InTheLoop),
            _ => None,
        }
    }
}
