//! One pass over received bytes: canonical CBOR, schema and tier are checked, and every field's place is recorded.
//!
//! The pass reports every rule that is broken and goes on, so that a vendor sees all of them at once; only bytes that
//! are no canonical CBOR map, or that lack what a verdict cannot do without, stop it. Whether a violation matters is for
//! [`crate::verify`] to say.

use core::cmp::Ordering;
use core::fmt;

use super::schema::{DECISION, ENVELOPE, FIELD_COUNT, Field, Member, Need, Rule, TIER_NEEDS};
use super::violation::{Broken, Path, Violation};
use super::{ENVELOPE_MAX, Envelope, Tier, Verb, pan};
use crate::cbor::{self, Reader, TokenOf};
use crate::id::is_prefixed_ulid;
use crate::time::Timestamp;

/// Why bytes cannot be read as an envelope at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Longer than [`ENVELOPE_MAX`]; holds the length.
    TooLarge(usize),
    /// Not canonical CBOR of the protocol's data model.
    Cbor(cbor::Error),
    /// Canonical CBOR, but not a map.
    NotAMap,
    /// A field that no verdict can do without is missing or broken: version, tier, id, call, verb or nonce.
    Unusable(Violation),
}

impl From<cbor::Error> for ReadError {
    fn from(error: cbor::Error) -> Self {
        Self::Cbor(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(len) => write!(f, "{len} bytes are more than the {ENVELOPE_MAX} an envelope may have"),
            Self::Cbor(error) => error.fmt(f),
            Self::NotAMap => f.write_str("an envelope is a CBOR map; this is another kind of item"),
            Self::Unusable(violation) => violation.fmt(f),
        }
    }
}

impl core::error::Error for ReadError {}

/// Where a field's value lies, in bytes; `(0, 0)` when it is absent, since no value starts at the map's own head.
pub(super) type Span = (u16, u16);

/// What no verdict can do without, in any form of envelope (interpretations, rows 9 and 43).
const ESSENTIAL: [Field; 6] = [
    Field::Ohp,
    Field::Conformance,
    Field::Id,
    Field::CallId,
    Field::ControlVerb,
    Field::Nonce,
];

impl<'a> Envelope<'a> {
    /// Reads canonical CBOR, handing every broken rule, warnings included, to `report`.
    ///
    /// # Errors
    /// [`ReadError`]; what was reported before it stands.
    pub fn read(bytes: &'a [u8], report: &mut dyn FnMut(Violation)) -> Result<Self, ReadError> {
        if bytes.len() > ENVELOPE_MAX {
            return Err(ReadError::TooLarge(bytes.len()));
        }
        let mut walk = Walk {
            reader: Reader::new(bytes),
            report,
            spans: [(0, 0); FIELD_COUNT],
            index: [0; 2],
            lists: 0,
            signatures_go: 0,
            high_risk: false,
            unusable: None,
        };
        let Some(Token::Map(members)) = walk.reader.next_bytes()? else {
            return Err(ReadError::NotAMap);
        };
        walk.map(ENVELOPE)?;
        if walk.reader.next_bytes()?.is_some() {
            // INVARIANT: the reader reports trailing bytes itself, so nothing follows the outermost End.
            return Err(ReadError::NotAMap);
        }
        if let Some(violation) = walk.unusable {
            return Err(ReadError::Unusable(violation));
        }
        let Walk {
            report,
            spans,
            signatures_go,
            high_risk,
            ..
        } = walk;
        // INVARIANT: without an unusable field, tier, verb and id are there and of their listed values.
        let envelope = Envelope::new(bytes, spans, members, signatures_go).ok_or(ReadError::NotAMap)?;
        envelope.judge_tier(high_risk, report);
        Ok(envelope)
    }

