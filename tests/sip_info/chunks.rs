//! Rows 22 and 23 of the interpretations: what is sent, and how it is split into INFOs and read again.

use ohp::transport::multipart::{self, Chunk};
use ohp::transport::outgoing::{self, EncodeError, Form, RenderError};
use ohp::transport::{BODY_DEFAULT, BODY_MAX, CHUNKS_MAX, ContentType, ENVELOPE_MAX, Info, inflate};

use super::fixtures::{ID, Sent, id, noise};

fn chunk(message: &[u8]) -> Chunk<'_> {
    let info = Info::parse_message(message).expect("an INFO");
    let media = info.media().expect("a Content-Type").expect("present");
    Chunk::parse(&media, info.body).expect("a chunk")
}

#[test]
fn an_envelope_that_fits_goes_out_alone_as_cbor() {
    let cbor = noise(BODY_DEFAULT);
    let sent = Sent::new(&cbor, Form::default()).expect("encoded");
    let messages = sent.messages();
    assert_eq!(messages.len(), 1);
    let info = Info::parse_message(&messages[0]).expect("an INFO");
    assert_eq!(info.content_type, Some("application/ohp+cbor"));
    assert_eq!(info.content_encoding, None);
    assert_eq!(info.ohp_version, Some("0.1"));
    assert_eq!(info.ohp_tier, Some("signed"));
    assert_eq!(info.ohp_verb, Some("PROPOSE"));
    assert_eq!(info.body, cbor);
}

#[test]
fn row_22_deflate_is_used_exactly_when_it_saves_a_chunk() {
    let fits = vec![b'a'; BODY_DEFAULT];
    assert!(!Sent::new(&fits, Form::default()).expect("encoded").plan.is_deflated());
    let shrinks = vec![b'a'; BODY_DEFAULT + 1];
    let sent = Sent::new(&shrinks, Form::default()).expect("encoded");
    assert!(sent.plan.is_deflated());
    assert_eq!(sent.plan.total(), 1);
    let messages = sent.messages();
    let info = Info::parse_message(&messages[0]).expect("an INFO");
    assert_eq!(info.content_encoding, Some("deflate"));
    let mut inflated = vec![0; ENVELOPE_MAX];
    let len = inflate::inflate(info.body, inflate::Wrapper::Zlib, &mut inflated).expect("inflates");
    assert_eq!(&inflated[..len], shrinks);
    assert!(
        !Sent::new(&noise(BODY_DEFAULT + 1), Form::default())
            .expect("encoded")
            .plan
            .is_deflated()
    );
}

#[test]
fn chunks_of_every_size_join_to_what_was_encoded() {
    let cbor = noise(7000);
    for body_max in outgoing::BODY_MIN..=BODY_MAX {
        let form = Form {
            body_max,
            text_only: body_max % 2 == 0,
            package: body_max % 3 == 0,
        };
        let Ok(sent) = Sent::new(&cbor, form) else {
            assert!(body_max < 320, "{body_max}");
            continue;
        };
        let messages = sent.messages();
        let mut joined = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            let info = Info::parse_message(message).expect("an INFO");
            assert!(info.body.len() <= body_max, "{body_max}");
            assert_eq!(info.info_package, form.package.then_some("ohp"));
            let chunk = chunk(message);
            assert_eq!(chunk.index as usize, place + 1);
            assert_eq!(chunk.total as usize, messages.len());
            assert_eq!(chunk.id, Some(id()));
            joined.extend_from_slice(chunk.data);
        }
        assert_eq!(joined, sent.encoded);
    }
}

#[test]
fn row_22_text_only_bodies_are_padded_base64_and_hold_no_nul() {
    let sent = Sent::new(
        &[0; 2000],
        Form {
            text_only: true,
            ..Form::default()
        },
    )
    .expect("encoded");
    let form = Form {
        text_only: true,
        ..Form::default()
    };
    assert!(sent.plan.is_deflated());
    let noisy = Sent::new(&noise(1000), form).expect("encoded");
    assert!(!noisy.plan.is_deflated());
    assert_eq!(noisy.encoded.len(), 1336);
    for message in noisy.messages() {
        assert!(message.is_ascii());
        assert!(!message.contains(&0));
    }
}

#[test]
fn row_23_a_chunk_repeats_its_place_inside_so_that_lost_parameters_cost_nothing() {
    let sent = Sent::new(&noise(1500), Form::default()).expect("encoded");
    for message in sent.messages() {
        let whole = chunk(&message);
        let body = Info::parse_message(&message).expect("an INFO").body;
        let bare = ContentType::parse("multipart/ohp").expect("a Content-Type");
        assert_eq!(Chunk::parse(&bare, body), Ok(whole));
    }
}

#[test]
fn row_23_what_a_chunk_says_inside_and_outside_must_agree() {
    let sent = Sent::new(&noise(1500), Form::default()).expect("encoded");
    let message = &sent.messages()[1];
    let body = Info::parse_message(message).expect("an INFO").body;
    for outside in [
        "multipart/ohp; chunk=1",
        "multipart/ohp; total-chunks=4",
        "multipart/ohp; id=cse_01HZX0R5N9V8W1QYK0XQM3R3M0",
    ] {
        let error = Chunk::parse(&ContentType::parse(outside).expect(outside), body).unwrap_err();
        assert_eq!(error.kind, multipart::ErrorKind::Disagreement, "{outside}");
    }
    let other = ContentType::parse("multipart/ohp; boundary=other").expect("a Content-Type");
    assert_eq!(
        Chunk::parse(&other, body).unwrap_err().kind,
        multipart::ErrorKind::Start
    );
}

