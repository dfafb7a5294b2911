//! What the searches came to: tables, and whether what is asked of them holds.

use ohp::media::robust::bit_error_rate;

use crate::channels::{CHANNELS, Channel, Kind};
use crate::corpus::{Corpus, Group};
use crate::peers::{self, Distances, NAMES};
use crate::tones;
use crate::trials::{Case, FALSE_CASES, Moment, Outcome, Trial};

const VOICES: [Group; 3] = [Group::Tuning, Group::HeldOut, Group::Further];

/// All that was found.
pub struct Findings<'a> {
    pub corpus: &'a Corpus,
    pub moments: &'a [Moment],
    pub trials: &'a [Trial],
    /// Whose call it was, whether it was the same, on which channel, and how far apart everyone says it is.
    pub distances: &'a [(Group, bool, usize, Distances)],
}

impl Findings<'_> {
    fn group(&self, trial: &Trial) -> Group {
        self.corpus.group(&self.corpus.calls[self.moments[trial.heard].call])
    }

    /// The searches of a channel (all, if there is none named) in these groups.
    fn of(&self, channel: Option<usize>, groups: &[Group]) -> Vec<&Trial> {
        let wanted = |trial: &&Trial| {
            channel.is_none_or(|channel| trial.channel == channel) && groups.contains(&self.group(trial))
        };
        self.trials.iter().filter(wanted).collect()
    }

    /// Prints the tables; what is not as it has to be is the error.
    pub fn print(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.voices(&mut wrong);
        self.totals();
        self.exact(&mut wrong);
        self.music(&mut wrong);
        self.tones(&mut wrong);
        if !self.distances.is_empty() {
            self.beside_peers();
        }
        wrong
    }

    fn voices(&self, wrong: &mut Vec<String>) {
        println!(
            "\n| Channel | Searches | Mean | 99 % | Largest | False rejects (tuning, held out, further) | Other sound | Nearest | False accepts |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for (number, channel) in ran(self.trials) {
            let same = split(self.of(Some(number), &VOICES)).0;
            let rejects = VOICES.map(|group| {
                let own = split(self.of(Some(number), &[group])).0;
                own.iter().filter(|trial| trial.outcome != Outcome::Match).count()
            });
            let other = split(self.of(Some(number), &VOICES)).1;
            let accepts = other.iter().filter(|trial| accepted(trial)).count();
            let nearest = nearest(&other);
            let mut rates: Vec<u16> = same.iter().filter_map(|trial| trial.errors).collect();
            rates.sort_unstable();
            let mean = rates.iter().map(|errors| f64::from(*errors)).sum::<f64>() / 992.0 / rates.len().max(1) as f64;
            let rate =
                |errors: Option<&u16>| errors.map_or("–".into(), |errors| format!("{:.3}", bit_error_rate(*errors)));
            let is_other = channel.kind == Kind::Other;
            println!(
                "| {} | {} | {mean:.3} | {} | {} | {} | {} | {} | {accepts} |",
                channel.name,
                same.len(),
                rate(rates.get(rates.len() * 99 / 100)),
                rate(rates.last()),
                if is_other {
                    "–".into()
                } else {
                    rejects.map(|count| count.to_string()).join(", ")
                },
                other.len(),
                rate(nearest.as_ref()),
            );
            if accepts > 0 {
                wrong.push(format!("{}: {accepts} false accepts of {}", channel.name, other.len()));
            }
            let rejected: usize = rejects.iter().sum();
            if rejected > channel.allowed(same.len()) && matches!(channel.kind, Kind::Exact | Kind::Asked) {
                wrong.push(format!("{}: {rejected} false rejects of {}", channel.name, same.len()));
            }
            let found = same.len() - rejected;
            if is_other && found > 0 {
                wrong.push(format!("{}: found {found} times of {}", channel.name, same.len()));
            }
        }
    }

    fn totals(&self) {
        println!(
            "\n| Voices | Searches where it is | False rejects | – of channels asked for | Searches elsewhere | False accepts |"
        );
        println!("|---|---|---|---|---|---|");
        for group in VOICES {
            let trials = self.of(None, &[group]);
            let (same, other) = split(trials);
            let same: Vec<_> = same.into_iter().filter(|trial| kind(trial) != Kind::Other).collect();
            let missed = |trial: &&&Trial| trial.outcome != Outcome::Match;
            let asked = same
                .iter()
                .filter(missed)
                .filter(|trial| kind(trial) != Kind::Beyond)
                .count();
            let others = other.len();
            println!(
                "| {group:?} | {} | {} | {asked} | {others} | {} |",
                same.len(),
                same.iter().filter(missed).count(),
                other.iter().filter(|trial| accepted(trial)).count()
            );
        }
        println!("\n| Other sound | Searches | Nearest | Accepted | The same recording in both, accepted |");
        println!("|---|---|---|---|---|");
        for case in FALSE_CASES {
            let trials: Vec<_> = self
                .of(None, &VOICES)
                .into_iter()
                .filter(|trial| trial.case == case)
                .collect();
            let nearest = nearest(&trials);
            println!(
                "| {} | {} | {:.3} | {} | {} |",
                match case {
                    Case::Elsewhere => "the same call at another time",
                    Case::SameVoice => "the same voice in another call",
                    Case::SameText => "another voice with the same prompts",
                    _ => "another voice",
                },
                trials.len(),
                bit_error_rate(nearest.unwrap_or(992)),
                trials.iter().filter(|trial| accepted(trial)).count(),
                same_takes(&trials)
            );
        }
        let moments = |group| {
            let own = self
                .moments
                .iter()
                .filter(move |moment| self.corpus.group(&self.corpus.calls[moment.call]) == group);
            let (taken, none): (Vec<_>, Vec<_>) = own.partition(|moment| moment.robust.is_some());
            (taken.len(), none.len())
        };
        for group in [VOICES.as_slice(), &[Group::Music, Group::Tones]].concat() {
            let (taken, none) = moments(group);
            println!("{group:?}: {taken} moments with a robust fingerprint, {none} without");
        }
    }

    fn exact(&self, wrong: &mut Vec<String>) {
        println!("\n| Exact fingerprint | Found where it is | Found elsewhere |");
        println!("|---|---|---|");
        for (number, channel) in ran(self.trials) {
            let trials = self.of(Some(number), &[VOICES.as_slice(), &[Group::Music]].concat());
            let (same, other) = split(trials);
            let count = |trials: &[&Trial]| {
                let asked: Vec<_> = trials.iter().filter_map(|trial| trial.exact).collect();
                (asked.iter().filter(|found| **found).count(), asked.len())
            };
            let ((found, of), (accepts, others)) = (count(&same), count(&other));
            if of == 0 {
                continue;
            }
            println!("| {} | {found} of {of} | {accepts} of {others} |", channel.name);
            if accepts > 0 {
                wrong.push(format!(
                    "{}: the exact fingerprint was found in {accepts} other calls",
                    channel.name
                ));
            }
            if channel.kind == Kind::Exact && found < of {
                wrong.push(format!(
                    "{}: the exact fingerprint was found {found} times of {of}",
                    channel.name
                ));
            }
        }
    }

    fn music(&self, wrong: &mut Vec<String>) {
        let trials = self.of(None, &[Group::Music]);
        println!("\n| Music on hold | Searches | Accepted | The same samples in both, accepted |");
        println!("|---|---|---|---|");
        for (name, case) in [
            ("another track", Case::OtherVoice),
            ("the same track, another passage", Case::SameVoice),
            ("the same call at another time", Case::Elsewhere),
            ("the same passage, as on any call that plays it", Case::Same),
        ] {
            let of: Vec<_> = trials
                .iter()
                .filter(|trial| trial.case == case && kind(trial) != Kind::Other)
                .copied()
                .collect();
            let accepts = of.iter().filter(|trial| accepted(trial)).count();
            println!("| {name} | {} | {accepts} | {} |", of.len(), same_takes(&of));
            if case == Case::OtherVoice && accepts > 0 {
                wrong.push(format!(
                    "music on hold: {accepts} false accepts of {} on another track",
                    of.len()
                ));
            }
        }
    }

    fn tones(&self, wrong: &mut Vec<String>) {
        println!("\n| Tones | Moments | Refused by the sender | Searches in other calls | Accepted |");
        println!("|---|---|---|---|---|");
        let trials = self.of(None, &[Group::Tones]);
        for (kind, name) in tones::NAMES.into_iter().enumerate() {
            let is_kind = |moment: &Moment| {
                let call = &self.corpus.calls[moment.call];
                self.corpus.group(call) == Group::Tones && call.text == kind
            };
            let own: Vec<_> = self.moments.iter().filter(|moment| is_kind(moment)).collect();
            let refused = own.iter().filter(|moment| moment.robust.is_none()).count();
            let other: Vec<_> = trials
                .iter()
                .filter(|trial| !matches!(trial.case, Case::Same | Case::Elsewhere))
                .filter(|trial| is_kind(&self.moments[trial.wanted]))
                .collect();
            let accepts = other.iter().filter(|trial| accepted(trial)).count();
            println!("| {name} | {} | {refused} | {} | {accepts} |", own.len(), other.len());
            if accepts > 0 {
                wrong.push(format!("{name}: {accepts} false accepts of {}", other.len()));
            }
        }
    }

    /// Thresholds are those of equal error on the tuning voices and the channels asked for.
    fn beside_peers(&self) {
        let asked = |channel: usize| matches!(CHANNELS[channel].kind, Kind::Exact | Kind::Asked);
        let of = |name: usize, same: bool, groups: &[Group], only: Option<usize>| -> Vec<f64> {
            self.distances
                .iter()
                .filter(|(group, is_same, channel, _)| {
                    *is_same == same && groups.contains(group) && only.map_or(asked(*channel), |only| only == *channel)
                })
                .map(|(.., distances)| distances[name])
                .collect()
        };
        let held = [Group::HeldOut, Group::Further];
        println!(
            "\n| Fingerprint | Threshold of equal error | Tuning: error | Others: false rejects | Others: false accepts | False rejects where no false accept is |"
        );
        println!("|---|---|---|---|---|---|");
        let share = |count: usize, of: usize| format!("{count} of {of}");
        let mut bounds = [0.0; NAMES.len()];
        for (number, name) in NAMES.into_iter().enumerate() {
            let (mut same, mut other) = (
                of(number, true, &[Group::Tuning], None),
                of(number, false, &[Group::Tuning], None),
            );
            let (bound, error) = peers::equal_error(&mut same, &mut other);
            bounds[number] = bound;
            let (same, other) = (of(number, true, &held, None), of(number, false, &held, None));
            let nearest = other.iter().copied().fold(1.0, f64::min);
            println!(
                "| {name} | {bound:.3} | {:.2} % | {} | {} | {} |",
                error * 100.0,
                share(same.iter().filter(|distance| **distance > bound).count(), same.len()),
                share(other.iter().filter(|distance| **distance <= bound).count(), other.len()),
                share(same.iter().filter(|distance| **distance >= nearest).count(), same.len()),
            );
        }
        println!("\nFalse rejects and false accepts, in percent, at those thresholds; all voices:\n");
        println!("| Channel | {} |", NAMES.join(" | "));
        println!("|---|{}", "---|".repeat(NAMES.len()));
        for (channel, Channel { name, .. }) in ran(self.trials) {
            let cells: Vec<_> = (0..NAMES.len())
                .map(|number| {
                    let (same, other) = (
                        of(number, true, &VOICES, Some(channel)),
                        of(number, false, &VOICES, Some(channel)),
                    );
                    let percent = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
                    let rejects = same.iter().filter(|distance| **distance > bounds[number]).count();
                    let accepts = other.iter().filter(|distance| **distance <= bounds[number]).count();
                    format!(
                        "{:.1} / {:.1}",
                        percent(rejects, same.len()),
                        percent(accepts, other.len())
                    )
                })
                .collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
    }
}

fn kind(trial: &Trial) -> Kind {
    CHANNELS[trial.channel].kind
}

fn accepted(trial: &Trial) -> bool {
    matches!(trial.outcome, Outcome::Match | Outcome::Misplaced)
}

/// The fewest errors of those in which another recording is heard.
fn nearest(trials: &[&Trial]) -> Option<u16> {
    let others = trials.iter().filter(|trial| trial.outcome != Outcome::SameTake);
    others.filter_map(|trial| trial.errors).min()
}

/// Of other calls in which the same recording is heard.
fn same_takes(trials: &[&Trial]) -> usize {
    trials.iter().filter(|trial| trial.outcome == Outcome::SameTake).count()
}

/// Those where it is, and the others.
fn split(trials: Vec<&Trial>) -> (Vec<&Trial>, Vec<&Trial>) {
    trials.into_iter().partition(|trial| trial.case == Case::Same)
}

/// The channels that were looked at.
fn ran(trials: &[Trial]) -> impl Iterator<Item = (usize, &'static Channel)> {
    let there: Vec<_> = (0..CHANNELS.len())
        .filter(|number| trials.iter().any(|trial| trial.channel == *number))
        .collect();
    there.into_iter().map(|number| (number, &CHANNELS[number]))
}
