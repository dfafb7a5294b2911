//! The session descriptions of three other projects' tests, each read and compared with a plain count of its lines.

use ohp::media::sdp::{Description, SdpHints};

use crate::suite::{Exception, Suite, same};

const REFUSED: &[Exception] = &[Exception {
    outcome: "refused: Version",
    reason: "The whole file is `v=1`.",
    cases: &["message-1.sdp"],
}];

/// Files whose comments say that they are refused.
const BROKEN: &[Exception] = &[Exception {
    outcome: "read",
    reason: "A fingerprint's length and the level of `ice-lite` are nothing that the sound of a leg depends on.",
    cases: &["08.sdp", "11.sdp"],
}];

/// Reads a description and compares it with a plain look at its lines.
fn compared(bytes: &[u8]) -> Result<(), String> {
    let description = Description::parse(bytes).map_err(|error| format!("refused: {:?}", error.kind))?;
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.split(['\r', '\n']).collect();
    let headings: Vec<_> = lines.iter().filter(|line| line.starts_with("m=")).collect();
    let media: Vec<_> = description.media().collect();
    same(&media.len(), &headings.len())?;
    for (media, heading) in media.iter().zip(headings) {
        let words: Vec<_> = heading[2..].split_ascii_whitespace().collect();
        let port = media.port().to_string();
        same(&(media.kind(), media.protocol()), &(words[0], words[2]))?;
        same(&Some(port.as_str()), &words[1].split('/').next())?;
        same(&media.format_list().collect::<Vec<_>>().as_slice(), &&words[3..])?;
        same(&media.connection().is_some(), &text.contains("c=IN"))?;
    }
    let attributes: usize = media.iter().map(|media| media.attributes().count()).sum();
    let below = lines.iter().skip_while(|line| !line.starts_with("m="));
    same(&attributes, &below.filter(|line| line.starts_with("a=")).count())
}

#[test]
fn suites_of_other_projects_are_read_in_full() {
    for (name, exceptions) in [
        ("sdp-clux", &[][..]),
        ("sdp-sofia", REFUSED),
        ("sdp-webrtc-sdp", BROKEN),
    ] {
        let Some(mut suite) = Suite::open(name, &[exceptions]) else {
            return;
        };
        for (name, bytes) in suite.files(&[".sdp"]) {
            let is_broken = String::from_utf8_lossy(&bytes).contains("This example fails to parse");
            let outcome = match compared(&bytes) {
                Ok(()) if is_broken => Err("read".to_owned()),
                Err(refused) if is_broken && refused.starts_with("refused") => Ok(()),
                outcome => outcome,
            };
            suite.case(&name, outcome);
        }
        suite.end();
    }
}

#[test]
fn known_descriptions_give_the_codecs_that_they_name() {
    for (folder, name, expected) in [
        ("sdp-clux", "jsep.sdp", &["OPUS/48000/2", "PCMU/8000", "PCMA/8000"][..]),
        ("sdp-clux", "normal.sdp", &["PCMU/8000", "OPUS/48000"]),
        ("sdp-clux", "invalid.sdp", &["PCMU/8000"]),
        ("sdp-sofia", "message-8.sdp", &["PCMU/8000", "1016/8000"]),
    ] {
        for path in crate::files(folder, &[name]) {
            let bytes = std::fs::read(&path).expect("the vector can be read");
            let description = Description::parse(&bytes).expect("a session description");
            let hints = SdpHints::from_answer(&description);
            assert!(hints.iter().eq(expected.iter().copied()), "{name}: {hints:?}");
        }
    }
}
