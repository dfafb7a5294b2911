//! Sealed fields: what each recipient opens, and that nobody opens anything else.

use ohp::cbor::Item;
use ohp::crypto::hpke;
use ohp::envelope::{Draft, ENVELOPE_MAX, Envelope, Value};
use ohp::trust::base64url;
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::sealing::{Binding, OPENED_MAX, OpenError, Recipient, SCRATCH_LEN, SealError, open, seal};
use serde_json::json;

use crate::common::{official, shared_is_here, to_cbor};

const FIELDS: &str = r#"{"payment.disputeDetail":{"amount":12.5,"ref":"d-7"},"caller.vulnerable":true}"#;

fn keys(seed: u8, kid: &str) -> OwnKeys {
    OwnKeys::new([OwnKey::x25519([seed; 32], Some(kid))].into()).expect("a key")
}

fn public(seed: u8) -> [u8; 32] {
    hpke::OpeningKey::from_bytes([seed; 32]).public()
}

/// The sealed example with `fields` sealed for `recipients` (seed and kid), as CBOR; `change` is made in the JSON
/// behind the sealing.
fn sealed(fields: &str, recipients: &[(u8, &str)], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let json = official("03-sealed-payment");
    let base = to_cbor(&json.to_string());
    let mut arena = vec![0; 65_536];
    let mut draft = Draft::new(&mut arena);
    draft.merge(Item::parse(&base).expect("CBOR")).expect("merged");
    let publics: Vec<_> = recipients.iter().map(|(seed, _)| public(*seed)).collect();
    let to: Vec<_> = recipients
        .iter()
        .zip(&publics)
        .map(|((_, kid), key)| Recipient { kid, key })
        .collect();
    let random: Vec<_> = (0..recipients.len()).map(|nth| [nth as u8 + 100; 32]).collect();
    let (mut scratch, mut out) = (vec![0; SCRATCH_LEN], vec![0; ENVELOPE_MAX]);
    let fields = to_cbor(fields);
    let binding = Binding::of_draft(&draft).expect("bound");
    let block = seal(
        Item::parse(&fields).expect("CBOR"),
        &binding,
        &to,
        &random,
        &mut scratch,
        &mut out,
    );
    let block = Item::parse(block.expect("sealed").bytes()).expect("canonical");
    assert!(
        !scratch.windows(3).any(|part| part == b"d-7"),
        "plaintext was left in the scratch"
    );
    draft.set("sealed", Value::Item(block)).expect("set");
    let mut out = vec![0; ENVELOPE_MAX];
    let cbor = draft.write(&mut out).expect("written");
    let mut text = String::new();
    ohp::cbor::json::from_cbor(Item::parse(cbor).expect("CBOR"), &mut text, false).expect("JSON");
    let mut json = serde_json::from_str(&text).expect("JSON");
    change(&mut json);
    to_cbor(&json.to_string())
}

/// What opens, as JSON; or why not. Nothing is left in the memory lent.
fn opened(cbor: &[u8], keys: &OwnKeys) -> Result<Option<String>, OpenError> {
    let envelope = Envelope::read(cbor, &mut |_| ()).expect("an envelope");
    let (mut scratch, mut memory) = (vec![0; SCRATCH_LEN], vec![0; OPENED_MAX]);
    let opened = open(&envelope, keys, &mut scratch, &mut memory)?;
    let json = opened.map(|opened| {
        let mut json = String::from("{");
        for (name, value) in opened.fields() {
            let mut text = String::new();
            ohp::cbor::json::from_cbor(value, &mut text, false).expect("JSON");
            json += &format!("{}\"{name}\":{text}", if json.len() > 1 { "," } else { "" });
        }
        assert_eq!(
            format!("{opened:?}"),
            format!("Opened({} fields)", opened.fields().len())
        );
        json + "}"
    });
    if json.is_some() {
        assert!(memory.iter().all(|byte| *byte == 0), "opened fields were not wiped");
    }
    Ok(json)
}

fn same(left: &str, right: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    parse(left) == parse(right)
}

#[test]
fn each_recipient_opens_its_own_slot() {
    if !shared_is_here() {
        return;
    }
    let everybody = [(1, "a"), (2, "b"), (3, "c")];
    for count in 1..=3 {
        let cbor = sealed(FIELDS, &everybody[..count], |_| ());
        for (seed, kid) in &everybody[..count] {
            let json = opened(&cbor, &keys(*seed, kid)).expect("opened").expect("a slot");
            assert!(same(&json, FIELDS), "{json}");
        }
        assert_eq!(opened(&cbor, &keys(9, "z")), Ok(None), "a stranger has no slot");
        assert_eq!(opened(&cbor, &OwnKeys::default()), Ok(None));
    }
}

