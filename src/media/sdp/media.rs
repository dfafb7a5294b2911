//! One media section: its `m=` line, and the lines below it that say where and whether media flows.

use core::time::Duration;

use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{space0, space1, u16};
use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::format::Formats;
use super::lines::{Line, Lines, VALUE};
use super::{Error, ErrorKind, text};
use crate::error::At;
use crate::media::PayloadTypes;

/// Who sends, seen from the party whose description it is (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both. What holds where nothing is said.
    #[default]
    SendRecv,
    /// This party only sends: the other is on hold.
    SendOnly,
    /// This party only receives.
    RecvOnly,
    /// Nobody sends.
    Inactive,
}

impl Direction {
    fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"sendrecv" => Some(Self::SendRecv),
            b"sendonly" => Some(Self::SendOnly),
            b"recvonly" => Some(Self::RecvOnly),
            b"inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

/// A `c=` line: where media is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IP4` or `IP6`.
    pub family: &'a str,
    /// An address or a host name, without the multicast forms' time to live.
    pub address: &'a str,
}

impl<'a> Connection<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let mut words = text(value)?.split_ascii_whitespace();
        let (_network, family, address) = (words.next()?, words.next()?, words.next()?);
        let address = address.split('/').next()?;
        Some(Self { family, address })
    }

    /// Whether this is the address of nowhere, `0.0.0.0` or `::`, by which old equipment puts a call on hold (RFC 3264
    /// §8.4) and ICE agents say that they do not know their address yet.
    pub fn is_unspecified(&self) -> bool {
        match self.address.parse() {
            Ok(core::net::IpAddr::V4(address)) => address.is_unspecified(),
            Ok(core::net::IpAddr::V6(address)) => address.is_unspecified(),
            Err(_) => false,
        }
    }
}

/// What the session's own lines say for sections that say nothing themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults<'a> {
    connection: Option<Connection<'a>>,
    direction: Option<Direction>,
    ice: bool,
    bundled: bool,
}

impl<'a> Defaults<'a> {
    /// Takes what matters of one line; the first of its kind counts.
    pub(super) fn take(&mut self, line: Line<'a>) {
        match line.kind {
            b'c' => self.connection = self.connection.or_else(|| Connection::parse(line.value)),
            b'a' => {
                let value = line.value.trim_ascii();
                if self.direction.is_none() {
                    self.direction = Direction::parse(value);
                }
                self.ice |= value.starts_with(b"ice-ufrag:");
                self.bundled |= value == b"bundle-only";
            }
            _ => {}
        }
    }
}

/// An `a=` line: `name` or `name:value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What stands before the colon.
    pub name: &'a str,
    /// What stands after it; empty where there is none.
    pub value: &'a str,
}

impl<'a> Attribute<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = text(line)?;
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        Some(Self {
            name: name.trim_ascii_end(),
            value: value.trim_ascii_start(),
        })
    }
}

/// What a section's own lines say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Section<'a> {
    heading: Heading<'a>,
    /// The lines below the `m=` line, up to the next one.
    body: &'a [u8],
    own: Defaults<'a>,
}

impl<'a> Section<'a> {
    /// The section that begins with this `m=` line of `text`; until [`Section::close`], all that follows belongs to it.
    ///
    /// # Errors
    /// As [`Heading::parse`].
    pub(super) fn open(text: &'a [u8], line: Line<'a>) -> Result<Self, Error> {
        Ok(Self {
            heading: Heading::parse(line)?,
            body: text.get(line.offset + VALUE + line.value.len()..).unwrap_or_default(),
            own: Defaults::default(),
        })
    }

    /// Takes what matters of one of its lines.
    pub(super) fn take(&mut self, line: Line<'a>) {
        self.own.take(line);
    }

    /// Ends the section where `rest` begins, the tail of the text that it was opened on.
    pub(super) fn close(&mut self, rest: &'a [u8]) {
        self.body = self
            .body
            .get(..self.body.len().saturating_sub(rest.len()))
            .unwrap_or_default();
    }
}

/// One media section.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    section: Section<'a>,
    session: Defaults<'a>,
}

impl<'a> Media<'a> {
    pub(super) fn new(section: Section<'a>, session: Defaults<'a>) -> Self {
        Self { section, session }
    }

