//! Recordings as the library's tap would have heard them: a WAV file is one stream, a capture one for each RTP source.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use ohp::media::codec::{Codec, PCM_SAMPLE_LEN, PayloadTypes};
use ohp::media::decoder::Decoder;
use ohp::media::exact::{self, Decision, NoSample, Sample, Unusable};
use ohp::media::fingerprint::Fingerprint;
use ohp::media::robust::frames::SPAN_SAMPLES;
use ohp::media::robust::{self, MAX_SAMPLES, RobustFingerprint};
use ohp::media::rtp::{self, Packet};
use ohp::media::tap::{Frame, MAX_SECONDS, Tap, TapConfig};

use crate::exit::Failure;
use crate::input::{self, RECORDING_LIMIT};
use crate::pcap::{self, Datagram};
use crate::wav::{self, Sound, Wav};

/// Samples in a frame that a WAV file is cut into: 20 ms.
const FRAME_SAMPLES: usize = 160;

/// Samples in a millisecond.
const SAMPLES_PER_MS: u64 = 8;

/// The tap holds 10 s; it is searched every 9 s, so that no 200 ms are missed between two searches.
const SEARCH_EVERY_MS: u64 = 9000;

/// Samples by which a search for a robust fingerprint goes on: spans that begin in one search and not in the next end in it.
const ROBUST_STEP: usize = MAX_SAMPLES - 4 * 8000;

const _: () = assert!(ROBUST_STEP + SPAN_SAMPLES <= MAX_SAMPLES);

/// A step of the RTP clock that is longer is a new beginning, in samples.
const LONGEST_GAP: i32 = MAX_SAMPLES as i32;

/// Fewest RTP packets that make a stream: other UDP payloads look like RTP now and then.
const LEAST_PACKETS: usize = 3;

/// A recording's streams, the longest first.
pub struct Recording {
    /// At least one, unless a capture holds no RTP.
    pub streams: Vec<Stream>,
}

