//! Row 23 of the interpretations: the parameters of a chunk's Content-Type.

use ohp::id::EnvelopeId;
use ohp::transport::content_type::{BOUNDARY_MAX, ChunkPlace, ErrorKind, PARAMETERS_MAX};
use ohp::transport::{Boundary, ContentType, MediaType};
use proptest::prelude::*;

use super::fixtures::{ID, id};

fn parse(text: &str) -> ContentType {
    ContentType::parse(text).expect(text)
}

fn kind(text: &str) -> (ErrorKind, usize) {
    let error = ContentType::parse(text).expect_err(text);
    (error.kind, error.offset)
}

#[test]
fn the_protocols_own_example_is_read() {
    let read = parse("multipart/ohp; boundary=ohp-chunk-7a91, total-chunks=3, chunk=1");
    assert_eq!(read.media, MediaType::Chunk);
    assert_eq!(read.boundary.as_ref().map(Boundary::as_str), Some("ohp-chunk-7a91"));
    assert_eq!((read.total, read.chunk, read.id), (Some(3), Some(1), None));
}

#[test]
fn row_23_every_spelling_of_the_same_parameters_is_the_same() {
    let canonical = parse(&format!(
        "multipart/ohp; boundary=b_1; total-chunks=64; chunk=3; id={ID}"
    ));
    assert_eq!(canonical.id, Some(id()));
    for text in [
        format!("MULTIPART/OHP;BOUNDARY=b_1;Total-Chunks=64;CHUNK=3;Id={ID}"),
        format!("multipart/ohp, boundary=\"b_1\", total-chunks=\"64\", chunk=\"3\", id=\"{ID}\""),
        format!(" multipart / ohp ; id = {ID} ; chunk = 3 , total-chunks = 064 ; boundary = \"b\\_\\1\" ; "),
        format!("multipart/ohp;\r\n boundary=b_1;\r\n\ttotal-chunks=64;;chunk=3;id={ID};"),
        format!("multipart/ohp; x=y; boundary=b_1; total-chunks=64; chunk=3; id={ID}; charset=\"u;t,f=8\""),
    ] {
        assert_eq!(parse(&text), canonical, "{text}");
    }
}

#[test]
fn row_23_a_repeated_parameter_is_refused_whatever_its_spelling() {
    assert_eq!(kind("multipart/ohp; chunk=1; chunk=1"), (ErrorKind::Repeated, 24));
    assert_eq!(
        kind("multipart/ohp; Boundary=a; x=y, boundary=\"a\"").0,
        ErrorKind::Repeated
    );
    assert_eq!(kind("application/ohp+cbor; q=1; Q=2").0, ErrorKind::Repeated);
}

