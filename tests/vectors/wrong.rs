//! Vectors for each thing that can be wrong: the rows of `tests/tiers`, and forged signatures.

use ohp::envelope::Tier;

use crate::folder::{Tree, rejected};
use crate::forgery::{FORGERIES, with_jws};
use crate::rows::ROWS;
use crate::scene::Scene;

/// Where the numbers of these vectors begin; what the protocol's authors have planned, and we beside it, is below.
const FIRST: usize = 20;

pub fn write(tree: &mut Tree) {
    for (at, (name, about, jws)) in FORGERIES.iter().enumerate() {
        let mut scene = Scene::at(Tier::Signed);
        let forged = with_jws(&mut scene, jws);
        tree.vector(
            &format!("signed/{}-{name}", FIRST + at),
            "accept-negative",
            &format!("{about} OHP §5.1, step 2."),
        )
        .expected(&rejected(Tier::Signed, 2, "signature-invalid", about))
        .envelope(&forged)
        .trust(&scene)
        .keys(Tier::Signed);
    }
    for tier in [Tier::Sealed, Tier::Regulated] {
        for (at, (what, _, step, reason, change)) in ROWS.iter().filter(|row| row.1 == tier).enumerate() {
            let mut scene = Scene::at(tier);
            change(&mut scene);
            let words = what.replace('\'', "").to_lowercase();
            let words = words
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty());
            let slug = words.collect::<Vec<_>>().join("-");
            let about = format!("The proposal is refused at step {step} with `{reason}`: {what}. OHP §10.");
            tree.vector(&format!("{tier}/{}-{slug}", FIRST + at), "accept-negative", &about)
                .expected(&rejected(tier, *step, reason, what))
                .scene(&mut scene);
        }
    }
}
