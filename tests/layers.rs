//! Dependencies point one way: no file of a layer names a layer that stands below it, or beside it, in the picture of
//! `src/lib.rs`.

use std::fs;
use std::path::Path;

/// The crate's modules in the picture's order, each with its row and its place in it. What is listed with commas may name
/// what stands before it, as `id` does `time`.
fn picture() -> Vec<(String, usize, usize)> {
    let source = include_str!("../src/lib.rs");
    let modules: Vec<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let drawn = source.split("```").nth(1).expect("the picture");
    let rows = drawn.lines().map(|line| {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let mut named: Vec<_> = words.filter(|word| modules.contains(word)).collect();
        // What a layer is for may name it once more.
        named.dedup();
        (named, line.contains(", ") && !line.contains("   "))
    });
    let mut order = Vec::new();
    for (row, (named, is_ordered)) in rows.filter(|(named, _)| !named.is_empty()).enumerate() {
        for (place, name) in named.into_iter().enumerate() {
            order.push((name.to_owned(), row, if is_ordered { place } else { 0 }));
        }
    }
    for module in modules {
        let drawn = order.iter().filter(|(name, ..)| name == module).count();
        assert_eq!(drawn, 1, "{module} stands in the picture once");
    }
    order
}

/// The crate's own modules that `code` names: `crate::name` and `crate::{name, …}`.
fn named(code: &str) -> Vec<&str> {
    fn word(text: &str) -> &str {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        &text[..end.unwrap_or(text.len())]
    }
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let (mut depth, mut starts) = (0, true);
        for (at, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                letter if starts && letter.is_alphabetic() => {
                    found.push(word(&list[at..]));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The longest chain of `super::`.
fn longest_climb(code: &str) -> usize {
    let climbs = code.match_indices("super::").map(|(at, _)| {
        let rest = &code[at..];
        (1..)
            .take_while(|steps| rest.starts_with(&"super::".repeat(*steps)))
            .count()
    });
    climbs.max().unwrap_or(0)
}

/// What a source file says, without its comments.
fn code_of(source: &str) -> String {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What is wrong with the files of `module` below `path`.
fn check(path: &Path, depth: usize, module: &str, order: &[(String, usize, usize)], wrong: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_mod = path.ends_with("mod.rs");
            check(&path, if is_mod { depth } else { depth + 1 }, module, order, wrong);
        }
        return;
    }
    let source = fs::read_to_string(path).expect("a source file");
    let code = code_of(&source);
    let place_of = |module: &str| {
        let (_, row, place) = order.iter().find(|(name, ..)| name == module)?;
        Some((*row, *place))
    };
    let own = place_of(module).expect("a module of the picture");
    for name in named(&code) {
        let is_above =
            name == module || place_of(name).is_none_or(|other| other.0 < own.0 || other.0 == own.0 && other.1 < own.1);
        if !is_above {
            wrong.push(format!("{} names {name}", path.display()));
        }
    }
    // One more than up to its own layer is a test module's; one more than that would leave the layer without a name.
    if longest_climb(&code) > depth + 1 {
        wrong.push(format!("{} climbs out of {module} by super::", path.display()));
    }
}

#[test]
fn no_layer_names_one_below_or_beside_it() {
    let order = picture();
    let rows: Vec<_> = order.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(rows.first(), Some(&"error"), "{rows:?}");
    assert_eq!(rows.last(), Some(&"ffi"), "{rows:?}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (module, ..) in &order {
        let folder = source.join(module);
        match folder.is_dir() {
            true => check(&folder, 0, module, &order, &mut wrong),
            false => check(&folder.with_extension("rs"), 0, module, &order, &mut wrong),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_named_is_seen_however_it_is_written() {
    let code = code_of(
        "use crate::leg;\nuse crate::{\n    cbor::{self, Item}, verify,\n};\nlet x = crate::trust::jws::header; // crate::ffi\n\
         use super::super::Deep;",
    );
    assert_eq!(named(&code), ["leg", "cbor", "verify", "trust"]);
    assert_eq!(longest_climb(&code), 2);
}
