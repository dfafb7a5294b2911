//! The recordings: fetched by apt, cleared of what is no speech or is there twice, and made into calls.
//!
//! Not here: what the network does to a call.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ohp::media::liveness;

use crate::random::{Random, hash};
use crate::tones;

/// Samples in a second.
pub const RATE: usize = 8_000;
/// Silence between two prompts of a call: 300 ms.
const PAUSE: usize = 2_400;
/// Silence between two calls in the line of samples that goes through a codec.
pub const GAP: usize = 4_000;
/// Shortest call: as long as what a tap keeps.
const SHORTEST: usize = 10 * RATE;
/// A prompt of less than 300 ms is no word.
const SHORTEST_PROMPT: usize = 2_400;

/// What a group of recordings is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Every threshold and figure may be chosen by these.
    Tuning,
    /// [`HELD_OUT`]: nothing here was chosen by them.
    HeldOut,
    /// Recordings that exist as GSM only, which nobody had listened to when the form was chosen.
    Further,
    /// Music on hold.
    Music,
    /// Ringing, busy, DTMF, modems.
    Tones,
}

/// The two voices of the corpus that are kept out of all tuning.
pub const HELD_OUT: [&str; 2] = ["ru IvrvoiceRU", "it Menardi"];

/// Package, folder below `/usr/share/asterisk`, name, and the language whose prompts say the same under the same name.
const RECORDINGS: [(&str, &str, &str, &str); 9] = [
    (
        "asterisk-core-sounds-en-wav",
        "sounds/en_US_f_Allison",
        "en Allison",
        "en",
    ),
    (
        "asterisk-core-sounds-es-wav",
        "sounds/es_MX_f_Allison",
        "es Allison",
        "es",
    ),
    ("asterisk-core-sounds-fr-wav", "sounds/fr_CA_f_June", "fr June", "fr"),
    ("asterisk-core-sounds-it-wav", "sounds/it_IT_m_Carlo", "it Carlo", "it"),
    (
        "asterisk-core-sounds-ru-wav",
        "sounds/ru_RU_f_IvrvoiceRU",
        HELD_OUT[0],
        "ru",
    ),
    (
        "asterisk-prompt-it-menardi-wav",
        "sounds/it_IT_f_Menardi",
        HELD_OUT[1],
        "it",
    ),
    ("asterisk-prompt-es-co", "sounds", "es Colombia", "es"),
    ("asterisk-prompt-fr-armelle", "sounds", "fr Armelle", "fr"),
    ("asterisk-moh-opsound-wav", "moh", "music", ""),
];

pub struct Voice {
    pub name: &'static str,
    pub language: &'static str,
    pub group: Group,
}

/// A call: what one voice says, or what else may be heard.
pub struct Call {
    pub voice: usize,
    /// Calls of several voices with the same number say the same, as far as their languages go; of music it is the track, of
    /// tones their kind.
    pub text: usize,
    /// Where it begins in the line of all samples.
    pub start: usize,
    pub len: usize,
}

pub struct Corpus {
    pub voices: Vec<Voice>,
    pub calls: Vec<Call>,
    /// All calls in a row, [`GAP`] behind each.
    pub samples: Vec<i16>,
}

impl Corpus {
    pub fn of(&self, call: &Call) -> &[i16] {
        &self.samples[call.start..call.start + call.len]
    }

    /// How many calls there are before those of tones.
    pub fn without_tones(&self) -> usize {
        let tones = |call: &Call| self.group(call) == Group::Tones;
        self.calls.iter().position(tones).unwrap_or(self.calls.len())
    }

    pub fn group(&self, call: &Call) -> Group {
        self.voices[call.voice].group
    }

    fn push(&mut self, voice: usize, text: usize, samples: &[i16]) {
        self.calls.push(Call {
            voice,
            text,
            start: self.samples.len(),
            len: samples.len(),
        });
        self.samples.extend(samples);
        self.samples.resize(self.samples.len() + GAP, 0);
    }
}

struct Prompt {
    voice: usize,
    /// Its path without the folder of its language.
    name: String,
    samples: Vec<i16>,
}

