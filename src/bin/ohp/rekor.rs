//! Asking a log of Rekor's kind over HTTP, for `ohp sign --rekor`.
//!
//! What is posted and answered is the library's ([`ohp::trust::transparency::rekor`]); here it is sent, and what the log says
//! is proven before anybody relies on it.

use std::time::Duration;

use ohp::crypto::es256;
use ohp::trust::bundle::Bundle;
use ohp::trust::transparency::anchor;
use ohp::trust::transparency::anchored::Anchored;
use ohp::trust::transparency::merkle::Hash;
use ohp::trust::transparency::rekor::{ANSWER_MAX, ANSWER_SECONDS, CONTENT_TYPE, PATH, answer, request};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::template;

/// How long to wait in all: for the log's answer, and the network around it.
const PATIENCE: Duration = Duration::from_secs(ANSWER_SECONDS + 10);

/// Enters the envelope of `leaf_hash` into the log at `url`, whose checkpoints `verifier_key` signs.
pub fn anchor(url: &str, verifier_key: &str, leaf_hash: &Hash) -> Result<Anchored, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format_args!("cannot anchor in {}: {error}", shown(url)));
    if !is_private_to_us(url) {
        return Err(failed(&"the address is not https").advise("Plain http is taken for a loopback address only"));
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .build()
        .into();
    let key = submitter()?;
    let mut response = agent
        .post(format!("{}{PATH}", url.trim_end_matches('/')))
        .content_type(CONTENT_TYPE)
        .send(request(leaf_hash, &key))
        .map_err(|error| failed(&error))?;
    let body = response.body_mut().with_config().limit(ANSWER_MAX as u64).read_to_vec();
    let anchored = answer(&body.map_err(|error| failed(&error))?, leaf_hash).map_err(|error| failed(&error))?;
    prove(&anchored, verifier_key, leaf_hash).map_err(|error| failed(&error))?;
    Ok(anchored)
}

/// The address without a name and a password for it.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// Whether nobody on the way can read or change what is sent.
fn is_private_to_us(url: &str) -> bool {
    let rest = url.strip_prefix("http://");
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    // `localhost:80@elsewhere` is a name and a password for elsewhere: a port has digits only.
    let is_port = |text: &str| {
        text.strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    url.starts_with("https://")
        || authority.is_some_and(|host| {
            ["127.0.0.1", "[::1]", "localhost"].iter().any(|loopback| {
                host.strip_prefix(loopback)
                    .is_some_and(|rest| rest.is_empty() || is_port(rest))
            })
        })
}

/// Looks at the entry with the eyes of a receiver that has it in its bundle.
fn prove(anchored: &Anchored, verifier_key: &str, leaf_hash: &Hash) -> Result<(), String> {
    // INVARIANT: it is an object, written without errors.
    let entry: Value = serde_json::from_str(&anchored.to_json()).unwrap_or_default();
    let leaf_hash: String = leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let log = json!({ "checkpointKeys": [verifier_key], "entries": { format!("sha256:{leaf_hash}"): entry } });
    let bundle = json!({ "ohpTrust": 1, "logs": { "log": log } }).to_string();
    let bundle = Bundle::from_json(bundle.as_bytes()).map_err(|error| error.to_string())?;
    let log = bundle.log("log");
    let entry = log.and_then(|log| log.entries().first());
    match log.zip(entry) {
        Some((log, entry)) => {
            let leaf = entry.body.ok_or("the log gave no entry of its own")?;
            anchor::verify(log, entry, &leaf).map_err(|error| error.to_string())
        }
        None => Err("the log gave no entry".into()),
    }
}

/// A key for this entry alone: the envelope bears its issuer's signatures, and the log's readers find it by its hash.
fn submitter() -> Result<es256::SigningKey, Failure> {
    loop {
        // Out of range once in 2^32 times.
        if let Ok(key) = es256::SigningKey::from_bytes(&*template::random()?) {
            return Ok(key);
        }
    }
}
