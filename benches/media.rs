//! What a call costs the media thread and the verifier: a packet into the tap, a fingerprint out of it, a description
//! read. Peers run beside us on the same input.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ohp::media::decoder::Decoder;
use ohp::media::robust::{self, frames};
use ohp::media::sdp::{Description, SdpHints};
use ohp::media::tap::{MAX_PAYLOAD_LEN, Pcm};
use ohp::media::{Codec, Fingerprint, PayloadTypes, RobustFingerprint, Tap, TapConfig, exact, g711, liveness, rtp};

#[cfg(feature = "opus")]
#[path = "inputs/opus.rs"]
mod opus;
#[path = "inputs/sound.rs"]
mod sound;

use sound::{PACKET, PACKETS, octets, packet, tap_of, words};

/// Forty lines, as a phone with ICE, four codecs and DTMF sends them.
const OFFER: &str = include_str!("offer.sdp");

fn rtp_and_tap(criterion: &mut Criterion) {
    let octets = octets();
    let words = words();
    let tap = tap_of(&words, &octets);
    let mut one = packet(0, &octets[..PACKET]);
    let mut group = criterion.benchmark_group("packet");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read: ours", |bencher| {
        bencher.iter(|| rtp::Packet::parse(black_box(&one)).map(|packet| (packet.timestamp(), packet.payload().len())));
    });
    group.bench_function("read: rtp-rs", |bencher| {
        bencher.iter(|| {
            rtp_rs::RtpReader::new(black_box(&one)).map(|packet| (packet.timestamp(), packet.payload().len()))
        });
    });
    let mut timestamp = 0_u32;
    group.bench_function("into the tap", |bencher| {
        bencher.iter(|| {
            timestamp = timestamp.wrapping_add(PACKET as u32);
            one[4..8].copy_from_slice(&timestamp.to_be_bytes());
            tap.write_rtp(black_box(&one))
        });
    });
}

/// 20 ms of each codec into a tap, as RTP; and PCM, which is cut and stored as L16.
fn codecs_into_the_tap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("20 ms into the tap");
    group.throughput(Throughput::Elements(1));
    for codec in Codec::ALL {
        let config = TapConfig { codec, seconds: 10 };
        let words: Vec<_> = (0..config.words().expect("ten seconds are in range"))
            .map(|_| AtomicU64::new(0))
            .collect();
        let tap = Tap::init(&words, &config).expect("the words are enough");
        tap.set_payload_types(&PayloadTypes::NONE.with(96, codec));
        // 32 kbit/s of hybrid Opus.
        let len = codec
            .tick_len()
            .map_or(80, |len| len * codec.clock_rate() as usize / 50);
        if len > MAX_PAYLOAD_LEN {
            continue;
        }
        let mut one = packet(0, &vec![0x78; len]);
        one[1] = 96;
        let (mut timestamp, step) = (0_u32, codec.clock_rate() / 50);
        group.bench_function(format!("{codec:?}, {len} bytes"), |bencher| {
            bencher.iter(|| {
                timestamp = timestamp.wrapping_add(step);
                one[4..8].copy_from_slice(&timestamp.to_be_bytes());
                tap.write_rtp(black_box(&one))
            });
        });
        let Some(linear) = Codec::linear(codec.sample_rate()).filter(|linear| *linear == codec) else {
            continue;
        };
        let samples = vec![7_i16; linear.sample_rate() as usize / 50];
        group.bench_function(format!("{} samples of PCM", samples.len()), |bencher| {
            bencher.iter(|| {
                tap.write_pcm(&Pcm {
                    sample_rate: linear.sample_rate(),
                    source: 1,
                    timestamp: None,
                    samples: black_box(&samples),
                })
            });
        });
    }
}

/// Ten seconds of G.722, whose every window takes a decoder of its own.
fn g722(criterion: &mut Criterion) {
    let octets = octets();
    let memory = words();
    let tap = tap_of(&memory, &[]);
    for (number, payload) in octets.chunks_exact(PACKET).enumerate() {
        let mut packet = packet(number, payload);
        packet[1] = 9;
        tap.write_rtp(&packet);
    }
    let newest = exact::newest(&tap).expect("the sound is usable").fingerprint;
    let absent = Fingerprint::from_bytes([0; 32]);
    let mut decoder = Decoder::new(Codec::G722).expect("every build decodes G.722");
    let mut window = [0; 3200];

    let mut group = criterion.benchmark_group("G.722");
    group.bench_function("decode 200 ms", |bencher| {
        bencher.iter(|| {
            decoder.reset();
            decoder.decode(black_box(&octets[..1600]), &mut window)
        });
    });
    group.bench_function("take the newest", |bencher| bencher.iter(|| exact::newest(&tap)));
    group.bench_function("find the newest in 10 s", |bencher| {
        bencher.iter(|| exact::search(&tap, &newest));
    });
    group.bench_function("one piece of a search", |bencher| {
        bencher.iter(|| exact::Search::new(&absent).step(&tap));
    });
    group.sample_size(10);
    group.bench_function("miss in 10 s", |bencher| bencher.iter(|| exact::search(&tap, &absent)));
    let robust = robust::newest(&tap).expect("the sound is usable").fingerprint;
    group.bench_function("find the robust fingerprint in 10 s", |bencher| {
        bencher.iter(|| robust::search(&tap, &robust));
    });
}

