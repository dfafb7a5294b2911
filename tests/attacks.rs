//! The attacks of `SECURITY.md`, by name: each has the test and the vector that the table says.

use std::fs;
use std::path::Path;

/// What every implementation of the protocol must expect; the table says who tests it here.
const ATTACKS: [&str; 24] = [
    "`alg` none",
    "Key confusion",
    "Crossed `kid`s",
    "One signature twice",
    "Post-quantum signature stripped",
    "Unknown `crit`",
    "Embedded `jwk`",
    "Non-canonical base64",
    "Small-order keys",
    "Small-order commitments",
    "S ≥ L",
    "Low-order `enc`",
    "Associated data swapped",
    "Another recipient's slot",
    "Duplicate disclosures",
    "Unreferenced disclosures",
    "Claim clash",
    "Self-asserted assurance",
    "Inflated levels",
    "`leafHash` of other content",
    "Wrong tree size",
    "Checkpoint without signature",
    "Trust chain with a loop",
    "DPoP replay",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table's rows: attack, test, vector.
fn rows() -> Vec<[String; 3]> {
    let text = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let (_, section) = text.split_once("## Attacks by name").expect("the section");
    let table = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with("| "));
    rows.map(|row| {
        let cells: Vec<_> = row
            .trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect();
        cells.try_into().expect("three cells")
    })
    .collect()
}

/// Whether the file has a test of that name, and not only a function.
fn has_test(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let at = text.find(&format!("fn {name}()"));
    at.is_some_and(|at| {
        let before = text[..at].trim_end();
        before.lines().last().is_some_and(|line| line.trim() == "#[test]")
    })
}

#[test]
fn every_attack_is_in_the_table_with_a_test_that_exists() {
    let rows = rows();
    for attack in ATTACKS {
        assert!(
            rows.iter().any(|[name, ..]| name.starts_with(attack)),
            "{attack} is not in SECURITY.md"
        );
    }
    for [attack, test, _] in &rows {
        let mut parts = test.split('`').filter(|part| !part.is_empty() && *part != ": ");
        let (file, name) = (parts.next().expect("a file"), parts.next().expect("a test"));
        assert!(has_test(file, name), "{attack}: {file} has no test {name}");
    }
}

/// A vector of the table refuses: at the step and with the word that its `expected.json` says.
#[test]
fn every_vector_of_the_table_is_one_that_refuses() {
    let mut count = 0;
    for [attack, _, vector] in rows().iter().filter(|[.., vector]| vector != "–") {
        let folder = root().join("tests/vectors/ohp").join(vector.trim_matches('`'));
        let expected = fs::read(folder.join("expected.json")).unwrap_or_else(|error| panic!("{attack}: {error}"));
        let expected: serde_json::Value = serde_json::from_slice(&expected).expect("JSON");
        assert_eq!(expected["outcome"], "reject", "{attack}");
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
