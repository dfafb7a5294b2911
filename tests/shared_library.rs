//! The C library as `make install` puts it in place: its names, what it exports and needs, and what is inside.

#![cfg(feature = "ffi")]

#[path = "c_abi/build.rs"]
mod build;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use build::run;
use build::skip::skip;

/// Where `make install DESTDIR=…` has put everything; `None` where there is no make or no binutils.
fn installed() -> Option<PathBuf> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make_install = || {
        if !["make", "readelf", "nm"].into_iter().all(build::is_there) {
            return None;
        }
        let place = build::scratch().join("installed");
        let _ = std::fs::remove_dir_all(&place);
        let mut make = Command::new("make");
        make.current_dir(build::root())
            .args(["install", "PROFILE=dev", "PREFIX=/usr"]);
        make.env("CARGO", env!("CARGO"))
            .arg(format!("OHP_BACKEND={}", build::backend()));
        make.arg(format!("BUILD={}", build::target().display()));
        run(make.arg(format!("DESTDIR={}", place.display())));
        Some(place.join("usr"))
    };
    let installed = INSTALLED.get_or_init(make_install).clone();
    if installed.is_none() {
        skip("make, readelf or nm is not here");
    }
    installed
}

#[test]
fn install_puts_library_header_and_pkg_config_file_in_place() {
    let Some(usr) = installed() else { return };
    let version = env!("CARGO_PKG_VERSION");
    let link = |name: &str| std::fs::read_link(usr.join("lib").join(name)).expect("a link");
    assert_eq!(link("libohp.so"), PathBuf::from("libohp.so.0"));
    assert_eq!(link("libohp.so.0"), PathBuf::from(format!("libohp.so.{version}")));
    for file in ["lib/libohp.a", "include/ohp.h", "lib/pkgconfig/ohp.pc"] {
        assert!(usr.join(file).is_file(), "{file} is missing");
    }
    let pc = std::fs::read_to_string(usr.join("lib/pkgconfig/ohp.pc")).expect("ohp.pc");
    assert!(
        pc.contains(&format!("Version: {version}\n")) && pc.contains("prefix=/usr\n"),
        "{pc}"
    );
    assert!(
        pc.contains(&format!("Libs.private: {}\n", build::PRIVATE_LIBS.join(" "))),
        "{pc}"
    );
    assert!(!pc.contains('@'), "{pc}");
}

#[test]
fn uninstall_takes_everything_away_again() {
    let Some(usr) = installed() else { return };
    let place = build::scratch().join("uninstalled");
    let _ = std::fs::remove_dir_all(&place);
    let mut copy = Command::new("cp");
    std::fs::create_dir_all(&place).expect("a folder");
    run(copy.arg("-a").arg(&usr).arg(&place));
    let mut make = Command::new("make");
    make.current_dir(build::root()).args(["uninstall", "PREFIX=/usr"]);
    run(make.arg(format!("DESTDIR={}", place.display())));
    let mut left = Command::new("find");
    assert_eq!(run(left.arg(&place).args(["-not", "-type", "d"])), "");
}

#[test]
fn dynamic_section_names_the_library_and_little_else() {
    let Some(usr) = installed() else { return };
    let mut readelf = Command::new("readelf");
    let dynamic = run(readelf.args(["-d", "-W"]).arg(usr.join("lib/libohp.so")));
    let bracketed = |tag: &str| -> BTreeSet<String> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines
            .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()))
            .collect()
    };
    assert_eq!(bracketed("(SONAME)"), BTreeSet::from(["libohp.so.0".to_owned()]));
    let allowed = [
        "libc.so.6",
        "libgcc_s.so.1",
        "libm.so.6",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    ];
    for needed in bracketed("(NEEDED)") {
        assert!(allowed.contains(&needed.as_str()), "it needs {needed}");
    }
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
}

/// A host's OpenSSL, or another Rust library in the same process, must not meet symbols of ours.
#[test]
fn exactly_the_functions_of_the_header_are_exported() {
    let Some(usr) = installed() else { return };
    let mut nm = Command::new("nm");
    let symbols = run(nm
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(usr.join("lib/libohp.so")));
    let exported: BTreeSet<_> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();
    let header = std::fs::read_to_string(usr.join("include/ohp.h")).expect("ohp.h");
    let declared: BTreeSet<_> = header
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .collect();
    assert!(declared.len() > 50, "{declared:?}");
    assert_eq!(exported, declared);
}

