//! What a network does to samples without a codec: laws, levels, noise, clocks, loss.
//!
//! Not here: codecs, which are other people's programs ([`crate::channels`]).

use ohp::media::g711;

use crate::random::Random;

/// Samples of a packet of 20 ms.
pub const PACKET: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    Mu,
    A,
}

impl Law {
    pub fn compress(self, sample: i16) -> u8 {
        match self {
            Self::Mu => g711::compress_mu(sample),
            Self::A => g711::compress_a(sample),
        }
    }

    pub fn through(self, samples: &mut [i16]) {
        let table = match self {
            Self::Mu => &g711::MU_LAW,
            Self::A => &g711::A_LAW,
        };
        for sample in samples {
            *sample = table[usize::from(self.compress(*sample))];
        }
    }
}

/// Packets that do not arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// The share of all, in percent.
    pub percent: f64,
    /// How many are lost in a row, in the mean; 1.0 is loss that has no memory.
    pub burst: f64,
}

impl Loss {
    /// Which of so many packets are lost: Gilbert's model of two states.
    pub fn pattern(self, packets: usize, random: &mut Random) -> Vec<bool> {
        let share = self.percent / 100.0;
        let (leave, enter) = match self.burst > 1.0 {
            true => (1.0 / self.burst, share / (self.burst * (1.0 - share))),
            false => (1.0 - share, share),
        };
        let mut lost = random.unit() < share;
        (0..packets)
            .map(|_| {
                let now = lost;
                lost = random.unit() < if now { 1.0 - leave } else { enter };
                now
            })
            .collect()
    }
}

/// What an endpoint plays instead of a lost packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concealment {
    Silence,
    /// The last packet again, half as loud each time.
    Repeat,
}

pub fn conceal(samples: &mut [i16], lost: &[bool], how: Concealment) {
    let mut last = [0_i16; PACKET];
    for (packet, lost) in samples.chunks_mut(PACKET).zip(lost) {
        match (lost, how) {
            (false, _) => last[..packet.len()].copy_from_slice(packet),
            (true, Concealment::Silence) => packet.fill(0),
            (true, Concealment::Repeat) => {
                last.iter_mut().for_each(|sample| *sample /= 2);
                packet.copy_from_slice(&last[..packet.len()]);
            }
        }
    }
}

pub fn gain(samples: &mut [i16], decibels: f64) {
    let factor = 10_f64.powf(decibels / 20.0);
    for sample in samples {
        *sample = (f64::from(*sample) * factor).round().clamp(-32_768.0, 32_767.0) as i16;
    }
}

/// Mean square of what is louder than a pause.
pub fn power(samples: &[i16]) -> f64 {
    let loud = || samples.iter().filter(|sample| sample.unsigned_abs() > 64);
    let sum: f64 = loud().map(|sample| f64::from(*sample).powi(2)).sum();
    sum / loud().count().max(1) as f64
}

/// Adds `noise`, over and over, `decibels` below the speech.
pub fn add(samples: &mut [i16], noise: &[f64], decibels: f64) {
    let own = noise.iter().map(|value| value * value).sum::<f64>() / noise.len().max(1) as f64;
    let scale = (power(samples) / 10_f64.powf(decibels / 10.0) / own.max(1e-9)).sqrt();
    for (sample, noise) in samples.iter_mut().zip(noise.iter().cycle()) {
        *sample = (f64::from(*sample) + noise * scale).clamp(-32_768.0, 32_767.0) as i16;
    }
}

/// Every sample taken anew between two others, `step` apart, the first `phase` behind the first: what another clock does.
pub fn resampled(samples: &[i16], step: f64, phase: f64) -> Vec<i16> {
    let at = |place: isize| {
        let sample = usize::try_from(place).ok().and_then(|place| samples.get(place));
        f64::from(sample.copied().unwrap_or(0))
    };
    (0..(samples.len() as f64 / step) as usize)
        .map(|number| {
            let place = number as f64 * step + phase;
            let (whole, part) = (place.floor() as isize, place.fract());
            // A windowed sinc over sixteen neighbours.
            let value: f64 = (-7..=8)
                .map(|offset| {
                    let distance = part - offset as f64;
                    let turn = std::f64::consts::PI * distance;
                    let sinc = if distance.abs() < 1e-9 { 1.0 } else { turn.sin() / turn };
                    at(whole + offset) * sinc * (0.5 + 0.5 * (turn / 8.5).cos())
                })
                .sum();
            value.round().clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}
