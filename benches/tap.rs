//! What a PBX's media thread pays for a packet, and its signalling thread for a fingerprint.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ohp::media::exact::{self, Decision};
use ohp::media::rtp::Packet;
use ohp::media::{Codec, Fingerprint, Tap, TapConfig, g711};

const CONFIG: TapConfig = TapConfig {
    codec: Codec::Pcmu,
    seconds: 10,
};

fn packet(nth: u32) -> [u8; 172] {
    let mut packet = [0; 172];
    packet[0] = 0x80;
    packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&nth.wrapping_mul(160).to_be_bytes());
    for (at, byte) in packet[12..].iter_mut().enumerate() {
        let time = f64::from(nth % 5000 * 160 + at as u32);
        let wave = (time * 0.31).sin() + (time * 0.0017).sin() * (time * 0.9).cos() + (time * time * 1e-5).sin();
        *byte = g711::compress_mu((wave * 6000.0) as i16);
    }
    packet
}

fn tap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tap");
    let words: Vec<_> = (0..CONFIG.words().expect("a size"))
        .map(|_| AtomicU64::new(0))
        .collect();
    let tap = Tap::init(&words, &CONFIG).expect("a tap");
    let mut packets: Vec<_> = (0..5000).map(packet).collect();
    group.throughput(Throughput::Elements(1));
    group.bench_function("rtp_header", |bencher| {
        bencher.iter(|| Packet::parse(black_box(&packets[0])).map(|packet| packet.timestamp()));
    });
    let mut nth = 0_u32;
    group.bench_function("write_rtp", |bencher| {
        bencher.iter(|| {
            let packet = &mut packets[(nth % 5000) as usize];
            packet[2..4].copy_from_slice(&(nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&nth.wrapping_mul(160).to_be_bytes());
            nth = nth.wrapping_add(1);
            tap.write_rtp(packet)
        });
    });
    group.bench_function("fingerprint_newest", |bencher| {
        bencher.iter(|| exact::newest(&tap).expect("audio"))
    });
    let absent = Fingerprint::from_bytes([0x5a; 32]);
    group.bench_function("fingerprint_search_whole_ring", |bencher| {
        bencher.iter(|| assert_eq!(exact::search(&tap, black_box(&absent)), Decision::Mismatch));
    });
    group.finish();
}

criterion_group!(benches, tap);
criterion_main!(benches);
