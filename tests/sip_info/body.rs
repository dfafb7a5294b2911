//! Rows 7 and 21 of the interpretations: the forms of a body, and the limits that hold before anything is inflated.

use std::io::Write;
use std::process::{Command, Stdio};

use ohp::envelope::SHAPE;
use ohp::transport::body::{self, Declared, Encoding, ErrorKind, Form, Syntax};
use ohp::transport::inflate::{self, Wrapper};
use ohp::transport::{ENVELOPE_MAX, MediaType, SipStatus, WIRE_MAX, base64 as text};

use super::fixtures::skip::skip;
use super::fixtures::{Random, base64, envelopes, noise, raw, zlib};

const JSON: &[u8] =
    br#"{"ohp":"0.1","id":"cse_01HZX0R5N9V8W1QYK0XQM3R3K9","control":{"verb":"PROPOSE","nonce":"9f8e7d6c5b4a3928"}}"#;

fn decode_as(bytes: &[u8], declared: Declared) -> Result<(Vec<u8>, Form), ErrorKind> {
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    body::decode(bytes, declared, SHAPE, &mut scratch, &mut out)
        .map(|decoded| (decoded.cbor.to_vec(), decoded.form))
        .map_err(|error| error.kind)
}

fn decode(bytes: &[u8]) -> Result<(Vec<u8>, Form), ErrorKind> {
    decode_as(bytes, Declared::default())
}

const DEFLATE: Declared = Declared {
    media: None,
    encoding: Encoding::Deflate,
};

fn form(syntax: Syntax, deflated: bool, text: bool) -> Form {
    Form { syntax, deflated, text }
}

fn url_safe(text: &[u8]) -> Vec<u8> {
    let swap = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        byte => *byte,
    };
    text.iter().filter(|byte| **byte != b'=').map(swap).collect()
}

fn in_lines(text: &[u8], len: usize, line_end: &str) -> Vec<u8> {
    text.chunks(len)
        .flat_map(|line| [line, line_end.as_bytes()].concat())
        .collect()
}

#[test]
fn row_21_every_official_envelope_comes_out_of_every_form() {
    for envelope in envelopes() {
        let (name, cbor, json) = (&envelope.name, &envelope.cbor, &envelope.json);
        for (source, syntax) in [(cbor, Syntax::Cbor), (json, Syntax::Json)] {
            let forms = [
                (source.clone(), form(syntax, false, false)),
                (zlib(source), form(syntax, true, false)),
                (base64(source), form(syntax, false, true)),
                (url_safe(&base64(source)), form(syntax, false, true)),
                (in_lines(&base64(source), 64, "\r\n"), form(syntax, false, true)),
                (in_lines(&base64(source), 76, "\n"), form(syntax, false, true)),
                (base64(&zlib(source)), form(syntax, true, true)),
                (url_safe(&base64(&zlib(source))), form(syntax, true, true)),
            ];
            for (bytes, form) in forms {
                assert_eq!(decode(&bytes), Ok((cbor.clone(), form)), "{name} {form:?}");
                let declared = if form.deflated {
                    Encoding::Deflate
                } else {
                    Encoding::Identity
                };
                let media = if syntax == Syntax::Cbor {
                    MediaType::Cbor
                } else {
                    MediaType::Json
                };
                let declared = Declared {
                    media: Some(media),
                    encoding: declared,
                };
                assert_eq!(decode_as(&bytes, declared), Ok((cbor.clone(), form)), "{name} {form:?}");
            }
        }
    }
}

#[test]
fn row_21_raw_deflate_is_read_under_its_header_only() {
    let cbor = decode(JSON).expect("JSON").0;
    for (source, syntax) in [(cbor.as_slice(), Syntax::Cbor), (JSON, Syntax::Json)] {
        let raw = raw(&zlib(source));
        assert_eq!(decode_as(&raw, DEFLATE), Ok((cbor.clone(), form(syntax, true, false))));
        assert_eq!(
            decode_as(&base64(&raw), DEFLATE),
            Ok((cbor.clone(), form(syntax, true, true)))
        );
        for body in [raw.clone(), base64(&raw)] {
            // Its first byte may be that of a CBOR map by chance, which the envelope's reader then refuses.
            let undeclared = decode(&body).ok();
            assert!(undeclared.is_none_or(|(cbor, _)| ohp::cbor::check(&cbor).is_err()));
        }
    }
}

#[test]
fn text_inside_a_deflated_body_is_read_under_the_header() {
    let cbor = decode(JSON).expect("JSON").0;
    for source in [cbor.as_slice(), JSON] {
        for body in [zlib(&base64(source)), raw(&zlib(&base64(source)))] {
            assert_eq!(decode_as(&body, DEFLATE).expect("decoded").0, cbor);
        }
    }
}