    /// The kind of media: `audio`, `video`, `image`, …
    pub fn kind(&self) -> &'a str {
        self.section.heading.kind
    }

    /// The port; see [`Media::is_refused`] for 0.
    pub fn port(&self) -> u16 {
        self.section.heading.port
    }

    /// How many consecutive ports the `m=` line claims; 1 where it does not say.
    pub fn ports(&self) -> u16 {
        self.section.heading.ports
    }

    /// The transport protocol, such as `RTP/AVP` or `UDP/TLS/RTP/SAVPF`.
    pub fn protocol(&self) -> &'a str {
        self.section.heading.protocol
    }

    /// Whether the protocol is one of RTP's, so that formats are payload types.
    pub fn is_rtp(&self) -> bool {
        self.section
            .heading
            .protocol
            .split('/')
            .any(|part| part.eq_ignore_ascii_case("RTP"))
    }

    /// Whether the section has been refused or is not used: its port is 0 (RFC 3264 §6), and it is not one that an offer
    /// has only in a bundle (RFC 8843 §6).
    pub fn is_refused(&self) -> bool {
        self.section.heading.port == 0 && !self.section.own.bundled
    }

    /// The formats as they stand in the `m=` line.
    pub fn format_list(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.section.heading.formats.split_ascii_whitespace()
    }

    /// The RTP formats with what `rtpmap` and `fmtp` say about them, in order of preference. Empty for a protocol other
    /// than RTP; at most [`super::MAX_FORMATS`].
    pub fn formats(&self) -> Formats<'a> {
        Formats::read(self)
    }

    /// Which payload types the tap is to take as audio.
    pub fn payload_types(&self) -> PayloadTypes {
        self.formats()
            .iter()
            .fold(PayloadTypes::NONE, |types, format| match format.codec() {
                Some(codec) => types.with(format.payload_type, codec),
                None => types,
            })
    }

    /// The `c=` line that holds here: the section's own, else the session's.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.section.own.connection.or(self.session.connection)
    }

    /// The direction that holds here: the section's own, else the session's, else both ways.
    pub fn direction(&self) -> Direction {
        self.section
            .own
            .direction
            .or(self.session.direction)
            .unwrap_or_default()
    }

    /// Whether the party that sent this description puts the other on hold: it does not want to receive, or names the
    /// address of nowhere and has no ICE that would find another.
    pub fn is_hold(&self) -> bool {
        !self.receives()
    }

    /// Whether the party that sent this description sends.
    pub fn sends(&self) -> bool {
        matches!(self.direction(), Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the party that sent this description wants to receive, and says where.
    pub fn receives(&self) -> bool {
        let is_nowhere = !(self.section.own.ice || self.session.ice)
            && self.connection().is_some_and(|connection| connection.is_unspecified());
        matches!(self.direction(), Direction::SendRecv | Direction::RecvOnly) && !is_nowhere
    }

    /// How much audio a packet is to hold, by `ptime`.
    pub fn packet_time(&self) -> Option<Duration> {
        self.milliseconds("ptime")
    }

    /// The most audio that a packet may hold, by `maxptime`.
    pub fn max_packet_time(&self) -> Option<Duration> {
        self.milliseconds("maxptime")
    }

    /// The section's attributes, in their order. Those that are not UTF-8 are passed over.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        self.attribute_lines().filter_map(Attribute::parse)
    }

    pub(super) fn attribute_lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.section.body)
            .filter(|line| line.kind == b'a')
            .map(|line| line.value.trim_ascii())
    }

    fn milliseconds(&self, name: &str) -> Option<Duration> {
        let value = self.attribute_lines().find_map(|line| value_of(line, name))?;
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        let whole: u16 = whole.parse().ok()?;
        let mut micros = u64::from(whole) * 1000;
        let mut place = 100;
        for digit in fraction.bytes() {
            if !digit.is_ascii_digit() {
                return None;
            }
            micros += u64::from(digit - b'0') * place;
            place /= 10;
        }
        (micros > 0).then(|| Duration::from_micros(micros))
    }
}

/// The value of an `a=` line, if it has this name: as [`Attribute::parse`] reads it, and told from others sooner.
pub(super) fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name.as_bytes())?.trim_ascii_start();
    match rest {
        [] => Some(""),
        [b':', value @ ..] => text(value.trim_ascii_start()),
        _ => None,
    }
}

/// The sections from some `m=` line on, read in one go through the lines.
#[derive(Clone)]
pub(super) struct Sections<'a> {
    text: &'a [u8],
    lines: Lines<'a>,
    /// The section that comes next, once its `m=` line has been met.
    next: Option<Section<'a>>,
}

impl<'a> Sections<'a> {
    /// The sections of `text`, which begins with an `m=` line; all of its `m=` lines can be read.
    pub(super) fn new(text: &'a [u8]) -> Self {
        let mut lines = Lines::new(text);
        let next = lines.next().and_then(|line| Section::open(text, line).ok());
        Self { text, lines, next }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Section<'a>> {
        let mut section = self.next.take()?;
        for line in &mut self.lines {
            if line.kind == b'm' {
                section.close(self.text.get(line.offset..).unwrap_or_default());
                self.next = Section::open(self.text, line).ok();
                break;
            }
            section.take(line);
        }
        Some(section)
    }
}

/// An `m=` line.
#[derive(Clone, Copy, Debug, Default)]
struct Heading<'a> {
    kind: &'a str,
    port: u16,
    ports: u16,
    protocol: &'a str,
    formats: &'a str,
}

impl<'a> Heading<'a> {
    /// Reads an `m=` line.
    ///
    /// # Errors
    /// [`ErrorKind::MediaLine`] or [`ErrorKind::Port`], where the line stops being one.
    fn parse(line: Line<'a>) -> Result<Self, Error> {
        heading(line.value).map(|(_, heading)| heading).map_err(|error| {
            let rest = match error {
                nom::Err::Error(error) | nom::Err::Failure(error) => error.input,
                nom::Err::Incomplete(_) => &[],
            };
            let offset = line.offset + VALUE + (line.value.len() - rest.len());
            let second = line
                .value
                .split(|byte| matches!(byte, b' ' | b'\t'))
                .filter(|word| !word.is_empty())
                .nth(1);
            let at_port = second.is_some_and(|word| rest.starts_with(word));
            At::new(if at_port { ErrorKind::Port } else { ErrorKind::MediaLine }, offset)
        })
    }
}

fn heading(value: &[u8]) -> IResult<&[u8], Heading<'_>> {
    let word = || take_while1(|byte: u8| byte.is_ascii_graphic());
    let (rest, (_, kind, _, port, ports, _, protocol, _)) = (
        space0,
        word(),
        space1,
        u16,
        opt(preceded(tag("/"), u16)),
        space1,
        word(),
        space0,
    )
        .parse(value)?;
    let heading = Heading {
        kind: text(kind).unwrap_or_default(),
        port,
        ports: ports.unwrap_or(1),
        protocol: text(protocol).unwrap_or_default(),
        formats: text(rest).unwrap_or_default(),
    };
    Ok((&[], heading))
}
