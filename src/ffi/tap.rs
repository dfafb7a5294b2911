//! `ohp_tap`: the last seconds of one leg's received audio, and the fingerprint over it.

use core::ffi::{c_char, c_void};

use super::panic::guard;
use super::place::{self, Object, Room};
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{
    self, OHP_ERR_MALFORMED, OHP_ERR_OBJECT, OHP_ERR_RANGE, OHP_ERR_SPACE, OHP_ERR_TOO_LONG, OHP_NO_MEDIA,
    OHP_NO_USABLE_AUDIO, OHP_NONE,
};
use super::text::{Lent, ohp_text};
use super::vocabulary;
use crate::media::codec::PAYLOAD_TYPES;
use crate::media::exact::{self, Decision, NoSample};
use crate::media::fingerprint::{Fingerprint, TEXT_LEN};
use crate::media::sdp::Description;
use crate::media::tap::{Frame, Pcm, Stats, TapError, Written};
use crate::media::{PayloadTypes, Tap, TapConfig};

/// The last seconds of one leg's received audio, as it came, without decoding.
///
/// It lies in memory that the host supplies and holds no pointer. One thread writes and never waits; any thread or
/// process that sees the memory reads at any time and disturbs nobody.
pub struct ohp_tap(());

impl Object for ohp_tap {
    const KIND: u64 = u64::from_be_bytes(*b"OHPtap \x01");
}

/// Most seconds that a tap keeps: what the protocol's search looks at.
pub const OHP_TAP_SECONDS_MAX: u32 = 10;
/// Number of RTP payload types.
pub const OHP_PAYLOAD_TYPES: usize = 128;
/// Length of a fingerprint's text, "sha256:" and 64 digits.
pub const OHP_FINGERPRINT_LEN: usize = 71;

const _: () = assert!(
    OHP_TAP_SECONDS_MAX == crate::media::tap::MAX_SECONDS
        && OHP_PAYLOAD_TYPES == PAYLOAD_TYPES as usize
        && OHP_FINGERPRINT_LEN == TEXT_LEN
);

/// Counts since a tap was initialised.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_tap_stats {
    /// sizeof(ohp_tap_stats).
    pub size: usize,
    /// Audio packets kept. While it does not grow, there is nothing new to search.
    pub kept: u64,
    /// RTP packets passed over: DTMF events, comfort noise, payload types that are not audio.
    pub not_audio: u64,
    /// Datagrams that are not RTP.
    pub not_rtp: u64,
    /// Packets dropped for their length.
    pub too_long: u64,
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_tap_stats {
    const FIRST_SIZE: usize = 40;
}

/// A codec frame as a PBX hands it over, without its RTP header.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_frame {
    /// sizeof(ohp_frame).
    pub size: usize,
    /// An ohp_codec.
    pub codec: u32,
    /// Its stream: the SSRC, or any number that changes when the stream does.
    pub source: u32,
    /// RTP timestamp in ticks of the codec's RTP clock, which for G.722 runs at 8 kHz and for Opus at 48 kHz; or
    /// milliseconds. It alone says where a frame stands: there is no need of its sequence number.
    pub timestamp: u32,
    /// Whether `timestamp` counts milliseconds, as Asterisk's does: 1, else 0.
    pub is_milliseconds: u8,
    /// Zeros.
    pub reserved: [u8; 3],
    /// The payload as it came.
    pub payload: *const u8,
    /// Its length in bytes.
    pub payload_len: usize,
}

// SAFETY: repr(C), size first, integers and a pointer.
unsafe impl Sized_ for ohp_frame {
    const FIRST_SIZE: usize = 40;

    fn reserved(&self) -> &[u8] {
        &self.reserved
    }
}

/// Linear PCM as a PBX hands it over when it has decoded already.
///
/// Both sides have to have the same samples then, as behind one transcoder: what one has decoded is not what the other has
/// received.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_pcm {
    /// sizeof(ohp_pcm).
    pub size: usize,
    /// Samples in a second: 8000, 16000, 44100 or 48000.
    pub sample_rate: u32,
    /// Its stream: any number that changes when the stream does.
    pub source: u32,
    /// The number of the first sample.
    pub timestamp: u32,
    /// 1 to go on where the last PCM of this source and rate ended, whatever `timestamp` says; else 0.
    pub continues: u8,
    /// Zeros.
    pub reserved: [u8; 3],
    /// The samples, of one channel, in the machine's byte order.
    pub samples: *const i16,
    /// How many there are: 120 ms at most.
    pub count: usize,
}

