//! The searches: a sender takes fingerprints of a call, a receiver looks for them in what it has heard of that call, and in
//! what it has heard of others.

use std::sync::atomic::AtomicU64;

use ohp::media::robust::frames::SPAN_SAMPLES;
use ohp::media::robust::{self, Decision};
use ohp::media::tap::tap_words;
use ohp::media::{Codec, Fingerprint, Tap, TapConfig, exact};

use crate::channels::{Channel, Kind, Leg, Received};
use crate::corpus::{Corpus, GAP, Group, RATE};
use crate::network::{Law, Loss, PACKET};
use crate::random::{Random, hash};

/// What a tap keeps.
const RING: usize = 10 * RATE;
/// The receiver judges between so many samples after the sender took the fingerprint: 120 ms to 2 s.
const DELAY: std::ops::Range<usize> = 960..16_000;
/// How far off a match may be, codecs' delays included: 200 ms.
const MISPLACED_MS: u32 = 200;

/// A sender takes the fingerprints of what it has heard.
pub struct Moment {
    pub call: usize,
    /// How much of the call the sender has heard, in samples.
    pub at: usize,
    pub robust: Option<robust::Sample>,
    pub exact: Option<Fingerprint>,
}

impl Moment {
    /// Where the span lies in the call.
    pub fn span(&self) -> Option<std::ops::Range<usize>> {
        let end = self.at - self.robust?.behind_ms as usize * 8;
        Some(end.checked_sub(SPAN_SAMPLES)?..end)
    }
}

/// Whose sound is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Case {
    /// The call that the fingerprint was taken of, from that moment on.
    Same,
    /// The same call, but the span is not in what was heard.
    Elsewhere,
    /// Another call of the same voice; of the same track, or of the same kind of tone.
    SameVoice,
    /// What another voice says under the same names.
    SameText,
    /// Another voice, track or kind.
    OtherVoice,
}

pub const FALSE_CASES: [Case; 4] = [Case::Elsewhere, Case::SameVoice, Case::SameText, Case::OtherVoice];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Match,
    /// A match at another place than where the span is.
    Misplaced,
    /// A match in another call, where the same recording is heard: prompts of one voice are cut from shared takes.
    SameTake,
    Mismatch,
    Unusable,
}

pub struct Trial {
    pub channel: usize,
    pub case: Case,
    /// Whose call was heard.
    pub heard: usize,
    /// Which moment's fingerprint was looked for.
    pub wanted: usize,
    pub outcome: Outcome,
    /// The fewest of 992 bits that differed, where the answer says so.
    pub errors: Option<u16>,
    /// Whether the exact fingerprint was found, where it was looked for.
    pub exact: Option<bool>,
}

/// What a receiver has heard when it judges.
pub struct Ring {
    pub pcm: Vec<i16>,
    /// The packets that came, on a leg of RTP: their samples' place and their payload.
    packets: Vec<(usize, Vec<u8>)>,
    law: Option<Law>,
}

/// Takes the fingerprints of `each` moments of every call, none before 4.2 s of it.
pub fn moments(corpus: &Corpus, each: usize) -> Vec<Moment> {
    let mut moments = Vec::new();
    for (number, call) in corpus.calls.iter().enumerate() {
        let mut random = Random::of(&[5, number as u64]);
        // What is about speech is asked of speech.
        let each = match corpus.group(call) {
            Group::Music | Group::Tones => each.div_ceil(4),
            _ => each,
        };
        for _ in 0..each {
            let at = (33_600 + random.below(call.len - 33_600)) / PACKET * PACKET;
            moments.push(taken(corpus, number, at, None, &mut random));
        }
    }
    moments
}

/// What a sender has to say that has heard so much of a call, of which it may have lost some.
fn taken(corpus: &Corpus, call: usize, at: usize, loss: Option<Loss>, random: &mut Random) -> Moment {
    let samples = &corpus.of(&corpus.calls[call])[..at];
    let ring = Ring::of(samples, Law::Mu, PACKET, loss, random);
    ring.with_tap(random, |tap| Moment {
        call,
        at,
        robust: robust::newest(tap).ok(),
        exact: exact::newest(tap).ok().map(|sample| sample.fingerprint),
    })
}

impl Ring {
    /// The last ten seconds of `heard`, in packets of `samples`, of which some are lost.
    fn of(heard: &[i16], law: Law, samples: usize, loss: Option<Loss>, random: &mut Random) -> Self {
        let skipped = heard.len().saturating_sub(RING).div_ceil(samples) * samples;
        let mut pcm = heard.get(skipped..).unwrap_or_default().to_vec();
        pcm.truncate(pcm.len() / samples * samples);
        let lost = loss.map(|loss| loss.pattern(pcm.len() / samples, random));
        let mut packets = Vec::with_capacity(pcm.len() / samples);
        for (number, packet) in pcm.chunks_exact_mut(samples).enumerate() {
            if lost.as_ref().is_some_and(|lost| lost[number]) {
                packet.fill(0);
                continue;
            }
            packets.push((
                skipped + number * samples,
                packet.iter().map(|sample| law.compress(*sample)).collect(),
            ));
            law.through(packet);
        }
        Self {
            pcm,
            packets,
            law: Some(law),
        }
    }