#[test]
fn cbor_that_came_as_it_is_is_not_copied() {
    let cbor = decode(JSON).expect("JSON").0;
    let (mut scratch, mut out) = (vec![0; body::SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let decoded = body::decode(&cbor, Declared::default(), SHAPE, &mut scratch, &mut out).expect("decoded");
    assert_eq!(decoded.cbor.as_ptr(), cbor.as_ptr());
}

#[test]
fn short_maps_are_read_as_base64_too() {
    for entries in 0..=0x18_u8 {
        let mut cbor = vec![0xA0 + entries];
        if entries == 0x18 {
            cbor.push(24);
        }
        cbor.extend_from_slice(b"body");
        assert_eq!(
            decode(&base64(&cbor)),
            Ok((cbor, form(Syntax::Cbor, false, true))),
            "{entries}"
        );
    }
}

#[test]
fn row_21_a_first_byte_of_no_form_is_refused() {
    for first in 0..=255_u8 {
        let known = matches!(first, 0xA0..=0xB8 | b'{' | 0x78 | b'o'..=b'u' | b'e');
        let decoded = decode(&[first, b'!']);
        assert_eq!(decoded == Err(ErrorKind::Form), !known, "{first:#04x}");
        assert_eq!(decoded.is_ok(), (0xA0..=0xB8).contains(&first), "{first:#04x}");
    }
    assert_eq!(decode(b""), Err(ErrorKind::Empty));
    assert_eq!(decode_as(b"", DEFLATE), Err(ErrorKind::Empty));
}

#[test]
fn row_21_a_header_that_says_otherwise_than_the_body_is_an_error() {
    let cbor = decode(JSON).expect("JSON").0;
    let said = |media, encoding| Declared { media, encoding };
    let cases = [
        (
            cbor.clone(),
            said(Some(MediaType::Json), Encoding::Unsaid),
            ErrorKind::MediaType,
        ),
        (
            cbor.clone(),
            said(Some(MediaType::PlainJson), Encoding::Unsaid),
            ErrorKind::MediaType,
        ),
        (
            JSON.to_vec(),
            said(Some(MediaType::Cbor), Encoding::Unsaid),
            ErrorKind::MediaType,
        ),
        (
            base64(JSON),
            said(Some(MediaType::Cbor), Encoding::Unsaid),
            ErrorKind::MediaType,
        ),
        (
            zlib(&cbor),
            said(Some(MediaType::Json), Encoding::Unsaid),
            ErrorKind::MediaType,
        ),
        (cbor.clone(), said(None, Encoding::Deflate), ErrorKind::Encoding),
        (JSON.to_vec(), said(None, Encoding::Deflate), ErrorKind::Encoding),
        (base64(&cbor), said(None, Encoding::Deflate), ErrorKind::Encoding),
        (zlib(&cbor), said(None, Encoding::Identity), ErrorKind::Encoding),
        (
            base64(&zlib(&cbor)),
            said(None, Encoding::Identity),
            ErrorKind::Encoding,
        ),
    ];
    for (body, declared, kind) in cases {
        assert_eq!(decode_as(&body, declared), Err(kind), "{declared:?}");
        assert_eq!(kind.status(), SipStatus::BadRequest);
    }
}

#[test]
fn one_layer_of_a_kind_is_taken_off_and_no_second() {
    let cbor = decode(JSON).expect("JSON").0;
    assert_eq!(decode(&zlib(&zlib(&cbor))), Err(ErrorKind::Nested));
    assert_eq!(decode(&base64(&base64(&cbor))), Err(ErrorKind::Form));
    assert_eq!(decode(&base64(&zlib(&zlib(&cbor)))), Err(ErrorKind::Nested));
    assert_eq!(decode_as(&zlib(&zlib(&cbor)), DEFLATE), Err(ErrorKind::Nested));
}

#[test]
fn row_7_sizes_are_checked_before_and_while_inflating() {
    let largest = vec![0xA0; ENVELOPE_MAX];
    let larger = vec![0xA0; ENVELOPE_MAX + 1];
    assert!(decode(&largest).is_ok());
    assert!(decode(&zlib(&largest)).is_ok());
    assert!(decode(&in_lines(&base64(&largest), 64, "\r\n")).is_ok());
    assert_eq!(in_lines(&base64(&largest), 64, "\r\n").len(), WIRE_MAX);
    for body in [larger.clone(), base64(&larger), in_lines(&base64(&largest), 60, "\r\n")] {
        assert_eq!(decode(&body), Err(ErrorKind::TooLarge));
    }
    let too_long = [b"{\"a\":\"", [b'x'; ENVELOPE_MAX].as_slice(), b"\"}"].concat();
    assert_eq!(decode(&too_long), Err(ErrorKind::TooLarge));
    assert_eq!(ErrorKind::TooLarge.status(), SipStatus::TooLarge);
}

#[test]
fn json_whose_cbor_outgrows_an_envelope_is_refused() {
    let numbers = vec!["1.1"; 8000].join(",");
    let json = format!("{{\"a\":[{numbers}]}}");
    assert!(json.len() < ENVELOPE_MAX);
    assert_eq!(decode(json.as_bytes()), Err(ErrorKind::TooLarge));
}

/// The JSON that needs the most scratch for its length, by its members and by the bytes that are moved.
#[test]
fn any_json_of_an_envelopes_length_finds_scratch_enough() {
    let many: Vec<String> = (0..4000).rev().map(|n| format!("\"{n:x}\":1")).collect();
    let members = format!("{{{}}}", many.join(","));
    let long = format!("{{\"bb\":\"{}\",\"a\":1}}", "x".repeat(ENVELOPE_MAX - 20));
    for json in [members, long] {
        assert!(json.len() <= ENVELOPE_MAX, "{}", json.len());
        let (cbor, _) = decode(json.as_bytes()).expect("decoded");
        assert!(ohp::cbor::check(&cbor).is_ok());
    }
}

#[test]
fn a_deflate_bomb_ends_where_the_buffer_ends() {
    // Runs of 258 zeros, 32 MiB in all, from 1 kB of stream for each MiB.
    let python = "import sys,zlib;sys.stdout.buffer.write(zlib.compress(bytes(32<<20),9))";
    let Some(bomb) = python_output(python, b"") else { return };
    assert!(bomb.len() <= ENVELOPE_MAX);
    let mut out = vec![0xFF; ENVELOPE_MAX + 100];
    let result = inflate::inflate(&bomb, Wrapper::Zlib, &mut out[..ENVELOPE_MAX]);
    assert_eq!(result, Err(inflate::Error::TooLarge));
    assert!(out[ENVELOPE_MAX..].iter().all(|byte| *byte == 0xFF));
    assert_eq!(decode(&bomb), Err(ErrorKind::TooLarge));
    assert_eq!(decode(&base64(&bomb)), Err(ErrorKind::TooLarge));
    assert_eq!(decode_as(&raw(&bomb), DEFLATE), Err(ErrorKind::TooLarge));
}

/// An inflater builds its tables for each block; no deflater ends one before its 127th symbol.
#[test]
fn a_deflate_stream_of_many_blocks_is_refused_and_that_of_a_frugal_deflater_is_not() {
    // Empty stored blocks, then the last.
    let blocks = |count: usize| [[0, 0, 0, 0xFF, 0xFF].repeat(count - 1), vec![1, 0, 0, 0xFF, 0xFF]].concat();
    let mut out = [0; 16];
    let mut inflated = |count| inflate::inflate(&blocks(count), Wrapper::Raw, &mut out);
    assert_eq!(inflated(inflate::BLOCKS_MAX), Ok(0));
    assert_eq!(inflated(inflate::BLOCKS_MAX + 1), Err(inflate::Error::Blocks));

    let python = "import sys,zlib;c=zlib.compressobj(9,8,15,1);sys.stdout.buffer.write(c.compress(bytes(b%251*b%256 \
                  for b in range(32768)))+c.flush())";
    let Some(frugal) = python_output(python, b"") else {
        return;
    };
    let mut out = vec![0; ENVELOPE_MAX];
    assert_eq!(inflate::inflate(&frugal, Wrapper::Zlib, &mut out), Ok(ENVELOPE_MAX));
}

#[test]
fn a_deflate_stream_cut_lengthened_or_altered_is_refused() {
    let cbor = decode(JSON).expect("JSON").0;
    let whole = zlib(&cbor);
    for len in 1..whole.len() {
        assert!(decode(&whole[..len]).is_err(), "{len}");
    }
    let longer = [whole.as_slice(), b"\r\n"].concat();
    assert_eq!(decode(&longer), Err(ErrorKind::Inflate(inflate::Error::Trailing)));
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        assert_ne!(decode(&altered).map(|decoded| decoded.0), Ok(cbor.clone()), "{at}");
    }
}

#[test]
fn base64_that_is_cut_or_dirty_is_refused() {
    let cases: [(&[u8], text::ErrorKind); 7] = [
        (b"o", text::ErrorKind::Length),
        (b"oGE=x", text::ErrorKind::Byte),
        (b"oG=", text::ErrorKind::Length),
        (b"oGFi====", text::ErrorKind::Length),
        (b"oG Fi", text::ErrorKind::Byte),
        (b"oGF\0", text::ErrorKind::Byte),
        (b"oG", text::ErrorKind::Bits),
    ];
    for (body, kind) in cases {
        assert_eq!(decode(body), Err(ErrorKind::Base64(kind)), "{}", body.escape_ascii());
    }
    assert_eq!(decode(b"oA=\r\n=\r\n").expect("decoded").0, [0xA0]);
}

#[test]
fn short_buffers_are_said_and_not_run_over() {
    let mut out = vec![0; ENVELOPE_MAX];
    let mut scratch = vec![0; body::SCRATCH_LEN];
    let kind = |scratch: &mut [u8], out: &mut [u8]| {
        body::decode(JSON, Declared::default(), SHAPE, scratch, out)
            .map(|_| ())
            .map_err(|error| error.kind)
    };
    assert_eq!(kind(&mut scratch, &mut out), Ok(()));
    assert_eq!(kind(&mut scratch, &mut out[..ENVELOPE_MAX - 1]), Err(ErrorKind::Buffer));
    assert_eq!(kind(&mut scratch[..ENVELOPE_MAX - 1], &mut out), Err(ErrorKind::Buffer));
    assert_eq!(kind(&mut scratch[..ENVELOPE_MAX], &mut out), Err(ErrorKind::Buffer));
}

/// Bytes whose best code would be longer than deflate allows: each occurs as often as the two before it together.
fn skewed() -> Vec<u8> {
    let (mut bytes, mut counts) = (Vec::new(), (1, 1));
    for byte in 0..=255_u8 {
        if bytes.len() + counts.0 > ENVELOPE_MAX {
            break;
        }
        bytes.resize(bytes.len() + counts.0, byte);
        counts = (counts.1, counts.0 + counts.1);
    }
    let mut random = Random(31);
    for at in (1..bytes.len()).rev() {
        bytes.swap(at, random.below(at + 1));
    }
    bytes
}

#[test]
fn what_we_deflate_inflates_to_itself() {
    let mut inputs: Vec<Vec<u8>> = vec![Vec::new(), vec![0], noise(5000), vec![7; ENVELOPE_MAX], skewed()];
    inputs.extend((1..=600).map(|period| noise(period).iter().copied().cycle().take(4000).collect()));
    inputs.extend(
        envelopes()
            .into_iter()
            .flat_map(|envelope| [envelope.json, envelope.cbor]),
    );
    for input in &inputs {
        let deflated = zlib(input);
        let mut out = vec![0; ENVELOPE_MAX];
        assert_eq!(inflate::inflate(&deflated, Wrapper::Zlib, &mut out), Ok(input.len()));
        assert_eq!(&out[..input.len()], input);
    }
}

#[test]
fn zlib_itself_inflates_what_we_deflate_and_we_what_it_deflates() {
    // Takes our stream and its original by turns, each behind its length; gives back the same bytes inflated, and the
    // original deflated by zlib at three levels.
    let python = "\
import sys,zlib
def read(): return sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4),'big'))
def write(b): sys.stdout.buffer.write(len(b).to_bytes(4,'big')+b)
while ours := read():
    write(zlib.decompress(ours))
    original = read()
    for level in (1,6,9): write(zlib.compress(original,level))
