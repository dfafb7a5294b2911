//! `ohp fingerprint` on WAV files and packet captures.

mod cli;
#[path = "common/skip.rs"]
mod skip;

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
    let mut datagrams = Vec::new();
    for (nth, payload) in codes.chunks(160).enumerate().filter(|(nth, _)| arrives(*nth)) {
        let mut rtp = vec![0x80, payload_type];
        rtp.extend(sequence.wrapping_add(nth as u16).to_be_bytes());
        rtp.extend(timestamp.wrapping_add(160 * nth as u32).to_be_bytes());
        rtp.extend(ssrc.to_be_bytes());
        rtp.extend(payload);
        datagrams.push((PORTS, rtp));
    }
    pcap(path, &datagrams);
}

/// The ports that RTP is sent from and to here.
const PORTS: (u16, u16) = (0x1234, 0x1236);

/// A little-endian pcap of raw IPv4 packets on the loopback, 20 ms apart.
fn pcap(path: &Path, datagrams: &[((u16, u16), Vec<u8>)]) {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    file.extend([0; 8]);
    file.extend(65_535u32.to_le_bytes());
    file.extend(101u32.to_le_bytes());
    for (nth, ((from, to), payload)) in (0_u32..).zip(datagrams) {
        let mut packet = vec![0x45, 0];
        packet.extend((28 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(from.to_be_bytes());
        packet.extend(to.to_be_bytes());
        packet.extend((8 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        file.extend((nth / 50).to_le_bytes());
        file.extend((nth % 50 * 20_000).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend((packet.len() as u32).to_le_bytes());
        file.extend(packet);
    }
    std::fs::write(path, file).unwrap();
}

/// RTP packets of PCMU codes, 20 ms each.
fn rtp_packets(codes: &[u8], payload_type: u8, ssrc: u32) -> Vec<Vec<u8>> {
    let packets = (0_u16..).zip(codes.chunks(160));
    packets
        .map(|(nth, payload)| {
            let mut rtp = vec![0x80, payload_type];
            rtp.extend(nth.to_be_bytes());
            rtp.extend((160 * u32::from(nth)).to_be_bytes());
            rtp.extend(ssrc.to_be_bytes());
            rtp.extend(payload);
            rtp
        })
        .collect()
}

/// Runs `ohp fingerprint --json` with arguments and a file.
fn shown(arguments: &[&str], file: &Path) -> (i32, serde_json::Value) {
    let words = ["fingerprint", "--json"].iter().chain(arguments);
    let words: Vec<&std::ffi::OsStr> = words.map(AsRef::as_ref).chain([file.as_os_str()]).collect();
    let run = ohp(&words);
    assert!(run.status != 3, "{}", run.stderr);
    (run.status, run.json())
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
    assert!(
        svg.contains("is the same") && svg.contains("frame is not compared"),
        "no legend"
    );
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

/// A WAV file of 16-bit samples.
fn wav(path: &Path, rate: u32, channels: &[Vec<i16>]) {
    let count = channels.len() as u16;
    let mut fmt = vec![1, 0];
    fmt.extend(count.to_le_bytes());
    fmt.extend(rate.to_le_bytes());
    fmt.extend((rate * u32::from(count) * 2).to_le_bytes());
    fmt.extend((count * 2).to_le_bytes());
    fmt.extend(16_u16.to_le_bytes());
    let data: Vec<u8> = (0..channels[0].len())
        .flat_map(|at| channels.iter().flat_map(move |channel| channel[at].to_le_bytes()))
        .collect();
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    for (id, content) in [(b"fmt ", fmt), (b"data", data)] {
        file.extend(id);
        file.extend((content.len() as u32).to_le_bytes());
        file.extend(content);
    }
    std::fs::write(path, file).unwrap();
}

/// The caller as linear samples.
fn linear() -> Vec<i16> {
    caller().iter().map(|code| g711::MU_LAW[usize::from(*code)]).collect()
}

/// Samples at another rate, straight lines between the old ones.
fn at_rate(samples: &[i16], rate: u32) -> Vec<i16> {
    let length = samples.len() as u64 * u64::from(rate) / 8000;
    (0..length)
        .map(|place| {
            let exact = place as f64 * 8000.0 / f64::from(rate);
            let at = (exact as usize).min(samples.len() - 2);
            let (one, other) = (f64::from(samples[at]), f64::from(samples[at + 1]));
            (one + (other - one) * (exact - at as f64)) as i16
        })
        .collect()
}

#[test]
fn wav_files_of_any_rate_are_compared_robustly() {
    let folder = folder("fingerprint-rates");
    for rate in [11_025, 16_000, 22_050, 44_100, 48_000] {
        let path = folder.join(format!("{rate}.wav"));
        wav(&path, rate, &[at_rate(&linear(), rate)]);
        let (status, found) = compare(&shipped(), &path);
        assert_eq!(
            (status, found["outcome"].as_str()),
            (0, Some("robust")),
            "{rate}: {found}"
        );
        let rate_of_errors = found["bitErrorRate"].as_f64().unwrap();
        assert!(rate_of_errors < 0.1, "{rate}: {rate_of_errors}");
        assert!(found["offsetMs"].as_i64().unwrap().abs() <= 16, "{rate}: {found}");
        let (status, exact) = shown(&["--kind", "exact"], &path);
        if matches!(rate, 16_000 | 44_100 | 48_000) {
            // Rates that codecs have.
            assert_eq!(status, 0, "{rate}: {exact}");
        } else {
            let why = exact["streams"][0]["why"].as_str().unwrap();
            assert!(status == 1 && why.contains("--kind robust"), "{exact}");
        }
        let (status, robust) = shown(&["--kind", "robust"], &path);
        assert_eq!(status, 0, "{robust}");
    }
}

#[test]
fn each_channel_of_a_wav_file_is_a_stream_and_one_can_be_chosen() {
    let path = folder("fingerprint-channels").join("both.wav");
    let speech = linear();
    wav(&path, 8000, &[vec![0; speech.len()], speech]);
    let (status, both) = shown(&[], &path);
    assert_eq!((status, both["streams"].as_array().map(Vec::len)), (0, Some(2)));
    assert_eq!(both["streams"][0]["outcome"], "no-usable-audio");
    let (_, mono) = shown(&[], &shipped());
    assert_eq!(both["streams"][1]["fingerprint"], mono["streams"][0]["fingerprint"]);
    let (status, second) = shown(&["--stream", "2"], &path);
    assert_eq!((status, second["streams"][0]["stream"].as_u64()), (0, Some(2)));
    assert_eq!(shown(&["--stream", "1"], &path).0, 1);
    let [file, caller] = [&path, &shipped()].map(|path| path.to_str().unwrap().to_owned());
    let chosen = |of_a: &str, of_b: &str| {
        let run = ohp(&[
            "fingerprint",
            "--json",
            "--compare",
            "--stream",
            of_a,
            "--stream",
            of_b,
            &caller,
            &file,
        ]);
        (run.status, run.stdout.is_empty(), run.stderr.clone())
    };
    assert_eq!(chosen("1", "2").0, 0);
    assert_eq!(chosen("1", "1").0, 1);
    let (status, _, stderr) = chosen("1", "3");
    assert!(status == 3 && stderr.contains("streams 1 to 2"), "{stderr}");
}

#[test]
fn streams_of_a_capture_are_counted_in_a_table() {
    let path = folder("fingerprint-table").join("call.pcap");
    let codes = caller();
    let mut packets = rtp_packets(&codes, 0, 0xcafe);
    packets.remove(50);
    packets.swap(60, 61);
    let again = packets[70].clone();
    packets.insert(71, again);
    // A shorter stream the other way, other UDP, and RTCP.
    let back = rtp_packets(&codes[..8000], 8, 0xbeef).into_iter();
    let datagrams: Vec<_> = packets
        .into_iter()
        .map(|packet| (PORTS, packet))
        .chain(back.map(|packet| ((PORTS.1, PORTS.0), packet)))
        .chain([
            ((9, 9), b"no RTP".to_vec()),
            ((PORTS.0 + 1, PORTS.1 + 1), vec![0x80, 200, 0, 1, 0, 0, 0, 1]),
        ])
        .collect();
    pcap(&path, &datagrams);
    let (status, found) = shown(&[], &path);
    let count = codes.len().div_ceil(160) as u64;
    let first = &found["streams"][0];
    for (member, expected) in [
        ("packets", count),
        ("lost", 1),
        ("duplicates", 1),
        ("late", 1),
        ("ptimeMs", 20),
    ] {
        assert_eq!(first[member], expected, "{member}: {first}");
    }
    assert_eq!((status, found["streams"].as_array().map(Vec::len)), (0, Some(2)));
    assert_eq!(first["durationMs"], 20 * count);
    assert_eq!(
        (&first["from"], &first["to"]),
        (&"127.0.0.1:4660".into(), &"127.0.0.1:4662".into())
    );
    assert_eq!(first["codecs"][0]["encoding"], "PCMU/8000");
    assert_eq!(found["streams"][1]["codecs"][0]["encoding"], "PCMA/8000");
    let run = ohp(&["fingerprint".as_ref(), path.as_os_str()]);
    for wanted in ["0x0000cafe", "127.0.0.1:4660", "PCMU/8000, 20 ms packets", "sha256:"] {
        assert!(run.text().contains(wanted), "{wanted}: {}", run.text());
    }
    let (_, chosen) = shown(&["--stream", "0xbeef"], &path);
    assert_eq!(chosen["streams"][0]["stream"], 2);
}

#[test]
fn payload_types_are_learnt_from_sip_or_named() {
    let folder = folder("fingerprint-codecs");
    let codes = caller();
    let invite = |protocol: &str| {
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} {protocol} 96\r\n\
             a=rtpmap:96 PCMU/8000\r\n",
            PORTS.1
        );
        let head = "INVITE sip:b@127.0.0.1 SIP/2.0\r\nContent-Type: application/sdp\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let speech = || rtp_packets(&codes, 96, 1).into_iter().map(|packet| (PORTS, packet));
    let (with, without, secured) = (
        folder.join("with.pcap"),
        folder.join("without.pcap"),
        folder.join("srtp.pcap"),
    );
    pcap(&without, &speech().collect::<Vec<_>>());
    pcap(
        &with,
        &[((5060, 5060), invite("RTP/AVP"))]
            .into_iter()
            .chain(speech())
            .collect::<Vec<_>>(),
    );
    pcap(
        &secured,
        &[((5060, 5060), invite("RTP/SAVP"))]
            .into_iter()
            .chain(speech())
            .collect::<Vec<_>>(),
    );

    let (_, known) = shown(&[], &shipped());
    let (status, learnt) = shown(&[], &with);
    assert_eq!(
        (status, &learnt["streams"][0]["fingerprint"]),
        (0, &known["streams"][0]["fingerprint"])
    );
    assert!(
        learnt["notes"][0].as_str().unwrap().contains("learnt from SIP"),
        "{learnt}"
    );
    let (status, unknown) = shown(&[], &without);
    let why = unknown["streams"][0]["why"].as_str().unwrap();
    assert!(status == 1 && why.contains("--payload-type 96="), "{why}");
    let (status, named) = shown(&["--payload-type", "96=PCMU/8000"], &without);
    assert_eq!(
        (status, &named["streams"][0]["fingerprint"]),
        (0, &known["streams"][0]["fingerprint"])
    );
    let (status, encrypted) = shown(&[], &secured);
    let why = encrypted["streams"][0]["why"].as_str().unwrap();
    assert!(status == 1 && why.contains("encrypted (RTP/SAVP)"), "{why}");
    let (status, found) = compare(&secured, &with);
    assert_eq!((status, found["outcome"].as_str()), (1, Some("no-usable-audio")));
    assert!(found["why"].as_str().unwrap().contains("encrypted"), "{found}");
    let run = ohp(&[
        "fingerprint".as_ref(),
        "--payload-type".as_ref(),
        "96".as_ref(),
        with.as_os_str(),
    ]);
    assert!(
        run.status != 0 && run.stderr.contains("96=opus/48000/2"),
        "{}",
        run.stderr
    );
}

/// What the command finds in each shared capture: streams, and the packets of each.
#[test]
fn shared_captures_have_the_streams_that_they_have() {
    const CAPTURES: &[(&str, &[u64])] = &[
        ("rtp-freeswitch-pcap/milliwatt.long.pcmu.rtp.pcap", &[713]),
        ("rtp-freeswitch-pcap/milliwatt.pcmu.rtp.pcap", &[232]),
        ("rtp-sipp-pcap/dtmf_2833_0.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_1.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_2.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_3.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_4.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_5.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_6.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_7.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_8.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_9.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_pound.pcap", &[10]),
        ("rtp-sipp-pcap/dtmf_2833_star.pcap", &[10]),
        ("rtp-sipp-pcap/g711a.pcap", &[236]),
        ("rtp-tcpdump-crash/rtp-seg-fault-1.pcapng", &[]),
        ("rtp-tcpdump-crash/rtp-seg-fault-2.pcapng", &[]),
        ("sip-rtp-ndpi/http_on_sip_port.pcap", &[]),
        ("sip-rtp-ndpi/rtp.pcapng", &[29, 15, 12, 7, 6]),
        ("sip-rtp-ndpi/sip.pcap", &[9]),
        ("sip-rtp-ndpi/sip_hello.pcapng", &[]),
        ("sip-suricata-pcap/sip-body-frames/public-cloudshark-sip-s0.pcap", &[]),
        ("sip-suricata-pcap/sip-body-large/sip-body-large.pcap", &[]),
        ("sip-suricata-pcap/sip-compact-form/sip_compact_form.pcap", &[]),
        (
            "sip-suricata-pcap/sip-header-multi-value/sip_header_multi_val.pcap",
            &[],
        ),
        ("sip-suricata-pcap/sip-sdp/sdp.pcap", &[]),
        ("sip-suricata-pcap/sip-tcp-method/sip-tcp.pcap", &[]),
    ];
    let Some(vectors) = skip::shared("vectors") else {
        return;
    };
    for (name, expected) in CAPTURES {
        let (status, found) = shown(&[], &vectors.join(name));
        let streams = found["streams"].as_array().unwrap();
        let packets: Vec<u64> = streams
            .iter()
            .map(|stream| stream["packets"].as_u64().unwrap())
            .collect();
        assert_eq!(packets, *expected, "{name}");
        let taken = streams.iter().any(|stream| stream["fingerprint"].is_string());
        assert_eq!(
            (status == 0, taken),
            (name.ends_with("g711a.pcap"), status == 0),
            "{name}: {found}"
        );
        let explained = streams
            .iter()
            .all(|stream| stream["fingerprint"].is_string() || stream["why"].is_string());
        let notes = found["notes"].as_array().unwrap();
        assert!(
            explained && (!streams.is_empty() || !notes.is_empty()),
            "{name}: {found}"
        );
    }
    let (_, dtmf) = shown(
        &["--payload-type", "101=telephone-event/8000"],
        &vectors.join("rtp-sipp-pcap/dtmf_2833_5.pcap"),
    );
    let why = dtmf["streams"][0]["why"].as_str().unwrap();
    assert!(why.contains("no sound"), "{why}");
}
