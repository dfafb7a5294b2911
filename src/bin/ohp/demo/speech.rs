//! Speech on the wire: a recording cut into RTP packets of 20 ms, one after the other, in real time.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use super::random;
use super::sdp::PACKET_MS;
use super::spoken::{Encoder, Hop, PACKET_SAMPLES, Spoken};
use crate::exit::Failure;
use crate::resample;
use crate::wav::{self, Sound, Wav};

/// The shortest recording that is of use: an exact fingerprint covers 200 ms.
const LEAST_SAMPLES: usize = 8000;

/// Packets that a late loop may still send in one go; what is older is left out.
const LATE_PACKETS: u32 = 5;

/// The caller that ships with the command.
const CALLER: &[u8] = include_bytes!("../../../../assets/caller.wav");

/// How long the hold music is until it begins again, in packets: 2.4 s.
const MUSIC_PACKETS: usize = 120;

/// A recording that is said over and over.
#[derive(Clone)]
pub struct Speech {
    /// What its leg speaks.
    pub codec: Spoken,
    samples: Vec<i16>,
}

impl Speech {
    /// The caller that ships with the command, disputing a charge.
    pub fn caller() -> Self {
        let wav = wav::read(CALLER).expect("the recording that ships is a WAV file");
        Self::from_wav(wav).expect("the recording that ships is long enough")
    }

    /// The first channel of any recording: A-law at 8 kHz stays what it is, anything else is brought to 8 kHz and spoken as µ-law.
    pub fn from_wav(wav: Wav) -> Result<Self, Failure> {
        let rate = wav.rate;
        let first = wav.channels.into_iter().next().unwrap_or(Sound::Linear(Vec::new()));
        let codec = match first {
            Sound::ALaw(_) if rate == wav::TELEPHONE_RATE => Spoken::Pcma,
            _ => Spoken::Pcmu,
        };
        let samples = resample::to_telephone_rate(&first.linear(), rate);
        if samples.len() < LEAST_SAMPLES {
            return Err(Failure::new("the recording is shorter than a second").advise("Give --wav a longer one"));
        }
        Ok(Self { codec, samples })
    }

    /// What every caller hears who is on hold: six chords over and over.
    pub fn music(codec: Spoken) -> Self {
        const NOTES: [f64; 6] = [392.0, 493.9, 587.3, 523.3, 659.3, 440.0];
        // What sounds with a note, as multiples of its frequency, and how loud: a major chord and its overtones.
        const CHORD: [(f64, f64); 7] = [
            (1.0, 0.5),
            (1.26, 0.4),
            (1.5, 0.4),
            (2.0, 0.3),
            (2.52, 0.25),
            (3.0, 0.2),
            (4.51, 0.15),
        ];
        let length = MUSIC_PACKETS * PACKET_SAMPLES;
        let note_length = length / NOTES.len();
        let sample = |place: usize| {
            let (note, place) = (NOTES[place / note_length], place % note_length);
            let time = place as f64 / f64::from(wav::TELEPHONE_RATE);
            let sum: f64 = CHORD
                .iter()
                .map(|(over, share)| share * (TAU * note * over * time).sin() * (-time * 3.0 * over).exp())
                .sum();
            (sum * 6000.0) as i16
        };
        Self {
            codec,
            samples: (0..length).map(sample).collect(),
        }
    }

    /// The samples of the packet with this number.
    fn packet(&self, number: usize) -> [i16; PACKET_SAMPLES] {
        let start = number * PACKET_SAMPLES;
        std::array::from_fn(|at| self.samples[(start + at) % self.samples.len()])
    }
}

/// One packet of 20 ms as the caller's side sent it, and as it arrives behind the hop that transcodes, if there is one.
pub struct Said {
    /// What the agent hears.
    pub heard: Vec<u8>,
    /// What goes to the centre.
    pub sent: Vec<u8>,
}

/// A stream of RTP packets that says a recording in real time.
pub struct Talker {
    speech: Speech,
    encoder: Encoder,
    heard: Stream,
    hop: Option<(Hop, Stream)>,
    said: usize,
    next: Instant,
}

impl Talker {
    /// Starts to talk at `now`, with an SSRC, a sequence number and a timestamp of its own.
    pub fn new(speech: Speech, transcode: bool, now: Instant) -> Result<Self, Failure> {
        let codec = speech.codec;
        let hop = if transcode {
            Some((Hop::new(codec)?, Stream::new(codec.transcoded())))
        } else {
            None
        };
        Ok(Self {
            encoder: Encoder::new(codec)?,
            speech,
            heard: Stream::new(codec),
            hop,
            said: 0,
            next: now,
        })
    }