/// Reads all recordings, which are fetched into `folder` where they are missing, and makes at most `most` calls of each
/// voice. Prints what is left out and why.
pub fn load(folder: &Path, most: usize) -> Result<Corpus, String> {
    let mut corpus = Corpus {
        voices: Vec::new(),
        calls: Vec::new(),
        samples: Vec::new(),
    };
    let (mut prompts, mut out) = (Vec::new(), Vec::new());
    for (package, below, name, language) in RECORDINGS {
        let root = fetched(folder, package)?.join("usr/share/asterisk").join(below);
        let group = match name {
            "music" => Group::Music,
            name if HELD_OUT.contains(&name) => Group::HeldOut,
            _ if below == "sounds" => Group::Further,
            _ => Group::Tuning,
        };
        let voice = corpus.voices.len();
        corpus.voices.push(Voice { name, language, group });
        for path in files(&root, &mut out)? {
            let stem = path.with_extension("");
            let parts: Vec<_> = stem.strip_prefix(&root).unwrap_or(&stem).iter().collect();
            let said = parts.into_iter().filter(|part| *part != language).collect::<PathBuf>();
            prompts.push(Prompt {
                voice,
                name: said.to_string_lossy().into_owned(),
                samples: read(&path)?,
            });
        }
    }
    let prompts = cleared(prompts, &corpus.voices, &mut out);
    let mut reasons: Vec<_> = out.iter().map(|(_, why)| *why).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        let mut names: Vec<_> = out
            .iter()
            .filter(|(_, why)| *why == reason)
            .map(|(name, _)| name.as_str())
            .collect();
        let count = names.len();
        names.truncate(12);
        let more = if count > names.len() { ", …" } else { "" };
        println!("left out, {reason}: {count} ({}{more})", names.join(", "));
    }
    let texts = texts(&prompts, &corpus.voices);
    for voice in 0..corpus.voices.len() {
        let before = corpus.calls.len();
        if corpus.voices[voice].group == Group::Music {
            for (track, prompt) in prompts.iter().filter(|prompt| prompt.voice == voice).enumerate() {
                for part in prompt.samples.chunks_exact(15 * RATE).take(most.min(4)) {
                    corpus.push(voice, track, part);
                }
            }
        } else {
            let own: HashMap<_, _> = prompts
                .iter()
                .filter(|prompt| prompt.voice == voice)
                .map(|prompt| (prompt.name.as_str(), prompt))
                .collect();
            let mut made = 0;
            for (text, names) in texts.iter().enumerate() {
                let mut samples = Vec::new();
                for prompt in names.iter().filter_map(|name| own.get(name.as_str())) {
                    samples.extend(&prompt.samples);
                    samples.resize(samples.len() + PAUSE, 0);
                }
                if samples.len() >= SHORTEST && made < most {
                    corpus.push(voice, text, &samples);
                    made += 1;
                }
            }
        }
        let calls = &corpus.calls[before..];
        let seconds = calls.iter().map(|call| call.len).sum::<usize>() / RATE;
        let Voice { name, group, .. } = &corpus.voices[voice];
        println!("{name} ({group:?}): {} calls, {seconds} s", calls.len());
    }
    let voice = corpus.voices.len();
    corpus.voices.push(Voice {
        name: "tones",
        language: "",
        group: Group::Tones,
    });
    for (kind, calls) in tones::calls(4).into_iter().enumerate() {
        calls.iter().for_each(|samples| corpus.push(voice, kind, samples));
    }
    Ok(corpus)
}

/// Names of prompts, cut into calls that are 10 to 30 s in the first voice that has them. Every name is in one call only.
fn texts(prompts: &[Prompt], voices: &[Voice]) -> Vec<Vec<String>> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for prompt in prompts
        .iter()
        .filter(|prompt| voices[prompt.voice].group != Group::Music)
    {
        first.entry(&prompt.name).or_insert(prompt.samples.len() + PAUSE);
    }
    let mut order: Vec<_> = first.into_iter().collect();
    order.sort_by_key(|(name, _)| (hash(name.as_bytes()), *name));
    let mut random = Random::of(&[1]);
    let (mut texts, mut text, mut len) = (Vec::new(), Vec::new(), 0);
    // Two short ones first, for those who have time for two only.
    let mut wanted = 11 * RATE;
    for (name, samples) in order {
        text.push(name.to_string());
        len += samples;
        if len >= wanted {
            texts.push(std::mem::take(&mut text));
            len = 0;
            wanted = if texts.len() < 2 { 13 } else { 11 + random.below(15) } * RATE;
        }
    }
    texts
}

