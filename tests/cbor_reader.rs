//! The CBOR reader: each way in which an input can be wrong, at its byte, and the walk over one that is right.

use ohp::cbor::{Error, ErrorKind, MAX_DEPTH, MAX_INPUT_LEN, Reader, Token, TokenOf, check, json};
use ohp::envelope::SHAPE;

/// The check has a loop of its own, which must not be more lenient than the reader's.
#[test]
fn check_takes_what_the_reader_takes_whatever_byte_is_changed() {
    let json = include_bytes!("../examples/envelopes/signed.json");
    let (mut scratch, mut out) = (
        vec![0; json::scratch_len(json.len())],
        vec![0; json::max_cbor_len(json.len())],
    );
    let cbor = json::to_cbor(json, SHAPE, &mut scratch, &mut out).expect("an envelope");
    let more = b"\x88\x18\x18\x39\x01\x00\xf9\x3c\x00\xfa\x47\xc3\x50\x00\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a\x63n\xc3\xa9\xa2\x60\xf6\x61a\xf5\x78\x18\
        twenty-four bytes or so.";
    assert!(check(more).is_ok());
    let mut taken = 0;
    for bytes in [cbor, &more[..]] {
        let mut bytes = bytes.to_vec();
        for at in 0..bytes.len() {
            for change in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
                bytes[at] ^= change;
                let mut reader = Reader::new(&bytes);
                let read = loop {
                    match reader.next_bytes() {
                        Ok(Some(_)) => {}
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                assert_eq!(check(&bytes), read, "{change:#x} at {at}");
                taken += usize::from(read.is_ok());
                bytes[at] ^= change;
            }
        }
    }
    assert!(taken > 1000, "{taken} changed inputs were canonical");
}

/// Each kind of error at its exact offset, and again on every further call.
#[test]
fn every_kind_of_error_is_found_at_its_byte() {
    use ErrorKind::*;
    let deep_arrays = [&[0x81; MAX_DEPTH][..], &[0x80]].concat();
    let deep_maps = [&b"\xa1\x60".repeat(MAX_DEPTH)[..], &[0xa0]].concat();
    let cases: &[(&[u8], ErrorKind, usize)] = &[
        (b"", Truncated, 0),
        (b"\x82\x01", Truncated, 0),
        (b"\x82\x82\x01", Truncated, 1),
        (b"\x82\x19\x01\x00", Truncated, 4),
        (b"\x81\x18", Truncated, 1),
        (b"\x19\x01", Truncated, 0),
        (b"\x1a\x01\x00\x00", Truncated, 0),
        (b"\x1b\x01\x00\x00\x00\x00\x00\x00", Truncated, 0),
        (b"\x81\x62a", Truncated, 1),
        (b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", Truncated, 0),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", Truncated, 0),
        (b"\x9a\xff\xff\xff\xff", Truncated, 0),
        (b"\xbb\x80\x00\x00\x00\x00\x00\x00\x00", Truncated, 0),
        (b"\xa1\x60", Truncated, 0),
        (b"\xa1\x61a", Truncated, 3),
        (b"\xa2\x60\x82\x00", Truncated, 0),
        (b"\xc0", Truncated, 1),
        (b"\x81\xf9\x3c", Truncated, 1),
        (b"\xfa\x3f\x80\x00", Truncated, 0),
        (b"\xfb\x3f\xb9\x99\x99\x99\x99\x99", Truncated, 0),
        (b"\x01\x01", TrailingBytes, 1),
        (b"\x80\xff", TrailingBytes, 1),
        (&deep_arrays, TooDeep, MAX_DEPTH),
        (&deep_maps, TooDeep, 2 * MAX_DEPTH),
        (b"\x81\x7f\x61a\xff", Indefinite, 1),
        (b"\x9f\xff", Indefinite, 0),
        (b"\xbf\xff", Indefinite, 0),
        (b"\xa1\x7f\x61a\xff\x01", Indefinite, 1),
        (b"\x81\xff", Indefinite, 1),
        (b"\x1c", Reserved, 0),
        (b"\x1f", Reserved, 0),
        (b"\x3e", Reserved, 0),
        (b"\x7d", Reserved, 0),
        (b"\x9c", Reserved, 0),
        (b"\xdf", Reserved, 0),
        (b"\x81\xfc", Reserved, 1),
        (b"\x18\x17", LongHead, 0),
        (b"\x81\x19\x00\xff", LongHead, 1),
        (b"\x1a\x00\x00\xff\xff", LongHead, 0),
        (b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff", LongHead, 0),
        (b"\x38\x00", LongHead, 0),
        (b"\x78\x01a", LongHead, 0),
        (b"\x98\x00", LongHead, 0),
        (b"\xb8\x00", LongHead, 0),
        (b"\xd8\x00\x60", LongHead, 0),
        (b"\x81\x40", ByteString, 1),
        (b"\x5f\xff", ByteString, 0),
        (b"\x62\xc3\x28", Utf8, 1),
        (b"\x64abc\xc3", Utf8, 4),
        (b"\x63\xed\xa0\x80", Utf8, 1),
        (b"\xa1\x63ab\xff\x01", Utf8, 4),
        (b"\xa1\x01\x02", KeyNotText, 1),
        (b"\xa1\xc0\x02", KeyNotText, 1),
        (b"\xa1\x41a\x02", KeyNotText, 1),
        (b"\xa2\x61b\x01\x61a\x02", KeyOrder, 4),
        (b"\xa2\x62aa\x01\x61b\x02", KeyOrder, 5),
        (b"\xa2\x61a\x01\x61a\x02", DuplicateKey, 4),
        (b"\xa2\x60\x01\x60\x02", DuplicateKey, 3),
        (b"\x81\xc1\x00", Tag, 1),
        (b"\xc2\x41\x00", Tag, 0),
        (b"\xd9\xd9\xf7\x00", Tag, 0),
        (b"\xc0\x01", TimeNotText, 1),
        (b"\xc0\xc0\x60", TimeNotText, 1),
        (b"\xc0\x60", TimeSyntax, 2),
        (b"\xc0\x742026-13-28T13:42:11Z", TimeSyntax, 7),
        (b"\xc0\x732026-05-28T13:42:11", TimeSyntax, 21),
        (b"\xf7", Simple, 0),
        (b"\xe0", Simple, 0),
        (b"\xf3", Simple, 0),
        (b"\x81\xf8\xff", Simple, 1),
        (b"\xf8\x18", Simple, 0),
        (b"\xf9\x7e\x00", FloatNotFinite, 0),
        (b"\xf9\x7c\x00", FloatNotFinite, 0),
        (b"\xfa\xff\x80\x00\x00", FloatNotFinite, 0),
        (b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01", FloatNotFinite, 0),
        (b"\x81\xfa\x3f\x80\x00\x00", LongFloat, 1),
        (b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00", LongFloat, 0),
        (b"\xfb\x40\xf0\x00\x00\x00\x00\x00\x00", LongFloat, 0),
    ];
    for (bytes, kind, offset) in cases {
        let error = Error::new(*kind, *offset);
        let mut reader = Reader::new(bytes);
        let first = loop {
            match reader.next() {
                Ok(token) => assert!(token.is_some(), "{bytes:02x?} was accepted"),
                Err(error) => break error,
            }
        };
        assert_eq!(first, error, "{bytes:02x?}");
        assert_eq!(reader.next(), Err(error), "{bytes:02x?}");
        assert_eq!(reader.skip(), Err(error), "{bytes:02x?}");
        assert_eq!(check(bytes), Err(error), "{bytes:02x?}");
        assert_eq!(
            Reader::new(bytes).skip().and_then(|_| check(bytes)),
            Err(error),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn input_longer_than_the_limit_is_refused_at_once() {
    let bytes = vec![0; MAX_INPUT_LEN + 1];
    assert_eq!(check(&bytes), Err(Error::new(ErrorKind::TooLarge, MAX_INPUT_LEN)));
    assert_eq!(check(&bytes[1..]), Err(Error::new(ErrorKind::TrailingBytes, 1)));
}

#[test]
fn offsets_bracket_each_member() {
    let bytes = b"\xa2\x61a\x82\x01\xa0\x62bc\xc0\x742026-05-28T13:42:11Z";
    let mut reader = Reader::new(bytes);
    let mut seen = Vec::new();
    loop {
        let start = reader.offset();
        let Some(token) = reader.next().unwrap() else { break };
        seen.push((start, reader.offset(), reader.depth(), token));
    }
    assert_eq!(
        seen,
        [
            (0, 1, 1, Token::Map(2)),
            (1, 3, 1, Token::Key("a")),
            (3, 4, 2, Token::Array(2)),
            (4, 5, 2, Token::Unsigned(1)),
            (5, 6, 3, Token::Map(0)),
            (6, 6, 2, Token::End),
            (6, 6, 1, Token::End),
            (6, 9, 1, Token::Key("bc")),
            (9, 31, 1, Token::Time("2026-05-28T13:42:11Z")),
            (31, 31, 0, Token::End),
        ]
    );
    assert_eq!(reader.next(), Ok(None));
}

#[test]
fn skip_steps_over_one_item_and_stops_at_ends() {
    let bytes = b"\xa2\x61a\x82\x01\xa0\x62bc\xf5";
    let mut reader = Reader::new(bytes);
    reader.next().unwrap();
    assert_eq!(reader.skip().unwrap().unwrap().as_text(), Some("a"));
    assert_eq!(reader.skip().unwrap().unwrap().bytes(), b"\x82\x01\xa0");
    assert_eq!(reader.next(), Ok(Some(Token::Key("bc"))));
    assert_eq!(reader.skip().unwrap().unwrap().as_bool(), Some(true));
    assert_eq!(reader.skip(), Ok(None));
    assert_eq!(reader.next(), Ok(Some(Token::End)));
    assert_eq!(reader.skip(), Ok(None));
    assert_eq!(reader.next(), Ok(None));
    assert_eq!(Reader::new(bytes).skip().unwrap().unwrap().bytes(), bytes);
    let mut trailing = Reader::new(b"\x00\x00");
    assert!(trailing.skip().unwrap().is_some());
    assert_eq!(trailing.skip(), Err(Error::new(ErrorKind::TrailingBytes, 1)));
}

#[test]
fn thirty_two_containers_may_be_open() {
    let arrays = [&[0x81; MAX_DEPTH - 1][..], &[0x80]].concat();
    assert_eq!(check(&arrays), Ok(()));
    let maps = [&b"\xa1\x60".repeat(MAX_DEPTH - 1)[..], &[0xa0]].concat();
    assert_eq!(check(&maps), Ok(()));
    let full = [&[0x81; MAX_DEPTH][..], &[0x01]].concat();
    assert_eq!(check(&full), Ok(()));
}

#[test]
fn tokens_with_bytes_are_the_tokens_with_strings() {
    let bytes = b"\xa3\x61a\x83\x18\xff\x38\xff\xf9\x3e\x00\x62\xc3\xa9\x78\x1aa text of 26 bytes, \xe2\x82\xac...\
        \x64time\xc0\x742026-05-28T13:42:11Z";
    let (mut strings, mut slices) = (Reader::new(bytes), Reader::new(bytes));
    loop {
        let (string, slice) = (strings.next().unwrap(), slices.next_bytes().unwrap());
        match (string, slice) {
            (Some(Token::Text(text)), Some(TokenOf::Text(bytes)))
            | (Some(Token::Key(text)), Some(TokenOf::Key(bytes)))
            | (Some(Token::Time(text)), Some(TokenOf::Time(bytes))) => assert_eq!(text.as_bytes(), bytes),
            (None, None) => break,
            (string, slice) => assert_eq!(format!("{string:?}"), format!("{slice:?}")),
        }
        assert_eq!(strings.offset(), slices.offset());
    }
}

#[test]
fn byte_that_is_no_utf8_is_found_at_every_place_in_a_text() {
    for len in 1..24usize {
        for at in 0..len {
            let mut bytes = vec![b'x'; 1 + len];
            bytes[0] = 0x60 + len as u8;
            bytes[1 + at] = 0x80;
            let error = Error::new(ErrorKind::Utf8, 1 + at);
            assert_eq!(check(&bytes), Err(error));
            assert_eq!(Reader::new(&bytes).next(), Err(error));
        }
    }
}
