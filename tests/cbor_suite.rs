//! Third-party CBOR vectors: RFC 8949 appendix A in two forms, the CBOR working group's good and bad inputs, the seeds
//! of fxamacker's fuzzer, and DAG-CBOR's fixtures.
//!
//! What these call valid is accepted if it is canonical and in the data model, with the value that the suite states.

mod suite;

use ohp::cbor::json::from_cbor;
use ohp::cbor::{Item, Token, Writer};

use suite::{Exception, Suite, from_hex, same, to_hex};

/// Examples of appendix A that both suites have, in hexadecimal.
const APPENDIX_A: &[Exception] = &[
    Exception {
        outcome: "ByteString",
        reason: "The data model is JSON's, which has no byte strings.",
        cases: &["40", "4401020304", "5f42010243030405ff"],
    },
    Exception {
        outcome: "Tag",
        reason: "The data model is JSON's; only date-times are tagged.",
        cases: &[
            "c249010000000000000000",
            "c349010000000000000000",
            "c11a514b67b0",
            "c1fb41d452d9ec200000",
            "d74401020304",
            "d818456449455446",
        ],
    },
    Exception {
        outcome: "FloatNotFinite",
        reason: "The data model is JSON's, which has neither NaN nor infinities.",
        cases: &[
            "f97c00",
            "f97e00",
            "f9fc00",
            "fa7f800000",
            "fa7fc00000",
            "faff800000",
            "fb7ff0000000000000",
            "fb7ff8000000000000",
            "fbfff0000000000000",
        ],
    },
    Exception {
        outcome: "Simple",
        reason: "The data model is JSON's: false, true and null.",
        cases: &["f7", "f0", "f8ff"],
    },
    Exception {
        outcome: "KeyNotText",
        reason: "The data model is JSON's, whose keys are texts.",
        cases: &["a201020304"],
    },
    Exception {
        outcome: "Indefinite",
        reason: "Canonical CBOR states every length.",
        cases: &[
            "7f657374726561646d696e67ff",
            "9fff",
            "9f018202039f0405ffff",
            "9f01820203820405ff",
            "83018202039f0405ff",
            "83019f0203ff820405",
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            "bf61610161629f0203ffff",
            "826161bf61626163ff",
            "bf6346756ef563416d7421ff",
        ],
    },
];

/// What the older form of the appendix has beyond that.
const APPENDIX_A_ONLY: &[Exception] = &[
    Exception {
        outcome: "Tag",
        reason: "The data model is JSON's; only date-times are tagged.",
        cases: &["d82076687474703a2f2f7777772e6578616d706c652e636f6d"],
    },
    Exception {
        outcome: "Simple",
        reason: "The data model is JSON's: false, true and null.",
        cases: &["f818"],
    },
];

/// What the working group's files have beyond that.
const WORKING_GROUP: &[Exception] = &[
    Exception {
        outcome: "Tag",
        reason: "The data model is JSON's; only date-times are tagged.",
        cases: &[
            "d82077687474703a2f2f7777772e6578616d706c652e636f6d2f",
            "c2491c0000000000000000",
            "c3491c0000000000000000",
            "c100",
            "c101",
            "c120",
        ],
    },
    Exception {
        outcome: "KeyNotText",
        reason: "The data model is JSON's, whose keys are texts.",
        cases: &["a1f9800080", "a100a100*", "a1a1a1a1*", "b81a8080*"],
    },
    Exception {
        outcome: "TooDeep",
        reason: "Nesting is bounded.",
        cases: &["81818181*"],
    },
    Exception {
        outcome: "LongHead",
        reason: "Canonical CBOR has the shortest heads.",
        cases: &[
            "1800",
            "3800",
            "190000",
            "390000",
            "1a00000000",
            "1a0000ffff",
            "1b0000000000000000",
            "1b000000000000ffff",
            "1b0000000000010000",
            "3b0000000000000000",
            "3b000000000000ffff",
            "3b0000000000010000",
        ],
    },
    Exception {
        outcome: "LongFloat",
        reason: "Canonical CBOR has the shortest floats.",
        cases: &["fa3f800000", "fabf800000", "fa00000000", "fa80000000"],
    },
];