#[test]
fn malformed_parameters_are_refused_at_their_place() {
    for (text, expected) in [
        ("", (ErrorKind::MediaType, 0)),
        ("multipart", (ErrorKind::MediaType, 0)),
        ("/ohp", (ErrorKind::MediaType, 0)),
        ("multipart/ohp chunk=1", (ErrorKind::Parameter, 14)),
        ("multipart/ohp; chunk", (ErrorKind::Parameter, 15)),
        ("multipart/ohp; chunk=", (ErrorKind::Parameter, 15)),
        ("multipart/ohp; =1", (ErrorKind::Parameter, 15)),
        ("multipart/ohp; boundary=\"a", (ErrorKind::Parameter, 15)),
        ("multipart/ohp; boundary=\"a\\\"", (ErrorKind::Parameter, 15)),
        ("multipart/ohp; chunk=1 total-chunks=2", (ErrorKind::Parameter, 23)),
        ("application/ohp+cbor, application/sdp", (ErrorKind::Parameter, 22)),
        ("multipart/ohp; chunk=-1", (ErrorKind::Number, 15)),
        ("multipart/ohp; chunk=\"\"", (ErrorKind::Number, 15)),
        ("multipart/ohp; chunk=1x", (ErrorKind::Number, 15)),
        ("multipart/ohp; chunk=4294967296", (ErrorKind::Number, 15)),
        ("multipart/ohp; chunk=\"٣\"", (ErrorKind::Number, 15)),
        ("multipart/ohp; boundary=\"\"", (ErrorKind::Boundary, 15)),
        ("multipart/ohp; boundary=\"a \"", (ErrorKind::Boundary, 15)),
        ("multipart/ohp; boundary=\"a\\\"b\"", (ErrorKind::Boundary, 15)),
        ("multipart/ohp; boundary=\"é\"", (ErrorKind::Boundary, 15)),
        ("multipart/ohp; id=7", (ErrorKind::Id, 15)),
        ("multipart/ohp; id=cse_01HZX0R5N9V8W1QYK0XQM3R3K99", (ErrorKind::Id, 15)),
        ("multipart/ohp; id=cse_01hzx0r5n9v8w1qyk0xqm3r3k9", (ErrorKind::Id, 15)),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    let longest = "b".repeat(BOUNDARY_MAX);
    assert!(ContentType::parse(&format!("multipart/ohp; boundary={longest}")).is_ok());
    assert_eq!(
        kind(&format!("multipart/ohp; boundary={longest}b")).0,
        ErrorKind::Boundary
    );
}

#[test]
fn parameters_are_counted() {
    let many = |count| (0..count).fold("application/ohp+json".to_owned(), |text, n| format!("{text}; p{n}=v"));
    assert!(ContentType::parse(&many(PARAMETERS_MAX)).is_ok());
    assert_eq!(kind(&many(PARAMETERS_MAX + 1)).0, ErrorKind::TooMany);
}

#[test]
fn another_media_types_parameters_are_not_judged() {
    for text in [
        "application/sdp",
        "text/plain; chunk=x; chunk=x",
        "multipart/mixed; boundary=\"",
        "a/b c",
    ] {
        assert_eq!(parse(text).media, MediaType::Other, "{text}");
        assert_eq!(MediaType::of(text), MediaType::Other, "{text}");
    }
    for (text, media) in [
        ("application/ohp+cbor", MediaType::Cbor),
        ("application/ohp+json", MediaType::Json),
        ("application/json", MediaType::PlainJson),
        ("multipart/ohp", MediaType::Chunk),
    ] {
        assert_eq!(
            (parse(text).media, MediaType::of(text), media.as_str()),
            (media, media, text)
        );
    }
}

#[test]
fn a_place_inside_a_chunk_is_read_like_a_parameter_list() {
    let place = |chunk, total, id| ChunkPlace { chunk, total, id };
    assert_eq!(ChunkPlace::parse(&format!("2/3; id={ID}")), Ok(place(2, 3, Some(id()))));
    assert_eq!(
        ChunkPlace::parse(&format!("2 / 3 , ID = \"{ID}\"")),
        Ok(place(2, 3, Some(id())))
    );
    assert_eq!(ChunkPlace::parse("0/0"), Ok(place(0, 0, None)));
    for (text, kind) in [
        ("", ErrorKind::Number),
        ("2", ErrorKind::Number),
        ("2/", ErrorKind::Number),
        ("2/99999999999", ErrorKind::Number),
        ("2/3 4", ErrorKind::Parameter),
        ("2/3; id=x", ErrorKind::Id),
        ("2/3; x=1; x=2", ErrorKind::Repeated),
    ] {
        assert_eq!(ChunkPlace::parse(text).map_err(|error| error.kind), Err(kind), "{text}");
    }
}

/// One parameter, spelled at random.
fn spelled(name: &'static str, value: String) -> impl Strategy<Value = String> {
    let blank = || prop::sample::select(vec!["", " ", "\t", "\r\n ", "  "]);
    let cases = prop::collection::vec(any::<bool>(), name.len());
    let quoting = prop::option::of(prop::collection::vec(any::<bool>(), value.chars().count()));
    (cases, quoting, blank(), blank(), blank()).prop_map(move |(cases, quoting, before, after, end)| {
        let flip = |(c, upper): (char, bool)| if upper { c.to_ascii_uppercase() } else { c };
        let name: String = name.chars().zip(cases).map(flip).collect();
        let value = match quoting {
            None => value.clone(),
            Some(escapes) => {
                let escape = |(c, escaped): (char, bool)| if escaped { format!("\\{c}") } else { c.to_string() };
                format!("\"{}\"", value.chars().zip(escapes).map(escape).collect::<String>())
            }
        };
        format!("{name}{before}={after}{value}{end}")
    })
}

fn any_id() -> impl Strategy<Value = String> {
    "cse_[0-9A-HJKMNP-TV-Z]{26}"
}

proptest! {
    #[test]
    fn what_is_written_in_any_spelling_is_read_back(
        (expected, text) in ("[0-9A-Za-z'+_./:=?-]{1,70}", any::<u32>(), any::<u32>(), any_id()).prop_flat_map(
            |(boundary, total, chunk, id)| {
                let expected = ContentType {
                    media: MediaType::Chunk,
                    boundary: Boundary::new(boundary.chars()),
                    total: Some(total),
                    chunk: Some(chunk),
                    id: EnvelopeId::parse(&id),
                };
                let parameters = (
                    spelled("boundary", boundary),
                    spelled("total-chunks", total.to_string()),
                    spelled("chunk", chunk.to_string()),
                    spelled("id", id),
                    spelled("x-unknown", "anything".to_owned()),
                );
                let ordered = parameters.prop_map(|(a, b, c, d, e)| vec![a, b, c, d, e]).prop_shuffle();
                let separators = prop::collection::vec(prop::sample::select(vec![";", ",", "; ", " ,\r\n\t", ";;"]), 5);
                (ordered, separators).prop_map(move |(ordered, separators)| {
                    let rest: String = separators.iter().zip(&ordered).map(|(s, p)| format!("{s}{p}")).collect();
                    (expected, format!("Multipart/OHP{rest}"))
                })
            },
        )
    ) {
        prop_assert_eq!(ContentType::parse(&text), Ok(expected));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,60}", tail in "[;,=\"\\\\ a-z0-9/]{0,60}") {
        let _ = ContentType::parse(&text);
        let _ = ContentType::parse(&format!("multipart/ohp{tail}"));
        let _ = ContentType::parse(&format!("multipart/ohp;{text}{tail}"));
        let _ = ChunkPlace::parse(&format!("1/2{tail}{text}"));
        let _ = MediaType::of(&text);
    }
}
