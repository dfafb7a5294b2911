//! Recordings as the library's tap would have heard them: each channel of a WAV file is a stream, and each RTP source of a
//! capture.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use ohp::media::codec::{Codec, PayloadTypes};
use ohp::media::decoder::Decoder;
use ohp::media::exact::{self, Decision, NoSample, Sample, Unusable};
use ohp::media::fingerprint::Fingerprint;
use ohp::media::robust::frames::SPAN_SAMPLES;
use ohp::media::robust::{self, MAX_SAMPLES, RobustFingerprint};
use ohp::media::rtp::Packet;
use ohp::media::tap::{Frame, MAX_SECONDS, Tap, TapConfig};

use crate::exit::Failure;
use crate::formats::{Encoding, Formats, Named};
use crate::input::{self, RECORDING_LIMIT};
use crate::pcap::{self, counted};
use crate::resample;
use crate::rtp_streams::{self, RtpStream, Stats};
use crate::wav::{self, Sound, Wav};

/// Frames in a second that a WAV file is cut into: 10 ms each.
const FRAMES_PER_SECOND: u32 = 100;

/// Samples in a millisecond at 8 kHz, the robust fingerprint's rate.
const SAMPLES_PER_MS: u64 = 8;

/// The tap holds 10 s; it is searched every 9 s, so that no 200 ms are missed between two searches.
const SEARCH_EVERY_MS: u64 = 9000;

/// Samples by which a search for a robust fingerprint goes on: spans that begin in one search and not in the next end in it.
const ROBUST_STEP: usize = MAX_SAMPLES - 4 * 8000;

const _: () = assert!(ROBUST_STEP + SPAN_SAMPLES <= MAX_SAMPLES);

/// A step of the RTP clock that is longer is a new beginning, in seconds.
const LONGEST_GAP: i32 = MAX_SECONDS as i32;

/// A recording's streams: the channels of a WAV file in their order, the RTP streams of a capture, the longest first.
pub struct Recording {
    /// At least one, unless a capture holds no RTP.
    pub streams: Vec<Stream>,
    /// What the user should know about the file, a sentence each.
    pub notes: Vec<String>,
}

/// One source's sound.
pub struct Stream {
    /// Its number in the recording, from 1.
    pub number: usize,
    /// Where it comes from.
    pub origin: Origin,
    packets: Vec<Kept>,
    types: PayloadTypes,
    /// Why no exact fingerprint can be taken.
    no_exact: Option<String>,
    /// Why no fingerprint can be taken at all.
    unusable: Option<String>,
}

/// Where a stream comes from.
pub enum Origin {
    /// A channel of a WAV file.
    Channel {
        /// How the file stores it.
        form: String,
        /// How long it is.
        millis: u64,
    },
    /// An RTP stream of a capture.
    Rtp {
        /// Synchronisation source.
        ssrc: u32,
        /// Who sends.
        from: SocketAddr,
        /// Who receives.
        to: SocketAddr,
        /// What its payload types carry, the commonest first.
        codecs: Vec<(u8, Option<Encoding>)>,
        /// Ticks of its clock in a second, where it is known.
        clock_rate: Option<u32>,
        /// Its packets.
        stats: Stats,
    },
}

/// A stream as a user names it: by its number, or by its SSRC.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// The number that the table gives it.
    Number(usize),
    /// Its synchronisation source.
    Ssrc(u32),
}

impl std::str::FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(Self::Ssrc),
            None => text.parse().ok().map(Self::Number),
        };
        read.ok_or("a stream is its number in the table, or its SSRC as 0x and hexadecimal digits")
    }
}

/// Something that a tap takes, and how many milliseconds it lasts.
struct Kept {
    what: What,
    millis: u64,
}

enum What {
    Rtp(Vec<u8>),
    Frame(Codec, u32, Vec<u8>),
}

