//! `ohp fingerprint` on WAV files and packet captures.

mod cli;

use std::path::{Path, PathBuf};

use cli::{folder, ohp};

/// The caller that ships with the command: an 8 kHz µ-law WAV whose codes begin after the `data` chunk's head.
fn caller() -> Vec<u8> {
    let wav = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/caller.wav")).unwrap();
    let data = wav.windows(4).position(|id| id == b"data").unwrap() + 8;
    wav[data..].to_vec()
}

/// A little-endian pcap of raw IPv4 packets that carry `codes` as PCMU, 20 ms each.
fn capture(path: &Path, codes: &[u8], ssrc: u32, sequence: u16, timestamp: u32) {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    file.extend([0; 8]);
    file.extend(65_535u32.to_le_bytes());
    file.extend(101u32.to_le_bytes());
    for (nth, payload) in codes.chunks(160).enumerate() {
        let mut rtp = vec![0x80, 0];
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
