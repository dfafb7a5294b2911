//! Vectors with an `input.json`, from which an envelope is to be made, or refused.
//!
//! The input holds everything that is chosen at random or by a clock, so that the bytes that come out are always the same. The
//! order is the one in which it must be: what the caller's credential reveals is picked, fields are sealed, blocks attested, the
//! leaf hash is worked out, and the whole is signed.

use ohp::cbor::{Item, json};
use ohp::crypto::hpke;
use ohp::envelope::{Broken, Draft, DraftError, ENVELOPE_MAX, Envelope, SHAPE, Tier, Violation};
use ohp::time::Timestamp;
use ohp::trust::issue::{ATTEST_MAX, IssueError, attest, issue, seal_fields};
use ohp::trust::jwk::{JwkSet, OwnKeys};
use ohp::trust::{jws, sd_jwt, sealing};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::expected::{Expected, Outcome};
use super::vector::Vector;
use super::{Ran, accept, missing};
use crate::envelope_file::Contents;

/// Memory for a draft: what it copies of an envelope, and its paths.
const DRAFT_LEN: usize = 64 * 1024;

/// Why no envelope is made.
struct Refused {
    reason: &'static str,
    min_tier: Option<Tier>,
    path: Option<String>,
    why: String,
}

/// What keeps a vector from being run at all.
type Made = Result<Result<Vec<u8>, Refused>, String>;

/// Makes the envelope of a vector's input and compares.
pub fn judge(vector: &Vector, expected: &Expected) -> Result<Ran, String> {
    let input = vector.json("input.json")?.ok_or("input.json is not there")?;
    let keys = own_keys(vector)?;
    let tier = input["template"]["conformance"].as_str().and_then(Tier::parse);
    if tier > Some(Tier::Core) && keys.keys().is_empty() && expected.outcome == Outcome::Emit {
        return Ok(Ran::Skipped(
            "signing needs the issuer's keys, and keys/ has none".to_owned(),
        ));
    }
    let made = make(&input, &keys)?;
    let mut wrong = Vec::new();
    match (expected.outcome, made) {
        (Outcome::Emit, Ok(envelope)) => wrong = compare(vector, expected, &keys, &envelope)?,
        (Outcome::Emit, Err(refused)) => wrong.push(format!("refused: {}", refused.why)),
        (_, Ok(_)) => wrong.push("an envelope is made, and none should be".to_owned()),
        (_, Err(refused)) => {
            let mut differ = |what: &str, is: &str, wanted: &str| {
                if is != wanted {
                    wrong.push(format!("{what} is {is}, not {wanted} ({})", refused.why));
                }
            };
            if let Some(wanted) = &expected.refuse_reason {
                differ("the reason", refused.reason, wanted);
            }
            if let Some(wanted) = expected.min_tier {
                differ(
                    "the tier that is needed",
                    refused.min_tier.map_or("none", Tier::as_str),
                    wanted.as_str(),
                );
            }
            if let Some(wanted) = &expected.path {
                differ("the path", refused.path.as_deref().unwrap_or("none"), wanted);
            }
        }
    }
    Ok(Ran::of(wrong, Vec::new()))
}

fn own_keys(vector: &Vector) -> Result<OwnKeys, String> {
    let keys = json!({ "keys": vector.keys("issuer")? }).to_string();
    OwnKeys::from_json(keys.as_bytes()).map_err(|error| format!("keys/issuer-*: {error}"))
}

