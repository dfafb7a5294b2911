//! Anchoring in the log of one's own, for `ohp sign`, and what a trust bundle must know to find an envelope there.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::crypto::ed25519::SigningKey;
use ohp::envelope::{Envelope, Field};
use ohp::trust::jwk::Secret;
use ohp::trust::transparency::anchored::Anchored;
use ohp::trust::transparency::local::LocalLog;
use ohp::trust::transparency::merkle;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::template;

/// Where an envelope is anchored before it is written.
#[derive(clap::Args)]
pub struct Anchor {
    /// Append the envelope to the log in this folder, under the name in transparency.logId
    #[arg(long, value_name = "DIR", requires = "log_key")]
    log: Option<PathBuf>,
    /// Private JWK Set whose Ed25519 key signs the log's checkpoints
    #[arg(long, value_name = "FILE", requires = "log")]
    log_key: Option<PathBuf>,
    /// Where the log's entry goes, as the member `logs` of a trust bundle
    #[arg(long, value_name = "FILE", requires = "log")]
    log_entry: Option<PathBuf>,
}

impl Anchor {
    /// Anchors the signed `envelope` if that was asked for.
    pub fn anchor(&self, envelope: &Envelope<'_>) -> Result<(), Failure> {
        let (Some(folder), Some(key)) = (&self.log, &self.log_key) else {
            return Ok(());
        };
        let text = |field: Field| envelope.item(field).and_then(|item| item.as_text());
        let (Some(origin), Some(stated)) = (text(Field::LogId), text(Field::LeafHash)) else {
            return Err(Failure::new("the envelope names no log")
                .advise("Set `transparency.logId` to the name of the log that it is anchored in"));
        };
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format_args!("cannot anchor in {}: {error}", folder.display()))
        };
        let mut log = LocalLog::open(folder, origin, signing_key(key)?).map_err(|error| failed(&error))?;
        let leaf = merkle::leaf_hash(&envelope.surface().segments());
        let anchored = log.append(&leaf).map_err(|error| failed(&error))?;
        let Some(path) = &self.log_entry else {
            return Ok(());
        };
        let entry =
            json!({ origin: { "checkpointKeys": [log.verifier_key()], "entries": { stated: entry(&anchored) } } });
        fs::write(path, format!("{entry:#}\n"))
            .map_err(|error| Failure::new(format_args!("cannot write {}: {error}", path.display())))
    }
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
