//! libopus as decoder, in memory that the caller supplies (interpretations, row 35).
//!
//! A fingerprint is over decoded samples, and no other decoder gives libopus's. The system's library is called directly,
//! because its state is to lie in a caller's memory: every safe binding allocates it.
//!
//! Not here: which packets are decoded ([`crate::media::exact`]), and encoding.

#![allow(
    unsafe_code,
    reason = "libopus is C; this file is all there is between it and the rest of the library"
)]

use core::ffi::c_int;
use core::fmt;

use opusic_c::sys as libopus;

/// Samples a second that are decoded to: Opus's RTP clock (RFC 7587 §4.1), whatever the encoder was given.
pub const SAMPLE_RATE: u32 = 48_000;
/// Channels that are decoded to; a stereo packet is mixed down by libopus.
const CHANNELS: c_int = 1;
/// Most samples of one packet: 120 ms (RFC 6716 §3.2.5).
pub const PACKET_SAMPLES_MAX: usize = 5_760;
/// Longest packet that libopus is given: 48 frames of 1275 bytes with all their lengths and no padding to speak of
/// (RFC 6716 §3.4) stay below it, and the tap keeps none so long.
pub const PACKET_LEN_MAX: usize = 1 << 16;
/// Size and alignment of the words that the decoder lies in.
const WORD_LEN: usize = size_of::<u64>();

/// A packet that libopus does not decode: it is no Opus packet, or it is longer than the room for its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable;

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("libopus does not decode this packet")
    }
}

impl core::error::Error for Undecodable {}

/// How many 64-bit words a [`Decoder`] needs. The library that is loaded decides: 2,279 with libopus 1.3, about 24,000
/// where 1.5 or later is built with its neural networks, which a decoder at rest does not use.
pub fn decoder_words() -> usize {
    // SAFETY: takes a number of channels, which is one or two, and reads nothing else.
    let bytes = unsafe { libopus::opus_decoder_get_size(CHANNELS) };
    usize::try_from(bytes).unwrap_or_default().div_ceil(WORD_LEN)
}

/// A decoder to 48 kHz mono.
pub struct Decoder<'m> {
    /// INVARIANT: libopus has initialised these words, and nobody else has written to them since.
    state: Memory<'m>,
}

/// Where a decoder's state lies.
enum Memory<'m> {
    Lent(&'m mut [u64]),
    Own(Vec<u64>),
}

impl Memory<'_> {
    fn words(&mut self) -> &mut [u64] {
        match self {
            Self::Lent(words) => words,
            Self::Own(words) => words,
        }
    }
}

impl Decoder<'static> {
    /// A fresh decoder in memory of its own, which is allocated here, once; `None` if there is none left.
    pub fn allocate() -> Option<Self> {
        let words = decoder_words();
        let mut state = Vec::new();
        state.try_reserve_exact(words).ok()?;
        state.resize(words, 0);
        Self::over(Memory::Own(state))
    }
}

impl<'m> Decoder<'m> {
    /// A fresh decoder in `memory`, which is allocated nowhere and released by nobody; `None` if it has fewer than
    /// [`decoder_words`].
    pub fn new(memory: &'m mut [u64]) -> Option<Self> {
        Self::over(Memory::Lent(memory.get_mut(..decoder_words())?))
    }

    fn over(mut state: Memory<'m>) -> Option<Self> {
        let words = state.words();
        if words.is_empty() || words.len() < decoder_words() {
            return None;
        }
        // SAFETY: the pointer is to as many bytes as libopus asked for, aligned to eight, and they are the decoder's for
        // as long as it lives. libopus keeps no other pointer to them.
        let status = unsafe { libopus::opus_decoder_init(words.as_mut_ptr().cast(), SAMPLE_RATE as i32, CHANNELS) };
        (status == libopus::OPUS_OK as c_int).then_some(Self { state })
    }

    fn as_ptr(&mut self) -> *mut libopus::OpusDecoder {
        self.state.words().as_mut_ptr().cast()
    }

    /// Forgets all that has been decoded: what follows comes out as from a fresh decoder.
    pub fn reset(&mut self) {
        // SAFETY: the state is initialised (see the field), and this request takes no further argument. It cannot fail.
        unsafe { libopus::opus_decoder_ctl(self.as_ptr(), libopus::OPUS_RESET_STATE as c_int) };
    }

    /// Decodes one packet, any bytes, into the front of `pcm`, and returns how many samples it gave: 120 (2.5 ms) to
    /// [`PACKET_SAMPLES_MAX`]. What is in a packet for the one before it (in-band FEC) is not used. Allocates nothing.
    ///
    /// A packet of one byte (DTX) gives what libopus puts in the place of silence, which depends on what came before.
    ///
    /// # Errors
    /// [`Undecodable`]; the decoder may be used further, as if the packet had not come.
    pub fn decode(&mut self, packet: &[u8], pcm: &mut [i16]) -> Result<usize, Undecodable> {
        // To libopus an empty packet is a lost one, for which it makes up sound.
        if packet.is_empty() || packet.len() > PACKET_LEN_MAX {
            return Err(Undecodable);
        }
        let room = pcm.len().min(PACKET_SAMPLES_MAX);
        // SAFETY: the state is initialised (see the field). libopus reads at most the packet's length and writes at most
        // `room` samples of one channel; both fit a `c_int`.
        let samples = unsafe {
            libopus::opus_decode(
                self.as_ptr(),
                packet.as_ptr(),
                packet.len() as i32,
                pcm.as_mut_ptr(),
                room as c_int,
                0,
            )
        };
        match usize::try_from(samples) {
            Ok(samples) if (1..=room).contains(&samples) => Ok(samples),
            _ => Err(Undecodable),
        }
    }

    /// The state of the range decoder after the last packet, which test vectors name: a decoder that has read a packet
    /// differently has another one (RFC 6716 §6).
    pub fn final_range(&mut self) -> u32 {
        let mut range: u32 = 0;
        // SAFETY: the state is initialised (see the field), and this request takes one pointer to 32 bits, which libopus
        // writes to before it returns.
        unsafe {
            libopus::opus_decoder_ctl(
                self.as_ptr(),
                libopus::OPUS_GET_FINAL_RANGE_REQUEST as c_int,
                &raw mut range,
            )
        };
        range
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}
