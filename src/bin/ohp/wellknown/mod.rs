//! `ohp wellknown`: what a party publishes below `/.well-known/`: its capabilities, its keys, its AI systems (docs/07, docs/05).
//!
//! All of it comes from the bundle that the party's own host loads, and from options; private halves of keys are never
//! written. How a key set lives on from one publication to the next is in `jwks`, the registry of AI systems in `systems`.

mod jwks;
mod systems;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ohp::envelope::{Tier, Verb};
use ohp::time::Timestamp;
use ohp::trust::bundle::{Bundle, Receiver};
use ohp::trust::jwk::OwnKeys;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::{self, FAINT, HEAD, say};
use jwks::{Moment, Published};

/// Longest file that is read.
const FILE_LIMIT: u64 = 16 << 20;

/// The bindings that the protocol names.
const BINDINGS: [&str; 4] = ["ohp/sip-info", "ohp/ws", "ohp/https", "ohp/grpc"];

/// Write what you publish under /.well-known/: capabilities, public keys, AI systems
///
/// Who you are, what you take and your keys come from the trust bundle of your own host; more keys from files that `ohp
/// keygen` has written. A key that DIR already publishes, and that is in neither, ends now, unless its time has yet to begin.
/// Ended keys stay published for two hours after their end: what they have signed may still be on its way.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp wellknown --trust bundle.json /var/www/.well-known\n  ohp wellknown --trust bundle.json --keys next.private.json --retire cc-2026-08=2026-11-30T00:00:00Z /var/www/.well-known\n  ohp wellknown --trust bundle.json --revoke cc-2026-08 /var/www/.well-known\n  ohp wellknown --trust bundle.json --ai-systems systems.json --gpai-policy https://example.com/gpai /var/www/.well-known\n\nExit status: 0 written · 3 something is missing or wrong, and nothing was written."
)]
pub struct Args {
    /// Where the files go
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The trust bundle of your own host
    #[arg(long, value_name = "BUNDLE")]
    trust: PathBuf,
    /// Further private JWK Sets whose public halves are published
    #[arg(long, value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// Let a key end, now or at a moment: it signs nothing afterwards
    #[arg(long, value_name = "KID[=RFC3339]", value_parser = Moment::parse)]
    retire: Vec<Moment>,
    /// Revoke a key, now or as of a moment: what was issued later is refused
    #[arg(long, value_name = "KID[=RFC3339]", value_parser = Moment::parse)]
    revoke: Vec<Moment>,
    /// Your AI systems: a JSON list of objects, or an object with that list as `systems`
    ///
    /// Each has `id`, `version`, `riskClass` (high, limited, minimal), `modelCardSha256` (`sha256:` and 64 hex digits), and
    /// `ceConformity` with `assessmentRoute` (self, notified-body) and `declarationUrl`; other members are published as they are.
    /// The issuer, `publishedAt` and the signature are added.
    #[arg(long, value_name = "FILE")]
    ai_systems: Option<PathBuf>,
    /// A binding that you take
    #[arg(long, value_name = "BINDING", value_parser = BINDINGS, default_value = BINDINGS[0])]
    binding: Vec<String>,
    /// Where a binding is reached
    #[arg(long, value_name = "BINDING=URL", value_parser = endpoint)]
    endpoint: Vec<(String, String)>,
    /// Where your policy on general-purpose AI models is read
    #[arg(long, value_name = "URL", value_parser = uri)]
    gpai_policy: Option<String>,
    /// Mail address of those who run this
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    contact: Option<String>,
    /// Print one object with the three documents, too
    #[arg(long)]
    json: bool,
}

fn uri(text: &str) -> Result<String, String> {
    let parts = text.split_once("://").filter(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !br#"<>"\^`{|}"#.contains(&byte))
    });
    parts
        .map(|_| text.to_owned())
        .ok_or_else(|| "write a URL such as https://example.com/policy".to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let parts = text.split_once('@').filter(|(name, host)| {
        let is_plain =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
        is_plain(name) && is_plain(host)
    });
    parts
        .map(|_| text.to_owned())
        .ok_or_else(|| "write a mail address".to_owned())
}

fn endpoint(text: &str) -> Result<(String, String), String> {
    let (binding, url) = text.split_once('=').ok_or("write BINDING=URL")?;
    if !BINDINGS[1..].contains(&binding) {
        return Err(format!("a binding with a URL is one of {}", BINDINGS[1..].join(", ")));
    }
    Ok((binding.to_owned(), uri(url)?))
}