// SAFETY: repr(C), size first, integers and a pointer.
unsafe impl Sized_ for ohp_pcm {
    const FIRST_SIZE: usize = 40;

    fn reserved(&self) -> &[u8] {
        &self.reserved
    }
}

/// The fingerprint that a sender puts into session.media.rtpFingerprint.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_fingerprint {
    /// sizeof(ohp_fingerprint).
    pub size: usize,
    /// How far the 200 ms lie behind the newest audio, in milliseconds.
    pub behind_ms: u32,
    /// The text, OHP_FINGERPRINT_LEN bytes, not NUL-terminated.
    pub text: [c_char; OHP_FINGERPRINT_LEN],
    /// Zeros.
    pub reserved: [u8; 5],
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_fingerprint {
    const FIRST_SIZE: usize = 88;
}

/// What a search for a fingerprint found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ohp_decision {
    /// Nobody asked, or there was nothing to look for.
    OHP_DECISION_NONE = 0,
    /// The fingerprint's 200 ms are in this tap, and they are alive.
    OHP_DECISION_MATCH = 1,
    /// There is usable audio, and none of it has this fingerprint. Search again while the tap's `kept` grows.
    OHP_DECISION_MISMATCH = 2,
    /// Nothing heard so far could prove anything.
    OHP_DECISION_NO_USABLE_AUDIO = 3,
    /// No RTP packet has come yet: wait, if there is time.
    OHP_DECISION_NO_MEDIA = 4,
    /// The exact fingerprint is not there, but sound that is similar to what the robust one was made of.
    OHP_DECISION_ROBUST_MATCH = 5,
}

fn status(error: TapError) -> ohp_status {
    match error {
        TapError::Seconds => OHP_ERR_RANGE,
        TapError::TooSmall => OHP_ERR_SPACE,
        TapError::NotATap => OHP_ERR_OBJECT,
    }
}

/// The tap that C points to.
///
/// # Safety
/// As [`place::words_of`].
pub(super) unsafe fn tap<'a>(tap: *const ohp_tap) -> Done<Tap<'a>> {
    // SAFETY: passed on to the caller.
    Tap::attach(unsafe { place::words_of(tap) }?).map_err(status)
}

fn config(codec: u32, seconds: u32) -> Done<(TapConfig, usize)> {
    let config = TapConfig {
        codec: vocabulary::codec(codec)?,
        seconds,
    };
    Ok((config, config.words().ok_or(OHP_ERR_RANGE)?))
}

/// How much memory a tap takes: 94 KiB for ten seconds of G.711, of G.722, or of Opus at 64 kbit/s.
///
/// @param codec    The widest ohp_codec that the leg may use.
/// @param seconds  Seconds to keep, 1 to OHP_TAP_SECONDS_MAX; the protocol's search looks at 10.
/// @param[out] size  Bytes.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_RANGE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_size(codec: u32, seconds: u32, size: *mut usize) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let out = unsafe { Out::new(size) }?;
        out.set(place::len_of_words(config(codec, seconds)?.1)?);
        Ok(())
    })
}

/// Makes an empty tap of the memory, whatever it held. Until told otherwise it takes what RFC 3551 assigns: PCMU as payload
/// type 0, PCMA as 8, G.722 as 9, L16 at 44.1 kHz as 10 (two channels) and 11.
///
/// A codec that needs more bytes than the widest one named, or more of them than it usually does, is kept for fewer seconds.
///
/// @param memory  Memory of the host, aligned to OHP_ALIGN. It stays the host's; there is nothing to release.
/// @param memory_size  Its length, at least what ohp_tap_size() says for the same codec and seconds.
/// @param codec    The widest ohp_codec that the leg may use.
/// @param seconds  Seconds to keep, 1 to OHP_TAP_SECONDS_MAX.
/// @param[out] tap  The tap; it is at the same address as the memory.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_RANGE.
///
/// Threads: one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_init(
    memory: *mut c_void,
    memory_size: usize,
    codec: u32,
    seconds: u32,
    tap: *mut *mut ohp_tap,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, room) = unsafe { (Out::new(tap)?, Room::<ohp_tap>::new(memory, memory_size)?) };
        let (config, needed) = config(codec, seconds)?;
        let words = room.words().get(..needed).ok_or(OHP_ERR_SPACE)?;
        room.clear();
        Tap::init(words, &config).map_err(status)?;
        out.set(room.finish(needed));
        Ok(())
    })
}