/// One source's sound.
pub struct Stream {
    /// The RTP source and its UDP ports; `None` for a WAV file.
    pub source: Option<(u32, (u16, u16))>,
    packets: Vec<Kept>,
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
        let bytes = input::read(path, RECORDING_LIMIT)?;
        if wav::is_wav(&bytes) {
            Self::of_wav(wav::read(&bytes)?)
        } else if pcap::is_capture(&bytes) {
            Ok(Self::of_capture(&pcap::datagrams(&bytes)?))
        } else {
            Err(Failure::new(format_args!(
                "{} is neither a WAV file nor a packet capture",
                path.display()
            ))
            .advise("Give a .wav, .pcap or .pcapng file"))
        }
    }

    fn of_wav(wav: Wav) -> Result<Self, Failure> {
        if wav.rate != wav::TELEPHONE_RATE {
            return Err(
                Failure::new(format_args!("the WAV file has {} samples a second", wav.rate)).advise(
                    "An exact fingerprint is of the bytes on the wire, so only an 8 kHz recording of them can have it",
                ),
            );
        }
        let (codec, bytes) = match wav.sound {
            Sound::MuLaw(codes) => (Codec::Pcmu, codes),
            Sound::ALaw(codes) => (Codec::Pcma, codes),
            Sound::Linear(samples) => (Codec::L16, samples.into_iter().flat_map(i16::to_be_bytes).collect()),
        };
        let frame_len = FRAME_SAMPLES * if codec == Codec::L16 { PCM_SAMPLE_LEN } else { 1 };
        let packets = bytes.chunks(frame_len).enumerate().map(|(nth, payload)| Kept {
            what: What::Frame(codec, (nth * FRAME_SAMPLES) as u32, payload.to_vec()),
            millis: millis(codec, payload),
        });
        Ok(Self {
            streams: vec![Stream {
                source: None,
                packets: packets.collect(),
            }],
        })
    }

    fn of_capture(datagrams: &[Datagram<'_>]) -> Self {
        let mut sources: BTreeMap<(u32, (u16, u16)), Vec<Kept>> = BTreeMap::new();
        for datagram in datagrams {
            let Ok(packet) = Packet::parse(datagram.payload) else {
                continue;
            };
            if rtp::is_rtcp(datagram.payload) {
                continue;
            }
            let codec = PayloadTypes::STATIC.codec(packet.payload_type());
            sources.entry((packet.ssrc(), datagram.ports)).or_default().push(Kept {
                what: What::Rtp(datagram.payload.to_vec()),
                millis: codec.map_or(0, |codec| millis(codec, packet.payload())),
            });
        }
        let mut streams: Vec<Stream> = sources
            .into_iter()
            .filter(|(_, packets)| packets.len() >= LEAST_PACKETS)
            .map(|(source, packets)| Stream {
                source: Some(source),
                packets,
            })
            .collect();
        streams.sort_by_key(|stream| std::cmp::Reverse(stream.packets.len()));
        Self { streams }
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
    /// The stream as samples at 8 kHz. Gaps are silence; where the clock leaps, what follows comes next.
    pub fn samples(&self) -> Vec<i16> {
        let mut samples = Vec::new();
        // The place and the timestamp of the packet before.
        let mut before: Option<(usize, u32)> = None;
        for packet in &self.packets {
            let Some((codec, timestamp, payload)) = packet.audio() else {
                continue;
            };
            let place = before.and_then(|(place, earlier)| {
                let step = timestamp.wrapping_sub(earlier) as i32;
                let near = (-LONGEST_GAP..=LONGEST_GAP).contains(&step);
                near.then(|| place.checked_add_signed(step as isize))?
            });
            let place = place.unwrap_or(samples.len());
            before = Some((place, timestamp));
            let Some(mut decoder) = Decoder::new(codec).filter(|_| codec.sample_rate() == 8_000) else {
                continue;
            };
            let end = place + codec.samples(payload);
            if samples.len() < end {
                samples.resize(end, 0);
            }
            decoder.decode(payload, &mut samples[place..end]);
        }
        samples
    }

    /// The newest usable robust fingerprint, likewise.
    pub fn newest_robust(&self) -> Result<(RobustFingerprint, u64), robust::NoSample> {
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
        if self.packets.is_empty() {
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

    /// How many packets or frames there are.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// The newest usable fingerprint, as a sender at the recording's end would give it, or at the end of an earlier
    /// part if the last one proves nothing; and where its sound begins, in milliseconds.
    pub fn newest(&self) -> Result<(Sample, u64), NoSample> {
        let mut end = self.packets.len();
        let mut millis: u64 = self.packets.iter().map(|packet| packet.millis).sum();
        let mut why = NoSample::NoMedia;
        while end > 0 {
            let (start, span) = self.part_before(end);
            let words = words();
            let tap = tap(&words);
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

    fn find(&self, wanted: &Fingerprint) -> (Decision, Option<u64>) {
        let words = words();
        let tap = tap(&words);
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
    fn audio(&self) -> Option<(Codec, u32, &[u8])> {
        match &self.what {
            What::Rtp(datagram) => {
                let packet = Packet::parse(datagram).ok()?;
                let codec = PayloadTypes::STATIC.codec(packet.payload_type())?;
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

/// How long a payload lasts.
fn millis(codec: Codec, payload: &[u8]) -> u64 {
    u64::from(codec.ticks(payload)) * 1000 / u64::from(codec.clock_rate())
}

/// Memory for a tap of the longest history.
fn words() -> Vec<AtomicU64> {
    let config = TapConfig {
        codec: Codec::L16,
        seconds: MAX_SECONDS,
    };
    (0..config.words().unwrap_or_default())
        .map(|_| AtomicU64::new(0))
        .collect()
}

fn tap(words: &[AtomicU64]) -> Tap<'_> {
    let config = TapConfig {
        codec: Codec::L16,
        seconds: MAX_SECONDS,
    };
    let tap = Tap::init(words, &config).expect("the memory was made for this configuration");
    tap.set_payload_types(&PayloadTypes::STATIC);
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
        Decision::NoUsableAudio(Unusable::Lifeless(_) | Unusable::NotDecodable) => 2,
        Decision::Mismatch => 3,
        Decision::Match(_) => 4,
    }
}
