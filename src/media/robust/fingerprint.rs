//! The robust fingerprint as a value and on the wire: the bits of 31 frames, and which frames of the span they are.
//!
//! Not here: how the bits are made ([`super::frames`]), and where they are looked for.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::frames::{SPAN_FRAMES, SubFingerprint};

/// Frames that a fingerprint keeps of its span: the most energetic.
pub const KEPT_FRAMES: usize = 31;
/// Bits of a fingerprint: 32 of each kept frame.
pub const BITS: usize = KEPT_FRAMES * u32::BITS as usize;
/// Where an envelope carries it: an extension key beside `rtpFingerprint`.
pub const MEMBER: &str = "session.media.x-ohp-robust";
/// Bytes of a fingerprint: the mask of frames, then their bits.
pub const BYTES: usize = MASK_LEN + BITS / 8;
/// What the text of a fingerprint begins with: the family's name and the form's number.
pub const PREFIX: &str = "hk1:";
/// Length of the text of a fingerprint: the prefix, and base64url without padding.
pub const TEXT_LEN: usize = PREFIX.len() + BYTES / 3 * 4;
const _: () = assert!(BYTES.is_multiple_of(3), "else the last character would have spare bits");

/// Every how manieth kept frame is looked at first where many fingerprints are compared: the 1st, 6th, … 31st, 224 bits.
const PROBE_STEP: usize = 5;
/// Most of those bits that may differ: 0.42 of them, so that hardly a sound at the bound of 0.30 in all is passed over, and of
/// twenty places in other sound one is looked at closer.
const PROBE_MAX_ERRORS: u32 = 94;

/// Bytes of the mask.
const MASK_LEN: usize = size_of::<u64>();
/// Bytes of a frame's bits.
const FRAME_LEN: usize = size_of::<u32>();

/// The robust fingerprint of a span of just under 4 s.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RobustFingerprint {
    /// The number of each kept frame in the span, 1 to 58, in ascending order. Frame 0 has no bits: nothing stands before it.
    frames: [u8; KEPT_FRAMES],
    bits: [u32; KEPT_FRAMES],
}

impl RobustFingerprint {
    /// Takes the most energetic frames of a span, of two equal ones the earlier. `span` has one sub-fingerprint for each
    /// frame that has bits: the frames 1 to 58.
    pub(super) fn of_span(span: &[SubFingerprint; SPAN_FRAMES - 1]) -> Self {
        let mut order: [u8; SPAN_FRAMES - 1] = core::array::from_fn(|at| at as u8);
        order.sort_unstable_by(|a, b| {
            let energy = |at: &u8| span[usize::from(*at)].energy;
            energy(b).total_cmp(&energy(a)).then(a.cmp(b))
        });
        let mut kept = [0; KEPT_FRAMES];
        kept.copy_from_slice(&order[..KEPT_FRAMES]);
        kept.sort_unstable();
        Self {
            frames: kept.map(|at| at + 1),
            bits: kept.map(|at| span[usize::from(at)].bits),
        }
    }

    /// The kept frames' numbers in the span, ascending, each with its bits.
    pub fn frames(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.frames.iter().map(|frame| usize::from(*frame)).zip(self.bits)
    }

    /// How many bits differ from those of `heard`, which has a sub-fingerprint for each step of a receiver, `stride` of
    /// them to the sender's frame, if the span begins at the receiver's step `start`; `None` if a kept frame lies
    /// outside. `start` may be negative: a span may begin before what was heard, if none of its kept frames does.
    pub(super) fn errors(&self, heard: &[u32], stride: usize, start: isize) -> Option<u16> {
        let mut errors = 0;
        for (frame, bits) in self.frames() {
            let at = usize::try_from(start.checked_add_unsigned(frame * stride)?).ok()?;
            // What the first frames would be compared with has not been heard.
            let there = heard.get(at).filter(|_| at >= stride)?;
            errors += (there ^ bits).count_ones();
        }
        Some(errors as u16)
    }

    /// Whether at most `most` bits differ, as [`Self::errors`] counts them. A few frames from all over the span are looked at
    /// first, which rules out nearly every place where other sound is.
    pub(super) fn is_near(&self, heard: &[u32], stride: usize, start: isize, most: u16) -> bool {
        let mut errors = 0;
        for nth in (0..KEPT_FRAMES).step_by(PROBE_STEP) {
            let frame = usize::from(self.frames[nth]) * stride;
            let at = start
                .checked_add_unsigned(frame)
                .and_then(|at| usize::try_from(at).ok());
            let Some(there) = at.and_then(|at| heard.get(at)) else {
                return false;
            };
            errors += (there ^ self.bits[nth]).count_ones();
        }
        errors <= PROBE_MAX_ERRORS && self.errors(heard, stride, start).is_some_and(|errors| errors <= most)
    }