/// Seeds, by file.
const FXAMACKER: &[Exception] = &[
    Exception {
        outcome: "ByteString",
        reason: "The data model is JSON's, which has no byte strings.",
        cases: &[
            "attestation_obj_u2f_1.cbor",
            "attestation_obj_u2f_2.cbor",
            "byte_string_0.cbor",
            "byte_string_1.cbor",
            "byte_string_2.cbor",
            "struct_toarray_0.cbor",
        ],
    },
    Exception {
        outcome: "Tag",
        reason: "The data model is JSON's; only date-times are tagged.",
        cases: &[
            "cose_0.cbor",
            "cose_1.cbor",
            "cose_10.cbor",
            "cose_11.cbor",
            "cose_12.cbor",
            "cose_13.cbor",
            "cose_14.cbor",
            "cose_15.cbor",
            "cose_16.cbor",
            "cose_2.cbor",
            "cose_3.cbor",
            "cose_4.cbor",
            "cose_5.cbor",
            "cose_6.cbor",
            "cose_7.cbor",
            "cose_8.cbor",
            "cose_9.cbor",
            "cwt_encrypted_0.cbor",
            "cwt_maced_0.cbor",
            "cwt_maced_1.cbor",
            "cwt_nested_0.cbor",
            "cwt_signed_0.cbor",
            "tag_1.cbor",
            "tag_2.cbor",
            "tag_3.cbor",
            "tag_4.cbor",
            "tag_5.cbor",
            "tag_6.cbor",
            "tag_7.cbor",
        ],
    },
    Exception {
        outcome: "FloatNotFinite",
        reason: "The data model is JSON's, which has neither NaN nor infinities.",
        cases: &[
            "float16_10.cbor",
            "float16_8.cbor",
            "float16_9.cbor",
            "float32_2.cbor",
            "float32_3.cbor",
            "float32_4.cbor",
            "float64_3.cbor",
            "float64_4.cbor",
            "float64_5.cbor",
        ],
    },
    Exception {
        outcome: "Simple",
        reason: "The data model is JSON's: false, true and null.",
        cases: &["primitives_3.cbor", "primitives_5.cbor", "primitives_6.cbor"],
    },
    Exception {
        outcome: "KeyNotText",
        reason: "The data model is JSON's, whose keys are texts.",
        cases: &[
            "cwt_claims_0.cbor",
            "cwt_cose_0.cbor",
            "cwt_cose_1.cbor",
            "cwt_cose_2.cbor",
            "map_1.cbor",
            "struct_keyasint_0.cbor",
        ],
    },
    Exception {
        outcome: "Indefinite",
        reason: "Canonical CBOR states every length.",
        cases: &[
            "array_11.cbor",
            "array_3.cbor",
            "array_4.cbor",
            "array_6.cbor",
            "array_7.cbor",
            "array_8.cbor",
            "array_9.cbor",
            "map_4.cbor",
            "map_5.cbor",
            "text_string_7.cbor",
        ],
    },
    Exception {
        outcome: "KeyOrder",
        reason: "Canonical CBOR sorts the keys; this seed has them in the order of a Go struct.",
        cases: &["struct_0.cbor"],
    },
];