/// Finds the tap that another thread or process has made in shared memory.
///
/// @param memory  The memory, aligned to OHP_ALIGN.
/// @param memory_size  Its length.
/// @param[out] tap  The tap.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_OBJECT.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_attach(memory: *mut c_void, memory_size: usize, tap: *mut *mut ohp_tap) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, room) = unsafe { (Out::new(tap)?, Room::<ohp_tap>::new(memory, memory_size)?) };
        let made = room.made()?;
        // SAFETY: `made` has found an object that lies in the memory as a whole.
        unsafe { self::tap(made) }?;
        out.set(made);
        Ok(())
    })
}

/// Says which payload types are audio from now on, after an answer or a re-INVITE.
///
/// @param tap     A tap.
/// @param codecs  OHP_PAYLOAD_TYPES numbers of ohp_codec, one for each payload type; 0 for those that are not audio.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_RANGE.
///
/// Threads: one caller; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_set_payload_types(tap: *mut ohp_tap, codecs: *const u8) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, codecs) = unsafe {
            (
                self::tap(tap)?,
                pointer::shared(codecs.cast::<[u8; OHP_PAYLOAD_TYPES]>())?,
            )
        };
        let mut types = PayloadTypes::NONE;
        for (payload_type, codec) in (0..PAYLOAD_TYPES).zip(codecs) {
            if *codec != 0 {
                types = types.with(payload_type, vocabulary::codec(u32::from(*codec))?);
            }
        }
        tap.set_payload_types(&types);
        Ok(())
    })
}

/// Takes the payload types from this side's own session description, which says in which ones this leg receives.
///
/// @param tap      A tap.
/// @param sdp      The description.
/// @param sdp_len  Its length in bytes.
/// @return OHP_OK; OHP_NONE if it has no audio, and then nothing is changed; OHP_ERR_MALFORMED if it is no session
///         description; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: one caller; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_set_sdp(tap: *mut ohp_tap, sdp: *const c_char, sdp_len: usize) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, sdp) = unsafe { (self::tap(tap)?, pointer::bytes(sdp.cast(), sdp_len)?) };
        let description = Description::parse(sdp).map_err(|_| OHP_ERR_MALFORMED)?;
        let audio = description.audio().ok_or(OHP_NONE)?;
        tap.set_payload_types(&audio.payload_types());
        Ok(())
    })
}

/// Writes one RTP packet, decrypted, as it came from the network.
///
/// Never waits, allocates or decodes. Any bytes may come.
///
/// @param tap       A tap.
/// @param datagram  The packet, RTP header included.
/// @param len       Its length in bytes.
/// @return OHP_OK if it is kept; OHP_NONE if it is no audio and was passed over; OHP_ERR_MALFORMED if it is not RTP;
///         OHP_ERR_TOO_LONG if its payload has more than 1920 bytes and is not up to 120 ms of linear PCM; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT.
///
/// Threads: one writer at a time; any readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_write_rtp(tap: *mut ohp_tap, datagram: *const u8, len: usize) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, datagram) = unsafe { (self::tap(tap)?, pointer::bytes(datagram, len)?) };
        written(tap.write_rtp(datagram))
    })
}

/// Writes one codec frame, for hosts that hand over frames instead of packets. As ohp_tap_write_rtp() otherwise.
///
/// @param tap    A tap.
/// @param frame  The frame; its payload is copied.
/// @return As ohp_tap_write_rtp(); OHP_ERR_RANGE if the codec is none, OHP_ERR_SIZE.
///
/// Threads: one writer at a time; any readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_write_frame(tap: *mut ohp_tap, frame: *const ohp_frame) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, frame) = unsafe { (self::tap(tap)?, sized::read(frame)?) };
        let codec = vocabulary::codec(frame.codec)?;
        let timestamp = match frame.is_milliseconds {
            0 => frame.timestamp,
            1 => codec.timestamp_of_ms(frame.timestamp),
            _ => return Err(OHP_ERR_RANGE),
        };
        written(tap.write_frame(&Frame {
            codec,
            source: frame.source,
            timestamp,
            // SAFETY: as the header demands.
            payload: unsafe { pointer::bytes(frame.payload, frame.payload_len) }?,
        }))
    })
}