    /// The fingerprint's bytes: the mask, the bit of frame 1 being the first byte's highest; then each kept frame's bits
    /// in ascending order of frames, the bit of the lowest pair of bands being a byte's highest.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mask = self.frames.iter().fold(0_u64, |mask, frame| mask | frame_bit(*frame));
        bytes[..MASK_LEN].copy_from_slice(&mask.to_be_bytes());
        for (place, bits) in bytes[MASK_LEN..]
            .as_chunks_mut::<FRAME_LEN>()
            .0
            .iter_mut()
            .zip(self.bits)
        {
            *place = bits.to_be_bytes();
        }
        bytes
    }

    /// The fingerprint with these bytes; `None` unless their mask names 31 of the frames 1 to 58 and nothing else.
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Option<Self> {
        let (mask, rest) = bytes.split_first_chunk::<MASK_LEN>()?;
        let mask = u64::from_be_bytes(*mask);
        let mut named = (1..SPAN_FRAMES as u8).filter(|frame| mask & frame_bit(*frame) != 0);
        let mut frames = [0; KEPT_FRAMES];
        for frame in &mut frames {
            *frame = named.next()?;
        }
        if mask.count_ones() as usize != KEPT_FRAMES {
            return None;
        }
        let mut bits = [0; KEPT_FRAMES];
        for (bits, place) in bits.iter_mut().zip(rest.as_chunks::<FRAME_LEN>().0) {
            *bits = u32::from_be_bytes(*place);
        }
        Some(Self { frames, bits })
    }

    /// Reads `hk1:` and 176 characters of base64url; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        let read = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
        (read.len() == BYTES).then(|| Self::from_bytes(&bytes))?
    }

    /// The text that goes into an envelope, as `x-ohp-robust` in `session.media`; it is ASCII.
    pub fn to_text(&self) -> [u8; TEXT_LEN] {
        let mut text = [0; TEXT_LEN];
        let (prefix, rest) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        let written = Base64UrlUnpadded::encode(&self.to_bytes(), rest);
        debug_assert!(written.is_ok(), "TEXT_LEN has room for all bytes");
        text
    }
}

/// A frame's bit in the mask.
const fn frame_bit(frame: u8) -> u64 {
    1 << (u64::BITS - frame as u32)
}

impl fmt::Display for RobustFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

impl fmt::Debug for RobustFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> RobustFingerprint {
        RobustFingerprint::of_span(&core::array::from_fn(|at| SubFingerprint {
            bits: 0x9e37_79b9_u32.wrapping_mul(at as u32 + 1),
            energy: (at * 37 % 58) as f32,
        }))
    }

    #[test]
    fn bytes_and_text_read_back_and_nothing_else_is_read() {
        let fingerprint = any();
        let bytes = fingerprint.to_bytes();
        assert_eq!(
            (bytes.len(), RobustFingerprint::from_bytes(&bytes)),
            (132, Some(fingerprint))
        );
        let text = fingerprint.to_string();
        assert_eq!(
            (text.len(), RobustFingerprint::parse(&text)),
            (TEXT_LEN, Some(fingerprint))
        );
        for wrong in [
            &text[..TEXT_LEN - 1],
            &text[4..],
            &format!("{text}A"),
            &text.replace("hk1", "hk2"),
            "",
        ] {
            assert_eq!(RobustFingerprint::parse(wrong), None, "{wrong}");
        }
        for byte in 0..MASK_LEN {
            for bit in 0..8 {
                let mut other = bytes;
                other[byte] ^= 1 << bit;
                assert_eq!(
                    RobustFingerprint::from_bytes(&other),
                    None,
                    "30 or 32 frames, or one that is none"
                );
            }
        }
        // 31 frames, one of which is the 59th.
        let mask = u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"));
        let lowest = 1 << mask.trailing_zeros();
        let mut other = bytes;
        other[..8].copy_from_slice(&(mask ^ lowest | 1 << 5).to_be_bytes());
        assert_eq!(RobustFingerprint::from_bytes(&other), None);
    }

    #[test]
    fn of_equally_energetic_frames_the_earlier_are_kept() {
        let even = RobustFingerprint::of_span(&[SubFingerprint { bits: 7, energy: 1.0 }; 58]);
        assert!(even.frames().map(|(frame, _)| frame).eq(1..=31));
        assert_eq!(even.to_bytes()[..8], [0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0]);
        assert_eq!(even.to_bytes()[8..12], [0, 0, 0, 7]);
    }

    #[test]
    fn kept_frames_are_compared_where_they_fall_and_none_outside() {
        let fingerprint = any();
        let mut heard = [0; 400];
        for (frame, bits) in fingerprint.frames() {
            heard[100 + frame * 4] = bits;
        }
        assert_eq!(fingerprint.errors(&heard, 4, 100), Some(0));
        assert!(fingerprint.errors(&heard, 4, 101).is_some_and(|errors| errors > 300));
        assert_eq!(fingerprint.errors(&heard, 4, 300), None);
        assert_eq!(fingerprint.errors(&heard, 4, -300), None);
        let first = fingerprint.frames().next().expect("31 frames").0 as isize;
        assert!(fingerprint.errors(&heard, 4, 4 - first * 4).is_some());
        assert_eq!(fingerprint.errors(&heard, 4, 3 - first * 4), None);
        heard[100 + fingerprint.frames().next().expect("31 frames").0 * 4] ^= 0x8000_0001;
        assert_eq!(fingerprint.errors(&heard, 4, 100), Some(2));
    }
}