/// Fixtures, by file.
const DAG_CBOR: &[Exception] = &[
    Exception {
        outcome: "ByteString",
        reason: "The data model is JSON's, which has no byte strings.",
        cases: &[
            "_fixtures_src/array-mixed.dag-cbor",
            "_fixtures_src/bytes-a1.dag-cbor",
            "_fixtures_src/bytes-empty.dag-cbor",
            "_fixtures_src/bytes-long-8bit.dag-cbor",
            "_fixtures_src/garbage-00.dag-cbor",
            "_fixtures_src/garbage-01.dag-cbor",
            "_fixtures_src/garbage-04.dag-cbor",
            "_fixtures_src/garbage-05.dag-cbor",
            "_fixtures_src/garbage-07.dag-cbor",
            "_fixtures_src/garbage-08.dag-cbor",
            "_fixtures_src/garbage-10.dag-cbor",
            "_fixtures_src/garbage-11.dag-cbor",
            "_fixtures_src/garbage-12.dag-cbor",
            "_fixtures_src/garbage-13.dag-cbor",
            "_fixtures_src/garbage-15.dag-cbor",
            "_fixtures_src/garbage-17.dag-cbor",
            "_fixtures_src/garbage-18.dag-cbor",
            "_fixtures_src/garbage-19.dag-cbor",
            "_fixtures_src/garbage-20.dag-cbor",
            "_fixtures_src/garbage-22.dag-cbor",
            "_fixtures_src/ipns.dag-cbor",
            "_fixtures_src/map-with_complex_entries.dag-cbor",
        ],
    },
    Exception {
        outcome: "Tag",
        reason: "The data model is JSON's; only date-times are tagged.",
        cases: &[
            "_fixtures_src/cid-QmQg1v4o9xdT3Q14wh4S7dxZkDjyZ9ssFzFzyep1YrVJBY.dag-cbor",
            "_fixtures_src/cid-QmRgutAxd8t7oGkSm4wmeuByG6M51wcTso6cubDdQtuEfL.dag-cbor",
            "_fixtures_src/cid-QmXg9Pp2ytZ14xgmQjYEiHjVjMFXzCVVEcRTWJBmLgR39V.dag-cbor",
            "_fixtures_src/cid-arrayof.dag-cbor",
            "_fixtures_src/cid-bafkqabiaaebagba.dag-cbor",
            "_fixtures_src/cid-bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4.dag-cbor",
            "_fixtures_src/cid-bafkreifw7plhl6mofk6sfvhnfh64qmkq73oeqwl6sloru6rehaoujituke.dag-cbor",
            "_fixtures_src/cid-bafyreidj5idub6mapiupjwjsyyxhyhedxycv4vihfsicm2vt46o7morwlm.dag-cbor",
            "_fixtures_src/cid-bafyreiejkvsvdq4smz44yuwhfymcuvqzavveoj2at3utujwqlllspsqr6q.dag-cbor",
            "_fixtures_src/cid-bagcqcera73rupyla6bauseyk75rslfys3st25spm75ykhvgusqvv2zfqtucq.dag-cbor",
            "_fixtures_src/cid-bagyacvradn6dsgl6sw2jwoh7s3d37hq5wsu7g22wtdwnmaaaaaaaaaaaaaaa.dag-cbor",
            "_fixtures_src/cid-bagyqcvraypzcitp3hsbtyyxhfyc3p7i3226lullm2rkzqsqqlhnxus7tqnea.dag-cbor",
            "_fixtures_src/cid-bahaacvrabdhd3fzrwaambazyivoiustl2bo2c3rgweo2ug4rogcoz2apaqaa.dag-cbor",
            "_fixtures_src/cid-bahaacvrasyauh7rmlyrmyc7qzvktjv7x6q2h6ttvei6qon43tl3riaaaaaaa.dag-cbor",
            "_fixtures_src/cid-mapof.dag-cbor",
            "_fixtures_src/cid-z8mWaJ1dZ9fH5EetPuRsj8jj26pXsgpsr.dag-cbor",
            "_fixtures_src/cid-zdj7Wd8AMwqnhJGQCbFxBVodGSBG84TM7Hs1rcJuQMwTyfEDS.dag-cbor",
            "_fixtures_src/cid-zdpuAtX7ZibcWdSKQwiDCkPjWwRvtcKCPku9H7LhgA4qJW4Wk.dag-cbor",
            "_fixtures_src/garbage-02.dag-cbor",
            "_fixtures_src/garbage-03.dag-cbor",
            "_fixtures_src/garbage-06.dag-cbor",
            "_fixtures_src/garbage-09.dag-cbor",
            "_fixtures_src/garbage-14.dag-cbor",
            "_fixtures_src/garbage-16.dag-cbor",
            "_fixtures_src/garbage-24.dag-cbor",
        ],
    },
];

/// What `Item::parse` makes of bytes that a suite calls valid: an item that comes out the same when it is written.
fn read(bytes: &[u8]) -> Result<Item<'_>, String> {
    let item = Item::parse(bytes).map_err(|error| format!("{:?}", error.kind))?;
    let mut out = vec![0; bytes.len()];
    let mut writer = Writer::new(&mut out);
    let mut reader = item.reader();
    while let Some(token) = reader.next().expect("checked") {
        match token {
            Token::Unsigned(value) => writer.unsigned(value),
            Token::Negative(n) => writer.negative(n),
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
    }
    assert_eq!(to_hex(writer.written()), to_hex(bytes), "written again");
    Ok(item)
}

