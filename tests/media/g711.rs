//! G.711 against the sweep of ITU-T's Software Tool Library (G.191).

use ohp::media::g711;

fn words(name: &str) -> Option<Vec<i16>> {
    let bytes = std::fs::read(crate::vectors("g711-itu-stl")?.join(name)).expect("the vector can be read");
    Some(
        bytes
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    )
}

#[test]
fn row_35_expansion_and_compression_are_those_of_the_itu_tools_for_all_65536_samples() {
    let Some(source) = words("sweep.src") else { return };
    let read = |name| words(name).expect("the folder is there");
    for (coded, expanded, compress, table) in [
        (
            "sweep-r.a",
            "sweep-r.rea",
            g711::compress_a as fn(i16) -> u8,
            &g711::A_LAW,
        ),
        ("sweep-r.u", "sweep-r.reu", g711::compress_mu, &g711::MU_LAW),
    ] {
        let (coded, expanded) = (read(coded), read(expanded));
        assert_eq!((source.len(), coded.len(), expanded.len()), (65536, 65536, 65536));
        for ((sample, code), value) in source.iter().zip(&coded).zip(&expanded) {
            assert_eq!(i16::from(compress(*sample)), *code, "compressing {sample}");
            assert_eq!(table[usize::from(*code as u8)], *value, "expanding {code:#04x}");
        }
    }
}
