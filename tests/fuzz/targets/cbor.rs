//! The CBOR reader and the views over what it has proven. Nothing allocates; the ways of reading agree; and whatever is
//! read is written again as the same bytes, since one value has one encoding.

#![no_main]

use ohp::cbor::{Item, Reader, Token, Writer, check};
use ohp_fuzz::tree::Node;
use ohp_fuzz::{Seeds, seeds, target, without_heap};

target!(seeds: write_seeds, |data| {
    let checked = without_heap(|| check(data));
    let mut buffer = vec![0; data.len()];
    let walked = without_heap(|| {
        let mut reader = Reader::new(data);
        let mut writer = Writer::new(&mut buffer);
        loop {
            let before = reader.offset();
            let token = match reader.next() {
                Ok(Some(token)) => token,
                Ok(None) => return Ok(writer.len()),
                Err(error) => {
                    assert_eq!(reader.next(), Err(error), "an error stays");
                    assert!(error.offset <= data.len());
                    return Err(error);
                }
            };
            assert!(reader.offset() >= before && reader.offset() <= data.len());
            match token {
                Token::Unsigned(value) => writer.unsigned(value),
                Token::Negative(value) => writer.negative(value),
                Token::Float(value) => writer.float(value),
                Token::Text(text) | Token::Key(text) => writer.text(text),
                Token::Time(text) => writer.time(text),
                Token::Bool(value) => writer.bool(value),
                Token::Null => writer.null(),
                Token::Array(len) => writer.array(len as usize),
                Token::Map(len) => writer.map(len as usize),
                Token::End => Ok(()),
            }
            .expect("what was read can be written");
            assert_eq!(writer.len(), reader.offset());
        }
    });
    assert_eq!(walked.map(|_| ()), checked);
    if let Ok(len) = walked {
        assert_eq!(&buffer[..len], data);
    }
    let skipped = without_heap(|| Reader::new(data).skip().map(|item| item.map(Item::bytes)));
    let parsed = without_heap(|| Item::parse(data));
    assert_eq!(parsed.map(Item::bytes), checked.map(|()| data));
    let Ok(item) = parsed else { return };
    assert_eq!(skipped, Ok(Some(data)));
    without_heap(|| {
        if let Some(map) = item.map() {
            assert_eq!(map.iter().count(), map.len());
            for (key, value) in map {
                assert_eq!(map.get(key).map(Item::bytes), Some(value.bytes()));
            }
        }
        if let Some(array) = item.array() {
            assert_eq!(array.iter().count(), array.len());
            assert!(array.get(array.len()).is_none());
        }
    });
    assert_eq!(Node::of(item).to_cbor(), data);
});

fn write_seeds(seeds: &mut Seeds) {
    seeds::envelopes().iter().for_each(|cbor| seeds.add(cbor));
    for folder in [
        "vectors/cbor-fxamacker-corpus",
        "vectors/cbor-wg-rfc8949",
        "vectors/ipld-dagcbor",
    ] {
        seeds.add_shared(folder, &[], 4096, &[]);
    }
    for bytes in [
        &b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xf9\x3c\x01",
        b"\xfa\x47\xc3\x50\x01",
        b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a",
        b"\xc0\x742026-05-28T13:42:11Z",
        b"\xa2\x61a\x01\x61b\x82\xf4\xf6",
    ] {
        seeds.add(bytes);
    }
}