/// Writes linear PCM, for hosts that hand over samples. As ohp_tap_write_rtp() otherwise.
///
/// @param tap  A tap.
/// @param pcm  The samples, which are copied.
/// @return As ohp_tap_write_rtp(); OHP_ERR_RANGE for another sampling rate, OHP_ERR_TOO_LONG for more than 120 ms,
///         OHP_ERR_SIZE.
///
/// Threads: one writer at a time; any readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_write_pcm(tap: *mut ohp_tap, pcm: *const ohp_pcm) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, pcm) = unsafe { (self::tap(tap)?, sized::read(pcm)?) };
        written(tap.write_pcm(&Pcm {
            sample_rate: pcm.sample_rate,
            source: pcm.source,
            timestamp: match pcm.continues {
                0 => Some(pcm.timestamp),
                1 => None,
                _ => return Err(OHP_ERR_RANGE),
            },
            // SAFETY: as the header demands.
            samples: unsafe { pointer::slice(pcm.samples, pcm.count) }?,
        }))
    })
}

fn written(written: Written) -> Done {
    match written {
        Written::Kept => Ok(()),
        Written::NotAudio => Err(OHP_NONE),
        Written::NotRtp(_) => Err(OHP_ERR_MALFORMED),
        Written::TooLong => Err(OHP_ERR_TOO_LONG),
        Written::Rate => Err(OHP_ERR_RANGE),
    }
}

/// Reads a tap's counters.
///
/// @param tap  A tap.
/// @param[out] stats  The counters; set its `size` before.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_get_stats(tap: *const ohp_tap, stats: *mut ohp_tap_stats) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, out) = unsafe { (self::tap(tap)?, sized::Out::new(stats)?) };
        let Stats {
            kept,
            not_audio,
            not_rtp,
            too_long,
        } = tap.stats();
        out.set(ohp_tap_stats {
            size: 0,
            kept,
            not_audio,
            not_rtp,
            too_long,
        });
        Ok(())
    })
}

/// The sender's side: takes the fingerprint of the newest 200 ms that can prove something.
///
/// ohp_leg_propose() does this by itself.
///
/// @param tap  A tap.
/// @param why  A buffer for why there is none, or NULL.
/// @param[out] fingerprint  The fingerprint; set its `size` before.
/// @return OHP_OK, OHP_NO_MEDIA, OHP_NO_USABLE_AUDIO, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_fingerprint(
    tap: *const ohp_tap,
    why: *mut ohp_text,
    fingerprint: *mut ohp_fingerprint,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, mut why, out) = unsafe { (self::tap(tap)?, Lent::new(why)?, sized::Out::new(fingerprint)?) };
        let sample = exact::newest(&tap).map_err(why.fail(|error| match error {
            NoSample::NoMedia => OHP_NO_MEDIA,
            NoSample::NoUsableAudio(_) => OHP_NO_USABLE_AUDIO,
        }))?;
        out.set(ohp_fingerprint {
            size: 0,
            behind_ms: sample.behind_ms,
            text: sample.fingerprint.to_text().map(|byte| byte as c_char),
            reserved: [0; 5],
        });
        Ok(())
    })
}

/// The receiver's side: looks for a fingerprint in all that the tap holds.
///
/// ohp_leg_handle_info() does this by itself.
///
/// @param tap   A tap.
/// @param text  What session.media.rtpFingerprint says: "sha256:" and 64 lower-case digits.
/// @param text_len  Its length in bytes.
/// @param why   A buffer for the decision in words, or NULL.
/// @param[out] decision  What was found.
/// @return OHP_OK; OHP_ERR_MALFORMED if the text is no fingerprint; OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT,
///         OHP_ERR_UTF8.
///
/// Threads: any; the writer may go on meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_tap_search(
    tap: *const ohp_tap,
    text: *const c_char,
    text_len: usize,
    why: *mut ohp_text,
    decision: *mut ohp_decision,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (tap, text, mut why, out) = unsafe {
            let text = pointer::text(text, text_len)?;
            (self::tap(tap)?, text, Lent::new(why)?, Out::new(decision)?)
        };
        let wanted = Fingerprint::parse(text).ok_or(OHP_ERR_MALFORMED)?;
        let found = exact::search(&tap, &wanted);
        why.say(found);
        out.set(match found {
            Decision::Match(_) => ohp_decision::OHP_DECISION_MATCH,
            Decision::Mismatch => ohp_decision::OHP_DECISION_MISMATCH,
            Decision::NoUsableAudio(_) => ohp_decision::OHP_DECISION_NO_USABLE_AUDIO,
            Decision::NoMedia => ohp_decision::OHP_DECISION_NO_MEDIA,
        });
        Ok(())
    })
}
