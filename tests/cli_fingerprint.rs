//! `ohp fingerprint` on WAV files and packet captures.

mod cli;

use std::path::{Path, PathBuf};

use cli::{folder, ohp};
use ohp::media::{RobustFingerprint, g711};

/// The caller that ships with the command: an 8 kHz µ-law WAV whose codes begin after the `data` chunk's head.
fn caller() -> Vec<u8> {
    let wav = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/caller.wav")).unwrap();
    let data = wav.windows(4).position(|id| id == b"data").unwrap() + 8;
    wav[data..].to_vec()
}

/// A little-endian pcap of raw IPv4 packets that carry `codes` as PCMU, 20 ms each.
fn capture(path: &Path, codes: &[u8], ssrc: u32, sequence: u16, timestamp: u32) {
    capture_of(path, codes, 0, ssrc, sequence, timestamp, |_| true);
}

/// Likewise, of another payload type, and only those packets whose number `arrives` names.
fn capture_of(
    path: &Path,
    codes: &[u8],
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    arrives: impl Fn(usize) -> bool,
) {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    file.extend([0; 8]);
    file.extend(65_535u32.to_le_bytes());
    file.extend(101u32.to_le_bytes());
    for (nth, payload) in codes.chunks(160).enumerate().filter(|(nth, _)| arrives(*nth)) {
        let mut rtp = vec![0x80, payload_type];
        rtp.extend(sequence.wrapping_add(nth as u16).to_be_bytes());
        rtp.extend(timestamp.wrapping_add(160 * nth as u32).to_be_bytes());
        rtp.extend(ssrc.to_be_bytes());
        rtp.extend(payload);
        let mut packet = vec![0x45, 0];
        packet.extend((28 + rtp.len() as u16).to_be_bytes());
        packet.extend([
            0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34, 0x12, 0x36,
        ]);
        packet.extend((8 + rtp.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(rtp);
        file.extend([0; 8]);
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(packet);
    }
    std::fs::write(path, file).unwrap();
}

fn compare(a: &Path, b: &Path) -> (i32, serde_json::Value) {
    let run = ohp(&[
        "fingerprint".as_ref(),
        "--json".as_ref(),
        "--compare".as_ref(),
        a.as_os_str(),
        b.as_os_str(),
    ]);
    (run.status, run.json())
}

fn shipped() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/caller.wav"))
}

#[test]
fn same_sound_is_exact_across_ssrc_offsets_and_recut_packets() {
    let folder = folder("fingerprint-exact");
    let (sent, received) = (folder.join("sent.pcap"), folder.join("received.pcap"));
    let codes = caller();
    capture(&sent, &codes[..64_000], 7, 100, 4_000_000_000);
    // The receiver began to listen 50 ms later, so its packets are cut at other places.
    capture(&received, &codes[400..], 0xdead_beef, 65_530, 12);
    let (status, shown) = compare(&sent, &received);
    assert_eq!((status, shown["outcome"].as_str()), (0, Some("exact")));
    assert_eq!(shown["offsetMs"], -50);
    assert_eq!(compare(&sent, &shipped()).1["outcome"], "exact");
    assert_eq!(compare(&shipped(), &shipped()).1["offsetMs"], 0);
}

/// The caller as a transcoding border controller sends it on, with a packet in ten lost.
fn transcoded(path: &Path, codes: &[u8]) {
    let codes: Vec<u8> = codes
        .iter()
        .map(|code| g711::compress_a(g711::MU_LAW[usize::from(*code)]))
        .collect();
    capture_of(path, &codes, 8, 3, 9, 77_000, |number| number % 10 != 4);
}

#[test]
fn transcoded_and_lossy_sound_is_robust_unless_the_exact_kind_is_asked_for() {
    let folder = folder("fingerprint-robust");
    let (sent, received) = (folder.join("sent.pcap"), folder.join("received.pcap"));
    let codes = caller();
    capture(&sent, &codes[..64_000], 7, 100, 4_000_000_000);
    transcoded(&received, &codes[1600..]);
    let (status, shown) = compare(&sent, &received);
    assert_eq!((status, shown["outcome"].as_str()), (0, Some("robust")));
    let rate = shown["bitErrorRate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 0.2, "{rate}");
    let offset = shown["offsetMs"].as_i64().unwrap();
    assert!((-216..=-184).contains(&offset), "{offset}");

    let kind = |kind: &str| {
        let [sent, received] = [&sent, &received].map(|path| path.to_str().unwrap());
        let run = ohp(&["fingerprint", "--json", "--kind", kind, "--compare", sent, received]);
        (run.status, run.json()["outcome"].clone())
    };
    // Never ten packets in a row.
    assert_eq!(kind("exact"), (1, "no-usable-audio".into()));
    assert_eq!(kind("robust"), (0, "robust".into()));
    let run = ohp(&[
        "fingerprint".as_ref(),
        "--kind".as_ref(),
        "robust".as_ref(),
        sent.as_os_str(),
    ]);
    let text = run.text();
    let (fingerprint, _) = text.split_once(' ').unwrap();
    assert!(RobustFingerprint::parse(fingerprint).is_some(), "{text}");
}

#[test]
fn differing_bits_are_drawn_where_both_recordings_have_sound() {
    let folder = folder("fingerprint-plot");
    let (received, picture) = (folder.join("a <b> & c.pcap"), folder.join("bits.svg"));
    let codes = caller();
    transcoded(&received, &codes);
    let plot = |a: &Path, b: &Path| {
        let words = ["fingerprint", "--compare", "--plot"].map(AsRef::as_ref);
        ohp(&[&words[..], &[picture.as_os_str(), a.as_os_str(), b.as_os_str()]].concat())
    };
    let run = plot(&shipped(), &received);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (status, shown) = compare(&shipped(), &received);
    assert_eq!(status, 0);
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("a &lt;b&gt; &amp; c.pcap"));
    let errors = (shown["bitErrorRate"].as_f64().unwrap() * 992.0).round();
    assert!(svg.contains(&format!("{errors} of 992 bits differ")), "{errors}");
    let differing = svg
        .lines()
        .filter(|line| line.contains("#d62728") && line.starts_with("<rect"));
    assert!(differing.count() > 10, "no differing bits are drawn");

    let short = folder.join("short.pcap");
    capture(&short, &codes[..16_000], 1, 1, 1);
    let run = plot(&shipped(), &short);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("nothing to draw"), "{}", run.stderr);
    let [file, wav] = [&picture, &shipped()].map(|path| path.to_str().unwrap().to_owned());
    assert_eq!(
        ohp(&["fingerprint", "--plot", &file, &wav]).status,
        3,
        "--plot without --compare"
    );
}

