//! Builds the C shims of those peers that are there, and tells the program which are not and why.
//!
//! Libraries are found by pkg-config. Sources that `run` has fetched lie in the directory that `OHP_PEERS_SOURCES`
//! names, each under its own name; they are built here with the flags of their own makefiles, as far as parsing goes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What their makefiles define on 64-bit Linux, without what parsing does not see.
const KAMAILIO_FLAGS: [&str; 29] = [
    "-DNAME=\"kamailio\"",
    "-DVERSION=\"peer\"",
    "-DARCH=\"x86_64\"",
    "-DOS_QUOTED=\"linux\"",
    "-DOS=linux",
    "-DCOMPILER=\"cc\"",
    "-DSER_VER=0",
    "-DCFG_DIR=\"/\"",
    "-DSHARE_DIR=\"/\"",
    "-DRUN_DIR=\"/\"",
    "-D__CPU_x86_64",
    "-D__OS_linux",
    "-DPKG_MALLOC",
    "-DSHM_MMAP",
    "-DUSE_TCP",
    "-DUSE_DNS_CACHE",
    "-DUSE_DNS_FAILOVER",
    "-DUSE_NAPTR",
    "-DFAST_LOCK",
    "-DADAPTIVE_WAIT",
    "-DADAPTIVE_WAIT_LOOPS=1024",
    "-DCC_GCC_LIKE_ASM",
    "-fcommon",
    "-DHAVE_GETHOSTBYNAME2",
    "-DHAVE_ALLOCA_H",
    "-DHAVE_TIMEGM",
    "-DHAVE_SCHED_YIELD",
    "-DHAVE_MSGHDR_MSG_CONTROL",
    "-DHAVE_RESOLV_RES",
];

fn main() {
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-env-changed=OHP_PEERS_SOURCES");
    let sources = env::var_os("OHP_PEERS_SOURCES").map(PathBuf::from);
    for (name, package, debian) in [
        ("libcbor", "libcbor", "libcbor-dev"),
        ("libosip2", "libosip2", "libosip2-dev"),
        ("libre", "libre", "libre-dev"),
        ("ortp", "ortp", "libortp-dev"),
        ("chromaprint", "libchromaprint", "libchromaprint-dev"),
    ] {
        report(name, library(name, package, debian));
    }
    for (name, build) in [
        ("tinycbor", tinycbor as fn(&Path) -> String),
        ("pjproject", pjproject),
        ("kamailio", kamailio),
    ] {
        let found = sources
            .as_ref()
            .map(|sources| sources.join(name))
            .filter(|source| source.is_dir());
        let outcome = match found {
            Some(source) => Ok(build(&source)),
            None => Err("sources not there; OHP_PEERS=install benches/peers/run fetches them by apt".to_string()),
        };
        report(name, outcome);
    }
}

/// Lets the program know: `peer_NAME` is set for those that are there, and `PEER_NAME` is their version or the reason.
fn report(name: &str, outcome: Result<String, String>) {
    println!("cargo:rustc-check-cfg=cfg(peer_{name})");
    let text = match outcome {
        Ok(version) => {
            println!("cargo:rustc-cfg=peer_{name}");
            version
        }
        Err(reason) => reason,
    };
    println!("cargo:rustc-env=PEER_{name}={text}");
}

fn shim(name: &str) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .opt_level(2)
        .pic(false)
        .define("NDEBUG", None)
        .flag("-fvisibility=hidden")
        .flag_if_supported("-Wno-sign-compare")
        .file(format!("c/{name}.c"));
    build
}

fn library(name: &str, package: &str, debian: &str) -> Result<String, String> {
    let found = pkg_config::Config::new()
        .cargo_metadata(false)
        .probe(package)
        .map_err(|_| format!("{debian} is not installed"))?;
    shim(name)
        .includes(&found.include_paths)
        .include("/usr/include/re")
        .compile(&format!("peer_{name}"));
    for path in &found.link_paths {
        println!("cargo:rustc-link-search=native={}", path.display());
    }
    for library in &found.libs {
        println!("cargo:rustc-link-lib={library}");
    }
    Ok(found.version)
}

fn tinycbor(source: &Path) -> String {
    let parser = ["cborparser.c", "cborvalidation.c", "cborerrorstrings.c"];
    shim("tinycbor")
        .warnings(false)
        .include(source.join("src"))
        .files(parser.map(|file| source.join("src").join(file)))
        .compile("peer_tinycbor");
    version(source)
}

/// pjlib and pjlib-util have been built by `run`; of pjsip and pjmedia only the parsers are needed.
fn pjproject(source: &Path) -> String {
    const PJSIP: [&str; 9] = [
        "sip_parser",
        "sip_msg",
        "sip_uri",
        "sip_tel_uri",
        "sip_multipart",
        "sip_errno",
        "sip_auth_msg",
        "sip_auth_parser",
        "sip_config",
    ];
    let parsers = PJSIP
        .iter()
        .map(|file| source.join("pjsip/src/pjsip").join(file).with_extension("c"));
    let media = ["sdp", "rtp"].map(|file| source.join("pjmedia/src/pjmedia").join(file).with_extension("c"));
    shim("pjproject")
        .warnings(false)
        .define("PJ_AUTOCONF", "1")
        .define("PJ_IS_BIG_ENDIAN", "0")
        .define("PJ_IS_LITTLE_ENDIAN", "1")
        .includes(["pjlib", "pjlib-util", "pjsip", "pjmedia", "pjnath"].map(|part| source.join(part).join("include")))
        .files(parsers.chain(media))
        .compile("peer_pjproject");
    for part in ["pjlib-util", "pjlib"] {
        let lib = source.join(part).join("lib");
        println!("cargo:rustc-link-search=native={}", lib.display());
        for entry in fs::read_dir(&lib).into_iter().flatten().flatten() {
            let file = entry.file_name().into_string().unwrap_or_default();
            if let Some(library) = file.strip_prefix("lib").and_then(|file| file.strip_suffix(".a")) {
                println!("cargo:rustc-link-lib=static={library}");
            }
        }
    }
    println!("cargo:rustc-link-lib=uuid");
    version(source)
}

fn kamailio(source: &Path) -> String {
    let core = source.join("src/core");
    let mut files = c_files(&core.join("parser"));
    files.extend(["ut.c", "data_lump.c", "strutils.c", "ip_addr.c", "mem/pkg.c"].map(|file| core.join(file)));
    let mut build = shim("kamailio");
    for flag in KAMAILIO_FLAGS {
        build.flag(flag);
    }
    build
        .warnings(false)
        .flag("-std=gnu11")
        .flag("-w")
        .include(source.join("src"))
        .include(&core)
        .file("c/kamailio_rest.c")
        .files(files)
        .compile("peer_kamailio");
    version(source)
}

fn c_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(c_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "c") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `run` has written it down.
fn version(source: &Path) -> String {
    fs::read_to_string(source.join("PEER-VERSION")).map_or("?".into(), |version| version.trim().into())
}
