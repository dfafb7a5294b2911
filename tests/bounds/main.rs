//! Each named bound holds where it says: what is as large as it allows is taken, and what is one larger is not. Bounds that
//! a test elsewhere puts to that proof are listed with it.

#[path = "../common/mod.rs"]
mod common;
mod lists;
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lists::{ASSERTED, ELSEWHERE, NO_BOUND};
use ohp::cbor::json;
use ohp::envelope::{ENVELOPE_MAX, SHAPE};
use ohp::transport::body::{self, Declared, ErrorKind};
use rows::BOUNDS;

#[test]
fn each_bound_takes_what_it_allows_and_nothing_larger() {
    for bound in BOUNDS {
        assert!((bound.takes)(bound.value), "{} = {} is taken", bound.name, bound.value);
        assert!(!(bound.takes)(bound.value + 1), "{} + 1 is refused", bound.name);
    }
}

/// A constant's own name.
fn name(path: &str) -> &str {
    path.rsplit("::").next().expect("a name")
}

#[test]
fn what_is_said_to_be_shown_elsewhere_is_named_there() {
    for (path, file) in ELSEWHERE {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
        let source = fs::read_to_string(source).expect(file);
        assert!(source.contains(name(path)), "{file} does not name {path}");
    }
}

/// The file that a path's module is.
fn file_of(path: &str) -> PathBuf {
    let (module, _) = path.rsplit_once("::").expect("a module");
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(module.replace("::", "/"));
    if file.is_dir() {
        file.join("mod.rs")
    } else {
        file.with_extension("rs")
    }
}

#[test]
fn numbers_of_the_c_interface_are_asserted_where_they_stand() {
    for path in ASSERTED {
        let source = fs::read_to_string(file_of(path)).expect(path);
        let source: Vec<&str> = source.split_whitespace().collect();
        let source = source.join(" ");
        let asserts = source.split("const _: () = assert!(").skip(1);
        let compared = asserts.filter_map(|rest| rest.split_once(");")).any(|(condition, _)| {
            condition
                .split("&&")
                .any(|part| part.split(['=', '<']).any(|side| side.trim().ends_with(name(path))))
        });
        assert!(compared, "nothing is asserted of {path}");
    }
}

/// The paths of the public numbers below `folder`, which is the module `module`, that say how large something is.
fn sizes(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_str().expect("text");
        let inner = match stem {
            "mod" | "lib" => module.to_owned(),
            _ => format!("{module}{stem}::"),
        };
        if path.is_dir() {
            // The command's numbers are nobody's to rely on.
            if stem != "bin" {
                sizes(&path, &inner, found);
            }
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source file");
        let names = source.lines().filter_map(|line| {
            let (name, _) = line.trim_start().strip_prefix("pub const ")?.split_once(':')?;
            Some(name)
        });
        let sizes = names.filter(|name| name.split('_').any(|word| ["MAX", "MIN", "LEN"].contains(&word)));
        found.extend(sizes.map(|name| format!("{inner}{name}")));
    }
}

#[test]
fn each_public_bound_has_its_row_or_its_reason() {
    let mut found = BTreeSet::new();
    sizes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(
        found.contains("time::MAX_LIFETIME_MS") && found.contains("ffi::verify::OHP_CALL_IDS_MAX"),
        "{found:?}"
    );
    let listed: Vec<_> = BOUNDS
        .iter()
        .map(|bound| bound.name)
        .chain(ELSEWHERE.iter().chain(NO_BOUND).map(|(path, _)| *path))
        .chain(ASSERTED.iter().copied())
        .collect();
    let missing: Vec<_> = found.iter().filter(|path| !listed.contains(&path.as_str())).collect();
    assert!(missing.is_empty(), "neither a row nor a reason: {missing:?}");
    for path in &listed {
        assert!(found.contains(*path), "{path} is no more");
        let times = listed.iter().filter(|other| *other == path).count();
        assert_eq!(times, 1, "{path} is listed once");
    }
}

#[test]
fn scratch_that_is_one_byte_short_is_refused_and_not_overrun() {
    let body = br#"{"b":1,"a":[1.1,1.1]}"#;
    let mut out = vec![0; ENVELOPE_MAX];
    let mut scratch = vec![0; body::SCRATCH_LEN];
    assert!(body::decode(body, Declared::default(), SHAPE, &mut scratch, &mut out).is_ok());
    for len in [0, 1, 11, 12] {
        let short = body::decode(body, Declared::default(), SHAPE, &mut scratch[..len], &mut out);
        assert_eq!(
            short.map(drop).map_err(|error| error.kind),
            Err(ErrorKind::Buffer),
            "{len}"
        );
    }
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(body.len())],
        vec![0; json::max_cbor_len(body.len())],
    );
    let whole = json::to_cbor(body, json::Plain, &mut scratch, &mut out)
        .expect("JSON")
        .len();
    for len in 0..whole {
        let short = json::to_cbor(body, json::Plain, &mut scratch, &mut out[..len]);
        assert!(short.is_err(), "{len} bytes for {whole}");
    }
    assert!(json::to_cbor(body, json::Plain, &mut scratch, &mut out[..whole]).is_ok());
}