fn compare(vector: &Vector, expected: &Expected, keys: &OwnKeys, cbor: &[u8]) -> Result<Vec<String>, String> {
    let envelope = Envelope::read(cbor, &mut |_| ()).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    for (name, contents) in vector.envelopes()? {
        match contents {
            Contents::Cbor(stated, _) if stated == cbor => {}
            _ => wrong.push(format!("what is made is not what {name} holds")),
        }
    }
    if let Some(wanted) = expected.tier.filter(|wanted| *wanted != envelope.tier()) {
        wrong.push(format!("the tier is {}, not {wanted}", envelope.tier()));
    }
    if let Some(wanted) = expected.verb.filter(|wanted| *wanted != envelope.verb()) {
        wrong.push(format!("the verb is {}, not {wanted}", envelope.verb()));
    }
    let claims = disclosed(&envelope);
    let has = |path: &str| match path.strip_prefix("caller.identity.sdJwtVc.disclosures.") {
        Some(claim) => claims.iter().any(|disclosed| disclosed == claim),
        None => envelope.get(path).is_some(),
    };
    wrong.extend(
        expected
            .contains
            .iter()
            .filter(|path| !has(path))
            .map(|path| format!("{path} is missing")),
    );
    wrong.extend(
        expected
            .lacks
            .iter()
            .filter(|path| has(path))
            .map(|path| format!("{path} is there")),
    );
    let algorithms: Vec<String> = envelope
        .signatures()
        .filter_map(|signature| signature.alg().map(str::to_owned))
        .collect();
    wrong.extend(
        missing(&expected.algorithms, &algorithms)
            .iter()
            .map(|alg| format!("no {alg} signature")),
    );
    if let Some(published) = vector.file("well-known/ohp-jwks.json")? {
        wrong.extend(is_published(&published, keys, &envelope));
    }
    // The receiver of the vector has to take it.
    if vector.file("trust.json")?.is_some() {
        let taken = Expected {
            outcome: Outcome::Accept,
            ..Expected::parse(br#"{"outcome":"accept"}"#)?
        };
        let circumstances = Expected {
            now: expected.now,
            call_id: expected.call_id.clone(),
            fingerprint: expected.fingerprint,
            verified: expected.verified.clone(),
            opened: expected.opened.clone(),
            ..taken
        };
        if let Ran::Failed(why) = accept::one(vector, &circumstances, None, cbor, Default::default())? {
            wrong.extend(why.iter().map(|why| format!("the receiver does not take it: {why}")));
        }
    }
    Ok(wrong)
}

/// The names of the claims that the caller's credential reveals.
fn disclosed(envelope: &Envelope<'_>) -> Vec<String> {
    let identity = envelope.identity();
    let Some(token) = identity.sd_jwt_vc() else {
        return Vec::new();
    };
    let compact = identity
        .disclosures()
        .fold(format!("{token}~"), |compact, disclosure| compact + disclosure + "~");
    let mut names = Vec::new();
    let _ = sd_jwt::present(&compact, &mut |name| {
        names.push(name.to_owned());
        true
    });
    names
}

/// Whether the published keys are the public parts of `keys`, and hold those that have signed.
fn is_published(published: &[u8], keys: &OwnKeys, envelope: &Envelope<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let set = match JwkSet::from_json(published) {
        Ok(set) => set,
        Err(error) => return vec![format!("well-known/ohp-jwks.json: {error}")],
    };
    if OwnKeys::from_json(published).is_ok_and(|keys| !keys.keys().is_empty()) {
        wrong.push("well-known/ohp-jwks.json holds private keys".to_owned());
    }
    for key in keys.keys() {
        let same = set
            .get(key.kid())
            .is_some_and(|published| published.thumbprint() == key.public().thumbprint());
        if !same {
            wrong.push(format!("well-known/ohp-jwks.json does not hold our key {}", key.kid()));
        }
    }
    for signature in envelope.signatures() {
        let (alg, kid) = (signature.alg().unwrap_or_default(), signature.kid());
        if let Err(refusal) = set.signer(alg, kid, envelope.issued_at().unwrap_or_default()) {
            wrong.push(format!(
                "well-known/ohp-jwks.json: {}: {refusal}",
                kid.unwrap_or_default()
            ));
        }
    }
    wrong
}

fn make(input: &Value, keys: &OwnKeys) -> Made {
    let mut template = input["template"].clone();
    let now = input["now"]
        .as_str()
        .or(template["issuedAt"].as_str())
        .map(Timestamp::parse_rfc3339);
    let now = now
        .and_then(Result::ok)
        .ok_or("input.json: `now` is no RFC 3339 date-time")?;
    let tier = template["conformance"]
        .as_str()
        .and_then(Tier::parse)
        .ok_or("input.json: no tier")?;
    let floor = template["audience"]["minTier"].as_str().and_then(Tier::parse);
    if let Some(floor) = floor.filter(|floor| *floor > tier) {
        return Ok(Err(Refused {
            reason: "workload-requires-higher-tier",
            min_tier: Some(floor),
            path: Some("$.conformance".to_owned()),
            why: format!("audience.minTier is {floor}"),
        }));
    }
    if let Some(reveal) = input.get("reveal") {
        self::reveal(&mut template, reveal)?;
    }
    let seal = input.get("seal").map(Seal::read).transpose()?;
    Ok(issue_as_told(&template, seal.as_ref(), keys, now).map_err(|error| refused(&template, tier, error)))
}

/// Issues as a leg does, but for what a leg adds of its own.
fn issue_as_told(template: &Value, seal: Option<&Seal>, keys: &OwnKeys, now: Timestamp) -> Result<Vec<u8>, IssueError> {
    let unreadable = |_| DraftError::BadValue;
    let cbor = to_cbor(template).map_err(unreadable)?;
    let (mut arena, mut scratch) = (vec![0; DRAFT_LEN], vec![0; jws::SCRATCH_LEN.max(sealing::SCRATCH_LEN)]);
    let (mut part, mut out) = (vec![0; ATTEST_MAX.max(ENVELOPE_MAX)], vec![0; ENVELOPE_MAX]);
    let mut draft = Draft::new(&mut arena);
    draft.merge(Item::parse(&cbor).map_err(|_| DraftError::BadValue)?)?;
    if let Some(seal) = seal {
        let fields = to_cbor(&seal.fields).map_err(unreadable)?;
        let fields = Item::parse(&fields).map_err(|_| DraftError::BadValue)?;
        let random = |nth: u8| Zeroizing::new(seal.random.get(usize::from(nth)).copied().unwrap_or_default());
        seal_fields(
            &mut draft,
            fields,
            &seal.recipients,
            now,
            random,
            &mut scratch,
            &mut part,
        )?;
    }
    if !keys.keys().is_empty() {
        attest(&mut draft, keys, now, &mut scratch, &mut part)?;
    }
    draft.state_leaf_hash(&mut part)?;
    let unsigned = draft.finish(&mut part)?;
    issue(&unsigned, keys, now, &mut scratch, &mut out).map(<[u8]>::to_vec)
}

/// What is to be sealed, for whom, and from which randomness.
struct Seal {
    fields: Value,
    recipients: JwkSet,
    random: Vec<[u8; hpke::RANDOM_LEN]>,
}

impl Seal {
    fn read(input: &Value) -> Result<Self, String> {
        let recipients = JwkSet::from_json(input["recipients"].to_string().as_bytes())
            .map_err(|error| format!("input.json: `seal.recipients`: {error}"))?;
        let random = input["random"].as_array().into_iter().flatten();
        let random: Option<Vec<_>> = random.map(|text| ohp::id::parse_hex(text.as_str()?)).collect();
        let random = random.filter(|random| random.len() >= recipients.keys().len());
        Ok(Self {
            fields: input["fields"].clone(),
            recipients,
            random: random.ok_or("input.json: `seal.random` takes 64 hexadecimal digits for each recipient")?,
        })
    }
}

fn refused(envelope: &Value, tier: Tier, error: IssueError) -> Refused {
    let (reason, path) = match error {
        IssueError::NoKey | IssueError::NoPostQuantumKey => ("no-valid-key", None),
        IssueError::Draft(DraftError::Invalid(Violation {
            rule: Broken::AboveTier,
            path,
        })) => ("workload-requires-higher-tier", Some(path)),
        IssueError::Draft(DraftError::Invalid(Violation {
            rule: Broken::CardNumber,
            path,
        })) => ("pii-in-clear", Some(path)),
        IssueError::Draft(DraftError::Invalid(Violation { path, .. })) => ("invalid-envelope", Some(path)),
        _ => ("invalid-envelope", None),
    };
    let min_tier = (reason == "workload-requires-higher-tier")
        .then(|| carrier(envelope, tier))
        .flatten();
    Refused {
        reason,
        min_tier,
        path: path.map(|path| path.to_string()),
        why: error.to_string(),
    }
}

/// The lowest tier above `tier` that may carry everything that `envelope` holds.
fn carrier(envelope: &Value, tier: Tier) -> Option<Tier> {
    Tier::ALL
        .iter()
        .copied()
        .filter(|higher| *higher > tier)
        .find(|higher| {
            let mut envelope = envelope.clone();
            envelope["conformance"] = higher.as_str().into();
            let mut above = false;
            to_cbor(&envelope).is_ok_and(|cbor| {
                Envelope::read(&cbor, &mut |violation| above |= violation.rule == Broken::AboveTier).is_ok() && !above
            })
        })
}

/// The credential, with those claims only that the audience may see.
fn reveal(envelope: &mut Value, input: &Value) -> Result<(), String> {
    let compact = input["credential"]
        .as_str()
        .ok_or("input.json: `reveal.credential` is missing")?;
    let claims: Vec<&str> = input["claims"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let shown = sd_jwt::present(compact, &mut |name| claims.contains(&name)).map_err(|error| error.to_string())?;
    let (token, disclosures) = sd_jwt::split(&shown).map_err(|error| error.to_string())?;
    envelope["caller"]["identity"]["sdJwtVc"] = token.into();
    envelope["caller"]["identity"]["disclosures"] = disclosures.collect::<Vec<_>>().into();
    Ok(())
}

/// JSON as the canonical CBOR of an envelope.
pub fn to_cbor(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.to_string();
    let mut scratch = vec![0; json::scratch_len(text.len())];
    let mut out = vec![0; json::max_cbor_len(text.len())];
    json::to_cbor(text.as_bytes(), SHAPE, &mut scratch, &mut out)
        .map(<[u8]>::to_vec)
        .map_err(|error| error.to_string())
}
