//! Transparency logs: signed notes, checkpoints, verifier keys and Merkle proofs. What our key has signed verifies and is
//! written as it was read; changed in any byte, or for another leaf, place or tree, it does not.

#![no_main]

use ohp::crypto::ed25519::SigningKey;
use ohp::trust::transparency::checkpoint::Checkpoint;
use ohp::trust::transparency::merkle::{self, Hash};
use ohp::trust::transparency::note::{self, VerifierKey};
use ohp::trust::transparency::rekor;
use ohp_fuzz::abi::exact;
use ohp_fuzz::{Seeds, Take, target, without_heap};

const NAME: &str = "log.example.org/handoffs";

target!(seeds: write_seeds, |data| {
    let mut take = Take::new(data);
    let (size, index, other, at, flip) = (take.u8(), take.u8(), take.u16(), take.u16(), 1 << (take.u8() & 7));
    tree(u64::from(size % 65) + 1, u64::from(index), other);
    let text = exact(take.rest());
    let Ok(text) = std::str::from_utf8(&text) else { return };
    if let Ok(anchored) = rekor::answer(text.as_bytes(), &[0; 32]) {
        assert!(anchored.body.is_some() && anchored.to_json().starts_with(r#"{"index":"#));
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        let written = checkpoint.to_string();
        assert_eq!(Checkpoint::parse(&written), Ok(checkpoint));
        assert!(text.starts_with(&written), "{text}");
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    let key = SigningKey::from_seed([5; 32]);
    let known = VerifierKey::new(NAME, key.public()).expect("a name");
    let verify = |note: &str| without_heap(|| note::verify(note, [known].into_iter()).map(str::len));
    assert!(verify(text).is_err(), "signed by nobody");
    let mut signed = String::new();
    if note::sign(text, NAME, &key, &mut signed).is_err() {
        return;
    }
    match verify(&signed) {
        Ok(len) => assert_eq!(&signed[..len], text),
        // Longer than a note may be.
        Err(error) => return assert!(!error.to_string().is_empty() && signed.len() > note::NOTE_MAX),
    }
    let mut bytes = signed.into_bytes();
    let at = usize::from(at) % bytes.len();
    bytes[at] ^= flip;
    if let Ok(changed) = String::from_utf8(bytes) {
        assert!(verify(&changed).is_err(), "{changed}");
    }
});

fn leaf(number: u64) -> Hash {
    merkle::leaf_hash(&[&number.to_be_bytes()])
}

/// RFC 9162, section 2.1.1, of the leaves `from..to`.
fn root(from: u64, to: u64) -> Hash {
    if to - from == 1 {
        return leaf(from);
    }
    let middle = from + split(to - from);
    merkle::node_hash(&root(from, middle), &root(middle, to))
}

/// The largest power of two below `count`.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Section 2.1.3.1: the path of the leaf `index` of the leaves `from..to`, lowest node first.
fn path(index: u64, from: u64, to: u64) -> Vec<Hash> {
    if to - from == 1 {
        return Vec::new();
    }
    let middle = from + split(to - from);
    let (mut path, sibling) = if index < middle {
        (path(index, from, middle), root(middle, to))
    } else {
        (path(index, middle, to), root(from, middle))
    };
    path.push(sibling);
    path
}

/// Section 2.1.4.1: what shows that the leaves `from..to` begin with those up to `earlier`.
fn continuation(earlier: u64, from: u64, to: u64, is_whole: bool) -> Vec<Hash> {
    if earlier == to {
        return if is_whole { Vec::new() } else { vec![root(from, to)] };
    }
    let middle = from + split(to - from);
    let (mut proof, node) = if earlier <= middle {
        (continuation(earlier, from, middle, is_whole), root(middle, to))
    } else {
        (continuation(earlier, middle, to, false), root(from, middle))
    };
    proof.push(node);
    proof
}

fn tree(size: u64, index: u64, other: u16) {
    let index = index % size;
    let (proof, top) = (path(index, 0, size), root(0, size));
    assert_eq!(
        merkle::verify_inclusion(&leaf(index), index, size, &proof, &top),
        Ok(())
    );
    assert!(merkle::verify_inclusion(&leaf(index + 1), index, size, &proof, &top).is_err());
    assert!(merkle::verify_inclusion(&leaf(index), index ^ 1, size, &proof, &top).is_err());
    if !proof.is_empty() {
        let mut changed = proof.clone();
        let node = usize::from(other) % changed.len();
        changed[node][usize::from(other >> 8) % 32] ^= 1;
        assert!(merkle::verify_inclusion(&leaf(index), index, size, &changed, &top).is_err());
        assert!(merkle::verify_inclusion(&leaf(index), index, size, &proof[1..], &top).is_err());
    }
    let earlier = index + 1;
    let (old, proof) = (root(0, earlier), continuation(earlier, 0, size, true));
    assert_eq!(
        merkle::verify_consistency((earlier, &old), (size, &top), &proof),
        Ok(())
    );
    if earlier < size {
        assert!(merkle::verify_consistency((earlier, &top), (size, &top), &proof).is_err());
        assert!(merkle::verify_consistency((size, &top), (earlier, &old), &proof).is_err());
    }
    // A place in any tree, with a proof of no node.
    let far = u64::from(other) << 48;
    let _ = merkle::verify_inclusion(&top, far, u64::MAX, &proof, &top).is_ok();
}

fn write_seeds(seeds: &mut Seeds) {
    let checkpoint = Checkpoint {
        origin: NAME,
        size: 3,
        root: root(0, 3),
    };
    // A key that the target does not know: nothing that comes in is signed.
    let key = SigningKey::from_seed([6; 32]);
    let mut note = String::new();
    note::sign(&checkpoint.to_string(), NAME, &key, &mut note).expect("a note");
    let verifier = VerifierKey::new(NAME, key.public()).expect("a name").to_string();
    for text in [
        &*checkpoint.to_string(),
        &note,
        &verifier,
        "a\n\nb\n",
        "log\n18446744073709551615\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n",
        REKOR,
    ] {
        seeds.add_with(&[65, 3, 1, 0, 7, 0, 1], text);
        seeds.add_with(&[7, 6, 0, 9, 99, 0, 5], text);
    }
}

/// What a log of Rekor's kind answers about the hash of 32 zeros; its body is
/// `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"AA…A="}}}}`.
const REKOR: &str = r#"{"canonicalizedBody":"eyJhcGlWZXJzaW9uIjoiMC4wLjIiLCJraW5kIjoiaGFzaGVkcmVrb3JkIiwic3BlYyI6eyJoYXNoZWRSZWtvcmRWMDAyIjp7ImRhdGEiOnsiYWxnb3JpdGhtIjoiU0hBMl8yNTYiLCJkaWdlc3QiOiJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPSJ9fX19","inclusionProof":{"logIndex":"1","treeSize":"3","hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"checkpoint":{"envelope":"log\n3\n"}}}"#;