    fn judge_tier(&self, high_risk: bool, report: &mut dyn FnMut(Violation)) {
        let mut broken = |field: Field, rule| {
            report(Violation {
                rule,
                path: Path::new(field.path(), [0; 2]),
            });
        };
        for (field, needs) in TIER_NEEDS {
            match (Need::at(needs, self.tier()), self.has(*field)) {
                (Need::Must, false) => broken(*field, Broken::Missing),
                (Need::Never, true) => broken(*field, Broken::AboveTier),
                (Need::Warn, false) => broken(*field, Broken::MissingAdvised),
                _ => {}
            }
        }
        if high_risk {
            for field in [Field::AiSystemAnnexIii, Field::AiSystemCe] {
                if !self.has(field) {
                    broken(field, Broken::HighRiskNeeds);
                }
            }
        }
        // OHP §4.2: the JSON Schema demands the list at Regulated, the text an entry.
        if self.tier() == Tier::Regulated && self.item(Field::Decisions).is_some() && self.decisions().next().is_none()
        {
            broken(Field::Decisions, Broken::TooFew);
        }
        if self.verb() == Verb::Incident && self.tier() != Tier::Regulated {
            broken(Field::ControlVerb, Broken::IncidentBelowRegulated);
        }
        if self.verb() == Verb::Incident && self.control().reason().is_some_and(|reason| reason.trim().is_empty()) {
            broken(Field::ControlReason, Broken::IncidentUncategorised);
        }
    }
}

/// Texts as bytes: they are UTF-8, and no rule asks for more than that they be compared.
type Token<'a> = TokenOf<&'a [u8]>;

struct Walk<'a, 'r> {
    reader: Reader<'a>,
    report: &'r mut dyn FnMut(Violation),
    spans: [Span; FIELD_COUNT],
    /// Indexes of the arrays that the walk is in, outermost first; the schema nests two at most.
    index: [u16; 2],
    lists: usize,
    /// Where a `signatures` member would have to be inserted.
    signatures_go: u16,
    high_risk: bool,
    unusable: Option<Violation>,
}

/// What a map's walk learnt that a rule across members needs.
#[derive(Default)]
struct Reviewed {
    by_machine_only: bool,
    reviewer: bool,
}

