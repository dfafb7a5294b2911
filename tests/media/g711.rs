//! G.711 against the sweep of ITU-T's Software Tool Library (G.191).

use ohp::media::g711;

use crate::suite::{Suite, same};

fn words(suite: &Suite, name: &str) -> Vec<i16> {
    let bytes = std::fs::read(suite.folder().join(name)).expect("the vector can be read");
    let words: Vec<_> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect();
    assert_eq!(words.len(), 65536, "{name}");
    words
}

#[test]
fn row_35_expansion_and_compression_are_those_of_the_itu_tools_for_all_65536_samples() {
    let Some(mut suite) = Suite::open("g711-itu-stl", &[]) else {
        return;
    };
    let source = words(&suite, "sweep.src");
    let mut samples = source.clone();
    samples.sort_unstable();
    suite.case("sweep.src", same(&samples, &(i16::MIN..=i16::MAX).collect()));
    for (coded, expanded, both, compress, table) in [
        (
            "sweep-r.a",
            "sweep-r.rea",
            "sweep-r.a-a",
            g711::compress_a as fn(i16) -> u8,
            &g711::A_LAW,
        ),
        (
            "sweep-r.u",
            "sweep-r.reu",
            "sweep-r.u-u",
            g711::compress_mu,
            &g711::MU_LAW,
        ),
    ] {
        let codes = words(&suite, coded);
        let ours: Vec<_> = source.iter().map(|sample| i16::from(compress(*sample))).collect();
        suite.case(coded, same(&ours, &codes));
        let ours: Vec<_> = codes.iter().map(|code| table[usize::from(*code as u8)]).collect();
        suite.case(expanded, same(&ours, &words(&suite, expanded)));
        let ours: Vec<_> = source
            .iter()
            .map(|sample| table[usize::from(compress(*sample))])
            .collect();
        suite.case(both, same(&ours, &words(&suite, both)));
    }
    suite.end();
}