fn fingerprint(criterion: &mut Criterion) {
    let octets = octets();
    let memory = words();
    let tap = tap_of(&memory, &octets);
    let newest = exact::newest(&tap).expect("the sound is usable").fingerprint;
    let absent = Fingerprint::from_bytes([0; 32]);
    let window: [i16; 1600] = core::array::from_fn(|at| g711::MU_LAW[usize::from(octets[at])]);
    // Every window on a packet boundary is hashed before this one, and none off them.
    let oldest = Fingerprint::of_window(&window);
    let silence = vec![0xff; PACKETS * PACKET];
    let silent_words = words();
    let silent = tap_of(&silent_words, &silence);

    let mut group = criterion.benchmark_group("fingerprint");
    group.bench_function("take the newest", |bencher| bencher.iter(|| exact::newest(&tap)));
    group.bench_function("find the newest in 10 s", |bencher| {
        bencher.iter(|| exact::search(&tap, &newest))
    });
    group.bench_function("miss in 10 s", |bencher| bencher.iter(|| exact::search(&tap, &absent)));
    assert!(matches!(exact::search(&tap, &oldest), exact::Decision::Match(found) if found.on_boundary));
    group.bench_function("find the oldest in 10 s", |bencher| {
        bencher.iter(|| exact::search(&tap, &oldest))
    });
    group.bench_function("miss in 10 s of silence", |bencher| {
        bencher.iter(|| exact::search(&silent, &absent))
    });
    group.bench_function("gate", |bencher| bencher.iter(|| liveness::check(black_box(&window))));
}

fn robust(criterion: &mut Criterion) {
    let octets = octets();
    let memory = words();
    let tap = tap_of(&memory, &octets);
    let samples: Vec<i16> = octets.iter().map(|octet| g711::MU_LAW[usize::from(*octet)]).collect();
    let newest = robust::newest(&tap).expect("the sound is usable").fingerprint;
    let mut absent = newest.to_bytes();
    absent[8..].iter_mut().step_by(2).for_each(|byte| *byte = !*byte);
    let absent = RobustFingerprint::from_bytes(&absent).expect("the mask is as it was");

    let mut group = criterion.benchmark_group("robust");
    // Seconds of sound, so that the rate is seconds of sound in a second.
    group.throughput(Throughput::Elements((octets.len() / 8000) as u64));
    for (name, hop) in [("sender", frames::SENDER_HOP), ("receiver", frames::RECEIVER_HOP)] {
        group.bench_function(format!("extract as a {name}"), |bencher| {
            bencher.iter(|| {
                let mut all = 0;
                frames::of_pcm(black_box(&samples), hop, |_, frame| all ^= frame.bits);
                all
            });
        });
    }
    group.bench_function("take the newest", |bencher| bencher.iter(|| robust::newest(&tap)));
    group.bench_function("find the newest in 10 s", |bencher| {
        bencher.iter(|| robust::search(&tap, &newest))
    });
    group.bench_function("miss in 10 s", |bencher| bencher.iter(|| robust::search(&tap, &absent)));
    // 256 fingerprints of other calls, none of which is alike.
    let others: Vec<RobustFingerprint> = (0..256_u32)
        .map(|nth| {
            let mut other = newest.to_bytes();
            let mut state = nth;
            for byte in &mut other[8..] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            RobustFingerprint::from_bytes(&other).expect("the mask is as it was")
        })
        .collect();
    group.bench_function("find the newest beside 256 other calls", |bencher| {
        bencher.iter(|| robust::search_besides(&tap, &newest, &|is_here| others.iter().any(is_here)))
    });
}

