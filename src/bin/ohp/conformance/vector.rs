//! A vector's folder: finding vectors in a tree, and reading what one holds.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use ohp::cbor::Item;
use ohp::envelope::Tier;
use ohp::transport::body::Declared;
use ohp::trust::bundle::Bundle;
use serde_json::{Value, json};

use super::expected::Expected;
use crate::envelope_file::{self, Contents};
use crate::exit::Failure;
use crate::input;

/// Longest file of a vector: far above any trust bundle that a vector has use for.
const FILE_LIMIT: u64 = 4 << 20;

/// Deepest folder of a tree in which vectors are looked for.
const DEPTH_MAX: usize = 8;

/// The file that makes a folder a vector.
const EXPECTED: &str = "expected.json";

/// One vector.
pub struct Vector {
    /// Its folder, from the tree's root, with slashes.
    pub name: String,
    folder: PathBuf,
    tier: OnceCell<Option<Tier>>,
}

/// Every vector below `folder`, sorted by name. A folder that is a vector itself is a tree of one.
pub fn walk(folder: &Path) -> Result<Vec<Vector>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((at, depth)) = open.pop() {
        let unreadable = |error| Failure::new(format_args!("cannot read {}: {error}", at.display()));
        if at.join(EXPECTED).is_file() {
            let below = at.strip_prefix(folder).unwrap_or(&at);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let own = || at.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Vector {
                name: if parts.is_empty() { own() } else { parts.join("/") },
                folder: at,
                tier: OnceCell::new(),
            });
            continue;
        }
        for entry in fs::read_dir(&at).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // Of links there could be more ways through the tree than anyone waits for.
            if entry.file_type().map_err(unreadable)?.is_dir() && depth < DEPTH_MAX {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

impl Vector {
    /// The file `name` of the folder, if it is there.
    pub fn file(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        input::read(&path, FILE_LIMIT)
            .map(Some)
            .map_err(|error| error.to_string())
    }

    /// The file `name`, as JSON.
    pub fn json(&self, name: &str) -> Result<Option<Value>, String> {
        let Some(bytes) = self.file(name)? else { return Ok(None) };
        let value = serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))?;
        Ok(Some(value))
    }

    /// The names of the files in the folder's folder `name`, sorted, with that folder's name before each.
    pub fn files_in(&self, name: &str) -> Result<Vec<String>, String> {
        let path = self.folder.join(name);
        if !path.is_dir() {
            return Ok(Vec::new());
        }
        let unreadable = |error| format!("cannot read {}: {error}", path.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.path().is_file() {
                names.push(format!("{name}/{}", entry.file_name().to_string_lossy()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// `expected.json`.
    pub fn expected(&self) -> Result<Expected, String> {
        Expected::parse(&self.file(EXPECTED)?.ok_or("expected.json is not there")?)
    }

    /// The tier to which it belongs: that of a folder above it, of what it expects, or of its envelope.
    pub fn tier(&self) -> Option<Tier> {
        *self.tier.get_or_init(|| {
            let folder = self.name.split('/').find_map(Tier::parse);
            let expected = || self.expected().ok()?.tier;
            let envelope = || {
                let (_, contents) = self.envelopes().ok()?.into_iter().next()?;
                let Contents::Cbor(cbor, _) = contents else { return None };
                Tier::parse(member(&cbor, &["conformance"])?.as_str())
            };
            folder.or_else(expected).or_else(envelope)
        })
    }

    /// Each form in which the folder holds the envelope, by its file's name.
    pub fn envelopes(&self) -> Result<Vec<(&'static str, Contents)>, String> {
        let mut found = Vec::new();
        for name in ["envelope.json", "envelope.cbor"] {
            if let Some(bytes) = self.file(name)? {
                found.push((name, envelope_file::contents(&bytes, Declared::default())));
            }
        }
        Ok(found)
    }

    /// The keys in `keys/` whose file names begin with `party`: those of each file that is a JWK or a JWK Set.
    pub fn keys(&self, party: &str) -> Result<Vec<Value>, String> {
        let mut keys = Vec::new();
        for name in self.files_in("keys")? {
            let is_key = name.ends_with(".jwk") || name.ends_with(".json") || name.ends_with(".jwks");
            if !is_key || !name["keys/".len()..].starts_with(party) {
                continue;
            }
            match self.json(&name)? {
                Some(Value::Object(mut set)) if set.contains_key("keys") => match set.remove("keys") {
                    Some(Value::Array(list)) => keys.extend(list),
                    _ => return Err(format!("{name}: `keys` is no list")),
                },
                Some(key) => keys.push(key),
                None => {}
            }
        }
        Ok(keys)
    }

    /// Whom the receiver believes, and whether that is all that it needs to know: `trust.json`, or else what the keys make up.
    pub fn bundle(&self, cbor: &[u8]) -> Result<(Bundle, Known), String> {
        if let Some(trust) = self.file("trust.json")? {
            let bundle = Bundle::from_json(&trust).map_err(|error| format!("trust.json: {error}"))?;
            return Ok((bundle, Known::All));
        }
        let mut trust = json!({ "ohpTrust": 1, "receiver": { "maxTier": "regulated" } });
        let own = self.keys("receiver")?;
        let own: Vec<Value> = own
            .into_iter()
            .filter(|key| key.get("d").or(key.get("priv")).is_some())
            .collect();
        trust["receiver"]["keys"] = json!({ "keys": own });
        let issuers: Vec<Value> = self.keys("issuer")?;
        if let Some(did) = member(cbor, &["issuer", "did"])
            && !issuers.is_empty()
        {
            trust["issuers"] = json!({ did: { "jwks": { "keys": issuers } } });
        }
        let bundle = Bundle::from_json(trust.to_string().as_bytes()).map_err(|error| format!("keys/: {error}"))?;
        Ok((bundle, Known::InPart))
    }
}

/// Whether what a vector does not bring is missing on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The vector has a trust bundle: what is not in it is lacking, as on a live call.
    All,
    /// It has none: what is lacking is not held against the envelope.
    InPart,
}

/// The text at `path` in an envelope's CBOR.
pub fn member(cbor: &[u8], path: &[&str]) -> Option<String> {
    let root = Item::parse(cbor).ok()?;
    let item = path.iter().try_fold(root, |item, key| item.map()?.get(key))?;
    item.as_text().or(item.as_time()).map(str::to_owned)
}
