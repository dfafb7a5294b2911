//! The published key set from one publication to the next: keys join it, end, are revoked, and leave it once nothing that they
//! have signed can be on its way any more (OHP §5.9).

use std::path::Path;

use ohp::time::Timestamp;
use ohp::trust::Text;
use ohp::trust::jwk::{Jwk, OwnKeys, Usage};
use serde_json::{Value, json};

use super::FILE_LIMIT;
use crate::exit::Failure;
use crate::input;

/// How long a key stays published after its end: the hour of OHP §5.9, begun after the longest envelope's lifetime.
const RETENTION_HOURS: i64 = 2;

const HOUR_MS: i64 = 3_600_000;

/// The longest lives of keys, in days (OHP §5.9).
pub const SIGNING_DAYS_MAX: u16 = 90;
/// Likewise of those that fields are sealed for.
pub const SEALING_DAYS_MAX: u16 = 30;

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

/// The keys that are, or are about to be, published.
pub struct Published {
    keys: Vec<Jwk>,
    /// The keys of our own with the ends that our own files give them, which know nothing of an earlier one or a revocation.
    ours: Vec<(Option<Text>, Option<Timestamp>)>,
}

impl Published {
    /// What the file publishes; nothing if it is not there.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Self {
                keys: Vec::new(),
                ours: Vec::new(),
            });
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
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
            ours: Vec::new(),
        })
    }

    /// Takes our keys in. One that is there already keeps an earlier end and its revocation; one that is there and no longer
    /// ours ends now, unless it has yet to begin: a key that is published ahead lies in no bundle until then.
    pub fn publish(&mut self, own: &[&OwnKeys], now: Timestamp) -> Result<(), Failure> {
        let mut ours: Vec<Jwk> = Vec::new();
        for key in own.iter().flat_map(|keys| keys.keys()) {
            let public = Jwk::from_json(key.to_public_json().as_bytes()).map_err(Failure::new)?;
            match ours.iter().find(|other| other.kid == public.kid) {
                Some(same) if same.thumbprint() == public.thumbprint() => continue,
                Some(_) => return Err(Failure::new(format_args!("two keys are called {:?}", key.kid()))),
                None => ours.push(public),
            }
        }
        self.ours = ours.iter().map(|key| (key.kid.clone(), key.valid_until)).collect();
        for mut old in self.keys.drain(..) {
            match ours.iter_mut().find(|key| key.kid == old.kid) {
                Some(key) if key.thumbprint() != old.thumbprint() => {
                    return Err(Failure::new(format_args!(
                        "another key is published under the kid {:?}",
                        old.kid.as_deref().unwrap_or_default()
                    ))
                    .advise("A kid stands for one key all its life: make the new one under another"));
                }
                Some(key) => {
                    key.valid_until = earlier(key.valid_until, old.valid_until);
                    key.revoked |= old.revoked;
                }
                None => {
                    let has_begun = old.valid_from.is_none_or(|from| from <= now);
                    if has_begun && !old.revoked {
                        old.valid_until = earlier(old.valid_until, Some(now));
                    }
                    ours.push(old);
                }
            }
        }
        self.keys = ours;
        Ok(())
    }

    /// Lets a key end.
    pub fn retire(&mut self, moment: &Moment, now: Timestamp) -> Result<(), Failure> {
        let key = self.find(&moment.kid)?;
        key.valid_until = earlier(key.valid_until, Some(moment.at.unwrap_or(now)));
        Ok(())
    }

    /// Revokes a key.
    pub fn revoke(&mut self, moment: &Moment, now: Timestamp) -> Result<(), Failure> {
        self.retire(moment, now)?;
        self.find(&moment.kid)?.revoked = true;
        Ok(())
    }

    fn find(&mut self, kid: &str) -> Result<&mut Jwk, Failure> {
        let known: Vec<&str> = self.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let known = known.join(", ");
        let found = self.keys.iter_mut().find(|key| key.kid.as_deref() == Some(kid));
        found.ok_or_else(|| {
            Failure::new(format_args!("no key is called {kid:?}")).advise(format_args!("There are: {known}"))
        })
    }

    /// Leaves out the keys whose time has been over for so long that nothing of theirs is on its way. One that our own files
    /// hold for longer stays, ended or revoked as it is: they would bring it back, alive, with the next publication.
    pub fn drop_past(&mut self, now: Timestamp) {
        let is_past =
            |until: Option<Timestamp>| until.is_some_and(|until| now.since(until) > RETENTION_HOURS * HOUR_MS);
        let ours = &self.ours;
        let would_return = |key: &Jwk| ours.iter().any(|(kid, until)| *kid == key.kid && !is_past(*until));
        self.keys.retain(|key| !is_past(key.valid_until) || would_return(key));
    }

    /// The document.
    pub fn to_json(&self, now: Timestamp) -> Result<Value, Failure> {
        if self.keys.is_empty() {
            return Err(Failure::new("there are no keys to publish").advise(
                "Make one with `ohp keygen --out FILE` and name it with --keys, or put it into `receiver.keys`",
            ));
        }
        let keys = self
            .keys
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
        self.keys.iter().map(|key| {
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

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
