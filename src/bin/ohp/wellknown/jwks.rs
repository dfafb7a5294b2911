//! The published key set as a file, and as lines for a person. How it lives from one publication to the next is the library's
//! to say: [`ohp::trust::published`].

use std::path::Path;

use ohp::time::Timestamp;
use ohp::trust::jwk::{Jwk, OwnKeys, Usage};
use ohp::trust::published::{PublishError, PublishedKeys, RETENTION_HOURS, SEALING_DAYS_MAX, SIGNING_DAYS_MAX};
use serde_json::{Value, json};

use super::FILE_LIMIT;
use crate::exit::Failure;
use crate::input;

/// A key and when something befalls it; now, if nothing is said.
#[derive(Clone, Debug)]
pub struct Moment {
    kid: String,
    at: Option<Timestamp>,
}

impl Moment {
    /// Reads `KID` or `KID=RFC3339`.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A kid may hold any character, `=` among them; what follows the last one counts if it is a moment.
        let dated = text
            .rsplit_once('=')
            .and_then(|(kid, at)| Some((kid, Timestamp::parse_rfc3339(at).ok()?)));
        Ok(match dated {
            Some((kid, at)) => Self {
                kid: kid.to_owned(),
                at: Some(at),
            },
            None => Self {
                kid: text.to_owned(),
                at: None,
            },
        })
    }
}

/// The keys that are, or are about to be, published, as a file and to a person.
pub struct Published(PublishedKeys);

impl Published {
    /// What the file publishes; nothing if it is not there.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Self(PublishedKeys::new(Vec::new())));
        }
        let refuse = |why: String| {
            Failure::new(format_args!("{} is no JWK Set: {why}", path.display()))
                .advise("Mend it or take it away: keys that it holds would be lost")
        };
        let set: Value =
            serde_json::from_slice(&input::read(path, FILE_LIMIT)?).map_err(|error| refuse(error.to_string()))?;
        let keys = set["keys"]
            .as_array()
            .ok_or_else(|| refuse("it has no `keys`".to_owned()))?;
        if keys.iter().any(|key| !(key["d"].is_null() && key["priv"].is_null())) {
            return Err(Failure::new(format_args!(
                "{} holds private keys, and would be written over",
                path.display()
            ))
            .advise("Move it to where nobody fetches it; if somebody could, revoke its keys and make others"));
        }
        let keys = keys
            .iter()
            .map(|key| Jwk::from_json(key.to_string().as_bytes()).map_err(|error| refuse(error.to_string())));
        Ok(Self(PublishedKeys::new(keys.collect::<Result<_, _>>()?)))
    }

    /// Takes our keys in; see [`PublishedKeys::publish`].
    pub fn publish(&mut self, own: &[&OwnKeys], now: Timestamp) -> Result<(), Failure> {
        self.0.publish(own, now).map_err(|error| match error {
            PublishError::NameTaken(_) => {
                Failure::new(error).advise("A kid stands for one key all its life: make the new one under another")
            }
            _ => Failure::new(error),
        })
    }

    /// Lets a key end.
    pub fn retire(&mut self, moment: &Moment, now: Timestamp) -> Result<(), Failure> {
        let retired = self.0.retire(&moment.kid, moment.at.unwrap_or(now));
        retired.map_err(|error| self.unknown(error))
    }

    /// Revokes a key.
    pub fn revoke(&mut self, moment: &Moment, now: Timestamp) -> Result<(), Failure> {
        let revoked = self.0.revoke(&moment.kid, moment.at.unwrap_or(now));
        revoked.map_err(|error| self.unknown(error))
    }

    fn unknown(&self, error: PublishError<'_>) -> Failure {
        let known: Vec<&str> = self.0.keys().iter().filter_map(|key| key.kid.as_deref()).collect();
        Failure::new(error).advise(format_args!("There are: {}", known.join(", ")))
    }

    /// Leaves out the keys that nothing on its way can be signed with; see [`PublishedKeys::drop_past`].
    pub fn drop_past(&mut self, now: Timestamp) {
        self.0.drop_past(now);
    }

    /// The document.
    pub fn to_json(&self, now: Timestamp) -> Result<Value, Failure> {
        if self.0.keys().is_empty() {
            return Err(Failure::new("there are no keys to publish").advise(
                "Make one with `ohp keygen --out FILE` and name it with --keys, or put it into `receiver.keys`",
            ));
        }
        let keys = self
            .0
            .keys()
            .iter()
            .map(|key| serde_json::from_str(&key.to_json()).map_err(Failure::new));
        Ok(json!({
            "keys": keys.collect::<Result<Vec<Value>, _>>()?,
            "publishedAt": now.to_text().as_str(),
            "rotationPolicy": {
                "signKeysMaxAgeDays": SIGNING_DAYS_MAX,
                "encKeysMaxAgeDays": SEALING_DAYS_MAX,
                "revokedKeyRetentionHours": RETENTION_HOURS,
            },
        }))
    }

    /// One line a key, for a person.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.keys().iter().map(|key| {
            let usage = if key.usage == Some(Usage::Encryption) {
                "seals"
            } else {
                "signs"
            };
            let until = key
                .valid_until
                .map_or_else(String::new, |until| format!(" until {until}"));
            let revoked = if key.revoked { ", revoked" } else { "" };
            format!("{} {usage}{until}{revoked}", key.kid.as_deref().unwrap_or_default())
        })
    }
}