";
    let mut inputs: Vec<Vec<u8>> = vec![vec![0], b"ab".repeat(40), noise(3000), vec![7; ENVELOPE_MAX], skewed()];
    inputs.extend(envelopes().into_iter().map(|envelope| envelope.cbor));
    let framed = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let to_python: Vec<u8> = inputs
        .iter()
        .flat_map(|input| [framed(&zlib(input)), framed(input)].concat())
        .collect();
    let Some(mut output) = python_output(python, &to_python) else {
        return;
    };
    let mut next = || {
        let len = u32::from_be_bytes(output[..4].try_into().expect("four bytes")) as usize;
        let bytes = output[4..4 + len].to_vec();
        output.drain(..4 + len);
        bytes
    };
    for input in &inputs {
        assert_eq!(&next(), input);
        for level in [1, 6, 9] {
            let theirs = next();
            let mut out = vec![0; ENVELOPE_MAX];
            assert_eq!(inflate::inflate(&theirs, Wrapper::Zlib, &mut out), Ok(input.len()));
            assert_eq!(&out[..input.len()], input);
            println!(
                "{} bytes: zlib -{level} {}, ours {}",
                input.len(),
                theirs.len(),
                zlib(input).len()
            );
        }
    }
}

/// What a Python program prints, given `input`; `None` where there is no Python.
fn python_output(program: &str, input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("python3");
    command
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        skip("there is no python3");
        return None;
    };
    child.stdin.take().expect("piped").write_all(input).expect("written");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success());
    Some(output.stdout)
}