    /// How many packets have been said.
    pub fn said(&self) -> usize {
        self.said
    }

    /// The next packet, once it is due.
    pub fn poll(&mut self, now: Instant) -> Option<Said> {
        let packet_time = Duration::from_millis(PACKET_MS);
        if now < self.next {
            return None;
        }
        if now > self.next + packet_time * LATE_PACKETS {
            self.next = now;
        }
        self.next += packet_time;
        let payload = self.encoder.encode(&self.speech.packet(self.said));
        self.said += 1;
        let heard = self.heard.packet(&payload)?;
        let sent = match &mut self.hop {
            Some((hop, stream)) => stream.packet(&hop.pass(&payload))?,
            None => heard.clone(),
        };
        Some(Said { heard, sent })
    }
}

/// What stands in the headers of one RTP stream.
struct Stream {
    codec: Spoken,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    first: bool,
}

impl Stream {
    fn new(codec: Spoken) -> Self {
        Self {
            codec,
            sequence: u16::from_be_bytes(random::bytes()),
            timestamp: u32::from_be_bytes(random::bytes()),
            ssrc: u32::from_be_bytes(random::bytes()),
            first: true,
        }
    }

    /// The next packet.
    fn packet(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let packet = rtp_rs::RtpPacketBuilder::new()
            .payload_type(self.codec.payload_type())
            .marked(self.first)
            .sequence(self.sequence.into())
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build()
            .ok()?;
        self.first = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.codec.packet_ticks());
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use ohp::media::exact::{self, Decision};
    use ohp::media::tap::Written;
    use ohp::media::{PayloadTypes, Tap, TapConfig};

    use super::*;

    #[test]
    fn packets_follow_each_other_every_twenty_milliseconds_and_the_speech_repeats() {
        let start = Instant::now();
        let speech = Speech {
            codec: Spoken::Pcmu,
            samples: (0..LEAST_SAMPLES).map(|place| (place / 160 * 100) as i16).collect(),
        };
        let mut talker = Talker::new(speech, false, start).unwrap();
        let mut packets = Vec::new();
        for millis in 0..1100 {
            packets.extend(talker.poll(start + Duration::from_millis(millis)));
        }
        assert_eq!(packets.len(), 55);
        assert!(packets.iter().all(|said| said.heard == said.sent));
        let readers: Vec<_> = packets
            .iter()
            .map(|said| rtp_rs::RtpReader::new(&said.sent).unwrap())
            .collect();
        assert!(readers[0].mark() && !readers[1].mark());
        for pair in readers.windows(2) {
            assert_eq!(pair[0].sequence_number().next(), pair[1].sequence_number());
            assert_eq!(pair[0].timestamp().wrapping_add(160), pair[1].timestamp());
        }
        assert_eq!(readers[50].payload(), readers[0].payload());
        assert_ne!(readers[1].payload(), readers[0].payload());
    }

    #[test]
    fn sound_in_every_codec_is_usable_as_proof() {
        for codec in Spoken::ALL {
            if Spoken::parse(codec.name()).is_err() {
                continue;
            }
            for speech in [Speech::caller(), Speech::music(codec)] {
                let speech = Speech { codec, ..speech };
                let start = Instant::now();
                let mut talker = Talker::new(speech, false, start).unwrap();
                let config = TapConfig {
                    codec: codec.codec(),
                    seconds: 10,
                };
                let words: Vec<_> = (0..config.words().unwrap()).map(|_| AtomicU64::new(0)).collect();
                let tap = Tap::init(&words, &config).unwrap();
                tap.set_payload_types(&PayloadTypes::NONE.with(codec.payload_type(), codec.codec()));
                for millis in 0..3000 {
                    if let Some(said) = talker.poll(start + Duration::from_millis(millis)) {
                        assert_eq!(tap.write_rtp(&said.heard), Written::Kept);
                    }
                }
                let taken = exact::newest(&tap).unwrap_or_else(|why| panic!("{}: {why}", codec.name()));
                assert!(matches!(exact::search(&tap, &taken.fingerprint), Decision::Match(_)));
            }
        }
    }

    #[test]
    fn loop_that_was_held_up_does_not_send_a_burst() {
        let start = Instant::now();
        let mut talker = Talker::new(Speech::caller(), false, start).unwrap();
        let late = start + Duration::from_secs(2);
        assert_eq!((0..100).filter_map(|_| talker.poll(late)).count(), 1);
    }
}
