//! The session descriptions of three other projects' tests, each read and compared with a plain count of its lines.

use ohp::media::sdp::{Description, ErrorKind, SdpHints};

/// Files that are refused, and why that is right.
const REFUSED: [(&str, ErrorKind); 1] = [
    // The whole file is `v=1`.
    ("sdp-sofia/message-1.sdp", ErrorKind::Version),
];

#[test]
fn suites_of_other_projects_are_read_in_full() {
    let (mut read, mut sections, mut mapped) = (0, 0, 0);
    for folder in ["sdp-clux", "sdp-sofia", "sdp-webrtc-sdp"] {
        for path in crate::files(folder, &[".sdp"]) {
            let bytes = std::fs::read(&path).expect("the vector can be read");
            let shown = path.display();
            let refused = REFUSED
                .iter()
                .find(|(name, _)| path.ends_with(name))
                .map(|(_, kind)| *kind);
            let description = match (Description::parse(&bytes), refused) {
                (Ok(description), None) => description,
                (Err(error), Some(kind)) if error.kind == kind => continue,
                (other, _) => panic!("{shown}: {other:?}"),
            };
            read += 1;
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text.split(['\r', '\n']).collect();
            let headings: Vec<_> = lines.iter().filter(|line| line.starts_with("m=")).collect();
            let media: Vec<_> = description.media().collect();
            assert_eq!(media.len(), headings.len(), "{shown}");
            sections += media.len();
            for (media, heading) in media.iter().zip(headings) {
                let words: Vec<_> = heading[2..].split_ascii_whitespace().collect();
                let port = media.port().to_string();
                assert_eq!(
                    (media.kind(), media.protocol()),
                    (words[0], words[2]),
                    "{shown}: {heading}"
                );
                assert_eq!(Some(port.as_str()), words[1].split('/').next(), "{shown}: {heading}");
                assert!(media.format_list().eq(words[3..].iter().copied()), "{shown}: {heading}");
                assert!(
                    media.connection().is_some() || !text.contains("c=IN"),
                    "{shown}: {heading}"
                );
                mapped += media
                    .formats()
                    .iter()
                    .filter(|format| !format.encoding.is_empty())
                    .count();
            }
            let attributes: usize = media.iter().map(|media| media.attributes().count()).sum();
            let below = lines.iter().skip_while(|line| !line.starts_with("m="));
            assert_eq!(
                attributes,
                below.filter(|line| line.starts_with("a=")).count(),
                "{shown}"
            );
            let hints = SdpHints::from_answer(&description);
            if !hints.as_slice().is_empty() {
                eprintln!("{shown}: {hints:?}");
            }
        }
    }
    eprintln!("{read} descriptions, {sections} sections, {mapped} formats with an encoding");
    assert!(
        read >= 70 || crate::vectors("sdp-clux").is_none(),
        "only {read} descriptions"
    );
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
