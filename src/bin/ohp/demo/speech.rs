//! Speech on the wire: G.711 codes cut into RTP packets of 20 ms, one after the other, in real time.

use std::time::{Duration, Instant};

use ohp::media::g711;

use super::random;
use super::sdp::PACKET_MS;
use crate::exit::Failure;
use crate::resample;
use crate::wav::{self, Sound, Wav};

/// Codes in a packet: 20 ms at 8 kHz.
const PACKET_CODES: usize = 160;

/// The shortest recording that is of use: an exact fingerprint covers 200 ms.
const LEAST_CODES: usize = 8000;

/// RTP payload types of G.711 (RFC 3551).
const PCMU: u8 = 0;
const PCMA: u8 = 8;

/// Packets that a late loop may still send in one go; what is older is left out.
const LATE_PACKETS: u32 = 5;

/// The caller that ships with the command.
const CALLER: &[u8] = include_bytes!("../../../../assets/caller.wav");

/// A recording that is said over and over.
#[derive(Clone)]
pub struct Speech {
    payload_type: u8,
    codes: Vec<u8>,
}

impl Speech {
    /// The caller that ships with the command, disputing a charge.
    pub fn caller() -> Self {
        let wav = wav::read(CALLER).expect("the recording that ships is a WAV file");
        Self::from_wav(wav).expect("the recording that ships is long enough")
    }

    /// The codec's name in SDP.
    pub fn codec(&self) -> &'static str {
        if self.payload_type == PCMA { "PCMA" } else { "PCMU" }
    }

    /// The first channel of any recording: G.711 at 8 kHz as it is, anything else brought to 8 kHz and to µ-law.
    pub fn from_wav(wav: Wav) -> Result<Self, Failure> {
        let rate = wav.rate;
        let first = wav.channels.into_iter().next();
        let (payload_type, codes) = match first.unwrap_or(Sound::Linear(Vec::new())) {
            Sound::MuLaw(codes) if rate == wav::TELEPHONE_RATE => (PCMU, codes),
            Sound::ALaw(codes) if rate == wav::TELEPHONE_RATE => (PCMA, codes),
            sound => {
                let samples = resample::to_telephone_rate(&sound.linear(), rate);
                (PCMU, samples.into_iter().map(g711::compress_mu).collect())
            }
        };
        if codes.len() < LEAST_CODES {
            return Err(Failure::new("the recording is shorter than a second").advise("Give --wav a longer one"));
        }
        Ok(Self { payload_type, codes })
    }
}

/// A stream of RTP packets that says a recording in real time.
pub struct Talker {
    speech: Speech,
    place: usize,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    next: Instant,
    first: bool,
}

impl Talker {
    /// Starts to talk at `now`, with an SSRC, a sequence number and a timestamp of its own.
    pub fn new(speech: Speech, now: Instant) -> Self {
        Self {
            speech,
            place: 0,
            sequence: u16::from_be_bytes(random::bytes()),
            timestamp: u32::from_be_bytes(random::bytes()),
            ssrc: u32::from_be_bytes(random::bytes()),
            next: now,
            first: true,
        }
    }

    /// The next packet, once it is due.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        let packet_time = Duration::from_millis(PACKET_MS);
        if now < self.next {
            return None;
        }
        if now > self.next + packet_time * LATE_PACKETS {
            self.next = now;
        }
        self.next += packet_time;
        let payload: Vec<u8> = self
            .speech
            .codes
            .iter()
            .cycle()
            .skip(self.place)
            .take(PACKET_CODES)
            .copied()
            .collect();
        self.place = (self.place + PACKET_CODES) % self.speech.codes.len();
        let packet = rtp_rs::RtpPacketBuilder::new()
            .payload_type(self.speech.payload_type)
            .marked(self.first)
            .sequence(self.sequence.into())
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(&payload)
            .build()
            .ok()?;
        self.first = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(PACKET_CODES as u32);
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_follow_each_other_every_twenty_milliseconds_and_the_speech_repeats() {
        let start = Instant::now();
        let speech = Speech {
            payload_type: PCMU,
            codes: (0..LEAST_CODES).map(|place| (place / 160) as u8).collect(),
        };
        let mut talker = Talker::new(speech, start);
        let mut packets = Vec::new();
        for millis in 0..1100 {
            packets.extend(talker.poll(start + Duration::from_millis(millis)));
        }
        assert_eq!(packets.len(), 55);
        let readers: Vec<_> = packets
            .iter()
            .map(|packet| rtp_rs::RtpReader::new(packet).unwrap())
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
    fn loop_that_was_held_up_does_not_send_a_burst() {
        let start = Instant::now();
        let mut talker = Talker::new(Speech::caller(), start);
        let late = start + Duration::from_secs(2);
        assert_eq!((0..100).filter_map(|_| talker.poll(late)).count(), 1);
    }
}
