//! INFOs as they stand on the wire.

use ohp::envelope::{Tier, Verb};
use ohp::id::EnvelopeId;
use ohp::transport::outgoing::{ENCODED_MAX, Form, HEADERS_LEN, SCRATCH_LEN};
use ohp::transport::{BODY_MAX, Outgoing};

/// A message with a request line, the headers that any INFO has, and `headers`, each line with its CRLF.
pub fn message(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "INFO sip:callee@example.com SIP/2.0\r\nCall-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 4711 INFO\r\n\
         {headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The INFOs that carry `cbor`; none if it cannot be sent in that form.
pub fn infos(cbor: &[u8], named: (EnvelopeId, Tier, Verb), form: Form) -> Vec<(String, Vec<u8>)> {
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENCODED_MAX]);
    let Ok(plan) = Outgoing::encode(cbor, named, form, &mut scratch, &mut out) else {
        return Vec::new();
    };
    (1..=plan.total())
        .map(|k| {
            let (mut headers, mut body) = ([0; HEADERS_LEN], [0; BODY_MAX]);
            let range = plan.range(k).expect("a chunk of the plan");
            let info = plan
                .render(k, &out[range], &mut headers, &mut body)
                .expect("room enough");
            (info.headers.to_owned(), info.body.to_vec())
        })
        .collect()
}

/// The same as whole messages.
pub fn messages(cbor: &[u8], named: (EnvelopeId, Tier, Verb), form: Form) -> Vec<Vec<u8>> {
    let infos = infos(cbor, named, form);
    infos.iter().map(|(headers, body)| message(headers, body)).collect()
}

/// Identifier, tier and verb of an envelope that can be read.
pub fn named(cbor: &[u8]) -> Option<(EnvelopeId, Tier, Verb)> {
    let envelope = ohp::envelope::Envelope::read(cbor, &mut |_| ()).ok()?;
    Some((envelope.id(), envelope.tier(), envelope.verb()))
}

/// Messages in every form that a peer may choose, made of the example envelopes.
pub fn examples() -> Vec<Vec<u8>> {
    let mut examples = vec![
        message(
            "Content-Type: application/dtmf-relay\r\n",
            b"Signal=1\r\nDuration=160\r\n",
        ),
        message(
            "Info-Package: ohp\r\nContent-Type: application/ohp+json\r\nOHP-Version: 0.1\r\n",
            b"{\"ohp\":\"0.1\"}",
        ),
    ];
    for (json, cbor) in crate::seeds::envelopes_json().iter().zip(crate::seeds::envelopes()) {
        examples.push(message(
            "Content-Type: application/ohp+json\r\nOHP-Tier: signed\r\nOHP-Verb: PROPOSE\r\n",
            json,
        ));
        examples.push(message("Content-Type: application/ohp+cbor\r\n", &cbor));
        let deflated = miniz_oxide::deflate::compress_to_vec(json, 6);
        examples.push(message(
            "Content-Type: application/ohp+json\r\nContent-Encoding: deflate\r\n",
            &deflated,
        ));
        let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&cbor, 6);
        examples.push(message(
            "Content-Type: application/ohp+cbor\r\nContent-Encoding: deflate\r\n",
            &zlib,
        ));
        examples.push(message("Content-Type: application/ohp+cbor\r\n", &base64(&zlib)));
        let Some(named) = named(&cbor) else { continue };
        for (body_max, text_only) in [(BODY_MAX, false), (700, true), (320, false)] {
            let form = Form {
                body_max,
                text_only,
                package: text_only,
            };
            examples.extend(messages(&cbor, named, form));
        }
    }
    examples
}

pub fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; ohp::transport::base64::encoded_len(bytes.len())];
    ohp::transport::base64::encode(bytes, &mut text).expect("room enough");
    text
}