impl Recording {
    /// Reads a WAV file or a capture.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_with(path, &[])
    }

    /// Reads a WAV file or a capture, some of whose payload types the user has named.
    pub fn read_with(path: &Path, named: &[Named]) -> Result<Self, Failure> {
        let bytes = input::read(path, RECORDING_LIMIT)?;
        if wav::is_wav(&bytes) {
            Ok(Self::of_wav(wav::read(&bytes)?))
        } else if pcap::is_capture(&bytes) {
            Ok(Self::of_capture(&pcap::read(&bytes)?, named))
        } else {
            Err(Failure::new(format_args!(
                "{} is neither a WAV file nor a packet capture",
                path.display()
            ))
            .advise("Give a .wav, .pcap or .pcapng file; a compressed one unpacked"))
        }
    }

    fn of_wav(wav: Wav) -> Self {
        let rate = wav.rate;
        let channels = (1..).zip(wav.channels);
        Self {
            streams: channels
                .map(|(number, sound)| Stream::of_channel(number, rate, sound))
                .collect(),
            notes: Vec::new(),
        }
    }

    fn of_capture(capture: &pcap::Capture<'_>, named: &[Named]) -> Self {
        let formats = Formats::learn(named, &capture.datagrams);
        let streams = rtp_streams::streams(&capture.datagrams).into_iter();
        let streams: Vec<_> = (1..)
            .zip(streams)
            .map(|(number, stream)| Stream::of_rtp(number, stream, &formats))
            .collect();
        let mut notes = capture.passed.notes();
        if formats.learnt() > 0 {
            notes.push(format!(
                "codecs learnt from SIP in the capture, for {}",
                counted(formats.learnt(), "media section")
            ));
        }
        if streams.is_empty() {
            notes.push(match capture.datagrams.len() {
                0 => String::from("no UDP in the capture"),
                count => format!("{}, none of an RTP stream", counted(count, "UDP datagram")),
            });
        }
        Self { streams, notes }
    }

    /// Keeps one stream only.
    pub fn choose(&mut self, which: Which) -> Result<(), Failure> {
        let count = self.streams.len();
        self.streams.retain(|stream| match (which, &stream.origin) {
            (Which::Number(number), _) => stream.number == number,
            (Which::Ssrc(wanted), Origin::Rtp { ssrc, .. }) => *ssrc == wanted,
            (Which::Ssrc(_), Origin::Channel { .. }) => false,
        });
        if self.streams.is_empty() {
            let advice = match count {
                0 => String::from("The recording has no streams"),
                1 => String::from("The recording has one stream, 1; leave --stream out"),
                count => format!("The recording has streams 1 to {count}; ohp fingerprint FILE lists them"),
            };
            return Err(Failure::new("there is no such stream").advise(advice));
        }
        Ok(())
    }

    /// Says why no stream can have an exact fingerprint, if none can.
    pub fn exact_or_why(&self) -> Result<(), Failure> {
        match self.streams.as_slice() {
            [first, rest @ ..] if rest.iter().chain([first]).all(|stream| stream.fault(true).is_some()) => {
                Err(Failure::new(first.fault(true).unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// Looks for a robust fingerprint in every stream; the best decision, the stream, and where the span begins there, in
    /// milliseconds.
    pub fn find_robust(&self, wanted: &RobustFingerprint) -> (robust::Decision, Option<&Stream>, Option<i64>) {
        let mut best = (robust::Decision::NoMedia, None, None);
        for stream in &self.streams {
            let (decision, place) = stream.find_robust(wanted);
            if rank_robust(&decision) > rank_robust(&best.0) {
                best = (decision, Some(stream), place);
            }
        }
        best
    }

    /// Looks for a fingerprint in every stream; the best decision, and where the sound was, in milliseconds from the
    /// stream's beginning.
    pub fn find(&self, wanted: &Fingerprint) -> (Decision, Option<u64>) {
        let mut best = (Decision::NoMedia, None);
        for stream in &self.streams {
            let found = stream.find(wanted);
            if rank(&found.0) > rank(&best.0) {
                best = found;
            }
        }
        best
    }
}

impl Stream {
    fn of_channel(number: usize, rate: u32, sound: Sound) -> Self {
        let form = format!("{} at {rate} Hz", sound.form());
        let millis = sound.len() as u64 * 1000 / u64::from(rate);
        let linear = [Codec::L16, Codec::L16_16k, Codec::L16_44k, Codec::L16_48k]
            .into_iter()
            .find(|codec| codec.sample_rate() == rate);
        let no_exact = linear.is_none().then(|| {
            format!(
                "the WAV file has {rate} samples a second, and an exact fingerprint is of the samples as they were sent, at \
                 8000, 16000, 44100 or 48000; --kind robust takes any rate"
            )
        });
        let bytes_of = |samples: Vec<i16>| samples.into_iter().flat_map(i16::to_be_bytes).collect();
        let (codec, bytes): (Codec, Vec<u8>) = match (sound, linear) {
            (Sound::MuLaw(codes), Some(Codec::L16)) => (Codec::Pcmu, codes),
            (Sound::ALaw(codes), Some(Codec::L16)) => (Codec::Pcma, codes),
            (sound, Some(codec)) => (codec, bytes_of(sound.linear())),
            (sound, None) => {
                let samples = resample::to_telephone_rate(&sound.linear(), rate);
                (Codec::L16, bytes_of(samples))
            }
        };
        let frame_ticks = codec.clock_rate() / FRAMES_PER_SECOND;
        let frame_len = frame_ticks as usize * codec.tick_len().unwrap_or(1);
        let packets = (0..).zip(bytes.chunks(frame_len)).map(|(nth, payload)| Kept {
            millis: lasts_millis(codec, payload),
            what: What::Frame(codec, frame_ticks.wrapping_mul(nth), payload.to_vec()),
        });
        Self {
            number,
            origin: Origin::Channel { form, millis },
            packets: packets.collect(),
            types: PayloadTypes::NONE,
            no_exact,
            unusable: None,
        }
    }

    fn of_rtp(number: usize, stream: RtpStream<'_>, formats: &Formats) -> Self {
        let (from, to) = (stream.from, stream.to);
        let mut codecs: Vec<_> = stream.stats.payload_types.iter().collect();
        codecs.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let codecs: Vec<(u8, Option<Encoding>)> = codecs
            .into_iter()
            .map(|(number, _)| (*number, formats.encoding(from, to, *number)))
            .collect();
        let decoded = |(number, encoding): &(u8, Option<Encoding>)| {
            let codec = encoding.as_ref()?.codec()?;
            codec.is_decodable().then_some((*number, codec))
        };
        let types = codecs
            .iter()
            .filter_map(decoded)
            .fold(PayloadTypes::NONE, |types, (number, codec)| types.with(number, codec));
        let sound = codecs
            .iter()
            .find_map(|(_, encoding)| encoding.as_ref().filter(|encoding| encoding.is_sound()));
        let clock_rate = sound
            .or(codecs.iter().find_map(|(_, encoding)| encoding.as_ref()))
            .map(|encoding| encoding.clock_rate);
        let unusable = match formats.secured(from, to) {
            Some(protocol) => Some(format!(
                "encrypted ({protocol}): a fingerprint is of decrypted sound, so capture where SRTP has been undone"
            )),
            None if types == PayloadTypes::NONE => Some(not_decoded(&codecs)),
            None => None,
        };
        let packets = stream.datagrams.iter().map(|datagram| {
            let packet = Packet::parse(datagram).ok();
            let codec = packet.and_then(|packet| Some((types.codec(packet.payload_type())?, packet)));
            Kept {
                what: What::Rtp(datagram.to_vec()),
                millis: codec.map_or(0, |(codec, packet)| lasts_millis(codec, packet.payload())),
            }
        });
        Self {
            number,
            packets: packets.collect(),
            origin: Origin::Rtp {
                ssrc: stream.ssrc,
                from,
                to,
                codecs,
                clock_rate,
                stats: stream.stats,
            },
            types,
            no_exact: None,
            unusable,
        }
    }

    /// Why no fingerprint can be taken, exact or otherwise, whatever the sound is.
    pub fn fault(&self, exact: bool) -> Option<&str> {
        let no_exact = self.no_exact.as_deref().filter(|_| exact);
        self.unusable.as_deref().or(no_exact)
    }

    /// The stream as samples at 8 kHz. Gaps are silence; where the clock leaps, what follows comes next. Of several codecs
    /// those count that have the first one's rate.
    pub fn samples(&self) -> Vec<i16> {
        let mut samples = Vec::new();
        let mut decoder: Option<Decoder> = None;
        let rate = self.packets.iter().find_map(|packet| packet.audio(&self.types));
        let rate = rate.map_or(wav::TELEPHONE_RATE, |(codec, ..)| codec.sample_rate());
        // The place and the timestamp of the packet before.
        let mut before: Option<(usize, u32)> = None;
        for packet in &self.packets {
            let Some((codec, timestamp, payload)) = packet.audio(&self.types) else {
                continue;
            };
            if codec.sample_rate() != rate {
                continue;
            }
            let place = before.and_then(|(place, earlier)| {
                let step = timestamp.wrapping_sub(earlier) as i32;
                let longest = LONGEST_GAP * codec.clock_rate() as i32;
                let near = (-longest..=longest).contains(&step);
                let step = step as isize * codec.samples_per_tick() as isize;
                near.then(|| place.checked_add_signed(step))?
            });
            let place = place.unwrap_or(samples.len());
            before = Some((place, timestamp));
            if decoder.as_ref().is_none_or(|decoder| decoder.codec() != codec) {
                decoder = Decoder::new(codec);
            }
            let Some(decoder) = &mut decoder else { continue };
            let end = place + codec.samples(payload);
            if samples.len() < end {
                samples.resize(end, 0);
            }
            decoder.decode(payload, &mut samples[place..end]);
        }
        resample::to_telephone_rate(&samples, rate)
    }

    /// The newest usable robust fingerprint, likewise.
    pub fn newest_robust(&self) -> Result<(RobustFingerprint, u64), robust::NoSample> {
        if self.unusable.is_some() {
            return Err(robust::NoSample::NoUsableAudio(robust::Unusable::TooLittle));
        }
        if self.packets.is_empty() {
            return Err(robust::NoSample::NoMedia);
        }
        let samples = self.samples();
        let (mut end, mut why) = (samples.len(), None);
        loop {
            match robust::newest_of_pcm(&samples[..end]) {
                Ok(sample) => {
                    let span = end as u64 / SAMPLES_PER_MS - u64::from(sample.behind_ms);
                    let begins = span.saturating_sub(SPAN_SAMPLES as u64 / SAMPLES_PER_MS);
                    return Ok((sample.fingerprint, begins));
                }
                Err(none) if end < MAX_SAMPLES => return Err(why.unwrap_or(none)),
                Err(none) => why = why.or(Some(none)),
            }
            end -= ROBUST_STEP;
        }
    }

    /// Looks for a robust fingerprint; the nearest place's decision, and where the span begins there, in milliseconds.
    pub fn find_robust(&self, wanted: &RobustFingerprint) -> (robust::Decision, Option<i64>) {
        let mut best = (robust::Decision::NoMedia, None);
        if self.unusable.is_some() {
            best.0 = robust::Decision::NoUsableAudio(robust::Unusable::TooLittle);
        }
        if self.packets.is_empty() || self.unusable.is_some() {
            return best;
        }
        let samples = self.samples();
        let mut start = 0;
        loop {
            let end = samples.len().min(start + MAX_SAMPLES);
            let decision = robust::search_pcm(&samples[start..end], wanted);
            if rank_robust(&decision) > rank_robust(&best.0) {
                let span = (SPAN_SAMPLES as u64 / SAMPLES_PER_MS) as i64;
                let begins = |behind: i32| (end as u64 / SAMPLES_PER_MS) as i64 - i64::from(behind) - span;
                let place = match decision {
                    robust::Decision::Match(found) => Some(begins(found.behind_ms)),
                    _ => None,
                };
                best = (decision, place);
            }
            if end == samples.len() {
                return best;
            }
            start += ROBUST_STEP;
        }
    }

    /// The newest usable fingerprint, as a sender at the recording's end would give it, or at the end of an earlier
    /// part if the last one proves nothing; and where its sound begins, in milliseconds.
    pub fn newest(&self) -> Result<(Sample, u64), NoSample> {
        if self.fault(true).is_some() {
            return Err(NoSample::NoUsableAudio(Unusable::TooLittle));
        }
        let mut end = self.packets.len();
        let mut millis: u64 = self.packets.iter().map(|packet| packet.millis).sum();
        let mut why = NoSample::NoMedia;
        while end > 0 {
            let (start, span) = self.part_before(end);
            let words = words();
            let tap = tap(&words, &self.types);
            self.packets[start..end].iter().for_each(|packet| packet.put(&tap));
            match exact::newest(&tap) {
                Ok(sample) => {
                    let window = millis.saturating_sub(u64::from(sample.behind_ms) + 200);
                    return Ok((sample, window));
                }
                Err(none) if why == NoSample::NoMedia => why = none,
                Err(_) => {}
            }
            end = start;
            millis = millis.saturating_sub(span);
        }
        Err(why)
    }

    /// The first packet of the 9 s that end before `end`, and how many milliseconds they really are.
    fn part_before(&self, end: usize) -> (usize, u64) {
        let mut span = 0;
        for start in (0..end).rev() {
            span += self.packets[start].millis;
            if span >= SEARCH_EVERY_MS {
                return (start, span);
            }
        }
        (0, span)
    }

    /// Looks for an exact fingerprint; where its sound begins, in milliseconds.
    pub fn find(&self, wanted: &Fingerprint) -> (Decision, Option<u64>) {
        if self.fault(true).is_some() {
            return (Decision::NoUsableAudio(Unusable::TooLittle), None);
        }
        let words = words();
        let tap = tap(&words, &self.types);
        let mut best = Decision::NoMedia;
        let (mut heard, mut searched) = (0, 0);
        for (nth, packet) in self.packets.iter().enumerate() {
            packet.put(&tap);
            heard += packet.millis;
            if heard - searched < SEARCH_EVERY_MS && nth + 1 < self.packets.len() {
                continue;
            }
            searched = heard;
            let decision = exact::search(&tap, wanted);
            if let Decision::Match(found) = decision {
                return (decision, Some(heard.saturating_sub(u64::from(found.behind_ms) + 200)));
            }
            if rank(&decision) > rank(&best) {
                best = decision;
            }
        }
        (best, None)
    }
}

impl Kept {
    /// The codec, RTP timestamp and payload of what is audio.
    fn audio(&self, types: &PayloadTypes) -> Option<(Codec, u32, &[u8])> {
        match &self.what {
            What::Rtp(datagram) => {
                let packet = Packet::parse(datagram).ok()?;
                let codec = types.codec(packet.payload_type())?;
                Some((codec, packet.timestamp(), packet.payload()))
            }
            What::Frame(codec, timestamp, payload) => Some((*codec, *timestamp, payload)),
        }
    }

    fn put(&self, tap: &Tap<'_>) {
        match &self.what {
            What::Rtp(datagram) => tap.write_rtp(datagram),
            What::Frame(codec, timestamp, payload) => tap.write_frame(&Frame {
                codec: *codec,
                source: 0,
                timestamp: *timestamp,
                payload,
            }),
        };
    }
}

/// Why none of a stream's payload types can be decoded.
fn not_decoded(codecs: &[(u8, Option<Encoding>)]) -> String {
    let is_sound = |encoding: &Option<Encoding>| encoding.as_ref().is_none_or(Encoding::is_sound);
    match codecs
        .iter()
        .find(|(_, encoding)| is_sound(encoding))
        .or(codecs.first())
    {
        Some((number, None)) => format!(
            "nothing says what payload type {number} carries: name it, as in --payload-type {number}=opus/48000/2"
        ),
        Some((_, Some(encoding))) if encoding.is_sound() => {
            format!("{encoding} is not decoded by this build: decode the stream into a WAV file first")
        }
        Some((_, Some(encoding))) => format!("{encoding} only, which is no sound"),
        None => String::from("no packets"),
    }
}

/// How long a payload lasts, in milliseconds.
fn lasts_millis(codec: Codec, payload: &[u8]) -> u64 {
    u64::from(codec.ticks(payload)) * 1000 / u64::from(codec.clock_rate())
}

/// Memory for a tap of the longest history, whatever comes.
fn words() -> Vec<AtomicU64> {
    (0..WIDEST.words().unwrap_or_default())
        .map(|_| AtomicU64::new(0))
        .collect()
}

/// A tap with room for the codec of the most bytes.
const WIDEST: TapConfig = TapConfig {
    codec: Codec::L16_48kStereo,
    seconds: MAX_SECONDS,
};

fn tap<'w>(words: &'w [AtomicU64], types: &PayloadTypes) -> Tap<'w> {
    let tap = Tap::init(words, &WIDEST).expect("the memory was made for this configuration");
    tap.set_payload_types(types);
    tap
}

/// Which of two robust decisions says more; of two alike the one with fewer errors.
pub fn rank_robust(decision: &robust::Decision) -> (u8, i32) {
    match decision {
        robust::Decision::NoMedia => (0, 0),
        robust::Decision::NoUsableAudio(robust::Unusable::TooLittle) => (1, 0),
        robust::Decision::NoUsableAudio(_) => (2, 0),
        robust::Decision::Mismatch { errors } => (3, -i32::from(*errors)),
        robust::Decision::Match(found) => (4, -i32::from(found.errors)),
    }
}

/// Which of two decisions says more.
fn rank(decision: &Decision) -> u8 {
    match decision {
        Decision::NoMedia => 0,
        Decision::NoUsableAudio(Unusable::TooLittle) => 1,
        Decision::NoUsableAudio(Unusable::Lifeless(_) | Unusable::NotDecodable | Unusable::Searching) => 2,
        Decision::Mismatch => 3,
        Decision::Match(_) => 4,
    }
}
