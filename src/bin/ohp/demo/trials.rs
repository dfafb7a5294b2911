//! What must be refused: the accepted envelope replayed into a second call, one that was changed on its way, one that is too
//! old, and one whose proof is music that everybody hears who is on hold. They are sent as an attacker would, past the library's state machine; only the answers go through it.

use std::collections::VecDeque;

use ohp::envelope::{Envelope, Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::time::Timestamp;
use ohp::transport::outgoing::{ENCODED_MAX, Form, HEADERS_LEN, Outgoing, SCRATCH_LEN};
use ohp::transport::{BODY_MAX, Echo};
use ohp::verify::{Call, Media, Outstanding, Role, Situation, VERIFY_SCRATCH, verify};

use super::handoff::Sending;
use super::peer::Config;
use super::proposal;
use crate::clock;
use crate::exit::Failure;

/// How long ago the envelope that is too old was issued: more than its five minutes and the skew of five seconds.
const STALE_AGE_MS: i64 = 310_000;

/// What stands in the changed envelope, before and after.
const AMOUNT: &[u8] = b"GBP 42.99";
const CHANGED: &[u8] = b"GBP 92.99";

/// The trial whose envelope is bound to the second call in every way but one: its sound.
const HOLD_MUSIC: &str = "hold-music";

/// Something to be refused.
pub struct Trial {
    /// What it is called in the table.
    pub name: &'static str,
    /// What a reader is told about it.
    pub how: &'static str,
    /// The INFO requests to send.
    pub infos: Vec<Sending>,
    /// The envelope's identifier and the call that it names, which its answer repeats.
    about: (EnvelopeId, String),
}

/// A proposal as somebody on the path could keep it.
struct Overheard {
    about: (EnvelopeId, String),
    infos: Vec<Sending>,
}

/// The trials that are left.
pub struct Trials {
    names: VecDeque<&'static str>,
    proposal: Option<Overheard>,
    /// The fingerprint that the first call's proposals carried last.
    fingerprint: Option<String>,
}

impl Trials {
    /// What there is to try at a tier: at Core nothing is signed, so that a change cannot be told, and no envelope carries a
    /// fingerprint.
    pub fn new(tier: Tier, hold_music: bool) -> Self {
        let mut names = VecDeque::from(["replayed", "stale"]);
        if tier >= Tier::Signed {
            names.insert(1, "tampered");
        }
        if tier >= Tier::Signed && hold_music {
            names.push_back(HOLD_MUSIC);
        }
        Self {
            names,
            proposal: None,
            fingerprint: None,
        }
    }

    /// Whether the next trial is the one of the hold music.
    pub fn is_of_music_next(&self) -> bool {
        self.names.front() == Some(&HOLD_MUSIC)
    }

    /// A proposal is about to be sent on the call `call_id`.
    pub fn proposal(&mut self, id: &str, call_id: &str, fingerprint: Option<&str>) {
        if let Some(fingerprint) = fingerprint {
            self.fingerprint = Some(fingerprint.to_owned());
        }
        self.proposal = EnvelopeId::parse(id).map(|id| Overheard {
            about: (id, call_id.to_owned()),
            infos: Vec::new(),
        });
    }

    /// Keeps an INFO of that proposal.
    pub fn overhear(&mut self, info: &Sending) {
        if let Some(proposal) = self.proposal.as_mut().filter(|_| info.verb == Verb::Propose) {
            proposal.infos.push(info.clone());
        }
    }

    /// The next trial, for the call `call_id`.
    pub fn next(&mut self, config: &Config, call_id: &str) -> Result<Option<Trial>, Failure> {
        let Some(name) = self.names.pop_front() else {
            return Ok(None);
        };
        let now = clock::now();
        Ok(Some(match name {
            "replayed" => {
                let overheard = self
                    .proposal
                    .take()
                    .ok_or_else(|| Failure::new("there is nothing to replay"))?;
                let how = "the very requests that were accepted on the first call";
                Trial {
                    name,
                    how,
                    infos: overheard.infos,
                    about: overheard.about,
                }
            }
            "tampered" => {
                let how = "a signed envelope whose amount was changed on its way";
                Trial::of(name, how, &tampered(config, now, call_id)?)?
            }
            HOLD_MUSIC => {
                let how = "a good envelope for this call, whose proof is the hold music that both calls hear";
                let fingerprint = self.fingerprint.take();
                Trial::of(
                    name,
                    how,
                    &proposal::whole(config, now, call_id, fingerprint.as_deref())?,
                )?
            }
            _ => {
                let how = "a good envelope that was issued five minutes and ten seconds ago";
                Trial::of(
                    name,
                    how,
                    &proposal::whole(config, now.plus(-STALE_AGE_MS), call_id, None)?,
                )?
            }
        }))
    }
}

impl Trial {
    fn of(name: &'static str, how: &'static str, cbor: &[u8]) -> Result<Self, Failure> {
        let envelope = Envelope::read(cbor, &mut |_| ()).map_err(Failure::new)?;
        let about = (envelope.id(), envelope.call_id().to_owned());
        Ok(Self {
            name,
            how,
            infos: infos(&envelope)?,
            about,
        })
    }

    /// The reason, if `cbor` is a REJECT of this trial that the other side really made.
    pub fn refusal(&self, config: &Config, cbor: &[u8]) -> Option<String> {
        let (proposed, call_id) = &self.about;
        let (vendor, did) = &config.to;
        let outstanding = Outstanding {
            proposed: *proposed,
            tier: config.tier,
            did: (config.tier >= Tier::Signed).then_some(did.as_str()),
            vendor,
        };
        let context = config.shared.context();
        let situation = Situation {
            bundle: &context.bundle,
            now: clock::now(),
            role: Role::OnLeg(Some(outstanding)),
            call: Call::Ids(&[call_id.as_str()]),
            media: Media::NotHere,
            echo: Echo::default(),
            memory: None,
            again: false,
            audio_may_follow: false,
            deadline_passed: false,
        };
        let verdict = verify(cbor, &situation, &mut vec![0; VERIFY_SCRATCH], &mut |_, _| ());
        let envelope = verdict
            .envelope
            .filter(|envelope| envelope.verb() == Verb::Reject && verdict.is_accepted())?;
        envelope.control().reason().map(str::to_owned)
    }
}

fn tampered(config: &Config, now: Timestamp, call_id: &str) -> Result<Vec<u8>, Failure> {
    let mut cbor = proposal::whole(config, now, call_id, None)?;
    let at = cbor.windows(AMOUNT.len()).position(|window| window == AMOUNT);
    let at = at.ok_or_else(|| Failure::new("the demonstration's envelope holds no amount"))?;
    cbor[at..at + CHANGED.len()].copy_from_slice(CHANGED);
    Ok(cbor)
}

/// The INFO requests that carry an envelope.
fn infos(envelope: &Envelope<'_>) -> Result<Vec<Sending>, Failure> {
    let names = (envelope.id(), envelope.tier(), envelope.verb());
    let mut encoded = vec![0; ENCODED_MAX];
    let plan = Outgoing::encode(
        envelope.bytes(),
        names,
        Form::default(),
        &mut vec![0; SCRATCH_LEN],
        &mut encoded,
    );
    let plan = plan.map_err(Failure::new)?;
    (1..=plan.total())
        .map(|k| {
            let data = plan.range(k).and_then(|range| encoded.get(range)).unwrap_or_default();
            let (mut headers, mut body) = ([0; HEADERS_LEN], [0; BODY_MAX]);
            let rendered = plan.render(k, data, &mut headers, &mut body).map_err(Failure::new)?;
            Ok(Sending {
                lines: rendered.headers.to_owned(),
                body: rendered.body.to_vec(),
                verb: envelope.verb(),
                part: k,
                parts: plan.total(),
            })
        })
        .collect()
}
