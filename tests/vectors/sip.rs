//! Vectors whose envelope comes in SIP INFO requests: whole messages as they stand in a datagram.

use ohp::envelope::{ENVELOPE_MAX, Envelope, Tier};
use ohp::transport::BODY_MAX;
use ohp::transport::outgoing::{BODY_MIN, ENCODED_MAX, Form, HEADERS_LEN, Outgoing, SCRATCH_LEN};
use serde_json::json;

use crate::folder::{Tree, accepted, expect, to_json};
use crate::scene::{CALL, Scene};

pub fn write(tree: &mut Tree) {
    let plain = Form {
        body_max: BODY_MAX,
        ..Form::default()
    };
    let mut scene = Scene::at(Tier::Core);
    let mut infos = messages(&scene.finish(), plain);
    let changed = replace(&infos[0], "OHP-Verb: PROPOSE", "OHP-Verb: ACCEPT");
    infos[0] = changed;
    tree.vector(
        "core/06-control-verb-mismatch",
        "accept-negative",
        "The header `OHP-Verb` of the INFO does not match `control.verb`. OHP §7, docs/07.",
    )
    .expected(&expect(
        Tier::Core,
        &json!({ "outcome": "reject", "rejectReason": "unknown", "firstFailingStep": 0,
            "stepDescription": "OHP-Verb is ACCEPT and control.verb is PROPOSE", "sipResponses": [200] }),
    ))
    .put("info/1.sip", infos.remove(0))
    .scene(&mut scene);

    let mut scene = Scene::at(Tier::Core);
    scene.trust["receiver"]["draftCore"] = false.into();
    let cbor = scene.finish();
    for (name, about, form) in [
        ("01-one-info", "One INFO with canonical CBOR.", plain),
        (
            "02-chunks",
            "Chunks of deflated CBOR in `multipart/ohp`.",
            Form {
                body_max: BODY_MIN + 60,
                ..plain
            },
        ),
        (
            "03-text-chunks",
            "Chunks of base64 text, for PBXs that carry text only.",
            Form {
                body_max: BODY_MIN + 120,
                text_only: true,
                ..plain
            },
        ),
        (
            "04-package",
            "An INFO that names its package (RFC 6086).",
            Form { package: true, ..plain },
        ),
    ] {
        accept(
            tree,
            &format!("transport/{name}"),
            about,
            &scene,
            &cbor,
            messages(&cbor, form),
        );
    }
    let mut shuffled = messages(
        &cbor,
        Form {
            body_max: BODY_MIN + 60,
            ..plain
        },
    );
    shuffled.reverse();
    let again = shuffled[0].clone();
    shuffled.insert(1, again);
    accept(
        tree,
        "transport/05-chunks-out-of-order",
        "Chunks arrive last first, and one of them twice.",
        &scene,
        &cbor,
        shuffled,
    );

    let json = to_json(&cbor).to_string();
    let as_json = sip(
        "Content-Type: application/ohp+json\r\nOHP-Version: 0.1\r\n",
        json.as_bytes(),
    );
    accept(
        tree,
        "transport/06-json",
        "One INFO with JSON.",
        &scene,
        &cbor,
        vec![as_json],
    );

    let mut lying = messages(
        &cbor,
        Form {
            body_max: BODY_MIN + 60,
            ..plain
        },
    );
    let total = lying.len();
    lying[1] = replace(&lying[1], "chunk=2", "chunk=1");
    lying.truncate(2);
    let mut folder = tree.vector(
        "transport/07-chunk-disagrees",
        "accept-negative",
        "The second chunk's `Content-Type` and its part's `OHP-Chunk` disagree: 400, and no envelope. docs/07.",
    );
    folder.expected(&json!({ "outcome": "malformed", "tier": "core", "now": crate::scene::NOW, "callId": CALL, "sipResponses": [200, 400] }));
    assert!(total > 2);
    for (at, message) in lying.into_iter().enumerate() {
        folder.put(&format!("info/{}.sip", at + 1), message);
    }
    folder.trust(&scene);

    let other = sip("Content-Type: application/ohp+cbor\r\nContent-Encoding: br\r\n", &cbor);
    tree.vector("transport/08-unknown-encoding", "accept-negative", "`Content-Encoding: br` is answered 415. docs/07.")
        .expected(&json!({ "outcome": "malformed", "tier": "core", "now": crate::scene::NOW, "callId": CALL, "sipResponses": [415] }))
        .put("info/1.sip", other)
        .trust(&scene);
}

fn accept(tree: &mut Tree, name: &str, about: &str, scene: &Scene, cbor: &[u8], messages: Vec<Vec<u8>>) {
    let mut expected = accepted(Tier::Core);
    expected["sipResponses"] = messages.iter().map(|_| 200).collect();
    let mut folder = tree.vector(name, "accept-positive", &format!("{about} docs/07."));
    folder.expected(&expected).envelope(cbor).trust(scene);
    for (at, message) in messages.into_iter().enumerate() {
        folder.put(&format!("info/{:02}.sip", at + 1), message);
    }
}

/// The INFO requests in which `cbor` is sent.
fn messages(cbor: &[u8], form: Form) -> Vec<Vec<u8>> {
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
    let names = (envelope.id(), envelope.tier(), envelope.verb());
    let (mut scratch, mut encoded) = (vec![0; SCRATCH_LEN], vec![0; ENCODED_MAX.max(ENVELOPE_MAX)]);
    let plan = Outgoing::encode(cbor, names, form, &mut scratch, &mut encoded).expect("it fits");
    let one = |k| {
        let data = &encoded[plan.range(k).expect("a range")];
        let (mut headers, mut body) = ([0; HEADERS_LEN], [0; BODY_MAX]);
        let rendered = plan.render(k, data, &mut headers, &mut body).expect("it fits");
        sip(rendered.headers, rendered.body)
    };
    (1..=plan.total()).map(one).collect()
}

fn sip(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "INFO sip:desk@centre.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n\
         Max-Forwards: 70\r\nFrom: <sip:agent@agents.example.com>;tag=1928301774\r\n\
         To: <sip:desk@centre.example.net>;tag=314159\r\nCall-ID: {CALL}\r\nCSeq: 2 INFO\r\n{headers}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The message with a text in its headers or in its part's headers replaced by one of the same length, or of another where
/// `Content-Length` does not count it.
fn replace(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = message
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .expect("it is there");
    [&message[..at], to.as_bytes(), &message[at + from.len()..]].concat()
}