#[test]
fn other_sound_silence_and_nothing_are_told_apart() {
    let folder = folder("fingerprint-other");
    let file = |name: &str| folder.join(name);
    let codes = caller();
    capture(&file("begin.pcap"), &codes[..24_000], 1, 1, 1);
    capture(&file("end.pcap"), &codes[40_000..], 1, 1, 1);
    capture(&file("silence.pcap"), &[0xff; 24_000], 1, 1, 1);
    capture(&file("nothing.pcap"), &[], 1, 1, 1);
    for (a, b, outcome) in [
        ("begin.pcap", "end.pcap", "mismatch"),
        ("begin.pcap", "silence.pcap", "no-usable-audio"),
        ("silence.pcap", "begin.pcap", "no-usable-audio"),
        ("begin.pcap", "nothing.pcap", "no-media"),
        ("nothing.pcap", "begin.pcap", "no-media"),
    ] {
        let (status, shown) = compare(&file(a), &file(b));
        assert_eq!((status, shown["outcome"].as_str()), (1, Some(outcome)), "{a} and {b}");
    }
}

#[test]
fn one_recording_shows_the_fingerprint_that_a_sender_would_give() {
    let run = ohp(&["fingerprint".as_ref(), shipped().as_os_str()]);
    assert_eq!(run.status, 0);
    assert!(run.text().starts_with("sha256:"), "{}", run.text());
    let shown = ohp(&["fingerprint".as_ref(), "--json".as_ref(), shipped().as_os_str()]).json();
    assert!(
        run.text()
            .starts_with(shown["streams"][0]["fingerprint"].as_str().unwrap())
    );
}

#[test]
fn what_is_no_recording_exits_with_3_and_says_what_to_do() {
    let path = folder("fingerprint-bad").join("note.txt");
    std::fs::write(&path, "hello").unwrap();
    let run = ohp(&["fingerprint".as_ref(), path.as_os_str()]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains(".pcap"), "{}", run.stderr);
    assert_eq!(
        ohp(&["fingerprint".as_ref(), path.as_os_str(), path.as_os_str()]).status,
        3
    );
    assert_eq!(ohp(&["fingerprint", "/no/such/file"]).status, 3);
}
