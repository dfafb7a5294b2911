//! Walks a third-party suite beside the checkout: every case is judged, and each disagreement has its reason in the
//! test. A suite that lost or gained a case fails, and so does an exception that is no longer one.

#![allow(dead_code, reason = "each test file uses its own part of this one")]

#[allow(
    clippy::duplicate_mod,
    reason = "a crate with several of these modules has it several times"
)]
#[path = "../common/skip.rs"]
pub mod skip;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::check;
use ohp::cbor::json::{ErrorKind, Plain, max_cbor_len, scratch_len, to_cbor};

/// Cases on which this library and a suite differ, and why the library is right to.
#[derive(Clone, Copy)]
pub struct Exception {
    /// What comes out instead, word for word.
    pub outcome: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Names of the cases. `*` ends the beginning of a name too long to write out.
    pub cases: &'static [&'static str],
}

impl Exception {
    fn name_of(&self, case: &str) -> Option<&'static str> {
        let is_named = |name: &&&str| match name.strip_suffix('*') {
            Some(start) => case.starts_with(start),
            None => case == **name,
        };
        self.cases.iter().find(is_named).copied()
    }
}

/// Whether the suites, by their index, are beside the checkout.
pub fn are_here() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/vectors/INDEX.tsv")
        .is_file()
}

/// One suite under test.
pub struct Suite {
    name: &'static str,
    folder: PathBuf,
    /// How many cases the index beside the suites says there are.
    cases: usize,
    exceptions: Vec<Exception>,
    seen: BTreeSet<&'static str>,
    agreed: usize,
    explained: usize,
    survived: usize,
    faults: Vec<String>,
}

impl Suite {
    /// Opens a suite with what is known to differ. `None`, with a message, where the suites are not beside the
    /// checkout; they must be there under `CI=true`.
    pub fn open(name: &'static str, exceptions: &[&[Exception]]) -> Option<Self> {
        let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
        let folder = suites.join(name);
        skip::shared(&format!("vectors/{name}"))?;
        let index = fs::read_to_string(suites.join("INDEX.tsv")).expect("the index of the suites");
        let row = index
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .find(|row| row.get(2) == Some(&name));
        let cases = row.and_then(|row| row.get(3)?.parse().ok());
        Some(Self {
            name,
            folder,
            cases: cases.unwrap_or_else(|| panic!("{name} is not in the index")),
            exceptions: exceptions.concat(),
            seen: BTreeSet::new(),
            agreed: 0,
            explained: 0,
            survived: 0,
            faults: Vec::new(),
        })
    }

    /// The files of a suite as input for something else than its own verdicts; none where it is not there.
    pub fn inputs(name: &'static str, ends: &[&str]) -> Vec<(String, Vec<u8>)> {
        Self::open(name, &[]).map_or(Vec::new(), |suite| suite.files(ends))
    }

    /// The suite's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every file of the suite that holds a case, by its path below the folder, in order; `ends` are the endings that
    /// such a file may have, `""` any.
    pub fn files(&self, ends: &[&str]) -> Vec<(String, Vec<u8>)> {
        let (mut folders, mut found) = (vec![self.folder.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
                let path = entry.path();
                let name = path
                    .strip_prefix(&self.folder)
                    .expect("below the folder")
                    .to_string_lossy()
                    .into_owned();
                let about = name.starts_with("LICENSE") || name == "SOURCE.txt" || name.ends_with("README.md");
                if path.is_dir() {
                    folders.push(path);
                } else if !about && ends.iter().any(|end| name.ends_with(end)) {
                    found.push((name, fs::read(path).expect("the file can be read")));
                }
            }
        }
        found.sort();
        found
    }

    /// A text file of the suite.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", self.name))
    }

    /// A JSON file of the suite.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", self.name))
    }

    /// Judges one case: `Ok` where the library does as the suite says, else what it does instead.
    pub fn case(&mut self, case: &str, outcome: Result<(), String>) {
        let exception = self
            .exceptions
            .iter()
            .find_map(|exception| Some((exception.outcome, exception.name_of(case)?)));
        match (outcome, exception) {
            (Ok(()), None) => self.agreed += 1,
            (Err(outcome), Some((expected, name))) if outcome == expected => {
                self.seen.insert(name);
                self.explained += 1;
            }
            (outcome, _) => {
                let expected = exception.map_or("agreement", |(outcome, _)| outcome);
                self.faults.push(format!("{case}: {outcome:?} instead of {expected}"));
            }
        }
    }

    /// Counts a case about which the suite says nothing: the library has lived through it.
    pub fn survived(&mut self) {
        self.survived += 1;
    }

    /// Counts cases about something that this library does not have.
    pub fn left_out(&mut self, cases: usize, reason: &str) {
        println!("{}: {cases} cases left out: {reason}", self.name);
        self.explained += cases;
    }

    /// Ends the suite: prints its line, and fails where anything was out of place.
    pub fn end(self) {
        let total = self.agreed + self.explained + self.survived;
        let mut line = format!(
            "{}: {total} cases, {} agreed, {} explained",
            self.name, self.agreed, self.explained
        );
        if self.survived > 0 {
            line += &format!(", {} without a verdict survived", self.survived);
        }
        println!("{line}");
        let mut faults = self.faults;
        for exception in &self.exceptions {
            let gone = exception.cases.iter().filter(|name| !self.seen.contains(**name));
            faults.extend(gone.map(|name| format!("{name}: no longer {} ({})", exception.outcome, exception.reason)));
        }
        assert!(faults.is_empty(), "{line}\n{}", faults.join("\n"));
        assert_eq!(
            total, self.cases,
            "{}: another number of cases than in the index",
            self.name
        );
    }
}

/// `Ok` where both are equal, else what came out.
pub fn same<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{ours:?} for {theirs:?}"))
    }
}

/// Bytes from hexadecimal digits; blanks between them mean nothing.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}

/// Hexadecimal digits of bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON as canonical CBOR.
pub fn encode_json(json: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut scratch = vec![0; scratch_len(json.len())];
    let mut out = vec![0; max_cbor_len(json.len())];
    match to_cbor(json, Plain, &mut scratch, &mut out) {
        Ok(cbor) => {
            assert_eq!(check(cbor), Ok(()));
            Ok(cbor.to_vec())
        }
        Err(error) => {
            assert!(error.offset <= json.len());
            Err(error.kind)
        }
    }
}