#[test]
fn one_recipients_ciphertext_has_no_dot_and_several_are_joined_by_one_each() {
    if !shared_is_here() {
        return;
    }
    for count in 1..=3 {
        let cbor = sealed(FIELDS, &[(1, "a"), (2, "b"), (3, "c")][..count], |_| ());
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let parts: Vec<_> = envelope.sealed().ciphertext().expect("a text").split('.').collect();
        assert_eq!(parts.len(), count);
        let len = base64url::encoded_len(to_cbor(FIELDS).len() + hpke::TAG_LEN);
        assert!(parts.iter().all(|part| part.len() == len));
    }
}

#[test]
fn block_moved_into_another_envelope_does_not_open() {
    if !shared_is_here() {
        return;
    }
    let ours = keys(1, "a");
    type Change = fn(&mut serde_json::Value);
    let changes: [Change; 4] = [
        |json| json["id"] = "cse_01HZ0000000000000000000000".into(),
        |json| json["issuedAt"] = "2026-05-28T13:42:11.001Z".into(),
        |json| json["audience"]["did"] = "did:web:other.example.com".into(),
        |json| json["session"]["callId"] = "another-call".into(),
    ];
    for change in changes {
        assert_eq!(
            opened(&sealed(FIELDS, &[(1, "a")], change), &ours),
            Err(OpenError::NotOpened)
        );
    }
    let unbound = sealed(FIELDS, &[(1, "a")], |json| {
        drop(json["audience"].as_object_mut().expect("a map").remove("did"))
    });
    assert_eq!(opened(&unbound, &ours), Err(OpenError::Unbound));
    // What the block is not bound to may change.
    let other = sealed(FIELDS, &[(1, "a")], |json| json["control"]["reason"] = "other".into());
    assert!(opened(&other, &ours).expect("opened").is_some());
}

#[test]
fn only_our_own_slot_is_tried() {
    if !shared_is_here() {
        return;
    }
    let two = [(1, "a"), (2, "b")];
    // Ours renamed to another's kid: that party's slot does not open with our key, and ours is not looked for elsewhere.
    let crossed = sealed(FIELDS, &two, |json| {
        json["sealed"]["recipients"][0]["kid"] = "b".into();
        json["sealed"]["recipients"][1]["kid"] = "a".into();
    });
    assert_eq!(opened(&crossed, &keys(1, "a")), Err(OpenError::NotOpened));
    let renamed = sealed(FIELDS, &two, |json| json["sealed"]["recipients"][0]["kid"] = "x".into());
    assert_eq!(opened(&renamed, &keys(1, "a")), Ok(None));
    let twice = sealed(FIELDS, &two, |json| json["sealed"]["recipients"][1]["kid"] = "a".into());
    assert_eq!(opened(&twice, &keys(1, "a")), Err(OpenError::SlotTwice));
    // The other slot is broken, and that is none of our business.
    let broken = sealed(FIELDS, &two, |json| json["sealed"]["recipients"][1]["enc"] = "!".into());
    assert!(opened(&broken, &keys(1, "a")).expect("opened").is_some());
    assert_eq!(opened(&broken, &keys(2, "b")), Err(OpenError::Enc));
}

#[test]
fn altered_ciphertexts_and_low_order_keys_do_not_open() {
    if !shared_is_here() {
        return;
    }
    let ours = keys(1, "a");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        opened(&sealed(FIELDS, &[(1, "a")], |json| change(&mut json["sealed"])), &ours)
    };
    let text = |sealed: &serde_json::Value| sealed["ciphertext"].as_str().expect("a text").to_owned();
    let zeros = base64url_of(&[0; 32]);
    type Change<'c> = &'c dyn Fn(&mut serde_json::Value);
    let changes: [(Change<'_>, OpenError); 14] = [
        (
            &|sealed| sealed["recipients"][0]["enc"] = zeros.clone().into(),
            OpenError::NotOpened,
        ),
        (
            &|sealed| sealed["recipients"][0]["enc"] = base64url_of(&public(5)).into(),
            OpenError::NotOpened,
        ),
        (
            &|sealed| sealed["recipients"][0]["enc"] = format!("{zeros}=").into(),
            OpenError::Enc,
        ),
        (
            &|sealed| sealed["ciphertext"] = format!("{}.", text(sealed)).into(),
            OpenError::Count(2, 1),
        ),
        (
            &|sealed| sealed["ciphertext"] = format!("{}=", text(sealed)).into(),
            OpenError::Base64,
        ),
        (
            &|sealed| sealed["ciphertext"] = text(sealed)[4..].into(),
            OpenError::NotOpened,
        ),
        (
            &|sealed| sealed["ciphertext"] = text(sealed)[..text(sealed).len() / 8 * 4].into(),
            OpenError::NotOpened,
        ),
        (&|sealed| sealed["ciphertext"] = "AAAA".into(), OpenError::NotOpened),
        (&|sealed| sealed["ciphertext"] = "".into(), OpenError::NotOpened),
        (
            &|sealed| sealed["fields"] = json!(["caller.vulnerable"]),
            OpenError::FieldsDiffer,
        ),
        (
            &|sealed| sealed["fields"] = json!(["caller.vulnerable", "payment.other"]),
            OpenError::FieldsDiffer,
        ),
        (
            &|sealed| sealed["fields"] = json!(["caller.vulnerable", "caller.vulnerable"]),
            OpenError::FieldsDiffer,
        ),
        (
            &|sealed| sealed["fields"] = json!(["caller.vulnerable", "payment.disputeDetail", "caller.vulnerable"]),
            OpenError::FieldsDiffer,
        ),
        (
            &|sealed| sealed["fields"] = vec!["x"; 129].into(),
            OpenError::TooManyFields,
        ),
    ];
    for (change, error) in changes {
        assert_eq!(with(change), Err(error));
    }
}

