//! `ohp chunk`: the INFO requests in which an envelope travels.

use std::fs;
use std::path::{Path, PathBuf};

use ohp::transport::outgoing::{ENCODED_MAX, Form, HEADERS_LEN, Outgoing, SCRATCH_LEN};
use ohp::transport::{BODY_DEFAULT, BODY_MAX, base64};
use serde_json::{Value, json};

use crate::envelope_file;
use crate::exit::{Exit, Failure};
use crate::output::{self, FAINT, HEAD, say};

/// Split an envelope into the SIP INFO requests that carry it
///
/// Prints the header lines and the size of each INFO body, or with --out writes them into files: NN.headers and NN.body.
/// The envelope is sent as it is, signed or not; `Content-Length` is the SIP stack's to add.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  ohp chunk envelope.json\n  ohp chunk --body-max 500 --out infos envelope.json")]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// Largest INFO body in bytes
    #[arg(long, default_value_t = BODY_DEFAULT)]
    body_max: usize,
    /// Send base64 text, for a PBX that cannot carry binary bodies
    #[arg(long)]
    text: bool,
    /// Name the INFO package (RFC 6086), for a peer that said `Recv-Info: ohp`
    #[arg(long)]
    package: bool,
    /// Write headers and bodies into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print JSON, with bodies in base64
    #[arg(long)]
    json: bool,
}

struct Info {
    headers: String,
    body: Vec<u8>,
}

/// Runs `ohp chunk`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, _) = envelope_file::read_cbor(&args.file)?;
    let envelope = envelope_file::envelope(&cbor)?;
    let form = Form {
        body_max: args.body_max,
        text_only: args.text,
        package: args.package,
    };
    let mut encoded = vec![0; ENCODED_MAX];
    let names = (envelope.id(), envelope.tier(), envelope.verb());
    let plan = Outgoing::encode(&cbor, names, form, &mut vec![0; SCRATCH_LEN], &mut encoded).map_err(Failure::new)?;
    let infos = (1..=plan.total())
        .map(|k| render(&plan, k, &encoded))
        .collect::<Result<Vec<_>, _>>()?;

    if let Some(folder) = &args.out {
        write(folder, &infos)?;
    }
    if args.json {
        output::json(&json!({
            "id": plan.id().as_str(),
            "total": plan.total(),
            "deflated": plan.is_deflated(),
            "text": plan.is_text(),
            "infos": infos.iter().map(to_json).collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Accept);
    }
    let encoding = if plan.is_deflated() { "deflated to" } else { "as" };
    say!(
        "{HEAD}{}{HEAD:#}: {} bytes of CBOR, {encoding} {} bytes in {} INFO request(s)",
        plan.id(),
        cbor.len(),
        plan.encoded_len(),
        plan.total()
    );
    for (nth, info) in infos.iter().enumerate() {
        say!(
            "\n{HEAD}INFO {}{HEAD:#} {FAINT}body of {} bytes{FAINT:#}",
            nth + 1,
            info.body.len()
        );
        for line in info.headers.lines() {
            say!("  {line}");
        }
    }
    Ok(Exit::Accept)
}

fn render(plan: &Outgoing, k: u32, encoded: &[u8]) -> Result<Info, Failure> {
    let data = plan.range(k).and_then(|range| encoded.get(range)).unwrap_or_default();
    let (mut headers, mut body) = ([0; HEADERS_LEN], [0; BODY_MAX]);
    let rendered = plan.render(k, data, &mut headers, &mut body).map_err(Failure::new)?;
    Ok(Info {
        headers: rendered.headers.to_owned(),
        body: rendered.body.to_vec(),
    })
}

fn write(folder: &Path, infos: &[Info]) -> Result<(), Failure> {
    let refused = |error| Failure::new(format_args!("cannot write into {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(refused)?;
    for (nth, info) in infos.iter().enumerate() {
        let name = |kind| folder.join(format!("{:02}.{kind}", nth + 1));
        fs::write(name("headers"), &info.headers).map_err(refused)?;
        fs::write(name("body"), &info.body).map_err(refused)?;
    }
    Ok(())
}

fn to_json(info: &Info) -> Value {
    let mut text = vec![0; base64::encoded_len(info.body.len())];
    let body = base64::encode(&info.body, &mut text).unwrap_or_default();
    json!({
        "headers": info.headers.lines().collect::<Vec<_>>(),
        "length": info.body.len(),
        "bodyBase64": String::from_utf8_lossy(body),
    })
}