fn to_json(item: Item<'_>) -> serde_json::Value {
    let mut json = String::new();
    from_cbor(item, &mut json, false).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn appendix_a_is_accepted_where_it_is_canonical() {
    let Some(mut suite) = Suite::open("cbor-appendix-a", &[APPENDIX_A, APPENDIX_A_ONLY]) else {
        return;
    };
    for case in suite.json("appendix_a.json").as_array().unwrap() {
        let hex = case["hex"].as_str().unwrap();
        let bytes = from_hex(hex);
        let outcome = read(&bytes).and_then(|item| {
            assert_eq!(case["roundtrip"], true, "{case}");
            // The one accepted value that JSON cannot hold is a date-time.
            match case.get("decoded") {
                Some(decoded) => same(&to_json(item), decoded),
                None => same(
                    &format!("0({})", to_json(item)).as_str(),
                    &case["diagnostic"].as_str().unwrap(),
                ),
            }
        });
        suite.case(hex, outcome);
    }
    suite.end();
}

#[test]
fn working_group_vectors_are_accepted_where_they_are_canonical() {
    let Some(mut suite) = Suite::open("cbor-wg-rfc8949", &[APPENDIX_A, WORKING_GROUP]) else {
        return;
    };
    for (name, file) in suite.files(&[".edn"]) {
        // Each test has a line `"encoded": h'…',`.
        let inputs = std::str::from_utf8(&file)
            .unwrap()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("\"encoded\": h'")?.split('\'').next());
        for input in inputs {
            let bytes = from_hex(input);
            match read(&bytes) {
                _ if name != "rfc8949/bad.edn" => suite.case(&to_hex(&bytes), read(&bytes).map(drop)),
                Ok(item) => suite.case(&format!("bad {input}"), Err(format!("{item:?}"))),
                Err(_) => suite.case(&format!("bad {input}"), Ok(())),
            }
        }
    }
    suite.end();
}

#[test]
fn seeds_of_a_fuzzer_are_accepted_where_they_are_canonical() {
    let Some(mut suite) = Suite::open("cbor-fxamacker-corpus", &[FXAMACKER]) else {
        return;
    };
    for (name, bytes) in suite.files(&[".cbor"]) {
        suite.case(&name, read(&bytes).map(drop));
    }
    suite.end();
}

/// The value that a fixture's name states, where it does: `int--3`, `float-0.5`, `string-a`, `true`.
fn stated(name: &str) -> Option<serde_json::Value> {
    let name = name.strip_prefix("_fixtures_src/")?.strip_suffix(".dag-cbor")?;
    let number = name.strip_prefix("int-").or_else(|| name.strip_prefix("float-"));
    match name {
        "true" | "false" | "null" | "float-array_of_specials" => serde_json::from_str(name).ok(),
        "string-empty" => Some("".into()),
        "string-long-8bit" => None,
        _ => match number {
            Some(number) => Some(serde_json::from_str(number).unwrap()),
            None => name.strip_prefix("string-").map(Into::into),
        },
    }
}

#[test]
fn dag_cbor_is_accepted_where_it_is_in_the_data_model() {
    let Some(mut suite) = Suite::open("ipld-dagcbor", &[DAG_CBOR]) else {
        return;
    };
    for (name, bytes) in suite.files(&[".dag-cbor"]) {
        let outcome = read(&bytes).and_then(|item| match stated(&name) {
            Some(value) => same(&to_json(item), &value),
            None => Ok(()),
        });
        suite.case(&name, outcome);
    }
    for format in ["cbor", "json"] {
        let name = format!("negative-fixtures/dag-{format}/decode/duplicate-keys.json");
        let cases = suite.json(&name);
        assert_eq!(cases.as_array().map(Vec::len), Some(1));
        let bytes = from_hex(cases[0]["hex"].as_str().unwrap());
        let refused = match format {
            "cbor" => Item::parse(&bytes)
                .map(drop)
                .map_err(|error| format!("{:?}", error.kind)),
            _ => suite::encode_json(&bytes).map(drop).map_err(|kind| format!("{kind:?}")),
        };
        suite.case(&name, same(&refused.err().as_deref(), &Some("DuplicateKey")));
    }
    suite.end();
}
