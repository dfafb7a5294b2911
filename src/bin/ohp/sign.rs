//! `ohp sign`: an envelope with its proofs, its leaf hash and its detached signatures.

use std::path::PathBuf;

use ohp::cbor::Item;
use ohp::crypto::mldsa65;
use ohp::envelope::{Draft, Envelope, Field, Tier};
use ohp::transport::ENVELOPE_MAX;
use ohp::trust::issue::{ATTEST_MAX, attest, issue_hedged, plain_fields};
use ohp::trust::jws;

use crate::anchor::Anchor;
use crate::exit::{Exit, Failure};
use crate::template::{self, Fresh, To};
use crate::{clock, envelope_file};

/// Sign an envelope with the first valid keys of your own
///
/// What is signed is the canonical CBOR; signatures that the envelope has are replaced. At Regulated it is signed with
/// Ed25519 and ML-DSA-65, governance.prohibited and governance.art50Disclosure are signed unless they have their proofs, and
/// transparency.leafHash is stated. An envelope that breaks the schema or its tier is not signed: the first rule that it
/// breaks is named, and `ohp inspect` lists all. With --fresh it gets a new identifier, nonce and lifetime first, so that a
/// template may lack them. Fields are sealed before, with `ohp seal`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ohp sign --key vendor-a.private.json envelope.json > signed.json\n  ohp sign --key vendor-a.private.json --fresh --to cbor template.json > signed.cbor\n  ohp sign --key vendor-a.private.json --key vendor-a-pq.private.json \\\n           --log /var/lib/ohp/log --log-key log.private.json --log-entry logs.json sealed.json > regulated.json"
)]
pub struct Args {
    /// The envelope; `-` is standard input
    file: PathBuf,
    /// Private JWK Set, as `ohp keygen` writes it; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    #[command(flatten)]
    fresh: Fresh,
    #[command(flatten)]
    anchor: Anchor,
    /// The form to write; FILE's own if absent
    #[arg(long, value_enum)]
    to: Option<To>,
}

/// Runs `ohp sign`.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (cbor, form) = envelope_file::read_cbor(&args.file)?;
    let keys = template::read_keys(&args.key)?;
    let unsigned = if args.fresh.fresh {
        Item::parse(&cbor).map_err(Failure::new)?
    } else {
        envelope_file::envelope(&cbor)?.root()
    };
    let now = clock::now();
    let tier = template::tier(unsigned)?;
    if tier == Tier::Core {
        return Err(Failure::new("nothing is signed at the core tier")
            .advise("Set `conformance` to `signed`, and give the envelope what that tier demands"));
    }
    refuse_unsealed(unsigned, args.fresh.fresh)?;

    let mut arena = vec![0; template::DRAFT_LEN];
    let mut draft = Draft::new(&mut arena);
    draft.merge(unsigned).map_err(Failure::new)?;
    args.fresh.stamp(&mut draft, tier, now)?;
    draft.remove(Field::Signatures.path());
    let (mut scratch, mut out) = (vec![0; jws::SCRATCH_LEN], vec![0; ENVELOPE_MAX.max(ATTEST_MAX)]);
    // Keys have to be valid when the envelope says that it was issued.
    let issued_at = template::issued_at(&draft, now);
    let explain = |error: &dyn std::fmt::Display| {
        Failure::new(error).advise(format_args!(
            "It has to be valid at {issued_at}, when the envelope says it was issued; --fresh issues it now. {}",
            Files(&args.key)
        ))
    };
    if tier == Tier::Regulated {
        attest(&mut draft, &keys, issued_at, &mut scratch, &mut out).map_err(|error| explain(&error))?;
    }
    draft.state_leaf_hash(&mut out).map_err(Failure::new)?;
    let finished = draft.finish(&mut out).map_err(Failure::new)?;
    let hedge: zeroize::Zeroizing<[u8; mldsa65::RANDOM_LEN]> = template::random()?;
    let mut signed = vec![0; ENVELOPE_MAX];
    let signed = issue_hedged(&finished, &keys, issued_at, &hedge, &mut scratch, &mut signed)
        .map_err(|error| explain(&error))?;
    let envelope = Envelope::read(signed, &mut |_| ()).map_err(Failure::new)?;
    args.anchor.anchor(&envelope)?;
    template::write(signed, args.to, form)?;
    Ok(Exit::Accept)
}

/// Signing what is still in plain would send it in plain, and a new identifier would leave what is sealed unopenable.
fn refuse_unsealed(envelope: Item<'_>, fresh: bool) -> Result<(), Failure> {
    if let Ok(Some(_)) = plain_fields(envelope) {
        return Err(
            Failure::new("`sealed.fields` is still in plain").advise("Seal it first, with `ohp seal --for FILE`")
        );
    }
    let is_sealed = envelope.map().and_then(|map| map.get(Field::Sealed.path())).is_some();
    if is_sealed && fresh {
        return Err(
            Failure::new("what is sealed is bound to the id and issuedAt that the envelope has")
                .advise("Leave --fresh to `ohp seal`"),
        );
    }
    Ok(())
}

/// The files that the keys are from.
struct Files<'f>(&'f [PathBuf]);

impl std::fmt::Display for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.len() == 1 { "File:" } else { "Files:" })?;
        self.0.iter().try_for_each(|path| write!(f, " {}", path.display()))
    }
}
