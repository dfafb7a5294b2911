//! Sealing and opening: HPKE over any message, and any map of fields in an envelope. What was sealed opens as it was, for
//! its recipient and its envelope only; a changed byte opens nothing and leaves nothing behind.

#![no_main]

use ohp::cbor::{Item, json};
use ohp::crypto::hpke::{self, OpeningKey};
use ohp::envelope::{ENVELOPE_MAX, Envelope};
use ohp::trust::jwk::{OwnKey, OwnKeys};
use ohp::trust::sealing::{self, Binding, OPENED_MAX, Recipient, SCRATCH_LEN};
use ohp_fuzz::abi::{exact, room};
use ohp_fuzz::tree::Node;
use ohp_fuzz::{Seeds, Take, mutate_envelopes, scene, seeds, target, without_heap};

const CONTROL: usize = 8;

target!(seeds: write_seeds, |data| {
    let mut control = Take::new(data.get(..CONTROL).unwrap_or(data));
    let (recipients, at, flip, random) = (control.below(4), control.u16(), 1 << (control.u8() & 7), control.u8());
    let fields = exact(data.get(CONTROL..).unwrap_or_default());
    whole(&fields, at, flip, random);
    if let Ok(fields) = Item::parse(&fields) {
        in_envelope(fields, recipients, at, flip, random);
    }
});

mutate_envelopes!(behind: CONTROL);

fn whole(message: &[u8], at: u16, flip: u8, random: u8) {
    let (info, aad) = message.split_at(message.len() / 3);
    let key = OpeningKey::from_bytes([3; 32]);
    let mut sealed = exact(message).into_vec();
    let (enc, tag) = without_heap(|| hpke::seal(&key.public(), info, aad, &[random; 32], &mut sealed)).expect("sealed");
    sealed.extend(tag);
    let open = |key: &OpeningKey, enc: &[u8; 32], aad: &[u8], mut sealed: Box<[u8]>| {
        without_heap(|| hpke::open(key, enc, info, aad, &mut sealed).map(|_| ()))
            .map(|()| sealed[..message.len()].to_vec())
    };
    assert_eq!(open(&key, &enc, aad, exact(&sealed)).as_deref(), Ok(message));
    let mut changed = exact(&sealed);
    changed[usize::from(at) % sealed.len()] ^= flip;
    assert!(open(&key, &enc, aad, changed).is_err());
    assert!(open(&OpeningKey::from_bytes([4; 32]), &enc, aad, exact(&sealed)).is_err());
    assert!(open(&key, &enc, &[aad, b"x"].concat(), exact(&sealed)).is_err());
    // The highest bit of an X25519 point does not count.
    let mut other = enc;
    other[usize::from(at) % 31] ^= flip;
    assert!(open(&key, &other, aad, exact(&sealed)).is_err());
}

fn in_envelope(fields: Item<'_>, recipients: usize, at: u16, flip: u8, random: u8) {
    let base = scene::Scene::at(ohp::envelope::Tier::Sealed).template();
    let cbor = seeds::to_cbor(base.to_string().as_bytes()).expect("an envelope");
    let envelope = Envelope::read(&cbor, &mut |_| ()).expect("an envelope");
    let binding = Binding::of(&envelope).expect("all that it is bound to");
    let keys: Vec<_> = [3, 4, 5].map(|seed| OpeningKey::from_bytes([seed; 32]).public()).into();
    let recipients: Vec<_> = ["centre", "other", "third"]
        .iter()
        .zip(&keys)
        .take(recipients)
        .map(|(kid, key)| Recipient { kid, key })
        .collect();
    let (mut scratch, mut block) = (room(SCRATCH_LEN), room(ENVELOPE_MAX));
    let randoms = [[random; 32], [random ^ 1; 32], [random ^ 2; 32]];
    let sealed = without_heap(|| sealing::seal(fields, &binding, &recipients, &randoms, &mut scratch, &mut block));
    let sealed = match sealed {
        Ok(sealed) => Node::of(sealed),
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let ours = OwnKeys::new(vec![OwnKey::x25519([3; 32], Some("centre"))].into()).expect("one key");
    let mut opened = room(OPENED_MAX);
    let mut open = |root: &Node| {
        let cbor = root.to_cbor();
        let Ok(envelope) = Envelope::read(&cbor, &mut |_| ()) else {
            return None;
        };
        let read = without_heap(|| {
            sealing::open(&envelope, &ours, &mut scratch, &mut opened)
                .map(|opened| opened.is_some_and(|opened| opened.fields() == fields.map().expect("it was sealed")))
        });
        if read.is_err() {
            assert!(
                opened.iter().all(|byte| *byte == 0),
                "something is left of what was not opened"
            );
        }
        Some(read.unwrap_or(false))
    };
    let mut root = Node::parse(&cbor).expect("canonical");
    *root.at("sealed") = sealed;
    assert_eq!(open(&root), Some(true), "what was sealed opens");
    let mut elsewhere = root.clone();
    *elsewhere.at("session.callId") = Node::Text("another".to_owned());
    assert_eq!(open(&elsewhere), Some(false), "bound to its call");
    if let Node::Text(text) = root.at("sealed.ciphertext") {
        let mut bytes = text.clone().into_bytes();
        // The first part is ours.
        let ours = bytes.iter().position(|byte| *byte == b'.').unwrap_or(bytes.len());
        bytes[usize::from(at) % ours] ^= flip;
        if let Ok(changed) = String::from_utf8(bytes) {
            *text = changed;
            assert_ne!(open(&root), Some(true), "a changed ciphertext opened");
        }
    }
}

fn write_seeds(seeds: &mut Seeds) {
    for json in [
        r#"{"payment.disputeDetail":"card ending 4242","caller.vulnerable":true}"#,
        r#"{"a":{"b":[1,2.5,null]}}"#,
        r#"{}"#,
        r#"[1]"#,
    ] {
        let mut scratch = room(json::scratch_len(json.len()));
        let mut out = room(json::max_cbor_len(json.len()));
        let cbor = json::to_cbor(json.as_bytes(), json::Plain, &mut scratch, &mut out).expect("JSON");
        seeds.add_with(&[2, 0, 0, 1, 9, 0, 0, 0], cbor);
        seeds.add_with(&[1, 70, 0, 3, 1, 0, 0, 0], cbor);
    }
}
