//! What an envelope breaks: a rule of the schema or of its tier, and the path at which it does.
//!
//! A violation is found while reading ([`super::Envelope::read`]) or before emitting ([`super::Draft::finish`]). It is for logs and
//! reports; what a peer is told is a [`super::RejectReason`].

use core::fmt;

use super::Field;

/// A place in an envelope, such as `$.transcript.turns[3].role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    template: &'static str,
    index: [u16; 2],
}

impl Path {
    /// A path of the schema whose `[]` are filled, in order, with `index`.
    pub(super) const fn new(template: &'static str, index: [u16; 2]) -> Self {
        Self { template, index }
    }

    /// The path in the schema, with `[]` where an index goes and without the leading `$.`.
    pub const fn template(&self) -> &'static str {
        self.template
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        let mut indexes = self.index.iter();
        for (nth, part) in self.template.split("[]").enumerate() {
            if nth > 0 {
                write!(f, "[{}]", indexes.next().unwrap_or(&0))?;
            } else if !part.is_empty() {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// A rule that an envelope breaks, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Broken,
    /// The place.
    pub path: Path,
}

impl Violation {
    /// `rule` broken at `field`.
    pub(crate) const fn at(field: Field, rule: Broken) -> Self {
        Self {
            rule,
            path: Path::new(field.path(), [0; 2]),
        }
    }

    /// Whether the envelope is valid all the same and this is only worth a line in the log.
    pub fn is_warning(&self) -> bool {
        matches!(self.rule, Broken::MissingAdvised | Broken::CardNumber)
    }

    /// Whether the five-field envelope of the protocol's README may break this rule under the policy `draft_core`, and a
    /// reply to a Core proposal always (interpretations, rows 9 and 43).
    pub fn is_tolerable_in_short_form(&self) -> bool {
        matches!(self.rule, Broken::Missing | Broken::ShortNonce) || self.is_warning()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

macro_rules! broken {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The rules that an envelope can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Broken { $($(#[$doc])* $name,)+ }

        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)+ })
            }
        }
    };
}

broken! {
    /// A member that the schema or the tier demands is not there.
    Missing = "is missing, and the schema or the declared tier demands it",
    /// A member that the tier recommends is not there; a warning.
    MissingAdvised = "is missing, and the declared tier should carry it",
    /// The declared tier may not carry this member.
    AboveTier = "may not be carried at the declared tier",
    /// Another type was expected.
    Type = "has the wrong type",
    /// Too few elements.
    TooFew = "has too few elements",
    /// Not the one value that is allowed.
    NotConst = "is not the one value that this version allows",
    /// Not one of the words that are allowed.
    NotListed = "is not one of the values that the schema lists",
    /// Not a prefixed ULID.
    NotUlid = "is not its prefix and a ULID of 26 Crockford characters",
    /// Not a DID.
    NotDid = "is not a DID such as did:web:example.org",
    /// Not a SHA-256 text.
    NotSha256 = "is not `sha256:` and 64 lower-case hexadecimal digits",
    /// Hexadecimal, but fewer than 16 digits.
    ShortNonce = "has fewer than 16 hexadecimal digits",
    /// Not lower-case hexadecimal.
    NotHex = "is not lower-case hexadecimal",
    /// Not a vendor identifier.
    NotVendor = "is not 1 to 64 lower-case letters, digits and dashes",
    /// Not upper-case letters, or not as many as the schema says.
    NotCapitals = "is not a code of upper-case letters of the right length",
    /// Not an absolute URI.
    NotUri = "is not an absolute URI",
    /// Not a full date.
    NotDate = "is not a date such as 2026-05-28",
    /// A date-time without tag 0.
    Untagged = "is a date-time and must carry CBOR tag 0",
    /// Tag 0 where the data model has none.
    Tagged = "carries CBOR tag 0, which only date-times do",
    /// A number that must be a float is an integer.
    NotFloat = "must be a float",
    /// Outside 0 to 1.
    OutOfRange = "is not between 0 and 1",
    /// A risk class of `high` without what it demands.
    HighRiskNeeds = "is missing, and a high-risk system must state it",
    /// No reviewer, and `humanReviewed` is not `false`.
    ReviewerMissing = "is missing, and `humanReviewed` is not false",
    /// A run of 13 to 19 digits that passes the Luhn check; a warning on receipt.
    CardNumber = "holds what looks like a card number; carry a token instead",
    /// INCIDENT below Regulated.
    IncidentBelowRegulated = "INCIDENT is reserved for the regulated tier",
    /// INCIDENT that does not say of what kind.
    IncidentUncategorised = "is empty, and an INCIDENT must state its Art. 73 category there",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_show_their_indexes() {
        let shown = |template, index| std::format!("{}", Path::new(template, index));
        assert_eq!(shown("", [0, 0]), "$");
        assert_eq!(shown("control.nonce", [0, 0]), "$.control.nonce");
        assert_eq!(
            shown("caller.consent[].scope[]", [2, 11]),
            "$.caller.consent[2].scope[11]"
        );
    }
}
