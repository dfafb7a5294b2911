//! `ohp-ai-systems.json`: the AI systems that an issuer may attest to, signed by it (docs/05, OHP §6.1).

use std::path::Path;

use ohp::cbor::{Item, json};
use ohp::time::Timestamp;
use ohp::trust::bundle::Receiver;
use ohp::trust::jwk::OwnKeys;
use ohp::trust::terms::RiskClass;
use ohp::trust::{block_proof, jws};
use serde_json::{Value, json};

use super::FILE_LIMIT;
use crate::exit::Failure;
use crate::input;

/// The member that holds the issuer's signature.
const SIGNATURE: &str = "signature";

/// The registry of the systems that the file at `path` lists.
pub fn registry(path: &Path, receiver: &Receiver, own: &[&OwnKeys], now: Timestamp) -> Result<Value, Failure> {
    let wrong = |what: String| Failure::new(format_args!("{}: {what}", path.display()));
    let mut file: Value =
        serde_json::from_slice(&input::read(path, FILE_LIMIT)?).map_err(|error| wrong(error.to_string()))?;
    let systems = if file.is_array() { file } else { file["systems"].take() };
    let listed = systems.as_array().filter(|systems| !systems.is_empty());
    let listed = listed.ok_or_else(|| wrong("it lists no systems".to_owned()))?;
    for (at, system) in listed.iter().enumerate() {
        check(system).map_err(|(member, what)| wrong(format!("$[{at}].{member} {what}")))?;
    }
    let did = receiver.did.as_deref().ok_or_else(|| {
        Failure::new("the bundle does not say who publishes the systems").advise("Give `receiver.did`")
    })?;
    let mut issuer = json!({ "did": did });
    if let Some(vendor) = receiver.vendor.as_deref() {
        issuer["vendor"] = vendor.into();
    }
    let mut registry = json!({
        "ohp": ohp::envelope::VERSION, "issuer": issuer, "publishedAt": now.to_text().as_str(), "systems": systems,
    });
    match own.iter().find_map(|keys| keys.ed25519(now)) {
        None => anstream::eprintln!("{} is not signed: none of your keys signs now", "ohp-ai-systems.json"),
        Some((kid, key)) => {
            let text = registry.to_string();
            let (mut scratch, mut cbor) = (
                vec![0; json::scratch_len(text.len())],
                vec![0; json::max_cbor_len(text.len())],
            );
            let cbor = json::to_cbor(text.as_bytes(), json::Plain, &mut scratch, &mut cbor).map_err(Failure::new)?;
            let (mut scratch, mut out) = (vec![0; jws::SCRATCH_LEN], vec![0; jws::MAX_JWS_LEN]);
            let block = Item::parse(cbor).map_err(Failure::new)?;
            let signed = block_proof::sign(block, SIGNATURE, key, kid, &mut scratch, &mut out).map_err(|error| {
                Failure::new(format_args!("the registry cannot be signed: {error}"))
                    .advise("A signed registry has at most 8 KiB: publish fewer systems")
            })?;
            registry[SIGNATURE] = signed.into();
        }
    }
    Ok(registry)
}

/// What receivers rely on in a system's entry: the member that is wrong, and how.
fn check(system: &Value) -> Result<(), (&'static str, String)> {
    let text = |member: &'static str| {
        let text = system
            .pointer(&format!("/{}", member.replace('.', "/")))
            .and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| (member, "is missing or no text".to_owned()))
    };
    text("id")?;
    text("version")?;
    let hash = text("modelCardSha256")?;
    let digits = hash.strip_prefix("sha256:").filter(|digits| digits.len() == 64);
    if !digits.is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))) {
        return Err((
            "modelCardSha256",
            "is not sha256: and 64 lower-case hex digits".to_owned(),
        ));
    }
    if RiskClass::parse(text("riskClass")?).is_none() {
        return Err(("riskClass", "is none of prohibited, high, limited, minimal".to_owned()));
    }
    if !matches!(text("ceConformity.assessmentRoute")?, "self" | "notified-body") {
        return Err((
            "ceConformity.assessmentRoute",
            "is neither self nor notified-body".to_owned(),
        ));
    }
    super::uri(text("ceConformity.declarationUrl")?).map_err(|what| ("ceConformity.declarationUrl", what))?;
    Ok(())
}