/// Runs `ohp wellknown`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let json = Zeroizing::new(input::read(&args.trust, FILE_LIMIT)?);
    let bundle = Bundle::from_json(&json)
        .map_err(|error| Failure::new(format_args!("{} is no trust bundle: {error}", args.trust.display())))?;
    let receiver = bundle.receiver();
    let further = args
        .keys
        .iter()
        .map(|path| own_keys(path))
        .collect::<Result<Vec<_>, _>>()?;
    let own: Vec<&OwnKeys> = std::iter::once(&receiver.keys).chain(&further).collect();
    let now = clock::now();

    let published_before = args.folder.join("ohp-jwks.json");
    let mut keys = Published::read(&published_before)?;
    keys.publish(&own, now)?;
    args.retire.iter().try_for_each(|moment| keys.retire(moment, now))?;
    args.revoke.iter().try_for_each(|moment| keys.revoke(moment, now))?;
    keys.drop_past(now);
    let mut documents = vec![
        ("ohp-capabilities.json", capabilities(args, receiver, now)?),
        ("ohp-jwks.json", keys.to_json(now)?),
    ];
    if let Some(path) = &args.ai_systems {
        documents.push(("ohp-ai-systems.json", systems::registry(path, receiver, &own, now)?));
    }
    fs::create_dir_all(&args.folder).map_err(|error| unwritable(&args.folder, &error))?;
    for (name, document) in &documents {
        write(&args.folder.join(name), document)?;
    }
    if receiver.max_tier >= Tier::Signed && own.iter().all(|keys| keys.ed25519(now).is_none()) {
        anstream::eprintln!("{HEAD}warning:{HEAD:#} none of your keys signs now; `ohp keygen` makes one");
    }
    if args.json {
        let documents: Map<String, Value> = documents
            .into_iter()
            .map(|(name, document)| (name.to_owned(), document))
            .collect();
        output::json(&Value::Object(documents))?;
    } else {
        for (name, _) in &documents {
            say!("{}", args.folder.join(name).display());
        }
        for line in keys.lines() {
            say!("  {FAINT}{}{FAINT:#}", output::plain(&line));
        }
    }
    Ok(Exit::Accept)
}

fn own_keys(path: &Path) -> Result<OwnKeys, Failure> {
    let json = Zeroizing::new(input::read(path, FILE_LIMIT)?);
    OwnKeys::from_json(&json).map_err(|error| {
        Failure::new(format_args!("{} is no private JWK Set: {error}", path.display()))
            .advise("Make one with `ohp keygen --out FILE`")
    })
}

fn capabilities(args: &Args, receiver: &Receiver, now: Timestamp) -> Result<Value, Failure> {
    for place in receiver.jurisdictions.iter() {
        if !(2..=4).contains(&place.len()) || !place.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Failure::new(format_args!("receiver.jurisdictions holds {place:?}"))
                .advise("A jurisdiction is published as 2 to 4 capital letters, such as GB or EEA"));
        }
    }
    let verbs = Verb::ALL
        .iter()
        .filter(|verb| **verb != Verb::Incident || receiver.max_tier == Tier::Regulated);
    let texts = |list: &[ohp::trust::Text]| list.iter().map(|text| Value::from(&**text)).collect::<Value>();
    let mut bindings = args.binding.clone();
    bindings.dedup();
    let mut document = json!({
        "ohp": ohp::envelope::VERSION,
        "maxTier": receiver.max_tier.as_str(),
        "bindings": bindings,
        "verbs": verbs.map(|verb| verb.as_str()).collect::<Vec<_>>(),
        "purposes": receiver.purposes.as_deref().map_or_else(|| json!([]), texts),
        "jurisdictions": texts(&receiver.jurisdictions),
        "rateLimits": { "envelopesPerSecond": receiver.rate_per_kid },
        "publishedAt": now.to_text().as_str(),
    });
    if let Some(clauses) = receiver
        .annex_iii_allowed
        .as_deref()
        .filter(|_| receiver.max_tier == Tier::Regulated)
    {
        document["annexIIIAllowed"] = texts(clauses);
    }
    if let Some(url) = &args.gpai_policy {
        document["gpaiPolicy"] = url.as_str().into();
    }
    if let Some(address) = &args.contact {
        document["contact"] = address.as_str().into();
    }
    if !args.endpoint.is_empty() {
        document["endpoints"] = args
            .endpoint
            .iter()
            .map(|(binding, url)| (binding.clone(), Value::from(url.as_str())))
            .collect();
    }
    Ok(document)
}

/// Writes beside the file and moves it into place, so that nobody fetches a half. What stands beside it already, a half of
/// before or somebody's link to elsewhere, is not written into.
fn write(path: &Path, document: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(Failure::new)?;
    let part = path.with_extension("json.part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(path, &error)),
        _ => {}
    }
    File::create_new(&part)
        .and_then(|mut file| file.write_all((text + "\n").as_bytes()))
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot write {}: {error}", path.display()))
}
