//! Reading an envelope, and everything that can be asked of one; through C as well. Nothing allocates; Rust and C agree;
//! the signing surface does not depend on the signatures.

#![no_main]

use std::ffi::c_void;

use ohp::cbor::check;
use ohp::envelope::{Envelope, Field};
use ohp::ffi::*;
use ohp_fuzz::abi::{Memory, Why, chars, exact, room, sound};
use ohp_fuzz::tree::Node;
use ohp_fuzz::{Seeds, Take, mutate_envelopes, seeds, target, without_heap};

const CONTROL: usize = 40;

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let mut control = Take::new(take.bytes(CONTROL));
    let (why_len, buffer_len, index) = (control.u8(), control.u16(), control.u8());
    let path = exact(control.rest().split(|byte| *byte == 0).next().unwrap_or_default());
    let bytes = exact(take.rest());
    let mut violations = 0_usize;
    let read = without_heap(|| Envelope::read(&bytes, &mut |_| violations += 1));
    if let Ok(envelope) = &read {
        check(&bytes).expect("an envelope is canonical");
        look(envelope, &path);
    }
    let _ = Envelope::read(&bytes, &mut |violation| drop(violation.to_string()));
    through_c(&bytes, read.as_ref().ok(), &path, (why_len, buffer_len, index), violations);
});

mutate_envelopes!(behind: CONTROL);

fn look(envelope: &Envelope<'_>, path: &[u8]) {
    let before = envelope.surface_hash();
    without_heap(|| {
        let surface = envelope.surface();
        let len: usize = surface.segments().iter().map(|segment| segment.len()).sum();
        assert_eq!(surface.len(), len);
        for field in Field::ALL {
            let item = envelope.item(*field);
            assert_eq!(item.is_some(), envelope.has(*field));
            assert_eq!(
                envelope.get(field.path()).map(|item| item.bytes()),
                item.map(|item| item.bytes())
            );
            let text = item.and_then(|item| item.as_text().or(item.as_time()));
            assert!(envelope.text(*field).is_none() || envelope.text(*field) == text);
        }
        if let Ok(path) = std::str::from_utf8(path) {
            let _ = envelope.get(path);
        }
        let _ = (envelope.issued_at(), envelope.not_before(), envelope.not_after());
        for consent in envelope.consents() {
            let _ = (consent.receipt_id(), consent.purpose(), consent.scope().count());
        }
        let _ = envelope.decisions().count();
        for signature in envelope.signatures() {
            let _ = (signature.alg(), signature.kid());
        }
        let _ = envelope.unknown_fields().count();
    });
    let _ = format!("{envelope:?}");
    // Other signatures, same surface.
    let mut tree = Node::parse(envelope.bytes()).expect("canonical");
    *tree.at("signatures") = Node::Array(vec![]);
    let unsigned = tree.to_cbor();
    if let Ok(unsigned) = Envelope::read(&unsigned, &mut |_| ()) {
        assert_eq!(unsigned.surface_hash(), before);
    }
}

unsafe extern "C" fn count(user: *mut c_void, _warning: bool, text: ohp_str) {
    // SAFETY: `user` is the counter that was passed along.
    unsafe {
        *user.cast::<usize>() += 1;
        assert!(!ohp_fuzz::abi::read_text(text).is_empty());
    }
}

fn through_c(
    bytes: &[u8],
    read: Option<&Envelope<'_>>,
    path: &[u8],
    (why_len, buffer_len, index): (u8, u16, u8),
    violations: usize,
) {
    let mut memory = Memory::new(ohp_envelope_size());
    let mut why = Why::new(why_len.into());
    let mut counted = 0_usize;
    let mut envelope = std::ptr::null_mut();
    // SAFETY: the buffers have the lengths that are said.
    unsafe {
        let user = (&raw mut counted).cast();
        let status = sound(ohp_envelope_read(
            memory.at(),
            memory.len(),
            bytes.as_ptr(),
            bytes.len(),
            Some(count),
            user,
            why.at(),
            &raw mut envelope,
        ));
        assert_eq!(status == ohp_status::OHP_OK, read.is_some());
        assert_eq!(counted, violations);
        let Some(read) = read else { return };
        let (path, path_len) = (chars(path), path.len());
        let mut id = text();
        assert!(sound(ohp_envelope_id(envelope, &raw mut id)) == ohp_status::OHP_OK);
        assert_eq!(ohp_fuzz::abi::read_text(id), read.id().as_str());
        let (mut kind, mut tier, mut verb) = (
            ohp_kind::OHP_KIND_NULL,
            ohp_tier::OHP_TIER_CORE,
            ohp_verb::OHP_VERB_ASSUME,
        );
        let (mut integer, mut number, mut boolean, mut time, mut len) = (0, 0.0, false, 0, 0);
        let mut buffer = room(buffer_len.into());
        sound(ohp_envelope_tier(envelope, &raw mut tier));
        sound(ohp_envelope_verb(envelope, &raw mut verb));
        sound(ohp_envelope_call_id(envelope, &raw mut id));
        sound(ohp_envelope_kind(envelope, path, path_len, &raw mut kind));
        if sound(ohp_envelope_text(envelope, path, path_len, &raw mut id)) == ohp_status::OHP_OK {
            ohp_fuzz::abi::read_text(id);
        }
        sound(ohp_envelope_integer(envelope, path, path_len, &raw mut integer));
        sound(ohp_envelope_number(envelope, path, path_len, &raw mut number));
        sound(ohp_envelope_bool(envelope, path, path_len, &raw mut boolean));
        sound(ohp_envelope_time(envelope, path, path_len, &raw mut time));
        sound(ohp_envelope_count(envelope, path, path_len, &raw mut len));
        if sound(ohp_envelope_key(envelope, path, path_len, index.into(), &raw mut id)) == ohp_status::OHP_OK {
            assert!(usize::from(index) < len);
        }
        let pretty = u32::from(index & 1);
        let (at, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        sound(ohp_envelope_json(
            envelope,
            path,
            path_len,
            pretty,
            at,
            room,
            &raw mut len,
        ));
    }
}

fn text() -> ohp_str {
    ohp_str {
        data: std::ptr::null(),
        len: 0,
    }
}

fn write_seeds(seeds: &mut Seeds) {
    for (nth, cbor) in seeds::envelopes().iter().enumerate() {
        let path = [
            "issuer.did",
            "/caller/consent/0/scope",
            "intent",
            "signatures.0.alg",
            "control.verb",
            "intent.current.confidence",
        ];
        let mut control = [0; CONTROL];
        control[..4].copy_from_slice(&[100, 0, 16, nth as u8]);
        let path = path[nth % path.len()].as_bytes();
        control[4..4 + path.len()].copy_from_slice(path);
        seeds.add_with(&control, cbor);
    }
}