/// What is speech, and there once.
fn cleared(prompts: Vec<Prompt>, voices: &[Voice], out: &mut Vec<(String, &'static str)>) -> Vec<Prompt> {
    let mut seen: HashMap<Vec<i16>, (usize, bool)> = HashMap::new();
    for prompt in &prompts {
        let (voice, shared) = seen.entry(prompt.samples.clone()).or_insert((prompt.voice, false));
        *shared |= *voice != prompt.voice;
    }
    let mut kept: HashMap<Vec<i16>, ()> = HashMap::new();
    prompts
        .into_iter()
        .filter(|prompt| {
            let lively = prompt
                .samples
                .as_chunks()
                .0
                .iter()
                .any(|window| liveness::check(window).is_ok());
            let why = if prompt.samples.len() < SHORTEST_PROMPT {
                "less than 300 ms"
            } else if !lively {
                "silence or a tone"
            } else if seen.get(&prompt.samples).is_some_and(|(_, shared)| *shared) {
                "the same recording in two packages"
            } else if kept.insert(prompt.samples.clone(), ()).is_some() {
                "the same recording under another name"
            } else {
                return true;
            };
            out.push((format!("{}: {}", voices[prompt.voice].name, prompt.name), why));
            false
        })
        .collect()
}

/// The package's files, which are downloaded where they are not there yet.
fn fetched(folder: &Path, package: &str) -> Result<PathBuf, String> {
    let there = folder.join(package);
    if there.is_dir() {
        return Ok(there);
    }
    // A name of its own, so that two that run at once do not meet.
    let working = folder.join(format!("{package}.{}", std::process::id()));
    fs::create_dir_all(&working).map_err(|error| format!("{}: {error}", working.display()))?;
    let download = || {
        run(Command::new("apt-get")
            .args(["download", "-qq", package])
            .current_dir(&working))
    };
    // A machine that has just been made has no lists yet.
    download().or_else(|_| {
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        download()
    })?;
    let archive = fs::read_dir(&working)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .ok_or(format!("apt-get has downloaded no {package}"))?;
    let unpacked = working.join("unpacked");
    run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&unpacked))?;
    // Whoever comes second finds the folder there, and that is as good.
    let moved = fs::rename(&unpacked, &there);
    let _ = fs::remove_dir_all(&working);
    match moved {
        Err(error) if !there.is_dir() => Err(format!("{}: {error}", there.display())),
        _ => Ok(there),
    }
}

/// Runs a command to its end; what it printed is the error.
pub fn run(command: &mut Command) -> Result<(), String> {
    let named = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{named}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{named}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// The WAV and GSM files below a folder, in order, links left out.
fn files(root: &Path, out: &mut Vec<(String, &'static str)>) -> Result<Vec<PathBuf>, String> {
    let (mut folders, mut found) = (vec![root.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .flatten()
        {
            let (path, kind) = (entry.path(), entry.file_type().map_err(|error| error.to_string())?);
            if kind.is_symlink() {
                out.push((entry.file_name().to_string_lossy().into_owned(), "a link"));
            } else if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "wav" || end == "gsm") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<i16>, String> {
    if path.extension().is_some_and(|end| end == "gsm") {
        let output = Command::new("sox")
            .arg(path)
            .args(["-t", "s16", "-"])
            .output()
            .map_err(|error| format!("sox: {error}"))?;
        return Ok(samples(&output.stdout));
    }
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    wav(&bytes).ok_or(format!("{} is no WAV", path.display()))
}

/// The samples of a WAV, which the packages have as 16-bit mono of 8 kHz.
fn wav(bytes: &[u8]) -> Option<Vec<i16>> {
    let mut rest = bytes.get(12..)?;
    loop {
        let (head, behind) = rest.split_at_checked(8)?;
        let len = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        if head.starts_with(b"data") {
            return Some(samples(&behind[..len.min(behind.len())]));
        }
        rest = behind.get(len + len % 2..)?;
    }
}

pub fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect()
}

pub fn octets(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}