    fn with_tap<T>(&self, random: &mut Random, ask: impl FnOnce(&Tap<'_>) -> T) -> T {
        let config = TapConfig {
            codec: Codec::Pcmu,
            seconds: 10,
        };
        let words = tap_words(Codec::Pcmu, 10).expect("ten seconds are in range");
        let words: Vec<_> = (0..words).map(|_| AtomicU64::new(0)).collect();
        let tap = Tap::init(&words, &config).expect("the words are enough");
        let (sequence, timestamp) = (random.below(1 << 16), random.below(1 << 31) * 2);
        let ssrc = random.below(1 << 31) as u32;
        let mut datagram = Vec::new();
        for (place, payload) in &self.packets {
            datagram.clear();
            datagram.extend([0x80, if self.law == Some(Law::A) { 8 } else { 0 }]);
            datagram.extend(((sequence + place / payload.len()) as u16).to_be_bytes());
            datagram.extend(((timestamp + place) as u32).to_be_bytes());
            datagram.extend(ssrc.to_be_bytes());
            datagram.extend(payload);
            tap.write_rtp(&datagram);
        }
        ask(&tap)
    }

    fn robust(&self, wanted: &ohp::media::RobustFingerprint, random: &mut Random) -> Decision {
        match self.law {
            Some(_) => self.with_tap(random, |tap| robust::search(tap, wanted)),
            None => robust::search_pcm(&self.pcm, wanted),
        }
    }

    fn exact(&self, wanted: &Fingerprint, random: &mut Random) -> Option<bool> {
        self.law?;
        Some(self.with_tap(random, |tap| {
            matches!(exact::search(tap, wanted), exact::Decision::Match(_))
        }))
    }
}

/// What is heard when a receiver judges, and up to where of the call.
pub fn heard(
    channel: &Channel,
    received: &Received,
    corpus: &Corpus,
    moment: &Moment,
    random: &mut Random,
) -> (Ring, usize) {
    let latest = moment
        .span()
        .map_or(DELAY.end, |span| (span.start + RING).saturating_sub(moment.at + 1_600));
    let delay = DELAY.start + random.below(latest.clamp(DELAY.start, DELAY.end) - DELAY.start);
    let until = (moment.at + delay).min(corpus.calls[moment.call].len + GAP);
    let samples = received.until(moment.call, until);
    let ring = match channel.leg {
        Leg::Rtp(law, packet, loss) => {
            // Who transcodes cuts packets where he likes.
            let late = if channel.kind == Kind::Exact {
                0
            } else {
                random.below(PACKET)
            };
            Ring::of(samples.get(late..).unwrap_or_default(), law, packet, loss, random)
        }
        Leg::Pcm => Ring {
            pcm: samples[samples.len().saturating_sub(RING)..].to_vec(),
            packets: Vec::new(),
            law: None,
        },
    };
    (ring, until)
}

/// All searches of one channel.
pub fn search(
    number: usize,
    channel: &Channel,
    received: &Received,
    corpus: &Corpus,
    moments: &[Moment],
) -> Vec<Trial> {
    let mut trials = Vec::new();
    for at in 0..moments.len() {
        let mut random = Random::of(&[6, hash(channel.name.as_bytes()), at as u64]);
        let own;
        let moment = match channel.sender_loss {
            Some(loss) => {
                own = taken(corpus, moments[at].call, moments[at].at, Some(loss), &mut random);
                &own
            }
            None => &moments[at],
        };
        let (ring, until) = heard(channel, received, corpus, moment, &mut random);
        if ring.pcm.is_empty() {
            continue;
        }
        // A miss of the exact one takes longest of all; where no sample is as it was, one in four may do.
        let exactly = channel.kind == Kind::Exact || at % 4 == 0;
        let mut trial = |case, wanted: usize, fingerprints: &Moment, random: &mut Random| {
            let Some(sample) = fingerprints.robust else {
                return;
            };
            let (outcome, errors) = match ring.robust(&sample.fingerprint, random) {
                Decision::Match(found) => {
                    let span = fingerprints.span().map_or(0, |span| span.end);
                    let off = found.behind_ms - (until as i32 - span as i32) / 8;
                    let end = until as isize - found.behind_ms as isize * 8;
                    let outcome = match case {
                        Case::Same if off.unsigned_abs() <= MISPLACED_MS => Outcome::Match,
                        Case::Same => Outcome::Misplaced,
                        _ if same_take(corpus, fingerprints, moment.call, end) => Outcome::SameTake,
                        _ => Outcome::Match,
                    };
                    (outcome, Some(found.errors))
                }
                Decision::Mismatch { errors } => (Outcome::Mismatch, Some(errors)),
                Decision::NoUsableAudio(_) | Decision::NoMedia => (Outcome::Unusable, None),
            };
            trials.push(Trial {
                channel: number,
                case,
                heard: at,
                wanted,
                outcome,
                errors,
                exact: fingerprints
                    .exact
                    .filter(|_| exactly)
                    .and_then(|exact| ring.exact(&exact, random)),
            });
        };
        trial(Case::Same, at, moment, &mut random);
        for turn in 0..FALSE_CASES.len() {
            let case = FALSE_CASES[(at + number + turn) % FALSE_CASES.len()];
            if let Some(wanted) = other(case, corpus, moments, at, until, &mut random, |_| true) {
                trial(case, wanted, &moments[wanted], &mut random);
                break;
            }
        }
    }
    trials
}

/// Whether what the span says is to be heard, sample for sample, in `call` where a span ends at `end`. Of the samples as they
/// were recorded; fingerprints have no part in it: in a quarter of the blocks of 100 ms that are loud, the wave forms' correlation
/// is 0.8 or more at some offset of up to 60 ms, which no two utterances have.
fn same_take(corpus: &Corpus, wanted: &Moment, call: usize, end: isize) -> bool {
    const BLOCK: usize = 800;
    const REACH: isize = 480;
    let Some(span) = wanted.span() else {
        return false;
    };
    let own = &corpus.of(&corpus.calls[wanted.call])[span];
    let other = corpus.of(&corpus.calls[call]);
    let power = |samples: &[i16]| -> f64 { samples.iter().map(|sample| f64::from(*sample).powi(2)).sum() };
    let (mut loud, mut alike) = (0, 0);
    for (number, block) in own.chunks_exact(BLOCK).enumerate() {
        let here = power(block);
        if here < BLOCK as f64 * 300.0 * 300.0 {
            continue;
        }
        loud += 1;
        let begins = end - own.len() as isize + (number * BLOCK) as isize;
        let correlated = (-REACH..=REACH).any(|offset| {
            let there = usize::try_from(begins + offset).ok();
            let Some(there) = there.and_then(|from| other.get(from..from + BLOCK)) else {
                return false;
            };
            let product: f64 = block
                .iter()
                .zip(there)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum();
            product > 0.8 * (here * power(there)).sqrt()
        });
        alike += usize::from(correlated);
    }
    alike * 4 >= loud && alike >= 3
}

/// A moment, one of those that `among` admits, whose fingerprint must not be found in what has been heard, up to `until`, of
/// moment `at`'s call.
pub fn other(
    case: Case,
    corpus: &Corpus,
    moments: &[Moment],
    at: usize,
    until: usize,
    random: &mut Random,
    among: impl Fn(&usize) -> bool,
) -> Option<usize> {
    let here = &corpus.calls[moments[at].call];
    let voiced = matches!(corpus.group(here), Group::Tuning | Group::HeldOut | Group::Further);
    let fits = |candidate: &Moment| {
        let there = &corpus.calls[candidate.call];
        // Music and tones have one voice, and their text is their track or kind.
        let same_voice = here.voice == there.voice && (voiced || here.text == there.text);
        let Some(span) = candidate.span() else {
            return false;
        };
        match case {
            Case::Same => false,
            Case::Elsewhere => candidate.call == moments[at].call && (span.start >= until || span.end + RING <= until),
            Case::SameVoice => candidate.call != moments[at].call && same_voice,
            Case::SameText => {
                voiced && here.voice != there.voice && here.text == there.text && is_voice(corpus, there.voice)
            }
            Case::OtherVoice if voiced => here.voice != there.voice,
            Case::OtherVoice => candidate.call != moments[at].call && !same_voice,
        }
    };
    // From a random place on, the first that fits; where the texts are in one language, that one.
    let from = random.below(moments.len());
    let order = || {
        (0..moments.len())
            .map(|step| (from + step) % moments.len())
            .filter(&among)
    };
    let language = |number: &usize| {
        let there = &corpus.calls[moments[*number].call];
        corpus.voices[there.voice].language == corpus.voices[here.voice].language
    };
    let first = order().find(|number| fits(&moments[*number]));
    match case {
        Case::SameText => order()
            .find(|number| fits(&moments[*number]) && language(number))
            .or(first),
        _ => first,
    }
}

fn is_voice(corpus: &Corpus, voice: usize) -> bool {
    !matches!(corpus.voices[voice].group, Group::Music | Group::Tones)
}