/// An element is a second of one stream, so that the rate is how many streams a core keeps up with.
fn streams(criterion: &mut Criterion) {
    let octets = octets();
    let memory = words();
    let tap = tap_of(&memory, &octets);
    let samples: Vec<i16> = octets.iter().map(|octet| g711::MU_LAW[usize::from(*octet)]).collect();
    let exact = exact::newest(&tap).expect("the sound is usable").fingerprint;
    let robust = robust::newest(&tap).expect("the sound is usable").fingerprint;
    let mut second: Vec<_> = octets
        .chunks_exact(PACKET)
        .take(50)
        .map(|payload| packet(0, payload))
        .collect();
    let written = words();
    let writer = tap_of(&written, &octets);
    let mut timestamp = octets.len() as u32;

    let mut group = criterion.benchmark_group("streams");
    group.throughput(Throughput::Elements(1));
    group.bench_function("tap: 50 packets", |bencher| {
        bencher.iter(|| {
            for packet in &mut second {
                timestamp = timestamp.wrapping_add(PACKET as u32);
                packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
                writer.write_rtp(black_box(packet));
            }
        });
    });
    group.bench_function("exact: one taken and one found a second", |bencher| {
        bencher.iter(|| (exact::newest(&tap), exact::search(&tap, &exact)));
    });
    group.bench_function("robust: one taken and one found a second", |bencher| {
        bencher.iter(|| (robust::newest(&tap), robust::search(&tap, &robust)));
    });
    group.throughput(Throughput::Elements((octets.len() / 8000) as u64));
    for (name, hop) in [("sender", frames::SENDER_HOP), ("receiver", frames::RECEIVER_HOP)] {
        group.bench_function(format!("robust: every frame of a {name}"), |bencher| {
            bencher.iter(|| {
                let mut all = 0;
                frames::of_pcm(black_box(&samples), hop, |_, frame| all ^= frame.bits);
                all
            });
        });
    }
}

fn description(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sdp");
    group.throughput(Throughput::Bytes(OFFER.len() as u64));
    group.bench_function("read: ours", |bencher| {
        bencher.iter(|| Description::parse(black_box(OFFER.as_bytes())).map(|offer| offer.media().count()));
    });
    group.bench_function("read: sdp-rs", |bencher| {
        bencher.iter(|| {
            sdp_rs::SessionDescription::try_from(black_box(OFFER)).map(|offer| offer.media_descriptions.len())
        });
    });
    group.bench_function("hints", |bencher| {
        bencher.iter(|| Description::parse(black_box(OFFER.as_bytes())).map(|offer| SdpHints::from_answer(&offer)));
    });
}

/// `cargo bench --features opus --bench media -- opus`
#[cfg(feature = "opus")]
fn opus(criterion: &mut Criterion) {
    use exact::Search;
    use ohp::media::opus::decoder::{Decoder, PACKET_SAMPLES_MAX, decoder_words};
    use opusic_c::{Application, Bandwidth};

    let absent = Fingerprint::from_bytes([0; 32]);
    let mut group = criterion.benchmark_group("opus");
    group.sample_size(10);
    for (name, bandwidth, application, bitrate) in [
        (
            "SILK narrowband, 12 kbit/s",
            Bandwidth::Narrow,
            Application::Voip,
            12_000,
        ),
        ("SILK wideband, 20 kbit/s", Bandwidth::Wide, Application::Voip, 20_000),
        ("hybrid, 32 kbit/s", Bandwidth::Full, Application::Voip, 32_000),
        ("CELT, 64 kbit/s", Bandwidth::Full, Application::LowDelay, 64_000),
    ] {
        let packets = opus::packets(bandwidth, application, bitrate);
        let words = opus::words();
        let tap = opus::tap_of(&words, &packets);
        let newest = exact::newest(&tap).expect("the sound is usable").fingerprint;
        let mut memory = vec![0; decoder_words()];
        let mut decoder = Decoder::new(&mut memory).expect("the memory is enough");
        let mut pcm = [0; PACKET_SAMPLES_MAX];
        let mut next = packets.iter().cycle();
        group.bench_function(format!("{name}: decode a packet"), |bencher| {
            bencher.iter(|| decoder.decode(next.next().expect("a cycle"), &mut pcm));
        });
        group.bench_function(format!("{name}: take the newest"), |bencher| {
            bencher.iter(|| exact::newest(&tap));
        });
        group.bench_function(format!("{name}: find the newest in 10 s"), |bencher| {
            bencher.iter(|| exact::search(&tap, &newest));
        });
        group.bench_function(format!("{name}: miss in 10 s"), |bencher| {
            bencher.iter(|| exact::search(&tap, &absent));
        });
        group.bench_function(format!("{name}: one piece of a search"), |bencher| {
            bencher.iter(|| Search::new(&absent).step(&tap));
        });
        let mut search = Search::new(&absent);
        let mut pieces = 1;
        while search.step(&tap).is_pending() {
            pieces += 1;
        }
        println!("{name}: {pieces} pieces in all");
    }
}

#[cfg(feature = "opus")]
criterion_group!(with_opus, opus);
criterion_group!(
    benches,
    rtp_and_tap,
    codecs_into_the_tap,
    fingerprint,
    g722,
    robust,
    streams,
    description
);
#[cfg(feature = "opus")]
criterion_main!(benches, with_opus);
#[cfg(not(feature = "opus"))]
criterion_main!(benches);