fn base64url_of(bytes: &[u8]) -> String {
    let mut text = vec![0; base64url::encoded_len(bytes.len())];
    base64url::encode(bytes, &mut text).expect("fits").to_owned()
}

/// What a sender that is not ours could seal: no map, no canonical CBOR.
#[test]
fn plaintext_that_is_no_canonical_map_is_refused_and_wiped() {
    if !shared_is_here() {
        return;
    }
    for plain in [
        &b"\x63pin"[..],
        b"\xa1\x61a\x18\x01",
        b"\xbf\xff",
        b"\xa0\xa0",
        b"secret secret",
    ] {
        let cbor = sealed(FIELDS, &[(1, "a")], |_| ());
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let mut json = official("03-sealed-payment");
        let aad = to_cbor(
            &json!({ "id": json["id"], "issuedAt": json["issuedAt"], "audience.did": json["audience"]["did"],
                "session.callId": json["session"]["callId"] })
            .to_string(),
        );
        assert_eq!(Binding::of(&envelope).map(|binding| binding.id), json["id"].as_str());
        let mut message = plain.to_vec();
        let (enc, tag) = hpke::seal(&public(1), b"", &aad, &[4; 32], &mut message).expect("sealed");
        message.extend_from_slice(&tag);
        json["sealed"] = json!({ "alg": "HPKE/X25519-SHA256-CHACHA20POLY1305", "fields": [],
            "ciphertext": base64url_of(&message), "recipients": [{ "kid": "a", "enc": base64url_of(&enc) }] });
        let cbor = to_cbor(&json.to_string());
        let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
        let (mut scratch, mut memory) = (vec![0; SCRATCH_LEN], vec![0; OPENED_MAX]);
        let refused = open(&envelope, &keys(1, "a"), &mut scratch, &mut memory).map(drop);
        assert_eq!(refused, Err(OpenError::Plaintext), "{plain:?}");
        assert!(memory.iter().all(|byte| *byte == 0), "{plain:?}");
    }
}

#[test]
fn sealing_refuses_what_could_not_be_opened() {
    let binding = Binding {
        id: "cse_1",
        issued_at: "2026-05-28T13:42:11Z",
        audience_did: "did:web:a",
        call_id: "c",
    };
    let (a, b, low) = (public(1), public(2), [0; 32]);
    let to = |kid, key| Recipient { kid, key };
    let fields = to_cbor(FIELDS);
    let fields = Item::parse(&fields).expect("CBOR");
    let try_with = |fields, to: &[Recipient<'_>], random: &[[u8; 32]], scratch_len: usize, out_len: usize| {
        let (mut scratch, mut out) = (vec![0; scratch_len], vec![0; out_len]);
        seal(fields, &binding, to, random, &mut scratch, &mut out).map(|_| ())
    };
    let try_seal = |fields, to: &[Recipient<'_>], random: &[[u8; 32]]| try_with(fields, to, random, SCRATCH_LEN, 2048);
    let two = [to("a", &a), to("b", &b)];
    assert_eq!(try_seal(fields, &two, &[[1; 32], [2; 32]]), Ok(()));
    assert_eq!(try_seal(fields, &two, &[[1; 32]]), Err(SealError::Random));
    assert_eq!(try_seal(fields, &two, &[[1; 32], [1; 32]]), Err(SealError::Random));
    assert_eq!(try_seal(fields, &[], &[]), Err(SealError::Recipients));
    assert_eq!(
        try_seal(fields, &[to("a", &a); 17], &[[1; 32]; 17]),
        Err(SealError::Recipients)
    );
    assert_eq!(
        try_seal(fields, &[to("a", &a), to("a", &b)], &[[1; 32], [2; 32]]),
        Err(SealError::KidTwice)
    );
    assert_eq!(try_seal(fields, &[to("a", &low)], &[[1; 32]]), Err(SealError::Key));
    for other in [&b"\xa0"[..], b"\x80", b"\x61a"] {
        assert_eq!(
            try_seal(Item::parse(other).expect("CBOR"), &two, &[[1; 32], [2; 32]]),
            Err(SealError::Fields)
        );
    }
    for len in [0, 40, 100, 200] {
        assert_eq!(
            try_with(fields, &two, &[[1; 32], [2; 32]], len, 2048),
            Err(SealError::Full),
            "{len}"
        );
        assert_eq!(
            try_with(fields, &two, &[[1; 32], [2; 32]], SCRATCH_LEN, len),
            Err(SealError::Full),
            "{len}"
        );
    }
}
