//! `include/ohp.h` is what cbindgen makes of `src/ffi/`, and it reads as C and as C++.

#[path = "common/skip.rs"]
mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the ABI, in the order in which a reader of the header meets their functions.
const FILES: &[&str] = &[
    "status",
    "text",
    "place",
    "vocabulary",
    "context",
    "table",
    "tap",
    "continuity",
    "envelope",
    "convert",
    "info",
    "sdp",
    "receive",
    "disclosed",
    "verdict",
    "verify",
    "host",
    "leg",
    "outbound",
    "issue",
    "event",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> PathBuf {
    root().join("include/ohp.h")
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml is well-formed");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(root().join("src/ffi").join(file).with_extension("rs"));
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("src/ffi/ is what cbindgen understands")
        .write(&mut header);
    let header = String::from_utf8(header).expect("the header is text");
    one_line_comments(&header)
}

/// Puts comments of one line on one line, and no two empty lines after one another.
fn one_line_comments(header: &str) -> String {
    let lines: Vec<&str> = header.trim_start().lines().collect();
    let (mut out, mut at) = (String::new(), 0);
    while let Some(line) = lines.get(at) {
        let text = lines.get(at + 1).and_then(|text| text.trim_start().strip_prefix("* "));
        let end = lines.get(at + 2).map(|end| end.trim_start());
        match (line.trim_start(), text, end) {
            ("/**", Some(text), Some("*/")) => {
                out += &format!("{line} {} */\n", text.trim());
                at += 3;
            }
            ("", ..) if out.ends_with("\n\n") => at += 1,
            _ => {
                out += line;
                out.push('\n');
                at += 1;
            }
        }
    }
    out
}

#[test]
fn committed_header_is_the_generated_one() {
    let generated = generate();
    if std::env::var_os("OHP_WRITE_HEADER").is_some() {
        std::fs::create_dir_all(root().join("include")).expect("include/ can be made");
        std::fs::write(committed(), &generated).expect("include/ohp.h can be written");
    }
    let committed = std::fs::read_to_string(committed()).unwrap_or_default();
    let differs = generated
        .lines()
        .zip(committed.lines())
        .position(|(new, old)| new != old);
    assert!(
        generated == committed,
        "include/ohp.h differs from src/ffi/ from line {} on; \
         run `OHP_WRITE_HEADER=1 cargo test --test header` and commit what it wrote",
        differs.map_or_else(|| "the last".into(), |line| (line + 1).to_string()),
    );
}

#[test]
fn every_file_of_the_abi_is_in_the_header() {
    let inner = ["mod", "own_stack", "panic", "pointer", "sized"];
    let files = std::fs::read_dir(root().join("src/ffi")).expect("src/ffi/ is a folder");
    for file in files {
        let path = file.expect("src/ffi/ can be listed").path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("names are UTF-8");
        assert!(
            FILES.contains(&stem) || inner.contains(&stem),
            "src/ffi/{stem}.rs is missing in the list of this test"
        );
    }
}

#[test]
fn every_declaration_is_documented_and_prefixed() {
    let header = generate();
    let mut documented = false;
    for line in header.lines() {
        if line.ends_with("*/") {
            documented = true;
            continue;
        }
        let function = line
            .strip_suffix('(')
            .or_else(|| line.split_once('(').map(|(start, _)| start));
        if let Some(function) = function
            && line.starts_with(|first: char| first.is_ascii_lowercase())
            && !line.starts_with("typedef")
        {
            let name = function.rsplit([' ', '*']).next().unwrap_or_default();
            assert!(name.starts_with("ohp_"), "{name} lacks its prefix");
            assert!(documented, "{name} is not documented");
        }
        if let Some(define) = line.strip_prefix("#define ") {
            assert!(define.starts_with("OHP_"), "{define} lacks its prefix");
        }
        documented = false;
    }
}

/// The functions that the header declares.
fn functions() -> Vec<String> {
    let header = std::fs::read_to_string(committed()).expect("include/ohp.h can be read");
    let starts = header
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    let names = starts.filter(|line| !line.starts_with("typedef")).filter_map(|line| {
        let (start, _) = line.split_once('(')?;
        Some(start.rsplit([' ', '*']).next().unwrap_or_default().to_owned())
    });
    names.collect()
}

#[test]
fn stack_of_every_function_is_measured() {
    let source = std::fs::read_to_string(root().join("tests/c/stack.c")).expect("tests/c/stack.c can be read");
    let functions = functions();
    assert!(functions.len() > 70, "{functions:?}");
    for function in functions {
        let measured = [format!("DO({function}, "), format!("WORK({function},")];
        assert!(
            measured.iter().any(|each| source.contains(each)),
            "tests/c/stack.c leaves {function} out"
        );
    }
}

fn compiles(compiler: &str, arguments: &[&str], file: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(file);
    std::fs::write(&source, "#include <ohp.h>\nint main(void) { return 0; }\n").expect("the source can be written");
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"])
        .args([root().join("include"), source])
        .output()
        .unwrap_or_else(|error| panic!("{compiler} cannot be run: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn header_reads_as_c99() {
    compiles("cc", &["-std=c99"], "header.c");
}

/// Padding holds anything, so that no member could ever be put there: it has to be named, and zero.
#[test]
#[cfg(target_pointer_width = "64")]
fn no_structure_has_padding() {
    compiles("cc", &["-std=c99", "-Wpadded"], "padding.c");
}

#[test]
fn header_reads_as_cpp() {
    if Command::new("c++").arg("--version").output().is_err() {
        return skip::skip("there is no C++ compiler");
    }
    compiles("c++", &["-std=c++11"], "header.cpp");
}