impl<'a> Walk<'a, '_> {
    fn offset(&self) -> u16 {
        // INVARIANT: the input is at most ENVELOPE_MAX = 32 KiB long, so every offset fits.
        self.reader.offset() as u16
    }

    fn broken(&mut self, member: &Member, rule: Broken) {
        self.broken_at(member.path, rule, member.field);
    }

    fn broken_at(&mut self, template: &'static str, rule: Broken, field: Option<Field>) {
        let violation = Violation {
            rule,
            path: Path::new(template, self.index),
        };
        let essential = field.is_some_and(|field| {
            ESSENTIAL
                .iter()
                .any(|needed| *needed == field || is_ancestor(field.path(), needed.path()))
        });
        if essential && rule != Broken::ShortNonce {
            self.unusable.get_or_insert(violation);
        }
        (self.report)(violation);
    }

    /// Walks a map whose head has been read, merging its members with the schema's: both are in canonical order.
    ///
    /// The recursion (map → value → map) follows the schema, whose depth is fixed, and never the input.
    fn map(&mut self, members: &'static [Member]) -> Result<(), cbor::Error> {
        let is_decision = core::ptr::eq(members, DECISION);
        let mut expected = members;
        let mut reviewed = Reviewed::default();
        loop {
            let key_at = self.offset();
            let Some(key) = self.reader.next_key()? else {
                break;
            };
            let Some(member) = self.expected(&mut expected, key, key_at) else {
                self.reader.skip()?;
                continue;
            };
            let start = self.offset();
            let is_true = self.value(member, &member.rule)?;
            if let Some(field) = member.field {
                self.spans[field as usize] = (start, self.offset());
            }
            if is_decision {
                reviewed.reviewer |= member.key == "reviewer";
                reviewed.by_machine_only |= member.key == "humanReviewed" && !is_true;
            }
        }
        for absent in expected {
            self.absent(absent, self.offset());
        }
        // The JSON Schema's `if` holds where `humanReviewed` is absent, too: then a reviewer must be named as well.
        if is_decision && !reviewed.by_machine_only && !reviewed.reviewer {
            self.broken_at("decisions[].reviewer", Broken::ReviewerMissing, None);
        }
        Ok(())
    }

    /// The schema's member `key`, which stands at `key_at`; the members that belong before it are absent.
    #[inline]
    fn expected(&mut self, left: &mut &'static [Member], key: &[u8], key_at: u16) -> Option<&'static Member> {
        while let Some((member, behind)) = left.split_first() {
            match cbor::key_order(member.key.as_bytes(), key) {
                Ordering::Less => {
                    self.absent(member, key_at);
                    *left = behind;
                }
                Ordering::Equal => {
                    *left = behind;
                    return Some(member);
                }
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// `member` is not there; it would stand at the offset `at`.
    fn absent(&mut self, member: &Member, at: u16) {
        if member.required {
            self.broken(member, Broken::Missing);
        }
        if member.field == Some(Field::Signatures) {
            self.signatures_go = at;
        }
    }

    /// Checks the value that begins next against `rule`, and says whether it is `true`.
    fn value(&mut self, member: &'static Member, rule: &'static Rule) -> Result<bool, cbor::Error> {
        if let Some(text) = self.reader.next_text() {
            self.text(member, rule, text);
            return Ok(false);
        }
        match self.reader.next_bytes()? {
            Some(Token::Text(text)) => self.text(member, rule, text),
            Some(Token::Map(_)) => match rule {
                Rule::Map(members) => self.map(members)?,
                Rule::Free => self.free(member)?,
                _ => {
                    self.broken(member, Broken::Type);
                    self.rest()?;
                }
            },
            Some(Token::Array(count)) => match rule {
                Rule::List(of, least) => {
                    if count < *least {
                        self.broken(member, Broken::TooFew);
                    }
                    self.list(member, of, count)?;
                }
                _ => {
                    self.broken(member, Broken::Type);
                    self.rest()?;
                }
            },
            Some(token) => {
                if let Err(broken) = scalar(rule, token) {
                    self.broken(member, broken);
                }
                return Ok(token == Token::Bool(true));
            }
            None => {}
        }
        Ok(false)
    }

    fn text(&mut self, member: &'static Member, rule: &'static Rule, text: &[u8]) {
        let held = match rule {
            Rule::Text => Ok(()),
            Rule::Prose if pan::looks_like_card_number(text) => Err(Broken::CardNumber),
            _ => text_of(rule, text),
        };
        if let Err(broken) = held {
            self.broken(member, broken);
        }
        if member.field == Some(Field::AiSystemRiskClass) && text == b"high" {
            self.high_risk = true;
        }
    }

    fn list(&mut self, member: &'static Member, of: &'static Rule, count: u32) -> Result<(), cbor::Error> {
        let depth = self.lists;
        self.lists += 1;
        for nth in 0..count {
            if let Some(index) = self.index.get_mut(depth) {
                *index = nth.min(u32::from(u16::MAX)) as u16;
            }
            self.value(member, of)?;
        }
        self.reader.next_bytes()?;
        self.lists = depth;
        if let Some(index) = self.index.get_mut(depth) {
            *index = 0;
        }
        Ok(())
    }

    /// A map of anything: kept as it is, but tag 0 is for the fields that the schema types so (interpretations, row 1).
    fn free(&mut self, member: &Member) -> Result<(), cbor::Error> {
        let mut open = 1;
        while open > 0 {
            match self.reader.next_bytes()? {
                Some(Token::Map(_) | Token::Array(_)) => open += 1,
                Some(Token::End) | None => open -= 1,
                Some(Token::Time(_)) => self.broken(member, Broken::Tagged),
                Some(Token::Text(text)) if pan::looks_like_card_number(text) => {
                    self.broken(member, Broken::CardNumber);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Passes over what remains of a container whose head has been read.
    fn rest(&mut self) -> Result<(), cbor::Error> {
        let mut open = 1;
        while open > 0 {
            match self.reader.next_bytes()? {
                Some(Token::Map(_) | Token::Array(_)) => open += 1,
                Some(Token::End) | None => open -= 1,
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn is_ancestor(path: &str, of: &str) -> bool {
    of.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a scalar that is no text obeys `rule`.
fn scalar(rule: &Rule, token: Token<'_>) -> Result<(), Broken> {
    match (rule, token) {
        (Rule::Time, Token::Time(_)) | (Rule::Bool, Token::Bool(_)) | (Rule::TextOrNull, Token::Null) => Ok(()),
        (Rule::Confidence, Token::Float(value)) => ensure((0.0..=1.0).contains(&value), Broken::OutOfRange),
        (Rule::Confidence, Token::Unsigned(_) | Token::Negative(_)) => Err(Broken::NotFloat),
        (_, Token::Time(_)) => Err(Broken::Tagged),
        _ => Err(Broken::Type),
    }
}

/// Whether a text obeys `rule`.
fn text_of(rule: &Rule, text: &[u8]) -> Result<(), Broken> {
    match rule {
        Rule::Text | Rule::Prose | Rule::TextOrNull => Ok(()),
        Rule::Time => Err(Broken::Untagged),
        Rule::Const(only) => ensure(text == only.as_bytes(), Broken::NotConst),
        Rule::OneOf(words) => ensure(words.iter().any(|word| word.as_bytes() == text), Broken::NotListed),
        Rule::Ulid(prefix) => ensure(is_prefixed_ulid(text, prefix), Broken::NotUlid),
        Rule::Did => ensure(is_did(text), Broken::NotDid),
        Rule::Sha256 => ensure(
            text.strip_prefix(b"sha256:")
                .is_some_and(|hex| hex.len() == 64 && is_lower_hex(hex)),
            Broken::NotSha256,
        ),
        Rule::Nonce if !is_lower_hex(text) => Err(Broken::NotHex),
        Rule::Nonce => ensure(text.len() >= 16, Broken::ShortNonce),
        Rule::Vendor => ensure(
            (1..=64).contains(&text.len()) && text.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            Broken::NotVendor,
        ),
        Rule::Capitals(least, most) => ensure(
            (*least..=*most).contains(&text.len()) && text.iter().all(u8::is_ascii_uppercase),
            Broken::NotCapitals,
        ),
        Rule::Uri => ensure(is_uri(text), Broken::NotUri),
        Rule::Date => ensure(is_date(text), Broken::NotDate),
        Rule::Bool | Rule::Confidence | Rule::Map(_) | Rule::Free | Rule::List(..) => Err(Broken::Type),
    }
}

fn ensure(holds: bool, broken: Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(broken) }
}

fn is_lower_hex(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What stands before the first colon and behind it.
fn split_at_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, behind) = text.split_at(text.iter().position(|byte| *byte == b':')?);
    Some((before, behind.get(1..)?))
}

/// The schema's pattern, `^did:[a-z0-9]+:.+$`.
fn is_did(text: &[u8]) -> bool {
    let Some((method, rest)) = text.strip_prefix(b"did:").and_then(split_at_colon) else {
        return false;
    };
    !method.is_empty()
        && method.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        && !rest.is_empty()
        && !rest.starts_with(b"\n")
}

/// RFC 3986 as far as it tells a URI from a path or a sentence: a scheme, a colon, and printable ASCII without spaces.
fn is_uri(text: &[u8]) -> bool {
    let Some((scheme, rest)) = split_at_colon(text) else {
        return false;
    };
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
        && !rest.is_empty()
        && rest
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(byte))
}

fn is_date(text: &[u8]) -> bool {
    const MIDNIGHT: &[u8] = b"T00:00:00Z";
    let mut moment = [0; 20];
    let (date, time) = moment.split_at_mut(10);
    if text.len() != date.len() {
        return false;
    }
    date.copy_from_slice(text);
    time.copy_from_slice(MIDNIGHT);
    core::str::from_utf8(&moment).is_ok_and(|moment| Timestamp::parse_rfc3339(moment).is_ok())
}
