//! A checked, zero-copy view of one RTP packet (RFC 3550 §5.1).
//!
//! Not here: RTCP beyond telling it apart, SRTP, and what a payload means.

use core::fmt;

use crate::error::At;

/// Length of the fixed header in bytes.
pub const HEADER_LEN: usize = 12;
/// The only version of RTP in use.
pub const VERSION: u8 = 2;
/// Length of one contributing source in bytes.
const CSRC_LEN: usize = 4;
/// Length of the header extension's own header: profile and length.
const EXTENSION_HEADER_LEN: usize = 4;
/// What RFC 5761 §4 sets aside in the second byte for RTCP packet types 192 to 223 on a shared port.
const RTCP_TYPES: core::ops::RangeInclusive<u8> = 192..=223;

/// What kept a datagram from being an RTP packet, and where.
pub type Error = At<ErrorKind>;

/// What can be wrong with an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Fewer bytes than the fixed header.
    HeaderTruncated,
    /// The version is not 2: STUN, DTLS, or no media at all.
    Version,
    /// The packet ends inside its contributing sources.
    SourcesTruncated,
    /// The packet ends inside its header extension.
    ExtensionTruncated,
    /// The padding's length is 0 or reaches into the header.
    Padding,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderTruncated => "RTP header is cut short",
            Self::Version => "not RTP version 2; pass only decrypted media packets",
            Self::SourcesTruncated => "RTP packet ends inside its contributing sources",
            Self::ExtensionTruncated => "RTP packet ends inside its header extension",
            Self::Padding => "RTP padding is empty or longer than the payload",
        })
    }
}

/// Whether a datagram from a port shared with RTP is RTCP (RFC 5761 §4).
#[inline]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, second, ..] if first >> 6 == VERSION && RTCP_TYPES.contains(second))
}

/// One RTP packet whose lengths have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    header: &'a [u8; HEADER_LEN],
    sources: &'a [u8],
    extension: Option<Extension<'a>>,
    payload: &'a [u8],
}