/// A host that unloads its module and loads it again finds the library as it was.
#[test]
fn program_links_with_pkg_config_and_loads_at_run_time() {
    let Some(usr) = installed() else { return };
    if !build::is_there("pkg-config") {
        return skip("pkg-config is not here");
    }
    let source = build::scratch().join("linked.c");
    let text = r#"
        #include <dlfcn.h>
        #include <ohp.h>
        int main(int argc, char **argv)
        {
            for (int i = 0; i < 10 && argc > 1; i++) {
                void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
                uint32_t (*version)(void);
                if (library == NULL)
                    return 2;
                *(void **)&version = dlsym(library, "ohp_abi_version");
                if (version == NULL || version() != OHP_ABI_VERSION || dlclose(library) != 0)
                    return 3;
            }
            return ohp_abi_version() != OHP_ABI_VERSION || ohp_version().len == 0;
        }
    "#;
    std::fs::write(&source, text).expect("a file can be written");
    let flags = |extra: &[&str]| {
        let mut pkg_config = Command::new("pkg-config");
        pkg_config.env("PKG_CONFIG_LIBDIR", usr.join("lib/pkgconfig"));
        pkg_config.env("PKG_CONFIG_SYSROOT_DIR", usr.parent().expect("DESTDIR"));
        pkg_config
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
            .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1");
        run(pkg_config.args(extra).args(["--cflags", "--libs", "ohp"]))
    };
    let link = |name: &str, extra: &[&str], flags: String| {
        let program = build::scratch().join(name);
        let mut compiler = Command::new("cc");
        compiler.args(["-std=c11", "-o"]).arg(&program).arg(&source).args(extra);
        run(compiler.args(flags.split_whitespace()).arg("-ldl"));
        program
    };
    let shared = link("linked-shared", &[], flags(&[]));
    run(Command::new(shared)
        .arg(usr.join("lib/libohp.so.0"))
        .env("LD_LIBRARY_PATH", usr.join("lib")));
    let alone = build::scratch().join("static-only");
    std::fs::create_dir_all(&alone).expect("a folder");
    std::fs::copy(usr.join("lib/libohp.a"), alone.join("libohp.a")).expect("libohp.a");
    let first = format!("-L{}", alone.display());
    let linked = link("linked-static", &[&first], flags(&["--static"]));
    run(&mut Command::new(linked));
}

#[test]
fn nothing_of_the_command_is_inside() {
    for backend in ["ring", "rustcrypto"] {
        let names: Vec<_> = build::dependencies(backend).into_iter().map(|(name, _)| name).collect();
        for foreign in [
            "clap",
            "tokio",
            "rsip",
            "sdp-rs",
            "anstream",
            "openssl-sys",
            "aws-lc-sys",
        ] {
            assert!(
                !names.iter().any(|name| name == foreign),
                "{foreign} is in the shape {backend}"
            );
        }
    }
}

/// Whether a licence expression can be met by licences that GPL version 2 is compatible with.
fn suits_gpl_2(licence: &str) -> bool {
    const SUIT: &[&str] = &[
        "MIT",
        "MIT-0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "0BSD",
        "Unlicense",
        "CC0-1.0",
        "Unicode-3.0",
    ];
    let parts = licence.replace('/', " OR ").replace(['(', ')'], "");
    // AND binds more weakly here than in SPDX, which is the way that the one mixed expression is bracketed.
    parts
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|one| SUIT.contains(&one.trim())))
}

/// Asterisk and Kamailio are GPL version 2; ring is in part under Apache-2.0 alone, which does not go with it.
#[test]
fn shape_for_gpl_2_hosts_has_only_licences_that_suit_them() {
    assert!(suits_gpl_2("MIT/Apache-2.0") && !suits_gpl_2("Apache-2.0 AND ISC") && !suits_gpl_2("Apache-2.0"));
    for features in ["rustcrypto", "rustcrypto,opus"] {
        let shape = build::dependencies(features);
        assert!(shape.iter().any(|(name, _)| name == "ed25519-dalek"), "{shape:?}");
        assert!(!shape.iter().any(|(name, _)| name == "ring"), "{shape:?}");
        for (name, licence) in shape {
            assert!(suits_gpl_2(&licence), "{name} is under {licence}");
        }
    }
    assert!(build::dependencies("ring").iter().any(|(name, _)| name == "ring"));
}
