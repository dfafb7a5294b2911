//! Anchoring in a log of one's own or of Rekor's kind, for `ohp sign`, and what a trust bundle must know to find an envelope
//! there.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::{Envelope, Field, Tier};
use ohp::trust::jwk::Secret;
use ohp::trust::transparency::anchored::Anchored;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::output::OPEN;
use crate::{rekor, template};

/// Where an envelope is anchored before it is written.
#[derive(clap::Args)]
pub struct Anchor {
    /// Append the envelope to the log in this folder, under the name in transparency.logId
    #[arg(long, value_name = "DIR", requires = "log_key")]
    log: Option<PathBuf>,
    /// Private JWK Set whose Ed25519 key signs the log's checkpoints
    #[arg(long, value_name = "FILE", requires = "log")]
    log_key: Option<PathBuf>,
    /// Enter the envelope into the log of Rekor's kind (Rekor v2) at this address, and wait until it is in
    #[arg(long, value_name = "URL", requires = "rekor_key", conflicts_with = "log")]
    rekor: Option<String>,
    /// The key of that log's checkpoints, as signed notes write it: name+hash+base64
    #[arg(long, value_name = "KEY", requires = "rekor")]
    rekor_key: Option<String>,
    /// Where the log's entry goes, as the member `logs` of a trust bundle
    #[arg(long, value_name = "FILE")]
    log_entry: Option<PathBuf>,
    /// Overwrite the file of --log-entry if it exists
    #[arg(long, requires = "log_entry")]
    force: bool,
}

impl Anchor {
    /// Anchors the signed `envelope` if that was asked for.
    pub fn anchor(&self, envelope: &Envelope<'_>) -> Result<(), Failure> {
        if self.log.is_none() && self.rekor.is_none() {
            return match self.log_entry {
                Some(_) => Err(Failure::new("there is no entry to write without a log").advise("Add --log or --rekor")),
                None => {
                    if envelope.tier() == Tier::Regulated {
                        anstream::eprintln!(
                            "{OPEN}note:{OPEN:#} a Regulated envelope is in a transparency log before it is sent (OHP §5.7): this one is \
                             not yet; --log or --rekor enters it"
                        );
                    }
                    Ok(())
                }
            };
        }
        // Before anything is appended, which cannot be undone.
        if let Some(path) = self.log_entry.as_ref().filter(|path| !self.force && path.exists()) {
            return Err(Failure::new(format_args!("{} is there already", path.display()))
                .advise("An entry is never overwritten by accident: choose another file, or say --force"));
        }
        let text = |field: Field| envelope.item(field).and_then(|item| item.as_text());
        let Some((log_id, leaf_hash)) = text(Field::LogId).zip(text(Field::LeafHash)) else {
            return Err(Failure::new("the envelope names no log")
                .advise("Set `transparency.logId` to the name of the log that it is anchored in"));
        };
        let (verifier_key, anchored) = match (&self.log, &self.log_key, &self.rekor, &self.rekor_key) {
            (Some(folder), Some(key), _, _) => own(folder, log_id, key, envelope)?,
            (_, _, Some(url), Some(key)) => (key.clone(), rekor::anchor(url, key, &envelope.surface_hash())?),
            // INVARIANT: each address is demanded together with its key.
            _ => return Ok(()),
        };
        let Some(path) = &self.log_entry else {
            return Ok(());
        };
        let logs = json!({ log_id: { "checkpointKeys": [verifier_key], "entries": { leaf_hash: entry(&anchored) } } });
        fs::write(path, format!("{logs:#}\n"))
            .map_err(|error| Failure::new(format_args!("cannot write {}: {error}", path.display())))
    }
}

/// Appends the envelope to the log in `folder`; its verifier key, and the entry.
fn own(folder: &Path, origin: &str, key: &Path, envelope: &Envelope<'_>) -> Result<(String, Anchored), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format_args!("cannot anchor in {}: {error}", folder.display()));
    let mut log = LocalLog::open(folder, origin, signing_key(key)?).map_err(|error| failed(&error))?;
    let verifier_key = log
        .verifier_key()
        .ok_or_else(|| failed(&"transparency.logId is no name for a log's key: it has spaces or a plus"))?;
    let leaf = merkle::leaf_hash(&envelope.surface().segments());
    let anchored = log.append(&leaf).map_err(|error| failed(&error))?;
    Ok((verifier_key, anchored))
}

/// The entry in the form of a trust bundle.
fn entry(anchored: &Anchored) -> Value {
    // INVARIANT: it is an object, written without errors.
    serde_json::from_str(&anchored.to_json()).unwrap_or_default()
}

/// The first Ed25519 key of the file at `path`. A log outlives the time of the keys that envelopes are signed with.
fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let keys = template::read_keys(&[path.to_owned()])?;
    let seed = keys.keys().iter().find_map(|key| match key.secret() {
        Secret::Ed25519(key) => Some(*key.seed()),
        _ => None,
    });
    seed.map(SigningKey::from_seed)
        .ok_or_else(|| Failure::new(format_args!("{} has no Ed25519 key", path.display())))
}