#[test]
fn a_chunk_cut_anywhere_is_an_error() {
    let sent = Sent::new(&noise(1500), Form::default()).expect("encoded");
    let message = &sent.messages()[0];
    let info = Info::parse_message(message).expect("an INFO");
    let media = info.media().expect("a Content-Type").expect("present");
    for len in 0..info.body.len() - "--\r\n".len() {
        assert!(Chunk::parse(&media, &info.body[..len]).is_err(), "{len}");
    }
}

#[test]
fn an_envelope_that_holds_its_own_boundary_gets_another() {
    let mut cbor = noise(1500);
    cbor[1050..1065].copy_from_slice(b"\r\n--ohp-M3R3K9x");
    for (place, digit) in b"012345678".iter().enumerate() {
        let at = 100 * (place + 1);
        let text = [b"\r\n--ohp-XQM3R3K9".as_slice(), &[*digit], b"--\r\n"].concat();
        cbor[at..at + text.len()].copy_from_slice(&text);
    }
    let sent = Sent::new(&cbor, Form::default()).expect("encoded");
    let messages = sent.messages();
    let joined: Vec<u8> = messages
        .iter()
        .flat_map(|message| chunk(message).data.to_vec())
        .collect();
    assert_eq!(chunk(&messages[0]).boundary.as_str(), "ohp-XQM3R3K99");
    assert_eq!(joined, cbor);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_written() {
    let refused = |cbor: &[u8], body_max| {
        let form = Form {
            body_max,
            ..Form::default()
        };
        Sent::new(cbor, form).map(|sent| sent.plan.total()).unwrap_err()
    };
    assert_eq!(refused(&[], BODY_DEFAULT), EncodeError::Envelope);
    assert_eq!(refused(&noise(ENVELOPE_MAX + 1), BODY_DEFAULT), EncodeError::Envelope);
    assert_eq!(refused(&noise(10), BODY_MAX + 1), EncodeError::BodyMax);
    assert_eq!(refused(&noise(10), outgoing::BODY_MIN - 1), EncodeError::BodyMax);
    assert_eq!(refused(&noise(64 * 64 + 1), outgoing::BODY_MIN), EncodeError::Chunks);
    let most = Form {
        body_max: outgoing::BODY_MIN,
        ..Form::default()
    };
    assert_eq!(
        Sent::new(&noise(64 * 64), most).expect("encoded").plan.total(),
        CHUNKS_MAX
    );
}

#[test]
fn rendering_wants_a_chunk_of_the_plan_and_its_bytes() {
    let sent = Sent::new(&noise(1500), Form::default()).expect("encoded");
    let mut headers = [0; outgoing::HEADERS_LEN];
    let mut body = [0; BODY_MAX];
    assert_eq!(
        sent.plan.render(0, &[], &mut headers, &mut body),
        Err(RenderError::Index)
    );
    assert_eq!(
        sent.plan.render(4, &[], &mut headers, &mut body),
        Err(RenderError::Index)
    );
    assert_eq!(
        sent.plan.render(1, &[1], &mut headers, &mut body),
        Err(RenderError::Length)
    );
    let data = &sent.encoded[sent.plan.range(1).expect("a chunk")];
    assert_eq!(
        sent.plan.render(1, data, &mut [0; 40], &mut body),
        Err(RenderError::Buffer)
    );
    assert_eq!(
        sent.plan.render(1, data, &mut headers, &mut [0; 600]),
        Err(RenderError::Buffer)
    );
}

#[test]
fn row_23_a_chunk_is_spelled_exactly_so() {
    let cbor = noise(1000);
    let sent = Sent::new(&cbor, Form::default()).expect("encoded");
    let messages = sent.messages();
    let info = Info::parse_message(&messages[1]).expect("an INFO");
    let step = BODY_DEFAULT - outgoing::FRAMING_LEN;
    let header = format!("--ohp-XQM3R3K90\r\nContent-Type: application/ohp+cbor\r\nOHP-Chunk: 2/2; id={ID}\r\n\r\n");
    let body = [header.as_bytes(), &cbor[step..], b"\r\n--ohp-XQM3R3K90--\r\n"].concat();
    let content_type = format!("multipart/ohp; boundary=ohp-XQM3R3K90; total-chunks=2; chunk=2; id={ID}");
    assert_eq!(info.content_type, Some(content_type.as_str()));
    assert_eq!(info.body, body);
}

#[test]
fn a_body_is_as_large_as_was_asked_for_and_no_larger() {
    let sent = Sent::new(&noise(7000), Form::default()).expect("encoded");
    let bodies: Vec<usize> = sent
        .messages()
        .iter()
        .map(|message| Info::parse_message(message).expect("an INFO").body.len())
        .collect();
    // Numbers of two digits fill the body; those of one digit leave a byte.
    assert_eq!(sent.plan.total(), 13);
    assert!(bodies[..9].iter().all(|len| *len == BODY_DEFAULT - 1), "{bodies:?}");
    assert!(bodies[9..12].iter().all(|len| *len == BODY_DEFAULT), "{bodies:?}");
}