/// A header extension (RFC 3550 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The profile's 16 bits, such as 0xBEDE for RFC 8285's one-byte form.
    pub profile: u16,
    /// The extension's data, a multiple of four bytes.
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads one datagram.
    ///
    /// # Errors
    /// [`ErrorKind`], with the offset of the field that is wrong or of the datagram's end where it is cut short.
    #[inline]
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let cut = |kind| At::new(kind, datagram.len());
        let Some((header, rest)) = datagram.split_first_chunk::<HEADER_LEN>() else {
            return Err(match datagram.first() {
                Some(first) if first >> 6 != VERSION => At::new(ErrorKind::Version, 0),
                _ => cut(ErrorKind::HeaderTruncated),
            });
        };
        let flags = header[0];
        if flags >> 6 != VERSION {
            return Err(At::new(ErrorKind::Version, 0));
        }
        let (sources, mut rest) = rest
            .split_at_checked(usize::from(flags & 0x0f) * CSRC_LEN)
            .ok_or_else(|| cut(ErrorKind::SourcesTruncated))?;
        let mut extension = None;
        if flags & 0x10 != 0 {
            let ([p0, p1, l0, l1], after) = rest
                .split_first_chunk::<EXTENSION_HEADER_LEN>()
                .ok_or_else(|| cut(ErrorKind::ExtensionTruncated))?;
            let len = usize::from(u16::from_be_bytes([*l0, *l1])) * 4;
            let (data, after) = after
                .split_at_checked(len)
                .ok_or_else(|| cut(ErrorKind::ExtensionTruncated))?;
            extension = Some(Extension {
                profile: u16::from_be_bytes([*p0, *p1]),
                data,
            });
            rest = after;
        }
        let payload = if flags & 0x20 == 0 {
            rest
        } else {
            let padding = rest.last().map_or(0, |count| usize::from(*count));
            rest.len()
                .checked_sub(padding)
                .filter(|_| padding > 0)
                .and_then(|len| rest.get(..len))
                .ok_or_else(|| At::new(ErrorKind::Padding, datagram.len() - 1))?
        };
        Ok(Self {
            header,
            sources,
            extension,
            payload,
        })
    }

    /// The marker bit: for audio, the first packet of a talk spurt.
    #[inline]
    pub fn marker(&self) -> bool {
        self.header[1] & 0x80 != 0
    }

    /// The payload type, 0 to 127.
    #[inline]
    pub fn payload_type(&self) -> u8 {
        self.header[1] & 0x7f
    }

    /// The sequence number.
    #[inline]
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// The timestamp, in units of the payload's RTP clock.
    #[inline]
    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    /// The synchronisation source.
    #[inline]
    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// The contributing sources, at most 15.
    #[inline]
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.sources
            .as_chunks::<CSRC_LEN>()
            .0
            .iter()
            .map(|source| u32::from_be_bytes(*source))
    }

    /// The header extension, where there is one.
    #[inline]
    pub fn extension(&self) -> Option<Extension<'a>> {
        self.extension
    }

    /// The payload without padding; may be empty.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Four bytes of the fixed header, `at` being 4 or 8.
    #[inline]
    fn word(&self, at: usize) -> u32 {
        self.header[at..]
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 14] = [0x80, 0x80, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 0xff, 0x7f];

    fn kind(datagram: &[u8]) -> (ErrorKind, usize) {
        let error = Packet::parse(datagram).expect_err("INVARIANT: the test hands in a broken packet");
        (error.kind, error.offset)
    }

    #[test]
    fn fields_are_read_from_their_places() {
        let packet = Packet::parse(&PLAIN).expect("INVARIANT: a whole packet");
        assert!(packet.marker());
        assert_eq!(packet.payload_type(), 0);
        assert_eq!(packet.sequence(), 0x1234);
        assert_eq!(packet.timestamp(), 160);
        assert_eq!(packet.ssrc(), 0xdead_beef);
        assert_eq!(packet.csrcs().len(), 0);
        assert_eq!(packet.extension(), None);
        assert_eq!(packet.payload(), [0xff, 0x7f]);
    }

    #[test]
    fn sources_extension_and_padding_are_kept_out_of_the_payload() {
        let mut bytes = vec![0xb2, 0x08];
        bytes.extend_from_slice(&PLAIN[2..12]);
        bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
        bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 9, 8, 7, 6]);
        bytes.extend_from_slice(&[0x55, 0xd5, 0, 0, 3]);
        let packet = Packet::parse(&bytes).expect("INVARIANT: a whole packet");
        assert!(packet.csrcs().eq([1, 2]));
        let extension = packet.extension().expect("INVARIANT: the flag is set");
        assert_eq!((extension.profile, extension.data), (0xbede, &[9, 8, 7, 6][..]));
        assert_eq!(packet.payload(), [0x55, 0xd5]);
    }

    #[test]
    fn every_cut_and_every_lie_about_length_is_named_with_its_place() {
        assert_eq!(kind(&[]), (ErrorKind::HeaderTruncated, 0));
        assert_eq!(kind(&PLAIN[..11]), (ErrorKind::HeaderTruncated, 11));
        assert_eq!(kind(&[0x00, 0x01, 0, 0]), (ErrorKind::Version, 0));
        let with = |first: u8, tail: &[u8]| {
            let mut bytes = PLAIN[..HEADER_LEN].to_vec();
            bytes[0] = first;
            bytes.extend_from_slice(tail);
            bytes
        };
        assert_eq!(kind(&with(0x40, &[])), (ErrorKind::Version, 0));
        assert_eq!(kind(&with(0x81, &[1, 2, 3])), (ErrorKind::SourcesTruncated, 15));
        assert_eq!(kind(&with(0x90, &[0xbe, 0xde])), (ErrorKind::ExtensionTruncated, 14));
        assert_eq!(
            kind(&with(0x90, &[0xbe, 0xde, 0, 1, 9])),
            (ErrorKind::ExtensionTruncated, 17)
        );
        assert_eq!(kind(&with(0xa0, &[])), (ErrorKind::Padding, 11));
        assert_eq!(kind(&with(0xa0, &[0])), (ErrorKind::Padding, 12));
        assert_eq!(kind(&with(0xa0, &[1, 3])), (ErrorKind::Padding, 13));
        assert!(Packet::parse(&with(0xa0, &[1, 2])).is_ok_and(|packet| packet.payload().is_empty()));
    }

    #[test]
    fn rtcp_on_a_shared_port_is_told_apart() {
        assert!(is_rtcp(&[0x80, 200, 0, 6]));
        assert!(!is_rtcp(&PLAIN));
        assert!(!is_rtcp(&[0x00, 200]));
        assert!(!is_rtcp(&[0x80]));
    }
}
